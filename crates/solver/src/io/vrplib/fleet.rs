//! The vehicles of a VRPLIB file: one capacity for all, or `CAPACITY_SECTION` and `VEHICLES_*` rows.

use super::lines::Parts;
use crate::io::convention::Kind;
use crate::io::fault::{Fault, Sink};
use crate::io::instance::{Fleet, Vehicle};
use crate::io::limits::VEHICLES_MAX;
use crate::io::number::{Field, Role, amount, count, id, is_no_limit, number};
use std::sync::Arc;

/// Reads the fleet; `depots` and `nodes` are their numbers.
pub(super) fn read(
    sink: &mut Sink,
    parts: &Parts<'_>,
    kind: Kind,
    depots: usize,
    nodes: usize,
) -> Option<Fleet> {
    let given = match parts.header.get("VEHICLES") {
        Some(&(row, text)) => {
            Some(count(sink, Field { row, column: "VEHICLES", text: Some(text) }, VEHICLES_MAX)?)
        }
        None => None,
    };
    let capacity = match parts.header.get("CAPACITY") {
        Some(&(row, text)) => {
            amount(sink, Field { row, column: "CAPACITY", text: Some(text) }, Role::Amount)?
        }
        None if parts.section("CAPACITY_SECTION").is_some() => 0,
        None => {
            sink.push(Fault::Missing, 0, "CAPACITY", "", "this field is missing; a line CAPACITY: 100");
            return None;
        }
    };
    let mut vehicle = Vehicle {
        capacity,
        distance_max: limit(sink, parts, &["DISTANCE", "VEHICLES_MAX_DISTANCE"])?,
        duration_max: limit(sink, parts, &["VEHICLES_MAX_DURATION"])?,
        ..Vehicle::plain(capacity)
    };
    header(sink, parts, depots, &mut vehicle);
    let rows = PER_VEHICLE.iter().filter_map(|name| parts.section(name)).map(<[_]>::len).max();
    let listed = matches!(kind, Kind::Hfvrp | Kind::Mdvrptw | Kind::Mtvrptwr) || rows.is_some();
    let Some(number_of) = given.or(rows) else {
        if kind == Kind::Hfvrp || kind == Kind::Mdvrptw {
            sink.push(Fault::Missing, 0, "VEHICLES", "", "this kind lists its vehicles; a line VEHICLES: 25");
            return None;
        }
        if kind == Kind::Mtvrptwr && vehicle.reload_at.is_empty() {
            vehicle.reload_at = vec![0];
        }
        return Some(Fleet::Alike(vehicle, None));
    };
    if !listed {
        return Some(Fleet::Alike(vehicle, Some(number_of)));
    }
    if number_of > VEHICLES_MAX {
        sink.push(Fault::TooMany, 0, "VEHICLES", &number_of.to_string(), format!("at most {VEHICLES_MAX}"));
        return None;
    }
    let mut list = vec![vehicle; number_of];
    sections(sink, parts, kind, depots, nodes, &mut list);
    let alike = list.windows(2).all(|pair| pair[0] == pair[1]);
    Some(match list.first() {
        Some(first) if alike && !matches!(kind, Kind::Hfvrp | Kind::Mdvrptw) => {
            Fleet::Alike(first.clone(), Some(number_of))
        }
        _ => Fleet::Listed(list),
    })
}

/// Sections with one row a vehicle.
const PER_VEHICLE: [&str; 9] = [
    "CAPACITY_SECTION",
    "VEHICLES_FIXED_COST_SECTION",
    "VEHICLES_UNIT_DISTANCE_COST_SECTION",
    "VEHICLES_MAX_DURATION_SECTION",
    "VEHICLES_MAX_DISTANCE_SECTION",
    "VEHICLES_MAX_RELOADS_SECTION",
    "VEHICLES_DEPOT_SECTION",
    "VEHICLES_RELOAD_DEPOT_SECTION",
    "VEHICLES_ALLOWED_CLIENTS_SECTION",
];

