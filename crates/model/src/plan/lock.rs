//! What may still change of a visit when a plan is mended or repaired.

use serde::{Deserialize, Serialize};

/// How free a visit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// It has happened.
    Done,
    /// Vehicle and order stay; times may move.
    FixedOrder,
    /// The vehicle stays; the order may change.
    FixedVehicle,
    /// Anything may change.
    #[default]
    Free,
}

/// The lock of one visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VisitLock {
    /// Id of the visit.
    pub visit: String,
    /// How free it is.
    pub lock: Lock,
}
