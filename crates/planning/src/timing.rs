//! The exact timing of a draft: trips are placed one after another as soon as what they carry can be there, each at a
//! free dock, within hours and shifts, with the rests that the driving-time rule asks for.
//!
//! List scheduling over the precedence of both tiers: a trip is placed when every load that it takes over from another
//! trip has been dropped by it. A trip then starts as late as its own end allows, so that nobody is paid for waiting.

use crate::consolidate::Cargo;
use crate::day::Day;
use crate::draft::{Draft, Ride, Stop, TripDraft};
use xiangyun_model::id::SiteId;
use xiangyun_model::units::Amount;

/// A visit with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedVisit {
    /// Where.
    pub site: SiteId,
    /// Comes.
    pub arrive: i64,
    /// Handling begins.
    pub start: i64,
    /// Handling ends.
    pub finish: i64,
    /// Leaves.
    pub depart: i64,
    /// Seconds from the visit before.
    pub leg_s: i64,
    /// Metres from the visit before.
    pub leg_m: i64,
    /// Dock held, from 1.
    pub dock: Option<u32>,
    /// Loads off.
    pub drop: Vec<u32>,
    /// Loads on.
    pub pick: Vec<u32>,
    /// When what boards here could first be loaded.
    pub ready: i64,
}

/// A trip with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedTrip {
    /// The crew.
    pub crew: usize,
    /// Which trip of its day, from 0.
    pub number: usize,
    /// Time band of its legs.
    pub band: usize,
    /// Layout used.
    pub layout: usize,
    /// Visits, the base first and last.
    pub visits: Vec<TimedVisit>,
    /// Rests taken, as (site, from, to).
    pub rests: Vec<(SiteId, i64, i64)>,
}

impl TimedTrip {
    /// When the crew begins.
    #[must_use]
    pub fn from_s(&self) -> i64 {
        self.visits[0].arrive
    }

    /// When the crew is free again.
    #[must_use]
    pub fn to_s(&self) -> i64 {
        self.visits[self.visits.len() - 1].depart
    }

    /// Seconds at the wheel.
    #[must_use]
    pub fn drive_s(&self) -> i64 {
        self.visits.iter().map(|v| v.leg_s).sum()
    }

    /// Metres driven.
    #[must_use]
    pub fn metres(&self) -> i64 {
        self.visits.iter().map(|v| v.leg_m).sum()
    }
}

/// Why a trip of a draft cannot be made as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// No time within hours, shift or promise.
    Time {
        /// The crew.
        crew: usize,
        /// The trip.
        trip: usize,
        /// Where it failed.
        site: SiteId,
    },
    /// More than a compartment or the payload holds.
    Room {
        /// The crew.
        crew: usize,
        /// The trip.
        trip: usize,
    },
    /// Trips that wait for each other, or for a load that nobody brings.
    Deadlock {
        /// The crew.
        crew: usize,
        /// The trip.
        trip: usize,
    },
}

impl Clash {
    /// The trip concerned.
    #[must_use]
    pub fn trip(&self) -> (usize, usize) {
        match *self {
            Self::Time { crew, trip, .. } | Self::Room { crew, trip } | Self::Deadlock { crew, trip } => {
                (crew, trip)
            }
        }
    }
}

/// A timed draft.
#[derive(Clone, Debug, Default)]
pub struct Timing {
    /// Trips in the order in which they were placed; feeders before what they feed.
    pub trips: Vec<TimedTrip>,
    /// Rides of every load; empty for a load not served.
    pub rides: Vec<Vec<Ride>>,
    /// When each load is handed over at its destination, if it is.
    pub arrives: Vec<Option<i64>>,
    /// Trips that could not be placed.
    pub clashes: Vec<Clash>,
    /// Seconds out of band of each load that has a limit.
    pub out_of_band_s: Vec<i64>,
    /// Loads that would spoil on the way.
    pub spoiled: Vec<u32>,
}

/// Bookings of the docks of all sites.
#[derive(Clone, Debug)]
struct Docks {
    by_site: Vec<Vec<Vec<(i64, i64)>>>,
}

impl Docks {
    fn new(day: &Day<'_>) -> Self {
        Self { by_site: day.county.sites.iter().map(|s| vec![Vec::new(); s.docks as usize]).collect() }
    }

