//! What did not fit: the true reason by vehicle kind, the cheapest repair, the new date, the floor of service.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The limit that a kind of vehicle, or the order itself, runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The mass left on any vehicle of the kind.
    Weight,
    /// The volume left on any vehicle of the kind.
    Volume,
    /// The pieces left on any vehicle of the kind.
    Pieces,
    /// No compartment of the kind holds the band.
    Band,
    /// The licence, size or carrier rule keeps the kind from the place or the goods.
    Forbidden,
    /// Goods aboard exclude these.
    Incompatible,
    /// The opening hours of the place.
    Hours,
    /// The shift of the drivers.
    Shift,
    /// The driving-time rule.
    DrivingTime,
    /// The range of the battery.
    Range,
    /// The goods are released too late.
    Release,
    /// The outbound cut-off or the promise.
    CutOff,
    /// Time allowed out of the band or on board.
    TimeOnBoard,
    /// The trunk has no room.
    Trunk,
    /// The docks.
    Dock,
    /// Room in the store of a station or point.
    Storage,
    /// No road leads there for the kind.
    Unreachable,
    /// It would cost more than leaving it for a day is priced at.
    Price,
}

/// Why one kind of vehicle does not carry an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Kind of vehicle, as in `vehicles.csv`, or `line`.
    pub vehicle_kind: String,
    /// What binds.
    pub limit: Limit,
    /// The resource that binds: a vehicle, driver, site, line or trip.
    pub at: String,
    /// What would be needed.
    pub needs: i64,
    /// What there is.
    pub has: i64,
    /// Unit of both: `g`, `cm3`, `pieces`, `s`, `m`, `fen` or empty.
    pub unit: String,
}

/// What somebody would have to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RepairAction {
    /// Put one more vehicle of a kind on the road for the day.
    AddVehicle,
    /// Work longer.
    ExtendShift,
    /// Open earlier or close later.
    ExtendHours,
    /// Move the outbound cut-off or the promise.
    MovePromise,
    /// Pay what the detour costs.
    Pay,
    /// Use another handling or vehicle that may carry the goods.
    ChangeHandling,
    /// The recipient or sender comes to the station or hub.
    MeetAtStation,
    /// Carry it on the date of the deferral, for which there is room.
    NextDay,
}

/// The cheapest change found that would admit an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// What to do.
    pub action: RepairAction,
    /// To what or whom.
    pub subject: String,
    /// How much of it.
    pub by: i64,
    /// Unit of `by`.
    pub unit: String,
    /// What it costs in fen.
    pub cost_fen: i64,
}

/// An order that no load carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unassigned {
    /// The order.
    pub order: String,
    /// Where it stays.
    pub site: String,
    /// Why, for every kind of vehicle of the county.
    pub reasons: Vec<Reason>,
    /// The cheapest repair.
    pub repair: Repair,
}

/// A new promised date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deferral {
    /// The order.
    pub order: String,
    /// Where it waits.
    pub site: String,
    /// The date promised before.
    #[cfg_attr(test, schemars(with = "String"))]
    pub from: Date,
    /// The date promised now.
    #[cfg_attr(test, schemars(with = "String"))]
    pub to: Date,
    /// How often it has been deferred, this time included.
    pub times: u32,
}

/// A rule of service broken knowingly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Breach {
    /// `second_deferral` or `floor`.
    pub kind: String,
    /// The order, or the village point.
    pub subject: String,
    /// The limit that forced it.
    pub limit: Limit,
    /// The resource that binds.
    pub at: String,
}

/// The floor of service of one village point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FloorRow {
    /// The village point.
    pub site: String,
    /// Visits asked for in seven days.
    pub per_week: u32,
    /// Longest run of days without a visit that is allowed.
    pub longest_gap_days: u32,
    /// Days since the last visit before today.
    pub days_since: u32,
    /// Whether today's plan visits it.
    pub visited: bool,
    /// Whether today is the last day that keeps the floor.
    pub due_today: bool,
    /// What the floor adds to the plan's cost here, in fen; 0 where goods pay for the visit anyway.
    pub price_fen: i64,
}
