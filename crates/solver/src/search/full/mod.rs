//! The kernel for every rule.
//!
//! Loads, compartments, one hard window, release, reload, limits and all prices but soft windows are exact in
//! constant time by cached segments. Several windows, soft windows, rests, breaks and time aboard are screened by
//! the same segments as a lower bound; the exact schedule decides what passes.

mod insert;

use super::arcs::{Arcs, FAR};
use super::eval::{Blink, Eval, Put};
use super::links::{Links, NONE};
use super::middle::{DIMS, Part};
use super::net::Net;
use super::times::Times;
use crate::problem::{Backhaul, Measure, NO_WAY, Role, VehicleKind};
use crate::schedule::{Breach, Scheduler};
use crate::solution::Visit;
use std::cell::RefCell;

/// A load segment of one dimension: loaded at the depot, net change, largest rise.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    i: i64,
    d: i64,
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

/// What is kept of a node. Trips run from a loading node (or the start) to the next one (or the end).
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    own: Times,
    /// Price of setup time when the stop before is elsewhere.
    setup: i64,
    release: i64,
    classes: u64,
    conflicts: u64,
    group: u32,
    brings: bool,
    takes: bool,
    /// Times exact only by the schedule.
    linear: bool,
    /// Number of the reload, for a reload node.
    reload: u32,

    /// Trip within the route.
    trip: u32,
    /// From the trip's loading to here, the loading not counted.
    inner: Times,
    /// From the start of the route to here.
    pre: Times,
    /// From here to the end of the route.
    suf: Times,
    /// Latest release within the trip up to here, and from here on.
    release_pre: i64,
    release_suf: i64,
    /// A pure pickup up to here in the trip; a delivery from here on.
    back_pre: bool,
    line_suf: bool,
}

#[derive(Clone, Debug, Default)]
struct Trip {
    /// From the start of the route to the arrival at the trip's loading; nothing for the first.
    head: Times,
    /// Way time from the last stop of the trip before to the loading is in `head`.
    release: i64,
    classes: u64,
    conflicts: u64,
    shipments: bool,
    /// Loading node of the trip.
    node: u32,
}

#[derive(Clone, Debug, Default)]
struct Day {
    trips: Vec<Trip>,
    way: i64,
    stops: i64,
    long: i64,
    /// Cost that the segments do not see, of which an insertion may save some: soft windows missed, rests, pauses.
    unseen: i64,
    /// Cost beyond the way, time, stops: wishes, and soft windows where linear.
    linear: bool,
    /// Groups in the route with their counts.
    groups: Vec<(u32, u32)>,
    /// Lateness and breaches that the locked part has by itself.
    warp_most: i64,
    breaches_most: usize,
    trips_most: u32,
    /// The locked part clashes by itself: classes, skills, halves or kinds out of order.
    improper: bool,
}

pub(super) struct Full<'a, A> {
    net: &'a Net<'a>,
    arcs: &'a [A],
    dims: usize,
    nodes: Vec<Node>,
    /// By node and dimension: own, up to here in the trip, from here in the trip.
    loads: Vec<[Load; 3]>,
    days: Vec<Day>,
    /// By slot and dimension: peak over all trips.
    peaks: Vec<i64>,
    /// Routes that hold a group.
    group_routes: Vec<u32>,
    extra: i64,
    reloads: bool,
    strict: bool,
    free: Vec<u32>,
    exact: RefCell<(Scheduler, Vec<Visit>)>,
}

impl<'a, A: Arcs> Full<'a, A> {
    pub(super) fn new(net: &'a Net<'a>, arcs: &'a [A]) -> Self {
        let p = net.problem;
        let dims = p.dimensions().len();
        let count = net.points.len();
        let mut full = Self {
            net,
            arcs,
            dims,
            nodes: vec![Node { group: NONE, reload: NONE, ..Node::default() }; count],
            loads: vec![[Load::default(); 3]; count * dims],
            days: vec![Day::default(); net.slots.len()],
            peaks: vec![0; net.slots.len() * dims],
            group_routes: vec![0; p.group_prices.len()],
            extra: 0,
            reloads: p.kinds().iter().any(|k| k.max_trips > 1 && !k.reloads.is_empty()),
            strict: p.backhaul() == Backhaul::LinehaulFirst,
            free: Vec::new(),
            exact: RefCell::default(),
        };
        for at in 0..net.jobs {
            full.set_job(at);
        }
        for r in 0..net.slots.len() {
            full.set_slot(r);
        }
        full
    }

