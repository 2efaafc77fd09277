//! The location report, the message that all others are there for, and its additional items.

use super::header::Edition;
use super::vendor::Dialect;
use crate::bcd::BcdTime;
use crate::fault::BodyFault;
use crate::position::{Feed, Flags, Item, Position, TerminalKey};
use crate::wire::{Reader, Wire, from_hex, to_hex};
use serde::de::Error as _;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use xiangyun_model::geo::Datum;

/// Names of the alarm bits, bit 0 first.
pub const ALARM_NAMES: [&str; 32] = [
    "emergency",
    "overspeed",
    "fatigue",
    "danger_warning",
    "gnss_fault",
    "antenna_open",
    "antenna_short",
    "power_low",
    "power_cut",
    "lcd_fault",
    "tts_fault",
    "camera_fault",
    "ic_card_fault",
    "overspeed_prewarn",
    "fatigue_prewarn",
    "improper_driving",
    "tyre_pressure",
    "right_blind_zone",
    "day_driving_timeout",
    "parking_timeout",
    "area_in_out",
    "route_in_out",
    "segment_time",
    "route_deviation",
    "vss_fault",
    "fuel_abnormal",
    "stolen",
    "illegal_ignition",
    "illegal_move",
    "collision",
    "rollover",
    "illegal_door",
];

/// Bits of the status word.
pub mod status {
    /// Ignition on.
    pub const ACC: u32 = 1;
    /// The receiver has a fix.
    pub const FIX: u32 = 1 << 1;
    /// Latitude is south.
    pub const SOUTH: u32 = 1 << 2;
    /// Longitude is west.
    pub const WEST: u32 = 1 << 3;
    /// Out of service.
    pub const OUT_OF_SERVICE: u32 = 1 << 4;
    /// Coordinates are shifted by the confidentiality plug-in (GCJ-02).
    pub const SHIFTED: u32 = 1 << 5;
    /// Fuel line cut.
    pub const FUEL_CUT: u32 = 1 << 10;
    /// Power cut.
    pub const POWER_CUT: u32 = 1 << 11;
    /// Doors locked.
    pub const LOCKED: u32 = 1 << 12;
    /// Front door open.
    pub const FRONT_DOOR: u32 = 1 << 13;
    /// Middle door open.
    pub const MIDDLE_DOOR: u32 = 1 << 14;
    /// Rear door open: the load doors of a van.
    pub const REAR_DOOR: u32 = 1 << 15;
    /// The vehicle moves (2019 edition).
    pub const MOVING: u32 = 1 << 22;
}

/// A location report as in 0x0200 and everywhere else one is carried.
///
/// Coordinates are magnitudes as sent; [`Location::lat_udeg`] and [`Location::lon_udeg`] give them signed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location<'a> {
    /// Alarm bits, [`ALARM_NAMES`].
    pub alarm: u32,
    /// Status bits, [`status`].
    pub status: u32,
    /// Latitude without its sign, millionths of a degree.
    pub lat: u32,
    /// Longitude without its sign, millionths of a degree.
    pub lon: u32,
    /// Altitude in metres; below the sea in two's complement.
    pub alt_m: i16,
    /// Speed in tenths of km/h.
    pub speed_dkmh: u16,
    /// Degrees clockwise from north.
    pub course_deg: u16,
    /// Beijing time of the fix.
    pub time: BcdTime,
    /// Additional items.
    pub items: Items<'a>,
}

/// The additional items as they travel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items<'a>(pub Cow<'a, [u8]>);

/// One additional item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawItem<'a> {
    /// Item id.
    pub id: u8,
    /// Its value.
    pub value: &'a [u8],
}

/// The items one by one; what cannot be an item is left in [`ItemIter::rest`].
#[derive(Clone, Debug)]
pub struct ItemIter<'a> {
    rest: &'a [u8],
}

