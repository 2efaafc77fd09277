//! The nightly schedule by the business clock: alarms, draft, dawn plan, publishing, and the fallback that is stated.

use crate::harness::{Served, serve_with};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use xiangyun_planning::county::{Files, cut, load};
use xiangyun_planning::{generate, orders};
use xiangyun_roads::synthesize::{CountyFacts, default_seed, synthesize};
use xiangyun_server::config::Night;

/// Local midnight of the default day.
const MIDNIGHT_MS: i64 = 1_795_449_600_000;

/// A part of the county with roads of its own and the orders of its day.
pub(crate) fn small_county(root: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    let whole_files = Files::read_dir(&from).unwrap();
    let whole = load(&whole_files).unwrap();
    let files = cut(&whole_files, &["S410421001", "S410421107", "S410421101"], 36);
    let to = root.join("small");
    std::fs::create_dir_all(to.join("orders")).unwrap();
    for (name, bytes) in files.iter() {
        std::fs::write(to.join(name), bytes).unwrap();
    }
    let county = load(&files).unwrap();
    let facts = CountyFacts::read(&to).unwrap();
    let mut bytes = Vec::new();
    synthesize(&facts, default_seed(&facts)).write_pbf(&mut bytes).unwrap();
    std::fs::write(to.join(&county.roads_file), bytes).unwrap();
    let records: Vec<_> = generate::day(&whole, county.default_date, 1, "default")
        .unwrap()
        .into_iter()
        .filter(|r| county.find_site(&r.origin).is_some() && county.find_site(&r.destination).is_some())
        .step_by(3)
        .collect();
    std::fs::write(to.join(format!("orders/{}.csv", county.default_date)), orders::write(&records)).unwrap();
    to
}

fn step(served: &Served, to_ms: i64) {
    let (status, body) = served.by("dispatcher", "POST", "/api/v1/clock", Some(&json!({ "to_ms": to_ms })));
    assert_eq!(status, 200, "{body}");
}

fn runs(served: &Served) -> Vec<Value> {
    served.by("planner", "GET", "/api/v1/runs", None).1["items"].as_array().unwrap().clone()
}

pub(crate) fn finished(served: &Served, count: usize) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let all = runs(served);
        let over = |r: &Value| !matches!(r["state"].as_str(), Some("waiting" | "running"));
        if all.len() >= count && all.iter().all(over) {
            return all;
        }
        assert!(began.elapsed() < Duration::from_secs(240), "{all:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn alarms(served: &Served) -> HashSet<String> {
    let (status, page) = served.by("dispatcher", "GET", "/api/v1/alarms", None);
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().iter().map(|a| a["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_night_drafts_mends_publishes_and_falls_back() {
    let served = serve_with(|config| {
        let root = config.data.parent().unwrap().to_path_buf();
        config.county = small_county(&root);
        config.planner.seconds = 1.0;
        config.night = Some(Night { orders_min: 1_000_000, ..Night::default() });
        config.clock.start = Some("2026-11-24T00:40:00+08:00".into());
    });
    let minutes = |m: i64| MIDNIGHT_MS + m * 60_000;
    step(&served, minutes(51));
    assert!(alarms(&served).is_empty(), "the day's file is there");
    step(&served, minutes(61));
    let all = finished(&served, 1);
    assert_eq!(all[0]["state"], "done", "{all:?}");
    // What comes after the draft is in the dawn plan.
    let site = {
        let app = served.daemon().app();
        let village = app.county.sites.iter().find(|s| s.id.as_str().starts_with('V')).unwrap();
        village.id.to_string()
    };
    let late = json!({
        "id": "LATE-1", "direction": "down", "carrier": "ZTO", "origin": "HUB", "destination": site,
        "mass_g": 900, "volume_cm3": 4000, "promise": "2026-11-24T22:00:00+08:00"
    });
    let (status, body) = served.by("dispatcher", "POST", "/api/v1/orders", Some(&late));
    assert_eq!(status, 201, "{body}");
    step(&served, minutes(5 * 60 + 31));
    let all = finished(&served, 2);
    assert!(all.iter().all(|r| r["state"] == "done"), "{all:?}");
    step(&served, minutes(5 * 60 + 51));
    let (_, page) = served.by("planner", "GET", "/api/v1/plans", None);
    let published: Vec<&Value> =
        page["items"].as_array().unwrap().iter().filter(|p| p["published"].is_string()).collect();
    assert_eq!(published.len(), 1, "{page}");
    assert_eq!(
        (published[0]["origin"].as_str(), published[0]["summary"].as_str()),
        (Some("night"), Some("dawn"))
    );
    {
        let app = served.daemon().app();
        assert!(app.day_plan().unwrap().knows("LATE-1"));
        let world = xiangyun_server::machine::read(&app.world);
        assert!(world.day.trips.keys().all(|t| t.starts_with("2026-11-24.")));
        assert!(world.day.orders.len() > 50, "the plan's orders are placed");
    }
    assert!(alarms(&served).is_empty());
    // The next night nothing is known and no run gives a plan: late input, then the last good plan's trips.
    let next = |m: i64| minutes(24 * 60 + m);
    step(&served, next(55));
    assert!(alarms(&served).contains("late_input"), "{:?}", alarms(&served));
    step(&served, next(61));
    let all = finished(&served, 3);
    assert!(all.iter().any(|r| r["state"] == "failed"), "{all:?}");
    step(&served, next(5 * 60 + 31));
    finished(&served, 4);
    step(&served, next(5 * 60 + 51));
    assert!(alarms(&served).contains("fallback"), "{:?}", alarms(&served));
    let app = served.daemon().app();
    let world = xiangyun_server::machine::read(&app.world);
    assert!(world.day.trips.keys().any(|t| t.starts_with("2026-11-25.")), "the fallback's trips are planned");
}
