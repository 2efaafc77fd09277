//! VROOM's input (its API document of version 1.14 and later) as a rich problem.
//!
//! VROOM pays for travel, not for waiting or service, so the price of each arc becomes the rich problem's distance;
//! money is scaled to whole numbers and scaled back in the answer. What our model cannot say is refused by name,
//! never dropped.

use super::model::{Break, FORMAT, Job, Matrix, Rich, Shipment, VERSION, Vehicle};
use super::value::{HOLE, Int, Row, bounded};
use crate::io::fault::{Fault, Sink};
use crate::io::limits::{RICH_CELL_MAX, RICH_JOBS_MAX, RICH_VALUE_MAX, VEHICLES_MAX};
use serde::Deserialize;
use std::collections::BTreeMap;

/// VROOM's mark of an arc that does not exist.
const VROOM_HOLE: i64 = 4_294_967_295;

/// VROOM's input. Fields that it ignores, we ignore.
#[derive(Debug, Deserialize)]
pub(super) struct Input {
    #[serde(default, deserialize_with = "bounded::<RICH_JOBS_MAX, _, _>")]
    jobs: Vec<InputJob>,
    #[serde(default, deserialize_with = "bounded::<RICH_JOBS_MAX, _, _>")]
    shipments: Vec<InputShipment>,
    #[serde(default, deserialize_with = "bounded::<VEHICLES_MAX, _, _>")]
    vehicles: Vec<InputVehicle>,
    #[serde(default)]
    matrices: BTreeMap<String, InputMatrices>,
    #[serde(default, deserialize_with = "bounded::<6_000, _, _>")]
    matrix: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct InputMatrices {
    #[serde(default, deserialize_with = "bounded::<6_000, _, _>")]
    durations: Vec<Row>,
    #[serde(default, deserialize_with = "bounded::<6_000, _, _>")]
    distances: Vec<Row>,
    #[serde(default, deserialize_with = "bounded::<6_000, _, _>")]
    costs: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputJob {
    id: Option<u64>,
    location_index: Option<Int>,
    setup: Int,
    service: Int,
    delivery: Vec<Int>,
    pickup: Vec<Int>,
    amount: Vec<Int>,
    skills: Vec<u32>,
    priority: Int,
    time_windows: Vec<(Int, Int)>,
    setup_per_type: BTreeMap<String, Int>,
    service_per_type: BTreeMap<String, Int>,
}

#[derive(Debug, Deserialize)]
struct InputShipment {
    pickup: InputJob,
    delivery: InputJob,
    #[serde(default)]
    amount: Vec<Int>,
    #[serde(default)]
    skills: Vec<u32>,
    #[serde(default)]
    priority: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputVehicle {
    id: Option<u64>,
    profile: Option<String>,
    start_index: Option<Int>,
    end_index: Option<Int>,
    start: Option<serde::de::IgnoredAny>,
    end: Option<serde::de::IgnoredAny>,
    capacity: Vec<Int>,
    costs: InputCosts,
    skills: Vec<u32>,
    time_window: Option<(Int, Int)>,
    breaks: Vec<InputBreak>,
    speed_factor: Option<f64>,
    max_tasks: Option<Int>,
    max_travel_time: Option<Int>,
    max_distance: Option<Int>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
struct InputCosts {
    fixed: Int,
    per_hour: Int,
    per_km: Int,
    per_task_hour: Int,
}

impl Default for InputCosts {
    fn default() -> Self {
        Self { fixed: Int(0), per_hour: Int(3600), per_km: Int(0), per_task_hour: Int(0) }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InputBreak {
    time_windows: Vec<(Int, Int)>,
    service: Int,
    max_load: Option<serde::de::IgnoredAny>,
}

/// What the answer needs besides the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Names {
    /// VROOM's id of each visit, in the order of numbers.
    pub visits: Vec<u64>,
    /// VROOM's id of each vehicle.
    pub vehicles: Vec<u64>,
    /// Rich money units in one unit of VROOM's cost.
    pub cost_scale: i64,
    /// Offset of VROOM's times: they are moved to start at 0.
    pub time_base: i64,
    /// Distances in metres by profile, where given.
    pub metres: BTreeMap<String, Vec<Row>>,
}

/// Money per second, per metre and per unit of a cost matrix, in 18,000ths of VROOM's unit: the least common
/// multiple of 3,600 (per hour) and 1,000 (per km).
const PARTS: i64 = 18_000;

/// Converts; problems of what cannot be said go to the sink.
pub(super) fn convert(sink: &mut Sink, input: Input, name: String) -> (Rich, Names) {
    let mut convert =
        Convert { sink, input, rich: Rich::default(), unit: PARTS, time_base: 0, profiles: BTreeMap::new() };
    convert.rich.name = name;
    convert.rich.format = FORMAT.into();
    convert.rich.version = VERSION;
    convert.prepare();
    convert.visits();
    convert.vehicles();
    let Convert { input, rich, unit, time_base, profiles, .. } = convert;
    let metres = profiles
        .into_iter()
        .filter_map(|(name, of)| Some((name, input.matrices.get(&of)?.distances.clone())))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let id = |job: &InputJob| job.id.unwrap_or(0);
    let visits = input.jobs.iter().map(id);
    let visits =
        visits.chain(input.shipments.iter().flat_map(|s| [id(&s.pickup), id(&s.delivery)])).collect();
    let vehicles = input.vehicles.iter().map(|v| v.id.unwrap_or(0)).collect();
    (rich, Names { visits, vehicles, cost_scale: PARTS / unit, time_base, metres })
}

struct Convert<'a> {
    sink: &'a mut Sink,
    input: Input,
    rich: Rich,
    /// Prices are divided by this.
    unit: i64,
    time_base: i64,
    /// Rich profile name to VROOM's.
    profiles: BTreeMap<String, String>,
}

impl Convert<'_> {
    #[allow(clippy::needless_pass_by_value)] // numbers and texts alike, at each call
    fn fault(&mut self, fault: Fault, path: &str, found: impl ToString, want: &str) {
        self.sink.push(fault, 0, path, &found.to_string(), want);
    }

    /// Dimensions, the common unit of money, the earliest time, the old form of the matrix.
    fn prepare(&mut self) {
        let old = std::mem::take(&mut self.input.matrix);
        if !old.is_empty() && self.input.matrices.is_empty() {
            let matrices = InputMatrices { durations: old, distances: Vec::new(), costs: Vec::new() };
            self.input.matrices.insert("car".into(), matrices);
        }
        if self.input.matrices.is_empty() {
            self.fault(
                Fault::Matrix,
                "matrices",
                "",
                "no matrix; give matrices.PROFILE.durations and location_index",
            );
        }
        let lists = self.input.vehicles.iter().map(|v| v.capacity.len());
        let jobs = self.input.jobs.iter().map(|j| j.delivery.len().max(j.pickup.len()).max(j.amount.len()));
        let shipments = self.input.shipments.iter().map(|s| s.amount.len());
        let dimensions = lists.chain(jobs).chain(shipments).max().unwrap_or(0);
        self.rich.dimensions = (0..dimensions).map(|d| format!("amount {d}")).collect();
        self.unit = self.input.vehicles.iter().fold(PARTS, |unit, vehicle| {
            let costs = vehicle.costs;
            [
                costs.per_hour.0.saturating_mul(5),
                costs.per_km.0.saturating_mul(18),
                costs.per_task_hour.0.saturating_mul(5),
            ]
            .into_iter()
            .fold(unit, gcd)
        });
        let windows = self.input.jobs.iter().flat_map(|j| &j.time_windows);
        let ends = self
            .input
            .shipments
            .iter()
            .flat_map(|s| s.pickup.time_windows.iter().chain(&s.delivery.time_windows));
        let shifts = self.input.vehicles.iter().filter_map(|v| v.time_window.as_ref());
        let pauses = self.input.vehicles.iter().flat_map(|v| v.breaks.iter().flat_map(|b| &b.time_windows));
        // Times since 1970 are moved, so that they stay small; earlier ones keep their meaning.
        let earliest =
            windows.chain(ends).chain(shifts.clone()).chain(pauses).map(|w| w.0.0).min().unwrap_or(0);
        let open = shifts.count() < self.input.vehicles.len();
        self.time_base = if open { 0 } else { earliest.clamp(0, RICH_VALUE_MAX) };
    }

    fn time(&self, Int(value): Int) -> Int {
        Int(value.saturating_sub(self.time_base))
    }

    fn price(&self, parts: i64) -> Int {
        Int(parts / self.unit)
    }

    fn visits(&mut self) {
        let priced = self.prize_step();
        let mut jobs = std::mem::take(&mut self.input.jobs);
        for (at, input) in jobs.iter_mut().enumerate() {
            let path = format!("jobs[{at}]");
            if !input.amount.is_empty() && input.delivery.is_empty() {
                input.delivery = std::mem::take(&mut input.amount);
            }
            let mut job = self.visit(&path, "job", input);
            job.prize = priced.map(|step| step(input.priority.0));
            self.rich.jobs.push(job);
        }
        self.input.jobs = jobs;
        let shipments = std::mem::take(&mut self.input.shipments);
        for (at, input) in shipments.iter().enumerate() {
            let path = format!("shipments[{at}]");
            let mut pickup = self.visit(&format!("{path}.pickup"), "pickup", &input.pickup);
            let delivery = self.visit(&format!("{path}.delivery"), "delivery", &input.delivery);
            pickup.pickup.clone_from(&input.amount);
            pickup.skills.extend(input.skills.iter().map(u32::to_string));
            pickup.prize = priced.map(|step| step(input.priority.0));
            self.rich.shipments.push(Shipment { pickup, delivery });
        }
        self.input.shipments = shipments;
    }

    /// VROOM serves the highest sum of priorities first, then the most tasks, then the cheapest plan. Without
    /// priorities every job is one that must be served, which ranks the same way.
    fn prize_step(&self) -> Option<impl Fn(i64) -> Int + Copy + use<>> {
        let jobs = self.input.jobs.iter().map(|j| j.priority.0);
        let most = jobs.chain(self.input.shipments.iter().map(|s| s.priority.0)).max().unwrap_or(0);
        let tasks = (self.input.jobs.len() + self.input.shipments.len()) as i64;
        // More than a whole plan costs, as far as the numbers have room.
        let big = (RICH_VALUE_MAX / (101 * (tasks + 1) + 1)).max(1);
        (most > 0).then_some(move |priority: i64| {
            Int((priority.clamp(0, 100) * (tasks + 1) + 1).saturating_mul(big))
        })
    }

    fn visit(&mut self, path: &str, what: &str, input: &InputJob) -> Job {
        let Some(id) = input.id else {
            self.fault(Fault::Missing, &format!("{path}.id"), "", "no id; a whole number");
            return Job::default();
        };
        if input.location_index.is_none() {
            let want = "no location_index; the place's row of the matrices (we compute no routes here)";
            self.fault(Fault::Missing, &format!("{path}.location_index"), "", want);
        }
        if !input.setup_per_type.is_empty() || !input.service_per_type.is_empty() {
            self.fault(
                Fault::Unsupported,
                path,
                "…_per_type",
                "times by vehicle type are not supported; use service",
            );
        }
        let mut windows: Vec<(Int, Int)> =
            input.time_windows.iter().map(|w| (self.time(w.0), self.time(w.1))).collect();
        windows.sort_unstable();
        Job {
            id: format!("{what} {id}"),
            place: input.location_index.unwrap_or_default(),
            delivery: input.delivery.clone(),
            pickup: input.pickup.clone(),
            service: input.service,
            setup: input.setup,
            windows,
            skills: input.skills.iter().map(u32::to_string).collect(),
            ..Job::default()
        }
    }

    fn vehicles(&mut self) {
        let vehicles = std::mem::take(&mut self.input.vehicles);
        for (at, input) in vehicles.iter().enumerate() {
            let path = format!("vehicles[{at}]");
            if let Some(vehicle) = self.vehicle(&path, input) {
                self.rich.vehicles.push(vehicle);
            }
        }
        self.input.vehicles = vehicles;
    }

    fn vehicle(&mut self, path: &str, input: &InputVehicle) -> Option<Vehicle> {
        let Some(id) = input.id else {
            self.fault(Fault::Missing, &format!("{path}.id"), "", "no id; a whole number");
            return None;
        };
        if (input.start.is_some() && input.start_index.is_none())
            || (input.end.is_some() && input.end_index.is_none())
        {
            self.fault(
                Fault::Missing,
                &format!("{path}.start_index"),
                "",
                "no start_index or end_index; rows of the matrices",
            );
        }
        let profile = self.profile(path, input)?;
        let (max_distance, priced) = self.limits(path, input);
        let costs = input.costs;
        if costs.per_task_hour.0 != 0 {
            let want = "not supported; add the price of work to fixed costs";
            self.fault(
                Fault::Unsupported,
                &format!("{path}.costs.per_task_hour"),
                costs.per_task_hour.0,
                want,
            );
        }
        Some(Vehicle {
            id: format!("vehicle {id}"),
            profile,
            start: input.start_index,
            end: input.end_index,
            shift: input.time_window.map(|w| (self.time(w.0), self.time(w.1))),
            layouts: vec![input.capacity.clone()],
            skills: input.skills.iter().map(u32::to_string).collect(),
            fixed: self.price(costs.fixed.0.saturating_mul(PARTS)),
            per_distance: Int(i64::from(priced)),
            max_distance,
            max_stops: input.max_tasks,
            breaks: self.breaks(path, &input.breaks),
            ..Vehicle::default()
        })
    }

    /// The limit on the way, in money (the rich distance), and whether the way costs anything.
    fn limits(&mut self, path: &str, input: &InputVehicle) -> (Option<Int>, bool) {
        let costs = input.costs;
        let by_time = costs.per_km.0 == 0 && costs.per_hour.0 > 0;
        let own_costs = self
            .input
            .matrices
            .get(input.profile.as_deref().unwrap_or("car"))
            .is_some_and(|m| !m.costs.is_empty());
        let limit = match (input.max_travel_time, input.max_distance) {
            (None, None) => None,
            (Some(most), None) if by_time && !own_costs => {
                Some(self.price(most.0.saturating_mul(costs.per_hour.0 * 5)))
            }
            (None, Some(most)) if costs.per_hour.0 == 0 && costs.per_km.0 > 0 && !own_costs => {
                Some(self.price(most.0.saturating_mul(costs.per_km.0 * 18)))
            }
            _ => {
                let want =
                    "a limit on time (distance) is supported where costs come from time (distance) alone";
                self.fault(Fault::Unsupported, &format!("{path}.max_travel_time"), "", want);
                None
            }
        };
        (limit, own_costs || costs.per_km.0 > 0 || costs.per_hour.0 > 0)
    }

    fn breaks(&mut self, path: &str, breaks: &[InputBreak]) -> Vec<Break> {
        let mut list = Vec::with_capacity(breaks.len());
        for pause in breaks {
            match (pause.time_windows.as_slice(), &pause.max_load) {
                (&[window], None) => {
                    list.push(Break {
                        window: (self.time(window.0), self.time(window.1)),
                        duration: pause.service,
                    });
                }
                _ => {
                    let want = "a break needs exactly one time window and no max_load";
                    self.fault(Fault::Unsupported, &format!("{path}.breaks"), pause.time_windows.len(), want);
                }
            }
        }
        list
    }

    /// The matrix of a vehicle: durations by its speed, and the price of each arc as distance.
    fn profile(&mut self, path: &str, input: &InputVehicle) -> Option<String> {
        let of = input.profile.clone().unwrap_or_else(|| "car".into());
        let speed = input.speed_factor.unwrap_or(1.0);
        if !(0.01..=100.0).contains(&speed) {
            self.fault(Fault::TooLarge, &format!("{path}.speed_factor"), speed, "0.01 to 100");
            return None;
        }
        let costs = input.costs;
        let name = format!("{of} {speed} {} {}", costs.per_hour.0, costs.per_km.0);
        if self.profiles.contains_key(&name) {
            return Some(name);
        }
        let Some(matrices) = self.input.matrices.get(&of) else {
            self.fault(
                Fault::Matrix,
                &format!("{path}.profile"),
                &of,
                "no matrix of this name; a key of matrices",
            );
            return None;
        };
        let parts = if matrices.costs.is_empty() { (costs.per_hour.0, costs.per_km.0) } else { (0, 0) };
        let too_dear =
            [costs.per_hour.0, costs.per_km.0, costs.fixed.0].iter().any(|&c| !(0..=10_000_000).contains(&c));
        if parts.1 > 0 && matrices.distances.is_empty() {
            let path = format!("matrices.{of}.distances");
            self.fault(Fault::Matrix, &path, "", "per_km needs distances; a matrix of metres");
            return None;
        }
        let durations: Vec<Row> =
            matrices.durations.iter().map(|row| map(row, |d| scaled(d, speed))).collect();
        let distances = if matrices.costs.is_empty() {
            let unit = self.unit;
            let metres = &matrices.distances;
            durations
                .iter()
                .enumerate()
                .map(|(i, row)| {
                    let cell = |(j, &d): (usize, &i64)| {
                        let m = metres.get(i).and_then(|row| row.0.get(j)).copied().unwrap_or(0);
                        if d < 0 || m < 0 { d.min(m) } else { price_of(d, m, parts, unit) }
                    };
                    Row(row.0.iter().enumerate().map(cell).collect())
                })
                .collect()
        } else {
            let unit = self.unit;
            matrices.costs.iter().map(|row| map(row, |c| c.saturating_mul(PARTS / unit))).collect()
        };
        if too_dear {
            self.fault(Fault::TooLarge, &format!("{path}.costs"), "", "0 to 10000000 each");
            return None;
        }
        self.rich.matrices.insert(name.clone(), Matrix { durations, distances });
        self.profiles.insert(name.clone(), of);
        Some(name)
    }
}

/// Applies `f` to what is neither a hole nor negative.
fn map(row: &Row, f: impl Fn(i64) -> i64) -> Row {
    let cell = |&v: &i64| match v {
        VROOM_HOLE => HOLE,
        v if v < 0 => v,
        v => f(v),
    };
    Row(row.0.iter().map(cell).collect())
}

fn price_of(seconds: i64, metres: i64, (per_hour, per_km): (i64, i64), unit: i64) -> i64 {
    let by_time = seconds.saturating_mul(per_hour.saturating_mul(5));
    by_time.saturating_add(metres.saturating_mul(per_km.saturating_mul(18))) / unit
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // `as` saturates; cells are below 2^53 or refused
fn scaled(seconds: i64, speed: f64) -> i64 {
    if (speed - 1.0).abs() < f64::EPSILON || seconds > RICH_CELL_MAX {
        return seconds;
    }
    (seconds as f64 / speed).round() as i64
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs().max(1) } else { gcd(b, a % b) }
}
