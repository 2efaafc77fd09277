//! Solomon's and Homberger's text: VEHICLE (number, capacity), CUSTOMER (number, x, y, demand, ready, due, service).

use super::convention::Kind;
use super::fault::{Fault, Sink};
use super::instance::{Fleet, Format, Instance, Node, Travel, Vehicle};
use super::limits::{NODES_MAX, VEHICLES_MAX};
use super::number::{Field, Role, amount, count, number};
use super::validate::validate;
use xiangyun_model::problem::Problems;

/// Checks that rows are numbered 0, 1, 2, … and notes repeated or missing numbers.
pub(super) fn expect_number(sink: &mut Sink, row: u64, token: &str, expected: usize) -> bool {
    match token.parse::<usize>() {
        Ok(number) if number == expected => true,
        Ok(number) if number < expected => {
            sink.push(Fault::Twice, row, "number", token, format!("given before; {expected} comes next"));
            false
        }
        Ok(_) => {
            sink.push(
                Fault::Missing,
                row,
                "number",
                token,
                format!("numbers are missing; {expected} comes next"),
            );
            false
        }
        Err(_) => {
            sink.push(Fault::Malformed, row, "number", token, format!("not a number; {expected} comes next"));
            false
        }
    }
}

/// Sets a window, or notes that it is contradictory.
pub(super) fn set_window(sink: &mut Sink, node: &mut Node, row: u64, ready: f64, due: f64) {
    if ready > due {
        let want = "the window closes before it opens; earliest, then latest";
        sink.push(Fault::Window, row, "time window", &format!("{ready} {due}"), want);
    }
    (node.ready, node.due) = (ready, due);
}

/// Reads a Solomon instance.
///
/// # Errors
/// All problems found in the text.
pub fn read(text: &str, file: &str) -> Result<Instance, Problems> {
    let mut sink = Sink::new(file);
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at as u64 + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty());
    let name = lines.next().map_or_else(|| super::stem(file), |(_, line)| line.to_owned());
    let rows: Vec<(u64, Vec<&str>)> = lines
        .filter(|(_, line)| line.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
        .take(NODES_MAX + 2)
        .map(|(row, line)| (row, line.split_ascii_whitespace().take(16).collect()))
        .collect();
    let Some(((row, vehicle), customers)) = rows.split_first() else {
        sink.push(
            Fault::Missing,
            0,
            "VEHICLE",
            "",
            "no numbers at all; the vehicle row, then the customer rows",
        );
        return sink.finish(None);
    };
    if customers.len() > NODES_MAX {
        sink.push(Fault::TooMany, 0, "CUSTOMER", "", format!("too many customers; at most {NODES_MAX}"));
        return sink.finish(None);
    }
    let field = |column, k: usize| Field { row: *row, column, text: vehicle.get(k).copied() };
    let number_of = count(&mut sink, field("NUMBER", 0), VEHICLES_MAX);
    let capacity = amount(&mut sink, field("CAPACITY", 1), Role::Amount);
    let mut nodes = Vec::with_capacity(customers.len());
    let mut row_of = Vec::with_capacity(customers.len());
    for (row, tokens) in customers {
        expect_number(&mut sink, *row, tokens[0], nodes.len());
        nodes.push(customer(&mut sink, *row, tokens, nodes.len() as u64));
        row_of.push(*row);
    }
    let (Some(number_of), Some(capacity)) = (number_of, capacity) else { return sink.finish(None) };
    if let Some(depot) = nodes.first_mut() {
        (depot.service, depot.delivery) = (0.0, 0);
    }
    let fleet = Fleet::Alike(Vehicle::plain(capacity), Some(number_of));
    let instance = Instance {
        name,
        kind: Kind::Vrptw,
        format: Format::Solomon,
        nodes,
        depots: 1,
        travel: Travel::Euclid,
        fleet,
    };
    if sink.is_empty() {
        validate(&mut sink, &instance, &row_of);
    }
    sink.finish(Some(instance))
}

fn customer(sink: &mut Sink, row: u64, tokens: &[&str], id: u64) -> Node {
    let field = |column, k: usize| Field { row, column, text: tokens.get(k).copied() };
    let x = number(sink, field("XCOORD.", 1), Role::Coordinate).unwrap_or(0.0);
    let y = number(sink, field("YCOORD.", 2), Role::Coordinate).unwrap_or(0.0);
    let mut node = Node::at(id, x, y);
    node.delivery = amount(sink, field("DEMAND", 3), Role::Amount).unwrap_or(0);
    let ready = number(sink, field("READY TIME", 4), Role::Time).unwrap_or(0.0);
    let due = number(sink, field("DUE DATE", 5), Role::Time).unwrap_or(f64::INFINITY);
    node.service = number(sink, field("SERVICE TIME", 6), Role::Time).unwrap_or(0.0);
    set_window(sink, &mut node, row, ready, due);
    node
}
