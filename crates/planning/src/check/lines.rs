//! Goods on timetable lines: the printed times, the hold, the cap of pieces at a stop, what may not ride.

use super::Faults;
use super::facts::Facts;
use xiangyun_model::line::{LineStop, LineTrip};
use xiangyun_model::plan::{Trip, TripKind};

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    let runs: Vec<&str> = facts
        .county
        .line_trips_on(facts.plan.date)
        .map(|id| facts.county.line_trip(id).id.as_str())
        .collect();
    let mut used: Vec<&str> = Vec::new();
    for trip in facts.plan.trips.iter().filter(|t| t.kind == TripKind::Line) {
        let Some(departure) = facts.departure(&trip.vehicle) else { continue };
        if used.contains(&departure.id.as_str()) {
            faults.add("P209", format!("trip {}", trip.id), &trip.vehicle, "one use of a departure");
        }
        used.push(departure.id.as_str());
    }
    for trip in facts.trips().filter(|t| t.kind == TripKind::Line) {
        let Some(departure) = facts.departure(&trip.vehicle) else { continue };
        let at = format!("trip {}", trip.id);
        if !runs.contains(&departure.id.as_str()) {
            faults.add("P233", at.clone(), &trip.vehicle, "a departure that runs on this date");
        }
        if trip.visits.len() < 2 {
            faults.add("P233", at.clone(), format!("{} visits", trip.visits.len()), "at least two stops");
        }
        let fits = trip.compartments.len() == 1
            && trip.compartments[0].capacity == departure.hold
            && trip
                .compartments
                .iter()
                .all(|c| facts.county.bands.iter().any(|b| b.id.as_str() == c.band && !b.cold));
        if !fits {
            faults.add("P245", at, "other compartments", "one hold, as the timetable states it");
        }
        timetable(facts, trip, departure, faults);
        hold(facts, trip, departure, faults);
    }
}

fn timetable(facts: &Facts<'_>, trip: &Trip, departure: &LineTrip, faults: &mut Faults) {
    let mut next = 0;
    for visit in &trip.visits {
        let here = format!("visit {}", visit.id);
        let found =
            departure.stops[next..].iter().position(|s| facts.county.site(s.site).id.as_str() == visit.site);
        let Some(found) = found else {
            faults.add("P233", here, &visit.site, format!("a later stop of {}", departure.id));
            continue;
        };
        let LineStop { arrive_s, depart_s, .. } = departure.stops[next + found];
        next += found + 1;
        if (visit.arrive, visit.depart) != (arrive_s, depart_s) {
            faults.add(
                "P233",
                here.clone(),
                format!("{} {}", visit.arrive, visit.depart),
                format!("{arrive_s} {depart_s}"),
            );
        }
        if visit.load.is_empty() && visit.unload.is_empty() {
            faults.add(
                "P233",
                here.clone(),
                "nothing is handled",
                "only stops where goods board or leave are listed",
            );
        }
        if let Some(site) = facts.site(&visit.site)
            && !site.unattended
            && !site.windows_on(facts.plan.date, true).iter().any(|w| w.holds(visit.arrive, visit.depart))
        {
            faults.add(
                "P213",
                here,
                format!("{}-{}", visit.arrive, visit.depart),
                "hours in which somebody is present",
            );
        }
    }
}

fn hold(facts: &Facts<'_>, trip: &Trip, departure: &LineTrip, faults: &mut Faults) {
    for visit in &trip.visits {
        let handled = visit.load.iter().chain(&visit.unload).filter_map(|h| facts.loads.get(h.load.as_str()));
        let mut pieces = 0;
        for load in handled {
            pieces += load.amount.pieces;
            for order in facts.orders_of(load) {
                if !facts.county.class(order.class).on_lines {
                    faults.add(
                        "P236",
                        format!("load {}", load.id),
                        facts.county.class(order.class).id.as_str(),
                        "goods that may ride with passengers",
                    );
                }
            }
        }
        if pieces > departure.stop_pieces {
            faults.add(
                "P234",
                format!("visit {}", visit.id),
                format!("{pieces} pieces"),
                format!("{} pieces at a stop", departure.stop_pieces),
            );
        }
        for handling in &visit.load {
            let leg = facts
                .loads
                .get(handling.load.as_str())
                .and_then(|l| l.legs.iter().find(|leg| leg.trip == trip.id));
            if let Some(leg) = leg
                && leg.ready > visit.depart - departure.closes_s
            {
                faults.add(
                    "P235",
                    format!("load {}", handling.load),
                    leg.ready,
                    format!("{} when loading closes", visit.depart - departure.closes_s),
                );
            }
        }
    }
}
