//! What a JT/T 808 link means, without a socket: bytes in, actions out, clocks given.
//!
//! A [`Link`] is one connection (or one UDP peer); a [`Registry`] knows every terminal across links: which link is
//! the newest, which reports were seen lately, which commands wait for an answer. [`Link::receive`] turns bytes into
//! [`Actions`]: positions for the log, replies, notices, perhaps the wish to close.
//! What it promises: a reply to a report stands in `replies` beside the chunk that must be durable first; a report
//! sent again is acknowledged and not stored twice; every queue and count has a bound ([`limits`]); nothing in a
//! frame can make it panic.
//! What it never does: wait, read a clock, touch a socket or a file.
//!
//! ```
//! use xiangyun_telematics::segments::{NoSink, PositionLog, Settings, SimDisk};
//! use xiangyun_telematics::session::{Actions, Link, Now, Registry, SessionSettings};
//! let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
//! let registry = Registry::new(SessionSettings::default());
//! let mut link = Link::new(registry.next_link_id(), Now::both(0));
//! let mut actions = Actions::default();
//! let heartbeat = [0x7e, 0, 2, 0, 0, 4, 0, 0x21, 0x67, 0x92, 0x87, 0, 0x2b, 0x7d, 2, 0x7e];
//! link.receive(&heartbeat, Now::both(1_000), &registry, &log, &mut actions);
//! assert!(actions.chunk.is_empty());
//! assert_eq!(actions.replies[..3], [0x7e, 0x80, 0x01]); // the general reply
//! ```

mod actions;
mod clock;
mod command;
pub mod limits;
mod link;
mod location;
mod messages;
mod parts;
mod recent;
mod registry;
mod report;
pub mod stored;
mod terminal;
#[cfg(test)]
mod tests;

pub use actions::{Actions, CloseReason, LinkCounts, Notice};
pub use clock::{ClockVerdict, Judged, judge_clock};
pub use command::{Command, CommandId, Outcome};
pub use link::{Link, LinkId, Names, Now};
pub use location::{Location, LocationFault};
pub use registry::{Registry, SessionSettings, TerminalProfile};
pub use report::Reported;
