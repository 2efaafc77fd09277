//! `roads isochrone`.

use super::{Trip, failure, open, place};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_model::geo::LonLat;

/// Arguments of `roads isochrone`.
#[derive(Args, Debug)]
pub(crate) struct IsochroneArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Place in degrees of WGS-84 (a western longitude after --)
    #[arg(value_name = "LON,LAT", value_parser = place)]
    place: LonLat,
    /// Minutes of driving
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..=1440))]
    minutes: u32,
    #[command(flatten)]
    trip: Trip,
}

pub(super) fn run(args: &IsochroneArgs, _lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let (profile, band) = args.trip.resolve(&net)?;
    let reached = net.isochrone(profile, band, args.place, args.minutes * 60).map_err(|e| failure(&e))?;
    let mut lines = Vec::with_capacity(reached.reached.len());
    for stretch in &reached.reached {
        let line = net.stretch_line(stretch).map_err(|e| failure(&e))?;
        lines.push(line.iter().map(|p| [round7(p.lon), round7(p.lat)]).collect::<Vec<_>>());
    }
    print_json(&json!({
        "type": "Feature",
        "properties": { "minutes": args.minutes, "metres": reached.metres, "profile": args.trip.profile },
        "geometry": { "type": "MultiLineString", "coordinates": lines },
    }));
    Ok(ExitCode::SUCCESS)
}

fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}
