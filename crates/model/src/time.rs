//! Clock time of a plan: whole seconds from local midnight of the plan date, windows, and opening hours by weekday.
//!
//! A plan has one date and one time zone; inside, a time of the day is an `i64` in seconds that may be negative
//! (yesterday) or exceed 86,400 (tomorrow). [`DayTime`] is the same number as files write it, `HH:MM` or `HH:MM:SS`.

use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use thiserror::Error;

/// Seconds of a day without a change of clocks.
pub const DAY_S: i64 = 86_400;

/// A time of the plan's day as files write it; 00:00 to 48:00.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayTime(pub i64);

/// Why a text is no time.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BadTime {
    /// Not `HH:MM` or `HH:MM:SS` between 00:00 and 48:00.
    #[error("{0:?} is no time of day; write HH:MM or HH:MM:SS, up to 48:00")]
    Clock(String),
    /// Not `FROM-TO`, or it ends before it begins.
    #[error("{0:?} is no window; write FROM-TO with FROM before TO, such as 08:00-12:00")]
    Window(String),
    /// Not a weekday or a span of weekdays.
    #[error("{0:?} is no weekday; write Mon, Tue, Wed, Thu, Fri, Sat, Sun or a span such as Mon-Fri")]
    Weekday(String),
    /// Windows of one day overlap or are out of order.
    #[error("the windows of {0:?} overlap or are out of order")]
    Overlap(String),
}

impl DayTime {
    /// Reads `HH:MM` or `HH:MM:SS`.
    ///
    /// # Errors
    /// [`BadTime::Clock`] with the text.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        let bad = || BadTime::Clock(text.to_owned());
        let parts: Vec<&str> = text.trim().split(':').collect();
        if !(2..=3).contains(&parts.len()) {
            return Err(bad());
        }
        let mut numbers = [0_i64; 3];
        for (slot, part) in numbers.iter_mut().zip(&parts) {
            if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad());
            }
            *slot = part.parse().map_err(|_| bad())?;
        }
        let [h, m, s] = numbers;
        let total = h * 3600 + m * 60 + s;
        if m > 59 || s > 59 || total > 2 * DAY_S { Err(bad()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, s) = if self.0 < 0 { ("-", -self.0) } else { ("", self.0) };
        write!(f, "{sign}{:02}:{:02}", s / 3600, s / 60 % 60)?;
        if s % 60 != 0 { write!(f, ":{:02}", s % 60) } else { Ok(()) }
    }
}

impl Serialize for DayTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DayTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A closed span of clock time, both ends in seconds from local midnight of the plan date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// First second.
    pub from_s: i64,
    /// Last second.
    pub to_s: i64,
}

impl Window {
    /// Reads `HH:MM-HH:MM`.
    ///
    /// # Errors
    /// [`BadTime`] with the text.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        let bad = || BadTime::Window(text.to_owned());
        let (from, to) = text.trim().split_once('-').ok_or_else(bad)?;
        let (from, to) = (DayTime::parse(from)?, DayTime::parse(to)?);
        if from < to { Ok(Self { from_s: from.0, to_s: to.0 }) } else { Err(bad()) }
    }

    /// Whether the whole span `from_s..=to_s` lies inside.
    #[must_use]
    pub const fn holds(self, from_s: i64, to_s: i64) -> bool {
        self.from_s <= from_s && to_s <= self.to_s
    }

    /// Length in seconds.
    #[must_use]
    pub const fn length_s(self) -> i64 {
        self.to_s - self.from_s
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", DayTime(self.from_s), DayTime(self.to_s))
    }
}

/// Opening hours: windows in order for each weekday, Monday first; an empty list is a closed day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours {
    /// Windows by weekday, index 0 is Monday.
    pub week: [Vec<Window>; 7],
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Position of a weekday with Monday as 0.
#[must_use]
pub fn weekday_index(day: Weekday) -> usize {
    usize::try_from(day.to_monday_zero_offset()).expect("an offset of 0 to 6")
}

impl Hours {
    /// Open all day, every day.
    #[must_use]
    pub fn always() -> Self {
        Self { week: std::array::from_fn(|_| vec![Window { from_s: 0, to_s: 2 * DAY_S }]) }
    }

    /// Reads `08:00-12:00 14:00-18:00` (every day) or parts by weekday joined by `;`:
    /// `Mon-Fri 08:00-12:00 14:00-18:00; Sat 09:00-12:00`. Days not named are closed. Empty text means always open.
    ///
    /// # Errors
    /// [`BadTime`] with the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, BadTime> {
        if text.trim().is_empty() {
            return Ok(Self::always());
        }
        let mut hours = Self::default();
        for part in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let mut words = part.split_whitespace().peekable();
            let days = match words.peek() {
                Some(word) if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    let days = parse_days(word)?;
                    words.next();
                    days
                }
                _ => (0, 6),
            };
            let windows: Vec<Window> = words.map(Window::parse).collect::<Result<_, _>>()?;
            if windows.windows(2).any(|pair| pair[0].to_s > pair[1].from_s) {
                return Err(BadTime::Overlap(part.to_owned()));
            }
            for day in days.0..=days.1 {
                hours.week[day].clone_from(&windows);
            }
        }
        Ok(hours)
    }

    /// Windows of a date.
    #[must_use]
    pub fn on(&self, date: Date) -> &[Window] {
        &self.week[weekday_index(date.weekday())]
    }
}

fn parse_days(word: &str) -> Result<(usize, usize), BadTime> {
    let bad = || BadTime::Weekday(word.to_owned());
    let find = |name: &str| WEEKDAYS.iter().position(|w| w.eq_ignore_ascii_case(name)).ok_or_else(bad);
    match word.split_once('-') {
        None => find(word).map(|d| (d, d)),
        Some((from, to)) => {
            let (from, to) = (find(from)?, find(to)?);
            if from <= to { Ok((from, to)) } else { Err(bad()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn clock_times_read_and_print() {
        for (text, seconds) in [("00:00", 0), ("08:30", 30_600), ("23:59:59", 86_399), ("48:00", 172_800)] {
            assert_eq!(DayTime::parse(text).unwrap().0, seconds);
            assert_eq!(DayTime(seconds).to_string(), text);
        }
        for bad in ["8", "08:60", "48:01", "ab:cd", "-1:00", "08:00:00:00", "008:00", ""] {
            assert!(DayTime::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn windows_must_run_forward() {
        assert_eq!(Window::parse("08:00-12:00").unwrap(), Window { from_s: 28_800, to_s: 43_200 });
        assert!(Window::parse("12:00-08:00").is_err());
        assert!(Window::parse("12:00").is_err());
    }

    #[test]
    fn hours_by_weekday() {
        let hours = Hours::parse("Mon-Fri 08:00-12:00 14:00-18:00; Sat 09:00-12:00").unwrap();
        assert_eq!(hours.on(date(2026, 11, 24)).len(), 2); // a Tuesday
        assert_eq!(hours.on(date(2026, 11, 28)).len(), 1); // a Saturday
        assert!(hours.on(date(2026, 11, 29)).is_empty()); // a Sunday
        assert_eq!(Hours::parse("08:00-18:00").unwrap().on(date(2026, 11, 29)).len(), 1);
        assert!(matches!(Hours::parse("Mon 08:00-12:00 11:00-18:00"), Err(BadTime::Overlap(_))));
        assert!(matches!(Hours::parse("Fri-Mon 08:00-12:00"), Err(BadTime::Weekday(_))));
    }
}
