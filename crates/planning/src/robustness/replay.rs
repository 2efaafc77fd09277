//! A plan replayed many times under noise: how surely each village is served in time, which link breaks first, what a few
//! minutes of slack there would be worth.
//!
//! A replay keeps the plan's order everywhere and lets times slip: legs and handling are longer or shorter, waves of sorting
//! end late, a visit waits for the goods that another trip brings. Nobody leaves a base before the plan says; away from it
//! nobody waits without cause. Lines keep their timetable and leave without what is not there.

use crate::inputs::Inputs;
use crate::search::Chance;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use xiangyun_model::plan::{Plan, TripKind};
use xiangyun_model::site::SiteKind;

/// How times vary; from what the running days taught, or these assumptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Noise {
    /// Standard deviation of a trip's whole driving time, in thousandths.
    pub trip_pm: i64,
    /// Standard deviation of one leg around that, in thousandths.
    pub leg_pm: i64,
    /// Standard deviation of handling, in thousandths.
    pub handling_pm: i64,
    /// How often a wave of sorting ends late, in thousandths.
    pub wave_late_pm: i64,
    /// How late it then is at most, in seconds.
    pub wave_late_s: i64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { trip_pm: 80, leg_pm: 120, handling_pm: 180, wave_late_pm: 60, wave_late_s: 1200 }
    }
}

/// One place in the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VillageRow {
    /// The place.
    pub site: String,
    /// Loads to or from it.
    pub loads: u64,
    /// How often all of them were in time, in thousandths of the replays.
    pub on_time_pm: u64,
    /// Minutes between the latest planned hand-over and its promise: the least of its loads.
    pub slack_min: i64,
}

/// A link that breaks: a visit whose delay used up the slack that the plan gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The trip.
    pub trip: String,
    /// The visit.
    pub visit: String,
    /// Where.
    pub site: String,
    /// Replays in which it was the first to break on the way of a late load, in thousandths.
    pub breaks_pm: u64,
    /// Minutes of slack that would have held it in nine of ten of those.
    pub buy_min: i64,
    /// What the crew costs for so much longer, in fen.
    pub price_fen: i64,
    /// What the late hand-overs behind it cost on average of all replays, in fen.
    pub saves_fen: i64,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Replays.
    pub replays: u64,
    /// The noise.
    pub noise: Noise,
    /// Loads in time, in thousandths of all loads of all replays.
    pub on_time_pm: u64,
    /// Lateness priced, mean of the replays, in fen; the plan's own in it.
    pub late_fen: i64,
    /// Villages, the least sure first.
    pub villages: Vec<VillageRow>,
    /// Links, those that break most first.
    pub links: Vec<Link>,
}

/// A visit's place in the plan.
#[derive(Clone, Copy)]
struct At {
    trip: usize,
    visit: usize,
}

struct World<'a> {
    plan: &'a Plan,
    /// Visits in order of their planned start.
    order: Vec<At>,
    /// Which visit a visit's id names.
    at: HashMap<&'a str, At>,
    /// Previous trip of the same vehicle.
    before: Vec<Option<usize>>,
    /// Rest planned after a visit, by trip and visit, in seconds.
    rests: HashMap<(usize, usize), i64>,
    /// Price of a late hour of each load.
    late_fen_h: Vec<i64>,
    hub: String,
}

/// What a replay gave: delay of each visit's start, arrival of each load.
struct Run {
    starts: Vec<Vec<i64>>,
    finishes: Vec<Vec<i64>>,
    arrives: Vec<i64>,
}

/// Longest that a load left behind by a line is late, in seconds: it goes the next day.
const NEXT_DAY_S: i64 = 86_400;

