//! The day from now on, to the second: what has happened stands, everything ahead follows from it over both tiers. A
//! vehicle waits for goods as long as its plan can bear; what comes later than that misses its ride.

use super::{Done, Names, Progress};
use crate::fast::Map;
use crate::inputs::Inputs;
use std::collections::BTreeMap;
use xiangyun_model::id::BandId;
use xiangyun_model::plan::{Duty, Load, Plan, Rest, Trip, TripKind};
use xiangyun_model::time::Window;

/// Later than any moment of a plan.
pub(super) const FAR_S: i64 = 1 << 40;

/// What a load's way has come to.
struct Cargo {
    ready: Option<i64>,
    leg: usize,
    handled: i64,
    window: Option<Window>,
    lost: bool,
}

/// Arrival at a trip's next visit and whether all goods to take on are accounted for; none at its end or before its turn.
#[derive(Clone, Copy)]
enum Known {
    Not,
    Next(Option<(i64, bool)>),
}

struct Run<'a> {
    inputs: &'a Inputs,
    names: &'a Names,
    progress: &'a Progress,
    loads: Map<String, usize>,
    cargo: Vec<Cargo>,
    docks: Map<(usize, u32), Vec<(i64, i64)>>,
    /// Next visit by trip.
    next: Vec<usize>,
    /// Trips that must be over first, by trip.
    gates: Vec<Vec<usize>>,
    /// Trips that wait for a trip to be over, by trip.
    followers: Vec<Vec<usize>>,
    trips: Map<String, usize>,
    /// What is known of each trip's next visit, until something happens that it depends on.
    known: Vec<Known>,
    /// Until when each visit could wait when it was planned.
    patience: Vec<Vec<i64>>,
    lost: Vec<usize>,
}

pub(super) fn handled(load: &Load) -> i64 {
    if load.sealed { load.units } else { load.amount.pieces }
}

/// Times everything that is not done. Gives the ids of loads that miss a ride; they keep the legs already travelled.
pub(super) fn retime(plan: &mut Plan, inputs: &Inputs, progress: &Progress, names: &Names) -> Vec<String> {
    let mut run = Run::new(plan, inputs, progress, names);
    loop {
        let mut best: Option<(i64, usize)> = None;
        let mut blocked: Option<(i64, usize)> = None;
        for t in 0..plan.trips.len() {
            let next = match run.known[t] {
                Known::Next(next) => next,
                Known::Not => run.next_at(plan, t),
            };
            run.known[t] = Known::Next(next);
            let Some((at, free)) = next else { continue };
            let slot = if free { &mut best } else { &mut blocked };
            if slot.is_none_or(|(least, _)| at < least) {
                *slot = Some((at, t));
            }
        }
        match (best, blocked) {
            (Some((_, t)), _) => run.visit(plan, t),
            (None, Some((_, t))) => run.leave_behind_blocked(plan, t),
            (None, None) => break,
        }
    }
    let lost: Vec<String> = run.lost.iter().map(|&l| plan.loads[l].id.clone()).collect();
    for trip in &mut plan.trips {
        trip.metres = trip.visits.iter().map(|v| v.leg_m).sum();
        trip.drive_s = trip.visits.iter().map(|v| v.leg_s).sum();
    }
    arrivals(plan, inputs, names);
    lost
}

