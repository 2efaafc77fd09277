//! A county's plausible road network, made from few facts: places to join and main corridors.
//!
//! Where no surveyed network is at hand, planning still needs roads that behave like roads: that wind, meet, have
//! classes, surfaces, banned turns and weak bridges. The generator draws the known corridors, sows natural villages
//! between the known ones, gives every settlement streets, joins neighbours by relative neighbourhoods (Toussaint,
//! 1980) with a share of the Gabriel graph (Gabriel and Sokal, 1969), lets links that serve several villages grow into
//! township roads, and furnishes the whole with bridges, barriers, signals and banned turns, none of which cuts a site
//! off. Every way says that it is synthetic.
//!
//! It knows no county: places, corridors and settings come from the county's directory. Same facts and seed, same
//! bytes.

mod corridors;
mod dice;
mod elements;
mod facts;
mod furnish;
mod links;
mod pbf;
mod plane;
mod settlements;
mod web;

#[cfg(test)]
mod tests;

pub use facts::{
    CORRIDOR_POINTS_MAX, CorridorClass, CorridorFact, CountyFacts, EXTENT_MAX_DEG, ROWS_MAX, SiteFact,
    SiteKind,
};

use plane::{P, Plane};
use serde::Serialize;
use settlements::{Drawn, Place, Rank};
use std::collections::BTreeMap;
use std::io::{self, Write};
use web::{Class, Line, Web, Zone};
use xiangyun_model::geo::LonLat;

/// Program name in the file's header.
const PROGRAM: &str = concat!("xiangyun roads synthesize ", env!("CARGO_PKG_VERSION"));
/// A site farther than this from any street gets a way of its own.
const DRIVEWAY_FROM_M: f64 = 18.0;
/// Farthest street that a driveway leads to.
const DRIVEWAY_MAX_M: f64 = 1_500.0;

/// A finished network.
pub struct Synthesis {
    elements: elements::Elements,
    source: String,
    report: Report,
}

/// What was made.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// OSM nodes, shape points included.
    pub nodes: u64,
    /// Nodes where three or more road pieces meet.
    pub junctions: u64,
    /// OSM ways.
    pub ways: u64,
    /// Turn restrictions.
    pub restrictions: u64,
    /// Bridges and underpasses with their own tags.
    pub bridges: u64,
    /// Barriers and narrow gates.
    pub barriers: u64,
    /// Settlements with streets, those without a site included.
    pub settlements: u64,
    /// Kilometres by `highway` value.
    pub km: BTreeMap<String, f64>,
    /// Metres from the worst-placed site to its nearest road node.
    pub site_to_road_max_m: f64,
    /// Seed used.
    pub seed: u64,
}

/// The seed of a county when none is given: its code, so that each county has a network of its own.
#[must_use]
pub fn default_seed(facts: &CountyFacts) -> u64 {
    dice::Dice::new(2018, &facts.code).next()
}

/// Makes the network of a county.
#[must_use]
pub fn synthesize(facts: &CountyFacts, seed: u64) -> Synthesis {
    let plane = Plane::about(middle(facts));
    let corridors = corridors::draw(facts, &plane, seed);
    let places = settlements::found(facts, &plane, &corridors, seed);
    let streams = links::streams(facts.streams, &places, seed);
    let mut lines = corridors::lines(&corridors);
    let mut drawn = Drawn::of(corridors.iter().filter(|c| c.on_ground()).map(|c| c.middle.as_slice()));
    let fenced = Drawn::of(
        corridors.iter().filter(|c| c.class == CorridorClass::Expressway).map(|c| c.middle.as_slice()),
    );
    // Towns first: country roads lead to their doors. Villages last: their lanes follow the road that came.
    let mut doors: Vec<Vec<P>> = vec![Vec::new(); places.len()];
    let is_town = |q: &Place| matches!(q.rank, Rank::City | Rank::Town) && q.inside.is_none();
    for (i, place) in places.iter().enumerate().filter(|(_, q)| is_town(q)) {
        let streets = settlements::streets(place, &drawn, &fenced, seed, i);
        streets.lines.iter().for_each(|l| drawn.add(&l.points));
        lines.extend(streets.lines);
        doors[i] = streets.doors;
    }
    let links = links::draw(facts, &plane, &corridors, &places, &doors, &streams, seed);
    links.iter().for_each(|l| drawn.add(&l.points));
    lines.extend(links);
    for (i, place) in places.iter().enumerate() {
        if place.inside.is_none() && matches!(place.rank, Rank::Village | Rank::Hamlet) {
            let streets = settlements::streets(place, &drawn, &fenced, seed, i);
            streets.lines.iter().for_each(|l| drawn.add(&l.points));
            lines.extend(streets.lines);
        }
    }
    driveways(facts, &plane, &mut drawn, &mut lines);
    furnish::mark_crossings(&mut lines, &streams);
    let web = web::weave(&mut lines);
    let (sites, worst) = sites_on(facts, &plane, &web, &lines);
    let furniture = furnish::furnish(&web, &mut lines, &streams, &sites, seed);
    let elements = elements::build(facts, &plane, &web, &lines, &furniture, &streams, seed);
    let report = Report {
        nodes: elements.nodes.len() as u64,
        junctions: web::degrees(&web).iter().filter(|d| **d > 2).count() as u64,
        ways: elements.ways.len() as u64,
        restrictions: elements.relations.len() as u64,
        bridges: furniture.pieces.len() as u64,
        barriers: furniture
            .nodes
            .values()
            .filter(|tags| tags.iter().any(|t| t.0 == "barrier" || t.0 == "traffic_calming"))
            .count() as u64,
        settlements: places.iter().filter(|q| q.inside.is_none() && q.rank != Rank::Yard).count() as u64,
        km: elements.metres.iter().map(|(k, m)| (k.clone(), (m / 100.0).round() / 10.0)).collect(),
        site_to_road_max_m: worst,
        seed,
    };
    let source = format!("synthetic network of county {}; not surveyed", facts.code);
    Synthesis { elements, source, report }
}

