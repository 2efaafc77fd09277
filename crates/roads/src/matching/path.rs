//! From chosen candidates to roads driven, and every fix put onto them.

use super::lattice::{Column, Piece};
use super::search::OnArc;
use super::{Fix, Matcher};
use crate::graph::RoadGraph;
use crate::osm::place_of;
use crate::{SegmentId, Stretch};
use xiangyun_model::geo::LonLat;

/// A matched track.
#[derive(Clone, Debug, PartialEq)]
pub struct Matching {
    /// Runs of road driven without a break, in order of time.
    pub pieces: Vec<MatchedPiece>,
    /// By fix as given; `None` for fixes that are on no road or were left out.
    pub fixes: Vec<Option<MatchedFix>>,
}

/// A run of road driven without a break.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedPiece {
    /// Index of the first fix on it.
    pub first_fix: usize,
    /// Index of the last fix on it.
    pub last_fix: usize,
    /// Roads driven in order, first and last cut at the fixes.
    pub stretches: Vec<Stretch>,
    /// Metres driven.
    pub metres: f64,
    /// Share of explanations that agree, 0 to 1, averaged over the fixes.
    pub confidence: f64,
    /// The line driven.
    pub geometry: Vec<LonLat>,
}

/// A fix on the road.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatchedFix {
    /// Index of its piece.
    pub piece: usize,
    /// Index of its stretch within the piece.
    pub stretch: usize,
    /// The road.
    pub segment: SegmentId,
    /// Whether it was driven along its shape.
    pub forward: bool,
    /// Share of the segment's length along its shape.
    pub share: f64,
    /// The place on the road.
    pub place: LonLat,
    /// Metres between the fix and that place.
    pub moved_m: f64,
    /// How sure this road is, 0 to 1.
    pub confidence: f64,
}

impl Matching {
    /// Metres of all pieces.
    #[must_use]
    pub fn metres(&self) -> f64 {
        self.pieces.iter().map(|p| p.metres).sum()
    }

    /// Confidence of the whole: that of the pieces weighted by their fixes; 0 without any.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let sure: f64 = self.fixes.iter().flatten().map(|f| f.confidence).sum();
        if self.fixes.is_empty() { 0.0 } else { sure / self.fixes.len() as f64 }
    }
}

/// A stretch of an arc, shares in driving direction.
#[derive(Clone, Copy, Debug)]
struct Span {
    arc: u32,
    from: f64,
    to: f64,
}

/// Metres of a way from one place on an arc to another, through the arcs entered.
pub(super) fn way_metres(graph: &RoadGraph, from: OnArc, round: bool, arcs: &[u32], to: OnArc) -> f64 {
    let length = |arc: u32| f64::from(graph.seg_mm[(arc >> 1) as usize]) / 1_000.0;
    let from = if round { OnArc { arc: from.arc ^ 1, share: 1.0 - from.share } } else { from };
    if arcs.is_empty() {
        return length(from.arc) * (to.share - from.share).abs();
    }
    let inner: f64 = arcs[..arcs.len() - 1].iter().map(|a| length(*a)).sum();
    length(from.arc) * (1.0 - from.share) + inner + length(to.arc) * to.share
}

/// Turns pieces of the lattice into roads and puts all fixes onto them.
pub(super) fn assemble(matcher: &Matcher<'_>, fixes: &[Fix], dropped: &[bool], pieces: &[Piece]) -> Matching {
    let graph = &matcher.network.graph;
    let mut out = Matching { pieces: Vec::new(), fixes: vec![None; fixes.len()] };
    for piece in pieces {
        let choice = piece.choice();
        let (spans, marks) = spans_of(piece, &choice);
        let sure: Vec<f64> = (0..choice.len())
            .map(|i| calibrated(piece.support(i, choice[i]), &piece.columns[i], choice[i]))
            .collect();
        let number = out.pieces.len();
        for i in 0..choice.len() {
            let knot = piece.columns[i].knot.fix;
            place_fix(graph, fixes, knot, &spans, marks[i], marks[i], number, sure[i], &mut out.fixes);
            if i + 1 < choice.len() {
                let next = piece.columns[i + 1].knot.fix;
                let between = sure[i].min(sure[i + 1]);
                for fix in (knot + 1..next).filter(|f| !dropped[*f]) {
                    place_fix(
                        graph,
                        fixes,
                        fix,
                        &spans,
                        marks[i],
                        marks[i + 1],
                        number,
                        between,
                        &mut out.fixes,
                    );
                }
            }
        }
        let stretches: Vec<Stretch> = spans.iter().map(stretch_of).collect();
        let metres = spans
            .iter()
            .map(|s| (s.to - s.from) * f64::from(graph.seg_mm[(s.arc >> 1) as usize]) / 1_000.0)
            .sum();
        out.pieces.push(MatchedPiece {
            first_fix: piece.columns[0].knot.fix,
            last_fix: piece.columns[piece.columns.len() - 1].knot.fix,
            geometry: line_of(graph, &spans),
            stretches,
            metres,
            confidence: sure.iter().sum::<f64>() / sure.len().max(1) as f64,
        });
    }
    out
}

/// The support of a road made a probability. On the synthetic drives of `bench-match` a road that hardly any other
/// explanation shares is still right seven times in eight (the rivals are mostly the same road's other side), one that
/// all share 998 times in a thousand. A fix far outside its noise, or noise wider than streets are apart, takes trust
/// away whatever the support.
pub(super) fn calibrated(support: f64, column: &Column, chosen: u32) -> f64 {
    let candidate = &column.candidates[chosen as usize];
    let beyond = (candidate.metres / column.knot.sigma_m - 3.0).max(0.0);
    let clear = (SIGMA_CLEAR_M / column.knot.sigma_m).min(1.0);
    ((0.86 + 0.138 * support.powi(3)) * (-beyond * beyond / 3.0).exp() * clear).clamp(0.0, 1.0)
}

