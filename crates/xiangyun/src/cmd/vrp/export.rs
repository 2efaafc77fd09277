//! `vrp export`: the day of a plan directory as a one-tier problem for other solvers.

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_planning::check;
use xiangyun_planning::export::{OneTier, day, orders_of};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// VROOM's input: one matrix a profile, one vehicle for each trip slot, no compartments or breaks
    Vroom,
    /// Our JSON: the same visits with compartments, several trips, releases and rests
    Json,
}

/// Arguments of `vrp export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Format of the problem on standard output
    #[arg(long, value_enum)]
    format: Format,
}

/// Prints the problem on standard output.
pub(crate) fn run(args: &ExportArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let path = args.plan.display();
    if !args.plan.is_dir() {
        return Err(Failure::input(
            lang.pick(format!("{path}：没有这个计划目录"), format!("{path}: no such plan directory")),
        ));
    }
    let (plan, inputs) = check::read_dir(&args.plan).map_err(|violations| {
        let list: Vec<String> =
            violations.iter().map(|v| format!("{} {}: {} ({})", v.code, v.at, v.found, v.limit)).collect();
        Failure::input(list.join("\n"))
    })?;
    let orders = orders_of(&inputs);
    let day = day(&inputs, &orders, plan.date);
    let problem = OneTier::new(&day);
    match args.format {
        Format::Vroom => print_json(&problem.vroom()),
        Format::Json => print_json(&problem.rich(&format!("{} {}", plan.county, plan.date))),
    }
    Ok(ExitCode::SUCCESS)
}
