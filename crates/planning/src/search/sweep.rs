//! Everything that is left at once: offered to every base that could serve it, then to the trunk.

use super::{Candidate, Chance, Search};
use std::collections::BTreeSet;
use xiangyun_solver::Control;

/// Steps of the search core for one base of a sweep.
const SWEEP_STEPS: u64 = 150;
/// Sweeps of a first plan at most.
const SWEEPS: usize = 6;

impl Search<'_> {
    /// Items of which something is left.
    pub(super) fn left_items(&self, plan: &Candidate) -> Vec<usize> {
        let left = |l: &u32| plan.timing.arrives[*l as usize].is_none();
        (0..self.items())
            .filter(|&item| match self.local(item) {
                Some(load) => left(&load),
                None => self.goods.calls[item].down.iter().chain(&self.goods.calls[item].up).any(&left),
            })
            .collect()
    }

    /// Offers what is left to one base after the other. What a base's rounds can take stays with it, the rest goes back;
    /// then the trunk is asked for all of it, and the bases touched hear what it brings.
    pub(super) fn sweep(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        let (mut spent, mut touched) = (0, BTreeSet::new());
        let mut left = self.left_items(plan);
        let bases = self.day.depots.len();
        let first = chance.below(bases);
        for depot in (0..bases).map(|n| (first + n) % bases) {
            let mine = |&&item: &&usize| plan.via[item] != Some(depot) && self.options[item].contains(&depot);
            let offered: Vec<(usize, Option<usize>)> =
                left.iter().filter(mine).map(|&item| (item, plan.via[item])).collect();
            if offered.is_empty() || control.stopped() {
                continue;
            }
            offered.iter().for_each(|&(item, _)| plan.via[item] = Some(depot));
            spent += self.solve_rounds(plan, depot, SWEEP_STEPS, chance.draw(), control);
            for (item, before) in offered {
                if !plan.serves(depot, item as u32) {
                    plan.via[item] = before;
                    continue;
                }
                left.retain(|&other| other != item);
                touched.insert(depot);
                if let Some(before) = before {
                    touched.insert(before);
                    for trip in plan.rounds[before].iter_mut().flat_map(|(_, trips)| trips) {
                        trip.retain(|&other| other as usize != item);
                    }
                }
            }
        }
        touched.extend(left.iter().filter_map(|&item| plan.via[item]));
        self.retime(plan);
        spent += self.solve_trunk(plan, 2 * SWEEP_STEPS, chance.draw(), control);
        self.retime(plan);
        for depot in touched {
            spent += self.solve_rounds(plan, depot, SWEEP_STEPS, chance.draw(), control);
        }
        self.retime(plan);
        spent += self.solve_trunk(plan, 2 * SWEEP_STEPS, chance.draw(), control);
        self.retime(plan);
        spent
    }

    /// Whether a plan leaves so much that all of it at once is worth a sweep.
    pub(super) fn leaves_much(&self, plan: &Candidate) -> bool {
        plan.account.must_left > 0 || plan.account.left * 200 > plan.account.served
    }

    /// Sweeps a first plan until that serves no more, within so many steps.
    pub(super) fn sweep_all(&self, plan: &mut Candidate, most: u64, seed: u64, control: &dyn Control) -> u64 {
        let mut chance = Chance::new(seed, 0x73_7765_6570);
        let mut spent = 0;
        let mut fruitless = 0;
        for _ in 0..SWEEPS {
            if !self.leaves_much(plan) || control.stopped() || fruitless > 1 || spent >= most {
                break;
            }
            let mut next = plan.clone();
            spent += self.sweep(&mut next, &mut chance, control);
            if next.rank() < plan.rank() {
                *plan = next;
                fruitless = 0;
            } else {
                fruitless += 1;
            }
        }
        spent
    }
}
