//! From the planner's plan to the trips of the running day: orders instead of loads, instants instead of day times, and
//! ids that carry the date, because every night's plan numbers its trips anew.

use crate::event::{PlannedTrip, PlannedVisit};
use std::collections::BTreeMap;
use xiangyun_model::plan::{Handling, Load, Plan, Trip};

/// The day's id of a trip or visit of a plan: `2026-11-24.T1.1-2`.
#[must_use]
pub fn dated(date: jiff::civil::Date, id: &str) -> String {
    format!("{date}.{id}")
}

/// The plan's own id of a trip or visit of the day, if it is of this date.
#[must_use]
pub fn undated(date: jiff::civil::Date, id: &str) -> Option<&str> {
    id.strip_prefix(&date.to_string())?.strip_prefix('.')
}

/// The trips of a plan; `midnight_ms` is the instant of its day's local midnight.
#[must_use]
pub fn trips(plan: &Plan, midnight_ms: i64) -> Vec<PlannedTrip> {
    let loads: BTreeMap<&str, &Load> = plan.loads.iter().map(|l| (l.id.as_str(), l)).collect();
    plan.trips.iter().map(|t| trip(plan.date, t, &loads, midnight_ms)).collect()
}

/// One trip; `loads` by id.
#[must_use]
pub fn trip(
    date: jiff::civil::Date,
    trip: &Trip,
    loads: &BTreeMap<&str, &Load>,
    midnight_ms: i64,
) -> PlannedTrip {
    let orders = |list: &[Handling]| -> Vec<String> {
        list.iter()
            .filter_map(|h| loads.get(h.load.as_str()))
            .flat_map(|l| l.orders.iter().cloned())
            .collect()
    };
    let at = |s: i64| midnight_ms + s * 1_000;
    let visit = |v: &xiangyun_model::plan::Visit| PlannedVisit {
        visit: dated(date, &v.id),
        site: v.site.clone(),
        arrive_ms: at(v.arrive),
        start_ms: at(v.start),
        depart_ms: at(v.depart),
        latest_ms: at(v.latest),
        unload: orders(&v.unload),
        load: orders(&v.load),
    };
    PlannedTrip {
        trip: dated(date, &trip.id),
        vehicle: trip.vehicle.clone(),
        driver: trip.driver.clone(),
        visits: trip.visits.iter().map(visit).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{dated, undated};
    use jiff::civil::date;

    #[test]
    fn ids_of_two_days_differ_and_come_back() {
        let (day, next) = (date(2026, 11, 24), date(2026, 11, 25));
        let id = dated(day, "T1.1-2");
        assert_eq!(id, "2026-11-24.T1.1-2");
        assert_eq!(undated(day, &id), Some("T1.1-2"));
        assert_eq!(undated(next, &id), None);
        assert_ne!(id, dated(next, "T1.1-2"));
    }
}
