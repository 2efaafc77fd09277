//! Reasons are true and relaxations work: on problems made for one rule each, and on random ones where every change is
//! made in the file itself, solved again and judged by the independent checker.

use crate::random::{Dice, Rules, rich};
use xiangyun_solver::check::rich::check;
use xiangyun_solver::explain::{Change, Effort, Explanation, Reason, lock_prices, unassigned};
use xiangyun_solver::io::rich::RichFile;
use xiangyun_solver::io::rich::model::Rich;
use xiangyun_solver::io::rich::pose::pose;
use xiangyun_solver::locks::JobLock;
use xiangyun_solver::problem::*;
use xiangyun_solver::schedule::Breach;
use xiangyun_solver::{Budget, Locks, Solution, StepsOnly, solve};

/// Places on a line, 10 apart: 0 is the depot.
fn line(dimensions: &[&str], places: usize) -> ProblemBuilder {
    let mut b = ProblemBuilder::new(dimensions);
    let cells = (0..places * places).map(|c| 10 * (c / places).abs_diff(c % places) as i64).collect();
    b.profile(Matrix::shared(places, cells).expect("square"));
    b
}

fn explained(b: ProblemBuilder) -> (Problem, Solution, Vec<Explanation>) {
    let problem = b.build().unwrap_or_else(|f| panic!("{f:?}"));
    let plan = solve(&problem, None, &Locks::none(), &Budget::steps(200), &StepsOnly).solution;
    let why = unassigned(&problem, &plan, &Locks::none(), &Effort::default(), &StepsOnly);
    (problem, plan, why)
}

/// The one job left out, with the reasons of the first kind and the changes of the relaxations.
fn only(b: ProblemBuilder) -> (Vec<Reason>, bool, Vec<Vec<Change>>, Vec<i64>) {
    let (_, _, why) = explained(b);
    assert_eq!(why.len(), 1, "{why:?}");
    let first = &why[0].kinds[0];
    let changes = why[0].relaxations.iter().map(|r| r.changes.clone()).collect();
    (first.reasons.clone(), first.alone, changes, why[0].relaxations.iter().map(|r| r.costs).collect())
}

fn job(place: u32) -> Job {
    Job { delivery: vec![1], ..Job::at(PlaceId(place)) }
}

#[test]
fn a_window_that_closes_too_early() {
    let mut b = line(&["kg"], 4);
    b.vehicles(VehicleKind::at(PlaceId(0), 2, vec![10]));
    let late = b.job(Job { windows: vec![Window::new(0, 18)], ..job(3) });
    let (reasons, alone, changes, costs) = only(b);
    assert_eq!((reasons, alone), (vec![Reason::Rule(Breach::Late { job: late, by: 12 })], true));
    assert_eq!((changes, costs), (vec![vec![Change::WindowEnd { job: late, by: 12 }]], vec![60]));
}

#[test]
fn too_heavy_in_one_compartment() {
    let mut b = line(&["dry", "chilled"], 3);
    b.vehicles(VehicleKind::at(PlaceId(0), 1, vec![100, 20]));
    b.job(Job { delivery: vec![5, 60], ..job(1) });
    let (reasons, alone, changes, _) = only(b);
    assert_eq!((reasons, alone), (vec![Reason::Rule(Breach::Capacity { dimension: 1, excess: 40 })], true));
    assert_eq!(changes, [vec![Change::Capacity { kind: KindId(0), dimension: 1, by: 40 }]]);
}

#[test]
fn too_heavy_for_the_vehicle_and_the_vehicle_in_use() {
    let mut b = line(&["kg"], 4);
    b.vehicles(VehicleKind::at(PlaceId(0), 1, vec![100]));
    b.job(Job { delivery: vec![60], ..job(1) });
    let late = b.job(Job { delivery: vec![180], windows: vec![Window::new(0, 18)], ..job(3) });
    let (reasons, alone, changes, _) = only(b);
    let rule = Reason::Rule;
    let both =
        vec![rule(Breach::Capacity { dimension: 0, excess: 80 }), rule(Breach::Late { job: late, by: 12 })];
    assert_eq!((reasons, alone), (both, true));
    // With the other load aboard it takes 140 kg; with one more vehicle, 80.
    let window = Change::WindowEnd { job: late, by: 12 };
    let more = |by| Change::Capacity { kind: KindId(0), dimension: 0, by };
    assert!(changes.contains(&vec![window, more(140)]), "{changes:?}");
}

#[test]
fn every_vehicle_in_use_and_the_day_full() {
    let mut b = line(&["kg"], 4);
    b.vehicles(VehicleKind { max_stops: Some(2), ..VehicleKind::at(PlaceId(0), 1, vec![10]) });
    for place in [1, 2, 3] {
        b.job(job(place));
    }
    let (reasons, alone, changes, costs) = only(b);
    assert_eq!(reasons, [Reason::Rule(Breach::Stops { by: 1 }), Reason::AllInUse]);
    assert!(!alone);
    // One more stop is nearer than one more vehicle; both are said.
    assert!(changes.contains(&vec![Change::Stops { kind: KindId(0), by: 1 }]), "{changes:?}");
    assert!(changes.contains(&vec![Change::Vehicle { kind: KindId(0) }]), "{changes:?}");
    assert!(costs.is_sorted());
}

