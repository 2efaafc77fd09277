//! What must hold of every plan: the independent checker accepts it, every order and every gram is somewhere, and the
//! same input gives the same bytes.

use jiff::civil::Date;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use xiangyun_model::county::County;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::plan::{Channel, Direction, Plan, TripKind};
use xiangyun_model::problem::Problems;
use xiangyun_model::site::SiteKind;
use xiangyun_model::units::Amount;
use xiangyun_planning::check::check;
use xiangyun_planning::county::load_dir;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::travel::{Band, NO_WAY, Table, Travel};
use xiangyun_planning::{closing, generate, night};
use xiangyun_solver::Control;

/// Steps of a small day.
const STEPS: u64 = 1_500;

/// No clock at all.
pub(crate) struct Still;

impl Control for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

pub(crate) fn county() -> &'static County {
    static COUNTY: OnceLock<County> = OnceLock::new();
    COUNTY.get_or_init(|| {
        load_dir(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng")))
            .expect("the committed county")
    })
}

/// Straight lines with a detour at a steady speed.
fn travel() -> &'static Travel {
    static TRAVEL: OnceLock<Travel> = OnceLock::new();
    TRAVEL.get_or_init(|| {
        let county = county();
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
    })
}

/// Every `every`-th order of a generated day.
pub(crate) fn some_orders(date: Date, seed: u64, every: usize) -> Vec<OrderRow> {
    let records = generate::day(county(), date, seed, "default").expect("generates");
    let few: Vec<_> = records.into_iter().step_by(every).collect();
    let mut problems = Problems::new();
    let bytes = orders::write(&few);
    let rows = orders::read("o.csv", &bytes, Source::Own, &HashMap::new(), county(), date, &mut problems);
    assert!(problems.is_empty(), "{:?}", problems.list());
    rows
}

pub(crate) fn plan_of(inputs: &Inputs, date: Date, threads: usize, seed: u64) -> Plan {
    let effort = Effort { steps: Some(STEPS), time: None, seed, threads };
    let (county, rows) = (&inputs.county, &inputs.orders);
    night::plan(county, date, rows, &inputs.travel, &inputs.opening, &effort, Variant::default(), &Still)
}

pub(crate) fn inputs(county: &County, date: Date, orders: Vec<OrderRow>) -> Inputs {
    let opening = closing::empty(county, date.yesterday().expect("there is one"));
    Inputs { county: county.clone(), orders, opening, travel: travel().clone() }
}

pub(crate) fn assert_sound(plan: &Plan, inputs: &Inputs) {
    let verdict = check(plan, inputs);
    assert!(verdict.ok, "{:#?}", &verdict.violations[..verdict.violations.len().min(5)]);
}

/// Every order once, amounts by direction and class, and opening stock + in = out + closing stock.
fn assert_balanced(plan: &Plan, inputs: &Inputs) {
    let mut places: BTreeMap<&str, u32> = BTreeMap::new();
    let carried = plan.loads.iter().flat_map(|l| &l.orders);
    for order in carried.chain(plan.unassigned.iter().map(|u| &u.order)) {
        *places.entry(order).or_default() += 1;
    }
    assert!(places.values().all(|&n| n == 1));
    assert_eq!(places.len(), inputs.orders.len());
    assert_eq!(plan.served() + plan.unassigned.len() as u64, inputs.orders.len() as u64);

    let by_id: BTreeMap<&str, &OrderRow> = inputs.orders.iter().map(|r| (r.order.id.as_str(), r)).collect();
    let class = |row: &OrderRow| inputs.county.class(row.order.class).id.to_string();
    let left: BTreeSet<&str> = plan.unassigned.iter().map(|u| u.order.as_str()).collect();
    let mut came: BTreeMap<String, Amount> = BTreeMap::new();
    let mut handed: BTreeMap<String, Amount> = BTreeMap::new();
    for row in &inputs.orders {
        *came.entry(class(row)).or_default() += row.order.amount;
        if !left.contains(row.order.id.as_str()) {
            *handed.entry(class(row)).or_default() += row.order.amount;
        }
    }
    for stock in &plan.closing.stock {
        *handed.entry(stock.goods.clone()).or_default() += stock.amount;
    }
    assert_eq!(came, handed, "opening stock and what came are what was handed over and what is left");
    for direction in [Direction::Down, Direction::Up, Direction::Cross] {
        let of_loads: Amount = plan.loads.iter().filter(|l| l.direction == direction).map(|l| l.amount).sum();
        let ids = plan.loads.iter().filter(|l| l.direction == direction).flat_map(|l| &l.orders);
        let of_orders: Amount = ids.map(|id| by_id[id.as_str()].order.amount).sum();
        assert_eq!(of_loads, of_orders);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 4, ..ProptestConfig::default() })]

    #[test]
    fn any_generated_day_yields_a_plan_that_the_checker_accepts(
        seed in 0u64..1000,
        later in 0i64..14,
        every in 20usize..60,
        turn in 0usize..1000,
    ) {
        let date = county().default_date.checked_add(jiff::Span::new().days(later)).expect("a date");
        let given = inputs(county(), date, some_orders(date, seed, every));
        let plan = plan_of(&given, date, 1, seed);
        assert_sound(&plan, &given);
        assert_balanced(&plan, &given);
        // The same orders in another sequence are another input, and as good a day.
        let mut orders = given.orders.clone();
        let n = orders.len();
        orders.rotate_left(turn % n.max(1));
        orders.reverse();
        let permuted = Inputs { orders, ..inputs(county(), date, Vec::new()) };
        let other = plan_of(&permuted, date, 1, seed);
        assert_sound(&other, &permuted);
        assert_balanced(&other, &permuted);
        let most = given.orders.len() as u64;
        prop_assert!(plan.served().abs_diff(other.served()) * 50 <= most, "{} and {}", plan.served(), other.served());
    }
}

