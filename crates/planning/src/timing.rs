//! The exact timing of a draft: visits are placed one after another as soon as what they take on can be there, each at
//! a free dock, within hours and shifts, with the rests that the driving-time rule asks for.
//!
//! List scheduling over the precedence of both tiers, earliest visit first. A stop that cannot be made is skipped and
//! reported, so that a timing is always a day that can be driven; what was not handed over counts as not served. At the
//! end crews begin as late as their first wait allows, so that nobody is paid for waiting.

mod parts;
mod setup;

use crate::consolidate::Cargo;
use crate::day::Day;
use crate::draft::{Draft, Ride, Stop};
use crate::rooms::Setup;
use std::collections::BTreeMap;
use xiangyun_model::id::SiteId;

/// Rounds wait longer than trucks, by more than any day is long.
const ROUND_PATIENCE_S: i64 = 1 << 40;

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
    /// How the vehicle is set up.
    pub setup: Setup,
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

/// Why a stop of a draft was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No time within hours, shift, range or promise.
    Time,
    /// More than a compartment or the payload holds; the whole trip falls away.
    Room,
    /// Waits for a load that nobody brings in time.
    Missing,
}

/// A stop, or a trip, that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The crew.
    pub crew: usize,
    /// The trip.
    pub trip: usize,
    /// Where.
    pub site: SiteId,
    /// Why.
    pub cause: Cause,
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

/// A crew on its day.
struct Clock {
    trip: usize,
    stop: usize,
    /// Stops of the trip under way, the base first and last.
    stops: Vec<Stop>,
    setup: Setup,
    visits: Vec<TimedVisit>,
    rests: Vec<(SiteId, i64, i64)>,
    band: usize,
    free: i64,
    since_rest: i64,
    driven: i64,
    metres: i64,
    begun: usize,
}

/// Everything that changes while a draft is timed.
struct Run {
    timing: Timing,
    ready: Vec<Option<i64>>,
    done: Vec<u8>,
    aboard: Vec<u32>,
    docks: Docks,
    clocks: Vec<Clock>,
}

