//! Names from outside, validated once at the rim, and the small numbers that stand for them inside one problem.
//!
//! A [`Code`] is what people and files use (`V-410421101201`, `豫D12345`). An index id (`SiteId`, `VehicleId`, …) is
//! a position in a table of one [`crate::county::County`] and never leaves the process.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use thiserror::Error;

/// Longest outside identifier in bytes.
pub const CODE_BYTES_MAX: usize = 64;

/// An outside identifier: 1 to 64 bytes, no white space at its ends, no control character, none of `, " / \ < > |`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(String);

/// Why a text is not an identifier.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BadCode {
    /// Nothing is there.
    #[error("an identifier may not be empty")]
    Empty,
    /// More than [`CODE_BYTES_MAX`] bytes.
    #[error("an identifier has at most {CODE_BYTES_MAX} bytes; this one has {0}")]
    TooLong(usize),
    /// A character that files, URLs or shells would trip over.
    #[error("the character {0:?} may not stand in an identifier")]
    Character(char),
    /// White space before or after.
    #[error("an identifier may not begin or end with white space")]
    Padded,
}

impl Code {
    /// Validates a text.
    ///
    /// # Errors
    /// [`BadCode`] says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, BadCode> {
        if text.is_empty() {
            return Err(BadCode::Empty);
        }
        if text.len() > CODE_BYTES_MAX {
            return Err(BadCode::TooLong(text.len()));
        }
        if text.trim() != text {
            return Err(BadCode::Padded);
        }
        match text.chars().find(|c| c.is_control() || matches!(c, ',' | '"' | '/' | '\\' | '<' | '>' | '|')) {
            Some(bad) => Err(BadCode::Character(bad)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Code {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! index_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The id at a position of its table.
            ///
            /// # Panics
            /// Beyond `u32::MAX` rows; the readers' limits lie far below.
            #[must_use]
            pub fn at(position: usize) -> Self {
                Self(u32::try_from(position).expect("tables are bounded far below u32::MAX rows"))
            }

            /// The position in its table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index_id!(
    /// A row of `County::sites`.
    SiteId
);
index_id!(
    /// A row of `County::vehicles`.
    VehicleId
);
index_id!(
    /// A row of `County::drivers`.
    DriverId
);
index_id!(
    /// A row of `County::carriers`.
    CarrierId
);
index_id!(
    /// A row of `County::classes`.
    ClassId
);
index_id!(
    /// A row of `County::bands`.
    BandId
);
index_id!(
    /// A row of `County::line_trips`: one departure of one line.
    LineTripId
);
index_id!(
    /// A position in the day's list of orders.
    OrderId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_validated_once() {
        assert_eq!(Code::parse("豫D12345").unwrap().as_str(), "豫D12345");
        assert_eq!(Code::parse(""), Err(BadCode::Empty));
        assert_eq!(Code::parse(" a"), Err(BadCode::Padded));
        assert_eq!(Code::parse("a/b"), Err(BadCode::Character('/')));
        assert_eq!(Code::parse(&"x".repeat(65)), Err(BadCode::TooLong(65)));
    }

    #[test]
    fn a_code_in_json_is_validated_too() {
        assert!(serde_json::from_str::<Code>("\"a\\nb\"").is_err());
        assert_eq!(serde_json::from_str::<Code>("\"S01\"").unwrap().as_str(), "S01");
    }
}
