//! Every public instance of the folder reads, and every published solution prices to its listed cost.
//!
//! Needs `XIANGYUN_TESTDATA`; prints what it did, or that it did nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xiangyun_solver::check::public::check;
use xiangyun_solver::io::convention::{Convention, Kind};
use xiangyun_solver::io::{self, sol};
use xiangyun_solver::{Locks, evaluate};

/// The folder of instances, or none with a plain word on what is skipped.
fn folder(what: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("XIANGYUN_TESTDATA") else {
        println!("skipped {what}: XIANGYUN_TESTDATA is not set (0 files)");
        return None;
    };
    let folder = PathBuf::from(root).join("instances");
    folder.is_dir().then_some(folder)
}

fn walk(at: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(at).expect("a readable folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            walk(&entry, found);
        } else {
            found.push(entry);
        }
    }
}

/// The sets that this solver reads, with their kind and default convention.
const SETS: [(&str, Kind, Convention); 13] = [
    ("cvrp-x", Kind::Cvrp, Convention::Round),
    ("cvrp-belgium", Kind::Cvrp, Convention::Round),
    ("hfvrp", Kind::Hfvrp, Convention::Exact),
    ("mdvrptw", Kind::Mdvrptw, Convention::Exact),
    ("mtvrptwr", Kind::Mtvrptwr, Convention::Dimacs),
    ("pcvrptw", Kind::Pcvrptw, Convention::Dimacs),
    ("pdptw-lilim", Kind::Pdptw, Convention::Hierarchical),
    ("vrpb", Kind::Vrpb, Convention::Round),
    ("vrpspd", Kind::Vrpspd, Convention::Exact),
    ("vrpspdtw-jd", Kind::Vrpspdtw, Convention::Jd),
    ("vrptw-gh1000-dimacs", Kind::Vrptw, Convention::Dimacs),
    ("vrptw-homberger", Kind::Vrptw, Convention::Hierarchical),
    ("vrptw-solomon", Kind::Vrptw, Convention::Hierarchical),
];

#[test]
fn every_instance_reads() {
    let Some(folder) = folder("reading the public instances") else { return };
    let mut read = 0;
    for (set, kind, convention) in SETS {
        let mut files = Vec::new();
        walk(&folder.join(set), &mut files);
        files.retain(|f| f.extension().is_none_or(|e| e != "sol"));
        assert!(!files.is_empty(), "{set} is empty");
        for file in files {
            let text = io::read_text(&file).expect("readable");
            let instance = io::read_instance(&text, &file.display().to_string(), None)
                .unwrap_or_else(|p| panic!("{}: {:?}", file.display(), p.list()));
            assert_eq!(
                (instance.kind, instance.default_convention()),
                (kind, convention),
                "{}",
                file.display()
            );
            read += 1;
        }
    }
    println!("{read} instances read");
    assert!(read > 500, "only {read} instances");
}

/// What the folder's list says of each instance.
fn listed(folder: &Path) -> BTreeMap<(String, String), (Option<usize>, f64)> {
    let text = std::fs::read_to_string(folder.join("bks.csv")).expect("bks.csv");
    let mut list = BTreeMap::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.splitn(6, ',').collect();
        let cost = columns[4].parse().expect("a cost");
        list.insert((columns[0].to_owned(), columns[1].to_owned()), (columns[3].parse().ok(), cost));
    }
    list
}