impl<'a> World<'a> {
    fn new(plan: &'a Plan, inputs: &'a Inputs) -> Self {
        let mut order: Vec<At> = Vec::new();
        let mut at = HashMap::new();
        for (trip, t) in plan.trips.iter().enumerate() {
            for (visit, v) in t.visits.iter().enumerate() {
                order.push(At { trip, visit });
                at.insert(v.id.as_str(), At { trip, visit });
            }
        }
        let planned = |a: &At| plan.trips[a.trip].visits[a.visit].start;
        order.sort_by_key(|a| (planned(a), a.trip, a.visit));
        let mut last: HashMap<&str, (u32, usize)> = HashMap::new();
        let mut before = vec![None; plan.trips.len()];
        let mut by_number: Vec<usize> = (0..plan.trips.len()).collect();
        by_number.sort_by_key(|&t| plan.trips[t].number);
        for t in by_number {
            let trip = &plan.trips[t];
            if trip.kind != TripKind::Line {
                before[t] = last.get(trip.vehicle.as_str()).map(|&(_, b)| b);
                last.insert(&trip.vehicle, (trip.number, t));
            }
        }
        let mut rests = HashMap::new();
        for duty in &plan.duties {
            for rest in &duty.rests {
                for (t, trip) in plan.trips.iter().enumerate().filter(|(_, t)| duty.trips.contains(&t.id)) {
                    for (v, visit) in trip.visits.iter().enumerate() {
                        if visit.site == rest.site && visit.arrive <= rest.from && rest.to <= visit.depart {
                            *rests.entry((t, v)).or_insert(0) += rest.to - rest.from;
                        }
                    }
                }
            }
        }
        let prices: HashMap<&str, i64> =
            inputs.orders.iter().map(|r| (r.order.id.as_str(), r.order.late_fen_h)).collect();
        let late_fen_h = plan
            .loads
            .iter()
            .map(|l| l.orders.iter().map(|o| prices.get(o.as_str()).copied().unwrap_or(0)).sum())
            .collect();
        let hub = inputs.county.site(inputs.county.hub).id.to_string();
        Self { plan, order, at, before, rests, late_fen_h, hub }
    }

    fn run(&self, noise: &Noise, chance: &mut Chance) -> Run {
        let plan = self.plan;
        let mut normal = |pm: i64| {
            // A sum of twelve uniform numbers has variance one; cut at three standard deviations.
            let sum: i64 = (0..12).map(|_| chance.below(1001) as i64).sum::<i64>() - 6000;
            1000 + (sum.clamp(-3000, 3000) * pm / 1000).max(-400)
        };
        let factors: Vec<i64> = plan.trips.iter().map(|_| normal(noise.trip_pm)).collect();
        let legs: Vec<Vec<i64>> = plan
            .trips
            .iter()
            .zip(&factors)
            .map(|(t, f)| t.visits.iter().map(|v| v.leg_s * f / 1000 * normal(noise.leg_pm) / 1000).collect())
            .collect();
        let handlings: Vec<Vec<i64>> = plan
            .trips
            .iter()
            .map(|t| {
                t.visits.iter().map(|v| (v.finish - v.start) * normal(noise.handling_pm) / 1000).collect()
            })
            .collect();
        let mut waves: BTreeMap<i64, i64> = BTreeMap::new();
        for load in plan.loads.iter().filter(|l| l.origin == self.hub) {
            waves.entry(load.release).or_insert(0);
        }
        for late in waves.values_mut() {
            if (chance.below(1000) as i64) < noise.wave_late_pm {
                *late = chance.below(usize::try_from(noise.wave_late_s).unwrap_or(0) + 1) as i64;
            }
        }
        let zero: Vec<Vec<i64>> = plan.trips.iter().map(|t| vec![0; t.visits.len()]).collect();
        let mut run =
            Run { starts: zero.clone(), finishes: zero.clone(), arrives: vec![0; plan.loads.len()] };
        let mut departs = zero;
        let ready = self.boardings();
        for at in &self.order {
            let (t, v) = (at.trip, at.visit);
            let trip = &plan.trips[t];
            let visit = &trip.visits[v];
            let arrive = if v > 0 {
                departs[t][v - 1] + legs[t][v]
            } else {
                let free = self.before[t].map_or(i64::MIN, |b| departs[b].last().copied().unwrap_or(0));
                visit.arrive.max(free)
            };
            // Where the plan waits, for the place to open or for goods, so does the replay.
            let mut start =
                if v == 0 || visit.start > visit.arrive { arrive.max(visit.start) } else { arrive };
            for &(load, leg) in ready.get(&(t, v)).into_iter().flatten() {
                let at = self.ready_of(&run, load, leg, &waves);
                if trip.kind != TripKind::Line {
                    start = start.max(at);
                }
            }
            if trip.kind == TripKind::Line {
                run.starts[t][v] = visit.start;
                run.finishes[t][v] = visit.finish;
                departs[t][v] = visit.depart;
                continue;
            }
            run.starts[t][v] = start;
            let finish = start + handlings[t][v];
            run.finishes[t][v] = finish;
            let rest = self.rests.get(&(t, v)).copied().unwrap_or(0);
            departs[t][v] = if v == 0 { (finish + rest).max(visit.depart) } else { finish + rest };
        }
        for (l, load) in plan.loads.iter().enumerate() {
            let mut at = load.arrives;
            if let Some(last) = load.legs.last().and_then(|leg| self.at.get(leg.to.as_str())) {
                at = run.finishes[last.trip][last.visit];
            }
            // A line leaves without what is not there.
            for (i, leg) in load.legs.iter().enumerate() {
                let Some(from) = self.at.get(leg.from.as_str()) else { continue };
                let visit = &plan.trips[from.trip].visits[from.visit];
                if plan.trips[from.trip].kind == TripKind::Line
                    && self.ready_of(&run, l, i, &waves) > visit.start
                {
                    at = load.due + NEXT_DAY_S;
                }
            }
            run.arrives[l] = at;
        }
        run
    }

