//! What the day board watches: from expected arrivals and last signals to exceptions in the one queue, and their closing
//! when they have settled by themselves. Pure: it gives commands.
//!
//! To keep false alarms few, a risk is raised only when even the median arrival misses the latest start by
//! [`LATE_RAISE_S`], and withdrawn only when the pessimistic arrival holds again. The lateness of a stop is raised once for
//! each [`LATE_STEP_S`] that it grows, not again and again after somebody has dealt with it.

use crate::command::Command;
use crate::eta::Eta;
use crate::event::ExceptionKind;
use crate::holder::Holder;
use crate::state::State;
use std::collections::BTreeMap;

/// Lateness beyond the latest start at which a risk is raised, in seconds.
pub const LATE_RAISE_S: i64 = 600;
/// Growth of a lateness that is news again, in seconds.
pub const LATE_STEP_S: i64 = 2_700;
/// Silence of a vehicle under way that is raised, in seconds.
pub const SILENCE_S: i64 = 1_200;
/// Distance from the planned way that is raised, in metres.
pub const DEVIATION_M: i64 = 1_500;
/// Price of an order that comes late, in fen, for the rank in the queue.
pub const LATE_ORDER_FEN: i64 = 300;

/// What is known of a vehicle beyond its stops.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Expected arrivals at the stops ahead of its current trip.
    pub ahead: Vec<Eta>,
    /// Last position received.
    pub seen_ms: Option<i64>,
    /// Metres from the planned way, where that is known.
    pub off_way_m: Option<i64>,
    /// Whether it is under way now.
    pub under_way: bool,
    /// Whether the trip feeds others: a trunk trip.
    pub trunk: bool,
}

/// Commands for what is wrong, and for what is right again.
#[must_use]
pub fn watch(state: &State, facts: &BTreeMap<String, Facts>, now_ms: i64) -> Vec<Command> {
    let mut out = Vec::new();
    let open: BTreeMap<(ExceptionKind, &str), &str> = state
        .exceptions
        .iter()
        .filter(|(_, e)| !e.closed)
        .map(|(id, e)| ((e.kind, e.subject.as_str()), id.as_str()))
        .collect();
    for (vehicle, fact) in facts {
        let subject = format!("vehicle/{vehicle}");
        let known = |kind| open.get(&(kind, subject.as_str())).copied();
        let broken = known(ExceptionKind::Breakdown).is_some();
        late(&mut out, state, vehicle, fact, &known, broken);
        let fresh = format!("{vehicle}-{now_ms}");
        let silent =
            fact.under_way && !broken && fact.seen_ms.is_some_and(|s| now_ms - s > SILENCE_S * 1_000);
        let minutes = fact.seen_ms.map_or(0, |s| (now_ms - s) / 60_000);
        switch(&mut out, silent, !silent, ExceptionKind::NoSignal, (vehicle, &fresh), &known, || {
            (format!("{minutes} 分钟无定位 | no position for {minutes} min"), 1_000)
        });
        let off = fact.under_way && fact.off_way_m.is_some_and(|m| m > DEVIATION_M);
        let away = fact.off_way_m.unwrap_or(0);
        let back = !fact.under_way || fact.off_way_m.is_some_and(|m| m < DEVIATION_M / 2);
        switch(&mut out, off, back, ExceptionKind::Deviation, (vehicle, &fresh), &known, || {
            (format!("偏离线路 {away} 米 | {away} m off the planned way"), 500)
        });
    }
    out
}

fn late<'a>(
    out: &mut Vec<Command>,
    state: &State,
    vehicle: &str,
    fact: &Facts,
    known: &impl Fn(ExceptionKind) -> Option<&'a str>,
    broken: bool,
) {
    let kind = if fact.trunk { ExceptionKind::TrunkLate } else { ExceptionKind::LateRisk };
    let worst = fact.ahead.iter().map(|e| (e.p50_ms - e.latest_ms, e)).max_by_key(|(by, _)| *by);
    let holds = fact.ahead.iter().all(|e| e.p90_ms <= e.latest_ms);
    let raise = !broken && worst.is_some_and(|(by, _)| by > LATE_RAISE_S * 1_000);
    let name = worst.map_or_else(String::new, |(by, eta)| {
        let trip = state.stops.get(&eta.visit).map_or(vehicle, |s| s.trip.as_str());
        format!("{trip}-{}", by.max(0) / (LATE_STEP_S * 1_000))
    });
    switch(out, raise, holds, kind, (vehicle, &name), known, || {
        let (by, eta) = worst.expect("it is raised for one");
        let orders: i64 = fact
            .ahead
            .iter()
            .filter(|e| e.p50_ms > e.latest_ms)
            .filter_map(|e| state.visit(&e.visit))
            .map(|(_, v, _)| (v.unload.len() + v.load.len()) as i64)
            .sum();
        let minutes = by / 60_000;
        let text = format!(
            "{0} 预计晚 {minutes} 分钟，影响 {orders} 件 | {0} expected {minutes} min after its latest start, {orders} orders",
            eta.visit
        );
        (text, orders * LATE_ORDER_FEN + minutes * 10)
    });
}

fn switch<'a>(
    out: &mut Vec<Command>,
    raise: bool,
    settle: bool,
    kind: ExceptionKind,
    (vehicle, name): (&str, &str),
    known: &impl Fn(ExceptionKind) -> Option<&'a str>,
    text: impl FnOnce() -> (String, i64),
) {
    match known(kind) {
        None if raise => {
            let (evidence, price_fen) = text();
            out.push(Command::Raise {
                exception: format!("{kind:?}-{name}"),
                kind,
                subject: format!("vehicle/{vehicle}"),
                in_charge: Some(Holder::Vehicle(vehicle.to_owned())),
                evidence,
                price_fen,
            });
        }
        Some(id) if settle => {
            out.push(Command::Close {
                exception: id.to_owned(),
                how: "settled by itself".into(),
                acted: false,
            });
        }
        _ => {}
    }
}
