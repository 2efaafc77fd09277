//! The running day in this process: `dispatch` and the repair worker without sockets, and a dispatcher who does the plain
//! thing with every exception.

use crate::desk::{Desk, Refused, Sent};
use std::collections::BTreeMap;
use std::sync::Arc;
use xiangyun_dispatch::arrival::{Fix, Seen, Target, Watch};
use xiangyun_dispatch::command::{Command, PlaceOrder};
use xiangyun_dispatch::decide::decide;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::eta::{self, Learner};
use xiangyun_dispatch::event::{Event, ExceptionKind, PlannedTrip};
use xiangyun_dispatch::kpi::DayFigures;
use xiangyun_dispatch::monitor::{self, Facts};
use xiangyun_dispatch::published;
use xiangyun_dispatch::state::{State, StopPhase};
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::travel::Travel;
use xiangyun_redispatch::Redispatch;

/// Time between two looks of the watch.
const WATCH_MS: i64 = 60_000;
/// A live report this far from our clock has a wrong clock; the time of receipt counts.
const CLOCK_OFF_MS: i64 = 600_000;
/// How long the dispatcher lets an exception settle by itself before acting on it.
const PATIENCE_MS: i64 = 8 * 60_000;

/// The day in this process.
pub struct Local {
    /// What is so now.
    pub state: State,
    /// Everything that has happened, with when.
    pub log: Vec<(i64, Event)>,
    /// Figures folded along.
    pub figures: DayFigures,
    /// What the fleet has taught.
    pub learner: Learner,
    /// The repair worker.
    pub worker: Redispatch,
    watches: BTreeMap<String, Watch>,
    targets: BTreeMap<String, (u64, Vec<Target>)>,
    /// Trips of each vehicle, as of its version.
    trips: BTreeMap<String, (u64, Vec<Arc<PlannedTrip>>)>,
    places: BTreeMap<String, (f64, f64)>,
    seen_ms: BTreeMap<String, i64>,
    trunks: BTreeMap<String, bool>,
    zone_offset_s: i64,
    watched_ms: i64,
    opened: BTreeMap<String, i64>,
    tried: BTreeMap<String, u32>,
    offers: u64,
    /// Arrivals that positions told: vehicle, visit's site, when.
    pub told: Vec<(String, String, i64)>,
    /// Repairs accepted, with the stops they moved.
    pub repairs: Vec<(ExceptionKind, i64, u32)>,
    /// Orders of the day that got a place, and those that got none.
    pub inserted: (u64, u64),
}

impl Local {
    /// A day on a published plan. `zone_offset_s` is how far local time is ahead of UTC.
    #[must_use]
    pub fn new(plan: Plan, inputs: Inputs, midnight_ms: i64, zone_offset_s: i64) -> Self {
        let places =
            inputs.county.sites.iter().map(|s| (s.id.to_string(), (s.place.lon, s.place.lat))).collect();
        let trunks = plan.trips.iter().map(|t| (t.id.clone(), t.kind == TripKind::Trunk)).collect();
        Self {
            state: State::new(&plan.county),
            log: Vec::new(),
            figures: DayFigures::default(),
            learner: Learner::default(),
            worker: Redispatch::new(plan, inputs, midnight_ms),
            watches: BTreeMap::new(),
            targets: BTreeMap::new(),
            trips: BTreeMap::new(),
            places,
            seen_ms: BTreeMap::new(),
            trunks,
            zone_offset_s,
            watched_ms: i64::MIN,
            opened: BTreeMap::new(),
            tried: BTreeMap::new(),
            offers: 0,
            told: Vec::new(),
            repairs: Vec::new(),
            inserted: (0, 0),
        }
    }

    /// Publishes the plan's trips.
    ///
    /// # Errors
    /// What `dispatch` refuses.
    pub fn publish(&mut self, midnight_ms: i64, now_ms: i64) -> Result<(), Refused> {
        let plan = self.worker.running().plan();
        let trips = published::trips(plan, midnight_ms);
        let name = plan.id.clone();
        self.submit(&Command::Publish { plan: name, trips }, now_ms)
    }

    fn happen(&mut self, events: Vec<Event>, now_ms: i64) {
        for event in events {
            if let Event::ExceptionRaised(e) = &event {
                self.opened.insert(e.exception.clone(), now_ms);
            }
            self.state.apply(&event);
            self.figures.apply(&event);
            self.learner.apply(&self.state, &event, self.zone_offset_s);
            self.log.push((now_ms, event));
        }
    }

    fn own(&mut self, command: &Command, now_ms: i64) -> bool {
        match decide(&self.state, command, now_ms) {
            Ok(events) => {
                let any = !events.is_empty();
                self.happen(events, now_ms);
                any
            }
            Err(_) => false,
        }
    }

