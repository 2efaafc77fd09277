//! The position segment log: where an acknowledged position lives.
//!
//! What it promises: [`PositionLog::append`] gives a ticket, and when [`PositionLog::wait`] or
//! [`PositionLog::poll_durable`] says so, everything up to the ticket has been written and synced; many links share
//! one sync (group commit by one writer thread). A torn tail is cut at opening; damage below what a later commit
//! vouches for is refused by name, never repaired silently. A full disk stops appends, keeps what waits, and goes on
//! by itself; a failed write or sync ends the log until it is opened again. Sealed segments carry a SHA-256, chained
//! from segment to segment, and are announced to a [`Sink`] as [`PositionsSealed`].
//! What it never does: acknowledge on its own, grow without bound, drop a duplicate (the session does that before;
//! queries do it again), read a clock (one is given).
//!
//! ```
//! use xiangyun_telematics::segments::{Chunk, NoSink, PositionLog, Record, Settings, SimDisk};
//! let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
//! let device = log.device("13912345678").unwrap();
//! let mut chunk = Chunk::default();
//! chunk.push(&Record { device, time_ms: 1_000, lon_e6: 113_050_000, lat_e6: 33_870_000, ..Record::default() });
//! let ticket = log.append(&chunk).unwrap();
//! log.wait(ticket).unwrap();
//! assert_eq!(log.vehicle("13912345678", 0, 2_000).unwrap().len(), 1);
//! ```

mod disk;
mod error;
mod faulty;
mod follow;
pub mod limits;
mod log;
mod query;
mod record;
mod recover;
mod runs;
mod segment;
mod varint;
mod writer;

pub use disk::{Disk, Folder, LogFile};
pub use error::{LogError, Refused};
pub use faulty::{Fault, SimDisk};
pub use follow::{Cursor, Durable, Follower};
pub use log::{Chunk, Clock, NoSink, PositionLog, PositionsSealed, Settings, Sink, Statistics, Ticket};
pub(crate) use query::settle;
pub use record::{DeviceId, Key, Record};
pub use runs::Area;

#[cfg(test)]
mod tests;