impl<'a> ItemIter<'a> {
    /// Bytes that no item was read from: at the end, those of an item that runs past the body.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for ItemIter<'a> {
    type Item = RawItem<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawItem<'a>> {
        let [id, length, rest @ ..] = self.rest else { return None };
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        self.rest = rest;
        Some(RawItem { id: *id, value })
    }
}

impl Items<'_> {
    /// The items one by one.
    #[must_use]
    #[inline]
    pub fn iter(&self) -> ItemIter<'_> {
        ItemIter { rest: &self.0 }
    }

    /// The value of the first item with this id.
    #[must_use]
    pub fn get(&self, id: u8) -> Option<&[u8]> {
        self.iter().find(|item| item.id == id).map(|item| item.value)
    }

    /// Appends an item; a value of more than 255 bytes is cut.
    pub fn push(&mut self, id: u8, value: &[u8]) {
        let value = &value[..value.len().min(255)];
        let bytes = self.0.to_mut();
        bytes.push(id);
        bytes.push(value.len() as u8);
        bytes.extend_from_slice(value);
    }
}

/// What a standard item of the right length says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// 0x01: odometer, metres.
    Mileage(u64),
    /// 0x02: fuel, tenths of a litre.
    Fuel(u16),
    /// 0x03: recorder speed, tenths of km/h.
    RecorderSpeed(u16),
    /// 0x04: alarm event that a person must confirm.
    AlarmEvent(u16),
    /// 0x06: carriage temperature, degrees Celsius.
    CarriageTemperature(i16),
    /// 0x11: where the overspeed was.
    Overspeed {
        /// 0 nowhere in particular, 1 circle, 2 rectangle, 3 polygon, 4 segment.
        place: u8,
        /// Area or segment.
        area_id: Option<u32>,
    },
    /// 0x12: an area or route was entered or left.
    Area {
        /// 1 circle, 2 rectangle, 3 polygon, 4 route.
        kind: u8,
        /// Area or route.
        area_id: u32,
        /// 0 in, 1 out.
        direction: u8,
    },
    /// 0x13: too short or too long on a segment.
    Segment {
        /// The segment.
        route_id: u32,
        /// Time taken, seconds.
        seconds: u16,
        /// 0 too short, 1 too long.
        result: u8,
    },
    /// 0x25: extended signals.
    Signals(u32),
    /// 0x2A: inputs and outputs.
    Io(u16),
    /// 0x2B: analogue inputs.
    Analogue {
        /// Low word.
        ad0: u16,
        /// High word.
        ad1: u16,
    },
    /// 0x30: radio signal strength.
    SignalStrength(u8),
    /// 0x31: satellites.
    Satellites(u8),
}

impl RawItem<'_> {
    /// What the item says, when it is a standard one of the standard length.
    #[must_use]
    #[inline]
    pub fn standard(&self) -> Option<Standard> {
        Some(match (self.id, self.value) {
            (0x01, [a, b, c, d]) => Standard::Mileage(u64::from(u32::from_be_bytes([*a, *b, *c, *d])) * 100),
            (0x02, [a, b]) => Standard::Fuel(u16::from_be_bytes([*a, *b])),
            (0x03, [a, b]) => Standard::RecorderSpeed(u16::from_be_bytes([*a, *b])),
            (0x04, [a, b]) => Standard::AlarmEvent(u16::from_be_bytes([*a, *b])),
            (0x06, [a, b]) => Standard::CarriageTemperature(sign_magnitude(u16::from_be_bytes([*a, *b]))),
            (0x11, [place]) => Standard::Overspeed { place: *place, area_id: None },
            (0x11, [place, a, b, c, d]) => {
                Standard::Overspeed { place: *place, area_id: Some(u32::from_be_bytes([*a, *b, *c, *d])) }
            }
            (0x12, [kind, a, b, c, d, direction]) => Standard::Area {
                kind: *kind,
                area_id: u32::from_be_bytes([*a, *b, *c, *d]),
                direction: *direction,
            },
            (0x13, [a, b, c, d, e, f, result]) => Standard::Segment {
                route_id: u32::from_be_bytes([*a, *b, *c, *d]),
                seconds: u16::from_be_bytes([*e, *f]),
                result: *result,
            },
            (0x25, [a, b, c, d]) => Standard::Signals(u32::from_be_bytes([*a, *b, *c, *d])),
            (0x2A, [a, b]) => Standard::Io(u16::from_be_bytes([*a, *b])),
            (0x2B, [a, b, c, d]) => {
                Standard::Analogue { ad0: u16::from_be_bytes([*c, *d]), ad1: u16::from_be_bytes([*a, *b]) }
            }
            (0x30, [value]) => Standard::SignalStrength(*value),
            (0x31, [value]) => Standard::Satellites(*value),
            _ => return None,
        })
    }
}

