//! The sort plan: at which bay and in which slot each load waits for its van, deepest first.
//!
//! A bay belongs to one departure at a time. A van is loaded in reverse order of its stops, so slot 1 is the load of the
//! last stop and goes in first.

use super::{Sources, text};
use std::collections::BTreeMap;
use xiangyun_model::plan::{Load, Trip, Visit};

/// Minutes before departure in which a bay is being filled.
const STAGING_S: i64 = 3_600;

/// Bay and slot of a load at the site where it boards.
#[derive(Clone, Debug)]
struct Placed<'a> {
    site: &'a str,
    trip: &'a Trip,
    visit: &'a Visit,
    load: &'a Load,
    compartment: &'a str,
    drop: &'a str,
    bay: usize,
    slot: usize,
}

/// `sort_plan.csv`: one row a load and boarding.
pub(super) fn bays(sources: &Sources<'_>) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let head = [
        "site",
        "site_zh",
        "bay",
        "slot",
        "load_from",
        "departs",
        "trip",
        "vehicle",
        "plate",
        "compartment",
        "load",
        "destination",
        "destination_zh",
        "next_stop",
        "unit",
        "units",
        "sealed",
        "pieces",
        "weight_g",
        "volume_cm3",
        "band",
        "orders",
        "sorted_at",
    ];
    out.write_record(head).expect("memory");
    for p in placed(sources) {
        let plate = sources.vehicle(&p.trip.vehicle).map_or("", |v| v.plate.as_str());
        let unit = format!("{:?}", p.load.unit).to_lowercase();
        out.write_record([
            p.site,
            sources.name_zh(p.site),
            &p.bay.to_string(),
            &p.slot.to_string(),
            &text::clock(p.visit.start),
            &text::clock(p.visit.depart),
            &p.trip.id,
            &p.trip.vehicle,
            plate,
            p.compartment,
            &p.load.id,
            &p.load.destination,
            sources.name_zh(&p.load.destination),
            p.drop,
            &unit,
            &p.load.units.to_string(),
            if p.load.sealed { "1" } else { "0" },
            &p.load.amount.pieces.to_string(),
            &p.load.amount.g.to_string(),
            &p.load.amount.cm3.to_string(),
            &p.load.band,
            &p.load.orders.len().to_string(),
            &p.load.sorted_at,
        ])
        .expect("memory");
    }
    out.into_inner().expect("memory")
}

/// `sort_orders.csv`: what the sorter's scanner shows for each waybill at the place where it is sorted.
pub(super) fn waybills(sources: &Sources<'_>) -> Vec<u8> {
    let mut first: BTreeMap<&str, Placed<'_>> = BTreeMap::new();
    for p in placed(sources) {
        if p.site == p.load.sorted_at || p.site == p.load.origin {
            first.entry(p.load.id.as_str()).or_insert(p);
        }
    }
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "order",
        "load",
        "sorted_at",
        "destination",
        "destination_zh",
        "site",
        "bay",
        "slot",
        "departs",
    ])
    .expect("memory");
    for load in &sources.plan.loads {
        let place = first.get(load.id.as_str());
        for order in &load.orders {
            out.write_record([
                order.as_str(),
                &load.id,
                &load.sorted_at,
                &load.destination,
                sources.name_zh(&load.destination),
                place.map_or("", |p| p.site),
                &place.map_or(String::new(), |p| p.bay.to_string()),
                &place.map_or(String::new(), |p| p.slot.to_string()),
                &place.map_or(String::new(), |p| text::clock(p.visit.depart)),
            ])
            .expect("memory");
        }
    }
    out.into_inner().expect("memory")
}

/// All boardings at the hub and at stations, ordered by site, departure, bay, slot.
fn placed<'a>(sources: &Sources<'a>) -> Vec<Placed<'a>> {
    // Boardings by site, in order of departure.
    let mut by_site: BTreeMap<&str, Vec<(&Trip, usize)>> = BTreeMap::new();
    for trip in &sources.plan.trips {
        for (at, visit) in trip.visits.iter().enumerate() {
            let sorts = sources.site(&visit.site).is_some_and(|s| {
                use xiangyun_model::site::SiteKind::{Hub, Station};
                matches!(s.kind, Hub | Station)
            });
            if sorts && !visit.load.is_empty() {
                by_site.entry(&visit.site).or_default().push((trip, at));
            }
        }
    }
    let mut out = Vec::new();
    for (site, mut boardings) in by_site {
        boardings.sort_by_key(|(trip, at)| (trip.visits[*at].depart, trip.id.as_str()));
        let mut bay_free: Vec<i64> = Vec::new();
        for (trip, at) in boardings {
            let visit = &trip.visits[at];
            let bay = take_bay(&mut bay_free, visit);
            let mut loads = in_drop_order(sources, trip, at);
            loads.reverse();
            for (slot, (load, compartment, drop)) in loads.into_iter().enumerate() {
                out.push(Placed { site, trip, visit, load, compartment, drop, bay, slot: slot + 1 });
            }
        }
    }
    out
}

/// The lowest bay that is free when staging begins.
fn take_bay(free_from: &mut Vec<i64>, visit: &Visit) -> usize {
    let needed = visit.start - STAGING_S;
    let bay = match free_from.iter().position(|free| *free <= needed) {
        Some(bay) => bay,
        None => {
            free_from.push(0);
            free_from.len() - 1
        }
    };
    free_from[bay] = visit.depart;
    bay + 1
}

/// Loads that board at a visit with compartment and drop site, first dropped first.
fn in_drop_order<'a>(sources: &Sources<'a>, trip: &'a Trip, at: usize) -> Vec<(&'a Load, &'a str, &'a str)> {
    let mut list: Vec<(usize, &Load, &str, &str)> = Vec::new();
    for h in &trip.visits[at].load {
        let Some(load) = sources.load(&h.load) else { continue };
        let drop = trip.visits[at + 1..].iter().position(|v| v.unload.iter().any(|u| u.load == h.load));
        let (order, site) = drop.map_or((usize::MAX, ""), |d| (d, trip.visits[at + 1 + d].site.as_str()));
        list.push((order, load, h.compartment.as_str(), site));
    }
    list.sort_by(|a, b| {
        (a.0, a.1.destination.as_str(), a.1.id.as_str()).cmp(&(
            b.0,
            b.1.destination.as_str(),
            b.1.id.as_str(),
        ))
    });
    list.into_iter().map(|(_, load, compartment, site)| (load, compartment, site)).collect()
}
