//! The public solver of baseline (e): PyVRP in a Python process, one problem at a time over its standard streams.

use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use xiangyun_solver::problem::{JobId, Matrix, VALUE_MAX, VehicleId};
use xiangyun_solver::{Problem, Route, Solution, Visit};

/// The program run by Python; a part of this binary, so that the command needs no checkout.
const SCRIPT: &str = include_str!("peer_pyvrp.py");
/// Names the Python that has PyVRP, where it is not the first of the path.
const PYTHON_VAR: &str = "XIANGYUN_PYTHON";
/// Seconds that the peer may search each problem.
const SECONDS: f64 = 3.0;

/// A Python with PyVRP.
pub(super) struct Peer {
    python: PathBuf,
    failure: RefCell<Option<String>>,
}

#[derive(Serialize)]
struct Asked {
    seconds: f64,
    places: Vec<u32>,
    jobs: Vec<AskedJob>,
    vehicles: Vec<AskedVehicle>,
}

#[derive(Serialize)]
struct AskedJob {
    place: usize,
    delivery: Vec<i64>,
    pickup: Vec<i64>,
    service: i64,
    window: (i64, i64),
    release: i64,
    prize: Option<i64>,
}

#[derive(Serialize)]
struct AskedVehicle {
    base: usize,
    distance: Vec<Vec<i64>>,
    duration: Vec<Vec<i64>>,
    /// Jobs that it may not serve.
    barred: Vec<usize>,
    capacity: Vec<i64>,
    shift: (i64, i64),
    loading: i64,
    fixed: i64,
    per_distance: i64,
    per_time: i64,
    max_distance: Option<i64>,
    max_trips: u32,
}

#[derive(Deserialize)]
struct Answer {
    routes: Vec<AnsweredRoute>,
}

#[derive(Deserialize)]
struct AnsweredRoute {
    vehicle: u32,
    trips: Vec<Vec<u32>>,
}

impl Peer {
    /// A Python that can import PyVRP, if there is one.
    pub(super) fn find() -> Option<Self> {
        let named = std::env::var_os(PYTHON_VAR).map(PathBuf::from);
        let usual = ["target/peers/bin/python", "python3"].map(PathBuf::from);
        let works = |python: &PathBuf| {
            let silent = Command::new(python)
                .args(["-c", "import pyvrp"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            silent.is_ok_and(|status| status.success())
        };
        let python = named.into_iter().chain(usual).find(works)?;
        Some(Self { python, failure: RefCell::new(None) })
    }

    /// What went wrong first, if anything did.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Solves a problem; `None` when the peer fails, which [`Peer::failure`] then tells.
    pub(super) fn solve(&self, problem: &Problem) -> Option<Solution> {
        match self.ask(problem) {
            Ok(solution) => Some(solution),
            Err(text) => {
                self.failure.borrow_mut().get_or_insert(text);
                None
            }
        }
    }

    fn ask(&self, problem: &Problem) -> Result<Solution, String> {
        let question = serde_json::to_vec(&asked(problem)).map_err(|err| err.to_string())?;
        let mut child = Command::new(&self.python)
            .args(["-c", SCRIPT])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|err| format!("{}: {err}", self.python.display()))?;
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        stdin.write_all(&question).map_err(|err| format!("PyVRP: {err}"))?;
        drop(stdin);
        let output = child.wait_with_output().map_err(|err| format!("PyVRP: {err}"))?;
        if !output.status.success() {
            return Err(format!("PyVRP: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let answer: Answer =
            serde_json::from_slice(&output.stdout).map_err(|err| format!("PyVRP's answer: {err}"))?;
        let routes = answer.routes.into_iter().map(|route| {
            let mut visits = Vec::new();
            for trip in route.trips {
                if !visits.is_empty() {
                    visits.push(Visit::Reload(0));
                }
                visits.extend(trip.into_iter().map(|job| Visit::Job(JobId(job))));
            }
            Route { vehicle: VehicleId(route.vehicle), visits }
        });
        Ok(Solution::of(problem, routes.collect()))
    }
}

/// The part of a problem that PyVRP can say: one window, one layout, no classes, rests or soft windows.
fn asked(problem: &Problem) -> Asked {
    let jobs = problem.jobs();
    let vehicles: Vec<VehicleId> = (0..problem.vehicles()).map(VehicleId).collect();
    let bases = vehicles.iter().filter_map(|&v| problem.vehicle(v).start).map(|p| p.0);
    let places: Vec<u32> =
        jobs.iter().map(|j| j.place.0).chain(bases).collect::<BTreeSet<u32>>().into_iter().collect();
    let at = |place: u32| places.binary_search(&place).unwrap_or(0);
    let table = |matrix: &Matrix, cell: fn(&Matrix, usize, usize) -> i64| -> Vec<Vec<i64>> {
        let row = |&from: &u32| places.iter().map(|&to| cell(matrix, from as usize, to as usize)).collect();
        places.iter().map(row).collect()
    };
    Asked {
        seconds: SECONDS,
        jobs: jobs
            .iter()
            .map(|job| {
                let widest = job.windows.iter().max_by_key(|w| w.to - w.from);
                AskedJob {
                    place: at(job.place.0),
                    delivery: job.delivery.clone(),
                    pickup: job.pickup.clone(),
                    service: job.service + job.setup,
                    window: widest.map_or((0, VALUE_MAX), |w| (w.from, w.to)),
                    release: job.release,
                    prize: job.prize,
                }
            })
            .collect(),
        vehicles: vehicles
            .iter()
            .map(|&v| {
                let (kind, matrix) = (problem.vehicle(v), problem.matrix_of(v));
                // The last layout is the one with every compartment.
                let capacity = kind.layouts.last().cloned().unwrap_or_default();
                let barred = |j: &usize| jobs[*j].skills & !kind.skills != 0;
                AskedVehicle {
                    base: kind.start.map_or(0, |p| at(p.0)),
                    distance: table(matrix, Matrix::distance),
                    duration: table(matrix, Matrix::duration),
                    barred: (0..jobs.len()).filter(barred).collect(),
                    capacity,
                    shift: (kind.shift.from, kind.shift.to),
                    loading: kind.loading,
                    fixed: kind.fixed,
                    per_distance: kind.per_distance,
                    per_time: kind.per_time,
                    max_distance: kind.max_distance,
                    max_trips: kind.max_trips,
                }
            })
            .collect(),
        places,
    }
}
