//! Putting metrics on the topology: every arc gets the least of its own turn and all detours over lower states.
//!
//! States are visited from the lowest up. Most hand their detours on themselves (right-looking): for `u → v → w` the
//! arc `u → w` is looked up once for the topology and kept in a [`Plan`], so that a customization is a plain walk
//! along arrays. States with so many arcs that their triangles would not fit into memory are left to those above
//! them (left-looking, with a dense row indexed by state). Several metrics are handled in one pass, a lane each: the
//! walk, which costs most, is then shared.

use super::Weights;
use super::topology::{Half, Topology};
use crate::graph::{INF_MS, NONE};
use crate::query::Ends;
use crate::query::weight::{INF, Weight};
use crate::simd;

/// Most metrics handled in one pass.
const LANES_MAX: usize = 8;
/// Most bytes of weights in one pass: larger maps take fewer lanes.
const PASS_BYTES_MAX: usize = 1 << 30;
/// Most triangles kept in a plan (four bytes each).
const TRIANGLES_MAX: usize = 1 << 27;
/// Bounds on the triangles of one state that are tried until all fit.
const BOUNDS: [usize; 5] = [usize::MAX, 1_600, 400, 100, 0];

/// What customizing needs to know beside the topology; belongs to no metric.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// States that hand their own detours on.
    light: Vec<bool>,
    /// For each arc down to a light state and each arc up from it: the arc that the detour serves, in one numbering
    /// with the downward arcs behind the upward ones. A way there and back serves its own second arc: no change.
    serves: Vec<u32>,
    /// Arcs from the other states by higher state: arcs down to them, and arcs up from them.
    heavy_down: Heavy,
    heavy_up: Heavy,
    /// The arc that each input turn stands for, in the same numbering; [`NONE`] for a turn onto its own state.
    turn_arc: Vec<u32>,
}

/// Lower state and arc by higher state.
#[derive(Debug, Default)]
struct Heavy {
    first: Vec<u32>,
    list: Vec<[u32; 2]>,
}

impl Plan {
    #[allow(clippy::cast_possible_truncation)] // states and arcs fit 31 bits
    pub(crate) fn new(topology: &Topology) -> Self {
        let (up, down) = (&topology.up, &topology.down);
        let count = topology.parent.len();
        let triangles = |v: usize| up.arcs(v as u32).len() * down.arcs(v as u32).len();
        let total = |bound: usize| (0..count).map(triangles).filter(|t| *t <= bound).sum::<usize>();
        let bound = BOUNDS.into_iter().find(|b| total(*b) <= TRIANGLES_MAX).unwrap_or(0);
        let light: Vec<bool> = (0..count).map(|v| triangles(v) <= bound).collect();
        let mut serves = Vec::with_capacity(total(bound));
        let behind = up.other.len() as u32;
        for v in (0..count).filter(|v| light[*v]) {
            for i in down.arcs(v as u32) {
                let u = down.other[i];
                for j in up.arcs(v as u32) {
                    let w = up.other[j];
                    // The topology is closed under contraction: only a way there and back has no arc.
                    let served = match u.cmp(&w) {
                        std::cmp::Ordering::Less => up.find(u, w),
                        std::cmp::Ordering::Greater => down.find(w, u).map(|arc| behind as usize + arc),
                        std::cmp::Ordering::Equal => None,
                    };
                    serves.push(served.unwrap_or(j) as u32);
                }
            }
        }
        let heavy = |half: &Half, other: &Half| {
            let mut heavy = Heavy { first: vec![0], list: Vec::new() };
            for x in 0..count as u32 {
                let beyond = |v: u32| other.other[other.arcs(v)].last().is_some_and(|w| *w > x);
                let list = half.below(x).iter().filter(|[v, _]| !light[*v as usize] && beyond(*v));
                heavy.list.extend(list);
                heavy.first.push(heavy.list.len() as u32);
            }
            heavy
        };
        let (heavy_down, heavy_up) = (heavy(down, up), heavy(up, down));
        let arcs = up.turn.iter().chain(&down.turn[..]).zip(0u32..).filter(|(turn, _)| **turn != NONE);
        let count = arcs.clone().map(|(turn, _)| turn + 1).max().unwrap_or(0);
        let mut turn_arc = vec![NONE; count as usize];
        arcs.for_each(|(turn, arc)| turn_arc[*turn as usize] = arc);
        Self { light, serves, heavy_down, heavy_up, turn_arc }
    }

    /// Detours over lower states, bottom up; `weights` has the upward arcs, then the downward ones.
    #[inline(always)]
    pub(crate) fn relax<const K: usize>(&self, topology: &Topology, weights: &mut [[Weight; K]]) {
        let (up, down) = (&topology.up, &topology.down);
        let (up_first, down_first) = (&up.first[..], &down.first[..]);
        let behind = up.other.len();
        let mut row = vec![[INF; K]; if self.heavy_up.list.is_empty() { 0 } else { topology.parent.len() }];
        let mut own: Vec<[Weight; K]> = Vec::new();
        let mut serves = self.serves.iter();
        for x in 0..self.light.len() {
            pull(x, &self.heavy_down, behind, up, 0, weights, &mut row);
            pull(x, &self.heavy_up, 0, down, behind, weights, &mut row);
            if !self.light[x] {
                continue;
            }
            own.clear();
            own.extend_from_slice(&weights[up_first[x] as usize..up_first[x + 1] as usize]);
            for i in down_first[x] as usize..down_first[x + 1] as usize {
                let by = weights[behind + i];
                let (now, later) = serves.as_slice().split_at(own.len());
                serves = later.iter();
                for (served, w) in now.iter().zip(&own) {
                    let slot = &mut weights[*served as usize];
                    for k in 0..K {
                        slot[k] = slot[k].min(by[k] + w[k]);
                    }
                }
            }
        }
    }
}

