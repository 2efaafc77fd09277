//! Jobs in an order in which neighbours by place are neighbours by number.
//!
//! The search reads the rows of the matrix and the state of stops mostly for jobs near to each other. Numbered along
//! a curve through the plane, or a chain of nearest places, these lie in few lines of the processor's caches; in the
//! order of a file they do not, and most of the time goes into waiting for memory.

use crate::cost::evaluate;
use crate::locks::Locks;
use crate::problem::{JobId, Problem, Role, Source};
use crate::search::Outcome;
use crate::solution::{Route, Solution, Visit};

/// From so many jobs on it is worth it.
const JOBS_MIN: usize = 64;
/// Most jobs ordered by comparing all pairs.
const CHAIN_MAX: usize = 3000;

/// A problem with its jobs renumbered.
pub(super) struct Ordered {
    pub(super) problem: Problem,
    pub(super) locks: Locks,
    pub(super) start: Option<Solution>,
    /// Old number by new number.
    old: Vec<u32>,
}

impl Ordered {
    /// The problem renumbered, if that helps.
    pub(super) fn of(problem: &Problem, start: Option<&Solution>, locks: &Locks) -> Option<Self> {
        let old = order(problem)?;
        let mut new = vec![0u32; old.len()];
        for (at, &job) in old.iter().enumerate() {
            new[job as usize] = at as u32;
        }
        let to_new = |job: JobId| JobId(new[job.index()]);
        let mut renumbered = problem.clone();
        renumbered.jobs = old
            .iter()
            .map(|&job| {
                let mut job = problem.jobs[job as usize].clone();
                job.role = match job.role {
                    Role::Single => Role::Single,
                    Role::PickupFor(other) => Role::PickupFor(to_new(other)),
                    Role::DeliveryOf(other) => Role::DeliveryOf(to_new(other)),
                };
                job
            })
            .collect();
        let mut own = Locks { jobs: Vec::new(), prefixes: locks.prefixes.clone() };
        if !locks.jobs.is_empty() {
            own.jobs = old.iter().map(|&job| locks.of(JobId(job))).collect();
        }
        let start = start.map(|s| mapped(&renumbered, s, to_new));
        Some(Self { problem: renumbered, locks: own, start, old })
    }

    /// The outcome in the numbers of `problem`.
    pub(super) fn back(&self, problem: &Problem, locks: &Locks, outcome: Outcome) -> Outcome {
        let solution = mapped(problem, &outcome.solution, |job| JobId(self.old[job.index()]));
        let evaluation = evaluate(problem, &solution, locks);
        Outcome { solution, evaluation, ..outcome }
    }
}

fn mapped(problem: &Problem, plan: &Solution, to: impl Fn(JobId) -> JobId) -> Solution {
    let visit = |v: &Visit| match *v {
        Visit::Job(job) => Visit::Job(to(job)),
        reload @ Visit::Reload(_) => reload,
    };
    let route = |r: &Route| Route { vehicle: r.vehicle, visits: r.visits.iter().map(visit).collect() };
    Solution::of(problem, plan.routes.iter().map(route).collect())
}

/// Old number by new number; none where renumbering is not worth it.
fn order(problem: &Problem) -> Option<Vec<u32>> {
    let jobs = problem.jobs.len();
    if jobs < JOBS_MIN {
        return None;
    }
    if let Source::Plane { points, .. } = &problem.profiles[0].source {
        let at: Vec<(f64, f64)> = problem.jobs.iter().map(|j| points[j.place.index()]).collect();
        return Some(along_curve(&at));
    }
    (jobs <= CHAIN_MAX).then(|| chain(problem))
}

/// Along a Hilbert curve over the points' square.
fn along_curve(points: &[(f64, f64)]) -> Vec<u32> {
    let fold = |f: fn(f64, f64) -> f64, start: f64, pick: fn(&(f64, f64)) -> f64| {
        points.iter().map(pick).fold(start, f)
    };
    let (x0, x1) = (fold(f64::min, f64::MAX, |p| p.0), fold(f64::max, f64::MIN, |p| p.0));
    let (y0, y1) = (fold(f64::min, f64::MAX, |p| p.1), fold(f64::max, f64::MIN, |p| p.1));
    let side = (x1 - x0).max(y1 - y0).max(f64::MIN_POSITIVE);
    let cell = |v: f64, from: f64| (((v - from) / side) * 65_535.0) as u32;
    let mut keyed: Vec<(u64, u32)> =
        (0..).zip(points).map(|(i, p)| (hilbert(cell(p.0, x0), cell(p.1, y0)), i)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|k| k.1).collect()
}

/// Place of a cell of the 65,536 x 65,536 grid on the Hilbert curve.
fn hilbert(mut x: u32, mut y: u32) -> u64 {
    let mut at = 0u64;
    let mut side = 1u32 << 15;
    while side > 0 {
        let (right, upper) = (u32::from(x & side > 0), u32::from(y & side > 0));
        at += u64::from(side) * u64::from(side) * u64::from((3 * right) ^ upper);
        if upper == 0 {
            if right == 1 {
                x = 65_535 - x;
                y = 65_535 - y;
            }
            std::mem::swap(&mut x, &mut y);
        }
        side /= 2;
    }
    at
}

/// From the first job always on to the nearest that is left.
fn chain(problem: &Problem) -> Vec<u32> {
    let matrix = &problem.profiles[0];
    let place = |job: u32| problem.jobs[job as usize].place.index();
    let mut left: Vec<u32> = (1..problem.jobs.len() as u32).collect();
    let mut list = vec![0u32];
    while !left.is_empty() {
        let here = place(list[list.len() - 1]);
        let way = |&(_, &job): &(usize, &u32)| (matrix.distance(here, place(job)), job);
        let Some((at, &job)) = left.iter().enumerate().min_by_key(way) else { break };
        list.push(job);
        left.swap_remove(at);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_visits_every_cell_once_and_steps_to_neighbours() {
        let cells: Vec<(f64, f64)> = (0..64).map(|i| (f64::from(i % 8), f64::from(i / 8))).collect();
        let list = along_curve(&cells);
        let mut seen = list.clone();
        seen.sort_unstable();
        assert_eq!(seen, (0..64).collect::<Vec<u32>>());
        for pair in list.windows(2) {
            let (a, b) = (cells[pair[0] as usize], cells[pair[1] as usize]);
            assert!((a.0 - b.0).abs() + (a.1 - b.1).abs() <= 1.0, "{a:?} to {b:?}");
        }
    }
}