impl<'a> Run<'a> {
    fn new(plan: &Plan, inputs: &'a Inputs, progress: &'a Progress, names: &'a Names) -> Self {
        let cargo = plan.loads.iter().map(|load| {
            let orders = if names.any_window { &load.orders[..] } else { &[] };
            let windows = orders
                .iter()
                .filter_map(|o| names.orders.get(o).and_then(|&i| inputs.orders.get(i)))
                .filter_map(|r| r.order.window);
            let window =
                windows.reduce(|a, b| Window { from_s: a.from_s.max(b.from_s), to_s: a.to_s.min(b.to_s) });
            Cargo { ready: Some(load.release), leg: 0, handled: handled(load), window, lost: false }
        });
        let mut by_vehicle: Map<&str, Vec<usize>> = Map::default();
        let mut by_driver: Map<&str, Vec<usize>> = Map::default();
        for (t, trip) in plan.trips.iter().enumerate().filter(|(_, t)| t.kind != TripKind::Line) {
            by_vehicle.entry(&trip.vehicle).or_default().push(t);
            if let Some(driver) = &trip.driver {
                by_driver.entry(driver).or_default().push(t);
            }
        }
        let mut gates = vec![Vec::new(); plan.trips.len()];
        let mut followers = vec![Vec::new(); plan.trips.len()];
        for list in by_vehicle.values_mut().chain(by_driver.values_mut()) {
            list.sort_by_key(|&t| {
                (plan.trips[t].visits.first().map_or(0, |v| v.arrive), plan.trips[t].number, t)
            });
            for pair in list.windows(2) {
                gates[pair[1]].push(pair[0]);
                followers[pair[0]].push(pair[1]);
            }
        }
        Self {
            inputs,
            names,
            progress,
            loads: plan.loads.iter().enumerate().map(|(i, l)| (l.id.clone(), i)).collect(),
            cargo: cargo.collect(),
            docks: Map::default(),
            next: vec![0; plan.trips.len()],
            gates,
            followers,
            trips: plan.trips.iter().enumerate().map(|(t, trip)| (trip.id.clone(), t)).collect(),
            known: vec![Known::Not; plan.trips.len()],
            patience: plan.trips.iter().map(|t| t.visits.iter().map(|v| v.latest).collect()).collect(),
            lost: Vec::new(),
        }
    }

    fn load(&self, id: &str) -> Option<usize> {
        self.loads.get(id).copied()
    }

    fn gate_s(&self, plan: &Plan, t: usize) -> Option<i64> {
        let mut at = i64::MIN;
        for &before in &self.gates[t] {
            if self.next[before] < plan.trips[before].visits.len() {
                return None;
            }
            at = at.max(plan.trips[before].visits.last().map_or(0, |v| v.depart));
        }
        Some(at)
    }

    /// When a trip comes to its next visit, before any wait for goods.
    fn arrives_at(&self, plan: &Plan, t: usize) -> Option<i64> {
        let trip = &plan.trips[t];
        let v = self.next[t];
        let visit = trip.visits.get(v)?;
        if let Some(done) = self.progress.visits.get(&visit.id) {
            return Some(done.arrived);
        }
        if trip.kind == TripKind::Line {
            return Some(visit.arrive);
        }
        if v == 0 {
            let gate = self.gate_s(plan, t)?;
            let held = self.progress.held.get(&trip.id).copied().unwrap_or(i64::MIN);
            return Some(visit.arrive.max(gate).max(held).max(self.progress.now));
        }
        let before = &trip.visits[v - 1];
        let leg_s = self.leg(trip, &before.site, &visit.site).0;
        Some((before.depart + leg_s).max(self.progress.now.min(before.depart + 4 * leg_s + 60)))
    }

    fn leg(&self, trip: &Trip, from: &str, to: &str) -> (i64, i64) {
        if from == to {
            return (0, 0);
        }
        let Some(profile) = self.inputs.travel.profile(&trip.profile) else { return (0, 0) };
        let (from, to) = (self.names.site(from), self.names.site(to));
        let found = self.inputs.travel.leg(profile, trip.band as usize, from.index(), to.index());
        // A pair that no road joins: the checker refuses it; the time only keeps the order of events.
        found.unwrap_or((4 * 3_600, 200_000))
    }

