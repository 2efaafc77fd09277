//! A plan in the search: which crew makes which trips with which stops, before it is timed.

use crate::consolidate::Cargo;
use crate::rooms::Setup;
use std::collections::BTreeMap;
use xiangyun_model::id::SiteId;

/// One stop away from the base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Where.
    pub site: SiteId,
    /// Loads that leave the vehicle here.
    pub drop: Vec<u32>,
    /// Loads that board here.
    pub pick: Vec<u32>,
}

/// One trip of a crew from its base and back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TripDraft {
    /// Stops in order, without the base.
    pub stops: Vec<Stop>,
    /// How the vehicle is set up.
    pub setup: Setup,
}

impl TripDraft {
    /// Loads that board at the base: dropped on the way and not picked up on the way before.
    #[must_use]
    pub fn boarding(&self) -> Vec<u32> {
        let (mut picked, mut from_base) = (Vec::new(), Vec::new());
        for stop in &self.stops {
            from_base.extend(stop.drop.iter().copied().filter(|load| !picked.contains(load)));
            picked.extend_from_slice(&stop.pick);
        }
        from_base
    }

    /// Loads that leave at the base: picked up on the way and not dropped on the way after.
    #[must_use]
    pub fn arriving(&self) -> Vec<u32> {
        let (mut dropped, mut to_base) = (Vec::new(), Vec::new());
        for stop in self.stops.iter().rev() {
            to_base.extend(stop.pick.iter().rev().copied().filter(|load| !dropped.contains(load)));
            dropped.extend_from_slice(&stop.drop);
        }
        to_base.reverse();
        to_base
    }
}

/// Loads on one departure of a line: board at one stop of it, leave at a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineDraft {
    /// `(load, boards at stop, leaves at stop)` by position in the timetable.
    pub rides: Vec<(u32, usize, usize)>,
}

/// A plan of both tiers, not timed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Trips by crew.
    pub days: Vec<Vec<TripDraft>>,
    /// Lines used, by position in the county's departures.
    pub lines: BTreeMap<usize, LineDraft>,
}

/// A ride of a load: on a trip of a crew, or on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ride {
    /// The crew, or none for a line.
    pub crew: Option<u32>,
    /// Which trip of the crew, or which departure of the lines.
    pub trip: u32,
    /// Where it boards.
    pub from: SiteId,
    /// Where it leaves.
    pub to: SiteId,
}

impl Draft {
    /// The rides of every load, chained from its origin. A load whose rides do not chain to its destination has an
    /// empty list: it is not served, and whoever carries it does so in vain.
    #[must_use]
    pub fn rides(
        &self,
        cargo: &[Cargo],
        base_of: impl Fn(usize) -> SiteId,
        line_site: impl Fn(usize, usize) -> SiteId,
    ) -> Vec<Vec<Ride>> {
        let mut rides: Vec<Vec<Ride>> = vec![Vec::new(); cargo.len()];
        for (crew, day) in self.days.iter().enumerate() {
            let base = base_of(crew);
            for (trip, draft) in day.iter().enumerate() {
                let name = (Some(crew as u32), trip as u32);
                let ride = |from, to| Ride { crew: name.0, trip: name.1, from, to };
                let mut open: Vec<(u32, SiteId)> = draft.boarding().into_iter().map(|l| (l, base)).collect();
                for stop in &draft.stops {
                    for &load in &stop.drop {
                        if let Some(at) = open.iter().position(|&(l, _)| l == load) {
                            let (_, from) = open.swap_remove(at);
                            rides[load as usize].push(ride(from, stop.site));
                        }
                    }
                    open.extend(stop.pick.iter().map(|&l| (l, stop.site)));
                }
                for (load, from) in open {
                    rides[load as usize].push(ride(from, base));
                }
            }
        }
        for (&line, draft) in &self.lines {
            for &(load, from, to) in &draft.rides {
                let (from, to) = (line_site(line, from), line_site(line, to));
                rides[load as usize].push(Ride { crew: None, trip: line as u32, from, to });
            }
        }
        for (load, rides) in rides.iter_mut().enumerate() {
            chain(rides, cargo[load].origin, cargo[load].destination);
        }
        rides
    }
}

/// Orders rides from `origin` to `destination`, or empties the list when they do not make one way.
fn chain(rides: &mut Vec<Ride>, origin: SiteId, destination: SiteId) {
    let mut at = origin;
    for next in 0..rides.len() {
        match rides[next..].iter().position(|r| r.from == at) {
            Some(found) => rides.swap(next, next + found),
            None => return rides.clear(),
        }
        at = rides[next].to;
    }
    if at != destination {
        rides.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(site: u32, drop: &[u32], pick: &[u32]) -> Stop {
        Stop { site: SiteId(site), drop: drop.to_vec(), pick: pick.to_vec() }
    }

    #[test]
    fn what_is_met_on_the_way_does_not_pass_the_base() {
        let trip =
            TripDraft { stops: vec![stop(1, &[7], &[8, 9]), stop(2, &[8], &[])], setup: Setup::default() };
        assert_eq!(trip.boarding(), [7]);
        assert_eq!(trip.arriving(), [9]);
    }

    #[test]
    fn rides_chain_or_count_for_nothing() {
        let ride = |from, to| Ride { crew: None, trip: 0, from: SiteId(from), to: SiteId(to) };
        let mut rides = vec![ride(3, 5), ride(0, 3)];
        chain(&mut rides, SiteId(0), SiteId(5));
        assert_eq!(rides, [ride(0, 3), ride(3, 5)]);
        chain(&mut rides, SiteId(0), SiteId(6));
        assert!(rides.is_empty());
    }
}
