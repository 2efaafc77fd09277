//! Map matching on synthetic drives with known truth: mismatch is (missed + added) / true length with 8 m of tolerance,
//! speed is processor time of one thread, a quarter of an hour of driving at a time.

use crate::clock::time;
use crate::drives::{Drive, Lines, Noise, drives, fixes, length, mismatch};
use crate::rows::Sheet;
use std::collections::BTreeMap;
use std::path::Path;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::matching::{MatchOptions, Matcher};
use xiangyun_roads::{Network, ProfileId, Profiles, RoadsError};

/// Metres per second of all drives, as in the published comparison.
const SPEED: f64 = 12.0;
/// Drives.
const DRIVES: usize = 60;

/// Measures matching on a map; returns how many marks were missed. The matcher always thinks it matches a van; a
/// second set of drives follows the fastest routes of a truck, which takes the advantage of knowing the driver's mind
/// away, and a third row of each lets the matcher find out the noise by itself.
pub(crate) fn measure(map: &str, path: &Path) -> Result<usize, RoadsError> {
    let (net, _) = Network::build(path, &Profiles::default())?;
    let van = net.profile("van")?;
    let mut sheet = Sheet::new(map);
    let mut bins: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for driver in ["van", "truck42"] {
        let all = drives(&net, net.profile(driver)?, DRIVES, (2_500.0, 25_000.0), 20_181_124);
        let km: f64 = all.iter().map(|d| length(&d.line)).sum::<f64>() / 1_000.0;
        println!("{map:<14} {} drives of a {driver}, {km:.0} km", all.len());
        for (name, noise) in [("white", Noise::White), ("correlated", Noise::Correlated(30.0))] {
            for (step, sigma, told) in [
                (1.0, 15.0, true),
                (1.0, 15.0, false),
                (5.0, 15.0, true),
                (15.0, 5.0, true),
                (15.0, 15.0, true),
                (15.0, 15.0, false),
                (60.0, 15.0, true),
            ] {
                let row = run(&net, van, &all, step, sigma, noise, told, &mut bins)?;
                let untold = if told { "" } else { ", sigma not told" };
                let what = format!("match {driver} {name} {step} s {sigma} m{untold}");
                sheet.row(&format!("{what}: mismatch %"), row.median);
                if told && noise == Noise::White {
                    sheet.row(&format!("{what}: points/s"), row.points_per_s);
                }
            }
        }
    }
    println!("{map:<14} confidence said, fixes, truly within 8 m of the drive:");
    for (bin, (right, total)) in bins {
        let low = f64::from(bin) / 10.0;
        println!("{map:<14}   {low:.1} to {:.1} {total:>9} {:.3}", low + 0.1, right as f64 / total as f64);
    }
    Ok(sheet.missed())
}

struct Row {
    median: f64,
    points_per_s: f64,
}

#[allow(clippy::too_many_arguments)] // one measurement and where it counts
fn run(
    net: &Network,
    van: ProfileId,
    all: &[Drive],
    step: f64,
    sigma: f64,
    noise: Noise,
    told: bool,
    bins: &mut BTreeMap<u32, (u64, u64)>,
) -> Result<Row, RoadsError> {
    let options = MatchOptions { sigma_m: told.then_some(sigma), ..MatchOptions::default() };
    let matcher = Matcher::new(net, van, options)?;
    let tracks: Vec<_> =
        all.iter().enumerate().map(|(i, d)| fixes(d, step, SPEED, sigma, noise, i as u64 + 1)).collect();
    // Once to warm the caches, then timed.
    tracks.iter().take(3).for_each(|t| drop(matcher.match_track(t)));
    let (spent, matched) =
        time(|| tracks.iter().map(|t| matcher.match_track(t)).collect::<Result<Vec<_>, _>>());
    let matched = matched?;
    let points: usize = tracks.iter().map(Vec::len).sum();
    let mut shares = Vec::new();
    for (drive, matching) in all.iter().zip(&matched) {
        let lines: Vec<&[LonLat]> = matching.pieces.iter().map(|p| p.geometry.as_slice()).collect();
        shares.push(100.0 * mismatch(drive, &lines));
        let truth = Lines::new(drive.line[0], &[&drive.line]);
        for fix in matching.fixes.iter().flatten() {
            let bin = bins.entry(((fix.confidence * 10.0) as u32).min(9)).or_default();
            bin.0 += u64::from(truth.holds(fix.place));
            bin.1 += 1;
        }
    }
    shares.sort_by(f64::total_cmp);
    Ok(Row { median: shares[shares.len() / 2], points_per_s: points as f64 / spent })
}
