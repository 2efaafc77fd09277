//! The vehicles of a VRPLIB file: one capacity for all, or `CAPACITY_SECTION` and `VEHICLES_*` rows.

use super::lines::Parts;
use crate::io::convention::Kind;
use crate::io::fault::{Fault, Sink};
use crate::io::instance::{Fleet, Vehicle};
use crate::io::limits::VEHICLES_MAX;
use crate::io::number::{Field, Role, amount, count, id, number};

/// Reads the fleet; `depots` is the number of depots.
pub(super) fn read(sink: &mut Sink, parts: &Parts<'_>, kind: Kind, depots: usize) -> Option<Fleet> {
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
    let vehicle = Vehicle {
        depot: 0,
        capacity,
        fixed_cost: 0.0,
        unit_cost: 1.0,
        distance_max: limit(sink, parts, &["DISTANCE", "VEHICLES_MAX_DISTANCE"])?,
        duration_max: limit(sink, parts, &["VEHICLES_MAX_DURATION"])?,
        reload_at: Vec::new(),
    };
    let rows = parts.section("CAPACITY_SECTION").map(<[_]>::len);
    let listed = matches!(kind, Kind::Hfvrp | Kind::Mdvrptw | Kind::Mtvrptwr);
    let Some(number_of) = given.or(if listed { rows } else { None }) else {
        if listed {
            sink.push(Fault::Missing, 0, "VEHICLES", "", "this kind lists its vehicles; a line VEHICLES: 25");
            return None;
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
    sections(sink, parts, kind, depots, &mut list);
    let alike = list.windows(2).all(|pair| pair[0] == pair[1]);
    Some(match list.first() {
        Some(first) if alike && kind == Kind::Mtvrptwr => Fleet::Alike(first.clone(), Some(number_of)),
        _ => Fleet::Listed(list),
    })
}

/// A limit in the header; absent or 0 means none (LKH-3 writes 0).
fn limit(sink: &mut Sink, parts: &Parts<'_>, keys: &[&str]) -> Option<f64> {
    let mut least = f64::INFINITY;
    for &key in keys {
        if let Some(&(row, text)) = parts.header.get(key) {
            let value = number(sink, Field { row, column: key, text: Some(text) }, Role::Time)?;
            if value > 0.0 {
                least = least.min(value);
            }
        }
    }
    Some(least)
}

fn sections(sink: &mut Sink, parts: &Parts<'_>, kind: Kind, depots: usize, list: &mut [Vehicle]) {
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
        vehicle.duration_max = number(sink, field, Role::Time).unwrap_or(f64::INFINITY);
    });
    let depot_of = |sink: &mut Sink, row: u64, token: &str| {
        let depot = id(sink, Field { row, column: "depot", text: Some(token) })?;
        match usize::try_from(depot) {
            Ok(depot) if (1..=depots).contains(&depot) => Some(depot - 1),
            _ => {
                sink.push(Fault::UnknownId, row, "depot", token, "not a depot; an id of DEPOT_SECTION");
                None
            }
        }
    };
    if kind == Kind::Mdvrptw {
        parts.need_section(sink, "VEHICLES_DEPOT_SECTION");
    }
    per_vehicle(sink, parts, "VEHICLES_DEPOT_SECTION", list, |sink, vehicle, row, rest| {
        if let Some(depot) = depot_of(sink, row, rest.first().copied().unwrap_or("")) {
            vehicle.depot = depot;
        }
    });
    if kind == Kind::Mtvrptwr {
        parts.need_section(sink, "VEHICLES_RELOAD_DEPOT_SECTION");
    }
    per_vehicle(sink, parts, "VEHICLES_RELOAD_DEPOT_SECTION", list, |sink, vehicle, row, rest| {
        vehicle.reload_at = rest.iter().filter_map(|token| depot_of(sink, row, token)).collect();
    });
}

fn per_vehicle(
    sink: &mut Sink,
    parts: &Parts<'_>,
    section: &str,
    list: &mut [Vehicle],
    mut take: impl FnMut(&mut Sink, &mut Vehicle, u64, &[&str]),
) {
    let Some(lines) = parts.section(section) else { return };
    let mut seen = vec![false; list.len()];
    for &(row, line) in lines {
        let tokens: Vec<&str> = line.split_ascii_whitespace().take(64).collect();
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
