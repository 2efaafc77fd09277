//! What a late report changes, as facts that are only ever appended.

use super::fence::Visit;
use serde::Serialize;

/// A fact about a visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revision {
    /// Number of the fact, from 1.
    pub number: u64,
    /// The fact that it takes the place of; none if it is a visit not known before.
    pub supersedes: Option<u64>,
    /// The visit as it is now known; none if it never was.
    pub visit: Option<Visit>,
    /// A report came late: the visit had been told before, or lies before one that had.
    pub late: bool,
}

/// The visits told so far of one vehicle and day.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    told: Vec<(u64, Visit)>,
    last: u64,
}

impl Ledger {
    /// Compares the settled visits with those told, and gives the facts that lead from the one to the other. Nothing
    /// changed, nothing told.
    pub fn update(&mut self, settled: &[Visit]) -> Vec<Revision> {
        let mut facts = Vec::new();
        let mut kept: Vec<(u64, Visit)> = Vec::new();
        let mut old = std::mem::take(&mut self.told);
        let latest_ms = old.iter().map(|(_, v)| v.entered_ms).max();
        let mut changed: Vec<&Visit> = Vec::new();
        for visit in settled {
            match old.iter().position(|(_, told)| told == visit) {
                Some(at) => kept.push(old.remove(at)),
                None => changed.push(visit),
            }
        }
        for visit in changed {
            // The told visit to the same fence that overlaps it in time is the one that it replaces.
            let before = old.iter().position(|(_, told)| told.fence == visit.fence && overlap(told, visit));
            let supersedes = before.map(|at| old.remove(at));
            let late = match &supersedes {
                // A visit that goes on is news, not lateness.
                Some((_, told)) => told.left_ms.is_some() || told.entered_ms != visit.entered_ms,
                None => latest_ms.is_some_and(|ms| visit.entered_ms < ms),
            };
            let number = self.number();
            let supersedes = supersedes.map(|(number, _)| number);
            facts.push(Revision { number, supersedes, visit: Some(visit.clone()), late });
            kept.push((number, visit.clone()));
        }
        for (number, _) in old {
            let supersedes = Some(number);
            facts.push(Revision { number: self.number(), supersedes, visit: None, late: true });
        }
        self.told = kept;
        facts
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The visits that the last revisions leave, by time and fence: what a fold over the facts gives.
    #[must_use]
    pub fn visits(&self) -> Vec<Visit> {
        let mut visits: Vec<Visit> = self.told.iter().map(|(_, v)| v.clone()).collect();
        visits.sort_unstable();
        visits
    }
}

fn overlap(a: &Visit, b: &Visit) -> bool {
    let end = |v: &Visit| v.left_ms.unwrap_or(i64::MAX);
    a.entered_ms <= end(b) && b.entered_ms <= end(a)
}
