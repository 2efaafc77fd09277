//! Synthetic drives with known truth: a route, fixes along it at constant speed, noise on the fixes, and the measure
//! of how far a matched line departs from the truth.

use crate::seeded::Seeded;
use std::collections::HashMap;
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};
use xiangyun_roads::matching::Fix;
use xiangyun_roads::{Network, ProfileId, SegmentId};

/// How the noise of one fix relates to that of the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// Independent.
    White,
    /// First-order autoregressive with this correlation time in seconds, as satellite receivers have.
    Correlated(f64),
}

/// A driven line.
#[derive(Clone, Debug)]
pub(crate) struct Drive {
    /// The true line.
    pub(crate) line: Vec<LonLat>,
}

/// Routes between random places of the network, each within the bounds of length.
pub(crate) fn drives(
    net: &Network,
    profile: ProfileId,
    count: usize,
    metres: (f64, f64),
    seed: u64,
) -> Vec<Drive> {
    let band = net.band("all").unwrap_or(xiangyun_roads::BandId(0));
    let segments = net.info().segments as u64;
    let mut dice = Seeded::new(seed);
    let mut out = Vec::new();
    for _ in 0..count * 200 {
        if out.len() == count {
            break;
        }
        let mut place = || {
            let segment = SegmentId((dice.bits() % segments) as u32);
            net.segment(segment).ok().map(|s| s.geometry[s.geometry.len() / 2])
        };
        let (Some(a), Some(b)) = (place(), place()) else { continue };
        let Ok(route) = net.route(profile, band, &[a, b]) else { continue };
        let line = route.geometry();
        if (metres.0..metres.1).contains(&length(&line)) {
            out.push(Drive { line });
        }
    }
    out
}

/// Metres of a line.
pub(crate) fn length(line: &[LonLat]) -> f64 {
    line.windows(2).map(|w| w[0].metres_to(w[1])).sum()
}

/// Fixes along a drive: every `step_s` at `speed` metres per second, with noise of `sigma_m` in each axis.
pub(crate) fn fixes(
    drive: &Drive,
    step_s: f64,
    speed: f64,
    sigma_m: f64,
    noise: Noise,
    seed: u64,
) -> Vec<Fix> {
    let mut dice = Seeded::new(seed);
    let total = length(&drive.line);
    let keep = match noise {
        Noise::White => 0.0,
        Noise::Correlated(time_s) => (-step_s / time_s).exp(),
    };
    let fresh = (1.0_f64 - keep * keep).sqrt();
    let mut error = [sigma_m * dice.normal(), sigma_m * dice.normal()];
    let mut out = Vec::new();
    let (mut time_s, mut run, mut piece) = (0.0, 0.0, 0);
    loop {
        let at = (time_s * speed).min(total);
        while piece + 2 < drive.line.len() && run + drive.line[piece].metres_to(drive.line[piece + 1]) < at {
            run += drive.line[piece].metres_to(drive.line[piece + 1]);
            piece += 1;
        }
        let (a, b) = (drive.line[piece], drive.line[piece + 1]);
        let t = ((at - run) / a.metres_to(b).max(1e-9)).clamp(0.0, 1.0);
        let true_place = LonLat { lon: a.lon + (b.lon - a.lon) * t, lat: a.lat + (b.lat - a.lat) * t };
        let per_lat = EARTH_RADIUS_M.to_radians();
        let place = LonLat {
            lon: true_place.lon + error[0] / (per_lat * true_place.lat.to_radians().cos()),
            lat: true_place.lat + error[1] / per_lat,
        };
        out.push(Fix { time_s, place, accuracy_m: None });
        if time_s >= total / speed {
            return out;
        }
        for e in &mut error {
            *e = keep * *e + fresh * sigma_m * dice.normal();
        }
        // The last fix is at the drive's end, however short the last step.
        time_s = (time_s + step_s).min(total / speed);
    }
}

/// A fix counts as on the line within this distance.
pub(crate) const TOLERANCE_M: f64 = 8.0;

/// Lines by cells, for the distance of many points.
pub(crate) struct Lines {
    origin: LonLat,
    per_lon: f64,
    per_lat: f64,
    cells: HashMap<(i32, i32), Vec<[f64; 4]>>,
}

const CELL_M: f64 = 40.0;

impl Lines {
    /// Lines to measure distances to; `origin` is any place near.
    pub(crate) fn new(origin: LonLat, lines: &[&[LonLat]]) -> Self {
        let per_lat = EARTH_RADIUS_M.to_radians();
        let mut this =
            Self { origin, per_lon: per_lat * origin.lat.to_radians().cos(), per_lat, cells: HashMap::new() };
        for line in lines {
            for w in line.windows(2) {
                let (a, b) = (this.xy(w[0]), this.xy(w[1]));
                let cell = |v: f64| (v / CELL_M).floor() as i32;
                for x in cell(a.0.min(b.0) - TOLERANCE_M)..=cell(a.0.max(b.0) + TOLERANCE_M) {
                    for y in cell(a.1.min(b.1) - TOLERANCE_M)..=cell(a.1.max(b.1) + TOLERANCE_M) {
                        this.cells.entry((x, y)).or_default().push([a.0, a.1, b.0, b.1]);
                    }
                }
            }
        }
        this
    }

    fn xy(&self, p: LonLat) -> (f64, f64) {
        ((p.lon - self.origin.lon) * self.per_lon, (p.lat - self.origin.lat) * self.per_lat)
    }

    /// Whether a place lies within the tolerance of some line.
    pub(crate) fn holds(&self, place: LonLat) -> bool {
        let (x, y) = self.xy(place);
        let cell = ((x / CELL_M).floor() as i32, (y / CELL_M).floor() as i32);
        self.cells.get(&cell).into_iter().flatten().any(|[ax, ay, bx, by]| {
            let (dx, dy) = (bx - ax, by - ay);
            let squared = dx * dx + dy * dy;
            let t =
                if squared > 0.0 { (((x - ax) * dx + (y - ay) * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
            (ax + t * dx - x).hypot(ay + t * dy - y) <= TOLERANCE_M
        })
    }
}

/// Metres of `line` that lie farther than the tolerance from `others`.
pub(crate) fn astray_m(line: &[LonLat], others: &Lines) -> f64 {
    let mut astray = 0.0;
    for w in line.windows(2) {
        let metres = w[0].metres_to(w[1]);
        let pieces = (metres / 2.0).ceil().max(1.0) as usize;
        for k in 0..pieces {
            let t = (k as f64 + 0.5) / pieces as f64;
            let place = LonLat {
                lon: w[0].lon + (w[1].lon - w[0].lon) * t,
                lat: w[0].lat + (w[1].lat - w[0].lat) * t,
            };
            if !others.holds(place) {
                astray += metres / pieces as f64;
            }
        }
    }
    astray
}

/// Metres missed and added, as a share of the true length: 0 is a perfect match.
pub(crate) fn mismatch(truth: &Drive, matched: &[&[LonLat]]) -> f64 {
    let origin = truth.line[0];
    let missed = astray_m(&truth.line, &Lines::new(origin, matched));
    let true_line = Lines::new(origin, &[&truth.line]);
    let added: f64 = matched.iter().map(|line| astray_m(line, &true_line)).sum();
    (missed + added) / length(&truth.line)
}
