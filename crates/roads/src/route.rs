//! Routes through places, with their geometry.

use crate::SegmentId;
use crate::snap::Snap;
use xiangyun_model::geo::LonLat;

/// A route through two or more places.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Seconds of all legs, each rounded up as in a matrix.
    pub seconds: u32,
    /// Metres of all legs, each rounded as in a matrix.
    pub metres: u32,
    /// One leg between each two consecutive places.
    pub legs: Vec<Leg>,
    /// Where the places were put on the road.
    pub snaps: Vec<Snap>,
}

/// From one place to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    /// Seconds, rounded up.
    pub seconds: u32,
    /// Metres, rounded to nearest.
    pub metres: u32,
    /// Roads driven in order.
    pub stretches: Vec<Stretch>,
    /// The line driven.
    pub geometry: Vec<LonLat>,
}

/// A road, or a part of one, driven in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// The road.
    pub segment: SegmentId,
    /// Along its shape.
    pub forward: bool,
    /// Where driving on it starts, as a share of its length along its shape.
    pub from: f64,
    /// Where it ends, likewise.
    pub to: f64,
}

impl Route {
    /// The whole line without doubled joints.
    #[must_use]
    pub fn geometry(&self) -> Vec<LonLat> {
        let mut line: Vec<LonLat> = Vec::new();
        for leg in &self.legs {
            for point in &leg.geometry {
                if line.last() != Some(point) {
                    line.push(*point);
                }
            }
        }
        line
    }
}
