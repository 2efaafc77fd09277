//! From imported roads and profiles to the road graph.

use super::turns::{Arcs, Bend, Mask, TurnGraph, bend, drive_ms, turn_graph};
use super::{Column, INF_MS, MetricInput, RoadGraph, components, flag};
use crate::RoadsError;
use crate::order::{self, Known};
use crate::osm::{Imported, RoadClass, place_of};
use crate::profile::{NodeRule, Profiles, RoadRule};
use crate::snap::SpatialIndex;
use xiangyun_model::problem::{Problem, Problems};

/// Builds the graph with its states in the order of the hierarchy, and hands back what was found wrong.
pub(crate) fn build(
    mut imported: Imported,
    profiles: &Profiles,
    previous: Option<&Known>,
) -> Result<(RoadGraph, Known, Problems), RoadsError> {
    let mut problems = std::mem::take(&mut imported.problems);
    let metrics = profiles.metric_count();
    let pairs: Vec<(usize, usize)> =
        (0..profiles.profiles.len()).flat_map(|p| (0..profiles.bands.len()).map(move |b| (p, b))).collect();
    let roads: Vec<Vec<RoadRule>> = imported
        .tagsets
        .iter()
        .map(|tags| pairs.iter().map(|&(p, b)| profiles.road(p, b, tags)).collect())
        .collect();
    let nodes: Vec<Vec<NodeRule>> = imported
        .node_tags
        .iter()
        .map(|tags| pairs.iter().map(|&(p, b)| profiles.node(p, b, tags)).collect())
        .collect();
    let open = open_masks(&imported, &roads);
    let (out_first, out_arc) = outgoing(&imported, &open);
    let arcs = Arcs { imported: &imported, open: &open, out_first: &out_first, out_arc: &out_arc };
    let mut found = Vec::new();
    let turns = turn_graph(&arcs, profiles, &nodes, &mut found);
    for problem in found {
        problems.push(Problem { file: String::new(), ..problem });
    }
    if turns.state_arc.is_empty() {
        return Err(RoadsError::NoRoads);
    }
    let known = order::known(&imported, &turns, previous);
    let turns = renumber(&turns, &order::state_order(&known, &turns));
    let mut inputs = Vec::with_capacity(metrics);
    let bearings = bearings(&imported);
    let degree = degrees(&imported);
    for (m, &(p, _)) in pairs.iter().enumerate() {
        let profile = &profiles.profiles[p];
        let arc_ms = arc_times(&imported, &roads, m);
        let mut restricted = Vec::with_capacity(arc_ms.len());
        for segment in &imported.segments {
            let rule = &roads[imported.ways[segment.way as usize].tagset as usize][m];
            restricted.extend(rule.restricted.map(u8::from));
        }
        let delays =
            Delays { imported: &imported, nodes: &nodes, bearings: &bearings, degree: &degree, profile };
        let turn_ms = delays.of_metric(&turns, &arcs, m);
        inputs.push(MetricInput {
            arc_ms: arc_ms.into(),
            turn_ms: turn_ms.into(),
            restricted: restricted.into(),
        });
    }
    let arc_core = cores(&turns, &inputs, profiles, open.len());
    Ok((assemble(&imported, turns, inputs, arc_core), known, problems))
}

/// Metrics that may drive each arc.
fn open_masks(imported: &Imported, roads: &[Vec<RoadRule>]) -> Vec<Mask> {
    let mut open = Vec::with_capacity(imported.segments.len() * 2);
    for segment in &imported.segments {
        let rules = &roads[imported.ways[segment.way as usize].tagset as usize];
        for direction in 0..2 {
            open.push(
                rules.iter().enumerate().fold(0, |m, (i, r)| m | Mask::from(r.speed[direction] > 0) << i),
            );
        }
    }
    open
}

/// Outgoing arcs by vertex, in the order of their numbers.
#[allow(clippy::cast_possible_truncation)] // arcs fit u32
fn outgoing(imported: &Imported, open: &[Mask]) -> (Vec<u32>, Vec<u32>) {
    let mut first = vec![0u32; imported.vertices.len() + 1];
    let tail = |arc: usize| {
        let s = &imported.segments[arc >> 1];
        if arc & 1 == 0 { s.from } else { s.to }
    };
    for arc in 0..open.len() {
        first[tail(arc) as usize + 1] += u32::from(open[arc] != 0);
    }
    for v in 1..first.len() {
        first[v] += first[v - 1];
    }
    let mut next = first.clone();
    let mut out = vec![0u32; first[first.len() - 1] as usize];
    for (arc, mask) in open.iter().enumerate() {
        if *mask != 0 {
            let slot = &mut next[tail(arc) as usize];
            out[*slot as usize] = arc as u32;
            *slot += 1;
        }
    }
    (first, out)
}

