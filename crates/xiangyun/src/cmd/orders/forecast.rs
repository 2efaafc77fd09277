//! `xiangyun orders forecast`: what tomorrow brings, and the orders that an evening draft is planned on.

use super::{read_file, write_whole};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_model::county::County;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::problem::Problems;
use xiangyun_planning::forecast::{self, Backtest, Model, NoPast, Past, Quantile};
use xiangyun_planning::{county, orders};

/// Arguments of `orders forecast`.
#[derive(Args, Debug)]
pub(super) struct ForecastArgs {
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// Day to forecast
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// Table to write: one row for each place and direction
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,
    /// Days of history to look at, from orders/DATE.csv of the county; generated from its demand assumptions where it keeps fewer than 14
    #[arg(long, value_name = "N", default_value_t = 56)]
    history: u32,
    /// Orders file to write for an evening draft: the advance notice filled up by forecast orders
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
    /// What the draft is filled up to: notice, p50 or p80
    #[arg(long, value_name = "WORD", default_value = "p80", value_parser = ["notice", "p50", "p80"])]
    quantile: String,
    /// Orders that carriers have given notice of
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    /// Forecast each of the last N days of the history too, and measure the errors
    #[arg(long, value_name = "N")]
    backtest: Option<usize>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document {
    date: Date,
    history_days: usize,
    history_generated: bool,
    down_mean: i64,
    up_mean: i64,
    rows: usize,
    backtest: Option<Backtest>,
}

/// Forecasts a day.
pub(super) fn run(args: &ForecastArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let county = county::load_dir(&args.county).map_err(refuse)?;
    let mut problems = Problems::new();
    let dates = forecast::days_before(args.date, args.history);
    let Past { days: history, generated } =
        forecast::past(&county, &args.county, &dates).map_err(|err| no_past(err, args.json))?;
    let notice = match &args.notice {
        None => Vec::new(),
        Some(path) => records(path, &county, args.date, &mut problems)?,
    };
    if !problems.is_empty() {
        return Err(refuse(problems));
    }
    let model = Model::fit(&county, &history);
    let forecast = model.day(&county, args.date);
    write_whole(&args.out, &forecast::table(&county, &forecast))?;
    if let Some(path) = &args.draft {
        let quantile = Quantile::parse(&args.quantile).unwrap_or(Quantile::P80);
        write_whole(
            path,
            &orders::write(&forecast::draft(&county, args.date, &forecast, &notice, quantile)),
        )?;
    }
    let measured = args.backtest.map(|days| forecast::backtest(&county, &history, days));
    let mean = |d: forecast::Direction| {
        forecast.rows.iter().filter(|r| r.direction == d).map(|r| r.mean_milli).sum::<i64>() / 1000
    };
    let document = Document {
        date: args.date,
        history_days: history.len(),
        history_generated: generated,
        down_mean: mean(forecast::Direction::Down),
        up_mean: mean(forecast::Direction::Up),
        rows: forecast.rows.len(),
        backtest: measured,
    };
    if args.json {
        print_json(&document);
        return Ok(ExitCode::SUCCESS);
    }
    let Document { history_days, down_mean, up_mean, .. } = document;
    let (date, file) = (args.date, args.out.display());
    let source = if generated {
        lang.pick("（按假定生成，并非实际数据）", " (generated from assumptions, not fact)")
    } else {
        ""
    };
    println!(
        "{}",
        lang.pick(
            format!("{date}：预计下行 {down_mean}，上行 {up_mean}；依据 {history_days} 天历史{source} → {file}"),
            format!("{date}: {down_mean} down, {up_mean} up expected, from {history_days} days of history{source} -> {file}")
        )
    );
    if let Some(measured) = &document.backtest {
        for (zh, en, e) in [("下行", "down", &measured.down), ("上行", "up", &measured.up)] {
            let percent = |pm: u64| format!("{}.{} %", pm / 10, pm % 10);
            let (ours, naive, seasonal, p90) = (
                percent(e.ours_pm),
                percent(e.naive_pm),
                percent(e.seasonal_naive_pm),
                percent(e.p90_coverage_pm),
            );
            println!(
                "{}",
                lang.pick(
                    format!("{zh}：误差 {ours}，昨日法 {naive}，上周同日法 {seasonal}，P90 覆盖 {p90}"),
                    format!(
                        "{en}: error {ours}, yesterday's {naive}, last week's {seasonal}, P90 covers {p90}"
                    )
                )
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Why there is no past, as the command says it.
pub(in crate::cmd) fn no_past(err: NoPast, json: bool) -> Failure {
    match err {
        NoPast::Faulty(problems) => Failure::Problems { problems, json },
        other => Failure::input(other.to_string()),
    }
}

fn records(
    path: &Path,
    county: &County,
    date: Date,
    problems: &mut Problems,
) -> Result<Vec<OrderRecord>, Failure> {
    let rows = orders::read(
        &path.to_string_lossy(),
        &read_file(path)?,
        orders::Source::Own,
        &HashMap::new(),
        county,
        date,
        problems,
    );
    Ok(rows.into_iter().map(|r| r.record).collect())
}
