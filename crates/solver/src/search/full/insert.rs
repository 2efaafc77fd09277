//! Insertions by the full kernel.

use super::{Blink, Full, Load, Times, Trip};
use crate::problem::{JobId, NO_WAY, VehicleKind};
use crate::search::arcs::{Arcs, FAR};
use crate::search::eval::Put;
use crate::search::links::{Links, NONE};
use crate::solution::Visit;

impl<A: Arcs> Full<'_, A> {
    /// Whether the job may ride on this route's trip at all, apart from load and time.
    #[inline(always)]
    fn may_ride(&self, job: u32, route: u32, trip: &Trip, number: u32, fresh: bool) -> bool {
        let n = &self.nodes[job as usize];
        let slot = &self.net.slots[route as usize];
        if !self.net.fits.is_empty() && !self.net.fits[slot.kind as usize * self.net.jobs + job as usize] {
            return false;
        }
        let departed = number == 0 && !fresh && slot.prefix.is_some_and(|p| p.departed);
        let aboard = self.net.aboard[job as usize];
        if departed && n.brings && !aboard || aboard && !departed {
            return false;
        }
        fresh || (trip.classes & n.conflicts == 0 && trip.conflicts & n.classes == 0)
    }

    /// From the start of the route up to `after`, when the trip is released no sooner than `release`.
    #[inline(always)]
    fn up_to(&self, links: &Links, route: u32, after: u32, release: i64) -> Times {
        let n = &self.nodes[after as usize];
        let trip = &self.days[route as usize].trips[n.trip as usize];
        if release == trip.release {
            return n.pre;
        }
        if n.trip == 0 && self.net.slots[route as usize].prefix.is_some_and(|p| p.departed) {
            return n.pre;
        }
        let load = self.load_times(trip.node, release);
        let start = if n.trip == 0 {
            load
        } else {
            let before = links.at[trip.node as usize].pred;
            let (a, b) = (links.at[before as usize].point, links.at[trip.node as usize].point);
            trip.head.then(self.arcs_of(route).time(a, b), load)
        };
        start.then(0, n.inner)
    }

    /// From `v` to the end, when the stop before it becomes `before`.
    #[inline(always)]
    fn onward(&self, links: &Links, route: u32, before: u32, v: u32) -> Times {
        let n = &self.nodes[v as usize];
        if n.setup == 0 || v as usize >= self.net.jobs {
            return n.suf;
        }
        let own = self.stop(links, before, v);
        let next = links.at[v as usize].succ;
        let leg = self.arcs_of(route).time(links.at[v as usize].point, links.at[next as usize].point);
        own.then(leg, self.nodes[next as usize].suf)
    }

    #[inline(always)]
    fn load(&self, v: u32, d: usize, which: usize) -> Load {
        self.loads[v as usize * self.dims + d][which]
    }

    /// Whether a trip with these peaks fits beside the other trips.
    #[inline(always)]
    fn carries(&self, route: u32, peak: impl Fn(usize) -> i64) -> bool {
        let layouts = &self.net.kind(route).layouts;
        if let [only] = layouts.as_slice() {
            return (0..self.dims).all(|d| peak(d) <= only.get(d).copied().unwrap_or(0));
        }
        let base = route as usize * self.dims;
        self.fit(route, |d| peak(d).max(self.peaks[base + d]))
    }

    /// Price of bringing the job's group into the route.
    #[inline(always)]
    fn group_price(&self, job: u32, route: u32) -> i64 {
        let g = self.nodes[job as usize].group;
        if g == NONE || self.group_routes[g as usize] == 0 {
            return 0;
        }
        let here = self.days[route as usize].groups.iter().any(|e| e.0 == g);
        if here { 0 } else { self.net.problem.group_prices[g as usize] }
    }

    /// Price of bringing the groups of both halves of a shipment into the route.
    fn group_price_of_pair(&self, (take, drop): (u32, u32), route: u32) -> i64 {
        let same = self.nodes[take as usize].group == self.nodes[drop as usize].group;
        self.group_price(take, route) + if same { 0 } else { self.group_price(drop, route) }
    }

    /// Change of cost for a new way, duration and number of stops, wishes and groups apart; `None` if not allowed.
    #[inline(always)]
    fn change(
        &self,
        links: &Links,
        route: u32,
        kind: &VehicleKind,
        way: i64,
        times: Times,
        more: i64,
    ) -> Option<i64> {
        let day = &self.days[route as usize];
        let stops = day.stops + more;
        let all_stops = stops + self.net.stops_before(route);
        if times.warp > day.warp_most || !Self::within(kind, way, times.long, all_stops) {
            return None;
        }
        let new = Self::price(kind, way, times.long, stops);
        let empty = links.routes[route as usize].size == 0;
        Some(if empty {
            new + self.net.weight(route)
        } else {
            new - Self::price(kind, day.way, day.long, day.stops)
        })
    }

    pub(super) fn insert(&self, links: &Links, job: u32, after: u32, limit: i64) -> i64 {
        let before = links.at[after as usize];
        let (route, succ) = (before.route, before.succ);
        let day = &self.days[route as usize];
        let number = self.nodes[after as usize].trip;
        let trip = &day.trips[number as usize];
        let n = &self.nodes[job as usize];
        let kind = self.net.kind(route);
        let arcs = self.arcs_of(route);
        let (point, next) = (links.at[job as usize].point, links.at[succ as usize].point);
        let (there, on) = (arcs.dist_into(point, before.point), arcs.dist(point, next));
        let longer = there + on - before.next;
        if kind.per_distance * longer - day.unseen >= limit || there >= NO_WAY || on >= NO_WAY {
            return FAR;
        }
        if !self.may_ride(job, route, trip, number, false) {
            return FAR;
        }
        if self.strict
            && (n.brings && self.nodes[after as usize].back_pre
                || n.takes && self.nodes[succ as usize].line_suf)
        {
            return FAR;
        }
        let peak =
            |d: usize| self.load(after, d, 1).then(self.load(job, d, 0)).then(self.load(succ, d, 2)).peak();
        if !self.carries(route, peak) {
            return FAR;
        }
        let own = self.stop(links, after, job);
        let pre = self.up_to(links, route, after, trip.release.max(n.release));
        let rest = self.onward(links, route, job, succ);
        let times = pre.then(arcs.time_into(point, before.point), own).then(arcs.time(point, next), rest);
        let Some(change) = self.change(links, route, kind, day.way + longer, times, 1) else { return FAR };
        let delta = change + self.wish(job, route) + self.group_price(job, route);
        if delta - day.unseen >= limit || !(day.linear || n.linear) {
            return delta;
        }
        let put = |v: u32, list: &mut Vec<Visit>| {
            if v == after {
                list.push(Visit::Job(JobId(job)));
            }
        };
        let (cost, _, ok) = self.judge(links, route, true, put);
        if ok { cost - links.routes[route as usize].cost + self.group_price(job, route) } else { FAR }
    }

    pub(super) fn insert_with_reload(
        &self,
        links: &Links,
        job: u32,
        after: u32,
        limit: i64,
    ) -> Option<(i64, Put)> {
        let before = links.at[after as usize];
        let (route, succ) = (before.route, before.succ);
        let kind = self.net.kind(route);
        let day = &self.days[route as usize];
        let trips = day.trips.len() as u32 + self.net.trips_before(route);
        if kind.reloads.is_empty() || trips >= kind.max_trips {
            return None;
        }
        let trip_start = after as usize >= self.net.jobs;
        let trip_end = succ as usize >= self.net.jobs;
        let number = self.nodes[after as usize].trip;
        let trip = &day.trips[number as usize];
        let departed = number == 0 && self.net.slots[route as usize].prefix.is_some_and(|p| p.departed);
        let (mut least, mut best) = (limit, None);
        for first in [false, true] {
            // Reload first: the job opens the new trip. Else the job closes the old one.
            if if first { trip_start && !departed } else { trip_end } {
                continue;
            }
            let fresh = if first { trip_end } else { trip_start && !departed };
            let splits = !(trip_start || trip_end) || (trip_start && !first && departed);
            if splits && trip.shipments || !self.may_ride(job, route, trip, number + u32::from(first), fresh)
            {
                continue;
            }
            if departed && !trip_end {
                continue;
            }
            let n = &self.nodes[job as usize];
            let late_delivery = !first && n.brings && self.nodes[after as usize].back_pre;
            let early_pickup = first && n.takes && self.nodes[succ as usize].line_suf;
            if self.strict && (late_delivery || early_pickup) {
                continue;
            }
            for which in 0..kind.reloads.len() as u32 {
                if let Some(delta) = self.try_reload(links, job, after, first, which, least) {
                    least = delta;
                    best = Some((
                        delta,
                        if first { Put::ReloadThen(which, after) } else { Put::ThenReload(which, after) },
                    ));
                }
            }
        }
        best
    }

    fn try_reload(
        &self,
        links: &Links,
        job: u32,
        after: u32,
        first: bool,
        which: u32,
        limit: i64,
    ) -> Option<i64> {
        let before = links.at[after as usize];
        let (route, succ) = (before.route, before.succ);
        let kind = self.net.kind(route);
        let day = &self.days[route as usize];
        let arcs = self.arcs_of(route);
        let reload = &kind.reloads[which as usize];
        let at = self.net.reload_points[self.net.slots[route as usize].kind as usize][which as usize];
        let (a, j, s) = (before.point, links.at[job as usize].point, links.at[succ as usize].point);
        let chain = if first { [a, at, j, s] } else { [a, j, at, s] };
        let ways = [0, 1, 2].map(|i| arcs.dist(chain[i], chain[i + 1]));
        let longer = ways.iter().sum::<i64>() - before.next;
        if kind.per_distance * longer - day.unseen >= limit || ways.iter().any(|&w| w >= NO_WAY) {
            return None;
        }
        let holds = |peak: &dyn Fn(usize) -> i64| self.carries(route, peak);
        let own_load = |d: usize| self.load(job, d, 0);
        let ok = if first {
            holds(&|d| own_load(d).then(self.load(succ, d, 2)).peak().max(self.load(after, d, 1).peak()))
        } else {
            holds(&|d| self.load(after, d, 1).then(own_load(d)).peak().max(self.load(succ, d, 2).peak()))
        };
        if !ok {
            return None;
        }
        let n = &self.nodes[job as usize];
        let (pre_release, suf_release) =
            (self.nodes[after as usize].release_pre, self.nodes[succ as usize].release_suf);
        let succ_release = if succ as usize >= self.net.jobs { 0 } else { suf_release };
        let load_at =
            |release: i64| Times::stop(reload.window.from.max(release), reload.window.to, reload.loading);
        let times = if first {
            let mut own = n.own;
            own.long += n.setup;
            self.up_to(links, route, after, pre_release)
                .then(arcs.time(a, at), load_at(succ_release.max(n.release)))
                .then(arcs.time(at, j), own)
                .then(arcs.time(j, s), self.onward(links, route, job, succ))
        } else {
            self.up_to(links, route, after, pre_release.max(n.release))
                .then(arcs.time(a, j), self.stop(links, after, job))
                .then(arcs.time(j, at), load_at(succ_release))
                .then(arcs.time(at, s), self.onward(links, route, NONE, succ))
        };
        let change = self.change(links, route, kind, day.way + longer, times, 1)?;
        let delta = change + self.wish(job, route) + self.group_price(job, route);
        if delta - day.unseen >= limit {
            return None;
        }
        if !(day.linear || n.linear) {
            return Some(delta);
        }
        let put = |v: u32, list: &mut Vec<Visit>| {
            if v == after {
                let pair = [Visit::Reload(which), Visit::Job(JobId(job))];
                list.extend(if first { pair } else { [pair[1], pair[0]] });
            }
        };
        let (cost, _, ok) = self.judge(links, route, true, put);
        let delta = cost - links.routes[route as usize].cost + self.group_price(job, route);
        (ok && delta < limit).then_some(delta)
    }

    pub(super) fn insert_pair(
        &self,
        links: &Links,
        halves: (u32, u32),
        route: u32,
        limit: i64,
        blink: &mut Blink,
    ) -> Option<(i64, Put)> {
        let (take, drop) = halves;
        let kind = self.net.kind(route);
        let arcs = self.arcs_of(route);
        let day = &self.days[route as usize];
        let end = links.end(route);
        let (tp, dp) = (links.at[take as usize].point, links.at[drop as usize].point);
        let linear = day.linear || self.nodes[take as usize].linear || self.nodes[drop as usize].linear;
        let release = self.nodes[take as usize].release.max(self.nodes[drop as usize].release);
        let groups = self.group_price_of_pair(halves, route);
        let extra = self.wish(take, route) + self.wish(drop, route) + groups;
        if self.nodes[take as usize].classes & self.nodes[drop as usize].conflicts != 0 {
            return None;
        }
        let (mut least, mut best) = (limit, None);
        let mut run: Vec<Load> = vec![Load::default(); self.dims];
        let mut a = links.start(route);
        while a != end {
            let first = a;
            let here = links.at[a as usize];
            a = here.succ;
            let number = self.nodes[first as usize].trip;
            let trip = &day.trips[number as usize];
            if blink.skips()
                || !self.may_ride(take, route, trip, number, false)
                || !self.may_ride(drop, route, trip, number, false)
            {
                continue;
            }
            for (d, r) in run.iter_mut().enumerate() {
                *r = self.load(first, d, 1).then(self.load(take, d, 0));
            }
            if !self.carries(route, |d| run[d].peak()) {
                continue;
            }
            let pre = self.up_to(links, route, first, trip.release.max(release));
            let mut times = pre.then(arcs.time(here.point, tp), self.stop(links, first, take));
            let mut way = arcs.dist(here.point, tp) - here.next;
            let (mut last, mut last_point, mut x, mut gone) = (take, tp, here.succ, 0);
            loop {
                if times.warp > day.warp_most {
                    break;
                }
                let xp = links.at[x as usize].point;
                let (there, on) = (arcs.dist_into(dp, last_point), arcs.dist(dp, xp));
                let longer = way + gone + there + on;
                if kind.per_distance * longer + extra - day.unseen < least
                    && !blink.skips()
                    && there.max(on) < NO_WAY
                {
                    let peak = |d: usize| run[d].then(self.load(drop, d, 0)).then(self.load(x, d, 2)).peak();
                    if self.carries(route, peak) {
                        let all = times
                            .then(arcs.time_into(dp, last_point), self.stop(links, last, drop))
                            .then(arcs.time(dp, xp), self.onward(links, route, drop, x));
                        if let Some(change) = self.change(links, route, kind, day.way + longer, all, 2) {
                            let mut delta = change + extra;
                            let put = Put::Both(first, last);
                            if delta - day.unseen < least && linear {
                                let (cost, _, ok) = self.judge_pair(links, route, halves, first, last);
                                delta =
                                    if ok { cost - links.routes[route as usize].cost + groups } else { FAR };
                            }
                            if delta < least {
                                least = delta;
                                best = Some((delta, put));
                            }
                        }
                    }
                }
                if x as usize >= self.net.jobs {
                    break;
                }
                times = times.then(arcs.time(last_point, xp), self.stop(links, last, x));
                for (d, r) in run.iter_mut().enumerate() {
                    *r = r.then(self.load(x, d, 0));
                }
                if !self.carries(route, |d| run[d].peak()) {
                    break;
                }
                if last == take {
                    way += arcs.dist(tp, xp);
                }
                let link = links.at[x as usize];
                gone = -link.next;
                last = x;
                last_point = xp;
                x = link.succ;
            }
        }
        best
    }

    fn judge_pair(
        &self,
        links: &Links,
        route: u32,
        halves: (u32, u32),
        first: u32,
        last: u32,
    ) -> (i64, i64, bool) {
        self.judge(links, route, true, |v, list| {
            if v == first {
                list.push(Visit::Job(JobId(halves.0)));
                if last == halves.0 {
                    list.push(Visit::Job(JobId(halves.1)));
                }
            }
            if v == last && last != halves.0 {
                list.push(Visit::Job(JobId(halves.1)));
            }
        })
    }
}
