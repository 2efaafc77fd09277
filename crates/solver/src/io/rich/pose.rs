//! Poses a rich problem for the search, and reads plans back as numbers.
//!
//! Numbers in solution files count the visits from 1 in the order of [`Rich::visits`]; 0 is a reload at the
//! vehicle's first reload place, `n + k` one at its `k`-th further place. Route `k` is vehicle `k`, empty routes
//! included.

use super::model::{self, Rich};
use super::solution;
use super::value::{HOLE, Int, Row};
use crate::io::fault::{Fault, Sink};
use crate::locks::{JobLock, Locks, Prefix};
use crate::problem::{
    Backhaul, Balance, ClockBreak, DrivingRule, GroupId, Job, JobId, Matrix, Measure, NO_WAY, Objective,
    PlaceId, Preference, Problem, ProblemBuilder, ProfileId, Reload, SoftWindow, VALUE_MAX, VehicleId,
    VehicleKind, Window,
};
use crate::solution::{Route, Solution, Visit};
use std::collections::BTreeMap;
use xiangyun_model::problem::Problems;

/// A rich problem ready for the search. Job `j` of it is visit `j + 1` of the file.
#[derive(Clone, Debug)]
pub struct PosedRich {
    /// The problem.
    pub problem: Problem,
    /// The plan to begin from, if the file has one.
    pub start: Option<Solution>,
    /// What must stay of it.
    pub locks: Locks,
}

/// Bits of names, in order of first appearance in sorted order.
struct Names<'a>(BTreeMap<&'a str, u8>);

impl<'a> Names<'a> {
    fn of(all: impl Iterator<Item = &'a String>) -> Self {
        let sorted: std::collections::BTreeSet<&str> = all.map(String::as_str).collect();
        Self(sorted.into_iter().zip(0..=u8::MAX).collect())
    }

    fn bits(&self, names: &[String]) -> u128 {
        names.iter().filter_map(|name| self.0.get(name.as_str())).fold(0, |bits, &bit| bits | 1 << bit)
    }
}

/// Poses a validated problem.
///
/// # Errors
/// What the search refuses although the file is sound, such as sums beyond 64 bits.
pub fn pose(rich: &Rich) -> Result<PosedRich, Problems> {
    let dimensions: Vec<&str> = rich.dimensions.iter().map(String::as_str).collect();
    let mut builder = ProblemBuilder::new(&dimensions);
    let skills =
        Names::of(rich.visits().flat_map(|j| &j.skills).chain(rich.vehicles.iter().flat_map(|v| &v.skills)));
    let goods = Names::of(rich.visits().flat_map(|j| &j.goods));
    let mut profiles = BTreeMap::new();
    for (name, matrix) in &rich.matrices {
        profiles.insert(name.as_str(), builder.profile(tables(matrix)));
    }
    builder.objective(match rich.objective {
        model::Objective::Cost => Objective::Cost,
        model::Objective::VehiclesThenCost => Objective::VehiclesThenCost,
    });
    builder.backhaul(match rich.backhaul {
        model::Backhaul::Mixed => Backhaul::Mixed,
        model::Backhaul::LinehaulFirst => Backhaul::LinehaulFirst,
    });
    for (one, other) in &rich.conflicts {
        if let (Some(&one), Some(&other)) = (goods.0.get(one.as_str()), goods.0.get(other.as_str())) {
            builder.incompatible(one, other);
        }
    }
    let groups: BTreeMap<&str, GroupId> =
        rich.groups.iter().map(|(name, price)| (name.as_str(), builder.group(price.0))).collect();
    let mut first = 0_u32;
    let mut vehicles = BTreeMap::new();
    for vehicle in &rich.vehicles {
        let count = u32::try_from(vehicle.count.0).expect("validated");
        vehicles.insert(vehicle.id.as_str(), first..first + count);
        first += count;
        builder.vehicles(kind(vehicle, profiles[vehicle.profile.as_str()], &skills));
    }
    let context = Context { skills: &skills, goods: &goods, groups: &groups, vehicles: &vehicles };
    for job in &rich.jobs {
        builder.job(context.job(job));
    }
    for shipment in &rich.shipments {
        let from = context.job(&shipment.pickup);
        let to = Job { delivery: from.pickup.clone(), ..context.job(&shipment.delivery) };
        builder.shipment(from, to);
    }
    match builder.build() {
        Ok(problem) => {
            let mut posed = PosedRich { problem, start: None, locks: Locks::none() };
            if !rich.plan.is_empty() || !rich.locks.is_empty() {
                posed.start = Some(posed.solution(&solution::start(rich)));
                posed.locks = locks(rich);
            }
            Ok(posed)
        }
        Err(faults) => {
            let mut sink = Sink::new(&rich.name);
            for fault in faults {
                sink.push(Fault::TooLarge, 0, &fault.field(), fault.code(), fault.to_string());
            }
            sink.finish(None)
        }
    }
}

