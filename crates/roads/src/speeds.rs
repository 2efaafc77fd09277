//! Speeds learned from matched tracks, by road and time band.
//!
//! A track says how long a vehicle took between two of its fixes; the profile says how long it should have taken. The
//! logarithm of the ratio is a sample for every road driven in between. Medians by class correct the profile as a
//! whole; single roads are corrected on top, by robust means shrunk towards their class: a road driven once says
//! little, one driven often speaks for itself. Stops are left out: a parcel handed over is no slow road.

mod fit;

use crate::RoadsError;
use crate::graph::{INF_MS, NONE};
use crate::matching::{Fix, Matching};
use crate::network::{BandId, Network, ProfileId};
use crate::osm::RoadClass;
use serde::Serialize;

/// Shortest run of driving that becomes a sample, in seconds and in metres.
const RUN_S: f64 = 20.0;
const RUN_M: f64 = 120.0;
/// A vehicle that moves less than this between two fixes this far apart in time stands.
const STOP_M: f64 = 12.0;
const STOP_S: f64 = 25.0;
/// Ratios outside are stops or faults of a clock, not speeds.
const RATIO_MIN: f64 = 0.25;
const RATIO_MAX: f64 = 4.0;

/// Time taken on one road within a run, against the profile.
#[derive(Clone, Copy, Debug)]
struct Sample {
    arc: u32,
    band: u8,
    drive: u32,
    /// Natural logarithm of time taken over time expected, of the whole run.
    log: f32,
    /// Seconds expected on this road: how much of the run it is.
    expected_s: f32,
}

/// A run as a whole, for judging a fit on drives that it has not seen.
#[derive(Clone, Debug)]
struct Run {
    drive: u32,
    band: u8,
    took_s: f64,
    delays_s: f64,
    /// Arcs with the seconds expected on each.
    parts: Vec<(u32, f64)>,
}

/// Collects drives of one profile.
pub struct SpeedStudy<'n> {
    network: &'n Network,
    profile: ProfileId,
    runs: Vec<Run>,
    drives: u32,
    stops: u32,
    odd: u32,
    metres: f64,
}

/// Learned times of one profile.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnedSpeeds {
    pub(crate) profile: ProfileId,
    /// By band: arcs and their driving times in milliseconds.
    pub(crate) times: Vec<Vec<(u32, u32)>>,
}

impl LearnedSpeeds {
    /// Directed roads whose time is another than the prepared one, over all bands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.iter().map(Vec::len).sum()
    }

    /// Whether nothing was learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What was learned about a class in a band.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFactor {
    /// Name of the band.
    pub band: String,
    /// The class.
    pub class: RoadClass,
    /// Samples.
    pub samples: usize,
    /// Time taken over time of the profile, after shrinking.
    pub factor: f64,
}

/// What a study says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedReport {
    /// Tracks.
    pub drives: u32,
    /// Kilometres of driving that samples come from.
    pub km: f64,
    /// Runs of driving.
    pub runs: usize,
    /// Stops left out.
    pub stops: u32,
    /// Runs left out because no vehicle drives like that.
    pub odd: u32,
    /// Directed roads with samples of their own, over all bands.
    pub roads: usize,
    /// Factors of classes.
    pub classes: Vec<ClassFactor>,
    /// Runs of drives that the fit had not seen (one in five).
    pub held_out: usize,
    /// Median error of driving time on them with the profile's speeds, percent.
    pub error_before_percent: f64,
    /// The same with learned speeds.
    pub error_after_percent: f64,
}

impl<'n> SpeedStudy<'n> {
    /// A study for one profile.
    ///
    /// # Errors
    /// [`RoadsError::UnknownProfile`].
    pub fn new(network: &'n Network, profile: ProfileId) -> Result<Self, RoadsError> {
        network.metric(profile, BandId(0))?;
        Ok(Self { network, profile, runs: Vec::new(), drives: 0, stops: 0, odd: 0, metres: 0.0 })
    }

