//! A hybrid genetic search (Vidal, Crainic, Gendreau, Lahrichi and Rei 2012; with windows Vidal et al. 2013): plans that may
//! break rules at a price are crossed and descend. Where capacity or windows bind, feasible plans are islands between
//! which annealing finds no way; here the sea is open.

mod cross;
mod descent;
mod piece;
mod plan;
mod pool;

use super::arcs::{AnyArcs, Arcs};
use super::clock::Clock;
use super::lean;
use super::links::NONE;
use super::net::Net;
use super::rng::Rng;
use super::walk::Best;
use crate::problem::{NO_WAY, Objective, Role};
use descent::Descent;
use piece::{Breach, Prices};
use plan::Plan;
use pool::Pool;
use std::collections::VecDeque;

/// Fewest jobs for which there is anything to cross.
const JOBS_LEAST: usize = 8;
/// What no plan costs, whatever its ways.
const WORST: i64 = 1 << 60;
/// Random plans to begin with, and up to how many jobs: of more, descents from afar cost too much of a short budget, and
/// the plans of the cooling are what is crossed.
const FIRST: usize = 25;
const FIRST_JOBS: usize = 300;
/// The same where vehicles come first.
pub(super) const FEW_JOBS: usize = 500;
/// Plans between changes of the prices, the share of sound ones aimed at, and by how much prices change.
const PRICED_EVERY: u32 = 40;
const AIM: f64 = 0.4;
const DEARER: f64 = 1.25;
const CHEAPER: f64 = 0.85;
/// How many times dearer breaches are while an unsound plan is mended.
const MENDED: f64 = 10.0;
/// Least and most price, as a part and a multiple of the usual one.
const PRICE_SPAN: f64 = 50.0;
/// Neighbours by which the usual leg is measured.
const NEAR: usize = 3;
/// Price to begin with, as a multiple of the usual one.
const START: f64 = 2.0;
/// Plans of the walk that wait to be taken in.
const WAIT: usize = 40;
/// Plans made of one that has too many routes.
const SHED: usize = 8;
/// Children without a better plan until all begins anew.
const PATIENCE: u32 = 2500;

/// The genetic search of one thread, of whatever table of ways.
pub(super) trait Breeder: Send {
    /// Takes a plan of the walk in, if no job is left out that must be served.
    fn welcome(&mut self, plan: &Best);

    /// Searches until that share of the budget is spent, or a plan is found that costs less than `least` with at most
    /// so many routes.
    fn breed(&mut self, clock: &mut Clock<'_>, until: f64, least: i64, fleet: u32) -> Option<Best>;
}

/// Whether the genetic search knows every rule of the problem.
fn suits(net: &Net<'_>) -> bool {
    let p = net.problem;
    let unit = p.kinds().iter().map(|k| k.per_distance).max().unwrap_or(0).max(1);
    let leg = if matches!(net.arcs, AnyArcs::One64(_)) { NO_WAY } else { i64::from(u32::MAX) };
    // A plan of nothing but the longest legs still has a price.
    let small =
        unit.checked_mul(net.jobs as i64 * 2).and_then(|v| v.checked_mul(leg)).is_some_and(|v| v < WORST);
    let prizes = p.jobs().iter().filter_map(|j| j.prize).fold(0i64, i64::saturating_add);
    small
        && prizes < WORST
        && lean::suits(p)
        && p.jobs().iter().all(|j| j.role == Role::Single)
        && net.slots.iter().all(|s| s.prefix.is_none())
        && net.pinned.iter().chain(&net.frozen).all(|&b| !b)
        && net.only.iter().all(|&o| o == NONE)
        // Crossed routes change vehicles freely.
        && net.fits.is_empty()
}

/// The genetic search for a problem that it suits.
pub(super) fn of<'a>(net: &'a Net<'a>, seed: u64) -> Option<Box<dyn Breeder + 'a>> {
    if net.jobs < JOBS_LEAST || !suits(net) {
        return None;
    }
    make(net, seed)
}

fn make<'a>(net: &'a Net<'a>, seed: u64) -> Option<Box<dyn Breeder + 'a>> {
    match (&net.arcs, lean::has_times(net.problem)) {
        (AnyArcs::One32(a), false) => Some(Box::new(Breed::<_, false>::new(net, a, seed))),
        (AnyArcs::One64(a), false) => Some(Box::new(Breed::<_, false>::new(net, a, seed))),
        (AnyArcs::One32(a), true) => Some(Box::new(Breed::<_, true>::new(net, a, seed))),
        (AnyArcs::Two32(a), true) => Some(Box::new(Breed::<_, true>::new(net, a, seed))),
        _ => None,
    }
}

/// How often plans kept each rule.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    load: u32,
    warp: u32,
    limit: u32,
    all: u32,
}

