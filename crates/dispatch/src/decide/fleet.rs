//! Vehicles and crews: condition, shifts, temperature runs, visits revised by late positions; and the answers of
//! carriers' systems to the scans sent to them.

use crate::command::Command;
use crate::event::{
    ColdRun, Condition, Event, ExceptionKind, ExceptionRaised, ScanFailed, ScanReceipt, ScanSent, ShiftEnded,
    ShiftStarted, VehicleCondition, VisitRevised,
};
use crate::holder::Holder;
use crate::refusal::Refusal;
use crate::state::State;

/// Price of an hour that a broken vehicle stands, in fen, for the rank in the queue before a repair is priced.
const BREAKDOWN_FEN: i64 = 50_000;
/// Price of an order out of its band, in fen, for the rank in the queue.
const SPOILED_FEN: i64 = 3_000;

/// A breakdown opens its exception in the same step, so that no reader sees one without the other.
pub(super) fn set_condition(
    state: &State,
    vehicle: &str,
    condition: Condition,
    site: Option<&String>,
    note: &str,
    at_ms: i64,
) -> Vec<Event> {
    let now = state.vehicles.get(vehicle).map_or(Condition::Ready, |v| v.condition);
    if now == condition {
        return vec![];
    }
    let mut events = vec![Event::VehicleCondition(VehicleCondition {
        vehicle: vehicle.to_owned(),
        condition,
        site: site.cloned(),
        at_ms,
        note: note.to_owned(),
    })];
    let subject = format!("vehicle/{vehicle}");
    let known = state
        .exceptions
        .values()
        .any(|e| !e.closed && e.kind == ExceptionKind::Breakdown && e.subject == subject);
    if condition == Condition::Broken && !known {
        let aboard =
            state.orders.values().filter(|o| matches!(&o.holder, Holder::Vehicle(v) if v == vehicle)).count();
        let place = site.map_or("?", String::as_str);
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception: format!("BD-{vehicle}-{}", state.folded),
            kind: ExceptionKind::Breakdown,
            subject,
            in_charge: Some(Holder::Vehicle(vehicle.to_owned())),
            evidence: format!(
                "{place}：{note}；车上 {aboard} 件 | near {place}: {note}; {aboard} orders aboard"
            ),
            price_fen: BREAKDOWN_FEN,
        }));
    }
    events
}

pub(super) fn start_shift(
    state: &State,
    driver: &str,
    vehicle: &str,
    at_ms: i64,
) -> Result<Vec<Event>, Refusal> {
    match state.shifts.get(driver) {
        Some(v) if v == vehicle => Ok(vec![]),
        Some(other) => Err(Refusal::State {
            subject: format!("driver {driver}"),
            is: format!("on vehicle {other}"),
            needs: "a driver who has ended the shift there",
        }),
        None => match state.shifts.iter().find(|(_, v)| *v == vehicle) {
            Some((other, _)) => Err(Refusal::State {
                subject: format!("vehicle {vehicle}"),
                is: format!("driven by {other}"),
                needs: "a vehicle without a driver",
            }),
            None => Ok(vec![Event::ShiftStarted(ShiftStarted {
                driver: driver.to_owned(),
                vehicle: vehicle.to_owned(),
                at_ms,
            })]),
        },
    }
}

pub(super) fn end_shift(state: &State, driver: &str, at_ms: i64) -> Result<Vec<Event>, Refusal> {
    if !state.shifts.contains_key(driver) {
        return Err(Refusal::Unknown { field: "/driver", id: driver.to_owned() });
    }
    Ok(vec![Event::ShiftEnded(ShiftEnded { driver: driver.to_owned(), at_ms })])
}

