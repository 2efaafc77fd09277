//! Hands: packing, hand-over records, shelves, delivery. Custody moves when the receiver confirms.

use super::{CODE_TRIES_MAX, ITEMS_MAX, open_order};
use crate::command::{Command, HandOver};
use crate::event::{
    Agreed, CodeTried, Counted, Delivered, Event, ExceptionKind, ExceptionRaised, Found, HandOverConfirmed,
    HandOverOpened, ProofKind, Shelved, UnitOpened, UnitPacked,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::{Phase, State};
use std::collections::BTreeSet;

/// Price of a missing piece in the queue, in fen: what the courier rules let an uninsured parcel claim at most
/// varies by carrier; the county may reprice the exception.
const MISSING_FEN: i64 = 30_000;
/// Farthest that a device may be from the place for its proof to go unquestioned, in metres.
pub const PROOF_DISTANCE_MAX_M: i64 = 300;

pub(super) fn pack(
    state: &State,
    unit: &str,
    site: &str,
    seal: &str,
    orders: &[String],
) -> Result<Vec<Event>, Refusal> {
    if state.units.contains_key(unit) {
        return Err(Refusal::Exists { field: "/unit", id: unit.to_owned() });
    }
    bounded(orders.len())?;
    let here = Holder::Site(site.to_owned());
    held_by(state, &here, orders)?;
    if let Some(id) = orders.iter().find(|id| state.orders[*id].unit.is_some()) {
        return Err(Refusal::State {
            subject: format!("order {id}"),
            is: "in another unit".into(),
            needs: "a loose order",
        });
    }
    Ok(vec![Event::UnitPacked(UnitPacked {
        unit: unit.to_owned(),
        site: site.to_owned(),
        seal: seal.to_owned(),
        orders: orders.to_vec(),
    })])
}

pub(super) fn open(state: &State, unit: &str, site: &str) -> Result<Vec<Event>, Refusal> {
    let found =
        state.units.get(unit).ok_or_else(|| Refusal::Unknown { field: "/unit", id: unit.to_owned() })?;
    let orders: Vec<String> = found.orders.iter().cloned().collect();
    held_by(state, &Holder::Site(site.to_owned()), &orders)?;
    Ok(vec![Event::UnitOpened(UnitOpened { unit: unit.to_owned(), site: site.to_owned() })])
}

pub(super) fn hand_over(state: &State, record: &HandOver, now_ms: i64) -> Result<Vec<Event>, Refusal> {
    if let Some(known) = state.handovers.get(&record.handover) {
        // A device that lost the answer sends again: the same record is no news.
        let same = known.from == record.from && known.to == record.to && known.actual == record.actual;
        return if same {
            Ok(vec![])
        } else {
            Err(Refusal::Exists { field: "/handover", id: record.handover.clone() })
        };
    }
    bounded(record.actual.len().max(record.expected.len()))?;
    if record.from == record.to {
        return Err(Refusal::Value {
            field: "/to",
            found: record.to.to_string(),
            want: "another holder than the giver",
        });
    }
    if !matches!(record.to, Holder::Site(_) | Holder::Vehicle(_) | Holder::Carrier(_)) {
        return Err(Refusal::Value {
            field: "/to",
            found: record.to.to_string(),
            want: "a site, vehicle or carrier; recipients take deliveries, senders take back",
        });
    }
    let counted = orders_counted(state, &record.actual);
    let good: Vec<String> = counted.iter().map(|(id, _)| id.clone()).collect();
    held_by(state, &record.from, &good)?;
    may_leave(state, &record.to, &good)?;
    let expected = if record.expected.is_empty() {
        planned(state, record)
    } else {
        record.expected.iter().cloned().collect()
    };
    let mut events = vec![Event::HandOverOpened(HandOverOpened {
        handover: record.handover.clone(),
        site: record.site.clone(),
        from: record.from.clone(),
        to: record.to.clone(),
        visit: record.visit.clone(),
        expected: expected.iter().cloned().collect(),
        actual: record.actual.clone(),
        seals: record.seals.clone(),
    })];
    if let Some(by) = &record.confirmed_by {
        let broken = broken_seals(state, &record.actual, &record.seals);
        let names = (record.handover.as_str(), by.as_str(), now_ms);
        events.extend(settle(names, &record.from, &expected, &counted, &broken));
    }
    Ok(events)
}

pub(super) fn confirm(
    state: &State,
    handover: &str,
    actual: Option<&[Counted]>,
    by: &str,
    now_ms: i64,
) -> Result<Vec<Event>, Refusal> {
    let record = state
        .handovers
        .get(handover)
        .ok_or_else(|| Refusal::Unknown { field: "/handover", id: handover.to_owned() })?;
    if record.confirmed {
        return Ok(vec![]);
    }
    let counted = orders_counted(state, actual.unwrap_or(&record.actual));
    let good: Vec<String> = counted.iter().map(|(id, _)| id.clone()).collect();
    held_by(state, &record.from, &good)?;
    may_leave(state, &record.to, &good)?;
    let broken = broken_seals(state, actual.unwrap_or(&record.actual), &record.seals);
    Ok(settle((handover, by, now_ms), &record.from, &record.expected, &counted, &broken))
}

/// Custody moves for what was counted; what differs opens an exception with the giver in charge.
fn settle(
    (handover, by, at_ms): (&str, &str, i64),
    from: &Holder,
    expected: &BTreeSet<String>,
    counted: &[(String, Found)],
    broken: &[String],
) -> Vec<Event> {
    let there: BTreeSet<&String> = counted.iter().map(|(id, _)| id).collect();
    let missing: Vec<String> = expected.iter().filter(|id| !there.contains(id)).cloned().collect();
    let extra: Vec<String> = if expected.is_empty() {
        Vec::new()
    } else {
        there.iter().filter(|id| !expected.contains(**id)).map(|id| (*id).clone()).collect()
    };
    let spoiled: Vec<&(String, Found)> = counted.iter().filter(|(_, f)| *f != Found::Good).collect();
    let mut events = vec![Event::HandOverConfirmed(HandOverConfirmed {
        handover: handover.to_owned(),
        moved: counted.iter().map(|(id, _)| id.clone()).collect(),
        missing: missing.clone(),
        extra: extra.clone(),
        by: by.to_owned(),
        at_ms,
    })];
    if !missing.is_empty() || !extra.is_empty() || !spoiled.is_empty() || !broken.is_empty() {
        let damaged = spoiled.iter().filter(|(_, f)| *f == Found::Damaged).count();
        let evidence = format!(
            "少件 {0} 多件 {1} 破损 {damaged} 错分 {2} 封签 {3} | missing {0} extra {1} damaged {damaged} mis-sorted {2} seals {3}: {4}",
            missing.len(),
            extra.len(),
            spoiled.len() - damaged,
            broken.len(),
            missing.iter().chain(&extra).chain(broken).take(20).cloned().collect::<Vec<_>>().join(" "),
        );
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: format!("HD-{handover}"),
            kind: ExceptionKind::HandOverDifference,
            subject: format!("handover/{handover}"),
            in_charge: Some(from.clone()),
            evidence,
            price_fen: (missing.len() + damaged) as i64 * MISSING_FEN,
        }));
    }
    events
}

