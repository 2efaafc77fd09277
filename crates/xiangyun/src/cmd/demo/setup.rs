//! What a demonstration needs before its day begins: room in its directory, a configuration, people who may sign in,
//! and for a further day its demand and its plan.

use super::DemoArgs;
use crate::cmd::simulate::api::{Answer, Api, Pass};
use crate::cmd::simulate::http::Remote;
use crate::cmd::simulate::terminal::phone;
use crate::cmd::simulate::{later_of, vehicles};
use crate::locale::Lang;
use crate::report::Failure;
use jiff::civil::Date;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use xiangyun_model::county::County;
use xiangyun_model::problem::Problems;
use xiangyun_planning::generate;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_simulation::faults::Faults;

/// Says that a directory is a demonstration's own, so that the next one may clear it.
const MARK: &str = ".xiangyun-demo";
/// Longest wait for the plan of a night.
const RUN_WAIT: Duration = Duration::from_secs(600);

/// Clears what an earlier demonstration left. A directory with anything else in it is left alone.
pub(super) fn make_room(dir: &Path, lang: Lang) -> Result<(), Failure> {
    let io = |err: std::io::Error| Failure::input(format!("{}: {err}", dir.display()));
    let own = dir.join(MARK).exists();
    for part in ["plan", "var"] {
        let path = dir.join(part);
        if path.exists() && !own {
            return Err(Failure::input(lang.pick(
                format!("{} 已存在且不属于演示；请用 --dir 另选目录", path.display()),
                format!("{} exists and is not a demonstration's; choose another --dir", path.display()),
            )));
        }
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(io)?;
        }
    }
    std::fs::create_dir_all(dir).map_err(io)?;
    std::fs::write(dir.join(MARK), b"").map_err(io)
}

/// Where the daemon listens, before and after it is started again.
pub(super) struct Places {
    http: SocketAddr,
    pub(super) gateway: SocketAddr,
}

impl Places {
    /// The address asked for, and the port of JT/T 808 beside the usual one of HTTP; elsewhere free ports.
    pub(super) fn find(args: &DemoArgs) -> Result<Self, Failure> {
        let free = || -> std::io::Result<SocketAddr> {
            TcpListener::bind(SocketAddr::new(args.listen.ip(), 0))?.local_addr()
        };
        let io = |err: std::io::Error| Failure::input(format!("{}: {err}", args.listen.ip()));
        let asked = !args.headless && args.listen.port() != 0;
        let http = if asked { args.listen } else { free().map_err(io)? };
        let usual = asked && args.listen.port() == 8080;
        let gateway = if usual { SocketAddr::new(args.listen.ip(), 7808) } else { free().map_err(io)? };
        Ok(Self { http, gateway })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.http)
    }
}

/// The daemon's configuration, kept beside the results so that `serve --config` starts it again. With a speed its clock runs
/// by itself, without one it is stepped.
pub(super) fn write_config(
    args: &DemoArgs,
    places: &Places,
    county: &County,
    speed: Option<f64>,
    start_ms: i64,
) -> Result<PathBuf, Failure> {
    let absolute = |p: &Path| std::path::absolute(p).map_err(|err| Failure::could_not(&err));
    let source = if speed.is_some() { "scaled" } else { "stepped" };
    let start = jiff::Timestamp::from_millisecond(start_ms).unwrap_or_default();
    let mut text = format!(
        "county = {:?}\ndata = {:?}\n\n[listen]\nhttp = \"{}\"\n\n\
         [clock]\nsource = \"{source}\"\nstart = \"{start}\"\nspeed = {:?}\n\n\
         [limits]\nrate_a_second = 20000.0\nrate_burst = 40000.0\n\n\
         [repairs.auto.unassigned]\nprice_fen_max = 2000\nmoved_stops_max = 3\n\n\
         [gateway]\ntcp = \"{}\"\nudp = \"{}\"\nconnections_an_address_max = 2000\n",
        absolute(&args.county)?.display().to_string(),
        absolute(&args.dir)?.join("var").display().to_string(),
        places.http,
        speed.unwrap_or(1.0),
        places.gateway,
        places.gateway,
    );
    for (n, vehicle) in vehicles(county).iter().enumerate() {
        let _ = write!(text, "\n[gateway.terminals.\"{}\"]\nvehicle = \"{vehicle}\"\n", phone(n));
    }
    let path = args.dir.join("daemon.toml");
    std::fs::write(&path, text).map_err(|err| Failure::could_not(&err))?;
    Ok(path)
}

