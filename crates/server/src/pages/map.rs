//! The map of the day board: roads of our own graph, places, routes and vehicles in one SVG.

use crate::app::App;
use crate::machine::World;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_model::site::SiteKind;
use xiangyun_planning::output::MapData;
use xiangyun_roads::BandId;

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
    /// Ways between stops: those of the plan that was published when the roads were read, others as they are asked for.
    legs: Mutex<BTreeMap<(String, String), Arc<str>>>,
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
            .map(|((_, from, to), points)| ((from.clone(), to.clone()), frame.path(points).into()))
            .collect();
        Self { frame, roads, legs: Mutex::new(legs), synthetic: map.synthetic_roads }
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
    // Marks and words are drawn in thousandths of the map's width, so that they can be read whatever the county's size.
    let unit = (frame.width / 1_000).max(1);
    let view = format!("0 0 {} {}", frame.width, frame.height);
    html! {
        svg #map viewBox=(view) style={ "--u:" (unit) "px" } preserveAspectRatio="xMidYMid meet" role="img" aria-label="地图 map" {
            g.roads {
                @for (rank, d) in background.roads.iter().rev() { path class={ "road r" (rank) } d=(d) {} }
            }
            g.ways {
                @for (n, vehicle) in world.day.vehicles.keys().enumerate() {
                    @let profile = app.county.vehicles.iter().find(|v| v.id.as_str() == vehicle).map_or("van", |v| v.profile.as_str());
                    @for trip in crate::auth::trips(world, vehicle) {
                        @for pair in trip.visits.windows(2) {
                            @if let Some(d) = way(background, app, profile, &pair[0].site, &pair[1].site) {
                                path class="way" data-vehicle=(vehicle) stroke=(colour(n)) d=(d) {}
                            }
                        }
                    }
                }
            }
            g.places {
                @for site in app.county.sites.iter().filter(|s| s.kind != SiteKind::Gateway) {
                    @let (x, y) = frame.at(site.place);
                    circle class={ "place " (site.kind.word()) } cx=(x) cy=(y) r=(radius(site.kind) * unit) {
                        title { (site.name_zh) " " (site.name_en) " (" (site.id.as_str()) ")" }
                    }
                }
                @for site in app.county.sites.iter().filter(|s| matches!(s.kind, SiteKind::Hub | SiteKind::Station)) {
                    @let (x, y) = frame.at(site.place);
                    text.label x=(x + 7 * unit) y=(y + 4 * unit) { (short_name(&site.name_zh)) }
                }
            }
            g #vehicles {
                @for last in app.fleet.all() {
                    @let (x, y) = frame.at(LonLat { lon: last.lon, lat: last.lat });
                    g.vehicle data-vehicle=(last.vehicle) transform={ "translate(" (x) " " (y) ")" } {
                        rect x=(-17 * unit) y=(-8 * unit) width=(34 * unit) height=(16 * unit) rx=(4 * unit) {}
                        text y=(4 * unit) { (last.vehicle) }
                        title { (last.vehicle) " " (last.at) }
                    }
                }
            }
        }
        script type="application/json" id="frame" {
            (maud::PreEscaped(format!("{{\"west\":{},\"north\":{},\"lon_m\":{},\"lat_m\":{DEGREE_M},\"unit\":{unit}}}", frame.west, frame.north, frame.lon_m)))
        }
    }
}

fn short_name(name: &str) -> &str {
    name.strip_suffix("物流中转站").unwrap_or(name)
}

/// The way of a vehicle between two sites: on the roads where they are read, straight where they are not.
fn way(background: &Background, app: &App, profile: &str, from: &str, to: &str) -> Option<Arc<str>> {
    if from == to {
        return None;
    }
    let key = (from.to_owned(), to.to_owned());
    let known = || background.legs.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(&key) {
        return Some(Arc::clone(found));
    }
    let (a, b) = (app.site(from)?.place, app.site(to)?.place);
    let Some(roads) = app.roads.get() else { return Some(background.frame.path(&[a, b]).into()) };
    let route = roads.profile(profile).and_then(|p| roads.route(p, BandId(0), &[a, b]));
    let line = route.map_or_else(|_| vec![a, b], |r| r.geometry());
    let path: Arc<str> = background.frame.path(&line).into();
    known().insert(key, Arc::clone(&path));
    Some(path)
}

/// In thousandths of the map's width.
const fn radius(kind: SiteKind) -> i64 {
    match kind {
        SiteKind::Hub => 7,
        SiteKind::Station => 5,
        SiteKind::Park => 4,
        SiteKind::Village | SiteKind::Gateway => 2,
    }
}
