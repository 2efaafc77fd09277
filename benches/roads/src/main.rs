//! `make bench-roads`: the road engine on real and synthetic maps, turns on, one thread, processor time.
//!
//! Usage: `bench-roads [--write] MAP...` with maps named as in the folder `osm` of `XIANGYUN_TESTDATA`, or as paths.
//! Every row is a measurement of this run; a row that misses its mark is said so and ends in exit code 1.

mod clock;
mod rows;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut maps: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let Some(data) = std::env::var_os("XIANGYUN_TESTDATA").map(PathBuf::from) else {
        println!("nothing measured: XIANGYUN_TESTDATA is not set (README says where the maps come from)");
        return ExitCode::SUCCESS;
    };
    if maps.is_empty() {
        maps = ["liechtenstein", "county50k", "ny264k", "ne1524k"].map(String::from).to_vec();
    }
    let mut missed = 0;
    for map in &maps {
        let path = if map.contains('/') {
            PathBuf::from(map)
        } else {
            data.join("osm").join(format!("{map}.osm.pbf"))
        };
        match rows::measure(map, &path) {
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
