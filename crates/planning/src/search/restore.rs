//! A trunk trip of the evening that a change did away with is made again: its truck takes tasks at its stations from the
//! trips that have them now.

use super::stays::{Measure, TrunkTrip};
use super::{Candidate, CrewDay, Search};
use std::collections::BTreeSet;
use xiangyun_model::id::SiteId;
use xiangyun_solver::Control;

/// Ways of making a trip again that are timed at most.
const TRIES: u64 = 200;

/// Tasks that go to a truck: as a trip of their own, or into one that it makes already.
struct Move {
    tasks: Vec<u32>,
    joins: Option<usize>,
}

/// How much of what a trip does at a station another takes over.
#[derive(Clone, Copy)]
enum Part {
    All,
    /// The task that can be done at the soonest.
    Soonest,
}

/// A trip of the trunk as it is now: whose day, which trip of it, and whether the evening's plan had it.
struct Made<'p> {
    day: usize,
    turn: usize,
    tasks: &'p [u32],
    kept: bool,
}

/// A trip that is made no more, and all those that are.
struct Lost<'p> {
    plan: &'p Candidate,
    trip: &'p TrunkTrip,
    made: Vec<Made<'p>>,
}

impl Search<'_> {
    /// Makes trips of the evening again that the plan makes no more, where that is better by the measure. Its timings are no
    /// steps of the core; it ends at once when the control says so.
    pub(super) fn restore(
        &self,
        plan: &mut Candidate,
        trunk: &[TrunkTrip],
        by: Measure,
        control: &dyn Control,
    ) {
        let (mut timings, mut any) = (0, false);
        for at in 0..trunk.len() {
            let matched = self.matched(plan, trunk);
            if matched.pairs[at].is_some() {
                continue;
            }
            let lost = matched.lost();
            let mut best: Option<Candidate> = None;
            let most = timings + TRIES;
            let mut least = self.dawn_rank(plan, trunk, by);
            for (lacks, matched) in matched.instead(at, trunk) {
                for days in self.with_trip(&Lost::of(plan, &matched.pairs, &trunk[lacks])) {
                    if self.lost_in(plan, &days, trunk) >= lost {
                        continue;
                    }
                    if timings == most || control.stopped() {
                        break;
                    }
                    timings += 1;
                    let mut tried = plan.with_trunk(days);
                    self.retime_trunk(&mut tried, &plan.draft);
                    let rank = self.dawn_rank(&tried, trunk, by);
                    if rank < least {
                        (least, best) = (rank, Some(tried));
                    }
                }
            }
            if let Some(restored) = best {
                *plan = restored;
                any = true;
            }
        }
        if any {
            self.reslack(plan);
        }
    }

    /// The trunk's days with a lost trip, in every way there is: each of its moves, at each place of the truck's day.
    fn with_trip(&self, lost: &Lost<'_>) -> Vec<Vec<CrewDay>> {
        let plan = lost.plan;
        let drives = |crew: usize| self.day.crews[crew].vehicle == lost.trip.vehicle;
        let crew = plan.trunk.iter().map(|&(crew, _)| crew).find(|&c| drives(c));
        let Some(crew) = crew.or_else(|| self.trunk_crews.iter().copied().find(|&c| drives(c))) else {
            return Vec::new();
        };
        let is_own = |made: &Made<'_>| drives(plan.trunk[made.day].0);
        let mut all = Vec::new();
        for Move { tasks, joins } in lost.moves(is_own) {
            let mut days = plan.trunk.clone();
            days.iter_mut().flat_map(|(_, day)| day).for_each(|trip| trip.retain(|t| !tasks.contains(t)));
            if let Some(joined) = joins.map(|at| &lost.made[at]) {
                let trip = &mut days[joined.day].1[joined.turn];
                trip.extend(&tasks);
                if self.is_sound(plan, crew, trip) {
                    all.push(days);
                }
            } else if self.is_sound(plan, crew, &tasks) {
                let own = days.iter().position(|&(of, _)| of == crew).unwrap_or_else(|| {
                    days.push((crew, Vec::new()));
                    days.len() - 1
                });
                all.extend((0..=days[own].1.len()).map(|turn| {
                    let mut with = days.clone();
                    with[own].1.insert(turn, tasks.clone());
                    with
                }));
            }
        }
        for days in &mut all {
            days.iter_mut().for_each(|(_, day)| day.retain(|trip| !trip.is_empty()));
            days.retain(|(_, day)| !day.is_empty());
        }
        all
    }

    /// Whether a truck holds the goods of a trip at every moment, and none exclude each other.
    fn is_sound(&self, plan: &Candidate, crew: usize, trip: &[u32]) -> bool {
        let loads = |task: u32| {
            let task = &plan.tasks[task as usize];
            task.drop.iter().chain(&task.pick).copied()
        };
        let clashes = |at: usize| trip[..at].iter().any(|&t| self.clash(loads(t), &loads(trip[at])));
        !(1..trip.len()).any(clashes) && self.timer.holds(crew, &self.trunk_trip(crew, &plan.tasks, trip))
    }
}

