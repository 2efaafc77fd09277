//! Which trunk trips of the evening a dawn plan still makes, the best plans by how many it lost, and how equal trucks
//! exchange trips to lose fewer.

use super::kept::{KeptTrip, is_still_made};
use super::{Candidate, CrewDay, Search};
use std::collections::BTreeMap;
use xiangyun_model::id::{SiteId, VehicleId};

/// Part of the cheapest plan's cost that may be given up for trunk trips that stay, in thousandths.
const GIVE_PM: i64 = 20;

/// Price of an order that must not be left, where the search only looks for a place to go on from, in fen.
const MUST_FEN: i64 = 10_000;

/// A trunk trip as far as staying goes: the truck, its stations in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrunkTrip {
    vehicle: VehicleId,
    stations: Vec<SiteId>,
}

impl TrunkTrip {
    pub(super) fn of(trip: &KeptTrip) -> Self {
        Self { vehicle: trip.vehicle, stations: trip.stops.iter().map(|stop| stop.site).collect() }
    }
}

/// What a search of the dawn found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The best plan for each number of trunk trips lost.
    plans: BTreeMap<usize, Candidate>,
    /// Steps of the core that it took.
    pub used: u64,
}

impl Found {
    /// A single plan, of which nothing is known.
    pub(super) fn one(plan: Candidate) -> Self {
        Self { plans: BTreeMap::from([(0, plan)]), used: 0 }
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

    /// The cheapest when every trip lost has a price.
    pub(super) fn cheapest(&self, lost_fen: i64) -> &Candidate {
        let rank = |(lost, plan): &(&usize, &Candidate)| {
            let (must, fen) = plan.rank();
            (must, fen + **lost as i64 * lost_fen)
        };
        self.plans.iter().min_by_key(rank).map(|(_, plan)| plan).expect("a search starts with a plan")
    }

    /// Where to search on for plans that lose few trips: orders that must not be left have a price instead of going first,
    /// because the search from there will serve them.
    pub(super) fn promising(&self, lost_fen: i64) -> &Candidate {
        let rank = |(lost, plan): &(&usize, &Candidate)| {
            let (must, fen) = plan.rank();
            fen + must as i64 * MUST_FEN + **lost as i64 * lost_fen
        };
        self.plans.iter().min_by_key(rank).map(|(_, plan)| plan).expect("a search starts with a plan")
    }

    /// The plan that loses fewest trunk trips among those that cost little more than the cheapest.
    #[must_use]
    pub fn chosen(&self) -> &Candidate {
        let (must, fen) = self.cheapest(0).rank();
        let most = (must, fen + fen * GIVE_PM / 1000);
        self.plans.values().find(|plan| plan.rank() <= most).expect("the cheapest is among them")
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
    /// Trunk trips of the evening that a plan makes no more.
    pub(super) fn lost(&self, plan: &Candidate, trunk: &[TrunkTrip]) -> usize {
        self.lost_of(plan, &plan.trunk, trunk)
    }

    fn lost_of(&self, plan: &Candidate, days: &[CrewDay], trunk: &[TrunkTrip]) -> usize {
        let mut trips: Vec<TrunkTrip> = Vec::new();
        for (crew, day) in days {
            let vehicle = self.day.crews[*crew].vehicle;
            trips.extend(day.iter().map(|tasks| {
                let stations = tasks.iter().map(|&t| plan.tasks[t as usize].site).collect();
                TrunkTrip { vehicle, stations }
            }));
        }
        let made = |before: &&TrunkTrip| {
            let same = |after: &TrunkTrip| {
                after.vehicle == before.vehicle && is_still_made(&before.stations, &after.stations)
            };
            trips.iter().position(same).map(|at| trips.swap_remove(at)).is_some()
        };
        trunk.len() - trunk.iter().filter(made).count()
    }

    /// Equal trucks exchange their days, or the rest of them after some trip, as long as fewer trips of the evening are
    /// lost by it and nothing gets dearer. Whether anything was exchanged.
    pub(super) fn regain(&self, plan: &mut Candidate, trunk: &[TrunkTrip]) -> bool {
        let mut lost = self.lost(plan, trunk);
        let mut any = false;
        while lost > 0 {
            let Some((fewer, next)) = self.exchanged(plan, trunk, lost) else { break };
            (lost, *plan, any) = (fewer, next, true);
        }
        any
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
                    let fewer = self.lost_of(plan, &days, trunk);
                    if fewer >= lost {
                        continue;
                    }
                    days.retain(|(_, trips)| !trips.is_empty());
                    let mut next = Candidate { trunk: days, ..plan.clone() };
                    self.retime(&mut next);
                    if next.rank() <= plan.rank() {
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
    fn fewest_trips_are_lost_among_plans_that_cost_little_more_than_the_cheapest() {
        let plan = |fen: i64, must_left: u64| {
            let mut plan = Candidate::default();
            plan.account.add_unserved(0, fen);
            plan.account.must_left = must_left;
            plan
        };
        let mut found = Found::one(plan(1_100_000, 0));
        found.offer(1, &plan(1_015_000, 1));
        found.offer(2, &plan(1_030_000, 0));
        found.offer(2, &plan(1_019_000, 0));
        found.offer(2, &plan(1_025_000, 0));
        found.offer(5, &plan(1_000_000, 0));
        assert_eq!(found.chosen().rank(), (0, 1_019_000));
        assert_eq!(found.cheapest(0).rank(), (0, 1_000_000));
        assert_eq!(found.cheapest(30_000).rank(), (0, 1_019_000));
        assert_eq!(found.promising(100_000).rank(), (0, 1_100_000));
    }
}
