//! From a heap of reports to a clean track: sorted, each once, jumps taken out.

use super::point::{Point, Rules};

/// Sorts, keeps one report for each instant, and takes out jumps. Gives the track and the points taken out.
pub(super) fn clean(mut points: Vec<Point>, rules: &Rules) -> (Vec<Point>, Vec<Point>) {
    // A total order over all fields, so that the result depends on the set alone.
    points.sort_unstable();
    points.dedup();
    points.dedup_by(|later, kept| later.time_ms == kept.time_ms);
    take_out_jumps(points, rules)
}

/// Whether the vehicle can have been at both.
fn reachable(from: &Point, to: &Point, rules: &Rules) -> bool {
    let hours = (to.time_ms - from.time_ms) as f64 / 3_600_000.0;
    from.metres_to(to) <= rules.noise_m + rules.jump_kmh * 1_000.0 * hours
}

/// A report that cannot be reached from the last good one is held back with those that agree with it. If the next
/// good report comes from the old place, they were jumps; if enough agree, or enough time went by, they are where
/// the vehicle is now.
fn take_out_jumps(points: Vec<Point>, rules: &Rules) -> (Vec<Point>, Vec<Point>) {
    let mut track: Vec<Point> = Vec::with_capacity(points.len());
    let (mut held, mut out): (Vec<Point>, Vec<Point>) = (Vec::new(), Vec::new());
    for point in points {
        let good = track.last().is_none_or(|last| reachable(last, &point, rules));
        // The first report of all may itself be the jump: three that agree elsewhere overrule it below.
        if good && held.is_empty() {
            track.push(point);
            continue;
        }
        if good && !held.last().is_some_and(|h| reachable(h, &point, rules)) {
            out.append(&mut held);
            track.push(point);
            continue;
        }
        if held.last().is_some_and(|h| !reachable(h, &point, rules)) {
            out.append(&mut held);
        }
        held.push(point);
        let waited = track.last().map_or(0, |last| point.time_ms - last.time_ms);
        if held.len() >= rules.agreeing || waited > rules.believe_after_ms {
            if track.len() == 1 && held.len() >= rules.agreeing {
                out.append(&mut track);
            }
            track.append(&mut held);
        }
    }
    // The end of the day: nothing more can agree.
    out.append(&mut held);
    out.sort_unstable();
    (track, out)
}
