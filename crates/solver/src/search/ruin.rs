//! Ruin: strings of jobs, or whole routes, are taken out around a job.

use super::eval::Eval;
use super::links::{Link, NONE};
use super::walk::Walk;

/// How often an end of a passing route is taken out too.
const PASSED_BY: f64 = 0.1;
/// Routes drawn to find one that passes by a job on its way from or to its depot.
const PASSING: usize = 12;

impl<E: Eval> Walk<'_, E> {
    /// Takes a job out, with its partner, into `absent`.
    pub(super) fn take_out(&mut self, job: u32) {
        let partner = self.net.partner[job as usize];
        let Link { route, pred, .. } = self.links.at[job as usize];
        self.links.save(route);
        self.links.unlink(job);
        self.gap |= !self.eval.unlinked(&mut self.links, job, pred);
        self.links.absent.push(job);
        self.near_in_use().expect(job);
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
        let gap = std::mem::take(&mut self.gap);
        if E::SINGLE && !gap {
            return;
        }
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
    pub(super) fn drop_idle_reloads(&mut self, r: u32) {
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
        if self.rng.unit() < PASSED_BY {
            self.ruin_end(seed);
        }
    }

    /// Takes out an end of a route whose first or last leg passes by the job, the nearest of a few drawn.
    fn ruin_end(&mut self, seed: u32) {
        let (links, eval) = (&self.links, &self.eval);
        let mut least: Option<(i64, u32, u32)> = None;
        for _ in 0..PASSING {
            let job = self.rng.below(self.net.jobs);
            let r = links.at[job].route;
            if r == NONE || links.is_changed(r) {
                continue;
            }
            let (start, end) = (links.start(r), links.end(r));
            let (first, last) = (links.at[start as usize].succ, links.at[end as usize].pred);
            for (a, b, c) in [(start, first, first), (last, end, last)] {
                let around =
                    eval.leg(links, r, a, seed) + eval.leg(links, r, seed, b) - eval.leg(links, r, a, b);
                if c < links.jobs && least.is_none_or(|l| around < l.0) {
                    least = Some((around, r, c));
                }
            }
        }
        let Some((_, r, c)) = least else { return };
        let size = self.links.routes[r as usize].size;
        let length = (self.rng.unit() * self.longest.min(f64::from(size)) + 1.0) as u32;
        self.take_string(c, r, length.min(size), size);
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
        // Nodes before and after `c`, as far as the span reaches.
        let reach = |next: fn(&Link) -> u32, end: u32| {
            let (mut v, mut count) = (next(&self.links.at[c as usize]), 0);
            while v != end && count < span - 1 {
                v = next(&self.links.at[v as usize]);
                count += 1;
            }
            count
        };
        let before = reach(|l| l.pred, self.links.start(route));
        let after = reach(|l| l.succ, self.links.end(route));
        let least = span - 1 - after;
        let back = before - self.rng.below((before - least + 1) as usize) as u32;
        let stay_from =
            if stay > 0 { 1 + self.rng.below((length - 1).max(1) as usize) as u32 } else { u32::MAX };
        let mut v = c;
        for _ in 0..back {
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

    /// Takes out the whole route of a random job, and that of a near job elsewhere.
    pub(super) fn ruin_routes(&mut self) {
        let seed = self.rng.below(self.net.jobs) as u32;
        let near = &self.net.near;
        let mut taken: Vec<u32> = Vec::new();
        for at in 0..=near.of(seed, 20).len() {
            let c = if at == 0 { seed } else { near.of(seed, 20)[at - 1] };
            let route = self.links.at[c as usize].route;
            if route == NONE || taken.contains(&route) {
                continue;
            }
            self.clear_route_of(route);
            taken.push(route);
            if taken.len() == 2 {
                break;
            }
        }
    }
}