    /// Arrival with what is known of the goods to take on, and whether all of them are accounted for.
    fn next_at(&self, plan: &Plan, t: usize) -> Option<(i64, bool)> {
        let trip = &plan.trips[t];
        let visit = trip.visits.get(self.next[t])?;
        let at = self.arrives_at(plan, t)?;
        if self.progress.visits.contains_key(&visit.id) {
            return Some((at, true));
        }
        let free = visit.load.iter().all(|h| {
            self.load(&h.load).is_none_or(|l| {
                self.cargo[l].lost
                    || (self.cargo[l].ready.is_some()
                        && plan.loads[l].legs.get(self.cargo[l].leg).is_some_and(|leg| leg.trip == trip.id))
            })
        });
        Some((at, free))
    }

    /// Nothing moves any more: the trip that would be first goes without what never came.
    fn leave_behind_blocked(&mut self, plan: &mut Plan, t: usize) {
        let v = self.next[t];
        let waiting: Vec<usize> = plan.trips[t].visits[v]
            .load
            .iter()
            .filter_map(|h| self.load(&h.load))
            .filter(|&l| {
                self.cargo[l].ready.is_none()
                    || plan.loads[l]
                        .legs
                        .get(self.cargo[l].leg)
                        .is_none_or(|leg| leg.trip != plan.trips[t].id)
            })
            .collect();
        let visit = plan.trips[t].visits[v].id.clone();
        for l in waiting {
            self.lose(plan, l, &visit);
        }
        self.known[t] = Known::Not;
    }

    /// A load misses its ride from a visit: nothing of its way from there on happens.
    fn lose(&mut self, plan: &mut Plan, l: usize, visit: &str) {
        let id = plan.loads[l].id.clone();
        let from = plan.loads[l].legs.iter().position(|leg| leg.from == visit).unwrap_or(self.cargo[l].leg);
        for leg in plan.loads[l].legs.split_off(from) {
            if let Some(&t) = self.trips.get(&leg.trip) {
                self.known[t] = Known::Not;
            }
            if let Some(trip) = plan.trips.iter_mut().find(|x| x.id == leg.trip) {
                for visit in &mut trip.visits {
                    if visit.id == leg.from {
                        visit.load.retain(|h| h.load != id);
                    }
                    if visit.id == leg.to {
                        visit.unload.retain(|h| h.load != id);
                    }
                }
            }
        }
        if !self.cargo[l].lost {
            self.cargo[l].lost = true;
            self.lost.push(l);
        }
    }

