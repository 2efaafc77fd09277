//! Putting metrics on the topology: every arc gets the least of its own turn and all detours over lower states.
//!
//! States are visited from the lowest up. Most hand their detours on themselves (right-looking): for `u → v → w` the
//! arc `u → w` is looked up once for the topology and kept in a [`Plan`], so that a customization is a plain walk
//! along arrays. States with so many arcs that their triangles would not fit into memory are left to those above
//! them (left-looking, with a dense row indexed by state). Several metrics are handled in one pass, a lane each: the
//! walk, which costs most, is then shared.

use super::Weights;
use super::topology::{Half, Topology};
use crate::graph::{INF_MS, NONE};
use crate::query::Ends;
use crate::query::weight::{INF, Weight, cm_of_mm, pack};
use crate::simd;
use memmap2::MmapMut;
use std::ops::Range;

/// Most metrics handled in one pass.
const LANES_MAX: usize = 8;
/// Most bytes of weights in one pass: larger maps take fewer lanes.
const PASS_BYTES_MAX: usize = 1 << 30;
/// Most triangles kept in a plan (four bytes each).
const TRIANGLES_MAX: usize = 1 << 27;
/// Bounds on the triangles of one state that are tried until all fit.
const BOUNDS: [usize; 5] = [usize::MAX, 1_600, 400, 100, 0];

/// What customizing needs to know beside the topology; belongs to no metric.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// States that hand their own detours on.
    light: Vec<bool>,
    /// For each arc down to a light state and each arc up from it: the arc that the detour serves, in one numbering
    /// with the downward arcs behind the upward ones. A way there and back serves its own first arc: no change.
    serves: Vec<u32>,
    /// Where those over a state begin, by state, and one more.
    serves_first: Vec<u32>,
    /// Runs of states for one metric.
    runs: Vec<Run>,
    /// Detours over states with few of them, one by one: first arc, second arc, arc served.
    singles: Vec<[u32; 3]>,
    /// Arcs from the other states by higher state: arcs down to them, and arcs up from them.
    heavy_down: Heavy,
    heavy_up: Heavy,
    /// All states, in pieces.
    pieces: Vec<Piece>,
    /// The arc that each input turn stands for, in the same numbering; [`NONE`] for a turn onto its own state.
    turn_arc: Vec<u32>,
}

/// Lower state and arc by higher state.
#[derive(Debug, Default)]
struct Heavy {
    first: Vec<u32>,
    list: Vec<[u32; 2]>,
}

impl Plan {
    #[allow(clippy::cast_possible_truncation)] // states and arcs fit 31 bits
    pub(crate) fn new(topology: &Topology) -> Self {
        let (up, down) = (&topology.up, &topology.down);
        let count = topology.parent.len();
        let triangles = |v: usize| up.arcs(v as u32).len() * down.arcs(v as u32).len();
        let total = |bound: usize| (0..count).map(triangles).filter(|t| *t <= bound).sum::<usize>();
        let bound = BOUNDS.into_iter().find(|b| total(*b) <= TRIANGLES_MAX).unwrap_or(0);
        let light: Vec<bool> = (0..count).map(|v| triangles(v) <= bound).collect();
        let mut serves = Vec::with_capacity(total(bound));
        let behind = up.other.len() as u32;
        let mut serves_first = Vec::with_capacity(count + 1);
        for (v, light) in light.iter().enumerate() {
            serves_first.push(serves.len() as u32);
            if !light {
                continue;
            }
            for i in down.arcs(v as u32) {
                let u = down.other[i];
                for j in up.arcs(v as u32) {
                    let w = up.other[j];
                    // The topology is closed under contraction: only a way there and back has no arc.
                    let served = match u.cmp(&w) {
                        std::cmp::Ordering::Less => up.find(u, w),
                        std::cmp::Ordering::Greater => down.find(w, u).map(|arc| behind as usize + arc),
                        std::cmp::Ordering::Equal => None,
                    };
                    serves.push(served.unwrap_or(behind as usize + i) as u32);
                }
            }
        }
        serves_first.push(serves.len() as u32);
        let heavy = |half: &Half, other: &Half| {
            let mut heavy = Heavy { first: vec![0], list: Vec::new() };
            for x in 0..count as u32 {
                let beyond = |v: u32| other.other[other.arcs(v)].last().is_some_and(|w| *w > x);
                let list = half.below(x).iter().filter(|[v, _]| !light[*v as usize] && beyond(*v));
                heavy.list.extend(list);
                heavy.first.push(heavy.list.len() as u32);
            }
            heavy
        };
        let (heavy_down, heavy_up) = (heavy(down, up), heavy(up, down));
        let falling = down.turns.iter().map(|(arc, turn)| (behind as usize + arc, turn));
        let arcs = up.turns.iter().chain(falling);
        let count = arcs.clone().map(|(_, turn)| turn + 1).max().unwrap_or(0);
        let mut turn_arc = vec![NONE; count as usize];
        arcs.for_each(|(arc, turn)| turn_arc[turn as usize] = arc as u32);
        let pieces = pieces(topology, &light);
        let pulls = |x: usize| [&heavy_down, &heavy_up].iter().any(|h| h.first[x] < h.first[x + 1]);
        let (runs, singles) = runs(topology, &light, pulls, &serves);
        Self { light, serves, serves_first, runs, singles, heavy_down, heavy_up, pieces, turn_arc }
    }

