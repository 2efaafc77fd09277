//! Two routes exchange their tails (2-opt*): where routes are long, strings change little of who serves what.

use super::eval::Eval;
use super::links::NONE;
use super::walk::Walk;

/// Neighbours of the job that was drawn at which routes are cut.
const CLOSE: usize = 10;
/// Cuts tried exactly, the most promising first.
const TRIED: usize = 3;

/// Where two routes are cut: the last nodes that stay, and what the exchange changes as far as ways tell.
#[derive(Clone, Copy, Debug)]
struct Cut {
    change: i64,
    stays: [u32; 2],
}

impl<E: Eval> Walk<'_, E> {
    /// Exchanges what comes after a random job for what comes with or after one near it; whether a new best plan was
    /// stored.
    pub(super) fn tail_step(&mut self, temperature: f64) -> bool {
        self.bench.work = 2 * CLOSE;
        let u = self.rng.below(self.net.jobs) as u32;
        let one = self.links.at[u as usize].route;
        if one == NONE {
            return false;
        }
        // Below cost - T ln(U), as every iteration.
        let bound = -temperature * (1.0 - self.rng.unit()).ln();
        let mut cuts: [Option<Cut>; TRIED] = [None; TRIED];
        let leg = |route: u32, a: u32, b: u32| self.eval.leg(&self.links, route, a, b);
        let ends = |v: u32| v >= self.links.jobs;
        for &v in self.net.near.of(u, CLOSE) {
            let other = self.links.at[v as usize].route;
            let alike = |r: u32| self.net.class_of[r as usize] == self.net.class_of[one as usize];
            if other == NONE || other == one || !alike(other) {
                continue;
            }
            // The job comes before the other, or the other before it.
            let pred = |x: u32| self.links.at[x as usize].pred;
            for stays in [[u, pred(v)], [pred(u), v]] {
                let next = stays.map(|x| self.links.at[x as usize].succ);
                // Nothing changes where whole routes change vehicles.
                if stays.map(ends) == [true; 2] || next.map(ends) == [true; 2] {
                    continue;
                }
                let change = leg(one, stays[0], next[1]) + leg(other, stays[1], next[0])
                    - leg(one, stays[0], next[0])
                    - leg(other, stays[1], next[1]);
                let cut = Cut { change, stays };
                if (change as f64) < bound && cuts[TRIED - 1].is_none_or(|c| change < c.change) {
                    cuts[TRIED - 1] = Some(cut);
                    cuts.sort_by_key(|c| c.map_or(i64::MAX, |c| c.change));
                }
            }
        }
        let before = self.cost();
        for cut in cuts.into_iter().flatten() {
            let routes = cut.stays.map(|x| self.links.at[x as usize].route);
            if !routes.iter().all(|&r| self.may_be_cut(r)) {
                continue;
            }
            let lists = self.exchanged(routes, cut.stays);
            self.bench.work += lists[0].len() + lists[1].len();
            self.links.begin();
            for r in routes {
                self.links.save(r);
                self.links.assign(r, &[]);
            }
            for (r, list) in routes.into_iter().zip(&lists) {
                self.links.assign(r, list);
            }
            let sound = routes.map(|r| self.eval.refresh(&mut self.links, r)) == [true; 2];
            if sound && (self.cost() as f64) < before as f64 + bound {
                return self.take_over();
            }
            self.reject();
        }
        false
    }

    /// The nodes of two routes cut after these, each with the tail of the other.
    fn exchanged(&self, routes: [u32; 2], stays: [u32; 2]) -> [Vec<u32>; 2] {
        let parts = [0, 1].map(|at| {
            let nodes: Vec<u32> = self.links.nodes(routes[at]).collect();
            let cut = nodes.iter().position(|&v| v == stays[at]).map_or(0, |p| p + 1);
            (nodes, cut)
        });
        let [(first, cut), (second, other)] = &parts;
        [[&first[..*cut], &second[*other..]].concat(), [&second[..*other], &first[*cut..]].concat()]
    }

    /// Whether nothing in a route is bound to it or to what rides with it.
    fn may_be_cut(&self, r: u32) -> bool {
        self.is_loose(r) && self.links.nodes(r).all(|v| self.net.partner[v as usize] == NONE)
    }
}
