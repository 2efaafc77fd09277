//! Main roads: the known points joined by smooth, slightly winding lines; dual carriageways and interchanges.

use super::dice::Dice;
use super::facts::{CorridorClass, CountyFacts, SiteKind};
use super::plane::{
    P, Plane, along, beside, length, meet, nearest_on, rounded, simplified, smooth_through, winding,
};
use super::web::{Class, Line, Weld, Zone};

/// A main road's middle line.
#[derive(Clone, Debug)]
pub(crate) struct Corridor {
    pub(crate) middle: Vec<P>,
    pub(crate) class: CorridorClass,
    pub(crate) open: bool,
    pub(crate) name: (String, String),
    pub(crate) reference: String,
}

impl Corridor {
    /// Whether villages reach it at grade.
    pub(crate) fn on_ground(&self) -> bool {
        self.open && self.class != CorridorClass::Expressway
    }

    fn road_class(&self) -> Class {
        match self.class {
            _ if !self.open => Class::Construction,
            CorridorClass::Expressway => Class::Motorway,
            CorridorClass::National | CorridorClass::FastLink => Class::Trunk,
            CorridorClass::Provincial => Class::Primary,
            CorridorClass::County => Class::Secondary,
            CorridorClass::Township | CorridorClass::InferredLink => Class::Tertiary,
        }
    }

    fn half_width_m(&self) -> Option<f64> {
        match self.class {
            CorridorClass::Expressway => Some(13.0),
            CorridorClass::FastLink => Some(9.0),
            _ => None,
        }
    }
}

/// A gateway nearer than this to a corridor is joined as any village is.
const GATEWAY_NEAR_M: f64 = 1_500.0;
/// Two corridors this near and alongside are one road.
const ALONGSIDE_M: f64 = 130.0;
/// Least distance between interchanges of one expressway.
const INTERCHANGE_SPACING_M: f64 = 4_000.0;
/// How far from the crossing a ramp leaves the expressway.
const RAMP_REACH_M: f64 = 450.0;

/// Draws every corridor but the inferred links, most important first, and leads one to each far gateway.
pub(crate) fn draw(facts: &CountyFacts, plane: &Plane, seed: u64) -> Vec<Corridor> {
    let mut dice = Dice::new(seed, "corridors");
    let mut drafts: Vec<(Vec<P>, Corridor)> = facts
        .corridors
        .iter()
        .filter(|c| c.class != CorridorClass::InferredLink)
        .map(|c| {
            let corridor = Corridor {
                middle: Vec::new(),
                class: c.class,
                open: c.open,
                name: (c.name_zh.clone(), c.name_en.clone()),
                reference: c.reference.clone(),
            };
            (c.line.iter().map(|q| plane.metres(*q)).collect(), corridor)
        })
        .collect();
    lead_to_gateways(facts, plane, &mut drafts);
    drafts.sort_by_key(|(_, c)| c.road_class());
    let mut done: Vec<Corridor> = Vec::new();
    for (control, corridor) in drafts {
        let middle = drawn(&control, corridor.class, &mut dice);
        let pieces = if corridor.on_ground() { without_shared(&middle, &done) } else { vec![middle] };
        done.extend(pieces.into_iter().map(|middle| Corridor { middle, ..corridor.clone() }));
    }
    done
}

/// Farthest gateway to which an ordinary main road is led as well as an expressway.
const GATEWAY_BY_ROAD_M: f64 = 40_000.0;

fn lead_to_gateways(facts: &CountyFacts, plane: &Plane, drafts: &mut Vec<(Vec<P>, Corridor)>) {
    let mut taken: Vec<P> = Vec::new();
    for site in facts.sites.iter().filter(|s| s.kind == SiteKind::Gateway) {
        let goal = plane.metres(site.place);
        if drafts.iter().any(|(line, c)| c.on_ground() && nearest_on(line, goal).2 < GATEWAY_NEAR_M) {
            continue;
        }
        let nearest_end = |drafts: &[(Vec<P>, Corridor)], expressway: bool| {
            let worth = |c: &Corridor| match c.class {
                CorridorClass::National | CorridorClass::FastLink => 0.8,
                _ => 1.0,
            };
            drafts
                .iter()
                .enumerate()
                .filter(|(_, (_, c))| c.open && (c.class == CorridorClass::Expressway) == expressway)
                .flat_map(|(i, (line, c))| [(line[0], i, worth(c)), (line[line.len() - 1], i, worth(c))])
                .min_by(|a, b| (a.0.to(goal) * a.2).total_cmp(&(b.0.to(goal) * b.2)))
                .map(|(end, i, _)| (end, i))
        };
        let fast = nearest_end(drafts, true);
        let plain =
            nearest_end(drafts, false).filter(|(end, _)| fast.is_none() || end.to(goal) < GATEWAY_BY_ROAD_M);
        for (end, i) in fast.into_iter().chain(plain) {
            if taken.contains(&end) {
                let spur = drafts[i].1.clone();
                drafts.push((vec![end, goal], spur));
            } else if drafts[i].0[0] == end {
                drafts[i].0.insert(0, goal);
            } else {
                drafts[i].0.push(goal);
            }
            taken.push(end);
        }
    }
}

