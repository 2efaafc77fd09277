//! Roads between settlements: which pairs are joined (relative neighbourhoods, with some of the Gabriel graph between
//! them), how the joining roads wind, and which of them grew into township roads.

use super::corridors::Corridor;
use super::dice::Dice;
use super::facts::{CorridorClass, CountyFacts, SiteKind};
use super::plane::{P, Plane, along, length, meet, nearest_on, p, rounded, simplified, winding};
use super::settlements::{Place, Rank};
use super::web::{Class, Line, Sets, Zone};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a vertex of the plan of links stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// A point on a corridor.
    Corridor(usize),
    /// A street corner at the edge of a town.
    Door(usize),
    /// A settlement's middle.
    Place(usize),
}

/// Farthest pair considered, except to join what is left apart.
const REACH_M: f64 = 3_600.0;
/// Corridor points for links to start from.
const CORRIDOR_STEP_M: f64 = 650.0;

/// A road between two vertices, or a way along what is there already.
#[derive(Clone, Copy, Debug)]
struct Edge {
    a: usize,
    b: usize,
    cost: f64,
    /// Index among drawn links, if it is to be drawn.
    link: Option<usize>,
}

/// Draws the links, and the field tracks beside them.
pub(crate) fn draw(
    facts: &CountyFacts,
    plane: &Plane,
    corridors: &[Corridor],
    places: &[Place],
    doors: &[Vec<P>],
    streams: &[Vec<P>],
    seed: u64,
) -> Vec<Line> {
    let mut dice = Dice::new(seed, "links");
    let vertices = vertices(corridors, places, doors);
    let mut edges = standing(&vertices, corridors, places);
    let mut sets = Sets::new(vertices.len());
    for e in &edges {
        sets.join(e.a as u32, e.b as u32);
    }
    let pairs = choose(&vertices, corridors, streams, &mut sets, &mut dice);
    for (link, (a, b)) in pairs.iter().enumerate() {
        edges.push(Edge { a: *a, b: *b, cost: vertices[*a].0.to(vertices[*b].0) * 1.1, link: Some(link) });
    }
    let grown = promote(facts, plane, &vertices, places, &edges, pairs.len());
    let name_of = |v: usize| match vertices[v].1 {
        Stand::Place(i) | Stand::Door(i) => {
            places[i].site.and_then(|s| facts.sites[s].name_zh.chars().next()).map(|c| c.to_string())
        }
        Stand::Corridor(_) => None,
    };
    let mut lines: Vec<Line> = Vec::with_capacity(pairs.len());
    for (link, (a, b)) in pairs.iter().enumerate() {
        let (from, to) = (vertices[*a].0, vertices[*b].0);
        let apart = from.to(to);
        // Roads of thinly settled country wind more: it is hilly or they follow water.
        let sway = dice.between(0.05, 0.10) + 0.05 * ((apart - 900.0) / 1_500.0).clamp(0.0, 1.0);
        let points = simplified(&rounded(&winding(from, to, 95.0, sway, &mut dice)), 0.9);
        let (class, narrow) = match grown[link] {
            Growth::Township(_) => (Class::Tertiary, false),
            Growth::Village => (Class::Unclassified, dice.chance(0.35)),
            Growth::Spare if dice.chance(0.3) => (Class::Track, true),
            Growth::Spare => (Class::Unclassified, true),
        };
        let mut line = Line::new(points, class, Zone::Country);
        line.narrow = narrow;
        if let Growth::Township(named) = &grown[link] {
            line.name = match (named, name_of(*a), name_of(*b)) {
                (Some(name), ..) => name.clone(),
                (None, Some(x), Some(y)) => (format!("{x}{y}线"), String::new()),
                _ => line.name,
            };
        }
        lines.push(line);
    }
    lines.extend(tracks(places, &mut dice));
    lines
}

