//! `xiangyun roads synthesize`: a county's plausible network from its facts.

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_roads::synthesize::{CountyFacts, default_seed, synthesize};

/// Arguments of `roads synthesize`.
#[derive(Args, Debug)]
pub(crate) struct SynthesizeArgs {
    /// County directory: county.toml, sites.csv and, if known, corridors.csv
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// The .osm.pbf file to write
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,
    /// Seed of the generator (default: from the county's code)
    #[arg(long)]
    seed: Option<u64>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Makes the network, writes it whole or not at all, says what was made.
pub(crate) fn run(args: &SynthesizeArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let facts = CountyFacts::read(&args.county)
        .map_err(|problems| Failure::Problems { problems, json: args.json })?;
    let synthesis = synthesize(&facts, args.seed.unwrap_or_else(|| default_seed(&facts)));
    let mut bytes = Vec::new();
    synthesis.write_pbf(&mut bytes).map_err(|err| Failure::could_not(&err))?;
    write_whole(&args.out, &bytes)
        .map_err(|err| Failure::CouldNot(format!("{}: {err}", args.out.display())))?;
    let report = synthesis.report();
    if args.json {
        print_json(report);
        return Ok(ExitCode::SUCCESS);
    }
    let km: f64 = report.km.values().sum();
    println!(
        "{}",
        lang.pick(
            format!(
                "{}：合成路网（非实测），{} 个节点、{} 个路口、{} 条道路、{km:.0} 公里，转向限制 {}，桥涵 {}，障碍 {}；种子 {}",
                args.out.display(),
                report.nodes,
                report.junctions,
                report.ways,
                report.restrictions,
                report.bridges,
                report.barriers,
                report.seed
            ),
            format!(
                "{}: synthetic network (not surveyed): {} nodes, {} junctions, {} ways, {km:.0} km, {} turn \
                 restrictions, {} bridges and underpasses, {} barriers; seed {}",
                args.out.display(),
                report.nodes,
                report.junctions,
                report.ways,
                report.restrictions,
                report.bridges,
                report.barriers,
                report.seed
            ),
        )
    );
    Ok(ExitCode::SUCCESS)
}

/// Writes beside the target and renames, so that a reader sees the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let mut file = fs::File::create(&part)?;
    let done = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&part, path));
    if done.is_err() {
        // Nothing half-written stays; the first fault is the one to report.
        let _ = fs::remove_file(&part);
    }
    done
}