    /// First moment at or after `from` at which a dock is free for `length`, and the dock, from 1.
    fn free_from(&self, site: SiteId, from: i64, length: i64) -> (i64, Option<u32>) {
        let docks = &self.by_site[site.index()];
        let mut best: Option<(i64, u32)> = None;
        for (dock, booked) in docks.iter().enumerate() {
            let mut at = from;
            for &(b, e) in booked {
                if b < at + length && at < e {
                    at = e;
                }
            }
            if best.is_none_or(|(least, _)| at < least) {
                best = Some((at, dock as u32 + 1));
            }
        }
        best.map_or((from, None), |(at, dock)| (at, Some(dock)))
    }

    fn book(&mut self, visit: &TimedVisit) {
        if let Some(dock) = visit.dock {
            let booked = &mut self.by_site[visit.site.index()][dock as usize - 1];
            let at = booked.partition_point(|&(b, _)| b < visit.start);
            booked.insert(at, (visit.start, visit.finish));
        }
    }
}

/// Times drafts of one day; keeps nothing between calls.
#[derive(Clone, Copy)]
pub struct Timer<'a> {
    /// The day.
    pub day: &'a Day<'a>,
    /// Its loads.
    pub cargo: &'a [Cargo],
}

struct Shape {
    boarding: Vec<u32>,
    arriving: Vec<u32>,
}

/// A trip to be placed, and what it depends on.
#[derive(Clone, Copy)]
struct Task<'t> {
    crew: usize,
    number: usize,
    trip: &'t TripDraft,
    shape: &'t Shape,
    clock: &'t CrewClock,
    docks: &'t Docks,
    ready: &'t [Option<i64>],
}

struct CrewClock {
    free: i64,
    since_rest: i64,
    driven: i64,
    metres: i64,
    next: usize,
}

impl<'a> Timer<'a> {
    /// Times a whole draft.
    #[must_use]
    pub fn time(&self, draft: &Draft) -> Timing {
        let county = self.day.county;
        let rides = draft.rides(
            self.cargo,
            |crew| self.day.crews[crew].base,
            |line, stop| county.line_trips[line].stops[stop].site,
        );
        let mut ready: Vec<Option<i64>> = self.cargo.iter().map(|c| Some(c.release_s)).collect();
        let mut done: Vec<usize> = vec![0; self.cargo.len()];
        let mut timing = Timing { rides, arrives: vec![None; self.cargo.len()], ..Timing::default() };
        let mut docks = Docks::new(self.day);
        let mut clocks: Vec<CrewClock> = self
            .day
            .crews
            .iter()
            .map(|c| CrewClock { free: c.window.from_s, since_rest: 0, driven: 0, metres: 0, next: 0 })
            .collect();
        let shapes: Vec<Vec<Shape>> = draft
            .days
            .iter()
            .map(|d| d.iter().map(|t| Shape { boarding: t.boarding(), arriving: t.arriving() }).collect())
            .collect();
        self.ride_lines(draft, &mut timing, &mut ready, &mut done);
        loop {
            let mut best: Option<(i64, usize)> = None;
            let mut waiting = None;
            for (crew, trips) in draft.days.iter().enumerate() {
                let clock = &clocks[crew];
                let Some(trip) = trips.get(clock.next) else { continue };
                let shape = &shapes[crew][clock.next];
                let task =
                    Task { crew, number: clock.next, trip, shape, clock, docks: &docks, ready: &ready };
                match self.can_start(&task, &done, &timing.rides) {
                    Some(at) if best.is_none_or(|(least, _)| at < least) => best = Some((at, crew)),
                    Some(_) => {}
                    None => waiting = waiting.or(Some(crew)),
                }
            }
            let Some((from, crew)) = best else {
                let Some(crew) = waiting else { break };
                let clock = &mut clocks[crew];
                timing.clashes.push(Clash::Deadlock { crew, trip: clock.next });
                clock.next += 1;
                continue;
            };
            let number = clocks[crew].next;
            clocks[crew].next += 1;
            let (trip, shape) = (&draft.days[crew][number], &shapes[crew][number]);
            if !self.has_room(crew, trip, shape) {
                timing.clashes.push(Clash::Room { crew, trip: number });
                continue;
            }
            let task = Task { crew, number, trip, shape, clock: &clocks[crew], docks: &docks, ready: &ready };
            match self.place(&task, from) {
                Ok((placed, since_rest)) => {
                    let clock = &mut clocks[crew];
                    clock.free = placed.to_s();
                    clock.since_rest = since_rest;
                    clock.driven += placed.drive_s();
                    clock.metres += placed.metres();
                    self.hand_over(&placed, &mut timing, &mut ready, &mut done);
                    placed.visits.iter().for_each(|v| docks.book(v));
                    timing.trips.push(placed);
                }
                Err(site) => timing.clashes.push(Clash::Time { crew, trip: number, site }),
            }
        }
        self.refuse_spoiled(&mut timing);
        timing
    }

