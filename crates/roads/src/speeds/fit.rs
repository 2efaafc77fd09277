//! From runs of driving to speeds: medians by class, shrunk robust means by road, and the error on unseen drives.

use super::{ClassFactor, LearnedSpeeds, Run, Sample, SpeedReport, SpeedStudy};
use crate::graph::INF_MS;
use crate::osm::RoadClass;
use std::collections::BTreeMap;

/// A class's median weighs like this many samples against the profile.
const CLASS_PRIOR: f64 = 20.0;
/// A road's own mean weighs like this many drives against its class.
const ROAD_PRIOR: f64 = 3.0;
/// Deviations from the class beyond this (in logarithms) are cut: 40 %.
const CUT: f64 = 0.34;
/// Seconds on a road that make a full sample of it.
const FULL_S: f64 = 6.0;
/// One drive in so many is kept for judging.
const HELD_OUT: u32 = 5;

/// A fit: logarithms by band and class, and by band and arc.
#[derive(Debug, Default)]
struct Model {
    class: BTreeMap<(u8, u8), (usize, f64)>,
    road: BTreeMap<(u8, u32), f64>,
}

impl Model {
    fn log(&self, band: u8, arc: u32, class: RoadClass) -> f64 {
        let of_class = || self.class.get(&(band, class as u8)).map_or(0.0, |c| c.1);
        self.road.get(&(band, arc)).copied().unwrap_or_else(of_class)
    }
}

impl SpeedStudy<'_> {
    fn class(&self, arc: u32) -> RoadClass {
        self.network.graph.class(arc >> 1)
    }

    fn samples<'a>(&'a self, runs: impl Iterator<Item = &'a Run> + 'a) -> impl Iterator<Item = Sample> + 'a {
        runs.flat_map(|run| {
            let expected: f64 = run.parts.iter().map(|p| p.1).sum();
            #[allow(clippy::cast_possible_truncation)] // logarithms of small ratios
            let log = ((run.took_s - run.delays_s).max(0.1) / expected.max(0.001)).ln() as f32;
            run.parts.iter().map(move |(arc, s)| {
                #[allow(clippy::cast_possible_truncation)] // seconds of one road
                let expected_s = *s as f32;
                Sample { arc: *arc, band: run.band, drive: run.drive, log, expected_s }
            })
        })
    }

    fn model<'a>(&'a self, runs: impl Iterator<Item = &'a Run> + 'a) -> Model {
        let samples: Vec<Sample> = self.samples(runs).collect();
        let mut by_class: BTreeMap<(u8, u8), Vec<(f32, f32)>> = BTreeMap::new();
        for s in &samples {
            by_class.entry((s.band, self.class(s.arc) as u8)).or_default().push((s.log, s.expected_s));
        }
        let mut model = Model::default();
        for (key, mut list) in by_class {
            let n = list.len() as f64;
            let median = f64::from(weighted_median(&mut list));
            model.class.insert(key, (list.len(), median * n / (n + CLASS_PRIOR)));
        }
        // By drive first, so that a slow crawl full of fixes is one drive's word.
        let mut by_road: BTreeMap<(u8, u32), BTreeMap<u32, (f64, f64)>> = BTreeMap::new();
        for s in &samples {
            let drive = by_road.entry((s.band, s.arc)).or_default().entry(s.drive).or_default();
            drive.0 += f64::from(s.log) * f64::from(s.expected_s);
            drive.1 += f64::from(s.expected_s);
        }
        for ((band, arc), drives) in by_road {
            let centre = model.class.get(&(band, self.class(arc) as u8)).map_or(0.0, |c| c.1);
            let (mut sum, mut weight) = (0.0, 0.0);
            for (log, seconds) in drives.values().filter(|d| d.1 > 0.0) {
                let w = (seconds / FULL_S).min(1.0);
                sum += w * (log / seconds - centre).clamp(-CUT, CUT);
                weight += w;
            }
            model.road.insert((band, arc), centre + sum / (weight + ROAD_PRIOR));
        }
        model
    }

    /// Median error of driving time of runs, in percent, under a model.
    fn error<'a>(&'a self, runs: impl Iterator<Item = &'a Run>, model: &Model) -> f64 {
        let mut errors: Vec<f64> = runs
            .map(|run| {
                let expected: f64 = run
                    .parts
                    .iter()
                    .map(|(arc, s)| s * model.log(run.band, *arc, self.class(*arc)).exp())
                    .sum();
                ((expected + run.delays_s - run.took_s) / run.took_s).abs() * 100.0
            })
            .collect();
        if errors.is_empty() {
            return 0.0;
        }
        let middle = errors.len() / 2;
        *errors.select_nth_unstable_by(middle, f64::total_cmp).1
    }

    /// Fits speeds to all drives and says how good they are on drives that a fit has not seen.
    #[must_use]
    pub fn fit(&self) -> (LearnedSpeeds, SpeedReport) {
        let held = |run: &&Run| run.drive % HELD_OUT == HELD_OUT - 1;
        let trial = self.model(self.runs.iter().filter(|r| !held(r)));
        let error = |model: &Model| self.error(self.runs.iter().filter(held), model);
        let (before, after) = (error(&Model::default()), error(&trial));
        let model = self.model(self.runs.iter());
        let graph = &self.network.graph;
        let bands = self.network.bands();
        let mut times = Vec::with_capacity(bands.len());
        for band in 0..bands.len() {
            let metric = self.network.profiles.metric(usize::from(self.profile.0), band);
            let mut list = Vec::new();
            for (arc, ms) in (0u32..).zip(graph.metrics[metric].arc_ms.iter()) {
                #[allow(clippy::cast_possible_truncation)] // at most BANDS_MAX
                let log = model.log(band as u8, arc, self.class(arc));
                if *ms >= INF_MS || log == 0.0 {
                    continue;
                }
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
                let now =
                    (f64::from(*ms) * log.exp()).round().clamp(1.0, f64::from(crate::graph::REACH_MS)) as u32;
                if now != *ms {
                    list.push((arc, now));
                }
            }
            times.push(list);
        }
        let classes = model
            .class
            .iter()
            .map(|((band, class), (samples, log))| ClassFactor {
                band: bands[usize::from(*band)].name.clone(),
                class: RoadClass::from_number(*class).unwrap_or(RoadClass::Road),
                samples: *samples,
                factor: log.exp(),
            })
            .collect();
        let report = SpeedReport {
            drives: self.drives,
            km: self.metres / 1000.0,
            runs: self.runs.len(),
            stops: self.stops,
            odd: self.odd,
            roads: model.road.len(),
            classes,
            held_out: self.runs.iter().filter(held).count(),
            error_before_percent: before,
            error_after_percent: after,
        };
        (LearnedSpeeds { profile: self.profile, times }, report)
    }
}

/// Median of values by their weights.
fn weighted_median(list: &mut [(f32, f32)]) -> f32 {
    list.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = list.iter().map(|v| f64::from(v.1)).sum::<f64>() / 2.0;
    let mut sum = 0.0;
    for (value, weight) in list.iter() {
        sum += f64::from(*weight);
        if sum >= half {
            return *value;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_heed_weights() {
        assert_eq!(weighted_median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(weighted_median(&mut [(3.0, 5.0), (1.0, 1.0), (2.0, 1.0)]), 3.0);
        assert_eq!(weighted_median(&mut []), 0.0);
    }
}
