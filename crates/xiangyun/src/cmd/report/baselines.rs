//! `report baselines`: the day of a plan directory planned in other ways, with the same fleet, promises, prices and checker.

use super::peer::Peer;
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use xiangyun_model::plan::Plan;
use xiangyun_model::problem::Problems;
use xiangyun_planning::baselines::{self, Engine, Mode, Row};
use xiangyun_planning::check::{self, Verdict};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow, Source};
use xiangyun_planning::search::Effort;
use xiangyun_planning::{closing, generate, night};
use xiangyun_solver::Control;

/// Steps of each row when nothing else is said.
const STEPS: u64 = 200_000;
/// Seed of the orders of the day before.
const DEMAND_SEED: u64 = 1;

/// Arguments of `report baselines`.
#[derive(Args, Debug)]
pub(crate) struct BaselinesArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Steps of search of each row (default: 200000)
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Rows beside ours, with commas between (default: all): a, a-today, b, c, d, e, f
    #[arg(long, value_name = "ROWS", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(baselines::ROWS))]
    rows: Vec<String>,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// The engine behind every row; no clock influences a plan.
struct Night {
    seed: u64,
    date: jiff::civil::Date,
    peer: Option<Peer>,
}

struct Steps(Instant);

impl Control for Steps {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Night {
    fn effort(&self, steps: u64) -> Effort {
        Effort { steps: Some(steps), time: None, seed: self.seed, threads: 1 }
    }
}

impl Engine for Night {
    type Error = Failure;

    fn plan(&self, inputs: &Inputs, rows: &[OrderRow], mode: &Mode, steps: u64) -> Result<Plan, Failure> {
        Ok(night::compare(
            mode,
            &inputs.county,
            self.date,
            rows,
            &inputs.travel,
            &inputs.opening,
            &self.effort(steps),
            &Steps(Instant::now()),
        ))
    }

    fn pipeline(&self, inputs: &Inputs) -> Result<Option<Plan>, Failure> {
        let Some(peer) = &self.peer else { return Ok(None) };
        let plan = night::pipeline(
            &inputs.county,
            self.date,
            &inputs.orders,
            &inputs.travel,
            &inputs.opening,
            &|problem| peer.solve(problem),
        );
        match peer.failure() {
            Some(text) => Err(Failure::CouldNot(text)),
            None => Ok(Some(plan)),
        }
    }

    fn check(&self, inputs: &Inputs, rows: &[OrderRow], plan: &Plan) -> Verdict {
        let own = Inputs {
            county: inputs.county.clone(),
            orders: rows.to_vec(),
            opening: inputs.opening.clone(),
            travel: inputs.travel.clone(),
        };
        check::check(plan, &own)
    }

    /// The day before, with the demand profile whose volume is nearest to the day's and the same travel tables.
    fn day_before(&self, inputs: &Inputs, steps: u64) -> Result<Plan, Failure> {
        let county = &inputs.county;
        let date = self.date.yesterday().map_err(|err| Failure::could_not(&err))?;
        let down = inputs.orders.iter().filter(|r| r.order.origin == county.hub).count() as i64;
        let profile = county
            .demand
            .profiles
            .iter()
            .min_by_key(|(name, volumes)| ((volumes.down - down).abs(), (*name).clone()))
            .map_or("default", |(name, _)| name.as_str());
        let records =
            generate::day(county, date, DEMAND_SEED, profile).map_err(|err| Failure::could_not(&err))?;
        let mut problems = Problems::new();
        let bytes = orders::write(&records);
        let rows =
            orders::read("yesterday", &bytes, Source::Own, &HashMap::new(), county, date, &mut problems);
        if !problems.is_empty() {
            return Err(Failure::Problems { problems, json: false });
        }
        let opening = closing::empty(county, date);
        Ok(night::compare(
            &Mode::Whole,
            county,
            date,
            &rows,
            &inputs.travel,
            &opening,
            &self.effort(steps),
            &Steps(Instant::now()),
        ))
    }
}

/// Makes all rows, prints them and writes `baselines.json` beside the plan.
pub(crate) fn run(args: &BaselinesArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (plan, inputs) = check::read_dir(&args.plan).map_err(|violations| {
        let first =
            violations.first().map_or_else(String::new, |v| format!("{} {}: {}", v.code, v.at, v.found));
        Failure::input(format!("{}: {first}", args.plan.display()))
    })?;
    let night = Night { seed: args.seed, date: plan.date, peer: Peer::find() };
    if night.peer.is_none() && !args.json {
        eprintln!(
            "{}",
            lang.pick("未安装 PyVRP，基线 (e) 从略", "PyVRP is not installed: row (e) is left out")
        );
    }
    let tell = |row: &Row| {
        if !args.json {
            println!("{}", line(row, lang));
        }
    };
    let steps = args.steps.unwrap_or(STEPS);
    let wanted = |id: &str| args.rows.is_empty() || args.rows.iter().any(|r| r == id);
    let rows = baselines::rows(&night, &inputs, plan.date, steps, wanted, tell)?;
    let mut bytes = serde_json::to_vec_pretty(&rows).expect("rows have text keys only");
    bytes.push(b'\n');
    let (path, part) = (args.plan.join("baselines.json"), args.plan.join(".baselines.json.part"));
    std::fs::write(&part, &bytes)
        .and_then(|()| std::fs::rename(&part, &path))
        .map_err(|err| Failure::CouldNot(format!("{}: {err}", path.display())))?;
    if args.json {
        print_json(&rows);
    }
    let all_ok = rows.iter().all(|row| row.ok);
    Ok(if all_ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn line(row: &Row, lang: Lang) -> String {
    let Row { id, name_zh, name_en, orders, served, cost_fen, vehicles, violations, dearer_ppm, .. } = row;
    let (yuan, km, above) = (*cost_fen as f64 / 100.0, row.metres / 1000, *dearer_ppm as f64 / 10_000.0);
    lang.pick(
        format!("{id:8} {name_zh}：订单 {orders}，完成 {served}，{yuan:.2} 元（{above:+.2} %），{km} 公里，车辆 {vehicles}，违规 {violations}"),
        format!("{id:8} {name_en}: {orders} orders, {served} served, {yuan:.2} yuan ({above:+.2} %), {km} km, {vehicles} vehicles, {violations} violations"),
    )
}