fn vertices(corridors: &[Corridor], places: &[Place], doors: &[Vec<P>]) -> Vec<(P, Stand)> {
    let mut out: Vec<(P, Stand)> = Vec::new();
    let in_town = |q: P| {
        places.iter().any(|t| {
            matches!(t.rank, Rank::City | Rank::Town) && t.inside.is_none() && t.at.to(q) < 0.8 * t.radius
        })
    };
    for (c, corridor) in corridors.iter().enumerate().filter(|(_, c)| c.on_ground()) {
        let total = length(&corridor.middle);
        // A settlement beside the road wants its turn-off where it is nearest.
        let mut marks: Vec<f64> = places
            .iter()
            .filter(|q| q.inside.is_none() && !matches!(q.rank, Rank::City | Rank::Town))
            .map(|q| nearest_on(&corridor.middle, q.at))
            .filter(|n| n.2 < 900.0)
            .map(|n| n.0)
            .collect();
        marks.sort_by(f64::total_cmp);
        let mut kept: Vec<f64> = Vec::new();
        for m in marks {
            if kept.last().is_none_or(|k| m - k > 160.0) {
                kept.push(m);
            }
        }
        let steps = (total / CORRIDOR_STEP_M).ceil() as usize;
        for k in 0..=steps {
            let m = total * k as f64 / steps.max(1) as f64;
            if kept.iter().all(|o| (o - m).abs() > 300.0) {
                kept.push(m);
            }
        }
        kept.sort_by(f64::total_cmp);
        out.extend(
            kept.into_iter()
                .map(|m| along(&corridor.middle, m).0)
                .filter(|q| !in_town(*q))
                .map(|q| (q, Stand::Corridor(c))),
        );
    }
    // A far gateway has a corridor of its own; without corridors it is joined as a village is.
    let led = |q: &Place| {
        q.rank == Rank::Yard && corridors.iter().any(|c| c.open && nearest_on(&c.middle, q.at).2 < 5.0)
    };
    for (i, place) in places.iter().enumerate().filter(|(_, q)| q.inside.is_none() && !led(q)) {
        out.extend(doors[i].iter().map(|d| (*d, Stand::Door(i))));
        out.push((place.at, Stand::Place(i)));
    }
    out
}

/// Ways that exist before any link: along corridors, across their crossings, through towns.
fn standing(vertices: &[(P, Stand)], corridors: &[Corridor], places: &[Place]) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut add = |a: usize, b: usize, factor: f64| {
        let cost = vertices[a].0.to(vertices[b].0) * factor;
        edges.push(Edge { a, b, cost, link: None });
    };
    let of = |stand: Stand| (0..vertices.len()).filter(move |v| vertices[*v].1 == stand);
    for c in 0..corridors.len() {
        let own: Vec<usize> = of(Stand::Corridor(c)).collect();
        for w in own.windows(2) {
            add(w[0], w[1], 0.55);
        }
        for d in (c + 1)..corridors.len() {
            let crossing = corridors[c].middle.windows(2).find_map(|w| {
                corridors[d]
                    .middle
                    .windows(2)
                    .find_map(|v| meet(w[0], w[1], v[0], v[1]).map(|(t, _)| w[0].mix(w[1], t)))
            });
            let Some(at) = crossing else { continue };
            let near = |list: &[usize]| {
                list.iter().copied().min_by(|a, b| vertices[*a].0.to(at).total_cmp(&vertices[*b].0.to(at)))
            };
            let other: Vec<usize> = of(Stand::Corridor(d)).collect();
            if let (Some(a), Some(b)) = (near(&own), near(&other)) {
                add(a, b, 0.8);
            }
        }
        // A corridor through a town meets the town's streets.
        for (i, town) in places.iter().enumerate() {
            if !matches!(town.rank, Rank::City | Rank::Town) || town.inside.is_some() || own.is_empty() {
                continue;
            }
            if nearest_on(&corridors[c].middle, town.at).2 < 0.6 * town.radius {
                let middle = of(Stand::Place(i)).next().expect("every place outside towns has a vertex");
                let mut by_distance = own.clone();
                by_distance.sort_by(|a, b| vertices[*a].0.to(town.at).total_cmp(&vertices[*b].0.to(town.at)));
                by_distance.iter().take(2).for_each(|v| add(*v, middle, 0.6));
            }
        }
    }
    for i in 0..places.len() {
        if let Some(middle) = of(Stand::Place(i)).next() {
            of(Stand::Door(i)).for_each(|d| add(d, middle, 0.8));
        }
    }
    edges
}

