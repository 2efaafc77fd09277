//! What is answered: which vehicle makes which visits, in which order, and which jobs are left out.

use crate::problem::{JobId, Problem, VehicleId};

/// One stop of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visit {
    /// A job.
    Job(JobId),
    /// Back for the next load, at this entry of the vehicle's `reloads`.
    Reload(u32),
}

/// The day of one vehicle, without its start and end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose day.
    pub vehicle: VehicleId,
    /// What it does, in order. Never empty.
    pub visits: Vec<Visit>,
}

impl Route {
    /// The jobs, in order, without reloads.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.visits.iter().filter_map(|v| if let Visit::Job(job) = v { Some(*job) } else { None })
    }
}

/// A plan: non-empty routes by vehicle, and the jobs left out, both in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solution {
    /// At most one route a vehicle.
    pub routes: Vec<Route>,
    /// Jobs that no route serves.
    pub unassigned: Vec<JobId>,
}

impl Solution {
    /// The plan made of these routes: empty ones dropped, sorted, with every other job of the problem unassigned.
    #[must_use]
    pub fn of(problem: &Problem, mut routes: Vec<Route>) -> Self {
        routes.retain(|r| !r.visits.is_empty());
        routes.sort_by_key(|r| r.vehicle);
        let mut served = vec![false; problem.jobs().len()];
        for job in routes.iter().flat_map(Route::jobs) {
            served[job.index()] = true;
        }
        let unassigned = (0..served.len()).filter(|&j| !served[j]).map(|j| JobId(j as u32)).collect();
        Self { routes, unassigned }
    }

    /// The route of a vehicle, if it has one.
    #[must_use]
    pub fn route(&self, vehicle: VehicleId) -> Option<&Route> {
        self.routes.iter().find(|r| r.vehicle == vehicle)
    }
}