/// Puts states into the order of the hierarchy; turns stay sorted by target.
#[allow(clippy::cast_possible_truncation)] // states and turns fit u32
fn renumber(turns: &TurnGraph, order: &[u32]) -> TurnGraph {
    let mut rank = vec![0u32; order.len()];
    for (r, &state) in order.iter().enumerate() {
        rank[state as usize] = r as u32;
    }
    let mut out = TurnGraph {
        state_arc: order.iter().map(|s| turns.state_arc[*s as usize]).collect(),
        arc_state: turns
            .arc_state
            .iter()
            .map(|s| if *s == super::NONE { *s } else { rank[*s as usize] })
            .collect(),
        first: Vec::with_capacity(turns.first.len()),
        to: Vec::with_capacity(turns.to.len()),
        mask: Vec::with_capacity(turns.to.len()),
    };
    out.first.push(0);
    let mut row = Vec::new();
    for &state in order {
        let s = state as usize;
        let range = turns.first[s] as usize..turns.first[s + 1] as usize;
        row.clear();
        row.extend(range.map(|t| (rank[turns.to[t] as usize], turns.mask[t])));
        row.sort_unstable();
        out.to.extend(row.iter().map(|r| r.0));
        out.mask.extend(row.iter().map(|r| r.1));
        out.first.push(out.to.len() as u32);
    }
    out
}

fn arc_times(imported: &Imported, roads: &[Vec<RoadRule>], metric: usize) -> Vec<u32> {
    // A ferry's posted duration is shared out over the way's segments by length.
    let mut way_mm = vec![0u64; 0];
    if imported.ways.iter().any(|w| w.duration_s.is_some()) {
        way_mm = vec![0; imported.ways.len()];
        for s in &imported.segments {
            way_mm[s.way as usize] += u64::from(s.length_mm);
        }
    }
    let mut times = Vec::with_capacity(imported.segments.len() * 2);
    for segment in &imported.segments {
        let way = &imported.ways[segment.way as usize];
        let rule = &roads[way.tagset as usize][metric];
        let ferry = imported.tagsets[way.tagset as usize].class == RoadClass::Ferry;
        for direction in 0..2 {
            let speed = rule.speed[direction];
            times.push(match way.duration_s {
                Some(s) if ferry && speed > 0 => {
                    let ms = u64::from(s) * 1000 * u64::from(segment.length_mm)
                        / way_mm[segment.way as usize].max(1);
                    #[allow(clippy::cast_possible_truncation)] // a duration is at most two days
                    let ms = ms.max(1) as u32;
                    ms
                }
                _ => drive_ms(segment.length_mm, speed),
            });
        }
    }
    times
}

/// Bearings in degrees at the start of each segment's shape and at its end, both along the shape.
fn bearings(imported: &Imported) -> Vec<[f32; 2]> {
    let bearing = |a: [i32; 2], b: [i32; 2]| {
        let (a, b) = (place_of(a), place_of(b));
        let x = (b.lon - a.lon) * ((a.lat + b.lat) / 2.0).to_radians().cos();
        #[allow(clippy::cast_possible_truncation)] // a bearing to a hundredth of a degree is enough
        let degrees = x.atan2(b.lat - a.lat).to_degrees() as f32;
        degrees
    };
    imported
        .segments
        .iter()
        .map(|s| {
            let shape = &imported.shape[s.shape.0 as usize..s.shape.1 as usize];
            let n = shape.len();
            [bearing(shape[0], shape[1]), bearing(shape[n - 2], shape[n - 1])]
        })
        .collect()
}

/// Segment ends by vertex.
fn degrees(imported: &Imported) -> Vec<u16> {
    let mut degree = vec![0u16; imported.vertices.len()];
    for s in &imported.segments {
        for v in [s.from, s.to] {
            degree[v as usize] = degree[v as usize].saturating_add(1);
        }
    }
    degree
}

/// What turns cost a profile.
struct Delays<'a> {
    imported: &'a Imported,
    nodes: &'a [Vec<NodeRule>],
    bearings: &'a [[f32; 2]],
    degree: &'a [u16],
    profile: &'a crate::profile::Profile,
}

impl Delays<'_> {
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    fn of_metric(&self, turns: &TurnGraph, arcs: &Arcs<'_>, metric: usize) -> Vec<u32> {
        let mut delays = Vec::with_capacity(turns.to.len());
        for state in 0..turns.state_arc.len() {
            let from = turns.state_arc[state];
            for t in turns.first[state] as usize..turns.first[state + 1] as usize {
                let to = turns.state_arc[turns.to[t] as usize];
                delays.push(if turns.mask[t] >> metric & 1 == 0 {
                    INF_MS
                } else {
                    self.one(from, to, arcs.head(from), metric)
                });
            }
        }
        delays
    }

    fn ferry(&self, arc: u32) -> bool {
        let segment = &self.imported.segments[(arc >> 1) as usize];
        let tagset = self.imported.ways[segment.way as usize].tagset;
        self.imported.tagsets[tagset as usize].class == RoadClass::Ferry
    }

    fn one(&self, from: u32, to: u32, vertex: u32, metric: usize) -> u32 {
        let p = self.profile;
        let mut ms = 0;
        let tag = self.imported.vertex_tags[vertex as usize];
        if tag != super::NONE {
            let rule = &self.nodes[tag as usize][metric];
            // A turn round in front of a barrier does not pass it.
            if from ^ 1 != to {
                ms += rule.delay_ms;
            }
            if rule.signals {
                ms += u32::from(p.signal_s) * 1000;
            }
        }
        if from ^ 1 == to {
            return ms + u32::from(p.u_turn_s) * 1000;
        }
        if self.ferry(to) && !self.ferry(from) {
            ms += u32::from(p.boarding_s) * 1000;
        }
        if self.degree[vertex as usize] >= 3 {
            let along = |arc: u32, end: usize| {
                let b = self.bearings[(arc >> 1) as usize];
                f64::from(if arc & 1 == 0 { b[end] } else { b[1 - end] + 180.0 })
            };
            ms += 1000
                * match bend(along(from, 1), along(to, 0)) {
                    Bend::Left => u32::from(p.left_s),
                    Bend::Right => u32::from(p.right_s),
                    Bend::Straight => 0,
                };
        }
        ms
    }
}