/// The pairs to join.
fn choose(
    vertices: &[(P, Stand)],
    corridors: &[Corridor],
    streams: &[Vec<P>],
    sets: &mut Sets,
    dice: &mut Dice,
) -> Vec<(usize, usize)> {
    let crosses = |a: P, b: P, line: &[P]| line.windows(2).any(|w| meet(a, b, w[0], w[1]).is_some());
    let blocked = |a: P, b: P| {
        streams.iter().any(|s| crosses(a, b, s))
            || corridors.iter().any(|c| c.class == CorridorClass::Expressway && crosses(a, b, &c.middle))
    };
    let near: Vec<Vec<(f64, usize)>> = (0..vertices.len())
        .map(|v| {
            let mut list: Vec<(f64, usize)> = (0..vertices.len())
                .filter(|u| *u != v)
                .map(|u| (vertices[u].0.to(vertices[v].0), u))
                .filter(|n| n.0 < REACH_M)
                .collect();
            list.sort_by(|a, b| a.partial_cmp(b).expect("distances are numbers"));
            list
        })
        .collect();
    let has_doors: Vec<bool> = vertices
        .iter()
        .map(|v| matches!(v.1, Stand::Place(i) if vertices.iter().any(|w| w.1 == Stand::Door(i))))
        .collect();
    let mut pairs = Vec::new();
    for v in 0..vertices.len() {
        for (d, u) in near[v].iter().filter(|n| n.1 > v) {
            let (d, u) = (*d, *u);
            let both = (vertices[v].1, vertices[u].1);
            let draws = match both {
                (Stand::Place(_), _) | (_, Stand::Place(_)) => d > 12.0,
                _ => false,
            };
            // A town's middle is reached through its doors.
            if !draws || has_doors[v] || has_doors[u] {
                continue;
            }
            let closer = near[v].iter().take_while(|n| n.0 < d);
            let mut relative = true;
            let mut gabriel = true;
            for (dw, w) in closer {
                let other = vertices[*w].0.to(vertices[u].0);
                relative &= other >= d;
                gabriel &= dw * dw + other * other >= d * d;
            }
            let extra = gabriel && !relative && dice.chance(0.42) && !blocked(vertices[v].0, vertices[u].0);
            if relative || extra {
                pairs.push((v, u));
                sets.join(v as u32, u as u32);
            }
        }
    }
    join_rest(vertices, sets, &mut pairs);
    pairs
}

/// Joins what is still apart by the shortest roads (Kruskal over all pairs).
fn join_rest(vertices: &[(P, Stand)], sets: &mut Sets, pairs: &mut Vec<(usize, usize)>) {
    loop {
        let group: Vec<u32> = (0..vertices.len() as u32).map(|v| sets.find(v)).collect();
        let mut best: Option<(f64, usize, usize)> = None;
        for u in (0..vertices.len()).filter(|u| group[*u] != group[0]) {
            for v in (0..vertices.len()).filter(|v| group[*v] == group[0]) {
                let d = vertices[u].0.to(vertices[v].0);
                if best.is_none_or(|b| d < b.0) {
                    best = Some((d, v, u));
                }
            }
        }
        let Some((_, v, u)) = best else { return };
        sets.join(v as u32, u as u32);
        pairs.push((v, u));
    }
}

/// What a link grew into.
#[derive(Clone, Debug)]
enum Growth {
    /// 乡道, with its name if the skeleton knows one.
    Township(Option<(String, String)>),
    /// 村道 that some village uses to reach its township.
    Village,
    /// Nobody's way to town.
    Spare,
}

/// From how many villages' ways on a link is a township road.
const TOWNSHIP_FROM: usize = 3;

fn promote(
    facts: &CountyFacts,
    plane: &Plane,
    vertices: &[(P, Stand)],
    places: &[Place],
    edges: &[Edge],
    links: usize,
) -> Vec<Growth> {
    let mut arcs: Vec<Vec<usize>> = vec![Vec::new(); vertices.len()];
    for (e, edge) in edges.iter().enumerate() {
        arcs[edge.a].push(e);
        arcs[edge.b].push(e);
    }
    let vertex_of_place = |i: usize| {
        let home = places[i].inside.unwrap_or(i);
        (0..vertices.len()).find(|v| vertices[*v].1 == Stand::Place(home))
    };
    let mut uses = vec![0usize; links];
    for (i, station) in places.iter().enumerate() {
        let Some(site) = station.site.filter(|s| facts.sites[*s].kind == SiteKind::Station) else { continue };
        let Some(root) = vertex_of_place(i) else { continue };
        let back = shortest(vertices.len(), edges, &arcs, root);
        for (k, village) in places.iter().enumerate() {
            let is_child = village.site.is_some_and(|s| facts.sites[s].parent == Some(site));
            if let (true, Some(v)) = (is_child, vertex_of_place(k)) {
                walk(v, &back, edges, |e| uses[e] += 1);
            }
        }
        // The township's own way to the hub is never a mere village road.
        let hub = places.iter().position(|q| q.rank == Rank::City).and_then(vertex_of_place);
        if let Some(v) = hub {
            walk(v, &back, edges, |e| uses[e] += TOWNSHIP_FROM);
        }
    }
    let mut growth: Vec<Growth> = uses
        .iter()
        .map(|n| match *n {
            0 => Growth::Spare,
            n if n < TOWNSHIP_FROM => Growth::Village,
            _ => Growth::Township(None),
        })
        .collect();
    for link in facts.corridors.iter().filter(|c| c.open && c.class == CorridorClass::InferredLink) {
        for pair in link.line.windows(2) {
            let nearest = |q: P| {
                (0..vertices.len()).min_by(|a, b| vertices[*a].0.to(q).total_cmp(&vertices[*b].0.to(q)))
            };
            let (Some(a), Some(b)) = (nearest(plane.metres(pair[0])), nearest(plane.metres(pair[1]))) else {
                continue;
            };
            let back = shortest(vertices.len(), edges, &arcs, a);
            walk(b, &back, edges, |e| {
                growth[e] = Growth::Township(Some((link.name_zh.clone(), link.name_en.clone())));
            });
        }
    }
    growth
}

