//! What the checker says: one shape for public instances and rich problems.

use serde::Serialize;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Stable name of the rule, for example `capacity`.
    pub code: &'static str,
    /// Where: a route (from 1) and a customer by its number.
    #[serde(rename = "where")]
    pub place: String,
    /// What the solution does.
    pub found: String,
    /// What the instance allows.
    pub limit: String,
}

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether no rule is broken.
    pub ok: bool,
    /// The recomputed cost in the published unit.
    pub cost: f64,
    /// Routes with at least one customer.
    pub vehicles: usize,
    /// Every broken rule, in the order of the routes; at most [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
}

/// Most violations kept of one check.
pub const VIOLATIONS_MAX: usize = 1_000;

/// Collects violations up to the bound.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Violation>,
}

impl Findings {
    #[allow(clippy::needless_pass_by_value)] // numbers and literals alike, at each call
    pub(super) fn push(
        &mut self,
        code: &'static str,
        place: String,
        found: impl ToString,
        limit: impl ToString,
    ) {
        if self.list.len() < VIOLATIONS_MAX {
            self.list.push(Violation { code, place, found: found.to_string(), limit: limit.to_string() });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn report(self, cost: f64, vehicles: usize) -> Report {
        Report { ok: self.list.is_empty(), cost, vehicles, violations: self.list }
    }
}
