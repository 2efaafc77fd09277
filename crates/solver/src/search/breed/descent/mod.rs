//! Local search that may break rules at a price: chains of stops move and change places, routes exchange tails, parts are
//! turned around, until nothing of that pays (Vidal et al. 2012; granular neighbourhoods of Toth and Vigo 2003).
//!
//! Each change of two routes is a few kept pieces joined. The way alone is looked at first: what it and the breaches
//! that it can mend do not bring, loads and times cannot.

mod between;
mod optional;
mod trade;
mod within;

use super::cross::Child;
use super::piece::{Breach, Joiner, Piece, Prices};
use super::plan::Plan;
use crate::search::arcs::Arcs;
use crate::search::clock::Clock;
use crate::search::links::NONE;
use crate::search::net::Net;
use crate::search::rng::Rng;

/// Longest chain that moves.
const CHAIN: usize = 2;
/// Neighbours looked at for each job.
const CLOSE: usize = 24;

#[derive(Clone, Debug, Default)]
struct Route {
    /// Start, jobs, end.
    nodes: Vec<u32>,
    way: i64,
    base: i64,
    breach: Breach,
    /// Price of its breaches.
    penalty: i64,
    /// When it last changed.
    changed: u32,
}

impl Route {
    fn size(&self) -> usize {
        self.nodes.len() - 2
    }

    /// With its breaches.
    fn cost(&self) -> i64 {
        self.base + self.penalty
    }
}

/// Stops `from` up to before `to` of a route.
#[derive(Clone, Copy, Debug)]
struct Range {
    route: u32,
    from: usize,
    to: usize,
}

pub(super) struct Descent<'a, A, const TIME: bool> {
    net: &'a Net<'a>,
    joiner: Joiner<'a, A, TIME>,
    prices: Prices,
    routes: Vec<Route>,
    used: usize,
    /// Most routes that may be used.
    pub(super) fleet: usize,
    route_of: Vec<u32>,
    pos: Vec<usize>,
    /// By node: from the start up to it, and from it to the end.
    head: Vec<Piece>,
    tail: Vec<Piece>,
    points: &'a [u32],
    /// By node: way from the start.
    ways: Vec<i64>,
    /// When each job was last looked at with all its neighbours.
    looked: Vec<u32>,
    now: u32,
    order: Vec<u32>,
    spare: Vec<Vec<u32>>,
    /// When pairs of routes were last looked at for exchanges.
    traded: u32,
    market: trade::Market,
}

impl<'a, A: Arcs, const TIME: bool> Descent<'a, A, TIME> {
    pub(super) fn new(net: &'a Net<'a>, arcs: &'a A, prices: Prices) -> Self {
        let joiner = Joiner::new(net, arcs);
        let routes = (0..net.slots.len() as u32)
            .map(|r| Route { nodes: vec![Self::start(net, r), Self::start(net, r) + 1], ..Route::default() })
            .collect();
        let own = joiner.own.clone();
        let mut descent = Self {
            net,
            joiner,
            prices,
            routes,
            used: 0,
            fleet: usize::MAX,
            route_of: vec![NONE; net.jobs],
            pos: vec![0; net.jobs],
            head: own.clone(),
            tail: own,
            points: &net.points,
            ways: vec![0; net.points.len()],
            looked: vec![0; net.jobs],
            now: 1,
            order: (0..net.jobs as u32).collect(),
            spare: Vec::new(),
            traded: 0,
            market: trade::Market::default(),
        };
        for r in 0..net.slots.len() as u32 {
            descent.refresh(r);
        }
        descent
    }

    fn start(net: &Net<'_>, route: u32) -> u32 {
        net.jobs as u32 + 2 * route
    }

    /// Recomputes the pieces and the cost of a route.
    fn refresh(&mut self, r: u32) {
        let Self { joiner, routes, head, tail, route_of, pos, ways, .. } = self;
        let route = &mut routes[r as usize];
        let nodes = &route.nodes;
        let last = nodes.len() - 1;
        for (at, &v) in nodes.iter().enumerate().skip(1) {
            head[v as usize] = joiner.join(&head[nodes[at - 1] as usize], &joiner.own[v as usize]);
            ways[v as usize] = head[v as usize].way;
            if at < last {
                route_of[v as usize] = r;
                pos[v as usize] = at;
            }
        }
        for at in (0..last).rev() {
            let v = nodes[at] as usize;
            tail[v] = joiner.join(&joiner.own[v], &tail[nodes[at + 1] as usize]);
        }
        let whole = head[nodes[last] as usize];
        let van = &joiner.vans[r as usize];
        let empty = last == 1;
        route.way = whole.way;
        route.base = if empty { 0 } else { van.fixed + van.unit * whole.way };
        route.breach = if empty { Breach::default() } else { joiner.breach(r, &whole) };
        route.penalty = route.breach.price(&self.prices);
    }

