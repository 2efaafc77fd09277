//! `xiangyun demo`: plans the county's day, starts the daemon, and drives a simulated fleet through its real protocols.

use super::plan::{self, PlanArgs};
use super::simulate::http::{Api, Pace, Pass, Remote, Trips};
use super::simulate::terminal::{Terminals, phone};
use super::simulate::{judge_remote, later_orders, midnight_ms, vehicles};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_model::county::County;
use xiangyun_planning::check;
use xiangyun_redispatch::Redispatch;
use xiangyun_server::config::Config;
use xiangyun_server::daemon::Daemon;
use xiangyun_server::machine::{Command, read};
use xiangyun_simulation::desk::Desk;
use xiangyun_simulation::faults::Faults;
use xiangyun_simulation::world::{END_S, Setting, TICK_MS, World};

/// Seconds of search of the demonstration's plan.
const PLAN_SECONDS: f64 = 20.0;
/// Minutes before the first trip at which a running clock begins.
const EARLY_S: i64 = 600;

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Directory for the results
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    dir: PathBuf,
    /// County directory
    #[arg(long, value_name = "DIR", default_value = "data/baofeng")]
    county: PathBuf,
    /// Where the daemon listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many times faster than real time the day runs
    #[arg(long, value_name = "X", default_value_t = 60.0)]
    speed: f64,
    /// Finish the day as fast as possible and print its figures as JSON
    #[arg(long)]
    headless: bool,
    /// Keep the daemon up after the day's end
    #[arg(long)]
    stay: bool,
    /// Seed of everything by chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Runs the demonstration.
