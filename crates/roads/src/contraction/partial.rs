//! Partial customization: after some turns changed, only the arcs that they reach are derived again, bottom up.
//!
//! An arc is derived from its own turn and its lower triangles. If its weight changes, the arcs above it that leaned on
//! it, or would now, follow. The result is the same as that of a full customization.

use super::Topology;
use crate::query::Ends;
use crate::query::weight::{INF, Weight};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A hierarchy arc waiting to be derived again: lower state, higher state, upward.
type Waiting = Reverse<(u32, u32, bool)>;

/// Derives again what the given turns (from state, to state) reach; returns how many arcs changed.
pub(crate) fn update(
    topology: &Topology,
    ends: &Ends<'_>,
    up: &mut [Weight],
    down: &mut [Weight],
    turns: impl Iterator<Item = (u32, u32)>,
) -> usize {
    let mut queue: BinaryHeap<Waiting> = turns
        .filter(|(from, to)| from != to)
        .map(|(from, to)| Reverse((from.min(to), from.max(to), from < to)))
        .collect();
    let mut last = None;
    let mut changed = 0;
    while let Some(Reverse(key)) = queue.pop() {
        if last == Some(key) {
            continue;
        }
        last = Some(key);
        let (low, high, rises) = key;
        let half = if rises { &topology.up } else { &topology.down };
        let Some(arc) = half.find(low, high) else { continue };
        let (from, to) = if rises { (low, high) } else { (high, low) };
        let now = derive(topology, ends, up, down, from, to);
        let slot = if rises { &mut up[arc] } else { &mut down[arc] };
        let before = std::mem::replace(slot, now);
        if before == now {
            continue;
        }
        changed += 1;
        // Detours over `low`: what enters it from above and leaves it to above.
        if rises {
            for arc in topology.down.arcs(low) {
                let u = topology.down.other[arc];
                follow(topology, up, down, (u, high), down[arc], before, now, &mut queue);
            }
        } else {
            for arc in topology.up.arcs(low) {
                let w = topology.up.other[arc];
                follow(topology, up, down, (high, w), up[arc], before, now, &mut queue);
            }
        }
    }
    changed
}

/// Puts the arc that a changed detour serves into the queue, if it leaned on the detour or would now.
#[allow(clippy::too_many_arguments)] // the weights of one triangle, before and after
fn follow(
    topology: &Topology,
    up: &[Weight],
    down: &[Weight],
    (from, to): (u32, u32),
    other: Weight,
    before: Weight,
    now: Weight,
    queue: &mut BinaryHeap<Waiting>,
) {
    if from == to || other >= INF {
        return;
    }
    let rises = from < to;
    let (low, high) = (from.min(to), from.max(to));
    let half = if rises { &topology.up } else { &topology.down };
    let Some(arc) = half.find(low, high) else { return };
    let weight = if rises { up[arc] } else { down[arc] };
    let leaned = before < INF && other + before == weight;
    if leaned || other + now < weight {
        queue.push(Reverse((low, high, rises)));
    }
}

/// The weight of one arc from its own turn and its lower triangles.
fn derive(
    topology: &Topology,
    ends: &Ends<'_>,
    up: &[Weight],
    down: &[Weight],
    from: u32,
    to: u32,
) -> Weight {
    let turns = ends.graph.turns(from);
    let mut best = match ends.graph.turn_to[turns.clone()].binary_search(&to) {
        Ok(i) => ends.turn(turns.start + i, from),
        Err(_) => INF,
    };
    let (a, b) = (topology.down.below(from), topology.up.below(to));
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i][0], b[j][0]);
        if x == y {
            best = best.min(down[a[i][1] as usize] + up[b[j][1] as usize]);
        }
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    best
}
