//! Master rounds (时间固定、线路固定、站点固定): which van calls at which village when, week after week, planned for
//! volumes that four days in five do not exceed; and how a night's plan leaves them.

mod design;
mod wall;

pub use design::{Designed, design};
pub use wall::timetable;

use crate::baselines::rounds_of;
use crate::forecast::{DayCounts, Direction, Forecast, Quantile, Row, draft};
use crate::search::Rounds;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xiangyun_model::county::County;
use xiangyun_model::id::{SiteId, VehicleId};
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_model::site::SiteKind;

/// Minutes before and after the printed time within which the van comes.
pub const TOLERANCE_MIN: i64 = 30;
/// Version of `rounds.json`.
pub const ROUNDS_VERSION: u32 = 1;

/// A call of a master round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterCall {
    /// The place.
    pub site: String,
    /// Printed time, seconds from midnight.
    pub at_s: i64,
    /// Weekdays on which it is called at, Monday first.
    pub weekdays: [bool; 7],
}

/// A master round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterRound {
    /// The van.
    pub vehicle: String,
    /// Where it begins and ends.
    pub base: String,
    /// Which trip of its day.
    pub number: u32,
    /// It leaves its base.
    pub departs_s: i64,
    /// It is back.
    pub returns_s: i64,
    /// Calls in order.
    pub calls: Vec<MasterCall>,
}

/// A county's master rounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Master {
    /// [`ROUNDS_VERSION`].
    pub version: u32,
    /// GB/T 2260 code of the county.
    pub county: String,
    /// First day of the history.
    pub from: Date,
    /// Last day of the history.
    pub to: Date,
    /// Share of days whose volumes fit, in thousandths.
    pub quantile_pm: u32,
    /// Rounds by vehicle and number.
    pub rounds: Vec<MasterRound>,
}

/// The volumes that master rounds are planned for: for each place and direction what four days in five do not exceed.
#[must_use]
pub fn volumes(county: &County, history: &[DayCounts], date: Date) -> Forecast {
    let mut rows = Vec::new();
    for at in 0..county.sites.len() {
        for direction in Direction::ALL {
            let mut counts: Vec<u32> = history.iter().map(|d| d.sites[direction as usize][at]).collect();
            counts.sort_unstable();
            let quantile = |pm: usize| {
                counts.get((counts.len() * pm).div_ceil(1000).saturating_sub(1)).copied().unwrap_or(0)
            };
            let sum: u64 = counts.iter().map(|&n| u64::from(n)).sum();
            if sum == 0 || !county.site(SiteId::at(at)).works_on(date) {
                continue;
            }
            rows.push(Row {
                site: SiteId::at(at),
                direction,
                mean_milli: i64::try_from(sum * 1000 / counts.len().max(1) as u64).unwrap_or(0),
                p50: quantile(500),
                p80: quantile(800),
                p90: quantile(900),
                weekday_bp: 10_000,
                calendar_bp: 10_000,
                because: String::new(),
            });
        }
    }
    let carriers_pm = [0, 1].map(|d: usize| {
        let mut sums = vec![0_i64; county.carriers.len()];
        for day in history {
            for (sum, &n) in sums.iter_mut().zip(&day.carriers[d]) {
                *sum += i64::from(n);
            }
        }
        let all = sums.iter().sum::<i64>().max(1);
        sums.iter().map(|s| s * 1000 / all).collect()
    });
    Forecast { date, rows, carriers_pm, days: history.len() }
}

/// The orders of the day that the rounds are planned for.
#[must_use]
pub fn orders(county: &County, volumes: &Forecast, date: Date) -> Vec<OrderRecord> {
    draft(county, date, volumes, &[], Quantile::P80)
}

