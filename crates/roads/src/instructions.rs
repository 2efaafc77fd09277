//! Turn instructions for a driver's sheet, in Chinese and English.
//!
//! A step is told where the driver has to decide: at a junction with other ways on, when the way bends, forks or
//! changes its name; at roundabouts with the number of the exit; where a ferry begins; and where the vehicle turns
//! round. Bends of a road without a junction are not told.

mod text;

use crate::RoadsError;
use crate::graph::{INF_MS, flag};
use crate::network::{BandId, Network, ProfileId};
use crate::osm::{RoadClass, place_of};
use crate::route::{Leg, Stretch};
use crate::snap::{Side, Snap};
use serde::Serialize;
use xiangyun_model::geo::LonLat;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Maneuver {
    /// Set off in this direction, degrees clockwise from north.
    Depart {
        /// Degrees.
        bearing: u16,
    },
    /// Straight on, onto a road of another name or past a fork.
    Straight,
    /// Keep to the left at a fork.
    KeepLeft,
    /// Keep to the right at a fork.
    KeepRight,
    /// Turn left.
    Left,
    /// Turn right.
    Right,
    /// Turn sharply left.
    SharpLeft,
    /// Turn sharply right.
    SharpRight,
    /// Turn round.
    Round,
    /// Through a roundabout.
    Roundabout {
        /// Exit to take, counted from 1.
        exit: u8,
    },
    /// Onto a ferry.
    Ferry,
    /// The destination, and on which side of the road it lies.
    Arrive {
        /// To the left in driving direction; `false`: to the right.
        left: bool,
    },
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What to do.
    pub maneuver: Maneuver,
    /// Name of the road from here on; empty without.
    pub name: String,
    /// Its number, such as S238; empty without.
    pub reference: String,
    /// Its class.
    pub class: RoadClass,
    /// Metres until the next step.
    pub metres: u32,
    /// Where.
    pub place: LonLat,
}

/// Language of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese.
    Zh,
    /// English.
    En,
}

/// Bends up to this many degrees are straight on.
const STRAIGHT_DEG: f64 = 35.0;
/// Bends from this many degrees are sharp.
const SHARP_DEG: f64 = 125.0;
/// Another way on within this many degrees of the one taken makes a fork.
const FORK_DEG: f64 = 40.0;
/// Directions are measured over this many metres: junctions are drawn with small hooks.
const REACH_M: f64 = 12.0;

