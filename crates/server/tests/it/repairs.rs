//! The running day mended through the daemon: a real plan of three townships, offers by the thinking thread, accepted by
//! people and by rule.

use crate::harness::{START_MS, Served, serve_with};
use jiff::civil::{Date, date};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_model::plan::TripKind;
use xiangyun_model::problem::Problems;
use xiangyun_planning::county::{Files, cut, load};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, Source};
use xiangyun_planning::output::MapData;
use xiangyun_planning::publish::{Made, publish};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::{closing, generate, night};
use xiangyun_server::config::AutoRule;
use xiangyun_simulation::county::straight;
use xiangyun_solver::StepsOnly;

const STATIONS: [&str; 3] = ["S410421001", "S410421107", "S410421104"];

/// A plan directory of a part of the county for a day.
pub(crate) fn plan_dir(root: &Path, day: Date) -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    let whole_files = Files::read_dir(&dir).unwrap();
    let whole = load(&whole_files).unwrap();
    let files = cut(&whole_files, &STATIONS, 12);
    let county = load(&files).unwrap();
    let known = |id: &str| county.find_site(id).is_some();
    let records: Vec<_> = generate::day(&whole, day, 1, "default")
        .unwrap()
        .into_iter()
        .filter(|r| known(&r.origin) && known(&r.destination))
        .step_by(3)
        .collect();
    let mut problems = Problems::new();
    let bytes = orders::write(&records);
    let rows = orders::read("orders.csv", &bytes, Source::Own, &HashMap::new(), &county, day, &mut problems);
    assert!(problems.is_empty());
    let travel = straight(&county);
    let opening = closing::empty(&county, day.yesterday().unwrap());
    let effort = Effort { steps: Some(300), time: None, seed: 1, threads: 1 };
    let plan = night::plan(&county, day, &rows, &travel, &opening, &effort, Variant::default(), &StepsOnly);
    let inputs = Inputs { county, orders: rows, opening, travel };
    let made = Made { version: "test".into(), seed: 1, steps: Some(300), threads: 1, synthetic_roads: true };
    let map = MapData { legs: BTreeMap::new(), roads: Vec::new(), synthetic_roads: true };
    let out = root.join(format!("plan-{day}"));
    publish(&out, &plan, &inputs, &files, &made, &map).unwrap();
    out
}

/// Takes a day's plan in and publishes it with its orders; gives its id.
pub(crate) fn publish_day(served: &Served, day: Date) -> String {
    let dir = plan_dir(served.dir.path(), day);
    let body = json!({ "directory": dir.display().to_string() });
    let (status, taken) = served.by("planner", "POST", "/api/v1/plans", Some(&body));
    assert_eq!(status, 201, "{taken}");
    let id = taken["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/plans/{id}/publish");
    let (status, body) = served.by("planner", "POST", &path, Some(&json!({ "place_orders": true })));
    assert_eq!(status, 200, "{body}");
    id
}

