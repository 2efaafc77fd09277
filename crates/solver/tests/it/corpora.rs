//! The fuzz corpora, replayed: what the targets in `fuzz/` found once stays found.

#[path = "../../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../../fuzz/src/solver.rs"]
mod solver;

use replay::replay;

#[test]
fn texts() {
    replay("vrp_text", 10, solver::vrp_text);
}

#[test]
fn json() {
    replay("vrp_json", 10, solver::vrp_json);
}

#[test]
fn solutions() {
    replay("vrp_solution", 10, solver::vrp_solution);
}
