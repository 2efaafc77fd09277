//! A plan directory, whole or not at all: the plan, tables for people, the inputs it was made from, everything rendered.
//!
//! Nothing is published that the independent checker refuses.

use crate::check::{self, Violation};
use crate::county::Files;
use crate::inputs::{self, Inputs};
use crate::output::{MapData, Sources, render};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use thiserror::Error;
use xiangyun_model::order::Order;
use xiangyun_model::plan::{PLAN_SCHEMA, Plan};
use xiangyun_model::time::DayTime;

/// Why no plan directory was written.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The checker refuses the plan.
    #[error("the checker refuses the plan: {} violations, first {first}", .violations.len())]
    Refused {
        /// Everything broken.
        violations: Vec<Violation>,
        /// The first of them, in words.
        first: String,
    },
    /// The directory is there and holds something else than a plan.
    #[error("{0} exists and is no plan directory; name another")]
    Occupied(PathBuf),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// How a plan was made, for `inputs.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// Version of this software.
    pub version: String,
    /// Seed of the search.
    pub seed: u64,
    /// Iterations asked for, if they were the budget.
    pub steps: Option<u64>,
    /// Threads that searched.
    pub threads: usize,
    /// Whether the road network is made up.
    pub synthetic_roads: bool,
}

#[derive(Serialize)]
struct InputsDocument<'a> {
    #[serde(flatten)]
    made: &'a Made,
    plan: &'a str,
    files: Vec<FileRow>,
}

#[derive(Serialize)]
struct FileRow {
    name: String,
    bytes: usize,
    sha256: String,
}

/// Every file of a plan directory, by relative path.
#[must_use]
pub fn files(
    plan: &Plan,
    inputs: &Inputs,
    county_files: &Files,
    made: &Made,
    map: &MapData,
) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("plan.json".into(), json(plan)),
        ("plan.schema.json".into(), PLAN_SCHEMA.as_bytes().to_vec()),
        ("closing_state.json".into(), json(&plan.closing)),
        ("routes.csv".into(), routes(plan, inputs)),
        ("unassigned.csv".into(), unassigned(plan)),
    ];
    let kept = inputs::encode(
        county_files,
        inputs.orders.iter().map(|row| &row.record),
        &inputs.opening,
        &inputs.travel,
    );
    let rows = kept.iter().map(|(name, bytes)| FileRow {
        name: name.clone(),
        bytes: bytes.len(),
        sha256: Sha256::digest(bytes).iter().fold(String::new(), |mut hex, b| {
            let _ = write!(hex, "{b:02x}");
            hex
        }),
    });
    let document = InputsDocument { made, plan: &plan.id, files: rows.collect() };
    files.push(("inputs.json".into(), json(&document)));
    files.extend(kept.into_iter().map(|(name, bytes)| (format!("inputs/{name}"), bytes)));
    let orders: Vec<Order> = inputs.orders.iter().map(|row| row.order.clone()).collect();
    let sources = Sources::new(plan, &inputs.county, &orders, map);
    files.extend(render(&sources).into_iter().map(|file| (file.path, file.bytes)));
    files
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("our documents have text keys only");
    bytes.push(b'\n');
    bytes
}

/// Checks a plan and writes its directory: into a new one beside it, synced, then renamed.
///
/// # Errors
/// [`PublishError`]; the directory named is then as it was before.
pub fn publish(
    out: &Path,
    plan: &Plan,
    inputs: &Inputs,
    county_files: &Files,
    made: &Made,
    map: &MapData,
) -> Result<(), PublishError> {
    let verdict = check::check(plan, inputs);
    if !verdict.ok {
        let first = verdict
            .violations
            .first()
            .map_or_else(String::new, |v| format!("{} {}: {} (limit: {})", v.code, v.at, v.found, v.limit));
        return Err(PublishError::Refused { violations: verdict.violations, first });
    }
    write_whole(out, &files(plan, inputs, county_files, made, map))
}

/// Writes a directory so that it is there with every file or not at all.
///
/// # Errors
/// [`PublishError::Occupied`] and [`PublishError::Io`].
pub fn write_whole(out: &Path, files: &[(String, Vec<u8>)]) -> Result<(), PublishError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| PublishError::Io { path, source }
    };
    let old = out.exists();
    if old {
        let empty = std::fs::read_dir(out).map_err(io(out))?.next().is_none();
        if !empty && !out.join("plan.json").is_file() {
            return Err(PublishError::Occupied(out.to_path_buf()));
        }
    }
    let name = out.file_name().map_or_else(|| "plan".into(), |n| n.to_string_lossy().into_owned());
    let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(io(parent))?;
    let beside = |what: &str| parent.join(format!(".{name}.{what}.{}", std::process::id()));
    let (fresh, gone) = (beside("new"), beside("old"));
    let written = write_all(&fresh, files);
    if let Err(err) = written {
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(err);
    }
    if old {
        std::fs::rename(out, &gone).map_err(io(out))?;
    }
    if let Err(err) = std::fs::rename(&fresh, out) {
        if old {
            let _ = std::fs::rename(&gone, out);
        }
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(io(out)(err));
    }
    if old {
        let _ = std::fs::remove_dir_all(&gone);
    }
    // The name itself must survive a power cut too.
    if let Ok(dir) = std::fs::File::open(parent) {
        let _ = dir.sync_all();
    }
    Ok(())
}

