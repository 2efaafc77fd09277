//! A table as it came: every row with its place, cells as text, and what was odd about single cells.

use std::collections::BTreeMap;
use xiangyun_model::problem::{Problem, Problems};

/// Cells of one row in one piece of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cells {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl Cells {
    /// Packs the cells of a row.
    #[must_use]
    pub fn new<S: AsRef<str>>(cells: &[S]) -> Self {
        let mut text = String::with_capacity(cells.iter().map(|c| c.as_ref().len()).sum());
        let mut ends = Vec::with_capacity(cells.len());
        for cell in cells {
            text.push_str(cell.as_ref());
            // Rows are bounded to a few megabytes by the readers.
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self { text: text.into(), ends: ends.into() }
    }

    /// Number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A cell's text; empty beyond the row's end.
    #[must_use]
    pub fn get(&self, column: usize) -> &str {
        let Some(&end) = self.ends.get(column) else { return "" };
        let start = column.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    /// The cells in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }
}

/// What is odd about a cell of a workbook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A formula with no value beside it.
    Formula(String),
    /// A formula that ended in an error, such as `#N/A`.
    Error(String),
    /// A number of more digits than the workbook keeps.
    LostDigits,
    /// Within a merged range, not its first cell; the range by its corners, such as `B3:B6`.
    Merged(String),
}

/// One row.
#[derive(Clone, Debug)]
pub struct SheetRow {
    /// Its number in the file, from 1.
    pub row: u64,
    /// Its cells.
    pub cells: Cells,
    /// Whether the reader refused it (a problem says why): kept to be given back.
    pub refused: bool,
}

/// A table read from a file of any layout.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The file as the user named it.
    pub file: String,
    /// Rows with something in them, in order.
    pub rows: Vec<SheetRow>,
    /// Odd cells by row and column (from 0).
    pub marks: BTreeMap<(u64, u32), Mark>,
    /// Faults that cost a row or the file.
    pub problems: Problems,
    /// What was mended on the way: the row is kept.
    pub notices: Problems,
}

impl Sheet {
    /// An empty table of a file.
    #[must_use]
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// A fault at a place of the file. Columns that have no name yet are named by letter, as spreadsheets do.
    pub(super) fn fault(
        &self,
        code: &'static str,
        row: u64,
        column: &str,
        found: &str,
        want: impl Into<String>,
    ) -> Problem {
        Problem {
            code,
            file: self.file.clone(),
            row,
            column: column.to_owned(),
            found: shortened(found),
            want: want.into(),
        }
    }
}

/// At most eighty bytes of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    if text.len() <= 80 {
        return text.to_owned();
    }
    let cut = (0..=77).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}…", &text[..cut])
}

/// The name that spreadsheets give a column: A, B, …, Z, AA, …
#[must_use]
pub fn letter(column: usize) -> String {
    let mut rest = column;
    let mut name = Vec::new();
    loop {
        name.push(b'A' + u8::try_from(rest % 26).unwrap_or(0));
        if rest < 26 {
            break;
        }
        rest = rest / 26 - 1;
    }
    name.reverse();
    String::from_utf8(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_their_borders() {
        let cells = Cells::new(&["a", "", "中文"]);
        assert_eq!(cells.iter().collect::<Vec<_>>(), ["a", "", "中文"]);
        assert_eq!((cells.get(7), cells.len()), ("", 3));
    }

    #[test]
    fn columns_are_named_as_spreadsheets_name_them() {
        let names: Vec<String> = [0, 25, 26, 51, 52, 701, 702].into_iter().map(letter).collect();
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
