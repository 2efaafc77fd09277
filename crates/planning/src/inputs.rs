//! The inputs kept beside a plan, `inputs/`: the county's tables, the orders, the opening state and the travel tables,
//! each gzipped, so that a plan can be checked and computed again from its directory alone.

use crate::county::{self, COUNTY_FILES, Files, read_plain_or_gz};
use crate::orders::{self, OrderRow, Source};
use crate::travel::Travel;
use jiff::civil::Date;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use xiangyun_model::county::County;
use xiangyun_model::order::OrderRecord;
use xiangyun_model::plan::DayState;
use xiangyun_model::problem::{Problem, Problems};

/// Name of the day's orders in `inputs/`, today's and the backlog's together.
pub const ORDERS_FILE: &str = "orders.csv";
/// Name of the opening state in `inputs/`.
pub const OPENING_FILE: &str = "opening_state.json";
/// Name of the travel tables in `inputs/`.
pub const TRAVEL_FILE: &str = "travel.json";

/// Everything that a plan was made from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The county.
    pub county: County,
    /// The orders, today's and the backlog's, in file order.
    pub orders: Vec<OrderRow>,
    /// The state in the morning.
    pub opening: DayState,
    /// Times and lengths.
    pub travel: Travel,
}

/// The files of `inputs/` as `(name, bytes)`, compressed with no time stamp so that the same input gives the same
/// bytes.
#[must_use]
pub fn encode<'a>(
    files: &Files,
    records: impl IntoIterator<Item = &'a OrderRecord>,
    opening: &DayState,
    travel: &Travel,
) -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<(String, Vec<u8>)> = COUNTY_FILES
        .iter()
        .filter_map(|&name| files.get(name).map(|bytes| (format!("{name}.gz"), gzip(bytes))))
        .collect();
    out.push((format!("{ORDERS_FILE}.gz"), gzip(&orders::write(records))));
    let opening = serde_json::to_vec(opening).expect("a state has text keys only");
    out.push((format!("{OPENING_FILE}.gz"), gzip(&opening)));
    let travel = serde_json::to_vec(travel).expect("tables are numbers");
    out.push((format!("{TRAVEL_FILE}.gz"), gzip(&travel)));
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}

/// Reads `inputs/` of a plan for its date.
///
/// # Errors
/// Every problem found.
pub fn read(dir: &Path, date: Date) -> Result<Inputs, Problems> {
    let county = county::load(&Files::read_dir(dir)?)?;
    let mut problems = Problems::new();
    let orders = file(dir, ORDERS_FILE, &mut problems).map(|bytes| {
        orders::read(ORDERS_FILE, &bytes, Source::Own, &HashMap::new(), &county, date, &mut problems)
    });
    let opening: Option<DayState> = json(dir, OPENING_FILE, &mut problems);
    let travel: Option<Travel> = json(dir, TRAVEL_FILE, &mut problems);
    match (orders, opening, travel) {
        (Some(orders), Some(opening), Some(travel)) if problems.is_empty() => {
            Ok(Inputs { county, orders, opening, travel })
        }
        _ => Err(problems),
    }
}

fn fault(code: &'static str, name: &str, want: String) -> Problem {
    Problem { code, file: name.into(), row: 0, column: String::new(), found: String::new(), want }
}

fn file(dir: &Path, name: &str, problems: &mut Problems) -> Option<Vec<u8>> {
    match read_plain_or_gz(dir, name) {
        Ok(Some(bytes)) => Some(bytes),
        Ok(None) => {
            problems.push(fault("P101", name, "the file is missing; a plan keeps its inputs".into()));
            None
        }
        Err(err) => {
            problems.push(fault("P100", name, format!("the file cannot be read: {err}")));
            None
        }
    }
}

fn json<T: serde::de::DeserializeOwned>(dir: &Path, name: &str, problems: &mut Problems) -> Option<T> {
    let bytes = file(dir, name, problems)?;
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(err) => {
            let row = u64::try_from(err.line()).unwrap_or(0);
            problems
                .push(Problem { row, ..fault("P127", name, format!("not the JSON that is meant: {err}")) });
            None
        }
    }
}
