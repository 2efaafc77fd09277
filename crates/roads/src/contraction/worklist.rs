//! Arcs that wait to be derived, by their lower state, lowest state first.
//!
//! States that wait are few at any time (they lie on the way up from where the change began), arcs are many: so only
//! states stand in the queue, each arc once in the list of its state, and one bit an arc says whether it waits.

use crate::query::weight::Weight;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// An arc that waits, with the weight that it had when the change began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) arc: u32,
    pub(crate) before: Weight,
}

/// Waiting arcs.
#[derive(Debug, Default)]
pub(crate) struct Worklist {
    /// One bit an arc that waits.
    waits: Vec<u64>,
    states: BinaryHeap<Reverse<u32>>,
    /// List of a state that waits, by its place in `lists`.
    list_of: HashMap<u32, usize, BuildHasherDefault<Spread>>,
    lists: Vec<Vec<Touched>>,
    /// Lists that no state has.
    free: Vec<usize>,
    /// List of the state that was taken last.
    open: Vec<Touched>,
}

impl Worklist {
    /// Makes room for so many arcs.
    pub(crate) fn fit(&mut self, arcs: usize) {
        let words = arcs.div_ceil(64);
        if self.waits.len() < words {
            self.waits = bytemuck::zeroed_vec(words);
        }
    }

    /// Lets an arc of a lower state wait unless it does already.
    #[inline]
    pub(crate) fn push(&mut self, low: u32, arc: u32, before: Weight) {
        let (word, bit) = (arc as usize / 64, 1 << (arc % 64));
        if self.waits[word] & bit != 0 {
            return;
        }
        self.waits[word] |= bit;
        let list = *self.list_of.entry(low).or_insert_with(|| {
            self.states.push(Reverse(low));
            self.free.pop().unwrap_or_else(|| {
                self.lists.push(Vec::new());
                self.lists.len() - 1
            })
        });
        self.lists[list].push(Touched { arc, before });
    }

    /// Takes the lowest state that waits; its arcs then come out of [`Worklist::pop`].
    pub(crate) fn lowest(&mut self) -> Option<u32> {
        debug_assert!(self.open.is_empty());
        let Reverse(low) = self.states.pop()?;
        if let Some(list) = self.list_of.remove(&low) {
            std::mem::swap(&mut self.open, &mut self.lists[list]);
            self.free.push(list);
        }
        Some(low)
    }

    /// The next arc of the state taken last.
    pub(crate) fn pop(&mut self) -> Option<Touched> {
        let touched = self.open.pop()?;
        self.waits[touched.arc as usize / 64] &= !(1 << (touched.arc % 64));
        Some(touched)
    }
}

/// Spreads numbers of states: they are no enemy's.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u32(u32::from(*b)));
    }

    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_come_lowest_first_and_arcs_once() {
        let mut list = Worklist::default();
        list.fit(200);
        for (low, arc, before) in [(7, 130, 1), (3, 5, 2), (7, 131, 3), (7, 130, 9), (3, 64, 4)] {
            list.push(low, arc, before);
        }
        let mut out = Vec::new();
        while let Some(low) = list.lowest() {
            let mut arcs: Vec<(u32, Weight)> =
                std::iter::from_fn(|| list.pop()).map(|t| (t.arc, t.before)).collect();
            arcs.sort_unstable();
            out.push((low, arcs));
            if low == 3 {
                list.push(5, 5, 6);
            }
        }
        assert_eq!(out, [(3, vec![(5, 2), (64, 4)]), (5, vec![(5, 6)]), (7, vec![(130, 1), (131, 3)])]);
    }
}
