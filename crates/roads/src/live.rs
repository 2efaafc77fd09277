//! Roads that close, reopen or slow down while questions are asked.
//!
//! Each metric has two sets of weights. A change is worked into the spare one, which is then put in the place of the
//! other by one pointer; questions that already run keep the set they began with, new ones see the change. The old
//! set becomes the spare once its last reader is gone; what it missed is worked in with the next change.

use crate::RoadsError;
use crate::contraction::{Weights, partial};
use crate::graph::{INF_MS, REACH_MS};
use crate::network::{BandId, Network, ProfileId, SegmentId, Snapshot, Times, ends_of};
use crate::query::weight::Weight;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// What the one writer keeps between changes.
#[derive(Default)]
pub(crate) struct Desk {
    spares: Vec<Spare>,
    /// First incoming turn by state and the states they come from.
    incoming: Option<(Vec<u32>, Vec<u32>)>,
}

impl Desk {
    pub(crate) fn new(metrics: usize) -> Self {
        Self { spares: (0..metrics).map(|_| Spare::default()).collect(), incoming: None }
    }
}

/// The weights of a metric that nobody reads now.
#[derive(Default)]
struct Spare {
    weights: Option<(Vec<Weight>, Vec<Weight>)>,
    /// The last set that was replaced, perhaps still read.
    retired: Option<Arc<Snapshot>>,
    /// Arcs that changed since the spare was current.
    missed: Vec<u32>,
}

impl Spare {
    /// Takes back the retired set if its readers are gone.
    fn reclaim(&mut self) {
        if self.weights.is_some() {
            return;
        }
        if let Some(retired) = self.retired.take() {
            match Arc::try_unwrap(retired) {
                Ok(Snapshot { weights: Weights { up, down }, .. }) => {
                    if let (Some(up), Some(down)) = (up.into_owned(), down.into_owned()) {
                        self.weights = Some((up, down));
                    }
                }
                Err(held) => self.retired = Some(held),
            }
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
        self.change(segments, |_, _| INF_MS)
    }

    /// Takes closures and other speeds off segments again.
    ///
    /// # Errors
    /// [`RoadsError::UnknownSegment`]; nothing is changed then.
    pub fn reopen(&self, segments: &[SegmentId]) -> Result<(), RoadsError> {
        self.change(segments, |_, base| base)
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
        self.change(segments, |_, base| {
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
        let mut list: Vec<SegmentId> = self
            .live
            .iter()
            .flat_map(|l| l.load().changed.keys().map(|arc| SegmentId(arc >> 1)).collect::<Vec<_>>())
            .collect();
        list.sort_unstable();
        list.dedup();
        list
    }

    /// Makes ready for changes of one metric: copies of its weights that the first changes would have to make.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn make_live(&self, profile: ProfileId, band: BandId) -> Result<(), RoadsError> {
        let metric = self.metric(profile, band)?;
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        self.incoming(&mut desk);
        let now = self.live[metric].load_full();
        let copy = || (now.weights.up.to_vec(), now.weights.down.to_vec());
        let (up, down) = copy();
        self.live[metric].store(Arc::new(Snapshot {
            changed: now.changed.clone(),
            weights: Weights { up: up.into(), down: down.into() },
        }));
        desk.spares[metric] = Spare { weights: Some(copy()), retired: None, missed: Vec::new() };
        Ok(())
    }

    fn incoming<'d>(&self, desk: &'d mut Desk) -> &'d (Vec<u32>, Vec<u32>) {
        let graph = &self.graph;
        desk.incoming.get_or_insert_with(|| {
            let (to, count) = (&graph.turn_to[..], graph.state_count());
            let mut first = vec![0u32; count + 1];
            for &t in to {
                first[t as usize + 1] += 1;
            }
            for v in 1..first.len() {
                first[v] += first[v - 1];
            }
            let mut at = first.clone();
            let mut from = vec![0u32; to.len()];
            #[allow(clippy::cast_possible_truncation)] // states fit u32
            for v in 0..count as u32 {
                for turn in graph.turns(v) {
                    let slot = &mut at[to[turn] as usize];
                    from[*slot as usize] = v;
                    *slot += 1;
                }
            }
            (first, from)
        })
    }

    /// Applies a change to all metrics. `to` gives an arc's new time from the metric and its prepared time.
    pub(crate) fn change(
        &self,
        segments: &[SegmentId],
        to: impl Fn(usize, u32) -> u32,
    ) -> Result<(), RoadsError> {
        for s in segments {
            self.check_segment(*s)?;
        }
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        self.incoming(&mut desk);
        let Desk { spares, incoming } = &mut *desk;
        let Some((first, from)) = incoming.as_ref() else { return Ok(()) };
        for (metric, spare) in spares.iter_mut().enumerate() {
            let now = self.live[metric].load_full();
            let base = &self.graph.metrics[metric].arc_ms;
            let mut changed: BTreeMap<u32, u32> = now.changed.clone();
            let mut arcs = Vec::new();
            for arc in segments.iter().flat_map(|s| [s.0 * 2, s.0 * 2 + 1]) {
                let prepared = base[arc as usize];
                let ms = to(metric, prepared);
                if now.changed.get(&arc).copied().unwrap_or(prepared) == ms {
                    continue;
                }
                arcs.push(arc);
                if ms == prepared {
                    changed.remove(&arc);
                } else {
                    changed.insert(arc, ms);
                }
            }
            if arcs.is_empty() {
                continue;
            }
            spare.reclaim();
            let (mut up, mut down) = spare.weights.take().unwrap_or_else(|| {
                // The first changes, or readers that hold both sets: a fresh copy that has missed nothing.
                spare.missed.clear();
                (now.weights.up.to_vec(), now.weights.down.to_vec())
            });
            let times = Times { base, changed: &changed };
            let ends = ends_of(&self.graph, &self.profiles, metric, &times);
            let graph = &self.graph;
            let turns = spare.missed.iter().chain(&arcs).flat_map(|arc| {
                let plain = graph.arc_state[*arc as usize];
                let plain = (plain != crate::graph::NONE).then_some(plain);
                plain.into_iter().chain(graph.copies_of(*arc)).flat_map(|state| {
                    let range = first[state as usize] as usize..first[state as usize + 1] as usize;
                    from[range].iter().map(move |f| (*f, state))
                })
            });
            partial::update(&self.topology, &ends, &mut up, &mut down, turns);
            drop(now);
            let next = Arc::new(Snapshot { changed, weights: Weights { up: up.into(), down: down.into() } });
            let old = self.live[metric].swap(next);
            spare.missed = arcs;
            spare.retired = Some(old);
            spare.reclaim();
        }
        Ok(())
    }
}
