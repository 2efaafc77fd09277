//! Other good ways between two places.
//!
//! A way over a middle state is worth showing if it is not much longer than the best, shares little with the ways
//! already shown, and has no needless detour within. Plateaus give that (Cambridge Vehicle Information Technology,
//! "Choice routing", 2005; Bader et al., "Alternative route graphs in road networks", 2011): where a shortest path tree
//! from the start and one to the destination run along the same roads, any stretch of a way that is no longer than the
//! plateau is itself a shortest path.

use crate::RoadsError;
use crate::graph::INF_MS;
use crate::network::{BandId, Network, ProfileId};
use crate::query::dijkstra::Path;
use crate::query::weight::{REACH, Weight, ms};
use crate::query::{Ends, Source, Target, sweep, tree};
use crate::route::Route;
use std::collections::HashSet;
use xiangyun_model::geo::LonLat;

/// Most ways in one answer.
pub const ALTERNATIVES_MAX: usize = 8;
/// Longest way shown, in percent of the best one's time.
const STRETCH_PERCENT: u64 = 140;
/// Most of a way, in percent of its time, that may lie on ways already shown.
const SHARED_PERCENT: u64 = 70;
/// Shortest plateau, in percent of the best way's time.
const PLATEAU_PERCENT: u64 = 8;
/// Plateaus looked at, the most promising first.
const TRIES_MAX: usize = 200;

/// A run of states on which both trees agree.
struct Plateau {
    /// A state on it.
    via: u32,
    /// Weight of the whole way over it, and of the run itself.
    whole: Weight,
    run: Weight,
}

impl Network {
    /// Up to `count` ways between two places, the fastest first. Fewer where no other is worth driving: each takes at
    /// most 1.4 times as long as the fastest and shares at most 70 % of its time with those before it.
    ///
    /// # Errors
    /// As [`Network::route`], and [`RoadsError::TooMuch`] beyond [`ALTERNATIVES_MAX`].
    pub fn alternatives(
        &self,
        profile: ProfileId,
        band: BandId,
        from: LonLat,
        to: LonLat,
        count: usize,
    ) -> Result<Vec<Route>, RoadsError> {
        if count > ALTERNATIVES_MAX {
            let max = ALTERNATIVES_MAX as u64;
            return Err(RoadsError::TooMuch { what: "alternative ways", found: count as u64, max });
        }
        let metric = self.metric(profile, band)?;
        let (a, b) = (self.snap(profile, from)?, self.snap(profile, to)?);
        self.ask(metric, |ends, view| {
            let (source, target) = (ends.source(&a), ends.target(&b));
            let best = tree::shortest(view, ends, &source, &target)
                .ok_or(RoadsError::Unreachable { from: 0, to: 1 })?;
            let mut paths = vec![best];
            // A destination behind the start on the same road has one sensible way: round the block.
            if count > 1 && from != to && ends.excluded(&source, &target).is_empty() {
                others(view, ends, &source, &target, count, &mut paths);
            }
            Ok(paths.iter().take(count.max(1)).map(|path| self.route_of(ends, path, &a, &b)).collect())
        })
    }
}

fn others(
    view: tree::View<'_>,
    ends: &Ends<'_>,
    source: &Source,
    target: &Target,
    count: usize,
    paths: &mut Vec<Path>,
) {
    let there = sweep::one_to_all(view, source);
    let (back, most) = sweep::all_to_one(view, target);
    let best = u64::from(ms(paths[0].weight));
    let limit = (best * STRETCH_PERCENT / 100) << 32;
    let mut plateaus = plateaus(ends, &there, &back, most, limit);
    plateaus.retain(|p| u64::from(ms(p.run)) * 100 >= best * PLATEAU_PERCENT);
    // Long plateaus on short ways first.
    plateaus.sort_by_key(|p| ((p.whole + most).saturating_sub(p.run), p.via));
    for plateau in plateaus.iter().take(TRIES_MAX) {
        if paths.len() >= count {
            return;
        }
        let middle = Target::state(plateau.via);
        let onward = Source::state(plateau.via);
        let (Some(first), Some(second)) =
            (tree::shortest(view, ends, source, &middle), tree::shortest(view, ends, &onward, target))
        else {
            continue;
        };
        let mut states = first.states;
        states.extend_from_slice(&second.states[1..]);
        let distinct: HashSet<u32> = states.iter().copied().collect();
        // A way that comes to a road twice is no way to show.
        if distinct.len() < states.len() || plateau.whole > limit {
            continue;
        }
        let time = |states: &mut dyn Iterator<Item = u32>| -> u64 {
            states.map(|s| u64::from(ends.arc_ms[ends.graph.state_arc[s as usize] as usize])).sum()
        };
        let own = time(&mut states.iter().copied());
        let shown: HashSet<u32> = paths.iter().flat_map(|p| p.states.iter().copied()).collect();
        let shared = time(&mut states.iter().copied().filter(|s| shown.contains(s)));
        if shared * 100 <= own * SHARED_PERCENT {
            paths.push(Path { weight: plateau.whole, states });
        }
    }
}

/// Runs of states whose way is within the limit. `most` was added to all labels of `back`.
#[allow(clippy::cast_possible_truncation)] // states fit u32
fn plateaus(ends: &Ends<'_>, there: &[Weight], back: &[Weight], most: Weight, limit: Weight) -> Vec<Plateau> {
    let near = |v: usize| {
        (there[v] < REACH && back[v] < REACH).then(|| there[v] + back[v]).filter(|w| *w <= limit + most)
    };
    // The turn, if any, on which both trees go on from a state.
    let onward = |v: u32| {
        ends.graph.turns(v).find_map(|turn| {
            let to = ends.graph.turn_to[turn];
            let weight = ends.turn(turn, v);
            let agree = ms(weight) < INF_MS
                && there[v as usize] + weight == there[to as usize]
                && weight + back[to as usize] == back[v as usize];
            agree.then_some((to, weight))
        })
    };
    let mut entered: HashSet<u32> = HashSet::new();
    let close: Vec<u32> = (0..there.len()).filter(|v| near(*v).is_some()).map(|v| v as u32).collect();
    for &v in &close {
        entered.extend(onward(v).map(|(to, _)| to));
    }
    let mut list = Vec::new();
    for &start in close.iter().filter(|v| !entered.contains(v)) {
        let Some(whole) = near(start as usize) else { continue };
        let (mut at, mut run) = (start, 0);
        while let Some((to, weight)) = onward(at) {
            run += weight;
            at = to;
        }
        list.push(Plateau { via: start, whole: whole.saturating_sub(most), run });
    }
    list
}
