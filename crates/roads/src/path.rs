//! Paths between places that are on the road already, without geometry: what a caller asks thousands of times.

use crate::contraction::customize;
use crate::network::{BandId, Network, ProfileId, SegmentId};
use crate::query::{sweep, tree, weight};
use crate::snap::Snap;
use crate::{RoadsError, UNREACHABLE};

/// A path by its arcs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArcPath {
    /// Milliseconds of driving; access off the road is not in it.
    pub ms: u32,
    /// Metres of driving, rounded to nearest.
    pub metres: u32,
    /// Roads in order with whether they are driven along their shape; the first and last perhaps in part.
    pub arcs: Vec<(SegmentId, bool)>,
}

impl Network {
    /// The fastest path between two snapped places; `None` without a way.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn path(
        &self,
        profile: ProfileId,
        band: BandId,
        from: &Snap,
        to: &Snap,
    ) -> Result<Option<ArcPath>, RoadsError> {
        let metric = self.metric(profile, band)?;
        Ok(self.ask(metric, |ends, view| {
            let path = tree::shortest(view, ends, &ends.source(from), &ends.target(to))?;
            let ms = weight::ms(path.weight).saturating_sub(weight::entries(path.weight) * ends.entry_ms);
            let arcs = path
                .states
                .iter()
                .map(|s| self.graph.state_arc[*s as usize])
                .map(|arc| (SegmentId(arc >> 1), arc & 1 == 0))
                .collect();
            Some(ArcPath { ms, metres: (weight::cm(path.weight) + 50) / 100, arcs })
        }))
    }

    /// Milliseconds and centimetres between two snapped places without unpacking the path; `None` without a way.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn distance(
        &self,
        profile: ProfileId,
        band: BandId,
        from: &Snap,
        to: &Snap,
    ) -> Result<Option<(u32, u32)>, RoadsError> {
        let metric = self.metric(profile, band)?;
        Ok(self.ask(metric, |ends, view| {
            let w = tree::distance(view, ends, &ends.source(from), &ends.target(to));
            let ms = weight::ms(w).saturating_sub(weight::entries(w) * ends.entry_ms);
            (w < weight::REACH).then(|| (ms, weight::cm(w)))
        }))
    }

    /// Milliseconds from a snapped place to the end of every road in both directions (two numbers a segment: along
    /// its shape, and against it); [`UNREACHABLE`] without a way.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn reach_ms(&self, profile: ProfileId, band: BandId, from: &Snap) -> Result<Vec<u32>, RoadsError> {
        let metric = self.metric(profile, band)?;
        Ok(self.ask(metric, |ends, view| {
            let labels = sweep::one_to_all(view, &ends.source(from));
            let mut reach = vec![UNREACHABLE; self.graph.segment_count() * 2];
            for (state, label) in labels.iter().enumerate() {
                if *label < weight::REACH {
                    let slot = &mut reach[self.graph.state_arc[state] as usize];
                    let ms = weight::ms(*label).saturating_sub(weight::entries(*label) * ends.entry_ms);
                    *slot = (*slot).min(ms);
                }
            }
            reach
        }))
    }

    /// Customizes a metric from scratch and says by how many weights the live one differs: 0 always, whatever was
    /// closed and reopened. For checks and measurements.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn differences_to_full(&self, profile: ProfileId, band: BandId) -> Result<usize, RoadsError> {
        let metric = self.metric(profile, band)?;
        Ok(self.ask(metric, |ends, view| {
            let full = customize::customize(&self.topology, self.plan(), ends);
            let (up, down) = full.halves();
            let differ = |a: &[u64], b: &[u64]| a.iter().zip(b).filter(|(x, y)| x != y).count();
            differ(up, view.up) + differ(down, view.down)
        }))
    }
}