/// A number whose highest bit is its sign.
#[must_use]
#[inline]
pub(crate) const fn sign_magnitude(raw: u16) -> i16 {
    let magnitude = (raw & 0x7FFF) as i16;
    if raw & 0x8000 == 0 { magnitude } else { -magnitude }
}

impl<'a> Wire<'a> for Location<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>, edition: Edition) -> Result<Self, BodyFault> {
        let core = Core::read(reader, edition)?.0;
        Ok(Self { items: Items(Cow::Borrowed(reader.take_rest())), ..core })
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        out.extend_from_slice(&self.alarm.to_be_bytes());
        out.extend_from_slice(&self.status.to_be_bytes());
        out.extend_from_slice(&self.lat.to_be_bytes());
        out.extend_from_slice(&self.lon.to_be_bytes());
        out.extend_from_slice(&self.alt_m.to_be_bytes());
        out.extend_from_slice(&self.speed_dkmh.to_be_bytes());
        out.extend_from_slice(&self.course_deg.to_be_bytes());
        out.extend_from_slice(&self.time.0);
        out.extend_from_slice(&self.items.0);
    }
}

/// The 28 bytes of a location without items, as media messages carry it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Core<'a>(pub Location<'a>);

impl<'a> Wire<'a> for Core<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        let bytes = reader.array::<28>()?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let half = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Ok(Self(Location {
            alarm: word(0),
            status: word(4),
            lat: word(8),
            lon: word(12),
            alt_m: half(16) as i16,
            speed_dkmh: half(18),
            course_deg: half(20),
            time: BcdTime([bytes[22], bytes[23], bytes[24], bytes[25], bytes[26], bytes[27]]),
            items: Items::default(),
        }))
    }

    fn write(&self, out: &mut Vec<u8>, edition: Edition) {
        let at = out.len();
        self.0.write(out, edition);
        out.truncate(at + 28);
    }
}

