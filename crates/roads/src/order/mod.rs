//! The order in which states are contracted: nested dissection of the road graph by edge cuts.
//!
//! A cut of few roads splits the vertices in two halves; the states of the roads that cross it separate the states of
//! the halves, so they come last, and each half is ordered in the same way ("cut order": Buchhold, Wagner, Zeitz and
//! Zündorf, "Customizable contraction hierarchies with turn costs", ATMOS 2020). Cuts are found by inertial flow
//! (Schild and Sommer, "On balanced separators in road networks", SEA 2015).
//!
//! Of the arcs that cross a cut, all of one direction come before all of the other. Whoever crosses it twice in the one
//! direction has crossed it in the other between: so the first have no arcs among themselves, and of `k` roads become
//! 3 `k`² arcs instead of 4 `k`², and half as many detours.

mod few;
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

/// An order of arcs with the hash of what it was made for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Hash of vertices, segments, and which of them carry states.
    pub(crate) hash: u64,
    /// Both arcs of these segments from the least to the most important.
    pub(crate) arcs: Column<u32>,
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
        && known.arcs.len() == edges.len() * 2
    {
        return known.clone();
    }
    Known { hash, arcs: arc_order(&imported.vertices, edges).into() }
}

/// States from the least to the most important.
#[allow(clippy::cast_possible_truncation)] // states fit u32
pub(crate) fn state_order(known: &Known, turns: &TurnGraph) -> Vec<u32> {
    let mut copies: Vec<(u32, u32)> = turns
        .state_arc
        .iter()
        .enumerate()
        .filter(|(state, arc)| turns.arc_state[**arc as usize] as usize != *state)
        .map(|(state, arc)| (*arc, state as u32))
        .collect();
    copies.sort_unstable();
    let mut order = Vec::with_capacity(turns.state_arc.len());
    for &arc in known.arcs.iter() {
        let state = turns.arc_state[arc as usize];
        if state != NONE {
            order.push(state);
        }
        let start = copies.partition_point(|c| c.0 < arc);
        order.extend(copies[start..].iter().take_while(|c| c.0 == arc).map(|c| c.1));
    }
    order
}

/// Both arcs of all edges, the least important first.
pub(crate) fn arc_order(place: &[[i32; 2]], edges: Vec<Edge>) -> Vec<u32> {
    let mut order = Vec::with_capacity(edges.len() * 2);
    let (loops, edges): (Vec<Edge>, Vec<Edge>) = edges.into_iter().partition(|e| e.0 == e.1);
    order.extend(loops.iter().flat_map(both));
    order.extend(dissect(Part::new(edges, &[], |v| place[v as usize])));
    order
}

/// Both arcs of an edge.
fn both(edge: &Edge) -> [u32; 2] {
    [edge.2 * 2, edge.2 * 2 + 1]
}

/// Vertices of a graph without turn rules, the least important first: of each cut one end of every edge separates the
/// halves.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
pub(crate) fn vertex_order(place: &[[i32; 2]], edges: &[(u32, u32)]) -> Vec<u32> {
    let ids: Vec<u32> = (0..place.len() as u32).collect();
    let edges = edges.iter().filter(|(a, b)| a != b).map(|(a, b)| (*a, *b, 0)).collect();
    dissect_vertices(ids, &Part { place: place.to_vec(), edges, outer: Vec::new() })
}

