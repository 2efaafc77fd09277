//! Places 5,000 noisy addresses: how many right, how many wrong without a flag, how many a second on one core.
//! `bench-address [COUNTY] [--misses]`; fails when a mark is missed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use xiangyun_benches::addresses::{Noisy, generate};
use xiangyun_benches::clock::thread_cpu_s;
use xiangyun_model::problem::Problems;
use xiangyun_planning::address::{Agreed, Corrections, Places, Query, Resolver, Why};
use xiangyun_planning::county::{load_dir, read_plain_or_gz};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let dir = args.iter().find(|a| !a.starts_with("--")).map_or("data/baofeng", String::as_str);
    let county = match load_dir(Path::new(dir)) {
        Ok(county) => county,
        Err(problems) => {
            eprintln!("{dir}: {:?}", problems.list().first());
            return ExitCode::from(2);
        }
    };
    let mut problems = Problems::new();
    let bytes = read_plain_or_gz(Path::new(dir), "places.csv").ok().flatten();
    let places =
        bytes.map_or_else(Places::default, |b| Places::read("places.csv", &b, &county, &mut problems));
    let resolver = Resolver::new(&county, &places, Corrections::default(), Agreed::default());
    println!("| seed | addresses | right | sorted by hand | wrong unflagged | addresses a second a core |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let mut good = true;
    for seed in 1..=5 {
        let all = generate(&county, 5000, seed);
        let answers: Vec<_> = all.iter().map(|n| resolver.resolve(&ask(n))).collect();
        let right = all.iter().zip(&answers).filter(|(n, a)| a.placed == Some(n.truth)).count();
        let wrong = all.iter().zip(&answers).filter(|(n, a)| a.placed.is_some_and(|p| p != n.truth)).count();
        let began = thread_cpu_s();
        for _ in 0..4 {
            for noisy in &all {
                std::hint::black_box(resolver.resolve(&ask(noisy)));
            }
        }
        let speed = 4.0 * all.len() as f64 / (thread_cpu_s() - began);
        let percent = |n: usize| 100.0 * n as f64 / all.len() as f64;
        println!(
            "| {seed} | {} | {:.2} % | {:.2} % | {:.2} % | {speed:.0} |",
            all.len(),
            percent(right),
            percent(all.len() - right - wrong),
            percent(wrong)
        );
        good &= percent(right) >= 98.0 && percent(wrong) <= 0.3 && speed >= 10_000.0;
        if args.iter().any(|a| a == "--misses") {
            let mut by_noise: BTreeMap<String, (usize, usize)> = BTreeMap::new();
            for (noisy, answer) in all.iter().zip(&answers).filter(|(n, a)| a.placed != Some(n.truth)) {
                let entry = by_noise.entry(noisy.noise.join(", ")).or_default();
                entry.0 += 1;
                entry.1 += usize::from(answer.placed.is_some());
                let site = |s| county.site(s).name_zh.clone();
                let read = answer.why == Why::Read;
                let found: Vec<String> = answer
                    .candidates
                    .iter()
                    .take(3)
                    .map(|c| format!("{} {}", site(c.site), c.confidence_pm))
                    .collect();
                println!(
                    "  {} {} -> {} | {:?} {found:?} | {}",
                    if read { "WRONG" } else { "flag" },
                    noisy.text,
                    site(noisy.truth),
                    answer.why,
                    noisy.noise.join(", ")
                );
            }
            println!("{by_noise:#?}");
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ask(noisy: &Noisy) -> Query<'_> {
    Query { text: &noisy.text, ..Query::default() }
}
