//! What no plan of this kind could beat: a relaxation by capacity and hours, for each township and for the county.
//!
//! Every order is taken alone. It needs a way: straight from the hub, or over a station with a truck and a round. A trip
//! that carries amounts `q` to places with round trips of `T` seconds takes at least the mean of `T` weighted by `q` over
//! the room of its vehicle, and the handling: so each order needs a share of crew seconds on its cheapest way, whatever it
//! travels with. The seconds of all crews are added up with prices; orders are counted, those that need least first,
//! until the seconds are used up. Any prices give a bound; the least over some prices, and over grams, volume and
//! pieces, is taken. Goods of the two directions share a trip, so each direction has all the seconds. What lines could
//! take needs no seconds.

use crate::consolidate::Consolidated;
use crate::day::{Crew, Day};
use crate::timing::Timing;
use crate::unserved::Leftovers;
use std::collections::BTreeMap;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::id::SiteId;
use xiangyun_model::order::Order;
use xiangyun_model::plan::{BoundByTownship, Bounds, Direction, Limit, Scarcity, UnitKind};
use xiangyun_model::site::SiteKind;
use xiangyun_model::units::Amount;

/// Prices of a second of a round against a second of a vehicle of the hub, in tenths.
const ROUND_PRICES: [i128; 6] = [0, 2, 5, 10, 20, 50];
/// What one unit of a price is divided into.
const FINE: i128 = 1_000;

/// One order in the relaxation.
#[derive(Clone, Copy)]
struct Item {
    station: SiteId,
    far: SiteId,
    amount: Amount,
    /// Thousandths of a handling unit.
    handled_milli: i64,
    /// Whether a line could take it.
    on_line: bool,
}

/// A way to a place: crew seconds for each unit of amount and for each handling unit, priced.
#[derive(Clone, Copy)]
struct Way {
    /// Priced seconds of a full vehicle, times [`FINE`], for each `room` of it.
    full: i128,
    /// Priced seconds for a handling unit, times [`FINE`].
    unit: i128,
}

/// A crew with what it can do in one direction.
struct Able<'c> {
    crew: &'c Crew,
    /// Its largest layout.
    room: i128,
    seconds: i128,
    /// Seconds of a usual trip: what makes crews comparable.
    usual_s: i128,
}

/// Bounds of a timed day.
#[must_use]
pub fn bounds(day: &Day<'_>, goods: &Consolidated, timing: &Timing, served: u64) -> Bounds {
    let mut rows: BTreeMap<SiteId, (u64, u64)> = BTreeMap::new();
    let (mut down, mut up, mut cross): (Vec<Item>, Vec<Item>, BTreeMap<SiteId, u64>) = Default::default();
    let mut first_s = i64::MAX;
    for (at, cargo) in goods.cargo.iter().enumerate() {
        let far = if cargo.direction == Direction::Down { cargo.destination } else { cargo.origin };
        let station = day.county.station_of(far);
        let row = rows.entry(station).or_default();
        let count = cargo.orders.len() as u64;
        row.0 += count;
        row.1 += if timing.arrives[at].is_some() { count } else { 0 };
        if !can_be_made(day, far, cargo.release_s) {
            continue;
        }
        let items = cargo.orders.iter().map(|o| item(day, &day.orders[o.index()], station, far, cargo.unit));
        match cargo.direction {
            Direction::Down => {
                first_s = first_s.min(cargo.release_s);
                down.extend(items);
            }
            Direction::Up => up.extend(items),
            Direction::Cross => *cross.entry(station).or_default() += count,
        }
    }
    for refused in &goods.refused {
        let order = &day.orders[refused.order.index()];
        let far = if order.origin == day.county.hub { order.destination } else { order.origin };
        rows.entry(day.county.station_of(far)).or_default().0 += 1;
    }
    let most = |which: &dyn Fn(&Item) -> bool| {
        let of = |items: &[Item]| items.iter().copied().filter(|i| which(i)).collect::<Vec<_>>();
        relaxed(day, &of(&down), Some(first_s)) + relaxed(day, &of(&up), None)
    };
    let by_township: Vec<BoundByTownship> = rows
        .iter()
        .map(|(&station, &(orders, got))| BoundByTownship {
            station: day.county.site(station).id.to_string(),
            orders,
            served_at_most: (most(&|i: &Item| i.station == station)
                + cross.get(&station).copied().unwrap_or(0))
            .max(got),
            served: got,
        })
        .collect();
    let whole = most(&|_: &Item| true) + cross.values().sum::<u64>();
    let served_at_most = whole.min(by_township.iter().map(|t| t.served_at_most).sum()).max(served);
    Bounds {
        served_at_most,
        served,
        gap_ppm: ((served_at_most - served) * 1_000_000 / served_at_most.max(1)) as i64,
        by_township,
        scarce: scarce(day, goods, timing),
    }
}

