//! Both tiers in one loop.
//!
//! A first whole plan: every call by its own station, rounds solved with optimistic releases, the trunk solved for what
//! the rounds ask, rounds again with the trunk's true times, the trunk again with what the rounds bring back. Then
//! moves across tiers under simulated annealing: calls to another base, stations' rounds ruined and recreated, trunk
//! tasks ruined and recreated, whole stations served straight from the hub. Every move is settled in both tiers by the
//! search core, timed exactly and priced by the one account; feasibility is never given up.

mod baseline;
mod candidate;
mod chance;
mod kept;
mod lines;
mod mend;
mod moves;
mod restore;
mod settle;
mod stays;
mod sweep;
mod tasks;

pub use baseline::Rounds;
pub use candidate::{Candidate, CrewDay};
pub use chance::Chance;
pub use kept::{Kept, KeptRide, KeptStop, KeptTrip, Mark, is_still_made};
pub use stays::{Found, paired};

use crate::consolidate::{Cargo, Consolidated};
use crate::day::Day;
use crate::frame::Frames;
use crate::timing::Timer;
use std::collections::BTreeSet;
use std::time::Duration;
use xiangyun_model::id::SiteId;
use xiangyun_model::site::SiteKind;
use xiangyun_model::units::Amount;
use xiangyun_solver::Control;

/// How long to search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Iterations of the search core, summed over threads; without it, `time` rules.
    pub steps: Option<u64>,
    /// Time on the caller's clock.
    pub time: Option<Duration>,
    /// Seed of all choices.
    pub seed: u64,
    /// Threads that search.
    pub threads: usize,
}

/// What the search may do: the whole engine, or a part of it for comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// The trunk's trips stay as the first solve made them.
    pub fixed_trunk: bool,
    /// No trunk: everything goes straight between hub and points.
    pub direct_only: bool,
    /// Every call stays with its own station.
    pub own_station_only: bool,
}

/// Everything that stays the same while the search runs.
pub struct Search<'a> {
    pub(crate) day: &'a Day<'a>,
    pub(crate) goods: &'a Consolidated,
    pub(crate) frames: Frames<'a>,
    pub(crate) timer: Timer<'a>,
    pub(crate) floor_due: BTreeSet<SiteId>,
    pub(crate) variant: Variant,
    /// Crews of rounds by base, in the order of `Day::depots`.
    pub(crate) crews: Vec<Vec<usize>>,
    pub(crate) trunk_crews: Vec<usize>,
    /// Bases that may serve each call, its own first.
    pub(crate) options: Vec<Vec<usize>>,
    pub(crate) station_transfers: Vec<u32>,
    /// Loads within the county that one round can carry: items behind the calls.
    pub(crate) locals: Vec<u32>,
    /// Rides that a line offers to whole loads.
    pub(crate) seats: Vec<lines::Seat>,
    pub(crate) task_most: Amount,
    pub(crate) task_span_s: i64,
    pub(crate) trunk_ends_s: i64,
    /// When what goes from station to station changes trucks at the hub.
    pub(crate) relay_s: i64,
    /// What an evening plan fixed, when its dawn is searched.
    pub(crate) kept: Option<Kept>,
}

/// Most bases tried for one call.
const OPTIONS_MAX: usize = 4;
/// Parts of a truck that one trunk task may fill at most.
const TASK_PARTS: i64 = 4;
/// Between the trucks of the morning and those of the afternoon.
const RELAY_S: i64 = 13 * 3600;
/// Steps that sweeps of a first plan may take however small the effort: a plan must serve what it can.
const SWEEPS_LEAST: u64 = 30_000;
/// Epochs after which threads share the best plan.
const EPOCHS: u64 = 8;
/// Steps of the first whole plan where time is the budget: sweeps make more of the rest.
const FIRST_STEPS: u64 = 3_000;
/// First plans that are made anew, at most, where the one before leaves much.
const FIRST_AGAIN: u64 = 2;
/// Part of the effort given to the first whole plan, in thousandths.
const FIRST_PERMILLE: u64 = 100;

