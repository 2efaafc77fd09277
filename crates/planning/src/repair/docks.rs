//! Who stands at the docks of each site: until when a vehicle may stay before others need all of them.

use super::places::Places;
use crate::fast::Map;
use xiangyun_model::plan::Plan;

/// Handling at docks by site, in order of its begin: begin, end, vehicle; and how many stand there when it begins.
pub(super) struct Docks<'p>(Map<usize, Vec<(i64, i64, &'p str, u32)>>);

impl<'p> Docks<'p> {
    pub(super) fn of(plan: &'p Plan, places: &Places) -> Self {
        let mut held: Map<usize, Vec<(i64, i64, &str, u32)>> = Map::default();
        let mut numbers = places.sites.iter();
        for trip in &plan.trips {
            for (visit, &site) in trip.visits.iter().zip(numbers.by_ref()) {
                if visit.dock.is_some() {
                    held.entry(site).or_default().push((visit.start, visit.finish, &trip.vehicle, 0));
                }
            }
        }
        for list in held.values_mut() {
            list.sort_unstable();
            let spans: Vec<(i64, i64)> = list.iter().map(|&(from, to, ..)| (from, to)).collect();
            for (at, .., stand) in list.iter_mut() {
                *stand = spans.iter().filter(|(from, to)| (*from..*to).contains(at)).count() as u32;
            }
        }
        Self(held)
    }

    /// When others than a vehicle first begin to stand at every dock after a moment; its own handling follows anyway.
    pub(super) fn full_after(&self, site: usize, after: i64, vehicle: &str, docks: u32) -> Option<i64> {
        let list = self.0.get(&site)?;
        let later = &list[list.partition_point(|&(from, ..)| from <= after)..];
        let full = |at: i64, stand: u32| {
            // Most moments need no closer look at whose handling it is.
            let own = || list.iter().filter(|(from, to, v, _)| (*from..*to).contains(&at) && *v == vehicle);
            stand >= docks && stand - own().count() as u32 >= docks
        };
        later.iter().find(|&&(at, _, v, stand)| v != vehicle && full(at, stand)).map(|&(at, ..)| at)
    }
}
