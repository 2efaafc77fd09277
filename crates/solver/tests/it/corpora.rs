//! The fuzz corpora, replayed: what the targets in `fuzz/` found once stays found.

#[path = "../../../../fuzz/src/solver.rs"]
mod solver;

/// Runs every file of a corpus through its check.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|err| panic!("{}: {err}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{}: only {} files", folder.display(), files.len());
    for file in files {
        check(&std::fs::read(&file).expect("readable"));
    }
}

#[test]
fn texts() {
    replay("vrp_text", solver::vrp_text);
}

#[test]
fn json() {
    replay("vrp_json", solver::vrp_json);
}

#[test]
fn solutions() {
    replay("vrp_solution", solver::vrp_solution);
}
