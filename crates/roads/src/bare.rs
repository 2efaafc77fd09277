//! Graphs without a map: the roads as plain arcs for other programs, and published graphs as networks.
//!
//! A graph without coordinates is ordered on made-up places: hops from three far corners of the graph itself.

use crate::RoadsError;
use crate::contraction::Topology;
use crate::contraction::customize::{self, Plan};
use crate::contraction::perfect;
use crate::file::Column;
use crate::graph::{INF_MS, MetricInput, NONE, REACH_MS, RoadGraph};
use crate::limits::SEGMENTS_MAX;
use crate::network::{BandId, Network, ProfileId, SegmentId, ends_of};
use crate::order::Known;
use crate::profile::Profiles;
use crate::snap::{Side, Snap, SpatialIndex};
use xiangyun_model::geo::LonLat;

impl Network {
    /// The roads as arcs between vertices with their driving times, turns left out: from, to, milliseconds. For
    /// comparisons with programs that know no turns, and for drawing.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn plain_arcs(&self, profile: ProfileId, band: BandId) -> Result<Vec<(u32, u32, u32)>, RoadsError> {
        let live = self.live[self.metric(profile, band)?].load_full();
        let mut arcs = Vec::new();
        for (arc, ms) in live.arc_ms.iter().enumerate().filter(|(_, ms)| **ms < INF_MS) {
            let (a, b) = (self.graph.seg_from[arc >> 1], self.graph.seg_to[arc >> 1]);
            arcs.push(if arc & 1 == 0 { (a, b, *ms) } else { (b, a, *ms) });
        }
        Ok(arcs)
    }

    /// Places of the vertices that [`Network::plain_arcs`] speaks of.
    #[must_use]
    pub fn vertex_places(&self) -> Vec<LonLat> {
        self.graph.vertex.iter().map(|v| crate::osm::place_of(*v)).collect()
    }

    /// A network of plain arcs (from, to, milliseconds) between vertices numbered from 0, without turns and places: for
    /// measurements on published graphs. Vertices are asked about by [`Network::arc_end`].
    ///
    /// # Errors
    /// [`RoadsError::NoRoads`] without an arc, [`RoadsError::TooMuch`], [`RoadsError::BadRequest`] for an arc to a
    /// vertex that does not exist or of more than three days.
    #[allow(clippy::cast_possible_truncation)] // vertices fit u32
    pub fn from_arcs(vertices: u32, arcs: &[(u32, u32, u32)]) -> Result<Self, RoadsError> {
        let count = vertices as usize;
        let size = count.max(arcs.len());
        if size > SEGMENTS_MAX {
            let max = SEGMENTS_MAX as u64;
            return Err(RoadsError::TooMuch { what: "arcs of a graph", found: size as u64, max });
        }
        if let Some((from, to, ms)) =
            arcs.iter().find(|(a, b, ms)| *a >= vertices || *b >= vertices || *ms >= REACH_MS)
        {
            return Err(RoadsError::BadRequest { what: format!("an arc {from} to {to} of {ms} ms") });
        }
        let mut sorted: Vec<(u32, u32, u32)> = arcs.iter().copied().filter(|(a, b, _)| a != b).collect();
        sorted.sort_unstable();
        sorted.dedup_by_key(|(a, b, _)| (*a, *b));
        if sorted.is_empty() {
            return Err(RoadsError::NoRoads);
        }
        let order = vertex_order(count, &sorted);
        let mut rank = vec![0u32; count];
        order.iter().enumerate().for_each(|(r, v)| rank[*v as usize] = r as u32);
        let mut turns: Vec<(u32, u32, u32)> =
            sorted.iter().map(|(a, b, ms)| (rank[*a as usize], rank[*b as usize], *ms)).collect();
        turns.sort_unstable();
        let mut turn_first = vec![0u32; count + 1];
        turns.iter().for_each(|(a, ..)| turn_first[*a as usize + 1] += 1);
        for v in 1..turn_first.len() {
            turn_first[v] += turn_first[v - 1];
        }
        // Every vertex is the end of an arc of no length, two to a road.
        let segments = count.div_ceil(2);
        let mut arc_state = rank;
        arc_state.resize(segments * 2, NONE);
        let arc_ms: Column<u32> = vec![0; segments * 2].into();
        let turn_ms: Vec<u32> = turns.iter().map(|t| t.2).collect();
        let seg_shape: Vec<u32> = (0..=segments as u32).map(|s| s * 2).collect();
        let shape = vec![[0i32; 2]; segments * 2];
        let zeros = || -> Column<u32> { vec![0; segments].into() };
        let graph = RoadGraph {
            index: SpatialIndex::build(&seg_shape, &shape),
            vertex: vec![[0; 2]].into(),
            seg_from: zeros(),
            seg_to: zeros(),
            seg_shape: seg_shape.into(),
            shape: shape.into(),
            seg_mm: zeros(),
            seg_way: zeros(),
            way_osm: vec![0].into(),
            way_name: vec![0].into(),
            way_ref: vec![0].into(),
            way_flags: vec![crate::osm::RoadClass::Road as u32].into(),
            string_first: vec![0, 0].into(),
            strings: Vec::new().into(),
            arc_core: arc_state.iter().map(|s| u32::from(*s != NONE)).collect::<Vec<_>>().into(),
            arc_state: arc_state.into(),
            state_arc: order.into(),
            copies: Vec::new().into(),
            turn_first: turn_first.into(),
            turn_to: turns.iter().map(|t| t.1).collect::<Vec<_>>().into(),
            metrics: vec![MetricInput {
                arc_ms,
                turn_ms: turn_ms.into(),
                restricted: vec![0; segments * 2].into(),
            }],
        };
        let mut profiles = Profiles::default();
        profiles.profiles.truncate(1);
        let topology = Topology::build(&graph.turn_first, &graph.turn_to);
        let ends = ends_of(&graph, &profiles, 0, &graph.metrics[0].arc_ms);
        let weights = customize::customize(&topology, &Plan::new(&topology), &ends);
        let needed = perfect::needed(&topology, &weights).into();
        Ok(Self::new(graph, profiles, topology, Known::default(), (vec![weights], vec![needed]), None))
    }

    /// A vertex of a network made by [`Network::from_arcs`], as a place to start from and to go to.
    #[must_use]
    pub fn arc_end(&self, vertex: u32) -> Snap {
        Snap {
            segment: SegmentId(vertex / 2),
            share: if vertex.is_multiple_of(2) { 1.0 } else { 0.0 },
            place: LonLat { lon: 0.0, lat: 0.0 },
            moved_m: 0.0,
            side: Side::Right,
            usable: [vertex.is_multiple_of(2), !vertex.is_multiple_of(2)],
            passed_over: false,
        }
    }
}

