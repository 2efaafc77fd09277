//! Chains of days: `bench-days chain DAYS STEPS` plans each day from the closing state of the one before and checks that
//! everything balances; `bench-days quantile DAYS STEPS` compares what an evening draft may be planned on;
//! `bench-days dawn DAYS STEPS PROFILE THREADS MENDING` mends evenings whose volumes prove wrong, by so many steps, and holds
//! the dawns against plans made freely for the same orders by as many steps as the evenings. With `clock` for MENDING a dawn
//! has the time that it has in daily use instead; no clock influences any other plan. County: `data/baofeng`, orders generated
//! with seed 1.

use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use xiangyun_benches::clock::process_cpu_s;
use xiangyun_model::county::County;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{CostTerm, DayState, Plan, Trip, TripKind};
use xiangyun_model::problem::Problems;
use xiangyun_planning::forecast::{DayCounts, Model, Quantile, count, draft};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::travel::Travel;
use xiangyun_planning::{check, closing, county, generate, mend, network, night};
use xiangyun_solver::Control;

/// As in `xiangyun` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Steps(Instant);

impl Control for Steps {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A dawn may be searched for longer than a plan made freely by so many steps takes: within its mark of 20 s of processor
/// time for a default day there is room for so many times the steps.
const MENDING_TIMES: u64 = 3;

struct World {
    county: County,
    travel: Travel,
    steps: u64,
    threads: usize,
    /// Steps of a mending where it is held against a plan made freely; none: the time that it has in daily use.
    mending: Option<u64>,
}

impl World {
    fn effort(&self) -> Effort {
        Effort { steps: Some(self.steps), time: None, seed: 1, threads: self.threads }
    }

    fn day(&self, date: Date) -> Vec<OrderRecord> {
        generate::day(&self.county, date, 1, "default").expect("the default profile")
    }

    fn rows(&self, records: &[OrderRecord], opening: &DayState, date: Date) -> Vec<OrderRow> {
        let mut all = records.to_vec();
        let known: BTreeSet<&str> = records.iter().map(|r| r.id.as_str()).collect();
        let old = opening.backlog.iter().filter(|b| !known.contains(b.order.as_str()));
        let old: Vec<OrderRecord> = old.map(|b| record(&b.row)).collect();
        all.extend(old);
        let mut problems = Problems::new();
        let rows = orders::resolve("day", &all, &self.county, date, &mut problems);
        assert!(problems.is_empty(), "{:?}", problems.list().first());
        rows
    }

    /// Rows as they were scanned: all came when they were ready.
    fn came(&self, records: &[OrderRecord], opening: &DayState, date: Date) -> Vec<OrderRow> {
        let mut rows = self.rows(records, opening, date);
        for row in &mut rows {
            row.record.arrived_at.clone_from(&row.record.ready);
        }
        rows
    }

    fn plan(&self, rows: &[OrderRow], opening: &DayState, date: Date) -> Plan {
        night::plan(
            &self.county,
            date,
            rows,
            &self.travel,
            opening,
            &self.effort(),
            Variant::default(),
            &Steps(Instant::now()),
        )
    }

