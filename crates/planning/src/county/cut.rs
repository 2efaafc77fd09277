//! A part of a county as a county of its own: some townships with their villages, vehicles and drivers, for trials and tests.

use super::Files;
use std::collections::BTreeSet;

/// Keeps the hub, the gateways and these stations with at most `villages` of their villages in all, spread evenly; with them
/// go the vehicles, drivers, stock and calendar rows that belong there. Lines and corridors, which may be left out of a
/// county, are. Files that are not tables of text are passed on as they are.
#[must_use]
pub fn cut(files: &Files, stations: &[&str], villages: usize) -> Files {
    let mut out = Files::default();
    let kept = kept_sites(files.get("sites.csv").unwrap_or_default(), stations, villages);
    for (name, bytes) in files.iter() {
        let column = match name {
            "sites.csv" => "id",
            "vehicles.csv" | "drivers.csv" => "base",
            "stock.csv" | "calendar.csv" => "site",
            "lines.csv" | "corridors.csv" => continue,
            _ => {
                out.insert(name, bytes.to_vec());
                continue;
            }
        };
        let may_be_empty = name == "calendar.csv";
        let keep = |cell: &str| kept.contains(cell) || (may_be_empty && cell.is_empty());
        out.insert(name, filter(bytes, column, keep, (name == "drivers.csv").then_some(("knows", &kept))));
    }
    out
}

fn kept_sites(bytes: &[u8], stations: &[&str], villages: usize) -> BTreeSet<String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let at = |reader: &mut csv::Reader<&[u8]>, name: &str| {
        reader.headers().ok().and_then(|h| h.iter().position(|c| c == name)).unwrap_or(usize::MAX)
    };
    let (id, kind, parent) = (at(&mut reader, "id"), at(&mut reader, "kind"), at(&mut reader, "parent"));
    let (mut kept, mut points) = (BTreeSet::new(), Vec::new());
    for row in reader.records().flatten() {
        let cell = |i: usize| row.get(i).unwrap_or("");
        match cell(kind) {
            "hub" | "gateway" => drop(kept.insert(cell(id).to_owned())),
            "station" if stations.contains(&cell(id)) => drop(kept.insert(cell(id).to_owned())),
            "village" if stations.contains(&cell(parent)) => points.push(cell(id).to_owned()),
            _ => {}
        }
    }
    let every = points.len().div_ceil(villages.max(1)).max(1);
    let spread = (0..every).flat_map(|first| points.iter().skip(first).step_by(every).cloned());
    kept.extend(spread.take(villages));
    kept
}

/// Rows whose cell is kept; the entries of a list column that are not kept are left out of their rows.
fn filter(
    bytes: &[u8],
    column: &str,
    keep: impl Fn(&str) -> bool,
    list: Option<(&str, &BTreeSet<String>)>,
) -> Vec<u8> {
    let mut reader = csv::Reader::from_reader(bytes);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let Ok(head) = reader.headers().cloned() else { return bytes.to_vec() };
    let at = head.iter().position(|c| c == column);
    let list = list.and_then(|(name, kept)| Some((head.iter().position(|c| c == name)?, kept)));
    let _ = writer.write_record(&head);
    for row in reader.records().flatten() {
        if !at.and_then(|i| row.get(i)).is_some_and(&keep) {
            continue;
        }
        let cells = row.iter().enumerate().map(|(i, cell)| match list {
            Some((col, kept)) if col == i => {
                let sep = if cell.contains(';') { ";" } else { " " };
                cell.split(sep).filter(|x| kept.contains(x.trim())).collect::<Vec<_>>().join(sep)
            }
            _ => cell.to_owned(),
        });
        let _ = writer.write_record(cells.collect::<Vec<_>>());
    }
    writer.into_inner().unwrap_or_else(|_| bytes.to_vec())
}
