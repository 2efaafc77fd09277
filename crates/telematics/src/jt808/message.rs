//! All messages under one roof: by id, in both directions, both ways.

use super::area::{AreasReply, Circle, DeleteAreas, Polygon, QueryAreas, Rectangle, Route, SetAreas};
use super::general::{
    AnswerReply, Attributes, Authenticate, CallBack, ConfirmAlarm, Empty, Event, EventMenu, InfoMenu,
    InfoRequest, InfoService, LocationReply, ParamsReply, PhoneBook, QueryParams, Question, Register,
    RegisterReply, Reply, Resend, ServerTime, SetParams, TerminalControl, TextDown, TrackingControl, Upgrade,
    UpgradeResult, VehicleControl,
};
use super::header::{Edition, Header, Packet};
use super::location::Location;
use super::upload::{
    Batch, Can, Capture, CaptureReply, Compressed, Driver, MediaEvent, MediaList, MediaQuery, MediaReply,
    MediaSend, MediaSendOne, MediaUpload, RecordSound, RecorderCommand, RecorderData, RsaKey, Transparent,
    Waybill,
};
use super::write_frame;
use crate::fault::{BodyFault, Fault};
use crate::limits::BODY_MAX_BYTES;
use crate::wire::{Raw, Reader, Wire};
use serde::Serialize;
use std::borrow::Cow;

/// Declares the messages: id, variant, body type, what it is called.
macro_rules! messages {
    ($($id:literal $variant:ident($body:ty) $name:literal;)*) => {
        /// A message body of JT/T 808, understood.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(untagged)]
        pub enum Message<'a> {
            $(#[doc = concat!(stringify!($id), ": ", $name, ".")] $variant($body),)*
            /// Any other id: kept raw.
            Unknown {
                /// Message id.
                #[serde(skip)]
                id: u16,
                /// Body.
                raw: Raw<'a>,
            },
        }

        impl<'a> Message<'a> {
            /// The id it travels under.
            #[must_use]
            pub const fn id(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $id,)*
                    Self::Unknown { id, .. } => *id,
                }
            }

            /// What a message id is called; nothing for ids that no edition has.
            #[must_use]
            pub const fn name_of(id: u16) -> Option<&'static str> {
                match id {
                    $($id => Some($name),)*
                    _ => None,
                }
            }

            /// Reads the fields of a body; bytes after them stay in `reader`.
            ///
            /// # Errors
            /// [`BodyFault`] when the body ends early or has no known layout.
            pub fn read(id: u16, reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
                Ok(match id {
                    $($id => Self::$variant(<$body>::read(reader, edition)?),)*
                    _ => Self::Unknown { id, raw: Raw::read(reader, edition)? },
                })
            }

            /// Appends the body.
            pub fn write(&self, out: &mut Vec<u8>, edition: Edition) {
                match self {
                    $(Self::$variant(body) => body.write(out, edition),)*
                    Self::Unknown { raw, .. } => raw.write(out, edition),
                }
            }

            /// The message that `decode` wrote as `body`, for `encode`.
            ///
            /// # Errors
            /// [`Fault::Description`] says which field is missing or wrong.
            pub fn from_json(id: u16, body: serde_json::Value) -> Result<Self, Fault> {
                let wrong = |error: serde_json::Error| Fault::Description { what: format!("{id:#06x}: {error}") };
                Ok(match id {
                    $($id => Self::$variant(serde_json::from_value(body).map_err(wrong)?),)*
                    _ => {
                        let raw = body.get("raw").cloned().unwrap_or_default();
                        Self::Unknown { id, raw: serde_json::from_value(raw).map_err(wrong)? }
                    }
                })
            }

            /// Every id with its name, in order.
            pub const ALL: &'static [(u16, &'static str)] = &[$(($id, $name)),*];
        }
    };
}

