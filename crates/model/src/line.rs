//! Fixed lines by timetable: buses with a freight hold (客货邮) and contracted lines.

use crate::id::Code;
use crate::id::SiteId;
use crate::units::Amount;

/// One stop of one departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineStop {
    /// Hub, station or village point.
    pub site: SiteId,
    /// Arrival, seconds from midnight.
    pub arrive_s: i64,
    /// Departure, seconds from midnight.
    pub depart_s: i64,
}

/// One departure of one line: it runs whether we load it or not.
#[derive(Clone, Debug)]
pub struct LineTrip {
    /// Outside id of the departure, such as `L1-0640`.
    pub id: Code,
    /// The line it belongs to.
    pub line: String,
    /// Chinese name of the line.
    pub name_zh: String,
    /// Stops in order; a later time at each.
    pub stops: Vec<LineStop>,
    /// What the luggage leaves of the hold on a bad day (P20), for this departure. One ambient compartment.
    pub hold: Amount,
    /// Most pieces handed over at one stop, both ways together: what its dwell allows.
    pub stop_pieces: i64,
    /// Goods must be at the stop this long before departure.
    pub closes_s: i64,
    /// Weekdays on which it runs, Monday first.
    pub weekdays: [bool; 7],
    /// Price of using this departure at all, in fen.
    pub use_fen: i64,
    /// Price for each piece carried, in fen.
    pub piece_fen: i64,
}
