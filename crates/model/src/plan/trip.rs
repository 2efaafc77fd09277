//! Vehicles under way: trips, the visits in them, and the day of a driver.

use crate::units::Amount;
use serde::{Deserialize, Serialize};

/// What a trip is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum TripKind {
    /// Hub to stations and back.
    Trunk,
    /// Station to villages and back.
    Round,
    /// Hub straight to villages and back.
    Direct,
    /// Goods in the hold of a timetable line.
    Line,
}

/// A vehicle leaves its site, makes its visits and comes back; or goods ride on one departure of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// Unique in the plan.
    pub id: String,
    /// What it is for.
    pub kind: TripKind,
    /// The vehicle; for a line the departure's id in `lines.csv`.
    pub vehicle: String,
    /// The driver; none for a line.
    pub driver: Option<String>,
    /// Which trip of the vehicle's day, from 1.
    pub number: u32,
    /// Routing profile whose matrix gave the legs; empty for a line.
    pub profile: String,
    /// Time band of the matrix, by index.
    pub band: u32,
    /// The compartments as they are set up for this trip.
    pub compartments: Vec<Compartment>,
    /// The visits in order, the first and the last at the vehicle's site.
    pub visits: Vec<Visit>,
    /// Metres driven, the sum of the legs.
    pub metres: i64,
    /// Seconds driven, the sum of the legs.
    pub drive_s: i64,
    /// What the trip costs by itself in fen: kilometres and crew, for a line its use; no share of the fixed price of a day.
    pub cost_fen: i64,
}

/// One compartment as set up for a trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Compartment {
    /// Its name within the vehicle: `ambient`, `chilled`, `frozen`, or as the fleet says.
    pub name: String,
    /// Temperature band it holds, by id.
    pub band: String,
    /// What it takes.
    pub capacity: Amount,
}

/// A stay at a site within a trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Visit {
    /// Unique in the plan; the stop's name on papers and in the QR code.
    pub id: String,
    /// Where.
    pub site: String,
    /// Comes to the site; at the first visit, the crew begins here.
    pub arrive: i64,
    /// Handling begins (after waiting for hours, goods or a dock).
    pub start: i64,
    /// Handling ends.
    pub finish: i64,
    /// Leaves (after a rest, or waiting so as not to wait elsewhere).
    pub depart: i64,
    /// Latest `start` with which everything after it in both tiers still holds.
    pub latest: i64,
    /// Seconds driven from the visit before; 0 at the first.
    pub leg_s: i64,
    /// Metres driven from the visit before; 0 at the first.
    pub leg_m: i64,
    /// Dock held from `start` to `finish`, from 1; none where the site has no docks or nothing is handled.
    pub dock: Option<u32>,
    /// Loads handed over here, first off first.
    pub unload: Vec<Handling>,
    /// Loads taken on here.
    pub load: Vec<Handling>,
}

/// A load on or off a vehicle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Handling {
    /// The load's id; its orders and amount stand in [`super::Plan::loads`].
    pub load: String,
    /// Name of the compartment it is put in or taken from.
    pub compartment: String,
}

/// A driver's day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Duty {
    /// The driver.
    pub driver: String,
    /// Trips in order of time.
    pub trips: Vec<String>,
    /// Work begins: `arrive` of the first visit of the first trip.
    pub from: i64,
    /// Work ends: `depart` of the last visit of the last trip.
    pub to: i64,
    /// Seconds at the wheel.
    pub drive_s: i64,
    /// Seconds beyond the shift.
    pub overtime_s: i64,
    /// Rests that the driving-time rule asks for, in order of time.
    pub rests: Vec<Rest>,
}

/// Standing still without handling anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rest {
    /// Where.
    pub site: String,
    /// Begins.
    pub from: i64,
    /// Ends; at least 20 min later.
    pub to: i64,
}
