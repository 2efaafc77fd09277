//! A report as tracks see it, and the rules that the field settled on.

use crate::position::Flags;
use crate::segments::Record;
use xiangyun_model::geo::LonLat;

/// A usable report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// UTC milliseconds.
    pub time_ms: i64,
    /// Longitude in 1e-6 degree, WGS-84.
    pub lon_e6: i32,
    /// Latitude in 1e-6 degree, WGS-84.
    pub lat_e6: i32,
    /// Speed in 0.1 km/h, if told. Wrong in parking: used as a witness, never alone.
    pub speed_dkmh: Option<u16>,
    /// Ignition, if told.
    pub ignition: Option<bool>,
}

impl Point {
    /// A point of which only place and time are known.
    #[must_use]
    pub const fn at(time_ms: i64, lon_e6: i32, lat_e6: i32) -> Self {
        Self { time_ms, lon_e6, lat_e6, speed_dkmh: None, ignition: None }
    }

    /// The point of a stored record; nothing if the record may not be part of a track.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let ignition = record.flags.has(Flags::ACC_KNOWN).then(|| record.flags.has(Flags::ACC));
        let (time_ms, lon_e6, lat_e6) = (record.time_ms, record.lon_e6, record.lat_e6);
        let usable = record.usable() && !record.flags.has(Flags::MOCK);
        usable.then_some(Self { time_ms, lon_e6, lat_e6, speed_dkmh: record.speed_dkmh, ignition })
    }

    /// The place in degrees.
    #[must_use]
    pub fn place(&self) -> LonLat {
        LonLat { lon: f64::from(self.lon_e6) / 1e6, lat: f64::from(self.lat_e6) / 1e6 }
    }

    /// Great-circle metres to another.
    #[must_use]
    pub fn metres_to(&self, other: &Self) -> f64 {
        if (self.lon_e6, self.lat_e6) == (other.lon_e6, other.lat_e6) {
            0.0
        } else {
            self.place().metres_to(other.place())
        }
    }

    /// Whether its own witnesses say that the vehicle stands: ignition off, or slower than a walk.
    pub(super) fn stands(&self, rules: &Rules) -> bool {
        self.ignition == Some(false) || self.speed_dkmh.is_none_or(|v| v < rules.standing_dkmh)
    }
}

/// Thresholds of track processing. The defaults are those that trackers in the field have come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Faster than this between two reports is a jump, km/h.
    pub jump_kmh: f64,
    /// Metres that noise alone may move a report, added to the gate.
    pub noise_m: f64,
    /// Reports that must agree before a far place is believed.
    pub agreeing: usize,
    /// Time after which a far place is believed whatever agrees, so that nothing is blocked for ever, milliseconds.
    pub believe_after_ms: i64,
    /// Radius of a stay, metres.
    pub stay_radius_m: f64,
    /// Shortest stay that is a stop, milliseconds.
    pub stay_ms: i64,
    /// Shortest trip, milliseconds.
    pub trip_ms: i64,
    /// Shortest trip, metres.
    pub trip_m: f64,
    /// Silence that closes a trip, milliseconds.
    pub gap_ms: i64,
    /// Slower than this stands, 0.1 km/h.
    pub standing_dkmh: u16,
    /// Reports inside (or outside) a fence that settle it.
    pub fence_points: usize,
    /// Or time inside (or outside), milliseconds.
    pub fence_ms: i64,
    /// A fence is left beyond its edge by this, metres, or a tenth of its radius if that is more.
    pub fence_margin_m: f64,
    /// Standing inside a fence for so long is an arrival, milliseconds.
    pub arrival_ms: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            jump_kmh: 160.0,
            noise_m: 60.0,
            agreeing: 3,
            believe_after_ms: 600_000,
            stay_radius_m: 100.0,
            stay_ms: 300_000,
            trip_ms: 300_000,
            trip_m: 500.0,
            gap_ms: 3_600_000,
            standing_dkmh: 50,
            fence_points: 2,
            fence_ms: 20_000,
            fence_margin_m: 20.0,
            arrival_ms: 60_000,
        }
    }
}
