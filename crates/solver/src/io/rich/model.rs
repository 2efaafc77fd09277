//! The rich problem as our JSON states it, version 1. Field by field the words of [`crate::problem`]; every number
//! is whole, in units of the writer's choice, the same throughout one file.

use super::solution::PlanRoute;
use super::value::{Int, Row, bounded};
use crate::io::limits::{RICH_JOBS_MAX, VEHICLES_MAX};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of `format`.
pub const FORMAT: &str = "xiangyun-vrp";
/// The version written, and the only one read.
pub const VERSION: u32 = 1;

/// A whole problem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Xiangyun VRP, version 1")]
pub struct Rich {
    /// Always `xiangyun-vrp`.
    pub format: String,
    /// Always 1.
    pub version: u32,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Names of the load dimensions, such as `g`, `cm3`, `pieces`; every load list follows them.
    #[serde(default)]
    pub dimensions: Vec<String>,
    /// What ranks plans after the number of jobs that must be served and are not.
    #[serde(default)]
    pub objective: Objective,
    /// How deliveries and pickups mix in a trip.
    #[serde(default)]
    pub backhaul: Backhaul,
    /// Matrix by profile; all have the same places.
    pub matrices: BTreeMap<String, Matrix>,
    /// Pairs of goods classes that may not share a trip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<(String, String)>,
    /// Price for each vehicle beyond the first that a group of jobs is spread over.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Int>,
    /// Visits.
    #[serde(
        default,
        deserialize_with = "bounded::<RICH_JOBS_MAX, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub jobs: Vec<Job>,
    /// Goods from one visit to another in the same trip.
    #[serde(
        default,
        deserialize_with = "bounded::<RICH_JOBS_MAX, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub shipments: Vec<Shipment>,
    /// Who drives.
    #[serde(deserialize_with = "bounded::<VEHICLES_MAX, _, _>")]
    pub vehicles: Vec<Vehicle>,
    /// The plan to begin from, in the words of a solution's routes; the search betters it.
    #[serde(
        default,
        deserialize_with = "bounded::<VEHICLES_MAX, _, _>",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub plan: Vec<PlanRoute>,
    /// What must stay of `plan`.
    #[serde(default, skip_serializing_if = "Locks::is_empty")]
    pub locks: Locks,
}

/// What must stay of the plan that the search begins from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Locks {
    /// Days under way, at most one a vehicle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<Prefix>,
    /// By id of a visit of the plan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub visits: BTreeMap<String, Lock>,
}

impl Locks {
    /// Whether nothing is locked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.visits.is_empty()
    }
}

/// The part of a vehicle's day that is over: its first stops of the plan stay, and it is free at a place and time.
/// Way counts from the start of the day; duration, rests and time aboard count from `time`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// Id of the entry in `vehicles`.
    pub vehicle: String,
    /// Which one of its count, from 1.
    #[serde(default = "one")]
    pub which: Int,
    /// How many stops of its route are over, reloads counted.
    pub stops: Int,
    /// Where it is free to turn to the next stop.
    pub place: Int,
    /// When.
    pub time: Int,
    /// Whether the current trip has been loaded: then its deliveries stay on this vehicle and trip, and no others
    /// join it.
    #[serde(default)]
    pub departed: bool,
}

/// How far a visit of the plan is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lock {
    /// Stays on its vehicle, in any order and trip; may be left out if that vehicle cannot serve it.
    FixedVehicle,
    /// Stays on its vehicle, in its order among the others locked so.
    FixedOrder,
}

/// What ranks plans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Least cost.
    #[default]
    Cost,
    /// Fewest vehicles, then least cost.
    VehiclesThenCost,
}

/// How deliveries and pickups mix in a trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backhaul {
    /// In any order that fits.
    #[default]
    Mixed,
    /// Jobs that deliver before jobs that only pick up.
    LinehaulFirst,
}

/// Durations and distances between all places, row by row; `null` where there is no way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Durations.
    #[serde(deserialize_with = "bounded::<6_000, _, _>")]
    pub durations: Vec<Row>,
    /// Distances; the durations if absent.
    #[serde(default, deserialize_with = "bounded::<6_000, _, _>", skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Row>,
}

/// One visit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Its id, unique in the file.
    pub id: String,
    /// Index in the matrices.
    pub place: Int,
    /// Load brought, by dimension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivery: Vec<Int>,
    /// Load taken away, by dimension.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pickup: Vec<Int>,
    /// Time at the place each visit.
    #[serde(default)]
    pub service: Int,
    /// Further time when the visit before was elsewhere.
    #[serde(default)]
    pub setup: Int,
    /// Service starts inside one of these `[from, to]`, in order and apart; empty: always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<(Int, Int)>,
    /// A wish inside the windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<Soft>,
    /// Loading of the trip that serves this job starts no sooner.
    #[serde(default)]
    pub release: Int,
    /// Price of leaving it out; absent: it must be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prize: Option<Int>,
    /// Skills that the vehicle must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Goods classes aboard for this job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goods: Vec<String>,
    /// Longest time aboard: from departure (delivery), to the trip's end (pickup).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_on_board: Option<Int>,
    /// Jobs that should ride together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Wished vehicles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<Prefer>,
}

