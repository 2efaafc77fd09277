//! `xiangyun roads`: road networks from OpenStreetMap, and what can be asked of them.

mod build;
mod datum;
mod fit;
mod info;
mod isochrone;
mod matching;
mod matrix;
mod route;
mod synthesize;
mod track;

use crate::locale::Lang;
use crate::report::Failure;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network, ProfileId, RoadsError};

/// Arguments of `roads`.
#[derive(Args, Debug)]
pub(crate) struct RoadsArgs {
    #[command(subcommand)]
    command: RoadsCommand,
}

#[derive(Debug, Subcommand)]
enum RoadsCommand {
    /// Build a prepared road network from an OSM file (.osm.pbf or .osm)
    Build(build::BuildArgs),
    /// Make a county's plausible network from its facts (OSM PBF, synthetic, not surveyed)
    Synthesize(synthesize::SynthesizeArgs),
    /// Show what a prepared road network holds
    Info(info::InfoArgs),
    /// The fastest route through places in the order given; as JSON: seconds, metres, geometry
    Route(route::RouteArgs),
    /// Seconds (rounded up) and metres between points; empty where there is no way
    Matrix(matrix::MatrixArgs),
    /// Which roads a track drove: time,lon,lat in, roads and matched points out
    Match(matching::MatchArgs),
    /// Learn speeds from tracks, report how good they are, and write a network that drives by them
    Fit(fit::FitArgs),
    /// Tell from the roads in which datum points were recorded
    Datum(datum::DatumArgs),
    /// Roads that can be reached within some minutes, as GeoJSON
    Isochrone(isochrone::IsochroneArgs),
}

/// Runs the chosen command.
pub(crate) fn run(args: &RoadsArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        RoadsCommand::Build(args) => build::run(args, lang),
        RoadsCommand::Synthesize(args) => synthesize::run(args, lang),
        RoadsCommand::Info(args) => info::run(args, lang),
        RoadsCommand::Route(args) => route::run(args, lang),
        RoadsCommand::Matrix(args) => matrix::run(args, lang),
        RoadsCommand::Match(args) => matching::run(args, lang),
        RoadsCommand::Fit(args) => fit::run(args, lang),
        RoadsCommand::Datum(args) => datum::run(args, lang),
        RoadsCommand::Isochrone(args) => isochrone::run(args, lang),
    }
}

/// Vehicle and departure, shared by the questions.
#[derive(Args, Debug)]
struct Trip {
    /// Vehicle profile of the network
    #[arg(long, default_value = "van", value_name = "NAME")]
    profile: String,
    /// Departure in local time, such as 2026-11-24T08:30 (default: the first time band)
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

impl Trip {
    fn resolve(&self, net: &Network) -> Result<(ProfileId, BandId), Failure> {
        let profile = net.profile(&self.profile).map_err(|e| failure(&e))?;
        let Some(at) = &self.at else { return Ok((profile, BandId(0))) };
        let moment: jiff::civil::DateTime = at.parse().map_err(|_| {
            Failure::input(format!("--at \"{at}\": a local time such as 2026-11-24T08:30 expected"))
        })?;
        Ok((profile, net.band_at(moment)))
    }
}

fn open(path: &Path) -> Result<Network, Failure> {
    Network::open(path).map_err(|e| failure(&e))
}

/// Wrong input is exit 2; a place without a way is work that could not be done.
fn failure(err: &RoadsError) -> Failure {
    let text = format!("{} {err}", err.code());
    match err {
        RoadsError::Unreachable { .. } | RoadsError::Rotten { .. } => Failure::CouldNot(text),
        _ => Failure::Input(text),
    }
}

/// `LON,LAT` in degrees.
fn place(text: &str) -> Result<LonLat, String> {
    let (lon, lat) = text.split_once(',').ok_or("LON,LAT expected, such as 113.05,33.87")?;
    let number = |t: &str| t.trim().parse::<f64>().map_err(|_| format!("\"{t}\" is not a number of degrees"));
    LonLat::new(number(lon)?, number(lat)?).map_err(|e| e.to_string())
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary: PathBuf = path.with_file_name(name);
    std::fs::write(&temporary, bytes)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|e| Failure::CouldNot(format!("R001 {}: {e}", path.display())))
}
