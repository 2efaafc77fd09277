//! The search against the exact schedule, over random problems of mixed kinds.

use super::rng::Rng;
use super::*;
use crate::control::StepsOnly;
use crate::problem::*;
use crate::solution::{Route, Visit};

/// A random problem with a random choice of rules.
pub(crate) fn random(seed: u64, jobs: usize) -> Problem {
    let mut rng = Rng::new(seed);
    let dims = [1, 1, 2, 3][rng.below(4)];
    let names = ["kg", "dm3", "pieces"];
    let mut b = ProblemBuilder::new(&names[..dims]);
    let places = 2 + rng.below(jobs + 2);
    let flag = |rng: &mut Rng, of: usize| rng.below(of) == 0;
    let table = |rng: &mut Rng, apart: bool| {
        let at: Vec<(f64, f64)> = (0..places).map(|_| (rng.unit() * 100.0, rng.unit() * 100.0)).collect();
        let cell = |i: usize, j: usize| {
            let (dx, dy): (f64, f64) = (at[i].0 - at[j].0, at[i].1 - at[j].1);
            (dx * dx + dy * dy).sqrt().ceil() as i64
        };
        let d: Vec<i64> = (0..places * places).map(|c| cell(c / places, c % places)).collect();
        if !apart {
            return Matrix::shared(places, d).expect("square");
        }
        let t = d.iter().map(|&v| if v == 0 { 0 } else { v + 7 }).collect();
        Matrix::dense(places, d, t).expect("square")
    };
    let rich = !flag(&mut rng, 3);
    let profiles = if rich { 1 + rng.below(2) } else { 1 };
    for _ in 0..profiles {
        let apart = flag(&mut rng, 2);
        let matrix = table(&mut rng, apart);
        b.profile(matrix);
    }
    if rich && flag(&mut rng, 4) {
        b.backhaul(Backhaul::LinehaulFirst);
    }
    b.incompatible(0, 1);
    let groups = [b.group(30), b.group(55)];
    let kinds = 1 + rng.below(3);
    for k in 0..kinds {
        let start = PlaceId(rng.below(places) as u32);
        let mut v = VehicleKind::at(
            start,
            1 + rng.below(3) as u32,
            (0..dims).map(|_| 8 + rng.below(20) as i64).collect(),
        );
        v.profile = ProfileId(rng.below(profiles) as u32);
        v.fixed = rng.below(100) as i64;
        v.per_distance = 1 + rng.below(3) as i64;
        if flag(&mut rng, 2) {
            v.shift = Window::new(rng.below(50) as i64, 300 + rng.below(500) as i64);
        }
        if rich {
            if flag(&mut rng, 4) {
                v.end = None;
            } else if flag(&mut rng, 4) {
                v.start = None;
            } else if flag(&mut rng, 4) {
                v.end = Some(PlaceId(rng.below(places) as u32));
            }
            v.loading = rng.below(10) as i64;
            v.per_time = rng.below(3) as i64;
            if flag(&mut rng, 3) {
                v.overtime_after = 150;
                v.overtime_price = 2;
            }
            if flag(&mut rng, 5) {
                v.max_duration = Some(200 + rng.below(200) as i64);
            }
            if flag(&mut rng, 5) {
                v.max_distance = Some(200 + rng.below(300) as i64);
            }
            if flag(&mut rng, 5) {
                v.max_stops = Some(1 + rng.below(6) as u32);
            }
            if flag(&mut rng, 2) {
                v.max_trips = 1 + rng.below(3) as u32;
                for _ in 0..1 + rng.below(2) {
                    let from = rng.below(60) as i64;
                    v.reloads.push(Reload {
                        place: if flag(&mut rng, 2) { start } else { PlaceId(rng.below(places) as u32) },
                        loading: rng.below(20) as i64,
                        window: Window::new(from, from + 300 + rng.below(600) as i64),
                    });
                }
            }
            if flag(&mut rng, 4) {
                v.layouts.push((0..dims).map(|_| 8 + rng.below(20) as i64).collect());
            }
            if flag(&mut rng, 5) {
                v.driving = Some(DrivingRule { max_driving: 60 + rng.below(60) as i64, rest: 15 });
            }
            if flag(&mut rng, 6) {
                v.breaks.push(ClockBreak { window: Window::new(60, 160), duration: 20 });
            }
            if flag(&mut rng, 4) {
                let measure = [Measure::Duration, Measure::Distance, Measure::Stops][rng.below(3)];
                v.balance = Some(Balance { measure, target: 2 + rng.below(100) as i64, price: 3 });
            }
            v.skills = (1 << rng.below(2)) | (u128::from(k == 0) * 3);
        }
        b.vehicles(v);
    }
    let mut left = jobs;
    while left > 0 {
        let make = |rng: &mut Rng| {
            let mut j = Job::at(PlaceId(rng.below(places) as u32));
            j.service = rng.below(12) as i64;
            if flag(rng, 3) {
                let from = rng.below(200) as i64;
                j.windows.push(Window::new(from, from + 20 + rng.below(250) as i64));
            }
            if rich {
                if flag(rng, 3) {
                    j.setup = 1 + rng.below(5) as i64;
                }
                if flag(rng, 8) && !j.windows.is_empty() {
                    let from = j.windows[0].to + 20;
                    j.windows.push(Window::new(from, from + 60));
                }
                if flag(rng, 8) {
                    j.soft = Some(SoftWindow { window: Window::new(80, 120), early_price: 1, late_price: 2 });
                }
                if flag(rng, 4) {
                    j.skills = 1 << rng.below(2);
                }
                if flag(rng, 4) {
                    j.classes = 1 << rng.below(2);
                }
                if flag(rng, 4) {
                    j.release = rng.below(150) as i64;
                }
                if flag(rng, 4) {
                    j.group = Some(groups[rng.below(2)]);
                }
                if flag(rng, 5) {
                    j.prefer = Some(Preference { vehicles: vec![VehicleId(0)], price: 20 });
                }
                if flag(rng, 8) {
                    j.max_on_board = Some(80 + rng.below(100) as i64);
                }
            }
            j
        };
        let load = |rng: &mut Rng| (0..dims).map(|_| rng.below(7) as i64).collect::<Vec<_>>();
        if left >= 2 && flag(&mut rng, 5) {
            let (mut from, mut to) = (make(&mut rng), make(&mut rng));
            from.pickup = load(&mut rng);
            to.group = from.group;
            if flag(&mut rng, 4) {
                from.prize = Some(rng.below(200) as i64);
            }
            b.shipment(from, to);
            left -= 2;
        } else {
            let mut j = make(&mut rng);
            match rng.below(3) {
                0 => j.delivery = load(&mut rng),
                1 => j.pickup = load(&mut rng),
                _ => (j.delivery, j.pickup) = (load(&mut rng), load(&mut rng)),
            }
            if flag(&mut rng, 4) {
                j.prize = Some(rng.below(200) as i64);
            }
            b.job(j);
            left -= 1;
        }
    }
    b.build().expect("the generator makes sound problems")
}

