//! Whether the tables of a prepared file can be used: every index within what it points into, every list in order,
//! every weight within what sums allow. Opening a file only checks its header and the lengths of its tables; this is
//! for `roads info --verify`, after the checksums.

use crate::contraction::topology::{Half, Topology};
use crate::graph::{INF_MS, NONE, RoadGraph};
use crate::query::weight::INF;

type Check = Result<(), &'static str>;

fn need(sound: bool, what: &'static str) -> Check {
    if sound { Ok(()) } else { Err(what) }
}

fn below(list: &[u32], count: usize) -> bool {
    list.iter().all(|i| (*i as usize) < count)
}

/// Starts of ranges: from 0, never falling.
fn starts(list: &[u32]) -> bool {
    list.first() == Some(&0) && list.windows(2).all(|w| w[0] <= w[1])
}

/// Checks the road graph.
pub(crate) fn graph(g: &RoadGraph) -> Check {
    let (segments, states) = (g.segment_count(), g.state_count());
    let strings = g.string_first.len().saturating_sub(1);
    need(below(&g.seg_from, g.vertex.len()) && below(&g.seg_to, g.vertex.len()), "ends of segments")?;
    need(below(&g.seg_way, g.way_osm.len()), "ways of segments")?;
    need(starts(&g.seg_shape) && g.seg_shape.windows(2).all(|w| w[1] - w[0] >= 2), "shapes of segments")?;
    need(starts(&g.string_first), "strings")?;
    need(below(&g.way_name, strings) && below(&g.way_ref, strings), "names of ways")?;
    need(below(&g.state_arc, segments * 2), "arcs of states")?;
    let owns = |(arc, state): (usize, &u32)| {
        *state == NONE || g.state_arc.get(*state as usize).is_some_and(|a| *a as usize == arc)
    };
    need(g.arc_state.iter().enumerate().all(owns), "states of arcs")?;
    need(
        g.arc_core.iter().zip(g.arc_state.iter()).all(|(c, s)| *c == 0 || *s != NONE),
        "core of the network",
    )?;
    need(g.copies.is_sorted(), "copies of states")?;
    let copies = g.copies.iter().all(|[arc, state]| g.state_arc.get(*state as usize) == Some(arc));
    need(copies, "copies of states")?;
    need(starts(&g.turn_first) && below(&g.turn_to, states), "turns")?;
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    let sorted = (0..states as u32).all(|s| g.turn_to[g.turns(s)].is_sorted());
    need(sorted, "order of turns")?;
    let times = |list: &[u32]| list.iter().all(|ms| *ms <= INF_MS);
    need(g.metrics.iter().all(|m| times(&m.arc_ms) && times(&m.turn_ms)), "driving times")?;
    need(g.index.sound(segments), "spatial index")
}

/// Checks the hierarchy over a sound graph.
pub(crate) fn topology(t: &Topology, g: &RoadGraph) -> Check {
    half(&t.up, g, true)?;
    half(&t.down, g, false)?;
    let parent = &t.parent[..];
    let count = parent.len();
    let rises = |(v, p): (usize, &u32)| *p == NONE || (*p as usize > v && (*p as usize) < count);
    need(parent.iter().enumerate().all(rises), "parents of states")?;
    // Places in a walk of the tree, parents before children, so that "is an ancestor" is two comparisons.
    let mut size = vec![1u32; count];
    for v in 0..count {
        if parent[v] != NONE {
            size[parent[v] as usize] += size[v];
        }
    }
    let (mut place, mut free, mut next_root) = (vec![0u32; count], vec![0u32; count], 0);
    for v in (0..count).rev() {
        let slot = if parent[v] == NONE { &mut next_root } else { &mut free[parent[v] as usize] };
        place[v] = *slot;
        *slot += size[v];
        free[v] = place[v] + 1;
    }
    let above =
        |w: u32, v: usize| (place[w as usize]..place[w as usize] + size[w as usize]).contains(&place[v]);
    for h in [&t.up, &t.down] {
        for v in 0..count {
            let list = &h.other[h.first[v] as usize..h.first[v + 1] as usize];
            need(list.iter().all(|w| above(*w, v)), "ancestors of states")?;
        }
    }
    Ok(())
}

#[allow(clippy::cast_possible_truncation)] // states and arcs fit u32
fn half(h: &Half, g: &RoadGraph, rises: bool) -> Check {
    let states = g.state_count();
    need(starts(&h.first) && starts(&h.low_first) && below(&h.other, states), "arcs of the hierarchy")?;
    let mut turns = 0;
    for (before, has) in h.turns.before.iter().zip(&h.turns.has[..]) {
        need(*before == turns, "turns of the hierarchy")?;
        turns += has.count_ones();
    }
    need(h.turns.iter().all(|(arc, _)| arc < h.other.len()), "turns of the hierarchy")?;
    for v in 0..states as u32 {
        let list = &h.other[h.arcs(v)];
        need(list.first().is_none_or(|w| *w > v), "order of the hierarchy")?;
        need(list.windows(2).all(|w| w[0] < w[1]), "order of the hierarchy")?;
        for arc in h.arcs(v) {
            if let Some(turn) = h.turns.of(arc) {
                let (from, to) = if rises { (v, h.other[arc]) } else { (h.other[arc], v) };
                let fits = g.turns(from).contains(&(turn as usize)) && g.turn_to[turn as usize] == to;
                need(fits, "turns of the hierarchy")?;
            }
        }
        let low = h.below(v);
        need(low.windows(2).all(|w| w[0][0] < w[1][0]), "lower arcs of the hierarchy")?;
        for [u, arc] in low {
            let fits = (*u as usize) < states && h.arcs(*u).contains(&(*arc as usize));
            need(fits && h.other[*arc as usize] == v, "lower arcs of the hierarchy")?;
        }
    }
    Ok(())
}

/// Checks the weights of a metric.
pub(crate) fn weights(list: &[u64]) -> Check {
    need(list.iter().all(|w| *w <= INF), "weights of the hierarchy")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_rise_from_nothing() {
        assert!(starts(&[0, 0, 3]) && !starts(&[1, 3]) && !starts(&[0, 3, 2]) && !starts(&[]));
        assert!(below(&[0, 1], 2) && !below(&[2], 2));
    }
}
