//! Building the topology from the turns alone.

use crate::RoadsError;
use crate::file::{Column, Store, Writer};
use crate::graph::NONE;

/// Arcs of one direction with their transposition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    /// First arc by lower state, and one more.
    pub(crate) first: Column<u32>,
    /// Higher state by arc, ascending within a state.
    pub(crate) other: Column<u32>,
    /// The input turns that arcs stand for. Most arcs are only ever shortcuts.
    pub(crate) turns: Turns,
    /// First entry by higher state, and one more.
    pub(crate) low_first: Column<u32>,
    /// Lower state and arc, ascending by state.
    pub(crate) low: Column<[u32; 2]>,
}

impl Half {
    #[inline]
    pub(crate) fn arcs(&self, state: u32) -> std::ops::Range<usize> {
        self.first[state as usize] as usize..self.first[state as usize + 1] as usize
    }

    /// The arc between a lower and a higher state.
    pub(crate) fn find(&self, low: u32, high: u32) -> Option<usize> {
        let range = self.arcs(low);
        self.other[range.clone()].binary_search(&high).ok().map(|i| range.start + i)
    }

    /// Lower state of an arc.
    pub(crate) fn low_of(&self, arc: usize) -> u32 {
        #[allow(clippy::cast_possible_truncation)] // states fit u32
        let low = self.first.partition_point(|first| *first as usize <= arc) as u32 - 1;
        low
    }

    /// Lower states joined to a higher one, with the arcs.
    pub(crate) fn below(&self, high: u32) -> &[[u32; 2]] {
        &self.low[self.low_first[high as usize] as usize..self.low_first[high as usize + 1] as usize]
    }

    #[allow(clippy::cast_possible_truncation)] // arcs fit u32, checked by the builder
    fn new(first: Vec<u32>, other: Vec<u32>) -> Self {
        let count = first.len() - 1;
        let mut low_first = vec![0u32; count + 1];
        for &h in &other {
            low_first[h as usize + 1] += 1;
        }
        for v in 1..low_first.len() {
            low_first[v] += low_first[v - 1];
        }
        let mut at = low_first.clone();
        let mut low = vec![[0u32; 2]; other.len()];
        for v in 0..count {
            for arc in first[v]..first[v + 1] {
                let slot = &mut at[other[arc as usize] as usize];
                low[*slot as usize] = [v as u32, arc];
                *slot += 1;
            }
        }
        let turns = Turns::default();
        Self { first: first.into(), other: other.into(), turns, low_first: low_first.into(), low: low.into() }
    }
}

/// A turn for some of the arcs of a half.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    /// One bit an arc that stands for a turn.
    pub(crate) has: Column<u64>,
    /// Turns before each word of `has`.
    pub(crate) before: Column<u32>,
    /// The turns in the order of the arcs.
    pub(crate) list: Column<u32>,
}

impl Turns {
    /// From the turn by arc, [`NONE`] without one.
    #[allow(clippy::cast_possible_truncation)] // turns fit u32
    fn new(by_arc: &[u32]) -> Self {
        let (mut has, mut before, mut list) = (Vec::new(), Vec::new(), Vec::new());
        for arcs in by_arc.chunks(64) {
            before.push(list.len() as u32);
            has.push(arcs.iter().enumerate().fold(0, |word, (i, turn)| word | u64::from(*turn != NONE) << i));
            list.extend(arcs.iter().filter(|turn| **turn != NONE));
        }
        Self { has: has.into(), before: before.into(), list: list.into() }
    }

    /// Whether there are words for so many arcs and a turn for every bit of the last.
    fn fits(&self, arcs: usize) -> bool {
        let words = arcs.div_ceil(64);
        let end = |(before, has): (&u32, &u64)| *before as usize + has.count_ones() as usize;
        self.has.len() == words
            && self.before.len() == words
            && self.before.last().zip(self.has.last()).map_or(0, end) == self.list.len()
    }

    /// The turn of an arc.
    #[inline]
    pub(crate) fn of(&self, arc: usize) -> Option<u32> {
        let (word, bit) = (self.has[arc / 64], arc % 64);
        (word >> bit & 1 != 0).then(|| {
            self.list[self.before[arc / 64] as usize + (word & ((1 << bit) - 1)).count_ones() as usize]
        })
    }

    /// Whether an arc stands for a turn.
    #[inline]
    pub(crate) fn has(&self, arc: usize) -> bool {
        self.has[arc / 64] >> (arc % 64) & 1 != 0
    }

    /// Arcs that stand for turns, with these.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, u32)> + Clone + '_ {
        let arcs = self.has.iter().enumerate().flat_map(|(i, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let arc = (left != 0).then(|| i * 64 + left.trailing_zeros() as usize);
                left &= left.wrapping_sub(1);
                arc
            })
        });
        arcs.zip(self.list.iter().copied())
    }
}

/// What no metric can change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    pub(crate) up: Half,
    pub(crate) down: Half,
    /// Parent in the elimination tree by state, [`NONE`] at a root.
    pub(crate) parent: Column<u32>,
}

