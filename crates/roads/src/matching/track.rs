//! From raw fixes to the places that matching steps through.
//!
//! A dense noisy track says little with each fix and repeats its errors from fix to fix. Stepping through every fix
//! turns noise into detours. So fixes are cleaned of jumps, the part of the noise that is independent from fix to fix
//! is measured and averaged away, and the matcher steps from *knot* to *knot*, some tens of metres apart; fixes
//! between knots are put onto the path afterwards. A sparse track has a knot for each fix.

use super::Fix;
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};

/// Speeds above this between two fixes are jumps of the receiver (216 km/h).
const JUMP_M_PER_S: f64 = 60.0;
/// Half of the smoothing window in metres of driving: longer would cut corners.
const WINDOW_M: f64 = 45.0;
/// Most fixes to either side in a smoothing window.
const WINDOW_FIXES: usize = 12;
/// A knot's own error is never believed to be smaller than this: maps and lanes have theirs.
const KNOT_SIGMA_MIN_M: f64 = 4.5;

/// A place that matching steps through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Knot {
    /// Index into the fixes as given.
    pub(super) fix: usize,
    pub(super) at: LonLat,
    pub(super) time_s: f64,
    /// Standard deviation of the place in each axis, metres.
    pub(super) sigma_m: f64,
    /// Direction of travel in degrees from north, where the smoothed motion tells.
    pub(super) heading: Option<f64>,
}

/// The knots of a track and which fixes were dropped.
pub(super) struct Track {
    pub(super) knots: Vec<Knot>,
    pub(super) dropped: Vec<bool>,
    /// Whether neighbouring fixes were averaged.
    pub(super) dense: bool,
}

/// Local metres about the track's first fix.
struct Local {
    origin: LonLat,
    per_lon: f64,
    per_lat: f64,
}

impl Local {
    fn at(origin: LonLat) -> Self {
        let per_lat = EARTH_RADIUS_M.to_radians();
        Self { origin, per_lon: per_lat * origin.lat.to_radians().cos().max(1e-6), per_lat }
    }
    fn xy(&self, q: LonLat) -> [f64; 2] {
        [(q.lon - self.origin.lon) * self.per_lon, (q.lat - self.origin.lat) * self.per_lat]
    }
    fn place(&self, xy: [f64; 2]) -> LonLat {
        LonLat { lon: self.origin.lon + xy[0] / self.per_lon, lat: self.origin.lat + xy[1] / self.per_lat }
    }
}

/// Cleans and condenses a track. Fixes that are not places, go back in time or jump are marked as dropped.
pub(super) fn condense(fixes: &[Fix], sigma: f64) -> Track {
    let mut dropped = vec![false; fixes.len()];
    let Some(first) = fixes.iter().find(|f| sound(f)) else {
        dropped.fill(true);
        return Track { knots: Vec::new(), dropped, dense: false };
    };
    let local = Local::at(first.place);
    let kept = without_jumps(fixes, &local, &mut dropped);
    let xy: Vec<[f64; 2]> = kept.iter().map(|i| local.xy(fixes[*i].place)).collect();
    let time: Vec<f64> = kept.iter().map(|i| fixes[*i].time_s).collect();
    let spacing = median((1..kept.len()).map(|i| distance(xy[i - 1], xy[i])).collect());
    let step = median((1..kept.len()).map(|i| time[i] - time[i - 1]).collect());
    // Averaging pays where several fixes fall into the length of one smoothing window.
    let speed = typical_speed(&xy, &time);
    let dense = kept.len() >= 5 && step * speed.max(3.0) < WINDOW_M * 0.75 && spacing < 3.0 * WINDOW_M;
    if !dense {
        let knots = kept
            .iter()
            .enumerate()
            .map(|(k, i)| Knot {
                fix: *i,
                at: fixes[*i].place,
                time_s: time[k],
                sigma_m: fixes[*i].accuracy_m.unwrap_or(sigma).max(KNOT_SIGMA_MIN_M),
                heading: None,
            })
            .collect();
        return Track { knots, dropped, dense };
    }
    let knots = smooth(fixes, &kept, &xy, &time, &local, sigma);
    Track { knots, dropped, dense }
}

