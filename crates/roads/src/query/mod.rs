//! Questions asked of the graph: weights, ends of trips, and the searches.

pub(crate) mod dijkstra;
pub(crate) mod ends;
pub(crate) mod sweep;
pub(crate) mod tree;
pub(crate) mod weight;

pub(crate) use ends::{Ends, Source, Target};
