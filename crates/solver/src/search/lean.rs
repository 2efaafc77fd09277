//! The kernel for the pure kinds: one matrix, one load dimension, one hard window, prices by vehicle and distance.
//!
//! Loads are segments (I, D, H): loaded at the depot, net change, largest rise (Hiermann and Schiffer 2026); times
//! are earliest departures and latest starts. Features that a problem lacks are compiled away.

use super::arcs::{Arcs, FAR};
use super::eval::{Blink, Eval, Put};
use super::links::{Link, Links};
use super::middle::Part;
use super::near::WAY_MAX;
use super::net::Net;
use super::times::Times as Span;
use crate::problem::{Backhaul, Matrix, NO_WAY, Problem, Role};

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    open: i64,
    close: i64,
    service: i64,
    /// Earliest end of service.
    dep: i64,
    /// Latest start of service.
    lat: i64,
}

/// A load segment.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    /// Loaded at the depot.
    i: i64,
    /// Net change.
    d: i64,
    /// Largest rise.
    h: i64,
}

impl Load {
    #[inline(always)]
    fn then(self, o: Self) -> Self {
        Self { i: self.i + o.i, d: self.d + o.d, h: self.h.max(self.d + o.h) }
    }

    #[inline(always)]
    fn peak(self) -> i64 {
        self.i + self.h
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Loads {
    own: Load,
    pre: Load,
    suf: Load,
}

#[derive(Clone, Debug)]
struct Van {
    cap: i64,
    fixed: i64,
    unit: i64,
    kind: u32,
    /// Longest way and day.
    far: i64,
    long: i64,
}

/// What a slot was like before an iteration.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    journal: u64,
    slack: i64,
    over: i64,
    way: i64,
}

pub(super) struct Lean<'a, A, const TIME: bool, const BOTH: bool> {
    arcs: &'a A,
    fits: &'a [bool],
    jobs: usize,
    vans: Vec<Van>,
    times: Vec<Times>,
    loads: Vec<Loads>,
    demand: Vec<i64>,
    /// Room left, by slot, where goods go one way.
    slack: Vec<i64>,
    /// What each slot carries too much, the sum of it, the most allowed of a slot.
    over: Vec<i64>,
    over_sum: i64,
    over_most: i64,
    /// Slack, overload and way of each slot before its first change in an iteration, and the iteration.
    before: Vec<Before>,
    /// Price of 2 to the power of `lot` units too much.
    over_price: i64,
    lot: u32,
    /// 2 where distances keep the triangle, so that a detour is at least twice the surplus of its first leg.
    corner: i64,
    /// Least price of a unit of way there and back, where distances keep the triangle; else 0.
    both_ways: i64,
    /// Way, and the segments of times before and after each node, where some vehicle has a limit.
    limited: bool,
    ways: Vec<i64>,
    spans: Vec<[Span; 2]>,
}

/// Whether the lean kernel is exact for a problem without frozen prefixes.
pub(super) fn suits(p: &Problem) -> bool {
    let strict = p.backhaul() == Backhaul::LinehaulFirst;
    let some = |l: &[i64]| l.iter().any(|&v| v > 0);
    let pairs = p.jobs().iter().any(|j| j.role != Role::Single);
    p.dimensions().len() <= 1
        && p.kinds().iter().all(|k| {
            k.profile == p.kinds()[0].profile
                && k.layouts.len() == 1
                && k.per_time == 0
                && k.overtime_price == 0
                && (!pairs || k.max_duration.is_none() && k.max_distance.is_none())
                && k.max_stops.is_none()
                && (k.max_trips == 1 || k.reloads.is_empty())
                && k.driving.is_none()
                && k.breaks.is_empty()
                && k.balance.is_none()
                // An arc that is not there is kept away by its price: there must be one.
                && (k.per_distance > 0 || !has_holes(&p.profiles()[k.profile.index()]))
        })
        && p.jobs().iter().all(|j| {
            j.setup == 0
                && j.windows.len() <= 1
                && j.soft.is_none()
                && j.release == 0
                && j.max_on_board.is_none()
                && j.group.is_none()
                && j.prefer.is_none()
                && (j.classes == 0 || p.conflicting(j.classes) == 0)
                && (!strict || j.role != Role::Single || some(&j.delivery) || some(&j.pickup))
        })
}

