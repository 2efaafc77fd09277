//! When a vehicle will be at its next stops: planned legs and service stretched by what the fleet itself has shown,
//! as a median and a value that holds in nine cases of ten.
//!
//! For each hour of the day the model keeps how much longer legs and services took than planned, as counts over fixed
//! ratio classes. A new hour starts from a prior of [`PRIOR_WEIGHT`] observations, so a few odd trips do not rule it.
//! Spread of several legs adds up as of independent parts: the squares of the deviations are summed.

use crate::state::{State, StopPhase};
use serde::{Deserialize, Serialize};

/// Ratio classes in percent of the planned time: 50 % to 300 %.
const CLASSES: [i64; 18] =
    [50, 60, 70, 80, 85, 90, 95, 100, 105, 110, 120, 130, 140, 160, 180, 210, 250, 300];
/// Weight of the prior in observations.
pub const PRIOR_WEIGHT: u32 = 20;
/// The prior: nine tenths within 130 %, median 100 %.
const PRIOR: [u32; 18] = [0, 0, 0, 1, 1, 2, 3, 4, 3, 2, 1, 1, 1, 1, 0, 0, 0, 0];
/// Shortest planned time that teaches anything, in seconds.
const TEACHES_S: i64 = 60;

/// What is learned of one kind of time: driving or serving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Counts by hour of the day and class.
    counts: Vec<[u32; CLASSES.len()]>,
}

impl Default for Spread {
    fn default() -> Self {
        Self { counts: vec![[0; CLASSES.len()]; 24] }
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
        self.counts[hour % 24][class] = self.counts[hour % 24][class].saturating_add(1);
    }

    /// The ratio in percent that a part of `per_mille` of the observations stays within.
    #[must_use]
    pub fn percent(&self, hour: usize, per_mille: u32) -> i64 {
        let weight = |i: usize| u64::from(self.counts[hour % 24][i] + PRIOR[i] * PRIOR_WEIGHT / 20);
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtaModel {
    /// Driving.
    pub drive: Spread,
    /// Serving a stop.
    pub serve: Spread,
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
    usize::try_from((at_ms / 1_000 + zone_offset_s).rem_euclid(86_400) / 3_600).unwrap_or(0)
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
    let phase = |i: usize| state.stops.get(&trip.visits[i].visit).map_or(StopPhase::Planned, |s| s.phase);
    let is_over = |p: StopPhase| matches!(p, StopPhase::Served | StopPhase::Failed | StopPhase::Skipped);
    let first = (0..trip.visits.len()).find(|i| !is_over(phase(*i))).unwrap_or(trip.visits.len());
    let mut out = Vec::new();
    let mut median_ms = now_ms;
    let mut spread_sq: f64 = 0.0;
    for (i, visit) in trip.visits.iter().enumerate().skip(first) {
        let hour = hour_of(median_ms, zone_offset_s);
        if i > first || (i == first && phase(i) != StopPhase::Arrived && i > 0) {
            let planned_ms = visit.arrive_ms - trip.visits[i - 1].depart_ms;
            let leg_ms = if i == first {
                remaining_s.map_or_else(|| left_of_leg(state, trip, i, planned_ms, now_ms), |s| s * 1_000)
            } else {
                planned_ms
            };
            add(&mut median_ms, &mut spread_sq, leg_ms.max(0), &model.drive, hour);
        }
        // A vehicle that is early waits for the planned opening only if the plan itself waits; stops never begin
        // before the vehicle is there.
        if phase(i) != StopPhase::Arrived {
            out.push(Eta {
                visit: visit.visit.clone(),
                p50_ms: median_ms,
                p90_ms: median_ms + spread_sq.sqrt().round() as i64,
                planned_ms: visit.arrive_ms,
                latest_ms: visit.latest_ms,
            });
        }
        let service_ms = (visit.depart_ms - visit.arrive_ms).max(0);
        add(&mut median_ms, &mut spread_sq, service_ms, &model.serve, hour);
    }
    out
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
    fn experience_moves_its_own_hour_only() {
        let mut spread = Spread::default();
        for _ in 0..500 {
            spread.learn(8, 600, 900);
        }
        assert_eq!(spread.percent(8, 500), 160, "150 % lies in the class up to 160 %");
        assert_eq!(spread.percent(9, 500), 100);
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
