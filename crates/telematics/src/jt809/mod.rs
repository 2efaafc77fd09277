//! JT/T 809: the protocol between platforms, editions 2011 and 2019, with us as the lower one, without sockets.

mod body;
mod cipher;
mod frame;
mod lower;

pub use body::{
    InfoAnswer, LinkError, Login, LoginReply, Logout, PlatformBody, PlatformMessage, PlatformPosition,
    Position2011, Position2019, PostCheck2011, PostCheck2019, ReceivedCount, ResultByte, SubLogin,
    VehicleMessage, detect, id,
};
pub use cipher::Cipher;
pub use frame::{Envelope, Header, PlatformDeframer, crc16, envelopes, write};
pub use lower::{Action, Event, Input, Link, Lower, LowerSettings, Outbox, OutboxEntry};
