//! One run and what the checker says of it.

use serde::{Deserialize, Serialize};
use std::path::Path;
use xiangyun_solver::check::public::check;
use xiangyun_solver::io::convention::Convention;
use xiangyun_solver::io::instance::Instance;
use xiangyun_solver::io::read_instance;

/// A judged run; one JSON line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) solver: String,
    pub(crate) version: String,
    pub(crate) cpu: String,
    pub(crate) set: String,
    pub(crate) instance: String,
    pub(crate) convention: String,
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) iterations: u64,
    pub(crate) ok: bool,
    pub(crate) cost: f64,
    pub(crate) vehicles: usize,
    /// First violation, or what the peer said.
    #[serde(default)]
    pub(crate) note: String,
    /// Cost over time: seconds and the search's own cost.
    #[serde(default)]
    pub(crate) curve: Vec<(f64, f64)>,
}

/// Reads an instance of the folder.
pub(crate) fn instance(path: &Path) -> Result<Instance, String> {
    let name = path.display().to_string();
    let text = xiangyun_solver::io::read_text(path).map_err(|p| format!("{:?}", p.list()))?;
    read_instance(&text, &name, None).map_err(|p| format!("{:?}", p.list()))
}

/// An instance's name in the list of best-known values.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

/// Prices the routes; gives soundness, cost, vehicles and the first violation.
pub(crate) fn judge(
    instance: &Instance,
    routes: &[Vec<usize>],
    convention: Convention,
) -> (bool, f64, usize, String) {
    let report = check(instance, routes, convention);
    let note = report
        .violations
        .first()
        .map_or_else(String::new, |v| format!("{} {}: {}", v.code, v.place, v.found));
    (report.ok, report.cost, report.vehicles, note)
}

/// The processor's name.
pub(crate) fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or("unknown").to_owned()
}
