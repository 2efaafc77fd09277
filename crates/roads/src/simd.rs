//! Inner loops of the sweeps over sixteen lanes, one body compiled for several instruction sets and chosen at run
//! time. The only unsafe code is the call of a function compiled for an instruction set that was just found present.

#![allow(unsafe_code)]

use std::sync::OnceLock;

/// Sources handled at once.
pub(crate) const LANES: usize = 16;

/// Labels of one state for all lanes.
pub(crate) type Row<T> = [T; LANES];

/// A label: time alone, or time and distance packed.
pub(crate) trait Label: Copy + Ord + Default + Send + Sync + 'static {
    /// No way known.
    const INF: Self;
    /// Plain sum; labels and weights are at most [`Label::INF`], so it cannot overflow.
    fn plus(self, other: Self) -> Self;
}

impl Label for u32 {
    const INF: Self = crate::graph::INF_MS;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

impl Label for u64 {
    const INF: Self = crate::query::weight::INF;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// Arcs of a compact graph, by state.
#[derive(Clone, Copy)]
pub(crate) struct Arcs<'a, T> {
    pub(crate) first: &'a [u32],
    pub(crate) other: &'a [u32],
    pub(crate) weight: &'a [T],
}

#[inline(always)]
fn least<T: Label>(row: &mut Row<T>, from: &Row<T>, by: T) {
    for lane in 0..LANES {
        let sum = from[lane].plus(by);
        row[lane] = if sum < row[lane] { sum } else { row[lane] };
    }
}

/// Pushes labels upward: states in `order`, lowest rank first.
#[inline(always)]
fn rise<T: Label>(arcs: Arcs<'_, T>, order: &[u32], labels: &mut [Row<T>]) {
    for &v in order {
        let range = arcs.first[v as usize] as usize..arcs.first[v as usize + 1] as usize;
        let row = labels[v as usize];
        for (other, weight) in arcs.other[range.clone()].iter().zip(&arcs.weight[range]) {
            least(&mut labels[*other as usize], &row, *weight);
        }
    }
}

/// Pulls labels downward: all states, highest rank (lowest number) first.
#[inline(always)]
fn fall<T: Label>(arcs: Arcs<'_, T>, labels: &mut [Row<T>]) {
    for v in 0..arcs.first.len() - 1 {
        let range = arcs.first[v] as usize..arcs.first[v + 1] as usize;
        let mut row = labels[v];
        for (other, weight) in arcs.other[range.clone()].iter().zip(&arcs.weight[range]) {
            least(&mut row, &labels[*other as usize], *weight);
        }
        labels[v] = row;
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
    use super::{Arcs, Label, Row};

    #[target_feature(enable = "avx2")]
    pub(super) fn rise_avx2<T: Label>(arcs: Arcs<'_, T>, order: &[u32], labels: &mut [Row<T>]) {
        super::rise(arcs, order, labels);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn fall_avx2<T: Label>(arcs: Arcs<'_, T>, labels: &mut [Row<T>]) {
        super::fall(arcs, labels);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn rise_avx512<T: Label>(arcs: Arcs<'_, T>, order: &[u32], labels: &mut [Row<T>]) {
        super::rise(arcs, order, labels);
    }

    #[target_feature(enable = "avx2,avx512f,avx512vl")]
    pub(super) fn fall_avx512<T: Label>(arcs: Arcs<'_, T>, labels: &mut [Row<T>]) {
        super::fall(arcs, labels);
    }
}

/// [`rise`] on an instruction set.
pub(crate) fn rise_on<T: Label>(level: Level, arcs: Arcs<'_, T>, order: &[u32], labels: &mut [Row<T>]) {
    match level {
        Level::Baseline => rise(arcs, order, labels),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::rise_avx2(arcs, order, labels) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::rise_avx512(arcs, order, labels) },
    }
}

/// [`fall`] on an instruction set.
pub(crate) fn fall_on<T: Label>(level: Level, arcs: Arcs<'_, T>, labels: &mut [Row<T>]) {
    match level {
        Level::Baseline => fall(arcs, labels),
        // SAFETY: `level` found these instructions on this machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { wide::fall_avx2(arcs, labels) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { wide::fall_avx512(arcs, labels) },
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
            let mut labels = vec![[u32::INF; LANES]; 3];
            labels[0] = std::array::from_fn(|i| i as u32);
            fall_on(level, arcs, &mut labels);
            assert_eq!(labels[2], std::array::from_fn::<u32, LANES, _>(|i| i as u32 + 8), "{level:?}");
            rise_on(level, arcs, &[2, 1], &mut labels);
            assert_eq!(labels[0], std::array::from_fn::<u32, LANES, _>(|i| i as u32), "{level:?}");
        }
    }
}