impl<'a> Search<'a> {
    /// Prepares a search.
    #[must_use]
    pub fn new(
        day: &'a Day<'a>,
        goods: &'a Consolidated,
        floor_due: BTreeSet<SiteId>,
        variant: Variant,
    ) -> Self {
        let crews: Vec<Vec<usize>> = day
            .depots
            .iter()
            .map(|&d| {
                (0..day.crews.len()).filter(|&c| !day.crews[c].trunk && day.crews[c].base == d).collect()
            })
            .collect();
        let trunk_crews: Vec<usize> = (0..day.crews.len()).filter(|&c| day.crews[c].trunk).collect();
        let is_station = |s: SiteId| day.county.site(s).kind == SiteKind::Station;
        let (station_transfers, locals) = goods.transfers.iter().copied().partition(|&l| {
            is_station(goods.cargo[l as usize].origin) && is_station(goods.cargo[l as usize].destination)
        });
        let room = trunk_crews
            .iter()
            .filter_map(|&c| {
                let vehicle = day.county.vehicle(day.crews[c].vehicle);
                let most = vehicle.layouts[0].compartments.iter().find(|r| !day.county.band(r.band).cold)?;
                Some(most.room)
            })
            .max_by_key(|room| room.cm3)
            .unwrap_or(Amount { g: 1_000_000, cm3: 10_000_000, pieces: 1000 });
        let part = |n: i64| (n / TASK_PARTS).max(1);
        let trunk_ends_s = trunk_crews.iter().map(|&c| day.crews[c].window.to_s).max().unwrap_or(0) - 900;
        let mut search = Self {
            day,
            goods,
            frames: Frames::new(day, goods),
            timer: Timer { day, cargo: &goods.cargo },
            floor_due,
            variant,
            crews,
            trunk_crews,
            options: Vec::new(),
            station_transfers,
            locals,
            seats: Vec::new(),
            task_most: Amount { g: part(room.g), cm3: part(room.cm3), pieces: part(room.pieces) },
            task_span_s: 5400,
            trunk_ends_s,
            relay_s: RELAY_S,
            kept: None,
        };
        search.options = (0..search.items()).map(|item| search.options_of(item)).collect();
        if !variant.direct_only {
            search.seats = search.line_seats();
        }
        search
    }

    /// Everything that rounds carry: calls, then loads from point to point.
    pub(crate) fn items(&self) -> usize {
        self.goods.calls.len() + self.locals.len()
    }

    /// The load of an item that is no call.
    pub(crate) fn local(&self, item: usize) -> Option<u32> {
        item.checked_sub(self.goods.calls.len()).map(|at| self.locals[at])
    }

    /// Where an item is, away from any base if it can be.
    pub(crate) fn item_site(&self, item: usize) -> SiteId {
        let Some(load) = self.local(item) else { return self.goods.calls[item].site };
        let cargo = self.cargo(load);
        if self.day.depots.contains(&cargo.origin) { cargo.destination } else { cargo.origin }
    }

    /// Bases with crews that may serve an item: its own station, the hub, and the nearest others.
    fn options_of(&self, item: usize) -> Vec<usize> {
        let site = self.item_site(item);
        let own = self.day.county.station_of(site);
        let away = |depot: usize| {
            let base = self.day.depots[depot];
            self.crews[depot]
                .iter()
                .filter_map(|&c| {
                    self.day.travel.leg(self.day.crews[c].profile, 0, base.index(), site.index())
                })
                .map(|(s, _)| s)
                .min()
        };
        let mut all: Vec<(i64, usize)> =
            (0..self.day.depots.len()).filter_map(|d| away(d).map(|s| (s, d))).collect();
        if self.variant.direct_only {
            all.retain(|&(_, d)| d == 0);
        }
        if let Some(load) = self.local(item) {
            // A round carries between points, or between its own base and a point.
            let cargo = self.cargo(load);
            let within = |d: usize, end: SiteId| self.day.depots[d] == end || !self.day.depots.contains(&end);
            all.retain(|&(_, d)| within(d, cargo.origin) && within(d, cargo.destination));
        }
        all.sort_by_key(|&(s, d)| (self.day.depots[d] != own, s, d));
        if self.variant.own_station_only {
            all.truncate(1);
        }
        let mut options: Vec<usize> = all.iter().take(OPTIONS_MAX - 1).map(|&(_, d)| d).collect();
        if !options.contains(&0) && all.iter().any(|&(_, d)| d == 0) && !self.variant.own_station_only {
            options.push(0);
        }
        options
    }

    pub(crate) fn cargo(&self, load: u32) -> &Cargo {
        &self.goods.cargo[load as usize]
    }

