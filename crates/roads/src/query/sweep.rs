//! Many-to-many by restricted sweeps: the hierarchy above all ends is copied once, compact and in order of rank; then
//! a batch of sources at a time sweeps up and down through the copy.
//!
//! After Delling, Goldberg, Pajor and Werneck ("PHAST", JPDC 2013; restricted to targets), on the elimination tree's
//! ancestors instead of a search.

use super::tree::View;
use super::weight::{INF, Weight};
use super::{Ends, Source, Target};
use crate::contraction::Topology;
use crate::contraction::topology::Half;
use crate::graph::NONE;
use crate::simd::{self, Arcs, Bits, Exits, Label};
use std::cell::RefCell;

/// Reads labels of a width out of packed weights.
pub(crate) trait Narrow: Label + bytemuck::Zeroable {
    /// The part of a packed weight that this label carries.
    fn of(weight: Weight) -> Self;
}

impl Narrow for u64 {
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        weight
    }
}

impl Narrow for u32 {
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        super::weight::ms(weight)
    }
}

/// The hierarchy above some states, numbered from the highest rank down.
struct Above<T> {
    /// Ranks by number.
    states: Vec<u32>,
    /// Number of the parent by number; the number itself at a root.
    parent: Vec<u32>,
    /// Arcs up from what lies above the sources.
    up: Compact<T>,
    /// Arcs down to what lies above the targets.
    down: Compact<T>,
}

/// Arcs of one half by lower state, without those that cannot be driven.
struct Compact<T> {
    first: Vec<u32>,
    other: Vec<u32>,
    weight: Vec<T>,
}

/// States looked ahead of while arcs are copied, so that memory is asked in time.
const AHEAD: usize = 8;
impl<T: Narrow> Above<T> {
    /// Fills `number` for all states above the ends.
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    fn new(view: View<'_>, sources: &[Source], targets: &[Target], number: &mut [u32]) -> Self {
        let topology = view.topology;
        let parent = &topology.parent[..];
        let walk = |ends: &mut dyn Iterator<Item = u32>| {
            let mut above = Bits::default();
            above.clear(parent.len());
            for end in ends {
                let mut at = end;
                while at != NONE && !above.has(at as usize) {
                    above.set(at as usize);
                    at = parent[at as usize];
                }
            }
            above
        };
        let starts = walk(&mut sources.iter().flat_map(|s| s.seeds.iter().map(|x| x.0)));
        let stops = walk(&mut targets.iter().flat_map(|t| t.states.iter().map(|x| x.0)));
        let states: Vec<u32> = starts.either(&stops).collect();
        states.iter().enumerate().for_each(|(i, s)| number[*s as usize] = i as u32);
        let up = Compact::new((&topology.up, view.up, Needed(view.needed, 0)), &states, number, &starts);
        let down = Compact::new(
            (&topology.down, view.down, Needed(view.needed, view.up.len())),
            &states,
            number,
            &stops,
        );
        let over = |(i, s): (usize, &u32)| match parent[*s as usize] {
            NONE => i as u32,
            parent => number[parent as usize],
        };
        let parent = states.iter().enumerate().map(over).collect();
        Self { states, parent, up, down }
    }
}

/// Arcs of one half that shortest ways may need: bits and the number of the first arc among all.
#[derive(Clone, Copy)]
struct Needed<'a>(&'a [u64], usize);

impl Needed<'_> {
    #[inline(always)]
    fn has(self, arc: usize) -> bool {
        let at = self.1 + arc;
        self.0.get(at / 64).is_none_or(|word| word >> (at % 64) & 1 != 0)
    }
}

impl<T: Narrow> Compact<T> {
    /// Arcs of those of the states that are wanted.
    #[allow(clippy::cast_possible_truncation)] // arcs fit u32
    fn new(
        (half, weights, needed): (&Half, &[Weight], Needed<'_>),
        states: &[u32],
        number: &[u32],
        wanted: &Bits,
    ) -> Self {
        let (half_first, half_other) = (&half.first[..], &half.other[..]);
        let most: usize =
            states.iter().filter(|s| wanted.has(**s as usize)).map(|s| half.arcs(*s).len()).sum();
        let mut first = Vec::with_capacity(states.len() + 1);
        let (mut other, mut weight) = (vec![0u32; most], vec![T::default(); most]);
        let mut count = 0;
        for (i, &s) in states.iter().enumerate() {
            if let Some(soon) = states.get(i + AHEAD) {
                let arc = half_first[*soon as usize] as usize;
                simd::prefetch(half_other, arc);
                simd::prefetch(weights, arc);
                simd::prefetch(weights, arc + 8);
            }
            first.push(count as u32);
            if !wanted.has(s as usize) {
                continue;
            }
            let range = half.arcs(s);
            for ((o, w), arc) in half_other[range.clone()].iter().zip(&weights[range.clone()]).zip(range) {
                other[count] = number[*o as usize];
                weight[count] = T::of(*w);
                count += usize::from(*w < INF && needed.has(arc));
            }
        }
        first.push(count as u32);
        Self { first, other, weight }
    }

    fn arcs(&self) -> Arcs<'_, T> {
        Arcs { first: &self.first, other: &self.other, weight: &self.weight }
    }
}

