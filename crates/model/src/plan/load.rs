//! What moves together: a load of many orders, the channel it takes and the legs it rides.

use crate::units::Amount;
use serde::{Deserialize, Serialize};

/// Which way goods go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the hub towards villages.
    Down,
    /// From villages towards the hub and beyond.
    Up,
    /// Between two places of the county.
    Cross,
}

/// What a load is handled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// A village bag (一村一袋), sealed at the hub.
    Bag,
    /// A returnable box (周转箱).
    Tote,
    /// A rolling cage (笼车).
    Cage,
    /// Pieces by themselves.
    Loose,
}

/// How a load comes from its origin to its destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Channel {
    /// Trunk to or from the village's own station, and a round.
    OwnStation {
        /// The station.
        station: String,
    },
    /// Trunk to or from another township's station, and a round from there.
    OtherStation {
        /// The station.
        station: String,
    },
    /// A round straight from or to the hub.
    Direct,
    /// A timetable line that passes the place itself.
    Line {
        /// The line.
        line: String,
    },
    /// Trunk only: origin and destination are the hub and stations.
    Trunk,
    /// Both ends on one round of this base.
    Local {
        /// The base of the round.
        base: String,
    },
    /// Collected on one round, carried by the trunk, handed out on another round.
    Relay {
        /// Station of the first round.
        from: String,
        /// Station of the last round.
        to: String,
    },
}

/// What moves together: same ends, same band, compatible goods, one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Unique in the plan.
    pub id: String,
    /// Which way.
    pub direction: Direction,
    /// The orders in it, ordered.
    pub orders: Vec<String>,
    /// All of them together.
    pub amount: Amount,
    /// Goods classes in it, by id, ordered.
    pub goods: Vec<String>,
    /// Temperature band it needs, by id.
    pub band: String,
    /// What it is handled as.
    pub unit: UnitKind,
    /// How many handling units.
    pub units: i64,
    /// Sealed loads cross a dock by unit, broken ones by piece.
    pub sealed: bool,
    /// Where it is sorted to the village: the hub or a station; its origin where nothing is sorted.
    pub sorted_at: String,
    /// Where it is at the start.
    pub origin: String,
    /// Where it shall be handed over.
    pub destination: String,
    /// Ready at the origin.
    pub release: i64,
    /// Wanted at the destination by then.
    pub due: i64,
    /// Whether `due` may not be passed.
    pub hard: bool,
    /// The channel taken.
    pub channel: Channel,
    /// Legs from origin to destination.
    pub legs: Vec<Leg>,
    /// When it is handed over at the destination: `finish` of the last leg's `to` visit.
    pub arrives: i64,
    /// Seconds outside its band, all legs and waits together.
    pub out_of_band_s: i64,
}

/// One ride of a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Id of the trip it rides on.
    pub trip: String,
    /// Id of the visit where it boards.
    pub from: String,
    /// Id of the visit where it leaves.
    pub to: String,
    /// Compartment it rides in.
    pub compartment: String,
    /// When it could first be loaded at `from`.
    pub ready: i64,
}
