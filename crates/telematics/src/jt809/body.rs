//! Bodies of platform messages.

use crate::fault::BodyFault;
use crate::jt808::{Edition, Location};
use crate::text::{Fixed, Text};
use crate::wire::{Maybe, Raw, Reader, Since2019, Wire, layout};
use serde::{Deserialize, Serialize};

/// Message ids.
#[allow(missing_docs)] // the names say what the standard calls them
pub mod id {
    pub const LOGIN: u16 = 0x1001;
    pub const LOGIN_REPLY: u16 = 0x1002;
    pub const LOGOUT: u16 = 0x1003;
    pub const LOGOUT_REPLY: u16 = 0x1004;
    pub const HEARTBEAT: u16 = 0x1005;
    pub const HEARTBEAT_REPLY: u16 = 0x1006;
    pub const LINK_BROKEN: u16 = 0x1007;
    pub const CLOSING: u16 = 0x1008;
    pub const SUB_LOGIN: u16 = 0x9001;
    pub const SUB_LOGIN_REPLY: u16 = 0x9002;
    pub const SUB_LOGOUT: u16 = 0x9003;
    pub const SUB_LOGOUT_REPLY: u16 = 0x9004;
    pub const SUB_HEARTBEAT: u16 = 0x9005;
    pub const SUB_HEARTBEAT_REPLY: u16 = 0x9006;
    pub const SUB_LINK_BROKEN: u16 = 0x9007;
    pub const UPPER_CLOSING: u16 = 0x9008;
    pub const RECEIVED_COUNT: u16 = 0x9101;
    pub const VEHICLE_UP: u16 = 0x1200;
    pub const VEHICLE_DOWN: u16 = 0x9200;
    pub const PLATFORM_UP: u16 = 0x1300;
    pub const PLATFORM_DOWN: u16 = 0x9300;
    pub const ALARM_UP: u16 = 0x1400;
    pub const ALARM_DOWN: u16 = 0x9400;
    pub const SUPERVISION_UP: u16 = 0x1500;
    pub const SUPERVISION_DOWN: u16 = 0x9500;
    pub const STATIC_UP: u16 = 0x1600;
    pub const STATIC_DOWN: u16 = 0x9600;
}

layout! {
    /// 0x1001: the lower platform logs in.
    pub struct Login {
        /// User.
        pub user_id: u32,
        /// Password.
        pub password: Fixed<8>,
        /// Code of the platform; since 2019.
        #[serde(default, skip_serializing_if = "Since2019::is_none")]
        pub platform_code: Since2019<u32>,
        /// Address for the subordinate link.
        pub down_ip: Fixed<32>,
        /// Port for the subordinate link.
        pub down_port: u16,
    }
}

layout! {
    /// 0x1002: answer to the login.
    pub struct LoginReply {
        /// 0 done, 1 address wrong, 2 access code wrong, 3 user unknown, 4 password wrong, 5 no resources, 6 other.
        pub result: u8,
        /// Code that the upper platform will show on the subordinate link.
        pub verify_code: u32,
    }
}

layout! {
    /// 0x1003 and 0x9003: log out.
    pub struct Logout {
        /// User.
        pub user_id: u32,
        /// Password.
        pub password: Fixed<8>,
    }
}

layout! {
    /// 0x9001: the upper platform logs in on the subordinate link.
    pub struct SubLogin {
        /// The code of [`LoginReply`].
        pub verify_code: u32,
    }
}

layout! {
    /// 0x9002: answer to the login on the subordinate link.
    pub struct ResultByte {
        /// 0 done, 1 code wrong, 2 no resources, 3 other.
        pub result: u8,
    }
}

layout! {
    /// 0x1007, 0x1008, 0x9007, 0x9008: a link breaks or is closed.
    pub struct LinkError {
        /// 0 main link broken, 1 other for 0x1007; a reason for the others.
        pub error: u8,
    }
}

layout! {
    /// 0x9101: how many positions arrived.
    pub struct ReceivedCount {
        /// Count.
        pub count: u32,
        /// From, UTC seconds.
        pub start: u64,
        /// To, UTC seconds.
        pub end: u64,
    }
}

layout! {
    /// A message about one vehicle: 0x1200, 0x9200, 0x1500, 0x9500, 0x1600, 0x9600, and 0x1400, 0x9400 before 2019.
    pub struct VehicleMessage<'a> {
        /// Plate.
        pub plate: Fixed<21>,
        /// Plate colour.
        pub colour: u8,
        /// What it is about.
        pub sub_id: u16,
        /// Length of the sub-body as sent.
        pub sub_len: u32,
        /// Sub-body.
        pub sub_raw: Raw<'a>,
    }
}

