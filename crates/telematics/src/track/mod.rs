//! What a vehicle did, from what its terminal said: a clean track, stops and trips, visits to fences, departures
//! from a corridor, the cold-chain log.
//!
//! What it promises: [`settle`] is a function of the *set* of reports. Any order of arrival, any duplication, any
//! split into batches gives the same track, stops, trips and visits; what a late report changes is told as
//! [`Revision`]s by a [`Ledger`], never by rewriting. Distances inside stops are no driving. A single bad jump makes
//! no visit, a drive past a fence is no visit, and a crossing between two reports is seen.
//! What it never does: choose which planned stop a visit serves (dispatch does), read a clock, touch a file.
//!
//! ```
//! use xiangyun_model::path::CrowFlies;
//! use xiangyun_telematics::track::{Point, Rules, settle};
//! let point = |s: i64, lon_e6| Point::at(s * 1_000, lon_e6, 33_870_000);
//! // Ten minutes at a place, ten minutes of driving east, ten minutes at another.
//! let mut points: Vec<Point> = (0..60).map(|n| point(n * 10, 113_050_000)).collect();
//! points.extend((60..120).map(|n| point(n * 10, 113_050_000 + (n as i32 - 60) * 1_500)));
//! points.extend((120..180).map(|n| point(n * 10, 113_140_000)));
//! points.reverse();
//! let day = settle(points, &[], &Rules::default(), &CrowFlies { detour: 1.0 });
//! assert_eq!((day.stops.len(), day.trips.len()), (2, 1));
//! assert!((day.trips[0].metres - 8_300).abs() < 200);
//! ```

mod clean;
pub mod cold;
mod corridor;
mod fence;
mod ledger;
mod point;
mod stays;
#[cfg(test)]
mod tests;

pub use corridor::{CorridorRules, Deviation, deviations};
pub use fence::{Fence, Shape, Visit, VisitKind};
pub use ledger::{Ledger, Revision};
pub use point::{Point, Rules};
pub use stays::{Day, Gap, Stop, Trip, settle};
