//! What an evening plan fixed, laid out anew with the goods of the dawn: the same vans and villages, the same trunk trips,
//! the same rides on lines.

use super::settle::{Inner, days_of, warm};
use super::tasks::{Want, Wants};
use super::{Candidate, CrewDay, Search};
use crate::consolidate::Cargo;
use crate::frame::{Framed, TrunkTask, Usual};
use std::collections::{BTreeMap, BTreeSet};
use xiangyun_model::id::{BandId, SiteId, VehicleId};
use xiangyun_model::plan::Direction;
use xiangyun_solver::{Budget, Control, JobLock, Locks, Solution, solve};

/// What the search of the dawn sees in a task of the trunk done by another truck than the evening's, in fen.
const OTHER_TRUCK_FEN: i64 = 3_000;
/// The same for a visit by another van while the evening's trips are laid out: rather left than moved.
const FORBIDDEN_FEN: i64 = 10_000_000;
/// A trunk trip waits this long for goods that the evening did not expect so late.
const WAITS_S: i64 = 900;
/// What rounds bring may be this late for the trunk trip that fetches it.
const FETCHES_LATE_S: i64 = 2700;

/// Goods told apart as far as the evening could know them: where they go or come from, which way, which part of the
/// day, which band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The far end from the hub.
    pub site: SiteId,
    /// Whether they come from the hub.
    pub down: bool,
    /// Part of the day.
    pub slot: usize,
    /// Band they need.
    pub band: BandId,
}

impl Mark {
    /// The mark of a load; loads within the county have none.
    #[must_use]
    pub fn of(cargo: &Cargo) -> Option<Self> {
        let (site, down) = match cargo.direction {
            Direction::Down => (cargo.destination, true),
            Direction::Up => (cargo.origin, false),
            Direction::Cross => return None,
        };
        Some(Self { site, down, slot: cargo.slot, band: cargo.band })
    }
}

/// A stop of a trip of the evening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStop {
    /// Where.
    pub site: SiteId,
    /// When its handling was to begin.
    pub starts_s: i64,
    /// What it was to hand over and collect, ascending.
    pub marks: Vec<Mark>,
}

/// A trip of the evening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTrip {
    /// Whose.
    pub vehicle: VehicleId,
    /// Whether it is a trip of the trunk.
    pub trunk: bool,
    /// When its loading was to begin.
    pub starts_s: i64,
    /// Last wave of sorting of which it was to carry anything.
    pub wave: usize,
    /// Stops in order, without the base.
    pub stops: Vec<KeptStop>,
}

/// A ride on a line of the evening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRide {
    /// The departure, by position in the county's departures.
    pub line: usize,
    /// Where goods board.
    pub from: SiteId,
    /// Where they leave.
    pub to: SiteId,
    /// Which goods.
    pub marks: Vec<Mark>,
}

/// What the evening fixed and how far dawn may leave it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Trips by vehicle and number.
    pub trips: Vec<KeptTrip>,
    /// Rides on lines.
    pub rides: Vec<KeptRide>,
    /// Vans whose loading has begun: they keep their places and order.
    pub frozen: BTreeSet<VehicleId>,
    /// Most villages that may change van.
    pub moved_most: usize,
}

impl Kept {
    /// The vans of each place in the evening, or the trucks of each station.
    pub(super) fn vehicles(&self, trunk: bool) -> BTreeMap<SiteId, BTreeSet<VehicleId>> {
        let mut all: BTreeMap<SiteId, BTreeSet<VehicleId>> = BTreeMap::new();
        for trip in self.trips.iter().filter(|t| t.trunk == trunk) {
            for stop in &trip.stops {
                all.entry(stop.site).or_default().insert(trip.vehicle);
            }
        }
        all
    }

    /// Whether the evening called a crew out.
    fn calls(&self, vehicle: VehicleId) -> bool {
        self.trips.iter().any(|t| t.vehicle == vehicle)
    }
}

/// A stop of a trunk trip: which trip, which stop of it.
type Place = (usize, usize);

/// The trunk as it is being laid: tasks by stop.
struct Laid<'k> {
    trips: Vec<(usize, &'k KeptTrip)>,
    tasks: Vec<TrunkTask>,
    at: Vec<Vec<Vec<u32>>>,
}

