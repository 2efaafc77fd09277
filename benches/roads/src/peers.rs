//! Peers on the same roads, node-based and without turns: the crate `fast_paths` (a contraction hierarchy), and
//! RoutingKit's customizable hierarchy and scipy where Python has them (`roads_kit.py`).

use crate::clock::time;
use crate::rows::{Dice, percentiles};
use std::path::Path;
use std::process::Command;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network, ProfileId, RoadsError};

/// Prints what the peers take.
pub(crate) fn measure(map: &str, net: &Network, van: ProfileId) -> Result<(), RoadsError> {
    let arcs = net.plain_arcs(van, BandId(0))?;
    if let Err(err) = from_pip(map, &arcs, &net.vertex_places()) {
        println!("{map:<14} peers from pip could not run here: {err}");
    }
    report(map, &arcs);
    Ok(())
}

/// RoutingKit and scipy, in a process of their own.
fn from_pip(map: &str, arcs: &[(u32, u32, u32)], places: &[LonLat]) -> std::io::Result<()> {
    let python = std::env::var("PEERS_PYTHON").unwrap_or_else(|_| "target/peers/bin/python".into());
    let folder = std::env::temp_dir().join(format!("bench-{map}-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let words = arcs.iter().flat_map(|(from, to, ms)| [*from, *to, *ms]);
    std::fs::write(folder.join("arcs.u32"), words.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())?;
    #[allow(clippy::cast_possible_truncation)] // metres do not matter for an order
    let degrees = places.iter().flat_map(|p| [p.lon as f32, p.lat as f32]);
    std::fs::write(folder.join("places.f32"), degrees.flat_map(f32::to_le_bytes).collect::<Vec<u8>>())?;
    let script = Path::new("benches/peers/roads_kit.py");
    let status = Command::new(python).arg(script).arg(&folder).arg(map).status();
    std::fs::remove_dir_all(&folder)?;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(std::io::Error::other(format!("{}: {status}", script.display()))),
        Err(err) => Err(err),
    }
}

/// The same for any list of arcs: from, to, milliseconds.
pub(crate) fn report(map: &str, arcs: &[(u32, u32, u32)]) {
    let mut graph = fast_paths::InputGraph::new();
    for (from, to, ms) in arcs {
        if from != to {
            graph.add_edge(*from as usize, *to as usize, (*ms).max(1) as usize);
        }
    }
    graph.freeze();
    let (prepare, fast) = time(|| fast_paths::prepare(&graph));
    println!("{map:<14} {:<52} {prepare:>12.3}", "peer fast_paths (no turns): prepare, s");
    let count = graph.get_num_nodes();
    let mut calculator = fast_paths::create_calculator(&fast);
    let mut dice = Dice::new(7);
    let pairs: Vec<(usize, usize)> = (0..4_000).map(|_| (dice.below(count), dice.below(count))).collect();
    let mut took = Vec::new();
    for (i, (a, b)) in pairs.iter().enumerate() {
        let (s, path) = time(|| calculator.calc_path(&fast, *a, *b));
        drop(path);
        // The first half brings the caches to what a running service has.
        if i >= 2_000 {
            took.push(s * 1e6);
        }
    }
    let (p50, p99, _) = percentiles(took);
    println!("{map:<14} {:<52} {p50:>12.3}", "peer fast_paths (no turns): path p50, us");
    println!("{map:<14} {:<52} {p99:>12.3}", "peer fast_paths (no turns): path p99, us");
}
