//! Many-to-many: sources and targets, a batch of neighbours at a time, sweep up through the hierarchy, and each two
//! batches meet at the states above both. The way
//! between two ends runs over one of these, the separators between them, so few sums are tried for a cell; and of
//! these few, those that no cell of the two batches can need are left out.
//!
//! The upward half of "PHAST" (Delling, Goldberg, Pajor and Werneck, JPDC 2013) from both ends, along the elimination
//! tree's ancestors instead of a search.

use super::tree::View;
use super::weight::{INF, Weight};
use super::{Ends, Source, Target};
use crate::contraction::Topology;
use crate::contraction::topology::Half;
use crate::graph::{NONE, REACH_MS};
use crate::matrix::UNREACHABLE;
use crate::simd::{self, Arcs, Bits, Label, RUN, Seed, Span};
use std::cell::RefCell;
use std::thread::LocalKey;

/// Labels that tables are made of.
pub(crate) trait Narrow: Label + bytemuck::Zeroable {
    /// How a table tells a label.
    fn told(self) -> Self;
    /// This thread's room for tables of such labels.
    fn room() -> &'static LocalKey<RefCell<Room<Self>>>;
}

thread_local! {
    static TIMES: RefCell<Room<u32>> = RefCell::default();
    static WHOLE: RefCell<Room<u64>> = RefCell::default();
}

impl Narrow for u64 {
    #[inline(always)]
    fn told(self) -> Self {
        self
    }

    fn room() -> &'static LocalKey<RefCell<Room<Self>>> {
        &WHOLE
    }
}

impl Narrow for u32 {
    #[inline(always)]
    fn told(self) -> Self {
        if self < REACH_MS { self } else { UNREACHABLE }
    }

    fn room() -> &'static LocalKey<RefCell<Room<Self>>> {
        &TIMES
    }
}

/// The states above all ends, numbered from the highest rank down.
#[derive(Default)]
struct Above {
    /// Ranks by number.
    states: Vec<u32>,
    /// Number of the parent by number; the number itself at a root.
    parent: Vec<u32>,
    /// What lies above sources, and above targets, by rank.
    starts: Bits,
    stops: Bits,
}

impl Above {
    /// Fills `number` for all states above the ends.
    #[allow(clippy::cast_possible_truncation)] // states fit u32
    fn fill(&mut self, parent: &[u32], sources: &[Source], targets: &[Target], number: &mut [u32]) {
        let walk = |above: &mut Bits, ends: &mut dyn Iterator<Item = u32>| {
            above.clear(parent.len());
            for end in ends {
                let mut at = end;
                while at != NONE && !above.has(at as usize) {
                    above.set(at as usize);
                    at = parent[at as usize];
                }
            }
        };
        walk(&mut self.starts, &mut sources.iter().flat_map(|s| s.seeds.iter().map(|x| x.0)));
        walk(&mut self.stops, &mut targets.iter().flat_map(|t| t.states.iter().map(|x| x.0)));
        self.states.clear();
        self.states.extend(self.starts.either(&self.stops));
        self.parent.clear();
        // A parent comes before its children.
        for (i, s) in self.states.iter().enumerate() {
            number[*s as usize] = i as u32;
            let over = parent[*s as usize];
            self.parent.push(if over == NONE { i as u32 } else { number[over as usize] });
        }
    }
}

/// What tables of one thread are worked out in, kept from one to the next: fresh memory costs as much as the work.
#[derive(Default)]
pub(crate) struct Room<T: Label> {
    above: Above,
    desk: Desk<T>,
    peaks: Vec<Peak<T>>,
}

/// States of a compact graph from which on its room is given back after the table.
const KEPT_STATES_MAX: usize = 1 << 15;

/// Labels from every source to every target, row by row; beyond reach without a way, in milliseconds
/// [`UNREACHABLE`].
/// Sources and targets that are on no road are empty. Work is shared by `threads`; the result does not depend on it.
pub(crate) fn table<T: Narrow>(
    view: View<'_>,
    ends: &Ends<'_>,
    sources: &[Source],
    targets: &[Target],
    threads: usize,
) -> Vec<T> {
    T::room().with_borrow_mut(|room| {
        let table = room.table(view, ends, sources, targets, threads);
        if room.above.states.len() > KEPT_STATES_MAX {
            let place = std::mem::take(&mut room.desk.place);
            *room = Room { desk: Desk { place, ..Desk::default() }, ..Room::default() };
        }
        table
    })
}

