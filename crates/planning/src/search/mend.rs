//! The search of the dawn: the evening's trips with the goods that are there, then better by every move of the night, as
//! long as no more villages change van than the budget allows and vans being loaded keep everything. Trunk trips stay: a trip
//! of the evening that a change did away with is made again before the change is judged, and one that is made no more has a
//! high price.

use super::kept::Kept;
use super::stays::{Found, Measure, TrunkTrip};
use super::{Candidate, Chance, EPOCHS, Effort, Search, Share, Until};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::{SiteId, VehicleId};
use xiangyun_solver::Control;

/// Passes in which rounds and trunk hear of each other before anything is changed.
const PASSES: u64 = 3;
/// Part of the effort for them, in hundredths.
const FIRST_PERCENT: u64 = 20;
/// What is taken for the steps of an effort that is given as time, by its seconds; and of one that is given as nothing.
const STEPS_A_SECOND: u64 = 3_000;
const STEPS_DEFAULT: u64 = 40_000;
/// Sweeps of what is left at most.
const SWEEPS_MOST: usize = 6;
/// What the search sees in a visit by another van than the evening's, in fen: at first, and at most when too many
/// villages change van.
const OTHER_VAN_FEN: i64 = 200;
const OTHER_VAN_MOST_FEN: i64 = 100_000;
/// Changes in which trunk tasks stay with the trucks that have them, in thousandths, in epochs of the one and the other kind.
const HELD_PERMILLE: [usize; 2] = [300, 0];
/// By what changes are accepted in epochs of the one and the other kind.
const MEASURES: [Measure; 2] = [Measure::Priced, Measure::MustFirst];
/// Equal trucks exchange trips after every so many epochs.
const REGAIN_EPOCHS: u64 = 4;
/// Passes after the evening's trips are laid out in which trunk tasks stay with the trucks that have them.
const HELD_PASSES: u64 = 2;
/// Fewer steps than this, as where the ways of a late carrier are priced, are spent in one epoch of each kind: every epoch
/// makes a whole change, however few its steps.
const SHORT_STEPS: u64 = 1_000;
/// With fewer steps than this nothing is swept a second time.
const SWEPT_AGAIN_STEPS: u64 = 4_000;
/// Part of the effort that sweeps of what is left may take, in hundredths; one sweep is always made.
const SWEEPS_PERCENT: u64 = 25;
/// Highest price accepted at the start, in millionths of the plan's cost.
const HEAT_PPM: i64 = 600;

/// What the changes of a dawn are held against.
struct Bounds {
    vans: BTreeMap<SiteId, BTreeSet<VehicleId>>,
    frozen: Vec<(VehicleId, Vec<Vec<SiteId>>)>,
    trunk: Vec<TrunkTrip>,
}

/// What is given in one epoch to all of its threads.
struct Epoch<'e> {
    kept: &'e Kept,
    bounds: &'e Bounds,
    share: Share,
    seed: u64,
    held_permille: usize,
    by: Measure,
}

