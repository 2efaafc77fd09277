//! Perfect customization (Dibbelt, Strasser and Wagner, JEA 2016): which arcs are a shortest way between their ends. No
//! shortest way needs the others, so tables may leave them out, and do until a road changes.
//!
//! States are visited from the highest down, so that all detours over higher states are known when an arc is looked
//! at. That costs several full customizations; it is done once, when a network is prepared.

use super::topology::Half;
use super::{Topology, Weights};
use crate::query::weight::{INF, Weight};

/// One bit an arc (the upward ones, then the downward ones) that some shortest way may need.
pub(crate) fn needed(topology: &Topology, weights: &Weights) -> Vec<u64> {
    let (up, down) = weights.halves();
    let (mut up, mut down) = (up.to_vec(), down.to_vec());
    let mut own = Vec::new();
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    for x in (0..topology.parent.len() as u32).rev() {
        shorten(x, (&topology.up, &mut up), (&topology.down, &down), &mut own);
        shorten(x, (&topology.down, &mut down), (&topology.up, &up), &mut own);
    }
    let mut bits = vec![0u64; topology.arc_count().div_ceil(64)];
    for (arc, (least, weight)) in up.iter().chain(&down).zip(&weights.all[..]).enumerate() {
        if least == weight && *weight < INF {
            bits[arc / 64] |= 1 << (arc % 64);
        }
    }
    bits
}

/// Shortens the arcs of a state in one half by ways over a higher state that end on another of them.
fn shorten(
    x: u32,
    (same, same_weights): (&Half, &mut [Weight]),
    (other, other_weights): (&Half, &[Weight]),
    own: &mut Vec<(u32, Weight)>,
) {
    let range = same.arcs(x);
    own.clear();
    own.extend(same.other[range.clone()].iter().copied().zip(same_weights[range.clone()].iter().copied()));
    for i in 0..own.len() {
        let ((state, mut weight), beyond) = (own[i], i + 1);
        if beyond == own.len() {
            break;
        }
        let list = same.arcs(state);
        shared(&mut own[beyond..], &same.other[list.clone()], &same_weights[list], |far, arc| {
            *far = (*far).min(weight + arc);
        });
        let list = other.arcs(state);
        shared(&mut own[beyond..], &other.other[list.clone()], &other_weights[list], |far, arc| {
            weight = weight.min(*far + arc);
        });
        own[i].1 = weight;
    }
    for (slot, (_, weight)) in same_weights[range].iter_mut().zip(own.iter()) {
        *slot = *weight;
    }
}

/// The states that both lists have, with what each holds of them.
#[inline]
fn shared(
    own: &mut [(u32, Weight)],
    states: &[u32],
    weights: &[Weight],
    mut found: impl FnMut(&mut Weight, Weight),
) {
    let mut at = 0;
    for (state, weight) in states.iter().zip(weights) {
        while at < own.len() && own[at].0 < *state {
            at += 1;
        }
        match own.get_mut(at) {
            Some((mine, value)) if mine == state => found(value, *weight),
            Some(_) => {}
            None => break,
        }
    }
}
