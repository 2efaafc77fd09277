//! `xiangyun orders import`: another system's file into orders; good rows kept, the others given back with their cure.

use super::{read_file, write_whole};
use crate::locale::Lang;
use crate::report::{EXIT_COULD_NOT, Failure, print_json};
use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use xiangyun_model::county::County;
use xiangyun_model::id::CarrierId;
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_planning::address::{Agreed, Corrections, Places, Resolver, with_corrections};
use xiangyun_planning::county::{self, Encodings, Table, read_plain_or_gz};
use xiangyun_planning::import::{self, Context, Imported, Mapping};
use xiangyun_planning::orders;

/// Arguments of `orders import`.
#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// Orders file of another system
    file: PathBuf,
    /// County directory
    #[arg(long, value_name = "DIR")]
    county: PathBuf,
    /// Table of two columns, theirs and ours, that says what the file's columns mean (default: mappings/CARRIER.csv of the county if there, else suggested)
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Carrier whose file it is, by id, where no column says so
    #[arg(long, value_name = "ID")]
    carrier: Option<String>,
    /// Day that the orders are for (default: the county's default day)
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Orders file of the same day whose waybills are there already
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
    /// Orders file to write with the good rows
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// File to write with the rows refused or to be sorted by hand, each with what is wrong and what would be right
    #[arg(long, value_name = "FILE")]
    fix: Option<PathBuf>,
    /// Keep the meaning of the columns for this carrier's next file (mappings/CARRIER.csv of the county)
    #[arg(long, requires = "carrier")]
    save_mapping: bool,
    /// Learn from rows that a sorter placed: those with an address and a site go into corrections.csv of the county
    #[arg(long)]
    learn: bool,
    /// Write nothing; say what an import would do
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document on stdout and nothing else there
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    kept: usize,
    refused: usize,
    to_sort: usize,
    duplicates: usize,
    dry_run: bool,
    mapping: Option<&'a Mapping>,
    problems: &'a [Problem],
    problems_dropped: u64,
    notices: &'a [Problem],
    notices_dropped: u64,
    sort_list: Vec<ToSort<'a>>,
}

#[derive(Serialize)]
struct ToSort<'a> {
    row: u64,
    id: &'a str,
    address: &'a str,
    candidates: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    site: &'a str,
    name: &'a str,
    confidence_pm: u32,
}

/// Brings a file in.
pub(super) fn run(args: &ImportArgs, lang: Lang) -> Result<ExitCode, Failure> {
    let refuse = |problems| Failure::Problems { problems, json: args.json };
    let county = county::load_dir(&args.county).map_err(refuse)?;
    let mut problems = Problems::new();
    let carrier = args.carrier.as_deref().map(|id| carrier_of(id, &county)).transpose()?;
    let kept = kept_mapping(args, &mut problems)?;
    let date = args.date.unwrap_or(county.default_date);
    let known = known_waybills(args, &county, date, &mut problems)?;
    let resolver = resolver(&args.county, &county, &mut problems);
    if !problems.is_empty() {
        return Err(refuse(problems));
    }
    let name = args.file.to_string_lossy();
    let sheet = import::read(&name, &read_file(&args.file)?);
    let mapping = import::suggest(&sheet, &kept);
    let imported = match &mapping {
        Some(mapping) => {
            let context =
                Context { county: &county, date, resolver: Some(&resolver), carrier, known: &known };
            import::convert(&sheet, mapping, &context)
        }
        None => Imported {
            problems: sheet.problems.clone(),
            notices: sheet.notices.clone(),
            ..Imported::default()
        },
    };
    if !args.dry_run {
        write(args, &county, &imported, mapping.as_ref())?;
    }
    report(args, lang, &county, &imported, mapping.as_ref());
    let whole = imported.problems.is_empty() && imported.to_sort.is_empty();
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(EXIT_COULD_NOT) })
}

fn write(
    args: &ImportArgs,
    county: &County,
    imported: &Imported,
    mapping: Option<&Mapping>,
) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        write_whole(out, &orders::write(imported.kept.iter().map(|k| &k.order.record)))?;
    }
    if let Some(fix) = &args.fix
        && !imported.fix_file.is_empty()
    {
        write_whole(fix, &imported.fix_file)?;
    }
    if args.learn {
        learn(args, county, imported)?;
    }
    if let (true, Some(carrier), Some(mapping)) = (args.save_mapping, &args.carrier, mapping) {
        let path = mapping_path(&args.county, carrier);
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)
                .map_err(|err| Failure::CouldNot(format!("{}: {err}", dir.display())))?;
        }
        write_whole(&path, &mapping.to_csv())?;
    }
    Ok(())
}

/// Adds the addresses that a person placed to the county's corrections.
fn learn(args: &ImportArgs, county: &County, imported: &Imported) -> Result<(), Failure> {
    let path = args.county.join("corrections.csv");
    let table = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(err) => return Err(Failure::CouldNot(format!("{}: {err}", path.display()))),
    };
    match with_corrections(&table, imported.settled(), county) {
        Some(table) => write_whole(&path, &table),
        None => Ok(()),
    }
}

