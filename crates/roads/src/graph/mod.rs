//! The road graph: vertices, segments with their shape, directed arcs, and the states and turns that routing runs
//! on.
//!
//! Segment `s` has two arcs: `2 s` along its shape and `2 s + 1` against it. A *state* is "about to have driven this
//! arc": routing goes from state to state by turns, and a turn's weight is its own delay plus the time of the arc it
//! leads into. So turn restrictions, delays and dead ends are exact. An arc that no profile may drive has no state;
//! restrictions through ways add copies of states ([`turns`]).

pub(crate) mod build;
pub(crate) mod components;
pub(crate) mod turns;

use crate::file::{Column, Store, Writer};
use crate::osm::RoadClass;
use crate::{RoadsError, snap::SpatialIndex};

/// No such state, vertex or slot.
pub(crate) const NONE: u32 = u32::MAX;
/// Time of what may not be driven, in milliseconds. Two of them still fit in 32 bits, so plain addition suffices.
pub(crate) const INF_MS: u32 = 1 << 30;
/// Times from here on count as unreachable: more than three days.
pub(crate) const REACH_MS: u32 = 1 << 28;

/// Bits of [`RoadGraph::way_flags`].
pub(crate) mod flag {
    pub(crate) const ROUNDABOUT: u32 = 1 << 8;
    pub(crate) const BRIDGE: u32 = 1 << 9;
    pub(crate) const TUNNEL: u32 = 1 << 10;
    pub(crate) const FORD: u32 = 1 << 11;
    pub(crate) const TOLL: u32 = 1 << 12;
}

/// What a metric says of arcs and turns before any hierarchy.
#[derive(Clone, Debug, Default)]
pub(crate) struct MetricInput {
    /// Driving time by arc in milliseconds, [`INF_MS`] where closed.
    pub(crate) arc_ms: Column<u32>,
    /// Delay by turn in milliseconds, [`INF_MS`] where forbidden.
    pub(crate) turn_ms: Column<u32>,
    /// 1 by arc where it may only be the first or last stretch.
    pub(crate) restricted: Column<u8>,
}

/// The graph; all arrays may lie in a mapped file.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoadGraph {
    /// Longitude, latitude in 10⁻⁷ degrees by vertex.
    pub(crate) vertex: Column<[i32; 2]>,
    pub(crate) seg_from: Column<u32>,
    pub(crate) seg_to: Column<u32>,
    /// First shape point by segment, and one more.
    pub(crate) seg_shape: Column<u32>,
    pub(crate) shape: Column<[i32; 2]>,
    pub(crate) seg_mm: Column<u32>,
    pub(crate) seg_way: Column<u32>,
    pub(crate) way_osm: Column<i64>,
    pub(crate) way_name: Column<u32>,
    pub(crate) way_ref: Column<u32>,
    /// Class in the low byte, then the bits of [`flag`].
    pub(crate) way_flags: Column<u32>,
    pub(crate) string_first: Column<u32>,
    pub(crate) strings: Column<u8>,
    /// State by arc, [`NONE`] where no profile may drive.
    pub(crate) arc_state: Column<u32>,
    pub(crate) state_arc: Column<u32>,
    /// Further states of an arc: pairs (arc, state), ascending.
    pub(crate) copies: Column<[u32; 2]>,
    /// First turn by state, and one more.
    pub(crate) turn_first: Column<u32>,
    pub(crate) turn_to: Column<u32>,
    /// Bit `p` by arc: the arc lies in the part of the network that profile `p` can both reach and leave.
    pub(crate) arc_core: Column<u32>,
    /// By profile and band.
    pub(crate) metrics: Vec<MetricInput>,
    pub(crate) index: SpatialIndex,
}

impl RoadGraph {
    pub(crate) fn segment_count(&self) -> usize {
        self.seg_mm.len()
    }

    pub(crate) fn state_count(&self) -> usize {
        self.state_arc.len()
    }

    /// Shape points of a segment, along it.
    pub(crate) fn shape_of(&self, segment: u32) -> &[[i32; 2]] {
        let s = segment as usize;
        &self.shape[self.seg_shape[s] as usize..self.seg_shape[s + 1] as usize]
    }

    #[cfg(test)]
    pub(crate) fn place(&self, vertex: u32) -> xiangyun_model::geo::LonLat {
        crate::osm::place_of(self.vertex[vertex as usize])
    }

    pub(crate) fn text(&self, string: u32) -> &str {
        let i = string as usize;
        let bytes = &self.strings[self.string_first[i] as usize..self.string_first[i + 1] as usize];
        std::str::from_utf8(bytes).unwrap_or("")
    }

    pub(crate) fn class(&self, segment: u32) -> RoadClass {
        let flags = self.way_flags[self.seg_way[segment as usize] as usize];
        RoadClass::from_number((flags & 0xFF) as u8).unwrap_or(RoadClass::Road)
    }

