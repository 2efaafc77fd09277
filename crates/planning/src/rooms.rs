//! Which compartment of a layout takes a load: the one that keeps its band; failing that the ordinary one, with the
//! clock of the time out of band running.

use crate::consolidate::Cargo;
use xiangyun_model::county::County;
use xiangyun_model::fleet::Layout;
use xiangyun_model::id::BandId;

/// Position of the compartment that takes goods of a band, if any does.
#[must_use]
pub fn compartment_of(county: &County, layout: &Layout, band: BandId, limited: bool) -> Option<usize> {
    let keeps = |have: BandId| county.in_band(band, have);
    let rooms = &layout.compartments;
    let exact =
        rooms.iter().position(|c| c.band == band).or_else(|| rooms.iter().position(|c| keeps(c.band)));
    exact.or_else(|| {
        let ordinary = rooms.iter().position(|c| !county.band(c.band).cold);
        // Goods that need cold may ride in the ordinary room for a while; ordinary goods stay out of cold rooms.
        if limited || !county.band(band).cold { ordinary } else { None }
    })
}

/// Goods that bear this long out of their band may ride in the ordinary room where the cold one is too small: rounds and
/// trucks together take less.
const HARDY_S: i64 = 6 * 3600;

/// How a vehicle is set up for a trip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// Position in the vehicle's layouts.
    pub layout: usize,
    /// Whether hardy goods ride in the ordinary room.
    pub hardy_warm: bool,
}

/// Whether a load bears a day's whole way out of its band.
#[must_use]
pub fn is_hardy(cargo: &Cargo) -> bool {
    cargo.out_of_band_max_s.is_some_and(|most| most >= HARDY_S)
}

/// Position of the compartment that takes a load.
#[must_use]
pub fn compartment_for(county: &County, layout: &Layout, cargo: &Cargo, hardy_warm: bool) -> Option<usize> {
    if hardy_warm && is_hardy(cargo) {
        let ordinary = layout.compartments.iter().position(|c| !county.band(c.band).cold);
        if ordinary.is_some() {
            return ordinary;
        }
    }
    compartment_of(county, layout, cargo.band, cargo.out_of_band_max_s.is_some())
}