/// The master rounds of a plan of that day.
#[must_use]
pub fn master(plan: &Plan, county: &County, from: Date, to: Date) -> Master {
    let mut rounds: Vec<MasterRound> = plan
        .trips
        .iter()
        .filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct) && t.visits.len() > 2)
        .map(|trip| {
            let last = trip.visits.len() - 1;
            let calls = trip.visits[1..last].iter().filter_map(|v| {
                let site = county.find_site(&v.site)?;
                let hours = &county.site(site).hours;
                let open = [0, 1, 2, 3, 4, 5, 6]
                    .map(|d: usize| county.site(site).unattended || !hours.week[d].is_empty());
                // Printed times are those that people remember: five minutes' steps.
                Some(MasterCall { site: v.site.clone(), at_s: (v.start + 150) / 300 * 300, weekdays: open })
            });
            MasterRound {
                vehicle: trip.vehicle.clone(),
                base: trip.visits[0].site.clone(),
                number: trip.number,
                departs_s: trip.visits[0].depart,
                returns_s: trip.visits[last].arrive,
                calls: calls.collect(),
            }
        })
        .collect();
    rounds.sort_by(|a, b| (&a.vehicle, a.number).cmp(&(&b.vehicle, b.number)));
    Master { version: ROUNDS_VERSION, county: plan.county.clone(), from, to, quantile_pm: 800, rounds }
}

impl Master {
    /// The rounds as the engine keeps them.
    #[must_use]
    pub fn rounds(&self, county: &County) -> Rounds {
        let mut days: BTreeMap<VehicleId, Vec<Vec<SiteId>>> = BTreeMap::new();
        for round in &self.rounds {
            let Some(at) = county.vehicles.iter().position(|v| v.id.as_str() == round.vehicle) else {
                continue;
            };
            let places = round.calls.iter().filter_map(|c| county.find_site(&c.site)).collect();
            days.entry(VehicleId::at(at)).or_default().push(places);
        }
        Rounds { days: days.into_iter().collect() }
    }
}

/// Village points that no master round calls at: the fleet could not take their volumes on.
#[must_use]
pub fn without(master: &Master, county: &County) -> Vec<SiteId> {
    let called: std::collections::BTreeSet<&str> =
        master.rounds.iter().flat_map(|r| r.calls.iter().map(|c| c.site.as_str())).collect();
    county.sites_of(SiteKind::Village).filter(|&s| !called.contains(county.site(s).id.as_str())).collect()
}

/// How a plan leaves the master rounds at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// The place.
    pub site: String,
    /// The van of the master round.
    pub usual: String,
    /// The van of the plan; empty when the plan does not call there.
    pub now: String,
    /// Printed time, seconds from midnight.
    pub printed_s: i64,
    /// Planned time; 0 when the plan does not call there.
    pub planned_s: i64,
    /// What the move is priced at: the county's price of a strange driver where the van changes.
    pub fen: i64,
}

/// Places where a plan's van is another than the master round's, or comes at another time than printed.
#[must_use]
pub fn deviations(plan: &Plan, master: &Master, county: &County) -> Vec<Deviation> {
    let mut planned: BTreeMap<&str, Vec<(&str, i64)>> = BTreeMap::new();
    for trip in plan.trips.iter().filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct)) {
        let last = trip.visits.len().saturating_sub(1);
        for visit in trip.visits.iter().take(last).skip(1) {
            planned.entry(&visit.site).or_default().push((&trip.vehicle, visit.start));
        }
    }
    let weekday = xiangyun_model::time::weekday_index(plan.date.weekday());
    let mut all = Vec::new();
    let mut told: std::collections::BTreeSet<&str> = std::collections::BTreeSet::new();
    for round in &master.rounds {
        for call in round.calls.iter().filter(|c| c.weekdays[weekday]) {
            let village =
                county.find_site(&call.site).is_some_and(|s| county.site(s).kind == SiteKind::Village);
            if !village || !told.insert(&call.site) {
                continue;
            }
            let visits = planned.get(call.site.as_str());
            let nearest = visits.and_then(|all| {
                all.iter().min_by_key(|(van, at)| (*van != round.vehicle, (at - call.at_s).abs())).copied()
            });
            let (now, planned_s) = nearest.unwrap_or(("", 0));
            let moved = now != round.vehicle;
            let late = (planned_s - call.at_s).abs() > TOLERANCE_MIN * 60;
            if moved || late {
                all.push(Deviation {
                    site: call.site.clone(),
                    usual: round.vehicle.clone(),
                    now: now.to_owned(),
                    printed_s: call.at_s,
                    planned_s,
                    fen: if moved && !now.is_empty() { county.costs.stranger_fen } else { 0 },
                });
            }
        }
    }
    all
}

/// The rounds of a plan as the engine keeps them.
#[must_use]
pub fn of_plan(plan: &Plan, county: &County) -> Rounds {
    rounds_of(plan, county)
}
