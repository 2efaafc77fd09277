//! `xiangyun simulate`: a day driven by seed, in process or against a daemon.

pub(crate) mod http;
pub(crate) mod terminal;

use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use http::{Api, Pace, Pass, Remote};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use terminal::Terminals;
use xiangyun_dispatch::duties;
use xiangyun_model::county::County;
use xiangyun_model::problem::Problems;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::{check, generate};
use xiangyun_simulation::faults::Faults;
use xiangyun_simulation::local::Local;
use xiangyun_simulation::score::{Capacities, Recount, false_arrivals, misplaced, proofs_without_arrival};
use xiangyun_simulation::world::{Setting, World};

/// Environment variable with the API key of a dispatcher.
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
    /// Daemon to drive (default: the day in this process); the key of a dispatcher is read from XIANGYUN_KEY
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
    pub(crate) requests: u64,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) positions: u64,
    pub(crate) breakdowns: u64,
    /// Faults of the day: load beyond capacity, proof without arrival, holders that are not so.
    pub(crate) faults: Vec<String>,
}

/// Orders that come in during the day: the demand of another seed under names of their own.
pub(crate) fn later_orders(inputs: &Inputs, seed: u64, many: usize) -> Vec<OrderRow> {
    let county = &inputs.county;
    let date = inputs.opening.date.tomorrow().unwrap_or(inputs.opening.date);
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

fn read_faults(args: &SimulateArgs) -> Result<Faults, Failure> {
    let Some(path) = &args.faults else { return Ok(Faults::default()) };
    let text =
        std::fs::read_to_string(path).map_err(|err| Failure::input(format!("{}: {err}", path.display())))?;
    serde_json::from_str(&text).map_err(|err| Failure::input(format!("{}: {err}", path.display())))
}

/// Runs a day.
pub(crate) fn run(args: &SimulateArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let faults = read_faults(args)?;
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
            let mut desk = connect(args, url, &held.county, lang)?;
            world.open(&mut desk);
            desk.place_all();
            desk.trips.wait_for(plan.trips.len(), std::time::Duration::from_secs(10));
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
        requests: world.counts.asked,
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
        requests: desk.api.requests,
        refused: world.counts.refused.clone(),
        positions: desk.terminals.acknowledged,
        breakdowns: world.counts.breakdowns,
        faults,
    })
}

fn connect(args: &SimulateArgs, url: &str, county: &County, lang: Lang) -> Result<Remote, Failure> {
    let key = std::env::var(KEY).map_err(|_| {
        Failure::input(lang.pick(
            format!("请在 {KEY} 中给出调度员的 API 密钥"),
            format!("give the API key of a dispatcher in {KEY}"),
        ))
    })?;
    let host = url.split("//").nth(1).unwrap_or(url).split(['/', ':']).next().unwrap_or("127.0.0.1");
    let address = args.terminals.clone().unwrap_or_else(|| format!("{host}:7808"));
    let to: SocketAddr = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut a| a.next())
        .ok_or_else(|| Failure::input(format!("{address}: HOST:PORT")))?;
    let terminals = Terminals::new(&vehicles(county), to).map_err(|err| Failure::could_not(&err))?;
    let pass = Pass::Bearer(key);
    let trips = http::Trips::follow(url, &pass).map_err(|err| Failure::could_not(&err))?;
    let mut desk = Remote::new(Api::new(url, pass), terminals, Pace::Scaled, trips);
    let (source, _, speed) = desk.clock().map_err(|err| Failure::could_not(&err))?;
    if source != "scaled" || args.speed.is_some_and(|s| (s - speed).abs() > 1e-9) {
        return Err(Failure::input(lang.pick(
            format!("守护进程的时钟为 {source}（{speed} 倍），模拟需要 scaled"),
            format!(
                "the daemon's clock is {source} at {speed}; a simulation needs a scaled one at its speed"
            ),
        )));
    }
    Ok(desk)
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
