//! Many-to-many by restricted sweeps: the part of the hierarchy above all ends is copied once, compact and in order of
//! rank; then sixteen sources at a time sweep up and down through it.
//!
//! After Delling, Goldberg, Pajor and Werneck ("PHAST", JPDC 2013; restricted to targets), on the elimination tree's
//! ancestors instead of a search.

use super::tree::View;
use super::weight::{INF, Weight};
use super::{Ends, Source, Target};
use crate::graph::NONE;
use crate::simd::{self, Arcs, LANES, Label, Row};

/// Reads labels of a width out of packed weights.
pub(crate) trait Narrow: Label {
    /// The part of a packed weight that this label carries.
    fn of(weight: Weight) -> Self;
    /// What the target's arc has too much, taken off.
    fn minus(self, rest: Self) -> Self;
}

impl Narrow for u64 {
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        weight
    }
    #[inline(always)]
    fn minus(self, rest: Self) -> Self {
        // Wraps for a target behind the source on its own arc; such cells are asked again one by one.
        self.wrapping_sub(rest)
    }
}

impl Narrow for u32 {
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        super::weight::ms(weight)
    }
    #[inline(always)]
    fn minus(self, rest: Self) -> Self {
        self.wrapping_sub(rest)
    }
}

/// The hierarchy above some states, numbered from the highest rank down.
struct Above<T> {
    /// Rank by number.
    states: Vec<u32>,
    up_first: Vec<u32>,
    up_other: Vec<u32>,
    up_weight: Vec<T>,
    down_first: Vec<u32>,
    down_other: Vec<u32>,
    down_weight: Vec<T>,
    parent: Vec<u32>,
}

impl<T: Narrow> Above<T> {
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    fn new(view: View<'_>, ends: impl Iterator<Item = u32>, number: &mut [u32]) -> Self {
        let topology = view.topology;
        let mut states = Vec::new();
        for end in ends {
            let mut at = end;
            while at != NONE && number[at as usize] == NONE {
                number[at as usize] = 0;
                states.push(at);
                at = topology.parent[at as usize];
            }
        }
        states.sort_unstable_by(|a, b| b.cmp(a));
        for (i, s) in states.iter().enumerate() {
            number[*s as usize] = i as u32;
        }
        let mut this = Self {
            up_first: Vec::with_capacity(states.len() + 1),
            up_other: Vec::new(),
            up_weight: Vec::new(),
            down_first: Vec::with_capacity(states.len() + 1),
            down_other: Vec::new(),
            down_weight: Vec::new(),
            parent: Vec::with_capacity(states.len()),
            states: Vec::new(),
        };
        let (up_other, down_other) = (&topology.up.other[..], &topology.down.other[..]);
        for &s in &states {
            this.up_first.push(this.up_other.len() as u32);
            this.down_first.push(this.down_other.len() as u32);
            for arc in topology.up.arcs(s) {
                if view.up[arc] < INF {
                    this.up_other.push(number[up_other[arc] as usize]);
                    this.up_weight.push(T::of(view.up[arc]));
                }
            }
            for arc in topology.down.arcs(s) {
                if view.down[arc] < INF {
                    this.down_other.push(number[down_other[arc] as usize]);
                    this.down_weight.push(T::of(view.down[arc]));
                }
            }
            let parent = topology.parent[s as usize];
            this.parent.push(if parent == NONE { NONE } else { number[parent as usize] });
        }
        this.up_first.push(this.up_other.len() as u32);
        this.down_first.push(this.down_other.len() as u32);
        this.states = states;
        this
    }

