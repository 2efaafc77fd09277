//! Threads that search together: each walks alone for an epoch, then the worst takes over the best plan.
//!
//! Epochs end at fixed shares of the budget and the exchange goes by rank and number, so that with a budget in steps
//! each number of threads has one result.

use super::Outcome;
use super::breed::{self, Breeder};
use super::choice::Kind;
use super::clock::Clock;
use super::eval::Eval;
use super::links::NONE;
use super::net::Net;
use super::walk::{Best, Walk};
use crate::budget::{Budget, STEPS_DEFAULT, THREADS_MAX};
use crate::control::{Control, Progress};
use crate::cost::evaluate;
use crate::problem::{NO_WAY, Objective, Role};
use crate::solution::Solution;

/// Exchanges in one search.
const EPOCHS: u32 = 40;
/// Hottest and coldest temperature, in mean cost of a job's way.
const HOT: f64 = 1.0;
const COLD: f64 = 0.01;
/// The same above so many jobs, where iterations are few for each; measured on X-n1001-k43.
const LARGE: usize = 500;
const HOT_LARGE: f64 = 0.5;
const COLD_LARGE: f64 = 0.02;
/// The same above so many jobs, where the first plan by savings has far too many legs to depots: Ghent2 at 120 s ends at 5.2,
/// 4.2, 2.6, 1.8, 1.4 and 1.4 % from 0.1, 0.2, 0.5, 1, 2 and 4 of a job's way (benches/RESULTS.md).
const HUGE: usize = 5000;
const HOT_HUGE: f64 = 2.0;
/// The same with windows and few jobs, where little new is found below; chosen among four on R108, R202 and RC107, where
/// single searches differ by more than these do (benches/RESULTS.md).
const HOT_WINDOWS: f64 = 0.5;
const COLD_WINDOWS: f64 = 0.03;
/// Up to so many jobs there are several coolings, and what they find is recombined.
const SMALL: usize = 150;
/// Share of the budget, of what is left once vehicles are saved, after which plans are crossed: of up to [`SMALL`] jobs,
/// of up to [`MIDDLE`], of more; without windows and with them. Chosen on the instances named in benches/RESULTS.md.
const BREEDS: [[f64; 2]; 3] = [[0.1, 0.1], [0.25, 0.6], [0.7, 0.7]];
const MIDDLE: usize = 300;
/// The same where vehicles are few and full, which cooling finds no way around: of more than [`MIDDLE`] jobs up to
/// [`breed::FEW_JOBS`].
const BREEDS_FEW: f64 = 0.15;
/// Least budget for each job in which plans are crossed at all.
const BREEDS_STEPS: u64 = 1000;
const BREEDS_MICROS: u128 = 5000;
/// From this part of that time on plans of the cooling are taken into the population.
const SHOWN_FROM: f64 = 0.5;
/// Share of the budget among plans that leave no job out, where jobs may be.
const LAVISH_SHARE: f64 = 0.06;
/// The same when what does not pay has been left out again.
const PRUNED_SHARE: f64 = 0.2;
/// Share of the budget among plans that leave no job out where they are then crossed, and between those shown. Nothing is
/// annealed after it: RC2_10_6 with prizes at 30 s is 4.4 % above the best known by the walk alone, 3.1 % with plans of the
/// walk crossed, 1.3 % with these, before jobs were lured in (two seeds each).
const FULL_SHARE: f64 = 0.08;
const FULL_EVERY: f64 = 0.005;
/// Such a plan is given up if it costs so many times the other.
const HOPELESS: f64 = 1.5;
/// Least share of the legs between jobs that is believed.
const SHARE_LEAST: f64 = 0.15;
/// How often jobs that the first plan has left out try again.
const FIRST_AGAIN: usize = 3;
/// Most classes of vehicles that are tried alone for the first plan, and up to how many jobs.
const CLASSES_TRIED: usize = 12;
const ANEW_JOBS: usize = 1500;
/// Steps between changes of the price of overload, and the share of sound plans aimed at.
const TIGHT_STEPS: u32 = 256;
const TIGHT_AIM: f64 = 0.5;
/// The same from this share of the budget on.
const TIGHT_AIM_LAST: f64 = 0.9;
const TIGHT_LAST: f64 = 0.9;
/// Up to so many jobs, and up to this share of the way between jobs, overload pays: X-n200-k36 gains 0.2 to 0.5 %,
/// X-n106-k14 and X-n266-k58 nothing; X-n336-k84 (more jobs), X-n176-k26 and X-n195-k51 (longer ways) lose.
const TIGHT_JOBS: usize = 300;
const TIGHT_SHARE: f64 = 0.18;
/// Most overload, as a part of the largest hold.
const TIGHT_PART: i64 = 20;

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
    pruning: bool,
    /// Share of the budget from which the next plan that leaves no job out is shown to the breeder.
    shown: f64,
    /// Share of the budget spent when annealing began.
    cool_from: f64,
    /// Mean cost of a job's way, the unit of temperature.
    pub(super) unit: f64,
    /// Round of cooling.
    round: usize,
    /// Price of what routes carry too much, where they may.
    tight: Option<Tight>,
    /// Whether they may has been decided.
    weighed: bool,
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

