//! The checker's word on a running plan. What has happened is a fact and what it breaks is broken; a repair is good when
//! it breaks nothing more.

use super::Progress;
use crate::check::{Index, Verdict, Violation, drivable, drivable_since};
use crate::inputs::Inputs;
use std::collections::BTreeMap;
use xiangyun_model::plan::Plan;

/// Rules broken: by code and where, what was found and what would be allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    broken: BTreeMap<(&'static str, String), (String, String)>,
}

impl Judgement {
    pub(super) fn is_no_worse_than(&self, before: &Self) -> bool {
        self.broken.iter().all(|(rule, found)| before.allows(rule, found))
    }

    /// Whether a rule is broken here too; what is overloaded already must not get fuller.
    fn allows(&self, rule: &(&'static str, String), found: &(String, String)) -> bool {
        let Some(before) = self.broken.get(rule) else { return false };
        !ROOM.contains(&rule.0) || amount(&found.0) <= amount(&before.0)
    }

    /// What is broken here or there.
    pub(super) fn with(&self, other: Self) -> Self {
        let mut broken = other.broken;
        broken.extend(self.broken.iter().map(|(rule, words)| (rule.clone(), words.clone())));
        Self { broken }
    }

    #[cfg(test)]
    pub(super) fn broken_is_empty(&self) -> bool {
        self.broken.is_empty()
    }

    /// What is broken here and was not before.
    pub(super) fn more_than(&self, before: &Self) -> Vec<Violation> {
        self.broken
            .iter()
            .filter(|(rule, found)| !before.allows(rule, found))
            .map(|((code, at), (found, limit))| Violation {
                code,
                at: at.clone(),
                found: found.clone(),
                limit: limit.clone(),
            })
            .collect()
    }
}

/// Codes of rules about room, whose finding begins with the amount.
const ROOM: [&str; 4] = ["P217", "P218", "P219", "P220"];

fn amount(found: &str) -> i64 {
    found.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Suffix of the id of a visit at the roadside, where one vehicle takes over from another.
pub(super) const TRANSFER: &str = "-x";

pub(super) fn judge(plan: &Plan, inputs: &Inputs, index: &Index, progress: &Progress) -> Judgement {
    judgement(drivable(plan, inputs, index), plan, progress)
}

/// What a plan breaks beyond another one that is judged already; of what both break, only a part is told.
pub(super) fn judge_since(
    before: &Plan,
    plan: &Plan,
    inputs: &Inputs,
    index: &Index,
    progress: &Progress,
    quickly: bool,
) -> Judgement {
    judgement(drivable_since(before, plan, inputs, index, quickly), plan, progress)
}

fn judgement(verdict: Verdict, plan: &Plan, progress: &Progress) -> Judgement {
    let mut broken: BTreeMap<_, (String, String)> = BTreeMap::new();
    for v in verdict.violations.into_iter().filter(|v| !is_fact(v, plan, progress)) {
        let fuller = |old: &(String, String)| amount(&v.found) > amount(&old.0);
        let rule = (v.code, v.at);
        // Of two compartments that are overloaded at one visit, the fuller one counts.
        if broken.get(&rule).is_none_or(fuller) {
            broken.insert(rule, (v.found, v.limit));
        }
    }
    Judgement { broken }
}

/// Whether a violation is what happened itself and nobody can repair: the past of a trip, the place where a vehicle broke
/// down, hours and docks of a roadside transfer.
fn is_fact(violation: &Violation, plan: &Plan, progress: &Progress) -> bool {
    let Some((what, id)) = violation.at.split_once(' ') else { return false };
    match what {
        "visit" => {
            // The leg to the next stop of a vehicle under way ends when it ends, not by the table.
            let timing = matches!(violation.code, "P205" | "P206" | "P207" | "P212" | "P213" | "P214");
            let under_way = || {
                plan.trips.iter().any(|t| {
                    let at = t.visits.iter().position(|v| v.id == id);
                    at.is_some_and(|at| at > 0 && progress.visits.contains_key(&t.visits[at - 1].id))
                })
            };
            progress.visits.contains_key(id)
                || (timing && id.ends_with(TRANSFER))
                || (violation.code == "P206" && under_way())
        }
        "trip" => {
            let trip = plan.trips.iter().find(|t| t.id == id);
            trip.is_some_and(|t| {
                let begun = t.visits.first().is_some_and(|v| progress.visits.contains_key(&v.id));
                (progress.broken.contains(&t.vehicle) && matches!(violation.code, "P204" | "P207" | "P208"))
                    || (begun && matches!(violation.code, "P207" | "P208"))
            })
        }
        "vehicle" => progress.broken.contains(id),
        "driver" => {
            plan.trips.iter().any(|t| t.driver.as_deref() == Some(id) && progress.broken.contains(&t.vehicle))
        }
        _ => false,
    }
}
