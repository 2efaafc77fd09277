//! The fold: what each event makes of the state. It never refuses: what was written has happened.

use super::{
    Acceptance, ClaimState, ExceptionState, HandOverState, OFFERS_KEPT, OFFERS_MAX, OfferState, OrderState,
    Phase, SCANS_MAX, Shelf, State, StopPhase, StopState, UnitState, returnable_key,
};
use crate::event::{Event, OrderPlaced, PlannedTrip};
use crate::holder::Holder;
use std::collections::BTreeSet;

impl State {
    /// Folds one event in.
    pub fn apply(&mut self, event: &Event) {
        self.folded += 1;
        match event {
            Event::OrderPlaced(e) => {
                self.orders.insert(e.order.clone(), placed(e));
            }
            Event::OrderChanged(e) => {
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.destination.clone_from(&e.destination);
                    order.promise_ms = e.promise_ms;
                    order.agreed.clone_from(&e.agreed);
                }
            }
            Event::OrderCancelled(e) => self.phase(&e.order, Phase::Cancelled),
            Event::AcceptanceStep(e) => {
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.acceptance.real_name |= e.real_name;
                    order.acceptance.inspected |= e.inspected;
                    order.acceptance.screened |= e.screened;
                }
            }
            Event::UnitPacked(e) => {
                for id in &e.orders {
                    if let Some(order) = self.orders.get_mut(id) {
                        order.unit = Some(e.unit.clone());
                    }
                }
                let orders = e.orders.iter().cloned().collect();
                self.units
                    .insert(e.unit.clone(), UnitState { site: e.site.clone(), seal: e.seal.clone(), orders });
            }
            Event::UnitOpened(e) => {
                if let Some(unit) = self.units.remove(&e.unit) {
                    for id in &unit.orders {
                        if let Some(order) = self.orders.get_mut(id) {
                            order.unit = None;
                        }
                    }
                }
            }
            Event::HandOverOpened(e) => {
                self.handovers.insert(
                    e.handover.clone(),
                    HandOverState {
                        site: e.site.clone(),
                        from: e.from.clone(),
                        to: e.to.clone(),
                        visit: e.visit.clone(),
                        expected: e.expected.iter().cloned().collect(),
                        actual: e.actual.clone(),
                        seals: e.seals.clone(),
                        confirmed: false,
                    },
                );
            }
            Event::HandOverConfirmed(e) => self.handed_over(&e.handover, &e.moved, e.at_ms),
            Event::TripPlanned(e) => self.plan_trip(&e.trip),
            Event::TripDropped(e) => self.drop_trip(&e.trip, &e.vehicle),
            Event::StopArrived(e) => self.stop(&e.visit, &e.vehicle, StopPhase::Arrived, Some(e.at_ms), None),
            Event::StopServed(e) => {
                self.stop(&e.visit, &e.vehicle, StopPhase::Served, None, Some(e.at_ms));
                self.count_left_behind(&e.visit, &e.vehicle);
                self.set_out(&e.visit);
            }
            Event::StopFailed(e) => {
                let phase = if e.skipped { StopPhase::Skipped } else { StopPhase::Failed };
                self.stop(&e.visit, &e.vehicle, phase, None, None);
                self.set_out(&e.visit);
            }
            Event::Shelved(e) => {
                self.unshelve(&e.order);
                let pieces = self.orders.get(&e.order).map_or(0, |o| o.pieces);
                *self.on_shelf.entry(e.site.clone()).or_insert(0) += pieces;
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.phase = Phase::Shelved;
                    order.shelf = Some(Shelf {
                        site: e.site.clone(),
                        shelf: e.shelf.clone(),
                        code_hash: e.code_hash.clone(),
                        keep_until_ms: e.keep_until_ms,
                        tries: 0,
                    });
                }
            }
            Event::CodeTried(e) => {
                if let Some(shelf) = self.orders.get_mut(&e.order).and_then(|o| o.shelf.as_mut()) {
                    shelf.tries += 1;
                }
            }
            Event::Delivered(e) => {
                self.close(&e.order, Holder::Recipient(e.order.clone()), &e.site, e.at_ms);
            }
            Event::RefusedByRecipient(e) => {
                self.unshelve(&e.order);
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.cash = None;
                    order.shelf = None;
                    order.phase = Phase::Returning;
                }
            }
            Event::ReturnStarted(e) => {
                self.unshelve(&e.order);
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.shelf = None;
                    order.phase = Phase::Returning;
                }
            }
            Event::ReturnedToSender(e) => {
                let site = self.orders.get(&e.order).map(|o| o.site.clone()).unwrap_or_default();
                self.close(&e.order, Holder::Returned(e.order.clone()), &site, e.at_ms);
            }
            Event::DeclaredLost(e) => {
                let site = self.orders.get(&e.order).map(|o| o.site.clone()).unwrap_or_default();
                self.close(&e.order, Holder::Lost(e.order.clone()), &site, 0);
            }
            Event::CashTaken(e) => {
                *self.cash.entry(e.holder.to_string()).or_insert(0) += e.fen;
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.cash = None;
                }
            }
            Event::CashClosed(e) => {
                self.cash.insert(e.holder.to_string(), 0);
            }
            Event::ExceptionRaised(e) => {
                self.exceptions.insert(
                    e.exception.clone(),
                    ExceptionState {
                        kind: e.kind,
                        subject: e.subject.clone(),
                        in_charge: e.in_charge.clone(),
                        evidence: e.evidence.clone(),
                        price_fen: e.price_fen,
                        closed: false,
                        offers: Vec::new(),
                    },
                );
            }
            Event::ExceptionClosed(e) => {
                if let Some(exception) = self.exceptions.get_mut(&e.exception) {
                    exception.closed = true;
                    let offers = std::mem::take(&mut exception.offers);
                    let kept = self.forget_offers(offers, 0);
                    if let Some(exception) = self.exceptions.get_mut(&e.exception) {
                        exception.offers = kept;
                    }
                }
            }
            Event::RepairOffered(e) => {
                if let Some(exception) = self.exceptions.get_mut(&e.exception) {
                    exception.offers.push(e.offer.clone());
                    let offers = std::mem::take(&mut exception.offers);
                    let kept = self.forget_offers(offers, OFFERS_KEPT);
                    if let Some(exception) = self.exceptions.get_mut(&e.exception) {
                        exception.offers = kept;
                    }
                }
                self.offers.insert(
                    e.offer.clone(),
                    OfferState {
                        exception: e.exception.clone(),
                        trips: e.trips.clone(),
                        touched: e.touched.clone(),
                        price_fen: e.price_fen,
                        lateness_s: e.lateness_s,
                        moved_stops: e.moved_stops,
                        dropped: e.dropped.clone(),
                        patch: e.patch.clone(),
                        accepted: false,
                        accepted_at: 0,
                    },
                );
            }
            Event::RepairAccepted(e) => {
                if let Some(offer) = self.offers.get_mut(&e.offer) {
                    offer.accepted = true;
                    offer.accepted_at = self.folded;
                }
                self.forget_old_offers();
            }
            Event::ClaimOpened(e) => {
                self.claims.insert(
                    e.claim.clone(),
                    ClaimState { order: e.order.clone(), asked_fen: e.fen, paid_fen: None },
                );
            }
            Event::ClaimSettled(e) => {
                if let Some(claim) = self.claims.get_mut(&e.claim) {
                    claim.paid_fen = Some(e.fen);
                }
            }
            Event::PositionsSealed(_) | Event::ColdRun(_) => {}
            Event::ConsentRecorded(e) => {
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.agreed = Some(e.agreed.clone());
                }
            }
            Event::Diverted(e) => {
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.destination.clone_from(&e.to);
                }
            }
            Event::Deferred(e) => {
                if let Some(order) = self.orders.get_mut(&e.order) {
                    order.promise_ms = e.promise_ms;
                    order.held_until_ms = Some(e.promise_ms);
                    order.site.clone_from(&e.site);
                }
            }
            Event::PointRoom(e) => {
                self.rooms.insert(e.site.clone(), e.pieces);
            }
            Event::VehicleCondition(e) => {
                let vehicle = self.vehicles.entry(e.vehicle.clone()).or_default();
                vehicle.condition = e.condition;
                vehicle.version += 1;
            }
            Event::ShiftStarted(e) => {
                self.shifts.insert(e.driver.clone(), e.vehicle.clone());
            }
            Event::ShiftEnded(e) => {
                self.shifts.remove(&e.driver);
            }
            Event::ReturnablesMoved(e) => {
                self.returnable_records.insert(e.record.clone());
                *self.returnables.entry(returnable_key(&e.from, e.item)).or_insert(0) -= e.count;
                *self.returnables.entry(returnable_key(&e.to, e.item)).or_insert(0) += e.count;
            }
            Event::ReturnablesCounted(e) => {
                self.returnables.insert(returnable_key(&e.holder, e.item), e.counted);
            }
            Event::VisitRevised(e) => {
                if let Some(stop) = self.stops.get_mut(&e.visit) {
                    stop.arrived_ms = Some(e.arrived_ms);
                    stop.left_ms = e.left_ms.or(stop.left_ms);
                    if !matches!(stop.phase, StopPhase::Served | StopPhase::Failed) {
                        stop.phase = StopPhase::Arrived;
                    }
                }
                if let Some(vehicle) = self.vehicles.get_mut(&e.vehicle) {
                    vehicle.version += 1;
                }
            }
            Event::ScanSent(e) => {
                if self.scans.len() >= SCANS_MAX {
                    self.scans.retain(|_, s| s.receipt.is_none());
                }
                let scan = self.scans.entry(e.scan.clone()).or_default();
                scan.attempts = scan.attempts.max(e.attempt);
            }
            Event::ScanReceipt(e) => {
                let scan = self.scans.entry(e.scan.clone()).or_default();
                scan.receipt.get_or_insert_with(|| e.receipt.clone());
            }
            Event::ScanFailed(e) => {
                let scan = self.scans.entry(e.scan.clone()).or_default();
                scan.retry_ms = e.retry_ms;
                scan.why.clone_from(&e.why);
            }
            Event::PersonErased(e) => {
                for order in self.orders.values_mut().filter(|o| o.person == Some(e.person)) {
                    order.person = None;
                }
            }
        }
    }

    /// Drops offers that were not accepted but the last `keep`; gives those that stay. The log has them all.
    fn forget_offers(&mut self, offers: Vec<String>, keep: usize) -> Vec<String> {
        let accepted = |id: &String| self.offers.get(id).is_some_and(|o| o.accepted);
        let open = offers.iter().filter(|id| !accepted(id)).count();
        let mut gone = open.saturating_sub(keep);
        let mut kept = Vec::with_capacity(offers.len());
        for id in offers {
            if gone > 0 && self.offers.get(&id).is_none_or(|o| !o.accepted) {
                self.offers.remove(&id);
                gone -= 1;
            } else {
                kept.push(id);
            }
        }
        kept
    }

    /// Changes accepted long ago are part of trips that are over.
    fn forget_old_offers(&mut self) {
        if self.offers.len() <= OFFERS_MAX {
            return;
        }
        let mut at: Vec<u64> = self.offers.values().filter(|o| o.accepted).map(|o| o.accepted_at).collect();
        at.sort_unstable();
        let Some(&middle) = at.get(at.len() / 2) else { return };
        self.offers.retain(|_, o| !o.accepted || o.accepted_at >= middle);
    }

    fn phase(&mut self, order: &str, phase: Phase) {
        if let Some(order) = self.orders.get_mut(order) {
            order.phase = phase;
        }
    }

    /// Takes an order off the count of its shelf; the caller clears or replaces the shelf itself.
    fn unshelve(&mut self, order: &str) {
        let Some(order) = self.orders.get(order) else { return };
        if let Some(shelf) = &order.shelf
            && let Some(pieces) = self.on_shelf.get_mut(&shelf.site)
        {
            *pieces -= order.pieces;
        }
    }

    fn close(&mut self, order: &str, holder: Holder, site: &str, at_ms: i64) {
        self.unshelve(order);
        if let Some(order) = self.orders.get_mut(order) {
            order.phase = Phase::Closed;
            order.holder = holder;
            site.clone_into(&mut order.site);
            order.shelf = None;
            order.closed_ms = (at_ms > 0).then_some(at_ms);
            if let Some(unit) = order.unit.take()
                && let Some(unit) = self.units.get_mut(&unit)
            {
                unit.orders.remove(order_key(&order.holder));
            }
        }
    }

    fn handed_over(&mut self, handover: &str, moved: &[String], at_ms: i64) {
        let Some(record) = self.handovers.get_mut(handover) else { return };
        record.confirmed = true;
        let (to, site) = (record.to.clone(), record.site.clone());
        if let (Holder::Vehicle(_), Some(visit)) = (&to, &record.visit) {
            let left = record.expected.iter().filter(|o| !moved.contains(o));
            if left.clone().next().is_some() {
                self.left_behind.entry(visit.clone()).or_default().extend(left.cloned());
            }
        }
        for id in moved {
            self.unshelve(id);
            let Some(order) = self.orders.get_mut(id) else { continue };
            order.holder = to.clone();
            order.site.clone_from(&site);
            order.held_until_ms = None;
            order.phase = match (&to, order.phase) {
                // Outbound goods that their carrier has taken over have left the county: our part is done.
                (Holder::Carrier(_), Phase::InCustody) if order.direction != "down" => {
                    order.closed_ms = Some(at_ms);
                    Phase::Closed
                }
                (Holder::Carrier(_), phase) => phase,
                (_, Phase::Placed | Phase::Shelved | Phase::InCustody) => Phase::InCustody,
                (_, phase) => phase,
            };
            order.shelf = None;
        }
    }

    /// What a stop's list names and its vehicle does not have when it leaves. Where nobody has scanned anything, the list
    /// stands for what is aboard.
    fn count_left_behind(&mut self, visit: &str, vehicle: &str) {
        let Some((_, planned, _)) = self.visit(visit) else { return };
        let aboard = |o: &&String| {
            let holder = self.orders.get(*o).map(|o| &o.holder);
            matches!(holder, Some(Holder::Vehicle(v)) if v == vehicle)
        };
        let (aboard, left): (Vec<&String>, Vec<&String>) = planned.load.iter().partition(aboard);
        let left: BTreeSet<String> = left.into_iter().cloned().collect();
        if left.is_empty() {
            self.left_behind.remove(visit);
        } else if !aboard.is_empty() || self.left_behind.contains_key(visit) {
            self.left_behind.insert(visit.to_owned(), left);
        }
    }

    fn plan_trip(&mut self, trip: &PlannedTrip) {
        let first_ms = |t: &PlannedTrip| t.visits.first().map_or(i64::MAX, |v| v.depart_ms);
        let before = self.trips.insert(trip.trip.clone(), trip.clone());
        if let Some(before) = before {
            for visit in &before.visits {
                if !trip.visits.iter().any(|v| v.visit == visit.visit) {
                    self.stops.remove(&visit.visit);
                    self.left_behind.remove(&visit.visit);
                }
            }
            if before.vehicle != trip.vehicle
                && let Some(old) = self.vehicles.get_mut(&before.vehicle)
            {
                old.trips.retain(|t| *t != trip.trip);
                old.version += 1;
            }
        }
        for (index, visit) in trip.visits.iter().enumerate() {
            let stop = self.stops.entry(visit.visit.clone()).or_insert(StopState {
                trip: trip.trip.clone(),
                index,
                phase: StopPhase::Planned,
                arrived_ms: None,
                left_ms: None,
            });
            stop.trip.clone_from(&trip.trip);
            stop.index = index;
        }
        let mut list = self.vehicles.get(&trip.vehicle).map(|v| v.trips.clone()).unwrap_or_default();
        list.retain(|t| *t != trip.trip);
        list.push(trip.trip.clone());
        list.sort_by_key(|id| (self.trips.get(id).map_or(i64::MAX, first_ms), id.clone()));
        let vehicle = self.vehicles.entry(trip.vehicle.clone()).or_default();
        vehicle.version += 1;
        vehicle.trips = list;
    }

    fn drop_trip(&mut self, trip: &str, vehicle: &str) {
        if let Some(gone) = self.trips.remove(trip) {
            for visit in gone.visits {
                self.stops.remove(&visit.visit);
                self.left_behind.remove(&visit.visit);
            }
        }
        if let Some(vehicle) = self.vehicles.get_mut(vehicle) {
            vehicle.trips.retain(|t| t != trip);
            vehicle.version += 1;
        }
    }

    fn stop(
        &mut self,
        visit: &str,
        vehicle: &str,
        phase: StopPhase,
        arrived_ms: Option<i64>,
        left_ms: Option<i64>,
    ) {
        if let Some(stop) = self.stops.get_mut(visit) {
            stop.phase = phase;
            stop.arrived_ms = arrived_ms.or(stop.arrived_ms);
            stop.left_ms = left_ms.or(stop.left_ms);
        }
        if let Some(vehicle) = self.vehicles.get_mut(vehicle) {
            vehicle.version += 1;
        }
    }

    /// The next stop of the trip is under way.
    fn set_out(&mut self, visit: &str) {
        let Some(stop) = self.stops.get(visit) else { return };
        let next =
            self.trips.get(&stop.trip).and_then(|t| t.visits.get(stop.index + 1)).map(|v| v.visit.clone());
        if let Some(next) = next.and_then(|id| self.stops.get_mut(&id))
            && next.phase == StopPhase::Planned
        {
            next.phase = StopPhase::EnRoute;
        }
    }
}

