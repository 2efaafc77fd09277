//! Vehicles and drivers through the day: one place at a time, range, trips, licence, shift, driving time and rests.

use super::Faults;
use super::facts::Facts;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::plan::{Duty, Trip, TripKind};

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    let mut by_vehicle: BTreeMap<&str, Vec<&Trip>> = BTreeMap::new();
    let mut by_driver: BTreeMap<&str, Vec<&Trip>> = BTreeMap::new();
    for trip in facts.plan.trips.iter().filter(|t| t.kind != TripKind::Line && !t.visits.is_empty()) {
        by_vehicle.entry(&trip.vehicle).or_default().push(trip);
        if let Some(driver) = &trip.driver {
            by_driver.entry(driver).or_default().push(trip);
        }
    }
    let begins = |t: &&Trip| (t.visits[0].arrive, t.number);
    for (vehicle, mut trips) in by_vehicle {
        trips.sort_by_key(begins);
        one_place("vehicle", vehicle, &trips, faults);
        vehicle_day(facts, vehicle, &trips, faults);
    }
    let mut duties: BTreeSet<&str> = BTreeSet::new();
    for duty in &facts.plan.duties {
        if !duties.insert(&duty.driver) {
            faults.add("P202", format!("driver {}", duty.driver), "two duties", "one");
        }
    }
    for (driver, mut trips) in by_driver {
        trips.sort_by_key(begins);
        one_place("driver", driver, &trips, faults);
        match facts.plan.duties.iter().find(|d| d.driver == driver) {
            None => faults.add("P211", format!("driver {driver}"), "no duty", "a duty with its trips"),
            Some(duty) => driver_day(facts, duty, &trips, faults),
        }
        duties.remove(driver);
    }
    for driver in duties {
        faults.add("P211", format!("driver {driver}"), "a duty without trips", "no duty");
    }
}

/// Trips of one vehicle or driver do not overlap, and each begins where the one before ended.
fn one_place(what: &str, id: &str, trips: &[&Trip], faults: &mut Faults) {
    let code = if what == "vehicle" { "P209" } else { "P210" };
    for pair in trips.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        let (last, first) = (&before.visits[before.visits.len() - 1], &after.visits[0]);
        if first.arrive < last.depart {
            faults.add(
                code,
                format!("{what} {id}"),
                format!("trip {} begins at {}", after.id, first.arrive),
                format!("trip {} ends at {}", before.id, last.depart),
            );
        }
        if first.site != last.site {
            faults.add(
                code,
                format!("{what} {id}"),
                format!("trip {} begins at {}", after.id, first.site),
                format!("it stands at {}", last.site),
            );
        }
    }
}

fn vehicle_day(facts: &Facts<'_>, id: &str, trips: &[&Trip], faults: &mut Faults) {
    let Some(vehicle) = facts.vehicle(id) else { return };
    let at = format!("vehicle {id}");
    let state = facts.inputs.opening.vehicles.iter().find(|s| s.vehicle == id);
    let stands = state.map_or(facts.county.site(vehicle.base).id.as_str(), |s| s.site.as_str());
    if trips[0].visits[0].site != stands {
        faults.add(
            "P204",
            at.clone(),
            format!("begins at {}", trips[0].visits[0].site),
            format!("it stands at {stands}"),
        );
    }
    if trips.len() > vehicle.trips_max as usize {
        faults.add("P247", at.clone(), format!("{} trips", trips.len()), vehicle.trips_max);
    }
    for (i, trip) in trips.iter().enumerate() {
        if trip.number as usize != i + 1 {
            faults.add("P247", format!("trip {}", trip.id), format!("number {}", trip.number), i + 1);
        }
        let (first, last) = (&trip.visits[0], &trip.visits[trip.visits.len() - 1]);
        if !vehicle.available.holds(first.arrive, last.depart) {
            faults.add(
                "P248",
                format!("trip {}", trip.id),
                format!("{}-{}", first.arrive, last.depart),
                vehicle.available,
            );
        }
    }
    let Some(full_m) = vehicle.range_m else { return };
    let mut left_m = state.and_then(|s| s.range_m).unwrap_or(full_m);
    let base = facts.county.site(vehicle.base).id.as_str();
    let mut parked: Option<(i64, &str)> = None;
    for trip in trips {
        let first = &trip.visits[0];
        if let Some((since, site)) = parked
            && site == base
        {
            left_m = full_m.min(left_m + (first.arrive - since).max(0) * vehicle.charge_m_s);
        }
        for visit in &trip.visits {
            left_m -= visit.leg_m;
        }
        if left_m < 0 {
            faults.add(
                "P246",
                format!("trip {}", trip.id),
                format!("{} m beyond its range", -left_m),
                format!("range {full_m} m of {id}"),
            );
        }
        let last = &trip.visits[trip.visits.len() - 1];
        parked = Some((last.depart, &last.site));
    }
}

