//! Fences and visits to them: dwell, hysteresis, crossings between reports.

use super::point::{Point, Rules};
use serde::Serialize;

/// The outline of a fence.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Everything within so many metres of a place (1e-6 degree).
    Circle {
        /// Longitude of the centre.
        lon_e6: i32,
        /// Latitude of the centre.
        lat_e6: i32,
        /// Radius in metres.
        radius_m: f64,
    },
    /// A simple polygon, longitude and latitude of each corner (1e-6 degree), not repeated at the end.
    Polygon(Vec<(i32, i32)>),
}

/// A fence.
#[derive(Clone, Debug, PartialEq)]
pub struct Fence {
    /// Its name.
    pub id: String,
    /// Its outline.
    pub shape: Shape,
    /// From when it counts, UTC milliseconds: a vehicle parked inside then has not entered it.
    pub since_ms: i64,
}

/// What a visit was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// The vehicle stood inside for long enough.
    Arrived,
    /// It went through, or past, without standing.
    Passed,
}

/// A time inside a fence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Visit {
    /// First instant inside, UTC milliseconds; of a crossing between two reports, the instant nearest to the fence.
    pub entered_ms: i64,
    /// The fence.
    pub fence: String,
    /// What it was.
    pub kind: VisitKind,
    /// When the standing began that made it an arrival.
    pub arrived_ms: Option<i64>,
    /// Last report inside, once the fence has been left.
    pub left_ms: Option<i64>,
    /// The vehicle was inside already when the reports or the fence began: not an entry.
    pub began_inside: bool,
    /// Reports inside.
    pub points: usize,
}

/// Metres in a plane around a place: exact enough over a county.
#[derive(Clone, Copy)]
struct Plane {
    lon_e6: i32,
    lat_e6: i32,
    metres_a_lon_e6: f64,
}

/// Metres of a millionth of a degree of latitude.
const METRES_A_LAT_E6: f64 = 0.111_194_93;

impl Plane {
    fn around(lon_e6: i32, lat_e6: i32) -> Self {
        let cos = (f64::from(lat_e6) / 1e6).to_radians().cos();
        Self { lon_e6, lat_e6, metres_a_lon_e6: METRES_A_LAT_E6 * cos }
    }

    fn xy(&self, lon_e6: i32, lat_e6: i32) -> (f64, f64) {
        let x = (f64::from(lon_e6) - f64::from(self.lon_e6)) * self.metres_a_lon_e6;
        (x, (f64::from(lat_e6) - f64::from(self.lat_e6)) * METRES_A_LAT_E6)
    }
}

