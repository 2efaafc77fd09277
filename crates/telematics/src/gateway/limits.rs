//! Bounds of the gateway's sockets.

use std::time::Duration;

/// TCP links at once.
pub const CONNECTIONS_MAX: usize = 20_000;
/// TCP links at once from one address: carriers put many SIM cards behind one.
pub const CONNECTIONS_AN_ADDRESS_MAX: usize = 2_000;
/// UDP peers at once; the one silent longest gives way.
pub const PEERS_MAX: usize = 20_000;
/// Bytes read from a link in one go, into a buffer of the thread.
pub const READ_BYTES: usize = 32 * 1024;
/// Pause between two reads of a link while the gateway gives way to other work: well within what a terminal waits for an
/// answer before it sends again.
pub const GIVE_WAY_PAUSE: Duration = Duration::from_secs(2);
/// How long the gateway gives way each time that it is asked to, in milliseconds.
pub const GIVE_WAY_MS: i64 = 1_000;
/// Reads of one link that may wait for the log.
pub const READS_WAITING_MAX: usize = 8;
/// Reply bytes that one link may leave unread before it is closed.
pub const UNREAD_BYTES_MAX: usize = 1 << 20;
/// How long a link may refuse to take replies.
pub const WRITE_STALL: Duration = Duration::from_secs(30);
/// Longest pause between two looks at a quiet link.
pub const TICK_QUIET_MS: i64 = 15_000;
/// Pause between two looks at a link with commands or split messages.
pub const TICK_BUSY_MS: i64 = 1_000;
/// Time that links get to take their last replies when the gateway closes.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Notices that may wait for whoever listens; more are counted and dropped.
pub const NOTICES_MAX: usize = 4_096;
/// Pause between two rounds of filing and retention.
pub const MAINTAIN_EVERY: Duration = Duration::from_secs(60);
/// Time to connect to an upper platform.
pub const PLATFORM_CONNECT: Duration = Duration::from_secs(10);
/// Bytes read from the main link of an upper platform in one go.
pub const PLATFORM_READ_BYTES: usize = 32 * 1024;
/// Positions read ahead for an upper platform before its outbox waits for answers.
pub const OUTBOX_AHEAD_MAX: usize = 4_096;
/// Requests to one upper platform that may wait.
pub const PLATFORM_REQUESTS_MAX: usize = 256;
/// Events of upper platforms that may wait for whoever listens; more are counted and dropped.
pub const PLATFORM_EVENTS_MAX: usize = 1_024;
/// Commands whose state is remembered.
pub const COMMANDS_KEPT_MAX: usize = 65_536;
/// UDP replies that may wait for the log.
pub const DATAGRAMS_WAITING_MAX: usize = 4_096;
/// HTTP connections of phone apps at once.
pub const APP_CONNECTIONS_MAX: usize = 2_000;
/// Time for the head of an HTTP request.
pub const APP_HEAD: Duration = Duration::from_secs(10);
/// Time for the rest of an HTTP request.
pub const APP_REQUEST: Duration = Duration::from_secs(30);
/// Positions read back at start so that resends are known.
pub const RESTORE_POSITIONS: u64 = 500_000;
/// Reports of a batch that go to the log in one chunk.
pub const REPORTS_A_CHUNK: usize = 500;
/// Pause before a broker or platform is tried again.
pub const RECONNECT: Duration = Duration::from_secs(2);
/// MQTT messages that may wait to be stored.
pub const MQTT_WAITING_MAX: u16 = 100;
/// Longest MQTT message taken.
pub const MQTT_BYTES_MAX: u32 = 256 * 1024;
