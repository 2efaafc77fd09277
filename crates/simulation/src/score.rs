//! The day judged: the invariants, and its figures counted anew from the log by another way than the fold.

use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_dispatch::event::Event;
use xiangyun_dispatch::holder::Holder;
use xiangyun_dispatch::kpi::DayFigures;
use xiangyun_dispatch::state::State;
use xiangyun_model::county::County;

/// Figures counted from a log by grouping what was said of each order, not by folding.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Recount {
    /// Orders placed.
    pub placed: u64,
    /// Delivered.
    pub delivered: u64,
    /// Delivered by the promise that held then.
    pub on_time: u64,
    /// Refused.
    pub refused: u64,
    /// Back with senders.
    pub returned: u64,
    /// Lost.
    pub lost: u64,
    /// Outbound orders taken over by their carriers.
    pub handed_on: u64,
    /// Deferred at least once.
    pub deferred: u64,
    /// Stops served.
    pub stops_served: u64,
    /// Exceptions raised.
    pub exceptions: u64,
    /// Exceptions that settled without anybody acting.
    pub false_alarms: u64,
    /// Repairs accepted.
    pub repairs: u64,
    /// Fen taken.
    pub cash_fen: i64,
}

impl Recount {
    /// Counts a log anew.
    #[must_use]
    pub fn of(log: &[(i64, Event)]) -> Self {
        let mut about: BTreeMap<&str, Vec<(usize, &Event)>> = BTreeMap::new();
        for (i, (_, event)) in log.iter().enumerate() {
            let order = match event {
                Event::OrderPlaced(e) => &e.order,
                Event::OrderChanged(e) => &e.order,
                Event::Delivered(e) => &e.order,
                Event::RefusedByRecipient(e) => &e.order,
                Event::ReturnedToSender(e) => &e.order,
                Event::DeclaredLost(e) => &e.order,
                Event::Deferred(e) => &e.order,
                _ => continue,
            };
            about.entry(order).or_default().push((i, event));
        }
        let mut sum = Self { placed: about.len() as u64, ..Self::default() };
        for story in about.values() {
            let count = |pick: fn(&Event) -> bool| story.iter().filter(|(_, e)| pick(e)).count() as u64;
            sum.delivered += count(|e| matches!(e, Event::Delivered(_)));
            sum.refused += count(|e| matches!(e, Event::RefusedByRecipient(_)));
            sum.returned += count(|e| matches!(e, Event::ReturnedToSender(_)));
            sum.lost += count(|e| matches!(e, Event::DeclaredLost(_)));
            sum.deferred += count(|e| matches!(e, Event::Deferred(_))).min(1);
            let end = story.iter().find_map(|(i, e)| match e {
                Event::Delivered(d) => Some((*i, d.at_ms)),
                _ => None,
            });
            if let Some((end, at_ms)) = end {
                let promise = story.iter().filter(|(i, _)| *i < end).rev().find_map(|(_, e)| match e {
                    Event::OrderPlaced(o) => Some(o.promise_ms),
                    Event::OrderChanged(o) => Some(o.promise_ms),
                    _ => None,
                });
                sum.on_time += u64::from(promise.is_some_and(|p| at_ms <= p));
            }
        }
        let outbound: BTreeSet<&str> = log
            .iter()
            .filter_map(|(_, e)| match e {
                Event::OrderPlaced(o) if o.direction != "down" => Some(o.order.as_str()),
                _ => None,
            })
            .collect();
        let to_carriers: BTreeSet<&str> = log
            .iter()
            .filter_map(|(_, e)| match e {
                Event::HandOverOpened(h) if matches!(h.to, Holder::Carrier(_)) => Some(h.handover.as_str()),
                _ => None,
            })
            .collect();
        let handed: BTreeSet<&str> = log
            .iter()
            .filter_map(|(_, e)| match e {
                Event::HandOverConfirmed(h) if to_carriers.contains(h.handover.as_str()) => Some(&h.moved),
                _ => None,
            })
            .flatten()
            .map(String::as_str)
            .filter(|o| outbound.contains(o))
            .collect();
        sum.handed_on = handed.len() as u64;
        let count = |pick: fn(&Event) -> bool| log.iter().filter(|(_, e)| pick(e)).count() as u64;
        sum.stops_served = count(|e| matches!(e, Event::StopServed(_)));
        sum.exceptions = count(|e| matches!(e, Event::ExceptionRaised(_)));
        sum.false_alarms = count(|e| matches!(e, Event::ExceptionClosed(c) if !c.acted));
        sum.repairs = count(|e| matches!(e, Event::RepairAccepted(_)));
        sum.cash_fen = log.iter().map(|(_, e)| if let Event::CashTaken(c) = e { c.fen } else { 0 }).sum();
        sum
    }

    /// The same figures from the fold.
    #[must_use]
    pub const fn folded(f: &DayFigures) -> Self {
        Self {
            placed: f.placed,
            delivered: f.delivered,
            on_time: f.on_time,
            refused: f.refused,
            returned: f.returned,
            lost: f.lost,
            handed_on: f.handed_on,
            deferred: f.deferred,
            stops_served: f.stops_served,
            exceptions: f.exceptions,
            false_alarms: f.false_alarms,
            repairs: f.repairs,
            cash_fen: f.cash_fen,
        }
    }
}

