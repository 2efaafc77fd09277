//! Times in packed decimal digits, as Chinese terminals write them.

use crate::fault::BodyFault;
use crate::jt808::Edition;
use crate::wire::{Reader, Wire, from_hex, to_hex};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Offset of Beijing time, which terminals always write, in milliseconds.
pub const BEIJING_OFFSET_MS: i64 = 8 * 3_600_000;

/// Six bytes YYMMDDhhmmss in packed decimal digits. Kept as sent: terminals send wrong, zero and non-decimal ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BcdTime(pub [u8; 6]);

/// The date of a number of days since 1970-01-01: year, month, day of the proleptic Gregorian calendar (Hinnant's
/// civil-days algorithm).
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Seconds from 1970-01-01 to 2000-01-01.
const SECONDS_TO_2000: i64 = 946_684_800;
/// Days of a common year before a month, the first month at index 1.
const DAYS_BEFORE_MONTH: [u32; 16] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 0, 0, 0];
/// Days that a month can have; none for what is not a month.
const DAYS_IN_MONTH: [u32; 16] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];

impl BcdTime {
    /// The six decimal numbers, if every nibble is a decimal digit.
    #[must_use]
    #[inline]
    pub fn digits(self) -> Option<[u8; 6]> {
        let [a, b, c, d, e, f] = self.0;
        let packed = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        // A nibble above 9 carries into bit 4 when 6 is added.
        let tens = (packed >> 4) & 0x0F0F_0F0F_0F0F_0F0F;
        let carries =
            ((packed & 0x0F0F_0F0F_0F0F_0F0F) + 0x0606_0606_0606_0606) | (tens + 0x0606_0606_0606_0606);
        if carries & 0x1010_1010_1010_1010 != 0 {
            return None;
        }
        // Sixteen times the tens become ten times the tens, in all bytes at once.
        let [_, _, rest @ ..] = (packed - 6 * tens).to_be_bytes();
        Some(rest)
    }

    /// UTC milliseconds, reading the digits as Beijing time of the years 2000 to 2099; nothing when the digits are
    /// not a date and time.
    #[must_use]
    #[inline]
    pub fn utc_ms(self) -> Option<i64> {
        self.plain_ms().map(|ms| ms - BEIJING_OFFSET_MS)
    }

    /// Milliseconds of the digits taken as UTC, as 0x8004 answers.
    #[must_use]
    #[inline]
    pub fn plain_ms(self) -> Option<i64> {
        let [year, month, day, hour, minute, second] = self.digits()?.map(u32::from);
        let month_index = month as usize & 15;
        let leap = year % 4 == 0;
        let wrong = (day.wrapping_sub(1) >= DAYS_IN_MONTH[month_index])
            | (month > 12)
            | (hour > 23)
            | (minute > 59)
            | (second > 59)
            | ((month == 2) & (day == 29) & !leap);
        if wrong {
            return None;
        }
        // Every fourth year of this century is a leap year.
        let leap_days = year.div_ceil(4) + u32::from(leap & (month > 2));
        let days = year * 365 + leap_days + DAYS_BEFORE_MONTH[month_index] + day - 1;
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        Some((SECONDS_TO_2000 + i64::from(seconds)) * 1000)
    }

    /// The digits for a moment in UTC milliseconds, as Beijing time; nothing outside the years 2000 to 2099.
    #[must_use]
    pub fn from_utc_ms(utc_ms: i64) -> Option<Self> {
        Self::from_plain_ms(utc_ms.checked_add(BEIJING_OFFSET_MS)?)
    }

    /// The digits for a moment in UTC milliseconds, as UTC; nothing outside the years 2000 to 2099.
    #[must_use]
    pub fn from_plain_ms(ms: i64) -> Option<Self> {
        let seconds = ms.div_euclid(1000);
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
        if !(2000..2100).contains(&year) {
            return None;
        }
        let of_day = seconds.rem_euclid(86_400);
        let pack = |value: i64| (value / 10 * 16 + value % 10) as u8;
        Some(Self([
            pack(year - 2000),
            pack(month),
            pack(day),
            pack(of_day / 3600),
            pack(of_day / 60 % 60),
            pack(of_day % 60),
        ]))
    }

    /// Parses `YYYY-MM-DDThh:mm:ss` with any or no offset after it; the digits are taken as they stand.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let pair = |at: usize| match (bytes.get(at)?, bytes.get(at + 1)?) {
            (high @ b'0'..=b'9', low @ b'0'..=b'9') => Some((high - b'0') << 4 | (low - b'0')),
            _ => None,
        };
        Some(Self([pair(2)?, pair(5)?, pair(8)?, pair(11)?, pair(14)?, pair(17)?]))
    }
}

impl fmt::Display for BcdTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, second] = self.0;
        write!(f, "20{year:02x}-{month:02x}-{day:02x}T{hour:02x}:{minute:02x}:{second:02x}")
    }
}

/// JSON: `2026-04-09T17:27:39+08:00` when all nibbles are decimal, else `{"bad_bcd": hex}`.
impl Serialize for BcdTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.digits().is_some() {
            serializer.collect_str(&format_args!("{self}+08:00"))
        } else {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("bad_bcd", &to_hex(&self.0))?;
            map.end()
        }
    }
}

impl<'de> Deserialize<'de> for BcdTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Time(String),
            Bytes { bad_bcd: String },
        }
        match Form::deserialize(deserializer)? {
            Form::Time(text) => Self::parse(&text)
                .ok_or_else(|| serde::de::Error::custom("time is wanted as YYYY-MM-DDThh:mm:ss+08:00")),
            Form::Bytes { bad_bcd } => {
                let bytes = from_hex(&bad_bcd).map_err(serde::de::Error::custom)?;
                bytes.try_into().map(Self).map_err(|_| serde::de::Error::custom("bad_bcd has 6 bytes"))
            }
        }
    }
}

impl<'a> Wire<'a> for BcdTime {
    #[inline]
    fn read(reader: &mut Reader<'a>, _: Edition) -> Result<Self, BodyFault> {
        reader.array().map(Self)
    }

    fn write(&self, out: &mut Vec<u8>, _: Edition) {
        out.extend_from_slice(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        // 2026-11-24 08:00:00 in Beijing is midnight UTC of that day: 1 795 478 400 s.
        let time = BcdTime([0x26, 0x11, 0x24, 0x08, 0x00, 0x00]);
        assert_eq!(time.utc_ms(), Some(1_795_478_400_000));
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-24T08:00:00+08:00\"");
    }

    #[test]
    fn nonsense_is_kept_and_has_no_moment() {
        for bytes in
            [[0; 6], [0x26, 0x02, 0x29, 0, 0, 0], [0x26, 0x1b, 0x01, 0, 0, 0], [0x26, 1, 1, 0x24, 0, 0]]
        {
            let time = BcdTime(bytes);
            assert_eq!(time.utc_ms(), None, "{bytes:02x?}");
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<BcdTime>(&json).unwrap(), time);
        }
    }

    proptest! {
        #[test]
        fn every_second_of_the_century(seconds in 946_684_800_i64..4_102_444_800) {
            let time = BcdTime::from_plain_ms(seconds * 1000).unwrap();
            prop_assert_eq!(time.plain_ms(), Some(seconds * 1000));
            prop_assert_eq!(format!("{time}Z"), jiff::Timestamp::from_second(seconds).unwrap().to_string());
        }
    }
}
