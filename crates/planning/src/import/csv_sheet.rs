//! CSV of foreign making: any of four separators, quoted rows over several lines, a quotation mark never closed, rows
//! of the wrong length. A fault costs its row, never the rows after it.

use super::limits::{CELL_BYTES_MAX, COLUMNS_MAX, QUOTED_LINES_MAX, ROWS_MAX};
use super::sheet::{Cells, Sheet, SheetRow, letter};
use super::text::{self, Encoding, Line};
use std::collections::VecDeque;

/// Separators looked for.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Reads the rows of a CSV file.
pub(super) fn read(sheet: &mut Sheet, bytes: &[u8]) {
    let bytes = text::unify(sheet, bytes);
    let encoding = text::vote(&bytes);
    let separator = separator(&bytes, encoding);
    let mut lines = text::lines(&bytes, encoding);
    let mut ahead: VecDeque<Line<'_>> = VecDeque::new();
    let mut splitter = Splitter::new(separator);
    let mut width = Width::default();
    while let Some(first) = ahead.pop_front().or_else(|| lines.next()) {
        if first.text.trim().is_empty() {
            continue;
        }
        let number = first.number;
        let (cells, used) = if quotes(&first.text).is_multiple_of(2) {
            (splitter.split(&first.text), 0)
        } else {
            joined(&first, &mut ahead, &mut lines, &mut splitter, &width)
        };
        let mut broken = first.broken;
        let mut other = first.other;
        for line in ahead.drain(..used) {
            broken |= line.broken;
            other |= line.other;
        }
        if cells.iter().all(|c| c.trim().is_empty()) {
            continue;
        }
        if sheet.rows.len() >= ROWS_MAX {
            let want = format!("too many rows; at most {ROWS_MAX} in one file, split it");
            sheet.problems.push(sheet.fault("P123", number, "", "", want));
            return;
        }
        let open = used == 0 && quotes(&first.text) % 2 == 1;
        keep(sheet, &mut width, number, &cells, &Oddities { broken, other, open });
    }
}

/// What the reading of a row met.
struct Oddities {
    broken: bool,
    other: bool,
    open: bool,
}

/// The usual number of cells: that of the widest row near the top, which is the header or a row like it.
#[derive(Default)]
struct Width {
    cells: usize,
    rows: usize,
}

fn keep(sheet: &mut Sheet, width: &mut Width, number: u64, cells: &[String], odd: &Oddities) {
    let filled = cells.iter().rposition(|c| !c.trim().is_empty()).map_or(0, |last| last + 1);
    if width.rows < 3 {
        width.cells = width.cells.max(filled);
        width.rows += 1;
    }
    let mut refused = false;
    let mut refuse = |sheet: &mut Sheet, code, column: &str, found: &str, want: String| {
        sheet.problems.push(sheet.fault(code, number, column, found, want));
        refused = true;
    };
    if filled > COLUMNS_MAX {
        refuse(
            sheet,
            "P123",
            "",
            &filled.to_string(),
            format!("too many cells; at most {COLUMNS_MAX} columns"),
        );
    }
    if let Some((at, cell)) = cells.iter().enumerate().find(|(_, c)| c.len() > CELL_BYTES_MAX) {
        let want = format!("the cell is too long; at most {CELL_BYTES_MAX} bytes");
        refuse(sheet, "P123", &letter(at), cell, want);
    }
    if let Some(at) = cells.iter().position(|c| c.contains('\0')) {
        refuse(sheet, "P103", &letter(at), "\\0", "a zero byte in the text; remove it".into());
    }
    if odd.broken || cells.iter().any(|c| c.contains('\u{FFFD}') || c.contains("锟斤拷")) {
        let at = cells.iter().position(|c| c.contains('\u{FFFD}') || c.contains("锟斤拷")).unwrap_or(0);
        let found = cells.get(at).map_or("", String::as_str).to_owned();
        let want = "characters lost to a wrong encoding; export this row again as UTF-8".to_owned();
        refuse(sheet, "P102", &letter(at), &found, want);
    }
    if odd.open && filled == width.cells {
        let want = "a quotation mark stands alone; taken as part of the text";
        sheet.notices.push(sheet.fault("P103", number, "", "\"", want));
    } else if odd.open {
        refuse(sheet, "P103", "", "\"", "a quotation mark is never closed; close it or double it".into());
    } else if filled > width.cells && width.rows >= 3 && number > 1 {
        let want = format!("the row has {filled} cells, the table {}; take the extra one out", width.cells);
        refuse(sheet, "P103", &letter(width.cells), &filled.to_string(), want);
    }
    if odd.other {
        let want = "this line is in another encoding than the rest; it was read, check its text";
        sheet.notices.push(sheet.fault("P102", number, "", cells.first().map_or("", String::as_str), want));
    }
    let kept: Vec<&str> = cells.iter().take(COLUMNS_MAX).map(|c| cut(c.trim())).collect();
    sheet.rows.push(SheetRow { row: number, cells: Cells::new(&kept), refused });
}

/// A cell within its bound.
fn cut(cell: &str) -> &str {
    if cell.len() <= CELL_BYTES_MAX {
        return cell;
    }
    let end = (0..=CELL_BYTES_MAX).rev().find(|&i| cell.is_char_boundary(i)).unwrap_or(0);
    &cell[..end]
}

fn quotes(text: &str) -> usize {
    text.bytes().filter(|&b| b == b'"').count()
}

