//! The daemon under load, generator on the same machine: terminals that report, people who read and write, live streams,
//! streams that nobody reads, and then three times as much as it can do.
//!
//! `bench-load [--terminals N] [--rate N] [--seconds S] [--streams N] [--xiangyun PATH] [--county DIR]` prints one line a
//! figure and fails when one misses its mark. The marks: acknowledgement p99 ≤ 300 ms, reads p99 ≤ 80 ms, writes p99 ≤
//! 200 ms, commit to client p99 ≤ 1 s, stalled streams cut, resident memory ≤ 1 GiB and flat; overloaded: refusals p99 ≤
//! 20 ms, goodput ≥ 80 %, recovery ≤ 10 s.

mod client;
mod daemon;
mod people;
mod streams;

use client::Latencies;
use daemon::Daemon;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use xiangyun_telematics::gateway::load::{Flood, FloodReport, flood};

/// What is asked for.
#[derive(Clone, Debug)]
struct Plan {
    terminals: usize,
    rate: f64,
    seconds: f64,
    streams: usize,
    xiangyun: PathBuf,
    county: PathBuf,
}

impl Plan {
    fn read() -> Result<Self, String> {
        let mut plan = Self {
            terminals: 1_000,
            rate: 2_000.0,
            seconds: 60.0,
            streams: 500,
            xiangyun: "target/release/xiangyun".into(),
            county: "data/baofeng".into(),
        };
        let mut args = std::env::args().skip(1);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name}: a value is missing"))?;
            let wrong = || format!("{name} {value}: a number");
            match name.as_str() {
                "--terminals" => plan.terminals = value.parse().map_err(|_| wrong())?,
                "--rate" => plan.rate = value.parse().map_err(|_| wrong())?,
                "--seconds" => plan.seconds = value.parse().map_err(|_| wrong())?,
                "--streams" => plan.streams = value.parse().map_err(|_| wrong())?,
                "--xiangyun" => plan.xiangyun = value.into(),
                "--county" => plan.county = value.into(),
                _ => {
                    return Err(format!(
                        "{name}: --terminals, --rate, --seconds, --streams, --xiangyun, --county"
                    ));
                }
            }
        }
        Ok(plan)
    }
}

/// Figures against their marks.
#[derive(Default)]
struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    fn at_most(&mut self, what: &str, found: f64, mark: f64, unit: &str) {
        self.judge(what, found, mark, unit, found <= mark, "at most");
    }

    fn at_least(&mut self, what: &str, found: f64, mark: f64, unit: &str) {
        self.judge(what, found, mark, unit, found >= mark, "at least");
    }

    fn judge(&mut self, what: &str, found: f64, mark: f64, unit: &str, good: bool, word: &str) {
        let verdict = if good { "ok" } else { "MISSED" };
        println!("{verdict:6}  {what}: {found:.1} {unit} ({word} {mark:.0})");
        if !good {
            self.missed.push(what.to_owned());
        }
    }
}

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

fn terminals(daemon: &Daemon, plan: &Plan, rate: f64, seconds: f64, first_phone: u64) -> Flood {
    Flood {
        to: daemon.gateway,
        connections: plan.terminals,
        window: 16,
        duration: Duration::from_secs_f64(seconds),
        first_phone,
        start_ms: jiff::Timestamp::now().as_millisecond() - 5 * 86_400_000,
        per_second: Some(rate),
    }
}

async fn steady(daemon: &Daemon, plan: &Plan, verdict: &mut Verdict) -> Result<f64, String> {
    let listening = streams::listen(daemon, plan.streams).await?;
    let stalled = streams::stall(daemon, 5).await?;
    let seconds = plan.seconds;
    let before = daemon.rss_kib();
    let flood = apart(terminals(daemon, plan, plan.rate, seconds, 13_900_000_000));
    let reading = people::read(daemon, 4, 10.0, seconds);
    let writing = people::write(daemon, 2, 5.0, seconds, &listening.committed);
    let memory = daemon.watch_memory(seconds);
    let (reads, writes, memory) = tokio::join!(reading, writing, memory);
    let report: FloodReport =
        flood.await.map_err(|e| e.to_string())?.map_err(|e| format!("terminals: {e}"))?;
    let heard = listening.end().await;
    let (mut reads, mut writes, mut heard) = (reads?, writes?, heard);
    println!(
        "steady: {} terminals, {} positions sent, {:.0}/s acknowledged; {} reads, {} writes, {} stream messages",
        plan.terminals,
        report.sent,
        report.per_second,
        reads.count(),
        writes.count(),
        heard.count()
    );
    verdict.at_least("positions acknowledged", report.acknowledged as f64, report.sent as f64, "");
    verdict.at_least("positions a second", report.per_second, plan.rate * 0.95, "/s");
    let tracked = daemon.tracked(report.acknowledged).await;
    verdict.at_least("positions tracked", tracked as f64, report.acknowledged as f64, "");
    verdict.at_most("positions tracked twice", tracked.saturating_sub(report.acknowledged) as f64, 0.0, "");
    verdict.at_most("acknowledgement p99", ms(report.p99_us), 300.0, "ms");
    verdict.at_most("API reads p99", ms(reads.percentile(99)), 80.0, "ms");
    verdict.at_most("API writes p99", ms(writes.percentile(99)), 200.0, "ms");
    verdict.at_most("commit to client p99", ms(heard.percentile(99)), 1_000.0, "ms");
    verdict.at_least("stalled streams cut", f64::from(stalled.cut(daemon).await), 5.0, "");
    let peak = memory.iter().max().copied().unwrap_or(0);
    verdict.at_most("resident memory", peak as f64 / 1024.0, 1_024.0, "MiB");
    // Flat: the last third is no more than a tenth (and 16 MiB) above the middle third.
    let third = memory.len() / 3;
    if third > 0 && seconds >= 30.0 {
        let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64 / 1024.0;
        let (middle, last) = (mean(&memory[third..2 * third]), mean(&memory[2 * third..]));
        println!("        memory: {} MiB at rest, {middle:.0} MiB, then {last:.0} MiB", before / 1024);
        verdict.at_most("memory grows to", last, middle * 1.1 + 16.0, "MiB");
    }
    Ok(writes.count() as f64 / seconds)
}

