//! `xiangyun vrp`: the solver on its own, for public instances and for VROOM's and our JSON.

mod check;
mod clock;
mod document;
mod export;
mod solve;
mod words;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::process::ExitCode;
use xiangyun_model::problem::Problems;
use xiangyun_solver::io;
use xiangyun_solver::io::convention::{Convention, Kind};

/// Arguments of `vrp`.
#[derive(Args, Debug)]
pub(crate) struct VrpArgs {
    #[command(subcommand)]
    command: VrpCommand,
}

#[derive(Debug, Subcommand)]
enum VrpCommand {
    /// Solve an instance: VRPLIB and variants, Solomon, Li-Lim, JD, VROOM JSON or our JSON
    Solve(solve::SolveArgs),
    /// Price and check a solution against its instance; exit 1 if it breaks a rule
    Check(check::CheckArgs),
    /// The day of a plan as a one-tier problem for other solvers, on standard output
    Export(export::ExportArgs),
    /// Print the JSON schema of our own format
    Schema,
}

/// Runs the chosen command.
pub(crate) fn run(args: &VrpArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        VrpCommand::Solve(args) => solve::run(args, lang),
        VrpCommand::Check(args) => check::run(args, lang),
        VrpCommand::Export(args) => export::run(args, lang),
        VrpCommand::Schema => {
            print!("{}", io::rich::schema());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What kind of instance is meant, shared by the commands.
#[derive(Args, Debug)]
pub(crate) struct Meaning {
    /// Kind of problem, when the file does not tell: cvrp, vrptw, vrpb, vrpspd, vrpspdtw, pdptw, mdvrptw, hfvrp,
    /// mtvrptwr, pcvrptw, rich
    #[arg(long, value_name = "K")]
    kind: Option<Kind>,
    /// How lengths and costs are measured: round, dimacs, exact, hierarchical, jd (default: as the set is published)
    #[arg(long, value_name = "C")]
    convention: Option<Convention>,
}

/// Whether the text, or the user, says that the instance is JSON.
fn is_rich(text: &str, kind: Option<Kind>) -> bool {
    kind == Some(Kind::Rich) || io::detect(text) == Some(io::Detected::Json)
}

/// Problems of input as this group reports them.
fn refused(problems: Problems, json: bool) -> Failure {
    Failure::Problems { problems, json }
}
