//! Threads that search together: each walks alone for an epoch, then the worst takes over the best plan.
//!
//! Epochs end at fixed shares of the budget and the exchange goes by rank and number, so that with a budget in steps
//! each number of threads has one result.

use super::Outcome;
use super::breed::{self, Breeder};
use super::choice::Kind;
use super::clock::Clock;
use super::cooling::{HUGE, LARGE};
use super::eval::Eval;
use super::lavish::FULL_EVERY;
use super::net::Net;
use super::tight::Tight;
use super::walk::{Best, Walk};
use crate::budget::{Budget, STEPS_DEFAULT, THREADS_MAX};
use crate::control::{Control, Progress};
use crate::cost::evaluate;
use crate::problem::Objective;
use crate::solution::Solution;

/// Exchanges in one search.
const EPOCHS: u32 = 40;
/// Up to so many jobs there are several coolings, and what they find is recombined.
pub(super) const SMALL: usize = 150;
/// Share of the budget, of what is left once vehicles are saved, after which plans are crossed: of up to [`SMALL`] jobs,
/// of up to [`MIDDLE`], of more; without windows and with them. Chosen on the instances named in benches/RESULTS.md.
const BREEDS: [[f64; 2]; 3] = [[0.1, 0.1], [0.25, 0.6], [0.7, 0.7]];
pub(super) const MIDDLE: usize = 300;
/// The same where vehicles are few and full, which cooling finds no way around: of more than [`MIDDLE`] jobs up to
/// [`breed::FEW_JOBS`].
const BREEDS_FEW: f64 = 0.15;
/// Least budget for each job in which plans are crossed at all.
const BREEDS_STEPS: u64 = 1000;
const BREEDS_MICROS: u128 = 5000;
/// From this part of that time on plans of the cooling are taken into the population.
const SHOWN_FROM: f64 = 0.5;
/// How often jobs that the first plan has left out try again.
const FIRST_AGAIN: usize = 3;
/// Most classes of vehicles that are tried alone for the first plan, and up to how many jobs.
const CLASSES_TRIED: usize = 12;
const ANEW_JOBS: usize = 1500;

/// One search of one problem.
pub(super) struct Run<'a> {
    pub(super) net: &'a Net<'a>,
    pub(super) start: Option<&'a Solution>,
    pub(super) budget: &'a Budget,
    pub(super) control: &'a dyn Control,
}

pub(super) struct Member<'a, E> {
    pub(super) walk: Walk<'a, E>,
    pub(super) clock: Clock<'a>,
    history: Vec<Progress>,
    /// Has finished saving vehicles.
    saved: bool,
    /// Share of the budget spent when the last one was saved.
    pub(super) saved_at: f64,
    /// Has tried to leave no job out.
    served: bool,
    /// Has begun to.
    pub(super) pruning: bool,
    /// Share of the budget from which the next plan that leaves no job out is shown to the breeder.
    pub(super) shown: f64,
    /// Share of the budget spent when annealing began.
    pub(super) cool_from: f64,
    /// Mean cost of a job's way or of what of it lies between jobs, the unit of temperature.
    pub(super) unit: f64,
    /// Round of cooling.
    pub(super) round: usize,
    /// Price of what routes carry too much, where they may.
    pub(super) tight: Option<Tight>,
    /// Whether they may has been decided.
    pub(super) weighed: bool,
    /// The genetic search, where it knows every rule.
    pub(super) breeder: Option<Box<dyn Breeder + 'a>>,
    /// What the best plan of the walk cost when the breeder last heard of one.
    pub(super) heard: i64,
}

impl<E: Eval> Member<'_, E> {
    /// Tells the breeder of the walk's best plan, if it is another than the one that it heard of last.
    pub(super) fn tell_best(&mut self, breeder: &mut dyn Breeder) {
        if self.heard != self.walk.best.cost {
            self.heard = self.walk.best.cost;
            breeder.welcome(&self.walk.best);
        }
    }
}

