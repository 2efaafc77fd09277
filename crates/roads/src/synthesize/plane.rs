//! Plane geometry in local metres: the county is small enough for an equirectangular projection about its middle
//! (error under 0.1 % at 50 km).

use super::dice::Dice;
use std::collections::HashMap;
use xiangyun_model::geo::{EARTH_RADIUS_M, LonLat};

/// A point in metres east and north of the projection's middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct P {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// A point from its parts.
pub(crate) fn p(x: f64, y: f64) -> P {
    P { x, y }
}

impl P {
    pub(crate) fn plus(self, o: P) -> P {
        p(self.x + o.x, self.y + o.y)
    }
    pub(crate) fn minus(self, o: P) -> P {
        p(self.x - o.x, self.y - o.y)
    }
    pub(crate) fn times(self, k: f64) -> P {
        p(self.x * k, self.y * k)
    }
    pub(crate) fn dot(self, o: P) -> f64 {
        self.x * o.x + self.y * o.y
    }
    pub(crate) fn cross(self, o: P) -> f64 {
        self.x * o.y - self.y * o.x
    }
    pub(crate) fn len(self) -> f64 {
        self.x.hypot(self.y)
    }
    pub(crate) fn to(self, o: P) -> f64 {
        o.minus(self).len()
    }
    /// Turned left by a right angle.
    pub(crate) fn left(self) -> P {
        p(-self.y, self.x)
    }
    pub(crate) fn unit(self) -> P {
        let l = self.len();
        if l > 0.0 { self.times(1.0 / l) } else { p(1.0, 0.0) }
    }
    pub(crate) fn mix(self, o: P, t: f64) -> P {
        p(self.x + (o.x - self.x) * t, self.y + (o.y - self.y) * t)
    }
    pub(crate) fn turned(self, angle: f64) -> P {
        let (s, c) = angle.sin_cos();
        p(self.x * c - self.y * s, self.x * s + self.y * c)
    }
}

/// Degrees to local metres and back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plane {
    middle: LonLat,
    cos_lat: f64,
}

impl Plane {
    pub(crate) fn about(middle: LonLat) -> Self {
        Self { middle, cos_lat: middle.lat.to_radians().cos().max(0.01) }
    }
    pub(crate) fn metres(&self, place: LonLat) -> P {
        p(
            (place.lon - self.middle.lon).to_radians() * self.cos_lat * EARTH_RADIUS_M,
            (place.lat - self.middle.lat).to_radians() * EARTH_RADIUS_M,
        )
    }
    pub(crate) fn degrees(&self, at: P) -> LonLat {
        LonLat {
            lon: self.middle.lon + (at.x / EARTH_RADIUS_M / self.cos_lat).to_degrees(),
            lat: self.middle.lat + (at.y / EARTH_RADIUS_M).to_degrees(),
        }
    }
}

/// Nearest point of segment a–b to q, as (parameter 0..=1, point, distance).
pub(crate) fn project(q: P, a: P, b: P) -> (f64, P, f64) {
    let d = b.minus(a);
    let l2 = d.dot(d);
    let t = if l2 > 0.0 { (q.minus(a).dot(d) / l2).clamp(0.0, 1.0) } else { 0.0 };
    let at = a.mix(b, t);
    (t, at, q.to(at))
}

/// Where segments a–b and c–d meet, as their parameters; `None` if apart or parallel.
pub(crate) fn meet(a: P, b: P, c: P, d: P) -> Option<(f64, f64)> {
    let (r, s) = (b.minus(a), d.minus(c));
    let denominator = r.cross(s);
    if denominator.abs() < 1e-9 * r.len() * s.len() {
        return None;
    }
    let w = c.minus(a);
    let (t, u) = (w.cross(s) / denominator, w.cross(r) / denominator);
    let inside = -1e-9..=1.0 + 1e-9;
    (inside.contains(&t) && inside.contains(&u)).then(|| (t.clamp(0.0, 1.0), u.clamp(0.0, 1.0)))
}

/// Length of a polyline.
pub(crate) fn length(line: &[P]) -> f64 {
    line.windows(2).map(|w| w[0].to(w[1])).sum()
}

