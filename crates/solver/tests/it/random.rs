//! Small random problems of mixed kinds, the same for the same seed.

use std::collections::BTreeMap;
use xiangyun_solver::io::rich::model::{
    Backhaul, Balance, Break, Driving, FORMAT, Job, Matrix, Measure, Objective, Overtime, Prefer, Reload,
    Rich, Shipment, Soft, VERSION, Vehicle,
};
use xiangyun_solver::io::rich::value::{HOLE, Int, Row};

/// SplitMix64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `least` to `most`, both inside.
    pub(crate) fn within(&mut self, least: i64, most: i64) -> i64 {
        least + (self.next() % (most - least + 1).unsigned_abs()) as i64
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    pub(crate) fn int(&mut self, least: i64, most: i64) -> Int {
        Int(self.within(least, most))
    }
}

/// Which rules a problem may use.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// Most visits.
    pub(crate) visits: i64,
    /// Terms that couple vehicles (groups).
    pub(crate) groups: bool,
}

pub(crate) fn rich(dice: &mut Dice, rules: Rules) -> Rich {
    let places = dice.within(2, 6) as usize;
    let dimensions = dice.within(1, 2) as usize;
    let timed = !dice.one_in(3);
    let mut rich = Rich {
        format: FORMAT.into(),
        version: VERSION,
        name: "random".into(),
        dimensions: (0..dimensions).map(|d| format!("d{d}")).collect(),
        objective: if dice.one_in(6) { Objective::VehiclesThenCost } else { Objective::Cost },
        backhaul: if dice.one_in(6) { Backhaul::LinehaulFirst } else { Backhaul::Mixed },
        ..Rich::default()
    };
    for profile in ["a", "b"] {
        rich.matrices.insert(profile.into(), matrix(dice, places));
    }
    if dice.one_in(4) {
        rich.conflicts.push(("x".into(), "y".into()));
    }
    if rules.groups && dice.one_in(4) {
        rich.groups = BTreeMap::from([("g".to_owned(), dice.int(1, 40))]);
    }
    let visits = dice.within(1, rules.visits);
    let vehicles = dice.within(1, 3);
    let mut made = 0;
    while made < visits {
        if visits - made >= 2 && dice.one_in(5) {
            let mut pickup = job(dice, &rich, made, places, timed);
            let mut delivery = job(dice, &rich, made + 1, places, timed);
            pickup.delivery.clear();
            pickup.pickup = loads(dice, dimensions, 4);
            (delivery.delivery, delivery.pickup, delivery.prize) = (Vec::new(), Vec::new(), None);
            rich.shipments.push(Shipment { pickup, delivery });
            made += 2;
        } else {
            let job = job(dice, &rich, made, places, timed);
            rich.jobs.push(job);
            made += 1;
        }
    }
    for at in 0..vehicles {
        let vehicle = vehicle(dice, at, places, dimensions, timed);
        rich.vehicles.push(vehicle);
    }
    if dice.one_in(5) {
        let prefer = Prefer { vehicles: vec!["v0".into()], price: dice.int(1, 30) };
        if let Some(job) = rich.jobs.first_mut() {
            job.prefer = Some(prefer);
        }
    }
    rich
}

fn matrix(dice: &mut Dice, places: usize) -> Matrix {
    let holes = dice.one_in(12);
    let mut rows = |most: i64| -> Vec<Row> {
        (0..places)
            .map(|i| {
                let mut cell = |j: usize| {
                    if i == j {
                        0
                    } else if holes && dice.one_in(8) {
                        HOLE
                    } else {
                        dice.within(1, most)
                    }
                };
                Row((0..places).map(&mut cell).collect())
            })
            .collect()
    };
    let durations = rows(30);
    let distances = rows(50);
    if dice.one_in(2) { Matrix { durations, distances: Vec::new() } } else { Matrix { durations, distances } }
}

fn loads(dice: &mut Dice, dimensions: usize, most: i64) -> Vec<Int> {
    (0..dimensions).map(|_| dice.int(0, most)).collect()
}

fn window(dice: &mut Dice) -> (Int, Int) {
    let from = dice.within(0, 120);
    (Int(from), Int(from + dice.within(0, 80)))
}

