//! The worker between the running day and the planner: it follows the day's state, and for an exception or a new order it
//! makes a finished, checked offer in `dispatch`'s words.
//!
//! It promises: an offer names the versions of the vehicles it touches at the state it was made on, so that `dispatch` can
//! refuse it when they have changed; what it was asked it answers on a plan timed forward from what has happened. It never
//! does: change the day, read a clock, wait for anything.

use std::collections::BTreeMap;
use thiserror::Error;
use xiangyun_dispatch::command::Offer as DayOffer;
use xiangyun_dispatch::event::{Condition, ExceptionKind, Touched};
use xiangyun_dispatch::published;
use xiangyun_dispatch::state::{State, StopPhase};
use xiangyun_model::plan::{Load, Plan, VisitLock};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::repair::{Done, NoOffer, Offer, Patch, Progress, Running, TidyUp};
use xiangyun_planning::travel::Travel;

/// Why an exception gets no offer.
#[derive(Debug, Error)]
pub enum NoRepair {
    /// The exception is not open.
    #[error("exception {0} is not open")]
    Unknown(String),
    /// A change of the plan does not help against this kind.
    #[error("nothing in the plan mends {0:?}; a person must look at it")]
    NotByPlan(ExceptionKind),
    /// The planner found nothing.
    #[error(transparent)]
    NoOffer(#[from] NoOffer),
    /// A change in the planner's words that cannot be read.
    #[error("a change of the plan cannot be read: {0}")]
    Patch(#[from] serde_json::Error),
}

/// A plan under way with the day it follows.
#[derive(Debug)]
pub struct Redispatch {
    running: Running,
    midnight_ms: i64,
    locks: Vec<VisitLock>,
}

impl Redispatch {
    /// Follows a published plan; `midnight_ms` is the instant of its day's local midnight.
    #[must_use]
    pub fn new(plan: Plan, inputs: Inputs, midnight_ms: i64) -> Self {
        Self { running: Running::new(plan, inputs), midnight_ms, locks: Vec::new() }
    }

    /// The plan as it runs.
    #[must_use]
    pub const fn running(&self) -> &Running {
        &self.running
    }

    /// The plan as it runs, to go on with it by hand.
    #[must_use]
    pub fn into_running(self) -> Running {
        self.running
    }

    /// Sets how many stops an offer may move.
    pub const fn set_budget(&mut self, moved_max: Option<u32>) {
        self.running.moved_max = moved_max;
    }

    /// Sets the visits that a tidy-up leaves alone.
    pub fn set_locks(&mut self, locks: Vec<VisitLock>) {
        self.locks = locks;
    }

    /// Takes in what the day's state says has happened by `now_ms`.
    pub fn follow(&mut self, state: &State, now_ms: i64) {
        let s = |ms: i64| (ms - self.midnight_ms).div_euclid(1_000);
        let mut progress = Progress { now: s(now_ms), ..Progress::default() };
        progress.held.clone_from(&self.running.progress().held);
        let date = self.running.plan().date;
        for (id, stop) in &state.stops {
            let Some(id) = published::undated(date, id) else { continue };
            let left = match stop.phase {
                StopPhase::Planned | StopPhase::EnRoute => continue,
                StopPhase::Arrived => None,
                // A stop that failed or was passed is over at the latest now.
                StopPhase::Served | StopPhase::Failed | StopPhase::Skipped => {
                    Some(stop.left_ms.or(stop.arrived_ms).map_or(s(now_ms), s))
                }
            };
            let arrived = stop.arrived_ms.map_or_else(|| left.unwrap_or(s(now_ms)), s);
            progress.visits.insert(id.to_owned(), Done { arrived, left: left.map(|l| l.max(arrived)) });
        }
        for (id, orders) in &state.left_behind {
            if let Some(id) = published::undated(date, id) {
                progress.left_behind.insert(id.to_owned(), orders.clone());
            }
        }
        progress.broken = state
            .vehicles
            .iter()
            .filter(|(_, v)| v.condition == Condition::Broken)
            .map(|(id, _)| id.clone())
            .chain(reported_broken(state))
            .collect();
        // Timing and judging the whole day is dear: not for news that are none.
        if progress == *self.running.progress() {
            return;
        }
        self.running.happened(progress);
    }

    /// Loads that miss a ride as things stand and have no other yet.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        self.running.missed()
    }

    /// Says that a trip is held at its base until an instant.
    pub fn hold(&mut self, trip: &str, until_ms: i64) {
        let mut progress = self.running.progress().clone();
        progress.held.insert(trip.to_owned(), (until_ms - self.midnight_ms).div_euclid(1_000));
        self.running.happened(progress);
    }

    /// Roads have closed, opened or changed their speeds.
    pub fn roads_changed(&mut self, travel: Travel) {
        self.running.roads_changed(travel);
    }

    /// A checked offer for an open exception; `name` is the offer's number. [`Self::follow`] comes first.
    ///
    /// # Errors
    /// [`NoRepair`]: not open, not to be mended by the plan, or nothing found.
    pub fn repair(&self, state: &State, exception: &str, name: &str) -> Result<DayOffer, NoRepair> {
        let found = state.exceptions.get(exception).filter(|e| !e.closed);
        let found = found.ok_or_else(|| NoRepair::Unknown(exception.to_owned()))?;
        let offer = match found.kind {
            ExceptionKind::Breakdown => {
                let vehicle = found.subject.strip_prefix("vehicle/").unwrap_or(&found.subject);
                self.running.rescue(vehicle, &self.last_site(vehicle))?
            }
            ExceptionKind::TrunkLate
            | ExceptionKind::LateRisk
            | ExceptionKind::RoadClosed
            | ExceptionKind::Deviation => match self.running.missed() {
                missed if missed.is_empty() => return Err(NoRepair::NotByPlan(found.kind)),
                missed => self.running.rebook(&missed)?,
            },
            ExceptionKind::Cancelled => {
                let order = found.subject.strip_prefix("order/").unwrap_or(&found.subject);
                self.running.cancel(order)?
            }
            ExceptionKind::TidyUp => self.running.tidy_up(&TidyUp::of(self.running.plan()), &self.locks)?,
            kind => return Err(NoRepair::NotByPlan(kind)),
        };
        Ok(self.day_offer(state, &offer, exception, name))
    }

    /// A checked offer that gives a new order its place.
    ///
    /// # Errors
    /// [`NoRepair::NoOffer`] when no vehicle has one.
    pub fn insert(
        &mut self,
        state: &State,
        row: &OrderRow,
        exception: &str,
        name: &str,
    ) -> Result<(DayOffer, Patch), NoRepair> {
        let offer = self.running.insert(row)?;
        Ok((self.day_offer(state, &offer, exception, name), offer.patch))
    }

    /// A checked offer that takes an order out.
    ///
    /// # Errors
    /// [`NoRepair::NoOffer`] when it is not in the plan or under way.
    pub fn cancel(
        &self,
        state: &State,
        order: &str,
        exception: &str,
        name: &str,
    ) -> Result<DayOffer, NoRepair> {
        let offer = self.running.cancel(order)?;
        Ok(self.day_offer(state, &offer, exception, name))
    }

    /// An accepted offer becomes the plan; `new` are orders that it brought, which its text does not hold.
    ///
    /// # Errors
    /// [`NoRepair::Patch`] when the text is not a change of a plan.
    pub fn accepted(&mut self, patch: &str, new: Vec<OrderRow>) -> Result<(), NoRepair> {
        let mut patch: Patch = serde_json::from_str(patch)?;
        patch.orders = new;
        self.running.accept(&patch);
        Ok(())
    }

    /// Where a vehicle last was: the site nearest to it that the plan knows.
    fn last_site(&self, vehicle: &str) -> String {
        let done = &self.running.progress().visits;
        let own = self.running.plan().trips.iter().filter(|t| t.vehicle == vehicle).flat_map(|t| &t.visits);
        let last = own.clone().filter(|v| done.contains_key(&v.id)).max_by_key(|v| done[&v.id].arrived);
        last.or_else(|| own.clone().next()).map_or_else(String::new, |v| v.site.clone())
    }

    fn day_offer(&self, state: &State, offer: &Offer, exception: &str, name: &str) -> DayOffer {
        let plan = self.running.plan();
        let mut after = plan.clone();
        offer.patch.apply(&mut after);
        let loads: BTreeMap<&str, &Load> = after.loads.iter().map(|l| (l.id.as_str(), l)).collect();
        // A trip also changes for the day when the orders of its loads do.
        let trips = after.trips.iter().filter_map(|t| {
            let day = published::trip(plan.date, t, &loads, self.midnight_ms);
            let changed =
                offer.patch.trips.iter().any(|p| p.id == t.id) || !state.trips.contains_key(&day.trip);
            changed.then_some(day)
        });
        let touched = offer.patch.vehicles(plan).into_iter().map(|vehicle| {
            let version = state.vehicles.get(&vehicle).map_or(0, |v| v.version);
            Touched { vehicle, version }
        });
        DayOffer {
            offer: name.to_owned(),
            exception: exception.to_owned(),
            trips: trips.collect(),
            touched: touched.collect(),
            price_fen: offer.price_fen,
            lateness_s: offer.lateness_s,
            moved_stops: offer.moved_stops,
            dropped: offer.patch.dropped.iter().map(|id| published::dated(plan.date, id)).collect(),
            patch: serde_json::to_string(&offer.patch).unwrap_or_default(),
        }
    }
}

/// Vehicles that somebody reported as broken down, whatever their own condition says.
fn reported_broken(state: &State) -> impl Iterator<Item = String> {
    state
        .exceptions
        .values()
        .filter(|e| !e.closed && e.kind == ExceptionKind::Breakdown)
        .filter_map(|e| e.subject.strip_prefix("vehicle/").map(str::to_owned))
}
