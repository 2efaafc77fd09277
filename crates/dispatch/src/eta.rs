//! When a vehicle will be at its next stops: planned legs and service stretched by what the fleet itself has shown,
//! as a median and a value that holds in nine cases of ten.
//!
//! For each hour of the day the model keeps how much longer legs and services took than planned, as counts over fixed
//! ratio classes. A new hour starts from a prior of [`PRIOR_WEIGHT`] observations, so a few odd trips do not rule it.
//! Spread of several legs adds up as of independent parts (the squares of the deviations are summed) and of a common part.

use crate::event::Event;
use crate::state::{State, StopPhase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ratio classes in percent of the planned time: from half to three times.
const CLASSES: [i64; 32] = [
    50, 55, 60, 65, 70, 75, 80, 84, 88, 92, 96, 100, 104, 108, 112, 116, 120, 125, 130, 135, 140, 145, 150,
    160, 170, 180, 190, 200, 220, 240, 270, 300,
];
/// Weight of the prior in observations.
pub const PRIOR_WEIGHT: u32 = 20;
/// The prior: nine tenths within 130 %, median 100 %. It sums to [`PRIOR_WEIGHT`].
const PRIOR: [u32; 32] =
    [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Shortest planned time that teaches anything, in seconds.
const TEACHES_S: i64 = 60;
/// By how much the width grows after a miss, in thousandths; a hit narrows it by a ninth of that, so that in the long
/// run one arrival in ten is later than its pessimistic value (Gibbs and Candès, Adaptive Conformal Inference, 2021).
const WIDEN: i64 = 45;
/// Part of the time ahead that goes wrong together on all legs of a trip (weather, a slow driver), in percent; it does not
/// average out like the rest.
const COMMON_PERCENT: f64 = 4.0;
/// Bounds of the width in thousandths.
const WIDTH: (i64, i64) = (200, 6_000);

/// What is learned of one kind of time: driving or serving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Counts by hour of the day and class.
    counts: Vec<Vec<u32>>,
    /// Counts of all hours together, the second prior.
    all: Vec<u32>,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: vec![vec![0; CLASSES.len()]; 24], all: vec![0; CLASSES.len()] }
    }
}

impl Spread {
    /// Notes one observation.
    pub fn learn(&mut self, hour: usize, planned_s: i64, actual_s: i64) {
        if planned_s < TEACHES_S || actual_s < 0 {
            return;
        }
        let percent = actual_s * 100 / planned_s;
        let class = CLASSES.iter().position(|c| percent <= *c).unwrap_or(CLASSES.len() - 1);
        for count in [&mut self.counts[hour % 24][class], &mut self.all[class]] {
            *count = count.saturating_add(1);
        }
    }

    /// The ratio in percent that a part of `per_mille` of the observations stays within: the hour's own, backed by the
    /// other hours at a fifth of their weight and by the prior.
    #[must_use]
    pub fn percent(&self, hour: usize, per_mille: u32) -> i64 {
        let own = &self.counts[hour % 24];
        let others = |i: usize| u64::from(self.all[i] - own[i].min(self.all[i]));
        let weight = |i: usize| u64::from(own[i] + PRIOR[i]) * 5 + others(i);
        let total: u64 = (0..CLASSES.len()).map(weight).sum();
        let wanted = (total * u64::from(per_mille)).div_ceil(1_000).max(1);
        let mut sum = 0;
        for (i, class) in CLASSES.iter().enumerate() {
            sum += weight(i);
            if sum >= wanted {
                return *class;
            }
        }
        CLASSES[CLASSES.len() - 1]
    }
}

/// The fleet's own experience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtaModel {
    /// Driving.
    pub drive: Spread,
    /// Serving a stop.
    pub serve: Spread,
    /// Width of the spread in thousandths, for the next stop and for those after it.
    pub width: [i64; 2],
}

impl Default for EtaModel {
    fn default() -> Self {
        Self { drive: Spread::default(), serve: Spread::default(), width: [1_000; 2] }
    }
}

/// A stop to come with its expected arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Eta {
    /// The visit.
    pub visit: String,
    /// As likely earlier as later.
    pub p50_ms: i64,
    /// Not later in nine of ten cases.
    pub p90_ms: i64,
    /// Planned arrival.
    pub planned_ms: i64,
    /// Latest start with which everything after it holds.
    pub latest_ms: i64,
}

/// Hour of the day at the county's clock.
fn hour_of(at_ms: i64, zone_offset_s: i64) -> usize {
    usize::try_from((at_ms.div_euclid(1_000) + zone_offset_s).rem_euclid(86_400) / 3_600).unwrap_or(0)
}

