//! Distances and durations between the points of a compiled problem, in the narrowest form that is exact.

use crate::problem::{Matrix, NO_WAY, Rounding, Source};
use std::sync::Arc;

/// Above this a way is no way: less than a forbidden arc, more than any real sum.
pub(super) const FAR: i64 = i64::MAX / 8;

/// What the search asks of a matrix. Points are numbers below the table's width.
pub(super) trait Arcs: Sync {
    /// Whether ways are computed each time they are asked for, both directions alike: a way that is known is not asked for.
    const COMPUTED: bool = false;

    fn dist(&self, from: u32, to: u32) -> i64;
    fn time(&self, from: u32, to: u32) -> i64;
    /// The distance from `from` to `to`, read among what belongs to `to`: trying one point in many places stays in
    /// one row, which the processor's nearest cache holds.
    fn dist_into(&self, to: u32, from: u32) -> i64;
    /// The same for the duration.
    fn time_into(&self, to: u32, from: u32) -> i64;
}

/// One table for distance and duration.
pub(super) struct One<T> {
    width: usize,
    table: Arc<[T]>,
    /// Turned over; the same table where both directions are alike.
    back: Arc<[T]>,
}

/// Distance and duration apart, side by side.
pub(super) struct Two<T> {
    width: usize,
    table: Arc<[[T; 2]]>,
    /// Turned over.
    back: Arc<[[T; 2]]>,
}

/// A table and the same turned over, shared where that is no other.
fn both_ways<C: Copy + PartialEq>(width: usize, table: Vec<C>) -> (Arc<[C]>, Arc<[C]>) {
    let turned: Vec<C> = (0..width * width).map(|at| table[at % width * width + at / width]).collect();
    let table: Arc<[C]> = table.into();
    let back = if *table == *turned { table.clone() } else { turned.into() };
    (table, back)
}

/// Straight lines, computed. The last point may be nowhere.
pub(super) struct Lines {
    points: Vec<(f64, f64)>,
    rounding: Rounding,
}

impl<T: Copy + PartialEq> One<T> {
    fn of(width: usize, table: Vec<T>) -> Self {
        let (table, back) = both_ways(width, table);
        Self { width, table, back }
    }
}

impl<T: Copy + PartialEq> Two<T> {
    fn of(width: usize, table: Vec<[T; 2]>) -> Self {
        let (table, back) = both_ways(width, table);
        Self { width, table, back }
    }
}

impl<T: Copy + Into<i64> + Send + Sync> Arcs for One<T> {
    #[inline(always)]
    fn dist(&self, from: u32, to: u32) -> i64 {
        self.table[from as usize * self.width + to as usize].into()
    }
    #[inline(always)]
    fn time(&self, from: u32, to: u32) -> i64 {
        self.dist(from, to)
    }
    #[inline(always)]
    fn dist_into(&self, to: u32, from: u32) -> i64 {
        self.back[to as usize * self.width + from as usize].into()
    }
    #[inline(always)]
    fn time_into(&self, to: u32, from: u32) -> i64 {
        self.dist_into(to, from)
    }
}

impl<T: Copy + Into<i64> + Send + Sync> Arcs for Two<T> {
    #[inline(always)]
    fn dist(&self, from: u32, to: u32) -> i64 {
        self.table[from as usize * self.width + to as usize][0].into()
    }
    #[inline(always)]
    fn time(&self, from: u32, to: u32) -> i64 {
        self.table[from as usize * self.width + to as usize][1].into()
    }
    #[inline(always)]
    fn dist_into(&self, to: u32, from: u32) -> i64 {
        self.back[to as usize * self.width + from as usize][0].into()
    }
    #[inline(always)]
    fn time_into(&self, to: u32, from: u32) -> i64 {
        self.back[to as usize * self.width + from as usize][1].into()
    }
}

impl Arcs for Lines {
    const COMPUTED: bool = true;

    #[inline(always)]
    fn dist(&self, from: u32, to: u32) -> i64 {
        let (a, b) = (self.points[from as usize], self.points[to as usize]);
        let (dx, dy) = (a.0 - b.0, a.1 - b.1);
        self.rounding.apply((dx * dx + dy * dy).sqrt())
    }
    #[inline(always)]
    fn time(&self, from: u32, to: u32) -> i64 {
        self.dist(from, to)
    }
    #[inline(always)]
    fn dist_into(&self, to: u32, from: u32) -> i64 {
        self.dist(from, to)
    }
    #[inline(always)]
    fn time_into(&self, to: u32, from: u32) -> i64 {
        self.dist(from, to)
    }
}

/// A place of the matrix, or nowhere (an open start or end), with a way to forbid arcs between kinds of points.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Point {
    /// `None`: nowhere, no distance from anything.
    pub(super) place: Option<u32>,
    /// A job that only picks up, where linehauls come first.
    pub(super) back: bool,
    /// A job that delivers, where linehauls come first.
    pub(super) line: bool,
}

/// A table of any kind.
pub(super) enum AnyArcs {
    One32(One<u32>),
    One64(One<i64>),
    Two32(Two<u32>),
    Two64(Two<i64>),
    Lines(Lines),
}

