//! The order in which states are contracted: nested dissection of the road graph by edge cuts.
//!
//! A cut of few roads splits the vertices in two halves; the states of the roads that cross it separate the states of
//! the halves, so they come last, and each half is ordered in the same way ("cut order": Buchhold, Wagner, Zeitz and
//! Zündorf, "Customizable contraction hierarchies with turn costs", ATMOS 2020). Cuts are found by inertial flow
//! (Schild and Sommer, "On balanced separators in road networks", SEA 2015).

mod flow;

use crate::file::Column;
use crate::graph::NONE;
use crate::graph::turns::TurnGraph;
use crate::osm::Imported;
use flow::bisect;

/// Parts with at least this many roads are ordered in parallel; the result does not depend on it.
const PARALLEL_EDGES: usize = 20_000;

/// A road between two vertices of a part, with its segment.
type Edge = (u32, u32, u32);

/// An order of segments with the hash of what it was made for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Hash of vertices, segments, and which of them carry states.
    pub(crate) hash: u64,
    /// Segments from the least to the most important.
    pub(crate) segments: Column<u32>,
}

/// The order of an imported map: taken over from an earlier build of the same topology, else found anew.
#[allow(clippy::cast_possible_truncation)] // segments fit u32
pub(crate) fn known(imported: &Imported, turns: &TurnGraph, previous: Option<&Known>) -> Known {
    let used =
        |s: u32| turns.arc_state[s as usize * 2] != NONE || turns.arc_state[s as usize * 2 + 1] != NONE;
    let edges: Vec<Edge> = imported
        .segments
        .iter()
        .enumerate()
        .filter(|(s, _)| used(*s as u32))
        .map(|(s, segment)| (segment.from, segment.to, s as u32))
        .collect();
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    hasher.update(bytemuck::cast_slice(&imported.vertices));
    for e in &edges {
        hasher.update(bytemuck::bytes_of(&[e.0, e.1, e.2]));
    }
    let hash = hasher.digest();
    if let Some(known) = previous
        && known.hash == hash
        && known.segments.len() == edges.len()
    {
        return known.clone();
    }
    Known { hash, segments: segment_order(&imported.vertices, edges).into() }
}

/// States from the least to the most important.
#[allow(clippy::cast_possible_truncation)] // states fit u32
pub(crate) fn state_order(known: &Known, turns: &TurnGraph) -> Vec<u32> {
    let mut copies: Vec<(u32, u32)> = turns
        .state_arc
        .iter()
        .enumerate()
        .filter(|(state, arc)| turns.arc_state[**arc as usize] as usize != *state)
        .map(|(state, arc)| (arc >> 1, state as u32))
        .collect();
    copies.sort_unstable();
    let mut order = Vec::with_capacity(turns.state_arc.len());
    for &segment in known.segments.iter() {
        for arc in [segment * 2, segment * 2 + 1] {
            let state = turns.arc_state[arc as usize];
            if state != NONE {
                order.push(state);
            }
        }
        let start = copies.partition_point(|c| c.0 < segment);
        order.extend(copies[start..].iter().take_while(|c| c.0 == segment).map(|c| c.1));
    }
    order
}

/// Segments of all edges, the least important first.
pub(crate) fn segment_order(place: &[[i32; 2]], edges: Vec<Edge>) -> Vec<u32> {
    let mut order = Vec::with_capacity(edges.len());
    let (loops, edges): (Vec<Edge>, Vec<Edge>) = edges.into_iter().partition(|e| e.0 == e.1);
    order.extend(loops.iter().map(|e| e.2));
    order.extend(dissect(Part::new(edges, |v| place[v as usize])));
    order
}

/// Some vertices with the roads among them, numbered from 0.
struct Part {
    place: Vec<[i32; 2]>,
    edges: Vec<Edge>,
}

