//! One-to-one queries: both ends walk up the elimination tree, relax upward, and meet; the path is unpacked by
//! finding again the lower triangle that each shortcut came from.

use super::dijkstra::Path;
use super::weight::{INF, REACH, Weight};
use super::{Ends, Source, Target};
use crate::contraction::Topology;
use crate::graph::NONE;
use std::cell::RefCell;

/// The hierarchy under one metric, as a query sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) up: &'a [Weight],
    pub(crate) down: &'a [Weight],
}

/// Labels that live across queries of one thread; all are [`INF`] between queries.
#[derive(Default)]
struct Scratch {
    forward: Vec<Weight>,
    backward: Vec<Weight>,
    /// State and hierarchy arc that a label came over.
    came: Vec<[u32; 2]>,
    goes: Vec<[u32; 2]>,
    touched: Vec<u32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

/// The weight between two ends; [`INF`] without a way.
pub(crate) fn distance(view: View<'_>, ends: &Ends<'_>, source: &Source, target: &Target) -> Weight {
    let mut best = INF;
    with_scratch(view.topology.parent.len(), |scratch| {
        let excluded = ends.excluded(source, target);
        best = scratch.search(view, source, target, &excluded).map_or(INF, |m| m.0);
        scratch.reset();
        if !excluded.is_empty() {
            for trip in ends.round_trip(source, target) {
                best = best.min(scratch.search(view, &trip.source, &trip.target, &[]).map_or(INF, |m| m.0));
                scratch.reset();
            }
        }
    });
    if best < REACH { best } else { INF }
}

/// The shortest path between two ends.
pub(crate) fn shortest(view: View<'_>, ends: &Ends<'_>, source: &Source, target: &Target) -> Option<Path> {
    let mut best: Option<Path> = None;
    with_scratch(view.topology.parent.len(), |scratch| {
        let excluded = ends.excluded(source, target);
        let mut take = |path: Option<Path>| {
            if let Some(path) = path
                && path.weight < REACH
                && best.as_ref().is_none_or(|b| path.weight < b.weight)
            {
                best = Some(path);
            }
        };
        take(scratch.path(view, ends, source, target, &excluded));
        if !excluded.is_empty() {
            for trip in ends.round_trip(source, target) {
                let path = scratch.path(view, ends, &trip.source, &trip.target, &[]);
                take(path.map(|mut p| {
                    p.states.insert(0, trip.start);
                    p
                }));
            }
        }
    });
    best
}

fn with_scratch(states: usize, work: impl FnOnce(&mut Scratch)) {
    SCRATCH.with(|cell| {
        let mut scratch = cell.borrow_mut();
        if scratch.forward.len() < states {
            scratch.forward.resize(states, INF);
            scratch.backward.resize(states, INF);
            scratch.came.resize(states, [NONE; 2]);
            scratch.goes.resize(states, [NONE; 2]);
        }
        work(&mut scratch);
    });
}

/// Heads of walks up the tree, several at once.
#[derive(Default)]
struct Walks {
    heads: Vec<u32>,
}

impl Walks {
    fn lowest(&self) -> u32 {
        self.heads.iter().copied().min().unwrap_or(NONE)
    }

    /// Moves the walks that stand at `state` to its parent and joins those that meet; whether any stood there.
    #[inline]
    fn step(&mut self, state: u32, parent: u32) -> bool {
        let mut stood = false;
        let mut i = 0;
        while i < self.heads.len() {
            if self.heads[i] == state {
                if stood || parent == NONE {
                    self.heads.swap_remove(i);
                    stood = true;
                    continue;
                }
                self.heads[i] = parent;
                stood = true;
            }
            i += 1;
        }
        stood
    }
}

impl Scratch {
    fn reset(&mut self) {
        for &v in &self.touched {
            self.forward[v as usize] = INF;
            self.backward[v as usize] = INF;
        }
        self.touched.clear();
    }

