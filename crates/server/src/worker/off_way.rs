//! How far vehicles under way are from the way between their last stop and the next one.

use crate::app::App;
use crate::machine::read;
use std::collections::HashMap;
use xiangyun_dispatch::state::StopPhase;
use xiangyun_model::geo::LonLat;
use xiangyun_roads::Network;

/// Ways kept; all go when more are needed.
pub const WAYS_MAX: usize = 4_096;
/// Metres of a degree of latitude.
const DEGREE_M: f64 = 111_195.0;
/// A position older than this says nothing of where a vehicle is.
const OLD_MS: i64 = 10 * 60_000;

/// Lines between stops, as they were asked for.
#[derive(Default)]
pub struct Ways {
    lines: HashMap<(String, String, String), Option<Vec<LonLat>>>,
}

/// A vehicle between two stops.
struct Under {
    vehicle: String,
    from: String,
    to: String,
}

impl Ways {
    /// Metres from the way, by vehicle, for those between two stops with a fresh position.
    pub fn look(&mut self, app: &App, now_ms: i64) -> HashMap<String, i64> {
        let Some(roads) = app.roads.get() else { return HashMap::new() };
        if !app.config.watch.off_way {
            return HashMap::new();
        }
        let profiles: HashMap<&str, &str> =
            app.county.vehicles.iter().map(|v| (v.id.as_str(), v.profile.as_str())).collect();
        let mut seen = HashMap::new();
        for leg in under_way(app) {
            let Some(last) = app.fleet.of(&leg.vehicle) else { continue };
            if now_ms - last.at.as_millisecond() > OLD_MS {
                continue;
            }
            let Some(profile) = profiles.get(leg.vehicle.as_str()) else { continue };
            if let Some(line) = self.line(app, roads, profile, &leg) {
                seen.insert(leg.vehicle, metres_to(line, last.lon, last.lat) as i64);
            }
        }
        seen
    }

    fn line(&mut self, app: &App, roads: &Network, profile: &str, leg: &Under) -> Option<&[LonLat]> {
        if self.lines.len() >= WAYS_MAX {
            self.lines.clear();
        }
        let key = (profile.to_owned(), leg.from.clone(), leg.to.clone());
        self.lines
            .entry(key)
            .or_insert_with(|| {
                let places = [app.site(&leg.from)?.place, app.site(&leg.to)?.place];
                let profile = roads.profile(profile).ok()?;
                let route = roads.route(profile, xiangyun_roads::BandId(0), &places).ok()?;
                Some(route.geometry())
            })
            .as_deref()
    }
}

/// Vehicles that have left a stop and not reached the next.
fn under_way(app: &App) -> Vec<Under> {
    let world = read(&app.world);
    let phase = |visit: &str| world.day.stops.get(visit).map(|s| s.phase);
    let mut legs = Vec::new();
    for vehicle in world.day.vehicles.keys() {
        for trip in crate::auth::trips(&world, vehicle) {
            let next = trip.visits.iter().position(|v| phase(&v.visit) == Some(StopPhase::EnRoute));
            if let Some(at) = next.filter(|at| *at > 0) {
                legs.push(Under {
                    vehicle: vehicle.clone(),
                    from: trip.visits[at - 1].site.clone(),
                    to: trip.visits[at].site.clone(),
                });
                break;
            }
        }
    }
    legs
}

/// Metres from a place to a line, on a plane that touches the earth there.
fn metres_to(line: &[LonLat], lon: f64, lat: f64) -> f64 {
    let scale = lat.to_radians().cos() * DEGREE_M;
    let flat = |p: &LonLat| ((p.lon - lon) * scale, (p.lat - lat) * DEGREE_M);
    let away = |(ax, ay): (f64, f64), (bx, by): (f64, f64)| {
        let (dx, dy) = (bx - ax, by - ay);
        let length_sq = dx * dx + dy * dy;
        let along = if length_sq > 0.0 { (-(ax * dx + ay * dy) / length_sq).clamp(0.0, 1.0) } else { 0.0 };
        (ax + along * dx).hypot(ay + along * dy)
    };
    let ends = line.windows(2).map(|w| away(flat(&w[0]), flat(&w[1])));
    let single = line.first().map(|p| away(flat(p), flat(p)));
    ends.chain(single).fold(f64::MAX, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_near_beside_its_middle_and_far_beyond_its_end() {
        let at = |lon, lat| LonLat { lon, lat };
        let line = [at(113.0, 34.0), at(113.0, 34.1)];
        assert!(metres_to(&line, 113.001, 34.05) < 100.0);
        let beyond = metres_to(&line, 113.0, 34.12);
        assert!((beyond - 0.02 * DEGREE_M).abs() < 1.0, "{beyond}");
        assert!(metres_to(&line[..1], 113.0, 34.0) < 0.1);
    }
}
