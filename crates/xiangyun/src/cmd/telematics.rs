//! `xiangyun telematics`: what vehicles say, in captures and on the wire.

mod codec;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Arguments of `telematics`.
#[derive(Args, Debug)]
pub(crate) struct TelematicsArgs {
    #[command(subcommand)]
    command: TelematicsCommand,
}

#[derive(Debug, Subcommand)]
enum TelematicsCommand {
    /// Decode lines of standard input: JT frames and MessagePack in hex, app reports in JSON; one JSON line each
    Decode(codec::CodecArgs),
    /// Turn lines that decode wrote, or messages alone, back into frames and reports
    Encode(codec::CodecArgs),
}

/// Runs the chosen command.
pub(crate) fn run(args: &TelematicsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        TelematicsCommand::Decode(args) => codec::decode(args, lang),
        TelematicsCommand::Encode(args) => codec::encode(args, lang),
    }
}
