//! From the best candidate to the published [`Plan`]: what is carried in vain is taken off, everything gets its name, every
//! order its one place.

use crate::account::{Account, account};
use crate::bounds::bounds;
use crate::closing::closing;
use crate::consolidate::Consolidated;
use crate::day::Day;
use crate::draft::{Draft, LineDraft};
use crate::floors::{due_today, rows};
use crate::orders::OrderRow;
use crate::rooms::compartment_for;
use crate::slack::slack;
use crate::timing::{TimedTrip, Timer, Timing};
use crate::unserved::Leftovers;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::SiteId;
use xiangyun_model::line::LineTrip;
use xiangyun_model::plan::{
    Channel, Compartment, Direction, Duty, Handling, Leg, Load, PLAN_VERSION, Plan, Rest, Trip, TripKind,
    Visit,
};
use xiangyun_model::site::SiteKind;

/// Rounds of taking off what is carried in vain; each only makes the day easier.
const STRIP_ROUNDS: usize = 8;

/// Takes everything off a draft that it does not bring to its destination, until the rest holds.
#[must_use]
pub fn strip(timer: &Timer<'_>, mut draft: Draft) -> (Draft, Timing) {
    for _ in 0..STRIP_ROUNDS {
        let timing = timer.time(&draft);
        let served = |load: &u32| timing.arrives[*load as usize].is_some();
        let whole = timing.clashes.is_empty()
            && draft
                .days
                .iter()
                .flatten()
                .flat_map(|t| &t.stops)
                .all(|s| s.drop.iter().chain(&s.pick).all(served));
        if whole {
            return (draft, timing);
        }
        for day in &mut draft.days {
            for trip in day.iter_mut() {
                for stop in &mut trip.stops {
                    stop.drop.retain(served);
                    stop.pick.retain(served);
                }
                trip.stops.retain(|s| !(s.drop.is_empty() && s.pick.is_empty()));
            }
            day.retain(|t| !t.stops.is_empty());
        }
        for line in draft.lines.values_mut() {
            line.rides.retain(|(load, _, _)| served(load));
        }
        draft.lines.retain(|_, line| !line.rides.is_empty());
    }
    let timing = timer.time(&draft);
    (draft, timing)
}

/// Names of trips and visits by position in the timing.
struct Names {
    trips: Vec<String>,
    numbers: Vec<u32>,
}

impl Names {
    fn visit(&self, trip: usize, visit: usize) -> String {
        format!("{}-{}", self.trips[trip], visit + 1)
    }
}

fn names(day: &Day<'_>, timing: &Timing) -> Names {
    let mut turns: BTreeMap<usize, u32> = BTreeMap::new();
    let mut names = Names { trips: Vec::new(), numbers: Vec::new() };
    for trip in &timing.trips {
        let turn = turns.entry(trip.crew).or_insert(0);
        *turn += 1;
        names.trips.push(format!("{}.{turn}", day.county.vehicle(day.crews[trip.crew].vehicle).id));
        names.numbers.push(*turn);
    }
    names
}

/// Puts a plan together from a draft that [`strip`] has left whole.
#[must_use]
pub fn assemble(
    day: &Day<'_>,
    goods: &Consolidated,
    rows_of: &[OrderRow],
    draft: &Draft,
    timing: &Timing,
) -> Plan {
    let floor_due: BTreeSet<SiteId> = due_today(day);
    let mut sum: Account = account(day, &goods.cargo, draft, timing, &floor_due);
    let refused_fen: i64 = goods
        .refused
        .iter()
        .map(|r| &day.orders[r.order.index()])
        .map(|o| day.county.costs.unserved_fen(o.unserved_fen, o.deferrals))
        .sum();
    sum.add_unserved(goods.refused.len() as i64, refused_fen);
    let names = names(day, timing);
    let latest = slack(day, &goods.cargo, timing).latest;
    let load_ids: BTreeMap<u32, String> = (0..goods.cargo.len() as u32)
        .filter(|&l| timing.arrives[l as usize].is_some())
        .enumerate()
        .map(|(n, l)| (l, format!("L{:05}", n + 1)))
        .collect();
    let mut trips: Vec<Trip> =
        (0..timing.trips.len()).map(|t| trip_of(day, goods, timing, &names, &latest, &load_ids, t)).collect();
    trips.extend(line_trips(day, goods, draft, timing, &load_ids));
    trips.sort_by(|a, b| (a.visits[0].depart, &a.id).cmp(&(b.visits[0].depart, &b.id)));
    let loads = loads_of(day, goods, draft, timing, &names, &load_ids);
    let left = Leftovers::new(day, goods, timing).list();
    let floors = rows(day, &trips);
    let mut breaches = left.breaches;
    breaches.extend(crate::floors::breaches(&floors));
    let served = sum.served;
    let mut plan = Plan {
        version: PLAN_VERSION,
        id: String::new(),
        county: day.county.code.clone(),
        date: day.date,
        zone: day.county.time_zone.clone(),
        orders: day.orders.len() as u64,
        duties: duties(day, timing, &names),
        trips,
        loads,
        unassigned: left.unassigned,
        deferrals: left.deferrals,
        breaches,
        floors,
        cost: sum.lines(),
        cost_fen: sum.total_fen(),
        bounds: bounds(day, goods, timing, served),
        closing: closing(day, goods, rows_of, timing),
    };
    plan.id = plan_id(&plan);
    plan
}