    fn set_job(&mut self, at: usize) {
        let p = self.net.problem;
        let job = &p.jobs()[at];
        let (from, to) = match (job.windows.first(), job.windows.last()) {
            (Some(first), Some(last)) => (first.from, last.to),
            _ => (0, crate::problem::VALUE_MAX),
        };
        let some = |l: &[i64]| l.iter().any(|&v| v > 0);
        let single = job.role == Role::Single;
        let partner = self.net.partner[at];
        let aboard = job.max_on_board.is_some()
            || (partner != NONE && p.jobs()[partner as usize].max_on_board.is_some());
        let node = &mut self.nodes[at];
        node.own = Times::stop(from, to, job.service);
        node.setup = job.setup;
        node.release = job.release;
        node.classes = job.classes;
        node.conflicts = p.conflicting(job.classes);
        node.group = job.group.map_or(NONE, |g| g.0);
        node.brings = single && some(&job.delivery);
        node.takes = single && some(&job.pickup) && !some(&job.delivery);
        node.linear = job.windows.len() > 1 || job.soft.is_some() || aboard;
        for d in 0..self.dims {
            let get = |l: &[i64]| l.get(d).copied().unwrap_or(0);
            let (down, up) = (get(&job.delivery), get(&job.pickup));
            let i = if single { down } else { 0 };
            self.loads[at * self.dims + d][0] = Load { i, d: up - down, h: (up - down).max(0) };
        }
    }

    fn set_slot(&mut self, r: usize) {
        let kind = self.net.kind(r as u32);
        let s = self.net.jobs + 2 * r;
        self.nodes[s].own = Times::stop(kind.shift.from, kind.shift.to, kind.loading);
        self.nodes[s + 1].own = Times::stop(0, kind.shift.to, 0);
        if let Some(prefix) = self.net.slots[r].prefix {
            let loading = if prefix.departed { 0 } else { kind.loading };
            self.nodes[s].own = Times { late: prefix.time, early: prefix.time, warp: 0, long: loading };
            for d in 0..self.dims {
                let aboard = self.net.on_board(r, d);
                self.loads[s * self.dims + d][0] = Load { i: 0, d: aboard, h: aboard };
            }
        }
    }

    #[inline(always)]
    fn arcs_of(&self, route: u32) -> &'a A {
        &self.arcs[self.net.kind(route).profile.index()]
    }

    /// Times of a stop with its setup, when the stop before is `before`.
    #[inline(always)]
    fn stop(&self, links: &Links, before: u32, v: u32) -> Times {
        let node = &self.nodes[v as usize];
        let mut own = node.own;
        if node.setup > 0 && ((before as usize) >= self.net.jobs || !self.same_place(links, before, v)) {
            own.long += node.setup;
        }
        own
    }

    #[inline(always)]
    fn same_place(&self, links: &Links, a: u32, b: u32) -> bool {
        let place = |v: u32| self.net.point_list[links.at[v as usize].point as usize].place;
        place(a) == place(b)
    }

    /// Price of the wish of a job on a slot.
    #[inline(always)]
    fn wish(&self, job: u32, route: u32) -> i64 {
        match &self.net.problem.jobs()[job as usize].prefer {
            Some(p) if !p.vehicles.contains(&self.net.slots[route as usize].vehicle) => p.price,
            _ => 0,
        }
    }

    /// Price of way, time and stops of a day in use, wishes apart.
    #[inline(always)]
    fn price(kind: &VehicleKind, way: i64, long: i64, stops: i64) -> i64 {
        let mut cost = kind.fixed + kind.per_distance * way + kind.per_time * long;
        cost += kind.overtime_price * (long - kind.overtime_after).max(0);
        if let Some(b) = kind.balance {
            let value = match b.measure {
                Measure::Duration => long,
                Measure::Distance => way,
                Measure::Stops => stops,
            };
            cost += b.price * (value - b.target).max(0);
        }
        cost
    }

    #[inline(always)]
    fn within(kind: &VehicleKind, way: i64, long: i64, stops: i64) -> bool {
        way < NO_WAY
            && kind.max_distance.is_none_or(|m| way <= m)
            && kind.max_duration.is_none_or(|m| long <= m)
            && kind.max_stops.is_none_or(|m| stops <= i64::from(m))
    }

    /// Visits of a route as they are, or with `job` after `after`; coded for the schedule, frozen part included.
    fn visits(&self, links: &Links, route: u32, list: &mut Vec<Visit>, put: impl Fn(u32, &mut Vec<Visit>)) {
        list.clear();
        list.extend_from_slice(self.net.frozen_visits(route));
        put(links.start(route), list);
        for v in links.nodes(route) {
            list.push(self.visit(v));
            put(v, list);
        }
    }

    fn visit(&self, v: u32) -> Visit {
        if v < self.net.jobs as u32 {
            Visit::Job(crate::problem::JobId(v))
        } else {
            Visit::Reload(self.nodes[v as usize].reload)
        }
    }

    /// Exact cost of a route with something put in, and whether it keeps the rules. `holds` where loads, classes, pairs and
    /// backhauls have been found sound with what is put in.
    fn judge(
        &self,
        links: &Links,
        route: u32,
        holds: bool,
        put: impl Fn(u32, &mut Vec<Visit>),
    ) -> (i64, i64, bool) {
        let (scheduler, list) = &mut *self.exact.borrow_mut();
        self.visits(links, route, list, put);
        let slot = &self.net.slots[route as usize];
        let prefix = slot.prefix.as_ref();
        // What a plan brought along or has frozen may break these rules, and then all is counted.
        let loads = !holds || prefix.is_some() || self.days[route as usize].breaches_most > 0;
        debug_assert!(
            loads || {
                let breaches = &scheduler.route(self.net.problem, slot.vehicle, list, prefix).breaches;
                !breaches.iter().any(Breach::is_of_loads)
            },
            "what was put in does not hold"
        );
        let report = scheduler.evaluate(self.net.problem, slot.vehicle, list, prefix, loads);
        let more = list.len() > self.net.frozen_visits(route).len();
        let weight = if more { self.net.weight(route) } else { 0 };
        let cost = report.cost.total() - report.cost.groups + weight;
        let ok = report.breaches.len() <= self.days[route as usize].breaches_most;
        (cost, report.duration, ok)
    }
}

