//! Checks a plan of a rich problem against the problem's own words (`io::rich::model`), on its own timeline.
//!
//! The day is laid out as a list of acts, each with the way before it, the intervals in which it may begin, and its
//! length. Acts begin as early as they can; then the day, and then each trip, starts as late as its end allows (the
//! rule of [`crate::problem`]).

use super::day::{Act, Day, What};
use super::report::{Findings, Report};
use crate::io::rich::RichFile;
use crate::io::rich::model::{Backhaul, Job, Measure, Prefix, Rich, Vehicle};
use crate::io::rich::solution::prefixes;
use crate::io::rich::value::{HOLE, Int};
use std::collections::{BTreeMap, BTreeSet};

/// Times of one stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopTimes {
    /// When the vehicle is there.
    pub arrive: i64,
    /// When service, or loading, starts.
    pub begin: i64,
    /// When it is over.
    pub end: i64,
}

/// Times and price of one route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTimes {
    /// Start of the first loading.
    pub start: i64,
    /// Arrival at the end.
    pub end: i64,
    /// How many numbers at the route's start were over before: they have no times.
    pub over: usize,
    /// Of each further number of the route, in order.
    pub stops: Vec<StopTimes>,
    /// Driving time to each stop and to the end.
    pub driven: Vec<i64>,
    /// Its cost, groups and prizes excluded.
    pub cost: i64,
    /// Its length.
    pub distance: i64,
}

impl RouteTimes {
    /// Driving time up to the step of this number: 0 the start, then the stops, then the end.
    #[must_use]
    pub fn driven_to(&self, step: usize) -> i64 {
        step.checked_sub(1).and_then(|at| self.driven.get(at)).copied().unwrap_or(0)
    }
}

/// What the checker finds.
#[derive(Clone, Debug, PartialEq)]
pub struct RichReport {
    /// The verdict; its cost is in the unit of the file.
    pub report: Report,
    /// Total cost in the rich problem's whole units, prizes included.
    pub cost: i64,
    /// Numbers of visits in no route.
    pub unassigned: Vec<usize>,
    /// Of each route.
    pub times: Vec<RouteTimes>,
}

/// Prices and checks routes of numbers (see [`crate::io::rich::pose`]), one a vehicle.
///
/// Visits of our JSON without a prize must be served. VROOM knows no such visits: there a visit may be missing, and
/// prizes made from priorities are not part of the cost.
#[must_use]
pub fn check(file: &RichFile, routes: &[Vec<usize>]) -> RichReport {
    let rich = &file.rich;
    let visits: Vec<&Job> = rich.visits().collect();
    let fleet: Vec<&Vehicle> =
        rich.vehicles.iter().flat_map(|v| (0..v.count.0).map(move |_| v)).take(routes.len()).collect();
    let prefixes = prefixes(rich);
    let classes = conflicts(rich);
    let mut inspect = Inspect { rich, visits, findings: Findings::default(), classes, prefixes };
    let mut served = vec![0_u32; inspect.visits.len()];
    let mut times = Vec::with_capacity(routes.len());
    let mut groups: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let (mut cost, mut used) = (0_i64, 0);
    for (k, route) in routes.iter().enumerate() {
        if route.is_empty() {
            times.push(RouteTimes::default());
            continue;
        }
        let Some(vehicle) = fleet.get(k) else {
            inspect.findings.push("fleet", format!("route {}", k + 1), "no such vehicle", fleet.len());
            continue;
        };
        used += 1;
        if !inspect.known(k, route, vehicle) {
            times.push(RouteTimes::default());
            continue;
        }
        for job in route.iter().filter_map(|&number| inspect.number(number)) {
            served[job] += 1;
            if let Some(group) = &inspect.visits[job].group {
                groups.entry(group).or_default().insert(k);
            }
        }
        let priced = inspect.route(k, route, vehicle);
        cost = cost.saturating_add(priced.cost);
        times.push(priced);
    }
    for (group, vehicles) in groups {
        cost = cost.saturating_add(rich.groups[group].0.saturating_mul(vehicles.len() as i64 - 1));
    }
    let unassigned = inspect.coverage(&served, file.vroom.is_some());
    inspect.locks(routes, &served);
    for &number in &unassigned {
        if file.vroom.is_none() {
            cost = cost.saturating_add(inspect.prize(number - 1).unwrap_or(0));
        }
    }
    #[allow(clippy::cast_precision_loss)] // shown in the file's unit; whole units are in `cost`
    let shown = cost as f64 / file.vroom.as_ref().map_or(1.0, |names| names.cost_scale as f64);
    RichReport { report: inspect.findings.report(shown, used), cost, unassigned, times }
}