fn sound(fix: &Fix) -> bool {
    LonLat::new(fix.place.lon, fix.place.lat).is_ok() && fix.time_s.is_finite()
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn median(mut list: Vec<f64>) -> f64 {
    if list.is_empty() {
        return 0.0;
    }
    let middle = list.len() / 2;
    *list.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Indices of fixes that are sound, in order of time, and reachable from their predecessor. Two consistent fixes in a
/// row away from the rest are believed: then the earlier place was the jump.
fn without_jumps(fixes: &[Fix], local: &Local, dropped: &mut [bool]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(fixes.len());
    let mut doubtful: Option<usize> = None;
    for (i, fix) in fixes.iter().enumerate() {
        if !sound(fix) {
            dropped[i] = true;
            continue;
        }
        let Some(&last) = kept.last() else {
            kept.push(i);
            continue;
        };
        let reach = |from: usize| {
            let elapsed = fix.time_s - fixes[from].time_s;
            let metres = distance(local.xy(fixes[from].place), local.xy(fix.place));
            // A second of slack for clocks that count whole seconds, and the noise of both fixes.
            elapsed > 0.0 && metres <= JUMP_M_PER_S * elapsed + 60.0
        };
        if fix.time_s <= fixes[last].time_s {
            dropped[i] = true;
        } else if reach(last) {
            kept.push(i);
            doubtful = None;
        } else if let Some(d) = doubtful.filter(|d| reach(*d)) {
            dropped[d] = false;
            kept.push(d);
            kept.push(i);
            doubtful = None;
        } else {
            dropped[i] = true;
            doubtful = Some(i);
        }
    }
    kept
}

/// Median speed over stretches long enough for noise not to count as driving.
fn typical_speed(xy: &[[f64; 2]], time: &[f64]) -> f64 {
    let lag = (xy.len() / 2).clamp(1, 10);
    median(
        (lag..xy.len())
            .map(|i| distance(xy[i - lag], xy[i]) / (time[i] - time[i - lag]).max(0.1))
            .filter(|v| *v > 1.0)
            .collect(),
    )
}

/// Standard deviation of the part of the noise that is independent from fix to fix, from second differences: driving
/// at steady speed has none, white noise has six times its variance there.
fn white_sigma(xy: &[[f64; 2]]) -> f64 {
    let mut squares: Vec<f64> =
        xy.windows(3).flat_map(|w| [0, 1].map(|k| (w[0][k] - 2.0 * w[1][k] + w[2][k]).powi(2))).collect();
    if squares.is_empty() {
        return 0.0;
    }
    let middle = squares.len() / 2;
    // The median of a squared normal variable is 0.455 of its variance; medians forgive turns and brakes.
    let variance = *squares.select_nth_unstable_by(middle, f64::total_cmp).1 / 0.455 / 6.0;
    variance.sqrt()
}

fn smooth(
    fixes: &[Fix],
    kept: &[usize],
    xy: &[[f64; 2]],
    time: &[f64],
    local: &Local,
    sigma: f64,
) -> Vec<Knot> {
    let white = white_sigma(xy).min(sigma);
    let slow_variance = (sigma * sigma - white * white).max(0.0);
    let n = xy.len();
    let smoothed: Vec<Smoothed> = (0..n).map(|i| line_fit(xy, time, i)).collect();
    // Steps long enough that a knot's error is small beside them.
    let apart = (2.6 * white + 8.0).clamp(25.0, 48.0);
    let mut chosen: Vec<usize> = vec![0];
    for i in 1..n {
        let last = chosen[chosen.len() - 1];
        if distance(smoothed[last].at, smoothed[i].at) >= apart {
            chosen.push(i);
        }
    }
    let last = chosen[chosen.len() - 1];
    if last + 1 != n {
        let short = distance(smoothed[last].at, smoothed[n - 1].at) < apart / 2.0;
        if short && chosen.len() > 1 {
            chosen.pop();
        }
        chosen.push(n - 1);
    }
    chosen
        .into_iter()
        .map(|i| {
            let s = &smoothed[i];
            let own = fixes[kept[i]].accuracy_m.map_or(1.0, |a| (a / sigma).max(1.0));
            let variance = slow_variance + white * white * s.share;
            Knot {
                fix: kept[i],
                at: local.place(s.at),
                time_s: time[i],
                sigma_m: (variance.sqrt() * own).max(KNOT_SIGMA_MIN_M),
                heading: s.heading(white),
            }
        })
        .collect()
}

/// A fix after smoothing.
struct Smoothed {
    at: [f64; 2],
    velocity: [f64; 2],
    /// Share of the independent variance that is left in the place.
    share: f64,
    /// Seconds of the window, for the error of the velocity.
    span_s: f64,
}

impl Smoothed {
    /// Heading, if the motion within the window stands clear of its noise.
    fn heading(&self, white: f64) -> Option<f64> {
        let speed = self.velocity[0].hypot(self.velocity[1]);
        let moved = speed * self.span_s;
        (moved > (3.0 * white).max(20.0))
            .then(|| self.velocity[0].atan2(self.velocity[1]).to_degrees().rem_euclid(360.0))
    }
}

/// Straight-line motion fitted to the fixes about one, by weighted least squares with weights falling to the window's
/// ends.
fn line_fit(xy: &[[f64; 2]], time: &[f64], i: usize) -> Smoothed {
    let n = xy.len();
    let speed = {
        let (a, b) = (i.saturating_sub(8), (i + 8).min(n - 1));
        distance(xy[a], xy[b]) / (time[b] - time[a]).max(0.5)
    };
    let half_s = (WINDOW_M / speed.max(1.5)).max(0.5);
    let (low, high) = (i.saturating_sub(WINDOW_FIXES), (i + WINDOW_FIXES).min(n - 1));
    let (mut sw, mut st, mut stt) = (0.0, 0.0, 0.0);
    let (mut sx, mut stx) = ([0.0; 2], [0.0; 2]);
    let mut used: Vec<(f64, f64)> = Vec::with_capacity(high - low + 1);
    for j in low..=high {
        let t = time[j] - time[i];
        let w = 1.0 - t.abs() / (half_s * 1.001);
        if w <= 0.0 {
            continue;
        }
        used.push((w, t));
        sw += w;
        st += w * t;
        stt += w * t * t;
        for k in 0..2 {
            sx[k] += w * xy[j][k];
            stx[k] += w * t * xy[j][k];
        }
    }
    let determinant = sw * stt - st * st;
    let span_s = used.last().map_or(0.0, |l| l.1) - used.first().map_or(0.0, |f| f.1);
    if used.len() < 3 || determinant <= 1e-9 {
        return Smoothed { at: xy[i], velocity: [0.0; 2], share: 1.0, span_s: 0.0 };
    }
    let at = [0, 1].map(|k| (stt * sx[k] - st * stx[k]) / determinant);
    let velocity = [0, 1].map(|k| (sw * stx[k] - st * sx[k]) / determinant);
    // The place is a weighted sum of the fixes: its variance is the sum of the squared weights.
    let share = used.iter().map(|(w, t)| (w * (stt - st * t) / determinant).powi(2)).sum::<f64>();
    Smoothed { at, velocity, share: share.min(1.0), span_s }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(time_s: f64, metres_east: f64, metres_north: f64) -> Fix {
        let local = Local::at(LonLat { lon: 113.0, lat: 33.9 });
        Fix { time_s, place: local.place([metres_east, metres_north]), accuracy_m: None }
    }

    #[test]
    fn a_jump_is_dropped_and_a_new_place_is_believed_at_the_second_fix() {
        let fixes: Vec<Fix> = [0.0, 10.0, 5000.0, 30.0, 40.0, 9000.0, 9010.0, 9020.0]
            .iter()
            .enumerate()
            .map(|(i, x)| fix(i as f64, *x, 0.0))
            .collect();
        let track = condense(&fixes, 8.0);
        assert_eq!(track.dropped, [false, false, true, false, false, false, false, false]);
    }

    #[test]
    fn nonsense_and_clocks_that_go_back_are_dropped() {
        let mut fixes: Vec<Fix> =
            (0..6).map(|i| fix(f64::from(i) * 10.0, f64::from(i) * 100.0, 0.0)).collect();
        fixes[1].place.lon = f64::NAN;
        fixes[3].time_s = 5.0;
        fixes[4].time_s = f64::INFINITY;
        let track = condense(&fixes, 8.0);
        assert_eq!(track.dropped, [false, true, false, true, true, false]);
        assert!(condense(&[], 8.0).knots.is_empty());
    }

    #[test]
    fn a_straight_drive_stays_where_it_is_and_thins_out() {
        let fixes: Vec<Fix> = (0..200).map(|i| fix(f64::from(i), f64::from(i) * 12.0, 0.0)).collect();
        let track = condense(&fixes, 8.0);
        assert!(track.dense && track.knots.len() > 20 && track.knots.len() < 120, "{}", track.knots.len());
        for knot in &track.knots {
            assert!(knot.at.metres_to(fixes[knot.fix].place) < 0.1);
            assert!(knot.heading.is_none_or(|h| (h - 90.0).abs() < 0.5));
        }
    }
}
