//! Inner loops of the sweeps over lanes, one body compiled for several instruction sets and chosen at run
//! time. The only unsafe code is the call of a function compiled for an instruction set that was just found present.

#![allow(unsafe_code)]

use crate::contraction::Topology;
use crate::contraction::customize::Plan;
use crate::contraction::topology::Half;
use crate::query::Ends;
use crate::query::weight::Weight;
use std::sync::OnceLock;

/// A label: time alone, or time and distance packed.
pub(crate) trait Label: Copy + Ord + Default + Send + Sync + 'static {
    const ZERO: Self;
    /// No way known.
    const INF: Self;
    /// Sources handled at once: two cache lines of labels, so that an arc is read half as often as with one.
    const LANES: usize;
    /// Labels of one state for all lanes.
    type Row: Copy + AsRef<[Self]> + AsMut<[Self]> + Send + Sync;
    /// A row without any way.
    const NO_WAY: Self::Row;
    /// The part of a packed weight that this label carries.
    fn of(weight: Weight) -> Self;
    /// Plain sum; labels and weights are at most [`Label::INF`], so it cannot overflow.
    fn plus(self, other: Self) -> Self;
    /// What the target's arc has too much, taken off. Wraps for a target behind the source on its own arc; such cells
    /// are asked again one by one.
    fn minus(self, rest: Self) -> Self;
}

/// Labels of one state on whole cache lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Row<T, const N: usize>(pub(crate) [T; N]);

