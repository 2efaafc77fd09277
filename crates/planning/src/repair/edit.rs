//! Changes of a plan, and what differs between two.

use super::forward;
use super::ways::{NewTrip, Place, Way};
use super::{Names, Progress};
use crate::fast::Map;
use crate::inputs::Inputs;
use crate::orders::OrderRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::{
    Channel, Compartment, Direction, Handling, Leg, Load, Plan, Trip, TripKind, Visit,
};
use xiangyun_model::site::SiteKind;

/// What changes from one plan to another: whole trips and loads, so that it can be laid over the plan it was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Trips that are new or otherwise, ordered by id.
    pub trips: Vec<Trip>,
    /// Trips that fall away.
    pub dropped: Vec<String>,
    /// Loads that are new or otherwise, ordered by id.
    pub loads: Vec<Load>,
    /// Loads that fall away.
    pub gone: Vec<String>,
    /// Orders that are new to the day.
    #[serde(skip)]
    pub orders: Vec<OrderRow>,
}

impl Patch {
    pub(super) fn between(before: &Plan, after: &Plan, orders: Vec<OrderRow>) -> Self {
        let old: Map<&str, &Trip> = before.trips.iter().map(|t| (t.id.as_str(), t)).collect();
        let old_loads: Map<&str, &Load> = before.loads.iter().map(|l| (l.id.as_str(), l)).collect();
        let now: Map<&str, ()> = after.trips.iter().map(|t| (t.id.as_str(), ())).collect();
        let now_loads: Map<&str, ()> = after.loads.iter().map(|l| (l.id.as_str(), ())).collect();
        let mut dropped: Vec<String> =
            old.keys().filter(|t| !now.contains_key(**t)).map(|t| (*t).to_owned()).collect();
        dropped.sort();
        let mut gone: Vec<String> =
            old_loads.keys().filter(|l| !now_loads.contains_key(**l)).map(|l| (*l).to_owned()).collect();
        gone.sort();
        let mut trips: Vec<Trip> =
            after.trips.iter().filter(|t| old.get(t.id.as_str()) != Some(t)).cloned().collect();
        trips.sort_by(|a, b| a.id.cmp(&b.id));
        let mut loads: Vec<Load> =
            after.loads.iter().filter(|l| old_loads.get(l.id.as_str()) != Some(l)).cloned().collect();
        loads.sort_by(|a, b| a.id.cmp(&b.id));
        Self { trips, dropped, loads, gone, orders }
    }

    /// The same change for the lists that drivers have: where it makes use of what `lost` loads, forecast to miss a ride,
    /// leave free, or gives them another ride, they are taken off the old one for good.
    pub(super) fn complete(mut self, published: &Plan, after: &Plan, lost: &[String]) -> Self {
        if lost.is_empty() {
            return self;
        }
        let changed = self.trips.iter().map(|t| t.id.clone()).chain(self.dropped.iter().cloned());
        let mut changed: BTreeSet<String> = changed.collect();
        let mut moved: BTreeSet<String> = self.loads.iter().map(|l| l.id.clone()).collect();
        let now: BTreeMap<&str, &Load> = after.loads.iter().map(|l| (l.id.as_str(), l)).collect();
        // Of each lost load, the rides that it does not make any more.
        let mut open: Vec<(&Load, Vec<&str>)> = published
            .loads
            .iter()
            .filter(|l| lost.contains(&l.id))
            .filter_map(|old| {
                let new = now.get(old.id.as_str())?;
                let kept = |leg: &Leg| new.legs.iter().any(|n| (&n.trip, &n.from) == (&leg.trip, &leg.from));
                Some((*new, old.legs.iter().filter(|leg| !kept(leg)).map(|leg| leg.trip.as_str()).collect()))
            })
            .collect();
        let trips: BTreeMap<&str, &Trip> = after.trips.iter().map(|t| (t.id.as_str(), t)).collect();
        loop {
            let (concerned, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|(load, rides)| {
                moved.contains(&load.id) || rides.iter().any(|t| changed.contains(*t))
            });
            if concerned.is_empty() {
                break;
            }
            for (load, rides) in concerned {
                if moved.insert(load.id.clone()) {
                    self.loads.push(load.clone());
                }
                for ride in rides {
                    if changed.insert(ride.to_owned())
                        && let Some(trip) = trips.get(ride)
                    {
                        self.trips.push((*trip).clone());
                    }
                }
            }
            open = others;
        }
        self.trips.sort_by(|a, b| a.id.cmp(&b.id));
        self.loads.sort_by(|a, b| a.id.cmp(&b.id));
        self
    }

