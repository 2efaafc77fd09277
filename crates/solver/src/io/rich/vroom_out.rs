//! VROOM's answer, written from our plans and read from its own.

use super::model::Rich;
use super::parse;
use super::solution::firsts;
use super::vroom::Names;
use crate::check::rich::RouteTimes;
use crate::io::fault::{Fault, Sink};
use crate::io::sol::SolutionText;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use xiangyun_model::problem::Problems;

/// VROOM's answer.
#[derive(Debug, Serialize)]
pub struct Answer {
    code: u32,
    summary: Summary,
    unassigned: Vec<Unassigned>,
    routes: Vec<AnswerRoute>,
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    cost: f64,
    routes: usize,
    unassigned: usize,
    delivery: Vec<i64>,
    pickup: Vec<i64>,
    setup: i64,
    service: i64,
    duration: i64,
    waiting_time: i64,
    priority: i64,
}

#[derive(Debug, Serialize)]
struct Unassigned {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct AnswerRoute {
    vehicle: u64,
    cost: f64,
    duration: i64,
    setup: i64,
    service: i64,
    waiting_time: i64,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_index: Option<i64>,
    arrival: i64,
    duration: i64,
    setup: i64,
    service: i64,
    waiting_time: i64,
    load: Vec<i64>,
}

/// What VROOM calls the visit of a number.
fn kind(rich: &Rich, number: usize) -> &'static str {
    match number.checked_sub(rich.jobs.len() + 1) {
        None => "job",
        Some(at) if at % 2 == 0 => "pickup",
        Some(_) => "delivery",
    }
}

#[allow(clippy::cast_precision_loss)] // costs are far below 2^53 of VROOM's units
fn money(names: &Names, cost: i64) -> f64 {
    cost as f64 / names.cost_scale as f64
}

/// Writes an answer: `routes` of numbers, and the times and cost of each as the checker finds them.
#[must_use]
pub fn write(rich: &Rich, names: &Names, routes: &[Vec<usize>], times: &[RouteTimes]) -> Answer {
    let visits: Vec<_> = rich.visits().collect();
    let mut served = vec![false; visits.len()];
    let mut answer =
        Answer { code: 0, summary: Summary::default(), unassigned: Vec::new(), routes: Vec::new() };
    let dimensions = rich.dimensions.len();
    answer.summary.delivery = vec![0; dimensions];
    answer.summary.pickup = vec![0; dimensions];
    for (k, (route, times)) in routes.iter().zip(times).enumerate() {
        if route.is_empty() {
            continue;
        }
        let vehicle = &rich.vehicles[k];
        let mut load = vec![0; dimensions];
        for &number in route.iter().filter(|&&number| number >= 1 && number <= rich.jobs.len()) {
            add(&mut load, &visits[number - 1].delivery, 1);
        }
        let mut out = AnswerRoute {
            vehicle: names.vehicles[k],
            cost: money(names, times.cost),
            duration: 0,
            setup: 0,
            service: 0,
            waiting_time: 0,
            steps: Vec::new(),
        };
        let step = |out: &mut AnswerRoute, kind, id, place, at: [i64; 4], load: &[i64]| {
            let [arrive, begin, setup, service] = at;
            out.duration = times.driven_to(out.steps.len());
            out.setup += setup;
            out.service += service;
            out.waiting_time += begin - arrive;
            out.steps.push(Step {
                kind,
                id,
                location_index: place,
                arrival: arrive + names.time_base,
                duration: out.duration,
                setup,
                service,
                waiting_time: begin - arrive,
                load: load.to_vec(),
            });
        };
        step(&mut out, "start", None, vehicle.start.map(|s| s.0), [times.start, times.start, 0, 0], &load);
        for (&number, stop) in route.iter().zip(&times.stops) {
            let visit = visits[number - 1];
            served[number - 1] = true;
            if kind(rich, number) == "job" {
                add(&mut answer.summary.delivery, &visit.delivery, 1);
                add(&mut answer.summary.pickup, &visit.pickup, 1);
            } else if kind(rich, number) == "pickup" {
                add(&mut answer.summary.delivery, &visit.pickup, 1);
                add(&mut answer.summary.pickup, &visit.pickup, 1);
            }
            add(&mut load, load_down(rich, number), -1);
            add(&mut load, &visit.pickup, 1);
            let service = visit.service.0;
            let at = [stop.arrive, stop.begin, stop.end - stop.begin - service, service];
            step(
                &mut out,
                kind(rich, number),
                Some(names.visits[number - 1]),
                Some(visit.place.0),
                at,
                &load,
            );
        }
        step(&mut out, "end", None, vehicle.end.map(|s| s.0), [times.end, times.end, 0, 0], &load);
        let total = &mut answer.summary;
        total.cost += out.cost;
        total.routes += 1;
        total.setup += out.setup;
        total.service += out.service;
        total.duration += out.duration;
        total.waiting_time += out.waiting_time;
        answer.routes.push(out);
    }
    for (at, _) in served.iter().enumerate().filter(|(_, served)| !**served) {
        answer.unassigned.push(Unassigned { id: names.visits[at], kind: kind(rich, at + 1) });
    }
    answer.summary.unassigned = answer.unassigned.len();
    answer
}

