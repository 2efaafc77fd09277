//! Loads: what they hold, how their legs chain from origin to destination, when they are ready, how long they are out
//! of their band, and whether they arrive as promised.

use super::Faults;
use super::facts::Facts;
use std::collections::BTreeSet;
use xiangyun_model::id::{BandId, ClassId};
use xiangyun_model::order::Order;
use xiangyun_model::plan::{Load, TripKind, Visit};
use xiangyun_model::units::Amount;

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    for load in facts.looked_at() {
        contents(facts, load, faults);
        legs(facts, load, faults);
        promise(facts, load, faults);
        cold_chain(facts, load, faults);
    }
    strays(facts, faults);
}

fn contents(facts: &Facts<'_>, load: &Load, faults: &mut Faults) {
    let at = format!("load {}", load.id);
    if load.orders.is_empty() {
        faults.add("P239", at.clone(), "no orders", "at least one");
    }
    let amount: Amount = facts.orders_of(load).map(|o| o.amount).sum();
    if amount != load.amount {
        faults.add(
            "P239",
            at.clone(),
            format!("{:?}", load.amount),
            format!("{amount:?}, the sum of its orders"),
        );
    }
    let units = facts.county.handling.units(load.unit, amount);
    if load.units < units {
        faults.add("P239", at.clone(), format!("{} units", load.units), format!("at least {units}"));
    }
    let mut classes: Vec<ClassId> = facts.orders_of(load).map(|o| o.class).collect();
    classes.sort_unstable();
    classes.dedup();
    let said = |class: &ClassId| load.goods.iter().any(|g| *g == *facts.county.class(*class).id.as_str());
    let each_once = load.goods.iter().all(|g| load.goods.iter().filter(|other| *other == g).count() == 1);
    if load.goods.len() != classes.len() || !each_once || !classes.iter().all(said) {
        let words: Vec<&str> = classes.iter().map(|&c| facts.county.class(c).id.as_str()).collect();
        faults.add("P239", at.clone(), load.goods.join(" "), words.join(" "));
    }
    let ends = (facts.site_id(&load.origin), facts.site_id(&load.destination));
    let band_of_load = facts.county.bands.iter().position(|b| b.id.as_str() == load.band).map(BandId::at);
    for order in facts.orders_of(load) {
        let (origin, end) = (order.origin, facts.end_of(order));
        if (Some(origin), Some(end)) != ends {
            faults.add(
                "P216",
                format!("order {}", order.id),
                format!("in a load from {} to {}", load.origin, load.destination),
                format!("{} to {}", facts.county.site(origin).id, facts.county.site(end).id),
            );
        }
        let band = facts.county.class(order.class).band;
        if Some(band) != band_of_load {
            faults.add(
                "P221",
                format!("order {}", order.id),
                &load.band,
                facts.county.band(band).id.as_str(),
            );
        }
        if order.is_outbound() && !order.cleared {
            faults.add(
                "P254",
                format!("order {}", order.id),
                "boards uncleared",
                "real-name acceptance and screening first",
            );
        }
    }
}

/// When a load's orders are all ready at its origin.
fn release_s(facts: &Facts<'_>, load: &Load) -> Option<i64> {
    facts.orders_of(load).map(|o| facts.release_s(o)).try_fold(i64::MIN, |most, r| r.map(|r| most.max(r)))
}

