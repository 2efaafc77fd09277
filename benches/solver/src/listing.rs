//! Which instances run, under which convention and budget, and the mark that each row must reach.

use crate::judge::name_of;
use std::path::{Path, PathBuf};
use xiangyun_solver::io::convention::Convention;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Quick,
    Accept,
    Full,
    /// No rows: what must hold apart from plans.
    Marks,
}

impl Mode {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "quick" => Self::Quick,
            "accept" => Self::Accept,
            "full" => Self::Full,
            "marks" => Self::Marks,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Accept => "accept",
            Self::Full => "full",
            Self::Marks => "marks",
        }
    }

    fn seeds(self) -> u64 {
        if self == Self::Quick { 1 } else { 5 }
    }
}

/// One line of the table: a set of instances with a budget and what must hold.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) set: &'static str,
    pub(crate) convention: Convention,
    pub(crate) seconds: u64,
    pub(crate) seeds: u64,
    pub(crate) files: Vec<PathBuf>,
    /// Named, but not in the folder: not run, and said so in the table.
    pub(crate) missing: Vec<String>,
    pub(crate) mark: Mark,
}

/// What a row must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// Mean gap in percent.
    Mean(f64),
    /// The listed value in every run, within this many percent.
    Listed(f64),
    /// At most so many vehicles above the best known; where equal, the mean distance gap in percent.
    Fleet { more: usize, gap: f64 },
    /// Below every peer's cost on each instance.
    BestPeer,
    /// Mean gap below that of the best peer of each instance.
    PeersMean,
}

/// The rows: name, set, convention, seconds, mark, the files of `accept` and the one of `quick`.
type Line = (&'static str, &'static str, Convention, u64, Mark, &'static [&'static str]);

const LINES: &[Line] = &[
    (
        "SPD, Dethloff",
        "vrpspd",
        Convention::Exact,
        10,
        Mark::Listed(0.0001),
        &["DETHLOFF/CON3-0.vrpspd", "DETHLOFF/SCA8-2.vrpspd", "DETHLOFF/CON8-7.vrpspd"],
    ),
    (
        "SPD, larger",
        "vrpspd",
        Convention::Exact,
        10,
        Mark::Mean(0.1),
        &["SALHI/CMT2X.vrpspd", "SALHI/CMT11X.vrpspd", "GEHRING/RC1_2_1.vrpspd"],
    ),
    (
        "SPD with windows, JD",
        "vrpspdtw-jd",
        Convention::Jd,
        10,
        Mark::BestPeer,
        &["200_1.vrpsdptw", "200_4.vrpsdptw", "400_1.vrpsdptw"],
    ),
    (
        "CVRP X, 10 s",
        "cvrp-x",
        Convention::Round,
        10,
        Mark::Mean(0.6),
        &["X-n200-k36.vrp", "X-n502-k39.vrp", "X-n1001-k43.vrp"],
    ),
    (
        "CVRP X, 60 s",
        "cvrp-x",
        Convention::Round,
        60,
        Mark::Mean(0.3),
        &["X-n200-k36.vrp", "X-n502-k39.vrp", "X-n1001-k43.vrp"],
    ),
    ("CVRP Belgium", "cvrp-belgium", Convention::Round, 120, Mark::Mean(2.0), &["Ghent2.vrp"]),
    (
        "VRPTW dimacs, GH-1000, 10 s",
        "vrptw-gh1000-dimacs",
        Convention::Dimacs,
        10,
        Mark::Mean(3.0),
        &["C1_10_5.vrp", "R1_10_4.vrp", "RC2_10_6.vrp"],
    ),
    (
        "VRPTW dimacs, GH-1000, 60 s",
        "vrptw-gh1000-dimacs",
        Convention::Dimacs,
        60,
        Mark::Mean(1.5),
        &["C1_10_5.vrp", "R1_10_4.vrp", "RC2_10_6.vrp"],
    ),
    (
        "VRPTW dimacs, Solomon",
        "vrptw-solomon",
        Convention::Dimacs,
        10,
        Mark::Listed(0.001),
        &["R108.txt", "RC107.txt", "R202.txt"],
    ),
    (
        "VRPTW hierarchical, Solomon",
        "vrptw-solomon",
        Convention::Hierarchical,
        30,
        Mark::Fleet { more: 0, gap: 2.0 },
        &["RC207.txt", "R112.txt", "C104.txt"],
    ),
    (
        "VRPTW hierarchical, GH-200/400",
        "vrptw-homberger",
        Convention::Hierarchical,
        30,
        Mark::Fleet { more: 0, gap: 2.0 },
        &["400/rc2_4_4.txt", "400/r1_4_1.txt", "400/c1_4_2.txt"],
    ),
    (
        "PDPTW hierarchical, Li-Lim 100/200",
        "pdptw-lilim",
        Convention::Hierarchical,
        30,
        Mark::Fleet { more: 0, gap: 2.0 },
        &["100/lrc102.txt", "200/lr1_2_5.txt", "200/lrc2_2_1.txt"],
    ),
    (
        "PDPTW hierarchical, Li-Lim 600",
        "pdptw-lilim",
        Convention::Hierarchical,
        30,
        Mark::Fleet { more: 1, gap: 10.0 },
        &["600/lc1_6_5.txt"],
    ),
    (
        "HFVRP",
        "hfvrp",
        Convention::Exact,
        30,
        Mark::PeersMean,
        &["X181-HD.vrp", "X344-FSMD.vrp", "X701-HVRP.vrp"],
    ),
    ("MDVRPTW", "mdvrptw", Convention::Exact, 30, Mark::PeersMean, &["PR11A.vrp", "PR17B.vrp", "PR24A.vrp"]),
    (
        "VRPB",
        "vrpb",
        Convention::Round,
        30,
        Mark::PeersMean,
        &["X-n524-50-k125.vrp", "X-n749-66-k63.vrp", "X-n957-80-k70.vrp"],
    ),
    (
        "MTVRPTWR",
        "mtvrptwr",
        Convention::Dimacs,
        30,
        Mark::PeersMean,
        &["C201R0.5.vrp", "R207R0.75.vrp", "RC2_2_05R0.75.vrp"],
    ),
    (
        "PCVRPTW",
        "pcvrptw",
        Convention::Dimacs,
        30,
        Mark::PeersMean,
        &["C1_10_1.vrp", "R1_10_3.vrp", "RC2_10_6.vrp"],
    ),
];

