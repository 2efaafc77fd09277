//! The log as its users hold it: append, wait, names of devices.

use super::disk::Disk;
use super::error::{LogError, Refused};
use super::follow::Cursor;
use super::limits;
use super::record::{DeviceId, Record, encode_framed};
use super::recover;
use super::runs::{Directory, RunTable};
use super::segment::{MARK_BYTES, put_device, put_message};
use super::writer::{self, Writer};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A wall clock in UTC milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a log behaves.
#[derive(Clone)]
pub struct Settings {
    /// Bytes of a segment before it is sealed.
    pub segment_bytes: u64,
    /// Age of a segment before it is sealed, milliseconds.
    pub segment_age_ms: i64,
    /// Bytes that may wait for the writer.
    pub pending_bytes_max: usize,
    /// Free bytes below which nothing is appended.
    pub free_bytes_floor: u64,
    /// Pause between tries while the disk is full.
    pub retry: Duration,
    /// How long, under load, the writer lets a commit gather companions before it writes; zero writes at once.
    pub gather: Duration,
    /// The wall clock.
    pub clock: Clock,
}

impl Settings {
    /// The settings of a running gateway.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            segment_bytes: limits::SEGMENT_BYTES,
            segment_age_ms: 24 * 3_600_000,
            pending_bytes_max: limits::PENDING_BYTES_MAX,
            free_bytes_floor: limits::FREE_BYTES_FLOOR,
            retry: Duration::from_millis(500),
            gather: Duration::from_micros(500),
            clock,
        }
    }

    /// Small bounds and a clock that stands still.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            segment_bytes: 1 << 20,
            free_bytes_floor: 0,
            retry: Duration::from_millis(2),
            ..Self::new(Arc::new(|| 1_795_000_000_000))
        }
    }
}

/// Encoded positions on their way to the log: what one link read in one go.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u32,
}

impl Chunk {
    /// Adds a position; items beyond [`limits::ITEMS_BYTES_MAX`] must have been cut by the caller.
    pub fn push(&mut self, record: &Record) {
        debug_assert!(record.items.len() <= limits::ITEMS_BYTES_MAX);
        encode_framed(record, &mut self.bytes);
        self.count += 1;
    }

    /// Adds a message that is no position, raw: header and body without checksum, at most
    /// [`limits::MESSAGE_BYTES_MAX`] bytes.
    pub fn push_message(&mut self, device: DeviceId, received_ms: i64, content: &[u8]) {
        put_message(&mut self.bytes, device, received_ms, content);
    }

    /// Positions in it.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Empties it, keeping its buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}

/// The append that must be durable before an acknowledgement may go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// The fact that a segment is closed for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionsSealed {
    /// File name of the segment.
    pub segment: String,
    /// Sequence of its first position.
    pub first_seq: u64,
    /// Positions in it; the last sequence is `first_seq + count - 1`.
    pub count: u64,
    /// Earliest time of a position in it, UTC milliseconds.
    pub first_time_ms: i64,
    /// Latest time of a position in it, UTC milliseconds.
    pub last_time_ms: i64,
    /// SHA-256 of its bytes before the seal, lower-case hex.
    pub hash: String,
    /// Hash of the segment before it, or zeros.
    pub previous_hash: String,
}

/// Who is told of what became durable. Called on the writer's thread: it must be quick and must not block.
pub trait Sink: Send {
    /// A position has become durable and visible to queries.
    fn committed(&mut self, seq: u64, record: &Record) {
        let _ = (seq, record);
    }

    /// A message that is no position has become durable: header and body of the frame as it came.
    fn message(&mut self, device: DeviceId, received_ms: i64, content: &[u8]) {
        let _ = (device, received_ms, content);
    }

    /// A commit ended: all positions up to `seq` have been given.
    fn committed_all(&mut self, seq: u64) {
        let _ = seq;
    }