impl Synthesis {
    /// What was made.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes the network as OSM PBF. Same facts and seed: same bytes.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_pbf(&self, out: &mut impl Write) -> io::Result<()> {
        let e = &self.elements;
        pbf::write_file(out, PROGRAM, &self.source, &e.nodes, &e.ways, &e.relations)
    }
}

/// Middle of the sites other than gateways.
fn middle(facts: &CountyFacts) -> LonLat {
    let own: Vec<LonLat> =
        facts.sites.iter().filter(|s| s.kind != SiteKind::Gateway).map(|s| s.place).collect();
    let n = own.len().max(1) as f64;
    LonLat {
        lon: own.iter().map(|q| q.lon).sum::<f64>() / n,
        lat: own.iter().map(|q| q.lat).sum::<f64>() / n,
    }
}

/// A service way for each site that no street passes.
fn driveways(facts: &CountyFacts, plane: &Plane, drawn: &mut Drawn, lines: &mut Vec<Line>) {
    for site in &facts.sites {
        let at = plane.metres(site.place);
        let Some((road, distance)) = drawn.nearest(at, DRIVEWAY_MAX_M) else { continue };
        if distance > DRIVEWAY_FROM_M {
            let points = vec![at, road];
            drawn.add(&points);
            lines.push(Line::new(points, Class::Service, Zone::Country));
        }
    }
}

/// Each site's kind, nearest node of a road that every vehicle may use, and parent; and the largest distance.
fn sites_on(
    facts: &CountyFacts,
    plane: &Plane,
    web: &Web,
    lines: &[Line],
) -> (Vec<(SiteKind, u32, Option<usize>)>, f64) {
    let mut cells = plane::Cells::new(150.0);
    let mut usable = vec![false; web.nodes.len()];
    for road in &web.roads {
        let class = lines[road.line].class;
        if !matches!(class, Class::Motorway | Class::MotorwayLink | Class::Construction | Class::Track) {
            road.nodes.iter().for_each(|n| usable[*n as usize] = true);
        }
    }
    for (i, at) in web.nodes.iter().enumerate().filter(|(i, _)| usable[*i]) {
        cells.put(*at, i as u32);
    }
    let mut worst: f64 = 0.0;
    let sites = facts
        .sites
        .iter()
        .map(|site| {
            let at = plane.metres(site.place);
            let mut best: Option<(f64, u32)> = None;
            let mut reach = 150.0;
            while best.is_none_or(|b| b.0 > reach) && reach < 400_000.0 {
                cells.near(at, reach, |i| {
                    let d = web.nodes[i as usize].to(at);
                    if best.is_none_or(|b| (d, i) < b) {
                        best = Some((d, i));
                    }
                });
                reach *= 2.0;
            }
            let (distance, node) = best.unwrap_or((f64::INFINITY, 0));
            if site.kind != SiteKind::Gateway {
                worst = worst.max(distance);
            }
            (site.kind, node, site.parent)
        })
        .collect();
    (sites, worst)
}