fn conflicts(rich: &Rich) -> BTreeSet<(&str, &str)> {
    let pairs = rich.conflicts.iter().map(|(a, b)| (a.as_str(), b.as_str()));
    pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// What every part of the checker works on.
pub(super) struct Inspect<'a> {
    pub(super) rich: &'a Rich,
    pub(super) visits: Vec<&'a Job>,
    pub(super) findings: Findings,
    classes: BTreeSet<(&'a str, &'a str)>,
    /// Frozen parts of days, by route.
    pub(super) prefixes: BTreeMap<usize, &'a Prefix>,
}

/// The role of a visit by its place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Single,
    /// Index of the delivery.
    From(usize),
    /// Index of the pickup.
    To(usize),
}

impl<'a> Inspect<'a> {
    pub(super) fn role(&self, job: usize) -> Role {
        match job.checked_sub(self.rich.jobs.len()) {
            None => Role::Single,
            Some(at) if at % 2 == 0 => Role::From(job + 1),
            Some(_) => Role::To(job - 1),
        }
    }

    /// The job index of a number, none for reloads.
    pub(super) fn number(&self, number: usize) -> Option<usize> {
        (1..=self.visits.len()).contains(&number).then(|| number - 1)
    }

    /// The entry of `reloads` that a number means.
    fn reload(&self, number: usize) -> usize {
        number.saturating_sub(self.visits.len())
    }

    fn prize(&self, job: usize) -> Option<i64> {
        match self.role(job) {
            Role::Single | Role::From(_) => self.visits[job].prize.map(|p| p.0),
            Role::To(pickup) => self.visits[pickup].prize.map(|_| 0),
        }
    }

    fn known(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) -> bool {
        let before = self.findings.len();
        for &number in route {
            if self.number(number).is_none() && self.reload(number) >= vehicle.reloads.len() {
                let limit = format!("1 to {}, or a reload of {}", self.visits.len(), vehicle.reloads.len());
                self.findings.push("unknown", format!("route {}", k + 1), number, limit);
            }
        }
        self.findings.len() == before
    }

    fn coverage(&mut self, served: &[u32], lenient: bool) -> Vec<usize> {
        let mut unassigned = Vec::new();
        for (job, &times) in served.iter().enumerate() {
            let place = || format!("visit {}", job + 1);
            match times {
                0 => {
                    unassigned.push(job + 1);
                    if !lenient && self.prize(job).is_none() {
                        self.findings.push("missing", place(), "in no route", "served once");
                    }
                }
                1 => {}
                _ => self.findings.push("twice", place(), format!("served {times} times"), "once"),
            }
        }
        unassigned
    }

    fn route(&mut self, k: usize, route: &[usize], vehicle: &'a Vehicle) -> RouteTimes {
        let over = self.over(k, route);
        self.fleet_rules(k, route, vehicle);
        self.loads(k, route, vehicle);
        let mut at = 0;
        for trip in self.trips(route) {
            self.trip_rules(k, &trip, over.saturating_sub(at));
            at += trip.len() + 1;
        }
        let distance = self.distance(k, route, vehicle);
        let day = Day::lay(&self.acts(k, route, vehicle), vehicle);
        self.times(k, route, vehicle, &day);
        let mut cost = vehicle.fixed.0.saturating_add(vehicle.per_distance.0.saturating_mul(distance));
        let duration = day.duration();
        cost = cost.saturating_add(vehicle.per_time.0.saturating_mul(duration));
        if let Some(overtime) = vehicle.overtime {
            cost = cost.saturating_add(overtime.price.0.saturating_mul((duration - overtime.after.0).max(0)));
        }
        let jobs: Vec<usize> = route.iter().filter_map(|&number| self.number(number)).collect();
        if let Some(balance) = vehicle.balance {
            let value = match balance.measure {
                Measure::Duration => duration,
                Measure::Distance => distance,
                Measure::Stops => jobs.len() as i64,
            };
            cost = cost.saturating_add(balance.price.0.saturating_mul((value - balance.target.0).max(0)));
        }
        for &job in &jobs {
            if let Some(prefer) = &self.visits[job].prefer
                && !prefer.vehicles.contains(&vehicle.id)
            {
                cost = cost.saturating_add(prefer.price.0);
            }
        }
        let stops = day.stops();
        for (&number, stop) in route[over..].iter().zip(&stops) {
            if let Some(soft) = self.number(number).and_then(|job| self.visits[job].soft) {
                let (early, late) = (soft.window.0.0 - stop.begin, stop.begin - soft.window.1.0);
                cost = cost.saturating_add(soft.early_price.0.saturating_mul(early.max(0)));
                cost = cost.saturating_add(soft.late_price.0.saturating_mul(late.max(0)));
            }
        }
        RouteTimes { start: day.start(), end: day.end(), over, stops, driven: day.driven(), cost, distance }
    }