impl Timer<'_> {
    /// Times a whole draft.
    #[must_use]
    pub fn time(&self, draft: &Draft) -> Timing {
        let mut run = self.begin(draft);
        self.ride_lines(draft, &mut run.timing, &mut run.ready, &mut run.done);
        for crew in 0..run.clocks.len() {
            self.open_trip(draft, crew, &mut run);
        }
        loop {
            let mut best: Option<(i64, usize)> = None;
            let mut blocked: Option<(i64, usize)> = None;
            for (crew, clock) in run.clocks.iter().enumerate() {
                if clock.stops.is_empty() {
                    continue;
                }
                let (mut at, free) = match self.parts_at(crew, clock, &run) {
                    Some(arrives) => (arrives, true),
                    None => self.next_at(crew, clock, &run),
                };
                if !free && !self.day.crews[crew].trunk {
                    // When all wait for each other a truck goes without what a round would bring it, not the round
                    // without all that the truck has for it.
                    at += ROUND_PATIENCE_S;
                }
                let slot = if free { &mut best } else { &mut blocked };
                if slot.is_none_or(|(least, _)| at < least) {
                    *slot = Some((at, crew));
                }
            }
            match (best, blocked) {
                (Some((_, crew)), _) => {
                    self.part(crew, &mut run);
                    self.advance(draft, crew, &mut run);
                }
                (None, Some((_, crew))) => self.give_up_waiting(crew, &mut run),
                (None, None) => break,
            }
        }
        let mut timing = run.timing;
        self.begin_late(&mut timing);
        timing.trips.sort_by_key(|t| (t.visits[0].start, t.crew));
        for visit in timing.trips.iter().flat_map(|t| &t.visits) {
            for &load in &visit.drop {
                let arrives = &mut timing.arrives[load as usize];
                if arrives.is_some() && self.cargo[load as usize].destination == visit.site {
                    *arrives = Some(visit.finish);
                }
            }
        }
        self.refuse_spoiled(draft, &mut timing);
        timing
    }

    fn begin(&self, draft: &Draft) -> Run {
        let county = self.day.county;
        let rides = draft.rides(
            self.cargo,
            |crew| self.day.crews[crew].base,
            |line, stop| county.line_trips[line].stops[stop].site,
        );
        let clock = |free: i64| Clock {
            trip: 0,
            stop: 0,
            stops: Vec::new(),
            setup: Setup::default(),
            visits: Vec::new(),
            rests: Vec::new(),
            band: 0,
            free,
            since_rest: 0,
            driven: 0,
            metres: 0,
            begun: 0,
        };
        Run {
            timing: Timing { rides, arrives: vec![None; self.cargo.len()], ..Timing::default() },
            ready: self.cargo.iter().map(|c| Some(c.release_s)).collect(),
            done: vec![0; self.cargo.len()],
            aboard: vec![0; self.cargo.len()],
            docks: Docks::new(self.day),
            clocks: self.day.crews.iter().map(|c| clock(c.window.from_s)).collect(),
        }
    }

    /// Lays out the next trip of a crew that its vehicle can hold.
    fn open_trip(&self, draft: &Draft, crew: usize, run: &mut Run) {
        let base = self.day.crews[crew].base;
        let clock = &mut run.clocks[crew];
        clock.stops.clear();
        while let Some(trip) = draft.days.get(crew).and_then(|d| d.get(clock.trip)) {
            let boarding = trip.boarding();
            let most = self.day.county.vehicle(self.day.crews[crew].vehicle).trips_max as usize;
            let cause = if clock.begun >= most { Cause::Time } else { Cause::Room };
            if clock.begun >= most || !self.has_room(crew, trip, &boarding) {
                run.timing.clashes.push(Clash { crew, trip: clock.trip, site: base, cause });
                clock.trip += 1;
                continue;
            }
            clock.stops.push(Stop { site: base, drop: Vec::new(), pick: boarding });
            clock.stops.extend(trip.stops.iter().cloned());
            clock.stops.push(Stop { site: base, drop: trip.arriving(), pick: Vec::new() });
            clock.setup = trip.setup;
            clock.stop = 0;
            return;
        }
    }

    /// When the next visit of a crew could begin, and whether all that it takes on is there.
    fn next_at(&self, crew: usize, clock: &Clock, run: &Run) -> (i64, bool) {
        let stop = &clock.stops[clock.stop];
        let mut at = clock.free;
        if let Some(last) = clock.visits.last() {
            let leg = self.day.travel.leg(
                self.day.crews[crew].profile,
                clock.band,
                last.site.index(),
                stop.site.index(),
            );
            at = last.depart + leg.map_or(0, |(s, _)| s);
        }
        let mut free = true;
        for &load in &stop.pick {
            if self.waits_for(load, crew, clock.trip, run) {
                free = false;
            } else if let Some(ready) = run.ready[load as usize] {
                at = at.max(ready);
            }
        }
        (at, free)
    }

    /// Whether a load is still to be brought by another trip before this one can take it on.
    fn waits_for(&self, load: u32, crew: usize, trip: usize, run: &Run) -> bool {
        let l = load as usize;
        let here =
            run.timing.rides[l].iter().position(|r| r.crew == Some(crew as u32) && r.trip as usize == trip);
        here.is_some_and(|leg| usize::from(run.done[l]) < leg)
    }

    /// Nothing moves any more: the crew that would be first goes without what never came.
    fn give_up_waiting(&self, crew: usize, run: &mut Run) {
        let (trip, at) = (run.clocks[crew].trip, run.clocks[crew].stop);
        let stop = run.clocks[crew].stops[at].clone();
        let keep: Vec<u32> =
            stop.pick.iter().copied().filter(|&l| !self.waits_for(l, crew, trip, run)).collect();
        run.timing.clashes.push(Clash { crew, trip, site: stop.site, cause: Cause::Missing });
        run.clocks[crew].stops[at].pick = keep;
    }

    /// Makes, or skips, the next visit of a crew.
    fn advance(&self, draft: &Draft, crew: usize, run: &mut Run) {
        let mine = crew as u32 + 1;
        let clock = &run.clocks[crew];
        let mut stop = clock.stops[clock.stop].clone();
        stop.drop.retain(|&l| run.aboard[l as usize] == mine);
        stop.pick.retain(|&l| {
            run.aboard[l as usize] == 0
                && (run.timing.rides[l as usize].is_empty() || run.ready[l as usize].is_some())
        });
        let (first, last) = (clock.stop == 0, clock.stop + 1 == clock.stops.len());
        let idle = stop.drop.is_empty() && stop.pick.is_empty();
        let mut made =
            if idle && !first && !last { Ok(None) } else { self.try_visit(crew, &stop, run).map(Some) };
        if let (true, Err(site)) = (first || last, &made) {
            // Its base has no time left for the goods; the trip begins and ends there all the same.
            run.timing.clashes.push(Clash { crew, trip: clock.trip, site: *site, cause: Cause::Time });
            let empty = Stop { site: stop.site, drop: Vec::new(), pick: Vec::new() };
            made = self.try_visit(crew, &empty, run).map(Some);
        }
        let clock = &mut run.clocks[crew];
        match made {
            Ok(Some((visit, rest, band))) => {
                if let Some((site, from, to)) = rest {
                    if to - from >= self.day.county.rules.rest_s {
                        clock.rests.push((site, from, to));
                        clock.since_rest = 0;
                    }
                    if let Some(before) = clock.visits.last_mut().filter(|b| b.depart < to && b.site == site)
                    {
                        before.depart = to;
                    }
                }
                if visit.start - visit.arrive >= self.day.county.rules.rest_s && clock.since_rest > 0 {
                    clock.rests.push((visit.site, visit.arrive, visit.start));
                    clock.since_rest = 0;
                } else {
                    clock.since_rest += visit.leg_s;
                }
                clock.driven += visit.leg_s;
                clock.metres += visit.leg_m;
                clock.band = band;
                run.docks.book(&visit);
                for &load in &visit.pick {
                    run.aboard[load as usize] = mine;
                }
                for &load in &visit.drop {
                    self.hand_over(load, &visit, run);
                }
                run.clocks[crew].visits.push(visit);
            }
            Ok(None) => {}
            Err(site) => {
                let trip = clock.trip;
                run.timing.clashes.push(Clash { crew, trip, site, cause: Cause::Time });
            }
        }
        run.clocks[crew].stop += 1;
        if last {
            self.close_trip(crew, run);
            self.open_trip(draft, crew, run);
        }
    }

    /// A trip is over: it counts if it went anywhere.
    fn close_trip(&self, crew: usize, run: &mut Run) {
        let clock = &mut run.clocks[crew];
        let visits = std::mem::take(&mut clock.visits);
        let rests = std::mem::take(&mut clock.rests);
        for load in &mut run.aboard {
            if *load == crew as u32 + 1 {
                *load = 0;
            }
        }
        if visits.len() > 2 {
            clock.free = visits[visits.len() - 1].depart;
            clock.begun += 1;
            let (number, band, setup) = (clock.trip, clock.band, clock.setup);
            run.timing.trips.push(TimedTrip { crew, number, band, setup, visits, rests });
        }
        clock.trip += 1;
    }

    /// Places one visit after the crew's last, with a pause before it if driving on would break the driving rule or come
    /// to the site while the calendar keeps the vehicle out.
    #[allow(clippy::type_complexity)] // the visit, the pause before it, the band of the trip
    fn try_visit(
        &self,
        crew: usize,
        stop: &Stop,
        run: &Run,
    ) -> Result<(TimedVisit, Option<(SiteId, i64, i64)>, usize), SiteId> {
        let (day, who, clock) = (self.day, &self.day.crews[crew], &run.clocks[crew]);
        let rules = &day.county.rules;
        let Some(last) = clock.visits.last() else {
            let mut free = clock.free;
            let mut visit = self.visit(free, (0, 0), stop, run)?;
            while let Some(limit) = day.kept_out(crew, stop.site, visit.start, visit.depart) {
                free = limit.to_s;
                visit = self.visit(free, (0, 0), stop, run)?;
            }
            // The first trip begins when its vehicle can be loaded; between trips the crew is there anyway.
            visit.arrive = if clock.begun == 0 { visit.start } else { free };
            let band = day.travel.band(who.profile, visit.depart);
            return Ok((visit, None, band));
        };
        let leg =
            |from: SiteId, to: SiteId| day.travel.leg(who.profile, clock.band, from.index(), to.index());
        let (leg_s, leg_m) = leg(last.site, stop.site).ok_or(stop.site)?;
        let tired = clock.since_rest + leg_s > rules.drive_max_s;
        let mut rest = tired.then_some((last.site, last.depart, last.depart + rules.rest_s));
        let arrive = rest.map_or(last.depart, |(_, _, to)| to) + leg_s;
        let mut visit = self.visit(arrive, (leg_s, leg_m), stop, run)?;
        while let Some(limit) = day.kept_out(crew, stop.site, visit.arrive, visit.depart) {
            let to = limit.to_s - leg_s;
            if day.kept_out(crew, last.site, last.arrive, to).is_some() {
                return Err(stop.site);
            }
            rest = Some((last.site, last.depart, to));
            visit = self.visit(limit.to_s, (leg_s, leg_m), stop, run)?;
        }
        let home = if stop.site == who.base { (0, 0) } else { leg(stop.site, who.base).ok_or(stop.site)? };
        let base = day.county.site(who.base);
        let brings = if stop.site == who.base { 0 } else { base.service_s };
        let within = visit.depart + home.0 + brings <= who.window.to_s
            && clock.driven + leg_s + home.0 <= rules.drive_day_s
            && who.range_m.is_none_or(|range| clock.metres + leg_m + home.1 <= range)
            && self.keeps_promises(&visit);
        if within || (stop.site == who.base && stop.drop.is_empty()) {
            Ok((visit, rest, clock.band))
        } else {
            Err(stop.site)
        }
    }

    fn crossing_s(&self, site: SiteId, load: u32) -> i64 {
        self.day.county.site(site).crossing_s(self.cargo[load as usize].handled)
    }

    /// Whether nothing with a hard promise is handed over too late, and agreed hours are kept.
    fn keeps_promises(&self, visit: &TimedVisit) -> bool {
        let agreed = |load: u32| {
            let cargo = &self.cargo[load as usize];
            let far_end = if cargo.origin == self.day.county.hub { cargo.destination } else { cargo.origin };
            far_end != visit.site || cargo.window.is_none_or(|w| w.holds(visit.start, visit.finish))
        };
        let in_time = |load: u32| {
            let cargo = &self.cargo[load as usize];
            cargo.destination != visit.site || !cargo.hard || visit.finish <= cargo.due_s
        };
        visit.drop.iter().all(|&l| in_time(l) && agreed(l)) && visit.pick.iter().all(|&l| agreed(l))
    }

    /// Handling at a site: waits for what boards, for the hours and for a dock.
    fn visit(&self, arrive: i64, leg: (i64, i64), stop: &Stop, run: &Run) -> Result<TimedVisit, SiteId> {
        let mut visit = TimedVisit {
            site: stop.site,
            arrive,
            start: arrive,
            finish: arrive,
            depart: arrive,
            leg_s: leg.0,
            leg_m: leg.1,
            dock: None,
            drop: stop.drop.clone(),
            pick: stop.pick.clone(),
            ready: arrive,
        };
        if stop.drop.is_empty() && stop.pick.is_empty() {
            return Ok(visit);
        }
        let handled: i64 = stop.drop.iter().chain(&stop.pick).map(|&l| self.cargo[l as usize].handled).sum();
        let length = self.day.county.site(stop.site).stop_s(handled);
        visit.ready = stop.pick.iter().map(|&l| run.ready[l as usize].unwrap_or(0)).max().unwrap_or(0);
        let mut at = arrive.max(visit.ready).max(self.agreed_from(stop));
        // Hours and docks push each other; both only later, so this ends.
        loop {
            let open = self.day.open_from(stop.site, !stop.pick.is_empty(), at, length).ok_or(stop.site)?;
            let (free, dock) = run.docks.free_from(stop.site, open, length);
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

    /// Loads that would be too long out of their band or on the way are not served by this draft.
    fn refuse_spoiled(&self, draft: &Draft, timing: &mut Timing) {
        timing.out_of_band_s = vec![0; self.cargo.len()];
        // Loads that a line carries ride in an ordinary hold all the way from their origin to their destination.
        let by_line: BTreeMap<u32, (i64, i64)> = draft
            .lines
            .iter()
            .flat_map(|(&line, of)| of.rides.iter().map(move |ride| (line, ride)))
            .map(|(line, &(load, from, to))| {
                let stops = &self.day.county.line_trips[line].stops;
                (load, (stops[from].arrive_s, stops[to].depart_s))
            })
            .collect();
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
            let by_road = timing.rides[l].iter().filter(|r| r.crew.is_some()).count();
            if timing.arrives[l].is_none() || !limited || boards[l].len() != by_road {
                continue;
            }
            let (mut out_s, mut left_s) = (0, None);
            let mut begun_s = None;
            // A load boards and leaves once a trip, so both lists name the same trips; a truck that fetches what a
            // round brings may have set out before that round.
            let mut legs: Vec<(usize, usize, usize)> =
                boards[l].iter().zip(&leaves[l]).map(|(&(t, b), &(_, e))| (t, b, e)).collect();
            legs.sort_by_key(|&(t, b, _)| timing.trips[t].visits[b].start);
            for (t, b, e) in legs {
                let trip = &timing.trips[t];
                let (on, off) = (&trip.visits[b], &trip.visits[e]);
                let kept = self.day.county.site(on.site).store_cold_cm3 > 0;
                if let Some(left) = left_s.filter(|_| !kept && self.day.county.band(cargo.band).cold) {
                    out_s += on.start - left;
                }
                if !self.rides_in_band(trip.crew, trip.setup, cargo) {
                    out_s += off.finish - on.start;
                }
                begun_s = begun_s.or(Some(on.start));
                left_s = Some(off.finish);
            }
            if let Some((on_s, off_s)) = by_line.get(&(l as u32)) {
                (out_s, begun_s, left_s) = (off_s - on_s, Some(*on_s), Some(*off_s));
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

    /// Loads on lines leave and arrive by the timetable, provided they are ready in time.
    fn ride_lines(&self, draft: &Draft, timing: &mut Timing, ready: &mut [Option<i64>], done: &mut [u8]) {
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
                let at = departure.stops[to].depart_s;
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

    fn hand_over(&self, load: u32, visit: &TimedVisit, run: &mut Run) {
        let l = load as usize;
        run.aboard[l] = 0;
        if run.timing.rides[l].is_empty() {
            return;
        }
        run.done[l] += 1;
        if self.cargo[l].destination == visit.site {
            run.timing.arrives[l] = Some(visit.finish);
        } else {
            run.ready[l] = Some(visit.finish + self.crossing_s(visit.site, load));
        }
    }

    /// Lets first trips begin later where they would only wait, as far as nobody else is touched by it.
    fn begin_late(&self, timing: &mut Timing) {
        let mut boards: Vec<Vec<(usize, i64)>> = vec![Vec::new(); self.cargo.len()];
        let mut docks: BTreeMap<(SiteId, u32), Vec<i64>> = BTreeMap::new();
        for (t, trip) in timing.trips.iter().enumerate() {
            for visit in &trip.visits {
                visit.pick.iter().for_each(|&l| boards[l as usize].push((t, visit.start)));
                if let Some(dock) = visit.dock {
                    docks.entry((visit.site, dock)).or_default().push(visit.start);
                }
            }
        }
        docks.values_mut().for_each(|starts| starts.sort_unstable());
        let mut driven = vec![0; self.day.crews.len()];
        timing.trips.iter().for_each(|t| driven[t.crew] += t.drive_s());
        for trip in &mut timing.trips {
            // Who drives so little all day needs no rest, and waits need not count as one.
            if driven[trip.crew] <= self.day.county.rules.drive_max_s {
                trip.rests.clear();
            }
        }
        for t in 0..timing.trips.len() {
            let first = !timing
                .trips
                .iter()
                .any(|o| o.crew == timing.trips[t].crew && o.number < timing.trips[t].number);
            if !first {
                continue;
            }
            while let Some((until, by)) = self.can_shift(t, &timing.trips[t], &boards, &docks) {
                let trip = &mut timing.trips[t];
                for visit in &mut trip.visits[..until] {
                    if let Some(dock) = visit.dock {
                        let starts = docks.get_mut(&(visit.site, dock)).expect("it is booked");
                        let at = starts.partition_point(|&s| s < visit.start);
                        starts[at] += by;
                    }
                    visit.arrive += by;
                    visit.start += by;
                    visit.finish += by;
                    visit.depart += by;
                }
                trip.visits[until].arrive += by;
                if trip.visits[until].drop.is_empty() && trip.visits[until].pick.is_empty() {
                    break;
                }
            }
        }
    }

    /// The first wait of a trip and by how much what comes before it can move into it.
    fn can_shift(
        &self,
        t: usize,
        trip: &TimedTrip,
        boards: &[Vec<(usize, i64)>],
        docks: &BTreeMap<(SiteId, u32), Vec<i64>>,
    ) -> Option<(usize, i64)> {
        let until = (1..trip.visits.len()).find(|&v| trip.visits[v].start - trip.visits[v].arrive >= 60)?;
        let mut by = trip.visits[until].start - trip.visits[until].arrive;
        if trip.rests.iter().any(|&(_, from, _)| from <= trip.visits[until].start) {
            return None;
        }
        for visit in &trip.visits[..until] {
            let collects = !visit.pick.is_empty();
            let windows = if collects { &self.day.staffed } else { &self.day.windows };
            let closes = windows[visit.site.index()].iter().find(|w| w.holds(visit.start, visit.finish))?;
            by = by.min(closes.to_s - visit.finish);
            if self.day.kept_out(trip.crew, visit.site, visit.arrive, visit.depart + by).is_some() {
                return None;
            }
            if let Some(dock) = visit.dock {
                let starts = &docks[&(visit.site, dock)];
                if let Some(&next) = starts.get(starts.partition_point(|&s| s <= visit.start)) {
                    by = by.min(next - visit.finish);
                }
            }
            for &load in &visit.drop {
                let cargo = &self.cargo[load as usize];
                if cargo.destination == visit.site {
                    by = by.min(cargo.due_s - visit.finish);
                } else if let Some(&(_, next)) =
                    boards[load as usize].iter().find(|&&(o, s)| o != t && s >= visit.finish)
                {
                    by = by.min(next - visit.finish - self.crossing_s(visit.site, load));
                }
                by = by.min(cargo.window.map_or(i64::MAX, |w| w.to_s - visit.finish));
            }
            for &load in &visit.pick {
                by = by.min(self.cargo[load as usize].window.map_or(i64::MAX, |w| w.to_s - visit.finish));
            }
        }
        (by >= 60).then_some((until, by))
    }
}
