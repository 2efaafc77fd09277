//! One thread's search: the current plan, the best plan, ruin and recreate inside annealing.

use super::arcs::FAR;
use super::choice::{Choice, Fruit, Kind};
use super::eval::{Blink, Eval};
use super::idle::EVERYWHERE;
use super::inner::Bench;
use super::links::{Links, NONE};
use super::memory::Memory;
use super::net::Net;
use super::rng::Rng;
use super::swap::Market;
use crate::problem::Objective;
use crate::schedule::Scheduler;
use crate::solution::{Route, Solution, Visit};

/// Marks a reload in a stored route.
const RELOAD: u32 = 1 << 31;

/// The best plan seen, stored by route so that an improvement copies only the routes that changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Best {
    pub(super) routes: Vec<Vec<u32>>,
    pub(super) absent: Vec<u32>,
    /// Of all routes and absences.
    pub(super) cost: i64,
    pub(super) missing: usize,
    pub(super) used: u32,
}

pub(super) struct Walk<'n, E> {
    pub(super) net: &'n Net<'n>,
    pub(super) eval: E,
    pub(super) links: Links,
    pub(super) rng: Rng,
    pub(super) blink: Blink,
    pub(super) best: Best,
    /// Routes changed since `best` was stored.
    dirty: Vec<u32>,
    /// Where to look first for an empty slot of each class.
    pub(super) hints: Vec<usize>,
    /// Most routes that may be used.
    pub(super) fleet: u32,
    /// Mean number of jobs taken out.
    pub(super) mean: f64,
    /// Longest string taken out.
    pub(super) longest: f64,
    /// Neighbours looked at for each job, of those whose route can take it at all.
    pub(super) width: usize,
    /// How often each job was absent; used when routes are being saved.
    pub(super) absences: Vec<u32>,
    pub(super) sort_keys: Vec<(i64, u32)>,
    /// Reload nodes made and dropped in this iteration.
    pub(super) born: Vec<u32>,
    /// Last query in which the place after a node was looked at.
    pub(super) asked: Vec<u32>,
    pub(super) query: u32,
    pub(super) dropped: Vec<u32>,
    /// In this iteration optional jobs come in even where they do not pay alone: several together may.
    pub(super) generous: bool,
    /// In this iteration the jobs that were absent most often come first.
    pub(super) absent_first: bool,
    /// Last iteration in which each job was taken out.
    pub(super) taken: Vec<u64>,
    /// Absent jobs that do not look for a place in this iteration.
    pub(super) idle: Vec<u32>,
    /// Jobs that looked for a place in the last iteration.
    pub(super) waited: usize,
    /// How many jobs may still look at every place.
    pub(super) wide: u32,
    /// Every absent job looks everywhere, as in the first plan.
    pub(super) eager: bool,
    /// Optional jobs come in at any price.
    pub(super) lavish: bool,
    /// The class that new routes are of, while it has an empty slot.
    pub(super) class: Option<usize>,
    /// Which kind of iteration comes next.
    pub(super) choice: Choice,
    pub(super) market: Market,
    pub(super) memory: Memory,
    pub(super) bench: Bench,
    /// A job was taken out between two others with no way from one to the other.
    pub(super) gap: bool,
    /// Price of a leg between two jobs that few are longer than, and steps until it is looked up again.
    pub(super) long_leg: i64,
    legs_in: u32,
    legs: Vec<i64>,
}

/// Steps between two looks at the legs of the plan, and how many in a hundred are shorter than what counts as long: 90 and 95
/// were not told apart by plans of the same time, 75 and 80 have worse ones of 10,000 jobs and more (benches/RESULTS.md).
const LEGS_EVERY: u32 = 4096;
const LEGS_SHORTER: usize = 90;

/// One place in how many is passed over. A small plan needs more of it: there a bad first choice rules out much.
fn blinks(jobs: usize) -> u32 {
    match jobs {
        0..=12 => 5,
        13..=30 => 20,
        _ => 100,
    }
}