fn has_holes(matrix: &Matrix) -> bool {
    let n = matrix.places();
    let hole = |from, to| matrix.distance(from, to) >= NO_WAY || matrix.duration(from, to) >= NO_WAY;
    (0..n).any(|from| (0..n).any(|to| hole(from, to)))
}

/// Whether the problem needs times.
pub(super) fn has_times(p: &Problem) -> bool {
    p.jobs().iter().any(|j| !j.windows.is_empty())
        || p.kinds().iter().any(|k| k.shift.to < crate::problem::VALUE_MAX || k.max_duration.is_some())
}

/// Whether goods go both ways, or from job to job.
pub(super) fn has_pickups(p: &Problem) -> bool {
    p.jobs().iter().any(|j| j.role != Role::Single || j.pickup.iter().any(|&l| l > 0))
}

impl<'a, A: Arcs, const TIME: bool, const BOTH: bool> Lean<'a, A, TIME, BOTH> {
    pub(super) fn new(net: &'a Net<'_>, arcs: &'a A) -> Self {
        let p = net.problem;
        let nodes = net.points.len();
        let mut times = vec![Times::default(); if TIME { nodes } else { 0 }];
        let mut loads = vec![Loads::default(); if BOTH { nodes } else { 0 }];
        let first = |l: &[i64]| l.first().copied().unwrap_or(0);
        for (at, job) in p.jobs().iter().enumerate() {
            let (d, u) = (first(&job.delivery), first(&job.pickup));
            if TIME {
                let window = job.windows.first().copied().unwrap_or(crate::problem::Window::ALWAYS);
                times[at] =
                    Times { open: window.from, close: window.to, service: job.service, ..Times::default() };
            }
            if BOTH {
                let net_change = u - d;
                let i = if job.role == Role::Single { d } else { 0 };
                loads[at].own = Load { i, d: net_change, h: net_change.max(0) };
            }
        }
        let mut vans = Vec::with_capacity(net.slots.len());
        for (r, slot) in net.slots.iter().enumerate() {
            let kind = net.kind(r as u32);
            if TIME {
                let s = net.jobs + 2 * r;
                times[s] = Times {
                    open: kind.shift.from,
                    close: kind.shift.to,
                    service: kind.loading,
                    dep: 0,
                    lat: 0,
                };
                times[s + 1] = Times { open: kind.shift.from, close: kind.shift.to, ..Times::default() };
            }
            vans.push(Van {
                cap: first(&kind.layouts[0]),
                fixed: kind.fixed + net.weight(r as u32),
                unit: kind.per_distance,
                kind: slot.kind,
                far: kind.max_distance.unwrap_or(i64::MAX),
                long: kind.max_duration.unwrap_or(i64::MAX),
            });
        }
        let cheapest = vans.iter().map(|v| v.unit).min().unwrap_or(0);
        let both_ways = if net.metric { 2 * cheapest } else { 0 };
        let limited = vans.iter().any(|v| v.far < i64::MAX || v.long < i64::MAX);
        let timed_nodes = if limited && TIME { nodes } else { 0 };
        let demand = p.jobs().iter().map(|j| first(&j.delivery)).collect();
        let (slack, over) = (vec![0; vans.len()], vec![0; vans.len()]);
        // About what a job weighs.
        let heavy = p.jobs().iter().map(|j| first(&j.delivery).max(first(&j.pickup)));
        let lot = (heavy.fold(0, i64::saturating_add) / net.jobs.max(1) as i64).max(1).ilog2();
        Self {
            arcs,
            fits: &net.fits,
            jobs: net.jobs,
            vans,
            times,
            loads,
            demand,
            slack,
            over,
            before: vec![Before::default(); if TIME || BOTH { 0 } else { net.slots.len() }],
            over_sum: 0,
            over_most: 0,
            over_price: 0,
            lot,
            corner: 1 + i64::from(net.metric),
            both_ways,
            limited,
            ways: vec![0; net.slots.len()],
            spans: vec![[Span::ANY; 2]; timed_nodes],
        }
    }

