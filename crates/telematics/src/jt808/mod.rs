//! JT/T 808: the protocol between vehicle terminals and platforms, editions 2011, 2013 and 2019, without sockets.
//!
//! Bytes become frames ([`Deframer`]), frames a [`Header`] and a body, bodies a [`Message`]; split messages are put
//! together by [`Assembly`]. Going out, [`write_message`] makes the frames.

pub mod area;
mod assembly;
mod frame;
pub mod general;
mod header;
pub mod location;
mod message;
pub mod upload;
mod vendor;
mod wide;

pub use assembly::{Assembly, Whole};
pub use frame::{DELIMITER, Deframer, ESCAPE, Frame, Segments, open, segments, write_frame, xor};
pub use header::{Attributes, Edition, Header, Packet, Phone};
pub use location::Location;
pub use message::{Body, Message, write_body, write_message};
pub use vendor::Dialect;
