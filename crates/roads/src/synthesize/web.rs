//! Lines become a network: ends are tied to the roads they run into, crossings become junctions, what lies apart from
//! the rest is dropped.

use super::plane::{Cells, P, meet, project};
use std::collections::BTreeMap;

/// Class of a road, worst last; the order is that of importance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Motorway,
    MotorwayLink,
    Trunk,
    Primary,
    Secondary,
    Tertiary,
    Unclassified,
    Residential,
    Living,
    Service,
    Track,
    Construction,
}

impl Class {
    /// Speed in km/h by which the generator itself judges main ways; profiles of the importer have their own.
    pub(crate) fn kmh(self) -> f64 {
        match self {
            Self::Motorway => 95.0,
            Self::Trunk | Self::Primary => 60.0,
            Self::Secondary => 50.0,
            Self::MotorwayLink | Self::Tertiary => 40.0,
            Self::Unclassified => 28.0,
            Self::Residential => 18.0,
            Self::Living | Self::Service | Self::Track => 10.0,
            Self::Construction => 1.0,
        }
    }
}

/// How a line takes part in junctions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weld {
    /// Crosses and is crossed on the ground.
    Ground,
    /// Joins others with its two ends only (ramps).
    Ends,
    /// Joins nothing of itself, others may end on it (expressways, which pass above).
    Above,
    /// Not part of the network (a road being built).
    Apart,
}

/// Where a line lies, for its streets' look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Zone {
    Country,
    Village,
    Town,
    City,
}

/// A road as drawn, before junctions.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) points: Vec<P>,
    pub(crate) class: Class,
    pub(crate) weld: Weld,
    pub(crate) zone: Zone,
    pub(crate) oneway: bool,
    /// One side of a dual carriageway.
    pub(crate) dual: bool,
    /// One lane for both directions.
    pub(crate) narrow: bool,
    /// Chinese and English name, both may be empty.
    pub(crate) name: (String, String),
    /// Road number.
    pub(crate) reference: String,
}

impl Line {
    pub(crate) fn new(points: Vec<P>, class: Class, zone: Zone) -> Self {
        Self {
            points,
            class,
            weld: Weld::Ground,
            zone,
            oneway: false,
            dual: false,
            narrow: false,
            name: (String::new(), String::new()),
            reference: String::new(),
        }
    }
}

/// A stretch of a line after the junctions were made: two or more nodes.
#[derive(Clone, Debug)]
pub(crate) struct Road {
    /// Index of the line whose looks it has.
    pub(crate) line: usize,
    pub(crate) nodes: Vec<u32>,
}

/// The network: places and the roads between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Web {
    pub(crate) nodes: Vec<P>,
    pub(crate) roads: Vec<Road>,
}

/// Ends this near to another road run into it.
const TIE_M: f64 = 7.0;
/// Junctions this near to one another are one.
const MERGE_M: f64 = 5.0;
/// Shape points this near to a junction of their line add nothing.
const SHAPE_MIN_M: f64 = 3.0;
/// A dead end shorter than this is a drawing fault, not a lane.
const STUB_M: f64 = 14.0;

#[derive(Clone, Copy)]
struct Cut {
    segment: usize,
    t: f64,
    at: P,
    ground: bool,
}

/// Ties, crosses, merges, drops.
pub(crate) fn weave(lines: &mut [Line]) -> Web {
    let mut cuts: Vec<Vec<Cut>> = vec![Vec::new(); lines.len()];
    let (segments, cells) = index(lines);
    tie_ends(lines, &segments, &cells, &mut cuts);
    // Ends have moved a little: index again for the crossings.
    let (segments, cells) = index(lines);
    cross(lines, &segments, &cells, &mut cuts);
    let mut web = join(lines, &cuts);
    drop_doubles(lines, &mut web);
    keep_largest(lines, &mut web);
    trim_stubs(&mut web);
    compact(&mut web);
    web
}

type Segment = (u32, u32);

fn index(lines: &[Line]) -> (Vec<Segment>, Cells) {
    let mut segments = Vec::new();
    let mut cells = Cells::new(80.0);
    for (l, line) in lines.iter().enumerate().filter(|(_, line)| line.weld != Weld::Apart) {
        for (s, w) in line.points.windows(2).enumerate() {
            cells.put_segment(w[0], w[1], segments.len() as u32);
            segments.push((l as u32, s as u32));
        }
    }
    (segments, cells)
}

