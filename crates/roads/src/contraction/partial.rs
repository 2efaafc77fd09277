//! Partial customization: after some turns changed, only the arcs that they reach are derived again, bottom up.
//!
//! An arc that gets better through a better detour takes that detour's weight. One whose detour got worse is derived
//! from its own turn and its lower triangles, until one of them still gives its old weight. If an arc's weight
//! changes, the arcs above it that leaned on it, or would now, follow. The result is the same as that of a full
//! customization.
//!
//! Waiting for memory is what takes the time: a change looks at thousands of weights. So detours are looked at in the
//! order in which the arcs that they serve lie, and what lies apart is asked for before it is read.

use super::Topology;
use super::customize::Plan;
use super::memo::Memo;
use super::topology::Half;
use super::worklist::{Touched, Worklist};
use crate::query::Ends;
use crate::query::weight::{INF, Weight};
use crate::simd::prefetch;

/// New weights and what paths must not remember, for another set of weights.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Arcs (the upward ones, then the downward ones) with their weights.
    weights: Vec<(u32, Weight)>,
    /// Arcs that may stand for other ones now, even where the weight is as it was.
    forgotten: Vec<u32>,
}

impl Changes {
    /// Writes them on another set of weights.
    pub(crate) fn replay(&self, weights: &mut [Weight], memo: &mut Memo) {
        self.weights.iter().for_each(|(arc, weight)| weights[*arc as usize] = *weight);
        self.forgotten.iter().for_each(|arc| memo.forget(*arc as usize));
    }
}

/// An arc whose turn changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    low: u32,
    high: u32,
    rises: bool,
    /// Its number in its half.
    at: usize,
}

/// The arcs of turns into a state.
pub(crate) fn arcs_into(topology: &Topology, state: u32) -> impl Iterator<Item = Turned> + '_ {
    let (up, down) = (&topology.up, &topology.down);
    let rising = up.below(state).iter().filter(|[_, arc]| up.turns.has(*arc as usize));
    let falling = down.arcs(state).filter(|arc| down.turns.has(*arc));
    rising
        .map(move |[low, arc]| Turned { low: *low, high: state, rises: true, at: *arc as usize })
        .chain(falling.map(move |at| Turned { low: state, high: down.other[at], rises: false, at }))
}

/// A leg of detours, as it was and as it is.
#[derive(Clone, Copy, Debug)]
struct Leg {
    rises: bool,
    at: usize,
    high: u32,
    before: Weight,
    now: Weight,
}

/// Room for one step, kept from change to change.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    list: Worklist,
    /// Arcs of the state at hand that changed.
    legs: Vec<Leg>,
    /// Its arcs of one half.
    others: Vec<Leg>,
    pairs: Vec<[u32; 2]>,
}

/// Derives again what the given arcs (their turns changed) reach; hands back what changed. A plan of the topology, where
/// there is one, spares searching for the arcs that detours serve.
pub(crate) fn update(
    (topology, plan): (&Topology, Option<&Plan>),
    ends: &Ends<'_>,
    weights: &mut [Weight],
    memo: &mut Memo,
    turned: impl Iterator<Item = Turned>,
    desk: &mut Desk,
) -> Changes {
    let mut step = Step { topology, plan, ends, weights, memo, changes: Changes::default(), desk };
    step.desk.list.fit(topology.arc_count());
    for Turned { low, high, rises, at } in turned {
        let (half, from, to) = if rises { (&topology.up, low, high) } else { (&topology.down, high, low) };
        let arc = step.number(rises, at);
        let own = half.turns.of(at).map_or(INF, |turn| ends.turn_between(turn, from, to));
        step.forget(arc);
        step.touch(low, arc, own);
    }
    while let Some(low) = step.desk.list.lowest() {
        step.settle(low);
        step.follow(low);
    }
    step.changes
}

/// A change under way.
struct Step<'a, 'b> {
    topology: &'a Topology,
    plan: Option<&'a Plan>,
    ends: &'a Ends<'b>,
    weights: &'a mut [Weight],
    memo: &'a mut Memo,
    changes: Changes,
    desk: &'a mut Desk,
}

impl Step<'_, '_> {
    /// Number of an arc among all.
    fn number(&self, rises: bool, at: usize) -> usize {
        if rises { at } else { self.topology.up.other.len() + at }
    }

    #[allow(clippy::cast_possible_truncation)] // arcs fit u32
    fn forget(&mut self, arc: usize) {
        self.memo.forget(arc);
        self.changes.forgotten.push(arc as u32);
    }

    /// Lets an arc wait: it takes a weight that is less than its own at once, and is derived in its turn otherwise.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // arcs fit u32
    fn touch(&mut self, low: u32, arc: usize, offer: Weight) {
        let weight = &mut self.weights[arc];
        self.desk.list.push(low, arc as u32, *weight);
        *weight = offer.min(*weight);
    }