pub(super) fn note_cold(state: &State, command: &Command) -> Result<Vec<Event>, Refusal> {
    let Command::NoteCold { vehicle, compartment, from_ms, to_ms, worst_dc, orders } = command else {
        return Ok(vec![]);
    };
    if to_ms <= from_ms {
        return Err(Refusal::Value {
            field: "/to_ms",
            found: to_ms.to_string(),
            want: "a time after the begin",
        });
    }
    let minutes = (to_ms - from_ms) / 60_000;
    let (kind, zh, en) = match worst_dc {
        Some(dc) => {
            let sign = if *dc < 0 { "-" } else { "" };
            let degrees = format!("{sign}{}.{} °C", dc.abs() / 10, dc.abs() % 10);
            (ExceptionKind::ColdExcursion, format!("达 {degrees}"), format!("at {degrees}"))
        }
        None => (ExceptionKind::ColdUnproven, "无记录".to_owned(), "without a record".to_owned()),
    };
    let mut events = vec![Event::ColdRun(ColdRun {
        vehicle: vehicle.clone(),
        compartment: compartment.clone(),
        from_ms: *from_ms,
        to_ms: *to_ms,
        worst_dc: *worst_dc,
        orders: orders.clone(),
    })];
    let exception = format!("CR-{vehicle}-{compartment}-{from_ms}");
    if !state.exceptions.contains_key(&exception) {
        events.push(Event::ExceptionRaised(ExceptionRaised {
            exception,
            kind,
            subject: format!("vehicle/{vehicle}"),
            in_charge: Some(Holder::Vehicle(vehicle.clone())),
            evidence: format!(
                "温区 {compartment}：{minutes} 分钟{zh}，{0} 件 | {compartment}: {minutes} min {en}, {0} orders",
                orders.len()
            ),
            price_fen: orders.len() as i64 * SPOILED_FEN,
        }));
    }
    Ok(events)
}

pub(super) fn revise_visit(
    state: &State,
    visit: &str,
    arrived_ms: i64,
    left_ms: Option<i64>,
) -> Result<Vec<Event>, Refusal> {
    let (trip, _, stop) =
        state.visit(visit).ok_or_else(|| Refusal::Unknown { field: "/visit", id: visit.to_owned() })?;
    if left_ms.is_some_and(|left| left < arrived_ms) {
        return Err(Refusal::Value {
            field: "/left_ms",
            found: format!("{left_ms:?}"),
            want: "a time not before the arrival",
        });
    }
    if stop.arrived_ms == Some(arrived_ms) && (left_ms.is_none() || stop.left_ms == left_ms) {
        return Ok(vec![]);
    }
    Ok(vec![Event::VisitRevised(VisitRevised {
        visit: visit.to_owned(),
        vehicle: trip.vehicle.clone(),
        supersedes_ms: stop.arrived_ms,
        arrived_ms,
        left_ms,
    })])
}

pub(super) fn send_scan(state: &State, scan: &str, carrier: &str, at_ms: i64) -> Vec<Event> {
    let tried = state.scans.get(scan);
    if tried.is_some_and(|s| s.receipt.is_some()) {
        return vec![];
    }
    let attempt = tried.map_or(0, |s| s.attempts) + 1;
    vec![Event::ScanSent(ScanSent { scan: scan.to_owned(), carrier: carrier.to_owned(), attempt, at_ms })]
}

pub(super) fn scan_answered(
    state: &State,
    scan: &str,
    carrier: &str,
    answer: &Result<String, String>,
    retry_ms: i64,
    at_ms: i64,
) -> Result<Vec<Event>, Refusal> {
    let sent =
        state.scans.get(scan).ok_or_else(|| Refusal::Unknown { field: "/scan", id: scan.to_owned() })?;
    // A receipt is final: a later answer of whatever kind never overwrites it.
    if sent.receipt.is_some() {
        return Ok(vec![]);
    }
    let (scan, carrier) = (scan.to_owned(), carrier.to_owned());
    Ok(vec![match answer {
        Ok(receipt) => Event::ScanReceipt(ScanReceipt { scan, carrier, receipt: receipt.clone(), at_ms }),
        Err(why) => Event::ScanFailed(ScanFailed {
            scan,
            carrier,
            attempt: sent.attempts,
            why: why.clone(),
            retry_ms: retry_ms.max(at_ms),
        }),
    }])
}
