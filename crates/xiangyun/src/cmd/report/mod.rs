//! `xiangyun report`: what a plan is worth beside others.

mod baselines;
mod peer;

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
}

/// Runs the chosen report.
pub(crate) fn run(args: &ReportArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        ReportCommand::Baselines(args) => baselines::run(args, lang),
    }
}
