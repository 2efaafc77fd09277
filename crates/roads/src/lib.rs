//! A road network and everything asked of it: import, profiles, routes, matrices, closures.
//!
//! What it promises: exact shortest paths on a graph that knows turns, restrictions, barriers and the vehicle's own
//! limits; a table equals the routes of its cells, to the second and the metre; adding a point changes nothing
//! else; the same answers for any number of threads. Seconds are rounded up, metres to the nearest; coordinates are
//! WGS-84, longitude first.
//! What it never does: floating point for times, network access, asynchronous work, reading a clock.
//!
//! ```no_run
//! use xiangyun_model::geo::LonLat;
//! use xiangyun_roads::{Network, Profiles};
//! # fn main() -> Result<(), xiangyun_roads::RoadsError> {
//! let (built, problems) = Network::build("county.osm.pbf".as_ref(), &Profiles::default())?;
//! println!("{} problems in the map", problems.list().len());
//! built.save("county.roads".as_ref())?;
//!
//! let net = Network::open("county.roads".as_ref())?;
//! let van = net.profile("van")?;
//! let day = net.band("all")?;
//! let hub = LonLat { lon: 113.05, lat: 33.87 };
//! let village = LonLat { lon: 113.01, lat: 33.90 };
//! let matrix = net.matrix(van, day, &[hub, village])?;
//! println!("{:?}", matrix.cell(0, 1));
//!
//! let road = net.snap(van, village)?.segment;
//! net.close(&[road])?;
//! println!("closed: {:?}", net.matrix(van, day, &[hub, village])?.cell(0, 1));
//! net.reopen(&[road])?;
//! # Ok(())
//! # }
//! ```

mod alternatives;
mod audit;
mod bare;
mod contraction;
mod datum;
mod error;
mod file;
mod graph;
mod instructions;
mod isochrone;
pub mod limits;
mod live;
pub mod matching;
mod matrix;
mod network;
mod order;
mod osm;
mod path;
mod profile;
#[cfg(test)]
mod proof;
mod query;
mod route;
mod simd;
mod snap;
pub mod speeds;
pub mod synthesize;

pub use alternatives::ALTERNATIVES_MAX;
pub use datum::{DATUM_POINTS_MAX, DATUMS, DatumVerdict};
pub use error::{RoadsError, import_code};
pub use instructions::{Language, Maneuver, Step};
pub use isochrone::Isochrone;
pub use matrix::{CellFault, Matrix, UNREACHABLE};
pub use network::{BandId, Network, NetworkInfo, ProfileId, SegmentId, SegmentInfo};
pub use osm::RoadClass;
pub use path::ArcPath;
pub use profile::{Band, DEFAULT_PROFILES, Profile, Profiles};
pub use route::{Leg, Route, Stretch};
pub use snap::{ACCESS_FREE_M, ACCESS_M_PER_S, Side, Snap, SnapFault};
