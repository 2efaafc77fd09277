//! Reading along: everything that became durable, in order, from any place, through restarts.
//!
//! A consumer keeps its [`Cursor`] with its own state, in one transaction, and goes on from there after a restart:
//! each position and message is then given exactly once. Nothing is dropped for a consumer that is slow: it reads from
//! the segment files. Only retention can leave it behind, and [`Follower::skipped`] says by how much.

use super::error::{LogError, Refused};
use super::limits::FOLLOW_BYTES;
use super::log::PositionLog;
use super::record::{DeviceId, Record};
use super::recover::{OPEN, SEALED, stem};
use super::segment::{Entry, HEADER_BYTES, SEAL_BYTES, walk};
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A place in the log. The default is the beginning. Cursors of one log are ordered as its bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// First sequence of the segment.
    pub segment: u64,
    /// Bytes of the segment before the place.
    pub offset: u64,
    /// Sequence of the last position before the place.
    pub seq: u64,
}

/// Something that became durable.
#[derive(Clone, Copy, Debug)]
pub enum Durable<'a> {
    /// A position.
    Position {
        /// Its sequence in the log, without gaps.
        seq: u64,
        /// The position.
        record: &'a Record,
    },
    /// A message that is no position.
    Message {
        /// Whose.
        device: DeviceId,
        /// When it came, UTC milliseconds of the business clock.
        received_ms: i64,
        /// Header and body as they came, for [`crate::jt808::Header::read`]; parts of split messages each alone, for
        /// [`crate::jt808::Assembly`].
        content: &'a [u8],
    },
}

/// Reads a log from a cursor on; see [`PositionLog::follow`].
#[derive(Debug)]
pub struct Follower {
    log: PositionLog,
    cursor: Cursor,
    record: Record,
    skipped: u64,
}

impl PositionLog {
    /// Follows the log from a cursor on: `Cursor::default()` for all that it holds, [`PositionLog::end`] for what
    /// is still to come. Any number of followers may read at once; none holds up the writer.
    #[must_use]
    pub fn follow(&self, from: Cursor) -> Follower {
        Follower { log: self.clone(), cursor: from, record: Record::default(), skipped: 0 }
    }

    /// Where the durable log ends now.
    #[must_use]
    pub fn end(&self) -> Cursor {
        self.shared.lock().end
    }
}

impl Follower {
    /// The place up to which everything was given. Keep it with what was made of that.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Positions that retention removed before they were read.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The log that is followed, for the names of devices.
    #[must_use]
    pub fn log(&self) -> &PositionLog {
        &self.log
    }