    /// A segment was sealed. Given again after a crash between sealing and the answer: equal facts are the same fact.
    fn sealed(&mut self, fact: &PositionsSealed) {
        let _ = fact;
    }
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl Sink for NoSink {}

/// Counters of a log, monotonic since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Sequence of the last durable position.
    pub durable_seq: u64,
    /// Group commits.
    pub commits: u64,
    /// Positions committed.
    pub positions: u64,
    /// Bytes written to segments.
    pub bytes: u64,
    /// Appends refused because too much waited.
    pub refused_full: u64,
    /// Times that the disk was found full or below its floor.
    pub disk_full: u64,
    /// Segments sealed.
    pub sealed: u64,
    /// Bytes of a torn tail that opening cut.
    pub torn_bytes: u64,
}

/// Names and indices of devices.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    by_id: HashMap<Arc<str>, DeviceId>,
    ids: Vec<Arc<str>>,
}

impl Dictionary {
    /// Takes an entry that a segment holds; `false` if it contradicts what is known.
    pub(crate) fn restore(&mut self, device: DeviceId, id: &str) -> bool {
        let index = device.0 as usize;
        if let Some(known) = self.ids.get(index) {
            return &**known == id;
        }
        if index != self.ids.len() {
            return false;
        }
        let id: Arc<str> = Arc::from(id);
        self.ids.push(Arc::clone(&id));
        self.by_id.insert(id, device);
        true
    }

    pub(crate) fn ids(&self) -> &[Arc<str>] {
        &self.ids
    }

    pub(crate) fn find(&self, id: &str) -> Option<DeviceId> {
        self.by_id.get(id).copied()
    }
}

/// What waits for the writer.
pub(crate) struct Pending {
    /// Starts with room for a mark.
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u64,
    /// Sequence of the last position appended.
    pub(crate) last_seq: u64,
    /// Appends so far.
    pub(crate) appends: u64,
    /// Where what is durable ends.
    pub(crate) end: Cursor,
    pub(crate) durable_wakers: Vec<(u64, Waker)>,
    pub(crate) space_wakers: Vec<Waker>,
    pub(crate) closing: bool,
    pub(crate) failed: bool,
    pub(crate) seal_asked: bool,
    pub(crate) statistics: Statistics,
}

impl Pending {
    /// Whether the writer has something to do.
    pub(crate) fn has_work(&self) -> bool {
        self.bytes.len() > MARK_BYTES || self.closing || self.seal_asked
    }
}

/// A sealed segment and where its runs are.
pub(crate) struct Sealed {
    pub(crate) fact: PositionsSealed,
    pub(crate) created_ms: i64,
    pub(crate) runs: Runs,
}

/// The runs of a sealed segment: still in memory, or in their file.
#[derive(Clone)]
pub(crate) enum Runs {
    Memory(Arc<RunTable>),
    File(Arc<Directory>),
}

/// Everything that a query looks through, oldest first.
#[derive(Default)]
pub(crate) struct Catalog {
    pub(crate) sealed: Vec<Arc<Sealed>>,
    pub(crate) active: RunTable,
    /// When the open segment was made: the one before it was sealed then.
    pub(crate) active_created_ms: i64,
}

pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) settings: Settings,
    pub(crate) pending: Mutex<Pending>,
    pub(crate) work: Condvar,
    pub(crate) done: Condvar,
    /// Appends that are durable.
    pub(crate) durable: AtomicU64,
    pub(crate) durable_seq: AtomicU64,
    pub(crate) dictionary: RwLock<Dictionary>,
    pub(crate) catalog: RwLock<Catalog>,
}

impl Shared {
    fn new(
        disk: Arc<dyn Disk>,
        settings: Settings,
        dictionary: Dictionary,
        catalog: Catalog,
        end: Cursor,
    ) -> Self {
        Self {
            disk,
            settings,
            pending: Mutex::new(Pending {
                bytes: vec![0; MARK_BYTES],
                count: 0,
                last_seq: end.seq,
                appends: 0,
                end,
                durable_wakers: Vec::new(),
                space_wakers: Vec::new(),
                closing: false,
                failed: false,
                seal_asked: false,
                statistics: Statistics::default(),
            }),
            work: Condvar::new(),
            done: Condvar::new(),
            durable: AtomicU64::new(0),
            durable_seq: AtomicU64::new(end.seq),
            dictionary: RwLock::new(dictionary),
            catalog: RwLock::new(catalog),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().expect("no holder of the pending lock panics")
    }
}

impl std::fmt::Debug for PositionLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PositionLog").field("end", &self.end()).finish_non_exhaustive()
    }
}

