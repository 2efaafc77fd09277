//! Which datum are these points in? Vehicles drive on roads: in the right datum they lie on them, in a wrong one they
//! lie some hundred metres beside (in Baofeng 604 m between WGS-84 and GCJ-02), which a few dozen points tell apart.

use crate::network::Network;
use crate::snap::project;
use serde::Serialize;
use std::collections::BTreeSet;
use xiangyun_model::geo::{Datum, LonLat};

/// Most points that a verdict looks at.
pub const DATUM_POINTS_MAX: usize = 2_000;
/// Roads farther than this do not count, metres.
const FAR_M: f64 = 300.0;
/// Mean distance of a fix from its road, metres.
const NEAR_M: f64 = 15.0;
/// Share of fixes that are on no road of the map: yards, fields, new roads.
const ASTRAY: f64 = 0.2;
/// Neighbouring fixes tell much the same: each counts for so much of an independent one.
const INDEPENDENT: f64 = 0.3;
/// Points closer than this in degrees (about 100 m) count once.
const CELL_DEG: f64 = 0.001;

/// What the roads say of the datum of some points.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatumVerdict {
    /// The likeliest datum.
    pub datum: Datum,
    /// Its probability, 0 to 1, if each of the three is as likely as the others beforehand.
    pub confidence: f64,
    /// Median metres to the nearest road if the points were in WGS-84, GCJ-02, BD-09; 300 stands for more.
    pub median_m: [f64; 3],
    /// Points that counted: places on earth, one in each 100 m.
    pub points: usize,
}

/// The datums compared, in the order of [`DatumVerdict::median_m`].
pub const DATUMS: [Datum; 3] = [Datum::Wgs84, Datum::Gcj02, Datum::Bd09];

impl Network {
    /// Tells from the roads in which datum points were recorded; `None` where no road is near in any datum.
    ///
    /// Outside the area that GCJ-02 shifts, WGS-84 and GCJ-02 are the same and share the probability.
    #[must_use]
    pub fn detect_datum(&self, points: &[LonLat]) -> Option<DatumVerdict> {
        let mut cells = BTreeSet::new();
        #[allow(clippy::cast_possible_truncation)] // degrees in thousandths
        let apart: Vec<LonLat> = points
            .iter()
            .filter(|p| LonLat::new(p.lon, p.lat).is_ok())
            .filter(|p| cells.insert(((p.lon / CELL_DEG) as i32, (p.lat / CELL_DEG) as i32)))
            .copied()
            .collect();
        // Spread over the whole of the feed, not its first minutes.
        let step = apart.len().div_ceil(DATUM_POINTS_MAX).max(1);
        let kept: Vec<LonLat> = apart.into_iter().step_by(step).collect();
        if kept.is_empty() {
            return None;
        }
        let mut score = [0.0; 3];
        let mut median_m = [0.0; 3];
        let mut any = false;
        for (k, datum) in DATUMS.into_iter().enumerate() {
            let mut metres: Vec<f64> = kept.iter().map(|p| self.metres_to_road(datum.to_wgs84(*p))).collect();
            any |= metres.iter().any(|m| *m < FAR_M);
            score[k] = metres
                .iter()
                .map(|m| ((1.0 - ASTRAY) * (-m / NEAR_M).exp() / NEAR_M + ASTRAY / FAR_M).ln())
                .sum::<f64>()
                * INDEPENDENT;
            let middle = metres.len() / 2;
            median_m[k] = *metres.select_nth_unstable_by(middle, f64::total_cmp).1;
        }
        if !any {
            return None;
        }
        let best = (0..3).max_by(|a, b| score[*a].total_cmp(&score[*b]).then(b.cmp(a))).unwrap_or(0);
        let all: f64 = score.iter().map(|s| (s - score[best]).exp()).sum();
        Some(DatumVerdict { datum: DATUMS[best], confidence: 1.0 / all, median_m, points: kept.len() })
    }

    /// Metres to the nearest road of any profile, at most [`FAR_M`].
    fn metres_to_road(&self, place: LonLat) -> f64 {
        let mut least = FAR_M;
        self.graph.index.nearest(place, FAR_M, |segment, _| {
            least = least.min(project(&self.graph, segment, place).metres);
            least
        });
        least
    }
}
