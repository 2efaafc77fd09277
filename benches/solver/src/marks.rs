//! `MODE=marks`: what must hold of the search apart from plans: the first plan, overruns, the growth of an
//! iteration's cost with the size of the problem, two threads against one, one more job in a running plan.

use crate::Options;
use crate::judge::{instance, processor};
use crate::report::replace;
use crate::runs::thread_time;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use xiangyun_solver::io::convention::Convention;
use xiangyun_solver::io::pose::pose;
use xiangyun_solver::problem::{
    Job, Matrix, PlaceId, Problem, ProblemBuilder, Rounding, VehicleKind, Window,
};
use xiangyun_solver::{Budget, Control, JobLock, Locks, Outcome, Progress, Solution, solve};

/// Where a first plan within 0.1 s and no overrun are asked for, about a thousand jobs each, and its convention.
const THOUSANDS: &[(&str, Convention)] = &[
    ("cvrp-x/X-n1001-k43.vrp", Convention::Round),
    ("vrptw-gh1000-dimacs/R1_10_4.vrp", Convention::Dimacs),
    ("vrptw-gh1000-dimacs/RC2_10_6.vrp", Convention::Dimacs),
    ("mdvrptw/PR24A.vrp", Convention::Exact),
];
/// Two threads against one.
const TEAMS: &[(&str, Convention)] = &[
    ("cvrp-x/X-n200-k36.vrp", Convention::Round),
    ("vrptw-solomon/R202.txt", Convention::Dimacs),
    ("vrpspd/SALHI/CMT2X.vrpspd", Convention::Exact),
    ("vrpspdtw-jd/200_1.vrpsdptw", Convention::Jd),
];
const TEAM_SECONDS: u64 = 3;
const TEAM_SEEDS: u64 = 10;
/// Sizes at which an iteration is timed; how many iterations, for each job and in all; how often.
const SIZES: [usize; 5] = [1_000, 2_000, 4_000, 7_000, 10_000];
const STEPS_EACH: u64 = 100;
const STEPS: u64 = 100_000;
const GROWTH_RUNS: u64 = 5;
/// Stops of the running plan into which one more job goes, and how often.
const LIVE_STOPS: usize = 262;
const LIVE_TRIES: u64 = 300;

/// Notes when plans were found.
struct Watch<T: Fn() -> Duration + Sync> {
    now: T,
    first: Mutex<Option<Duration>>,
}

impl<T: Fn() -> Duration + Sync> Control for Watch<T> {
    fn elapsed(&self) -> Duration {
        (self.now)()
    }

    fn improved(&self, progress: &Progress) {
        if let (0, Ok(mut first)) = (progress.missing, self.first.lock()) {
            first.get_or_insert_with(|| (self.now)());
        }
    }
}

struct Timed {
    outcome: Outcome,
    /// When the first complete plan was there, and when all was over.
    first: Duration,
    all: Duration,
}

