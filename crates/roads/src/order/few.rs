//! Small parts: arc by arc, always the one that joins the fewest others anew ("least fill", with arcs that lead to it and
//! arcs that it leads to told apart).

use super::Part;

/// Roads of a part that are ordered one by one.
const ROADS_MAX: usize = 16;
/// Arcs of a part and of the roads around it that a set holds.
const ARCS_MAX: usize = 256;

/// Some arcs of a part.
#[derive(Clone, Copy, Default)]
struct Set([u64; ARCS_MAX / 64]);

impl Set {
    fn add(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }

    fn without(mut self, i: usize) -> Self {
        self.0[i / 64] &= !(1 << (i % 64));
        self
    }

    fn less(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        self
    }

    fn join(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    fn count(self) -> u32 {
        self.0.iter().map(|w| w.count_ones()).sum()
    }

    fn each(self, mut f: impl FnMut(usize)) {
        for (word, bits) in self.0.into_iter().enumerate() {
            let mut left = bits;
            while left != 0 {
                f(word * 64 + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }
}

/// Orders the arcs of a small part; `None` for one that is not small. The arcs of roads around it stay to the end.
pub(super) fn least_fill(part: &Part) -> Option<Vec<u32>> {
    let own = part.edges.len() * 2;
    if part.edges.len() > ROADS_MAX {
        return None;
    }
    // A road around it that begins and ends in the part is one road.
    let mut outer = part.outer.clone();
    outer.sort_unstable_by_key(|(vertex, segment)| (*segment, *vertex));
    if own + outer.len() * 2 > ARCS_MAX {
        return None;
    }
    let count = part.place.len();
    let (mut into, mut out) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for (i, e) in part.edges.iter().enumerate() {
        for (arc, from, to) in [(2 * i, e.0, e.1), (2 * i + 1, e.1, e.0)] {
            out[from as usize].push(arc);
            into[to as usize].push(arc);
        }
    }
    let mut arcs = own;
    for ends in outer.chunk_by(|a, b| a.1 == b.1) {
        // Away from the first end, and towards it; at another end the other way round.
        for (i, (vertex, _)) in ends.iter().enumerate() {
            let [away, towards] = if i == 0 { [arcs, arcs + 1] } else { [arcs + 1, arcs] };
            out[*vertex as usize].push(away);
            into[*vertex as usize].push(towards);
        }
        arcs += 2;
    }
    let (mut before, mut after) = (vec![Set::default(); arcs], vec![Set::default(); arcs]);
    for (into, out) in into.iter().zip(&out) {
        for &a in into {
            // Back on the same road only where there is no other.
            for &b in out.iter().filter(|b| **b != a ^ 1 || out.len() == 1) {
                after[a].add(b);
                before[b].add(a);
            }
        }
    }
    let mut order = Vec::with_capacity(own);
    let mut rest: Vec<usize> = (0..own).collect();
    let joins = |i: usize, before: &[Set], after: &[Set]| {
        let mut count = 0;
        before[i].each(|a| count += after[i].without(a).less(after[a]).count());
        (count, before[i].count() * after[i].count())
    };
    while let Some(at) = (0..rest.len()).min_by_key(|i| joins(rest[*i], &before, &after)) {
        // In the order in which they came, so that equals stay in it.
        let i = rest.remove(at);
        #[allow(clippy::cast_possible_truncation)] // a direction
        order.push(part.edges[i / 2].2 * 2 + (i % 2) as u32);
        let (from, to) = (before[i].without(i), after[i].without(i));
        from.each(|a| {
            after[a] = after[a].without(i);
            after[a].join(to.without(a));
        });
        to.each(|b| {
            before[b] = before[b].without(i);
            before[b].join(from.without(b));
        });
    }
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arc_of_the_part_stands_once_and_of_equals_the_first() {
        // Three streets out of 0; those to 1 and 2 go on out of the part, that to 3 ends there.
        let part = Part {
            place: vec![[0, 0], [10, 0], [0, 10], [-10, 0]],
            edges: vec![(0, 1, 5), (0, 2, 6), (0, 3, 7)],
            outer: vec![(1, 8), (2, 9)],
        };
        let order = least_fill(&part).expect("a small part");
        // Each of the six joins two anew; of equals the first stays the first.
        assert_eq!(order[0], 10);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, [10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn large_parts_are_left_to_cuts() {
        #[allow(clippy::cast_possible_wrap)] // small numbers
        let place = (0..=ROADS_MAX as i32 + 1).map(|i| [i, 0]).collect();
        #[allow(clippy::cast_possible_truncation)] // small numbers
        let edges: Vec<(u32, u32, u32)> = (0..=ROADS_MAX as u32).map(|i| (i, i + 1, i)).collect();
        let mut part = Part { place, edges, outer: Vec::new() };
        assert!(least_fill(&part).is_none());
        part.edges.pop();
        part.place.pop();
        assert!(least_fill(&part).is_some());
        #[allow(clippy::cast_possible_truncation)] // small numbers
        part.outer.extend((0..ARCS_MAX as u32).map(|s| (0, 1_000 + s)));
        assert!(least_fill(&part).is_none());
    }
}