impl<T, const N: usize> AsRef<[T]> for Row<T, N> {
    #[inline(always)]
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> AsMut<[T]> for Row<T, N> {
    #[inline(always)]
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl Label for u32 {
    const ZERO: Self = 0;
    const INF: Self = crate::graph::INF_MS;
    const LANES: usize = 32;
    type Row = Row<Self, 32>;
    const NO_WAY: Self::Row = Row([Self::INF; 32]);
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        crate::query::weight::ms(weight)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn minus(self, rest: Self) -> Self {
        self.wrapping_sub(rest)
    }
}

impl Label for u64 {
    const ZERO: Self = 0;
    const INF: Self = crate::query::weight::INF;
    const LANES: usize = 16;
    type Row = Row<Self, 16>;
    const NO_WAY: Self::Row = Row([Self::INF; 16]);
    #[inline(always)]
    fn of(weight: Weight) -> Self {
        weight
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn minus(self, rest: Self) -> Self {
        self.wrapping_sub(rest)
    }
}

/// Arcs of one half of the hierarchy by lower state.
#[derive(Clone, Copy)]
pub(crate) struct Arcs<'a> {
    first: &'a [u32],
    other: &'a [u32],
    weight: &'a [Weight],
    /// One bit an arc that shortest ways may need, and the bit of the first arc; no bits where any may be.
    needed: (&'a [u64], usize),
    /// By state.
    parent: &'a [u32],
}

impl<'a> Arcs<'a> {
    pub(crate) fn new(
        half: &'a Half,
        weight: &'a [Weight],
        needed: (&'a [u64], usize),
        parent: &'a [u32],
    ) -> Self {
        Self { first: &half.first, other: &half.other, weight, needed, parent }
    }

    #[inline(always)]
    fn of(&self, state: u32) -> std::ops::Range<usize> {
        self.first[state as usize] as usize..self.first[state as usize + 1] as usize
    }

    /// Bits of at most 64 arcs.
    #[inline(always)]
    fn needed(&self, arc: usize, count: usize) -> u64 {
        let all = u64::MAX >> (64 - count);
        let (words, at) = (self.needed.0, self.needed.1 + arc);
        let Some(low) = words.get(at / 64) else { return all };
        let high = words.get(at / 64 + 1).copied().unwrap_or_default();
        // In two steps: 64 would be too far for one.
        (low >> (at % 64) | high << 1 << (63 - at % 64)) & all
    }
}

/// What is known of all labels of a state at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<T> {
    /// No label is less, and none is more.
    pub(crate) least: T,
    pub(crate) most: T,
    /// One bit a run of [`RUN`] lanes: whether the state lies above any of them.
    pub(crate) runs: u32,
}

/// Lanes of a run.
pub(crate) const RUN: usize = 8;

impl<T: Label> Span<T> {
    /// Above no lane yet.
    pub(crate) const NONE: Self = Self { least: T::ZERO, most: T::INF, runs: 0 };
    const ALL: u32 = (1 << (T::LANES / RUN)) - 1;
}

/// Asks for the cache line of an element that is read soon; nothing for one that does not exist.
#[inline(always)]
pub(crate) fn prefetch<T>(of: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = of.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program sees, and the address is that of an element.
        unsafe { _mm_prefetch(std::ptr::from_ref(element).cast(), _MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (of, at);
}

/// `row = min(row, from + by)` in every lane.
#[inline(always)]
fn least<T: Label>(row: &mut T::Row, from: &T::Row, by: T) {
    for (slot, label) in row.as_mut().iter_mut().zip(from.as_ref()) {
        let sum = label.plus(by);
        *slot = if sum < *slot { sum } else { *slot };
    }
}

/// The first label of a lane in a row.
#[derive(Clone, Copy)]
pub(crate) struct Seed<T> {
    pub(crate) row: u32,
    pub(crate) lane: u32,
    pub(crate) label: T,
}

/// States looked ahead of, so that memory is asked in time.
const AHEAD: usize = 6;

/// Labels of states, a row each, from seeds along arcs upward, with the spans of those that lie above all runs. The
/// states are listed from the highest rank down; `place` has the row of each.
#[inline(always)]
fn rise<T: Label>(
    arcs: Arcs<'_>,
    (states, place): (&[u32], &[u32]),
    seeds: &[Seed<T>],
    (labels, spans): (&mut Vec<T::Row>, &mut Vec<Span<T>>),
) {
    labels.truncate(states.len());
    labels.fill(T::NO_WAY);
    labels.resize(states.len(), T::NO_WAY);
    spans.clear();
    spans.resize(states.len(), Span::NONE);
    for seed in seeds {
        let slot = &mut labels[seed.row as usize].as_mut()[seed.lane as usize];
        *slot = (*slot).min(seed.label);
        spans[seed.row as usize].runs |= 1 << (seed.lane as usize / RUN);
    }
    for (at, state) in states.iter().enumerate().rev() {
        if let Some(soon) = at.checked_sub(AHEAD) {
            let soon = arcs.of(states[soon]);
            prefetch(arcs.other, soon.start);
            prefetch(arcs.weight, soon.start);
            prefetch(arcs.weight, soon.start + 8);
        }
        let row = labels[at];
        let runs = spans[at].runs;
        if runs.is_power_of_two() {
            // Many states lie above one end or a few: they have nothing to say of the other lanes.
            let first = runs.trailing_zeros() as usize * RUN;
            let mut part = [T::INF; RUN];
            part.copy_from_slice(&row.as_ref()[first..first + RUN]);
            each_needed(arcs, *state, |other, weight| {
                let slots = &mut labels[place[other as usize] as usize].as_mut()[first..first + RUN];
                for (slot, label) in slots.iter_mut().zip(&part) {
                    let sum = label.plus(T::of(weight));
                    *slot = if sum < *slot { sum } else { *slot };
                }
            });
        } else {
            each_needed(arcs, *state, |other, weight| {
                least(&mut labels[place[other as usize] as usize], &row, T::of(weight));
            });
        }
        if let Some(over) = place.get(arcs.parent[*state as usize] as usize) {
            spans[*over as usize].runs |= runs;
        }
        if runs == Span::<T>::ALL {
            let (row, span) = (row.as_ref(), &mut spans[at]);
            (span.least, span.most) = row.iter().fold((row[0], row[0]), |(least, most), label| {
                (if *label < least { *label } else { least }, if *label > most { *label } else { most })
            });
        }
    }
}

/// The higher states and weights of a state's arcs that shortest ways may need.
#[inline(always)]
fn each_needed(arcs: Arcs<'_>, state: u32, mut found: impl FnMut(u32, Weight)) {
    let mut range = arcs.of(state);
    while !range.is_empty() {
        let count = range.len().min(64);
        let (others, weights) = (&arcs.other[range.start..], &arcs.weight[range.start..]);
        let (others, weights) = (&others[..count], &weights[..count]);
        let mut left = arcs.needed(range.start, count);
        while left != 0 {
            let arc = left.trailing_zeros() as usize;
            left &= left - 1;
            found(others[arc], weights[arc]);
        }
        range.start += count;
    }
}

/// States by number, one bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// None of so many.
    pub(crate) fn clear(&mut self, count: usize) {
        self.0.clear();
        self.0.resize(count.div_ceil(64), 0);
    }

    #[inline(always)]
    pub(crate) fn has(&self, at: usize) -> bool {
        self.0[at / 64] >> (at % 64) & 1 != 0
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }

    /// What either of two of the same size has, highest first.
    pub(crate) fn either<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u32> + 'a {
        self.0.iter().zip(&other.0).enumerate().rev().flat_map(|(i, (a, b))| highest_first(i, a | b))
    }

    /// What both of two of the same size have, lowest first: word and bit in it.
    #[inline]
    pub(crate) fn both(&self, other: &Self, mut found: impl FnMut(usize, u32)) {
        const SPAN: usize = 8;
        for (i, (a, b)) in self.0.chunks(SPAN).zip(other.0.chunks(SPAN)).enumerate() {
            if a.iter().zip(b).fold(0, |all, (a, b)| all | a & b) == 0 {
                continue;
            }
            for (j, (a, b)) in a.iter().zip(b).enumerate() {
                let mut left = a & b;
                while left != 0 {
                    let bit = left.trailing_zeros();
                    left &= left - 1;
                    found(i * SPAN + j, bit);
                }
            }
        }
    }
}

/// Bits of a word, numbered on from those of the words before it.
#[allow(clippy::cast_possible_truncation)] // states fit u32
fn highest_first(word_at: usize, word: u64) -> impl Iterator<Item = u32> {
    let mut left = word;
    std::iter::from_fn(move || {
        let bit = left.checked_ilog2()?;
        left &= !(1 << bit);
        Some(word_at as u32 * 64 + bit)
    })
}

/// For each of a run of sources and every target the least sum of their labels at the states that both have (pairs of
/// their rows), into cells of which one row starts so far behind the other.
#[inline(always)]
fn meet<T: Label, const ROWS: usize>(
    pairs: &[[u32; 2]],
    (sources, first): (&[T::Row], usize),
    targets: &[T::Row],
    (cells, width): (&mut [T], usize),
) {
    // So many sources at once that their cells stay in registers.
    for part in (0..RUN).step_by(ROWS) {
        let lane = first + part;
        let mut best = [T::NO_WAY; ROWS];
        for [source, target] in pairs {
            let target = &targets[*target as usize];
            let by: &[T] = &sources[*source as usize].as_ref()[lane..lane + ROWS];
            for r in 0..ROWS {
                least(&mut best[r], target, by[r]);
            }
        }
        for (r, best) in best.iter().enumerate() {
            let start = (part + r) * width;
            cells[start..start + T::LANES].copy_from_slice(best.as_ref());
        }
    }
}

/// An instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The best instruction set of this machine; `XIANGYUN_SIMD=baseline|avx2` holds it back, for tests.
pub(crate) fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let cap = std::env::var("XIANGYUN_SIMD").unwrap_or_default();
            let wide = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            if wide && cap.is_empty() {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") && cap != "baseline" {
                return Level::Avx2;
            }
        }
        Level::Baseline
    })
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{Arcs, Ends, Label, Plan, Seed, Span, Topology, Weight};

    #[target_feature(enable = "avx2")]
    pub(super) fn one_avx2(plan: &Plan, topology: &Topology, ends: &Ends<'_>, weights: &mut [[Weight; 1]]) {
        plan.one(topology, ends, weights);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn one_avx512(plan: &Plan, topology: &Topology, ends: &Ends<'_>, weights: &mut [[Weight; 1]]) {
        plan.one(topology, ends, weights);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn several_avx2<const K: usize>(
        plan: &Plan,
        topology: &Topology,
        ends: [Ends<'_>; K],
        room: &mut [[Weight; K]],
        into: &mut [&mut [Weight]],
    ) {
        plan.several(topology, ends, room, into);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn several_avx512<const K: usize>(
        plan: &Plan,
        topology: &Topology,
        ends: [Ends<'_>; K],
        room: &mut [[Weight; K]],
        into: &mut [&mut [Weight]],
    ) {
        plan.several(topology, ends, room, into);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn rise_avx2<T: Label>(
        arcs: Arcs<'_>,
        states: (&[u32], &[u32]),
        seeds: &[Seed<T>],
        into: (&mut Vec<T::Row>, &mut Vec<Span<T>>),
    ) {
        super::rise(arcs, states, seeds, into);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn rise_avx512<T: Label>(
        arcs: Arcs<'_>,
        states: (&[u32], &[u32]),
        seeds: &[Seed<T>],
        into: (&mut Vec<T::Row>, &mut Vec<Span<T>>),
    ) {
        super::rise(arcs, states, seeds, into);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn meet_avx2<T: Label>(
        pairs: &[[u32; 2]],
        sources: (&[T::Row], usize),
        targets: &[T::Row],
        cells: (&mut [T], usize),
    ) {
        super::meet::<T, 2>(pairs, sources, targets, cells);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn meet_avx512<T: Label>(
        pairs: &[[u32; 2]],
        sources: (&[T::Row], usize),
        targets: &[T::Row],
        cells: (&mut [T], usize),
    ) {
        super::meet::<T, 8>(pairs, sources, targets, cells);
    }
}

/// [`Plan::one`] on an instruction set.
pub(crate) fn one_on(
    level: Level,
    plan: &Plan,
    topology: &Topology,
    ends: &Ends<'_>,
    weights: &mut [[Weight; 1]],
) {
    match level {
        Level::Baseline => plan.one(topology, ends, weights),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::one_avx2(plan, topology, ends, weights) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::one_avx512(plan, topology, ends, weights) },
    }
}

/// [`Plan::several`] on an instruction set.
pub(crate) fn several_on<const K: usize>(
    level: Level,
    plan: &Plan,
    topology: &Topology,
    ends: [Ends<'_>; K],
    room: &mut [[Weight; K]],
    into: &mut [&mut [Weight]],
) {
    match level {
        Level::Baseline => plan.several(topology, ends, room, into),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::several_avx2(plan, topology, ends, room, into) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::several_avx512(plan, topology, ends, room, into) },
    }
}

/// [`rise`] on an instruction set.
pub(crate) fn rise_on<T: Label>(
    level: Level,
    arcs: Arcs<'_>,
    states: (&[u32], &[u32]),
    seeds: &[Seed<T>],
    into: (&mut Vec<T::Row>, &mut Vec<Span<T>>),
) {
    match level {
        Level::Baseline => rise(arcs, states, seeds, into),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::rise_avx2(arcs, states, seeds, into) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::rise_avx512(arcs, states, seeds, into) },
    }
}

/// [`meet`] on an instruction set.
pub(crate) fn meet_on<T: Label>(
    level: Level,
    pairs: &[[u32; 2]],
    sources: (&[T::Row], usize),
    targets: &[T::Row],
    cells: (&mut [T], usize),
) {
    match level {
        Level::Baseline => meet::<T, 2>(pairs, sources, targets, cells),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::meet_avx2(pairs, sources, targets, cells) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::meet_avx512(pairs, sources, targets, cells) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::NONE;

    #[test]
    fn all_instruction_sets_agree() {
        let mut levels = vec![Level::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Level::Avx2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                levels.push(Level::Avx512);
            }
        }
        for level in levels {
            let ramp = |more: u32| Row(std::array::from_fn::<u32, 32, _>(|i| i as u32 + more));
            let (mut labels, mut spans) = (vec![ramp(3)], Vec::new());
            let seeds = |row: u32, lanes: std::ops::Range<u32>, more: u32| {
                lanes.map(move |lane| Seed { row, lane, label: lane + more })
            };
            let all: Vec<Seed<u32>> = seeds(0, 0..32, 9).chain(seeds(2, 0..32, 0)).collect();
            // The states have ranks 9, 8 and 7; one arc is not needed.
            let place = [0, 0, 0, 0, 0, 0, 0, 2, 1, 0];
            let arcs = Arcs {
                first: &[0, 0, 0, 0, 0, 0, 0, 1, 4, 5, 5],
                other: &[7, 9, 8, 9, 9],
                weight: &[1, 5, 1, 0, 4].map(|ms| crate::query::weight::pack(ms, 77)),
                needed: (&[0b1011_1000], 3),
                parent: &[NONE, NONE, NONE, NONE, NONE, NONE, 7, 8, 9, NONE],
            };
            let states = (&[9, 8, 7][..], &place[..]);
            rise_on(level, arcs, states, &all, (&mut labels, &mut spans));
            assert_eq!(labels, [ramp(5), ramp(1), ramp(0)], "{level:?}");
            assert_eq!((spans[0].least, spans[0].most), (5, 36), "{level:?}");
            // One end, whose lanes are in one run.
            let few: Vec<Seed<u32>> = seeds(2, 8..9, 0).collect();
            let any = Arcs { needed: (&[], 3), ..arcs };
            let (mut some, mut runs) = (Vec::new(), Vec::new());
            rise_on(level, any, states, &few, (&mut some, &mut runs));
            for (row, label) in some.iter().zip([8, 9, 8]) {
                let want = Row(std::array::from_fn(|i| if i == 8 { label } else { u32::INF }));
                assert_eq!(*row, want, "{level:?}");
            }
            assert!(runs.iter().all(|s| s.runs == 2 && s.most == u32::INF), "{level:?}");
            // Sources meet targets 7 away in the first state, 3 and by lane less in the second.
            let falling = Row(std::array::from_fn::<u32, 32, _>(|i| 40 - i as u32));
            let targets = [falling, Row([7; 32])];
            let mut cells = vec![0; 32 * 40];
            for first in (0..32).step_by(RUN) {
                let cells = (&mut cells[first * 40..], 40);
                meet_on(level, &[[0, 1], [1, 0]], (&labels, first), &targets, cells);
            }
            for (i, cell) in cells.iter().enumerate() {
                let (source, target) = (i as u32 / 40, i as u32 % 40);
                let met = (source + 5 + 7).min(source + 1 + 40 - target.min(31));
                let want = if target < 32 { met } else { 0 };
                assert_eq!(*cell, want, "{level:?} {source} {target}");
            }
        }
    }

    #[test]
    fn bits_come_in_order() {
        let mut bits = [Bits::default(), Bits::default()];
        bits.iter_mut().for_each(|b| b.clear(1_000));
        for at in [3, 64, 65, 200, 999] {
            bits[0].set(at);
        }
        for at in [0, 65, 199, 999] {
            bits[1].set(at);
        }
        assert_eq!(bits[0].either(&bits[1]).collect::<Vec<_>>(), [999, 200, 199, 65, 64, 3, 0]);
        let mut both = Vec::new();
        bits[0].both(&bits[1], |word, bit| both.push((word, bit)));
        assert_eq!(both, [(1, 1), (15, 39)]);
    }
}
