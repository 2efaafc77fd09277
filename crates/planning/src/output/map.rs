//! The overview's map: an SVG in kilometres on a local projection, roads behind, trips and places before.

use super::Sources;
use super::words::{self, trip_kind};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;
use xiangyun_model::geo::LonLat;
use xiangyun_model::plan::TripKind;
use xiangyun_model::site::SiteKind;

/// Metres of a degree of latitude on the mean sphere.
const DEGREE_M: f64 = 111_195.0;
/// Points closer together than this, in metres, are drawn as one.
const THIN_M: f64 = 25.0;

/// Local equirectangular projection: metres east and south of the upper left corner.
struct Frame {
    west: f64,
    north: f64,
    east_m: f64,
    south_m: f64,
    lon_m: f64,
}

impl Frame {
    fn around(places: impl Iterator<Item = LonLat>) -> Option<Self> {
        let (mut west, mut east, mut south, mut north) = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
        for p in places {
            west = west.min(p.lon);
            east = east.max(p.lon);
            south = south.min(p.lat);
            north = north.max(p.lat);
        }
        if west > east {
            return None;
        }
        let lon_m = DEGREE_M * f64::midpoint(south, north).to_radians().cos();
        let pad = 1_500.0;
        Some(Self {
            west: west - pad / lon_m,
            north: north + pad / DEGREE_M,
            east_m: (east - west) * lon_m + 2.0 * pad,
            south_m: (north - south) * DEGREE_M + 2.0 * pad,
            lon_m,
        })
    }

    fn at(&self, p: LonLat) -> (i64, i64) {
        let x = (p.lon - self.west) * self.lon_m;
        let y = (self.north - p.lat) * DEGREE_M;
        (x.round() as i64, y.round() as i64)
    }

    /// An SVG path through the points, thinned.
    fn path(&self, points: &[LonLat], out: &mut String) {
        let mut last: Option<LonLat> = None;
        for (i, p) in points.iter().enumerate() {
            let end = i + 1 == points.len();
            if !end && last.is_some_and(|l| l.metres_to(*p) < THIN_M) {
                continue;
            }
            let (x, y) = self.at(*p);
            let _ = write!(out, "{}{x} {y}", if last.is_none() { "M" } else { "L" });
            last = Some(*p);
        }
    }
}

/// The colour of a base's rounds, by its place in the list of stations: twelve well separated hues.
pub(super) fn colour(index: usize) -> &'static str {
    const HUES: [&str; 13] = [
        "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7a7f00",
        "#0b6e4f", "#c2185b", "#3949ab", "#5d4037",
    ];
    HUES[index % HUES.len()]
}

/// Colour by base: the hub in black, each station its own.
pub(super) fn colours<'a>(sources: &Sources<'a>) -> BTreeMap<&'a str, &'static str> {
    let county = sources.county;
    let mut map: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, id) in county.sites_of(SiteKind::Station).enumerate() {
        map.insert(county.site(id).id.as_str(), colour(i));
    }
    map.insert(county.site(county.hub).id.as_str(), "#111111");
    map
}

/// The map as inline SVG; each trip and place is an element with `data-` attributes that the page's script uses.
pub(super) fn svg(sources: &Sources<'_>) -> Markup {
    let near = |s: &&xiangyun_model::site::Site| s.kind != SiteKind::Gateway;
    let Some(frame) = Frame::around(sources.county.sites.iter().filter(near).map(|s| s.place)) else {
        return html! {};
    };
    let colours = colours(sources);
    let view = format!("0 0 {} {}", frame.east_m.round() as i64, frame.south_m.round() as i64);
    html! {
        svg #map viewBox=(view) preserveAspectRatio="xMidYMid meet" role="img" {
            g.roads {
                @for rank in (0..=4u8).rev() { (roads(sources, &frame, rank)) }
            }
            g.trips {
                @for trip in sources.plan.trips.iter().filter(|t| t.visits.len() > 1) {
                    @let base = trip.visits[0].site.as_str();
                    @let colour = match trip.kind { TripKind::Trunk => "#111111", TripKind::Line => "#b8860b", _ => colours.get(base).copied().unwrap_or("#444444") };
                    path class={ "trip " (kind_class(trip.kind)) } stroke=(colour) d=(trip_path(sources, trip, &frame))
                        data-trip=(trip.id) data-kind=(kind_class(trip.kind)) data-base=(base) data-vehicle=(trip.vehicle) {
                        title { (trip_kind(trip.kind).zh) " " (trip.id) " " (trip.vehicle) }
                    }
                }
            }
            g.places {
                @for site in sources.county.sites.iter().filter(near) {
                    @let (x, y) = frame.at(site.place);
                    @let own = sources.county.site(sources.county.station_of(xiangyun_model::id::SiteId::at(position(sources, site)))).id.as_str();
                    circle class={ "place " (site.kind.word()) } cx=(x) cy=(y) r=(radius(site.kind))
                        fill=(colours.get(own).copied().unwrap_or("#666666")) data-site=(site.id.as_str()) data-name={ (site.name_zh) " " (site.name_en) } {
                        title { (site.name_zh) " " (site.name_en) " (" (site.id.as_str()) ")" }
                    }
                }
                @for site in sources.county.sites.iter().filter(|s| s.kind == SiteKind::Station) {
                    @let (x, y) = frame.at(site.place);
                    text.label x=(x + 380) y=(y + 180) { (label(&site.name_zh)) }
                }
                @let hub = sources.county.site(sources.county.hub);
                @let (x, y) = frame.at(hub.place);
                text.label text-anchor="end" x=(x - 500) y=(y + 180) { (words::HUB.zh) }
            }
        }
    }
}

/// A station by the name of its township.
fn label(name: &str) -> &str {
    ["镇物流中转站", "乡物流中转站", "物流中转站"]
        .iter()
        .fold(name, |name, tail| name.strip_suffix(tail).unwrap_or(name))
}

fn position(sources: &Sources<'_>, site: &xiangyun_model::site::Site) -> usize {
    sources.sites.get(site.id.as_str()).map_or(0, |id| id.index())
}

const fn radius(kind: SiteKind) -> u32 {
    match kind {
        SiteKind::Hub => 420,
        SiteKind::Station => 300,
        SiteKind::Park => 220,
        SiteKind::Village | SiteKind::Gateway => 130,
    }
}

const fn kind_class(kind: TripKind) -> &'static str {
    match kind {
        TripKind::Trunk => "trunk",
        TripKind::Round => "round",
        TripKind::Direct => "direct",
        TripKind::Line => "line",
    }
}

fn roads(sources: &Sources<'_>, frame: &Frame, rank: u8) -> Markup {
    let mut d = String::new();
    for road in sources.map.roads.iter().filter(|r| r.rank == rank) {
        frame.path(&road.points, &mut d);
    }
    html! { @if !d.is_empty() { path class={ "road r" (rank) } d=(d) {} } }
}

fn trip_path(sources: &Sources<'_>, trip: &xiangyun_model::plan::Trip, frame: &Frame) -> String {
    let mut points = Vec::new();
    for pair in trip.visits.windows(2) {
        points.extend(sources.way(&trip.profile, &pair[0].site, &pair[1].site));
    }
    let mut d = String::new();
    frame.path(&points, &mut d);
    d
}
