//! Arrival and departure at planned stops from cleaned positions: by dwell near the place and by the order of stops, so
//! that passing a village on the way, or standing at its traffic light, is no arrival.
//!
//! The next stop needs [`DWELL_S`] of standing near it; a later stop of the trip needs [`DWELL_OUT_OF_ORDER_S`], because
//! the order says that it is not its turn. In a gap between two positions (a blind spot) the line between them is tested,
//! and what the gap lasted beyond driving it counts as standing. Positions whose own clock is wrong are not used.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How near is near, in metres.
pub const RADIUS_M: f64 = 120.0;
/// Away again beyond this, in metres; wider than [`RADIUS_M`] so that noise does not make two visits of one.
pub const LEAVE_M: f64 = 200.0;
/// Standing that makes an arrival at the next stop, in seconds.
pub const DWELL_S: i64 = 45;
/// Standing that makes an arrival at a later stop of the trip, in seconds.
pub const DWELL_OUT_OF_ORDER_S: i64 = 240;
/// Faster than this is driving, in metres a second.
pub const STANDING_M_S: f64 = 2.5;
/// How many stops ahead are looked at.
pub const LOOK_AHEAD: usize = 3;
/// A gap between positions from which the line between them is tested, in seconds.
pub const GAP_S: i64 = 90;
/// Speed assumed for the driven part of a gap, in metres a second.
const GAP_SPEED_M_S: f64 = 9.0;
/// A terminal's clock may be ahead of ours by this much, in milliseconds.
pub const AHEAD_MAX_MS: i64 = 120_000;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;

/// One cleaned position, WGS-84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Time by the terminal.
    pub at_ms: i64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Latitude in degrees.
    pub lat: f64,
}

/// A stop ahead.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The visit.
    pub visit: String,
    /// Longitude in degrees.
    pub lon: f64,
    /// Latitude in degrees.
    pub lat: f64,
}

/// What was seen of a stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It came, at the moment when it began to stand.
    Arrived {
        /// The visit.
        visit: String,
        /// When.
        at_ms: i64,
    },
    /// It left.
    Left {
        /// The visit.
        visit: String,
        /// When.
        at_ms: i64,
    },
}

/// One vehicle's watch. Feed positions in the order of their times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    last: Option<(i64, f64, f64)>,
    /// Since when it stands near which visit.
    near: BTreeMap<String, i64>,
    /// The visit where it stands, after its arrival was told, with the place.
    at: Option<(String, f64, f64)>,
}

fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
    let x = (b.0 - a.0) * DEGREE_M * a.1.to_radians().cos();
    let y = (b.1 - a.1) * DEGREE_M;
    x.hypot(y)
}

/// Distance of a place from the line between two positions, and how far along the line it is, 0 to 1.
fn metres_to_line(place: (f64, f64), from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let scale = from.1.to_radians().cos();
    let flat = |p: (f64, f64)| ((p.0 - from.0) * DEGREE_M * scale, (p.1 - from.1) * DEGREE_M);
    let ((px, py), (tx, ty)) = (flat(place), flat(to));
    let length_sq = tx * tx + ty * ty;
    let along = if length_sq > 0.0 { ((px * tx + py * ty) / length_sq).clamp(0.0, 1.0) } else { 0.0 };
    ((px - along * tx).hypot(py - along * ty), along)
}