fn driver_day(facts: &Facts<'_>, duty: &Duty, trips: &[&Trip], faults: &mut Faults) {
    let at = format!("driver {}", duty.driver);
    let Some(driver) = facts.driver(&duty.driver) else { return };
    let rules = &facts.county.rules;
    let listed: BTreeSet<&str> = duty.trips.iter().map(String::as_str).collect();
    if listed != trips.iter().map(|t| t.id.as_str()).collect() || listed.len() != duty.trips.len() {
        faults.add("P211", at.clone(), duty.trips.join(" "), "exactly the driver's trips");
    }
    if !driver.works_on(facts.plan.date) {
        faults.add("P228", at.clone(), "works", "not on duty on this date");
    }
    let last = trips[trips.len() - 1];
    let (from, to) = (trips[0].visits[0].arrive, last.visits[last.visits.len() - 1].depart);
    let drive_s: i64 = trips.iter().flat_map(|t| &t.visits).map(|v| v.leg_s).sum();
    let overtime_s = driver.overtime_s(from, to);
    if (duty.from, duty.to, duty.drive_s, duty.overtime_s) != (from, to, drive_s, overtime_s) {
        let found = format!("{} {} {} {}", duty.from, duty.to, duty.drive_s, duty.overtime_s);
        faults.add("P211", at.clone(), found, format!("{from} {to} {drive_s} {overtime_s}"));
    }
    if overtime_s > rules.overtime_max_s {
        faults.add(
            "P228",
            at.clone(),
            format!("{overtime_s} s outside the shift {}", driver.shift),
            rules.overtime_max_s,
        );
    }
    if drive_s > rules.drive_day_s {
        faults.add("P230", at.clone(), format!("{drive_s} s at the wheel"), rules.drive_day_s);
    }
    for trip in trips {
        if let Some(vehicle) = facts.vehicle(&trip.vehicle)
            && !driver.licence.allows(vehicle.licence)
        {
            faults.add(
                "P227",
                format!("trip {}", trip.id),
                format!("{} holds {}", driver.id, driver.licence.word()),
                vehicle.licence.word(),
            );
        }
    }
    driving_time(facts, duty, trips, faults);
}

/// No more than the longest spell of driving without a listed rest: a rest is standing at one place, not handling.
fn driving_time(facts: &Facts<'_>, duty: &Duty, trips: &[&Trip], faults: &mut Faults) {
    let rules = &facts.county.rules;
    let mut still: Vec<(&str, i64, i64)> = Vec::new();
    for trip in trips {
        for visit in &trip.visits {
            still.push((&visit.site, visit.arrive, visit.start));
            still.push((&visit.site, visit.finish, visit.depart));
        }
    }
    for pair in trips.windows(2) {
        let last = &pair[0].visits[pair[0].visits.len() - 1];
        still.push((&last.site, last.finish, pair[1].visits[0].start));
    }
    for rest in &duty.rests {
        let held =
            still.iter().any(|&(site, from, to)| site == rest.site && from <= rest.from && rest.to <= to);
        if !held || rest.to - rest.from < rules.rest_s {
            faults.add(
                "P231",
                format!("driver {}", duty.driver),
                format!("rest {}-{} at {}", rest.from, rest.to, rest.site),
                format!("{} s of standing there", rules.rest_s),
            );
        }
    }
    let mut spell_s = 0;
    let mut since = i64::MIN;
    for visit in trips.iter().flat_map(|t| &t.visits) {
        let left = visit.arrive - visit.leg_s;
        if duty.rests.iter().any(|r| since <= r.from && r.to <= left && r.to - r.from >= rules.rest_s) {
            spell_s = 0;
        }
        if visit.leg_s > 0 {
            since = visit.arrive;
        }
        spell_s += visit.leg_s;
        if spell_s > rules.drive_max_s {
            faults.add(
                "P229",
                format!("driver {}", duty.driver),
                format!("{spell_s} s at the wheel by visit {}", visit.id),
                format!("{} s without a rest", rules.drive_max_s),
            );
            spell_s = 0;
        }
    }
}
