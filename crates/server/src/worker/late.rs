//! Positions that came after later ones (a blind spot, a queue in the terminal): what they say of stops is worked out
//! again from the whole trail, in the order of time, so that arrivals do not depend on the order in which positions came.

use super::{Hand, lock};
use crate::app::App;
use crate::machine::read;
use std::collections::BTreeMap;
use xiangyun_dispatch::arrival::{Fix, Seen, Target, Watch};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::state::StopPhase;
use xiangyun_telematics::position::Flags;

/// Vehicles whose late positions wait; more are looked at with their next one.
pub const VEHICLES_MAX: usize = 20_000;
/// Vehicles looked at in one round.
pub const A_ROUND: usize = 16;
/// The trail is read from this long before the late positions, so that the stop before them is seen.
const BEFORE_MS: i64 = 2 * 3_600_000;
/// Longest trail looked at.
const SPAN_MAX_MS: i64 = 24 * 3_600_000;
/// An arrival that differs by less is the same.
const SAME_MS: i64 = 30_000;

/// From when to when positions came late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from_ms: i64,
    to_ms: i64,
}

impl Span {
    /// One position.
    #[must_use]
    pub const fn new(at_ms: i64) -> Self {
        Self { from_ms: at_ms, to_ms: at_ms }
    }

    /// One more.
    pub fn widen(&mut self, at_ms: i64) {
        self.from_ms = self.from_ms.min(at_ms);
        self.to_ms = self.to_ms.max(at_ms);
    }
}

/// When a vehicle came to a stop and left it, as the trail tells.
type Visit = (Option<i64>, Option<i64>);

/// Looks at vehicles with late positions.
pub fn look(hand: &Hand<'_>, now_ms: i64) {
    let app = hand.app;
    for _ in 0..A_ROUND {
        let Some((vehicle, span)) = take(app) else { return };
        let Some(hub) = app.gateway.get() else { return };
        let from = (span.from_ms - BEFORE_MS).max(now_ms - SPAN_MAX_MS);
        let records = match hub.log.vehicle(&vehicle, from, now_ms) {
            Ok(records) => records,
            Err(err) => {
                tracing::warn!(vehicle, %err, "a trail with late positions was not read");
                continue;
            }
        };
        let fixes: Vec<Fix> = records
            .iter()
            .filter(|r| r.usable() && !r.flags.has(Flags::MOCK))
            .map(|r| Fix { at_ms: r.time_ms, lon: r.place().lon, lat: r.place().lat })
            .collect();
        for command in revisions(app, &vehicle, &fixes, span, now_ms) {
            // A stop that changed meanwhile refuses; that is no fault.
            if let Err(problem) = hand.send(command) {
                tracing::debug!(vehicle, detail = problem.detail, "a revised visit was refused");
            }
        }
    }
}

fn take(app: &App) -> Option<(String, Span)> {
    let mut late = lock(&app.worker.late);
    let vehicle = late.keys().next()?.clone();
    late.remove_entry(&vehicle)
}

/// What differs from what is known, for stops that the late positions can speak of.
fn revisions(app: &App, vehicle: &str, fixes: &[Fix], span: Span, now_ms: i64) -> Vec<DayCommand> {
    let world = read(&app.world);
    let from = fixes.first().map_or(now_ms, |f| f.at_ms);
    let mut targets: Vec<Target> = Vec::new();
    for trip in crate::auth::trips(&world, vehicle) {
        for visit in &trip.visits {
            let Some(stop) = world.day.stops.get(&visit.visit) else { continue };
            let before = stop.left_ms.is_some_and(|left| left < from);
            if !before
                && visit.arrive_ms < now_ms + 3_600_000
                && let Some(site) = app.site(&visit.site)
            {
                targets.push(Target { visit: visit.visit.clone(), lon: site.place.lon, lat: site.place.lat });
            }
        }
    }
    let seen = walk(fixes, targets, now_ms);
    let mut commands = Vec::new();
    for (visit, (arrived, left)) in seen {
        let (Some(arrived_ms), Some((_, _, stop))) = (arrived, world.day.visit(&visit)) else { continue };
        let told = (span.from_ms - SAME_MS..=span.to_ms + SAME_MS).contains(&arrived_ms)
            || left.is_some_and(|l| (span.from_ms - SAME_MS..=span.to_ms + SAME_MS).contains(&l));
        if !told {
            continue;
        }
        match (stop.phase, stop.arrived_ms) {
            (StopPhase::Planned | StopPhase::EnRoute, _) => {
                commands.push(DayCommand::Arrive { visit: visit.clone(), at_ms: arrived_ms });
                commands.extend(left.map(|at_ms| DayCommand::Serve { visit, at_ms }));
            }
            (StopPhase::Arrived | StopPhase::Served, Some(known)) if (known - arrived_ms).abs() > SAME_MS => {
                // A departure that was scanned or seen stays; only what is earlier than the new arrival cannot.
                let left_ms = stop.left_ms.or(left).filter(|l| *l >= arrived_ms);
                commands.push(DayCommand::ReviseVisit { visit, arrived_ms, left_ms });
            }
            _ => {}
        }
    }
    commands
}

/// The trail walked once in the order of time.
fn walk(fixes: &[Fix], mut targets: Vec<Target>, now_ms: i64) -> BTreeMap<String, Visit> {
    let mut watch = Watch::default();
    let mut seen: BTreeMap<String, Visit> = BTreeMap::new();
    for fix in fixes {
        for one in watch.fix(*fix, &targets, now_ms) {
            match one {
                Seen::Arrived { visit, at_ms } => {
                    seen.entry(visit).or_default().0.get_or_insert(at_ms);
                }
                Seen::Left { visit, at_ms } => {
                    targets.retain(|t| t.visit != visit);
                    seen.entry(visit).or_default().1.get_or_insert(at_ms);
                }
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_tells_a_visit_once() {
        let target = Target { visit: "v".into(), lon: 113.0, lat: 34.0 };
        let fix = |s: i64, lat: f64| Fix { at_ms: s * 1_000, lon: 113.0, lat };
        let mut fixes: Vec<Fix> = (0..10).map(|n| fix(n * 30, 34.0 - 0.002 * (9 - n) as f64)).collect();
        fixes.extend((10..20).map(|n| fix(n * 30, 34.0)));
        fixes.extend((20..30).map(|n| fix(n * 30, 34.0 + 0.002 * (n - 19) as f64)));
        let seen = walk(&fixes, vec![target], 1_000_000);
        let (arrived, left) = seen["v"];
        assert!((270_000..=330_000).contains(&arrived.unwrap()), "{arrived:?}");
        assert!((570_000..=630_000).contains(&left.unwrap()), "{left:?}");
    }
}