    /// Lays the change over a plan.
    pub fn apply(&self, plan: &mut Plan) {
        let trips: BTreeSet<&str> =
            self.trips.iter().map(|t| t.id.as_str()).chain(self.dropped.iter().map(String::as_str)).collect();
        plan.trips.retain(|t| !trips.contains(t.id.as_str()));
        plan.trips.extend(self.trips.iter().cloned());
        let loads: BTreeSet<&str> =
            self.loads.iter().map(|l| l.id.as_str()).chain(self.gone.iter().map(String::as_str)).collect();
        plan.loads.retain(|l| !loads.contains(l.id.as_str()));
        plan.loads.extend(self.loads.iter().cloned());
        sort(plan);
    }

    /// Vehicles whose trips it touches, among those of `plan`.
    #[must_use]
    pub fn vehicles(&self, plan: &Plan) -> BTreeSet<String> {
        let dropped = plan.trips.iter().filter(|t| self.dropped.contains(&t.id)).map(|t| t.vehicle.clone());
        let old =
            plan.trips.iter().filter(|t| self.trips.iter().any(|n| n.id == t.id)).map(|t| t.vehicle.clone());
        self.trips.iter().map(|t| t.vehicle.clone()).chain(dropped).chain(old).collect()
    }
}

fn sort(plan: &mut Plan) {
    plan.trips.sort_by(|a, b| {
        let first = |t: &Trip| t.visits.first().map_or(0, |v| v.depart);
        (first(a), &a.id).cmp(&(first(b), &b.id))
    });
    plan.loads.sort_by(|a, b| a.id.cmp(&b.id));
}

/// Stops ahead whose vehicle or order differs, or that fell away; new stops move nobody.
pub(super) fn moved_stops(before: &Plan, after: &Plan, progress: &Progress) -> u32 {
    moved_among(before, after, progress, |_| true)
}

/// The same of some stops only.
pub(super) fn moved_among(
    before: &Plan,
    after: &Plan,
    progress: &Progress,
    counts: impl Fn(&str) -> bool,
) -> u32 {
    let now: BTreeMap<&str, (&str, usize)> = after
        .trips
        .iter()
        .flat_map(|t| t.visits.iter().enumerate().map(|(i, v)| (v.id.as_str(), (t.vehicle.as_str(), i))))
        .collect();
    let mut moved = 0;
    for trip in &before.trips {
        let mut last: Option<usize> = None;
        let ahead = trip.visits.iter().filter(|v| !progress.visits.contains_key(&v.id));
        for visit in ahead.filter(|v| counts(&v.id)) {
            match now.get(visit.id.as_str()) {
                Some(&(vehicle, at)) if vehicle == trip.vehicle && last.is_none_or(|l| at > l) => {
                    last = Some(at);
                }
                _ => moved += 1,
            }
        }
    }
    moved
}

/// A plan being changed.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) plan: Plan,
}

/// A visit whose times come with the next timing.
pub(super) fn blank_visit(id: String, site: String, at: i64) -> Visit {
    Visit {
        id,
        site,
        arrive: at,
        start: at,
        finish: at,
        depart: at,
        latest: forward::FAR_S,
        leg_s: 0,
        leg_m: 0,
        dock: None,
        unload: Vec::new(),
        load: Vec::new(),
    }
}

impl Trial {
    pub(super) fn retime(&mut self, inputs: &Inputs, progress: &Progress, names: &Names) -> Vec<String> {
        self.retime_within(inputs, progress, names, 0)
    }

    /// The same, with latest starts after which promises that have a price are passed by so much at most.
    pub(super) fn retime_within(
        &mut self,
        inputs: &Inputs,
        progress: &Progress,
        names: &Names,
        late_s: i64,
    ) -> Vec<String> {
        let missed = forward::retime(&mut self.plan, inputs, progress, names, late_s);
        sort(&mut self.plan);
        missed
    }