fn item(day: &Day<'_>, order: &Order, station: SiteId, far: SiteId, unit: UnitKind) -> Item {
    let (handling, a) = (&day.county.handling, order.amount);
    let share = |whole: Amount| {
        let part = |n: i64, of: i64| n * 1000 / of.max(1);
        part(a.g, whole.g).max(part(a.cm3, whole.cm3)).max(part(a.pieces, whole.pieces))
    };
    let handled_milli = match unit {
        UnitKind::Bag => {
            share(Amount { g: handling.bag_g, cm3: handling.bag_cm3, pieces: handling.bag_pieces })
        }
        UnitKind::Tote => share(Amount { g: i64::MAX, cm3: handling.tote_cm3, pieces: handling.tote_pieces }),
        _ => a.pieces * 1000,
    };
    let stops_here = |s: SiteId| day.county.line_trips.iter().any(|t| t.stops.iter().any(|x| x.site == s));
    let on_line = day.county.class(order.class).on_lines && stops_here(far);
    Item { station, far, amount: a, handled_milli, on_line }
}

/// Whether anybody could reach a place for goods of this release within hours and shifts, with the whole day to itself.
fn can_be_made(day: &Day<'_>, far: SiteId, release_s: i64) -> bool {
    day.crews.iter().any(|crew| {
        let leg = day.travel.leg(crew.profile, 0, crew.base.index(), far.index());
        let first = crew.window.from_s.max(release_s);
        leg.is_some_and(|(s, _)| {
            first + s <= crew.window.to_s && day.open_from(far, false, first + s, 0).is_some()
        })
    })
}

/// How many of these orders of one direction the crews' seconds allow at most.
fn relaxed(day: &Day<'_>, items: &[Item], first_s: Option<i64>) -> u64 {
    let dims: [fn(Amount) -> i64; 3] = [|a| a.g, |a| a.cm3, |a| a.pieces];
    let all = dims.iter().flat_map(|&dim| ROUND_PRICES.map(|price| counted(day, items, first_s, dim, price)));
    all.min().unwrap_or(0)
}

/// The bound by one dimension of amounts at one price of the rounds' seconds.
fn counted(
    day: &Day<'_>,
    items: &[Item],
    first_s: Option<i64>,
    dim: fn(Amount) -> i64,
    round_price: i128,
) -> u64 {
    let able: Vec<Able<'_>> = day.crews.iter().filter_map(|c| able(day, c, first_s, dim)).collect();
    let priced = |a: &Able<'_>| if a.crew.base == day.county.hub { 10 } else { round_price };
    let room: i128 = able.iter().map(|a| priced(a) * a.room * a.seconds * FINE / a.usual_s + 1).sum();
    let mut ways: BTreeMap<SiteId, Vec<Way>> = BTreeMap::new();
    let need = |item: &Item, ways: &[Way]| {
        let cost = |w: &Way| {
            (w.full * i128::from(dim(item.amount)) + w.unit * i128::from(item.handled_milli) / 1000).max(0)
        };
        ways.iter().map(cost).min()
    };
    let (mut needs, mut by_line): (Vec<i128>, Vec<i128>) = Default::default();
    for item in items {
        let ways = ways.entry(item.far).or_insert_with(|| ways_to(day, item.far, &able, &priced));
        if let Some(need) = need(item, ways) {
            if item.on_line { by_line.push(need) } else { needs.push(need) }
        }
    }
    // What lines take, the dearest of it, needs nobody's seconds.
    by_line.sort_unstable_by_key(|&n| std::cmp::Reverse(n));
    let holds: i64 = day.county.line_trips.iter().map(|t| t.hold.pieces * t.stops.len() as i64).sum();
    by_line.iter_mut().take(usize::try_from(holds).unwrap_or(0)).for_each(|n| *n = 0);
    needs.extend(by_line);
    needs.sort_unstable();
    let mut used = 0;
    needs
        .into_iter()
        .take_while(|need| {
            used += need;
            used <= room
        })
        .count() as u64
}

