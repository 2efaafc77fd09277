//! Roads that somebody has reported closed: closed in the network for every question asked of it, opened again when the
//! exception is settled.

use crate::app::App;
use crate::machine::read;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_dispatch::event::ExceptionKind;
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_planning::network;
use xiangyun_planning::travel::Travel;
use xiangyun_roads::{Network, SegmentId};

/// Closures held at once; further reports stay exceptions without an effect on routes.
pub const CLOSURES_MAX: usize = 500;
/// How far from the reported place a road is looked for, in metres, the nearest first.
const RADII_M: [f64; 4] = [15.0, 40.0, 120.0, 400.0];

/// What is closed in the network now.
#[derive(Default)]
pub struct Closures {
    by_subject: BTreeMap<String, Vec<SegmentId>>,
    asked: BTreeSet<String>,
    renew: bool,
}

impl Closures {
    /// Another plan is followed: it needs tables over the roads as they are, too.
    pub fn renew(&mut self) {
        self.renew = !self.asked.is_empty();
    }

    /// Brings the network to what is reported; gives new tables when anything changed.
    pub fn changed(&mut self, app: &App, county: &County, date: Date) -> Option<Travel> {
        let roads = app.roads.get()?;
        let asked: BTreeSet<String> = read(&app.world)
            .day
            .exceptions
            .values()
            .filter(|e| !e.closed && e.kind == ExceptionKind::RoadClosed)
            .map(|e| e.subject.clone())
            .take(CLOSURES_MAX)
            .collect();
        if asked == self.asked && !std::mem::take(&mut self.renew) {
            return None;
        }
        self.asked.clone_from(&asked);
        let gone: Vec<String> = self.by_subject.keys().filter(|s| !asked.contains(*s)).cloned().collect();
        let mut reopened = Vec::new();
        for subject in gone {
            reopened.extend(self.by_subject.remove(&subject).unwrap_or_default());
        }
        for subject in &asked {
            if !self.by_subject.contains_key(subject)
                && let Some(place) = place(app, subject)
            {
                self.by_subject.insert(subject.clone(), nearest(roads, place));
            }
        }
        // Two reports may name one road: it opens when both are settled.
        let closed: BTreeSet<SegmentId> = self.by_subject.values().flatten().copied().collect();
        reopened.retain(|s| !closed.contains(s));
        let closed: Vec<SegmentId> = closed.into_iter().collect();
        if let Err(err) = roads.reopen(&reopened).and_then(|()| roads.close(&closed)) {
            tracing::error!(%err, "roads were not closed");
            return None;
        }
        match network::travel_now(roads, county, date) {
            Ok(travel) => Some(travel),
            Err(problems) => {
                let first = problems.list().first().map_or_else(String::new, ToString::to_string);
                tracing::error!(first, "no tables over the roads as they are");
                None
            }
        }
    }
}

/// The place that a subject names: `road/LON,LAT` or `site/ID`.
fn place(app: &App, subject: &str) -> Option<LonLat> {
    match subject.split_once('/')? {
        ("road", place) => {
            let (lon, lat) = place.split_once(',')?;
            LonLat::new(lon.parse().ok()?, lat.parse().ok()?).ok()
        }
        ("site", id) => app.site(id).map(|s| s.place),
        _ => None,
    }
}

/// Pieces of road nearest to a place.
fn nearest(roads: &Network, place: LonLat) -> Vec<SegmentId> {
    RADII_M
        .iter()
        .map(|radius| roads.segments_near(place, *radius))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}
