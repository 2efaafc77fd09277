//! `report robustness`: a plan replayed under noise.

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_planning::robustness::{Noise, Report, replay};

/// Arguments of `report robustness`.
#[derive(Args, Debug)]
pub(super) struct RobustnessArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Replays
    #[arg(long, value_name = "N", default_value_t = 200)]
    replays: u64,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Replays a plan and reports.
pub(super) fn run(args: &RobustnessArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (plan, inputs) = super::read_plan(&args.plan)?;
    let report = replay(&plan, &inputs, args.replays.clamp(1, 100_000), &Noise::default(), args.seed);
    if args.json {
        print_json(&report);
        return Ok(ExitCode::SUCCESS);
    }
    let Report { replays, on_time_pm, late_fen, villages, links, .. } = &report;
    let percent = |pm: u64| format!("{}.{} %", pm / 10, pm % 10);
    let (on_time, yuan) = (percent(*on_time_pm), late_fen / 100);
    println!(
        "{}",
        lang.pick(
            format!("重放 {replays} 次：准时 {on_time}，晚点平均值 {yuan} 元"),
            format!("{replays} replays: {on_time} on time, lateness {yuan} yuan on average")
        )
    );
    println!("{}", lang.pick("最没把握的村点：", "least sure places:"));
    for row in villages.iter().take(15) {
        let (site, sure, slack) = (&row.site, percent(row.on_time_pm), row.slack_min);
        println!(
            "{}",
            lang.pick(
                format!("  {site} {sure}（余量 {slack} 分钟）"),
                format!("  {site} {sure} ({slack} min of slack)")
            )
        );
    }
    println!("{}", lang.pick("最先断的环节：", "links that break first:"));
    for link in links.iter().take(10) {
        let (share, buy) = (percent(link.breaks_pm), link.buy_min);
        let (price, saves) = (link.price_fen, link.saves_fen);
        println!(
            "{}",
            lang.pick(
                format!(
                    "  {} {} {share}；买 {buy} 分钟余量，{price} 分，平均省 {saves} 分",
                    link.trip, link.site
                ),
                format!(
                    "  {} {} {share}; {buy} min of slack for {price} fen, saves {saves} fen on average",
                    link.trip, link.site
                )
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}