layout! {
    /// A message between platforms: 0x1300, 0x9300, and 0x1400, 0x9400 since 2019.
    pub struct PlatformMessage<'a> {
        /// What it is about.
        pub sub_id: u16,
        /// Length of the sub-body as sent.
        pub sub_len: u32,
        /// Sub-body.
        pub sub_raw: Raw<'a>,
    }
}

/// A position of the 2011 edition: 36 bytes, longitude first, speed in km/h.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position2011 {
    /// 1 when the coordinates are shifted.
    pub encrypted: u8,
    /// Day of the month, Beijing time.
    pub day: u8,
    /// Month.
    pub month: u8,
    /// Year.
    pub year: u16,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Longitude in millionths of a degree.
    pub lon_udeg: u32,
    /// Latitude in millionths of a degree.
    pub lat_udeg: u32,
    /// Speed by satellite in km/h.
    pub speed_kmh: u16,
    /// Speed by the recorder in km/h.
    pub recorder_speed_kmh: u16,
    /// Odometer in km.
    pub mileage_km: u32,
    /// Degrees clockwise from north.
    pub course_deg: u16,
    /// Altitude in metres.
    pub alt_m: u16,
    /// Status bits of JT/T 808.
    pub status: u32,
    /// Alarm bits of JT/T 808.
    pub alarm: u32,
}

impl<'a> Wire<'a> for Position2011 {
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        Ok(Self {
            encrypted: reader.u8()?,
            day: reader.u8()?,
            month: reader.u8()?,
            year: reader.u16()?,
            hour: reader.u8()?,
            minute: reader.u8()?,
            second: reader.u8()?,
            lon_udeg: reader.u32()?,
            lat_udeg: reader.u32()?,
            speed_kmh: reader.u16()?,
            recorder_speed_kmh: reader.u16()?,
            mileage_km: reader.u32()?,
            course_deg: reader.u16()?,
            alt_m: reader.u16()?,
            status: reader.u32()?,
            alarm: reader.u32()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        out.extend_from_slice(&[self.encrypted, self.day, self.month]);
        self.year.write(out, edition);
        out.extend_from_slice(&[self.hour, self.minute, self.second]);
        for word in [self.lon_udeg, self.lat_udeg] {
            word.write(out, edition);
        }
        self.speed_kmh.write(out, edition);
        self.recorder_speed_kmh.write(out, edition);
        self.mileage_km.write(out, edition);
        self.course_deg.write(out, edition);
        self.alt_m.write(out, edition);
        self.status.write(out, edition);
        self.alarm.write(out, edition);
    }
}

/// A position of the 2019 edition: a JT/T 808 location, and up to three platforms with their alarms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position2019<'a> {
    /// 1 when the coordinates are shifted.
    pub encrypted: u8,
    /// The location as the terminal sent it.
    pub gnss: Location<'a>,
    /// Code of the enterprise's platform.
    pub platform1: Fixed<11>,
    /// Its alarms.
    pub alarm1: u32,
    /// Code of the city's platform.
    pub platform2: Fixed<11>,
    /// Its alarms.
    pub alarm2: u32,
    /// Code of the province's platform.
    pub platform3: Fixed<11>,
    /// Its alarms.
    pub alarm3: u32,
}

impl<'a> Wire<'a> for Position2019<'a> {
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let encrypted = reader.u8()?;
        let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        let gnss = Location::read(&mut Reader::new(reader.take(length)?), edition)?;
        Ok(Self {
            encrypted,
            gnss,
            platform1: Fixed::read(reader, edition)?,
            alarm1: reader.u32()?,
            platform2: Fixed::read(reader, edition)?,
            alarm2: reader.u32()?,
            platform3: Fixed::read(reader, edition)?,
            alarm3: reader.u32()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        out.push(self.encrypted);
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        self.gnss.write(out, edition);
        let length = ((out.len() - at - 4) as u32).to_be_bytes();
        out[at..at + 4].copy_from_slice(&length);
        for (platform, alarm) in
            [(&self.platform1, self.alarm1), (&self.platform2, self.alarm2), (&self.platform3, self.alarm3)]
        {
            platform.write(out, edition);
            alarm.write(out, edition);
        }
    }
}

/// A position of either edition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PlatformPosition<'a> {
    /// 2011.
    V2011(Position2011),
    /// 2019.
    V2019(Position2019<'a>),
}

