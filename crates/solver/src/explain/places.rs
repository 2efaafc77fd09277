//! Every place of a job in a plan, with what it breaks there.

use super::change::Change;
use super::{KindReason, Reason};
use crate::locks::{Locks, Prefix};
use crate::problem::{JobId, KindId, Problem, Role};
use crate::schedule::{Breach, Scheduler};
use crate::solution::{Solution, Visit};
use std::collections::BTreeMap;

/// What was seen of one job.
pub(super) struct Seen {
    pub(super) kinds: Vec<KindReason>,
    /// Sets of changes that let the job in at some place, each with the least amounts seen, fewest changes first.
    pub(super) ways: Vec<Vec<Change>>,
}

pub(super) struct Finder<'a> {
    problem: &'a Problem,
    plan: &'a Solution,
    locks: &'a Locks,
    scheduler: Scheduler,
    /// Vehicles with a route, by kind.
    used: Vec<u32>,
}

/// The nearest place seen so far.
#[derive(Default)]
struct Nearest {
    breaches: Option<Vec<Breach>>,
    /// Cheapest place that breaks nothing.
    fits: Option<i64>,
    locked: bool,
}

/// A place is nearer if it breaks fewer rules, and then by less.
fn farness(breaches: &[Breach]) -> (usize, i64) {
    let by = |breach: &Breach| match *breach {
        Breach::Capacity { excess, .. } => excess,
        Breach::Late { by, .. }
        | Breach::ReloadLate { by }
        | Breach::ShiftEnd { by }
        | Breach::OnBoard { by, .. }
        | Breach::Duration { by }
        | Breach::Distance { by }
        | Breach::Stops { by } => by,
        _ => 0,
    };
    (breaches.len(), breaches.iter().map(by).fold(0, i64::saturating_add))
}

impl<'a> Finder<'a> {
    pub(super) fn new(problem: &'a Problem, plan: &'a Solution, locks: &'a Locks) -> Self {
        let mut used = vec![0; problem.kinds().len()];
        for route in &plan.routes {
            used[problem.kind_of(route.vehicle).index()] += 1;
        }
        Self { problem, plan, locks, scheduler: Scheduler::default(), used }
    }

    /// Looks at every place of a job (and the other half of its shipment).
    pub(super) fn look(&mut self, job: JobId, partner: Option<JobId>) -> Seen {
        let mut ways: BTreeMap<Vec<Change>, Vec<Change>> = BTreeMap::new();
        let mut kinds = Vec::new();
        for at in 0..self.problem.kinds().len() {
            let kind = KindId(at as u32);
            if self.problem.kinds()[at].count > 0 {
                kinds.push(self.kind(job, partner, kind, &mut ways));
            }
        }
        let mut ways: Vec<Vec<Change>> = ways.into_values().collect();
        ways.sort_by_key(|changes| changes.len());
        Seen { kinds, ways }
    }

    fn kind(
        &mut self,
        job: JobId,
        partner: Option<JobId>,
        kind: KindId,
        ways: &mut BTreeMap<Vec<Change>, Vec<Change>>,
    ) -> KindReason {
        let problem = self.problem;
        let first = problem.first_of(kind);
        let alone_visits: Vec<Visit> = std::iter::once(job).chain(partner).map(Visit::Job).collect();
        let report = self.scheduler.route(problem, first, &alone_visits, None);
        let (alone, alone_cost) = (report.breaches.clone(), report.cost.total());
        let idle = problem.kinds()[kind.index()].count > self.used[kind.index()];
        // Where every vehicle has a route, these limits alone would need one more of them too.
        let more = if idle { None } else { Some(Change::Vehicle { kind }) };
        note(problem, ways, &alone, kind, more);
        if !alone.is_empty() {
            // Whatever the plan holds: distances may not keep the triangle, so places in routes are looked at too.
            let nearest = self.nearest(job, partner, kind, ways);
            if let Some(costs) = nearest.fits {
                return KindReason { kind, reasons: vec![self.priced(job, costs)], alone: false };
            }
            return KindReason { kind, reasons: alone.into_iter().map(Reason::Rule).collect(), alone: true };
        }
        let nearest = self.nearest(job, partner, kind, ways);
        let fits = idle.then_some(alone_cost);
        if let Some(costs) = fits.into_iter().chain(nearest.fits).min() {
            return KindReason { kind, reasons: vec![self.priced(job, costs)], alone: false };
        }
        ways.entry(vec![Change::Vehicle { kind }]).or_insert_with(|| vec![Change::Vehicle { kind }]);
        let mut reasons: Vec<Reason> =
            nearest.breaches.unwrap_or_default().into_iter().map(Reason::Rule).collect();
        if nearest.locked && reasons.is_empty() {
            reasons.push(Reason::Locked);
        }
        reasons.push(Reason::AllInUse);
        KindReason { kind, reasons, alone: false }
    }

    fn priced(&self, job: JobId, costs: i64) -> Reason {
        match self.problem.jobs()[job.index()].prize {
            Some(prize) if costs >= prize => Reason::Price { costs, prize },
            _ => Reason::Fits { costs },
        }
    }

