//! Answers of the VROOM program (1.15, exploration level 5) to problems of ours: read, priced as VROOM prices them,
//! accepted by the checker, begun from, and never bettered by ours downwards.

use xiangyun_solver::check::rich::check;
use xiangyun_solver::io::rich::{pose::pose, read, solution, vroom_out};
use xiangyun_solver::{Budget, Locks, StepsOnly, evaluate, solve};

const ANSWERS: [(&str, &str, f64); 3] = [
    (include_str!("../data/vroom-1.json"), include_str!("../data/vroom-1.answer.json"), 1043.0),
    (include_str!("../data/vroom-2.json"), include_str!("../data/vroom-2.answer.json"), 1086.0),
    (include_str!("../data/vroom-3.json"), include_str!("../data/vroom-3.answer.json"), 935.0),
];

#[test]
fn answers_of_vroom_are_read_priced_accepted_and_begun_from() {
    for (problem, answer, cost) in ANSWERS {
        let file = read(problem, "problem.json").unwrap_or_else(|p| panic!("{:?}", p.list()));
        let theirs =
            solution::read(&file, answer, "answer.json").unwrap_or_else(|p| panic!("{:?}", p.list()));
        assert_eq!(theirs.cost, Some(cost));
        let report = check(&file, &theirs.routes);
        assert!(report.report.ok, "{report:?}");
        // VROOM rounds the cost of each arc to a whole number, ours are exact.
        assert!((report.report.cost - cost).abs() <= 5.0, "{} and {cost}", report.report.cost);
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("{:?}", p.list()));
        let start = posed.solution(&theirs.routes);
        let before = evaluate(&posed.problem, &start, &Locks::none());
        assert!(before.breaches.is_empty(), "{before:?}");
        let kept = solve(&posed.problem, Some(&start), &Locks::none(), &Budget::steps(0), &StepsOnly);
        assert_eq!(kept.evaluation.cost.total().min(before.cost.total()), kept.evaluation.cost.total());
        let ours = solve(&posed.problem, Some(&start), &Locks::none(), &Budget::steps(500), &StepsOnly);
        let routes = posed.routes(&ours.solution);
        let report = check(&file, &routes);
        assert!(report.report.ok && ours.evaluation.cost.total() <= before.cost.total(), "{report:?}");
        // Our answer in VROOM's words reads as what it was.
        let names = file.vroom.as_ref().expect("VROOM's");
        let text = serde_json::to_string(&vroom_out::write(&file.rich, names, &routes, &report.times))
            .expect("plain");
        assert_eq!(solution::read(&file, &text, "ours.json").expect("our own").routes, routes);
    }
}
