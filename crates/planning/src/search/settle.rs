//! Settling a change: rounds of a base and the trunk solved by the search core, the whole timed and priced.

use super::Search;
use super::candidate::{Candidate, CrewDay};
use crate::account::account;
use crate::consolidate::Call;
use crate::draft::{Draft, Stop, TripDraft};
use crate::frame::{Framed, RoundItem, TrunkTask};
use crate::slack::slack;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::SiteId;
use xiangyun_solver::problem::JobId;
use xiangyun_solver::{Budget, Control, JobLock, Locks, Route, Solution, Visit, solve};

/// The inner search is stopped by the same hand as the outer one.
pub(super) struct Inner<'c>(pub(super) &'c dyn Control);

impl Control for Inner<'_> {
    fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }
    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

impl Search<'_> {
    /// The first whole plan.
    pub(super) fn first(&self, steps: u64, seed: u64, control: &dyn Control, used: &mut u64) -> Candidate {
        let mut plan = Candidate {
            via: (0..self.items()).map(|item| self.options[item].first().copied()).collect(),
            rounds: vec![Vec::new(); self.day.depots.len()],
            ..Candidate::default()
        };
        let part = (steps / (4 * self.day.depots.len() as u64)).max(20);
        for pass in 0..3 {
            for depot in 0..self.day.depots.len() {
                *used += self.solve_rounds(&mut plan, depot, part, seed.wrapping_add(pass), control);
            }
            if pass == 0 {
                // Before anything is timed the trunk only hears where goods must go.
                self.retime(&mut plan);
            }
            *used += self.solve_trunk(&mut plan, steps / 8, seed.wrapping_add(pass), control);
            self.retime(&mut plan);
        }
        plan
    }

    /// Solves the rounds of one base from where they stand; returns the steps used.
    pub(super) fn solve_rounds(
        &self,
        plan: &mut Candidate,
        depot: usize,
        steps: u64,
        seed: u64,
        control: &dyn Control,
    ) -> u64 {
        let Some(framed) = self.frame_rounds(plan, depot) else {
            plan.rounds[depot].clear();
            return 0;
        };
        let warm = warm(&framed, &plan.rounds[depot], |item| item);
        let held = |kept| self.hold_vans(kept, &framed, &warm, plan.frozen);
        let locks = self.kept.as_ref().map_or_else(Locks::none, held);
        let outcome = solve(
            &framed.problem,
            Some(&warm),
            &locks,
            &Budget::steps(steps.min(crate::limits::INNER_STEPS_MAX)).seed(seed),
            &Inner(control),
        );
        plan.rounds[depot] = days_of(&framed, &outcome.solution);
        outcome.iterations
    }

    /// The rounds of one base as a problem of the core, if there is anything to do and anyone to do it.
    pub(super) fn frame_rounds(&self, plan: &Candidate, depot: usize) -> Option<Framed> {
        let base = self.day.depots[depot];
        let items: Vec<RoundItem<'_>> = (0..plan.via.len())
            .filter(|&item| plan.via[item] == Some(depot))
            .filter_map(|item| self.round_item(plan, item, base))
            .collect();
        if items.is_empty() || self.crews[depot].is_empty() {
            return None;
        }
        self.frames.rounds(base, &self.crews[depot], &items, plan.other_van_fen)
    }

    /// Asks the rounds for the trunk's tasks and solves the trunk from where it stands; returns the steps used.
    pub(super) fn solve_trunk(
        &self,
        plan: &mut Candidate,
        steps: u64,
        seed: u64,
        control: &dyn Control,
    ) -> u64 {
        if self.variant.direct_only || self.trunk_crews.is_empty() {
            return 0;
        }
        if let Some(kept) = self.kept.as_ref().filter(|_| plan.frozen) {
            return self.lay_trunk(kept, plan, steps, seed, control);
        }
        let tasks = self.tasks(plan);
        let renamed = match self.kept {
            Some(_) => rename_by_loads(&plan.tasks, &tasks),
            None => rename(&plan.tasks, &tasks),
        };
        let first = plan.tasks.is_empty();
        if self.variant.fixed_trunk && !first && plan.frozen {
            self.keep_trunk(plan, tasks, &renamed);
            return 0;
        }
        let Some(framed) = self.frames.trunk(&self.trunk_crews, &tasks) else { return 0 };
        let warm = warm(&framed, &plan.trunk, |old| renamed.get(&old).copied().unwrap_or(u32::MAX));
        let mut locks = Locks::none();
        if plan.trunk_held {
            warm.routes.iter().flat_map(Route::jobs).for_each(|job| locks.set(job, JobLock::FixedVehicle));
        }
        let outcome = solve(
            &framed.problem,
            Some(&warm),
            &locks,
            &Budget::steps(steps.min(crate::limits::INNER_STEPS_MAX)).seed(seed),
            &Inner(control),
        );
        plan.trunk = days_of(&framed, &outcome.solution);
        plan.tasks = tasks;
        outcome.iterations
    }

    /// The trunk's trips stay as they are: tasks that mean the same keep their place, new ones ride with a truck that
    /// comes to their station anyway and has room.
    fn keep_trunk(&self, plan: &mut Candidate, tasks: Vec<TrunkTask>, renamed: &BTreeMap<u32, u32>) {
        let mut placed = vec![false; tasks.len()];
        for trip in plan.trunk.iter_mut().flat_map(|(_, trips)| trips) {
            *trip = trip.iter().filter_map(|old| renamed.get(old).copied()).collect();
            trip.iter().for_each(|&task| placed[task as usize] = true);
        }
        for task in (0..tasks.len() as u32).filter(|&t| !placed[t as usize]) {
            let joins = |crew: usize, trip: &[u32]| {
                let after = trip.iter().position(|&t| tasks[t as usize].site == tasks[task as usize].site)?;
                let mut longer = trip.to_vec();
                longer.insert(after + 1, task);
                self.timer.holds(crew, &self.trunk_trip(crew, &tasks, &longer)).then_some(longer)
            };
            let mut all: Vec<(usize, &mut Vec<u32>)> = plan
                .trunk
                .iter_mut()
                .flat_map(|(crew, trips)| trips.iter_mut().map(|t| (*crew, t)))
                .collect();
            // What is fetched rides late, what is brought early.
            if tasks[task as usize].drop.is_empty() {
                all.reverse();
            }
            if let Some((trip, longer)) =
                all.into_iter().find_map(|(crew, trip)| joins(crew, trip).map(|longer| (trip, longer)))
            {
                *trip = longer;
            }
        }
        plan.tasks = tasks;
    }

    /// Writes the draft anew, times it and prices it.
    pub(super) fn retime(&self, plan: &mut Candidate) {
        plan.draft = self.draft(plan);
        plan.timing = self.timer.time(&plan.draft);
        plan.account = account(self.day, &self.goods.cargo, &plan.draft, &plan.timing, &self.floor_due);
        self.reslack(plan);
    }

    /// The same for a plan whose trunk alone differs from that of a draft, but for its slack, which only the plan taken
    /// needs.
    pub(super) fn retime_trunk(&self, plan: &mut Candidate, from: &Draft) {
        let mut draft = from.clone();
        self.trunk_crews.iter().for_each(|&crew| draft.days[crew].clear());
        self.draft_trunk(plan, &mut draft);
        plan.draft = draft;
        plan.timing = self.timer.time(&plan.draft);
        plan.account = account(self.day, &self.goods.cargo, &plan.draft, &plan.timing, &self.floor_due);
    }

    /// The slack of a plan that has been timed without.
    pub(super) fn reslack(&self, plan: &mut Candidate) {
        plan.slack = slack(self.day, &self.goods.cargo, &plan.timing);
    }

    /// The draft of a candidate's sequences.
    pub(crate) fn draft(&self, plan: &Candidate) -> Draft {
        let mut draft = Draft { days: vec![Vec::new(); self.day.crews.len()], lines: plan.lines.clone() };
        for (crew, trips) in plan.rounds.iter().flatten() {
            draft.days[*crew] = trips
                .iter()
                .map(|items| self.round_trip(*crew, items, plan))
                .filter(|trip| !trip.stops.is_empty())
                .collect();
        }
        self.draft_trunk(plan, &mut draft);
        draft
    }

    fn draft_trunk(&self, plan: &Candidate, draft: &mut Draft) {
        for (crew, trips) in &plan.trunk {
            draft.days[*crew] = trips
                .iter()
                .filter(|tasks| !tasks.is_empty())
                .map(|tasks| self.trunk_trip(*crew, &plan.tasks, tasks))
                .collect();
        }
    }

    pub(super) fn round_trip(&self, crew: usize, items: &[u32], plan: &Candidate) -> TripDraft {
        let mut trip = TripDraft::default();
        let base = self.day.crews[crew].base;
        let mut aboard: Vec<u32> = Vec::new();
        for &item in items {
            if let Some(load) = self.local(item as usize) {
                let cargo = self.cargo(load);
                let from_base = cargo.origin == base;
                if from_base || aboard.contains(&load) {
                    merge(&mut trip, cargo.destination, &[load], &[]);
                } else {
                    merge(&mut trip, cargo.origin, &[], &[load]);
                    aboard.push(load);
                }
                continue;
            }
            let call = self.by_road(plan, item as usize);
            if !(call.down.is_empty() && call.up.is_empty()) {
                merge(&mut trip, call.site, &call.down, &call.up);
            }
        }
        self.timer.set_layout(crew, &mut trip);
        trip
    }

    /// A call without what lines carry of it.
    fn by_road(&self, plan: &Candidate, call: usize) -> Cow<'_, Call> {
        let call = &self.goods.calls[call];
        if plan.lines.is_empty() {
            return Cow::Borrowed(call);
        }
        let mut left = call.clone();
        left.down.retain(|&l| !plan.on_line(l));
        left.up.retain(|&l| !plan.on_line(l));
        Cow::Owned(left)
    }

    /// What the core must know of an item that a base serves; `None` when nothing is left of it.
    fn round_item<'p>(&'p self, plan: &Candidate, item: usize, base: SiteId) -> Option<RoundItem<'p>> {
        if let Some(load) = self.local(item) {
            return Some(RoundItem::Local { item: item as u32, load });
        }
        let call = self.by_road(plan, item);
        if call.down.is_empty() && call.up.is_empty() {
            return None;
        }
        let release_s = call.down.iter().map(|&load| self.ready_from_trunk(plan, load, base)).max();
        let back_by_s = call.up.iter().map(|&load| self.wanted_at(plan, load, base)).min();
        Some(RoundItem::Call {
            item: item as u32,
            release_s: release_s.unwrap_or(0),
            back_by_s: back_by_s.unwrap_or(i64::MAX / 4),
            call,
        })
    }

    pub(super) fn trunk_trip(&self, crew: usize, tasks: &[TrunkTask], sequence: &[u32]) -> TripDraft {
        let mut trip = TripDraft::default();
        for &at in sequence {
            let task = &tasks[at as usize];
            merge(&mut trip, task.site, &task.drop, &task.pick);
        }
        self.timer.set_layout(crew, &mut trip);
        trip
    }

    /// When a load can be loaded at a base: what the trunk brings when it does, else a fair guess.
    pub(super) fn ready_from_trunk(&self, plan: &Candidate, load: u32, base: SiteId) -> i64 {
        let cargo = self.cargo(load);
        if base == cargo.origin {
            return cargo.release_s;
        }
        let crossing = self.day.county.site(base).crossing_s(cargo.handled);
        let brought = plan.slack.leaves.get(load as usize).and_then(|all| {
            all.iter().find_map(|&(t, v)| {
                let trip = &plan.timing.trips[t as usize];
                let visit = &trip.visits[v as usize];
                (visit.site == base && self.day.crews[trip.crew].trunk).then_some(visit.finish + crossing)
            })
        });
        brought.unwrap_or_else(|| self.guess_ready(plan, load, base) + crossing)
    }

    /// When a load that no truck has brought yet could be at a base: with a truck that goes there anyway, else with
    /// one sent for it.
    fn guess_ready(&self, plan: &Candidate, load: u32, base: SiteId) -> i64 {
        let cargo = self.cargo(load);
        let hub = self.day.county.site(self.day.county.hub);
        let place = self.day.county.site(base);
        let passing = plan
            .timing
            .trips
            .iter()
            .filter(|t| self.day.crews[t.crew].trunk && t.visits[0].start >= cargo.release_s)
            .flat_map(|t| &t.visits[1..])
            .filter(|v| v.site == base)
            .map(|v| v.finish)
            .min();
        let begins = self.trunk_crews.iter().map(|&c| self.day.crews[c].window.from_s).min().unwrap_or(0);
        let sent = cargo.release_s.max(begins)
            + hub.stop_s(4 * cargo.handled)
            + self.home_s(base)
            + place.stop_s(4 * cargo.handled);
        passing.map_or(sent, |p| p.min(sent + 5400))
    }

    /// By when a collected load must be back at a base.
    fn wanted_at(&self, plan: &Candidate, load: u32, base: SiteId) -> i64 {
        let cargo = self.cargo(load);
        if base == cargo.destination {
            return cargo.due_s;
        }
        let place = self.day.county.site(base);
        let crossing = place.crossing_s(cargo.handled);
        let fetched = plan.slack.boards.get(load as usize).and_then(|all| {
            all.iter().find_map(|&(t, v)| {
                let trip = &plan.timing.trips[t as usize];
                let visit = &trip.visits[v as usize];
                let trunk = self.day.crews[trip.crew].trunk;
                (visit.site == base && trunk).then(|| plan.slack.latest[t as usize][v as usize] - crossing)
            })
        });
        let hub = self.day.county.site(self.day.county.hub);
        let last =
            cargo.due_s.min(self.trunk_ends_s) - self.home_s(base) - hub.service_s - 4 * place.service_s;
        fetched.unwrap_or(last - crossing)
    }
}