/// What the search says of its best plan is what the schedule says.
#[test]
fn search_and_schedule_agree_on_random_problems() {
    for seed in 0..3000 {
        let problem = random(seed, 2 + seed as usize % 14);
        let outcome = solve(&problem, None, &Locks::none(), &Budget::steps(60).seed(seed), &StepsOnly);
        let e = &outcome.evaluation;
        assert_eq!(e.breaches, [], "seed {seed}: {:?}", outcome.solution);
        let last = outcome.history.last().expect("at least the first plan");
        assert_eq!(
            (last.cost, last.missing),
            (e.cost.total(), e.missing),
            "seed {seed}: {:?}",
            outcome.solution
        );
    }
}

/// The same where the quick kernel has limits of way and day.
#[test]
fn limits_of_the_quick_kernel_are_those_of_the_schedule() {
    let mut tried = 0;
    for seed in 20_000..24_000 {
        let mut problem = random(seed, 3 + seed as usize % 12);
        let mut rng = Rng::new(seed ^ 5);
        for kind in &mut problem.kinds {
            kind.max_distance = (rng.below(3) > 0).then(|| 150 + rng.below(250) as i64);
            kind.max_duration = (rng.below(3) > 0).then(|| 150 + rng.below(250) as i64);
        }
        if !lean::suits(&problem) {
            continue;
        }
        tried += 1;
        let outcome = solve(&problem, None, &Locks::none(), &Budget::steps(200).seed(seed), &StepsOnly);
        let e = &outcome.evaluation;
        assert_eq!(e.breaches, [], "seed {seed}: {:?}", outcome.solution);
        let last = outcome.history.last().expect("at least the first plan");
        assert_eq!((last.cost, last.missing), (e.cost.total(), e.missing), "seed {seed}");
    }
    assert!(tried > 100, "{tried} problems");
}

