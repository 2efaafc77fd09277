//! `vrp check`: the independent checker on a solution file.

use super::document::{Checked, CostNumber};
use super::{Meaning, is_rich, refused};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_solver::check::{self, Report};
use xiangyun_solver::io::convention::Convention;
use xiangyun_solver::io::{self, rich, sol};

/// Arguments of `vrp check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The instance
    file: PathBuf,
    /// The solution: CVRPLIB style, or for JSON instances our plan or VROOM's answer
    solution: PathBuf,
    #[command(flatten)]
    meaning: Meaning,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Checks and prints; exit 1 if a rule is broken.
pub(crate) fn run(args: &CheckArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let refuse = |problems| refused(problems, args.json);
    let text = io::read_text(&args.file).map_err(refuse)?;
    let name = args.file.display().to_string();
    if is_rich(&text, args.meaning.kind) {
        let file = rich::read(&text, &name).map_err(refuse)?;
        let text = io::read_text(&args.solution).map_err(refuse)?;
        let solution =
            rich::solution::read(&file, &text, &args.solution.display().to_string()).map_err(refuse)?;
        let report = check::rich::check(&file, &solution.routes).report;
        print(&report, Convention::Exact, args.json, lang);
        return Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) });
    }
    let instance = io::read_instance(&text, &name, args.meaning.kind).map_err(refuse)?;
    let convention = args.meaning.convention.unwrap_or_else(|| instance.default_convention());
    let text = io::read_text(&args.solution).map_err(refuse)?;
    let solution = sol::read(&text, &args.solution.display().to_string()).map_err(refuse)?;
    let report = check::public::check(&instance, &solution.routes, convention);
    print(&report, convention, args.json, lang);
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn print(report: &Report, convention: Convention, json: bool, lang: Lang) {
    let Report { ok, cost, vehicles, violations } = report;
    if json {
        let cost = CostNumber::new(*cost, convention);
        return print_json(&Checked { ok: *ok, cost, vehicles: *vehicles, violations });
    }
    let verdict = match (ok, lang) {
        (true, Lang::Zh) => "可行",
        (true, Lang::En) => "sound",
        (false, Lang::Zh) => "不可行",
        (false, Lang::En) => "not sound",
    };
    let cost = check::public::printed(*cost, convention);
    println!(
        "{}",
        lang.pick(
            format!("{verdict}：费用 {cost}，车辆 {vehicles}"),
            format!("{verdict}: cost {cost}, vehicles {vehicles}")
        )
    );
    for violation in violations {
        println!("{}: {}: {} ({})", violation.code, violation.place, violation.found, violation.limit);
    }
}
