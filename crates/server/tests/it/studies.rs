//! Studies through the API: their reports are what the engine says, and what cannot be studied is refused with its place.

use crate::harness::{Served, serve_with};
use crate::night::{finished, small_county};
use serde_json::{Value, json};
use xiangyun_planning::robustness::{Noise, replay};

fn ask(served: &Served, body: &Value) -> String {
    let (status, view) = served.by("planner", "POST", "/api/v1/reports", Some(body));
    assert_eq!(status, 202, "{view}");
    assert_eq!(view["kind"], body["kind"], "{view}");
    view["id"].as_str().unwrap().to_owned()
}

fn report(served: &Served, run: &str) -> Value {
    let (status, body) = served.by("planner", "GET", &format!("/api/v1/runs/{run}/report"), None);
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn every_study_waits_in_the_queue_and_leaves_its_report() {
    let served = serve_with(|config| {
        let root = config.data.parent().unwrap().to_path_buf();
        config.county = small_county(&root);
    });
    let wish = json!({ "date": "2026-11-24", "steps": 2000 });
    let (status, view) = served.by("planner", "POST", "/api/v1/runs", Some(&wish));
    assert_eq!((status, &view["kind"]), (202, &json!("plan")), "{view}");
    let done = finished(&served, 1);
    let plan = done[0]["plan"].as_str().unwrap_or_else(|| panic!("{done:?}")).to_owned();

    let robust = ask(&served, &json!({ "kind": "robustness", "plan": plan, "replays": 20, "seed": 3 }));
    let what_if = ask(&served, &json!({ "kind": "what_if", "plan": plan, "steps": 60 }));
    let forecast = ask(&served, &json!({ "kind": "forecast", "date": "2026-11-25", "history": 14 }));
    let rounds =
        ask(&served, &json!({ "kind": "rounds", "from": "2026-11-17", "to": "2026-11-23", "steps": 300 }));
    let done = finished(&served, 5);
    assert!(done.iter().all(|r| r["state"] == "done"), "{done:?}");

    let loaded = served.daemon().app().plans.get(&plan).unwrap();
    let own = replay(&loaded.plan, &loaded.inputs, 20, &Noise::default(), 3);
    assert_eq!(report(&served, &robust), serde_json::to_value(own).unwrap());
    let rows = report(&served, &what_if);
    assert_eq!(rows[0]["id"], "as-is", "{rows}");
    assert!(rows.as_array().unwrap().iter().any(|r| r["id"] == "parcels-30"), "{rows}");
    let tomorrow = report(&served, &forecast);
    assert_eq!((&tomorrow["history_days"], &tomorrow["history_generated"]), (&json!(14), &json!(true)));
    assert!(tomorrow["rows"].as_array().unwrap().iter().all(|r| r["p50"].as_u64() <= r["p90"].as_u64()));
    let master = report(&served, &rounds);
    assert!(!master["rounds"]["rounds"].as_array().unwrap().is_empty(), "{master}");
    assert_eq!(master["violations"], 0);
    assert!(master["timetable_html"].as_str().unwrap().contains("<html"));
    served.end();
}

#[test]
fn what_cannot_be_studied_is_refused_with_its_place() {
    let served = crate::harness::serve();
    for (body, pointer) in [
        (json!({ "kind": "robustness", "plan": "no-such-plan" }), "/plan"),
        (json!({ "kind": "what_if", "plan": "../../etc" }), "/plan"),
        (json!({ "kind": "forecast", "date": "tomorrow" }), "/date"),
        (json!({ "kind": "forecast", "date": "2026-11-25", "history": 3 }), "/history"),
        (json!({ "kind": "rounds", "from": "2026-11-23", "to": "2026-11-17" }), "/to"),
        (json!({ "kind": "rounds", "from": "2026-11-17", "to": "2026-11-23", "steps": 0 }), "/steps"),
    ] {
        let (status, problem) = served.by("planner", "POST", "/api/v1/reports", Some(&body));
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    let (status, _) = served.by(
        "driver",
        "POST",
        "/api/v1/reports",
        Some(&json!({ "kind": "forecast", "date": "2026-11-25" })),
    );
    assert_eq!(status, 403);
    let (status, _) = served.by("planner", "GET", "/api/v1/runs/none/report", None);
    assert_eq!(status, 404);
    assert_eq!(served.by("planner", "GET", "/api/v1/runs", None).1["items"], json!([]), "nothing waits");
    served.end();
}

#[test]
fn what_a_sorter_settles_is_known_the_next_time() {
    let served = serve_with(|config| {
        let root = config.data.parent().unwrap().to_path_buf();
        config.county = small_county(&root);
    });
    let site = {
        let app = served.daemon().app();
        app.county.sites.iter().find(|s| s.id.as_str().starts_with('V')).unwrap().id.to_string()
    };
    let head = "运单编号,收件人,收件地址,重量(kg),体积(cm3),件数";
    let vague = format!("{head}\nZT77770001,张三,老供销社北边红房子,1.2,5000,1\n");
    let (_, seen) = served.import(&vague, "dry_run=true");
    assert_eq!((&seen["orders"], seen["to_sort"][0]["row"].as_u64()), (&json!(0), Some(2)), "{seen}");
    let settled = format!("{head},目的站点\nZT77770001,张三,老供销社北边红房子,1.2,5000,1,{site}\n");
    let (status, placed) = served.import(&settled, "learn=true");
    assert_eq!((status, &placed["placed"]), (201, &json!(true)), "{placed}");
    let (status, placed) = served.import(&vague.replace("ZT77770001", "ZT77770002"), "");
    assert_eq!((status, &placed["placed"]), (201, &json!(true)), "{placed}");
    let world = xiangyun_server::machine::read(&served.daemon().app().world);
    assert_eq!(world.day.orders["ZT77770002"].destination, site);
    drop(world);
    served.end();
}
