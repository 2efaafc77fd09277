//! Where vehicles are: positions as they become durable, and arrivals at planned stops from them. The tracker follows
//! the position log, so nothing holds up the log's writer and nothing is skipped for a slow tracker.

use crate::app::App;
use crate::live::Told;
use crate::machine::{Command, World, read};
use crate::messages;
use crate::metrics::Reason;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use utoipa::ToSchema;
use xiangyun_dispatch::arrival::{Fix, Seen, Target, Watch};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::state::StopPhase;
use xiangyun_telematics::position::Flags;
use xiangyun_telematics::segments::{
    Cursor, DeviceId, Durable, Follower, PositionLog, PositionsSealed, Record, Sink,
};

/// Sealed segments that wait to be noted; what does not fit is told again at the next opening.
pub const SEALED_MAX: usize = 1_024;
/// A vehicle that stands at its depot is not arriving there this long before the plan says so.
const EARLY_MS: i64 = 3 * 3_600_000;

/// Takes note of sealed segments; never blocks the log's writer.
pub struct Seals(pub mpsc::Sender<PositionsSealed>);

impl Sink for Seals {
    fn sealed(&mut self, fact: &PositionsSealed) {
        let _ = self.0.try_send(fact.clone());
    }
}

/// A vehicle's last position.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Last {
    /// Vehicle, or the terminal's key where it belongs to none.
    pub vehicle: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
    /// Degrees east, WGS-84.
    pub lon: f64,
    /// Degrees north, WGS-84.
    pub lat: f64,
    /// Speed in km/h, if told.
    pub speed_kmh: Option<f64>,
    /// Course in degrees clockwise from north, if told.
    pub course_deg: Option<u16>,
    /// Whether it has a fix that can be believed.
    pub usable: bool,
}

/// Longest wait for the tracker to have seen everything that is durable.
const CAUGHT_UP: Duration = Duration::from_secs(5);