/// The genetic search evaluates each of its moves as the whole route then costs (asserted where assertions are on), and
/// its plans as the schedule does, with limits, both ways of goods, several kinds and ends.
#[test]
fn crossed_plans_keep_the_rules() {
    let mut tried = 0;
    for seed in 30_000..42_000 {
        let jobs = 9 + seed as usize % 12;
        let mut problem = random(seed, jobs);
        let mut rng = Rng::new(seed ^ 11);
        // Every third with jobs that may be left out.
        for job in problem.jobs.iter_mut().filter(|_| seed % 3 > 0) {
            job.prize = None;
        }
        for kind in &mut problem.kinds {
            kind.layouts[0][0] += 30;
            kind.max_distance = (rng.below(4) == 0).then(|| 300 + rng.below(250) as i64);
            kind.max_duration = (rng.below(4) == 0).then(|| 300 + rng.below(250) as i64);
        }
        let locks = Locks::none();
        if breed::of(&Net::new(&problem, None, &locks), 0).is_none() {
            continue;
        }
        let budget = Budget::steps(1000 * jobs as u64).seed(seed);
        let outcome = solve(&problem, None, &locks, &budget, &StepsOnly);
        let e = &outcome.evaluation;
        assert_eq!(e.breaches, [], "seed {seed}: {:?}", outcome.solution);
        let last = outcome.history.last().expect("at least the first plan");
        assert_eq!((last.cost, last.missing), (e.cost.total(), e.missing), "seed {seed}");
        tried += usize::from(e.missing == 0);
    }
    assert!(tried > 80, "{tried} problems");
}

/// Every kind of iteration on plans large enough for all of them: what it says it changed is what the schedule
/// says (each move also compares the two where assertions are on).
#[test]
fn every_kind_of_iteration_agrees_with_the_schedule() {
    for seed in 0..16 {
        let problem = random(seed, 60);
        for threads in [1, 2] {
            let budget = Budget::steps(1500).seed(seed).threads(threads);
            let outcome = solve(&problem, None, &Locks::none(), &budget, &StepsOnly);
            let e = &outcome.evaluation;
            assert_eq!(e.breaches, [], "seed {seed}");
            let last = outcome.history.last().expect("at least the first plan");
            assert_eq!((last.cost, last.missing), (e.cost.total(), e.missing), "seed {seed}");
        }
    }
}

