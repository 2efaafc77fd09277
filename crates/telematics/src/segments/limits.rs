//! Bounds of the position segment log.

/// Bytes of additional items kept with one position; more is cut at an item's end by the session.
pub const ITEMS_BYTES_MAX: usize = 1024;
/// Bytes of one framed payload in a segment.
pub const PAYLOAD_BYTES_MAX: usize = 4096;
/// Bytes that may wait for the writer before `append` refuses.
pub const PENDING_BYTES_MAX: usize = 8 << 20;
/// Bytes of one chunk given to `append`.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Bytes of a segment before it is sealed.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Devices in one log's dictionary.
pub const DEVICES_MAX: usize = 1 << 20;
/// Bytes of a device's identifier.
pub const DEVICE_ID_BYTES_MAX: usize = 64;
/// Segments whose runs may wait to be written before the writer waits too.
pub const FROZEN_MAX: usize = 3;
/// Free bytes below which nothing is appended.
pub const FREE_BYTES_FLOOR: u64 = 1 << 30;
/// Rows one query may return.
pub const QUERY_ROWS_MAX: usize = 5_000_000;
/// Bytes that a follower reads in one go.
pub const FOLLOW_BYTES: usize = 256 << 10;
/// Bytes of one raw message kept in the log.
pub const MESSAGE_BYTES_MAX: usize = 2048;