fn ends_of(lines: &[Line], (l, s): Segment) -> (P, P) {
    let points = &lines[l as usize].points;
    (points[s as usize], points[s as usize + 1])
}

fn tie_ends(lines: &mut [Line], segments: &[Segment], cells: &Cells, cuts: &mut [Vec<Cut>]) {
    for l in 0..lines.len() {
        if !matches!(lines[l].weld, Weld::Ground | Weld::Ends) {
            continue;
        }
        for last in [false, true] {
            let end = if last { lines[l].points[lines[l].points.len() - 1] } else { lines[l].points[0] };
            let mut best: Option<(f64, u32, f64, P)> = None;
            cells.near(end, TIE_M, |id| {
                let (m, _) = segments[id as usize];
                let target = &lines[m as usize];
                let may = match lines[l].weld {
                    Weld::Ends => matches!(target.weld, Weld::Ground | Weld::Above),
                    _ => target.weld == Weld::Ground,
                };
                if m as usize == l || !may {
                    return;
                }
                let (a, b) = ends_of(lines, segments[id as usize]);
                let (t, at, d) = project(end, a, b);
                if d <= TIE_M && best.is_none_or(|(bd, bid, ..)| (d, id) < (bd, bid)) {
                    best = Some((d, id, t, at));
                }
            });
            let Some((_, id, t, at)) = best else { continue };
            let (m, s) = segments[id as usize];
            let ground = lines[m as usize].weld == Weld::Ground;
            cuts[m as usize].push(Cut { segment: s as usize, t, at, ground });
            let n = lines[l].points.len();
            let (k, segment, own_t) = if last { (n - 1, n - 2, 1.0) } else { (0, 0, 0.0) };
            lines[l].points[k] = at;
            cuts[l].push(Cut { segment, t: own_t, at, ground });
        }
    }
}

fn cross(lines: &[Line], segments: &[Segment], cells: &Cells, cuts: &mut [Vec<Cut>]) {
    for (id, segment) in segments.iter().enumerate() {
        let (l, s) = (segment.0 as usize, segment.1 as usize);
        if lines[l].weld != Weld::Ground {
            continue;
        }
        let (a, b) = ends_of(lines, *segment);
        let middle = a.mix(b, 0.5);
        let mut others = Vec::new();
        cells.near(middle, a.to(b) / 2.0 + 1.0, |other| {
            if other as usize > id {
                others.push(other);
            }
        });
        others.sort_unstable();
        others.dedup();
        for other in others {
            let (m, q) = segments[other as usize];
            let (m, q) = (m as usize, q as usize);
            if lines[m].weld != Weld::Ground || (m == l && q.abs_diff(s) < 2) {
                continue;
            }
            let (c, d) = ends_of(lines, segments[other as usize]);
            if let Some((t, u)) = meet(a, b, c, d) {
                let at = a.mix(b, t);
                cuts[l].push(Cut { segment: s, t, at, ground: true });
                cuts[m].push(Cut { segment: q, t: u, at, ground: true });
            }
        }
    }
}

/// Nodes that may be found again by nearness, one index for each level, so that a ramp above never touches a lane
/// below.
struct NodeBook {
    nodes: Vec<P>,
    cells: [Cells; 2],
}

impl NodeBook {
    fn fresh(&mut self, at: P) -> u32 {
        self.nodes.push(at);
        self.nodes.len() as u32 - 1
    }
    fn junction(&mut self, at: P, ground: bool) -> u32 {
        let mut best: Option<(f64, u32)> = None;
        let nodes = &self.nodes;
        self.cells[usize::from(ground)].near(at, MERGE_M, |id| {
            let d = nodes[id as usize].to(at);
            if d <= MERGE_M && best.is_none_or(|b| (d, id) < b) {
                best = Some((d, id));
            }
        });
        if let Some((_, id)) = best {
            return id;
        }
        let id = self.fresh(at);
        self.cells[usize::from(ground)].put(at, id);
        id
    }
}

/// A point of a line on its way to become a node.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A junction; on the ground or above it.
    Junction(bool),
    /// An end that meets nothing.
    End,
    /// A bend.
    Bend,
}

