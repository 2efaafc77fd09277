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
use xiangyun_roads::{Language, Network, ProfileId, Route, Side, Step};

/// Arguments of `roads route`.
#[derive(Args, Debug)]
pub(crate) struct RouteArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Places, two or more, in degrees of WGS-84 (a western longitude after --)
    #[arg(value_name = "LON,LAT", num_args = 2.., required = true, value_parser = place)]
    places: Vec<LonLat>,
    #[command(flatten)]
    trip: Trip,
    /// Ways shown between two places, the fastest first
    #[arg(long, value_name = "N", default_value_t = 1)]
    alternatives: usize,
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
    steps: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Document>,
}

/// Metres from a place to its road that are worth telling.
const TOLD_FROM_M: f64 = 50.0;

/// Instructions of all legs.
fn steps(net: &Network, profile: ProfileId, route: &Route) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    for (i, leg) in route.legs.iter().enumerate() {
        let (from, to) = (&route.snaps[i], &route.snaps[i + 1]);
        steps.extend(net.instructions(profile, leg, from, to).map_err(|e| failure(&e))?);
    }
    Ok(steps)
}

fn document(route: &Route, steps: &[Step]) -> Document {
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
                    "side": if s.side == Side::Left { "left" } else { "right" },
                    "passed_over": s.passed_over,
                })
            })
            .collect(),
        steps: steps
            .iter()
            .map(|s| {
                json!({
                    "maneuver": s.maneuver, "metres": s.metres, "name": s.name, "ref": s.reference,
                    "lon": round7(s.place.lon), "lat": round7(s.place.lat),
                    "text_zh": s.text(Language::Zh), "text_en": s.text(Language::En),
                })
            })
            .collect(),
        alternatives: Vec::new(),
    }
}

fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

pub(super) fn run(args: &RouteArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let (profile, band) = args.trip.resolve(&net)?;
    let routes = match args.places[..] {
        [from, to] if args.alternatives > 1 => net.alternatives(profile, band, from, to, args.alternatives),
        _ => net.route(profile, band, &args.places).map(|r| vec![r]),
    };
    let routes = routes.map_err(|e| failure(&e))?;
    if args.json {
        let mut documents = Vec::new();
        for route in &routes {
            documents.push(document(route, &steps(&net, profile, route)?));
        }
        let mut first = documents.remove(0);
        first.alternatives = documents;
        print_json(&first);
        return Ok(ExitCode::SUCCESS);
    }
    let language = lang.pick(Language::Zh, Language::En);
    for route in &routes {
        println!(
            "{}",
            lang.pick(
                format!("{} 秒，{} 米", route.seconds, route.metres),
                format!("{} s, {} m", route.seconds, route.metres)
            )
        );
        for (number, snap) in route.snaps.iter().enumerate().filter(|(_, s)| s.moved_m >= TOLD_FROM_M) {
            let (number, metres) = (number + 1, snap.moved_m);
            println!(
                "{}",
                lang.pick(
                    format!("  第 {number} 个地点离道路 {metres:.0} 米，这一段已计入时间和里程"),
                    format!("  place {number} is {metres:.0} m from the road; the way there is in time and distance")
                )
            );
        }
        for step in steps(&net, profile, route)? {
            println!("  {}", step.text(language));
        }
    }
    Ok(ExitCode::SUCCESS)
}