/// Whether nothing more happens at a stop.
const fn is_over(phase: StopPhase) -> bool {
    matches!(phase, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped)
}

/// Expected arrivals at the stops still ahead of a trip. `remaining_s` is the driving time left to the next stop if it
/// is known from the road network; without it the planned leg is used from the last departure.
#[must_use]
pub fn ahead(
    state: &State,
    model: &EtaModel,
    trip: &str,
    now_ms: i64,
    remaining_s: Option<i64>,
    zone_offset_s: i64,
) -> Vec<Eta> {
    let Some(trip) = state.trips.get(trip) else { return Vec::new() };
    let stop = |i: usize| state.stops.get(&trip.visits[i].visit);
    let phase = |i: usize| stop(i).map_or(StopPhase::Planned, |s| s.phase);
    let first = (0..trip.visits.len()).find(|i| !is_over(phase(*i))).unwrap_or(trip.visits.len());
    let mut out = Vec::new();
    let mut median_ms = now_ms;
    let mut spread_sq: f64 = 0.0;
    for (i, visit) in trip.visits.iter().enumerate().skip(first) {
        let hour = hour_of(median_ms, zone_offset_s);
        let there = i == first && phase(i) == StopPhase::Arrived;
        if i > 0 && !there {
            let planned_ms = visit.arrive_ms - trip.visits[i - 1].depart_ms;
            let leg_ms = if i == first {
                remaining_s.map_or_else(|| left_of_leg(state, trip, i, planned_ms, now_ms), |s| s * 1_000)
            } else {
                planned_ms
            };
            add(&mut median_ms, &mut spread_sq, leg_ms.max(0), &model.drive, hour);
        } else if i == 0 && !there {
            median_ms = median_ms.max(visit.arrive_ms);
        }
        if !there {
            let width = model.width[usize::from(i > first)];
            out.push(Eta {
                visit: visit.visit.clone(),
                p50_ms: median_ms,
                p90_ms: median_ms
                    + (wide_ms(spread_sq, median_ms - now_ms) * width as f64 / 1_000.0).round() as i64,
                planned_ms: visit.arrive_ms,
                latest_ms: visit.latest_ms,
            });
        }
        // Who is early waits only where the plan itself waits, for goods or for opening.
        let waits = visit.start_ms > visit.arrive_ms;
        if waits && !there {
            let begins = median_ms.max(visit.start_ms);
            spread_sq = (spread_sq.sqrt() - (begins - median_ms) as f64).max(0.0).powi(2);
            median_ms = begins;
        }
        let service_ms = (visit.depart_ms - visit.start_ms.max(visit.arrive_ms)).max(0);
        let service_ms = match stop(i).and_then(|s| s.arrived_ms).filter(|_| there) {
            Some(came) => {
                let begins = if waits { came.max(visit.start_ms) } else { came };
                (begins + service_ms - now_ms).max(service_ms / 10)
            }
            None => service_ms,
        };
        add(&mut median_ms, &mut spread_sq, service_ms, &model.serve, hour);
        if i == 0 {
            // The crew leaves its base with the plan, not before it.
            median_ms = median_ms.max(visit.depart_ms);
        }
    }
    out
}

/// Width of the spread of an arrival so far ahead: independent parts as squares, the common part in proportion.
fn wide_ms(spread_sq: f64, ahead_ms: i64) -> f64 {
    spread_sq.sqrt() + ahead_ms.max(0) as f64 * COMMON_PERCENT / 100.0
}

fn add(median_ms: &mut i64, spread_sq: &mut f64, planned_ms: i64, spread: &Spread, hour: usize) {
    let (half, nine) = (spread.percent(hour, 500), spread.percent(hour, 900));
    *median_ms += planned_ms * half / 100;
    let wide = (planned_ms * (nine - half) / 100) as f64;
    *spread_sq += wide * wide;
}

fn left_of_leg(
    state: &State,
    trip: &crate::event::PlannedTrip,
    index: usize,
    planned_ms: i64,
    now_ms: i64,
) -> i64 {
    let left = state
        .stops
        .get(&trip.visits[index - 1].visit)
        .and_then(|s| s.left_ms)
        .unwrap_or(trip.visits[index - 1].depart_ms);
    (planned_ms - (now_ms - left).max(0)).max(planned_ms / 10)
}

/// What was promised of a stop when it was the next one, and when it was further ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Issued {
    next_ms: Option<i64>,
    far_ms: Option<i64>,
}