fn wait<T>(what: &str, most: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < most, "{what} within {most:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn queue(served: &Served) -> Vec<Value> {
    let (status, body) = served.by("dispatcher", "GET", "/api/v1/exceptions", None);
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

fn open_of(served: &Served, kind: &str) -> Option<Value> {
    queue(served).into_iter().find(|e| e["kind"] == kind)
}

/// Under a stepped clock the thinking thread looks when the clock is moved.
fn nudge(served: &Served) {
    let to_ms = served.daemon().app().clock.now_ms() + 1_000;
    let (status, body) = served.by("dispatcher", "POST", "/api/v1/clock", Some(&json!({ "to_ms": to_ms })));
    assert_eq!(status, 200, "{body}");
}

fn offered(served: &Served, kind: &str) -> Value {
    let what = format!("a repair of {kind}");
    wait(&what, Duration::from_secs(60), || {
        nudge(served);
        let found = open_of(served, kind)?;
        (!found["repairs"].as_array().unwrap().is_empty()).then_some(found)
    })
}

fn decide(served: &Served, exception: &Value, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/exceptions/{}/repairs", exception["id"].as_str().unwrap());
    served.by("dispatcher", "POST", &path, Some(body))
}

/// A vehicle whose trip has several stops, with the trip's visits.
fn busy(served: &Served) -> (String, Vec<String>) {
    let app = served.daemon().app();
    let world = xiangyun_server::machine::read(&app.world);
    let trip = world
        .day
        .trips
        .values()
        .filter(|t| t.driver.is_some() && t.visits[0].load.len() > 2)
        .max_by_key(|t| t.visits.len())
        .unwrap();
    (trip.vehicle.clone(), trip.visits.iter().map(|v| v.visit.clone()).collect())
}

fn planned(served: &Served, order: &str) -> usize {
    let app = served.daemon().app();
    let world = xiangyun_server::machine::read(&app.world);
    let visits = world.day.trips.values().flat_map(|t| &t.visits);
    visits.filter(|v| v.load.iter().any(|o| o == order)).count()
}

fn pick_up(served: &Served, id: &str) {
    let (status, plan) = served.by("planner", "GET", "/api/v1/stops", None);
    assert_eq!(status, 200, "{plan}");
    let app = served.daemon().app();
    let (village, carrier) = {
        let world = xiangyun_server::machine::read(&app.world);
        let order = world.day.orders.values().find(|o| o.destination.starts_with('V')).unwrap();
        (order.destination.clone(), order.carrier.clone())
    };
    let body = json!({
        "id": id, "direction": "up", "carrier": carrier, "origin": village, "destination": "HUB", "mass_g": 900,
        "volume_cm3": 4000, "promise": "2026-11-24T22:00:00+08:00"
    });
    let (status, body) = served.by("dispatcher", "POST", "/api/v1/orders", Some(&body));
    assert_eq!(status, 201, "{body}");
    let done = json!({ "real_name": true, "inspected": true, "screened": true });
    let path = format!("/api/v1/orders/{id}/acceptance");
    let (status, body) = served.by("dispatcher", "POST", &path, Some(&done));
    assert_eq!(status, 200, "{body}");
}

#[test]
fn a_breakdown_is_offered_a_rescue_that_a_person_accepts() {
    let served = serve_with(|_| {});
    publish_day(&served, date(2026, 11, 24));
    let (vehicle, visits) = busy(&served);
    served.day(DayCommand::Arrive { visit: visits[0].clone(), at_ms: START_MS });
    served.day(DayCommand::Serve { visit: visits[0].clone(), at_ms: START_MS + 60_000 });
    let path = format!("/api/v1/vehicles/{vehicle}/condition");
    let body = json!({ "condition": "broken", "note": "爆胎 | a flat tyre" });
    let began = Instant::now();
    let (status, body) = served.by("dispatcher", "POST", &path, Some(&body));
    assert_eq!(status, 200, "{body}");
    let found = offered(&served, "breakdown");
    println!("a checked repair was offered {} ms after the breakdown", began.elapsed().as_millis());
    let repair = found["repairs"][0].clone();
    assert!(
        repair["fresh"].as_bool().unwrap() && !repair["changes"].as_array().unwrap().is_empty(),
        "{repair}"
    );
    // The vehicle's own version changes meanwhile: the offer is made anew when it is accepted.
    served.day(DayCommand::Arrive { visit: visits[1].clone(), at_ms: START_MS + 120_000 });
    let (status, body) = decide(&served, &found, &json!({ "verdict": "accept", "offer": repair["offer"] }));
    let (status, body) = if status == 409 {
        assert_eq!(body["code"], "H632", "{body}");
        let again = offered(&served, "breakdown");
        let last = again["repairs"].as_array().unwrap().last().unwrap().clone();
        assert_ne!(last["offer"], repair["offer"]);
        decide(&served, &again, &json!({ "verdict": "accept", "offer": last["offer"] }))
    } else {
        (status, body)
    };
    assert_eq!(status, 200, "{body}");
    let events = body["events"].as_array().unwrap();
    assert!(events.contains(&json!("RepairAccepted")) && events.contains(&json!("TripPlanned")), "{body}");
    assert!(open_of(&served, "breakdown").is_none());
    let (status, body) = decide(&served, &found, &json!({ "verdict": "accept", "offer": repair["offer"] }));
    assert_eq!(status, 422, "an offer of a settled exception is none any more: {body}");
}

#[test]
fn a_new_pick_up_finds_its_place_and_a_cancelled_one_loses_it_over_a_restart() {
    let served = serve_with(|_| {});
    let plan = publish_day(&served, date(2026, 11, 24));
    pick_up(&served, "NEW-1");
    let found = offered(&served, "unassigned");
    let repair = &found["repairs"][0];
    assert!(repair["offer"].as_str().unwrap().starts_with(&plan));
    assert_eq!(planned(&served, "NEW-1"), 0, "nothing is applied before it is accepted");
    let (status, body) = decide(&served, &found, &json!({ "verdict": "accept" }));
    assert_eq!(status, 200, "{body}");
    assert!(planned(&served, "NEW-1") > 0);
    let app = served.daemon().app().clone();
    let config = (*app.config).clone();
    drop(app);
    let keys = served.keys.clone();
    let dir = served.end();
    // The restarted daemon lays the accepted change on the plan again before it makes the next offer.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let daemon = runtime.block_on(xiangyun_server::daemon::Daemon::start(config)).unwrap();
    let url = daemon.url();
    let served = Served { runtime, daemon: Some(daemon), url, keys, dir };
    let (status, body) = served.by("dispatcher", "DELETE", "/api/v1/orders/NEW-1", None);
    assert_eq!(status, 200, "{body}");
    let found = offered(&served, "cancelled");
    let (status, body) = decide(&served, &found, &json!({ "verdict": "accept" }));
    assert_eq!(status, 200, "{body}");
    assert_eq!(planned(&served, "NEW-1"), 0, "its stop fell away");
    served.end();
}

#[test]
fn a_rule_of_the_county_accepts_what_it_allows_and_nothing_else() {
    let served = serve_with(|config| {
        let rule = AutoRule { price_fen_max: 100_000, moved_stops_max: 0, lateness_s_max: None };
        config.repairs.auto.insert("unassigned".into(), rule);
    });
    publish_day(&served, date(2026, 11, 24));
    for n in 0..5 {
        pick_up(&served, &format!("R-{n}"));
    }
    for n in 0..5 {
        let id = format!("R-{n}");
        wait("a place by rule", Duration::from_secs(60), || {
            nudge(&served);
            (planned(&served, &id) > 0).then_some(())
        });
    }
    assert!(open_of(&served, "unassigned").is_none());
    let (status, body) = served.by("dispatcher", "DELETE", "/api/v1/orders/R-0", None);
    assert_eq!(status, 200, "{body}");
    let found = offered(&served, "cancelled");
    assert!(!found["repairs"][0]["accepted"].as_bool().unwrap(), "no rule says so");
    let (status, body) =
        decide(&served, &found, &json!({ "verdict": "refuse", "why": "the driver is there" }));
    assert_eq!(status, 200, "{body}");
    assert!(open_of(&served, "cancelled").is_none());
    assert!(planned(&served, "R-0") > 0, "a refused repair changes nothing");
}

#[test]
fn two_days_in_a_row_are_published_and_driven() {
    let served = serve_with(|_| {});
    let mut ids = Vec::new();
    for day in [date(2026, 11, 24), date(2026, 11, 25)] {
        ids.push(publish_day(&served, day));
        let app = served.daemon().app().clone();
        let trips: Vec<_> = {
            let world = xiangyun_server::machine::read(&app.world);
            let of_day = world.day.trips.values().filter(|t| t.trip.starts_with(&day.to_string()));
            of_day.cloned().collect()
        };
        assert!(!trips.is_empty());
        for visit in trips.iter().filter(|t| t.driver.is_some()).flat_map(|t| &t.visits) {
            served.day(DayCommand::Arrive { visit: visit.visit.clone(), at_ms: visit.arrive_ms });
            served.day(DayCommand::Serve { visit: visit.visit.clone(), at_ms: visit.depart_ms });
        }
    }
    assert_ne!(ids[0], ids[1]);
    // The manifest prints the plan's own id of a stop; the driver's page finds the day's.
    let app = served.daemon().app();
    let visit = {
        let world = xiangyun_server::machine::read(&app.world);
        let id = world.day.stops.keys().find(|id| id.starts_with("2026-11-25")).unwrap().clone();
        id.split_once('.').unwrap().1.to_owned()
    };
    let (status, page) = served.by("dispatcher", "GET", &format!("/d/{}/{visit}", ids[1]), None);
    assert_eq!(status, 200, "{page}");
}

/// An order whose village trip has not begun, the plan's own id of its last stop, and the vehicle it rides on.
fn load_of_a_round(served: &Served, plan: &str) -> (String, String, String) {
    let loaded = served.daemon().app().plans.get(plan).unwrap();
    let load = loaded
        .plan
        .loads
        .iter()
        .filter(|l| l.legs.len() == 2 && l.destination.starts_with('V') && !l.orders.is_empty())
        .min_by_key(|l| l.amount.g)
        .unwrap();
    let leg = load.legs.last().unwrap();
    let vehicle = loaded.plan.trip(&leg.trip).unwrap().vehicle.clone();
    (load.id.clone(), leg.to.clone(), vehicle)
}

#[test]
fn changes_by_hand_are_judged_undone_locked_compared_and_published() {
    let served = serve_with(|_| {});
    let plan = publish_day(&served, date(2026, 11, 24));
    let (load, stop, own) = load_of_a_round(&served, &plan);
    let edits = |plan: &str| format!("/api/v1/plans/{plan}/edits");
    let vehicles: Vec<String> = {
        let app = served.daemon().app();
        app.county.vehicles.iter().map(|v| v.id.to_string()).filter(|v| *v != own).collect()
    };
    let (mut fork, mut refused, mut with) = (String::new(), 0, String::new());
    for vehicle in vehicles {
        let body = json!({ "op": "move", "load": load, "vehicle": vehicle });
        let (status, view) = served.by("dispatcher", "POST", &edits(&plan), Some(&body));
        if status == 200 {
            assert_eq!(view["edits"], 1, "{view}");
            (fork, with) = (view["plan"].as_str().unwrap().to_owned(), vehicle);
            println!("moved to {with}: {view}");
            break;
        }
        assert!(matches!(status, 409 | 422) && view["code"] == "H633", "{status} {view}");
        refused += 1;
    }
    assert!(!fork.is_empty(), "some vehicle can take one load; {refused} were refused");
    assert_ne!(fork, plan, "the published plan itself is never changed by hand");
    let (status, compared) =
        served.by("dispatcher", "GET", &format!("/api/v1/plans/{fork}/compare/{plan}"), None);
    assert_eq!(status, 200, "{compared}");
    assert!(compared["moved_orders"].as_u64().unwrap() > 0, "{compared}");
    // Undo gives the plan as it was; a lock then forbids the same change, with the reason.
    let (status, view) = served.by("dispatcher", "POST", &edits(&fork), Some(&json!({ "op": "undo" })));
    assert_eq!((status, &view["edits"]), (200, &json!(0)), "{view}");
    let lock = json!({ "op": "lock", "locks": [{ "visit": stop, "lock": "fixed_vehicle" }] });
    let (status, view) = served.by("dispatcher", "POST", &edits(&fork), Some(&lock));
    assert_eq!((status, &view["locks"]), (200, &json!(1)), "{view}");
    let body = json!({ "op": "move_stop", "visit": stop, "vehicle": with });
    let (status, view) = served.by("dispatcher", "POST", &edits(&fork), Some(&body));
    assert_eq!((status, &view["code"]), (409, &json!("H633")), "{view}");
    let lock = json!({ "op": "lock", "locks": [{ "visit": stop, "lock": "free" }] });
    let (status, _) = served.by("dispatcher", "POST", &edits(&fork), Some(&lock));
    assert_eq!(status, 200);
    let body = json!({ "op": "move", "load": load, "vehicle": with });
    let key = [("idempotency-key", "edit-1")];
    let secret = served.keys["dispatcher"].clone();
    for _ in 0..2 {
        let (status, view, _) = served.ask("POST", &edits(&fork), Some(&secret), Some(&body), &key);
        assert_eq!((status, &view["edits"]), (200, &json!(1)), "the same key has one effect: {view}");
    }
    let (status, body) = served.by(
        "planner",
        "POST",
        &format!("/api/v1/plans/{fork}/publish"),
        Some(&json!({ "place_orders": false })),
    );
    assert_eq!(status, 200, "{body}");
    let (status, page) = served.by("dispatcher", "GET", "/api/v1/plans", None);
    assert_eq!(status, 200);
    let found = page["items"].as_array().unwrap().iter().find(|p| p["id"] == json!(fork)).unwrap().clone();
    assert!(found["published"].is_string(), "{found}");
    assert!(served.daemon().app().plans.dir_of(&fork).join("manifests").is_dir(), "its papers are made");
    // Repairs go on from the fork.
    pick_up(&served, "AFTER");
    assert!(offered(&served, "unassigned")["repairs"][0]["offer"].as_str().unwrap().starts_with(&fork));
}

#[test]
fn bad_changes_by_hand_are_refused_with_their_field() {
    let served = serve_with(|_| {});
    let plan = publish_day(&served, date(2026, 11, 24));
    let path = format!("/api/v1/plans/{plan}/edits");
    for (body, status) in [
        (json!({ "op": "undo" }), 409),
        (json!({ "op": "move", "load": "nothing", "vehicle": "T1" }), 422),
        (json!({ "op": "swap", "trip": "nothing", "other": "else" }), 422),
        (json!({ "op": "fly" }), 422),
        (json!({ "op": "lock", "locks": [{ "visit": "nothing", "lock": "free" }] }), 422),
        (json!({ "op": "split", "load": "nothing", "orders": ["a"] }), 422),
    ] {
        let (got, answer) = served.by("dispatcher", "POST", &path, Some(&body));
        assert_eq!(got, status, "{body} {answer}");
        assert!(answer["code"].is_string() && answer["detail"].is_string(), "{answer}");
    }
    let (status, page) = served.by("dispatcher", "GET", "/api/v1/plans", None);
    assert_eq!(
        (status, page["items"].as_array().unwrap().len()),
        (200, 1),
        "no fork is left of a refused change"
    );
}

/// Publishes the day with a load that rides dearer than it could.
fn publish_untidy(served: &Served) -> String {
    let plan = publish_day(served, date(2026, 11, 24));
    let app = served.daemon().app().clone();
    let loaded = app.plans.get(&plan).unwrap();
    let rounds = loaded.plan.trips.iter().filter(|t| t.kind == TripKind::Round);
    let stops: Vec<(String, String)> = rounds
        .flat_map(|t| t.visits[1..t.visits.len() - 1].iter().map(|v| (v.id.clone(), t.vehicle.clone())))
        .collect();
    let vehicles: Vec<String> = app.county.vehicles.iter().map(|v| v.id.to_string()).collect();
    for (visit, own) in stops {
        for vehicle in vehicles.iter().filter(|v| **v != own) {
            let body = json!({ "op": "move_stop", "visit": visit, "vehicle": vehicle });
            let path = format!("/api/v1/plans/{plan}/edits");
            let (status, view) = served.by("dispatcher", "POST", &path, Some(&body));
            if status != 200 || view["price_fen"].as_i64().unwrap() < 500 {
                continue;
            }
            let fork = view["plan"].as_str().unwrap().to_owned();
            let path = format!("/api/v1/plans/{fork}/publish");
            let (status, body) = served.by("planner", "POST", &path, Some(&json!({})));
            assert_eq!(status, 200, "{body}");
            return fork;
        }
    }
    panic!("no stop can be made by another van");
}

#[test]
fn a_tidy_up_is_asked_for_offered_and_accepted() {
    let served = serve_with(|_| {});
    let plan = publish_untidy(&served);
    let path = format!("/api/v1/plans/{plan}/tidy-up");
    let (status, _) = served.by("keeper", "POST", &path, None);
    assert_eq!(status, 403);
    let (status, _) = served.by("dispatcher", "POST", "/api/v1/plans/none/tidy-up", None);
    assert_eq!(status, 404);
    let (status, view) = served.by("dispatcher", "POST", &path, None);
    assert_eq!(status, 200, "{view}");
    let repair = &view["repair"];
    assert!(repair["price_fen"].as_i64().unwrap() < 0, "{view}");
    assert_eq!(repair["accepted"], false, "nothing changes before it is accepted");
    let found = open_of(&served, "tidy_up").unwrap();
    assert_eq!(found["id"], view["exception"]);
    let (status, again) = served.by("dispatcher", "POST", &path, None);
    assert_eq!((status, &again["exception"]), (200, &view["exception"]), "one wish at a time: {again}");
    let (status, body) = decide(&served, &found, &json!({ "verdict": "accept" }));
    assert_eq!(status, 200, "{body}");
    assert!(body["events"].as_array().unwrap().contains(&json!("RepairAccepted")), "{body}");
    assert!(open_of(&served, "tidy_up").is_none());
}

#[test]
fn a_county_has_its_plan_tidied_up_after_so_many_orders() {
    let served = serve_with(|config| {
        let rule = AutoRule { price_fen_max: 100_000, moved_stops_max: 0, lateness_s_max: None };
        config.repairs.auto.insert("unassigned".into(), rule);
        config.repairs.tidy_up_every = Some(2);
    });
    publish_untidy(&served);
    for n in 0..2 {
        pick_up(&served, &format!("T-{n}"));
    }
    let found = offered(&served, "tidy_up");
    assert!(found["evidence"].as_str().unwrap().contains("2 orders"), "{found}");
    assert!(found["repairs"][0]["price_fen"].as_i64().unwrap() < 0, "{found}");
}