/// Longest search of `quick`, so that it ends within five minutes.
const QUICK_SECONDS_MAX: u64 = 10;

/// The rows of a mode, with the files that exist; what is named and missing is kept by name.
pub(crate) fn rows(mode: Mode, instances: &Path) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for &(name, set, convention, seconds, mark, named) in LINES {
        let folder = instances.join(set);
        let mut files: Vec<PathBuf> = match mode {
            Mode::Quick => vec![folder.join(named[0])],
            Mode::Accept => named.iter().map(|file| folder.join(file)).collect(),
            Mode::Full => all(&folder, named)?,
            Mode::Marks => Vec::new(),
        };
        files.sort();
        let (files, missing): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(|f| f.is_file());
        let missing: Vec<String> = missing.iter().map(|file| name_of(file)).collect();
        for file in &missing {
            eprintln!("{name}: {file} is not in {} and is left out", folder.display());
        }
        if mode == Mode::Quick && seconds > QUICK_SECONDS_MAX && name.contains("60 s") {
            continue;
        }
        let seconds = if mode == Mode::Quick { seconds.min(QUICK_SECONDS_MAX) } else { seconds };
        rows.push(Row { name, set, convention, seconds, seeds: mode.seeds(), files, missing, mark });
    }
    Ok(rows)
}

/// Every instance in the folders that the named ones are from.
fn all(folder: &Path, named: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut folders: Vec<PathBuf> =
        named.iter().filter_map(|file| Some(folder.join(file).parent()?.to_path_buf())).collect();
    folders.sort();
    folders.dedup();
    let mut files = Vec::new();
    for folder in folders {
        let list = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for entry in list.flatten() {
            let path = entry.path();
            if path.is_file() && path.extension().is_some_and(|e| e != "sol") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

/// Best-known cost and routes of an instance under a convention.
pub(crate) fn best_known(
    instances: &Path,
) -> Result<Vec<(String, String, String, Option<usize>, f64)>, String> {
    let path = instances.join("bks.csv");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let line = |line: &str| {
        let c: Vec<&str> = line.splitn(6, ',').collect();
        Some((
            c[0].to_owned(),
            c[1].to_owned(),
            c[2].to_owned(),
            c.get(3)?.parse().ok(),
            c.get(4)?.parse().ok()?,
        ))
    };
    Ok(text.lines().skip(1).filter_map(line).collect())
}