    /// The stops ahead of a vehicle, renewed when its version has changed.
    fn ahead(&mut self, vehicle: &str) -> Vec<Target> {
        let Some(state) = self.state.vehicles.get(vehicle) else { return Vec::new() };
        if let Some((version, targets)) = self.targets.get(vehicle)
            && *version == state.version
        {
            return targets.clone();
        }
        let over = |v: &str| {
            self.state.stops.get(v).is_some_and(|s| {
                matches!(s.phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped)
            })
        };
        let targets: Vec<Target> = state
            .trips
            .iter()
            .filter_map(|t| self.state.trips.get(t))
            .find(|t| t.visits.iter().any(|v| !over(&v.visit)))
            .map_or_else(Vec::new, |t| {
                let open = t.visits.iter().filter(|v| !over(&v.visit));
                open.filter_map(|v| {
                    let (lon, lat) = *self.places.get(&v.site)?;
                    Some(Target { visit: v.visit.clone(), lon, lat })
                })
                .collect()
            });
        self.targets.insert(vehicle.to_owned(), (state.version, targets.clone()));
        targets
    }

    fn facts(&self, now_ms: i64) -> BTreeMap<String, Facts> {
        let over = |phase| matches!(phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped);
        let mut facts = BTreeMap::new();
        for (vehicle, state) in &self.state.vehicles {
            let phase = |v: &str| self.state.stops.get(v).map_or(StopPhase::Planned, |s| s.phase);
            let trip = state
                .trips
                .iter()
                .filter_map(|t| self.state.trips.get(t))
                .find(|t| t.visits.iter().any(|v| !over(phase(&v.visit))));
            let Some(trip) = trip else { continue };
            let begun = over(phase(&trip.visits[0].visit));
            facts.insert(
                vehicle.clone(),
                Facts {
                    ahead: eta::ahead(
                        &self.state,
                        &self.learner.model,
                        &trip.trip,
                        now_ms,
                        None,
                        self.zone_offset_s,
                    ),
                    seen_ms: self.seen_ms.get(vehicle).copied(),
                    off_way_m: None,
                    under_way: begun,
                    trunk: self.trunks.get(&trip.trip).copied().unwrap_or(false),
                },
            );
        }
        facts
    }

    /// The dispatcher takes the open exceptions one by one.
    fn dispatcher(&mut self, now_ms: i64) {
        let open: Vec<(String, ExceptionKind)> =
            self.state.queue().into_iter().map(|(id, e)| (id.to_owned(), e.kind)).collect();
        for (id, kind) in open {
            let since = self.opened.get(&id).copied().unwrap_or(now_ms);
            let tries = self.tried.get(&id).copied().unwrap_or(0);
            let next = since + i64::from(tries) * 600_000;
            match kind {
                ExceptionKind::Breakdown if now_ms >= next && tries < 4 => {
                    self.try_repair(&id, kind, now_ms);
                }
                ExceptionKind::Breakdown if tries >= 4 => self.settle(&id, "towed to its base", now_ms),
                ExceptionKind::LateRisk | ExceptionKind::TrunkLate if now_ms - since >= PATIENCE_MS => {
                    let repaired = self.try_repair(&id, kind, now_ms);
                    if !repaired {
                        self.settle(&id, "recipients told of the new time", now_ms);
                    }
                }
                ExceptionKind::RoadClosed if now_ms - since >= 60_000 => {
                    let repaired = self.try_repair(&id, kind, now_ms);
                    if !repaired {
                        self.settle(&id, "drivers told; the plan holds", now_ms);
                    }
                }
                ExceptionKind::NoSignal if now_ms - since >= PATIENCE_MS => {
                    self.settle(&id, "driver called", now_ms);
                }
                ExceptionKind::LateRisk
                | ExceptionKind::TrunkLate
                | ExceptionKind::NoSignal
                | ExceptionKind::Breakdown
                | ExceptionKind::RoadClosed => {}
                _ if now_ms - since >= 30 * 60_000 => self.settle(&id, "looked into and recorded", now_ms),
                _ => {}
            }
        }
    }

    fn settle(&mut self, id: &str, how: &str, now_ms: i64) {
        let close = Command::Close { exception: id.to_owned(), how: how.to_owned(), acted: true };
        self.own(&close, now_ms);
    }

    fn try_repair(&mut self, id: &str, kind: ExceptionKind, now_ms: i64) -> bool {
        *self.tried.entry(id.to_owned()).or_insert(0) += 1;
        self.worker.follow(&self.state, now_ms);
        self.offers += 1;
        let name = format!("OF-{}", self.offers);
        let Ok(offer) = self.worker.repair(&self.state, id, &name) else { return false };
        let patch = offer.patch.clone();
        let (price, moved) = (offer.price_fen, offer.moved_stops);
        self.own(&Command::Offer(offer), now_ms)
            && self.own(&Command::AcceptOffer { offer: name, by: "dispatcher".into() }, now_ms)
            && self.worker.accepted(&patch, Vec::new()).is_ok_and(|()| {
                self.repairs.push((kind, price, moved));
                true
            })
    }
}

