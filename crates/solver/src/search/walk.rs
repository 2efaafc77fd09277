//! One thread's search: the current plan, the best plan, ruin and recreate inside annealing.

use super::arcs::FAR;
use super::eval::{Blink, Eval, Put};
use super::idle::{EVERYWHERE, WIDE};
use super::links::{Links, NONE};
use super::net::Net;
use super::rng::Rng;
use crate::problem::{NO_WAY, Objective};
use crate::schedule::Scheduler;
use crate::solution::{Route, Solution, Visit};

/// What a place may cost where the price of leaving a job out does not count: more than any real way, less than one that
/// does not exist.
const ANY_PRICE: i64 = NO_WAY / 2;

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
    blink: Blink,
    pub(super) best: Best,
    /// Routes changed since `best` was stored.
    dirty: Vec<u32>,
    /// Where to look first for an empty slot of each class.
    hints: Vec<usize>,
    many_classes: bool,
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
    sort_keys: Vec<(i64, u32)>,
    /// Reload nodes made and dropped in this iteration.
    born: Vec<u32>,
    /// Last query in which the place after a node was looked at.
    asked: Vec<u32>,
    query: u32,
    dropped: Vec<u32>,
    /// In this iteration optional jobs come in even where they do not pay alone: several together may.
    pub(super) generous: bool,
    /// In this iteration the jobs that were absent most often come first.
    pub(super) absent_first: bool,
    /// Last iteration in which each job was taken out.
    pub(super) taken: Vec<u64>,
    /// Absent jobs that do not look for a place in this iteration.
    pub(super) idle: Vec<u32>,
    /// How many jobs may still look at every place.
    pub(super) wide: u32,
    /// Every absent job looks everywhere, as in the first plan.
    pub(super) eager: bool,
    /// Optional jobs come in at any price.
    pub(super) lavish: bool,
    /// The class that new routes are of, while it has an empty slot.
    pub(super) class: Option<usize>,
}

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
        let mut links = Links::new(net.jobs, net.slots.len(), &net.points);
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
            many_classes: net.classes.len() > 1,
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
            wide: 0,
            eager: net.jobs <= EVERYWHERE,
            lavish: false,
            class: None,
        };
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

    /// Takes a job out, with its partner, into `absent`.
    pub(super) fn take_out(&mut self, job: u32) {
        let partner = self.net.partner[job as usize];
        let route = self.links.at[job as usize].route;
        self.links.save(route);
        self.links.unlink(job);
        self.links.absent.push(job);
        self.taken[job as usize] = self.links.journal();
        if partner != NONE && self.links.at[partner as usize].route != NONE {
            self.links.save(self.links.at[partner as usize].route);
            self.links.unlink(partner);
            self.links.absent.push(partner);
            self.taken[partner as usize] = self.links.journal();
        }
    }

    /// Recomputes the routes changed so far in this iteration, without their idle reloads.
    pub(super) fn refresh_changed(&mut self) {
        let mut i = 0;
        while let Some(r) = self.links.changed_at(i) {
            if self.eval.reloads() {
                self.drop_idle_reloads(r);
            }
            if !self.eval.refresh(&mut self.links, r) {
                // Rare: without what was taken out the rest breaks a rule (a way around is longer, a rest moves).
                self.clear(r);
            }
            i += 1;
        }
    }

    /// Takes every free job out of a route and recomputes it.
    fn clear(&mut self, r: u32) {
        self.clear_route_of(r);
        self.eval.refresh(&mut self.links, r);
    }

    /// Takes every free job out of a route.
    pub(super) fn clear_route_of(&mut self, r: u32) {
        let mut nodes = self.links.scratch();
        nodes.extend(self.links.nodes(r));
        for &v in &nodes {
            let job = (v as usize) < self.net.jobs;
            if job && !self.net.pinned[v as usize] && self.links.at[v as usize].route != NONE {
                self.take_out(v);
            }
        }
        self.links.give_back(nodes);
        if self.eval.reloads() {
            self.drop_idle_reloads(r);
        }
    }

    /// Takes out reloads that begin or end an empty trip.
    fn drop_idle_reloads(&mut self, r: u32) {
        let jobs = self.links.jobs;
        let end = self.links.end(r);
        let mut v = self.links.at[self.links.start(r) as usize].succ;
        let mut trip_empty = self.net.slots[r as usize].prefix.is_none_or(|p| !p.departed);
        while v != end {
            let next = self.links.at[v as usize].succ;
            if v >= jobs {
                if trip_empty || next == end {
                    self.links.unlink(v);
                    self.dropped.push(v);
                }
                trip_empty = true;
            } else {
                trip_empty = false;
            }
            v = next;
        }
        // The last trip may have become empty by what went before.
        loop {
            let last = self.links.at[end as usize].pred;
            if last < jobs || last == self.links.start(r) {
                break;
            }
            self.links.unlink(last);
            self.dropped.push(last);
        }
    }

    /// Strings of neighbouring routes around a random job (Christiaens and Vanden Berghe 2020).
    pub(super) fn ruin(&mut self) {
        if self.links.used == 0 {
            return;
        }
        let seed = self.rng.below(self.net.jobs) as u32;
        self.ruin_around(seed);
    }

    /// The same around a job that is given, in a route or not.
    pub(super) fn ruin_around(&mut self, seed: u32) {
        if self.links.used == 0 {
            return;
        }
        let served = self.net.jobs - self.links.absent.len().min(self.net.jobs);
        let average = served as f64 / f64::from(self.links.used);
        let longest = self.longest.min(average).max(1.0);
        let most_strings = 4.0 * self.mean / (1.0 + longest) - 1.0;
        let strings = (self.rng.unit() * most_strings + 1.0) as usize;
        let first = self.links.changed().count();
        let mut done = 0;
        let near = &self.net.near;
        for at in 0..=near.of(seed, usize::MAX).len() {
            let c = if at == 0 { seed } else { near.of(seed, usize::MAX)[at - 1] };
            let route = self.links.at[c as usize].route;
            if route == NONE || self.links.changed().skip(first).any(|r| r == route) {
                continue;
            }
            let size = self.links.routes[route as usize].size;
            let longest = longest.min(f64::from(size));
            let length = (self.rng.unit() * longest + 1.0) as u32;
            self.take_string(c, route, length.min(size), size);
            done += 1;
            if done >= strings {
                break;
            }
        }
    }

    /// Takes out `length` nodes around `c`, or the same number around a part that stays.
    fn take_string(&mut self, c: u32, route: u32, length: u32, size: u32) {
        self.links.save(route);
        let mut stay = 0;
        if length > 1 && length < size && self.rng.unit() < 0.5 {
            stay = 1;
            while length + stay < size && self.rng.unit() > 0.99 {
                stay += 1;
            }
        }
        let span = length + stay;
        let pos = self.links.at[c as usize].pos;
        let (low, high) = ((pos + 1).saturating_sub(span).max(1), pos.min(size + 1 - span));
        let from = low + self.rng.below((high - low + 1) as usize) as u32;
        let stay_from =
            if stay > 0 { 1 + self.rng.below((length - 1).max(1) as usize) as u32 } else { u32::MAX };
        let mut v = c;
        for _ in from..pos {
            v = self.links.at[v as usize].pred;
        }
        let jobs = self.links.jobs;
        let mut out = self.links.scratch();
        for at in 0..span {
            let kept = at >= stay_from && at - stay_from < stay;
            if !kept && v < jobs && !self.net.pinned[v as usize] {
                out.push(v);
            }
            v = self.links.at[v as usize].succ;
        }
        for &v in &out {
            if self.links.at[v as usize].route != NONE {
                self.take_out(v);
            }
        }
        self.links.give_back(out);
    }

    /// Puts the absent jobs where they cost least, in a random kind of order.
    pub(super) fn recreate(&mut self) {
        self.wide = if self.eager { u32::MAX } else { WIDE };
        self.set_idle();
        self.order_absent();
        let mut list = std::mem::take(&mut self.links.absent);
        let mut still = self.links.scratch();
        for &job in &list {
            let partner = self.net.partner[job as usize];
            if partner != NONE && !self.net.is_pickup[job as usize] {
                continue;
            }
            if !self.put(job) {
                still.push(job);
                if partner != NONE {
                    still.push(partner);
                }
            }
        }
        list.clear();
        list.extend_from_slice(&still);
        list.append(&mut self.idle);
        self.links.give_back(still);
        self.links.absent = list;
    }

    fn order_absent(&mut self) {
        let net = self.net;
        let windows = net.windows;
        let mut dice = self.rng.below(if windows { 17 } else { 11 });
        if self.absent_first {
            dice = usize::MAX;
        }
        let keys = &mut self.sort_keys;
        keys.clear();
        let jobs = net.problem.jobs();
        let window =
            |j: u32| jobs[j as usize].windows.first().copied().unwrap_or(crate::problem::Window::ALWAYS);
        for &j in &self.links.absent {
            let key = match dice {
                0..=3 => (self.rng.next() >> 2) as i64,
                4..=7 => -net.demand[j as usize],
                8..=9 => -net.far[j as usize],
                10 => net.far[j as usize],
                usize::MAX => -i64::from(self.absences[j as usize]),
                11..=12 => window(j).to - window(j).from,
                13..=14 => window(j).from,
                _ => -window(j).to,
            };
            keys.push((key, j));
        }
        keys.sort_unstable();
        self.links.absent.clear();
        self.links.absent.extend(keys.iter().map(|k| k.1));
    }

    /// Best place for one job (or shipment); puts it there and recomputes the route.
    pub(super) fn put(&mut self, job: u32) -> bool {
        let mut limit = self.net.absence[job as usize];
        if self.generous && !self.net.must[job as usize] {
            let some = limit.saturating_mul(4).saturating_add(self.net.dearest).min(ANY_PRICE.max(limit));
            limit = if self.rng.below(2) == 0 { ANY_PRICE.max(limit) } else { some };
        }
        if self.lavish {
            limit = ANY_PRICE.max(limit);
        }
        let found = if self.net.partner[job as usize] == NONE {
            self.place_single(job, limit)
        } else {
            self.place_pair(job, limit)
        };
        let Some((delta, put)) = found else { return false };
        self.apply(job, put, delta);
        true
    }

    /// Carries out an insertion that was evaluated to change the cost by `delta`.
    pub(super) fn apply(&mut self, job: u32, put: Put, delta: i64) {
        let before = self.links.cost + self.eval.extra();
        let after = match put {
            Put::After(a) | Put::ReloadThen(_, a) | Put::ThenReload(_, a) | Put::Both(a, _) => a,
        };
        let route = self.links.at[after as usize].route;
        self.links.save(route);
        match put {
            Put::After(a) => self.links.link(job, a),
            Put::ReloadThen(which, a) => {
                let reload = self.eval.add_reload(&mut self.links, route, which);
                self.born.push(reload);
                self.links.link(reload, a);
                self.links.link(job, reload);
            }
            Put::ThenReload(which, a) => {
                self.links.link(job, a);
                let reload = self.eval.add_reload(&mut self.links, route, which);
                self.born.push(reload);
                self.links.link(reload, job);
            }
            Put::Both(a, b) => {
                self.links.link(job, a);
                self.links.link(self.net.partner[job as usize], b);
            }
        }
        let sound = self.eval.refresh(&mut self.links, route);
        debug_assert!(sound, "an accepted insertion broke a rule: {job} {put:?} in {route}");
        debug_assert_eq!(self.links.cost + self.eval.extra() - before, delta, "{job} {put:?} in {route}");
    }

    fn place_single(&mut self, job: u32, limit: i64) -> Option<(i64, Put)> {
        let only = self.net.only[job as usize];
        if only != NONE {
            return self.place_in_route(job, only, limit);
        }
        let (mut least, mut put) = (limit, None);
        let near = self.net.near_time.as_ref().unwrap_or(&self.net.near);
        let reloads = self.eval.reloads();
        self.query += 1;
        let query = self.query;
        self.asked.resize(self.links.at.len(), 0);
        let mut looks = self.width;
        for &v in near.of(job, usize::MAX) {
            let link = self.links.at[v as usize];
            if link.route == NONE || !self.eval.admits(link.route, job) {
                continue;
            }
            if looks == 0 {
                break;
            }
            looks -= 1;
            for after in [v, link.pred] {
                // A place between two neighbours is looked at once.
                let asked = &mut self.asked[after as usize];
                if *asked == query {
                    continue;
                }
                *asked = query;
                if self.blink.skips() {
                    continue;
                }
                let delta = self.eval.insertion(&self.links, job, after, least);
                if delta < least {
                    least = delta;
                    put = Some(Put::After(after));
                }
                if reloads && let Some((delta, p)) = self.eval.with_reload(&self.links, job, after, least) {
                    least = delta;
                    put = Some(p);
                }
            }
        }
        self.each_empty(|walk, slot| {
            let after = walk.links.start(slot);
            let delta = walk.eval.insertion(&walk.links, job, after, least);
            if delta < least {
                least = delta;
                put = Some(Put::After(after));
            }
        });
        if put.is_none() && self.looks_wide() {
            return self.place_anywhere(job, limit);
        }
        put.map(|p| (least, p))
    }

    /// Calls with one empty slot of each class, if the fleet allows another route.
    fn each_empty(&mut self, mut look: impl FnMut(&mut Self, u32)) {
        if self.links.used >= self.fleet {
            return;
        }
        let empty = |s: &u32| self.links.routes[*s as usize].size == 0;
        let wanted = self.class.filter(|&c| self.net.classes[c].iter().any(empty));
        for class in 0..self.net.classes.len() {
            if wanted.is_some_and(|w| w != class) {
                continue;
            }
            let slots = &self.net.classes[class];
            let hint = self.hints[class];
            let empty = (0..slots.len()).map(|i| (hint + i) % slots.len());
            let mut empty = empty.filter(|&i| self.links.routes[slots[i] as usize].size == 0);
            if let Some(i) = empty.next()
                && !self.blink.skips()
            {
                self.hints[class] = i;
                look(self, slots[i]);
            }
        }
    }

    /// Every place of every used route.
    fn place_anywhere(&mut self, job: u32, limit: i64) -> Option<(i64, Put)> {
        let (mut least, mut put) = (limit, None);
        for r in 0..self.net.slots.len() as u32 {
            if self.links.routes[r as usize].size > 0
                && let Some((delta, p)) = self.place_in_route(job, r, least)
            {
                least = delta;
                put = Some(p);
            }
        }
        put.map(|p| (least, p))
    }

    fn place_in_route(&mut self, job: u32, r: u32, limit: i64) -> Option<(i64, Put)> {
        let (mut least, mut put) = (limit, None);
        let end = self.links.end(r);
        let mut after = self.links.start(r);
        let reloads = self.eval.reloads();
        while after != end {
            if !self.blink.skips() {
                let delta = self.eval.insertion(&self.links, job, after, least);
                if delta < least {
                    least = delta;
                    put = Some(Put::After(after));
                }
                if reloads && let Some((delta, p)) = self.eval.with_reload(&self.links, job, after, least) {
                    least = delta;
                    put = Some(p);
                }
            }
            after = self.links.at[after as usize].succ;
        }
        put.map(|p| (least, p))
    }

    fn place_pair(&mut self, job: u32, limit: i64) -> Option<(i64, Put)> {
        let halves = (job, self.net.partner[job as usize]);
        let (mut least, mut put) = (limit, None);
        let only = self.net.only[job as usize];
        let mut routes = self.links.scratch();
        if only != NONE {
            routes.push(only);
        } else if self.net.jobs <= 400 {
            routes
                .extend((0..self.net.slots.len() as u32).filter(|&r| self.links.routes[r as usize].size > 0));
        } else {
            let near = self.net.near_time.as_ref().unwrap_or(&self.net.near);
            for half in [halves.0, halves.1] {
                for &v in near.of(half, self.width) {
                    let r = self.links.at[v as usize].route;
                    if r != NONE && !routes.contains(&r) {
                        routes.push(r);
                    }
                }
            }
        }
        for round in 0..2 {
            for &r in &routes {
                if let Some((delta, p)) = self.eval.pair(&self.links, halves, r, least, &mut self.blink) {
                    least = delta;
                    put = Some(p);
                }
            }
            if round == 1 || only != NONE {
                break;
            }
            let mut empty = Vec::new();
            self.each_empty(|_, slot| empty.push(slot));
            for &slot in &empty {
                if let Some((delta, p)) = self.eval.pair(&self.links, halves, slot, least, &mut self.blink) {
                    least = delta;
                    put = Some(p);
                }
            }
            if put.is_some() || self.net.jobs <= 400 || !self.looks_wide() {
                break;
            }
            // Nothing near fits: try the rest.
            let all = (0..self.net.slots.len() as u32).filter(|&r| self.links.routes[r as usize].size > 0);
            let rest: Vec<u32> = all.filter(|r| !routes.contains(r)).collect();
            routes.clear();
            routes.extend(rest);
        }
        self.links.give_back(routes);
        put.map(|p| (least, p))
    }

    /// One iteration of annealing at a temperature; whether a new best plan was stored.
    pub(super) fn step(&mut self, temperature: f64) -> bool {
        if self.many_classes && self.rng.below(20) == 0 {
            return self.exchange_step(temperature);
        }
        let before = self.cost();
        self.links.begin();
        if self.rng.below(64) == 0 {
            self.ruin_routes();
        } else {
            self.ruin();
        }
        self.refresh_changed();
        self.generous = self.net.optional && self.rng.below(8) == 0;
        self.recreate();
        self.generous = false;
        self.settle(before, temperature)
    }

    /// Accepts or undoes the iteration that began at cost `before`; whether a new best plan was stored.
    pub(super) fn settle(&mut self, before: i64, temperature: f64) -> bool {
        let after = self.cost();
        // Accepts below cost - T ln(U).
        let bound = before as f64 - temperature * (1.0 - self.rng.unit()).ln();
        if (after as f64) >= bound {
            self.reject();
            return false;
        }
        self.keep();
        let better = self.is_better(after);
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
            self.eval.refresh(&mut self.links, r);
            i += 1;
        }
    }
}