#[test]
fn a_second_trip_costs_more_than_the_prize() {
    let mut b = line(&["kg"], 4);
    let reload = Reload { place: PlaceId(0), loading: 5, window: Window::ALWAYS };
    let van = VehicleKind { max_trips: 2, reloads: vec![reload], ..VehicleKind::at(PlaceId(0), 1, vec![10]) };
    b.vehicles(van);
    b.job(Job { delivery: vec![10], ..job(1) });
    b.job(Job { delivery: vec![10], prize: Some(25), ..job(3) });
    let (_, _, why) = explained(b);
    assert_eq!(why[0].kinds[0].reasons, [Reason::Price { costs: 60, prize: 25 }]);
    assert_eq!(why[0].costs, Some(60)); // there and back once more, verified by the search
    assert!(why[0].relaxations.is_empty());
}

#[test]
fn skills_limits_trips_and_shifts() {
    let one = |change: &dyn Fn(&mut VehicleKind, &mut Job)| {
        let mut b = line(&["kg"], 4);
        let (mut van, mut visit) = (VehicleKind::at(PlaceId(0), 1, vec![10]), job(3));
        change(&mut van, &mut visit);
        b.vehicles(van);
        b.job(visit);
        only(b).2
    };
    let (kind, job) = (KindId(0), JobId(0));
    assert_eq!(one(&|_, j| j.skills = 4), [vec![Change::Skill { kind, job }]]);
    assert_eq!(one(&|v, _| v.max_distance = Some(50)), [vec![Change::Distance { kind, by: 10 }]]);
    assert_eq!(one(&|v, _| v.max_duration = Some(53)), [vec![Change::Duration { kind, by: 7 }]]);
    assert_eq!(one(&|v, _| v.shift = Window::new(0, 41)), [vec![Change::ShiftEnd { kind, by: 19 }]]);
    assert_eq!(one(&|_, j| j.max_on_board = Some(25)), [vec![Change::OnBoard { job, by: 5 }]]);
    // Two rules at once: both are needed, each by its least amount.
    let both = one(&|v, j| {
        v.max_distance = Some(50);
        j.delivery = vec![12];
    });
    let mut both = both[0].clone();
    both.sort();
    assert_eq!(both, [Change::Capacity { kind, dimension: 0, by: 2 }, Change::Distance { kind, by: 10 }]);
    // No amount of anything makes a way.
    let mut b = ProblemBuilder::new(&["kg"]);
    b.profile(Matrix::shared(2, vec![0, NO_WAY, 5, 0]).expect("square"));
    b.vehicles(VehicleKind::at(PlaceId(0), 1, vec![10]));
    b.job(self::job(1));
    let (reasons, alone, changes, _) = only(b);
    assert!(alone && changes.is_empty() && reasons.contains(&Reason::Rule(Breach::NoWay)), "{reasons:?}");
}

#[test]
fn a_lock_has_its_price() {
    let mut b = line(&["kg"], 5);
    b.vehicles(VehicleKind { fixed: 7, ..VehicleKind::at(PlaceId(0), 2, vec![10]) });
    let jobs: Vec<JobId> = [1, 2, 4].map(|place| b.job(job(place))).into();
    let problem = b.build().expect("sound");
    let visits = |list: &[usize]| list.iter().map(|&at| xiangyun_solver::Visit::Job(jobs[at])).collect();
    let route = |vehicle, list: &[usize]| xiangyun_solver::Route {
        vehicle: VehicleId(vehicle),
        visits: visits(list),
    };
    let plan = Solution::of(&problem, vec![route(0, &[1, 0]), route(1, &[2])]);
    let mut locks = Locks::none();
    locks.set(jobs[2], JobLock::FixedVehicle);
    locks.set(jobs[1], JobLock::FixedVehicle);
    locks.set(jobs[0], JobLock::FixedVehicle);
    let effort = Effort { steps: 500, ..Effort::default() };
    let prices = lock_prices(&problem, &plan, &locks, &effort, &StepsOnly);
    // All three on their vehicles: 7 + 40 and 7 + 80. Job 2 alone may join the others, job 1 the second: the
    // first saves a vehicle and its way; one of two jobs of the first vehicle saves less.
    let saves: Vec<i64> = prices.iter().map(|price| price.saves).collect();
    assert_eq!(prices.iter().map(|price| price.job).collect::<Vec<_>>(), jobs);
    assert_eq!(saves, [0, 20, 47]);
}

