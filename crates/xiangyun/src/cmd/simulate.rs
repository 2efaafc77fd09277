//! `xiangyun simulate`: a day driven by seed, in process or against a daemon.

pub(crate) mod api;
pub(crate) mod http;
pub(crate) mod stream;
pub(crate) mod terminal;

use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use api::{Api, Keys, Pass};
use clap::Args;
use http::{Pace, Remote};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use stream::Stream;
use terminal::Terminals;
use xiangyun_dispatch::duties;
use xiangyun_model::county::County;
use xiangyun_model::problem::Problems;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::network;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::{check, generate};
use xiangyun_simulation::faults::Faults;
use xiangyun_simulation::local::Local;
use xiangyun_simulation::score::{Capacities, Recount, false_arrivals, misplaced, proofs_without_arrival};
use xiangyun_simulation::ways::Ways;
use xiangyun_simulation::world::{Setting, World};

/// Environment variable with an administrator's API key: it makes the keys of everybody who takes part.
const KEY: &str = "XIANGYUN_KEY";

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArgs {
    /// Plan directory
    #[arg(long, value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Speed that the daemon's scaled clock must have
    #[arg(long, value_name = "X")]
    speed: Option<f64>,
    /// Daemon to drive (default: the day in this process); an administrator's key is read from XIANGYUN_KEY
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The daemon's JT/T 808 address (default: its host, port 7808)
    #[arg(long, value_name = "HOST:PORT")]
    terminals: Option<String>,
    /// Seed of everything by chance; the same seed is the same day
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What goes wrong, as JSON
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

/// What a simulated day came to.
#[derive(Debug, Serialize)]
pub(crate) struct Day {
    pub(crate) seed: u64,
    pub(crate) custody: BTreeMap<&'static str, u64>,
    pub(crate) kpi: Recount,
    /// Whether the fold and the count anew agree.
    pub(crate) kpi_equal: bool,
    /// Figures as the daemon tells them; nothing for a day in this process.
    pub(crate) figures: serde_json::Value,
    pub(crate) requests: u64,
    /// Requests that the daemon shed and that were sent again.
    pub(crate) shed: u64,
    /// Times that the live stream was cut and opened again.
    pub(crate) stream_cuts: u64,
    pub(crate) repairs_accepted: u64,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) positions: u64,
    pub(crate) breakdowns: u64,
    /// Faults of the day: load beyond capacity, proof without arrival, holders that are not so.
    pub(crate) faults: Vec<String>,
}

/// Orders that come in during the day: the demand of another seed under names of their own.
pub(crate) fn later_orders(inputs: &Inputs, seed: u64, many: usize) -> Vec<OrderRow> {
    let date = inputs.opening.date.tomorrow().unwrap_or(inputs.opening.date);
    later_of(&inputs.county, date, seed, many)
}

/// The same for a county and a date.
pub(crate) fn later_of(county: &County, date: jiff::civil::Date, seed: u64, many: usize) -> Vec<OrderRow> {
    let records = generate::day(county, date, seed.wrapping_add(7_919), "default").unwrap_or_default();
    let own: Vec<_> = records
        .into_iter()
        .filter(|r| r.kind == "up" && r.cleared == "yes")
        .take(many * 4)
        .step_by(4)
        .map(|mut r| {
            r.id = format!("N{}", r.id);
            r
        })
        .collect();
    let mut problems = Problems::new();
    let rows =
        orders::read("day", &orders::write(&own), Source::Own, &HashMap::new(), county, date, &mut problems);
    rows.into_iter().filter(|r| r.order.ready_s > 8 * 3_600).collect()
}

/// Names of the vehicles in the order of their terminals.
pub(crate) fn vehicles(county: &County) -> Vec<String> {
    county.vehicles.iter().map(|v| v.id.to_string()).collect()
}

/// What goes wrong: the file's, or the usual.
pub(crate) fn read_faults(file: Option<&Path>) -> Result<Faults, Failure> {
    let Some(path) = file else { return Ok(Faults::default()) };
    let text =
        std::fs::read_to_string(path).map_err(|err| Failure::input(format!("{}: {err}", path.display())))?;
    serde_json::from_str(&text).map_err(|err| Failure::input(format!("{}: {err}", path.display())))
}

