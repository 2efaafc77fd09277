//! Where planning meets the road network: the tables of a day, and the lines that maps show.

use crate::output::{MapData, RoadLine};
use crate::travel::{Band, NO_WAY, Table, Travel};
use jiff::civil::Date;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::geo::LonLat;
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::site::SiteKind;
use xiangyun_roads::{BandId, Matrix, Network, Profiles, RoadClass, RoadsError, SegmentId, UNREACHABLE};

/// Bands are told apart at quarters of an hour.
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
        one_problem("P101", &county.roads_file, 0, "", &path.display().to_string(), want)
    })
}

/// Times and lengths between all sites for every profile of the fleet, one band for each part of the date that the
/// network tells apart.
///
/// # Errors
/// A profile that the network does not have; places that no vehicle can reach and leave, each with its row.
pub fn travel(net: &Network, county: &County, date: Date) -> Result<Travel, Problems> {
    let points: Vec<LonLat> = county.sites.iter().map(|s| s.place).collect();
    let names: BTreeSet<&str> = county.vehicles.iter().map(|v| v.profile.as_str()).collect();
    let spans = spans(net, date);
    let mut jobs = Vec::new();
    let mut problems = Problems::new();
    for name in names {
        match net.profile(name) {
            Ok(profile) => {
                let bands: BTreeSet<BandId> = spans.iter().map(|(_, b)| *b).collect();
                jobs.extend(bands.into_iter().map(|band| (name, profile, band)));
            }
            Err(err) => problems.push(Problem {
                code: "P112",
                file: "vehicles.csv".into(),
                row: 0,
                column: "profile".into(),
                found: name.into(),
                want: err.to_string(),
            }),
        }
    }
    let solved: Vec<Result<Matrix, RoadsError>> =
        jobs.par_iter().map(|(_, profile, band)| net.matrix(*profile, *band, &points)).collect();
    let mut matrices: BTreeMap<(&str, BandId), Matrix> = BTreeMap::new();
    for ((name, _, band), matrix) in jobs.iter().zip(solved) {
        match matrix {
            Ok(matrix) => {
                matrices.insert((name, *band), matrix);
            }
            Err(err) => {
                problems.absorb(one_problem("P128", &county.roads_file, 0, "", name, err.to_string()))
            }
        }
    }
    problems.absorb(unreachable(county, matrices.values()));
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut tables: BTreeMap<&str, Vec<Band>> = BTreeMap::new();
    for (name, _, _) in &jobs {
        tables.entry(name).or_insert_with(|| {
            spans
                .iter()
                .map(|(from_s, band)| {
                    let matrix = &matrices[&(*name, *band)];
                    Band { from_s: *from_s, seconds: cells(&matrix.seconds), metres: cells(&matrix.metres) }
                })
                .collect()
        });
    }
    let tables =
        tables.into_iter().map(|(profile, bands)| Table { profile: profile.to_owned(), bands }).collect();
    Travel::new(points.len(), tables)
        .map_err(|err| one_problem("P128", &county.roads_file, 0, "", "", err.to_string()))
}

/// The bands of a date in order, each with the second from which it holds.
fn spans(net: &Network, date: Date) -> Vec<(i64, BandId)> {
    let mut spans: Vec<(i64, BandId)> = Vec::new();
    for step in 0..(24 * 3_600 / BAND_STEP_S) {
        let from_s = step * BAND_STEP_S;
        let hour = i8::try_from(from_s / 3_600).unwrap_or(0);
        let minute = i8::try_from(from_s % 3_600 / 60).unwrap_or(0);
        let band = net.band_at(date.at(hour, minute, 0, 0));
        if spans.last().is_none_or(|(_, last)| *last != band) {
            spans.push((from_s, band));
        }
    }
    spans
}

fn cells(values: &[u32]) -> Vec<u32> {
    values.iter().map(|v| if *v == UNREACHABLE { NO_WAY } else { *v }).collect()
}

/// Sites that no profile joins with the hub both ways.
fn unreachable<'m>(county: &County, matrices: impl Iterator<Item = &'m Matrix>) -> Problems {
    let hub = county.hub.index();
    let sites = county.sites.len();
    let mut joined = vec![false; sites];
    let mut any = false;
    for matrix in matrices {
        any = true;
        for (i, joined) in joined.iter_mut().enumerate() {
            let cell = |from: usize, to: usize| matrix.seconds[from * sites + to] != UNREACHABLE;
            *joined |= i == hub || (cell(hub, i) && cell(i, hub));
        }
    }
    let mut problems = Problems::new();
    for (i, site) in county.sites.iter().enumerate() {
        if any && !joined[i] && site.kind != SiteKind::Gateway {
            problems.push(Problem {
                code: "P128",
                file: "sites.csv".into(),
                row: i as u64 + 2,
                column: "lon".into(),
                found: format!("{},{}", site.place.lon, site.place.lat),
                want: format!(
                    "{} ({}) has no road for any vehicle of the fleet to and from the hub; move the point to a road \
                     or add the road to {}",
                    site.name_zh, site.id, county.roads_file
                ),
            });
        }
    }
    problems
}

fn one_problem(
    code: &'static str,
    file: &str,
    row: u64,
    column: &str,
    found: &str,
    want: String,
) -> Problems {
    let mut problems = Problems::new();
    problems.push(Problem {
        code,
        file: file.to_owned(),
        row,
        column: column.to_owned(),
        found: found.to_owned(),
        want,
    });
    problems
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