/// Where single changes are followed instead of whole routes, they add up to what the schedule says, from the first plan
/// by savings on and through what was undone; with and without a limit of the way.
#[test]
fn single_changes_add_up() {
    struct Last(std::sync::Mutex<(i64, usize)>);
    impl Control for Last {
        fn elapsed(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn improved(&self, progress: &Progress) {
            *self.0.lock().expect("one thread") = (progress.cost, progress.missing);
        }
    }
    // Ways of the last two are computed, not stored; the last is cooled and looks around as very many jobs are.
    let few = [(600, Rounding::Nearest); 4];
    for (seed, (jobs, rounding)) in
        (0u64..).zip(few.into_iter().chain([(2000, Rounding::Up), (5500, Rounding::Down)]))
    {
        let mut rng = Rng::new(seed);
        let points: Vec<(f64, f64)> = (0..=jobs).map(|_| (rng.unit() * 900.0, rng.unit() * 900.0)).collect();
        let mut b = ProblemBuilder::new(&["kg"]);
        b.profile(Matrix::plane(points, 1.0, rounding));
        let mut kind = VehicleKind::at(PlaceId(0), jobs / 3, vec![90]);
        kind.fixed = 20 * (seed as i64 % 2);
        kind.max_distance = [2, 3].contains(&seed).then_some(3000);
        b.vehicles(kind);
        for place in 1..=jobs {
            b.job(Job { delivery: vec![1 + rng.below(9) as i64], ..Job::at(PlaceId(place)) });
        }
        let problem = b.build().expect("a sound problem");
        let last = Last(std::sync::Mutex::new((0, 0)));
        let outcome = solve(&problem, None, &Locks::none(), &Budget::steps(6000).seed(seed), &last);
        assert_eq!(outcome.evaluation.breaches, [], "seed {seed}");
        let said = *last.0.lock().expect("one thread");
        assert_eq!(said, (outcome.evaluation.cost.total(), 0), "seed {seed}");
    }
}

/// A plan that the search made is a start that it takes over unchanged.
#[test]
fn own_plans_are_valid_starts() {
    for seed in 0..600 {
        let problem = random(seed, 2 + seed as usize % 14);
        let first = solve(&problem, None, &Locks::none(), &Budget::steps(40).seed(seed), &StepsOnly);
        let again =
            solve(&problem, Some(&first.solution), &Locks::none(), &Budget::steps(0).seed(seed), &StepsOnly);
        let (a, b) = (&first.evaluation, &again.evaluation);
        assert!(
            (b.missing, b.cost.total()) <= (a.missing, a.cost.total()),
            "seed {seed}: {a:?} became {b:?}\n{:?}\n{:?}",
            first.solution,
            again.solution
        );
    }
}

/// Locks keep what they name.
#[test]
fn locked_jobs_stay() {
    use crate::locks::{JobLock, Prefix};
    for seed in 0..600 {
        let problem = random(seed, 3 + seed as usize % 12);
        let first = solve(&problem, None, &Locks::none(), &Budget::steps(30).seed(seed), &StepsOnly).solution;
        let mut rng = Rng::new(seed ^ 77);
        let mut locks = Locks::none();
        for route in &first.routes {
            for job in route.jobs() {
                locks.set(job, [JobLock::Free, JobLock::FixedVehicle, JobLock::FixedOrder][rng.below(3)]);
            }
            if rng.below(3) == 0 {
                let visits = 1 + rng.below(route.visits.len());
                let mut scheduler = crate::schedule::Scheduler::default();
                let report = scheduler.route(&problem, route.vehicle, &route.visits, None);
                let done = route.visits[..visits].iter().filter(|v| matches!(v, Visit::Job(_))).count();
                let jobs = report.events.iter().filter(|e| matches!(e.what, crate::schedule::What::Job(_)));
                let Some(at) = jobs.take(done.max(1)).last() else { continue };
                let Some(place) = at.place else { continue };
                if matches!(route.visits[visits - 1], Visit::Reload(_)) {
                    continue;
                }
                let (vehicle, time) = (route.vehicle, at.end());
                locks.prefixes.push(Prefix { vehicle, visits, place, time, departed: true });
            }
        }
        let again = solve(&problem, Some(&first), &locks, &Budget::steps(60).seed(seed), &StepsOnly);
        for route in &first.routes {
            let now = again.solution.route(route.vehicle).map(|r| r.visits.as_slice()).unwrap_or_default();
            if let Some(prefix) = locks.prefix(route.vehicle) {
                assert_eq!(now[..prefix.visits], route.visits[..prefix.visits], "seed {seed}");
            }
            let fixed = |r: &[Visit]| -> Vec<Visit> {
                let keep = |v: &&Visit| matches!(v, Visit::Job(j) if locks.of(*j) == JobLock::FixedOrder);
                r.iter().filter(keep).copied().collect()
            };
            assert_eq!(fixed(now), fixed(&route.visits), "seed {seed}");
        }
        for route in &again.solution.routes {
            for job in route.jobs().filter(|&j| locks.of(j) == JobLock::FixedVehicle) {
                let was = first.routes.iter().find(|r| r.jobs().any(|j| j == job)).map(|r| r.vehicle);
                assert!(was.is_none_or(|v| v == route.vehicle), "seed {seed}: {job:?}");
            }
        }
        let _: Option<&Route> = again.solution.routes.first();
    }
}

/// A start with more trips than its vehicle may make: what is free of it is mended, what is locked stays, is told as
/// a breach and does not keep a shipment from joining the route.
#[test]
fn a_start_with_a_reload_too_many_is_mended() {
    use crate::locks::JobLock;
    for rich in [false, true] {
        let mut b = ProblemBuilder::new(&["kg"]);
        let line: Vec<i64> = (0..25).map(|c: i64| 10 * (c / 5 - c % 5).abs()).collect();
        b.profile(Matrix::shared(5, line).expect("square"));
        let reloads = vec![Reload { place: PlaceId(0), loading: 1, window: Window::ALWAYS }];
        let per_time = i64::from(rich);
        b.vehicles(VehicleKind { reloads, per_time, ..VehicleKind::at(PlaceId(0), 1, vec![5]) });
        for place in [1, 2] {
            b.job(Job { delivery: vec![1], ..Job::at(PlaceId(place)) });
        }
        b.shipment(Job { pickup: vec![2], ..Job::at(PlaceId(3)) }, Job::at(PlaceId(4)));
        let problem = b.build().expect("sound");
        let visits = vec![Visit::Job(JobId(0)), Visit::Reload(0), Visit::Job(JobId(1))];
        let start = Solution::of(&problem, vec![Route { vehicle: VehicleId(0), visits }]);
        let run = |locks: &Locks| solve(&problem, Some(&start), locks, &Budget::steps(200), &StepsOnly);
        let free = run(&Locks::none());
        assert_eq!((free.evaluation.breaches.len(), free.evaluation.missing), (0, 0));
        let mut locks = Locks::none();
        locks.set(JobId(0), JobLock::FixedOrder);
        locks.set(JobId(1), JobLock::FixedOrder);
        let locked = run(&locks);
        assert_eq!(locked.evaluation.breaches.len(), 1, "{:?}", locked.evaluation.breaches);
        assert_eq!(locked.evaluation.missing, 0, "{:?}", locked.solution);
        let kept = &locked.solution.routes[0].visits;
        assert!(kept.contains(&Visit::Reload(0)), "{kept:?}");
    }
}

/// Same problem, seed, steps and threads: same plan.
#[test]
fn steps_repeat() {
    for seed in 0..30 {
        let problem = random(seed, 14);
        let run =
            || solve(&problem, None, &Locks::none(), &Budget::steps(200).seed(seed), &StepsOnly).solution;
        assert_eq!(run(), run());
    }
}

/// Against every order and every split of the jobs, on problems small enough to try them all.
#[test]
fn the_best_plan_of_small_problems_is_found() {
    let mut wrong = Vec::new();
    for seed in 10_000..10_150 {
        let problem = random(seed, 2 + seed as usize % 4);
        let (missing, cost, plan) = exhaustive(&problem);
        let outcome = solve(&problem, None, &Locks::none(), &Budget::steps(4000).seed(seed), &StepsOnly);
        let e = &outcome.evaluation;
        let found = (e.missing, e.cost.total());
        if found != (missing, cost) {
            wrong.push(format!(
                "seed {seed}: {found:?} {:?}, best {:?} {plan:?}",
                outcome.solution,
                (missing, cost)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The least (missing, cost) over all plans, reloads included, and its plan.
pub(crate) fn exhaustive(problem: &Problem) -> (usize, i64, Solution) {
    struct Try<'a> {
        problem: &'a Problem,
        routes: Vec<Vec<Visit>>,
        best: (usize, i64, Solution),
    }
    fn place(t: &mut Try<'_>, job: usize) {
        if job == t.problem.jobs().len() {
            return reload(t, 0);
        }
        place(t, job + 1);
        for r in 0..t.routes.len() {
            for at in 0..=t.routes[r].len() {
                t.routes[r].insert(at, Visit::Job(JobId(job as u32)));
                place(t, job + 1);
                t.routes[r].remove(at);
            }
        }
    }
    fn reload(t: &mut Try<'_>, r: usize) {
        if r == t.routes.len() {
            let named = |(v, visits): (usize, &Vec<Visit>)| Route {
                vehicle: VehicleId(v as u32),
                visits: visits.clone(),
            };
            let plan = Solution::of(t.problem, t.routes.iter().enumerate().map(named).collect());
            let e = crate::cost::evaluate(t.problem, &plan, &Locks::none());
            if e.breaches.is_empty() {
                let rank = (e.missing, e.cost.total());
                if rank < (t.best.0, t.best.1) {
                    t.best = (rank.0, rank.1, plan);
                }
            }
            return;
        }
        reload(t, r + 1);
        let kind = t.problem.vehicle(VehicleId(r as u32));
        let has = t.routes[r].iter().filter(|v| matches!(v, Visit::Reload(_))).count() as u32;
        if has + 1 < kind.max_trips {
            let last = t.routes[r].iter().rposition(|v| matches!(v, Visit::Reload(_))).map_or(0, |p| p + 1);
            for at in last + 1..t.routes[r].len() {
                for which in 0..kind.reloads.len() as u32 {
                    t.routes[r].insert(at, Visit::Reload(which));
                    reload(t, r);
                    t.routes[r].remove(at);
                }
            }
        }
    }
    // Two vehicles of a kind are enough for a few jobs only if there are no more; keep problems tiny instead.
    let routes = vec![Vec::new(); problem.vehicles() as usize];
    let mut t = Try { problem, routes, best: (usize::MAX, i64::MAX, Solution::default()) };
    place(&mut t, 0);
    t.best
}
