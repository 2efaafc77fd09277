//! `xiangyun plan` and `xiangyun explain`: the county's night.

use crate::cmd::effort::{Clock, EffortArgs};
use crate::cmd::rounds::{Compared, read_master};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use xiangyun_model::plan::{DayState, Plan};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_planning::county::{self, Files};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::output::words;
use xiangyun_planning::publish::{self, Made, PublishError};
use xiangyun_planning::search::Variant;
use xiangyun_planning::{calendar, check, closing, consolidate, explain, generate, network, night};

/// Time for the search when nothing else is said, in seconds.
const SECONDS: f64 = 40.0;
/// Seed of the orders that are generated where the county has no file for the day.
const DEMAND_SEED: u64 = 1;

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub(crate) struct PlanArgs {
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// Day to plan
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// Orders file (default: orders/DATE.csv of the county, else generated from its demand assumptions)
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// Closing state of the day before
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Plan directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Directory of the master rounds (default: rounds of the county, if it is there): what the plan changes against them
    #[arg(long, value_name = "DIR")]
    rounds: Option<PathBuf>,
    #[command(flatten)]
    search: EffortArgs,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// Plan directory
    dir: PathBuf,
    /// Order, stop or vehicle
    name: String,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Planned<'a> {
    date: Date,
    orders: u64,
    served: u64,
    unassigned: u64,
    /// Cold, promised or once deferred goods among the orders left.
    must_left: u64,
    cost_fen: i64,
    seconds: f64,
    violations: usize,
    /// Where the plan leaves the master rounds, and at what price.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<&'a Compared>,
}

impl PlanArgs {
    /// A county's day planned into a directory by so many steps: every machine makes the same plan.
    pub(crate) fn of(county: &Path, date: Date, out: &Path, steps: u64, seed: u64) -> Self {
        Self {
            county: county.to_owned(),
            date,
            orders: None,
            state: None,
            out: out.to_owned(),
            rounds: None,
            search: EffortArgs { seconds: None, steps: Some(steps), seed, threads: Some(2) },
            json: false,
        }
    }
}

/// Plans a day, writes its directory and prints nothing; whether the plan passed its checker.
pub(crate) fn quietly(args: &PlanArgs, lang: Lang) -> Result<bool, Failure> {
    made(args, lang, false).map(|code| code == ExitCode::SUCCESS)
}

/// Plans a day and writes its directory.
pub(crate) fn run(args: &PlanArgs, lang: Lang) -> Result<ExitCode, Failure> {
    made(args, lang, true)
}

fn made(args: &PlanArgs, lang: Lang, aloud: bool) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let effort = args.search.effort(SECONDS, lang)?;
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let files = Files::read_dir(&args.county).map_err(refuse)?;
    let county = county::load(&files).map_err(refuse)?;
    let mut problems = Problems::new();
    let opening = match &args.state {
        None => closing::empty(&county, args.date.yesterday().unwrap_or(args.date)),
        Some(path) => read_state(path, &mut problems)?,
    };
    let mut rows = day_rows(args, &county, &mut problems)?;
    add_backlog(&mut rows, &opening, &county, args.date, &mut problems);
    if !problems.is_empty() {
        return Err(refuse(problems));
    }
    let usual = args.county.join("rounds");
    let master = match &args.rounds {
        Some(dir) => Some(read_master(dir)?),
        None if usual.join("rounds.json").is_file() => Some(read_master(&usual)?),
        None => None,
    };
    let roads = network::open(&county, &args.county).map_err(refuse)?;
    let travel = network::travel(&roads, &county, args.date).map_err(refuse)?;
    let plan = night::plan(
        &county,
        args.date,
        &rows,
        &travel,
        &opening,
        &effort,
        Variant::default(),
        &Clock(Instant::now()),
    );
    let inputs = Inputs { county, orders: rows, opening, travel };
    let map = network::map_data(&roads, &inputs.county, &plan);
    let made = Made {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: effort.seed,
        steps: effort.steps,
        threads: effort.threads,
        synthetic_roads: inputs.county.synthetic_roads,
    };
    let left = master.map(|master| Compared::of(&plan, &master, &inputs.county));
    match publish::publish(&args.out, &plan, &inputs, &files, &made, &map) {
        Ok(()) => {}
        Err(PublishError::Refused { violations, .. }) => {
            for v in violations.iter().take(50) {
                eprintln!("{} {}: {} ({})", v.code, v.at, v.found, v.limit);
            }
            if aloud {
                report(&plan, &inputs, violations.len(), left.as_ref(), began, args, lang);
            }
            return Ok(ExitCode::from(EXIT_COULD_NOT));
        }
        Err(err @ PublishError::Occupied(_)) => return Err(Failure::input(err.to_string())),
        Err(err) => return Err(Failure::could_not(&err)),
    }
    if let Some(left) = &left {
        let text = serde_json::to_vec_pretty(left).expect("our own documents have string keys only");
        std::fs::write(args.out.join("deviations.json"), text).map_err(|err| Failure::could_not(&err))?;
    }
    if aloud {
        report(&plan, &inputs, 0, left.as_ref(), began, args, lang);
    }
    Ok(ExitCode::SUCCESS)
}

/// Orders left that are cold, promised or once deferred: the ones a plan may never choose.
fn must_left(plan: &Plan, inputs: &Inputs) -> u64 {
    let left: BTreeSet<&str> = plan.unassigned.iter().map(|u| u.order.as_str()).collect();
    let counts = |row: &&OrderRow| {
        left.contains(row.order.id.as_str()) && consolidate::is_must(&inputs.county, &row.order)
    };
    inputs.orders.iter().filter(counts).count() as u64
}

