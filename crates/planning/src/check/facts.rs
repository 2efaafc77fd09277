//! What the checker knows before it replays: indices of everything named, and the orders' own facts derived anew.

use super::Faults;
use super::changed::Scope;
use crate::fast::Map;
use crate::inputs::Inputs;
use crate::orders::OrderRow;
use crate::travel::Travel;
use xiangyun_model::county::County;
use xiangyun_model::driver::Driver;
use xiangyun_model::fleet::Vehicle;
use xiangyun_model::id::{OrderId, SiteId};
use xiangyun_model::line::LineTrip;
use xiangyun_model::order::{Order, OrderKind};
use xiangyun_model::plan::{Load, Plan, Trip, TripKind, Visit};
use xiangyun_model::site::{Site, SiteKind};
use xiangyun_model::wave::Waves;

/// Indices and derived facts.
pub(super) struct Facts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) inputs: &'a Inputs,
    pub(super) county: &'a County,
    pub(super) travel: &'a Travel,
    pub(super) loads: Map<&'a str, &'a Load>,
    orders: &'a Map<String, OrderId>,
    scope: Scope,
    /// Orders of each load that is looked at, in the plan's order, those that exist.
    contents: Vec<Vec<&'a Order>>,
    /// Visits by id: trip and position.
    pub(super) visits: Map<&'a str, (&'a Trip, usize)>,
    /// What visits handle: visit, load, whether it boards there; the compartment of the first such line, and lines.
    pub(super) handled: Map<(&'a str, &'a str, bool), (&'a str, u32)>,
    sites: Map<&'a str, SiteId>,
    vehicles: Map<&'a str, &'a Vehicle>,
    drivers: Map<&'a str, &'a Driver>,
    departures: Map<&'a str, &'a LineTrip>,
    waves_end_s: &'a [i64],
}

/// What the orders of a day alone say: kept while many plans of the same day are checked. Waves of sorting end as with the
/// orders that it was made of: what comes later is sorted after them and delays nothing that was planned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    orders: Map<String, OrderId>,
    waves_end_s: Vec<i64>,
}

impl Index {
    pub(crate) fn new(inputs: &Inputs) -> Self {
        let row = |(i, r): (usize, &OrderRow)| (r.order.id.to_string(), OrderId::at(i));
        let orders = inputs.orders.iter().enumerate().map(row).collect();
        let county = &inputs.county;
        let sorted = inputs.orders.iter().map(|row| &row.order).filter(|o| passes_sorter(county, o));
        let waves = Waves(&county.waves).sort(sorted.map(|o| (o.ready_s, o.amount.pieces)));
        Self { orders, waves_end_s: waves.iter().map(|w| w.ends_s).collect() }
    }

    /// The last order of the day is new.
    pub(crate) fn added(&mut self, inputs: &Inputs) {
        let Some(row) = inputs.orders.last() else { return };
        self.orders.insert(row.order.id.to_string(), OrderId::at(inputs.orders.len() - 1));
    }

    /// An order of the day is gone again.
    pub(crate) fn removed(&mut self, order: &str) {
        self.orders.remove(order);
    }
}

