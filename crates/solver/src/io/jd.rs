//! The JD Logistics text (Liu, Tang and Yao 2021): NODE_SECTION with delivery, pickup, window, service;
//! DISTANCETIME_SECTION with every ordered pair's distance and time.

use super::convention::Kind;
use super::fault::{Fault, Sink};
use super::instance::{Fleet, Format, Instance, Node, Travel, Vehicle};
use super::limits::{MATRIX_CELLS_MAX, NODES_MAX, VEHICLES_MAX};
use super::number::{Field, Role, amount, count, number};
use super::solomon::{expect_number, set_window};
use super::validate::validate;
use super::vrplib::lines::{Line, Parts};
use xiangyun_model::problem::Problems;

/// Reads a JD instance.
///
/// # Errors
/// All problems found in the text.
pub fn read(text: &str, file: &str) -> Result<Instance, Problems> {
    let mut sink = Sink::new(file);
    let parts = Parts::split(&mut sink, text);
    let mut value = |key: &str, role: Role| {
        let (row, text) = parts.need(&mut sink, key)?;
        number(&mut sink, Field { row, column: key, text: Some(text) }, role)
    };
    let fixed_cost = value("DISPATCHINGCOST", Role::Cost);
    let unit_cost = value("UNITCOST", Role::Cost);
    let mut field = |key: &str| parts.need(&mut sink, key);
    let (dimension, vehicles, capacity) = (field("DIMENSION"), field("VEHICLES"), field("CAPACITY"));
    let as_count = |sink: &mut Sink, column, found: Option<(u64, &str)>, most| {
        found.and_then(|(row, text)| count(sink, Field { row, column, text: Some(text) }, most))
    };
    let dimension = as_count(&mut sink, "DIMENSION", dimension, NODES_MAX);
    let vehicles = as_count(&mut sink, "VEHICLES", vehicles, VEHICLES_MAX);
    let capacity = capacity.and_then(|(row, text)| {
        amount(&mut sink, Field { row, column: "CAPACITY", text: Some(text) }, Role::Amount)
    });
    let places = parts.need_section(&mut sink, "NODE_SECTION");
    let arcs = parts.need_section(&mut sink, "DISTANCETIME_SECTION");
    let (Some(n), Some(count), Some(capacity), Some(places), Some(arcs)) =
        (dimension, vehicles, capacity, places, arcs)
    else {
        return sink.finish(None);
    };
    let (Some(fixed_cost), Some(unit_cost)) = (fixed_cost, unit_cost) else { return sink.finish(None) };
    if places.len() != n || n * n > MATRIX_CELLS_MAX {
        let want = format!("NODE_SECTION has {} rows; as many as DIMENSION, at most 6000", places.len());
        sink.push(Fault::TooMany, 0, "DIMENSION", &n.to_string(), want);
        return sink.finish(None);
    }
    // Counted first, so that a short file cannot ask for a large table.
    if arcs.len() < n * n.saturating_sub(1) {
        let want = format!("{} rows; one for every ordered pair, {}", arcs.len(), n * n.saturating_sub(1));
        sink.push(Fault::Matrix, 0, "DISTANCETIME_SECTION", "", want);
        return sink.finish(None);
    }
    let mut nodes = Vec::with_capacity(n);
    let mut row_of = Vec::with_capacity(n);
    for &(row, line) in places {
        nodes.push(place(&mut sink, row, line, nodes.len()));
        row_of.push(row);
    }
    let travel = pairs(&mut sink, arcs, n);
    let mut vehicle = Vehicle::plain(capacity);
    (vehicle.fixed_cost, vehicle.unit_cost) = (fixed_cost, unit_cost);
    let name = parts.header.get("NAME").map_or_else(|| super::stem(file), |(_, v)| (*v).to_owned());
    let fleet = Fleet::Alike(vehicle, Some(count));
    let instance =
        Instance { name, kind: Kind::Vrpspdtw, format: Format::Jd, nodes, depots: 1, travel, fleet };
    if sink.is_empty() {
        validate(&mut sink, &instance, &row_of);
    }
    sink.finish(Some(instance))
}

fn place(sink: &mut Sink, row: u64, line: &str, at: usize) -> Node {
    let tokens: Vec<&str> = line.split(',').map(str::trim).take(8).collect();
    expect_number(sink, row, tokens[0], at);
    let field = |column, k: usize| Field { row, column, text: tokens.get(k).copied() };
    let mut node = Node::at(at as u64, 0.0, 0.0);
    node.delivery = amount(sink, field("delivery", 1), Role::Amount).unwrap_or(0);
    node.pickup = amount(sink, field("pickup", 2), Role::Amount).unwrap_or(0);
    let ready = number(sink, field("ready", 3), Role::Time).unwrap_or(0.0);
    let due = number(sink, field("due", 4), Role::Time).unwrap_or(f64::INFINITY);
    node.service = number(sink, field("service", 5), Role::Time).unwrap_or(0.0);
    set_window(sink, &mut node, row, ready, due);
    node
}

fn pairs(sink: &mut Sink, arcs: &[Line<'_>], n: usize) -> Travel {
    let mut distance = vec![f64::NAN; n * n];
    let mut duration = vec![f64::NAN; n * n];
    for i in 0..n {
        (distance[i * n + i], duration[i * n + i]) = (0.0, 0.0);
    }
    for &(row, line) in arcs {
        let mut tokens = line.split(',').map(str::trim);
        let (from, to) = (tokens.next(), tokens.next());
        let from = count(sink, Field { row, column: "from", text: from }, n - 1);
        let to = count(sink, Field { row, column: "to", text: to }, n - 1);
        let metres = number(sink, Field { row, column: "distance", text: tokens.next() }, Role::Arc);
        let minutes = number(sink, Field { row, column: "time", text: tokens.next() }, Role::Arc);
        let (Some(from), Some(to), Some(metres), Some(minutes)) = (from, to, metres, minutes) else {
            continue;
        };
        let cell = from * n + to;
        if from != to && !distance[cell].is_nan() {
            sink.push(Fault::Twice, row, "from", line, "this pair was given before; each ordered pair once");
        }
        (distance[cell], duration[cell]) = (metres, minutes);
    }
    Travel::Explicit { distance, duration: Some(duration), divisor: 1.0 }
}
