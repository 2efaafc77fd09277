//! `make bench-roads`: the road engine on real and synthetic maps, turns on, one thread, processor time.
//!
//! Usage: `bench-roads [MAP...]` with maps named as in the folder `osm` of `XIANGYUN_TESTDATA`, or as paths; `match` is
//! map matching on Liechtenstein. Every row is a measurement of this run; a row that misses its mark is said so and ends
//! in exit code 1.

mod clock;
mod dimacs;
mod drives;
mod peers;
mod rows;
#[path = "../../src/seeded.rs"]
#[allow(unreachable_pub)] // public where it is part of a library
mod seeded;
mod tracks;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut maps: Vec<String> = std::env::args().skip(1).collect();
    let Some(data) = std::env::var_os("XIANGYUN_TESTDATA").map(PathBuf::from) else {
        println!("nothing measured: XIANGYUN_TESTDATA is not set (README says where the maps come from)");
        return ExitCode::SUCCESS;
    };
    if maps.is_empty() {
        maps = ["liechtenstein", "match", "bremen_time", "county50k", "ny264k", "ne1524k"]
            .map(String::from)
            .to_vec();
    }
    let mut missed = 0;
    for map in &maps {
        let osm = |name: &str| data.join("osm").join(name);
        // A path is known by its file's name.
        let name = map.rsplit('/').next().unwrap_or(map).trim_end_matches(".pbf").trim_end_matches(".osm");
        let result = match map.as_str() {
            "match" => tracks::measure("liechtenstein", &osm("liechtenstein.osm.pbf")),
            "bremen_time" => dimacs::measure(map, &osm("bremen_time.gr")),
            path if path.contains('/') => {
                rows::measure(if name == "roads" { "baofeng" } else { name }, path.as_ref())
            }
            _ => rows::measure(map, &osm(&format!("{map}.osm.pbf"))),
        };
        match result {
            Ok(count) => missed += count,
            Err(err) => {
                println!("{map}: {err}");
                missed += 1;
            }
        }
    }
    println!("{missed} marks missed");
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
