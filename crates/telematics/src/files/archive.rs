//! The folder of track files: filing sealed segments, merging a day's files, retention.
//!
//! ```text
//! filed.json                                        what is filed: {"through": last sequence}
//! day=2026-11-24/positions-FIRST-LAST.parquet       positions of that day out of sequences FIRST to LAST (hex)
//! ```
//! A file whose sequences lie within those of another file of its day is superseded: what a crash leaves behind during
//! a merge does no harm. Every file appears whole, by a rename, after it is durable.

use super::error::FilesError;
use super::limits::{FILES_A_DAY_MAX, OPEN_FILES_MAX};
use super::read::{DayFile, Wanted};
use super::write::DayWriter;
use crate::position::Flags;
use crate::segments::{Area, PositionLog, PositionsSealed, Record, settle};
use crate::session::Now;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

const MARK: &str = "filed.json";
const PREFIX: &str = "day=";
const SUFFIX: &str = ".parquet";
const HALF: &str = ".tmp";
/// Days begin at midnight in China, whose time JT/T 808 speaks everywhere.
const MIDNIGHT_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A track file as the catalogue knows it.
#[derive(Clone, Debug)]
pub(super) struct FileInfo {
    pub(super) path: PathBuf,
    pub(super) first_seq: u64,
    pub(super) last_seq: u64,
    rows: u64,
    bytes: u64,
    time_ms: (i64, i64),
    area: Area,
}

impl FileInfo {
    fn covers(&self, other: &Self) -> bool {
        self.first_seq <= other.first_seq && other.last_seq <= self.last_seq
    }

    fn meets(&self, wanted: &Wanted) -> bool {
        self.time_ms.0 < wanted.to_ms
            && self.time_ms.1 >= wanted.from_ms
            && wanted.area.is_none_or(|area| area.meets(&self.area))
    }
}

#[derive(Default)]
pub(super) struct Catalog {
    days: BTreeMap<Date, Vec<FileInfo>>,
    through: u64,
}

#[derive(Serialize, Deserialize)]
struct Mark {
    through: u64,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Days that a segment is kept after it was sealed and filed; for ever if absent.
    pub segments_days: Option<u32>,
    /// Days that track files are kept; for ever if absent.
    pub files_days: Option<u32>,
    /// Sequence of the first position that somebody still has to read from the segments.
    pub hold_from_seq: Option<u64>,
}

/// What [`Archive::maintain`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maintained {
    /// Segments filed.
    pub filed_segments: u64,
    /// Positions in them, each report once.
    pub filed_positions: u64,
    /// Days whose files were merged.
    pub merged_days: u64,
    /// Segments removed.
    pub removed_segments: u64,
    /// Track files removed for their age.
    pub removed_files: u64,
}

/// How much is in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ArchiveSize {
    /// Files.
    pub files: u64,
    /// Positions in them.
    pub positions: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Sequence of the last position that is filed.
    pub through_seq: u64,
}

/// A folder of track files. Queries may run while it is maintained.
pub struct Archive {
    dir: PathBuf,
    pub(super) catalog: RwLock<Catalog>,
    /// Latest used last.
    open: Mutex<Vec<(PathBuf, Arc<DayFile>)>>,
    /// One writer at a time; nothing to write where the folder is only read.
    writing: Option<Mutex<()>>,
}

fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The day that a record is filed under: of its time, or of its receipt where its clock is not believed.
fn day_of(record: &Record) -> Date {
    let of = |ms: i64| {
        let days = ms.checked_add(MIDNIGHT_MS)?.div_euclid(DAY_MS);
        Date::constant(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok()
    };
    let believed = (!record.flags.has(Flags::QUARANTINED)).then_some(record.time_ms);
    believed.and_then(of).or_else(|| of(record.received_ms)).unwrap_or(Date::constant(1970, 1, 1))
}

fn day_at(now_ms: i64) -> Date {
    day_of(&Record { time_ms: now_ms, received_ms: now_ms, ..Record::default() })
}

fn file_name(first_seq: u64, last_seq: u64) -> String {
    format!("positions-{first_seq:016x}-{last_seq:016x}{SUFFIX}")
}

fn sequences(name: &str) -> Option<(u64, u64)> {
    let (first, last) = name.strip_prefix("positions-")?.strip_suffix(SUFFIX)?.split_once('-')?;
    Some((u64::from_str_radix(first, 16).ok()?, u64::from_str_radix(last, 16).ok()?))
}

fn listing(path: &Path) -> Result<Vec<(String, PathBuf)>, FilesError> {
    let reading = || FilesError::io(format!("listing {}", path.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(reading())? {
        let entry = entry.map_err(reading())?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn sync_folder(path: &Path) -> Result<(), FilesError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(FilesError::io(format!("syncing {}", path.display())))
}

/// Removes a file; one that is gone already is no fault.
fn remove(path: &Path) -> Result<(), FilesError> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => {
            Err(FilesError::io(format!("removing {}", path.display()))(err))
        }
        _ => Ok(()),
    }
}

impl Archive {
    /// Opens the folder for filing, making it if it is not there. It belongs beside one position log, whose lock
    /// guards both.
    ///
    /// # Errors
    /// [`FilesError::Io`] from the file system, [`FilesError::Damaged`] for a file that is none of ours.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FilesError> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir).map_err(FilesError::io(format!("making {}", dir.display())))?;
        let archive =
            Self { dir, catalog: RwLock::default(), open: Mutex::default(), writing: Some(Mutex::new(())) };
        *archive.catalog.write().expect("nobody else has it yet") = archive.look()?;
        Ok(archive)
    }

    /// Opens the folder for queries only; a folder that is not there holds nothing.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_for_reading(dir: impl Into<PathBuf>) -> Result<Self, FilesError> {
        let archive =
            Self { dir: dir.into(), catalog: RwLock::default(), open: Mutex::default(), writing: None };
        if archive.dir.exists() {
            *archive.catalog.write().expect("nobody else has it yet") = archive.look()?;
        }
        Ok(archive)
    }

    /// Reads what is in the folder; for writing, removes what crashes left.
    fn look(&self) -> Result<Catalog, FilesError> {
        let mut catalog = Catalog::default();
        for (name, path) in listing(&self.dir)? {
            if name == MARK {
                catalog.through = read_mark(&path)?;
            } else if let Some(day) = name.strip_prefix(PREFIX).and_then(|day| day.parse::<Date>().ok()) {
                let files = self.look_day(&path)?;
                if !files.is_empty() {
                    catalog.days.insert(day, files);
                }
            } else if name.ends_with(HALF) && self.writing.is_some() {
                remove(&path)?;
            }
        }
        Ok(catalog)
    }

    fn look_day(&self, folder: &Path) -> Result<Vec<FileInfo>, FilesError> {
        let mut files = Vec::new();
        for (name, path) in listing(folder)? {
            if let Some(range) = sequences(&name) {
                files.push(info(path.clone(), range, &DayFile::open(&path)?));
            } else if name.ends_with(HALF) && self.writing.is_some() {
                remove(&path)?;
            }
        }
        let superseded = |file: &FileInfo| files.iter().any(|f| f.path != file.path && f.covers(file));
        let (old, current): (Vec<_>, Vec<_>) = files.iter().cloned().partition(superseded);
        if self.writing.is_some() {
            old.iter().try_for_each(|file| remove(&file.path))?;
        }
        Ok(current)
    }

    /// How much it holds.
    #[must_use]
    pub fn size(&self) -> ArchiveSize {
        let catalog = self.catalog.read().expect("writers do not panic");
        let mut size = ArchiveSize { through_seq: catalog.through, ..ArchiveSize::default() };
        for file in catalog.days.values().flatten() {
            size.files += 1;
            size.positions += file.rows;
            size.bytes += file.bytes;
        }
        size
    }

    /// Bytes of each column over all files, in the order of [`super::SCHEMA`]; the rest of the files is footers.
    ///
    /// # Errors
    /// [`FilesError`] if a file cannot be opened.
    pub fn column_bytes(&self) -> Result<Vec<(String, u64)>, FilesError> {
        let mut sums: Vec<(String, u64)> = Vec::new();
        for (_, path) in self.paths() {
            for (at, (name, bytes)) in DayFile::open(&path)?.column_bytes().into_iter().enumerate() {
                match sums.get_mut(at) {
                    Some(sum) => sum.1 += bytes,
                    None => sums.push((name, bytes)),
                }
            }
        }
        Ok(sums)
    }

    /// The files of every day, by day.
    #[must_use]
    pub fn paths(&self) -> Vec<(Date, PathBuf)> {
        let catalog = self.catalog.read().expect("writers do not panic");
        let of = |(day, files): (&Date, &Vec<FileInfo>)| {
            files.iter().map(|f| (*day, f.path.clone())).collect::<Vec<_>>()
        };
        catalog.days.iter().flat_map(of).collect()
    }

    /// Files what is sealed, merges days that are over, removes what is older than the retention says. To be called
    /// now and then; days are over by the business clock, segments are old by the wall clock. May take seconds, so not on a thread that serves sockets.
    ///
    /// # Errors
    /// [`FilesError`]; what was done before stays done, and the next call goes on.
    pub fn maintain(&self, log: &PositionLog, now: Now, keep: &Retention) -> Result<Maintained, FilesError> {
        let Some(writing) = &self.writing else { return Ok(Maintained::default()) };
        let _one = relock(writing);
        let mut done = Maintained::default();
        for fact in log.sealed() {
            if fact.first_seq > self.catalog.read().expect("writers do not panic").through {
                done.filed_positions += self.file(log, &fact)?;
                done.filed_segments += 1;
            }
        }
        let today = day_at(now.business_ms);
        let days: Vec<Date> = {
            let catalog = self.catalog.read().expect("writers do not panic");
            let over = catalog.days.iter().filter(|(day, files)| **day < today && worth_merging(files));
            over.map(|(day, _)| *day).collect()
        };
        for day in days {
            self.merge(day)?;
            done.merged_days += 1;
        }
        if let Some(days) = keep.files_days {
            done.removed_files = self.remove_before(today.saturating_sub(i64::from(days).days()))?;
        }
        if let Some(days) = keep.segments_days {
            let before_ms = now.wall_ms.saturating_sub(i64::from(days).saturating_mul(DAY_MS));
            let filed = self.catalog.read().expect("writers do not panic").through;
            let through = keep.hold_from_seq.map_or(filed, |seq| filed.min(seq.saturating_sub(1)));
            done.removed_segments = log.remove_sealed(through, before_ms)?;
        }
        Ok(done)
    }

    /// Files one sealed segment; gives its positions.
    fn file(&self, log: &PositionLog, fact: &PositionsSealed) -> Result<u64, FilesError> {
        let (first, last) = (fact.first_seq, fact.first_seq + fact.count - 1);
        let mut days: BTreeMap<Date, DayWriter> = BTreeMap::new();
        let mut positions = 0;
        log.by_vehicle(fact, |vehicle, rows| {
            positions += rows.len() as u64;
            let mut by_day: BTreeMap<Date, Vec<Record>> = BTreeMap::new();
            for row in rows {
                by_day.entry(day_of(&row)).or_default().push(row);
            }
            for (day, rows) in by_day {
                let writer = match days.entry(day) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(self.begin(day, first, last)?),
                };
                writer.vehicle(vehicle, &rows)?;
            }
            Ok::<(), FilesError>(())
        })?;
        let mut made = Vec::new();
        for (day, writer) in days {
            made.push((day, self.end(day, first, last, writer)?));
        }
        write_mark(&self.dir, last)?;
        let mut catalog = self.catalog.write().expect("writers do not panic");
        catalog.through = last;
        for (day, info) in made {
            let files = catalog.days.entry(day).or_default();
            // Filed once before a crash and again now: the same file.
            files.retain(|f| f.path != info.path);
            files.push(info);
        }
        Ok(positions)
    }

    fn folder(&self, day: Date) -> PathBuf {
        self.dir.join(format!("{PREFIX}{day}"))
    }

    fn begin(&self, day: Date, first: u64, last: u64) -> Result<DayWriter, FilesError> {
        let folder = self.folder(day);
        std::fs::create_dir_all(&folder).map_err(FilesError::io(format!("making {}", folder.display())))?;
        let half = folder.join(format!("{}{HALF}", file_name(first, last)));
        let making = FilesError::io(format!("making {}", half.display()));
        DayWriter::new(&half.display().to_string(), File::create(&half).map_err(making)?)
    }

    fn end(&self, day: Date, first: u64, last: u64, writer: DayWriter) -> Result<FileInfo, FilesError> {
        writer.finish()?;
        let folder = self.folder(day);
        let path = folder.join(file_name(first, last));
        let half = folder.join(format!("{}{HALF}", file_name(first, last)));
        // Read back before anything depends on it.
        let file = DayFile::open(&half)?;
        std::fs::rename(&half, &path).map_err(FilesError::io(format!("renaming {}", half.display())))?;
        sync_folder(&folder)?;
        sync_folder(&self.dir)?;
        Ok(info(path, (first, last), &file))
    }

    /// Makes one file of all files of a day.
    fn merge(&self, day: Date) -> Result<(), FilesError> {
        let old = self.catalog.read().expect("writers do not panic").days.get(&day).cloned();
        let old = old.unwrap_or_default();
        let (Some(first), Some(last)) =
            (old.iter().map(|f| f.first_seq).min(), old.iter().map(|f| f.last_seq).max())
        else {
            return Ok(());
        };
        let files = old.iter().map(|f| DayFile::open(&f.path)).collect::<Result<Vec<_>, _>>()?;
        let vehicles: BTreeSet<Arc<str>> =
            files.iter().flat_map(|f| f.runs.iter().map(|r| Arc::clone(&r.vehicle))).collect();
        let mut writer = self.begin(day, first, last)?;
        let everything = Wanted { from_ms: i64::MIN, to_ms: i64::MAX, area: None };
        for vehicle in vehicles {
            let mut rows = Vec::new();
            for file in &files {
                for run in file.runs_of(&vehicle) {
                    rows.extend(file.read(run, &everything, Default::default())?);
                }
            }
            settle(&mut rows);
            writer.vehicle(&vehicle, &rows)?;
        }
        let made = self.end(day, first, last, writer)?;
        let mut catalog = self.catalog.write().expect("writers do not panic");
        let gone: Vec<_> = old.into_iter().filter(|f| f.path != made.path).collect();
        catalog.days.insert(day, vec![made]);
        // Queries hold the catalogue for reading while they read: none of them misses a file.
        gone.iter().try_for_each(|file| remove(&file.path))?;
        drop(catalog);
        self.forget(&gone);
        Ok(())
    }

    fn remove_before(&self, day: Date) -> Result<u64, FilesError> {
        let mut catalog = self.catalog.write().expect("writers do not panic");
        let kept = catalog.days.split_off(&day);
        let old = std::mem::replace(&mut catalog.days, kept);
        let gone: Vec<FileInfo> = old.values().flatten().cloned().collect();
        gone.iter().try_for_each(|file| remove(&file.path))?;
        for day in old.keys() {
            // A folder that is not empty holds something that is not ours: it stays.
            let _ = std::fs::remove_dir(self.folder(*day));
        }
        drop(catalog);
        self.forget(&gone);
        Ok(gone.len() as u64)
    }

    fn forget(&self, gone: &[FileInfo]) {
        relock(&self.open).retain(|(path, _)| gone.iter().all(|f| f.path != *path));
    }

    /// Gives each file that may hold what is wanted and is not wholly among the sequences from `log_from` on.
    pub(super) fn each_file(
        &self,
        wanted: &Wanted,
        log_from: u64,
        mut each: impl FnMut(&DayFile) -> Result<(), FilesError>,
    ) -> Result<(), FilesError> {
        let catalog = self.catalog.read().expect("writers do not panic");
        for file in catalog.days.values().rev().flatten() {
            if file.first_seq < log_from && file.meets(wanted) {
                each(&*self.opened(&file.path)?)?;
            }
        }
        Ok(())
    }

    /// The open file of a path, remembered.
    fn opened(&self, path: &Path) -> Result<Arc<DayFile>, FilesError> {
        let mut open = relock(&self.open);
        if let Some(at) = open.iter().position(|(known, _)| known == path) {
            let found = open.remove(at);
            let file = Arc::clone(&found.1);
            open.push(found);
            return Ok(file);
        }
        drop(open);
        let file = Arc::new(DayFile::open(path)?);
        let mut open = relock(&self.open);
        if open.len() >= OPEN_FILES_MAX {
            open.remove(0);
        }
        open.push((path.to_owned(), Arc::clone(&file)));
        Ok(file)
    }
}

