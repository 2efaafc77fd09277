//! Any part of a route, either way round, in constant time.
//!
//! Parts are segments of way, times (Vidal, Crainic, Gendreau and Prins 2013) and loads (Hiermann and Schiffer 2026);
//! the table keeps, at each level of halving, the parts from the middle of every block outwards, so that any part of
//! the route is two kept ones joined. It takes the length of the route times its logarithm to make.

use super::times::Times;

/// Load dimensions that parts follow; the exact refresh sees the others.
pub(super) const DIMS: usize = 4;

/// A part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// First and last point.
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) way: i64,
    pub(super) stops: i64,
    pub(super) times: Times,
    /// By dimension: loaded at the depot, net change, largest rise.
    pub(super) loads: [[i64; 3]; DIMS],
}

impl Part {
    /// A point where nothing is done.
    pub(super) fn at(point: u32) -> Self {
        Self { first: point, last: point, way: 0, stops: 0, times: Times::ANY, loads: [[0; 3]; DIMS] }
    }

    /// This, then a leg of so much way and time, then the other; loads of the first `dims` dimensions.
    #[inline]
    pub(super) fn then(&self, way: i64, time: i64, o: &Self, dims: usize) -> Self {
        let mut loads = self.loads;
        for (mine, its) in loads.iter_mut().zip(&o.loads).take(dims) {
            *mine = [mine[0] + its[0], mine[1] + its[1], mine[2].max(mine[1] + its[2])];
        }
        Self {
            first: self.first,
            last: o.last,
            way: self.way + way + o.way,
            stops: self.stops + o.stops,
            times: self.times.then(time, o.times),
            loads,
        }
    }
}

/// The parts of one route: of its stops in their order, and in the reverse order.
#[derive(Clone, Debug, Default)]
pub(super) struct Middle {
    len: usize,
    /// By level, then by stop; both orders.
    there: Vec<Part>,
    back: Vec<Part>,
}

impl Middle {
    /// Makes the table of these stops.
    pub(super) fn make(&mut self, stops: &[Part], join: impl Fn(&Part, &Part) -> Part) {
        self.len = stops.len();
        let levels = (usize::BITS - self.len.saturating_sub(1).leading_zeros()).max(1) as usize;
        self.there.clear();
        self.back.clear();
        for table in [&mut self.there, &mut self.back] {
            for _ in 0..levels {
                table.extend_from_slice(stops);
            }
        }
        for level in 1..levels {
            let half = 1 << level;
            let row = level * self.len;
            let mut middle = half;
            while middle < self.len {
                for at in (middle - half..middle - 1).rev() {
                    self.there[row + at] = join(&stops[at], &self.there[row + at + 1]);
                    self.back[row + at] = join(&self.back[row + at + 1], &stops[at]);
                }
                let after = (middle + half).min(self.len);
                for (at, stop) in stops.iter().enumerate().take(after).skip(middle + 1) {
                    self.there[row + at] = join(&self.there[row + at - 1], stop);
                    self.back[row + at] = join(stop, &self.back[row + at - 1]);
                }
                middle += 2 * half;
            }
        }
    }

    /// Stops `from` to `to`, both included.
    #[inline]
    pub(super) fn there(&self, from: usize, to: usize, join: impl Fn(&Part, &Part) -> Part) -> Part {
        let (row, one) = self.row(from, to);
        if one { self.there[from] } else { join(&self.there[row + from], &self.there[row + to]) }
    }

    /// The same stops the other way round.
    #[inline]
    pub(super) fn back(&self, from: usize, to: usize, join: impl Fn(&Part, &Part) -> Part) -> Part {
        let (row, one) = self.row(from, to);
        if one { self.back[from] } else { join(&self.back[row + to], &self.back[row + from]) }
    }

    /// Where the level begins whose block's middle lies between two stops; whether they are one.
    #[inline]
    fn row(&self, from: usize, to: usize) -> (usize, bool) {
        debug_assert!(from <= to && to < self.len);
        if from == to {
            return (0, true);
        }
        ((from ^ to).ilog2() as usize * self.len, false)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    /// Every part of a random route, both ways, is what joining its stops one by one gives.
    #[test]
    fn parts_are_what_their_stops_joined_are() {
        let mut rng = Rng::new(9);
        for len in [1usize, 2, 3, 4, 5, 8, 13, 16, 17, 40] {
            let stops: Vec<Part> = (0..len as u32)
                .map(|at| {
                    let from = rng.below(200) as i64;
                    let (down, up) = (rng.below(9) as i64, rng.below(9) as i64);
                    let mut part = Part::at(at);
                    part.stops = 1;
                    part.times = Times::stop(from, from + rng.below(150) as i64, rng.below(10) as i64);
                    part.loads[0] = [down, up - down, (up - down).max(0)];
                    part
                })
                .collect();
            let way = |a: u32, b: u32| i64::from((a * 37 + b * 11) % 50);
            let join = |a: &Part, b: &Part| a.then(way(a.last, b.first), 2 * way(a.last, b.first), b, 1);
            let mut table = Middle::default();
            table.make(&stops, join);
            for from in 0..len {
                for to in from..len {
                    let there = stops[from + 1..=to].iter().fold(stops[from], |a, b| join(&a, b));
                    let back = stops[from..to].iter().rev().fold(stops[to], |a, b| join(&a, b));
                    // Earliest and latest may differ in a part that is late by itself; what counts must not.
                    let seen =
                        |p: Part| (p.way, p.stops, p.times.long, p.times.warp, p.loads, p.first, p.last);
                    assert_eq!(seen(table.there(from, to, join)), seen(there), "{from} to {to} of {len}");
                    assert_eq!(seen(table.back(from, to, join)), seen(back), "{to} back to {from} of {len}");
                }
            }
        }
    }
}
