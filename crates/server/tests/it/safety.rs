//! Repeats, races, stale versions, bad input, the end under load, the other database.

use crate::harness::{Served, VILLAGE, order, request, serve, serve_with, trip};
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use xiangyun_dispatch::command::{Command as DayCommand, Offer};
use xiangyun_dispatch::event::{ExceptionKind, Touched};
use xiangyun_server::machine::read;

fn seq(served: &Served) -> i64 {
    read(&served.daemon().app().world).seq
}

#[test]
fn the_same_key_has_one_effect() {
    let served = serve();
    let key = served.keys["dispatcher"].clone();
    let ask = |body: &Value| {
        served.ask("POST", "/api/v1/orders", Some(&key), Some(body), &[("idempotency-key", "k-1")])
    };
    let (status, first, _) = ask(&order("W1", "ZTO"));
    assert_eq!(status, 201);
    let before = seq(&served);
    let (status, again, headers) = ask(&order("W1", "ZTO"));
    assert_eq!((status, &again), (201, &first));
    assert_eq!(headers.get("idempotency-replayed").map(String::as_str), Some("true"));
    let (status, other, _) = ask(&order("W2", "ZTO"));
    assert_eq!((status, other["code"].as_str()), (422, Some("H609")));
    assert_eq!(seq(&served), before, "a repeat wrote something");
    // Another caller's key of the same name is another key.
    let planner = served.keys["planner"].clone();
    let headers = [("idempotency-key", "k-1")];
    assert_eq!(
        served.ask("POST", "/api/v1/orders", Some(&planner), Some(&order("W3", "ZTO")), &headers).0,
        201
    );
    served.end();
}

#[test]
fn a_stale_version_is_refused() {
    let served = serve();
    served.orders("ZTO", &["W1"]);
    let key = served.keys["dispatcher"].clone();
    let (_, _, headers) = served.ask("GET", "/api/v1/orders/W1", Some(&key), None, &[]);
    let tag = headers["etag"].clone();
    let change = json!({ "agreed": "door" });
    let patch = |tag: &str| {
        served.ask("PATCH", "/api/v1/orders/W1", Some(&key), Some(&change), &[("if-match", tag)]).0
    };
    assert_eq!(patch(&tag), 200);
    assert_eq!(patch(&tag), 412);
    assert_eq!(patch("\"x\""), 400);
    served.end();
}

#[test]
fn of_32_racers_on_one_vehicle_one_wins() {
    let served = serve();
    served.orders("ZTO", &["W1"]);
    served.day(DayCommand::Publish { plan: "p".into(), trips: vec![trip(&["W1"])] });
    let version = read(&served.daemon().app().world).day.vehicles["T1"].version;
    for n in 0..32 {
        served.day(DayCommand::Raise {
            exception: format!("E{n}"),
            kind: ExceptionKind::ALL[n % 8],
            subject: format!("vehicle/T1/{n}"),
            in_charge: None,
            evidence: String::new(),
            price_fen: 1,
        });
        let mut changed = trip(&["W1"]);
        changed.visits[1].depart_ms += 60_000 * (n as i64 + 1);
        served.day(DayCommand::Offer(Offer {
            offer: format!("O{n}"),
            exception: format!("E{n}"),
            trips: vec![changed],
            touched: vec![Touched { vehicle: "T1".into(), version }],
            price_fen: 1,
            lateness_s: 0,
            moved_stops: 1,
            dropped: Vec::new(),
            patch: String::new(),
        }));
    }
    let barrier = Arc::new(Barrier::new(32));
    let racers: Vec<_> = (0..32)
        .map(|n| {
            let (barrier, url, key) =
                (Arc::clone(&barrier), served.url.clone(), served.keys["dispatcher"].clone());
            std::thread::spawn(move || {
                barrier.wait();
                let body = json!({ "verdict": "accept", "offer": format!("O{n}") });
                let (status, body, _) = request(
                    &url,
                    "POST",
                    &format!("/api/v1/exceptions/E{n}/repairs"),
                    Some(&key),
                    Some(&body),
                    &[],
                );
                (status, body["code"].as_str().map(str::to_owned))
            })
        })
        .collect();
    let outcomes: Vec<_> = racers.into_iter().map(|r| r.join().unwrap()).collect();
    let won = outcomes.iter().filter(|(s, _)| *s == 200).count();
    let stale = outcomes.iter().filter(|(s, c)| *s == 409 && c.as_deref() == Some("D207")).count();
    assert_eq!((won, stale), (1, 31), "{outcomes:?}");
    served.end();
}

