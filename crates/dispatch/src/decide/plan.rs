//! The plan under way: publishing trips, stops arrived, served, failed.

use crate::event::{Event, PlannedTrip, StopArrived, StopFailed, StopServed, TripDropped, TripPlanned};
use crate::refusal::Refusal;
use crate::state::{State, StopPhase};
use std::collections::BTreeSet;

/// Publishes a plan's trips. Trips under way or done stay; trips that have not begun and are not in the new plan are
/// dropped.
pub(super) fn publish(state: &State, plan: &str, trips: &[PlannedTrip]) -> Result<Vec<Event>, Refusal> {
    let mut ids = BTreeSet::new();
    let mut visits = BTreeSet::new();
    for trip in trips {
        if !ids.insert(trip.trip.as_str()) {
            return Err(Refusal::Exists { field: "/trips", id: trip.trip.clone() });
        }
        for visit in &trip.visits {
            if !visits.insert(visit.visit.as_str()) {
                return Err(Refusal::Exists { field: "/trips/visits", id: visit.visit.clone() });
            }
        }
        keeps_progress(state, trip)?;
    }
    let mut events = Vec::new();
    for (id, old) in &state.trips {
        if !ids.contains(id.as_str()) && !begun(state, old) {
            events.push(Event::TripDropped(TripDropped { trip: id.clone(), vehicle: old.vehicle.clone() }));
        }
    }
    for trip in trips {
        if state.trips.get(&trip.trip) != Some(trip) {
            events.push(Event::TripPlanned(TripPlanned { plan: plan.to_owned(), trip: trip.clone() }));
        }
    }
    Ok(events)
}

/// Whether any stop of a trip has been reached or left.
pub(super) fn begun(state: &State, trip: &PlannedTrip) -> bool {
    trip.visits.iter().any(|v| {
        state.stops.get(&v.visit).is_some_and(|s| !matches!(s.phase, StopPhase::Planned | StopPhase::EnRoute))
    })
}

/// A new version of a trip keeps what is done: the same visits first, on the same vehicle.
pub(super) fn keeps_progress(state: &State, trip: &PlannedTrip) -> Result<(), Refusal> {
    let Some(old) = state.trips.get(&trip.trip) else { return Ok(()) };
    let done = old.visits.iter().take_while(|v| {
        state.stops.get(&v.visit).is_some_and(|s| !matches!(s.phase, StopPhase::Planned | StopPhase::EnRoute))
    });
    let mut moved = None;
    for (i, visit) in done.enumerate() {
        let same = trip.visits.get(i).is_some_and(|v| v.visit == visit.visit && v.site == visit.site);
        if !same || old.vehicle != trip.vehicle {
            moved = Some(visit.visit.clone());
            break;
        }
    }
    match moved {
        None => Ok(()),
        Some(visit) => Err(Refusal::State {
            subject: format!("visit {visit}"),
            is: "reached already".into(),
            needs: "a trip that keeps what is done, in its order and on its vehicle",
        }),
    }
}

fn known<'a>(
    state: &'a State,
    visit: &str,
) -> Result<(&'a PlannedTrip, &'a crate::state::StopState), Refusal> {
    state
        .visit(visit)
        .map(|(trip, _, stop)| (trip, stop))
        .ok_or_else(|| Refusal::Unknown { field: "/visit", id: visit.to_owned() })
}

pub(super) fn arrive(state: &State, visit: &str, at_ms: i64) -> Result<Vec<Event>, Refusal> {
    let (trip, stop) = known(state, visit)?;
    match stop.phase {
        StopPhase::Arrived | StopPhase::Served => Ok(vec![]),
        _ => Ok(vec![Event::StopArrived(StopArrived {
            visit: visit.to_owned(),
            vehicle: trip.vehicle.clone(),
            at_ms,
        })]),
    }
}

pub(super) fn serve(state: &State, visit: &str, at_ms: i64) -> Result<Vec<Event>, Refusal> {
    let (trip, stop) = known(state, visit)?;
    match stop.phase {
        StopPhase::Served => Ok(vec![]),
        StopPhase::Arrived => {
            if stop.arrived_ms.is_some_and(|came| at_ms < came) {
                return Err(Refusal::Value {
                    field: "/at_ms",
                    found: at_ms.to_string(),
                    want: "a time not before the arrival",
                });
            }
            Ok(vec![Event::StopServed(StopServed {
                visit: visit.to_owned(),
                vehicle: trip.vehicle.clone(),
                at_ms,
            })])
        }
        phase => Err(Refusal::State {
            subject: format!("visit {visit}"),
            is: format!("{phase:?}"),
            needs: "an arrival first",
        }),
    }
}

pub(super) fn fail(state: &State, visit: &str, cause: &str, skipped: bool) -> Result<Vec<Event>, Refusal> {
    let (trip, stop) = known(state, visit)?;
    match stop.phase {
        StopPhase::Served => Err(Refusal::State {
            subject: format!("visit {visit}"),
            is: "served".into(),
            needs: "a stop that is not done",
        }),
        StopPhase::Failed | StopPhase::Skipped => Ok(vec![]),
        _ => Ok(vec![Event::StopFailed(StopFailed {
            visit: visit.to_owned(),
            vehicle: trip.vehicle.clone(),
            cause: cause.to_owned(),
            skipped,
        })]),
    }
}
