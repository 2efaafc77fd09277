//! What happened, kept: the event log of each county with its hash chain, the read models folded from it, personal
//! data apart under erasable keys, an outbox, snapshots, backup and verification.
//!
//! It promises: a reply to a command means that its events are durable; `seq` has no gaps; each event's hash covers
//! the one before it; read models change in the same transaction as the log. SQLite by default, PostgreSQL by URL,
//! the same contract tests on both.
//! It never does: decide anything (a [`writer::Machine`] does), know a business word, keep a name or a phone in an
//! event.
//!
//! ```no_run
//! # async fn example() -> Result<(), xiangyun_store::error::StoreError> {
//! use xiangyun_store::{backend::Store, log};
//! let store = Store::open("sqlite:///var/lib/xiangyun/county.db").await?;
//! let events = log::read(&store, "410421", 0, 100).await?;
//! println!("{} events", events.len());
//! # Ok(()) }
//! ```

pub mod backend;
pub mod backup;
pub mod error;
pub mod event;
pub mod log;
pub mod op;
pub mod outbox;
pub mod personal;
pub mod rebuild;
pub mod snapshot;
pub mod verify;
pub mod writer;