impl Search<'_> {
    /// Binds the search to an evening plan; with `crews` no others than it called out may drive.
    pub(crate) fn keep(&mut self, kept: Kept, crews: bool) {
        if crews {
            let day = self.day;
            let called = |crew: &usize| kept.calls(day.crews[*crew].vehicle);
            self.crews.iter_mut().for_each(|of_base| of_base.retain(called));
            self.trunk_crews.retain(called);
            self.options = (0..self.items()).map(|item| self.options_of(item)).collect();
        }
        self.frames.usual = Some(Usual {
            vans: kept.vehicles(false),
            trucks: kept.vehicles(true),
            other_truck_fen: OTHER_TRUCK_FEN,
        });
        self.kept = Some(kept);
    }

    /// The evening's rides and rounds with the goods that are there now: every call goes where its place was visited for
    /// that part of the day. What a trip cannot hold stays with its base, for the search to place.
    pub(super) fn lay_rounds(&self, kept: &Kept) -> Candidate {
        let mut plan = Candidate { frozen: true, other_van_fen: FORBIDDEN_FEN, ..self.empty_candidate() };
        self.lay_rides(kept, &mut plan);
        let rounds: Vec<(usize, &KeptTrip)> = self.trips_of(kept, false);
        let mut stops: BTreeMap<SiteId, Vec<Place>> = BTreeMap::new();
        for (t, (_, trip)) in rounds.iter().enumerate() {
            for (s, stop) in trip.stops.iter().enumerate() {
                stops.entry(stop.site).or_default().push((t, s));
            }
        }
        let mut turns: BTreeMap<(SiteId, usize), usize> = BTreeMap::new();
        let mut laid: Vec<Vec<(usize, u32)>> = vec![Vec::new(); rounds.len()];
        for (call, of) in self.goods.calls.iter().enumerate() {
            plan.via[call] = self.options[call].first().copied();
            let near = || self.nearest(of.site, stops.keys().copied()).and_then(|site| stops.get(&site));
            let Some(all) = stops.get(&of.site).or_else(near) else { continue };
            let for_part = |&(t, s): &Place| rounds[t].1.stops[s].marks.iter().any(|m| m.slot == of.slot);
            let same: Vec<Place> = all.iter().copied().filter(for_part).collect();
            let among = if same.is_empty() { all } else { &same };
            let turn = turns.entry((of.site, of.slot)).or_default();
            let (t, s) = among[(*turn).min(among.len() - 1)];
            *turn += 1;
            let Some(depot) = self.crews.iter().position(|c| c.contains(&rounds[t].0)) else { continue };
            plan.via[call] = Some(depot);
            laid[t].push((s, call as u32));
        }
        let mut days: BTreeMap<usize, Vec<Vec<u32>>> = BTreeMap::new();
        for (&(crew, _), mut calls) in rounds.iter().zip(laid) {
            calls.sort_unstable();
            let mut trip: Vec<u32> = Vec::with_capacity(calls.len());
            for (_, call) in calls {
                let of_call = |call: u32| {
                    let call = &self.goods.calls[call as usize];
                    call.down.iter().chain(&call.up).copied()
                };
                let apart = trip.iter().any(|&other| self.clash(of_call(other), &of_call(call)));
                trip.push(call);
                if apart || !self.timer.holds(crew, &self.round_trip(crew, &trip, &plan)) {
                    trip.pop();
                }
            }
            days.entry(crew).or_default().push(trip);
        }
        for (crew, trips) in days {
            if let Some(depot) = self.crews.iter().position(|c| c.contains(&crew)) {
                plan.rounds[depot].push((crew, trips));
            }
        }
        self.place_locals(&mut plan);
        let vans = kept.vehicles(false);
        for item in self.goods.calls.len()..self.items() {
            let base = || self.base_of_both_ends(item, &vans).or(self.options[item].first().copied());
            plan.via[item] = plan.via[item].or_else(base);
        }
        plan
    }

    /// The base of a van that came to both ends of a load from point to point in the evening.
    fn base_of_both_ends(&self, item: usize, vans: &BTreeMap<SiteId, BTreeSet<VehicleId>>) -> Option<usize> {
        let cargo = self.cargo(self.local(item)?);
        let came = |crew: &usize| {
            let vehicle = self.day.crews[*crew].vehicle;
            [cargo.origin, cargo.destination]
                .iter()
                .all(|end| vans.get(end).is_none_or(|known| known.contains(&vehicle)))
        };
        self.options[item].iter().copied().find(|&depot| self.crews[depot].iter().any(came))
    }

    /// Trips of the trunk, or of rounds, whose vehicle has a driver, by crew.
    fn trips_of<'k>(&self, kept: &'k Kept, trunk: bool) -> Vec<(usize, &'k KeptTrip)> {
        let crew = |trip: &KeptTrip| self.day.crews.iter().position(|c| c.vehicle == trip.vehicle);
        kept.trips.iter().filter(|t| t.trunk == trunk).filter_map(|t| Some((crew(t)?, t))).collect()
    }

    /// Goods ride the departures that they were to ride in the evening, as far as those hold them.
    fn lay_rides(&self, kept: &Kept, plan: &mut Candidate) {
        for ride in &kept.rides {
            let departure = &self.day.county.line_trips[ride.line];
            for &seat in self.seats.iter().filter(|s| s.line == ride.line) {
                let ends = (departure.stops[seat.from].site, departure.stops[seat.to].site);
                let meant = Mark::of(self.cargo(seat.load)).is_some_and(|m| ride.marks.contains(&m));
                if ends == (ride.from, ride.to)
                    && meant
                    && !plan.on_line(seat.load)
                    && self.holds_seat(plan, seat)
                {
                    let line = plan.lines.entry(seat.line).or_default();
                    line.rides.push((seat.load, seat.from, seat.to));
                }
            }
        }
    }

    /// Jobs of a van that is being loaded stay in their order; with `all` those of every other stay on the van that has
    /// them. Jobs that no van has are free.
    pub(super) fn hold_vans(&self, kept: &Kept, framed: &Framed, warm: &Solution, all: bool) -> Locks {
        let mut locks = Locks::none();
        for route in &warm.routes {
            let vehicle = self.day.crews[framed.crews[route.vehicle.index()]].vehicle;
            let lock = match kept.frozen.contains(&vehicle) {
                true => JobLock::FixedOrder,
                false if all => JobLock::FixedVehicle,
                false => continue,
            };
            route.jobs().for_each(|job| locks.set(job, lock));
        }
        locks
    }

    /// Lays the evening's trunk trips out with what the rounds ask now: each load with the trip that was to carry its
    /// like, or another that passes its station in time. Only what none of them holds is searched for, with the trips
    /// themselves locked.
    pub(super) fn lay_trunk(
        &self,
        kept: &Kept,
        plan: &mut Candidate,
        steps: u64,
        seed: u64,
        control: &dyn Control,
    ) -> u64 {
        let trips = self.trips_of(kept, true);
        let at = trips.iter().map(|(_, trip)| vec![Vec::new(); trip.stops.len()]).collect();
        let mut laid = Laid { trips, tasks: Vec::new(), at };
        let meant = self.trunk_tasks(plan, &mut laid);
        let left: Vec<u32> = (0..laid.tasks.len() as u32)
            .filter(|&task| {
                let as_meant = meant[task as usize].is_some_and(|place| self.lay(&mut laid, task, place));
                !as_meant
                    && !self.others(&laid, task).into_iter().any(|place| self.lay(&mut laid, task, place))
            })
            .collect();
        let mut days: BTreeMap<usize, Vec<Vec<u32>>> = BTreeMap::new();
        for (&(crew, _), stops) in laid.trips.iter().zip(&laid.at) {
            days.entry(crew).or_default().push(stops.concat());
        }
        plan.trunk = days.into_iter().collect();
        plan.tasks = laid.tasks;
        if left.is_empty() || steps == 0 { 0 } else { self.add_trunk(plan, &left, steps, seed, control) }
    }

    /// The trunk's tasks, each with the stop of the evening that its goods were meant for.
    fn trunk_tasks(&self, plan: &Candidate, laid: &mut Laid<'_>) -> Vec<Option<Place>> {
        let Wants { drops, picks } = self.wants(plan);
        let mut meant: Vec<Option<Place>> = Vec::new();
        let mut turns: BTreeMap<Mark, usize> = BTreeMap::new();
        for (down, all) in [(true, drops), (false, picks)] {
            for (site, wants) in all {
                let mut groups: BTreeMap<Option<Place>, Vec<Want>> = BTreeMap::new();
                for want in wants {
                    let place = self.meant_stop(laid, site, want.load, &mut turns);
                    groups.entry(place).or_default().push(want);
                }
                for (place, group) in groups {
                    self.chunk(site, group, down, &mut laid.tasks);
                    meant.resize(laid.tasks.len(), place);
                }
            }
        }
        self.transfer_tasks(&mut laid.tasks);
        meant.resize(laid.tasks.len(), None);
        meant
    }

    /// The stop at a station that the evening meant for goods like a load's; several of them take turns.
    fn meant_stop(
        &self,
        laid: &Laid<'_>,
        station: SiteId,
        load: u32,
        turns: &mut BTreeMap<Mark, usize>,
    ) -> Option<Place> {
        let cargo = self.cargo(load);
        let mark = Mark::of(cargo)?;
        let stops: Vec<Place> = places(laid, station)
            .filter(|&(t, s)| laid.trips[t].1.stops[s].marks.binary_search(&mark).is_ok())
            .filter(|&(t, _)| !mark.down || self.carries_wave(laid.trips[t].1, cargo.release_s))
            .collect();
        let turn = turns.entry(mark).or_default();
        let place = stops.get((*turn).min(stops.len().saturating_sub(1))).copied();
        *turn += 1;
        place
    }

    /// Whether a trip leaves after the wave that sorts goods released then.
    fn carries_wave(&self, trip: &KeptTrip, release_s: i64) -> bool {
        let wave = self.day.waves.iter().position(|w| release_s <= w.ends_s).unwrap_or(usize::MAX);
        wave <= trip.wave || release_s <= trip.starts_s + WAITS_S
    }

    /// Other stops that could make a task, the best first: what is brought goes early, what is fetched waits least.
    fn others(&self, laid: &Laid<'_>, task: u32) -> Vec<Place> {
        let task = &laid.tasks[task as usize];
        let mut all: Vec<(i64, Place)> = places(laid, task.site)
            .filter_map(|(t, s)| {
                let trip = laid.trips[t].1;
                let starts_s = trip.stops[s].starts_s;
                let brought = task.pick.is_empty();
                let fits = if brought {
                    self.carries_wave(trip, task.ready_s) && starts_s <= task.to_s.max(task.ready_s)
                } else {
                    starts_s + FETCHES_LATE_S >= task.from_s && starts_s <= task.to_s
                };
                let waits_s = if brought { starts_s } else { (starts_s - task.from_s).abs() };
                fits.then_some((waits_s, (t, s)))
            })
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, place)| place).collect()
    }

    /// Whether any of some loads may not share a vehicle with any of others.
    pub(super) fn clash(
        &self,
        mut some: impl Iterator<Item = u32>,
        others: &(impl Iterator<Item = u32> + Clone),
    ) -> bool {
        some.any(|one| others.clone().any(|other| self.excludes(one, other)))
    }

    /// Puts a task to a stop if the whole trip then still holds its goods, and none that exclude each other.
    fn lay(&self, laid: &mut Laid<'_>, task: u32, (t, s): Place) -> bool {
        let loads = |task: u32| {
            let task = &laid.tasks[task as usize];
            task.drop.iter().chain(&task.pick).copied()
        };
        if laid.at[t].iter().flatten().any(|&other| self.clash(loads(other), &loads(task))) {
            return false;
        }
        laid.at[t][s].push(task);
        let crew = laid.trips[t].0;
        let holds = self.timer.holds(crew, &self.trunk_trip(crew, &laid.tasks, &laid.at[t].concat()));
        if !holds {
            laid.at[t][s].pop();
        }
        holds
    }

    /// Searches for what no kept trip holds; trips of the evening keep their order of stations. If the core would give
    /// up any of their tasks, only its additional trips are taken.
    fn add_trunk(
        &self,
        plan: &mut Candidate,
        left: &[u32],
        steps: u64,
        seed: u64,
        control: &dyn Control,
    ) -> u64 {
        let Some(framed) = self.frames.trunk(&self.trunk_crews, &plan.tasks) else { return 0 };
        let warm = warm(&framed, &plan.trunk, |task| task);
        let mut locks = Locks::none();
        warm.routes.iter().flat_map(|r| r.jobs()).for_each(|job| locks.set(job, JobLock::FixedOrder));
        let budget = Budget::steps(steps.min(crate::limits::INNER_STEPS_MAX)).seed(seed);
        let outcome = solve(&framed.problem, Some(&warm), &locks, &budget, &Inner(control));
        let found = days_of(&framed, &outcome.solution);
        let tasks = |days: &[CrewDay]| -> BTreeSet<u32> {
            days.iter().flat_map(|(_, trips)| trips.iter().flatten().copied()).collect()
        };
        if tasks(&plan.trunk).is_subset(&tasks(&found)) {
            plan.trunk = found;
            return outcome.iterations;
        }
        for (crew, trips) in found {
            for trip in trips.into_iter().filter(|trip| trip.iter().all(|task| left.contains(task))) {
                match plan.trunk.iter_mut().find(|(of, _)| *of == crew) {
                    Some((_, day)) => day.push(trip),
                    None => plan.trunk.push((crew, vec![trip])),
                }
            }
        }
        outcome.iterations
    }
}

/// Whether a trunk trip of the evening is still made: the same truck, asked for elsewhere, goes to half of its stations or
/// more. Their order may change, and stations may join.
pub fn is_still_made<S: PartialEq>(before: &[S], after: &[S]) -> bool {
    let common = before.iter().filter(|station| after.contains(station)).count();
    common > 0 && 2 * common >= before.len()
}

/// The stops of all trunk trips at a station.
fn places<'l>(laid: &'l Laid<'_>, station: SiteId) -> impl Iterator<Item = Place> + 'l {
    laid.trips.iter().enumerate().flat_map(move |(t, (_, trip))| {
        let here = trip.stops.iter().enumerate().filter(move |(_, stop)| stop.site == station);
        here.map(move |(s, _)| (t, s))
    })
}
