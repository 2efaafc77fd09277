//! What locks cost.

use super::Effort;
use crate::budget::Budget;
use crate::control::Control;
use crate::cost::Evaluation;
use crate::locks::{JobLock, Locks};
use crate::problem::{JobId, Objective, Problem};
use crate::search::solve;
use crate::solution::Solution;

/// What a lock costs, as far as the search finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockPrice {
    /// The locked job.
    pub job: JobId,
    /// Which lock.
    pub lock: JobLock,
    /// By how much the plan becomes cheaper when this lock alone is lifted; at least 0. Of plans that then serve
    /// more, or use fewer vehicles where these come first, see the next two.
    pub saves: i64,
    /// Jobs that must be served and are only without the lock.
    pub serves: usize,
    /// Vehicles that are only needed with the lock, where fewest vehicles come first.
    pub vehicles: usize,
}

/// Searches the plan again with each lock lifted, one at a time, and once with all kept, which is what they are
/// compared with. Jobs within a frozen prefix are over and have no price; locks of jobs that the plan does not serve
/// bind nothing.
#[must_use]
pub fn lock_prices(
    problem: &Problem,
    plan: &Solution,
    locks: &Locks,
    effort: &Effort,
    control: &dyn Control,
) -> Vec<LockPrice> {
    let search = |locks: &Locks| {
        let budget = Budget::steps(effort.steps).seed(effort.seed);
        solve(problem, Some(plan), locks, &budget, control).evaluation
    };
    let few = problem.objective() == Objective::VehiclesThenCost;
    let rank = |e: &Evaluation| (e.missing, if few { e.vehicles } else { 0 }, e.cost.total());
    let mut prices = Vec::new();
    let mut kept: Option<Evaluation> = None;
    for route in &plan.routes {
        let over = locks.prefix(route.vehicle).map_or(0, |prefix| prefix.visits);
        for visit in route.visits.iter().skip(over) {
            let crate::solution::Visit::Job(job) = *visit else { continue };
            let lock = locks.of(job);
            if lock == JobLock::Free || control.stopped() {
                continue;
            }
            let kept = kept.get_or_insert_with(|| search(locks));
            let mut lifted = locks.clone();
            lifted.set(job, JobLock::Free);
            let free = search(&lifted);
            // The search with a lock less may by chance find less: then the lock costs nothing that we know of.
            let better = rank(&free) < rank(kept);
            let less = |with: usize, without: usize| if better { with.saturating_sub(without) } else { 0 };
            prices.push(LockPrice {
                job,
                lock,
                saves: if better { (kept.cost.total() - free.cost.total()).max(0) } else { 0 },
                serves: less(kept.missing, free.missing),
                vehicles: if few { less(kept.vehicles, free.vehicles) } else { 0 },
            });
        }
    }
    prices.sort_by_key(|price| price.job);
    prices
}