impl Watch {
    /// Takes a position in; `ahead` are the stops still to come, the next one first. `now_ms` is our clock.
    pub fn fix(&mut self, fix: Fix, ahead: &[Target], now_ms: i64) -> Vec<Seen> {
        let mut seen = Vec::new();
        let here = (fix.lon, fix.lat);
        let sound = fix.lon.is_finite() && fix.lat.is_finite() && fix.at_ms <= now_ms + AHEAD_MAX_MS;
        if !sound || self.last.is_some_and(|(at, ..)| fix.at_ms <= at) {
            return seen;
        }
        if let Some((visit, lon, lat)) = &self.at
            && metres((*lon, *lat), here) > LEAVE_M
        {
            // It left between the two positions; the earlier one is the last proof that it stood there.
            let left_ms = self.last.map_or(fix.at_ms, |(at, ..)| at);
            seen.push(Seen::Left { visit: visit.clone(), at_ms: left_ms });
            self.at = None;
        }
        let (gap_s, moved_m) = self
            .last
            .map_or((0, f64::MAX), |(at, lon, lat)| ((fix.at_ms - at) / 1_000, metres((lon, lat), here)));
        let standing = gap_s > 0 && moved_m / gap_s as f64 <= STANDING_M_S;
        for (turn, target) in ahead.iter().take(LOOK_AHEAD).enumerate() {
            if self.at.as_ref().is_some_and(|(v, ..)| *v == target.visit) {
                continue;
            }
            let place = (target.lon, target.lat);
            // Two stops at one place, a station and its own village: positions cannot tell them apart. Until the one
            // before is over and left, only a scan says that the other has begun.
            let beside = |lon: f64, lat: f64| metres(place, (lon, lat)) <= 2.0 * RADIUS_M;
            if ahead[..turn].iter().any(|t| beside(t.lon, t.lat))
                || self.at.as_ref().is_some_and(|(_, lon, lat)| beside(*lon, *lat))
            {
                continue;
            }
            let wanted_s = if turn == 0 { DWELL_S } else { DWELL_OUT_OF_ORDER_S };
            let near = metres(place, here) <= RADIUS_M;
            if near && (standing || self.last.is_none()) {
                let first_ms = match self.last {
                    Some((at, lon, lat)) if metres(place, (lon, lat)) <= RADIUS_M => at,
                    _ => fix.at_ms,
                };
                let since = *self.near.entry(target.visit.clone()).or_insert(first_ms);
                if fix.at_ms - since >= wanted_s * 1_000 {
                    self.arrive(target, since, &mut seen);
                }
            } else if near {
                // Near and still moving: standing has not begun.
                self.near.remove(&target.visit);
            } else {
                self.near.remove(&target.visit);
                if turn == 0 && gap_s >= GAP_S {
                    self.in_the_gap(fix, target, gap_s, &mut seen);
                }
            }
        }
        self.near.retain(|visit, _| ahead.iter().take(LOOK_AHEAD).any(|t| t.visit == *visit));
        self.last = Some((fix.at_ms, fix.lon, fix.lat));
        seen
    }

    /// A stop made entirely between two positions.
    fn in_the_gap(&mut self, fix: Fix, target: &Target, gap_s: i64, seen: &mut Vec<Seen>) {
        let Some((at, lon, lat)) = self.last else { return };
        let (from, to) = ((lon, lat), (fix.lon, fix.lat));
        let place = (target.lon, target.lat);
        let (away, along) = metres_to_line(place, from, to);
        // By way of the place, as the crow flies with a usual detour.
        let (before_m, after_m) = (metres(from, place) * 1.3, metres(place, to) * 1.3);
        let driven_s = (before_m + after_m) / GAP_SPEED_M_S;
        let stood_s = gap_s as f64 - driven_s;
        // The place must have been left behind: who has not come to it yet was only slow.
        let passed = along > 0.02 && along < 0.98 && metres(place, to) > LEAVE_M;
        let near = away <= RADIUS_M || away <= 0.1 * metres(from, to);
        if passed && near && stood_s >= DWELL_OUT_OF_ORDER_S as f64 {
            let came = at + (before_m / GAP_SPEED_M_S * 1_000.0) as i64;
            let left = fix.at_ms - (after_m / GAP_SPEED_M_S * 1_000.0) as i64;
            self.arrive(target, came, seen);
            seen.push(Seen::Left { visit: target.visit.clone(), at_ms: left.max(came) });
            self.at = None;
        }
    }

