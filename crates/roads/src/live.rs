//! Roads that close, reopen or slow down while questions are asked.
//!
//! Each metric has two sets of weights. A change is worked into the spare one, which is then put in the place of the
//! other by one pointer; questions that already run keep the set they began with, new ones see the change. The old
//! set becomes the spare once its last reader is gone; what it missed is worked in with the next change.

use crate::RoadsError;
use crate::contraction::memo::Memo;
use crate::contraction::partial::{self, Changes};
use crate::contraction::{Topology, Weights, customize};
use crate::graph::{INF_MS, REACH_MS};
use crate::network::{BandId, Network, ProfileId, SegmentId, Snapshot, ends_of};
use crate::query::weight::Weight;
use arc_swap::ArcSwap;
use std::sync::{Arc, PoisonError};

/// From one state in so many on, a change is worked in by customizing the whole metric.
const WHOLE_FROM_SHARE: usize = 40;

/// What the one writer keeps between changes.
#[derive(Default)]
pub(crate) struct Desk {
    spares: Vec<Spare>,
    room: partial::Desk,
}

impl Desk {
    pub(crate) fn new(metrics: usize) -> Self {
        Self { spares: (0..metrics).map(|_| Spare::default()).collect(), room: partial::Desk::default() }
    }

    /// Takes the times of a metric as they are for the prepared ones; whether they were others.
    pub(crate) fn adopt(&mut self, metric: usize) -> bool {
        std::mem::take(&mut self.spares[metric].differing) > 0
    }
}

/// Times and weights that the writer may change.
struct Set {
    arc_ms: Vec<u32>,
    weights: Vec<Weight>,
    memo: Memo,
}

impl Set {
    fn copy(of: &Snapshot) -> Self {
        let memo = Memo::new(of.weights.all.len());
        Self { arc_ms: of.arc_ms.to_vec(), weights: of.weights.all.to_vec(), memo }
    }

    /// For readers; `prepared` says whether the times are the prepared ones.
    fn publish(self, topology: &Topology, prepared: bool) -> Arc<Snapshot> {
        let weights = Weights::new(topology, self.weights);
        Arc::new(Snapshot { arc_ms: self.arc_ms.into(), weights, memo: self.memo, prepared })
    }
}

/// The set of a metric that nobody reads now.
#[derive(Default)]
struct Spare {
    set: Option<Set>,
    /// The last set that was replaced, perhaps still read.
    retired: Option<Arc<Snapshot>>,
    /// Times and weights that changed since the spare was current.
    missed_ms: Vec<(u32, u32)>,
    missed: Changes,
    /// More changed than is told: the live set is copied.
    stale: bool,
    /// Arcs whose times are not the prepared ones.
    differing: usize,
}

impl Spare {
    /// Takes back the retired set if its readers are gone.
    fn reclaim(&mut self) {
        if self.set.is_some() {
            return;
        }
        if let Some(retired) = self.retired.take() {
            match Arc::try_unwrap(retired) {
                Ok(Snapshot { arc_ms, weights, memo, .. }) => {
                    if let (Some(arc_ms), Some(weights)) = (arc_ms.into_owned(), weights.all.into_owned()) {
                        self.set = Some(Set { arc_ms, weights, memo });
                    }
                }
                Err(held) => self.retired = Some(held),
            }
        }
    }

    /// The spare, brought up to date; a copy of the live set where there is none.
    fn current(&mut self, live: &Snapshot) -> Set {
        self.reclaim();
        let (missed_ms, missed) = (std::mem::take(&mut self.missed_ms), std::mem::take(&mut self.missed));
        let stale = std::mem::take(&mut self.stale);
        match self.set.take() {
            Some(mut set) if stale => {
                set.arc_ms.copy_from_slice(&live.arc_ms);
                set.weights.copy_from_slice(&live.weights.all);
                set.memo = Memo::new(set.weights.len());
                set
            }
            Some(mut set) => {
                missed_ms.iter().for_each(|(arc, ms)| set.arc_ms[*arc as usize] = *ms);
                missed.replay(&mut set.weights, &mut set.memo);
                set
            }
            // The first change, or readers that hold both sets.
            None => Set::copy(live),
        }
    }
}

