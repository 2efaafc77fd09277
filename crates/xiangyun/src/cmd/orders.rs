//! `xiangyun orders`: a generated day, or another system's file brought into our form.

use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json, print_problems};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_planning::county::{self, Encodings, Table};
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
    Import(ImportArgs),
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

#[derive(Args, Debug)]
struct ImportArgs {
    /// Orders file of another system
    file: PathBuf,
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// Table of two columns, theirs and ours, that renames the file's header
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Day that the orders are for (default: the county's default day)
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Orders file to write with the good rows
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

/// Runs the chosen command.
pub(crate) fn run(args: &OrdersArgs, lang: Lang) -> Result<ExitCode, Failure> {
    match &args.command {
        OrdersCommand::Generate(args) => generate(args, lang),
        OrdersCommand::Import(args) => import(args, lang),
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

#[derive(Serialize)]
struct Imported<'a> {
    kept: usize,
    refused: usize,
    problems: &'a [Problem],
}

fn import(args: &ImportArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let county = county::load_dir(&args.county).map_err(refuse)?;
    let mut problems = Problems::new();
    let columns = match &args.mapping {
        None => HashMap::new(),
        Some(path) => read_mapping(path, &mut problems)?,
    };
    if !problems.is_empty() {
        return Err(refuse(problems));
    }
    let bytes = read_file(&args.file)?;
    let name = args.file.to_string_lossy();
    let date = args.date.unwrap_or(county.default_date);
    let rows = orders::read(&name, &bytes, orders::Source::Import, &columns, &county, date, &mut problems);
    if let Some(out) = &args.out {
        write_whole(out, &orders::write(rows.iter().map(|row| &row.record)))?;
    }
    let mut bad_rows: Vec<u64> = problems.list().iter().map(|p| p.row).collect();
    bad_rows.sort_unstable();
    bad_rows.dedup();
    if args.json {
        print_json(&Imported { kept: rows.len(), refused: bad_rows.len(), problems: problems.list() });
    } else {
        print_problems(&problems, false);
        let (kept, refused) = (rows.len(), bad_rows.len());
        println!(
            "{}",
            lang.pick(
                format!("接收 {kept} 行，拒绝 {refused} 行"),
                format!("{kept} rows kept, {refused} refused")
            )
        );
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

/// Reads a mapping of headers: a CSV with the columns `theirs` and `ours`.
fn read_mapping(path: &Path, problems: &mut Problems) -> Result<HashMap<String, String>, Failure> {
    let bytes = read_file(path)?;
    let name = path.to_string_lossy();
    let Some(table) = Table::read(&name, &bytes, &["theirs", "ours"], Encodings::Utf8OrGb18030, problems)
    else {
        return Ok(HashMap::new());
    };
    Ok(table.rows().map(|row| (row.text("theirs").to_owned(), row.text("ours").to_owned())).collect())
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
