//! A daemon as a process of its own under load: started, written to, looked at afterwards.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) const XIANGYUN: &str = env!("CARGO_BIN_EXE_xiangyun");
const WRITERS: usize = 6;

/// A running daemon; killed when it is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) first: Option<String>,
    /// From its start to its readiness.
    pub(crate) ready: Duration,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a daemon with some environment and waits until it is ready; `admin` says that it must have a first-run token.
pub(crate) fn start(config: &Path, admin: bool, env: &[(&str, &Path)]) -> Daemon {
    let began = Instant::now();
    let mut child = Command::new(XIANGYUN)
        .args(["--lang", "en", "serve", "--config"])
        .arg(config)
        .envs(env.iter().copied())
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
    let ready = began.elapsed();
    // The rest of its output is of no interest, but the pipe must not fill.
    std::thread::spawn(move || lines.for_each(drop));
    Daemon { child, url, first, ready }
}

impl Daemon {
    /// Makes an administrator with the first-run token, and a dispatcher's key.
    pub(crate) fn dispatcher_key(&self) -> String {
        let first = format!("Bearer {}", self.first.clone().unwrap());
        let asks = agent();
        let admin = json!({ "user": "root", "name": "root", "standing": { "role": "admin" }, "password": "correct horse battery" });
        let users = format!("{}/api/v1/users", self.url);
        assert_eq!(post(&asks, &users, &[("authorization", &first)], &admin).unwrap().0, 200);
        let login = json!({ "user": "root", "password": "correct horse battery" });
        let (_, _, cookie) = post(&asks, &format!("{}/api/v1/login", self.url), &[], &login).unwrap();
        let body = json!({ "label": "load", "standing": { "role": "dispatcher" }, "days": 1 });
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let keys = format!("{}/api/v1/keys", self.url);
        let (_, made, _) = post(&asks, &keys, &[("cookie", &cookie)], &body).unwrap();
        serde_json::from_str::<Value>(&made).unwrap()["secret"].as_str().unwrap().to_owned()
    }

    /// Asks it to end, and gives its exit code and how long it took.
    pub(crate) fn terminate(&mut self) -> (Option<i32>, Duration) {
        let began = Instant::now();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), began.elapsed())
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .into()
}

/// Status, body and cookie of an answer; nothing when there was none.
pub(crate) fn post(
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

/// The county without its roads: none of these tests needs them.
pub(crate) fn county(dir: &Path) -> PathBuf {
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

pub(crate) fn order(id: &str) -> Value {
    json!({ "id": id, "direction": "down", "carrier": "ZTO", "origin": "HUB", "destination": "V410421107004",
        "mass_g": 900, "volume_cm3": 4000, "promise": "2026-11-24T20:00:00+08:00" })
}

/// A configuration with its data in a directory.
pub(crate) fn config(dir: &Path, data: &Path) -> PathBuf {
    let path = dir.join("xiangyun.toml");
    let text = format!(
        "county = \"{}\"\ndata = \"{}\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[gateway]\ntcp = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\n\
         [limits]\nrate_a_second = 1e6\nrate_burst = 1e6\n",
        county(dir).display(),
        data.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Clients that place orders one by one, each with a key of its own, and send again what got no answer.
pub(crate) struct Load {
    pub(crate) url: Arc<Mutex<String>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<BTreeSet<String>>>,
    pub(crate) repeats: Arc<AtomicU64>,
    writers: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    pub(crate) fn begin(daemon: &Daemon, key: &str) -> Self {
        let url = Arc::new(Mutex::new(daemon.url.clone()));
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
        let repeats = Arc::new(AtomicU64::new(0));
        let writers = (0..WRITERS)
            .map(|n| {
                let (url, stop, acknowledged, repeats, key) = (
                    Arc::clone(&url),
                    Arc::clone(&stop),
                    Arc::clone(&acknowledged),
                    Arc::clone(&repeats),
                    key.to_owned(),
                );
                std::thread::spawn(move || write(n, &url, &key, &stop, &acknowledged, &repeats))
            })
            .collect();
        Self { url, stop, acknowledged, repeats, writers }
    }

    /// The daemon is another one now.
    pub(crate) fn turn_to(&self, daemon: &Daemon) {
        (*self.url.lock().unwrap()).clone_from(&daemon.url);
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until so many orders are acknowledged, however slow the machine.
    pub(crate) fn wait_for(&self, many: usize) {
        let began = Instant::now();
        while self.acknowledged() < many {
            assert!(
                began.elapsed() < Duration::from_secs(90),
                "{} of {many} acknowledged",
                self.acknowledged()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it and gives what was acknowledged.
    pub(crate) fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.writers.into_iter().for_each(|w| w.join().unwrap());
        std::mem::take(&mut self.acknowledged.lock().unwrap())
    }
}

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

/// After the daemon has ended: the chain holds, everything acknowledged is there, nothing twice.
pub(crate) fn nothing_lost_or_doubled(dir: &Path, config: &Path, acknowledged: &BTreeSet<String>) {
    let verified =
        Command::new(XIANGYUN).args(["verify", "--json", "--config"]).arg(config).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let out = dir.join("all");
    let exported =
        Command::new(XIANGYUN).arg("export").arg(&out).arg("--config").arg(config).status().unwrap();
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
    let lost: Vec<_> = acknowledged.iter().filter(|id| placed.binary_search(id).is_err()).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert_eq!(whole, placed.len(), "applied twice");
}
