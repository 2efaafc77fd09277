//! Chains of days: `bench-days chain DAYS STEPS` plans each day from the closing state of the one before and checks that
//! everything balances; `bench-days quantile DAYS STEPS` compares what an evening draft may be planned on.
//! No clock influences a plan. County: `data/baofeng`, orders generated with seed 1.

use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use xiangyun_model::county::County;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::{CostTerm, DayState, Plan};
use xiangyun_model::problem::Problems;
use xiangyun_planning::forecast::{DayCounts, Model, Quantile, count, draft};
use xiangyun_planning::inputs::Inputs;
use xiangyun_planning::orders::{self, OrderRow};
use xiangyun_planning::search::{Effort, Variant};
use xiangyun_planning::travel::Travel;
use xiangyun_planning::{check, closing, county, generate, mend, network, night};
use xiangyun_solver::Control;

struct Steps(Instant);

impl Control for Steps {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

struct World {
    county: County,
    travel: Travel,
    steps: u64,
}

impl World {
    fn effort(&self) -> Effort {
        Effort { steps: Some(self.steps), time: None, seed: 1, threads: 1 }
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
    let world = World { county, travel, steps: number(2, 20_000) };
    match args.first().map(String::as_str) {
        Some("chain") => chain(&world, date, number(1, 10)),
        Some("quantile") => quantile(&world, date, number(1, 30)),
        _ => {
            eprintln!("bench-days chain|quantile DAYS STEPS");
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
            let mut scanned = world.rows(&real, &opening, date);
            for row in &mut scanned {
                row.record.arrived_at.clone_from(&row.record.ready);
            }
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
