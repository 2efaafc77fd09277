//! The state that a day leaves behind: what waits where, where vehicles stand with what range, which returnables lie
//! where, which villages have been seen. It opens the next day.

use crate::consolidate::Consolidated;
use crate::day::Day;
use crate::orders::OrderRow;
use crate::timing::Timing;
use crate::unserved::new_date;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::SiteId;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{
    Backlog, Balance, DayState, STATE_VERSION, SiteService, Stock, UnitKind, VehicleState,
};
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::DAY_S;
use xiangyun_model::units::Amount;

/// A state of a day with nothing behind it: everything stands at its base, nothing waits.
#[must_use]
pub fn empty(county: &xiangyun_model::county::County, date: jiff::civil::Date) -> DayState {
    DayState {
        version: STATE_VERSION,
        county: county.code.clone(),
        date: date.yesterday().unwrap_or(date),
        backlog: Vec::new(),
        stock: Vec::new(),
        vehicles: Vec::new(),
        returnables: Vec::new(),
        service: Vec::new(),
    }
}

/// The closing state of a timed day.
#[must_use]
pub fn closing(day: &Day<'_>, goods: &Consolidated, rows: &[OrderRow], timing: &Timing) -> DayState {
    let mut left: Vec<usize> = goods.refused.iter().map(|r| r.order.index()).collect();
    for (load, cargo) in goods.cargo.iter().enumerate() {
        if timing.arrives[load].is_none() {
            left.extend(cargo.orders.iter().map(|o| o.index()));
        }
    }
    left.sort_unstable();
    DayState {
        version: STATE_VERSION,
        county: day.county.code.clone(),
        date: day.date,
        backlog: backlog(day, rows, &left),
        stock: stock(day, &left),
        vehicles: vehicles(day, timing),
        returnables: returnables(day, goods, timing),
        service: service(day, timing),
    }
}

fn backlog(day: &Day<'_>, rows: &[OrderRow], left: &[usize]) -> Vec<Backlog> {
    let mut backlog: Vec<Backlog> = left
        .iter()
        .map(|&at| {
            let order = &day.orders[at];
            let promised = new_date(day, order);
            let mut record = rows[at].record.clone();
            record.deferrals = (order.deferrals + 1).to_string();
            record.first_due = order.first_due.to_string();
            let clock = record.promise.split_once('T').map_or("20:00", |(_, c)| c).to_owned();
            record.promise = format!("{promised}T{clock}");
            let row = OrderRecord::COLUMNS.iter().zip(record.values());
            let age = order.first_due.until(day.date).map_or(0, |span| span.get_days());
            Backlog {
                order: order.id.to_string(),
                row: row.map(|(&column, value)| (column.to_owned(), value.to_owned())).collect(),
                site: day.county.site(order.origin).id.to_string(),
                age_days: u32::try_from(age).unwrap_or(0) + 1,
                times_deferred: order.deferrals + 1,
                promised,
            }
        })
        .collect();
    backlog.sort_by(|a, b| a.order.cmp(&b.order));
    backlog
}

fn stock(day: &Day<'_>, left: &[usize]) -> Vec<Stock> {
    let mut held: BTreeMap<(String, String), Amount> = BTreeMap::new();
    for order in left.iter().map(|&at| &day.orders[at]) {
        let key =
            (day.county.site(order.origin).id.to_string(), day.county.class(order.class).id.to_string());
        *held.entry(key).or_default() += order.amount;
    }
    held.into_iter().map(|((site, goods), amount)| Stock { site, goods, amount }).collect()
}