fn drawn(control: &[P], class: CorridorClass, dice: &mut Dice) -> Vec<P> {
    let (sway, span) = match class {
        CorridorClass::Expressway => (0.008, 1_500.0),
        CorridorClass::FastLink => (0.010, 1_200.0),
        CorridorClass::National | CorridorClass::Provincial => (0.022, 900.0),
        _ => (0.035, 600.0),
    };
    let smooth = smooth_through(control, span);
    let mut line = vec![smooth[0]];
    for w in smooth.windows(2) {
        line.extend(winding(w[0], w[1], span / 5.0, sway, dice).into_iter().skip(1));
    }
    simplified(&rounded(&rounded(&line)), 0.8)
}

/// The parts of a line that do not run along a road drawn before; cut ends are led onto that road.
fn without_shared(middle: &[P], done: &[Corridor]) -> Vec<Vec<P>> {
    let step = 60.0;
    let n = (length(middle) / step).ceil().max(1.0) as usize;
    let beside_another = |k: usize| {
        let (at, heading) = along(middle, k as f64 * step);
        done.iter().filter(|c| c.on_ground()).find_map(|c| {
            let (m, q, d) = nearest_on(&c.middle, at);
            let parallel = along(&c.middle, m).1.dot(heading).abs() > 0.86;
            (d < ALONGSIDE_M && parallel).then_some(q)
        })
    };
    let shared: Vec<Option<P>> = (0..=n).map(beside_another).collect();
    let mut pieces = Vec::new();
    let mut k = 0;
    while k <= n {
        // A short touch is a crossing at a sharp angle, not a shared stretch.
        let long_shared = |k: usize| {
            let from = (0..=k).rev().take_while(|i| shared[*i].is_some()).count();
            let to = (k..=n).take_while(|i| shared[*i].is_some()).count();
            from + to > 5
        };
        if long_shared(k) {
            k += 1;
            continue;
        }
        let first = k;
        while k <= n && !long_shared(k) {
            k += 1;
        }
        let mut piece: Vec<P> = Vec::new();
        piece.extend((first > 0).then(|| shared[first - 1]).flatten());
        piece.extend((first..k).map(|i| along(middle, i as f64 * step).0));
        piece.extend(if k <= n { shared[k] } else { None });
        if piece.len() >= 3 && length(&piece) > 200.0 {
            pieces.push(simplified(&piece, 0.8));
        }
    }
    pieces
}

/// The carriageways of all corridors, and the ramps between them.
pub(crate) fn lines(corridors: &[Corridor]) -> Vec<Line> {
    let mut out = Vec::new();
    // Per corridor its carriageway in line direction and against it.
    let mut ways: Vec<[Vec<P>; 2]> = Vec::new();
    for c in corridors {
        let class = c.road_class();
        let make = |points: Vec<P>, dual: bool| {
            let mut line = Line::new(points, class, Zone::Country);
            line.weld = match class {
                Class::Motorway => Weld::Above,
                Class::Construction => Weld::Apart,
                _ => Weld::Ground,
            };
            (line.oneway, line.dual) = (dual, dual);
            line.name.clone_from(&c.name);
            line.reference.clone_from(&c.reference);
            line
        };
        match c.half_width_m().filter(|_| c.open) {
            Some(half) => {
                let total = length(&c.middle);
                let taper = |at: f64| (at.min(total - at) / 150.0).clamp(0.0, 1.0);
                let fine = with_taper_points(&c.middle);
                // Traffic keeps right: along the line on its right side, back on its left.
                let there = beside(&fine, -half, taper);
                let mut back = beside(&fine, half, taper);
                back.reverse();
                out.push(make(there.clone(), true));
                out.push(make(back.clone(), true));
                ways.push([there, back]);
            }
            None => {
                out.push(make(c.middle.clone(), false));
                let mut back = c.middle.clone();
                back.reverse();
                ways.push([c.middle.clone(), back]);
            }
        }
    }
    for (e, expressway) in corridors.iter().enumerate() {
        if expressway.open && expressway.class == CorridorClass::Expressway {
            interchanges(corridors, &ways, e, &mut out);
        }
    }
    out
}

