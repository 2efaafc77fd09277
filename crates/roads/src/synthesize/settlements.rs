//! Where people live and the streets there: the county town, township seats, villages, and the natural villages
//! between them, each with a jittered lattice of streets inside an uneven outline.

use super::corridors::Corridor;
use super::dice::Dice;
use super::facts::{CorridorClass, CountyFacts, SiteKind};
use super::plane::{Cells, P, Plane, along, beside, length, nearest_on, p};
use super::web::{Class, Line, Zone};
use std::collections::{HashMap, HashSet};
use std::f64::consts::PI;

/// What a settlement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    City,
    Town,
    Village,
    Hamlet,
    /// A lone works, park or gateway: a yard, no streets.
    Yard,
}

/// A settlement.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) at: P,
    pub(crate) rank: Rank,
    pub(crate) radius: f64,
    /// Index of the site it stands for; a hamlet has none.
    pub(crate) site: Option<usize>,
    /// The town or city that it lies inside of, by index.
    pub(crate) inside: Option<usize>,
}

/// Least distance between two natural villages.
const HAMLET_SPACING_M: f64 = 520.0;

/// Streets keep this far from the middle of an expressway.
const FENCE_M: f64 = 45.0;

/// Sites become settlements; hamlets are sown between them.
pub(crate) fn found(facts: &CountyFacts, plane: &Plane, corridors: &[Corridor], seed: u64) -> Vec<Place> {
    let mut dice = Dice::new(seed, "settlements");
    let at: Vec<P> = facts.sites.iter().map(|s| plane.metres(s.place)).collect();
    let around = |c: P, r: f64| at.iter().filter(|q| q.to(c) < r).count() as f64;
    let mut places: Vec<Place> = Vec::new();
    // Larger settlements first, so that smaller ones find the town that they lie in.
    let mut order: Vec<usize> = (0..at.len()).collect();
    order.sort_by_key(|i| (facts.sites[*i].kind, *i));
    for i in order {
        let (rank, radius) = match facts.sites[i].kind {
            SiteKind::Hub => (Rank::City, (700.0 + 95.0 * around(at[i], 2_500.0)).clamp(1_000.0, 2_300.0)),
            SiteKind::Station => (Rank::Town, (380.0 + 40.0 * around(at[i], 1_500.0)).clamp(420.0, 800.0)),
            SiteKind::Village => (Rank::Village, dice.between(185.0, 345.0)),
            SiteKind::Park | SiteKind::Gateway => (Rank::Yard, 80.0),
        };
        let inside = places.iter().position(|t| {
            matches!(t.rank, Rank::City | Rank::Town) && t.at.to(at[i]) < 0.85 * t.radius + 60.0
                || t.at.to(at[i]) < 120.0
        });
        places.push(Place { at: at[i], rank, radius, site: Some(i), inside });
    }
    sow_hamlets(facts, corridors, &mut places, &mut dice);
    places
}

fn sow_hamlets(facts: &CountyFacts, corridors: &[Corridor], places: &mut Vec<Place>, dice: &mut Dice) {
    let villages: Vec<P> = places.iter().filter(|q| q.rank == Rank::Village).map(|q| q.at).collect();
    if villages.is_empty() {
        return;
    }
    let wanted = (villages.len() as f64 * facts.hamlets_per_village) as usize;
    let mut cells = Cells::new(HAMLET_SPACING_M);
    for (i, place) in places.iter().enumerate() {
        cells.put(place.at, i as u32);
    }
    let mut sown = 0;
    for _ in 0..wanted * 12 {
        if sown == wanted {
            break;
        }
        let home = villages[dice.below(villages.len())];
        let (angle, reach) = (dice.between(0.0, 2.0 * PI), dice.between(500.0, 1_900.0));
        let at = home.plus(p(angle.cos(), angle.sin()).times(reach));
        let mut free = places.iter().all(|q| {
            let margin = if matches!(q.rank, Rank::City | Rank::Town) { q.radius + 250.0 } else { 0.0 };
            q.at.to(at) > margin
        });
        cells.near(at, HAMLET_SPACING_M, |i| free &= places[i as usize].at.to(at) > HAMLET_SPACING_M);
        free = free
            && corridors.iter().all(|c| {
                let margin = if c.class == CorridorClass::Expressway { 320.0 } else { 110.0 };
                nearest_on(&c.middle, at).2 > margin
            });
        if free {
            cells.put(at, places.len() as u32);
            let radius = dice.between(105.0, 225.0);
            places.push(Place { at, rank: Rank::Hamlet, radius, site: None, inside: None });
            sown += 1;
        }
    }
}