impl<'n, E: Eval> Walk<'n, E> {
    /// An empty plan with every job absent that is not frozen.
    pub(super) fn new(net: &'n Net<'n>, eval: E, seed: u64) -> Self {
        let mut links = Links::new(net.jobs, net.slots.len(), &net.points, E::SINGLE);
        links.absent.retain(|&j| !net.frozen[j as usize]);
        let mut walk = Self {
            net,
            eval,
            links,
            rng: Rng::new(seed),
            blink: Blink::new(seed ^ 0xb11c, blinks(net.jobs)),
            best: Best::default(),
            dirty: Vec::new(),
            hints: vec![0; net.classes.len()],
            fleet: u32::MAX,
            mean: 10.0,
            longest: 10.0,
            width: 40,
            absences: vec![0; net.jobs],
            sort_keys: Vec::new(),
            born: Vec::new(),
            asked: Vec::new(),
            query: 0,
            dropped: Vec::new(),
            generous: false,
            absent_first: false,
            taken: vec![0; net.jobs],
            idle: Vec::new(),
            waited: 0,
            wide: 0,
            eager: net.jobs <= EVERYWHERE,
            lavish: false,
            class: None,
            choice: Choice::new(),
            market: Market::default(),
            memory: Memory::default(),
            bench: Bench::default(),
            gap: false,
            long_leg: FAR,
            legs_in: LEGS_EVERY / 8,
            legs: Vec::new(),
        };
        if net.classes.len() > 1 {
            walk.choice.open(Kind::Vehicles);
        }
        for r in 0..net.slots.len() as u32 {
            walk.eval.refresh(&mut walk.links, r);
        }
        walk.best.routes = vec![Vec::new(); net.slots.len()];
        walk.best.cost = i64::MAX;
        walk.best.missing = usize::MAX;
        walk
    }

    /// Price of the absent jobs and how many of them must be served.
    pub(super) fn absence(&self) -> (i64, usize) {
        let mut sum = (0, 0);
        for &j in &self.links.absent {
            sum.0 += self.net.absence[j as usize];
            sum.1 += usize::from(self.net.must[j as usize]);
        }
        sum
    }

    /// Cost of the current plan with its absences.
    pub(super) fn cost(&self) -> i64 {
        self.links.cost + self.absence().0 + self.eval.extra()
    }

    /// Takes over a starting plan as far as it keeps the rules; what does not is left absent.
    pub(super) fn load(&mut self, start: &Solution) {
        let mut scheduler = Scheduler::default();
        for route in &start.routes {
            let Some(slot) = self.net.slots.iter().position(|s| s.vehicle == route.vehicle) else { continue };
            let slot = slot as u32;
            let skip = self.net.slots[slot as usize].prefix.map_or(0, |p| p.visits.min(route.visits.len()));
            let coded: Vec<u32> = route.visits[skip..]
                .iter()
                .map(|v| match v {
                    Visit::Job(j) => j.0,
                    Visit::Reload(w) => RELOAD | w,
                })
                .collect();
            self.restore_route(slot, &coded);
            // Kernels trust that shipments are whole and skills fit, which a start need not keep.
            let sound = self.net.slots[slot as usize].prefix.is_some()
                || scheduler.route(self.net.problem, route.vehicle, &route.visits, None).breaches.is_empty();
            if !self.eval.refresh(&mut self.links, slot) || !sound {
                self.shrink(slot);
            }
        }
        let links = &mut self.links;
        let at = &links.at;
        links.absent.retain(|&j| at[j as usize].route == NONE);
    }

    /// Removes free jobs from a route until it keeps the rules.
    fn shrink(&mut self, slot: u32) {
        let nodes: Vec<u32> = self.links.nodes(slot).collect();
        let fixed: Vec<u32> =
            nodes.iter().copied().filter(|&v| v >= self.links.jobs || self.net.pinned[v as usize]).collect();
        // Locked jobs stay in their trips: a later one does not join a trip that has been loaded.
        self.links.assign(slot, &fixed);
        self.drop_idle_reloads(slot);
        // Nothing can bring these back: without them the vehicle could not begin another trip.
        for v in std::mem::take(&mut self.dropped) {
            self.eval.free_reload(v);
        }
        if !self.eval.refresh(&mut self.links, slot) {
            self.eval.forgive(&mut self.links, slot);
        }
        // Back in the old order, one at a time, whatever still fits at the end of what is there.
        for &v in &nodes {
            let job = (v as usize) < self.net.jobs;
            if !job || self.links.at[v as usize].route != NONE || self.net.partner[v as usize] != NONE {
                continue;
            }
            let mut spot = None;
            let mut after = self.links.start(slot);
            let mut least = FAR;
            while after != self.links.end(slot) {
                let delta = self.eval.insertion(&self.links, v, after, least);
                if delta < least {
                    least = delta;
                    spot = Some(after);
                }
                after = self.links.at[after as usize].succ;
            }
            if let Some(after) = spot {
                self.links.link(v, after);
                self.eval.refresh(&mut self.links, slot);
            }
        }
    }