/// The order id inside a final holder.
fn order_key(holder: &Holder) -> &str {
    match holder {
        Holder::Recipient(id) | Holder::Returned(id) | Holder::Lost(id) => id,
        Holder::Carrier(_) | Holder::Sender(_) | Holder::Site(_) | Holder::Vehicle(_) => "",
    }
}

fn placed(e: &OrderPlaced) -> OrderState {
    // Goods from outside are with their carrier until the hub scans them; goods from here are with their sender.
    let holder = if e.direction == "down" {
        Holder::Carrier(e.carrier.clone())
    } else {
        Holder::Sender(e.order.clone())
    };
    OrderState {
        direction: e.direction.clone(),
        carrier: e.carrier.clone(),
        origin: e.origin.clone(),
        destination: e.destination.clone(),
        class: e.class.clone(),
        pieces: e.pieces,
        g: e.g,
        cm3: e.cm3,
        promise_ms: e.promise_ms,
        person: e.person,
        cash: e.cash.clone(),
        agreed: e.agreed.clone(),
        keep_days: e.keep_days,
        phase: Phase::Placed,
        holder,
        site: e.origin.clone(),
        acceptance: Acceptance::default(),
        unit: None,
        shelf: None,
        closed_ms: None,
        held_until_ms: None,
    }
}
