//! What no plan could beat: a relaxation by capacity and hours, for each township, for the trunk and for the county.
//!
//! Every order is taken alone and small ones first; vehicles are counted with their largest layout and as many trips as
//! fit their hours when each trip is as short as the nearest village allows. Any plan's orders fit this relaxation, so it
//! never serves fewer.

use crate::consolidate::Consolidated;
use crate::day::{Crew, Day};
use crate::timing::Timing;
use crate::unserved::Leftovers;
use std::collections::BTreeMap;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{BoundByTownship, Bounds, Direction, Scarcity};
use xiangyun_model::units::Amount;

/// Bounds of a timed day.
#[must_use]
pub fn bounds(day: &Day<'_>, goods: &Consolidated, timing: &Timing, served: u64) -> Bounds {
    let mut by_station: BTreeMap<SiteId, (u64, u64, u64)> = BTreeMap::new();
    let mut pieces: BTreeMap<SiteId, Vec<i64>> = BTreeMap::new();
    for (at, cargo) in goods.cargo.iter().enumerate() {
        let far = if cargo.direction == Direction::Down { cargo.destination } else { cargo.origin };
        let row = by_station.entry(day.county.station_of(far)).or_default();
        let count = cargo.orders.len() as u64;
        row.0 += count;
        if timing.arrives[at].is_some() {
            row.2 += count;
        }
        if can_be_made(
            day,
            far,
            cargo.release_s,
            cargo.due_s.max(day.crews.iter().map(|c| c.window.to_s).max().unwrap_or(0)),
        ) {
            row.1 += count;
            let sizes = pieces.entry(day.county.station_of(far)).or_default();
            sizes.extend(cargo.orders.iter().map(|o| day.orders[o.index()].amount.pieces));
        }
    }
    for refused in &goods.refused {
        let order = &day.orders[refused.order.index()];
        let far = if order.origin == day.county.hub { order.destination } else { order.origin };
        by_station.entry(day.county.station_of(far)).or_default().0 += 1;
    }
    let room: i64 = day.crews.iter().map(|c| most_pieces(day, c)).sum();
    let mut all: Vec<i64> = Vec::new();
    for (station, row) in &mut by_station {
        let sizes = pieces.remove(station).unwrap_or_default();
        // Any crew of the county may come to a township: its own limit is that of the whole fleet.
        row.1 = row.1.min(fitting(sizes.clone(), room));
        all.extend(sizes);
    }
    let whole = fitting(all, 2 * room).min(by_station.values().map(|r| r.1).sum());
    let served_at_most = whole.max(served);
    Bounds {
        served_at_most,
        served,
        gap_ppm: ((served_at_most - served) * 1_000_000 / served_at_most.max(1)) as i64,
        by_township: by_station
            .into_iter()
            .map(|(station, (orders, most, got))| BoundByTownship {
                station: day.county.site(station).id.to_string(),
                orders,
                served_at_most: most.max(got),
                served: got,
            })
            .collect(),
        scarce: scarce(day, goods, timing),
    }
}

/// Whether anybody could reach a place for goods of this release within hours and shifts, with the whole day to itself.
fn can_be_made(day: &Day<'_>, far: SiteId, release_s: i64, by_s: i64) -> bool {
    day.crews.iter().any(|crew| {
        let leg = day.travel.leg(crew.profile, 0, crew.base.index(), far.index());
        let first = crew.window.from_s.max(release_s.min(crew.window.to_s));
        leg.is_some_and(|(s, _)| {
            first + s <= crew.window.to_s.min(by_s) && day.open_from(far, false, first, 0).is_some()
        })
    })
}

/// Most pieces that a crew can carry one way on the day: its largest layout, as many trips as its shift holds if each
/// only loads and goes to the nearest place and back.
fn most_pieces(day: &Day<'_>, crew: &Crew) -> i64 {
    let vehicle = day.county.vehicle(crew.vehicle);
    let room =
        vehicle.layouts.iter().map(|l| l.compartments.iter().map(|c| c.room).sum::<Amount>().pieces).max();
    let nearest = (0..day.county.sites.len())
        .filter(|&s| s != crew.base.index())
        .filter_map(|s| day.travel.leg(crew.profile, 0, crew.base.index(), s))
        .map(|(s, _)| s)
        .min()
        .unwrap_or(0);
    let trip_s = 2 * nearest + day.county.site(crew.base).service_s;
    let trips = (crew.window.length_s() / trip_s.max(600) + 1).min(i64::from(vehicle.trips_max));
    room.unwrap_or(0) * trips
}

/// How many of these fit, small ones first.
fn fitting(mut sizes: Vec<i64>, room: i64) -> u64 {
    sizes.sort_unstable();
    let mut filled = 0;
    sizes
        .into_iter()
        .take_while(|size| {
            filled += size;
            filled <= room
        })
        .count() as u64
}

/// What binds, scarcest first, and what one more of it would serve: at most what the busiest
/// vehicle of the kind carries on this day, at most what is left because of it.
fn scarce(day: &Day<'_>, goods: &Consolidated, timing: &Timing) -> Vec<Scarcity> {
    let counts = Leftovers::new(day, goods, timing).scarce();
    let mut rows: Vec<Scarcity> = counts
        .into_iter()
        .map(|((limit, kind), orders_left)| {
            let of_kind = |c: &&Crew| day.county.vehicle(c.vehicle).kind.word() == kind;
            let one: i64 =
                day.crews.iter().filter(of_kind).map(|c| carried(day, goods, timing, c)).max().unwrap_or(0);
            let word = serde_json::to_value(limit)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default();
            Scarcity {
                resource: format!("{kind}: {word}"),
                orders_left,
                one_more_serves: orders_left.min(one.max(0) as u64),
            }
        })
        .collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.orders_left), row.resource.clone()));
    rows
}

/// Pieces that a crew really carried on this day, both ways.
fn carried(day: &Day<'_>, goods: &Consolidated, timing: &Timing, crew: &Crew) -> i64 {
    let mine = timing.trips.iter().filter(|t| day.crews[t.crew].vehicle == crew.vehicle);
    let picked = mine.flat_map(|t| &t.visits).flat_map(|v| &v.pick);
    picked.map(|&l| goods.cargo[l as usize].amount.pieces).sum()
}