#[test]
fn bad_input_is_named_with_its_place_and_changes_nothing() {
    let served = serve();
    let before = seq(&served);
    let key = served.keys["dispatcher"].clone();
    let mut bad = order("W2", "NOBODY");
    bad["pieces"] = json!(0);
    let body = json!({ "orders": [order("W1", "ZTO"), bad, order("W1", "ZTO")] });
    let (status, answer) = served.call("POST", "/api/v1/orders/bulk", Some(&key), Some(&body));
    assert_eq!(status, 422);
    let pointers: Vec<&str> =
        answer["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/orders/1/carrier", "/orders/1/pieces", "/orders/2/id"]);
    assert!(answer["errors"].as_array().unwrap().iter().all(|e| !e["cure"].as_str().unwrap().is_empty()));
    let (status, answer, headers) =
        served.ask("POST", "/api/v1/orders", Some(&key), Some(&json!({ "id": 5 })), &[]);
    assert_eq!((status, answer["errors"][0]["pointer"].as_str()), (422, Some("/id")));
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(served.call("GET", "/api/v1/orders?limit=0", Some(&key), None).0, 400);
    assert_eq!(served.call("GET", "/api/v1/nothing", Some(&key), None).0, 404);
    assert_eq!(served.call("PUT", "/api/v1/orders", Some(&key), Some(&json!({}))).0, 405);
    let (status, answer) = served.call("POST", "/api/v1/orders", Some(&key), Some(&order("a/b", "ZTO")));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(seq(&served), before, "a refusal wrote something");
    served.end();
}

