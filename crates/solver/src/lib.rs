//! The rich vehicle routing problem: jobs with loads in both directions, vehicles of many kinds, every rule that a
//! county's rounds need, and a search that finds good plans fast.
//!
//! It promises: a plan that breaks no rule, at any moment it is stopped; the same bytes for the same problem, seed,
//! steps and threads. It never reads a clock, a file or a road network: the caller gives matrices and a [`Control`].
//!
//! ```
//! use xiangyun_solver::{Budget, Locks, StepsOnly, problem::*, solve};
//! let mut b = ProblemBuilder::new(&["kg"]);
//! b.profile(Matrix::shared(3, vec![0, 4, 5, 4, 0, 3, 5, 3, 0]).expect("3 x 3"));
//! b.vehicles(VehicleKind::at(PlaceId(0), 2, vec![10]));
//! b.job(Job { delivery: vec![6], pickup: vec![2], ..Job::at(PlaceId(1)) });
//! b.job(Job { delivery: vec![4], pickup: vec![7], ..Job::at(PlaceId(2)) });
//! let problem = b.build().expect("a sound problem");
//! let outcome = solve(&problem, None, &Locks::none(), &Budget::steps(1000), &StepsOnly);
//! assert_eq!(outcome.evaluation.cost.total(), 12); // 0 → 1 → 2 → 0, or back
//! ```

pub mod budget;
pub mod check;
pub mod control;
pub mod cost;
pub mod explain;
pub mod io;
pub mod locks;
pub mod problem;
pub mod schedule;
mod search;
pub mod solution;

pub use budget::Budget;
pub use control::{Control, Progress, StepsOnly};
pub use cost::{Cost, Evaluation, evaluate};
pub use locks::{JobLock, Locks, Prefix};
pub use problem::Problem;
pub use search::{Outcome, solve};
pub use solution::{Route, Solution, Visit};
