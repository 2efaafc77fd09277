//! Tables of times and distances between many points.

use crate::RoadsError;
use crate::limits::{MATRIX_CELLS_MAX, MATRIX_POINTS_MAX};
use crate::network::{BandId, Network, ProfileId};
use crate::query::{Source, Target, sweep, weight};
use crate::snap::{self, Snap, SnapFault};
use xiangyun_model::geo::LonLat;

/// Seconds and metres of a cell without a way.
pub const UNREACHABLE: u32 = u32::MAX;

/// Times and distances from every source to every target, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Seconds, rounded up; [`UNREACHABLE`] without a way.
    pub seconds: Vec<u32>,
    /// Metres, rounded to nearest; [`UNREACHABLE`] without a way.
    pub metres: Vec<u32>,
    /// Where the sources (rows) were put on the road, or why not.
    pub sources: Vec<Result<Snap, SnapFault>>,
    /// Where the targets (columns) were put on the road, or why not.
    pub targets: Vec<Result<Snap, SnapFault>>,
}

/// Why a cell has no value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CellFault {
    /// The source is on no road.
    Source(SnapFault),
    /// The target is on no road.
    Target(SnapFault),
    /// Both are on roads, but no way leads from one to the other now (a road may be closed).
    Unreachable,
}

impl Matrix {
    /// Seconds and metres from source `from` to target `to`, by their positions.
    ///
    /// # Errors
    /// Says why there is no value.
    ///
    /// # Panics
    /// When a position is out of range, as indexing does.
    pub fn cell(&self, from: usize, to: usize) -> Result<(u32, u32), CellFault> {
        let at = from * self.targets.len() + to;
        if self.seconds[at] != UNREACHABLE {
            return Ok((self.seconds[at], self.metres[at]));
        }
        if let Err(fault) = self.sources[from] {
            return Err(CellFault::Source(fault));
        }
        if let Err(fault) = self.targets[to] {
            return Err(CellFault::Target(fault));
        }
        Err(CellFault::Unreachable)
    }
}

impl Network {
    /// The square table of points: seconds rounded up, metres to the nearest. One thread.
    ///
    /// # Errors
    /// Unknown ids and [`RoadsError::TooMuch`]; points without a road and pairs without a way are in the answer.
    pub fn matrix(&self, profile: ProfileId, band: BandId, points: &[LonLat]) -> Result<Matrix, RoadsError> {
        self.matrix_between(profile, band, points, points, 1)
    }

    /// The table from sources (rows) to targets (columns), by so many threads; the result does not depend on them.
    ///
    /// # Errors
    /// As [`Network::matrix`].
    pub fn matrix_between(
        &self,
        profile: ProfileId,
        band: BandId,
        sources: &[LonLat],
        targets: &[LonLat],
        threads: usize,
    ) -> Result<Matrix, RoadsError> {
        let metric = self.metric(profile, band)?;
        bounds(sources.len(), targets.len())?;
        let put = |p: &LonLat| snap::snap(&self.graph, usize::from(profile.0), *p);
        let source_snaps: Vec<Result<Snap, SnapFault>> = sources.iter().map(put).collect();
        let target_snaps: Vec<Result<Snap, SnapFault>> = targets.iter().map(put).collect();
        let mut seconds = vec![UNREACHABLE; sources.len() * targets.len()];
        let mut metres = seconds.clone();
        self.ask(metric, |ends, view| {
            let starts: Vec<Source> = source_snaps
                .iter()
                .map(|s| s.as_ref().map_or_else(|_| Source::default(), |s| ends.source(s)))
                .collect();
            let stops: Vec<Target> = target_snaps
                .iter()
                .map(|t| t.as_ref().map_or_else(|_| Target::default(), |t| ends.target(t)))
                .collect();
            let table = sweep::table::<u64>(view, ends, &starts, &stops, threads);
            let access = |snaps: &[Result<Snap, SnapFault>]| -> Vec<Option<(u32, u32)>> {
                snaps.iter().map(|s| s.as_ref().ok().map(|s| (s.access_ms(), s.access_cm()))).collect()
            };
            let (out, back) = (access(&source_snaps), access(&target_snaps));
            for (i, a) in out.iter().enumerate() {
                let Some(a) = a else { continue };
                for (j, b) in back.iter().enumerate() {
                    let Some(b) = b else { continue };
                    let at = i * targets.len() + j;
                    if sources[i] == targets[j] {
                        (seconds[at], metres[at]) = (0, 0);
                    } else if table[at] < weight::REACH {
                        (seconds[at], metres[at]) =
                            weight::answer(table[at], ends.entry_ms, a.0 + b.0, a.1 + b.1);
                    }
                }
            }
        });
        Ok(Matrix { seconds, metres, sources: source_snaps, targets: target_snaps })
    }

    /// Milliseconds between snapped places, row by row, [`UNREACHABLE`] without a way: the fastest table there is,
    /// for places that were put on the road once. Access off the road is not in it, and a road for residents only
    /// counts with what entering it is worth avoiding.
    ///
    /// # Errors
    /// As [`Network::matrix`].
    pub fn durations_ms(
        &self,
        profile: ProfileId,
        band: BandId,
        sources: &[Snap],
        targets: &[Snap],
        threads: usize,
    ) -> Result<Vec<u32>, RoadsError> {
        let metric = self.metric(profile, band)?;
        bounds(sources.len(), targets.len())?;
        Ok(self.ask(metric, |ends, view| {
            let starts: Vec<Source> = sources.iter().map(|s| ends.source(s)).collect();
            let stops: Vec<Target> = targets.iter().map(|t| ends.target(t)).collect();
            sweep::table::<u32>(view, ends, &starts, &stops, threads)
        }))
    }
}

fn bounds(sources: usize, targets: usize) -> Result<(), RoadsError> {
    for (what, found, max) in [
        ("points of a matrix", sources.max(targets), MATRIX_POINTS_MAX),
        ("cells of a matrix", sources * targets, MATRIX_CELLS_MAX),
    ] {
        if found > max {
            return Err(RoadsError::TooMuch { what, found: found as u64, max: max as u64 });
        }
    }
    Ok(())
}