    /// The arcs that detours over a state serve, for each arc down to it and each arc up from it, in the numbering of all
    /// arcs; nothing for a state that leaves them to those above. A way there and back has an arc of no meaning.
    pub(crate) fn served(&self, state: u32) -> &[u32] {
        let first = &self.serves_first[state as usize..];
        &self.serves[first[0] as usize..first[1] as usize]
    }

    /// One metric: weights of the turns and of all detours over lower states, bottom up; the upward arcs, then the
    /// downward ones.
    #[inline(always)]
    pub(crate) fn one(&self, topology: &Topology, ends: &Ends<'_>, weights: &mut [[Weight; 1]]) {
        weights.fill([INF]);
        let costs = Costs::new([*ends]);
        let graph = ends.graph;
        for (from, bounds) in graph.turn_first.windows(2).enumerate() {
            let last = self.turn_arc.len();
            for turn in (bounds[0] as usize).min(last)..(bounds[1] as usize).min(last) {
                if let Some(row) = weights.get_mut(self.turn_arc[turn] as usize) {
                    *row = costs.of(turn, from, graph.turn_to[turn] as usize);
                }
            }
        }
        let mut bench = Bench::new(self, topology);
        let by_row = !bench.row.is_empty();
        for run in &self.runs {
            for [falls, rises, served] in &self.singles[run.singles.0 as usize..run.singles.1 as usize] {
                let [by] = weights[*falls as usize];
                let [on] = weights[*rises as usize];
                let [slot] = &mut weights[*served as usize];
                *slot = (*slot).min(by + on);
            }
            bench.serves = &bench.serves[(run.singles.1 - run.singles.0) as usize..];
            for x in run.states.0 as usize..run.states.1 as usize {
                if by_row {
                    bench.hand_on(x, |arc| arc, weights);
                } else {
                    bench.serves = hand_on_one(x, topology, bench.serves, weights);
                }
            }
        }
    }

    /// Rows that a pass over several metrics needs at most at once, of those that it never gives back.
    fn lasting_rows(&self, topology: &Topology) -> usize {
        self.pieces
            .iter()
            .filter(|p| !p.whole)
            .map(|p| p.arcs(topology).iter().map(Range::len).sum::<usize>())
            .sum()
    }

