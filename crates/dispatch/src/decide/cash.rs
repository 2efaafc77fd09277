//! Cash at the door and its day close; claims.

use super::open_order;
use crate::event::{CashClosed, CashTaken, ClaimOpened, ClaimSettled, Event, ExceptionKind, ExceptionRaised};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn take(
    state: &State,
    id: &str,
    fen: i64,
    method: &str,
    holder: &Holder,
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    let Some(due) = &order.cash else {
        return Err(Refusal::Cash { what: format!("order {id} has nothing to collect") });
    };
    if due.fen != fen {
        return Err(Refusal::Cash { what: format!("order {id}: {} fen are due, {fen} were given", due.fen) });
    }
    if order.holder != *holder {
        return Err(Refusal::NotHeld { from: holder.to_string(), items: vec![id.to_owned()] });
    }
    Ok(vec![Event::CashTaken(CashTaken {
        order: id.to_owned(),
        fen,
        method: method.to_owned(),
        holder: holder.clone(),
    })])
}

pub(super) fn close(
    state: &State,
    holder: &Holder,
    counted_fen: i64,
    by: &str,
) -> Result<Vec<Event>, Refusal> {
    if counted_fen < 0 {
        return Err(Refusal::Value {
            field: "/counted_fen",
            found: counted_fen.to_string(),
            want: "fen counted, at least 0",
        });
    }
    let expected_fen = state.cash.get(&holder.to_string()).copied().unwrap_or(0);
    let mut events = vec![Event::CashClosed(CashClosed {
        holder: holder.clone(),
        expected_fen,
        counted_fen,
        by: by.to_owned(),
    })];
    let off = counted_fen - expected_fen;
    let id = format!("CD-{holder}-{}", state.folded);
    if off != 0 && !state.exceptions.contains_key(&id) {
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: id,
            kind: ExceptionKind::CashDifference,
            subject: format!("cash/{holder}"),
            in_charge: Some(holder.clone()),
            evidence: format!("应收 {expected_fen} 分，实点 {counted_fen} 分 | due {expected_fen} fen, counted {counted_fen}"),
            price_fen: off.abs(),
        }));
    }
    Ok(events)
}

pub(super) fn claim(
    state: &State,
    claim: &str,
    order: &str,
    cause: &str,
    fen: i64,
) -> Result<Vec<Event>, Refusal> {
    if state.claims.contains_key(claim) {
        return Err(Refusal::Exists { field: "/claim", id: claim.to_owned() });
    }
    if !state.orders.contains_key(order) {
        return Err(Refusal::Unknown { field: "/order", id: order.to_owned() });
    }
    if fen < 0 {
        return Err(Refusal::Value { field: "/fen", found: fen.to_string(), want: "at least 0" });
    }
    Ok(vec![Event::ClaimOpened(ClaimOpened {
        claim: claim.to_owned(),
        order: order.to_owned(),
        cause: cause.to_owned(),
        fen,
    })])
}

pub(super) fn settle(state: &State, claim: &str, fen: i64, by: &Holder) -> Result<Vec<Event>, Refusal> {
    let found =
        state.claims.get(claim).ok_or_else(|| Refusal::Unknown { field: "/claim", id: claim.to_owned() })?;
    if found.paid_fen.is_some() {
        return Err(Refusal::State {
            subject: format!("claim {claim}"),
            is: "settled".into(),
            needs: "an open claim",
        });
    }
    if !(0..=found.asked_fen).contains(&fen) {
        return Err(Refusal::Value { field: "/fen", found: fen.to_string(), want: "0 to what was asked" });
    }
    Ok(vec![Event::ClaimSettled(ClaimSettled { claim: claim.to_owned(), fen, by: by.clone() })])
}