    fn up(&self) -> Arcs<'_, T> {
        Arcs { first: &self.up_first, other: &self.up_other, weight: &self.up_weight }
    }

    fn down(&self) -> Arcs<'_, T> {
        Arcs { first: &self.down_first, other: &self.down_other, weight: &self.down_weight }
    }
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
    let width = targets.len();
    let mut out = vec![T::INF; sources.len() * width];
    let mut number = vec![NONE; view.topology.parent.len()];
    let all = sources
        .iter()
        .flat_map(|s| s.seeds.iter().map(|x| x.0))
        .chain(targets.iter().flat_map(|t| t.states.iter().map(|x| x.0)));
    let above = Above::<T>::new(view, all, &mut number);
    // Ends in the numbers of the compact graph.
    let mut exits: Vec<(u32, T)> = Vec::new();
    let mut exit_first = vec![0usize];
    for target in targets {
        exits.extend(target.states.iter().map(|(s, rest)| (number[*s as usize], T::of(*rest))));
        exit_first.push(exits.len());
    }
    // Sources of neighbouring rank share their ancestors.
    let mut order: Vec<usize> = (0..sources.len()).filter(|i| !sources[*i].seeds.is_empty()).collect();
    order.sort_by_key(|i| sources[*i].seeds.iter().map(|s| s.0).min());
    let job = Job { above: &above, sources, number: &number, exits: &exits, exit_first: &exit_first };
    // Each batch owns its rows: split the table into rows and hand every batch its own.
    let mut rows: Vec<Option<&mut [T]>> = out.chunks_mut(width.max(1)).map(Some).collect();
    let mut batches: Vec<(Vec<usize>, Vec<&mut [T]>)> = order
        .chunks(LANES)
        .map(|batch| {
            let own = batch.iter().filter_map(|i| rows[*i].take()).collect();
            (batch.to_vec(), own)
        })
        .collect();
    if threads <= 1 || batches.len() <= 1 {
        let mut labels = Vec::new();
        for (batch, own) in &mut batches {
            job.run(batch, own, &mut labels);
        }
    } else {
        let share = batches.len().div_ceil(threads);
        std::thread::scope(|scope| {
            for part in batches.chunks_mut(share) {
                let job = &job;
                scope.spawn(move || {
                    let mut labels = Vec::new();
                    for (batch, own) in part {
                        job.run(batch, own, &mut labels);
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

impl<T: Narrow> Job<'_, T> {
    #[allow(clippy::needless_range_loop)] // lanes index two arrays
    fn run(&self, batch: &[usize], rows: &mut [&mut [T]], labels: &mut Vec<Row<T>>) {
        let level = simd::level();
        let above = self.above;
        labels.clear();
        labels.resize(above.states.len(), [T::INF; LANES]);
        // States above the batch, lowest rank (highest number) first.
        let mut order: Vec<u32> = Vec::new();
        let mut seen = vec![false; above.states.len()];
        for (lane, i) in batch.iter().enumerate() {
            for (state, weight) in &self.sources[*i].seeds {
                let at = self.number[*state as usize];
                let label = &mut labels[at as usize][lane];
                *label = (*label).min(T::of(*weight));
                let mut v = at;
                while v != NONE && !seen[v as usize] {
                    seen[v as usize] = true;
                    order.push(v);
                    v = above.parent[v as usize];
                }
            }
        }
        order.sort_unstable_by(|a, b| b.cmp(a));
        simd::rise_on(level, above.up(), &order, labels);
        simd::fall_on(level, above.down(), labels);
        // Sixteen targets at a time, so that rows are written in whole cache lines.
        let width = self.exit_first.len() - 1;
        let mut tile = [[T::INF; LANES]; LANES];
        let mut start = 0;
        while start < width {
            let end = (start + LANES).min(width);
            for target in start..end {
                let mut best = [T::INF; LANES];
                for (state, rest) in &self.exits[self.exit_first[target]..self.exit_first[target + 1]] {
                    let row = &labels[*state as usize];
                    for lane in 0..LANES {
                        // A label below INF holds the whole arc, so the rest can be taken off.
                        let value = if row[lane] < T::INF { row[lane].minus(*rest) } else { T::INF };
                        best[lane] = best[lane].min(value);
                    }
                }
                for lane in 0..LANES {
                    tile[lane][target - start] = best[lane];
                }
            }
            for (lane, row) in rows.iter_mut().enumerate() {
                row[start..end].copy_from_slice(&tile[lane][..end - start]);
            }
            start = end;
        }
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
