//! The independent checker: recomputes cost and feasibility from what the file states, in plain loops and double
//! precision, and shares no code with the search.

mod day;
mod locks;
pub mod public;
mod report;
pub mod rich;

pub use report::{Report, VIOLATIONS_MAX, Violation};
