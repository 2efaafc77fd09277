//! Which absent jobs look for a place in an iteration, and how far: a plan that leaves hundreds out, or has not yet
//! found room for all, would else spend its time on jobs for which nothing has changed.

use super::eval::Eval;
use super::links::NONE;
use super::walk::Walk;

/// Up to so many jobs every absent job looks everywhere in every iteration.
pub(super) const EVERYWHERE: usize = 64;
/// Absent jobs that may look at every place of the plan in one iteration.
pub(super) const WIDE: u32 = 3;
/// One in how many times a job that may be left out looks at every place after all.
const SELDOM: usize = 32;
/// One in how many of the jobs absent for longer looks again although nothing near it has changed.
const AGAIN: u64 = 16;
/// Neighbours whose routes are near.
const CLOSE: usize = 10;
/// Neighbours that come in together with an absent job at any price.
const AROUND: usize = 25;

impl<E: Eval> Walk<'_, E> {
    /// Lets optional jobs rest that were absent before this iteration, unless something near them has changed. Where
    /// jobs come in at any price they are to lie together, for a route pays only with enough of them.
    pub(super) fn set_idle(&mut self) {
        if self.eager || self.lavish || !self.net.optional {
            return;
        }
        let absent = self.links.absent.len();
        let around = (self.generous && absent > 0).then(|| self.links.absent[self.rng.below(absent)]);
        let Self { net, links, taken, idle, .. } = self;
        let journal = links.journal();
        // Both halves of a shipment do as its pickup does.
        let whole = |job: u32| {
            let partner = net.partner[job as usize];
            if partner == NONE || net.is_pickup[job as usize] { job } else { partner }
        };
        let around = around.map(whole);
        let mut list = std::mem::take(&mut links.absent);
        list.retain(|&half| {
            let job = whole(half);
            let stays = net.must[job as usize] || taken[job as usize] == journal;
            let looks = stays
                || if let Some(seed) = around {
                    job == seed || net.near.of(seed, AROUND).contains(&job)
                } else {
                    let lot = (u64::from(job).wrapping_mul(0x9e37_79b9) >> 7).wrapping_add(journal);
                    lot.is_multiple_of(AGAIN)
                        || net.near.of(job, CLOSE).iter().any(|&v| {
                            let route = links.at[v as usize].route;
                            route != NONE && links.is_changed(route)
                        })
                };
            if !looks {
                idle.push(half);
            }
            looks
        });
        links.absent = list;
    }

    /// Takes in every optional job at any price. A plan that grows job by job opens too few routes: none pays with its
    /// first job. Begins an iteration, which the caller keeps or rejects.
    pub(super) fn take_all(&mut self) {
        self.links.begin();
        for r in 0..self.net.slots.len() as u32 {
            if self.links.routes[r as usize].size > 0 {
                self.clear_route_of(r);
            }
        }
        self.refresh_changed();
        let lavish = std::mem::replace(&mut self.lavish, true);
        self.recreate();
        self.lavish = lavish;
    }

    /// Gives up the routes that cost more than leaving their jobs out, within an iteration.
    pub(super) fn prune(&mut self) {
        for r in 0..self.net.slots.len() as u32 {
            let cost = self.links.routes[r as usize].cost;
            let jobs = self.links.nodes(r).filter(|&v| v < self.links.jobs);
            let prices: i64 = jobs.map(|v| self.net.absence[v as usize]).sum();
            if self.links.routes[r as usize].size > 0 && cost > prices {
                self.clear_route_of(r);
            }
        }
        self.refresh_changed();
    }

    /// Whether this job may look at every place in this iteration; one that may be left out seldom does.
    pub(super) fn looks_wide(&mut self, job: u32) -> bool {
        if !self.eager && !self.net.must[job as usize] && self.rng.below(SELDOM) != 0 {
            return false;
        }
        let may = self.wide > 0;
        self.wide = self.wide.saturating_sub(1);
        may
    }
}
