//! Inertial flow: the vertices farthest out along a line are sources, those at its other end sinks; the least cut
//! between them, over several lines, balances size against the number of roads cut.

use super::Edge;
use std::cmp::Ordering;

/// Shares of the vertices that are sources, and of those that are sinks, in percent. Fewer leave more freedom to the
/// cut, which then may lie too far out: the best of two is better than either.
const ENDS_PERCENT: [usize; 2] = [20, 10];
/// For the few largest parts of a province, each of whose cuts takes seconds.
const ENDS_PERCENT_LARGE: [usize; 1] = [15];
/// Vertices of a large part.
const LARGE: usize = 100_000;
/// Lines along which cuts are looked for, as multiples of east and north.
const LINES: [(i64, i64); 8] = [(2, 0), (0, 2), (1, 1), (1, -1), (2, 1), (1, 2), (2, -1), (1, -2)];

/// Splits the vertices of a connected part of three or more in two halves, neither of them empty.
pub(super) fn bisect(place: &[[i32; 2]], edges: &[Edge]) -> Vec<bool> {
    let count = place.len();
    let mut flow = Flow::new(count, edges);
    let mut best: Option<(u64, u64, Vec<bool>)> = None;
    // A degree of longitude is shorter than one of latitude; percent by the part's own latitude.
    #[allow(clippy::cast_possible_truncation)] // between 0 and 100
    let east = ((f64::from(place[0][1]) / 1e7).to_radians().cos() * 100.0) as i64;
    #[allow(clippy::cast_possible_truncation)] // vertices fit u32
    let mut order: Vec<u32> = (0..count as u32).collect();
    let mut along = vec![0i64; count];
    let percents = if count < LARGE { &ENDS_PERCENT[..] } else { &ENDS_PERCENT_LARGE };
    for (x, y) in LINES {
        for (key, p) in along.iter_mut().zip(place) {
            *key = i64::from(p[0]) * east * x + i64::from(p[1]) * 100 * y;
        }
        let compare =
            |a: &u32, b: &u32| -> Ordering { along[*a as usize].cmp(&along[*b as usize]).then(a.cmp(b)) };
        let (mut low, mut high) = (0, count);
        for percent in percents {
            let ends = (count * percent / 100).max(1);
            // The ends of fewer are among those of more.
            if low == 0 {
                order.select_nth_unstable_by(ends - 1, compare);
                order[ends..].select_nth_unstable_by(count - 2 * ends, compare);
            } else {
                order[..low].select_nth_unstable_by(ends - 1, compare);
                order[high..].select_nth_unstable_by(low - ends, compare);
            }
            // The sinks are the last `ends` vertices: the element chosen is the first of them.
            (low, high) = (ends, count - ends);
            let bound = best.as_ref().map(|(cut, small, _)| (*cut, *small));
            if let Some((cut, small, side)) = flow.least_cut(&order[..low], &order[high..], bound)
                && bound.is_none_or(|(c, s)| cut * s < c * small)
            {
                best = Some((cut, small, side));
            }
        }
    }
    best.expect("the first line always gives a cut").2
}

/// What a vertex is in the present flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    Source,
    Sink,
}

/// Unit flow on undirected edges.
struct Flow {
    first: Vec<u32>,
    /// Edge and other end, by vertex; the top bit of the edge says that the vertex is its second end.
    to: Vec<(u32, u32)>,
    /// Flow on each edge from its first to its second end: −1, 0 or 1.
    flow: Vec<i8>,
    role: Vec<Role>,
    level: Vec<u32>,
    next: Vec<u32>,
    queue: Vec<u32>,
}

const SECOND: u32 = 1 << 31;
const FAR: u32 = u32::MAX;

impl Flow {
    #[allow(clippy::cast_possible_truncation)] // edges fit u32
    fn new(count: usize, edges: &[Edge]) -> Self {
        let mut first = vec![0u32; count + 1];
        for e in edges {
            first[e.0 as usize + 1] += 1;
            first[e.1 as usize + 1] += 1;
        }
        for v in 1..first.len() {
            first[v] += first[v - 1];
        }
        let mut at = first.clone();
        let mut to = vec![(0, 0); edges.len() * 2];
        for (i, e) in edges.iter().enumerate() {
            to[at[e.0 as usize] as usize] = (i as u32, e.1);
            at[e.0 as usize] += 1;
            to[at[e.1 as usize] as usize] = (i as u32 | SECOND, e.0);
            at[e.1 as usize] += 1;
        }
        Self {
            first,
            to,
            flow: vec![0; edges.len()],
            role: vec![Role::Plain; count],
            level: vec![FAR; count],
            next: vec![0; count],
            queue: Vec::with_capacity(count),
        }
    }