impl Desk for Local {
    fn submit(&mut self, command: &Command, now_ms: i64) -> Result<(), Refused> {
        let events = decide(&self.state, command, now_ms).map_err(|r| {
            let words = r.to_string();
            Refused { code: words.get(..4).unwrap_or("").to_owned(), words: format!("{words} | {command:?}") }
        })?;
        let wrong = matches!(events[..], [Event::CodeTried(_)]);
        self.happen(events, now_ms);
        if wrong {
            return Err(Refused { code: "D206".into(), words: "wrong code".into() });
        }
        Ok(())
    }

    fn trips(&mut self, vehicle: &str) -> Vec<Arc<PlannedTrip>> {
        let Some(state) = self.state.vehicles.get(vehicle) else { return Vec::new() };
        if let Some((version, trips)) = self.trips.get(vehicle)
            && *version == state.version
        {
            return trips.clone();
        }
        let trips = state.trips.iter().filter_map(|t| self.state.trips.get(t));
        let trips: Vec<_> = trips.cloned().map(Arc::new).collect();
        self.trips.insert(vehicle.to_owned(), (state.version, trips.clone()));
        trips
    }

    fn position(&mut self, vehicle: &str, sent: Sent, now_ms: i64) {
        let mut fix: Fix = sent.fix;
        if !sent.backfill && (fix.at_ms - now_ms).abs() > CLOCK_OFF_MS {
            fix.at_ms = now_ms;
        }
        self.seen_ms.insert(vehicle.to_owned(), now_ms);
        let ahead = self.ahead(vehicle);
        let seen = self.watches.entry(vehicle.to_owned()).or_default().fix(fix, &ahead, now_ms);
        for seen in seen {
            if let Seen::Arrived { visit, at_ms } = seen {
                let site = self.state.visit(&visit).map(|(_, v, _)| v.site.clone()).unwrap_or_default();
                if self.own(&Command::Arrive { visit, at_ms }, now_ms) {
                    self.told.push((vehicle.to_owned(), site, at_ms));
                }
            }
        }
    }

    fn new_order(&mut self, row: &OrderRow, order: PlaceOrder, now_ms: i64) {
        let id = order.order.clone();
        let exception = format!("UA-{id}");
        self.own(&Command::PlaceOrder(order), now_ms);
        let raise = Command::Raise {
            exception: exception.clone(),
            kind: ExceptionKind::Unassigned,
            subject: format!("order/{id}"),
            in_charge: None,
            evidence: "当日新单，未排入 | came in during the day, not in the plan".into(),
            price_fen: row.order.unserved_fen,
        };
        self.own(&raise, now_ms);
        self.worker.follow(&self.state, now_ms);
        self.offers += 1;
        let name = format!("OF-{}", self.offers);
        let placed = self.worker.insert(&self.state, row, &exception, &name).is_ok_and(|(offer, patch)| {
            let text = offer.patch.clone();
            let (price, moved) = (offer.price_fen, offer.moved_stops);
            self.own(&Command::Offer(offer), now_ms)
                && self.own(&Command::AcceptOffer { offer: name, by: "rule".into() }, now_ms)
                && self.worker.accepted(&text, patch.orders).is_ok_and(|()| {
                    self.repairs.push((ExceptionKind::Unassigned, price, moved));
                    true
                })
        });
        if placed {
            self.inserted.0 += 1;
        } else {
            self.inserted.1 += 1;
            self.settle(&exception, "sender told: tomorrow", now_ms);
        }
    }

    fn roads_changed(&mut self, travel: &Travel, why: &str, now_ms: i64) {
        self.worker.follow(&self.state, now_ms);
        self.worker.roads_changed(travel.clone());
        let raise = Command::Raise {
            exception: format!("RC-{why}-{now_ms}"),
            kind: ExceptionKind::RoadClosed,
            subject: format!("site/{why}"),
            in_charge: None,
            evidence: format!("{why} 道路封闭或恢复 | the road at {why} closed or opened"),
            price_fen: 0,
        };
        self.own(&raise, now_ms);
    }

    fn tick(&mut self, now_ms: i64) {
        if now_ms < self.watched_ms.saturating_add(WATCH_MS) {
            return;
        }
        self.watched_ms = now_ms;
        let facts = self.facts(now_ms);
        for command in monitor::watch(&self.state, &facts, now_ms) {
            self.own(&command, now_ms);
        }
        if now_ms % (30 * 60_000) < WATCH_MS {
            for command in duties::due(&self.state, now_ms) {
                self.own(&command, now_ms);
            }
        }
        self.dispatcher(now_ms);
    }
}