    /// Stores the current plan as the best.
    pub(super) fn store(&mut self) {
        for i in 0..self.dirty.len() {
            let r = self.dirty[i];
            self.links.routes[r as usize].dirty = false;
            self.store_route(r);
        }
        self.dirty.clear();
        self.best.absent.clone_from(&self.links.absent);
        let (price, missing) = self.absence();
        self.best.cost = self.links.cost + price + self.eval.extra();
        self.best.missing = missing;
        self.best.used = self.links.used;
    }

    fn store_route(&mut self, r: u32) {
        let eval = &self.eval;
        let jobs = self.net.jobs as u32;
        let nodes =
            self.links.nodes(r).map(|v| if v < jobs { v } else { RELOAD | eval.reload_of(v).unwrap_or(0) });
        let stored = &mut self.best.routes[r as usize];
        stored.clear();
        stored.extend(nodes);
    }

    /// The current plan, as it would be stored.
    pub(super) fn snapshot(&mut self) -> Best {
        let kept = self.best.clone();
        let dirty = self.dirty.clone();
        self.store();
        let plan = std::mem::replace(&mut self.best, kept);
        for r in dirty {
            self.mark(r);
        }
        plan
    }

    /// Stores every route, whether marked or not.
    pub(super) fn store_all(&mut self) {
        for r in 0..self.net.slots.len() as u32 {
            self.mark(r);
        }
        self.store();
    }

    pub(super) fn mark(&mut self, r: u32) {
        let state = &mut self.links.routes[r as usize];
        if !state.dirty {
            state.dirty = true;
            self.dirty.push(r);
        }
    }

    /// Goes back to the best plan.
    pub(super) fn recall(&mut self) {
        for i in 0..self.dirty.len() {
            let r = self.dirty[i];
            self.release_reloads(r);
            self.links.assign(r, &[]);
            self.eval.refresh(&mut self.links, r);
        }
        for i in 0..self.dirty.len() {
            let r = self.dirty[i];
            self.links.routes[r as usize].dirty = false;
            let coded = std::mem::take(&mut self.best.routes[r as usize]);
            self.restore_route(r, &coded);
            self.best.routes[r as usize] = coded;
            self.eval.refresh(&mut self.links, r);
        }
        self.dirty.clear();
        self.links.absent.clone_from(&self.best.absent);
    }

    /// Takes over a whole plan of another walk.
    pub(super) fn adopt(&mut self, best: &Best) {
        for r in 0..self.net.slots.len() as u32 {
            self.mark(r);
        }
        self.best.clone_from(best);
        self.recall();
    }

    /// Gives back the reload nodes of a route about to be replaced.
    fn release_reloads(&mut self, r: u32) {
        if self.eval.reloads() {
            for v in self.links.nodes(r).filter(|&v| v >= self.links.jobs) {
                self.eval.free_reload(v);
            }
        }
    }

    fn restore_route(&mut self, r: u32, coded: &[u32]) {
        let mut nodes = self.links.scratch();
        for &c in coded {
            let node =
                if c & RELOAD == 0 { c } else { self.eval.add_reload(&mut self.links, r, c & !RELOAD) };
            nodes.push(node);
        }
        self.links.assign(r, &nodes);
        self.links.give_back(nodes);
    }

    /// A stored route comes into an empty slot within an iteration; the caller refreshes the routes changed and
    /// keeps `absent` true.
    pub(super) fn bring_in(&mut self, r: u32, coded: &[u32]) {
        self.restore_route(r, coded);
        if E::SINGLE {
            self.eval.refresh(&mut self.links, r);
        }
        let jobs = self.links.jobs;
        self.born.extend(self.links.nodes(r).filter(|&v| v >= jobs));
    }

    /// The stored plan in the caller's words.
    pub(super) fn solution(&self, best: &Best, start: Option<&Solution>) -> Solution {
        let mut routes = Vec::new();
        for (slot, coded) in self.net.slots.iter().zip(&best.routes) {
            let mut visits: Vec<Visit> = Vec::new();
            if let (Some(prefix), Some(start)) = (slot.prefix, start)
                && let Some(route) = start.route(slot.vehicle)
            {
                visits.extend_from_slice(&route.visits[..prefix.visits.min(route.visits.len())]);
            }
            visits.extend(coded.iter().map(|&c| {
                if c & RELOAD == 0 {
                    Visit::Job(crate::problem::JobId(c))
                } else {
                    Visit::Reload(c & !RELOAD)
                }
            }));
            routes.push(Route { vehicle: slot.vehicle, visits });
        }
        Solution::of(self.net.problem, routes)
    }