    fn visit(&mut self, plan: &mut Plan, t: usize) {
        let v = self.next[t];
        let arrive = self.arrives_at(plan, t).unwrap_or(0);
        let line = plan.trips[t].kind == TripKind::Line;
        let id = plan.trips[t].visits[v].id.clone();
        let done = self.progress.visits.get(&id).copied();
        let visit = &plan.trips[t].visits[v];
        // A vehicle waits for goods as long as its plan can bear.
        let until = if line { visit.depart } else { self.patience[t][v].max(arrive) };
        let left_behind = self.progress.left_behind.get(&id);
        let misses = |l: usize| match done {
            None => self.cargo[l].ready.is_some_and(|r| r > until),
            Some(_) => left_behind.is_some_and(|left| plan.loads[l].orders.iter().all(|o| left.contains(o))),
        };
        let list = visit.load.iter().filter_map(|h| self.load(&h.load));
        let missing: Vec<usize> = list.filter(|&l| misses(l)).collect();
        for l in missing {
            self.lose(plan, l, &id);
        }
        let n = plan.trips[t].visits.len();
        let leg = if v == 0 || line {
            (plan.trips[t].visits[v].leg_s, plan.trips[t].visits[v].leg_m)
        } else {
            let trip = &plan.trips[t];
            self.leg(trip, &trip.visits[v - 1].site, &trip.visits[v].site)
        };
        let visit = &plan.trips[t].visits[v];
        let site_id = self.names.site(&visit.site);
        let site = &self.inputs.county.sites[site_id.index()];
        let idle = visit.load.is_empty() && visit.unload.is_empty();
        let amount: i64 = visit
            .load
            .iter()
            .chain(&visit.unload)
            .filter_map(|h| self.load(&h.load))
            .map(|l| self.cargo[l].handled)
            .sum();
        let need = if idle && (v == 0 || v + 1 == n) { 0 } else { site.stop_s(amount) };
        let extra = (visit.depart - visit.finish).max(0);
        let ready = visit
            .load
            .iter()
            .filter_map(|h| self.load(&h.load))
            .filter_map(|l| self.cargo[l].ready)
            .max()
            .unwrap_or(i64::MIN);
        let (mut start, mut finish, mut depart, mut dock) =
            (visit.start, visit.finish, visit.depart, visit.dock);
        match done {
            _ if line => {}
            Some(Done { arrived, left: Some(left) }) => {
                start = start.clamp(arrived, left.max(arrived));
                finish = finish.clamp(start, left.max(start));
                depart = left.max(finish);
            }
            Some(Done { arrived, left: None }) => {
                start = start.max(arrived);
                finish = (start + need).max(self.progress.now);
                depart = finish + extra;
            }
            None => {
                let agreed = self.agreed_from(plan, t, v);
                let mut at = arrive.max(ready).max(agreed);
                dock = None;
                if !idle {
                    let collects = !visit.load.is_empty();
                    let roadside = visit.id.ends_with(super::judge::TRANSFER);
                    let windows = site.windows_on(plan.date, collects);
                    for _ in 0..64 {
                        let open = windows
                            .iter()
                            .find_map(|w| {
                                let s = w.from_s.max(at);
                                (s + need <= w.to_s).then_some(s)
                            })
                            .filter(|_| !roadside)
                            .unwrap_or(at);
                        let (free, which) = self.free_dock(site_id.index(), site.docks, open, need);
                        dock = which;
                        at = free;
                        if free == open {
                            break;
                        }
                    }
                }
                start = at;
                finish = start + need;
                depart = finish + extra;
            }
        }
        if let (Some(d), false) = (dock, line) {
            self.docks.entry((site_id.index(), d)).or_default().push((start, finish));
        }
        let first = v == 0;
        let trip = &mut plan.trips[t];
        {
            let visit = &mut trip.visits[v];
            let begins = first && done.is_none() && trip.number == 1 && !line;
            visit.arrive = if begins { start } else { arrive };
            visit.start = start.max(visit.arrive);
            visit.finish = finish.max(visit.start);
            visit.depart = depart.max(visit.finish);
            visit.dock = dock;
            if !line {
                (visit.leg_s, visit.leg_m) = leg;
            }
        }
        if first
            && !line
            && let Some(profile) = self.inputs.travel.profile(&trip.profile)
        {
            trip.band = self.inputs.travel.band(profile, trip.visits[0].depart) as u32;
        }
        self.handle(plan, t, v);
        self.next[t] += 1;
        self.known[t] = Known::Not;
        if self.next[t] == n {
            self.followers[t].iter().for_each(|&after| self.known[after] = Known::Not);
        }
    }

    fn handle(&mut self, plan: &mut Plan, t: usize, v: usize) {
        let visit = plan.trips[t].visits[v].clone();
        let site = &self.inputs.county.sites[self.names.site(&visit.site).index()];
        // What is known to have happened need not come in the order of the legs.
        for h in &visit.unload {
            let Some(l) = self.load(&h.load) else { continue };
            let cargo = &mut self.cargo[l];
            let after = plan.loads[l].legs.iter().position(|leg| leg.to == visit.id).unwrap_or(cargo.leg) + 1;
            if after <= cargo.leg {
                continue;
            }
            cargo.leg = after;
            cargo.ready = Some(visit.finish + site.crossing_s(cargo.handled));
            if let Some(&next) = plan.loads[l].legs.get(cargo.leg).and_then(|leg| self.trips.get(&leg.trip)) {
                self.known[next] = Known::Not;
            }
        }
        for h in &visit.load {
            let Some(l) = self.load(&h.load) else { continue };
            let cargo = &mut self.cargo[l];
            let legs = &mut plan.loads[l].legs;
            cargo.leg = legs.iter().position(|leg| leg.from == visit.id).unwrap_or(0).max(cargo.leg);
            if let Some(leg) = legs.get_mut(cargo.leg) {
                leg.ready = cargo.ready.unwrap_or(leg.ready);
            }
            cargo.ready = None;
        }
    }

