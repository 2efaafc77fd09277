//! A plan in the population: its routes, what it costs, by how much it breaks the rules.

use super::piece::{Breach, Prices};
use crate::search::links::NONE;

/// A plan with every job in a route, but those that it leaves out.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Slots in use and their jobs, ascending.
    pub(super) routes: Vec<(u32, Vec<u32>)>,
    /// Jobs left out, ascending.
    pub(super) absent: Vec<u32>,
    /// Cost without breaches, of routes and absences.
    pub(super) base: i64,
    pub(super) breach: Breach,
    /// Job before and after each job, none at the ends of routes; of one left out itself.
    pub(super) beside: Vec<[u32; 2]>,
}

impl Plan {
    pub(super) fn of(
        jobs: usize,
        routes: Vec<(u32, Vec<u32>)>,
        absent: Vec<u32>,
        base: i64,
        breach: Breach,
    ) -> Self {
        let mut beside = vec![[NONE; 2]; jobs];
        for (_, route) in &routes {
            for pair in route.windows(2) {
                beside[pair[0] as usize][1] = pair[1];
                beside[pair[1] as usize][0] = pair[0];
            }
        }
        for &v in &absent {
            beside[v as usize] = [v; 2];
        }
        Self { routes, absent, base, breach, beside }
    }

    pub(super) fn sound(&self) -> bool {
        self.breach.none()
    }

    pub(super) fn cost(&self, prices: &Prices) -> i64 {
        self.base + self.breach.price(prices)
    }

    /// Legs of this plan that the other does not have (broken pairs; Prins 2009).
    pub(super) fn apart(&self, other: &Self) -> u32 {
        let mut count = 0;
        for (a, b) in self.beside.iter().zip(&other.beside) {
            count += u32::from(a[1] != b[1] && a[1] != b[0]);
            count += u32::from(a[0] == NONE && b[0] != NONE && b[1] != NONE);
        }
        count
    }
}
