//! The one thread that writes, syncs and tells; and the one that shelves runs beside sealed segments.

use super::error::LogError;
use super::follow::Cursor;
use super::limits::FROZEN_MAX;
use super::log::{Runs, Sealed, Shared, Sink, Ticket};
use super::record::Record;
use super::recover::{HALF, OPEN, OpenSegment, RUNS, SEALED, create, fact_of};
use super::runs::{Directory, RunTable};
use super::segment::{Entry, MARK_BYTES, Seal, put_mark, walk};
use sha2::Digest as _;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Closes the log when dropped.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A panic of the writer has been reported by its own hook; waiters see `failed`.
            let _ = thread.join();
        }
    }
}

/// Positions in a commit from which the next one waits for companions.
const GATHER_FROM: u64 = 32;

/// Why the writer stopped.
enum Stop {
    /// A write or sync failed: the truth is on the disk, known to the next opening.
    Failed(LogError),
    /// Asked to close while the disk was full.
    ClosedFull,
}

pub(crate) struct Writer {
    shared: Arc<Shared>,
    segment: OpenSegment,
    sink: Box<dyn Sink>,
    shelf: mpsc::SyncSender<Arc<Sealed>>,
    record: Record,
}

/// Marks the log failed if the writer leaves in any way but the orderly one.
struct FailOnUnwind<'a>(&'a Shared, bool);

impl Drop for FailOnUnwind<'_> {
    fn drop(&mut self) {
        if self.1 {
            fail(self.0);
        }
    }
}

fn fail(shared: &Shared) {
    let mut pending = shared.lock();
    pending.failed = true;
    let wakers: Vec<_> = pending.durable_wakers.drain(..).map(|(_, w)| w).collect();
    let others = std::mem::take(&mut pending.space_wakers);
    drop(pending);
    shared.done.notify_all();
    wakers.into_iter().chain(others).for_each(std::task::Waker::wake);
}