    /// Loads that would be too long out of their band or on the way are not served by this draft.
    fn refuse_spoiled(&self, timing: &mut Timing) {
        timing.out_of_band_s = vec![0; self.cargo.len()];
        let mut boards: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.cargo.len()];
        let mut leaves = boards.clone();
        for (t, trip) in timing.trips.iter().enumerate() {
            for (v, visit) in trip.visits.iter().enumerate() {
                visit.pick.iter().for_each(|&l| boards[l as usize].push((t, v)));
                visit.drop.iter().for_each(|&l| leaves[l as usize].push((t, v)));
            }
        }
        for (l, cargo) in self.cargo.iter().enumerate() {
            let limited = cargo.out_of_band_max_s.is_some() || cargo.on_way_max_s.is_some();
            if timing.arrives[l].is_none() || !limited || boards[l].len() != timing.rides[l].len() {
                continue;
            }
            let (mut out_s, mut left_s) = (0, None);
            let mut begun_s = None;
            for (&(t, b), &(_, e)) in boards[l].iter().zip(&leaves[l]) {
                let trip = &timing.trips[t];
                let (on, off) = (&trip.visits[b], &trip.visits[e]);
                if left_s.is_some_and(|_| self.day.county.site(on.site).store_cold_cm3 == 0) {
                    out_s += on.start - left_s.unwrap_or(on.start);
                }
                if !self.rides_in_band(trip.crew, trip.layout, cargo) {
                    out_s += off.finish - on.start;
                }
                begun_s = begun_s.or(Some(on.start));
                left_s = Some(off.finish);
            }
            let way_s = left_s.unwrap_or(0) - begun_s.unwrap_or(0);
            timing.out_of_band_s[l] = out_s;
            let spoiled = cargo.out_of_band_max_s.is_some_and(|most| out_s > most)
                || cargo.on_way_max_s.is_some_and(|most| way_s > most);
            if spoiled {
                timing.arrives[l] = None;
                timing.spoiled.push(l as u32);
            }
        }
    }

    fn rides_in_band(&self, crew: usize, layout: usize, cargo: &Cargo) -> bool {
        let county = self.day.county;
        let layout = &county.vehicle(self.day.crews[crew].vehicle).layouts[layout];
        crate::rooms::compartment_for(county, layout, cargo)
            .is_some_and(|room| county.in_band(cargo.band, layout.compartments[room].band))
    }

    /// Sets a trip up with the first layout that holds it, if one does.
    pub fn set_layout(&self, crew: usize, trip: &mut TripDraft) {
        let shape = Shape { boarding: trip.boarding(), arriving: Vec::new() };
        let layouts = self.day.county.vehicle(self.day.crews[crew].vehicle).layouts.len();
        for layout in 0..layouts {
            trip.layout = layout;
            if self.has_room(crew, trip, &shape) && (layout + 1 == layouts || self.in_band(crew, trip)) {
                return;
            }
        }
        trip.layout = 0;
    }

    /// Whether every load rides in a compartment that keeps its band, or needs none.
    fn in_band(&self, crew: usize, trip: &TripDraft) -> bool {
        trip.stops.iter().flat_map(|s| s.drop.iter().chain(&s.pick)).all(|&load| {
            let cargo = &self.cargo[load as usize];
            cargo.out_of_band_max_s.is_none() || self.rides_in_band(crew, trip.layout, cargo)
        })
    }

    /// Loads on lines leave and arrive by the timetable, provided they are ready in time.
    fn ride_lines(&self, draft: &Draft, timing: &mut Timing, ready: &mut [Option<i64>], done: &mut [usize]) {
        for (&line, use_of) in &draft.lines {
            let departure = &self.day.county.line_trips[line];
            for &(load, from, to) in &use_of.rides {
                let l = load as usize;
                let Some(first) = timing.rides[l].first() else { continue };
                let in_time =
                    ready[l].is_some_and(|r| r <= departure.stops[from].depart_s - departure.closes_s);
                if first.crew.is_some() || !in_time {
                    timing.rides[l].clear();
                    continue;
                }
                let site = departure.stops[to].site;
                let at = departure.stops[to].arrive_s;
                done[l] = 1;
                if site == self.cargo[l].destination {
                    timing.arrives[l] = Some(at);
                    ready[l] = None;
                } else {
                    ready[l] = Some(at + self.crossing_s(site, load));
                }
            }
        }
    }

    fn crossing_s(&self, site: SiteId, load: u32) -> i64 {
        self.day.county.site(site).crossing_s(self.cargo[load as usize].handled)
    }

    /// Earliest moment at which a trip can begin to load, if everything that it takes over is on its way to it.
    fn can_start(&self, task: &Task<'_>, done: &[usize], rides: &[Vec<Ride>]) -> Option<i64> {
        let Task { crew, clock, trip, shape, ready, .. } = *task;
        let mut at = clock.free;
        let due = |load: u32| {
            let l = load as usize;
            let here =
                rides[l].iter().position(|r| r.crew == Some(crew as u32) && r.trip as usize == task.number);
            // A load in vain blocks nobody.
            here.is_none_or(|leg| done[l] >= leg)
        };
        for &load in &shape.boarding {
            if !due(load) {
                return None;
            }
            at = at.max(ready[load as usize].unwrap_or(0));
        }
        trip.stops.iter().flat_map(|s| &s.pick).all(|&load| due(load)).then_some(at)
    }

    /// Whether the vehicle holds the trip's loads at every moment in one of its layouts.
    fn has_room(&self, crew: usize, trip: &TripDraft, shape: &Shape) -> bool {
        let vehicle = self.day.county.vehicle(self.day.crews[crew].vehicle);
        let layout = &vehicle.layouts[trip.layout];
        let mut held = vec![Amount::ZERO; layout.compartments.len()];
        let mut total_g = 0;
        let mut put = |load: u32, sign: i64, held: &mut Vec<Amount>| -> bool {
            let cargo = &self.cargo[load as usize];
            let Some(room) = crate::rooms::compartment_for(self.day.county, layout, cargo) else {
                return false;
            };
            let a = cargo.amount;
            held[room] += Amount { g: a.g * sign, cm3: a.cm3 * sign, pieces: a.pieces * sign };
            total_g += a.g * sign;
            sign < 0 || (held[room].fits(layout.compartments[room].room) && total_g <= vehicle.payload_g)
        };
        shape.boarding.iter().all(|&l| put(l, 1, &mut held))
            && trip.stops.iter().all(|s| {
                s.drop.iter().all(|&l| put(l, -1, &mut held)) && s.pick.iter().all(|&l| put(l, 1, &mut held))
            })
    }

    /// Places a trip: as early as it can, then begun as late as its end allows.
    fn place(&self, task: &Task<'_>, from: i64) -> Result<(TimedTrip, i64), SiteId> {
        let run = |from: i64| self.run(task, from);
        let first = run(from)?;
        let end = first.0.to_s();
        let waits: i64 = first.0.visits[1..].iter().map(|v| v.start - v.arrive).sum();
        if waits < 60 {
            return Ok(first);
        }
        let begun = first.0.visits[0].start;
        let (mut low, mut high, mut best) = (0, waits, first);
        while high - low > 30 {
            let middle = (low + high + 1) / 2;
            match run(begun + middle) {
                Ok(later) if later.0.to_s() <= end => {
                    low = middle;
                    best = later;
                }
                _ => high = middle,
            }
        }
        Ok(best)
    }

    fn run(&self, task: &Task<'_>, from: i64) -> Result<(TimedTrip, i64), SiteId> {
        let Task { crew, number, trip, shape, clock, .. } = *task;
        let (day, who) = (self.day, &self.day.crews[crew]);
        let rules = &day.county.rules;
        let mut own = Vec::with_capacity(trip.stops.len() + 2);
        let mut rests = Vec::new();
        let at_base = Stop { site: who.base, drop: Vec::new(), pick: shape.boarding.clone() };
        let mut visit = self.visit(task, from, (0, 0), &at_base)?;
        // The first trip begins when its vehicle can be loaded; between trips the crew is there anyway.
        visit.arrive = if number == 0 { visit.start } else { clock.free };
        let band = day.travel.band(who.profile, visit.finish);
        let mut since_rest = clock.since_rest;
        if number > 0 && visit.start - clock.free >= rules.rest_s && since_rest > 0 {
            rests.push((who.base, clock.free, visit.start));
            since_rest = 0;
        }
        let (mut driven, mut metres) = (clock.driven, clock.metres);
        own.push(visit);
        let home = Stop { site: who.base, drop: shape.arriving.clone(), pick: Vec::new() };
        for stop in trip.stops.iter().chain(std::iter::once(&home)) {
            let last = own.last_mut().expect("the base came first");
            let (leg_s, leg_m) =
                day.travel.leg(who.profile, band, last.site.index(), stop.site.index()).ok_or(stop.site)?;
            if since_rest + leg_s > rules.drive_max_s {
                rests.push((last.site, last.depart, last.depart + rules.rest_s));
                last.depart += rules.rest_s;
                since_rest = 0;
            }
            let arrive = last.depart + leg_s;
            since_rest += leg_s;
            driven += leg_s;
            metres += leg_m;
            let next = self.visit(task, arrive, (leg_s, leg_m), stop)?;
            if next.start - next.arrive >= rules.rest_s {
                rests.push((next.site, next.arrive, next.start));
                since_rest = 0;
            }
            own.push(next);
        }
        let end = own.last().expect("at least the base").depart;
        let within = end <= who.window.to_s
            && driven <= rules.drive_day_s
            && who.range_m.is_none_or(|range| metres <= range)
            && number < day.county.vehicle(who.vehicle).trips_max as usize
            && self.keeps_promises(&own);
        if !within {
            return Err(who.base);
        }
        Ok((TimedTrip { crew, number, band, layout: trip.layout, visits: own, rests }, since_rest))
    }

    /// Whether nothing with a hard promise is handed over too late.
    fn keeps_promises(&self, visits: &[TimedVisit]) -> bool {
        visits.iter().all(|visit| {
            visit.drop.iter().all(|&load| {
                let cargo = &self.cargo[load as usize];
                let there = cargo.destination == visit.site;
                let agreed = cargo.window.is_none_or(|w| {
                    let far_end =
                        if cargo.origin == self.day.county.hub { cargo.destination } else { cargo.origin };
                    far_end != visit.site || w.holds(visit.start, visit.finish)
                });
                (!there || !cargo.hard || visit.finish <= cargo.due_s) && agreed
            }) && visit.pick.iter().all(|&load| {
                let cargo = &self.cargo[load as usize];
                visit.site == self.day.county.hub
                    || cargo.origin != visit.site
                    || cargo.window.is_none_or(|w| w.holds(visit.start, visit.finish))
            })
        })
    }

    /// Handling at a site: waits for what boards, for the hours and for a dock.
    fn visit(
        &self,
        task: &Task<'_>,
        arrive: i64,
        leg: (i64, i64),
        stop: &Stop,
    ) -> Result<TimedVisit, SiteId> {
        let (day, ready, (leg_s, leg_m)) = (self.day, task.ready, leg);
        let site = day.county.site(stop.site);
        let mut visit = TimedVisit {
            site: stop.site,
            arrive,
            start: arrive,
            finish: arrive,
            depart: arrive,
            leg_s,
            leg_m,
            dock: None,
            drop: stop.drop.clone(),
            pick: stop.pick.clone(),
            ready: arrive,
        };
        if stop.drop.is_empty() && stop.pick.is_empty() {
            return Ok(visit);
        }
        let handled: i64 = stop.drop.iter().chain(&stop.pick).map(|&l| self.cargo[l as usize].handled).sum();
        let length = site.stop_s(handled);
        visit.ready = stop.pick.iter().map(|&l| ready[l as usize].unwrap_or(0)).max().unwrap_or(0);
        let agreed = self.agreed_from(stop);
        let mut at = arrive.max(visit.ready).max(agreed);
        // Hours and docks push each other; both only later, so this ends.
        loop {
            let open = day.open_from(stop.site, !stop.pick.is_empty(), at, length).ok_or(stop.site)?;
            let (free, dock) = task.docks.free_from(stop.site, open, length);
            if free == open {
                visit.start = open;
                visit.dock = dock;
                break;
            }
            at = free;
        }
        visit.finish = visit.start + length;
        visit.depart = visit.finish;
        Ok(visit)
    }

    /// First moment of the hours agreed with those served at this stop.
    fn agreed_from(&self, stop: &Stop) -> i64 {
        if stop.site == self.day.county.hub {
            return 0;
        }
        let ends = |load: u32| {
            let c = &self.cargo[load as usize];
            c.window.filter(|_| c.destination == stop.site || c.origin == stop.site)
        };
        stop.drop.iter().chain(&stop.pick).filter_map(|&l| ends(l)).map(|w| w.from_s).max().unwrap_or(0)
    }

    fn hand_over(
        &self,
        trip: &TimedTrip,
        timing: &mut Timing,
        ready: &mut [Option<i64>],
        done: &mut [usize],
    ) {
        for visit in &trip.visits {
            for &load in &visit.drop {
                let l = load as usize;
                if timing.rides[l].is_empty() {
                    continue;
                }
                done[l] += 1;
                if self.cargo[l].destination == visit.site {
                    timing.arrives[l] = Some(visit.finish);
                } else {
                    ready[l] = Some(visit.finish + self.crossing_s(visit.site, load));
                }
            }
        }
    }
}
