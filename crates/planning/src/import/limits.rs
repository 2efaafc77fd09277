//! Named bounds of the importer; `docs/limits.md` lists them.

/// Largest file as it comes, before anything is unpacked, in bytes.
pub const FILE_BYTES_MAX: usize = 256 << 20;
/// Most rows with something in them that one import keeps; a county's day has no more orders.
pub const ROWS_MAX: usize = crate::limits::ORDERS_MAX;
/// Most columns of a table.
pub const COLUMNS_MAX: usize = 256;
/// Most bytes of one cell.
pub const CELL_BYTES_MAX: usize = 4096;
/// Most lines that one quoted row of CSV may span before its quotation mark counts as never closed.
pub const QUOTED_LINES_MAX: usize = 16;
/// Rows at the top in which the header is looked for (titles and dates stand above it).
pub const HEADER_ROWS_MAX: usize = 20;
/// Most entries of a workbook's ZIP archive.
pub const ZIP_ENTRIES_MAX: usize = 2_000;
/// Most bytes that one sheet of a workbook unpacks to; it is read as a stream.
pub const SHEET_BYTES_MAX: u64 = 1 << 30;
/// Most bytes that everything else in a workbook unpacks to; the shared strings among it are held in memory.
pub const WORKBOOK_BYTES_MAX: u64 = 96 << 20;
/// Most elements of everything but the sheets (each shared string costs some bytes of memory however short it is).
pub const WORKBOOK_TAGS_MAX: u64 = 6_000_000;
/// Longest text or tag between two `<` in any part of a workbook.
pub const XML_RUN_BYTES_MAX: u64 = 1 << 20;
/// Most merged ranges looked at.
pub const MERGES_MAX: usize = 100_000;
/// Most cells remembered as odd (formulas without values, lost digits) of one workbook.
pub const MARKS_MAX: usize = 200_000;