impl<'a> PlatformPosition<'a> {
    /// Reads a position by the edition of the link.
    ///
    /// # Errors
    /// [`BodyFault::Short`] when the bytes end early.
    pub fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        if edition == Edition::V2019 {
            Position2019::read(reader, edition).map(Self::V2019)
        } else {
            Position2011::read(reader, edition).map(Self::V2011)
        }
    }

    /// Appends the position.
    pub fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        match self {
            Self::V2011(position) => position.write(out, edition),
            Self::V2019(position) => position.write(out, edition),
        }
    }
}

layout! {
    /// 0x9301: the post check (查岗), which must be answered in time, and 0x9302 a message, in the 2011 edition.
    pub struct PostCheck2011 {
        /// Who is meant: 1 this platform, 2 its operator, 3 all.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Id of who is meant.
        pub object_id: Fixed<12>,
        /// Id of the question, echoed in the answer.
        pub info_id: u32,
        /// Length of the text as sent.
        pub info_len: u32,
        /// The question.
        pub content: Text,
    }
}

layout! {
    /// 0x9301: the post check (查岗) of the 2019 edition.
    pub struct PostCheck2019 {
        /// Who is meant.
        #[serde(rename = "type")]
        pub kind: u8,
        /// Id of who is meant.
        pub object_id: Fixed<20>,
        /// Time to answer in, as sent.
        pub answer_within: u8,
        /// Id of the question, echoed in the answer.
        pub info_id: u32,
        /// Length of the text as sent.
        pub info_len: u32,
        /// The question.
        pub content: Text,
    }
}

/// The body of a platform message, understood as far as the standard says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PlatformBody<'a> {
    /// 0x1001.
    Login(Login),
    /// 0x1002.
    LoginReply(LoginReply),
    /// 0x1003, 0x9003.
    Logout(Logout),
    /// 0x9001.
    SubLogin(SubLogin),
    /// 0x9002.
    ResultByte(ResultByte),
    /// 0x1007, 0x1008, 0x9007, 0x9008.
    LinkError(LinkError),
    /// 0x9101.
    ReceivedCount(ReceivedCount),
    /// Messages without a body.
    Empty {
        /// Always true.
        empty: bool,
    },
    /// About one vehicle.
    Vehicle(VehicleMessage<'a>),
    /// Between platforms.
    Platform(PlatformMessage<'a>),
    /// Any other id.
    Unknown {
        /// The bytes.
        raw: Raw<'a>,
    },
}

/// Whether messages with this id open with plate and colour (those of 0x1400 and 0x9400 before 2019 only).
pub(super) const fn about_vehicle(id: u16) -> bool {
    matches!(
        id,
        id::VEHICLE_UP
            | id::VEHICLE_DOWN
            | id::ALARM_UP
            | id::ALARM_DOWN
            | id::SUPERVISION_UP
            | id::SUPERVISION_DOWN
            | id::STATIC_UP
            | id::STATIC_DOWN
    )
}

/// Fewest bytes that a body of this id has.
const fn shortest(id: u16, edition: Edition) -> usize {
    match id {
        id::LOGIN if matches!(edition, Edition::V2019) => 50,
        id::LOGIN => 46,
        id::LOGIN_REPLY => 5,
        id::LOGOUT => 12,
        id::SUB_LOGIN => 4,
        id::SUB_LOGIN_REPLY | id::LINK_BROKEN | id::CLOSING | id::SUB_LINK_BROKEN | id::UPPER_CLOSING => 1,
        id::RECEIVED_COUNT => 20,
        id::PLATFORM_UP | id::PLATFORM_DOWN => 6,
        _ if about_vehicle(id) => 28,
        _ => 0,
    }
}

/// The edition that a message can be read by: 2019 when a plausible time follows the header and the body is long
/// enough, else 2011; nothing when it fits neither.
#[must_use]
pub fn detect(envelope: &super::Envelope) -> Option<Edition> {
    let id = envelope.header.id;
    let length = envelope.after_header.len();
    if envelope.plausible_utc().is_some() && length - 8 >= shortest(id, Edition::V2019) {
        Some(Edition::V2019)
    } else if length >= shortest(id, Edition::V2011) {
        Some(Edition::V2011)
    } else {
        None
    }
}

impl<'a> PlatformBody<'a> {
    /// Reads a decrypted body; bytes after it stay in `reader`.
    ///
    /// # Errors
    /// [`BodyFault::Short`] when it ends early.
    pub fn read(id: u16, reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        Ok(match id {
            id::LOGIN => Self::Login(Login::read(reader, edition)?),
            id::LOGIN_REPLY => Self::LoginReply(LoginReply::read(reader, edition)?),
            id::LOGOUT | id::SUB_LOGOUT if reader.left() >= 12 => {
                Self::Logout(Logout::read(reader, edition)?)
            }
            id::SUB_LOGIN => Self::SubLogin(SubLogin::read(reader, edition)?),
            id::SUB_LOGIN_REPLY => Self::ResultByte(ResultByte::read(reader, edition)?),
            id::LINK_BROKEN | id::CLOSING | id::SUB_LINK_BROKEN | id::UPPER_CLOSING => {
                Self::LinkError(LinkError::read(reader, edition)?)
            }
            id::RECEIVED_COUNT => Self::ReceivedCount(ReceivedCount::read(reader, edition)?),
            id::PLATFORM_UP | id::PLATFORM_DOWN => Self::Platform(PlatformMessage::read(reader, edition)?),
            _ if about_vehicle(id) => return Self::read_about_vehicle(id, reader, edition),
            _ if Self::is_empty_id(id) && reader.left() == 0 => Self::Empty { empty: true },
            _ => Self::Unknown { raw: Raw::read(reader, edition)? },
        })
    }

    const fn is_empty_id(id: u16) -> bool {
        matches!(
            id,
            id::LOGOUT_REPLY
                | id::HEARTBEAT
                | id::HEARTBEAT_REPLY
                | id::SUB_LOGOUT
                | id::SUB_LOGOUT_REPLY
                | id::SUB_HEARTBEAT
                | id::SUB_HEARTBEAT_REPLY
        )
    }

    fn read_about_vehicle(id: u16, reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let mut ahead = *reader;
        let vehicle = VehicleMessage::read(&mut ahead, edition);
        if let Ok(message) = &vehicle
            && usize::try_from(message.sub_len) == Ok(message.sub_raw.0.len())
        {
            *reader = ahead;
            return vehicle.map(Self::Vehicle);
        }
        // Since 2019 alarms have the sub id first; some 0x9200 do, too.
        let mut direct = *reader;
        if let Ok(message) = PlatformMessage::read(&mut direct, edition)
            && usize::try_from(message.sub_len) == Ok(message.sub_raw.0.len())
            && message.sub_id >> 8 == id >> 8
        {
            *reader = direct;
            return Ok(Self::Platform(message));
        }
        *reader = ahead;
        vehicle.map(Self::Vehicle)
    }

    /// Appends the body.
    pub fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        match self {
            Self::Login(body) => body.write(out, edition),
            Self::LoginReply(body) => body.write(out, edition),
            Self::Logout(body) => body.write(out, edition),
            Self::SubLogin(body) => body.write(out, edition),
            Self::ResultByte(body) => body.write(out, edition),
            Self::LinkError(body) => body.write(out, edition),
            Self::ReceivedCount(body) => body.write(out, edition),
            Self::Empty { .. } => {}
            Self::Vehicle(body) => body.write(out, edition),
            Self::Platform(body) => body.write(out, edition),
            Self::Unknown { raw } => raw.write(out, edition),
        }
    }
}

