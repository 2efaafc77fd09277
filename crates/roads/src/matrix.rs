//! Tables of times and distances between many points.

use crate::snap::{Snap, SnapFault};

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