/// Roads that streets must not double: anything already drawn, with its direction.
pub(crate) struct Drawn {
    cells: Cells,
    segments: Vec<(P, P)>,
}

impl Drawn {
    pub(crate) fn of<'l>(lines: impl Iterator<Item = &'l [P]>) -> Self {
        let mut drawn = Self { cells: Cells::new(120.0), segments: Vec::new() };
        lines.for_each(|line| drawn.add(line));
        drawn
    }
    pub(crate) fn add(&mut self, line: &[P]) {
        for w in line.windows(2) {
            self.cells.put_segment(w[0], w[1], self.segments.len() as u32);
            self.segments.push((w[0], w[1]));
        }
    }
    /// Whether a–b would run within `gap` of a drawn road and nearly parallel to it.
    fn doubled(&self, a: P, b: P, gap: f64) -> bool {
        let heading = b.minus(a).unit();
        let mut hit = false;
        for q in [a.mix(b, 0.2), a.mix(b, 0.5), a.mix(b, 0.8)] {
            self.cells.near(q, gap, |i| {
                let (c, d) = self.segments[i as usize];
                let parallel = d.minus(c).unit().dot(heading).abs() > 0.8;
                hit |= parallel && super::plane::project(q, c, d).2 < gap;
            });
        }
        hit
    }
    /// Nearest drawn point within `reach`: the point and its distance.
    pub(crate) fn nearest(&self, q: P, reach: f64) -> Option<(P, f64)> {
        let mut best: Option<(P, f64)> = None;
        self.cells.near(q, reach, |i| {
            let (c, d) = self.segments[i as usize];
            let (_, at, distance) = super::plane::project(q, c, d);
            if distance <= reach && best.is_none_or(|b| distance < b.1) {
                best = Some((at, distance));
            }
        });
        best
    }
    /// Direction of the drawn road nearest to a point.
    pub(crate) fn heading_near(&self, q: P, reach: f64) -> Option<P> {
        let mut best: Option<(f64, P)> = None;
        self.cells.near(q, reach, |i| {
            let (c, d) = self.segments[i as usize];
            let (_, _, distance) = super::plane::project(q, c, d);
            if c.to(d) > 5.0 && distance <= reach && best.is_none_or(|b| distance < b.0) {
                best = Some((distance, d.minus(c).unit()));
            }
        });
        best.map(|b| b.1)
    }
}

/// The streets of one settlement and the lattice points that roads from outside may lead to.
pub(crate) struct Streets {
    pub(crate) lines: Vec<Line>,
    pub(crate) doors: Vec<P>,
}

/// Spacing of rows and columns and the share of pieces that exist.
struct Grain {
    row_m: f64,
    column_m: f64,
    kept: f64,
    gap_m: f64,
    zone: Zone,
}

fn grain(rank: Rank, dice: &mut Dice) -> Grain {
    match rank {
        Rank::City => Grain { row_m: 128.0, column_m: 142.0, kept: 0.93, gap_m: 45.0, zone: Zone::City },
        Rank::Town => Grain { row_m: 72.0, column_m: 105.0, kept: 0.88, gap_m: 26.0, zone: Zone::Town },
        _ => Grain {
            row_m: dice.between(38.0, 58.0),
            column_m: dice.between(70.0, 115.0),
            kept: 0.88,
            gap_m: 15.0,
            zone: Zone::Village,
        },
    }
}