impl<'a> Run<'a> {
    pub(super) fn go<E: Eval + Send>(&'a self, kernel: impl Fn() -> E) -> Outcome {
        let threads = self.budget.threads.clamp(1, THREADS_MAX);
        let mut first = self.member(&kernel, 0, threads);
        self.construct(&mut first);
        let mut team = vec![first];
        for number in 1..threads {
            let mut member = self.member(&kernel, number as u64, threads);
            member.walk.adopt(&team[0].walk.best);
            member.unit = team[0].unit;
            team.push(member);
        }
        let mut history = std::mem::take(&mut team[0].history);
        for epoch in 1..=EPOCHS {
            let until = f64::from(epoch) / f64::from(EPOCHS);
            if let [alone] = team.as_mut_slice() {
                self.epoch(alone, until);
            } else {
                std::thread::scope(|scope| {
                    for member in &mut team {
                        scope.spawn(move || self.epoch(member, until));
                    }
                });
            }
            let best = self.best_of(&team);
            history.append(&mut team[best].history);
            for member in &mut team {
                member.history.clear();
            }
            self.exchange(&mut team, best, epoch);
        }
        let best = &team[self.best_of(&team)];
        let solution = best.walk.solution(&best.walk.best, self.start);
        let evaluation = evaluate(self.net.problem, &solution, self.net.locks);
        let iterations = team.iter().map(|m| m.clock.steps).sum();
        if let Some(mut last) = history.last().copied() {
            (last.cost, last.missing) = (evaluation.cost.total(), evaluation.missing);
            last.vehicles = best.walk.best.used as usize;
            if history.last() != Some(&last) {
                history.push(last);
            }
        }
        Outcome { solution, evaluation, iterations, history }
    }

    fn member<E: Eval>(&'a self, kernel: &impl Fn() -> E, number: u64, threads: usize) -> Member<'a, E> {
        let seed = self.budget.seed.wrapping_add(number.wrapping_mul(0x9e37_79b9));
        Member {
            walk: Walk::new(self.net, kernel(), seed),
            clock: Clock::new(self.budget, self.control, threads as u64),
            history: Vec::new(),
            saved: false,
            saved_at: 0.0,
            served: false,
            pruning: false,
            shown: FULL_EVERY,
            cool_from: 0.0,
            unit: 1.0,
            round: 0,
            tight: None,
            weighed: false,
            breeder: if self.start.is_none() && self.is_long(threads) {
                breed::of(self.net, seed ^ 0xb4eed)
            } else {
                None
            },
            heard: i64::MAX,
        }
    }

    /// The first plan: the start as far as it holds, the rest inserted.
    fn construct<E: Eval>(&self, member: &mut Member<'_, E>) {
        let walk = &mut member.walk;
        if let Some(start) = self.start {
            walk.load(start);
        }
        walk.links.begin();
        walk.save_ways();
        let eager = std::mem::replace(&mut walk.eager, true);
        walk.recreate();
        // A blink may have passed over the only place of a job; with one left out no vehicle would be saved later.
        for _ in 0..FIRST_AGAIN {
            if walk.absence().1 == 0 || self.start.is_some() {
                break;
            }
            walk.recreate();
        }
        walk.eager = eager;
        walk.keep();
        walk.store_all();
        if self.net.optional && self.start.is_none() {
            walk.take_all();
            walk.prune();
            Self::keep_better(walk);
        }
        let classes = self.net.classes.len();
        let mixed = (2..=CLASSES_TRIED).contains(&classes) && self.net.dearest > 0;
        if mixed && self.start.is_none() && self.net.jobs <= ANEW_JOBS {
            for class in 0..classes {
                walk.make_anew(class);
                Self::keep_better(walk);
            }
        }
        let slots = 0..self.net.slots.len() as u32;
        let used = slots.filter(|&r| walk.links.routes[r as usize].size > 0);
        let fixed: i64 = used.map(|r| self.net.kind(r).fixed + self.net.weight(r)).sum();
        let whole = self.net.windows || self.net.jobs <= SMALL || (LARGE + 1..=HUGE).contains(&self.net.jobs);
        let share = if whole { 1.0 } else { Self::share_between(walk) };
        let served = self.net.jobs.saturating_sub(walk.links.absent.len()).max(1);
        member.unit = share * (walk.links.cost - fixed).max(1) as f64 / served as f64;
        self.note(member);
    }

    /// Stores the plan of the iteration if it is the best, else undoes it.
    fn keep_better<E: Eval>(walk: &mut Walk<'_, E>) {
        if walk.is_better(walk.cost()) {
            walk.keep();
            walk.store_all();
        } else {
            walk.reject();
        }
    }

    /// Searches until that share of the budget is spent.
    fn epoch<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) {
        if !member.saved {
            member.saved = self.save_vehicles(member, until);
            member.cool_from = member.clock.fraction().min(0.9);
        }
        if member.saved && !member.served {
            member.served = self.serve_all(member, until);
            member.cool_from = member.clock.fraction().min(0.9);
        }
        if !member.served {
            return;
        }
        let from = self.breeds_from(member);
        self.anneal(member, until.min(from));
        if member.breeder.is_none() {
            return;
        }
        if until <= from {
            self.show(member, until, from);
        } else if !member.clock.is_over() {
            self.breed(member, until);
        }
    }

