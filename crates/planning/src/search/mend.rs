//! The search of the dawn: the evening's trips with the goods that are there, then better within a budget of villages
//! that may change van.

use super::kept::Kept;
use super::{Candidate, Chance, EPOCHS, Effort, Search, Share};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::{SiteId, VehicleId};
use xiangyun_solver::Control;

/// Passes in which rounds and trunk hear of each other before anything is changed.
const PASSES: u64 = 3;
/// Part of the effort for them, in hundredths.
const FIRST_PERCENT: u64 = 20;
/// Sweeps of what is left at most.
const SWEEPS_MOST: usize = 6;
/// Highest price accepted at the start, in millionths of the plan's cost.
const HEAT_PPM: i64 = 600;

/// What the changes of a dawn are held against.
struct Bounds {
    vans: BTreeMap<SiteId, BTreeSet<VehicleId>>,
    frozen: Vec<(VehicleId, Vec<Vec<SiteId>>)>,
}

impl Search<'_> {
    /// Mends: from `start`, or from the evening's trips themselves.
    #[must_use]
    pub fn mend(&self, start: Option<Candidate>, effort: &Effort, control: &dyn Control) -> Candidate {
        let Some(kept) = &self.kept else { return self.run(effort, control) };
        let threads = effort.threads.clamp(1, crate::limits::THREADS_MAX);
        let mut used = 0;
        let mut best = match start {
            Some(plan) => plan,
            None => self.laid(kept, effort, control, &mut used),
        };
        let bounds = Bounds { vans: kept.vans(), frozen: self.places_of(&best, &kept.frozen) };
        used += self.fetch_all(kept, &bounds, &mut best, effort, control);
        let begun = control.elapsed();
        for epoch in 0..EPOCHS {
            let share = Share {
                steps: effort.steps.map(|all| all.saturating_sub(used) / EPOCHS / threads as u64),
                until: effort
                    .time
                    .map(|all| begun + all.saturating_sub(begun) * (epoch as u32 + 1) / EPOCHS as u32),
                progress_permille: (1000 * epoch / EPOCHS) as i64,
            };
            let found: Vec<Candidate> = std::thread::scope(|scope| {
                let climb = |t: u64| {
                    let (best, share, bounds) = (&best, &share, &bounds);
                    move || self.mend_on(kept, bounds, best, share, effort.seed, epoch * 64 + t, control)
                };
                let others: Vec<_> = (1..threads as u64).map(|t| scope.spawn(climb(t))).collect();
                let mut all = vec![climb(0)()];
                all.extend(others.into_iter().map(|h| h.join().expect("a search thread does not panic")));
                all
            });
            for candidate in found {
                if candidate.rank() < best.rank() {
                    best = candidate;
                }
            }
            if control.stopped() {
                break;
            }
        }
        best
    }

    /// The evening's trips with the goods of the dawn; rounds and trunk hear of each other, nothing changes van.
    fn laid(&self, kept: &Kept, effort: &Effort, control: &dyn Control, used: &mut u64) -> Candidate {
        let mut plan = self.lay_rounds(kept);
        let steps = effort.steps.map_or(8_000, |all| all * FIRST_PERCENT / 100).max(400);
        let part = (steps / PASSES / (self.day.depots.len() as u64 + 1)).max(20);
        self.retime(&mut plan);
        for pass in 0..PASSES {
            let seed = effort.seed.wrapping_add(pass);
            *used += self.solve_trunk(&mut plan, part, seed, control);
            self.retime(&mut plan);
            for depot in 0..self.day.depots.len() {
                let (before, frozen) = (plan.rounds[depot].clone(), self.places_of(&plan, &kept.frozen));
                *used += self.solve_rounds(&mut plan, depot, part, seed, control);
                if self.places_of(&plan, &kept.frozen) != frozen {
                    // What no trip held may not join a van that is being loaded.
                    plan.rounds[depot] = before;
                }
            }
            self.retime(&mut plan);
        }
        *used += self.solve_trunk(&mut plan, part, effort.seed, control);
        self.retime(&mut plan);
        plan
    }

    /// Offers what is left to every base, as long as that serves more within the bounds.
    fn fetch_all(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        best: &mut Candidate,
        effort: &Effort,
        control: &dyn Control,
    ) -> u64 {
        let mut chance = Chance::new(effort.seed, 0x6665_7463);
        let (mut used, mut fruitless) = (0, 0);
        for _ in 0..SWEEPS_MOST {
            let late = effort.time.is_some_and(|most| control.elapsed() >= most) || control.stopped();
            if best.account.left == 0 || fruitless > 1 || late {
                break;
            }
            let mut next = best.clone();
            used += self.sweep(&mut next, &mut chance, control);
            if self.stays_within(kept, bounds, &next) && next.rank() < best.rank() {
                *best = next;
                fruitless = 0;
            } else {
                fruitless += 1;
            }
        }
        used
    }

    /// Whether a plan keeps to what the evening fixed.
    fn stays_within(&self, kept: &Kept, bounds: &Bounds, plan: &Candidate) -> bool {
        self.moved(plan, &bounds.vans) <= kept.moved_most
            && self.places_of(plan, &kept.frozen) == bounds.frozen
    }

    /// One thread's part of one epoch: changes that stay within the bounds.
    #[allow(clippy::too_many_arguments)] // what is kept, what is held against, and the thread's own share
    fn mend_on(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        start: &Candidate,
        share: &Share,
        seed: u64,
        stream: u64,
        control: &dyn Control,
    ) -> Candidate {
        let mut chance = Chance::new(seed, 0x6d65_6e64 + stream);
        let (mut now, mut best) = (start.clone(), start.clone());
        let mut used = 0;
        loop {
            let over = share.steps.is_some_and(|most| used >= most)
                || share.until.is_some_and(|until| control.elapsed() >= until)
                || control.stopped();
            if over {
                return best;
            }
            let mut next = now.clone();
            used += self.change(&mut next, &mut chance, control).max(1);
            if !self.stays_within(kept, bounds, &next) {
                continue;
            }
            let heat = HEAT_PPM * (1000 - share.progress_permille) / 1000;
            let allowed = now.account.total_fen() * heat / 1_000_000;
            let luck = allowed * (chance.below(1000) as i64).pow(3) / 1_000_000_000;
            let (must, fen) = now.rank();
            if next.rank() <= (must, fen + luck) {
                now = next;
                if now.rank() < best.rank() {
                    best = now.clone();
                }
            }
        }
    }

    /// Villages served by a van that did not serve them in the evening.
    fn moved(&self, plan: &Candidate, vans: &BTreeMap<SiteId, BTreeSet<VehicleId>>) -> usize {
        let mut moved: BTreeSet<SiteId> = BTreeSet::new();
        for (crew, trips) in plan.rounds.iter().flatten() {
            let vehicle = self.day.crews[*crew].vehicle;
            for &item in trips.iter().flatten() {
                let site = self.item_site(item as usize);
                if vans.get(&site).is_some_and(|known| !known.contains(&vehicle)) {
                    moved.insert(site);
                }
            }
        }
        moved.len()
    }

    /// Places in order of the trips of some vans.
    fn places_of(&self, plan: &Candidate, which: &BTreeSet<VehicleId>) -> Vec<(VehicleId, Vec<Vec<SiteId>>)> {
        if which.is_empty() {
            return Vec::new();
        }
        let mut all: Vec<(VehicleId, Vec<Vec<SiteId>>)> = plan
            .rounds
            .iter()
            .flatten()
            .filter(|(crew, _)| which.contains(&self.day.crews[*crew].vehicle))
            .map(|(crew, trips)| {
                let places = trips.iter().map(|t| {
                    let mut sites: Vec<SiteId> = t.iter().map(|&i| self.item_site(i as usize)).collect();
                    sites.dedup();
                    sites
                });
                (self.day.crews[*crew].vehicle, places.filter(|p| !p.is_empty()).collect())
            })
            .collect();
        all.sort();
        all
    }
}
