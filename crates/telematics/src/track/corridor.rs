//! Departures from a planned way.

use super::fence::metres_to_segment;
use super::point::Point;
use serde::Serialize;

/// When off the way is a deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorridorRules {
    /// Half the width of the corridor, metres: 50 to 100 in towns, 150 to 300 in the country.
    pub metres: f64,
    /// Reports outside before it is a deviation.
    pub points: usize,
    /// And time outside, milliseconds.
    pub ms: i64,
}

impl Default for CorridorRules {
    fn default() -> Self {
        Self { metres: 200.0, points: 3, ms: 60_000 }
    }
}

/// A time off the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// First report outside, UTC milliseconds.
    pub from_ms: i64,
    /// First report back within half the corridor; none if it never came back.
    pub to_ms: Option<i64>,
    /// Greatest distance from the way, metres.
    pub farthest_m: i64,
}

/// Deviations of a clean track from a way given as corners (longitude, latitude in 1e-6 degree). A way of fewer than
/// two corners has no corridor.
#[must_use]
pub fn deviations(track: &[Point], way: &[(i32, i32)], rules: &CorridorRules) -> Vec<Deviation> {
    if way.len() < 2 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut open: Option<(Deviation, usize, bool)> = None;
    for point in track {
        let off_m =
            way.windows(2).map(|w| metres_to_segment(point, w[0], w[1]).0).fold(f64::INFINITY, f64::min);
        match &mut open {
            None if off_m > rules.metres => {
                let deviation =
                    Deviation { from_ms: point.time_ms, to_ms: None, farthest_m: off_m.round() as i64 };
                open = Some((deviation, 1, rules.points <= 1 && rules.ms <= 0));
            }
            Some((deviation, points, settled)) => {
                // Back only within half the corridor, so that a drive along its edge is one deviation.
                if off_m < rules.metres / 2.0 {
                    deviation.to_ms = Some(point.time_ms);
                    if *settled {
                        found.push(deviation.clone());
                    }
                    open = None;
                } else {
                    *points += usize::from(off_m > rules.metres);
                    deviation.farthest_m = deviation.farthest_m.max(off_m.round() as i64);
                    *settled |= *points >= rules.points && point.time_ms - deviation.from_ms >= rules.ms;
                }
            }
            None => {}
        }
    }
    if let Some((deviation, _, true)) = open {
        found.push(deviation);
    }
    found
}