pub(crate) fn run(args: &DemoArgs, lang: Lang) -> Result<ExitCode, Failure> {
    if !(args.speed.is_finite() && args.speed > 0.0) {
        return Err(Failure::input(lang.pick("--speed 须大于 0", "--speed must be more than 0")));
    }
    let plan_dir = args.dir.join("plan");
    let data = args.dir.join("var");
    for old in [&plan_dir, &data] {
        if old.exists() {
            std::fs::remove_dir_all(old).map_err(|err| Failure::could_not(&err))?;
        }
    }
    std::fs::create_dir_all(&args.dir).map_err(|err| Failure::could_not(&err))?;
    say(args, lang.pick("正在编制当日计划…", "planning the day …"));
    let date = xiangyun_planning::county::load_dir(&args.county)
        .map_err(|problems| Failure::Problems { problems, json: false })?
        .default_date;
    let good = plan::quietly(&PlanArgs::of(&args.county, date, &plan_dir, PLAN_SECONDS, args.seed), lang)?;
    if !good {
        return Err(Failure::input(lang.pick("计划未通过检验", "the plan did not pass its checker")));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|err| Failure::could_not(&err))?;
    let (plan, inputs) = check::read_dir(&plan_dir)
        .map_err(|v| Failure::input(v.first().map_or_else(String::new, |v| v.found.clone())))?;
    let midnight_ms = midnight_ms(&inputs.county, plan.date)?;
    let first_s = plan.trips.iter().filter_map(|t| t.visits.first()).map(|v| v.arrive).min().unwrap_or(6 * 3_600);
    let start_ms = if args.headless {
        midnight_ms + xiangyun_simulation::world::BEGIN_S * 1_000
    } else {
        midnight_ms + (first_s - EARLY_S) * 1_000
    };
    let config = write_config(args, &inputs.county, &data, start_ms)?;
    let daemon = runtime
        .block_on(Daemon::start(Config::read(&config).map_err(|err| Failure::input(err.to_string()))?))
        .map_err(|err| Failure::could_not(&err))?;
    let url = daemon.url();
    let gateway = daemon.jt808().ok_or_else(|| Failure::input("no JT/T 808 address"))?;
    let api = sign_in(&url, daemon.first_run().unwrap_or_default())?;
    say(args, lang.pick(
        format!("调度看板 {url}/day  接口文档 {url}/api/docs  用户 demo，密码见 {}/password.txt", args.dir.display()),
        format!("day board {url}/day  API docs {url}/api/docs  user demo, password in {}/password.txt", args.dir.display()),
    ));
    std::fs::write(args.dir.join("password.txt"), format!("{PASSWORD}\n")).map_err(|err| Failure::could_not(&err))?;
    let terminals =
        Terminals::new(&vehicles(&inputs.county), gateway).map_err(|err| Failure::could_not(&err))?;
    let pace = if args.headless { Pace::Stepped } else { Pace::Scaled };
    let trips = Trips::follow(&url, &api.pass).map_err(|err| Failure::could_not(&err))?;
    let mut desk = Remote::new(api, terminals, pace, trips);
    let worker = Rc::new(RefCell::new(Redispatch::new(plan.clone(), inputs.clone(), midnight_ms)));
    let (app, handle, own) = (Arc::clone(daemon.app()), runtime.handle().clone(), Rc::clone(&worker));
    let mut offers = 0_u64;
    desk.worker = Some(Box::new(move |exception, now_ms| {
        let state = read(&app.world).day.clone();
        let mut worker = own.borrow_mut();
        worker.follow(&state, now_ms);
        offers += 1;
        let Ok(offer) = worker.repair(&state, exception, &format!("OF-{offers}")) else { return false };
        handle.block_on(app.send(Command::day(vec![DayCommand::Offer(offer)]))).is_ok()
    }));
    let (app, own) = (Arc::clone(daemon.app()), Rc::clone(&worker));
    desk.accepted = Some(Box::new(move |offer| {
        let patch = read(&app.world).day.offers.get(offer).map(|o| o.patch.clone()).unwrap_or_default();
        let _ = own.borrow_mut().accepted(&patch, Vec::new());
    }));
    let faults = Faults::default();
    let many = inputs.orders.len() * faults.new_pickups as usize / 10_000;
    let later = later_orders(&inputs, args.seed, many);
    let mut world = World::new(Setting {
        county: &inputs.county,
        orders: &inputs.orders,
        later: &later,
        travel: &inputs.travel,
        midnight_ms,
        seed: args.seed,
        faults,
    });
    world.open(&mut desk);
    desk.place_all();
    publish(&mut desk.api, &plan_dir, &plan.id)?;
    desk.trips.wait_for(plan.trips.len(), std::time::Duration::from_secs(20));
    world.draw_breakdowns(&mut desk);
    let end_ms = midnight_ms + END_S * 1_000;
    let mut now_ms = world.begin_ms();
    while now_ms <= end_ms {
        world.step(&mut desk, now_ms);
        desk.tick(now_ms);
        if !args.headless && (now_ms - midnight_ms) % 1_800_000 == 0 && now_ms >= start_ms {
            summary(&mut desk.api, now_ms - midnight_ms, lang);
        }
        now_ms += TICK_MS;
    }
    world.close(&mut desk, midnight_ms + 44 * 3_600_000);
    let day = judge_remote(args.seed, &world, &mut desk)?;
    let ok = day.faults.is_empty() && day.kpi_equal && !day.custody.contains_key("open");
    if args.headless {
        print_json(&day);
    } else {
        summary(&mut desk.api, END_S * 1_000, lang);
        println!("{}", lang.pick(
            format!("一天结束：{:?}，指标与日志重算{}", day.custody, if day.kpi_equal { "一致" } else { "不一致" }),
            format!("the day is over: {:?}; figures {} those counted from the log", day.custody, if day.kpi_equal { "equal" } else { "differ from" }),
        ));
        for fault in day.faults.iter().take(20) {
            eprintln!("{fault}");
        }
    }
    if args.stay {
        say(args, lang.pick("守护进程继续运行，按 Ctrl-C 结束", "the daemon stays up; Ctrl-C ends it"));
        let _ = runtime.block_on(tokio::signal::ctrl_c());
    }
    drop(desk);
    drop(worker);
    runtime.block_on(daemon.end()).map_err(|err| Failure::could_not(&err))?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

/// Password of the demonstration's administrator, on a daemon that listens on this machine and lives for a day.
const PASSWORD: &str = "baofeng demo 410421";

fn say(args: &DemoArgs, text: impl AsRef<str>) {
    if args.headless {
        eprintln!("{}", text.as_ref());
    } else {
        println!("{}", text.as_ref());
    }
}

/// The daemon's configuration, kept beside the results so that `serve --config` starts it again.
fn write_config(args: &DemoArgs, county: &County, data: &Path, start_ms: i64) -> Result<PathBuf, Failure> {
    let absolute = |p: &Path| std::path::absolute(p).map_err(|err| Failure::could_not(&err));
    let (http, tcp) = if args.headless {
        ("127.0.0.1:0".to_owned(), "127.0.0.1:0".to_owned())
    } else {
        (args.listen.to_string(), format!("{}:7808", args.listen.ip()))
    };
    let source = if args.headless { "stepped" } else { "scaled" };
    let start = jiff::Timestamp::from_millisecond(start_ms).unwrap_or_default();
    let mut text = format!(
        "county = {:?}\ndata = {:?}\n\n[listen]\nhttp = \"{http}\"\n\n[clock]\nsource = \"{source}\"\nstart = \"{start}\"\nspeed = {:?}\n\n\
         [limits]\nrate_a_second = 20000.0\nrate_burst = 40000.0\n\n[gateway]\ntcp = \"{tcp}\"\nudp = \"127.0.0.1:0\"\nconnections_an_address_max = 2000\n",
        absolute(&args.county)?.display().to_string(),
        absolute(data)?.display().to_string(),
        args.speed,
    );
    for (n, vehicle) in vehicles(county).iter().enumerate() {
        let _ = write!(text, "\n[gateway.terminals.\"{}\"]\nvehicle = \"{vehicle}\"\n", phone(n));
    }
    let path = args.dir.join("daemon.toml");
    std::fs::write(&path, text).map_err(|err| Failure::could_not(&err))?;
    Ok(path)
}

fn good(what: &str, answer: std::io::Result<super::simulate::http::Answer>) -> Result<super::simulate::http::Answer, Failure> {
    let answer = answer.map_err(|err| Failure::could_not(&err))?;
    if answer.status >= 300 {
        return Err(Failure::input(format!("{what}: {} {}", answer.status, answer.body)));
    }
    Ok(answer)
}

/// Makes the administrator with the first-run token and a dispatcher's key for the simulated people.
fn sign_in(url: &str, token: &str) -> Result<Api, Failure> {
    let mut api = Api::new(url, Pass::Bearer(token.to_owned()));
    let user = json!({ "user": "demo", "name": "demo", "standing": { "role": "admin" }, "password": PASSWORD });
    good("/api/v1/users", api.post("/api/v1/users", &user))?;
    api.pass = Pass::None;
    let login = json!({ "user": "demo", "password": PASSWORD });
    let answer = good("/api/v1/login", api.post("/api/v1/login", &login))?;
    api.pass = Pass::Cookie(answer.cookie.unwrap_or_default());
    let mut key = |role: &str| -> Result<String, Failure> {
        let body = json!({ "label": format!("simulation {role}"), "standing": { "role": role }, "days": 2 });
        let answer = good("/api/v1/keys", api.post("/api/v1/keys", &body))?;
        Ok(answer.body.get("secret").and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let dispatcher = key("dispatcher")?;
    Ok(Api::new(url, Pass::Bearer(dispatcher)))
}

fn publish(api: &mut Api, dir: &Path, plan: &str) -> Result<(), Failure> {
    let dir = std::path::absolute(dir).map_err(|err| Failure::could_not(&err))?;
    good("/api/v1/plans", api.post("/api/v1/plans", &json!({ "directory": dir })))?;
    let path = format!("/api/v1/plans/{plan}/publish");
    good(&path, api.post(&path, &json!({ "place_orders": true })))?;
    Ok(())
}

/// One line of the terminal summary.
fn summary(api: &mut Api, since_midnight_ms: i64, lang: Lang) {
    let Ok(view) = api.get("/api/v1/kpi") else { return };
    let custody = |word: &str| view.get("custody").and_then(|c| c.get(word)).and_then(Value::as_u64).unwrap_or(0);
    let figure = |id: &str| {
        view.get("figures")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|f| f.get("id").and_then(Value::as_str) == Some(id))
            .and_then(|f| f.get("numerator").and_then(Value::as_i64))
            .unwrap_or(0)
    };
    let minutes = since_midnight_ms / 60_000;
    let (h, m) = (minutes / 60, minutes % 60);
    let (done, held, open) = (custody("delivered"), custody("held"), custody("open"));
    let (stops, raised, repairs) = (figure("stops_served"), figure("exceptions"), figure("repairs"));
    println!("{}", lang.pick(
        format!("{h:02}:{m:02} 已交付 {done} 待取 {held} 在途 {open} 停靠 {stops} 异常 {raised} 修复 {repairs}"),
        format!("{h:02}:{m:02} delivered {done} held {held} open {open} stops {stops} exceptions {raised} repairs {repairs}"),
    ));
}
