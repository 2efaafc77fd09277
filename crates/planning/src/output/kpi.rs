//! The key figures of a planned day, each with numerator, denominator, what is missing and its formula.
//!
//! Formulae carry a version; changing one changes its version, so that figures of two years can be compared honestly.

use super::Sources;
use super::replay;
use serde::Serialize;
use std::collections::BTreeMap;
use xiangyun_model::order::Order;
use xiangyun_model::plan::{Direction, TripKind};
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::DAY_S;

/// One key figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kpi {
    /// Stable name.
    pub id: &'static str,
    /// `numerator / denominator` in the unit, or the numerator alone where the denominator is 1.
    pub value: f64,
    /// Unit of the value.
    pub unit: &'static str,
    /// Exact numerator.
    pub numerator: i64,
    /// Exact denominator.
    pub denominator: i64,
    /// How many things could not be judged.
    pub missing: i64,
    /// How it is computed.
    pub formula: &'static str,
    /// Version of the formula.
    pub version: u32,
}

impl Kpi {
    fn count(id: &'static str, unit: &'static str, n: i64, formula: &'static str) -> Self {
        Self::ratio(id, unit, n, 1, 0, formula)
    }

    fn ratio(
        id: &'static str,
        unit: &'static str,
        numerator: i64,
        denominator: i64,
        missing: i64,
        formula: &'static str,
    ) -> Self {
        // Rounded to six decimals so that the text is the same on every machine.
        let value =
            if denominator == 0 { 0.0 } else { (numerator as f64 / denominator as f64 * 1e6).round() / 1e6 };
        Self { id, value, unit, numerator, denominator, missing, formula, version: 1 }
    }
}

/// Mass below which a vehicle counts as empty, as a part of its payload: one hundredth.
const EMPTY_PART: i64 = 100;

/// All key figures of a plan, in a fixed order.
#[must_use]
pub fn compute(sources: &Sources<'_>) -> Vec<Kpi> {
    let plan = sources.plan;
    let total = i64::try_from(plan.orders).unwrap_or(i64::MAX);
    let served = i64::try_from(plan.served()).unwrap_or(i64::MAX);
    let pieces: i64 = plan.loads.iter().map(|l| l.amount.pieces).sum();
    let own: Vec<_> = plan.trips.iter().filter(|t| t.kind != TripKind::Line).collect();
    let metres: i64 = own.iter().map(|t| t.metres).sum();
    let mut vehicles: Vec<&str> = own.iter().map(|t| t.vehicle.as_str()).collect();
    vehicles.sort_unstable();
    vehicles.dedup();
    let work_s: i64 = plan.duties.iter().map(|d| d.to - d.from).sum();
    let drive_s: i64 = plan.duties.iter().map(|d| d.drive_s).sum();
    let running = running(sources);
    let mut out = vec![
        Kpi::count("orders_total", "orders", total, "orders of the day and of the opening backlog"),
        Kpi::count("orders_served", "orders", served, "orders in a load of the plan"),
        Kpi::ratio("served_ratio", "ratio", served, total, 0, "orders served / orders"),
        Kpi::count("cost_fen", "fen", plan.cost_fen, "sum of all terms of the objective"),
        Kpi::ratio("cost_per_parcel_fen", "fen/piece", plan.cost_fen, pieces, 0, "cost_fen / pieces carried"),
        Kpi::ratio("km", "km", metres, 1_000, 0, "metres driven by own vehicles / 1000; lines not counted"),
        Kpi::count("vehicles", "vehicles", vehicles.len() as i64, "own vehicles with at least one trip"),
        Kpi::count("trips", "trips", own.len() as i64, "trips of own vehicles"),
        Kpi::ratio("driver_hours", "h", work_s, 3_600, 0, "first to last minute of every duty / 3600"),
        Kpi::ratio("driving_share", "ratio", drive_s, work_s, 0, "seconds at the wheel / seconds on duty"),
        Kpi::ratio(
            "empty_km_ratio",
            "ratio",
            running.empty_m,
            metres,
            0,
            "metres with less than 1/100 of the payload and no piece on board / metres",
        ),
        Kpi::ratio(
            "load_factor_down",
            "ratio",
            running.out_filled,
            running.out_full,
            0,
            "sum over legs up to the stop farthest from the base of metres x max(mass, volume share) / their metres",
        ),
        Kpi::ratio(
            "load_factor_up",
            "ratio",
            running.back_filled,
            running.back_full,
            0,
            "the same over the legs after the farthest stop",
        ),
    ];
    out.extend(promises(sources));
    out
}

