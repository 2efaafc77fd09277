//! `xiangyun rounds`: weekly master rounds with a timetable for the wall, and how a night's plan leaves them.

use crate::cmd::effort::Clock;
use crate::cmd::orders::no_past;
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use xiangyun_model::county::County;
use xiangyun_model::plan::Plan;
use xiangyun_planning::baselines::Mode;
use xiangyun_planning::forecast::{self, Past};
use xiangyun_planning::rounds::{self, Deviation, Master};
use xiangyun_planning::search::Effort;
use xiangyun_planning::{check, county, network, night, publish};

/// Arguments of `rounds`.
#[derive(Args, Debug)]
pub(crate) struct RoundsArgs {
    #[command(subcommand)]
    command: RoundsCommand,
}

#[derive(Debug, Subcommand)]
enum RoundsCommand {
    /// Design master rounds for volumes that four days in five do not exceed
    Design(DesignArgs),
    /// Show where a plan leaves the master rounds, and at what price
    Compare(CompareArgs),
}

#[derive(Args, Debug)]
struct DesignArgs {
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// First day of the history
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Date,
    /// Last day of the history
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Date,
    /// Directory to write: rounds.json, rounds.csv, timetable.html
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Steps of search
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    steps: u64,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct CompareArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Directory of the master rounds
    #[arg(long, value_name = "DIR")]
    rounds: PathBuf,
    /// Steps of search with which the day is planned on the master rounds, for the price of keeping them; 0 leaves that out
    #[arg(long, value_name = "N", default_value_t = 0)]
    steps: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Runs the chosen command.
pub(crate) fn run(args: &RoundsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        RoundsCommand::Design(args) => design(args, lang),
        RoundsCommand::Compare(args) => compare(args, lang),
    }
}

#[derive(Serialize)]
struct Designed {
    days: usize,
    generated: bool,
    rounds: usize,
    vehicles: usize,
    places: usize,
    /// Village points that no round calls at.
    without: Vec<String>,
    orders: usize,
    served: u64,
    violations: usize,
}