/// A password of its own for each demonstration, readable by its owner alone.
pub(super) fn password(dir: &Path) -> Result<String, Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt;
    let password: String = xiangyun_server::auth::secret::random_token().chars().take(16).collect();
    let path = dir.join("password.txt");
    let _ = std::fs::remove_file(&path);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut f| writeln!(f, "{password}")).map_err(|err| Failure::could_not(&err))?;
    Ok(password)
}

fn good(what: &str, answer: std::io::Result<Answer>) -> Result<Answer, Failure> {
    let answer = answer.map_err(|err| Failure::could_not(&err))?;
    if answer.status >= 300 {
        return Err(Failure::input(format!("{what}: {} {}", answer.status, answer.body)));
    }
    Ok(answer)
}

/// Makes the administrator `admin` with the first-run token, and `demo`, who dispatches; signs the administrator in.
pub(super) fn sign_in(url: &str, token: &str, password: &str) -> Result<Api, Failure> {
    let mut api = Api::new(url, Pass::Bearer(token.to_owned()));
    let user = |user: &str, name: &str, role: &str| json!({ "user": user, "name": name, "standing": { "role": role }, "password": password });
    good("/api/v1/users", api.post("/api/v1/users", &user("admin", "管理员", "admin")))?;
    api.pass = Pass::None;
    let login = json!({ "user": "admin", "password": password });
    let answer = good("/api/v1/login", api.post("/api/v1/login", &login))?;
    api.pass = Pass::Cookie(answer.cookie.unwrap_or_default());
    good("/api/v1/users", api.post("/api/v1/users", &user("demo", "调度员", "dispatcher")))?;
    Ok(api)
}

/// The demand of a further day, and its pickups that come in while it runs.
pub(super) fn demand(
    county: &County,
    date: Date,
    seed: u64,
    faults: &Faults,
) -> Result<(Vec<OrderRow>, Vec<OrderRow>), Failure> {
    let records = generate::day(county, date, 1, "default").map_err(|err| Failure::input(err.to_string()))?;
    let (names, mut problems) = (HashMap::new(), Problems::new());
    let bytes = orders::write(&records);
    let rows = orders::read("orders", &bytes, Source::Own, &names, county, date, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Problems { problems, json: false });
    }
    let many = rows.len() * faults.new_pickups as usize / 10_000;
    Ok((rows, later_of(county, date, seed, many)))
}

/// Has the daemon plan a further day from what the running day knows; the plan's id.
pub(super) fn night_run(desk: &mut Remote, date: Date, steps: u64, seed: u64) -> Result<String, Failure> {
    let planner = desk.keys.planner.clone();
    let body = json!({ "date": date.to_string(), "steps": steps, "seed": seed, "live_orders": true });
    let run = good("/api/v1/runs", desk.api.post_as(&planner, "/api/v1/runs", &body))?;
    let id = run.body.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let until = Instant::now() + RUN_WAIT;
    while Instant::now() < until {
        let view = desk.api.get(&format!("/api/v1/runs/{id}")).map_err(|err| Failure::could_not(&err))?;
        let text = |key: &str| view.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        match text("state").as_str() {
            "done" => return Ok(text("plan")),
            "waiting" | "running" => std::thread::sleep(Duration::from_millis(200)),
            other => return Err(Failure::input(format!("/api/v1/runs/{id}: {other} {}", text("fault")))),
        }
    }
    Err(Failure::input(format!("/api/v1/runs/{id}: no plan within {} s", RUN_WAIT.as_secs())))
}
