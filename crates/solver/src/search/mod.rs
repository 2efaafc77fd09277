//! The search: [`solve`].

mod arcs;
mod breed;
mod choice;
mod clock;
mod cooling;
mod eval;
mod exchange;
mod fleet;
mod full;
mod idle;
mod inner;
mod lavish;
mod lean;
mod links;
mod memory;
mod middle;
mod near;
mod net;
mod order;
mod place;
mod rng;
mod ruin;
mod saving;
mod savings;
mod swap;
mod tails;
mod team;
#[cfg(test)]
mod tests;
mod tight;
mod times;
mod walk;

use crate::budget::Budget;
use crate::control::{Control, Progress};
use crate::cost::Evaluation;
use crate::locks::{JobLock, Locks};
use crate::problem::Problem;
use crate::solution::{Route, Solution, Visit};
use arcs::{Profiles, with_arcs, with_ways};
use net::Net;
use team::Run;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The best plan.
    pub solution: Solution,
    /// What it amounts to.
    pub evaluation: Evaluation,
    /// Iterations made, over all threads.
    pub iterations: u64,
    /// Each improvement: after how many iterations, and the progress then.
    pub history: Vec<Progress>,
}

/// Finds a good plan within the budget.
///
/// `start` is the plan to begin from (any plan of this problem; what it breaks is mended by leaving jobs out, unless
/// they are locked), `locks` what must stay of it. The search may be stopped by `control` at any time and then
/// returns the best plan so far.
#[must_use]
pub fn solve(
    problem: &Problem,
    start: Option<&Solution>,
    locks: &Locks,
    budget: &Budget,
    control: &dyn Control,
) -> Outcome {
    let tidied = start.and_then(|start| tidy(problem, start, locks));
    let start = tidied.as_ref().or(start);
    if let Some(ordered) = order::Ordered::of(problem, start, locks) {
        let outcome = search(&ordered.problem, ordered.start.as_ref(), &ordered.locks, budget, control);
        return ordered.back(problem, locks, outcome);
    }
    search(problem, start, locks, budget, control)
}

fn search(
    problem: &Problem,
    start: Option<&Solution>,
    locks: &Locks,
    budget: &Budget,
    control: &dyn Control,
) -> Outcome {
    let net = Net::new(problem, start, locks);
    let run = Run { net: &net, start, budget, control };
    // Reloads that locked visits keep beyond the trips allowed are known to the full kernel alone.
    let reloads = start.is_some_and(|s| s.routes.iter().any(|r| r.visits.iter().any(is_reload)));
    if reloads || !locks.prefixes.is_empty() || !lean::suits(problem) {
        return match Profiles::of(problem.profiles(), &net.point_list) {
            Profiles::Narrow(arcs) => run.go(|| full::Full::new(&net, &arcs)),
            Profiles::Wide(arcs) => run.go(|| full::Full::new(&net, &arcs)),
        };
    }
    let (times, both) = (lean::has_times(problem), lean::has_pickups(problem));
    match (times, both) {
        (false, _) => with_ways!(&net.arcs, a => if both {
            run.go(|| lean::Lean::<_, false, true>::new(&net, a))
        } else {
            run.go(|| lean::Lean::<_, false, false>::new(&net, a))
        }),
        (true, false) => with_arcs!(&net.arcs, a => run.go(|| lean::Lean::<_, true, false>::new(&net, a))),
        (true, true) => with_arcs!(&net.arcs, a => run.go(|| lean::Lean::<_, true, true>::new(&net, a))),
    }
}

fn is_reload(visit: &Visit) -> bool {
    matches!(visit, Visit::Reload(_))
}

/// A start without what the problem does not have, or has once, if there is any such in it. Reloads beyond the trips
/// of a vehicle go too, but not among visits that are over nor before a job that is locked: there they stay and show.
fn tidy(problem: &Problem, start: &Solution, locks: &Locks) -> Option<Solution> {
    let mut seen = vec![false; problem.jobs().len()];
    let mut seen_vehicles = std::collections::BTreeSet::new();
    let mut odd = false;
    let mut routes = Vec::with_capacity(start.routes.len());
    for route in &start.routes {
        if route.vehicle.0 >= problem.vehicles() || !seen_vehicles.insert(route.vehicle) {
            odd = true;
            continue;
        }
        let kind = problem.vehicle(route.vehicle);
        let over = locks.prefix(route.vehicle).map_or(0, |p| p.visits);
        let locked = |v: &Visit| matches!(v, Visit::Job(j) if locks.of(*j) != JobLock::Free);
        let bound = route.visits.iter().rposition(locked).map_or(0, |at| at + 1).max(over);
        let mut trips = 1;
        let mut known = |&(at, visit): &(usize, &Visit)| match *visit {
            Visit::Job(job) => seen.get_mut(job.index()).is_some_and(|seen| !std::mem::replace(seen, true)),
            Visit::Reload(which) => {
                trips += 1;
                (which as usize) < kind.reloads.len() && (trips <= kind.max_trips || at < bound)
            }
        };
        let visits = route.visits.iter().enumerate().filter(&mut known);
        let visits: Vec<Visit> = visits.map(|(_, visit)| *visit).collect();
        odd |= visits.len() < route.visits.len();
        routes.push(Route { vehicle: route.vehicle, visits });
    }
    odd.then(|| Solution::of(problem, routes))
}
