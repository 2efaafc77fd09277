//! A small day made by hand on the committed county: two trunk trips of one truck, one of the refrigerated truck, a
//! round with deliveries and a collection, goods on a bus, one order left for the second time.

use crate::check::check;
use crate::county::load_dir;
use crate::inputs::Inputs;
use crate::orders;
use crate::travel::{Band, NO_WAY, Table, Travel};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::OnceLock;
use xiangyun_model::county::County;
use xiangyun_model::id::SiteId;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{
    Backlog, Bounds, Breach, Channel, Compartment, CostLine, CostTerm, DayState, Deferral, Direction, Duty,
    FloorRow, Handling, Leg, Limit, Load, PLAN_VERSION, Plan, Reason, Repair, RepairAction, STATE_VERSION,
    Trip, TripKind, Unassigned, UnitKind, VehicleState, Visit,
};
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;

pub(super) const STATION: &str = "S410421101";
const BUS_STOP: &str = "V410421100004";

pub(super) fn county() -> County {
    static COUNTY: OnceLock<County> = OnceLock::new();
    COUNTY
        .get_or_init(|| {
            load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
                .expect("the committed county")
        })
        .clone()
}

/// Straight lines with a detour at a steady speed, for every profile that a vehicle of the county names.
pub(super) fn crow_travel(county: &County) -> Travel {
    let n = county.sites.len();
    let profiles: BTreeSet<&str> = county.vehicles.iter().map(|v| v.profile.as_str()).collect();
    let tables = profiles.into_iter().map(|profile| {
        let (mut seconds, mut metres) = (vec![0; n * n], vec![0; n * n]);
        for (i, a) in county.sites.iter().enumerate() {
            for (j, b) in county.sites.iter().enumerate().filter(|&(j, _)| j != i) {
                let m = a.place.metres_to(b.place) * 1.3;
                let near = m < 100_000.0;
                metres[i * n + j] = if near { m.round() as u32 } else { NO_WAY };
                seconds[i * n + j] = if near { (m / 11.0).ceil() as u32 } else { NO_WAY };
            }
        }
        Table { profile: profile.into(), bands: vec![Band { from_s: 0, seconds, metres }] }
    });
    Travel::new(n, tables.collect()).expect("square tables")
}

fn record(id: &str, kind: &str, ends: (&str, &str), class: &str, ready: &str) -> OrderRecord {
    let text = str::to_owned;
    OrderRecord {
        id: text(id),
        kind: text(kind),
        carrier: text("ZTO"),
        origin: text(ends.0),
        destination: text(ends.1),
        class: text(class),
        pieces: text("2"),
        weight_g: text("1800"),
        volume_cm3: text("9000"),
        ready: format!("2026-11-24T{ready}"),
        promise: text("2026-11-24T20:00"),
        cleared: text("yes"),
        ..OrderRecord::default()
    }
}

/// Two attended village points of the station's township.
pub(super) fn villages(county: &County) -> [String; 2] {
    let station = county.find_site(STATION).expect("it is there");
    let own = |&v: &SiteId| county.station_of(v) == station && !county.site(v).unattended;
    let mut ids = county.sites_of(SiteKind::Village).filter(own).map(|v| county.site(v).id.to_string());
    [ids.next().expect("many"), ids.next().expect("many")]
}

struct Clerk {
    county: County,
    travel: Travel,
    loads: Vec<Load>,
    trips: Vec<Trip>,
}

type StopPlan<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);

fn handlings(list: &[(&str, &str)]) -> Vec<Handling> {
    list.iter().map(|&(load, room)| Handling { load: load.into(), compartment: room.into() }).collect()
}

impl Clerk {
    fn handled(&self, list: &[(&str, &str)]) -> i64 {
        let of = |id: &str| self.loads.iter().find(|l| l.id == id).expect("a load of the fixture");
        list.iter().map(|&(id, _)| of(id)).map(|l| if l.sealed { l.units } else { l.amount.pieces }).sum()
    }

