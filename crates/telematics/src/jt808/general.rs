//! Everyday messages: answers, registration, parameters, control, texts and questions.

use super::header::Edition;
use super::location::Location;
use crate::bcd::BcdTime;
use crate::fault::BodyFault;
use crate::text::{Fixed, Measured, Text};
use crate::wire::{Blob, Bytes, Counted, Maybe, Raw, Reader, Since2019, ToEnd, Wire, layout};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

layout! {
    /// 0x0001 and 0x8001: a general answer.
    pub struct Reply {
        /// Sequence number of the message answered.
        pub reply_seq: u16,
        /// Id of the message answered.
        pub reply_id: u16,
        /// 0 done, 1 failed, 2 message error, 3 not supported, 4 (down only) alarm confirmed.
        pub result: u8,
    }
}

/// A message without a body, and whatever bytes a terminal sends in it all the same (heartbeats with battery,
/// signal and status are known). JSON: `{"empty":true}` or `{"extra": hex}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Empty<'a>(pub Raw<'a>);

impl<'a> Wire<'a> for Empty<'a> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        Raw::read(reader, edition).map(Self)
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.0.write(out, edition);
    }
}

impl Serialize for Empty<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        if self.0.is_empty() {
            map.serialize_entry("empty", &true)?;
        } else {
            map.serialize_entry("extra", &self.0)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Empty<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Form {
            extra: Option<Raw<'static>>,
        }
        Form::deserialize(deserializer).map(|form| Self(form.extra.unwrap_or_default()))
    }
}

layout! {
    /// 0x8004: the platform's clock (2019).
    pub struct ServerTime {
        /// The time in UTC, unlike all other times of the protocol: digits YYMMDDhhmmss.
        pub time_utc: Bytes<6>,
    }
}

impl ServerTime {
    /// The answer for a moment in UTC milliseconds, if it lies in this century.
    #[must_use]
    pub fn at(utc_ms: i64) -> Option<Self> {
        BcdTime::from_plain_ms(utc_ms).map(|time| Self { time_utc: Bytes(time.0) })
    }
}

/// 0x8003 and 0x0005: parts of a split message that did not arrive. The count is a byte before 2019, two since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resend {
    /// Sequence number of the first part.
    pub orig_seq: u16,
    /// Numbers of the parts wanted again, from 1.
    pub packets: Vec<u16>,
}

impl<'a> Wire<'a> for Resend {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let orig_seq = reader.u16()?;
        let packets = if edition == Edition::V2019 {
            Counted::<2, u16>::read(reader, edition)?.0
        } else {
            Counted::<1, u16>::read(reader, edition)?.0
        };
        Ok(Self { orig_seq, packets })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.orig_seq.write(out, edition);
        let most = if edition == Edition::V2019 { 500 } else { 255 };
        let packets = &self.packets[..self.packets.len().min(most)];
        if edition == Edition::V2019 {
            (packets.len() as u16).write(out, edition);
        } else {
            (packets.len() as u8).write(out, edition);
        }
        packets.iter().for_each(|packet| packet.write(out, edition));
    }
}

/// 0x0100: registration. The three editions differ in the widths of three fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Province by GB/T 2260, first two digits; 0 leaves it to the platform.
    pub province: u16,
    /// City by GB/T 2260, last four digits.
    pub city: u16,
    /// Maker, 5 bytes, 11 since 2019.
    pub maker: Text,
    /// Model, 8 bytes in 2011, 20 in 2013, 30 in 2019.
    pub model: Text,
    /// Terminal id, 7 bytes, 30 since 2019.
    pub terminal_id: Text,
    /// 0 not plated yet, 1 blue, 2 yellow, 3 black, 4 white, 5 green, 9 other.
    pub plate_colour: u8,
    /// Plate, or the VIN when there is none yet.
    pub plate: Text,
    /// The edition whose widths these are.
    pub layout: Edition,
}