fn design(args: &DesignArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let county = county::load_dir(&args.county).map_err(refuse)?;
    let dates = forecast::days_between(args.from, args.to);
    if dates.is_empty() {
        return Err(Failure::input("--from, --to: no day between them"));
    }
    let Past { days: history, generated } =
        forecast::past(&county, &args.county, &dates).map_err(|err| no_past(err, args.json))?;
    let roads = network::open(&county, &args.county).map_err(refuse)?;
    let travel = network::travel(&roads, &county, args.to).map_err(refuse)?;
    let effort = Effort { steps: Some(args.steps), time: None, seed: args.seed, threads: 1 };
    let clock = Clock(Instant::now());
    let made =
        rounds::design(county, &history, (args.from, args.to), travel, &effort, &clock).map_err(refuse)?;
    let rounds::Designed { master, plan, inputs, verdict } = made;
    let county = &inputs.county;
    let mut json = serde_json::to_vec_pretty(&master).expect("our own documents have string keys only");
    json.push(b'\n');
    let files = [
        ("rounds.json".to_owned(), json),
        ("rounds.csv".to_owned(), table(&master, county)),
        ("timetable.html".to_owned(), rounds::timetable(&master, county).into_bytes()),
    ];
    publish::write_whole(&args.out, &files).map_err(|err| Failure::could_not(&err))?;
    let mut vehicles: Vec<&str> = master.rounds.iter().map(|r| r.vehicle.as_str()).collect();
    vehicles.dedup();
    let mut places: Vec<&str> =
        master.rounds.iter().flat_map(|r| r.calls.iter().map(|c| c.site.as_str())).collect();
    places.sort_unstable();
    places.dedup();
    let without = rounds::without(&master, county);
    let made = Designed {
        days: history.len(),
        generated,
        rounds: master.rounds.len(),
        vehicles: vehicles.len(),
        places: places.len(),
        without: without.iter().map(|&s| county.site(s).id.to_string()).collect(),
        orders: inputs.orders.len(),
        served: plan.served(),
        violations: verdict.violations.len(),
    };
    if args.json {
        print_json(&made);
    } else {
        let Designed { days, rounds, vehicles, places, .. } = made;
        let dir = args.out.display();
        println!(
            "{}",
            lang.pick(
                format!("依据 {days} 天：{vehicles} 辆车 {rounds} 条班线，{places} 个点 → {dir}/timetable.html"),
                format!("{days} days: {rounds} rounds of {vehicles} vehicles, {places} places -> {dir}/timetable.html")
            )
        );
        if !made.without.is_empty() {
            let (n, names) = (made.without.len(), made.without.join(" "));
            println!(
                "{}",
                lang.pick(
                    format!("{n} 个村点没有固定班线（可加大 --steps）：{names}"),
                    format!("{n} village points have no round (more --steps may help): {names}")
                )
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The rounds as a table.
fn table(master: &Master, county: &County) -> Vec<u8> {
    let clock = |s: i64| format!("{:02}:{:02}", s / 3600, s / 60 % 60);
    let mut text = String::from("vehicle,trip,base,departs,seq,site,name_zh,at,weekdays,returns\n");
    for round in &master.rounds {
        for (i, call) in round.calls.iter().enumerate() {
            let name = county.find_site(&call.site).map_or("", |s| county.site(s).name_zh.as_str());
            let days: String = call.weekdays.iter().map(|on| if *on { '1' } else { '0' }).collect();
            text.push_str(&format!(
                "{},{},{},{},{},{},{name},{},{days},{}\n",
                round.vehicle,
                round.number,
                round.base,
                clock(round.departs_s),
                i + 1,
                call.site,
                clock(call.at_s),
                clock(round.returns_s)
            ));
        }
    }
    text.into_bytes()
}

/// Where a plan leaves the master rounds.
#[derive(Serialize)]
pub(super) struct Compared {
    places: usize,
    moved: usize,
    retimed: usize,
    price_fen: i64,
    /// Cost of the same day on the master rounds less the plan's: what leaving them saves.
    saves_fen: Option<i64>,
    deviations: Vec<Deviation>,
}

impl Compared {
    /// What a plan changes against the master rounds, without the price of keeping them.
    pub(super) fn of(plan: &Plan, master: &Master, county: &County) -> Self {
        let deviations = rounds::deviations(plan, master, county);
        let moved = deviations.iter().filter(|d| d.now != d.usual).count();
        Self {
            places: master.rounds.iter().map(|r| r.calls.len()).sum(),
            moved,
            retimed: deviations.len() - moved,
            price_fen: deviations.iter().map(|d| d.fen).sum(),
            saves_fen: None,
            deviations,
        }
    }

    /// The sums in one line.
    pub(super) fn words(&self, lang: Lang) -> String {
        let Self { moved, retimed, price_fen, .. } = self;
        lang.pick(
            format!("与固定班线相比：换车 {moved} 处，改时 {retimed} 处，偏离定价 {} 元", price_fen / 100),
            format!(
                "against the master rounds: {moved} places change van, {retimed} change time, priced at {} yuan",
                price_fen / 100
            ),
        )
    }
}

fn compare(args: &CompareArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (plan, inputs) = check::read_dir(&args.plan).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", args.plan.display()))
    })?;
    let master = read_master(&args.rounds)?;
    let county = &inputs.county;
    let saves_fen = (args.steps > 0).then(|| {
        let effort = Effort { steps: Some(args.steps), time: None, seed: 1, threads: 1 };
        let mode = Mode::Kept(master.rounds(county));
        let clock = Clock(Instant::now());
        let kept = night::compare(
            &mode,
            county,
            plan.date,
            &inputs.orders,
            &inputs.travel,
            &inputs.opening,
            &effort,
            &clock,
        );
        kept.cost_fen - plan.cost_fen
    });
    let compared = Compared { saves_fen, ..Compared::of(&plan, &master, county) };
    if args.json {
        print_json(&compared);
        return Ok(ExitCode::SUCCESS);
    }
    let clock = |s: i64| format!("{:02}:{:02}", s / 3600, s / 60 % 60);
    for d in &compared.deviations {
        println!(
            "{} {} -> {} {} -> {} {} fen",
            d.site,
            d.usual,
            d.now,
            clock(d.printed_s),
            clock(d.planned_s),
            d.fen
        );
    }
    println!("{}", compared.words(lang));
    if let Some(saves) = saves_fen {
        println!(
            "{}",
            lang.pick(
                format!("较照班线行驶省 {} 元", saves / 100),
                format!("saves {} yuan against keeping the rounds", saves / 100)
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The master rounds of a directory.
pub(super) fn read_master(dir: &Path) -> Result<Master, Failure> {
    let path = dir.join("rounds.json");
    let bytes = std::fs::read(&path).map_err(|err| Failure::input(format!("{}: {err}", path.display())))?;
    let master: Master =
        serde_json::from_slice(&bytes).map_err(|err| Failure::input(format!("{}: {err}", path.display())))?;
    if master.version > rounds::ROUNDS_VERSION {
        return Err(Failure::input(format!(
            "{}: version {} is newer than this program",
            path.display(),
            master.version
        )));
    }
    Ok(master)
}
