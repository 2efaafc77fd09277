//! The order in which states are contracted.

use crate::graph::turns::TurnGraph;
use crate::osm::Imported;

/// States from the least to the most important.
#[allow(clippy::cast_possible_truncation)] // states fit u32
pub(crate) fn state_order(_imported: &Imported, turns: &TurnGraph) -> Vec<u32> {
    (0..turns.state_arc.len() as u32).collect()
}
