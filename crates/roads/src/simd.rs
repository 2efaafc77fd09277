//! Inner loops of the sweeps over lanes, one body compiled for several instruction sets and chosen at run
//! time. The only unsafe code is the call of a function compiled for an instruction set that was just found present.

#![allow(unsafe_code)]

use crate::contraction::Topology;
use crate::contraction::customize::Plan;
use crate::query::Ends;
use crate::query::weight::Weight;
use std::sync::OnceLock;

/// A label: time alone, or time and distance packed.
pub(crate) trait Label: Copy + Ord + Default + Send + Sync + 'static {
    /// No way known.
    const INF: Self;
    /// Sources handled at once: two cache lines of labels, so that an arc is read half as often as with one.
    const LANES: usize;
    /// Labels of one state for all lanes.
    type Row: Copy + AsRef<[Self]> + AsMut<[Self]> + Send + Sync;
    /// A row without any way.
    const NO_WAY: Self::Row;
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
    const INF: Self = crate::graph::INF_MS;
    const LANES: usize = 32;
    type Row = Row<Self, 32>;
    const NO_WAY: Self::Row = Row([Self::INF; 32]);
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
    const INF: Self = crate::query::weight::INF;
    const LANES: usize = 16;
    type Row = Row<Self, 16>;
    const NO_WAY: Self::Row = Row([Self::INF; 16]);
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn minus(self, rest: Self) -> Self {
        self.wrapping_sub(rest)
    }
}

/// Arcs of a compact graph, by state.
#[derive(Clone, Copy)]
pub(crate) struct Arcs<'a, T> {
    pub(crate) first: &'a [u32],
    pub(crate) other: &'a [u32],
    pub(crate) weight: &'a [T],
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

/// Pushes labels upward from the states listed, lowest rank first.
#[inline(always)]
fn rise<T: Label>(arcs: Arcs<'_, T>, states: &[u32], labels: &mut [T::Row]) {
    for v in states {
        let range = arcs.first[*v as usize] as usize..arcs.first[*v as usize + 1] as usize;
        let row = labels[*v as usize];
        for (other, weight) in arcs.other[range.clone()].iter().zip(&arcs.weight[range]) {
            least(&mut labels[*other as usize], &row, *weight);
        }
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

    /// What either of two of the same size has, highest first.
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    pub(crate) fn either<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = u32> + 'a {
        self.0.iter().zip(&other.0).enumerate().rev().flat_map(|(i, (a, b))| {
            let mut left = a | b;
            std::iter::from_fn(move || {
                let bit = left.checked_ilog2()?;
                left &= !(1 << bit);
                Some(i as u32 * 64 + bit)
            })
        })
    }
}

/// Pulls labels downward: all states, highest rank (lowest number) first. Only states that `seen` has hold labels
/// before; what the others hold is left from an earlier batch.
#[inline(always)]
fn fall<T: Label>(arcs: Arcs<'_, T>, seen: &Bits, labels: &mut [T::Row]) {
    for v in 0..arcs.first.len() - 1 {
        let range = arcs.first[v] as usize..arcs.first[v + 1] as usize;
        let mut row = if seen.has(v) { labels[v] } else { T::NO_WAY };
        for (other, weight) in arcs.other[range.clone()].iter().zip(&arcs.weight[range]) {
            least(&mut row, &labels[*other as usize], *weight);
        }
        labels[v] = row;
    }
}

/// Targets of one tile, so that rows of a table are written in whole cache lines.
pub(crate) const TILE: usize = 16;

/// Ends looked ahead of, so that memory is asked in time.
const AHEAD: usize = 12;

/// Ends of targets in a compact graph: state and what its arc has too much, by target.
#[derive(Clone, Copy)]
pub(crate) struct Exits<'a, T> {
    pub(crate) first: &'a [usize],
    pub(crate) list: &'a [(u32, T)],
}