    fn free(&self, edge: u32) -> bool {
        if edge & SECOND == 0 {
            self.flow[edge as usize] < 1
        } else {
            self.flow[(edge ^ SECOND) as usize] > -1
        }
    }

    fn push(&mut self, edge: u32) {
        if edge & SECOND == 0 {
            self.flow[edge as usize] += 1;
        } else {
            self.flow[(edge ^ SECOND) as usize] -= 1;
        }
    }

    fn back(&mut self, edge: u32) {
        self.push(edge ^ SECOND);
    }

    /// Size of the cut, of its smaller side, and the side of the sources; `None` when it cannot beat `bound` (cut
    /// and smaller side of the best so far).
    fn least_cut(
        &mut self,
        sources: &[u32],
        sinks: &[u32],
        bound: Option<(u64, u64)>,
    ) -> Option<(u64, u64, Vec<bool>)> {
        let count = self.role.len() as u64;
        self.flow.fill(0);
        self.role.fill(Role::Plain);
        for &v in sources {
            self.role[v as usize] = Role::Source;
        }
        for &v in sinks {
            self.role[v as usize] = Role::Sink;
        }
        let mut cut = 0u64;
        while self.levels(sources, Role::Sink) {
            cut += self.blocking(sources);
            if bound.is_some_and(|(c, small)| cut * small >= c * (count / 2)) {
                return None;
            }
        }
        // The levels of the last, failed search are what the sources can still reach.
        let near: Vec<bool> = self.level.iter().map(|l| *l != FAR).collect();
        let size = near.iter().filter(|n| **n).count() as u64;
        // The other extreme cut: all that cannot reach the sinks.
        let back = self.reaching(sinks);
        let far_size = count - back.iter().filter(|n| **n).count() as u64;
        let small = size.min(count - size);
        let far_small = far_size.min(count - far_size);
        Some(if far_small > small {
            (cut, far_small, back.iter().map(|b| !b).collect())
        } else {
            (cut, small, near)
        })
    }

    /// Levels of a breadth-first search over free edges; whether a sink was reached.
    fn levels(&mut self, sources: &[u32], goal: Role) -> bool {
        self.level.fill(FAR);
        self.queue.clear();
        for &v in sources {
            self.level[v as usize] = 0;
            self.queue.push(v);
        }
        let mut head = 0;
        let mut reached = FAR;
        while head < self.queue.len() {
            let v = self.queue[head];
            head += 1;
            if self.level[v as usize] >= reached {
                break;
            }
            for i in self.first[v as usize]..self.first[v as usize + 1] {
                let (edge, w) = self.to[i as usize];
                if self.level[w as usize] == FAR && self.free(edge) {
                    self.level[w as usize] = self.level[v as usize] + 1;
                    if self.role[w as usize] == goal {
                        reached = self.level[w as usize];
                    }
                    self.queue.push(w);
                }
            }
        }
        reached != FAR
    }

    /// Vertices that can still reach a sink.
    fn reaching(&mut self, sinks: &[u32]) -> Vec<bool> {
        let mut seen = vec![false; self.role.len()];
        self.queue.clear();
        for &v in sinks {
            seen[v as usize] = true;
            self.queue.push(v);
        }
        let mut head = 0;
        while head < self.queue.len() {
            let v = self.queue[head];
            head += 1;
            for i in self.first[v as usize]..self.first[v as usize + 1] {
                let (edge, w) = self.to[i as usize];
                // Free from w to v is free against the direction in which v sees the edge.
                if !seen[w as usize] && self.free(edge ^ SECOND) {
                    seen[w as usize] = true;
                    self.queue.push(w);
                }
            }
        }
        seen
    }

    /// Pushes paths along rising levels until none is left (Dinic 1970).
    fn blocking(&mut self, sources: &[u32]) -> u64 {
        self.next.copy_from_slice(&self.first[..self.role.len()]);
        let mut pushed = 0;
        let mut path: Vec<(u32, u32)> = Vec::new();
        for &source in sources {
            let mut v = source;
            loop {
                if self.role[v as usize] == Role::Sink {
                    pushed += 1;
                    path.clear();
                    v = source;
                    continue;
                }
                let end = self.first[v as usize + 1];
                let mut step = None;
                while self.next[v as usize] < end {
                    let (edge, w) = self.to[self.next[v as usize] as usize];
                    if self.level[w as usize] == self.level[v as usize].wrapping_add(1) && self.free(edge) {
                        step = Some((edge, w));
                        break;
                    }
                    self.next[v as usize] += 1;
                }
                if let Some((edge, w)) = step {
                    self.push(edge);
                    path.push((edge, v));
                    v = w;
                } else if let Some((edge, from)) = path.pop() {
                    // A dead end: take the unit back and do not come here again.
                    self.back(edge);
                    self.level[v as usize] = FAR;
                    v = from;
                } else {
                    break;
                }
            }
        }
        pushed
    }
}