/// A name that changes with the content: FNV-1a over the plan's own JSON without the name.
fn plan_id(plan: &Plan) -> String {
    let bytes = serde_json::to_vec(plan).expect("a plan has text keys only");
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{}-{}-{hash:016x}", plan.county, plan.date)
}

fn trip_of(
    day: &Day<'_>,
    goods: &Consolidated,
    timing: &Timing,
    names: &Names,
    latest: &[Vec<i64>],
    load_ids: &BTreeMap<u32, String>,
    t: usize,
) -> Trip {
    let trip = &timing.trips[t];
    let crew = &day.crews[trip.crew];
    let (vehicle, driver) = (day.county.vehicle(crew.vehicle), day.county.driver(crew.driver));
    let layout = &vehicle.layouts[trip.setup.layout];
    let handling = |loads: &[u32]| -> Vec<Handling> {
        let one = |&l: &u32| {
            let room = compartment_for(day.county, layout, &goods.cargo[l as usize], trip.setup.hardy_warm)?;
            Some(Handling {
                load: load_ids.get(&l)?.clone(),
                compartment: layout.compartments[room].name.clone(),
            })
        };
        loads.iter().filter_map(one).collect()
    };
    let visits = trip.visits.iter().enumerate().map(|(v, visit)| Visit {
        id: names.visit(t, v),
        site: day.county.site(visit.site).id.to_string(),
        arrive: visit.arrive,
        start: visit.start,
        finish: visit.finish,
        depart: visit.depart,
        latest: latest[t][v],
        leg_s: visit.leg_s,
        leg_m: visit.leg_m,
        dock: visit.dock,
        unload: handling(&visit.drop),
        load: handling(&visit.pick),
    });
    let span_s = trip.to_s() - trip.from_s();
    Trip {
        id: names.trips[t].clone(),
        kind: kind_of(day, trip),
        vehicle: vehicle.id.to_string(),
        driver: Some(driver.id.to_string()),
        number: names.numbers[t],
        profile: vehicle.profile.clone(),
        band: trip.band as u32,
        compartments: layout
            .compartments
            .iter()
            .map(|c| Compartment {
                name: c.name.clone(),
                band: day.county.band(c.band).id.to_string(),
                capacity: c.room,
            })
            .collect(),
        visits: visits.collect(),
        metres: trip.metres(),
        drive_s: trip.drive_s(),
        cost_fen: vehicle.distance_fen(trip.metres()) + driver.crew_fen(span_s, 0).0,
    }
}

fn kind_of(day: &Day<'_>, trip: &TimedTrip) -> TripKind {
    let crew = &day.crews[trip.crew];
    let stations_only =
        trip.visits.iter().all(|v| matches!(day.county.site(v.site).kind, SiteKind::Hub | SiteKind::Station));
    match crew.base == day.county.hub {
        true if stations_only => TripKind::Trunk,
        true => TripKind::Direct,
        false => TripKind::Round,
    }
}

fn line_trip_id(departure: &LineTrip) -> String {
    format!("LINE-{}", departure.id)
}

/// What of a line's rides is served.
fn line_rides(use_of: &LineDraft, timing: &Timing) -> Vec<(u32, usize, usize)> {
    use_of.rides.iter().copied().filter(|r| timing.arrives[r.0 as usize].is_some()).collect()
}