    fn arrive(&mut self, target: &Target, since_ms: i64, seen: &mut Vec<Seen>) {
        if let Some((visit, ..)) = self.at.take() {
            seen.push(Seen::Left { visit, at_ms: since_ms });
        }
        seen.push(Seen::Arrived { visit: target.visit.clone(), at_ms: since_ms });
        self.at = Some((target.visit.clone(), target.lon, target.lat));
        self.near.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LON: f64 = 113.0;
    const LAT: f64 = 33.9;

    fn target(visit: &str, east_m: f64) -> Target {
        Target { visit: visit.into(), lon: LON + east(east_m), lat: LAT }
    }

    fn east(m: f64) -> f64 {
        m / (DEGREE_M * LAT.to_radians().cos())
    }

    /// Drives east: `(second, metre)` by the road.
    fn drive(watch: &mut Watch, ahead: &[Target], way: &[(i64, f64)]) -> Vec<Seen> {
        way.iter()
            .flat_map(|&(s, m)| {
                watch.fix(Fix { at_ms: s * 1_000, lon: LON + east(m), lat: LAT }, ahead, s * 1_000)
            })
            .collect()
    }

    #[test]
    fn standing_at_the_next_stop_is_an_arrival_and_driving_off_a_departure() {
        let mut watch = Watch::default();
        let ahead = [target("a", 1_000.0), target("b", 3_000.0)];
        let seen = drive(
            &mut watch,
            &ahead,
            &[
                (0, 0.0),
                (60, 800.0),
                (80, 990.0),
                (100, 1_000.0),
                (120, 1_000.0),
                (140, 1_002.0),
                (200, 1_500.0),
            ],
        );
        assert_eq!(
            seen,
            [
                Seen::Arrived { visit: "a".into(), at_ms: 80_000 },
                Seen::Left { visit: "a".into(), at_ms: 140_000 }
            ]
        );
    }

    #[test]
    fn passing_and_short_halts_are_no_arrival() {
        let mut watch = Watch::default();
        let ahead = [target("a", 1_000.0)];
        let passes = [(0, 0.0), (20, 300.0), (40, 700.0), (60, 1_050.0), (80, 1_400.0)];
        assert!(drive(&mut watch, &ahead, &passes).is_empty());
        let mut watch = Watch::default();
        let halts = [(0, 0.0), (60, 980.0), (80, 985.0), (100, 1_300.0), (120, 1_700.0)];
        assert!(drive(&mut watch, &ahead, &halts).is_empty(), "20 s at a light");
    }

    #[test]
    fn a_stop_out_of_order_needs_longer() {
        let ahead = [target("a", 5_000.0), target("b", 1_000.0)];
        let mut watch = Watch::default();
        let stands = |until: i64| -> Vec<(i64, f64)> {
            std::iter::once((0, 0.0)).chain((4..=until / 20).map(|i| (i * 20, 1_000.0))).collect()
        };
        assert!(drive(&mut watch, &ahead, &stands(280)).is_empty());
        let mut watch = Watch::default();
        assert_eq!(
            drive(&mut watch, &ahead, &stands(400)),
            [Seen::Arrived { visit: "b".into(), at_ms: 80_000 }]
        );
    }

    #[test]
    fn a_village_beside_its_station_is_not_told_by_standing_at_the_station() {
        let mut watch = Watch::default();
        let ahead = [target("station", 0.0), target("village", 60.0), target("far", 4_000.0)];
        let stands: Vec<(i64, f64)> = (0..60).map(|i| (i * 20, 5.0)).collect();
        assert_eq!(drive(&mut watch, &ahead, &stands), [Seen::Arrived { visit: "station".into(), at_ms: 0 }]);
    }

    #[test]
    fn a_blind_spot_hides_no_stop() {
        let mut watch = Watch::default();
        let ahead = [target("a", 1_000.0)];
        let seen = drive(&mut watch, &ahead, &[(0, 0.0), (20, 100.0), (900, 2_000.0)]);
        assert!(
            matches!(&seen[..], [Seen::Arrived { visit, .. }, Seen::Left { .. }] if visit == "a"),
            "{seen:?}"
        );
        let mut watch = Watch::default();
        assert!(
            drive(&mut watch, &ahead, &[(0, 0.0), (20, 100.0), (260, 2_000.0)]).is_empty(),
            "no time to stop"
        );
    }

    #[test]
    fn a_clock_from_the_future_is_not_believed() {
        let mut watch = Watch::default();
        let ahead = [target("a", 0.0)];
        let fix = |at_ms| Fix { at_ms, lon: LON, lat: LAT };
        assert!(watch.fix(fix(10_000_000), &ahead, 0).is_empty());
        assert!(watch.last.is_none());
        assert!(watch.fix(Fix { at_ms: 0, lon: f64::NAN, lat: 0.0 }, &ahead, 0).is_empty());
    }
}
