//! `EDGE_WEIGHT_SECTION` in the layouts of TSPLIB.

use super::lines::Parts;
use crate::io::convention::Kind;
use crate::io::fault::{Fault, Sink};
use crate::io::instance::Travel;
use crate::io::number::{Field, Role, number};

/// The layouts: which cells a file gives, row by row.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Full,
    Lower { diagonal: bool },
    Upper { diagonal: bool },
}

/// Reads the matrix of an `EXPLICIT` file with `n` nodes.
pub(super) fn read(sink: &mut Sink, parts: &Parts<'_>, n: usize, kind: Kind) -> Option<Travel> {
    let lines = parts.need_section(sink, "EDGE_WEIGHT_SECTION")?;
    let (row, name) = match parts.header.get("EDGE_WEIGHT_FORMAT") {
        Some(&(row, name)) => (row, name.trim_matches('"')),
        // Left out: as many values as some layout has, the full matrix first.
        None => (0, guess(lines.iter().map(|(_, line)| line.split_ascii_whitespace().count()).sum(), n)),
    };
    // A triangle by columns is the other triangle by rows.
    let layout = match name.to_ascii_uppercase().as_str() {
        "FULL_MATRIX" => Layout::Full,
        "LOWER_ROW" | "UPPER_COL" => Layout::Lower { diagonal: false },
        "LOWER_DIAG_ROW" | "UPPER_DIAG_COL" => Layout::Lower { diagonal: true },
        "UPPER_ROW" | "LOWER_COL" => Layout::Upper { diagonal: false },
        "UPPER_DIAG_ROW" | "LOWER_DIAG_COL" => Layout::Upper { diagonal: true },
        _ => {
            let want =
                "not a layout we read; FULL_MATRIX, or LOWER or UPPER, with DIAG or without, by ROW or COL";
            sink.push(Fault::Unsupported, row, "EDGE_WEIGHT_FORMAT", name, want);
            return None;
        }
    };
    // Counted first, so that a short file cannot ask for a large table.
    let given: usize = lines.iter().map(|(_, line)| line.split_ascii_whitespace().count()).sum();
    let wanted = match layout {
        Layout::Full => n * n,
        Layout::Lower { diagonal } | Layout::Upper { diagonal } => {
            n * (n - 1) / 2 + if diagonal { n } else { 0 }
        }
    };
    if given != wanted {
        let want = format!("{given} values; {name} of DIMENSION {n} has {wanted}");
        sink.push(Fault::Matrix, 0, "EDGE_WEIGHT_SECTION", &given.to_string(), want);
        return None;
    }
    let cells = cells(layout, n);
    let mut distance = vec![f64::NAN; n * n];
    (0..n).for_each(|i| distance[i * n + i] = 0.0);
    let tokens = lines.iter().flat_map(|&(row, line)| line.split_ascii_whitespace().map(move |t| (row, t)));
    for ((i, j), (row, token)) in cells.zip(tokens) {
        if i == j {
            // Many files fill the diagonal with something very large.
            continue;
        }
        let field = Field { row, column: "EDGE_WEIGHT_SECTION", text: Some(token) };
        if let Some(value) = number(sink, field, Role::Arc) {
            distance[i * n + j] = value;
            if !matches!(layout, Layout::Full) {
                distance[j * n + i] = value;
            }
        }
    }
    Some(Travel::Explicit { distance, duration: None, divisor: divisor(parts, kind) })
}

/// The layout with so many values.
fn guess(values: usize, n: usize) -> &'static str {
    match values {
        v if v == n * (n - 1) / 2 => "LOWER_ROW",
        v if v == n * (n + 1) / 2 => "LOWER_DIAG_ROW",
        _ => "FULL_MATRIX",
    }
}

fn cells(layout: Layout, n: usize) -> Box<dyn Iterator<Item = (usize, usize)>> {
    match layout {
        Layout::Full => Box::new((0..n).flat_map(move |i| (0..n).map(move |j| (i, j)))),
        Layout::Lower { diagonal } => {
            Box::new((0..n).flat_map(move |i| (0..i + usize::from(diagonal)).map(move |j| (i, j))))
        }
        Layout::Upper { diagonal } => {
            Box::new((0..n).flat_map(move |i| (i + usize::from(!diagonal)..n).map(move |j| (i, j))))
        }
    }
}

/// Dethloff's instances (SCA, CON) stand in files as integers of one ten-thousandth; their published costs do not.
/// LKH-3 marks them by `DISTANCE: 0`.
fn divisor(parts: &Parts<'_>, kind: Kind) -> f64 {
    let name = parts.header.get("NAME").map_or("", |(_, v)| *v);
    let dethloff = name.starts_with("SCA") || name.starts_with("CON");
    let scaled = parts.header.get("DISTANCE").is_some_and(|(_, v)| *v == "0");
    if kind == Kind::Vrpspd && dethloff && scaled { 10_000.0 } else { 1.0 }
}
