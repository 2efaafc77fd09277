//! How much later each visit could be with everything after it in both tiers still holding: the intervals within which
//! one tier may move without solving the other again.

use crate::consolidate::Cargo;
use crate::day::Day;
use crate::timing::{TimedTrip, TimedVisit, Timing};
use std::collections::BTreeMap;

/// Latest starts by trip and visit, in the order of [`Timing::trips`].
#[derive(Clone, Debug, Default)]
pub struct Slack {
    /// Latest `start` of each visit that costs nothing and breaks nothing.
    pub latest: Vec<Vec<i64>>,
    /// Where each load boards: (trip, visit), in order of its rides.
    pub boards: Vec<Vec<(u32, u32)>>,
    /// Where each load leaves: (trip, visit), in order of its rides.
    pub leaves: Vec<Vec<(u32, u32)>>,
}

/// Works out the slack of a timing.
#[must_use]
pub fn slack(day: &Day<'_>, cargo: &[Cargo], timing: &Timing) -> Slack {
    let mut slack = Slack {
        latest: timing.trips.iter().map(|t| vec![0; t.visits.len()]).collect(),
        boards: vec![Vec::new(); cargo.len()],
        leaves: vec![Vec::new(); cargo.len()],
    };
    let mut docks: BTreeMap<(u32, u32), Vec<i64>> = BTreeMap::new();
    for (t, trip) in timing.trips.iter().enumerate() {
        for (v, visit) in trip.visits.iter().enumerate() {
            let here = (t as u32, v as u32);
            visit.pick.iter().for_each(|&l| slack.boards[l as usize].push(here));
            visit.drop.iter().for_each(|&l| slack.leaves[l as usize].push(here));
            if let Some(dock) = visit.dock {
                docks.entry((visit.site.0, dock)).or_default().push(visit.start);
            }
        }
    }
    docks.values_mut().for_each(|starts| starts.sort_unstable());
    // Every visit depends only on later ones: the next of its trip, the next trip of its crew, those it feeds.
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    let mut following: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (t, trip) in timing.trips.iter().enumerate() {
        order.extend(trip.visits.iter().enumerate().map(|(v, visit)| (visit.start, t, v)));
        following.insert((trip.crew, trip.number), t);
    }
    order.sort_unstable_by_key(|&(start, t, v)| std::cmp::Reverse((start, v, t)));
    for (_, t, v) in order {
        let trip = &timing.trips[t];
        let visit = &trip.visits[v];
        let depart_by = match trip.visits.get(v + 1) {
            Some(next) => slack.latest[t][v + 1] - next.leg_s,
            None => {
                let next = following.range((trip.crew, trip.number + 1)..(trip.crew + 1, 0)).next();
                next.map_or(day.crews[trip.crew].window.to_s, |(_, &n)| slack.latest[n][0])
            }
        };
        let mut finish_by = depart_by - (visit.depart - visit.finish);
        if let Some(limit) = day.kept_out(trip.crew, visit.site, visit.depart, depart_by) {
            finish_by = finish_by.min(limit.from_s - (visit.depart - visit.finish));
        }
        if let Some(dock) = visit.dock {
            let starts = &docks[&(visit.site.0, dock)];
            if let Some(&next) = starts.get(starts.partition_point(|&s| s <= visit.start)) {
                finish_by = finish_by.min(next);
            }
        }
        finish_by = finish_by.min(promised(day, cargo, timing, &slack, visit));
        let latest = finish_by.min(closing(day, visit)) - (visit.finish - visit.start);
        slack.latest[t][v] = latest.max(visit.start);
    }
    slack
}

/// Until when a visit may go on for the hours of its site.
fn closing(day: &Day<'_>, visit: &TimedVisit) -> i64 {
    if visit.drop.is_empty() && visit.pick.is_empty() {
        return i64::MAX;
    }
    let windows = if visit.pick.is_empty() { &day.windows } else { &day.staffed };
    let within = windows[visit.site.index()].iter().find(|w| w.holds(visit.start, visit.finish));
    within.map_or(visit.finish, |w| w.to_s)
}

/// Until when a visit may go on for what it drops: promises at the end of the way, the next ride before.
fn promised(day: &Day<'_>, cargo: &[Cargo], timing: &Timing, slack: &Slack, visit: &TimedVisit) -> i64 {
    let mut by = i64::MAX;
    for &load in &visit.drop {
        let l = load as usize;
        if timing.rides[l].is_empty() {
            continue;
        }
        if cargo[l].destination == visit.site {
            by = by.min(cargo[l].due_s.max(visit.finish));
            by = by.min(cargo[l].window.map_or(i64::MAX, |w| w.to_s.max(visit.finish)));
            continue;
        }
        let boards = slack.boards[l].iter().copied();
        let starts = |t: u32, v: u32| timing.trips[t as usize].visits[v as usize].start;
        let next = boards.filter(|&(t, v)| starts(t, v) >= visit.finish).min_by_key(|&(t, v)| starts(t, v));
        if let Some((t, v)) = next {
            let crossing = day.county.site(visit.site).crossing_s(cargo[l].handled);
            by = by.min(slack.latest[t as usize][v as usize] - crossing);
        }
    }
    by
}

/// The trip of a timing that a crew makes as its `number`-th.
#[must_use]
pub fn find_trip(timing: &Timing, crew: usize, number: usize) -> Option<&TimedTrip> {
    timing.trips.iter().find(|t| t.crew == crew && t.number == number)
}
