//! Two jobs of two routes change vehicles, each to its own best place there and not only to that of the other (SWAP*,
//! Vidal 2022). Where holds are full nothing can move alone, and strings seldom fit as they are.

use super::eval::Eval;
use super::links::NONE;
use super::walk::Walk;

/// Neighbours among which the other route is looked for.
const CLOSE: usize = 20;
/// Exchanges tried exactly, the most promising first.
const TRIED: usize = 3;
/// Longest routes that are looked at.
const LONGEST: u32 = 300;

/// A place after a node, and what a job costs there.
#[derive(Clone, Copy, Debug)]
struct Place {
    after: u32,
    cost: i64,
}

/// A job that may leave its route: what that saves, and its three best places in the other route.
#[derive(Clone, Copy, Debug)]
struct Mover {
    job: u32,
    pred: u32,
    succ: u32,
    saves: i64,
    best: [Place; 3],
}

/// An exchange: jobs, the node that each comes after, what it changes but for what only a refresh knows.
#[derive(Clone, Copy, Debug)]
struct Trade {
    jobs: [u32; 2],
    after: [u32; 2],
    change: i64,
}

/// Room kept between iterations.
#[derive(Clone, Debug, Default)]
pub(super) struct Market {
    movers: [Vec<Mover>; 2],
    trades: Vec<Trade>,
    /// Places looked at in the last iteration.
    pub(super) work: usize,
}

const NOWHERE: Place = Place { after: NONE, cost: i64::MAX / 4 };

impl<E: Eval> Walk<'_, E> {
    /// Exchanges two jobs between the routes of a random job and of one near it; whether a new best plan was stored.
    pub(super) fn swap_step(&mut self, temperature: f64) -> bool {
        self.market.work = 1;
        let seed = self.rng.below(self.net.jobs) as u32;
        let one = self.links.at[seed as usize].route;
        let near = self.net.near.of(seed, CLOSE);
        if one == NONE || near.is_empty() {
            return false;
        }
        let from = self.rng.below(near.len());
        let others = (0..near.len()).map(|i| self.links.at[near[(from + i) % near.len()] as usize].route);
        let mut others = others.filter(|&r| r != NONE && r != one);
        let Some(other) = others.next() else { return false };
        // What has been loaded is not added to: such trips are left to insertion, which knows.
        let begun = |r: u32| self.net.slots[r as usize].prefix.is_some();
        if begun(one) || begun(other) {
            return false;
        }
        let size = |r: u32| self.links.routes[r as usize].size;
        if size(one).max(size(other)) > LONGEST {
            return false;
        }
        // Below cost - T ln(U), as every iteration.
        let bound = -temperature * (1.0 - self.rng.unit()).ln();
        self.find_trades(one, other, bound as i64);
        let (before, over) = (self.cost(), self.eval.excess());
        for at in 0..self.market.trades.len() {
            let trade = self.market.trades[at];
            self.links.begin();
            self.links.save(one);
            self.links.save(other);
            let [u, v] = trade.jobs;
            for job in [u, v] {
                let pred = self.links.at[job as usize].pred;
                self.links.unlink(job);
                self.eval.unlinked(&mut self.links, job, pred);
            }
            let mut sound = true;
            for (job, after) in trade.jobs.into_iter().zip(trade.after) {
                self.links.link(job, after);
                if E::SINGLE {
                    sound &= self.eval.linked(&mut self.links, job);
                }
            }
            if !E::SINGLE {
                sound = self.eval.refresh(&mut self.links, one) & self.eval.refresh(&mut self.links, other);
            }
            debug_assert!(
                !sound
                    || !E::WAYS_ALONE
                    || self.eval.excess() > 0
                    || over > 0
                    || self.cost() - before == trade.change,
                "an exchange was evaluated to change the cost by {}, not {}: {trade:?}",
                trade.change,
                self.cost() - before
            );
            if sound && (self.cost() as f64) < before as f64 + bound {
                return self.take_over();
            }
            self.reject();
        }
        false
    }

    /// The most promising exchanges that change the cost by less than `bound`, as far as ways and loads tell.
    fn find_trades(&mut self, one: u32, other: u32, bound: i64) {
        let mut market = std::mem::take(&mut self.market);
        self.find_movers(one, other, &mut market.movers[0]);
        self.find_movers(other, one, &mut market.movers[1]);
        market.trades.clear();
        market.work = market.movers[0].len() * market.movers[1].len() / 2 + 20;
        let [ours, theirs] = &market.movers;
        for u in ours {
            for v in theirs {
                let most = market.trades.get(TRIED - 1).map_or(bound, |t| t.change.min(bound));
                if !self.eval.may_swap(&self.links, u.job, v.job) {
                    continue;
                }
                let (after_u, cost_u) = self.place_without(other, u, v);
                if cost_u - u.saves - v.saves >= most {
                    continue;
                }
                let (after_v, cost_v) = self.place_without(one, v, u);
                let change = cost_u + cost_v - u.saves - v.saves;
                if change < most {
                    let at = market.trades.partition_point(|t| t.change <= change);
                    market
                        .trades
                        .insert(at, Trade { jobs: [u.job, v.job], after: [after_u, after_v], change });
                    market.trades.truncate(TRIED);
                }
            }
        }
        self.market = market;
    }

    /// Best place of `job` in the route when `gone` has left it.
    #[inline]
    fn place_without(&self, route: u32, job: &Mover, gone: &Mover) -> (u32, i64) {
        let leg = |a: u32, b: u32| self.eval.leg(&self.links, route, a, b);
        // The gap that `gone` leaves is as long as the leg over it.
        let gap = leg(gone.pred, job.job) + leg(job.job, gone.succ) - leg(gone.pred, gone.succ);
        let free = job.best.iter().find(|p| p.after != gone.job && p.after != gone.pred);
        match free {
            Some(place) if place.cost < gap => (place.after, place.cost),
            _ => (gone.pred, gap),
        }
    }

    /// The jobs of `from` that may go to `to`.
    fn find_movers(&self, from: u32, to: u32, movers: &mut Vec<Mover>) {
        movers.clear();
        let (links, net) = (&self.links, self.net);
        for job in links.nodes(from) {
            let free = job < links.jobs
                && !net.pinned[job as usize]
                && net.only[job as usize] == NONE
                && net.partner[job as usize] == NONE
                && self.eval.rides(to, job);
            if !free {
                continue;
            }
            let link = links.at[job as usize];
            let over = self.eval.leg(links, from, link.pred, link.succ);
            let saves = self.eval.leg_after(links, link.pred) + self.eval.leg_after(links, job) - over;
            let mut best = [NOWHERE; 3];
            let mut after = links.start(to);
            let end = links.end(to);
            let mut there = self.eval.leg_into(links, to, job, after);
            while after != end {
                let next = links.at[after as usize].succ;
                let on = self.eval.leg(links, to, job, next);
                let cost = there + on - self.eval.leg_after(links, after);
                there = if E::EVEN { on } else { self.eval.leg_into(links, to, job, next) };
                if cost < best[2].cost {
                    let at = best.partition_point(|p| p.cost <= cost);
                    best.copy_within(at..2, at + 1);
                    best[at] = Place { after, cost };
                }
                after = next;
            }
            movers.push(Mover { job, pred: link.pred, succ: link.succ, saves, best });
        }
    }
}
