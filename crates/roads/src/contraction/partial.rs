//! Partial customization: after some turns changed, only the arcs that they reach are derived again, bottom up.
//!
//! An arc that gets better through a better detour takes that detour's weight. One whose detour got worse is derived
//! from its own turn and its lower triangles, until one of them still gives its old weight. If an arc's weight
//! changes, the arcs above it that leaned on it, or would now, follow. The result is the same as that of a full
//! customization.

use super::Topology;
use super::memo::Memo;
use super::topology::Half;
use crate::graph::NONE;
use crate::query::Ends;
use crate::query::weight::{INF, Weight};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Says of an arc number that the arc leads down.
pub(crate) const FALLS: u32 = 1 << 31;
/// In place of a weight: derive the arc again.
const DERIVE: Weight = Weight::MAX;

/// An arc (its number with [`FALLS`]) and its weight; what it stands for may be another, even where the weight is not.
pub(crate) type Change = (u32, Weight);

/// Arcs that wait, lowest first: lower state above arc, and a weight that it may take or [`DERIVE`].
type Queue = BinaryHeap<Reverse<(u64, Weight)>>;

/// An arc whose turn changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    low: u32,
    high: u32,
    /// Its number with [`FALLS`].
    arc: u32,
}

/// The arcs of turns into a state.
pub(crate) fn arcs_into(topology: &Topology, state: u32) -> impl Iterator<Item = Touched> + '_ {
    let (up, down) = (&topology.up, &topology.down);
    let rising = up.below(state).iter().filter(|[_, arc]| up.turn[*arc as usize] != NONE);
    let falling = down.arcs(state).filter(|arc| down.turn[*arc] != NONE);
    #[allow(clippy::cast_possible_truncation)] // arcs fit 31 bits
    rising
        .map(move |[low, arc]| Touched { low: *low, high: state, arc: *arc })
        .chain(falling.map(move |arc| Touched { low: state, high: down.other[arc], arc: arc as u32 | FALLS }))
}

/// Derives again what the given arcs (their turns changed) reach; hands back all new weights.
pub(crate) fn update(
    topology: &Topology,
    ends: &Ends<'_>,
    weights: &mut [Weight],
    memo: &Memo,
    arcs: impl Iterator<Item = Touched>,
) -> Vec<Change> {
    let behind = topology.up.other.len();
    let mut changes = Vec::new();
    let (up, down) = weights.split_at_mut(topology.up.other.len());
    let mut queue = Queue::new();
    for Touched { low, high, arc } in arcs {
        let at = (arc & !FALLS) as usize;
        let (turn, present, from, to) = if arc & FALLS == 0 {
            (topology.up.turn[at], up[at], low, high)
        } else {
            (topology.down.turn[at], down[at], high, low)
        };
        memo.forget(if arc & FALLS == 0 { at } else { behind + at });
        changes.push((arc, present));
        let own = ends.turn_between(turn, from, to);
        queue.push(Reverse((key(low, arc), if own < present { own } else { DERIVE })));
    }
    let mut settled: Vec<Settled> = Vec::new();
    while let Some(Reverse((first, _))) = queue.peek() {
        // All arcs of one lower state get their weights before any detour over it is looked at: of two legs that
        // changed at once, neither may be taken with the other's old weight.
        #[allow(clippy::cast_possible_truncation)] // the halves of the key
        let low = (first >> 32) as u32;
        settled.clear();
        while let Some(Reverse((now_key, first))) = queue.peek().copied()
            && now_key >> 32 == u64::from(low)
        {
            queue.pop();
            let (mut offer, mut derive_it) = (INF, false);
            let mut take =
                |value: Weight| if value == DERIVE { derive_it = true } else { offer = value.min(offer) };
            take(first);
            while let Some(Reverse((next, value))) = queue.peek().copied()
                && next == now_key
            {
                queue.pop();
                take(value);
            }
            #[allow(clippy::cast_possible_truncation)] // the halves of the key
            let arc = now_key as u32;
            let rises = arc & FALLS == 0;
            let at = (arc & !FALLS) as usize;
            let high = if rises { topology.up.other[at] } else { topology.down.other[at] };
            let before = if rises { up[at] } else { down[at] };
            let now = if offer < before {
                offer
            } else if derive_it {
                derive(topology, ends, up, down, (low, high, rises, at), before)
            } else {
                before
            };
            if before != now {
                *(if rises { &mut up[at] } else { &mut down[at] }) = now;
                memo.forget(if rises { at } else { behind + at });
                changes.push((arc, now));
                settled.push(Settled { rises, at, high, before, now });
            }
        }
        let mut step = Step { topology, memo, queue: &mut queue, changes: &mut changes };
        // Detours over `low`: what enters it from above and leaves it to above.
        for leg in &settled {
            let half = if leg.rises { &topology.down } else { &topology.up };
            for arc in half.arcs(low) {
                let other = if leg.rises { down[arc] } else { up[arc] };
                let old = settled.iter().find(|s| s.rises != leg.rises && s.at == arc);
                let old = old.map_or(other, |s| s.before);
                if other < INF || old < INF {
                    let far = half.other[arc];
                    let (from, to) = if leg.rises { (far, leg.high) } else { (leg.high, far) };
                    step.follow((from, to), leg.before + old, leg.now + other, up, down);
                }
            }
        }
    }
    changes
}

