//! Against exhaustive search: on small problems of mixed kinds the search finds the optimum.
//!
//! For every vehicle and every set of visits all orders (and all places of reloads) are priced by the independent
//! checker; the best partition follows by dynamic programming over sets. `XIANGYUN_ORACLE` sets the number of
//! problems.

use crate::random::{Dice, Rules, rich};
use xiangyun_solver::check::rich::check;
use xiangyun_solver::io::rich::RichFile;
use xiangyun_solver::io::rich::model::{Objective, Rich};
use xiangyun_solver::io::rich::pose::pose;
use xiangyun_solver::{Budget, Locks, StepsOnly, solve};

/// What ranks plans: visits missing that must be served, then vehicles if they come first, then cost.
type Rank = (usize, usize, i64);

struct Exhaustive<'a> {
    file: &'a RichFile,
    visits: usize,
    /// Vehicle to price next.
    vehicle: usize,
    vehicles: usize,
    /// Cheapest sound route of each set of visits.
    best: Vec<Option<i64>>,
    reloads: Vec<usize>,
}

impl Exhaustive<'_> {
    /// Prices every order of every set on this vehicle.
    fn extend(&mut self, route: &mut Vec<usize>, set: usize) {
        if set != 0 {
            self.price(route, set);
        }
        for number in 1..=self.visits {
            if set >> (number - 1) & 1 == 0 {
                route.push(number);
                self.extend(route, set | 1 << (number - 1));
                route.pop();
                if !route.is_empty() && set != 0 {
                    for at in 0..self.reloads.len() {
                        route.push(self.reloads[at]);
                        route.push(number);
                        self.extend(route, set | 1 << (number - 1));
                        route.truncate(route.len() - 2);
                    }
                }
            }
        }
    }

    fn price(&mut self, route: &[usize], set: usize) {
        let mut routes = vec![Vec::new(); self.vehicles];
        routes[self.vehicle] = route.to_vec();
        let found = check(self.file, &routes);
        if found.report.violations.iter().any(|v| v.code != "missing") {
            return;
        }
        let prizes: i64 =
            found.unassigned.iter().map(|&number| prize(&self.file.rich, number).unwrap_or(0)).sum();
        let cost = found.cost - prizes;
        if self.best[set].is_none_or(|best| cost < best) {
            self.best[set] = Some(cost);
        }
    }
}

/// Price of leaving a visit out; none if it must be served.
fn prize(rich: &Rich, number: usize) -> Option<i64> {
    match (number - 1).checked_sub(rich.jobs.len()) {
        None => rich.jobs[number - 1].prize.map(|p| p.0),
        Some(at) if at % 2 == 0 => rich.shipments[at / 2].pickup.prize.map(|p| p.0),
        Some(at) => rich.shipments[at / 2].pickup.prize.map(|_| 0),
    }
}