    /// Loads that board at each visit: load and which of its legs.
    fn boardings(&self) -> HashMap<(usize, usize), Vec<(usize, usize)>> {
        let mut all: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
        for (l, load) in self.plan.loads.iter().enumerate() {
            for (i, leg) in load.legs.iter().enumerate() {
                if let Some(at) = self.at.get(leg.from.as_str()) {
                    all.entry((at.trip, at.visit)).or_default().push((l, i));
                }
            }
        }
        all
    }

    /// When a load can board for one of its legs.
    fn ready_of(&self, run: &Run, load: usize, leg: usize, waves: &BTreeMap<i64, i64>) -> i64 {
        let load = &self.plan.loads[load];
        let Some(before) = leg.checked_sub(1) else {
            let late =
                if load.origin == self.hub { waves.get(&load.release).copied().unwrap_or(0) } else { 0 };
            return load.release + late;
        };
        let Some(at) = self.at.get(load.legs[before].to.as_str()) else { return load.legs[leg].ready };
        let planned = self.plan.trips[at.trip].visits[at.visit].finish;
        run.finishes[at.trip][at.visit] + (load.legs[leg].ready - planned).max(0)
    }

    /// The first visit on a load's way whose delay used up its slack, with how far beyond.
    fn first_break(&self, run: &Run, load: usize) -> Option<(At, i64)> {
        let plan = self.plan;
        let mut found: Option<(i64, At, i64)> = None;
        for leg in &plan.loads[load].legs {
            let (Some(from), Some(to)) = (self.at.get(leg.from.as_str()), self.at.get(leg.to.as_str()))
            else {
                continue;
            };
            for v in from.visit..=to.visit {
                let visit = &plan.trips[from.trip].visits[v];
                let over = run.starts[from.trip][v] - visit.latest.max(visit.start);
                if over > 0 && found.is_none_or(|(start, _, _)| visit.start < start) {
                    found = Some((visit.start, At { trip: from.trip, visit: v }, over));
                }
            }
        }
        found.map(|(_, at, over)| (at, over))
    }
}

