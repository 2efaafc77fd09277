//! Ends of trips: a snapped point as states with what is still to drive of their arcs.

use super::weight::{ENTRY, INF, Weight, cm_of_mm, pack};
use crate::graph::{INF_MS, NONE, RoadGraph};
use crate::snap::Snap;

/// A metric as it stands now, for one question.
#[derive(Clone, Copy)]
pub(crate) struct Ends<'a> {
    pub(crate) graph: &'a RoadGraph,
    /// Driving time by arc in milliseconds, closures and live speeds included.
    pub(crate) arc_ms: &'a [u32],
    pub(crate) turn_ms: &'a [u32],
    pub(crate) restricted: &'a [u8],
    /// Milliseconds that an entry into a restricted road is worth avoiding.
    pub(crate) entry_ms: u32,
}

/// Where a trip starts: states with the weight to the end of their arcs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Source {
    pub(crate) seeds: Vec<(u32, Weight)>,
    /// Arc and weight already behind the start, for each seed.
    arcs: Vec<(u32, Weight)>,
}

/// A trip whose end lies behind its start on the same arc.
#[derive(Clone, Debug)]
pub(crate) struct RoundTrip {
    /// State of that arc, driven to its end first.
    pub(crate) start: u32,
    pub(crate) source: Source,
    pub(crate) target: Target,
}

/// Where a trip ends: states with the weight that their arcs have too much.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) states: Vec<(u32, Weight)>,
    arcs: Vec<(u32, Weight)>,
}

impl Source {
    /// The end of a state's arc.
    pub(crate) fn state(state: u32) -> Self {
        Self { seeds: vec![(state, 0)], arcs: Vec::new() }
    }
}

impl Target {
    /// The end of a state's arc.
    pub(crate) fn state(state: u32) -> Self {
        Self { states: vec![(state, 0)], arcs: Vec::new() }
    }
}

impl Ends<'_> {
    /// Weight of a whole arc.
    pub(crate) fn arc(&self, arc: u32) -> Weight {
        let ms = self.arc_ms[arc as usize];
        if ms >= INF_MS { INF } else { pack(ms, cm_of_mm(self.graph.seg_mm[(arc >> 1) as usize])) }
    }

    /// What entering a road for residents and deliveries costs.
    pub(crate) fn entry(&self) -> Weight {
        ENTRY + (u64::from(self.entry_ms) << 32)
    }

    /// Weight of a turn (by its number): its delay, the arc that it leads into, and an entry where it is one.
    pub(crate) fn turn(&self, turn: usize, from_state: u32) -> Weight {
        #[allow(clippy::cast_possible_truncation)] // turns fit u32
        self.turn_between(turn as u32, from_state, self.graph.turn_to[turn])
    }

    /// As [`Ends::turn`] where the state that it leads to is at hand.
    #[inline]
    pub(crate) fn turn_between(&self, turn: u32, from_state: u32, to_state: u32) -> Weight {
        let delay = self.turn_ms[turn as usize];
        let to = self.graph.state_arc[to_state as usize];
        let arc = self.arc(to);
        if delay >= INF_MS || arc >= INF {
            return INF;
        }
        let entry = self.restricted[to as usize] != 0
            && self.restricted[self.graph.state_arc[from_state as usize] as usize] == 0;
        arc + (u64::from(delay) << 32) + if entry { self.entry() } else { 0 }
    }

    /// Weight from the start of an arc to a share of the segment.
    fn done(&self, arc: u32, whole: Weight, share: f64) -> Weight {
        let share = if arc & 1 == 0 { share } else { 1.0 - share };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a 32-bit number
        let part = |n: u32| (f64::from(n) * share).round() as u32;
        pack(part(super::weight::ms(whole)), part(super::weight::cm(whole)))
    }

    fn arcs(&self, snap: &Snap) -> impl Iterator<Item = (u32, Weight, Weight)> + '_ {
        let (segment, share, usable) = (snap.segment.0, snap.share, snap.usable);
        (0..2).filter(move |d| usable[*d as usize]).filter_map(move |d| {
            let arc = segment * 2 + d;
            let whole = self.arc(arc);
            (whole < INF).then(|| (arc, whole, self.done(arc, whole, share)))
        })
    }

    /// A snapped point as the start of a trip.
    pub(crate) fn source(&self, snap: &Snap) -> Source {
        let mut source = Source::default();
        for (arc, whole, done) in self.arcs(snap) {
            source.seeds.push((self.graph.arc_state[arc as usize], whole - done));
            source.arcs.push((arc, done));
        }
        source
    }

    /// A snapped point as the end of a trip.
    pub(crate) fn target(&self, snap: &Snap) -> Target {
        let mut target = Target::default();
        for (arc, whole, done) in self.arcs(snap) {
            let state = self.graph.arc_state[arc as usize];
            debug_assert_ne!(state, NONE);
            target.states.push((state, whole - done));
            target.states.extend(self.graph.copies_of(arc).map(|copy| (copy, whole - done)));
            target.arcs.push((arc, done));
        }
        target
    }

    /// The arc on which a target lies behind the source, where the empty path must not count: the search has to go
    /// round. Its start is then every turn out of that arc, its end the states of that arc.
    pub(crate) fn round_trip(&self, source: &Source, target: &Target) -> Vec<RoundTrip> {
        let mut list = Vec::new();
        for (i, &(arc, from)) in source.arcs.iter().enumerate() {
            for &(other, to) in &target.arcs {
                let behind = super::weight::ms(to) < super::weight::ms(from)
                    || super::weight::cm(to) < super::weight::cm(from);
                if arc != other || !behind {
                    continue;
                }
                let (state, rest) = source.seeds[i];
                let seeds = self
                    .graph
                    .turns(state)
                    .filter_map(|t| {
                        let weight = self.turn(t, state);
                        (weight < INF).then(|| (self.graph.turn_to[t], rest + weight))
                    })
                    .collect();
                let states = target
                    .states
                    .iter()
                    .copied()
                    .filter(|(s, _)| self.graph.state_arc[*s as usize] == arc)
                    .collect();
                list.push(RoundTrip {
                    start: state,
                    source: Source { seeds, arcs: Vec::new() },
                    target: Target { states, arcs: Vec::new() },
                });
            }
        }
        list
    }

    /// Whether the plain states of a source's arc must not serve a target directly.
    pub(crate) fn excluded(&self, source: &Source, target: &Target) -> Vec<u32> {
        let mut list = Vec::new();
        for (i, &(arc, from)) in source.arcs.iter().enumerate() {
            for &(other, to) in &target.arcs {
                let behind = super::weight::ms(to) < super::weight::ms(from)
                    || super::weight::cm(to) < super::weight::cm(from);
                if arc == other && behind {
                    list.push(source.seeds[i].0);
                }
            }
        }
        list
    }
}