/// Draws a settlement's streets along the road that leads through it.
///
/// `fenced` are roads that nobody lives beside (expressways).
pub(crate) fn streets(place: &Place, drawn: &Drawn, fenced: &Drawn, seed: u64, number: usize) -> Streets {
    let mut dice = Dice::new(seed, &format!("streets {number}"));
    let grain = grain(place.rank, &mut dice);
    let axis = drawn.heading_near(place.at, 120.0).map_or_else(
        || dice.signed() * 0.15,
        // A lattice is the same after a quarter turn: take the turn nearest to the compass.
        |h| {
            let angle = h.y.atan2(h.x);
            angle - (angle / (PI / 2.0)).round() * (PI / 2.0)
        },
    );
    let outline = outline(place.radius, &mut dice);
    let reach = place.radius * 1.4;
    let (rows, columns) = ((reach / grain.row_m).ceil() as i32, (reach / grain.column_m).ceil() as i32);
    let width = (2 * columns + 1) as usize;
    let mut knots: Vec<Option<P>> = Vec::with_capacity(width * (2 * rows + 1) as usize);
    for i in -rows..=rows {
        for j in -columns..=columns {
            let sway = if i == 0 && j == 0 { 0.0 } else { 0.11 };
            let local = p(
                f64::from(j) * grain.column_m + dice.signed() * sway * grain.column_m,
                f64::from(i) * grain.row_m + dice.signed() * sway * grain.row_m,
            );
            let inside = local.len() < outline(local.y.atan2(local.x));
            let at = place.at.plus(local.turned(axis));
            knots.push((inside && fenced.nearest(at, FENCE_M).is_none()).then_some(at));
        }
    }
    let knot = |i: i32, j: i32| knots[(i + rows) as usize * width + (j + columns) as usize];
    let mut lines = Vec::new();
    for (across, count, length) in [(false, rows, columns), (true, columns, rows)] {
        for main in -count..=count {
            let chain: Vec<Option<P>> =
                (-length..=length).map(|k| if across { knot(k, main) } else { knot(main, k) }).collect();
            let look = look_of(place.rank, main, across, &mut dice);
            run_street(&chain, &look, &grain, drawn, &mut dice, &mut lines);
        }
    }
    let core = core(&lines, place.at);
    knots.iter_mut().for_each(|k| *k = k.filter(|q| core.contains(&key(*q))));
    let doors = doors(place, &knots);
    Streets { lines, doors }
}

/// A point that can be looked up; lattice points are shared by streets to the last bit.
fn key(q: P) -> (u64, u64) {
    (q.x.to_bits(), q.y.to_bits())
}

/// Corners that the middle's corner both reaches and is reached from: a road from outside that ended at any other
/// would not lead into the settlement.
fn core(lines: &[Line], middle: P) -> HashSet<(u64, u64)> {
    let (mut there, mut back) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
    let mut centre: Option<(f64, (u64, u64))> = None;
    for line in lines.iter().filter(|l| !l.dual) {
        for w in line.points.windows(2) {
            let (a, b) = (key(w[0]), key(w[1]));
            there.entry(a).or_default().push(b);
            back.entry(b).or_default().push(a);
            if !line.oneway {
                there.entry(b).or_default().push(a);
                back.entry(a).or_default().push(b);
            }
            for q in w.iter().filter(|_| !line.oneway) {
                if centre.is_none_or(|c| q.to(middle) < c.0) {
                    centre = Some((q.to(middle), key(*q)));
                }
            }
        }
    }
    let flood = |arcs: &HashMap<(u64, u64), Vec<(u64, u64)>>| {
        let mut seen: HashSet<(u64, u64)> = centre.iter().map(|c| c.1).collect();
        let mut open: Vec<_> = seen.iter().copied().collect();
        while let Some(v) = open.pop() {
            open.extend(arcs.get(&v).into_iter().flatten().filter(|u| seen.insert(**u)));
        }
        seen
    };
    let (mut reached, leading) = (flood(&there), flood(&back));
    reached.retain(|v| leading.contains(v));
    reached
}

/// Radius of the outline by direction.
fn outline(radius: f64, dice: &mut Dice) -> impl Fn(f64) -> f64 + use<> {
    let (a, b) = (dice.between(0.0, 2.0 * PI), dice.between(0.0, 2.0 * PI));
    let (ka, kb) = (dice.between(0.05, 0.24), dice.between(0.03, 0.15));
    move |angle: f64| radius * (1.0 + ka * (2.0 * angle + a).sin() + kb * (3.0 * angle + b).sin())
}

/// How a street looks.
struct Look {
    class: Class,
    oneway: Option<bool>,
    dual: bool,
    narrow: bool,
    main: bool,
    name: (String, String),
}

/// Street names that every county town has, so that a driver's sheet reads like one.
const NAMES: [(&str, &str); 28] = [
    ("人民路", "Renmin Road"),
    ("建设路", "Jianshe Road"),
    ("文化路", "Wenhua Road"),
    ("中兴路", "Zhongxing Road"),
    ("迎宾大道", "Yingbin Avenue"),
    ("健康路", "Jiankang Road"),
    ("解放路", "Jiefang Road"),
    ("和平路", "Heping Road"),
    ("新华路", "Xinhua Road"),
    ("光明路", "Guangming Road"),
    ("前进路", "Qianjin Road"),
    ("胜利街", "Shengli Street"),
    ("工业路", "Gongye Road"),
    ("站前街", "Zhanqian Street"),
    ("东风路", "Dongfeng Road"),
    ("幸福街", "Xingfu Street"),
    ("团结路", "Tuanjie Road"),
    ("青年路", "Qingnian Road"),
    ("长安大道", "Chang'an Avenue"),
    ("民主街", "Minzhu Street"),
    ("友谊路", "Youyi Road"),
    ("花园街", "Huayuan Street"),
    ("学府路", "Xuefu Road"),
    ("滨河路", "Binhe Road"),
    ("振兴路", "Zhenxing Road"),
    ("富民路", "Fumin Road"),
    ("康庄路", "Kangzhuang Road"),
    ("朝阳街", "Chaoyang Street"),
];