impl Topology {
    /// Arcs of both halves.
    pub(crate) fn arc_count(&self) -> usize {
        self.up.other.len() + self.down.other.len()
    }

    /// Contracts states in the order of their numbers.
    pub(crate) fn build(turn_first: &[u32], turn_to: &[u32]) -> Self {
        let count = turn_first.len() - 1;
        let (first, other, parent) = fill(count, turn_first, turn_to);
        let (rises, falls) = directions(&first, &other, turn_first, turn_to);
        let keep = |bits: &[bool]| {
            let (mut f, mut o) = (vec![0u32], Vec::new());
            for v in 0..count {
                for arc in first[v] as usize..first[v + 1] as usize {
                    if bits[arc] {
                        o.push(other[arc]);
                    }
                }
                #[allow(clippy::cast_possible_truncation)] // fewer than in `other`
                f.push(o.len() as u32);
            }
            Half::new(f, o)
        };
        let (mut up, mut down) = (keep(&rises), keep(&falls));
        let (mut rising, mut falling) = (vec![NONE; up.other.len()], vec![NONE; down.other.len()]);
        #[allow(clippy::cast_possible_truncation)] // states fit u32
        for v in 0..count as u32 {
            for t in turn_first[v as usize]..turn_first[v as usize + 1] {
                let w = turn_to[t as usize];
                let slot = match v.cmp(&w) {
                    std::cmp::Ordering::Less => up.find(v, w).map(|arc| &mut rising[arc]),
                    std::cmp::Ordering::Greater => down.find(w, v).map(|arc| &mut falling[arc]),
                    std::cmp::Ordering::Equal => None,
                };
                slot.into_iter().for_each(|slot| *slot = t);
            }
        }
        up.turns = Turns::new(&rising);
        down.turns = Turns::new(&falling);
        Self { up, down, parent: parent.into() }
    }

    pub(crate) fn write<'a>(&'a self, w: &mut Writer<'a>) {
        for (half, [first, other, has_turn, turns_before, turn, low_first, low]) in
            [(&self.up, UP), (&self.down, DOWN)]
        {
            w.column(first, &half.first);
            w.column(other, &half.other);
            w.column(has_turn, &half.turns.has);
            w.column(turns_before, &half.turns.before);
            w.column(turn, &half.turns.list);
            w.column(low_first, &half.low_first);
            w.column(low, &half.low);
        }
        w.column("parent", &self.parent);
    }

    pub(crate) fn read(store: &Store, states: usize) -> Result<Self, RoadsError> {
        let half =
            |[first, other, has, before, turn, low_first, low]: [&str; 7]| -> Result<Half, RoadsError> {
                let turns = Turns {
                    has: store.column(has)?,
                    before: store.column(before)?,
                    list: store.column(turn)?,
                };
                let half = Half {
                    first: store.column(first)?,
                    other: store.column(other)?,
                    turns,
                    low_first: store.column(low_first)?,
                    low: store.column(low)?,
                };
                let arcs = half.other.len();
                let sound = half.first.len() == states + 1
                    && half.low_first.len() == states + 1
                    && half.low.len() == arcs
                    && half.turns.fits(arcs)
                    && half.first[states] as usize == arcs
                    && half.low_first[states] as usize == arcs;
                if sound {
                    Ok(half)
                } else {
                    Err(store.inconsistent("tables of the hierarchy differ in length"))
                }
            };
        let this = Self { up: half(UP)?, down: half(DOWN)?, parent: store.column("parent")? };
        if this.parent.len() == states {
            Ok(this)
        } else {
            Err(store.inconsistent("tables of the hierarchy differ in length"))
        }
    }
}

const UP: [&str; 7] =
    ["up_first", "up_head", "up_has_turn", "up_turns_before", "up_turn", "up_low_first", "up_low"];
const DOWN: [&str; 7] =
    ["down_first", "down_tail", "down_has_turn", "down_turns_bef", "down_turn", "down_low_first", "down_low"];

