//! Stops, trips and gaps of a settled track.

use super::clean::clean;
use super::fence::{Fence, Visit, visits};
use super::point::{Point, Rules};
use serde::Serialize;
use xiangyun_model::path::PathLength;

/// A stay at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// First report of the stay, UTC milliseconds.
    pub from_ms: i64,
    /// Last report of the stay, UTC milliseconds.
    pub to_ms: i64,
    /// Mean longitude, 1e-6 degree.
    pub lon_e6: i32,
    /// Mean latitude, 1e-6 degree.
    pub lat_e6: i32,
    /// Reports in it.
    pub points: usize,
    /// Ignition was off at some time in it, if it was told.
    pub ignition_off: Option<bool>,
}

/// A drive between stops or gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trip {
    /// Start, UTC milliseconds.
    pub from_ms: i64,
    /// End, UTC milliseconds.
    pub to_ms: i64,
    /// Driven metres.
    pub metres: i64,
    /// Metres of it for which no way was known and the great circle was taken.
    pub crow_metres: i64,
    /// Reports in it.
    pub points: usize,
    /// Highest reported speed, 0.1 km/h.
    pub top_speed_dkmh: u16,
    /// It ended in silence, not at a stop.
    pub cut_off: bool,
}

/// Silence between two reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Last report before, UTC milliseconds.
    pub from_ms: i64,
    /// First report after, UTC milliseconds.
    pub to_ms: i64,
    /// Metres between the two places.
    pub metres: i64,
}

/// What a vehicle did in the span of its reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// The clean track, by time.
    pub track: Vec<Point>,
    /// Reports taken out as jumps, by time.
    pub jumps: Vec<Point>,
    /// Stops, by time.
    pub stops: Vec<Stop>,
    /// Trips, by time.
    pub trips: Vec<Trip>,
    /// Silences of at least the gap of the rules, by time.
    pub gaps: Vec<Gap>,
    /// Visits to fences, by time and fence.
    pub visits: Vec<Visit>,
    /// Driven metres of all trips.
    pub metres: i64,
}

/// Settles a heap of reports: the same set gives the same day, however it came.
#[must_use]
pub fn settle(points: Vec<Point>, fences: &[Fence], rules: &Rules, paths: &dyn PathLength) -> Day {
    let (track, jumps) = clean(points, rules);
    let spans = stays(&track, rules);
    let stops = spans.iter().map(|(from, to)| stop(&track[*from..=*to])).collect();
    let trips = trips(&track, &spans, rules, paths);
    let gaps = track.windows(2).filter(|w| w[1].time_ms - w[0].time_ms >= rules.gap_ms).map(gap).collect();
    let visits = visits(&track, fences, rules);
    let metres = trips.iter().map(|t| t.metres).sum();
    Day { track, jumps, stops, trips, gaps, visits, metres }
}

fn gap(pair: &[Point]) -> Gap {
    let metres = pair[0].metres_to(&pair[1]).round() as i64;
    Gap { from_ms: pair[0].time_ms, to_ms: pair[1].time_ms, metres }
}

/// Index spans of stays: as long as reports lie within the radius of the stay's centre, one stray report forgiven.
fn stays(track: &[Point], rules: &Rules) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut from = 0;
    while from < track.len() {
        let last = extend(track, from, rules);
        if track[last].time_ms - track[from].time_ms < rules.stay_ms {
            from += 1;
            continue;
        }
        match found.last_mut() {
            // Drift that broke one stay in two.
            Some((start, end)) if from == *end + 1 && near(track, (*start, *end), (from, last), rules) => {
                *end = last;
            }
            _ => found.push((from, last)),
        }
        from = last + 1;
    }
    found
}

/// The last report of the stay that would begin at `from`.
fn extend(track: &[Point], from: usize, rules: &Rules) -> usize {
    let mut centre = Centre::default();
    centre.add(&track[from]);
    let (mut last, mut at) = (from, from + 1);
    let mut stray = 0;
    while at < track.len() {
        if centre.metres_to(&track[at]) <= rules.stay_radius_m {
            centre.add(&track[at]);
            last = at;
            stray = 0;
        } else {
            stray += 1;
            if stray > 1 {
                break;
            }
        }
        at += 1;
    }
    last
}

/// Mean of places, in whole millionths so that it is exact.
#[derive(Default)]
struct Centre {
    lon: i64,
    lat: i64,
    count: i64,
}

impl Centre {
    fn add(&mut self, point: &Point) {
        self.lon += i64::from(point.lon_e6);
        self.lat += i64::from(point.lat_e6);
        self.count += 1;
    }

    fn point(&self) -> Point {
        let mean = |sum: i64| sum.div_euclid(self.count.max(1)) as i32;
        Point::at(0, mean(self.lon), mean(self.lat))
    }

    fn metres_to(&self, point: &Point) -> f64 {
        self.point().metres_to(point)
    }
}

fn centre(points: &[Point]) -> Point {
    let mut centre = Centre::default();
    points.iter().for_each(|p| centre.add(p));
    centre.point()
}

fn near(track: &[Point], a: (usize, usize), b: (usize, usize), rules: &Rules) -> bool {
    centre(&track[a.0..=a.1]).metres_to(&centre(&track[b.0..=b.1])) <= rules.stay_radius_m
}

fn stop(points: &[Point]) -> Stop {
    let place = centre(points);
    let told = points.iter().any(|p| p.ignition.is_some());
    Stop {
        from_ms: points[0].time_ms,
        to_ms: points[points.len() - 1].time_ms,
        lon_e6: place.lon_e6,
        lat_e6: place.lat_e6,
        points: points.len(),
        ignition_off: told.then(|| points.iter().any(|p| p.ignition == Some(false))),
    }
}

/// Drives between stays, cut at gaps.
fn trips(track: &[Point], stays: &[(usize, usize)], rules: &Rules, paths: &dyn PathLength) -> Vec<Trip> {
    let mut found = Vec::new();
    let mut from = 0;
    let ends = stays.iter().copied().chain(std::iter::once((track.len(), track.len())));
    for (stay_from, stay_to) in ends {
        // From the last report of one stay to the first of the next.
        let to = stay_from.min(track.len().saturating_sub(1));
        if to > from {
            drives(&track[from..=to], stay_from < track.len(), rules, paths, &mut found);
        }
        from = stay_to;
    }
    found
}

fn drives(points: &[Point], to_stop: bool, rules: &Rules, paths: &dyn PathLength, found: &mut Vec<Trip>) {
    let pieces: Vec<&[Point]> = points.chunk_by(|a, b| b.time_ms - a.time_ms < rules.gap_ms).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let (first, last) = (&piece[0], &piece[piece.len() - 1]);
        let (mut metres, mut crow) = (0.0, 0.0);
        for pair in piece.windows(2) {
            let seconds = (pair[1].time_ms - pair[0].time_ms) as f64 / 1_000.0;
            match paths.path_length_m(pair[0].place(), pair[1].place(), seconds) {
                Some(length) => metres += length,
                None => crow += pair[0].metres_to(&pair[1]),
            }
        }
        if last.time_ms - first.time_ms < rules.trip_ms || metres + crow < rules.trip_m {
            continue;
        }
        found.push(Trip {
            from_ms: first.time_ms,
            to_ms: last.time_ms,
            metres: (metres + crow).round() as i64,
            crow_metres: crow.round() as i64,
            points: piece.len(),
            top_speed_dkmh: piece.iter().filter_map(|p| p.speed_dkmh).max().unwrap_or(0),
            cut_off: index + 1 < pieces.len() || !to_stop,
        });
    }
}
