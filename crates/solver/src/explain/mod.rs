//! Why jobs stay, what would let them in, and what locks cost.
//!
//! For each job that a plan leaves out, [`unassigned`] says of every kind of vehicle what binds: what an empty vehicle
//! of the kind would already break, or else what the nearest place in its routes breaks. From those follow
//! [`Relaxation`]s: the least changes of one rule (or, where one is not enough, of several) with which the job is
//! served beside all that the plan serves. Nothing is claimed that was not done: a relaxation is kept only when the
//! search, started again with the rule so changed, serves the job; and it is least in that the search does not with one
//! unit less. [`lock_prices`] does the same for locks: the plan is searched again with one lock lifted.
//!
//! ```
//! use xiangyun_solver::{Budget, Locks, StepsOnly, explain, problem::*, solve};
//! let mut b = ProblemBuilder::new(&["kg"]);
//! b.profile(Matrix::shared(2, vec![0, 30, 30, 0]).expect("2 x 2"));
//! b.vehicles(VehicleKind::at(PlaceId(0), 1, vec![100]));
//! b.job(Job { delivery: vec![180], windows: vec![Window::new(0, 60)], ..Job::at(PlaceId(1)) });
//! let problem = b.build().expect("sound");
//! let plan = solve(&problem, None, &Locks::none(), &Budget::steps(10), &StepsOnly).solution;
//! let why = explain::unassigned(&problem, &plan, &Locks::none(), &explain::Effort::default(), &StepsOnly);
//! let change = &why[0].relaxations[0].changes[0];
//! assert_eq!(*change, explain::Change::Capacity { kind: KindId(0), dimension: 0, by: 80 }); // 80 kg more
//! ```

mod change;
pub mod document;
mod locks;
mod places;
mod relax;

pub use change::Change;
pub use locks::{LockPrice, lock_prices};
pub use relax::Relaxation;

use crate::control::Control;
use crate::locks::Locks;
use crate::problem::{JobId, KindId, Problem, Role};
use crate::schedule::Breach;
use crate::solution::Solution;

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Steps of each search that verifies something.
    pub steps: u64,
    /// Most relaxations verified of one job.
    pub relaxations: usize,
    /// Most jobs explained; those beyond get reasons but no relaxations.
    pub jobs: usize,
    /// Seed of the searches.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { steps: 400, relaxations: 4, jobs: 50, seed: 1 }
    }
}

/// Why vehicles of one kind do not take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A rule, by how much.
    Rule(Breach),
    /// Every vehicle of the kind has a route, and an empty one more would take it.
    AllInUse,
    /// The trips under way have been loaded without it.
    Locked,
    /// It fits, and costs more than leaving it out.
    Price {
        /// Cost of serving it.
        costs: i64,
        /// Price of leaving it out.
        prize: i64,
    },
    /// It fits; only the search has not put it there.
    Fits {
        /// Cost of serving it.
        costs: i64,
    },
}

/// What binds for one kind of vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindReason {
    /// Which kind.
    pub kind: KindId,
    /// Everything that binds at the nearest place, the rules in the order of the schedule.
    pub reasons: Vec<Reason>,
    /// Whether an empty vehicle of the kind breaks these already, whatever else the plan holds.
    pub alone: bool,
}

/// Why one job stays, and what would let it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The job; of a shipment its pickup.
    pub job: JobId,
    /// Other half of a shipment.
    pub partner: Option<JobId>,
    /// One entry for every kind of vehicle that there is one of.
    pub kinds: Vec<KindReason>,
    /// What the search adds to the cost when it must serve the job beside the rest, no rule changed; absent if it
    /// cannot.
    pub costs: Option<i64>,
    /// Verified changes, the cheapest plan first.
    pub relaxations: Vec<Relaxation>,
}

/// Explains every job that the plan leaves out, in the order of their ids; the halves of a shipment together.
///
/// Takes `effort.steps` for each thing verified, on one thread; stops verifying when `control` says so.
#[must_use]
pub fn unassigned(
    problem: &Problem,
    plan: &Solution,
    locks: &Locks,
    effort: &Effort,
    control: &dyn Control,
) -> Vec<Explanation> {
    let mut out = Vec::new();
    let mut finder = places::Finder::new(problem, plan, locks);
    for &job in &plan.unassigned {
        let partner = match problem.jobs()[job.index()].role {
            Role::DeliveryOf(_) => continue,
            Role::PickupFor(other) => Some(other),
            Role::Single => None,
        };
        let seen = finder.look(job, partner);
        let mut explanation =
            Explanation { job, partner, kinds: seen.kinds, costs: None, relaxations: Vec::new() };
        if out.len() < effort.jobs && !control.stopped() {
            let relax = relax::Relax::new(problem, plan, locks, effort, control, (job, partner));
            explanation.costs = relax.as_is();
            if explanation.costs.is_none() {
                explanation.relaxations = relax.least(&seen.ways);
            }
        }
        out.push(explanation);
    }
    out
}
