//! Checks that every text format shares, once an instance stands.

use super::convention::Convention;
use super::fault::{Fault, Sink};
use super::instance::{Fleet, Instance, Travel, Vehicle};
use super::limits::MATRIX_CELLS_MAX;

/// Notes what makes the instance unsolvable as it stands: no capacity, oversized demands, sums that overflow,
/// windows that no vehicle can meet, holes in matrices. `row_of` gives the row of a node for the message.
pub(super) fn validate(sink: &mut Sink, instance: &Instance, row_of: &[u64]) {
    if instance.customers().is_empty() {
        sink.push(Fault::Missing, 0, "", "", "no customers; at least one node besides the depots");
    }
    fleet(sink, instance);
    amounts(sink, instance, row_of);
    if matrices(sink, instance) && instance.kind.has_time() {
        windows(sink, instance, row_of);
    }
}

fn vehicles(instance: &Instance) -> &[Vehicle] {
    match &instance.fleet {
        Fleet::Alike(vehicle, _) => std::slice::from_ref(vehicle),
        Fleet::Listed(list) => list,
    }
}

fn fleet(sink: &mut Sink, instance: &Instance) {
    if instance.vehicle_count() == Some(0) {
        sink.push(Fault::NoCapacity, 0, "VEHICLES", "0", "no vehicle; at least 1");
    }
    if vehicles(instance).iter().all(|v| v.capacity == 0) {
        sink.push(Fault::NoCapacity, 0, "CAPACITY", "0", "no vehicle can carry anything; a capacity above 0");
    }
}

fn amounts(sink: &mut Sink, instance: &Instance, row_of: &[u64]) {
    let largest = vehicles(instance).iter().map(|v| v.capacity).max().unwrap_or(0);
    let mut sum: i64 = 0;
    for at in instance.customers() {
        let node = &instance.nodes[at];
        let paired = match node.pair {
            Some(super::instance::Pair::PickupFor { amount, .. }) => amount,
            _ => 0,
        };
        let most = node.delivery.max(node.pickup).max(paired);
        // What may be left out is left out.
        if most > largest && largest > 0 && node.prize.is_infinite() {
            let found = super::sol::plain_number(most);
            let want = format!("more than any vehicle holds; at most {}", super::sol::plain_number(largest));
            sink.push(Fault::Oversized, row_of.get(at).copied().unwrap_or(0), "demand", &found, want);
        }
        match sum.checked_add(node.delivery).and_then(|s| s.checked_add(node.pickup)) {
            Some(total) if total < i64::MAX / 4 => sum = total,
            _ => {
                sink.push(Fault::TooLarge, 0, "demand", "", "the demands sum to too much; use a larger unit");
                return;
            }
        }
    }
}

fn matrices(sink: &mut Sink, instance: &Instance) -> bool {
    let n = instance.nodes.len();
    let (distance, duration) = match &instance.travel {
        Travel::Euclid => return true,
        Travel::Measured(_) => {
            if n * n > MATRIX_CELLS_MAX {
                let want = "too many nodes for a metric other than EUC_2D; at most 6000";
                sink.push(Fault::TooMany, 0, "DIMENSION", &n.to_string(), want);
            }
            return n * n <= MATRIX_CELLS_MAX;
        }
        Travel::Explicit { distance, duration, .. } => (distance, duration),
    };
    let mut holes = 0_u64;
    let mut first = None;
    for (what, matrix) in [("distance", Some(distance)), ("duration", duration.as_ref())] {
        let Some(matrix) = matrix else { continue };
        for (cell, value) in matrix.iter().enumerate() {
            if value.is_nan() {
                holes += 1;
                first.get_or_insert((what, cell / n, cell % n));
            }
        }
    }
    if let Some((what, from, to)) = first {
        let found = format!("{} to {}", instance.nodes[from].id, instance.nodes[to].id);
        let want =
            format!("no {what} for this pair and {} more holes; a value for every ordered pair", holes - 1);
        sink.push(Fault::Matrix, 0, what, &found, want);
        return false;
    }
    true
}

fn windows(sink: &mut Sink, instance: &Instance, row_of: &[u64]) {
    let depots = 0..instance.depots;
    let shortest = |from: usize, to: usize| {
        let least = |a: f64, c: Convention| a.min(instance.duration(from, to, c));
        least(least(instance.duration(from, to, Convention::Exact), Convention::Dimacs), Convention::Round)
    };
    for at in instance.customers() {
        let node = &instance.nodes[at];
        let reachable = node.prize.is_finite()
            || depots.clone().any(|depot| {
                let home = &instance.nodes[depot];
                let arrive = home.ready.max(node.release) + shortest(depot, at);
                arrive <= node.due + 1e-6
                    && arrive.max(node.ready) + node.service + shortest(at, depot) <= home.due + 1e-6
            });
        if !reachable {
            let found = format!("{} {}", node.ready, node.due);
            let want = format!(
                "node {} cannot be reached from a depot within its window and left in time; open the window or the depot longer",
                node.id
            );
            sink.push(Fault::Unreachable, row_of.get(at).copied().unwrap_or(0), "time window", &found, want);
        }
    }
}
