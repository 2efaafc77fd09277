//! Two loads that go the same way become one: a village's bag takes a few pieces more instead of a second bag.

use super::edit::{Trial, recount};
use super::{Names, Progress};
use crate::inputs::Inputs;
use crate::orders::OrderRow;
use std::collections::BTreeSet;
use xiangyun_model::id::CarrierId;
use xiangyun_model::plan::{Load, Plan};

fn rows<'a>(load: &'a Load, inputs: &'a Inputs, names: &'a Names) -> impl Iterator<Item = &'a OrderRow> {
    load.orders.iter().filter_map(|o| names.orders.get(o)).filter_map(|&i| inputs.orders.get(i))
}

/// Whether one load could take another one's orders: same ends, same unit, goods and carriers that get along, hours agreed
/// with the same people.
pub(super) fn may_join(into: &Load, load: &Load, inputs: &Inputs, names: &Names) -> bool {
    let ends = |l: &Load| (l.origin.clone(), l.destination.clone(), l.sorted_at.clone());
    let kind = |l: &Load| (l.direction, l.unit, l.sealed, l.hard);
    if kind(into) != kind(load) || into.band != load.band || ends(into) != ends(load) {
        return false;
    }
    let county = &inputs.county;
    let alone = |c: CarrierId| county.carrier(c).sealed || !county.carrier(c).excludes.is_empty();
    let carriers: BTreeSet<CarrierId> =
        rows(into, inputs, names).chain(rows(load, inputs, names)).map(|r| r.order.carrier).collect();
    if carriers.len() > 1 && carriers.iter().any(|&c| alone(c)) {
        return false;
    }
    let window = |l: &Load| rows(l, inputs, names).map(|r| r.order.window).next().flatten();
    let along = rows(into, inputs, names).all(|a| {
        rows(load, inputs, names).all(|b| {
            county.class(a.order.class).goes_with(b.order.class)
                && county.class(b.order.class).goes_with(a.order.class)
        })
    });
    along && window(into) == window(load)
}

/// Whether a load still takes orders in: it is not sealed yet, and nobody has begun to load it.
pub(super) fn is_open(plan: &Plan, load: &Load, progress: &Progress) -> bool {
    let first =
        load.legs.first().and_then(|leg| plan.trip(&leg.trip)?.visits.iter().find(|v| v.id == leg.from));
    let waits = first.is_some_and(|v| {
        !progress.visits.contains_key(&v.id) && (progress.now == 0 || v.start > progress.now)
    });
    // What will miss a ride is no way to the destination.
    let last = load.legs.last().and_then(|leg| plan.trip(&leg.trip)?.visits.iter().find(|v| v.id == leg.to));
    let ends = last.is_some_and(|v| v.site == load.destination);
    waits && ends && (!load.sealed || load.release > progress.now)
}

/// Loads that could take another one's orders in, those first that need not wait for them, then the soonest there.
pub(super) fn candidates(
    plan: &Plan,
    load: &Load,
    inputs: &Inputs,
    progress: &Progress,
    names: &Names,
) -> Vec<String> {
    let there = |l: &&Load| l.destination == load.destination && l.origin == load.origin && l.id != load.id;
    let mut found: Vec<&Load> = plan
        .loads
        .iter()
        .filter(there)
        .filter(|l| may_join(l, load, inputs, names) && is_open(plan, l, progress))
        .collect();
    found.sort_by_key(|l| ((load.release - l.release).max(0), l.arrives, &l.id));
    found.into_iter().map(|l| l.id.clone()).collect()
}

/// Puts one load's orders into another, whose rides they take.
pub(super) fn join(trial: &mut Trial, into: &str, load: &str, inputs: &Inputs, names: &Names) {
    let Some(at) = trial.plan.loads.iter().position(|l| l.id == load) else { return };
    let gone = trial.plan.loads.remove(at);
    trial.drop_load(load);
    let Some(into) = trial.plan.loads.iter_mut().find(|l| l.id == into) else { return };
    into.orders.extend(gone.orders);
    into.orders.sort();
    into.release = into.release.max(gone.release);
    into.due = into.due.min(gone.due);
    recount(into, inputs, names);
}
