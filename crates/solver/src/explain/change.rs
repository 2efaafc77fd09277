//! One change of one rule, as a value: what it is, by how much, and how the problem looks with it.

use crate::locks::Locks;
use crate::problem::{JobId, KindId, Problem, VALUE_MAX, VehicleId};
use crate::schedule::Breach;
use crate::solution::Solution;

/// A change of one rule. Amounts are in the problem's own units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The last window of a job closes later.
    WindowEnd {
        /// Whose window.
        job: JobId,
        /// How much later.
        by: i64,
    },
    /// The vehicles hold more in one dimension, whatever their layout.
    Capacity {
        /// Which vehicles.
        kind: KindId,
        /// Load dimension.
        dimension: usize,
        /// How much more.
        by: i64,
    },
    /// The shift ends later.
    ShiftEnd {
        /// Which vehicles.
        kind: KindId,
        /// How much later.
        by: i64,
    },
    /// Loading may start later: the windows of the vehicles' reloads, and their shift.
    LoadingEnd {
        /// Which vehicles.
        kind: KindId,
        /// How much later.
        by: i64,
    },
    /// The day may be longer.
    Duration {
        /// Which vehicles.
        kind: KindId,
        /// How much longer.
        by: i64,
    },
    /// The way may be longer.
    Distance {
        /// Which vehicles.
        kind: KindId,
        /// How much longer.
        by: i64,
    },
    /// More visits in a day.
    Stops {
        /// Which vehicles.
        kind: KindId,
        /// How many more.
        by: i64,
    },
    /// One more trip in a day.
    Trip {
        /// Which vehicles.
        kind: KindId,
    },
    /// Goods stay aboard longer.
    OnBoard {
        /// Whose goods.
        job: JobId,
        /// How much longer.
        by: i64,
    },
    /// The vehicles gain the skills that the job asks for.
    Skill {
        /// Which vehicles.
        kind: KindId,
        /// Whose demand.
        job: JobId,
    },
    /// The goods of a job ride together with any other.
    Mix {
        /// Whose goods.
        job: JobId,
    },
    /// One more vehicle.
    Vehicle {
        /// Of which kind.
        kind: KindId,
    },
}

impl Change {
    /// The change that lifts a breach on a vehicle of a kind; none where no amount of anything does.
    pub(super) fn lifting(problem: &Problem, breach: Breach, kind: KindId) -> Option<Self> {
        Some(match breach {
            Breach::Capacity { dimension, excess } => Self::Capacity { kind, dimension, by: excess },
            Breach::Late { job, by } => Self::WindowEnd { job, by },
            Breach::ReloadLate { by } => Self::LoadingEnd { kind, by },
            Breach::ShiftEnd { by } => Self::ShiftEnd { kind, by },
            Breach::Skill { job } => Self::Skill { kind, job },
            Breach::Classes { job } => Self::Mix { job },
            Breach::OnBoard { job, by } => Self::OnBoard { job, by },
            Breach::Duration { by } => Self::Duration { kind, by },
            Breach::Distance { by } => Self::Distance { kind, by },
            Breach::Stops { by } => Self::Stops { kind, by },
            Breach::Trips if !problem.kinds()[kind.index()].reloads.is_empty() => Self::Trip { kind },
            Breach::Trips | Breach::NoWay | Breach::Pair { .. } | Breach::Backhaul { .. } | Breach::Break => {
                return None;
            }
        })
    }

    /// How much, for changes that have an amount.
    #[must_use]
    pub fn by(&self) -> Option<i64> {
        match *self {
            Self::WindowEnd { by, .. }
            | Self::Capacity { by, .. }
            | Self::ShiftEnd { by, .. }
            | Self::LoadingEnd { by, .. }
            | Self::Duration { by, .. }
            | Self::Distance { by, .. }
            | Self::Stops { by, .. }
            | Self::OnBoard { by, .. } => Some(by),
            Self::Trip { .. } | Self::Skill { .. } | Self::Mix { .. } | Self::Vehicle { .. } => None,
        }
    }