/// The line with points where the taper begins and ends, so that the carriageways part near the ends only.
fn with_taper_points(middle: &[P]) -> Vec<P> {
    let total = length(middle);
    let mut marks: Vec<f64> = vec![75.0, 150.0, total - 150.0, total - 75.0];
    let mut run = 0.0;
    let mut all: Vec<(f64, P)> = vec![(0.0, middle[0])];
    for w in middle.windows(2) {
        run += w[0].to(w[1]);
        all.push((run, w[1]));
    }
    marks.retain(|m| *m > 0.0 && *m < total);
    all.extend(marks.into_iter().map(|m| (m, along(middle, m).0)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.dedup_by(|a, b| (a.0 - b.0).abs() < 1.0);
    all.into_iter().map(|(_, q)| q).collect()
}

/// Every crossing of the expressway with another corridor, as (metres along, index of the other).
fn crossings(corridors: &[Corridor], e: usize) -> Vec<(f64, usize)> {
    let mut found = Vec::new();
    let mut before = 0.0;
    for w in corridors[e].middle.windows(2) {
        for (o, other) in corridors.iter().enumerate().filter(|(o, c)| *o != e && c.open) {
            for v in other.middle.windows(2) {
                if let Some((t, _)) = meet(w[0], w[1], v[0], v[1]) {
                    found.push((before + t * w[0].to(w[1]), o));
                }
            }
        }
        before += w[0].to(w[1]);
    }
    found
}

fn interchanges(corridors: &[Corridor], ways: &[[Vec<P>; 2]], e: usize, out: &mut Vec<Line>) {
    let mut found = crossings(corridors, e);
    found.sort_by_key(|f| corridors[f.1].road_class());
    let mut built: Vec<f64> = Vec::new();
    for (at, other) in found {
        let total = length(&corridors[e].middle);
        let far_from_ends = at > 2.0 * RAMP_REACH_M && at < total - 2.0 * RAMP_REACH_M;
        let is_expressway = corridors[other].class == CorridorClass::Expressway;
        let spaced = built.iter().all(|b| (b - at).abs() >= INTERCHANGE_SPACING_M);
        if !far_from_ends || !(spaced || is_expressway) || (is_expressway && other < e) {
            continue;
        }
        built.push(at);
        let centre = along(&corridors[e].middle, at).0;
        let target = if is_expressway { RAMP_REACH_M } else { 130.0 };
        // The expressway's two directions and the crossing road's two directions: a ramp out and a ramp in each.
        for way in &ways[e] {
            for to in &ways[other] {
                let one_way = corridors[other].half_width_m().is_some();
                // A two-way road is met on the near side only, by the direction whose right side faces it.
                let here = nearest_on(way, centre).0;
                let there = nearest_on(to, centre).0;
                let side = along(way, here).1.cross(along(to, there).1);
                if !one_way && side > 0.0 {
                    continue;
                }
                let out_from = along(way, here - RAMP_REACH_M).0;
                let in_to = along(way, here + RAMP_REACH_M).0;
                out.push(ramp(out_from, centre, along(to, there + target).0, is_expressway));
                // With dual crossing roads the way in starts before the crossing, on the same side.
                let in_from = if one_way { along(to, there - target).0 } else { along(to, there + target).0 };
                if !is_expressway {
                    out.push(ramp(in_from, centre, in_to, false));
                }
            }
        }
        if is_expressway {
            for way in &ways[e] {
                for from in &ways[other] {
                    let (here, there) = (nearest_on(way, centre).0, nearest_on(from, centre).0);
                    let (a, b) = (along(from, there - RAMP_REACH_M).0, along(way, here + RAMP_REACH_M).0);
                    out.push(ramp(a, centre, b, true));
                }
            }
        }
    }
}

/// A one-way ramp from a to b, bent towards the crossing's middle.
fn ramp(a: P, centre: P, b: P, high: bool) -> Line {
    let pull = if high { 0.55 } else { 0.35 };
    let bend = a.mix(b, 0.5).mix(centre, pull);
    let points = (0..=8)
        .map(|k| {
            let t = f64::from(k) / 8.0;
            a.mix(bend, t).mix(bend.mix(b, t), t)
        })
        .collect();
    let mut line = Line::new(points, Class::MotorwayLink, Zone::Country);
    line.weld = Weld::Ends;
    line.oneway = true;
    // Between expressways there is no toll station: told by the mark of a dual carriageway.
    line.dual = high;
    line
}
