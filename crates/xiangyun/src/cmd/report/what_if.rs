//! `report what-if`: the day planned again as a county asks about it.

use crate::cmd::effort::Clock;
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use xiangyun_planning::robustness::{Row, what_if};
use xiangyun_planning::search::Effort;

/// Arguments of `report what-if`.
#[derive(Args, Debug)]
pub(super) struct WhatIfArgs {
    /// Plan directory
    #[arg(value_name = "PLAN_DIR")]
    plan: PathBuf,
    /// Steps of search of each case
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    steps: u64,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Plans every case with the same budget and shows the differences.
pub(super) fn run(args: &WhatIfArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let (plan, inputs) = super::read_plan(&args.plan)?;
    let effort = Effort { steps: Some(args.steps), time: None, seed: args.seed, threads: 1 };
    let rows = what_if(&plan, &inputs, &effort, &Clock(Instant::now()));
    if args.json {
        print_json(&rows);
        return Ok(ExitCode::SUCCESS);
    }
    for row in &rows {
        let Row { orders, served, cost_fen, dearer_fen, vehicles, ok, .. } = row;
        let (yuan, more) = (cost_fen / 100, dearer_fen / 100);
        let checked = if *ok { "" } else { lang.pick("（未过检查）", " (check fails)") };
        println!(
            "{}",
            lang.pick(
                format!(
                    "{}：{served}/{orders} 票，{yuan} 元（{more:+} 元），{vehicles} 辆车{checked}",
                    row.name_zh
                ),
                format!(
                    "{}: {served} of {orders} orders, {yuan} yuan ({more:+}), {vehicles} vehicles{checked}",
                    row.name_en
                )
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}
