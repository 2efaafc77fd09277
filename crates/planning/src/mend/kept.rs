//! The evening plan read back: which trips it made for which goods, as far as dawn must keep to it.

use crate::consolidate::consolidate;
use crate::day::Day;
use crate::inputs::Inputs;
use crate::night::chunk;
use crate::search::{Kept, KeptRide, KeptStop, KeptTrip, Mark};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use xiangyun_model::county::County;
use xiangyun_model::id::{SiteId, VehicleId};
use xiangyun_model::order::Order;
use xiangyun_model::plan::{Plan, Trip, TripKind, Visit};

/// What a load of the evening is known by at dawn: its mark, and the wave that sorts it.
type Known<'p> = HashMap<&'p str, (Option<Mark>, usize)>;

/// What the evening fixed. `loading` names vans whose loading has begun.
pub(super) fn kept(evening: &Plan, inputs: &Inputs, loading: &[String], moved_most: usize) -> Kept {
    let county = &inputs.county;
    let vehicle = |name: &str| county.vehicles.iter().position(|v| v.id.as_str() == name).map(VehicleId::at);
    let known = known(evening, inputs);
    let mut trips: Vec<(VehicleId, u32, KeptTrip)> = evening
        .trips
        .iter()
        .filter(|t| t.kind != TripKind::Line)
        .filter_map(|t| Some((vehicle(&t.vehicle)?, t.number, trip(t, vehicle(&t.vehicle)?, county, &known))))
        .collect();
    trips.sort_by_key(|&(vehicle, number, _)| (vehicle, number));
    Kept {
        trips: trips.into_iter().map(|(_, _, trip)| trip).collect(),
        rides: rides(evening, county, &known),
        frozen: loading.iter().filter_map(|name| vehicle(name)).collect(),
        moved_most,
    }
}

/// The evening's goods consolidated again, to know its loads by more than their names.
fn known<'p>(evening: &'p Plan, inputs: &Inputs) -> Known<'p> {
    let orders: Vec<Order> = inputs.orders.iter().map(|row| row.order.clone()).collect();
    let day = Day::new(&inputs.county, evening.date, &orders, &inputs.travel, &inputs.opening);
    let goods = consolidate(&day, chunk(&day));
    let mut of_order: HashMap<&str, usize> = HashMap::new();
    for (at, cargo) in goods.cargo.iter().enumerate() {
        for id in &cargo.orders {
            of_order.insert(inputs.orders[id.index()].record.id.as_str(), at);
        }
    }
    let load = |load: &'p xiangyun_model::plan::Load| {
        let cargo = load.orders.first().and_then(|id| of_order.get(id.as_str())).map(|&at| &goods.cargo[at]);
        let wave = day.waves.iter().position(|w| load.release <= w.ends_s).unwrap_or(usize::MAX);
        (load.id.as_str(), (cargo.and_then(Mark::of), wave))
    };
    evening.loads.iter().map(load).collect()
}

fn trip(trip: &Trip, vehicle: VehicleId, county: &County, known: &Known<'_>) -> KeptTrip {
    let away = trip.visits.len().saturating_sub(1).max(1);
    let mut stops: Vec<KeptStop> = Vec::new();
    for visit in &trip.visits[1.min(trip.visits.len())..away] {
        let Some(site) = county.find_site(&visit.site) else { continue };
        let marks = marks(visit, known);
        match stops.last_mut().filter(|stop| stop.site == site) {
            Some(stop) => stop.marks.extend(marks),
            None => stops.push(KeptStop { site, starts_s: visit.start, marks: marks.collect() }),
        }
    }
    for stop in &mut stops {
        stop.marks.sort_unstable();
        stop.marks.dedup();
    }
    let boards = trip.visits.first().map_or(&[][..], |first| &first.load);
    let hub_sorted = |load: &str| known.get(load).filter(|(mark, _)| mark.is_some_and(|m| m.down));
    KeptTrip {
        vehicle,
        trunk: trip.kind == TripKind::Trunk,
        starts_s: trip.visits.first().map_or(0, |v| v.start),
        wave: boards.iter().filter_map(|h| hub_sorted(&h.load)).map(|&(_, wave)| wave).max().unwrap_or(0),
        stops,
    }
}

fn marks<'v>(visit: &'v Visit, known: &'v Known<'_>) -> impl Iterator<Item = Mark> + 'v {
    visit.unload.iter().chain(&visit.load).filter_map(|h| known.get(h.load.as_str())?.0)
}

/// Goods on lines by departure and stops.
fn rides(evening: &Plan, county: &County, known: &Known<'_>) -> Vec<KeptRide> {
    let mut rides: BTreeMap<(usize, SiteId, SiteId), BTreeSet<Mark>> = BTreeMap::new();
    for trip in evening.trips.iter().filter(|t| t.kind == TripKind::Line) {
        let Some(line) = county.line_trips.iter().position(|d| d.id.as_str() == trip.vehicle) else {
            continue;
        };
        let place =
            |visit: &str| trip.visits.iter().find(|v| v.id == visit).and_then(|v| county.find_site(&v.site));
        for load in &evening.loads {
            for leg in load.legs.iter().filter(|leg| leg.trip == trip.id) {
                if let (Some(from), Some(to)) = (place(&leg.from), place(&leg.to)) {
                    let mark = known.get(load.id.as_str()).and_then(|(mark, _)| *mark);
                    rides.entry((line, from, to)).or_default().extend(mark);
                }
            }
        }
    }
    let ride = |((line, from, to), marks): ((usize, SiteId, SiteId), BTreeSet<Mark>)| KeptRide {
        line,
        from,
        to,
        marks: marks.into_iter().collect(),
    };
    rides.into_iter().map(ride).collect()
}