    /// Gives the waiting arcs of one lower state their weights. All of them, before any detour over it is looked at: of
    /// two legs that changed at once, neither may be taken with the other's old weight.
    fn settle(&mut self, low: u32) {
        let topology = self.topology;
        let behind = topology.up.other.len();
        self.desk.legs.clear();
        while let Some(Touched { arc, before }) = self.desk.list.pop() {
            let arc = arc as usize;
            let rises = arc < behind;
            let (half, at) = if rises { (&topology.up, arc) } else { (&topology.down, arc - behind) };
            let high = half.other[at];
            // Better already, or by none: then a detour got worse, and it may have been the best.
            if self.weights[arc] == before {
                self.weights[arc] = self.derive((low, high, rises, at), before);
            }
            let now = self.weights[arc];
            if now != before {
                #[allow(clippy::cast_possible_truncation)] // arcs fit u32
                self.changes.weights.push((arc as u32, now));
                self.forget(arc);
                self.desk.legs.push(Leg { rises, at, high, before, now });
            }
        }
    }

    /// Lets the arcs wait that leaned on detours over `low` as they were, or would on them as they are: such a detour
    /// enters `low` from above and leaves it to above, and one of its legs changed.
    fn follow(&mut self, low: u32) {
        let topology = self.topology;
        let behind = topology.up.other.len();
        let mut legs = std::mem::take(&mut self.desk.legs);
        let mut others = std::mem::take(&mut self.desk.others);
        // The upward ones first, each lot by its higher state.
        legs.sort_unstable_by_key(|leg| (!leg.rises, leg.at));
        let (rising, falling) = legs.split_at(legs.partition_point(|leg| leg.rises));
        let (up, down) = ((&topology.up, 0), (&topology.down, behind));
        for (legs, (same, same_first), (half, first), changed) in
            [(rising, up, down, falling), (falling, down, up, rising)]
        {
            if legs.is_empty() {
                continue;
            }
            others.clear();
            let mut changed = changed.iter().peekable();
            for at in half.arcs(low) {
                let now = self.weights[first + at];
                let before = changed.next_if(|leg| leg.at == at).map_or(now, |leg| leg.before);
                if now.min(before) < INF {
                    others.push(Leg { rises: !legs[0].rises, at, high: half.other[at], before, now });
                }
            }
            let served = self.plan.map_or(&[][..], |plan| plan.served(low));
            if !served.is_empty() {
                let starts = [half.arcs(low).start, same.arcs(low).start];
                let width = topology.up.arcs(low).len();
                // The plan has a row for each downward arc: rows are read along, whichever side changed.
                let row = |falling: &Leg, start: usize| &served[(falling.at - start) * width..][..width];
                if legs[0].rises {
                    others.iter().for_each(|by| self.serve_row(by, legs, (row(by, starts[0]), starts[1])));
                } else {
                    legs.iter().for_each(|by| self.serve_row(by, &others, (row(by, starts[1]), starts[0])));
                }
                continue;
            }
            // The arc served belongs to the lower of the two ends: its list is then walked along once.
            for (i, other) in others.iter().enumerate() {
                if let Some(soon) = others.get(i + 4) {
                    prefetch(&same.first, soon.high as usize);
                }
                self.serve(other, legs, same, same_first);
            }
            for leg in legs {
                self.serve(leg, &others, half, first);
            }
        }
        (self.desk.legs, self.desk.others) = (legs, others);
    }

    /// Looks at the arcs that detours by one downward arc and some upward ones serve, as its row of the plan lists them from
    /// the first upward arc of their lower state on.
    #[inline]
    fn serve_row(&mut self, by: &Leg, rising: &[Leg], (row, start): (&[u32], usize)) {
        for (i, on) in rising.iter().enumerate() {
            if let Some(soon) = rising.get(i + 8) {
                prefetch(self.weights, row[soon.at - start] as usize);
            }
            if on.high == by.high {
                continue;
            }
            let arc = row[on.at - start] as usize;
            let (was, is) = (by.before + on.before, by.now + on.now);
            let weight = self.weights[arc];
            if is <= weight || was == weight {
                self.forget(arc);
                if is < weight || is > was {
                    self.touch(by.high.min(on.high), arc, is);
                }
            }
        }
    }

    /// Looks at the arcs of `half` between the higher end of a leg and the ends beyond it of partners.
    #[inline]
    fn serve(&mut self, leg: &Leg, partners: &[Leg], half: &Half, first: usize) {
        let lower = leg.high;
        let partners = &partners[partners.partition_point(|p| p.high <= lower)..];
        if partners.is_empty() {
            return;
        }
        let list = half.arcs(lower);
        let (mut others, mut at) = (&half.other[list.clone()], list.start);
        for partner in partners {
            // The topology is closed under contraction: the arc is there.
            let skip = reach(others, |state| *state < partner.high);
            (others, at) = (&others[skip..], at + skip);
            if others.first() != Some(&partner.high) {
                continue;
            }
            let (was, is) = (leg.before + partner.before, leg.now + partner.now);
            let weight = self.weights[first + at];
            if is <= weight || was == weight {
                self.forget(first + at);
                if is < weight || is > was {
                    self.touch(lower, first + at, is);
                }
            }
        }
    }

