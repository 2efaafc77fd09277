//! The day from now on, to the second: what has happened stands, everything ahead follows from it over both tiers. A
//! vehicle waits for goods as long as its plan can bear; what comes later than that misses its ride.

use super::docks::Docks;
use super::places::{NONE, Places, known};
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
    places: Places,
    cargo: Vec<Cargo>,
    /// Handling at each dock in order of its begin.
    docks: Map<(usize, u32), Vec<(i64, i64)>>,
    /// What has happened, by visit.
    done: Vec<Option<Done>>,
    /// Table of times, by trip.
    profiles: Vec<Option<usize>>,
    /// Next visit by trip.
    next: Vec<usize>,
    /// Trips that must be over first, by trip.
    gates: Vec<Vec<usize>>,
    /// Trips that wait for a trip to be over, by trip.
    followers: Vec<Vec<usize>>,
    /// What is known of each trip's next visit, until something happens that it depends on.
    known: Vec<Known>,
    /// Until when each visit could wait when it was planned.
    patience: Vec<i64>,
    lost: Vec<usize>,
}

pub(super) fn handled(load: &Load) -> i64 {
    if load.sealed { load.units } else { load.amount.pieces }
}

/// Times everything that is not done; duties and latest starts follow. Gives the ids of loads that miss a ride; they keep
/// the legs already travelled. Promises that have a price may be passed by `late_s`: latest starts are that much more
/// patient.
pub(super) fn retime(
    plan: &mut Plan,
    inputs: &Inputs,
    progress: &Progress,
    names: &Names,
    late_s: i64,
) -> Vec<String> {
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
    arrivals(plan, &run.places, inputs, names);
    duties(plan, inputs, names);
    latest(plan, &run.places, inputs, names, late_s);
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
        let visits = || plan.trips.iter().flat_map(|t| &t.visits);
        Self {
            inputs,
            names,
            progress,
            cargo: cargo.collect(),
            docks: Map::default(),
            done: visits().map(|v| progress.visits.get(&v.id).copied()).collect(),
            profiles: plan.trips.iter().map(|t| inputs.travel.profile(&t.profile)).collect(),
            next: vec![0; plan.trips.len()],
            gates,
            followers,
            known: vec![Known::Not; plan.trips.len()],
            patience: visits().map(|v| v.latest).collect(),
            places: Places::of(plan, names),
            lost: Vec::new(),
        }
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
        if let Some(done) = self.done[self.places.number(t, v)] {
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
        let leg_s = self.leg(trip, t, v).0;
        Some((before.depart + leg_s).max(self.progress.now.min(before.depart + 4 * leg_s + 60)))
    }

    /// The leg to a trip's visit.
    fn leg(&self, trip: &Trip, t: usize, v: usize) -> (i64, i64) {
        let here = self.places.number(t, v);
        let (from, to) = (self.places.sites[here - 1], self.places.sites[here]);
        if from == to {
            return (0, 0);
        }
        let Some(profile) = self.profiles[t] else { return (0, 0) };
        let found = self.inputs.travel.leg(profile, trip.band as usize, from, to);
        // A pair that no road joins: the checker refuses it; the time only keeps the order of events.
        found.unwrap_or((4 * 3_600, 200_000))
    }

    /// Arrival with what is known of the goods to take on, and whether all of them are accounted for.
    fn next_at(&self, plan: &Plan, t: usize) -> Option<(i64, bool)> {
        plan.trips[t].visits.get(self.next[t])?;
        let at = self.arrives_at(plan, t)?;
        let here = self.places.number(t, self.next[t]);
        if self.done[here].is_some() {
            return Some((at, true));
        }
        let free = known(&self.places.on[here])
            .all(|l| self.cargo[l].lost || (self.cargo[l].ready.is_some() && self.rides_next(plan, l, t)));
        Some((at, free))
    }

    /// Whether a load's next leg is on a trip.
    fn rides_next(&self, plan: &Plan, l: usize, t: usize) -> bool {
        self.places.legs(plan, l).get(self.cargo[l].leg).is_some_and(|leg| leg.trip == t)
    }

    /// Nothing moves any more: the trip that would be first goes without what never came.
    fn leave_behind_blocked(&mut self, plan: &mut Plan, t: usize) {
        let here = self.places.number(t, self.next[t]);
        let waiting: Vec<usize> = known(&self.places.on[here])
            .filter(|&l| self.cargo[l].ready.is_none() || !self.rides_next(plan, l, t))
            .collect();
        for l in waiting {
            self.lose(plan, l, here);
        }
        self.known[t] = Known::Not;
    }

    /// A load misses its ride from a visit: nothing of its way from there on happens.
    fn lose(&mut self, plan: &mut Plan, l: usize, visit: usize) {
        let legs = self.places.legs(plan, l);
        let from = legs.iter().position(|leg| leg.from == visit).unwrap_or(self.cargo[l].leg);
        let missed = legs.get(from..).unwrap_or_default().to_vec();
        plan.loads[l].legs.truncate(from);
        let id = &plan.loads[l].id;
        for leg in missed {
            if leg.trip != NONE {
                self.known[leg.trip] = Known::Not;
            }
            if let Some(&(t, v)) = self.places.at.get(leg.from) {
                plan.trips[t].visits[v].load.retain(|h| h.load != *id);
                self.places.on[leg.from].retain(|&x| x != l);
            }
            if let Some(&(t, v)) = self.places.at.get(leg.to) {
                plan.trips[t].visits[v].unload.retain(|h| h.load != *id);
                self.places.off[leg.to].retain(|&x| x != l);
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
        let here = self.places.number(t, v);
        let done = self.done[here];
        let visit = &plan.trips[t].visits[v];
        // A vehicle waits for goods as long as its plan can bear.
        let until = if line { visit.depart } else { self.patience[here].max(arrive) };
        let left_behind = self.progress.left_behind.get(&visit.id);
        let misses = |l: usize| match done {
            None => self.cargo[l].ready.is_some_and(|r| r > until),
            Some(_) => left_behind.is_some_and(|left| plan.loads[l].orders.iter().all(|o| left.contains(o))),
        };
        let missing: Vec<usize> = known(&self.places.on[here]).filter(|&l| misses(l)).collect();
        for l in missing {
            self.lose(plan, l, here);
        }
        let n = plan.trips[t].visits.len();
        let leg = if v == 0 || line {
            (plan.trips[t].visits[v].leg_s, plan.trips[t].visits[v].leg_m)
        } else {
            self.leg(&plan.trips[t], t, v)
        };
        let visit = &plan.trips[t].visits[v];
        let site_at = self.places.sites[here];
        let site = &self.inputs.county.sites[site_at];
        let idle = visit.load.is_empty() && visit.unload.is_empty();
        let (on, off) = (&self.places.on[here], &self.places.off[here]);
        let amount: i64 = known(on).chain(known(off)).map(|l| self.cargo[l].handled).sum();
        let need = if idle && (v == 0 || v + 1 == n) { 0 } else { site.stop_s(amount) };
        let extra = (visit.depart - visit.finish).max(0);
        let ready = known(on).filter_map(|l| self.cargo[l].ready).max().unwrap_or(i64::MIN);
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
                        let (free, which) = self.free_dock(site_at, site.docks, open, need);
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
            let booked = self.docks.entry((site_at, d)).or_default();
            let at = booked.partition_point(|&b| b <= (start, finish));
            booked.insert(at, (start, finish));
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
            && let Some(profile) = self.profiles[t]
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
        let here = self.places.number(t, v);
        let finish = plan.trips[t].visits[v].finish;
        let site = &self.inputs.county.sites[self.places.sites[here]];
        // What is known to have happened need not come in the order of the legs.
        for l in known(&self.places.off[here]) {
            let cargo = &mut self.cargo[l];
            let legs = self.places.legs(plan, l);
            let after = legs.iter().position(|leg| leg.to == here).unwrap_or(cargo.leg) + 1;
            if after <= cargo.leg {
                continue;
            }
            cargo.leg = after;
            cargo.ready = Some(finish + site.crossing_s(cargo.handled));
            if let Some(next) = legs.get(after).filter(|leg| leg.trip != NONE) {
                self.known[next.trip] = Known::Not;
            }
        }
        for l in known(&self.places.on[here]) {
            let cargo = &mut self.cargo[l];
            let boards = self.places.legs(plan, l).iter().position(|leg| leg.from == here);
            cargo.leg = boards.unwrap_or(0).max(cargo.leg);
            if let Some(leg) = plan.loads[l].legs.get_mut(cargo.leg) {
                leg.ready = cargo.ready.unwrap_or(leg.ready);
            }
            cargo.ready = None;
        }
    }

    fn agreed_from(&self, plan: &Plan, t: usize, v: usize) -> i64 {
        let here = self.places.number(t, v);
        if !self.names.any_window || self.places.sites[here] == self.inputs.county.hub.index() {
            return i64::MIN;
        }
        let site = &plan.trips[t].visits[v].site;
        let far = |l: usize| {
            let load = &plan.loads[l];
            self.cargo[l]
                .window
                .filter(|_| load.destination == *site || load.origin == *site)
                .map(|w| w.from_s)
        };
        let (on, off) = (&self.places.on[here], &self.places.off[here]);
        known(on).chain(known(off)).filter_map(far).max().unwrap_or(i64::MIN)
    }

    fn free_dock(&self, site: usize, docks: u32, from: i64, length: i64) -> (i64, Option<u32>) {
        let mut best: Option<(i64, u32)> = None;
        for dock in 1..=docks {
            let mut at = from;
            if let Some(booked) = self.docks.get(&(site, dock)) {
                for &(b, e) in booked {
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
fn arrivals(plan: &mut Plan, places: &Places, inputs: &Inputs, names: &Names) {
    let county = &inputs.county;
    let bands: Map<&str, usize> = county.bands.iter().enumerate().map(|(i, b)| (b.id.as_str(), i)).collect();
    for l in 0..plan.loads.len() {
        let visit = |n: usize| places.at.get(n).map(|&(t, v)| (&plan.trips[t], &plan.trips[t].visits[v]));
        let legs = places.legs(plan, l);
        let load = &plan.loads[l];
        let arrives = legs.last().and_then(|leg| visit(leg.to)).map_or(0, |(_, v)| v.finish);
        let out_s = || {
            let band = *bands.get(load.band.as_str())?;
            load.goods.iter().any(|class| names.limited.contains_key(class)).then_some(())?;
            let (mut out_s, mut left): (i64, Option<i64>) = (0, None);
            for (leg, ends) in load.legs.iter().zip(legs) {
                let (Some((trip, from)), Some((_, to))) = (visit(ends.from), visit(ends.to)) else {
                    continue;
                };
                let cold_room = county.sites[places.sites[ends.from]].store_cold_cm3 > 0;
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
            Some(out_s)
        };
        let out_s = out_s();
        let load = &mut plan.loads[l];
        load.arrives = arrives;
        load.out_of_band_s = out_s.unwrap_or(load.out_of_band_s);
    }
}

/// Duties and latest starts follow from the times.
pub(super) fn renew(plan: &mut Plan, inputs: &Inputs, names: &Names) {
    duties(plan, inputs, names);
    latest(plan, &Places::of(plan, names), inputs, names, 0);
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
fn latest(plan: &mut Plan, places: &Places, inputs: &Inputs, names: &Names, late_s: i64) {
    let county = &inputs.county;
    let bands: Map<&str, BandId> =
        county.bands.iter().enumerate().map(|(i, b)| (b.id.as_str(), BandId::at(i))).collect();
    let docks = Docks::of(plan, places);
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    let mut following: Map<usize, usize> = Map::default();
    let mut by_vehicle: Map<&str, Vec<usize>> = Map::default();
    for (t, trip) in plan.trips.iter().enumerate() {
        for (v, visit) in trip.visits.iter().enumerate() {
            order.push((visit.start, t, v));
        }
        if trip.kind != TripKind::Line {
            by_vehicle.entry(&trip.vehicle).or_default().push(t);
        }
    }
    for list in by_vehicle.values_mut() {
        list.sort_by_key(|&t| plan.trips[t].visits[0].arrive);
        list.windows(2).for_each(|p| {
            following.insert(p[0], p[1]);
        });
    }
    order.sort_unstable_by_key(|&(start, t, v)| std::cmp::Reverse((start, v, t)));
    let mut latest = vec![FAR_S; places.at.len()];
    for (_, t, v) in order {
        let trip = &plan.trips[t];
        let visit = &trip.visits[v];
        let here = places.number(t, v);
        if trip.kind == TripKind::Line {
            latest[here] = visit.start;
            continue;
        }
        let depart_by = match trip.visits.get(v + 1) {
            Some(next) => latest[here + 1] - next.leg_s,
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
                |&n| latest[places.first[n]],
            ),
        };
        let mut finish_by = depart_by - (visit.depart - visit.finish);
        let site = &county.sites[places.sites[here]];
        if visit.dock.is_some() {
            // Until others stand at every dock; a vehicle's own next handling follows it anyway.
            let next = docks.full_after(places.sites[here], visit.start, &trip.vehicle, site.docks);
            finish_by = finish_by.min(next.unwrap_or(FAR_S));
        }
        if !(visit.load.is_empty() && visit.unload.is_empty()) {
            let windows = site.windows_on(plan.date, !visit.load.is_empty());
            let within = windows.iter().find(|w| w.holds(visit.start, visit.finish));
            finish_by = finish_by.min(within.map_or(visit.finish, |w| w.to_s));
        }
        for (h, &l) in visit.unload.iter().zip(&places.off[here]) {
            let Some(load) = plan.loads.get(l) else { continue };
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
            let legs = places.legs(plan, l);
            let at = legs.iter().position(|leg| leg.to == here);
            let next = at.and_then(|i| legs.get(i + 1)).filter(|leg| leg.from != NONE);
            if let Some(next) = next {
                let crossing = site.crossing_s(handled(load));
                finish_by = finish_by.min(latest[next.from] - crossing);
            }
        }
        latest[here] = (finish_by - (visit.finish - visit.start)).max(visit.start);
    }
    for (visit, by) in plan.trips.iter_mut().flat_map(|t| &mut t.visits).zip(latest) {
        visit.latest = by;
    }
}
