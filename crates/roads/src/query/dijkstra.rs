//! Plain Dijkstra (1959) on the state graph: the oracle of every faster search, and the re-derivation of matrix cells
//! by `check --roads`.

use super::weight::{INF, REACH, Weight};
use super::{Ends, Source, Target};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// A shortest path: its weight and states; the first state is one of the source's seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) weight: Weight,
    pub(crate) states: Vec<u32>,
}

/// Weights from a source to all states.
#[cfg(test)]
pub(crate) fn one_to_all(ends: &Ends<'_>, source: &Source) -> Vec<Weight> {
    let mut best = vec![INF; ends.graph.state_count()];
    let mut heap = BinaryHeap::new();
    for &(state, weight) in &source.seeds {
        if weight < best[state as usize] {
            best[state as usize] = weight;
            heap.push(Reverse((weight, state)));
        }
    }
    while let Some(Reverse((weight, state))) = heap.pop() {
        if weight > best[state as usize] {
            continue;
        }
        for turn in ends.graph.turns(state) {
            let next = weight + ends.turn(turn, state);
            let to = ends.graph.turn_to[turn];
            if next < best[to as usize] {
                best[to as usize] = next;
                heap.push(Reverse((next, to)));
            }
        }
    }
    best
}

/// The shortest path between two ends, the target's rest taken off; `None` where there is none.
pub(crate) fn shortest(ends: &Ends<'_>, source: &Source, target: &Target) -> Option<Path> {
    let excluded = ends.excluded(source, target);
    let direct = search(ends, source, target, &excluded);
    ends.round_trip(source, target)
        .iter()
        .filter_map(|trip| {
            let mut path = search(ends, &trip.source, &trip.target, &[])?;
            path.states.insert(0, trip.start);
            Some(path)
        })
        .chain(direct)
        .min_by_key(|p| p.weight)
}

fn search(ends: &Ends<'_>, source: &Source, target: &Target, excluded: &[u32]) -> Option<Path> {
    let mut best: HashMap<u32, (Weight, u32)> = HashMap::new();
    let mut heap = BinaryHeap::new();
    for &(state, weight) in &source.seeds {
        if best.get(&state).is_none_or(|b| weight < b.0) {
            best.insert(state, (weight, state));
            heap.push(Reverse((weight, state)));
        }
    }
    let mut answer: Option<(Weight, u32)> = None;
    while let Some(Reverse((weight, state))) = heap.pop() {
        if weight > best[&state].0 {
            continue;
        }
        // What a target takes off is at most its own arc, which the weight contains.
        if answer.is_some_and(|(a, _)| weight > a + longest_rest(target)) {
            break;
        }
        for (at, rest) in &target.states {
            if *at == state
                && !excluded.contains(at)
                && answer.is_none_or(|(a, _)| weight.saturating_sub(*rest) < a)
            {
                answer = Some((weight.saturating_sub(*rest), state));
            }
        }
        for turn in ends.graph.turns(state) {
            let next = weight + ends.turn(turn, state);
            let to = ends.graph.turn_to[turn];
            if next < INF && best.get(&to).is_none_or(|b| next < b.0) {
                best.insert(to, (next, state));
                heap.push(Reverse((next, to)));
            }
        }
    }
    let (weight, mut at) = answer.filter(|(w, _)| *w < REACH)?;
    let mut states = vec![at];
    while best[&at].1 != at {
        at = best[&at].1;
        states.push(at);
    }
    states.reverse();
    Some(Path { weight, states })
}

fn longest_rest(target: &Target) -> Weight {
    target.states.iter().map(|t| t.1).max().unwrap_or(0)
}
