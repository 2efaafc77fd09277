//! Which trunk trips of the evening a dawn plan still makes, what one that stays may cost, and how equal trucks exchange trips
//! to lose fewer.

use super::kept::{KeptTrip, is_still_made};
use super::{Candidate, CrewDay, Search};
use std::collections::BTreeMap;
use xiangyun_model::id::{SiteId, VehicleId};

/// Price of an order that must not be left, where the search only looks for a place to go on from, in fen.
const MUST_FEN: i64 = 10_000;

/// A trunk trip as far as staying goes: the truck, its stations in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrunkTrip {
    pub(super) vehicle: VehicleId,
    pub(super) stations: Vec<SiteId>,
}

impl TrunkTrip {
    pub(super) fn of(trip: &KeptTrip) -> Self {
        Self { vehicle: trip.vehicle, stations: trip.stops.iter().map(|stop| stop.site).collect() }
    }

    pub(super) fn is_still_made_by(&self, other: &Self) -> bool {
        other.vehicle == self.vehicle && is_still_made(&self.stations, &other.stations)
    }
}

/// Which of `after` trips each of `before` trips is still made by, as many as possible, each by one of its own. Pairs that
/// come first as `best` are kept as far as that loses none.
pub fn paired(
    before: usize,
    after: usize,
    best: impl Fn(usize, usize) -> bool,
    fits: impl Fn(usize, usize) -> bool,
) -> Vec<Option<usize>> {
    let mut taken: Vec<Option<usize>> = vec![None; after];
    for b in 0..before {
        if let Some(a) = (0..after).find(|&a| taken[a].is_none() && fits(b, a) && best(b, a)) {
            taken[a] = Some(b);
        }
    }
    for b in 0..before {
        if !taken.contains(&Some(b)) {
            make_room(b, &fits, &mut taken, &mut vec![false; after]);
        }
    }
    (0..before).map(|b| taken.iter().position(|&t| t == Some(b))).collect()
}

/// Finds a trip for one of the evening, where others that have one may take another instead.
fn make_room(
    b: usize,
    fits: &impl Fn(usize, usize) -> bool,
    taken: &mut [Option<usize>],
    asked: &mut [bool],
) -> bool {
    for a in 0..taken.len() {
        if asked[a] || !fits(b, a) {
            continue;
        }
        asked[a] = true;
        if taken[a].is_none_or(|other| make_room(other, fits, taken, asked)) {
            taken[a] = Some(b);
            return true;
        }
    }
    false
}

/// Trips of a plan, and for each of the evening's the one that still makes it.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    pub(super) trips: Vec<TrunkTrip>,
    pub(super) pairs: Vec<Option<usize>>,
}

impl Matched {
    pub(super) fn lost(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.is_none()).count()
    }

    /// The same with each trip lost instead that gives a lost one its own, and the lost one itself.
    pub(super) fn instead(&self, lost: usize, trunk: &[TrunkTrip]) -> Vec<(usize, Self)> {
        let mut all = vec![(lost, self.clone())];
        for (other, pair) in self.pairs.iter().enumerate() {
            if let Some(at) = pair.filter(|&at| trunk[lost].is_still_made_by(&self.trips[at])) {
                let mut so = self.clone();
                (so.pairs[lost], so.pairs[other]) = (Some(at), None);
                all.push((other, so));
            }
        }
        all
    }
}

/// What a search of the dawn found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The best plan for each number of trunk trips lost.
    plans: BTreeMap<usize, Candidate>,
    /// What a trip that stays may cost.
    kept_trip_fen: i64,
    /// Steps of the core that it took.
    pub used: u64,
}

impl Found {
    /// Nothing yet.
    pub(super) const fn none(kept_trip_fen: i64) -> Self {
        Self { plans: BTreeMap::new(), kept_trip_fen, used: 0 }
    }

    /// A single plan, of which nothing is known.
    pub(super) fn one(plan: Candidate, kept_trip_fen: i64) -> Self {
        Self { plans: BTreeMap::from([(0, plan)]), ..Self::none(kept_trip_fen) }
    }