fn index<'a, T>(
    what: &str,
    items: impl Iterator<Item = (&'a str, T)>,
    faults: &mut Faults,
) -> Map<&'a str, T> {
    let mut map = Map::default();
    for (id, item) in items {
        if map.insert(id, item).is_some() {
            faults.add("P202", format!("{what} {id}"), "twice in the plan", "once");
        }
    }
    map
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        inputs: &'a Inputs,
        known: &'a Index,
        scope: Scope,
        faults: &mut Faults,
    ) -> Self {
        let county = &inputs.county;
        let visits = plan
            .trips
            .iter()
            .flat_map(|t| t.visits.iter().enumerate().map(move |(i, v)| (v.id.as_str(), (t, i))));
        index("trip", plan.trips.iter().map(|t| (t.id.as_str(), ())), faults);
        let orders = &known.orders;
        let order = |id: &String| orders.get(id.as_str()).map(|id| &inputs.orders[id.index()].order);
        let mut handled: Map<(&str, &str, bool), (&str, u32)> = Map::default();
        let lists = plan.trips.iter().zip(&scope.lists).filter(|(_, looked_at)| **looked_at);
        for visit in lists.flat_map(|(t, _)| &t.visits) {
            for (list, boards) in [(&visit.load, true), (&visit.unload, false)] {
                for line in list {
                    let key = (visit.id.as_str(), line.load.as_str(), boards);
                    handled.entry(key).or_insert((&line.compartment, 0)).1 += 1;
                }
            }
        }
        let content = |(load, looked_at): (&'a Load, &bool)| {
            let orders = if *looked_at { &load.orders[..] } else { &[] };
            orders.iter().filter_map(order).collect()
        };
        let contents = plan.loads.iter().zip(&scope.loads).map(content).collect();
        let facts = Self {
            plan,
            inputs,
            county,
            travel: &inputs.travel,
            scope,
            contents,
            orders,
            loads: index("load", plan.loads.iter().map(|l| (l.id.as_str(), l)), faults),
            visits: index("visit", visits, faults),
            sites: county.sites.iter().enumerate().map(|(i, s)| (s.id.as_str(), SiteId::at(i))).collect(),
            vehicles: county.vehicles.iter().map(|v| (v.id.as_str(), v)).collect(),
            drivers: county.drivers.iter().map(|d| (d.id.as_str(), d)).collect(),
            departures: county.line_trips.iter().map(|t| (t.id.as_str(), t)).collect(),
            waves_end_s: &known.waves_end_s,
            handled,
        };
        facts.whole(faults);
        facts
    }

    /// The plan is about these inputs, and everything that it names exists.
    fn whole(&self, faults: &mut Faults) {
        let (plan, county) = (self.plan, self.county);
        if plan.county != county.code {
            faults.add("P201", "county", &plan.county, &county.code);
        }
        if plan.zone != county.time_zone {
            faults.add("P201", "zone", &plan.zone, &county.time_zone);
        }
        if plan.orders != self.inputs.orders.len() as u64 {
            faults.add("P201", "orders", plan.orders, self.inputs.orders.len());
        }
        let n = county.sites.len();
        if self.travel.sites != n
            || self
                .travel
                .tables
                .iter()
                .flat_map(|t| &t.bands)
                .any(|b| b.seconds.len() != n * n || b.metres.len() != n * n)
        {
            faults.add("P201", "inputs/travel.json", self.travel.sites, n);
        }
        let mut unknown = |what: &str, id: &str, at: &str| {
            faults.add(
                "P203",
                at.to_owned(),
                format!("unknown {what} {id}"),
                "one of the inputs or of this plan",
            );
        };
        for trip in self.trips() {
            if trip.kind == TripKind::Line {
                if self.departure(&trip.vehicle).is_none() {
                    unknown("departure", &trip.vehicle, &format!("trip {}", trip.id));
                }
            } else {
                if self.vehicle(&trip.vehicle).is_none() {
                    unknown("vehicle", &trip.vehicle, &format!("trip {}", trip.id));
                }
                let driver = trip.driver.as_deref().unwrap_or("");
                if self.driver(driver).is_none() {
                    unknown("driver", driver, &format!("trip {}", trip.id));
                }
            }
            for visit in &trip.visits {
                if self.site_id(&visit.site).is_none() {
                    unknown("site", &visit.site, &format!("visit {}", visit.id));
                }
                for handling in visit.load.iter().chain(&visit.unload) {
                    if !self.loads.contains_key(handling.load.as_str()) {
                        unknown("load", &handling.load, &format!("visit {}", visit.id));
                    }
                    if !trip.compartments.iter().any(|c| c.name == handling.compartment) {
                        unknown("compartment", &handling.compartment, &format!("visit {}", visit.id));
                    }
                }
            }
        }
        for load in self.looked_at() {
            for site in [&load.origin, &load.destination] {
                if self.site_id(site).is_none() {
                    unknown("site", site, &format!("load {}", load.id));
                }
            }
            for order in load.orders.iter().filter(|o| !self.orders.contains_key(o.as_str())) {
                unknown("order", order, &format!("load {}", load.id));
            }
        }
        for row in plan.unassigned.iter().filter(|u| !self.orders.contains_key(u.order.as_str())) {
            unknown("order", &row.order, "unassigned");
        }
    }

    /// Trips that are looked at.
    pub(super) fn trips(&self) -> impl Iterator<Item = &'a Trip> {
        self.plan.trips.iter().zip(&self.scope.trips).filter(|(_, looked_at)| **looked_at).map(|(t, _)| t)
    }

    /// Loads that are looked at.
    pub(super) fn looked_at(&self) -> impl Iterator<Item = &'a Load> {
        self.plan.loads.iter().zip(&self.scope.loads).filter(|(_, looked_at)| **looked_at).map(|(l, _)| l)
    }

    pub(super) fn site_id(&self, id: &str) -> Option<SiteId> {
        self.sites.get(id).copied()
    }

    pub(super) fn site(&self, id: &str) -> Option<&'a Site> {
        self.site_id(id).map(|id| &self.county.sites[id.index()])
    }

    pub(super) fn vehicle(&self, id: &str) -> Option<&'a Vehicle> {
        self.vehicles.get(id).copied()
    }

    pub(super) fn driver(&self, id: &str) -> Option<&'a Driver> {
        self.drivers.get(id).copied()
    }

    pub(super) fn departure(&self, id: &str) -> Option<&'a LineTrip> {
        self.departures.get(id).copied()
    }

    pub(super) fn order(&self, id: &str) -> Option<&'a Order> {
        self.orders.get(id).map(|id| &self.inputs.orders[id.index()].order)
    }

    /// The orders of a load that is looked at, those that exist.
    pub(super) fn orders_of(&self, load: &Load) -> impl Iterator<Item = &'a Order> {
        // Two loads of one name are a fault that must not hide another: a load is known by where it stands.
        let at = self.plan.loads.element_offset(load);
        at.map_or(&[][..], |at| &self.contents[at]).iter().copied()
    }

    pub(super) fn visit(&self, id: &str) -> Option<&'a Visit> {
        self.visits.get(id).map(|&(trip, at)| &trip.visits[at])
    }

    /// When an order can be loaded at its origin; `None` when it misses the last wave.
    pub(super) fn release_s(&self, order: &Order) -> Option<i64> {
        if !passes_sorter(self.county, order) {
            return Some(order.ready_s);
        }
        let wave = Waves(&self.county.waves).wave_of(order.ready_s)?;
        self.waves_end_s.get(wave).copied()
    }

    /// By when an order must be handed over at the end of our part, and whether that is a cut-off.
    pub(super) fn due_s(&self, order: &Order) -> Option<(i64, bool)> {
        if self.county.site(order.destination).kind == SiteKind::Gateway {
            self.county.lane_cutoff_s(order.destination, order.promise_s).map(|due| (due, true))
        } else {
            Some((order.promise_s, false))
        }
    }

    /// When a load is handed over, by the visits and not by what the load says of itself.
    pub(super) fn arrives_s(&self, load: &Load) -> i64 {
        load.legs.last().and_then(|leg| self.visit(&leg.to)).map_or(0, |v| v.finish)
    }

    /// Where our part of an order's way ends.
    pub(super) fn end_of(&self, order: &Order) -> SiteId {
        if self.county.site(order.destination).kind == SiteKind::Gateway {
            self.county.hub
        } else {
            order.destination
        }
    }

    /// What handling a load counts: units when sealed, pieces when not.
    pub(super) fn count_of(load: &Load) -> i64 {
        if load.sealed { load.units } else { load.amount.pieces }
    }

    /// Everything handled at a visit, both ways.
    pub(super) fn handled_at(&self, visit: &Visit) -> i64 {
        visit
            .load
            .iter()
            .chain(&visit.unload)
            .filter_map(|h| self.loads.get(h.load.as_str()))
            .map(|l| Self::count_of(l))
            .sum()
    }
}

fn passes_sorter(county: &County, order: &Order) -> bool {
    order.kind == OrderKind::Down && order.origin == county.hub
}
