//! Key figures of a day as a fold over its events: what really happened, beside what the plan promised.

use crate::event::{Condition, Event};
use crate::holder::Holder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Counters of the running day; figures are quotients of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayFigures {
    /// Orders that came in.
    pub placed: u64,
    /// Delivered to recipients.
    pub delivered: u64,
    /// Delivered by the promise.
    pub on_time: u64,
    /// Returned to senders.
    pub returned: u64,
    /// Refused by recipients.
    pub refused: u64,
    /// Declared lost.
    pub lost: u64,
    /// Hand-over records confirmed.
    pub handovers: u64,
    /// Of these, with a difference.
    pub differences: u64,
    /// Stops served.
    pub stops_served: u64,
    /// Stops failed or skipped.
    pub stops_failed: u64,
    /// Exceptions raised.
    pub exceptions: u64,
    /// Exceptions closed without anybody acting.
    pub false_alarms: u64,
    /// Repairs accepted.
    pub repairs: u64,
    /// Fen collected.
    pub cash_fen: i64,
    /// Fen missing or too many at day closes, without sign.
    pub cash_difference_fen: i64,
    /// Claims opened.
    pub claims: u64,
    /// Outbound orders that their carriers took over at the hub.
    pub handed_on: u64,
    /// Deferred to another day, counted once an order.
    pub deferred: u64,
    /// Sent to another point.
    pub diverted: u64,
    /// Runs of temperature outside the band, and spans without proof.
    pub cold_runs: u64,
    /// Vehicles that broke down.
    pub breakdowns: u64,
    outbound: BTreeSet<String>,
    to_carrier: BTreeSet<String>,
    put_off: BTreeSet<String>,
    promises: BTreeMap<String, i64>,
    served_stops: BTreeMap<String, i64>,
}

impl DayFigures {
    /// Folds one event in.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::OrderPlaced(e) => {
                self.placed += 1;
                self.promises.insert(e.order.clone(), e.promise_ms);
                if e.direction != "down" {
                    self.outbound.insert(e.order.clone());
                }
            }
            Event::HandOverOpened(e) if matches!(e.to, Holder::Carrier(_)) => {
                self.to_carrier.insert(e.handover.clone());
            }
            Event::OrderChanged(e) => {
                self.promises.insert(e.order.clone(), e.promise_ms);
            }
            Event::HandOverConfirmed(e) => {
                self.handovers += 1;
                if self.to_carrier.remove(&e.handover) {
                    self.handed_on += e.moved.iter().filter(|o| self.outbound.remove(*o)).count() as u64;
                }
                self.differences += u64::from(!e.missing.is_empty() || !e.extra.is_empty());
            }
            Event::Delivered(e) => {
                self.delivered += 1;
                let by = self.promises.get(&e.order).copied().unwrap_or(i64::MAX);
                self.on_time += u64::from(e.at_ms <= by);
            }
            Event::RefusedByRecipient(_) => self.refused += 1,
            Event::ReturnedToSender(_) => self.returned += 1,
            Event::DeclaredLost(_) => self.lost += 1,
            Event::StopServed(e) => {
                self.stops_served += 1;
                self.served_stops.insert(e.visit.clone(), e.at_ms);
            }
            Event::StopFailed(_) => self.stops_failed += 1,
            Event::ExceptionRaised(_) => self.exceptions += 1,
            Event::ExceptionClosed(e) => self.false_alarms += u64::from(!e.acted),
            Event::RepairAccepted(_) => self.repairs += 1,
            Event::CashTaken(e) => self.cash_fen += e.fen,
            Event::CashClosed(e) => self.cash_difference_fen += (e.expected_fen - e.counted_fen).abs(),
            Event::ClaimOpened(_) => self.claims += 1,
            Event::Deferred(e) => self.deferred += u64::from(self.put_off.insert(e.order.clone())),
            Event::Diverted(_) => self.diverted += 1,
            Event::ColdRun(_) => self.cold_runs += 1,
            Event::VehicleCondition(e) => {
                self.breakdowns += u64::from(e.condition == Condition::Broken);
            }
            _ => {}
        }
    }
}

/// Every order in exactly one place: how many each kind of holder has.
#[must_use]
pub fn by_holder_kind(balance: &BTreeMap<Holder, u64>) -> BTreeMap<&'static str, u64> {
    let mut out = BTreeMap::new();
    for (holder, n) in balance {
        let kind = match holder {
            Holder::Carrier(_) => "carrier",
            Holder::Sender(_) => "sender",
            Holder::Site(_) => "site",
            Holder::Vehicle(_) => "vehicle",
            Holder::Recipient(_) => "recipient",
            Holder::Returned(_) => "returned",
            Holder::Lost(_) => "lost",
        };
        *out.entry(kind).or_insert(0) += n;
    }
    out
}