/// Noise beyond which even a lone road is doubtful, metres.
const SIGMA_CLEAR_M: f64 = 30.0;

/// Position among spans: which, and the share within its arc.
type Mark = (usize, f64);

fn spans_of(piece: &Piece, choice: &[u32]) -> (Vec<Span>, Vec<Mark>) {
    let on = |i: usize| piece.columns[i].candidates[choice[i] as usize].on;
    let first = on(0);
    let mut spans = vec![Span { arc: first.arc, from: first.share, to: first.share }];
    let mut marks = vec![(0, first.share)];
    for (i, chosen) in choice.iter().enumerate().skip(1) {
        let step = &piece.columns[i].step[*chosen as usize];
        let goal = on(i);
        if step.round {
            let at = spans[spans.len() - 1];
            spans.push(Span { arc: at.arc ^ 1, from: 1.0 - at.to, to: 1.0 - at.to });
        }
        let way = &piece.arcs[step.way.0 as usize..step.way.1 as usize];
        if !way.is_empty() {
            let current = spans.len() - 1;
            spans[current].to = 1.0;
            for arc in way {
                spans.push(Span { arc: *arc, from: 0.0, to: 1.0 });
            }
            let last = spans.len() - 1;
            spans[last].to = goal.share;
        } else {
            // Going back on one arc is noise: the vehicle stays where it was.
            let last = spans.len() - 1;
            spans[last].to = spans[last].to.max(goal.share);
        }
        marks.push((spans.len() - 1, spans[spans.len() - 1].to));
    }
    (spans, marks)
}

fn stretch_of(span: &Span) -> Stretch {
    let forward = span.arc & 1 == 0;
    let along = |share: f64| if forward { share } else { 1.0 - share };
    Stretch { segment: SegmentId(span.arc >> 1), forward, from: along(span.from), to: along(span.to) }
}

/// Puts a fix onto the nearest place of the spans between two marks.
#[allow(clippy::too_many_arguments)] // one place, and names say it all
fn place_fix(
    graph: &RoadGraph,
    fixes: &[Fix],
    fix: usize,
    spans: &[Span],
    from: Mark,
    to: Mark,
    piece: usize,
    confidence: f64,
    out: &mut [Option<MatchedFix>],
) {
    let point = fixes[fix].place;
    let mut best: Option<MatchedFix> = None;
    for (s, span) in spans.iter().enumerate().take(to.0 + 1).skip(from.0) {
        let low = if s == from.0 { from.1 } else { span.from };
        let high = if s == to.0 { to.1 } else { span.to };
        let forward = span.arc & 1 == 0;
        let projected = crate::snap::project(graph, span.arc >> 1, point);
        let share = if forward { projected.share } else { 1.0 - projected.share };
        let clamped = share.clamp(low.min(high), high.max(low));
        let along = if forward { clamped } else { 1.0 - clamped };
        let place = if clamped == share { projected.place } else { place_at(graph, span.arc >> 1, along) };
        let moved_m = place.metres_to(point);
        if best.is_none_or(|b| moved_m < b.moved_m) {
            let segment = SegmentId(span.arc >> 1);
            best = Some(MatchedFix {
                piece,
                stretch: s,
                segment,
                forward,
                share: along,
                place,
                moved_m,
                confidence,
            });
        }
    }
    out[fix] = best;
}

/// The place at a share of a segment's length along its shape.
pub(crate) fn place_at(graph: &RoadGraph, segment: u32, share: f64) -> LonLat {
    let line: Vec<LonLat> = graph.shape_of(segment).iter().map(|p| place_of(*p)).collect();
    let total: f64 = line.windows(2).map(|w| w[0].metres_to(w[1])).sum();
    let mut left = share.clamp(0.0, 1.0) * total;
    for w in line.windows(2) {
        let length = w[0].metres_to(w[1]);
        if left <= length && length > 0.0 {
            return mix(w[0], w[1], left / length);
        }
        left -= length;
    }
    line[line.len() - 1]
}

fn mix(a: LonLat, b: LonLat, t: f64) -> LonLat {
    LonLat { lon: a.lon + (b.lon - a.lon) * t, lat: a.lat + (b.lat - a.lat) * t }
}

fn line_of(graph: &RoadGraph, spans: &[Span]) -> Vec<LonLat> {
    let mut out: Vec<LonLat> = Vec::new();
    let mut push = |p: LonLat| {
        if out.last() != Some(&p) {
            out.push(p);
        }
    };
    for span in spans {
        let mut line: Vec<LonLat> = graph.shape_of(span.arc >> 1).iter().map(|p| place_of(*p)).collect();
        if span.arc & 1 == 1 {
            line.reverse();
        }
        let total: f64 = line.windows(2).map(|w| w[0].metres_to(w[1])).sum();
        let (from, to) = (span.from * total, span.to * total);
        let mut run = 0.0;
        for w in line.windows(2) {
            let length = w[0].metres_to(w[1]);
            let (start, end) = (from.max(run), to.min(run + length));
            if length > 0.0 && start <= end {
                push(mix(w[0], w[1], (start - run) / length));
                push(mix(w[0], w[1], (end - run) / length));
            }
            run += length;
        }
    }
    if out.is_empty() {
        out.extend(spans.first().map(|s| {
            let along = if s.arc & 1 == 0 { s.from } else { 1.0 - s.from };
            place_at(graph, s.arc >> 1, along)
        }));
    }
    out
}
