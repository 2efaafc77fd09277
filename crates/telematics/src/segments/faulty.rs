//! A disk in memory that forgets what was not synced and fails on command: the other side of the seam.
//!
//! Fault model: an append may fail for lack of space after writing a part; a sync may fail, and what was appended
//! since the last good one is then in an unknown state; a crash keeps every synced byte, and of the unsynced tail an
//! arbitrary prefix, with single pages of it possibly zeroed. Creations and renames are durable at once.

use super::disk::{Disk, LogFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<String, Content>,
    operations: u64,
    fail_at: Option<(u64, Fault)>,
    capacity: Option<usize>,
    dead: bool,
    syncs: u64,
    sync_takes: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation reports an I/O error.
    Error,
    /// Power is lost at the operation: it and all later ones fail until [`SimDisk::restart`].
    Crash,
}

/// A disk in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    inner: Arc<Mutex<Inner>>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }

    /// Operations counted so far (append, sync, create, rename, remove, truncate).
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Syncs that succeeded.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// Plans a fault at the n-th operation from now, 1 being the next.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        let mut inner = self.lock();
        inner.fail_at = Some((inner.operations + n, fault));
    }

    /// Bounds the disk to so many bytes in all; `None` lifts the bound.
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.lock().capacity = bytes;
    }

    /// Lets every sync of a file take so long.
    pub fn set_sync_takes(&self, time: Duration) {
        self.lock().sync_takes = time;
    }

    /// Bytes in all files.
    #[must_use]
    pub fn used(&self) -> usize {
        self.lock().files.values().map(|f| f.bytes.len()).sum()
    }

    /// Flips a bit of a file.
    pub fn flip(&self, name: &str, bit: usize) {
        if let Some(file) = self.lock().files.get_mut(name) {
            let at = (bit / 8) % file.bytes.len().max(1);
            if let Some(byte) = file.bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }

    /// Power returns: of each file the synced bytes are there, and of the rest what `seed` leaves.
    pub fn restart(&self, seed: u64) {
        let mut inner = self.lock();
        inner.dead = false;
        inner.fail_at = None;
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for file in inner.files.values_mut() {
            let unsynced = file.bytes.len() - file.synced;
            if unsynced == 0 {
                continue;
            }
            let keep = (next() as usize) % (unsynced + 1);
            file.bytes.truncate(file.synced + keep);
            if keep > 0 && next() % 3 == 0 {
                let from = file.synced + (next() as usize) % keep;
                let to = (from + 512).min(file.bytes.len());
                file.bytes[from..to].fill(0);
            }
            file.synced = file.bytes.len();
        }
    }

    fn step(inner: &mut Inner) -> io::Result<()> {
        if inner.dead {
            return Err(io::Error::other("the power is off"));
        }
        inner.operations += 1;
        match inner.fail_at {
            Some((at, fault)) if inner.operations >= at => {
                inner.fail_at = None;
                inner.dead = fault == Fault::Crash;
                Err(io::Error::other("injected fault"))
            }
            _ => Ok(()),
        }
    }
}

struct SimFile {
    disk: SimDisk,
    name: String,
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

impl Disk for SimDisk {
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut inner = self.lock();
        Self::step(&mut inner)?;
        inner.files.insert(name.to_owned(), Content::default());
        Ok(Box::new(SimFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn open_append(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let inner = self.lock();
        inner.files.get(name).ok_or_else(|| missing(name))?;
        Ok(Box::new(SimFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.lock().files.get(name).ok_or_else(|| missing(name))?.bytes.clone())
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let inner = self.lock();
        let file = inner.files.get(name).ok_or_else(|| missing(name))?;
        let from = offset as usize;
        Ok(file
            .bytes
            .get(from..from.saturating_add(length))
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?
            .to_vec())
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(self.lock().files.get(name).ok_or_else(|| missing(name))?.bytes.len() as u64)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.lock();
        Self::step(&mut inner)?;
        let content = inner.files.remove(from).ok_or_else(|| missing(from))?;
        inner.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut inner = self.lock();
        Self::step(&mut inner)?;
        inner.files.remove(name);
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().files.keys().cloned().collect())
    }

    fn sync_folder(&self) -> io::Result<()> {
        Self::step(&mut self.lock())
    }

    fn free_bytes(&self) -> u64 {
        let used = self.used();
        self.lock().capacity.map_or(u64::MAX, |c| c.saturating_sub(used) as u64)
    }
}

impl LogFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.disk.lock();
        let stepped = SimDisk::step(&mut inner);
        let used: usize = inner.files.values().map(|f| f.bytes.len()).sum();
        let room = inner.capacity.map_or(usize::MAX, |c| c.saturating_sub(used));
        let file = inner.files.get_mut(&self.name).ok_or_else(|| missing(&self.name))?;
        if let Err(err) = stepped {
            // Half of it may have reached the file.
            file.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(err);
        }
        let take = bytes.len().min(room);
        file.bytes.extend_from_slice(&bytes[..take]);
        if take < bytes.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let takes = self.disk.lock().sync_takes;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
        let mut inner = self.disk.lock();
        SimDisk::step(&mut inner)?;
        let file = inner.files.get_mut(&self.name).ok_or_else(|| missing(&self.name))?;
        file.synced = file.bytes.len();
        inner.syncs += 1;
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        SimDisk::step(&mut inner)?;
        let file = inner.files.get_mut(&self.name).ok_or_else(|| missing(&self.name))?;
        file.bytes.truncate(length as usize);
        file.synced = file.synced.min(file.bytes.len());
        Ok(())
    }
}
