//! A problem compiled for the search: slots, points, locks as flags, neighbour lists.

use super::arcs::{AnyArcs, Point, with_arcs};
use super::lean;
use super::links::NONE;
use super::near::Near;
use crate::locks::{JobLock, Locks, Prefix};
use crate::problem::{Backhaul, JobId, Objective, Problem, Role, Source, VehicleId, VehicleKind};
use crate::solution::{Solution, Visit};
use std::collections::{BTreeMap, BTreeSet};

/// A vehicle that the search may use.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) vehicle: VehicleId,
    pub(super) kind: u32,
    pub(super) prefix: Option<Prefix>,
}

/// Length of the neighbour lists.
const NEAR_WIDTH: usize = 100;

pub(super) struct Net<'a> {
    pub(super) problem: &'a Problem,
    pub(super) locks: &'a Locks,
    pub(super) jobs: usize,
    pub(super) slots: Vec<Slot>,
    /// Slots of each class, ascending; slots of one class are interchangeable.
    pub(super) classes: Vec<Vec<u32>>,
    /// Class of each slot.
    pub(super) class_of: Vec<u32>,
    /// By node: jobs, then start and end of each slot.
    pub(super) points: Vec<u32>,
    /// Place of each point.
    pub(super) point_list: Vec<Point>,
    pub(super) arcs: AnyArcs,
    /// Near by way.
    pub(super) near: Near,
    /// Near by way and time; the same where there are no windows.
    pub(super) near_time: Option<Near>,
    /// Other half of a shipment.
    pub(super) partner: Vec<u32>,
    pub(super) is_pickup: Vec<bool>,
    /// Price of leaving a job out; for the pickup half that of the shipment, for the other 0.
    pub(super) absence: Vec<i64>,
    pub(super) must: Vec<bool>,
    /// May not leave its route and order.
    pub(super) pinned: Vec<bool>,
    /// Over before the search begins: in no list.
    pub(super) frozen: Vec<bool>,
    /// Already loaded for the current trip of its slot.
    pub(super) aboard: Vec<bool>,
    /// Points of the reloads of each kind.
    pub(super) reload_points: Vec<Vec<u32>>,
    /// Must ride on this slot.
    pub(super) only: Vec<u32>,
    /// Kinds × jobs: skills fit. Empty when all do.
    pub(super) fits: Vec<bool>,
    /// Sort keys of the jobs: demand, distance to a depot.
    pub(super) demand: Vec<i64>,
    pub(super) far: Vec<i64>,
    pub(super) windows: bool,
    /// Price of a vehicle in use on top of its own, where vehicles come first and jobs may be left out: more than
    /// any prizes, less than a job that must be served.
    weight: i64,
    /// Some jobs may be left out.
    pub(super) optional: bool,
    /// Fixed price of the dearest vehicle.
    pub(super) dearest: i64,
    /// Distances seem symmetric and keep the triangle.
    pub(super) metric: bool,
    /// By slot: visits that are over, and the load on board after them by dimension.
    frozen_visits: Vec<(Vec<Visit>, Vec<i64>)>,
}

impl<'a> Net<'a> {
    pub(super) fn new(problem: &'a Problem, start: Option<&Solution>, locks: &'a Locks) -> Self {
        let jobs = problem.jobs().len();
        let (slots, classes) = slots(problem, start, locks);
        let mut class_of = vec![0; slots.len()];
        for (class, list) in (0..).zip(&classes) {
            for &slot in list {
                class_of[slot as usize] = class;
            }
        }
        let mut net = Self {
            problem,
            locks,
            jobs,
            classes,
            class_of,
            points: Vec::new(),
            point_list: Vec::new(),
            arcs: AnyArcs::of(&problem.profiles()[0], &[], true),
            near: Near::default(),
            near_time: None,
            partner: vec![NONE; jobs],
            is_pickup: vec![false; jobs],
            absence: vec![0; jobs],
            must: vec![false; jobs],
            pinned: vec![false; jobs],
            frozen: vec![false; jobs],
            aboard: vec![false; jobs],
            reload_points: Vec::new(),
            only: vec![NONE; jobs],
            fits: Vec::new(),
            demand: vec![0; jobs],
            far: vec![0; jobs],
            windows: problem.jobs().iter().any(|j| !j.windows.is_empty()),
            frozen_visits: Vec::new(),
            weight: 0,
            optional: problem.jobs().iter().any(|j| j.prize.is_some()),
            dearest: problem.kinds().iter().map(|k| k.fixed).max().unwrap_or(0),
            metric: false,
            slots,
        };
        net.set_points();
        let profile = net.slots.first().map_or(0, |s| problem.kinds()[s.kind as usize].profile.index());
        net.arcs = AnyArcs::of(
            &problem.profiles()[profile],
            &net.point_list,
            !lean::suits(problem) || lean::has_times(problem),
        );
        net.set_jobs();
        net.set_locks(start);
        net.set_frozen(start);
        net.metric = net.seems_metric();
        net.set_near(profile);
        net
    }