    fn refresh_times(&mut self, links: &Links, route: u32) -> bool {
        let (start, end) = (links.start(route) as usize, links.end(route) as usize);
        self.times[start].dep = self.times[start].open + self.times[start].service;
        let mut ok = self.times[start].open <= self.times[start].close;
        let mut v = start;
        while v != end {
            let Link { succ, point, .. } = links.at[v];
            let s = succ as usize;
            let arrive = self.times[v].dep + self.arcs.time(point, links.at[s].point);
            let t = &mut self.times[s];
            let begin = arrive.max(t.open);
            ok &= begin <= t.close;
            t.dep = begin + t.service;
            v = s;
        }
        self.times[end].lat = self.times[end].close;
        while v != start {
            let Link { pred, point, .. } = links.at[v];
            let p = pred as usize;
            let leg = self.arcs.time(links.at[p].point, point);
            let lat = self.times[v].lat;
            let t = &mut self.times[p];
            t.lat = t.close.min(lat - leg - t.service);
            v = p;
        }
        ok || links.routes[route as usize].size == 0
    }

    #[inline(always)]
    fn span(&self, v: usize) -> Span {
        let t = &self.times[v];
        Span::stop(t.open, t.close, t.service)
    }

    /// Recomputes the segments of times of a route; gives how long its day is.
    fn refresh_spans(&mut self, links: &Links, route: u32) -> i64 {
        let (start, end) = (links.start(route) as usize, links.end(route) as usize);
        let mut v = start;
        self.spans[start][0] = self.span(start);
        while v != end {
            let Link { succ, point, .. } = links.at[v];
            let s = succ as usize;
            let leg = self.arcs.time(point, links.at[s].point);
            self.spans[s][0] = self.spans[v][0].then(leg, self.span(s));
            v = s;
        }
        self.spans[end][1] = self.span(end);
        while v != start {
            let Link { pred, point, .. } = links.at[v];
            let p = pred as usize;
            let leg = self.arcs.time(links.at[p].point, point);
            self.spans[p][1] = self.span(p).then(leg, self.spans[v][1]);
            v = p;
        }
        self.spans[end][0].long
    }

    /// Recomputes the load segments of a route; gives its peak.
    fn refresh_loads(&mut self, links: &Links, route: u32) -> i64 {
        let (start, end) = (links.start(route) as usize, links.end(route) as usize);
        self.loads[start].pre = Load::default();
        let mut v = start;
        while v != end {
            let s = links.at[v].succ as usize;
            let own = if s == end { Load::default() } else { self.loads[s].own };
            self.loads[s].pre = self.loads[v].pre.then(own);
            v = s;
        }
        self.loads[end].suf = Load::default();
        while v != start {
            let p = links.at[v].pred as usize;
            let own = if p == start { Load::default() } else { self.loads[p].own };
            self.loads[p].suf = own.then(self.loads[v].suf);
            v = p;
        }
        self.loads[start].suf.peak()
    }

    /// Remembers what a slot was like before its first change in an iteration.
    #[inline(always)]
    fn remember(&mut self, journal: u64, route: u32) {
        let r = route as usize;
        if self.before[r].journal != journal {
            self.before[r] = Before { journal, slack: self.slack[r], over: self.over[r], way: self.ways[r] };
        }
    }

    /// Follows a change of a route's way and load; `fixed` is what it costs beside.
    #[inline(always)]
    fn follow(&mut self, links: &mut Links, route: u32, way: i64, load: i64, fixed: i64) -> bool {
        self.remember(links.journal(), route);
        let r = route as usize;
        let (slack, old) = (self.slack[r] - load, self.over[r]);
        let over = (-slack).max(0);
        self.slack[r] = slack;
        self.ways[r] += way;
        self.over[r] = over;
        self.over_sum += over - old;
        let cost = links.routes[r].cost + fixed + self.vans[r].unit * way + self.fine(over) - self.fine(old);
        links.set_cost(route, cost);
        over <= self.over_most
    }

    /// Price of carrying so much too much.
    #[inline(always)]
    fn fine(&self, over: i64) -> i64 {
        (over * self.over_price) >> self.lot
    }

    #[inline(always)]
    fn fits(&self, route: u32, job: u32) -> bool {
        self.fits.is_empty() || self.fits[self.vans[route as usize].kind as usize * self.jobs + job as usize]
    }

