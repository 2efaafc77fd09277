//! The cost of a plan, term by term.

use crate::locks::Locks;
use crate::problem::{Problem, VehicleId};
use crate::schedule::{Breach, Scheduler};
use crate::solution::{Solution, Visit};
use std::collections::BTreeSet;

/// Every term of the objective, in the caller's money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Vehicles used.
    pub fixed: i64,
    /// Way.
    pub distance: i64,
    /// Time of the day.
    pub time: i64,
    /// Time beyond the normal day.
    pub overtime: i64,
    /// Soft windows missed.
    pub soft: i64,
    /// Jobs on vehicles other than those wished for.
    pub preference: i64,
    /// Groups on several vehicles.
    pub groups: i64,
    /// Uneven days.
    pub balance: i64,
    /// Optional jobs left out.
    pub prizes: i64,
}

impl Cost {
    /// All terms together.
    #[must_use]
    pub fn total(&self) -> i64 {
        let terms = [
            self.fixed,
            self.distance,
            self.time,
            self.overtime,
            self.soft,
            self.preference,
            self.groups,
            self.balance,
            self.prizes,
        ];
        terms.into_iter().fold(0, i64::saturating_add)
    }

    fn add(&mut self, other: &Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.distance = self.distance.saturating_add(other.distance);
        self.time = self.time.saturating_add(other.time);
        self.overtime = self.overtime.saturating_add(other.overtime);
        self.soft = self.soft.saturating_add(other.soft);
        self.preference = self.preference.saturating_add(other.preference);
        self.groups = self.groups.saturating_add(other.groups);
        self.balance = self.balance.saturating_add(other.balance);
        self.prizes = self.prizes.saturating_add(other.prizes);
    }
}

/// What a plan amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// Its cost by term.
    pub cost: Cost,
    /// Jobs left out that must be served.
    pub missing: usize,
    /// Vehicles in use.
    pub vehicles: usize,
    /// Distance of all routes.
    pub distance: i64,
    /// Rules broken, by vehicle.
    pub breaches: Vec<(VehicleId, Breach)>,
}

impl Evaluation {
    /// Whether no rule is broken and nothing that must be served is left out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.breaches.is_empty() && self.missing == 0
    }
}

/// Evaluates a plan exactly.
///
/// ```
/// use xiangyun_solver::{cost::evaluate, locks::Locks, problem::*, solution::*};
/// let mut b = ProblemBuilder::new(&["kg"]);
/// b.profile(Matrix::shared(2, vec![0, 4, 4, 0]).expect("2 x 2"));
/// b.vehicles(VehicleKind { fixed: 10, ..VehicleKind::at(PlaceId(0), 1, vec![5]) });
/// let job = b.job(Job { delivery: vec![6], ..Job::at(PlaceId(1)) });
/// let p = b.build().expect("sound");
/// let plan = Solution::of(&p, vec![Route { vehicle: VehicleId(0), visits: vec![Visit::Job(job)] }]);
/// let e = evaluate(&p, &plan, &Locks::none());
/// assert_eq!((e.cost.total(), e.breaches.len()), (18, 1)); // 10 + 4 + 4, and one too heavy
/// ```
#[must_use]
pub fn evaluate(problem: &Problem, solution: &Solution, locks: &Locks) -> Evaluation {
    let mut scheduler = Scheduler::default();
    let mut all = Evaluation { vehicles: solution.routes.len(), ..Evaluation::default() };
    let mut groups = BTreeSet::new();
    for route in &solution.routes {
        let report = scheduler.route(problem, route.vehicle, &route.visits, locks.prefix(route.vehicle));
        all.cost.add(&report.cost);
        all.distance += report.distance;
        all.breaches.extend(report.breaches.iter().map(|&b| (route.vehicle, b)));
        for visit in &route.visits {
            if let Visit::Job(id) = visit
                && let Some(group) = problem.jobs()[id.index()].group
            {
                groups.insert(group);
            }
        }
    }
    // A group pays for each vehicle beyond the first.
    all.cost.groups -= groups.iter().map(|&g| problem.group_price(g)).sum::<i64>();
    for &job in &solution.unassigned {
        match problem.jobs()[job.index()].prize {
            Some(prize) => all.cost.prizes += prize,
            None => all.missing += 1,
        }
    }
    all
}