impl<'a> VehicleMessage<'a> {
    /// A message about a vehicle; the length is taken from the sub-body.
    #[must_use]
    pub fn new(plate: &Text, colour: u8, sub_id: u16, sub_body: Vec<u8>) -> Self {
        Self {
            plate: Fixed(plate.clone()),
            colour,
            sub_id,
            sub_len: sub_body.len() as u32,
            sub_raw: Raw(sub_body.into()),
        }
    }

    /// Whether the declared length of the sub-body is true.
    #[must_use]
    pub fn length_agrees(&self) -> bool {
        usize::try_from(self.sub_len) == Ok(self.sub_raw.0.len())
    }

    /// The positions of 0x1202, 0x1203, 0x9202 and 0x9203, and of no other sub id.
    ///
    /// # Errors
    /// [`BodyFault::Short`] when a position ends early.
    pub fn positions(&'a self, edition: Edition) -> Option<Result<Vec<PlatformPosition<'a>>, BodyFault>> {
        let mut reader = Reader::new(&self.sub_raw.0);
        match self.sub_id {
            0x1202 | 0x9202 => {
                Some(PlatformPosition::read(&mut reader, edition).map(|position| vec![position]))
            }
            0x1203 | 0x9203 => Some(reader.u8().and_then(|count| {
                (0..count).map(|_| PlatformPosition::read(&mut reader, edition)).collect()
            })),
            _ => None,
        }
    }
}

layout! {
    /// 0x1302 and 0x1301 of the 2011 edition, and acknowledgements of 0x1500: the id of what is answered.
    pub struct InfoAnswer {
        /// Id of the question.
        pub info_id: u32,
        /// More, where there is some.
        #[serde(default, skip_serializing_if = "Maybe::is_none")]
        pub more: Maybe<Text>,
    }
}
