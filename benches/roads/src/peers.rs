//! The `fast_paths` crate (a contraction hierarchy without turns) on the same roads, node-based.

use crate::clock::time;
use crate::rows::{Dice, percentiles};
use xiangyun_roads::{BandId, Network, ProfileId, RoadsError};

/// Prints preparation and path times of the peer; `None` for maps that it takes minutes to prepare.
pub(crate) fn measure(map: &str, net: &Network, van: ProfileId) -> Result<(), RoadsError> {
    let arcs = net.plain_arcs(van, BandId(0))?;
    report(map, &arcs);
    Ok(())
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
