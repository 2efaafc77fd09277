//! Distances and durations between places: dense tables, or the plane computed on the fly for very large sets.

use std::sync::Arc;

/// Marks an arc that no vehicle may use. Far above any real value, far below overflow when summed.
pub const NO_WAY: i64 = 1 << 40;

/// Largest distance, duration, time, load or price that the builder accepts.
pub const VALUE_MAX: i64 = 1 << 50;

/// How a point pair becomes a distance in the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// floor(scale × euclid + 0.5).
    Nearest,
    /// floor(scale × euclid).
    Down,
    /// ceil(scale × euclid).
    Up,
}

impl Rounding {
    /// Applies the rounding to a length, at least 0, that is already scaled.
    #[must_use]
    #[inline]
    pub fn apply(self, length: f64) -> i64 {
        debug_assert!(length >= 0.0 || length.is_nan(), "a length below nothing: {length}");
        // Cut, not by the library's floor: a search would call it for every way that it looks at.
        match self {
            Self::Nearest => (length + 0.5) as i64,
            Self::Down => length as i64,
            Self::Up => {
                let cut = length as i64;
                cut + i64::from((cut as f64) < length)
            }
        }
    }
}

/// One table in the narrowest storage that holds it.
#[derive(Clone, Debug)]
pub(crate) enum Table {
    Narrow(Vec<i32>),
    Wide(Vec<i64>),
}

impl Table {
    fn new(values: Vec<i64>) -> Self {
        if values.iter().all(|&v| v < i64::from(i32::MAX)) {
            Self::Narrow(values.into_iter().map(|v| v as i32).collect())
        } else {
            Self::Wide(values)
        }
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> i64 {
        match self {
            Self::Narrow(t) => i64::from(t[at]),
            Self::Wide(t) => t[at],
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Dense { distance: Arc<Table>, duration: Arc<Table> },
    Plane { points: Arc<Vec<(f64, f64)>>, scale: f64, rounding: Rounding },
}

/// Distances and durations between all places of a problem, for one profile of vehicles.
///
/// Cheap to clone (the tables are shared), so that a planner may build many problems over one matrix.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub(crate) places: usize,
    pub(crate) source: Source,
}

impl Matrix {
    /// Row-major tables of `places × places`; [`NO_WAY`] where there is no way. Distances in any unit (metres by
    /// custom), durations in any unit (seconds by custom). `None` when a table has the wrong length.
    #[must_use]
    pub fn dense(places: usize, distance: Vec<i64>, duration: Vec<i64>) -> Option<Self> {
        let cells = places.checked_mul(places)?;
        (distance.len() == cells && duration.len() == cells).then(|| Self {
            places,
            source: Source::Dense {
                distance: Arc::new(Table::new(distance)),
                duration: Arc::new(Table::new(duration)),
            },
        })
    }

    /// One table for both, as the academic sets have it.
    #[must_use]
    pub fn shared(places: usize, both: Vec<i64>) -> Option<Self> {
        (both.len() == places.checked_mul(places)?).then(|| {
            let table = Arc::new(Table::new(both));
            Self { places, source: Source::Dense { distance: table.clone(), duration: table } }
        })
    }

    /// Straight lines between points, computed when asked: for tens of thousands of places, where a table would
    /// not fit in memory. Distance and duration are the same number.
    #[must_use]
    pub fn plane(points: Vec<(f64, f64)>, scale: f64, rounding: Rounding) -> Self {
        Self { places: points.len(), source: Source::Plane { points: Arc::new(points), scale, rounding } }
    }

    /// Number of places on each side.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places
    }

    /// Distance of the arc, [`NO_WAY`] or more if there is none.
    ///
    /// # Panics
    /// If a place is out of range.
    #[must_use]
    #[inline]
    pub fn distance(&self, from: usize, to: usize) -> i64 {
        match &self.source {
            Source::Dense { distance, .. } => distance.get(from * self.places + to),
            Source::Plane { points, scale, rounding } => plane(points, *scale, *rounding, from, to),
        }
    }

    /// Duration of the arc, [`NO_WAY`] or more if there is none.
    ///
    /// # Panics
    /// If a place is out of range.
    #[must_use]
    #[inline]
    pub fn duration(&self, from: usize, to: usize) -> i64 {
        match &self.source {
            Source::Dense { duration, .. } => duration.get(from * self.places + to),
            Source::Plane { points, scale, rounding } => plane(points, *scale, *rounding, from, to),
        }
    }

    /// Whether distance and duration are one table.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match &self.source {
            Source::Dense { distance, duration } => Arc::ptr_eq(distance, duration),
            Source::Plane { .. } => true,
        }
    }

    /// Largest distance and duration of the arcs that there are.
    pub(crate) fn largest(&self) -> (i64, i64) {
        let most = |table: &Table| {
            let cells = 0..self.places * self.places;
            cells.map(|at| table.get(at)).filter(|&v| v < NO_WAY).max().unwrap_or(0)
        };
        match &self.source {
            Source::Dense { distance, duration } => {
                let longest = most(distance);
                (longest, if self.is_shared() { longest } else { most(duration) })
            }
            Source::Plane { points, scale, rounding } => {
                let span = |get: fn(&(f64, f64)) -> f64| {
                    let (low, high) =
                        points.iter().map(get).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
                    (high - low).max(0.0)
                };
                let diagonal = span(|p| p.0).hypot(span(|p| p.1));
                let longest = rounding.apply(scale * diagonal);
                (longest, longest)
            }
        }
    }

    /// First cell with a negative value, or a value above [`VALUE_MAX`], as (from, to, value).
    pub(crate) fn first_bad(&self) -> Option<(usize, usize, i64)> {
        let Source::Dense { distance, duration } = &self.source else { return None };
        let scan = |table: &Table| {
            (0..self.places * self.places)
                .map(|at| (at / self.places, at % self.places, table.get(at)))
                .find(|&(_, _, v)| !(0..=VALUE_MAX).contains(&v))
        };
        scan(distance).or_else(|| if self.is_shared() { None } else { scan(duration) })
    }
}

#[inline]
fn plane(points: &[(f64, f64)], scale: f64, rounding: Rounding, from: usize, to: usize) -> i64 {
    let (a, b) = (points[from], points[to]);
    let (dx, dy) = (a.0 - b.0, a.1 - b.1);
    rounding.apply(scale * (dx * dx + dy * dy).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_what_they_are_given() {
        let m = Matrix::dense(2, vec![0, 5, NO_WAY, 0], vec![0, 7, 9, 0]).expect("2 x 2");
        assert_eq!((m.distance(0, 1), m.distance(1, 0), m.duration(1, 0)), (5, NO_WAY, 9));
        assert!(!m.is_shared() && Matrix::shared(2, vec![0; 3]).is_none());
    }

    #[test]
    fn the_plane_rounds_as_told() {
        let points = vec![(0.0, 0.0), (1.0, 1.0)];
        for (rounding, want) in [(Rounding::Nearest, 14), (Rounding::Down, 14), (Rounding::Up, 15)] {
            assert_eq!(Matrix::plane(points.clone(), 10.0, rounding).distance(0, 1), want);
        }
    }
}