fn report(args: &ImportArgs, lang: Lang, county: &County, imported: &Imported, mapping: Option<&Mapping>) {
    let place = |c: &xiangyun_planning::address::Candidate| {
        let site = county.site(c.site);
        Place { site: site.id.as_str(), name: &site.name_zh, confidence_pm: c.confidence_pm }
    };
    if args.json {
        print_json(&Document {
            kept: imported.kept.len(),
            refused: imported.refused.len(),
            to_sort: imported.to_sort.len(),
            duplicates: imported.duplicates.len(),
            dry_run: args.dry_run,
            mapping,
            problems: imported.problems.list(),
            problems_dropped: imported.problems.dropped(),
            notices: imported.notices.list(),
            notices_dropped: imported.notices.dropped(),
            sort_list: imported
                .to_sort
                .iter()
                .map(|t| ToSort {
                    row: t.row,
                    id: &t.record.id,
                    address: &t.address,
                    candidates: t.candidates.iter().map(place).collect(),
                })
                .collect(),
        });
        return;
    }
    for problem in imported.problems.list().iter().chain(imported.notices.list()) {
        eprintln!("{problem}");
    }
    let dropped = imported.problems.dropped() + imported.notices.dropped();
    if dropped > 0 {
        eprintln!("... {dropped} more");
    }
    if let Some(mapping) = mapping {
        let used = mapping.columns.iter().filter(|c| !c.ours.is_empty());
        let used: Vec<String> = used.map(|c| format!("{} = {}", c.theirs, c.ours)).collect();
        println!("{}{}", lang.pick("列的含义：", "columns: "), used.join(", "));
    }
    let (kept, refused, sort, twice) =
        (imported.kept.len(), imported.refused.len(), imported.to_sort.len(), imported.duplicates.len());
    println!(
        "{}",
        lang.pick(
            format!("接收 {kept} 行，拒绝 {refused} 行，待人工分拣 {sort} 行，重复 {twice} 行"),
            format!("{kept} rows kept, {refused} refused, {sort} to sort by hand, {twice} duplicates")
        )
    );
}

fn carrier_of(id: &str, county: &County) -> Result<CarrierId, Failure> {
    let found = county.carriers.iter().position(|c| c.id.as_str() == id);
    found.map(CarrierId::at).ok_or_else(|| {
        let all: Vec<&str> = county.carriers.iter().map(|c| c.id.as_str()).collect();
        Failure::input(format!("--carrier {id}: one of {}", all.join(", ")))
    })
}

fn mapping_path(county: &Path, carrier: &str) -> PathBuf {
    county.join("mappings").join(format!("{carrier}.csv"))
}

/// The mapping given, or the one kept for the carrier.
fn kept_mapping(args: &ImportArgs, problems: &mut Problems) -> Result<BTreeMap<String, String>, Failure> {
    let kept = args.carrier.as_deref().map(|c| mapping_path(&args.county, c)).filter(|p| p.is_file());
    let Some(path) = args.mapping.clone().or(kept) else { return Ok(BTreeMap::new()) };
    let bytes = read_file(&path)?;
    let name = path.to_string_lossy();
    let Some(table) = Table::read(&name, &bytes, &["theirs", "ours"], Encodings::Utf8OrGb18030, problems)
    else {
        return Ok(BTreeMap::new());
    };
    let mut all = BTreeMap::new();
    for row in table.rows() {
        let ours = row.text("ours");
        if !import::is_field(ours) {
            let want = format!(
                "no field of ours; one of {}, or nothing",
                xiangyun_model::order::OrderRecord::COLUMNS
                    .iter()
                    .chain(&import::FIELDS)
                    .copied()
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            problems.push(row.fault("P137", "ours", want));
        }
        all.insert(row.text("theirs").to_owned(), ours.to_owned());
    }
    Ok(all)
}

fn known_waybills(
    args: &ImportArgs,
    county: &County,
    date: Date,
    problems: &mut Problems,
) -> Result<BTreeSet<String>, Failure> {
    let Some(path) = &args.known else { return Ok(BTreeSet::new()) };
    let rows = orders::read(
        &path.to_string_lossy(),
        &read_file(path)?,
        orders::Source::Own,
        &std::collections::HashMap::new(),
        county,
        date,
        problems,
    );
    Ok(rows.into_iter().map(|r| r.record.id).collect())
}

/// The county's resolver of addresses with what its directory knows: `places.csv`, `corrections.csv`, `agreed.csv`.
pub(crate) fn resolver(dir: &Path, county: &County, problems: &mut Problems) -> Resolver {
    let mut file = |name: &str| match read_plain_or_gz(dir, name) {
        Ok(bytes) => bytes,
        Err(err) => {
            problems.push(Problem {
                code: "P100",
                file: name.to_owned(),
                row: 0,
                column: String::new(),
                found: String::new(),
                want: format!("the file cannot be read: {err}"),
            });
            None
        }
    };
    let (places, corrections, agreed) = (file("places.csv"), file("corrections.csv"), file("agreed.csv"));
    let places = places.map_or_else(Places::default, |b| Places::read("places.csv", &b, county, problems));
    let corrections = corrections
        .map_or_else(Corrections::default, |b| Corrections::read("corrections.csv", &b, county, problems));
    let agreed = agreed.map_or_else(Agreed::default, |b| Agreed::read("agreed.csv", &b, county, problems));
    Resolver::new(county, &places, corrections, agreed)
}