/// Orders the vertices of a part, whose own numbers are given.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn dissect_vertices(ids: Vec<u32>, part: &Part) -> Vec<u32> {
    if ids.len() <= 2 || part.edges.is_empty() {
        return ids;
    }
    let mut root = roots(part);
    let pieces = (0..ids.len() as u32).filter(|v| find(&mut root, *v) == *v).count();
    if pieces > 1 {
        let mut piece = vec![u32::MAX; ids.len()];
        let mut count = 0;
        for v in 0..ids.len() as u32 {
            let r = find(&mut root, v) as usize;
            if piece[r] == u32::MAX {
                piece[r] = count;
                count += 1;
            }
            piece[v as usize] = piece[r];
        }
        return take_apart(&ids, part, count, |v| piece[v as usize])
            .into_iter()
            .flat_map(|(ids, part)| dissect_vertices(ids, &part))
            .collect();
    }
    let side = bisect(&part.place, &part.edges);
    // The ends of the cut on the side where they are fewer.
    let mut ends = [vec![false; ids.len()], vec![false; ids.len()]];
    for (a, b, _) in part.edges.iter().filter(|e| side[e.0 as usize] != side[e.1 as usize]) {
        for v in [*a as usize, *b as usize] {
            ends[usize::from(side[v])][v] = true;
        }
    }
    let [left, right] = ends.each_ref().map(|list| list.iter().filter(|end| **end).count());
    let between = &ends[usize::from(right < left)];
    let piece = |v: u32| match between[v as usize] {
        true => u32::MAX,
        false => u32::from(side[v as usize]),
    };
    let mut halves = take_apart(&ids, part, 2, piece).into_iter();
    let separator = ids.iter().zip(between).filter(|(_, b)| **b).map(|(id, _)| *id);
    let (Some(a), Some(b)) = (halves.next(), halves.next()) else { return ids };
    let (mut order, rest) = if part.edges.len() > PARALLEL_EDGES {
        rayon::join(|| dissect_vertices(a.0, &a.1), || dissect_vertices(b.0, &b.1))
    } else {
        (dissect_vertices(a.0, &a.1), dissect_vertices(b.0, &b.1))
    };
    order.extend(rest);
    order.extend(separator);
    order
}

/// Pieces of a part with their vertices, by the number of the piece that each vertex belongs to; others are left out
/// with their edges, as edges between pieces are.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn take_apart(ids: &[u32], part: &Part, count: u32, piece: impl Fn(u32) -> u32) -> Vec<(Vec<u32>, Part)> {
    let mut pieces: Vec<(Vec<u32>, Part)> = (0..count).map(|_| Default::default()).collect();
    let mut local = vec![u32::MAX; ids.len()];
    for v in 0..ids.len() as u32 {
        if let Some((list, own)) = pieces.get_mut(piece(v) as usize) {
            local[v as usize] = list.len() as u32;
            list.push(ids[v as usize]);
            own.place.push(part.place[v as usize]);
        }
    }
    for (a, b, s) in &part.edges {
        if piece(*a) == piece(*b)
            && let Some((_, own)) = pieces.get_mut(piece(*a) as usize)
        {
            own.edges.push((local[*a as usize], local[*b as usize], *s));
        }
    }
    pieces
}

/// Some vertices with the roads among them, numbered from 0.
#[derive(Default)]
struct Part {
    place: Vec<[i32; 2]>,
    edges: Vec<Edge>,
    /// Vertices with roads that lead out of the part and are ordered above it.
    outer: Vec<(u32, u32)>,
}

impl Part {
    /// Numbers the vertices that the edges use, in ascending order.
    #[allow(clippy::cast_possible_truncation)] // vertices fit u32
    fn new(mut edges: Vec<Edge>, outer: &[(u32, u32)], place: impl Fn(u32) -> [i32; 2]) -> Self {
        let mut used: Vec<u32> = edges.iter().flat_map(|e| [e.0, e.1]).collect();
        used.sort_unstable();
        used.dedup();
        let local = |v: u32| used.binary_search(&v).expect("every end was collected") as u32;
        for e in &mut edges {
            *e = (local(e.0), local(e.1), e.2);
        }
        let known = |(v, s): &(u32, u32)| used.binary_search(v).ok().map(|v| (v as u32, *s));
        let outer = outer.iter().filter_map(known).collect();
        Self { place: used.iter().map(|v| place(*v)).collect(), edges, outer }
    }
}

