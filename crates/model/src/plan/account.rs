//! The objective term by term, and the bounds the plan is measured against.

use serde::{Deserialize, Serialize};

/// A term of the objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CostTerm {
    /// Vehicles used, fixed for the day.
    Vehicles,
    /// Kilometres by vehicle.
    Kilometres,
    /// Crew time within the shift.
    Crew,
    /// Crew time beyond the shift.
    Overtime,
    /// Use of timetable lines.
    Lines,
    /// Handling by piece and unit.
    Handling,
    /// Lateness by value.
    Lateness,
    /// Orders left, by price and age.
    Unserved,
    /// Villages moved from their usual driver, round or time of day.
    Stability,
    /// Imbalance of work between drivers.
    Balance,
    /// Visits missing from the floor of service.
    Floor,
}

/// One line of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CostLine {
    /// The term.
    pub term: CostTerm,
    /// How much of it.
    pub quantity: i64,
    /// Unit of the quantity.
    pub unit: String,
    /// What it costs.
    pub fen: i64,
    /// Its share of the whole in parts per million, rounded down.
    pub share_ppm: i64,
}

/// What no plan could beat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// No plan serves more orders: relaxation by capacity and hours of each township, the trunk and the whole county.
    pub served_at_most: u64,
    /// Orders served by this plan.
    pub served: u64,
    /// (bound − served) / bound in parts per million.
    pub gap_ppm: i64,
    /// The relaxation by township.
    pub by_township: Vec<BoundByTownship>,
    /// The resources that bind, scarcest first; empty when everything that may be served is.
    pub scarce: Vec<Scarcity>,
}

/// The relaxation for one township.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BoundByTownship {
    /// Its station.
    pub station: String,
    /// Orders to or from its places.
    pub orders: u64,
    /// At most so many can be served.
    pub served_at_most: u64,
    /// Served by this plan.
    pub served: u64,
}

/// One scarce resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scarcity {
    /// What: a kind of vehicle at a base, a trunk truck, a driver hour, a cut-off.
    pub resource: String,
    /// How many orders are left because of it.
    pub orders_left: u64,
    /// How many more orders one more of it would serve.
    pub one_more_serves: u64,
}
