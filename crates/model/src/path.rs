//! The one question that track processing asks of a road network, as a trait, so that `telematics` need not know
//! `roads` and a test can answer with straight lines.

use crate::geo::LonLat;

/// Driven distance between two places that a vehicle visited in this order.
pub trait PathLength {
    /// Metres driven from `from` to `to`; `elapsed_s` is the time between the two fixes and helps to choose among
    /// several ways. `None` where no way is known: the caller falls back to the great circle and says so.
    fn path_length_m(&self, from: LonLat, to: LonLat, elapsed_s: f64) -> Option<f64>;
}

/// Great-circle distance times a factor for winding roads.
#[derive(Clone, Copy, Debug)]
pub struct CrowFlies {
    /// Road metres per metre as the crow flies; 1.0 for straight lines.
    pub detour: f64,
}

impl PathLength for CrowFlies {
    fn path_length_m(&self, from: LonLat, to: LonLat, _elapsed_s: f64) -> Option<f64> {
        Some(from.metres_to(to) * self.detour)
    }
}
