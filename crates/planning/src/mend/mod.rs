//! The dawn plan: what really arrived replaces the forecast. Crews stay unless goods would be left without more; trunk trips
//! stay unless the search finds no way to keep one for less than the county's `costs.kept_trip_fen` and without goods
//! staying behind that must not; lines stay where leaving them saves nothing; villages change van only within a budget;
//! vans being loaded stay as they are.
//!
//! Carriers whose trucks are late have three ways, each tried and priced: their wave waits for them (**hold**), they go
//! with a later wave of the day (**split**), or they stay for another day (**miss**). The cheapest is taken, and every
//! price is told.

mod arrivals;
mod kept;
mod late;

pub use arrivals::{Arrived, arrivals};
pub use late::{Late, LateCarrier, Way, with_waves};

use crate::inputs::Inputs;
use crate::night;
use crate::orders::OrderRow;
use crate::search::{Effort, is_still_made, paired};
use jiff::civil::Date;
use serde::Serialize;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use xiangyun_model::county::County;
use xiangyun_model::plan::{Plan, Trip, TripKind};
use xiangyun_model::wave::Wave;
use xiangyun_solver::Control;

/// Villages that may change van, in thousandths of those that the evening plan visits.
pub const MOVED_MOST_PM: u64 = 100;
/// A trip that leaves within this of its time in the evening plan leaves at the same time.
const SAME_DEPARTURE_S: i64 = 1_800;
/// Part of the steps that pricing the ways of late carriers may take, in hundredths.
const PRICING_PERCENT: u64 = 30;
/// The same of an effort that is given as time: ways differ by more than a plan just laid out differs from a better one, and
/// what is left of the time is the plan's (a late truck of 30,000 orders: +1.9 and +4.4 % over a free plan in two runs, with
/// 30 % of the time +23 % in one).
const PRICING_TIME_PERCENT: u32 = 15;
/// Part of the effort that is left for the plan itself after that, in hundredths: even the shortest pricing lays the whole
/// evening out and sweeps once, which takes more steps than it is given.
const PRICED_PERCENT: u64 = 50;
/// Steps with which one way of one carrier is priced at most.
const PRICING_STEPS: u64 = 1_600;
/// Time for the search of a dawn of a day of up to so many orders, for every thousand more, and at most. People wait for it:
/// the whole is to be there within 20 s, and within 40 s for 30,000 orders.
const USUAL: Duration = Duration::from_secs(16);
const USUAL_ORDERS: usize = 15_000;
const USUAL_MORE: Duration = Duration::from_millis(1_100);
const USUAL_MOST: Duration = Duration::from_secs(36);

/// What a mending did.
#[derive(Clone, Debug, Serialize)]
pub struct Mended {
    /// The evening plan mended.
    pub from: String,
    /// Orders that the evening plan knew.
    pub orders_before: u64,
    /// Orders that arrived or wait in the villages.
    pub orders_now: u64,
    /// Villages that the evening plan visited.
    pub villages: u64,
    /// Villages that another van now visits.
    pub moved: u64,
    /// The same in thousandths.
    pub moved_pm: u64,
    /// Orders known to the evening that did not come.
    pub absent: u64,
    /// Trunk trips of the evening.
    pub trunk_trips: u64,
    /// Those of them that the same truck still makes, to half of their stations or more, in any order.
    pub trunk_kept: u64,
    /// Those of the kept ones whose common stations also follow in the same order, and which leave the hub within half an
    /// hour of when they were to.
    pub trunk_unchanged: u64,
    /// Trips of the evening instead of which the same truck makes another.
    pub trunk_rerouted: u64,
    /// Trips of the evening that are not made, nor another by the same truck instead.
    pub trunk_cancelled: u64,
    /// Trunk trips beyond those of the evening.
    pub trunk_added: u64,
    /// Departures of lines that the evening used.
    pub lines: u64,
    /// Those of them still used.
    pub lines_kept: u64,
    /// Vehicles that drive although the evening did not call them out: what arrived needs them.
    pub crews_added: Vec<String>,
    /// Late carriers with the price of each way.
    pub late: Vec<LateCarrier>,
    /// Vans that kept everything because their loading had begun.
    pub frozen: Vec<String>,
}

/// The result: a plan, the waves it is made for, and the account of what changed.
#[derive(Debug)]
pub struct Dawn {
    /// The plan.
    pub plan: Plan,
    /// The orders planned.
    pub rows: Vec<OrderRow>,
    /// The county's waves, with those that wait moved.
    pub waves: Vec<Wave>,
    /// What changed.
    pub mended: Mended,
}