struct Breed<'a, A, const TIME: bool> {
    net: &'a Net<'a>,
    rng: Rng,
    descent: Descent<'a, A, TIME>,
    pool: Pool,
    prices: Prices,
    /// Prices at which a job's breach of its own size costs what a job costs.
    usual: Option<Prices>,
    kept: Kept,
    /// Plans of the walk that have not been taken in.
    waiting: VecDeque<Plan>,
    /// Routes of the walk's plan.
    routes: usize,
    /// Random plans made for this population.
    begun: usize,
    /// Children since the best plan of this population was born.
    idle: u32,
    /// What the best sound plan of this population costs.
    best_here: i64,
    /// Plans that prices were told of.
    told: u32,
}

impl<'a, A: Arcs, const TIME: bool> Breed<'a, A, TIME> {
    fn new(net: &'a Net<'a>, arcs: &'a A, seed: u64) -> Self {
        let prices = Prices { load: 1.0, warp: 1.0, limit: 1.0 };
        Self {
            net,
            rng: Rng::new(seed),
            descent: Descent::new(net, arcs, prices),
            pool: Pool::default(),
            prices,
            usual: None,
            kept: Kept::default(),
            waiting: VecDeque::new(),
            routes: 1,
            begun: 0,
            idle: 0,
            best_here: i64::MAX,
            told: 0,
        }
    }

    /// Plans of this population have at most so many routes from here on: all begins anew.
    fn confine(&mut self, fleet: usize) {
        if fleet == self.descent.fleet {
            return;
        }
        self.descent.fleet = fleet;
        self.pool.clear();
        (self.begun, self.idle, self.best_here) = (0, 0, i64::MAX);
        if let Some(usual) = self.usual {
            self.prices = usual.times(START);
            self.descent.set_prices(self.prices);
        }
        // A plan with a route too many goes on in different ways: another route is shed each time.
        if let Some(plan) = self.waiting.back().filter(|p| p.routes.len() > fleet).cloned() {
            self.waiting = std::iter::repeat_n(plan, SHED).collect();
        }
    }

    /// Sets the prices by what a job of this plan costs, what jobs carry and how long the way to their neighbours is.
    fn set_usual(&mut self, plan: &Plan) {
        let net = self.net;
        let jobs = net.jobs.max(1) as f64;
        let heavy = net.demand.iter().map(|&d| d as f64).sum::<f64>() / jobs;
        let mut leg = 0.0;
        for a in 0..net.jobs as u32 {
            for &b in net.near.of(a, NEAR) {
                leg += self.descent.leg_time(a, b).min(NO_WAY) as f64;
            }
        }
        let leg = leg / jobs / NEAR as f64;
        let forgone: i64 = plan.absent.iter().map(|&v| net.absence[v as usize]).sum();
        let served = net.jobs.saturating_sub(plan.absent.len()).max(1);
        let each = (plan.base - forgone) as f64 / served as f64;
        let usual = Prices {
            load: (each / heavy.max(1.0)).max(1e-3),
            warp: (each / leg.max(1.0)).max(1e-3),
            limit: (each / leg.max(1.0)).max(1e-3),
        };
        self.usual = Some(usual);
        self.prices = usual.times(START);
        self.descent.set_prices(self.prices);
    }

    fn count(&mut self, breach: Breach) {
        let kept = &mut self.kept;
        kept.all += 1;
        kept.load += u32::from(breach.load == 0);
        kept.warp += u32::from(breach.warp == 0);
        kept.limit += u32::from(breach.limit == 0);
        self.told += 1;
        let early = self.told < PRICED_EVERY * 5;
        if kept.all < if early { PRICED_EVERY / 4 } else { PRICED_EVERY } {
            return;
        }
        let Kept { load, warp, limit, all } = std::mem::take(kept);
        let changed = |price: f64, usual: f64, sound: u32| {
            let share = f64::from(sound) / f64::from(all);
            let by = if share < AIM - 0.05 {
                DEARER
            } else if share > AIM + 0.05 {
                CHEAPER
            } else {
                1.0
            };
            (price * by).clamp(usual / PRICE_SPAN, usual * PRICE_SPAN)
        };
        let usual = self.usual.unwrap_or(self.prices);
        self.prices.load = changed(self.prices.load, usual.load, load);
        self.prices.warp = changed(self.prices.warp, usual.warp, warp);
        self.prices.limit = changed(self.prices.limit, usual.limit, limit);
        self.descent.set_prices(self.prices);
        self.pool.reprice(&self.prices);
    }