    /// The nearest place in the routes of a kind.
    fn nearest(
        &mut self,
        job: JobId,
        partner: Option<JobId>,
        kind: KindId,
        ways: &mut BTreeMap<Vec<Change>, Vec<Change>>,
    ) -> Nearest {
        let (problem, plan, locks) = (self.problem, self.plan, self.locks);
        let mut nearest = Nearest::default();
        for route in plan.routes.iter().filter(|r| problem.kind_of(r.vehicle) == kind) {
            let prefix = locks.prefix(route.vehicle);
            let before = self.scheduler.route(problem, route.vehicle, &route.visits, prefix);
            let (own, cost) = (before.breaches.clone(), before.cost.total());
            let scheduler = &mut self.scheduler;
            nearest.locked |= each_place(problem, job, partner, kind, &route.visits, prefix, |visits| {
                let report = scheduler.route(problem, route.vehicle, visits, prefix);
                let fresh: Vec<Breach> =
                    report.breaches.iter().copied().filter(|breach| !own.contains(breach)).collect();
                if fresh.is_empty() {
                    let costs = report.cost.total() - cost;
                    nearest.fits = Some(nearest.fits.map_or(costs, |least: i64| least.min(costs)));
                    return;
                }
                if own.is_empty() {
                    note(problem, ways, &fresh, kind, None);
                }
                if nearest.breaches.as_ref().is_none_or(|least| farness(&fresh) < farness(least)) {
                    nearest.breaches = Some(fresh);
                }
            });
        }
        nearest
    }
}

/// Notes the changes that lift these breaches, and `more` beside them, keeping for each set of rules the least amounts seen.
fn note(
    problem: &Problem,
    ways: &mut BTreeMap<Vec<Change>, Vec<Change>>,
    breaches: &[Breach],
    kind: KindId,
    more: Option<Change>,
) {
    if breaches.is_empty() || breaches.len() > 3 {
        return;
    }
    let lifted: Option<Vec<Change>> =
        breaches.iter().map(|&breach| Change::lifting(problem, breach, kind)).collect();
    let Some(mut changes) = lifted else { return };
    changes.extend(more);
    changes.sort_unstable();
    changes.dedup();
    let key: Vec<Change> = changes.iter().map(|change| change.with(0)).collect();
    let sum = |changes: &[Change]| changes.iter().filter_map(Change::by).fold(0, i64::saturating_add);
    match ways.get_mut(&key) {
        Some(known) if sum(known) <= sum(&changes) => {}
        _ => {
            ways.insert(key, changes);
        }
    }
}

/// Calls with the visits of every place: alone, and with a reload before or behind. Whether a trip that has been
/// loaded kept the job from some.
fn each_place(
    problem: &Problem,
    job: JobId,
    partner: Option<JobId>,
    kind: KindId,
    visits: &[Visit],
    prefix: Option<&Prefix>,
    mut look: impl FnMut(&[Visit]),
) -> bool {
    let frozen = prefix.map_or(0, |p| p.visits.min(visits.len()));
    let loaded = prefix.is_some_and(|p| p.departed);
    let details = &problem.jobs()[job.index()];
    let brings = details.role == Role::Single && details.delivery.iter().any(|&load| load > 0);
    let reloads = problem.kinds()[kind.index()].reloads.len() as u32;
    let is_reload = |at: usize| matches!(visits.get(at), Some(Visit::Reload(_)));
    let (mut list, mut locked) = (Vec::with_capacity(visits.len() + 3), false);
    // The visits from `at` to before `to` give way to `what`.
    let mut put = |at: usize, what: &[Visit], to: usize| {
        list.clear();
        list.extend_from_slice(&visits[..at]);
        list.extend_from_slice(what);
        list.extend_from_slice(&visits[to..]);
        look(&list);
    };
    let first_reload = (frozen..visits.len()).find(|&at| is_reload(at)).unwrap_or(visits.len());
    for at in frozen..=visits.len() {
        let under_way = loaded && at <= first_reload;
        let (opens, closes) = (at == 0 || at > 0 && is_reload(at - 1), at == visits.len() || is_reload(at));
        if let Some(partner) = partner {
            for until in at..=visits.len() {
                if until > at && is_reload(until - 1) {
                    break;
                }
                let mut both = vec![Visit::Job(job)];
                both.extend_from_slice(&visits[at..until]);
                both.push(Visit::Job(partner));
                put(at, &both, until);
            }
            for which in (0..reloads).filter(|_| closes && !opens) {
                put(at, &[Visit::Reload(which), Visit::Job(job), Visit::Job(partner)], at);
            }
            continue;
        }
        if brings && under_way {
            locked = true;
        } else {
            put(at, &[Visit::Job(job)], at);
        }
        for which in 0..reloads {
            if !opens && (!under_way || closes) {
                put(at, &[Visit::Reload(which), Visit::Job(job)], at);
            }
            if !closes && !under_way {
                put(at, &[Visit::Job(job), Visit::Reload(which)], at);
            }
        }
    }
    locked
}