/// Villages (and stations served by rounds) by the vans that visit them.
#[must_use]
pub fn vans_of(plan: &Plan) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut vans: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for trip in plan.trips.iter().filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct)) {
        let last = trip.visits.len().saturating_sub(1);
        for visit in trip.visits.iter().take(last).skip(1) {
            vans.entry(&visit.site).or_default().insert(&trip.vehicle);
        }
    }
    vans
}

/// Places of both plans, and those of them that a van now visits which did not before.
#[must_use]
pub fn moved(evening: &Plan, dawn: &Plan) -> (u64, u64) {
    let (before, after) = (vans_of(evening), vans_of(dawn));
    let moved =
        after.iter().filter(|(site, vans)| before.get(*site).is_some_and(|known| !vans.is_subset(known)));
    (before.len() as u64, moved.count() as u64)
}

/// Time for the search of a dawn with so many orders when nobody says otherwise.
#[must_use]
pub fn usual_time(orders: usize) -> Duration {
    let more = u32::try_from(orders.saturating_sub(USUAL_ORDERS) / 1_000).unwrap_or(u32::MAX);
    USUAL_MORE.saturating_mul(more).saturating_add(USUAL).min(USUAL_MOST)
}

/// Mends an evening plan.
///
/// `inputs` are those of the evening plan, `arrived` the rows of the arrivals; `loading` names vans whose loading has begun.
#[must_use]
pub fn mend(
    evening: &Plan,
    inputs: &Inputs,
    date: Date,
    arrived: &Arrived,
    loading: &[String],
    effort: &Effort,
    control: &dyn Control,
) -> Dawn {
    let county = &inputs.county;
    let villages = vans_of(evening).len() as u64;
    let moved_most = usize::try_from(villages * MOVED_MOST_PM / 1000).unwrap_or(0);
    let kept = kept::kept(evening, inputs, loading, moved_most);
    let part = |percent: u64| Effort {
        steps: effort.steps.map(|s| (s * percent / 100).max(400)),
        time: effort.time.map(|t| t * u32::try_from(percent).unwrap_or(0) / 100),
        ..effort.clone()
    };
    let waves = |moved: &[Wave]| County { waves: moved.to_vec(), ..county.clone() };
    let plan = |county: &County, rows: &[OrderRow], effort: &Effort| {
        night::mend(county, date, rows, &inputs.travel, &inputs.opening, &kept, effort, control)
    };
    let lates = late::lates(county, date, &arrived.rows);
    let mut rows = arrived.rows.clone();
    let mut chosen = county.waves.clone();
    let mut told = Vec::new();
    if !lates.is_empty() {
        let ways = 3 * lates.len() as u64;
        let steps =
            (part(PRICING_PERCENT).steps.unwrap_or(PRICING_STEPS * ways) / ways).clamp(200, PRICING_STEPS);
        let (begun, priced) = (control.elapsed(), Cell::new(0));
        for late in &lates {
            let (decided, next_waves, next_rows) =
                late.decide(county, &chosen, &rows, |waves_now, rows_now| {
                    priced.set(priced.get() + 1);
                    // Every way has as much time as the others.
                    let of_all = |all: Duration| all.saturating_sub(begun) * PRICING_TIME_PERCENT / 100;
                    let time = effort.time.map(|all| begun + of_all(all) * priced.get() / ways as u32);
                    let try_out = Effort { steps: Some(steps), time, ..effort.clone() };
                    plan(&waves(waves_now), rows_now, &try_out).cost_fen
                });
            chosen = next_waves;
            rows = next_rows;
            told.push(decided);
        }
    }
    let county_now = waves(&chosen);
    // A clock sees by itself what pricing took.
    let rest =
        if told.is_empty() { effort.clone() } else { Effort { time: effort.time, ..part(PRICED_PERCENT) } };
    let plan = plan(&county_now, &rows, &rest);
    let (villages, moved) = moved(evening, &plan);
    let stays = Stays::of(evening, &plan);
    let mended = Mended {
        from: evening.id.clone(),
        orders_before: evening.orders,
        orders_now: rows.len() as u64,
        villages,
        moved,
        moved_pm: moved * 1000 / villages.max(1),
        absent: arrived.absent,
        trunk_trips: stays.trunk_trips,
        trunk_kept: stays.trunk_kept,
        trunk_unchanged: stays.trunk_unchanged,
        trunk_rerouted: stays.trunk_rerouted,
        trunk_cancelled: stays.trunk_cancelled,
        trunk_added: stays.trunk_added,
        lines: stays.lines,
        lines_kept: stays.lines_kept,
        crews_added: stays.crews_added,
        late: told,
        frozen: loading.to_vec(),
    };
    Dawn { plan, rows, waves: chosen, mended }
}

