//! Every rule of the model, as `docs/solver.md` shows it: modelled, searched and checked.

use xiangyun_solver::check::rich::check;
use xiangyun_solver::io::rich::pose::pose;
use xiangyun_solver::io::rich::{RichFile, read};
use xiangyun_solver::{Budget, StepsOnly, solve};

/// What a page says of one rule.
struct Example<'a> {
    title: &'a str,
    json: &'a str,
    plan: &'a str,
    cost: i64,
    refused: Option<(&'a str, &'a str)>,
}

/// The texts between backquotes.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

fn examples(page: &str) -> Vec<Example<'_>> {
    let mut list = Vec::new();
    for part in page.split("\n### ").skip(1) {
        let title = part.lines().next().expect("a title");
        let (_, rest) = part.split_once("```json\n").unwrap_or_else(|| panic!("{title}: no example"));
        let (json, rest) = rest.split_once("\n```").expect("a closed block");
        let said = rest.lines().find(|line| line.starts_with("Best plan")).expect("a best plan");
        let words = quoted(said);
        let refused = words.get(2).zip(words.get(3)).map(|(&plan, &code)| (plan, code));
        list.push(Example { title, json, plan: words[0], cost: words[1].parse().expect("a cost"), refused });
    }
    list
}

/// Numbers of a plan such as `v: a reload b; v#2: c`.
fn routes(file: &RichFile, plan: &str) -> Vec<Vec<usize>> {
    let fleet: Vec<(&str, i64)> = file
        .rich
        .vehicles
        .iter()
        .flat_map(|v| (1..=v.count.0).map(move |which| (v.id.as_str(), which)))
        .collect();
    let mut routes = vec![Vec::new(); fleet.len()];
    for route in plan.split("; ") {
        let (vehicle, stops) = route.split_once(": ").expect("vehicle: stops");
        let (id, which) = vehicle.split_once('#').unwrap_or((vehicle, "1"));
        let which = which.parse().expect("a number");
        let slot = fleet.iter().position(|&of| of == (id, which)).expect("a vehicle");
        let number = |stop: &str| match stop {
            "reload" => 0,
            id => file.rich.visits().position(|job| job.id == id).expect("a visit") + 1,
        };
        routes[slot] = stops.split(' ').map(number).collect();
    }
    routes
}

#[test]
fn every_rule_is_modelled_searched_and_checked() {
    let examples = examples(include_str!("../../../../docs/solver.md"));
    let mut wrong = Vec::new();
    for example in &examples {
        let file = read(example.json, "example.json")
            .unwrap_or_else(|p| panic!("{}: {:?}\n{}", example.title, p.list(), example.json));
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("{}: {:?}", example.title, p.list()));
        let outcome =
            solve(&posed.problem, posed.start.as_ref(), &posed.locks, &Budget::steps(500), &StepsOnly);
        let found = check(&file, &posed.routes(&outcome.solution));
        let shown = check(&file, &routes(&file, example.plan));
        for (what, report) in [("found", &found), ("shown", &shown)] {
            if !report.report.ok || report.cost != example.cost {
                wrong.push(format!("{}: {what} {report:?}", example.title));
            }
        }
        if let Some((plan, code)) = example.refused {
            let report = check(&file, &routes(&file, plan)).report;
            if !report.violations.iter().any(|v| v.code == code) {
                wrong.push(format!("{}: {plan} is not refused by {code}: {report:?}", example.title));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(examples.len() >= 25, "only {} rules shown", examples.len());
}
