//! What must stay of the plan that the search began from, for the checker alone.

use super::rich::{Inspect, Role};
use crate::io::rich::model::Lock;
use crate::io::rich::solution::start;
use std::collections::BTreeSet;

impl Inspect<'_> {
    /// Checks every lock of the file against the routes; `served` counts each visit.
    pub(super) fn locks(&mut self, routes: &[Vec<usize>], served: &[u32]) {
        if self.rich.locks.is_empty() {
            return;
        }
        let plan = start(self.rich);
        for (k, was) in plan.iter().enumerate() {
            let now = routes.get(k).map_or(&[][..], Vec::as_slice);
            self.prefix(k, was, now, served);
            self.visits_of(k, was, now, served);
        }
    }

    /// What is over stays, and what is aboard stays aboard.
    fn prefix(&mut self, k: usize, was: &[usize], now: &[usize], served: &[u32]) {
        let Some(prefix) = self.prefixes.get(&k) else { return };
        let departed = prefix.departed;
        let over = usize::try_from(prefix.stops.0).unwrap_or(0).min(was.len());
        if now.get(..over) != Some(&was[..over]) {
            let (found, limit) = (format!("{now:?}"), format!("{:?} first", &was[..over]));
            self.findings.push("locked_prefix", format!("route {}", k + 1), found, limit);
            return;
        }
        if !departed {
            return;
        }
        let was_aboard = self.brought(was, over);
        let aboard = self.brought(now, over);
        for &number in was_aboard.symmetric_difference(&aboard) {
            if served[number - 1] == 0 {
                // Nobody can be served with it in time: it comes back.
                continue;
            }
            let place = format!("route {}, visit {number}", k + 1);
            let (found, limit) = if aboard.contains(&number) {
                ("joins a trip that has been loaded", "the next trip")
            } else {
                ("leaves the trip that it was loaded for", "its trip")
            };
            self.findings.push("locked_load", place, found, limit);
        }
    }

    /// Deliveries from the depot in the trip under way, after what is over.
    fn brought(&self, route: &[usize], over: usize) -> BTreeSet<usize> {
        let trip = route[over..].iter().take_while(|&&number| self.number(number).is_some());
        let brings = |&&number: &&usize| {
            let job = number - 1;
            self.role(job) == Role::Single && self.visits[job].delivery.iter().any(|load| load.0 > 0)
        };
        trip.filter(brings).copied().collect()
    }

    fn visits_of(&mut self, k: usize, was: &[usize], now: &[usize], served: &[u32]) {
        let locked = |number: usize| {
            let job = self.number(number)?;
            self.rich.locks.visits.get(&self.visits[job].id).copied()
        };
        let mut ordered: Vec<usize> = Vec::new();
        let mut moved: Vec<usize> = Vec::new();
        for &number in was {
            match locked(number) {
                Some(Lock::FixedOrder) => ordered.push(number),
                Some(Lock::FixedVehicle) if served[number - 1] > 0 && !now.contains(&number) => {
                    moved.push(number);
                }
                _ => {}
            }
        }
        let kept: Vec<usize> = now.iter().copied().filter(|number| ordered.contains(number)).collect();
        for number in moved {
            let place = format!("route {}, visit {number}", k + 1);
            self.findings.push("locked_vehicle", place, "on another vehicle", "on this one");
        }
        if kept != ordered {
            let place = format!("route {}", k + 1);
            self.findings.push("locked_order", place, format!("{kept:?}"), format!("{ordered:?}"));
        }
    }
}
