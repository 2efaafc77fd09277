//! The one schedule of a route, its cost and its breaches: exact for every rule, linear in the route.
//!
//! The search uses it where constant-time evaluation is not exact, and for what it reports; the independent checker
//! does not. The rule of times is stated in [`crate::problem`].

use crate::cost::Cost;
use crate::locks::Prefix;
use crate::problem::{
    Backhaul, DrivingRule, Job, JobId, Measure, NO_WAY, PlaceId, Problem, Role, VehicleId, VehicleKind,
    Window,
};
use crate::solution::Visit;

/// What happens at a moment of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The vehicle is free after a frozen prefix.
    Free,
    /// Loading for a trip: `None` at the start, else the entry of `reloads`.
    Load(Option<u32>),
    /// A job.
    Job(JobId),
    /// A rest by the driving rule.
    Rest,
    /// A break by the clock, by its number.
    Break(usize),
    /// The end of the day.
    End,
}

/// One entry of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub what: What,
    /// Where; `None` for an open end, or an open start without jobs.
    pub place: Option<PlaceId>,
    /// Time on the way from the entry before, rests on the road included.
    pub leg: i64,
    /// When the vehicle is there.
    pub arrive: i64,
    /// When it begins, after waiting.
    pub begin: i64,
    /// How long it takes.
    pub duration: i64,
}

impl Event {
    /// When it is over.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.begin + self.duration
    }
}

/// A rule that a route breaks, by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// No layout holds the peak load; the excess of the best one, in its worst dimension.
    Capacity {
        /// Load dimension.
        dimension: usize,
        /// Above capacity.
        excess: i64,
    },
    /// Service cannot start inside a window.
    Late {
        /// Which job.
        job: JobId,
        /// After the last window.
        by: i64,
    },
    /// A reload after its window.
    ReloadLate {
        /// After the window.
        by: i64,
    },
    /// The end after the shift.
    ShiftEnd {
        /// After the shift.
        by: i64,
    },
    /// An arc that the profile cannot use.
    NoWay,
    /// A skill that the vehicle lacks.
    Skill {
        /// Which job.
        job: JobId,
    },
    /// Goods classes that may not share a trip.
    Classes {
        /// The job that does not fit to those before it.
        job: JobId,
    },
    /// Too long on board.
    OnBoard {
        /// Which job.
        job: JobId,
        /// Above the limit.
        by: i64,
    },
    /// A day too long in time.
    Duration {
        /// Above the limit.
        by: i64,
    },
    /// A day too long in distance.
    Distance {
        /// Above the limit.
        by: i64,
    },
    /// Too many visits.
    Stops {
        /// Above the limit.
        by: i64,
    },
    /// Too many trips, or a reload that the vehicle does not have.
    Trips,
    /// Half of a shipment without the other before or after it in the trip.
    Pair {
        /// Which job.
        job: JobId,
    },
    /// A delivery after a pickup where linehauls come first.
    Backhaul {
        /// Which job.
        job: JobId,
    },
    /// A clock break that found no place.
    Break,
}

impl Breach {
    /// Whether it is one of those that only loads, classes, pairs and backhauls make.
    pub(crate) fn is_of_loads(&self) -> bool {
        matches!(
            self,
            Self::Capacity { .. } | Self::Classes { .. } | Self::Pair { .. } | Self::Backhaul { .. }
        )
    }
}

/// What one route amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteReport {
    /// Its times.
    pub events: Vec<Event>,
    /// Its cost; the groups' part counts each group of the route once.
    pub cost: Cost,
    /// Distance in all.
    pub distance: i64,
    /// From the first loading's start to the end.
    pub duration: i64,
    /// Peak load by dimension over all trips.
    pub peak: Vec<i64>,
    /// Rules broken; empty if the route is sound.
    pub breaches: Vec<Breach>,
}

/// Reusable room for evaluating routes.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    report: RouteReport,
    latest: Vec<i64>,
    run: Vec<i64>,
    groups: Vec<u32>,
}

