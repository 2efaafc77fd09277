//! Bounds of sessions.

/// Bad frames in a minute that close a link.
pub const BAD_FRAMES_A_MINUTE_MAX: u32 = 10;
/// Bytes outside frames on a link before its first good frame.
pub const JUNK_BYTES_MAX: u64 = 4096;
/// Time to the first good frame, milliseconds.
pub const FIRST_FRAME_MS: i64 = 30_000;
/// Silence that closes a link, milliseconds: three heartbeats of a minute.
pub const IDLE_MS: i64 = 180_000;
/// Terminals on one link, as platforms forward many over one.
pub const TERMINALS_A_LINK_MAX: usize = 4096;
/// Terminals known to a registry.
pub const TERMINALS_MAX: usize = 200_000;
/// Reports of a terminal remembered against duplicates while it reports live.
pub const RECENT_LIVE: usize = 64;
/// Reports of a terminal remembered against duplicates while it sends backfill.
pub const RECENT_BACKFILL: usize = 1024;
/// Commands that may wait for one terminal.
pub const COMMANDS_WAITING_MAX: usize = 16;
/// Commands that may be on their way to one terminal.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 4;
/// Times a command is sent.
pub const COMMAND_TRIES: u8 = 3;
/// Wait for the answer to the first try of a command, milliseconds; doubled with each.
pub const COMMAND_ANSWER_MS: i64 = 10_000;
/// Time after which a command that found no link is given up, milliseconds.
pub const COMMAND_WAIT_MS: i64 = 24 * 3_600_000;
/// Reply bytes that one read may cause.
pub const REPLY_BYTES_MAX: usize = 256 * 1024;
/// How far a device's clock may run ahead, milliseconds.
pub const CLOCK_AHEAD_MS: i64 = 5 * 60_000;
/// How old a live report may be, milliseconds.
pub const CLOCK_BEHIND_MS: i64 = 7 * 86_400_000;
/// How old backfill may be, milliseconds.
pub const BACKFILL_BEHIND_MS: i64 = 180 * 86_400_000;
