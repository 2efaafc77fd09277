//! `roads datum`: in which datum points were recorded, told from the roads.

use super::open;
use super::track::read_points;
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_roads::{DATUMS, DatumVerdict};

/// Arguments of `roads datum`.
#[derive(Args, Debug)]
pub(crate) struct DatumArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Points or a track as CSV with the columns lon and lat
    #[arg(value_name = "POINTS.csv")]
    points: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Names as users write them.
pub(super) fn name(datum: xiangyun_model::geo::Datum) -> &'static str {
    match datum {
        xiangyun_model::geo::Datum::Wgs84 => "WGS-84",
        xiangyun_model::geo::Datum::Gcj02 => "GCJ-02",
        xiangyun_model::geo::Datum::Bd09 => "BD-09",
    }
}

pub(super) fn run(args: &DatumArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let points = read_points(&args.points, args.json)?;
    let Some(verdict) = net.detect_datum(&points) else {
        return Err(Failure::CouldNot(
            lang.pick("这些点附近没有道路，无法判断坐标系", "no road near these points in any datum").into(),
        ));
    };
    if args.json {
        let metres = |m: f64| (m * 10.0).round() / 10.0;
        let median: serde_json::Map<String, serde_json::Value> = DATUMS
            .iter()
            .zip(verdict.median_m)
            .map(|(datum, m)| (json!(datum).as_str().unwrap_or_default().to_owned(), json!(metres(m))))
            .collect();
        print_json(&json!({
            "datum": verdict.datum,
            "confidence": (verdict.confidence * 1e4).round() / 1e4,
            "points": verdict.points,
            "median_m": median,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", sentence(&verdict, lang));
    for (datum, metres) in DATUMS.iter().zip(verdict.median_m) {
        println!("  {:<7} {metres:>6.1} m", name(*datum));
    }
    Ok(ExitCode::SUCCESS)
}

/// The verdict in words.
pub(super) fn sentence(verdict: &DatumVerdict, lang: Lang) -> String {
    let (datum, sure, points) = (name(verdict.datum), verdict.confidence * 100.0, verdict.points);
    lang.pick(
        format!(
            "坐标系应为 {datum}（置信度 {sure:.1}%，依据 {points} 处位置；各坐标系下到道路的中位距离如下）"
        ),
        format!(
            "recorded in {datum} ({sure:.1}% sure, from {points} places; median distance to roads by datum)"
        ),
    )
}