    /// What an insertion costs; the ways from the node before and to the one after it as far as they are known.
    #[inline(always)]
    fn put(&self, links: &Links, job: u32, after: u32, limit: i64, known: (Option<i64>, Option<i64>)) -> i64 {
        let before = links.at[after as usize];
        let route = before.route;
        let van = &self.vans[route as usize];
        let lack = if BOTH { 0 } else { self.demand[job as usize] - self.slack[route as usize] };
        if lack > self.over_most {
            return FAR;
        }
        let succ = before.succ as usize;
        let point = links.at[job as usize].point;
        let there = known.0.unwrap_or_else(|| self.arcs.dist_into(point, before.point));
        // The way on is at least nothing, or what the triangle leaves.
        if self.corner * van.unit * (there - before.next) >= limit {
            return FAR;
        }
        let next = links.at[succ].point;
        let on = known.1.unwrap_or_else(|| self.arcs.dist(point, next));
        let longer = on + there - before.next;
        let mut delta = van.unit * longer;
        if links.routes[route as usize].size == 0 {
            delta += van.fixed;
        }
        if !BOTH && lack > 0 {
            delta += self.fine(lack) - self.fine(self.over[route as usize]);
        }
        if delta >= limit || !self.fits(route, job) {
            return FAR;
        }
        if self.limited && self.ways[route as usize] + longer > van.far {
            return FAR;
        }
        if TIME {
            let t = &self.times[job as usize];
            let begin =
                (self.times[after as usize].dep + self.arcs.time_into(point, before.point)).max(t.open);
            if begin > t.close || begin + t.service + self.arcs.time(point, next) > self.times[succ].lat {
                return FAR;
            }
            if self.limited && van.long < i64::MAX {
                let legs = (self.arcs.time_into(point, before.point), self.arcs.time(point, next));
                let upto = self.spans[after as usize][0].then(legs.0, self.span(job as usize));
                if upto.then(legs.1, self.spans[succ][1]).long > van.long {
                    return FAR;
                }
            }
        }
        if BOTH {
            let own = self.loads[job as usize].own;
            let whole = self.loads[after as usize].pre.then(own).then(self.loads[succ].suf);
            let lack = whole.peak() - van.cap;
            if lack > self.over_most {
                return FAR;
            }
            if lack > 0 {
                delta += self.fine(lack) - self.fine(self.over[route as usize]);
            }
        }
        delta
    }
}

