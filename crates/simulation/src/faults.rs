//! What goes wrong, how often. Rates are per ten thousand of the thing named; counts are per day.

use serde::{Deserialize, Serialize};

/// All faults of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Spread of driving times around the tables, in thousandths.
    pub drive_spread: i64,
    /// Longest stretch of a leg by traffic, in thousandths.
    pub drive_stretch: i64,
    /// Spread of service times, in thousandths.
    pub serve_spread: i64,
    /// Longest stretch of a service, in thousandths.
    pub serve_stretch: i64,
    /// Vehicles that break down.
    pub breakdowns: u32,
    /// Carriers whose truck comes late to the hub.
    pub late_carriers: u32,
    /// Roads closed for some hours.
    pub closed_roads: u32,
    /// Days with fog in the morning.
    pub fog: u32,
    /// Market crowds: stretch of services in towns that hold a market, in thousandths.
    pub market_stretch: i64,
    /// Parcels refused at pick-up.
    pub refused: u32,
    /// Parcels damaged or missing at a hand-over.
    pub spoiled: u32,
    /// Senders who do not show up.
    pub no_show: u32,
    /// Recipients who try a wrong code first.
    pub wrong_code: u32,
    /// Legs with a blind spot of the network.
    pub blind: u32,
    /// Terminals whose clock is wrong.
    pub wrong_clock: u32,
    /// New pickups during the day, per ten thousand orders of the plan.
    pub new_pickups: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            drive_spread: 60,
            drive_stretch: 200,
            serve_spread: 90,
            serve_stretch: 300,
            breakdowns: 1,
            late_carriers: 1,
            closed_roads: 1,
            fog: 2_000,
            market_stretch: 250,
            refused: 100,
            spoiled: 8,
            no_show: 60,
            wrong_code: 50,
            blind: 300,
            wrong_clock: 400,
            new_pickups: 100,
        }
    }
}

impl Faults {
    /// Nothing goes wrong and every time is as planned.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            drive_spread: 0,
            drive_stretch: 0,
            serve_spread: 0,
            serve_stretch: 0,
            breakdowns: 0,
            late_carriers: 0,
            closed_roads: 0,
            fog: 0,
            market_stretch: 0,
            refused: 0,
            spoiled: 0,
            no_show: 0,
            wrong_code: 0,
            blind: 0,
            wrong_clock: 0,
            new_pickups: 0,
        }
    }
}