impl<T: Narrow> Room<T> {
    #[allow(clippy::cast_possible_truncation)] // targets fit u32
    fn table(
        &mut self,
        view: View<'_>,
        ends: &Ends<'_>,
        sources: &[Source],
        targets: &[Target],
        threads: usize,
    ) -> Vec<T> {
        let Self { above, desk, peaks } = self;
        let width = targets.len();
        let topology = view.topology;
        desk.fit(&topology.parent);
        let number = &mut desk.place[..];
        above.fill(&topology.parent, sources, targets, number);
        let starts = sources.iter().enumerate().filter_map(|(i, s)| {
            let seeds = s.seeds.iter().map(|(state, w)| (number[*state as usize], T::of(*w)));
            End::new(i, T::default(), seeds)
        });
        let starts = batches(starts.collect());
        // What a target's arc has too much is taken off at last: so much is added before that no seed is negative.
        let stops = targets.iter().enumerate().filter_map(|(i, t)| {
            let over = t.states.iter().map(|x| T::of(x.1)).max().unwrap_or_default();
            let seeds = t.states.iter().map(|(s, rest)| (number[*s as usize], over.minus(T::of(*rest))));
            End::new(i, over, seeds)
        });
        let stops = batches(stops.collect());
        peaks.resize_with(stops.len(), Peak::default);
        let above = &*above;
        let arcs = |half, weights, needed| Arcs::new(half, weights, needed, &topology.parent);
        let rising = arcs(&topology.up, view.up, (view.needed, 0));
        let falling = arcs(&topology.down, view.down, (view.needed, view.up.len()));
        let mut work: Vec<_> = stops.iter().zip(&mut *peaks).collect();
        shared(&mut work, desk, &topology.parent, threads, |(batch, peak), desk| {
            desk.climb(above, falling, batch);
            std::mem::swap(*peak, &mut desk.peak);
        });
        let mut columns = vec![(u32::MAX, T::default()); width];
        for (i, batch) in stops.iter().enumerate() {
            for (lane, end) in batch.iter().enumerate() {
                columns[end.at] = ((i * T::LANES + lane) as u32, end.over);
            }
        }
        // All rows are written by their batches, but for those of sources on no road.
        let mut out: Vec<T> = bytemuck::zeroed_vec(sources.len() * width);
        for (i, _) in sources.iter().enumerate().filter(|(_, s)| s.seeds.is_empty()) {
            out[i * width..(i + 1) * width].fill(T::INF.told());
        }
        // Each batch owns its rows: split the table into rows and hand every batch its own.
        let mut rows: Vec<Option<&mut [T]>> = out.chunks_mut(width.max(1)).map(Some).collect();
        let mut work: Vec<_> = starts
            .iter()
            .map(|batch| (batch, batch.iter().filter_map(|end| rows[end.at].take()).collect::<Vec<_>>()))
            .collect();
        shared(&mut work, desk, &topology.parent, threads, |(batch, rows), desk| {
            desk.climb(above, rising, batch);
            desk.meet(peaks, &columns, rows);
        });
        mend_behind(view, ends, sources, targets, &mut out);
        out
    }
}

/// Does all pieces of work, shared by threads in runs.
fn shared<T: Narrow, W: Send>(
    work: &mut [W],
    desk: &mut Desk<T>,
    parent: &[u32],
    threads: usize,
    each: impl Fn(&mut W, &mut Desk<T>) + Sync,
) {
    if threads <= 1 || work.len() <= 1 {
        return work.iter_mut().for_each(|w| each(w, desk));
    }
    let share = work.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let each = &each;
        for part in work.chunks_mut(share) {
            scope.spawn(move || {
                let mut desk = Desk::default();
                desk.fit(parent);
                part.iter_mut().for_each(|w| each(w, &mut desk));
            });
        }
    });
}

/// A source or a target in the numbers of the compact graph.
struct End<T> {
    /// Its row or column.
    at: usize,
    /// States with their first labels.
    seeds: Vec<(u32, T)>,
    /// What these have too much.
    over: T,
}

impl<T> End<T> {
    /// Nothing for one that is on no road.
    fn new(at: usize, over: T, seeds: impl Iterator<Item = (u32, T)>) -> Option<Self> {
        let seeds: Vec<(u32, T)> = seeds.collect();
        (!seeds.is_empty()).then_some(Self { at, seeds, over })
    }
}