/// Bit by arc and profile: in the largest part that can be both reached and left, in any band.
fn cores(turns: &TurnGraph, inputs: &[MetricInput], profiles: &Profiles, arcs: usize) -> Vec<u32> {
    let mut core = vec![0u32; arcs];
    let bands = profiles.bands.len();
    for p in 0..profiles.profiles.len() {
        let metrics = &inputs[p * bands..(p + 1) * bands];
        let open = |t: usize| {
            let to = turns.to[t];
            let arc = turns.state_arc[to as usize] as usize;
            metrics.iter().any(|m| m.turn_ms[t] < INF_MS && m.arc_ms[arc] < INF_MS).then_some(to)
        };
        let range = |s: u32| turns.first[s as usize] as usize..turns.first[s as usize + 1] as usize;
        let component = components::components(turns.state_arc.len(), range, open);
        for (state, inside) in components::largest(&component).into_iter().enumerate() {
            // A copy alone in the core (its plain state is not) would be no place to start from.
            let arc = turns.state_arc[state];
            if inside && turns.arc_state[arc as usize] as usize == state {
                core[arc as usize] |= 1 << p;
            }
        }
    }
    core
}

#[allow(clippy::cast_possible_truncation)] // counts fit u32 by the importer's bounds
fn assemble(
    imported: &Imported,
    turns: TurnGraph,
    metrics: Vec<MetricInput>,
    arc_core: Vec<u32>,
) -> RoadGraph {
    let mut copies: Vec<[u32; 2]> = turns
        .state_arc
        .iter()
        .enumerate()
        .filter(|(s, arc)| turns.arc_state[**arc as usize] as usize != *s)
        .map(|(s, arc)| [*arc, s as u32])
        .collect();
    copies.sort_unstable();
    // Segments lie in the order of their shapes, except where one was left out for its length.
    let mut seg_shape: Vec<u32> = Vec::with_capacity(imported.segments.len() + 1);
    let mut shape: Vec<[i32; 2]> = Vec::with_capacity(imported.shape.len());
    seg_shape.push(0);
    for s in &imported.segments {
        shape.extend_from_slice(&imported.shape[s.shape.0 as usize..s.shape.1 as usize]);
        seg_shape.push(shape.len() as u32);
    }
    let way_flags = imported
        .ways
        .iter()
        .map(|w| {
            let tags = &imported.tagsets[w.tagset as usize];
            tags.class as u32
                | if tags.roundabout { flag::ROUNDABOUT } else { 0 }
                | if tags.bridge { flag::BRIDGE } else { 0 }
                | if tags.tunnel { flag::TUNNEL } else { 0 }
                | if tags.ford { flag::FORD } else { 0 }
                | if tags.toll { flag::TOLL } else { 0 }
        })
        .collect::<Vec<u32>>();
    let (mut string_first, mut strings) = (vec![0u32], Vec::new());
    for s in &imported.strings {
        strings.extend_from_slice(s.as_bytes());
        string_first.push(strings.len() as u32);
    }
    let seg_shape: Column<u32> = seg_shape.into();
    let shape: Column<[i32; 2]> = shape.into();
    let index = SpatialIndex::build(&seg_shape, &shape);
    let column = |f: fn(&crate::osm::RawSegment) -> u32| -> Column<u32> {
        imported.segments.iter().map(f).collect::<Vec<_>>().into()
    };
    RoadGraph {
        vertex: imported.vertices.clone().into(),
        seg_from: column(|s| s.from),
        seg_to: column(|s| s.to),
        seg_shape,
        shape,
        seg_mm: column(|s| s.length_mm),
        seg_way: column(|s| s.way),
        way_osm: imported.ways.iter().map(|w| w.osm_id).collect::<Vec<_>>().into(),
        way_name: imported.ways.iter().map(|w| w.name).collect::<Vec<_>>().into(),
        way_ref: imported.ways.iter().map(|w| w.reference).collect::<Vec<_>>().into(),
        way_flags: way_flags.into(),
        string_first: string_first.into(),
        strings: strings.into(),
        arc_state: turns.arc_state.into(),
        state_arc: turns.state_arc.into(),
        copies: copies.into(),
        turn_first: turns.first.into(),
        turn_to: turns.to.into(),
        arc_core: arc_core.into(),
        metrics,
        index,
    }
}
