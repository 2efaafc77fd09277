//! Measures as newtypes, so that grams never meet fen by accident.
//!
//! Conventions of the whole workspace: integers everywhere; a bare integer in a hot loop carries its unit as the
//! last word of its name (`drive_s`, `length_m`, `load_g`).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

macro_rules! measure {
    ($(#[$doc:meta])* $name:ident, $unit:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// Nothing of it.
            pub const ZERO: Self = Self(0);

            /// The bare number in the unit of the type.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }

            /// Sum that stops at the ends of the range instead of wrapping.
            #[must_use]
            pub const fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0, $unit)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Mul<i64> for $name {
            type Output = Self;
            fn mul(self, times: i64) -> Self {
                Self(self.0 * times)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
                Self(all.map(|x| x.0).sum())
            }
        }
    };
}

measure!(
    /// Money in fen (分), 1/100 yuan.
    Fen,
    "fen"
);
measure!(
    /// A length of time in whole seconds.
    Seconds,
    "s"
);
measure!(
    /// A length in whole metres.
    Metres,
    "m"
);
measure!(
    /// A mass in grams.
    Grams,
    "g"
);
measure!(
    /// A volume in cubic centimetres.
    Cm3,
    "cm3"
);

impl Fen {
    /// Yuan with two decimals, for people.
    ///
    /// ```
    /// # use xiangyun_model::units::Fen;
    /// assert_eq!(Fen(3140).yuan(), "31.40");
    /// assert_eq!(Fen(-5).yuan(), "-0.05");
    /// ```
    #[must_use]
    pub fn yuan(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

/// An amount of goods: what it weighs, the room it takes, how many pieces it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Amount {
    /// Mass in grams.
    pub g: i64,
    /// Volume in cubic centimetres.
    pub cm3: i64,
    /// Pieces (件).
    pub pieces: i64,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self { g: 0, cm3: 0, pieces: 0 };

    /// Whether every dimension fits below `room`.
    #[must_use]
    pub const fn fits(self, room: Self) -> bool {
        self.g <= room.g && self.cm3 <= room.cm3 && self.pieces <= room.pieces
    }

    /// Whether nothing is there.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.g == 0 && self.cm3 == 0 && self.pieces == 0
    }

    /// Dimension-wise maximum.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { g: self.g.max(other.g), cm3: self.cm3.max(other.cm3), pieces: self.pieces.max(other.pieces) }
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self { g: self.g + o.g, cm3: self.cm3 + o.cm3, pieces: self.pieces + o.pieces }
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self { g: self.g - o.g, cm3: self.cm3 - o.cm3, pieces: self.pieces - o.pieces }
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, o: Self) {
        *self = *self - o;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_add_and_fit_by_dimension() {
        let a = Amount { g: 3, cm3: 10, pieces: 1 };
        let b = Amount { g: 4, cm3: 1, pieces: 1 };
        assert_eq!(a + b - b, a);
        assert!(a.fits(a.max(b)));
        assert!(!(a + b).fits(a.max(b)));
    }
}
