//! Recreate: absent jobs go where they cost least, in an order drawn anew each time.

use super::cooling::HUGE;
use super::eval::{Eval, Put};
use super::idle::WIDE;
use super::links::NONE;
use super::near::Near;
use super::walk::Walk;
use crate::problem::NO_WAY;

/// What a place may cost where the price of leaving a job out does not count: more than any real way, less than one that
/// does not exist.
const ANY_PRICE: i64 = NO_WAY / 2;

/// Most changed routes whose first and last legs are looked at for a job.
const ENDS: usize = 8;

/// Routes drawn for a job that finds no place near, where all of them would be too many.
const DRAWN: usize = 64;

impl<'n, E: Eval> Walk<'n, E> {
    /// Puts the absent jobs where they cost least, in a random kind of order.
    pub(super) fn recreate(&mut self) {
        self.wide = if self.eager { u32::MAX } else { WIDE };
        self.set_idle();
        self.order_absent();
        self.waited = self.links.absent.len();
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
        let sound = if E::SINGLE {
            self.eval.linked(&mut self.links, job)
        } else {
            self.eval.refresh(&mut self.links, route)
        };
        debug_assert!(sound, "an accepted insertion broke a rule: {job} {put:?} in {route}");
        debug_assert_eq!(self.links.cost + self.eval.extra() - before, delta, "{job} {put:?} in {route}");
    }

    /// The lists in which places are looked for.
    #[inline(always)]
    pub(super) fn near_in_use(&self) -> &'n Near {
        self.net.near_time.as_ref().unwrap_or(&self.net.near)
    }

    fn place_single(&mut self, job: u32, limit: i64) -> Option<(i64, Put)> {
        let only = self.net.only[job as usize];
        if only != NONE {
            return self.place_in_route(job, only, limit);
        }
        let (mut least, mut put) = (limit, None);
        let near = self.near_in_use();
        self.query += 1;
        let query = self.query;
        self.asked.resize(self.links.at.len(), 0);
        let mut looks = self.width;
        let by_way = self.net.near_time.is_none();
        for (v, way) in near.with_ways(job) {
            // The way to so far a job and on costs more, whatever leg falls away for it.
            let apart = self.eval.apart(way);
            if apart - self.long_leg >= least {
                if by_way {
                    break;
                }
                continue;
            }
            let link = self.links.at[v as usize];
            if link.route == NONE || !self.eval.admits(link.route, job) {
                continue;
            }
            if looks == 0 {
                break;
            }
            looks -= 1;
            if self.passes_near(apart, v, link.succ, least)
                && self.asks(v)
                && let Some(better) = self.put_beside::<false>(job, (v, way), v, least)
            {
                (least, put) = (better.0, Some(better.1));
            }
            if self.passes_near(apart, link.pred, link.pred, least)
                && self.asks(link.pred)
                && let Some(better) = self.put_beside::<true>(job, (v, way), link.pred, least)
            {
                (least, put) = (better.0, Some(better.1));
            }
        }
        // The first and last legs of routes pass by jobs whose neighbours are elsewhere.
        let mut at = 0;
        while let Some(r) = self.links.changed_at(at) {
            at += 1;
            if at > ENDS || self.links.routes[r as usize].size == 0 || !self.eval.admits(r, job) {
                continue;
            }
            for after in [self.links.start(r), self.links.at[self.links.end(r) as usize].pred] {
                if self.asked[after as usize] != query
                    && let Some(better) = self.put_after(job, after, least)
                {
                    (least, put) = (better.0, Some(better.1));
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
        if put.is_none() && self.looks_wide(job) {
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

    /// Every place of every used route; of some routes drawn where there are very many jobs.
    fn place_anywhere(&mut self, job: u32, limit: i64) -> Option<(i64, Put)> {
        let (mut least, mut put) = (limit, None);
        if self.net.jobs > HUGE && !self.eager {
            for _ in 0..DRAWN {
                let r = self.links.at[self.rng.below(self.net.jobs)].route;
                if r != NONE
                    && let Some((delta, p)) = self.place_in_route(job, r, least)
                {
                    least = delta;
                    put = Some(p);
                }
            }
            return put.map(|p| (least, p));
        }
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

    /// Whether a job may cost less than `least` on the leg after a node, seen from an end of it that costs `apart` there and
    /// back. From the nearer end the way on is at least as long as the way to it; the farther one need not see it. A
    /// depot at the `other` end is in no list: from a job beside it everything is seen.
    #[inline(always)]
    fn passes_near(&self, apart: i64, after: u32, other: u32, least: i64) -> bool {
        apart == 0 || other >= self.links.jobs || apart - self.eval.leg_after(&self.links, after) < least
    }

    /// Whether the place after a node is to be looked at: once for a job, and not where a blink falls.
    #[inline(always)]
    fn asks(&mut self, after: u32) -> bool {
        let asked = &mut self.asked[after as usize];
        if *asked == self.query {
            return false;
        }
        *asked = self.query;
        !self.blink.skips()
    }

    /// The cheaper of a place after a node and a reload there, if it costs less than `limit`.
    #[inline]
    fn put_after(&self, job: u32, after: u32, limit: i64) -> Option<(i64, Put)> {
        let delta = self.eval.insertion(&self.links, job, after, limit);
        self.or_reload(job, after, limit, delta)
    }

    /// The same beside another job, `after` being that or the one before it, with the way from there.
    #[inline]
    fn put_beside<const BEFORE: bool>(
        &self,
        job: u32,
        other: (u32, u32),
        after: u32,
        limit: i64,
    ) -> Option<(i64, Put)> {
        let delta = self.eval.beside::<BEFORE>(&self.links, job, other, limit);
        self.or_reload(job, after, limit, delta)
    }

    #[inline(always)]
    fn or_reload(&self, job: u32, after: u32, limit: i64, delta: i64) -> Option<(i64, Put)> {
        let plain = (delta < limit).then_some((delta, Put::After(after)));
        let least = plain.as_ref().map_or(limit, |p| p.0);
        let reload = self.eval.reloads().then(|| self.eval.with_reload(&self.links, job, after, least));
        reload.flatten().or(plain)
    }

    fn place_in_route(&mut self, job: u32, r: u32, limit: i64) -> Option<(i64, Put)> {
        let (mut least, mut put) = (limit, None);
        let end = self.links.end(r);
        let mut after = self.links.start(r);
        while after != end {
            if !self.blink.skips()
                && let Some(better) = self.put_after(job, after, least)
            {
                (least, put) = (better.0, Some(better.1));
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
            let near = self.near_in_use();
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
            if put.is_some() || self.net.jobs <= 400 || !self.looks_wide(job) {
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
}
