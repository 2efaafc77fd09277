//! Poses a public instance as a [`Problem`] in integers, and reads its plans back as customer numbers.
//!
//! Scales: 1 for `round`, 10 for `dimacs`, 10^7 for `exact` and `hierarchical` (lengths and window starts rounded
//! up, ends down, so that what holds in integers holds in double precision), minutes and metres as given for `jd`.

use super::convention::{Convention, Kind};
use super::fault::{Fault, Sink};
use super::instance::{Fleet, Instance, Node, Pair, Travel, Vehicle};
use crate::problem::{
    Backhaul, Job, JobId, Matrix, NO_WAY, Objective, PRICE_MAX, PlaceId, Problem, ProblemBuilder, Reload,
    Rounding, VALUE_MAX, VehicleId, VehicleKind, Window,
};
use crate::solution::{Route, Solution, Visit};
use std::sync::Arc;
use xiangyun_model::problem::Problems;

/// Above so many nodes distances are computed when asked: a table would not stay in the processor's caches.
pub const TABLE_NODES_MAX: usize = 3_000;

/// Most trips posed for a vehicle that may reload without a stated limit.
pub const TRIPS_MAX: u32 = 100;

/// An instance ready for the search.
#[derive(Clone, Debug)]
pub struct Posed {
    /// The problem in integers.
    pub problem: Problem,
    /// Node index of each job.
    node_of: Vec<usize>,
    /// Job of each node; none for depots.
    job_of: Vec<Option<JobId>>,
    /// Whether route `k` of a solution file is vehicle `k`.
    listed: bool,
    /// Depot index of each kind's reloads.
    reload_depots: Vec<Vec<usize>>,
}

/// Integer scales of a convention.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Of distances and times.
    length: f64,
    rounding: Rounding,
    /// Of money, on top of the scale of lengths; makes unit costs whole.
    money: f64,
}

