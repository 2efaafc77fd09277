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
    /// Factor on driving speeds in ten-thousandths: fog, snow, festival traffic.
    pub speed_bp: i64,
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

/// Seconds of a leg whose speed has a factor of `speed_bp` ten-thousandths, rounded up.
#[must_use]
pub fn slowed_s(seconds: u32, speed_bp: i64) -> u32 {
    let by = u64::try_from(speed_bp.max(1)).unwrap_or(1);
    u32::try_from((u64::from(seconds) * 10_000).div_ceil(by)).unwrap_or(u32::MAX - 1)
}
