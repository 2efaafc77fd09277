//! `roads build`.

use super::failure;
use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use xiangyun_model::problem::Problem;
use xiangyun_roads::{Network, NetworkInfo, Profiles};

/// Arguments of `roads build`.
#[derive(Args, Debug)]
pub(crate) struct BuildArgs {
    /// OSM file: .osm.pbf or .osm (XML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the prepared network goes
    #[arg(short, long, value_name = "ROADS")]
    out: PathBuf,
    /// Vehicle profiles and time bands (TOML; default: built in)
    #[arg(long, value_name = "FILE")]
    profiles: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    info: &'a NetworkInfo,
    problems: &'a [Problem],
    problems_dropped: u64,
}

pub(super) fn run(args: &BuildArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let profiles = match &args.profiles {
        Some(path) => Network::read_profiles(path).map_err(|e| failure(&e))?,
        None => Profiles::default(),
    };
    // The order takes longest; a file of the same map that is to be replaced has it.
    let previous = Network::open(&args.out).ok();
    let (net, problems) =
        Network::build_like(&args.file, &profiles, previous.as_ref()).map_err(|e| failure(&e))?;
    drop(previous);
    net.save(&args.out).map_err(|e| Failure::CouldNot(format!("{} {e}", e.code())))?;
    let info = Network::open(&args.out).map_err(|e| failure(&e))?.info();
    if args.json {
        print_json(&Document {
            info: &info,
            problems: problems.list(),
            problems_dropped: problems.dropped(),
        });
        return Ok(ExitCode::SUCCESS);
    }
    // Faults in the map were survived: they are news, not a failure.
    for problem in problems.list() {
        eprintln!("{problem}");
    }
    if problems.dropped() > 0 {
        eprintln!("... {} more", problems.dropped());
    }
    super::info::print(&info, lang);
    Ok(ExitCode::SUCCESS)
}