    fn agreed_from(&self, plan: &Plan, t: usize, v: usize) -> i64 {
        let visit = &plan.trips[t].visits[v];
        let hub = &self.inputs.county.sites[self.inputs.county.hub.index()].id;
        if visit.site == hub.as_str() {
            return i64::MIN;
        }
        let far = |h: &xiangyun_model::plan::Handling| {
            let l = self.load(&h.load)?;
            let load = &plan.loads[l];
            let here = load.destination == visit.site || load.origin == visit.site;
            self.cargo[l].window.filter(|_| here).map(|w| w.from_s)
        };
        visit.load.iter().chain(&visit.unload).filter_map(far).max().unwrap_or(i64::MIN)
    }

    fn free_dock(&self, site: usize, docks: u32, from: i64, length: i64) -> (i64, Option<u32>) {
        let mut best: Option<(i64, u32)> = None;
        for dock in 1..=docks {
            let mut at = from;
            if let Some(booked) = self.docks.get(&(site, dock)) {
                let mut booked = booked.clone();
                booked.sort_unstable();
                for (b, e) in booked {
                    if b < at + length && at < e {
                        at = e;
                    }
                }
            }
            if best.is_none_or(|(least, _)| at < least) {
                best = Some((at, dock));
            }
        }
        best.map_or((from, None), |(at, dock)| (at, Some(dock)))
    }
}

/// Arrivals and time out of band of every load, from the visits.
fn arrivals(plan: &mut Plan, inputs: &Inputs, names: &Names) {
    let at: Map<String, (usize, usize)> = plan
        .trips
        .iter()
        .enumerate()
        .flat_map(|(t, trip)| {
            trip.visits.iter().enumerate().map(move |(v, visit)| (visit.id.clone(), (t, v)))
        })
        .collect();
    let Plan { trips, loads, .. } = plan;
    let county = &inputs.county;
    let bands: Map<&str, usize> = county.bands.iter().enumerate().map(|(i, b)| (b.id.as_str(), i)).collect();
    for load in loads {
        let visit = |id: &str| at.get(id).map(|&(t, v)| (&trips[t], &trips[t].visits[v]));
        load.arrives = load.legs.last().and_then(|leg| visit(&leg.to)).map_or(0, |(_, v)| v.finish);
        let Some(&band) = bands.get(load.band.as_str()) else { continue };
        let limited = load.goods.iter().any(|class| names.limited.contains_key(class));
        if !limited {
            continue;
        }
        let (mut out_s, mut left): (i64, Option<i64>) = (0, None);
        for leg in &load.legs {
            let (Some((trip, from)), Some((_, to))) = (visit(&leg.from), visit(&leg.to)) else { continue };
            let cold_room = county.sites[names.site(&from.site).index()].store_cold_cm3 > 0;
            if let Some(left) = left
                && county.bands[band].cold
                && !cold_room
            {
                out_s += from.start - left;
            }
            let room = trip.compartments.iter().find(|c| c.name == leg.compartment);
            let in_band = room
                .and_then(|c| bands.get(c.band.as_str()))
                .is_some_and(|&have| county.in_band(BandId::at(band), BandId::at(have)));
            if !in_band {
                out_s += to.finish - from.start;
            }
            left = Some(to.finish);
        }
        load.out_of_band_s = out_s;
    }
}

/// Duties and latest starts follow from the times.
pub(super) fn renew(plan: &mut Plan, inputs: &Inputs, names: &Names) {
    renew_within(plan, inputs, names, 0);
}