/// Plain Dijkstra: for every vertex the edge by which it is reached.
fn shortest(n: usize, edges: &[Edge], arcs: &[Vec<usize>], root: usize) -> Vec<Option<usize>> {
    let mut best = vec![u64::MAX; n];
    let mut by = vec![None; n];
    let mut queue = BinaryHeap::from([(Reverse(0u64), root)]);
    best[root] = 0;
    while let Some((Reverse(d), v)) = queue.pop() {
        if d > best[v] {
            continue;
        }
        for e in &arcs[v] {
            let edge = &edges[*e];
            let u = if edge.a == v { edge.b } else { edge.a };
            let there = d + (edge.cost * 1_000.0) as u64 + 1;
            if there < best[u] {
                best[u] = there;
                by[u] = Some(*e);
                queue.push((Reverse(there), u));
            }
        }
    }
    by
}

fn walk(from: usize, by: &[Option<usize>], edges: &[Edge], mut on_link: impl FnMut(usize)) {
    let mut v = from;
    while let Some(e) = by[v] {
        if let Some(link) = edges[e].link {
            on_link(link);
        }
        v = if edges[e].a == v { edges[e].b } else { edges[e].a };
    }
}

/// Field tracks from the edge of villages outwards; where they meet a road they join it.
fn tracks(places: &[Place], dice: &mut Dice) -> Vec<Line> {
    let mut out = Vec::new();
    for place in
        places.iter().filter(|q| matches!(q.rank, Rank::Village | Rank::Hamlet) && q.inside.is_none())
    {
        for _ in 0..2 {
            if !dice.chance(0.55) {
                continue;
            }
            let angle = dice.between(0.0, std::f64::consts::TAU);
            let heading = p(angle.cos(), angle.sin());
            let from = place.at.plus(heading.times(place.radius * 0.6));
            let to = place.at.plus(heading.times(place.radius + dice.between(150.0, 700.0)));
            let points = simplified(&rounded(&winding(from, to, 90.0, 0.12, dice)), 1.0);
            let mut line = Line::new(points, Class::Track, Zone::Country);
            line.narrow = true;
            out.push(line);
        }
    }
    out
}

/// Streams that wander across the county.
pub(crate) fn streams(count: usize, places: &[Place], seed: u64) -> Vec<Vec<P>> {
    let mut dice = Dice::new(seed, "streams");
    let own: Vec<P> =
        places.iter().filter(|q| q.site.is_some() && q.rank != Rank::Yard).map(|q| q.at).collect();
    let low = own.iter().fold(p(f64::INFINITY, f64::INFINITY), |m, q| p(m.x.min(q.x), m.y.min(q.y)));
    let high = own.iter().fold(p(f64::NEG_INFINITY, f64::NEG_INFINITY), |m, q| p(m.x.max(q.x), m.y.max(q.y)));
    let middle = low.mix(high, 0.5);
    let half = low.to(high) / 2.0 + 1_500.0;
    let slope = dice.between(0.0, std::f64::consts::TAU);
    let flow = p(slope.cos(), slope.sin());
    (0..count)
        .map(|k| {
            let aside = ((k as f64 + 0.5) / count as f64 - 0.5) * 0.75 * half + dice.signed() * 0.05 * half;
            let centre = middle.plus(flow.left().times(aside));
            let ends = (centre.plus(flow.times(-half)), centre.plus(flow.times(half)));
            simplified(&rounded(&winding(ends.0, ends.1, 170.0, 0.15, &mut dice)), 3.0)
        })
        .collect()
}
