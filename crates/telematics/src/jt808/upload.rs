//! What terminals send beside their place: batches, waybills, drivers, CAN data, media, passed-through bytes.

use super::header::Edition;
use super::location::{Core, Location};
use crate::bcd::BcdTime;
use crate::fault::BodyFault;
use crate::text::{Fixed, Measured, Text};
use crate::wire::{Bytes, Counted, Maybe, Raw, Reader, ToEnd, Wire, layout};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 0x0704: several locations in one message. The count is sometimes wrong, so the lengths are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<'a> {
    /// Number of locations as sent.
    pub count: u16,
    /// Why they come together.
    pub kind: BatchKind,
    /// The locations.
    pub locations: Vec<BatchEntry<'a>>,
}

/// Why locations come together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BatchKind {
    /// 0: sent together to save messages.
    #[default]
    Normal,
    /// 1: sent later, after a blind spot.
    Backfill,
    /// Anything else, as sent.
    Other(u8),
}

impl From<u8> for BatchKind {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::Normal,
            1 => Self::Backfill,
            other => Self::Other(other),
        }
    }
}

impl From<BatchKind> for u8 {
    fn from(kind: BatchKind) -> Self {
        match kind {
            BatchKind::Normal => 0,
            BatchKind::Backfill => 1,
            BatchKind::Other(other) => other,
        }
    }
}

/// JSON: `normal_batch`, `blind_backfill` or the number.
impl Serialize for BatchKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Normal => serializer.serialize_str("normal_batch"),
            Self::Backfill => serializer.serialize_str("blind_backfill"),
            Self::Other(other) => serializer.serialize_u8(*other),
        }
    }
}

impl<'de> Deserialize<'de> for BatchKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Name(String),
            Number(u8),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self::from(number)),
            Form::Name(name) if name == "normal_batch" => Ok(Self::Normal),
            Form::Name(name) if name == "blind_backfill" => Ok(Self::Backfill),
            Form::Name(name) => Err(serde::de::Error::custom(format!("kind {name:?} is not known"))),
        }
    }
}

/// One element of a batch: a location, or the bytes of what is too short to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BatchEntry<'a> {
    /// A location.
    Location(Location<'a>),
    /// Bytes that are not a location; they cost nothing but themselves.
    Broken {
        /// The bytes.
        raw: Raw<'a>,
    },
}

impl Batch<'_> {
    /// The locations that could be read.
    pub fn readable(&self) -> impl Iterator<Item = &Location<'_>> {
        self.locations.iter().filter_map(|entry| match entry {
            BatchEntry::Location(location) => Some(location),
            BatchEntry::Broken { .. } => None,
        })
    }
}

impl<'a> Wire<'a> for Batch<'a> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let count = reader.u16()?;
        let kind = BatchKind::from(reader.u8()?);
        let mut locations = Vec::new();
        let mut ahead = *reader;
        // An element takes two bytes at least, so the body bounds the list.
        while let Ok(length) = ahead.u16() {
            let Ok(bytes) = ahead.take(usize::from(length)) else { break };
            locations.push(match Location::read(&mut Reader::new(bytes), edition) {
                Ok(location) => BatchEntry::Location(location),
                Err(_) => BatchEntry::Broken { raw: Raw(bytes.into()) },
            });
            *reader = ahead;
        }
        if locations.is_empty() && count > 0 && reader.left() > 0 {
            return Err(BodyFault::Short);
        }
        Ok(Self { count, kind, locations })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.count.write(out, edition);
        u8::from(self.kind).write(out, edition);
        for entry in &self.locations {
            let at = out.len();
            out.extend_from_slice(&[0, 0]);
            match entry {
                BatchEntry::Location(location) => location.write(out, edition),
                BatchEntry::Broken { raw } => raw.write(out, edition),
            }
            let length = ((out.len() - at - 2).min(usize::from(u16::MAX)) as u16).to_be_bytes();
            out[at..at + 2].copy_from_slice(&length);
        }
    }
}

/// 0x0701: an electronic waybill. Its content is not standardised; often it is GBK text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waybill<'a> {
    /// Length as sent.
    pub len: u32,
    /// Content.
    #[serde(rename = "waybill_hex")]
    pub content: Raw<'a>,
}

/// Reads bytes after a length that may not be believed.
fn up_to<'a>(reader: &mut Reader<'a>, length: u32) -> Raw<'a> {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(reader.left());
    Raw(reader.take(length).unwrap_or_default().into())
}

impl<'a> Wire<'a> for Waybill<'a> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        let len = reader.u32()?;
        Ok(Self { len, content: up_to(reader, len) })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.len.write(out, edition);
        self.content.write(out, edition);
    }
}

/// 0x0901: bytes compressed with gzip.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed<'a> {
    /// Length as sent.
    pub len: u32,
    /// The compressed bytes.
    pub data: Raw<'a>,
}

impl<'a> Wire<'a> for Compressed<'a> {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        let len = reader.u32()?;
        Ok(Self { len, data: up_to(reader, len) })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.len.write(out, edition);
        self.data.write(out, edition);
    }
}

