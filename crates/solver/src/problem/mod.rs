//! What is asked: places, jobs, vehicles and their rules, checked once and immutable after.
//!
//! All numbers are integers in units of the caller's choice; readers scale. Time, distance, load and money may each
//! have their own unit, the same throughout one problem. Every value lies within 0 and [`VALUE_MAX`].
//!
//! # How a day runs
//! A route is a list of visits, in trips parted by reloads. Its times follow one rule, so that a plan has one
//! schedule: **finish as early as the visits allow, then start as late as that finish allows**, first for the whole
//! day, then within each trip. In detail:
//! - a trip's loading starts when the vehicle is there, its reload window is open and every `release` of the trip's
//!   jobs has passed; it takes `loading`; then the vehicle departs;
//! - service at a job starts at the first moment of a window at or after arrival, and takes `service`, plus `setup`
//!   when the visit before was at another place (or there was none);
//! - the day's duration runs from the start of the first loading to the arrival at the end;
//! - a rest ([`DrivingRule`]) is taken as late as the rule allows: before the leg that would exceed the limit, or in
//!   an earlier wait that was long enough; a leg longer than the limit is interrupted on the road;
//! - a clock break is taken at the first visit's end, or arrival, that lies in its window; if the next arrival
//!   would lie beyond the window the vehicle waits for the window; a day that ends before the window's end needs
//!   none.

mod build;
mod fault;
mod matrix;
mod types;

pub use build::{PRICE_MAX, ProblemBuilder};
pub use fault::Fault;
pub(crate) use matrix::Source;
pub use matrix::{Matrix, NO_WAY, Rounding, VALUE_MAX};
pub use types::*;

/// Most jobs in one problem.
pub const JOBS_MAX: usize = 200_000;
/// Most load dimensions.
pub const DIMENSIONS_MAX: usize = 16;
/// Most vehicles over all kinds.
pub const VEHICLES_MAX: u64 = 1_000_000;

/// A problem that has passed validation. Made by [`ProblemBuilder`].
#[derive(Clone, Debug)]
pub struct Problem {
    pub(crate) jobs: Vec<Job>,
    pub(crate) kinds: Vec<VehicleKind>,
    pub(crate) first_vehicle: Vec<u32>,
    pub(crate) profiles: Vec<Matrix>,
    pub(crate) dimensions: Vec<String>,
    pub(crate) conflicts: [u64; 64],
    pub(crate) group_prices: Vec<i64>,
    pub(crate) objective: Objective,
    pub(crate) backhaul: Backhaul,
}

impl Problem {
    /// The jobs, by [`JobId`].
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The kinds of vehicles, by [`KindId`].
    #[must_use]
    pub fn kinds(&self) -> &[VehicleKind] {
        &self.kinds
    }

    /// The matrices, by [`ProfileId`].
    #[must_use]
    pub fn profiles(&self) -> &[Matrix] {
        &self.profiles
    }

    /// Names of the load dimensions.
    #[must_use]
    pub fn dimensions(&self) -> &[String] {
        &self.dimensions
    }

    /// Number of places of every matrix.
    #[must_use]
    pub fn places(&self) -> usize {
        self.profiles[0].places()
    }

    /// Number of vehicles over all kinds.
    #[must_use]
    pub fn vehicles(&self) -> u32 {
        self.first_vehicle.last().copied().unwrap_or(0)
    }

    /// The kind of a vehicle.
    ///
    /// # Panics
    /// If there is no such vehicle.
    #[must_use]
    pub fn kind_of(&self, vehicle: VehicleId) -> KindId {
        assert!(vehicle.0 < self.vehicles(), "vehicle {} of {}", vehicle.0, self.vehicles());
        KindId((self.first_vehicle.partition_point(|&first| first <= vehicle.0) - 1) as u32)
    }

    /// The rules of a vehicle.
    #[must_use]
    pub fn vehicle(&self, vehicle: VehicleId) -> &VehicleKind {
        &self.kinds[self.kind_of(vehicle).index()]
    }

    /// The matrix of a vehicle.
    #[must_use]
    pub fn matrix_of(&self, vehicle: VehicleId) -> &Matrix {
        &self.profiles[self.vehicle(vehicle).profile.index()]
    }

    /// First vehicle of a kind.
    #[must_use]
    pub fn first_of(&self, kind: KindId) -> VehicleId {
        VehicleId(self.first_vehicle[kind.index()])
    }

    /// Goods classes that may not share a trip with any of `classes`.
    #[must_use]
    pub fn conflicting(&self, classes: u64) -> u64 {
        let (mut left, mut all) = (classes, 0);
        while left != 0 {
            all |= self.conflicts[left.trailing_zeros() as usize];
            left &= left - 1;
        }
        all
    }

    /// Price of each further vehicle of a group.
    #[must_use]
    pub fn group_price(&self, group: GroupId) -> i64 {
        self.group_prices[group.index()]
    }

    /// What ranks plans.
    #[must_use]
    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// How deliveries and pickups mix.
    #[must_use]
    pub fn backhaul(&self) -> Backhaul {
        self.backhaul
    }
}
