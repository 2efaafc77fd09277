//! What time alone brings: expected arrivals, exceptions raised and withdrawn, overdue parcels, the nightly schedule.

use crate::app::App;
use crate::machine::{Command, World, decide_all, read};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::eta::{self, Eta};
use xiangyun_dispatch::monitor::{self, Facts};
use xiangyun_dispatch::state::StopPhase;

/// Business time between two looks.
pub const EVERY_MS: i64 = 15_000;
/// Wall time between two looks at the clock.
const LOOK: Duration = Duration::from_millis(250);

/// Expected arrivals by visit, as last reckoned.
#[derive(Default)]
pub struct Etas {
    by_visit: Mutex<HashMap<String, Eta>>,
}

impl Etas {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> HashMap<String, Eta> {
        self.by_visit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, etas: HashMap<String, Eta>) {
        *self.by_visit.lock().unwrap_or_else(PoisonError::into_inner) = etas;
    }
}

/// Ticks with a running clock until the daemon ends; a stepped clock ticks by being moved.
pub async fn run(app: Arc<App>) {
    let mut draining = app.draining.subscribe();
    let mut last_ms = i64::MIN;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = crate::http::drained(&mut draining) => return,
        }
        let now = app.clock.now_ms();
        if app.clock.name() != "stepped" && now >= last_ms.saturating_add(EVERY_MS) {
            last_ms = now;
            tick(&app).await;
        }
    }
}

/// One look at everything.
pub async fn tick(app: &Arc<App>) {
    let now = app.clock.now_ms();
    let commands = {
        let world = read(&app.world);
        let facts = facts(app, &world, now);
        let etas =
            facts.values().flat_map(|f| f.ahead.iter().map(|e| (e.visit.clone(), e.clone()))).collect();
        app.etas.set(etas);
        let mut commands = monitor::watch(&world.day, &facts, now);
        commands.extend(duties::due(&world.day, now));
        commands
    };
    for command in commands {
        let work = move |world: &World, now| decide_all(world, &[command], now);
        if let Err(problem) = app.send(Command::own(work)).await {
            tracing::debug!(detail = problem.detail, "a watch was refused");
        }
    }
    crate::night::tick(app, now).await;
}

/// What is known of every vehicle with a trip of the day.
fn facts(app: &App, world: &World, now: i64) -> BTreeMap<String, Facts> {
    let mut facts = BTreeMap::new();
    let offset_s = zone_offset_s(&app.county.time_zone, now);
    for vehicle in world.day.vehicles.keys() {
        let current = crate::auth::trips(world, vehicle).find(|t| {
            t.visits.iter().any(|v| {
                world.day.stops.get(&v.visit).is_some_and(|s| {
                    !matches!(s.phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped)
                })
            })
        });
        let Some(trip) = current else { continue };
        let begun = trip
            .visits
            .first()
            .and_then(|v| world.day.stops.get(&v.visit))
            .is_some_and(|s| matches!(s.phase, StopPhase::Served));
        let first = trip.visits.first().map_or(now, |v| v.depart_ms);
        // A trip of tomorrow is no risk of today.
        if first > now + 6 * 3_600_000 {
            continue;
        }
        facts.insert(
            vehicle.clone(),
            Facts {
                ahead: eta::ahead(&world.day, &world.learner.model, &trip.trip, now, None, offset_s),
                seen_ms: app.fleet.of(vehicle).map(|l| l.at.as_millisecond()),
                off_way_m: app.worker.off_way_m(vehicle),
                under_way: begun,
                trunk: trip.visits.iter().skip(1).any(|v| {
                    app.site(&v.site).is_some_and(|s| s.kind == xiangyun_model::site::SiteKind::Station)
                }),
            },
        );
    }
    facts
}

/// Seconds that local time is ahead of UTC.
#[must_use]
pub fn zone_offset_s(zone: &str, at_ms: i64) -> i64 {
    jiff::tz::TimeZone::get(zone).map_or(0, |z| i64::from(z.to_offset(crate::api::instant(at_ms)).seconds()))
}
