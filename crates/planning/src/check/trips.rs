//! Trips of vehicles: where they begin and end, that times run on, that every leg is a cell of the matrix, that handling
//! takes its time within hours and at a dock of its own.

use super::Faults;
use super::facts::Facts;
use std::collections::BTreeMap;
use xiangyun_model::plan::{Trip, TripKind, Visit};

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    facts.plan.trips.iter().for_each(|trip| times(trip, faults));
    for trip in facts.trips() {
        if trip.kind == TripKind::Line {
            continue;
        }
        ends(trip, faults);
        legs(facts, trip, faults);
        setup(facts, trip, faults);
        for (at, visit) in trip.visits.iter().enumerate() {
            handling(facts, trip, at, visit, faults);
        }
    }
    docks(facts, faults);
}

fn times(trip: &Trip, faults: &mut Faults) {
    for visit in &trip.visits {
        if !(visit.arrive <= visit.start && visit.start <= visit.finish && visit.finish <= visit.depart) {
            let found = format!("{} {} {} {}", visit.arrive, visit.start, visit.finish, visit.depart);
            faults.add("P205", format!("visit {}", visit.id), found, "arrive <= start <= finish <= depart");
        }
        if visit.latest < visit.start {
            faults.add(
                "P205",
                format!("visit {}", visit.id),
                format!("latest {}", visit.latest),
                format!("no sooner than its start {}", visit.start),
            );
        }
    }
}

fn ends(trip: &Trip, faults: &mut Faults) {
    let at = format!("trip {}", trip.id);
    if trip.visits.len() < 3 {
        faults.add(
            "P204",
            at,
            format!("{} visits", trip.visits.len()),
            "its base, at least one other place, its base",
        );
        return;
    }
    let (first, last) = (&trip.visits[0], &trip.visits[trip.visits.len() - 1]);
    if first.site != last.site {
        faults.add("P204", at.clone(), format!("{} to {}", first.site, last.site), "ends where it begins");
    }
    if first.leg_s != 0 || first.leg_m != 0 {
        faults.add(
            "P204",
            at.clone(),
            format!("first leg {} s {} m", first.leg_s, first.leg_m),
            "no leg before the first visit",
        );
    }
    if !first.unload.is_empty() || !last.load.is_empty() {
        faults.add(
            "P204",
            at,
            "unloads at its beginning or loads at its end",
            "the first visit loads, the last unloads",
        );
    }
}

fn legs(facts: &Facts<'_>, trip: &Trip, faults: &mut Faults) {
    let at = format!("trip {}", trip.id);
    let Some(profile) = facts.travel.tables.iter().position(|t| t.profile == trip.profile) else {
        faults.add(
            "P203",
            at,
            format!("unknown profile {}", trip.profile),
            "a profile of inputs/travel.json",
        );
        return;
    };
    if facts.vehicle(&trip.vehicle).is_some_and(|v| v.profile != trip.profile) {
        faults.add("P207", at.clone(), &trip.profile, "the profile of its vehicle");
    }
    let bands = &facts.travel.tables[profile].bands;
    let left_s = trip.visits.first().map_or(0, |v| v.depart);
    let band = bands.iter().rposition(|b| b.from_s <= left_s).unwrap_or(0);
    if trip.band as usize != band {
        faults.add(
            "P207",
            at.clone(),
            format!("band {}", trip.band),
            format!("band {band} of its first departure"),
        );
    }
    let n = facts.county.sites.len();
    for pair in trip.visits.windows(2) {
        let (before, visit) = (&pair[0], &pair[1]);
        let here = format!("visit {}", visit.id);
        if visit.arrive != before.depart + visit.leg_s {
            faults.add("P206", here.clone(), visit.arrive, before.depart + visit.leg_s);
        }
        let (Some(from), Some(to)) = (facts.site_id(&before.site), facts.site_id(&visit.site)) else {
            continue;
        };
        let cell = from.index() * n + to.index();
        let found = bands.get(band).and_then(|b| b.seconds.get(cell).zip(b.metres.get(cell)));
        match found {
            Some((&s, &m)) if s != u32::MAX && m != u32::MAX => {
                if (visit.leg_s, visit.leg_m) != (i64::from(s), i64::from(m)) {
                    faults.add(
                        "P207",
                        here,
                        format!("{} s {} m", visit.leg_s, visit.leg_m),
                        format!("{s} s {m} m from {} to {}", before.site, visit.site),
                    );
                }
            }
            _ => faults.add(
                "P207",
                here,
                format!("{} to {}", before.site, visit.site),
                "a pair that a road joins",
            ),
        }
    }
    let metres: i64 = trip.visits.iter().map(|v| v.leg_m).sum();
    let drive_s: i64 = trip.visits.iter().map(|v| v.leg_s).sum();
    if (trip.metres, trip.drive_s) != (metres, drive_s) {
        faults.add(
            "P208",
            at,
            format!("{} m {} s", trip.metres, trip.drive_s),
            format!("{metres} m {drive_s} s"),
        );
    }
}

