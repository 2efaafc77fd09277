//! Where a load can still ride: every vehicle of both tiers, trips under way and trips that could be added, one ride or two
//! with a change at a station. Each ride is timed along its trip; it may delay nothing beyond the trip's slack, so what
//! follows in either tier holds. The cheapest come first; the caller times and checks them exactly.

use super::forward::handled;
use super::wheel::{Next, Wheel, begins};
use super::{Names, Progress};
use crate::day::Day;
use crate::fast::Map;
use crate::inputs::Inputs;
use crate::rooms::compartment_of;
use std::collections::BTreeSet;
use xiangyun_model::calendar::{CalendarEntry, CalendarKind};
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::id::{BandId, CarrierId, ClassId, SiteId, VehicleId};
use xiangyun_model::plan::{Load, Plan, Trip, TripKind};
use xiangyun_model::rules::{Costs, Rules};
use xiangyun_model::site::SiteKind;
use xiangyun_model::time::Window;
use xiangyun_model::units::Amount;

/// Stations looked at for a change of vehicles beside the place's own.
const STATIONS: usize = 2;
/// Rides kept for each end of a change.
const RIDES: usize = 6;

/// Where a ride begins or ends on its trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// At this visit.
    At(usize),
    /// At a new visit after this one.
    After(usize),
}

/// A trip to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewTrip {
    pub(super) vehicle: VehicleId,
    pub(super) driver: usize,
    pub(super) layout: usize,
    pub(super) number: u32,
    /// Its stops, the base first and last.
    pub(super) sites: Vec<SiteId>,
    pub(super) begins: i64,
}

/// One ride of a load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ride {
    /// The trip, or none for a new one.
    pub(super) trip: Option<usize>,
    pub(super) new: Option<NewTrip>,
    pub(super) from: SiteId,
    pub(super) to: SiteId,
    pub(super) on: Place,
    pub(super) off: Place,
    pub(super) compartment: String,
    pub(super) fen: i64,
    /// Estimated begin of handling where it boards.
    pub(super) begins: i64,
    /// Estimated end of handling where it leaves.
    pub(super) ends: i64,
    /// Band of its compartment.
    pub(super) band: BandId,
}

/// Rides from where a load is to where it must go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) rides: Vec<Ride>,
    pub(super) fen: i64,
}

/// What a trip has aboard and where it may still be changed.
struct View<'a> {
    trip: &'a Trip,
    vehicle: Option<VehicleId>,
    driver_fen_h: i64,
    km_fen: i64,
    payload_g: i64,
    profile: usize,
    sites: Vec<SiteId>,
    /// Its compartments with their bands.
    rooms: Vec<(usize, BandId)>,
    /// First visit where something can still be taken on.
    joins: usize,
    /// New visits may come after this one.
    opens: usize,
    /// By compartment, after each visit.
    aboard: Vec<Vec<Amount>>,
    total_g: Vec<i64>,
    classes: BTreeSet<ClassId>,
    carriers: BTreeSet<CarrierId>,
    /// Its driver's time at the wheel without a rest when it begins, and what follows its end before the next rest.
    spell_s: i64,
    next: Option<Next>,
}

/// A load as the search sees it.
struct Item<'a> {
    load: &'a Load,
    from: SiteId,
    ready: i64,
    handled: i64,
    band: BandId,
    limited: bool,
    classes: BTreeSet<ClassId>,
    carriers: BTreeSet<CarrierId>,
    late_fen_h: i64,
    unserved_fen: i64,
    /// Seconds that its goods may yet be out of their band, and when they left their last ride.
    out_max_s: Option<i64>,
    left: Option<i64>,
}

/// A vehicle's trips so far.
#[derive(Clone, Copy, Default)]
struct Turns {
    trips: u32,
    ends: Option<i64>,
    /// At the wheel without a rest at their end.
    spell_s: i64,
}

/// All trips of a plan, ready to be asked for rides.
pub(super) struct Board<'a> {
    inputs: &'a Inputs,
    names: &'a Names,
    progress: &'a Progress,
    plan: &'a Plan,
    views: Vec<View<'a>>,
    day_crews: Vec<crate::day::Crew>,
    turns: Map<&'a str, Turns>,
    /// Hours by site in which goods can be handed over, and in which they can be collected.
    windows: Vec<Vec<Window>>,
    staffed: Vec<Vec<Window>>,
    /// Whether trucks are kept out of anywhere on the day: on most they are not.
    any_limit: bool,
}

