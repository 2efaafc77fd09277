//! The customizable contraction hierarchy (Dibbelt, Strasser and Wagner, JEA 2016): a topology that no metric can
//! change, and the weights that a metric puts on it.
//!
//! States are numbered by rank. `up` holds arcs from a state to higher ones, `down` arcs from higher states to it;
//! the two differ because with turns most shortcuts exist in one direction only, and those of the other direction
//! are left out (ATMOS 2020). Both are closed under contraction: from `u → v` and `v → w` with `v` lower than both
//! follows an arc `u → w`.

pub(crate) mod customize;
pub(crate) mod memo;
pub(crate) mod partial;
pub(crate) mod perfect;
pub(crate) mod topology;
mod worklist;

pub(crate) use topology::Topology;

use crate::file::Column;
use crate::query::weight::Weight;

/// Weights of all hierarchy arcs under one metric: the upward ones, then the downward ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weights {
    pub(crate) all: Column<Weight>,
    ups: usize,
}

impl Weights {
    pub(crate) fn new(topology: &Topology, all: impl Into<Column<Weight>>) -> Self {
        Self { all: all.into(), ups: topology.up.other.len() }
    }

    /// Weights by upward arc, and by downward arc.
    pub(crate) fn halves(&self) -> (&[Weight], &[Weight]) {
        self.all.split_at(self.ups)
    }
}
