//! For each job the jobs worth looking at: nearest by way, and nearest by way and time together.

use super::arcs::Arcs;

/// Longest way that a list holds exactly.
pub(super) const WAY_MAX: u32 = u32::MAX - 1;

/// Entries in a line of the processor's caches, and lines of a list that are asked for ahead.
const LINE: usize = 16;
const LINES_AHEAD: usize = 3;

/// Lists of equal length, flat.
#[derive(Clone, Debug, Default)]
pub(super) struct Near {
    width: usize,
    list: Vec<u32>,
    /// Beside each entry the way from there to the job whose list it is, or more than [`WAY_MAX`].
    ways: Vec<u32>,
}

impl Near {
    /// The first `most` of the list of `job`.
    #[inline(always)]
    pub(super) fn of(&self, job: u32, most: usize) -> &[u32] {
        let from = job as usize * self.width;
        &self.list[from..from + self.width.min(most)]
    }

    /// The whole list of `job`, with the way from each to it.
    #[inline(always)]
    pub(super) fn with_ways(&self, job: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        let list = job as usize * self.width..(job as usize + 1) * self.width;
        self.list[list.clone()].iter().copied().zip(self.ways[list].iter().copied())
    }

    /// Asks the processor for the beginning of the list, which is read soon: of some thousand jobs or more it lies far away,
    /// and a search would wait for each. An iteration at 10,000 jobs takes 5.0 instead of 5.7 µs, of Brussels1 6.0
    /// instead of 7.5; reading a number ahead instead of this gains nothing.
    #[inline(always)]
    #[allow(unsafe_code)] // a hint to the processor is an unsafe call; it reads nothing
    pub(super) fn expect(&self, job: u32) {
        #[cfg(target_arch = "x86_64")]
        for line in 0..LINES_AHEAD {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let at = job as usize * self.width + line * LINE;
            if let (Some(other), Some(way)) = (self.list.get(at), self.ways.get(at)) {
                // SAFETY: both are places in memory that is ours, and a prefetch changes nothing.
                unsafe {
                    _mm_prefetch(std::ptr::from_ref(other).cast(), _MM_HINT_T0);
                    _mm_prefetch(std::ptr::from_ref(way).cast(), _MM_HINT_T0);
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = job;
    }

    /// Writes down the ways.
    pub(super) fn measure<A: Arcs>(&mut self, arcs: &A, points: &[u32]) {
        let beside = |(at, &other): (usize, &u32)| {
            let way = arcs.dist_into(points[at / self.width], points[other as usize]);
            u32::try_from(way).unwrap_or(u32::MAX)
        };
        self.ways = self.list.iter().enumerate().map(beside).collect();
    }

    /// The `width` jobs with the least `key(job, other)` for each job.
    pub(super) fn build(jobs: usize, width: usize, key: impl Fn(u32, u32) -> i64) -> Self {
        let width = width.min(jobs.saturating_sub(1));
        let mut list = Vec::with_capacity(jobs * width);
        let mut all: Vec<(i64, u32)> = Vec::with_capacity(jobs);
        for a in 0..jobs as u32 {
            all.clear();
            all.extend((0..jobs as u32).filter(|&b| b != a).map(|b| (key(a, b), b)));
            if width > 0 && width < all.len() {
                all.select_nth_unstable(width - 1);
                all.truncate(width);
            }
            all.sort_unstable();
            list.extend(all.iter().map(|&(_, b)| b));
        }
        Self { width, list, ways: Vec::new() }
    }

    /// The nearest in the plane, by a grid: for sets too large for comparing all pairs.
    pub(super) fn plane(points: &[(f64, f64)], width: usize) -> Self {
        let jobs = points.len();
        let width = width.min(jobs.saturating_sub(1));
        let fold = |f: fn(f64, f64) -> f64, start: f64, pick: fn(&(f64, f64)) -> f64| {
            points.iter().map(pick).fold(start, f)
        };
        let (x0, x1) = (fold(f64::min, f64::MAX, |p| p.0), fold(f64::max, f64::MIN, |p| p.0));
        let (y0, y1) = (fold(f64::min, f64::MAX, |p| p.1), fold(f64::max, f64::MIN, |p| p.1));
        let side = ((x1 - x0).max(y1 - y0) + 1.0) / (jobs as f64 / 4.0).sqrt().max(1.0);
        let columns = ((x1 - x0) / side) as usize + 1;
        let rows = ((y1 - y0) / side) as usize + 1;
        let cell = |p: &(f64, f64)| (((p.0 - x0) / side) as usize, ((p.1 - y0) / side) as usize);
        let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); columns * rows];
        for (i, p) in points.iter().enumerate() {
            let (c, r) = cell(p);
            buckets[r * columns + c].push(i as u32);
        }
        let mut list = Vec::with_capacity(jobs * width);
        let mut found: Vec<(f64, u32)> = Vec::new();
        for (i, p) in points.iter().enumerate() {
            let (c, r) = cell(p);
            found.clear();
            let mut ring = 0usize;
            loop {
                for rr in r.saturating_sub(ring)..=(r + ring).min(rows - 1) {
                    for cc in c.saturating_sub(ring)..=(c + ring).min(columns - 1) {
                        if rr.abs_diff(r).max(cc.abs_diff(c)) != ring {
                            continue;
                        }
                        let near = buckets[rr * columns + cc].iter().filter(|&&j| j as usize != i);
                        found.extend(near.map(|&j| {
                            let q = points[j as usize];
                            ((p.0 - q.0).powi(2) + (p.1 - q.1).powi(2), j)
                        }));
                    }
                }
                // Everything within `ring` cells is known once the ring is complete.
                let known = (ring as f64 * side).powi(2);
                let enough = found.iter().filter(|f| f.0 <= known).count() >= width;
                if enough || ring > columns.max(rows) {
                    break;
                }
                ring += 1;
            }
            found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            list.extend(found.iter().take(width).map(|f| f.1));
        }
        Self { width, list, ways: Vec::new() }
    }

    /// By way alone, the shorter of both directions.
    pub(super) fn by_way<A: Arcs>(arcs: &A, points: &[u32], jobs: usize, width: usize) -> Self {
        Self::build(jobs, width, |a, b| {
            let (p, q) = (points[a as usize], points[b as usize]);
            arcs.dist(p, q).min(arcs.dist(q, p))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rng::Rng;
    use super::*;

    #[test]
    fn the_grid_finds_what_comparing_all_pairs_finds() {
        let mut rng = Rng::new(3);
        let points: Vec<(f64, f64)> = (0..500)
            .map(|_| (rng.below(1000) as f64 + rng.unit(), (rng.below(300) as f64).powf(1.2)))
            .collect();
        let grid = Near::plane(&points, 12);
        for a in 0..500u32 {
            let square = |b: u32| {
                let (p, q) = (points[a as usize], points[b as usize]);
                (p.0 - q.0).powi(2) + (p.1 - q.1).powi(2)
            };
            let mut all: Vec<u32> = (0..500).filter(|&b| b != a).collect();
            all.sort_unstable_by(|&b, &c| square(b).total_cmp(&square(c)).then(b.cmp(&c)));
            assert_eq!(grid.of(a, 12), &all[..12]);
        }
    }
}
