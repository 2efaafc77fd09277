//! Local search that may break rules at a price: chains of stops move and change places, routes exchange tails, parts are
//! turned around, until nothing of that pays (Vidal et al. 2012; granular neighbourhoods of Toth and Vigo 2003).
//!
//! Each change of two routes is a few kept pieces joined. The way alone is looked at first: what it and the breaches
//! that it can mend do not bring, loads and times cannot.

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
        Plan::of(self.net.jobs, routes, base, breach)
    }

    fn near(&self, v: u32) -> &'a [u32] {
        self.net.near_time.as_ref().unwrap_or(&self.net.near).of(v, CLOSE)
    }

    /// How long the way from one job to another takes.
    pub(super) fn leg_time(&self, from: u32, to: u32) -> i64 {
        self.joiner.leg_time(self.points[from as usize], self.points[to as usize])
    }

    fn fits(&self, v: u32, r: u32) -> bool {
        let kind = self.net.slots[r as usize].kind as usize;
        self.net.fits.is_empty() || self.net.fits[kind * self.net.jobs + v as usize]
    }

    /// Puts a job where it costs least, breaches priced.
    fn insert(&mut self, v: u32) {
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
            if r != NONE && self.fits(v, r) {
                look(self, &mut least, r, self.pos[w as usize]);
                look(self, &mut least, r, self.pos[w as usize] + 1);
            }
        }
        for r in self.empties() {
            if self.fits(v, r) {
                look(self, &mut least, r, 1);
            }
        }
        if least.is_none() {
            for r in 0..self.routes.len() as u32 {
                if self.routes[r as usize].size() > 0 && self.fits(v, r) {
                    look(self, &mut least, r, 1);
                }
            }
        }
        let Some((_, r, at)) = least else { return };
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
                    self.alone(u);
                }
                if asked && clock.tick() {
                    return;
                }
            }
            if self.now == before {
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

    /// How much longer the way of a route is where the stops of the range are replaced by a part with these ends and
    /// way, or by nothing.
    #[inline(always)]
    fn longer(&self, range: Range, part: Option<(u32, u32, i64)>) -> i64 {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (nodes[range.from - 1] as usize, nodes[range.to] as usize);
        let (pa, pb) = (self.points[a], self.points[b]);
        let mid = match part {
            Some((first, last, way)) => self.joiner.leg(pa, first) + way + self.joiner.leg(last, pb),
            None => self.joiner.leg(pa, pb),
        };
        mid - (self.ways[b] - self.ways[a])
    }

    /// Ends and way of the stops of a range, in their order or the other way round.
    #[inline(always)]
    fn ends(&self, range: Range, back: bool) -> (u32, u32, i64) {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (nodes[range.from] as usize, nodes[range.to - 1] as usize);
        if !back {
            return (self.points[a], self.points[b], self.ways[b] - self.ways[a]);
        }
        let way = if self.net.metric {
            self.ways[b] - self.ways[a]
        } else {
            (range.from..range.to - 1).map(|k| self.gap(range.route, k + 1, k)).sum()
        };
        (self.points[b], self.points[a], way)
    }

    #[inline(always)]
    fn whole_with(&self, range: Range, piece: Option<&Piece>) -> Piece {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (&self.head[nodes[range.from - 1] as usize], &self.tail[nodes[range.to] as usize]);
        match piece {
            Some(p) => self.joiner.join(&self.joiner.join(a, p), b),
            None => self.joiner.join(a, b),
        }
    }

    /// Two ranges of two routes change places if that pays; the first comes the other way round where `back`, the other
    /// may be empty.
    #[inline(always)]
    fn exchange(&mut self, x: Range, back: bool, y: Range) -> bool {
        let (r, s) = (x.route, y.route);
        let (one, other) = (&self.routes[r as usize], &self.routes[s as usize]);
        let (vr, vs) = (&self.joiner.vans[r as usize], &self.joiner.vans[s as usize]);
        let nothing = y.from == y.to;
        let emptied = nothing && x.to - x.from == one.size();
        let mut change = if emptied {
            -one.base
        } else {
            vr.unit * self.longer(x, (!nothing).then(|| self.ends(y, false)))
        };
        if change >= one.penalty + other.penalty + vs.unit * other.way {
            return false;
        }
        change += vs.unit * self.longer(y, Some(self.ends(x, back)));
        if other.size() == 0 {
            change += vs.fixed + vs.unit * other.way;
        }
        if change >= one.penalty + other.penalty {
            return false;
        }
        let nodes = &one.nodes[x.from..x.to];
        let px = if back { self.fold_back(nodes) } else { self.fold(nodes) };
        let py = (!nothing).then(|| self.fold(&other.nodes[y.from..y.to]));
        let worth_s = self.worth(s, &self.whole_with(y, Some(&px)), false);
        let old = one.cost() + other.cost();
        if worth_s >= old {
            return false;
        }
        let worth_r = if emptied { 0 } else { self.worth(r, &self.whole_with(x, py.as_ref()), false) };
        if worth_r + worth_s >= old || !self.ride(x, s) || !self.ride(y, r) {
            return false;
        }
        let (mut first, mut second) = (self.scratch(), self.scratch());
        let (one, other) = (&self.routes[r as usize].nodes, &self.routes[s as usize].nodes);
        first.extend_from_slice(&one[1..x.from]);
        first.extend_from_slice(&other[y.from..y.to]);
        first.extend_from_slice(&one[x.to..one.len() - 1]);
        second.extend_from_slice(&other[1..y.from]);
        if back {
            second.extend(one[x.from..x.to].iter().rev());
        } else {
            second.extend_from_slice(&one[x.from..x.to]);
        }
        second.extend_from_slice(&other[y.to..other.len() - 1]);
        self.take(r, first, s, second, worth_r + worth_s);
        true
    }

    /// Whether the stops of a range can ride in a vehicle.
    fn ride(&self, range: Range, r: u32) -> bool {
        self.net.fits.is_empty()
            || self.routes[range.route as usize].nodes[range.from..range.to].iter().all(|&v| self.fits(v, r))
    }

    /// Takes two new routes, evaluated to cost so much together.
    fn take(&mut self, r: u32, first: Vec<u32>, s: u32, second: Vec<u32>, worth: i64) {
        self.now += 1;
        self.assign(r, &first);
        self.assign(s, &second);
        debug_assert_eq!(self.routes[r as usize].cost() + self.routes[s as usize].cost(), worth);
        self.spare.push(first);
        self.spare.push(second);
    }

    /// Changes of two routes that bring two jobs beside each other.
    fn between(&mut self, u: u32, v: u32) -> bool {
        let (r, s) = (self.route_of[u as usize], self.route_of[v as usize]);
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let (n, m) = (self.routes[r as usize].nodes.len() - 1, self.routes[s as usize].nodes.len() - 1);
        // Chains from the job on come after the other, those up to it before the other; and the other way round.
        for before in [false, true] {
            if !self.pays(u, v, before) {
                continue;
            }
            let gap = if before { j } else { j + 1 };
            for len in 1..=CHAIN {
                for back in [false, true] {
                    if back && len == 1 {
                        continue;
                    }
                    let forth = before == back;
                    let (from, to) = if forth { (i, i + len) } else { (i + 1 - len.min(i + 1), i + 1) };
                    if from < 1 || to > n || to - from < len {
                        continue;
                    }
                    let x = Range { route: r, from, to };
                    if self.exchange(x, back, Range { route: s, from: gap, to: gap }) {
                        return true;
                    }
                    if back {
                        continue;
                    }
                    for other in 1..=len {
                        let (from, to) =
                            if before { (gap - other.min(gap), gap) } else { (gap, gap + other) };
                        if from < 1 || to > m {
                            break;
                        }
                        let y = Range { route: s, from, to };
                        if self.exchange(x, false, y) {
                            return true;
                        }
                    }
                }
            }
        }
        // Tails: the other, then this; or this, then the other.
        (self.pays(u, v, false) && self.tails(r, i, s, j + 1))
            || self.pays(u, v, true) && self.tails(r, i + 1, s, j)
    }

    /// Whether a change that makes `u` come right after `v`, or before it, can pay: the new leg is shorter than one of
    /// the two that it takes the place of, or there are breaches to mend.
    #[inline(always)]
    fn pays(&self, u: u32, v: u32, before: bool) -> bool {
        let (r, s) = (self.route_of[u as usize] as usize, self.route_of[v as usize] as usize);
        let point = |x: u32| self.points[x as usize];
        let side = |r: usize, at: usize| self.routes[r].nodes[at];
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let (new, old_u, old_v) = if before {
            (
                self.joiner.leg(point(u), point(v)),
                self.joiner.leg(point(u), point(side(r, i + 1))),
                self.joiner.leg(point(side(s, j - 1)), point(v)),
            )
        } else {
            (
                self.joiner.leg(point(v), point(u)),
                self.joiner.leg(point(side(r, i - 1)), point(u)),
                self.joiner.leg(point(v), point(side(s, j + 1))),
            )
        };
        // Units of the dearer vehicle are near enough.
        let unit = self.joiner.vans[r].unit.max(self.joiner.vans[s].unit);
        (new - old_u.max(old_v)) * unit < self.routes[r].penalty + self.routes[s].penalty
    }

    /// Two routes exchange their tails from these places on, if that pays.
    fn tails(&mut self, r: u32, i: usize, s: u32, j: usize) -> bool {
        let (one, other) = (&self.routes[r as usize], &self.routes[s as usize]);
        let (a, c) = (one.nodes[i - 1], one.nodes[i]);
        let (b, d) = (other.nodes[j - 1], other.nodes[j]);
        let jobs = self.net.jobs as u32;
        let emptied = [i == 1 && d >= jobs, j == 1 && c >= jobs];
        // Each vehicle keeps its own end.
        let (end_r, end_s) = (one.nodes[one.nodes.len() - 1], other.nodes[other.nodes.len() - 1]);
        let tail_r = if d >= jobs { &self.joiner.own[end_r as usize] } else { &self.tail[d as usize] };
        let tail_s = if c >= jobs { &self.joiner.own[end_s as usize] } else { &self.tail[c as usize] };
        let (head_r, head_s) = (&self.head[a as usize], &self.head[b as usize]);
        let (vr, vs) = (&self.joiner.vans[r as usize], &self.joiner.vans[s as usize]);
        let way = |h: &Piece, t: &Piece| h.way + self.joiner.leg(h.last, t.first) + t.way;
        let base = |van: &super::piece::Van, h: &Piece, t: &Piece, empty: bool| {
            if empty { 0 } else { van.fixed + van.unit * way(h, t) }
        };
        let now = base(vr, head_r, tail_r, emptied[0]) + base(vs, head_s, tail_s, emptied[1]);
        let old = one.cost() + other.cost();
        if now >= old {
            return false;
        }
        // Where the ends of the two vehicles are not the same place the pieces lead to the wrong one.
        let same_end = self.net.points[end_r as usize] == self.net.points[end_s as usize]
            && self.net.class_of[r as usize] == self.net.class_of[s as usize];
        let (whole_r, whole_s) = if same_end {
            (self.joiner.join(head_r, tail_r), self.joiner.join(head_s, tail_s))
        } else {
            let rest = |h: &Piece, nodes: &[u32], end: u32| {
                let jobs = nodes.iter().fold(*h, |a, &v| self.joiner.join(&a, &self.joiner.own[v as usize]));
                self.joiner.join(&jobs, &self.joiner.own[end as usize])
            };
            (
                rest(head_r, &other.nodes[j..other.nodes.len() - 1], end_r),
                rest(head_s, &one.nodes[i..one.nodes.len() - 1], end_s),
            )
        };
        let worth = self.worth(r, &whole_r, emptied[0]) + self.worth(s, &whole_s, emptied[1]);
        if worth >= old
            || !self.ride(Range { route: r, from: i, to: one.nodes.len() - 1 }, s)
            || !self.ride(Range { route: s, from: j, to: other.nodes.len() - 1 }, r)
        {
            return false;
        }
        let (mut first, mut second) = (self.scratch(), self.scratch());
        let (one, other) = (&self.routes[r as usize].nodes, &self.routes[s as usize].nodes);
        first.extend_from_slice(&one[1..i]);
        first.extend_from_slice(&other[j..other.len() - 1]);
        second.extend_from_slice(&other[1..j]);
        second.extend_from_slice(&one[i..one.len() - 1]);
        self.take(r, first, s, second, worth);
        true
    }

    /// Changes of one route that bring two of its jobs beside each other.
    fn within(&mut self, u: u32, v: u32) -> bool {
        let r = self.route_of[u as usize];
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let n = self.routes[r as usize].nodes.len() - 1;
        for before in [false, true] {
            if !self.pays(u, v, before) {
                continue;
            }
            let gap = if before { j } else { j + 1 };
            for len in 1..=CHAIN {
                for back in [false, true] {
                    if back && len == 1 {
                        continue;
                    }
                    let forth = before == back;
                    let (from, to) = if forth { (i, i + len) } else { (i + 1 - len.min(i + 1), i + 1) };
                    if from < 1 || to > n || to - from < len || (from..=to).contains(&gap) {
                        continue;
                    }
                    if self.shift(r, from, to, gap, back) {
                        return true;
                    }
                    if back {
                        continue;
                    }
                    for other in 1..=len {
                        let (from2, to2) =
                            if before { (gap - other.min(gap), gap) } else { (gap, gap + other) };
                        if from2 < 1 || to2 > n || from2 < to && from < to2 {
                            break;
                        }
                        if self.swap(r, (from, to), (from2, to2)) {
                            return true;
                        }
                    }
                }
            }
        }
        // A part turned around brings them together at one of its ends.
        let (low, high) = (i.min(j), i.max(j));
        self.turn(r, low + 1, high) || self.turn(r, low, high - 1)
    }

    /// Way between two stops of a route, along it.
    #[inline(always)]
    fn along(&self, r: u32, from: usize, to: usize) -> i64 {
        let nodes = &self.routes[r as usize].nodes;
        self.ways[nodes[to] as usize] - self.ways[nodes[from] as usize]
    }

    #[inline(always)]
    fn gap(&self, r: u32, from: usize, to: usize) -> i64 {
        let nodes = &self.routes[r as usize].nodes;
        self.joiner.leg(self.points[nodes[from] as usize], self.points[nodes[to] as usize])
    }

    /// Takes a new order of stops `from` to before `to` if it pays.
    fn reorder(&mut self, r: u32, from: usize, to: usize, list: Vec<u32>) -> bool {
        let route = &self.routes[r as usize];
        let head = &self.head[route.nodes[from - 1] as usize];
        let mid = list.iter().fold(*head, |a, &v| self.joiner.join(&a, &self.joiner.own[v as usize]));
        let whole = self.joiner.join(&mid, &self.tail[route.nodes[to] as usize]);
        let worth = self.worth(r, &whole, false);
        let pays = worth < route.cost();
        if pays {
            let mut jobs = self.jobs_of(r);
            jobs[from - 1..to - 1].copy_from_slice(&list);
            self.now += 1;
            self.assign(r, &jobs);
            debug_assert_eq!(self.routes[r as usize].cost(), worth);
            self.spare.push(jobs);
        }
        self.spare.push(list);
        pays
    }

    /// Stops `from` to before `to` go before the stop at `gap` of the same route, the other way round if `back`.
    fn shift(&mut self, r: u32, from: usize, to: usize, gap: usize, back: bool) -> bool {
        let route = &self.routes[r as usize];
        let (a, b) = if back { (to - 1, from) } else { (from, to - 1) };
        let mut change = self.gap(r, from - 1, to) + self.gap(r, gap - 1, a) + self.gap(r, b, gap)
            - self.gap(r, from - 1, from)
            - self.gap(r, to - 1, to)
            - self.gap(r, gap - 1, gap);
        if back && !self.net.metric {
            let turned: i64 = (from..to - 1).map(|k| self.gap(r, k + 1, k)).sum();
            change += turned - self.along(r, from, to - 1);
        }
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        let push = |list: &mut Vec<u32>| {
            if back {
                list.extend(nodes[from..to].iter().rev());
            } else {
                list.extend_from_slice(&nodes[from..to]);
            }
        };
        if gap < from {
            push(&mut list);
            list.extend_from_slice(&nodes[gap..from]);
            self.reorder(r, gap, to, list)
        } else {
            list.extend_from_slice(&nodes[to..gap]);
            push(&mut list);
            self.reorder(r, from, gap, list)
        }
    }

    /// Two ranges of a route change places.
    fn swap(&mut self, r: u32, x: (usize, usize), y: (usize, usize)) -> bool {
        let (x, y) = if x.0 < y.0 { (x, y) } else { (y, x) };
        if x.1 == y.0 {
            return false;
        }
        let route = &self.routes[r as usize];
        let change = self.gap(r, x.0 - 1, y.0)
            + self.gap(r, y.1 - 1, x.1)
            + self.gap(r, y.0 - 1, x.0)
            + self.gap(r, x.1 - 1, y.1)
            - self.gap(r, x.0 - 1, x.0)
            - self.gap(r, x.1 - 1, x.1)
            - self.gap(r, y.0 - 1, y.0)
            - self.gap(r, y.1 - 1, y.1);
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        list.extend_from_slice(&nodes[y.0..y.1]);
        list.extend_from_slice(&nodes[x.1..y.0]);
        list.extend_from_slice(&nodes[x.0..x.1]);
        self.reorder(r, x.0, y.1, list)
    }

    /// Stops `from` to `to` the other way round.
    fn turn(&mut self, r: u32, from: usize, to: usize) -> bool {
        if to <= from {
            return false;
        }
        let route = &self.routes[r as usize];
        let mut change = self.gap(r, from - 1, to) + self.gap(r, from, to + 1)
            - self.gap(r, from - 1, from)
            - self.gap(r, to, to + 1);
        if !self.net.metric {
            let turned: i64 = (from..to).map(|k| self.gap(r, k + 1, k)).sum();
            change += turned - self.along(r, from, to);
        }
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        list.extend(self.routes[r as usize].nodes[from..=to].iter().rev());
        self.reorder(r, from, to + 1, list)
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
