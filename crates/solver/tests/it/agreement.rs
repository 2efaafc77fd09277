//! The checker and the search's own evaluation never disagree, over many random small problems of mixed kinds; and
//! what the search returns is what the checker accepts.
//!
//! `XIANGYUN_AGREEMENT=100000` sets the number of problems (a smaller number by default).

use crate::random::{Dice, Rules, rich};
use xiangyun_solver::check::rich::check;
use xiangyun_solver::io::rich::RichFile;
use xiangyun_solver::io::rich::model::{Lock, Prefix};
use xiangyun_solver::io::rich::pose::{PosedRich, pose};
use xiangyun_solver::io::rich::solution;
use xiangyun_solver::io::rich::value::Int;
use xiangyun_solver::{Budget, Locks, Solution, StepsOnly, Visit, evaluate, solve};

fn cases(usual: u64) -> u64 {
    std::env::var("XIANGYUN_AGREEMENT").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// A random plan: jobs in random order on random vehicles, some left out, some reloads.
fn random_routes(dice: &mut Dice, posed: &PosedRich) -> Vec<Vec<usize>> {
    let problem = &posed.problem;
    let n = problem.jobs().len();
    let mut routes = vec![Vec::new(); problem.vehicles() as usize];
    let mut order: Vec<usize> = (1..=n).collect();
    for at in (1..n).rev() {
        order.swap(at, dice.within(0, at as i64) as usize);
    }
    let keep_order = dice.one_in(2);
    if keep_order {
        order.sort_unstable();
    }
    for number in order {
        if dice.one_in(8) {
            continue;
        }
        let vehicles = routes.len() as i64;
        let route = &mut routes[dice.within(0, vehicles - 1) as usize];
        if !route.is_empty() && dice.one_in(6) {
            route.push(0);
        }
        route.push(number);
    }
    for (k, route) in routes.iter_mut().enumerate() {
        let vehicle = xiangyun_solver::problem::VehicleId(k as u32);
        let reloads = problem.vehicle(vehicle).reloads.len();
        if reloads == 0 {
            route.retain(|&number| number != 0);
        }
        if reloads > 1 {
            for number in route.iter_mut().filter(|number| **number == 0) {
                if dice.one_in(2) {
                    *number = n + 1;
                }
            }
        }
    }
    routes
}

/// Both views of one plan: (cost, sound).
fn compare(seed: u64, file: &RichFile, posed: &PosedRich, plan: &Solution, told: &str) -> (i64, bool) {
    let evaluation = evaluate(&posed.problem, plan, &Locks::none());
    let routes = posed.routes(plan);
    let report = check(file, &routes);
    let text = || {
        let json = serde_json::to_string(&file.rich).expect("plain");
        format!("seed {seed}, {told}: {json}\nroutes {routes:?}\nchecker {report:?}\nsearch {evaluation:?}")
    };
    assert_eq!(report.report.ok, evaluation.is_complete(), "{}", text());
    if report.report.ok {
        assert_eq!(report.cost, evaluation.cost.total(), "{}", text());
    }
    (report.cost, report.report.ok)
}

#[test]
fn checker_and_evaluation_agree_on_random_plans() {
    let mut sound = 0;
    let cases = cases(100_000);
    for seed in 0..cases {
        let mut dice = Dice(seed);
        let file = RichFile { rich: rich(&mut dice, Rules { visits: 7, groups: true }), vroom: None };
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
        let plan = posed.solution(&random_routes(&mut dice, &posed));
        let (_, ok) = compare(seed, &file, &posed, &plan, "random plan");
        // Single visits are often sound, so that costs are compared often too.
        if let Some(route) = plan.routes.first() {
            let job = route.visits.iter().find(|v| matches!(v, Visit::Job(_))).copied();
            let alone = xiangyun_solver::Route { vehicle: route.vehicle, visits: job.into_iter().collect() };
            compare(seed, &file, &posed, &Solution::of(&posed.problem, vec![alone]), "one visit");
        }
        sound += u64::from(ok);
    }
    println!("{cases} random plans, {sound} of them sound, no disagreement");
    assert!(sound > cases / 100, "too few sound plans ({sound}) to say much");
}

#[test]
fn what_the_search_returns_the_checker_accepts() {
    let cases = cases(100_000) / 10;
    let mut complete = 0;
    for seed in 0..cases {
        let mut dice = Dice(seed ^ 0xabcd_ef01);
        let file = RichFile { rich: rich(&mut dice, Rules { visits: 7, groups: true }), vroom: None };
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
        let outcome = solve(&posed.problem, None, &Locks::none(), &Budget::steps(60).seed(seed), &StepsOnly);
        let again = evaluate(&posed.problem, &outcome.solution, &Locks::none());
        assert_eq!(again, outcome.evaluation, "seed {seed}");
        let report = check(&file, &posed.routes(&outcome.solution));
        // A plan may leave out what must be served if it cannot be; it breaks no other rule.
        let broken: Vec<_> = report.report.violations.iter().filter(|v| v.code != "missing").collect();
        assert!(
            broken.is_empty(),
            "seed {seed}: {broken:?}\n{}",
            serde_json::to_string(&file.rich).expect("plain")
        );
        assert_eq!(report.cost, outcome.evaluation.cost.total(), "seed {seed}");
        complete += u64::from(report.report.ok);
    }
    println!("{cases} searches, {complete} complete, every plan accepted");
    assert!(complete > cases / 4);
}

/// Days under way: the plan of a first search, some of its stops over, some visits fixed to vehicle or order.
fn under_way(seed: u64, dice: &mut Dice) -> Option<RichFile> {
    let mut file = RichFile { rich: rich(dice, Rules { visits: 7, groups: true }), vroom: None };
    let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
    let first = solve(&posed.problem, None, &Locks::none(), &Budget::steps(20).seed(seed), &StepsOnly);
    let routes = posed.routes(&first.solution);
    let checked = check(&file, &routes);
    file.rich.plan = solution::write(&file.rich, &routes, 0, &[]).routes;
    let visits: Vec<_> = file.rich.visits().cloned().collect();
    let which_of: Vec<(String, i64)> =
        file.rich.vehicles.iter().flat_map(|v| (1..=v.count.0).map(|which| (v.id.clone(), which))).collect();
    for (k, route) in routes.iter().enumerate().filter(|(_, route)| !route.is_empty()) {
        for &number in route.iter().filter(|&&number| (1..=visits.len()).contains(&number)) {
            match dice.within(0, 3) {
                0 => file.rich.locks.visits.insert(visits[number - 1].id.clone(), Lock::FixedVehicle),
                1 => file.rich.locks.visits.insert(visits[number - 1].id.clone(), Lock::FixedOrder),
                _ => None,
            };
        }
        if dice.one_in(2) {
            let stops = dice.within(0, route.len() as i64) as usize;
            let (vehicle, which) = which_of[k].clone();
            let last = stops.checked_sub(1).map(|at| (route[at], checked.times[k].stops[at]));
            let is_visit = |number: usize| (1..=visits.len()).contains(&number);
            let (place, time) = match last {
                Some((number, times)) if is_visit(number) => (visits[number - 1].place, times.end),
                _ => (dice.int(0, file.rich.places() as i64 - 1), checked.times[k].start + dice.within(0, 9)),
            };
            let departed = stops > 0 && last.is_some_and(|(number, _)| is_visit(number)) || dice.one_in(3);
            let (which, stops) = (Int(which), Int(stops as i64));
            file.rich.locks.prefixes.push(Prefix { vehicle, which, stops, place, time: Int(time), departed });
        }
    }
    (!file.rich.plan.is_empty()).then_some(file)
}

/// What the checker says beside what the search's own evaluation knows of: locks, and visits left out.
fn besides(code: &str) -> bool {
    code == "missing" || code.starts_with("locked")
}

#[test]
fn days_under_way_agree_and_keep_their_locks() {
    let cases = cases(100_000) / 10;
    let (mut compared, mut sound) = (0, 0);
    for seed in 0..cases {
        let mut dice = Dice(seed ^ 0x7777_1234);
        let Some(file) = under_way(seed, &mut dice) else { continue };
        let json = || serde_json::to_string(&file.rich).expect("plain");
        match xiangyun_solver::io::rich::read(&json(), "a.json") {
            Ok(read) => assert_eq!(read.rich, file.rich),
            // A place without a way is refused; what follows holds for it too.
            Err(p) => assert!(p.list().iter().all(|p| p.code == "V531"), "seed {seed}: {:?}", p.list()),
        }
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
        let budget = Budget::steps(30).seed(seed);
        let outcome = solve(&posed.problem, posed.start.as_ref(), &posed.locks, &budget, &StepsOnly);
        let routes = posed.routes(&outcome.solution);
        let report = check(&file, &routes);
        let codes: Vec<_> = report.report.violations.iter().map(|v| v.code).collect();
        let told = || format!("seed {seed}: {}\n{routes:?}\n{report:?}\n{:?}", json(), outcome.evaluation);
        assert!(!codes.iter().any(|code| code.starts_with("locked")), "{}", told());
        let broken = codes.iter().any(|code| !besides(code));
        assert_eq!(broken, !outcome.evaluation.breaches.is_empty(), "{}", told());
        let no_way = codes.contains(&"unreachable");
        assert!(no_way || report.cost == outcome.evaluation.cost.total(), "{}", told());
        sound += u64::from(!broken);
        compared += 1;
        // A plan shuffled behind its frozen part: evaluation and checker agree on it too.
        let mut shuffled = routes.clone();
        for (k, route) in shuffled.iter_mut().enumerate() {
            let vehicle = xiangyun_solver::problem::VehicleId(k as u32);
            let over = posed.locks.prefix(vehicle).map_or(0, |p| p.visits).min(route.len());
            if route.len() - over >= 2 {
                let at = over + dice.within(0, (route.len() - over) as i64 - 2) as usize;
                route.swap(at, at + 1);
            }
        }
        let plan = posed.solution(&shuffled);
        let evaluation = evaluate(&posed.problem, &plan, &posed.locks);
        let report = check(&file, &shuffled);
        let broken = report.report.violations.iter().any(|v| !besides(v.code));
        let told = || format!("seed {seed}: {}\n{shuffled:?}\n{report:?}\n{evaluation:?}", json());
        assert_eq!(broken, !evaluation.breaches.is_empty(), "{}", told());
        if !broken {
            assert_eq!(report.cost, evaluation.cost.total(), "{}", told());
        }
    }
    println!("{compared} days under way, {sound} sound, no disagreement, every lock kept");
    assert!(sound > cases / 4);
}
