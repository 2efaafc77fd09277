//! What a search may not change in the plan that it starts from.

use crate::problem::{JobId, PlaceId, VehicleId};

/// How far a job of the starting plan is fixed. A job that the starting plan does not serve is always free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobLock {
    /// May move anywhere.
    #[default]
    Free,
    /// Stays on its vehicle, in any order and trip; it may be left out only if its vehicle cannot serve it.
    FixedVehicle,
    /// Stays on its vehicle, in its order among the other jobs locked so. Other jobs may come between.
    FixedOrder,
    /// Already made. Use it for the visits of a [`Prefix`]; elsewhere it means `FixedOrder`.
    Done,
}

/// The part of a vehicle's day that is over: its first `visits` visits of the starting plan stay, nothing comes
/// between them, and the vehicle is free at `place` at `time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Whose day.
    pub vehicle: VehicleId,
    /// How many visits, reloads counted, are over.
    pub visits: usize,
    /// Where the vehicle is free to turn to the next visit.
    pub place: PlaceId,
    /// When.
    pub time: i64,
    /// Whether the current trip has been loaded and left: then goods for further deliveries come only with the
    /// next trip, and goods aboard stay aboard (jobs that the current trip delivers stay on this vehicle).
    pub departed: bool,
}

/// All locks of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locks {
    /// By [`JobId`]; a shorter list leaves the rest free.
    pub jobs: Vec<JobLock>,
    /// At most one a vehicle.
    pub prefixes: Vec<Prefix>,
}

impl Locks {
    /// Nothing is locked.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The lock of a job.
    #[must_use]
    pub fn of(&self, job: JobId) -> JobLock {
        self.jobs.get(job.index()).copied().unwrap_or_default()
    }

    /// Locks a job.
    pub fn set(&mut self, job: JobId, lock: JobLock) {
        if self.jobs.len() <= job.index() {
            self.jobs.resize(job.index() + 1, JobLock::Free);
        }
        self.jobs[job.index()] = lock;
    }

    /// The frozen part of a vehicle's day.
    #[must_use]
    pub fn prefix(&self, vehicle: VehicleId) -> Option<&Prefix> {
        self.prefixes.iter().find(|p| p.vehicle == vehicle)
    }
}