    pub(super) fn offer(&mut self, lost: usize, plan: &Candidate) {
        match self.plans.get_mut(&lost) {
            Some(best) if best.rank() <= plan.rank() => {}
            Some(best) => best.clone_from(plan),
            None => drop(self.plans.insert(lost, plan.clone())),
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        other.plans.iter().for_each(|(&lost, plan)| self.offer(lost, plan));
        self.used += other.used;
    }

    pub(super) fn plans(&self) -> impl Iterator<Item = &Candidate> {
        self.plans.values()
    }

    /// The plan taken in the end.
    #[must_use]
    pub fn chosen(&self) -> &Candidate {
        self.best(Measure::MustFirst)
    }

    /// The best by some measure.
    pub(super) fn best(&self, by: Measure) -> &Candidate {
        let rank = |(lost, plan): &(&usize, &Candidate)| by.rank(plan, **lost as i64 * self.kept_trip_fen);
        self.plans.iter().min_by_key(rank).map(|(_, plan)| plan).expect("a search starts with a plan")
    }
}

/// How plans of the dawn are ranked. Either way trunk trips of the evening that are made no more have a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// Orders that must not be left go first, as in the night: for the first of them that it serves a change does away with
    /// any trip.
    MustFirst,
    /// They have a price too, [`MUST_FEN`].
    Priced,
}

impl Measure {
    /// The rank of a plan of which the trips lost are worth `lost_fen`.
    pub(super) fn rank(self, plan: &Candidate, lost_fen: i64) -> (u64, i64) {
        let (must, fen) = plan.rank();
        let fen = fen + lost_fen;
        match self {
            Self::MustFirst => (must, fen),
            Self::Priced => (0, fen + must as i64 * MUST_FEN),
        }
    }
}

impl IntoIterator for Found {
    type Item = Candidate;
    type IntoIter = std::collections::btree_map::IntoValues<usize, Candidate>;

    fn into_iter(self) -> Self::IntoIter {
        self.plans.into_values()
    }
}

