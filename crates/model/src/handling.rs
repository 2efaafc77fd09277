//! Handling units: a parcel goes into its village's bag (一村一袋), bags into cages; crates and pallets stay whole.
//! Returnables are what comes back: bags, cages, crates, cold boxes, ice packs.

use serde::{Deserialize, Serialize};

/// The unit that a class of goods travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// Small parcels, many in a village bag.
    Bag,
    /// A crate or carton handled one by one (one piece is one unit).
    Crate,
    /// A removable insulated box for chilled and frozen goods.
    ColdBox,
    /// A roll cage that takes several bags.
    Cage,
    /// Bulky or fragile pieces, handled singly.
    Loose,
}

impl UnitKind {
    /// All kinds, in the order of the files' words.
    pub const ALL: [Self; 5] = [Self::Bag, Self::Crate, Self::ColdBox, Self::Cage, Self::Loose];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bag => "bag",
            Self::Crate => "crate",
            Self::ColdBox => "cold_box",
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
    /// Most pieces in a cold box.
    pub cold_box_pieces: i64,
    /// Most cm³ in a cold box.
    pub cold_box_cm3: i64,
    /// Seconds between the end of the stop that drops goods at a station and the earliest loading of a vehicle that
    /// takes them on: checking, staging. The same at the end of a round and before the trunk takes what it brought.
    pub cross_dock_s: i64,
}

impl HandlingRules {
    /// Units that an amount of one class for one destination fills: bags and cold boxes by the tightest of their
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
            UnitKind::ColdBox => {
                up(amount.pieces, self.cold_box_pieces).max(up(amount.cm3, self.cold_box_cm3)).max(1)
            }
            UnitKind::Crate | UnitKind::Cage | UnitKind::Loose => amount.pieces.max(1),
        }
    }
}

/// Things that go out full and come back empty, counted by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Returnable {
    /// Village bag (袋).
    Bag,
    /// Roll cage (笼车).
    Cage,
    /// Crate (周转箱).
    Crate,
    /// Insulated box (保温箱).
    ColdBox,
    /// Ice pack (冰袋).
    IcePack,
}

impl Returnable {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Bag, Self::Cage, Self::Crate, Self::ColdBox, Self::IcePack];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bag => "bag",
            Self::Cage => "cage",
            Self::Crate => "crate",
            Self::ColdBox => "cold_box",
            Self::IcePack => "ice_pack",
        }
    }

    /// Reads the word of the files.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.word() == word)
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
            cold_box_pieces: 6,
            cold_box_cm3: 40_000,
            cross_dock_s: 600,
        };
        let amount = |pieces, g, cm3| Amount { g, cm3, pieces };
        assert_eq!(rules.units(UnitKind::Bag, amount(20, 10_000, 50_000)), 1);
        assert_eq!(rules.units(UnitKind::Bag, amount(20, 26_000, 50_000)), 2);
        assert_eq!(rules.units(UnitKind::Crate, amount(7, 1, 1)), 7);
        assert_eq!(rules.units(UnitKind::ColdBox, amount(7, 1, 1)), 2);
        assert_eq!(rules.units(UnitKind::Bag, Amount::ZERO), 0);
    }
}