/// The same where promises that have a price may be passed by so much: latest starts are that much more patient.
pub(super) fn renew_within(plan: &mut Plan, inputs: &Inputs, names: &Names, late_s: i64) {
    duties(plan, inputs, names);
    latest(plan, inputs, names, late_s);
}

fn duties(plan: &mut Plan, inputs: &Inputs, names: &Names) {
    let mut by_driver: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (t, trip) in plan.trips.iter().enumerate().filter(|(_, t)| t.kind != TripKind::Line) {
        if let Some(driver) = &trip.driver {
            by_driver.entry(driver.clone()).or_default().push(t);
        }
    }
    let rest_s = inputs.county.rules.rest_s;
    let mut all = Vec::with_capacity(by_driver.len());
    for (driver, mut list) in by_driver {
        list.sort_by_key(|&t| (plan.trips[t].visits[0].arrive, plan.trips[t].number));
        let trips: Vec<&Trip> = list.iter().map(|&t| &plan.trips[t]).collect();
        let from = trips[0].visits[0].arrive;
        let to = trips.iter().filter_map(|t| t.visits.last()).map(|v| v.depart).max().unwrap_or(from);
        let mut rests = Vec::new();
        let mut stand = |site: &str, from: i64, to: i64| {
            if to - from >= rest_s {
                rests.push(Rest { site: site.to_owned(), from, to });
            }
        };
        for (i, trip) in trips.iter().enumerate() {
            for visit in &trip.visits {
                stand(&visit.site, visit.arrive, visit.start);
                stand(&visit.site, visit.finish, visit.depart);
            }
            if let (Some(last), Some(next)) = (trip.visits.last(), trips.get(i + 1)) {
                stand(&last.site, last.depart, next.visits[0].arrive);
            }
        }
        let overtime_s =
            names.drivers.get(&driver).map_or(0, |&d| inputs.county.drivers[d].overtime_s(from, to));
        all.push(Duty {
            driver,
            trips: trips.iter().map(|t| t.id.clone()).collect(),
            from,
            to,
            drive_s: trips.iter().map(|t| t.drive_s).sum(),
            overtime_s,
            rests,
        });
    }
    plan.duties = all;
}

