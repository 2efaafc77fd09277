//! `roads fit`: speeds learned from tracks, with a report, and a network that drives by them.

use super::track::{FeedDatum, read_track};
use super::{failure, open};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_roads::BandId;
use xiangyun_roads::matching::{MatchOptions, Matcher};
use xiangyun_roads::speeds::{SpeedReport, SpeedStudy};

/// Arguments of `roads fit`.
#[derive(Args, Debug)]
pub(crate) struct FitArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Tracks as CSV: time,lon,lat, one vehicle's drive each
    #[arg(value_name = "TRACK.csv", required = true)]
    tracks: Vec<PathBuf>,
    /// Vehicle profile of the network
    #[arg(long, default_value = "van", value_name = "NAME")]
    profile: String,
    /// Datum of the tracks
    #[arg(long, value_enum, default_value_t)]
    datum: FeedDatum,
    /// Time zone in which the time bands are meant
    #[arg(long, default_value = "Asia/Shanghai", value_name = "ZONE")]
    zone: String,
    /// Write a network with the learned speeds
    #[arg(short, long, value_name = "ROADS")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &FitArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let mut net = open(&args.roads)?;
    let profile = net.profile(&args.profile).map_err(|e| failure(&e))?;
    let zone = jiff::tz::TimeZone::get(&args.zone)
        .map_err(|e| Failure::input(format!("--zone \"{}\": {e}", args.zone)))?;
    let (learned, report) = {
        let matcher = Matcher::new(&net, profile, MatchOptions::default()).map_err(|e| failure(&e))?;
        let mut study = SpeedStudy::new(&net, profile).map_err(|e| failure(&e))?;
        #[allow(clippy::cast_possible_truncation)] // whole seconds of a moment
        let band_of = |time_s: f64| {
            jiff::Timestamp::from_second(time_s as i64)
                .map_or(BandId(0), |t| net.band_at(zone.to_datetime(t)))
        };
        for path in &args.tracks {
            let track = read_track(path, args.datum.datum(), args.json)?;
            let matching = matcher.match_track(&track.fixes).map_err(|e| failure(&e))?;
            study.add(&track.fixes, &matching, band_of);
        }
        study.fit()
    };
    if let Some(out) = &args.out {
        net.learn(&learned).map_err(|e| failure(&e))?;
        net.adopt();
        net.save(out).map_err(|e| Failure::CouldNot(format!("{} {e}", e.code())))?;
    }
    if args.json {
        print_json(&report);
    } else {
        print(&report, lang);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(report: &SpeedReport, lang: Lang) {
    let SpeedReport { drives, km, runs, stops, odd, roads, held_out, .. } = report;
    let (before, after) = (report.error_before_percent, report.error_after_percent);
    println!(
        "{}",
        lang.pick(
            format!("{drives} 条轨迹，{km:.1} 公里，{runs} 段行驶；剔除停车 {stops} 处、异常 {odd} 段；{roads} 条单向道路有实测速度"),
            format!("{drives} drives, {km:.1} km, {runs} runs; {stops} stops and {odd} odd runs left out; {roads} directed roads measured"),
        )
    );
    let unseen = if *held_out == 0 {
        lang.pick(
            "轨迹太少，没有留出未参与拟合的行驶作检验".to_owned(),
            "too few drives to keep some unseen for a check".to_owned(),
        )
    } else {
        lang.pick(
            format!("未参与拟合的 {held_out} 段行驶时间误差中位数：原 {before:.1}%，拟合后 {after:.1}%"),
            format!("median error of driving time on {held_out} unseen runs: {before:.1}% before, {after:.1}% after"),
        )
    };
    println!("{unseen}");
    for class in &report.classes {
        println!(
            "  {:<10} {:<14} {:>7} × {:.2}",
            class.band,
            class.class.name(),
            class.samples,
            class.factor
        );
    }
}
