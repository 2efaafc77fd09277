//! The common report: what every feed is turned into, and what the segment log stores.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use xiangyun_model::geo::{BadPlace, Datum, LonLat};

/// The outside name of a terminal or device: digits of a terminal phone without leading zeros, the lower-case hex of
/// an id that is not decimal, or the device id of a phone app. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalKey(Arc<str>);

impl TerminalKey {
    /// A key from its outside text, leading zeros stripped as JT/T 808 terminals are matched without them.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let stripped = text.trim_start_matches('0');
        Self(Arc::from(if stripped.is_empty() { "0" } else { stripped }))
    }

    /// A key kept as it is, for device ids in which a leading zero means something.
    #[must_use]
    pub fn verbatim(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text of the key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TerminalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TerminalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for TerminalKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TerminalKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Arc::from(text)))
    }
}

/// Which feed a report came by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Feed {
    /// JT/T 808 terminal.
    #[default]
    Jt808 = 0,
    /// JT/T 809 platform.
    Jt809 = 1,
    /// OsmAnd HTTP, as Traccar Client speaks it.
    Osmand = 2,
    /// OwnTracks over MQTT.
    Owntracks = 3,
    /// Our MessagePack batches or house topics.
    Msgpack = 4,
}

/// Facts about one report, as bits. Two reports that differ only here are the same report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// The receiver had a valid fix.
    pub const FIX: Self = Self(1);
    /// Sent later from the terminal's memory (0x0704 kind 1, 809 backfill).
    pub const BACKFILL: Self = Self(1 << 1);
    /// The device carried no readable time; `time_ms` is the time of receipt.
    pub const NO_DEVICE_TIME: Self = Self(1 << 2);
    /// The device says that the place is simulated.
    pub const MOCK: Self = Self(1 << 3);
    /// The report carries no place; `lat_e6` and `lon_e6` are zero and mean nothing.
    pub const NO_PLACE: Self = Self(1 << 4);
    /// The feed told ignition (ACC) at all; else [`Flags::ACC`] means nothing.
    pub const ACC_KNOWN: Self = Self(1 << 5);
    /// Ignition (ACC) on.
    pub const ACC: Self = Self(1 << 6);
    /// The device says it moves (808-2019 status bit 22, Traccar `is_moving`).
    pub const MOVING: Self = Self(1 << 7);
    /// The device says its coordinates are shifted by the confidentiality plug-in.
    pub const SHIFTED: Self = Self(1 << 8);
    /// A broker delivered this report as a retained message.
    pub const RETAINED: Self = Self(1 << 9);
    /// The device time lies outside the accepted range: keep, but do not believe (set by the session).
    pub const QUARANTINED: Self = Self(1 << 10);
    /// `time_ms` was corrected by the session; the device's own time is in an item.
    pub const TIME_REPAIRED: Self = Self(1 << 11);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits of `other` set or cleared.
    #[must_use]
    pub const fn set(self, other: Self, on: bool) -> Self {
        if on { Self(self.0 | other.0) } else { Self(self.0 & !other.0) }
    }
}

/// One measured or reported thing beside the place. Unit last in each name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Odometer in metres.
    MileageM(u64),
    /// Fuel in the tank in tenths of a litre.
    FuelDl(u16),
    /// Fuel in the tank in percent, from vendors that send it so.
    FuelPct(u8),
    /// Speed of the tachograph in tenths of km/h.
    RecorderSpeedDkmh(u16),
    /// Temperature of a probe, tenths of a degree Celsius. Probe 0 is the carriage sensor of the 2019 edition.
    TemperatureDc {
        /// Number of the probe, from 1 for probe items.
        probe: u8,
        /// Tenths of a degree Celsius.
        deci_c: i16,
    },
    /// Relative humidity of a probe in thousandths.
    HumidityPm {
        /// Number of the probe, from 1 for probe items.
        probe: u8,
        /// Thousandths, 0 to 1000.
        permille: u16,
    },
    /// Satellites used.
    Satellites(u8),
    /// Radio signal strength as the terminal gives it.
    SignalStrength(u8),
    /// Battery in percent.
    BatteryPct(u8),
    /// Supply or battery voltage in millivolts.
    VoltageMv(u32),
    /// Horizontal accuracy in decimetres.
    AccuracyDm(u32),
    /// Dilution of precision in hundredths.
    HdopCenti(u16),
    /// The device's own time in UTC milliseconds where the session corrected it.
    DeviceTimeMs(i64),
    /// A named value of an app feed, kept as text.
    Text {
        /// Name as sent.
        key: String,
        /// Value as sent.
        value: String,
    },
    /// An item of JT/T 808 kept raw: unknown, malformed or of a vendor not selected.
    Raw {
        /// Item id.
        id: u8,
        /// Its value.
        #[serde(with = "bytes_as_vec")]
        value: Vec<u8>,
    },
}

