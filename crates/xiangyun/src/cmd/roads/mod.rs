//! `xiangyun roads …`: the road network, from a county's facts or an OSM extract to answers.

mod synthesize;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Arguments of `roads`.
#[derive(Args, Debug)]
pub(crate) struct RoadsArgs {
    #[command(subcommand)]
    command: RoadsCommand,
}

#[derive(Debug, Subcommand)]
enum RoadsCommand {
    /// Make a county's plausible network from its facts (OSM PBF, synthetic, not surveyed)
    Synthesize(synthesize::SynthesizeArgs),
}

/// Runs one of the group.
pub(crate) fn run(args: &RoadsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        RoadsCommand::Synthesize(args) => synthesize::run(args, lang),
    }
}