impl Scheduler {
    /// Evaluates the visits of `vehicle`. With a prefix, `visits` still holds the frozen ones: they cost their way,
    /// and the times begin after them.
    pub fn route(
        &mut self,
        problem: &Problem,
        vehicle: VehicleId,
        visits: &[Visit],
        prefix: Option<&Prefix>,
    ) -> &RouteReport {
        self.evaluate(problem, vehicle, visits, prefix, true)
    }

    /// The same; without `loads` for visits whose loads, classes, pairs and backhauls are known to be sound: none of these
    /// is looked at, and the report tells no peak.
    #[inline]
    pub(crate) fn evaluate(
        &mut self,
        problem: &Problem,
        vehicle: VehicleId,
        visits: &[Visit],
        prefix: Option<&Prefix>,
        loads: bool,
    ) -> &RouteReport {
        let kind = problem.vehicle(vehicle);
        self.report.events.clear();
        self.report.breaches.clear();
        self.report.cost = Cost::default();
        self.report.peak.clear();
        self.report.peak.resize(problem.dimensions().len(), 0);
        self.report.distance = 0;
        self.report.duration = 0;
        if visits.is_empty() {
            return &self.report;
        }
        let frozen = prefix.map_or(0, |p| p.visits.min(visits.len()));
        self.way(problem, kind, visits, prefix);
        if loads {
            self.loads(problem, kind, visits, frozen);
        }
        let mut pauses: Vec<usize> = Vec::new();
        self.forward(problem, kind, visits, prefix, &pauses);
        for (at, pause) in kind.breaks.iter().enumerate() {
            let done = prefix.is_some_and(|p| p.time > pause.window.to);
            if !done && self.report.events.last().is_some_and(|e| e.arrive > pause.window.to) {
                pauses.push(at);
                self.forward(problem, kind, visits, prefix, &pauses);
            }
        }
        self.tighten(problem, kind);
        self.judge_times(problem, kind);
        self.price(problem, kind, vehicle, visits);
        &self.report
    }

    /// Distance, stops, trips, skills.
    fn way(&mut self, problem: &Problem, kind: &VehicleKind, visits: &[Visit], prefix: Option<&Prefix>) {
        let matrix = &problem.profiles()[kind.profile.index()];
        let report = &mut self.report;
        let mut at = kind.start;
        let (mut trips, mut stops) = (1u32, 0i64);
        let hop = |at: &mut Option<PlaceId>, to: Option<PlaceId>, report: &mut RouteReport| {
            if let (Some(from), Some(to)) = (*at, to) {
                let distance = matrix.distance(from.index(), to.index());
                if distance >= NO_WAY || matrix.duration(from.index(), to.index()) >= NO_WAY {
                    report.breaches.push(Breach::NoWay);
                }
                report.distance += distance.min(NO_WAY);
            }
            *at = to.or(*at);
        };
        let frozen = prefix.map_or(0, |p| p.visits);
        for (number, &visit) in visits.iter().enumerate() {
            if number == frozen
                && let Some(prefix) = prefix
            {
                hop(&mut at, Some(prefix.place), report);
            }
            match visit {
                Visit::Job(job) => {
                    hop(&mut at, Some(problem.jobs()[job.index()].place), report);
                    stops += 1;
                    if number >= frozen && problem.jobs()[job.index()].skills & !kind.skills != 0 {
                        report.breaches.push(Breach::Skill { job });
                    }
                }
                Visit::Reload(which) => {
                    trips += 1;
                    match kind.reloads.get(which as usize) {
                        Some(reload) => hop(&mut at, Some(reload.place), report),
                        None => report.breaches.push(Breach::Trips),
                    }
                }
            }
        }
        if frozen >= visits.len()
            && let Some(prefix) = prefix
        {
            hop(&mut at, Some(prefix.place), report);
        }
        if kind.end.is_some() {
            hop(&mut at, kind.end, report);
        }
        if trips > kind.max_trips {
            report.breaches.push(Breach::Trips);
        }
        if let Some(most) = kind.max_distance.filter(|&most| report.distance > most) {
            report.breaches.push(Breach::Distance { by: report.distance - most });
        }
        if let Some(most) = kind.max_stops.filter(|&most| stops > i64::from(most)) {
            report.breaches.push(Breach::Stops { by: stops - i64::from(most) });
        }
    }

