//! Changes verified by searching again with them.

use super::Effort;
use super::change::Change;
use crate::budget::Budget;
use crate::control::{Control, Progress};
use crate::cost::evaluate;
use crate::locks::Locks;
use crate::problem::{JobId, Objective, Problem};
use crate::search::solve;
use crate::solution::Solution;
use std::time::Duration;

/// Changes with which the search serves the job beside everything that the plan serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relaxation {
    /// One change, or several where one alone was not enough. Each is needed, and its amount the least with which the
    /// search succeeds.
    pub changes: Vec<Change>,
    /// What it adds to the cost of the plan, prizes apart; below 0 if the search saved more elsewhere.
    pub costs: i64,
}

/// Passes on the wish to stop, and nothing else: budgets are in steps.
struct Quiet<'a>(&'a dyn Control);

impl Control for Quiet<'_> {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn stopped(&self) -> bool {
        self.0.stopped()
    }

    fn improved(&self, _: &Progress) {}
}

pub(super) struct Relax<'a> {
    problem: Problem,
    plan: &'a Solution,
    locks: &'a Locks,
    effort: &'a Effort,
    control: Quiet<'a>,
    /// Cost of the plan without prizes.
    cost: i64,
    /// Rules that the locked part of the plan breaks by itself.
    broken: usize,
}

impl<'a> Relax<'a> {
    pub(super) fn new(
        problem: &Problem,
        plan: &'a Solution,
        locks: &'a Locks,
        effort: &'a Effort,
        control: &'a dyn Control,
        (job, partner): (JobId, Option<JobId>),
    ) -> Self {
        let now = evaluate(problem, plan, locks);
        let (cost, broken) = (now.cost.total() - now.cost.prizes, now.breaches.len());
        let mut problem = problem.clone();
        problem.objective = Objective::Cost;
        // All that is served must be, and this job; what else is left out stays out unless it comes for nothing.
        for at in problem.jobs.iter_mut() {
            at.prize = None;
        }
        for &left in plan.unassigned.iter().filter(|&&left| left != job && Some(left) != partner) {
            problem.jobs[left.index()].prize = Some(0);
        }
        Self { problem, plan, locks, effort, control: Quiet(control), cost, broken }
    }

    /// What serving the job adds to the cost under these changes; none if the search does not manage it.
    fn costs_with(&self, changes: &[Change]) -> Option<i64> {
        if self.control.stopped() {
            return None;
        }
        let (mut problem, mut plan, mut locks) =
            (self.problem.clone(), self.plan.clone(), self.locks.clone());
        for change in changes {
            change.make(&mut problem, &mut plan, &mut locks);
        }
        let budget = Budget::steps(self.effort.steps).seed(self.effort.seed);
        let found = solve(&problem, Some(&plan), &locks, &budget, &self.control).evaluation;
        (found.missing == 0 && found.breaches.len() <= self.broken).then(|| found.cost.total() - self.cost)
    }

    /// What serving the job adds to the cost without any change.
    pub(super) fn as_is(&self) -> Option<i64> {
        self.costs_with(&[])
    }

    /// The least amounts of each way, verified; the cheapest first. Ways of several changes count only where none of
    /// one change is left.
    pub(super) fn least(&self, ways: &[Vec<Change>]) -> Vec<Relaxation> {
        let mut found: Vec<Relaxation> = Vec::new();
        for way in ways {
            if found.len() >= self.effort.relaxations || self.control.stopped() {
                break;
            }
            let single = found.first().is_some_and(|first| first.changes.len() < way.len());
            if single {
                break;
            }
            if let Some(relaxation) = self.least_of(way) {
                found.push(relaxation);
            }
        }
        found.sort_by_key(|relaxation| relaxation.costs);
        found
    }

    fn least_of(&self, way: &[Change]) -> Option<Relaxation> {
        let mut changes = way.to_vec();
        let mut costs = self.costs_with(&changes)?;
        // A change without which it works too is none of the reasons.
        let mut at = 0;
        while changes.len() > 1 && at < changes.len() {
            let mut fewer = changes.clone();
            fewer.remove(at);
            match self.costs_with(&fewer) {
                Some(less) => (changes, costs) = (fewer, less),
                None => at += 1,
            }
        }
        for at in 0..changes.len() {
            let Some(most) = changes[at].by() else { continue };
            // The least amount that works lies above `low` and is at most `high`.
            let (mut low, mut high) = (0, most);
            while high - low > 1 && !self.control.stopped() {
                // Often the place seen first is the best there is: then one search with a unit less says so.
                let middle = if high == most { high - 1 } else { low + (high - low) / 2 };
                let mut less = changes.clone();
                less[at] = less[at].with(middle);
                match self.costs_with(&less) {
                    Some(cheaper) => (high, costs) = (middle, cheaper),
                    None => low = middle,
                }
            }
            changes[at] = changes[at].with(high);
        }
        Some(Relaxation { changes, costs })
    }
}
