//! Where planning meets the road network: the tables of a day, and the lines that maps show.

use crate::output::{MapData, RoadLine};
use crate::travel::{Band, NO_WAY, Table, Travel};
use jiff::civil::Date;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xiangyun_model::calendar::slowed_s;
use xiangyun_model::county::County;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::geo::LonLat;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::site::SiteKind;
use xiangyun_roads::{BandId, Network, Profiles, RoadClass, RoadsError, SegmentId, UNREACHABLE};

/// Seconds between two looks at which band holds.
const BAND_STEP_S: i64 = 900;

/// Opens the county's road file: a prepared one, or an OSM file that is built in memory.
///
/// # Errors
/// A problem that names the file and what to do.
pub fn open(county: &County, dir: &Path) -> Result<Network, Problems> {
    let path = dir.join(&county.roads_file);
    let found = if county.roads_file.ends_with(".osm.pbf") || county.roads_file.ends_with(".osm") {
        Network::build(&path, &Profiles::default()).map(|(net, _)| net)
    } else {
        Network::open(&path)
    };
    found.map_err(|err| {
        let want = if path.exists() {
            format!("{err}")
        } else {
            format!(
                "{err}; `xiangyun roads synthesize --county {} -o {}` makes one",
                dir.display(),
                path.display()
            )
        };
        let mut problems = Problems::new();
        problems.push(fault("P101", &county.roads_file, "", &path.display().to_string(), &want));
        problems
    })
}

/// Tables for every profile that a vehicle of the county uses.
///
/// # Errors
/// `P125` for each place of ours that no vehicle can reach, `P110` for a profile that the network does not have.
pub fn travel(network: &Network, county: &County, date: Date) -> Result<Travel, Problems> {
    let travel = travel_now(network, county, date)?;
    let mut problems = Problems::new();
    unreachable_sites(county, &travel.tables, &mut problems);
    if problems.is_empty() { Ok(travel) } else { Err(problems) }
}

/// The same over roads as they are now: with roads closed a place may have no way, and the plan says so.
///
/// # Errors
/// `P110` for a profile that the network does not have.
pub fn travel_now(network: &Network, county: &County, date: Date) -> Result<Travel, Problems> {
    let mut problems = Problems::new();
    let mut names: Vec<&str> =
        county.vehicles.iter().filter(|v| v.kind != VehicleKind::Bus).map(|v| v.profile.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let points: Vec<LonLat> = county.sites.iter().map(|s| s.place).collect();
    let mut tables = Vec::new();
    for name in names {
        match table(network, name, date, &points) {
            Ok(mut table) => {
                slow(&mut table, county, date);
                tables.push(table);
            }
            Err(err) => problems.push(fault("P110", "vehicles.csv", "profile", name, &err.to_string())),
        }
    }
    match Travel::new(points.len(), tables) {
        Ok(travel) if problems.is_empty() => Ok(travel),
        Ok(_) => Err(problems),
        Err(err) => {
            problems.push(fault("P125", &county.roads_file, "", "", &err.to_string()));
            Err(problems)
        }
    }
}

fn fault(code: &'static str, file: &str, column: &str, found: &str, want: &str) -> Problem {
    Problem { code, file: file.into(), row: 0, column: column.into(), found: found.into(), want: want.into() }
}

fn table(network: &Network, name: &str, date: Date, points: &[LonLat]) -> Result<Table, RoadsError> {
    let profile = network.profile(name)?;
    let mut bands: Vec<Band> = Vec::new();
    let mut last = None;
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    for step in 0..(86_400 / BAND_STEP_S) {
        let moment = midnight.saturating_add(jiff::Span::new().seconds(step * BAND_STEP_S));
        let band = network.band_at(moment);
        if last == Some(band) {
            continue;
        }
        last = Some(band);
        let matrix = network.matrix(profile, band, points)?;
        let cell = |&c: &u32| if c == UNREACHABLE { NO_WAY } else { c };
        bands.push(Band {
            from_s: step * BAND_STEP_S,
            seconds: matrix.seconds.iter().map(cell).collect(),
            metres: matrix.metres.iter().map(cell).collect(),
        });
    }
    Ok(Table { profile: name.into(), bands })
}

/// Makes legs as slow as the calendar says of the day: a leg by the slower of its two ends.
fn slow(table: &mut Table, county: &County, date: Date) {
    let n = county.sites.len();
    let speeds: Vec<i64> = (0..n).map(|at| county.speed_bp(date, SiteId::at(at))).collect();
    if speeds.iter().all(|&bp| bp == 10_000) {
        return;
    }
    for band in &mut table.bands {
        for (cell, seconds) in band.seconds.iter_mut().enumerate().filter(|(_, s)| **s != NO_WAY) {
            *seconds = slowed_s(*seconds, speeds[cell / n].min(speeds[cell % n]));
        }
    }
}

/// Every hub, station, village and park must be reachable from the hub and back by the smallest vehicle.
fn unreachable_sites(county: &County, tables: &[Table], problems: &mut Problems) {
    let (n, hub) = (county.sites.len(), county.hub.index());
    for (at, site) in county.sites.iter().enumerate().filter(|(_, s)| s.kind != SiteKind::Gateway) {
        let both_ways = tables.iter().any(|t| {
            let s = &t.bands[0].seconds;
            s[hub * n + at] != NO_WAY && s[at * n + hub] != NO_WAY
        });
        if !both_ways {
            let want =
                "no road that any vehicle may use leads there and back; correct the coordinates or the roads";
            problems.push(Problem {
                row: at as u64 + 2,
                ..fault("P125", "sites.csv", "lon", site.id.as_str(), want)
            });
        }
    }
}

/// The ways of a plan's trips and the main roads, for the map. A way that the network does not give is drawn straight.
#[must_use]
pub fn map_data(net: &Network, county: &County, plan: &Plan) -> MapData {
    let places: BTreeMap<&str, LonLat> = county.sites.iter().map(|s| (s.id.as_str(), s.place)).collect();
    let mut pairs: BTreeSet<(&str, &str, &str)> = BTreeSet::new();
    for trip in plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
        for pair in trip.visits.windows(2).filter(|p| p[0].site != p[1].site) {
            pairs.insert((trip.profile.as_str(), pair[0].site.as_str(), pair[1].site.as_str()));
        }
    }
    let pairs: Vec<_> = pairs.into_iter().collect();
    let lines: Vec<Option<Vec<LonLat>>> = pairs
        .par_iter()
        .map(|(profile, from, to)| {
            let profile = net.profile(profile).ok()?;
            let route = net.route(profile, BandId(0), &[*places.get(from)?, *places.get(to)?]).ok()?;
            Some(route.geometry())
        })
        .collect();
    let legs = pairs
        .into_iter()
        .zip(lines)
        .filter_map(|((p, f, t), line)| Some(((p.to_owned(), f.to_owned(), t.to_owned()), line?)))
        .collect();
    MapData { legs, roads: main_roads(net), synthetic_roads: county.synthetic_roads }
}

