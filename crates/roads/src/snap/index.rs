//! A packed R-tree over pieces of road shapes, read in place from the prepared file.
//!
//! Pieces of up to sixteen shape points are sorted along a Hilbert curve and packed sixteen to a node (after Kamel
//! and Faloutsos, "On packing R-trees", 1993).

use crate::RoadsError;
use crate::file::{Column, Store, Writer};
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};

/// Children of a node.
const FAN: usize = 16;
/// Shape pieces to an entry.
const PIECES: usize = 16;

/// A box in 10⁻⁷ degrees: west, south, east, north.
type Rect = [i32; 4];

/// The tree: boxes of all levels, leaves first, and the segment of each leaf.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpatialIndex {
    rects: Column<[i32; 4]>,
    segments: Column<u32>,
    /// First box of each level, and one more.
    levels: Column<u32>,
}

impl SpatialIndex {
    /// Builds the tree over all shapes.
    #[allow(clippy::cast_possible_truncation)] // entries fit u32 by the importer's bounds
    pub(crate) fn build(first: &[u32], shape: &[[i32; 2]]) -> Self {
        let mut entries: Vec<(u64, Rect, u32)> = Vec::new();
        for segment in 0..first.len().saturating_sub(1) {
            let points = &shape[first[segment] as usize..first[segment + 1] as usize];
            let mut at = 0;
            while at + 1 < points.len() {
                let end = (at + PIECES).min(points.len() - 1);
                let rect = points[at..=end].iter().fold([i32::MAX, i32::MAX, i32::MIN, i32::MIN], |r, p| {
                    [r[0].min(p[0]), r[1].min(p[1]), r[2].max(p[0]), r[3].max(p[1])]
                });
                let middle = |a: i32, b: i32| ((i64::from(a) + i64::from(b)) / 2) as i32;
                let key = hilbert(middle(rect[0], rect[2]), middle(rect[1], rect[3]));
                entries.push((key, rect, segment as u32));
                at = end;
            }
        }
        entries.sort_unstable();
        let segments: Vec<u32> = entries.iter().map(|e| e.2).collect();
        let mut rects: Vec<Rect> = entries.iter().map(|e| e.1).collect();
        let mut levels = vec![0u32];
        let mut start = 0;
        while rects.len() - start > 1 {
            let end = rects.len();
            levels.push(end as u32);
            for chunk in (start..end).step_by(FAN) {
                let union = rects[chunk..(chunk + FAN).min(end)]
                    .iter()
                    .copied()
                    .reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
                rects.push(union.expect("a chunk is not empty"));
            }
            start = end;
        }
        levels.push(rects.len() as u32);
        Self { rects: rects.into(), segments: segments.into(), levels: levels.into() }
    }