    /// Several metrics in one pass. Rows of a piece that nobody below reaches live in a small space at the end of
    /// `room`, which never leaves the cache, and go to their metrics as soon as the piece is done.
    #[inline(always)]
    pub(crate) fn several<const K: usize>(
        &self,
        topology: &Topology,
        ends: [Ends<'_>; K],
        room: &mut [[Weight; K]],
        into: &mut [&mut [Weight]],
    ) {
        let costs = Costs::new(ends);
        let base = topology.arc_count();
        let mut bench = Bench::new(self, topology);
        for piece in self.pieces.iter().filter(|p| !p.whole) {
            let [up, down] = piece.arcs(topology);
            costs.seed(topology, piece, room, [up.start, down.start]);
        }
        for piece in &self.pieces {
            if !piece.whole {
                piece.states().for_each(|x| bench.hand_on(x, |arc| arc, room));
                continue;
            }
            let [up, down] = piece.arcs(topology);
            let starts = [base, base + up.len()];
            costs.seed(topology, piece, room, starts);
            let place = |arc: usize| {
                let (u, d) = (arc.wrapping_sub(up.start), arc.wrapping_sub(down.start));
                if u < up.len() {
                    starts[0] + u
                } else if d < down.len() {
                    starts[1] + d
                } else {
                    arc
                }
            };
            piece.states().for_each(|x| bench.hand_on(x, place, room));
            part(&room[starts[0]..starts[0] + up.len()], into, up.start);
            part(&room[starts[1]..starts[1] + down.len()], into, down.start);
        }
        for piece in self.pieces.iter().filter(|p| !p.whole) {
            for arcs in piece.arcs(topology) {
                part(&room[arcs.clone()], into, arcs.start);
            }
        }
    }
}

/// States in a row, for one metric: first some with few detours each, then some with many.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// Range of [`Plan::singles`].
    singles: (u32, u32),
    /// Range of the states with many.
    states: (u32, u32),
}

/// Most detours over a state that are listed one by one. Walks over the arcs of such a state are so short that the
/// processor does not guess where they end.
const SINGLES_MAX: usize = 32;

/// Cuts the states into runs. Heavy states and those that pull detours over heavy ones are walked.
#[allow(clippy::cast_possible_truncation)] // detours are at most `TRIANGLES_MAX`
fn runs(
    topology: &Topology,
    light: &[bool],
    pulls: impl Fn(usize) -> bool,
    serves: &[u32],
) -> (Vec<Run>, Vec<[u32; 3]>) {
    let (up, down) = (&topology.up, &topology.down);
    let behind = up.other.len();
    let (mut runs, mut singles, mut served) = (vec![Run::default()], Vec::new(), serves);
    for x in 0..light.len() as u32 {
        let (rising, falling) = (up.arcs(x), down.arcs(x));
        let count = rising.len() * falling.len();
        let Some(run) = runs.last_mut() else { break };
        if !light[x as usize] || pulls(x as usize) || count > SINGLES_MAX {
            if run.states.1 != x || run.states.0 == run.states.1 {
                run.states.0 = x;
            }
            run.states.1 = x + 1;
            served = &served[if light[x as usize] { count } else { 0 }..];
            continue;
        }
        let run = if run.states.0 == run.states.1 {
            run
        } else {
            let at = singles.len() as u32;
            runs.push(Run { singles: (at, at), states: (0, 0) });
            runs.last_mut().expect("one was just added")
        };
        for i in falling {
            let (now, later) = served.split_at(rising.len());
            singles.extend(rising.clone().zip(now).map(|(j, s)| [(behind + i) as u32, j as u32, *s]));
            served = later;
        }
        run.singles.1 = singles.len() as u32;
    }
    (runs, singles)
}

/// Lets a light state hand on its detours under one metric; what is left of the arcs served.
#[inline(always)]
fn hand_on_one<'a>(
    x: usize,
    topology: &Topology,
    mut serves: &'a [u32],
    weights: &mut [[Weight; 1]],
) -> &'a [u32] {
    let (up, down) = (&topology.up.first[..], &topology.down.first[..]);
    let behind = topology.up.other.len();
    let (start, end) = (up[x] as usize, up[x + 1] as usize);
    // What a detour serves lies behind the arcs up from its lowest state.
    let (low, high) = weights.split_at_mut(end);
    let own = &low[start..];
    for i in behind + down[x] as usize..behind + down[x + 1] as usize {
        let [by] = high[i - end];
        let (now, later) = serves.split_at(own.len());
        for (served, [on]) in now.iter().zip(own) {
            let [slot] = &mut high[*served as usize - end];
            *slot = (*slot).min(by + on);
        }
        serves = later;
    }
    serves
}

