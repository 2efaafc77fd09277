//! The fold into tables: which rows an event changes. Rows are made from the state after the event, so they cannot
//! disagree with it.

use crate::machine::{Read, World};
use crate::office::Fact;
use xiangyun_dispatch::event::Event as DayEvent;
use xiangyun_dispatch::status;
use xiangyun_store::event::Event;
use xiangyun_store::op::{Op, Value};

/// Streams whose last event is an ETag.
#[must_use]
pub fn has_version(stream: &str) -> bool {
    ["order/", "plan/", "exception/", "user/", "webhook/", "handover/", "claim/"]
        .iter()
        .any(|p| stream.starts_with(p))
}

/// Orders whose state an event of another stream changes.
fn orders_of(event: &DayEvent) -> Vec<&str> {
    match event {
        DayEvent::UnitPacked(e) => e.orders.iter().map(String::as_str).collect(),
        DayEvent::HandOverConfirmed(e) => e.moved.iter().map(String::as_str).collect(),
        DayEvent::OrderPlaced(e) => vec![&e.order],
        DayEvent::OrderChanged(e) => vec![&e.order],
        DayEvent::OrderCancelled(e) => vec![&e.order],
        DayEvent::AcceptanceStep(e) => vec![&e.order],
        DayEvent::Shelved(e) => vec![&e.order],
        DayEvent::Delivered(e) => vec![&e.order],
        DayEvent::RefusedByRecipient(e) => vec![&e.order],
        DayEvent::ReturnStarted(e) => vec![&e.order],
        DayEvent::ReturnedToSender(e) => vec![&e.order],
        DayEvent::DeclaredLost(e) => vec![&e.order],
        DayEvent::CashTaken(e) => vec![&e.order],
        _ => Vec::new(),
    }
}

/// Subjects beside its stream whose version an event raises.
#[must_use]
pub fn also_touched(event: &DayEvent) -> Vec<String> {
    match event {
        DayEvent::UnitPacked(_) | DayEvent::HandOverConfirmed(_) | DayEvent::CashTaken(_) => {
            orders_of(event).into_iter().map(|id| format!("order/{id}")).collect()
        }
        _ => Vec::new(),
    }
}

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