/// What the header says of every vehicle.
fn header(sink: &mut Sink, parts: &Parts<'_>, depots: usize, vehicle: &mut Vehicle) {
    let mut text = |key: &'static str, take: &mut dyn FnMut(&mut Sink, Field<'_>)| {
        if let Some(&(row, text)) = parts.header.get(key) {
            take(sink, Field { row, column: key, text: Some(text) });
        }
    };
    text("VEHICLES_FIXED_COST", &mut |sink, field| {
        vehicle.fixed_cost = number(sink, field, Role::Cost).unwrap_or(0.0);
    });
    text("VEHICLES_UNIT_DISTANCE_COST", &mut |sink, field| {
        vehicle.unit_cost = number(sink, field, Role::Cost).unwrap_or(1.0);
    });
    text("VEHICLES_MAX_RELOADS", &mut |sink, field| vehicle.reloads_max = count(sink, field, RELOADS_MAX));
    text("VEHICLES_DEPOT", &mut |sink, field| {
        let token = field.text.unwrap_or("");
        vehicle.depot = depot_of(sink, field.row, token, depots).unwrap_or(0);
    });
    text("VEHICLES_RELOAD_DEPOT", &mut |sink, field| {
        let tokens = field.text.unwrap_or("").split_ascii_whitespace();
        vehicle.reload_at = tokens.filter_map(|token| depot_of(sink, field.row, token, depots)).collect();
    });
}

/// Most reloads that a file may name; more is no limit.
const RELOADS_MAX: usize = 1_000_000;

/// A limit in the header; absent, 0 (LKH-3 writes it) or the largest integer of a format means none.
fn limit(sink: &mut Sink, parts: &Parts<'_>, keys: &[&str]) -> Option<f64> {
    let mut least = f64::INFINITY;
    for &key in keys {
        if let Some(&(row, text)) = parts.header.get(key) {
            least = least.min(limit_of(sink, Field { row, column: key, text: Some(text) })?);
        }
    }
    Some(least)
}

fn limit_of(sink: &mut Sink, field: Field<'_>) -> Option<f64> {
    if field.text.is_some_and(is_no_limit) {
        return Some(f64::INFINITY);
    }
    number(sink, field, Role::Time).map(|value| if value > 0.0 { value } else { f64::INFINITY })
}

fn depot_of(sink: &mut Sink, row: u64, token: &str, depots: usize) -> Option<usize> {
    let depot = id(sink, Field { row, column: "depot", text: Some(token) })?;
    match usize::try_from(depot) {
        Ok(depot) if (1..=depots).contains(&depot) => Some(depot - 1),
        _ => {
            sink.push(Fault::UnknownId, row, "depot", token, "not a depot; an id of DEPOT_SECTION");
            None
        }
    }
}

fn sections(
    sink: &mut Sink,
    parts: &Parts<'_>,
    kind: Kind,
    depots: usize,
    nodes: usize,
    list: &mut [Vehicle],
) {
    per_vehicle(sink, parts, "CAPACITY_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "capacity", text: rest.first().copied() };
        vehicle.capacity = amount(sink, field, Role::Amount).unwrap_or(0);
    });
    per_vehicle(sink, parts, "VEHICLES_FIXED_COST_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "fixed cost", text: rest.first().copied() };
        vehicle.fixed_cost = number(sink, field, Role::Cost).unwrap_or(0.0);
    });
    per_vehicle(sink, parts, "VEHICLES_UNIT_DISTANCE_COST_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "unit distance cost", text: rest.first().copied() };
        vehicle.unit_cost = number(sink, field, Role::Cost).unwrap_or(1.0);
    });
    per_vehicle(sink, parts, "VEHICLES_MAX_DURATION_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "max duration", text: rest.first().copied() };
        vehicle.duration_max = limit_of(sink, field).unwrap_or(f64::INFINITY);
    });
    per_vehicle(sink, parts, "VEHICLES_MAX_DISTANCE_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "max distance", text: rest.first().copied() };
        vehicle.distance_max = limit_of(sink, field).unwrap_or(f64::INFINITY);
    });
    per_vehicle(sink, parts, "VEHICLES_MAX_RELOADS_SECTION", list, |sink, vehicle, row, rest| {
        let field = Field { row, column: "max reloads", text: rest.first().copied() };
        vehicle.reloads_max = count(sink, field, RELOADS_MAX);
    });
    if kind == Kind::Mdvrptw && !parts.header.contains_key("VEHICLES_DEPOT") {
        parts.need_section(sink, "VEHICLES_DEPOT_SECTION");
    }
    per_vehicle(sink, parts, "VEHICLES_DEPOT_SECTION", list, |sink, vehicle, row, rest| {
        if let Some(depot) = depot_of(sink, row, rest.first().copied().unwrap_or(""), depots) {
            vehicle.depot = depot;
        }
    });
    if kind == Kind::Mtvrptwr && !parts.header.contains_key("VEHICLES_RELOAD_DEPOT") {
        parts.need_section(sink, "VEHICLES_RELOAD_DEPOT_SECTION");
    }
    per_vehicle(sink, parts, "VEHICLES_RELOAD_DEPOT_SECTION", list, |sink, vehicle, row, rest| {
        vehicle.reload_at = rest.iter().filter_map(|token| depot_of(sink, row, token, depots)).collect();
    });
    allowed(sink, parts, depots, nodes, list);
}

