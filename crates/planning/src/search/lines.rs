//! Goods on lines: whole loads between two stops of a departure that runs anyway, with or without a station between.

use super::Search;
use super::candidate::Candidate;
use super::chance::Chance;
use xiangyun_model::line::LineTrip;
use xiangyun_model::units::Amount;
use xiangyun_solver::Control;

/// A ride that a departure offers to a load from its origin to its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    /// The departure, by position in the county's departures.
    pub(crate) line: usize,
    /// The load.
    pub(crate) load: u32,
    /// Stop where it boards.
    pub(crate) from: usize,
    /// Stop where it leaves.
    pub(crate) to: usize,
}

impl Search<'_> {
    /// All rides that today's departures could give to a load alone.
    pub(super) fn line_seats(&self) -> Vec<Seat> {
        let county = self.day.county;
        let mut seats = Vec::new();
        for id in county.line_trips_on(self.day.date) {
            let line = id.index();
            let departure = county.line_trip(id);
            for load in 0..self.goods.cargo.len() as u32 {
                let cargo = self.cargo(load);
                let stop = |site| departure.stops.iter().position(|s| s.site == site);
                let (Some(from), Some(to)) = (stop(cargo.origin), stop(cargo.destination)) else { continue };
                if from < to && self.rides(departure, load, from, to) {
                    seats.push(Seat { line, load, from, to });
                }
            }
        }
        seats
    }

    /// Whether a departure may take a load at all: the goods, their size, hours at both stops, promises, the cold.
    fn rides(&self, departure: &LineTrip, load: u32, from: usize, to: usize) -> bool {
        let (day, cargo) = (self.day, self.cargo(load));
        let (on, off) = (departure.stops[from], departure.stops[to]);
        let allowed = (0..day.county.classes.len())
            .filter(|c| cargo.classes >> (c % 32) & 1 == 1)
            .all(|c| day.county.classes[c].on_lines);
        let attended = |stop: xiangyun_model::line::LineStop| {
            day.county.site(stop.site).unattended
                || day.staffed[stop.site.index()].iter().any(|w| w.holds(stop.arrive_s, stop.depart_s))
        };
        let agreed = cargo.window.is_none_or(|w| {
            let far = if cargo.origin == day.county.hub { off } else { on };
            w.holds(far.arrive_s, far.depart_s)
        });
        let way_s = off.depart_s - on.arrive_s;
        allowed
            && agreed
            && attended(on)
            && attended(off)
            && cargo.amount.fits(departure.hold)
            && cargo.amount.pieces <= departure.stop_pieces
            && cargo.release_s <= on.depart_s - departure.closes_s
            && off.depart_s <= cargo.due_s
            && cargo.out_of_band_max_s.is_none_or(|most| way_s <= most)
            && cargo.on_way_max_s.is_none_or(|most| way_s <= most)
    }

    /// Whether a departure still holds everything with one more ride.
    pub(super) fn holds_seat(&self, plan: &Candidate, seat: Seat) -> bool {
        let departure = &self.day.county.line_trips[seat.line];
        let mut rides = plan.lines.get(&seat.line).map_or_else(Vec::new, |l| l.rides.clone());
        if rides.iter().any(|&(l, _, _)| self.excludes(l, seat.load)) {
            return false;
        }
        rides.push((seat.load, seat.from, seat.to));
        let mut held = Amount::ZERO;
        (0..departure.stops.len()).all(|stop| {
            let mut handled = 0;
            for &(load, from, to) in &rides {
                let amount = self.cargo(load).amount;
                if to == stop {
                    held -= amount;
                    handled += amount.pieces;
                }
                if from == stop {
                    held += amount;
                    handled += amount.pieces;
                }
            }
            held.fits(departure.hold) && handled <= departure.stop_pieces
        })
    }

    /// A load, or all that one departure can take between the same two stops, goes by line or comes back from it.
    pub(super) fn change_lines(
        &self,
        plan: &mut Candidate,
        chance: &mut Chance,
        control: &dyn Control,
    ) -> u64 {
        let seat = self.seats[chance.below(self.seats.len())];
        if plan.on_line(seat.load) {
            let whole = chance.permille(500);
            plan.lines.retain(|&line, of| {
                if of.rides.iter().any(|&(l, _, _)| l == seat.load) {
                    of.rides.retain(|&(l, _, _)| l != seat.load && !(whole && line == seat.line));
                }
                !of.rides.is_empty()
            });
        } else {
            let together = chance.permille(700);
            let same = |s: &&Seat| (s.line, s.from, s.to) == (seat.line, seat.from, seat.to);
            let others = self.seats.iter().filter(same).filter(|s| together && s.load != seat.load);
            for &more in std::iter::once(&seat).chain(others) {
                if !plan.on_line(more.load) && self.holds_seat(plan, more) {
                    plan.lines.entry(more.line).or_default().rides.push((more.load, more.from, more.to));
                }
            }
        }
        let departure = &self.day.county.line_trips[seat.line];
        let ends = [departure.stops[seat.from].site, departure.stops[seat.to].site];
        let mut depots: Vec<usize> = (0..self.goods.calls.len())
            .filter(|&call| ends.contains(&self.goods.calls[call].site))
            .filter_map(|call| plan.via[call])
            .collect();
        depots.sort_unstable();
        depots.dedup();
        self.settle(plan, &depots, true, chance, control)
    }
}
