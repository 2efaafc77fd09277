//! Handling units: a parcel goes into its village's bag (一村一袋), bags into cages; crates and pallets stay whole.
//! Returnables are what comes back empty and is counted by place.

pub use crate::plan::UnitKind;
use serde::{Deserialize, Serialize};

impl UnitKind {
    /// All kinds, in the order of the files' words.
    pub const ALL: [Self; 4] = [Self::Bag, Self::Tote, Self::Cage, Self::Loose];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bag => "bag",
            Self::Tote => "tote",
            Self::Cage => "cage",
            Self::Loose => "loose",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// How pieces fill units; from `[handling]` of `county.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandlingRules {
    /// Most pieces in a bag.
    pub bag_pieces: i64,
    /// Most cm³ in a bag.
    pub bag_cm3: i64,
    /// Most grams in a bag.
    pub bag_g: i64,
    /// Most pieces in a returnable box.
    pub tote_pieces: i64,
    /// Most cm³ in a returnable box.
    pub tote_cm3: i64,
}

impl HandlingRules {
    /// Units that an amount of one class for one destination fills: bags and boxes by the tightest of their
    /// limits, the other kinds piece by piece. At least one unit when anything is there.
    #[must_use]
    pub fn units(&self, kind: UnitKind, amount: crate::units::Amount) -> i64 {
        let up = |n: i64, per: i64| if per <= 0 { 0 } else { (n + per - 1) / per };
        if amount.is_zero() {
            return 0;
        }
        match kind {
            UnitKind::Bag => up(amount.pieces, self.bag_pieces)
                .max(up(amount.cm3, self.bag_cm3))
                .max(up(amount.g, self.bag_g))
                .max(1),
            UnitKind::Tote => up(amount.pieces, self.tote_pieces).max(up(amount.cm3, self.tote_cm3)).max(1),
            UnitKind::Cage | UnitKind::Loose => amount.pieces.max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Amount;

    #[test]
    fn the_tightest_limit_counts() {
        let rules = HandlingRules {
            bag_pieces: 20,
            bag_cm3: 100_000,
            bag_g: 25_000,
            tote_pieces: 6,
            tote_cm3: 40_000,
        };
        let amount = |pieces, g, cm3| Amount { g, cm3, pieces };
        assert_eq!(rules.units(UnitKind::Bag, amount(20, 10_000, 50_000)), 1);
        assert_eq!(rules.units(UnitKind::Bag, amount(20, 26_000, 50_000)), 2);
        assert_eq!(rules.units(UnitKind::Loose, amount(7, 1, 1)), 7);
        assert_eq!(rules.units(UnitKind::Tote, amount(7, 1, 1)), 2);
        assert_eq!(rules.units(UnitKind::Bag, Amount::ZERO), 0);
    }
}
