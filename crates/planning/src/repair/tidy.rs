//! The tidy-up: orders that came one by one each took their cheapest place and moved nobody; afterwards a few planned stops
//! may move so that all of it costs less.
//!
//! The plan under way is improved by small changes, each timed exactly over both tiers: loads that go the same way become one,
//! trips are dissolved and the stops of trunk trips given to other trips, villages are planned anew. A change stays when it
//! makes the whole plan cheaper, the stops moved so far stay within the budget and the checker finds nothing more broken.
//! What is done, under way, being loaded, driven to or locked stays; promises that have a price may be passed by
//! [`TIDY_LATE_S`] at most, at that price.

use super::edit::{self, Trial};
use super::manual::unlocked;
use super::ways::{Board, Way};
use super::{NoOffer, Offer, Running, fresh, join, together};
use crate::fast::Map;
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::plan::{Load, Plan, Trip, TripKind, Visit, VisitLock};

/// Stops ahead that a tidy-up may move, in thousandths.
pub const TIDY_MOVED_PM: u32 = 100;
/// Seconds by which a tidy-up may have a promise passed that has a price.
pub const TIDY_LATE_S: i64 = 1_800;
/// A trip that has not begun is not called out sooner than this from now, unless it is planned so.
const NOTICE_S: i64 = 1_800;
/// Ways of one group of loads that are timed.
const WAYS_TRIED: usize = 3;
/// Loads that one load is tried to be joined to.
const JOINS_TRIED: usize = 2;
/// Detours that are looked at, the dearest first.
const DETOURS: usize = 12;
/// Villages that are moved, one at a time, to make room for what a detour is made for.
const EASED: usize = 16;
/// Groups of loads that one change may take off their rides.
const GROUPS_MAX: usize = 24;
/// Work of a tidy-up: timings times the size of what is timed.
const WORK: usize = 10_000_000;
/// Timings of a tidy-up, however large or small the plan is.
const TIMINGS_MIN: usize = 50;
/// The same.
const TIMINGS_MAX: usize = 3_000;
/// Villages near a village that are planned anew together with it.
const NEAR: usize = 2;

/// How far a tidy-up may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TidyUp {
    /// Stops of the plan that the day began with that it may move; none is [`TIDY_MOVED_PM`] of those ahead. Stops that
    /// new orders brought do not count here; [`Offer::moved_stops`] tells all.
    pub moved_max: Option<u32>,
    /// Timings of the whole day that it may take.
    pub timings: usize,
}

impl TidyUp {
    /// Goes as far in about two seconds as a plan of this size allows; its size alone says how far.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let visits: usize = plan.trips.iter().map(|t| t.visits.len()).sum();
        let size =
            20 * visits + 2 * plan.loads.len() + plan.loads.iter().map(|l| l.orders.len()).sum::<usize>();
        Self { moved_max: None, timings: (WORK / size.max(1)).clamp(TIMINGS_MIN, TIMINGS_MAX) }
    }
}

impl Running {
    /// Some planned stops move so that the day costs less.
    ///
    /// # Errors
    /// [`NoOffer::Nothing`] when nothing cheaper was found.
    pub fn tidy_up(&self, limits: &TidyUp, locks: &[VisitLock]) -> Result<Offer, NoOffer> {
        let own = self.plan.trips.iter().filter(|t| t.kind != TripKind::Line).flat_map(|t| &t.visits);
        let ahead = |v: &&Visit| self.first.contains(&v.id) && !self.progress.visits.contains_key(&v.id);
        let stops = u32::try_from(own.filter(ahead).count()).unwrap_or(u32::MAX);
        let share = u64::from(stops) * u64::from(TIDY_MOVED_PM) / 1_000;
        let most = limits.moved_max.unwrap_or(u32::try_from(share).unwrap_or(u32::MAX));
        let mut best = self.trial();
        best.retime_within(&self.inputs, &self.progress, &self.names, TIDY_LATE_S);
        let fen = self.costs().total_fen;
        let mut tidy = Tidy {
            day: self,
            locks,
            most,
            left: limits.timings,
            still: self.still(),
            best,
            fen,
            found: false,
        };
        while tidy.left > 0 && tidy.round() {}
        if !tidy.found {
            return Err(NoOffer::Nothing { tried: limits.timings - tidy.left });
        }
        let mut trial = tidy.best;
        trial.retime(&self.inputs, &self.progress, &self.names);
        self.offer(&trial, Vec::new(), 0)
    }

