//! Named bounds of this crate; `docs/limits.md` lists them with their reasons.

/// Longest JT/T 808 frame between its delimiters, as it travels: header 21, body 1023 and checksum 1, all escaped.
pub const FRAME_WIRE_MAX_BYTES: usize = 2 * (21 + 1023 + 1);
/// Longest JT/T 808 message body in one frame.
pub const BODY_MAX_BYTES: usize = 1023;
/// Most parts that one split message may claim, of 65535 that the header allows.
pub const PARTS_MAX: u16 = 1024;
/// Most bytes that the parts of one terminal may hold together.
pub const PARTS_BYTES_MAX: usize = 1 << 20;
/// Most split messages that one terminal may have open at once.
pub const PARTS_OPEN_MAX: usize = 4;
/// Age at which an unfinished split message is given up, in milliseconds.
pub const PARTS_AGE_MAX_MS: i64 = 120_000;
/// Longest JT/T 809 message between its delimiters, as it travels. Photographs of 0x1500 answers reach tens of
/// kilobytes.
pub const PLATFORM_FRAME_WIRE_MAX_BYTES: usize = 256 * 1024;
/// Most rows of one MessagePack batch.
pub const BATCH_ROWS_MAX: usize = 10_000;
/// Longest MessagePack batch in bytes.
pub const BATCH_MAX_BYTES: usize = 4 << 20;
/// Deepest nesting accepted in a MessagePack batch.
pub const BATCH_DEPTH_MAX: usize = 8;
/// Most extra attributes kept of one app report; later ones are dropped.
pub const APP_ATTRIBUTES_MAX: usize = 64;
/// Longest name or value of an app attribute in bytes; longer ones are cut.
pub const APP_TEXT_MAX_BYTES: usize = 1024;
/// Longest app request body or MQTT payload in bytes.
pub const APP_BODY_MAX_BYTES: usize = 64 * 1024;
/// Longest line read by `telematics decode` and `encode`.
pub const LINE_MAX_BYTES: usize = 8 << 20;