/// Where vehicles are.
#[derive(Default)]
pub struct Fleet {
    last: Mutex<HashMap<String, Last>>,
    tracker: OnceLock<(PositionLog, watch::Receiver<Cursor>)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fleet {
    /// All last positions, by vehicle.
    #[must_use]
    pub fn all(&self) -> Vec<Last> {
        let mut all: Vec<Last> = lock(&self.last).values().cloned().collect();
        all.sort_by(|a, b| a.vehicle.cmp(&b.vehicle));
        all
    }

    /// One vehicle's.
    #[must_use]
    pub fn of(&self, vehicle: &str) -> Option<Last> {
        lock(&self.last).get(vehicle).cloned()
    }

    /// Waits until every position that is durable now has been looked at: before a stepped clock moves on, arrivals of
    /// the time before are in.
    pub async fn caught_up(&self) {
        let Some((log, seen)) = self.tracker.get() else { return };
        let (end, mut seen) = (log.end(), seen.clone());
        let there = |c: &Cursor| (c.segment, c.offset) >= (end.segment, end.offset);
        if tokio::time::timeout(CAUGHT_UP, seen.wait_for(there)).await.is_err() {
            tracing::warn!("the tracker is behind the position log");
        }
    }

    /// Whether a later position is known.
    fn is_older(&self, now: &Last) -> bool {
        lock(&self.last).get(&now.vehicle).is_some_and(|l| l.at > now.at)
    }

    /// Keeps a position if it is the newest that can be believed.
    fn keep(&self, now: &Last) -> bool {
        let mut all = lock(&self.last);
        let newer = now.usable && all.get(&now.vehicle).is_none_or(|l| l.at <= now.at);
        if newer {
            all.insert(now.vehicle.clone(), now.clone());
        }
        newer
    }
}

/// A record as a last position.
#[must_use]
pub fn last(vehicle: &str, record: &Record) -> Last {
    let place = record.place();
    Last {
        vehicle: vehicle.to_owned(),
        at: jiff::Timestamp::from_millisecond(record.time_ms).unwrap_or_default(),
        lon: place.lon,
        lat: place.lat,
        speed_kmh: record.speed_dkmh.map(|v| f64::from(v) / 10.0),
        course_deg: record.course_deg,
        usable: record.usable() && !record.flags.has(Flags::MOCK),
    }
}

enum Got {
    Position(Record),
    Message(DeviceId, i64, Vec<u8>),
}

/// Follows vehicles until the position log is closed or fails.
pub async fn track(app: Arc<App>, mut follower: Follower) {
    let mut watches: HashMap<String, Watch> = HashMap::new();
    let (seen_to, seen) = watch::channel(follower.cursor());
    // Set once, here.
    let _ = app.fleet.tracker.set((follower.log().clone(), seen));
    loop {
        seen_to.send_replace(follower.cursor());
        let mut got = Vec::new();
        let read = follower.read(|durable| {
            got.push(match durable {
                Durable::Position { record, .. } => Got::Position(record.clone()),
                Durable::Message { device, received_ms, content } => {
                    Got::Message(device, received_ms, content.to_vec())
                }
            });
        });
        match read {
            Ok(0) => {
                seen_to.send_replace(follower.cursor());
                if follower.more().await.is_err() {
                    return;
                }
                continue;
            }
            Ok(_) => {}
            Err(err) => {
                tracing::error!(%err, "the position log cannot be followed");
                return;
            }
        }
        let mut news: HashMap<String, Last> = HashMap::new();
        let mut seen: Vec<DayCommand> = Vec::new();
        for item in got {
            match item {
                Got::Position(record) => {
                    app.metrics.positions.inc();
                    let Some(name) = follower.log().device_id(record.device) else { continue };
                    let now = last(&name, &record);
                    for reading in crate::worker::cold::readings(&name, &record) {
                        if app.worker.reading(reading) {
                            let reason = Reason { reason: "readings_full".into() };
                            app.metrics.dropped.get_or_create(&reason).inc();
                        }
                    }
                    if now.usable && app.fleet.is_older(&now) {
                        app.worker.came_late(&name, record.time_ms);
                    }
                    if app.fleet.keep(&now) {
                        seen.extend(arrivals(&app, &now, watches.entry(now.vehicle.clone()).or_default()));
                        news.insert(now.vehicle.clone(), now);
                    }
                }
                Got::Message(device, at_ms, content) => {
                    if let Some(name) = follower.log().device_id(device) {
                        messages::inbound(&app, &name, at_ms, &content).await;
                    }
                }
            }
        }
        if !news.is_empty() && app.live.is_heard() {
            let list: Vec<&Last> = news.values().collect();
            let data = serde_json::json!({ "positions": list });
            app.live.tell(Told::new(0, "Positions", "positions", data));
        }
        for command in seen {
            // A stop that changed meanwhile refuses; that is no fault.
            if let Err(problem) = app.send(Command::day(vec![command])).await {
                tracing::debug!(detail = problem.detail, "an arrival was refused");
            }
        }
    }
}

/// Notes sealed segments in the event log, each once.
pub async fn note_seals(app: Arc<App>, mut seals: mpsc::Receiver<PositionsSealed>) {
    while let Some(fact) = seals.recv().await {
        let known = sqlx::query("SELECT segment FROM segments WHERE county = $1 AND segment = $2")
            .bind(app.code.clone())
            .bind(fact.segment.clone())
            .fetch_optional(app.store.readers())
            .await;
        if !matches!(known, Ok(None)) {
            continue;
        }
        let command = DayCommand::SealPositions {
            segment: fact.segment,
            from_ms: fact.first_time_ms,
            to_ms: fact.last_time_ms,
            count: fact.count,
            hash: fact.hash,
        };
        if let Err(problem) = app.send(Command::day(vec![command])).await {
            tracing::warn!(detail = problem.detail, "a sealed segment was not noted");
        }
    }
}

/// What a position says about the stops of its vehicle.
fn arrivals(app: &App, now: &Last, watch: &mut Watch) -> Vec<DayCommand> {
    let at_ms = now.at.as_millisecond();
    let targets = ahead(app, &read(&app.world), &now.vehicle, at_ms);
    let fix = Fix { at_ms, lon: now.lon, lat: now.lat };
    watch
        .fix(fix, &targets, app.clock.now_ms())
        .into_iter()
        .map(|seen| match seen {
            Seen::Arrived { visit, at_ms } => DayCommand::Arrive { visit, at_ms },
            Seen::Left { visit, at_ms } => DayCommand::Serve { visit, at_ms },
        })
        .collect()
}

/// Stops that a vehicle has not left, the next one first.
fn ahead(app: &App, world: &World, vehicle: &str, at_ms: i64) -> Vec<Target> {
    let mut targets = Vec::new();
    for trip in crate::auth::trips(world, vehicle) {
        for visit in &trip.visits {
            let open = world.day.stops.get(&visit.visit).is_some_and(|s| {
                !matches!(s.phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped)
            });
            let early = at_ms < visit.arrive_ms - EARLY_MS;
            if open
                && !early
                && let Some(site) = app.site(&visit.site)
            {
                targets.push(Target { visit: visit.visit.clone(), lon: site.place.lon, lat: site.place.lat });
            }
        }
    }
    targets
}
