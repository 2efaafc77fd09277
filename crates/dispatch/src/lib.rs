//! The running day of a county as a pure state machine: `decide(state, command) → events`, `apply(state, event)`.
//!
//! It promises: every parcel and lot is with exactly one [`holder::Holder`] at all times; a hand-over that does not
//! match what was expected opens an exception that names who had it; a command that is refused changes nothing;
//! replaying the events gives the same state, byte for byte.
//! It never does: routing, matching, searching, I/O, reading a clock. Times arrive with commands; repairs arrive as
//! finished offers with the versions of the vehicles they touch, and are accepted only while those still hold.
//!
//! ```
//! use xiangyun_dispatch::{command::{Command, PlaceOrder}, decide::decide, state::State};
//! let mut state = State::new("410421");
//! let order = PlaceOrder::parcel("W1", "yunda", "hub", "v1", 1_795_000_000_000);
//! let events = decide(&state, &Command::PlaceOrder(order), 1_794_960_000_000).unwrap();
//! for event in &events {
//!     state.apply(event);
//! }
//! assert_eq!(state.order("W1").unwrap().holder.to_string(), "carrier:yunda");
//! ```

pub mod arrival;
pub mod cold;
pub mod command;
pub mod decide;
pub mod duties;
pub mod eta;
pub mod event;
pub mod holder;
pub mod kpi;
pub mod monitor;
pub mod published;
pub mod refusal;
pub mod scans;
pub mod state;
pub mod status;
pub mod trace;