/// The best rank of all plans.
fn optimum(file: &RichFile) -> Rank {
    let rich = &file.rich;
    let visits = rich.visit_count();
    let sets = 1 << visits;
    let fleet: Vec<usize> =
        rich.vehicles.iter().enumerate().flat_map(|(at, v)| (0..v.count.0).map(move |_| at)).collect();
    let by_vehicles = rich.objective == Objective::VehiclesThenCost;
    let mut best: Vec<Option<(usize, i64)>> = vec![None; sets];
    best[0] = Some((0, 0));
    let mut routes: Option<(usize, Vec<Option<i64>>)> = None;
    for (vehicle, &kind) in fleet.iter().enumerate() {
        if routes.as_ref().is_none_or(|(of, _)| *of != kind) {
            let places = 0..rich.vehicles[kind].reloads.len();
            let reloads = if rich.vehicles[kind].max_trips.0 > 1 {
                places.map(|at| if at == 0 { 0 } else { visits + at }).collect()
            } else {
                Vec::new()
            };
            let mut all =
                Exhaustive { file, visits, vehicle, vehicles: fleet.len(), best: vec![None; sets], reloads };
            all.extend(&mut Vec::new(), 0);
            routes = Some((kind, all.best));
        }
        let (_, routes) = routes.as_ref().expect("set above");
        let before = best.clone();
        for set in 1..sets {
            // Every subset as this vehicle's route.
            let mut part = set;
            while part != 0 {
                if let (Some(cost), Some((vehicles, rest))) = (routes[part], before[set ^ part]) {
                    let rank = (if by_vehicles { vehicles + 1 } else { 0 }, rest + cost);
                    if best[set].is_none_or(|old| rank < old) {
                        best[set] = Some(rank);
                    }
                }
                part = (part - 1) & set;
            }
        }
    }
    let finish = |(set, plan): (usize, &Option<(usize, i64)>)| {
        let (vehicles, mut cost) = (*plan)?;
        let mut missing = 0;
        for number in (1..=visits).filter(|number| set >> (number - 1) & 1 == 0) {
            match prize(rich, number) {
                Some(price) => cost += price,
                None => missing += 1,
            }
        }
        Some((missing, vehicles, cost))
    };
    best.iter().enumerate().filter_map(finish).min().expect("the empty plan")
}

fn compare(seed: u64, file: &RichFile, steps: u64) -> Option<String> {
    let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
    let outcome = solve(&posed.problem, None, &Locks::none(), &Budget::steps(steps).seed(seed), &StepsOnly);
    let by_vehicles = file.rich.objective == Objective::VehiclesThenCost;
    let e = &outcome.evaluation;
    let found = (e.missing, if by_vehicles { e.vehicles } else { 0 }, e.cost.total());
    let best = optimum(file);
    let json = || serde_json::to_string(&file.rich).expect("plain");
    let routes = posed.routes(&outcome.solution);
    // The oracle is exhaustive: nothing can be better.
    assert!(
        found >= best,
        "seed {seed}: search {found:?} with {routes:?} beats the optimum {best:?}\n{}",
        json()
    );
    (found != best)
        .then(|| format!("seed {seed}: search {found:?} with {routes:?}, optimum {best:?}\n{}", json()))
}

fn report(what: &str, count: usize, missed: &[String]) {
    println!("{what}: {count} problems, the optimum found in {}", count - missed.len());
    assert!(missed.is_empty(), "{} of {count} missed; the first:\n{}", missed.len(), missed[0]);
}

#[test]
fn the_search_finds_every_small_optimum() {
    let count = std::env::var("XIANGYUN_ORACLE").ok().and_then(|n| n.parse().ok()).unwrap_or(300_u64);
    let mut missed = Vec::new();
    for seed in 0..count {
        let mut dice = Dice(seed.wrapping_mul(7919) + 5);
        // With reloads the orders multiply: fewer visits there.
        let mut rich_problem = rich(&mut dice, Rules { visits: 6, groups: false });
        if rich_problem.visit_count() > 5 {
            for vehicle in &mut rich_problem.vehicles {
                vehicle.reloads.truncate(1);
            }
        }
        missed.extend(compare(seed, &RichFile { rich: rich_problem, vroom: None }, 3_000));
    }
    report("up to six stops", count as usize, &missed);
}

#[test]
fn the_search_finds_optima_of_eight_stops() {
    let mut missed = Vec::new();
    for seed in 0..6 {
        let mut dice = Dice(seed + 1_000_003);
        let mut problem = rich(&mut dice, Rules { visits: 8, groups: false });
        while problem.visit_count() != 8 {
            problem = rich(&mut dice, Rules { visits: 8, groups: false });
        }
        problem.vehicles.truncate(2);
        for vehicle in &mut problem.vehicles {
            vehicle.reloads.clear();
            vehicle.max_trips.0 = 1;
        }
        missed.extend(compare(seed, &RichFile { rich: problem, vroom: None }, 5_000));
    }
    report("eight stops", 6, &missed);
}