/// Distance of the origin from the segment a–b, and where along it (0 to 1) the nearest place lies.
pub(super) fn origin_to_segment(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let squared = dx * dx + dy * dy;
    let along = if squared > 0.0 { (-(a.0 * dx + a.1 * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
    ((a.0 + along * dx).hypot(a.1 + along * dy), along)
}

/// Metres from `lon, lat` to the segment between two places, and where along it.
pub(super) fn metres_to_segment(at: &Point, a: (i32, i32), b: (i32, i32)) -> (f64, f64) {
    let plane = Plane::around(at.lon_e6, at.lat_e6);
    origin_to_segment(plane.xy(a.0, a.1), plane.xy(b.0, b.1))
}

impl Fence {
    /// A circle that has always been there.
    #[must_use]
    pub fn circle(id: &str, lon_e6: i32, lat_e6: i32, radius_m: f64) -> Self {
        Self { id: id.to_owned(), shape: Shape::Circle { lon_e6, lat_e6, radius_m }, since_ms: i64::MIN }
    }

    /// Metres outside the edge; negative inside.
    #[must_use]
    pub fn metres_outside(&self, point: &Point) -> f64 {
        match &self.shape {
            Shape::Circle { lon_e6, lat_e6, radius_m } => {
                let (x, y) = Plane::around(*lon_e6, *lat_e6).xy(point.lon_e6, point.lat_e6);
                x.hypot(y) - radius_m
            }
            Shape::Polygon(corners) => {
                let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
                let edge = |(a, b): (&(i32, i32), &(i32, i32))| metres_to_segment(point, *a, *b).0;
                let nearest = edges().map(edge).fold(f64::INFINITY, f64::min);
                let crossings = edges().filter(|(a, b)| crosses_ray(point, **a, **b)).count();
                if crossings % 2 == 1 { -nearest } else { nearest }
            }
        }
    }

    fn margin_m(&self, rules: &Rules) -> f64 {
        match self.shape {
            Shape::Circle { radius_m, .. } => rules.fence_margin_m.max(radius_m / 10.0),
            Shape::Polygon(_) => rules.fence_margin_m,
        }
    }

    /// Where along the segment between two points, both outside, the fence is touched: 0 to 1.
    fn crossed(&self, a: &Point, b: &Point) -> Option<f64> {
        match &self.shape {
            Shape::Circle { lon_e6, lat_e6, radius_m } => {
                let plane = Plane::around(*lon_e6, *lat_e6);
                let (d, along) =
                    origin_to_segment(plane.xy(a.lon_e6, a.lat_e6), plane.xy(b.lon_e6, b.lat_e6));
                (d <= *radius_m).then_some(along)
            }
            Shape::Polygon(corners) => {
                let plane = Plane::around(a.lon_e6, a.lat_e6);
                let (p, q) = ((0.0, 0.0), plane.xy(b.lon_e6, b.lat_e6));
                let places: Vec<_> = corners.iter().map(|c| plane.xy(c.0, c.1)).collect();
                let edges = places.iter().zip(places.iter().cycle().skip(1));
                edges.filter_map(|(c, d)| intersection(p, q, *c, *d)).min_by(f64::total_cmp)
            }
        }
    }
}

/// Whether a ray eastward from the point crosses the edge.
fn crosses_ray(point: &Point, a: (i32, i32), b: (i32, i32)) -> bool {
    let (px, py) = (i64::from(point.lon_e6), i64::from(point.lat_e6));
    let ((ax, ay), (bx, by)) = ((i64::from(a.0), i64::from(a.1)), (i64::from(b.0), i64::from(b.1)));
    if (ay > py) == (by > py) {
        return false;
    }
    // px < ax + (py − ay)(bx − ax)/(by − ay), without division.
    let (left, right) = ((px - ax) * (by - ay), (py - ay) * (bx - ax));
    if by > ay { left < right } else { left > right }
}

/// Where along p–q it meets c–d.
fn intersection(p: (f64, f64), q: (f64, f64), c: (f64, f64), d: (f64, f64)) -> Option<f64> {
    let (rx, ry, sx, sy) = (q.0 - p.0, q.1 - p.1, d.0 - c.0, d.1 - c.1);
    let cross = rx * sy - ry * sx;
    if cross == 0.0 {
        return None;
    }
    let along = ((c.0 - p.0) * sy - (c.1 - p.1) * sx) / cross;
    let other = ((c.0 - p.0) * ry - (c.1 - p.1) * rx) / cross;
    ((0.0..=1.0).contains(&along) && (0.0..=1.0).contains(&other)).then_some(along)
}

/// All visits of a clean track, by time and fence.
pub(super) fn visits(track: &[Point], fences: &[Fence], rules: &Rules) -> Vec<Visit> {
    let mut found = Vec::new();
    for fence in fences {
        let from = track.partition_point(|p| p.time_ms < fence.since_ms);
        Watch { fence, rules, inside: None, out: Out::default(), found: &mut found }.run(&track[from..]);
    }
    found.sort_unstable();
    found
}

/// The state at one fence.
struct Watch<'a> {
    fence: &'a Fence,
    rules: &'a Rules,
    inside: Option<Inside>,
    out: Out,
    found: &'a mut Vec<Visit>,
}

struct Inside {
    visit: Visit,
    last_inside_ms: i64,
    /// When the present standing began.
    standing_ms: Option<i64>,
    settled: bool,
}

/// Reports beyond the margin since the last one inside.
#[derive(Default)]
struct Out {
    points: usize,
    since_ms: i64,
}

impl Watch<'_> {
    fn run(mut self, track: &[Point]) {
        let mut before: Option<&Point> = None;
        for (index, point) in track.iter().enumerate() {
            let outside_m = self.fence.metres_outside(point);
            if outside_m <= 0.0 {
                self.stay(point, index == 0);
            } else if self.inside.is_some() {
                self.leave(point, outside_m);
            } else if let Some(last) = before
                && self.fence.metres_outside(last) > 0.0
                && point.time_ms - last.time_ms < self.rules.gap_ms
                && let Some(along) = self.fence.crossed(last, point)
            {
                let at_ms = last.time_ms + ((point.time_ms - last.time_ms) as f64 * along).round() as i64;
                self.found.push(self.visit(at_ms, false, Some(at_ms)));
            }
            before = Some(point);
        }
        if let Some(inside) = self.inside.take() {
            self.close(inside, None);
        }
    }

    fn visit(&self, entered_ms: i64, began_inside: bool, left_ms: Option<i64>) -> Visit {
        Visit {
            entered_ms,
            fence: self.fence.id.clone(),
            kind: VisitKind::Passed,
            arrived_ms: None,
            left_ms,
            began_inside,
            points: 0,
        }
    }

    fn stay(&mut self, point: &Point, first: bool) {
        let visit = self.visit(point.time_ms, first, None);
        let inside = self.inside.get_or_insert(Inside {
            visit,
            last_inside_ms: point.time_ms,
            standing_ms: None,
            settled: false,
        });
        self.out = Out::default();
        inside.visit.points += 1;
        inside.last_inside_ms = point.time_ms;
        inside.settled |= inside.visit.points >= self.rules.fence_points
            || point.time_ms - inside.visit.entered_ms >= self.rules.fence_ms;
        if !point.stands(self.rules) {
            inside.standing_ms = None;
            return;
        }
        let since = *inside.standing_ms.get_or_insert(point.time_ms);
        if inside.visit.arrived_ms.is_none()
            && inside.settled
            && point.time_ms - since >= self.rules.arrival_ms
        {
            inside.visit.arrived_ms = Some(since);
            inside.visit.kind = VisitKind::Arrived;
        }
    }

    fn leave(&mut self, point: &Point, outside_m: f64) {
        if outside_m <= self.fence.margin_m(self.rules) {
            // Neither in nor out: the hysteresis.
            return;
        }
        if self.out.points == 0 {
            self.out.since_ms = point.time_ms;
        }
        self.out.points += 1;
        let settled = self.out.points >= self.rules.fence_points
            || point.time_ms - self.out.since_ms >= self.rules.fence_ms;
        if settled && let Some(inside) = self.inside.take() {
            let left_ms = inside.last_inside_ms;
            self.close(inside, Some(left_ms));
            self.out = Out::default();
        }
    }

    /// Ends a visit. One report inside that is not settled is a crossing seen by a report, not an entry: passed.
    fn close(&mut self, mut inside: Inside, left_ms: Option<i64>) {
        inside.visit.left_ms = left_ms;
        self.found.push(inside.visit);
    }
}