    fn inputs(&self, rows: Vec<OrderRow>, opening: DayState) -> Inputs {
        Inputs { county: self.county.clone(), orders: rows, opening, travel: self.travel.clone() }
    }
}

/// A backlog's row as a record.
fn record(row: &BTreeMap<String, String>) -> OrderRecord {
    let value = serde_json::to_value(row).expect("text by text");
    serde_json::from_value(value).expect("a backlog keeps the columns of an orders file")
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| args.get(at).and_then(|a| a.parse().ok()).unwrap_or(usual);
    let dir = Path::new("data/baofeng");
    let county = county::load_dir(dir).expect("the committed county");
    let roads = network::open(&county, dir).expect("make build makes the road network");
    let date = county.default_date;
    let travel = network::travel(&roads, &county, date).expect("a table for each profile");
    let threads = usize::try_from(number(4, 1)).unwrap_or(1);
    let steps = number(2, 20_000);
    let by_clock = args.get(5).is_some_and(|mending| mending == "clock");
    let mending = (!by_clock).then(|| number(5, steps * MENDING_TIMES));
    let world = World { county, travel, steps, threads, mending };
    match args.first().map(String::as_str) {
        Some("chain") => chain(&world, date, number(1, 10)),
        Some("quantile") => quantile(&world, date, number(1, 30)),
        Some("night") => {
            night_only(&world, date, number(1, 1), args.get(3).map_or("default", String::as_str))
        }
        Some("dawn") => dawn(&world, date, number(1, 1), args.get(3).map_or("default", String::as_str)),
        _ => {
            eprintln!("bench-days chain|quantile|dawn DAYS STEPS [PROFILE] [THREADS] [MENDING|clock]");
            ExitCode::from(2)
        }
    }
}

fn chain(world: &World, first: Date, days: u64) -> ExitCode {
    println!("| day | orders | served | left | second deferrals | longest gap | checker | custody |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut opening = closing::empty(&world.county, first.yesterday().expect("a date"));
    let mut date = first;
    let mut good = true;
    for _ in 0..days {
        let rows = world.rows(&world.day(date), &opening, date);
        let plan = world.plan(&rows, &opening, date);
        let inputs = world.inputs(rows, opening);
        let verdict = check::check(&plan, &inputs);
        // Every order of the morning is handed over, or waits at one place in the evening, and none is in both.
        let mut held: BTreeMap<&str, u32> = BTreeMap::new();
        for load in &plan.loads {
            for order in &load.orders {
                *held.entry(order).or_default() += 1;
            }
        }
        for waiting in &plan.closing.backlog {
            *held.entry(&waiting.order).or_default() += 1;
        }
        let balanced = held.len() == inputs.orders.len() && held.values().all(|&n| n == 1);
        let second = plan.deferrals.iter().filter(|d| d.times >= 2).count();
        let past = plan.floors.iter().filter(|f| !f.visited && f.days_since > f.longest_gap_days).count();
        let longest = plan.floors.iter().map(|f| if f.visited { 0 } else { f.days_since }).max().unwrap_or(0);
        println!(
            "| {date} | {} | {} | {} | {second} | {longest} ({past} past the floor) | {} | {} |",
            plan.orders,
            plan.served(),
            plan.unassigned.len(),
            if verdict.ok { "passes".to_owned() } else { format!("{} violations", verdict.violations.len()) },
            if balanced { "balances" } else { "does not balance" },
        );
        good &= verdict.ok && balanced && second == 0 && past == 0;
        opening = plan.closing;
        date = date.tomorrow().expect("a date");
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Which orders of a day carriers give notice of in the evening: four of ten parcels, fewer of some carriers than others,
/// and everything that waits in the villages already.
fn notice(records: &[OrderRecord]) -> Vec<OrderRecord> {
    let told = |r: &OrderRecord| {
        let mark =
            r.id.bytes().fold(7_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)) >> 20;
        let share = match r.carrier.as_str() {
            "POST" => 70,
            "ZTO" => 50,
            "YTO" => 35,
            "COOP" => 20,
            _ => 30,
        };
        r.kind != "down" || mark % 100 < share
    };
    records.iter().filter(|r| told(r)).cloned().collect()
}

fn quantile(world: &World, first: Date, days: u64) -> ExitCode {
    let mut history: Vec<DayCounts> = (1..=42)
        .rev()
        .map(|back| {
            let date = first.checked_sub(jiff::Span::new().days(back)).expect("a date");
            count(&world.county, date, &world.day(date))
        })
        .collect();
    let modes = [("raw notice", Quantile::Notice), ("P50", Quantile::P50), ("P80", Quantile::P80)];
    let mut sums = [[0_i64; 4]; 3];
    let mut date = first;
    for _ in 0..days {
        let real = world.day(date);
        let forecast = Model::fit(&world.county, &history).day(&world.county, date);
        let opening = closing::empty(&world.county, date.yesterday().expect("a date"));
        for (sum, (name, mode)) in sums.iter_mut().zip(modes) {
            let evening_records = draft(&world.county, date, &forecast, &notice(&real), mode);
            let rows = world.rows(&evening_records, &opening, date);
            let evening = world.plan(&rows, &opening, date);
            let inputs = world.inputs(rows, opening.clone());
            let scanned = world.came(&real, &opening, date);
            let arrived = mend::arrivals(&inputs, &scanned);
            let dawn =
                mend::mend(&evening, &inputs, date, &arrived, &[], &world.effort(), &Steps(Instant::now()));
            let term =
                |t: CostTerm| dawn.plan.cost.iter().filter(|c| c.term == t).map(|c| c.fen).sum::<i64>();
            let row = [
                dawn.plan.cost_fen,
                term(CostTerm::Lateness),
                term(CostTerm::Unserved),
                i64::try_from(dawn.mended.moved).unwrap_or(0),
            ];
            for (total, value) in sum.iter_mut().zip(row) {
                *total += value;
            }
            eprintln!("{date} {name}: {} yuan, moved {}", row[0] / 100, row[3]);
        }
        history.push(count(&world.county, date, &real));
        history.remove(0);
        date = date.tomorrow().expect("a date");
    }
    println!(
        "| planned on | cost a day, yuan | lateness, yuan | left, yuan | villages that change van | against raw notice |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    let n = i64::try_from(days.max(1)).unwrap_or(1);
    for (sum, (name, _)) in sums.iter().zip(modes) {
        let against = (sum[0] - sums[0][0]) as f64 * 100.0 / sums[0][0].max(1) as f64;
        println!(
            "| {name} | {} | {} | {} | {} | {against:+.2} % |",
            sum[0] / 100 / n,
            sum[1] / 100 / n,
            sum[2] / 100 / n,
            sum[3] / n
        );
    }
    ExitCode::SUCCESS
}

/// How the morning differs from what the evening was planned on.
#[derive(Clone, Copy)]
enum Off {
    /// Every place by a factor of its own, evenly between three and five quarters.
    EachPlace,
    /// Every fourth parcel is missing.
    Fewer,
    /// Every fourth parcel comes twice.
    More,
    /// One carrier's truck comes 35 minutes after its wave closed.
    Late,
}

/// A number from 0 to 999 that a text and a salt fix.
fn lot(text: &str, salt: u64) -> u64 {
    let fold = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    (text.bytes().fold(0xcbf2_9ce4_8422_2325 ^ salt, fold) >> 24) % 1000
}

/// What is scanned at dawn.
fn scanned(records: &[OrderRecord], off: Off) -> Vec<OrderRecord> {
    let mut all = Vec::with_capacity(records.len());
    for record in records {
        let mut record = record.clone();
        if record.kind != "down" {
            all.push(record);
            continue;
        }
        let share = match off {
            Off::EachPlace => 750 + lot(&record.destination, 3) / 2,
            Off::Fewer => 750,
            Off::More => 1250,
            Off::Late => 1000,
        };
        let mine = lot(&record.id, 7);
        if matches!(off, Off::Late) && record.carrier == "ZTO" && record.ready.ends_with("06:20") {
            record.ready = record.ready.replace("06:20", "07:05");
        }
        if share > 1000 && mine < share - 1000 {
            let twin = format!("{}-2", record.id);
            all.push(OrderRecord { id: twin, ..record.clone() });
        }
        if share >= 1000 || mine < share {
            all.push(record);
        }
    }
    all
}

fn night_only(world: &World, first: Date, days: u64, profile: &str) -> ExitCode {
    println!("| day | cost, yuan | served | seconds, processor |");
    println!("| --- | --: | --: | --: |");
    let (mut date, mut sum) = (first, 0);
    for _ in 0..days {
        let told = generate::day(&world.county, date, 1, profile).expect("a profile of the county");
        let opening = closing::empty(&world.county, date.yesterday().expect("a date"));
        let rows = world.rows(&told, &opening, date);
        let from_s = process_cpu_s();
        let plan = world.plan(&rows, &opening, date);
        let took_s = process_cpu_s() - from_s;
        println!("| {date} | {} | {} of {} | {took_s:.1} |", plan.cost_fen / 100, plan.served(), plan.orders);
        sum += plan.cost_fen / 100;
        date = date.tomorrow().expect("a date");
    }
    println!("mean {}", sum / i64::try_from(days.max(1)).unwrap_or(1));
    ExitCode::SUCCESS
}

/// Where a mended plan costs more than one made freely: vehicles, trips, kilometres and waiting of both tiers, then every
/// term of the objective, the mended plan first.
fn tell_apart(dawn: &Plan, free: &Plan) {
    let tier = |plan: &Plan, trunk: bool| {
        let is_of = |trip: &&Trip| match trip.kind {
            TripKind::Trunk => trunk,
            TripKind::Round | TripKind::Direct => !trunk,
            TripKind::Line => false,
        };
        let trips: Vec<&Trip> = plan.trips.iter().filter(is_of).collect();
        let vehicles: BTreeSet<&str> = trips.iter().map(|t| t.vehicle.as_str()).collect();
        let km = trips.iter().map(|t| t.metres).sum::<i64>() / 1000;
        let waits_s: i64 = trips.iter().flat_map(|t| &t.visits).map(|v| v.start - v.arrive).sum();
        format!("{} vehicles {} trips {km} km waits {} min", vehicles.len(), trips.len(), waits_s / 60)
    };
    for (name, trunk) in [("trunk", true), ("rounds", false)] {
        eprintln!("  {name}: {} | {}", tier(dawn, trunk), tier(free, trunk));
    }
    let terms = dawn.cost.iter().zip(&free.cost).filter(|(d, f)| d.fen != 0 || f.fen != 0);
    let told = terms.map(|(d, f)| {
        format!("{:?} {} | {} ({:+})", d.term, d.fen / 100, f.fen / 100, (d.fen - f.fen) / 100)
    });
    eprintln!("  {}", told.collect::<Vec<_>>().join("; "));
}

fn dawn(world: &World, first: Date, days: u64, profile: &str) -> ExitCode {
    println!(
        "| day | arrivals | places that change van | trunk trips kept | unchanged | re-routed, cancelled, added | lines kept | vehicles added | cost, yuan | freely, yuan | dearer | served | freely | checker | seconds, processor | seconds, wall |"
    );
    println!("|{}", " --- |".repeat(16));
    let mut good = true;
    let mut date = first;
    for _ in 0..days {
        let told = generate::day(&world.county, date, 1, profile).expect("a profile of the county");
        let opening = closing::empty(&world.county, date.yesterday().expect("a date"));
        let rows = world.rows(&told, &opening, date);
        let evening = world.plan(&rows, &opening, date);
        let inputs = world.inputs(rows, opening.clone());
        let ways = [
            ("each place off by up to a quarter", Off::EachPlace),
            ("a quarter fewer", Off::Fewer),
            ("a quarter more", Off::More),
            ("one truck late", Off::Late),
        ];
        for (name, off) in ways {
            let came = world.came(&scanned(&told, off), &opening, date);
            let arrived = mend::arrivals(&inputs, &came);
            let (from_s, began) = (process_cpu_s(), Instant::now());
            let clock = Steps(began);
            let time = world.mending.is_none().then(|| mend::usual_time(arrived.rows.len()));
            let effort = Effort { steps: world.mending, time, ..world.effort() };
            let dawn = mend::mend(&evening, &inputs, date, &arrived, &[], &effort, &clock);
            let (took_s, wall_s) = (process_cpu_s() - from_s, began.elapsed().as_secs_f64());
            let county = County { waves: dawn.waves.clone(), ..world.county.clone() };
            let then = Inputs {
                county,
                orders: dawn.rows.clone(),
                opening: opening.clone(),
                travel: world.travel.clone(),
            };
            let verdict = check::check(&dawn.plan, &then);
            let free = world.plan(&dawn.rows, &opening, date);
            let m = &dawn.mended;
            let dearer = (dawn.plan.cost_fen - free.cost_fen) as f64 * 100.0 / free.cost_fen.max(1) as f64;
            println!(
                "| {date} | {name} | {} of {} ({:.1} %) | {} of {} | {} | {}, {}, {} | {} of {} | {} | {} | {} | {dearer:+.2} % | {} of {} | {} | {} | {took_s:.1} | {wall_s:.1} |",
                m.moved,
                m.villages,
                m.moved_pm as f64 / 10.0,
                m.trunk_kept,
                m.trunk_trips,
                m.trunk_unchanged,
                m.trunk_rerouted,
                m.trunk_cancelled,
                m.trunk_added,
                m.lines_kept,
                m.lines,
                m.crews_added.len(),
                dawn.plan.cost_fen / 100,
                free.cost_fen / 100,
                dawn.plan.served(),
                dawn.plan.orders,
                free.served(),
                if verdict.ok {
                    "passes".to_owned()
                } else {
                    format!("{} violations", verdict.violations.len())
                },
            );
            for v in verdict.violations.iter().take(5) {
                eprintln!("{} {}: {} ({})", v.code, v.at, v.found, v.limit);
            }
            tell_apart(&dawn.plan, &free);
            for late in &m.late {
                eprintln!("{} {:?} of {:?}", late.carrier, late.taken, late.ways);
            }
            good &= verdict.ok && m.moved_pm <= 100 && dearer <= 2.0;
        }
        date = date.tomorrow().expect("a date");
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
