//! Fifty seeds with everything going wrong, on a county of forty villages, in process: custody, capacity, arrivals, figures.

use std::collections::BTreeMap;
use std::path::Path;
use xiangyun_dispatch::duties;
use xiangyun_dispatch::eta::Learner;
use xiangyun_simulation::county::{Planned, planned};
use xiangyun_simulation::faults::Faults;
use xiangyun_simulation::local::Local;
use xiangyun_simulation::score::{Capacities, Recount, false_arrivals, misplaced, proofs_without_arrival};
use xiangyun_simulation::world::{Setting, World};

/// 2026-11-24 00:00 in Asia/Shanghai.
const MIDNIGHT_MS: i64 = 1_795_449_600_000;
const ZONE_S: i64 = 8 * 3_600;
const STATIONS: [&str; 3] = ["S410421101", "S410421104", "S410421106"];

#[derive(Debug, Default)]
struct Sum {
    orders: u64,
    stops: u64,
    told: u64,
    false_arrivals: u64,
    next: (u64, u64),
    far: (u64, u64),
    exceptions: u64,
    false_alarms: u64,
    repairs: u64,
    inserted: (u64, u64),
    kinds: BTreeMap<String, (u64, u64)>,
}

fn plan(seed: u64) -> Planned {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/baofeng"));
    planned(dir, &STATIONS, 40, 4, 300, seed, 100).expect("a sound county")
}

fn live(
    day: &Planned,
    seed: u64,
    faults: Faults,
    sum: &mut Sum,
    learner: &mut Learner,
) -> Vec<(i64, xiangyun_dispatch::event::Event)> {
    let inputs = day.inputs.clone();
    let mut desk = Local::new(day.plan.clone(), inputs, MIDNIGHT_MS, ZONE_S);
    // What the fleet taught on earlier days is known today.
    desk.learner = learner.clone();
    (desk.learner.next, desk.learner.far) = Default::default();
    let mut world = World::new(Setting {
        county: &day.inputs.county,
        orders: &day.inputs.orders,
        later: &day.later,
        travel: &day.inputs.travel,
        ways: None,
        midnight_ms: MIDNIGHT_MS,
        seed,
        faults,
    });
    world.open(&mut desk);
    desk.publish(MIDNIGHT_MS, world.begin_ms()).expect("a plan of the night");
    world.draw_breakdowns(&mut desk);
    world.run(&mut desk, |_, _, _| {});
    world.close(&mut desk, MIDNIGHT_MS + 44 * 3_600_000);

    let mut room = Capacities::of(&day.inputs.county);
    assert_eq!(room.follow(&desk.log), Vec::<String>::new(), "seed {seed}: load within capacity");
    assert_eq!(proofs_without_arrival(&desk.log), Vec::<String>::new(), "seed {seed}");
    assert_eq!(misplaced(&world, &desk.state), Vec::<String>::new(), "seed {seed}: {:?}", &world.refusals);
    let balance = duties::balance(&desk.state);
    let all: u64 = balance.values().sum();
    assert_eq!(all, desk.state.orders.len() as u64);
    let open: Vec<_> = desk
        .state
        .orders
        .iter()
        .filter(|(_, o)| matches!(duties::custody(o), duties::Custody::Open { .. }))
        .map(|(id, o)| (id.clone(), duties::custody(o)))
        .collect();
    assert!(open.is_empty(), "seed {seed}: {open:?} {:?}", world.refusals.last());
    assert_eq!(Recount::of(&desk.log), Recount::folded(&desk.figures), "seed {seed}: figures by two ways");
    sum.orders += desk.figures.placed;
    sum.stops += desk.figures.stops_served;
    sum.told += desk.told.len() as u64;
    let wrong = false_arrivals(&world, &desk.told);
    wrong.iter().for_each(|w| println!("seed {seed}: {w}"));
    sum.false_arrivals += wrong.len() as u64;
    let add = |a: &mut (u64, u64), b: (u64, u64)| *a = (a.0 + b.0, a.1 + b.1);
    add(&mut sum.next, desk.learner.next);
    add(&mut sum.far, desk.learner.far);
    sum.exceptions += desk.figures.exceptions;
    sum.false_alarms += desk.figures.false_alarms;
    sum.repairs += desk.figures.repairs;
    add(&mut sum.inserted, desk.inserted);
    for e in desk.state.exceptions.values() {
        sum.kinds.entry(format!("{:?}", e.kind)).or_default().0 += 1;
    }
    for (kind, ..) in &desk.repairs {
        sum.kinds.entry(format!("{kind:?}")).or_default().1 += 1;
    }
    learner.clone_from(&desk.learner);
    desk.log
}

#[test]
fn a_day_without_faults_delivers_what_was_planned() {
    let mut sum = Sum::default();
    let day = plan(1);
    let served = day.plan.served();
    let log = live(&day, 1, Faults::none(), &mut sum, &mut Learner::default());
    let count = Recount::of(&log);
    assert!(count.stops_served > 0 && count.delivered > 0, "{count:?}");
    println!("{served} planned; {count:?}; {sum:?}");
}

#[test]
fn fifty_seeds_hold_every_invariant_and_a_seed_replays() {
    let (mut sum, mut learner) = (Sum::default(), Learner::default());
    for plan_seed in 1..=5 {
        let day = plan(plan_seed);
        for n in 0..10 {
            let seed = plan_seed * 100 + n;
            let log = live(&day, seed, Faults::default(), &mut sum, &mut learner);
            if seed == 100 {
                let fresh = &mut Learner::default();
                let again = live(&day, seed, Faults::default(), &mut Sum::default(), fresh);
                assert_eq!(log.len(), again.len());
                assert!(log == again, "the same seed is the same day");
            }
        }
    }
    println!("{sum:?}");
    assert!(sum.stops > 1_000);
    let per_mille = |(all, held): (u64, u64)| held * 1_000 / all.max(1);
    assert!((850..=950).contains(&per_mille(sum.next)), "next stop: P90 holds {}‰", per_mille(sum.next));
    assert!((850..=950).contains(&per_mille(sum.far)), "further ahead: P90 holds {}‰", per_mille(sum.far));
    assert!(sum.false_arrivals * 1_000 <= sum.told, "{sum:?}");
    assert!(sum.false_alarms * 5 <= sum.exceptions, "{sum:?}");
}
