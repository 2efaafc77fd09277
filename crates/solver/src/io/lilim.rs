//! Li and Lim's text: `vehicles capacity speed` (every published file means a speed of 1, whatever it says), then number, x, y, demand, ready, due, service, pickup, delivery.

use super::convention::Kind;
use super::fault::{Fault, Sink};
use super::instance::{Fleet, Format, Instance, Node, Pair, Travel, Vehicle};
use super::limits::{NODES_MAX, VEHICLES_MAX};
use super::number::{Field, Role, amount, count, number};
use super::solomon::{expect_number, set_window};
use super::validate::validate;
use xiangyun_model::problem::Problems;

/// The two columns that name the other end of a pair, and the signed demand.
struct Ends {
    row: u64,
    demand: i64,
    pickup: usize,
    delivery: usize,
}

/// Reads a Li-Lim instance.
///
/// # Errors
/// All problems found in the text.
pub fn read(text: &str, file: &str) -> Result<Instance, Problems> {
    let mut sink = Sink::new(file);
    let rows: Vec<(u64, Vec<&str>)> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at as u64 + 1, line.split_ascii_whitespace().take(16).collect::<Vec<_>>()))
        .filter(|(_, tokens)| !tokens.is_empty())
        .take(NODES_MAX + 2)
        .collect();
    let Some(((row, vehicle), places)) = rows.split_first() else {
        sink.push(Fault::Missing, 0, "", "", "an empty file; the vehicle row, then the customer rows");
        return sink.finish(None);
    };
    if places.len() > NODES_MAX {
        sink.push(Fault::TooMany, 0, "", "", format!("too many places; at most {NODES_MAX}"));
        return sink.finish(None);
    }
    let field = |column, k: usize| Field { row: *row, column, text: vehicle.get(k).copied() };
    let number_of = count(&mut sink, field("vehicles", 0), VEHICLES_MAX);
    let capacity = amount(&mut sink, field("capacity", 1), Role::Amount);
    let mut nodes = Vec::with_capacity(places.len());
    let mut ends = Vec::with_capacity(places.len());
    for (row, tokens) in places {
        expect_number(&mut sink, *row, tokens[0], nodes.len());
        let (node, end) = place(&mut sink, *row, tokens, nodes.len() as u64);
        nodes.push(node);
        ends.push(end);
    }
    let (Some(number_of), Some(capacity)) = (number_of, capacity) else { return sink.finish(None) };
    if let Some(depot) = nodes.first_mut() {
        depot.service = 0.0;
    }
    pair_up(&mut sink, &mut nodes, &ends);
    let fleet = Fleet::Alike(Vehicle::plain(capacity), Some(number_of));
    let name = super::stem(file);
    let instance = Instance {
        name,
        kind: Kind::Pdptw,
        format: Format::LiLim,
        nodes,
        depots: 1,
        travel: Travel::Euclid,
        fleet,
    };
    if sink.is_empty() {
        let row_of: Vec<u64> = ends.iter().map(|end| end.row).collect();
        validate(&mut sink, &instance, &row_of);
    }
    sink.finish(Some(instance))
}

fn place(sink: &mut Sink, row: u64, tokens: &[&str], id: u64) -> (Node, Ends) {
    let field = |column, k: usize| Field { row, column, text: tokens.get(k).copied() };
    let x = number(sink, field("x", 1), Role::Coordinate).unwrap_or(0.0);
    let y = number(sink, field("y", 2), Role::Coordinate).unwrap_or(0.0);
    let mut node = Node::at(id, x, y);
    let demand = amount(sink, field("demand", 3), Role::SignedAmount).unwrap_or(0);
    let ready = number(sink, field("ready", 4), Role::Time).unwrap_or(0.0);
    let due = number(sink, field("due", 5), Role::Time).unwrap_or(f64::INFINITY);
    node.service = number(sink, field("service", 6), Role::Time).unwrap_or(0.0);
    let pickup = count(sink, field("pickup", 7), NODES_MAX).unwrap_or(0);
    let delivery = count(sink, field("delivery", 8), NODES_MAX).unwrap_or(0);
    set_window(sink, &mut node, row, ready, due);
    (node, Ends { row, demand, pickup, delivery })
}

fn pair_up(sink: &mut Sink, nodes: &mut [Node], ends: &[Ends]) {
    for at in 1..nodes.len() {
        let end = &ends[at];
        let (other, is_pickup) = match (end.pickup, end.delivery) {
            (0, 0) => {
                sink.push(
                    Fault::Pair,
                    end.row,
                    "pickup",
                    "0 0",
                    "belongs to no pair; name its pickup or delivery",
                );
                continue;
            }
            (0, delivery) => (delivery, true),
            (pickup, 0) => (pickup, false),
            (pickup, delivery) => {
                let found = format!("{pickup} {delivery}");
                sink.push(Fault::Pair, end.row, "pickup", &found, "names both ends; only one, the other 0");
                continue;
            }
        };
        let Some(far) = ends.get(other).filter(|_| other != at && other != 0) else {
            sink.push(
                Fault::UnknownId,
                end.row,
                "pickup",
                &other.to_string(),
                "no such place; a number of this file",
            );
            continue;
        };
        let back = if is_pickup { far.pickup } else { far.delivery };
        if back != at {
            let found = format!("{at} {other}");
            sink.push(
                Fault::Pair,
                end.row,
                "pickup",
                &found,
                "the other end does not name this one; both must",
            );
            continue;
        }
        // The published sets have a few pairs whose amounts differ by sign convention only.
        if end.demand.checked_neg() != Some(far.demand) || (is_pickup && end.demand < 0) {
            let found = format!(
                "{} and {}",
                super::sol::plain_number(end.demand),
                super::sol::plain_number(far.demand)
            );
            let want = "a pickup's demand is positive and its delivery's the same, negative";
            sink.push(Fault::Pair, end.row, "demand", &found, want);
            continue;
        }
        nodes[at].pair = Some(if is_pickup {
            Pair::PickupFor { delivery: other, amount: end.demand }
        } else {
            Pair::DeliveryFrom { pickup: other, amount: far.demand }
        });
    }
}