messages! {
    0x0001 TerminalReply(Reply) "general reply of the terminal";
    0x0002 Heartbeat(Empty<'a>) "heartbeat";
    0x0003 Logout(Empty<'a>) "logout";
    0x0004 TimeQuery(Empty<'a>) "query of the platform's time";
    0x0005 TerminalResend(Resend) "parts wanted again by the terminal";
    0x0100 Register(Register) "registration";
    0x0102 Authenticate(Authenticate) "authentication";
    0x0104 ParamsReply(ParamsReply) "parameters";
    0x0107 Attributes(Attributes) "terminal attributes";
    0x0108 UpgradeResult(UpgradeResult) "result of an upgrade";
    0x0200 Location(Location<'a>) "location report";
    0x0201 LocationReply(LocationReply<'a>) "location asked for";
    0x0301 Event(Event) "event chosen by the driver";
    0x0302 AnswerReply(AnswerReply) "answer of the driver";
    0x0303 InfoRequest(InfoRequest) "information wanted or cancelled";
    0x0500 ControlReply(LocationReply<'a>) "result of a vehicle control";
    0x0608 AreasReply(AreasReply) "areas or routes asked for";
    0x0700 RecorderData(RecorderData<'a>) "recorder data";
    0x0701 Waybill(Waybill<'a>) "electronic waybill";
    0x0702 Driver(Driver<'a>) "driver identity";
    0x0704 Batch(Batch<'a>) "batch of locations";
    0x0705 Can(Can) "CAN data";
    0x0800 MediaEvent(MediaEvent) "recording made";
    0x0801 MediaUpload(MediaUpload<'a>) "recording";
    0x0802 MediaList(MediaList<'a>) "list of recordings";
    0x0805 CaptureReply(CaptureReply) "answer to a recording command";
    0x0900 TransparentUp(Transparent<'a>) "bytes passed through, up";
    0x0901 Compressed(Compressed<'a>) "compressed bytes";
    0x0A00 TerminalKey(RsaKey) "RSA key of the terminal";
    0x8001 PlatformReply(Reply) "general reply of the platform";
    0x8003 PlatformResend(Resend) "parts wanted again by the platform";
    0x8004 ServerTime(ServerTime) "the platform's time";
    0x8100 RegisterReply(RegisterReply) "answer to a registration";
    0x8103 SetParams(SetParams) "set parameters";
    0x8104 QueryAllParams(Empty<'a>) "query of all parameters";
    0x8105 TerminalControl(TerminalControl) "terminal control";
    0x8106 QueryParams(QueryParams) "query of some parameters";
    0x8107 QueryAttributes(Empty<'a>) "query of the terminal's attributes";
    0x8108 Upgrade(Upgrade) "upgrade package";
    0x8201 QueryLocation(Empty<'a>) "query of the location";
    0x8202 TrackingControl(TrackingControl) "temporary tracking";
    0x8203 ConfirmAlarm(ConfirmAlarm) "confirmation of alarms";
    0x8204 LinkCheck(Empty<'a>) "link check";
    0x8300 Text(TextDown) "text to the cab";
    0x8301 EventMenu(EventMenu) "menu of events";
    0x8302 Question(Question) "question to the driver";
    0x8303 InfoMenu(InfoMenu) "menu of information";
    0x8304 InfoService(InfoService) "information";
    0x8400 CallBack(CallBack) "call back";
    0x8401 PhoneBook(PhoneBook) "phone book";
    0x8500 VehicleControl(VehicleControl) "vehicle control";
    0x8600 SetCircles(SetAreas<Circle>) "set circles";
    0x8601 DeleteCircles(DeleteAreas) "delete circles";
    0x8602 SetRectangles(SetAreas<Rectangle>) "set rectangles";
    0x8603 DeleteRectangles(DeleteAreas) "delete rectangles";
    0x8604 SetPolygon(Polygon) "set a polygon";
    0x8605 DeletePolygons(DeleteAreas) "delete polygons";
    0x8606 SetRoute(Route) "set a route";
    0x8607 DeleteRoutes(DeleteAreas) "delete routes";
    0x8608 QueryAreas(QueryAreas) "query of areas or routes";
    0x8700 RecorderQuery(RecorderCommand<'a>) "query of recorder data";
    0x8701 RecorderSet(RecorderCommand<'a>) "setting of recorder data";
    0x8702 QueryDriver(Empty<'a>) "query of the driver's identity";
    0x8800 MediaReply(MediaReply) "answer to a recording";
    0x8801 Capture(Capture) "record now";
    0x8802 MediaQuery(MediaQuery) "query of recordings";
    0x8803 MediaSend(MediaSend) "send recordings";
    0x8804 RecordSound(RecordSound) "record sound";
    0x8805 MediaSendOne(MediaSendOne) "send one recording";
    0x8900 TransparentDown(Transparent<'a>) "bytes passed through, down";
    0x8A00 PlatformKey(RsaKey) "RSA key of the platform";
}

/// A body with the bytes that came after its fields, so that nothing is lost when it is written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// What was understood.
    pub message: Message<'a>,
    /// Bytes after it; terminals append their own.
    pub rest: Cow<'a, [u8]>,
}

impl<'a> Body<'a> {
    /// Reads the body of a whole, unencrypted message.
    ///
    /// # Errors
    /// [`BodyFault`] when the body ends early or has no known layout.
    pub fn read(id: u16, bytes: &'a [u8], edition: Edition) -> Result<Self, BodyFault> {
        let mut reader = Reader::new(bytes);
        let message = Message::read(id, &mut reader, edition)?;
        Ok(Self { message, rest: Cow::Borrowed(reader.rest()) })
    }

    /// Appends the body.
    pub fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.message.write(out, edition);
        out.extend_from_slice(&self.rest);
    }
}

/// Appends `message` as frames: one, or as many as its body needs. Parts have consecutive sequence numbers beginning
/// with `header.sequence`; the number of frames is given back so that the caller can go on counting.
///
/// # Errors
/// [`Fault::TooManyParts`] for a body that 65535 parts cannot carry.
pub fn write_message(header: &Header, message: &Message<'_>, out: &mut Vec<u8>) -> Result<u16, Fault> {
    let mut body = Vec::with_capacity(256);
    message.write(&mut body, header.edition());
    write_body(header, &body, out)
}

/// Appends a body that is already bytes as frames, as [`write_message`] does.
///
/// # Errors
/// [`Fault::TooManyParts`] for a body that 65535 parts cannot carry.
pub fn write_body(header: &Header, body: &[u8], out: &mut Vec<u8>) -> Result<u16, Fault> {
    let mut content = Vec::with_capacity(body.len().min(BODY_MAX_BYTES) + 24);
    if body.len() <= BODY_MAX_BYTES {
        header.write(body.len(), &mut content);
        content.extend_from_slice(body);
        write_frame(&content, out);
        return Ok(1);
    }
    let total = u16::try_from(body.len().div_ceil(BODY_MAX_BYTES))
        .map_err(|_| Fault::TooManyParts { found: body.len(), limit: usize::from(u16::MAX) })?;
    for (number, part) in (1..=total).zip(body.chunks(BODY_MAX_BYTES)) {
        let packet = Some(Packet { total, number });
        let sequence = header.sequence.wrapping_add(number - 1);
        content.clear();
        Header { packet, sequence, ..*header }.write(part.len(), &mut content);
        content.extend_from_slice(part);
        write_frame(&content, out);
    }
    Ok(total)
}
