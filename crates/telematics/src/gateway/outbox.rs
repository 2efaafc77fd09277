//! What waits for one upper platform: the positions of its vehicles, read from the log itself, and a small file that
//! says how far the platform has them. Nothing is stored twice, and a restart forgets nothing.

use super::Clocks;
use super::config::PlatformVehicle;
use super::limits::OUTBOX_AHEAD_MAX;
use crate::jt809::{Outbox, OutboxEntry};
use crate::position::TerminalKey;
use crate::segments::{Cursor, DeviceId, Durable, Follower, LogError, PositionLog};
use crate::session::stored::position_of;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Why an outbox cannot be used.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// Its file cannot be read or written.
    #[error("T364 {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How far the platform has what it should have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// Number of the last settled entry.
    number: u64,
    /// Its sequence in the log.
    seq: u64,
    /// Where to go on reading; entries up to `seq` are passed over.
    cursor: Cursor,
}

struct Waiting {
    entry: OutboxEntry,
    seq: u64,
    cursor: Cursor,
}

/// The outbox of one upper platform.
pub(super) struct LogOutbox {
    path: PathBuf,
    follower: Follower,
    vehicles: BTreeMap<String, PlatformVehicle>,
    /// Plate and colour by device; nothing for vehicles of others.
    known: HashMap<DeviceId, Option<PlatformVehicle>>,
    /// Read and not settled.
    waiting: VecDeque<Waiting>,
    next_number: u64,
    mark: Mark,
    clocks: Clocks,
    /// The first sequence that is still to be read, for retention.
    held: Arc<AtomicU64>,
}

impl LogOutbox {
    /// Opens the outbox of a platform; a new one begins with what is reported from now on.
    pub(super) fn open(
        path: &Path,
        vehicles: &BTreeMap<String, PlatformVehicle>,
        log: &PositionLog,
        clocks: Clocks,
        held: Arc<AtomicU64>,
    ) -> Result<Self, OutboxError> {
        let fail = |source| OutboxError::File { path: path.to_owned(), source };
        let mark = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|err| fail(err.into()))?,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                let end = log.end();
                let mark = Mark { number: 0, seq: end.seq, cursor: end };
                write_mark(path, &mark).map_err(fail)?;
                mark
            }
            Err(err) => return Err(fail(err)),
        };
        held.store(mark.seq + 1, Ordering::Release);
        Ok(Self {
            path: path.to_owned(),
            follower: log.follow(mark.cursor),
            vehicles: vehicles.clone(),
            known: HashMap::new(),
            waiting: VecDeque::new(),
            next_number: mark.number + 1,
            mark,
            clocks,
            held,
        })
    }

    /// Waits until the log has something that was not read yet.
    pub(super) fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Number of the last entry that was read from the log.
    pub(super) fn last_read(&self) -> u64 {
        self.next_number - 1
    }

    /// Whether so much is read ahead that more would only cost memory.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= OUTBOX_AHEAD_MAX
    }

    /// Reads on in the log.
    fn read_on(&mut self) -> Result<usize, LogError> {
        let Self { follower, vehicles, known, waiting, next_number, mark, clocks, .. } = self;
        let cursor = follower.cursor();
        let log = follower.log().clone();
        let (wall_ms, business_ms) = ((clocks.wall)(), (clocks.business)());
        follower.read(|durable| {
            let Durable::Position { seq, record } = durable else { return };
            if seq <= mark.seq || !record.usable() {
                return;
            }
            let vehicle = known.entry(record.device).or_insert_with(|| {
                log.device_id(record.device).and_then(|name| vehicles.get(&*name).cloned())
            });
            let Some(vehicle) = vehicle else { return };
            let entry = OutboxEntry {
                number: *next_number,
                plate: vehicle.plate.clone(),
                colour: vehicle.colour,
                // How long it has waited by the business clock, told by the wall clock of the links.
                queued_ms: wall_ms.saturating_sub(business_ms.saturating_sub(record.received_ms)),
                position: position_of(record, TerminalKey::verbatim(&vehicle.plate)),
            };
            *next_number += 1;
            waiting.push_back(Waiting { entry, seq, cursor });
        })
    }
}

impl Outbox for LogOutbox {
    type Error = OutboxError;