/// Widest table of the plane that is stored rather than computed. One of 4,000 points is larger than the processor's caches:
/// there an iteration takes 3.8 µs with ways computed and 6.9 with the table, and plans of the same time cost 0.3 % less.
const STORED_MAX: usize = 1500;
/// The same with times: lists of neighbours by way and time need a table.
const STORED_MAX_TIMED: usize = 6000;

impl AnyArcs {
    /// Compiles the arcs between `points`; durations only where the problem is `timed`.
    pub(super) fn of(matrix: &Matrix, points: &[Point], timed: bool) -> Self {
        let plain = points.iter().all(|p| p.place.is_some() && !p.back && !p.line);
        if let Source::Plane { points: plane, scale, rounding } = &matrix.source
            && plain
            && points.len() > if timed { STORED_MAX_TIMED } else { STORED_MAX }
        {
            let at = |p: &Point| {
                let (x, y) = plane[p.place.unwrap_or(0) as usize];
                (x * scale, y * scale)
            };
            return Self::Lines(Lines { points: points.iter().map(at).collect(), rounding: *rounding });
        }
        let width = points.len();
        let cell = |a: &Point, b: &Point| {
            let (Some(from), Some(to)) = (a.place, b.place) else { return (0, 0) };
            if a.back && b.line {
                return (NO_WAY, NO_WAY);
            }
            let both =
                (matrix.distance(from as usize, to as usize), matrix.duration(from as usize, to as usize));
            if both.0 >= NO_WAY || both.1 >= NO_WAY { (NO_WAY, NO_WAY) } else { both }
        };
        let shared = matrix.is_shared() || !timed;
        let mut wide = Vec::with_capacity(width * width);
        let mut largest = 0;
        for a in points {
            for b in points {
                let (d, t) = cell(a, b);
                largest = largest.max(d).max(t);
                wide.push([d, t]);
            }
        }
        let narrow = largest < i64::from(u32::MAX);
        match (shared, narrow) {
            (true, true) => Self::One32(One::of(width, wide.iter().map(|c| c[0] as u32).collect())),
            (true, false) => Self::One64(One::of(width, wide.iter().map(|c| c[0]).collect())),
            (false, true) => {
                Self::Two32(Two::of(width, wide.iter().map(|c| [c[0] as u32, c[1] as u32]).collect()))
            }
            (false, false) => Self::Two64(Two::of(width, wide)),
        }
    }
}

/// Tables of distance and duration for several profiles over the same points, in one type.
pub(super) enum Profiles {
    Narrow(Vec<Two<u32>>),
    Wide(Vec<Two<i64>>),
}

impl Profiles {
    /// Compiles every matrix; backhaul rules are left to the kernel.
    pub(super) fn of(matrices: &[Matrix], points: &[Point]) -> Self {
        let width = points.len();
        let fill = |m: &Matrix| -> Vec<[i64; 2]> {
            let cells = points.iter().flat_map(|a| points.iter().map(move |b| (a.place, b.place)));
            let value = |(a, b): (Option<u32>, Option<u32>)| match (a, b) {
                (Some(a), Some(b)) => {
                    [m.distance(a as usize, b as usize), m.duration(a as usize, b as usize)]
                }
                _ => [0, 0],
            };
            cells
                .map(value)
                .map(|[d, t]| if d >= NO_WAY || t >= NO_WAY { [NO_WAY; 2] } else { [d, t] })
                .collect()
        };
        let wide: Vec<Vec<[i64; 2]>> = matrices.iter().map(fill).collect();
        if wide.iter().flatten().flatten().all(|&v| v < i64::from(u32::MAX)) {
            let narrow = |t: &Vec<[i64; 2]>| t.iter().map(|c| [c[0] as u32, c[1] as u32]).collect();
            return Self::Narrow(wide.iter().map(|t| Two::of(width, narrow(t))).collect());
        }
        Self::Wide(wide.into_iter().map(|table| Two::of(width, table)).collect())
    }
}

/// Runs `$body` with `$arcs` bound to the table in its own type.
macro_rules! with_arcs {
    ($any:expr, $arcs:ident => $body:expr) => {
        match $any {
            $crate::search::arcs::AnyArcs::One32($arcs) => $body,
            $crate::search::arcs::AnyArcs::One64($arcs) => $body,
            $crate::search::arcs::AnyArcs::Two32($arcs) => $body,
            $crate::search::arcs::AnyArcs::Two64($arcs) => $body,
            $crate::search::arcs::AnyArcs::Lines($arcs) => $body,
        }
    };
}
pub(super) use with_arcs;

/// The same for problems without times, whose tables hold distances alone.
macro_rules! with_ways {
    ($any:expr, $arcs:ident => $body:expr) => {
        match $any {
            $crate::search::arcs::AnyArcs::One32($arcs) => $body,
            $crate::search::arcs::AnyArcs::One64($arcs) => $body,
            $crate::search::arcs::AnyArcs::Lines($arcs) => $body,
            _ => unreachable!("durations are compiled only where a problem has times"),
        }
    };
}
pub(super) use with_ways;
