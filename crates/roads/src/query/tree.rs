//! One-to-one queries: both ends walk up the elimination tree, relax upward, and meet; the path is unpacked by
//! finding again the lower triangle that each shortcut came from.

use super::dijkstra::Path;
use super::weight::{INF, REACH, Weight};
use super::{Ends, Source, Target};
use crate::contraction::Topology;
use crate::contraction::memo::{Memo, Part};
use crate::contraction::topology::Half;
use crate::graph::NONE;
use std::cell::RefCell;

/// The hierarchy under one metric, as a query sees it.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) up: &'a [Weight],
    pub(crate) down: &'a [Weight],
    pub(crate) memo: &'a Memo,
    /// One bit an arc (the upward ones, then the downward ones) that a shortest way may need; empty where any may.
    pub(crate) needed: &'a [u64],
}

/// Labels that live across queries of one thread; all are [`Label::NONE`] between queries.
#[derive(Default)]
struct Scratch {
    forward: Vec<Label>,
    backward: Vec<Label>,
    touched: Vec<u32>,
}

/// The least weight of a state, with the state and the hierarchy arc that it came over. All zero is no label, so
/// that the labels of a large map cost nothing until they are written.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Label {
    /// [`INF`] less the weight: the more, the better.
    gain: Weight,
    state: u32,
    /// Arc and one more; 0 at a seed.
    arc: u32,
}

impl Label {
    const NONE: Self = Self { gain: 0, state: 0, arc: 0 };

    fn seed(weight: Weight) -> Self {
        Self { gain: INF - weight, ..Self::NONE }
    }

    #[inline(always)]
    fn weight(self) -> Weight {
        INF - self.gain
    }
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
            scratch.forward = bytemuck::zeroed_vec(states);
            scratch.backward = bytemuck::zeroed_vec(states);
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
            self.forward[v as usize] = Label::NONE;
            self.backward[v as usize] = Label::NONE;
        }
        self.touched.clear();
    }

    /// Best weight and the state where the two halves meet.
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
            if weight < label.weight() {
                *label = Label::seed(weight);
            }
            if !ahead.heads.contains(&state) {
                ahead.heads.push(state);
            }
        }
        for &(state, rest) in targets() {
            let label = &mut self.backward[state as usize];
            if most - rest < label.weight() {
                *label = Label::seed(most - rest);
            }
            if !behind.heads.contains(&state) {
                behind.heads.push(state);
            }
        }
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
            let (f, b) = (self.forward[s].weight(), self.backward[s].weight());
            if f + b < best {
                best = f + b;
                meet = state;
            }
            if forward && f < best {
                relax(&view.topology.up, view.up, state, f, &mut self.forward);
            }
            if backward && b < best {
                relax(&view.topology.down, view.down, state, b, &mut self.backward);
            }
        }
        // The rest may lower a sum below the reach that was above it.
        // In a file whose sums fit but whose weights contradict each other it may lower them below nothing.
        (best < INF).then(|| (best.saturating_sub(most), meet))
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
            let behind = view.up.len();
            let mut arcs: Vec<usize> = Vec::new();
            let mut at = meet;
            while let Label { state: from, arc, .. } = self.forward[at as usize]
                && arc != 0
            {
                arcs.push(arc as usize - 1);
                at = from;
            }
            let mut states = vec![at];
            // What is done first lies on top.
            let mut stack: Vec<usize> = Vec::new();
            at = meet;
            while let Label { state: to, arc, .. } = self.backward[at as usize]
                && arc != 0
            {
                stack.push(behind + arc as usize - 1);
                at = to;
            }
            stack.reverse();
            stack.extend(arcs);
            unpack(view, ends, &mut stack, &mut states);
            Path { weight, states }
        });
        self.reset();
        path
    }
}

/// Lowers the labels above a state.
#[inline]
fn relax(half: &Half, weights: &[Weight], state: u32, by: Weight, labels: &mut [Label]) {
    let range = half.arcs(state);
    #[allow(clippy::cast_possible_truncation)] // arcs fit u32
    let first = range.start as u32 + 1;
    for ((other, weight), arc) in half.other[range.clone()].iter().zip(&weights[range]).zip(first..) {
        let label = &mut labels[*other as usize];
        // Negative for what cannot be driven; a label's gain never is.
        let gain = INF.wrapping_sub(by + weight);
        if gain.cast_signed() > label.gain.cast_signed() {
            *label = Label { gain, state, arc };
        }
    }
}

/// Replaces shortcuts by what they stand for until only turns are left; appends the states reached. Arcs are numbered
/// with the downward ones behind the upward ones, the first to be driven on top.
#[allow(clippy::cast_possible_truncation)] // states and arcs fit 31 bits
fn unpack(view: View<'_>, ends: &Ends<'_>, stack: &mut Vec<usize>, states: &mut Vec<u32>) {
    let behind = view.up.len();
    while let Some(arc) = stack.pop() {
        let part = view.memo.get(arc).unwrap_or_else(|| {
            let part = look(view, ends, arc);
            view.memo.put(arc, part);
            part
        });
        match part {
            Part::Turn(to) => states.push(to),
            Part::Shortcut { falls, rises } => {
                stack.push(rises as usize);
                stack.push(behind + falls as usize);
            }
        }
    }
}

/// What an arc stands for: its own turn where that gives the weight, else the two arcs over the highest state that do.
#[cold]
#[allow(clippy::cast_possible_truncation)] // states and arcs fit 31 bits
fn look(view: View<'_>, ends: &Ends<'_>, arc: usize) -> Part {
    let topology = view.topology;
    let rises = arc < view.up.len();
    let (half, weights, arc) =
        if rises { (&topology.up, view.up, arc) } else { (&topology.down, view.down, arc - view.up.len()) };
    let (low, high) = (half.low_of(arc), half.other[arc]);
    let (from, to) = if rises { (low, high) } else { (high, low) };
    let weight = weights[arc];
    if half.turns.of(arc).is_some_and(|turn| ends.turn_between(turn, from, to) == weight) {
        return Part::Turn(to);
    }
    // Cannot be missing while weights belong to the topology; a rotten file ends the path here.
    triangle(view, from, to, weight).map_or(Part::Turn(to), |(falls, rises)| Part::Shortcut { falls, rises })
}

/// The two arcs over the highest state `v` with `from → v → to` of exactly this weight. Where one way is shortest, that
/// state is its highest, so looking from above finds it soon.
fn triangle(view: View<'_>, from: u32, to: u32, weight: Weight) -> Option<(u32, u32)> {
    let (mut a, mut b) = (view.topology.down.below(from), view.topology.up.below(to));
    while let ([rest_a @ .., [x, falls]], [rest_b @ .., [y, rises]]) = (a, b) {
        if x == y && view.down[*falls as usize] + view.up[*rises as usize] == weight {
            return Some((*falls, *rises));
        }
        if x >= y {
            a = rest_a;
        }
        if y >= x {
            b = rest_b;
        }
    }
    None
}