pub(super) fn shelve(
    state: &State,
    id: &str,
    site: &str,
    shelf: &str,
    code_hash: &str,
    (keep_until_ms, now_ms): (i64, i64),
) -> Result<Vec<Event>, Refusal> {
    let order = open_order(state, id)?;
    held_by(state, &Holder::Site(site.to_owned()), std::slice::from_ref(&id.to_owned()))?;
    if order.agreed != Some(Agreed::Point) {
        return Err(Refusal::NoConsent { order: id.to_owned(), site: site.to_owned() });
    }
    if let Some(room) = state.rooms.get(site)
        && order.phase != Phase::Shelved
        && state.shelved_at(site) + order.pieces > *room
    {
        return Err(Refusal::Full { site: site.to_owned(), room: *room });
    }
    if keep_until_ms <= now_ms {
        return Err(Refusal::Value {
            field: "/keep_until_ms",
            found: keep_until_ms.to_string(),
            want: "a time to come",
        });
    }
    Ok(vec![Event::Shelved(Shelved {
        order: id.to_owned(),
        site: site.to_owned(),
        shelf: shelf.to_owned(),
        code_hash: code_hash.to_owned(),
        keep_until_ms,
    })])
}

pub(super) fn deliver(state: &State, command: &Command) -> Result<Vec<Event>, Refusal> {
    let Command::Deliver { order: id, site, from, proof, code_hash, evidence, distance_m, at_ms } = command
    else {
        return Ok(vec![]);
    };
    let order = open_order(state, id)?;
    held_by(state, from, std::slice::from_ref(id))?;
    if let Some(cash) = &order.cash {
        return Err(Refusal::Cash {
            what: format!("order {id}: {} fen are to be collected first", cash.fen),
        });
    }
    if matches!(proof, ProofKind::Signature | ProofKind::Photo)
        && evidence.as_deref().is_none_or(str::is_empty)
    {
        return Err(Refusal::Value {
            field: "/evidence",
            found: "nothing".into(),
            want: "the hash of the signature or photo",
        });
    }
    if *proof == ProofKind::Proxy && order.agreed != Some(Agreed::Proxy) {
        return Err(Refusal::NoConsent { order: id.clone(), site: site.clone() });
    }
    if let Some(shelf) = order.shelf.as_ref().filter(|_| *proof == ProofKind::Code) {
        if shelf.tries >= CODE_TRIES_MAX {
            return Err(Refusal::WrongCode { order: id.clone(), left: 0 });
        }
        if code_hash.as_deref() != Some(shelf.code_hash.as_str()) {
            // The try must be remembered, so it is an event and not a refusal; the caller sees no Delivered in it.
            return Ok(vec![Event::CodeTried(CodeTried { order: id.clone() })]);
        }
    }
    let mut events = vec![Event::Delivered(Delivered {
        order: id.clone(),
        site: site.clone(),
        from: from.clone(),
        proof: *proof,
        evidence: evidence.clone(),
        distance_m: *distance_m,
        at_ms: *at_ms,
    })];
    // The goods are gone, so the proof stands; that it was given elsewhere is for a person to look at.
    if let Some(away) = distance_m.filter(|m| *m > PROOF_DISTANCE_MAX_M) {
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: format!("WP-{id}"),
            kind: ExceptionKind::WrongPlace,
            subject: format!("order/{id}"),
            in_charge: Some(from.clone()),
            evidence: format!("签收距网点 {away} 米 | proof given {away} m from {site}"),
            price_fen: 0,
        }));
    }
    Ok(events)
}

