//! A simulated day of a county: vehicles drive the published plan with the noise, faults and people of a real one, and
//! everything they do goes through a [`desk::Desk`]: the running day in this process, or a daemon over its API and gateway.
//!
//! It promises: same plan, seed and faults, same day; the simulator knows the truth (where every parcel really is) and
//! checks the desk against it. It never does: decide anything for the desk, read a clock.

pub mod chance;
pub mod county;
pub mod desk;
pub mod faults;
pub mod local;
mod nightfall;
mod people;
pub mod score;
mod truth;
mod vehicle;
pub mod ways;
pub mod world;