impl Writer {
    pub(crate) fn start(
        shared: Arc<Shared>,
        segment: OpenSegment,
        sink: Box<dyn Sink>,
    ) -> Result<Handle, LogError> {
        let (shelf, shelved) = mpsc::sync_channel(FROZEN_MAX);
        for sealed in &shared.catalog.read().expect("nobody else has it yet").sealed {
            if matches!(sealed.runs, Runs::Memory(_)) {
                // More than the bound can only come from runs files that somebody removed: those stay in memory.
                let _ = shelf.try_send(Arc::clone(sealed));
            }
        }
        let shelving = Arc::clone(&shared);
        let writing = Self { shared: Arc::clone(&shared), segment, sink, shelf, record: Record::default() };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .map_err(LogError::io("starting a thread of the log"))
        };
        let writer = spawn("positions-writer", Box::new(move || writing.run()))?;
        let mut handle = Handle { shared, threads: vec![writer] };
        handle.threads.push(spawn("positions-shelf", Box::new(move || shelve(&shelving, &shelved)))?);
        Ok(handle)
    }

    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut guard = FailOnUnwind(&shared, true);
        let mut batch = vec![0; MARK_BYTES];
        let mut woken = Vec::new();
        let mut count_before = 0;
        loop {
            let mut pending = shared.lock();
            while !pending.has_work() {
                pending = shared.work.wait(pending).expect("no holder of the pending lock panics");
            }
            // Only under load: a lone report does not wait for companions.
            if count_before >= GATHER_FROM && !shared.settings.gather.is_zero() && !pending.closing {
                drop(pending);
                std::thread::sleep(shared.settings.gather);
                pending = shared.lock();
            }
            let (count, last_seq, ticket) = (pending.count, pending.last_seq, Ticket(pending.appends));
            count_before = count;
            let (closing, seal) = (pending.closing, std::mem::take(&mut pending.seal_asked));
            std::mem::swap(&mut pending.bytes, &mut batch);
            pending.bytes.truncate(MARK_BYTES);
            pending.count = 0;
            let space: Vec<_> = std::mem::take(&mut pending.space_wakers);
            drop(pending);
            space.into_iter().for_each(std::task::Waker::wake);
            if batch.len() > MARK_BYTES {
                if let Err(stop) = self.commit(&mut batch, last_seq - count) {
                    self.report(&stop);
                    return;
                }
                shared.durable_seq.store(last_seq, Ordering::Release);
                self.publish(count, batch.len(), ticket, &mut woken);
                batch.truncate(MARK_BYTES);
            } else if closing {
                break;
            }
            if let Err(stop) = self.roll_if_due(seal) {
                self.report(&stop);
                return;
            }
        }
        guard.1 = false;
        // Waiters of a closed log, if any, have nothing to wait for.
        shared.done.notify_all();
    }

    fn report(&self, stop: &Stop) {
        match stop {
            Stop::Failed(err) => eprintln!("the position log stops: {err}"),
            Stop::ClosedFull => {
                eprintln!("the position log closed while its disk was full; nothing of it was acknowledged");
            }
        }
    }

    /// Writes and syncs a batch and makes it visible to queries.
    fn commit(&mut self, batch: &mut [u8], seq_before: u64) -> Result<(), Stop> {
        put_mark(batch, self.segment.length);
        let name = format!("{}{OPEN}", self.segment.stem);
        let failed =
            |what: &str, err| Stop::Failed(LogError::Io { what: format!("{what} {name}"), source: err });
        loop {
            self.wait_for_room(batch.len() as u64)?;
            match self.segment.file.append(batch) {
                Ok(()) => break,
                Err(err) if is_full(&err) => {
                    self.segment.file.truncate(self.segment.length).map_err(|e| failed("truncating", e))?;
                    self.pause_full()?;
                }
                Err(err) => return Err(failed("writing", err)),
            }
        }
        self.segment.file.sync().map_err(|e| failed("syncing", e))?;
        self.segment.length += batch.len() as u64;
        self.segment.hash.update(&*batch);
        let mut catalog = self.shared.catalog.write().expect("readers do not panic");
        let mut seq = seq_before;
        let sink = &mut self.sink;
        walk(batch, 0, &mut self.record, |entry| match entry {
            Entry::Position(record) => {
                catalog.active.push(record);
                seq += 1;
                sink.committed(seq, record);
            }
            Entry::Message(device, received_ms, content) => sink.message(device, received_ms, content),
            Entry::Device(..) => {}
        });
        drop(catalog);
        self.sink.committed_all(seq);
        Ok(())
    }

    fn publish(&self, count: u64, bytes: usize, ticket: Ticket, woken: &mut Vec<std::task::Waker>) {
        self.shared.durable.store(ticket.0, Ordering::Release);
        let mut pending = self.shared.lock();
        pending.end = self.end();
        pending.statistics.commits += 1;
        pending.statistics.positions += count;
        pending.statistics.bytes += bytes as u64;
        let mut at = 0;
        while at < pending.durable_wakers.len() {
            if pending.durable_wakers[at].0 <= ticket.0 {
                woken.push(pending.durable_wakers.swap_remove(at).1);
            } else {
                at += 1;
            }
        }
        drop(pending);
        self.shared.done.notify_all();
        woken.drain(..).for_each(std::task::Waker::wake);
    }

    /// Where what is durable ends.
    fn end(&self) -> Cursor {
        Cursor {
            segment: self.segment.header.first_seq,
            offset: self.segment.length,
            seq: self.shared.durable_seq.load(Ordering::Acquire),
        }
    }

    fn wait_for_room(&self, bytes: u64) -> Result<(), Stop> {
        let floor = self.shared.settings.free_bytes_floor;
        while floor > 0 && self.shared.disk.free_bytes() < floor.saturating_add(bytes) {
            self.pause_full()?;
        }
        Ok(())
    }

    fn pause_full(&self) -> Result<(), Stop> {
        let mut pending = self.shared.lock();
        pending.statistics.disk_full += 1;
        if pending.closing {
            return Err(Stop::ClosedFull);
        }
        drop(pending);
        std::thread::sleep(self.shared.settings.retry);
        Ok(())
    }

    /// Seals the segment and begins the next if it is large or old enough, or if asked.
    fn roll_if_due(&mut self, asked: bool) -> Result<(), Stop> {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.settings;
        let count = self.shared.catalog.read().expect("readers do not panic").active.count;
        let age_ms = (settings.clock)().saturating_sub(self.segment.header.created_ms);
        let due = asked || self.segment.length >= settings.segment_bytes || age_ms >= settings.segment_age_ms;
        if count == 0 || !due {
            return Ok(());
        }
        let seal = self.write_seal()?;
        // Taken after the commit, so it names every device of the segments so far; later names are in later commits.
        let ids = shared.dictionary.read().expect("writers do not panic").ids().to_vec();
        let next_seq = self.segment.header.first_seq + seal.count;
        let next = loop {
            match create(&*self.shared.disk, settings, next_seq, seal.hash, &ids) {
                Ok(next) => break next,
                Err(LogError::Io { source, .. }) if is_full(&source) => self.pause_full()?,
                Err(err) => return Err(Stop::Failed(err)),
            }
        };
        let fact = fact_of(&self.segment.stem, &self.segment.header, &seal);
        let created_ms = self.segment.header.created_ms;
        self.segment = next;
        let mut catalog = self.shared.catalog.write().expect("readers do not panic");
        let table = Arc::new(std::mem::take(&mut catalog.active));
        let sealed = Arc::new(Sealed { fact: fact.clone(), created_ms, runs: Runs::Memory(table) });
        catalog.active_created_ms = self.segment.header.created_ms;
        catalog.sealed.push(Arc::clone(&sealed));
        drop(catalog);
        let end = self.end();
        let mut pending = self.shared.lock();
        pending.end = end;
        pending.statistics.sealed += 1;
        drop(pending);
        self.sink.sealed(&fact);
        // Waits while too many segments wait for their runs to be written: the bound of memory.
        let _ = self.shelf.send(sealed);
        Ok(())
    }

    fn write_seal(&mut self) -> Result<Seal, Stop> {
        let catalog = self.shared.catalog.read().expect("readers do not panic");
        let seal = Seal {
            count: catalog.active.count,
            min_time_ms: catalog.active.min_time_ms,
            max_time_ms: catalog.active.max_time_ms,
            hash: self.segment.hash.clone().finalize().into(),
        };
        drop(catalog);
        let (open, sealed) =
            (format!("{}{OPEN}", self.segment.stem), format!("{}{SEALED}", self.segment.stem));
        let failed = |err| Stop::Failed(LogError::Io { what: format!("sealing {open}"), source: err });
        loop {
            match self.segment.file.append(&seal.encode()) {
                Ok(()) => break,
                Err(err) if is_full(&err) => {
                    self.segment.file.truncate(self.segment.length).map_err(failed)?;
                    self.pause_full()?;
                }
                Err(err) => return Err(failed(err)),
            }
        }
        self.segment.file.sync().map_err(failed)?;
        self.shared.disk.rename(&open, &sealed).map_err(failed)?;
        Ok(seal)
    }
}