fn maybe(value: Option<&String>) -> Value {
    Value::MaybeText(value.cloned())
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The word of a unit variant of one of the day's enums.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Row changes of one event, the state being that after it.
#[must_use]
pub fn rows(world: &World, event: &Event, read: &Read) -> Vec<Op> {
    match read {
        Read::Day(day) => day_rows(world, event, day),
        Read::Office(fact) => fact_rows(event, fact),
        Read::Unknown => Vec::new(),
    }
}

fn day_rows(world: &World, event: &Event, day: &DayEvent) -> Vec<Op> {
    let mut ops = Vec::new();
    for id in orders_of(day) {
        ops.extend(order_rows(world, event, id, matches!(day, DayEvent::OrderPlaced(_))));
    }
    let county = || text(event.county.clone());
    let (seq, at) = (Value::Int(event.seq), Value::Int(event.at_ms));
    match day {
        DayEvent::UnitOpened(e) => ops.push(Op::new(
            "UPDATE orders SET unit = NULL WHERE county = $1 AND unit = $2",
            vec![county(), text(&e.unit)],
        )),
        DayEvent::HandOverOpened(e) => ops.push(Op::new(
            "INSERT INTO handovers (county, id, site, giver, receiver, visit, expected, moved, missing, extra, confirmed, at_ms, seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, $8, $9) ON CONFLICT (county, id) DO NOTHING",
            vec![
                county(),
                text(&e.handover),
                text(&e.site),
                text(e.from.to_string()),
                text(e.to.to_string()),
                maybe(e.visit.as_ref()),
                count(e.expected.len()),
                at,
                seq,
            ],
        )),
        DayEvent::HandOverConfirmed(e) => ops.push(Op::new(
            "UPDATE handovers SET moved = $1, missing = $2, extra = $3, confirmed = 1, confirmed_by = $4, seq = $5 \
             WHERE county = $6 AND id = $7",
            vec![
                count(e.moved.len()),
                count(e.missing.len()),
                count(e.extra.len()),
                text(&e.by),
                seq,
                county(),
                text(&e.handover),
            ],
        )),
        DayEvent::TripPlanned(e) => {
            ops.push(Op::new(
                "DELETE FROM stops WHERE county = $1 AND trip = $2",
                vec![county(), text(&e.trip.trip)],
            ));
            for visit in &e.trip.visits {
                ops.extend(stop_row(world, event, &visit.visit));
            }
        }
        DayEvent::TripDropped(e) => ops.push(Op::new(
            "DELETE FROM stops WHERE county = $1 AND trip = $2",
            vec![county(), text(&e.trip)],
        )),
        DayEvent::StopArrived(e) => ops.extend(stop_row(world, event, &e.visit)),
        DayEvent::StopServed(e) => {
            ops.extend(stop_row(world, event, &e.visit));
            ops.extend(next_stop(world, &e.visit).into_iter().flat_map(|v| stop_row(world, event, &v)));
        }
        DayEvent::StopFailed(e) => {
            ops.extend(stop_row(world, event, &e.visit));
            ops.extend(next_stop(world, &e.visit).into_iter().flat_map(|v| stop_row(world, event, &v)));
        }
        DayEvent::CashTaken(e) => ops.push(Op::new(
            "INSERT INTO cash (county, seq, holder, kind, order_id, fen, method, at_ms) VALUES ($1, $2, $3, 'taken', $4, $5, $6, $7)",
            vec![county(), seq, text(e.holder.to_string()), text(&e.order), Value::Int(e.fen), text(&e.method), at],
        )),
        DayEvent::CashClosed(e) => ops.push(Op::new(
            "INSERT INTO cash (county, seq, holder, kind, fen, expected_fen, by_whom, at_ms) VALUES ($1, $2, $3, 'closed', $4, $5, $6, $7)",
            vec![
                county(),
                seq,
                text(e.holder.to_string()),
                Value::Int(e.counted_fen),
                Value::Int(e.expected_fen),
                text(&e.by),
                at,
            ],
        )),
        DayEvent::ExceptionRaised(e) => ops.push(Op::new(
            "INSERT INTO exceptions (county, id, kind, subject, in_charge, evidence, price_fen, raised_ms, seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (county, id) DO NOTHING",
            vec![
                county(),
                text(&e.exception),
                text(word(&e.kind)),
                text(&e.subject),
                Value::MaybeText(e.in_charge.as_ref().map(ToString::to_string)),
                text(&e.evidence),
                Value::Int(e.price_fen),
                at,
                seq,
            ],
        )),
        DayEvent::ExceptionClosed(e) => ops.push(Op::new(
            "UPDATE exceptions SET closed_ms = $1, how = $2, acted = $3, seq = $4 WHERE county = $5 AND id = $6",
            vec![at, text(&e.how), Value::Int(i64::from(e.acted)), seq, county(), text(&e.exception)],
        )),
        DayEvent::RepairOffered(e) => ops.push(Op::new(
            "INSERT INTO repairs (county, id, exception_id, price_fen, lateness_s, moved_stops, offered_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (county, id) DO NOTHING",
            vec![
                county(),
                text(&e.offer),
                text(&e.exception),
                Value::Int(e.price_fen),
                Value::Int(e.lateness_s),
                Value::Int(i64::from(e.moved_stops)),
                at,
            ],
        )),
        DayEvent::RepairAccepted(e) => ops.push(Op::new(
            "UPDATE repairs SET accepted_ms = $1, accepted_by = $2 WHERE county = $3 AND id = $4",
            vec![at, text(&e.by), county(), text(&e.offer)],
        )),
        DayEvent::ClaimOpened(e) => ops.push(Op::new(
            "INSERT INTO claims (county, id, order_id, cause, asked_fen, opened_ms) VALUES ($1, $2, $3, $4, $5, $6)",
            vec![county(), text(&e.claim), text(&e.order), text(&e.cause), Value::Int(e.fen), at],
        )),
        DayEvent::ClaimSettled(e) => ops.push(Op::new(
            "UPDATE claims SET paid_fen = $1, payer = $2, settled_ms = $3 WHERE county = $4 AND id = $5",
            vec![Value::Int(e.fen), text(e.by.to_string()), at, county(), text(&e.claim)],
        )),
        DayEvent::PositionsSealed(e) => ops.push(Op::new(
            "INSERT INTO segments (county, segment, from_ms, to_ms, positions, hash, seq) VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (county, segment) DO NOTHING",
            vec![
                county(),
                text(&e.segment),
                Value::Int(e.from_ms),
                Value::Int(e.to_ms),
                Value::Int(i64::try_from(e.count).unwrap_or(i64::MAX)),
                text(&e.hash),
                seq,
            ],
        )),
        _ => {}
    }
    ops
}

fn order_rows(world: &World, event: &Event, id: &str, new: bool) -> Vec<Op> {
    let Some(order) = world.day.orders.get(id) else { return Vec::new() };
    let (holder_kind, holder) = order.holder.parts();
    let status = status::of(order);
    let phase = word(&order.phase);
    let cash = order.cash.as_ref().map_or(0, |c| c.fen);
    let county = || text(event.county.clone());
    let row = if new {
        Op::new(
            "INSERT INTO orders (county, id, direction, carrier, origin, destination, class, pieces, mass_g, volume_cm3, \
             promise_ms, status, phase, holder_kind, holder, site, cash_fen, placed_ms, changed_ms, seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, $19) \
             ON CONFLICT (county, id) DO NOTHING",
            vec![
                county(),
                text(id),
                text(&order.direction),
                text(&order.carrier),
                text(&order.origin),
                text(&order.destination),
                text(&order.class),
                Value::Int(order.pieces),
                Value::Int(order.g),
                Value::Int(order.cm3),
                Value::Int(order.promise_ms),
                text(status),
                text(phase),
                text(holder_kind),
                text(holder),
                text(&order.site),
                Value::Int(cash),
                Value::Int(event.at_ms),
                Value::Int(event.seq),
            ],
        )
    } else {
        Op::new(
            "UPDATE orders SET destination = $1, promise_ms = $2, status = $3, phase = $4, holder_kind = $5, holder = $6, \
             site = $7, cash_fen = $8, unit = $9, changed_ms = $10, closed_ms = $11, seq = $12 WHERE county = $13 AND id = $14",
            vec![
                text(&order.destination),
                Value::Int(order.promise_ms),
                text(status),
                text(phase),
                text(holder_kind),
                text(holder),
                text(&order.site),
                Value::Int(cash),
                maybe(order.unit.as_ref()),
                Value::Int(event.at_ms),
                Value::MaybeInt(order.closed_ms),
                Value::Int(event.seq),
                county(),
                text(id),
            ],
        )
    };
    let trace = Op::new(
        "INSERT INTO trace (county, order_id, seq, at_ms, kind, status, holder, site) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        vec![
            county(),
            text(id),
            Value::Int(event.seq),
            Value::Int(event.at_ms),
            text(&event.kind),
            text(status),
            text(order.holder.to_string()),
            text(&order.site),
        ],
    );
    vec![row, trace]
}