/// Least labels of the targets, written to the rows of a table, one a lane.
#[inline(always)]
fn collect<T: Label>(exits: Exits<'_, T>, labels: &[T::Row], rows: &mut [&mut [T]]) {
    let width = exits.first.len() - 1;
    let mut tile = vec![[T::INF; TILE]; T::LANES];
    let mut start = 0;
    while start < width {
        let end = (start + TILE).min(width);
        for target in start..end {
            let mut best = T::NO_WAY;
            for at in exits.first[target]..exits.first[target + 1] {
                let (state, rest) = &exits.list[at];
                if let Some((soon, _)) = exits.list.get(at + AHEAD) {
                    let row = labels[*soon as usize].as_ref();
                    prefetch(row, 0);
                    prefetch(row, T::LANES / 2);
                }
                for (best, label) in best.as_mut().iter_mut().zip(labels[*state as usize].as_ref()) {
                    // A label below INF holds the whole arc, so the rest can be taken off.
                    let value = if *label < T::INF { label.minus(*rest) } else { T::INF };
                    *best = if value < *best { value } else { *best };
                }
            }
            for (row, best) in tile.iter_mut().zip(best.as_ref()) {
                row[target - start] = *best;
            }
        }
        for (tile, row) in tile.iter().zip(rows.iter_mut()) {
            row[start..end].copy_from_slice(&tile[..end - start]);
        }
        start = end;
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
    use super::{Arcs, Bits, Ends, Exits, Label, Plan, Topology, Weight};

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
    pub(super) fn rise_avx2<T: Label>(arcs: Arcs<'_, T>, states: &[u32], labels: &mut [T::Row]) {
        super::rise(arcs, states, labels);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn rise_avx512<T: Label>(arcs: Arcs<'_, T>, states: &[u32], labels: &mut [T::Row]) {
        super::rise(arcs, states, labels);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn fall_avx2<T: Label>(arcs: Arcs<'_, T>, seen: &Bits, labels: &mut [T::Row]) {
        super::fall(arcs, seen, labels);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn fall_avx512<T: Label>(arcs: Arcs<'_, T>, seen: &Bits, labels: &mut [T::Row]) {
        super::fall(arcs, seen, labels);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn collect_avx2<T: Label>(exits: Exits<'_, T>, labels: &[T::Row], rows: &mut [&mut [T]]) {
        super::collect(exits, labels, rows);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn collect_avx512<T: Label>(exits: Exits<'_, T>, labels: &[T::Row], rows: &mut [&mut [T]]) {
        super::collect(exits, labels, rows);
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
pub(crate) fn rise_on<T: Label>(level: Level, arcs: Arcs<'_, T>, states: &[u32], labels: &mut [T::Row]) {
    match level {
        Level::Baseline => rise(arcs, states, labels),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::rise_avx2(arcs, states, labels) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::rise_avx512(arcs, states, labels) },
    }
}

/// [`fall`] on an instruction set.
pub(crate) fn fall_on<T: Label>(level: Level, arcs: Arcs<'_, T>, seen: &Bits, labels: &mut [T::Row]) {
    match level {
        Level::Baseline => fall(arcs, seen, labels),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::fall_avx2(arcs, seen, labels) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::fall_avx512(arcs, seen, labels) },
    }
}

/// [`collect`] on an instruction set.
pub(crate) fn collect_on<T: Label>(
    level: Level,
    exits: Exits<'_, T>,
    labels: &[T::Row],
    rows: &mut [&mut [T]],
) {
    match level {
        Level::Baseline => collect(exits, labels, rows),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::collect_avx2(exits, labels, rows) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::collect_avx512(exits, labels, rows) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instruction_sets_agree() {
        let first = [0, 0, 1, 3];
        let other = [0, 0, 1];
        let weight = [5u32, 9, 3];
        let arcs = Arcs { first: &first, other: &other, weight: &weight };
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
            let mut labels = vec![u32::NO_WAY; 3];
            let ramp = |more: u32| Row(std::array::from_fn::<u32, 32, _>(|i| i as u32 + more));
            labels[0] = ramp(0);
            // Left from before, and not to be looked at.
            labels[1] = ramp(1);
            let mut seen = Bits::default();
            seen.clear(3);
            seen.set(0);
            fall_on(level, arcs, &seen, &mut labels);
            assert_eq!(labels[1], ramp(5), "{level:?}");
            assert_eq!(labels[2], ramp(8), "{level:?}");
            let up = Arcs { first: &[0, 0, 1, 2], other: &[0, 1], weight: &[4u32, 1] };
            labels[2] = ramp(0);
            rise_on(level, up, &[2, 1], &mut labels);
            assert_eq!((labels[0], labels[1]), (ramp(0), ramp(1)), "{level:?}");
        }
    }
}
