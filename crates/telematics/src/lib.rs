//! The vehicles' voice: bytes of vehicle feeds to positions and messages, and back.
//!
//! What it promises: every frame of JT/T 808 (2011, 2013, 2019) and JT/T 809 (2011, 2019) is understood or kept raw,
//! never lost to an error in one of its items; OsmAnd, OwnTracks and MessagePack batches come to the same
//! [`position::Position`]; decoding what was encoded gives the same bytes; nothing read from outside can make it
//! panic, hang or grow without bound.
//! What it never does: read a clock, block, or open a socket outside the feature `gateway`.

pub mod bcd;
pub mod fault;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod jt808;
pub mod jt809;
pub mod limits;
pub mod lines;
pub mod msgpack;
pub mod osmand;
pub mod owntracks;
pub mod position;
pub mod segments;
pub mod session;
pub mod text;
pub mod track;
pub mod wire;
