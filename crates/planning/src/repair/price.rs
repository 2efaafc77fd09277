//! What a running plan costs by the county's prices: the same terms as the night's account that a repair can change.

use crate::fast::Map;
use crate::inputs::Inputs;
use std::collections::BTreeMap;
use xiangyun_model::plan::{Load, Plan, TripKind};
use xiangyun_model::rules::Costs;
use xiangyun_model::site::SiteKind;

/// The bill of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Vehicles used, kilometres and lines.
    pub driving_fen: i64,
    /// Crews.
    pub crew_fen: i64,
    /// Handling.
    pub handling_fen: i64,
    /// Lateness.
    pub lateness_fen: i64,
    /// Orders left.
    pub unserved_fen: i64,
    /// All of it.
    pub total_fen: i64,
    /// Seconds late, all orders together.
    pub lateness_s: i64,
    /// Orders served.
    pub served: u64,
    /// Metres driven.
    pub metres: i64,
}

/// Loads whose legs do not end at their destination.
pub(super) fn unserved(plan: &Plan) -> Vec<String> {
    let sites = sites_of(plan);
    plan.loads.iter().filter(|l| !arrives(l, &sites)).map(|l| l.id.clone()).collect()
}

/// Sites by visit.
fn sites_of(plan: &Plan) -> Map<&str, &str> {
    plan.trips.iter().flat_map(|t| &t.visits).map(|v| (v.id.as_str(), v.site.as_str())).collect()
}

fn arrives(load: &Load, sites: &Map<&str, &str>) -> bool {
    load.legs.last().and_then(|leg| sites.get(leg.to.as_str())).is_some_and(|s| *s == load.destination)
}

/// Adds up a plan.
#[must_use]
pub fn bill(plan: &Plan, inputs: &Inputs) -> Bill {
    let orders = inputs.orders.iter().enumerate().map(|(i, r)| (r.order.id.to_string(), i)).collect();
    bill_of(plan, inputs, &orders)
}

/// The same where positions of orders by id are at hand.
pub(super) fn bill_of(plan: &Plan, inputs: &Inputs, orders: &Map<String, usize>) -> Bill {
    let county = &inputs.county;
    let mut bill = Bill::default();
    let mut metres: BTreeMap<&str, i64> = BTreeMap::new();
    for trip in &plan.trips {
        if trip.kind == TripKind::Line {
            bill.driving_fen += trip.cost_fen;
        } else {
            *metres.entry(&trip.vehicle).or_default() += trip.metres;
        }
    }
    for vehicle in &county.vehicles {
        if let Some(&m) = metres.get(vehicle.id.as_str()) {
            bill.driving_fen += vehicle.fixed_fen + vehicle.distance_fen(m);
            bill.metres += m;
        }
    }
    let drivers: Map<&str, _> = county.drivers.iter().map(|d| (d.id.as_str(), d)).collect();
    for duty in &plan.duties {
        if let Some(driver) = drivers.get(duty.driver.as_str()) {
            let (regular, over) = driver.crew_fen(duty.to - duty.from, duty.overtime_s);
            bill.crew_fen += regular + over;
        }
    }
    let is_depot: Map<&str, bool> = county
        .sites
        .iter()
        .map(|s| (s.id.as_str(), matches!(s.kind, SiteKind::Hub | SiteKind::Station)))
        .collect();
    let sites = sites_of(plan);
    let at_depot: Map<&str, bool> =
        sites.iter().map(|(visit, site)| (*visit, is_depot.get(site) == Some(&true))).collect();
    let mut served = vec![false; inputs.orders.len()];
    for load in &plan.loads {
        let handled = if load.sealed { load.units } else { load.amount.pieces };
        for end in load.legs.iter().flat_map(|l| [&l.from, &l.to]) {
            bill.handling_fen += if at_depot.get(end.as_str()) == Some(&true) {
                county.costs.unit_fen * handled
            } else {
                county.costs.piece_fen * load.amount.pieces
            };
        }
        if !arrives(load, &sites) {
            continue;
        }
        for id in &load.orders {
            let Some(&at) = orders.get(id) else { continue };
            served[at] = true;
            let order = &inputs.orders[at].order;
            let late_s = (load.arrives - load.due).max(0);
            bill.lateness_s += late_s;
            bill.lateness_fen += Costs::late_fen(order.late_fen_h, late_s);
        }
    }
    for (row, _) in inputs.orders.iter().zip(&served).filter(|(_, served)| !**served) {
        let order = &row.order;
        bill.unserved_fen += county.costs.unserved_fen(order.unserved_fen, order.deferrals);
    }
    bill.served = served.iter().filter(|served| **served).count() as u64;
    bill.total_fen =
        bill.driving_fen + bill.crew_fen + bill.handling_fen + bill.lateness_fen + bill.unserved_fen;
    bill
}
