//! The words of the problem: places, jobs, vehicles and their rules.

use super::VALUE_MAX;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index into the list that the problem keeps.
            #[must_use]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}
id!(
    /// A place of the matrices, counted from 0.
    PlaceId
);
id!(
    /// A job (one visit), counted from 0 in the order added.
    JobId
);
id!(
    /// A kind of vehicles, counted from 0 in the order added.
    KindId
);
id!(
    /// One vehicle: the kinds in order, each with its count.
    VehicleId
);
id!(
    /// A group of jobs that should ride together, at a price.
    GroupId
);
id!(
    /// A matrix of the problem.
    ProfileId
);

/// A closed interval of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First moment inside.
    pub from: i64,
    /// Last moment inside.
    pub to: i64,
}

impl Window {
    /// From the beginning to the end of time.
    pub const ALWAYS: Self = Self { from: 0, to: VALUE_MAX };

    /// The interval from `from` to `to`, both inside.
    #[must_use]
    pub const fn new(from: i64, to: i64) -> Self {
        Self { from, to }
    }
}

/// A wish for the start of service; missing it costs money but breaks no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftWindow {
    /// The wished interval.
    pub window: Window,
    /// Price of each time unit before `window.from`.
    pub early_price: i64,
    /// Price of each time unit after `window.to`.
    pub late_price: i64,
}

/// Which half of a paired shipment a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Not paired: deliveries come from the depot, pickups go to the depot of the trip's end.
    Single,
    /// Takes goods aboard for the job named, later in the same trip. Its load is `pickup`.
    PickupFor(JobId),
    /// Puts down what the job named took aboard. Its load is `delivery`, equal to the other's `pickup`.
    DeliveryOf(JobId),
}

/// Wish for certain vehicles (the usual driver of a village, the vehicle of the published plan).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preference {
    /// Vehicles that cost nothing extra.
    pub vehicles: Vec<VehicleId>,
    /// Price when any other vehicle serves the job.
    pub price: i64,
}

/// One visit that may or must be made.
///
/// Loads are lists by dimension (grams, cm³, pieces, … in any order that all jobs and vehicles share); a missing
/// tail counts as zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Outside name, for messages and files.
    pub name: String,
    /// Where.
    pub place: PlaceId,
    /// Load by dimension brought to the job: from the depot, or from the paired pickup.
    pub delivery: Vec<i64>,
    /// Load by dimension taken from the job: to the depot, or to the paired delivery.
    pub pickup: Vec<i64>,
    /// Time at the job each visit.
    pub service: i64,
    /// Further time when the previous visit of the vehicle was at another place (parking, greeting).
    pub setup: i64,
    /// Service starts inside one of these, in order and disjoint. Empty: always.
    pub windows: Vec<Window>,
    /// A wish inside the windows.
    pub soft: Option<SoftWindow>,
    /// Loading of the trip that serves this job starts no sooner. 0: no limit.
    pub release: i64,
    /// `Some(p)`: may be left out at price `p`. `None`: must be served (a plan that leaves it out ranks behind
    /// all that do not).
    pub prize: Option<i64>,
    /// Bits that the vehicle's `skills` must have.
    pub skills: u128,
    /// Bits of goods classes aboard for this job; see [`super::ProblemBuilder::incompatible`].
    pub classes: u64,
    /// Longest time aboard: from the trip's departure (delivery), to the trip's end (pickup), or between the two
    /// visits of a shipment (set on either half).
    pub max_on_board: Option<i64>,
    /// Jobs of one group on several vehicles cost the group's price for each vehicle beyond the first.
    pub group: Option<GroupId>,
    /// Wished vehicles.
    pub prefer: Option<Preference>,
    /// Half of a shipment; set by [`super::ProblemBuilder::shipment`].
    pub role: Role,
}

impl Job {
    /// A job at a place with nothing else said.
    #[must_use]
    pub fn at(place: PlaceId) -> Self {
        Self {
            name: String::new(),
            place,
            delivery: Vec::new(),
            pickup: Vec::new(),
            service: 0,
            setup: 0,
            windows: Vec::new(),
            soft: None,
            release: 0,
            prize: None,
            skills: 0,
            classes: 0,
            max_on_board: None,
            group: None,
            prefer: None,
            role: Role::Single,
        }
    }
}

