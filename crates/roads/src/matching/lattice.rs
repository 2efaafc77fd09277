//! The lattice of candidates by knot, and the likeliest way through it (Viterbi, 1967).

use super::Matcher;
use super::candidates::{CANDIDATE_REACH_MAX_M, Candidate, candidates};
use super::search::{Arrival, Bounds, Cost, FAR, OnArc, Scratch, Seed};
use super::track::Knot;
use crate::graph::NONE;

/// Candidates this much less likely than the best (in nats) are forgotten.
const BEAM_NATS: f32 = 22.0;
/// Worst that one place can be, in nats: a fix may be an outlier.
const OUTLIER_NATS: f64 = 9.0;
/// Price of turning round in the road, in metres.
const ROUND_M: f64 = 90.0;
/// Knots in a row that may be left out because nothing reaches them.
const HELD_MAX: usize = 2;
/// Steps that a candidate's descendants are followed for its confidence.
const LOOK_AHEAD: usize = 5;

/// How a candidate was reached from its predecessor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: u32,
    pub(super) round: bool,
    /// Arcs entered on the way, as a range of [`Piece::arcs`]; empty where both are on one arc.
    pub(super) way: (u32, u32),
}

/// The candidates of one knot.
pub(super) struct Column {
    pub(super) knot: Knot,
    pub(super) candidates: Vec<Candidate>,
    /// Nats above the best of the column.
    pub(super) cost: Vec<f32>,
    pub(super) step: Vec<Step>,
}

/// A run of columns without a break.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) columns: Vec<Column>,
    pub(super) arcs: Vec<u32>,
}

impl Piece {
    /// Chosen candidate by column, from the best of the last one back.
    pub(super) fn choice(&self) -> Vec<u32> {
        let Some(last) = self.columns.last() else { return Vec::new() };
        let mut at = best_of(&last.cost);
        let mut out = Vec::with_capacity(self.columns.len());
        for column in self.columns.iter().rev() {
            out.push(at);
            at = column.step[at as usize].from;
        }
        out.reverse();
        out
    }

    /// Share of what survives a few steps later that passes the chosen place of a column.
    pub(super) fn support(&self, column: usize, chosen: u32) -> f64 {
        let last = (column + LOOK_AHEAD).min(self.columns.len() - 1);
        let here = &self.columns[column];
        let place = here.candidates[chosen as usize].place;
        let (mut own, mut all) = (0.0, 0.0);
        for k in 0..self.columns[last].candidates.len() {
            let weight = f64::from(-self.columns[last].cost[k]).exp();
            if weight == 0.0 {
                continue;
            }
            let mut at = k as u32;
            for j in (column + 1..=last).rev() {
                at = self.columns[j].step[at as usize].from;
            }
            all += weight;
            if here.candidates[at as usize].place.metres_to(place) < 8.0 {
                own += weight;
            }
        }
        if all > 0.0 { own / all } else { 0.0 }
    }
}

/// Index of the least cost.
pub(super) fn best_of(cost: &[f32]) -> u32 {
    let best = cost.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(i, _)| i as u32)
}

/// Grows pieces knot by knot.
pub(super) struct Lattice<'m, 'n> {
    matcher: &'m Matcher<'n>,
    pub(super) pieces: Vec<Piece>,
    held: Vec<Knot>,
    scratch: Option<Scratch>,
    dense: bool,
    seen: Vec<u32>,
    arrivals: Vec<Arrival>,
    seeds: Vec<Seed>,
}

impl<'m, 'n> Lattice<'m, 'n> {
    pub(super) fn new(matcher: &'m Matcher<'n>, dense: bool) -> Self {
        let scratch = Some(matcher.scratch());
        Self {
            matcher,
            pieces: Vec::new(),
            held: Vec::new(),
            scratch,
            dense,
            seen: Vec::new(),
            arrivals: Vec::new(),
            seeds: Vec::new(),
        }
    }

    /// Ends the lattice: knots still held become pieces of their own if they can.
    pub(super) fn finish(mut self) -> Vec<Piece> {
        self.release();
        std::mem::take(&mut self.pieces)
    }

    /// Takes the next knot in.
    pub(super) fn push(&mut self, knot: Knot) {
        let mut found = Vec::new();
        self.look(&knot, &mut found);
        if found.is_empty() {
            return;
        }
        let cut = self
            .pieces
            .last()
            .and_then(|p| p.columns.last())
            .is_none_or(|last| knot.time_s - last.knot.time_s > self.matcher.options.gap_s);
        if cut {
            self.release();
            self.start(knot, found);
        } else if let Err(found) = self.extend(&knot, found) {
            if self.held.len() < HELD_MAX {
                self.held.push(knot);
            } else {
                self.release();
                if let Err(found) = self.extend(&knot, found) {
                    self.start(knot, found);
                }
            }
        } else {
            self.held.clear();
        }
    }

    /// What was held begins a piece: the track jumped, and these fixes agree with one another.
    fn release(&mut self) {
        for (i, knot) in std::mem::take(&mut self.held).into_iter().enumerate() {
            let mut found = Vec::new();
            self.look(&knot, &mut found);
            if i == 0 {
                self.start(knot, found);
            } else if let Err(found) = self.extend(&knot, found) {
                self.start(knot, found);
            }
        }
    }