impl<A: Arcs, const TIME: bool, const BOTH: bool> Eval for Lean<'_, A, TIME, BOTH> {
    const WAYS_ALONE: bool = true;
    const SINGLE: bool = !TIME && !BOTH;
    const EVEN: bool = A::COMPUTED;

    #[inline]
    fn linked(&mut self, links: &mut Links, job: u32) -> bool {
        let Link { pred, succ, route, point, .. } = links.at[job as usize];
        if !Self::SINGLE {
            return self.refresh(links, route);
        }
        let before = links.at[pred as usize];
        let there = self.arcs.dist_into(point, before.point);
        let on = self.arcs.dist(point, links.at[succ as usize].point);
        links.set_next(pred, there);
        links.set_next(job, on);
        let fixed = if links.routes[route as usize].size == 1 { self.vans[route as usize].fixed } else { 0 };
        self.follow(links, route, there + on - before.next, self.demand[job as usize], fixed)
    }

    #[inline]
    fn unlinked(&mut self, links: &mut Links, job: u32, pred: u32) -> bool {
        if !Self::SINGLE {
            return true;
        }
        let Link { succ, route, point, next, .. } = links.at[pred as usize];
        let empty = links.routes[route as usize].size == 0;
        let over = if empty { 0 } else { self.arcs.dist(point, links.at[succ as usize].point) };
        links.set_next(pred, over);
        let fixed = if empty { -self.vans[route as usize].fixed } else { 0 };
        let way = over - next - links.at[job as usize].next;
        self.follow(links, route, way, -self.demand[job as usize], fixed);
        over < NO_WAY
    }

    #[inline]
    fn undone(&mut self, links: &mut Links, route: u32) {
        if !Self::SINGLE {
            self.refresh(links, route);
            return;
        }
        let r = route as usize;
        let Before { journal, slack, over, way } = self.before[r];
        if journal == links.journal() {
            self.over_sum += over - self.over[r];
            (self.slack[r], self.over[r], self.ways[r]) = (slack, over, way);
        }
    }

    fn refresh(&mut self, links: &mut Links, route: u32) -> bool {
        if Self::SINGLE {
            self.remember(links.journal(), route);
        }
        let arcs = self.arcs;
        let way = links.measure(route, |a, b| arcs.dist(a, b));
        let size = links.routes[route as usize].size;
        let mut ok = way < NO_WAY;
        if TIME {
            ok &= self.refresh_times(links, route);
        }
        if Self::SINGLE {
            self.ways[route as usize] = way;
            ok &= way <= self.vans[route as usize].far || size == 0;
        } else if self.limited && size > 0 {
            self.ways[route as usize] = way;
            let long = if TIME { self.refresh_spans(links, route) } else { 0 };
            let van = &self.vans[route as usize];
            ok &= way <= van.far && long <= van.long;
        } else if self.limited {
            self.ways[route as usize] = 0;
            if TIME {
                self.refresh_spans(links, route);
            }
        }
        let load = if BOTH {
            self.refresh_loads(links, route)
        } else {
            links.nodes(route).map(|v| self.demand[v as usize]).sum()
        };
        let van = &self.vans[route as usize];
        let slack = van.cap - load;
        self.slack[route as usize] = slack;
        let over = (-slack).max(0);
        self.over_sum += over - self.over[route as usize];
        self.over[route as usize] = over;
        let cost = if size == 0 { 0 } else { van.fixed + van.unit * way };
        links.set_cost(route, cost + self.fine(over));
        ok && over <= self.over_most
    }

    fn soften(&mut self, links: &mut Links, most: i64, price: i64) {
        let price = price.min((1 << 60) / most.max(1));
        let old = std::mem::replace(&mut self.over_price, price);
        self.over_most = most;
        if self.over_sum > 0 {
            for (route, &over) in (0u32..).zip(&self.over) {
                let cost = links.routes[route as usize].cost;
                links.set_cost(route, cost - ((old * over) >> self.lot) + self.fine(over));
            }
        }
    }

    #[inline(always)]
    fn excess(&self) -> i64 {
        self.over_sum
    }

    #[inline(always)]
    fn admits(&self, route: u32, job: u32) -> bool {
        BOTH || self.slack[route as usize] + self.over_most >= self.demand[job as usize]
    }

    #[inline(always)]
    fn rides(&self, route: u32, job: u32) -> bool {
        self.fits(route, job)
    }

    #[inline(always)]
    fn leg(&self, links: &Links, route: u32, from: u32, to: u32) -> i64 {
        let point = |v: u32| links.at[v as usize].point;
        self.vans[route as usize].unit * self.arcs.dist(point(from), point(to))
    }

    #[inline(always)]
    fn leg_into(&self, links: &Links, route: u32, to: u32, from: u32) -> i64 {
        let point = |v: u32| links.at[v as usize].point;
        self.vans[route as usize].unit * self.arcs.dist_into(point(to), point(from))
    }

    #[inline(always)]
    fn leg_after(&self, links: &Links, node: u32) -> i64 {
        let Link { route, next, .. } = links.at[node as usize];
        self.vans[route as usize].unit * next
    }

    #[inline(always)]
    fn apart(&self, way: u32) -> i64 {
        self.both_ways * i64::from(way)
    }

    fn part(&self, links: &Links, _: u32, node: u32) -> Part {
        let job = (node as usize) < self.jobs;
        let mut part = Part::at(links.at[node as usize].point);
        if TIME {
            part.times = self.span(node as usize);
        }
        if BOTH && job {
            let Load { i, d, h } = self.loads[node as usize].own;
            part.loads[0] = [i, d, h];
        }
        part
    }

    fn join(&self, _: u32, one: &Part, other: &Part) -> Part {
        let leg = if TIME { self.arcs.time(one.last, other.first) } else { 0 };
        one.then(self.arcs.dist(one.last, other.first), leg, other, usize::from(BOTH))
    }

    fn worth(&self, route: u32, whole: &Part) -> i64 {
        let van = &self.vans[route as usize];
        let [i, _, h] = whole.loads[0];
        let late = TIME && (whole.times.warp > 0 || whole.times.long > van.long);
        // Overload that the order does not change is known to the refresh alone.
        let heavy = BOTH && i + h > van.cap + self.over_most;
        if late || heavy || whole.way > van.far || whole.way >= NO_WAY {
            return FAR;
        }
        van.fixed + van.unit * whole.way
    }

    #[inline(always)]
    fn may_swap(&self, links: &Links, one: u32, other: u32) -> bool {
        if BOTH {
            return true;
        }
        let room = |v: u32| self.slack[links.at[v as usize].route as usize] + self.over_most;
        let more = self.demand[other as usize] - self.demand[one as usize];
        room(one) >= more && room(other) >= -more
    }

    #[inline(always)]
    fn insertion(&self, links: &Links, job: u32, after: u32, limit: i64) -> i64 {
        self.put(links, job, after, limit, (None, None))
    }

    #[inline(always)]
    fn beside<const BEFORE: bool>(&self, links: &Links, job: u32, other: (u32, u32), limit: i64) -> i64 {
        let known = (A::COMPUTED && other.1 <= WAY_MAX).then(|| i64::from(other.1));
        if BEFORE {
            let after = links.at[other.0 as usize].pred;
            self.put(links, job, after, limit, (None, known))
        } else {
            self.put(links, job, other.0, limit, (known, None))
        }
    }

    fn pair(
        &self,
        links: &Links,
        halves: (u32, u32),
        route: u32,
        limit: i64,
        blink: &mut Blink,
    ) -> Option<(i64, Put)> {
        let (take, drop) = halves;
        if !self.fits(route, take) || !self.fits(route, drop) || !BOTH {
            return None;
        }
        let van = &self.vans[route as usize];
        let arcs = self.arcs;
        let (tp, dp) = (links.at[take as usize].point, links.at[drop as usize].point);
        let (take_load, drop_load) = (self.loads[take as usize].own, self.loads[drop as usize].own);
        let extra = if links.routes[route as usize].size == 0 { van.fixed } else { 0 };
        let (mut best, mut put) = (limit, None);
        let end = links.end(route);
        let mut a = links.start(route);
        while a != end {
            let here = links.at[a as usize];
            let (first, from) = (a, here.point);
            a = here.succ;
            if blink.skips() {
                continue;
            }
            let mut load = self.loads[first as usize].pre.then(take_load);
            if load.peak() > van.cap {
                continue;
            }
            let mut dep = 0;
            if TIME {
                let t = &self.times[take as usize];
                let begin = (self.times[first as usize].dep + arcs.time_into(tp, from)).max(t.open);
                if begin > t.close {
                    continue;
                }
                dep = begin + t.service;
            }
            let there = arcs.dist_into(tp, from);
            // Way so far is counted from the pickup; `last` is the node before the drop, `x` the one after it.
            let (mut last, mut last_point, mut way) = (take, tp, there - here.next);
            let mut x = here.succ;
            let mut gone = 0;
            loop {
                let xp = links.at[x as usize].point;
                let delta =
                    van.unit * (way + gone + arcs.dist_into(dp, last_point) + arcs.dist(dp, xp)) + extra;
                if delta < best && !blink.skips() {
                    let mut ok = true;
                    if TIME {
                        let t = &self.times[drop as usize];
                        let begin = (dep + arcs.time_into(dp, last_point)).max(t.open);
                        ok = begin <= t.close
                            && begin + t.service + arcs.time(dp, xp) <= self.times[x as usize].lat;
                    }
                    if ok && load.then(drop_load).then(self.loads[x as usize].suf).peak() <= van.cap {
                        best = delta;
                        put = Some((delta, Put::Both(first, last)));
                    }
                }
                if x == end {
                    break;
                }
                // Walk on over x.
                if TIME {
                    let t = &self.times[x as usize];
                    let begin = (dep + arcs.time(last_point, xp)).max(t.open);
                    if begin > t.lat {
                        break;
                    }
                    dep = begin + t.service;
                }
                load = load.then(self.loads[x as usize].own);
                if load.i + load.h > van.cap {
                    break;
                }
                if last == take {
                    way += arcs.dist(tp, xp);
                }
                // The leg after x makes room for the drop.
                let link = links.at[x as usize];
                gone = -link.next;
                last = x;
                last_point = xp;
                x = link.succ;
            }
        }
        put
    }
}

#[cfg(test)]
mod tests {
    use super::Load;

    #[test]
    fn load_segments_give_the_peak_of_simultaneous_delivery_and_pickup() {
        // 3 and 2 to bring, 1 and 6 to take: 5 at the start, 3 after the first, 7 after the second.
        let a = Load { i: 3, d: -2, h: 0 };
        let b = Load { i: 2, d: 4, h: 4 };
        assert_eq!(a.then(b).peak(), 7);
        assert_eq!(b.then(a).peak(), 9);
    }
}
