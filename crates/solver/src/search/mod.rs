//! The search: [`solve`].

use crate::budget::Budget;
use crate::control::{Control, Progress};
use crate::cost::{Evaluation, evaluate};
use crate::locks::Locks;
use crate::problem::{JobId, Problem, Role, VehicleId};
use crate::schedule::Scheduler;
use crate::solution::{Route, Solution, Visit};

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
    let _ = (budget, control);
    let mut routes: Vec<Route> = start.map(|s| s.routes.clone()).unwrap_or_default();
    let mut scheduler = Scheduler::default();
    let mut steps = 0;
    for id in (0..problem.jobs().len() as u32).map(JobId) {
        if routes.iter().any(|r| r.jobs().any(|j| j == id)) {
            continue;
        }
        steps += 1;
        insert_cheapest(problem, locks, &mut scheduler, &mut routes, id);
    }
    let solution = Solution::of(problem, routes);
    let evaluation = evaluate(problem, &solution, locks);
    let last = Progress {
        steps,
        cost: evaluation.cost.total(),
        missing: evaluation.missing,
        vehicles: evaluation.vehicles,
    };
    Outcome { solution, evaluation, iterations: steps, history: vec![last] }
}

/// Puts a job, with its partner, where it costs least without a breach.
fn insert_cheapest(
    problem: &Problem,
    locks: &Locks,
    scheduler: &mut Scheduler,
    routes: &mut Vec<Route>,
    id: JobId,
) {
    let partner = match problem.jobs()[id.index()].role {
        Role::DeliveryOf(_) => return,
        Role::PickupFor(other) => Some(other),
        Role::Single => None,
    };
    let mut best: Option<(i64, Route)> = None;
    let mut tried_empty = vec![false; problem.kinds().len()];
    for vehicle in (0..problem.vehicles()).map(VehicleId) {
        let old = routes.iter().find(|r| r.vehicle == vehicle).map(|r| r.visits.clone()).unwrap_or_default();
        if old.is_empty() && std::mem::replace(&mut tried_empty[problem.kind_of(vehicle).index()], true) {
            continue;
        }
        let prefix = locks.prefix(vehicle);
        let before = scheduler.route(problem, vehicle, &old, prefix).cost.total();
        for i in prefix.map_or(0, |p| p.visits)..=old.len() {
            for j in i..=partner.map_or(i, |_| old.len()) {
                let mut visits = old.clone();
                if let Some(partner) = partner {
                    visits.insert(j, Visit::Job(partner));
                }
                visits.insert(i, Visit::Job(id));
                let report = scheduler.route(problem, vehicle, &visits, prefix);
                let delta = report.cost.total() - before;
                if report.breaches.is_empty() && best.as_ref().is_none_or(|(least, _)| delta < *least) {
                    best = Some((delta, Route { vehicle, visits }));
                }
            }
        }
    }
    if let Some((_, route)) = best {
        routes.retain(|r| r.vehicle != route.vehicle);
        routes.push(route);
    }
}