/// A cooling: where it ends, as a share of the budget, how hot it begins, and whether from the best plan.
#[derive(Clone, Copy, Debug)]
struct Round {
    end: f64,
    hot: f64,
    again: bool,
}

/// Lets routes carry too much at a price that follows how often the plan is sound.
struct Tight {
    most: i64,
    price: f64,
    steps: u32,
    sound: u32,
}

impl Tight {
    /// Counts a plan; a new price when it is time for one. `last` is near the end, where plans are to be sound.
    fn count(&mut self, sound: bool, last: bool) -> bool {
        self.steps += 1;
        self.sound += u32::from(sound);
        if self.steps < TIGHT_STEPS {
            return false;
        }
        let share = f64::from(self.sound) / f64::from(self.steps);
        (self.steps, self.sound) = (0, 0);
        let aim = if last { TIGHT_AIM_LAST } else { TIGHT_AIM };
        self.price *= if share < aim { 1.15 } else { 0.9 };
        true
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
        let middle = self.net.jobs > 150 && self.net.jobs <= LARGE;
        let share = if self.net.windows || !middle { 1.0 } else { Self::share_between(walk) };
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

    /// Share of the way that lies between jobs. Legs to and from depots say little of what a change costs, and where
    /// routes are short and depots far they are most of the way (X-n200-k36).
    fn share_between<E: Eval>(walk: &Walk<'_, E>) -> f64 {
        let jobs = walk.links.jobs;
        let legs = walk.links.at.iter().filter(|l| l.route != NONE && l.next < NO_WAY);
        let (mut between, mut way) = (0, 0);
        for link in legs {
            way += link.next;
            if link.pred != NONE && link.succ < jobs {
                between += link.next;
            }
        }
        (between as f64 / way.max(1) as f64).clamp(SHARE_LEAST, 1.0)
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
    fn breeds_from<E: Eval>(&self, member: &Member<'_, E>) -> f64 {
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

    /// Whether plans that leave no job out are what a search begins with.
    fn begins_full(&self) -> bool {
        let cost = self.net.problem.objective() == Objective::Cost;
        self.net.optional && cost && self.start.is_none() && self.net.jobs > SMALL
    }

    /// Where jobs may be left out, searches for a while among plans that leave none out, then gives up what does not
    /// pay; whether it is done with that. Of many jobs with large holds most routes pay only when they are full, and
    /// a walk that adds jobs one by one does not get there. Where plans are crossed, that gives up what does not pay: each
    /// plan shown on the way does so in its own manner.
    fn serve_all<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) -> bool {
        if !self.begins_full() {
            return true;
        }
        let (lavish, pruned) =
            if member.breeder.is_some() { (FULL_SHARE, FULL_SHARE) } else { (LAVISH_SHARE, PRUNED_SHARE) };
        let walk = &mut member.walk;
        if !member.pruning {
            member.pruning = true;
            walk.take_all();
            walk.keep();
        }
        loop {
            let spent = member.clock.fraction();
            if let Some(breeder) = member.breeder.as_mut().filter(|_| spent >= member.shown) {
                member.shown = spent + FULL_EVERY;
                breeder.welcome(&member.walk.snapshot());
            }
            // Far dearer than the plan that grew job by job: what pays here is few jobs, not full routes.
            let hopeless = member.walk.lavish
                && spent >= lavish
                && member.walk.cost() as f64 > HOPELESS * member.walk.best.cost as f64;
            if spent >= pruned || member.clock.is_over() || hopeless {
                break;
            }
            if spent >= until {
                return false;
            }
            // From here on what does not pay is left out, where it is taken out.
            member.walk.lavish = spent < lavish;
            let cooled = (COLD_LARGE / HOT_LARGE).powf((spent / lavish).min(1.0));
            if member.walk.step(member.unit * HOT_LARGE * cooled) {
                self.note(member);
            }
            member.clock.tick();
        }
        member.walk.lavish = false;
        if member.walk.cost() > member.walk.best.cost {
            member.walk.recall();
        }
        true
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

    /// Rounds of cooling.
    fn rounds(&self) -> &'static [Round] {
        match self.net.jobs {
            0..=SMALL => &[
                Round { end: 0.4, hot: 1.0, again: false },
                Round { end: 0.8, hot: 1.0, again: false },
                Round { end: 1.0, hot: 0.1, again: true },
            ],
            _ => &[Round { end: 1.0, hot: 1.0, again: false }],
        }
    }

    /// Hottest and coldest temperature, in mean cost of a job's way.
    fn heat(&self) -> (f64, f64) {
        match self.net.jobs {
            0..=SMALL if self.net.windows && self.start.is_none() => (HOT_WINDOWS, COLD_WINDOWS),
            0..=LARGE => (HOT, COLD),
            _ if self.net.jobs <= HUGE => (HOT_LARGE, COLD_LARGE),
            _ => (HOT_HUGE, COLD_LARGE),
        }
    }

    fn anneal<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) {
        let rounds = self.rounds();
        let mut wait = 0;
        if self.net.jobs > LARGE {
            member.walk.width = 20;
        }
        let mut temperature = 0.0;
        while !member.clock.is_over() {
            if wait == 0 {
                let now = member.clock.fraction();
                if now >= until && until < 1.0 {
                    break;
                }
                let whole = self.breeds_from(member) - member.cool_from;
                let now = ((now - member.cool_from) / whole.max(f64::EPSILON)).clamp(0.0, 1.0);
                let at = rounds.iter().position(|r| now < r.end).unwrap_or(rounds.len() - 1);
                let from = if at == 0 { 0.0 } else { rounds[at - 1].end };
                let Round { end: to, hot, again } = rounds[at];
                if member.round != at {
                    member.round = at;
                    self.remember(member, again);
                }
                let spent = ((now - from) / (to - from)).clamp(0.0, 1.0);
                let (from, to) = self.heat();
                let (hot, cold) = (member.unit * from * hot, member.unit * to);
                temperature = hot * (cold / hot).powf(spent);
                wait = 32;
            }
            wait -= 1;
            self.weigh(member);
            // While jobs that must be served are not, every other step minds nothing else.
            let missing = member.walk.best.missing;
            if missing > 0 && wait % 2 == 0 {
                member.walk.fleet_step(temperature);
                if member.walk.best.missing < missing {
                    self.note(member);
                }
            } else if member.walk.step(temperature) {
                self.note(member);
            }
            member.clock.tick();
        }
    }

    /// Between two rounds: what the last one found is remembered, and the next one begins there or from the best.
    fn remember<E: Eval>(&self, member: &mut Member<'_, E>, again: bool) {
        let walk = &mut member.walk;
        let jobs = self.net.jobs;
        let last = walk.snapshot();
        if walk.eval.excess() == 0 {
            walk.memory.keep(&last, jobs);
        }
        let best = walk.best.clone();
        walk.memory.keep(&best, jobs);
        walk.choice.open(Kind::Inherit);
        if again {
            walk.recall();
        }
    }

    /// Lets routes carry too much where capacity is what binds, at a price that keeps about half of the plans sound.
    fn weigh<E: Eval>(&self, member: &mut Member<'_, E>) {
        let walk = &mut member.walk;
        let Some(tight) = &mut member.tight else {
            if member.weighed {
                return;
            }
            member.weighed = true;
            let compact = Self::share_between(walk) < TIGHT_SHARE;
            if let Some(most) = self.overload().filter(|_| compact && walk.best.missing == 0) {
                let price = member.unit;
                member.tight = Some(Tight { most, price, steps: 0, sound: 0 });
                walk.eval.soften(&mut walk.links, most, price as i64);
            }
            return;
        };
        let spent = member.clock.fraction();
        if tight.count(walk.eval.excess() == 0, spent > TIGHT_LAST) {
            walk.eval.soften(&mut walk.links, tight.most, tight.price as i64);
        }
    }

    /// Most that a route may carry too much, where loads are what binds most.
    fn overload(&self) -> Option<i64> {
        let p = self.net.problem;
        let cost = p.objective() == Objective::Cost && !self.net.optional;
        let single = p.jobs().iter().all(|j| j.role == Role::Single);
        if !cost || !single || self.net.windows || self.net.jobs > TIGHT_JOBS || p.dimensions().len() != 1 {
            return None;
        }
        let most = p.kinds().iter().flat_map(|k| k.layouts.iter().flatten()).max().copied()?;
        Some(most / TIGHT_PART)
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