    /// How many numbers of a route are over.
    fn over(&self, k: usize, route: &[usize]) -> usize {
        let stops = self.prefixes.get(&k).map_or(0, |p| usize::try_from(p.stops.0).unwrap_or(0));
        stops.min(route.len())
    }

    fn trips(&self, route: &[usize]) -> Vec<Vec<usize>> {
        let trips = route.split(|&number| self.number(number).is_none());
        trips.map(|trip| trip.iter().map(|&number| number - 1).collect()).collect()
    }

    fn fleet_rules(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) {
        let place = || format!("route {}", k + 1);
        let reloads = route.iter().filter(|&&number| self.number(number).is_none()).count() as i64;
        if reloads + 1 > vehicle.max_trips.0 {
            self.findings.push("trips", place(), reloads + 1, vehicle.max_trips.0);
        }
        let jobs: Vec<usize> = route.iter().filter_map(|&number| self.number(number)).collect();
        if let Some(Int(most)) = vehicle.max_stops
            && jobs.len() as i64 > most
        {
            self.findings.push("stops", place(), jobs.len(), most);
        }
        let over = self.over(k, route);
        let ahead: Vec<usize> = route[over..].iter().filter_map(|&number| self.number(number)).collect();
        for job in ahead {
            let lacking = self.visits[job].skills.iter().find(|skill| !vehicle.skills.contains(skill));
            if let Some(skill) = lacking {
                self.findings.push(
                    "skill",
                    format!("route {}, visit {}", k + 1, job + 1),
                    skill,
                    vehicle.skills.join(" "),
                );
            }
        }
    }

    /// Peak load of the day against each layout: one of them must hold it.
    fn loads(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) {
        let dimensions = self.rich.dimensions.len();
        let at = |loads: &[Int], d: usize| loads.get(d).map_or(0, |load| load.0);
        let mut peak = vec![0_i64; dimensions];
        for trip in self.trips(route) {
            for (d, peak) in peak.iter_mut().enumerate() {
                let from_depot = trip.iter().filter(|&&job| self.role(job) == Role::Single);
                let mut load: i64 = from_depot.map(|&job| at(&self.visits[job].delivery, d)).sum();
                *peak = load.max(*peak);
                for &job in &trip {
                    load -= match self.role(job) {
                        Role::Single => at(&self.visits[job].delivery, d),
                        Role::From(_) => 0,
                        Role::To(pickup) => at(&self.visits[pickup].pickup, d),
                    };
                    if !matches!(self.role(job), Role::To(_)) {
                        load += at(&self.visits[job].pickup, d);
                    }
                    *peak = load.max(*peak);
                }
            }
        }
        let holds = |layout: &Vec<Int>| peak.iter().enumerate().all(|(d, &peak)| peak <= at(layout, d));
        if !vehicle.layouts.iter().any(holds) {
            let limit: Vec<Vec<i64>> =
                vehicle.layouts.iter().map(|l| l.iter().map(|c| c.0).collect()).collect();
            self.findings.push(
                "capacity",
                format!("route {}", k + 1),
                format!("{peak:?}"),
                format!("{limit:?}"),
            );
        }
    }

