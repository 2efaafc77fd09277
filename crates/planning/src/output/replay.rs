//! What is on board between the visits of a trip, for fill, empty running and papers.

use super::Sources;
use xiangyun_model::geo::LonLat;
use xiangyun_model::plan::{Trip, TripKind};
use xiangyun_model::units::Amount;

/// One leg of a trip with what it carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadedLeg {
    /// Metres driven.
    pub(super) metres: i64,
    /// On board during the leg.
    pub(super) on_board: Amount,
    /// Whether the leg belongs to the way out: up to the stop farthest from the base.
    pub(super) outward: bool,
}

/// A trip replayed.
#[derive(Clone, Debug)]
pub(super) struct Replayed {
    /// On board when leaving each visit.
    pub(super) after: Vec<Amount>,
    /// The legs, one fewer than the visits.
    pub(super) legs: Vec<LoadedLeg>,
    /// Mass and volume the vehicle takes on this trip.
    pub(super) capacity: Amount,
}

/// Follows a trip visit by visit: first off, then on.
pub(super) fn trip(sources: &Sources<'_>, trip: &Trip) -> Replayed {
    let mut on_board = Amount::ZERO;
    let mut after = Vec::with_capacity(trip.visits.len());
    for visit in &trip.visits {
        for h in &visit.unload {
            on_board -= sources.load(&h.load).map_or(Amount::ZERO, |l| l.amount);
        }
        for h in &visit.load {
            on_board += sources.load(&h.load).map_or(Amount::ZERO, |l| l.amount);
        }
        after.push(on_board);
    }
    let turn = turning_point(sources, trip);
    let legs = trip
        .visits
        .iter()
        .skip(1)
        .enumerate()
        .map(|(i, visit)| LoadedLeg { metres: visit.leg_m, on_board: after[i], outward: i < turn })
        .collect();
    Replayed { after, legs, capacity: capacity(sources, trip) }
}

fn capacity(sources: &Sources<'_>, trip: &Trip) -> Amount {
    let rooms: Amount = trip.compartments.iter().map(|c| c.capacity).sum();
    let payload_g = match trip.kind {
        TripKind::Line => rooms.g,
        _ => sources.vehicle(&trip.vehicle).map_or(rooms.g, |v| v.payload_g.min(rooms.g)),
    };
    Amount { g: payload_g, ..rooms }
}

/// Index of the visit farthest from the base as the crow flies; the first of several.
fn turning_point(sources: &Sources<'_>, trip: &Trip) -> usize {
    let place = |i: usize| -> Option<LonLat> { sources.site(&trip.visits[i].site).map(|s| s.place) };
    let Some(base) = (!trip.visits.is_empty()).then(|| place(0)).flatten() else { return 0 };
    let mut best = (0, -1.0);
    for i in 0..trip.visits.len() {
        let away = place(i).map_or(-1.0, |p| base.metres_to(p));
        if away > best.1 {
            best = (i, away);
        }
    }
    best.0
}

/// Part of the vehicle in use on a leg in parts per million: the fuller of mass and volume.
pub(super) fn fill_ppm(leg: &LoadedLeg, capacity: Amount) -> i64 {
    let part = |have: i64, room: i64| if room > 0 { have.max(0) * 1_000_000 / room } else { 0 };
    part(leg.on_board.g, capacity.g).max(part(leg.on_board.cm3, capacity.cm3))
}
