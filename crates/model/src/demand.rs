//! Assumptions about a day's demand, as `[demand]` of `county.toml` states them. Never presented as fact.

use crate::time::DayTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `[demand]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Factor on parcels down by weekday in ten-thousandths, Monday first.
    pub weekday_down_bp: [i64; 7],
    /// Factor on lots up by weekday in ten-thousandths, Monday first.
    pub weekday_up_bp: [i64; 7],
    /// One standard deviation of a day's total around its mean, in ten-thousandths.
    pub daily_spread_bp: i64,
    /// Part of the parcels down that end at a township station, in ten-thousandths.
    pub station_share_bp: i64,
    /// Weight of a point in the county town against a village point, in ten-thousandths.
    pub community_weight_bp: i64,
    /// Promise of parcels down on the plan date.
    pub down_promise: DayTime,
    /// Latest departure of outbound goods.
    pub up_promise: DayTime,
    /// Promise of transfers.
    pub transfer_promise: DayTime,
    /// Part of the transfers that go from station to station; the rest stays within a township.
    pub transfer_station_share_bp: i64,
    /// Classes of parcels down.
    pub down: Vec<ClassDemand>,
    /// Classes of lots up.
    pub up: Vec<ClassDemand>,
    /// Volumes by profile; `default` must be there.
    pub profiles: BTreeMap<String, DemandProfile>,
}

/// One class's part of a direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassDemand {
    /// Goods class.
    pub class: String,
    /// Part of the orders, in ten-thousandths.
    pub share_bp: i64,
    /// Mean mass of an order in kilograms.
    pub kg_mean: f64,
    /// Mean volume of an order in litres.
    pub l_mean: f64,
    /// Whether it goes to stations alone (goods for shops that sell to farmers).
    #[serde(default)]
    pub stations_only: bool,
}

/// A day's volumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandProfile {
    /// Parcels down.
    pub down: i64,
    /// Lots up.
    pub up: i64,
    /// Transfers within the county.
    pub transfers: i64,
    /// Returns.
    pub returns: i64,
    /// Whether `down` is taken as it stands, without weekday, calendar or spread.
    #[serde(default)]
    pub exact: bool,
}