    /// Goods that may not meet, pairs and their order, linehauls first. Goods of the first `over` visits met before.
    fn trip_rules(&mut self, k: usize, trip: &[usize], over: usize) {
        let place = |job: usize| format!("route {}, visit {}", k + 1, job + 1);
        let position = |job: usize| trip.iter().position(|&other| other == job);
        let mut aboard: BTreeSet<&str> = BTreeSet::new();
        let mut hauled_back = false;
        for (at, &job) in trip.iter().enumerate() {
            let visit = self.visits[job];
            for class in visit.goods.iter().filter(|_| at >= over) {
                // What one visit asks to ride together does; goods of others may not join it.
                let clash =
                    aboard.iter().copied().find(|other| self.classes.contains(&(class.as_str(), *other)));
                if let Some(other) = clash {
                    self.findings.push(
                        "goods",
                        place(job),
                        format!("{class} with {other}"),
                        "not in one trip",
                    );
                }
            }
            aboard.extend(visit.goods.iter().map(String::as_str));
            match self.role(job) {
                Role::From(delivery) => match position(delivery) {
                    None => self.findings.push(
                        "pair",
                        place(job),
                        "the delivery is not in this trip",
                        "both ends",
                    ),
                    Some(later) if later < at => {
                        self.findings.push("precedence", place(job), "after the delivery", "before");
                    }
                    Some(_) => {}
                },
                Role::To(pickup) if position(pickup).is_none() => {
                    self.findings.push("pair", place(job), "the pickup is not in this trip", "both ends");
                }
                Role::To(_) => {}
                Role::Single if self.rich.backhaul == Backhaul::LinehaulFirst => {
                    let some = |loads: &[Int]| loads.iter().any(|load| load.0 > 0);
                    if some(&visit.delivery) && hauled_back {
                        self.findings.push(
                            "backhaul_order",
                            place(job),
                            "a delivery after a pickup",
                            "deliveries first",
                        );
                    }
                    hauled_back |= some(&visit.pickup) && !some(&visit.delivery);
                }
                Role::Single => {}
            }
        }
    }

    fn cell(&self, vehicle: &Vehicle, from: Int, to: Int) -> Option<(i64, i64)> {
        let matrix = &self.rich.matrices[&vehicle.profile];
        let (i, j) = (usize::try_from(from.0).ok()?, usize::try_from(to.0).ok()?);
        let duration = matrix.durations[i].0[j];
        let distance = matrix.distances.get(i).map_or(duration, |row| row.0[j]);
        (duration != HOLE && distance != HOLE).then_some((duration, distance))
    }

    /// Places of the whole day, in order: where the vehicle became free comes after what is over.
    fn places(&self, k: usize, route: &[usize], vehicle: &Vehicle) -> Vec<Int> {
        let stop = |&number: &usize| match self.number(number) {
            Some(job) => self.visits[job].place,
            None => vehicle.reloads[self.reload(number)].place,
        };
        let (over, ahead) = route.split_at(self.over(k, route));
        let free = self.prefixes.get(&k).map(|p| p.place);
        let day = over.iter().map(stop).chain(free).chain(ahead.iter().map(stop));
        vehicle.start.into_iter().chain(day).chain(vehicle.end).collect()
    }

    fn distance(&mut self, k: usize, route: &[usize], vehicle: &Vehicle) -> i64 {
        let mut sum = 0_i64;
        for pair in self.places(k, route, vehicle).windows(2) {
            match self.cell(vehicle, pair[0], pair[1]) {
                Some((_, distance)) => sum = sum.saturating_add(distance),
                None => {
                    let found = format!("{} to {}", pair[0].0, pair[1].0);
                    self.findings.push(
                        "unreachable",
                        format!("route {}", k + 1),
                        found,
                        "a way in the matrix",
                    );
                }
            }
        }
        if let Some(Int(most)) = vehicle.max_distance
            && sum > most
        {
            self.findings.push("distance", format!("route {}", k + 1), sum, most);
        }
        sum
    }

