//! `xiangyun report`: what a plan is worth beside others.

mod baselines;
mod neutrality;
mod peer;
mod robustness;
mod what_if;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    command: ReportCommand,
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// Plan the same day in other ways and price all by the same checker: writes baselines.json
    Baselines(baselines::BaselinesArgs),
    /// Replay a plan under noise: who is served in time, which link breaks first, what slack would cost
    Robustness(robustness::RobustnessArgs),
    /// Plan the day again: one van fewer, one more chilled section, a line more or fewer, a station closed, more parcels, earlier promises
    WhatIf(what_if::WhatIfArgs),
    /// Delay, refusal and share by carrier and by group of villages, and days without service
    Neutrality(neutrality::NeutralityArgs),
}

/// Runs the chosen report.
pub(crate) fn run(args: &ReportArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        ReportCommand::Baselines(args) => baselines::run(args, lang),
        ReportCommand::Robustness(args) => robustness::run(args, lang),
        ReportCommand::WhatIf(args) => what_if::run(args, lang),
        ReportCommand::Neutrality(args) => neutrality::run(args, lang),
    }
}

/// A plan and its inputs from a plan directory.
fn read_plan(
    dir: &std::path::Path,
) -> Result<(xiangyun_model::plan::Plan, xiangyun_planning::inputs::Inputs), Failure> {
    xiangyun_planning::check::read_dir(dir).map_err(|violations| {
        let first = violations.first().map_or_else(String::new, |v| format!("{}: {}", v.at, v.found));
        Failure::input(format!("{}: {first}", dir.display()))
    })
}