    /// The weight of one arc from its own turn and its lower triangles. No weight below `floor` is possible: the first
    /// that equals it ends the search.
    fn derive(&mut self, (low, high, rises, at): (u32, u32, bool, usize), floor: Weight) -> Weight {
        let topology = self.topology;
        let (up, down) = self.weights.split_at(topology.up.other.len());
        let (from, to) = if rises { (low, high) } else { (high, low) };
        let half = if rises { &topology.up } else { &topology.down };
        let mut best = half.turns.of(at).map_or(INF, |turn| self.ends.turn_between(turn, from, to));
        if best <= floor {
            return best;
        }
        let pairs = &mut self.desk.pairs;
        both(topology.down.below(from), topology.up.below(to), pairs);
        for [falls, rises] in pairs.iter() {
            prefetch(down, *falls as usize);
            prefetch(up, *rises as usize);
        }
        // From the highest down: the likeliest to give the old weight.
        for [falls, rises] in pairs.iter().rev() {
            best = best.min(down[*falls as usize] + up[*rises as usize]);
            if best <= floor {
                break;
            }
        }
        best
    }
}

/// How many elements at the start of a sorted list hold, found quickly where they are few.
#[inline]
fn reach<T>(list: &[T], holds: impl Fn(&T) -> bool) -> usize {
    let mut end = 1;
    while end <= list.len() && holds(&list[end - 1]) {
        end *= 2;
    }
    let start = end / 2;
    start + list[start..list.len().min(end.saturating_sub(1).max(start))].partition_point(holds)
}

/// Arcs of the states that two sorted lists share, lowest first.
fn both(mut a: &[[u32; 2]], mut b: &[[u32; 2]], pairs: &mut Vec<[u32; 2]>) {
    pairs.clear();
    // Only where both have entries.
    let (Some([low, _]), Some([high, _])) = (a.first(), a.last()) else { return };
    b = &b[b.partition_point(|e| e[0] < *low)..];
    b = &b[..b.partition_point(|e| e[0] <= *high)];
    let (Some([low, _]), Some([high, _])) = (b.first(), b.last()) else { return };
    a = &a[a.partition_point(|e| e[0] < *low)..];
    a = &a[..a.partition_point(|e| e[0] <= *high)];
    if a.len() * FAR_LONGER < b.len() {
        leap(a, b, |x, y| pairs.push([x, y]));
    } else if b.len() * FAR_LONGER < a.len() {
        leap(b, a, |y, x| pairs.push([x, y]));
    } else {
        // Which list goes on is chance: without branches.
        pairs.resize(a.len().min(b.len()) + 1, [0; 2]);
        let (mut i, mut j, mut count) = (0, 0, 0);
        while i < a.len() && j < b.len() {
            let ([x, arc_x], [y, arc_y]) = (a[i], b[j]);
            pairs[count] = [arc_x, arc_y];
            count += usize::from(x == y);
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        pairs.truncate(count);
    }
}

/// A list that is so many times longer is leapt through.
const FAR_LONGER: usize = 12;

fn leap(short: &[[u32; 2]], mut long: &[[u32; 2]], mut found: impl FnMut(u32, u32)) {
    for [x, arc_x] in short {
        long = &long[reach(long, |e| e[0] < *x)..];
        match long.first() {
            Some([y, arc_y]) if x == y => found(*arc_x, *arc_y),
            Some(_) => {}
            None => break,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaps_stop_where_steps_would() {
        for count in 0..40u32 {
            let list: Vec<u32> = (0..count).map(|i| i * 2).collect();
            for bound in 0..count * 2 + 2 {
                assert_eq!(
                    reach(&list, |x| *x < bound),
                    list.partition_point(|x| *x < bound),
                    "{count} {bound}"
                );
            }
        }
    }

    #[test]
    fn shared_states_are_found_however_long_the_lists() {
        let list = |step: u32, count: u32| -> Vec<[u32; 2]> { (0..count).map(|i| [i * step, i]).collect() };
        for (a, b) in [((3, 40), (2, 60)), ((97, 3), (1, 300)), ((1, 300), (97, 3)), ((5, 0), (1, 9))] {
            let (a, b) = (list(a.0, a.1), list(b.0, b.1));
            let mut found = Vec::new();
            both(&a, &b, &mut found);
            let plain: Vec<[u32; 2]> = a
                .iter()
                .filter_map(|[state, x]| b.iter().find(|e| e[0] == *state).map(|e| [*x, e[1]]))
                .collect();
            assert_eq!(found, plain);
        }
    }
}