fn is_full(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes runs files; keeps the runs in memory for as long as that fails.
fn shelve(shared: &Shared, queue: &mpsc::Receiver<Arc<Sealed>>) {
    while let Ok(sealed) = queue.recv() {
        let Runs::Memory(table) = &sealed.runs else { continue };
        let stem = sealed.fact.segment.trim_end_matches(SEALED);
        let directory = loop {
            match write_runs(shared, stem, table) {
                Ok(directory) => break directory,
                Err(_) if shared.lock().closing => return,
                Err(_) => std::thread::sleep(shared.settings.retry.max(Duration::from_millis(1))),
            }
        };
        let mut catalog = shared.catalog.write().expect("readers do not panic");
        if let Some(slot) = catalog.sealed.iter_mut().find(|s| s.fact.first_seq == sealed.fact.first_seq) {
            *slot = Arc::new(Sealed {
                fact: sealed.fact.clone(),
                created_ms: sealed.created_ms,
                runs: Runs::File(Arc::new(directory)),
            });
        }
    }
}

fn write_runs(shared: &Shared, stem: &str, table: &RunTable) -> io::Result<Directory> {
    let (half, name) = (format!("{stem}-runs{HALF}"), format!("{stem}{RUNS}"));
    let mut file = shared.disk.create(&half)?;
    file.append(&table.encode())?;
    file.sync()?;
    drop(file);
    shared.disk.rename(&half, &name)?;
    Directory::open(&*shared.disk, &name)
        .ok_or_else(|| io::Error::other("a runs file just written is not whole"))
}
