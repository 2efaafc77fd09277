//! From a point to the road: a function of the point and the profile only.
//!
//! Candidates come from a packed R-tree over the pieces of all shapes, within 1 km and then 5 km. Only arcs in the
//! profile's core (what it can both reach and leave) count; the nearest by metres plus a small penalty of the class
//! wins, ties by the lowest segment. So a route between two points cannot depend on other points, and a table equals
//! the routes of its cells.

mod index;

pub(crate) use index::SpatialIndex;

use crate::graph::RoadGraph;
use crate::limits::{SNAP_FIRST_M, SNAP_LAST_M};
use crate::osm::RoadClass;
use crate::{RoadsError, SegmentId};
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};

/// Off-road metres that are free of charge: the yard between the door and the road.
pub const ACCESS_FREE_M: f64 = 50.0;
/// Speed off the road beyond that, in metres per second (10 km/h).
pub const ACCESS_M_PER_S: f64 = 10.0 / 3.6;

/// A point put on the road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snap {
    /// The road.
    pub segment: SegmentId,
    /// Where on it, as a share of its length from 0 to 1 along its shape.
    pub share: f64,
    /// The place on the road.
    pub place: LonLat,
    /// Metres between the point and that place.
    pub moved_m: f64,
    /// Side of the road on which the point lies, seen along the segment's shape.
    pub side: Side,
    /// Whether trips may start and end here along the shape, and against it.
    pub usable: [bool; 2],
    /// Whether a nearer road was passed over because the profile cannot both reach and leave it.
    pub passed_over: bool,
}

/// Why a point is on no road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SnapFault {
    /// No road that the profile can both reach and leave within [`crate::limits::SNAP_LAST_M`].
    NoRoadNear(LonLat),
    /// Not a place on earth.
    BadPlace(LonLat),
}

impl From<SnapFault> for RoadsError {
    fn from(fault: SnapFault) -> Self {
        match fault {
            SnapFault::NoRoadNear(p) => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a constant
                let radius_m = SNAP_LAST_M as u32;
                Self::NoRoadNear { lon: p.lon, lat: p.lat, radius_m }
            }
            SnapFault::BadPlace(p) => Self::BadPlace { lon: p.lon, lat: p.lat },
        }
    }
}

/// A side of the road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To the left of the shape's direction.
    Left,
    /// To the right of it, or on it.
    Right,
}

impl Snap {
    /// Share of an arc of the segment that lies before the place, in the arc's own direction.
    pub(crate) fn share_along(&self, arc: u32) -> f64 {
        if arc & 1 == 0 { self.share } else { 1.0 - self.share }
    }

    /// Milliseconds charged for the stretch between the point and the road.
    pub(crate) fn access_ms(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 5 km
        let ms = ((self.moved_m - ACCESS_FREE_M).max(0.0) / ACCESS_M_PER_S * 1000.0).round() as u32;
        ms
    }

    /// Centimetres charged for it.
    pub(crate) fn access_cm(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 5 km
        let cm = ((self.moved_m - ACCESS_FREE_M).max(0.0) * 100.0).round() as u32;
        cm
    }
}

/// Extra metres by class: nobody delivers from an expressway.
fn class_penalty_m(class: RoadClass) -> f64 {
    match class {
        RoadClass::Motorway => 500.0,
        RoadClass::MotorwayLink => 300.0,
        RoadClass::Trunk | RoadClass::TrunkLink => 15.0,
        RoadClass::Ferry => 2_000.0,
        _ => 0.0,
    }
}

/// Extra metres for a road of one direction with the point on its far side.
const FAR_SIDE_M: f64 = 5.0;

/// Where a point falls on one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projection {
    pub(crate) metres: f64,
    pub(crate) share: f64,
    pub(crate) place: LonLat,
    pub(crate) side: Side,
}

/// Flat earth around a point: metres east and north of it.
#[derive(Clone, Copy)]
pub(crate) struct Plane {
    origin: LonLat,
    per_lon: f64,
    per_lat: f64,
}

impl Plane {
    pub(crate) fn at(origin: LonLat) -> Self {
        let per_lat = EARTH_RADIUS_M.to_radians();
        Self { origin, per_lon: per_lat * origin.lat.to_radians().cos(), per_lat }
    }

