//! The words of the business, shared by every room of the house.
//!
//! What it promises: types with their units in the name or the type, ids that do not mix, one place where
//! coordinates change their datum, one shape for every problem found in input.
//! What it never does: I/O, clocks, randomness, floating point for money or clock time.
//!
//! ```
//! use xiangyun_model::geo::{Datum, LonLat};
//! // Baofeng in WGS-84 is about 604 m away from the same place in GCJ-02.
//! let place = LonLat::new(113.05, 33.87).unwrap();
//! let shifted = Datum::Gcj02.from_wgs84(place);
//! assert!((place.metres_to(shifted) - 604.0).abs() < 2.0);
//! ```

pub mod calendar;
pub mod carrier;
pub mod county;
pub mod demand;
pub mod driver;
pub mod fleet;
pub mod geo;
pub mod goods;
pub mod handling;
pub mod id;
pub mod line;
pub mod order;
pub mod path;
pub mod plan;
pub mod problem;
pub mod rules;
pub mod site;
pub mod time;
pub mod units;
pub mod wave;
