//! `vrp solve`: reads, searches, checks, prints.

use super::clock::{Clock, Watch};
use super::document::{CostNumber, Solved, rounded};
use super::{Meaning, refused};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use xiangyun_solver::budget::THREADS_MAX;
use xiangyun_solver::check;
use xiangyun_solver::io::instance::Instance;
use xiangyun_solver::io::{self, pose, sol};
use xiangyun_solver::{Budget, Locks, solve};

/// Seconds searched when neither `--seconds` nor `--steps` is given.
const SECONDS_DEFAULT: f64 = 10.0;
/// Most seconds of a search.
const SECONDS_MAX: f64 = 1e7;

/// Arguments of `vrp solve`.
#[derive(Args, Debug)]
pub(crate) struct SolveArgs {
    /// The instance
    file: PathBuf,
    #[command(flatten)]
    meaning: Meaning,
    /// Time of the search in seconds, reading excluded (default: 10)
    #[arg(long, value_name = "S", value_parser = seconds, conflicts_with = "steps")]
    seconds: Option<f64>,
    /// Which clock the seconds are: wall, or the process's processor time
    #[arg(long, value_enum, default_value_t = Clock::Wall)]
    clock: Clock,
    /// Iterations instead of time; then no clock influences the result
    #[arg(long, value_name = "N")]
    steps: Option<u64>,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Threads; with 1 the process has one thread in all
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// A solution to begin from
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// Where the solution is written, in CVRPLIB style
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=SECONDS_MAX).contains(&value) => Ok(value),
        _ => Err(format!("a decimal number of seconds from 0 to {SECONDS_MAX}")),
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(value) if (1..=THREADS_MAX).contains(&value) => Ok(value),
        _ => Err(format!("a whole number from 1 to {THREADS_MAX}")),
    }
}

impl SolveArgs {
    fn budget(&self) -> Budget {
        let base = match (self.steps, self.seconds) {
            (Some(steps), _) => Budget::steps(steps),
            (None, seconds) => Budget::time(Duration::from_secs_f64(seconds.unwrap_or(SECONDS_DEFAULT))),
        };
        base.seed(self.seed).threads(self.threads)
    }

    fn bar(&self) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        }
        ProgressBar::new_spinner()
    }
}

/// Solves and prints; exit 1 if what was found breaks a rule or leaves out what must be served.
pub(crate) fn run(args: &SolveArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let text = io::read_text(&args.file).map_err(|p| refused(p, args.json))?;
    let name = args.file.display().to_string();
    let instance = io::read_instance(&text, &name, args.meaning.kind).map_err(|p| refused(p, args.json))?;
    drop(text);
    public(args, lang, &instance)
}

fn public(args: &SolveArgs, lang: Lang, instance: &Instance) -> Result<ExitCode, Failure> {
    let refuse = |problems| refused(problems, args.json);
    let convention = args.meaning.convention.unwrap_or_else(|| instance.default_convention());
    let posed = pose::pose(instance, convention).map_err(refuse)?;
    let start = match &args.start {
        Some(path) => {
            let text = io::read_text(path).map_err(refuse)?;
            Some(posed.solution(&sol::read(&text, &path.display().to_string()).map_err(refuse)?.routes))
        }
        None => None,
    };
    let watch = Watch::start(args.clock, args.bar());
    let outcome = solve(&posed.problem, start.as_ref(), &Locks::none(), &args.budget(), &watch);
    let (seconds, cpu_seconds) = watch.spent();
    let routes = posed.routes(&outcome.solution);
    let report = check::public::check(instance, &routes, convention);
    let cost = check::public::printed(report.cost, convention);
    if let Some(path) = &args.out {
        write(path, &sol::write(&routes, &cost))?;
    }
    let solved = Solved {
        instance: &instance.name,
        kind: instance.kind.name(),
        convention: convention.name(),
        cost: CostNumber::new(report.cost, convention),
        vehicles: report.vehicles,
        routes: &routes,
        unassigned: posed.unassigned(&outcome.solution),
        feasible: report.ok,
        seconds: rounded(seconds),
        cpu_seconds: rounded(cpu_seconds),
        iterations: outcome.iterations,
        seed: args.seed,
        threads: args.threads,
        version: env!("CARGO_PKG_VERSION"),
    };
    if args.json {
        print_json(&solved);
    } else {
        print!("{}", sol::write(&routes, &cost));
        let n = outcome.iterations;
        let (name, vehicles) = (&instance.name, report.vehicles);
        eprintln!(
            "{}",
            lang.pick(
                format!("{name}：费用 {cost}，车辆 {vehicles}，{seconds:.2} 秒，{n} 步"),
                format!("{name}: cost {cost}, vehicles {vehicles}, {seconds:.2} s, {n} steps"),
            )
        );
        for violation in &report.violations {
            eprintln!("{}: {}: {} ({})", violation.code, violation.place, violation.found, violation.limit);
        }
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

/// Writes a whole file or none: beside it first, then renamed.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(|err| Failure::could_not(&err))
}