fn join(lines: &[Line], cuts: &[Vec<Cut>]) -> Web {
    let mut book = NodeBook { nodes: Vec::new(), cells: [Cells::new(20.0), Cells::new(20.0)] };
    let mut roads = Vec::new();
    for (l, line) in lines.iter().enumerate() {
        let mut nodes: Vec<u32> = Vec::new();
        for (at, kind) in stations(line, &cuts[l]) {
            let id = match kind {
                Kind::Junction(ground) => book.junction(at, ground),
                Kind::End if line.weld != Weld::Apart => book.junction(at, line.weld == Weld::Ground),
                Kind::End | Kind::Bend => book.fresh(at),
            };
            if nodes.last() != Some(&id) {
                nodes.push(id);
            }
        }
        if nodes.len() >= 2 {
            roads.push(Road { line: l, nodes });
        }
    }
    Web { nodes: book.nodes, roads }
}

/// The points of a line in order: its cuts, its ends, and the bends that are not too near to one of those.
fn stations(line: &Line, cuts: &[Cut]) -> Vec<(P, Kind)> {
    let last = line.points.len() - 1;
    let mut all: Vec<(usize, f64, P, Kind)> = Vec::with_capacity(cuts.len() + last + 1);
    for cut in cuts {
        let (s, t) = if cut.t >= 1.0 - 1e-9 { (cut.segment + 1, 0.0) } else { (cut.segment, cut.t) };
        all.push((s, t, cut.at, Kind::Junction(cut.ground)));
    }
    let cut_at = |s: usize| all.iter().any(|e| e.0 == s && e.1 <= 1e-9);
    let bare: Vec<usize> = (0..=last).filter(|s| !cut_at(*s)).collect();
    for s in bare {
        let kind = if s == 0 || s == last { Kind::End } else { Kind::Bend };
        all.push((s, 0.0, line.points[s], kind));
    }
    all.sort_by(|a, b| (a.0, a.1).partial_cmp(&(b.0, b.1)).expect("parameters are numbers"));
    let mut out: Vec<(P, Kind)> = Vec::with_capacity(all.len());
    for (i, (_, _, at, kind)) in all.iter().enumerate() {
        if *kind == Kind::Bend {
            let near_next = all.get(i + 1).is_some_and(|n| n.3 != Kind::Bend && n.2.to(*at) < SHAPE_MIN_M);
            if near_next || out.last().is_some_and(|l| l.0.to(*at) < SHAPE_MIN_M) {
                continue;
            }
        }
        out.push((*at, *kind));
    }
    out
}

/// Two roads over the same pair of nodes: the lesser one goes; so do loops of one node.
fn drop_doubles(lines: &[Line], web: &mut Web) {
    let mut best: BTreeMap<(u32, u32), (Class, usize)> = BTreeMap::new();
    for (r, road) in web.roads.iter().enumerate() {
        for w in road.nodes.windows(2) {
            let key = (w[0].min(w[1]), w[0].max(w[1]));
            let mine = (lines[road.line].class, r);
            let entry = best.entry(key).or_insert(mine);
            *entry = (*entry).min(mine);
        }
    }
    split_roads(web, |r, a, b| a != b && best[&(a.min(b), a.max(b))].1 == r);
}

/// Keeps only the pieces for which `keep(road, from, to)` holds.
fn split_roads(web: &mut Web, mut keep: impl FnMut(usize, u32, u32) -> bool) {
    let mut out = Vec::with_capacity(web.roads.len());
    for (r, road) in web.roads.iter().enumerate() {
        let mut run: Vec<u32> = vec![road.nodes[0]];
        for w in road.nodes.windows(2) {
            if keep(r, w[0], w[1]) {
                run.push(w[1]);
            } else {
                let done = std::mem::replace(&mut run, vec![w[1]]);
                if done.len() >= 2 {
                    out.push(Road { line: road.line, nodes: done });
                }
            }
        }
        if run.len() >= 2 {
            out.push(Road { line: road.line, nodes: run });
        }
    }
    web.roads = out;
}

/// Disjoint sets with path halving.
#[derive(Clone, Debug)]
pub(crate) struct Sets(Vec<u32>);

impl Sets {
    pub(crate) fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }
    pub(crate) fn find(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            self.0[i as usize] = self.0[self.0[i as usize] as usize];
            i = self.0[i as usize];
        }
        i
    }
    /// Joins two sets; false if they were one already.
    pub(crate) fn join(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b) as usize] = a.min(b);
        a != b
    }
}