/// Adds loads to a trip's last stop if it is at the same site, else as a new stop.
fn merge(trip: &mut TripDraft, site: SiteId, drop: &[u32], pick: &[u32]) {
    match trip.stops.last_mut().filter(|s| s.site == site) {
        Some(stop) => {
            stop.drop.extend_from_slice(drop);
            stop.pick.extend_from_slice(pick);
        }
        None => trip.stops.push(Stop { site, drop: drop.to_vec(), pick: pick.to_vec() }),
    }
}

/// Old tasks by the new ones that mean the same: station, way and turn.
fn rename(old: &[TrunkTask], new: &[TrunkTask]) -> BTreeMap<u32, u32> {
    let keys = |tasks: &[TrunkTask]| {
        let mut turns: BTreeMap<(SiteId, bool), u32> = BTreeMap::new();
        let mut keyed = BTreeMap::new();
        for (at, task) in tasks.iter().enumerate() {
            let key = (task.site, task.drop.is_empty());
            let turn = turns.entry(key).or_insert(0);
            keyed.insert((key, *turn), at as u32);
            *turn += 1;
        }
        keyed
    };
    let new = keys(new);
    keys(old).into_iter().filter_map(|(key, at)| new.get(&key).map(|&to| (at, to))).collect()
}

/// Old tasks by the new ones that carry most of their goods, so that at dawn a trip keeps what it carries however the rest
/// is cut.
fn rename_by_loads(old: &[TrunkTask], new: &[TrunkTask]) -> BTreeMap<u32, u32> {
    let goods = |task: &TrunkTask| -> Vec<(u32, bool)> {
        task.drop.iter().map(|&l| (l, true)).chain(task.pick.iter().map(|&l| (l, false))).collect()
    };
    let mut before: BTreeMap<(u32, bool), u32> = BTreeMap::new();
    for (at, task) in old.iter().enumerate() {
        before.extend(goods(task).into_iter().map(|key| (key, at as u32)));
    }
    let mut common: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for (at, task) in new.iter().enumerate() {
        for was in goods(task).iter().filter_map(|key| before.get(key)) {
            *common.entry((*was, at as u32)).or_default() += 1;
        }
    }
    let mut pairs: Vec<(usize, (u32, u32))> = common.into_iter().map(|(pair, n)| (n, pair)).collect();
    pairs.sort_by_key(|&(n, pair)| (std::cmp::Reverse(n), pair));
    let (mut renamed, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for (_, (was, is)) in pairs {
        if !renamed.contains_key(&was) && taken.insert(is) {
            renamed.insert(was, is);
        }
    }
    renamed
}

/// The solution of a problem that repeats earlier days as far as their items are still there.
pub(super) fn warm(framed: &Framed, days: &[CrewDay], rename: impl Fn(u32) -> u32) -> Solution {
    let mut jobs: BTreeMap<u32, Vec<JobId>> = BTreeMap::new();
    for (job, &item) in framed.jobs.iter().enumerate() {
        jobs.entry(item).or_default().push(JobId(job as u32));
    }
    let mut routes = Vec::new();
    for (crew, trips) in days {
        let Some(vehicle) = framed.crews.iter().position(|c| c == crew) else { continue };
        let mut visits: Vec<Visit> = Vec::new();
        let mut met: BTreeMap<u32, usize> = BTreeMap::new();
        for trip in trips {
            let before = visits.len();
            for item in trip.iter().map(|&i| rename(i)) {
                let turn = met.entry(item).or_insert(0);
                if let Some(&job) = jobs.get(&item).and_then(|all| all.get(*turn)) {
                    if visits.len() == before && before > 0 {
                        visits.push(Visit::Reload(0));
                    }
                    visits.push(Visit::Job(job));
                }
                *turn += 1;
            }
        }
        if !visits.is_empty() {
            routes.push(Route { vehicle: xiangyun_solver::problem::VehicleId(vehicle as u32), visits });
        }
    }
    // A pair whose other half has gone may not stay alone.
    Solution::of(&framed.problem, routes)
}

/// Days by item of a solution.
pub(super) fn days_of(framed: &Framed, solution: &Solution) -> Vec<CrewDay> {
    let mut days = Vec::new();
    for route in &solution.routes {
        let mut trips: Vec<Vec<u32>> = vec![Vec::new()];
        for visit in &route.visits {
            match visit {
                Visit::Job(job) => trips.last_mut().expect("never empty").push(framed.jobs[job.index()]),
                Visit::Reload(_) => trips.push(Vec::new()),
            }
        }
        trips.retain(|t| !t.is_empty());
        if !trips.is_empty() {
            days.push((framed.crews[route.vehicle.index()], trips));
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_dawn_a_task_is_the_one_that_carried_most_of_its_goods() {
        let task = |drop: &[u32], pick: &[u32]| TrunkTask {
            drop: drop.to_vec(),
            pick: pick.to_vec(),
            ..TrunkTask::at(SiteId(1))
        };
        let old = [task(&[1, 2, 3], &[]), task(&[4], &[]), task(&[], &[1])];
        let new = [task(&[9], &[]), task(&[], &[1]), task(&[2, 3, 4], &[]), task(&[1], &[])];
        assert_eq!(rename_by_loads(&old, &new), BTreeMap::from([(0, 2), (2, 1)]));
    }
}
