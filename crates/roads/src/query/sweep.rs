//! Many-to-many by restricted sweeps: the downward part of the hierarchy above all ends is copied once, compact
//! and in order of rank; then a batch of sources at a time sweeps up the whole hierarchy and
//! down through the copy.
//!
//! After Delling, Goldberg, Pajor and Werneck ("PHAST", JPDC 2013; restricted to targets), on the elimination tree's
//! ancestors instead of a search.

use super::tree::View;
use super::weight::{INF, Weight};
use super::{Ends, Source, Target};
use crate::graph::NONE;
use crate::simd::{self, Arcs, Exits, Label};
use std::cell::RefCell;

/// Reads labels of a width out of packed weights.
pub(crate) trait Narrow: Label {
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

/// The downward hierarchy above some states, numbered from the highest rank down.
struct Above<T> {
    /// Ranks by number.
    states: Vec<u32>,
    first: Vec<u32>,
    other: Vec<u32>,
    weight: Vec<T>,
}

/// States looked ahead of while arcs are copied, so that memory is asked in time.
const AHEAD: usize = 8;

impl<T: Narrow> Above<T> {
    /// Fills `number` for all states above the ends.
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    fn new(view: View<'_>, ends: impl Iterator<Item = u32>, number: &mut [u32]) -> Self {
        let parent = &view.topology.parent[..];
        let mut states = Vec::new();
        for end in ends {
            let mut at = end;
            while at != NONE && number[at as usize] == 0 {
                number[at as usize] = 1;
                states.push(at);
                at = parent[at as usize];
            }
        }
        states.sort_unstable_by(|a, b| b.cmp(a));
        for (i, s) in states.iter().enumerate() {
            number[*s as usize] = i as u32 + 1;
        }
        let half = &view.topology.down;
        let (half_first, half_other) = (&half.first[..], &half.other[..]);
        let most: usize = states.iter().map(|s| half.arcs(*s).len()).sum();
        let mut first = Vec::with_capacity(states.len() + 1);
        let (mut other, mut weight) = (vec![0u32; most], vec![T::INF; most]);
        let mut count = 0;
        for (i, &s) in states.iter().enumerate() {
            if let Some(soon) = states.get(i + AHEAD) {
                let arc = half_first[*soon as usize] as usize;
                simd::prefetch(half_other, arc);
                simd::prefetch(view.down, arc);
                simd::prefetch(view.down, arc + 8);
            }
            first.push(count as u32);
            let range = half.arcs(s);
            for (o, w) in half_other[range.clone()].iter().zip(&view.down[range]) {
                other[count] = number[*o as usize] - 1;
                weight[count] = T::of(*w);
                count += usize::from(*w < INF);
            }
        }
        first.push(count as u32);
        other.truncate(count);
        weight.truncate(count);
        Self { states, first, other, weight }
    }

    fn down(&self) -> Arcs<'_, T> {
        Arcs { first: &self.first, other: &self.other, weight: &self.weight }
    }
}

thread_local! {
    /// Numbers of states in the compact graph and one more; all 0 between tables, so that those of a large map cost
    /// nothing until they are written.
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
    let mut out = vec![T::INF; sources.len() * width];
    let all = sources
        .iter()
        .flat_map(|s| s.seeds.iter().map(|x| x.0))
        .chain(targets.iter().flat_map(|t| t.states.iter().map(|x| x.0)));
    let above = Above::<T>::new(view, all, number);
    // Ends in the numbers of the compact graph.
    let mut exits: Vec<(u32, T)> = Vec::new();
    let mut exit_first = vec![0usize];
    for target in targets {
        exits.extend(target.states.iter().map(|(s, rest)| (number[*s as usize] - 1, T::of(*rest))));
        exit_first.push(exits.len());
    }
    // Sources of neighbouring rank share their ancestors.
    let mut order: Vec<usize> = (0..sources.len()).filter(|i| !sources[*i].seeds.is_empty()).collect();
    order.sort_by_key(|i| sources[*i].seeds.iter().map(|s| s.0).min());
    let job = Job { view, above: &above, sources, number, exits: &exits, exit_first: &exit_first };
    // Each batch owns its rows: split the table into rows and hand every batch its own.
    let mut rows: Vec<Option<&mut [T]>> = out.chunks_mut(width.max(1)).map(Some).collect();
    let mut batches: Vec<(Vec<usize>, Vec<&mut [T]>)> = order
        .chunks(T::LANES)
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
    above.states.iter().for_each(|s| number[*s as usize] = 0);
    mend_behind(view, ends, sources, targets, &mut out);
    out
}

