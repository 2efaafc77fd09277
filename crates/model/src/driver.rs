//! Drivers are not vehicles: licence, shift, leave, base, villages they know.

use crate::id::{Code, SiteId};
use crate::time::Window;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Driving licence classes that matter for freight and buses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Licence {
    /// Large bus.
    A1,
    /// Tractor unit.
    A2,
    /// City bus.
    A3,
    /// Medium bus.
    B1,
    /// Large truck.
    B2,
    /// Small car and light truck up to 4.5 t.
    C1,
    /// The same, automatic gear only.
    C2,
}

impl Licence {
    /// All classes.
    pub const ALL: [Self; 7] = [Self::A1, Self::A2, Self::A3, Self::B1, Self::B2, Self::C1, Self::C2];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::A1 => "A1",
            Self::A2 => "A2",
            Self::A3 => "A3",
            Self::B1 => "B1",
            Self::B2 => "B2",
            Self::C1 => "C1",
            Self::C2 => "C2",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }

    /// Whether a holder may drive a vehicle that asks for `need` (the permitted classes of 机动车驾驶证申领和使用规定).
    #[must_use]
    pub fn allows(self, need: Self) -> bool {
        let permitted: &[Self] = match self {
            Self::A1 => &[Self::A1, Self::A3, Self::B1, Self::B2, Self::C1, Self::C2],
            Self::A2 => &[Self::A2, Self::B1, Self::B2, Self::C1, Self::C2],
            Self::A3 => &[Self::A3, Self::C1, Self::C2],
            Self::B1 => &[Self::B1, Self::C1, Self::C2],
            Self::B2 => &[Self::B2, Self::C1, Self::C2],
            Self::C1 => &[Self::C1, Self::C2],
            Self::C2 => &[Self::C2],
        };
        permitted.contains(&need)
    }
}

/// One driver. Names and telephone numbers are personal data and live elsewhere.
#[derive(Clone, Debug)]
pub struct Driver {
    /// Outside id.
    pub id: Code,
    /// Class of licence.
    pub licence: Licence,
    /// Working hours of a day on duty.
    pub shift: Window,
    /// Weekdays on duty, Monday first.
    pub weekdays: [bool; 7],
    /// Dates of leave.
    pub leave: Vec<Date>,
    /// Where the shift begins and ends.
    pub base: SiteId,
    /// Sites known by heart; for the stability price.
    pub knows: Vec<SiteId>,
    /// Price of a paid hour in fen.
    pub hour_fen: i64,
    /// Price of an hour outside the shift, in fen.
    pub overtime_hour_fen: i64,
}

impl Driver {
    /// Whether on duty on a date.
    #[must_use]
    pub fn works_on(&self, date: Date) -> bool {
        self.weekdays[crate::time::weekday_index(date.weekday())] && !self.leave.contains(&date)
    }

    /// Price of a duty of `span_s` in all, of which `overtime_s` lie outside the shift: `(regular, overtime)` in fen,
    /// each rounded half up.
    #[must_use]
    pub const fn crew_fen(&self, span_s: i64, overtime_s: i64) -> (i64, i64) {
        (
            ((span_s - overtime_s) * self.hour_fen + 1800) / 3600,
            (overtime_s * self.overtime_hour_fen + 1800) / 3600,
        )
    }

    /// Seconds of a duty that lie outside the shift.
    #[must_use]
    pub fn overtime_s(&self, from_s: i64, to_s: i64) -> i64 {
        let inside = to_s.min(self.shift.to_s) - from_s.max(self.shift.from_s);
        (to_s - from_s) - inside.max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_nest() {
        assert!(Licence::A1.allows(Licence::B2));
        assert!(Licence::C1.allows(Licence::C2));
        assert!(!Licence::C2.allows(Licence::C1));
        assert!(!Licence::A3.allows(Licence::B2));
    }
}
