//! The seam to the file system: everything the log asks of a disk, so that faults can be injected in tests.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

/// The file whose lock says that a folder is being written.
const LOCK_NAME: &str = "lock";

/// A folder of files with flat names.
pub trait Disk: Send + Sync {
    /// Creates an empty file, or empties the one of that name, for appending.
    ///
    /// # Errors
    /// What the file system says.
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// Opens a file for appending at its end.
    ///
    /// # Errors
    /// What the file system says.
    fn open_append(&self, name: &str) -> io::Result<Box<dyn LogFile>>;
    /// A file's bytes, all of them.
    ///
    /// # Errors
    /// What the file system says.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
    /// `length` bytes from `offset`.
    ///
    /// # Errors
    /// What the file system says; a file that ends before is [`io::ErrorKind::UnexpectedEof`].
    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Bytes of a file.
    ///
    /// # Errors
    /// What the file system says.
    fn length(&self, name: &str) -> io::Result<u64>;
    /// Renames a file, replacing the target, and makes the change durable.
    ///
    /// # Errors
    /// What the file system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// What the file system says.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Names of all files, sorted.
    ///
    /// # Errors
    /// What the file system says.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes creations, renames and removals durable.
    ///
    /// # Errors
    /// What the file system says.
    fn sync_folder(&self) -> io::Result<()>;
    /// Bytes that can still be written; `u64::MAX` where nobody knows.
    fn free_bytes(&self) -> u64;
}

/// A file that grows at its end.
pub trait LogFile: Send {
    /// Appends all bytes; after an error an unknown part of them may be there.
    ///
    /// # Errors
    /// What the file system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything appended is durable.
    ///
    /// # Errors
    /// What the file system says; what was appended before is then in an unknown state for ever.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` bytes; the next append goes there.
    ///
    /// # Errors
    /// What the file system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
}

/// A real folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: Option<Arc<File>>,
}

impl Folder {
    /// Takes the folder for writing, making it if it is not there. One process holds it at a time.
    ///
    /// # Errors
    /// What the file system says; [`io::ErrorKind::ResourceBusy`] if another process holds it.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        std::fs::create_dir_all(&path)?;
        let lock = OpenOptions::new().create(true).write(true).truncate(false).open(path.join(LOCK_NAME))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: Some(Arc::new(lock)) }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("{} is in use by another process", path.display());
                Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
            }
            Err(TryLockError::Error(err)) => Err(err),
        }
    }

    /// Uses the folder for reading beside whoever writes it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open_for_reading(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        std::fs::metadata(&path)?;
        Ok(Self { path, _lock: None })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}

struct RealFile(File);

impl Disk for Folder {
    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let path = self.path.join(name);
        // Truncated first, then opened for appending: a retry after a torn write continues at the true end.
        File::create(&path)?;
        Ok(Box::new(RealFile(OpenOptions::new().append(true).open(path)?)))
    }

    fn open_append(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().append(true).open(self.path.join(name))?)))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        std::fs::read(self.path.join(name))
    }

    fn read_at(&self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        use std::io::Seek as _;
        let mut file = File::open(self.path.join(name))?;
        file.seek(io::SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.len())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))?;
        self.sync_folder()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path.join(name)) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn free_bytes(&self) -> u64 {
        rustix::fs::statvfs(&self.path).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

impl LogFile for RealFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}
