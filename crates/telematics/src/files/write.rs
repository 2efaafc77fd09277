//! Writing one track file.

use super::error::FilesError;
use super::limits::GROUP_ROWS;
use super::schema::{column, properties, schema};
use crate::position::Feed;
use crate::segments::{Area, Record};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::sync::Arc;
use xiangyun_model::geo::Datum;

/// Name of the directory of vehicles among a file's key-value metadata.
pub(super) const DIRECTORY_KEY: &str = "xiangyun.vehicles";

/// Rows of one vehicle in one row group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    #[serde(with = "shared_text")]
    pub(super) vehicle: Arc<str>,
    /// Row group, first row in it, rows.
    pub(super) rows: (usize, usize, usize),
    /// Earliest and latest time, UTC milliseconds.
    pub(super) time_ms: (i64, i64),
    /// West, south, east, north in 1e-6 degree.
    pub(super) area: [i32; 4],
    /// What every row says alike.
    #[serde(default)]
    pub(super) alike: Alike,
}

/// What every row of a run says alike, so that a query need not unpack those columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Alike {
    /// Milliseconds of the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) time_ms: Option<i32>,
    /// What the clock was put right by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repair_ms: Option<i64>,
    /// Number of the feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feed: Option<u8>,
    /// Number of the datum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) datum: Option<u8>,
    /// No row has items.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) bare: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Alike {
    fn of(rows: &[Record]) -> Self {
        Self {
            time_ms: same(rows, millis),
            repair_ms: same(rows, repair),
            feed: same(rows, |r| r.feed as u8),
            datum: same(rows, |r| datum_index(r.datum) as u8),
            bare: rows.iter().all(|r| r.items.is_empty()),
        }
    }
}

fn same<T: PartialEq>(rows: &[Record], value: impl Fn(&Record) -> T) -> Option<T> {
    let first = value(rows.first()?);
    rows.iter().all(|row| value(row) == first).then_some(first)
}

fn millis(record: &Record) -> i32 {
    record.time_ms.rem_euclid(1000) as i32
}

fn repair(record: &Record) -> i64 {
    record.device_time_ms.wrapping_sub(record.time_ms)
}

/// Shared text as text.
mod shared_text {
    use super::Arc;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Arc::from)
    }
}

impl Run {
    pub(super) fn area(&self) -> Area {
        let [min_lon_e6, min_lat_e6, max_lon_e6, max_lat_e6] = self.area;
        Area { min_lon_e6, min_lat_e6, max_lon_e6, max_lat_e6 }
    }
}

/// A file in the making.
pub(super) struct DayWriter {
    name: String,
    writer: SerializedFileWriter<File>,
    runs: Vec<Run>,
    group: Vec<Record>,
    /// Rows of the group by vehicle.
    names: Vec<(ByteArray, usize)>,
    groups: usize,
}

impl DayWriter {
    pub(super) fn new(name: &str, file: File) -> Result<Self, FilesError> {
        let writer = SerializedFileWriter::new(file, schema()?, Arc::new(properties()?))
            .map_err(FilesError::parquet(name))?;
        Ok(Self {
            name: name.to_owned(),
            writer,
            runs: Vec::new(),
            group: Vec::new(),
            names: Vec::new(),
            groups: 0,
        })
    }

    /// Appends the settled rows of a vehicle; vehicles come in the order of their names.
    pub(super) fn vehicle(&mut self, vehicle: &Arc<str>, rows: &[Record]) -> Result<(), FilesError> {
        for part in rows.chunks(GROUP_ROWS) {
            if self.group.len() + part.len() > GROUP_ROWS {
                self.flush()?;
            }
            let mut area = [i32::MAX, i32::MAX, i32::MIN, i32::MIN];
            for r in part {
                area[0] = area[0].min(r.lon_e6);
                area[1] = area[1].min(r.lat_e6);
                area[2] = area[2].max(r.lon_e6);
                area[3] = area[3].max(r.lat_e6);
            }
            self.runs.push(Run {
                vehicle: Arc::clone(vehicle),
                rows: (self.groups, self.group.len(), part.len()),
                time_ms: (part[0].time_ms, part[part.len() - 1].time_ms),
                area,
                alike: Alike::of(part),
            });
            self.names.push((ByteArray::from(vehicle.as_bytes().to_vec()), part.len()));
            self.group.extend_from_slice(part);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), FilesError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let wrong = |err| FilesError::parquet(self.name.as_str())(err);
        let mut group = self.writer.next_row_group().map_err(wrong)?;
        write_group(&mut group, &self.names, &self.group).map_err(wrong)?;
        group.close().map_err(wrong)?;
        self.group.clear();
        self.names.clear();
        self.groups += 1;
        Ok(())
    }