fn job(dice: &mut Dice, rich: &Rich, number: i64, places: usize, timed: bool) -> Job {
    let mut job = Job {
        id: format!("j{number}"),
        place: dice.int(0, places as i64 - 1),
        delivery: if dice.one_in(4) { Vec::new() } else { loads(dice, rich.dimensions.len(), 5) },
        pickup: if dice.one_in(2) { Vec::new() } else { loads(dice, rich.dimensions.len(), 5) },
        ..Job::default()
    };
    if dice.one_in(3) {
        job.prize = Some(dice.int(0, 150));
    }
    if dice.one_in(6) {
        job.skills.push("s".into());
    }
    if dice.one_in(3) {
        job.goods.push(if dice.one_in(2) { "x" } else { "y" }.into());
    }
    if !rich.groups.is_empty() && dice.one_in(2) {
        job.group = Some("g".into());
    }
    if !timed {
        return job;
    }
    job.service = dice.int(0, 9);
    if dice.one_in(3) {
        job.setup = dice.int(0, 5);
    }
    if dice.one_in(2) {
        let first = window(dice);
        job.windows.push(first);
        if dice.one_in(3) {
            let from = first.1.0 + dice.within(1, 30);
            job.windows.push((Int(from), Int(from + dice.within(0, 40))));
        }
    }
    if dice.one_in(5) {
        job.soft =
            Some(Soft { window: window(dice), early_price: dice.int(0, 3), late_price: dice.int(0, 3) });
    }
    if dice.one_in(5) {
        job.release = dice.int(0, 60);
    }
    if dice.one_in(6) {
        job.max_on_board = Some(dice.int(5, 80));
    }
    job
}

fn vehicle(dice: &mut Dice, at: i64, places: usize, dimensions: usize, timed: bool) -> Vehicle {
    let last = places as i64 - 1;
    let mut vehicle = Vehicle {
        id: format!("v{at}"),
        count: dice.int(1, 2),
        profile: if dice.one_in(2) { "a" } else { "b" }.into(),
        start: (!dice.one_in(8)).then(|| dice.int(0, last)),
        end: (!dice.one_in(6)).then(|| dice.int(0, last)),
        layouts: (0..dice.within(1, 2)).map(|_| (0..dimensions).map(|_| dice.int(3, 14)).collect()).collect(),
        fixed: dice.int(0, 30),
        per_distance: dice.int(0, 3),
        ..Vehicle::default()
    };
    if !dice.one_in(3) {
        vehicle.skills.push("s".into());
    }
    if dice.one_in(3) {
        vehicle.max_trips = dice.int(2, 3);
        for _ in 0..dice.within(1, 2) {
            let window = (timed && dice.one_in(3)).then(|| window(dice));
            vehicle.reloads.push(Reload { place: dice.int(0, last), loading: dice.int(0, 6), window });
        }
    }
    if dice.one_in(8) {
        vehicle.max_distance = Some(dice.int(20, 200));
    }
    if dice.one_in(8) {
        vehicle.max_stops = Some(dice.int(1, 4));
    }
    if dice.one_in(6) {
        let measure = [Measure::Duration, Measure::Distance, Measure::Stops][dice.within(0, 2) as usize];
        vehicle.balance = Some(Balance { measure, target: dice.int(0, 50), price: dice.int(1, 4) });
    }
    if timed {
        time_rules(dice, &mut vehicle);
    }
    vehicle
}

fn time_rules(dice: &mut Dice, vehicle: &mut Vehicle) {
    if dice.one_in(2) {
        let from = dice.within(0, 40);
        vehicle.shift = Some((Int(from), Int(from + dice.within(60, 300))));
    }
    vehicle.loading = dice.int(0, 5);
    if dice.one_in(2) {
        vehicle.per_time = dice.int(0, 3);
    }
    if dice.one_in(4) {
        vehicle.overtime = Some(Overtime { after: dice.int(20, 120), price: dice.int(1, 4) });
    }
    if dice.one_in(6) {
        vehicle.max_duration = Some(dice.int(40, 250));
    }
    if dice.one_in(5) {
        vehicle.driving = Some(Driving { max_driving: dice.int(15, 60), rest: dice.int(3, 12) });
    }
    if dice.one_in(5) {
        let window = window(dice);
        vehicle.breaks.push(Break { window, duration: dice.int(3, 15) });
        if dice.one_in(3) {
            let from = window.1.0 + dice.within(1, 30);
            vehicle.breaks.push(Break {
                window: (Int(from), Int(from + dice.within(5, 40))),
                duration: dice.int(3, 15),
            });
        }
    }
}
