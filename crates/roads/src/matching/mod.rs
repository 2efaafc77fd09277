//! Map matching: which roads a vehicle drove, from its noisy fixes.
//!
//! A hidden Markov model after Newson and Krumm ("Hidden Markov map matching through noise and sparseness", 2009):
//! the hidden state is a place on a directed road, a fix is seen with normal noise about it, and ways between fixes
//! are the likelier the less longer they are than the crow flies. Three changes:
//!
//! - the price of a way is a blend of its length and its driving time, linear in the way, so one search serves all
//!   candidates of a step;
//! - dense tracks are condensed to knots whose noise is measured and averaged first: more fixes then help instead of
//!   harming;
//! - time is heeded: a way that no vehicle could have driven in the time between two fixes is priced out, and a fix
//!   that nothing can reach is left out before the track is cut.
//!
//! Each matched fix has a confidence: the share of the surviving explanations that pass through the same road.

mod candidates;
mod lattice;
mod online;
mod path;
mod search;
mod track;

pub use online::OnlineMatcher;
pub use path::{MatchedFix, MatchedPiece, Matching};

use crate::graph::INF_MS;
use crate::{Network, ProfileId, RoadsError};
use candidates::candidates;
use lattice::Lattice;
use search::{Arrival, Bounds, Cost, Costs, FAR, OnArc, Scratch, Seed};
use std::sync::{Mutex, PoisonError};
use xiangyun_model::geo::LonLat;
use xiangyun_model::path::PathLength;

/// Most fixes in one offline matching.
pub const FIXES_MAX: usize = 2_000_000;

/// Standard deviation assumed before a track was measured, metres.
const SIGMA_FIRST_M: f64 = 12.0;
/// A measured deviation this much off the assumed one is worth a second matching.
const SIGMA_RATIO: f64 = 1.35;

/// A position report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Seconds on any clock that goes forward (Unix time, for example).
    pub time_s: f64,
    /// WGS-84 place.
    pub place: LonLat,
    /// Standard deviation in metres that the receiver claims, if it does.
    pub accuracy_m: Option<f64>,
}

/// Settings of a matcher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchOptions {
    /// Standard deviation of a fix in each axis, metres; `None` measures it on each track.
    pub sigma_m: Option<f64>,
    /// Fastest driving believed, metres per second.
    pub speed_max_m_per_s: f64,
    /// A gap in time from which a track is cut, seconds.
    pub gap_s: f64,
    /// Longest wait of the online matcher before it commits itself, seconds.
    pub delay_s: f64,
}

impl Default for MatchOptions {
    fn default() -> Self {
        Self { sigma_m: None, speed_max_m_per_s: 45.0, gap_s: 600.0, delay_s: 60.0 }
    }
}

impl MatchOptions {
    /// Bounds that keep arithmetic sane whatever the caller says.
    fn sane(self) -> Self {
        let of = |v: f64, low: f64, high: f64, default: f64| {
            if v.is_finite() { v.clamp(low, high) } else { default }
        };
        Self {
            sigma_m: self.sigma_m.map(|s| of(s, 1.0, 200.0, SIGMA_FIRST_M)),
            speed_max_m_per_s: of(self.speed_max_m_per_s, 5.0, 150.0, 45.0),
            gap_s: of(self.gap_s, 10.0, 86_400.0, 600.0),
            delay_s: of(self.delay_s, 0.0, 3_600.0, 60.0),
        }
    }
}

/// A matcher for one profile of a network. Cheap to ask, reusable, shareable between threads.
pub struct Matcher<'n> {
    network: &'n Network,
    profile: ProfileId,
    options: MatchOptions,
    costs: Costs,
    spare: Mutex<Vec<Scratch>>,
}

/// Share of driving time in the price of a way; the rest is length. Drivers follow time, noise follows length.
const TIME_SHARE: f64 = 0.6;
/// Metres that a second of driving is worth: 50 km/h.
const M_PER_S: f64 = 50.0 / 3.6;
/// What breaking a rule of the profile costs (a barrier, a closed road, a banned turn): it happens, and maps err.
const RULE_BROKEN_M: f64 = 120.0;

impl<'n> Matcher<'n> {
    /// A matcher for a profile. Costs follow the profile's speeds of the first time band; closures of the day do not
    /// matter to where a vehicle has been.
    ///
    /// # Errors
    /// [`RoadsError::UnknownProfile`].
    pub fn new(network: &'n Network, profile: ProfileId, options: MatchOptions) -> Result<Self, RoadsError> {
        let count = network.profiles().len();
        if usize::from(profile.0) >= count {
            let name = format!("#{}", profile.0);
            return Err(RoadsError::UnknownProfile { name, have: count.to_string() });
        }
        let metric = &network.graph.metrics[usize::from(profile.0) * network.bands().len()];
        let graph = &network.graph;
        let millimetres = |metres: f64| (metres * 1_000.0).min(1e9) as Cost;
        let arc = (0..graph.segment_count() * 2)
            .map(|a| {
                let metres = f64::from(graph.seg_mm[a / 2]) / 1_000.0;
                let ms = metric.arc_ms[a];
                if ms >= INF_MS {
                    return millimetres(metres * 2.0 + RULE_BROKEN_M / 4.0);
                }
                let seconds = f64::from(ms) / 1_000.0;
                millimetres(metres * (1.0 - TIME_SHARE) + seconds * M_PER_S * TIME_SHARE)
            })
            .collect();
        let turn = metric
            .turn_ms
            .iter()
            .map(|ms| {
                if *ms >= INF_MS {
                    millimetres(RULE_BROKEN_M)
                } else {
                    millimetres(f64::from(*ms) / 1_000.0 * M_PER_S * TIME_SHARE * 0.5)
                }
            })
            .collect();
        let costs = Costs { arc, turn };
        Ok(Self { network, profile, options: options.sane(), costs, spare: Mutex::new(Vec::new()) })
    }