fn locks(rich: &Rich) -> Locks {
    let mut locks = Locks::none();
    for (job, visit) in (0..).zip(rich.visits()) {
        match rich.locks.visits.get(&visit.id) {
            Some(model::Lock::FixedVehicle) => locks.set(JobId(job), JobLock::FixedVehicle),
            Some(model::Lock::FixedOrder) => locks.set(JobId(job), JobLock::FixedOrder),
            None => {}
        }
    }
    for (slot, prefix) in solution::prefixes(rich) {
        locks.prefixes.push(Prefix {
            vehicle: VehicleId(u32::try_from(slot).expect("validated")),
            visits: usize::try_from(prefix.stops.0).expect("validated"),
            place: place(prefix.place),
            time: prefix.time.0,
            departed: prefix.departed,
        });
    }
    locks
}

fn tables(matrix: &model::Matrix) -> Matrix {
    let n = matrix.durations.len();
    let cells = |rows: &[Row]| -> Vec<i64> {
        rows.iter()
            .flat_map(|row| row.0.iter().map(|&cell| if cell == HOLE { NO_WAY } else { cell }))
            .collect()
    };
    let table = if matrix.distances.is_empty() || matrix.distances == matrix.durations {
        Matrix::shared(n, cells(&matrix.durations))
    } else {
        Matrix::dense(n, cells(&matrix.distances), cells(&matrix.durations))
    };
    table.expect("validated: n rows of n cells")
}

fn place(Int(at): Int) -> PlaceId {
    PlaceId(u32::try_from(at).expect("validated"))
}

fn window((from, to): (Int, Int)) -> Window {
    Window::new(from.0, to.0)
}

fn loads(list: &[Int]) -> Vec<i64> {
    list.iter().map(|load| load.0).collect()
}

fn kind(vehicle: &model::Vehicle, profile: ProfileId, skills: &Names<'_>) -> VehicleKind {
    VehicleKind {
        name: vehicle.id.clone(),
        count: u32::try_from(vehicle.count.0).expect("validated"),
        profile,
        start: vehicle.start.map(place),
        end: vehicle.end.map(place),
        shift: vehicle.shift.map_or(Window::ALWAYS, window),
        loading: vehicle.loading.0,
        layouts: vehicle.layouts.iter().map(|layout| loads(layout)).collect(),
        skills: skills.bits(&vehicle.skills),
        fixed: vehicle.fixed.0,
        per_distance: vehicle.per_distance.0,
        per_time: vehicle.per_time.0,
        overtime_after: vehicle.overtime.map_or(VALUE_MAX, |o| o.after.0),
        overtime_price: vehicle.overtime.map_or(0, |o| o.price.0),
        max_duration: vehicle.max_duration.map(|m| m.0),
        max_distance: vehicle.max_distance.map(|m| m.0),
        max_stops: vehicle.max_stops.map(|m| u32::try_from(m.0).unwrap_or(u32::MAX)),
        max_trips: u32::try_from(vehicle.max_trips.0).expect("validated"),
        reloads: vehicle
            .reloads
            .iter()
            .map(|r| Reload {
                place: place(r.place),
                loading: r.loading.0,
                window: r.window.map_or(Window::ALWAYS, window),
            })
            .collect(),
        driving: vehicle.driving.map(|d| DrivingRule { max_driving: d.max_driving.0, rest: d.rest.0 }),
        breaks: vehicle
            .breaks
            .iter()
            .map(|b| ClockBreak { window: window(b.window), duration: b.duration.0 })
            .collect(),
        balance: vehicle.balance.map(|b| Balance {
            measure: match b.measure {
                model::Measure::Duration => Measure::Duration,
                model::Measure::Distance => Measure::Distance,
                model::Measure::Stops => Measure::Stops,
            },
            target: b.target.0,
            price: b.price.0,
        }),
    }
}

