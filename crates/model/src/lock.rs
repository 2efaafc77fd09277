//! What a dispatcher or the running day has fixed of a plan.

use serde::{Deserialize, Serialize};

/// How much of a visit a new search may change. Ordered from loose to fixed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Anything.
    #[default]
    Free,
    /// It stays on its vehicle; its place in the order may change.
    FixedVehicle,
    /// It stays on its vehicle, and its order among the locked visits of that vehicle stays.
    FixedOrder,
    /// It has happened.
    Done,
}