impl Register {
    const fn widths(layout: Edition) -> [usize; 3] {
        match layout {
            Edition::V2011 => [5, 8, 7],
            Edition::V2013 => [5, 20, 7],
            Edition::V2019 => [11, 30, 30],
        }
    }
}

impl<'a> Wire<'a> for Register {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        // Only the length tells the two older layouts apart.
        let layout = match edition {
            Edition::V2019 => Edition::V2019,
            _ if reader.left() >= 37 => Edition::V2013,
            _ => Edition::V2011,
        };
        let [maker, model, terminal_id] = Self::widths(layout);
        Ok(Self {
            province: reader.u16()?,
            city: reader.u16()?,
            maker: Text(reader.take(maker)?.to_vec()),
            model: Text(reader.take(model)?.to_vec()),
            terminal_id: Text(reader.take(terminal_id)?.to_vec()),
            plate_colour: reader.u8()?,
            plate: Text::read(reader, edition)?,
            layout,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        let layout = match (edition, self.layout) {
            (Edition::V2019, _) => Edition::V2019,
            (_, Edition::V2019) => Edition::V2013,
            (_, older) => older,
        };
        let [maker, model, terminal_id] = Self::widths(layout);
        self.province.write(out, edition);
        self.city.write(out, edition);
        self.maker.write_fixed(out, maker);
        self.model.write_fixed(out, model);
        self.terminal_id.write_fixed(out, terminal_id);
        self.plate_colour.write(out, edition);
        self.plate.write(out, edition);
    }
}

layout! {
    /// 0x8100: answer to a registration.
    pub struct RegisterReply {
        /// Sequence number of the registration.
        pub reply_seq: u16,
        /// 0 done, 1 vehicle already registered, 2 no such vehicle, 3 terminal already registered, 4 no such terminal.
        pub result: u8,
        /// The code to authenticate with, when done.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub auth: Maybe<Text>,
    }
}

/// 0x0102: authentication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticate {
    /// The code given at registration.
    pub auth: Text,
    /// IMEI, since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imei: Option<Fixed<15>>,
    /// Software version, since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sw: Option<Fixed<20>>,
}

impl<'a> Wire<'a> for Authenticate {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        if edition == Edition::V2019 {
            Ok(Self {
                auth: Measured::<1>::read(reader, edition)?.0,
                imei: Some(Fixed::read(reader, edition)?),
                sw: Some(Fixed::read(reader, edition)?),
            })
        } else {
            Ok(Self { auth: Text::read(reader, edition)?, imei: None, sw: None })
        }
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        if edition == Edition::V2019 {
            Measured::<1>(self.auth.clone()).write(out, edition);
            self.imei.clone().unwrap_or_default().write(out, edition);
            self.sw.clone().unwrap_or_default().write(out, edition);
        } else {
            self.auth.write(out, edition);
        }
    }
}

layout! {
    /// One terminal parameter.
    pub struct Param {
        /// Parameter id, such as 0x0029 for the default reporting interval.
        pub id: u32,
        /// Value as it travels.
        pub raw: Blob<1>,
    }
}

layout! {
    /// 0x8103: set parameters.
    pub struct SetParams {
        /// The parameters.
        pub params: Counted<1, Param>,
    }
}

layout! {
    /// 0x0104: parameters asked for.
    pub struct ParamsReply {
        /// Sequence number of the question.
        pub reply_seq: u16,
        /// The parameters.
        pub params: Counted<1, Param>,
    }
}

layout! {
    /// 0x8106: ask for some parameters.
    pub struct QueryParams {
        /// Their ids.
        pub ids: Counted<1, u32>,
    }
}

layout! {
    /// 0x8105: terminal control.
    pub struct TerminalControl {
        /// 1 upgrade, 2 connect elsewhere, 3 power off, 4 reset, 5 factory settings, 6 close data, 7 close radio.
        pub cmd: u8,
        /// Arguments separated by semicolons.
        pub arg: Text,
    }
}