#[test]
fn a_parcel_goes_all_the_way_by_scans_and_positions() {
    let served = serve();
    served.orders("ZTO", &["W1", "W2"]);
    served.day(DayCommand::Publish { plan: "p".into(), trips: vec![trip(&["W1", "W2"])] });
    let scan = |role: &str, stop: &str, body: Value| {
        let (status, answer) = served.by(role, "POST", &format!("/api/v1/stops/{stop}/scans"), Some(&body));
        assert_eq!(status, 200, "{answer}");
        answer
    };
    scan("dispatcher", "HUB", json!({ "kind": "in", "items": [{ "item": "W1" }, { "item": "W2" }] }));
    let loaded = scan("driver", "T1.1-1", json!({ "kind": "load" }));
    assert_eq!(loaded["moved"], 2);
    scan("driver", "T1.1-1", json!({ "kind": "arrive" }));
    scan("driver", "T1.1-1", json!({ "kind": "depart" }));
    // The vehicle stands at the village for three minutes: that is an arrival, by positions alone.
    let (_, sites) = served.by("driver", "GET", "/api/v1/sites", None);
    let site = sites["items"].as_array().unwrap().iter().find(|s| s["id"] == VILLAGE).unwrap().clone();
    let start = crate::harness::START_MS + 3_600_000;
    for n in 0..8 {
        let at = start + n * 30_000;
        let (status, answer) =
            served.by("dispatcher", "POST", "/api/v1/clock", Some(&json!({ "to_ms": at })));
        assert_eq!(status, 200, "{answer}");
        let body = json!({ "positions": [{ "vehicle": "T1", "at": jiff::Timestamp::from_millisecond(at).unwrap(),
            "lon": site["lon"], "lat": site["lat"], "speed_kmh": 0.0 }] });
        assert_eq!(served.by("driver", "POST", "/api/v1/positions", Some(&body)).0, 200);
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    let phase = || {
        let (_, stops) = served.by("dispatcher", "GET", "/api/v1/stops?vehicle=T1", None);
        stops["items"].as_array().unwrap().iter().find(|s| s["visit"] == "T1.1-2").unwrap()["phase"].clone()
    };
    let arrived = (0..50).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        phase() == "arrived"
    });
    assert!(arrived, "phase {}", phase());
    let short = scan("keeper", "T1.1-2", json!({ "kind": "unload", "items": [{ "item": "W1" }] }));
    assert_eq!(short["missing"], json!(["W2"]));
    let (_, queue) = served.by("dispatcher", "GET", "/api/v1/exceptions", None);
    assert!(
        queue["items"].as_array().unwrap().iter().any(|e| e["kind"] == "hand_over_difference"),
        "{queue}"
    );
    let proof = json!({ "order": "W1", "proof": "scan", "lon": site["lon"], "lat": site["lat"] });
    assert_eq!(served.by("keeper", "POST", &format!("/api/v1/stops/{VILLAGE}/proof"), Some(&proof)).0, 200);
    let (_, track) = served.by("dispatcher", "GET", "/api/v1/track/W1", None);
    assert_eq!(track["status"], "delivered");
    // The public link shows where it was, and neither whole waybill nor person.
    let (status, link) = served.by("dispatcher", "POST", "/api/v1/track/W1", None);
    assert_eq!(status, 201);
    let (status, page) = served.call("GET", link["path"].as_str().unwrap(), None, None);
    let page = page.as_str().unwrap();
    assert!(
        status == 200 && page.contains("签收") && !page.contains("收件人") && !page.contains("13800138000")
    );
    let (_, kpi) = served.by("dispatcher", "GET", "/api/v1/kpi", None);
    assert_eq!(kpi["custody"]["delivered"], 1);
    served.end();
}

