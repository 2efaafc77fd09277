//! Orders: placed, changed, cancelled, refused, returned, lost; the legal steps of outbound acceptance.

use super::open_order;
use crate::command::PlaceOrder;
use crate::event::{
    AcceptanceStep, Agreed, ConsentRecorded, DeclaredLost, Event, ExceptionKind, ExceptionRaised,
    OrderCancelled, OrderChanged, OrderPlaced, RefusedByRecipient, ReturnStarted, ReturnedToSender,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::{Phase, State, StopPhase};

/// Longest time a point may keep a parcel, in days.
const KEEP_DAYS_MAX: u32 = 30;

pub(super) fn place(state: &State, o: &PlaceOrder) -> Result<Vec<Event>, Refusal> {
    if state.orders.contains_key(&o.order) {
        return Err(Refusal::Exists { field: "/order", id: o.order.clone() });
    }
    if !["down", "up", "transfer", "return"].contains(&o.direction.as_str()) {
        return Err(value("/direction", &o.direction, "down, up, transfer or return"));
    }
    if o.pieces < 1 {
        return Err(value("/pieces", &o.pieces, "at least 1"));
    }
    if o.g < 0 || o.cm3 < 0 {
        return Err(value("/g", &o.g.min(o.cm3), "mass and volume of at least 0"));
    }
    if !(1..=KEEP_DAYS_MAX).contains(&o.keep_days) {
        return Err(value("/keep_days", &o.keep_days, "1 to 30"));
    }
    if let Some(cash) = &o.cash
        && cash.fen <= 0
    {
        return Err(value("/cash/fen", &cash.fen, "more than 0, or no cash at all"));
    }
    if o.origin == o.destination {
        return Err(value("/destination", &o.destination, "another place than the origin"));
    }
    Ok(vec![Event::OrderPlaced(OrderPlaced {
        order: o.order.clone(),
        direction: o.direction.clone(),
        carrier: o.carrier.clone(),
        origin: o.origin.clone(),
        destination: o.destination.clone(),
        class: o.class.clone(),
        pieces: o.pieces,
        g: o.g,
        cm3: o.cm3,
        promise_ms: o.promise_ms,
        person: o.person,
        cash: o.cash.clone(),
        agreed: o.agreed.clone(),
        keep_days: o.keep_days,
    })])
}

fn value(field: &'static str, found: &impl ToString, want: &'static str) -> Refusal {
    Refusal::Value { field, found: found.to_string(), want }
}

pub(super) fn change(
    state: &State,
    id: &str,
    destination: Option<&str>,
    promise_ms: Option<i64>,
    agreed: Option<&Agreed>,
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if matches!(order.phase, Phase::Shelved | Phase::Returning | Phase::Cancelled) {
        return Err(Refusal::State {
            subject: format!("order {id}"),
            is: format!("{:?}", order.phase),
            needs: "an order still on its way",
        });
    }
    Ok(vec![Event::OrderChanged(OrderChanged {
        order: id.to_owned(),
        destination: destination.unwrap_or(&order.destination).to_owned(),
        promise_ms: promise_ms.unwrap_or(order.promise_ms),
        agreed: agreed.cloned().or_else(|| order.agreed.clone()),
    })])
}

pub(super) fn agree(
    state: &State,
    id: &str,
    agreed: &Agreed,
    how: &str,
    now_ms: i64,
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if how.is_empty() {
        return Err(value("/how", &how, "how the consent was given"));
    }
    if order.agreed.as_ref() == Some(agreed) {
        return Ok(vec![]);
    }
    Ok(vec![Event::ConsentRecorded(ConsentRecorded {
        order: id.to_owned(),
        agreed: agreed.clone(),
        how: how.to_owned(),
        at_ms: now_ms,
    })])
}

pub(super) fn cancel(state: &State, id: &str, cause: &str) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if order.phase == Phase::Cancelled {
        return Ok(vec![]);
    }
    let mut events =
        vec![Event::OrderCancelled(OrderCancelled { order: id.to_owned(), cause: cause.to_owned() })];
    // Somebody still means to drive for it: whether a stop falls away is a question to the planner.
    let ahead = state.trips.values().flat_map(|t| &t.visits).find(|v| v.load.iter().any(|o| o == id));
    if let Some(visit) = ahead
        && state
            .stops
            .get(&visit.visit)
            .is_some_and(|s| matches!(s.phase, StopPhase::Planned | StopPhase::EnRoute))
    {
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: format!("CA-{id}"),
            kind: ExceptionKind::Cancelled,
            subject: format!("order/{id}"),
            in_charge: None,
            evidence: format!(
                "{id} 已取消，仍在 {0} 的计划中 | cancelled, still planned at {0}",
                visit.visit
            ),
            price_fen: 0,
        }));
    }
    Ok(events)
}

pub(super) fn accept(
    state: &State,
    id: &str,
    (real_name, inspected, screened): (bool, bool, bool),
    by: &str,
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    let new = (real_name && !order.acceptance.real_name)
        || (inspected && !order.acceptance.inspected)
        || (screened && !order.acceptance.screened);
    if !new {
        return Ok(vec![]);
    }
    Ok(vec![Event::AcceptanceStep(AcceptanceStep {
        order: id.to_owned(),
        real_name,
        inspected,
        screened,
        by: by.to_owned(),
    })])
}

pub(super) fn refuse(state: &State, id: &str, cause: &str) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    in_custody(id, &order.holder)?;
    Ok(vec![Event::RefusedByRecipient(RefusedByRecipient { order: id.to_owned(), cause: cause.to_owned() })])
}

pub(super) fn start_return(state: &State, id: &str, cause: &str) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    in_custody(id, &order.holder)?;
    if order.phase == Phase::Returning {
        return Ok(vec![]);
    }
    Ok(vec![Event::ReturnStarted(ReturnStarted { order: id.to_owned(), cause: cause.to_owned() })])
}

pub(super) fn take_back(state: &State, id: &str, at_ms: i64) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if !matches!(order.phase, Phase::Returning | Phase::Cancelled) {
        return Err(Refusal::State {
            subject: format!("order {id}"),
            is: format!("{:?}", order.phase),
            needs: "a return or a cancellation before it",
        });
    }
    Ok(vec![Event::ReturnedToSender(ReturnedToSender {
        order: id.to_owned(),
        from: order.holder.clone(),
        at_ms,
    })])
}

pub(super) fn lose(state: &State, id: &str) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    in_custody(id, &order.holder)?;
    Ok(vec![Event::DeclaredLost(DeclaredLost { order: id.to_owned(), from: order.holder.clone() })])
}

fn in_custody(id: &str, holder: &Holder) -> Result<(), Refusal> {
    if matches!(holder, Holder::Site(_) | Holder::Vehicle(_)) {
        return Ok(());
    }
    Err(Refusal::State {
        subject: format!("order {id}"),
        is: format!("with {holder}"),
        needs: "goods with a site or vehicle of the county",
    })
}