struct Context<'a> {
    skills: &'a Names<'a>,
    goods: &'a Names<'a>,
    groups: &'a BTreeMap<&'a str, GroupId>,
    vehicles: &'a BTreeMap<&'a str, std::ops::Range<u32>>,
}

impl Context<'_> {
    fn job(&self, job: &model::Job) -> Job {
        Job {
            name: job.id.clone(),
            delivery: loads(&job.delivery),
            pickup: loads(&job.pickup),
            service: job.service.0,
            setup: job.setup.0,
            windows: job.windows.iter().copied().map(window).collect(),
            soft: job.soft.map(|s| SoftWindow {
                window: window(s.window),
                early_price: s.early_price.0,
                late_price: s.late_price.0,
            }),
            release: job.release.0,
            prize: job.prize.map(|p| p.0),
            skills: self.skills.bits(&job.skills),
            classes: u64::try_from(self.goods.bits(&job.goods)).expect("validated: at most 64"),
            max_on_board: job.max_on_board.map(|m| m.0),
            group: job.group.as_ref().map(|g| self.groups[g.as_str()]),
            prefer: job.prefer.as_ref().map(|prefer| Preference {
                vehicles: prefer
                    .vehicles
                    .iter()
                    .flat_map(|id| self.vehicles[id.as_str()].clone())
                    .map(VehicleId)
                    .collect(),
                price: prefer.price.0,
            }),
            ..Job::at(place(job.place))
        }
    }
}

impl PosedRich {
    /// A plan as numbers, one route a vehicle.
    #[must_use]
    pub fn routes(&self, solution: &Solution) -> Vec<Vec<usize>> {
        let n = self.problem.jobs().len();
        let mut routes = vec![Vec::new(); self.problem.vehicles() as usize];
        for route in &solution.routes {
            let number = |visit: &Visit| match visit {
                Visit::Job(job) => job.index() + 1,
                Visit::Reload(0) => 0,
                Visit::Reload(which) => n + *which as usize,
            };
            routes[route.vehicle.index()] = route.visits.iter().map(number).collect();
        }
        routes
    }

    /// Numbers left out.
    #[must_use]
    pub fn unassigned(&self, solution: &Solution) -> Vec<usize> {
        solution.unassigned.iter().map(|job| job.index() + 1).collect()
    }

    /// Numbers as a plan, for a warm start; what is out of range is dropped.
    #[must_use]
    pub fn solution(&self, routes: &[Vec<usize>]) -> Solution {
        let n = self.problem.jobs().len();
        let vehicles = (0..self.problem.vehicles()).map(VehicleId);
        let id = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let visit = |&number: &usize| match number {
            0 => Visit::Reload(0),
            number if number <= n => Visit::Job(JobId(id(number) - 1)),
            number => Visit::Reload(id(number - n)),
        };
        let routes = vehicles
            .zip(routes)
            .map(|(vehicle, route)| Route { vehicle, visits: route.iter().map(visit).collect() });
        Solution::of(&self.problem, routes.collect())
    }
}
