//! The finished network as OpenStreetMap elements: tags by class, ways cut where their tags change or a turn is
//! banned, everything marked as synthetic.

use super::dice::Dice;
use super::facts::{CountyFacts, SiteKind};
use super::furnish::{Furniture, PieceLook};
use super::pbf::{MemberKind, OutNode, OutRelation, OutWay, Tags};
use super::plane::{P, Plane};
use super::web::{Class, Line, Web, Weld, Zone};
use std::collections::{BTreeMap, BTreeSet};

/// Tag that marks every element of ours.
pub(crate) const SOURCE: &str = "synthetic";
/// What a map reader should know.
pub(crate) const NOTE: &str = "合成路网，非实测 / synthetic road, not surveyed";

/// Elements in file order.
pub(crate) struct Elements {
    pub(crate) nodes: Vec<OutNode>,
    pub(crate) ways: Vec<OutWay>,
    pub(crate) relations: Vec<OutRelation>,
    /// Metres by highway value.
    pub(crate) metres: BTreeMap<String, f64>,
}

/// Turns the network into elements.
pub(crate) fn build(
    facts: &CountyFacts,
    plane: &Plane,
    web: &Web,
    lines: &[Line],
    furniture: &Furniture,
    streams: &[Vec<P>],
    seed: u64,
) -> Elements {
    let mut nodes: Vec<OutNode> = web
        .nodes
        .iter()
        .enumerate()
        .map(|(i, at)| node(plane, *at, i, furniture.nodes.get(&(i as u32)).cloned().unwrap_or_default()))
        .collect();
    let mut out =
        Elements { nodes: Vec::new(), ways: Vec::new(), relations: Vec::new(), metres: BTreeMap::new() };
    let way_of_piece = ways(web, lines, furniture, seed, &mut out);
    for stream in streams {
        let first = nodes.len();
        nodes.extend(stream.iter().enumerate().map(|(k, at)| node(plane, *at, first + k, Vec::new())));
        let tags = vec![("waterway", "stream".into()), ("source", SOURCE.into()), ("note", NOTE.into())];
        let ids = (first..nodes.len()).map(|i| i as i64 + 1).collect();
        out.ways.push(OutWay { id: out.ways.len() as i64 + 1, nodes: ids, tags });
    }
    for site in facts.sites.iter().filter(|s| !s.name_zh.is_empty()) {
        let place = match site.kind {
            SiteKind::Station => "town",
            SiteKind::Village => "village",
            _ => continue,
        };
        let mut tags: Tags = vec![("place", place.into()), ("name", site.name_zh.clone())];
        if !site.name_en.is_empty() {
            tags.push(("name:en", site.name_en.clone()));
        }
        tags.push(("source", SOURCE.into()));
        let at = plane.metres(site.place);
        nodes.push(node(plane, at, nodes.len(), tags));
    }
    for ban in &furniture.bans {
        let (Some(from), Some(to)) = (way_of_piece.get(&ban.from), way_of_piece.get(&ban.to)) else {
            continue;
        };
        let mut tags: Tags = vec![("type", "restriction".into()), ("restriction", ban.kind.into())];
        tags.extend(ban.except.map(|e| ("except", e.to_owned())));
        tags.push(("source", SOURCE.into()));
        out.relations.push(OutRelation {
            id: out.relations.len() as i64 + 1,
            members: vec![
                ("from", MemberKind::Way, *from),
                ("via", MemberKind::Node, i64::from(ban.via) + 1),
                ("to", MemberKind::Way, *to),
            ],
            tags,
        });
    }
    out.nodes = nodes;
    out
}

fn node(plane: &Plane, at: P, index: usize, tags: Tags) -> OutNode {
    let place = plane.degrees(at);
    let e7 = |degrees: f64| (degrees * 1e7).round() as i64;
    OutNode { id: index as i64 + 1, lon_e7: e7(place.lon), lat_e7: e7(place.lat), tags }
}

/// Writes the ways; gives for each piece the way that carries it.
fn ways(
    web: &Web,
    lines: &[Line],
    furniture: &Furniture,
    seed: u64,
    out: &mut Elements,
) -> BTreeMap<(usize, usize), i64> {
    let vias: BTreeSet<u32> = furniture.bans.iter().map(|b| b.via).collect();
    let plain = PieceLook::default();
    let mut way_of_piece = BTreeMap::new();
    for (r, road) in web.roads.iter().enumerate() {
        let line = &lines[road.line];
        let look = |k: usize| furniture.pieces.get(&(r, k)).unwrap_or(&plain);
        let pieces = road.nodes.len() - 1;
        let mut k = 0;
        while k < pieces {
            let first = k;
            while k + 1 < pieces
                && look(k + 1) == look(first)
                && !vias.contains(&road.nodes[k + 1])
                && k - first < 1_900
            {
                k += 1;
            }
            k += 1;
            let id = out.ways.len() as i64 + 1;
            let tags = tags_of(line, road.line, look(first), seed);
            let metres: f64 = (first..k)
                .map(|q| web.nodes[road.nodes[q] as usize].to(web.nodes[road.nodes[q + 1] as usize]))
                .sum();
            *out.metres.entry(tags[0].1.clone()).or_default() += metres;
            out.ways.push(OutWay {
                id,
                nodes: road.nodes[first..=k].iter().map(|n| i64::from(*n) + 1).collect(),
                tags,
            });
            way_of_piece.extend((first..k).map(|q| ((r, q), id)));
        }
    }
    way_of_piece
}