/// The leg of each load that a line carries; visits are numbered over the stops where something is handled.
fn line_legs(day: &Day<'_>, goods: &Consolidated, draft: &Draft, timing: &Timing) -> BTreeMap<u32, Leg> {
    let ambient = day.county.bands.iter().find(|b| !b.cold).map_or_else(String::new, |b| b.id.to_string());
    let mut legs = BTreeMap::new();
    for (&line, use_of) in &draft.lines {
        let departure = &day.county.line_trips[line];
        let rides = line_rides(use_of, timing);
        let used: BTreeSet<usize> = rides.iter().flat_map(|&(_, from, to)| [from, to]).collect();
        let trip = line_trip_id(departure);
        let visit = |stop: usize| format!("{trip}-{}", used.range(..=stop).count());
        for &(load, from, to) in &rides {
            let leg = Leg {
                trip: trip.clone(),
                from: visit(from),
                to: visit(to),
                compartment: ambient.clone(),
                ready: goods.cargo[load as usize].release_s,
            };
            legs.insert(load, leg);
        }
    }
    legs
}

/// Trips of lines: the stops of a departure where something of ours is handled.
fn line_trips(
    day: &Day<'_>,
    goods: &Consolidated,
    draft: &Draft,
    timing: &Timing,
    load_ids: &BTreeMap<u32, String>,
) -> Vec<Trip> {
    let mut trips = Vec::new();
    for (&line, use_of) in &draft.lines {
        let departure = &day.county.line_trips[line];
        let rides = line_rides(use_of, timing);
        if rides.is_empty() {
            continue;
        }
        let id = line_trip_id(departure);
        let ambient =
            day.county.bands.iter().find(|b| !b.cold).map_or_else(String::new, |b| b.id.to_string());
        let mut visits: Vec<Visit> = Vec::new();
        for (at, stop) in departure.stops.iter().enumerate() {
            let handling = |pick: &dyn Fn(&(u32, usize, usize)) -> bool| -> Vec<Handling> {
                rides
                    .iter()
                    .filter(|&r| pick(r))
                    .map(|r| Handling { load: load_ids[&r.0].clone(), compartment: ambient.clone() })
                    .collect()
            };
            let (unload, load) = (handling(&|r| r.2 == at), handling(&|r| r.1 == at));
            if unload.is_empty() && load.is_empty() {
                continue;
            }
            visits.push(Visit {
                id: format!("{id}-{}", visits.len() + 1),
                site: day.county.site(stop.site).id.to_string(),
                arrive: stop.arrive_s,
                start: stop.arrive_s,
                finish: stop.depart_s,
                depart: stop.depart_s,
                latest: stop.arrive_s,
                leg_s: 0,
                leg_m: 0,
                dock: None,
                unload,
                load,
            });
        }
        let pieces: i64 = rides.iter().map(|r| goods.cargo[r.0 as usize].amount.pieces).sum();
        trips.push(Trip {
            id,
            kind: TripKind::Line,
            vehicle: departure.id.to_string(),
            driver: None,
            number: 1,
            profile: String::new(),
            band: 0,
            compartments: vec![Compartment {
                name: ambient.clone(),
                band: ambient,
                capacity: departure.hold,
            }],
            visits,
            metres: 0,
            drive_s: 0,
            cost_fen: departure.use_fen + pieces * departure.piece_fen,
        });
    }
    trips
}