    /// Loads, classes, pairs and backhauls, trip by trip.
    fn loads(&mut self, problem: &Problem, kind: &VehicleKind, visits: &[Visit], frozen: usize) {
        let jobs = problem.jobs();
        let strict = problem.backhaul() == Backhaul::LinehaulFirst;
        let trips = visits.split(|v| matches!(v, Visit::Reload(_)));
        let mut number = 0;
        for trip in trips {
            let ids = || trip.iter().filter_map(|v| if let Visit::Job(j) = v { Some(*j) } else { None });
            self.run.clear();
            self.run.resize(problem.dimensions().len(), 0);
            for job in ids().map(|j| &jobs[j.index()]).filter(|j| j.role == Role::Single) {
                add(&mut self.run, &job.delivery, 1);
            }
            raise(&mut self.report.peak, &self.run);
            let (mut classes, mut conflicts, mut hauled_back) = (0u64, 0u64, false);
            for (at, id) in ids().enumerate() {
                let job = &jobs[id.index()];
                add(&mut self.run, &job.delivery, -1);
                add(&mut self.run, &job.pickup, 1);
                raise(&mut self.report.peak, &self.run);
                let clash = problem.conflicting(job.classes);
                let fresh = number + at >= frozen;
                if fresh && (job.classes & conflicts != 0 || clash & classes != 0) {
                    self.report.breaches.push(Breach::Classes { job: id });
                }
                classes |= job.classes;
                conflicts |= clash;
                let partner_ok = match job.role {
                    Role::Single => true,
                    Role::PickupFor(other) => ids().skip(at + 1).any(|j| j == other),
                    Role::DeliveryOf(other) => ids().take(at).any(|j| j == other),
                };
                if !partner_ok {
                    self.report.breaches.push(Breach::Pair { job: id });
                }
                if strict && job.role == Role::Single {
                    let (brings, takes) = (any(&job.delivery), any(&job.pickup));
                    if brings && hauled_back {
                        self.report.breaches.push(Breach::Backhaul { job: id });
                    }
                    hauled_back |= takes && !brings;
                }
            }
            number += trip.len() + 1;
        }
        let excess = |layout: &Vec<i64>| {
            let over = |(d, &peak): (usize, &i64)| (peak - layout.get(d).copied().unwrap_or(0), d);
            self.report.peak.iter().enumerate().map(over).max().unwrap_or((0, 0))
        };
        if let Some((by, dimension)) = kind.layouts.iter().map(excess).min()
            && by > 0
        {
            self.report.breaches.push(Breach::Capacity { dimension, excess: by });
        }
    }

