//! The gateway: sockets around the sessions and the position log (feature `gateway`, tokio).
//!
//! What it promises: a reply to a report leaves only after the report is durable; a link that does not read, sends
//! rubbish, or stays silent is closed and counted; when the disk is slow or full, links are not read, so memory does
//! not grow; a quiet link costs about a kilobyte; [`Gateway::drain`] answers what was taken before it closes.
//! What it never does: interpret a position (tracks do), keep state that is not in the log.
//!
//! A complete gateway is in `examples/gateway.rs`.

mod config;
mod facts;
mod hub;
pub mod limits;
pub mod load;
mod mqtt;
mod osmand;
mod tcp;
mod udp;

pub use config::{Config, ConfigFault, MqttConfig, PlatformConfig, PlatformVehicle};
pub use facts::{FACTS, FactFile};
pub use hub::{Clocks, Counts, Gateway, GatewayError, Hub};
