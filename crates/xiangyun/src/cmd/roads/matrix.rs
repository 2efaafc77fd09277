//! `roads matrix`.

use super::{Trip, failure, open, write_whole};
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_model::geo::LonLat;
use xiangyun_model::problem::{Problem, Problems};

/// Arguments of `roads matrix`.
#[derive(Args, Debug)]
pub(crate) struct MatrixArgs {
    /// Prepared network
    #[arg(value_name = "ROADS")]
    roads: PathBuf,
    /// Points as CSV: id,lon,lat
    #[arg(value_name = "POINTS.csv")]
    points: PathBuf,
    /// Where the table goes: from,to,seconds,metres
    #[arg(short, long, value_name = "OUT.csv")]
    out: PathBuf,
    #[command(flatten)]
    trip: Trip,
    /// Print one JSON document about the table
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &MatrixArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let net = open(&args.roads)?;
    let (profile, band) = args.trip.resolve(&net)?;
    let (ids, places) = read_points(&args.points, args.json)?;
    let matrix = net.matrix(profile, band, &places).map_err(|e| failure(&e))?;
    let mut out = csv::Writer::from_writer(Vec::new());
    let fault = |e: csv::Error| Failure::CouldNot(format!("R001 {}: {e}", args.out.display()));
    out.write_record(["from", "to", "seconds", "metres"]).map_err(fault)?;
    let mut unreachable = 0u64;
    for (i, from) in ids.iter().enumerate() {
        for (j, to) in ids.iter().enumerate() {
            let (seconds, metres) = match matrix.cell(i, j) {
                Ok((seconds, metres)) => (seconds.to_string(), metres.to_string()),
                Err(_) => {
                    unreachable += 1;
                    (String::new(), String::new())
                }
            };
            out.write_record([from.as_str(), to.as_str(), &seconds, &metres]).map_err(fault)?;
        }
    }
    let bytes = out.into_inner().map_err(|e| Failure::CouldNot(e.to_string()))?;
    write_whole(&args.out, &bytes)?;
    let off_road: Vec<&String> =
        ids.iter().zip(&matrix.sources).filter(|(_, s)| s.is_err()).map(|(id, _)| id).collect();
    if args.json {
        print_json(&json!({
            "points": ids.len(), "cells": ids.len() * ids.len(), "unreachable": unreachable, "no_road": off_road,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{}",
        lang.pick(
            format!("{} 个点，{} 个单元，其中 {unreachable} 个不可达", ids.len(), ids.len() * ids.len()),
            format!("{} points, {} cells, {unreachable} without a way", ids.len(), ids.len() * ids.len()),
        )
    );
    for id in off_road {
        eprintln!("{}", lang.pick(format!("{id}：附近没有道路"), format!("{id}: no road near")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads `id,lon,lat`; all faults at once.
fn read_points(path: &Path, json: bool) -> Result<(Vec<String>, Vec<LonLat>), Failure> {
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut problems = Problems::new();
    let mut fault = |row: u64, column: &str, found: &str, want: &str| {
        problems.push(Problem {
            code: "R019",
            file: file.clone(),
            row,
            column: column.into(),
            found: found.into(),
            want: want.into(),
        });
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .map_err(|e| Failure::Input(format!("R001 {}: {e}", path.display())))?;
    let (mut ids, mut places) = (Vec::new(), Vec::new());
    let columns: Option<Vec<usize>> = reader.headers().ok().and_then(|headers| {
        let at = |name: &str| headers.iter().position(|h| h.trim_start_matches('\u{feff}') == name);
        Some(vec![at("id")?, at("lon")?, at("lat")?])
    });
    if let Some(columns) = columns {
        for (i, record) in reader.records().enumerate() {
            let row = i as u64 + 2;
            let record = match record {
                Ok(record) => record,
                Err(e) => {
                    fault(row, "", "", &format!("not a row of UTF-8 CSV: {e}"));
                    continue;
                }
            };
            let cell = |c: usize| record.get(columns[c]).unwrap_or("");
            let mut degrees = [0.0; 2];
            let mut sound = true;
            for (k, name) in ["lon", "lat"].into_iter().enumerate() {
                match cell(k + 1).parse::<f64>() {
                    Ok(value) => degrees[k] = value,
                    Err(_) => {
                        fault(row, name, cell(k + 1), "not a number; degrees of WGS-84 such as 113.05");
                        sound = false;
                    }
                }
            }
            if sound {
                match LonLat::new(degrees[0], degrees[1]) {
                    Ok(place) => {
                        ids.push(cell(0).to_owned());
                        places.push(place);
                    }
                    Err(e) => fault(row, "lon", cell(1), &e.to_string()),
                }
            }
        }
    } else {
        fault(1, "", "", "the first row must name the columns id, lon and lat");
    }
    if problems.is_empty() { Ok((ids, places)) } else { Err(Failure::Problems { problems, json }) }
}
