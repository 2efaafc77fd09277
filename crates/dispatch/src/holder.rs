//! Who has a thing now. Exactly one holder a parcel, always.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The one who answers for a parcel, lot, unit or cash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Holder {
    /// A carrier outside the county's custody: before arrival at the hub, or after departure to a gateway.
    Carrier(String),
    /// The sender, before collection.
    Sender(String),
    /// A hub, station, park or point.
    Site(String),
    /// A vehicle and its crew.
    Vehicle(String),
    /// Handed over to the recipient.
    Recipient(String),
    /// Back with the sender.
    Returned(String),
    /// Declared lost; the last holder who had it answers.
    Lost(String),
}

impl Holder {
    /// Whether the journey is over.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Recipient(_) | Self::Returned(_) | Self::Lost(_))
    }

    /// Kind, as it is written in files, and id.
    #[must_use]
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Carrier(id) => ("carrier", id),
            Self::Sender(id) => ("sender", id),
            Self::Site(id) => ("site", id),
            Self::Vehicle(id) => ("vehicle", id),
            Self::Recipient(id) => ("recipient", id),
            Self::Returned(id) => ("returned", id),
            Self::Lost(id) => ("lost", id),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = self.parts();
        write!(f, "{kind}:{id}")
    }
}