    /// The same change by another amount.
    #[must_use]
    pub(super) fn with(self, amount: i64) -> Self {
        let mut other = self;
        match &mut other {
            Self::WindowEnd { by, .. }
            | Self::Capacity { by, .. }
            | Self::ShiftEnd { by, .. }
            | Self::LoadingEnd { by, .. }
            | Self::Duration { by, .. }
            | Self::Distance { by, .. }
            | Self::Stops { by, .. }
            | Self::OnBoard { by, .. } => *by = amount,
            Self::Trip { .. } | Self::Skill { .. } | Self::Mix { .. } | Self::Vehicle { .. } => {}
        }
        other
    }

    /// Makes the change in a problem, and in the plan and locks that speak of its vehicles.
    pub(super) fn make(&self, problem: &mut Problem, plan: &mut Solution, locks: &mut Locks) {
        let later = |to: &mut i64, by: i64| *to = to.saturating_add(by).min(VALUE_MAX);
        match *self {
            Self::WindowEnd { job, by } => {
                if let Some(window) = problem.jobs[job.index()].windows.last_mut() {
                    later(&mut window.to, by);
                }
            }
            Self::Capacity { kind, dimension, by } => {
                for layout in &mut problem.kinds[kind.index()].layouts {
                    layout.resize(layout.len().max(dimension + 1), 0);
                    later(&mut layout[dimension], by);
                }
            }
            Self::ShiftEnd { kind, by } => later(&mut problem.kinds[kind.index()].shift.to, by),
            Self::LoadingEnd { kind, by } => {
                let kind = &mut problem.kinds[kind.index()];
                later(&mut kind.shift.to, by);
                kind.reloads.iter_mut().for_each(|reload| later(&mut reload.window.to, by));
            }
            Self::Duration { kind, by } => {
                if let Some(most) = &mut problem.kinds[kind.index()].max_duration {
                    later(most, by);
                }
            }
            Self::Distance { kind, by } => {
                if let Some(most) = &mut problem.kinds[kind.index()].max_distance {
                    later(most, by);
                }
            }
            Self::Stops { kind, by } => {
                if let Some(most) = &mut problem.kinds[kind.index()].max_stops {
                    *most = most.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
                }
            }
            Self::Trip { kind } => problem.kinds[kind.index()].max_trips += 1,
            Self::OnBoard { job, by } => {
                let partner = match problem.jobs[job.index()].role {
                    crate::problem::Role::DeliveryOf(other) | crate::problem::Role::PickupFor(other) => {
                        Some(other)
                    }
                    crate::problem::Role::Single => None,
                };
                for job in std::iter::once(job).chain(partner) {
                    if let Some(most) = &mut problem.jobs[job.index()].max_on_board {
                        later(most, by);
                    }
                }
            }
            Self::Skill { kind, job } => {
                problem.kinds[kind.index()].skills |= problem.jobs[job.index()].skills;
            }
            Self::Mix { job } => problem.jobs[job.index()].classes = 0,
            Self::Vehicle { kind } => one_more(problem, plan, locks, kind),
        }
    }
}

/// One more vehicle of a kind: the vehicles of later kinds move up by one.
fn one_more(problem: &mut Problem, plan: &mut Solution, locks: &mut Locks, kind: KindId) {
    let first_later = problem.first_vehicle[kind.index() + 1];
    let moved = |vehicle: &mut VehicleId| vehicle.0 += u32::from(vehicle.0 >= first_later);
    problem.kinds[kind.index()].count += 1;
    for first in &mut problem.first_vehicle[kind.index() + 1..] {
        *first += 1;
    }
    for prefer in problem.jobs.iter_mut().filter_map(|job| job.prefer.as_mut()) {
        prefer.vehicles.iter_mut().for_each(moved);
    }
    plan.routes.iter_mut().for_each(|route| moved(&mut route.vehicle));
    locks.prefixes.iter_mut().for_each(|prefix| moved(&mut prefix.vehicle));
}