/// What is apart from the rest by intent (a road being built) stays.
fn keep_largest(lines: &[Line], web: &mut Web) {
    let mut sets = Sets::new(web.nodes.len());
    for road in &web.roads {
        for w in road.nodes.windows(2) {
            sets.join(w[0], w[1]);
        }
    }
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    for road in &web.roads {
        *sizes.entry(sets.find(road.nodes[0])).or_default() += road.nodes.len();
    }
    let largest =
        sizes.iter().max_by_key(|(root, n)| (**n, std::cmp::Reverse(**root))).map(|(root, _)| *root);
    web.roads
        .retain(|road| lines[road.line].weld == Weld::Apart || Some(sets.find(road.nodes[0])) == largest);
}

/// How many road pieces meet at each node.
pub(crate) fn degrees(web: &Web) -> Vec<u32> {
    let mut degree = vec![0u32; web.nodes.len()];
    for road in &web.roads {
        for w in road.nodes.windows(2) {
            degree[w[0] as usize] += 1;
            degree[w[1] as usize] += 1;
        }
    }
    degree
}

fn trim_stubs(web: &mut Web) {
    let degree = degrees(web);
    let nodes = &web.nodes;
    for road in &mut web.roads {
        for _ in 0..2 {
            // Length from this end to the first junction on the road.
            let mut run = 0.0;
            let mut k = 0;
            if degree[road.nodes[0] as usize] == 1 {
                while k + 1 < road.nodes.len() && (k == 0 || degree[road.nodes[k] as usize] == 2) {
                    run += nodes[road.nodes[k] as usize].to(nodes[road.nodes[k + 1] as usize]);
                    k += 1;
                }
                if run < STUB_M && degree[road.nodes[k] as usize] > 2 {
                    road.nodes.drain(..k);
                }
            }
            road.nodes.reverse();
        }
    }
    web.roads.retain(|road| road.nodes.len() >= 2);
}

/// Renumbers so that only used nodes remain, in the order of use.
fn compact(web: &mut Web) {
    let mut number = vec![u32::MAX; web.nodes.len()];
    let mut nodes = Vec::new();
    for road in &mut web.roads {
        for node in &mut road.nodes {
            if number[*node as usize] == u32::MAX {
                number[*node as usize] = nodes.len() as u32;
                nodes.push(web.nodes[*node as usize]);
            }
            *node = number[*node as usize];
        }
    }
    web.nodes = nodes;
}

#[cfg(test)]
mod tests {
    use super::super::plane::p;
    use super::*;

    fn line(points: &[(f64, f64)], weld: Weld) -> Line {
        let mut line =
            Line::new(points.iter().map(|(x, y)| p(*x, *y)).collect(), Class::Residential, Zone::Village);
        line.weld = weld;
        line
    }

    #[test]
    fn a_crossing_becomes_one_junction() {
        let mut lines =
            vec![line(&[(-90., 0.), (90., 0.)], Weld::Ground), line(&[(0., -90.), (0., 90.)], Weld::Ground)];
        let web = weave(&mut lines);
        let mut degree = degrees(&web);
        degree.sort_unstable();
        assert_eq!(degree, [1, 1, 1, 1, 4]);
    }

    #[test]
    fn an_end_near_a_road_is_tied_to_it() {
        let mut lines =
            vec![line(&[(-90., 0.), (90., 0.)], Weld::Ground), line(&[(5., 4.), (5., 90.)], Weld::Ground)];
        let web = weave(&mut lines);
        assert_eq!(*degrees(&web).iter().max().unwrap(), 3);
        assert_eq!(web.nodes.len(), 4);
    }

    #[test]
    fn an_expressway_is_crossed_below_and_joined_by_ramps_only() {
        let mut lines = vec![
            line(&[(-90., 0.), (90., 0.)], Weld::Above),
            line(&[(0., -90.), (0., 90.)], Weld::Ground),
            line(&[(-60., 0.), (0., -60.)], Weld::Ends),
        ];
        let web = weave(&mut lines);
        let degree = degrees(&web);
        assert_eq!(degree.iter().filter(|d| **d == 3).count(), 2, "two ends of the ramp");
        assert!(degree.iter().all(|d| *d < 4), "no crossing at grade");
    }

    #[test]
    fn what_lies_apart_is_dropped() {
        let mut lines = vec![
            line(&[(-90., 0.), (0., 0.), (90., 0.)], Weld::Ground),
            line(&[(500., 500.), (600., 500.)], Weld::Ground),
        ];
        let web = weave(&mut lines);
        assert_eq!(web.roads.len(), 1);
    }
}
