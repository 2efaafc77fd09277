//! Positions by device: the index of the open segment in memory, and the file beside a sealed one. A run holds one
//! device's positions of one segment in order of arrival, each coded relative to the one before.

use super::disk::Disk;
use super::error::LogError;
use super::record::{DeviceId, Forerunner, Record};
use super::varint::{Bytes, put_i64, put_u64};

const MAGIC: &[u8; 8] = b"XYPRUN1\n";
const TAIL_BYTES: usize = 8 + 4 + 4 + 8;

/// A rectangle in 1e-6 degrees, edges included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Western edge.
    pub min_lon_e6: i32,
    /// Southern edge.
    pub min_lat_e6: i32,
    /// Eastern edge.
    pub max_lon_e6: i32,
    /// Northern edge.
    pub max_lat_e6: i32,
}

impl Area {
    pub(crate) const NONE: Self =
        Self { min_lon_e6: i32::MAX, min_lat_e6: i32::MAX, max_lon_e6: i32::MIN, max_lat_e6: i32::MIN };

    /// Whether the record lies inside.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        (self.min_lon_e6..=self.max_lon_e6).contains(&record.lon_e6)
            && (self.min_lat_e6..=self.max_lat_e6).contains(&record.lat_e6)
    }

    fn grow(&mut self, record: &Record) {
        self.min_lon_e6 = self.min_lon_e6.min(record.lon_e6);
        self.max_lon_e6 = self.max_lon_e6.max(record.lon_e6);
        self.min_lat_e6 = self.min_lat_e6.min(record.lat_e6);
        self.max_lat_e6 = self.max_lat_e6.max(record.lat_e6);
    }

    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.min_lon_e6 <= other.max_lon_e6
            && other.min_lon_e6 <= self.max_lon_e6
            && self.min_lat_e6 <= other.max_lat_e6
            && other.min_lat_e6 <= self.max_lat_e6
    }
}

/// What is known of a run without reading it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) count: u32,
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
    pub(crate) area: Area,
}

impl Extent {
    const EMPTY: Self = Self { count: 0, min_time_ms: i64::MAX, max_time_ms: i64::MIN, area: Area::NONE };

    fn grow(&mut self, record: &Record) {
        self.count += 1;
        self.min_time_ms = self.min_time_ms.min(record.time_ms);
        self.max_time_ms = self.max_time_ms.max(record.time_ms);
        self.area.grow(record);
    }

    pub(crate) fn overlaps(&self, from_ms: i64, to_ms: i64) -> bool {
        self.count > 0 && self.min_time_ms < to_ms && self.max_time_ms >= from_ms
    }
}

/// One device's positions of one segment.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) extent: Extent,
    pub(crate) bytes: Vec<u8>,
    forerunner: Forerunner,
}

impl Run {
    fn new(device: DeviceId) -> Self {
        Self { extent: Extent::EMPTY, bytes: Vec::new(), forerunner: Forerunner::of(device) }
    }

    fn push(&mut self, record: &Record) {
        self.extent.grow(record);
        self.forerunner.encode(record, &mut self.bytes);
    }
}

/// Reads a run, giving each record; `false` if it ends badly.
pub(crate) fn read_run(device: DeviceId, bytes: &[u8], mut each: impl FnMut(&Record)) -> bool {
    let mut forerunner = Forerunner::of(device);
    let mut bytes = Bytes::new(bytes);
    while !bytes.is_empty() {
        let Some(record) = forerunner.decode(&mut bytes) else { return false };
        each(record);
    }
    true
}

/// The runs of a segment in memory, indexed by device.
#[derive(Debug, Default)]
pub(crate) struct RunTable {
    runs: Vec<Option<Box<Run>>>,
    pub(crate) count: u64,
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
}

impl RunTable {
    pub(crate) fn push(&mut self, record: &Record) {
        let index = record.device.0 as usize;
        if index >= self.runs.len() {
            self.runs.resize_with(index + 1, || None);
        }
        self.runs[index].get_or_insert_with(|| Box::new(Run::new(record.device))).push(record);
        if self.count == 0 {
            (self.min_time_ms, self.max_time_ms) = (record.time_ms, record.time_ms);
        }
        self.min_time_ms = self.min_time_ms.min(record.time_ms);
        self.max_time_ms = self.max_time_ms.max(record.time_ms);
        self.count += 1;
    }

    pub(crate) fn run(&self, device: DeviceId) -> Option<&Run> {
        self.runs.get(device.0 as usize)?.as_deref()
    }