    /// Writes directory and footer, makes the file durable, and gives its directory.
    pub(super) fn finish(mut self) -> Result<Vec<Run>, FilesError> {
        self.flush()?;
        let wrong = |err| FilesError::parquet(self.name.as_str())(err);
        let directory = serde_json::to_string(&self.runs).map_err(|err| FilesError::Damaged {
            file: self.name.clone(),
            what: format!("its directory cannot be written: {err}"),
        })?;
        self.writer.append_key_value_metadata(KeyValue::new(DIRECTORY_KEY.to_owned(), directory));
        self.writer.finish().map_err(wrong)?;
        let file = self.writer.inner();
        file.sync_all().map_err(FilesError::io(format!("syncing {}", self.name)))?;
        Ok(self.runs)
    }
}

type Written = Result<(), parquet::errors::ParquetError>;

fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    names: &[(ByteArray, usize)],
    rows: &[Record],
) -> Written {
    let mut vehicles = Vec::with_capacity(rows.len());
    for (name, count) in names {
        vehicles.extend(std::iter::repeat_n(name, *count).cloned());
    }
    let feeds = FEEDS.map(ByteArray::from);
    let datums = DATUMS.map(ByteArray::from);
    let mut at = 0;
    while let Some(mut next) = group.next_column()? {
        match at {
            column::VEHICLE => put::<ByteArrayType>(&mut next, &vehicles),
            column::TIME_S => all::<Int64Type>(&mut next, rows, |r| r.time_ms.div_euclid(1000)),
            column::TIME_MS => all::<Int32Type>(&mut next, rows, millis),
            column::REPAIR_MS => all::<Int64Type>(&mut next, rows, repair),
            column::DELAY_MS => all::<Int64Type>(&mut next, rows, |r| r.received_ms.wrapping_sub(r.time_ms)),
            column::LON => all::<Int32Type>(&mut next, rows, |r| r.lon_e6),
            column::LAT => all::<Int32Type>(&mut next, rows, |r| r.lat_e6),
            column::ALTITUDE => some::<Int32Type>(&mut next, rows, |r| r.altitude_m.map(i32::from)),
            column::SPEED => some::<FloatType>(&mut next, rows, |r| r.speed_dkmh.map(f32::from)),
            column::COURSE => some::<FloatType>(&mut next, rows, |r| r.course_deg.map(f32::from)),
            column::STATUS => all::<Int32Type>(&mut next, rows, |r| r.status as i32),
            column::ALARM => all::<Int32Type>(&mut next, rows, |r| r.alarm as i32),
            column::FLAGS => all::<Int32Type>(&mut next, rows, |r| i32::from(r.flags.0)),
            column::FEED => all::<ByteArrayType>(&mut next, rows, |r| feeds[r.feed as usize].clone()),
            column::DATUM => all::<ByteArrayType>(&mut next, rows, |r| datums[datum_index(r.datum)].clone()),
            _ => some::<ByteArrayType>(&mut next, rows, |r| {
                (!r.items.is_empty()).then(|| ByteArray::from(r.items.clone()))
            }),
        }?;
        next.close()?;
        at += 1;
    }
    Ok(())
}

type Column<'a> = parquet::file::writer::SerializedColumnWriter<'a>;

fn put<T: DataType>(column: &mut Column<'_>, values: &[T::T]) -> Written {
    column.typed::<T>().write_batch(values, None, None).map(|_| ())
}

fn all<T: DataType>(column: &mut Column<'_>, rows: &[Record], value: impl Fn(&Record) -> T::T) -> Written {
    put::<T>(column, &rows.iter().map(value).collect::<Vec<_>>())
}

fn some<T: DataType>(
    column: &mut Column<'_>,
    rows: &[Record],
    value: impl Fn(&Record) -> Option<T::T>,
) -> Written {
    let mut levels = Vec::with_capacity(rows.len());
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let value = value(row);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    column.typed::<T>().write_batch(&values, Some(&levels), None).map(|_| ())
}

/// Names of feeds, by their number.
pub(super) const FEEDS: [&str; 5] = ["jt808", "jt809", "osmand", "owntracks", "msgpack"];
/// Names of datums.
pub(super) const DATUMS: [&str; 3] = ["wgs84", "gcj02", "bd09"];

/// The feed of a number.
pub(super) fn feed_at(at: usize) -> Option<Feed> {
    [Feed::Jt808, Feed::Jt809, Feed::Osmand, Feed::Owntracks, Feed::Msgpack].get(at).copied()
}

pub(super) fn feed_of(name: &[u8]) -> Option<Feed> {
    FEEDS.iter().position(|f| f.as_bytes() == name).and_then(feed_at)
}

fn datum_index(datum: Datum) -> usize {
    match datum {
        Datum::Wgs84 => 0,
        Datum::Gcj02 => 1,
        Datum::Bd09 => 2,
    }
}

/// The datum of a number.
pub(super) fn datum_at(at: usize) -> Option<Datum> {
    [Datum::Wgs84, Datum::Gcj02, Datum::Bd09].get(at).copied()
}

pub(super) fn datum_of(name: &[u8]) -> Option<Datum> {
    DATUMS.iter().position(|d| d.as_bytes() == name).and_then(datum_at)
}
