//! Moves across tiers, and the annealing that accepts them.

use super::candidate::Candidate;
use super::chance::Chance;
use super::{Search, Share};
use xiangyun_model::id::SiteId;
use xiangyun_solver::Control;

/// Steps of the search core that settle one change of a base's rounds.
const ROUND_STEPS: u64 = 120;
/// Steps that settle one change of the trunk.
const TRUNK_STEPS: u64 = 160;
/// Highest price accepted at the start, in millionths of the plan's cost.
const HEAT_PPM: i64 = 6000;

impl Search<'_> {
    /// One thread's part of one epoch: from `start` to the best plan it finds.
    pub(super) fn climb(
        &self,
        start: &Candidate,
        share: &Share,
        seed: u64,
        stream: u64,
        control: &dyn Control,
    ) -> Candidate {
        let mut chance = Chance::new(seed, stream + 1);
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
            let spent = self.change(&mut next, &mut chance, control);
            used += spent.max(1);
            let heat = HEAT_PPM * (1000 - share.progress_permille) / 1000;
            let allowed = now.account.total_fen() * heat / 1_000_000;
            // Exponential acceptance, from the top three bits of chance: none, a little, or the whole of the heat.
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

    /// Makes one change and settles it; returns the steps used.
    pub(super) fn change(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        if !self.seats.is_empty() && chance.permille(40) {
            return self.change_lines(plan, chance, control);
        }
        if plan.account.left > 0 && chance.permille(250) {
            // A plan that leaves much has more to win from all of it at once.
            return if self.leaves_much(plan) && chance.permille(300) {
                self.sweep(plan, chance, control)
            } else {
                self.fetch_left(plan, chance, control)
            };
        }
        let lot = chance.below(100);
        let fixed = self.variant.fixed_trunk || self.variant.direct_only;
        if lot < 45 {
            self.move_calls(plan, chance, control)
        } else if lot < 75 || (fixed && lot < 95) {
            self.ruin_rounds(plan, chance, control)
        } else if lot < 95 {
            self.ruin_trunk(plan, chance, control)
        } else {
            self.move_station(plan, chance, control)
        }
    }

    fn random_call(&self, chance: &mut Chance) -> Option<usize> {
        (self.items() > 0).then(|| chance.below(self.items()))
    }

    /// Calls at the sites nearest to a call's, itself first, among those of one base.
    fn neighbours(&self, plan: &Candidate, call: usize, most: usize) -> Vec<usize> {
        let site = self.item_site(call).index();
        let mut all: Vec<(u32, usize)> = (0..plan.via.len())
            .filter(|&c| plan.via[c] == plan.via[call])
            .map(|c| {
                (
                    self.day.travel.tables[0].bands[0].seconds
                        [site * self.day.travel.sites + self.item_site(c).index()],
                    c,
                )
            })
            .collect();
        all.sort_unstable();
        let mut list = vec![call];
        list.extend(all.into_iter().map(|(_, c)| c).filter(|&c| c != call).take(most.saturating_sub(1)));
        list
    }

    /// A village or a cluster goes to another base.
    fn move_calls(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        let Some(call) = self.random_call(chance) else { return 1 };
        let (Some(from), options) = (plan.via[call], &self.options[call]) else { return 1 };
        let others: Vec<usize> = options.iter().copied().filter(|&d| d != from).collect();
        if others.is_empty() {
            return 1;
        }
        let to = others[chance.below(others.len())];
        let size = 1 + chance.below(4) * chance.below(3);
        for moved in self.neighbours(plan, call, size) {
            if self.options[moved].contains(&to) {
                plan.via[moved] = Some(to);
            }
        }
        self.settle(plan, &[from, to], true, chance, control)
    }

    /// Something that is left is given to a base again, perhaps another one, and both tiers are searched longer for it.
    fn fetch_left(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        let left = |l: &u32| plan.timing.arrives[*l as usize].is_none();
        let items = self.left_items(plan);
        let stations: Vec<SiteId> = self
            .goods
            .trunk_only
            .iter()
            .chain(&self.station_transfers)
            .filter(|l| left(l))
            .map(|&l| self.station_of(l))
            .collect();
        let pick = chance.below((items.len() + stations.len()).max(1));
        let Some(&item) = items.get(pick) else {
            let Some(&station) = stations.get(pick - items.len()) else { return 1 };
            self.drop_tasks_of(plan, station);
            let spent = self.solve_trunk(plan, 2 * TRUNK_STEPS, chance.draw(), control);
            self.retime(plan);
            return spent;
        };
        let mut depots: Vec<usize> = plan.via[item].into_iter().collect();
        if chance.permille(600)
            && let Some(&to) = self.options[item].get(chance.below(self.options[item].len().max(1)))
        {
            plan.via[item] = Some(to);
            depots.push(to);
        }
        depots.dedup();
        let mut spent = 0;
        for &depot in &depots {
            spent += self.solve_rounds(plan, depot, 2 * ROUND_STEPS, chance.draw(), control);
        }
        self.retime(plan);
        if chance.permille(500) {
            self.drop_tasks_of(plan, self.day.depots[depots.last().copied().unwrap_or(0)]);
        }
        spent + self.settle(plan, &depots, true, chance, control)
    }

    fn station_of(&self, load: u32) -> SiteId {
        let cargo = self.cargo(load);
        if cargo.origin == self.day.county.hub { cargo.destination } else { cargo.origin }
    }

    fn drop_tasks_of(&self, plan: &mut Candidate, station: SiteId) {
        let tasks = &plan.tasks;
        for (_, trips) in &mut plan.trunk {
            for trip in trips {
                trip.retain(|&t| tasks[t as usize].site != station);
            }
        }
    }

    /// A part of a base's rounds is taken out and put back.
    fn ruin_rounds(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        let Some(call) = self.random_call(chance) else { return 1 };
        let Some(depot) = plan.via[call] else { return 1 };
        let size = 2 + chance.below(8);
        let out = self.neighbours(plan, call, size);
        for (_, trips) in &mut plan.rounds[depot] {
            for trip in trips {
                trip.retain(|&c| !out.contains(&(c as usize)));
            }
        }
        let trunk = chance.permille(300);
        self.settle(plan, &[depot], trunk, chance, control)
    }

    /// A part of the trunk is taken out and put back: a station's tasks, or a truck's day.
    fn ruin_trunk(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        if plan.trunk.is_empty() {
            return self.ruin_rounds(plan, chance, control);
        }
        if chance.permille(400) {
            let day = chance.below(plan.trunk.len());
            plan.trunk.remove(day);
        } else {
            let station = self.day.depots[chance.below(self.day.depots.len())];
            self.drop_tasks_of(plan, station);
        }
        let depots: Vec<usize> =
            if chance.permille(500) { vec![chance.below(self.day.depots.len())] } else { Vec::new() };
        let mut spent = self.solve_trunk(plan, 2 * TRUNK_STEPS, chance.draw(), control);
        self.retime(plan);
        spent += self.settle(plan, &depots, false, chance, control);
        spent
    }

    /// Everything that a base serves goes straight from the hub, or back to its own station.
    fn move_station(&self, plan: &mut Candidate, chance: &mut Chance, control: &dyn Control) -> u64 {
        let depot = chance.below(self.day.depots.len());
        let own = self.day.depots[depot];
        let calls: Vec<usize> =
            (0..plan.via.len()).filter(|&c| self.day.county.station_of(self.item_site(c)) == own).collect();
        let direct = calls.iter().filter(|&&c| plan.via[c] == Some(0)).count() * 2 > calls.len();
        let mut touched = vec![0, depot];
        for call in calls {
            let to = if direct { depot } else { 0 };
            if self.options[call].contains(&to) {
                touched.extend(plan.via[call]);
                plan.via[call] = Some(to);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        self.settle(plan, &touched, true, chance, control)
    }

    /// Solves the rounds touched, then the trunk if asked, and times and prices the whole.
    pub(super) fn settle(
        &self,
        plan: &mut Candidate,
        depots: &[usize],
        trunk: bool,
        chance: &mut Chance,
        control: &dyn Control,
    ) -> u64 {
        let mut spent = 0;
        for &depot in depots {
            spent += self.solve_rounds(plan, depot, ROUND_STEPS, chance.draw(), control);
        }
        self.retime(plan);
        if trunk {
            spent += self.solve_trunk(plan, TRUNK_STEPS, chance.draw(), control);
            self.retime(plan);
            if !plan.timing.clashes.is_empty() || plan.account.must_left > 0 {
                for &depot in depots {
                    spent += self.solve_rounds(plan, depot, ROUND_STEPS, chance.draw(), control);
                }
                self.retime(plan);
            }
        }
        spent
    }
}