fn legs(facts: &Facts<'_>, load: &Load, faults: &mut Faults) {
    let at = format!("load {}", load.id);
    if load.legs.is_empty() {
        faults.add("P216", at, "no legs", "legs from origin to destination");
        return;
    }
    let Some(release_s) = release_s(facts, load) else {
        faults.add("P215", at, "misses the last wave", "sorted before it is loaded");
        return;
    };
    if load.release < release_s {
        faults.add(
            "P215",
            at.clone(),
            format!("release {}", load.release),
            format!("no sooner than {release_s}"),
        );
    }
    let handled = Facts::count_of(load);
    let (mut place, mut ready_s) = (load.origin.as_str(), release_s);
    for leg in &load.legs {
        let (Some(&(from_trip, from_at)), Some(&(to_trip, to_at))) =
            (facts.visits.get(leg.from.as_str()), facts.visits.get(leg.to.as_str()))
        else {
            faults.add("P203", at.clone(), format!("leg {} to {}", leg.from, leg.to), "visits of this plan");
            return;
        };
        if from_trip.id != leg.trip || to_trip.id != leg.trip || from_at >= to_at {
            faults.add(
                "P216",
                at.clone(),
                format!("leg {} to {} on {}", leg.from, leg.to, leg.trip),
                "two visits of that trip, in order",
            );
        }
        let (from, to) = (&from_trip.visits[from_at], &to_trip.visits[to_at]);
        if from.site != place {
            faults.add("P216", at.clone(), format!("boards at {}", from.site), format!("it is at {place}"));
        }
        let handles = |visit: &str, boards| {
            let found = facts.handled.get(&(visit, load.id.as_str(), boards));
            found.is_some_and(|(compartment, _)| *compartment == leg.compartment)
        };
        if !handles(&leg.from, true) {
            faults.add(
                "P216",
                at.clone(),
                format!("visit {} does not load it into {}", leg.from, leg.compartment),
                "the visit where it boards",
            );
        }
        if !handles(&leg.to, false) {
            faults.add(
                "P216",
                at.clone(),
                format!("visit {} does not unload it from {}", leg.to, leg.compartment),
                "the visit where it leaves",
            );
        }
        if from.start < ready_s && from_trip.kind != TripKind::Line {
            faults.add(
                "P215",
                at.clone(),
                format!("loaded from {} at {}", from.start, leg.from),
                format!("ready at {ready_s}"),
            );
        }
        if from_trip.kind == TripKind::Line && ready_s > from.depart {
            faults.add(
                "P215",
                at.clone(),
                format!("boards {} at {}", leg.trip, from.depart),
                format!("ready at {ready_s}"),
            );
        }
        if leg.ready < ready_s {
            faults.add(
                "P215",
                at.clone(),
                format!("ready {} at {}", leg.ready, leg.from),
                format!("no sooner than {ready_s}"),
            );
        }
        place = &to.site;
        ready_s = to.finish + facts.site(&to.site).map_or(0, |s| s.crossing_s(handled));
    }
    if place != load.destination {
        faults.add("P216", at.clone(), format!("ends at {place}"), &load.destination);
    }
    let arrives = facts.arrives_s(load);
    if load.arrives != arrives {
        faults.add("P226", at, format!("arrives {}", load.arrives), arrives);
    }
}

fn promise(facts: &Facts<'_>, load: &Load, faults: &mut Faults) {
    for order in facts.orders_of(load) {
        let at = || format!("order {} in load {}", order.id, load.id);
        match facts.due_s(order) {
            None => faults.add("P232", at(), "carried", "no lane leaves in time for its promise"),
            Some((due, hard)) => {
                if hard && facts.arrives_s(load) > due {
                    faults.add(
                        "P232",
                        at(),
                        format!("at the hub at {}", facts.arrives_s(load)),
                        format!("cut-off {due}"),
                    );
                }
                if load.due > due || (hard && !load.hard) {
                    faults.add(
                        "P232",
                        at(),
                        format!("due {} hard {}", load.due, load.hard),
                        format!("due {due} hard {hard}"),
                    );
                }
            }
        }
        window(facts, order, load, faults);
    }
}