    fn fresh_visit_id(&self, trip: &str) -> String {
        let known: BTreeSet<&str> =
            self.plan.trips.iter().flat_map(|t| &t.visits).map(|v| v.id.as_str()).collect();
        (1..).map(|n| format!("{trip}-r{n}")).find(|id| !known.contains(id.as_str())).expect("a free number")
    }

    /// Lets loads that stand together and go to one place ride on a way.
    pub(super) fn put_all(&mut self, way: &Way, loads: &[Load], inputs: &Inputs, names: &Names) {
        let Some((first, others)) = loads.split_first() else { return };
        let travelled = first.legs.len();
        self.put(way, first.clone(), inputs, names);
        let Some(placed) = self.plan.loads.iter().find(|l| l.id == first.id).cloned() else { return };
        for load in others {
            let mut load = load.clone();
            for leg in &placed.legs[travelled..] {
                let handling = Handling { load: load.id.clone(), compartment: leg.compartment.clone() };
                for visit in
                    self.plan.trips.iter_mut().filter(|t| t.id == leg.trip).flat_map(|t| &mut t.visits)
                {
                    if visit.id == leg.from {
                        visit.load.push(handling.clone());
                    }
                    if visit.id == leg.to {
                        visit.unload.push(handling.clone());
                    }
                }
                load.legs.push(Leg { ready: load.release, ..leg.clone() });
            }
            load.channel = channel(&load, &self.plan, inputs, names);
            self.replace(load);
        }
    }

    fn replace(&mut self, load: Load) {
        self.plan.loads.retain(|l| l.id != load.id);
        self.plan.unassigned.retain(|u| !load.orders.contains(&u.order));
        self.plan.deferrals.retain(|u| !load.orders.contains(&u.order));
        self.plan.loads.push(load);
    }

    /// Lets a load ride on a way.
    pub(super) fn put(&mut self, way: &Way, mut load: Load, inputs: &Inputs, names: &Names) {
        for ride in &way.rides {
            let site = |s: SiteId| inputs.county.site(s).id.to_string();
            let (t, on, off) = match (&ride.new, ride.trip) {
                (Some(new), _) => {
                    let t = self.add_trip(new, inputs);
                    (t, ride.on, ride.off)
                }
                (None, Some(t)) => (t, ride.on, ride.off),
                (None, None) => continue,
            };
            let trip_id = self.plan.trips[t].id.clone();
            // The later place first, so that its position still holds.
            let to_id = self.place(t, off, &site(ride.to), &trip_id);
            let from_id = self.place(t, on, &site(ride.from), &trip_id);
            let handling = Handling { load: load.id.clone(), compartment: ride.compartment.clone() };
            for visit in &mut self.plan.trips[t].visits {
                if visit.id == from_id {
                    visit.load.push(handling.clone());
                }
                if visit.id == to_id {
                    visit.unload.push(handling.clone());
                }
            }
            load.legs.push(Leg {
                trip: trip_id,
                from: from_id,
                to: to_id,
                compartment: ride.compartment.clone(),
                ready: load.release,
            });
        }
        load.channel = channel(&load, &self.plan, inputs, names);
        self.replace(load);
    }

    fn place(&mut self, t: usize, place: Place, site: &str, trip: &str) -> String {
        match place {
            Place::At(v) => self.plan.trips[t].visits[v].id.clone(),
            Place::After(v) => {
                let id = self.fresh_visit_id(trip);
                let at = self.plan.trips[t].visits[v].depart;
                self.plan.trips[t].visits.insert(v + 1, blank_visit(id.clone(), site.to_owned(), at));
                id
            }
        }
    }