/// A durable log of positions; clones share it. The last clone to go closes it.
#[derive(Clone)]
pub struct PositionLog {
    pub(crate) shared: Arc<Shared>,
    _writer: Option<Arc<writer::Handle>>,
}

impl PositionLog {
    /// Opens the log in a folder, repairing a torn tail and finishing what a crash interrupted.
    ///
    /// # Errors
    /// [`LogError::Io`] from the disk, [`LogError::Damaged`] where durable bytes are not what was written.
    pub fn open(
        disk: impl Disk + 'static,
        settings: Settings,
        sink: impl Sink + 'static,
    ) -> Result<Self, LogError> {
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let opened = recover::recover(&*disk, &settings)?;
        let facts: Vec<_> = opened.catalog.sealed.iter().map(|s| s.fact.clone()).collect();
        let segment = &opened.segment;
        let end = Cursor { segment: segment.header.first_seq, offset: segment.length, seq: opened.last_seq };
        let shared = Arc::new(Shared::new(disk, settings, opened.dictionary, opened.catalog, end));
        shared.lock().statistics.torn_bytes = opened.torn_bytes;
        let mut sink: Box<dyn Sink> = Box::new(sink);
        facts.iter().for_each(|fact| sink.sealed(fact));
        let handle = Writer::start(Arc::clone(&shared), opened.segment, sink)?;
        Ok(Self { shared, _writer: Some(Arc::new(handle)) })
    }

    /// Opens the log for queries only, changing nothing on the disk; another process may be writing it. What that
    /// process appends later is not seen.
    ///
    /// # Errors
    /// As [`PositionLog::open`].
    pub fn open_for_reading(disk: impl Disk + 'static, settings: Settings) -> Result<Self, LogError> {
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let opened = recover::look(&*disk)?;
        let end = Cursor { segment: opened.end.0, offset: opened.end.1, seq: opened.last_seq };
        let shared = Shared::new(disk, settings, opened.dictionary, opened.catalog, end);
        shared.lock().closing = true;
        Ok(Self { shared: Arc::new(shared), _writer: None })
    }

    /// The index of a device, adding it to the dictionary if it is new. Quick when known.
    ///
    /// # Errors
    /// [`Refused::Device`] if the identifier is empty, too long, or the dictionary is full.
    pub fn device(&self, id: &str) -> Result<DeviceId, Refused> {
        if let Some(known) = self.shared.dictionary.read().expect("readers do not panic").find(id) {
            return Ok(known);
        }
        if id.is_empty() || id.len() > limits::DEVICE_ID_BYTES_MAX {
            return Err(Refused::Device);
        }
        let mut dictionary = self.shared.dictionary.write().expect("writers do not panic");
        if let Some(known) = dictionary.find(id) {
            return Ok(known);
        }
        if dictionary.ids.len() >= limits::DEVICES_MAX {
            return Err(Refused::Device);
        }
        let device = DeviceId(dictionary.ids.len() as u32);
        // The entry goes ahead of every position that can name the device, as the name is not yet known to anybody.
        let mut pending = self.shared.lock();
        if pending.failed {
            return Err(Refused::Failed);
        }
        put_device(&mut pending.bytes, device, id);
        drop(pending);
        self.shared.work.notify_one();
        dictionary.restore(device, id);
        Ok(device)
    }

    /// The index of a device that was seen before.
    #[must_use]
    pub fn known_device(&self, id: &str) -> Option<DeviceId> {
        self.shared.dictionary.read().expect("readers do not panic").find(id)
    }

    /// The identifier of a device.
    #[must_use]
    pub fn device_id(&self, device: DeviceId) -> Option<Arc<str>> {
        self.shared.dictionary.read().expect("readers do not panic").ids.get(device.0 as usize).cloned()
    }

    /// Identifiers of all devices ever seen, in the order of their indices.
    #[must_use]
    pub fn devices(&self) -> Vec<Arc<str>> {
        self.shared.dictionary.read().expect("readers do not panic").ids.clone()
    }