    pub(super) fn kind(&self, slot: u32) -> &'a VehicleKind {
        &self.problem.kinds()[self.slots[slot as usize].kind as usize]
    }

    /// What a vehicle in use costs beyond its own price; see `weight`.
    #[inline(always)]
    pub(super) fn weight(&self, slot: u32) -> i64 {
        if self.weight == 0 || !self.frozen_visits(slot).is_empty() { 0 } else { self.weight }
    }

    fn set_points(&mut self) {
        let strict = self.problem.backhaul() == Backhaul::LinehaulFirst;
        let mut known: BTreeMap<Point, u32> = BTreeMap::new();
        let list = &mut self.point_list;
        let mut point = |p: Point| {
            *known.entry(p).or_insert_with(|| {
                list.push(p);
                list.len() as u32 - 1
            })
        };
        for job in self.problem.jobs() {
            let single = strict && job.role == Role::Single;
            let (brings, takes) = (job.delivery.iter().any(|&l| l > 0), job.pickup.iter().any(|&l| l > 0));
            let p =
                Point { place: Some(job.place.0), back: single && takes && !brings, line: single && brings };
            self.points.push(point(p));
        }
        for slot in &self.slots {
            let kind = &self.problem.kinds()[slot.kind as usize];
            let start = slot.prefix.map_or(kind.start, |p| Some(p.place));
            for place in [start, kind.end] {
                self.points.push(point(Point { place: place.map(|p| p.0), back: false, line: false }));
            }
        }
        for kind in self.problem.kinds() {
            let reloads = kind.reloads.iter();
            let at = reloads.map(|r| point(Point { place: Some(r.place.0), back: false, line: false }));
            self.reload_points.push(at.collect());
        }
    }

    fn set_jobs(&mut self) {
        let problem = self.problem;
        let money = |k: &VehicleKind| k.fixed + 1;
        let fixed = problem.kinds().iter().map(money).max().unwrap_or(1);
        let per = problem.kinds().iter().map(|k| k.per_distance).max().unwrap_or(1);
        let timed = problem.kinds().iter().map(|k| k.per_time + k.overtime_price).max().unwrap_or(0);
        let mut longest = 1;
        for (at, job) in problem.jobs().iter().enumerate() {
            match job.role {
                Role::PickupFor(other) => {
                    self.partner[at] = other.0;
                    self.is_pickup[at] = true;
                }
                Role::DeliveryOf(other) => self.partner[at] = other.0,
                Role::Single => {}
            }
            self.must[at] = job.prize.is_none();
            self.demand[at] = job.delivery.iter().chain(&job.pickup).sum();
            let here = self.points[at];
            let depot = self.points.get(self.jobs).copied().unwrap_or(here);
            let round = with_arcs!(&self.arcs, a => {
                use super::arcs::Arcs;
                (a.dist(depot, here) + a.dist(here, depot), a.time(depot, here) + a.time(here, depot))
            });
            self.far[at] = round.0;
            if round.0 < crate::problem::NO_WAY {
                longest = longest.max(round.0).max(round.1);
            }
        }
        // Leaving out a job that must be served costs more than any route made for it alone.
        let ends = problem.kinds().iter().map(|k| k.shift.to);
        let ends = ends.chain(problem.jobs().iter().filter_map(|j| j.windows.last()).map(|w| w.to));
        let horizon = ends.filter(|&t| t < crate::problem::VALUE_MAX).max().unwrap_or(0).max(4 * longest);
        let soft = problem.jobs().iter().filter_map(|j| j.soft).map(|s| s.early_price + s.late_price).max();
        let uneven = problem.kinds().iter().filter_map(|k| k.balance).map(|b| b.price).max();
        let wish =
            problem.jobs().iter().filter_map(|j| j.prefer.as_ref()).map(|p| p.price).max().unwrap_or(0);
        let group = problem.group_prices.iter().max().copied().unwrap_or(0);
        let each = per.saturating_mul(longest).saturating_add(fixed + wish + group);
        let timed = (timed + soft.unwrap_or(0) + uneven.unwrap_or(0)).saturating_mul(horizon);
        // All of them together stay within 64 bits.
        let most = (1_i64 << 58) / (self.jobs as i64 + 1);
        let one = each.saturating_add(timed).saturating_mul(20).clamp(1000, most);
        let prizes = problem.jobs().iter().filter_map(|j| j.prize).fold(0i64, i64::saturating_add);
        if problem.objective() == Objective::VehiclesThenCost && prizes > 0 {
            self.weight = one.saturating_add(prizes).min(most);
        }
        let missing = one + 2 * self.weight;
        for (at, job) in problem.jobs().iter().enumerate() {
            let second = matches!(job.role, Role::DeliveryOf(_));
            self.absence[at] = if second { 0 } else { job.prize.unwrap_or(missing) };
        }
        let kinds = problem.kinds();
        if problem.jobs().iter().any(|j| kinds.iter().any(|k| j.skills & !k.skills != 0)) {
            self.fits = kinds
                .iter()
                .flat_map(|k| problem.jobs().iter().map(move |j| j.skills & !k.skills == 0))
                .collect();
        }
    }

    fn set_locks(&mut self, start: Option<&Solution>) {
        let Some(start) = start else { return };
        for route in &start.routes {
            let Some(slot) = self.slots.iter().position(|s| s.vehicle == route.vehicle) else { continue };
            let prefix = self.slots[slot].prefix;
            let frozen = prefix.map_or(0, |p| p.visits);
            let mut first_trip = prefix.is_some_and(|p| p.departed);
            for (at, visit) in route.visits.iter().enumerate() {
                let Visit::Job(job) = visit else {
                    first_trip &= at < frozen;
                    continue;
                };
                let aboard = first_trip && self.problem.jobs()[job.index()].delivery.iter().any(|&l| l > 0);
                let partner = self.partner[job.index()];
                let picked_up = partner != NONE
                    && !self.is_pickup[job.index()]
                    && route.visits[..frozen.min(route.visits.len())].contains(&Visit::Job(JobId(partner)));
                match self.locks.of(*job) {
                    JobLock::Done | JobLock::FixedOrder => self.pinned[job.index()] = true,
                    JobLock::FixedVehicle => self.only[job.index()] = slot as u32,
                    JobLock::Free if aboard => self.only[job.index()] = slot as u32,
                    JobLock::Free => {}
                }
                if picked_up || at < frozen {
                    self.pinned[job.index()] = true;
                }
                self.frozen[job.index()] = at < frozen;
                self.aboard[job.index()] = aboard && at >= frozen;
            }
        }
        for job in 0..self.jobs {
            let partner = self.partner[job];
            if partner != NONE && (self.pinned[job] || self.only[job] != NONE) {
                if self.pinned[job] {
                    self.pinned[partner as usize] = true;
                } else {
                    self.only[partner as usize] = self.only[job];
                }
            }
        }
    }

    /// Samples triangles; a rounding of one unit is let pass.
    fn seems_metric(&self) -> bool {
        use super::arcs::Arcs;
        let width = self.point_list.len();
        let mut rng = super::rng::Rng::new(7);
        with_arcs!(&self.arcs, a => (0..500).all(|_| {
            let [x, y, z] = [0; 3].map(|_| rng.below(width) as u32);
            a.dist(x, y) == a.dist(y, x) && a.dist(x, y) <= a.dist(x, z) + a.dist(z, y) + 1
        }))
    }

    /// Keeps what is over, and adds up what it left on board.
    fn set_frozen(&mut self, start: Option<&Solution>) {
        let list = self.problem.jobs();
        let dims = self.problem.dimensions().len();
        for slot in &self.slots {
            let route = slot.prefix.and_then(|p| start?.route(p.vehicle).map(|r| (p, r)));
            let Some((prefix, route)) = route else {
                self.frozen_visits.push((Vec::new(), vec![0; dims]));
                continue;
            };
            let over = route.visits[..prefix.visits.min(route.visits.len())].to_vec();
            let mut load = vec![0; dims];
            for visit in &over {
                let Visit::Job(id) = visit else {
                    load.fill(0);
                    continue;
                };
                let job = &list[id.index()];
                for (d, l) in load.iter_mut().enumerate() {
                    *l += job.pickup.get(d).copied().unwrap_or(0);
                    if let Role::DeliveryOf(_) = job.role {
                        *l -= job.delivery.get(d).copied().unwrap_or(0);
                    }
                }
            }
            self.frozen_visits.push((over, load));
        }
    }

    /// Visits of a slot that are over.
    pub(super) fn frozen_visits(&self, slot: u32) -> &[Visit] {
        self.frozen_visits.get(slot as usize).map_or(&[], |f| &f.0)
    }

    /// Load on board of a slot after the visits that are over.
    pub(super) fn on_board(&self, slot: usize, dimension: usize) -> i64 {
        self.frozen_visits[slot].1[dimension]
    }

    /// Stops among the visits that are over.
    pub(super) fn stops_before(&self, slot: u32) -> i64 {
        self.frozen_visits(slot).iter().filter(|v| matches!(v, Visit::Job(_))).count() as i64
    }

    /// Reloads among the visits that are over.
    pub(super) fn trips_before(&self, slot: u32) -> u32 {
        self.frozen_visits(slot).iter().filter(|v| matches!(v, Visit::Reload(_))).count() as u32
    }

    fn set_near(&mut self, profile: usize) {
        self.list_near(profile);
        let points = &self.points;
        with_arcs!(&self.arcs, a => {
            self.near.measure(a, points);
            if let Some(near) = &mut self.near_time {
                near.measure(a, points);
            }
        });
    }

    fn list_near(&mut self, profile: usize) {
        let jobs = self.jobs;
        if let (AnyArcs::Lines(_), Source::Plane { points, .. }) =
            (&self.arcs, &self.problem.profiles()[profile].source)
        {
            let at: Vec<(f64, f64)> = self.problem.jobs().iter().map(|j| points[j.place.index()]).collect();
            self.near = Near::plane(&at, NEAR_WIDTH);
            return;
        }
        let points = &self.points;
        self.near = with_arcs!(&self.arcs, a => Near::by_way(a, points, jobs, NEAR_WIDTH));
        if !self.windows {
            return;
        }
        let list = self.problem.jobs();
        let from = |j: usize| list[j].windows.first().map_or(0, |w| w.from);
        let to = |j: usize| list[j].windows.last().map_or(i64::MAX / 4, |w| w.to);
        let after = |d: i64, t: i64, a: usize, b: usize| {
            let wait = from(b) - (to(a).min(i64::MAX / 8) + list[a].service + t);
            let late = from(a) + list[a].service + t - to(b);
            if late > 0 { i64::MAX / 4 } else { d + wait.max(0) / 5 }
        };
        self.near_time = Some(with_arcs!(&self.arcs, a => Near::build(jobs, NEAR_WIDTH, |x, y| {
            use super::arcs::Arcs;
            let (p, q) = (points[x as usize], points[y as usize]);
            let there = after(a.dist(p, q), a.time(p, q), x as usize, y as usize);
            let back = after(a.dist(q, p), a.time(q, p), y as usize, x as usize);
            there.min(back)
        })));
    }
}