    pub(crate) fn write<'a>(&'a self, w: &mut Writer<'a>) {
        w.column("index_rects", &self.rects);
        w.column("index_segments", &self.segments);
        w.column("index_levels", &self.levels);
    }

    pub(crate) fn read(store: &Store) -> Result<Self, RoadsError> {
        let this = Self {
            rects: store.column("index_rects")?,
            segments: store.column("index_segments")?,
            levels: store.column("index_levels")?,
        };
        let sound = this.levels.len() >= 2
            && this.levels.windows(2).all(|w| w[0] <= w[1])
            && this.levels[this.levels.len() - 1] as usize == this.rects.len()
            && this.segments.len() <= this.rects.len();
        if sound { Ok(this) } else { Err(store.inconsistent("the spatial index is broken")) }
    }

    /// Whether every box above the leaves has its children below it and every leaf a segment.
    pub(crate) fn sound(&self, segments: usize) -> bool {
        let leaves = self.levels.get(1).copied().unwrap_or(0) as usize;
        let halves = self.levels.windows(3).all(|w| (w[1] - w[0]).div_ceil(FAN as u32) == w[2] - w[1]);
        let one = self.levels.len() < 2 || self.rects.is_empty() || {
            let top = self.levels.len() - 2;
            self.levels[top + 1] - self.levels[top] == 1
        };
        self.levels.first() == Some(&0)
            && leaves == self.segments.len()
            && halves
            && one
            && self.segments.iter().all(|s| (*s as usize) < segments)
    }

    /// Visits segments with a piece whose box lies within `radius` metres of a point, in no particular order and
    /// perhaps several times.
    pub(crate) fn within(&self, point: LonLat, radius: f64, mut each: impl FnMut(u32)) {
        if self.rects.is_empty() {
            return;
        }
        let e7 = |degrees: f64| degrees.clamp(-214.0, 214.0) * 1e7;
        let per_lat = EARTH_RADIUS_M.to_radians();
        let (dlat, dlon) = (radius / per_lat, radius / (per_lat * point.lat.to_radians().cos().max(1e-6)));
        #[allow(clippy::cast_possible_truncation)] // clamped to what fits
        let [west, south, east, north] =
            [point.lon - dlon, point.lat - dlat, point.lon + dlon, point.lat + dlat].map(|d| e7(d) as i32);
        let mut stack = vec![(self.levels.len() - 2, self.levels[self.levels.len() - 2] as usize)];
        while let Some((level, at)) = stack.pop() {
            if level == 0 {
                each(self.segments[at]);
                continue;
            }
            let below = level - 1;
            let start = self.levels[below] as usize + (at - self.levels[level] as usize) * FAN;
            for child in start..(start + FAN).min(self.levels[level] as usize) {
                let r = self.rects[child];
                if r[0] <= east && r[2] >= west && r[1] <= north && r[3] >= south {
                    stack.push((below, child));
                }
            }
        }
    }

    /// Visits segments whose pieces may lie within `radius` metres, nearest boxes first. `each` gets a segment and
    /// the present limit in metres and returns the limit from then on; what is farther is skipped. A segment may be
    /// visited more than once.
    pub(crate) fn nearest(&self, point: LonLat, radius: f64, mut each: impl FnMut(u32, f64) -> f64) {
        use std::cmp::Reverse;
        use std::collections::BinaryHeap;
        if self.rects.is_empty() {
            return;
        }
        let metric = BoxMetric::at(point);
        let mut limit = radius;
        // Distances in whole millimetres, rounded down, so that the heap has a total order.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below the earth's girth
        let key = |m: f64| (m * 1000.0) as u64;
        let mut heap: BinaryHeap<Reverse<(u64, usize, usize)>> = BinaryHeap::new();
        let top = self.levels.len() - 2;
        heap.push(Reverse((0, top, self.levels[top] as usize)));
        while let Some(Reverse((distance, level, at))) = heap.pop() {
            #[allow(clippy::cast_precision_loss)] // a bound on distances
            if distance as f64 / 1000.0 > limit {
                return;
            }
            if level == 0 {
                limit = each(self.segments[at], limit).min(limit);
                continue;
            }
            let below = level - 1;
            let start = self.levels[below] as usize + (at - self.levels[level] as usize) * FAN;
            for child in start..(start + FAN).min(self.levels[level] as usize) {
                let metres = metric.to(self.rects[child]);
                if metres <= limit {
                    heap.push(Reverse((key(metres), below, child)));
                }
            }
        }
    }
}

/// Lower bound of the distance from a point to a box.
struct BoxMetric {
    lon: f64,
    lat: f64,
    per_lon: f64,
    per_lat: f64,
}

impl BoxMetric {
    fn at(point: LonLat) -> Self {
        // The plane of `snap::Plane` scales longitude by the point's own latitude: the same here.
        let per_lat = EARTH_RADIUS_M.to_radians();
        Self { lon: point.lon, lat: point.lat, per_lon: per_lat * point.lat.to_radians().cos(), per_lat }
    }

    fn to(&self, r: Rect) -> f64 {
        let [west, south, east, north] = r.map(|v| f64::from(v) / 1e7);
        let dlat = (south - self.lat).max(self.lat - north).max(0.0);
        let beside = |lon: f64| (west - lon).max(lon - east).max(0.0);
        let dlon = beside(self.lon).min(beside(self.lon - 360.0)).min(beside(self.lon + 360.0));
        let (x, y) = (dlon * self.per_lon, dlat * self.per_lat);
        (x * x + y * y).sqrt()
    }
}

/// Position on a Hilbert curve over the whole earth, 32 bits an axis.
fn hilbert(lon: i32, lat: i32) -> u64 {
    #[allow(clippy::cast_sign_loss)] // moved to unsigned by flipping the sign bit
    let (mut x, mut y) = ((lon as u32) ^ 0x8000_0000, (lat as u32) ^ 0x8000_0000);
    let mut d = 0u64;
    let mut s = 1u32 << 31;
    while s > 0 {
        let rx = u32::from(x & s > 0);
        let ry = u32::from(y & s > 0);
        d += (u64::from(s) * u64::from(s)).wrapping_mul(u64::from((3 * rx) ^ ry));
        if ry == 0 {
            if rx == 1 {
                x = !x;
                y = !y;
            }
            std::mem::swap(&mut x, &mut y);
        }
        s >>= 1;
    }
    d
}