impl<'a> Board<'a> {
    pub(super) fn new(plan: &'a Plan, inputs: &'a Inputs, progress: &'a Progress, names: &'a Names) -> Self {
        let loads: Map<&str, &Load> = plan.loads.iter().map(|l| (l.id.as_str(), l)).collect();
        let mut views: Vec<View<'a>> =
            plan.trips.iter().map(|t| view(t, &loads, inputs, progress, names)).collect();
        let day = Day::new(&inputs.county, plan.date, &[], &inputs.travel, &inputs.opening);
        let Day { crews: day_crews, windows, staffed, .. } = day;
        let turns = spells(&mut views, &inputs.county.rules);
        let limits =
            |e: &CalendarEntry| e.date == plan.date && matches!(e.kind, CalendarKind::TruckLimit { .. });
        let any_limit = inputs.county.calendar.iter().any(limits);
        Self { inputs, names, progress, plan, views, day_crews, turns, windows, staffed, any_limit }
    }

    fn item<'l>(&self, load: &'l Load) -> Item<'l> {
        let county = &self.inputs.county;
        let orders = || {
            let row = |o: &String| self.names.orders.get(o).and_then(|&i| self.inputs.orders.get(i));
            load.orders.iter().filter_map(row).map(|r| &r.order)
        };
        // A load that has travelled is where its last leg ended.
        let place = |id: &str| {
            self.plan
                .trips
                .iter()
                .flat_map(|t| &t.visits)
                .find(|v| v.id == id)
                .map(|v| (v.site.clone(), v.finish))
        };
        let last = load.legs.last().and_then(|leg| place(&leg.to));
        let left = last.as_ref().map(|(_, finish)| *finish);
        let spent_s = if left.is_some() { load.out_of_band_s } else { 0 };
        let (from, ready) = match last {
            Some((site, finish)) => {
                let site = self.names.site(&site);
                (site, finish + county.site(site).crossing_s(handled(load)))
            }
            None => (self.names.site(&load.origin), load.release),
        };
        let band = county.bands.iter().position(|b| b.id.as_str() == load.band).unwrap_or(0);
        Item {
            load,
            from,
            ready,
            handled: handled(load),
            band: BandId::at(band),
            limited: orders().all(|o| county.class(o.class).out_of_band_max_s.is_some()),
            classes: orders().map(|o| o.class).collect(),
            carriers: orders().map(|o| o.carrier).collect(),
            late_fen_h: orders().map(|o| o.late_fen_h).sum(),
            unserved_fen: orders().map(|o| county.costs.unserved_fen(o.unserved_fen, o.deferrals)).sum(),
            out_max_s: orders()
                .filter_map(|o| county.class(o.class).out_of_band_max_s)
                .min()
                .map(|most| most - spent_s),
            left,
        }
    }

    /// All ways of a load, cheapest first; none dearer than leaving it.
    pub(super) fn ways(&self, load: &Load) -> Vec<Way> {
        let item = self.item(load);
        let to = self.names.site(&load.destination);
        let mut ways: Vec<Way> = Vec::new();
        let mut keep = |rides: Vec<Ride>| {
            let ends = rides.last().map_or(0, |r| r.ends);
            if load.hard && ends > load.due {
                return;
            }
            if item.out_max_s.is_some_and(|most| self.out_of_band_s(&item, &rides) > most) {
                return;
            }
            let late = Costs::late_fen(item.late_fen_h, ends - load.due);
            let fen = rides.iter().map(|r| r.fen).sum::<i64>() + late;
            if fen <= item.unserved_fen.max(1) * 4 {
                ways.push(Way { rides, fen });
            }
        };
        for ride in self.rides(&item, item.from, to, item.ready, usize::MAX) {
            keep(vec![ride]);
        }
        for station in self.stations(&item, to) {
            for first in self.rides(&item, item.from, station, item.ready, RIDES) {
                let ready = first.ends + self.inputs.county.site(station).crossing_s(item.handled);
                for second in self.rides(&item, station, to, ready, RIDES) {
                    if first.trip.is_none() || first.trip != second.trip {
                        keep(vec![first.clone(), second]);
                    }
                }
            }
        }
        ways.sort_by_key(|a| (a.fen, a.rides.len()));
        ways
    }

    /// Time out of its band on the way, as the rides are timed: in rooms of another one, and waiting where nothing cools.
    fn out_of_band_s(&self, item: &Item<'_>, rides: &[Ride]) -> i64 {
        let county = &self.inputs.county;
        let (mut out_s, mut left) = (0, item.left);
        for ride in rides {
            if let Some(left) = left
                && county.band(item.band).cold
                && county.site(ride.from).store_cold_cm3 == 0
            {
                out_s += (ride.begins - left).max(0);
            }
            if !county.in_band(item.band, ride.band) {
                out_s += ride.ends - ride.begins;
            }
            left = Some(ride.ends);
        }
        out_s
    }

    /// Stations where a load could change vehicles: the ends' own and the next ones on the way.
    fn stations(&self, item: &Item<'_>, to: SiteId) -> Vec<SiteId> {
        let county = &self.inputs.county;
        let villages = [item.from, to]
            .into_iter()
            .filter(|&s| !matches!(county.site(s).kind, SiteKind::Hub | SiteKind::Station));
        let mut out = Vec::new();
        for village in villages {
            let own = county.station_of(village);
            let mut near: Vec<(i64, SiteId)> = county
                .sites_of(SiteKind::Station)
                .filter_map(|s| {
                    let (there, _) = self.inputs.travel.leg(0, 0, s.index(), village.index())?;
                    Some((if s == own { -1 } else { there }, s))
                })
                .collect();
            near.sort_unstable();
            out.extend(near.into_iter().take(1 + STATIONS).map(|(_, s)| s));
        }
        out.retain(|&s| s != item.from && s != to);
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Rides from one place to another, the cheapest few.
    fn rides(&self, item: &Item<'_>, from: SiteId, to: SiteId, ready: i64, most: usize) -> Vec<Ride> {
        let mut all = Vec::new();
        for t in 0..self.views.len() {
            self.on_trip(item, t, from, to, ready, &mut all);
        }
        self.new_trips(item, from, to, ready, &mut all);
        all.sort_by_key(|a| (a.fen, a.ends, a.trip));
        if most < all.len() {
            // Some of the cheapest and the one that is there first.
            let soonest = all.iter().min_by_key(|r| r.ends).cloned();
            all.truncate(most);
            all.extend(soonest);
        }
        all
    }

    fn windows(&self, site: SiteId, collects: bool) -> &[Window] {
        if collects { &self.staffed[site.index()] } else { &self.windows[site.index()] }
    }

    fn compartment(&self, view: &View<'_>, item: &Item<'_>) -> Option<(usize, BandId)> {
        let county = &self.inputs.county;
        let rooms = &view.rooms;
        let keeps = rooms.iter().find(|(_, b)| *b == item.band).or_else(|| {
            rooms.iter().find(|(_, b)| {
                county.in_band(item.band, *b) && county.band(item.band).cold == county.band(*b).cold
            })
        });
        let ordinary = || rooms.iter().find(|(_, b)| !county.band(*b).cold);
        keeps
            .or_else(|| if item.limited || !county.band(item.band).cold { ordinary() } else { None })
            .copied()
    }

    fn gets_along(&self, view: &View<'_>, item: &Item<'_>) -> bool {
        let county = &self.inputs.county;
        let vehicle = view.vehicle.map(|v| county.vehicle(v));
        item.carriers.iter().all(|c| {
            vehicle.is_none_or(|v| !v.excludes.contains(c))
                && view.carriers.iter().all(|o| {
                    o == c
                        || !(county.carrier(*c).excludes.contains(o)
                            || county.carrier(*o).excludes.contains(c))
                })
        }) && item.classes.iter().all(|&c| view.classes.iter().all(|&o| county.class(c).goes_with(o)))
    }

    /// Whether a vehicle may come to a place at a time.
    fn may_come(&self, vehicle: VehicleId, site: SiteId, at: i64) -> bool {
        let county = &self.inputs.county;
        let kind = county.vehicle(vehicle).kind;
        kind <= county.site(site).max_vehicle && !(self.any_limit && self.is_kept_out(kind, site, at))
    }

    fn is_kept_out(&self, kind: VehicleKind, site: SiteId, at: i64) -> bool {
        let county = &self.inputs.county;
        county
            .truck_limits(self.plan.date, site, kind)
            .any(|limit| at < limit.to_s && limit.from_s < at + 1_800)
    }

    fn has_room(&self, view: &View<'_>, room: usize, amount: Amount, on: usize, off: usize) -> bool {
        let most = view.trip.compartments[room].capacity;
        (on..off).all(|v| {
            (view.aboard[v][room] + amount).fits(most) && view.total_g[v] + amount.g <= view.payload_g
        })
    }

    fn on_trip(&self, item: &Item<'_>, t: usize, from: SiteId, to: SiteId, ready: i64, all: &mut Vec<Ride>) {
        let view = &self.views[t];
        let Some((room, band)) = self.compartment(view, item) else { return };
        if !self.gets_along(view, item) {
            return;
        }
        let n = view.sites.len();
        let line = view.vehicle.is_none();
        let mut ons: Vec<Place> =
            (view.joins..n.saturating_sub(1)).filter(|&v| view.sites[v] == from).map(Place::At).collect();
        let may = |site| view.vehicle.is_some_and(|v| self.may_come(v, site, ready.max(self.progress.now)));
        if !line && ons.is_empty() && may(from) {
            ons.extend((view.opens..n - 1).map(Place::After));
        }
        for on in ons {
            let begins = match on {
                Place::At(v) | Place::After(v) => v,
            };
            // The goods must be there before the visit that takes them on would have to begin.
            if let Place::At(v) = on
                && ready > if line { view.trip.visits[v].depart } else { view.trip.visits[v].latest }
            {
                continue;
            }
            let mut offs: Vec<Place> =
                (begins + 1..n).filter(|&v| view.sites[v] == to && v >= view.joins).map(Place::At).collect();
            if !line && offs.is_empty() && may(to) {
                offs.extend((begins.max(view.opens)..n - 1).map(Place::After));
            }
            for off in offs {
                let (first, last) = match (on, off) {
                    (Place::At(a), Place::At(b)) => (a, b),
                    (Place::At(a), Place::After(b)) => (a, b + 1),
                    (Place::After(a), Place::At(b)) => (a, b),
                    (Place::After(a), Place::After(b)) => (a, b + 1),
                };
                if !self.has_room(view, room, item.load.amount, first, last) {
                    continue;
                }
                if let Some((fen, starts, ends)) = self.cost(view, item, (from, on), (to, off), ready) {
                    all.push(Ride {
                        trip: Some(t),
                        new: None,
                        from,
                        to,
                        on,
                        off,
                        compartment: view.trip.compartments[room].name.clone(),
                        fen,
                        begins: starts,
                        ends,
                        band,
                    });
                }
            }
        }
    }

    /// Drives the trip with the ride in it: its price, when its handling begins and when the load is off, or none if
    /// anything after it breaks.
    fn cost(
        &self,
        view: &View<'_>,
        item: &Item<'_>,
        (from, on): (SiteId, Place),
        (to, off): (SiteId, Place),
        ready: i64,
    ) -> Option<(i64, i64, i64)> {
        let county = &self.inputs.county;
        let trip = view.trip;
        if view.vehicle.is_none() {
            let (Place::At(a), Place::At(b)) = (on, off) else { return None };
            let fen = county
                .line_trips
                .get(*self.names.lines.get(&trip.vehicle)?)
                .map_or(0, |l| l.piece_fen * item.load.amount.pieces);
            return Some((fen, trip.visits[a].start, trip.visits[b].finish));
        }
        let band = trip.band as usize;
        let leg = |a: SiteId, b: SiteId| {
            if a == b {
                Some((0, 0))
            } else {
                self.inputs.travel.leg(view.profile, band, a.index(), b.index())
            }
        };
        let start_at = match on {
            Place::At(v) | Place::After(v) => v,
        };
        let first = &trip.visits[start_at];
        let (mut at_site, mut leaves, mut metres, mut ends) = (view.sites[start_at], first.depart, 0, 0);
        let mut begins = first.start;
        let mut wheel = Wheel::new(&county.rules, view.spell_s);
        for visit in &trip.visits[..start_at] {
            wheel.visit(visit);
        }
        wheel.drive(first.leg_s);
        wheel.stand(first.start - first.arrive);
        wheel.stand(first.depart - first.finish);
        // What was too long before the change is no reason against it.
        wheel.too_long = false;
        if on == Place::At(start_at) {
            let start = first.start.max(ready);
            let more = county.site(from).unit_s * item.handled;
            let more = if first.load.is_empty() && first.unload.is_empty() {
                county.site(from).stop_s(item.handled)
            } else {
                more
            };
            if start > first.latest {
                return None;
            }
            begins = start;
            leaves = start + (first.finish - first.start) + more + (first.depart - first.finish);
            // A later departure that crosses into another band would change every leg: not by this estimate.
            if start_at == 0 && self.inputs.travel.band(view.profile, leaves) != band {
                return None;
            }
        }
        let stop = |site: SiteId,
                    collects: bool,
                    earliest: i64,
                    at_site: &mut SiteId,
                    leaves: &mut i64,
                    metres: &mut i64,
                    wheel: &mut Wheel|
         -> Option<i64> {
            let (s, m) = leg(*at_site, site)?;
            *metres += m;
            wheel.drive(s);
            let length = county.site(site).stop_s(item.handled);
            let arrive = (*leaves + s).max(earliest);
            let start = self.windows(site, collects).iter().find_map(|w| {
                let at = w.from_s.max(arrive);
                (at + length <= w.to_s).then_some(at)
            })?;
            wheel.stand(start - (*leaves + s));
            *at_site = site;
            *leaves = start + length;
            Some(start + length)
        };
        let mut v = start_at;
        if on == Place::After(v) {
            let finish = stop(from, true, ready, &mut at_site, &mut leaves, &mut metres, &mut wheel)?;
            begins = finish - county.site(from).stop_s(item.handled);
        }
        if off == Place::After(v) {
            ends = stop(to, false, 0, &mut at_site, &mut leaves, &mut metres, &mut wheel)?;
        }
        let mut old_metres = 0;
        v += 1;
        while v < trip.visits.len() {
            let visit = &trip.visits[v];
            let (s, m) = leg(at_site, view.sites[v])?;
            metres += m;
            old_metres += visit.leg_m;
            let arrive = leaves + s;
            let waited = if visit.start > visit.arrive { visit.start } else { arrive };
            let start = arrive.max(waited);
            wheel.drive(s);
            if start > visit.latest || wheel.too_long {
                return None;
            }
            wheel.stand(start - arrive);
            wheel.stand(visit.depart - visit.finish);
            let mut finish = start + (visit.finish - visit.start);
            if off == Place::At(v) {
                let idle = visit.load.is_empty() && visit.unload.is_empty();
                let site = county.site(to);
                finish += if idle { site.stop_s(item.handled) } else { site.unit_s * item.handled };
                if start + (finish - start) > visit.latest + (visit.finish - visit.start) {
                    return None;
                }
                ends = finish;
            }
            leaves = finish + (visit.depart - visit.finish);
            at_site = view.sites[v];
            if off == Place::After(v) {
                ends = stop(to, false, 0, &mut at_site, &mut leaves, &mut metres, &mut wheel)?;
            }
            v += 1;
        }
        if let Some(next) = view.next {
            wheel.stand(next.begins - leaves);
            wheel.drive(next.spell_s);
        }
        if wheel.too_long {
            return None;
        }
        let last = trip.visits.last()?;
        let seconds = (leaves - last.depart).max(0);
        let fen = ((metres - old_metres) * view.km_fen + 500) / 1_000
            + (seconds * view.driver_fen_h + 1_800) / 3_600;
        Some((fen.max(0), begins, ends))
    }

    /// Trips that a vehicle could make after its last one.
    fn new_trips(&self, item: &Item<'_>, from: SiteId, to: SiteId, ready: i64, all: &mut Vec<Ride>) {
        let county = &self.inputs.county;
        for crew in &self.day_crews {
            let vehicle = county.vehicle(crew.vehicle);
            let own = self.turns.get(vehicle.id.as_str()).copied().unwrap_or_default();
            let ends_at = own.ends;
            let busy = own.trips >= vehicle.trips_max
                || self.progress.broken.contains(vehicle.id.as_str())
                || item.carriers.iter().any(|c| vehicle.excludes.contains(c));
            if busy || !self.may_come(crew.vehicle, from, ready) || !self.may_come(crew.vehicle, to, ready) {
                continue;
            }
            let room = (0..vehicle.layouts.len()).find_map(|layout| {
                let rooms = &vehicle.layouts[layout];
                let at = compartment_of(county, rooms, item.band, item.limited)?;
                item.load.amount.fits(rooms.compartments[at].room).then_some((layout, at))
            });
            let Some((layout, room)) = room else { continue };
            let mut sites = vec![crew.base];
            sites.extend([from, to].into_iter().filter(|&s| s != crew.base));
            if from == crew.base || to == crew.base || from != to {
                sites.push(crew.base);
            }
            if sites.len() < 3 {
                continue;
            }
            let begins = ends_at.unwrap_or(crew.window.from_s).max(crew.window.from_s).max(self.progress.now);
            let Some((fen, starts, ends)) = self.new_cost(item, crew, &sites, (from, to), ready, begins, own)
            else {
                continue;
            };
            let on = if from == crew.base { Place::At(0) } else { Place::At(1) };
            let off = if to == crew.base { Place::At(sites.len() - 1) } else { Place::At(sites.len() - 2) };
            all.push(Ride {
                trip: None,
                new: Some(NewTrip {
                    vehicle: crew.vehicle,
                    driver: crew.driver.index(),
                    layout,
                    number: own.trips + 1,
                    sites,
                    begins,
                }),
                from,
                to,
                on,
                off,
                compartment: vehicle.layouts[layout].compartments[room].name.clone(),
                fen,
                begins: starts,
                ends,
                band: vehicle.layouts[layout].compartments[room].band,
            });
        }
    }

    #[allow(clippy::too_many_arguments)] // a trip that is not there yet, piece by piece
    fn new_cost(
        &self,
        item: &Item<'_>,
        crew: &crate::day::Crew,
        sites: &[SiteId],
        (from, to): (SiteId, SiteId),
        ready: i64,
        begins: i64,
        own: Turns,
    ) -> Option<(i64, i64, i64)> {
        let county = &self.inputs.county;
        let vehicle = county.vehicle(crew.vehicle);
        let driver = county.driver(crew.driver);
        let mut at = begins;
        let mut metres = 0;
        let (mut starts, mut ends) = (begins, 0);
        let mut left_base = begins;
        let mut wheel = Wheel::new(&county.rules, own.spell_s);
        if let Some(ends_at) = own.ends {
            wheel.stand(begins - ends_at);
        }
        let mut band = None;
        for (i, &site) in sites.iter().enumerate() {
            if i > 0 {
                let band = *band.get_or_insert(self.inputs.travel.band(crew.profile, at));
                let (s, m) =
                    self.inputs.travel.leg(crew.profile, band, sites[i - 1].index(), site.index())?;
                at += s;
                metres += m;
                wheel.drive(s);
            }
            let (takes, gives) = (site == from && i + 1 < sites.len(), site == to && i > 0);
            if takes || gives {
                let length = county.site(site).stop_s(item.handled);
                let earliest = if takes { at.max(ready) } else { at };
                let start = self.windows(site, takes).iter().find_map(|w| {
                    let s = w.from_s.max(earliest);
                    (s + length <= w.to_s).then_some(s)
                })?;
                if i == 0 {
                    left_base = start;
                }
                if takes {
                    starts = start;
                }
                wheel.stand(start - at);
                at = start + length;
                if gives {
                    ends = at;
                }
            }
        }
        let in_time =
            at <= crew.window.to_s && crew.range_m.is_none_or(|range| metres <= range) && !wheel.too_long;
        let wait = if own.ends.is_none() { left_base } else { begins };
        let fixed = if own.ends.is_none() { vehicle.fixed_fen } else { 0 };
        let fen = fixed + vehicle.distance_fen(metres) + driver.crew_fen((at - wait).max(0), 0).0;
        in_time.then_some((fen, starts, ends))
    }
}

