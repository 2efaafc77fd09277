//! Checks a solution of a public instance, of any kind, against the instance itself.

use super::report::{Findings, Report};
use crate::io::convention::{Convention, Kind};
use crate::io::instance::{AMOUNT_SCALE, Fleet, Instance, Pair, Vehicle};

/// How far a double-precision sum may pass a limit.
const TOLERANCE: f64 = 1e-6;

/// Prices and checks the routes of customer numbers as published (see [`Instance::nodes`]); a depot's number inside
/// a route is a reload. With listed vehicles route `k` is vehicle `k`, empty routes included.
///
/// ```
/// use xiangyun_solver::{check, io};
/// let text = "tiny\n\nVEHICLE\nNUMBER CAPACITY\n 2 10\n\nCUSTOMER\nCUST NO. XCOORD. YCOORD. DEMAND READY DUE SERVICE\n\
///     0 0 0 0 0 100 0\n1 3 4 6 0 50 1\n2 6 8 6 0 50 1\n";
/// let instance = io::read_instance(text, "tiny.txt", None).unwrap();
/// let report = check::public::check(&instance, &[vec![1], vec![2]], instance.default_convention());
/// assert!(report.ok);
/// assert_eq!(report.cost, 30.0);
/// let overfull = check::public::check(&instance, &[vec![1, 2]], instance.default_convention());
/// assert_eq!(overfull.violations[0].code, "capacity");
/// ```
#[must_use]
pub fn check(instance: &Instance, routes: &[Vec<usize>], convention: Convention) -> Report {
    let mut walk = Walk { instance, convention, findings: Findings::default() };
    let mut cost = 0.0;
    let mut used = 0;
    let mut served = vec![0_u32; instance.nodes.len()];
    for (k, route) in routes.iter().enumerate() {
        if !walk.numbers(k, route, &mut served) || route.iter().all(|&stop| stop < instance.depots) {
            continue;
        }
        used += 1;
        let Some(vehicle) = walk.vehicle(k, used) else {
            let limit = instance.vehicle_count().unwrap_or(0);
            walk.findings.push("fleet", format!("route {}", k + 1), format!("{used} routes"), limit);
            if let Fleet::Alike(vehicle, _) = &instance.fleet {
                cost += walk.route(k, route, vehicle);
            }
            continue;
        };
        cost += walk.route(k, route, vehicle);
    }
    cost /= instance.cost_divisor();
    for at in instance.customers() {
        match served[at] {
            0 if instance.nodes[at].prize.is_finite() => cost += instance.nodes[at].prize,
            0 => walk.findings.push("missing", format!("customer {at}"), "in no route", "served once"),
            1 => {}
            times => {
                walk.findings.push(
                    "twice",
                    format!("customer {at}"),
                    format!("served {times} times"),
                    "once",
                );
            }
        }
    }
    walk.findings.report(cost, used)
}

struct Walk<'a> {
    instance: &'a Instance,
    convention: Convention,
    findings: Findings,
}