/// Ends of neighbouring rank, which share what lies above them, a lane each.
fn batches<T: Narrow>(mut ends: Vec<End<T>>) -> Vec<Vec<End<T>>> {
    ends.sort_by_key(|end| std::cmp::Reverse(end.seeds.iter().map(|s| s.0).max()));
    // Of one size: a last one of few would cost as much as the others.
    let count = ends.len().div_ceil(T::LANES);
    let size = ends.len().div_ceil(count.max(1)).max(1);
    let mut list = Vec::with_capacity(count);
    let mut ends = ends.into_iter().peekable();
    while ends.peek().is_some() {
        list.push(ends.by_ref().take(size).collect());
    }
    list
}

/// A batch with the labels of all states above it.
struct Peak<T: Label> {
    /// The states, by number.
    seen: Bits,
    /// Rows before each word of `seen`: rows are in the order of numbers.
    before: Vec<u32>,
    labels: Vec<T::Row>,
    spans: Vec<Span<T>>,
}

impl<T: Label> Default for Peak<T> {
    fn default() -> Self {
        Self { seen: Bits::default(), before: Vec::new(), labels: Vec::new(), spans: Vec::new() }
    }
}

impl<T: Narrow> Peak<T> {
    /// Row of a state that is seen.
    #[inline(always)]
    fn row(&self, word: usize, bit: u32) -> u32 {
        self.before[word] + (self.seen.words()[word] & ((1 << bit) - 1)).count_ones()
    }

    /// States above both a batch of sources (this one) and one of targets. No cell will be more than what comes back.
    fn meets(&self, targets: &Self, met: &mut Vec<Met<T>>) -> T {
        met.clear();
        let mut bound = T::INF;
        self.seen.both(&targets.seen, |word, bit| {
            let rows = [self.row(word, bit), targets.row(word, bit)];
            let (source, target) = (&self.spans[rows[0] as usize], &targets.spans[rows[1] as usize]);
            bound = bound.min(source.most.plus(target.most));
            met.push(Met { rows, least: source.least.plus(target.least), runs: source.runs });
        });
        bound
    }
}

/// A state above both a batch of sources and one of targets.
#[derive(Clone, Copy)]
struct Met<T> {
    /// Rows of the labels.
    rows: [u32; 2],
    /// No sum of labels is less.
    least: T,
    runs: u32,
}

/// Buffers of one thread.
struct Desk<T: Label> {
    /// The batch at hand.
    peak: Peak<T>,
    /// Row of a state, for those above the batch; those of a large map cost nothing until they are written.
    place: Vec<u32>,
    /// States of the batch by row.
    states: Vec<u32>,
    seeds: Vec<Seed<T>>,
    met: Vec<Met<T>>,
    pairs: Vec<[u32; 2]>,
    /// Cells of the batch's sources by target in the order of batches.
    cells: Vec<T>,
}

impl<T: Label> Default for Desk<T> {
    fn default() -> Self {
        Self {
            peak: Peak::default(),
            place: Vec::new(),
            states: Vec::new(),
            seeds: Vec::new(),
            met: Vec::new(),
            pairs: Vec::new(),
            cells: Vec::new(),
        }
    }
}

impl<T: Narrow> Desk<T> {
    /// Makes room for all states.
    fn fit(&mut self, parent: &[u32]) {
        if self.place.len() < parent.len() {
            self.place = bytemuck::zeroed_vec(parent.len());
        }
    }

    /// Labels of all states above a batch along arcs upward. Lanes to spare repeat the last end.
    #[allow(clippy::cast_possible_truncation)] // rows fit u32
    fn climb(&mut self, above: &Above, arcs: Arcs<'_>, batch: &[End<T>]) {
        let Self { peak, place, states, seeds, .. } = self;
        let seen = &mut peak.seen;
        seen.clear(above.parent.len());
        for (start, _) in batch.iter().flat_map(|end| &end.seeds) {
            let mut at = *start;
            while !seen.has(at as usize) {
                seen.set(at as usize);
                at = above.parent[at as usize];
            }
        }
        states.clear();
        peak.before.clear();
        for (i, word) in seen.words().iter().enumerate() {
            peak.before.push(states.len() as u32);
            let mut left = *word;
            while left != 0 {
                let state = above.states[i * 64 + left.trailing_zeros() as usize];
                left &= left - 1;
                place[state as usize] = states.len() as u32;
                states.push(state);
            }
        }
        seeds.clear();
        for lane in 0..T::LANES {
            let Some(end) = batch.get(lane).or(batch.last()) else { return };
            seeds.extend(end.seeds.iter().map(|(start, label)| {
                let row = peak.row(*start as usize / 64, start % 64);
                Seed { row, lane: lane as u32, label: *label }
            }));
        }
        simd::rise_on(simd::level(), arcs, (states, place), seeds, (&mut peak.labels, &mut peak.spans));
    }