impl Search<'_> {
    /// A search's plan of which nothing else is known.
    pub(super) fn alone(&self, plan: Candidate) -> Found {
        Found::one(plan, self.day.county.costs.kept_trip_fen)
    }

    /// What ranks plans of the dawn by some measure.
    pub(super) fn dawn_rank(&self, plan: &Candidate, trunk: &[TrunkTrip], by: Measure) -> (u64, i64) {
        by.rank(plan, self.lost_fen(self.lost(plan, trunk)))
    }

    /// What so many trunk trips of the evening that are made no more are worth.
    pub(super) fn lost_fen(&self, lost: usize) -> i64 {
        lost as i64 * self.day.county.costs.kept_trip_fen
    }

    /// Trunk trips of the evening that a plan makes no more.
    pub(super) fn lost(&self, plan: &Candidate, trunk: &[TrunkTrip]) -> usize {
        self.matched(plan, trunk).lost()
    }

    /// The trips of a plan's days in turn, and for each trunk trip of the evening the one that still makes it. Where goods
    /// ride in vain does not count: they are taken off in the end.
    pub(super) fn matched(&self, plan: &Candidate, trunk: &[TrunkTrip]) -> Matched {
        let comes = |task: u32| {
            let task = &plan.tasks[task as usize];
            task.drop.iter().chain(&task.pick).any(|&l| plan.timing.arrives[l as usize].is_some())
        };
        self.matched_in(plan, &plan.trunk, trunk, comes)
    }

    /// How many would be lost by other days of the trunk that nobody has timed yet.
    pub(super) fn lost_in(&self, plan: &Candidate, days: &[CrewDay], trunk: &[TrunkTrip]) -> usize {
        self.matched_in(plan, days, trunk, |_| true).lost()
    }

    fn matched_in(
        &self,
        plan: &Candidate,
        days: &[CrewDay],
        trunk: &[TrunkTrip],
        counts: impl Fn(u32) -> bool,
    ) -> Matched {
        let mut trips: Vec<TrunkTrip> = Vec::new();
        for (crew, day) in days {
            let vehicle = self.day.crews[*crew].vehicle;
            trips.extend(day.iter().map(|tasks| {
                let there = tasks.iter().filter(|&&task| counts(task));
                TrunkTrip { vehicle, stations: there.map(|&t| plan.tasks[t as usize].site).collect() }
            }));
        }
        let fits = |b: usize, a: usize| trunk[b].is_still_made_by(&trips[a]);
        let pairs = paired(trunk.len(), trips.len(), |_, _| false, fits);
        Matched { trips, pairs }
    }

    /// Equal trucks exchange their days, or the rest of them after some trip, as long as fewer trips of the evening are
    /// lost by it and nothing gets dearer.
    pub(super) fn regain(&self, plan: &mut Candidate, trunk: &[TrunkTrip]) {
        let mut lost = self.lost(plan, trunk);
        while lost > 0 {
            let Some((fewer, next)) = self.exchanged(plan, trunk, lost) else { break };
            (lost, *plan) = (fewer, next);
        }
    }

    /// The first exchange that loses fewer trips than now and is no dearer.
    fn exchanged(&self, plan: &Candidate, trunk: &[TrunkTrip], lost: usize) -> Option<(usize, Candidate)> {
        let day = |crew: usize| plan.trunk.iter().find(|(c, _)| *c == crew).map_or(&[][..], |(_, d)| &d[..]);
        for (at, &one) in self.trunk_crews.iter().enumerate() {
            for &other in self.trunk_crews[at + 1..].iter().filter(|&&other| self.alike(one, other)) {
                let (a, b) = (day(one), day(other));
                for (i, j) in (0..=a.len()).flat_map(|i| (0..=b.len()).map(move |j| (i, j))) {
                    let joined = |head: &[Vec<u32>], tail: &[Vec<u32>]| [head, tail].concat();
                    let mut days: Vec<CrewDay> =
                        plan.trunk.iter().filter(|(c, _)| *c != one && *c != other).cloned().collect();
                    days.push((one, joined(&a[..i], &b[j..])));
                    days.push((other, joined(&b[..j], &a[i..])));
                    if self.lost_in(plan, &days, trunk) >= lost {
                        continue;
                    }
                    days.retain(|(_, trips)| !trips.is_empty());
                    let mut next = plan.with_trunk(days);
                    self.retime_trunk(&mut next, &plan.draft);
                    self.reslack(&mut next);
                    let fewer = self.lost(&next, trunk);
                    if fewer < lost && next.rank() <= plan.rank() {
                        return Some((fewer, next));
                    }
                }
            }
        }
        None
    }

    /// Whether two crews of trucks may do the same at the same price.
    fn alike(&self, one: usize, other: usize) -> bool {
        let county = self.day.county;
        let rates = |crew: usize| {
            let driver = county.driver(self.day.crews[crew].driver);
            (driver.shift, driver.hour_fen, driver.overtime_hour_fen)
        };
        self.frames.alike(&self.day.crews[one], &self.day.crews[other]) && rates(one) == rates(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trips_stay_unless_that_costs_much_or_leaves_what_must_go() {
        let plan = |fen: i64, must_left: u64| {
            let mut plan = Candidate::default();
            plan.account.add_unserved(0, fen);
            plan.account.must_left = must_left;
            plan
        };
        let mut found = Found::one(plan(1_100_000, 1), 100_000);
        found.offer(1, &plan(1_240_000, 0));
        found.offer(2, &plan(1_130_000, 0));
        found.offer(2, &plan(1_119_000, 0));
        found.offer(2, &plan(1_125_000, 0));
        found.offer(3, &plan(1_020_000, 0));
        assert_eq!(found.chosen().rank(), (0, 1_119_000));
        assert_eq!(found.best(Measure::Priced).rank(), (1, 1_100_000));
        // In a county that pays less for them, they stay less.
        found.kept_trip_fen = 50_000;
        assert_eq!(found.chosen().rank(), (0, 1_020_000));
    }

    #[test]
    fn pairs_are_as_many_as_possible_and_the_best_where_that_loses_none() {
        let fits = |pairs: &'static [(usize, usize)]| move |b: usize, a: usize| pairs.contains(&(b, a));
        // The first may take either, the second only what the first would take first.
        assert_eq!(paired(2, 2, |_, _| false, fits(&[(0, 0), (0, 1), (1, 0)])), [Some(1), Some(0)]);
        assert_eq!(paired(1, 2, fits(&[(0, 1)]), fits(&[(0, 0), (0, 1)])), [Some(1)]);
        assert_eq!(paired(2, 1, |_, _| false, fits(&[(0, 0), (1, 0)])), [Some(0), None]);
        assert_eq!(paired(2, 2, fits(&[(0, 0)]), fits(&[(0, 0), (0, 1), (1, 0)])), [Some(1), Some(0)]);
    }
}