/// A wish for the start of service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Soft {
    /// The wished interval.
    pub window: (Int, Int),
    /// Price of each time unit before it.
    #[serde(default)]
    pub early_price: Int,
    /// Price of each time unit after it.
    #[serde(default)]
    pub late_price: Int,
}

/// Wished vehicles of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prefer {
    /// Vehicle ids that cost nothing extra; of an entry with a count, any of them.
    pub vehicles: Vec<String>,
    /// Price on any other vehicle.
    pub price: Int,
}

/// Goods from one visit to another. The load, prize, skills and longest time aboard are the pickup's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shipment {
    /// Where it is taken aboard; its `pickup` is the load.
    pub pickup: Job,
    /// Where it is put down; its `delivery` may be left out.
    pub delivery: Job,
}

/// Vehicles that are all alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// Its id, unique in the file.
    pub id: String,
    /// How many there are.
    #[serde(default = "one")]
    pub count: Int,
    /// Name of its matrix.
    pub profile: String,
    /// Where the day starts; absent: at the first job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Int>,
    /// Where the day ends; absent: at the last job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Int>,
    /// Work lies inside `[from, to]`; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<(Int, Int)>,
    /// Time of the first loading.
    #[serde(default)]
    pub loading: Int,
    /// Alternative layouts of the hold, each a capacity by dimension; the load of the day fits into one of them.
    pub layouts: Vec<Vec<Int>>,
    /// Skills it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Price of using it.
    #[serde(default)]
    pub fixed: Int,
    /// Price of a unit of distance.
    #[serde(default)]
    pub per_distance: Int,
    /// Price of a unit of time, from the first loading to the end.
    #[serde(default)]
    pub per_time: Int,
    /// Dearer time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overtime: Option<Overtime>,
    /// Longest day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Int>,
    /// Longest way of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_distance: Option<Int>,
    /// Most visits to jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_stops: Option<Int>,
    /// Most trips; 1: no reload.
    #[serde(default = "one")]
    pub max_trips: Int,
    /// Where it may reload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reloads: Vec<Reload>,
    /// Rest after driving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driving: Option<Driving>,
    /// Breaks by the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaks: Vec<Break>,
    /// Priced evenness.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
}

fn one() -> Int {
    Int(1)
}

/// Time above `after` costs `price` more for each unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overtime {
    /// The normal day.
    pub after: Int,
    /// Further price of a unit of time.
    pub price: Int,
}

/// A place where a trip may end and the next begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reload {
    /// Index in the matrices.
    pub place: Int,
    /// Time from arrival to departure with the next load.
    #[serde(default)]
    pub loading: Int,
    /// Loading starts inside; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<(Int, Int)>,
}

/// A rest of `rest` after `max_driving` of driving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Driving {
    /// Most driving between two rests.
    pub max_driving: Int,
    /// Length of a rest.
    pub rest: Int,
}

/// A break that starts inside a window, if the vehicle is still out at the window's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Break {
    /// It starts inside.
    pub window: (Int, Int),
    /// Its length.
    pub duration: Int,
}

/// What is kept even between vehicles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Time from the first loading to the end.
    Duration,
    /// Distance.
    Distance,
    /// Visits to jobs.
    Stops,
}

/// Each unit above `target` costs `price`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Balance {
    /// What is measured.
    pub measure: Measure,
    /// Free up to here.
    pub target: Int,
    /// Price of each unit above.
    pub price: Int,
}

impl Default for Vehicle {
    fn default() -> Self {
        Self {
            id: String::new(),
            count: one(),
            profile: String::new(),
            start: None,
            end: None,
            shift: None,
            loading: Int(0),
            layouts: Vec::new(),
            skills: Vec::new(),
            fixed: Int(0),
            per_distance: Int(0),
            per_time: Int(0),
            overtime: None,
            max_duration: None,
            max_distance: None,
            max_stops: None,
            max_trips: one(),
            reloads: Vec::new(),
            driving: None,
            breaks: Vec::new(),
            balance: None,
        }
    }
}

impl Rich {
    /// Every visit in the order of its number: the jobs, then of each shipment the pickup and the delivery. The
    /// numbers of solution files count from 1 in this order.
    pub fn visits(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().chain(self.shipments.iter().flat_map(|s| [&s.pickup, &s.delivery]))
    }

    /// Number of visits.
    #[must_use]
    pub fn visit_count(&self) -> usize {
        self.jobs.len() + 2 * self.shipments.len()
    }

    /// Number of places: the rows of the matrices.
    #[must_use]
    pub fn places(&self) -> usize {
        self.matrices.values().next().map_or(0, |m| m.durations.len())
    }
}