impl Scale {
    fn of(instance: &Instance, convention: Convention) -> Self {
        let (length, rounding) = match convention {
            Convention::Round => (1.0, Rounding::Nearest),
            Convention::Dimacs => (10.0, Rounding::Down),
            Convention::Exact | Convention::Hierarchical => (1e7, Rounding::Up),
            Convention::Jd => (1.0, Rounding::Nearest),
        };
        // A matrix of whole numbers needs no finer scale than its own.
        let whole = instance_is_whole(instance);
        let length = match &instance.travel {
            Travel::Explicit { divisor, .. } if whole => *divisor,
            Travel::Measured(_) if whole => 1.0,
            _ => length,
        };
        let vehicles: &[Vehicle] = match &instance.fleet {
            Fleet::Alike(vehicle, _) => std::slice::from_ref(vehicle),
            Fleet::Listed(list) => list,
        };
        let whole_at = |money: f64| vehicles.iter().all(|v| (v.unit_cost * money).fract().abs() < 1e-9);
        let dearest = vehicles.iter().map(|v| v.unit_cost).fold(0.0, f64::max);
        #[allow(clippy::cast_precision_loss)] // a power of two
        let fits = |&money: &f64| dearest * money <= PRICE_MAX as f64;
        let scales = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5].into_iter().filter(fits);
        let money = scales.clone().find(|&m| whole_at(m)).or(scales.max_by(f64::total_cmp)).unwrap_or(1.0);
        let rounding = if whole { Rounding::Nearest } else { rounding };
        Self { length, rounding, money }
    }

    fn up(self, value: f64) -> i64 {
        clamp((value * self.length - 1e-6).ceil())
    }

    fn down(self, value: f64) -> i64 {
        clamp((value * self.length + 1e-6).floor())
    }

    fn cost(self, value: f64) -> i64 {
        clamp((value * self.length * self.money).round())
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // clamped before
fn clamp(value: f64) -> i64 {
    value.clamp(0.0, VALUE_MAX as f64) as i64
}

fn instance_is_whole(instance: &Instance) -> bool {
    let whole = |values: &[f64]| values.iter().all(|v| v.fract() == 0.0);
    let (cells, divisor) = match &instance.travel {
        Travel::Explicit { distance, duration, divisor } => {
            (whole(distance) && duration.as_ref().is_none_or(|d| whole(d)), *divisor)
        }
        Travel::Measured(_) => (true, 1.0),
        Travel::Euclid => (false, 1.0),
    };
    let times = |n: &Node| [n.ready, n.service, n.release].iter().all(|t| (t * divisor).fract() == 0.0);
    cells && instance.nodes.iter().all(times)
}

/// Poses the instance under a convention.
///
/// # Errors
/// The convention does not fit the instance, or the integers would overflow.
pub fn pose(instance: &Instance, convention: Convention) -> Result<Posed, Problems> {
    let mut sink = Sink::new(&instance.name);
    if (convention == Convention::Jd) != (instance.default_convention() == Convention::Jd) {
        let want = format!("does not fit a {} file; {}", instance.kind, instance.default_convention());
        sink.push(Fault::Convention, 0, "--convention", convention.name(), want);
        return sink.finish(None);
    }
    let scale = Scale::of(instance, convention);
    let unit = amount_unit(instance);
    let mut builder = ProblemBuilder::new(&["load"]);
    builder.profile(matrix(instance, convention, scale));
    if convention == Convention::Hierarchical {
        builder.objective(Objective::VehiclesThenCost);
    }
    if instance.kind == Kind::Vrpb {
        builder.backhaul(Backhaul::LinehaulFirst);
    }
    let lists = allowed_lists(instance);
    let reload_depots = vehicles(&mut builder, instance, convention, scale, unit, &lists);
    let (node_of, job_of) = jobs(&mut builder, instance, scale, unit, &lists);
    match builder.build() {
        Ok(problem) => {
            let listed = matches!(instance.fleet, Fleet::Listed(_));
            Ok(Posed { problem, node_of, job_of, listed, reload_depots })
        }
        Err(faults) => {
            for fault in faults {
                sink.push(Fault::TooLarge, 0, &fault.field(), fault.code(), fault.to_string());
            }
            sink.finish(None)
        }
    }
}

/// The different lists of allowed customers. List `k` becomes skill bit `k`: vehicles with another list have it, and
/// customers that the list leaves out ask for it.
fn allowed_lists(instance: &Instance) -> Vec<Arc<Vec<bool>>> {
    let mut lists: Vec<Arc<Vec<bool>>> = Vec::new();
    let vehicles: &[Vehicle] = match &instance.fleet {
        Fleet::Alike(vehicle, _) => std::slice::from_ref(vehicle),
        Fleet::Listed(list) => list,
    };
    for list in vehicles.iter().filter_map(|vehicle| vehicle.allowed.as_ref()) {
        if !lists.contains(list) && lists.len() < 128 {
            lists.push(list.clone());
        }
    }
    lists
}

/// The largest unit in which all amounts are whole.
fn amount_unit(instance: &Instance) -> i64 {
    let mut unit = 0;
    let mut with = |amount: i64| unit = gcd(unit, amount);
    for node in &instance.nodes {
        with(node.delivery);
        with(node.pickup);
        if let Some(Pair::PickupFor { amount, .. }) = node.pair {
            with(amount);
        }
    }
    if unit == 0 { 1 } else { unit }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

fn matrix(instance: &Instance, convention: Convention, scale: Scale) -> Matrix {
    let n = instance.nodes.len();
    let rounding = scale.rounding;
    let points = || instance.nodes.iter().map(|node| (node.x, node.y)).collect::<Vec<_>>();
    match &instance.travel {
        Travel::Explicit { duration: Some(duration), distance, .. } => {
            let to_integers = |values: &[f64], divisor: f64| -> Vec<i64> {
                values.iter().map(|&v| rounding.apply(v / divisor * scale.length)).collect()
            };
            let divisor =
                if let Travel::Explicit { divisor, .. } = &instance.travel { *divisor } else { 1.0 };
            Matrix::dense(n, to_integers(distance, divisor), to_integers(duration, 1.0))
                .expect("n x n as read")
        }
        Travel::Explicit { distance, divisor, .. } => {
            let cells = distance.iter().map(|&v| rounding.apply(v / divisor * scale.length)).collect();
            Matrix::shared(n, cells).expect("n x n as read")
        }
        Travel::Euclid if instance.kind != Kind::Vrpb && n > TABLE_NODES_MAX => {
            Matrix::plane(points(), scale.length, rounding)
        }
        Travel::Euclid => {
            let plane = Matrix::plane(points(), scale.length, rounding);
            table(instance, |from, to| plane.distance(from, to))
        }
        // Whole numbers by themselves.
        Travel::Measured(_) => table(instance, |from, to| {
            clamp((instance.distance(from, to, convention) * scale.length).round())
        }),
    }
}

/// A table of `arc`, without the arcs that strict backhauls forbid.
fn table(instance: &Instance, arc: impl Fn(usize, usize) -> i64) -> Matrix {
    let n = instance.nodes.len();
    let strict = instance.kind == Kind::Vrpb;
    let mut cells = Vec::with_capacity(n * n);
    for from in 0..n {
        cells.extend((0..n).map(|to| {
            if strict && closed_to_backhauls(instance, from, to) { NO_WAY } else { arc(from, to) }
        }));
    }
    Matrix::shared(n, cells).expect("n x n as made")
}

/// In the strict problem no route goes from the depot to a backhaul, nor from a backhaul to a linehaul.
fn closed_to_backhauls(instance: &Instance, from: usize, to: usize) -> bool {
    let backhaul = |at: usize| instance.nodes[at].pickup > 0;
    let linehaul = |at: usize| at >= instance.depots && !backhaul(at);
    (from < instance.depots && backhaul(to)) || (backhaul(from) && linehaul(to))
}

fn place(at: usize) -> PlaceId {
    PlaceId(u32::try_from(at).expect("below the readers' bound"))
}

/// Adds the vehicles, equal neighbours in the list as one kind; gives each kind's reload depots.
fn vehicles(
    builder: &mut ProblemBuilder,
    instance: &Instance,
    convention: Convention,
    scale: Scale,
    unit: i64,
    lists: &[Arc<Vec<bool>>],
) -> Vec<Vec<usize>> {
    let mut kinds: Vec<(Vehicle, u32)> = Vec::new();
    match &instance.fleet {
        Fleet::Alike(vehicle, count) => {
            let count = count.unwrap_or(usize::MAX).min(instance.customers().len());
            kinds.push((vehicle.clone(), u32::try_from(count).expect("below the readers' bound")));
        }
        Fleet::Listed(list) => {
            for vehicle in list {
                match kinds.last_mut() {
                    Some((last, count)) if last == vehicle => *count += 1,
                    _ => kinds.push((vehicle.clone(), 1)),
                }
            }
        }
    }
    let mut depots = Vec::with_capacity(kinds.len());
    for (vehicle, count) in kinds {
        depots.push(vehicle.reload_at.clone());
        let own = vehicle.allowed.as_ref();
        let skills = lists.iter().enumerate().filter(|(_, list)| own != Some(*list));
        let skills = skills.fold(0, |bits, (k, _)| bits | 1_u128 << k);
        let kind = kind(instance, convention, scale, unit, &vehicle, count);
        builder.vehicles(VehicleKind { skills, ..kind });
    }
    depots
}

fn kind(
    instance: &Instance,
    convention: Convention,
    scale: Scale,
    unit: i64,
    vehicle: &Vehicle,
    count: u32,
) -> VehicleKind {
    let hours = |at: usize| match (instance.kind.has_time(), &instance.nodes[at]) {
        (false, _) => Window::ALWAYS,
        (true, depot) => Window::new(scale.up(depot.ready), scale.down(depot.due)),
    };
    let priced = convention != Convention::Hierarchical;
    let service = instance.nodes.iter().any(|node| node.service > 0.0);
    let limit = |most: f64| most.is_finite().then(|| scale.down(most));
    // A limit on length plus service is a limit on time where nothing waits.
    let (max_distance, mut max_duration) = match limit(vehicle.distance_max) {
        Some(most) if service && !instance.kind.has_time() => (None, Some(most)),
        other => (other, None),
    };
    if let Some(most) = limit(vehicle.duration_max) {
        max_duration = Some(max_duration.map_or(most, |other: i64| other.min(most)));
    }
    let reloads: Vec<Reload> = vehicle
        .reload_at
        .iter()
        .map(|&depot| Reload { place: place(depot), loading: 0, window: hours(depot) })
        .collect();
    let unit_cost = if priced { vehicle.unit_cost } else { 1.0 };
    let money = if priced { scale.money } else { 1.0 };
    VehicleKind {
        shift: hours(vehicle.depot),
        fixed: if priced { scale.cost(vehicle.fixed_cost) } else { 0 },
        per_distance: clamp((unit_cost * money).round()),
        max_distance,
        max_duration,
        max_trips: match (reloads.is_empty(), vehicle.reloads_max) {
            (true, _) => 1,
            (false, None) => TRIPS_MAX,
            (false, Some(most)) => {
                u32::try_from(most).map_or(TRIPS_MAX, |m| m.saturating_add(1).min(TRIPS_MAX))
            }
        },
        reloads,
        ..VehicleKind::at(place(vehicle.depot), count, vec![vehicle.capacity.div_euclid(unit)])
    }
}

/// Adds the jobs in the order of the nodes, each shipment's delivery right behind its pickup.
fn jobs(
    builder: &mut ProblemBuilder,
    instance: &Instance,
    scale: Scale,
    unit: i64,
    lists: &[Arc<Vec<bool>>],
) -> (Vec<usize>, Vec<Option<JobId>>) {
    let mut node_of = Vec::with_capacity(instance.customers().len());
    let mut job_of = vec![None; instance.nodes.len()];
    for at in instance.customers() {
        let node = &instance.nodes[at];
        let job = job(instance, scale, unit, lists, at);
        match node.pair {
            None => {
                job_of[at] = Some(builder.job(job));
                node_of.push(at);
            }
            Some(Pair::PickupFor { delivery, amount }) => {
                let from = Job { pickup: vec![amount / unit], ..job };
                let to = Job {
                    delivery: vec![amount / unit],
                    ..self::job(instance, scale, unit, lists, delivery)
                };
                let (from, to) = builder.shipment(from, to);
                (job_of[at], job_of[delivery]) = (Some(from), Some(to));
                node_of.extend([at, delivery]);
            }
            Some(Pair::DeliveryFrom { .. }) => {}
        }
    }
    (node_of, job_of)
}

fn job(instance: &Instance, scale: Scale, unit: i64, lists: &[Arc<Vec<bool>>], at: usize) -> Job {
    let node = &instance.nodes[at];
    let timed = instance.kind.has_time();
    let windows = if timed && (node.due.is_finite() || node.ready > 0.0) {
        let due = if node.due.is_finite() { scale.down(node.due) } else { VALUE_MAX };
        vec![Window::new(scale.up(node.ready), due)]
    } else {
        Vec::new()
    };
    Job {
        name: at.to_string(),
        delivery: vec![node.delivery / unit],
        pickup: vec![node.pickup / unit],
        service: scale.up(node.service),
        windows,
        release: if timed { scale.up(node.release) } else { 0 },
        skills: (0..lists.len()).filter(|&k| !lists[k][at]).fold(0, |bits, k| bits | 1 << k),
        prize: node.prize.is_finite().then(|| scale.cost(node.prize)),
        ..Job::at(place(at))
    }
}

impl Posed {
    /// A plan as the routes of a solution file: customer numbers, a depot's number for a reload; with listed
    /// vehicles every vehicle has its route, empty or not.
    #[must_use]
    pub fn routes(&self, solution: &Solution) -> Vec<Vec<usize>> {
        let numbers = |route: &Route| -> Vec<usize> {
            let kind = self.problem.kind_of(route.vehicle).index();
            let number = |visit: &Visit| match visit {
                Visit::Job(job) => self.node_of[job.index()],
                Visit::Reload(which) => self.reload_depots[kind][*which as usize],
            };
            route.visits.iter().map(number).collect()
        };
        if !self.listed {
            return solution.routes.iter().map(numbers).collect();
        }
        let mut routes = vec![Vec::new(); self.problem.vehicles() as usize];
        for route in &solution.routes {
            routes[route.vehicle.index()] = numbers(route);
        }
        routes
    }

    /// Customer numbers left out.
    #[must_use]
    pub fn unassigned(&self, solution: &Solution) -> Vec<usize> {
        let mut numbers: Vec<usize> =
            solution.unassigned.iter().map(|job| self.node_of[job.index()]).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Routes of a solution file as a plan, for a warm start; numbers that are no customers are dropped, as are
    /// routes beyond the fleet.
    #[must_use]
    pub fn solution(&self, routes: &[Vec<usize>]) -> Solution {
        let mut plan = Vec::new();
        let used = routes.iter().enumerate().filter(|(_, route)| !route.is_empty());
        for (at, (k, route)) in used.enumerate() {
            let vehicle = VehicleId(u32::try_from(if self.listed { k } else { at }).unwrap_or(u32::MAX));
            if vehicle.0 >= self.problem.vehicles() {
                break;
            }
            let kind = self.problem.kind_of(vehicle).index();
            let visit = |&number: &usize| match self.job_of.get(number) {
                Some(Some(job)) => Some(Visit::Job(*job)),
                Some(None) => {
                    let which = self.reload_depots[kind].iter().position(|&depot| depot == number)?;
                    Some(Visit::Reload(u32::try_from(which).ok()?))
                }
                None => None,
            };
            plan.push(Route { vehicle, visits: route.iter().filter_map(visit).collect() });
        }
        Solution::of(&self.problem, plan)
    }
}
