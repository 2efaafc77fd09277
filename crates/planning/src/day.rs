//! One day as the planner sees it: who can drive what from where, when places are open, when waves are sorted.

use crate::travel::Travel;
use jiff::civil::Date;
use xiangyun_model::county::County;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::id::{DriverId, SiteId, VehicleId};
use xiangyun_model::order::{Order, OrderKind};
use xiangyun_model::plan::DayState;
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::{DAY_S, Window};
use xiangyun_model::wave::{SortedWave, Waves};

/// A vehicle with its driver for the day.
#[derive(Clone, Debug)]
pub struct Crew {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// Its driver.
    pub driver: DriverId,
    /// Where both begin and end.
    pub base: SiteId,
    /// Table of the vehicle's profile.
    pub profile: usize,
    /// Hours in which both can work.
    pub window: Window,
    /// Most metres on this day.
    pub range_m: Option<i64>,
    /// Whether it runs the trunk: a truck at the hub.
    pub trunk: bool,
}

/// The day and everything known of it before any order is placed.
#[derive(Debug)]
pub struct Day<'a> {
    /// The county.
    pub county: &'a County,
    /// The date planned.
    pub date: Date,
    /// The orders: today's and the backlog's.
    pub orders: &'a [Order],
    /// Times and lengths.
    pub travel: &'a Travel,
    /// The state in the morning.
    pub opening: &'a DayState,
    /// Vehicles that have a driver.
    pub crews: Vec<Crew>,
    /// Vehicles without a driver today.
    pub idle: Vec<VehicleId>,
    /// Windows by site in which goods can be handed over.
    pub windows: Vec<Vec<Window>>,
    /// Windows by site in which goods can be collected: somebody is there.
    pub staffed: Vec<Vec<Window>>,
    /// When each wave is sorted.
    pub waves: Vec<SortedWave>,
    /// The hub and the stations that work today, the hub first.
    pub depots: Vec<SiteId>,
}

impl<'a> Day<'a> {
    /// Prepares a day.
    #[must_use]
    pub fn new(
        county: &'a County,
        date: Date,
        orders: &'a [Order],
        travel: &'a Travel,
        opening: &'a DayState,
    ) -> Self {
        let windows: Vec<Vec<Window>> = county.sites.iter().map(|s| s.windows_on(date, false)).collect();
        let staffed: Vec<Vec<Window>> = county.sites.iter().map(|s| s.windows_on(date, true)).collect();
        let mut depots = vec![county.hub];
        depots.extend(county.sites_of(SiteKind::Station).filter(|s| !windows[s.index()].is_empty()));
        let through_sorter = orders.iter().filter(|o| o.origin == county.hub && o.kind == OrderKind::Down);
        let waves = Waves(&county.waves).sort(through_sorter.map(|o| (o.ready_s, o.amount.pieces)));
        let (crews, idle) = pair_crews(county, date, travel, opening);
        Self { county, date, orders, travel, opening, crews, idle, windows, staffed, waves, depots }
    }

    /// When an order can be loaded at its origin: goods that the hub sorts, when their wave is done. `None` when they
    /// miss the last wave.
    #[must_use]
    pub fn release_s(&self, order: &Order) -> Option<i64> {
        if order.origin == self.county.hub && order.kind == OrderKind::Down {
            let wave = Waves(&self.county.waves).wave_of(order.ready_s)?;
            Some(self.waves[wave].ends_s)
        } else {
            Some(order.ready_s)
        }
    }

    /// By when an order must be handed over at the end of our part of its way, and whether that may not be passed:
    /// outbound goods at the hub by the cut-off of their lane. `None` when no lane takes them in time.
    #[must_use]
    pub fn due_s(&self, order: &Order) -> Option<(i64, bool)> {
        let end = self.county.site(order.destination);
        if end.kind == SiteKind::Gateway {
            self.county.lane_cutoff_s(order.destination, order.promise_s).map(|due| (due, true))
        } else {
            Some((order.promise_s, false))
        }
    }

    /// The span of the calendar that keeps a crew's vehicle out of a site and that a stay there would run into.
    #[must_use]
    pub fn kept_out(&self, crew: usize, site: SiteId, arrive: i64, depart: i64) -> Option<Window> {
        let kind = self.county.vehicle(self.crews[crew].vehicle).kind;
        let mut limits = self.county.truck_limits(self.date, site, kind);
        limits.find(|limit| arrive < limit.to_s && limit.from_s < depart)
    }

    /// Where our part of an order's way ends: gateways are reached by lanes from the hub.
    #[must_use]
    pub fn end_of(&self, order: &Order) -> SiteId {
        if self.county.site(order.destination).kind == SiteKind::Gateway {
            self.county.hub
        } else {
            order.destination
        }
    }

    /// First moment at or after `from_s` at which `length_s` of handling fits into an opening window of a site;
    /// `collects` says whether anything is taken there.
    #[must_use]
    pub fn open_from(&self, site: SiteId, collects: bool, from_s: i64, length_s: i64) -> Option<i64> {
        let windows = if collects { &self.staffed } else { &self.windows };
        windows[site.index()].iter().find_map(|w| {
            let start = w.from_s.max(from_s);
            (start + length_s <= w.to_s).then_some(start)
        })
    }
}

/// Gives each vehicle a driver of its base: the rarest licence first, then the longest common hours, then file order.
fn pair_crews(
    county: &County,
    date: Date,
    travel: &Travel,
    opening: &DayState,
) -> (Vec<Crew>, Vec<VehicleId>) {
    let mut vehicles: Vec<VehicleId> = (0..county.vehicles.len()).map(VehicleId::at).collect();
    vehicles.sort_by_key(|&v| (county.vehicle(v).licence, v));
    let mut free: Vec<DriverId> =
        (0..county.drivers.len()).map(DriverId::at).filter(|&d| county.driver(d).works_on(date)).collect();
    let (mut crews, mut idle) = (Vec::new(), Vec::new());
    for id in vehicles {
        let vehicle = county.vehicle(id);
        if vehicle.kind == VehicleKind::Bus {
            continue;
        }
        let state = opening.vehicles.iter().find(|s| s.vehicle == vehicle.id.as_str());
        let base = state.and_then(|s| county.find_site(&s.site)).unwrap_or(vehicle.base);
        let common = |d: DriverId| {
            let shift = county.driver(d).shift;
            let from_s = shift.from_s.max(vehicle.available.from_s);
            Window { from_s, to_s: shift.to_s.min(vehicle.available.to_s).max(from_s) }
        };
        let best = free
            .iter()
            .copied()
            .filter(|&d| {
                county.driver(d).base == vehicle.base && county.driver(d).licence.allows(vehicle.licence)
            })
            .max_by_key(|&d| (common(d).length_s(), std::cmp::Reverse(d)))
            .filter(|&d| common(d).length_s() > 0);
        match (best, travel.profile(&vehicle.profile)) {
            (Some(driver), Some(profile)) => {
                free.retain(|&d| d != driver);
                let range_m = state.and_then(|s| s.range_m).or(vehicle.range_m);
                let trunk = vehicle.kind == VehicleKind::Truck && base == county.hub;
                let window = common(driver);
                let window = Window { to_s: window.to_s.min(2 * DAY_S), ..window };
                crews.push(Crew { vehicle: id, driver, base, profile, window, range_m, trunk });
            }
            _ => idle.push(id),
        }
    }
    crews.sort_by_key(|c| c.vehicle);
    (crews, idle)
}