    /// Times as early as can be, with rests and the breaks `pauses` where they fall.
    fn forward(
        &mut self,
        problem: &Problem,
        kind: &VehicleKind,
        visits: &[Visit],
        prefix: Option<&Prefix>,
        pauses: &[usize],
    ) {
        let mut walk = Walk::new(problem, kind, std::mem::take(&mut self.report.events), pauses);
        let frozen = prefix.map_or(0, |p| p.visits.min(visits.len()));
        let rest = &visits[frozen..];
        let departed = prefix.is_some_and(|p| p.departed);
        let release = release_of_trip(problem, rest);
        match prefix {
            Some(p) => {
                walk.push(What::Free, Some(p.place), 0, Window::new(p.time, p.time), p.time);
                if !departed {
                    walk.go(
                        What::Load(None),
                        Some(p.place),
                        kind.loading,
                        Window::new(release, kind.shift.to),
                    );
                }
            }
            None => {
                let place = kind.start.or_else(|| first_place(problem, rest));
                let from = kind.shift.from.max(release);
                walk.push(What::Load(None), place, kind.loading, Window::new(from, kind.shift.to), from);
            }
        }
        for (at, &visit) in rest.iter().enumerate() {
            match visit {
                Visit::Job(id) => {
                    let job = &problem.jobs()[id.index()];
                    let setup = if walk.place == Some(job.place) && walk.any_job { 0 } else { job.setup };
                    walk.any_job = true;
                    walk.go(What::Job(id), Some(job.place), job.service + setup, Window::ALWAYS);
                }
                Visit::Reload(which) => {
                    let Some(reload) = kind.reloads.get(which as usize) else { continue };
                    let from = reload.window.from.max(release_of_trip(problem, &rest[at + 1..]));
                    let window = Window::new(from, reload.window.to);
                    walk.any_job = false;
                    walk.go(What::Load(Some(which)), Some(reload.place), reload.loading, window);
                }
            }
        }
        walk.go(What::End, kind.end, 0, Window::ALWAYS);
        self.report.events = walk.events;
    }

    /// Starts as late as the finish allows: the day, then each trip; then sets the final times.
    fn tighten(&mut self, problem: &Problem, kind: &VehicleKind) {
        let events = &mut self.report.events;
        let n = events.len();
        self.latest.clear();
        self.latest.resize(n, 0);
        let fixed_start = matches!(events[0].what, What::Free);
        if !fixed_start {
            backward(problem, kind, events, &mut self.latest, 0, n - 1);
            let start = self.latest[0];
            events[0].begin = start;
            events[0].arrive = start;
            replay(problem, kind, events, 0, n - 1, start);
        }
        let mut from = 0;
        while from + 1 < n {
            let to =
                (from + 1..n).find(|&i| matches!(events[i].what, What::Load(_) | What::End)).unwrap_or(n - 1);
            // A day of one trip has its times already.
            let whole = from == 0 && to == n - 1 && !fixed_start;
            if matches!(events[from].what, What::Load(_)) && !whole {
                backward(problem, kind, events, &mut self.latest, from, to);
                let begin = self.latest[from].max(events[from].begin);
                replay(problem, kind, events, from, to, begin);
            }
            from = to;
        }
    }

    fn judge_times(&mut self, problem: &Problem, kind: &VehicleKind) {
        let report = &mut self.report;
        let mut departed = None;
        for (at, event) in report.events.iter().enumerate() {
            match event.what {
                What::Load(which) => {
                    departed = Some(event.end());
                    let window = which.map_or(kind.shift, |w| kind.reloads[w as usize].window);
                    if event.begin > window.to {
                        report.breaches.push(Breach::ReloadLate { by: event.begin - window.to });
                    }
                }
                What::Free => departed = Some(event.begin),
                What::Job(id) => {
                    let job = &problem.jobs()[id.index()];
                    if let Some(last) = job.windows.last().filter(|w| event.begin > w.to) {
                        report.breaches.push(Breach::Late { job: id, by: event.begin - last.to });
                    }
                    if let Some(by) = aboard_too_long(problem, job, id, &report.events, at, departed) {
                        report.breaches.push(Breach::OnBoard { job: id, by });
                    }
                }
                What::Break(which) => {
                    if event.begin > kind.breaks[which].window.to {
                        report.breaches.push(Breach::Break);
                    }
                }
                What::End => {
                    if event.arrive > kind.shift.to {
                        report.breaches.push(Breach::ShiftEnd { by: event.arrive - kind.shift.to });
                    }
                }
                What::Rest => {}
            }
        }
        let (first, last) = (report.events[0], report.events[report.events.len() - 1]);
        report.duration = last.arrive - first.begin;
        if let Some(most) = kind.max_duration.filter(|&most| report.duration > most) {
            report.breaches.push(Breach::Duration { by: report.duration - most });
        }
    }