fn able<'c>(day: &Day<'_>, crew: &'c Crew, first_s: Option<i64>, dim: fn(Amount) -> i64) -> Option<Able<'c>> {
    let vehicle = day.county.vehicle(crew.vehicle);
    let most =
        vehicle.layouts.iter().map(|l| dim(l.compartments.iter().map(|c| c.room).sum::<Amount>())).max();
    let comes_s = if crew.base == day.county.hub { 0 } else { soonest(day, day.county.hub, crew.base) };
    let from_s =
        first_s.map_or(crew.window.from_s, |first| crew.window.from_s.max(first.saturating_add(comes_s)));
    let seconds = i128::from(crew.window.to_s.saturating_sub(from_s).max(0));
    // The places of its own township, or all stations for the hub: only to make crews comparable.
    let mine = (0..day.county.sites.len()).map(SiteId::at).filter(|&s| match crew.base == day.county.hub {
        true => day.county.site(s).kind == SiteKind::Station,
        false => s != crew.base && day.county.station_of(s) == crew.base,
    });
    let trips: Vec<i64> = mine.filter_map(|s| there_and_back(day, crew, s)).collect();
    let usual_s = i128::from(trips.iter().sum::<i64>() / (trips.len().max(1) as i64)).max(600);
    most.filter(|&m| m > 0).map(|m| Able { crew, room: i128::from(m), seconds, usual_s })
}

/// Least seconds between two places for any profile.
fn soonest(day: &Day<'_>, from: SiteId, to: SiteId) -> i64 {
    let leg = |profile: usize| day.travel.leg(profile, 0, from.index(), to.index()).map(|(s, _)| s);
    (0..day.travel.tables.len()).filter_map(leg).min().unwrap_or(0)
}

/// Seconds of a trip of a crew to one place and nowhere else, without handling by the unit.
fn there_and_back(day: &Day<'_>, crew: &Crew, site: SiteId) -> Option<i64> {
    let leg = |from: SiteId, to: SiteId| {
        let bands = 0..day.travel.tables[crew.profile].bands.len();
        bands.filter_map(|b| day.travel.leg(crew.profile, b, from.index(), to.index())).map(|(s, _)| s).min()
    };
    let stops_s = day.county.site(crew.base).service_s + day.county.site(site).service_s;
    Some(leg(crew.base, site)? + leg(site, crew.base)? + stops_s)
}

/// Every way to a place: straight from the hub, or over each station; on each the crews that need least.
fn ways_to(day: &Day<'_>, far: SiteId, able: &[Able<'_>], priced: &dyn Fn(&Able<'_>) -> i128) -> Vec<Way> {
    let county = day.county;
    let leg = |base: SiteId, to: SiteId, trunk: bool| -> Vec<Way> {
        let unit_s = i128::from(county.site(base).unit_s + county.site(to).unit_s);
        let crews = able.iter().filter(|a| a.crew.base == base && (trunk || !a.crew.trunk));
        let mut ways: Vec<Way> = crews
            .filter_map(|a| {
                let trip_s = i128::from(there_and_back(day, a.crew, to)?);
                let price = priced(a) * FINE;
                Some(Way { full: price * trip_s / a.usual_s, unit: price * a.room * unit_s / a.usual_s })
            })
            .collect();
        ways.sort_unstable_by_key(|w| (w.full, w.unit));
        ways.dedup_by(|b, a| b.unit >= a.unit);
        ways
    };
    let is_station = county.site(far).kind == SiteKind::Station;
    let mut ways = leg(county.hub, far, is_station);
    for &station in day.depots.iter().filter(|&&d| d != county.hub && !is_station) {
        let (there, on) = (leg(county.hub, station, true), leg(station, far, false));
        let both = |a: &Way| {
            on.iter().map(|b| Way { full: a.full + b.full, unit: a.unit + b.unit }).collect::<Vec<_>>()
        };
        ways.extend(there.iter().flat_map(both));
    }
    ways
}

/// What binds, scarcest first, and what one more of it would serve: at most what the busiest
/// vehicle of the kind carries on this day, at most what is left because of it.
fn scarce(day: &Day<'_>, goods: &Consolidated, timing: &Timing) -> Vec<Scarcity> {
    let counts = Leftovers::new(day, goods, timing).scarce();
    let mut rows: Vec<Scarcity> = counts
        .into_iter()
        .map(|((limit, kind), orders_left)| {
            // What a station waits for is room on the trucks, whichever vehicle would go on with it.
            let kind = if limit == Limit::Trunk { VehicleKind::Truck.word().to_owned() } else { kind };
            ((limit, kind), orders_left)
        })
        .fold(BTreeMap::new(), |mut all: BTreeMap<(Limit, String), u64>, (key, left)| {
            *all.entry(key).or_default() += left;
            all
        })
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
