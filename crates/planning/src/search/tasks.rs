//! What the rounds ask of the trunk: loads to be at a station before a round is loaded, loads to be fetched after it.

use super::Search;
use super::candidate::Candidate;
use crate::frame::TrunkTask;
use std::collections::BTreeMap;
use xiangyun_model::id::SiteId;
use xiangyun_model::plan::Direction;
use xiangyun_model::units::Amount;

/// A round takes about this long.
const ROUND_GUESS_S: i64 = 2 * 3600;

/// A load with the time it must be there, or is ready there.
#[derive(Clone, Copy)]
pub(super) struct Want {
    pub(super) load: u32,
    pub(super) at_s: i64,
    wish_s: i64,
}

/// What is asked of the trunk at each station.
#[derive(Default)]
pub(super) struct Wants {
    /// Loads to be brought.
    pub(super) drops: BTreeMap<SiteId, Vec<Want>>,
    /// Loads to be fetched.
    pub(super) picks: BTreeMap<SiteId, Vec<Want>>,
}

impl Search<'_> {
    /// The trunk's tasks for a candidate's rounds: by station, in order of time, in parts that a truck can combine.
    pub(super) fn tasks(&self, candidate: &Candidate) -> Vec<TrunkTask> {
        let Wants { drops, picks } = self.wants(candidate);
        let mut tasks = Vec::new();
        for (site, wants) in drops {
            self.chunk(site, wants, true, &mut tasks);
        }
        for (site, wants) in picks {
            self.chunk(site, wants, false, &mut tasks);
        }
        self.transfer_tasks(&mut tasks);
        tasks
    }

    /// What the rounds, and goods of stations themselves, ask of the trunk, load by load.
    pub(super) fn wants(&self, candidate: &Candidate) -> Wants {
        let Wants { mut drops, mut picks } = Wants::default();
        for (call, via) in candidate.via.iter().take(self.goods.calls.len()).enumerate() {
            let Some(depot) = *via else { continue };
            let base = self.day.depots[depot];
            if base == self.day.county.hub || !candidate.serves(depot, call as u32) {
                continue;
            }
            let by_road = |load: &&u32| !candidate.on_line(**load);
            for &load in self.goods.calls[call].down.iter().filter(by_road) {
                let latest = candidate.boards_at(self, load, base);
                let wish_s = latest.map_or(i64::MAX, |(start, _)| start);
                let at_s = latest.map_or_else(|| self.latest_drop_s(base), |(_, latest)| latest);
                drops.entry(base).or_default().push(Want { load, at_s, wish_s });
            }
            for &load in self.goods.calls[call].up.iter().filter(by_road) {
                let ready = candidate.ready_at(self, load, base);
                let at_s = ready.unwrap_or_else(|| self.guess_back(candidate, call, load, base));
                picks.entry(base).or_default().push(Want { load, at_s, wish_s: i64::MAX });
            }
        }
        for &load in self.goods.trunk_only.iter().filter(|&&load| !candidate.on_line(load)) {
            let cargo = self.cargo(load);
            if cargo.direction == Direction::Down {
                let at_s = self.close_s(cargo.destination).min(cargo.due_s);
                drops.entry(cargo.destination).or_default().push(Want { load, at_s, wish_s: i64::MAX });
            } else {
                picks.entry(cargo.origin).or_default().push(Want {
                    load,
                    at_s: cargo.release_s,
                    wish_s: i64::MAX,
                });
            }
        }
        Wants { drops, picks }
    }

    /// When a collected load that no timed round has brought could be back at its base: after a round that sets out
    /// with what the same call gets. Sooner would let a truck wait for what its own goods must first fetch.
    fn guess_back(&self, candidate: &Candidate, call: usize, load: u32, base: SiteId) -> i64 {
        let cargo = self.cargo(load);
        let down = &self.goods.calls[call].down;
        let sets_out = down.iter().map(|&l| self.ready_from_trunk(candidate, l, base)).max().unwrap_or(0);
        let last = cargo.due_s.min(self.trunk_ends_s) - self.home_s(base) - 3600;
        cargo.release_s.max((sets_out + ROUND_GUESS_S).min(last))
    }

    /// Loads from station to station come to the hub with a truck of the morning and leave it with one of the
    /// afternoon.
    pub(super) fn transfer_tasks(&self, tasks: &mut Vec<TrunkTask>) {
        let mut from: BTreeMap<SiteId, Vec<u32>> = BTreeMap::new();
        let mut to: BTreeMap<SiteId, Vec<u32>> = BTreeMap::new();
        for &load in &self.station_transfers {
            from.entry(self.cargo(load).origin).or_default().push(load);
            to.entry(self.cargo(load).destination).or_default().push(load);
        }
        let handled = |loads: &[u32]| loads.iter().map(|&l| self.cargo(l).handled).sum::<i64>();
        let hub = self.day.county.site(self.day.county.hub);
        for (site, loads) in from {
            for pick in self.kindred(&loads) {
                let from_s = pick.iter().map(|&l| self.cargo(l).release_s).max().unwrap_or(0);
                let length =
                    self.day.county.site(site).stop_s(handled(&pick)) + hub.stop_s(4 * handled(&pick));
                let to_s = self.relay_s - self.home_s(site) - length;
                tasks.push(TrunkTask { pick, from_s, to_s, ..TrunkTask::at(site) });
            }
        }
        for (site, loads) in to {
            for drop in self.kindred(&loads) {
                let crossing = drop.iter().map(|&l| hub.crossing_s(self.cargo(l).handled)).max().unwrap_or(0);
                let due = drop.iter().map(|&l| self.cargo(l).due_s).min().unwrap_or(i64::MAX);
                let length = self.day.county.site(site).stop_s(handled(&drop));
                let to_s = self.close_s(site).min(due) - length;
                tasks.push(TrunkTask { drop, ready_s: self.relay_s + crossing, to_s, ..TrunkTask::at(site) });
            }
        }
    }

    /// Loads in groups that may share a vehicle and that a truck can combine with others.
    fn kindred(&self, loads: &[u32]) -> Vec<Vec<u32>> {
        let mut groups: Vec<(Amount, Vec<u32>)> = Vec::new();
        for &load in loads {
            let amount = self.cargo(load).amount;
            let takes = |(held, group): &(Amount, Vec<u32>)| {
                (*held + amount).fits(self.task_most) && !group.iter().any(|&l| self.excludes(l, load))
            };
            match groups.iter_mut().find(|g| takes(g)) {
                Some((held, group)) => {
                    *held += amount;
                    group.push(load);
                }
                None => groups.push((amount, vec![load])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Cuts a station's wants into tasks of at most a part of a truck, those of like time together.
    pub(super) fn chunk(&self, site: SiteId, mut wants: Vec<Want>, down: bool, tasks: &mut Vec<TrunkTask>) {
        wants.sort_by_key(|w| (self.cargo(w.load).slot, w.at_s, w.load));
        let mut part: Vec<Want> = Vec::new();
        let mut filled = Amount::ZERO;
        for want in wants {
            let amount = self.cargo(want.load).amount;
            let apart = part.first().is_some_and(|first| {
                let other_slot = self.cargo(first.load).slot != self.cargo(want.load).slot;
                other_slot || want.at_s - first.at_s > self.task_span_s
            }) || part.iter().any(|w| self.excludes(w.load, want.load));
            if !part.is_empty() && (apart || !(filled + amount).fits(self.task_most)) {
                tasks.push(self.task(site, &part, down));
                part.clear();
                filled = Amount::ZERO;
            }
            filled += amount;
            part.push(want);
        }
        if !part.is_empty() {
            tasks.push(self.task(site, &part, down));
        }
    }

    fn task(&self, site: SiteId, part: &[Want], down: bool) -> TrunkTask {
        let loads: Vec<u32> = part.iter().map(|w| w.load).collect();
        let handled: i64 = loads.iter().map(|&l| self.cargo(l).handled).sum();
        let place = self.day.county.site(site);
        let most_crossing = loads.iter().map(|&l| place.crossing_s(self.cargo(l).handled)).max().unwrap_or(0);
        let length = place.stop_s(handled);
        if down {
            let soonest = |pick: fn(&Want) -> i64| {
                part.iter().map(pick).min().unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
            };
            let to_s = soonest(|w| w.at_s) - most_crossing - length;
            let wish_s = soonest(|w| w.wish_s) - most_crossing - length;
            let ready_s = loads.iter().map(|&l| self.cargo(l).release_s).max().unwrap_or(0);
            TrunkTask { drop: loads, ready_s, to_s, wish_s: wish_s.min(to_s), ..TrunkTask::at(site) }
        } else {
            let from_s = part.iter().map(|w| w.at_s).max().unwrap_or(0);
            let due =
                loads.iter().map(|&l| self.cargo(l).due_s).min().unwrap_or(i64::MAX).min(self.trunk_ends_s);
            let to_s =
                due - self.home_s(site) - length - self.day.county.site(self.day.county.hub).stop_s(handled);
            TrunkTask { pick: loads, from_s, to_s, ..TrunkTask::at(site) }
        }
    }
}

impl Candidate {
    /// Whether a base's rounds serve a call.
    pub(super) fn serves(&self, depot: usize, call: u32) -> bool {
        self.rounds[depot].iter().any(|(_, trips)| trips.iter().any(|t| t.contains(&call)))
    }

    /// Start and latest start of the visit at which a load boards at a base.
    fn boards_at(&self, search: &Search<'_>, load: u32, base: SiteId) -> Option<(i64, i64)> {
        let boards = self.slack.boards.get(load as usize)?;
        boards.iter().find_map(|&(t, v)| {
            let visit = &self.timing.trips[t as usize].visits[v as usize];
            let trunk = search.day.crews[self.timing.trips[t as usize].crew].trunk;
            (!trunk && visit.site == base).then(|| (visit.start, self.slack.latest[t as usize][v as usize]))
        })
    }

    /// When a collected load can leave a base again.
    fn ready_at(&self, search: &Search<'_>, load: u32, base: SiteId) -> Option<i64> {
        let leaves = self.slack.leaves.get(load as usize)?;
        leaves.iter().find_map(|&(t, v)| {
            let visit = &self.timing.trips[t as usize].visits[v as usize];
            let trunk = search.day.crews[self.timing.trips[t as usize].crew].trunk;
            let crossing = search.day.county.site(base).crossing_s(search.cargo(load).handled);
            (!trunk && visit.site == base).then_some(visit.finish + crossing)
        })
    }
}