impl Location<'_> {
    /// Latitude in millionths of a degree, south negative. May lie outside the globe: terminals send anything.
    #[must_use]
    #[inline]
    pub fn lat_udeg(&self) -> i64 {
        if self.status & status::SOUTH == 0 { i64::from(self.lat) } else { -i64::from(self.lat) }
    }

    /// Longitude in millionths of a degree, west negative. May lie outside the globe.
    #[must_use]
    #[inline]
    pub fn lon_udeg(&self) -> i64 {
        if self.status & status::WEST == 0 { i64::from(self.lon) } else { -i64::from(self.lon) }
    }

    /// Names of the alarms that are set.
    pub fn alarm_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let alarm = self.alarm;
        ALARM_NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| alarm >> bit & 1 == 1)
            .map(|(_, name)| name)
    }

    /// Load of the vehicle by status bits 8 and 9: 0 empty, 1 half, 3 full; 0 also where it is not wired.
    #[must_use]
    pub const fn load(&self) -> u8 {
        (self.status >> 8 & 3) as u8
    }

    /// The same report without a borrow.
    #[must_use]
    pub fn into_owned(self) -> Location<'static> {
        Location { items: Items(Cow::Owned(self.items.0.into_owned())), ..self }
    }

    /// The common report. `datum` is what the terminal is known to send; the shifted bit (status bit 5) is kept as a
    /// flag and not believed, since many terminals set or leave it wrongly. `dialect` says which vendor items to
    /// understand. Without a readable device time the time of receipt stands in and is flagged.
    #[must_use]
    pub fn to_position(
        &self,
        terminal: &TerminalKey,
        received_ms: i64,
        datum: Datum,
        dialect: Dialect,
        backfill: bool,
    ) -> Position {
        let device_ms = self.time.utc_ms();
        let on = |bit: u32| self.status & bit != 0;
        let no_place = !on(status::FIX) && self.lat == 0 && self.lon == 0;
        let flags = Flags::ACC_KNOWN
            .set(Flags::FIX, on(status::FIX))
            .set(Flags::ACC, on(status::ACC))
            .set(Flags::MOVING, on(status::MOVING))
            .set(Flags::SHIFTED, on(status::SHIFTED))
            .set(Flags::BACKFILL, backfill)
            .set(Flags::NO_DEVICE_TIME, device_ms.is_none())
            .set(Flags::NO_PLACE, no_place);
        let within = |udeg: i64| udeg.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
        Position {
            terminal: terminal.clone(),
            time_ms: device_ms.unwrap_or(received_ms),
            received_ms,
            lat_e6: within(self.lat_udeg()),
            lon_e6: within(self.lon_udeg()),
            speed_dkmh: Some(self.speed_dkmh),
            course_deg: Some(self.course_deg),
            alt_m: Some(self.alt_m),
            status: self.status,
            alarm: self.alarm,
            datum,
            feed: Feed::Jt808,
            flags,
            items: self.common_items(dialect),
        }
    }

    /// The location that says what a report says, in WGS-84: for platforms above, and for tools that play a terminal.
    /// What 808 has no item for is left out.
    #[must_use]
    pub fn from_position(position: &Position) -> Location<'static> {
        let (mut lat, mut lon) = (i64::from(position.lat_e6), i64::from(position.lon_e6));
        if position.datum != Datum::Wgs84
            && let Ok(place) = position.wgs84()
        {
            (lat, lon) = ((place.lat * 1e6).round() as i64, (place.lon * 1e6).round() as i64);
        }
        let mut bits = position.status & !(status::SOUTH | status::WEST | status::SHIFTED);
        let mut set = |bit: u32, on: bool| bits = if on { bits | bit } else { bits & !bit };
        set(status::SOUTH, lat < 0);
        set(status::WEST, lon < 0);
        set(status::FIX, position.flags.has(Flags::FIX));
        if position.flags.has(Flags::ACC_KNOWN) {
            set(status::ACC, position.flags.has(Flags::ACC));
        }
        let mut items = Items::default();
        for item in &position.items {
            match item {
                Item::MileageM(metres) => {
                    items.push(0x01, &u32::try_from(metres / 100).unwrap_or(u32::MAX).to_be_bytes());
                }
                Item::FuelDl(tenths) => items.push(0x02, &tenths.to_be_bytes()),
                Item::RecorderSpeedDkmh(speed) => items.push(0x03, &speed.to_be_bytes()),
                Item::SignalStrength(strength) => items.push(0x30, &[*strength]),
                Item::Satellites(count) => items.push(0x31, &[*count]),
                Item::TemperatureDc { probe: 0, deci_c } => {
                    let degrees = deci_c / 10;
                    let sign = if degrees < 0 { 0x8000 } else { 0 };
                    items.push(0x06, &(degrees.unsigned_abs() | sign).to_be_bytes());
                }
                Item::Raw { id, value } => items.push(*id, value),
                _ => {}
            }
        }
        Location {
            alarm: position.alarm,
            status: bits,
            lat: u32::try_from(lat.unsigned_abs()).unwrap_or(u32::MAX),
            lon: u32::try_from(lon.unsigned_abs()).unwrap_or(u32::MAX),
            alt_m: position.alt_m.unwrap_or(0),
            speed_dkmh: position.speed_dkmh.unwrap_or(0),
            course_deg: position.course_deg.unwrap_or(0),
            time: BcdTime::from_utc_ms(position.time_ms).unwrap_or_default(),
            items,
        }
    }

    /// The items in the common form; what is not understood is kept raw.
    #[must_use]
    pub fn common_items(&self, dialect: Dialect) -> Vec<Item> {
        let mut items = Vec::new();
        for item in self.items.iter() {
            if dialect.read(&item, &mut items) {
                continue;
            }
            items.push(match item.standard() {
                Some(Standard::Mileage(metres)) => Item::MileageM(metres),
                Some(Standard::Fuel(tenths)) => Item::FuelDl(tenths),
                Some(Standard::RecorderSpeed(speed)) => Item::RecorderSpeedDkmh(speed),
                Some(Standard::CarriageTemperature(degrees)) => {
                    Item::TemperatureDc { probe: 0, deci_c: degrees.saturating_mul(10) }
                }
                Some(Standard::SignalStrength(strength)) => Item::SignalStrength(strength),
                Some(Standard::Satellites(count)) => Item::Satellites(count),
                _ => Item::Raw { id: item.id, value: item.value.to_vec() },
            });
        }
        items
    }
}