layout! {
    /// What a licence card said.
    pub struct Card {
        /// Driver's name.
        pub name: Measured<1>,
        /// Number of the professional licence, 20 bytes.
        pub licence: Fixed<20>,
        /// Office that issued it.
        pub agency: Measured<1>,
        /// Valid until, digits YYYYMMDD.
        pub valid_to: Bytes<4>,
    }
}

/// 0x0702: the driver's identity by licence card.
///
/// Bytes after what the edition describes are in `rest`: the identity number of 20 bytes in the 2019 edition,
/// or whatever a terminal sends after a card was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver<'a> {
    /// 1 card put in, 2 card taken out; absent in the 2011 layout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_status: Option<u8>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<BcdTime>,
    /// 0 read, 1 key refused, 2 locked, 3 pulled out, 4 bad data; for a card put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_result: Option<u8>,
    /// The card, when it was read.
    #[serde(flatten)]
    pub card: Option<Card>,
    /// The 2011 layout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Bytes after these.
    #[serde(default, skip_serializing_if = "Raw::is_empty")]
    pub rest: Raw<'a>,
}

layout! {
    /// The 2011 layout of a driver's identity.
    pub struct Identity {
        /// Driver's name.
        pub name: Measured<1>,
        /// Identity number, 20 bytes.
        pub id_number: Fixed<20>,
        /// Professional licence, 40 bytes.
        pub licence: Fixed<40>,
        /// Office that issued it.
        pub agency: Measured<1>,
    }
}

impl<'a> Wire<'a> for Driver<'a> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        if edition != Edition::V2019 {
            // The older layout opens with the length of a name, which is rarely 1 or 2 and then does not fit to the end.
            let mut ahead = *reader;
            if let Ok(identity) = Identity::read(&mut ahead, edition)
                && (edition == Edition::V2011 || ahead.left() == 0)
            {
                *reader = ahead;
                return Ok(Self {
                    identity: Some(identity),
                    rest: Raw::read(reader, edition)?,
                    ..Self::default()
                });
            }
        }
        let card_status = reader.u8()?;
        let time = BcdTime::read(reader, edition)?;
        let (mut read_result, mut card) = (None, None);
        if card_status == 1 {
            let result = reader.u8()?;
            read_result = Some(result);
            if result == 0 {
                card = Some(Card::read(reader, edition)?);
            }
        }
        let rest = Raw::read(reader, edition)?;
        Ok(Self { card_status: Some(card_status), time: Some(time), read_result, card, identity: None, rest })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        if let Some(identity) = &self.identity {
            identity.write(out, edition);
        } else {
            self.card_status.unwrap_or_default().write(out, edition);
            self.time.unwrap_or_default().write(out, edition);
            out.extend(self.read_result);
            if let Some(card) = &self.card {
                card.write(out, edition);
            }
        }
        self.rest.write(out, edition);
    }
}

layout! {
    /// A CAN frame.
    pub struct CanFrame {
        /// Bit 31 channel, 30 extended id, 29 average of the interval, 0 to 28 id.
        pub can_id_word: u32,
        /// Data.
        pub data: Bytes<8>,
    }
}

layout! {
    /// 0x0705: CAN data.
    pub struct Can {
        /// Number of frames as sent.
        pub count: u16,
        /// Time of the first frame, digits hhmmss and four of a second's fraction.
        pub time_hhmmssmmm: Bytes<5>,
        /// Frames.
        pub frames: ToEnd<CanFrame>,
    }
}

layout! {
    /// 0x0800: something was recorded.
    pub struct MediaEvent {
        /// Id of the recording.
        pub media_id: u32,
        /// 0 image, 1 audio, 2 video.
        #[serde(rename = "type")]
        pub kind: u8,
        /// 0 JPEG, 1 TIF, 2 MP3, 3 WAV, 4 WMV.
        pub format: u8,
        /// 0 on command, 1 on schedule, 2 robbery, 3 collision or rollover, others by edition.
        pub event: u8,
        /// Camera or microphone.
        pub channel: u8,
    }
}

/// 0x0801: a recording with its place. JSON shows the length of the data only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaUpload<'a> {
    /// Id of the recording.
    pub media_id: u32,
    /// 0 image, 1 audio, 2 video.
    #[serde(rename = "type")]
    pub kind: u8,
    /// As in 0x0800.
    pub format: u8,
    /// As in 0x0800.
    pub event: u8,
    /// Camera or microphone.
    pub channel: u8,
    /// Where it was recorded; absent in the 2011 edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Core<'a>>,
    /// The recording.
    #[serde(rename(serialize = "data_len", deserialize = "data"), serialize_with = "length_of", default)]
    pub data: Raw<'a>,
}

fn length_of<S: Serializer>(data: &Raw<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(data.0.len() as u64)
}

impl<'a> Wire<'a> for MediaUpload<'a> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let head = MediaEvent::read(reader, edition)?;
        let location = if edition == Edition::V2011 { None } else { Some(Core::read(reader, edition)?) };
        Ok(Self {
            media_id: head.media_id,
            kind: head.kind,
            format: head.format,
            event: head.event,
            channel: head.channel,
            location,
            data: Raw::read(reader, edition)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        self.media_id.write(out, edition);
        out.extend_from_slice(&[self.kind, self.format, self.event, self.channel]);
        if let Some(location) = &self.location {
            location.write(out, edition);
        }
        self.data.write(out, edition);
    }
}