/// The compartments are one of the vehicle's layouts.
fn setup(facts: &Facts<'_>, trip: &Trip, faults: &mut Faults) {
    let Some(vehicle) = facts.vehicle(&trip.vehicle) else { return };
    let mut found: Vec<(&str, &str, _)> =
        trip.compartments.iter().map(|c| (c.name.as_str(), c.band.as_str(), c.capacity)).collect();
    found.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let is_layout = vehicle.layouts.iter().any(|layout| {
        let mut rooms: Vec<(&str, &str, _)> = layout
            .compartments
            .iter()
            .map(|c| (c.name.as_str(), facts.county.band(c.band).id.as_str(), c.room))
            .collect();
        rooms.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
        rooms == found
    });
    if !is_layout {
        let names: Vec<&str> = trip.compartments.iter().map(|c| c.name.as_str()).collect();
        faults.add(
            "P245",
            format!("trip {}", trip.id),
            names.join("+"),
            format!("a layout of {}", vehicle.id),
        );
    }
}

fn handling(facts: &Facts<'_>, trip: &Trip, at: usize, visit: &Visit, faults: &mut Faults) {
    let Some(site) = facts.site(&visit.site) else { return };
    let here = format!("visit {}", visit.id);
    let idle = visit.load.is_empty() && visit.unload.is_empty();
    let at_end = at == 0 || at + 1 == trip.visits.len();
    let need = if idle && at_end { 0 } else { site.stop_s(facts.handled_at(visit)) };
    if visit.finish - visit.start < need {
        faults.add("P212", here.clone(), visit.finish - visit.start, need);
    }
    if let Some(vehicle) = facts.vehicle(&trip.vehicle) {
        if vehicle.kind > site.max_vehicle {
            faults.add("P244", here.clone(), vehicle.kind.word(), site.max_vehicle.word());
        }
        if let Some(id) = facts.site_id(&visit.site) {
            for limit in facts.county.truck_limits(facts.plan.date, id, vehicle.kind) {
                if visit.arrive < limit.to_s && limit.from_s < visit.depart {
                    faults.add(
                        "P244",
                        here.clone(),
                        format!("{}-{}", visit.arrive, visit.depart),
                        format!("no {} here in {limit}", vehicle.kind.word()),
                    );
                }
            }
        }
    }
    if idle {
        return;
    }
    if !site.works_on(facts.plan.date) {
        faults.add("P213", here, "handled", "the place is closed on this date");
        return;
    }
    let windows = site.windows_on(facts.plan.date, !visit.load.is_empty());
    if !windows.iter().any(|w| w.holds(visit.start, visit.finish)) {
        let open: Vec<String> = windows.iter().map(ToString::to_string).collect();
        faults.add("P213", here, format!("{}-{}", visit.start, visit.finish), open.join(" "));
    }
}

/// Every vehicle handled at a place with docks holds one of its own.
fn docks(facts: &Facts<'_>, faults: &mut Faults) {
    type Held<'a> = Vec<(i64, i64, &'a str)>;
    let mut held: BTreeMap<(&str, u32), Held<'_>> = BTreeMap::new();
    for trip in facts.plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
        for visit in trip.visits.iter().filter(|v| !(v.load.is_empty() && v.unload.is_empty())) {
            let Some(site) = facts.site(&visit.site) else { continue };
            match visit.dock {
                None if site.docks == 0 => {}
                Some(dock) if (1..=site.docks).contains(&dock) => {
                    held.entry((&visit.site, dock)).or_default().push((visit.start, visit.finish, &visit.id));
                }
                other => {
                    let found = other.map_or("no dock".to_owned(), |d| format!("dock {d}"));
                    faults.add(
                        "P214",
                        format!("visit {}", visit.id),
                        found,
                        format!("one of {} docks at {}", site.docks, visit.site),
                    );
                }
            }
        }
    }
    for ((site, dock), mut times) in held {
        times.sort_unstable();
        let mut until: Option<(i64, &str)> = None;
        for (from, to, visit) in times {
            if let Some((busy, other)) = until
                && from < busy
            {
                faults.add(
                    "P214",
                    format!("visit {visit}"),
                    from,
                    format!("dock {dock} of {site} is held by {other} until {busy}"),
                );
            }
            if until.is_none_or(|(busy, _)| to > busy) {
                until = Some((to, visit));
            }
        }
    }
}
