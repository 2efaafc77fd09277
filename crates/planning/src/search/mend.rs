//! The search of the dawn: rounds of the evening are kept, and left only within a budget of villages that may change van.

use super::baseline::Rounds;
use super::{Candidate, Chance, Effort, Search};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::{SiteId, VehicleId};
use xiangyun_solver::Control;

/// What the evening fixed and how far dawn may leave it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Rounds of the evening plan.
    pub rounds: Rounds,
    /// Vans whose loading has begun: they keep their places and order.
    pub frozen: BTreeSet<VehicleId>,
    /// Most villages that may change van.
    pub moved_most: usize,
}

impl Kept {
    /// The vans of each place in the evening.
    fn vans(&self) -> BTreeMap<SiteId, BTreeSet<VehicleId>> {
        let mut vans: BTreeMap<SiteId, BTreeSet<VehicleId>> = BTreeMap::new();
        for (vehicle, trips) in &self.rounds.days {
            for &site in trips.iter().flatten() {
                vans.entry(site).or_default().insert(*vehicle);
            }
        }
        vans
    }
}

impl Search<'_> {
    /// Mends: the evening's rounds with the goods that are really there, then better within the budget of moves.
    #[must_use]
    pub fn mend(&self, kept: &Kept, effort: &Effort, control: &dyn Control) -> Candidate {
        let vans = kept.vans();
        let first = effort.steps.map_or(6_000, |all| all / 5).max(400);
        let mut chance = Chance::new(effort.seed, 0x6d65_6e64);
        let mut now = self.fixed_rounds(&kept.rounds, first, effort.seed, control);
        let frozen = self.places_of(&now, &kept.frozen);
        let mut best = now.clone();
        let mut used = first;
        loop {
            let over = effort.steps.is_some_and(|most| used >= most)
                || effort.time.is_some_and(|most| control.elapsed() >= most)
                || control.stopped();
            if over {
                return best;
            }
            let mut next = now.clone();
            used += self.change(&mut next, &mut chance, control).max(1);

            if self.moved(&next, &vans) > kept.moved_most || self.places_of(&next, &kept.frozen) != frozen {
                continue;
            }
            if next.rank() <= now.rank() {
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
                (self.day.crews[*crew].vehicle, places.collect())
            })
            .collect();
        all.sort();
        all
    }
}