impl Search<'_> {
    /// Mends: from the plans found before, or from the evening's trips themselves.
    #[must_use]
    pub fn mend(&self, start: Option<Found>, effort: &Effort, control: &dyn Control) -> Found {
        let Some(kept) = &self.kept else { return self.alone(self.run(effort, control)) };
        let limited = Until { control, until: effort.time };
        let control: &dyn Control = &limited;
        let threads = effort.threads.clamp(1, crate::limits::THREADS_MAX);
        let (mut used, laid) = (0, start.is_none());
        let start = start.unwrap_or_else(|| self.alone(self.laid(kept, effort, control, &mut used)));
        let trunk: Vec<TrunkTrip> = kept.trips.iter().filter(|trip| trip.trunk).map(TrunkTrip::of).collect();
        let first = start.chosen();
        let bounds =
            Bounds { vans: kept.vehicles(false), frozen: self.places_of(first, &kept.frozen), trunk };
        let mut best = first.clone();
        let mut found = Found::none(self.day.county.costs.kept_trip_fen);
        start.into_iter().for_each(|plan| self.offer(&bounds, &mut found, &plan));
        if laid {
            used += self.loosen(kept, &bounds, &mut best, &mut found, effort, control);
        }
        if laid || effort.steps.is_none_or(|all| all >= SWEPT_AGAIN_STEPS) {
            used += self.fetch_all(kept, &bounds, &mut best, &mut found, effort, control);
        }
        found.used = used;
        if laid && best.account.left * 100 > best.account.served {
            // Crews that were not called out are needed: the rest of the effort is theirs.
            return found;
        }
        let begun = control.elapsed();
        let epochs = if effort.steps.is_some_and(|all| all < SHORT_STEPS) { 2 } else { EPOCHS };
        for epoch in 0..epochs {
            let turn = (epoch % 2) as usize;
            let share = Share {
                steps: effort.steps.map(|all| {
                    all.saturating_sub(used).clamp(all / 2, all * 2 / 3) / epochs / threads as u64
                }),
                until: effort
                    .time
                    .map(|all| begun + all.saturating_sub(begun) * (epoch as u32 + 1) / epochs as u32),
                progress_permille: (1000 * epoch / epochs) as i64,
            };
            let by = MEASURES[turn];
            let of = Epoch {
                kept,
                bounds: &bounds,
                share,
                seed: effort.seed,
                held_permille: HELD_PERMILLE[turn],
                by,
            };
            let start = found.best(by).clone();
            let all: Vec<Found> = std::thread::scope(|scope| {
                let climb = |t: u64| {
                    let (start, of) = (&start, &of);
                    move || self.mend_on(of, start, epoch * 64 + t, control)
                };
                let others: Vec<_> = (1..threads as u64).map(|t| scope.spawn(climb(t))).collect();
                let mut all = vec![climb(0)()];
                all.extend(others.into_iter().map(|h| h.join().expect("a search thread does not panic")));
                all
            });
            all.iter().for_each(|more| found.join(more));
            if epoch % REGAIN_EPOCHS == REGAIN_EPOCHS - 1 || epoch + 1 == epochs {
                self.regain_all(&bounds, &mut found, control);
            }
            if control.stopped() {
                break;
            }
        }
        found
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
        let meant = || effort.time.map_or(STEPS_DEFAULT, |all| all.as_secs() * STEPS_A_SECOND);
        let steps = (effort.steps.unwrap_or_else(meant) * FIRST_PERCENT / 100).max(400);
        (steps / PASSES / (self.day.depots.len() as u64 + 1)).max(20)
    }

    /// The trunk solved freely for what the rounds of a plan just laid out ask, and rounds again with its times: each pass
    /// is taken if it is better within the bounds.
    fn loosen(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        best: &mut Candidate,
        found: &mut Found,
        effort: &Effort,
        control: &dyn Control,
    ) -> u64 {
        let part = self.part_of_first(effort);
        let (mut used, mut plan) = (0, best.clone());
        for pass in 0..PASSES {
            let seed = effort.seed.wrapping_add(PASSES + pass);
            plan.trunk_held = pass < HELD_PASSES;
            used += self.solve_trunk(&mut plan, 4 * part, seed, control);
            self.retime(&mut plan);
            self.restore(&mut plan, &bounds.trunk, Measure::MustFirst, control);
            self.take(kept, bounds, best, found, &plan);
            let before = plan.clone();
            for depot in 0..self.day.depots.len() {
                used += self.solve_rounds(&mut plan, depot, part, seed, control);
            }
            self.retime(&mut plan);
            self.restore(&mut plan, &bounds.trunk, Measure::MustFirst, control);
            self.take(kept, bounds, best, found, &plan);
            if !self.stays_within(kept, bounds, &plan) {
                plan = Candidate { other_van_fen: dearer(plan.other_van_fen), ..before };
            }
        }
        used
    }

    /// Takes a plan that is better within the bounds.
    fn take(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        best: &mut Candidate,
        found: &mut Found,
        plan: &Candidate,
    ) -> bool {
        if !self.stays_within(kept, bounds, plan) {
            return false;
        }
        self.offer(bounds, found, plan);
        let better = self.dawn_rank(plan, &bounds.trunk, Measure::MustFirst)
            < self.dawn_rank(best, &bounds.trunk, Measure::MustFirst);
        if better {
            best.clone_from(plan);
        }
        better
    }

    fn offer(&self, bounds: &Bounds, found: &mut Found, plan: &Candidate) {
        found.offer(self.lost(plan, &bounds.trunk), plan);
    }

    /// Offers what is left to every base, as long as much is left and that serves more within the bounds.
    fn fetch_all(
        &self,
        kept: &Kept,
        bounds: &Bounds,
        best: &mut Candidate,
        found: &mut Found,
        effort: &Effort,
        control: &dyn Control,
    ) -> u64 {
        let mut chance = Chance::new(effort.seed, 0x6665_7463);
        let (mut used, mut fruitless) = (0, 0);
        let most = effort.steps.map(|all| all * SWEEPS_PERCENT / 100);
        for _ in 0..SWEEPS_MOST {
            let late = effort.time.is_some_and(|most| control.elapsed() >= most) || control.stopped();
            if !self.leaves_much(best) || fruitless > 1 || late || most.is_some_and(|most| used >= most) {
                break;
            }
            let mut next = best.clone();
            next.trunk_held = fruitless == 0;
            used += self.sweep(&mut next, &mut chance, control);
            self.restore(&mut next, &bounds.trunk, Measure::MustFirst, control);
            fruitless += 1;
            if !self.stays_within(kept, bounds, &next) {
                best.other_van_fen = dearer(best.other_van_fen);
            } else if self.take(kept, bounds, best, found, &next) {
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

    /// More trips of the evening by exchanges between equal trucks, for every plan found.
    fn regain_all(&self, bounds: &Bounds, found: &mut Found, control: &dyn Control) {
        let plans: Vec<Candidate> = found.plans().cloned().collect();
        for mut plan in plans {
            self.regain(&mut plan, &bounds.trunk);
            self.restore(&mut plan, &bounds.trunk, Measure::MustFirst, control);
            self.offer(bounds, found, &plan);
        }
    }

    /// One thread's part of one epoch: changes that stay within the bounds.
    fn mend_on(&self, of: &Epoch<'_>, start: &Candidate, stream: u64, control: &dyn Control) -> Found {
        let mut chance = Chance::new(of.seed, 0x6d65_6e64 + stream);
        let (mut now, mut found) = (start.clone(), Found::none(self.day.county.costs.kept_trip_fen));
        let trunk = &of.bounds.trunk;
        let mut now_rank = self.dawn_rank(&now, trunk, of.by);
        let control: &dyn Control = &Until { control, until: of.share.until };
        let mut used = 0;
        loop {
            if of.share.steps.is_some_and(|most| used >= most) || control.stopped() {
                found.used = used;
                return found;
            }
            let mut next = now.clone();
            next.trunk_held = chance.permille(of.held_permille);
            used += self.change(&mut next, &mut chance, control).max(1);
            if !self.stays_within(of.kept, of.bounds, &next) {
                now.other_van_fen = dearer(now.other_van_fen);
                continue;
            }
            now.other_van_fen = (now.other_van_fen * 9 / 10).max(OTHER_VAN_FEN);
            let heat = HEAT_PPM * (1000 - of.share.progress_permille) / 1000;
            let allowed = now.account.total_fen() * heat / 1_000_000;
            let luck = allowed * (chance.below(1000) as i64).pow(3) / 1_000_000_000;
            let most = (now_rank.0, now_rank.1 + luck);
            let mut lost = self.lost(&next, trunk);
            if lost > 0 && of.by.rank(&next, 0) <= most {
                self.restore(&mut next, trunk, of.by, control);
                lost = self.lost(&next, trunk);
            }
            found.offer(lost, &next);
            let rank = of.by.rank(&next, self.lost_fen(lost));
            if rank <= most {
                (now, now_rank) = (next, rank);
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