    /// Replaces the jobs of a route.
    pub(super) fn assign(&mut self, r: u32, jobs: &[u32]) {
        let start = Self::start(self.net, r);
        let route = &mut self.routes[r as usize];
        self.used -= usize::from(route.size() > 0);
        route.nodes.clear();
        route.nodes.push(start);
        route.nodes.extend_from_slice(jobs);
        route.nodes.push(start + 1);
        self.used += usize::from(!jobs.is_empty());
        route.changed = self.now;
        self.refresh(r);
    }

    pub(super) fn clear(&mut self) {
        for r in 0..self.routes.len() as u32 {
            if self.routes[r as usize].size() > 0 {
                self.assign(r, &[]);
            }
        }
        self.route_of.fill(NONE);
        self.looked.fill(0);
        self.now = 1;
        self.traded = 0;
    }

    pub(super) fn set_prices(&mut self, prices: Prices) {
        self.prices = prices;
        for route in &mut self.routes {
            route.penalty = route.breach.price(&prices);
        }
    }

    /// Takes a plan up; every job is looked at again.
    pub(super) fn load(&mut self, plan: &Plan) {
        self.clear();
        for (slot, route) in &plan.routes {
            self.assign(*slot, route);
        }
    }

    /// Takes a child up: what is as in its parent is looked at only beside what is not.
    pub(super) fn load_child(&mut self, child: &Child, rng: &mut Rng) {
        self.clear();
        for (slot, route, changed) in &child.routes {
            self.now = u32::from(*changed);
            self.assign(*slot, route);
        }
        self.now = 1;
        let mut absent = child.absent.clone();
        for at in (1..absent.len()).rev() {
            absent.swap(at, rng.below(at + 1));
        }
        for v in absent {
            self.insert(v);
        }
    }

    /// Gives up routes at random while there are more than the fleet has; their jobs go where they cost least.
    pub(super) fn shed(&mut self, rng: &mut Rng) {
        while self.used > self.fleet.max(1) {
            let used: Vec<u32> =
                (0..self.routes.len() as u32).filter(|&r| self.routes[r as usize].size() > 0).collect();
            let r = used[rng.below(used.len())];
            let jobs = self.jobs_of(r);
            self.assign(r, &[]);
            for &v in &jobs {
                self.route_of[v as usize] = NONE;
            }
            for &v in &jobs {
                self.insert(v);
            }
            self.spare.push(jobs);
        }
    }

    /// Random routes.
    pub(super) fn scatter(&mut self, rng: &mut Rng, routes: usize) {
        self.clear();
        let jobs = self.net.jobs;
        let mut order: Vec<u32> = (0..jobs as u32).collect();
        for at in (1..jobs).rev() {
            order.swap(at, rng.below(at + 1));
        }
        let mut slots: Vec<u32> = (0..self.routes.len() as u32).collect();
        for at in (1..slots.len()).rev() {
            slots.swap(at, rng.below(at + 1));
        }
        let count = routes.clamp(1, slots.len());
        let share = jobs.div_ceil(count).max(1);
        for (slot, part) in slots.iter().zip(order.chunks(share)) {
            self.assign(*slot, part);
        }
    }

    /// Looks at every job again.
    pub(super) fn again(&mut self) {
        self.now += 1;
        self.looked.fill(0);
        for route in &mut self.routes {
            route.changed = self.now;
        }
    }

    pub(super) fn plan(&self) -> Plan {
        let used = (0u32..).zip(&self.routes).filter(|(_, r)| r.size() > 0);
        let routes = used.clone().map(|(s, r)| (s, r.nodes[1..r.nodes.len() - 1].to_vec())).collect();
        let (base, breach) =
            used.fold((0, Breach::default()), |(b, w), (_, r)| (b + r.base, w.and(r.breach)));
        let absent: Vec<u32> =
            (0u32..).zip(&self.route_of).filter(|(_, r)| **r == NONE).map(|(v, _)| v).collect();
        let base = base + self.forgone(&absent);
        Plan::of(self.net.jobs, routes, absent, base, breach)
    }

