//! The plan on paper and on screen: manifests, sort plan, overview page, KPI, GeoJSON.
//!
//! Every renderer is a pure function of [`Sources`]; nothing here reads a file or a clock, so the same plan gives the
//! same bytes. Texts for people come from one catalogue, [`words`], Chinese first with English beside it.

mod charts;
mod geojson;
pub mod kpi;
mod manifest;
mod map;
mod overview;
mod qr;
mod replay;
mod sort_plan;
mod text;
pub mod words;

use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_model::id::{DriverId, SiteId, VehicleId};
use xiangyun_model::order::Order;
use xiangyun_model::plan::{Load, Plan};

/// Lines to draw: how vehicles really drive between two places, and the network behind them.
#[derive(Clone, Debug, Default)]
pub struct MapData {
    /// Geometry by profile, from site, to site (outside ids). A pair that is absent is drawn straight.
    pub legs: BTreeMap<(String, String, String), Vec<LonLat>>,
    /// The main roads, for orientation.
    pub roads: Vec<RoadLine>,
    /// Whether the network is made up; every page that shows it says so.
    pub synthetic_roads: bool,
}

/// One road of the background.
#[derive(Clone, Debug)]
pub struct RoadLine {
    /// 0 expressway, 1 national and provincial road, 2 county road, 3 township road, 4 village road.
    pub rank: u8,
    /// Its shape.
    pub points: Vec<LonLat>,
}

/// One file of a plan directory, its path relative to the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Relative path with `/`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// What the renderers read, with the look-ups they share.
pub struct Sources<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The county it was made for.
    pub county: &'a County,
    /// All orders of the plan: the day's and the opening backlog.
    pub orders: &'a [Order],
    /// Lines to draw.
    pub map: &'a MapData,
    sites: BTreeMap<&'a str, SiteId>,
    vehicles: BTreeMap<&'a str, VehicleId>,
    drivers: BTreeMap<&'a str, DriverId>,
    orders_by_id: BTreeMap<&'a str, &'a Order>,
    loads: BTreeMap<&'a str, &'a Load>,
}

impl<'a> Sources<'a> {
    /// Builds the look-ups.
    #[must_use]
    pub fn new(plan: &'a Plan, county: &'a County, orders: &'a [Order], map: &'a MapData) -> Self {
        Self {
            plan,
            county,
            orders,
            map,
            sites: county.sites.iter().enumerate().map(|(i, s)| (s.id.as_str(), SiteId::at(i))).collect(),
            vehicles: county
                .vehicles
                .iter()
                .enumerate()
                .map(|(i, v)| (v.id.as_str(), VehicleId::at(i)))
                .collect(),
            drivers: county
                .drivers
                .iter()
                .enumerate()
                .map(|(i, d)| (d.id.as_str(), DriverId::at(i)))
                .collect(),
            orders_by_id: orders.iter().map(|o| (o.id.as_str(), o)).collect(),
            loads: plan.loads.iter().map(|l| (l.id.as_str(), l)).collect(),
        }
    }

    fn site(&self, id: &str) -> Option<&'a xiangyun_model::site::Site> {
        self.sites.get(id).map(|s| self.county.site(*s))
    }

    fn vehicle(&self, id: &str) -> Option<&'a xiangyun_model::fleet::Vehicle> {
        self.vehicles.get(id).map(|v| self.county.vehicle(*v))
    }

    fn driver(&self, id: &str) -> Option<&'a xiangyun_model::driver::Driver> {
        self.drivers.get(id).map(|d| self.county.driver(*d))
    }

    fn order(&self, id: &str) -> Option<&'a Order> {
        self.orders_by_id.get(id).copied()
    }

    fn load(&self, id: &str) -> Option<&'a Load> {
        self.loads.get(id).copied()
    }

    /// Chinese name of a site, or its id where the county does not know it.
    fn name_zh(&self, id: &'a str) -> &'a str {
        self.site(id).map_or(id, |s| s.name_zh.as_str())
    }

    /// English name of a site, or its id.
    fn name_en(&self, id: &'a str) -> &'a str {
        self.site(id).map_or(id, |s| if s.name_en.is_empty() { id } else { s.name_en.as_str() })
    }

    /// The way from one visit's site to the next, as driven.
    fn way(&self, profile: &str, from: &str, to: &str) -> Vec<LonLat> {
        let key = (profile.to_owned(), from.to_owned(), to.to_owned());
        if let Some(points) = self.map.legs.get(&key).filter(|p| p.len() >= 2) {
            return points.clone();
        }
        [from, to].iter().filter_map(|id| self.site(id)).map(|s| s.place).collect()
    }
}

/// Everything this module writes into a plan directory.
#[must_use]
pub fn render(sources: &Sources<'_>) -> Vec<OutputFile> {
    let kpis = kpi::compute(sources);
    let mut files = vec![
        OutputFile { path: "kpi.json".into(), bytes: kpi::to_json(&kpis) },
        OutputFile { path: "plan.geojson".into(), bytes: geojson::render(sources) },
        OutputFile { path: "sort_plan.csv".into(), bytes: sort_plan::bays(sources) },
        OutputFile { path: "sort_orders.csv".into(), bytes: sort_plan::waybills(sources) },
        OutputFile { path: "overview.html".into(), bytes: overview::render(sources, &kpis) },
    ];
    files.extend(manifest::render(sources));
    files
}

#[cfg(test)]
mod tests;