impl<A: Arcs> Full<'_, A> {
    /// Recomputes times and loads forward; returns the number of stops.
    fn forward(&mut self, links: &Links, route: u32) -> i64 {
        let (start, end) = (links.start(route), links.end(route));
        let arcs = self.arcs_of(route);
        let mut day = std::mem::take(&mut self.days[route as usize]);
        day.trips.clear();
        day.linear = {
            let kind = self.net.kind(route);
            let prefix = self.net.slots[route as usize].prefix.is_some();
            kind.driving.is_some() || !kind.breaks.is_empty() || prefix
        };
        let departed = self.net.slots[route as usize].prefix.is_some_and(|p| p.departed);
        let mut stops = 0;
        let mut before = NONE;
        let mut v = start;
        loop {
            let leg = if before == NONE {
                0
            } else {
                arcs.time(links.at[before as usize].point, links.at[v as usize].point)
            };
            let loading = v == start || (v >= self.net.jobs as u32 && v != end);
            if loading {
                let head = if before == NONE { Times::ANY } else { self.nodes[before as usize].pre };
                let release = if v == start && departed { 0 } else { self.release_after(links, v, end) };
                day.trips.push(Trip { head, release, node: v, ..Trip::default() });
                let own = self.load_times(v, release);
                let node = &mut self.nodes[v as usize];
                node.inner = Times::ANY;
                node.pre = if before == NONE { own } else { head.then(leg, own) };
                node.release_pre = 0;
                node.back_pre = false;
            } else {
                let own = self.stop(links, before, v);
                let (b, n) = (self.nodes[before as usize], &mut self.nodes[v as usize]);
                n.inner = b.inner.then(leg, own);
                n.pre = b.pre.then(leg, own);
                n.release_pre = b.release_pre.max(n.release);
                n.back_pre = b.back_pre || n.takes;
                if v != end {
                    stops += 1;
                    day.linear |= n.linear;
                    if let Some(trip) = day.trips.last_mut() {
                        trip.classes |= n.classes;
                        trip.conflicts |= n.conflicts;
                        trip.shipments |= self.net.partner[v as usize] != NONE;
                    }
                }
            }
            self.nodes[v as usize].trip = day.trips.len() as u32 - 1;
            for d in 0..self.dims {
                let at = v as usize * self.dims + d;
                let own = if v == end { Load::default() } else { self.loads[at][0] };
                self.loads[at][1] =
                    if loading { own } else { self.loads[before as usize * self.dims + d][1].then(own) };
            }
            if v == end {
                break;
            }
            before = v;
            v = links.at[v as usize].succ;
        }
        day.long = self.nodes[end as usize].pre.long.min(4 * NO_WAY);
        day.stops = stops;
        self.days[route as usize] = day;
        stops
    }

    /// Times of a loading node under a release.
    #[inline(always)]
    fn load_times(&self, v: u32, release: i64) -> Times {
        let own = self.nodes[v as usize].own;
        if release <= own.early {
            return own;
        }
        if own.early == own.late && (v as usize) < self.net.jobs + 2 * self.net.slots.len() {
            // Free at a fixed time: waits for the release.
            return Times { long: own.long + release - own.early, ..own };
        }
        Times { early: release.min(own.late), warp: (release - own.late).max(0), ..own }
    }

    fn release_after(&self, links: &Links, v: u32, end: u32) -> i64 {
        let mut release = 0;
        let mut x = links.at[v as usize].succ;
        while x != end && x < self.net.jobs as u32 {
            release = release.max(self.nodes[x as usize].release);
            x = links.at[x as usize].succ;
        }
        release
    }

    /// Recomputes what looks from the end.
    fn backward(&mut self, links: &Links, route: u32) {
        let (start, end) = (links.start(route), links.end(route));
        let arcs = self.arcs_of(route);
        let mut v = end;
        let mut after = NONE;
        loop {
            let loading = v == start || (v >= self.net.jobs as u32 && v != end);
            let before = links.at[v as usize].pred;
            let own = if loading {
                let trip = self.nodes[v as usize].trip as usize;
                self.load_times(v, self.days[route as usize].trips[trip].release)
            } else if v == end {
                self.nodes[v as usize].own
            } else {
                self.stop(links, before, v)
            };
            // A trip ends at the next loading: its suffix of loads and releases starts anew there.
            let ends_trip = v == end || loading;
            let (suf, release, line) = if after == NONE {
                (own, 0, false)
            } else {
                let leg = arcs.time(links.at[v as usize].point, links.at[after as usize].point);
                let a = &self.nodes[after as usize];
                (own.then(leg, a.suf), a.release_suf, a.line_suf)
            };
            let n = &mut self.nodes[v as usize];
            n.suf = suf;
            n.release_suf = if ends_trip { 0 } else { release.max(n.release) };
            n.line_suf = !ends_trip && (line || n.brings);
            for d in 0..self.dims {
                let at = v as usize * self.dims + d;
                self.loads[at][2] = if ends_trip {
                    Load::default()
                } else {
                    self.loads[at][0].then(self.loads[after as usize * self.dims + d][2])
                };
            }
            if v == start {
                break;
            }
            after = v;
            v = before;
        }
    }

    /// Peak of each trip and whether a layout holds them all.
    fn holds(&mut self, links: &Links, route: u32) -> bool {
        if self.dims == 0 {
            return true;
        }
        let base = route as usize * self.dims;
        self.peaks[base..base + self.dims].fill(0);
        for t in 0..self.days[route as usize].trips.len() {
            let v = self.days[route as usize].trips[t].node;
            let next = links.at[v as usize].succ;
            for d in 0..self.dims {
                let own = self.loads[v as usize * self.dims + d][0];
                let peak = own.then(self.loads[next as usize * self.dims + d][2]).peak();
                let most = &mut self.peaks[base + d];
                *most = (*most).max(peak);
            }
        }
        self.fit(route, |d| self.peaks[base + d])
    }

    /// Whether some layout of the vehicle holds these peaks.
    #[inline(always)]
    fn fit(&self, route: u32, peak: impl Fn(usize) -> i64) -> bool {
        let layouts = &self.net.kind(route).layouts;
        layouts.iter().any(|l| (0..self.dims).all(|d| peak(d) <= l.get(d).copied().unwrap_or(0)))
    }

    /// Classes that clash, pickups before deliveries, halves apart, skills: true if none.
    fn is_proper(&self, links: &Links, route: u32) -> bool {
        let mut trip = NONE;
        let (mut classes, mut conflicts) = (0, 0);
        let kind = self.net.slots[route as usize].kind as usize;
        for v in links.nodes(route).filter(|&v| v < self.net.jobs as u32) {
            let n = &self.nodes[v as usize];
            if n.trip != trip {
                trip = n.trip;
                (classes, conflicts) = (0, 0);
            }
            let partner = self.net.partner[v as usize];
            let apart = partner != NONE && !self.net.frozen[partner as usize] && {
                let other = links.at[partner as usize];
                let wrong_order = (other.pos > links.at[v as usize].pos) != self.net.is_pickup[v as usize];
                other.route != route || self.nodes[partner as usize].trip != n.trip || wrong_order
            };
            let clash = n.classes & conflicts != 0 || n.conflicts & classes != 0;
            let unfit = !self.net.fits.is_empty() && !self.net.fits[kind * self.net.jobs + v as usize];
            if clash || apart || unfit || (self.strict && n.brings && n.back_pre) {
                return false;
            }
            classes |= n.classes;
            conflicts |= n.conflicts;
        }
        true
    }

    fn count_groups(&mut self, links: &Links, route: u32) {
        if self.group_routes.is_empty() {
            return;
        }
        let prices = &self.net.problem.group_prices;
        let mut groups = std::mem::take(&mut self.days[route as usize].groups);
        for &(g, _) in &groups {
            let routes = &mut self.group_routes[g as usize];
            *routes -= 1;
            if *routes >= 1 {
                self.extra -= prices[g as usize];
            }
        }
        groups.clear();
        for v in links.nodes(route) {
            let g = self.nodes[v as usize].group;
            if g == NONE {
                continue;
            }
            match groups.iter_mut().find(|e| e.0 == g) {
                Some(entry) => entry.1 += 1,
                None => groups.push((g, 1)),
            }
        }
        for &(g, _) in &groups {
            let routes = &mut self.group_routes[g as usize];
            if *routes >= 1 {
                self.extra += prices[g as usize];
            }
            *routes += 1;
        }
        self.days[route as usize].groups = groups;
    }
}

