//! Jobs that may be left out at a price: one comes in beside its neighbours or takes the place of a stop there, a chain is
//! left out, a route is given up. Each puts a job, or none, in the place of a range of one route.
//!
//! Few absent jobs pay alone where the nearest route is far: several together are lured in at any price, and what does not
//! pay even so goes out again on the way down.

use super::{Descent, Range};
use crate::search::arcs::Arcs;
use crate::search::links::NONE;
use crate::search::rng::Rng;

/// Longest chain that is left out.
const CHAIN_OUT: usize = 3;
/// Neighbours that are lured in with a job: RC2_10_6, RC2_10_2 and C2_10_4 with prizes are 0.1, 0.8 and 0.3 % dearer at
/// 30 s with 60 (one seed against the mean of two).
const LURED: usize = 30;
/// Jobs drawn for one that is absent.
const DRAWN: usize = 20;

impl<A: Arcs, const TIME: bool> Descent<'_, A, TIME> {
    /// Looks where a job in no route can come in, beside neighbours whose routes have changed since it last looked; whether
    /// there were any.
    pub(super) fn come_in(&mut self, u: u32) -> bool {
        let looked = self.looked[u as usize];
        let mut asked = false;
        for &w in self.near(u) {
            let s = self.route_of[w as usize];
            if s == NONE || self.routes[s as usize].changed <= looked {
                continue;
            }
            asked = true;
            let j = self.pos[w as usize];
            let n = self.routes[s as usize].nodes.len() - 1;
            // Before and after the neighbour; in its place, or in that of a stop beside it.
            let places = [(j, j), (j + 1, j + 1), (j, j + 1), (j - 1, j), (j + 1, j + 2)];
            for (from, to) in places.into_iter().filter(|&(from, to)| from >= 1 && to <= n) {
                if self.fill(Range { route: s, from, to }, Some(u)) {
                    return true;
                }
            }
        }
        // What it costs alone does not change.
        if looked == 0 {
            asked = true;
            self.empties().iter().any(|&s| self.fill(Range { route: s, from: 1, to: 1 }, Some(u)));
        }
        asked
    }

    /// Leaves out chains that begin with this job, or its whole route if it is the first there, if that pays.
    pub(super) fn leave_out(&mut self, u: u32) -> bool {
        let (r, i) = (self.route_of[u as usize], self.pos[u as usize]);
        let n = self.routes[r as usize].nodes.len() - 1;
        let chains = (i + 1..=n.min(i + CHAIN_OUT)).chain((i == 1 && n > 1 + CHAIN_OUT).then_some(n));
        for to in chains {
            if self.fill(Range { route: r, from: i, to }, None) {
                return true;
            }
        }
        false
    }

    /// Brings a random absent job and those around it in, at any price.
    pub(in crate::search::breed) fn lure(&mut self, rng: &mut Rng) {
        let jobs = self.net.jobs;
        let mut drawn = (0..DRAWN).map(|_| rng.below(jobs) as u32);
        let Some(seed) = drawn.find(|&v| self.route_of[v as usize] == NONE) else { return };
        for &v in std::iter::once(&seed).chain(self.net.near.of(seed, LURED)) {
            if self.route_of[v as usize] == NONE {
                self.place(v, i64::MAX);
            }
        }
    }

    /// What it costs that none of these is served.
    pub(super) fn forgone(&self, jobs: &[u32]) -> i64 {
        jobs.iter().map(|&v| self.net.absence[v as usize]).sum()
    }

    /// An absent job, or nothing, comes in the place of the stops of a range, if those may be left out and it pays.
    fn fill(&mut self, range: Range, come: Option<u32>) -> bool {
        let r = range.route;
        let route = &self.routes[r as usize];
        let van = &self.joiner.vans[r as usize];
        let gone = &route.nodes[range.from..range.to];
        if gone.iter().any(|&v| self.net.must[v as usize]) {
            return false;
        }
        let prices = self.forgone(gone) - self.forgone(come.as_slice());
        let emptied = come.is_none() && gone.len() == route.size();
        let part = come.map(|v| self.joiner.own[v as usize]);
        let mut change = if emptied {
            -route.base
        } else {
            van.unit * self.longer(range, part.map(|p| (p.first, p.last, p.way)))
        };
        if route.size() == 0 {
            change += van.fixed + van.unit * route.way;
        }
        if prices + change >= route.penalty {
            return false;
        }
        let worth = if emptied { 0 } else { self.worth(r, &self.whole_with(range, part.as_ref()), false) };
        if prices + worth >= route.cost() {
            return false;
        }
        let mut jobs = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        jobs.extend_from_slice(&nodes[1..range.from]);
        jobs.extend(come);
        jobs.extend_from_slice(&nodes[range.to..nodes.len() - 1]);
        for &v in &nodes[range.from..range.to] {
            self.route_of[v as usize] = NONE;
            // Beside other routes it has not looked as one that is absent.
            self.looked[v as usize] = 0;
        }
        self.now += 1;
        self.assign(r, &jobs);
        debug_assert_eq!(self.routes[r as usize].cost(), worth);
        self.spare.push(jobs);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::piece::{Breach, Prices};
    use super::super::super::plan::Plan;
    use super::*;
    use crate::locks::Locks;
    use crate::search::arcs::AnyArcs;
    use crate::search::net::Net;

    const PRICES: Prices = Prices { load: 3.0, warp: 2.0, limit: 2.0 };

    /// Routes and absences with what they cost now, and with what they cost recomputed.
    fn both<A: Arcs>(descent: &Descent<'_, A, true>, fresh: &mut Descent<'_, A, true>) -> (i64, i64) {
        let cost = |d: &Descent<'_, A, true>| d.plan().base + d.routes.iter().map(|r| r.penalty).sum::<i64>();
        fresh.load(&descent.plan());
        (cost(descent), cost(fresh))
    }

    /// What comes in and goes out makes the plan cheaper, breaches priced, and costs what the plan then costs anew.
    #[test]
    fn coming_in_and_going_out_pays_as_said() {
        let (mut ins, mut outs) = (0, 0);
        for seed in 0..6000 {
            let mut problem = crate::search::tests::random(seed, 12);
            let mut rng = Rng::new(seed);
            for job in &mut problem.jobs {
                job.prize = (rng.below(5) > 0).then(|| rng.below(300) as i64);
            }
            let locks = Locks::none();
            let net = Net::new(&problem, None, &locks);
            let AnyArcs::One32(arcs) = &net.arcs else { continue };
            if !super::super::super::suits(&net) {
                continue;
            }
            let mut descent = Descent::<_, true>::new(&net, arcs, PRICES);
            let mut fresh = Descent::<_, true>::new(&net, arcs, PRICES);
            let mut lists = vec![Vec::new(); net.slots.len()];
            let mut absent = Vec::new();
            for v in 0..net.jobs as u32 {
                let out = rng.below(2) == 0 && !net.must[v as usize];
                let list = if out { &mut absent } else { &mut lists[rng.below(net.slots.len())] };
                list.push(v);
            }
            let routes = (0u32..).zip(lists).filter(|(_, list)| !list.is_empty()).collect();
            descent.load(&Plan::of(net.jobs, routes, absent, 0, Breach::default()));
            let mut before = both(&descent, &mut fresh).0;
            for v in (0..net.jobs as u32).chain(0..net.jobs as u32) {
                let now = descent.now;
                let absent = descent.route_of[v as usize] == NONE;
                if absent {
                    descent.come_in(v);
                } else {
                    descent.leave_out(v);
                }
                if descent.now == now {
                    continue;
                }
                let (said, anew) = both(&descent, &mut fresh);
                assert_eq!(said, anew, "seed {seed}, job {v}");
                assert!(said < before, "seed {seed}, job {v}: {before} became {said}");
                before = said;
                *(if absent { &mut ins } else { &mut outs }) += 1;
            }
            descent.lure(&mut rng);
            let (said, anew) = both(&descent, &mut fresh);
            assert_eq!(said, anew, "seed {seed}: lured");
        }
        assert!(ins > 40 && outs > 40, "{ins} came in, {outs} went out");
    }
}