impl Network {
    /// Closes segments for all profiles and bands, in both directions. Visible to the next question; questions
    /// that run are neither blocked nor disturbed.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`]; nothing is closed then.
    pub fn close(&self, segments: &[SegmentId]) -> Result<(), RoadsError> {
        self.change(segments, |_| INF_MS)
    }

    /// Takes closures and other speeds off segments again.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`]; nothing is changed then.
    pub fn reopen(&self, segments: &[SegmentId]) -> Result<(), RoadsError> {
        self.change(segments, |base| base)
    }

    /// Sets the driving time of segments to a share of the prepared one, in percent, for all profiles and bands: 200
    /// doubles it. Closed directions stay closed.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`] and [`RoadsError::BadRequest`] for a share outside 10 to 10,000.
    pub fn slow(&self, segments: &[SegmentId], percent: u32) -> Result<(), RoadsError> {
        if !(10..=10_000).contains(&percent) {
            return Err(RoadsError::BadRequest {
                what: format!("{percent} percent; 10 to 10,000 can be set"),
            });
        }
        self.change(segments, |base| {
            if base >= INF_MS {
                return base;
            }
            let ms = u64::from(base) * u64::from(percent) / 100;
            #[allow(clippy::cast_possible_truncation)] // below REACH_MS by the bound
            let ms = ms.clamp(1, u64::from(REACH_MS)) as u32;
            ms
        })
    }

    /// Segments whose driving times differ from the prepared ones for any profile now, ascending.
    #[must_use]
    pub fn changed(&self) -> Vec<SegmentId> {
        let mut differs = vec![false; self.graph.segment_count()];
        for (live, metric) in self.live.iter().zip(&self.graph.metrics) {
            let now = live.load_full();
            // A metric that was never changed shares its times with the file.
            if now.arc_ms.as_ptr() == metric.arc_ms.as_ptr() {
                continue;
            }
            for (arc, (a, b)) in now.arc_ms.iter().zip(&metric.arc_ms[..]).enumerate() {
                differs[arc >> 1] |= a != b;
            }
        }
        #[allow(clippy::cast_possible_truncation)] // segments fit u32
        differs.iter().enumerate().filter(|(_, d)| **d).map(|(s, _)| SegmentId(s as u32)).collect()
    }

    /// Makes ready for changes of one metric: copies of its weights that the first changes would have to make, and a plan
    /// that makes all of them quicker (four to sixteen bytes for each detour of the hierarchy).
    ///
    /// # Errors
    /// Unknown ids.
    pub fn make_live(&self, profile: ProfileId, band: BandId) -> Result<(), RoadsError> {
        let metric = self.metric(profile, band)?;
        self.plan();
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = &mut desk.spares[metric];
        if spare.set.is_none() {
            let now = self.live[metric].load_full();
            self.live[metric].store(Set::copy(&now).publish(&self.topology, now.prepared));
            spare.set = Some(Set::copy(&now));
            (spare.retired, spare.stale) = (None, false);
            spare.missed_ms.clear();
            spare.missed = Changes::default();
        }
        Ok(())
    }