/// What of an evening plan a dawn plan still makes.
struct Stays {
    trunk_trips: u64,
    trunk_kept: u64,
    trunk_unchanged: u64,
    trunk_rerouted: u64,
    trunk_cancelled: u64,
    trunk_added: u64,
    lines: u64,
    lines_kept: u64,
    crews_added: Vec<String>,
}

impl Stays {
    fn of(evening: &Plan, dawn: &Plan) -> Self {
        let (before, mut after) = (trunk(evening), trunk(dawn));
        // Of several ways to pair trips, one with trips little changed.
        let pairs = paired(
            before.len(),
            after.len(),
            |b, a| before[b].is_unchanged_in(&after[a]),
            |b, a| before[b].is_still_made_by(&after[a]),
        );
        let kept = || before.iter().zip(&pairs).filter_map(|(trip, pair)| Some((trip, (*pair)?)));
        let trunk_kept = kept().count() as u64;
        let trunk_unchanged = kept().filter(|(trip, a)| trip.is_unchanged_in(&after[*a])).count() as u64;
        let lost: Vec<_> =
            before.iter().zip(&pairs).filter(|(_, pair)| pair.is_none()).map(|(t, _)| t).collect();
        let mut at = 0;
        after.retain(|_| {
            at += 1;
            !pairs.contains(&Some(at - 1))
        });
        let mut trunk_rerouted = 0;
        for trip in &lost {
            if let Some(at) = after.iter().position(|other| other.vehicle == trip.vehicle) {
                after.remove(at);
                trunk_rerouted += 1;
            }
        }
        let of_kind = |plan: &Plan, line: bool| -> BTreeSet<String> {
            plan.trips
                .iter()
                .filter(|t| (t.kind == TripKind::Line) == line)
                .map(|t| t.vehicle.clone())
                .collect()
        };
        let lines = of_kind(evening, true);
        Self {
            trunk_trips: before.len() as u64,
            trunk_kept,
            trunk_unchanged,
            trunk_rerouted,
            trunk_cancelled: lost.len() as u64 - trunk_rerouted,
            trunk_added: after.len() as u64,
            lines: lines.len() as u64,
            lines_kept: lines.intersection(&of_kind(dawn, true)).count() as u64,
            crews_added: of_kind(dawn, false).difference(&of_kind(evening, false)).cloned().collect(),
        }
    }
}

/// A trunk trip as far as staying goes.
struct TrunkTrip<'p> {
    vehicle: &'p str,
    number: u32,
    departs_s: i64,
    stations: Vec<&'p str>,
}

impl TrunkTrip<'_> {
    fn is_still_made_by(&self, other: &Self) -> bool {
        other.vehicle == self.vehicle && is_still_made(&self.stations, &other.stations)
    }

    /// Whether a trip that still makes this one also keeps the order of their stations and leaves at about the same time.
    fn is_unchanged_in(&self, other: &Self) -> bool {
        let common = |of: &Self, with: &Self| -> Vec<String> {
            of.stations.iter().filter(|s| with.stations.contains(s)).map(|&s| s.to_owned()).collect()
        };
        (other.departs_s - self.departs_s).abs() <= SAME_DEPARTURE_S
            && common(self, other) == common(other, self)
    }
}

/// The trunk trips of a plan by vehicle and number.
fn trunk(plan: &Plan) -> Vec<TrunkTrip<'_>> {
    let mut all: Vec<TrunkTrip<'_>> = plan
        .trips
        .iter()
        .filter(|t| t.kind == TripKind::Trunk)
        .map(|t| TrunkTrip {
            vehicle: &t.vehicle,
            number: t.number,
            departs_s: t.visits.first().map_or(0, |v| v.depart),
            stations: stations(t),
        })
        .collect();
    all.sort_by_key(|t| (t.vehicle, t.number));
    all
}

/// The stations of a trunk trip in order.
fn stations(trip: &Trip) -> Vec<&str> {
    let away = trip.visits.len().saturating_sub(1).max(1);
    let mut all: Vec<&str> =
        trip.visits[1.min(trip.visits.len())..away].iter().map(|v| v.site.as_str()).collect();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dawn_has_more_time_for_more_orders_but_not_much() {
        assert_eq!(usual_time(0), USUAL);
        assert_eq!(usual_time(15_999), USUAL);
        assert_eq!(usual_time(25_000), Duration::from_secs(27));
        assert_eq!(usual_time(usize::MAX), USUAL_MOST);
    }

    #[test]
    fn a_trunk_trip_stays_while_half_of_its_stations_do_in_any_order() {
        let way = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_still_made(&way("a b c"), &way("c a")));
        assert!(is_still_made(&way("a c"), &way("a b c")));
        assert!(is_still_made(&way("a b"), &way("b d")));
        assert!(!is_still_made(&way("a b c"), &way("c d")));
        assert!(!is_still_made(&way("a b"), &way("c d")));
    }
}
