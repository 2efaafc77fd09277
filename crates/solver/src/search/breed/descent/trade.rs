//! Two jobs of two routes change vehicles, each to its own best place there (SWAP*; Vidal 2022). Where holds are full nothing
//! moves alone, and the place that one job leaves is seldom the best for the other.

use super::Descent;
use crate::search::arcs::Arcs;
use crate::search::clock::Clock;
use crate::search::links::NONE;

/// Neighbours by which neighbouring routes are found.
const CLOSE: usize = 6;
/// Best places kept for each job: the other job is beside at most two.
const PLACES: usize = 3;

/// A job that may change vehicles.
#[derive(Clone, Copy, Debug)]
struct Mover {
    job: u32,
    at: usize,
    /// What its route saves without it.
    saves: i64,
    /// Best places in the other route: what the job costs there, and the place of the stop it comes after.
    best: [(i64, usize); PLACES],
    /// What is brought to it and taken from it.
    bring: i64,
    take: i64,
}

/// Room kept between looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Market {
    movers: [Vec<Mover>; 2],
    pairs: Vec<(u32, u32)>,
}

/// An exchange: places of the jobs in their routes, and the stops after which they come in the other.
#[derive(Clone, Copy, Debug)]
struct Trade {
    at: [usize; 2],
    after: [usize; 2],
    change: i64,
}

