//! `xiangyun check`: the independent checker on a plan directory.

use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_planning::check::{self, Verdict, cells};
use xiangyun_roads::Network;

/// Arguments of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Prepared road network: also derives 500 cells of the travel tables again by plain Dijkstra
    #[arg(long, value_name = "ROADS")]
    roads: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Checks and prints the verdict; exit 1 when a rule is broken.
pub(crate) fn run(args: &CheckArgs, lang: Lang) -> Result<ExitCode, Failure> {
    if !args.plan.is_dir() {
        let path = args.plan.display();
        return Err(Failure::input(
            lang.pick(format!("{path}：没有这个计划目录"), format!("{path}: no such plan directory")),
        ));
    }
    let verdict = match &args.roads {
        None => check::check_dir(&args.plan),
        Some(roads) => with_roads(&args.plan, roads)?,
    };
    if args.json {
        print_json(&verdict);
    } else {
        print(&verdict, lang);
    }
    Ok(if verdict.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn with_roads(plan_dir: &std::path::Path, roads: &std::path::Path) -> Result<Verdict, Failure> {
    let network = Network::open(roads).map_err(|err| Failure::input(format!("{} {err}", err.code())))?;
    let Ok((plan, inputs)) = check::read_dir(plan_dir) else { return Ok(check::check_dir(plan_dir)) };
    let cells = cells::check_cells(&plan, &inputs, &network).map_err(|err| Failure::could_not(&err))?;
    Ok(cells::both(check::check(&plan, &inputs), cells))
}

fn print(verdict: &Verdict, lang: Lang) {
    for v in &verdict.violations {
        println!(
            "{} {}: {} ({})",
            v.code,
            v.at,
            v.found,
            lang.pick(format!("应为 {}", v.limit), format!("limit: {}", v.limit))
        );
    }
    let n = verdict.violations.len();
    if verdict.ok {
        println!("{}", lang.pick("通过：没有违反任何规则", "ok: no rule is broken"));
    } else {
        println!("{}", lang.pick(format!("违反规则 {n} 处"), format!("{n} violations")));
    }
}
