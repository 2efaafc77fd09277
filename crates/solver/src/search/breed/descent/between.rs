//! Changes of two routes: ranges change places, tails are exchanged. Each is a few kept pieces joined.

use super::super::piece::{Piece, Van};
use super::{CHAIN, Descent, Range};
use crate::search::arcs::Arcs;

impl<A: Arcs, const TIME: bool> Descent<'_, A, TIME> {
    /// How much longer the way of a route is where the stops of the range are replaced by a part with these ends and
    /// way, or by nothing.
    #[inline(always)]
    pub(super) fn longer(&self, range: Range, part: Option<(u32, u32, i64)>) -> i64 {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (nodes[range.from - 1] as usize, nodes[range.to] as usize);
        let (pa, pb) = (self.points[a], self.points[b]);
        let mid = match part {
            Some((first, last, way)) => self.joiner.leg(pa, first) + way + self.joiner.leg(last, pb),
            None => self.joiner.leg(pa, pb),
        };
        mid - (self.ways[b] - self.ways[a])
    }

    /// Ends and way of the stops of a range, in their order or the other way round.
    #[inline(always)]
    fn ends(&self, range: Range, back: bool) -> (u32, u32, i64) {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (nodes[range.from] as usize, nodes[range.to - 1] as usize);
        if !back {
            return (self.points[a], self.points[b], self.ways[b] - self.ways[a]);
        }
        let way = if self.net.metric {
            self.ways[b] - self.ways[a]
        } else {
            (range.from..range.to - 1).map(|k| self.gap(range.route, k + 1, k)).sum()
        };
        (self.points[b], self.points[a], way)
    }

    #[inline(always)]
    pub(super) fn whole_with(&self, range: Range, piece: Option<&Piece>) -> Piece {
        let nodes = &self.routes[range.route as usize].nodes;
        let (a, b) = (&self.head[nodes[range.from - 1] as usize], &self.tail[nodes[range.to] as usize]);
        match piece {
            Some(p) => self.joiner.join(&self.joiner.join(a, p), b),
            None => self.joiner.join(a, b),
        }
    }

    /// Two ranges of two routes change places if that pays; the first comes the other way round where `back`, the other
    /// may be empty.
    #[inline(always)]
    pub(super) fn exchange(&mut self, x: Range, back: bool, y: Range) -> bool {
        let (r, s) = (x.route, y.route);
        let (one, other) = (&self.routes[r as usize], &self.routes[s as usize]);
        let (vr, vs) = (&self.joiner.vans[r as usize], &self.joiner.vans[s as usize]);
        let nothing = y.from == y.to;
        let emptied = nothing && x.to - x.from == one.size();
        let mut change = if emptied {
            -one.base
        } else {
            vr.unit * self.longer(x, (!nothing).then(|| self.ends(y, false)))
        };
        if change >= one.penalty + other.penalty + vs.unit * other.way {
            return false;
        }
        change += vs.unit * self.longer(y, Some(self.ends(x, back)));
        if other.size() == 0 {
            change += vs.fixed + vs.unit * other.way;
        }
        if change >= one.penalty + other.penalty {
            return false;
        }
        let nodes = &one.nodes[x.from..x.to];
        let px = if back { self.fold_back(nodes) } else { self.fold(nodes) };
        let py = (!nothing).then(|| self.fold(&other.nodes[y.from..y.to]));
        let worth_s = self.worth(s, &self.whole_with(y, Some(&px)), false);
        let old = one.cost() + other.cost();
        if worth_s >= old {
            return false;
        }
        let worth_r = if emptied { 0 } else { self.worth(r, &self.whole_with(x, py.as_ref()), false) };
        if worth_r + worth_s >= old {
            return false;
        }
        let (mut first, mut second) = (self.scratch(), self.scratch());
        let (one, other) = (&self.routes[r as usize].nodes, &self.routes[s as usize].nodes);
        first.extend_from_slice(&one[1..x.from]);
        first.extend_from_slice(&other[y.from..y.to]);
        first.extend_from_slice(&one[x.to..one.len() - 1]);
        second.extend_from_slice(&other[1..y.from]);
        if back {
            second.extend(one[x.from..x.to].iter().rev());
        } else {
            second.extend_from_slice(&one[x.from..x.to]);
        }
        second.extend_from_slice(&other[y.to..other.len() - 1]);
        self.take(r, first, s, second, worth_r + worth_s);
        true
    }

    /// Takes two new routes, evaluated to cost so much together.
    pub(super) fn take(&mut self, r: u32, first: Vec<u32>, s: u32, second: Vec<u32>, worth: i64) {
        self.now += 1;
        self.assign(r, &first);
        self.assign(s, &second);
        debug_assert_eq!(self.routes[r as usize].cost() + self.routes[s as usize].cost(), worth);
        self.spare.push(first);
        self.spare.push(second);
    }

    /// Changes of two routes that bring two jobs beside each other.
    pub(super) fn between(&mut self, u: u32, v: u32) -> bool {
        let (r, s) = (self.route_of[u as usize], self.route_of[v as usize]);
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let (n, m) = (self.routes[r as usize].nodes.len() - 1, self.routes[s as usize].nodes.len() - 1);
        // Chains from the job on come after the other, those up to it before the other; and the other way round.
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
                    if from < 1 || to > n || to - from < len {
                        continue;
                    }
                    let x = Range { route: r, from, to };
                    if self.exchange(x, back, Range { route: s, from: gap, to: gap }) {
                        return true;
                    }
                    if back {
                        continue;
                    }
                    for other in 1..=len {
                        let (from, to) =
                            if before { (gap - other.min(gap), gap) } else { (gap, gap + other) };
                        if from < 1 || to > m {
                            break;
                        }
                        let y = Range { route: s, from, to };
                        if self.exchange(x, false, y) {
                            return true;
                        }
                    }
                }
            }
        }
        // Tails: the other, then this; or this, then the other.
        (self.pays(u, v, false) && self.tails(r, i, s, j + 1))
            || self.pays(u, v, true) && self.tails(r, i + 1, s, j)
    }

    /// Whether a change that makes `u` come right after `v`, or before it, can pay: the new leg is shorter than one of
    /// the two that it takes the place of, or there are breaches to mend.
    #[inline(always)]
    pub(super) fn pays(&self, u: u32, v: u32, before: bool) -> bool {
        let (r, s) = (self.route_of[u as usize] as usize, self.route_of[v as usize] as usize);
        let point = |x: u32| self.points[x as usize];
        let side = |r: usize, at: usize| self.routes[r].nodes[at];
        let (i, j) = (self.pos[u as usize], self.pos[v as usize]);
        let (new, old_u, old_v) = if before {
            (
                self.joiner.leg(point(u), point(v)),
                self.joiner.leg(point(u), point(side(r, i + 1))),
                self.joiner.leg(point(side(s, j - 1)), point(v)),
            )
        } else {
            (
                self.joiner.leg(point(v), point(u)),
                self.joiner.leg(point(side(r, i - 1)), point(u)),
                self.joiner.leg(point(v), point(side(s, j + 1))),
            )
        };
        // Units of the dearer vehicle are near enough.
        let unit = self.joiner.vans[r].unit.max(self.joiner.vans[s].unit);
        (new - old_u.max(old_v)) * unit < self.routes[r].penalty + self.routes[s].penalty
    }

    /// Two routes exchange their tails from these places on, if that pays.
    pub(super) fn tails(&mut self, r: u32, i: usize, s: u32, j: usize) -> bool {
        let (one, other) = (&self.routes[r as usize], &self.routes[s as usize]);
        let (a, c) = (one.nodes[i - 1], one.nodes[i]);
        let (b, d) = (other.nodes[j - 1], other.nodes[j]);
        let jobs = self.net.jobs as u32;
        let emptied = [i == 1 && d >= jobs, j == 1 && c >= jobs];
        // Each vehicle keeps its own end.
        let (end_r, end_s) = (one.nodes[one.nodes.len() - 1], other.nodes[other.nodes.len() - 1]);
        let tail_r = if d >= jobs { &self.joiner.own[end_r as usize] } else { &self.tail[d as usize] };
        let tail_s = if c >= jobs { &self.joiner.own[end_s as usize] } else { &self.tail[c as usize] };
        let (head_r, head_s) = (&self.head[a as usize], &self.head[b as usize]);
        let (vr, vs) = (&self.joiner.vans[r as usize], &self.joiner.vans[s as usize]);
        let way = |h: &Piece, t: &Piece| h.way + self.joiner.leg(h.last, t.first) + t.way;
        let base = |van: &Van, h: &Piece, t: &Piece, empty: bool| {
            if empty { 0 } else { van.fixed + van.unit * way(h, t) }
        };
        let now = base(vr, head_r, tail_r, emptied[0]) + base(vs, head_s, tail_s, emptied[1]);
        let old = one.cost() + other.cost();
        if now >= old {
            return false;
        }
        // Where the ends of the two vehicles are not the same place the pieces lead to the wrong one.
        let same_end = self.net.points[end_r as usize] == self.net.points[end_s as usize]
            && self.net.class_of[r as usize] == self.net.class_of[s as usize];
        let (whole_r, whole_s) = if same_end {
            (self.joiner.join(head_r, tail_r), self.joiner.join(head_s, tail_s))
        } else {
            let rest = |h: &Piece, nodes: &[u32], end: u32| {
                let jobs = nodes.iter().fold(*h, |a, &v| self.joiner.join(&a, &self.joiner.own[v as usize]));
                self.joiner.join(&jobs, &self.joiner.own[end as usize])
            };
            (
                rest(head_r, &other.nodes[j..other.nodes.len() - 1], end_r),
                rest(head_s, &one.nodes[i..one.nodes.len() - 1], end_s),
            )
        };
        let worth = self.worth(r, &whole_r, emptied[0]) + self.worth(s, &whole_s, emptied[1]);
        if worth >= old {
            return false;
        }
        let (mut first, mut second) = (self.scratch(), self.scratch());
        let (one, other) = (&self.routes[r as usize].nodes, &self.routes[s as usize].nodes);
        first.extend_from_slice(&one[1..i]);
        first.extend_from_slice(&other[j..other.len() - 1]);
        second.extend_from_slice(&other[1..j]);
        second.extend_from_slice(&one[i..one.len() - 1]);
        self.take(r, first, s, second, worth);
        true
    }
}