impl Part {
    /// Numbers the vertices that the edges use, in ascending order.
    #[allow(clippy::cast_possible_truncation)] // vertices fit u32
    fn new(mut edges: Vec<Edge>, place: impl Fn(u32) -> [i32; 2]) -> Self {
        let mut used: Vec<u32> = edges.iter().flat_map(|e| [e.0, e.1]).collect();
        used.sort_unstable();
        used.dedup();
        let local = |v: u32| used.binary_search(&v).expect("every end was collected") as u32;
        for e in &mut edges {
            *e = (local(e.0), local(e.1), e.2);
        }
        Self { place: used.iter().map(|v| place(*v)).collect(), edges }
    }
}

/// Orders the segments of a part.
fn dissect(part: Part) -> Vec<u32> {
    if part.edges.len() <= 2 || part.place.len() <= 2 {
        return part.edges.iter().map(|e| e.2).collect();
    }
    let pieces = components(part);
    if pieces.len() > 1 {
        return pieces.into_iter().flat_map(dissect).collect();
    }
    let Some(part) = pieces.into_iter().next() else { return Vec::new() };
    if part.edges.len() <= 2 || part.place.len() <= 2 {
        return part.edges.iter().map(|e| e.2).collect();
    }
    let Part { place, edges } = part;
    let side = bisect(&place, &edges);
    let whole = edges.len();
    let (mut left, mut right, mut cut) = (Vec::new(), Vec::new(), Vec::new());
    for e in edges {
        match (side[e.0 as usize], side[e.1 as usize]) {
            (true, true) => left.push(e),
            (false, false) => right.push(e),
            _ => cut.push(e),
        }
    }
    let left = Part::new(left, |v| place[v as usize]);
    let right = Part::new(right, |v| place[v as usize]);
    let (mut order, rest) = if whole > PARALLEL_EDGES {
        rayon::join(|| dissect(left), || dissect(right))
    } else {
        (dissect(left), dissect(right))
    };
    order.extend(rest);
    // Roads that leave the first half and those that enter it differ in direction only: no order among them is
    // better for both directions.
    order.extend(cut.iter().map(|e| e.2));
    order
}

/// Connected parts.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn components(part: Part) -> Vec<Part> {
    let mut root: Vec<u32> = (0..part.place.len() as u32).collect();
    fn find(root: &mut [u32], mut v: u32) -> u32 {
        while root[v as usize] != v {
            root[v as usize] = root[root[v as usize] as usize];
            v = root[v as usize];
        }
        v
    }
    let mut count = part.place.len();
    for e in &part.edges {
        let (a, b) = (find(&mut root, e.0), find(&mut root, e.1));
        if a != b {
            root[a.max(b) as usize] = a.min(b);
            count -= 1;
        }
    }
    if count == 1 {
        return vec![part];
    }
    let mut piece_of = vec![u32::MAX; part.place.len()];
    let mut lists: Vec<Vec<Edge>> = Vec::new();
    for e in &part.edges {
        let r = find(&mut root, e.0) as usize;
        if piece_of[r] == u32::MAX {
            piece_of[r] = lists.len() as u32;
            lists.push(Vec::new());
        }
        lists[piece_of[r] as usize].push(*e);
    }
    lists.into_iter().map(|edges| Part::new(edges, |v| part.place[v as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_segment_stands_once_and_a_bridge_comes_last() {
        // Two ladders joined by one road.
        let (mut place, mut edges) = (Vec::new(), Vec::new());
        for half in 0..2 {
            let base = half * 20;
            for i in 0..10i32 {
                place.push([half as i32 * 1000 + i * 20, 0]);
                place.push([half as i32 * 1000 + i * 20, 20]);
                let v = base + i as u32 * 2;
                edges.push((v, v + 1));
                if i > 0 {
                    edges.push((v - 2, v));
                    edges.push((v - 1, v + 1));
                }
            }
        }
        edges.push((18, 20));
        let edges: Vec<Edge> = edges.iter().enumerate().map(|(i, e)| (e.0, e.1, i as u32)).collect();
        let bridge = edges.len() as u32 - 1;
        let order = segment_order(&place, edges.clone());
        assert_eq!(order[order.len() - 1], bridge);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..edges.len() as u32).collect::<Vec<_>>());
    }
}