    /// Whether two loads may not share a vehicle: their goods or their carriers exclude each other, whichever says so.
    pub(crate) fn excludes(&self, one: u32, other: u32) -> bool {
        let (one, other) = (self.cargo(one), self.cargo(other));
        let county = self.day.county;
        let goods = |a: &Cargo, b: &Cargo| {
            let bars = |at: usize| {
                let list = &county.classes[at].incompatible;
                list.iter().any(|c| b.classes >> (c.index() % 32) & 1 == 1)
            };
            (0..county.classes.len()).any(|at| a.classes >> (at % 32) & 1 == 1 && bars(at))
        };
        let carriers = |a: &Cargo, b: &Cargo| {
            let bars = |at: usize| {
                let list = &county.carriers[at].excludes;
                list.iter().any(|c| b.carriers >> (c.index() % 32) & 1 == 1)
            };
            (0..county.carriers.len()).any(|at| a.carriers >> (at % 32) & 1 == 1 && bars(at))
        };
        goods(one, other) || goods(other, one) || carriers(one, other) || carriers(other, one)
    }

    /// When a site closes for good.
    pub(crate) fn close_s(&self, site: SiteId) -> i64 {
        self.day.windows[site.index()].last().map_or(0, |w| w.to_s)
    }

    /// Latest moment at which a first delivery to a base is of any use.
    pub(crate) fn latest_drop_s(&self, base: SiteId) -> i64 {
        self.close_s(base) - 3 * 3600
    }

    /// Seconds of a truck from a site to the hub.
    pub(crate) fn home_s(&self, site: SiteId) -> i64 {
        let hub = self.day.county.hub.index();
        let leg = |&c: &usize| self.day.travel.leg(self.day.crews[c].profile, 0, site.index(), hub);
        self.trunk_crews.iter().filter_map(leg).map(|(s, _)| s).min().unwrap_or(3600)
    }

    /// Searches. `improved` hears of every better plan.
    #[must_use]
    pub fn run(&self, effort: &Effort, control: &dyn Control) -> Candidate {
        let limited = Until { control, until: effort.time };
        let control: &dyn Control = &limited;
        let threads = effort.threads.clamp(1, crate::limits::THREADS_MAX);
        let mut used = 0;
        let first_steps =
            effort.steps.map_or(FIRST_STEPS, |all| all * FIRST_PERMILLE / 1000).clamp(400, 60_000);
        let mut best = self.first(first_steps, effort.seed, control, &mut used);
        let sweeps = Until { control, until: effort.time.map(|all| all * 3 / 5) };
        let most = effort.steps.map_or(u64::MAX, |all| (all / 3).max(SWEEPS_LEAST));
        used += self.sweep_all(&mut best, most, effort.seed, &sweeps);
        // One that leaves much even now began badly, and the changes that follow seldom find a way from there.
        for again in 1..=FIRST_AGAIN {
            let over = sweeps.stopped() || effort.steps.is_some_and(|all| used >= all / 2);
            if over || !self.leaves_much(&best) {
                break;
            }
            let seed = effort.seed.wrapping_add(again << 32);
            let mut other = self.first(first_steps, seed, control, &mut used);
            used += self.sweep_all(&mut other, most, seed, &sweeps);
            if other.rank() < best.rank() {
                best = other;
            }
        }
        best.frozen = self.variant.fixed_trunk;
        let begun = control.elapsed();
        for epoch in 0..EPOCHS {
            if control.stopped() {
                break;
            }
            let share = Share {
                steps: effort
                    .steps
                    .map(|all| all.saturating_sub(used).max(all / 2) / EPOCHS / threads as u64),
                until: effort
                    .time
                    .map(|all| begun + all.saturating_sub(begun) * (epoch as u32 + 1) / EPOCHS as u32),
                progress_permille: (1000 * epoch / EPOCHS) as i64,
            };
            let found: Vec<Candidate> = if threads == 1 {
                vec![self.climb(&best, &share, effort.seed, epoch, control)]
            } else {
                std::thread::scope(|scope| {
                    let climb = |t: u64| {
                        let (best, share) = (&best, &share);
                        move || self.climb(best, share, effort.seed, epoch * 64 + t, control)
                    };
                    let all: Vec<_> = (0..threads as u64).map(|t| scope.spawn(climb(t))).collect();
                    all.into_iter().map(|h| h.join().expect("a search thread does not panic")).collect()
                })
            };
            for candidate in found {
                if candidate.rank() < best.rank() {
                    best = candidate;
                }
            }
        }
        best
    }
}

/// A control that also stops at a moment of its clock.
struct Until<'c> {
    control: &'c dyn Control,
    until: Option<Duration>,
}

impl Control for Until<'_> {
    fn elapsed(&self) -> Duration {
        self.control.elapsed()
    }
    fn stopped(&self) -> bool {
        self.control.stopped() || self.until.is_some_and(|until| self.control.elapsed() >= until)
    }
}

/// The part of the effort that one thread has in one epoch.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) steps: Option<u64>,
    pub(crate) until: Option<Duration>,
    pub(crate) progress_permille: i64,
}