impl<'a> Walk<'a> {
    /// Listed vehicles by the route's place; otherwise the fleet only bounds how many routes are used.
    fn vehicle(&self, k: usize, used: usize) -> Option<&'a Vehicle> {
        match self.instance.fleet {
            Fleet::Listed(_) => self.instance.vehicle(k),
            Fleet::Alike(..) => self.instance.vehicle(used - 1),
        }
    }

    /// Whether every number is a node; counts who is served.
    fn numbers(&mut self, k: usize, route: &[usize], served: &mut [u32]) -> bool {
        let mut known = true;
        for &stop in route {
            if stop >= served.len() {
                let place = format!("route {}, customer {stop}", k + 1);
                self.findings.push("unknown", place, stop, format!("numbers up to {}", served.len() - 1));
                known = false;
            } else {
                served[stop] += 1;
            }
        }
        known
    }

    /// Checks one route and gives its undivided cost.
    fn route(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) -> f64 {
        let trips = self.trips(k, route, vehicle);
        for (_, trip) in &trips {
            self.load(k, trip, vehicle);
            if self.instance.kind == Kind::Vrpb {
                self.backhauls(k, trip);
            }
        }
        self.pairs(k, route);
        let length = self.length(k, &trips, vehicle);
        if self.instance.kind.has_time() || vehicle.duration_max.is_finite() {
            self.clock(k, &trips, vehicle);
        }
        // The limit of the pure sets (CMT) is on way and service; where time has its own limits it is on the way.
        let timed = self.instance.kind.has_time();
        let service = |&stop: &usize| if timed { 0.0 } else { self.instance.nodes[stop].service };
        let service: f64 = route.iter().map(service).sum();
        if length + service > vehicle.distance_max + TOLERANCE {
            self.findings.push(
                "distance",
                format!("route {}", k + 1),
                length + service,
                vehicle.distance_max,
            );
        }
        match self.convention {
            Convention::Hierarchical => length,
            _ => vehicle.unit_cost * length + vehicle.fixed_cost,
        }
    }

    /// Splits at reloads: the depot each trip starts from, and its customers.
    fn trips(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) -> Vec<(usize, Vec<usize>)> {
        let mut trips = vec![(vehicle.depot, Vec::new())];
        for &stop in route {
            if vehicle.allowed.as_ref().is_some_and(|may| stop >= self.instance.depots && !may[stop]) {
                let place = format!("route {}, customer {stop}", k + 1);
                self.findings.push("allowed", place, "served by this vehicle", "the customers of its list");
            }
            if stop >= self.instance.depots {
                trips.last_mut().expect("it starts with one trip").1.push(stop);
                continue;
            }
            if !vehicle.reload_at.contains(&stop) {
                let place = format!("route {}", k + 1);
                self.findings.push(
                    "reload",
                    place,
                    format!("reload at {stop}"),
                    format!("{:?}", vehicle.reload_at),
                );
            }
            trips.push((stop, Vec::new()));
        }
        if let Some(most) = vehicle.reloads_max.filter(|&most| trips.len() > most.saturating_add(1)) {
            self.findings.push("trips", format!("route {}", k + 1), trips.len(), most + 1);
        }
        trips
    }

    fn load(&mut self, k: usize, trip: &[usize], vehicle: &Vehicle) {
        let nodes = &self.instance.nodes;
        let mut load: i64 = trip.iter().map(|&stop| nodes[stop].delivery).sum();
        let mut most = load;
        for &stop in trip {
            load += nodes[stop].pickup - nodes[stop].delivery;
            load += match nodes[stop].pair {
                Some(Pair::PickupFor { amount, .. }) => amount,
                Some(Pair::DeliveryFrom { amount, .. }) => -amount,
                None => 0,
            };
            most = most.max(load);
        }
        if most > vehicle.capacity {
            let [found, limit] = [most, vehicle.capacity].map(crate::io::sol::plain_number);
            self.findings.push("capacity", format!("route {}", k + 1), found, limit);
        }
    }

    fn backhauls(&mut self, k: usize, trip: &[usize]) {
        let nodes = &self.instance.nodes;
        let place = |stop: usize| format!("route {}, customer {stop}", k + 1);
        let is_backhaul = |stop: usize| nodes[stop].pickup > 0;
        for pair in trip.windows(2) {
            if is_backhaul(pair[0]) && !is_backhaul(pair[1]) {
                self.findings.push(
                    "backhaul_order",
                    place(pair[1]),
                    "linehaul after a backhaul",
                    "linehauls first",
                );
            }
        }
        if let Some(&first) = trip.first()
            && is_backhaul(first)
        {
            self.findings.push("backhaul_only", place(first), "no linehaul in the route", "at least one");
        }
    }

    fn pairs(&mut self, k: usize, route: &[usize]) {
        let position = |stop: usize| route.iter().position(|&other| other == stop);
        for (at, &stop) in route.iter().enumerate() {
            let place = format!("route {}, customer {stop}", k + 1);
            match self.instance.nodes[stop].pair {
                Some(Pair::PickupFor { delivery, .. }) => match position(delivery) {
                    None => self.findings.push(
                        "pair",
                        place,
                        format!("{delivery} is not in this route"),
                        "both ends",
                    ),
                    Some(later) if later < at => {
                        self.findings.push("precedence", place, format!("after {delivery}"), "pickup first");
                    }
                    Some(_) => {}
                },
                Some(Pair::DeliveryFrom { pickup, .. }) if position(pickup).is_none() => {
                    self.findings.push("pair", place, format!("{pickup} is not in this route"), "both ends");
                }
                _ => {}
            }
        }
    }

    /// The stops of a trip with the depots at both ends; the next trip's depot, or home, closes it.
    fn closed(&self, trips: &[(usize, Vec<usize>)], at: usize, vehicle: &Vehicle) -> Vec<usize> {
        let end = trips.get(at + 1).map_or(vehicle.depot, |next| next.0);
        let (start, stops) = &trips[at];
        let mut path = Vec::with_capacity(stops.len() + 2);
        path.push(*start);
        path.extend(stops);
        path.push(end);
        path
    }

    fn length(&mut self, k: usize, trips: &[(usize, Vec<usize>)], vehicle: &Vehicle) -> f64 {
        let mut length = 0.0;
        for at in 0..trips.len() {
            for pair in self.closed(trips, at, vehicle).windows(2) {
                let arc = self.instance.distance(pair[0], pair[1], self.convention);
                if arc.is_nan() {
                    let place = format!("route {}, customer {}", k + 1, pair[1]);
                    self.findings.push("unreachable", place, format!("from {}", pair[0]), "a way");
                } else {
                    length += arc;
                }
            }
        }
        length
    }

    /// Drives the route as early as possible, then shifts the departure as late as the windows let it, which gives
    /// the shortest duration for that end.
    fn clock(&mut self, k: usize, trips: &[(usize, Vec<usize>)], vehicle: &Vehicle) {
        let nodes = &self.instance.nodes;
        let release = |trip: &[usize]| trip.iter().map(|&stop| nodes[stop].release).fold(0.0, f64::max);
        let home = &nodes[vehicle.depot];
        let begin = home.ready.max(release(&trips[0].1));
        let mut now = begin;
        // How much later the departure may be without changing the end, and the waiting met so far.
        let (mut slack, mut waited) = (home.due - begin, 0.0);
        if slack < -TOLERANCE {
            self.findings.push("release", format!("route {}", k + 1), begin, home.due);
        }
        for at in 0..trips.len() {
            let path = self.closed(trips, at, vehicle);
            if at > 0 {
                let ready = nodes[path[0]].ready.max(release(&trips[at].1));
                waited += (ready - now).max(0.0);
                now = now.max(ready);
                slack = slack.min(waited + nodes[path[0]].due - now);
            }
            for (step, pair) in path.windows(2).enumerate() {
                let node = &nodes[pair[1]];
                let service = if step == 0 { 0.0 } else { nodes[pair[0]].service };
                let drive = self.instance.duration(pair[0], pair[1], self.convention);
                now += service + if drive.is_nan() { 0.0 } else { drive };
                if now > node.due + TOLERANCE {
                    let place = format!("route {}, customer {}", k + 1, pair[1]);
                    self.findings.push("window", place, now, node.due);
                }
                waited += (node.ready - now).max(0.0);
                now = now.max(node.ready);
                slack = slack.min(waited + node.due - now);
            }
        }
        let duration = now - begin - slack.min(waited).max(0.0);
        if duration > vehicle.duration_max + TOLERANCE {
            self.findings.push("duration", format!("route {}", k + 1), duration, vehicle.duration_max);
        }
    }
}

/// The cost as printed under a convention: an integer for `round`, one decimal for `dimacs`, at most six decimals
/// else.
#[must_use]
pub fn printed(cost: f64, convention: Convention) -> String {
    let digits = match convention {
        Convention::Round => 0,
        Convention::Dimacs => 1,
        Convention::Exact | Convention::Hierarchical | Convention::Jd => 6,
    };
    let text = format!("{cost:.digits$}");
    if digits <= 1 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// The largest amount that any vehicle carries, in the file's unit; for messages.
#[must_use]
pub fn largest_capacity(instance: &Instance) -> f64 {
    let most = match &instance.fleet {
        Fleet::Alike(vehicle, _) => vehicle.capacity,
        Fleet::Listed(list) => list.iter().map(|vehicle| vehicle.capacity).max().unwrap_or(0),
    };
    #[allow(clippy::cast_precision_loss)] // below 2^53 by the readers' bound
    let (most, scale) = (most as f64, AMOUNT_SCALE as f64);
    most / scale
}