/// The customers that each vehicle may serve, as node ids; one list in memory for vehicles with the same.
fn allowed(sink: &mut Sink, parts: &Parts<'_>, depots: usize, nodes: usize, list: &mut [Vehicle]) {
    let mut known: Vec<Arc<Vec<bool>>> = Vec::new();
    per_vehicle_all(sink, parts, "VEHICLES_ALLOWED_CLIENTS_SECTION", list, |sink, vehicle, row, rest| {
        let mut may = vec![false; nodes];
        for token in rest {
            match token.parse::<usize>() {
                Ok(node) if (1..=nodes).contains(&node) => may[node - 1] = true,
                _ => {
                    sink.push(Fault::UnknownId, row, "allowed client", token, "no such node; 1 to DIMENSION");
                }
            }
        }
        if may[depots..].iter().all(|&may| may) {
            return;
        }
        if let Some(same) = known.iter().find(|other| ***other == may) {
            vehicle.allowed = Some(same.clone());
        } else if known.len() < ALLOWED_MAX {
            known.push(Arc::new(may));
            vehicle.allowed = known.last().cloned();
        } else {
            let want = format!("too many different lists; at most {ALLOWED_MAX}");
            sink.push(Fault::TooMany, row, "VEHICLES_ALLOWED_CLIENTS_SECTION", "", want);
        }
    });
}

/// Most different lists of allowed customers.
const ALLOWED_MAX: usize = 128;

fn per_vehicle(
    sink: &mut Sink,
    parts: &Parts<'_>,
    section: &str,
    list: &mut [Vehicle],
    take: impl FnMut(&mut Sink, &mut Vehicle, u64, &[&str]),
) {
    per_vehicle_some(sink, parts, section, list, 64, take);
}

fn per_vehicle_all(
    sink: &mut Sink,
    parts: &Parts<'_>,
    section: &str,
    list: &mut [Vehicle],
    take: impl FnMut(&mut Sink, &mut Vehicle, u64, &[&str]),
) {
    per_vehicle_some(sink, parts, section, list, usize::MAX, take);
}

/// Reads rows `vehicle value…` of at most `most` columns, once for each vehicle.
fn per_vehicle_some(
    sink: &mut Sink,
    parts: &Parts<'_>,
    section: &str,
    list: &mut [Vehicle],
    most: usize,
    mut take: impl FnMut(&mut Sink, &mut Vehicle, u64, &[&str]),
) {
    let Some(lines) = parts.section(section) else { return };
    let mut seen = vec![false; list.len()];
    for &(row, line) in lines {
        let tokens: Vec<&str> = line.split_ascii_whitespace().take(most).collect();
        let Some(number) = id(sink, Field { row, column: "vehicle", text: tokens.first().copied() }) else {
            continue;
        };
        let at = match usize::try_from(number) {
            Ok(number) if (1..=list.len()).contains(&number) => number - 1,
            _ => {
                let want = format!("no such vehicle; 1 to VEHICLES, {}", list.len());
                sink.push(Fault::UnknownId, row, section, tokens[0], want);
                continue;
            }
        };
        if std::mem::replace(&mut seen[at], true) {
            sink.push(Fault::Twice, row, section, tokens[0], "this vehicle was given before; each once");
            continue;
        }
        take(sink, &mut list[at], row, &tokens[1..]);
    }
    if let Some(first) = seen.iter().position(|seen| !seen) {
        let want = format!("vehicle {} has no row here; one row a vehicle", first + 1);
        sink.push(Fault::Missing, 0, section, "", want);
    }
}
