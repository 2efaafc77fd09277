//! Where things wait: room at points, orders diverted or held for another day, returnables by holder.

use super::open_order;
use crate::event::{
    Deferred, Diverted, Event, ExceptionKind, ExceptionRaised, PointRoom, Returnable, ReturnablesCounted,
    ReturnablesMoved,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::{Phase, State};

/// Most returnables that one record moves.
const RETURNABLES_MAX: i64 = 100_000;

fn value(field: &'static str, found: &impl ToString, want: &'static str) -> Refusal {
    Refusal::Value { field, found: found.to_string(), want }
}

pub(super) fn divert(state: &State, id: &str, to: &str, cause: &str) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if matches!(order.phase, Phase::Shelved | Phase::Returning | Phase::Cancelled) {
        return Err(Refusal::State {
            subject: format!("order {id}"),
            is: format!("{:?}", order.phase),
            needs: "an order still on its way",
        });
    }
    if to.is_empty() || to == order.destination {
        return Err(value("/to", &to, "another place than the present destination"));
    }
    if state.rooms.get(to).is_some_and(|room| state.shelved_at(to) + order.pieces > *room) {
        return Err(Refusal::Full { site: to.to_owned(), room: state.rooms[to] });
    }
    Ok(vec![Event::Diverted(Diverted {
        order: id.to_owned(),
        from: order.destination.clone(),
        to: to.to_owned(),
        cause: cause.to_owned(),
    })])
}

/// An order is held where it is: at a site of the county, or still with its sender or carrier at its origin. Goods on
/// a vehicle are first handed over somewhere.
pub(super) fn defer(
    state: &State,
    id: &str,
    promise_ms: i64,
    cause: &str,
    now_ms: i64,
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    if promise_ms <= now_ms {
        return Err(value("/promise_ms", &promise_ms, "a time to come"));
    }
    let site = match &order.holder {
        Holder::Site(site) => site.clone(),
        Holder::Sender(_) | Holder::Carrier(_) => order.origin.clone(),
        other => {
            return Err(Refusal::State {
                subject: format!("order {id}"),
                is: format!("with {other}"),
                needs: "a hand-over to a site first",
            });
        }
    };
    if order.held_until_ms == Some(promise_ms) {
        return Ok(vec![]);
    }
    Ok(vec![Event::Deferred(Deferred { order: id.to_owned(), site, promise_ms, cause: cause.to_owned() })])
}

pub(super) fn set_room(state: &State, site: &str, pieces: i64) -> Result<Vec<Event>, Refusal> {
    if pieces < 0 {
        return Err(value("/pieces", &pieces, "at least 0"));
    }
    if state.rooms.get(site) == Some(&pieces) {
        return Ok(vec![]);
    }
    Ok(vec![Event::PointRoom(PointRoom { site: site.to_owned(), pieces })])
}

pub(super) fn move_returnables(
    state: &State,
    record: &str,
    item: Returnable,
    count: i64,
    (from, to): (&Holder, &Holder),
) -> Result<Vec<Event>, Refusal> {
    if state.returnable_records.contains(record) {
        return Ok(vec![]);
    }
    if !(1..=RETURNABLES_MAX).contains(&count) {
        return Err(value("/count", &count, "1 to 100,000"));
    }
    if from == to {
        return Err(value("/to", to, "another holder than the giver"));
    }
    Ok(vec![Event::ReturnablesMoved(ReturnablesMoved {
        record: record.to_owned(),
        item,
        count,
        from: from.clone(),
        to: to.clone(),
    })])
}

pub(super) fn count_returnables(
    state: &State,
    holder: &Holder,
    item: Returnable,
    counted: i64,
    by: &str,
) -> Result<Vec<Event>, Refusal> {
    if !(0..=RETURNABLES_MAX).contains(&counted) {
        return Err(value("/counted", &counted, "0 to 100,000"));
    }
    let expected = state.returnables_of(holder, item);
    let mut events = vec![Event::ReturnablesCounted(ReturnablesCounted {
        holder: holder.clone(),
        item,
        expected,
        counted,
        by: by.to_owned(),
    })];
    if expected != counted {
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: format!("RD-{holder}-{item:?}-{}", state.folded),
            kind: ExceptionKind::ReturnablesDifference,
            subject: format!("returnables/{holder}"),
            in_charge: Some(holder.clone()),
            evidence: format!("账面 {expected}，实点 {counted} | booked {expected}, counted {counted}"),
            price_fen: 0,
        }));
    }
    Ok(events)
}