    /// Lets what the descent holds descend and adds what comes of it; a sound plan that costs less than `least`.
    fn raise(&mut self, clock: &mut Clock<'_>, least: i64) -> Option<Best> {
        self.descent.run(&mut self.rng, clock);
        let plan = self.descent.plan();
        self.count(plan.breach);
        let mend = !plan.sound() && self.rng.below(2) == 0 && !clock.is_over();
        let found = self.keep(plan, least);
        if !mend {
            return found;
        }
        self.descent.set_prices(self.prices.times(MENDED));
        self.descent.again();
        self.descent.run(&mut self.rng, clock);
        let plan = self.descent.plan();
        self.descent.set_prices(self.prices);
        if plan.sound() { self.keep(plan, least) } else { None }
    }

    /// Adds a plan; the same if it is sound and costs less than `least`.
    fn keep(&mut self, plan: Plan, least: i64) -> Option<Best> {
        if plan.sound() && plan.base < self.best_here {
            self.best_here = plan.base;
            self.idle = 0;
        }
        let few = plan.routes.len() <= self.descent.fleet;
        let found = (few && plan.sound() && plan.base < least).then(|| self.best(&plan));
        self.pool.add(plan, &self.prices);
        found
    }

    fn first(&self) -> usize {
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        let most = if few { FEW_JOBS } else { FIRST_JOBS };
        if self.net.jobs <= most { FIRST } else { 0 }
    }

    fn best(&self, plan: &Plan) -> Best {
        debug_assert!(plan.absent.iter().all(|&v| !self.net.must[v as usize]));
        let mut routes = vec![Vec::new(); self.net.slots.len()];
        for (slot, list) in &plan.routes {
            routes[*slot as usize].clone_from(list);
        }
        let used = plan.routes.len() as u32;
        Best { routes, absent: plan.absent.clone(), cost: plan.base, missing: 0, used }
    }
}