/// Learns from the events of the fleet: ratios of actual to planned times, and the width of the spread from what was
/// promised and what came. A fold over the log, so that it can be rebuilt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learner {
    /// What is known so far.
    pub model: EtaModel,
    issued: BTreeMap<String, Issued>,
    /// Arrivals at the next stop, and those not later than promised in nine of ten.
    pub next: (u64, u64),
    /// The same for stops further ahead.
    pub far: (u64, u64),
}

impl Learner {
    /// Folds one event in; `state` already has it.
    pub fn apply(&mut self, state: &State, event: &Event, zone_offset_s: i64) {
        match event {
            Event::StopArrived(e) => {
                let Some((trip, visit, stop)) = state.visit(&e.visit) else { return };
                if let Some(before) = stop.index.checked_sub(1).map(|i| &trip.visits[i])
                    && let Some(left) = state.stops.get(&before.visit).and_then(|s| s.left_ms)
                {
                    let planned_s = (visit.arrive_ms - before.depart_ms) / 1_000;
                    let hour = hour_of(left, zone_offset_s);
                    self.model.drive.learn(hour, planned_s, (e.at_ms - left) / 1_000);
                }
                self.settle(&e.visit, e.at_ms);
            }
            Event::StopServed(e) => {
                let Some((trip, visit, stop)) = state.visit(&e.visit) else { return };
                if let Some(came) = stop.arrived_ms
                    && stop.index > 0
                {
                    let waits = visit.start_ms > visit.arrive_ms;
                    let begins = if waits { came.max(visit.start_ms) } else { came };
                    let planned_s = (visit.depart_ms - visit.start_ms.max(visit.arrive_ms)) / 1_000;
                    let hour = hour_of(came, zone_offset_s);
                    self.model.serve.learn(hour, planned_s, (e.at_ms - begins).max(0) / 1_000);
                }
                for (n, eta) in
                    ahead(state, &self.model, &trip.trip, e.at_ms, None, zone_offset_s).iter().enumerate()
                {
                    let issued = self.issued.entry(eta.visit.clone()).or_default();
                    if n == 0 {
                        issued.next_ms = Some(eta.p90_ms);
                    } else {
                        issued.far_ms.get_or_insert(eta.p90_ms);
                    }
                }
            }
            Event::StopFailed(e) => {
                self.issued.remove(&e.visit);
            }
            // A changed trip makes what was promised of its stops void.
            Event::TripPlanned(e) => {
                for visit in &e.trip.visits {
                    self.issued.remove(&visit.visit);
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self, visit: &str, at_ms: i64) {
        let Some(issued) = self.issued.remove(visit) else { return };
        for (which, promised) in [(0, issued.next_ms), (1, issued.far_ms)] {
            let Some(promised) = promised else { continue };
            let held = at_ms <= promised;
            let counts = if which == 0 { &mut self.next } else { &mut self.far };
            counts.0 += 1;
            counts.1 += u64::from(held);
            let width = &mut self.model.width[which];
            *width = (*width + if held { -WIDEN / 9 } else { WIDEN }).clamp(WIDTH.0, WIDTH.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_experience_the_plan_is_the_median() {
        let spread = Spread::default();
        assert_eq!(spread.percent(9, 500), 100);
        assert!(spread.percent(9, 900) >= 120);
    }

    #[test]
    fn experience_moves_its_own_hour_most() {
        let mut spread = Spread::default();
        for _ in 0..500 {
            spread.learn(8, 600, 900);
        }
        assert_eq!(spread.percent(8, 500), 150);
        assert!(spread.percent(9, 500) <= 150, "the other hours learn less of it");
        assert!(spread.percent(8, 900) < 160);
    }

    #[test]
    fn the_width_settles_where_one_in_ten_is_late() {
        let mut learner = Learner::default();
        let mut seed: u64 = 7;
        for n in 0..4_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Truth is spread evenly over 1,000; the promise is 500 wide times the width.
            let truth = (seed >> 33) as i64 % 1_000;
            let promised = 500 * learner.model.width[0] / 1_000;
            learner.issued.insert("v".into(), Issued { next_ms: Some(promised), far_ms: None });
            learner.settle("v", truth);
            if n == 999 {
                learner.next = (0, 0);
            }
        }
        let (all, held) = learner.next;
        assert!((850..=950).contains(&(held * 1_000 / all)), "{held} of {all}");
    }

    #[test]
    fn nonsense_teaches_nothing() {
        let mut spread = Spread::default();
        for _ in 0..1_000 {
            spread.learn(8, 10, 5_000);
            spread.learn(8, 600, -1);
        }
        assert_eq!(spread, Spread::default());
    }
}
