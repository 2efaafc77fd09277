//! The county between two days: what stands where, which vehicle is where with what charge, what waits since when.

use crate::units::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Version of the state's schema.
pub const STATE_VERSION: u32 = 1;

/// The county when a day closes, which is how the next one opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DayState {
    /// [`STATE_VERSION`] of the writer.
    pub version: u32,
    /// GB/T 2260 code of the county.
    pub county: String,
    /// The day that closed.
    #[cfg_attr(test, schemars(with = "String"))]
    pub date: Date,
    /// Orders that wait, ordered by order.
    pub backlog: Vec<Backlog>,
    /// Goods at the places of the county, ordered by site and goods.
    pub stock: Vec<Stock>,
    /// Vehicles, ordered by id.
    pub vehicles: Vec<VehicleState>,
    /// Returnables by place, ordered by site and unit.
    pub returnables: Vec<Balance>,
    /// Service of each village point so far, ordered by site.
    pub service: Vec<SiteService>,
}

/// An order that waits for another day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Backlog {
    /// The order's id.
    pub order: String,
    /// The order as it was read, a row of an orders file by column, so that the next day can plan it.
    pub row: std::collections::BTreeMap<String, String>,
    /// Where it waits.
    pub site: String,
    /// Days since it was first due.
    pub age_days: u32,
    /// How often it has been deferred.
    pub times_deferred: u32,
    /// The date promised now.
    #[cfg_attr(test, schemars(with = "String"))]
    pub promised: Date,
}

/// Goods standing at a place when the day closes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Stock {
    /// Where.
    pub site: String,
    /// Goods class, by id.
    pub goods: String,
    /// How much.
    pub amount: Amount,
}

/// A vehicle between two days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VehicleState {
    /// The vehicle.
    pub vehicle: String,
    /// Where it stands.
    pub site: String,
    /// Metres it can still drive before charging; none when it has no battery.
    pub range_m: Option<i64>,
}

/// Returnables at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// Where.
    pub site: String,
    /// Which.
    pub unit: super::UnitKind,
    /// How many.
    pub count: i64,
}

/// How a village point has been served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SiteService {
    /// The village point.
    pub site: String,
    /// The last day it was visited, if ever.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub last_visit: Option<Date>,
    /// Visits in the seven days that end with this one, newest day in the lowest bit.
    pub week_bits: u8,
}
