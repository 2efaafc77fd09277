//! Plans of rich problems as JSON: ours written and read, VROOM's answers read; all become numbers.

use super::model::{Prefix, Rich};
use super::{RichFile, parse, vroom_out};
use crate::io::fault::{Fault, Sink};
use crate::io::limits::VEHICLES_MAX;
use crate::io::sol::SolutionText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xiangyun_model::problem::Problems;

/// The value of `format`.
pub const FORMAT: &str = "xiangyun-vrp-solution";

/// A plan by ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Always `xiangyun-vrp-solution`.
    pub format: String,
    /// Always 1.
    pub version: u32,
    /// Cost as the checker finds it.
    #[serde(default)]
    pub cost: i64,
    /// Vehicles that are used.
    pub routes: Vec<PlanRoute>,
    /// Ids of visits left out.
    #[serde(default)]
    pub unassigned: Vec<String>,
}

/// The day of one vehicle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRoute {
    /// Id of the entry in `vehicles`.
    pub vehicle: String,
    /// Which one of its count, from 1.
    #[serde(default = "first")]
    pub which: usize,
    /// Stops in order.
    pub stops: Vec<PlanStop>,
}

fn first() -> usize {
    1
}

/// One stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStop {
    /// Id of the visit; absent at a reload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visit: Option<String>,
    /// Entry of the vehicle's `reloads`, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload: Option<usize>,
    /// When the vehicle is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrive: Option<i64>,
    /// When service or loading starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<i64>,
    /// When it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<i64>,
}

/// Start numbers of the vehicles' entries.
pub(super) fn firsts(rich: &Rich) -> Vec<usize> {
    let mut next = 0;
    rich.vehicles
        .iter()
        .map(|vehicle| {
            let first = next;
            next += usize::try_from(vehicle.count.0).unwrap_or(0);
            first
        })
        .collect()
}

/// Writes numbers as ids. `times` gives arrive, begin and end of each stop of a route, where known.
#[must_use]
pub fn write(rich: &Rich, routes: &[Vec<usize>], cost: i64, times: &[Vec<Option<[i64; 3]>>]) -> Plan {
    let ids: Vec<&str> = rich.visits().map(|job| job.id.as_str()).collect();
    let firsts = firsts(rich);
    let mut served = vec![false; ids.len()];
    let mut plan = Plan { format: FORMAT.into(), version: 1, cost, ..Plan::default() };
    for (k, route) in routes.iter().enumerate().filter(|(_, route)| !route.is_empty()) {
        let entry = firsts.partition_point(|&first| first <= k) - 1;
        let stop = |(at, &number): (usize, &usize)| {
            let [arrive, begin, end] = match times.get(k).and_then(|times| times.get(at)).copied().flatten() {
                Some(times) => times.map(Some),
                None => [None; 3],
            };
            let (visit, reload) = match number {
                0 => (None, Some(0)),
                number if number <= ids.len() => (Some(ids[number - 1].to_owned()), None),
                number => (None, Some(number - ids.len())),
            };
            PlanStop { visit, reload, arrive, begin, end }
        };
        let stops = route.iter().enumerate().map(stop).collect();
        for &number in route.iter().filter(|&&number| (1..=ids.len()).contains(&number)) {
            served[number - 1] = true;
        }
        plan.routes.push(PlanRoute {
            vehicle: rich.vehicles[entry].id.clone(),
            which: k - firsts[entry] + 1,
            stops,
        });
    }
    plan.unassigned =
        served.iter().zip(ids).filter(|(served, _)| !**served).map(|(_, id)| id.to_owned()).collect();
    plan
}

/// Reads a plan of a rich problem: `.sol` text, our JSON, or VROOM's answer.
///
/// # Errors
/// All problems found.
pub fn read(file: &RichFile, text: &str, name: &str) -> Result<SolutionText, Problems> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('{') {
        return crate::io::sol::read(text, name);
    }
    let mut sink = Sink::new(name);
    if let Some(names) = &file.vroom
        && !text.contains(FORMAT)
    {
        return vroom_out::read(&file.rich, names, sink, text);
    }
    let Some(plan) = parse::<Plan>(&mut sink, text) else { return sink.finish(None) };
    let routes = numbers(&mut sink, &file.rich, "routes", &plan.routes);
    #[allow(clippy::cast_precision_loss)] // only shown
    let cost = Some(plan.cost as f64);
    sink.finish(Some(SolutionText { routes, cost }))
}

/// Which route of a solution is that of a vehicle: the entry of this id, the `which`-th of its count.
pub(super) fn slot(rich: &Rich, vehicle: &str, which: i64) -> Option<usize> {
    let entry = rich.vehicles.iter().position(|v| v.id == vehicle)?;
    let inside = (1..=rich.vehicles[entry].count.0).contains(&which);
    inside.then(|| firsts(rich)[entry] + usize::try_from(which - 1).unwrap_or(0))
}

/// The routes of the plan that a sound file begins from, as numbers, one list a vehicle.
pub(crate) fn start(rich: &Rich) -> Vec<Vec<usize>> {
    numbers(&mut Sink::new(""), rich, "plan", &rich.plan)
}

/// The frozen parts of days by route; sound files only.
pub(crate) fn prefixes(rich: &Rich) -> BTreeMap<usize, &Prefix> {
    let slot = |p: &Prefix| slot(rich, &p.vehicle, p.which.0);
    rich.locks.prefixes.iter().filter_map(|p| Some((slot(p)?, p))).collect()
}

/// The numbers of the routes of a plan, one list a vehicle; problems name the list `what`.
pub(super) fn numbers(sink: &mut Sink, rich: &Rich, what: &str, list_of: &[PlanRoute]) -> Vec<Vec<usize>> {
    let mut numbers = BTreeMap::new();
    for (at, job) in rich.visits().enumerate() {
        numbers.insert(job.id.as_str(), at + 1);
    }
    let firsts = firsts(rich);
    let vehicles: i64 = rich.vehicles.iter().map(|v| v.count.0).sum();
    let mut routes = vec![Vec::new(); usize::try_from(vehicles).unwrap_or(0).min(VEHICLES_MAX)];
    for (at, route) in list_of.iter().enumerate() {
        let path = format!("{what}[{at}]");
        let entry = rich.vehicles.iter().position(|v| v.id == route.vehicle);
        let in_count = |entry: &usize| (1..=rich.vehicles[*entry].count.0).contains(&(route.which as i64));
        let Some(entry) = entry.filter(in_count) else {
            let found = format!("{} {}", route.vehicle, route.which);
            sink.push(
                Fault::UnknownId,
                0,
                &path,
                &found,
                "no such vehicle; an id of vehicles, which from 1 to its count",
            );
            continue;
        };
        let list = &mut routes[firsts[entry] + route.which - 1];
        if !list.is_empty() {
            sink.push(
                Fault::Twice,
                0,
                &path,
                &route.vehicle,
                "this vehicle has a route already; one a vehicle",
            );
            continue;
        }
        for stop in &route.stops {
            match (&stop.visit, stop.reload) {
                (Some(id), None) => match numbers.get(id.as_str()) {
                    Some(&number) => list.push(number),
                    None => {
                        sink.push(
                            Fault::UnknownId,
                            0,
                            &path,
                            id,
                            "no such visit; an id of jobs or shipments",
                        );
                    }
                },
                (None, Some(0)) => list.push(0),
                (None, Some(which)) => list.push(numbers.len().saturating_add(which)),
                _ => {
                    sink.push(Fault::Solution, 0, &path, "", "a stop is a visit or a reload, one of the two");
                }
            }
        }
    }
    routes
}