/// States in a row, for a pass over several metrics.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: u32,
    end: u32,
    /// All states below those of the piece are in it, and their arcs are no more than [`PIECE_ARCS`].
    whole: bool,
}

/// Most arcs of a piece: eight lanes of them take a quarter of a mebibyte.
const PIECE_ARCS: usize = 1 << 12;

impl Piece {
    fn states(&self) -> Range<usize> {
        self.first as usize..self.end as usize
    }

    /// Arcs up from its states and down to them, numbered among all.
    fn arcs(&self, topology: &Topology) -> [Range<usize>; 2] {
        let of = |half: &Half, offset: usize| {
            offset + half.first[self.first as usize] as usize..offset + half.first[self.end as usize] as usize
        };
        [of(&topology.up, 0), of(&topology.down, topology.up.other.len())]
    }
}

/// Cuts the states into pieces.
#[allow(clippy::cast_possible_truncation)] // states fit u32
fn pieces(topology: &Topology, light: &[bool]) -> Vec<Piece> {
    let count = light.len();
    let mut lowest: Vec<u32> = (0..count as u32).collect();
    let mut list: Vec<Piece> = Vec::new();
    let (mut start, mut arcs) = (0, 0);
    for x in 0..count {
        if let Some(over) = lowest.get(topology.parent[x] as usize) {
            lowest[topology.parent[x] as usize] = lowest[x].min(*over);
        }
        let own = topology.up.arcs(x as u32).len() + topology.down.arcs(x as u32).len();
        if arcs + own > PIECE_ARCS {
            (start, arcs) = (x, 0);
        }
        let whole = light[x] && lowest[x] as usize >= start && own <= PIECE_ARCS;
        (start, arcs) = if whole { (start, arcs + own) } else { (x + 1, 0) };
        let (first, end) = (x as u32, x as u32 + 1);
        match list.last_mut() {
            Some(last) if last.whole == whole && (!whole || start < x) => last.end = end,
            _ => list.push(Piece { first, end, whole }),
        }
    }
    list
}

/// Walks up the states of a plan.
struct Bench<'a, const K: usize> {
    plan: &'a Plan,
    topology: &'a Topology,
    /// What is left of [`Plan::serves`].
    serves: &'a [u32],
    /// Upward weights of the state at hand.
    own: Vec<[Weight; K]>,
    /// Weights by higher state, for heavy ones.
    row: Vec<[Weight; K]>,
}

impl<'a, const K: usize> Bench<'a, K> {
    fn new(plan: &'a Plan, topology: &'a Topology) -> Self {
        let row = vec![[INF; K]; if plan.heavy_up.list.is_empty() { 0 } else { topology.parent.len() }];
        Self { plan, topology, serves: &plan.serves, own: Vec::new(), row }
    }

    /// Lets a state hand on its detours; `place` tells where the weights of an arc are.
    #[inline(always)]
    fn hand_on(&mut self, x: usize, place: impl Fn(usize) -> usize, weights: &mut [[Weight; K]]) {
        let (up, down) = (&self.topology.up, &self.topology.down);
        let behind = up.other.len();
        if !self.row.is_empty() {
            pull(x, &self.plan.heavy_down, behind, up, 0, weights, &mut self.row);
            pull(x, &self.plan.heavy_up, 0, down, behind, weights, &mut self.row);
            if !self.plan.light[x] {
                return;
            }
        }
        #[allow(clippy::cast_possible_truncation)] // states fit u32
        let (rising, falling) = (up.arcs(x as u32), down.arcs(x as u32));
        if rising.is_empty() || falling.is_empty() {
            return;
        }
        let start = place(rising.start);
        self.own.clear();
        self.own.extend(weights[start..start + rising.len()].iter().copied());
        let start = place(behind + falling.start);
        for i in start..start + falling.len() {
            let by = weights[i];
            let (now, later) = self.serves.split_at(self.own.len());
            for (served, w) in now.iter().zip(&self.own) {
                let slot = &mut weights[place(*served as usize)];
                for k in 0..K {
                    slot[k] = slot[k].min(by[k] + w[k]);
                }
            }
            self.serves = later;
        }
    }
}