fn next_stop(world: &World, visit: &str) -> Option<String> {
    let (trip, _, stop) = world.day.visit(visit)?;
    trip.visits.get(stop.index + 1).map(|v| v.visit.clone())
}

fn stop_row(world: &World, event: &Event, visit: &str) -> Option<Op> {
    let (trip, planned, stop) = world.day.visit(visit)?;
    Some(Op::new(
        "INSERT INTO stops (county, visit, trip, vehicle, driver, site, position, planned_arrive_ms, planned_depart_ms, \
         latest_ms, phase, arrived_ms, left_ms, unload_orders, load_orders, seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT (county, visit) DO UPDATE SET trip = excluded.trip, vehicle = excluded.vehicle, \
         driver = excluded.driver, position = excluded.position, planned_arrive_ms = excluded.planned_arrive_ms, \
         planned_depart_ms = excluded.planned_depart_ms, latest_ms = excluded.latest_ms, phase = excluded.phase, \
         arrived_ms = excluded.arrived_ms, left_ms = excluded.left_ms, unload_orders = excluded.unload_orders, \
         load_orders = excluded.load_orders, seq = excluded.seq",
        vec![
            text(event.county.clone()),
            text(visit),
            text(&trip.trip),
            text(&trip.vehicle),
            maybe(trip.driver.as_ref()),
            text(&planned.site),
            count(stop.index),
            Value::Int(planned.arrive_ms),
            Value::Int(planned.depart_ms),
            Value::Int(planned.latest_ms),
            text(word(&stop.phase)),
            Value::MaybeInt(stop.arrived_ms),
            Value::MaybeInt(stop.left_ms),
            count(planned.unload.len()),
            count(planned.load.len()),
            Value::Int(event.seq),
        ],
    ))
}

