//! Our own searches: one thread each, processor time of that thread, resumable.

use crate::Options;
use crate::judge::{Run, instance, judge, name_of, processor};
use crate::listing::Row;
use rustix::time::{ClockId, clock_gettime};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use xiangyun_solver::io::pose::pose;
use xiangyun_solver::{Budget, Control, Locks, Progress, solve};

/// Processor time of the calling thread.
pub(crate) fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

struct Watch {
    begin: Duration,
    curve: Mutex<Vec<(f64, f64)>>,
}

impl Control for Watch {
    fn elapsed(&self) -> Duration {
        thread_time().saturating_sub(self.begin)
    }

    #[allow(clippy::cast_precision_loss)] // drawn, not counted
    fn improved(&self, progress: &Progress) {
        if progress.missing == 0
            && let Ok(mut curve) = self.curve.lock()
        {
            curve.push((self.elapsed().as_secs_f64(), progress.cost as f64));
        }
    }
}

/// The build that ran, so that another build's runs are not taken for its own.
fn version() -> String {
    let git = std::process::Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let hash =
        git.ok().filter(|o| o.status.success()).map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    hash.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned())
}

/// Lines of a file of runs; lines that do not read are dropped.
pub(crate) fn load(path: &Path) -> Vec<Run> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Appends one run.
pub(crate) fn keep(path: &Path, run: &Run) -> Result<(), String> {
    let mut line = serde_json::to_string(run).map_err(|e| e.to_string())?;
    line.push('\n');
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|e| format!("{}: {e}", path.display()))
}

/// Runs what has not run yet on this build and processor.
pub(crate) fn all(options: &Options, rows: &[Row]) -> Result<Vec<Run>, String> {
    let path = options.out.join("runs.jsonl");
    let (version, cpu) = (version(), processor());
    let done: Vec<Run> = load(&path).into_iter().filter(|r| r.version == version && r.cpu == cpu).collect();
    let mut tasks: Vec<(&Row, &PathBuf, u64)> = Vec::new();
    for row in rows {
        for file in &row.files {
            for seed in 1..=row.seeds {
                let same = |r: &&Run| {
                    (r.set.as_str(), r.seconds, r.seed) == (row.set, row.seconds, seed)
                        && r.instance == name_of(file)
                        && r.convention == row.convention.name()
                };
                if done.iter().find(same).is_none() {
                    tasks.push((row, file, seed));
                }
            }
        }
    }
    let total: u64 = tasks.iter().map(|(row, _, _)| row.seconds).sum();
    eprintln!(
        "{} searches to run, {} kept; about {} s on {} threads",
        tasks.len(),
        done.len(),
        total / options.workers as u64,
        options.workers
    );
    let (next, kept) = (AtomicUsize::new(0), Mutex::new(done));
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..options.workers {
            scope.spawn(|| {
                while let Some(&(row, file, seed)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = one(row, file, seed, &version, &cpu);
                    let result = run.and_then(|run| {
                        eprintln!(
                            "{} {} seed {seed}: {} with {} {}",
                            row.name, run.instance, run.cost, run.vehicles, run.note
                        );
                        let mut kept = kept.lock().map_err(|e| e.to_string())?;
                        keep(&path, &run)?;
                        kept.push(run);
                        Ok(())
                    });
                    if let (Err(text), Ok(mut failed)) = (result, failed.lock()) {
                        *failed = Some(text);
                        return;
                    }
                }
            });
        }
    });
    if let Some(text) = failed.into_inner().map_err(|e| e.to_string())? {
        return Err(text);
    }
    kept.into_inner().map_err(|e| e.to_string())
}

fn one(row: &Row, file: &Path, seed: u64, version: &str, cpu: &str) -> Result<Run, String> {
    let instance = instance(file)?;
    let posed = pose(&instance, row.convention).map_err(|p| format!("{:?}", p.list()))?;
    let watch = Watch { begin: thread_time(), curve: Mutex::new(Vec::new()) };
    let budget = Budget::time(Duration::from_secs(row.seconds)).seed(seed);
    let outcome = solve(&posed.problem, None, &Locks::none(), &budget, &watch);
    let cpu_seconds = watch.elapsed().as_secs_f64();
    let (ok, cost, vehicles, note) = judge(&instance, &posed.routes(&outcome.solution), row.convention);
    Ok(Run {
        solver: "xiangyun".into(),
        version: version.into(),
        cpu: cpu.into(),
        set: row.set.into(),
        instance: name_of(file),
        convention: row.convention.name().into(),
        seconds: row.seconds,
        seed,
        cpu_seconds,
        iterations: outcome.iterations,
        ok,
        cost,
        vehicles,
        note,
        curve: watch.curve.into_inner().map_err(|e| e.to_string())?,
    })
}
