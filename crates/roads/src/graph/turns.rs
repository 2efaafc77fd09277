//! Which turn may follow which arc: junction rules, barriers, dead ends, restrictions via a node and via ways.
//!
//! A restriction through ways cannot be said of two arcs alone. For each, the arcs on its chain get copies of their
//! states that are entered only along the chain; the last copy lacks the forbidden turn. Copies made earlier are
//! extended by later restrictions, so that any number of them combine exactly.

use super::{INF_MS, NONE};
use crate::error::import_code::BAD_RESTRICTION;
use crate::limits::{RESTRICTION_STATES_MAX, RESTRICTION_STATES_SMALL};
use crate::osm::{Imported, RawRestriction, Via};
use crate::profile::{NodeRule, Profiles};
use std::collections::{BTreeMap, HashMap};
use xiangyun_model::problem::Problem;

/// Metrics as a bit set.
pub(crate) type Mask = u64;

/// Arcs of the network before states are numbered.
pub(crate) struct Arcs<'a> {
    pub(crate) imported: &'a Imported,
    /// Metrics that may drive an arc.
    pub(crate) open: &'a [Mask],
    /// First outgoing arc by vertex, and one more.
    pub(crate) out_first: &'a [u32],
    pub(crate) out_arc: &'a [u32],
}

impl Arcs<'_> {
    pub(crate) fn tail(&self, arc: u32) -> u32 {
        let s = &self.imported.segments[(arc >> 1) as usize];
        if arc & 1 == 0 { s.from } else { s.to }
    }

    pub(crate) fn head(&self, arc: u32) -> u32 {
        self.tail(arc ^ 1)
    }

    fn out(&self, vertex: u32) -> &[u32] {
        let v = vertex as usize;
        &self.out_arc[self.out_first[v] as usize..self.out_first[v + 1] as usize]
    }
}

/// States and turns, not yet ordered.
#[derive(Default)]
pub(crate) struct TurnGraph {
    /// Arc by state.
    pub(crate) state_arc: Vec<u32>,
    /// First state of an arc, [`NONE`] without one.
    pub(crate) arc_state: Vec<u32>,
    pub(crate) first: Vec<u32>,
    pub(crate) to: Vec<u32>,
    pub(crate) mask: Vec<Mask>,
}

/// Builds states and turns. Broken restrictions become problems.
pub(crate) fn turn_graph(
    arcs: &Arcs<'_>,
    profiles: &Profiles,
    nodes: &[Vec<NodeRule>],
    problems: &mut Vec<Problem>,
) -> TurnGraph {
    let mut base = base_turns(arcs, nodes);
    let mut by_way = Vec::new();
    let resolver = Resolver::new(arcs.imported);
    for restriction in &arcs.imported.restrictions {
        let mask = restriction_mask(restriction, profiles);
        if mask == 0 {
            continue;
        }
        match resolver.resolve(arcs, restriction) {
            Ok(turns) if matches!(restriction.via, Via::Node(_)) => {
                for turn in turns {
                    base.ban(arcs, turn.from, turn.to, restriction.only, mask);
                }
            }
            Ok(turns) => by_way.extend(turns.into_iter().map(|t| (t, restriction.only, mask))),
            Err(want) => problems.push(Problem {
                code: BAD_RESTRICTION,
                file: String::new(),
                row: 0,
                column: format!("relation {}", restriction.id),
                found: String::new(),
                want: want.into(),
            }),
        }
    }
    let mut chains =
        Chains { base: &base, changed: HashMap::new(), copies: Vec::new(), copies_of: BTreeMap::new() };
    for (turn, only, mask) in &by_way {
        if !chains.apply(turn, *only, *mask) {
            problems.push(Problem {
                code: BAD_RESTRICTION,
                file: String::new(),
                row: 0,
                column: "restrictions through ways".into(),
                found: String::new(),
                want: format!("more than {} copies needed; the rest is not honoured", chains.most()),
            });
            break;
        }
    }
    chains.finish(arcs)
}

fn restriction_mask(restriction: &RawRestriction, profiles: &Profiles) -> Mask {
    let mut mask = 0;
    for p in 0..profiles.profiles.len() {
        let modes = profiles.modes(p);
        let named = restriction.mode.is_none_or(|m| modes.contains(&m));
        if !named || restriction.except.iter().any(|m| modes.contains(m)) {
            continue;
        }
        for b in 0..profiles.bands.len() {
            if restriction.condition.as_ref().is_none_or(|c| profiles.condition_holds(p, b, c)) {
                mask |= 1 << profiles.metric(p, b);
            }
        }
    }
    mask
}