impl<'p> Lost<'p> {
    fn of(plan: &'p Candidate, pairs: &[Option<usize>], trip: &'p TrunkTrip) -> Self {
        let trips = plan.trunk.iter().enumerate().flat_map(|(day, (_, trips))| {
            trips.iter().enumerate().map(move |(turn, tasks)| (day, turn, &tasks[..]))
        });
        let made = trips.enumerate().map(|(at, (day, turn, tasks))| {
            let kept = pairs.contains(&Some(at));
            Made { day, turn, tasks, kept }
        });
        Self { plan, trip, made: made.collect() }
    }

    /// When a task can be done at the soonest.
    fn soonest_s(&self, task: u32) -> i64 {
        let task = &self.plan.tasks[task as usize];
        task.ready_s.max(task.from_s)
    }

    fn site(&self, task: u32) -> SiteId {
        self.plan.tasks[task as usize].site
    }

    /// Stations to which the trip must go to be the same.
    fn least(&self) -> usize {
        self.trip.stations.len().div_ceil(2)
    }

    /// Tasks with which the trip would be made again.
    fn moves(&self, is_own: impl Fn(&Made<'p>) -> bool) -> Vec<Move> {
        let mut all: Vec<Move> = Vec::new();
        for (at, made) in self.made.iter().enumerate() {
            let common: Vec<u32> =
                made.tasks.iter().copied().filter(|&t| self.trip.stations.contains(&self.site(t))).collect();
            let there: BTreeSet<SiteId> = common.iter().map(|&t| self.site(t)).collect();
            if there.len() >= self.least() {
                if !made.kept && common.len() < made.tasks.len() {
                    all.push(Move { tasks: made.tasks.to_vec(), joins: None });
                }
                all.push(Move { tasks: common, joins: None });
            } else if !made.kept && is_own(made) {
                // A trip that the truck makes besides.
                for part in [Part::All, Part::Soonest] {
                    let more = self.spared(part, Some(at), |station| !there.contains(&station));
                    if let Some(enough) = more.get(..self.least() - there.len()) {
                        all.push(Move { tasks: enough.concat(), joins: Some(at) });
                    }
                }
            }
        }
        for part in [Part::All, Part::Soonest] {
            let more = self.spared(part, None, |_| true);
            if let Some(enough) = more.get(..self.least()) {
                if enough.len() < more.len() {
                    all.push(Move { tasks: enough.concat(), joins: None });
                }
                all.push(Move { tasks: more.concat(), joins: None });
            }
        }
        all
    }

    /// Tasks at stations of the trip, station by station, each from the trip but one that can best spare them: one that the
    /// evening did not have, and of which least is left.
    fn spared(&self, part: Part, but: Option<usize>, wanted: impl Fn(SiteId) -> bool) -> Vec<Vec<u32>> {
        let spared = |station: SiteId| {
            let here = |made: &Made<'p>| -> Vec<u32> {
                made.tasks.iter().copied().filter(|&t| self.site(t) == station).collect()
            };
            let others =
                self.made.iter().enumerate().filter(|&(at, _)| Some(at) != but).map(|(_, made)| made);
            others
                .map(|made| (made.kept, here(made), made.tasks.len()))
                .filter(|(_, here, _)| !here.is_empty())
                .min_by_key(|(kept, here, all)| (*kept, all - here.len()))
                .map(|(_, here, _)| match part {
                    Part::All => here,
                    Part::Soonest => {
                        here.into_iter().min_by_key(|&t| self.soonest_s(t)).into_iter().collect()
                    }
                })
        };
        self.trip.stations.iter().copied().filter(|&s| wanted(s)).filter_map(spared).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::TrunkTask;
    use xiangyun_model::id::VehicleId;

    /// Tasks at stations, in order; later ones can be done later.
    fn plan(stations: &[u32], trunk: Vec<CrewDay>) -> Candidate {
        let task = |(at, &station): (usize, &u32)| TrunkTask {
            site: SiteId(station),
            drop: vec![at as u32],
            pick: Vec::new(),
            from_s: at as i64,
            to_s: 1_000,
            wish_s: 1_000,
            ready_s: 0,
        };
        Candidate { tasks: stations.iter().enumerate().map(task).collect(), trunk, ..Candidate::default() }
    }

    /// What the moves for a trip to stations are: the tasks, and the trip of the plan that they join.
    fn moves(
        plan: &Candidate,
        kept: &[usize],
        stations: &[u32],
        own_day: usize,
    ) -> Vec<(Vec<u32>, Option<usize>)> {
        let trip =
            TrunkTrip { vehicle: VehicleId(9), stations: stations.iter().map(|&s| SiteId(s)).collect() };
        let pairs: Vec<Option<usize>> = kept.iter().map(|&at| Some(at)).collect();
        let lost = Lost::of(plan, &pairs, &trip);
        lost.moves(|made| made.day == own_day).into_iter().map(|of| (of.tasks, of.joins)).collect()
    }

    #[test]
    fn what_another_truck_does_of_a_trip_goes_back_to_its_own() {
        // The other truck goes to both stations of the trip and to a third.
        let plan = plan(&[1, 2, 3], vec![(0, vec![vec![0, 1, 2]])]);
        let all = moves(&plan, &[], &[1, 2], 7);
        assert!(all.contains(&(vec![0, 1, 2], None)), "a trip of nobody's is taken in whole: {all:?}");
        assert!(all.contains(&(vec![0, 1], None)), "or what is common: {all:?}");
        let all = moves(&plan, &[0], &[1, 2], 7);
        assert!(!all.contains(&(vec![0, 1, 2], None)), "a trip that another still makes stays: {all:?}");
        assert!(all.contains(&(vec![0, 1], None)) && all.contains(&(vec![0], None)), "{all:?}");
    }

    #[test]
    fn a_trip_is_gathered_from_several_that_can_best_spare_it() {
        // Station 1 is in a trip that is kept and in one that is not: the latter gives.
        let plan = plan(&[1, 5, 1, 2, 6], vec![(0, vec![vec![0, 1]]), (1, vec![vec![2, 3, 4]])]);
        let all = moves(&plan, &[0], &[1, 2, 3, 4], 7);
        assert!(all.contains(&(vec![2, 3], None)), "{all:?}");
        assert!(all.iter().all(|(tasks, _)| !tasks.contains(&0)), "{all:?}");
    }

    #[test]
    fn of_several_tasks_at_a_station_all_or_the_soonest_go() {
        let plan = plan(&[1, 1, 1], vec![(0, vec![vec![2, 0, 1]])]);
        let all = moves(&plan, &[0], &[1], 7);
        assert!(all.contains(&(vec![2, 0, 1], None)) && all.contains(&(vec![0], None)), "{all:?}");
    }

    #[test]
    fn a_trip_that_the_truck_makes_besides_is_joined() {
        // The truck itself goes to station 8 only, another to both stations of the lost trip.
        let plan = plan(&[8, 1, 2], vec![(0, vec![vec![0]]), (1, vec![vec![1, 2]])]);
        let all = moves(&plan, &[1], &[1, 2], 0);
        assert!(all.contains(&(vec![1], Some(0))), "half of its stations is enough: {all:?}");
        assert!(moves(&plan, &[0, 1], &[1, 2], 0).iter().all(|(_, joins)| joins.is_none()));
    }

    #[test]
    fn where_nobody_goes_there_is_nothing_to_take() {
        let plan = plan(&[3], vec![(0, vec![vec![0]])]);
        assert_eq!(moves(&plan, &[], &[1, 2], 7), []);
    }
}