/// Lowers the arcs of `x` in the half `own` by detours over heavy states that begin (or end) with the arcs listed.
#[inline(always)]
fn pull<const K: usize>(
    x: usize,
    heavy: &Heavy,
    first_offset: usize,
    own: &Half,
    own_offset: usize,
    weights: &mut [[Weight; K]],
    row: &mut [[Weight; K]],
) {
    let low = &heavy.list[heavy.first[x] as usize..heavy.first[x + 1] as usize];
    if low.is_empty() {
        return;
    }
    let (own_first, other) = (&own.first[..], &own.other[..]);
    let mine = own_first[x] as usize..own_first[x + 1] as usize;
    let at = |range: Range<usize>| own_offset + range.start..own_offset + range.end;
    for (o, w) in other[mine.clone()].iter().zip(&weights[at(mine.clone())]) {
        row[*o as usize] = *w;
    }
    for &[v, arc] in low {
        let by = weights[first_offset + arc as usize];
        let theirs = own_first[v as usize] as usize..own_first[v as usize + 1] as usize;
        // Their arcs beyond x, from the farthest back.
        for (o, w) in other[theirs.clone()].iter().zip(&weights[at(theirs)]).rev() {
            if *o as usize <= x {
                break;
            }
            let slot = &mut row[*o as usize];
            for k in 0..K {
                slot[k] = slot[k].min(by[k] + w[k]);
            }
        }
    }
    for (o, w) in other[mine.clone()].iter().zip(&mut weights[at(mine)]) {
        *w = row[*o as usize];
    }
}

/// Full customization of one metric into weights of the right length.
pub(crate) fn customize_into(topology: &Topology, plan: &Plan, ends: &Ends<'_>, weights: &mut [Weight]) {
    simd::one_on(simd::level(), plan, topology, ends, bytemuck::cast_slice_mut(weights));
}

/// Full customization of one metric.
pub(crate) fn customize(topology: &Topology, plan: &Plan, ends: &Ends<'_>) -> Weights {
    let mut all = vec![INF; topology.arc_count()];
    customize_into(topology, plan, ends, &mut all);
    Weights::new(topology, all)
}