thread_local! {
    /// Numbers of states in the compact graph, for those in it; those of a large map cost nothing until they are
    /// written.
    static NUMBER: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Labels from every source to every target, row by row; [`Label::INF`] without a way.
/// Sources and targets that are on no road are empty. Work is shared by `threads`; the result does not depend on it.
pub(crate) fn table<T: Narrow>(
    view: View<'_>,
    ends: &Ends<'_>,
    sources: &[Source],
    targets: &[Target],
    threads: usize,
) -> Vec<T> {
    NUMBER.with(|cell| {
        let mut number = cell.borrow_mut();
        if number.len() < view.topology.parent.len() {
            *number = vec![0; view.topology.parent.len()];
        }
        numbered(view, ends, sources, targets, threads, &mut number)
    })
}

fn numbered<T: Narrow>(
    view: View<'_>,
    ends: &Ends<'_>,
    sources: &[Source],
    targets: &[Target],
    threads: usize,
    number: &mut [u32],
) -> Vec<T> {
    let width = targets.len();
    let above = Above::<T>::new(view, sources, targets, number);
    // Ends in the numbers of the compact graph.
    let mut exits: Vec<(u32, T)> = Vec::new();
    let mut exit_first = vec![0usize];
    for target in targets {
        exits.extend(target.states.iter().map(|(s, rest)| (number[*s as usize], T::of(*rest))));
        exit_first.push(exits.len());
    }
    // All rows are written by their batches, but for those of sources on no road.
    let mut out: Vec<T> = bytemuck::zeroed_vec(sources.len() * width);
    for (i, _) in sources.iter().enumerate().filter(|(_, s)| s.seeds.is_empty()) {
        out[i * width..(i + 1) * width].fill(T::INF);
    }
    // Sources of neighbouring rank share their ancestors.
    let mut order: Vec<usize> = (0..sources.len()).filter(|i| !sources[*i].seeds.is_empty()).collect();
    order.sort_by_key(|i| sources[*i].seeds.iter().map(|s| s.0).min());
    let job = Job { above: &above, sources, number, exits: &exits, exit_first: &exit_first };
    // Each batch owns its rows: split the table into rows and hand every batch its own.
    let mut rows: Vec<Option<&mut [T]>> = out.chunks_mut(width.max(1)).map(Some).collect();
    // Batches of one size: a last one of few would cost as much as the others.
    let size = order.len().div_ceil(order.len().div_ceil(T::LANES).max(1)).max(1);
    let mut batches: Vec<(Vec<usize>, Vec<&mut [T]>)> = order
        .chunks(size)
        .map(|batch| {
            let own = batch.iter().filter_map(|i| rows[*i].take()).collect();
            (batch.to_vec(), own)
        })
        .collect();
    if threads <= 1 || batches.len() <= 1 {
        let mut bench = Bench::default();
        for (batch, own) in &mut batches {
            job.run(batch, own, &mut bench);
        }
    } else {
        let share = batches.len().div_ceil(threads);
        std::thread::scope(|scope| {
            for part in batches.chunks_mut(share) {
                let job = &job;
                scope.spawn(move || {
                    let mut bench = Bench::default();
                    for (batch, own) in part {
                        job.run(batch, own, &mut bench);
                    }
                });
            }
        });
    }
    drop(batches);
    drop(rows);
    mend_behind(view, ends, sources, targets, &mut out);
    out
}

/// What all batches share.
struct Job<'a, T> {
    above: &'a Above<T>,
    sources: &'a [Source],
    number: &'a [u32],
    exits: &'a [(u32, T)],
    exit_first: &'a [usize],
}

/// Buffers of one thread.
struct Bench<T: Label> {
    labels: Vec<T::Row>,
    /// States above the batch.
    order: Vec<u32>,
    seen: Bits,
}