/// Orders behind the items counted: units stand for what is in them.
fn orders_counted(state: &State, actual: &[Counted]) -> Vec<(String, Found)> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for item in actual {
        for id in state.orders_of(&item.item) {
            if seen.insert(id.clone()) {
                out.push((id, item.found));
            }
        }
    }
    out
}

/// Units counted whose seal was not among those read, where any seal was read at all.
fn broken_seals(state: &State, actual: &[Counted], seals: &[String]) -> Vec<String> {
    if seals.is_empty() {
        return Vec::new();
    }
    let broken = |c: &&Counted| state.units.get(&c.item).is_some_and(|u| !seals.contains(&u.seal));
    actual.iter().filter(broken).map(|c| c.item.clone()).collect()
}

/// What the plan says should change hands at the record's stop.
fn planned(state: &State, record: &HandOver) -> BTreeSet<String> {
    let Some((_, visit, _)) = record.visit.as_deref().and_then(|v| state.visit(v)) else {
        return BTreeSet::new();
    };
    let list = match record.to {
        Holder::Vehicle(_) => &visit.load,
        _ => &visit.unload,
    };
    list.iter().cloned().collect()
}

fn held_by(state: &State, from: &Holder, orders: &[String]) -> Result<(), Refusal> {
    let mut away = Vec::new();
    for id in orders {
        let order =
            state.orders.get(id).ok_or_else(|| Refusal::Unknown { field: "/actual", id: id.clone() })?;
        if order.holder != *from && !matches!((from, &order.holder), (Holder::Sender(_), Holder::Sender(_))) {
            away.push(id.clone());
        }
    }
    if away.is_empty() { Ok(()) } else { Err(Refusal::NotHeld { from: from.to_string(), items: away }) }
}

/// Outbound goods leave the county only with all legal steps done.
fn may_leave(state: &State, to: &Holder, orders: &[String]) -> Result<(), Refusal> {
    if !matches!(to, Holder::Carrier(_)) {
        return Ok(());
    }
    for id in orders {
        let order = &state.orders[id];
        if order.direction == "up"
            && let Some(missing) = order.acceptance.missing()
        {
            return Err(Refusal::NotAccepted { order: id.clone(), missing });
        }
    }
    Ok(())
}

fn bounded(items: usize) -> Result<(), Refusal> {
    if items <= ITEMS_MAX {
        return Ok(());
    }
    Err(Refusal::Value { field: "/actual", found: items.to_string(), want: "at most 20,000 items" })
}