fn write_all(dir: &Path, files: &[(String, Vec<u8>)]) -> Result<(), PublishError> {
    for (name, bytes) in files {
        let path = dir.join(name);
        let io = |source| PublishError::Io { path: path.clone(), source };
        let folder = path.parent().expect("a file in a directory");
        std::fs::create_dir_all(folder).map_err(io)?;
        let mut file = std::fs::File::create(&path).map_err(io)?;
        file.write_all(bytes).map_err(io)?;
        file.sync_all().map_err(io)?;
    }
    Ok(())
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect("writing to memory");
    for row in rows {
        writer.write_record(&row).expect("writing to memory, always the same number of cells");
    }
    writer.into_inner().expect("writing to memory")
}

/// One row a visit.
fn routes(plan: &Plan, inputs: &Inputs) -> Vec<u8> {
    let loads: std::collections::BTreeMap<&str, i64> =
        plan.loads.iter().map(|l| (l.id.as_str(), l.amount.pieces)).collect();
    let names: std::collections::BTreeMap<&str, &str> =
        inputs.county.sites.iter().map(|s| (s.id.as_str(), s.name_zh.as_str())).collect();
    let header = [
        "trip",
        "kind",
        "vehicle",
        "driver",
        "seq",
        "visit",
        "site",
        "name_zh",
        "arrive",
        "start",
        "finish",
        "depart",
        "leg_s",
        "leg_m",
        "dock",
        "pieces_off",
        "pieces_on",
        "loads_off",
        "loads_on",
    ];
    let rows = plan.trips.iter().flat_map(|trip| {
        let (loads, names) = (&loads, &names);
        trip.visits.iter().enumerate().map(move |(at, v)| {
            let pieces = |all: &[xiangyun_model::plan::Handling]| -> i64 {
                all.iter().filter_map(|h| loads.get(h.load.as_str())).sum()
            };
            let list = |all: &[xiangyun_model::plan::Handling]| {
                all.iter().map(|h| h.load.as_str()).collect::<Vec<_>>().join(" ")
            };
            vec![
                trip.id.clone(),
                word(&trip.kind),
                trip.vehicle.clone(),
                trip.driver.clone().unwrap_or_default(),
                (at + 1).to_string(),
                v.id.clone(),
                v.site.clone(),
                names.get(v.site.as_str()).copied().unwrap_or("").to_owned(),
                DayTime(v.arrive).to_string(),
                DayTime(v.start).to_string(),
                DayTime(v.finish).to_string(),
                DayTime(v.depart).to_string(),
                v.leg_s.to_string(),
                v.leg_m.to_string(),
                v.dock.map_or_else(String::new, |d| d.to_string()),
                pieces(&v.unload).to_string(),
                pieces(&v.load).to_string(),
                list(&v.unload),
                list(&v.load),
            ]
        })
    });
    table(&header, rows)
}

/// One row for an order left and a kind of vehicle.
fn unassigned(plan: &Plan) -> Vec<u8> {
    let dates: std::collections::BTreeMap<&str, String> =
        plan.deferrals.iter().map(|d| (d.order.as_str(), d.to.to_string())).collect();
    let header = [
        "order",
        "site",
        "vehicle_kind",
        "limit",
        "at",
        "needs",
        "has",
        "unit",
        "repair",
        "repair_subject",
        "repair_by",
        "repair_unit",
        "repair_cost_fen",
        "new_date",
    ];
    let rows = plan.unassigned.iter().flat_map(|row| {
        let date = dates.get(row.order.as_str()).cloned().unwrap_or_default();
        row.reasons.iter().map(move |reason| {
            vec![
                row.order.clone(),
                row.site.clone(),
                reason.vehicle_kind.clone(),
                word(&reason.limit),
                reason.at.clone(),
                reason.needs.to_string(),
                reason.has.to_string(),
                reason.unit.clone(),
                word(&row.repair.action),
                row.repair.subject.clone(),
                row.repair.by.to_string(),
                row.repair.unit.clone(),
                row.repair.cost_fen.to_string(),
                date.clone(),
            ]
        })
    });
    table(&header, rows)
}

/// The word that JSON has for a unit variant.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(path: &str, text: &str) -> (String, Vec<u8>) {
        (path.into(), text.as_bytes().to_vec())
    }

    fn place(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("xiangyun-publish-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_plan_replaces_a_plan_whole() {
        let root = place("replace");
        let dir = root.join("plan");
        write_whole(&dir, &[file("plan.json", "1"), file("manifests/T1.html", "a")]).unwrap();
        write_whole(&dir, &[file("plan.json", "2")]).unwrap();
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "2");
        assert!(!dir.join("manifests").exists(), "nothing of the former plan is left");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1, "no work in progress is left");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_is_no_plan_is_never_replaced() {
        let root = place("keep");
        fs::write(root.join("thesis.txt"), "precious").unwrap();
        assert!(matches!(write_whole(&root, &[file("plan.json", "1")]), Err(PublishError::Occupied(_))));
        assert!(root.join("thesis.txt").exists());
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_failure_half_way_leaves_the_former_plan() {
        let root = place("half");
        let dir = root.join("plan");
        write_whole(&dir, &[file("plan.json", "1")]).unwrap();
        // A file where a directory is needed stops the writing.
        let bad = [file("plan.json", "2"), file("x", "file"), file("x/y", "below a file")];
        assert!(matches!(write_whole(&dir, &bad), Err(PublishError::Io { .. })));
        assert_eq!(fs::read_to_string(dir.join("plan.json")).unwrap(), "1");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
        fs::remove_dir_all(root).unwrap();
    }
}