    fn price(&mut self, problem: &Problem, kind: &VehicleKind, vehicle: VehicleId, visits: &[Visit]) {
        let report = &mut self.report;
        let cost = &mut report.cost;
        cost.fixed = kind.fixed;
        // A plan that keeps the rules stays far below 64 bits; one over ways that are not there may not.
        cost.distance = kind.per_distance.saturating_mul(report.distance);
        cost.time = kind.per_time.saturating_mul(report.duration);
        let overtime = (report.duration - kind.overtime_after).max(0);
        cost.overtime = kind.overtime_price.saturating_mul(overtime);
        let mut stops = 0;
        self.groups.clear();
        for visit in visits {
            let Visit::Job(id) = visit else { continue };
            let job = &problem.jobs()[id.index()];
            stops += 1;
            if let Some(prefer) = &job.prefer
                && !prefer.vehicles.contains(&vehicle)
            {
                cost.preference += prefer.price;
            }
            if let Some(group) = job.group {
                self.groups.push(group.0);
            }
        }
        self.groups.sort_unstable();
        self.groups.dedup();
        cost.groups = self.groups.iter().map(|&g| problem.group_prices[g as usize]).sum();
        for event in &report.events {
            let What::Job(id) = event.what else { continue };
            if let Some(soft) = problem.jobs()[id.index()].soft {
                let early = soft.early_price.saturating_mul((soft.window.from - event.begin).max(0));
                let late = soft.late_price.saturating_mul((event.begin - soft.window.to).max(0));
                cost.soft = cost.soft.saturating_add(early).saturating_add(late);
            }
        }
        if let Some(balance) = kind.balance {
            let value = match balance.measure {
                Measure::Duration => report.duration,
                Measure::Distance => report.distance,
                Measure::Stops => stops,
            };
            cost.balance = balance.price.saturating_mul((value - balance.target).max(0));
        }
    }
}

/// A vehicle under way in the forward pass.
struct Walk<'a> {
    problem: &'a Problem,
    kind: &'a VehicleKind,
    events: Vec<Event>,
    pauses: &'a [usize],
    place: Option<PlaceId>,
    any_job: bool,
    now: i64,
    driven: i64,
    /// A wait long enough for a rest: index of the event after it, driving since.
    spot: Option<(usize, i64)>,
}

impl<'a> Walk<'a> {
    fn new(problem: &'a Problem, kind: &'a VehicleKind, mut events: Vec<Event>, pauses: &'a [usize]) -> Self {
        events.clear();
        Self { problem, kind, events, pauses, place: None, any_job: false, now: 0, driven: 0, spot: None }
    }

    fn push(&mut self, what: What, place: Option<PlaceId>, duration: i64, window: Window, arrive: i64) {
        let begin = arrive.max(window.from);
        self.events.push(Event { what, place, leg: 0, arrive, begin, duration });
        self.place = place;
        self.now = begin + duration;
    }

    fn go(&mut self, what: What, place: Option<PlaceId>, duration: i64, window: Window) {
        let place = place.or(self.place);
        let drive = match (self.place, place) {
            (Some(a), Some(b)) => {
                self.problem.profiles()[self.kind.profile.index()].duration(a.index(), b.index()).min(NO_WAY)
            }
            _ => 0,
        };
        let mut leg = drive;
        if let Some(rule) = self.kind.driving {
            leg += self.rest_if_due(rule, drive);
        }
        self.pause(self.now + leg, false);
        let mut arrive = self.now + leg;
        let begin_at = |t: i64| match what {
            What::Job(id) => begin_in(&self.problem.jobs()[id.index()], t),
            _ => t.max(window.from),
        };
        let taken = self.pause_on_arrival(place, leg, arrive, begin_at(arrive) + duration);
        if let Some(end) = taken {
            leg = 0;
            arrive = end;
        }
        let begin = match what {
            What::Job(id) => begin_in(&self.problem.jobs()[id.index()], arrive),
            _ => arrive.max(window.from),
        };
        if let Some((_, since)) = &mut self.spot {
            *since += drive;
        }
        if self.kind.driving.is_some_and(|rule| begin - arrive >= rule.rest && what != What::End) {
            self.spot = Some((self.events.len(), 0));
        }
        self.events.push(Event { what, place, leg, arrive, begin, duration });
        self.place = place;
        self.now = begin + duration;
    }

