//! What the simulated county speaks to: the running day in this process, or a daemon over its sockets.

use std::sync::Arc;
use xiangyun_dispatch::arrival::Fix;
use xiangyun_dispatch::command::{Command, PlaceOrder};
use xiangyun_dispatch::event::PlannedTrip;
use xiangyun_planning::orders::OrderRow;
use xiangyun_planning::travel::Travel;

/// Why a desk did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Stable code, for example `D204`.
    pub code: String,
    /// The words.
    pub words: String,
}

/// A position as a terminal sends it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    /// Where and when by the terminal's clock.
    pub fix: Fix,
    /// Speed in tenths of km/h.
    pub speed_dkmh: u16,
    /// Course in degrees clockwise from north.
    pub course_deg: u16,
    /// Stored during a blind spot and sent afterwards.
    pub backfill: bool,
}

/// The other side of everything that people and terminals do.
pub trait Desk {
    /// Asks for something; `now_ms` is the business clock.
    ///
    /// # Errors
    /// What was refused, with its code. Nothing has changed then.
    fn submit(&mut self, command: &Command, now_ms: i64) -> Result<(), Refused>;

    /// Trips of a vehicle as planned now, in order of departure.
    fn trips(&mut self, vehicle: &str) -> Vec<Arc<PlannedTrip>>;

    /// A terminal reports.
    fn position(&mut self, vehicle: &str, sent: Sent, now_ms: i64);

    /// An order comes in during the day and wants a place in the plan.
    fn new_order(&mut self, row: &OrderRow, order: PlaceOrder, now_ms: i64);

    /// Driving times have changed because a road closed or opened.
    fn roads_changed(&mut self, travel: &Travel, why: &str, now_ms: i64);

    /// Time has come to `now_ms`; everything before it has been said.
    fn tick(&mut self, now_ms: i64);
}