layout! {
    /// 0x8800: a recording arrived, or parts of it are wanted again.
    pub struct MediaReply {
        /// Id of the recording.
        pub media_id: u32,
        /// Parts wanted again; absent when all arrived.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub packets: Maybe<Counted<1, u16>>,
    }
}

layout! {
    /// 0x8801: record now.
    pub struct Capture {
        /// Camera.
        pub channel: u8,
        /// 0 stop, 0xFFFF film, else the number of pictures.
        pub cmd: u16,
        /// Seconds between pictures or of film; 0 as fast as can be.
        pub interval_s: u16,
        /// 1 keep, 0 send at once.
        pub save: u8,
        /// 1 is 320×240, 2 is 640×480, 3 is 800×600, 4 is 1024×768, 5 to 8 are broadcast sizes.
        pub resolution: u8,
        /// 1 best to 10 smallest.
        pub quality: u8,
        /// 0 to 255.
        pub brightness: u8,
        /// 0 to 127.
        pub contrast: u8,
        /// 0 to 127.
        pub saturation: u8,
        /// 0 to 255.
        pub chroma: u8,
    }
}

layout! {
    /// 0x0805: answer to 0x8801.
    pub struct CaptureReply {
        /// Sequence number of the command.
        pub reply_seq: u16,
        /// 0 done, 1 failed, 2 channel not supported.
        pub result: u8,
        /// Ids of the recordings, when done.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub media_ids: Maybe<Counted<2, u32>>,
    }
}

layout! {
    /// 0x8802: which recordings are there.
    pub struct MediaQuery {
        /// 0 image, 1 audio, 2 video.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Channel; 0 all.
        pub channel: u8,
        /// As in 0x0800.
        pub event: u8,
        /// From, digits YYMMDDhhmmss; zeros: any.
        pub start: Bytes<6>,
        /// To, likewise.
        pub end: Bytes<6>,
    }
}

layout! {
    /// A recording in a list.
    pub struct MediaRecord<'a> {
        /// Id of the recording.
        pub media_id: u32,
        /// 0 image, 1 audio, 2 video.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Channel.
        pub channel: u8,
        /// As in 0x0800.
        pub event: u8,
        /// Where.
        pub location: Core<'a>,
    }
}

layout! {
    /// 0x0802: the recordings asked for.
    pub struct MediaList<'a> {
        /// Sequence number of the question.
        pub reply_seq: u16,
        /// Recordings.
        pub records: Counted<2, MediaRecord<'a>>,
    }
}

layout! {
    /// 0x8803: send recordings.
    pub struct MediaSend {
        /// 0 image, 1 audio, 2 video.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Channel.
        pub channel: u8,
        /// As in 0x0800.
        pub event: u8,
        /// From, digits YYMMDDhhmmss.
        pub start: Bytes<6>,
        /// To, likewise.
        pub end: Bytes<6>,
        /// 1 delete after sending.
        pub delete: u8,
    }
}

layout! {
    /// 0x8804: record sound.
    pub struct RecordSound {
        /// 0 stop, 1 start.
        pub cmd: u8,
        /// Seconds; 0 until stopped.
        pub seconds: u16,
        /// 1 keep, 0 send at once.
        pub save: u8,
        /// 0 is 8 kHz, 1 is 11 kHz, 2 is 23 kHz, 3 is 32 kHz.
        pub rate: u8,
    }
}

layout! {
    /// 0x8805: send one recording.
    pub struct MediaSendOne {
        /// Id of the recording.
        pub media_id: u32,
        /// 1 delete after sending.
        pub delete: u8,
    }
}

layout! {
    /// 0x0900 and 0x8900: bytes passed through.
    pub struct Transparent<'a> {
        /// 0x00 satellite detail, 0x0B card, 0x41 and 0x42 serial ports, 0xF0 to 0xFF user.
        #[serde(rename = "type")]
        pub kind: u8,
        /// The bytes.
        pub data: Raw<'a>,
    }
}

layout! {
    /// 0x0A00 and 0x8A00: a public key.
    pub struct RsaKey {
        /// Exponent.
        pub e: u32,
        /// Modulus.
        pub n: Bytes<128>,
    }
}

layout! {
    /// 0x0700: recorder data (GB/T 19056) asked for.
    pub struct RecorderData<'a> {
        /// Sequence number of the question.
        pub reply_seq: u16,
        /// Command word.
        pub cmd: u8,
        /// Data block.
        pub data: Raw<'a>,
    }
}

layout! {
    /// 0x8700 and 0x8701: ask for recorder data, or set it.
    pub struct RecorderCommand<'a> {
        /// Command word.
        pub cmd: u8,
        /// Data block.
        pub data: Raw<'a>,
    }
}

impl Waybill<'_> {
    /// A waybill of GBK text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let bytes = Text::new(text).0;
        Self { len: bytes.len() as u32, content: Raw(bytes.into()) }
    }
}
