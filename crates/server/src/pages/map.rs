//! The map of the day board: roads of our own graph, places, routes and vehicles in one SVG.

use crate::app::App;
use crate::machine::World;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_model::site::SiteKind;
use xiangyun_planning::output::MapData;

/// Metres of a degree of latitude on the mean sphere.
const DEGREE_M: f64 = 111_195.0;
/// Points closer together than this are drawn as one.
const THIN_M: f64 = 30.0;

/// A local plane in metres, its origin at the upper left corner.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    west: f64,
    north: f64,
    lon_m: f64,
    width: i64,
    height: i64,
}

impl Frame {
    fn around(county: &County) -> Self {
        let places = || county.sites.iter().filter(|s| s.kind != SiteKind::Gateway).map(|s| s.place);
        let (mut west, mut east, mut south, mut north) = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
        for p in places() {
            west = west.min(p.lon);
            east = east.max(p.lon);
            south = south.min(p.lat);
            north = north.max(p.lat);
        }
        let lon_m = DEGREE_M * f64::midpoint(south, north).to_radians().cos();
        let pad = 2_000.0;
        Self {
            west: west - pad / lon_m,
            north: north + pad / DEGREE_M,
            lon_m,
            width: ((east - west) * lon_m + 2.0 * pad).round() as i64,
            height: ((north - south) * DEGREE_M + 2.0 * pad).round() as i64,
        }
    }

    /// Where a place lies on the map.
    #[must_use]
    pub fn at(&self, p: LonLat) -> (i64, i64) {
        (((p.lon - self.west) * self.lon_m).round() as i64, ((self.north - p.lat) * DEGREE_M).round() as i64)
    }

    fn path(&self, points: &[LonLat]) -> String {
        let mut out = String::new();
        let mut last: Option<LonLat> = None;
        for (i, p) in points.iter().enumerate() {
            if i + 1 != points.len() && last.is_some_and(|l| l.metres_to(*p) < THIN_M) {
                continue;
            }
            let (x, y) = self.at(*p);
            // Writing into a string cannot fail.
            let _ = write!(out, "{}{x} {y}", if last.is_none() { "M" } else { "L" });
            last = Some(*p);
        }
        out
    }
}

/// What of the map does not change during a day.
pub struct Background {
    frame: Frame,
    roads: BTreeMap<u8, String>,
    legs: BTreeMap<(String, String), String>,
    synthetic: bool,
}

impl Background {
    /// Of a county; `map` has its roads and the ways between stops.
    #[must_use]
    pub fn new(county: &County, map: &MapData) -> Self {
        let frame = Frame::around(county);
        let mut roads: BTreeMap<u8, String> = BTreeMap::new();
        for road in &map.roads {
            roads.entry(road.rank).or_default().push_str(&frame.path(&road.points));
        }
        let legs = map
            .legs
            .iter()
            .map(|((_, from, to), points)| ((from.clone(), to.clone()), frame.path(points)))
            .collect();
        Self { frame, roads, legs, synthetic: map.synthetic_roads }
    }

    /// Whether the roads are made up.
    #[must_use]
    pub fn synthetic(&self) -> bool {
        self.synthetic
    }
}

/// The colour of a vehicle's way.
fn colour(index: usize) -> &'static str {
    const HUES: [&str; 12] = [
        "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17a2b8", "#8c564b", "#e377c2", "#7a7f00",
        "#0b6e4f", "#c2185b", "#3949ab",
    ];
    HUES[index % HUES.len()]
}

/// The whole map; vehicles are placed by their last positions.
pub(super) fn svg(app: &App, world: &World) -> Markup {
    let plain;
    let background = match app.map.get() {
        Some(background) => background,
        None => {
            plain = Background::new(&app.county, &MapData::default());
            &plain
        }
    };
    let frame = background.frame;
    let view = format!("0 0 {} {}", frame.width, frame.height);
    html! {
        svg #map viewBox=(view) preserveAspectRatio="xMidYMid meet" role="img" aria-label="地图 map" {
            g.roads {
                @for (rank, d) in background.roads.iter().rev() { path class={ "road r" (rank) } d=(d) {} }
            }
            g.ways {
                @for (n, vehicle) in world.day.vehicles.keys().enumerate() {
                    @for trip in crate::auth::trips(world, vehicle) {
                        @for pair in trip.visits.windows(2) {
                            @if let Some(d) = way(background, app, &pair[0].site, &pair[1].site) {
                                path class="way" data-vehicle=(vehicle) stroke=(colour(n)) d=(d) {}
                            }
                        }
                    }
                }
            }
            g.places {
                @for site in app.county.sites.iter().filter(|s| s.kind != SiteKind::Gateway) {
                    @let (x, y) = frame.at(site.place);
                    circle class={ "place " (site.kind.word()) } cx=(x) cy=(y) r=(radius(site.kind)) {
                        title { (site.name_zh) " " (site.name_en) " (" (site.id.as_str()) ")" }
                    }
                }
                @for site in app.county.sites.iter().filter(|s| matches!(s.kind, SiteKind::Hub | SiteKind::Station)) {
                    @let (x, y) = frame.at(site.place);
                    text.label x=(x + 330) y=(y + 150) { (short_name(&site.name_zh)) }
                }
            }
            g #vehicles {
                @for last in app.fleet.all() {
                    @let (x, y) = frame.at(LonLat { lon: last.lon, lat: last.lat });
                    g.vehicle data-vehicle=(last.vehicle) transform={ "translate(" (x) " " (y) ")" } {
                        rect x="-230" y="-150" width="460" height="300" rx="80" {}
                        text y="90" { (last.vehicle) }
                        title { (last.vehicle) " " (last.at) }
                    }
                }
            }
        }
        script type="application/json" id="frame" {
            (maud::PreEscaped(format!("{{\"west\":{},\"north\":{},\"lon_m\":{},\"lat_m\":{DEGREE_M}}}", frame.west, frame.north, frame.lon_m)))
        }
    }
}

fn short_name(name: &str) -> &str {
    name.strip_suffix("物流中转站").unwrap_or(name)
}

fn way(background: &Background, app: &App, from: &str, to: &str) -> Option<String> {
    if from == to {
        return None;
    }
    background.legs.get(&(from.to_owned(), to.to_owned())).cloned().or_else(|| {
        let (a, b) = (app.site(from)?, app.site(to)?);
        Some(background.frame.path(&[a.place, b.place]))
    })
}

const fn radius(kind: SiteKind) -> u32 {
    match kind {
        SiteKind::Hub => 330,
        SiteKind::Station => 240,
        SiteKind::Park => 180,
        SiteKind::Village | SiteKind::Gateway => 90,
    }
}