impl Network {
    /// Instructions of one leg of a route, from where it starts (`from`) to where it ends.
    ///
    /// # Errors
    /// Unknown ids.
    pub fn instructions(
        &self,
        profile: ProfileId,
        leg: &Leg,
        from: &Snap,
        to: &Snap,
    ) -> Result<Vec<Step>, RoadsError> {
        let metric = self.metric(profile, BandId(0))?;
        leg.stretches.iter().try_for_each(|s| self.check_segment(s.segment))?;
        let roads = &leg.stretches;
        let Some(first) = roads.first() else { return Ok(Vec::new()) };
        let mut steps = Vec::new();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 359
        let bearing = (self.heading(first, true).round() as i64).rem_euclid(360) as u16;
        let mut metres = vec![self.metres(first)];
        steps.push(self.step(Maneuver::Depart { bearing }, first, from.place));
        let mut i = 1;
        while i < roads.len() {
            let (before, next) = (&roads[i - 1], &roads[i]);
            let entering = self.has(next, flag::ROUNDABOUT) && !self.has(before, flag::ROUNDABOUT);
            let (maneuver, length, last) = if entering {
                let (exit, length, last) = self.through(metric, roads, i);
                (Some(Maneuver::Roundabout { exit }), length, last)
            } else {
                (self.told(metric, before, next), self.metres(next), i)
            };
            if let Some(maneuver) = maneuver {
                let place = self.start(next);
                steps.push(self.step(maneuver, &roads[last], place));
                metres.push(0.0);
            }
            *metres.last_mut().expect("one a step") += length;
            i = last + 1;
        }
        let last = &roads[roads.len() - 1];
        let left = (to.side == Side::Left) == last.forward;
        steps.push(self.step(Maneuver::Arrive { left }, last, to.place));
        metres.push(0.0);
        for (step, metres) in steps.iter_mut().zip(metres) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a length on earth
            let whole = metres.round() as u32;
            step.metres = whole;
        }
        Ok(steps)
    }

    fn step(&self, maneuver: Maneuver, on: &Stretch, place: LonLat) -> Step {
        let way = self.graph.seg_way[on.segment.0 as usize] as usize;
        Step {
            maneuver,
            name: self.graph.text(self.graph.way_name[way]).to_owned(),
            reference: self.graph.text(self.graph.way_ref[way]).to_owned(),
            class: self.graph.class(on.segment.0),
            metres: 0,
            place,
        }
    }

    fn has(&self, on: &Stretch, bit: u32) -> bool {
        self.graph.way_flags[self.graph.seg_way[on.segment.0 as usize] as usize] & bit != 0
    }

    fn metres(&self, on: &Stretch) -> f64 {
        (on.to - on.from).abs() * f64::from(self.graph.seg_mm[on.segment.0 as usize]) / 1000.0
    }

    fn start(&self, on: &Stretch) -> LonLat {
        let shape = self.graph.shape_of(on.segment.0);
        place_of(if on.forward { shape[0] } else { shape[shape.len() - 1] })
    }

    /// Direction at the start of a stretch, or at its end, in degrees clockwise from north.
    fn heading(&self, on: &Stretch, at_start: bool) -> f64 {
        let mut line: Vec<LonLat> = self.graph.shape_of(on.segment.0).iter().map(|p| place_of(*p)).collect();
        if on.forward != at_start {
            line.reverse();
        }
        // From the end concerned, inward.
        let far =
            line[1..].iter().find(|p| line[0].metres_to(**p) >= REACH_M).unwrap_or(&line[line.len() - 1]);
        let inward = line[0].bearing_to(*far);
        if at_start { inward } else { inward + 180.0 }
    }

    /// Degrees of the bend from one stretch to the next: negative to the left.
    fn bend(&self, before: &Stretch, next: &Stretch) -> f64 {
        (self.heading(next, true) - self.heading(before, false) + 540.0).rem_euclid(360.0) - 180.0
    }

    /// Other ways on that the vehicle might take at the end of a stretch.
    fn others(&self, metric: usize, before: &Stretch, next: &Stretch) -> Vec<Stretch> {
        let arc = |s: &Stretch| s.segment.0 * 2 + u32::from(!s.forward);
        let (here, taken) = (arc(before), arc(next));
        let state = self.graph.arc_state[here as usize];
        if state == crate::graph::NONE {
            return Vec::new();
        }
        let input = &self.graph.metrics[metric];
        let mut list = Vec::new();
        for turn in self.graph.turns(state) {
            let to = self.graph.state_arc[self.graph.turn_to[turn] as usize];
            let open = input.turn_ms[turn] < INF_MS && input.arc_ms[to as usize] < INF_MS;
            if open && to != taken && to != here ^ 1 {
                let (from, end) = if to & 1 == 0 { (0.0, 1.0) } else { (1.0, 0.0) };
                let segment = crate::SegmentId(to >> 1);
                list.push(Stretch { segment, forward: to & 1 == 0, from, to: end });
            }
        }
        list
    }

    /// What is told between two stretches, if anything.
    fn told(&self, metric: usize, before: &Stretch, next: &Stretch) -> Option<Maneuver> {
        if before.segment == next.segment && before.forward != next.forward {
            return Some(Maneuver::Round);
        }
        let ferry = |s: &Stretch| self.graph.class(s.segment.0) == RoadClass::Ferry;
        if ferry(next) && !ferry(before) {
            return Some(Maneuver::Ferry);
        }
        let others = self.others(metric, before, next);
        let bend = self.bend(before, next);
        let same = self.same_road(before, next);
        if others.is_empty() && (same || !self.named(next)) {
            // No choice, and no news.
            return None;
        }
        if bend.abs() > STRAIGHT_DEG {
            return Some(match (bend < 0.0, bend.abs() > SHARP_DEG) {
                (true, false) => Maneuver::Left,
                (true, true) => Maneuver::SharpLeft,
                (false, false) => Maneuver::Right,
                (false, true) => Maneuver::SharpRight,
            });
        }
        let fork = others
            .iter()
            .map(|o| self.bend(before, o))
            .filter(|o| o.abs() <= STRAIGHT_DEG && (o - bend).abs() <= FORK_DEG)
            .min_by(|a, b| a.abs().total_cmp(&b.abs()));
        match fork {
            Some(other) if !same || other.abs() < bend.abs() => {
                Some(if bend < other { Maneuver::KeepLeft } else { Maneuver::KeepRight })
            }
            _ => (!same && self.named(next)).then_some(Maneuver::Straight),
        }
    }

    fn named(&self, on: &Stretch) -> bool {
        let way = self.graph.seg_way[on.segment.0 as usize] as usize;
        let empty = |string: u32| self.graph.text(string).is_empty();
        !empty(self.graph.way_name[way]) || !empty(self.graph.way_ref[way])
    }

    /// Whether two stretches are one road to a driver: by name, else by number, else by class.
    fn same_road(&self, a: &Stretch, b: &Stretch) -> bool {
        let way = |s: &Stretch| self.graph.seg_way[s.segment.0 as usize] as usize;
        let text = |strings: &[u32], s: &Stretch| self.graph.text(strings[way(s)]).to_owned();
        for strings in [&self.graph.way_name[..], &self.graph.way_ref[..]] {
            let (x, y) = (text(strings, a), text(strings, b));
            if !x.is_empty() || !y.is_empty() {
                return x == y;
            }
        }
        self.graph.class(a.segment.0) == self.graph.class(b.segment.0)
    }

    /// The exit taken of the roundabout that starts at stretch `i`, metres until the exit's own road ends its first
    /// stretch, and the index of that stretch.
    fn through(&self, metric: usize, roads: &[Stretch], i: usize) -> (u8, f64, usize) {
        let (mut exit, mut metres) = (1u8, 0.0);
        let mut k = i;
        while k < roads.len() && self.has(&roads[k], flag::ROUNDABOUT) {
            metres += self.metres(&roads[k]);
            let Some(next) = roads.get(k + 1) else { return (exit, metres, k) };
            if self.has(next, flag::ROUNDABOUT) {
                let passed = self.others(metric, &roads[k], next);
                let passed = passed.iter().filter(|o| !self.has(o, flag::ROUNDABOUT)).count();
                exit = exit.saturating_add(u8::try_from(passed).unwrap_or(u8::MAX));
            }
            k += 1;
        }
        metres += roads.get(k).map_or(0.0, |r| self.metres(r));
        (exit, metres, k.min(roads.len() - 1))
    }
}