fn view<'a>(
    trip: &'a Trip,
    loads: &Map<&str, &'a Load>,
    inputs: &Inputs,
    progress: &Progress,
    names: &Names,
) -> View<'a> {
    let county = &inputs.county;
    let rooms: Map<&str, usize> =
        trip.compartments.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect();
    let line = trip.kind == TripKind::Line;
    let vehicle = names.vehicles.get(&trip.vehicle).filter(|_| !line).map(|&i| VehicleId::at(i));
    let mut now = vec![Amount::ZERO; trip.compartments.len()];
    let (mut aboard, mut total_g) = (Vec::new(), Vec::new());
    let (mut classes, mut carriers) = (BTreeSet::new(), BTreeSet::new());
    for visit in &trip.visits {
        for (h, sign) in visit.unload.iter().map(|h| (h, -1)).chain(visit.load.iter().map(|h| (h, 1))) {
            let (Some(load), Some(&room)) = (loads.get(h.load.as_str()), rooms.get(h.compartment.as_str()))
            else {
                continue;
            };
            let a = load.amount;
            now[room] += Amount { g: a.g * sign, cm3: a.cm3 * sign, pieces: a.pieces * sign };
            classes.extend(load.goods.iter().filter_map(|class| names.classes.get(class)));
            if names.any_exclusion {
                let row = |o| names.orders.get(o).and_then(|&i| inputs.orders.get(i));
                carriers.extend(load.orders.iter().filter_map(row).map(|r| r.order.carrier));
            }
        }
        total_g.push(now.iter().map(|a| a.g).sum());
        aboard.push(now.clone());
    }
    let n = trip.visits.len();
    let last = (0..n).rev().find_map(|v| progress.visits.get(&trip.visits[v].id).map(|d| (v, d)));
    let (joins, opens) = match last {
        // Loading has begun when its time has come.
        None if trip.visits.first().is_some_and(|v| v.start <= progress.now && progress.now > 0) => (1, 0),
        None => (0, 0),
        Some((v, done)) if done.left.is_none() => (v + 1, v),
        Some((v, _)) => (v + 1, v + 1),
    };
    let broken = progress.broken.contains(&trip.vehicle);
    let band = |id: &str| county.bands.iter().position(|b| b.id.as_str() == id).map(BandId::at);
    View {
        trip,
        vehicle,
        driver_fen_h: trip
            .driver
            .as_ref()
            .and_then(|d| names.drivers.get(d))
            .map_or(0, |&d| county.drivers[d].hour_fen),
        km_fen: vehicle.map_or(0, |v| county.vehicle(v).km_fen),
        payload_g: vehicle.map_or(i64::MAX, |v| county.vehicle(v).payload_g),
        profile: inputs.travel.profile(&trip.profile).unwrap_or(0),
        sites: trip.visits.iter().map(|v| names.site(&v.site)).collect(),
        rooms: trip.compartments.iter().enumerate().filter_map(|(i, c)| Some((i, band(&c.band)?))).collect(),
        joins: if broken { n } else { joins },
        opens: if broken { n } else { opens },
        aboard,
        total_g,
        classes,
        carriers,
        spell_s: 0,
        next: None,
    }
}

