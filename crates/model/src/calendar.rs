//! What a date does to demand and traffic: market days (集日), festivals, peaks, weather, truck limits.

use crate::fleet::VehicleKind;
use crate::id::SiteId;
use crate::time::Window;
use jiff::civil::Date;

/// One entry of the calendar.
#[derive(Clone, Debug)]
pub struct CalendarEntry {
    /// Day of the entry.
    pub date: Date,
    /// The station whose township it concerns, or the whole county.
    pub site: Option<SiteId>,
    /// What it is.
    pub kind: CalendarKind,
    /// Factor on parcels down in ten-thousandths; 10,000 changes nothing.
    pub down_bp: i64,
    /// Factor on lots up in ten-thousandths.
    pub up_bp: i64,
    /// What to tell people.
    pub note: String,
}

/// Kinds of entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalendarKind {
    /// Market day by the lunar rule; more produce comes to the township.
    Market,
    /// Public holiday or festival.
    Festival,
    /// Shopping peak (双11, 年货).
    Peak,
    /// Fog, snow, flooded causeways.
    Weather,
    /// Vehicles of this size and larger may not run at the site (or anywhere) in the hours given.
    TruckLimit {
        /// Smallest kind concerned.
        from_kind: VehicleKind,
        /// Hours.
        hours: Window,
    },
}
