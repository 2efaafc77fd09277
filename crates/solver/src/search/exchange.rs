//! A whole route goes to another vehicle, or two vehicles change routes.

use super::eval::Eval;
use super::links::NONE;
use super::walk::Walk;

impl<E: Eval> Walk<'_, E> {
    /// Gives the route of a random job to a random vehicle of another class and the other way round; whether a new
    /// best plan was stored.
    pub(super) fn exchange_step(&mut self, temperature: f64) -> bool {
        let job = self.rng.below(self.net.jobs);
        let one = self.links.at[job].route;
        let class = self.rng.below(self.net.classes.len());
        if one == NONE || self.net.classes[class].contains(&one) {
            return false;
        }
        let slots = &self.net.classes[class];
        let pick = self.rng.below(slots.len());
        // A random one, or the first empty one: both matter where kinds have many vehicles.
        let empty = |&&s: &&u32| self.links.routes[s as usize].size == 0;
        let other = if self.rng.below(2) == 0 { slots.iter().find(empty).copied() } else { None };
        let other = other.unwrap_or(slots[pick]);
        if !self.is_loose(one) || !self.is_loose(other) {
            return false;
        }
        // The quick kernel's refresh trusts that skills fit.
        let rides = |from: u32, to: u32| self.links.nodes(from).all(|v| self.eval.rides(to, v));
        if !rides(one, other) || !rides(other, one) {
            return false;
        }
        let before = self.cost();
        self.links.begin();
        self.links.save(one);
        self.links.save(other);
        let (first, second): (Vec<u32>, Vec<u32>) =
            (self.links.nodes(one).collect(), self.links.nodes(other).collect());
        self.links.assign(one, &[]);
        self.links.assign(other, &[]);
        self.links.assign(one, &second);
        self.links.assign(other, &first);
        let sound = self.eval.refresh(&mut self.links, one) & self.eval.refresh(&mut self.links, other);
        if !sound {
            self.reject();
            return false;
        }
        self.settle(before, temperature)
    }

    /// Whether a route holds nothing that is bound to its vehicle.
    pub(super) fn is_loose(&self, r: u32) -> bool {
        let bound =
            |v: u32| v >= self.links.jobs || self.net.pinned[v as usize] || self.net.only[v as usize] != NONE;
        self.net.slots[r as usize].prefix.is_none() && !self.links.nodes(r).any(bound)
    }
}
