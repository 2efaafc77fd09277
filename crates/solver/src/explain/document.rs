//! Explanations and lock prices as JSON: jobs, vehicles and dimensions by their outside names.

use super::{Change, Explanation, KindReason, LockPrice, Reason, Relaxation};
use crate::locks::JobLock;
use crate::problem::{JobId, KindId, Problem};
use crate::schedule::Breach;
use serde::Serialize;

/// Why one visit stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// The visit; of a shipment its pickup.
    pub visit: String,
    /// What serving it adds to the cost, no rule changed; absent if it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<f64>,
    /// What binds, by kind of vehicle.
    pub vehicles: Vec<ExplainedKind>,
    /// Verified changes that let it in, the cheapest plan first.
    pub relaxations: Vec<ExplainedRelaxation>,
}

/// What binds for one kind of vehicle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedKind {
    /// Entry of `vehicles`.
    pub vehicle: String,
    /// Whether an empty vehicle breaks these already.
    pub alone: bool,
    /// All that binds at the nearest place.
    pub reasons: Vec<Words>,
}

/// One reason, or one change of a relaxation. Amounts are in the units of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Words {
    /// Which rule: `capacity`, `window`, `reload_window`, `shift`, `unreachable`, `skill`, `goods`, `on_board`,
    /// `duration`, `distance`, `stops`, `trips`, `pair`, `backhaul_order`, `break`, `vehicles` (all in use), `locked`,
    /// `price`, `search` (it fits).
    pub rule: &'static str,
    /// Whose window, goods or skill, where it is that of a visit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// Whose rule, where it is that of a vehicle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<String>,
    /// Load dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<String>,
    /// How much is missing, or how much more it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<f64>,
    /// Cost of serving the visit, for `price` and `search`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<f64>,
    /// Price of leaving it out, for `price`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prize: Option<f64>,
}

/// Changes verified by searching again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedRelaxation {
    /// All of them are needed.
    pub changes: Vec<Words>,
    /// What they add to the cost of the plan.
    pub costs: f64,
}

/// What a lock costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplainedLock {
    /// The locked visit.
    pub visit: String,
    /// `fixed_vehicle` or `fixed_order`.
    pub lock: &'static str,
    /// By how much the plan is cheaper without it.
    pub saves: f64,
    /// Visits that must be served and are only without it.
    pub serves: usize,
    /// Vehicles that are only needed with it.
    pub vehicles: usize,
}

/// Names and units of a problem.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// Whose names.
    pub problem: &'a Problem,
    /// The problem's money units in one unit of the file.
    pub money: i64,
}

