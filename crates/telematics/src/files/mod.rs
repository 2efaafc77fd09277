//! Track files: sealed segments as Parquet by day, and questions over segments and files alike (feature `parquet`).
//!
//! What it promises: what a file holds is what its segments held, each report once, no digit lost ([`SCHEMA`]); a file
//! appears whole and durable or not at all, and a crash at any moment loses and doubles nothing; DuckDB, pandas and
//! everything else that reads Parquet reads them: `SELECT to_timestamp(time_s), vehicle, lon_e6 / 1e6, lat_e6 / 1e6
//! FROM read_parquet('tracks/*/*.parquet', hive_partitioning = true) WHERE day = '2026-11-24'`.
//! Segments are removed only when they are filed and older than the setting.
//! What it never does: change a segment, read a clock (one is given), file the segment that still grows.
//!
//! ```
//! use xiangyun_telematics::files::{Archive, History, Retention};
//! use xiangyun_telematics::segments::{Chunk, NoSink, PositionLog, Record, Settings, SimDisk};
//! use xiangyun_telematics::session::Now;
//! let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
//! let device = log.device("V07").unwrap();
//! let mut chunk = Chunk::default();
//! chunk.push(&Record { device, time_ms: 1_795_000_000_000, ..Record::default() });
//! log.wait(log.append(&chunk).unwrap()).unwrap();
//! log.seal_soon();
//! # while log.sealed().is_empty() { std::thread::sleep(std::time::Duration::from_millis(1)) }
//! let dir = tempfile::tempdir().unwrap();
//! let archive = Archive::open(dir.path()).unwrap();
//! archive.maintain(&log, Now::both(1_795_000_000_000), &Retention::default()).unwrap();
//! assert_eq!(archive.size().positions, 1);
//! let day = History::new(&log, &archive).vehicle("V07", 1_794_960_000_000, 1_795_046_400_000).unwrap();
//! assert_eq!(day.len(), 1);
//! ```

mod archive;
mod error;
mod history;
pub mod limits;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use archive::{Archive, ArchiveSize, Maintained, Retention};
pub use error::FilesError;
pub use history::{History, Located};
pub use schema::SCHEMA;

/// Name of the folder of track files beside the segments.
pub const TRACKS: &str = "tracks";