/// Turns between plain arcs, with the metrics that may take them.
struct BaseTurns {
    first: Vec<u32>,
    to: Vec<u32>,
    mask: Vec<Mask>,
}

impl BaseTurns {
    fn range(&self, arc: u32) -> std::ops::Range<usize> {
        self.first[arc as usize] as usize..self.first[arc as usize + 1] as usize
    }

    fn ban(&mut self, arcs: &Arcs<'_>, from: u32, to: u32, only: bool, mask: Mask) {
        // An only_ rule whose allowed turn does not exist would shut the junction: such data are not honoured.
        if only && !self.range(from).any(|t| self.to[t] == to && self.mask[t] & mask != 0) {
            return;
        }
        debug_assert_eq!(arcs.head(from), arcs.tail(to));
        for t in self.range(from) {
            if (self.to[t] == to) != only {
                self.mask[t] &= !mask;
            }
        }
    }
}

/// Junction rules without restrictions: everything onward, round only where there is nothing else.
#[allow(clippy::cast_possible_truncation)] // turns are counted against u32 by the importer's bounds
fn base_turns(arcs: &Arcs<'_>, nodes: &[Vec<NodeRule>]) -> BaseTurns {
    let count = arcs.open.len();
    let mut turns = BaseTurns { first: Vec::with_capacity(count + 1), to: Vec::new(), mask: Vec::new() };
    for arc in 0..count as u32 {
        turns.first.push(turns.to.len() as u32);
        let open = arcs.open[arc as usize];
        if open == 0 {
            continue;
        }
        let vertex = arcs.head(arc);
        let tag = arcs.imported.vertex_tags[vertex as usize];
        let shut = if tag == NONE {
            0
        } else {
            nodes[tag as usize].iter().enumerate().fold(0, |m, (i, r)| m | Mask::from(r.closed) << i)
        };
        let mut onward = 0;
        let mut round = None;
        for &next in arcs.out(vertex) {
            let mask = open & arcs.open[next as usize];
            if next == arc ^ 1 {
                round = Some((turns.to.len(), mask));
                turns.to.push(next);
                turns.mask.push(0);
            } else if mask & !shut != 0 {
                onward |= mask & !shut;
                turns.to.push(next);
                turns.mask.push(mask & !shut);
            }
        }
        if let Some((at, mask)) = round {
            turns.mask[at] = mask & !onward;
        }
    }
    turns.first.push(turns.to.len() as u32);
    turns
}

/// A restriction in arcs.
#[derive(Debug)]
struct ResolvedTurn {
    from: u32,
    chain: Vec<u32>,
    to: u32,
}

/// OSM ids to arcs.
struct Resolver {
    way_by_id: Vec<(i64, u32)>,
    vertex_by_id: Vec<(i64, u32)>,
}

impl Resolver {
    #[allow(clippy::cast_possible_truncation)] // counts fit u32 by the importer's bounds
    fn new(imported: &Imported) -> Self {
        if imported.restrictions.is_empty() {
            return Self { way_by_id: Vec::new(), vertex_by_id: Vec::new() };
        }
        let mut way_by_id: Vec<_> =
            imported.ways.iter().enumerate().map(|(i, w)| (w.osm_id, i as u32)).collect();
        way_by_id.sort_unstable();
        let mut vertex_by_id: Vec<_> =
            imported.vertex_osm.iter().enumerate().map(|(i, id)| (*id, i as u32)).collect();
        vertex_by_id.sort_unstable();
        Self { way_by_id, vertex_by_id }
    }

    fn way(&self, id: i64) -> Option<u32> {
        self.way_by_id.binary_search_by_key(&id, |w| w.0).ok().map(|i| self.way_by_id[i].1)
    }

    /// Arcs of a way that end (or start) at a vertex.
    fn touching(arcs: &Arcs<'_>, way: u32, vertex: u32, ending: bool) -> Vec<u32> {
        let (first, last) = arcs.imported.ways[way as usize].segments;
        (first * 2..last * 2)
            .filter(|&a| {
                (if ending { arcs.head(a) } else { arcs.tail(a) }) == vertex && arcs.open[a as usize] != 0
            })
            .collect()
    }