impl Names<'_> {
    #[allow(clippy::cast_precision_loss)] // shown, not counted
    fn money(&self, value: i64) -> f64 {
        value as f64 / self.money.max(1) as f64
    }

    fn visit(&self, job: JobId) -> String {
        let name = &self.problem.jobs()[job.index()].name;
        if name.is_empty() { (job.index() + 1).to_string() } else { name.clone() }
    }

    fn vehicle(&self, kind: KindId) -> String {
        let name = &self.problem.kinds()[kind.index()].name;
        if name.is_empty() { (kind.index() + 1).to_string() } else { name.clone() }
    }

    fn dimension(&self, dimension: usize) -> Option<String> {
        self.problem.dimensions().get(dimension).cloned()
    }

    /// Explanations in words.
    #[must_use]
    pub fn explained(&self, all: &[Explanation]) -> Vec<Explained> {
        all.iter()
            .map(|one| Explained {
                visit: self.visit(one.job),
                costs: one.costs.map(|costs| self.money(costs)),
                vehicles: one.kinds.iter().map(|kind| self.kind(kind)).collect(),
                relaxations: one.relaxations.iter().map(|r| self.relaxation(r)).collect(),
            })
            .collect()
    }

    /// Lock prices in words.
    #[must_use]
    pub fn locks(&self, prices: &[LockPrice]) -> Vec<ExplainedLock> {
        prices
            .iter()
            .map(|price| ExplainedLock {
                visit: self.visit(price.job),
                lock: if price.lock == JobLock::FixedVehicle { "fixed_vehicle" } else { "fixed_order" },
                saves: self.money(price.saves),
                serves: price.serves,
                vehicles: price.vehicles,
            })
            .collect()
    }

    fn kind(&self, kind: &KindReason) -> ExplainedKind {
        let reasons = kind.reasons.iter().map(|&reason| self.reason(reason)).collect();
        ExplainedKind { vehicle: self.vehicle(kind.kind), alone: kind.alone, reasons }
    }

    fn reason(&self, reason: Reason) -> Words {
        let plain = |rule| Words { rule, ..Words::default() };
        match reason {
            Reason::Rule(breach) => self.breach(breach),
            Reason::AllInUse => plain("vehicles"),
            Reason::Locked => plain("locked"),
            Reason::Price { costs, prize } => Words {
                costs: Some(self.money(costs)),
                prize: Some(self.money(prize)),
                by: Some(self.money(costs - prize)),
                ..plain("price")
            },
            Reason::Fits { costs } => Words { costs: Some(self.money(costs)), ..plain("search") },
        }
    }

    #[allow(clippy::cast_precision_loss)] // shown, not counted
    fn breach(&self, breach: Breach) -> Words {
        let words = |rule, job: Option<JobId>, by: Option<i64>| Words {
            rule,
            visit: job.map(|job| self.visit(job)),
            by: by.map(|by| by as f64),
            ..Words::default()
        };
        match breach {
            Breach::Capacity { dimension, excess } => {
                Words { dimension: self.dimension(dimension), ..words("capacity", None, Some(excess)) }
            }
            Breach::Late { job, by } => words("window", Some(job), Some(by)),
            Breach::ReloadLate { by } => words("reload_window", None, Some(by)),
            Breach::ShiftEnd { by } => words("shift", None, Some(by)),
            Breach::NoWay => words("unreachable", None, None),
            Breach::Skill { job } => words("skill", Some(job), None),
            Breach::Classes { job } => words("goods", Some(job), None),
            Breach::OnBoard { job, by } => words("on_board", Some(job), Some(by)),
            Breach::Duration { by } => words("duration", None, Some(by)),
            Breach::Distance { by } => words("distance", None, Some(by)),
            Breach::Stops { by } => words("stops", None, Some(by)),
            Breach::Trips => words("trips", None, None),
            Breach::Pair { job } => words("pair", Some(job), None),
            Breach::Backhaul { job } => words("backhaul_order", Some(job), None),
            Breach::Break => words("break", None, None),
        }
    }

    fn relaxation(&self, relaxation: &Relaxation) -> ExplainedRelaxation {
        let changes = relaxation.changes.iter().map(|&change| self.change(change)).collect();
        ExplainedRelaxation { changes, costs: self.money(relaxation.costs) }
    }

    #[allow(clippy::cast_precision_loss)] // shown, not counted
    fn change(&self, change: Change) -> Words {
        let by = change.by().unwrap_or(1) as f64;
        let of_visit =
            |rule, job| Words { rule, visit: Some(self.visit(job)), by: Some(by), ..Words::default() };
        let of_kind =
            |rule, kind| Words { rule, vehicle: Some(self.vehicle(kind)), by: Some(by), ..Words::default() };
        match change {
            Change::WindowEnd { job, .. } => of_visit("window", job),
            Change::Capacity { kind, dimension, .. } => {
                Words { dimension: self.dimension(dimension), ..of_kind("capacity", kind) }
            }
            Change::ShiftEnd { kind, .. } => of_kind("shift", kind),
            Change::LoadingEnd { kind, .. } => of_kind("reload_window", kind),
            Change::Duration { kind, .. } => of_kind("duration", kind),
            Change::Distance { kind, .. } => of_kind("distance", kind),
            Change::Stops { kind, .. } => of_kind("stops", kind),
            Change::Trip { kind } => of_kind("trips", kind),
            Change::OnBoard { job, .. } => of_visit("on_board", job),
            Change::Skill { kind, job } => {
                Words { visit: Some(self.visit(job)), by: None, ..of_kind("skill", kind) }
            }
            Change::Mix { job } => Words { by: None, ..of_visit("goods", job) },
            Change::Vehicle { kind } => of_kind("vehicles", kind),
        }
    }
}