    /// One iteration of annealing at a temperature; whether a new best plan was stored.
    pub(super) fn step(&mut self, temperature: f64) -> bool {
        // Every kind of iteration begins with a random job.
        if self.net.jobs == 0 {
            return false;
        }
        self.look_up_legs();
        let kind = self.choice.pick(&mut self.rng);
        let before = self.cost();
        let (better, work) = match kind {
            Kind::Vehicles => (self.exchange_step(temperature), 40),
            Kind::Swap => (self.swap_step(temperature), self.market.work),
            Kind::Inner => (self.inner_step(temperature), self.bench.work / 2),
            Kind::Tails => (self.tail_step(temperature), self.bench.work),
            Kind::Inherit => match self.inherit_step(temperature) {
                Some(better) => (better, self.waited * self.width),
                None => (false, 10 * self.width),
            },
            Kind::Strings | Kind::Many | Kind::Routes => {
                (self.ruin_step(kind, before, temperature), self.waited * self.width)
            }
        };
        let fruit = match better {
            true => Fruit::Best,
            false if self.cost() < before => Fruit::Less,
            false => Fruit::Nothing,
        };
        self.choice.learn(kind, fruit, work);
        better
    }

    /// Now and then, how long the longer legs between jobs are.
    pub(super) fn look_up_legs(&mut self) {
        self.legs_in -= 1;
        if self.legs_in > 0 {
            return;
        }
        self.legs_in = LEGS_EVERY;
        let (links, eval, jobs) = (&self.links, &self.eval, self.links.jobs);
        let between = (0..jobs).map(|v| (v, &links.at[v as usize]));
        let between = between.filter(|(_, l)| l.route != NONE && l.succ < jobs);
        self.legs.clear();
        self.legs.extend(between.map(|(v, l)| eval.leg(links, l.route, v, l.succ)));
        let at = self.legs.len() * LEGS_SHORTER / 100;
        if at < self.legs.len() {
            self.long_leg = *self.legs.select_nth_unstable(at).1;
        }
    }

    fn ruin_step(&mut self, kind: Kind, before: i64, temperature: f64) -> bool {
        self.links.begin();
        match kind {
            Kind::Routes => self.ruin_routes(),
            Kind::Many => {
                self.mean *= 2.0;
                self.ruin();
                self.mean /= 2.0;
            }
            _ => self.ruin(),
        }
        self.refresh_changed();
        self.generous = self.net.optional && self.rng.below(8) == 0;
        self.recreate();
        self.generous = false;
        self.settle(before, temperature)
    }

    /// Accepts or undoes the iteration that began at cost `before`; whether a new best plan was stored.
    pub(super) fn settle(&mut self, before: i64, temperature: f64) -> bool {
        // Accepts below cost - T ln(U).
        let bound = before as f64 - temperature * (1.0 - self.rng.unit()).ln();
        if (self.cost() as f64) >= bound {
            self.reject();
            return false;
        }
        self.take_over()
    }

    /// Accepts the iteration; whether a new best plan was stored.
    pub(super) fn take_over(&mut self) -> bool {
        let better = self.is_better(self.cost());
        self.keep();
        if better {
            self.store();
        }
        better
    }

    /// Whether the current plan, of this cost, ranks before the best.
    pub(super) fn is_better(&self, cost: i64) -> bool {
        let missing = self.absence().1;
        let few = self.net.problem.objective() == Objective::VehiclesThenCost;
        let (used, best_used) = if few { (self.links.used, self.best.used) } else { (0, 0) };
        self.eval.excess() == 0 && (missing, used, cost) < (self.best.missing, best_used, self.best.cost)
    }

    /// Accepts the iteration.
    pub(super) fn keep(&mut self) {
        self.born.clear();
        for v in self.dropped.drain(..) {
            self.eval.free_reload(v);
        }
        let mut i = 0;
        while let Some(r) = self.links.changed_at(i) {
            self.mark(r);
            i += 1;
        }
    }

    /// Undoes the iteration.
    pub(super) fn reject(&mut self) {
        self.links.undo();
        self.dropped.clear();
        for v in self.born.drain(..) {
            self.eval.free_reload(v);
        }
        let mut i = 0;
        while let Some(r) = self.links.changed_at(i) {
            self.eval.undone(&mut self.links, r);
            i += 1;
        }
    }
}