#[derive(Default)]
struct Running {
    empty_m: i64,
    /// Metres times fill in parts per million, divided by 1000 to stay small.
    out_filled: i64,
    out_full: i64,
    back_filled: i64,
    back_full: i64,
}

fn running(sources: &Sources<'_>) -> Running {
    let mut sum = Running::default();
    for trip in sources.plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
        let replayed = replay::trip(sources, trip);
        for leg in &replayed.legs {
            if leg.on_board.pieces == 0 && leg.on_board.g * EMPTY_PART < replayed.capacity.g.max(1) {
                sum.empty_m += leg.metres;
            }
            let filled = leg.metres * replay::fill_ppm(leg, replayed.capacity) / 1_000;
            let full = leg.metres * 1_000;
            if leg.outward {
                sum.out_filled += filled;
                sum.out_full += full;
            } else {
                sum.back_filled += filled;
                sum.back_full += full;
            }
        }
    }
    sum
}

/// On time, coverage within hours, cold chain.
fn promises(sources: &Sources<'_>) -> Vec<Kpi> {
    let mut arrives: BTreeMap<&str, i64> = BTreeMap::new();
    for load in &sources.plan.loads {
        for order in &load.orders {
            arrives.insert(order, load.arrives);
        }
    }
    let due: Vec<&Order> = sources.orders.iter().filter(|o| o.promise_s <= DAY_S).collect();
    let on_time =
        due.iter().filter(|o| arrives.get(o.id.as_str()).is_some_and(|at| *at <= o.promise_s)).count() as i64;
    let mut waits: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for load in sources.plan.loads.iter().filter(|l| l.direction == Direction::Down) {
        let village = sources.site(&load.destination).is_some_and(|s| s.kind == SiteKind::Village);
        for order in load.orders.iter().filter(|_| village).filter_map(|id| sources.order(id)) {
            // Backlog has been at the hub since before today: its wait is counted from the day's start.
            waits.entry(&load.destination).or_default().push(load.arrives - order.ready_s.max(0));
        }
    }
    let villages = sources.county.sites_of(SiteKind::Village).count() as i64;
    let within =
        |hours: i64| waits.values().filter(|list| ninth_decile(list) <= hours * 3_600).count() as i64;
    let unheard = villages - waits.len() as i64;
    let formula = "village points whose P90 of (hand-over - ready at the hub) over the day's orders is within the \
                   hours / all village points; points without an order today count as missing";
    let cold: Vec<_> = sources
        .plan
        .loads
        .iter()
        .filter(|l| sources.county.bands.iter().any(|b| b.cold && b.id.as_str() == l.band))
        .collect();
    let cold_out = cold.iter().filter(|l| l.out_of_band_s > 0).count() as i64;
    vec![
        Kpi::ratio(
            "on_time",
            "ratio",
            on_time,
            due.len() as i64,
            0,
            "orders promised for the day and handed over by then / orders promised for the day; left ones are late",
        ),
        Kpi::ratio("coverage_4h", "ratio", within(4), villages, unheard, formula),
        Kpi::ratio("coverage_8h", "ratio", within(8), villages, unheard, formula),
        Kpi::ratio("coverage_24h", "ratio", within(24), villages, unheard, formula),
        Kpi::ratio(
            "cold_loads_with_time_out_of_band",
            "ratio",
            cold_out,
            cold.len() as i64,
            0,
            "cold loads planned with any second outside their band / cold loads; limits of the class are kept anyway",
        ),
    ]
}

/// The smallest value with nine tenths of the list at or below it.
fn ninth_decile(list: &[i64]) -> i64 {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * 9).div_ceil(10).max(1) - 1;
    sorted.get(at).copied().unwrap_or(i64::MAX)
}

/// The file `kpi.json`.
#[must_use]
pub fn to_json(kpis: &[Kpi]) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(kpis).expect("plain data");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninth_decile_is_a_value_of_the_list() {
        assert_eq!(ninth_decile(&[5]), 5);
        assert_eq!(ninth_decile(&(1..=10).collect::<Vec<_>>()), 9);
        assert_eq!(ninth_decile(&(1..=11).rev().collect::<Vec<_>>()), 10);
    }
}