    /// Gives what became durable since, about a quarter of a megabyte at most, and moves the cursor past it; 0 if
    /// there is nothing new. Does not block on the writer.
    ///
    /// # Errors
    /// [`LogError::Io`] or [`LogError::Damaged`]; nothing was given then, and the cursor stands where it stood.
    pub fn read(&mut self, mut each: impl FnMut(Durable<'_>)) -> Result<usize, LogError> {
        loop {
            let end = self.log.end();
            if self.cursor >= end {
                return Ok(0);
            }
            let (name, until) = if self.cursor.segment == end.segment {
                (format!("{}{OPEN}", stem(end.segment)), end.offset)
            } else {
                match self.sealed_segment() {
                    Some(name) => {
                        let length = self.log.shared.disk.length(&name);
                        let length = length.map_err(LogError::io(format!("reading {name}")))?;
                        (name, length.saturating_sub(SEAL_BYTES as u64))
                    }
                    None => {
                        self.begin(end.segment);
                        continue;
                    }
                }
            };
            self.cursor.offset = self.cursor.offset.max(HEADER_BYTES as u64);
            if self.cursor.offset >= until {
                if self.cursor.segment == end.segment {
                    return Ok(0);
                }
                self.begin_after();
                continue;
            }
            let given = self.read_part(&name, until, &mut each)?;
            // 0: nothing for the consumer in it, such as names of devices.
            if given > 0 {
                return Ok(given);
            }
        }
    }

    /// Ready once there is something to read; an error once nothing can come any more.
    pub fn poll_more(&self, cx: &Context<'_>) -> Poll<Result<(), Refused>> {
        let mut pending = self.log.shared.lock();
        if pending.end > self.cursor {
            return Poll::Ready(Ok(()));
        }
        if pending.failed {
            return Poll::Ready(Err(Refused::Failed));
        }
        let next = self.log.shared.durable.load(std::sync::atomic::Ordering::Acquire) + 1;
        pending.durable_wakers.push((next, cx.waker().clone()));
        Poll::Pending
    }

    /// Waits until there is something to read. Any runtime will do.
    ///
    /// # Errors
    /// [`Refused::Failed`] if the log failed and all that is durable has been read.
    pub async fn more(&self) -> Result<(), Refused> {
        poll_fn(|cx| self.poll_more(cx)).await
    }

    /// Blocks until there is something to read, or the time is up: whether there is.
    ///
    /// # Errors
    /// As [`Follower::more`].
    pub fn wait(&self, at_most: Duration) -> Result<bool, Refused> {
        let until = Instant::now() + at_most;
        let mut pending = self.log.shared.lock();
        loop {
            if pending.end > self.cursor {
                return Ok(true);
            }
            if pending.failed {
                return Err(Refused::Failed);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let woken = self.log.shared.done.wait_timeout(pending, left);
            pending = woken.expect("no holder of the pending lock panics").0;
        }
    }

    /// The file of the cursor's segment if it is sealed, or of the first one after it; the cursor moves there.
    fn sealed_segment(&mut self) -> Option<String> {
        let first = {
            let catalog = self.log.shared.catalog.read().expect("readers do not panic");
            let at = catalog.sealed.partition_point(|s| s.fact.first_seq < self.cursor.segment);
            catalog.sealed.get(at).map(|s| s.fact.first_seq)?
        };
        if first != self.cursor.segment {
            self.begin(first);
        }
        Some(format!("{}{SEALED}", stem(first)))
    }

    fn begin(&mut self, segment: u64) {
        // Where the log itself begins later than the cursor, retention was there first.
        self.skipped += segment.saturating_sub(self.cursor.seq + 1);
        self.cursor = Cursor { segment, offset: 0, seq: segment.saturating_sub(1) };
    }

    /// Moves to the segment after the cursor's, which was read to its end.
    fn begin_after(&mut self) {
        self.begin(self.cursor.seq + 1);
    }

    fn read_part(
        &mut self,
        name: &str,
        until: u64,
        each: &mut impl FnMut(Durable<'_>),
    ) -> Result<usize, LogError> {
        let length = (until - self.cursor.offset).min(FOLLOW_BYTES as u64) as usize;
        let disk = &self.log.shared.disk;
        let bytes = match disk.read_at(name, self.cursor.offset, length) {
            // It was sealed, and got its other name, since its end was asked for.
            Err(err) if err.kind() == ErrorKind::NotFound && name.ends_with(OPEN) => {
                disk.read_at(&format!("{}{SEALED}", stem(self.cursor.segment)), self.cursor.offset, length)
            }
            other => other,
        };
        let bytes = bytes.map_err(LogError::io(format!("reading {name}")))?;
        let (mut seq, mut given) = (self.cursor.seq, 0);
        let (end, _) = walk(&bytes, 0, &mut self.record, |entry| match entry {
            Entry::Position(record) => {
                (seq, given) = (seq + 1, given + 1);
                each(Durable::Position { seq, record });
            }
            Entry::Message(device, received_ms, content) => {
                given += 1;
                each(Durable::Message { device, received_ms, content });
            }
            Entry::Device(..) => {}
        });
        if end == 0 {
            return Err(LogError::Damaged {
                segment: name.to_owned(),
                offset: self.cursor.offset,
                what: "a record that was durable does not match its checksum",
            });
        }
        self.cursor.offset += end as u64;
        self.cursor.seq = seq;
        Ok(given)
    }
}
