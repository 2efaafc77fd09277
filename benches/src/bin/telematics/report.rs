//! What was measured: a line for people, a JSON line for machines, and whether the mark was met.

use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;

/// The rows of a run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Value>,
    missed: Vec<String>,
}

impl Report {
    /// A figure that must be at least its mark.
    pub(crate) fn at_least(&mut self, row: &str, what: &str, value: f64, mark: f64, unit: &str) {
        self.figure(row, what, value, Some((mark, value >= mark, ">=")), unit);
    }

    /// A figure that must be below its mark.
    pub(crate) fn below(&mut self, row: &str, what: &str, value: f64, mark: f64, unit: &str) {
        self.figure(row, what, value, Some((mark, value < mark, "<")), unit);
    }

    /// A figure without a mark.
    pub(crate) fn note(&mut self, row: &str, what: &str, value: f64, unit: &str) {
        self.figure(row, what, value, None, unit);
    }

    /// Something that must hold.
    pub(crate) fn holds(&mut self, row: &str, what: &str, good: bool) {
        self.figure(row, what, f64::from(u8::from(good)), Some((1.0, good, ">=")), "yes");
    }

    /// A row that could not be run.
    pub(crate) fn failed(&mut self, row: &str, why: &str) {
        println!("{row}: FAILED: {why}");
        self.rows.push(json!({ "row": row, "failed": why }));
        self.missed.push(format!("{row}: {why}"));
    }

    fn figure(&mut self, row: &str, what: &str, value: f64, mark: Option<(f64, bool, &str)>, unit: &str) {
        let shown = if value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
        match mark {
            Some((mark, met, sense)) => {
                println!(
                    "{row}: {what}: {shown} {unit} (want {sense} {mark}){}",
                    if met { "" } else { "  MISSED" }
                );
                let entry = json!({ "row": row, "what": what, "value": value, "unit": unit, "want": sense, "mark": mark, "met": met });
                self.rows.push(entry);
                if !met {
                    self.missed.push(format!("{row}: {what} {shown} {unit}, want {sense} {mark}"));
                }
            }
            None => {
                println!("{row}: {what}: {shown} {unit}");
                self.rows.push(json!({ "row": row, "what": what, "value": value, "unit": unit }));
            }
        }
    }

    /// Writes the JSON lines beside the program and gives what was missed.
    pub(crate) fn finish(self) -> Result<(), Box<dyn std::error::Error>> {
        let path = std::env::var_os("BENCH_JSON").map_or_else(
            || std::env::current_exe().map(|exe| exe.with_file_name("bench-telematics.jsonl")),
            |path| Ok(PathBuf::from(path)),
        )?;
        let mut file = std::fs::File::create(&path)?;
        for row in &self.rows {
            writeln!(file, "{row}")?;
        }
        println!("{} figures in {}", self.rows.len(), path.display());
        if self.missed.is_empty() {
            Ok(())
        } else {
            Err(format!("missed: {}", self.missed.join("; ")).into())
        }
    }
}

/// The value at a permille of sorted values.
pub(crate) fn at_permille(sorted: &[f64], permille: usize) -> f64 {
    sorted
        .get((sorted.len() * permille / 1000).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}
