//! The independent checker: replays a published day event by event, to the second, from the plan and its inputs alone.
//!
//! It shares no code with the planner but the words of `model` and the readers of files. Every kind of fault has its own
//! code, `P201` to `P255`, listed in `docs/errors.md`.

mod accounts;
pub mod cells;
mod changed;
mod crews;
mod facts;
mod lines;
mod loads;
mod places;
mod rooms;
mod trips;

#[cfg(test)]
mod tests;

use crate::inputs::{self, Inputs};
use changed::Scope;
use facts::Facts;
pub(crate) use facts::Index;
use serde::Serialize;
use std::path::Path;
use xiangyun_model::plan::{PLAN_VERSION, Plan};

/// Largest `plan.json` that is read, in bytes.
pub const PLAN_BYTES_MAX: u64 = 512 << 20;
/// Most violations listed.
pub const VIOLATIONS_MAX: usize = 10_000;

/// One rule broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// Stable code.
    pub code: &'static str,
    /// Where: the trip, visit, load, order, driver, site or file.
    #[serde(rename = "where")]
    pub at: String,
    /// What the plan says or does.
    pub found: String,
    /// What would be allowed.
    pub limit: String,
}

/// The checker's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether nothing is broken.
    pub ok: bool,
    /// Everything broken, by code and place.
    pub violations: Vec<Violation>,
}

impl Verdict {
    fn of(mut violations: Vec<Violation>) -> Self {
        violations.sort();
        violations.dedup();
        violations.truncate(VIOLATIONS_MAX);
        Self { ok: violations.is_empty(), violations }
    }
}

/// A list of violations being made.
#[derive(Debug, Default)]
struct Faults(Vec<Violation>);

impl Faults {
    #[allow(clippy::needless_pass_by_value)] // numbers and texts alike, printed at once
    fn add(&mut self, code: &'static str, at: impl Into<String>, found: impl ToString, limit: impl ToString) {
        if self.0.len() < 2 * VIOLATIONS_MAX {
            self.0.push(Violation {
                code,
                at: at.into(),
                found: found.to_string(),
                limit: limit.to_string(),
            });
        }
    }
}

/// Checks a plan against its inputs.
#[must_use]
pub fn check(plan: &Plan, inputs: &Inputs) -> Verdict {
    let index = Index::new(inputs);
    let mut faults = Faults::default();
    let facts = Facts::new(plan, inputs, &index, Scope::whole(plan), &mut faults);
    trips::check(&facts, &mut faults);
    lines::check(&facts, &mut faults);
    loads::check(&facts, &mut faults);
    rooms::check(&facts, &mut faults);
    crews::check(&facts, &mut faults);
    places::check(&facts, &mut faults);
    accounts::check(&facts, &mut faults);
    Verdict::of(faults.0)
}

/// Checks only that a day can be driven: everything but the accounts of the night. For a plan under way, whose cost lines,
/// bounds and closing state are those of the morning.
#[must_use]
pub(crate) fn drivable(plan: &Plan, inputs: &Inputs, index: &Index) -> Verdict {
    driven(plan, inputs, index, Scope::whole(plan))
}

/// The same of a plan that differs from one checked before: of what concerns single trips and loads, only what is not as it
/// was there. What it finds beyond what that one breaks is what [`drivable`] finds beyond it. `quickly`
/// does not compare the names of orders and legs, and may miss what they alone break.
#[must_use]
pub(crate) fn drivable_since(
    before: &Plan,
    plan: &Plan,
    inputs: &Inputs,
    index: &Index,
    quickly: bool,
) -> Verdict {
    driven(plan, inputs, index, Scope::since(before, plan, quickly))
}

fn driven(plan: &Plan, inputs: &Inputs, index: &Index, scope: Scope) -> Verdict {
    let mut faults = Faults::default();
    let facts = Facts::new(plan, inputs, index, scope, &mut faults);
    trips::check(&facts, &mut faults);
    lines::check(&facts, &mut faults);
    loads::check(&facts, &mut faults);
    rooms::check(&facts, &mut faults);
    crews::check(&facts, &mut faults);
    places::check(&facts, &mut faults);
    Verdict::of(faults.0)
}

/// Checks a plan directory by itself: `plan.json` and `inputs/`. What cannot be read is a violation `P200` or `P1xx`.
#[must_use]
pub fn check_dir(dir: &Path) -> Verdict {
    match read_dir(dir) {
        Ok((plan, inputs)) => check(&plan, &inputs),
        Err(violations) => Verdict::of(violations),
    }
}

/// Reads a plan directory.
///
/// # Errors
/// What cannot be read, as violations.
pub fn read_dir(dir: &Path) -> Result<(Plan, Inputs), Vec<Violation>> {
    let broken = |found: String| {
        vec![Violation {
            code: "P200",
            at: "plan.json".into(),
            found,
            limit: format!("a plan of schema version {PLAN_VERSION}"),
        }]
    };
    let path = dir.join("plan.json");
    let length = std::fs::metadata(&path).map_err(|err| broken(err.to_string()))?.len();
    if length > PLAN_BYTES_MAX {
        return Err(broken(format!("{length} bytes; at most {PLAN_BYTES_MAX}")));
    }
    let bytes = std::fs::read(&path).map_err(|err| broken(err.to_string()))?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|err| broken(err.to_string()))?;
    if plan.version != PLAN_VERSION {
        return Err(broken(format!("version {}", plan.version)));
    }
    let inputs = inputs::read(&dir.join("inputs"), plan.date).map_err(|problems| {
        let as_violation = |p: &xiangyun_model::problem::Problem| Violation {
            code: p.code,
            at: format!("inputs/{}:{}:{}", p.file, p.row, p.column),
            found: p.found.clone(),
            limit: p.want.clone(),
        };
        problems.list().iter().map(as_violation).collect::<Vec<_>>()
    })?;
    Ok((plan, inputs))
}