/// Orders the arcs of a part.
fn dissect(part: Part) -> Vec<u32> {
    let few = |part: &Part| part.edges.len() <= 1 || part.place.len() <= 2;
    if few(&part) {
        return part.edges.iter().flat_map(both).collect();
    }
    let pieces = components(part);
    if pieces.len() > 1 {
        return pieces.into_iter().flat_map(dissect).collect();
    }
    let Some(part) = pieces.into_iter().next() else { return Vec::new() };
    if few(&part) {
        return part.edges.iter().flat_map(both).collect();
    }
    if let Some(order) = few::least_fill(&part) {
        return order;
    }
    let Part { place, edges, mut outer } = part;
    let side = bisect(&place, &edges);
    let whole = edges.len();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    // Arcs that cross the cut, by direction.
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for e in edges {
        match (side[e.0 as usize], side[e.1 as usize]) {
            (true, true) => left.push(e),
            (false, false) => right.push(e),
            (from_left, _) => {
                outer.extend([(e.0, e.2), (e.1, e.2)]);
                there.push(e.2 * 2 + u32::from(!from_left));
                back.push(e.2 * 2 + u32::from(from_left));
            }
        }
    }
    let left = Part::new(left, &outer, |v| place[v as usize]);
    let right = Part::new(right, &outer, |v| place[v as usize]);
    let (mut order, rest) = if whole > PARALLEL_EDGES {
        rayon::join(|| dissect(left), || dissect(right))
    } else {
        (dissect(left), dissect(right))
    };
    order.extend(rest);
    order.extend(there);
    order.extend(back);
    order
}

/// Vertices joined into trees, by the union of the edges' ends.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn roots(part: &Part) -> Vec<u32> {
    let mut root: Vec<u32> = (0..part.place.len() as u32).collect();
    for e in &part.edges {
        let (a, b) = (find(&mut root, e.0), find(&mut root, e.1));
        root[a.max(b) as usize] = a.min(b);
    }
    root
}

fn find(root: &mut [u32], mut v: u32) -> u32 {
    while root[v as usize] != v {
        root[v as usize] = root[root[v as usize] as usize];
        v = root[v as usize];
    }
    v
}

/// Connected parts.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn components(part: Part) -> Vec<Part> {
    let mut root = roots(&part);
    if (0..part.place.len() as u32).all(|v| find(&mut root, v) == 0) {
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
    lists.into_iter().map(|edges| Part::new(edges, &part.outer, |v| part.place[v as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_across_a_cut_come_by_direction() {
        // Two ladders joined by two roads, drawn in opposite directions.
        let (mut place, mut edges) = (Vec::new(), Vec::new());
        for half in 0..2u32 {
            for i in 0..12u32 {
                #[allow(clippy::cast_possible_wrap)] // small numbers
                place.extend([0, 20].map(|y| [(half * 1000 + i * 20) as i32, y]));
                let v = half * 24 + i * 2;
                edges.push((v, v + 1));
                if i > 0 {
                    edges.extend([(v - 2, v), (v - 1, v + 1)]);
                }
            }
        }
        edges.extend([(22, 24), (25, 23)]);
        #[allow(clippy::cast_possible_truncation)] // small numbers
        let edges: Vec<Edge> = edges.iter().enumerate().map(|(i, e)| (e.0, e.1, i as u32)).collect();
        let order = arc_order(&place, edges.clone());
        let leads_right = |arc: &u32| {
            let e = edges[*arc as usize / 2];
            if arc & 1 == 0 { e.0 < e.1 } else { e.0 > e.1 }
        };
        let last: Vec<bool> = order[order.len() - 4..].iter().map(leads_right).collect();
        assert!(last == [true, true, false, false] || last == [false, false, true, true], "{last:?}");
    }

    #[test]
    fn every_arc_stands_once_and_a_bridge_comes_last() {
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
        let order = arc_order(&place, edges.clone());
        let mut last = [order[order.len() - 2], order[order.len() - 1]];
        last.sort_unstable();
        assert_eq!(last, [bridge * 2, bridge * 2 + 1]);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..edges.len() as u32 * 2).collect::<Vec<_>>());
    }
}