/// Tells every trip how long its driver has been at the wheel when it begins and what follows it; gives what vehicles have
/// done at their last trip's end.
fn spells<'a>(views: &mut [View<'a>], rules: &Rules) -> Map<&'a str, Turns> {
    let mut by_driver: Map<&str, Vec<usize>> = Map::default();
    let mut turns: Map<&'a str, Turns> = Map::default();
    for (i, view) in views.iter().enumerate().filter(|(_, v)| v.vehicle.is_some()) {
        if let Some(driver) = &view.trip.driver {
            by_driver.entry(driver).or_default().push(i);
        }
        let own = turns.entry(&view.trip.vehicle).or_default();
        own.trips += 1;
        own.ends = own.ends.max(view.trip.visits.last().map(|v| v.depart));
    }
    for mut list in by_driver.into_values() {
        list.sort_by_key(|&i| (begins(views[i].trip), views[i].trip.number));
        let mut wheel = Wheel::new(rules, 0);
        for (at, &i) in list.iter().enumerate() {
            let trip = views[i].trip;
            views[i].spell_s = wheel.spell_s;
            trip.visits.iter().for_each(|v| wheel.visit(v));
            let ends = trip.visits.last().map_or(0, |v| v.depart);
            if let Some(&following) = list.get(at + 1) {
                wheel.stand(begins(views[following].trip) - ends);
            } else if let Some(own) = turns.get_mut(trip.vehicle.as_str()) {
                own.spell_s = own.spell_s.max(wheel.spell_s);
            }
        }
        let mut after: Option<Next> = None;
        for &i in list.iter().rev() {
            views[i].next = after;
            after = Some(Next::of(views[i].trip, after, rules));
        }
    }
    turns
}