/// An arc that changed.
#[derive(Clone, Copy)]
struct Settled {
    rises: bool,
    at: usize,
    high: u32,
    before: Weight,
    now: Weight,
}

/// Writes changes found on another set of weights.
pub(crate) fn replay(topology: &Topology, changes: &[Change], weights: &mut [Weight], memo: &Memo) {
    let behind = topology.up.other.len();
    let (up, down) = weights.split_at_mut(topology.up.other.len());
    for (arc, weight) in changes {
        let half = if arc & FALLS == 0 { &mut *up } else { &mut *down };
        let at = (arc & !FALLS) as usize;
        half[at] = *weight;
        memo.forget(if arc & FALLS == 0 { at } else { behind + at });
    }
}

fn key(low: u32, arc: u32) -> u64 {
    u64::from(low) << 32 | u64::from(arc)
}

/// What follows from changed detours.
struct Step<'a> {
    topology: &'a Topology,
    memo: &'a Memo,
    queue: &'a mut Queue,
    changes: &'a mut Vec<Change>,
}

impl Step<'_> {
    /// Puts the arc that a detour serves into the queue, if it leaned on the detour as it was or would on it as it is.
    #[inline]
    fn follow(&mut self, (from, to): (u32, u32), was: Weight, is: Weight, up: &[Weight], down: &[Weight]) {
        if from == to {
            return;
        }
        let rises = from < to;
        let (low, high) = (from.min(to), from.max(to));
        let (half, weights, bit): (&Half, _, _) =
            if rises { (&self.topology.up, up, 0) } else { (&self.topology.down, down, FALLS) };
        let Some(at) = half.find(low, high) else { return };
        let weight = weights[at];
        if was != weight && is > weight {
            return;
        }
        #[allow(clippy::cast_possible_truncation)] // arcs fit 31 bits
        let arc = at as u32 | bit;
        self.memo.forget(if rises { at } else { self.topology.up.other.len() + at });
        self.changes.push((arc, weight));
        if is < weight {
            self.queue.push(Reverse((key(low, arc), is)));
        } else if was == weight && was < is {
            self.queue.push(Reverse((key(low, arc), DERIVE)));
        }
    }
}

/// The weight of one arc from its own turn and its lower triangles. No weight below `floor` is possible: the first
/// that equals it ends the search.
fn derive(
    topology: &Topology,
    ends: &Ends<'_>,
    up: &[Weight],
    down: &[Weight],
    (low, high, rises, at): (u32, u32, bool, usize),
    floor: Weight,
) -> Weight {
    let (from, to) = if rises { (low, high) } else { (high, low) };
    let turn = if rises { topology.up.turn[at] } else { topology.down.turn[at] };
    let mut best = if turn == NONE { INF } else { ends.turn_between(turn, from, to) };
    // From the highest down: the likeliest to give the old weight.
    let (mut a, mut b) = (topology.down.below(from), topology.up.below(to));
    while let ([rest_a @ .., [x, falls]], [rest_b @ .., [y, rises]]) = (a, b) {
        if x == y {
            best = best.min(down[*falls as usize] + up[*rises as usize]);
            if best <= floor {
                break;
            }
        }
        if x >= y {
            a = rest_a;
        }
        if y >= x {
            b = rest_b;
        }
    }
    best
}