/// Roads from the expressway down to the township road.
fn main_roads(net: &Network) -> Vec<RoadLine> {
    let count = u32::try_from(net.info().segments).unwrap_or(u32::MAX);
    (0..count)
        .filter_map(|i| {
            let segment = net.segment(SegmentId(i)).ok()?;
            let rank = match segment.class {
                RoadClass::Motorway | RoadClass::MotorwayLink => 0,
                RoadClass::Trunk | RoadClass::TrunkLink | RoadClass::Primary | RoadClass::PrimaryLink => 1,
                RoadClass::Secondary | RoadClass::SecondaryLink => 2,
                RoadClass::Tertiary | RoadClass::TertiaryLink => 3,
                _ => return None,
            };
            Some(RoadLine { rank, points: segment.geometry })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::county::load_dir;

    fn baofeng() -> County {
        let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
        load_dir(dir).expect("the committed county")
    }

    #[test]
    fn a_truncated_pbf_is_named_with_what_is_wrong() {
        let dir = std::env::temp_dir().join(format!("xiangyun-truncated-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a temporary directory");
        // A blob header that announces 24 bytes, and five of them.
        let bytes = [&[0, 0, 0, 13, 0x0a, 9][..], b"OSMHeader", &[0x18, 24, 1, 2, 3, 4, 5]].concat();
        std::fs::write(dir.join("roads.osm.pbf"), bytes).expect("written");
        let opened = open(&County { roads_file: "roads.osm.pbf".into(), ..baofeng() }, &dir);
        let _ = std::fs::remove_dir_all(&dir);
        let Err(problems) = opened else { panic!("a map that ends inside a blob was opened") };
        let first = &problems.list()[0];
        assert_eq!((first.code, first.file.as_str()), ("P101", "roads.osm.pbf"));
        assert!(first.want.contains("ends inside a blob"), "{}", first.want);
    }

    #[test]
    fn a_village_without_a_road_is_named_by_row_and_column() {
        let county = baofeng();
        let n = county.sites.len();
        let lost = county.sites.iter().position(|s| s.kind == SiteKind::Village).expect("villages");
        let mut seconds = vec![60; n * n];
        (0..n).for_each(|from| seconds[from * n + lost] = NO_WAY);
        let bands = vec![Band { from_s: 0, metres: seconds.clone(), seconds }];
        let mut problems = Problems::new();
        unreachable_sites(&county, &[Table { profile: "van".into(), bands }], &mut problems);
        let found: Vec<_> =
            problems.list().iter().map(|p| (p.code, p.file.as_str(), p.row, p.column.as_str())).collect();
        assert_eq!(found, [("P125", "sites.csv", lost as u64 + 2, "lon")]);
    }
}