/// Vertices from the least to the most important.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn vertex_order(count: usize, arcs: &[(u32, u32, u32)]) -> Vec<u32> {
    let mut edges: Vec<(u32, u32)> = arcs.iter().map(|(a, b, _)| (*a.min(b), *a.max(b))).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut near: Vec<Vec<u32>> = vec![Vec::new(); count];
    for (a, b) in &edges {
        near[*a as usize].push(*b);
        near[*b as usize].push(*a);
    }
    crate::order::vertex_order(&places(&near), &edges)
}

/// Places made up from hops to three corners that lie far from one another, in each connected piece its own.
#[allow(clippy::cast_possible_truncation)] // vertices fit u32
fn places(near: &[Vec<u32>]) -> Vec<[i32; 2]> {
    const FAR: i32 = i32::MAX;
    let (mut place, mut known) = (vec![[0; 2]; near.len()], vec![false; near.len()]);
    let mut hops: [Vec<i32>; 4] = std::array::from_fn(|_| vec![FAR; near.len()]);
    // Hops from a vertex, and all vertices of its piece, the farthest last.
    let search = |from: u32, hops: &mut [i32]| -> Vec<u32> {
        let mut piece = vec![from];
        hops[from as usize] = 0;
        let mut head = 0;
        while let Some(v) = piece.get(head).copied() {
            head += 1;
            for &w in &near[v as usize] {
                if hops[w as usize] == FAR {
                    hops[w as usize] = hops[v as usize] + 1;
                    piece.push(w);
                }
            }
        }
        piece
    };
    for start in 0..near.len() as u32 {
        if known[start as usize] {
            continue;
        }
        let [any, a, b, c] = &mut hops;
        let piece = search(start, any);
        let piece = search(piece[piece.len() - 1], a);
        search(piece[piece.len() - 1], b);
        let corner = piece.iter().max_by_key(|v| a[**v as usize].min(b[**v as usize]));
        search(corner.copied().unwrap_or(start), c);
        for v in piece.iter().map(|v| *v as usize) {
            place[v] = [(a[v] - b[v]) * 1_000, (2 * c[v] - a[v] - b[v]) * 1_000];
            known[v] = true;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_without_places_is_routed_exactly() {
        let size = 12u32;
        let mut arcs = Vec::new();
        for v in 0..size * size {
            for w in [(v % size + 1 < size).then(|| v + 1), (v / size + 1 < size).then(|| v + size)] {
                let Some(w) = w else { continue };
                arcs.push((v, w, 100 + v % 7 * 13));
                // One in five is a one-way.
                if v % 5 != 0 {
                    arcs.push((w, v, 90 + w % 11 * 9));
                }
            }
        }
        let net = Network::from_arcs(size * size, &arcs).expect("a graph");
        let ends: Vec<Snap> = (0..size * size).map(|v| net.arc_end(v)).collect();
        let table = net.durations_ms(ProfileId(0), BandId(0), &ends, &ends, 1).expect("a table");
        // Bellman and Ford, from every vertex.
        for s in (0..size * size).step_by(17) {
            let mut best = vec![u32::MAX; (size * size) as usize];
            best[s as usize] = 0;
            for _ in 0..size * size {
                for (a, b, ms) in &arcs {
                    best[*b as usize] = best[*b as usize].min(best[*a as usize].saturating_add(*ms));
                }
            }
            for t in 0..size * size {
                let path = net.path(ProfileId(0), BandId(0), &ends[s as usize], &ends[t as usize]);
                assert_eq!(table[(s * size * size + t) as usize], best[t as usize], "{s} to {t}");
                assert_eq!(path.expect("known ids").map_or(u32::MAX, |p| p.ms), best[t as usize]);
            }
        }
        assert_eq!(Network::from_arcs(2, &[(0, 2, 1)]).map(|_| ()).expect_err("no vertex 2").code(), "R018");
        assert_eq!(Network::from_arcs(2, &[]).map(|_| ()).expect_err("no arc").code(), "R005");
    }
}