    /// States other than [`RoadGraph::arc_state`] that stand for an arc.
    pub(crate) fn copies_of(&self, arc: u32) -> impl Iterator<Item = u32> + '_ {
        let start = self.copies.partition_point(|c| c[0] < arc);
        self.copies[start..].iter().take_while(move |c| c[0] == arc).map(|c| c[1])
    }

    /// Turns out of a state as a range of turn numbers.
    pub(crate) fn turns(&self, state: u32) -> std::ops::Range<usize> {
        self.turn_first[state as usize] as usize..self.turn_first[state as usize + 1] as usize
    }

    /// Adds everything to a file being written.
    pub(crate) fn write<'a>(&'a self, w: &mut Writer<'a>, names: &'a MetricNames) {
        w.column("vertex", &self.vertex);
        w.column("seg_from", &self.seg_from);
        w.column("seg_to", &self.seg_to);
        w.column("seg_shape", &self.seg_shape);
        w.column("shape", &self.shape);
        w.column("seg_mm", &self.seg_mm);
        w.column("seg_way", &self.seg_way);
        w.column("way_osm", &self.way_osm);
        w.column("way_name", &self.way_name);
        w.column("way_ref", &self.way_ref);
        w.column("way_flags", &self.way_flags);
        w.column("string_first", &self.string_first);
        w.column("strings", &self.strings);
        w.column("arc_state", &self.arc_state);
        w.column("state_arc", &self.state_arc);
        w.column("copies", &self.copies);
        w.column("turn_first", &self.turn_first);
        w.column("turn_to", &self.turn_to);
        w.column("arc_core", &self.arc_core);
        for (metric, [ms, turn, restricted]) in self.metrics.iter().zip(&names.0) {
            w.column(ms, &metric.arc_ms);
            w.column(turn, &metric.turn_ms);
            w.column(restricted, &metric.restricted);
        }
        self.index.write(w);
    }

    /// Takes the arrays out of a mapped file and checks that their lengths fit one another.
    pub(crate) fn read(store: &Store, metrics: usize) -> Result<Self, RoadsError> {
        let names = MetricNames::new(metrics);
        let this = Self {
            vertex: store.column("vertex")?,
            seg_from: store.column("seg_from")?,
            seg_to: store.column("seg_to")?,
            seg_shape: store.column("seg_shape")?,
            shape: store.column("shape")?,
            seg_mm: store.column("seg_mm")?,
            seg_way: store.column("seg_way")?,
            way_osm: store.column("way_osm")?,
            way_name: store.column("way_name")?,
            way_ref: store.column("way_ref")?,
            way_flags: store.column("way_flags")?,
            string_first: store.column("string_first")?,
            strings: store.column("strings")?,
            arc_state: store.column("arc_state")?,
            state_arc: store.column("state_arc")?,
            copies: store.column("copies")?,
            turn_first: store.column("turn_first")?,
            turn_to: store.column("turn_to")?,
            arc_core: store.column("arc_core")?,
            metrics: names
                .0
                .iter()
                .map(|[ms, turn, restricted]| {
                    Ok(MetricInput {
                        arc_ms: store.column(ms)?,
                        turn_ms: store.column(turn)?,
                        restricted: store.column(restricted)?,
                    })
                })
                .collect::<Result<_, RoadsError>>()?,
            index: SpatialIndex::read(store)?,
        };
        let segments = this.segment_count();
        let arcs = segments * 2;
        let sound = this.seg_from.len() == segments
            && this.seg_to.len() == segments
            && this.seg_way.len() == segments
            && this.seg_shape.len() == segments + 1
            && this.seg_shape.last().copied().unwrap_or(0) as usize == this.shape.len()
            && this.arc_state.len() == arcs
            && this.arc_core.len() == arcs
            && this.turn_first.len() == this.state_count() + 1
            && this.turn_first.last().copied().unwrap_or(0) as usize == this.turn_to.len()
            && this.way_name.len() == this.way_osm.len()
            && this.way_ref.len() == this.way_osm.len()
            && this.way_flags.len() == this.way_osm.len()
            && this.string_first.last().copied().unwrap_or(0) as usize == this.strings.len()
            && this.metrics.iter().all(|m| {
                m.arc_ms.len() == arcs && m.restricted.len() == arcs && m.turn_ms.len() == this.turn_to.len()
            });
        if sound { Ok(this) } else { Err(store.inconsistent("tables of the graph differ in length")) }
    }
}

/// Section names of the metrics.
pub(crate) struct MetricNames(Vec<[String; 3]>);

impl MetricNames {
    pub(crate) fn new(metrics: usize) -> Self {
        Self(
            (0..metrics)
                .map(|m| [format!("arc_ms.{m}"), format!("turn_ms.{m}"), format!("restricted.{m}")])
                .collect(),
        )
    }
}
