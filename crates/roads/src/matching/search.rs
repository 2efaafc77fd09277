//! One search for all candidates of a step.
//!
//! The cost of going from a candidate to the next step's candidates is linear in the way driven, so the best
//! predecessor of every next candidate comes from a single Dijkstra search seeded with all present candidates at
//! their costs so far, instead of one search a candidate. Labels belong to the entry of an arc, so that positions
//! within arcs are exact.

use crate::graph::{NONE, RoadGraph};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Costs are millimetres of driving on a road of middling speed.
pub(super) type Cost = u32;
/// No way.
pub(super) const FAR: Cost = u32::MAX;

/// What driving costs a matcher: by arc, and by turn.
pub(super) struct Costs {
    pub(super) arc: Vec<Cost>,
    pub(super) turn: Vec<Cost>,
}

/// A place on an arc, as a share of the arc's length in driving direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnArc {
    pub(super) arc: u32,
    pub(super) share: f64,
}

/// A candidate to start from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    pub(super) on: OnArc,
    pub(super) cost: Cost,
    /// The candidate it stands for.
    pub(super) number: u32,
}

/// How a target was reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrival {
    pub(super) cost: Cost,
    /// Number of the seed, and whether the seed turned round first.
    pub(super) seed: u32,
    pub(super) round: bool,
    /// State by which the target's arc was entered; [`NONE`] when seed and target share an arc.
    pub(super) entered: u32,
}

const NOWHERE: Arrival = Arrival { cost: FAR, seed: NONE, round: false, entered: NONE };

/// Labels of a search; kept between searches, cleared by stamping.
#[derive(Default)]
pub(super) struct Scratch {
    stamp: u32,
    stamps: Vec<u32>,
    label: Vec<Cost>,
    /// Previous state, or the index of the seed with the top bit set.
    parent: Vec<u32>,
    target_stamps: Vec<u32>,
    heap: BinaryHeap<Reverse<(Cost, u32)>>,
}

const SEED: u32 = 1 << 31;

/// Limits and prices of one step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Search no farther than this, before any target is reached.
    pub(super) reach: Cost,
    /// And no farther than this beyond the first target.
    pub(super) margin: Cost,
    /// Price of turning round in the road.
    pub(super) round: Cost,
}

impl Scratch {
    fn fit(&mut self, graph: &RoadGraph) {
        let (states, arcs) = (graph.state_count(), graph.segment_count() * 2);
        if self.stamps.len() != states || self.target_stamps.len() != arcs {
            *self = Self {
                stamps: vec![0; states],
                label: vec![0; states],
                parent: vec![0; states],
                target_stamps: vec![0; arcs],
                ..Self::default()
            };
        }
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            self.stamps.fill(0);
            self.target_stamps.fill(0);
            self.stamp = 1;
        }
        self.heap.clear();
    }

    fn relax(&mut self, state: u32, cost: Cost, parent: u32) {
        let s = state as usize;
        if self.stamps[s] != self.stamp || cost < self.label[s] {
            self.stamps[s] = self.stamp;
            self.label[s] = cost;
            self.parent[s] = parent;
            self.heap.push(Reverse((cost, state)));
        }
    }

    /// Best arrivals at the targets, in their order; unreached ones cost [`FAR`].
    pub(super) fn run(
        &mut self,
        graph: &RoadGraph,
        costs: &Costs,
        seeds: &[Seed],
        targets: &[OnArc],
        bounds: &Bounds,
        out: &mut Vec<Arrival>,
    ) {
        self.fit(graph);
        out.clear();
        out.resize(targets.len(), NOWHERE);
        for target in targets {
            self.target_stamps[target.arc as usize] = self.stamp;
        }
        let mut limit = seeds.iter().map(|s| s.cost).min().unwrap_or(0).saturating_add(bounds.reach);
        for (i, seed) in seeds.iter().enumerate() {
            for round in [false, true] {
                let on =
                    if round { OnArc { arc: seed.on.arc ^ 1, share: 1.0 - seed.on.share } } else { seed.on };
                if round && graph.arc_state[on.arc as usize] == NONE {
                    continue;
                }
                let start = seed.cost.saturating_add(if round { bounds.round } else { 0 });
                self.seed(graph, costs, on, start, SEED | (i as u32) << 1 | u32::from(round));
                for (target, best) in targets.iter().zip(out.iter_mut()) {
                    if target.arc == on.arc {
                        let cost = start.saturating_add(along_arc(
                            costs.arc[on.arc as usize],
                            on.share,
                            target.share,
                        ));
                        if cost < best.cost {
                            *best = Arrival { cost, seed: i as u32, round, entered: NONE };
                        }
                    }
                }
            }
        }
        limit = out
            .iter()
            .fold(limit, |l, a| if a.cost == FAR { l } else { l.min(a.cost.saturating_add(bounds.margin)) });
        while let Some(Reverse((cost, state))) = self.heap.pop() {
            if cost > limit {
                break;
            }
            if cost > self.label[state as usize] {
                continue;
            }
            let arc = graph.state_arc[state as usize];
            let full = costs.arc[arc as usize];
            if self.target_stamps[arc as usize] == self.stamp {
                for (target, best) in targets.iter().zip(out.iter_mut()).filter(|(t, _)| t.arc == arc) {
                    let there = cost.saturating_add((f64::from(full) * target.share) as Cost);
                    if there < best.cost {
                        *best = Arrival { cost: there, seed: NONE, round: false, entered: state };
                        limit = limit.min(there.saturating_add(bounds.margin));
                    }
                }
            }
            let end = cost.saturating_add(full);
            for turn in graph.turns(state) {
                let next = end.saturating_add(costs.turn[turn]);
                if next <= limit {
                    self.relax(graph.turn_to[turn], next, state);
                }
            }
        }
        for arrival in out.iter_mut().filter(|a| a.entered != NONE) {
            let mut at = arrival.entered;
            while self.parent[at as usize] & SEED == 0 {
                at = self.parent[at as usize];
            }
            let seed = self.parent[at as usize] & !SEED;
            (arrival.seed, arrival.round) = (seed >> 1, seed & 1 == 1);
        }
    }

    fn seed(&mut self, graph: &RoadGraph, costs: &Costs, on: OnArc, start: Cost, mark: u32) {
        let rest = (f64::from(costs.arc[on.arc as usize]) * (1.0 - on.share)) as Cost;
        let end = start.saturating_add(rest);
        let plain = graph.arc_state[on.arc as usize];
        if plain == NONE {
            return;
        }
        for turn in graph.turns(plain) {
            self.relax(graph.turn_to[turn], end.saturating_add(costs.turn[turn]), mark);
        }
    }

    /// Arcs entered on the way to an arrival of the last run, in order, the target's own arc last.
    pub(super) fn way(&self, graph: &RoadGraph, arrival: &Arrival, into: &mut Vec<u32>) {
        let first = into.len();
        let mut at = arrival.entered;
        while at != NONE && at & SEED == 0 {
            into.push(graph.state_arc[at as usize]);
            at = self.parent[at as usize];
        }
        into[first..].reverse();
    }
}

/// Cost between two places on one arc. Going back costs double: it is noise, not driving.
fn along_arc(arc: Cost, from: f64, to: f64) -> Cost {
    let share = if to >= from { to - from } else { 2.0 * (from - to) };
    (f64::from(arc) * share) as Cost
}
