//! The search of the dawn: the evening's trips with the goods that are there, then better by every move of the night, as
//! long as no more villages change van than the budget allows and vans being loaded keep everything. Trunk trips are not
//! bound: one that is made no more has a price, and so has another vehicle than the evening's in the core's eyes.

use super::kept::{Kept, is_still_made};
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
/// What the search sees in a visit by another van than the evening's, in fen: at first, and at most when too many
/// villages change van.
const OTHER_VAN_FEN: i64 = 200;
const OTHER_VAN_MOST_FEN: i64 = 100_000;
/// What the search sees in a trunk trip of the evening that is made no more, in fen.
const LOST_TRIP_FEN: i64 = 3_000;
/// Highest price accepted at the start, in millionths of the plan's cost.
const HEAT_PPM: i64 = 600;

/// What the changes of a dawn are held against.
struct Bounds {
    vans: BTreeMap<SiteId, BTreeSet<VehicleId>>,
    frozen: Vec<(VehicleId, Vec<Vec<SiteId>>)>,
    trunk: Vec<(VehicleId, Vec<SiteId>)>,
}

impl Search<'_> {
    /// Mends: from `start`, or from the evening's trips themselves.
    #[must_use]
    pub fn mend(&self, start: Option<Candidate>, effort: &Effort, control: &dyn Control) -> Candidate {
        let Some(kept) = &self.kept else { return self.run(effort, control) };
        let threads = effort.threads.clamp(1, crate::limits::THREADS_MAX);
        let mut used = 0;
        let laid = start.is_none();
        let mut best = match start {
            Some(plan) => plan,
            None => self.laid(kept, effort, control, &mut used),
        };
        let trunk: Vec<(VehicleId, Vec<SiteId>)> = kept
            .trips
            .iter()
            .filter(|trip| trip.trunk)
            .map(|trip| (trip.vehicle, trip.stops.iter().map(|stop| stop.site).collect()))
            .collect();
        let bounds =
            Bounds { vans: kept.vehicles(false), frozen: self.places_of(&best, &kept.frozen), trunk };
        if laid {
            used += self.loosen(kept, &bounds, &mut best, effort, control);
        }
        used += self.fetch_all(kept, &bounds, &mut best, effort, control);
        let begun = control.elapsed();
        for epoch in 0..EPOCHS {
            let share = Share {
                steps: effort
                    .steps
                    .map(|all| all.saturating_sub(used).max(all / 2) / EPOCHS / threads as u64),
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
                if self.dawn_rank(&bounds, &candidate) < self.dawn_rank(&bounds, &best) {
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
        let part = self.part_of_first(effort);
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
        plan.frozen = false;
        plan.other_van_fen = OTHER_VAN_FEN;
        plan
    }

    /// Steps for one base, or the trunk, in one of the first passes.
    fn part_of_first(&self, effort: &Effort) -> u64 {
        let steps = effort.steps.map_or(8_000, |all| all * FIRST_PERCENT / 100).max(400);
        (steps / PASSES / (self.day.depots.len() as u64 + 1)).max(20)
    }

    /// The trunk solved freely for what the rounds of a plan just laid out ask, and rounds again with its times: each pass
    /// is taken if it is better within the bounds.
    fn loosen(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        best: &mut Candidate,
        effort: &Effort,
        control: &dyn Control,
    ) -> u64 {
        let part = self.part_of_first(effort);
        let (mut used, mut plan) = (0, best.clone());
        for pass in 0..PASSES {
            let seed = effort.seed.wrapping_add(PASSES + pass);
            used += self.solve_trunk(&mut plan, 4 * part, seed, control);
            self.retime(&mut plan);
            self.take(kept, bounds, best, &plan);
            let before = plan.clone();
            for depot in 0..self.day.depots.len() {
                used += self.solve_rounds(&mut plan, depot, part, seed, control);
            }
            self.retime(&mut plan);
            self.take(kept, bounds, best, &plan);
            if !self.stays_within(kept, bounds, &plan) {
                plan = Candidate { other_van_fen: dearer(plan.other_van_fen), ..before };
            }
        }
        used
    }

    /// Takes a plan that is better within the bounds.
    fn take(&self, kept: &Kept, bounds: &Bounds, best: &mut Candidate, plan: &Candidate) {
        if self.stays_within(kept, bounds, plan)
            && self.dawn_rank(bounds, plan) < self.dawn_rank(bounds, best)
        {
            best.clone_from(plan);
        }
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
            fruitless += 1;
            if !self.stays_within(kept, bounds, &next) {
                best.other_van_fen = dearer(best.other_van_fen);
            } else if self.dawn_rank(bounds, &next) < self.dawn_rank(bounds, best) {
                *best = next;
                fruitless = 0;
            }
        }
        used
    }

    /// Whether a plan keeps to what the evening fixed.
    fn stays_within(&self, kept: &Kept, bounds: &Bounds, plan: &Candidate) -> bool {
        self.moved(plan, &bounds.vans) <= kept.moved_most
            && self.places_of(plan, &kept.frozen) == bounds.frozen
    }

    /// What ranks plans of the dawn: as in the night, and trunk trips of the evening that are made no more have a price.
    fn dawn_rank(&self, bounds: &Bounds, plan: &Candidate) -> (u64, i64) {
        let lost = bounds.trunk.len() - self.still_made(plan, &bounds.trunk);
        let (must, fen) = plan.rank();
        (must, fen + lost as i64 * LOST_TRIP_FEN)
    }

    /// Trunk trips of the evening that a plan still makes.
    fn still_made(&self, plan: &Candidate, trunk: &[(VehicleId, Vec<SiteId>)]) -> usize {
        let mut trips: Vec<(VehicleId, Vec<SiteId>)> = Vec::new();
        for (crew, day) in &plan.trunk {
            let stations = |tasks: &Vec<u32>| tasks.iter().map(|&t| plan.tasks[t as usize].site).collect();
            trips.extend(day.iter().map(|tasks| (self.day.crews[*crew].vehicle, stations(tasks))));
        }
        let made = |(truck, before): &&(VehicleId, Vec<SiteId>)| {
            let same = trips.iter().position(|(of, after)| of == truck && is_still_made(before, after));
            same.map(|at| trips.swap_remove(at)).is_some()
        };
        trunk.iter().filter(made).count()
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
        let mut now_rank = self.dawn_rank(bounds, &now);
        let mut best_rank = now_rank;
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
                now.other_van_fen = dearer(now.other_van_fen);
                continue;
            }
            now.other_van_fen = (now.other_van_fen * 9 / 10).max(OTHER_VAN_FEN);
            let heat = HEAT_PPM * (1000 - share.progress_permille) / 1000;
            let allowed = now.account.total_fen() * heat / 1_000_000;
            let luck = allowed * (chance.below(1000) as i64).pow(3) / 1_000_000_000;
            let rank = self.dawn_rank(bounds, &next);
            if rank <= (now_rank.0, now_rank.1 + luck) {
                (now, now_rank) = (next, rank);
                if rank < best_rank {
                    (best, best_rank) = (now.clone(), rank);
                }
            }
        }
    }

    /// Villages served by a van that did not serve them in the evening.
    fn moved(&self, plan: &Candidate, vans: &BTreeMap<SiteId, BTreeSet<VehicleId>>) -> usize {
        let mut moved: BTreeSet<SiteId> = BTreeSet::new();
        let rounds = plan.draft.days.iter().zip(&self.day.crews).filter(|(_, crew)| !crew.trunk);
        for (trips, crew) in rounds {
            for stop in trips.iter().flat_map(|trip| &trip.stops) {
                if vans.get(&stop.site).is_some_and(|known| !known.contains(&crew.vehicle)) {
                    moved.insert(stop.site);
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

/// The price of another van after too many villages changed theirs.
fn dearer(fen: i64) -> i64 {
    (fen * 2).min(OTHER_VAN_MOST_FEN)
}