/// What all batches share.
struct Job<'a, T> {
    view: View<'a>,
    above: &'a Above<T>,
    sources: &'a [Source],
    number: &'a [u32],
    exits: &'a [(u32, T)],
    exit_first: &'a [usize],
}

/// Buffers of one thread.
struct Bench<T: Label> {
    labels: Vec<T::Row>,
    order: Vec<u32>,
    seen: Vec<u64>,
    rises: Vec<(u32, u32, T)>,
}

impl<T: Label> Default for Bench<T> {
    fn default() -> Self {
        Self { labels: Vec::new(), order: Vec::new(), seen: Vec::new(), rises: Vec::new() }
    }
}

impl<T: Narrow> Job<'_, T> {
    fn run(&self, batch: &[usize], rows: &mut [&mut [T]], bench: &mut Bench<T>) {
        let level = simd::level();
        let above = self.above;
        let Bench { labels, order, seen, rises } = bench;
        labels.clear();
        labels.resize(above.states.len(), T::NO_WAY);
        // States above the batch, lowest rank first.
        order.clear();
        seen.clear();
        seen.resize(above.states.len().div_ceil(64), 0);
        let topology = self.view.topology;
        for (lane, i) in batch.iter().enumerate() {
            for (state, weight) in &self.sources[*i].seeds {
                let label = &mut labels[self.number[*state as usize] as usize - 1].as_mut()[lane];
                *label = (*label).min(T::of(*weight));
                let mut v = *state;
                while v != NONE {
                    let at = self.number[v as usize] as usize - 1;
                    if seen[at / 64] >> (at % 64) & 1 != 0 {
                        break;
                    }
                    seen[at / 64] |= 1 << (at % 64);
                    order.push(v);
                    v = topology.parent[v as usize];
                }
            }
        }
        order.sort_unstable();
        rises.clear();
        for &v in order.iter() {
            let from = self.number[v as usize] - 1;
            let range = topology.up.arcs(v);
            for (o, w) in topology.up.other[range.clone()].iter().zip(&self.view.up[range]) {
                if *w < INF {
                    rises.push((from, self.number[*o as usize] - 1, T::of(*w)));
                }
            }
        }
        simd::rise_on(level, rises, labels);
        simd::fall_on(level, above.down(), labels);
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
    let mut labels = vec![INF; topology.parent.len()];
    let mut order: Vec<u32> = Vec::new();
    for (state, weight) in &source.seeds {
        labels[*state as usize] = labels[*state as usize].min(*weight);
        let mut at = *state;
        while at != NONE {
            order.push(at);
            at = topology.parent[at as usize];
        }
    }
    order.sort_unstable();
    order.dedup();
    for state in order {
        let label = labels[state as usize];
        for arc in topology.up.arcs(state) {
            let slot = &mut labels[topology.up.other[arc] as usize];
            *slot = (*slot).min(label + view.up[arc]);
        }
    }
    let (first, other) = (&topology.down.first[..], &topology.down.other[..]);
    for state in (0..labels.len()).rev() {
        let mut best = labels[state];
        for arc in first[state] as usize..first[state + 1] as usize {
            best = best.min(labels[other[arc] as usize] + view.down[arc]);
        }
        labels[state] = best;
    }
    labels
}

/// Weights from all states to one target, and the weight that was added to every one of them so that none is negative
/// (a target takes off what its arc has too much).
pub(crate) fn all_to_one(view: View<'_>, target: &Target) -> (Vec<Weight>, Weight) {
    let topology = view.topology;
    let most = target.states.iter().map(|t| t.1).max().unwrap_or(0);
    let mut labels = vec![INF; topology.parent.len()];
    let mut order: Vec<u32> = Vec::new();
    for (state, rest) in &target.states {
        labels[*state as usize] = labels[*state as usize].min(most - rest);
        let mut at = *state;
        while at != NONE {
            order.push(at);
            at = topology.parent[at as usize];
        }
    }
    order.sort_unstable();
    order.dedup();
    for state in order {
        let label = labels[state as usize];
        for arc in topology.down.arcs(state) {
            let slot = &mut labels[topology.down.other[arc] as usize];
            *slot = (*slot).min(label + view.down[arc]);
        }
    }
    let (first, other) = (&topology.up.first[..], &topology.up.other[..]);
    for state in (0..labels.len()).rev() {
        let mut best = labels[state];
        for arc in first[state] as usize..first[state + 1] as usize {
            best = best.min(labels[other[arc] as usize] + view.up[arc]);
        }
        labels[state] = best;
    }
    (labels, most)
}