impl Serialize for Location<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let bit = |bit: u32| u8::from(self.status & bit != 0);
        map.serialize_entry("alarm", &self.alarm)?;
        map.serialize_entry("alarm_names", &self.alarm_names().collect::<Vec<_>>())?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("acc", &bit(status::ACC))?;
        map.serialize_entry("fixed", &bit(status::FIX))?;
        map.serialize_entry("south", &bit(status::SOUTH))?;
        map.serialize_entry("west", &bit(status::WEST))?;
        map.serialize_entry("lat_udeg", &self.lat_udeg())?;
        map.serialize_entry("lon_udeg", &self.lon_udeg())?;
        map.serialize_entry("alt_m", &self.alt_m)?;
        map.serialize_entry("speed_dkmh", &self.speed_dkmh)?;
        map.serialize_entry("course_deg", &self.course_deg)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("items", &self.items)?;
        let mut items = self.items.iter();
        items.by_ref().for_each(drop);
        if !items.rest().is_empty() {
            map.serialize_entry("trailing", &to_hex(items.rest()))?;
        }
        map.end()
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in self.iter() {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

impl Serialize for RawItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("len", &self.value.len())?;
        map.serialize_entry("raw", &to_hex(self.value))?;
        match self.standard() {
            None => {}
            Some(Standard::Mileage(metres)) => map.serialize_entry("mileage_m", &metres)?,
            Some(Standard::Fuel(tenths)) => map.serialize_entry("fuel_dl", &tenths)?,
            Some(Standard::RecorderSpeed(speed)) => map.serialize_entry("recorder_speed_dkmh", &speed)?,
            Some(Standard::AlarmEvent(event)) => map.serialize_entry("alarm_event_id", &event)?,
            Some(Standard::CarriageTemperature(degrees)) => {
                map.serialize_entry("carriage_temp_c", &degrees)?;
            }
            Some(Standard::Overspeed { place, area_id }) => {
                map.serialize_entry("overspeed_place", &place)?;
                if let Some(area_id) = area_id {
                    map.serialize_entry("area_id", &area_id)?;
                }
            }
            Some(Standard::Area { kind, area_id, direction }) => {
                map.serialize_entry("area_type", &kind)?;
                map.serialize_entry("area_id", &area_id)?;
                match direction {
                    0 => map.serialize_entry("direction", "in")?,
                    1 => map.serialize_entry("direction", "out")?,
                    other => map.serialize_entry("direction", &other)?,
                }
            }
            Some(Standard::Segment { route_id, seconds, result }) => {
                map.serialize_entry("route_id", &route_id)?;
                map.serialize_entry("seconds", &seconds)?;
                map.serialize_entry("result", &result)?;
            }
            Some(Standard::Signals(bits)) => map.serialize_entry("ext_signal", &bits)?,
            Some(Standard::Io(bits)) => map.serialize_entry("io", &bits)?,
            Some(Standard::Analogue { ad0, ad1 }) => {
                map.serialize_entry("ad0", &ad0)?;
                map.serialize_entry("ad1", &ad1)?;
            }
            Some(Standard::SignalStrength(strength)) => map.serialize_entry("csq", &strength)?,
            Some(Standard::Satellites(count)) => map.serialize_entry("sats", &count)?,
        }
        map.end()
    }
}