/// What a vehicle may carry.
#[derive(Debug)]
pub struct Capacities {
    by_vehicle: BTreeMap<String, (i64, i64, i64)>,
    amounts: BTreeMap<String, (i64, i64, i64)>,
    aboard: BTreeMap<String, (i64, i64, i64)>,
    handovers: BTreeMap<String, (Holder, Holder)>,
    next: usize,
}

impl Capacities {
    /// Of a county's vehicles: payload, and the largest layout's room and pieces.
    #[must_use]
    pub fn of(county: &County) -> Self {
        let most = |v: &xiangyun_model::fleet::Vehicle| {
            let sums = v
                .layouts
                .iter()
                .map(|l| l.compartments.iter().fold((0, 0), |(c, p), r| (c + r.room.cm3, p + r.room.pieces)));
            let (cm3, pieces) = sums.fold((0, 0), |(c, p), (a, b)| (c.max(a), p.max(b)));
            (v.payload_g, cm3, pieces)
        };
        Self {
            by_vehicle: county.vehicles.iter().map(|v| (v.id.to_string(), most(v))).collect(),
            amounts: BTreeMap::new(),
            aboard: BTreeMap::new(),
            handovers: BTreeMap::new(),
            next: 0,
        }
    }

    /// Follows a log and says which vehicle was overloaded by its next events.
    pub fn follow(&mut self, log: &[(i64, Event)]) -> Vec<String> {
        let mut faults = Vec::new();
        for (at, event) in log.iter().skip(self.next) {
            match event {
                Event::OrderPlaced(e) => {
                    self.amounts.insert(e.order.clone(), (e.g, e.cm3, e.pieces));
                }
                Event::HandOverOpened(e) => {
                    self.handovers.insert(e.handover.clone(), (e.from.clone(), e.to.clone()));
                }
                Event::HandOverConfirmed(e) => {
                    let Some((from, to)) = self.handovers.remove(&e.handover) else { continue };
                    for (holder, sign) in [(&from, -1), (&to, 1)] {
                        let Holder::Vehicle(v) = holder else { continue };
                        let sum = self.aboard.entry(v.clone()).or_default();
                        for (g, cm3, pieces) in e.moved.iter().filter_map(|o| self.amounts.get(o)) {
                            *sum = (sum.0 + sign * g, sum.1 + sign * cm3, sum.2 + sign * pieces);
                        }
                        if let Some(most) = self.by_vehicle.get(v)
                            && (sum.0 > most.0 || sum.1 > most.1 || sum.2 > most.2)
                        {
                            faults.push(format!("{v} at {at}: {sum:?} of {most:?}"));
                        }
                    }
                }
                _ => {}
            }
        }
        self.next = log.len();
        faults
    }
}

/// Every delivery at a stop of the plan, and every hand-over there, was made after the vehicle's arrival.
#[must_use]
pub fn proofs_without_arrival(log: &[(i64, Event)]) -> Vec<String> {
    let mut arrived: BTreeSet<&str> = BTreeSet::new();
    let mut faults = Vec::new();
    for (_, event) in log {
        match event {
            Event::StopArrived(e) => {
                arrived.insert(&e.visit);
            }
            Event::HandOverOpened(e) => {
                if let Some(visit) = &e.visit
                    && !arrived.contains(visit.as_str())
                {
                    faults.push(format!("hand-over {} at {visit}", e.handover));
                }
            }
            Event::StopServed(e) if !arrived.contains(e.visit.as_str()) => {
                faults.push(format!("stop {}", e.visit));
            }
            _ => {}
        }
    }
    faults
}

/// Orders whose holder at the desk is not where they really are.
#[must_use]
pub fn misplaced(world: &World<'_>, state: &State) -> Vec<String> {
    world
        .holders()
        .into_iter()
        .filter(|(id, truth)| state.order(id).is_none_or(|o| o.holder != *truth))
        .map(|(id, truth)| {
            let desk = state.order(&id).map_or("unknown".to_owned(), |o| o.holder.to_string());
            format!("{id}: really {truth}, at the desk {desk}")
        })
        .collect()
}

/// Arrivals that positions told though the vehicle did not stand there then: vehicle, site and when, with where it really
/// stood next.
#[must_use]
pub fn false_arrivals(world: &World<'_>, told: &[(String, String, i64)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (vehicle, site, at) in told {
        let stood = world.stood.get(vehicle).map_or(&[][..], Vec::as_slice);
        let here =
            stood.iter().any(|(s, from, to)| s == site && (from - 180_000..=to + 180_000).contains(at));
        // Between two stops at one place, a base between trips, it stands there too.
        let between =
            stood.windows(2).any(|w| w[0].0 == *site && w[1].0 == *site && (w[0].1..=w[1].2).contains(at));
        if !here && !between {
            let before = stood.iter().rev().find(|(_, from, _)| from <= at);
            let after = stood.iter().find(|(_, from, _)| from > at);
            wrong.push(format!("{vehicle} at {site} {at}: before {before:?}, after {after:?}"));
        }
    }
    wrong
}