/// Byte strings as MessagePack binary rather than as a list of numbers.
mod bytes_as_vec {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl<'de> Visitor<'de> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: Error>(self, v: &[u8]) -> Result<Vec<u8>, E> {
                Ok(v.to_vec())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<u8>, A::Error> {
                // An 808 item holds at most 255 bytes; a hint from outside is not believed.
                let mut out = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(255));
                while let Some(byte) = seq.next_element()? {
                    out.push(byte);
                }
                Ok(out)
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// One report of one terminal: a place at a time with what was measured beside it.
///
/// Coordinates are as the feed gave them, in the datum named by `datum`; [`Position::wgs84`] gives the converted
/// place. Nothing is rounded: feeds with finer steps than a millionth of a degree are stored to the nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Who reports.
    pub terminal: TerminalKey,
    /// Time of the fix by the device, UTC milliseconds.
    pub time_ms: i64,
    /// Time of receipt, UTC milliseconds; not part of the report's identity.
    pub received_ms: i64,
    /// Latitude in millionths of a degree, north positive.
    pub lat_e6: i32,
    /// Longitude in millionths of a degree, east positive.
    pub lon_e6: i32,
    /// Speed in tenths of km/h, if told.
    pub speed_dkmh: Option<u16>,
    /// Course in degrees clockwise from north, if told.
    pub course_deg: Option<u16>,
    /// Altitude in metres, if told.
    pub alt_m: Option<i16>,
    /// JT/T 808 status word; 0 for feeds without one.
    pub status: u32,
    /// JT/T 808 alarm word; 0 for feeds without one.
    pub alarm: u32,
    /// Datum of `lat_e6` and `lon_e6`.
    pub datum: Datum,
    /// The feed it came by.
    pub feed: Feed,
    /// Facts about the report.
    pub flags: Flags,
    /// What was measured beside the place, in the feed's order.
    pub items: Vec<Item>,
}

impl Position {
    /// The place in WGS-84.
    ///
    /// # Errors
    /// [`BadPlace`] when the numbers lie outside the globe, as broken terminals send them.
    pub fn wgs84(&self) -> Result<LonLat, BadPlace> {
        LonLat::new(f64::from(self.lon_e6) / 1e6, f64::from(self.lat_e6) / 1e6)
            .map(|place| self.datum.to_wgs84(place))
    }

    /// What makes two reports the same one, however often and by whatever message they arrive: terminal, device time,
    /// place and alarm word.
    #[must_use]
    pub fn identity(&self) -> (&str, i64, i32, i32, u32) {
        (self.terminal.as_str(), self.time_ms, self.lat_e6, self.lon_e6, self.alarm)
    }

    /// The first odometer reading, metres.
    #[must_use]
    pub fn mileage_m(&self) -> Option<u64> {
        self.items.iter().find_map(|item| match item {
            Item::MileageM(metres) => Some(*metres),
            _ => None,
        })
    }

    /// All probe temperatures as (probe, tenths of a degree Celsius).
    pub fn temperatures(&self) -> impl Iterator<Item = (u8, i16)> + '_ {
        self.items.iter().filter_map(|item| match item {
            Item::TemperatureDc { probe, deci_c } => Some((*probe, *deci_c)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_keys_match_without_leading_zeros() {
        assert_eq!(TerminalKey::new("013912345678"), TerminalKey::new("00000000013912345678"));
        assert_eq!(TerminalKey::new("000000").as_str(), "0");
    }

    #[test]
    fn flags_are_bits() {
        let flags = Flags::FIX.with(Flags::BACKFILL).set(Flags::FIX, false);
        assert!(flags.has(Flags::BACKFILL) && !flags.has(Flags::FIX));
    }

    #[test]
    fn msgpack_round_trip() {
        let position = Position {
            terminal: TerminalKey::new("13912345678"),
            time_ms: 1_795_000_000_000,
            received_ms: 1_795_000_000_900,
            lat_e6: 33_870_000,
            lon_e6: 113_050_000,
            speed_dkmh: Some(421),
            course_deg: None,
            alt_m: Some(-7),
            status: 3,
            alarm: 0,
            datum: Datum::Gcj02,
            feed: Feed::Jt808,
            flags: Flags::FIX,
            items: vec![
                Item::MileageM(100),
                Item::TemperatureDc { probe: 1, deci_c: -182 },
                Item::Raw { id: 0xEB, value: vec![1, 2, 3] },
            ],
        };
        let bytes = rmp_serde::to_vec(&position).unwrap();
        assert_eq!(rmp_serde::from_slice::<Position>(&bytes).unwrap(), position);
        assert!((position.wgs84().unwrap().lon - 113.05).abs() > 0.005);
    }
}