    /// A trip that begins to load at `start_s`; stops at `(site, unload, load)`; `dock` where there are docks.
    #[allow(clippy::too_many_arguments)] // a fixture
    fn trip(
        &mut self,
        id: &str,
        kind: TripKind,
        vehicle: &str,
        driver: &str,
        number: u32,
        layout: usize,
        start_s: i64,
        dock: u32,
        stops: &[StopPlan<'_>],
    ) {
        let county = &self.county;
        let own = county.vehicles.iter().find(|v| v.id.as_str() == vehicle).expect("a vehicle of the county");
        let profile = self.travel.profile(&own.profile).expect("a table for it");
        let mut visits: Vec<Visit> = Vec::new();
        for (i, &(place, unload, load)) in stops.iter().enumerate() {
            let at = county.find_site(place).expect("a site of the county");
            let site = county.site(at);
            let (leg_s, leg_m, arrive) = match visits.last() {
                None => (0, 0, start_s),
                Some(before) => {
                    let from = county.find_site(&before.site).expect("a site of the county");
                    let (s, m) = self.travel.leg(profile, 0, from.index(), at.index()).expect("near enough");
                    (s, m, before.depart + s)
                }
            };
            let idle = unload.is_empty() && load.is_empty();
            let opens =
                site.windows_on(county.default_date, !load.is_empty()).first().map_or(arrive, |w| w.from_s);
            let start = if idle { arrive } else { arrive.max(opens) };
            let both: Vec<_> = unload.iter().chain(load).copied().collect();
            let finish = if idle { start } else { start + site.stop_s(self.handled(&both)) };
            visits.push(Visit {
                id: format!("{id}-{i}"),
                site: place.into(),
                arrive,
                start,
                finish,
                depart: finish,
                latest: start,
                leg_s,
                leg_m,
                dock: (!idle && site.docks > 0).then_some(dock),
                unload: handlings(unload),
                load: handlings(load),
            });
        }
        let compartments = own.layouts[layout].compartments.iter().map(|c| Compartment {
            name: c.name.clone(),
            band: county.band(c.band).id.to_string(),
            capacity: c.room,
        });
        self.trips.push(Trip {
            id: id.into(),
            kind,
            vehicle: vehicle.into(),
            driver: Some(driver.into()),
            number,
            profile: own.profile.clone(),
            band: 0,
            compartments: compartments.collect(),
            metres: visits.iter().map(|v| v.leg_m).sum(),
            drive_s: visits.iter().map(|v| v.leg_s).sum(),
            visits,
            cost_fen: 0,
        });
    }

    fn line(&mut self, departure: &str, load: &str, to: &str) {
        let trip = self
            .county
            .line_trips
            .iter()
            .find(|t| t.id.as_str() == departure)
            .expect("a departure of the county");
        let stop = |site: &str, unload: &[(&str, &str)], on: &[(&str, &str)]| {
            let stop = trip
                .stops
                .iter()
                .find(|s| self.county.site(s.site).id.as_str() == site)
                .expect("it stops there");
            Visit {
                id: format!("{departure}-{site}"),
                site: site.into(),
                arrive: stop.arrive_s,
                start: stop.arrive_s,
                finish: stop.arrive_s,
                depart: stop.depart_s,
                latest: stop.arrive_s,
                leg_s: 0,
                leg_m: 0,
                dock: None,
                unload: handlings(unload),
                load: handlings(on),
            }
        };
        let visits = vec![stop("HUB", &[], &[(load, "ambient")]), stop(to, &[(load, "ambient")], &[])];
        let hold = Compartment { name: "ambient".into(), band: "ambient".into(), capacity: trip.hold };
        let (metres, drive_s) = (0, 0);
        let (id, vehicle) = (format!("line-{departure}"), departure.to_owned());
        self.trips.push(Trip {
            id,
            kind: TripKind::Line,
            vehicle,
            driver: None,
            number: 1,
            profile: String::new(),
            band: 0,
            compartments: vec![hold],
            visits,
            metres,
            drive_s,
            cost_fen: 0,
        });
    }

    fn visit(&self, id: &str) -> &Visit {
        self.trips.iter().flat_map(|t| &t.visits).find(|v| v.id == id).expect("a visit of the fixture")
    }

    /// Writes a load's legs `(from, to, compartment)` with the times of the trips.
    fn legs(&mut self, id: &str, out_of_band_s: impl Fn(&Self) -> i64, legs: &[(&str, &str, &str)]) {
        let at = self.loads.iter().position(|l| l.id == id).expect("a load of the fixture");
        let mut ready = self.loads[at].release;
        let mut out = Vec::new();
        for &(from, to, room) in legs {
            let trip =
                self.trips.iter().find(|t| t.visits.iter().any(|v| v.id == from)).expect("a trip").id.clone();
            out.push(Leg { trip, from: from.into(), to: to.into(), compartment: room.into(), ready });
            let drop = self.visit(to);
            let site = self.county.site(self.county.find_site(&drop.site).expect("a site"));
            let load = &self.loads[at];
            ready = drop.finish + site.crossing_s(if load.sealed { load.units } else { load.amount.pieces });
        }
        let arrives = self.visit(legs[legs.len() - 1].1).finish;
        let out_of_band_s = out_of_band_s(self);
        let load = &mut self.loads[at];
        (load.legs, load.arrives, load.out_of_band_s) = (out, arrives, out_of_band_s);
    }
}

#[allow(clippy::too_many_arguments)] // a fixture
fn load(
    county: &County,
    inputs: &[orders::OrderRow],
    id: &str,
    ids: &[&str],
    direction: Direction,
    unit: UnitKind,
    release: i64,
    due: i64,
    hard: bool,
) -> Load {
    let rows: Vec<_> = ids
        .iter()
        .map(|id| &inputs.iter().find(|r| r.order.id.as_str() == *id).expect("an order of the fixture").order)
        .collect();
    let amount = rows.iter().map(|o| o.amount).sum();
    let first = rows[0];
    let end =
        if county.site(first.destination).kind == SiteKind::Gateway { county.hub } else { first.destination };
    let class = county.class(first.class);
    Load {
        id: id.into(),
        direction,
        orders: ids.iter().map(|&s| s.to_owned()).collect(),
        amount,
        goods: vec![class.id.to_string()],
        band: county.band(class.band).id.to_string(),
        unit,
        units: county.handling.units(unit, amount),
        sealed: true,
        sorted_at: "HUB".into(),
        origin: county.site(first.origin).id.to_string(),
        destination: county.site(end).id.to_string(),
        release,
        due,
        hard,
        channel: Channel::OwnStation { station: STATION.into() },
        legs: Vec::new(),
        arrives: 0,
        out_of_band_s: 0,
    }
}

/// Orders of the fixture.
fn day_orders(county: &County, date: Date) -> Vec<orders::OrderRow> {
    let [v1, v2] = villages(county);
    let mut left = record("o6", "down", ("HUB", &v2), "parcel", "05:00");
    (left.deferrals, left.first_due) = ("1".into(), "2026-11-23".into());
    let records = [
        record("o1", "down", ("HUB", &v1), "parcel", "05:00"),
        record("o2", "down", ("HUB", &v1), "parcel", "05:00"),
        record("o3", "down", ("HUB", &v1), "parcel", "05:00"),
        record("o4", "down", ("HUB", &v1), "chilled", "05:00"),
        record("o5", "up", (&v2, "G410400"), "fresh", "07:00"),
        left,
        record("o7", "down", ("HUB", BUS_STOP), "parcel", "05:00"),
    ];
    let mut problems = Problems::new();
    let rows = orders::resolve("fixture", &records, county, date, &mut problems);
    assert!(problems.is_empty(), "{:?}", problems.list());
    rows
}

/// The good plan and its inputs.
pub(super) fn fixture() -> (Plan, Inputs) {
    let county = county();
    let date = county.default_date;
    let rows = day_orders(&county, date);
    let [v1, v2] = villages(&county);
    // Twelve pieces in the first wave, which closes at 05:30: twelve times 0.4 s, rounded up.
    let release = 5 * 3600 + 1800 + 5;
    let due = 20 * 3600;
    let loads = vec![
        load(&county, &rows, "l1", &["o1", "o2", "o3"], Direction::Down, UnitKind::Bag, release, due, false),
        load(&county, &rows, "l2", &["o4"], Direction::Down, UnitKind::Tote, release, due, false),
        load(&county, &rows, "l3", &["o5"], Direction::Up, UnitKind::Tote, 7 * 3600, 18 * 3600 + 2400, true),
        load(&county, &rows, "l7", &["o7"], Direction::Down, UnitKind::Bag, release, due, false),
    ];
    let travel = crow_travel(&county);
    let mut clerk = Clerk { county: county.clone(), travel, loads, trips: Vec::new() };
    let (hour, none): (i64, &[(&str, &str)]) = (3600, &[]);
    clerk.trip(
        "A",
        TripKind::Trunk,
        "T1",
        "D-T1",
        1,
        0,
        7 * hour,
        1,
        &[("HUB", none, &[("l1", "ambient")]), (STATION, &[("l1", "ambient")], none), ("HUB", none, none)],
    );
    clerk.trip(
        "B",
        TripKind::Trunk,
        "R1",
        "D-R1",
        1,
        0,
        7 * hour,
        2,
        &[("HUB", none, &[("l2", "chilled")]), (STATION, &[("l2", "chilled")], none), ("HUB", none, none)],
    );
    clerk.line("L2-0840", "l7", BUS_STOP);
    let round: [StopPlan<'_>; 4] = [
        (STATION, none, &[("l1", "ambient"), ("l2", "chilled")]),
        (&v1, &[("l1", "ambient"), ("l2", "chilled")], none),
        (&v2, none, &[("l3", "ambient")]),
        (STATION, &[("l3", "ambient")], none),
    ];
    clerk.trip("C", TripKind::Round, "E1011", "D1011", 1, 1, 9 * hour, 1, &round);
    clerk.trip(
        "D",
        TripKind::Trunk,
        "T1",
        "D-T1",
        2,
        0,
        14 * hour,
        1,
        &[("HUB", none, none), (STATION, none, &[("l3", "ambient")]), ("HUB", &[("l3", "ambient")], none)],
    );
    clerk.legs("l1", |_| 0, &[("A-0", "A-1", "ambient"), ("C-0", "C-1", "ambient")]);
    clerk.legs("l2", |_| 0, &[("B-0", "B-1", "chilled"), ("C-0", "C-1", "chilled")]);
    let warm = |c: &Clerk| {
        c.visit("C-3").finish - c.visit("C-2").start + c.visit("D-2").finish - c.visit("D-1").start
    };
    clerk.legs("l3", warm, &[("C-2", "C-3", "ambient"), ("D-1", "D-2", "ambient")]);
    let line = format!("L2-0840-{BUS_STOP}");
    clerk.legs("l7", |_| 0, &[("L2-0840-HUB", &line, "ambient")]);
    publish(clerk, rows)
}

fn publish(clerk: Clerk, rows: Vec<orders::OrderRow>) -> (Plan, Inputs) {
    let Clerk { county, travel, loads, trips } = clerk;
    let date = county.default_date;
    let opening = DayState {
        version: STATE_VERSION,
        county: county.code.clone(),
        date,
        backlog: vec![],
        stock: vec![],
        vehicles: vec![],
        returnables: vec![],
        service: vec![],
    };
    let duties =
        [("D-R1", vec!["B"]), ("D-T1", vec!["A", "D"]), ("D1011", vec!["C"])].map(|(driver, ids)| {
            let of = |id: &str| trips.iter().find(|t| t.id == id).expect("a trip of the fixture");
            let (from, to) =
                (of(ids[0]).visits[0].arrive, of(ids[ids.len() - 1]).visits.last().expect("visits").depart);
            let who =
                county.drivers.iter().find(|d| d.id.as_str() == driver).expect("a driver of the county");
            Duty {
                driver: driver.into(),
                trips: ids.iter().map(|&s| s.into()).collect(),
                from,
                to,
                drive_s: ids.iter().map(|id| of(id).drive_s).sum(),
                overtime_s: who.overtime_s(from, to),
                rests: vec![],
            }
        });
    let tomorrow = date.tomorrow().expect("there is one");
    let reason = Reason {
        vehicle_kind: "van".into(),
        limit: Limit::Price,
        at: "E1011".into(),
        needs: 1,
        has: 0,
        unit: "fen".into(),
    };
    let repair = Repair {
        action: RepairAction::NextDay,
        subject: "o6".into(),
        by: 1,
        unit: "day".into(),
        cost_fen: 0,
    };
    let visited: Vec<&str> = trips
        .iter()
        .flat_map(|t| &t.visits)
        .filter(|v| !(v.load.is_empty() && v.unload.is_empty()))
        .map(|v| v.site.as_str())
        .collect();
    let floors = county.sites_of(SiteKind::Village).map(|v| county.site(v)).map(|site| {
        let more = site.poor || site.remote;
        let rules = &county.rules;
        let (week, gap) = if more {
            (rules.floor_visits_week_poor, rules.floor_gap_days_poor)
        } else {
            (rules.floor_visits_week, rules.floor_gap_days)
        };
        FloorRow {
            site: site.id.to_string(),
            per_week: week as u32,
            longest_gap_days: gap as u32,
            days_since: 1,
            visited: visited.contains(&site.id.as_str()),
            due_today: false,
            price_fen: 0,
        }
    });
    let backlog = Backlog {
        order: "o6".into(),
        row: std::collections::BTreeMap::new(),
        site: "HUB".into(),
        age_days: 1,
        times_deferred: 2,
        promised: tomorrow,
    };
    let vehicles = county.vehicles.iter().map(|v| VehicleState {
        vehicle: v.id.to_string(),
        site: county.site(v.base).id.to_string(),
        range_m: v.range_m,
    });
    let plan = Plan {
        version: PLAN_VERSION,
        id: "fixture".into(),
        county: county.code.clone(),
        date,
        zone: county.time_zone.clone(),
        orders: rows.len() as u64,
        duties: duties.into(),
        loads,
        unassigned: vec![Unassigned {
            order: "o6".into(),
            site: "HUB".into(),
            reasons: vec![reason],
            repair,
        }],
        deferrals: vec![Deferral {
            order: "o6".into(),
            site: "HUB".into(),
            from: date,
            to: tomorrow,
            times: 2,
        }],
        breaches: vec![Breach {
            kind: "second_deferral".into(),
            subject: "o6".into(),
            limit: Limit::Price,
            at: "E1011".into(),
        }],
        floors: floors.collect(),
        cost: vec![],
        cost_fen: 0,
        bounds: Bounds { served_at_most: 6, served: 6, gap_ppm: 0, by_township: vec![], scarce: vec![] },
        closing: DayState { backlog: vec![backlog], vehicles: vehicles.collect(), ..opening.clone() },
        trips,
    };
    let inputs = Inputs { county, orders: rows, opening, travel };
    (priced(plan, &inputs), inputs)
}

/// Takes the account from the checker's own recomputation; whole plans prove it against the planner's account.
fn priced(mut plan: Plan, inputs: &Inputs) -> Plan {
    let verdict = check(&plan, inputs);
    let number = |v: &crate::check::Violation| v.limit.parse::<i64>().expect("a number of fen");
    plan.cost_fen =
        verdict.violations.iter().find(|v| v.code == "P243").map(number).expect("the sum is not nothing");
    let terms = [
        CostTerm::Vehicles,
        CostTerm::Kilometres,
        CostTerm::Crew,
        CostTerm::Overtime,
        CostTerm::Lines,
        CostTerm::Handling,
        CostTerm::Lateness,
        CostTerm::Unserved,
        CostTerm::Stability,
        CostTerm::Balance,
        CostTerm::Floor,
    ];
    for term in terms {
        let at = format!("cost {term:?}");
        let fen = verdict.violations.iter().find(|v| v.code == "P242" && v.at == at).map_or(0, number);
        plan.cost.push(CostLine { term, quantity: 0, unit: String::new(), fen, share_ppm: 0 });
    }
    plan
}