    /// Hands a chunk to the writer. The ticket is durable only when [`PositionLog::wait`] says so. Allocates nothing
    /// once the buffers have grown.
    ///
    /// # Errors
    /// [`Refused::Full`] when too much waits: keep the chunk, stop reading, await [`PositionLog::poll_space`].
    pub fn append(&self, chunk: &Chunk) -> Result<Ticket, Refused> {
        if chunk.bytes.len() > limits::CHUNK_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let mut pending = self.shared.lock();
        if pending.failed {
            return Err(Refused::Failed);
        }
        if pending.closing {
            return Err(Refused::Closed);
        }
        if pending.bytes.len() + chunk.bytes.len() > self.shared.settings.pending_bytes_max {
            pending.statistics.refused_full += 1;
            return Err(Refused::Full);
        }
        let idle = pending.bytes.len() <= MARK_BYTES;
        pending.bytes.extend_from_slice(&chunk.bytes);
        pending.count += u64::from(chunk.count);
        pending.last_seq += u64::from(chunk.count);
        pending.appends += 1;
        let ticket = Ticket(pending.appends);
        drop(pending);
        if idle {
            self.shared.work.notify_one();
        }
        Ok(ticket)
    }

    /// The ticket of the last append: durable when everything so far is.
    #[must_use]
    pub fn last_ticket(&self) -> Ticket {
        Ticket(self.shared.lock().appends)
    }

    /// Sequence of the last position handed over, durable or not.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.shared.lock().last_seq
    }

    /// Whether everything up to the ticket is durable.
    #[must_use]
    pub fn is_durable(&self, ticket: Ticket) -> bool {
        self.shared.durable.load(Ordering::Acquire) >= ticket.0
    }

    /// Ready once everything up to the ticket is durable.
    pub fn poll_durable(&self, ticket: Ticket, cx: &Context<'_>) -> Poll<Result<(), Refused>> {
        if self.is_durable(ticket) {
            return Poll::Ready(Ok(()));
        }
        let mut pending = self.shared.lock();
        if self.is_durable(ticket) {
            return Poll::Ready(Ok(()));
        }
        if pending.failed {
            return Poll::Ready(Err(Refused::Failed));
        }
        pending.durable_wakers.push((ticket.0, cx.waker().clone()));
        Poll::Pending
    }

    /// Ready once a chunk of `bytes` may be taken.
    pub fn poll_space(&self, bytes: usize, cx: &Context<'_>) -> Poll<Result<(), Refused>> {
        let mut pending = self.shared.lock();
        if pending.failed {
            return Poll::Ready(Err(Refused::Failed));
        }
        if pending.closing {
            return Poll::Ready(Err(Refused::Closed));
        }
        if pending.bytes.len() + bytes <= self.shared.settings.pending_bytes_max {
            return Poll::Ready(Ok(()));
        }
        pending.space_wakers.push(cx.waker().clone());
        Poll::Pending
    }

    /// Blocks until everything up to the ticket is durable.
    ///
    /// # Errors
    /// [`Refused::Failed`] if a write or sync failed before that, [`Refused::Closed`] if the log closed before it.
    pub fn wait(&self, ticket: Ticket) -> Result<(), Refused> {
        let mut pending = self.shared.lock();
        loop {
            if self.is_durable(ticket) {
                return Ok(());
            }
            if pending.failed {
                return Err(Refused::Failed);
            }
            pending = self.shared.done.wait(pending).expect("no holder of the pending lock panics");
        }
    }

    /// Seals the open segment after the commits that wait, if anything is in it; returns at once.
    pub fn seal_soon(&self) {
        self.shared.lock().seal_asked = true;
        self.shared.work.notify_one();
    }

    /// Facts of all sealed segments, oldest first.
    #[must_use]
    pub fn sealed(&self) -> Vec<PositionsSealed> {
        let catalog = self.shared.catalog.read().expect("readers do not panic");
        catalog.sealed.iter().map(|s| s.fact.clone()).collect()
    }

    /// Whether a write or sync failed, so that the process must end.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.shared.lock().failed
    }

    /// Counters.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let pending = self.shared.lock();
        Statistics { durable_seq: self.shared.durable_seq.load(Ordering::Acquire), ..pending.statistics }
    }

    /// Bytes that wait for the writer.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.shared.lock().bytes.len().saturating_sub(MARK_BYTES)
    }
}
