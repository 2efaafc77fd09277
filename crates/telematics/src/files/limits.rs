//! Bounds of track files.

/// Rows of a row group before the next one begins: what a writer holds in memory.
pub const GROUP_ROWS: usize = 1 << 17;
/// Rows of a page of a column that takes room: what a query of few rows must unpack at least.
pub const PAGE_ROWS: usize = 8 << 10;
/// Rows of a page of a column with few values.
pub const WIDE_PAGE_ROWS: usize = 64 << 10;
/// Rows from which a second thread reads half of the columns: below it, starting one costs more than it saves.
pub const TWO_THREADS_ROWS: usize = 4 << 10;
/// Open files that are remembered with their directory.
pub const OPEN_FILES_MAX: usize = 32;
/// Files of one day before they are merged whatever their sizes.
pub const FILES_A_DAY_MAX: usize = 8;
/// Bytes of a file's directory of vehicles.
pub const DIRECTORY_BYTES_MAX: usize = 64 << 20;
