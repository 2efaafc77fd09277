//! What a day begins with and leaves behind: stock, backlog, where vehicles stand and with what charge.
//!
//! All names are outside codes, so that yesterday's `closing_state.json` opens today whatever changed in the tables.

use crate::handling::Returnable;
use crate::id::Code;
use crate::order::OrderRecord;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Version of the state file.
pub const STATE_VERSION: u32 = 1;

/// Opening or closing state of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// [`STATE_VERSION`].
    pub version: u32,
    /// The day that it opens.
    pub date: Date,
    /// Vehicles that do not stand full at their base; others do.
    #[serde(default)]
    pub vehicles: Vec<VehicleState>,
    /// Orders left from earlier days: their `origin` is where the goods are now, their deferrals are counted.
    #[serde(default)]
    pub backlog: Vec<OrderRecord>,
    /// Returnables and supplies by place.
    #[serde(default)]
    pub stock: Vec<StockCount>,
    /// Last day on which each village was visited, for the floors of service.
    #[serde(default)]
    pub visited: Vec<LastVisit>,
}

/// Where a vehicle stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleState {
    /// The vehicle.
    pub vehicle: Code,
    /// Where.
    pub site: Code,
    /// Range left in metres, for electric ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range_m: Option<i64>,
}

/// A count of one returnable at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StockCount {
    /// Where.
    pub site: Code,
    /// What.
    pub item: Returnable,
    /// How many.
    pub count: i64,
}

/// When a village was last visited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastVisit {
    /// The village point.
    pub site: Code,
    /// The day.
    pub date: Date,
    /// Visits in the six days before the day that the state opens.
    #[serde(default)]
    pub visits_6d: u32,
}

impl State {
    /// A state with nothing in it: all vehicles full at their bases, no backlog.
    #[must_use]
    pub const fn empty(date: Date) -> Self {
        Self {
            version: STATE_VERSION,
            date,
            vehicles: Vec::new(),
            backlog: Vec::new(),
            stock: Vec::new(),
            visited: Vec::new(),
        }
    }
}
