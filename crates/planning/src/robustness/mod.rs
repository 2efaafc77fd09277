//! How a published plan holds: replayed under noise, and planned again under other assumptions.

mod replay;
mod what_if;

pub use replay::{Link, Noise, Report, VillageRow, replay};
pub use what_if::{Case, Row, cases, what_if};