/// A place where the vehicle may end a trip and begin another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Where.
    pub place: PlaceId,
    /// Time between the arrival and the departure with the next load, in one piece.
    pub loading: i64,
    /// The loading starts inside.
    pub window: Window,
}

/// After `max_driving` of driving in all, a rest of `rest` before driving on (道路交通安全法实施条例 第62条: 4 h, 20 min).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrivingRule {
    /// Most driving between two rests.
    pub max_driving: i64,
    /// Length of a rest.
    pub rest: i64,
}

/// A break by the clock, such as lunch: starts inside `window`, if the vehicle is still out at `window.to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockBreak {
    /// The break starts inside.
    pub window: Window,
    /// Its length.
    pub duration: i64,
}

/// What a balance term measures on each vehicle's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Time from the start of the first loading to the end.
    Duration,
    /// Distance.
    Distance,
    /// Visits to jobs.
    Stops,
}

/// A priced term for balance: each unit of `measure` above `target` costs `price`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// What is measured.
    pub measure: Measure,
    /// Free of charge up to here.
    pub target: i64,
    /// Price of each unit above.
    pub price: i64,
}

/// Vehicles that are all alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VehicleKind {
    /// Outside name.
    pub name: String,
    /// How many there are.
    pub count: u32,
    /// Its matrix.
    pub profile: ProfileId,
    /// Where the day starts; `None`: at the first job.
    pub start: Option<PlaceId>,
    /// Where the day ends; `None`: at the last job (open route).
    pub end: Option<PlaceId>,
    /// Work lies inside: the first loading starts at `from` or later, the end is reached by `to`.
    pub shift: Window,
    /// Time of the first loading, at the start.
    pub loading: i64,
    /// Alternative layouts of the hold (a removable chilled section), each a capacity by dimension, used for the
    /// whole day. Load fits if some one layout holds the peak of every trip in every dimension. A dimension
    /// missing at the tail holds nothing.
    pub layouts: Vec<Vec<i64>>,
    /// Bits that jobs may ask for.
    pub skills: u128,
    /// Price of using the vehicle at all.
    pub fixed: i64,
    /// Price of a unit of distance.
    pub per_distance: i64,
    /// Price of a unit of time from the start of the first loading to the end.
    pub per_time: i64,
    /// Time above which each unit costs `overtime_price` more.
    pub overtime_after: i64,
    /// Further price of a unit of overtime.
    pub overtime_price: i64,
    /// Longest day.
    pub max_duration: Option<i64>,
    /// Longest way of the day.
    pub max_distance: Option<i64>,
    /// Most visits to jobs in a day.
    pub max_stops: Option<u32>,
    /// Most trips in a day; 1: no reload.
    pub max_trips: u32,
    /// Where it may reload.
    pub reloads: Vec<Reload>,
    /// Rest after driving.
    pub driving: Option<DrivingRule>,
    /// Breaks by the clock.
    pub breaks: Vec<ClockBreak>,
    /// Balance between vehicles.
    pub balance: Option<Balance>,
}

impl VehicleKind {
    /// `count` vehicles that start and end at `depot`, hold `capacity` and pay one a unit of distance.
    #[must_use]
    pub fn at(depot: PlaceId, count: u32, capacity: Vec<i64>) -> Self {
        Self {
            name: String::new(),
            count,
            profile: ProfileId(0),
            start: Some(depot),
            end: Some(depot),
            shift: Window::ALWAYS,
            loading: 0,
            layouts: vec![capacity],
            skills: 0,
            fixed: 0,
            per_distance: 1,
            per_time: 0,
            overtime_after: VALUE_MAX,
            overtime_price: 0,
            max_duration: None,
            max_distance: None,
            max_stops: None,
            max_trips: 1,
            reloads: Vec::new(),
            driving: None,
            breaks: Vec::new(),
            balance: None,
        }
    }
}

/// What ranks plans, after the number of jobs that must be served and are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Objective {
    /// Least cost.
    #[default]
    Cost,
    /// Fewest vehicles used, then least cost.
    VehiclesThenCost,
}

/// How deliveries from the depot and pickups to the depot mix in a trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backhaul {
    /// In any order, as far as the load fits.
    #[default]
    Mixed,
    /// All jobs with deliveries before all jobs with pickups only, in each trip.
    LinehaulFirst,
}
