//! One module a command group: arguments, then the work, then what is printed.

pub(crate) mod check;
pub(crate) mod demo;
mod effort;
pub(crate) mod errors;
pub(crate) mod mend;
pub(crate) mod orders;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod roads;
pub(crate) mod rounds;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod telematics;
pub(crate) mod vrp;

use crate::cli::Command;
use crate::locale::Lang;
use crate::report::Failure;
use std::process::ExitCode;

/// Runs the chosen command.
pub(crate) fn run(command: Command, lang: Lang) -> Result<ExitCode, Failure> {
    match command {
        Command::Plan(args) => plan::run(&args, lang),
        Command::Mend(args) => mend::run(&args, lang),
        Command::Rounds(args) => rounds::run(&args, lang),
        Command::Explain(args) => plan::explain(&args, lang),
        Command::Demo(args) => demo::run(&args, lang),
        Command::Simulate(args) => simulate::run(&args, lang),
        Command::Errors(args) => errors::run(&args, lang),
        Command::Report(args) => report::run(&args, lang),
        Command::Roads(args) => roads::run(&args, lang),
        Command::Check(args) => check::run(&args, lang),
        Command::Orders(args) => orders::run(&args, lang),
        Command::Serve(args) => serve::run(&args, lang),
        Command::Verify(args) => serve::verify(&args, lang),
        Command::Backup(args) => serve::backup(&args, lang),
        Command::Restore(args) => serve::restore(&args, lang),
        Command::Export(args) => serve::export(&args, lang),
        Command::Telematics(args) => telematics::run(&args, lang),
        Command::Vrp(args) => vrp::run(&args, lang),
    }
}