    fn look(&mut self, knot: &Knot, found: &mut Vec<Candidate>) {
        let graph = &self.matcher.network.graph;
        let mut radius = (3.2 * knot.sigma_m + 12.0).clamp(28.0, CANDIDATE_REACH_MAX_M);
        loop {
            candidates(graph, knot.at, radius, knot.heading, &mut self.seen, found);
            if !found.is_empty() || radius >= CANDIDATE_REACH_MAX_M {
                return;
            }
            radius = (radius * 2.5).min(CANDIDATE_REACH_MAX_M);
        }
    }

    fn start(&mut self, knot: Knot, found: Vec<Candidate>) {
        if found.is_empty() {
            return;
        }
        let mut cost: Vec<f32> = found.iter().map(|c| seen_nats(&knot, c)).collect();
        level(&mut cost);
        let step = vec![Step { from: 0, round: false, way: (0, 0) }; found.len()];
        let columns = vec![Column { knot, candidates: found, cost, step }];
        self.pieces.push(Piece { columns, arcs: Vec::new() });
    }

    /// Steps from the last column to this knot; gives the candidates back if nothing reaches them.
    fn extend(&mut self, knot: &Knot, found: Vec<Candidate>) -> Result<(), Vec<Candidate>> {
        let matcher = self.matcher;
        let graph = &matcher.network.graph;
        let Some(piece) = self.pieces.last_mut() else { return Err(found) };
        let last = piece.columns.last().expect("a piece has a column");
        let elapsed = (knot.time_s - last.knot.time_s).max(0.0);
        let crow = last.knot.at.metres_to(knot.at);
        let noise = last.knot.sigma_m + knot.sigma_m;
        let drivable = matcher.options.speed_max_m_per_s * elapsed + 4.0 * noise + 20.0;
        let beta = spread_m(crow, noise, self.dense);
        let millimetres = |nats: f64| (nats * beta * 1_000.0).min(1e9) as Cost;
        self.seeds.clear();
        for (i, (c, cost)) in last.candidates.iter().zip(&last.cost).enumerate() {
            if *cost <= BEAM_NATS {
                self.seeds.push(Seed { on: c.on, cost: millimetres(f64::from(*cost)), number: i as u32 });
            }
        }
        let targets: Vec<OnArc> = found.iter().map(|c| c.on).collect();
        let bounds = Bounds {
            reach: ((crow * 3.0 + 8.0 * noise + 600.0).min(drivable + 400.0) * 1_000.0).min(1.5e9) as Cost,
            margin: millimetres(f64::from(BEAM_NATS)).min(((crow + 4.0 * noise + 600.0) * 1_000.0) as Cost),
            round: (ROUND_M * 1_000.0) as Cost,
        };
        let scratch = self.scratch.as_mut().expect("kept until the lattice is dropped");
        scratch.run(graph, &matcher.costs, &self.seeds, &targets, &bounds, &mut self.arrivals);
        let mut cost = Vec::with_capacity(found.len());
        let mut step = Vec::with_capacity(found.len());
        for (candidate, arrival) in found.iter().zip(&self.arrivals) {
            let mut nats = f32::INFINITY;
            let mut way = (0, 0);
            let mut from = 0;
            if arrival.cost != FAR {
                let seed = &self.seeds[arrival.seed as usize];
                let driven = f64::from(arrival.cost - seed.cost.min(arrival.cost)) / 1_000.0;
                if driven <= drivable + if arrival.round { ROUND_M } else { 0.0 } {
                    nats = (f64::from(arrival.cost) / (beta * 1_000.0)) as f32 + seen_nats(knot, candidate);
                    from = seed.number;
                    let first = piece.arcs.len() as u32;
                    if arrival.entered != NONE {
                        scratch.way(graph, arrival, &mut piece.arcs);
                    }
                    way = (first, piece.arcs.len() as u32);
                }
            }
            cost.push(nats);
            step.push(Step { from, round: arrival.round, way });
        }
        if cost.iter().all(|c| !c.is_finite()) {
            return Err(found);
        }
        level(&mut cost);
        piece.columns.push(Column { knot: *knot, candidates: found, cost, step });
        Ok(())
    }
}

impl Drop for Lattice<'_, '_> {
    fn drop(&mut self) {
        if let Some(scratch) = self.scratch.take() {
            self.matcher.give_back(scratch);
        }
    }
}

/// Nats of seeing the fix from the candidate.
fn seen_nats(knot: &Knot, candidate: &Candidate) -> f32 {
    let off = (candidate.metres / knot.sigma_m).powi(2) / 2.0;
    let astray = ((candidate.astray - 15.0).max(0.0) / 45.0).powi(2) / 2.0;
    // Beyond the bound it grows slowly: outliers still prefer the nearer road.
    let capped = if off > OUTLIER_NATS { OUTLIER_NATS + (off - OUTLIER_NATS).sqrt() * 0.3 } else { off };
    (capped + astray.min(4.0)) as f32
}

/// Metres of detour that make a way e times less likely.
fn spread_m(crow: f64, noise: f64, dense: bool) -> f64 {
    if dense { 9.0 + 0.25 * noise } else { 12.0 + 0.3 * noise + 0.02 * crow }
}

fn level(cost: &mut [f32]) {
    let least = cost.iter().copied().fold(f32::INFINITY, f32::min);
    if least.is_finite() {
        cost.iter_mut().for_each(|c| *c -= least);
    }
}
