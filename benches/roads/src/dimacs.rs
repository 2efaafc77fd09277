//! A graph of the 9th DIMACS challenge: directed arcs with travel times, no coordinates, no turn rules. The order is
//! found on places that are made up from the graph alone.

use crate::clock::{best, time};
use crate::peers;
use crate::rows::{Dice, Sheet, percentiles};
use std::path::Path;
use xiangyun_roads::{BandId, Network, ProfileId, RoadsError, Snap};

/// Vertices and arcs of a `.gr` file: from, to (as numbered there), travel time. The largest number says how many
/// vertices there are; a number that no arc names is a vertex on its own.
fn read(path: &Path) -> std::io::Result<(u32, Vec<(u32, u32, u32)>)> {
    let text = std::fs::read_to_string(path)?;
    let arcs: Vec<(u32, u32, u32)> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("a ")?.split_ascii_whitespace().map(str::parse::<u32>);
            Some((words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?))
        })
        .collect();
    let count = arcs.iter().map(|(a, b, _)| a.max(b) + 1).max().unwrap_or(0);
    Ok((count, arcs))
}

/// Measures tables and paths; returns how many marks were missed.
pub(crate) fn measure(map: &str, path: &Path) -> Result<usize, RoadsError> {
    let (count, arcs) = read(path).map_err(|source| RoadsError::Io { path: path.to_owned(), source })?;
    let mut sheet = Sheet::new(map);
    let (built, net) = time(|| Network::from_arcs(count, &arcs));
    let net = net?;
    let info = net.info();
    println!("{map:<14} {} nodes, {} arcs, hierarchy {:?}", info.states, info.turns, info.hierarchy_arcs);
    sheet.row("order, contract and customize, CPU-s", built);
    let (van, day) = (ProfileId(0), BandId(0));
    let mut dice = Dice::new(11);
    let mut node = || net.arc_end(dice.below(count as usize) as u32);
    for (size, times) in [(276, 15), (2000, 3)] {
        let ends: Vec<Snap> = (0..size).map(|_| node()).collect();
        let ms = best(times, || {
            std::hint::black_box(net.durations_ms(van, day, &ends, &ends, 1).expect("ids are known"));
        }) * 1e3;
        sheet.row(&format!("table {size} x {size}, ms"), ms);
    }
    let ends: Vec<Snap> = (0..8_000).map(|_| node()).collect();
    let mut took = Vec::new();
    for (i, pair) in ends.chunks(2).enumerate() {
        let (s, path) = time(|| net.path(van, day, &pair[0], &pair[1]));
        path?;
        if i >= 2_000 {
            took.push(s * 1e6);
        }
    }
    let (p50, p99, _) = percentiles(took);
    sheet.row("path p50, us", p50);
    sheet.row("path p99, us", p99);
    net.make_live(van, day)?;
    sheet
        .row("customize one metric, ms", best(9, || net.recustomize(van, day).expect("ids are known")) * 1e3);
    peers::report(map, &arcs);
    Ok(sheet.missed())
}
