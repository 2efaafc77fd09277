//! One vehicle with its driver and its terminal.

use crate::desk::Sent;
use crate::ways::Line;
use std::collections::BTreeSet;
use std::sync::Arc;
use xiangyun_dispatch::event::PlannedVisit;
use xiangyun_model::geo::LonLat;

/// What a vehicle is doing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doing {
    /// Stands at a site between trips, or before the first.
    Idle,
    /// At a stop until the work is done; it begins when the goods are there.
    Stopped {
        trip: String,
        visit: PlannedVisit,
        came_ms: i64,
        /// When the work will be done; none while it waits for goods or for opening.
        done_ms: Option<i64>,
    },
    /// On its way to a stop.
    Driving {
        trip: String,
        visit: PlannedVisit,
        line: Arc<Line>,
        left_ms: i64,
        comes_ms: i64,
        /// A blind spot of the network on the way: from when to when.
        blind: Option<(i64, i64)>,
    },
    /// Out of order.
    Broken,
}

/// A vehicle.
#[derive(Debug)]
pub(crate) struct Vehicle {
    pub(crate) base: String,
    /// Road profile.
    pub(crate) profile: String,
    /// Whether it carries a terminal; the buses of a line do not.
    pub(crate) terminal: bool,
    pub(crate) place: LonLat,
    pub(crate) site: String,
    pub(crate) doing: Doing,
    /// Visits made, whatever the desk knows.
    pub(crate) made: BTreeSet<String>,
    pub(crate) trip: Option<String>,
    /// Milliseconds by which its terminal's clock is wrong.
    pub(crate) clock_off_ms: i64,
    /// Reports kept during a blind spot.
    pub(crate) stored: Vec<Sent>,
    pub(crate) breaks_ms: Option<i64>,
    pub(crate) broke_at_ms: Option<i64>,
    /// This vehicle's own pace, in thousandths.
    pub(crate) pace: i64,
}

impl Vehicle {
    /// A vehicle in good order that stands at its base.
    pub(crate) fn at(base: String, place: LonLat, profile: &str) -> Self {
        Self {
            site: base.clone(),
            base,
            profile: profile.to_owned(),
            terminal: true,
            place,
            doing: Doing::Idle,
            made: BTreeSet::new(),
            trip: None,
            clock_off_ms: 0,
            stored: Vec::new(),
            breaks_ms: None,
            broke_at_ms: None,
            pace: 1_000,
        }
    }

    /// Where it is now.
    pub(crate) fn position(&self, now_ms: i64) -> LonLat {
        self.motion(now_ms).0
    }

    /// Where it is now, its speed in tenths of km/h and its course in degrees.
    pub(crate) fn motion(&self, now_ms: i64) -> (LonLat, u16, u16) {
        let Doing::Driving { line, left_ms, comes_ms, .. } = &self.doing else {
            return (self.place, 0, 0);
        };
        let whole = (comes_ms - left_ms).max(1) as f64;
        let (place, course) = line.at((now_ms - left_ms) as f64 / whole);
        let dkmh = line.length_m() / whole * 36_000.0;
        (place, dkmh.clamp(0.0, 1_500.0) as u16, course)
    }
}
