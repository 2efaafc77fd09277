//! The queue of exceptions and the repairs offered for them. Offers come finished from a worker; here it is only
//! decided whether they still fit.

use super::plan::{begun, keeps_progress};
use crate::command::Offer;
use crate::event::{
    Event, ExceptionClosed, ExceptionKind, ExceptionRaised, RepairAccepted, RepairOffered, Touched,
    TripDropped, TripPlanned,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn raise(
    state: &State,
    id: &str,
    kind: ExceptionKind,
    subject: &str,
    in_charge: Option<&Holder>,
    (evidence, price_fen): (&str, i64),
) -> Result<Vec<Event>, Refusal> {
    // One open exception a kind and subject: the same fault seen again is no news.
    let open = state
        .exceptions
        .iter()
        .any(|(other, e)| other == id || (!e.closed && e.kind == kind && e.subject == subject));
    if open {
        return Ok(vec![]);
    }
    Ok(vec![Event::ExceptionRaised(ExceptionRaised {
        exception: id.to_owned(),
        kind,
        subject: subject.to_owned(),
        in_charge: in_charge.cloned(),
        evidence: evidence.to_owned(),
        price_fen,
    })])
}

pub(super) fn close(state: &State, id: &str, how: &str, acted: bool) -> Result<Vec<Event>, Refusal> {
    let found = state
        .exceptions
        .get(id)
        .ok_or_else(|| Refusal::Unknown { field: "/exception", id: id.to_owned() })?;
    if found.closed {
        return Ok(vec![]);
    }
    Ok(vec![Event::ExceptionClosed(ExceptionClosed { exception: id.to_owned(), how: how.to_owned(), acted })])
}

pub(super) fn offer(state: &State, offer: &Offer) -> Result<Vec<Event>, Refusal> {
    let found = state
        .exceptions
        .get(&offer.exception)
        .ok_or_else(|| Refusal::Unknown { field: "/exception", id: offer.exception.clone() })?;
    if state.offers.contains_key(&offer.offer) {
        return Err(Refusal::Exists { field: "/offer", id: offer.offer.clone() });
    }
    if found.closed {
        return Err(Refusal::State {
            subject: format!("exception {}", offer.exception),
            is: "closed".into(),
            needs: "an open exception",
        });
    }
    fresh(state, &offer.offer, &offer.touched)?;
    for trip in &offer.trips {
        keeps_progress(state, trip)?;
    }
    may_fall_away(state, &offer.dropped)?;
    Ok(vec![Event::RepairOffered(RepairOffered {
        offer: offer.offer.clone(),
        exception: offer.exception.clone(),
        trips: offer.trips.clone(),
        touched: offer.touched.clone(),
        price_fen: offer.price_fen,
        lateness_s: offer.lateness_s,
        moved_stops: offer.moved_stops,
        dropped: offer.dropped.clone(),
        patch: offer.patch.clone(),
    })])
}

pub(super) fn accept(state: &State, id: &str, by: &str) -> Result<Vec<Event>, Refusal> {
    let offer =
        state.offers.get(id).ok_or_else(|| Refusal::Unknown { field: "/offer", id: id.to_owned() })?;
    if offer.accepted {
        return Ok(vec![]);
    }
    fresh(state, id, &offer.touched)?;
    for trip in &offer.trips {
        keeps_progress(state, trip)?;
    }
    may_fall_away(state, &offer.dropped)?;
    let mut events = vec![Event::RepairAccepted(RepairAccepted {
        offer: id.to_owned(),
        exception: offer.exception.clone(),
        by: by.to_owned(),
    })];
    events.extend(offer.dropped.iter().filter_map(|id| {
        let vehicle = state.trips.get(id)?.vehicle.clone();
        Some(Event::TripDropped(TripDropped { trip: id.clone(), vehicle }))
    }));
    events.extend(
        offer
            .trips
            .iter()
            .map(|trip| Event::TripPlanned(TripPlanned { plan: format!("repair/{id}"), trip: trip.clone() })),
    );
    if state.exceptions.get(&offer.exception).is_some_and(|e| !e.closed) {
        events.push(Event::ExceptionClosed(ExceptionClosed {
            exception: offer.exception.clone(),
            how: format!("repair {id}"),
            acted: true,
        }));
    }
    Ok(events)
}

fn may_fall_away(state: &State, trips: &[String]) -> Result<(), Refusal> {
    match trips.iter().filter_map(|id| state.trips.get(id)).find(|t| begun(state, t)) {
        None => Ok(()),
        Some(trip) => Err(Refusal::State {
            subject: format!("trip {}", trip.trip),
            is: "under way".into(),
            needs: "a trip that has not begun",
        }),
    }
}

/// An offer fits only while the vehicles it touches are as they were.
fn fresh(state: &State, offer: &str, touched: &[Touched]) -> Result<(), Refusal> {
    for t in touched {
        let now = state.vehicles.get(&t.vehicle).map_or(0, |v| v.version);
        if now != t.version {
            return Err(Refusal::Stale {
                offer: offer.to_owned(),
                vehicle: t.vehicle.clone(),
                now,
                then: t.version,
            });
        }
    }
    Ok(())
}
