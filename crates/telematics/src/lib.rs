//! The vehicles' voice: bytes of vehicle feeds to positions and messages, and back.
//!
//! What it promises: every frame of JT/T 808 (2011, 2013, 2019) and JT/T 809 (2011, 2019) is understood or kept raw,
//! never lost to an error in one of its items; OsmAnd, OwnTracks and MessagePack batches come to the same
//! [`position::Position`]; decoding what was encoded gives the same bytes; nothing read from outside can make it
//! panic, hang or grow without bound.
//! What it never does: read a clock, block, or open a socket outside the feature `gateway`.
//!
//! | wish | module |
//! | --- | --- |
//! | frames and messages, both ways | [`jt808`], [`jt809`], [`osmand`], [`owntracks`], [`msgpack`]; as JSON lines [`lines`] |
//! | one link without a socket | [`session`] |
//! | durable positions: append, query, read along | [`segments`] |
//! | sockets, and how a daemon embeds them | `gateway` (feature of that name) |
//! | track, stops, trips, visits, cold chain | [`track`] |
//! | sealed segments as Parquet, retention | `files` (feature `parquet`) |
//!
//! ```
//! use xiangyun_telematics::jt808::{Body, Deframer, Dialect, Header, Message, Phone, Edition, general, write_message};
//! use xiangyun_model::geo::Datum;
//!
//! // A text to the cab, on its way out.
//! let phone = Phone::parse("13912345678", Edition::V2013).unwrap();
//! let text = general::TextDown { flag: 12, text_type: Default::default(), text: "前方封路".into() };
//! let mut wire = Vec::new();
//! write_message(&Header::new(0x8300, phone, 7), &Message::Text(text), &mut wire).unwrap();
//!
//! // And a location, on its way in, in two reads.
//! let report = xiangyun_telematics::wire::from_hex(
//!     "7e0200001c013912345678000100000000000000030204d23006bd05d00078016d005a261124080000f37e",
//! ).unwrap();
//! let mut deframer = Deframer::new();
//! for read in [&report[..20], &report[20..]] {
//!     let mut input = read;
//!     while let Some(frame) = deframer.next(&mut input) {
//!         let (header, body) = Header::read(frame.unwrap().content).unwrap();
//!         let body = Body::read(header.id, body, header.edition()).unwrap();
//!         if let Message::Location(location) = body.message {
//!             let position = location.to_position(&header.phone.key(), 0, Datum::Wgs84, Dialect::STANDARD, false);
//!             assert_eq!((position.lat_e6, position.lon_e6), (33_870_384, 113_051_088));
//!         }
//!     }
//! }
//! ```

pub mod bcd;
pub mod fault;
#[cfg(feature = "parquet")]
pub mod files;
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
