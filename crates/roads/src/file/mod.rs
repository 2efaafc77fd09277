//! The prepared file: one little-endian file of plain arrays, each 64-byte aligned and checksummed, mapped into
//! memory and read in place.
//!
//! Layout: a 64-byte header (magic, format version, byte-order tag, hashes, number of sections, checksum of header
//! and table), the section table (name, offset, length, element size, xxh3 of the body), then the bodies. Opening
//! verifies header and table and that every section lies inside the file; bodies are verified by
//! [`Store::verify`]. Written to a temporary file beside the target, synced, renamed.

#![allow(unsafe_code)] // for the one call that maps a file; see `map`

mod column;

pub(crate) use column::Column;

use crate::RoadsError;
use memmap2::Mmap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// First bytes of every prepared file.
pub(crate) const MAGIC: [u8; 8] = *b"XYROADS\n";
/// Format that this program writes and reads.
pub(crate) const FORMAT: u32 = 4;
/// Reads differently on a machine of the other byte order.
const BYTE_ORDER: u32 = 0x0102_0304;
const HEADER_BYTES: usize = 64;
const ENTRY_BYTES: usize = 48;
/// Most sections of one file.
const SECTIONS_MAX: u32 = 4_096;
const ALIGN: u64 = 64;

/// Where a section lies.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
    pub(crate) element: u32,
    pub(crate) hash: u64,
}

/// A mapped prepared file.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    map: Arc<Mmap>,
    entries: Vec<Entry>,
    /// Binds order and hierarchy to the graph.
    pub(crate) topology_hash: u64,
    /// Hash of the profile file that the metrics were made with.
    pub(crate) profile_hash: u64,
}

impl Store {
    /// Maps a file; header and section table are verified, bodies are not.
    pub(crate) fn open(path: &Path) -> Result<Self, RoadsError> {
        let file = std::fs::File::open(path).map_err(|e| RoadsError::io(path, e))?;
        let length = file.metadata().map_err(|e| RoadsError::io(path, e))?.len();
        if length < HEADER_BYTES as u64 {
            return Err(RoadsError::Foreign { path: path.to_owned() });
        }
        // SAFETY: the map is read-only and private to this process. Prepared files are replaced by renaming a new
        // file over them, never written in place, so the mapped bytes do not change under us; a truncation by
        // somebody else ends the process with a bus error but cannot corrupt memory.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| RoadsError::io(path, e))?;
        Self::read(path, Arc::new(map))
    }

    fn read(path: &Path, map: Arc<Mmap>) -> Result<Self, RoadsError> {
        let inconsistent = |what: &str| RoadsError::Inconsistent { path: path.to_owned(), what: what.into() };
        let u32_at = |at: usize| u32::from_le_bytes(map[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(map[at..at + 8].try_into().expect("eight bytes"));
        if map[..8] != MAGIC {
            return Err(RoadsError::Foreign { path: path.to_owned() });
        }
        let found = u32_at(8);
        if found != FORMAT || u32_at(12) != BYTE_ORDER || cfg!(target_endian = "big") {
            return Err(RoadsError::Version { path: path.to_owned(), found, want: FORMAT });
        }
        let count = u32_at(16);
        let table_end = HEADER_BYTES + count as usize * ENTRY_BYTES;
        if count > SECTIONS_MAX || map.len() < table_end {
            return Err(inconsistent("the section table is cut off"));
        }
        let mut hasher = Xxh3::new();
        hasher.update(&map[..56]);
        hasher.update(&map[HEADER_BYTES..table_end]);
        if hasher.digest() != u64_at(56) {
            return Err(RoadsError::Rotten { path: path.to_owned(), section: "header".into() });
        }
        if u64_at(40) != map.len() as u64 {
            return Err(inconsistent("the file is shorter or longer than its header says"));
        }
        let mut entries = Vec::with_capacity(count as usize);
        for i in 0..count as usize {
            let at = HEADER_BYTES + i * ENTRY_BYTES;
            let name = map[at..at + 16].iter().copied().take_while(|b| *b != 0).collect();
            let name = String::from_utf8(name).map_err(|_| inconsistent("a section name is no text"))?;
            let (offset, bytes) = (u64_at(at + 16), u64_at(at + 24));
            let element = u32_at(at + 32);
            let end = offset.checked_add(bytes);
            if offset % ALIGN != 0 || end.is_none_or(|e| e > map.len() as u64) || element == 0 {
                return Err(inconsistent(&format!("section \"{name}\" lies outside the file")));
            }
            #[allow(clippy::cast_possible_truncation)] // inside the map, so inside the address space
            entries.push(Entry {
                name,
                offset: offset as usize,
                bytes: bytes as usize,
                element,
                hash: u64_at(at + 40),
            });
        }
        let (topology_hash, profile_hash) = (u64_at(24), u64_at(32));
        Ok(Self { path: path.to_owned(), map, entries, topology_hash, profile_hash })
    }

    /// Section names with their bytes, in file order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whole length of the file in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.map.len()
    }

    /// Checks every body against its checksum.
    pub(crate) fn verify(&self) -> Result<(), RoadsError> {
        for entry in &self.entries {
            if xxh3_64(&self.map[entry.offset..entry.offset + entry.bytes]) != entry.hash {
                return Err(RoadsError::Rotten { path: self.path.clone(), section: entry.name.clone() });
            }
        }
        Ok(())
    }

    /// A fault of the tables of this file.
    pub(crate) fn inconsistent(&self, what: impl Into<String>) -> RoadsError {
        RoadsError::Inconsistent { path: self.path.clone(), what: what.into() }
    }

    fn entry(&self, name: &str) -> Result<&Entry, RoadsError> {
        self.entries
            .iter()
            .find(|e| e.name == name)
            .ok_or_else(|| self.inconsistent(format!("section \"{name}\" is missing")))
    }

    /// A section as an array read in place.
    pub(crate) fn column<T: bytemuck::Pod>(&self, name: &str) -> Result<Column<T>, RoadsError> {
        let entry = self.entry(name)?;
        let size = size_of::<T>();
        if entry.element as usize != size || entry.bytes % size != 0 {
            return Err(self.inconsistent(format!("section \"{name}\" has elements of another size")));
        }
        Ok(Column::mapped(Arc::clone(&self.map), entry.offset, entry.bytes / size))
    }

    /// A small section as bytes.
    pub(crate) fn blob(&self, name: &str) -> Result<&[u8], RoadsError> {
        let entry = self.entry(name)?;
        Ok(&self.map[entry.offset..entry.offset + entry.bytes])
    }
}

/// Collects sections and writes them.
#[derive(Default)]
pub(crate) struct Writer<'a> {
    sections: Vec<(String, u32, &'a [u8])>,
}

impl<'a> Writer<'a> {
    /// Adds an array under a name of at most 16 bytes.
    pub(crate) fn column<T: bytemuck::Pod>(&mut self, name: &str, values: &'a [T]) {
        assert!(name.len() <= 16, "section names have at most 16 bytes");
        #[allow(clippy::cast_possible_truncation)] // element sizes are tiny
        self.sections.push((name.to_owned(), size_of::<T>() as u32, bytemuck::cast_slice(values)));
    }

