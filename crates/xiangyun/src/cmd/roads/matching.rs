//! `roads match`.

use super::track::{FeedDatum, read_track};
use super::{failure, open};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::Network;
use xiangyun_roads::matching::{MatchOptions, MatchedPiece, Matcher, Matching};

/// Arguments of `roads match`.
#[derive(Args, Debug)]
pub(crate) struct MatchArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Track as CSV: time,lon,lat (time in seconds or ISO 8601), perhaps accuracy_m
    #[arg(value_name = "TRACK.csv")]
    track: PathBuf,
    /// Vehicle profile of the network
    #[arg(long, default_value = "van", value_name = "NAME")]
    profile: String,
    /// Datum of the track
    #[arg(long, value_enum, default_value_t)]
    datum: FeedDatum,
    /// Standard deviation of the fixes in metres (default: measured on the track)
    #[arg(long, value_name = "METRES")]
    sigma: Option<f64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MatchArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let profile = net.profile(&args.profile).map_err(|e| failure(&e))?;
    let track = read_track(&args.track, args.datum.datum(), args.json)?;
    // A terminal set to another datum than it is said to be is the usual reason for tracks beside the road.
    let as_recorded: Vec<LonLat> =
        track.fixes.iter().map(|f| args.datum.datum().from_wgs84(f.place)).collect();
    if let Some(verdict) = net.detect_datum(&as_recorded)
        && verdict.datum != args.datum.datum()
        && verdict.confidence > 0.95
    {
        eprintln!("{}", super::datum::sentence(&verdict, lang));
    }
    let options = MatchOptions { sigma_m: args.sigma, ..MatchOptions::default() };
    let matcher = Matcher::new(&net, profile, options).map_err(|e| failure(&e))?;
    let matching = matcher.match_track(&track.fixes).map_err(|e| failure(&e))?;
    if args.json {
        print_json(&document(&net, &matching, &track.times)?);
        return Ok(ExitCode::SUCCESS);
    }
    let matched = matching.fixes.iter().flatten().count();
    println!(
        "{}",
        lang.pick(
            format!(
                "{} 个定位点中 {matched} 个上路；{} 段，共 {:.0} 米，置信度 {:.2}",
                matching.fixes.len(),
                matching.pieces.len(),
                matching.metres(),
                matching.confidence()
            ),
            format!(
                "{matched} of {} fixes on roads; {} pieces, {:.0} m, confidence {:.2}",
                matching.fixes.len(),
                matching.pieces.len(),
                matching.metres(),
                matching.confidence()
            ),
        )
    );
    for piece in &matching.pieces {
        for (name, metres) in roads_of(&net, piece)? {
            println!("  {metres:>8.0} m  {name}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn round7(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

fn line(geometry: &[LonLat]) -> Value {
    let line: Vec<[f64; 2]> = geometry.iter().map(|p| [round7(p.lon), round7(p.lat)]).collect();
    json!({ "type": "LineString", "coordinates": line })
}

/// Metres by road name in the order driven, neighbours of one name together.
fn roads_of(net: &Network, piece: &MatchedPiece) -> Result<Vec<(String, f64)>, Failure> {
    let mut out: Vec<(String, f64)> = Vec::new();
    for stretch in &piece.stretches {
        let info = net.segment(stretch.segment).map_err(|e| failure(&e))?;
        let name = [info.reference.as_str(), info.name.as_str()]
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let metres = info.length_m * (stretch.to - stretch.from).abs();
        match out.last_mut() {
            Some((road, sum)) if *road == name => *sum += metres,
            _ => out.push((name, metres)),
        }
    }
    Ok(out)
}

fn document(net: &Network, matching: &Matching, times: &[String]) -> Result<Value, Failure> {
    let mut pieces = Vec::new();
    for piece in &matching.pieces {
        let roads: Vec<Value> = roads_of(net, piece)?
            .into_iter()
            .map(|(name, metres)| json!({ "name": name, "metres": metres.round() }))
            .collect();
        let mut ways: Vec<i64> = Vec::new();
        for stretch in &piece.stretches {
            let way = net.segment(stretch.segment).map_err(|e| failure(&e))?.osm_way;
            if ways.last() != Some(&way) {
                ways.push(way);
            }
        }
        pieces.push(json!({
            "first": piece.first_fix,
            "last": piece.last_fix,
            "metres": (piece.metres * 10.0).round() / 10.0,
            "confidence": (piece.confidence * 1000.0).round() / 1000.0,
            "geometry": line(&piece.geometry),
            "segments": piece.stretches.iter().map(|s| s.segment).collect::<Vec<_>>(),
            "osm_ways": ways,
            "roads": roads,
        }));
    }
    let points: Vec<Value> = matching
        .fixes
        .iter()
        .zip(times)
        .map(|(fix, time)| match fix {
            None => json!({ "time": time, "matched": false }),
            Some(f) => json!({
                "time": time,
                "matched": true,
                "lon": round7(f.place.lon),
                "lat": round7(f.place.lat),
                "piece": f.piece,
                "segment": f.segment,
                "forward": f.forward,
                "moved_m": (f.moved_m * 10.0).round() / 10.0,
                "confidence": (f.confidence * 1000.0).round() / 1000.0,
            }),
        })
        .collect();
    let lines: Vec<Value> =
        matching.pieces.iter().map(|p| line(&p.geometry)["coordinates"].clone()).collect();
    Ok(json!({
        "metres": (matching.metres() * 10.0).round() / 10.0,
        "confidence": (matching.confidence() * 1000.0).round() / 1000.0,
        "matched": matching.fixes.iter().flatten().count(),
        "geometry": { "type": "MultiLineString", "coordinates": lines },
        "pieces": pieces,
        "points": points,
    }))
}