/// The vehicles that the search may use: those named by the start, by locks and by wishes each in a class of its
/// own, and of every kind as many nameless ones as there may be jobs for.
fn slots(problem: &Problem, start: Option<&Solution>, locks: &Locks) -> (Vec<Slot>, Vec<Vec<u32>>) {
    let mut own: BTreeSet<u32> = locks.prefixes.iter().map(|p| p.vehicle.0).collect();
    own.extend(
        problem.jobs().iter().filter_map(|j| j.prefer.as_ref()).flat_map(|p| p.vehicles.iter().map(|v| v.0)),
    );
    let used: BTreeSet<u32> = start.iter().flat_map(|s| s.routes.iter().map(|r| r.vehicle.0)).collect();
    let mut slots = Vec::new();
    let mut classes: Vec<Vec<u32>> = Vec::new();
    for (k, kind) in problem.kinds().iter().enumerate() {
        let first = problem.first_vehicle[k];
        let mut common = None;
        let mut nameless = problem.jobs().len().max(1) as u32;
        for vehicle in first..first + kind.count {
            let class = if own.contains(&vehicle) {
                classes.push(Vec::new());
                classes.len() - 1
            } else {
                if !used.contains(&vehicle) {
                    if nameless == 0 {
                        continue;
                    }
                    nameless -= 1;
                }
                *common.get_or_insert_with(|| {
                    classes.push(Vec::new());
                    classes.len() - 1
                })
            };
            classes[class].push(slots.len() as u32);
            slots.push(Slot {
                vehicle: VehicleId(vehicle),
                kind: k as u32,
                prefix: locks.prefix(VehicleId(vehicle)).copied(),
            });
        }
    }
    (slots, classes)
}