/// A row that begins in `first` and goes on: its cells and how many lines of `ahead` it took. A row that does not
/// close within the bound, or closes at the wrong width, is `first` alone.
fn joined<'a>(
    first: &Line<'a>,
    ahead: &mut VecDeque<Line<'a>>,
    lines: &mut impl Iterator<Item = Line<'a>>,
    splitter: &mut Splitter,
    width: &Width,
) -> (Vec<String>, usize) {
    let mut whole = first.text.clone().into_owned();
    for used in 1..=QUOTED_LINES_MAX {
        if ahead.len() < used {
            let Some(line) = lines.next() else { break };
            ahead.push_back(line);
        }
        let line = &ahead[used - 1];
        // A line that is a whole row by itself is no part of a text: two marks left open must not pair over it.
        if width.rows > 0 && splitter.split(&line.text).len() == width.cells {
            break;
        }
        whole.push('\n');
        whole.push_str(&line.text);
        if quotes(&line.text) % 2 == 1 {
            let cells = splitter.split(&whole);
            if width.rows == 0 || cells.len() == width.cells {
                return (cells, used);
            }
            break;
        }
    }
    (splitter.split(&first.text), 0)
}

/// The separator that the first lines have most of, outside quotation marks.
fn separator(bytes: &[u8], encoding: Encoding) -> u8 {
    let mut counts = [0_usize; SEPARATORS.len()];
    for line in text::lines(bytes, encoding).filter(|l| !l.text.trim().is_empty()).take(5) {
        let mut quoted = false;
        for b in line.text.bytes() {
            quoted ^= b == b'"';
            if let (false, Some(at)) = (quoted, SEPARATORS.iter().position(|&s| s == b)) {
                counts[at] += 1;
            }
        }
    }
    let best = (0..SEPARATORS.len()).max_by_key(|&i| (counts[i], std::cmp::Reverse(i))).unwrap_or(0);
    SEPARATORS[best]
}

/// Splits one row of CSV.
struct Splitter {
    reader: csv_core::Reader,
    out: Vec<u8>,
    ends: Vec<usize>,
}

impl Splitter {
    fn new(separator: u8) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(separator).build();
        Self { reader, out: vec![0; 4096], ends: vec![0; 64] }
    }

    fn split(&mut self, row: &str) -> Vec<String> {
        self.reader.reset();
        if self.out.len() < row.len() + 16 {
            self.out.resize(row.len() + 16, 0);
        }
        if self.ends.len() < row.len() + 2 {
            self.ends.resize(row.len() + 2, 0);
        }
        let (mut wrote, mut count) = (0, 0);
        let mut input = row.as_bytes();
        loop {
            let (result, read, out, ends) =
                self.reader.read_record(input, &mut self.out[wrote..], &mut self.ends[count..]);
            input = &input[read..];
            wrote += out;
            count += ends;
            // Both buffers hold the whole row; an empty input ends it.
            if !matches!(result, csv_core::ReadRecordResult::InputEmpty) {
                break;
            }
        }
        let mut start = 0;
        self.ends[..count]
            .iter()
            .map(|&end| {
                let cell = String::from_utf8_lossy(&self.out[start..end]).into_owned();
                start = end;
                cell
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(text: &str) -> Sheet {
        let mut sheet = Sheet::new("t.csv");
        read(&mut sheet, text.as_bytes());
        sheet
    }

    fn row(sheet: &Sheet, i: usize) -> Vec<&str> {
        sheet.rows[i].cells.iter().collect()
    }

    #[test]
    fn quoted_rows_may_span_lines_and_separators_are_found() {
        let s = sheet("a;b;c\n1;\"two\nlines\";3\n4;5;6\n");
        assert_eq!(row(&s, 1), ["1", "two\nlines", "3"]);
        assert_eq!((s.rows[2].row, s.problems.list().len()), (4, 0));
    }

    #[test]
    fn an_open_quotation_mark_costs_its_row_alone() {
        let mut text = String::from("a,b,c\n1,2,3\n4,\"5,6\n");
        for i in 0..40 {
            text.push_str(&format!("{i},x,y\n"));
        }
        let s = sheet(&text);
        assert_eq!(s.rows.len(), 43);
        assert_eq!(s.problems.list().len(), 1);
        assert_eq!((s.problems.list()[0].code, s.problems.list()[0].row), ("P103", 3));
        assert!(s.rows[2].refused && !s.rows[3].refused);
    }

    #[test]
    fn two_open_marks_do_not_pair_over_good_rows() {
        let s = sheet("a,b,c\n1,\"2,3\n4,5,6\n7,\"8,9\n10,11,12\n");
        assert_eq!(s.rows.iter().filter(|r| !r.refused).map(|r| r.row).collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(s.problems.list().iter().map(|p| p.row).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_mark_of_inches_is_text() {
        let s = sheet("a,b,c\n1,2,3\n4,5\" tv,6\n7,8,9\n");
        assert!(s.problems.is_empty());
        assert_eq!((s.notices.list().len(), row(&s, 2)[1]), (1, "5\" tv"));
    }

    #[test]
    fn rows_of_the_wrong_length_are_named() {
        let s = sheet("a,b,c\n1,2,3\n4,5,6\n1,2,3,4\n1,2\n");
        assert_eq!(s.problems.list().len(), 1);
        assert_eq!((s.problems.list()[0].row, s.problems.list()[0].column.as_str()), (4, "D"));
    }
}
