//! JT/T 808: the protocol between vehicle terminals and platforms, editions 2011, 2013 and 2019, without sockets.
//!
//! Bytes become frames ([`Deframer`]), frames a [`Header`] and a body.

mod frame;
mod header;

pub use frame::{DELIMITER, Deframer, ESCAPE, Frame, Segments, open, segments, write_frame, xor};
pub use header::{Attributes, Edition, Header, Packet, Phone};