fn loads_of(
    day: &Day<'_>,
    goods: &Consolidated,
    draft: &Draft,
    timing: &Timing,
    names: &Names,
    load_ids: &BTreeMap<u32, String>,
) -> Vec<Load> {
    let mut boards: Vec<Vec<(usize, usize)>> = vec![Vec::new(); goods.cargo.len()];
    let mut leaves = boards.clone();
    for (t, trip) in timing.trips.iter().enumerate() {
        for (v, visit) in trip.visits.iter().enumerate() {
            visit.pick.iter().for_each(|&l| boards[l as usize].push((t, v)));
            visit.drop.iter().for_each(|&l| leaves[l as usize].push((t, v)));
        }
    }
    let site_id = |s: SiteId| day.county.site(s).id.to_string();
    let by_line = line_legs(day, goods, draft, timing);
    let mut loads = Vec::with_capacity(load_ids.len());
    for (&l, id) in load_ids {
        let cargo = &goods.cargo[l as usize];
        let by_start = |list: &[(usize, usize)]| {
            let mut list = list.to_vec();
            list.sort_by_key(|&(t, v)| timing.trips[t].visits[v].start);
            list
        };
        let mut ready = cargo.release_s;
        let mut legs: Vec<Leg> = by_line.get(&l).cloned().into_iter().collect();
        for (&(t, b), &(_, e)) in by_start(&boards[l as usize]).iter().zip(&by_start(&leaves[l as usize])) {
            let trip = &timing.trips[t];
            let vehicle = day.county.vehicle(day.crews[trip.crew].vehicle);
            let layout = &vehicle.layouts[trip.setup.layout];
            let room = compartment_for(day.county, layout, cargo, trip.setup.hardy_warm)
                .expect("the timing found room for it");
            legs.push(Leg {
                trip: names.trips[t].clone(),
                from: names.visit(t, b),
                to: names.visit(t, e),
                compartment: layout.compartments[room].name.clone(),
                ready,
            });
            let end = &trip.visits[e];
            ready = end.finish + day.county.site(end.site).crossing_s(cargo.handled);
        }
        let classes = (0..day.county.classes.len()).filter(|&c| cargo.classes >> (c % 32) & 1 == 1);
        let mut goods_ids: Vec<String> = classes.map(|c| day.county.classes[c].id.to_string()).collect();
        goods_ids.sort();
        let mut orders: Vec<String> =
            cargo.orders.iter().map(|o| day.orders[o.index()].id.to_string()).collect();
        orders.sort();
        loads.push(Load {
            id: id.clone(),
            direction: cargo.direction,
            orders,
            amount: cargo.amount,
            goods: goods_ids,
            band: day.county.band(cargo.band).id.to_string(),
            unit: cargo.unit,
            units: cargo.units,
            sealed: cargo.sealed,
            sorted_at: site_id(if cargo.direction == Direction::Down {
                day.county.hub
            } else {
                cargo.origin
            }),
            origin: site_id(cargo.origin),
            destination: site_id(cargo.destination),
            release: cargo.release_s,
            due: cargo.due_s,
            hard: cargo.hard,
            channel: channel(day, goods, timing, l),
            legs,
            arrives: timing.arrives[l as usize].unwrap_or(0),
            out_of_band_s: timing.out_of_band_s[l as usize],
        });
    }
    loads
}

fn channel(day: &Day<'_>, goods: &Consolidated, timing: &Timing, load: u32) -> Channel {
    let cargo = &goods.cargo[load as usize];
    let rides = &timing.rides[load as usize];
    let id = |s: SiteId| day.county.site(s).id.to_string();
    if let Some(line) = rides.iter().find(|r| r.crew.is_none()) {
        return Channel::Line { line: day.county.line_trips[line.trip as usize].line.clone() };
    }
    let kind = |s: SiteId| day.county.site(s).kind;
    let depot = |s: SiteId| matches!(kind(s), SiteKind::Hub | SiteKind::Station);
    if depot(cargo.origin) && depot(cargo.destination) {
        return Channel::Trunk;
    }
    match rides.as_slice() {
        [one] => match one.crew.map(|c| day.crews[c as usize].base) {
            Some(base) if cargo.direction == Direction::Cross => Channel::Local { base: id(base) },
            _ => Channel::Direct,
        },
        [first, second] => {
            let station = first.to;
            let village = if cargo.direction == Direction::Down { second.to } else { first.from };
            if day.county.station_of(village) == station {
                Channel::OwnStation { station: id(station) }
            } else {
                Channel::OtherStation { station: id(station) }
            }
        }
        [first, .., last] => Channel::Relay { from: id(first.to), to: id(last.from) },
        [] => Channel::Direct,
    }
}

fn duties(day: &Day<'_>, timing: &Timing, names: &Names) -> Vec<Duty> {
    let mut duties: BTreeMap<String, Duty> = BTreeMap::new();
    for (t, trip) in timing.trips.iter().enumerate() {
        let driver = day.county.driver(day.crews[trip.crew].driver);
        let duty = duties.entry(driver.id.to_string()).or_insert_with(|| Duty {
            driver: driver.id.to_string(),
            trips: Vec::new(),
            from: trip.from_s(),
            to: trip.to_s(),
            drive_s: 0,
            overtime_s: 0,
            rests: Vec::new(),
        });
        duty.trips.push(names.trips[t].clone());
        duty.from = duty.from.min(trip.from_s());
        duty.to = duty.to.max(trip.to_s());
        duty.drive_s += trip.drive_s();
        duty.overtime_s = driver.overtime_s(duty.from, duty.to);
        let site = |s: SiteId| day.county.site(s).id.to_string();
        duty.rests.extend(trip.rests.iter().map(|&(s, from, to)| Rest { site: site(s), from, to }));
    }
    duties.into_values().collect()
}
