//! The published day plan: which vehicle carries what, both ways, in which order, when, and why the rest did not fit.
//!
//! A plan is a value: it holds no clock reading, no path and no duration of the search, so that the same input, seed
//! and step budget give the same bytes. Ids are the outside strings of the county's files. All times are whole seconds
//! after local midnight of [`Plan::date`] (25:00 is 90,000); all money is fen; amounts are [`crate::units::Amount`].
//!
//! # The rules a plan obeys
//! The planner keeps them, the independent checker replays them; they share nothing but this module.
//!
//! 1. **Trips.** A trip begins and ends at the site where its vehicle stands: the first visit loads, the last unloads.
//!    `arrive` of a visit is `depart` of the one before plus `leg_s`; `leg_s` and `leg_m` are the matrix cell of the
//!    trip's profile in the time band of the trip's first `depart`. Always `arrive <= start <= finish <= depart`.
//!    Trips of one vehicle, and of one driver, do not overlap; the next begins where the last ended.
//! 2. **Handling.** `finish - start` is at least the site's seconds for a stop (not charged at the trip's own first and
//!    last visit when nothing is handled there) plus the site's seconds for a unit times the units handled: a sealed
//!    load counts [`Load::units`], a broken one its pieces. Handling lies within one opening interval of the site, unless
//!    the site may be left unattended and nothing is collected; at a site with docks it holds one [`Visit::dock`].
//! 3. **Transfer.** A load is ready at its origin at [`Load::release`], and at a later place at `finish` of the visit
//!    that dropped it plus the crossing time there: the site's seconds for a unit times the units, as in rule 2.
//!    A visit that loads it has `start` no sooner than that ([`Leg::ready`]). Legs chain origin to destination.
//! 4. **Room.** At no moment does a compartment hold more than its capacity in grams, cm³ or pieces, a compartment's
//!    band suits every load in it, and goods that exclude each other are never in one vehicle together.
//! 5. **Cold chain.** Seconds spent in a compartment or a store that does not hold the load's band add up to no more
//!    than its goods allow ([`Load::out_of_band_s`]); time on board of fresh goods likewise.
//! 6. **Crew.** A driver holds the licence, works within the shift (plus stated overtime), drives at most 4 h between
//!    rests of 20 min ([`Duty::rests`]: standing, not handling) and no more in all than the county's rule.
//! 7. **Promises.** A load with `hard` is handed over by `due`; otherwise lateness is priced. A load bound for the hub
//!    is unloaded there by `due`, which is the outbound cut-off of its lane less sorting.
//! 8. **Lines.** A line use keeps the timetable: its visits are stops of that departure with the printed times, what is
//!    loaded is ready before loading closes, and the hold's room and cap of pieces are kept.
//! 9. **Accounts.** Every order is in exactly one load or in [`Plan::unassigned`]; every order left has a dated deferral or
//!    a repair without which no day can serve it; a second deferral has its entry in [`Plan::breaches`].

mod account;
mod load;
mod lock;
mod state;
mod trip;
mod unserved;

pub use account::{BoundByTownship, Bounds, CostLine, CostTerm, Scarcity};
pub use load::{Channel, Direction, Leg, Load, UnitKind};
pub use lock::{Lock, VisitLock};
pub use state::{Backlog, Balance, DayState, STATE_VERSION, SiteService, Stock, VehicleState};
pub use trip::{Compartment, Duty, Handling, Rest, Trip, TripKind, Visit};
pub use unserved::{Breach, Deferral, FloorRow, Limit, Reason, Repair, RepairAction, Unassigned};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Version of the plan's schema; a reader refuses a newer one.
pub const PLAN_VERSION: u32 = 1;

/// The JSON schema of [`Plan`], published beside every `plan.json`.
pub const PLAN_SCHEMA: &str = include_str!("../../plan.schema.json");

/// One county's whole day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the writer.
    pub version: u32,
    /// Name of the plan, unique for county, date and content: `410421-2026-11-24-1f3a…`.
    pub id: String,
    /// GB/T 2260 code of the county.
    pub county: String,
    /// The civil day planned.
    #[cfg_attr(test, schemars(with = "String"))]
    pub date: Date,
    /// Time zone of all times, by its IANA name.
    pub zone: String,
    /// How many orders there were: those of the day plus the opening backlog.
    pub orders: u64,
    /// All trips, trunk, rounds and line uses, ordered by first departure, then id.
    pub trips: Vec<Trip>,
    /// The day of each driver used, ordered by driver.
    pub duties: Vec<Duty>,
    /// All loads carried, ordered by id.
    pub loads: Vec<Load>,
    /// Every order that no load carries, ordered by order.
    pub unassigned: Vec<Unassigned>,
    /// New dates of orders left today, ordered by order.
    pub deferrals: Vec<Deferral>,
    /// Rules of service broken knowingly, each with the limit that forced it.
    pub breaches: Vec<Breach>,
    /// Service floor of every village point, ordered by site.
    pub floors: Vec<FloorRow>,
    /// Every term of the objective; they add up to [`Plan::cost_fen`].
    pub cost: Vec<CostLine>,
    /// The objective.
    pub cost_fen: i64,
    /// What no plan could beat, and what is scarce.
    pub bounds: Bounds,
    /// The county as the day leaves it: the next day's opening state.
    pub closing: DayState,
}

impl Plan {
    /// Orders carried by a load.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.loads.iter().map(|load| load.orders.len() as u64).sum()
    }

    /// The trip with this id.
    #[must_use]
    pub fn trip(&self, id: &str) -> Option<&Trip> {
        self.trips.iter().find(|trip| trip.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed schema is what the types say; `UPDATE=1` renews it.
    #[test]
    fn schema_is_current() {
        let mut text =
            serde_json::to_string_pretty(&schemars::schema_for!(Plan)).expect("a schema is plain data");
        text.push('\n');
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/plan.schema.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the crate's folder is writable when renewing");
        }
        let committed = std::fs::read_to_string(path).expect("plan.schema.json is committed");
        assert!(committed == text, "plan.schema.json is out of date: run this test with UPDATE=1");
    }
}