/// What leaves the vehicle at a visit.
fn load_down(rich: &Rich, number: usize) -> &[super::value::Int] {
    match number.checked_sub(rich.jobs.len() + 1) {
        None => &rich.jobs[number - 1].delivery,
        Some(at) if at % 2 == 1 => &rich.shipments[at / 2].pickup.pickup,
        Some(_) => &[],
    }
}

fn add(sum: &mut [i64], loads: &[super::value::Int], sign: i64) {
    for (sum, load) in sum.iter_mut().zip(loads) {
        *sum += sign * load.0;
    }
}

#[derive(Deserialize)]
struct GivenAnswer {
    #[serde(default)]
    routes: Vec<GivenRoute>,
    #[serde(default)]
    summary: GivenSummary,
}

#[derive(Default, Deserialize)]
struct GivenSummary {
    cost: Option<f64>,
}

#[derive(Deserialize)]
struct GivenRoute {
    vehicle: u64,
    steps: Vec<GivenStep>,
}

#[derive(Deserialize)]
struct GivenStep {
    #[serde(rename = "type")]
    kind: String,
    id: Option<u64>,
    job: Option<u64>,
}

/// Reads an answer as numbers.
pub(super) fn read(rich: &Rich, names: &Names, mut sink: Sink, text: &str) -> Result<SolutionText, Problems> {
    let Some(answer) = parse::<GivenAnswer>(&mut sink, text) else { return sink.finish(None) };
    let mut numbers = BTreeMap::new();
    for (at, &id) in names.visits.iter().enumerate() {
        numbers.insert((kind(rich, at + 1), id), at + 1);
    }
    let firsts = firsts(rich);
    let mut routes = vec![Vec::new(); names.vehicles.len()];
    for (at, route) in answer.routes.iter().enumerate() {
        let path = format!("routes[{at}]");
        let Some(entry) = names.vehicles.iter().position(|&id| id == route.vehicle) else {
            sink.push(
                Fault::UnknownId,
                0,
                &path,
                &route.vehicle.to_string(),
                "no such vehicle; an id of vehicles",
            );
            continue;
        };
        for step in &route.steps {
            let what = match step.kind.as_str() {
                "job" => "job",
                "pickup" => "pickup",
                "delivery" => "delivery",
                _ => continue,
            };
            let id = step.id.or(step.job).unwrap_or(u64::MAX);
            match numbers.get(&(what, id)) {
                Some(&number) => routes[firsts[entry]].push(number),
                None => sink.push(
                    Fault::UnknownId,
                    0,
                    &path,
                    &id.to_string(),
                    "no such visit; an id of jobs or shipments",
                ),
            }
        }
    }
    sink.finish(Some(SolutionText { routes, cost: answer.summary.cost }))
}
