//! Opening a folder: what is sealed, what is open, what a crash left half done.

use super::disk::{Disk, LogFile};
use super::error::LogError;
use super::log::{Catalog, Dictionary, PositionsSealed, Runs, Sealed, Settings};
use super::runs::{Directory, RunTable};
use super::segment::{self, Entry, HEADER_BYTES, Header, SEAL_BYTES, Scan, Seal, put_device};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Suffix of the segment that grows.
pub(crate) const OPEN: &str = ".open";
/// Suffix of a sealed segment.
pub(crate) const SEALED: &str = ".seg";
/// Suffix of the runs beside a sealed segment.
pub(crate) const RUNS: &str = ".run";
/// Suffix of a file that is being made.
pub(crate) const HALF: &str = ".tmp";

/// The segment that grows.
pub(crate) struct OpenSegment {
    pub(crate) stem: String,
    pub(crate) header: Header,
    pub(crate) file: Box<dyn LogFile>,
    /// Bytes known durable.
    pub(crate) length: u64,
    pub(crate) hash: Sha256,
}

/// What opening found.
pub(crate) struct Opened {
    pub(crate) catalog: Catalog,
    pub(crate) dictionary: Dictionary,
    pub(crate) last_seq: u64,
    pub(crate) torn_bytes: u64,
    pub(crate) segment: OpenSegment,
}

/// What looking found.
pub(crate) struct Looked {
    pub(crate) catalog: Catalog,
    pub(crate) dictionary: Dictionary,
    pub(crate) last_seq: u64,
    /// Where what is durable ends: first sequence of the last segment and bytes of it.
    pub(crate) end: (u64, u64),
    last_hash: [u8; 32],
    open: Option<(String, Vec<u8>, Scan)>,
}