/// Hours agreed with the far end: the destination of goods from the hub, else the origin.
fn window(facts: &Facts<'_>, order: &Order, load: &Load, faults: &mut Faults) {
    let Some(window) = order.window else { return };
    let visit: Option<&Visit> = if order.origin == facts.county.hub {
        load.legs.last().and_then(|leg| facts.visit(&leg.to))
    } else {
        load.legs.first().and_then(|leg| facts.visit(&leg.from))
    };
    if let Some(visit) = visit
        && !window.holds(visit.start, visit.finish)
    {
        faults.add(
            "P252",
            format!("order {}", order.id),
            format!("{}-{}", visit.start, visit.finish),
            format!("agreed hours {window}"),
        );
    }
}

/// Seconds out of band and on the way, against what the goods allow.
fn cold_chain(facts: &Facts<'_>, load: &Load, faults: &mut Faults) {
    let Some(band) = facts.county.bands.iter().position(|b| b.id.as_str() == load.band).map(BandId::at)
    else {
        faults.add("P221", format!("load {}", load.id), &load.band, "a band of bands.csv");
        return;
    };
    let (mut out_s, mut begun_s, mut left_s) = (0, None, None::<i64>);
    for leg in &load.legs {
        let (Some(&(trip, from)), Some(to)) = (facts.visits.get(leg.from.as_str()), facts.visit(&leg.to))
        else {
            return;
        };
        let from = &trip.visits[from];
        // A wait at a place that can keep it cold does not count; any other wait does.
        if let Some(left) = left_s
            && facts.county.band(band).cold
            && facts.site(&from.site).is_none_or(|s| s.store_cold_cm3 == 0)
        {
            out_s += from.start - left;
        }
        let room = trip.compartments.iter().find(|c| c.name == leg.compartment);
        let have = room.and_then(|c| facts.county.bands.iter().position(|b| b.id.as_str() == c.band));
        let in_band = have.is_some_and(|have| facts.county.in_band(band, BandId::at(have)));
        if !in_band {
            out_s += to.finish - from.start;
        }
        begun_s = begun_s.or(Some(from.start));
        left_s = Some(to.finish);
    }
    let way_s = left_s.unwrap_or(0) - begun_s.unwrap_or(0);
    let classes: BTreeSet<_> = facts.orders_of(load).map(|o| o.class).collect();
    for class in classes.iter().map(|&c| facts.county.class(c)) {
        let at = || format!("load {} ({})", load.id, class.id);
        if let Some(most) = class.out_of_band_max_s.filter(|&most| out_s > most) {
            faults.add("P224", at(), format!("{out_s} s out of band"), format!("{most} s"));
        }
        if let Some(most) = class.on_way_max_s.filter(|&most| way_s > most) {
            faults.add("P225", at(), format!("{way_s} s on the way"), format!("{most} s"));
        }
    }
    let limited = classes.iter().any(|&c| facts.county.class(c).out_of_band_max_s.is_some());
    if limited && load.out_of_band_s != out_s {
        faults.add(
            "P226",
            format!("load {}", load.id),
            format!("out_of_band_s {}", load.out_of_band_s),
            out_s,
        );
    }
}

/// Every handling belongs to a leg of its load, once.
fn strays(facts: &Facts<'_>, faults: &mut Faults) {
    for trip in facts.trips() {
        for visit in &trip.visits {
            for (handling, on) in
                visit.load.iter().map(|h| (h, true)).chain(visit.unload.iter().map(|h| (h, false)))
            {
                let key = (visit.id.as_str(), handling.load.as_str(), on);
                let once = facts.handled.get(&key).is_some_and(|(_, lines)| *lines == 1);
                let legs = facts.loads.get(handling.load.as_str()).map_or(&[][..], |l| &l.legs[..]);
                let belongs = legs.iter().any(|leg| {
                    leg.trip == trip.id && visit.id == if on { leg.from.as_str() } else { leg.to.as_str() }
                });
                if !(belongs && once) {
                    faults.add(
                        "P255",
                        format!("visit {}", visit.id),
                        format!("handles {}", handling.load),
                        "one leg of that load begins or ends here",
                    );
                }
            }
        }
    }
}