impl<T: Label> Default for Bench<T> {
    fn default() -> Self {
        Self { labels: Vec::new(), order: Vec::new(), seen: Bits::default() }
    }
}

impl<T: Narrow> Job<'_, T> {
    fn run(&self, batch: &[usize], rows: &mut [&mut [T]], bench: &mut Bench<T>) {
        let level = simd::level();
        let above = self.above;
        let Bench { labels, order, seen } = bench;
        let count = above.states.len();
        labels.resize(count, T::NO_WAY);
        order.clear();
        seen.clear(count);
        for (lane, i) in batch.iter().enumerate() {
            for (state, weight) in &self.sources[*i].seeds {
                let start = self.number[*state as usize];
                let mut at = start;
                while !seen.has(at as usize) {
                    seen.set(at as usize);
                    // What an earlier batch left.
                    labels[at as usize] = T::NO_WAY;
                    order.push(at);
                    at = above.parent[at as usize];
                }
                let label = &mut labels[start as usize].as_mut()[lane];
                *label = (*label).min(T::of(*weight));
            }
        }
        // Lowest rank first.
        order.sort_unstable_by(|a, b| b.cmp(a));
        simd::rise_on(level, above.up.arcs(), order, labels);
        simd::fall_on(level, above.down.arcs(), seen, labels);
        simd::collect_on(level, Exits { first: self.exit_first, list: self.exits }, labels, rows);
    }
}

/// Cells whose target lies behind the source on the same arc are asked one by one: there the empty path must not count.
fn mend_behind<T: Narrow>(
    view: View<'_>,
    ends: &Ends<'_>,
    sources: &[Source],
    targets: &[Target],
    out: &mut [T],
) {
    let mut by_state: Vec<(u32, usize)> =
        targets.iter().enumerate().flat_map(|(j, t)| t.states.iter().map(move |s| (s.0, j))).collect();
    by_state.sort_unstable();
    for (i, source) in sources.iter().enumerate() {
        let mut done = None;
        for (state, _) in &source.seeds {
            let start = by_state.partition_point(|b| b.0 < *state);
            for &(_, j) in by_state[start..].iter().take_while(|b| b.0 == *state) {
                if done != Some(j) && !ends.excluded(source, &targets[j]).is_empty() {
                    done = Some(j);
                    let weight = super::tree::distance(view, ends, source, &targets[j]);
                    out[i * targets.len() + j] = T::of(weight);
                }
            }
        }
    }
}

/// Weights from one source to all states.
pub(crate) fn one_to_all(view: View<'_>, source: &Source) -> Vec<Weight> {
    let topology = view.topology;
    over_all(topology, (&topology.up, view.up), (&topology.down, view.down), source.seeds.iter().copied())
}

/// Weights from all states to one target, and the weight that was added to every one of them so that none is negative
/// (a target takes off what its arc has too much).
pub(crate) fn all_to_one(view: View<'_>, target: &Target) -> (Vec<Weight>, Weight) {
    let topology = view.topology;
    let most = target.states.iter().map(|t| t.1).max().unwrap_or(0);
    let seeds = target.states.iter().map(|(state, rest)| (*state, most - rest));
    (over_all(topology, (&topology.down, view.down), (&topology.up, view.up), seeds), most)
}

/// Labels of all states from seeds: along the arcs of one half above the seeds, then along those of the other from all
/// states down.
fn over_all(
    topology: &Topology,
    (rising, rising_weights): (&Half, &[Weight]),
    (falling, falling_weights): (&Half, &[Weight]),
    seeds: impl Iterator<Item = (u32, Weight)>,
) -> Vec<Weight> {
    let mut labels = vec![INF; topology.parent.len()];
    let mut order: Vec<u32> = Vec::new();
    for (state, weight) in seeds {
        labels[state as usize] = labels[state as usize].min(weight);
        let mut at = state;
        while at != NONE {
            order.push(at);
            at = topology.parent[at as usize];
        }
    }
    order.sort_unstable();
    order.dedup();
    for state in order {
        let label = labels[state as usize];
        for arc in rising.arcs(state) {
            let slot = &mut labels[rising.other[arc] as usize];
            *slot = (*slot).min(label + rising_weights[arc]);
        }
    }
    let (first, other) = (&falling.first[..], &falling.other[..]);
    for state in (0..labels.len()).rev() {
        let mut best = labels[state];
        for arc in first[state] as usize..first[state + 1] as usize {
            best = best.min(labels[other[arc] as usize] + falling_weights[arc]);
        }
        labels[state] = best;
    }
    labels
}