/// Terminals on a thread of their own: what people wait for is the daemon, not ten thousand terminals beside them.
fn apart(plan: Flood) -> oneshot::Receiver<std::io::Result<FloodReport>> {
    let (report, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Nobody waits any more when the measurement was given up.
        let _ = report.send(runtime.and_then(|runtime| runtime.block_on(flood(&plan))));
    });
    wait
}

/// Longest time that terminals take to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Terminals that report for at least so long after all of them have connected.
async fn reporting(
    daemon: &Daemon,
    plan: &Plan,
    rate: f64,
    seconds: f64,
    first_phone: u64,
) -> Result<oneshot::Receiver<std::io::Result<FloodReport>>, String> {
    let began = Instant::now();
    let accepted = "xiangyun_gateway{reason=\"accepted\"}";
    let all = daemon.metric(accepted).await + plan.terminals as u64;
    let flooding = apart(terminals(daemon, plan, rate, seconds + CONNECT.as_secs_f64(), first_phone));
    while daemon.metric(accepted).await < all {
        if began.elapsed() > CONNECT {
            return Err(format!(
                "{} terminals did not connect within {} s",
                plan.terminals,
                CONNECT.as_secs()
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(flooding)
}

/// Writes a second when people ask for half the places and terminals report as usual.
async fn usual(daemon: &Daemon, plan: &Plan, seconds: f64, first_phone: u64) -> Result<f64, String> {
    let flood = reporting(daemon, plan, plan.rate, seconds, first_phone).await?;
    let alone = people::storm(daemon, daemon::requests_max() / 2, seconds).await?;
    flood.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    Ok(alone.done.count() as f64 / seconds)
}

/// As much as it takes, three times as many at once, and as much as it takes again: the log grows by a hundred thousand
/// orders a time, and the machine is not the same from one minute to the next, so what is usual is measured on both
/// sides of what is not.
async fn overload(daemon: &Daemon, plan: &Plan, verdict: &mut Verdict) -> Result<(), String> {
    let seconds = (plan.seconds / 4.0).clamp(5.0, 20.0);
    let before = usual(daemon, plan, seconds, 13_960_000_000).await?;
    let flood = reporting(daemon, plan, plan.rate * 3.0, seconds, 13_950_000_000).await?;
    let mut storm = people::storm(daemon, daemon::requests_max() * 3, seconds).await?;
    let positions = flood.await.map_err(|e| e.to_string())?;
    let calm = daemon.calm(Duration::from_secs(30)).await;
    let after = usual(daemon, plan, seconds, 13_940_000_000).await?;
    let writes = storm.done.count() as f64 / seconds;
    println!(
        "overload: {before:.0} writes/s at half the places, {writes:.0}/s with three times the places asked for, {after:.0}/s at half \
         the places again; {} refused, {} broken; {}",
        storm.refused.count(),
        storm.broken,
        positions.map_or_else(|e| format!("terminals: {e}"), |r| format!("{:.0} positions/s", r.per_second)),
    );
    verdict.at_least("goodput", writes / ((before + after) / 2.0) * 100.0, 80.0, "%");
    verdict.at_least("refusals", storm.refused.count() as f64, 1.0, "");
    verdict.at_most("refusals p99", ms(storm.refused.percentile(99)), 20.0, "ms");
    verdict.at_most("recovery", calm.as_secs_f64(), 10.0, "s");
    Ok(())
}

async fn run(plan: &Plan) -> Result<bool, String> {
    let daemon = Daemon::start(plan).await?;
    let mut verdict = Verdict::default();
    steady(&daemon, plan, &mut verdict).await?;
    overload(&daemon, plan, &mut verdict).await?;
    daemon.end();
    if !verdict.missed.is_empty() {
        println!("missed: {}", verdict.missed.join(", "));
    }
    Ok(verdict.missed.is_empty())
}

fn main() -> ExitCode {
    let plan = match Plan::read() {
        Ok(plan) => plan,
        Err(what) => {
            eprintln!("bench-load: {what}");
            return ExitCode::from(2);
        }
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())
        .and_then(|runtime| runtime.block_on(run(&plan)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("bench-load: {what}");
            ExitCode::FAILURE
        }
    }
}

impl Latencies {
    /// How many.
    fn count(&self) -> usize {
        self.us.len()
    }

    /// A percentile in microseconds.
    fn percentile(&mut self, of: usize) -> u64 {
        self.us.sort_unstable();
        self.us.get((self.us.len() * of).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0)
    }
}