    /// The network matched against.
    #[must_use]
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The profile matched for.
    #[must_use]
    pub fn profile(&self) -> ProfileId {
        self.profile
    }

    /// The options in force.
    #[must_use]
    pub fn options(&self) -> &MatchOptions {
        &self.options
    }

    fn scratch(&self) -> Scratch {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push(scratch);
    }

    /// Matches a whole track. Fixes that are not places, go back in time or jump are left out and say so.
    ///
    /// # Errors
    /// [`RoadsError::TooMuch`] beyond [`FIXES_MAX`].
    pub fn match_track(&self, fixes: &[Fix]) -> Result<Matching, RoadsError> {
        if fixes.len() > FIXES_MAX {
            return Err(RoadsError::TooMuch {
                what: "fixes of a track",
                found: fixes.len() as u64,
                max: FIXES_MAX as u64,
            });
        }
        Ok(self.match_bounded(fixes))
    }

    /// As [`Matcher::match_track`] for a track within the bound. Without a known deviation the track is matched with
    /// a middling one, measured against its own road, and matched again if that tells otherwise.
    pub(crate) fn match_bounded(&self, fixes: &[Fix]) -> Matching {
        let sigma = self.options.sigma_m.unwrap_or(SIGMA_FIRST_M);
        let matching = self.match_once(fixes, sigma);
        if self.options.sigma_m.is_some() {
            return matching;
        }
        let measured = measured_sigma(&matching);
        match measured.filter(|m| *m > sigma * SIGMA_RATIO || *m < sigma / SIGMA_RATIO) {
            Some(m) => self.match_once(fixes, m),
            None => matching,
        }
    }

    fn match_once(&self, fixes: &[Fix], sigma: f64) -> Matching {
        let track = track::condense(fixes, sigma);
        let mut lattice = Lattice::new(self, track.dense);
        for knot in &track.knots {
            lattice.push(*knot);
        }
        let pieces = lattice.finish();
        path::assemble(self, fixes, &track.dropped, &pieces)
    }
}

/// Standard deviation of the fixes across their road: the sideways part of the noise, by its median.
fn measured_sigma(matching: &Matching) -> Option<f64> {
    let mut off: Vec<f64> = matching.fixes.iter().flatten().map(|f| f.moved_m).collect();
    if off.len() < 8 {
        return None;
    }
    let middle = off.len() / 2;
    // The median of the absolute value of a normal variable is 0.6745 of its deviation. The floor is the map's own.
    let median = *off.select_nth_unstable_by(middle, f64::total_cmp).1;
    Some((median / 0.6745).clamp(4.0, 80.0))
}

impl PathLength for Matcher<'_> {
    /// Metres of the likeliest way between two places; `None` where no road is near, no way leads there, or the way
    /// could not have been driven in the time.
    fn path_length_m(&self, from: LonLat, to: LonLat, elapsed_s: f64) -> Option<f64> {
        let graph = &self.network.graph;
        let radius = (self.options.sigma_m.unwrap_or(SIGMA_FIRST_M) * 3.5).clamp(30.0, 150.0);
        let (mut seen, mut here, mut there) = (Vec::new(), Vec::new(), Vec::new());
        candidates(graph, from, radius, None, &mut seen, &mut here);
        candidates(graph, to, radius, None, &mut seen, &mut there);
        if here.is_empty() || there.is_empty() {
            return None;
        }
        // Being off a road by a metre is as bad as driving three more.
        let off = |metres: f64| (metres * 3_000.0) as Cost;
        let seeds: Vec<Seed> = here
            .iter()
            .enumerate()
            .map(|(i, c)| Seed { on: c.on, cost: off(c.metres), number: i as u32 })
            .collect();
        let targets: Vec<OnArc> = there.iter().map(|c| c.on).collect();
        let crow = from.metres_to(to);
        let bounds = Bounds {
            reach: ((crow * 4.0 + 3_000.0) * 1_000.0).min(2e9) as Cost,
            margin: off(radius * 2.0),
            round: 60_000,
        };
        let mut scratch = self.scratch();
        let mut out: Vec<Arrival> = Vec::new();
        scratch.run(graph, &self.costs, &seeds, &targets, &bounds, &mut out);
        let best = (0..out.len())
            .filter(|i| out[*i].cost != FAR)
            .min_by_key(|i| (out[*i].cost.saturating_add(off(there[*i].metres)), *i));
        let metres = best.map(|i| {
            let mut arcs = Vec::new();
            scratch.way(graph, &out[i], &mut arcs);
            let seed = &seeds[out[i].seed as usize];
            path::way_metres(graph, seed.on, out[i].round, &arcs, targets[i])
        });
        self.give_back(scratch);
        let slack = 2.0 * radius;
        metres.filter(|m| {
            !elapsed_s.is_finite() || *m <= self.options.speed_max_m_per_s * elapsed_s.max(0.0) + slack
        })
    }
}
