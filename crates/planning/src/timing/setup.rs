//! How a vehicle is set up for a trip, and whether it then holds the goods at every moment.

use super::Timer;
use crate::consolidate::Cargo;
use crate::draft::TripDraft;
use crate::rooms::{Setup, compartment_for};
use xiangyun_model::units::Amount;

impl Timer<'_> {
    /// Sets a trip up in the way that holds it and leaves least to the warm; the first of equals.
    pub fn set_layout(&self, crew: usize, trip: &mut TripDraft) {
        let boarding = trip.boarding();
        let layouts = self.day.county.vehicle(self.day.crews[crew].vehicle).layouts.len();
        let all = (0..layouts).map(|layout| Setup { layout, hardy_warm: false });
        let ways = all.clone().chain(all.map(|setup| Setup { hardy_warm: true, ..setup }));
        let mut best: Option<(i64, Setup)> = None;
        for setup in ways {
            trip.setup = setup;
            if !self.has_room(crew, trip, &boarding) {
                continue;
            }
            let exposed = self.exposed(crew, trip);
            if best.is_none_or(|(least, _)| exposed < least) {
                best = Some((exposed, setup));
            }
            if exposed == 0 {
                break;
            }
        }
        trip.setup = best.map_or(Setup::default(), |(_, setup)| setup);
    }

    /// Whether a trip as it is set up holds its goods all the way.
    #[must_use]
    pub fn holds(&self, crew: usize, trip: &TripDraft) -> bool {
        self.has_room(crew, trip, &trip.boarding())
    }

    /// What rides out of its band, by its price for each hour that it bears: what would spoil first weighs most.
    fn exposed(&self, crew: usize, trip: &TripDraft) -> i64 {
        let mut loads: Vec<u32> =
            trip.stops.iter().flat_map(|s| s.drop.iter().chain(&s.pick)).copied().collect();
        loads.sort_unstable();
        loads.dedup();
        let one = |load: u32| {
            let cargo = &self.cargo[load as usize];
            let warm = !self.rides_in_band(crew, trip.setup, cargo);
            cargo.out_of_band_max_s.filter(|_| warm).map_or(0, |most| cargo.price_fen * 3600 / most.max(60))
        };
        loads.into_iter().map(one).sum()
    }

    /// Whether the vehicle holds the trip's loads at every moment in one of its layouts.
    pub(super) fn has_room(&self, crew: usize, trip: &TripDraft, boarding: &[u32]) -> bool {
        let vehicle = self.day.county.vehicle(self.day.crews[crew].vehicle);
        let layout = &vehicle.layouts[trip.setup.layout];
        let mut held = vec![Amount::ZERO; layout.compartments.len()];
        let mut total_g = 0;
        let mut put = |load: u32, sign: i64, held: &mut Vec<Amount>| -> bool {
            let cargo = &self.cargo[load as usize];
            let Some(room) = compartment_for(self.day.county, layout, cargo, trip.setup.hardy_warm) else {
                return false;
            };
            let a = cargo.amount;
            held[room] += Amount { g: a.g * sign, cm3: a.cm3 * sign, pieces: a.pieces * sign };
            total_g += a.g * sign;
            sign < 0 || (held[room].fits(layout.compartments[room].room) && total_g <= vehicle.payload_g)
        };
        boarding.iter().all(|&l| put(l, 1, &mut held))
            && trip.stops.iter().all(|s| {
                s.drop.iter().all(|&l| put(l, -1, &mut held)) && s.pick.iter().all(|&l| put(l, 1, &mut held))
            })
    }

    pub(super) fn rides_in_band(&self, crew: usize, setup: Setup, cargo: &Cargo) -> bool {
        let county = self.day.county;
        let layout = &county.vehicle(self.day.crews[crew].vehicle).layouts[setup.layout];
        compartment_for(county, layout, cargo, setup.hardy_warm)
            .is_some_and(|room| county.in_band(cargo.band, layout.compartments[room].band))
    }
}