    fn near(&self, v: u32) -> &'a [u32] {
        self.net.near_time.as_ref().unwrap_or(&self.net.near).of(v, CLOSE)
    }

    /// How long the way from one job to another takes.
    pub(super) fn leg_time(&self, from: u32, to: u32) -> i64 {
        self.joiner.leg_time(self.points[from as usize], self.points[to as usize])
    }

    /// Puts a job where it costs least, breaches priced; one that may be left out only if that pays.
    fn insert(&mut self, v: u32) {
        let limit = if self.net.must[v as usize] { i64::MAX } else { self.net.absence[v as usize] };
        self.place(v, limit);
    }

    /// Puts a job where it costs least, if that is less than `limit`.
    fn place(&mut self, v: u32, limit: i64) {
        let mut least: Option<(i64, u32, usize)> = None;
        let own = self.joiner.own[v as usize];
        let look = |this: &Self, least: &mut Option<(i64, u32, usize)>, r: u32, at: usize| {
            let route = &this.routes[r as usize];
            let van = &this.joiner.vans[r as usize];
            let (a, b) = (&this.head[route.nodes[at - 1] as usize], &this.tail[route.nodes[at] as usize]);
            let whole = this.joiner.join(&this.joiner.join(a, &own), b);
            let cost = van.fixed + van.unit * whole.way + this.joiner.breach(r, &whole).price(&this.prices);
            let change = cost - route.cost();
            if least.is_none_or(|l| change < l.0) {
                *least = Some((change, r, at));
            }
        };
        for &w in self.near(v) {
            let r = self.route_of[w as usize];
            if r != NONE {
                look(self, &mut least, r, self.pos[w as usize]);
                look(self, &mut least, r, self.pos[w as usize] + 1);
            }
        }
        for r in self.empties() {
            look(self, &mut least, r, 1);
        }
        if least.is_none() {
            for r in 0..self.routes.len() as u32 {
                if self.routes[r as usize].size() > 0 {
                    look(self, &mut least, r, 1);
                }
            }
        }
        let Some((change, r, at)) = least else { return };
        if change >= limit {
            return;
        }
        let mut jobs = self.jobs_of(r);
        jobs.insert(at - 1, v);
        self.assign(r, &jobs);
        self.spare.push(jobs);
    }

    fn scratch(&mut self) -> Vec<u32> {
        let mut list = self.spare.pop().unwrap_or_default();
        list.clear();
        list
    }

    fn jobs_of(&mut self, r: u32) -> Vec<u32> {
        let mut list = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        list.extend_from_slice(&nodes[1..nodes.len() - 1]);
        list
    }

    /// One empty slot of each class, if the fleet allows another route.
    fn empties(&self) -> Vec<u32> {
        if self.used >= self.fleet {
            return Vec::new();
        }
        let empty = |s: &u32| self.routes[*s as usize].size() == 0;
        self.net.classes.iter().filter_map(|c| c.iter().copied().find(empty)).collect()
    }

    /// Descends until nothing pays or the clock is over.
    pub(super) fn run(&mut self, rng: &mut Rng, clock: &mut Clock<'_>) {
        for at in (1..self.order.len()).rev() {
            self.order.swap(at, rng.below(at + 1));
        }
        loop {
            let before = self.now;
            for at in 0..self.order.len() {
                let u = self.order[at];
                let looked = self.looked[u as usize];
                let r = self.route_of[u as usize];
                if r == NONE {
                    let asked = self.come_in(u);
                    self.looked[u as usize] = self.now;
                    if asked && clock.tick() {
                        return;
                    }
                    continue;
                }
                let fresh = self.routes[r as usize].changed > looked;
                let mut asked = false;
                for &v in self.near(u) {
                    let (r, s) = (self.route_of[u as usize], self.route_of[v as usize]);
                    if s == NONE {
                        continue;
                    }
                    let changed = self.routes[r as usize].changed.max(self.routes[s as usize].changed);
                    if changed > looked {
                        asked = true;
                        if r == s {
                            self.within(u, v);
                        } else {
                            self.between(u, v);
                        }
                    }
                }
                self.looked[u as usize] = self.now;
                if fresh {
                    asked = true;
                    if !(self.net.optional && self.leave_out(u)) {
                        self.alone(u);
                    }
                }
                if asked && clock.tick() {
                    return;
                }
            }
            if self.now == before && (TIME || clock.is_over() || !self.trades(clock)) {
                return;
            }
        }
    }

    /// The piece of some stops in their order.
    #[inline(always)]
    fn fold(&self, nodes: &[u32]) -> Piece {
        nodes[1..].iter().fold(self.joiner.own[nodes[0] as usize], |a, &v| {
            self.joiner.join(&a, &self.joiner.own[v as usize])
        })
    }

    #[inline(always)]
    fn fold_back(&self, nodes: &[u32]) -> Piece {
        let last = nodes.len() - 1;
        nodes[..last].iter().rev().fold(self.joiner.own[nodes[last] as usize], |a, &v| {
            self.joiner.join(&a, &self.joiner.own[v as usize])
        })
    }

    /// What a route of this slot would cost, breaches priced.
    #[inline(always)]
    fn worth(&self, r: u32, whole: &Piece, empty: bool) -> i64 {
        if empty {
            return 0;
        }
        let van = &self.joiner.vans[r as usize];
        van.fixed + van.unit * whole.way + self.joiner.breach(r, whole).price(&self.prices)
    }

    /// The job, or all from it on, goes to an empty vehicle.
    fn alone(&mut self, u: u32) {
        for s in self.empties() {
            let (r, i) = (self.route_of[u as usize], self.pos[u as usize]);
            if self.routes[r as usize].size() == 1
                && self.net.class_of[r as usize] == self.net.class_of[s as usize]
            {
                continue;
            }
            let x = Range { route: r, from: i, to: i + 1 };
            if self.exchange(x, false, Range { route: s, from: 1, to: 1 }) || i > 1 && self.tails(r, i, s, 1)
            {
                return;
            }
        }
        // Ends of routes are neighbours of nobody: the job goes first or last in its own route.
        let (r, i) = (self.route_of[u as usize], self.pos[u as usize]);
        let n = self.routes[r as usize].nodes.len() - 1;
        if i > 1 && self.shift(r, i, i + 1, 1, false) {
            return;
        }
        if i + 1 < n {
            self.shift(r, i, i + 1, n, false);
        }
    }
}