    /// Takes a rest before driving on if the rule wants one; returns the time of rests on the road.
    fn rest_if_due(&mut self, rule: DrivingRule, drive: i64) -> i64 {
        if drive >= NO_WAY || self.driven + drive <= rule.max_driving {
            self.driven += drive;
            return 0;
        }
        if let Some((at, since)) = self.spot.take()
            && since + drive <= rule.max_driving
        {
            let Event { place, leg, arrive, .. } = self.events[at];
            self.events.insert(
                at,
                Event { what: What::Rest, place, leg, arrive, begin: arrive, duration: rule.rest },
            );
            let next = &mut self.events[at + 1];
            next.leg = 0;
            next.arrive = arrive + rule.rest;
            self.driven = since + drive;
            return 0;
        }
        self.spot = None;
        if self.driven > 0 {
            let (place, now) = (self.place, self.now);
            self.push(What::Rest, place, rule.rest, Window::ALWAYS, now);
        }
        let on_road = (drive - 1).max(0) / rule.max_driving;
        self.driven = drive - on_road * rule.max_driving;
        on_road * rule.rest
    }

    fn pending(&self) -> Option<usize> {
        self.pauses.iter().copied().find(|&p| !self.events.iter().any(|e| e.what == What::Break(p)))
    }

    /// Takes the next clock break here if it is time, or if `next` would be too late for it.
    fn pause(&mut self, next: i64, on_arrival: bool) {
        while let Some(which) = self.pending() {
            let pause = self.kind.breaks[which];
            let now = self.now;
            let in_time = now >= pause.window.from && now <= pause.window.to;
            if !in_time && next <= pause.window.to {
                return;
            }
            let place = self.place;
            self.push(What::Break(which), place, pause.duration, pause.window, now);
            if on_arrival {
                return;
            }
        }
    }

    /// The same on arrival, before service; returns when the break is over.
    fn pause_on_arrival(
        &mut self,
        place: Option<PlaceId>,
        leg: i64,
        arrive: i64,
        service_end: i64,
    ) -> Option<i64> {
        let which = self.pending()?;
        let window = self.kind.breaks[which].window;
        let in_time = arrive >= window.from && arrive <= window.to;
        // Waiting for the break is only needed where service would run past its window.
        if !(in_time || arrive < window.from && service_end > window.to) {
            return None;
        }
        self.events.push(Event {
            what: What::Break(which),
            place,
            leg,
            arrive,
            begin: arrive.max(window.from),
            duration: self.kind.breaks[which].duration,
        });
        self.events.last().map(Event::end)
    }
}

fn release_of_trip(problem: &Problem, visits: &[Visit]) -> i64 {
    let jobs = visits.iter().map_while(|v| if let Visit::Job(j) = v { Some(j.index()) } else { None });
    jobs.map(|j| problem.jobs()[j].release).max().unwrap_or(0)
}

fn first_place(problem: &Problem, visits: &[Visit]) -> Option<PlaceId> {
    let Visit::Job(id) = visits.first()? else { return None };
    Some(problem.jobs()[id.index()].place)
}

/// First moment of a window at or after `t`; `t` itself when all windows are over.
fn begin_in(job: &Job, t: i64) -> i64 {
    job.windows.iter().find(|w| w.to >= t).map_or(t, |w| t.max(w.from))
}

/// Last moment of a window at or before `t`; `t` itself when there is none.
fn last_in(windows: &[Window], t: i64) -> i64 {
    windows.iter().rev().find(|w| w.from <= t).map_or(t, |w| t.min(w.to))
}

