//! Plans to compare with: rounds kept as another day had them, and the nearest neighbour next. Both use the same fleet,
//! timing and account as the search; only the search over rounds is taken away.

use super::settle::days_of;
use super::{Candidate, CrewDay, Search};
use std::collections::BTreeMap;
use xiangyun_model::id::SiteId;
use xiangyun_model::units::Amount;
use xiangyun_solver::{Control, Problem, Solution};

/// Rounds as another day had them: for each crew its trips, each a sequence of places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Crew by its vehicle, with the places of each trip in order.
    pub days: Vec<(xiangyun_model::id::VehicleId, Vec<Vec<SiteId>>)>,
}

/// Passes in which the trunk and the times that it gives to the rounds settle.
const PASSES: u64 = 4;

impl Search<'_> {
    /// What a crew can take on one trip for certain: its ordinary compartment in its smallest layout.
    fn sure_room(&self, crew: usize) -> Amount {
        let vehicle = self.day.county.vehicle(self.day.crews[crew].vehicle);
        let ordinary = |layout: &xiangyun_model::fleet::Layout| {
            layout
                .compartments
                .iter()
                .filter(|c| !self.day.county.band(c.band).cold)
                .map(|c| c.room)
                .max_by_key(|r| r.cm3)
        };
        vehicle.layouts.iter().filter_map(ordinary).min_by_key(|r| r.cm3).unwrap_or(Amount::ZERO)
    }

    fn amounts(&self, call: u32) -> (Amount, Amount) {
        let call = &self.goods.calls[call as usize];
        let sum = |loads: &[u32]| loads.iter().map(|&l| self.cargo(l).amount).sum::<Amount>();
        (sum(&call.down), sum(&call.up))
    }

    /// Whether a crew's vehicle holds a trip's goods at every stop.
    fn holds(&self, crew: usize, calls: &[u32]) -> bool {
        let room = self.sure_room(crew);
        let mut held: Amount = calls.iter().map(|&c| self.amounts(c).0).sum();
        held.fits(room)
            && calls.iter().all(|&c| {
                let (down, up) = self.amounts(c);
                held = held - down + up;
                held.fits(room)
            })
    }

    pub(super) fn empty_candidate(&self) -> Candidate {
        Candidate {
            via: vec![None; self.items()],
            rounds: vec![Vec::new(); self.day.depots.len()],
            ..Candidate::default()
        }
    }

    /// Settles the trunk under rounds that stay as they are.
    fn settle_trunk(&self, plan: &mut Candidate, steps: u64, seed: u64, control: &dyn Control) {
        self.retime(plan);
        for pass in 0..PASSES {
            self.solve_trunk(plan, (steps / PASSES).max(20), seed.wrapping_add(pass), control);
            self.retime(plan);
        }
    }

    /// Keeps the rounds of another day: every call goes where its place was visited then, in that order; a place that
    /// was not visited follows the nearest one of its base. A trip that becomes too full goes on as one more trip.
    #[must_use]
    pub fn fixed_rounds(&self, rounds: &Rounds, steps: u64, seed: u64, control: &dyn Control) -> Candidate {
        let mut plan = self.empty_candidate();
        let mut slots: BTreeMap<SiteId, (usize, usize, usize)> = BTreeMap::new();
        for (vehicle, trips) in &rounds.days {
            let Some(crew) = self.day.crews.iter().position(|c| c.vehicle == *vehicle) else { continue };
            for (t, trip) in trips.iter().enumerate() {
                for (at, &site) in trip.iter().enumerate() {
                    slots.entry(site).or_insert((crew, t, at));
                }
            }
        }
        let mut placed: Vec<((usize, usize, usize), u32)> = Vec::new();
        for (call, of) in self.goods.calls.iter().enumerate() {
            let slot =
                slots.get(&of.site).or_else(|| slots.get(&self.nearest(of.site, slots.keys().copied())?));
            if let Some(&slot) = slot {
                placed.push((slot, call as u32));
            }
        }
        placed.sort_unstable();
        let mut days: BTreeMap<usize, Vec<Vec<u32>>> = BTreeMap::new();
        let mut last = None;
        for ((crew, trip, _), call) in placed {
            let Some(depot) = self.crews.iter().position(|c| c.contains(&crew)) else { continue };
            let day = days.entry(crew).or_default();
            let goes_on = last == Some((crew, trip));
            let fits =
                goes_on && day.last().is_some_and(|t| self.holds(crew, &[t.as_slice(), &[call]].concat()));
            if fits {
                day.last_mut().expect("it goes on").push(call);
            } else {
                day.push(vec![call]);
            }
            last = Some((crew, trip));
            plan.via[call as usize] = Some(depot);
        }
        for (crew, trips) in days {
            if let Some(depot) = self.crews.iter().position(|c| c.contains(&crew)) {
                plan.rounds[depot].push((crew, trips));
            }
        }
        self.place_locals(&mut plan);
        self.settle_trunk(&mut plan, steps, seed, control);
        plan
    }

    /// Loads from point to point ride with a trip that calls at their origin before their destination.
    pub(super) fn place_locals(&self, plan: &mut Candidate) {
        for (at, &load) in self.locals.iter().enumerate() {
            let item = self.goods.calls.len() + at;
            let cargo = self.cargo(load);
            'found: for depot in 0..plan.rounds.len() {
                for (_, trips) in &mut plan.rounds[depot] {
                    for trip in trips.iter_mut() {
                        let calls_at = |site: SiteId| {
                            trip.iter().position(|&i| {
                                (i as usize) < self.goods.calls.len()
                                    && self.goods.calls[i as usize].site == site
                            })
                        };
                        let (from, to) = (calls_at(cargo.origin), calls_at(cargo.destination));
                        if let (Some(from), Some(to)) = (from, to)
                            && from < to
                        {
                            trip.insert(to + 1, item as u32);
                            trip.insert(from + 1, item as u32);
                            plan.via[item] = Some(depot);
                            break 'found;
                        }
                    }
                }
            }
        }
    }

    /// The pipeline of public parts: every village from its own station, rounds and trunk one after the other by another
    /// solver. Two passes, so that the rounds know the trunk's times and the trunk what the rounds ask.
    #[must_use]
    pub fn pipeline(&self, peer: &dyn Fn(&Problem) -> Option<Solution>) -> Candidate {
        let mut plan = self.empty_candidate();
        for call in 0..self.goods.calls.len() {
            plan.via[call] = self.options[call].iter().copied().find(|&d| !self.crews[d].is_empty());
        }
        self.retime(&mut plan);
        for _ in 0..2 {
            for depot in 0..self.day.depots.len() {
                let Some(framed) = self.frame_rounds(&plan, depot) else { continue };
                if let Some(solution) = peer(&framed.problem) {
                    plan.rounds[depot] = days_of(&framed, &solution);
                }
            }
            self.retime(&mut plan);
            plan.tasks = self.tasks(&plan);
            plan.trunk.clear();
            let Some(framed) = self.frames.trunk(&self.trunk_crews, &plan.tasks) else { continue };
            if let Some(solution) = peer(&framed.problem) {
                plan.trunk = days_of(&framed, &solution);
                self.part_kin(&mut plan);
            }
            self.retime(&mut plan);
        }
        self.place_locals(&mut plan);
        self.retime(&mut plan);
        plan
    }

    /// Takes off every trunk trip what excludes goods that the trip took before: a peer does not know the rule.
    fn part_kin(&self, plan: &mut Candidate) {
        let loads = |task: u32| {
            let task = &plan.tasks[task as usize];
            task.drop.iter().chain(&task.pick).copied()
        };
        for (_, trips) in &mut plan.trunk {
            for trip in trips {
                let mut aboard: Vec<u32> = Vec::new();
                trip.retain(|&task| {
                    let fits = loads(task).all(|l| aboard.iter().all(|&a| !self.excludes(a, l)));
                    if fits {
                        aboard.extend(loads(task));
                    }
                    fits
                });
            }
        }
    }

    /// The nearest of some places by the first table.
    pub(super) fn nearest(&self, from: SiteId, among: impl Iterator<Item = SiteId>) -> Option<SiteId> {
        let leg = |to: SiteId| self.day.travel.leg(0, 0, from.index(), to.index()).map(|(s, _)| s);
        among.filter_map(|to| leg(to).map(|s| (s, to))).min().map(|(_, to)| to)
    }

    /// Villages of each township in nearest-neighbour order from their station, vehicle after vehicle: the next one
    /// begins when the next stop does not fit.
    #[must_use]
    pub fn nearest_neighbour(&self, steps: u64, seed: u64, control: &dyn Control) -> Candidate {
        let mut plan = self.empty_candidate();
        for (call, options) in self.options.iter().take(self.goods.calls.len()).enumerate() {
            plan.via[call] = options.iter().copied().find(|&d| !self.crews[d].is_empty());
        }
        for depot in 0..self.day.depots.len() {
            let mut left: Vec<u32> =
                (0..plan.via.len()).filter(|&c| plan.via[c] == Some(depot)).map(|c| c as u32).collect();
            let mut days: Vec<CrewDay> = self.crews[depot].iter().map(|&c| (c, Vec::new())).collect();
            if days.is_empty() {
                continue;
            }
            let (mut turn, mut at) = (0, self.day.depots[depot]);
            let mut trip: Vec<u32> = Vec::new();
            while !left.is_empty() {
                let next = self.nearest(at, left.iter().map(|&c| self.goods.calls[c as usize].site));
                let position =
                    next.and_then(|n| left.iter().position(|&c| self.goods.calls[c as usize].site == n));
                let call = left.remove(position.unwrap_or(0));
                let crew = days[turn % days.len()].0;
                if !trip.is_empty() && !self.holds(crew, &[trip.as_slice(), &[call]].concat()) {
                    let vehicles = days.len();
                    days[turn % vehicles].1.push(std::mem::take(&mut trip));
                    turn += 1;
                }
                trip.push(call);
                at = self.goods.calls[call as usize].site;
            }
            if !trip.is_empty() {
                let vehicles = days.len();
                days[turn % vehicles].1.push(trip);
            }
            plan.rounds[depot] = days.into_iter().filter(|(_, trips)| !trips.is_empty()).collect();
        }
        self.place_locals(&mut plan);
        self.settle_trunk(&mut plan, steps, seed, control);
        plan
    }
}
