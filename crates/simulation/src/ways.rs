//! The lines that vehicles drive along: the road network's ways between sites, or straight ones where none is known.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::{BandId, Network};

/// A line with the metres driven at each of its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    points: Vec<LonLat>,
    metres: Vec<f64>,
}

impl Line {
    /// A line through at least one point.
    #[must_use]
    pub fn new(points: Vec<LonLat>) -> Self {
        let mut metres = Vec::with_capacity(points.len());
        let mut sum = 0.0;
        for (i, p) in points.iter().enumerate() {
            if i > 0 {
                sum += points[i - 1].metres_to(*p);
            }
            metres.push(sum);
        }
        Self { points, metres }
    }

    /// Its length.
    #[must_use]
    pub fn length_m(&self) -> f64 {
        self.metres.last().copied().unwrap_or(0.0)
    }

    /// The place after a share (0 to 1) of its length, and the course there in degrees.
    #[must_use]
    pub fn at(&self, share: f64) -> (LonLat, u16) {
        let target = self.length_m() * share.clamp(0.0, 1.0);
        let next = self.metres.partition_point(|m| *m < target).clamp(1, self.points.len().max(2) - 1);
        let (Some(a), Some(b)) = (self.points.get(next - 1), self.points.get(next)) else {
            return (self.points.first().copied().unwrap_or(LonLat { lon: 0.0, lat: 0.0 }), 0);
        };
        let (from, to) = (self.metres[next - 1], self.metres[next]);
        let part = if to > from { ((target - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
        let place = LonLat { lon: a.lon + (b.lon - a.lon) * part, lat: a.lat + (b.lat - a.lat) * part };
        (place, a.bearing_to(*b) as u16 % 360)
    }
}

/// The ways of a prepared road network between a county's sites, each asked for once.
pub struct Ways {
    network: Network,
    places: HashMap<String, LonLat>,
    known: Mutex<HashMap<(String, String, String), Option<Arc<Line>>>>,
}

impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ways between {} sites", self.places.len())
    }
}

impl Ways {
    /// The ways of a county on its network.
    #[must_use]
    pub fn new(network: Network, county: &County) -> Self {
        let places = county.sites.iter().map(|s| (s.id.to_string(), s.place)).collect();
        Self { network, places, known: Mutex::default() }
    }

    /// The way of a vehicle profile from one site to another; nothing where the network has none.
    #[must_use]
    pub fn way(&self, profile: &str, from: &str, to: &str) -> Option<Arc<Line>> {
        let key = (profile.to_owned(), from.to_owned(), to.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| self.ask(profile, from, to).map(Arc::new)).clone()
    }

    fn ask(&self, profile: &str, from: &str, to: &str) -> Option<Line> {
        let (a, b) = (*self.places.get(from)?, *self.places.get(to)?);
        let profile = self.network.profile(profile).ok()?;
        let route = self.network.route(profile, BandId(0), &[a, b]).ok()?;
        let mut points = vec![a];
        points.extend(route.geometry());
        points.push(b);
        Some(Line::new(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_followed_by_its_length() {
        let p = |lon, lat| LonLat { lon, lat };
        let line = Line::new(vec![p(113.0, 34.0), p(113.01, 34.0), p(113.01, 34.01)]);
        let (start, east) = line.at(0.0);
        assert_eq!((start, east / 10), (p(113.0, 34.0), 8));
        let (end, north) = line.at(1.0);
        assert_eq!((end, north), (p(113.01, 34.01), 0));
        let (corner, _) = line.at(line.metres[1] / line.length_m());
        assert!((corner.lon - 113.01).abs() < 1e-9 && (corner.lat - 34.0).abs() < 1e-9);
        assert_eq!(Line::new(vec![p(1.0, 2.0)]).at(0.5).0, p(1.0, 2.0));
    }
}