/// Latest begins of the events `from..=to` that keep the arrival at `to`.
fn backward(
    problem: &Problem,
    kind: &VehicleKind,
    events: &[Event],
    latest: &mut [i64],
    from: usize,
    to: usize,
) {
    let mut next = events[to].arrive;
    for i in (from..to).rev() {
        let event = &events[i];
        let cap = next - events[i + 1].leg - event.duration;
        let fit = match event.what {
            What::Job(id) => last_in(&problem.jobs()[id.index()].windows, cap),
            What::Load(None) => cap.min(kind.shift.to),
            What::Load(Some(w)) => cap.min(kind.reloads[w as usize].window.to),
            What::Break(b) => cap.min(kind.breaks[b].window.to),
            _ => cap,
        };
        // A breached event keeps the time that it has.
        latest[i] = fit.max(event.begin);
        next = latest[i];
    }
}

/// Times of the events after `from` up to the arrival at `to`, when `from` begins at `begin`.
fn replay(problem: &Problem, kind: &VehicleKind, events: &mut [Event], from: usize, to: usize, begin: i64) {
    events[from].begin = begin;
    let mut now = events[from].end();
    for i in from + 1..=to {
        let earliest = match events[i].what {
            What::Load(_) => {
                events[i].begin.min(now + events[i].leg).max(load_from(problem, kind, events, i))
            }
            What::Break(b) => kind.breaks[b].window.from,
            _ => 0,
        };
        let event = &mut events[i];
        event.arrive = now + event.leg;
        event.begin = match event.what {
            What::Job(id) => begin_in(&problem.jobs()[id.index()], event.arrive),
            _ => event.arrive.max(earliest),
        };
        now = event.end();
    }
}

/// When the loading of event `at` may start: its window and the releases of its trip.
fn load_from(problem: &Problem, kind: &VehicleKind, events: &[Event], at: usize) -> i64 {
    let window = match events[at].what {
        What::Load(Some(w)) => kind.reloads[w as usize].window.from,
        _ => kind.shift.from,
    };
    let trip = events[at + 1..].iter().take_while(|e| !matches!(e.what, What::Load(_)));
    let release = trip.filter_map(|e| match e.what {
        What::Job(id) => Some(problem.jobs()[id.index()].release),
        _ => None,
    });
    window.max(release.max().unwrap_or(0))
}

/// By how much the goods of the job at event `at` are too long aboard.
fn aboard_too_long(
    problem: &Problem,
    job: &Job,
    id: JobId,
    events: &[Event],
    at: usize,
    departed: Option<i64>,
) -> Option<i64> {
    let begin = events[at].begin;
    let longest = match job.role {
        Role::Single => {
            let most = job.max_on_board?;
            let down = if any(&job.delivery) { departed.map(|d| begin - d) } else { None };
            let end = || events[at..].iter().find(|e| matches!(e.what, What::Load(_) | What::End));
            let up = if any(&job.pickup) { end().map(|e| e.arrive - events[at].end()) } else { None };
            return down.max(up).map(|t| t - most).filter(|&by| by > 0);
        }
        Role::PickupFor(_) => return None,
        Role::DeliveryOf(other) => {
            let most =
                job.max_on_board.into_iter().chain(problem.jobs()[other.index()].max_on_board).min()?;
            let taken = events[..at].iter().find(|e| e.what == What::Job(other))?;
            begin - taken.end() - most
        }
    };
    let _ = id;
    (longest > 0).then_some(longest)
}

fn add(run: &mut [i64], loads: &[i64], sign: i64) {
    for (r, &l) in run.iter_mut().zip(loads) {
        *r += sign * l;
    }
}

fn raise(peak: &mut [i64], run: &[i64]) {
    for (p, &r) in peak.iter_mut().zip(run) {
        *p = (*p).max(r);
    }
}

fn any(loads: &[i64]) -> bool {
    loads.iter().any(|&l| l > 0)
}