    /// Customizes one metric as a whole from its present times and puts the result in place: the same weights as
    /// before. For measurement, and for checks of what partial changes left.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn recustomize(&self, profile: ProfileId, band: BandId) -> Result<(), RoadsError> {
        let metric = self.metric(profile, band)?;
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let spare = &mut desk.spares[metric];
        let now = self.live[metric].load_full();
        let mut set = spare.current(&now);
        let ends = ends_of(&self.graph, &self.profiles, metric, &set.arc_ms);
        customize::customize_into(&self.topology, self.plan(), &ends, &mut set.weights);
        drop(now);
        let prepared = spare.differing == 0;
        spare.retired = Some(self.live[metric].swap(set.publish(&self.topology, prepared)));
        spare.reclaim();
        Ok(())
    }

    /// As [`Network::recustomize`] for all metrics in one pass, several at once.
    pub fn recustomize_all(&self) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let now: Vec<Arc<Snapshot>> = self.live.iter().map(ArcSwap::load_full).collect();
        let mut sets: Vec<Set> =
            desk.spares.iter_mut().zip(&now).map(|(spare, now)| spare.current(now)).collect();
        let (ends, mut weights): (Vec<_>, Vec<_>) = sets
            .iter_mut()
            .enumerate()
            .map(|(metric, set)| {
                (ends_of(&self.graph, &self.profiles, metric, &set.arc_ms), &mut set.weights[..])
            })
            .unzip();
        customize::customize_all(&self.topology, self.plan(), &ends, &mut weights);
        drop((now, ends));
        for ((set, live), spare) in sets.into_iter().zip(&self.live).zip(&mut desk.spares) {
            let prepared = spare.differing == 0;
            spare.retired = Some(live.swap(set.publish(&self.topology, prepared)));
            spare.reclaim();
        }
    }

    /// Applies a change to all metrics. `to` gives an arc's new time from its prepared one.
    pub(crate) fn change(&self, segments: &[SegmentId], to: impl Fn(u32) -> u32) -> Result<(), RoadsError> {
        for s in segments {
            self.check_segment(*s)?;
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let Desk { spares, room } = &mut *desk;
        for (metric, spare) in spares.iter_mut().enumerate() {
            let base = &self.graph.metrics[metric].arc_ms;
            let arcs = segments.iter().flat_map(|s| [s.0 * 2, s.0 * 2 + 1]);
            self.work_in(metric, (spare, room), arcs.map(|arc| (arc, to(base[arc as usize]))));
        }
        Ok(())
    }

    /// Gives arcs of one metric other times, except those that are closed now.
    pub(crate) fn retime(&self, metric: usize, times: &[(u32, u32)]) {
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.live[metric].load_full();
        let open = times.iter().filter(|(arc, _)| now.arc_ms[*arc as usize] < INF_MS).copied();
        let open: Vec<(u32, u32)> = open.collect();
        drop(now);
        let Desk { spares, room } = &mut *desk;
        self.work_in(metric, (&mut spares[metric], room), open.into_iter());
    }

    /// Works times of arcs into the spare set of a metric and puts it in the place of the live one.
    fn work_in(
        &self,
        metric: usize,
        (spare, room): (&mut Spare, &mut partial::Desk),
        times: impl Iterator<Item = (u32, u32)>,
    ) {
        let now = self.live[metric].load_full();
        let arcs: Vec<(u32, u32)> = times.filter(|(arc, ms)| now.arc_ms[*arc as usize] != *ms).collect();
        if arcs.is_empty() {
            return;
        }
        let mut set = spare.current(&now);
        drop(now);
        let graph = &self.graph;
        let base = &graph.metrics[metric].arc_ms;
        for (arc, ms) in &arcs {
            let (slot, base) = (&mut set.arc_ms[*arc as usize], base[*arc as usize]);
            spare.differing += usize::from(*ms != base);
            spare.differing -= usize::from(*slot != base);
            *slot = *ms;
        }
        let ends = ends_of(graph, &self.profiles, metric, &set.arc_ms);
        let changes = if arcs.len() * WHOLE_FROM_SHARE > graph.state_count() {
            customize::customize_into(&self.topology, self.plan(), &ends, &mut set.weights);
            set.memo = Memo::new(set.weights.len());
            None
        } else {
            let turns = arcs.iter().flat_map(|(arc, _)| {
                let plain = graph.arc_state[*arc as usize];
                let plain = (plain != crate::graph::NONE).then_some(plain);
                plain
                    .into_iter()
                    .chain(graph.copies_of(*arc))
                    .flat_map(|state| partial::arcs_into(&self.topology, state))
            });
            let on = (&self.topology, self.plan.get());
            Some(partial::update(on, &ends, &mut set.weights, &mut set.memo, turns, room))
        };
        let old = self.live[metric].swap(set.publish(&self.topology, spare.differing == 0));
        spare.stale = changes.is_none();
        spare.missed_ms = arcs;
        spare.missed = changes.unwrap_or_default();
        spare.retired = Some(old);
        spare.reclaim();
    }
}
