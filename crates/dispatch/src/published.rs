//! From the planner's plan to the trips of the running day: orders instead of loads, instants instead of day times.

use crate::event::{PlannedTrip, PlannedVisit};
use std::collections::BTreeMap;
use xiangyun_model::plan::{Handling, Load, Plan, Trip};

/// The trips of a plan; `midnight_ms` is the instant of its day's local midnight.
#[must_use]
pub fn trips(plan: &Plan, midnight_ms: i64) -> Vec<PlannedTrip> {
    let loads: BTreeMap<&str, &Load> = plan.loads.iter().map(|l| (l.id.as_str(), l)).collect();
    plan.trips.iter().map(|t| trip(t, &loads, midnight_ms)).collect()
}

/// One trip; `loads` by id.
#[must_use]
pub fn trip(trip: &Trip, loads: &BTreeMap<&str, &Load>, midnight_ms: i64) -> PlannedTrip {
    let orders = |list: &[Handling]| -> Vec<String> {
        list.iter()
            .filter_map(|h| loads.get(h.load.as_str()))
            .flat_map(|l| l.orders.iter().cloned())
            .collect()
    };
    let at = |s: i64| midnight_ms + s * 1_000;
    let visit = |v: &xiangyun_model::plan::Visit| PlannedVisit {
        visit: v.id.clone(),
        site: v.site.clone(),
        arrive_ms: at(v.arrive),
        start_ms: at(v.start),
        depart_ms: at(v.depart),
        latest_ms: at(v.latest),
        unload: orders(&v.unload),
        load: orders(&v.load),
    };
    PlannedTrip {
        trip: trip.id.clone(),
        vehicle: trip.vehicle.clone(),
        driver: trip.driver.clone(),
        visits: trip.visits.iter().map(visit).collect(),
    }
}
