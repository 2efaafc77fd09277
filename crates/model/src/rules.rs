//! The county's rules and prices, as `county.toml` states them.

use serde::{Deserialize, Serialize};

/// `[rules]`: what every plan keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Longest driving without a rest, in seconds (道路交通安全法实施条例 第六十二条: four hours).
    pub drive_max_s: i64,
    /// Shortest rest that ends a spell of driving (the same article: twenty minutes).
    pub rest_s: i64,
    /// Longest driving on a day, in seconds (county policy after the rule for passenger drivers: eight hours).
    pub drive_day_s: i64,
    /// Most overtime of a driver on a day in seconds: duty outside the shift, before or after it.
    pub overtime_max_s: i64,
    /// Parts of a service floor: every village is visited at least so often in seven days.
    pub floor_visits_week: i64,
    /// Longest gap between visits in days.
    pub floor_gap_days: i64,
    /// Visits in seven days for poor or remote villages.
    pub floor_visits_week_poor: i64,
    /// Longest gap in days for poor or remote villages.
    pub floor_gap_days_poor: i64,
    /// Days to the new promise of a deferred order.
    pub defer_days: i64,
}

/// `[costs]`: prices in fen that are not on a vehicle, a driver or a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Putting one handled unit on or taking it off at the hub or a station, each time; a sealed load counts its
    /// units, a broken one its pieces. Lines too.
    pub unit_fen: i64,
    /// Handing over one piece at any other place, either way (the point's fee).
    pub piece_fen: i64,
    /// Sorting one piece of a down load to its village when `Load::sorted_at` is the hub.
    pub hub_sort_piece_fen: i64,
    /// The same when it is a station.
    pub station_sort_piece_fen: i64,
    /// Growth of the price of not serving, in ten-thousandths for each earlier deferral.
    pub age_bp: i64,
    /// Moving a village to a driver who does not know it.
    pub stranger_fen: i64,
    /// Imbalance: each second that a driver's paid time lies above the mean of the drivers used, per hour.
    pub balance_fen_h: i64,
    /// Breach of the floor of service of a village.
    pub floor_fen: i64,
    /// What a dawn may pay for each trunk trip of the evening that stays: a trip is given up only for more than that, or for
    /// orders that must not be left.
    #[serde(default = "Costs::kept_trip_fen_usual")]
    pub kept_trip_fen: i64,
}

impl Costs {
    /// Where a county does not say: about half of what a trip costs. As many trips stay as for 1,000 yuan each; what that
    /// saves lies within what runs by the clock differ (benches/RESULTS.md).
    const fn kept_trip_fen_usual() -> i64 {
        15_000
    }

    /// Price of not serving an order today: its own price, dearer with each earlier deferral.
    #[must_use]
    pub const fn unserved_fen(&self, order_fen: i64, deferrals: u32) -> i64 {
        order_fen + order_fen * self.age_bp * deferrals as i64 / 10_000
    }

    /// Price of lateness, rounded up to whole fen.
    #[must_use]
    pub const fn late_fen(late_fen_h: i64, late_s: i64) -> i64 {
        if late_s <= 0 { 0 } else { (late_fen_h * late_s + 3599) / 3600 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_round_as_documented() {
        assert_eq!(Costs::late_fen(100, 1), 1);
        assert_eq!(Costs::late_fen(100, -5), 0);
        assert_eq!(Costs::late_fen(100, 7200), 200);
    }
}