impl<A: Arcs + Send, const TIME: bool> Breeder for Breed<'_, A, TIME> {
    fn welcome(&mut self, plan: &Best) {
        if plan.missing > 0 {
            return;
        }
        self.descent.clear();
        for (slot, route) in (0u32..).zip(&plan.routes) {
            self.descent.assign(slot, route);
        }
        self.routes = plan.used as usize;
        let plan = self.descent.plan();
        if self.usual.is_none() && plan.absent.len() < self.net.jobs {
            self.set_usual(&plan);
        }
        if self.waiting.len() >= WAIT {
            self.waiting.pop_front();
        }
        self.waiting.push_back(plan);
    }

    fn breed(&mut self, clock: &mut Clock<'_>, until: f64, least: i64, fleet: u32) -> Option<Best> {
        self.confine(fleet as usize);
        while !clock.is_over() && clock.fraction() < until {
            if let Some(plan) = self.waiting.pop_front() {
                self.descent.load(&plan);
                self.descent.shed(&mut self.rng);
            } else if self.begun < self.first() || self.pool.len() < 2 {
                self.begun += 1;
                // A few routes more than are needed, where the fleet has them.
                let most = (fleet as usize).min(self.net.slots.len());
                self.descent.scatter(&mut self.rng, (self.routes + self.routes / 8).min(most));
            } else if self.idle > PATIENCE && self.first() > 0 {
                self.pool.clear();
                (self.begun, self.idle, self.best_here) = (0, 0, i64::MAX);
                continue;
            } else {
                self.idle += 1;
                let (one, other) = self.pool.parents(&mut self.rng);
                let child = cross::cross(self.net, one, other, &mut self.rng);
                self.descent.load_child(&child, &mut self.rng);
                if self.net.optional {
                    self.descent.lure(&mut self.rng);
                }
            }
            clock.tick();
            let found = self.raise(clock, least);
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use crate::control::StepsOnly;
    use crate::locks::Locks;

    /// A problem in which every job must be served and most have room.
    fn roomy(seed: u64) -> crate::problem::Problem {
        let mut problem = crate::search::tests::random(seed, 14);
        problem.jobs.iter_mut().for_each(|j| j.prize = None);
        problem.kinds.iter_mut().for_each(|k| k.layouts[0][0] += 30);
        problem
    }

    fn each_once(plan: &Best, jobs: usize) -> bool {
        let mut all: Vec<u32> = plan.routes.concat();
        all.sort_unstable();
        all == (0..jobs as u32).collect::<Vec<_>>()
    }

    /// From random plans alone, better and better sound ones are found, each with every job once.
    #[test]
    fn plans_are_crossed_and_get_better() {
        let (mut tried, mut again) = (0, 0);
        for seed in 30_000..36_000 {
            let problem = roomy(seed);
            let locks = Locks::none();
            let net = Net::new(&problem, None, &locks);
            let Some(mut breeder) = of(&net, seed) else { continue };
            let mut clock = Clock::new(&Budget::steps(10_000), &StepsOnly, 1);
            let mut least = i64::MAX;
            let mut found = 0;
            while let Some(plan) = breeder.breed(&mut clock, 1.0, least, u32::MAX) {
                assert!(plan.cost < least);
                assert!(each_once(&plan, net.jobs), "seed {seed}: {:?}", plan.routes);
                least = plan.cost;
                found += 1;
            }
            tried += usize::from(found > 0);
            again += usize::from(found > 1);
        }
        assert!(tried > 20 && again > 10, "{tried} problems, {again} with a second plan");
    }

    /// Confined to a route less than the plan of before, it finds plans with so many routes at most, or none.
    #[test]
    fn confined_plans_have_no_route_too_many() {
        let mut fewer = 0;
        for seed in 40_000..49_000 {
            let problem = roomy(seed);
            let locks = Locks::none();
            let net = Net::new(&problem, None, &locks);
            let Some(mut breeder) = of(&net, seed) else { continue };
            let mut clock = Clock::new(&Budget::steps(20_000), &StepsOnly, 1);
            let Some(first) = breeder.breed(&mut clock, 0.5, i64::MAX, u32::MAX) else { continue };
            if first.used < 2 {
                continue;
            }
            breeder.welcome(&first);
            let Some(plan) = breeder.breed(&mut clock, 1.0, i64::MAX, first.used - 1) else { continue };
            assert!(plan.used < first.used, "seed {seed}: {} routes after {}", plan.used, first.used);
            assert_eq!(plan.routes.iter().filter(|r| !r.is_empty()).count(), plan.used as usize);
            assert!(each_once(&plan, net.jobs), "seed {seed}: {:?}", plan.routes);
            fewer += 1;
        }
        assert!(fewer > 10, "{fewer} plans of a route less");
    }

    /// Where jobs may be left out, the plan of problems small enough to try every plan is the best there is. With like
    /// vehicles: routes do not change kinds but by what crossing and single moves do.
    #[test]
    fn the_best_choice_of_jobs_is_found() {
        let (mut tried, mut out, mut wrong) = (0, 0, Vec::new());
        for seed in 50_000..56_000 {
            let mut problem = crate::search::tests::random(seed, 2 + seed as usize % 4);
            let mut rng = Rng::new(seed ^ 3);
            for job in problem.jobs.iter_mut().filter(|j| j.role == Role::Single) {
                job.prize = (rng.below(3) > 0).then(|| rng.below(250) as i64);
            }
            let locks = Locks::none();
            let net = Net::new(&problem, None, &locks);
            if !suits(&net) || !net.optional || net.classes.len() > 1 {
                continue;
            }
            let Some(mut breeder) = make(&net, seed) else { continue };
            let (missing, cost, plan) = crate::search::tests::exhaustive(&problem);
            if missing > 0 {
                continue;
            }
            let mut clock = Clock::new(&Budget::steps(3000), &StepsOnly, 1);
            let mut least = i64::MAX;
            while let Some(plan) = breeder.breed(&mut clock, 1.0, least, u32::MAX) {
                least = plan.cost;
            }
            if least != cost {
                wrong.push(format!("seed {seed}: {least}, best {cost} {plan:?}"));
            }
            tried += 1;
            out += usize::from(!plan.unassigned.is_empty());
        }
        assert!(wrong.is_empty(), "{} of {tried}: {}", wrong.len(), wrong.join("\n"));
        assert!(tried > 50 && out > 20, "{tried} problems, {out} with jobs left out");
    }
}