    pub(crate) fn xy(&self, e7: [i32; 2]) -> (f64, f64) {
        let mut dlon = f64::from(e7[0]) / 1e7 - self.origin.lon;
        // Across the 180th meridian the short way counts.
        if dlon > 180.0 {
            dlon -= 360.0;
        } else if dlon < -180.0 {
            dlon += 360.0;
        }
        (dlon * self.per_lon, (f64::from(e7[1]) / 1e7 - self.origin.lat) * self.per_lat)
    }
}

/// The nearest place on a segment.
pub(crate) fn project(graph: &RoadGraph, segment: u32, point: LonLat) -> Projection {
    let plane = Plane::at(point);
    let shape = graph.shape_of(segment);
    let (mut best, mut best_at, mut best_place, mut best_cross) = (f64::INFINITY, 0.0, (0.0, 0.0), 0.0);
    let mut along = 0.0;
    let mut a = plane.xy(shape[0]);
    for point in &shape[1..] {
        let b = plane.xy(*point);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let squared = dx * dx + dy * dy;
        let t = if squared > 0.0 { (-(a.0 * dx + a.1 * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
        let (x, y) = (a.0 + t * dx, a.1 + t * dy);
        let distance = x * x + y * y;
        let length = squared.sqrt();
        if distance < best {
            best = distance;
            best_at = along + t * length;
            best_place = (x, y);
            best_cross = dx * -a.1 - dy * -a.0;
        }
        along += length;
        a = b;
    }
    let place = LonLat {
        lon: point.lon + best_place.0 / plane.per_lon,
        lat: point.lat + best_place.1 / plane.per_lat,
    };
    Projection {
        metres: best.sqrt(),
        share: if along > 0.0 { (best_at / along).clamp(0.0, 1.0) } else { 0.0 },
        place,
        side: if best_cross > 0.0 { Side::Left } else { Side::Right },
    }
}

/// Puts a point on the road for a profile (by its position).
pub(crate) fn snap(graph: &RoadGraph, profile: usize, point: LonLat) -> Result<Snap, SnapFault> {
    if LonLat::new(point.lon, point.lat).is_err() {
        return Err(SnapFault::BadPlace(point));
    }
    [SNAP_FIRST_M, SNAP_LAST_M]
        .into_iter()
        .find_map(|radius| within(graph, profile, point, radius))
        .ok_or(SnapFault::NoRoadNear(point))
}

fn within(graph: &RoadGraph, profile: usize, point: LonLat, radius: f64) -> Option<Snap> {
    let mut best: Option<(f64, Snap)> = None;
    let mut nearest_outside = f64::INFINITY;
    graph.index.nearest(point, radius, |segment, limit| {
        let p = project(graph, segment, point);
        if p.metres > radius {
            return limit;
        }
        let usable = [0, 1].map(|d| graph.arc_core[(segment * 2 + d) as usize] >> profile & 1 == 1);
        if usable == [false; 2] {
            if graph.arc_state[segment as usize * 2] != crate::graph::NONE
                || graph.arc_state[segment as usize * 2 + 1] != crate::graph::NONE
            {
                nearest_outside = nearest_outside.min(p.metres);
            }
            return limit;
        }
        // Traffic keeps right: the door of a one-way road should lie to the right of its direction.
        let far = match (usable, p.side) {
            ([true, false], Side::Left) | ([false, true], Side::Right) => FAR_SIDE_M,
            _ => 0.0,
        };
        let score = p.metres + class_penalty_m(graph.class(segment)) + far;
        let better = best.as_ref().is_none_or(|(s, b)| score < *s || score == *s && segment < b.segment.0);
        if better {
            let snap = Snap {
                segment: SegmentId(segment),
                share: p.share,
                place: p.place,
                moved_m: p.metres,
                side: p.side,
                usable,
                passed_over: false,
            };
            best = Some((score, snap));
        }
        best.as_ref().map_or(limit, |(s, _)| limit.min(*s))
    });
    best.map(|(_, snap)| Snap { passed_over: nearest_outside < snap.moved_m, ..snap })
}