fn look_of(rank: Rank, main: i32, across: bool, dice: &mut Dice) -> Look {
    let mut look = Look {
        class: Class::Residential,
        oneway: None,
        dual: false,
        narrow: false,
        main: main == 0,
        name: (String::new(), String::new()),
    };
    let mut named = true;
    match rank {
        Rank::City => {
            look.class = match main.rem_euclid(3) {
                _ if main == 0 => Class::Secondary,
                0 => Class::Tertiary,
                _ => Class::Residential,
            };
            look.main = main.rem_euclid(3) == 0;
            look.dual = main == 6 && !across;
            // Old inner streets are often one-way, in turns.
            if look.class == Class::Residential && main.abs() < 8 && dice.chance(0.4) {
                look.oneway = Some(main % 2 == 0);
            }
        }
        Rank::Town => {
            look.class = if main == 0 { Class::Tertiary } else { Class::Residential };
            look.main = main.rem_euclid(3) == 0;
            named = main.rem_euclid(2) == 0;
            if main.abs() == 1 && dice.chance(0.3) {
                look.oneway = Some(main > 0);
            }
        }
        _ => {
            look.class = match dice.unit() {
                _ if main == 0 => Class::Unclassified,
                u if u < 0.12 => Class::Living,
                u if u < 0.2 => Class::Service,
                _ => Class::Residential,
            };
            look.narrow = main != 0;
            named = false;
        }
    }
    if named {
        let pick = (main.rem_euclid(14) * 2 + i32::from(across)) as usize % NAMES.len();
        look.name = (NAMES[pick].0.to_owned(), NAMES[pick].1.to_owned());
    }
    look
}

/// Turns a row of lattice points into streets, leaving out what is outside, doubled or by chance missing.
fn run_street(
    chain: &[Option<P>],
    look: &Look,
    grain: &Grain,
    drawn: &Drawn,
    dice: &mut Dice,
    out: &mut Vec<Line>,
) {
    let mut run: Vec<P> = Vec::new();
    let mut flush = |run: &mut Vec<P>| {
        let points = std::mem::take(run);
        if points.len() < 2 {
            return;
        }
        let mut make = |points: Vec<P>, oneway: bool, dual: bool| {
            let mut line = Line::new(points, look.class, grain.zone);
            (line.oneway, line.dual, line.narrow) = (oneway, dual, look.narrow);
            line.name.clone_from(&look.name);
            out.push(line);
        };
        if look.dual && points.len() > 4 {
            let total = length(&points);
            let taper = |at: f64| (at.min(total - at) / 60.0).clamp(0.0, 1.0);
            let mut fine = points.clone();
            fine.insert(1, along(&points, 60.0).0);
            fine.insert(fine.len() - 1, along(&points, total - 60.0).0);
            let mut back = beside(&fine, 8.0, taper);
            back.reverse();
            make(beside(&fine, -8.0, taper), true, true);
            make(back, true, true);
        } else {
            let mut points = points;
            if look.oneway == Some(true) {
                points.reverse();
            }
            make(points, look.oneway.is_some(), false);
        }
    };
    for pair in chain.windows(2) {
        let kept = look.main || dice.chance(grain.kept);
        match (pair[0], pair[1]) {
            (Some(a), Some(b)) if kept && !drawn.doubled(a, b, grain.gap_m) => {
                if run.is_empty() {
                    run.push(a);
                }
                run.push(b);
            }
            _ => flush(&mut run),
        }
    }
    flush(&mut run);
}

/// Lattice points near the edge of a town, one in each direction.
fn doors(place: &Place, knots: &[Option<P>]) -> Vec<P> {
    let count = match place.rank {
        Rank::City => 12,
        Rank::Town => 7,
        _ => return Vec::new(),
    };
    let mut doors: Vec<P> = Vec::new();
    for k in 0..count {
        let angle = 2.0 * PI * f64::from(k) / f64::from(count);
        let aim = place.at.plus(p(angle.cos(), angle.sin()).times(0.95 * place.radius));
        let knot = knots.iter().flatten().min_by(|a, b| a.to(aim).total_cmp(&b.to(aim)));
        doors.extend(knot.filter(|q| !doors.contains(q)).copied().into_iter().collect::<Vec<_>>());
    }
    doors
}
