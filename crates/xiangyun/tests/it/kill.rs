//! The daemon killed with -9 under write load, again and again: nothing acknowledged is lost, nothing is applied twice, the
//! chain holds, and it is ready again at once. `XIANGYUN_KILLS` asks for more than the usual 20.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const XIANGYUN: &str = env!("CARGO_BIN_EXE_xiangyun");
const WRITERS: usize = 6;

struct Daemon {
    child: Child,
    url: String,
    first: Option<String>,
    ready: Duration,
}

fn start(config: &Path, admin: bool) -> Daemon {
    let began = Instant::now();
    let mut child = Command::new(XIANGYUN)
        .args(["--lang", "en", "serve", "--config"])
        .arg(config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut url, mut first) = (None, None);
    while url.is_none() || (admin && first.is_none()) {
        let line = lines.next().expect("the daemon says where it serves").unwrap();
        if let Some(found) = line.strip_prefix("serving ") {
            url = Some(found.to_owned());
        }
        if let Some(at) = line.find("first-") {
            first = Some(line[at..].trim().to_owned());
        }
    }
    let url = url.unwrap();
    while agent().get(format!("{url}/readyz")).call().map_or(true, |a| a.status() != 200) {
        std::thread::sleep(Duration::from_millis(5));
    }
    // The rest of its output is of no interest, but the pipe must not fill.
    std::thread::spawn(move || lines.for_each(drop));
    Daemon { child, url, first, ready: began.elapsed() }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into()
}

fn post(
    agent: &ureq::Agent,
    url: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Option<(u16, String, String)> {
    let mut request = agent.post(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body.to_string().as_bytes()).ok()?;
    let cookie = answer.headers().get("set-cookie").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let status = answer.status().as_u16();
    Some((status, answer.body_mut().read_to_string().ok()?, cookie))
}

fn county(dir: &Path) -> PathBuf {
    let to = dir.join("county");
    std::fs::create_dir_all(&to).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() && !entry.file_name().to_string_lossy().contains("roads") {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    to
}

fn order(id: &str) -> Value {
    json!({ "id": id, "direction": "down", "carrier": "ZTO", "origin": "HUB", "destination": "V410421107004",
        "mass_g": 900, "volume_cm3": 4000, "promise": "2026-11-24T20:00:00+08:00" })
}

/// Each writer sends orders one by one, each with a key of its own, and sends again what got no answer.
fn write(
    n: usize,
    url: &Arc<Mutex<String>>,
    key: &str,
    stop: &AtomicBool,
    acknowledged: &Mutex<BTreeSet<String>>,
    repeats: &AtomicU64,
) {
    let agent = agent();
    let bearer = format!("Bearer {key}");
    let mut next = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = format!("W{n}-{next}");
        let target = format!("{}/api/v1/orders", url.lock().unwrap());
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", id.as_str())];
        match post(&agent, &target, &headers, &order(&id)) {
            Some((201, _, _)) => {
                acknowledged.lock().unwrap().insert(id);
                next += 1;
            }
            Some((409 | 503 | 507, _, _)) | None => {
                repeats.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(10));
            }
            Some((status, body, _)) => panic!("{id}: {status} {body}"),
        }
    }
}

#[test]
fn twenty_kills_under_write_load_lose_nothing() {
    let kills: u64 = std::env::var("XIANGYUN_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(20);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("xiangyun.toml");
    std::fs::write(
        &config,
        format!(
            "county = \"{}\"\ndata = \"data\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[gateway]\ntcp = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\n\
             [limits]\nrate_a_second = 1e6\nrate_burst = 1e6\n",
            county(dir.path()).display()
        ),
    )
    .unwrap();
    let mut daemon = start(&config, true);
    let first = format!("Bearer {}", daemon.first.clone().unwrap());
    let asks = agent();
    let admin = json!({ "user": "root", "name": "root", "standing": { "role": "admin" }, "password": "correct horse battery" });
    assert_eq!(
        post(&asks, &format!("{}/api/v1/users", daemon.url), &[("authorization", &first)], &admin).unwrap().0,
        200
    );
    let login = json!({ "user": "root", "password": "correct horse battery" });
    let (_, _, cookie) = post(&asks, &format!("{}/api/v1/login", daemon.url), &[], &login).unwrap();
    let body = json!({ "label": "load", "standing": { "role": "dispatcher" }, "days": 1 });
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let (_, made, _) =
        post(&asks, &format!("{}/api/v1/keys", daemon.url), &[("cookie", &cookie)], &body).unwrap();
    let key = serde_json::from_str::<Value>(&made).unwrap()["secret"].as_str().unwrap().to_owned();

    let url = Arc::new(Mutex::new(daemon.url.clone()));
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let repeats = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let (url, stop, acknowledged, repeats, key) = (
                Arc::clone(&url),
                Arc::clone(&stop),
                Arc::clone(&acknowledged),
                Arc::clone(&repeats),
                key.clone(),
            );
            std::thread::spawn(move || write(n, &url, &key, &stop, &acknowledged, &repeats))
        })
        .collect();
    let mut slowest = Duration::ZERO;
    let mut wait = 0x9E37_79B9_7F4A_7C15u64;
    for _ in 0..kills {
        // Instants spread over a batch, a commit and a start: 20 to 275 ms.
        wait = wait.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(20 + (wait >> 56)));
        daemon.child.kill().unwrap();
        daemon.child.wait().unwrap();
        daemon = start(&config, false);
        slowest = slowest.max(daemon.ready);
        *url.lock().unwrap() = daemon.url.clone();
    }
    std::thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|w| w.join().unwrap());
    // In order now, so that everything written is looked at.
    let pid = rustix::process::Pid::from_child(&daemon.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.child.wait().unwrap().success());

    let verified =
        Command::new(XIANGYUN).args(["verify", "--json", "--config"]).arg(&config).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let out = dir.path().join("all");
    let exported =
        Command::new(XIANGYUN).arg("export").arg(&out).arg("--config").arg(&config).status().unwrap();
    assert!(exported.success());
    let mut placed: Vec<String> = BufReader::new(std::fs::File::open(out.join("events.ndjson")).unwrap())
        .lines()
        .map(|l| serde_json::from_str::<Value>(&l.unwrap()).unwrap())
        .filter(|e| e["kind"] == "OrderPlaced")
        .map(|e| e["data"]["order"].as_str().unwrap().to_owned())
        .collect();
    placed.sort();
    let whole = placed.len();
    placed.dedup();
    let acknowledged = acknowledged.lock().unwrap();
    let lost: Vec<_> = acknowledged.iter().filter(|id| placed.binary_search(id).is_err()).collect();
    println!(
        "{kills} kills: {} acknowledged, {} lost, {} twice, {} sent again, ready within {} ms",
        acknowledged.len(),
        lost.len(),
        whole - placed.len(),
        repeats.load(Ordering::Relaxed),
        slowest.as_millis()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(whole, placed.len(), "applied twice");
    assert!(acknowledged.len() as u64 > kills, "hardly any load");
}
