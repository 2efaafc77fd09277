//! `roads route`.

use super::{Trip, failure, open, place};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::Route;

/// Arguments of `roads route`.
#[derive(Args, Debug)]
pub(crate) struct RouteArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Places, two or more, in degrees of WGS-84
    #[arg(value_name = "LON,LAT", num_args = 2.., required = true, allow_hyphen_values = true, value_parser = place)]
    places: Vec<LonLat>,
    #[command(flatten)]
    trip: Trip,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct LegDocument {
    seconds: u32,
    metres: u32,
}

#[derive(Serialize)]
struct Document {
    seconds: u32,
    metres: u32,
    geometry: Value,
    legs: Vec<LegDocument>,
    snapped: Vec<Value>,
}

fn document(route: &Route) -> Document {
    let line: Vec<[f64; 2]> = route.geometry().iter().map(|p| [round7(p.lon), round7(p.lat)]).collect();
    Document {
        seconds: route.seconds,
        metres: route.metres,
        geometry: json!({ "type": "LineString", "coordinates": line }),
        legs: route.legs.iter().map(|l| LegDocument { seconds: l.seconds, metres: l.metres }).collect(),
        snapped: route
            .snaps
            .iter()
            .map(|s| {
                json!({
                    "lon": round7(s.place.lon), "lat": round7(s.place.lat),
                    "moved_m": (s.moved_m * 10.0).round() / 10.0, "segment": s.segment,
                    "passed_over": s.passed_over,
                })
            })
            .collect(),
    }
}

fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

pub(super) fn run(args: &RouteArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let (profile, band) = args.trip.resolve(&net)?;
    let route = net.route(profile, band, &args.places).map_err(|e| failure(&e))?;
    if args.json {
        print_json(&document(&route));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{}",
        lang.pick(
            format!("{} 秒，{} 米", route.seconds, route.metres),
            format!("{} s, {} m", route.seconds, route.metres)
        )
    );
    // One line for each road by name, in order.
    for leg in &route.legs {
        let mut last: Option<(String, f64)> = None;
        for stretch in &leg.stretches {
            let info = net.segment(stretch.segment).map_err(|e| failure(&e))?;
            let name = [info.reference.as_str(), info.name.as_str()]
                .into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            let metres = info.length_m * (stretch.to - stretch.from).abs();
            match &mut last {
                Some((road, sum)) if *road == name => *sum += metres,
                _ => {
                    if let Some((road, sum)) = last.replace((name, metres)) {
                        println!("  {sum:>8.0} m  {road}");
                    }
                }
            }
        }
        if let Some((road, sum)) = last {
            println!("  {sum:>8.0} m  {road}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
