//! Saving vehicles: a route is given up, its jobs wait, and jobs that wait often count more, until all have found a
//! place (sums of absences; Christiaens and Vanden Berghe 2020).

use super::eval::Eval;
use super::walk::Walk;

/// Up to so many jobs the whole plan is near, and order is left to chance.
const SMALL: usize = 30;

impl<E: Eval> Walk<'_, E> {
    /// Makes the whole plan anew with vehicles of one class, others only when it has no more. Job by job the cheapest
    /// vehicle looks best, and a few large ones may serve all for less. Begins an iteration, which the caller keeps or
    /// rejects.
    pub(super) fn make_anew(&mut self, class: usize) {
        self.links.begin();
        for r in 0..self.net.slots.len() as u32 {
            if self.links.routes[r as usize].size > 0 {
                self.clear_route_of(r);
            }
        }
        self.refresh_changed();
        self.class = Some(class);
        self.recreate();
        self.class = None;
    }

    /// Gives up the used route whose jobs were absent least; false if every route holds something pinned.
    pub(super) fn give_up_route(&mut self) -> bool {
        let mut least: Option<(u64, u32)> = None;
        for r in 0..self.net.slots.len() as u32 {
            if self.links.routes[r as usize].size == 0 {
                continue;
            }
            let jobs = || self.links.nodes(r).filter(|&v| v < self.links.jobs);
            let bound = |v: u32| self.net.pinned[v as usize] || self.net.only[v as usize] == r;
            if jobs().any(bound) {
                continue;
            }
            let sum: u64 = jobs().map(|v| u64::from(self.absences[v as usize])).sum();
            if least.is_none_or(|(s, _)| sum < s) {
                least = Some((sum, r));
            }
        }
        let Some((_, r)) = least else { return false };
        self.links.begin();
        self.clear_route_of(r);
        self.refresh_changed();
        self.keep();
        self.fleet = self.links.used;
        true
    }

    fn waiting(&self) -> u64 {
        self.links.absent.iter().map(|&j| 1 + u64::from(self.absences[j as usize])).sum()
    }

    /// One iteration that minds absences first; whether every job that must be served is.
    pub(super) fn fleet_step(&mut self, temperature: f64) -> bool {
        self.look_up_legs();
        let (waiting, cost) = (self.waiting(), self.links.cost);
        self.links.begin();
        // Half of the time near a job that waits: elsewhere no place for it becomes free.
        let many = self.net.jobs > SMALL;
        if many && !self.links.absent.is_empty() && self.rng.below(2) == 0 {
            let seed = self.links.absent[self.rng.below(self.links.absent.len())];
            self.ruin_around(seed);
        } else {
            self.ruin();
        }
        self.refresh_changed();
        self.absent_first = many && self.rng.below(4) == 0;
        self.recreate();
        self.absent_first = false;
        let now = self.waiting();
        let absent = self.links.absent.len();
        for i in 0..absent {
            let j = self.links.absent[i] as usize;
            self.absences[j] += 1;
        }
        let bound = cost as f64 - temperature * (1.0 - self.rng.unit()).ln();
        if now < waiting || now == waiting && (self.links.cost as f64) < bound {
            self.keep();
            // Fewer wait than in any plan so far: worth keeping even if not all are served.
            if self.absence().1 < self.best.missing {
                self.store();
            }
        } else {
            self.reject();
        }
        self.absence().1 == 0
    }
}