    /// Visits that stay as they are: reached, driven to, or being loaded.
    fn still(&self) -> BTreeSet<String> {
        let mut still = BTreeSet::new();
        for trip in &self.plan.trips {
            let out = self.progress.broken.contains(&trip.vehicle);
            let last = trip.visits.iter().rposition(|v| self.progress.visits.contains_key(&v.id));
            let until = match last {
                _ if out => trip.visits.len(),
                Some(v) if self.progress.visits[&trip.visits[v].id].left.is_some() => v + 2,
                Some(v) => v + 1,
                None => {
                    let begun = |t: &Trip| t.visits[0].start <= self.progress.now && self.progress.now > 0;
                    usize::from(!trip.visits.is_empty() && begun(trip))
                }
            };
            still.extend(trip.visits.iter().take(until).map(|v| v.id.clone()));
        }
        still
    }
}

/// A tidy-up under way.
struct Tidy<'a> {
    day: &'a Running,
    locks: &'a [VisitLock],
    most: u32,
    /// Timings that may still be made.
    left: usize,
    still: BTreeSet<String>,
    best: Trial,
    fen: i64,
    found: bool,
}

impl Tidy<'_> {
    /// Every kind of change once at every place; gives whether any was kept.
    fn round(&mut self) -> bool {
        let before = self.fen;
        self.join_loads();
        self.spare_detours();
        self.dissolve_trips();
        self.hand_stops_on();
        self.plan_villages_anew();
        self.fen < before
    }

    fn time(&mut self, trial: &mut Trial) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let day = self.day;
        trial.retime_within(&day.inputs, &day.progress, &day.names, TIDY_LATE_S).is_empty()
    }

    /// Keeps a change if it is cheaper, within the budget and sound.
    fn keep(&mut self, mut trial: Trial) -> bool {
        let day = self.day;
        trial.prune(&day.progress);
        self.begin_soon(&mut trial);
        if !self.time(&mut trial) {
            return false;
        }
        if self.begin_late(&mut trial) && !self.time(&mut trial) {
            return false;
        }
        let fen = day.bill(&trial.plan).total_fen;
        let cheaper = fen < self.fen
            && self.moves_few(&trial.plan)
            && unlocked(&day.plan, &trial.plan, self.locks).is_none()
            && day.news(&trial.plan).is_no_worse_than(day.before());
        if cheaper {
            (self.best, self.fen, self.found) = (trial, fen, true);
        }
        cheaper
    }

    /// Stops of the day's first plan count against the budget; all that change, against the county's own limit.
    fn moves_few(&self, plan: &Plan) -> bool {
        let day = self.day;
        let moved = edit::moved_among(&day.plan, plan, &day.progress, |v| day.first.contains(v));
        let all = || edit::moved_stops(&day.plan, plan, &day.progress);
        moved <= self.most && day.moved_max.is_none_or(|most| all() <= most)
    }

    /// Whether a trip does other things than before: the begin of all others stays.
    fn is_changed(&self, trip: &Trip) -> bool {
        let same = |(a, b): (&Visit, &Visit)| a.id == b.id && a.load == b.load && a.unload == b.unload;
        self.day.plan.trip(&trip.id).is_none_or(|old| {
            old.visits.len() != trip.visits.len() || !old.visits.iter().zip(&trip.visits).all(same)
        })
    }

    /// Whether a trip has not begun, so that its begin may move.
    fn waits(&self, trip: &Trip) -> bool {
        trip.kind != TripKind::Line && trip.visits.first().is_some_and(|v| !self.still.contains(&v.id))
    }

    /// Changed trips that have not begun may begin as soon as their crews can.
    fn begin_soon(&self, trial: &mut Trial) {
        let day = self.day;
        let county = &day.inputs.county;
        let soonest = if day.progress.now > 0 { day.progress.now + NOTICE_S } else { i64::MIN };
        for trip in trial.plan.trips.iter_mut().filter(|t| self.waits(t) && self.is_changed(t)) {
            let vehicle = day.names.vehicles.get(&trip.vehicle).map(|&i| county.vehicles[i].available.from_s);
            let driver = trip.driver.as_ref().and_then(|d| day.names.drivers.get(d));
            let shift = driver.map(|&i| county.drivers[i].shift.from_s);
            let from = vehicle.unwrap_or(i64::MIN).max(shift.unwrap_or(i64::MIN)).max(soonest);
            let first = &mut trip.visits[0];
            first.arrive = first.arrive.min(from.max(0));
        }
    }

    /// Crews of changed trips that would wait at their first stops begin that much later; gives whether any does.
    fn begin_late(&self, trial: &mut Trial) -> bool {
        let mut any = false;
        for trip in
            trial.plan.trips.iter_mut().filter(|t| t.number == 1 && self.waits(t) && self.is_changed(t))
        {
            let Some(at) = trip.visits.iter().skip(1).position(|v| v.start > v.arrive) else { continue };
            let wait = trip.visits[at + 1].start - trip.visits[at + 1].arrive;
            let room = trip.visits[..=at].iter().map(|v| v.latest - v.start).min().unwrap_or(0);
            let by = wait.min(room);
            if by > 0 {
                trip.visits[0].arrive += by;
                any = true;
            }
        }
        any
    }

    /// First leg of a load that may still be another.
    fn free_from(&self, load: &Load) -> Option<usize> {
        let free = |at: usize| {
            let leg = &load.legs[at];
            !self.still.contains(&leg.from) && !self.still.contains(&leg.to)
        };
        let first = (0..load.legs.len()).find(|&at| !self.still.contains(&load.legs[at].from))?;
        (first..load.legs.len()).all(free).then_some(first)
    }

    /// Takes loads off the rides that may still be others; gives those taken off.
    fn take_off(&self, trial: &mut Trial, chosen: &BTreeSet<String>) -> Vec<String> {
        let mut off: Map<(String, String), ()> = Map::default();
        let mut taken = Vec::new();
        for load in trial.plan.loads.iter_mut().filter(|l| chosen.contains(&l.id)) {
            let Some(first) = self.free_from(load) else { continue };
            for leg in load.legs.split_off(first) {
                off.insert((leg.from, load.id.clone()), ());
                off.insert((leg.to, load.id.clone()), ());
            }
            taken.push(load.id.clone());
        }
        let gone: BTreeSet<&str> = taken.iter().map(String::as_str).collect();
        for visit in trial.plan.trips.iter_mut().flat_map(|t| &mut t.visits) {
            let id = visit.id.clone();
            let stays = |load: &String| {
                !gone.contains(load.as_str()) || !off.contains_key(&(id.clone(), load.clone()))
            };
            visit.load.retain(|h| stays(&h.load));
            visit.unload.retain(|h| stays(&h.load));
        }
        trial.prune(&self.day.progress);
        taken
    }

    /// Takes loads off and gives each its cheapest way anew; keeps the result if it is better.
    fn anew(&mut self, chosen: &BTreeSet<String>, first: First) -> bool {
        let mut trial = self.best.clone();
        let taken = self.take_off(&mut trial, chosen);
        if taken.is_empty() || self.groups(&trial.plan, &taken).len() > GROUPS_MAX || !self.time(&mut trial) {
            return false;
        }
        let mut waiting = self.groups(&trial.plan, &taken);
        if first == First::Small {
            waiting.reverse();
        }
        while let Some(group) = waiting.pop() {
            match self.place(&trial, &group) {
                Some(next) => trial = next,
                None if group.len() > 1 => {
                    let (a, b) = group.split_at(group.len() / 2);
                    waiting.extend([b.to_vec(), a.to_vec()]);
                }
                None => return false,
            }
        }
        self.keep(trial)
    }

    /// Loads that stand together and go to one place; the most last.
    fn groups(&self, plan: &Plan, ids: &[String]) -> Vec<Vec<Load>> {
        let known: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let site: Map<&str, &str> =
            plan.trips.iter().flat_map(|t| &t.visits).map(|v| (v.id.as_str(), v.site.as_str())).collect();
        let mut groups: BTreeMap<(String, String, String, bool), Vec<Load>> = BTreeMap::new();
        for load in plan.loads.iter().filter(|l| known.contains(l.id.as_str())) {
            let last = load.legs.last().and_then(|leg| site.get(leg.to.as_str())).copied();
            let from = last.unwrap_or(&load.origin).to_owned();
            let key = (from, load.destination.clone(), load.band.clone(), load.hard);
            groups.entry(key).or_default().push(load.clone());
        }
        let mut groups: Vec<Vec<Load>> = groups.into_values().collect();
        groups.sort_by_key(|g| g.iter().map(|l| l.amount.cm3).sum::<i64>());
        groups
    }

    /// The cheapest way of a group that holds; a load by itself goes with another one that takes its way if it can.
    fn place(&mut self, trial: &Trial, group: &[Load]) -> Option<Trial> {
        let day = self.day;
        if let [load] = group
            && load.legs.is_empty()
            && (!load.sealed || load.release > day.progress.now)
        {
            let into = join::candidates(&trial.plan, load, &day.inputs, &day.progress, &day.names);
            for into in into.into_iter().take(JOINS_TRIED) {
                let mut next = trial.clone();
                join::join(&mut next, &into, &load.id, &day.inputs, &day.names);
                if self.time(&mut next) {
                    return Some(next);
                }
            }
        }
        let ways: Vec<Way> = {
            let board = Board::new(&trial.plan, &day.inputs, &day.progress, &day.names);
            board.ways(&together(group)).into_iter().take(WAYS_TRIED).collect()
        };
        ways.into_iter().find_map(|way| {
            let mut next = trial.clone();
            next.put_all(&way, group, &day.inputs, &day.names);
            self.time(&mut next).then_some(next)
        })
    }

    /// Loads of orders that came during the day go with others of their way that are not made up yet.
    fn join_loads(&mut self) {
        let mut open: Vec<String> =
            self.best.plan.loads.iter().filter(|l| fresh::is_of(l)).map(|l| l.id.clone()).collect();
        // What came last is joined to what was there.
        open.sort_by_key(|id| {
            let load = self.best.plan.loads.iter().find(|l| l.id == *id);
            load.map_or((0, id.clone()), |l| (l.orders.len(), id.clone()))
        });
        for id in open {
            if self.left == 0 {
                return;
            }
            let loads = &self.best.plan.loads;
            let (plan, day) = (&self.best.plan, self.day);
            let Some(load) = loads.iter().find(|l| l.id == id) else { continue };
            if !join::is_open(plan, load, &day.progress) {
                continue;
            }
            let others = join::candidates(plan, load, &day.inputs, &day.progress, &day.names);
            for other in others.into_iter().take(JOINS_TRIED) {
                let mut trial = self.best.clone();
                join::join(&mut trial, &other, &id, &self.day.inputs, &self.day.names);
                if self.keep(trial) {
                    break;
                }
            }
        }
    }

    /// What the dearest detours are made for rides otherwise; where the vans that pass are full, a village of theirs goes
    /// to another van to make room.
    fn spare_detours(&mut self) {
        for visit in self.detours() {
            let plan = &self.best.plan;
            let Some(stop) = plan.trips.iter().flat_map(|t| &t.visits).find(|v| v.id == visit) else {
                continue;
            };
            let chosen = handled(std::iter::once(stop));
            if self.left == 0 || self.anew(&chosen, First::Small) {
                continue;
            }
            for village in self.villages_beside(&chosen) {
                if self.left == 0 {
                    return;
                }
                let mut both = chosen.clone();
                let visits = self.best.plan.trips.iter().flat_map(|t| &t.visits);
                both.extend(handled(visits.filter(|v| v.site == village)));
                if self.anew(&both, First::Small) {
                    break;
                }
            }
        }
    }

    /// Stops that can still fall away, those first that would save most for every load.
    fn detours(&self) -> Vec<String> {
        let day = self.day;
        let county = &day.inputs.county;
        let mut found: Vec<(i64, &str)> = Vec::new();
        for trip in self.best.plan.trips.iter().filter(|t| t.kind != TripKind::Line) {
            let (Some(&vehicle), Some(profile)) =
                (day.names.vehicles.get(&trip.vehicle), day.inputs.travel.profile(&trip.profile))
            else {
                continue;
            };
            let driver = trip.driver.as_ref().and_then(|d| day.names.drivers.get(d));
            let hour_fen = driver.map_or(0, |&d| county.drivers[d].hour_fen);
            let leg = |a: &str, b: &str| {
                let (a, b) = (day.names.site(a).index(), day.names.site(b).index());
                if a == b { Some((0, 0)) } else { day.inputs.travel.leg(profile, trip.band as usize, a, b) }
            };
            for three in trip.visits.windows(3).filter(|three| !self.still.contains(&three[1].id)) {
                let [before, visit, after] = three else { continue };
                let Some((s, m)) = leg(&before.site, &after.site) else { continue };
                let seconds = visit.leg_s + after.leg_s - s + visit.finish - visit.start;
                let metres = visit.leg_m + after.leg_m - m;
                let fen = seconds * hour_fen / 3_600 + metres * county.vehicles[vehicle].km_fen / 1_000;
                let loads = i64::try_from(visit.load.len() + visit.unload.len()).unwrap_or(i64::MAX).max(1);
                found.push((-fen / loads, &visit.id));
            }
        }
        found.sort_unstable();
        found.into_iter().take(DETOURS).map(|(_, v)| v.to_owned()).collect()
    }

    /// Villages of the vans that pass the ends of some loads, those with most to carry first.
    fn villages_beside(&self, loads: &BTreeSet<String>) -> Vec<String> {
        let plan = &self.best.plan;
        let ends: BTreeSet<&str> = plan
            .loads
            .iter()
            .filter(|l| loads.contains(&l.id))
            .flat_map(|l| [l.origin.as_str(), l.destination.as_str()])
            .collect();
        let volume: Map<&str, i64> = plan.loads.iter().map(|l| (l.id.as_str(), l.amount.cm3)).collect();
        let mut found: BTreeMap<&str, i64> = BTreeMap::new();
        for trip in plan.trips.iter().filter(|t| matches!(t.kind, TripKind::Round | TripKind::Direct)) {
            let inner = inner(trip);
            if !inner.iter().any(|v| ends.contains(v.site.as_str())) {
                continue;
            }
            for visit in inner.iter().filter(|v| !self.still.contains(&v.id)) {
                let carried = visit.load.iter().chain(&visit.unload);
                *found.entry(&visit.site).or_default() +=
                    carried.filter_map(|h| volume.get(h.load.as_str())).sum::<i64>();
            }
        }
        let hub = self.day.inputs.county.site(self.day.inputs.county.hub).id.as_str();
        let mut found: Vec<(i64, &str)> =
            found.into_iter().filter(|(s, _)| *s != hub).map(|(s, cm3)| (-cm3, s)).collect();
        found.sort_unstable();
        found.into_iter().take(EASED).map(|(_, s)| s.to_owned()).collect()
    }

    /// Trips whose loads other trips can take fall away.
    fn dissolve_trips(&mut self) {
        let mut trips: Vec<(usize, String)> = self
            .best
            .plan
            .trips
            .iter()
            .filter(|t| self.waits(t))
            .map(|t| (t.visits.iter().map(|v| v.unload.len()).sum(), t.id.clone()))
            .collect();
        trips.sort();
        for (_, id) in trips {
            if self.left == 0 {
                return;
            }
            let Some(trip) = self.best.plan.trip(&id) else { continue };
            let chosen = handled(trip.visits.iter());
            self.anew(&chosen, First::Large);
        }
    }

    /// What a trunk trip does at a station, another trunk trip does.
    fn hand_stops_on(&mut self) {
        let stops: Vec<(String, String)> = self
            .best
            .plan
            .trips
            .iter()
            .filter(|t| t.kind == TripKind::Trunk && self.waits(t))
            .flat_map(|t| inner(t).iter().map(|v| (t.id.clone(), v.id.clone())))
            .collect();
        for (trip, visit) in stops {
            let others: Vec<String> = self
                .best
                .plan
                .trips
                .iter()
                .filter(|t| t.kind == TripKind::Trunk && t.id != trip && self.waits(t))
                .map(|t| t.id.clone())
                .collect();
            for other in others {
                if self.left == 0 {
                    return;
                }
                if self.best.plan.trip(&trip).is_none_or(|t| !t.visits.iter().any(|v| v.id == visit)) {
                    break;
                }
                self.hand_on(&trip, &visit, &other);
            }
        }
    }

    fn hand_on(&mut self, trip: &str, visit: &str, other: &str) -> bool {
        let Some(slots) = self.best.plan.trip(other).map(|t| t.visits.len().saturating_sub(1)) else {
            return false;
        };
        let site = |plan: &Plan, trip: &str, visit: &str| {
            plan.trip(trip)?.visits.iter().find(|v| v.id == visit).map(|v| v.site.clone())
        };
        let Some(here) = site(&self.best.plan, trip, visit) else { return false };
        let known = self
            .best
            .plan
            .trip(other)
            .and_then(|t| inner(t).iter().position(|v| v.site == here).map(|at| at + 1));
        let places: Vec<(bool, usize)> = match known {
            Some(at) => vec![(true, at)],
            None => (0..slots).map(|at| (false, at)).collect(),
        };
        for (there, at) in places {
            let mut trial = self.best.clone();
            if trial.hand_stop_on(trip, visit, other, there, at) && self.keep(trial) {
                return true;
            }
        }
        false
    }

    /// Villages near each other look for their ways anew together.
    fn plan_villages_anew(&mut self) {
        let day = self.day;
        let mut sites: BTreeSet<String> = BTreeSet::new();
        for trip in
            self.best.plan.trips.iter().filter(|t| t.kind != TripKind::Line && t.kind != TripKind::Trunk)
        {
            sites.extend(inner(trip).iter().map(|v| v.site.clone()));
        }
        let all: Vec<usize> = sites.iter().map(|s| day.names.site(s).index()).collect();
        for &site in &all {
            let mut near: Vec<(i64, usize)> = all
                .iter()
                .filter(|&&s| s != site)
                .filter_map(|&s| Some((day.inputs.travel.leg(0, 0, site, s)?.0, s)))
                .collect();
            near.sort_unstable();
            for many in [0, NEAR] {
                if self.left == 0 {
                    return;
                }
                let mut names: BTreeSet<&str> = BTreeSet::new();
                names.insert(day.inputs.county.sites[site].id.as_str());
                names.extend(near.iter().take(many).map(|(_, s)| day.inputs.county.sites[*s].id.as_str()));
                let visits = self
                    .best
                    .plan
                    .trips
                    .iter()
                    .flat_map(|t| &t.visits)
                    .filter(|v| names.contains(v.site.as_str()));
                let chosen = handled(visits);
                self.anew(&chosen, First::Large);
            }
        }
    }
}

/// Which groups of loads choose their ways first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Small,
    Large,
}

/// Visits of a trip between its ends.
fn inner(trip: &Trip) -> &[Visit] {
    trip.visits.get(1..trip.visits.len().saturating_sub(1)).unwrap_or_default()
}

/// Loads that visits handle.
fn handled<'p>(visits: impl Iterator<Item = &'p Visit>) -> BTreeSet<String> {
    visits.flat_map(|v| v.load.iter().chain(&v.unload)).map(|h| h.load.clone()).collect()
}
