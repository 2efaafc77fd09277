//! A daemon of its own for each test: real sockets, real store, the county's real tables without its roads.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_dispatch::event::{PlannedTrip, PlannedVisit};
use xiangyun_server::config::Config;
use xiangyun_server::daemon::Daemon;
use xiangyun_server::machine::Command;
use xiangyun_server::office::Role;

/// The business clock of tests stands here: 05:00 on the default day.
pub(crate) const START: &str = "2026-11-24T05:00:00+08:00";
/// The same in milliseconds.
pub(crate) const START_MS: i64 = 1_795_467_600_000;

pub(crate) const CARRIERS: [&str; 2] = ["POST", "ZTO"];
pub(crate) const VILLAGE: &str = "V410421107004";
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Served {
    pub(crate) runtime: Runtime,
    pub(crate) daemon: Option<Daemon>,
    pub(crate) url: String,
    pub(crate) keys: HashMap<&'static str, String>,
    pub(crate) dir: TempDir,
}

/// A copy of the county's tables, without the road file: its absence is a warning, and nothing of these tests needs it.
pub(crate) fn county_in(dir: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/baofeng");
    let to = dir.join("county");
    std::fs::create_dir_all(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_file() && !name.to_string_lossy().contains("roads") {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
    to
}

pub(crate) fn config_in(dir: &Path) -> Config {
    let text = format!(
        "county = \"{}\"\ndata = \"{}\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[clock]\nsource = \"stepped\"\nstart = \"{START}\"\n\
         [gateway]\ntcp = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\n[limits]\nrate_a_second = 1000000.0\nrate_burst = 1000000.0\n\
         logins_a_minute = 1000.0\n",
        county_in(dir).display(),
        dir.join("data").display()
    );
    Config::parse(&text).unwrap()
}

/// Starts a daemon with a key for every role.
pub(crate) fn serve() -> Served {
    serve_with(|_| {})
}

pub(crate) fn serve_with(change: impl FnOnce(&mut Config)) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config_in(dir.path());
    change(&mut config);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let daemon = runtime.block_on(Daemon::start(config)).unwrap();
    let url = daemon.url();
    let first = daemon.first_run().unwrap().to_owned();
    let mut served = Served { runtime, daemon: Some(daemon), url, keys: HashMap::new(), dir };
    let admin =
        json!({ "user": "root", "name": "管理员", "standing": { "role": "admin" }, "password": PASSWORD });
    let (status, body) = served.call("POST", "/api/v1/users", Some(&first), Some(&admin));
    assert_eq!(status, 200, "{body}");
    let cookie = served.sign_in("root", PASSWORD);
    for role in Role::ALL {
        let standing = standing(role.word(), CARRIERS[0]);
        let key = served.key_by(&cookie, &standing, false);
        served.keys.insert(role.word(), key);
    }
    served
}

/// Whom a test's caller stands for.
pub(crate) fn standing(role: &str, carrier: &str) -> Value {
    match role {
        "carrier" => json!({ "role": role, "carrier": carrier }),
        "station" => json!({ "role": role, "site": "S410421001" }),
        "keeper" | "producer" => json!({ "role": role, "site": VILLAGE }),
        "driver" => json!({ "role": role, "vehicle": "T1" }),
        _ => json!({ "role": role }),
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(std::time::Duration::from_secs(60)))
        .build()
        .into()
}

impl Served {
    /// Sends a carrier's file as the dispatcher would.
    pub(crate) fn import(&self, text: &str, query: &str) -> (u16, Value) {
        let mut answer = agent()
            .post(format!("{}/api/v1/imports?date=2026-11-24&carrier=ZTO&{query}", self.url))
            .header("authorization", format!("Bearer {}", self.keys["dispatcher"]))
            .header("content-type", "text/csv")
            .send(text.as_bytes())
            .unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap())
    }

    pub(crate) fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// One request with a key; gives status and body.
    pub(crate) fn call(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let (status, body, _) = self.ask(method, path, key, body, &[]);
        (status, body)
    }

    /// One request with headers; gives status, body and the answer's headers.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> (u16, Value, HashMap<String, String>) {
        request(&self.url, method, path, key, body, headers)
    }

    /// A request of a role.
    pub(crate) fn by(&self, role: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.call(method, path, Some(&self.keys[role]), body)
    }

    pub(crate) fn sign_in(&self, user: &str, password: &str) -> String {
        let body = json!({ "user": user, "password": password });
        let (status, body, headers) = self.ask("POST", "/api/v1/login", None, Some(&body), &[]);
        assert_eq!(status, 200, "{body}");
        headers["set-cookie"].split(';').next().unwrap().to_owned()
    }

    pub(crate) fn key_by(&self, cookie: &str, standing: &Value, read_only: bool) -> String {
        let body = json!({ "label": "test", "standing": standing, "days": 1, "read_only": read_only });
        let (status, body, _) = self.ask("POST", "/api/v1/keys", None, Some(&body), &[("cookie", cookie)]);
        assert_eq!(status, 201, "{body}");
        body["secret"].as_str().unwrap().to_owned()
    }

    /// A key for another standing.
    pub(crate) fn key(&self, standing: &Value) -> String {
        self.key_by(&self.sign_in("root", PASSWORD), standing, false)
    }

    /// The daemon's own doing.
    pub(crate) fn day(&self, command: DayCommand) {
        let app = self.daemon().app().clone();
        self.runtime.block_on(async move { app.send(Command::day(vec![command])).await }).unwrap();
    }

    /// Places orders and gives their ids.
    pub(crate) fn orders(&self, carrier: &str, ids: &[&str]) {
        for id in ids {
            let (status, body) = self.by("dispatcher", "POST", "/api/v1/orders", Some(&order(id, carrier)));
            assert_eq!(status, 201, "{body}");
        }
    }

    /// Ends the daemon in order and gives its folder.
    pub(crate) fn end(mut self) -> TempDir {
        let daemon = self.daemon.take().unwrap();
        self.runtime.block_on(daemon.end()).unwrap();
        self.dir
    }
}