    /// Best weight and the state where the two halves meet.
    #[allow(clippy::needless_range_loop)] // an arc indexes two arrays, and is kept
    fn search(
        &mut self,
        view: View<'_>,
        source: &Source,
        target: &Target,
        excluded: &[u32],
    ) -> Option<(Weight, u32)> {
        let targets = || target.states.iter().filter(|(s, _)| !excluded.contains(s));
        // What the target's arcs have too much is taken off by starting lower; the greatest keeps all positive.
        let most = targets().map(|t| t.1).max()?;
        let (mut ahead, mut behind) = (Walks::default(), Walks::default());
        for &(state, weight) in &source.seeds {
            let label = &mut self.forward[state as usize];
            if weight < *label {
                *label = weight;
                self.came[state as usize] = [NONE; 2];
            }
            if !ahead.heads.contains(&state) {
                ahead.heads.push(state);
            }
        }
        for &(state, rest) in targets() {
            let label = &mut self.backward[state as usize];
            if most - rest < *label {
                *label = most - rest;
                self.goes[state as usize] = [NONE; 2];
            }
            if !behind.heads.contains(&state) {
                behind.heads.push(state);
            }
        }
        let (up_first, up_other) = (&view.topology.up.first[..], &view.topology.up.other[..]);
        let (down_first, down_other) = (&view.topology.down.first[..], &view.topology.down.other[..]);
        let parents = &view.topology.parent[..];
        let (mut best, mut meet) = (INF, NONE);
        loop {
            let state = ahead.lowest().min(behind.lowest());
            if state == NONE {
                break;
            }
            let s = state as usize;
            let parent = parents[s];
            let forward = ahead.step(state, parent);
            let backward = behind.step(state, parent);
            self.touched.push(state);
            let (f, b) = (self.forward[s], self.backward[s]);
            if f + b < best {
                best = f + b;
                meet = state;
            }
            if forward && f < best {
                for arc in up_first[s] as usize..up_first[s + 1] as usize {
                    let w = up_other[arc] as usize;
                    let sum = f + view.up[arc];
                    if sum < self.forward[w] {
                        self.forward[w] = sum;
                        #[allow(clippy::cast_possible_truncation)] // arcs fit u32
                        {
                            self.came[w] = [state, arc as u32];
                        }
                    }
                }
            }
            if backward && b < best {
                for arc in down_first[s] as usize..down_first[s + 1] as usize {
                    let w = down_other[arc] as usize;
                    let sum = b + view.down[arc];
                    if sum < self.backward[w] {
                        self.backward[w] = sum;
                        #[allow(clippy::cast_possible_truncation)] // arcs fit u32
                        {
                            self.goes[w] = [state, arc as u32];
                        }
                    }
                }
            }
        }
        // The rest may lower a sum below the reach that was above it.
        (best < INF).then(|| (best - most, meet))
    }

    fn path(
        &mut self,
        view: View<'_>,
        ends: &Ends<'_>,
        source: &Source,
        target: &Target,
        excluded: &[u32],
    ) -> Option<Path> {
        let found = self.search(view, source, target, excluded);
        let path = found.map(|(weight, meet)| {
            let mut hops = Vec::new();
            let mut at = meet;
            while self.came[at as usize][1] != NONE {
                let [from, arc] = self.came[at as usize];
                hops.push(Hop { from, to: at, arc, up: true });
                at = from;
            }
            hops.reverse();
            let mut states = vec![at];
            at = meet;
            while self.goes[at as usize][1] != NONE {
                let [to, arc] = self.goes[at as usize];
                hops.push(Hop { from: at, to, arc, up: false });
                at = to;
            }
            let mut stack = Vec::new();
            for hop in hops {
                stack.push(hop);
                unpack(view, ends, &mut stack, &mut states);
            }
            Path { weight, states }
        });
        self.reset();
        path
    }
}

/// A hierarchy arc on the way.
#[derive(Clone, Copy)]
struct Hop {
    from: u32,
    to: u32,
    arc: u32,
    up: bool,
}

/// Replaces shortcuts by what they stand for until only turns are left; appends the states reached.
fn unpack(view: View<'_>, ends: &Ends<'_>, stack: &mut Vec<Hop>, states: &mut Vec<u32>) {
    while let Some(hop) = stack.pop() {
        let weight = if hop.up { view.up[hop.arc as usize] } else { view.down[hop.arc as usize] };
        let turns = ends.graph.turns(hop.from);
        let list = &ends.graph.turn_to[turns.clone()];
        if let Ok(i) = list.binary_search(&hop.to)
            && ends.turn(turns.start + i, hop.from) == weight
        {
            states.push(hop.to);
            continue;
        }
        let Some((v, falls, rises)) = triangle(view, hop.from, hop.to, weight) else {
            // Cannot happen while weights belong to the topology; a rotten file ends the path here.
            states.push(hop.to);
            continue;
        };
        stack.push(Hop { from: v, to: hop.to, arc: rises, up: true });
        stack.push(Hop { from: hop.from, to: v, arc: falls, up: false });
    }
}

/// The lowest state `v` with `from → v → to` of exactly this weight, and the two arcs.
fn triangle(view: View<'_>, from: u32, to: u32, weight: Weight) -> Option<(u32, u32, u32)> {
    let (a, b) = (view.topology.down.below(from), view.topology.up.below(to));
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        match a[i][0].cmp(&b[j][0]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                if view.down[a[i][1] as usize] + view.up[b[j][1] as usize] == weight {
                    return Some((a[i][0], a[i][1], b[j][1]));
                }
                i += 1;
                j += 1;
            }
        }
    }
    None
}