    /// What a trip does at a visit, another trip does: at its visit `at` where it is there anyway, else at a new one after
    /// that. Gives whether it has compartments for everything.
    pub(super) fn hand_stop_on(
        &mut self,
        trip: &str,
        visit: &str,
        other: &str,
        there: bool,
        at: usize,
    ) -> bool {
        let place = |plan: &Plan, id: &str| plan.trips.iter().position(|t| t.id == id);
        let (Some(from), Some(to)) = (place(&self.plan, trip), place(&self.plan, other)) else {
            return false;
        };
        let Some(v) = self.plan.trips[from].visits.iter().position(|x| x.id == visit) else { return false };
        let old = self.plan.trips[from].visits[v].clone();
        // Rooms of the same band.
        let mut rooms: BTreeMap<String, String> = BTreeMap::new();
        for room in &self.plan.trips[from].compartments {
            let same = self.plan.trips[to].compartments.iter().find(|c| c.band == room.band);
            let Some(same) = same.or_else(|| self.plan.trips[to].compartments.first()) else { return false };
            rooms.insert(room.name.clone(), same.name.clone());
        }
        let stop = self.place(to, if there { Place::At(at) } else { Place::After(at) }, &old.site, other);
        let ends = |trip: &Trip| {
            let n = trip.visits.len();
            (trip.visits[0].clone(), trip.visits[n - 1].clone())
        };
        let ((here0, here1), (there0, there1)) = (ends(&self.plan.trips[from]), ends(&self.plan.trips[to]));
        if here0.site != there0.site || here1.site != there1.site {
            return false;
        }
        let moved: BTreeSet<&str> = old.load.iter().chain(&old.unload).map(|h| h.load.as_str()).collect();
        for load in self.plan.loads.iter_mut().filter(|l| moved.contains(l.id.as_str())) {
            let id = load.id.clone();
            for leg in load.legs.iter_mut().filter(|l| l.from == old.id || l.to == old.id) {
                let end = |v: &str| match v {
                    v if v == old.id => Some(stop.clone()),
                    v if v == here0.id => Some(there0.id.clone()),
                    v if v == here1.id => Some(there1.id.clone()),
                    _ => None,
                };
                // Goods between two stations of the trip stay with it.
                let (Some(new_from), Some(new_to)) = (end(&leg.from), end(&leg.to)) else { return false };
                let Some(room) = rooms.get(&leg.compartment).cloned() else { return false };
                for x in &mut self.plan.trips[from].visits {
                    if x.id == leg.from {
                        x.load.retain(|h| h.load != id);
                    }
                    if x.id == leg.to {
                        x.unload.retain(|h| h.load != id);
                    }
                }
                let handling = Handling { load: id.clone(), compartment: room.clone() };
                for x in &mut self.plan.trips[to].visits {
                    if x.id == new_from {
                        x.load.push(handling.clone());
                    }
                    if x.id == new_to {
                        x.unload.push(handling.clone());
                    }
                }
                *leg = Leg {
                    trip: other.to_owned(),
                    from: new_from,
                    to: new_to,
                    compartment: room,
                    ready: leg.ready,
                };
            }
        }
        true
    }

    pub(super) fn add_trip(&mut self, new: &NewTrip, inputs: &Inputs) -> usize {
        let county = &inputs.county;
        let vehicle = county.vehicle(new.vehicle);
        let id = (new.number..)
            .map(|n| format!("{}.{n}", vehicle.id))
            .find(|id| self.plan.trip(id).is_none())
            .expect("a free number");
        let stations_only =
            new.sites.iter().all(|&s| matches!(county.site(s).kind, SiteKind::Hub | SiteKind::Station));
        let kind = match new.sites[0] == county.hub {
            true if stations_only => TripKind::Trunk,
            true => TripKind::Direct,
            false => TripKind::Round,
        };
        let layout = &vehicle.layouts[new.layout];
        let visits =
            new.sites.iter().enumerate().map(|(i, &s)| {
                blank_visit(format!("{id}-{}", i + 1), county.site(s).id.to_string(), new.begins)
            });
        self.plan.trips.push(Trip {
            visits: visits.collect(),
            id,
            kind,
            vehicle: vehicle.id.to_string(),
            driver: Some(county.drivers[new.driver].id.to_string()),
            number: new.number,
            profile: vehicle.profile.clone(),
            band: 0,
            compartments: layout
                .compartments
                .iter()
                .map(|c| Compartment {
                    name: c.name.clone(),
                    band: county.band(c.band).id.to_string(),
                    capacity: c.room,
                })
                .collect(),
            metres: 0,
            drive_s: 0,
            cost_fen: 0,
        });
        self.plan.trips.len() - 1
    }

