//! Peers from public registries, through `benches/peers/peers.py`: one process a run, its processor time the clock.
//!
//! A peer gets the instance as plain integers (lengths rounded up at a scale that its number type holds) and answers
//! with routes; our checker judges them in the published measure.

use crate::Options;
use crate::judge::{Run, instance, judge, name_of, processor};
use crate::listing::{Mode, Row};
use crate::runs::{keep, load};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use xiangyun_solver::io::convention::{Convention, Kind};
use xiangyun_solver::io::instance::{AMOUNT_SCALE, Fleet, Instance, Pair, Vehicle};

/// The script and where its cache is kept.
const SCRIPT: &str = "benches/peers/peers.py";
const CACHE: &str = "benches/peers/cache.jsonl";

/// A plain instance for any language.
#[derive(Serialize)]
struct Plain {
    kind: &'static str,
    hierarchical: bool,
    depots: usize,
    distance: Vec<Vec<i64>>,
    duration: Option<Vec<Vec<i64>>>,
    nodes: Vec<PlainNode>,
    vehicles: Vec<PlainVehicle>,
}

#[derive(Serialize)]
struct PlainNode {
    x: f64,
    y: f64,
    delivery: i64,
    pickup: i64,
    ready: i64,
    due: Option<i64>,
    service: i64,
    release: i64,
    prize: Option<i64>,
    pickup_for: Option<usize>,
    amount: i64,
}

#[derive(Serialize)]
struct PlainVehicle {
    count: usize,
    first: usize,
    depot: usize,
    capacity: i64,
    fixed: i64,
    unit: i64,
    max_duration: Option<i64>,
    max_distance: Option<i64>,
    reload: bool,
}

#[derive(Deserialize)]
struct Version {
    peer: String,
    version: String,
    kinds: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    routes: Vec<Vec<usize>>,
    cpu_seconds: f64,
    #[serde(default)]
    iterations: u64,
    #[serde(default)]
    note: String,
}

/// Largest instance handed to a peer: beyond it the full matrix is too much for them.
const PEER_NODES_MAX: usize = 1_500;

/// Runs the peers once (seed 1) on every instance and budget of the rows that they can express.
pub(crate) fn all(options: &Options, rows: &[Row]) -> Result<Vec<Run>, String> {
    let python = std::env::var("XIANGYUN_PEERS_PYTHON").unwrap_or_else(|_| "target/peers/bin/python".into());
    let cpu = processor();
    let cache: Vec<Run> = load(Path::new(CACHE)).into_iter().filter(|run| run.cpu == cpu).collect();
    let peers = match versions(&python) {
        Ok(peers) => peers,
        Err(text) => {
            eprintln!(
                "peers do not run here ({text}); only cached answers of {} runs are shown",
                cache.len()
            );
            return Ok(cache);
        }
    };
    let mut kept = cache;
    let mut tasks: Vec<(&Row, &PathBuf, &Version)> = Vec::new();
    for row in rows {
        for file in &row.files {
            tasks.extend(peers.iter().map(|peer| (row, file, peer)));
        }
    }
    for (row, file, peer) in tasks {
        let same = |run: &Run| {
            run.solver == peer.peer
                && run.version == peer.version
                && run.instance == name_of(file)
                && (run.set.as_str(), run.convention.as_str(), run.seconds)
                    == (row.set, row.convention.name(), row.seconds)
        };
        let instance = instance(file)?;
        let able = peer.kinds.iter().any(|kind| kind == instance.kind.name());
        if kept.iter().any(same) || !able || instance.nodes.len() > PEER_NODES_MAX {
            continue;
        }
        let run = one(&python, options, row, file, &instance, peer, &cpu)?;
        eprintln!(
            "{} {} {}: {} with {} {}",
            row.name, run.solver, run.instance, run.cost, run.vehicles, run.note
        );
        keep(Path::new(CACHE), &run)?;
        kept.push(run);
    }
    let _ = Mode::Full;
    Ok(kept)
}