    /// One past the greatest device index.
    pub(crate) fn devices(&self) -> u32 {
        self.runs.len() as u32
    }

    /// The bytes of the runs file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let total: usize = self.runs.iter().flatten().map(|r| r.bytes.len() + 64).sum();
        let mut out = Vec::with_capacity(total + 64);
        out.extend_from_slice(MAGIC);
        let mut directory = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let Some(run) = run else { continue };
            put_u64(&mut directory, index as u64);
            put_u64(&mut directory, u64::from(run.extent.count));
            put_i64(&mut directory, run.extent.min_time_ms);
            put_i64(&mut directory, run.extent.max_time_ms);
            let a = run.extent.area;
            for edge in [a.min_lon_e6, a.min_lat_e6, a.max_lon_e6, a.max_lat_e6] {
                put_i64(&mut directory, i64::from(edge));
            }
            put_u64(&mut directory, out.len() as u64);
            put_u64(&mut directory, run.bytes.len() as u64);
            put_u64(&mut directory, u64::from(crc32fast::hash(&run.bytes)));
            out.extend_from_slice(&run.bytes);
        }
        let start = out.len() as u64;
        out.extend_from_slice(&directory);
        out.extend_from_slice(&start.to_le_bytes());
        out.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(&directory).to_le_bytes());
        out.extend_from_slice(MAGIC);
        out
    }
}

/// Where a run lies in a runs file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) device: DeviceId,
    pub(crate) extent: Extent,
    offset: u64,
    length: u32,
    crc: u32,
}

/// The directory of a runs file, sorted by device.
#[derive(Debug)]
pub(crate) struct Directory {
    name: String,
    places: Vec<Place>,
}

impl Directory {
    /// Reads the directory at the end of a runs file; `None` if the file is not whole.
    pub(crate) fn open(disk: &dyn Disk, name: &str) -> Option<Self> {
        let length = disk.length(name).ok()?;
        let tail = disk.read_at(name, length.checked_sub(TAIL_BYTES as u64)?, TAIL_BYTES).ok()?;
        let mut rest = Bytes::new(&tail);
        let start = rest.le_u64()?;
        let size = rest.le_u32()? as usize;
        let crc = rest.le_u32()?;
        if rest.take(8)? != MAGIC || start.checked_add((size + TAIL_BYTES) as u64)? != length {
            return None;
        }
        let directory = disk.read_at(name, start, size).ok()?;
        if crc32fast::hash(&directory) != crc {
            return None;
        }
        Self::decode(name, &directory)
    }

    fn decode(name: &str, directory: &[u8]) -> Option<Self> {
        let mut rest = Bytes::new(directory);
        let mut places = Vec::new();
        while !rest.is_empty() {
            places.push(Place {
                device: DeviceId(u32::try_from(rest.u64()?).ok()?),
                extent: Extent {
                    count: u32::try_from(rest.u64()?).ok()?,
                    min_time_ms: rest.i64()?,
                    max_time_ms: rest.i64()?,
                    area: Area {
                        min_lon_e6: i32::try_from(rest.i64()?).ok()?,
                        min_lat_e6: i32::try_from(rest.i64()?).ok()?,
                        max_lon_e6: i32::try_from(rest.i64()?).ok()?,
                        max_lat_e6: i32::try_from(rest.i64()?).ok()?,
                    },
                },
                offset: rest.u64()?,
                length: u32::try_from(rest.u64()?).ok()?,
                crc: u32::try_from(rest.u64()?).ok()?,
            });
        }
        Some(Self { name: name.to_owned(), places })
    }

    pub(crate) fn find(&self, device: DeviceId) -> Option<&Place> {
        self.places.binary_search_by_key(&device, |p| p.device).ok().map(|at| &self.places[at])
    }

    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Reads one run's bytes and checks them.
    pub(crate) fn read(&self, disk: &dyn Disk, place: &Place) -> Result<Vec<u8>, LogError> {
        let bytes = disk
            .read_at(&self.name, place.offset, place.length as usize)
            .map_err(LogError::io(format!("reading {}", self.name)))?;
        if crc32fast::hash(&bytes) != place.crc {
            return Err(LogError::Damaged {
                segment: self.name.clone(),
                offset: place.offset,
                what: "a run does not match its checksum; remove the file, it is rebuilt from its segment",
            });
        }
        Ok(bytes)
    }
}
