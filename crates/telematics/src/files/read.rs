//! Reading one track file: its directory, and the rows of a vehicle that a query wants.

use super::error::FilesError;
use super::limits::{DIRECTORY_BYTES_MAX, GROUP_ROWS, TWO_THREADS_ROWS};
use super::schema::{column, schema};
use super::write::{Alike, DIRECTORY_KEY, Run, datum_at, datum_of, feed_at, feed_of};
use crate::position::Flags;
use crate::segments::{Area, DeviceId, Record};
use bytes::Bytes;
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, FileReader, Length, RowGroupReader};
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// A file read by place, so that threads do not share a cursor.
#[derive(Clone)]
struct Placed {
    file: Arc<File>,
    length: u64,
}

/// A reader of [`Placed`] that keeps its own place.
struct From {
    placed: Placed,
    at: u64,
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.placed.file.read_at(out, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Length for Placed {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Placed {
    type T = std::io::BufReader<Box<dyn Read + Send>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(std::io::BufReader::new(Box::new(From { placed: self.clone(), at: start })))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let inside = start.checked_add(length as u64).is_some_and(|end| end <= self.length);
        if !inside {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} lie outside the file")));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// What a query wants of a file.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) area: Option<Area>,
}

impl Wanted {
    pub(super) fn meets(&self, run: &Run) -> bool {
        run.time_ms.0 < self.to_ms
            && run.time_ms.1 >= self.from_ms
            && self.area.is_none_or(|area| area.meets(&run.area()))
    }

    fn holds(&self, record: &Record) -> bool {
        (self.from_ms..self.to_ms).contains(&record.time_ms)
            && self.area.is_none_or(|area| area.holds(record))
    }
}

/// An open track file.
pub(super) struct DayFile {
    name: String,
    length: u64,
    reader: SerializedFileReader<Placed>,
    /// By vehicle and row group.
    pub(super) runs: Vec<Run>,
}

impl DayFile {
    pub(super) fn open(path: &Path) -> Result<Self, FilesError> {
        let name = path.display().to_string();
        let opening = || FilesError::io(format!("opening {name}"));
        let file = File::open(path).map_err(opening())?;
        let length = file.metadata().map_err(opening())?.len();
        let options = ReadOptionsBuilder::new().with_page_index().build();
        let placed = Placed { file: Arc::new(file), length };
        let reader = guarded(&name, || SerializedFileReader::new_with_options(placed, options))?;
        let damaged = |what: &str| FilesError::Damaged { file: name.clone(), what: what.to_owned() };
        let values = reader.metadata().file_metadata().key_value_metadata();
        let directory = values
            .into_iter()
            .flatten()
            .find(|kv| kv.key == DIRECTORY_KEY)
            .and_then(|kv| kv.value.as_deref())
            .filter(|text| text.len() <= DIRECTORY_BYTES_MAX)
            .ok_or_else(|| damaged("it has no directory of vehicles"))?;
        let runs: Vec<Run> =
            serde_json::from_str(directory).map_err(|err| damaged(&format!("its directory: {err}")))?;
        if !is_ours(reader.metadata().file_metadata().schema_descr())? {
            return Err(damaged("its columns are not those of a track file"));
        }
        let groups = reader.metadata().row_groups();
        let rows = |group: &RowGroupMetaData| {
            usize::try_from(group.num_rows()).ok().filter(|rows| *rows <= GROUP_ROWS)
        };
        let inside = |run: &Run| {
            let (group, first, count) = run.rows;
            let rows = groups.get(group).and_then(rows);
            rows.zip(first.checked_add(count)).is_some_and(|(rows, end)| end <= rows)
        };
        if !runs.iter().all(inside) {
            return Err(damaged("its directory does not fit its rows"));
        }
        Ok(Self { name, length, reader, runs })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.length
    }

    /// Bytes of each column over the row groups.
    pub(super) fn column_bytes(&self) -> Vec<(String, u64)> {
        let mut sums: Vec<(String, u64)> = Vec::new();
        for group in self.reader.metadata().row_groups() {
            for (at, column) in group.columns().iter().enumerate() {
                let bytes = u64::try_from(column.compressed_size()).unwrap_or(0);
                match sums.get_mut(at) {
                    Some(sum) => sum.1 += bytes,
                    None => sums.push((column.column_path().string(), bytes)),
                }
            }
        }
        sums
    }

    pub(super) fn rows(&self) -> u64 {
        self.runs.iter().map(|r| r.rows.2 as u64).sum()
    }

    /// The runs of a vehicle.
    pub(super) fn runs_of(&self, vehicle: &str) -> &[Run] {
        let first = self.runs.partition_point(|r| &*r.vehicle < vehicle);
        let count = self.runs[first..].partition_point(|r| &*r.vehicle == vehicle);
        &self.runs[first..first + count]
    }

    /// Gives the rows of a run that are wanted, by time. Columns of time and place are read first, the others only
    /// where these agree.
    pub(super) fn read(
        &self,
        run: &Run,
        wanted: &Wanted,
        device: DeviceId,
    ) -> Result<Vec<Record>, FilesError> {
        let mut found = guarded(&self.name, || {
            let group = self.reader.get_row_group(run.rows.0)?;
            let whole = run.rows.1..run.rows.1 + run.rows.2;
            let Some((rows, seconds)) = chosen(&*group, whole, wanted)? else { return Ok(Vec::new()) };
            records(&*group, rows, &seconds, device, &run.alike)
        })?;
        found.retain(|record| wanted.holds(record));
        Ok(found)
    }

    /// Gives the last usable row of a run with `from_ms <= time < to_ms`.
    pub(super) fn last(
        &self,
        run: &Run,
        wanted: &Wanted,
        device: DeviceId,
    ) -> Result<Option<Record>, FilesError> {
        guarded(&self.name, || {
            let group = self.reader.get_row_group(run.rows.0)?;
            let whole = run.rows.1..run.rows.1 + run.rows.2;
            let Some((rows, seconds)) = chosen(&*group, whole, wanted)? else { return Ok(None) };
            let flags = all::<Int32Type>(&*group, column::FLAGS, rows.clone())?;
            let usable = |bits: &i32| Record { flags: Flags(*bits as u16), ..Record::default() }.usable();
            let Some(at) = flags.iter().rposition(usable) else { return Ok(None) };
            let seconds = &seconds[at..=at];
            let at = rows.start + at;
            Ok(records(&*group, at..at + 1, seconds, device, &run.alike)?.pop())
        })
    }
}

/// Lets the Parquet crate read. It trusts some of what a file says and panics when that is wrong: for us the file is
/// damaged then as any other, and the rest of the day goes on.
fn guarded<T>(name: &str, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, FilesError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(done) => done.map_err(FilesError::parquet(name)),
        Err(_) => Err(FilesError::Damaged {
            file: name.to_owned(),
            what: "its pages contradict each other".to_owned(),
        }),
    }
}

/// Whether the columns are those of a track file: a reader of another type would panic.
fn is_ours(found: &SchemaDescriptor) -> Result<bool, FilesError> {
    let ours = SchemaDescriptor::new(schema()?);
    let same = |(a, b): (&ColumnDescPtr, &ColumnDescPtr)| {
        a.path() == b.path()
            && a.physical_type() == b.physical_type()
            && (a.max_def_level(), a.max_rep_level()) == (b.max_def_level(), b.max_rep_level())
    };
    Ok(found.num_columns() == ours.num_columns() && found.columns().iter().zip(ours.columns()).all(same))
}

/// A span of rows, and their seconds.
type Chosen = (Range<usize>, Vec<i64>);

/// The span of rows from the first to the last whose time and place are wanted, and their seconds.
fn chosen(
    group: &dyn RowGroupReader,
    rows: Range<usize>,
    wanted: &Wanted,
) -> Result<Option<Chosen>, ParquetError> {
    // A second that touches the span may hold a wanted row.
    let mut seconds = all::<Int64Type>(group, column::TIME_S, rows.clone())?;
    let (from_s, last_s) =
        (wanted.from_ms.div_euclid(1000), (wanted.to_ms.saturating_sub(1)).div_euclid(1000));
    let start = seconds.partition_point(|s| *s < from_s);
    let end = seconds.partition_point(|s| *s <= last_s);
    if start >= end {
        return Ok(None);
    }
    let rows = rows.start + start..rows.start + end;
    seconds.truncate(end);
    seconds.drain(..start);
    let Some(area) = wanted.area else { return Ok(Some((rows, seconds))) };
    let lons = all::<Int32Type>(group, column::LON, rows.clone())?;
    let lats = all::<Int32Type>(group, column::LAT, rows.clone())?;
    let inside = |(lon, lat): (&i32, &i32)| {
        (area.min_lon_e6..=area.max_lon_e6).contains(lon) && (area.min_lat_e6..=area.max_lat_e6).contains(lat)
    };
    let first = lons.iter().zip(&lats).position(inside);
    let last = lons.iter().zip(&lats).rposition(inside);
    Ok(first
        .zip(last)
        .map(|(first, last)| (rows.start + first..rows.start + last + 1, seconds[first..=last].to_vec())))
}

fn records(
    group: &dyn RowGroupReader,
    rows: Range<usize>,
    seconds: &[i64],
    device: DeviceId,
    alike: &Alike,
) -> Result<Vec<Record>, ParquetError> {
    let longs = |at| all::<Int64Type>(group, at, rows.clone());
    let ints = |at| all::<Int32Type>(group, at, rows.clone());
    let count = rows.len();
    let place = || {
        let millis = alike.time_ms.map_or_else(|| ints(column::TIME_MS), |value| Ok(vec![value; count]))?;
        let repairs =
            alike.repair_ms.map_or_else(|| longs(column::REPAIR_MS), |value| Ok(vec![value; count]))?;
        let delays = longs(column::DELAY_MS)?;
        Ok::<_, ParquetError>((millis, repairs, delays, ints(column::LON)?, ints(column::LAT)?))
    };
    let motion = || {
        let altitudes = some::<Int32Type>(group, column::ALTITUDE, rows.clone())?;
        let speeds = some::<FloatType>(group, column::SPEED, rows.clone())?;
        let courses = some::<FloatType>(group, column::COURSE, rows.clone())?;
        Ok::<_, ParquetError>((altitudes, speeds, courses, ints(column::STATUS)?))
    };
    let (place, motion) = both(count >= TWO_THREADS_ROWS, place, motion)?;
    let (millis, repairs, delays, lons, lats) = place;
    let (altitudes, speeds, courses, statuses) = motion;
    let (alarms, flags) = (ints(column::ALARM)?, ints(column::FLAGS)?);
    let feeds = named(group, column::FEED, rows.clone(), alike.feed, feed_at, feed_of)?;
    let datums = named(group, column::DATUM, rows.clone(), alike.datum, datum_at, datum_of)?;
    let mut items = match alike.bare {
        true => None,
        false => Some(some::<ByteArrayType>(group, column::ITEMS, rows)?.into_iter()),
    };
    // Every column is as long as asked for: slices of one length, so that no row asks again.
    let (seconds, millis, repairs, delays) =
        (&seconds[..count], &millis[..count], &repairs[..count], &delays[..count]);
    let (lons, lats, altitudes) = (&lons[..count], &lats[..count], &altitudes[..count]);
    let (speeds, courses) = (&speeds[..count], &courses[..count]);
    let (statuses, alarms, flags) = (&statuses[..count], &alarms[..count], &flags[..count]);
    let (feeds, datums) = (&feeds[..count], &datums[..count]);
    // Whole numbers of sixteen bits are exact in a float.
    let mut odd = None;
    let mut small = |value: Option<f32>, at| {
        value.map(|value| {
            let whole = value as u16;
            if f32::from(whole) != value {
                odd = Some(at);
            }
            whole
        })
    };
    let mut records = Vec::with_capacity(count);
    for at in 0..count {
        let time_ms = seconds[at].wrapping_mul(1000).wrapping_add(i64::from(millis[at]));
        records.push(Record {
            device,
            time_ms,
            device_time_ms: time_ms.wrapping_add(repairs[at]),
            received_ms: time_ms.wrapping_add(delays[at]),
            lon_e6: lons[at],
            lat_e6: lats[at],
            altitude_m: altitudes[at]
                .map(|v| i16::try_from(v).map_err(|_| wrong(column::ALTITUDE)))
                .transpose()?,
            speed_dkmh: small(speeds[at], column::SPEED),
            course_deg: small(courses[at], column::COURSE),
            status: statuses[at] as u32,
            alarm: alarms[at] as u32,
            flags: Flags(u16::try_from(flags[at]).map_err(|_| wrong(column::FLAGS))?),
            feed: feeds[at],
            datum: datums[at],
            items: items
                .as_mut()
                .and_then(|items| items.next().flatten())
                .map_or_else(Vec::new, |bytes: ByteArray| bytes.data().to_vec()),
        });
    }
    if let Some(at) = odd {
        return Err(wrong(at));
    }
    Ok(records)
}

/// Two parts of the columns, at the same time if there are many rows.
fn both<A, B: Send>(
    parallel: bool,
    one: impl FnOnce() -> Result<A, ParquetError>,
    other: impl FnOnce() -> Result<B, ParquetError> + Send,
) -> Result<(A, B), ParquetError> {
    if !parallel {
        return Ok((one()?, other()?));
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        let one = one()?;
        match other.join() {
            Ok(other) => Ok((one, other?)),
            // As from this thread: for the caller to catch.
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A column of names, or the one that all rows share.
fn named<T: Copy>(
    group: &dyn RowGroupReader,
    at: usize,
    rows: Range<usize>,
    alike: Option<u8>,
    of_number: impl Fn(usize) -> Option<T>,
    of_name: impl Fn(&[u8]) -> Option<T>,
) -> Result<Vec<T>, ParquetError> {
    if let Some(number) = alike {
        return of_number(usize::from(number)).map(|value| vec![value; rows.len()]).ok_or_else(|| wrong(at));
    }
    let names = all::<ByteArrayType>(group, at, rows)?;
    names.iter().map(|name| of_name(name.data()).ok_or_else(|| wrong(at))).collect()
}

fn wrong(at: usize) -> ParquetError {
    ParquetError::General(format!("column {at} holds a value that is none"))
}

/// Values of a column that has one in each row.
fn all<T: DataType>(
    group: &dyn RowGroupReader,
    at: usize,
    rows: Range<usize>,
) -> Result<Vec<T::T>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(at)?);
    reader.skip_records(rows.start)?;
    let mut values = Vec::with_capacity(rows.len());
    reader.read_records(rows.len(), None, None, &mut values)?;
    if values.len() == rows.len() { Ok(values) } else { Err(short(at)) }
}

/// Values of a column that may have none in a row.
fn some<T: DataType>(
    group: &dyn RowGroupReader,
    at: usize,
    rows: Range<usize>,
) -> Result<Vec<Option<T::T>>, ParquetError> {
    let mut reader = get_typed_column_reader::<T>(group.get_column_reader(at)?);
    reader.skip_records(rows.start)?;
    let (mut levels, mut values) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    reader.read_records(rows.len(), Some(&mut levels), None, &mut values)?;
    let mut values = values.into_iter();
    let spread: Vec<_> = levels.iter().map(|level| if *level > 0 { values.next() } else { None }).collect();
    if spread.len() == rows.len() { Ok(spread) } else { Err(short(at)) }
}

fn short(at: usize) -> ParquetError {
    ParquetError::General(format!("column {at} has fewer rows than its file says"))
}
