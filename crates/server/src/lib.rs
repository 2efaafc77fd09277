//! The daemon of a county's running day: HTTP API, live stream, people and their rights, audit, webhooks, notices, the
//! gateway of vehicle feeds, planner runs, plain pages.
//!
//! It promises: an answer with 2xx means durable; the same Idempotency-Key has one effect; who may do what is decided in
//! one table and one [`auth::authorize`]; every queue has a bound and every refusal a counter.
//! It never does: decide what the day allows (`dispatch` does), search or route on the request path, keep a name or a
//! phone in an event.
//!
//! ```no_run
//! # async fn example() -> Result<(), xiangyun_server::daemon::DaemonError> {
//! use xiangyun_server::{config::Config, daemon::Daemon};
//! let daemon = Daemon::start(Config::in_folder("data/baofeng", "var")).await?;
//! println!("{}", daemon.url());
//! daemon.end().await?;
//! # Ok(()) }
//! ```

#[allow(unused_qualifications)] // utoipa names query types again beside the arguments
pub mod api;
pub mod app;
pub mod ask;
pub mod auth;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod export;
pub mod files;
pub mod fleet;
pub mod forks;
pub mod http;
pub mod live;
pub mod machine;
pub mod messages;
pub mod metrics;
pub mod night;
pub mod notices;
pub mod office;
pub mod pages;
pub mod plans;
pub mod problem;
pub mod project;
pub mod relay;
pub mod runs;
pub mod studies;
pub mod tables;
pub mod ticks;
pub mod worker;
