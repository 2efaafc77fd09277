//! What differs between a plan and one that has been checked: all that has to be looked at again. What one trip or one load
//! breaks follows from itself, from what it handles and from whom it rides with; where none of that differs, neither does
//! the answer. Crews, docks, stores and names, which concern the day as a whole, are looked at in any case.

use crate::fast::Map;
use xiangyun_model::plan::{Load, Plan, Trip, Visit};

/// Trips and loads to look at, by their positions in the plan.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) trips: Vec<bool>,
    pub(super) loads: Vec<bool>,
    /// Trips whose lists those loads are looked up in.
    pub(super) lists: Vec<bool>,
}

impl Scope {
    pub(super) fn whole(plan: &Plan) -> Self {
        let trips = vec![true; plan.trips.len()];
        Self { lists: trips.clone(), trips, loads: vec![true; plan.loads.len()] }
    }

    pub(super) fn since(before: &Plan, plan: &Plan) -> Self {
        let old: Map<&str, &Trip> = before.trips.iter().map(|t| (t.id.as_str(), t)).collect();
        let old_loads: Map<&str, &Load> = before.loads.iter().map(|l| (l.id.as_str(), l)).collect();
        let here: Map<&str, usize> = plan.trips.iter().enumerate().map(|(t, x)| (x.id.as_str(), t)).collect();
        let known: Map<&str, usize> =
            plan.loads.iter().enumerate().map(|(l, x)| (x.id.as_str(), l)).collect();
        let differs = |trip: &Trip| old.get(trip.id.as_str()).is_none_or(|o| !is_same(o, trip));
        let mut trips: Vec<bool> = plan.trips.iter().map(differs).collect();
        let mut loads: Vec<bool> =
            plan.loads.iter().map(|l| old_loads.get(l.id.as_str()).is_none_or(|o| *o != l)).collect();
        let others = plan.loads.iter().zip(&loads).filter(|(_, differs)| **differs).map(|(l, _)| &l.id);
        let gone = before.loads.iter().map(|l| &l.id).filter(|id| !known.contains_key(id.as_str()));
        let odd: Map<&str, ()> = others.chain(gone).map(|id| (id.as_str(), ())).collect();
        // A trip that carries what is heavier now, or nothing any more, is another one.
        for (trip, looked_at) in plan.trips.iter().zip(&mut trips) {
            *looked_at = *looked_at || handled(trip).any(|load| odd.contains_key(load));
        }
        for (load, looked_at) in plan.loads.iter().zip(&mut loads) {
            let touched = |trip: &String| here.get(trip.as_str()).is_none_or(|&t| trips[t]);
            *looked_at = *looked_at || load.legs.iter().any(|leg| touched(&leg.trip));
        }
        for (trip, _) in plan.trips.iter().zip(&trips).filter(|(_, looked_at)| **looked_at) {
            handled(trip).filter_map(|load| known.get(load)).for_each(|&l| loads[l] = true);
        }
        let mut lists = trips.clone();
        for (load, _) in plan.loads.iter().zip(&loads).filter(|(_, looked_at)| **looked_at) {
            load.legs.iter().filter_map(|leg| here.get(leg.trip.as_str())).for_each(|&t| lists[t] = true);
        }
        Self { trips, loads, lists }
    }
}

fn handled(trip: &Trip) -> impl Iterator<Item = &str> {
    trip.visits.iter().flat_map(|v| v.load.iter().chain(&v.unload)).map(|h| h.load.as_str())
}

/// Whether two trips are the same but for latest starts: those say what else could be, and are looked at in any case.
fn is_same(a: &Trip, b: &Trip) -> bool {
    let times = |v: &Visit| (v.arrive, v.start, v.finish, v.depart, v.leg_s, v.leg_m, v.dock);
    let visit = |(a, b): (&Visit, &Visit)| {
        times(a) == times(b) && a.id == b.id && a.site == b.site && a.load == b.load && a.unload == b.unload
    };
    let sums = |t: &Trip| (t.kind, t.number, t.band, t.metres, t.drive_s, t.cost_fen);
    sums(a) == sums(b)
        && a.visits.len() == b.visits.len()
        && (&a.vehicle, &a.driver, &a.profile) == (&b.vehicle, &b.driver, &b.profile)
        && a.compartments == b.compartments
        && a.visits.iter().zip(&b.visits).all(visit)
}
