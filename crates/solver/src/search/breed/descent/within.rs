//! Changes of one route: ranges move or change places, a part is turned around. What lies between is joined stop by stop,
//! once the way says that it may pay.

use super::{CHAIN, Descent};
use crate::search::arcs::Arcs;

impl<A: Arcs, const TIME: bool> Descent<'_, A, TIME> {
    /// Changes of one route that bring two of its jobs beside each other.
    pub(super) fn within(&mut self, u: u32, v: u32) -> bool {
        let r = self.route_of[u as usize];
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let n = self.routes[r as usize].nodes.len() - 1;
        for before in [false, true] {
            if !self.pays(u, v, before) {
                continue;
            }
            let gap = if before { j } else { j + 1 };
            for len in 1..=CHAIN {
                for back in [false, true] {
                    if back && len == 1 {
                        continue;
                    }
                    let forth = before == back;
                    let (from, to) = if forth { (i, i + len) } else { (i + 1 - len.min(i + 1), i + 1) };
                    if from < 1 || to > n || to - from < len || (from..=to).contains(&gap) {
                        continue;
                    }
                    if self.shift(r, from, to, gap, back) {
                        return true;
                    }
                    if back {
                        continue;
                    }
                    for other in 1..=len {
                        let (from2, to2) =
                            if before { (gap - other.min(gap), gap) } else { (gap, gap + other) };
                        if from2 < 1 || to2 > n || from2 < to && from < to2 {
                            break;
                        }
                        if self.swap(r, (from, to), (from2, to2)) {
                            return true;
                        }
                    }
                }
            }
        }
        // A part turned around brings them together at one of its ends.
        let (low, high) = (i.min(j), i.max(j));
        self.turn(r, low + 1, high) || self.turn(r, low, high - 1)
    }

    /// Way between two stops of a route, along it.
    #[inline(always)]
    fn along(&self, r: u32, from: usize, to: usize) -> i64 {
        let nodes = &self.routes[r as usize].nodes;
        self.ways[nodes[to] as usize] - self.ways[nodes[from] as usize]
    }

    #[inline(always)]
    pub(super) fn gap(&self, r: u32, from: usize, to: usize) -> i64 {
        let nodes = &self.routes[r as usize].nodes;
        self.joiner.leg(self.points[nodes[from] as usize], self.points[nodes[to] as usize])
    }

    /// Takes a new order of stops `from` to before `to` if it pays.
    fn reorder(&mut self, r: u32, from: usize, to: usize, list: Vec<u32>) -> bool {
        let route = &self.routes[r as usize];
        let head = &self.head[route.nodes[from - 1] as usize];
        let mid = list.iter().fold(*head, |a, &v| self.joiner.join(&a, &self.joiner.own[v as usize]));
        let whole = self.joiner.join(&mid, &self.tail[route.nodes[to] as usize]);
        let worth = self.worth(r, &whole, false);
        let pays = worth < route.cost();
        if pays {
            let mut jobs = self.jobs_of(r);
            jobs[from - 1..to - 1].copy_from_slice(&list);
            self.now += 1;
            self.assign(r, &jobs);
            debug_assert_eq!(self.routes[r as usize].cost(), worth);
            self.spare.push(jobs);
        }
        self.spare.push(list);
        pays
    }

    /// Stops `from` to before `to` go before the stop at `gap` of the same route, the other way round if `back`.
    pub(super) fn shift(&mut self, r: u32, from: usize, to: usize, gap: usize, back: bool) -> bool {
        let route = &self.routes[r as usize];
        let (a, b) = if back { (to - 1, from) } else { (from, to - 1) };
        let mut change = self.gap(r, from - 1, to) + self.gap(r, gap - 1, a) + self.gap(r, b, gap)
            - self.gap(r, from - 1, from)
            - self.gap(r, to - 1, to)
            - self.gap(r, gap - 1, gap);
        if back && !self.net.metric {
            let turned: i64 = (from..to - 1).map(|k| self.gap(r, k + 1, k)).sum();
            change += turned - self.along(r, from, to - 1);
        }
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        let push = |list: &mut Vec<u32>| {
            if back {
                list.extend(nodes[from..to].iter().rev());
            } else {
                list.extend_from_slice(&nodes[from..to]);
            }
        };
        if gap < from {
            push(&mut list);
            list.extend_from_slice(&nodes[gap..from]);
            self.reorder(r, gap, to, list)
        } else {
            list.extend_from_slice(&nodes[to..gap]);
            push(&mut list);
            self.reorder(r, from, gap, list)
        }
    }

    /// Two ranges of a route change places.
    fn swap(&mut self, r: u32, x: (usize, usize), y: (usize, usize)) -> bool {
        let (x, y) = if x.0 < y.0 { (x, y) } else { (y, x) };
        if x.1 == y.0 {
            return false;
        }
        let route = &self.routes[r as usize];
        let change = self.gap(r, x.0 - 1, y.0)
            + self.gap(r, y.1 - 1, x.1)
            + self.gap(r, y.0 - 1, x.0)
            + self.gap(r, x.1 - 1, y.1)
            - self.gap(r, x.0 - 1, x.0)
            - self.gap(r, x.1 - 1, x.1)
            - self.gap(r, y.0 - 1, y.0)
            - self.gap(r, y.1 - 1, y.1);
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        let nodes = &self.routes[r as usize].nodes;
        list.extend_from_slice(&nodes[y.0..y.1]);
        list.extend_from_slice(&nodes[x.1..y.0]);
        list.extend_from_slice(&nodes[x.0..x.1]);
        self.reorder(r, x.0, y.1, list)
    }

    /// Stops `from` to `to` the other way round.
    fn turn(&mut self, r: u32, from: usize, to: usize) -> bool {
        if to <= from {
            return false;
        }
        let route = &self.routes[r as usize];
        let mut change = self.gap(r, from - 1, to) + self.gap(r, from, to + 1)
            - self.gap(r, from - 1, from)
            - self.gap(r, to, to + 1);
        if !self.net.metric {
            let turned: i64 = (from..to).map(|k| self.gap(r, k + 1, k)).sum();
            change += turned - self.along(r, from, to);
        }
        if change * self.joiner.vans[r as usize].unit >= route.penalty {
            return false;
        }
        let mut list = self.scratch();
        list.extend(self.routes[r as usize].nodes[from..=to].iter().rev());
        self.reorder(r, from, to + 1, list)
    }
}
