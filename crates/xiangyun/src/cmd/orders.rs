//! `xiangyun orders`: a generated day, a forecast one, or another system's file brought into our form.

mod forecast;
pub(crate) mod import;

pub(in crate::cmd) use forecast::no_past;

use crate::locale::Lang;
use crate::report::{Failure, print_json};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_planning::county;
use xiangyun_planning::{generate, orders};

/// Arguments of `orders`.
#[derive(Args, Debug)]
pub(crate) struct OrdersArgs {
    #[command(subcommand)]
    command: OrdersCommand,
}

#[derive(Debug, Subcommand)]
enum OrdersCommand {
    /// Make a day's orders from the county's stated assumptions
    Generate(GenerateArgs),
    /// Read another system's orders (CSV, GBK or GB 18030 CSV, XLSX); good rows are kept, the others reported
    Import(import::ImportArgs),
    /// Forecast a day by village: parcels down and lots up with P50, P80 and P90
    Forecast(forecast::ForecastArgs),
}

#[derive(Args, Debug)]
struct GenerateArgs {
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// Day of the orders
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N")]
    seed: u64,
    /// Profile of county.toml, such as default, 30000 or 60000
    #[arg(long, value_name = "NAME", default_value = "default")]
    profile: String,
    /// Orders file to write
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Runs the chosen command.
pub(crate) fn run(args: &OrdersArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        OrdersCommand::Generate(args) => generate(args, lang),
        OrdersCommand::Import(args) => import::run(args, lang),
        OrdersCommand::Forecast(args) => forecast::run(args, lang),
    }
}

#[derive(Serialize)]
struct Generated<'a> {
    date: Date,
    profile: &'a str,
    seed: u64,
    orders: usize,
    down: usize,
    up: usize,
    transfers: usize,
    returns: usize,
}

fn generate(args: &GenerateArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let county =
        county::load_dir(&args.county).map_err(|problems| Failure::Problems { problems, json: args.json })?;
    let records = generate::day(&county, args.date, args.seed, &args.profile)
        .map_err(|err| Failure::input(err.to_string()))?;
    write_whole(&args.out, &orders::write(&records))?;
    let count = |kind: &str| records.iter().filter(|r| r.kind == kind).count();
    let made = Generated {
        date: args.date,
        profile: &args.profile,
        seed: args.seed,
        orders: records.len(),
        down: count("down"),
        up: count("up"),
        transfers: count("transfer"),
        returns: count("return"),
    };
    if args.json {
        print_json(&made);
    } else {
        let Generated { orders, down, up, transfers, returns, .. } = made;
        let file = args.out.display();
        println!(
            "{}",
            lang.pick(
                format!("{orders} 票：下行 {down}，上行 {up}，县内互寄 {transfers}，退件 {returns} → {file}（按假定生成，并非实际数据）"),
                format!("{orders} orders: {down} down, {up} up, {transfers} transfers, {returns} returns -> {file} (generated from assumptions, not fact)"),
            )
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|err| Failure::input(format!("{}: {err}", path.display())))
}

/// Writes a file so that it appears whole or not at all: beside its place first, then renamed.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".part{}", std::process::id()));
    let fail = |err: std::io::Error| Failure::CouldNot(format!("{}: {err}", path.display()));
    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path)).map_err(|err| {
        let _ = std::fs::remove_file(&beside);
        fail(err)
    })
}