/// Replays a plan.
#[must_use]
pub fn replay(plan: &Plan, inputs: &Inputs, replays: u64, noise: &Noise, seed: u64) -> Report {
    let world = World::new(plan, inputs);
    let mut villages: BTreeMap<&str, (u64, u64, i64)> = BTreeMap::new();
    let far = |load: &xiangyun_model::plan::Load| -> usize {
        let is_point = |site: &str| {
            inputs.county.find_site(site).is_some_and(|s| inputs.county.site(s).kind == SiteKind::Village)
        };
        usize::from(!is_point(&load.destination) && is_point(&load.origin))
    };
    let ends: Vec<&str> = plan
        .loads
        .iter()
        .map(|l| if far(l) == 1 { l.origin.as_str() } else { l.destination.as_str() })
        .collect();
    for (load, end) in plan.loads.iter().zip(&ends) {
        let row = villages.entry(end).or_insert((0, 0, i64::MAX));
        row.0 += 1;
        row.2 = row.2.min((load.due - load.arrives) / 60);
    }
    let mut broken: BTreeMap<(usize, usize), (Vec<i64>, i64)> = BTreeMap::new();
    let (mut in_time, mut late_fen) = (0_u64, 0_i64);
    for n in 0..replays {
        let run = world.run(noise, &mut Chance::new(seed, n + 1));
        let mut failed: BTreeMap<&str, bool> = BTreeMap::new();
        let mut firsts: BTreeMap<(usize, usize), i64> = BTreeMap::new();
        for (l, load) in plan.loads.iter().enumerate() {
            let late = run.arrives[l] - load.due;
            let fen = xiangyun_model::rules::Costs::late_fen(world.late_fen_h[l], late);
            late_fen += fen;
            in_time += u64::from(late <= 0);
            *failed.entry(ends[l]).or_insert(false) |= late > 0;
            if late > 0
                && let Some((at, over)) = world.first_break(&run, l)
            {
                let key = (at.trip, at.visit);
                let first = firsts.entry(key).or_insert(0);
                *first = (*first).max(over);
                broken.entry(key).or_default().1 += fen;
            }
        }
        for (key, over) in firsts {
            broken.entry(key).or_default().0.push(over);
        }
        for (site, failed) in failed {
            if !failed && let Some(row) = villages.get_mut(site) {
                row.1 += 1;
            }
        }
    }
    let loads = replays * plan.loads.len() as u64;
    Report {
        replays,
        noise: *noise,
        on_time_pm: in_time * 1000 / loads.max(1),
        late_fen: late_fen / i64::try_from(replays.max(1)).unwrap_or(1),
        villages: village_rows(villages, replays),
        links: links(plan, inputs, broken, replays),
    }
}

fn village_rows(villages: BTreeMap<&str, (u64, u64, i64)>, replays: u64) -> Vec<VillageRow> {
    let mut rows: Vec<VillageRow> = villages
        .into_iter()
        .map(|(site, (loads, good, slack_min))| VillageRow {
            site: site.to_owned(),
            loads,
            on_time_pm: good * 1000 / replays.max(1),
            slack_min,
        })
        .collect();
    rows.sort_by(|a, b| (a.on_time_pm, a.slack_min, &a.site).cmp(&(b.on_time_pm, b.slack_min, &b.site)));
    rows
}

fn links(
    plan: &Plan,
    inputs: &Inputs,
    broken: BTreeMap<(usize, usize), (Vec<i64>, i64)>,
    replays: u64,
) -> Vec<Link> {
    let wage = |driver: Option<&String>| {
        let known = driver.and_then(|d| inputs.county.drivers.iter().find(|k| k.id.as_str() == d));
        known.map_or(0, |d| d.hour_fen)
    };
    let mut links: Vec<Link> = broken
        .into_iter()
        .filter(|(_, (overs, _))| !overs.is_empty())
        .map(|((t, v), (mut overs, fen))| {
            overs.sort_unstable();
            let over = overs[(overs.len() * 9 / 10).min(overs.len() - 1)];
            let trip = &plan.trips[t];
            let buy_min = (over + 59) / 60;
            Link {
                trip: trip.id.clone(),
                visit: trip.visits[v].id.clone(),
                site: trip.visits[v].site.clone(),
                breaks_pm: overs.len() as u64 * 1000 / replays.max(1),
                buy_min,
                price_fen: (buy_min * wage(trip.driver.as_ref()) + 59) / 60,
                saves_fen: fen / i64::try_from(replays.max(1)).unwrap_or(1),
            }
        })
        .collect();
    links.sort_by(|a, b| (b.breaks_pm, b.saves_fen, &a.visit).cmp(&(a.breaks_pm, a.saves_fen, &b.visit)));
    links
}
