//! Where on the network a fix may have been.

use super::search::OnArc;
use crate::graph::{NONE, RoadGraph};
use crate::snap;
use xiangyun_model::geo::LonLat;

/// Most candidates of one fix, both directions counted.
pub(crate) const CANDIDATES_MAX: usize = 24;
/// Farthest road looked at, in metres.
pub(crate) const CANDIDATE_REACH_MAX_M: f64 = 250.0;

/// A place on an arc and how far the fix is from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) on: OnArc,
    pub(super) place: LonLat,
    pub(super) metres: f64,
    /// Degrees between the arc's direction there and the heading, 0..=180; 0 where no heading is known.
    pub(super) astray: f64,
}

/// Candidates of a place, nearest first, at most [`CANDIDATES_MAX`].
pub(super) fn candidates(
    graph: &RoadGraph,
    at: LonLat,
    radius_m: f64,
    heading: Option<f64>,
    seen: &mut Vec<u32>,
    out: &mut Vec<Candidate>,
) {
    out.clear();
    seen.clear();
    graph.index.within(at, radius_m, |segment| seen.push(segment));
    seen.sort_unstable();
    seen.dedup();
    for &segment in seen.iter() {
        let arcs = [segment * 2, segment * 2 + 1];
        if arcs.iter().all(|a| graph.arc_state[*a as usize] == NONE) {
            continue;
        }
        let p = snap::project(graph, segment, at);
        if p.metres > radius_m {
            continue;
        }
        let bearing = heading.map(|h| (h, bearing_at(graph, segment, p.share)));
        for (k, arc) in arcs.into_iter().enumerate() {
            if graph.arc_state[arc as usize] == NONE {
                continue;
            }
            let astray = bearing.map_or(0.0, |(h, b)| {
                let own = if k == 0 { b } else { b + 180.0 };
                ((h - own + 540.0).rem_euclid(360.0) - 180.0).abs()
            });
            let share = if k == 0 { p.share } else { 1.0 - p.share };
            out.push(Candidate { on: OnArc { arc, share }, place: p.place, metres: p.metres, astray });
        }
    }
    // Stable: equal distances stay in the order of segments.
    out.sort_by(|a, b| a.metres.total_cmp(&b.metres));
    out.truncate(CANDIDATES_MAX);
}

/// Bearing of a segment's shape at a share of its length.
fn bearing_at(graph: &RoadGraph, segment: u32, share: f64) -> f64 {
    let shape = graph.shape_of(segment);
    let cos = (f64::from(shape[0][1]) / 1e7).to_radians().cos();
    let delta = |w: &[[i32; 2]]| (f64::from(w[1][0] - w[0][0]) * cos, f64::from(w[1][1] - w[0][1]));
    let total: f64 = shape
        .windows(2)
        .map(|w| {
            let d = delta(w);
            d.0.hypot(d.1)
        })
        .sum();
    let mut left = share * total;
    let mut last = 0.0;
    for w in shape.windows(2) {
        let (x, y) = delta(w);
        let length = x.hypot(y);
        if length > 0.0 {
            last = x.atan2(y).to_degrees();
        }
        if left <= length {
            break;
        }
        left -= length;
    }
    last
}