fn info(path: PathBuf, (first_seq, last_seq): (u64, u64), file: &DayFile) -> FileInfo {
    let mut area =
        Area { min_lon_e6: i32::MAX, min_lat_e6: i32::MAX, max_lon_e6: i32::MIN, max_lat_e6: i32::MIN };
    let mut time_ms = (i64::MAX, i64::MIN);
    for run in &file.runs {
        time_ms = (time_ms.0.min(run.time_ms.0), time_ms.1.max(run.time_ms.1));
        let a = run.area();
        area.min_lon_e6 = area.min_lon_e6.min(a.min_lon_e6);
        area.min_lat_e6 = area.min_lat_e6.min(a.min_lat_e6);
        area.max_lon_e6 = area.max_lon_e6.max(a.max_lon_e6);
        area.max_lat_e6 = area.max_lat_e6.max(a.max_lat_e6);
    }
    FileInfo { path, first_seq, last_seq, rows: file.rows(), bytes: file.bytes(), time_ms, area }
}

/// Whether the small files of a day are worth writing its large one again.
fn worth_merging(files: &[FileInfo]) -> bool {
    let largest = files.iter().map(|f| f.rows).max().unwrap_or(0);
    let others = files.iter().map(|f| f.rows).sum::<u64>() - largest;
    files.len() >= FILES_A_DAY_MAX || files.len() > 1 && others * 20 >= largest
}

fn read_mark(path: &Path) -> Result<u64, FilesError> {
    let text =
        std::fs::read_to_string(path).map_err(FilesError::io(format!("reading {}", path.display())))?;
    let mark: Mark = serde_json::from_str(&text)
        .map_err(|err| FilesError::Damaged { file: path.display().to_string(), what: err.to_string() })?;
    Ok(mark.through)
}

fn write_mark(dir: &Path, through: u64) -> Result<(), FilesError> {
    use std::io::Write as _;
    let (half, path) = (dir.join(format!("{MARK}{HALF}")), dir.join(MARK));
    let text = serde_json::json!(Mark { through }).to_string();
    let write = || {
        let mut file = File::create(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&half, &path)
    };
    write().map_err(FilesError::io(format!("writing {}", path.display())))?;
    sync_folder(dir)
}