/// An item as `encode` reads it: raw bytes, or one of the plain readings.
#[derive(Deserialize)]
struct ItemForm {
    id: u8,
    raw: Option<String>,
    mileage_m: Option<u64>,
    fuel_dl: Option<u16>,
    recorder_speed_dkmh: Option<u16>,
    alarm_event_id: Option<u16>,
    carriage_temp_c: Option<i16>,
    ext_signal: Option<u32>,
    io: Option<u16>,
    csq: Option<u8>,
    sats: Option<u8>,
}

impl ItemForm {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        if let Some(raw) = &self.raw {
            return from_hex(raw).map_err(|fault| fault.to_string());
        }
        let word = |value: &u16| value.to_be_bytes().to_vec();
        self.mileage_m
            .map(|metres| u32::try_from(metres / 100).unwrap_or(u32::MAX).to_be_bytes().to_vec())
            .or_else(|| self.fuel_dl.as_ref().map(word))
            .or_else(|| self.recorder_speed_dkmh.as_ref().map(word))
            .or_else(|| self.alarm_event_id.as_ref().map(word))
            .or_else(|| {
                let degrees = self.carriage_temp_c?;
                Some((degrees.unsigned_abs() | if degrees < 0 { 0x8000 } else { 0 }).to_be_bytes().to_vec())
            })
            .or_else(|| self.ext_signal.map(|bits| bits.to_be_bytes().to_vec()))
            .or_else(|| self.io.as_ref().map(word))
            .or_else(|| self.csq.map(|value| vec![value]))
            .or_else(|| self.sats.map(|value| vec![value]))
            .ok_or_else(|| format!("item {:#04x} has neither raw nor a reading", self.id))
    }
}

#[derive(Deserialize)]
struct LocationForm {
    #[serde(default)]
    alarm: u32,
    status: Option<u32>,
    lat_udeg: i64,
    lon_udeg: i64,
    #[serde(default)]
    alt_m: i16,
    #[serde(default)]
    speed_dkmh: u16,
    #[serde(default)]
    course_deg: u16,
    time: BcdTime,
    #[serde(default)]
    items: Vec<ItemForm>,
    trailing: Option<String>,
}

/// `encode` reads what `decode` writes; `status` may be left out (a fix with ignition on), and an item may give its
/// reading instead of raw bytes.
impl<'de> Deserialize<'de> for Location<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form = LocationForm::deserialize(deserializer)?;
        let magnitude = |udeg: i64, what: &str| {
            u32::try_from(udeg.unsigned_abs())
                .map_err(|_| D::Error::custom(format!("{what} does not fit in 32 bits")))
        };
        let hemisphere = |udeg: i64, bit: u32| if udeg < 0 { bit } else { 0 };
        let status = form.status.unwrap_or_else(|| {
            status::ACC
                | status::FIX
                | hemisphere(form.lat_udeg, status::SOUTH)
                | hemisphere(form.lon_udeg, status::WEST)
        });
        let mut items = Items::default();
        for item in &form.items {
            items.push(item.id, &item.bytes().map_err(D::Error::custom)?);
        }
        if let Some(trailing) = &form.trailing {
            items.0.to_mut().extend(from_hex(trailing).map_err(D::Error::custom)?);
        }
        Ok(Self {
            alarm: form.alarm,
            status,
            lat: magnitude(form.lat_udeg, "lat_udeg")?,
            lon: magnitude(form.lon_udeg, "lon_udeg")?,
            alt_m: form.alt_m,
            speed_dkmh: form.speed_dkmh,
            course_deg: form.course_deg,
            time: form.time,
            items,
        })
    }
}
