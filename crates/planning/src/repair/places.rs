//! A plan's names as positions, looked up once for all that is timed with them.

use super::Names;
use crate::fast::Map;
use xiangyun_model::plan::{Handling, Plan};

/// No such trip, visit or load.
pub(super) const NONE: usize = usize::MAX;

/// A leg's trip and the numbers of its visits.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) trip: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Visits are numbered through all trips. Positions of trips and loads and the legs that loads have left are the plan's.
pub(super) struct Places {
    /// Number of each trip's first visit.
    pub(super) first: Vec<usize>,
    /// Trip and position by visit.
    pub(super) at: Vec<(usize, usize)>,
    /// Site by visit.
    pub(super) sites: Vec<usize>,
    /// What boards and what leaves by visit: loads in the order of its lists.
    pub(super) on: Vec<Vec<usize>>,
    pub(super) off: Vec<Vec<usize>>,
    /// All loads' legs, and where each load's begin.
    ends: Vec<Ends>,
    begins: Vec<usize>,
}

impl Places {
    pub(super) fn of(plan: &Plan, names: &Names) -> Self {
        let trips: Map<&str, usize> =
            plan.trips.iter().enumerate().map(|(t, trip)| (trip.id.as_str(), t)).collect();
        let loads: Map<&str, usize> =
            plan.loads.iter().enumerate().map(|(l, load)| (load.id.as_str(), l)).collect();
        let mut visits: Map<&str, usize> = Map::default();
        let (mut first, mut at, mut sites) = (Vec::with_capacity(plan.trips.len()), Vec::new(), Vec::new());
        let (mut on, mut off) = (Vec::new(), Vec::new());
        let list = |list: &[Handling]| -> Vec<usize> {
            list.iter().map(|h| loads.get(h.load.as_str()).copied().unwrap_or(NONE)).collect()
        };
        for (t, trip) in plan.trips.iter().enumerate() {
            first.push(at.len());
            for (v, visit) in trip.visits.iter().enumerate() {
                visits.insert(&visit.id, at.len());
                at.push((t, v));
                sites.push(names.site(&visit.site).index());
                on.push(list(&visit.load));
                off.push(list(&visit.unload));
            }
        }
        let find = |map: &Map<&str, usize>, id: &str| map.get(id).copied().unwrap_or(NONE);
        let (mut ends, mut begins) = (Vec::with_capacity(2 * plan.loads.len()), Vec::new());
        for load in &plan.loads {
            begins.push(ends.len());
            ends.extend(load.legs.iter().map(|leg| Ends {
                trip: find(&trips, &leg.trip),
                from: find(&visits, &leg.from),
                to: find(&visits, &leg.to),
            }));
        }
        Self { first, at, sites, on, off, ends, begins }
    }

    pub(super) fn number(&self, trip: usize, visit: usize) -> usize {
        self.first[trip] + visit
    }

    /// Legs that a load still has; it loses them from the end only.
    pub(super) fn legs(&self, plan: &Plan, load: usize) -> &[Ends] {
        let begins = self.begins[load];
        &self.ends[begins..begins + plan.loads[load].legs.len()]
    }
}

/// Loads of a list that the plan has.
pub(super) fn known(list: &[usize]) -> impl Iterator<Item = usize> {
    list.iter().copied().filter(|&l| l != NONE)
}
