//! A daemon of its own for the measurement: configured, started, watched from outside, ended.

use crate::Plan;
use crate::client::Client;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests worked on at once, as the daemon's own default has it: 64 for each processor.
pub(crate) fn requests_max() -> usize {
    64 * std::thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) struct Daemon {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) gateway: SocketAddr,
    /// Key of a dispatcher.
    pub(crate) key: String,
    _dir: tempfile::TempDir,
}

fn value(body: &str, key: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Daemon {
    pub(crate) async fn start(plan: &Plan) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let county = std::path::absolute(&plan.county).map_err(|e| e.to_string())?;
        let config = dir.path().join("daemon.toml");
        let text = format!(
            "county = {:?}\ndata = \"var\"\n[listen]\nhttp = \"127.0.0.1:0\"\n\
             [limits]\nconnections_max = 6000\nrate_a_second = 1000000.0\nrate_burst = 1000000.0\nrequests_max = {}\n\
             [gateway]\ntcp = \"127.0.0.1:0\"\nudp = \"127.0.0.1:0\"\nconnections_max = 20000\nconnections_an_address_max = 20000\n\
             require_authentication = false\naccept_unknown = true\n",
            county.display().to_string(),
            requests_max()
        );
        std::fs::write(&config, text).map_err(|e| e.to_string())?;
        let mut child = Command::new(&plan.xiangyun)
            .args(["--lang", "en", "serve", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{}: {e}", plan.xiangyun.display()))?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(out).lines();
        let (mut http, mut gateway, mut token) = (None, None, None);
        while token.is_none() {
            let line = lines.next().ok_or("the daemon did not start")?.map_err(|e| e.to_string())?;
            if let Some(url) = line.strip_prefix("serving http://") {
                http = url.parse().ok();
            }
            if line.contains("tcp") && gateway.is_none() {
                gateway = line.rsplit(' ').next().and_then(|a| a.parse().ok());
            }
            if let Some(at) = line.find("first-") {
                token = Some(line[at..].trim().to_owned());
            }
        }
        // The rest of its output is of no interest, but the pipe must not fill.
        std::thread::spawn(move || lines.for_each(drop));
        let (http, gateway) = (http.ok_or("no HTTP address")?, gateway.ok_or("no JT/T 808 address")?);
        let key = sign_in(http, &token.unwrap_or_default()).await?;
        Ok(Self { child, http, gateway, key, _dir: dir })
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.http, &self.key)
    }

    /// Resident memory in KiB.
    pub(crate) fn rss_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// Resident memory once a second.
    pub(crate) async fn watch_memory(&self, seconds: f64) -> Vec<u64> {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let mut seen = Vec::new();
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
            seen.push(self.rss_kib());
        }
        seen
    }

    /// A counter of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let Ok((_, text, _)) = self.client().ask("GET", "/metrics", "").await else { return 0 };
        let line = text.lines().find(|l| l.starts_with(name));
        line.and_then(|l| l.rsplit(' ').next()).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) as u64
    }

    /// Positions that the tracker has seen, once it has seen so many or ten seconds have passed.
    pub(crate) async fn tracked(&self, many: u64) -> u64 {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let seen = self.metric("xiangyun_positions_total").await;
            if seen >= many || Instant::now() > until {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How long until ten reads in a row are answered within 80 ms.
    pub(crate) async fn calm(&self, longest: Duration) -> Duration {
        let began = Instant::now();
        let mut client = self.client();
        let (mut good, mut first) = (0, began);
        while good < 10 && began.elapsed() < longest {
            let asked = Instant::now();
            match client.ask("GET", "/api/v1/exceptions", "").await {
                Ok((200, _, took)) if took <= Duration::from_millis(80) => {
                    if good == 0 {
                        first = asked;
                    }
                    good += 1;
                }
                _ => good = 0,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if good < 10 { longest } else { first - began }
    }

    pub(crate) fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn sign_in(http: SocketAddr, token: &str) -> Result<String, String> {
    let mut first = Client::new(http, token);
    let user = json!({ "user": "admin", "name": "admin", "standing": { "role": "admin" }, "password": "a long word for a bench" });
    let (status, body, _) = first.ask("POST", "/api/v1/users", &user.to_string()).await?;
    if status >= 300 {
        return Err(format!("/api/v1/users: {status} {body}"));
    }
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let login = json!({ "user": "admin", "password": "a long word for a bench" }).to_string();
    let send = |path: &str, cookie: &str, body: String| {
        let mut request =
            agent.post(format!("http://{http}{path}")).header("content-type", "application/json");
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        request.send(body.as_bytes()).map_err(|e| format!("{path}: {e}"))
    };
    let answer = send("/api/v1/login", "", login)?;
    let cookie = answer.headers().get("set-cookie").and_then(|c| c.to_str().ok()).unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let key = json!({ "label": "bench", "standing": { "role": "dispatcher" }, "days": 2 }).to_string();
    let mut answer = send("/api/v1/keys", &cookie, key)?;
    let body = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
    let secret = value(&body, "secret");
    if secret.is_empty() { Err(format!("/api/v1/keys: {body}")) } else { Ok(secret) }
}
