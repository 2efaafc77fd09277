//! The county as tables: everything that a plan is made from, apart from the day's orders.

use crate::calendar::{CalendarEntry, CalendarKind};
use crate::carrier::{Carrier, Inbound};
use crate::demand::Demand;
use crate::driver::Driver;
use crate::fleet::{Vehicle, VehicleKind};
use crate::goods::{Band, GoodsClass};
use crate::handling::{HandlingRules, UnitKind};
use crate::id::{BandId, CarrierId, ClassId, DriverId, LineTripId, SiteId, VehicleId};
use crate::line::LineTrip;
use crate::rules::{Costs, Rules};
use crate::site::{Site, SiteKind};
use crate::time::{Window, weekday_index};
use crate::wave::{Lane, Wave};
use jiff::civil::Date;

/// One row of `stock.csv`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// Where.
    pub site: SiteId,
    /// Which returnable: bags, boxes, cages.
    pub item: UnitKind,
    /// How many at the start.
    pub count: i64,
    /// How many should be there in the evening.
    pub want: i64,
}

/// A county, loaded and validated.
#[derive(Clone, Debug)]
pub struct County {
    /// GB/T 2260 code.
    pub code: String,
    /// Chinese name.
    pub name_zh: String,
    /// English name.
    pub name_en: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Prefix of the QR links on manifests.
    pub public_url: String,
    /// Road file relative to the county directory.
    pub roads_file: String,
    /// Whether the road file is made up rather than surveyed; every page that shows it says so.
    pub synthetic_roads: bool,
    /// All places; exactly one is the hub.
    pub sites: Vec<Site>,
    /// Temperature bands.
    pub bands: Vec<Band>,
    /// Goods classes.
    pub classes: Vec<GoodsClass>,
    /// Carriers.
    pub carriers: Vec<Carrier>,
    /// Vehicles.
    pub vehicles: Vec<Vehicle>,
    /// Drivers.
    pub drivers: Vec<Driver>,
    /// Departures of lines.
    pub line_trips: Vec<LineTrip>,
    /// Arrivals of carriers' trucks at the hub.
    pub inbound: Vec<Inbound>,
    /// Calendar.
    pub calendar: Vec<CalendarEntry>,
    /// Returnables and supplies.
    pub stock: Vec<Stock>,
    /// Waves of sorting at the hub, in order of closing.
    pub waves: Vec<Wave>,
    /// Outbound lanes, in order of cut-off.
    pub lanes: Vec<Lane>,
    /// How pieces fill units.
    pub handling: HandlingRules,
    /// What every plan keeps.
    pub rules: Rules,
    /// Prices.
    pub costs: Costs,
    /// Assumptions about demand.
    pub demand: Demand,
    /// The day that examples plan.
    pub default_date: Date,
    /// The hub's row.
    pub hub: SiteId,
}

impl County {
    /// The place of an id.
    #[must_use]
    pub fn site(&self, id: SiteId) -> &Site {
        &self.sites[id.index()]
    }

    /// The vehicle of an id.
    #[must_use]
    pub fn vehicle(&self, id: VehicleId) -> &Vehicle {
        &self.vehicles[id.index()]
    }

    /// The driver of an id.
    #[must_use]
    pub fn driver(&self, id: DriverId) -> &Driver {
        &self.drivers[id.index()]
    }

    /// The carrier of an id.
    #[must_use]
    pub fn carrier(&self, id: CarrierId) -> &Carrier {
        &self.carriers[id.index()]
    }

    /// The goods class of an id.
    #[must_use]
    pub fn class(&self, id: ClassId) -> &GoodsClass {
        &self.classes[id.index()]
    }

    /// The band of an id.
    #[must_use]
    pub fn band(&self, id: BandId) -> &Band {
        &self.bands[id.index()]
    }

    /// The departure of an id.
    #[must_use]
    pub fn line_trip(&self, id: LineTripId) -> &LineTrip {
        &self.line_trips[id.index()]
    }

    /// Ids of all sites of a kind, in file order.
    pub fn sites_of(&self, kind: SiteKind) -> impl Iterator<Item = SiteId> + '_ {
        self.sites.iter().enumerate().filter(move |(_, s)| s.kind == kind).map(|(i, _)| SiteId::at(i))
    }

    /// Finds a site by its outside id (linear; build a map for many).
    #[must_use]
    pub fn find_site(&self, id: &str) -> Option<SiteId> {
        self.sites.iter().position(|s| s.id.as_str() == id).map(SiteId::at)
    }

    /// The station that a village or a station itself belongs to; the hub for everything else.
    #[must_use]
    pub fn station_of(&self, id: SiteId) -> SiteId {
        let site = self.site(id);
        match site.kind {
            SiteKind::Station | SiteKind::Hub => id,
            SiteKind::Village | SiteKind::Park => site.parent.unwrap_or(self.hub),
            SiteKind::Gateway => self.hub,
        }
    }

    /// Latest arrival at the hub (unloading done) for goods to `gateway` that must leave by `promise_s`: the cut-off
    /// of the last lane that departs by then. `None` when no lane does.
    #[must_use]
    pub fn lane_cutoff_s(&self, gateway: SiteId, promise_s: i64) -> Option<i64> {
        let fits = |lane: &&Lane| lane.gateway == gateway && lane.departs_s <= promise_s;
        self.lanes.iter().filter(fits).map(|lane| lane.cutoff_s).max()
    }

    /// Departures of lines that run on a date.
    pub fn line_trips_on(&self, date: Date) -> impl Iterator<Item = LineTripId> + '_ {
        let day = weekday_index(date.weekday());
        self.line_trips
            .iter()
            .enumerate()
            .filter(move |(_, t)| t.weekdays[day])
            .map(|(i, _)| LineTripId::at(i))
    }

    /// Spans on a date in which a vehicle of `kind` may not stand at or drive from or to `site`.
    pub fn truck_limits(
        &self,
        date: Date,
        site: SiteId,
        kind: VehicleKind,
    ) -> impl Iterator<Item = Window> + '_ {
        let station = self.station_of(site);
        self.calendar.iter().filter_map(move |entry| match entry.kind {
            CalendarKind::TruckLimit { from_kind, hours }
                if entry.date == date && kind >= from_kind && entry.site.is_none_or(|s| s == station) =>
            {
                Some(hours)
            }
            _ => None,
        })
    }

    /// Factor on driving speeds at a site on a date in ten-thousandths: that of the strongest entry of the calendar that
    /// concerns it; 10,000 changes nothing.
    #[must_use]
    pub fn speed_bp(&self, date: Date, site: SiteId) -> i64 {
        let station = self.station_of(site);
        let here = |entry: &&CalendarEntry| entry.date == date && entry.site.is_none_or(|s| s == station);
        self.calendar.iter().filter(here).map(|entry| entry.speed_bp).min().unwrap_or(10_000)
    }

    /// Ways to set up a compartment for a band: whether `have` keeps goods of band `need` in their band.
    /// A colder or warmer room does not: frozen goods are out of band in a chilled room, parcels are out of band
    /// nowhere because their class has no limit.
    #[must_use]
    pub fn in_band(&self, need: BandId, have: BandId) -> bool {
        let (need, have) = (self.band(need), self.band(have));
        need.id == have.id
            || (need.min_dc.is_none_or(|min| have.min_dc.is_some_and(|h| h >= min))
                && need.max_dc.is_none_or(|max| have.max_dc.is_some_and(|h| h <= max)))
    }
}