/// The undirected chordal supergraph: higher neighbours of each state, and its parent. A state hands its
/// neighbours to its parent, the lowest of them.
#[allow(clippy::cast_possible_truncation)] // arcs are asserted to fit u32
fn fill(count: usize, turn_first: &[u32], turn_to: &[u32]) -> (Vec<u32>, Vec<u32>, Vec<u32>) {
    let mut own_first = vec![0u32; count + 1];
    let each = |f: &mut dyn FnMut(u32, u32)| {
        for v in 0..count as u32 {
            for t in turn_first[v as usize]..turn_first[v as usize + 1] {
                let w = turn_to[t as usize];
                if v != w {
                    f(v.min(w), v.max(w));
                }
            }
        }
    };
    each(&mut |low, _| own_first[low as usize + 1] += 1);
    for v in 1..own_first.len() {
        own_first[v] += own_first[v - 1];
    }
    let mut at = own_first.clone();
    let mut own = vec![0u32; own_first[count] as usize];
    each(&mut |low, high| {
        own[at[low as usize] as usize] = high;
        at[low as usize] += 1;
    });
    let mut parent = vec![NONE; count];
    let mut child = vec![NONE; count];
    let mut sibling = vec![NONE; count];
    let mut mark = vec![NONE; count];
    let (mut first, mut other) = (Vec::with_capacity(count + 1), Vec::<u32>::new());
    first.push(0u32);
    for v in 0..count as u32 {
        let start = other.len();
        let mut add = |w: u32, other: &mut Vec<u32>| {
            if mark[w as usize] != v {
                mark[w as usize] = v;
                other.push(w);
            }
        };
        mark_self(
            v,
            &mut |w| add(w, &mut other),
            &own[own_first[v as usize] as usize..own_first[v as usize + 1] as usize],
        );
        let mut c = child[v as usize];
        while c != NONE {
            for arc in first[c as usize]..first[c as usize + 1] {
                let w = other[arc as usize];
                if w != v {
                    add(w, &mut other);
                }
            }
            c = sibling[c as usize];
        }
        other[start..].sort_unstable();
        assert!(other.len() < 1 << 31, "a hierarchy of more than two billion arcs");
        first.push(other.len() as u32);
        if let Some(&p) = other.get(start) {
            parent[v as usize] = p;
            sibling[v as usize] = child[p as usize];
            child[p as usize] = v;
        }
    }
    (first, other, parent)
}

fn mark_self(v: u32, add: &mut dyn FnMut(u32), own: &[u32]) {
    for &w in own {
        debug_assert!(w > v);
        add(w);
    }
}

/// For each undirected arc, whether any metric could ever use it upward, and downward: a first turn in that direction
/// or a detour over a lower state.
fn directions(first: &[u32], other: &[u32], turn_first: &[u32], turn_to: &[u32]) -> (Vec<bool>, Vec<bool>) {
    let count = first.len() - 1;
    let (mut rises, mut falls) = (vec![false; other.len()], vec![false; other.len()]);
    let find = |low: u32, high: u32| {
        let range = first[low as usize] as usize..first[low as usize + 1] as usize;
        range.start + other[range].binary_search(&high).expect("the supergraph has every turn")
    };
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    for v in 0..count as u32 {
        for t in turn_first[v as usize]..turn_first[v as usize + 1] {
            let w = turn_to[t as usize];
            match v.cmp(&w) {
                std::cmp::Ordering::Less => rises[find(v, w)] = true,
                std::cmp::Ordering::Greater => falls[find(w, v)] = true,
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    // Left-looking: when x is reached, every lower v whose next neighbour is x hands over what lies beyond x.
    let mut waiting = vec![NONE; count];
    let mut link = vec![NONE; count];
    let mut at: Vec<u32> = first[..count].to_vec();
    let mut up = vec![false; count];
    let mut down = vec![false; count];
    for x in 0..count {
        let range = first[x] as usize..first[x + 1] as usize;
        for arc in range.clone() {
            up[other[arc] as usize] = rises[arc];
            down[other[arc] as usize] = falls[arc];
        }
        let mut v = waiting[x];
        while v != NONE {
            let next = link[v as usize];
            let here = at[v as usize] as usize;
            let end = first[v as usize + 1] as usize;
            if falls[here] {
                for arc in here + 1..end {
                    up[other[arc] as usize] |= rises[arc];
                }
            }
            if rises[here] {
                for arc in here + 1..end {
                    down[other[arc] as usize] |= falls[arc];
                }
            }
            at[v as usize] += 1;
            if here + 1 < end {
                let w = other[here + 1] as usize;
                link[v as usize] = waiting[w];
                waiting[w] = v;
            }
            v = next;
        }
        for arc in range.clone() {
            rises[arc] = up[other[arc] as usize];
            falls[arc] = down[other[arc] as usize];
        }
        if !range.is_empty() {
            let w = other[range.start] as usize;
            link[x] = waiting[w];
            #[allow(clippy::cast_possible_truncation)] // states fit u32
            {
                waiting[w] = x as u32;
            }
        }
    }
    (rises, falls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranked_bits_give_the_turns_back() {
        for count in [0usize, 1, 63, 64, 65, 300] {
            #[allow(clippy::cast_possible_truncation)] // small numbers
            let by_arc: Vec<u32> =
                (0..count).map(|i| if i * i % 7 < 3 { i as u32 * 2 } else { NONE }).collect();
            let turns = Turns::new(&by_arc);
            assert!(turns.fits(count));
            assert!(!turns.fits(count + 64));
            for (arc, turn) in by_arc.iter().enumerate() {
                assert_eq!(turns.of(arc), (*turn != NONE).then_some(*turn));
                assert_eq!(turns.has(arc), *turn != NONE);
            }
            let all: Vec<(usize, u32)> = turns.iter().collect();
            let want: Vec<(usize, u32)> =
                by_arc.iter().copied().enumerate().filter(|(_, turn)| *turn != NONE).collect();
            assert_eq!(all, want);
        }
    }
}
