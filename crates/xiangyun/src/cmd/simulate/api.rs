//! Requests to a daemon's API, each signed by whoever makes it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use xiangyun_model::county::County;
use xiangyun_model::site::SiteKind;

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// Times that a request is sent again when the daemon sheds it.
const SHED_TRIES: u32 = 20;

/// Who signs a request.
#[derive(Clone, Debug)]
pub(crate) enum Pass {
    /// An API key or first-run token.
    Bearer(String),
    /// A session cookie.
    Cookie(String),
    /// Nobody.
    None,
}

/// A daemon's API.
pub(crate) struct Api {
    agent: ureq::Agent,
    base: String,
    pub(crate) pass: Pass,
    /// Requests made.
    pub(crate) requests: u64,
    /// Of these, sent again because the daemon was busy.
    pub(crate) shed: u64,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) cookie: Option<String>,
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder();
    config.http_status_as_error(false).timeout_global(Some(ANSWER_WAIT)).build().new_agent()
}

impl Api {
    /// Forgets open connections.
    pub(crate) fn renew(&mut self) {
        self.agent = agent();
    }

    pub(crate) fn new(base: &str, pass: Pass) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_WAIT))
            .build();
        Self {
            agent: config.new_agent(),
            base: base.trim_end_matches('/').to_owned(),
            pass,
            requests: 0,
            shed: 0,
        }
    }

    /// Reads a body as text; what the daemon sheds is asked for again.
    pub(crate) fn text(&mut self, path: &str) -> io::Result<(u16, String)> {
        let mut tries = 0;
        loop {
            self.requests += 1;
            let mut request = self.agent.get(format!("{}{path}", self.base));
            request = match &self.pass {
                Pass::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
                Pass::Cookie(cookie) => request.header("cookie", cookie),
                Pass::None => request,
            };
            let mut response = request.call().map_err(io::Error::other)?;
            let status = response.status().as_u16();
            if matches!(status, 429 | 503) && tries < SHED_TRIES {
                tries += 1;
                self.shed += 1;
                std::thread::sleep(Duration::from_secs(1));
                continue;
            }
            let body = response.body_mut().with_config().limit(4 << 30).read_to_string();
            return Ok((status, body.map_err(io::Error::other)?));
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Value> {
        let (status, text) = self.text(path)?;
        if status >= 400 {
            return Err(io::Error::other(format!("{path}: {status} {text}")));
        }
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    /// Posts as whoever this API is opened for.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> io::Result<Answer> {
        self.post_as(&self.pass.clone(), path, body)
    }

    /// Posts as somebody. What the daemon sheds (429, 503) is sent again after the time that it asks for.
    pub(crate) fn post_as(&mut self, pass: &Pass, path: &str, body: &Value) -> io::Result<Answer> {
        let bytes = body.to_string();
        let mut tries = 0;
        loop {
            self.requests += 1;
            let mut request =
                self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
            request = match pass {
                Pass::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
                Pass::Cookie(cookie) => request.header("cookie", cookie),
                Pass::None => request,
            };
            let mut response = request.send(bytes.as_bytes()).map_err(io::Error::other)?;
            let status = response.status().as_u16();
            if matches!(status, 429 | 503) && tries < SHED_TRIES {
                tries += 1;
                self.shed += 1;
                let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
                let seconds = after.and_then(|v| v.parse::<u64>().ok()).unwrap_or(1);
                std::thread::sleep(Duration::from_secs(seconds.clamp(1, 10)));
                continue;
            }
            let cookie = response
                .headers()
                .get("set-cookie")
                .and_then(|c| c.to_str().ok())
                .and_then(|c| c.split(';').next())
                .map(ToOwned::to_owned);
            let text = response.body_mut().read_to_string().map_err(io::Error::other)?;
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            return Ok(Answer { status, body, cookie });
        }
    }
}

/// Keys of everybody who takes part, each with the rights of the own role and no more.
pub(crate) struct Keys {
    pub(crate) dispatcher: Pass,
    pub(crate) planner: Pass,
    pub(crate) auditor: Pass,
    hub: String,
    carriers: BTreeMap<String, Pass>,
    sites: BTreeMap<String, Pass>,
    vehicles: BTreeMap<String, Pass>,
}

impl Keys {
    /// Has an administrator make them.
    pub(crate) fn make(admin: &mut Api, county: &County) -> io::Result<Self> {
        let mut key = |label: String, standing: Value| -> io::Result<Pass> {
            let body = json!({ "label": label, "standing": standing, "days": 7 });
            let answer = admin.post("/api/v1/keys", &body)?;
            let secret = answer.body.get("secret").and_then(Value::as_str).filter(|_| answer.status < 300);
            secret
                .map(|s| Pass::Bearer(s.to_owned()))
                .ok_or_else(|| io::Error::other(format!("/api/v1/keys: {} {}", answer.status, answer.body)))
        };
        let mut plain = |role: &str| key(format!("模拟 simulated {role}"), json!({ "role": role }));
        let (dispatcher, planner, auditor) = (plain("dispatcher")?, plain("planner")?, plain("auditor")?);
        let mut all = |role: &str, field: &str, ids: Vec<String>| -> io::Result<BTreeMap<String, Pass>> {
            ids.into_iter()
                .map(|id| {
                    let standing = json!({ "role": role, field: id });
                    Ok((id.clone(), key(format!("模拟 simulated {role} {id}"), standing)?))
                })
                .collect()
        };
        let carriers = all("carrier", "carrier", county.carriers.iter().map(|c| c.id.to_string()).collect())?;
        let of = |village: bool| -> Vec<String> {
            let fits = |k: SiteKind| k != SiteKind::Gateway && (k == SiteKind::Village) == village;
            county.sites.iter().filter(|s| fits(s.kind)).map(|s| s.id.to_string()).collect()
        };
        let mut sites = all("station", "site", of(false))?;
        sites.extend(all("keeper", "site", of(true))?);
        let vehicles = county.vehicles.iter().map(|v| v.id.to_string()).collect();
        let vehicles = all("driver", "vehicle", vehicles)?;
        let hub = county.site(county.hub).id.to_string();
        Ok(Self { dispatcher, planner, auditor, hub, carriers, sites, vehicles })
    }

    fn of(&self, map: &BTreeMap<String, Pass>, id: &str) -> Pass {
        map.get(id).unwrap_or(&self.dispatcher).clone()
    }

    /// Whoever keeps a site.
    pub(crate) fn site(&self, id: &str) -> Pass {
        self.of(&self.sites, id)
    }

    /// The clerks at the hub.
    pub(crate) fn hub(&self) -> Pass {
        self.site(&self.hub)
    }

    /// Whoever drives a vehicle.
    pub(crate) fn driver(&self, id: &str) -> Pass {
        self.of(&self.vehicles, id)
    }

    /// A carrier's system.
    pub(crate) fn carrier(&self, id: &str) -> Pass {
        self.of(&self.carriers, id)
    }
}