/// The point `at` metres along a polyline and the direction there.
pub(crate) fn along(line: &[P], at: f64) -> (P, P) {
    let mut left = at.max(0.0);
    for w in line.windows(2) {
        let l = w[0].to(w[1]);
        if left <= l && l > 0.0 {
            return (w[0].mix(w[1], left / l), w[1].minus(w[0]).unit());
        }
        left -= l;
    }
    let n = line.len();
    (line[n - 1], line[n - 1].minus(line[n - 2]).unit())
}

/// Nearest point of a polyline to q, as (metres along, point, distance).
pub(crate) fn nearest_on(line: &[P], q: P) -> (f64, P, f64) {
    let mut best = (0.0, line[0], q.to(line[0]));
    let mut before = 0.0;
    for w in line.windows(2) {
        let (t, at, d) = project(q, w[0], w[1]);
        let l = w[0].to(w[1]);
        if d < best.2 {
            best = (before + t * l, at, d);
        }
        before += l;
    }
    best
}

/// A smooth curve through control points (centripetal enough for our spacing: uniform Catmull–Rom), sampled about
/// every `step` metres.
pub(crate) fn smooth_through(control: &[P], step: f64) -> Vec<P> {
    let n = control.len();
    let mut out = vec![control[0]];
    for i in 0..n - 1 {
        let (b, c) = (control[i], control[i + 1]);
        let a = if i > 0 { control[i - 1] } else { b.plus(b.minus(c)) };
        let d = if i + 2 < n { control[i + 2] } else { c.plus(c.minus(b)) };
        // Tangents no longer than the span itself, or unequal spans overshoot.
        let reach = b.to(c);
        let tangent = |from: P, to: P| {
            let v = to.minus(from).times(0.5);
            if v.len() > reach { v.times(reach / v.len()) } else { v }
        };
        let (m0, m1) = (tangent(a, c), tangent(b, d));
        let pieces = (reach / step).ceil().max(1.0) as usize;
        for k in 1..=pieces {
            let t = k as f64 / pieces as f64;
            let (t2, t3) = (t * t, t * t * t);
            let at = b
                .times(2.0 * t3 - 3.0 * t2 + 1.0)
                .plus(m0.times(t3 - 2.0 * t2 + t))
                .plus(c.times(-2.0 * t3 + 3.0 * t2))
                .plus(m1.times(t3 - t2));
            out.push(at);
        }
    }
    out
}

/// A winding line from a to b by midpoint displacement: `sway` is the sideways shift as a share of the length, and
/// fades with each halving, as real roads wind more over the whole than over a bend.
pub(crate) fn winding(a: P, b: P, step: f64, sway: f64, dice: &mut Dice) -> Vec<P> {
    fn halve(a: P, b: P, step: f64, sway: f64, dice: &mut Dice, out: &mut Vec<P>) {
        let l = a.to(b);
        if l > step {
            let side = b.minus(a).unit().left().times(dice.signed() * sway * l);
            let m = a.mix(b, dice.between(0.4, 0.6)).plus(side);
            halve(a, m, step, sway * 0.72, dice, out);
            out.push(m);
            halve(m, b, step, sway * 0.72, dice, out);
        }
    }
    let mut out = vec![a];
    halve(a, b, step, sway, dice, &mut out);
    out.push(b);
    out
}

/// Rounds the corners once (Chaikin), keeping both ends.
pub(crate) fn rounded(line: &[P]) -> Vec<P> {
    if line.len() < 3 {
        return line.to_vec();
    }
    let mut out = vec![line[0]];
    for (i, w) in line.windows(2).enumerate() {
        if i > 0 {
            out.push(w[0].mix(w[1], 0.25));
        }
        if i + 2 < line.len() {
            out.push(w[0].mix(w[1], 0.75));
        }
    }
    out.push(line[line.len() - 1]);
    out
}

/// Fewest points within `tolerance` metres of the line (Douglas and Peucker, 1973).
pub(crate) fn simplified(line: &[P], tolerance: f64) -> Vec<P> {
    let mut keep = vec![false; line.len()];
    let mut stack = vec![(0, line.len() - 1)];
    keep[0] = true;
    keep[line.len() - 1] = true;
    while let Some((i, j)) = stack.pop() {
        let far = (i + 1..j)
            .map(|k| (k, project(line[k], line[i], line[j]).2))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .filter(|f| f.1 > tolerance);
        if let Some((k, _)) = far {
            keep[k] = true;
            stack.push((i, k));
            stack.push((k, j));
        }
    }
    line.iter().zip(keep).filter(|(_, k)| *k).map(|(q, _)| *q).collect()
}