    fn resolve(&self, arcs: &Arcs<'_>, r: &RawRestriction) -> Result<Vec<ResolvedTurn>, &'static str> {
        let ways = |ids: &[i64]| -> Vec<u32> { ids.iter().filter_map(|id| self.way(*id)).collect() };
        let (from, to) = (ways(&r.from), ways(&r.to));
        // A missing from or to is the usual case of a road that no profile may use: nothing to forbid, unless an
        // only_ rule names it as the one way on.
        if from.is_empty() {
            return Ok(Vec::new());
        }
        if to.is_empty() {
            return if r.only {
                Err("its only way on is not a road for vehicles, ignored")
            } else {
                Ok(Vec::new())
            };
        }
        let mut turns = Vec::new();
        match &r.via {
            Via::Node(id) => {
                let Ok(at) = self.vertex_by_id.binary_search_by_key(id, |v| v.0) else {
                    return Err("its via node is not a junction in the file, ignored");
                };
                let vertex = self.vertex_by_id[at].1;
                self.pairs(arcs, &from, &to, vertex, vertex, &[], &mut turns);
            }
            Via::Ways(ids) => {
                let chain_ways = ways(ids);
                if chain_ways.len() != ids.len() {
                    return Err("a via way is not a road for vehicles in the file, ignored");
                }
                for (start, chain, end) in chains(arcs, &chain_ways) {
                    self.pairs(arcs, &from, &to, start, end, &chain, &mut turns);
                }
            }
        }
        if turns.is_empty() { Err("its members do not meet, ignored") } else { Ok(turns) }
    }

    #[allow(clippy::too_many_arguments)] // one place, and names say it all
    fn pairs(
        &self,
        arcs: &Arcs<'_>,
        from: &[u32],
        to: &[u32],
        start: u32,
        end: u32,
        chain: &[u32],
        turns: &mut Vec<ResolvedTurn>,
    ) {
        for &f in from {
            for a in Self::touching(arcs, f, start, true) {
                for &t in to {
                    for b in Self::touching(arcs, t, end, false) {
                        // no_u_turn names the same way twice and means going back on the same road; for every
                        // other rule on one way the way back is not meant.
                        if chain.is_empty() && f == t && b != a ^ 1 {
                            continue;
                        }
                        turns.push(ResolvedTurn { from: a, chain: chain.to_vec(), to: b });
                    }
                }
            }
        }
    }
}

/// Arc chains through whole ways in the order given, from either end of the first: (start vertex, arcs, end vertex).
fn chains(arcs: &Arcs<'_>, ways: &[u32]) -> Vec<(u32, Vec<u32>, u32)> {
    let along = |way: u32, forward: bool| -> Option<(u32, Vec<u32>, u32)> {
        let (first, last) = arcs.imported.ways[way as usize].segments;
        if first == last {
            return None;
        }
        let list: Vec<u32> = if forward {
            (first..last).map(|s| s * 2).collect()
        } else {
            (first..last).rev().map(|s| s * 2 + 1).collect()
        };
        let sound = list.windows(2).all(|w| arcs.head(w[0]) == arcs.tail(w[1]))
            && list.iter().all(|a| arcs.open[*a as usize] != 0);
        sound.then(|| (arcs.tail(list[0]), list.clone(), arcs.head(list[list.len() - 1])))
    };
    let mut found = Vec::new();
    'directions: for forward in [true, false] {
        let Some((start, mut chain, mut end)) = along(ways[0], forward) else { continue };
        for &way in &ways[1..] {
            let next = [true, false].into_iter().filter_map(|f| along(way, f)).find(|(s, ..)| *s == end);
            let Some((_, list, e)) = next else { continue 'directions };
            chain.extend(list);
            end = e;
        }
        found.push((start, chain, end));
    }
    found
}

/// Copies of states for restrictions through ways.
struct Chains<'a> {
    base: &'a BaseTurns,
    /// Turns of plain states that were changed.
    changed: HashMap<u32, Vec<(u32, Mask)>>,
    /// Arc and turns of each copy; its number is the number of arcs plus its index.
    copies: Vec<(u32, Vec<(u32, Mask)>)>,
    copies_of: BTreeMap<u32, Vec<u32>>,
}