/// Makes a change in the file, apart from the library's own way of making it.
fn make(rich: &mut Rich, problem: &Problem, change: Change) {
    let names: Vec<String> = rich.visits().map(|job| job.id.clone()).collect();
    let entry = |kind: KindId| problem.kinds()[kind.index()].name.clone();
    let mut vehicle = |kind: KindId, change: &dyn Fn(&mut xiangyun_solver::io::rich::model::Vehicle)| {
        let name = entry(kind);
        change(rich.vehicles.iter_mut().find(|v| v.id == name).expect("an entry"));
    };
    let more = |limit: &mut Option<xiangyun_solver::io::rich::value::Int>, by: i64| {
        if let Some(limit) = limit {
            limit.0 += by;
        }
    };
    match change {
        Change::Capacity { kind, dimension, by } => vehicle(kind, &|v| {
            for layout in &mut v.layouts {
                layout[dimension].0 += by;
            }
        }),
        Change::ShiftEnd { kind, by } => vehicle(kind, &|v| v.shift.iter_mut().for_each(|s| s.1.0 += by)),
        Change::LoadingEnd { kind, by } => vehicle(kind, &|v| {
            v.shift.iter_mut().for_each(|s| s.1.0 += by);
            v.reloads.iter_mut().filter_map(|r| r.window.as_mut()).for_each(|w| w.1.0 += by);
        }),
        Change::Duration { kind, by } => vehicle(kind, &|v| more(&mut v.max_duration, by)),
        Change::Distance { kind, by } => vehicle(kind, &|v| more(&mut v.max_distance, by)),
        Change::Stops { kind, by } => vehicle(kind, &|v| more(&mut v.max_stops, by)),
        Change::Trip { kind } => vehicle(kind, &|v| v.max_trips.0 += 1),
        Change::Vehicle { kind } => vehicle(kind, &|v| v.count.0 += 1),
        Change::Skill { kind, .. } => vehicle(kind, &|v| v.skills.push("s".into())),
        Change::WindowEnd { job, by } => visit(rich, &names[job.index()], &|j| {
            j.windows.last_mut().expect("it has one").1.0 += by;
        }),
        Change::Mix { job } => visit(rich, &names[job.index()], &|j| j.goods.clear()),
        Change::OnBoard { job, by } => {
            visit(rich, &names[job.index()], &|j| more(&mut j.max_on_board, by));
            if let Role::PickupFor(other) | Role::DeliveryOf(other) = problem.jobs()[job.index()].role {
                visit(rich, &names[other.index()], &|j| more(&mut j.max_on_board, by));
            }
        }
    }
}

fn visit(rich: &mut Rich, id: &str, change: &dyn Fn(&mut xiangyun_solver::io::rich::model::Job)) {
    let shipments = rich.shipments.iter_mut().flat_map(|s| [&mut s.pickup, &mut s.delivery]);
    change(rich.jobs.iter_mut().chain(shipments).find(|j| j.id == id).expect("a visit"));
}

#[test]
fn every_relaxation_of_random_problems_works() {
    let (mut told, mut worked) = (0, 0);
    for seed in 0..300 {
        let mut dice = Dice(seed ^ 0x00c0_ffee);
        let file = RichFile { rich: rich(&mut dice, Rules { visits: 6, groups: false }), vroom: None };
        let posed = pose(&file.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
        let plan = solve(&posed.problem, None, &Locks::none(), &Budget::steps(80), &StepsOnly).solution;
        let effort = Effort { steps: 120, ..Effort::default() };
        let why = unassigned(&posed.problem, &plan, &Locks::none(), &effort, &StepsOnly);
        let left = plan
            .unassigned
            .iter()
            .filter(|j| !matches!(posed.problem.jobs()[j.index()].role, Role::DeliveryOf(_)));
        assert_eq!(why.iter().map(|w| w.job).collect::<Vec<_>>(), left.copied().collect::<Vec<_>>());
        for explanation in &why {
            told += 1;
            for kind in &explanation.kinds {
                assert!(!kind.reasons.is_empty(), "seed {seed}: {explanation:?}");
            }
            for relaxation in &explanation.relaxations {
                let mut changed = file.rich.clone();
                for &change in &relaxation.changes {
                    make(&mut changed, &posed.problem, change);
                }
                // What was served must be, and this visit; the rest may stay.
                for (at, id) in file.rich.visits().map(|j| j.id.clone()).enumerate() {
                    let job = JobId(at as u32);
                    let out = plan.unassigned.contains(&job)
                        && job != explanation.job
                        && Some(job) != explanation.partner;
                    visit(&mut changed, &id, &|j| {
                        j.prize = out.then_some(xiangyun_solver::io::rich::value::Int(0));
                    });
                }
                for shipment in &mut changed.shipments {
                    shipment.delivery.prize = None;
                }
                let changed = RichFile { rich: changed, vroom: None };
                let again = pose(&changed.rich).unwrap_or_else(|p| panic!("seed {seed}: {:?}", p.list()));
                let found = (1..=4).any(|seed| {
                    let budget = Budget::steps(1000).seed(seed);
                    let outcome = solve(&again.problem, None, &Locks::none(), &budget, &StepsOnly);
                    check(&changed, &again.routes(&outcome.solution)).report.ok
                });
                let json = || serde_json::to_string(&file.rich).expect("plain");
                assert!(
                    found,
                    "seed {seed}: {relaxation:?} does not let {:?} in\n{}",
                    explanation.job,
                    json()
                );
                worked += 1;
            }
        }
    }
    println!("{told} visits explained, {worked} relaxations made in the file and solved again");
    assert!(told > 100 && worked > 100, "{told} {worked}");
}
