//! What must hold for any text given to the solver's readers. Called by the fuzz targets with what they find and by
//! ordinary tests with the corpora.

use xiangyun_solver::check::{public, rich as rich_check};
use xiangyun_solver::io::convention::Convention;
use xiangyun_solver::io::rich::pose::pose as pose_rich;
use xiangyun_solver::io::rich::{self, RichFile, solution, vroom_out};
use xiangyun_solver::io::{self, pose, sol};
use xiangyun_solver::{Budget, Locks, StepsOnly, explain, solve};

/// Most jobs and vehicles of a problem that is searched too.
const SEARCHED_MAX: usize = 12;

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Reads an instance of any text format; what reads is posed under every convention, searched if it is small, and
/// what the search returns is accepted by the checker.
pub(crate) fn vrp_text(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let instance = match io::read_instance(text, "fuzz", None) {
        Ok(instance) => instance,
        Err(problems) => {
            assert!(!problems.list().is_empty(), "refused without a word");
            return;
        }
    };
    if instance.nodes.len() > 200 {
        return;
    }
    for convention in Convention::ALL {
        let Ok(posed) = pose::pose(&instance, convention) else { continue };
        let small = posed.problem.jobs().len() <= SEARCHED_MAX && posed.problem.vehicles() <= 64;
        if !small {
            continue;
        }
        let outcome = solve(&posed.problem, None, &Locks::none(), &Budget::steps(4), &StepsOnly);
        let routes = posed.routes(&outcome.solution);
        let report = public::check(&instance, &routes, convention);
        // What cannot be served is left out; no other rule is broken.
        let broken = report.violations.iter().find(|v| v.code != "missing" && v.code != "backhaul_only");
        assert!(broken.is_none() || !outcome.evaluation.breaches.is_empty(), "{convention}: {broken:?}");
        assert_eq!(posed.routes(&posed.solution(&routes)), routes);
    }
}

/// Reads a JSON problem, ours or VROOM's; what reads is written and read again, posed, searched and explained if it is
/// small, and accepted by the checker.
pub(crate) fn vrp_json(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(file) = rich::read(text, "fuzz.json") else { return };
    if file.vroom.is_none() {
        let again = serde_json::to_string(&file.rich).expect("plain");
        assert_eq!(rich::read(&again, "fuzz.json").expect("our own text").rich, file.rich);
    }
    let Ok(posed) = pose_rich(&file.rich) else { return };
    if posed.problem.jobs().len() > SEARCHED_MAX || posed.problem.vehicles() > 64 {
        return;
    }
    let budget = Budget::steps(4);
    let outcome = solve(&posed.problem, posed.start.as_ref(), &posed.locks, &budget, &StepsOnly);
    let routes = posed.routes(&outcome.solution);
    let report = rich_check::check(&file, &routes);
    let broken = report.report.violations.iter().find(|v| v.code != "missing");
    assert!(broken.is_none() || !outcome.evaluation.breaches.is_empty(), "{broken:?}");
    if broken.is_none() && file.vroom.is_none() {
        assert_eq!(report.cost, outcome.evaluation.cost.total());
    }
    answers(&file, &routes);
    if posed.problem.jobs().len() <= 5 && posed.problem.vehicles() <= 4 {
        let effort = explain::Effort { steps: 2, relaxations: 1, jobs: 2, seed: 1 };
        let _ = explain::unassigned(&posed.problem, &outcome.solution, &posed.locks, &effort, &StepsOnly);
    }
}

/// A plan written in either format reads as what it was.
fn answers(file: &RichFile, routes: &[Vec<usize>]) {
    let plan = solution::write(&file.rich, routes, 0, &[]);
    let text = serde_json::to_string(&plan).expect("plain");
    let read = solution::read(file, &text, "plan.json").expect("our own plan");
    assert_eq!(read.routes, routes);
    if let Some(names) = &file.vroom {
        let times = rich_check::check(file, routes).times;
        let answer = vroom_out::write(&file.rich, names, routes, &times);
        let text = serde_json::to_string(&answer).expect("plain");
        // Two entries of one id are one vehicle to VROOM's answers.
        let _ = solution::read(file, &text, "answer.json");
    }
}

/// Reads a solution of every format against problems that do not change; what reads is judged, and a warm start.
pub(crate) fn vrp_solution(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(solution) = sol::read(text, "fuzz.sol") {
        let written = sol::write(&solution.routes, "1");
        assert_eq!(sol::read(&written, "fuzz.sol").expect("our own text").routes, solution.routes);
        let instance = io::read_instance(TEXT, "t", None).expect("sound");
        for convention in [Convention::Dimacs, Convention::Hierarchical] {
            let _ = public::check(&instance, &solution.routes, convention);
        }
        let posed = pose::pose(&instance, Convention::Dimacs).expect("sound");
        start(&posed.problem, &posed.solution(&solution.routes));
    }
    for problem in [OURS, VROOM] {
        let file = rich::read(problem, "p.json").expect("sound");
        if let Ok(solution) = solution::read(&file, text, "fuzz.json") {
            let _ = rich_check::check(&file, &solution.routes);
            let posed = pose_rich(&file.rich).expect("sound");
            start(&posed.problem, &posed.solution(&solution.routes));
        }
    }
}

/// Any plan that names each job at most once may be begun from.
fn start(problem: &xiangyun_solver::Problem, plan: &xiangyun_solver::Solution) {
    let mut jobs: Vec<_> = plan.routes.iter().flat_map(xiangyun_solver::Route::jobs).collect();
    let all = jobs.len();
    jobs.sort_unstable();
    jobs.dedup();
    if jobs.len() == all {
        let outcome = solve(problem, Some(plan), &Locks::none(), &Budget::steps(2), &StepsOnly);
        assert!(outcome.evaluation.breaches.is_empty());
    }
}

const TEXT: &str = "t\n\nVEHICLE\nNUMBER CAPACITY\n 3 10\n\nCUSTOMER\nCUST NO. XCOORD.\n0 0 0 0 0 200 0\n1 3 4 6 0 150 1\n\
    2 6 8 6 0 150 1\n3 9 12 4 0 150 1\n4 0 5 2 10 150 1\n";

const OURS: &str = r#"{"format":"xiangyun-vrp","version":1,"dimensions":["kg"],
    "matrices":{"m":{"durations":[[0,3,5],[3,0,4],[5,4,0]]}},
    "jobs":[{"id":"a","place":1,"delivery":[2]},{"id":"b","place":2,"pickup":[3]}],
    "shipments":[{"pickup":{"id":"c","place":1,"pickup":[1]},"delivery":{"id":"d","place":2}}],
    "vehicles":[{"id":"v","count":2,"profile":"m","start":0,"end":0,"layouts":[[4]],"per_distance":1,"max_trips":2,
    "reloads":[{"place":0}]}]}"#;

const VROOM: &str = r#"{"vehicles":[{"id":1,"start_index":0,"end_index":0,"capacity":[4]},{"id":2,"start_index":0,"capacity":[4]}],
    "jobs":[{"id":1,"location_index":1,"delivery":[2]},{"id":2,"location_index":2,"pickup":[3]}],
    "shipments":[{"amount":[1],"pickup":{"id":3,"location_index":1},"delivery":{"id":4,"location_index":2}}],
    "matrices":{"car":{"durations":[[0,3,5],[3,0,4],[5,4,0]]}}}"#;