/// File name without suffix of the segment that begins with `seq`.
pub(crate) fn stem(seq: u64) -> String {
    format!("positions-{seq:016x}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn fact_of(stem: &str, header: &Header, seal: &Seal) -> PositionsSealed {
    PositionsSealed {
        segment: format!("{stem}{SEALED}"),
        first_seq: header.first_seq,
        count: seal.count,
        first_time_ms: seal.min_time_ms,
        last_time_ms: seal.max_time_ms,
        hash: hex(&seal.hash),
        previous_hash: hex(&header.previous_hash),
    }
}

fn read(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, LogError> {
    disk.read(name).map_err(LogError::io(format!("reading {name}")))
}

/// Scans a segment's bytes into runs and dictionary.
fn load(name: &str, bytes: &[u8], dictionary: &mut Dictionary) -> Result<(RunTable, Scan), LogError> {
    let mut table = RunTable::default();
    let mut contradiction = false;
    let scan = segment::scan(name, bytes, |entry| match entry {
        Entry::Position(record) => table.push(record),
        Entry::Device(device, id) => contradiction |= !dictionary.restore(device, id),
        Entry::Message(..) => {}
    })?;
    if contradiction {
        let what = "its dictionary contradicts an earlier one";
        return Err(LogError::Damaged { segment: name.to_owned(), offset: 0, what });
    }
    Ok((table, scan))
}

/// Reads header and seal of a sealed segment, and its runs: from their file, or by scanning where that is missing.
fn look_sealed(disk: &dyn Disk, name: &str) -> Result<Sealed, LogError> {
    let io = || LogError::io(format!("reading {name}"));
    let damaged = |what| LogError::Damaged { segment: name.to_owned(), offset: 0, what };
    let stem = name.strip_suffix(SEALED).unwrap_or(name);
    let length = disk.length(name).map_err(io())?;
    let head = disk.read_at(name, 0, HEADER_BYTES.min(length as usize)).map_err(io())?;
    let header = Header::decode(&head).ok_or_else(|| damaged("the header is not one of ours"))?;
    let from = length.saturating_sub(SEAL_BYTES as u64);
    let tail = disk.read_at(name, from, (length - from) as usize).map_err(io())?;
    let seal = Seal::at_end_of(&tail).ok_or_else(|| damaged("the seal at its end is missing"))?;
    let fact = fact_of(stem, &header, &seal);
    let runs = match Directory::open(disk, &format!("{stem}{RUNS}")) {
        Some(directory) => Runs::File(Arc::new(directory)),
        None => Runs::Memory(Arc::new(load(name, &read(disk, name)?, &mut Dictionary::default())?.0)),
    };
    Ok(Sealed { fact, created_ms: header.created_ms, runs })
}

/// Reads what is there without changing anything.
pub(crate) fn look(disk: &dyn Disk) -> Result<Looked, LogError> {
    let names = disk.list().map_err(LogError::io("listing the folder"))?;
    let mut found = Looked {
        catalog: Catalog::default(),
        dictionary: Dictionary::default(),
        last_seq: 0,
        end: (0, 0),
        last_hash: [0; 32],
        open: None,
    };
    for name in names.iter().filter(|n| n.ends_with(SEALED)) {
        let sealed = look_sealed(disk, name)?;
        if let Some(before) = found.catalog.sealed.last()
            && sealed.fact.previous_hash != before.fact.hash
        {
            let what = "it does not follow the segment before it";
            return Err(LogError::Damaged { segment: name.clone(), offset: 0, what });
        }
        found.last_seq = sealed.fact.first_seq + sealed.fact.count - 1;
        // One past any cursor within it: what follows is not there yet.
        found.end = (found.last_seq + 1, 0);
        found.catalog.sealed.push(Arc::new(sealed));
    }
    let mut open = names.iter().filter(|n| n.ends_with(OPEN));
    if let Some(name) = open.next() {
        let bytes = read(disk, name)?;
        let (table, scan) = load(name, &bytes, &mut found.dictionary)?;
        found.last_seq = scan.header.first_seq + scan.count - 1;
        found.end = (scan.header.first_seq, scan.length as u64);
        found.catalog.active_created_ms = scan.header.created_ms;
        found.catalog.active = table;
        found.open = Some((name.strip_suffix(OPEN).unwrap_or(name).to_owned(), bytes, scan));
    } else if let Some(last) = found.catalog.sealed.last() {
        let name = &last.fact.segment;
        let (_, scan) = load(name, &read(disk, name)?, &mut found.dictionary)?;
        found.last_hash = scan.seal.map_or([0; 32], |s| s.hash);
    }
    if let Some(name) = open.next() {
        let what = "there are two open segments";
        return Err(LogError::Damaged { segment: name.clone(), offset: 0, what });
    }
    Ok(found)
}

/// Opens the folder for writing: cuts a torn tail, finishes a seal, makes the first segment.
pub(crate) fn recover(disk: &dyn Disk, settings: &Settings) -> Result<Opened, LogError> {
    for name in disk.list().map_err(LogError::io("listing the folder"))? {
        if name.ends_with(HALF) {
            disk.remove(&name).map_err(LogError::io(format!("removing {name}")))?;
        }
    }
    let mut found = look(disk)?;
    let mut torn_bytes = 0;
    let segment = match found.open.take() {
        Some((stem, _, Scan { header, seal: Some(seal), .. })) => {
            // Sealed but not yet renamed.
            let fact = fact_of(&stem, &header, &seal);
            let (from, to) = (format!("{stem}{OPEN}"), format!("{stem}{SEALED}"));
            disk.rename(&from, &to).map_err(LogError::io(format!("renaming {from}")))?;
            let table = std::mem::take(&mut found.catalog.active);
            let created_ms = header.created_ms;
            found.catalog.sealed.push(Arc::new(Sealed {
                fact,
                created_ms,
                runs: Runs::Memory(Arc::new(table)),
            }));
            create(disk, settings, found.last_seq + 1, seal.hash, found.dictionary.ids())?
        }
        Some((stem, bytes, scan)) => {
            let name = format!("{stem}{OPEN}");
            let io = || LogError::io(format!("repairing {name}"));
            let mut file = disk.open_append(&name).map_err(io())?;
            torn_bytes = (bytes.len() - scan.length) as u64;
            if torn_bytes > 0 {
                file.truncate(scan.length as u64).map_err(io())?;
            }
            // What a killed process wrote may be in memory only: it is durable from here on.
            file.sync().map_err(io())?;
            let mut hash = Sha256::new();
            hash.update(&bytes[..scan.length]);
            OpenSegment { stem, header: scan.header, file, length: scan.length as u64, hash }
        }
        None => create(disk, settings, found.last_seq + 1, found.last_hash, found.dictionary.ids())?,
    };
    found.catalog.active_created_ms = segment.header.created_ms;
    Ok(Opened {
        catalog: found.catalog,
        dictionary: found.dictionary,
        last_seq: found.last_seq,
        torn_bytes,
        segment,
    })
}

/// Makes a segment: header and the whole dictionary, durable before it has its name.
pub(crate) fn create(
    disk: &dyn Disk,
    settings: &Settings,
    first_seq: u64,
    previous_hash: [u8; 32],
    ids: &[Arc<str>],
) -> Result<OpenSegment, LogError> {
    let stem = stem(first_seq);
    let io = || LogError::io(format!("creating {stem}{OPEN}"));
    let header = Header { first_seq, created_ms: (settings.clock)(), previous_hash };
    let mut bytes = header.encode();
    for (index, id) in ids.iter().enumerate() {
        put_device(&mut bytes, super::record::DeviceId(index as u32), id);
    }
    let (half, open) = (format!("{stem}{HALF}"), format!("{stem}{OPEN}"));
    let mut file = disk.create(&half).map_err(io())?;
    file.append(&bytes).map_err(io())?;
    file.sync().map_err(io())?;
    drop(file);
    disk.rename(&half, &open).map_err(io())?;
    let file = disk.open_append(&open).map_err(io())?;
    let mut hash = Sha256::new();
    hash.update(&bytes);
    Ok(OpenSegment { stem, header, file, length: bytes.len() as u64, hash })
}