pub(crate) fn request(
    url: &str,
    method: &str,
    path: &str,
    key: Option<&str>,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> (u16, Value, HashMap<String, String>) {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bytes = body.map(Value::to_string).unwrap_or_default();
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let mut answer = agent().run(request.body(bytes).unwrap()).unwrap();
    let status = answer.status().as_u16();
    let found = answer
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str().to_owned(), v.to_str().unwrap_or("").to_owned()))
        .collect();
    let text = answer.body_mut().read_to_string().unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)), found)
}

/// A parcel down to the village.
pub(crate) fn order(id: &str, carrier: &str) -> Value {
    json!({
        "id": id, "direction": "down", "carrier": carrier, "origin": "HUB", "destination": VILLAGE, "mass_g": 900,
        "volume_cm3": 4000, "promise": "2026-11-24T20:00:00+08:00", "agreed": "point",
        "person": { "name": format!("收件人{id}"), "phone": "13800138000", "address": "某村 1 号" }
    })
}

/// A trip of T1 from the hub to the village and back, with these orders.
pub(crate) fn trip(orders: &[&str]) -> PlannedTrip {
    let visit = |n: i64, site: &str| PlannedVisit {
        visit: format!("T1.1-{n}"),
        site: site.into(),
        arrive_ms: START_MS + n * 3_600_000,
        start_ms: START_MS + n * 3_600_000,
        depart_ms: START_MS + n * 3_600_000 + 600_000,
        latest_ms: START_MS + n * 3_600_000 + 1_800_000,
        unload: Vec::new(),
        load: Vec::new(),
    };
    let list: Vec<String> = orders.iter().map(|o| (*o).to_owned()).collect();
    let (mut first, mut second, last) = (visit(1, "HUB"), visit(2, VILLAGE), visit(3, "HUB"));
    first.load.clone_from(&list);
    second.unload = list;
    PlannedTrip {
        trip: "T1.1".into(),
        vehicle: "T1".into(),
        driver: Some("D-T1".into()),
        visits: vec![first, second, last],
    }
}
