//! The gateway: sockets around the sessions and the position log (feature `gateway`, tokio).
//!
//! What it promises: a reply to a report leaves only after the report is durable; a link that does not read, sends
//! rubbish, or stays silent is closed and counted; when the disk is slow or full, links are not read, so memory does
//! not grow; a quiet link costs about a kilobyte; [`Gateway::drain`] answers what was taken before it closes.
//! What it never does: interpret a position (tracks do), keep state that is not in the log.
//!
//! A complete gateway is in `examples/gateway.rs`.
//!
//! # Inside a daemon
//!
//! A daemon opens the [`PositionLog`](crate::segments::PositionLog), starts a [`Gateway`] over it, and reads along
//! with a [`Follower`](crate::segments::Follower). What a follower gives is durable, in order and complete: positions
//! with their sequence, and every other message (registration, driver card, waybill, CAN …) as it came. The consumer
//! keeps the follower's [`Cursor`](crate::segments::Cursor) in the same transaction as what it made of the reports, and
//! goes on from there after a restart: each is then taken exactly once. No callback runs on the writer's thread and
//! nothing is dropped for a slow consumer.
//!
//! | wish | where |
//! | --- | --- |
//! | positions and messages, durable and in order | [`PositionLog::follow`](crate::segments::PositionLog::follow) |
//! | items of a position as values (temperatures, odometer …) | [`stored::items_of`](crate::session::stored::items_of) |
//! | a vehicle's day, the fleet at an instant, a box and a span | [`PositionLog::vehicle`](crate::segments::PositionLog::vehicle), `fleet_at`, `within` |
//! | who is online; registrations | [`Gateway::notices`], [`Registry::online`](crate::session::Registry::online) |
//! | a text or other command to a cab, and its answer | [`Hub::send`], [`Hub::command`], [`Hub::answered`] |
//! | positions of another source (the daemon's own HTTP) | [`Hub::report`]: returns when durable |
//! | track files of days past, and questions over both | [`Hub::archive`], [`History`](crate::files::History) |
//! | an upper platform (JT/T 809): its events, answers to it | [`Gateway::platform_events`], [`Hub::platform_send`] |
//! | sealed segments as facts for the event log | [`Sink::sealed`](crate::segments::Sink::sealed) |
//! | counters for metrics | [`Hub::counts`], [`PositionLog::statistics`](crate::segments::PositionLog::statistics) |
//! | time | [`Clocks`]: `wall` for sockets and timeouts, `business` for positions |
//! | the end | [`Gateway::drain`]; [`Gateway::failed`] when the disk failed |
//!
//! ```
//! use std::sync::Arc;
//! use xiangyun_telematics::gateway::{Clocks, Config, Gateway, load::report};
//! use xiangyun_telematics::position::TerminalKey;
//! use xiangyun_telematics::segments::{Cursor, Durable, NoSink, PositionLog, Settings, SimDisk};
//! use xiangyun_telematics::session::{Command, Outcome};
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! // Both clocks are given; here both stand still.
//! let clock: xiangyun_telematics::segments::Clock = Arc::new(|| 1_795_000_000_000);
//! let clocks = Clocks { wall: clock.clone(), business: clock };
//! let log = PositionLog::open(SimDisk::new(), Settings::for_tests(), NoSink).unwrap();
//! let mut config = Config::in_folder("unused: the log is in memory");
//! config.tracks = false;
//! config.tcp = Some("127.0.0.1:0".parse().unwrap());
//! let gateway = Gateway::start(&config, log.clone(), clocks).await.unwrap();
//!
//! // A terminal reports; its acknowledgement comes when the report is durable.
//! let mut terminal = tokio::net::TcpStream::connect(gateway.tcp().unwrap()).await.unwrap();
//! terminal.write_all(&report(13_900_000_001, 0, 1_795_000_000_000)).await.unwrap();
//! let mut reply = [0; 256];
//! let length = terminal.read(&mut reply).await.unwrap();
//! assert_eq!(reply[1..3], [0x80, 0x01]);
//!
//! // The consumer: from the place where it stopped last time.
//! let mut follower = log.follow(Cursor::default());
//! follower.more().await.unwrap();
//! let mut taken = Vec::new();
//! follower
//!     .read(|durable| {
//!         if let Durable::Position { seq, record } = durable {
//!             taken.push((seq, log.device_id(record.device).unwrap(), record.place()));
//!         }
//!     })
//!     .unwrap();
//! assert_eq!((taken[0].0, &*taken[0].1), (1, "13900000001"));
//! let _keep_me = follower.cursor();
//!
//! // A text to the cab: sent at once, answered by the terminal, its state known all the while.
//! let hub = gateway.hub();
//! let text = Command::text("前方封路，请绕行", true).unwrap();
//! let command = hub.send(&TerminalKey::new("13900000001"), text).unwrap();
//! let length = terminal.read(&mut reply).await.unwrap();
//! assert_eq!(reply[1..3], [0x83, 0x00]);
//! let answer = [&[0, 1, 0, 5, 1, 0x39, 0, 0, 0, 1, 0, 9][..], &reply[11..13], &[0x83, 0, 0]].concat();
//! let mut frame = Vec::new();
//! xiangyun_telematics::jt808::write_frame(&answer, &mut frame);
//! terminal.write_all(&frame).await.unwrap();
//! assert_eq!(hub.answered(command).await, Some(Outcome::Replied(0)));
//! gateway.drain().await;
//! # });
//! ```

mod commands;
mod config;
mod facts;
mod hub;
pub mod limits;
pub mod load;
mod mqtt;
mod osmand;
mod outbox;
mod platform;
mod tcp;
mod tracks;
mod udp;

pub use commands::{CommandState, CommandStatus};
pub use config::{Config, ConfigFault, MqttConfig, PlatformConfig, PlatformVehicle};
pub use facts::{FACTS, FactFile};
pub use hub::{Clocks, Counts, Gateway, GatewayError, Hub, PlatformCounts};
pub use outbox::OutboxError;
pub use platform::{PlatformEvent, PlatformRequest};
pub use tracks::FilingCounts;
