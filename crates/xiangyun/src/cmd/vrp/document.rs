//! The JSON documents of the group, as the contract names their fields.

use serde::Serialize;
use xiangyun_solver::check::Violation;
use xiangyun_solver::check::public::printed;
use xiangyun_solver::explain::document::{Explained, ExplainedLock};
use xiangyun_solver::io::convention::Convention;

/// A cost in the published unit: an integer under `round`, a decimal number else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum CostNumber {
    Whole(i64),
    Decimal(f64),
}

impl CostNumber {
    /// As the convention prints it.
    pub(super) fn new(cost: f64, convention: Convention) -> Self {
        let text = printed(cost, convention);
        match text.parse::<i64>() {
            Ok(whole) => Self::Whole(whole),
            Err(_) => Self::Decimal(text.parse().unwrap_or(cost)),
        }
    }
}

/// What `vrp solve --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Solved<'a, R: Serialize, U: Serialize> {
    pub(super) instance: &'a str,
    pub(super) kind: &'static str,
    pub(super) convention: &'static str,
    pub(super) cost: CostNumber,
    pub(super) vehicles: usize,
    pub(super) routes: R,
    pub(super) unassigned: U,
    pub(super) feasible: bool,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) iterations: u64,
    pub(super) seed: u64,
    pub(super) threads: usize,
    pub(super) version: &'static str,
    /// With `--explain`: why each visit left out stays, and what would let it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explanations: Option<Vec<Explained>>,
    /// With `--explain`: what each lock costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lock_prices: Option<Vec<ExplainedLock>>,
}

/// What `vrp check --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Checked<'a> {
    pub(super) ok: bool,
    pub(super) cost: CostNumber,
    pub(super) vehicles: usize,
    pub(super) violations: &'a [Violation],
}

/// Seconds to the microsecond, for reading.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}