/// Latest starts with which everything after them in both tiers still holds; each visit depends on later ones only.
fn latest(plan: &mut Plan, inputs: &Inputs, names: &Names, late_s: i64) {
    let county = &inputs.county;
    let bands: Map<&str, BandId> =
        county.bands.iter().enumerate().map(|(i, b)| (b.id.as_str(), BandId::at(i))).collect();
    let place: Map<String, (usize, usize)> = plan
        .trips
        .iter()
        .enumerate()
        .flat_map(|(t, trip)| {
            trip.visits.iter().enumerate().map(move |(v, visit)| (visit.id.clone(), (t, v)))
        })
        .collect();
    let loads: Map<&str, &Load> = plan.loads.iter().map(|l| (l.id.as_str(), l)).collect();
    // Handling at docks by site: begin, end, vehicle.
    let mut docks: Map<&str, Vec<(i64, i64, &str)>> = Map::default();
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    let mut following: Map<usize, usize> = Map::default();
    let mut by_vehicle: Map<&str, Vec<usize>> = Map::default();
    for (t, trip) in plan.trips.iter().enumerate() {
        for (v, visit) in trip.visits.iter().enumerate() {
            order.push((visit.start, t, v));
            if visit.dock.is_some() {
                docks.entry(&visit.site).or_default().push((visit.start, visit.finish, &trip.vehicle));
            }
        }
        if trip.kind != TripKind::Line {
            by_vehicle.entry(&trip.vehicle).or_default().push(t);
        }
    }
    docks.values_mut().for_each(|d| d.sort_unstable());
    for list in by_vehicle.values_mut() {
        list.sort_by_key(|&t| plan.trips[t].visits[0].arrive);
        list.windows(2).for_each(|p| {
            following.insert(p[0], p[1]);
        });
    }
    order.sort_unstable_by_key(|&(start, t, v)| std::cmp::Reverse((start, v, t)));
    let mut latest: Vec<Vec<i64>> = plan.trips.iter().map(|t| vec![FAR_S; t.visits.len()]).collect();
    for (_, t, v) in order {
        let trip = &plan.trips[t];
        let visit = &trip.visits[v];
        if trip.kind == TripKind::Line {
            latest[t][v] = visit.start;
            continue;
        }
        let depart_by = match trip.visits.get(v + 1) {
            Some(next) => latest[t][v + 1] - next.leg_s,
            None => following.get(&t).map_or_else(
                || {
                    let vehicle =
                        names.vehicles.get(&trip.vehicle).map(|&i| county.vehicles[i].available.to_s);
                    let shift = trip
                        .driver
                        .as_ref()
                        .and_then(|d| names.drivers.get(d))
                        .map(|&i| county.drivers[i].shift.to_s);
                    vehicle.unwrap_or(FAR_S).min(shift.unwrap_or(FAR_S))
                },
                |&n| latest[n][0],
            ),
        };
        let mut finish_by = depart_by - (visit.depart - visit.finish);
        let site = &county.sites[names.site(&visit.site).index()];
        if visit.dock.is_some() {
            // Until others stand at every dock; a vehicle's own next handling follows it anyway.
            let others = || docks[visit.site.as_str()].iter().filter(|(_, _, v)| *v != trip.vehicle);
            let full = |at: i64| {
                others().filter(|(from, to, _)| (*from..*to).contains(&at)).count() as u32 >= site.docks
            };
            let next = others().map(|d| d.0).find(|&at| at > visit.start && full(at));
            finish_by = finish_by.min(next.unwrap_or(FAR_S));
        }
        if !(visit.load.is_empty() && visit.unload.is_empty()) {
            let windows = site.windows_on(plan.date, !visit.load.is_empty());
            let within = windows.iter().find(|w| w.holds(visit.start, visit.finish));
            finish_by = finish_by.min(within.map_or(visit.finish, |w| w.to_s));
        }
        for h in &visit.unload {
            let Some(load) = loads.get(h.load.as_str()) else { continue };
            // Goods that warm up on this ride bear its delay only as long as they may be out of their band.
            let limits = load.goods.iter().filter_map(|class| names.limited.get(class));
            if let Some(most) = limits.min() {
                let room = trip.compartments.iter().find(|c| c.name == h.compartment);
                let have = room.and_then(|c| bands.get(c.band.as_str()));
                let need = bands.get(load.band.as_str());
                if need.zip(have).is_none_or(|(need, have)| !county.in_band(*need, *have)) {
                    finish_by = finish_by.min(visit.finish + (most - load.out_of_band_s).max(0));
                }
            }
            if load.destination == visit.site {
                let due = load.due + if load.hard { 0 } else { late_s };
                finish_by = finish_by.min(due.max(visit.finish));
                let orders = if names.any_window { &load.orders[..] } else { &[] };
                let ends = orders
                    .iter()
                    .filter_map(|o| names.orders.get(o).and_then(|&i| inputs.orders.get(i)))
                    .filter_map(|r| r.order.window)
                    .map(|w| w.to_s)
                    .min();
                finish_by = finish_by.min(ends.map_or(FAR_S, |to| to.max(visit.finish)));
                continue;
            }
            let at = load.legs.iter().position(|leg| leg.to == visit.id);
            let next = at.and_then(|i| load.legs.get(i + 1)).and_then(|leg| place.get(&leg.from));
            if let Some(&(nt, nv)) = next {
                let crossing = site.crossing_s(handled(load));
                finish_by = finish_by.min(latest[nt][nv] - crossing);
            }
        }
        latest[t][v] = (finish_by - (visit.finish - visit.start)).max(visit.start);
    }
    for (trip, list) in plan.trips.iter_mut().zip(latest) {
        for (visit, by) in trip.visits.iter_mut().zip(list) {
            visit.latest = by;
        }
    }
}
