//! Putting a metric on the topology: every arc gets the least of its own turn and all detours over lower states.
//!
//! Left-looking, as sparse Cholesky factorisation: when state `x` is reached, all lower states `v` joined to it hand
//! over `x → v → w` and `u → v → x` for everything beyond `x`. Sums go into a dense row indexed by state, which stays
//! in the first cache because neighbours of `x` are its ancestors.

use super::{Topology, Weights};
use crate::graph::NONE;
use crate::query::Ends;
use crate::query::weight::{INF, Weight};

/// Weights of the input turns on hierarchy arcs, before any detour.
pub(crate) fn seed(topology: &Topology, ends: &Ends<'_>) -> (Vec<Weight>, Vec<Weight>) {
    let mut up = vec![INF; topology.up.other.len()];
    let mut down = vec![INF; topology.down.other.len()];
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    for v in 0..ends.graph.state_count() as u32 {
        // Turns are sorted by target, as are arcs: one walk for the upward ones.
        let arcs = topology.up.arcs(v);
        let mut at = arcs.start;
        for turn in ends.graph.turns(v) {
            let w = ends.graph.turn_to[turn];
            let weight = ends.turn(turn, v);
            if w > v {
                while at < arcs.end && topology.up.other[at] < w {
                    at += 1;
                }
                up[at] = up[at].min(weight);
            } else if w < v
                && let Some(arc) = topology.down.find(w, v)
            {
                down[arc] = down[arc].min(weight);
            }
        }
    }
    (up, down)
}

/// Full customization.
pub(crate) fn customize(topology: &Topology, ends: &Ends<'_>) -> Weights {
    let (mut up, mut down) = seed(topology, ends);
    relax(topology, &mut up, &mut down);
    Weights { up: up.into(), down: down.into() }
}

/// Detours over lower states, bottom up.
pub(crate) fn relax(topology: &Topology, up: &mut [Weight], down: &mut [Weight]) {
    let count = topology.parent.len();
    let (up_first, up_other) = (&topology.up.first[..], &topology.up.other[..]);
    let (down_first, down_other) = (&topology.down.first[..], &topology.down.other[..]);
    let mut waiting = vec![NONE; count];
    let mut link = vec![NONE; count];
    let mut at_up: Vec<u32> = up_first[..count].to_vec();
    let mut at_down: Vec<u32> = down_first[..count].to_vec();
    let mut row_up = vec![INF; count];
    let mut row_down = vec![INF; count];
    for x in 0..count {
        let ups = up_first[x] as usize..up_first[x + 1] as usize;
        let downs = down_first[x] as usize..down_first[x + 1] as usize;
        let mut v = waiting[x];
        if v != NONE {
            for (other, weight) in up_other[ups.clone()].iter().zip(&up[ups.clone()]) {
                row_up[*other as usize] = *weight;
            }
            for (other, weight) in down_other[downs.clone()].iter().zip(&down[downs.clone()]) {
                row_down[*other as usize] = *weight;
            }
        }
        while v != NONE {
            let vi = v as usize;
            let next = link[vi];
            let (mut here_up, mut here_down) = (at_up[vi] as usize, at_down[vi] as usize);
            let (end_up, end_down) = (up_first[vi + 1] as usize, down_first[vi + 1] as usize);
            #[allow(clippy::cast_possible_truncation)] // states fit u32
            let x32 = x as u32;
            let (mut to_x, mut from_x) = (INF, INF);
            if here_up < end_up && up_other[here_up] == x32 {
                to_x = up[here_up];
                here_up += 1;
            }
            if here_down < end_down && down_other[here_down] == x32 {
                from_x = down[here_down];
                here_down += 1;
            }
            if from_x < INF {
                hand_over(&up_other[here_up..end_up], &up[here_up..end_up], from_x, &mut row_up);
            }
            if to_x < INF {
                hand_over(&down_other[here_down..end_down], &down[here_down..end_down], to_x, &mut row_down);
            }
            #[allow(clippy::cast_possible_truncation)] // arcs fit u32
            {
                at_up[vi] = here_up as u32;
                at_down[vi] = here_down as u32;
            }
            enqueue(v, up_other, here_up, end_up, down_other, here_down, end_down, &mut waiting, &mut link);
            v = next;
        }
        if waiting[x] != NONE {
            for (other, weight) in up_other[ups.clone()].iter().zip(&mut up[ups.clone()]) {
                *weight = row_up[*other as usize];
            }
            for (other, weight) in down_other[downs.clone()].iter().zip(&mut down[downs.clone()]) {
                *weight = row_down[*other as usize];
            }
        }
        #[allow(clippy::cast_possible_truncation)] // states fit u32
        enqueue(
            x as u32,
            up_other,
            ups.start,
            ups.end,
            down_other,
            downs.start,
            downs.end,
            &mut waiting,
            &mut link,
        );
    }
}

/// Puts a state into the list of the next higher state that it is joined to.
#[inline(always)]
#[allow(clippy::too_many_arguments)] // two arrays with their ranges
fn enqueue(
    v: u32,
    up_other: &[u32],
    here_up: usize,
    end_up: usize,
    down_other: &[u32],
    here_down: usize,
    end_down: usize,
    waiting: &mut [u32],
    link: &mut [u32],
) {
    let a = if here_up < end_up { up_other[here_up] } else { NONE };
    let b = if here_down < end_down { down_other[here_down] } else { NONE };
    let w = a.min(b);
    if w != NONE {
        link[v as usize] = waiting[w as usize];
        waiting[w as usize] = v;
    }
}

/// `row[other] = min(row[other], by + weight)`.
#[inline(always)]
fn hand_over(other: &[u32], weight: &[Weight], by: Weight, row: &mut [Weight]) {
    for (o, w) in other.iter().zip(weight) {
        let sum = by + w;
        let slot = &mut row[*o as usize];
        if sum < *slot {
            *slot = sum;
        }
    }
}
