//! Days over real sockets: terminals speak JT/T 808 to the gateway, carriers, clerks, keepers, drivers and the dispatcher
//! use the API, each with a key of its own, and everything goes wrong that can. Two days in a row and a day repeated in a
//! county of forty villages, one day of the whole county.

use crate::load::serve;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use xiangyun_planning::county::{Files, cut};

const XIANGYUN: &str = env!("CARGO_BIN_EXE_xiangyun");
const STATIONS: [&str; 3] = ["S410421101", "S410421104", "S410421106"];

/// A county of three townships in a directory, on the roads of the whole one.
fn county(dir: &Path) -> PathBuf {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    let files = Files::read_dir(&whole).unwrap();
    let to = dir.join("county");
    std::fs::create_dir_all(&to).unwrap();
    for (name, bytes) in cut(&files, &STATIONS, 40).iter() {
        let text = String::from_utf8_lossy(bytes);
        // What three townships of thirteen send and get in a day.
        let less = [
            ("down = 11500", "down = 1200"),
            ("up = 1420", "up = 150"),
            ("transfers = 220", "transfers = 20"),
        ];
        let text = less.iter().fold(text.into_owned(), |text, (much, little)| text.replacen(much, little, 1));
        std::fs::write(to.join(name), text).unwrap();
    }
    roads(&whole, &to);
    to
}

fn roads(whole: &Path, to: &Path) {
    let made = Command::new(XIANGYUN)
        .args(["roads", "synthesize", "--county"])
        .arg(whole)
        .arg("-o")
        .arg(to.join("roads.osm.pbf"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn day(county: &Path, dir: &Path, more: &[&str]) -> Value {
    let out = Command::new(XIANGYUN)
        .args(["--lang", "en", "demo", "--headless", "--steps", "300", "--seed", "7", "--county"])
        .arg(county)
        .arg("--dir")
        .arg(dir)
        .args(more)
        .output()
        .unwrap();
    let (said, words) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{words}\n{said}");
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"))
}

#[test]
fn two_days_over_sockets_balance() {
    let dir = tempfile::tempdir().unwrap();
    let county = county(dir.path());
    let end = day(&county, &dir.path().join("two"), &["--days", "2"]);
    println!("{end}");
    let number = |pointer: &str| end.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!(end["kpi_equal"], true);
    assert_eq!(end["faults"], json!([]));
    let custody = end["custody"].as_object().unwrap();
    assert!(!custody.contains_key("open"), "{custody:?}");
    let all: u64 = custody.values().filter_map(Value::as_u64).sum();
    assert_eq!(all, number("/kpi/placed"), "every parcel in exactly one state");
    assert!(number("/kpi/delivered") > 1_000, "{end}");
    assert!(number("/kpi/stops_served") > 100 && number("/positions") > 5_000, "{end}");
    assert!(number("/breakdowns") > 0 && number("/kpi/exceptions") > 0, "{end}");
    assert!(number("/kpi/repairs") > 0, "{end}");
}

#[test]
fn the_whole_county_over_sockets_once() {
    let dir = tempfile::tempdir().unwrap();
    let county = crate::daemon::county(dir.path());
    roads(&county, &county);
    let end = day(&county, &dir.path().join("whole"), &[]);
    println!("{end}");
    let number = |pointer: &str| end.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    assert_eq!((&end["kpi_equal"], &end["faults"]), (&json!(true), &json!([])));
    assert!(end["custody"].get("open").is_none(), "{}", end["custody"]);
    let all: u64 = end["custody"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(all, number("/kpi/placed"), "every parcel in exactly one state");
    assert!(number("/kpi/placed") > 14_000 && number("/kpi/delivered") > 5_000, "{end}");
    assert!(number("/kpi/repairs") > 0 && number("/breakdowns") > 0, "what goes wrong is repaired: {end}");
    assert!(number("/kpi/false_alarms") * 5 <= number("/kpi/exceptions"), "{end}");
}

#[test]
fn a_seed_over_sockets_is_the_same_day_again() {
    let dir = tempfile::tempdir().unwrap();
    let county = county(dir.path());
    let (one, again) = (day(&county, &dir.path().join("a"), &[]), day(&county, &dir.path().join("b"), &[]));
    for part in ["kpi", "custody", "positions", "breakdowns", "refused"] {
        assert_eq!(one[part], again[part], "{part}");
    }
    refused_in_real_time(dir.path(), &county, &dir.path().join("a/plan"));
}

/// A daemon whose clock is the machine's is somebody's real county: no simulation touches it.
fn refused_in_real_time(dir: &Path, county: &Path, plan: &Path) {
    let (daemon, url, _, token) = serve(dir, county);
    let user = json!({ "user": "a", "name": "a", "standing": { "role": "admin" }, "password": "a long word of a test" });
    let first = ureq::post(format!("{url}/api/v1/users")).header("content-type", "application/json");
    first.header("authorization", format!("Bearer {token}")).send(user.to_string().as_bytes()).unwrap();
    let login = ureq::post(format!("{url}/api/v1/login")).header("content-type", "application/json");
    let login = login.send(user_only(&user).to_string().as_bytes()).unwrap();
    let cookie =
        login.headers().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
    let key = json!({ "label": "simulate", "standing": { "role": "admin" }, "days": 1 });
    let request = ureq::post(format!("{url}/api/v1/keys")).header("content-type", "application/json");
    let mut answer = request.header("cookie", &cookie).send(key.to_string().as_bytes()).unwrap();
    let key: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    let out = Command::new(XIANGYUN)
        .args(["--lang", "en", "simulate", "--to", &url, "--plan"])
        .arg(plan)
        .env("XIANGYUN_KEY", key["secret"].as_str().unwrap())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{words}");
    assert!(words.contains("clock is system"), "{words}");
    drop(daemon);
}

fn user_only(user: &Value) -> Value {
    json!({ "user": user["user"], "password": user["password"] })
}