/// Lowers the arcs of `x` in the half `own` by detours over heavy states that begin (or end) with the arcs listed.
#[inline(always)]
fn pull<const K: usize>(
    x: usize,
    heavy: &Heavy,
    first_offset: usize,
    own: &Half,
    own_offset: usize,
    weights: &mut [[Weight; K]],
    row: &mut [[Weight; K]],
) {
    let low = &heavy.list[heavy.first[x] as usize..heavy.first[x + 1] as usize];
    if low.is_empty() {
        return;
    }
    let (own_first, other) = (&own.first[..], &own.other[..]);
    let mine = own_first[x] as usize..own_first[x + 1] as usize;
    let at = |range: std::ops::Range<usize>| own_offset + range.start..own_offset + range.end;
    for (o, w) in other[mine.clone()].iter().zip(&weights[at(mine.clone())]) {
        row[*o as usize] = *w;
    }
    for &[v, arc] in low {
        let by = weights[first_offset + arc as usize];
        let theirs = own_first[v as usize] as usize..own_first[v as usize + 1] as usize;
        // Their arcs beyond x, from the farthest back.
        for (o, w) in other[theirs.clone()].iter().zip(&weights[at(theirs)]).rev() {
            if *o as usize <= x {
                break;
            }
            let slot = &mut row[*o as usize];
            for k in 0..K {
                slot[k] = slot[k].min(by[k] + w[k]);
            }
        }
    }
    for (o, w) in other[mine.clone()].iter().zip(&mut weights[at(mine)]) {
        *w = row[*o as usize];
    }
}

/// Full customization of one metric into weights of the right length.
pub(crate) fn customize_into(topology: &Topology, plan: &Plan, ends: &Ends<'_>, weights: &mut [Weight]) {
    let lanes: &mut [[Weight; 1]] = bytemuck::cast_slice_mut(weights);
    lanes.fill([INF]);
    seed(plan, ends, 0, lanes);
    simd::relax_on(simd::level(), plan, topology, lanes);
}

/// Full customization of one metric.
pub(crate) fn customize(topology: &Topology, plan: &Plan, ends: &Ends<'_>) -> Weights {
    let mut all = vec![INF; topology.arc_count()];
    customize_into(topology, plan, ends, &mut all);
    Weights::new(topology, all)
}

/// Full customization of several metrics, in their order.
pub(crate) fn customize_all(topology: &Topology, plan: &Plan, ends: &[Ends<'_>]) -> Vec<Weights> {
    let most = (PASS_BYTES_MAX / (topology.arc_count().max(1) * size_of::<Weight>())).clamp(1, LANES_MAX);
    let mut out = Vec::with_capacity(ends.len());
    let mut rest = ends;
    while !rest.is_empty() {
        let width = [8, 4, 2, 1].into_iter().find(|w| *w <= most && *w <= rest.len()).unwrap_or(1);
        let (now, later) = rest.split_at(width);
        match *now {
            [a, b, c, d, e, f, g, h] => out.extend(pass(topology, plan, [a, b, c, d, e, f, g, h])),
            [a, b, c, d] => out.extend(pass(topology, plan, [a, b, c, d])),
            [a, b] => out.extend(pass(topology, plan, [a, b])),
            _ => out.extend(now.iter().map(|e| customize(topology, plan, e))),
        }
        rest = later;
    }
    out
}

fn pass<const K: usize>(topology: &Topology, plan: &Plan, ends: [Ends<'_>; K]) -> Vec<Weights> {
    let mut all = vec![[INF; K]; topology.arc_count()];
    for (lane, ends) in ends.iter().enumerate() {
        seed(plan, ends, lane, &mut all);
    }
    simd::relax_on(simd::level(), plan, topology, &mut all);
    (0..K).map(|k| Weights::new(topology, all.iter().map(|w| w[k]).collect::<Vec<_>>())).collect()
}

/// Weights of the input turns on hierarchy arcs, before any detour.
fn seed<const K: usize>(plan: &Plan, ends: &Ends<'_>, lane: usize, weights: &mut [[Weight; K]]) {
    let graph = ends.graph;
    // What a state costs, with a bit for those that only residents may enter; weights leave the top bit free.
    const FENCED: Weight = 1 << 63;
    let into: Vec<Weight> = graph
        .state_arc
        .iter()
        .map(|arc| ends.arc(*arc) | if ends.restricted[*arc as usize] == 0 { 0 } else { FENCED })
        .collect();
    let entry = ends.entry();
    for from in 0..into.len() {
        let last = plan.turn_arc.len();
        let turns =
            (graph.turn_first[from] as usize).min(last)..(graph.turn_first[from + 1] as usize).min(last);
        let list = graph.turn_to[turns.clone()].iter().zip(&ends.turn_ms[turns.clone()]);
        for ((to, delay), arc) in list.zip(&plan.turn_arc[turns]) {
            let cost = into[*to as usize];
            if *delay < INF_MS && cost & !FENCED < INF && *arc != NONE {
                let entered = cost & !into[from] & FENCED != 0;
                weights[*arc as usize][lane] =
                    (cost & !FENCED) + (u64::from(*delay) << 32) + if entered { entry } else { 0 };
            }
        }
    }
}
