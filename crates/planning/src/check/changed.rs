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

    /// `quickly` takes loads for the same that agree in everything but the names of their orders and legs, which is most of
    /// what there is to compare.
    pub(super) fn since(before: &Plan, plan: &Plan, quickly: bool) -> Self {
        let here: Map<&str, usize> = plan.trips.iter().enumerate().map(|(t, x)| (x.id.as_str(), t)).collect();
        let known: Map<&str, usize> =
            plan.loads.iter().enumerate().map(|(l, x)| (x.id.as_str(), l)).collect();
        let mut trips: Vec<bool> =
            differing(&before.trips, &plan.trips, |t| t.id.as_str(), |old, new| !is_same(old, new));
        let mut loads: Vec<bool> = differing(
            &before.loads,
            &plan.loads,
            |l| l.id.as_str(),
            |old, new| if quickly { !is_alike(old, new) } else { old != new },
        );
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

/// Which of the new things were not there before or differ; most stand where they stood.
fn differing<T>(
    before: &[T],
    new: &[T],
    id: impl Fn(&T) -> &str,
    differ: impl Fn(&T, &T) -> bool,
) -> Vec<bool> {
    let mut moved: Option<Map<&str, &T>> = None;
    let mut list = Vec::with_capacity(new.len());
    for (at, thing) in new.iter().enumerate() {
        let there = before.get(at).filter(|old| id(old) == id(thing));
        let old = there.or_else(|| {
            let by_id = moved.get_or_insert_with(|| before.iter().map(|old| (id(old), old)).collect());
            by_id.get(id(thing)).copied()
        });
        list.push(old.is_none_or(|old| differ(old, thing)));
    }
    list
}

/// Whether two loads of one name agree but for the names of their orders and legs.
fn is_alike(a: &Load, b: &Load) -> bool {
    let facts = |l: &Load| {
        (
            l.direction,
            l.amount,
            l.unit,
            l.units,
            l.sealed,
            l.release,
            l.due,
            l.hard,
            l.arrives,
            l.out_of_band_s,
        )
    };
    facts(a) == facts(b) && a.orders.len() == b.orders.len() && a.legs.len() == b.legs.len()
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