    /// Takes in one matched track. `band_of` gives the band of a fix's time.
    ///
    /// # Panics
    /// When the matching is of other fixes.
    pub fn add(&mut self, fixes: &[Fix], matching: &Matching, band_of: impl Fn(f64) -> BandId) {
        assert_eq!(fixes.len(), matching.fixes.len(), "a matching of these fixes");
        let drive = self.drives;
        self.drives += 1;
        let on_road: Vec<usize> = (0..fixes.len()).filter(|i| matching.fixes[*i].is_some()).collect();
        let mut open: Option<Run> = None;
        let mut open_m = 0.0;
        for pair in on_road.windows(2) {
            let (Some(a), Some(b)) = (&matching.fixes[pair[0]], &matching.fixes[pair[1]]) else { continue };
            let took_s = fixes[pair[1]].time_s - fixes[pair[0]].time_s;
            if a.piece != b.piece || took_s <= 0.0 {
                (open, open_m) = (None, 0.0);
                continue;
            }
            let piece = &matching.pieces[a.piece];
            let band = band_of(fixes[pair[0]].time_s);
            let Ok(metric) = self.network.metric(self.profile, band) else { continue };
            let mut step = Run { drive, band: band.0, took_s, delays_s: 0.0, parts: Vec::new() };
            let mut metres = 0.0;
            let mut sound = true;
            for k in a.stretch..=b.stretch {
                let s = &piece.stretches[k];
                let from = if k == a.stretch { a.share } else { s.from };
                let to = if k == b.stretch { b.share } else { s.to };
                let arc = s.segment.0 * 2 + u32::from(!s.forward);
                let ms = self.network.graph.metrics[metric].arc_ms[arc as usize];
                if ms >= INF_MS {
                    sound = false;
                    break;
                }
                let share = (to - from).abs();
                step.parts.push((arc, share * f64::from(ms) / 1000.0));
                metres += share * f64::from(self.network.graph.seg_mm[s.segment.0 as usize]) / 1000.0;
                if k > a.stretch {
                    step.delays_s += self.delay_s(metric, &piece.stretches[k - 1], arc);
                }
            }
            if !sound {
                (open, open_m) = (None, 0.0);
                continue;
            }
            if metres < STOP_M && took_s >= STOP_S {
                self.stops += 1;
                (open, open_m) = (None, 0.0);
                continue;
            }
            match &mut open {
                Some(run) if run.band == step.band => {
                    run.took_s += step.took_s;
                    run.delays_s += step.delays_s;
                    for (arc, s) in step.parts {
                        match run.parts.last_mut() {
                            Some(last) if last.0 == arc => last.1 += s,
                            _ => run.parts.push((arc, s)),
                        }
                    }
                    open_m += metres;
                }
                _ => (open, open_m) = (Some(step), metres),
            }
            if open.as_ref().is_some_and(|r| r.took_s >= RUN_S) && open_m >= RUN_M {
                self.keep(open.take(), open_m);
                open_m = 0.0;
            }
        }
    }

    fn keep(&mut self, run: Option<Run>, metres: f64) {
        let Some(run) = run else { return };
        let expected: f64 = run.parts.iter().map(|p| p.1).sum();
        let ratio = (run.took_s - run.delays_s) / expected.max(0.001);
        if (RATIO_MIN..=RATIO_MAX).contains(&ratio) {
            self.metres += metres;
            self.runs.push(run);
        } else if ratio > RATIO_MAX {
            self.stops += 1;
        } else {
            self.odd += 1;
        }
    }

    /// Seconds of the turn between two roads, 0 where the profile has none.
    fn delay_s(&self, metric: usize, from: &crate::Stretch, to: u32) -> f64 {
        let graph = &self.network.graph;
        let from = from.segment.0 * 2 + u32::from(!from.forward);
        let (a, b) = (graph.arc_state[from as usize], graph.arc_state[to as usize]);
        if a == NONE || b == NONE {
            return 0.0;
        }
        let turns = graph.turns(a);
        let turn = graph.turn_to[turns.clone()].binary_search(&b).ok().map(|i| turns.start + i);
        turn.map(|t| graph.metrics[metric].turn_ms[t])
            .filter(|ms| *ms < INF_MS)
            .map_or(0.0, |ms| f64::from(ms) / 1000.0)
    }
}

impl Network {
    /// Drives by learned speeds from the next question on: all bands of the profile are customized anew. Roads closed
    /// meanwhile stay closed.
    ///
    /// # Errors
    /// [`RoadsError::UnknownProfile`] for speeds of another network.
    pub fn learn(&self, speeds: &LearnedSpeeds) -> Result<(), RoadsError> {
        for (band, times) in (0u8..).zip(&speeds.times) {
            let metric = self.metric(speeds.profile, BandId(band))?;
            let arcs = self.graph.segment_count() * 2;
            if times.iter().any(|(arc, _)| *arc as usize >= arcs) {
                return Err(RoadsError::BadRequest { what: "speeds learned on another network".into() });
            }
            self.retime(metric, times);
        }
        Ok(())
    }
}