/// Runs a day.
pub(crate) fn run(args: &SimulateArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let faults = read_faults(args.faults.as_deref())?;
    let (plan, inputs) = check::read_dir(&args.plan).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", args.plan.display()))
    })?;
    let midnight_ms = midnight_ms(&inputs.county, plan.date)?;
    let many = inputs.orders.len() * faults.new_pickups as usize / 10_000;
    let later = later_orders(&inputs, args.seed, many);
    let held = inputs.clone();
    let setting = Setting {
        county: &held.county,
        orders: &held.orders,
        later: &later,
        travel: &held.travel,
        ways: None,
        midnight_ms,
        seed: args.seed,
        faults,
    };
    let promise_ms = midnight_ms + 44 * 3_600_000;
    let mut world = World::new(setting);
    let day = match &args.to {
        None => {
            let zone_s = zone_offset_s(&held.county, midnight_ms);
            let mut desk = Local::new(plan, inputs, midnight_ms, zone_s);
            world.open(&mut desk);
            let begin = world.begin_ms();
            desk.publish(midnight_ms, begin).map_err(|r| Failure::input(r.words))?;
            world.draw_breakdowns(&mut desk);
            world.run(&mut desk, |_, _, _| {});
            world.close(&mut desk, promise_ms);
            judge_local(args.seed, &world, &desk)
        }
        Some(url) => {
            let mut desk = connect(args, url, &held.county, midnight_ms, lang)?;
            world.open(&mut desk);
            desk.place_all();
            publish(&mut desk, &args.plan, &plan.id)?;
            world.draw_breakdowns(&mut desk);
            world.run(&mut desk, |_, _, _| {});
            world.close(&mut desk, promise_ms);
            judge_remote(args.seed, &world, &mut desk)?
        }
    };
    let ok = day.faults.is_empty() && day.kpi_equal && !day.custody.contains_key("open");
    print_json(&day);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn judge_local(seed: u64, world: &World<'_>, desk: &Local) -> Day {
    let kpi = Recount::of(&desk.log);
    let mut faults = Capacities::of(world.county()).follow(&desk.log);
    faults.extend(proofs_without_arrival(&desk.log));
    faults.extend(misplaced(world, &desk.state));
    let wrong = false_arrivals(world, &desk.told);
    if wrong.len() * 1_000 > desk.told.len() {
        faults.push(format!("{} false arrivals of {}", wrong.len(), desk.told.len()));
    }
    Day {
        seed,
        custody: duties::balance(&desk.state),
        kpi_equal: kpi == Recount::folded(&desk.figures),
        kpi,
        figures: serde_json::Value::Null,
        requests: world.counts.asked,
        shed: 0,
        stream_cuts: 0,
        repairs_accepted: desk.repairs.len() as u64,
        refused: world.counts.refused.clone(),
        positions: world.counts.positions,
        breakdowns: world.counts.breakdowns,
        faults,
    }
}

/// Judges a day at a daemon by its exported log: folded here, counted anew, against its own figures.
pub(crate) fn judge_remote(seed: u64, world: &World<'_>, desk: &mut Remote) -> Result<Day, Failure> {
    let log = desk.log().map_err(|err| Failure::could_not(&err))?;
    let view = desk.api.get("/api/v1/kpi").map_err(|err| Failure::could_not(&err))?;
    let mut state = xiangyun_dispatch::state::State::new("");
    log.iter().for_each(|(_, event)| state.apply(event));
    let kpi = Recount::of(&log);
    let told = |id: &str| {
        view.get("figures")
            .and_then(|f| f.as_array())
            .into_iter()
            .flatten()
            .find(|f| f.get("id").and_then(|i| i.as_str()) == Some(id))
            .and_then(|f| f.get("numerator").and_then(serde_json::Value::as_i64))
    };
    let pairs = [
        ("orders_placed", kpi.placed as i64),
        ("orders_delivered", kpi.delivered as i64),
        ("orders_handed_on", kpi.handed_on as i64),
        ("orders_returned", kpi.returned as i64),
        ("orders_refused", kpi.refused as i64),
        ("orders_lost", kpi.lost as i64),
        ("orders_deferred", kpi.deferred as i64),
        ("on_time", kpi.on_time as i64),
        ("stops_served", kpi.stops_served as i64),
        ("exceptions", kpi.exceptions as i64),
        ("false_alarms", kpi.false_alarms as i64),
        ("repairs", kpi.repairs as i64),
        ("cash_fen", kpi.cash_fen),
    ];
    let mut faults = Capacities::of(world.county()).follow(&log);
    faults.extend(proofs_without_arrival(&log));
    faults.extend(misplaced(world, &state));
    let differ: Vec<String> = pairs
        .iter()
        .filter(|(id, n)| told(id) != Some(*n))
        .map(|(id, n)| format!("{id}: the daemon says {:?}, its log {n}", told(id)))
        .collect();
    let kpi_equal = differ.is_empty();
    faults.extend(differ);
    faults.extend(desk.trouble.iter().take(20).cloned());
    Ok(Day {
        seed,
        custody: duties::balance(&state),
        kpi,
        kpi_equal,
        figures: view.get("figures").cloned().unwrap_or_default(),
        requests: desk.api.requests,
        shed: desk.api.shed,
        stream_cuts: desk.stream.cuts(),
        repairs_accepted: desk.repairs,
        refused: world.counts.refused.clone(),
        positions: desk.terminals.acknowledged,
        breakdowns: world.counts.breakdowns,
        faults,
    })
}

/// The vehicles' ways on a county's roads; nothing where the road file is not at hand.
pub(crate) fn ways(county: &County, dir: &Path) -> Option<Ways> {
    network::open(county, dir).ok().map(|network| Ways::new(network, county))
}

