//! `bench-match [FILE.osm.pbf] [--drives N] [--truth PROFILE] [--untold] [--dump DIR]`: map matching on synthetic drives with known truth.
//!
//! Mismatch is (missed + added) / true length with 8 m of tolerance; speed is processor time of one thread. Without a
//! file, Liechtenstein of the test data folder. The matcher always thinks it matches a van: `--truth` drives by another
//! profile's fastest routes, which takes the advantage of knowing the driver's mind away; `--untold` lets it find out the noise by itself. `--dump` writes the drives and fixes for peers.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use xiangyun_benches::clock::thread_cpu_s;
use xiangyun_benches::drives::{Drive, Lines, Noise, drives, fixes, mismatch};
use xiangyun_model::geo::LonLat;
use xiangyun_roads::matching::{MatchOptions, Matcher};
use xiangyun_roads::{Network, Profiles};

/// Metres per second of all drives, as in the published comparison.
const SPEED: f64 = 12.0;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1));
    let count: usize = after("--drives").and_then(|n| n.parse().ok()).unwrap_or(60);
    let file = args
        .first()
        .filter(|a| !a.starts_with("--"))
        .map(PathBuf::from)
        .or_else(|| xiangyun_benches::testdata("osm/liechtenstein.osm.pbf"));
    let Some(file) = file else {
        println!("skipped: give an OSM file or set XIANGYUN_TESTDATA");
        return;
    };
    let (net, _) = match Network::build(&file, &Profiles::default()) {
        Ok(built) => built,
        Err(err) => {
            eprintln!("{err}");
            std::process::exit(2);
        }
    };
    let van = net.profile("van").expect("the default profiles have a van");
    let truth =
        net.profile(after("--truth").map_or("van", String::as_str)).expect("a profile of the network");
    let all = drives(&net, truth, count, (2_500.0, 25_000.0), 20_181_124);
    let km: f64 = all.iter().map(|d| xiangyun_benches::drives::length(&d.line)).sum::<f64>() / 1_000.0;
    println!("{} drives, {km:.0} km, {}", all.len(), file.file_name().unwrap_or_default().to_string_lossy());
    if let Some(dir) = after("--dump") {
        dump(Path::new(dir), &all).expect("the dump folder can be written");
    }
    // Peers are told the noise; a terminal tells nobody.
    let told = !args.iter().any(|a| a == "--untold");
    println!("\n| noise | dt s | sigma m | median % | mean % | p90 % | points/s | mean confidence |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut bins: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (name, noise) in [("white", Noise::White), ("correlated 30 s", Noise::Correlated(30.0))] {
        for (step, sigma) in [
            (1.0, 5.0),
            (1.0, 15.0),
            (5.0, 15.0),
            (15.0, 5.0),
            (15.0, 15.0),
            (30.0, 15.0),
            (60.0, 5.0),
            (60.0, 15.0),
        ] {
            let row = run(&net, van, &all, step, sigma, noise, told, &mut bins);
            println!(
                "| {name} | {step} | {sigma} | {:.2} | {:.2} | {:.2} | {:.0} | {:.3} |",
                row.median, row.mean, row.p90, row.points_per_s, row.confidence
            );
        }
    }
    println!("\n| confidence said | fixes | truly within 8 m of the drive |\n| --- | --- | --- |");
    for (bin, (right, total)) in bins {
        let low = f64::from(bin) / 10.0;
        println!("| {low:.1} to {:.1} | {total} | {:.3} |", low + 0.1, right as f64 / total as f64);
    }
}

struct Row {
    median: f64,
    mean: f64,
    p90: f64,
    points_per_s: f64,
    confidence: f64,
}

fn run(
    net: &Network,
    van: xiangyun_roads::ProfileId,
    all: &[Drive],
    step: f64,
    sigma: f64,
    noise: Noise,
    told: bool,
    bins: &mut BTreeMap<u32, (u64, u64)>,
) -> Row {
    let options = MatchOptions { sigma_m: told.then_some(sigma), ..MatchOptions::default() };
    let matcher = Matcher::new(net, van, options).expect("the profile is the network's own");
    let tracks: Vec<_> =
        all.iter().enumerate().map(|(i, d)| fixes(d, step, SPEED, sigma, noise, i as u64 + 1)).collect();
    // Once to warm the caches, then timed.
    tracks.iter().take(3).for_each(|t| drop(matcher.match_track(t)));
    let start = thread_cpu_s();
    let matched: Vec<_> = tracks.iter().map(|t| matcher.match_track(t).expect("short tracks")).collect();
    let spent = thread_cpu_s() - start;
    let points: usize = tracks.iter().map(Vec::len).sum();
    let mut shares = Vec::new();
    let mut sure = 0.0;
    for (drive, matching) in all.iter().zip(&matched) {
        let lines: Vec<&[LonLat]> = matching.pieces.iter().map(|p| p.geometry.as_slice()).collect();
        shares.push(100.0 * mismatch(drive, &lines));
        let truth = Lines::new(drive.line[0], &[&drive.line]);
        for fix in matching.fixes.iter().flatten() {
            let bin = bins.entry(((fix.confidence * 10.0) as u32).min(9)).or_default();
            bin.0 += u64::from(truth.holds(fix.place));
            bin.1 += 1;
        }
        sure += matching.confidence();
    }
    shares.sort_by(f64::total_cmp);
    let n = shares.len().max(1);
    Row {
        median: shares[n / 2],
        mean: shares.iter().sum::<f64>() / n as f64,
        p90: shares[n * 9 / 10],
        points_per_s: points as f64 / spent,
        confidence: sure / n as f64,
    }
}

/// Writes truth and tracks as JSON lines, for peers to match.
fn dump(dir: &Path, all: &[Drive]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let pairs = |line: &[LonLat]| line.iter().map(|p| [p.lon, p.lat]).collect::<Vec<_>>();
    let mut truth = std::fs::File::create(dir.join("truth.jsonl"))?;
    for drive in all {
        writeln!(truth, "{}", serde_json::json!(pairs(&drive.line)))?;
    }
    for (name, noise) in [("white", Noise::White), ("correlated", Noise::Correlated(30.0))] {
        for (step, sigma) in [(1.0, 15.0), (15.0, 15.0), (60.0, 15.0)] {
            let mut file = std::fs::File::create(dir.join(format!("{name}_{step}_{sigma}.jsonl")))?;
            for (i, drive) in all.iter().enumerate() {
                let track = fixes(drive, step, SPEED, sigma, noise, i as u64 + 1);
                let rows: Vec<[f64; 3]> =
                    track.iter().map(|f| [f.time_s, f.place.lon, f.place.lat]).collect();
                writeln!(file, "{}", serde_json::json!(rows))?;
            }
        }
    }
    Ok(())
}