#[test]
fn steps_and_threads_fix_every_byte() {
    let date = county().default_date;
    let given = inputs(county(), date, some_orders(date, 5, 40));
    for threads in [1, 2] {
        let bytes = || serde_json::to_vec(&plan_of(&given, date, threads, 3)).expect("plain data");
        assert!(bytes() == bytes(), "{threads} threads");
    }
}

#[test]
fn whatever_is_removed_from_a_published_visit_or_list_is_found() {
    let date = county().default_date;
    let given = inputs(county(), date, some_orders(date, 2, 80));
    let good = plan_of(&given, date, 1, 1);
    assert_sound(&good, &given);
    let mut tried = 0;
    for t in 0..good.trips.len() {
        for v in 0..good.trips[t].visits.len() {
            let visit = &good.trips[t].visits[v];
            let mut spoiled = vec![good.clone()];
            spoiled[0].trips[t].visits.remove(v);
            for at in 0..visit.load.len().min(2) {
                let mut plan = good.clone();
                plan.trips[t].visits[v].load.remove(at);
                spoiled.push(plan);
            }
            for at in 0..visit.unload.len().min(2) {
                let mut plan = good.clone();
                plan.trips[t].visits[v].unload.remove(at);
                spoiled.push(plan);
            }
            for plan in spoiled {
                assert!(!check(&plan, &given).ok, "visit {} spoiled unseen", visit.id);
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[test]
fn goods_go_by_line_where_no_van_is() {
    let mut poor = county().clone();
    let away: Vec<_> =
        poor.vehicles.iter().filter(|v| v.kind != VehicleKind::Truck).map(|v| v.base).collect();
    poor.drivers.retain(|d| !away.contains(&d.base) || d.id.as_str().starts_with("D-T"));
    let date = poor.default_date;
    let stops: BTreeSet<_> = poor.line_trips.iter().flat_map(|t| &t.stops).map(|s| s.site).collect();
    let mut rows = some_orders(date, 3, 1);
    rows.retain(|r| stops.contains(&r.order.destination) && stops.contains(&r.order.origin));
    rows.truncate(150);
    let given = inputs(&poor, date, rows);
    let plan = plan_of(&given, date, 1, 1);
    assert_sound(&plan, &given);
    assert_balanced(&plan, &given);
    let by_line = plan.loads.iter().filter(|l| matches!(l.channel, Channel::Line { .. })).count();
    assert!(by_line > 0 && plan.trips.iter().any(|t| t.kind == TripKind::Line), "{by_line} loads by line");
}

#[test]
fn a_parcel_from_village_to_village_rides_one_round() {
    let date = county().default_date;
    let mut rows = some_orders(date, 1, 1);
    let village = |s| county().site(s).kind == SiteKind::Village;
    rows.retain(|r| village(r.order.origin) && village(r.order.destination));
    rows.truncate(12);
    assert!(rows.len() > 5, "{}", rows.len());
    let n = rows.len() as u64;
    // Reason enough to go: these orders alone would not pay a van's day.
    rows.iter_mut().for_each(|r| r.order.unserved_fen = 100_000);
    let mut given = inputs(county(), date, rows);
    given.orders.iter_mut().for_each(|r| r.record.unserved_fen = "100000".into());
    let plan = plan_of(&given, date, 1, 1);
    assert_sound(&plan, &given);
    assert_eq!(plan.served(), n, "{:?}", plan.unassigned.first());
    assert!(plan.loads.iter().all(|l| matches!(l.channel, Channel::Local { .. }) && l.legs.len() == 1));
}

#[test]
fn what_is_left_has_reasons_a_repair_and_a_date() {
    let mut few = county().clone();
    // One van in the whole county, and nobody for the rest.
    few.drivers.retain(|d| d.id.as_str() == "D-H1" || d.id.as_str() == "D-T1");
    let date = few.default_date;
    let given = inputs(&few, date, some_orders(date, 4, 6));
    let plan = plan_of(&given, date, 1, 1);
    assert_sound(&plan, &given);
    assert_balanced(&plan, &given);
    assert!(!plan.unassigned.is_empty());
    let kinds = ["micro_van", "van", "truck", "line"];
    for left in &plan.unassigned {
        let named: Vec<&str> = left.reasons.iter().map(|r| r.vehicle_kind.as_str()).collect();
        assert_eq!(named, kinds, "{}", left.order);
        assert!(left.repair.cost_fen > 0 || left.repair.by > 0);
        assert!(plan.deferrals.iter().any(|d| d.order == left.order && d.to > date));
    }
    assert!(plan.bounds.scarce.iter().any(|s| s.orders_left > 0 && s.one_more_serves > 0));
}
