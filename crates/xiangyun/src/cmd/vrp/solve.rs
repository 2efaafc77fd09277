//! `vrp solve`: reads, searches, checks, prints.

use super::clock::{Clock, Watch};
use super::document::{CostNumber, Solved, rounded};
use super::{Meaning, is_rich, refused, words};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use xiangyun_solver::budget::THREADS_MAX;
use xiangyun_solver::check::rich::RichReport;
use xiangyun_solver::check::{self, Report};
use xiangyun_solver::explain::document::Names;
use xiangyun_solver::explain::{self, Effort};
use xiangyun_solver::io::convention::Convention;
use xiangyun_solver::io::instance::Instance;
use xiangyun_solver::io::rich::{self, RichFile};
use xiangyun_solver::io::{self, pose, sol};
use xiangyun_solver::{Budget, Locks, StepsOnly, solve};

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
    /// End after so many iterations without a better plan
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    flat_steps: Option<u64>,
    /// Seed of every random choice
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Threads; with 1 the process has one thread in all
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// A solution to begin from, instead of the plan that a JSON instance may hold
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// Say why each visit left out stays, what would let it in, and what each lock costs (JSON instances)
    #[arg(long)]
    explain: bool,
    /// Where the solution is written: CVRPLIB style, or by ids if the name ends in .json and the instance is JSON
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
        Budget { flat_steps: self.flat_steps, ..base.seed(self.seed).threads(self.threads) }
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
    if is_rich(&text, args.meaning.kind) {
        let file = rich::read(&text, &name).map_err(|p| refused(p, args.json))?;
        drop(text);
        return rich_problem(args, lang, &file);
    }
    let instance = io::read_instance(&text, &name, args.meaning.kind).map_err(|p| refused(p, args.json))?;
    drop(text);
    public(args, lang, &instance)
}

/// A JSON instance: routes are numbers, one a vehicle; `-o` with `.json` writes the plan by ids (VROOM's answer if
/// the instance was VROOM's), else CVRPLIB style.
fn rich_problem(args: &SolveArgs, lang: Lang, file: &RichFile) -> Result<ExitCode, Failure> {
    let refuse = |problems| refused(problems, args.json);
    if let Some(convention) = args.meaning.convention.filter(|&c| c != Convention::Exact) {
        return Err(Failure::input(lang.pick(
            format!("JSON 算例没有口径 {convention}；去掉 --convention"),
            format!("a JSON instance has no convention {convention}; leave --convention out"),
        )));
    }
    let posed = rich::pose::pose(&file.rich).map_err(refuse)?;
    if args.start.is_some() && !file.rich.locks.is_empty() {
        return Err(Failure::input(lang.pick(
            "算例锁定了它自己的 plan；去掉 --start",
            "the instance locks parts of its own plan; leave --start out",
        )));
    }
    let start = match &args.start {
        Some(path) => {
            let text = io::read_text(path).map_err(refuse)?;
            let read = rich::solution::read(file, &text, &path.display().to_string()).map_err(refuse)?;
            Some(posed.solution(&read.routes))
        }
        None => posed.start.clone(),
    };
    let watch = Watch::start(args.clock, args.bar());
    let outcome = solve(&posed.problem, start.as_ref(), &posed.locks, &args.budget(), &watch);
    let (seconds, cpu_seconds) = watch.spent();
    let routes = posed.routes(&outcome.solution);
    let checked = check::rich::check(file, &routes);
    let cost = check::public::printed(checked.report.cost, Convention::Exact);
    if let Some(path) = &args.out {
        let text = match (path.extension().is_some_and(|e| e == "json"), &file.vroom) {
            (false, _) => sol::write(&routes, &cost),
            (true, Some(names)) => {
                to_line(&rich::vroom_out::write(&file.rich, names, &routes, &checked.times))
            }
            (true, None) => {
                to_line(&rich::solution::write(&file.rich, &routes, checked.cost, &stop_times(&checked)))
            }
        };
        write(path, &text)?;
    }
    let explained = args.explain.then(|| {
        let names = Names { problem: &posed.problem, money: file.vroom.as_ref().map_or(1, |v| v.cost_scale) };
        let effort = Effort { seed: args.seed, ..Effort::default() };
        let why = explain::unassigned(&posed.problem, &outcome.solution, &posed.locks, &effort, &StepsOnly);
        let locks =
            explain::lock_prices(&posed.problem, &outcome.solution, &posed.locks, &effort, &StepsOnly);
        (names.explained(&why), names.locks(&locks))
    });
    let solved = Solved {
        instance: &file.rich.name,
        kind: "rich",
        convention: Convention::Exact.name(),
        cost: CostNumber::new(checked.report.cost, Convention::Exact),
        vehicles: checked.report.vehicles,
        routes: &routes,
        unassigned: &checked.unassigned,
        feasible: checked.report.ok,
        seconds: rounded(seconds),
        cpu_seconds: rounded(cpu_seconds),
        iterations: outcome.iterations,
        seed: args.seed,
        threads: args.threads,
        version: env!("CARGO_PKG_VERSION"),
        explanations: explained.as_ref().map(|(why, _)| why.clone()),
        lock_prices: explained.as_ref().map(|(_, locks)| locks.clone()),
    };
    show(args, lang, &solved, &sol::write(&routes, &cost), &checked.report);
    if let Some((why, locks)) = explained.filter(|_| !args.json) {
        for line in why.iter().flat_map(|one| words::explanation(one, lang)) {
            eprintln!("{line}");
        }
        for one in &locks {
            eprintln!("{}", words::lock(one, lang));
        }
    }
    Ok(if checked.report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn to_line<T: serde::Serialize>(document: &T) -> String {
    let mut text = serde_json::to_string(document).expect("our own documents have string keys only");
    text.push('\n');
    text
}

/// Times of each stop; what was over before the search has none.
fn stop_times(checked: &RichReport) -> Vec<Vec<Option<[i64; 3]>>> {
    let of = |route: &check::rich::RouteTimes| {
        let ahead = route.stops.iter().map(|s| Some([s.arrive, s.begin, s.end]));
        std::iter::repeat_n(None, route.over).chain(ahead).collect()
    };
    checked.times.iter().map(of).collect()
}

fn public(args: &SolveArgs, lang: Lang, instance: &Instance) -> Result<ExitCode, Failure> {
    let refuse = |problems| refused(problems, args.json);
    if args.explain {
        return Err(Failure::input(
            lang.pick("--explain 只用于 JSON 算例", "--explain is for JSON instances"),
        ));
    }
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
        explanations: None,
        lock_prices: None,
    };
    show(args, lang, &solved, &sol::write(&routes, &cost), &report);
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

/// Prints the document, or the solution with a line about it.
fn show<R: serde::Serialize, U: serde::Serialize>(
    args: &SolveArgs,
    lang: Lang,
    solved: &Solved<'_, R, U>,
    text: &str,
    report: &Report,
) {
    if args.json {
        return print_json(solved);
    }
    print!("{text}");
    let Solved { instance, vehicles, seconds, iterations, .. } = solved;
    let cost = text.rsplit_once("Cost ").map_or("", |(_, cost)| cost.trim());
    eprintln!(
        "{}",
        lang.pick(
            format!("{instance}：费用 {cost}，车辆 {vehicles}，{seconds:.2} 秒，{iterations} 步"),
            format!("{instance}: cost {cost}, vehicles {vehicles}, {seconds:.2} s, {iterations} steps"),
        )
    );
    for violation in &report.violations {
        eprintln!("{}: {}: {} ({})", violation.code, violation.place, violation.found, violation.limit);
    }
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