/// Full customization of several metrics into weights of the right length, in their order.
pub(crate) fn customize_all(
    topology: &Topology,
    plan: &Plan,
    ends: &[Ends<'_>],
    weights: &mut [&mut [Weight]],
) {
    let rows = plan.lasting_rows(topology) + PIECE_ARCS;
    let most = (PASS_BYTES_MAX / (rows * size_of::<Weight>())).clamp(1, LANES_MAX);
    let (mut ends, mut weights) = (ends, weights);
    while !ends.is_empty() {
        let width = [8, 4, 2, 1].into_iter().find(|w| *w <= most && *w <= ends.len()).unwrap_or(1);
        let (now, later) = ends.split_at(width);
        let (into, rest) = weights.split_at_mut(width);
        match *now {
            [a, b, c, d, e, f, g, h] => pass(topology, plan, [a, b, c, d, e, f, g, h], into),
            [a, b, c, d] => pass(topology, plan, [a, b, c, d], into),
            [a, b] => pass(topology, plan, [a, b], into),
            _ => now.iter().zip(into).for_each(|(e, w)| customize_into(topology, plan, e, w)),
        }
        (ends, weights) = (later, rest);
    }
}

fn pass<const K: usize>(topology: &Topology, plan: &Plan, ends: [Ends<'_>; K], into: &mut [&mut [Weight]])
where
    [Weight; K]: bytemuck::Pod,
{
    let mut room = Room::new((topology.arc_count() + PIECE_ARCS) * size_of::<[Weight; K]>());
    simd::several_on(simd::level(), plan, topology, ends, bytemuck::cast_slice_mut(room.bytes()), into);
}

/// Zeroed memory for one pass that takes no page before it is touched, and starts on a cache line.
enum Room {
    Mapped(MmapMut),
    /// Words, so that rows lie on whole ones.
    Plain(Vec<u64>),
}

impl Room {
    fn new(bytes: usize) -> Self {
        MmapMut::map_anon(bytes.max(1))
            .map_or_else(|_| Self::Plain(bytemuck::zeroed_vec(bytes.div_ceil(8))), Self::Mapped)
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Mapped(map) => &mut map[..],
            Self::Plain(words) => bytemuck::cast_slice_mut(words),
        }
    }
}

/// Lanes put apart: what the rows have in lane `k` is what `into[k]` gets, from an arc on.
#[inline(always)]
fn part<const K: usize>(rows: &[[Weight; K]], into: &mut [&mut [Weight]], first: usize) {
    for (k, out) in into.iter_mut().enumerate() {
        for (slot, row) in out[first..first + rows.len()].iter_mut().zip(rows) {
            *slot = row[k];
        }
    }
}

/// What turns cost, by metric.
struct Costs<'a, const K: usize> {
    ends: [Ends<'a>; K],
    entries: Vec<Entry<K>>,
    /// Of entering a residents' road.
    toll: [Weight; K],
}

/// What it costs to go into a state.
#[derive(Clone, Copy)]
struct Entry<const K: usize> {
    /// Milliseconds by lane, with [`FENCED`] where only residents may enter.
    ms: [u32; K],
    cm: u32,
}

/// Times leave the top bit free.
const FENCED: u32 = 1 << 31;

impl<'a, const K: usize> Costs<'a, K> {
    #[inline(always)]
    fn new(ends: [Ends<'a>; K]) -> Self {
        let graph = ends[0].graph;
        // Arc by arc, so that only the states are jumped between; then the further states of arcs.
        let mut entries = vec![Entry { ms: [INF_MS; K], cm: 0 }; graph.state_count()];
        for (at, state) in graph.arc_state.iter().enumerate().filter(|(_, s)| **s != NONE) {
            let fence = |k: usize| if ends[k].restricted[at] == 0 { 0 } else { FENCED };
            let ms = std::array::from_fn(|k| ends[k].arc_ms[at].min(INF_MS) | fence(k));
            entries[*state as usize] = Entry { ms, cm: cm_of_mm(graph.seg_mm[at / 2]) };
        }
        for [arc, state] in graph.copies.iter() {
            entries[*state as usize] = entries[graph.arc_state[*arc as usize] as usize];
        }
        Self { entries, toll: std::array::from_fn(|k| ends[k].entry()), ends }
    }

    /// Weights of a turn between two states.
    #[inline(always)]
    fn of(&self, turn: usize, from: usize, to: usize) -> [Weight; K] {
        let (from, to) = (&self.entries[from], &self.entries[to]);
        let delay: [u32; K] = std::array::from_fn(|k| self.ends[k].turn_ms[turn]);
        std::array::from_fn(|k| {
            let ms = to.ms[k] & !FENCED;
            let entered = to.ms[k] & !from.ms[k] & FENCED != 0;
            let weight = pack(ms.wrapping_add(delay[k]), to.cm) + if entered { self.toll[k] } else { 0 };
            if delay[k] < INF_MS && ms < INF_MS { weight } else { INF }
        })
    }

    /// Weights of the arcs of a piece before any detour, into rows from the two starts on.
    #[inline(always)]
    fn seed(&self, topology: &Topology, piece: &Piece, rows: &mut [[Weight; K]], starts: [usize; 2]) {
        for (half, start, rises) in [(&topology.up, starts[0], true), (&topology.down, starts[1], false)] {
            let (first, other) = (&half.first[..], &half.other[..]);
            let offset = start.wrapping_sub(first[piece.first as usize] as usize);
            for low in piece.states() {
                for at in first[low] as usize..first[low + 1] as usize {
                    rows[at.wrapping_add(offset)] = match half.turns.of(at) {
                        None => [INF; K],
                        Some(turn) if rises => self.of(turn as usize, low, other[at] as usize),
                        Some(turn) => self.of(turn as usize, other[at] as usize, low),
                    };
                }
            }
        }
    }
}