/// Makes a plan directory the day's plan at the daemon, and waits until its trips are known.
pub(crate) fn publish(desk: &mut Remote, dir: &Path, plan: &str) -> Result<(), Failure> {
    let dir = std::path::absolute(dir).map_err(|err| Failure::could_not(&err))?;
    let planner = desk.keys.planner.clone();
    let steps = [
        ("/api/v1/plans".to_owned(), json!({ "directory": dir })),
        (format!("/api/v1/plans/{plan}/publish"), json!({ "place_orders": true })),
    ];
    for (path, body) in steps {
        let answer = desk.api.post_as(&planner, &path, &body).map_err(|err| Failure::could_not(&err))?;
        if answer.status >= 300 {
            return Err(Failure::input(format!("{path}: {} {}", answer.status, answer.body)));
        }
    }
    desk.caught_up();
    Ok(())
}

fn connect(
    args: &SimulateArgs,
    url: &str,
    county: &County,
    midnight_ms: i64,
    lang: Lang,
) -> Result<Remote, Failure> {
    let key = std::env::var(KEY).map_err(|_| {
        Failure::input(lang.pick(
            format!("请在环境变量 {KEY} 中给出管理员的 API 密钥"),
            format!("give the API key of an administrator in {KEY}"),
        ))
    })?;
    let io = |err: std::io::Error| Failure::input(err.to_string());
    let mut admin = Api::new(url, Pass::Bearer(key));
    refuse_other_clock(&mut admin, args.speed, midnight_ms, lang)?;
    let host = url.split("//").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or("127.0.0.1");
    let address = args.terminals.clone().unwrap_or_else(|| format!("{host}:7808"));
    let to: SocketAddr = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut a| a.next())
        .ok_or_else(|| Failure::input(format!("{address}: HOST:PORT")))?;
    let terminals = Terminals::new(&vehicles(county), to).map_err(|err| {
        Failure::input(lang.pick(
            format!("{address}：终端无法接入（{err}）；网关须登记每辆车的终端"),
            format!("{address}: terminals cannot sign in ({err}); the gateway must know each vehicle's"),
        ))
    })?;
    let keys = Keys::make(&mut admin, county).map_err(io)?;
    open_desk(admin, keys, terminals, url)
}

/// A desk at a daemon with everybody's keys; its clock decides the pace.
pub(crate) fn open_desk(
    mut api: Api,
    keys: Keys,
    terminals: Terminals,
    url: &str,
) -> Result<Remote, Failure> {
    let stream = Stream::follow(url, &keys.auditor).map_err(|err| Failure::could_not(&err))?;
    api.pass = keys.dispatcher.clone();
    let mut desk = Remote::new(api, keys, terminals, Pace::Scaled, stream);
    let (source, ..) = desk.clock().map_err(|err| Failure::could_not(&err))?;
    if source == "stepped" {
        desk.pace = Pace::Stepped;
    }
    Ok(desk)
}

/// A simulation moves a stepped clock or keeps up with a scaled one; a daemon in real time is somebody's real county.
fn refuse_other_clock(
    api: &mut Api,
    speed: Option<f64>,
    midnight_ms: i64,
    lang: Lang,
) -> Result<(), Failure> {
    let view = api.get("/api/v1/clock").map_err(|err| Failure::input(err.to_string()))?;
    let source = view.get("source").and_then(serde_json::Value::as_str).unwrap_or("").to_owned();
    let runs = view.get("speed").and_then(serde_json::Value::as_f64).unwrap_or(1.0);
    let fits = match source.as_str() {
        "stepped" => speed.is_none(),
        "scaled" => speed.is_none_or(|s| (s - runs).abs() < 1e-9),
        _ => false,
    };
    let now_ms = view.get("now_ms").and_then(serde_json::Value::as_i64).unwrap_or(0);
    let hours = (now_ms - midnight_ms).div_euclid(3_600_000);
    if fits && (-24..22).contains(&hours) {
        return Ok(());
    }
    if fits {
        return Err(Failure::input(lang.pick(
            format!("守护进程的时钟距计划日零点 {hours} 小时，不在计划的这一天"),
            format!("the daemon's clock is {hours} hours from the midnight of the plan's day: another day"),
        )));
    }
    Err(Failure::input(lang.pick(
        format!("守护进程的时钟为 {source}（{runs} 倍），与模拟不符；在其配置 [clock] 中设 source = \"scaled\" 与同样的 speed，或 \"stepped\" 且不给 --speed"),
        format!("the daemon's clock is {source} at {runs}, not the simulation's; set source = \"scaled\" and the same speed in its [clock], or \"stepped\" without --speed"),
    )))
}

/// The instant of a day's local midnight.
pub(crate) fn midnight_ms(county: &County, date: jiff::civil::Date) -> Result<i64, Failure> {
    let zoned = date.in_tz(&county.time_zone).map_err(|err| Failure::input(err.to_string()))?;
    Ok(zoned.timestamp().as_millisecond())
}

/// Seconds that local time is ahead of UTC.
pub(crate) fn zone_offset_s(county: &County, at_ms: i64) -> i64 {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    jiff::tz::TimeZone::get(&county.time_zone).map_or(0, |z| i64::from(z.to_offset(at).seconds()))
}