/// The line shifted to its left by `metres` (negative: right), with the shift scaled at every point by `scale`.
pub(crate) fn beside(line: &[P], metres: f64, scale: impl Fn(f64) -> f64) -> Vec<P> {
    let n = line.len();
    let mut run = 0.0;
    (0..n)
        .map(|i| {
            let before =
                if i > 0 { line[i].minus(line[i - 1]).unit() } else { line[1].minus(line[0]).unit() };
            let after = if i + 1 < n {
                line[i + 1].minus(line[i]).unit()
            } else {
                line[n - 1].minus(line[n - 2]).unit()
            };
            if i > 0 {
                run += line[i - 1].to(line[i]);
            }
            line[i].plus(before.plus(after).unit().left().times(metres * scale(run)))
        })
        .collect()
}

/// Items by square cells, for neighbour queries. Only looked up, never iterated: the order of the map cannot show.
#[derive(Debug)]
pub(crate) struct Cells {
    size: f64,
    map: HashMap<(i32, i32), Vec<u32>>,
}

impl Cells {
    pub(crate) fn new(size: f64) -> Self {
        Self { size, map: HashMap::new() }
    }
    fn cell(&self, at: P) -> (i32, i32) {
        ((at.x / self.size).floor() as i32, (at.y / self.size).floor() as i32)
    }
    pub(crate) fn put(&mut self, at: P, item: u32) {
        self.map.entry(self.cell(at)).or_default().push(item);
    }
    /// Puts the item into each cell that the box of a–b touches.
    pub(crate) fn put_segment(&mut self, a: P, b: P, item: u32) {
        let (i, j) = (self.cell(a), self.cell(b));
        for cx in i.0.min(j.0)..=i.0.max(j.0) {
            for cy in i.1.min(j.1)..=i.1.max(j.1) {
                self.map.entry((cx, cy)).or_default().push(item);
            }
        }
    }
    /// Every item of the cells within `reach` of a point (each item perhaps several times).
    pub(crate) fn near(&self, at: P, reach: f64, mut each: impl FnMut(u32)) {
        let (i, j) = (self.cell(p(at.x - reach, at.y - reach)), self.cell(p(at.x + reach, at.y + reach)));
        for cx in i.0..=j.0 {
            for cy in i.1..=j.1 {
                if let Some(items) = self.map.get(&(cx, cy)) {
                    items.iter().for_each(|i| each(*i));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn projection_goes_both_ways() {
        let plane = Plane::about(LonLat { lon: 113.05, lat: 33.87 });
        let place = LonLat { lon: 113.2, lat: 33.95 };
        assert!(plane.degrees(plane.metres(place)).metres_to(place) < 1e-6);
        let crow = place.metres_to(LonLat { lon: 113.05, lat: 33.87 });
        assert!((plane.metres(place).len() - crow).abs() / crow < 1e-3);
    }

    #[test]
    fn crossing_segments_meet_and_parallel_ones_do_not() {
        assert_eq!(meet(p(0., 0.), p(2., 0.), p(1., -1.), p(1., 1.)), Some((0.5, 0.5)));
        assert_eq!(meet(p(0., 0.), p(2., 0.), p(0., 1.), p(2., 1.)), None);
        assert_eq!(meet(p(0., 0.), p(2., 0.), p(3., -1.), p(3., 1.)), None);
    }

    proptest! {
        #[test]
        fn lines_keep_their_ends(ax in -9e3..9e3f64, ay in -9e3..9e3f64, bx in -9e3..9e3f64, by in -9e3..9e3f64, seed: u64) {
            let mut dice = Dice::new(seed, "test");
            let line = rounded(&winding(p(ax, ay), p(bx, by), 90.0, 0.1, &mut dice));
            let line = simplified(&line, 1.5);
            prop_assert_eq!(line[0], p(ax, ay));
            prop_assert_eq!(line[line.len() - 1], p(bx, by));
            // A winding road is longer than the crow flies, but not absurdly so.
            prop_assert!(length(&line) >= p(ax, ay).to(p(bx, by)) - 1e-6);
            prop_assert!(length(&line) <= 1.6 * p(ax, ay).to(p(bx, by)) + 1.0);
        }
    }
}