    /// Adds bytes under a name.
    pub(crate) fn blob(&mut self, name: &str, bytes: &'a [u8]) {
        self.column(name, bytes);
    }

    /// Writes everything to `path`, whole or not at all.
    pub(crate) fn write(self, path: &Path, topology: u64, profiles: u64) -> Result<u64, RoadsError> {
        let mut table = Vec::with_capacity(self.sections.len() * ENTRY_BYTES);
        let mut offset = (HEADER_BYTES + self.sections.len() * ENTRY_BYTES) as u64;
        let mut starts = Vec::with_capacity(self.sections.len());
        for (name, element, bytes) in &self.sections {
            offset = offset.next_multiple_of(ALIGN);
            starts.push(offset);
            let mut padded = [0u8; 16];
            padded[..name.len()].copy_from_slice(name.as_bytes());
            table.extend_from_slice(&padded);
            table.extend_from_slice(&offset.to_le_bytes());
            table.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            table.extend_from_slice(&element.to_le_bytes());
            table.extend_from_slice(&[0; 4]);
            table.extend_from_slice(&xxh3_64(bytes).to_le_bytes());
            offset += bytes.len() as u64;
        }
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&FORMAT.to_le_bytes());
        header.extend_from_slice(&BYTE_ORDER.to_le_bytes());
        #[allow(clippy::cast_possible_truncation)] // a few dozen sections
        header.extend_from_slice(&(self.sections.len() as u32).to_le_bytes());
        header.extend_from_slice(&[0; 4]);
        header.extend_from_slice(&topology.to_le_bytes());
        header.extend_from_slice(&profiles.to_le_bytes());
        header.extend_from_slice(&offset.to_le_bytes());
        header.extend_from_slice(&[0; 8]);
        let mut hasher = Xxh3::new();
        hasher.update(&header);
        hasher.update(&table);
        header.extend_from_slice(&hasher.digest().to_le_bytes());
        let temporary = temporary_beside(path);
        let result = (|| -> std::io::Result<()> {
            let mut out = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(&temporary)?);
            out.write_all(&header)?;
            out.write_all(&table)?;
            let mut at = (header.len() + table.len()) as u64;
            for ((_, _, bytes), start) in self.sections.iter().zip(&starts) {
                #[allow(clippy::cast_possible_truncation)] // below 64
                out.write_all(&[0; ALIGN as usize][..(start - at) as usize])?;
                out.write_all(bytes)?;
                at = start + bytes.len() as u64;
            }
            let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)
        })();
        result.map_err(|e| {
            // The unfinished file is of no use to anybody; if it cannot be removed either, the first fault tells.
            let _ = std::fs::remove_file(&temporary);
            RoadsError::io(path, e)
        })?;
        Ok(offset)
    }
}

/// A name in the same directory, so that renaming is atomic; two builds at once do not meet.
fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