    /// The day before pauses: loadings, visits and the end, each with the way to it.
    fn acts(&self, k: usize, route: &[usize], vehicle: &Vehicle) -> Vec<Act> {
        let release = |from: usize| {
            let trip = route[from..].iter().map_while(|&number| self.number(number));
            trip.map(|job| self.visits[job].release.0).max().unwrap_or(0)
        };
        let over = self.over(k, route);
        let shift = vehicle.shift.map_or((0, i64::MAX / 4), |s| (s.0.0, s.1.0));
        let mut acts = Vec::with_capacity(route.len() + 3);
        let mut at = vehicle.start;
        match self.prefixes.get(&k) {
            Some(prefix) => {
                at = Some(prefix.place);
                acts.push(Act::new(What::Free, 0, vec![(prefix.time.0, prefix.time.0)], 0));
                if !prefix.departed {
                    acts.push(Act::new(What::Start, 0, vec![(release(over), shift.1)], vehicle.loading.0));
                }
            }
            None => {
                let opens = (shift.0.max(release(0)), shift.1);
                acts.push(Act::new(What::Start, 0, vec![opens], vehicle.loading.0));
            }
        }
        let mut before: Option<Int> = None;
        for (position, &number) in route.iter().enumerate().skip(over) {
            let (place, windows, length, what) = match self.number(number) {
                Some(job) => {
                    let visit = self.visits[job];
                    let windows = visit.windows.iter().map(|w| (w.0.0, w.1.0)).collect();
                    let setup = if before == Some(visit.place) { 0 } else { visit.setup.0 };
                    before = Some(visit.place);
                    (visit.place, windows, visit.service.0 + setup, What::Visit)
                }
                None => {
                    let reload = vehicle.reloads[self.reload(number)];
                    let open = reload.window.map_or((0, i64::MAX / 4), |w| (w.0.0, w.1.0));
                    before = None;
                    let open = (open.0.max(release(position + 1)), open.1);
                    (reload.place, vec![open], reload.loading.0, What::Load)
                }
            };
            let way = at.and_then(|from| self.cell(vehicle, from, place)).map_or(0, |(duration, _)| duration);
            at = Some(place);
            acts.push(Act::new(what, way, windows, length));
        }
        let home = match (at, vehicle.end) {
            (Some(from), Some(end)) => self.cell(vehicle, from, end).map_or(0, |(duration, _)| duration),
            _ => 0,
        };
        acts.push(Act::new(What::End, home, Vec::new(), 0));
        acts
    }

    fn times(&mut self, k: usize, route: &[usize], vehicle: &Vehicle, day: &Day) {
        let place = |number: usize| format!("route {}, number {number}", k + 1);
        let over = self.over(k, route);
        for (&number, late) in route[over..].iter().zip(day.late()) {
            if let Some((begin, limit)) = late {
                self.findings.push("window", place(number), begin, limit);
            }
        }
        for (found, limit) in day.other_late() {
            self.findings.push("window", format!("route {}", k + 1), found, limit);
        }
        if let Some(shift) = vehicle.shift
            && day.end() > shift.1.0
        {
            self.findings.push("shift", format!("route {}", k + 1), day.end(), shift.1.0);
        }
        if let Some(Int(most)) = vehicle.max_duration
            && day.duration() > most
        {
            self.findings.push("duration", format!("route {}", k + 1), day.duration(), most);
        }
        self.on_board(k, route, day);
    }

    /// Time aboard: from departure to delivery, from pickup to the trip's end, or between the ends of a shipment.
    fn on_board(&mut self, k: usize, route: &[usize], day: &Day) {
        let stops = day.stops();
        let some = |loads: &[Int]| loads.iter().any(|load| load.0 > 0);
        let route = &route[self.over(k, route)..];
        for (at, &number) in route.iter().enumerate() {
            let Some(job) = self.number(number) else { continue };
            let visit = self.visits[job];
            let aboard = match self.role(job) {
                Role::Single => {
                    let down = some(&visit.delivery).then(|| stops[at].begin - day.departure(at));
                    let up = some(&visit.pickup).then(|| day.trip_end(at) - stops[at].end);
                    down.into_iter().chain(up).max()
                }
                Role::From(_) => None,
                Role::To(pickup) => {
                    let taken = route[..at].iter().position(|&other| other == pickup + 1);
                    taken.map(|from| stops[at].begin - stops[from].end)
                }
            };
            let most = match self.role(job) {
                Role::To(pickup) => {
                    visit.max_on_board.into_iter().chain(self.visits[pickup].max_on_board).min()
                }
                _ => visit.max_on_board,
            };
            if let (Some(aboard), Some(Int(most))) = (aboard, most)
                && aboard > most
            {
                self.findings.push("on_board", format!("route {}, visit {}", k + 1, job + 1), aboard, most);
            }
        }
    }
}
