//! The columns of a track file and how each is encoded.

use super::error::FilesError;
use super::limits::{PAGE_ROWS, WIDE_PAGE_ROWS};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};
use std::sync::Arc;

/// What a track file holds, one row a position, sorted by vehicle and time. Times are whole seconds and the rest in
/// milliseconds apart, as terminals report whole seconds: so differences stay small.
pub const SCHEMA: &str = "message positions {
    required binary vehicle (UTF8);
    required int64 time_s;
    required int32 time_ms;
    required int64 repair_ms;
    required int64 delay_ms;
    required int32 lon_e6;
    required int32 lat_e6;
    optional int32 altitude_m;
    optional float speed_dkmh;
    optional float course_deg;
    required int32 status (UINT_32);
    required int32 alarm (UINT_32);
    required int32 flags;
    required binary feed (UTF8);
    required binary datum (UTF8);
    optional binary items;
}";

/// Places of the columns in [`SCHEMA`].
pub(super) mod column {
    pub(crate) const VEHICLE: usize = 0;
    pub(crate) const TIME_S: usize = 1;
    pub(crate) const TIME_MS: usize = 2;
    pub(crate) const REPAIR_MS: usize = 3;
    pub(crate) const DELAY_MS: usize = 4;
    pub(crate) const LON: usize = 5;
    pub(crate) const LAT: usize = 6;
    pub(crate) const ALTITUDE: usize = 7;
    pub(crate) const SPEED: usize = 8;
    pub(crate) const COURSE: usize = 9;
    pub(crate) const STATUS: usize = 10;
    pub(crate) const ALARM: usize = 11;
    pub(crate) const FLAGS: usize = 12;
    pub(crate) const FEED: usize = 13;
    pub(crate) const DATUM: usize = 14;
    pub(crate) const ITEMS: usize = 15;
}

/// Columns whose neighbours differ little: differences are packed.
const DELTA: [&str; 5] = ["time_s", "delay_ms", "lon_e6", "lat_e6", "altitude_m"];
/// Columns of some hundred values that jump about, or stand still while a vehicle does: a dictionary, whose numbers take
/// nine or ten bits in motion and nothing at a stand. What is in neither list has few values: a dictionary, too, in
/// larger pages.
const NUMBERED: [&str; 2] = ["speed_dkmh", "course_deg"];
/// Columns that readers choose row groups by.
const CHOSEN_BY: [&str; 4] = ["vehicle", "time_s", "lon_e6", "lat_e6"];

pub(super) fn schema() -> Result<TypePtr, FilesError> {
    parse_message_type(SCHEMA).map(Arc::new).map_err(FilesError::parquet("the schema"))
}

pub(super) fn properties() -> Result<WriterProperties, FilesError> {
    let level = ZstdLevel::try_new(19).map_err(FilesError::parquet("the compression level"))?;
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_created_by(concat!("xiangyun ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_data_page_row_count_limit(WIDE_PAGE_ROWS)
        .set_write_batch_size(1024);
    for name in DELTA {
        let path = ColumnPath::from(name);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_data_page_row_count_limit(path.clone(), PAGE_ROWS)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for name in NUMBERED {
        properties = properties.set_column_data_page_row_count_limit(ColumnPath::from(name), PAGE_ROWS);
    }
    for name in CHOSEN_BY {
        properties =
            properties.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::Chunk);
    }
    Ok(properties.build())
}
