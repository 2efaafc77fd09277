//! The renderers on a small plan of two trips whose figures are known by hand.

use super::*;
use serde_json::Value;
use xiangyun_model::plan::{
    Bounds, Channel, Compartment, DayState, Direction, Handling, Leg, STATE_VERSION, Trip, TripKind,
    UnitKind, Visit,
};
use xiangyun_model::units::Amount;

fn amount(g: i64, cm3: i64, pieces: i64) -> Amount {
    Amount { g, cm3, pieces }
}

fn visit(id: &str, site: &str, at: i64, leg_m: i64, unload: &[&str], load: &[&str]) -> Visit {
    let handle = |l: &&str| Handling { load: (*l).into(), compartment: "ambient".into() };
    Visit {
        id: id.into(),
        site: site.into(),
        arrive: at,
        start: at,
        finish: at + 300,
        depart: at + 300,
        latest: at + 900,
        leg_s: 600,
        leg_m,
        dock: None,
        unload: unload.iter().map(handle).collect(),
        load: load.iter().map(handle).collect(),
    }
}

fn load(
    id: &str,
    direction: Direction,
    from: &str,
    to: &str,
    orders: &[&str],
    a: Amount,
    arrives: i64,
) -> Load {
    Load {
        id: id.into(),
        direction,
        orders: orders.iter().map(|o| (*o).into()).collect(),
        amount: a,
        goods: vec!["parcel".into()],
        band: "ambient".into(),
        unit: UnitKind::Bag,
        units: 1,
        sealed: true,
        sorted_at: from.into(),
        origin: from.into(),
        destination: to.into(),
        release: 0,
        due: 70_000,
        hard: false,
        channel: Channel::Direct,
        legs: vec![Leg {
            trip: "T1".into(),
            from: "T1-0".into(),
            to: "T1-1".into(),
            compartment: "ambient".into(),
            ready: 0,
        }],
        arrives,
        out_of_band_s: 0,
    }
}

/// The county of the repository: its hub and two of its villages stand in the plan.
fn county() -> County {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng");
    crate::county::load_dir(std::path::Path::new(dir)).expect("the committed county loads")
}

/// Village A gets 100 kg, B gives 50 kg.
fn small_plan(county: &County) -> Plan {
    use xiangyun_model::site::SiteKind;
    let hub = county.site(county.hub).id.as_str();
    let mut villages = county.sites_of(SiteKind::Village).map(|id| county.site(id).id.as_str());
    let (a, b) = (villages.next().unwrap(), villages.next().unwrap());
    let vehicle = county.vehicles[0].id.as_str();
    Plan {
        version: 1,
        id: "999999-2026-11-24-test<&>".into(),
        county: "999999".into(),
        date: "2026-11-24".parse().unwrap(),
        zone: "Asia/Shanghai".into(),
        orders: 3,
        trips: vec![Trip {
            id: "T1".into(),
            kind: TripKind::Direct,
            vehicle: vehicle.into(),
            driver: None,
            number: 1,
            profile: "van".into(),
            band: 0,
            compartments: vec![Compartment {
                name: "ambient".into(),
                band: "ambient".into(),
                capacity: amount(200_000, 2_000_000, 100),
            }],
            visits: vec![
                visit("T1-0", hub, 21_600, 0, &[], &["L1"]),
                visit("T1-1", a, 22_500, 10_000, &["L1"], &[]),
                visit("T1-2", b, 23_500, 5_000, &[], &["L2"]),
                visit("T1-3", hub, 25_000, 15_000, &["L2"], &[]),
            ],
            metres: 30_000,
            drive_s: 1_800,
            cost_fen: 6_000,
        }],
        duties: vec![],
        loads: vec![
            load("L1", Direction::Down, hub, a, &["o1"], amount(100_000, 400_000, 4), 22_800),
            load("L2", Direction::Up, b, hub, &["o2"], amount(50_000, 100_000, 1), 25_300),
        ],
        unassigned: vec![],
        deferrals: vec![],
        breaches: vec![],
        floors: vec![],
        cost: vec![],
        cost_fen: 10_000,
        bounds: Bounds {
            served_at_most: 3,
            served: 2,
            gap_ppm: 333_333,
            by_township: vec![],
            scarce: vec![],
        },
        closing: DayState {
            version: STATE_VERSION,
            county: "999999".into(),
            date: "2026-11-24".parse().unwrap(),
            backlog: vec![],
            stock: vec![],
            vehicles: vec![],
            returnables: vec![],
            service: vec![],
        },
    }
}

fn with_files<T>(check: impl FnOnce(Vec<OutputFile>) -> T) -> T {
    let county = county();
    let plan = small_plan(&county);
    let map = MapData { synthetic_roads: true, ..MapData::default() };
    check(render(&Sources::new(&plan, &county, &[], &map)))
}

fn text_of<'a>(files: &'a [OutputFile], path: &str) -> &'a str {
    std::str::from_utf8(&files.iter().find(|f| f.path == path).unwrap().bytes).unwrap()
}

#[test]
fn key_figures_match_a_sum_by_hand() {
    with_files(|files| {
        let kpis: Value = serde_json::from_str(text_of(&files, "kpi.json")).unwrap();
        let value = |id: &str| {
            kpis.as_array().unwrap().iter().find(|k| k["id"] == id).unwrap()["value"].as_f64().unwrap()
        };
        assert!((value("km") - 30.0).abs() < 1e-9);
        assert!((value("orders_total") - 3.0).abs() < 1e-9);
        assert!((value("orders_served") - 2.0).abs() < 1e-9);
        assert!((value("cost_per_parcel_fen") - 2_000.0).abs() < 1e-9);
        // Empty from A to B: 5 of 30 km.
        assert!((value("empty_km_ratio") - 0.166_667).abs() < 1e-6);
        for id in [
            "vehicles",
            "load_factor_down",
            "load_factor_up",
            "on_time",
            "coverage_8h",
            "coverage_24h",
            "cost_fen",
        ] {
            value(id);
        }
    });
}

#[test]
fn pages_hold_every_stop_escape_what_they_show_and_say_what_is_synthetic() {
    with_files(|files| {
        let all = text_of(&files, "manifests/all.html");
        for id in ["T1-0", "T1-1", "T1-2", "T1-3"] {
            assert!(all.contains(id), "{id}");
        }
        assert_eq!(all.matches("class=\"qr\"").count(), 4);
        assert!(!all.contains("test<&>"), "ids are escaped");
        for page in ["manifests/all.html", "overview.html", "manifests/T1.html"] {
            assert!(text_of(&files, page).contains(words::SYNTHETIC.zh), "{page}");
            assert!(!text_of(&files, page).contains("http://"), "{page} must open offline");
        }
    });
}

#[test]
fn the_sort_plan_puts_the_last_stop_deepest_and_lists_every_waybill() {
    with_files(|files| {
        let plan = text_of(&files, "sort_plan.csv");
        let rows: Vec<&str> = plan.lines().collect();
        assert_eq!(rows.len(), 2, "L1 boards at the hub; B is no sorting place");
        assert!(rows[1].contains(",1,1,"), "{}", rows[1]);
        assert_eq!(text_of(&files, "sort_orders.csv").lines().count(), 3);
    });
}

#[test]
fn the_geojson_parses_and_draws_each_trip() {
    with_files(|files| {
        let doc: Value = serde_json::from_str(text_of(&files, "plan.geojson")).unwrap();
        let lines =
            doc["features"].as_array().unwrap().iter().filter(|f| f["geometry"]["type"] == "LineString");
        assert_eq!(lines.count(), 1);
    });
}
