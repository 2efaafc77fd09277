//! `xiangyun mend`: the dawn plan from an evening plan and what really arrived.

use crate::cmd::effort::{Clock, EffortArgs};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use xiangyun_model::problem::Problems;
use xiangyun_planning::check;
use xiangyun_planning::county::Files;
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::mend::{self, Dawn, Mended, Way};
use xiangyun_planning::orders::{self, Source};
use xiangyun_planning::output::MapData;
use xiangyun_planning::publish::{self, Made, PublishError};

/// Arguments of `mend`.
#[derive(Args, Debug)]
pub(crate) struct MendArgs {
    /// Plan directory of the evening
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// What really arrived: an orders file with the column arrived_at
    #[arg(long, value_name = "FILE")]
    arrivals: PathBuf,
    /// Plan directory to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Vans whose loading has begun: they keep their places and order
    #[arg(long, value_name = "VEHICLE", value_delimiter = ',')]
    loading: Vec<String>,
    #[command(flatten)]
    search: EffortArgs,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    date: jiff::civil::Date,
    orders: u64,
    served: u64,
    unassigned: u64,
    cost_fen: i64,
    seconds: f64,
    violations: usize,
    #[serde(flatten)]
    mended: &'a Mended,
}

/// Mends a plan.
pub(crate) fn run(args: &MendArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let (evening, inputs) = check::read_dir(&args.plan).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", args.plan.display()))
    })?;
    for van in &args.loading {
        if !inputs.county.vehicles.iter().any(|v| v.id.as_str() == van) {
            return Err(Failure::input(format!(
                "--loading {van}: {}",
                lang.pick("没有这辆车", "no such vehicle")
            )));
        }
    }
    let mut problems = Problems::new();
    let bytes = std::fs::read(&args.arrivals)
        .map_err(|err| Failure::input(format!("{}: {err}", args.arrivals.display())))?;
    let name = args.arrivals.to_string_lossy();
    let scanned = orders::read(
        &name,
        &bytes,
        Source::Own,
        &HashMap::new(),
        &inputs.county,
        evening.date,
        &mut problems,
    );
    let mut files = Files::read_dir(&args.plan.join("inputs")).map_err(refuse)?;
    if !problems.is_empty() {
        return Err(refuse(problems));
    }
    let arrived = mend::arrivals(&inputs, &scanned);
    let effort = args.search.effort(mend::usual_time(arrived.rows.len()).as_secs_f64(), lang)?;
    let Dawn { plan, rows, waves, mended } =
        mend::mend(&evening, &inputs, evening.date, &arrived, &args.loading, &effort, &Clock(began));
    if waves != inputs.county.waves {
        let toml =
            files.get("county.toml").map(|b| String::from_utf8_lossy(b).into_owned()).unwrap_or_default();
        files.insert("county.toml", mend::with_waves(&toml, &waves).into_bytes());
    }
    let mut county = inputs.county.clone();
    county.waves = waves;
    let synthetic = county.synthetic_roads;
    let inputs = Inputs { county, orders: rows, opening: inputs.opening, travel: inputs.travel };
    let made = Made {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: effort.seed,
        steps: effort.steps,
        threads: effort.threads,
        synthetic_roads: synthetic,
    };
    // The directory of a plan holds no road network: its map draws straight lines.
    let map = MapData { synthetic_roads: synthetic, ..MapData::default() };
    let violations = match publish::publish(&args.out, &plan, &inputs, &files, &made, &map) {
        Ok(()) => 0,
        Err(PublishError::Refused { violations, .. }) => {
            for v in violations.iter().take(50) {
                eprintln!("{} {}: {} ({})", v.code, v.at, v.found, v.limit);
            }
            violations.len()
        }
        Err(err @ PublishError::Occupied(_)) => return Err(Failure::input(err.to_string())),
        Err(err) => return Err(Failure::could_not(&err)),
    };
    let document = Document {
        date: plan.date,
        orders: plan.orders,
        served: plan.served(),
        unassigned: plan.unassigned.len() as u64,
        cost_fen: plan.cost_fen,
        seconds: began.elapsed().as_secs_f64(),
        violations,
        mended: &mended,
    };
    if violations == 0 {
        let text = serde_json::to_vec_pretty(&mended).expect("our own documents have string keys only");
        std::fs::write(args.out.join("mend.json"), text).map_err(|err| Failure::could_not(&err))?;
    }
    if args.json {
        print_json(&document);
    } else {
        say(&document, lang);
    }
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn say(document: &Document<'_>, lang: Lang) {
    let Document { date, orders, served, unassigned, cost_fen, seconds, violations, mended } = document;
    let (yuan, moved, villages) = (cost_fen / 100, mended.moved, mended.villages);
    println!(
        "{}",
        lang.pick(
            format!("{date}：到件后订单 {orders}，已安排 {served}，未安排 {unassigned}，费用 {yuan} 元，换车村点 {moved}/{villages}，用时 {seconds:.1} 秒，违规 {violations}"),
            format!("{date}: {orders} orders after arrival, {served} served, {unassigned} left, {yuan} yuan, {moved} of {villages} places change van, {seconds:.1} s, {violations} violations"),
        )
    );
    let Mended { trunk_trips, trunk_kept, trunk_unchanged, trunk_rerouted, trunk_cancelled, .. } = mended;
    let Mended { trunk_added, lines, lines_kept, crews_added, .. } = mended;
    let added = if crews_added.is_empty() { "0".to_owned() } else { crews_added.join(" ") };
    println!(
        "{}",
        lang.pick(
            format!("干线趟次保持 {trunk_kept}/{trunk_trips}（次序与时刻不变 {trunk_unchanged}），改线 {trunk_rerouted}，取消 {trunk_cancelled}，新增 {trunk_added}；班线保持 {lines_kept}/{lines}；加派车辆 {added}"),
            format!("{trunk_kept} of {trunk_trips} trunk trips stay ({trunk_unchanged} in order and time too), {trunk_rerouted} re-routed, {trunk_cancelled} cancelled, {trunk_added} added; {lines_kept} of {lines} departures of lines stay; vehicles added: {added}"),
        )
    );
    for late in &mended.late {
        let word = |way: Way| match way {
            Way::Hold => lang.pick("波次等待", "hold the wave"),
            Way::Split => lang.pick("随后一波次", "a later wave"),
            Way::Miss => lang.pick("改日", "another day"),
        };
        let ways: Vec<String> =
            late.ways.iter().map(|&(way, fen)| format!("{} {} 元", word(way), fen / 100)).collect();
        println!(
            "{}",
            lang.pick(
                format!(
                    "{} 晚到 {} 分钟，{} 件，{}：{}（{}）",
                    late.carrier,
                    late.late_s / 60,
                    late.parcels,
                    late.wave,
                    word(late.taken),
                    ways.join("，")
                ),
                format!(
                    "{} is {} min late with {} parcels for {}: {} ({})",
                    late.carrier,
                    late.late_s / 60,
                    late.parcels,
                    late.wave,
                    word(late.taken),
                    ways.join(", ").replace("元", "yuan")
                ),
            )
        );
    }
}