#[test]
fn every_published_solution_prices_to_its_listed_cost() {
    let Some(folder) = folder("pricing the published solutions") else { return };
    let listed = listed(&folder);
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "sol")) {
        let set = file.parent().and_then(Path::file_name).expect("in a set").to_string_lossy().into_owned();
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let at = file.with_extension("vrp");
        let instance = io::read_instance(&io::read_text(&at).expect("readable"), &name, None)
            .unwrap_or_else(|p| panic!("{name}: {:?}", p.list()));
        let solution = sol::read(&io::read_text(file).expect("readable"), &name).expect("a solution");
        let report = check(&instance, &solution.routes, instance.default_convention());
        let (routes, cost) = listed[&(set.clone(), name.clone())];
        let file_cost = solution.cost.expect("published with a cost");
        // Lists that sum round(1000 d) compare within 1e-5; the rest at the printed precision.
        let (tolerance, units): (f64, &[f64]) = match instance.kind {
            Kind::Mdvrptw => (cost * 1e-5, &[1000.0]),
            Kind::Hfvrp => (cost * 1e-5, &[1.0, 100_000.0]),
            Kind::Mtvrptwr | Kind::Pcvrptw => (1e-6, &[10.0]),
            _ => (1e-6, &[1.0]),
        };
        let near_file = units.iter().any(|unit| (report.cost * unit - file_cost).abs() <= tolerance * unit);
        if !report.ok
            || (report.cost - cost).abs() > tolerance
            || !near_file
            || routes != Some(report.vehicles)
        {
            wrong.push(format!("{set}/{name}: {report:?}, listed {cost} with {routes:?}, file {file_cost}"));
        }
        *counts.entry(set).or_insert(0) += 1;
    }
    println!("priced {counts:?}");
    assert!(wrong.is_empty(), "{} of {:?}:\n{}", wrong.len(), counts, wrong.join("\n"));
    assert_eq!(counts.values().sum::<i32>(), 217);
}

#[test]
fn a_spoiled_solution_is_refused() {
    let Some(folder) = folder("spoiling the published solutions") else { return };
    for (set, name, codes) in [
        ("cvrp-x", "X-n1001-k43", ["missing", "twice", "capacity"]),
        ("vrptw-gh1000-dimacs", "C1_10_5", ["missing", "twice", "capacity"]),
        ("vrpb", "X-n561-50-k22", ["missing", "twice", "capacity"]),
    ] {
        let text = io::read_text(&folder.join(set).join(name).with_extension("vrp")).expect("readable");
        let instance = io::read_instance(&text, name, None).expect("sound");
        let text = io::read_text(&folder.join(set).join(name).with_extension("sol")).expect("readable");
        let routes = sol::read(&text, name).expect("a solution").routes;
        let mut dropped = routes.clone();
        dropped[0].pop();
        let mut doubled = routes.clone();
        let last = *routes[0].last().expect("a stop");
        doubled[1].push(last);
        let mut merged = routes.clone();
        let tail = merged.remove(1);
        merged[0].extend(tail);
        for (spoiled, code) in [dropped, doubled, merged].into_iter().zip(codes) {
            let report = check(&instance, &spoiled, instance.default_convention());
            assert!(
                !report.ok && report.violations.iter().any(|v| v.code == code),
                "{name} {code}: {report:?}"
            );
        }
    }
}

#[test]
fn every_published_solution_is_sound_as_posed() {
    let Some(folder) = folder("posing the published solutions") else { return };
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let mut posed_count = 0;
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "sol")) {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = io::read_text(&file.with_extension("vrp")).expect("readable");
        let instance = io::read_instance(&text, &name, None).expect("sound");
        let routes = sol::read(&io::read_text(file).expect("readable"), &name).expect("a solution").routes;
        let convention = instance.default_convention();
        let posed =
            io::pose::pose(&instance, convention).unwrap_or_else(|p| panic!("{name}: {:?}", p.list()));
        let plan = posed.solution(&routes);
        let back: Vec<_> = posed.routes(&plan).into_iter().filter(|r| !r.is_empty()).collect();
        let given: Vec<_> = routes.into_iter().filter(|r| !r.is_empty()).collect();
        assert_eq!(back, given, "{name}");
        let evaluation = evaluate(&posed.problem, &plan, &Locks::none());
        assert!(evaluation.is_complete(), "{name}: {:?}", evaluation.breaches);
        posed_count += 1;
    }
    println!("{posed_count} published solutions posed");
    assert_eq!(posed_count, 217);
}