/// 0x0107: what the terminal is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Bits of the kind of vehicle and terminal.
    pub terminal_type: u16,
    /// Maker, 5 bytes.
    pub maker: Fixed<5>,
    /// Model, 20 bytes, 30 since 2019.
    pub model: Text,
    /// Terminal id, 7 bytes, 30 since 2019.
    pub terminal_id: Text,
    /// SIM card number.
    pub iccid: Bytes<10>,
    /// Hardware version.
    pub hardware: Measured<1>,
    /// Firmware version.
    pub firmware: Measured<1>,
    /// Bits of the satellite systems supported.
    pub gnss: u8,
    /// Bits of the radio networks supported.
    pub network: u8,
}

impl Attributes {
    const fn widths(edition: Edition) -> [usize; 2] {
        if matches!(edition, Edition::V2019) { [30, 30] } else { [20, 7] }
    }
}

impl<'a> Wire<'a> for Attributes {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let [model, terminal_id] = Self::widths(edition);
        Ok(Self {
            terminal_type: reader.u16()?,
            maker: Fixed::read(reader, edition)?,
            model: Text(reader.take(model)?.to_vec()),
            terminal_id: Text(reader.take(terminal_id)?.to_vec()),
            iccid: Bytes::read(reader, edition)?,
            hardware: Measured::read(reader, edition)?,
            firmware: Measured::read(reader, edition)?,
            gnss: reader.u8()?,
            network: reader.u8()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        let [model, terminal_id] = Self::widths(edition);
        self.terminal_type.write(out, edition);
        self.maker.write(out, edition);
        self.model.write_fixed(out, model);
        self.terminal_id.write_fixed(out, terminal_id);
        self.iccid.write(out, edition);
        self.hardware.write(out, edition);
        self.firmware.write(out, edition);
        self.gnss.write(out, edition);
        self.network.write(out, edition);
    }
}

layout! {
    /// 0x8108: an upgrade package.
    pub struct Upgrade {
        /// 0 terminal, 12 licence card reader, 52 satellite module.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Maker.
        pub maker: Fixed<5>,
        /// Version.
        pub version: Measured<1>,
        /// The package.
        pub data: Blob<4>,
    }
}

layout! {
    /// 0x0108: how the upgrade went.
    pub struct UpgradeResult {
        /// As in the package.
        #[serde(rename = "type")]
        pub kind: u8,
        /// 0 done, 1 failed, 2 cancelled.
        pub result: u8,
    }
}

layout! {
    /// 0x0201 and 0x0500: a location in answer to a question or command.
    pub struct LocationReply<'a> {
        /// Sequence number of the question.
        pub reply_seq: u16,
        /// The location.
        pub location: Location<'a>,
    }
}

layout! {
    /// 0x8202: report more often for a while.
    pub struct TrackingControl {
        /// Interval in seconds; 0 ends it.
        pub interval_s: u16,
        /// How long in seconds; absent with interval 0.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub valid_s: Maybe<u32>,
    }
}

layout! {
    /// 0x8203: alarms that a person has confirmed.
    pub struct ConfirmAlarm {
        /// Sequence number of the alarm's message; 0 for all of the kind.
        pub alarm_seq: u16,
        /// Bits as in the alarm word.
        pub alarm: u32,
    }
}

layout! {
    /// 0x8300: a text to the cab.
    pub struct TextDown {
        /// Bits: 0 urgent (2013) or 0 and 1 the class (2019), 2 display, 3 speak, 4 advertising screen, 5 fault code.
        pub flag: u8,
        /// 1 notice, 2 service; since 2019.
        #[serde(default, skip_serializing_if = "Since2019::is_none")]
        pub text_type: Since2019<u8>,
        /// The text, at most 1024 bytes of GBK.
        pub text: Text,
    }
}

layout! {
    /// An entry of the event menu.
    pub struct EventEntry {
        /// Event id.
        pub id: u8,
        /// What the driver sees.
        pub text: Measured<1>,
    }
}