fn fact_rows(event: &Event, fact: &Fact) -> Vec<Op> {
    let county = || text(event.county.clone());
    let (seq, at) = (Value::Int(event.seq), Value::Int(event.at_ms));
    let int = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
    let op = match fact {
        Fact::Audited { who, role, action, resource, from, request, wall_ms } => Op::new(
            "INSERT INTO audit (county, seq, wall_ms, who, role, action, resource, from_address, request) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            vec![
                county(),
                seq,
                Value::Int(*wall_ms),
                text(who),
                text(role),
                text(action),
                text(resource),
                text(from),
                text(request),
            ],
        ),
        Fact::UserSaved { user, name, standing, active } => Op::new(
            "INSERT INTO users (county, id, name, role, carrier, site, vehicle, active, seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (county, id) DO UPDATE SET name = excluded.name, \
             role = excluded.role, carrier = excluded.carrier, site = excluded.site, vehicle = excluded.vehicle, \
             active = excluded.active, seq = excluded.seq",
            vec![
                county(),
                text(user),
                text(name),
                text(standing.role.word()),
                maybe(standing.carrier.as_ref()),
                maybe(standing.site.as_ref()),
                maybe(standing.vehicle.as_ref()),
                Value::Int(i64::from(*active)),
                seq,
            ],
        ),
        Fact::PlanTaken { plan, date, base, origin, orders, served, cost_fen, summary } => Op::new(
            "INSERT INTO plans (county, id, date, base, origin, orders, served, cost_fen, summary, taken_ms, seq) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (county, id) DO UPDATE SET \
             served = excluded.served, cost_fen = excluded.cost_fen, summary = excluded.summary, seq = excluded.seq",
            vec![
                county(),
                text(plan),
                text(date),
                maybe(base.as_ref()),
                text(origin),
                int(*orders),
                int(*served),
                Value::Int(*cost_fen),
                text(summary),
                at,
                seq,
            ],
        ),
        Fact::PlanPublished { plan } => Op::new(
            "UPDATE plans SET published_ms = $1, seq = $2 WHERE county = $3 AND id = $4",
            vec![at, seq, county(), text(plan)],
        ),
        Fact::AlarmRaised { alarm, text_zh, text_en } => Op::new(
            "INSERT INTO alarms (county, seq, at_ms, kind, text_zh, text_en) VALUES ($1, $2, $3, $4, $5, $6)",
            vec![county(), seq, at, text(alarm), text(text_zh), text(text_en)],
        ),
        Fact::MessageSent { message, vehicle, text: words, by, .. } => Op::new(
            "INSERT INTO messages (county, id, vehicle, direction, text, state, by_whom, at_ms, seq) \
             VALUES ($1, $2, $3, 'down', $4, 'queued', $5, $6, $7)",
            vec![county(), text(message), text(vehicle), text(words), text(by), at, seq],
        ),
        Fact::MessageState { message, state } => Op::new(
            "UPDATE messages SET state = $1, seq = $2 WHERE county = $3 AND id = $4",
            vec![text(state), seq, county(), text(message)],
        ),
        Fact::MessageReceived { message, vehicle, kind, text: words } => Op::new(
            "INSERT INTO messages (county, id, vehicle, direction, text, state, at_ms, seq) \
             VALUES ($1, $2, $3, 'up', $4, $5, $6, $7) ON CONFLICT (county, id) DO NOTHING",
            vec![county(), text(message), text(vehicle), text(words), text(kind), at, seq],
        ),
        Fact::NoticeMade { notice, order, template, not_before_ms, .. } => Op::new(
            "INSERT INTO notices (county, id, order_id, template, state, not_before_ms, at_ms, seq) \
             VALUES ($1, $2, $3, $4, 'waiting', $5, $6, $7)",
            vec![county(), text(notice), text(order), text(template), Value::Int(*not_before_ms), at, seq],
        ),
        Fact::NoticeState { notice, state } => Op::new(
            "UPDATE notices SET state = $1, seq = $2 WHERE county = $3 AND id = $4",
            vec![text(state), seq, county(), text(notice)],
        ),
        Fact::KeyMade { .. }
        | Fact::KeyRevoked { .. }
        | Fact::WebhookSaved { .. }
        | Fact::OptedOut { .. }
        | Fact::TokenMade { .. }
        | Fact::EvidenceKept { .. } => return Vec::new(),
    };
    vec![op]
}