impl<A: Arcs> Full<'_, A> {
    /// Cost of a day in use by way, time, stops and wishes.
    fn seen(&self, links: &Links, route: u32, kind: &VehicleKind, way: i64, long: i64, stops: i64) -> i64 {
        let jobs = links.nodes(route).filter(|&v| (v as usize) < self.net.jobs);
        let wishes: i64 = jobs.map(|v| self.wish(v, route)).sum();
        Self::price(kind, way, long, stops) + wishes + self.net.weight(route)
    }
}

impl<A: Arcs> Eval for Full<'_, A> {
    fn refresh(&mut self, links: &mut Links, route: u32) -> bool {
        let arcs = self.arcs_of(route);
        let way = links.measure(route, |a, b| arcs.dist(a, b));
        let stops = self.forward(links, route);
        self.backward(links, route);
        self.count_groups(links, route);
        let held = self.holds(links, route);
        // Of ways that are not there a few are counted, so that the price stays within 64 bits.
        self.days[route as usize].way = way.min(4 * NO_WAY);
        if links.routes[route as usize].size == 0 {
            self.days[route as usize].unseen = 0;
            let frozen = !self.net.frozen_visits(route).is_empty();
            let cost = if frozen { self.judge(links, route, false, |_, _| {}).0 } else { 0 };
            links.set_cost(route, cost);
            return true;
        }
        let kind = self.net.kind(route);
        let times = self.nodes[links.end(route) as usize].pre;
        let trips = self.days[route as usize].trips.len() as u32 + self.net.trips_before(route);
        let proper = self.is_proper(links, route);
        let day = &self.days[route as usize];
        let mut ok = held
            && trips <= kind.max_trips.max(day.trips_most)
            && times.warp <= day.warp_most
            && Self::within(kind, way, times.long, stops + self.net.stops_before(route))
            && (day.improper || proper);
        let way = way.min(4 * NO_WAY);
        let cost = if day.linear {
            let (cost, long, fine) = self.judge(links, route, held && proper, |_, _| {});
            ok &= fine;
            let seen = self.seen(links, route, kind, way, long.min(4 * NO_WAY), stops);
            let timed = kind.per_time + kind.overtime_price;
            let day = &mut self.days[route as usize];
            day.long = long;
            let more = timed.saturating_mul((long - times.long).max(0));
            day.unseen = cost.saturating_sub(seen).max(0).saturating_add(more).min(1 << 60);
            cost
        } else {
            self.days[route as usize].unseen = 0;
            self.seen(links, route, kind, way, times.long.min(4 * NO_WAY), stops)
        };
        links.set_cost(route, cost);
        ok
    }

    fn rides(&self, route: u32, job: u32) -> bool {
        let (kind, skills) = (self.net.kind(route), self.net.problem.jobs()[job as usize].skills);
        skills & !kind.skills == 0
    }

    fn leg(&self, links: &Links, route: u32, from: u32, to: u32) -> i64 {
        let (kind, arcs) = (self.net.kind(route), self.arcs_of(route));
        let point = |v: u32| links.at[v as usize].point;
        let (from, to) = (point(from), point(to));
        kind.per_distance * arcs.dist(from, to) + kind.per_time * arcs.time(from, to)
    }

    fn part(&self, links: &Links, _: u32, node: u32) -> Part {
        let mut part = Part::at(links.at[node as usize].point);
        part.times = self.nodes[node as usize].own;
        part.stops = i64::from((node as usize) < self.net.jobs);
        for d in 0..self.dims.min(DIMS) {
            let Load { i, d: change, h } = self.loads[node as usize * self.dims + d][0];
            part.loads[d] = [i, change, h];
        }
        part
    }

    fn join(&self, route: u32, one: &Part, other: &Part) -> Part {
        let arcs = self.arcs_of(route);
        let (from, to) = (one.last, other.first);
        one.then(arcs.dist(from, to), arcs.time(from, to), other, self.dims.min(DIMS))
    }

    fn worth(&self, route: u32, whole: &Part) -> i64 {
        let kind = self.net.kind(route);
        let peak = |d: usize| whole.loads[d][0] + whole.loads[d][2];
        let seen = self.dims.min(DIMS);
        let fits = kind.layouts.iter().any(|l| (0..seen).all(|d| peak(d) <= l.get(d).copied().unwrap_or(0)));
        let long = whole.times.long;
        if !fits || whole.times.warp > 0 || !Self::within(kind, whole.way, long, whole.stops) {
            return FAR;
        }
        Self::price(kind, whole.way, long, whole.stops)
    }

    fn insertion(&self, links: &Links, job: u32, after: u32, limit: i64) -> i64 {
        self.insert(links, job, after, limit)
    }

    fn pair(
        &self,
        links: &Links,
        halves: (u32, u32),
        route: u32,
        limit: i64,
        blink: &mut Blink,
    ) -> Option<(i64, Put)> {
        self.insert_pair(links, halves, route, limit, blink)
    }

    fn with_reload(&self, links: &Links, job: u32, after: u32, limit: i64) -> Option<(i64, Put)> {
        self.insert_with_reload(links, job, after, limit)
    }

    fn reloads(&self) -> bool {
        self.reloads
    }

    fn add_reload(&mut self, links: &mut Links, route: u32, which: u32) -> u32 {
        let kind = self.net.slots[route as usize].kind as usize;
        let reload = self.net.problem.kinds()[kind].reloads[which as usize];
        let point = self.net.reload_points[kind][which as usize];
        let v = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node { group: NONE, ..Node::default() });
            self.loads.extend(std::iter::repeat_n([Load::default(); 3], self.dims));
            links.grow(point)
        });
        links.at[v as usize].point = point;
        let node = &mut self.nodes[v as usize];
        node.reload = which;
        node.own = Times::stop(reload.window.from, reload.window.to, reload.loading);
        v
    }

    fn free_reload(&mut self, node: u32) {
        self.free.push(node);
    }

    fn reload_of(&self, node: u32) -> Option<u32> {
        self.nodes.get(node as usize).map(|n| n.reload).filter(|&w| w != NONE)
    }

    fn extra(&self) -> i64 {
        self.extra
    }

    fn forgive(&mut self, links: &mut Links, route: u32) {
        let improper = !self.is_proper(links, route);
        let trips = self.days[route as usize].trips.len() as u32 + self.net.trips_before(route);
        let day = &mut self.days[route as usize];
        day.warp_most = self.nodes[links.end(route) as usize].pre.warp;
        day.trips_most = trips;
        day.improper = improper;
        let (scheduler, list) = &mut *self.exact.borrow_mut();
        list.clear();
        list.extend_from_slice(self.net.frozen_visits(route));
        list.extend(links.nodes(route).map(|v| {
            if v < self.net.jobs as u32 {
                Visit::Job(crate::problem::JobId(v))
            } else {
                Visit::Reload(self.nodes[v as usize].reload)
            }
        }));
        let slot = &self.net.slots[route as usize];
        let report = scheduler.route(self.net.problem, slot.vehicle, list, slot.prefix.as_ref());
        self.days[route as usize].breaches_most = report.breaches.len();
    }
}