    /// Whether the budget is long enough for a population: in a short one annealing gets further.
    fn is_long(&self, threads: usize) -> bool {
        let Budget { steps, time, .. } = self.budget;
        let jobs = self.net.jobs as u64;
        let none = steps.is_none() && time.is_none();
        let steps = if none { Some(STEPS_DEFAULT) } else { *steps };
        steps.is_none_or(|s| s / threads.max(1) as u64 >= jobs * BREEDS_STEPS)
            && time.is_none_or(|t| t.as_micros() >= u128::from(jobs) * BREEDS_MICROS)
    }

    /// Share of the budget at which the genetic search takes over.
    pub(super) fn breeds_from<E: Eval>(&self, member: &Member<'_, E>) -> f64 {
        if member.breeder.is_none() {
            return 1.0;
        }
        if self.begins_full() {
            return member.cool_from;
        }
        let size = usize::from(self.net.jobs > SMALL) + usize::from(self.net.jobs > MIDDLE);
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        let share = if few && (MIDDLE + 1..=breed::FEW_JOBS).contains(&self.net.jobs) {
            BREEDS_FEW
        } else {
            BREEDS[size][usize::from(self.net.windows)]
        };
        member.cool_from + (1.0 - member.cool_from) * share
    }

    /// Plans on the way of a long cooling go into the population: they are good, and differ.
    fn show<E: Eval>(&self, member: &mut Member<'_, E>, now: f64, from: f64) {
        if let Some(breeder) = &mut member.breeder
            && self.net.jobs > SMALL
            && now >= SHOWN_FROM * from
        {
            breeder.welcome(&member.walk.snapshot());
        }
    }

    /// Crosses plans until that share of the budget is spent.
    fn breed<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) {
        let Some(mut breeder) = member.breeder.take() else { return };
        while member.walk.best.missing == 0 {
            let (least, fleet) = (member.walk.best.cost, member.walk.fleet);
            member.tell_best(&mut *breeder);
            let Some(plan) = breeder.breed(&mut member.clock, until, least, fleet) else { break };
            member.heard = plan.cost;
            member.walk.adopt(&plan);
            debug_assert_eq!(
                member.walk.cost(),
                plan.cost,
                "a plan of the genetic search costs something else"
            );
            self.note(member);
        }
        if member.walk.best.missing > 0 {
            self.anneal(member, until);
        }
        member.breeder = Some(breeder);
    }

    fn best_of<E: Eval>(&self, team: &[Member<'_, E>]) -> usize {
        let key = |m: &Member<'_, E>| self.rank(&m.walk.best);
        (0..team.len()).min_by_key(|&i| (key(&team[i]), i)).unwrap_or(0)
    }

    fn rank(&self, best: &Best) -> (usize, u32, i64) {
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        (best.missing, if few { best.used } else { 0 }, best.cost)
    }

    /// The member with the worst best takes over the best; all do when that saves a vehicle, or near the end.
    fn exchange<E: Eval>(&self, team: &mut [Member<'_, E>], best: usize, epoch: u32) {
        if team.len() < 2 {
            return;
        }
        let top = team[best].walk.best.clone();
        // Each remembers what the others found, and recombines it with its own.
        if epoch.is_multiple_of(4) && epoch * 3 > EPOCHS {
            let plans: Vec<Best> = team.iter().map(|m| m.walk.best.clone()).collect();
            for (i, member) in team.iter_mut().enumerate().filter(|(_, m)| m.served) {
                for (_, plan) in plans.iter().enumerate().filter(|&(from, _)| from != i) {
                    member.walk.memory.keep(plan, self.net.jobs);
                }
                member.walk.choice.open(Kind::Inherit);
            }
        }
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        let worst = (0..team.len()).max_by_key(|&i| (self.rank(&team[i].walk.best), i)).unwrap_or(best);
        for (i, member) in team.iter_mut().enumerate() {
            let fewer = top.missing < member.walk.best.missing || few && top.used < member.walk.best.used;
            let late = i == worst && epoch.is_multiple_of(4) && epoch * 2 > EPOCHS;
            if i != best && member.saved && (fewer || late) && self.rank(&top) < self.rank(&member.walk.best)
            {
                member.walk.adopt(&top);
                if few {
                    member.walk.fleet = top.used;
                }
            }
        }
    }

    pub(super) fn note<E: Eval>(&self, member: &mut Member<'_, E>) {
        let best = &member.walk.best;
        let missing = best.absent.iter().filter(|&&j| self.net.must[j as usize]);
        let missing: i64 = missing.map(|&j| self.net.absence[j as usize]).sum();
        let used = (0u32..).zip(&best.routes).filter(|(_, route)| !route.is_empty());
        let weights: i64 = used.map(|(slot, _)| self.net.weight(slot)).sum();
        let progress = Progress {
            steps: member.clock.steps,
            cost: best.cost - missing - weights,
            missing: best.missing,
            vehicles: best.used as usize,
        };
        member.clock.better();
        self.control.improved(&progress);
        member.history.push(progress);
    }
}