layout! {
    /// 0x8301: the event menu (until 2013).
    pub struct EventMenu {
        /// 0 clear all, 1 update, 2 append, 3 modify, 4 delete those listed.
        pub op: u8,
        /// Entries; absent when all are cleared.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub events: Maybe<Counted<1, EventEntry>>,
    }
}

layout! {
    /// 0x0301: the driver chose an event (until 2013).
    pub struct Event {
        /// Event id.
        pub event: u8,
    }
}

layout! {
    /// An answer that the driver may give.
    pub struct Answer {
        /// Answer id.
        pub id: u8,
        /// What the driver sees.
        pub text: Measured<2>,
    }
}

layout! {
    /// 0x8302: a question to the driver (until 2013).
    pub struct Question {
        /// Bits: 0 urgent, 3 speak, 4 advertising screen.
        pub flag: u8,
        /// The question.
        pub question: Measured<1>,
        /// Answers to choose from.
        pub answers: ToEnd<Answer>,
    }
}

layout! {
    /// 0x0302: the driver's answer (until 2013).
    pub struct AnswerReply {
        /// Sequence number of the question.
        pub reply_seq: u16,
        /// Answer id.
        pub answer: u8,
    }
}

layout! {
    /// An entry of the information menu.
    pub struct InfoEntry {
        /// Kind of information.
        pub info: u8,
        /// What the driver sees.
        pub name: Measured<2>,
    }
}

layout! {
    /// 0x8303: the menu of information on demand (until 2013).
    pub struct InfoMenu {
        /// 0 delete all, 1 update, 2 append, 3 modify.
        pub op: u8,
        /// Entries; absent when all are deleted.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub infos: Maybe<Counted<1, InfoEntry>>,
    }
}

layout! {
    /// 0x0303: information asked for or cancelled (until 2013).
    pub struct InfoRequest {
        /// Kind of information.
        pub info: u8,
        /// 0 cancel, 1 ask.
        pub op: u8,
    }
}

layout! {
    /// 0x8304: information asked for (until 2013).
    pub struct InfoService {
        /// Kind of information.
        pub info: u8,
        /// The information.
        pub text: Measured<2>,
    }
}

layout! {
    /// 0x8400: call back.
    pub struct CallBack {
        /// 0 talk, 1 listen in.
        pub flag: u8,
        /// Number to call.
        pub phone: Text,
    }
}

layout! {
    /// A contact of the phone book.
    pub struct Contact {
        /// 1 may call in, 2 may be called, 3 both.
        pub flag: u8,
        /// Number.
        pub phone: Measured<1>,
        /// Name.
        pub name: Measured<1>,
    }
}

layout! {
    /// 0x8401: the phone book.
    pub struct PhoneBook {
        /// 0 delete all, 1 update, 2 append, 3 modify.
        pub op: u8,
        /// Contacts; absent when all are deleted.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub contacts: Maybe<Counted<1, Contact>>,
    }
}

layout! {
    /// One control of 0x8500 since 2019.
    pub struct Control {
        /// 1 doors.
        pub id: u16,
        /// Doors: 0 lock, 1 unlock.
        pub value: u8,
    }
}

/// 0x8500: vehicle control: one byte of flags before 2019 (bit 0: 1 lock, 0 unlock), a list since.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VehicleControl {
    /// Flags, before 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<u8>,
    /// Number of controls as sent, since 2019.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u16>,
    /// Controls, since 2019.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
}

impl<'a> Wire<'a> for VehicleControl {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        if edition == Edition::V2019 {
            let count = reader.u16()?;
            let controls = ToEnd::<Control>::read(reader, edition)?.0;
            Ok(Self { flag: None, count: Some(count), controls })
        } else {
            Ok(Self { flag: Some(reader.u8()?), ..Self::default() })
        }
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        if edition == Edition::V2019 {
            self.count.unwrap_or(self.controls.len() as u16).write(out, edition);
            self.controls.iter().for_each(|control| control.write(out, edition));
        } else {
            self.flag.unwrap_or_default().write(out, edition);
        }
    }
}