#[test]
fn what_was_answered_is_there_after_the_end_under_load() {
    let served = serve();
    let (url, key) = (served.url.clone(), served.keys["dispatcher"].clone());
    let writers: Vec<_> = (0..4)
        .map(|w| {
            let (url, key) = (url.clone(), key.clone());
            std::thread::spawn(move || {
                let mut placed = Vec::new();
                for n in 0..10_000 {
                    let id = format!("W{w}-{n}");
                    let body = order(&id, "ZTO");
                    let request = ureq::http::Request::post(format!("{url}/api/v1/orders"))
                        .header("authorization", format!("Bearer {key}"))
                        .header("content-type", "application/json")
                        .body(body.to_string())
                        .unwrap();
                    match crate::harness::agent().run(request) {
                        Ok(answer) if answer.status() == 201 => placed.push(id),
                        Ok(answer) => {
                            assert_eq!(answer.status(), 503, "neither taken nor put off");
                            break;
                        }
                        Err(_) => break,
                    }
                }
                placed
            })
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(700));
    let began = std::time::Instant::now();
    let dir = served.end();
    assert!(began.elapsed().as_secs() < 15);
    let placed: Vec<String> = writers.into_iter().flat_map(|w| w.join().unwrap()).collect();
    assert!(!placed.is_empty());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = crate::harness::config_in(dir.path());
    config.data = dir.path().join("data");
    let daemon = runtime.block_on(xiangyun_server::daemon::Daemon::start(config)).unwrap();
    let world = read(&daemon.app().world);
    let lost: Vec<_> = placed.iter().filter(|id| !world.day.orders.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    drop(world);
    runtime.block_on(daemon.end()).unwrap();
}

#[test]
fn the_same_on_postgresql() {
    let Ok(server) = std::env::var("XIANGYUN_PG_URL") else {
        eprintln!("the daemon on PostgreSQL was not run, XIANGYUN_PG_URL is not set");
        return;
    };
    sqlx::any::install_default_drivers();
    let database = format!("xy_server_{}", std::process::id());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sqlx::Connection;
        let mut conn = sqlx::AnyConnection::connect(&server).await.unwrap();
        for sql in [format!("DROP DATABASE IF EXISTS {database}"), format!("CREATE DATABASE {database}")] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
        }
    });
    let url = format!("{}/{database}", server.rsplit_once('/').unwrap().0);
    let served = serve_with(|config| config.store = Some(url.clone()));
    served.orders("ZTO", &["W1"]);
    served.day(DayCommand::Publish { plan: "p".into(), trips: vec![trip(&["W1"])] });
    let body = json!({ "kind": "in", "items": [{ "item": "W1" }] });
    assert_eq!(served.by("dispatcher", "POST", "/api/v1/stops/HUB/scans", Some(&body)).0, 200);
    for path in
        ["/orders", "/plans", "/stops", "/handovers", "/claims", "/cash", "/messages", "/notices", "/audit"]
    {
        let role = if path == "/audit" || path == "/notices" { "auditor" } else { "dispatcher" };
        let (status, answer) = served.by(role, "GET", &format!("/api/v1{path}"), None);
        assert_eq!(status, 200, "{path}: {answer}");
    }
    assert_eq!(served.by("carrier", "POST", "/api/v1/orders", Some(&order("P1", "POST"))).0, 201);
    let person =
        || served.by("carrier", "GET", "/api/v1/orders/P1", None).1["detail"]["person"]["name"].clone();
    assert_eq!(person(), "收件人P1");
    for n in 0..5 {
        // Every connection is cut: the writer, the readers and the vault of personal data each open another.
        runtime.block_on(async {
            use sqlx::Connection;
            let mut conn = sqlx::AnyConnection::connect(&url).await.unwrap();
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE pid <> pg_backend_pid() AND datname = current_database()";
            sqlx::query(sql).execute(&mut conn).await.unwrap();
        });
        let id = format!("A{n}");
        let (status, answer) = served.by("dispatcher", "POST", "/api/v1/orders", Some(&order(&id, "ZTO")));
        assert_eq!(status, 201, "{answer}");
        assert_eq!(person(), "收件人P1");
        let found = served.by("dispatcher", "GET", "/api/v1/handovers", None);
        assert_eq!(found.0, 200, "{}", found.1);
    }
    served.end();
}

#[test]
fn a_carriers_file_of_its_own_layout_is_looked_at_and_then_placed() {
    let served = serve();
    let village = {
        let app = served.daemon().app();
        let site = app.site(VILLAGE).unwrap();
        site.id.to_string()
    };
    let text = format!(
        "运单编号,收件人,收件电话,目的站点,重量(kg),体积(cm3),件数\nZT77770001,张三,13912345678,{village},1.2,5000,1\n\
         ZT77770002,李四,13912345679,{village},0.8,3000,1\nZT77770003,王五,13912345670,{village},重,3000,1\n"
    );
    let (status, seen) = served.import(&text, "dry_run=true");
    assert_eq!(status, 200, "{seen}");
    assert_eq!((&seen["orders"], &seen["placed"]), (&json!(2), &json!(false)), "{seen}");
    assert!(
        seen["problems"]
            .as_array()
            .unwrap()
            .iter()
            .any(|p| p["pointer"].as_str().unwrap().starts_with("/4/"))
    );
    assert!(read(&served.daemon().app().world).day.orders.is_empty(), "a dry run places nothing");
    let (status, refused) = served.import(&text, "");
    assert_eq!(status, 422, "all or none: {refused}");
    assert!(read(&served.daemon().app().world).day.orders.is_empty());
    let (status, placed) = served.import(&text, "partial=true");
    assert_eq!((status, &placed["placed"], &placed["orders"]), (201, &json!(true), &json!(2)), "{placed}");
    assert_eq!(read(&served.daemon().app().world).day.orders.len(), 2);
    let (status, again) = served.import(&text, "partial=true");
    assert_eq!((status, &again["duplicates"]), (200, &json!(2)), "the same file again is no news: {again}");
    served.end();
}