    /// Takes an order out of a load; a load without orders falls away, and so do visits and trips without work.
    pub(super) fn take_out(
        &mut self,
        at: usize,
        order: &str,
        inputs: &Inputs,
        progress: &Progress,
        names: &Names,
    ) {
        let load = &mut self.plan.loads[at];
        load.orders.retain(|o| o != order);
        if load.orders.is_empty() {
            let id = load.id.clone();
            self.plan.loads.remove(at);
            self.drop_load(&id);
        } else {
            recount(load, inputs, names);
        }
        self.prune(progress);
    }

    pub(super) fn drop_load(&mut self, id: &str) {
        for visit in self.plan.trips.iter_mut().flat_map(|t| &mut t.visits) {
            visit.load.retain(|h| h.load != id);
            visit.unload.retain(|h| h.load != id);
        }
    }

    /// Visits ahead where nothing is left to do fall away, then trips that go nowhere.
    pub(super) fn prune(&mut self, progress: &Progress) {
        for trip in self.plan.trips.iter_mut().filter(|t| t.kind != TripKind::Line) {
            let n = trip.visits.len();
            let mut at = 0;
            trip.visits.retain(|v| {
                let end = at == 0 || at + 1 == n;
                at += 1;
                end || progress.visits.contains_key(&v.id) || !(v.load.is_empty() && v.unload.is_empty())
            });
        }
        self.plan.trips.retain(|t| {
            let begun = t.visits.first().is_some_and(|v| progress.visits.contains_key(&v.id));
            let works = |v: &Visit| !(v.load.is_empty() && v.unload.is_empty());
            begun || t.visits.len() > 2 || t.visits.iter().any(works)
        });
        let mut turns: BTreeMap<String, u32> = BTreeMap::new();
        for trip in self.plan.trips.iter_mut().filter(|t| t.kind != TripKind::Line) {
            let turn = turns.entry(trip.vehicle.clone()).or_insert(0);
            *turn += 1;
            trip.number = *turn;
        }
    }
}

/// Amounts of a load from its orders.
pub(super) fn recount(load: &mut Load, inputs: &Inputs, names: &Names) {
    let county = &inputs.county;
    let rows = || load.orders.iter().filter_map(|o| names.orders.get(o)).map(|&i| &inputs.orders[i].order);
    let amount = rows().map(|o| o.amount).sum();
    let goods: BTreeSet<String> = rows().map(|o| county.class(o.class).id.to_string()).collect();
    load.amount = amount;
    load.units = county.handling.units(load.unit, load.amount);
    load.goods = goods.into_iter().collect();
}

fn channel(load: &Load, plan: &Plan, inputs: &Inputs, names: &Names) -> Channel {
    let county = &inputs.county;
    let trip = |id: &str| plan.trips.iter().find(|t| t.id == id);
    let site = |id: &str| {
        plan.trips
            .iter()
            .flat_map(|t| &t.visits)
            .find(|v| v.id == id)
            .map_or(county.hub, |v| names.site(&v.site))
    };
    let word = |s: SiteId| county.site(s).id.to_string();
    if let Some(line) = load.legs.iter().filter_map(|leg| trip(&leg.trip)).find(|t| t.kind == TripKind::Line)
    {
        let name = names.lines.get(&line.vehicle).map(|&i| county.line_trips[i].line.clone());
        return Channel::Line { line: name.unwrap_or_default() };
    }
    let depot = |id: &str| matches!(county.site(names.site(id)).kind, SiteKind::Hub | SiteKind::Station);
    if depot(&load.origin) && depot(&load.destination) {
        return Channel::Trunk;
    }
    match load.legs.as_slice() {
        [one] if load.direction == Direction::Cross => {
            let base =
                trip(&one.trip).and_then(|t| t.visits.first()).map_or(String::new(), |v| v.site.clone());
            Channel::Local { base }
        }
        [first, second] => {
            let station = site(&first.to);
            let village =
                if load.direction == Direction::Down { site(&second.to) } else { site(&first.from) };
            if county.station_of(village) == station {
                Channel::OwnStation { station: word(station) }
            } else {
                Channel::OtherStation { station: word(station) }
            }
        }
        [first, .., last] => Channel::Relay { from: word(site(&first.to)), to: word(site(&last.from)) },
        _ => Channel::Direct,
    }
}
