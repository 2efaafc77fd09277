//! What is on board at every moment: grams, cm³ and pieces by compartment, the payload, bands, goods and carriers that
//! exclude each other.

use super::Faults;
use super::facts::Facts;
use std::collections::BTreeMap;
use xiangyun_model::id::{BandId, CarrierId, ClassId};
use xiangyun_model::plan::{Compartment, Load, Trip, TripKind};
use xiangyun_model::units::Amount;

pub(super) fn check(facts: &Facts<'_>, faults: &mut Faults) {
    for trip in facts.trips() {
        replay(facts, trip, faults);
    }
}

struct OnBoard<'a> {
    rooms: BTreeMap<&'a str, (Amount, &'a Compartment)>,
    /// Orders aboard by class and by carrier.
    classes: Vec<i64>,
    carriers: Vec<i64>,
    total_g: i64,
}

impl<'a> OnBoard<'a> {
    fn put(&mut self, facts: &Facts<'a>, load: &'a Load, compartment: &str, sign: i64) {
        let amount = load.amount;
        if let Some((held, _)) = self.rooms.get_mut(compartment) {
            *held += Amount { g: amount.g * sign, cm3: amount.cm3 * sign, pieces: amount.pieces * sign };
        }
        self.total_g += amount.g * sign;
        for order in facts.orders_of(load) {
            self.classes[order.class.index()] += sign;
            self.carriers[order.carrier.index()] += sign;
        }
    }
}

fn replay(facts: &Facts<'_>, trip: &Trip, faults: &mut Faults) {
    let mut board = OnBoard {
        rooms: trip.compartments.iter().map(|c| (c.name.as_str(), (Amount::ZERO, c))).collect(),
        classes: vec![0; facts.county.classes.len()],
        carriers: vec![0; facts.county.carriers.len()],
        total_g: 0,
    };
    let vehicle = facts.vehicle(&trip.vehicle).filter(|_| trip.kind != TripKind::Line);
    for visit in &trip.visits {
        for handling in &visit.unload {
            if let Some(load) = facts.loads.get(handling.load.as_str()) {
                board.put(facts, load, &handling.compartment, -1);
            }
        }
        for handling in &visit.load {
            if let Some(load) = facts.loads.get(handling.load.as_str()) {
                board.put(facts, load, &handling.compartment, 1);
                suits(facts, trip, load, &handling.compartment, &visit.id, faults);
            }
        }
        let at = format!("visit {}", visit.id);
        for (name, (held, room)) in &board.rooms {
            let most = room.capacity;
            for (code, unit, held, most) in [
                ("P217", "g", held.g, most.g),
                ("P218", "cm3", held.cm3, most.cm3),
                ("P219", "pieces", held.pieces, most.pieces),
            ] {
                if held > most {
                    faults.add(
                        code,
                        at.clone(),
                        format!("{held} {unit} in {name}"),
                        format!("{most} {unit}"),
                    );
                }
                if held < 0 {
                    faults.add(
                        "P216",
                        at.clone(),
                        format!("{held} {unit} in {name}"),
                        "only what is on board can be unloaded",
                    );
                }
            }
        }
        if let Some(vehicle) = vehicle
            && board.total_g > vehicle.payload_g
        {
            faults.add(
                "P220",
                at.clone(),
                format!("{} g in all", board.total_g),
                format!("{} g payload of {}", vehicle.payload_g, vehicle.id),
            );
        }
        company(facts, &board, &at, faults);
    }
    if board.rooms.values().any(|(held, _)| !held.is_zero()) {
        faults.add(
            "P216",
            format!("trip {}", trip.id),
            "goods on board after its last visit",
            "an empty vehicle",
        );
    }
}

/// The compartment suits the load, and the vehicle may take its carriers.
fn suits(facts: &Facts<'_>, trip: &Trip, load: &Load, compartment: &str, visit: &str, faults: &mut Faults) {
    let band_of = |id: &str| facts.county.bands.iter().position(|b| b.id.as_str() == id).map(BandId::at);
    let room = trip.compartments.iter().find(|c| c.name == compartment);
    let (Some(need), Some(have)) = (band_of(&load.band), room.and_then(|c| band_of(&c.band))) else {
        return; // an unknown name is a fault of its own
    };
    // Out of its band only where the goods allow some time of it, and never in a room of another cold band.
    let limited = facts.orders_of(load).all(|o| facts.county.class(o.class).out_of_band_max_s.is_some());
    let tolerated = limited && !facts.county.band(have).cold;
    let wasted = !facts.county.band(need).cold && facts.county.band(have).cold;
    if !(facts.county.in_band(need, have) || tolerated) || wasted {
        faults.add(
            "P221",
            format!("visit {visit}"),
            format!("load {} ({}) in {compartment}", load.id, load.band),
            "a compartment of its band, or the ordinary one for a while",
        );
    }
    if let Some(vehicle) = facts.vehicle(&trip.vehicle) {
        for order in facts.orders_of(load) {
            if vehicle.excludes.contains(&order.carrier) {
                faults.add(
                    "P223",
                    format!("visit {visit}"),
                    facts.county.carrier(order.carrier).id.as_str(),
                    format!("{} does not take this carrier's goods", vehicle.id),
                );
            }
        }
    }
}

fn company(facts: &Facts<'_>, board: &OnBoard<'_>, at: &str, faults: &mut Faults) {
    let present = |counts: &[i64]| (0..counts.len()).filter(|&i| counts[i] > 0).collect::<Vec<_>>();
    let aboard: Vec<ClassId> = present(&board.classes).into_iter().map(ClassId::at).collect();
    for (i, &a) in aboard.iter().enumerate() {
        for &b in &aboard[i + 1..] {
            if !facts.county.class(a).goes_with(b) {
                let (a, b) = (&facts.county.class(a).id, &facts.county.class(b).id);
                faults.add(
                    "P222",
                    at.to_owned(),
                    format!("{a} with {b}"),
                    "goods that exclude each other ride apart",
                );
            }
        }
    }
    let aboard: Vec<CarrierId> = present(&board.carriers).into_iter().map(CarrierId::at).collect();
    for (i, &a) in aboard.iter().enumerate() {
        for &b in &aboard[i + 1..] {
            if facts.county.carrier(a).excludes.contains(&b) {
                let (a, b) = (&facts.county.carrier(a).id, &facts.county.carrier(b).id);
                faults.add(
                    "P223",
                    at.to_owned(),
                    format!("{a} with {b}"),
                    "carriers that exclude each other ride apart",
                );
            }
        }
    }
}
