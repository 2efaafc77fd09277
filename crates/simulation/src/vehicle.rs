//! One vehicle with its driver and its terminal.

use crate::desk::Sent;
use std::collections::BTreeSet;
use xiangyun_dispatch::event::PlannedVisit;

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
        from: (f64, f64),
        to: (f64, f64),
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
    pub(crate) place: (f64, f64),
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
    /// Where it is now.
    pub(crate) fn position(&self, now_ms: i64) -> (f64, f64) {
        match &self.doing {
            Doing::Driving { from, to, left_ms, comes_ms, .. } => {
                let whole = (comes_ms - left_ms).max(1) as f64;
                let part = ((now_ms - left_ms) as f64 / whole).clamp(0.0, 1.0);
                (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part)
            }
            _ => self.place,
        }
    }
}