/// Vehicles stand where their last trip ended and charge there until midnight.
fn vehicles(day: &Day<'_>, timing: &Timing) -> Vec<VehicleState> {
    let mut states: Vec<VehicleState> = Vec::new();
    for (at, vehicle) in day.county.vehicles.iter().enumerate() {
        let before = day.opening.vehicles.iter().find(|s| s.vehicle == vehicle.id.as_str());
        let site = before.map_or_else(|| day.county.site(vehicle.base).id.to_string(), |s| s.site.clone());
        let crew = day.crews.iter().position(|c| c.vehicle.index() == at);
        let trips = || timing.trips.iter().filter(|t| Some(t.crew) == crew);
        let metres: i64 = trips().map(|t| t.metres()).sum();
        let idle_from = trips().map(|t| t.to_s()).max().unwrap_or(0);
        let range_m = vehicle.range_m.map(|full| {
            let left = before.and_then(|s| s.range_m).unwrap_or(full) - metres;
            let at_base = site == day.county.site(vehicle.base).id.as_str();
            let won = if at_base { (DAY_S - idle_from).max(0) * vehicle.charge_m_s } else { 0 };
            (left + won).clamp(0, full)
        });
        states.push(VehicleState { vehicle: vehicle.id.to_string(), site, range_m });
    }
    states.sort_by(|a, b| a.vehicle.cmp(&b.vehicle));
    states
}

/// Full units go out and come in; where more lie than a place wants, the empty ones ride home with the same visit.
fn returnables(day: &Day<'_>, goods: &Consolidated, timing: &Timing) -> Vec<Balance> {
    let mut held: BTreeMap<(SiteId, UnitKind), i64> = BTreeMap::new();
    let wanted: BTreeMap<(SiteId, UnitKind), i64> =
        day.county.stock.iter().map(|s| ((s.site, s.item), s.want)).collect();
    if day.opening.returnables.is_empty() {
        held.extend(day.county.stock.iter().map(|s| ((s.site, s.item), s.count)));
    } else {
        for balance in &day.opening.returnables {
            if let Some(site) = day.county.find_site(&balance.site) {
                *held.entry((site, balance.unit)).or_default() += balance.count;
            }
        }
    }
    let mut seen: BTreeSet<(SiteId, UnitKind)> = BTreeSet::new();
    for (load, cargo) in goods.cargo.iter().enumerate() {
        if timing.arrives[load].is_none() || !cargo.sealed {
            continue;
        }
        *held.entry((cargo.origin, cargo.unit)).or_default() -= cargo.units;
        *held.entry((cargo.destination, cargo.unit)).or_default() += cargo.units;
        seen.insert((cargo.origin, cargo.unit));
        seen.insert((cargo.destination, cargo.unit));
    }
    for key in seen.into_iter().filter(|(site, _)| *site != day.county.hub) {
        let spare = held[&key] - wanted.get(&key).copied().unwrap_or(0);
        *held.entry(key).or_default() -= spare;
        *held.entry((day.county.hub, key.1)).or_default() += spare;
    }
    let mut balances: Vec<Balance> = held
        .into_iter()
        .map(|((site, unit), count)| Balance { site: day.county.site(site).id.to_string(), unit, count })
        .collect();
    balances.sort_by(|a, b| (&a.site, a.unit).cmp(&(&b.site, b.unit)));
    balances
}

fn service(day: &Day<'_>, timing: &Timing) -> Vec<SiteService> {
    let served = timing.rides.iter().zip(&timing.arrives).filter(|(_, arrives)| arrives.is_some());
    let by_line =
        served.flat_map(|(rides, _)| rides).filter(|r| r.crew.is_none()).flat_map(|r| [r.from, r.to]);
    let visited: BTreeSet<SiteId> = timing
        .trips
        .iter()
        .flat_map(|t| &t.visits)
        .filter(|v| !(v.drop.is_empty() && v.pick.is_empty()))
        .map(|v| v.site)
        .chain(by_line)
        .collect();
    let mut rows: Vec<SiteService> = day
        .county
        .sites_of(SiteKind::Village)
        .map(|v| {
            let site = day.county.site(v);
            let before = day.opening.service.iter().find(|s| s.site == site.id.as_str());
            let today = visited.contains(&v);
            let gap = day.opening.date.until(day.date).map_or(1, |span| span.get_days()).clamp(0, 7);
            let shifted = before.map_or(0, |s| u32::from(s.week_bits) << gap);
            SiteService {
                site: site.id.to_string(),
                last_visit: if today { Some(day.date) } else { before.and_then(|s| s.last_visit) },
                week_bits: ((shifted | u32::from(today)) & 0x7f) as u8,
            }
        })
        .collect();
    rows.sort_by(|a, b| a.site.cmp(&b.site));
    rows
}
