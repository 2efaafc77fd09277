//! What can be reached from a place within a time.

use crate::network::{BandId, Network, ProfileId, SegmentId};
use crate::query::weight;
use crate::{RoadsError, Stretch};
use xiangyun_model::geo::LonLat;

/// Roads reached within a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Isochrone {
    /// The bound in seconds.
    pub seconds: u32,
    /// Parts of roads that are reached, by segment; a road reached in both directions stands once if the parts meet.
    pub reached: Vec<Stretch>,
    /// Metres of road reached, each road counted once.
    pub metres: u64,
}

impl Network {
    /// Roads that can be reached from a place within `seconds`.
    ///
    /// # Errors
    /// Unknown ids and a place without a road.
    pub fn isochrone(
        &self,
        profile: ProfileId,
        band: BandId,
        place: LonLat,
        seconds: u32,
    ) -> Result<Isochrone, RoadsError> {
        let metric = self.metric(profile, band)?;
        let snap = self.snap(profile, place)?;
        let limit_ms = u64::from(seconds) * 1000;
        self.ask(metric, |ends, view| {
            let source = ends.source(&snap);
            let labels = crate::query::sweep::one_to_all(view, &source);
            let mut reached = Vec::new();
            let mut metres = 0.0;
            #[allow(clippy::cast_possible_truncation)] // segments fit u32
            for segment in 0..self.graph.segment_count() as u32 {
                let mut parts: Vec<(f64, f64)> = Vec::new();
                for arc in [segment * 2, segment * 2 + 1] {
                    let state = self.graph.arc_state[arc as usize];
                    let whole = ends.arc(arc);
                    if state == crate::graph::NONE || whole >= weight::INF {
                        continue;
                    }
                    // Copies reach the same arc, perhaps sooner.
                    let end = std::iter::once(state)
                        .chain(self.graph.copies_of(arc))
                        .map(|s| labels[s as usize])
                        .min()
                        .unwrap_or(weight::INF);
                    if end >= weight::REACH {
                        continue;
                    }
                    let drive =
                        |w| u64::from(weight::ms(w).saturating_sub(weight::entries(w) * ends.entry_ms));
                    let seed = source.seeds.iter().find(|s| s.0 == state && s.1 == end);
                    // Driving on the arc starts at its beginning, or at the place itself.
                    let first = if seed.is_some() { snap.share_along(arc) } else { 0.0 };
                    let took = seed.map_or(u64::from(weight::ms(whole)), |s| drive(s.1));
                    let start = drive(end).saturating_sub(took);
                    if start >= limit_ms {
                        continue;
                    }
                    #[allow(clippy::cast_precision_loss)] // milliseconds of a few days
                    let share = ((limit_ms - start) as f64 / took.max(1) as f64).min(1.0);
                    let last = first + (1.0 - first) * share;
                    parts.push(if arc & 1 == 0 { (first, last) } else { (1.0 - last, 1.0 - first) });
                }
                if let [a, b] = parts[..]
                    && a.0.max(b.0) <= a.1.min(b.1)
                {
                    parts = vec![(a.0.min(b.0), a.1.max(b.1))];
                }
                for (from, to) in parts {
                    metres += (to - from) * f64::from(self.graph.seg_mm[segment as usize]) / 1000.0;
                    reached.push(Stretch { segment: SegmentId(segment), forward: true, from, to });
                }
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a sum of lengths
            let metres = metres.round() as u64;
            Ok(Isochrone { seconds, reached, metres })
        })
    }
}