/// Searches on this thread's processor clock.
fn timed(problem: &Problem, start: Option<&Solution>, locks: &Locks, budget: &Budget) -> Timed {
    let begin = thread_time();
    let watch = Watch { now: || thread_time().saturating_sub(begin), first: Mutex::new(None) };
    let outcome = solve(problem, start, locks, budget, &watch);
    let all = watch.elapsed();
    let first = watch.first.lock().ok().and_then(|first| *first).unwrap_or(all);
    Timed { outcome, first, all }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn problem(options: &Options, file: &str, convention: Convention) -> Result<Problem, String> {
    let path = options.instances.join(file);
    let posed = pose(&instance(&path)?, convention).map_err(|p| format!("{file}: {:?}", p.list()))?;
    Ok(posed.problem)
}

/// Numbers that differ from seed to seed, the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// So many jobs spread evenly at one density, about twenty on a route whatever the size.
#[allow(clippy::cast_precision_loss)] // coordinates
fn plain(jobs: usize) -> Result<Problem, String> {
    let mut dice = Dice(jobs as u64);
    let side = (jobs as f64 * 1000.0).sqrt();
    let mut at = |_| {
        (
            dice.below(1 << 20) as f64 * side / f64::from(1 << 20),
            dice.below(1 << 20) as f64 * side / f64::from(1 << 20),
        )
    };
    let points: Vec<(f64, f64)> = (0..=jobs).map(&mut at).collect();
    let mut b = ProblemBuilder::new(&["kg"]);
    b.profile(Matrix::plane(points, 1.0, Rounding::Nearest));
    b.vehicles(VehicleKind::at(PlaceId(0), u32::try_from(jobs).unwrap_or(u32::MAX), vec![200]));
    for place in 1..=jobs {
        let delivery = vec![i64::try_from(1 + dice.below(19)).unwrap_or(1)];
        b.job(Job { delivery, ..Job::at(PlaceId(u32::try_from(place).unwrap_or(0))) });
    }
    b.build().map_err(|e| format!("{e:?}"))
}

/// A day like the county's: windows, goods both ways, two dimensions, prices of time.
#[allow(clippy::cast_precision_loss)] // coordinates
fn live(jobs: usize) -> Result<Problem, String> {
    let mut dice = Dice(7);
    let mut number = |n: u64| i64::try_from(dice.below(n)).unwrap_or(0);
    let points: Vec<(f64, f64)> =
        (0..=jobs).map(|_| (number(40_000) as f64, number(40_000) as f64)).collect();
    let mut b = ProblemBuilder::new(&["kg", "l"]);
    b.profile(Matrix::plane(points, 0.1, Rounding::Nearest));
    let kind = VehicleKind::at(PlaceId(0), 30, vec![900, 4000]);
    b.vehicles(VehicleKind {
        fixed: 5_000,
        per_distance: 1,
        per_time: 1,
        loading: 600,
        shift: Window::new(0, 30_000),
        ..kind
    });
    for place in 1..=jobs {
        let from = number(3) * 6_000;
        let windows = if number(3) == 0 { vec![Window::new(from, from + 9_000)] } else { Vec::new() };
        let job = Job {
            delivery: vec![5 + number(40), 20 + number(150)],
            pickup: vec![number(20), number(80)],
            service: 240,
            windows,
            ..Job::at(PlaceId(u32::try_from(place).unwrap_or(0)))
        };
        b.job(job);
    }
    b.build().map_err(|e| format!("{e:?}"))
}

/// A line of the table: what, found, mark, reached.
type Line = (String, String, &'static str, bool);

/// Measures all of it; whether every mark was reached.
pub(crate) fn all(options: &Options) -> Result<bool, String> {
    let mut lines: Vec<Line> = Vec::new();
    for &(file, convention) in THOUSANDS {
        let problem = problem(options, file, convention)?;
        let (mut first, mut over) = (Duration::ZERO, Duration::ZERO);
        for seed in 1..=3 {
            let budget = Duration::from_secs(1);
            let run = timed(&problem, None, &Locks::none(), &Budget::time(budget).seed(seed));
            first = first.max(run.first);
            over = over.max(run.all.saturating_sub(budget));
        }
        lines.push((
            format!("{file}: first complete plan, worst of 3 seeds"),
            format!("{:.0} ms", milliseconds(first)),
            "100 ms",
            first.as_millis() <= 100,
        ));
        lines.push((
            format!("{file}: beyond a budget of 1 s, worst of 3 seeds"),
            format!("{:.1} ms", milliseconds(over)),
            "50 ms",
            over.as_millis() <= 50,
        ));
    }
    let growth = growth(&mut lines)?;
    insertion(&mut lines)?;
    teams(options, &mut lines)?;
    let mut table = String::from("| what | found | mark | reached |\n| --- | --- | --- | --- |\n");
    for (what, found, mark, reached) in &lines {
        let _ = writeln!(table, "| {what} | {found} | {mark} | {} |", if *reached { "yes" } else { "no" });
    }
    let text = format!(
        "`make bench-solver MODE=marks`, {}. Processor time of one thread; threads against each other on the wall.\n\n{table}\n\
         ![cost of an iteration by size](solver-growth.svg)\n",
        processor()
    );
    std::fs::write("benches/solver-growth.svg", crate::plot::growth(&growth)).map_err(|e| e.to_string())?;
    replace(Path::new("benches/RESULTS.md"), "## Solver (marks)", &text)?;
    println!("{table}");
    Ok(lines.iter().all(|line| line.3))
}

/// Microseconds of an iteration by size: with as many iterations for each job, which is where a search is at the same
/// point of its cooling, and with as many whatever the size. Each the least of a few runs, the sizes in turn.
#[allow(clippy::cast_precision_loss)] // drawn, not counted
fn growth(lines: &mut Vec<Line>) -> Result<Vec<(f64, f64)>, String> {
    let problems = SIZES.iter().map(|&size| plain(size)).collect::<Result<Vec<_>, _>>()?;
    let mut least = [[(f64::INFINITY, 0); SIZES.len()]; 2];
    for seed in 1..=GROWTH_RUNS {
        for (at, problem) in problems.iter().enumerate() {
            for (least, steps) in least.iter_mut().zip([STEPS_EACH * SIZES[at] as u64, STEPS]) {
                let (each, vehicles) = iteration(problem, steps, seed);
                least[at] = (least[at].0.min(each), vehicles);
            }
        }
    }
    for (least, what) in
        least.iter().zip([format!("{STEPS_EACH} iterations for each job"), format!("{STEPS} iterations")])
    {
        for (size, (each, vehicles)) in SIZES.iter().zip(least) {
            lines.push((
                format!(
                    "an iteration at n = {size} ({vehicles} routes), {what}, least of {GROWTH_RUNS} runs"
                ),
                format!("{:.2} µs", each * 1e6),
                "–",
                true,
            ));
        }
        let ratio = least[SIZES.len() - 1].0 / least[0].0;
        let text = format!("an iteration at n = 10,000 against n = 1,000, {what}");
        lines.push((text, format!("{ratio:.2} times"), "1.3 times", ratio < 1.3));
    }
    Ok(SIZES.iter().zip(least[0]).map(|(&size, (each, _))| (size as f64, each * 1e6)).collect())
}

/// Seconds of an iteration and the routes in the end, the first plan and the lists not counted: what ten times the
/// iterations take more, divided by how many more they are.
#[allow(clippy::cast_precision_loss)] // a mean
fn iteration(problem: &Problem, steps: u64, seed: u64) -> (f64, usize) {
    let run = |steps| timed(problem, None, &Locks::none(), &Budget::steps(steps).seed(seed));
    let (few, many) = (run(steps / 10), run(steps));
    let each = many.all.saturating_sub(few.all).as_secs_f64() / (steps - steps / 10) as f64;
    (each, many.outcome.evaluation.vehicles)
}

/// One more job into a plan whose vehicles have all begun and whose other jobs keep their vehicles.
fn insertion(lines: &mut Vec<Line>) -> Result<(), String> {
    let whole = live(LIVE_STOPS)?;
    let before = timed(&whole, None, &Locks::none(), &Budget::steps(20_000)).outcome;
    let mut times = Vec::new();
    let mut placed = 0;
    for seed in 0..LIVE_TRIES {
        // The job that comes is one of the plan's, taken out: the problem stays the same, the place is looked for anew.
        let gone = usize::try_from(seed * 37).unwrap_or(0) % LIVE_STOPS;
        let gone = xiangyun_solver::problem::JobId(u32::try_from(gone).unwrap_or(0));
        let mut routes = before.solution.routes.clone();
        let mut locks = Locks::none();
        for route in &mut routes {
            route.visits.retain(|v| *v != xiangyun_solver::Visit::Job(gone));
            for job in route.jobs().collect::<Vec<_>>() {
                locks.set(job, JobLock::FixedVehicle);
            }
        }
        let start = Solution::of(&whole, routes);
        let run = timed(&whole, Some(&start), &locks, &Budget::steps(0).seed(seed));
        placed += u64::from(run.outcome.evaluation.is_complete());
        times.push(run.all);
    }
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    lines.push((
        format!("one job into a plan of {LIVE_STOPS} stops, all others locked to their vehicles, from the bare problem: median"),
        format!("{:.2} ms ({placed} of {LIVE_TRIES} placed)", milliseconds(times[times.len() / 2])),
        "5 ms",
        times[times.len() / 2] < Duration::from_millis(5),
    ));
    lines.push((
        "the same, 99th percentile".to_owned(),
        format!("{:.2} ms", milliseconds(p99)),
        "50 ms",
        p99 < Duration::from_millis(50),
    ));
    Ok(())
}

/// Cost with two threads against one, the same time on the wall, seed by seed.
#[allow(clippy::cast_precision_loss)] // a mean
fn teams(options: &Options, lines: &mut Vec<Line>) -> Result<(), String> {
    let mut all = Vec::new();
    for &(file, convention) in TEAMS {
        let problem = problem(options, file, convention)?;
        let cost = |threads: usize, seed: u64| {
            let begin = Instant::now();
            let watch = Watch { now: || begin.elapsed(), first: Mutex::new(None) };
            let budget = Budget::time(Duration::from_secs(TEAM_SECONDS)).seed(seed).threads(threads);
            solve(&problem, None, &Locks::none(), &budget, &watch).evaluation.cost.total() as f64
        };
        let changes: Vec<f64> =
            (1..=TEAM_SEEDS).map(|seed| (cost(2, seed) / cost(1, seed) - 1.0) * 100.0).collect();
        lines.push((
            format!("{file}: two threads against one, {TEAM_SECONDS} s, {TEAM_SEEDS} seeds"),
            with_error(&changes),
            "–",
            true,
        ));
        all.extend(changes);
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    lines.push(("two threads against one, mean".to_owned(), with_error(&all), "0 %", mean <= 0.0));
    Ok(())
}

/// A mean in percent and its standard error.
#[allow(clippy::cast_precision_loss)] // a mean
fn with_error(changes: &[f64]) -> String {
    let count = changes.len() as f64;
    let mean = changes.iter().sum::<f64>() / count;
    let spread = changes.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    format!("{mean:+.3} ± {:.3} %", (spread / count).sqrt())
}