fn report(
    plan: &Plan,
    inputs: &Inputs,
    violations: usize,
    left: Option<&Compared>,
    began: Instant,
    args: &PlanArgs,
    lang: Lang,
) {
    let planned = Planned {
        date: plan.date,
        orders: plan.orders,
        served: plan.served(),
        unassigned: plan.unassigned.len() as u64,
        must_left: must_left(plan, inputs),
        cost_fen: plan.cost_fen,
        seconds: began.elapsed().as_secs_f64(),
        violations,
        rounds: left,
    };
    if args.json {
        print_json(&planned);
        return;
    }
    let Planned { date, orders, served, unassigned, must_left, cost_fen, seconds, .. } = planned;
    let (bound, yuan, dir) = (plan.bounds.served_at_most, cost_fen / 100, args.out.display());
    println!(
        "{}",
        lang.pick(
            format!(
                "{date}：订单 {orders}，已安排 {served}（理论上限 {bound}），未安排 {unassigned}（其中不可留的 {must_left}），费用 {yuan} 元，用时 {seconds:.1} 秒，违规 {violations}\n{dir}/overview.html  {dir}/manifests/all.html"
            ),
            format!(
                "{date}: {orders} orders, {served} served (upper bound {bound}), {unassigned} left ({must_left} that must not be), {yuan} yuan, {seconds:.1} s, {violations} violations\n{dir}/overview.html  {dir}/manifests/all.html"
            ),
        )
    );
    if let Some(left) = left {
        println!("{}", left.words(lang));
    }
    for s in &plan.bounds.scarce {
        let (zh, en) = words::resource(&s.resource);
        let (left, more) = (s.orders_left, s.one_more_serves);
        println!(
            "{}",
            lang.pick(
                format!("最紧缺：{zh}，因此未安排 {left}，再增一份可多送 {more}"),
                format!("scarce: {en}, {left} left because of it, one more serves {more}"),
            )
        );
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|err| Failure::input(format!("{}: {err}", path.display())))
}

fn read_state(path: &Path, problems: &mut Problems) -> Result<DayState, Failure> {
    let bytes = read_file(path)?;
    serde_json::from_slice(&bytes).map_err(|err| {
        problems.push(Problem {
            code: "P127",
            file: path.display().to_string(),
            row: err.line() as u64,
            column: String::new(),
            found: String::new(),
            want: format!("not a closing state: {err}"),
        });
        Failure::Problems { problems: std::mem::take(problems), json: false }
    })
}

/// The day's own orders: the file given, the county's file for the date, or generated ones.
fn day_rows(
    args: &PlanArgs,
    county: &xiangyun_model::county::County,
    problems: &mut Problems,
) -> Result<Vec<OrderRow>, Failure> {
    let kept = args.county.join("orders").join(format!("{}.csv", args.date));
    let (name, bytes) = match &args.orders {
        Some(path) => (path.display().to_string(), read_file(path)?),
        None if kept.is_file() => (kept.display().to_string(), read_file(&kept)?),
        None => {
            let records = generate::day(county, args.date, DEMAND_SEED, "default")
                .map_err(|err| Failure::input(err.to_string()))?;
            (format!("orders/{}.csv", args.date), orders::write(&records))
        }
    };
    Ok(orders::read(&name, &bytes, Source::Own, &HashMap::new(), county, args.date, problems))
}

/// The orders that the day before left, as they were read then.
fn add_backlog(
    rows: &mut Vec<OrderRow>,
    opening: &DayState,
    county: &xiangyun_model::county::County,
    date: Date,
    problems: &mut Problems,
) {
    if opening.backlog.is_empty() {
        return;
    }
    let columns: BTreeSet<&String> = opening.backlog.iter().flat_map(|b| b.row.keys()).collect();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = columns.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(",");
    text.push('\n');
    for backlog in &opening.backlog {
        let cells: Vec<String> =
            columns.iter().map(|c| quoted(backlog.row.get(*c).map_or("", String::as_str))).collect();
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    let old = orders::read("backlog", text.as_bytes(), Source::Own, &HashMap::new(), county, date, problems);
    let known: BTreeSet<String> = rows.iter().map(|r| r.order.id.as_str().to_owned()).collect();
    rows.extend(old.into_iter().filter(|r| !known.contains(r.order.id.as_str())));
}

#[derive(Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    found: &'a explain::Explanation,
    /// What the calendar does to the places concerned.
    calendar: Vec<calendar::Effect>,
}

/// Says why an order, stop or vehicle is where it is.
pub(crate) fn explain(args: &ExplainArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (plan, inputs) = check::read_dir(&args.dir).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", args.dir.display()))
    })?;
    match explain::explain(&plan, &inputs, &args.name) {
        None => Err(Failure::input(lang.pick(
            format!("计划中没有 {}；可给订单号、停靠点或车辆", args.name),
            format!("the plan has no {}; give an order, a stop or a vehicle", args.name),
        ))),
        Some(found) => {
            let places = calendar::places(&found, &plan, &inputs.county);
            let effects = calendar::effects(&inputs.county, plan.date, Some(&places));
            if args.json {
                print_json(&Explained { found: &found, calendar: effects });
            } else {
                println!("{}", explain::words(&found, &inputs.county, lang == Lang::Zh));
                for effect in &effects {
                    println!("{}", calendar::words(effect, lang == Lang::Zh));
                }
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