fn versions(python: &str) -> Result<Vec<Version>, String> {
    let output =
        Command::new(python).args([SCRIPT, "versions"]).output().map_err(|e| format!("{python}: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("failed").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
}

fn one(
    python: &str,
    options: &Options,
    row: &Row,
    file: &Path,
    instance: &Instance,
    peer: &Version,
    cpu: &str,
) -> Result<Run, String> {
    let plain = plain(instance, row.convention);
    let path = options.out.join(format!("peer-{}.json", std::process::id()));
    let text = serde_json::to_vec(&plain).map_err(|e| e.to_string())?;
    std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    let seconds = row.seconds.to_string();
    let output = Command::new(python)
        .args([SCRIPT, "solve", &peer.peer, &path.display().to_string(), &seconds])
        .output()
        .map_err(|e| format!("{python}: {e}"))?;
    let answer: Option<Answer> = serde_json::from_slice(&output.stdout).ok();
    let mut run = Run {
        solver: peer.peer.clone(),
        version: peer.version.clone(),
        cpu: cpu.into(),
        set: row.set.into(),
        instance: name_of(file),
        convention: row.convention.name().into(),
        seconds: row.seconds,
        seed: 1,
        cpu_seconds: 0.0,
        iterations: 0,
        ok: false,
        cost: 0.0,
        vehicles: 0,
        note: String::new(),
        curve: Vec::new(),
    };
    match answer {
        Some(answer) => {
            (run.cpu_seconds, run.iterations) = (answer.cpu_seconds, answer.iterations);
            let (ok, cost, vehicles, note) = judge(instance, &answer.routes, row.convention);
            (run.ok, run.cost, run.vehicles) = (ok, cost, vehicles);
            run.note = if note.is_empty() { answer.note } else { note };
        }
        None => {
            let err = String::from_utf8_lossy(&output.stderr);
            run.note = format!("no answer: {}", err.lines().last().unwrap_or(""));
        }
    }
    Ok(run)
}

/// Integers of a scale that 32 bits hold: tenths for `dimacs`, thousandths for the exact conventions.
#[allow(clippy::cast_possible_truncation)] // within the readers' bounds
fn plain(instance: &Instance, convention: Convention) -> Plain {
    let scale = match convention {
        Convention::Round | Convention::Jd => 1.0,
        Convention::Dimacs => 10.0,
        Convention::Exact | Convention::Hierarchical => 1000.0,
    };
    let up = |v: f64| (v * scale - 1e-6).ceil() as i64;
    let down = |v: f64| (v * scale + 1e-6).floor() as i64;
    let n = instance.nodes.len();
    let table = |f: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<i64>> {
        (0..n).map(|i| (0..n).map(|j| up(f(i, j))).collect()).collect()
    };
    let timed = instance.kind.has_time();
    let node = |node: &xiangyun_solver::io::instance::Node| {
        let (pickup_for, amount) = match node.pair {
            Some(Pair::PickupFor { delivery, amount }) => (Some(delivery), amount),
            _ => (None, 0),
        };
        PlainNode {
            x: node.x,
            y: node.y,
            delivery: node.delivery / (AMOUNT_SCALE / 10_000),
            pickup: node.pickup / (AMOUNT_SCALE / 10_000),
            ready: if timed { up(node.ready) } else { 0 },
            due: (timed && node.due.is_finite()).then(|| down(node.due)),
            service: up(node.service),
            release: up(node.release),
            prize: node.prize.is_finite().then(|| up(node.prize)),
            pickup_for,
            amount: amount / (AMOUNT_SCALE / 10_000),
        }
    };
    let explicit_time =
        matches!(instance.travel, xiangyun_solver::io::instance::Travel::Explicit { duration: Some(_), .. });
    Plain {
        kind: instance.kind.name(),
        hierarchical: convention == Convention::Hierarchical,
        depots: instance.depots,
        distance: table(&|i, j| instance.distance(i, j, convention)),
        duration: explicit_time.then(|| table(&|i, j| instance.duration(i, j, convention))),
        nodes: instance.nodes.iter().map(node).collect(),
        vehicles: vehicles(instance, convention, scale),
    }
}

#[allow(clippy::cast_possible_truncation)] // within the readers' bounds
fn vehicles(instance: &Instance, convention: Convention, scale: f64) -> Vec<PlainVehicle> {
    // JD prices are 14 thousandths a metre: money in thousandths there.
    let money = if instance.kind == Kind::Vrpspdtw && convention == Convention::Jd { 1000.0 } else { 1.0 };
    let one = |vehicle: &Vehicle, count: usize, first: usize| PlainVehicle {
        count,
        first,
        depot: vehicle.depot,
        capacity: vehicle.capacity / (AMOUNT_SCALE / 10_000),
        fixed: (vehicle.fixed_cost * scale * money).round() as i64,
        unit: (vehicle.unit_cost * money).round() as i64,
        max_duration: vehicle.duration_max.is_finite().then_some((vehicle.duration_max * scale) as i64),
        max_distance: vehicle.distance_max.is_finite().then_some((vehicle.distance_max * scale) as i64),
        reload: !vehicle.reload_at.is_empty(),
    };
    match &instance.fleet {
        Fleet::Alike(vehicle, count) => {
            vec![one(vehicle, count.unwrap_or(usize::MAX).min(instance.customers().len()), 0)]
        }
        Fleet::Listed(list) => {
            let mut kinds: Vec<PlainVehicle> = Vec::new();
            for (k, vehicle) in list.iter().enumerate() {
                match kinds.last_mut() {
                    Some(last) if k > 0 && list[k - 1] == *vehicle => last.count += 1,
                    _ => kinds.push(one(vehicle, 1, k)),
                }
            }
            kinds
        }
    }
}