impl Chains<'_> {
    #[allow(clippy::cast_possible_truncation)] // arcs and copies fit u32
    fn plain(&self) -> u32 {
        self.base.first.len() as u32 - 1
    }

    /// Copies that there may be.
    fn most(&self) -> usize {
        RESTRICTION_STATES_MAX.min(self.plain() as usize / 2 + RESTRICTION_STATES_SMALL)
    }

    fn arc(&self, state: u32) -> u32 {
        if state < self.plain() { state } else { self.copies[(state - self.plain()) as usize].0 }
    }

    fn turns(&self, state: u32) -> Vec<(u32, Mask)> {
        if state >= self.plain() {
            return self.copies[(state - self.plain()) as usize].1.clone();
        }
        if let Some(list) = self.changed.get(&state) {
            return list.clone();
        }
        self.base.range(state).map(|t| (self.base.to[t], self.base.mask[t])).collect()
    }

    fn set(&mut self, state: u32, turns: Vec<(u32, Mask)>) {
        let plain = self.plain();
        if state >= plain {
            self.copies[(state - plain) as usize].1 = turns;
        } else {
            self.changed.insert(state, turns);
        }
    }

    /// `false` when the bound on copies is reached.
    #[allow(clippy::cast_possible_truncation)] // bounded by RESTRICTION_STATES_MAX
    fn apply(&mut self, turn: &ResolvedTurn, only: bool, mask: Mask) -> bool {
        let mut starts = vec![turn.from];
        starts.extend(self.copies_of.get(&turn.from).into_iter().flatten());
        for start in starts {
            if self.copies.len() + turn.chain.len() > self.most() {
                return false;
            }
            let mut at = start;
            let mut complete = true;
            for &arc in &turn.chain {
                let mut turns = self.turns(at);
                let Some(i) = turns.iter().position(|(to, _)| self.arc(*to) == arc) else {
                    complete = false;
                    break;
                };
                let copy = self.plain() + self.copies.len() as u32;
                let onward = self.turns(turns[i].0);
                turns[i].0 = copy;
                if only {
                    for (k, t) in turns.iter_mut().enumerate() {
                        if k != i {
                            t.1 &= !mask;
                        }
                    }
                }
                self.set(at, turns);
                self.copies.push((arc, onward));
                self.copies_of.entry(arc).or_default().push(copy);
                at = copy;
            }
            if complete {
                let mut turns = self.turns(at);
                let exists = turns.iter().any(|(to, m)| self.arc(*to) == turn.to && m & mask != 0);
                if !only || exists {
                    for (to, allowed) in &mut turns {
                        if (self.arc(*to) == turn.to) != only {
                            *allowed &= !mask;
                        }
                    }
                    self.set(at, turns);
                }
            }
        }
        true
    }

    /// Numbers the states: arcs that someone may drive, then copies; drops turns that nobody may take.
    #[allow(clippy::cast_possible_truncation)] // arcs, copies and turns fit u32
    fn finish(self, arcs: &Arcs<'_>) -> TurnGraph {
        let plain = self.plain();
        let mut graph = TurnGraph { arc_state: vec![NONE; plain as usize], ..TurnGraph::default() };
        for arc in 0..plain {
            if arcs.open[arc as usize] != 0 {
                graph.arc_state[arc as usize] = graph.state_arc.len() as u32;
                graph.state_arc.push(arc);
            }
        }
        let copies_from = graph.state_arc.len() as u32;
        graph.state_arc.extend(self.copies.iter().map(|c| c.0));
        let number = |state: u32| {
            if state < plain { graph.arc_state[state as usize] } else { copies_from + (state - plain) }
        };
        let (mut first, mut to, mut mask) = (vec![0], Vec::new(), Vec::new());
        let mut row: Vec<(u32, Mask)> = Vec::new();
        for state in
            (0..plain).filter(|a| arcs.open[*a as usize] != 0).chain(plain..plain + self.copies.len() as u32)
        {
            row.clear();
            if state < plain && !self.changed.contains_key(&state) {
                row.extend(self.base.range(state).map(|t| (number(self.base.to[t]), self.base.mask[t])));
            } else {
                row.extend(self.turns(state).into_iter().map(|(t, m)| (number(t), m)));
            }
            row.retain(|(_, m)| *m != 0);
            row.sort_unstable();
            to.extend(row.iter().map(|r| r.0));
            mask.extend(row.iter().map(|r| r.1));
            first.push(to.len() as u32);
        }
        graph.first = first;
        graph.to = to;
        graph.mask = mask;
        graph
    }
}

/// Angle classes of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bend {
    Straight,
    Right,
    Left,
}

/// Bend from the bearing of arrival to the bearing of departure, degrees clockwise from north.
pub(crate) fn bend(arrive: f64, depart: f64) -> Bend {
    let diff = (depart - arrive + 540.0).rem_euclid(360.0) - 180.0;
    if diff.abs() < 35.0 {
        Bend::Straight
    } else if diff > 0.0 {
        Bend::Right
    } else {
        Bend::Left
    }
}

/// Time of an arc from its length and a speed in tenths of km/h, at least 1 ms.
pub(crate) fn drive_ms(length_mm: u32, speed: u32) -> u32 {
    if speed == 0 {
        return INF_MS;
    }
    let ms = (u64::from(length_mm) * 36 + u64::from(speed) / 2) / u64::from(speed);
    #[allow(clippy::cast_possible_truncation)] // below REACH_MS by the bound
    let ms = ms.clamp(1, u64::from(super::REACH_MS)) as u32;
    ms
}
