//! `xiangyun telematics load`: terminals that are none.

use super::{raise_descriptors, resolve, runtime};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;
use xiangyun_telematics::gateway::load::{Fleet, Flood, drive, flood};

/// Arguments of `telematics load`.
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// The gateway
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// Terminals
    #[arg(long, default_value_t = 100, value_name = "N")]
    terminals: usize,
    /// Seconds to drive
    #[arg(long, default_value_t = 60.0, value_name = "S")]
    seconds: f64,
    /// Seconds between two reports of a terminal
    #[arg(long, default_value_t = 10.0, value_name = "S")]
    every: f64,
    /// Seed of all that is by chance
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Phone of the first terminal
    #[arg(long, default_value_t = 13_900_000_000, value_name = "PHONE")]
    first_phone: u64,
    /// Blind spots in a thousand reports: the link goes, and what gathered comes as backfill
    #[arg(long, default_value_t = 5, value_name = "N")]
    blind: u64,
    /// Reports in a thousand sent again without need
    #[arg(long, default_value_t = 5, value_name = "N")]
    resend: u64,
    /// Terminals in a thousand whose clock is wrong
    #[arg(long, default_value_t = 20, value_name = "N")]
    wrong_clock: u64,
    /// Flood instead: always so many reports on the way on each link, and measure
    #[arg(long, value_name = "WINDOW")]
    flood: Option<usize>,
    /// With --flood: reports a second over all links, instead of as many as the windows allow
    #[arg(long, value_name = "N", requires = "flood")]
    per_second: Option<f64>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Drives or floods; exit 1 if a report was never acknowledged.
pub(crate) fn run(args: &LoadArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let to = resolve(&args.to)?;
    let seconds = |s: f64, what: &str| {
        Duration::try_from_secs_f64(s)
            .map_err(|_| Failure::input(format!("--{what} {s}: seconds, 0 or more")))
    };
    let (duration, every) = (seconds(args.seconds, "seconds")?, seconds(args.every, "every")?);
    raise_descriptors();
    let runtime = runtime()?;
    if let Some(window) = args.flood {
        let start_ms = jiff::Timestamp::now().as_millisecond() - 5 * 86_400_000;
        let plan = Flood {
            to,
            connections: args.terminals,
            window: window.max(1),
            duration,
            first_phone: args.first_phone,
            start_ms,
            per_second: args.per_second,
        };
        let report = runtime.block_on(flood(&plan)).map_err(|err| Failure::could_not(&err))?;
        if args.json {
            print_json(&report);
        } else {
            let (rate, p50, p99) = (report.per_second, report.p50_us, report.p99_us);
            println!(
                "{}",
                lang.pick(
                    format!("每秒确认 {rate:.0} 条，中位 {p50} 微秒，99% {p99} 微秒"),
                    format!("{rate:.0} acknowledged a second, median {p50} us, 99% {p99} us"),
                )
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    let fleet = Fleet {
        to,
        terminals: args.terminals,
        every: every.max(Duration::from_millis(1)),
        duration,
        seed: args.seed,
        first_phone: args.first_phone,
        blind_permille: args.blind,
        resend_permille: args.resend,
        wrong_clock_permille: args.wrong_clock,
    };
    let report = runtime.block_on(drive(&fleet));
    if args.json {
        print_json(&report);
    } else {
        println!(
            "{}",
            lang.pick(
                format!(
                    "{} 个终端：{} 条位置，确认 {}，重发 {}，补传 {}，连接 {} 次（中断 {}）",
                    args.terminals, report.reports, report.acknowledged, report.resent, report.backfilled,
                    report.connections, report.broken
                ),
                format!(
                    "{} terminals: {} reports, {} acknowledged, {} sent again, {} as backfill, {} links ({} broken)",
                    args.terminals, report.reports, report.acknowledged, report.resent, report.backfilled,
                    report.connections, report.broken
                ),
            )
        );
    }
    let all = report.acknowledged == report.reports;
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}