    fn after(&mut self, after: u64, most: usize) -> Result<Vec<OutboxEntry>, Self::Error> {
        while self.next_number <= after.saturating_add(most as u64) && !self.is_full() {
            if self.read_on()? == 0 {
                break;
            }
        }
        let skip = self.waiting.partition_point(|w| w.entry.number <= after);
        Ok(self.waiting.iter().skip(skip).take(most).map(|w| w.entry.clone()).collect())
    }

    fn settled(&self) -> u64 {
        self.mark.number
    }

    fn settle(&mut self, number: u64) -> Result<(), Self::Error> {
        let count = self.waiting.partition_point(|w| w.entry.number <= number);
        let mark = match count.checked_sub(1).and_then(|last| self.waiting.get(last)) {
            Some(last) => Mark { number: last.entry.number, seq: last.seq, cursor: last.cursor },
            // Nothing of ours is on the way: what was passed over need not be read again.
            None if self.waiting.is_empty() && self.follower.cursor() != self.mark.cursor => {
                let cursor = self.follower.cursor();
                Mark { number: self.mark.number, seq: cursor.seq, cursor }
            }
            None => return Ok(()),
        };
        write_mark(&self.path, &mark)
            .map_err(|source| OutboxError::File { path: self.path.clone(), source })?;
        self.waiting.drain(..count);
        self.mark = mark;
        self.held.store(mark.seq + 1, Ordering::Release);
        Ok(())
    }
}

fn write_mark(path: &Path, mark: &Mark) -> io::Result<()> {
    use io::Write as _;
    let half = path.with_extension("half");
    let mut file = File::create(&half)?;
    file.write_all(&serde_json::to_vec(mark)?)?;
    file.sync_all()?;
    std::fs::rename(&half, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Flags;
    use crate::segments::{Chunk, NoSink, Record, Settings, SimDisk};

    fn put(log: &PositionLog, name: &str, n: i64) {
        let mut chunk = Chunk::default();
        chunk.push(&Record {
            device: log.device(name).unwrap(),
            time_ms: n,
            device_time_ms: n,
            received_ms: n,
            flags: Flags::FIX,
            ..Record::default()
        });
        log.wait(log.append(&chunk).unwrap()).unwrap();
    }

    fn times(outbox: &mut LogOutbox, after: u64) -> Vec<(u64, i64)> {
        let entries = outbox.after(after, 100).unwrap();
        entries.iter().map(|e| (e.number, e.position.time_ms)).collect()
    }

    #[test]
    fn only_its_vehicles_from_now_on_and_nothing_settled_comes_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("upper.outbox");
        let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
        let clock: crate::segments::Clock = Arc::new(|| 1_000);
        let clocks = Clocks { wall: clock.clone(), business: clock };
        let vehicle = PlatformVehicle { plate: "豫D12345".to_owned(), colour: 2 };
        let vehicles = BTreeMap::from([("V1".to_owned(), vehicle)]);
        let held = Arc::new(AtomicU64::new(0));
        let open = || LogOutbox::open(&path, &vehicles, &log, clocks.clone(), Arc::clone(&held)).unwrap();
        put(&log, "V1", 1);
        let mut outbox = open();
        assert!(times(&mut outbox, 0).is_empty(), "what was before the platform is not its own");
        for n in 2..8 {
            put(&log, "V1", n);
            put(&log, "V2", n);
        }
        let all: Vec<(u64, i64)> = (2..8).map(|n| (n as u64 - 1, n)).collect();
        assert_eq!(times(&mut outbox, 0), all);
        assert_eq!(times(&mut outbox, 4), all[4..]);
        drop(outbox);
        let mut outbox = open();
        assert_eq!(times(&mut outbox, 0), all, "a restart forgets nothing");
        outbox.settle(4).unwrap();
        assert_eq!((outbox.settled(), held.load(Ordering::Acquire)), (4, 9));
        drop(outbox);
        let mut outbox = open();
        assert_eq!(outbox.settled(), 4);
        assert_eq!(times(&mut outbox, 4), all[4..], "and nothing settled comes again");
        assert_eq!(outbox.after(4, 1).unwrap()[0].plate, "豫D12345");
    }
}