/// Tags of a way. Drawn from a stream of the line's own, so that all ways of a line agree.
fn tags_of(line: &Line, number: usize, look: &PieceLook, seed: u64) -> Tags {
    let mut dice = Dice::new(seed, &format!("tags {number}"));
    let mut tags: Tags = Vec::new();
    let highway = match line.class {
        Class::Motorway => "motorway",
        Class::MotorwayLink => "motorway_link",
        Class::Trunk => "trunk",
        Class::Primary => "primary",
        Class::Secondary => "secondary",
        Class::Tertiary => "tertiary",
        Class::Unclassified => "unclassified",
        Class::Residential => "residential",
        Class::Living => "living_street",
        Class::Service => "service",
        Class::Track => "track",
        Class::Construction => "construction",
    };
    tags.push(("highway", highway.into()));
    if line.class == Class::Construction {
        tags.push(("construction", "motorway".into()));
    }
    let (zh, en) = &line.name;
    if !zh.is_empty() {
        tags.push(("name", zh.clone()));
    }
    if !en.is_empty() {
        tags.push(("name:en", en.clone()));
    }
    if !line.reference.is_empty() {
        tags.push(("ref", line.reference.clone()));
    }
    if line.oneway {
        tags.push(("oneway", "yes".into()));
    }
    surface(line, &mut dice, &mut tags);
    speed(line, &mut dice, &mut tags);
    if line.class == Class::Motorway || line.class == Class::MotorwayLink {
        tags.push(("toll", "yes".into()));
    }
    if line.class == Class::Service && line.zone == Zone::Country {
        tags.push(("service", "driveway".into()));
    }
    if line.zone == Zone::City && line.class == Class::Secondary && dice.chance(0.3) {
        // County towns keep big trucks off their main streets by day.
        tags.push(("hgv:conditional", "no @ (07:00-20:00)".into()));
    }
    if look.bridge && line.weld != Weld::Apart {
        tags.push(("bridge", "yes".into()));
        tags.push(("layer", "1".into()));
    }
    let decimal = |value: u32, unit: u32| {
        if value.is_multiple_of(unit) {
            (value / unit).to_string()
        } else {
            format!("{}", f64::from(value) / f64::from(unit))
        }
    };
    if let Some(weight) = look.weight_dt {
        tags.push(("maxweight", decimal(weight, 10)));
    }
    if let Some(height) = look.height_cm {
        tags.push(("maxheight", decimal(height, 100)));
    }
    tags.push(("source", SOURCE.into()));
    tags.push(("note", NOTE.into()));
    tags
}

fn surface(line: &Line, dice: &mut Dice, tags: &mut Tags) {
    let surface = match line.class {
        Class::Construction => return,
        Class::Motorway | Class::MotorwayLink | Class::Trunk | Class::Primary => "asphalt",
        Class::Secondary | Class::Tertiary => {
            if dice.chance(0.7) {
                "asphalt"
            } else {
                "concrete"
            }
        }
        Class::Track => ["ground", "gravel", "dirt", "compacted"][dice.below(4)],
        _ => match dice.unit() {
            u if u < 0.80 => "concrete",
            u if u < 0.88 => "asphalt",
            u if u < 0.93 => "paving_stones",
            u if u < 0.97 && line.narrow => "gravel",
            _ => "compacted",
        },
    };
    tags.push(("surface", surface.into()));
    match line.class {
        Class::Motorway => tags.push(("lanes", "2".into())),
        Class::Trunk | Class::Primary if line.dual => tags.push(("lanes", "2".into())),
        Class::Trunk | Class::Primary => tags.push(("lanes", "4".into())),
        Class::Secondary => tags.push(("lanes", "2".into())),
        Class::Track => {
            tags.push(("tracktype", ["grade2", "grade3", "grade3", "grade4"][dice.below(4)].into()));
        }
        Class::Unclassified | Class::Residential | Class::Living => {
            let width =
                if line.narrow { ["3", "3.5", "4"][dice.below(3)] } else { ["4.5", "5", "6"][dice.below(3)] };
            tags.push(("width", width.into()));
            if line.narrow {
                tags.push(("lanes", "1".into()));
            }
            if dice.chance(0.05) {
                tags.push(("smoothness", ["bad", "intermediate"][dice.below(2)].into()));
            }
        }
        _ => {}
    }
}

fn speed(line: &Line, dice: &mut Dice, tags: &mut Tags) {
    let urban = matches!(line.zone, Zone::City | Zone::Town);
    let posted = match (line.class, urban) {
        (Class::Motorway, _) => {
            tags.push(("maxspeed:hgv", "100".into()));
            Some("120")
        }
        (Class::MotorwayLink, _) => Some("40"),
        (Class::Trunk, _) if line.dual => Some("80"),
        (Class::Trunk, _) => Some("70"),
        (Class::Primary, _) => Some("60"),
        (Class::Secondary, true) => Some("50"),
        (Class::Secondary, false) => Some(if dice.chance(0.5) { "50" } else { "60" }),
        (Class::Tertiary, _) => dice.chance(0.6).then_some("40"),
        (Class::Unclassified, _) => dice.chance(0.2).then_some("30"),
        (Class::Residential, true) => dice.chance(0.3).then_some("30"),
        _ => None,
    };
    tags.extend(posted.map(|s| ("maxspeed", s.to_owned())));
}