impl<A: Arcs, const TIME: bool> Descent<'_, A, TIME> {
    /// Looks at all pairs of neighbouring routes of which one has changed since the last look; whether any exchange paid.
    pub(super) fn trades(&mut self, clock: &mut Clock<'_>) -> bool {
        let since = std::mem::replace(&mut self.traded, self.now);
        let mut market = std::mem::take(&mut self.market);
        market.pairs.clear();
        for u in 0..self.net.jobs as u32 {
            let r = self.route_of[u as usize];
            if r == NONE {
                continue;
            }
            for &v in self.net.near.of(u, CLOSE) {
                let s = self.route_of[v as usize];
                if s == NONE {
                    continue;
                }
                let changed = self.routes[r as usize].changed.max(self.routes[s as usize].changed);
                if r != s && changed > since {
                    market.pairs.push((r.min(s), r.max(s)));
                }
            }
        }
        market.pairs.sort_unstable();
        market.pairs.dedup();
        let before = self.now;
        for at in 0..market.pairs.len() {
            let (r, s) = market.pairs[at];
            if let Some(trade) = self.find_trade(r, s, &mut market.movers) {
                self.trade(r, s, trade);
            }
            if clock.tick() {
                break;
            }
        }
        self.market = market;
        self.now > before
    }

    fn set_movers(&self, r: u32, s: u32, movers: &mut Vec<Mover>) {
        let (own, other) = (&self.routes[r as usize].nodes, &self.routes[s as usize].nodes);
        let (unit, unit_there) = (self.joiner.vans[r as usize].unit, self.joiner.vans[s as usize].unit);
        let point = |v: u32| self.points[v as usize];
        movers.clear();
        for at in 1..own.len() - 1 {
            let job = own[at];
            let p = point(job);
            let (a, b) = (point(own[at - 1]), point(own[at + 1]));
            let saves = unit * (self.joiner.leg(a, p) + self.joiner.leg(p, b) - self.joiner.leg(a, b));
            let mut best = [(i64::MAX / 4, usize::MAX); PLACES];
            for after in 0..other.len() - 1 {
                let (a, b) = (other[after], other[after + 1]);
                let gap = self.ways[b as usize] - self.ways[a as usize];
                let longer = self.joiner.leg(point(a), p) + self.joiner.leg(p, point(b)) - gap;
                let place = (unit_there * longer, after);
                if place < best[PLACES - 1] {
                    best[PLACES - 1] = place;
                    best.sort_unstable();
                }
            }
            let [bring, change, _] = self.joiner.own[job as usize].load;
            movers.push(Mover { job, at, saves, best, bring, take: bring + change });
        }
    }

    /// Best place of a mover in the other route once the stop at `gone` has left it.
    fn place_without(&self, mover: &Mover, s: u32, gone: usize) -> (i64, usize) {
        let nodes = &self.routes[s as usize].nodes;
        let point = |at: usize| self.points[nodes[at] as usize];
        let p = self.points[mover.job as usize];
        let (a, b) = (point(gone - 1), point(gone + 1));
        let there = self.joiner.leg(a, p) + self.joiner.leg(p, b) - self.joiner.leg(a, b);
        let instead = (self.joiner.vans[s as usize].unit * there, gone - 1);
        let elsewhere = mover.best.iter().find(|b| b.1 != gone && b.1 != gone - 1);
        elsewhere.map_or(instead, |&e| e.min(instead))
    }

    /// The exchange that changes the cost least, if that is to the better as far as ways and sums of loads tell.
    fn find_trade(&self, r: u32, s: u32, movers: &mut [Vec<Mover>; 2]) -> Option<Trade> {
        let [first, second] = movers;
        self.set_movers(r, s, first);
        self.set_movers(s, r, second);
        let sums = |r: u32| {
            let nodes = &self.routes[r as usize].nodes;
            let [bring, change, _] = self.head[nodes[nodes.len() - 1] as usize].load;
            (bring, bring + change, self.joiner.vans[r as usize].cap)
        };
        let (one, other) = (sums(r), sums(s));
        // No order of stops carries less at some time than all that is brought, or all that is taken.
        let fine = |sums: (i64, i64, i64), out: &Mover, come: &Mover| {
            let over = (sums.0 - out.bring + come.bring).max(sums.1 - out.take + come.take) - sums.2;
            (over.max(0) as f64 * self.prices.load) as i64
        };
        let now = self.routes[r as usize].penalty + self.routes[s as usize].penalty;
        let mut least: Option<Trade> = None;
        for u in first.iter() {
            for v in second.iter() {
                let freed = u.saves + v.saves + now;
                let bound = least.map_or(0, |l| l.change);
                if -freed >= bound {
                    continue;
                }
                let fines = fine(one, u, v) + fine(other, v, u);
                if fines - freed >= bound {
                    continue;
                }
                let (pu, pv) = (self.place_without(u, s, v.at), self.place_without(v, r, u.at));
                let change = fines - freed + pu.0 + pv.0;
                if change < bound {
                    least = Some(Trade { at: [u.at, v.at], after: [pu.1, pv.1], change });
                }
            }
        }
        least
    }

    /// Carries an exchange out if it pays with everything counted.
    fn trade(&mut self, r: u32, s: u32, trade: Trade) {
        let (one, other) = (&self.routes[r as usize], &self.routes[s as usize]);
        let old = one.cost() + other.cost();
        let (u, v) = (one.nodes[trade.at[0]], other.nodes[trade.at[1]]);
        let list = |nodes: &[u32], gone: usize, after: usize, come: u32, list: &mut Vec<u32>| {
            for (at, &w) in nodes[..nodes.len() - 1].iter().enumerate() {
                if at > 0 && at != gone {
                    list.push(w);
                }
                if at == after {
                    list.push(come);
                }
            }
        };
        let (mut first, mut second) =
            (self.spare.pop().unwrap_or_default(), self.spare.pop().unwrap_or_default());
        first.clear();
        second.clear();
        list(&one.nodes, trade.at[0], trade.after[1], v, &mut first);
        list(&other.nodes, trade.at[1], trade.after[0], u, &mut second);
        let worth = self.worth_of(r, &first) + self.worth_of(s, &second);
        if worth < old {
            self.take(r, first, s, second, worth);
        } else {
            self.spare.push(first);
            self.spare.push(second);
        }
    }

    /// What a route of these jobs costs, breaches priced.
    fn worth_of(&self, r: u32, jobs: &[u32]) -> i64 {
        let start = Self::start(self.net, r) as usize;
        let own = &self.joiner.own;
        let there = jobs.iter().fold(own[start], |a, &v| self.joiner.join(&a, &own[v as usize]));
        self.worth(r, &self.joiner.join(&there, &own[start + 1]), false)
    }
}
