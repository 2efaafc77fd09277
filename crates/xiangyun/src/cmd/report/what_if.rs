//! `report what-if`: the day planned again as a county asks about it.

use crate::cmd::effort::Clock;
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use xiangyun_model::county::County;
use xiangyun_model::plan::Plan;
use xiangyun_planning::check::{self, Verdict};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::night;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::robustness::{Row, cases, row};
use xiangyun_planning::search::{Effort, Variant};

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
    let date = plan.date;
    let effort = Effort { steps: Some(args.steps), time: None, seed: args.seed, threads: 1 };
    let make = |county: &County, rows: &[OrderRow]| -> (Plan, Verdict) {
        let clock = Clock(Instant::now());
        let plan = night::plan(
            county,
            date,
            rows,
            &inputs.travel,
            &inputs.opening,
            &effort,
            Variant::default(),
            &clock,
        );
        let then = Inputs {
            county: county.clone(),
            orders: rows.to_vec(),
            opening: inputs.opening.clone(),
            travel: inputs.travel.clone(),
        };
        let verdict = check::check(&plan, &then);
        (plan, verdict)
    };
    let mut rows: Vec<Row> = Vec::new();
    let (as_is, verdict) = make(&inputs.county, &inputs.orders);
    let as_is_fen = as_is.cost_fen;
    rows.push(row("as-is", ("照原样", "as it is"), &as_is, &verdict, as_is_fen));
    for case in cases(&plan, &inputs, date) {
        let (plan, verdict) = make(&case.county, &case.rows);
        rows.push(row(case.id, (&case.name_zh, &case.name_en), &plan, &verdict, as_is_fen));
        tracing::info!(case = case.id, cost_fen = plan.cost_fen, "planned");
    }
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