    /// Cells of a batch of sources that has climbed, to the targets of all batches, written to rows; by column, the
    /// lane of all batches' where it is, and what it has too much.
    fn meet(&mut self, peaks: &[Peak<T>], columns: &[(u32, T)], rows: &mut [&mut [T]]) {
        let Self { peak, met, pairs, cells, .. } = self;
        let level = simd::level();
        let width = peaks.len() * T::LANES;
        cells.resize(width * T::LANES, T::INF);
        for (i, targets) in peaks.iter().enumerate() {
            let bound = peak.meets(targets, met);
            for run in 0..rows.len().div_ceil(RUN) {
                pairs.clear();
                // Every cell has a way of at most the bound: where no sum is less, none is needed.
                let wanted = |m: &&Met<T>| m.least <= bound && m.runs >> run & 1 != 0;
                pairs.extend(met.iter().filter(wanted).map(|m| m.rows));
                let cells = &mut cells[run * RUN * width + i * T::LANES..];
                simd::meet_on(level, pairs, (&peak.labels, run * RUN), &targets.labels, (cells, width));
            }
        }
        for (row, cells) in rows.iter_mut().zip(cells.chunks(width.max(1))) {
            for (slot, (lane, over)) in row.iter_mut().zip(columns) {
                // What is not reached stays beyond reach without what was too much.
                *slot = cells.get(*lane as usize).map_or(T::INF, |cell| cell.minus(*over)).told();
            }
        }
    }
}

/// Cells whose target lies behind the source on the same arc are asked one by one: there the empty path must not count.
fn mend_behind<T: Narrow>(
    view: View<'_>,
    ends: &Ends<'_>,
    sources: &[Source],
    targets: &[Target],
    out: &mut [T],
) {
    let mut by_state: Vec<(u32, usize)> =
        targets.iter().enumerate().flat_map(|(j, t)| t.states.iter().map(move |s| (s.0, j))).collect();
    by_state.sort_unstable();
    for (i, source) in sources.iter().enumerate() {
        let mut done = None;
        for (state, _) in &source.seeds {
            let start = by_state.partition_point(|b| b.0 < *state);
            for &(_, j) in by_state[start..].iter().take_while(|b| b.0 == *state) {
                if done != Some(j) && !ends.excluded(source, &targets[j]).is_empty() {
                    done = Some(j);
                    let weight = super::tree::distance(view, ends, source, &targets[j]);
                    out[i * targets.len() + j] = T::of(weight).told();
                }
            }
        }
    }
}

/// Weights from one source to all states.
pub(crate) fn one_to_all(view: View<'_>, source: &Source) -> Vec<Weight> {
    let topology = view.topology;
    over_all(topology, (&topology.up, view.up), (&topology.down, view.down), source.seeds.iter().copied())
}

/// Weights from all states to one target, and the weight that was added to every one of them so that none is negative
/// (a target takes off what its arc has too much).
pub(crate) fn all_to_one(view: View<'_>, target: &Target) -> (Vec<Weight>, Weight) {
    let topology = view.topology;
    let most = target.states.iter().map(|t| t.1).max().unwrap_or(0);
    let seeds = target.states.iter().map(|(state, rest)| (*state, most - rest));
    (over_all(topology, (&topology.down, view.down), (&topology.up, view.up), seeds), most)
}

/// Labels of all states from seeds: along the arcs of one half above the seeds, then along those of the other from all
/// states down.
fn over_all(
    topology: &Topology,
    (rising, rising_weights): (&Half, &[Weight]),
    (falling, falling_weights): (&Half, &[Weight]),
    seeds: impl Iterator<Item = (u32, Weight)>,
) -> Vec<Weight> {
    let mut labels = vec![INF; topology.parent.len()];
    let mut order: Vec<u32> = Vec::new();
    for (state, weight) in seeds {
        labels[state as usize] = labels[state as usize].min(weight);
        let mut at = state;
        while at != NONE {
            order.push(at);
            at = topology.parent[at as usize];
        }
    }
    order.sort_unstable();
    order.dedup();
    for state in order {
        let label = labels[state as usize];
        for arc in rising.arcs(state) {
            let slot = &mut labels[rising.other[arc] as usize];
            *slot = (*slot).min(label + rising_weights[arc]);
        }
    }
    let (first, other) = (&falling.first[..], &falling.other[..]);
    for state in (0..labels.len()).rev() {
        let mut best = labels[state];
        for arc in first[state] as usize..first[state + 1] as usize {
            best = best.min(labels[other[arc] as usize] + falling_weights[arc]);
        }
        labels[state] = best;
    }
    labels
}
