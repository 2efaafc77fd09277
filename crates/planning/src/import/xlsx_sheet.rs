//! Workbooks: unpacked once by count alone, so that a bomb is known before anything is held, then read cell by cell as
//! a stream. A sheet formatted down to its millionth row costs time, not memory.

use super::limits::{
    CELL_BYTES_MAX, COLUMNS_MAX, MARKS_MAX, MERGES_MAX, ROWS_MAX, SHEET_BYTES_MAX, WORKBOOK_BYTES_MAX,
    WORKBOOK_TAGS_MAX, XML_RUN_BYTES_MAX, ZIP_ENTRIES_MAX,
};
use super::sheet::{Cells, Mark, Sheet, SheetRow, letter};
use calamine::{DataRef, Reader, Xlsx};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

/// Whole numbers that a workbook keeps exactly: fifteen digits.
const EXACT_MAX: f64 = 1e15;

/// Why a workbook is not read.
enum Refused {
    /// Unpacks to more than the bounds.
    TooLarge(String),
    /// Not a workbook, or a damaged one.
    Broken(String),
}

/// Reads the first sheet with something in it.
pub(super) fn read(sheet: &mut Sheet, bytes: &[u8]) {
    match weigh(bytes).and_then(|()| fill(sheet, bytes)) {
        Ok(()) => {}
        Err(Refused::TooLarge(what)) => {
            let want = format!(
                "the workbook unpacks to more than is read: {what}; save the one sheet that is meant as CSV"
            );
            sheet.problems.push(sheet.fault("P139", 0, "", &what, want));
        }
        Err(Refused::Broken(what)) => {
            let want = format!("the workbook cannot be read: {what}; save it as XLSX or CSV");
            sheet.problems.push(sheet.fault("P126", 0, "", "", want));
        }
    }
}

/// Unpacks every part without keeping it and compares it with the bounds; sizes that the archive claims are not trusted.
fn weigh(bytes: &[u8]) -> Result<(), Refused> {
    let broken = |err: zip::result::ZipError| Refused::Broken(err.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > ZIP_ENTRIES_MAX {
        return Err(Refused::TooLarge(format!("{} parts, at most {ZIP_ENTRIES_MAX}", archive.len())));
    }
    let (mut others, mut tags) = (0_u64, 0_u64);
    let mut buffer = vec![0_u8; 1 << 16];
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        // The reader holds these parts whole, wherever the archive puts them.
        let held = ["sharedstrings.xml", "styles.xml", "workbook.xml"];
        let lower = name.to_ascii_lowercase();
        let is_sheet = lower.contains("worksheets/") && !held.iter().any(|h| lower.ends_with(h));
        let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
        let (mut size, mut run) = (0_u64, 0_u64);
        loop {
            let n = entry.read(&mut buffer).map_err(|err| Refused::Broken(format!("{name}: {err}")))?;
            if n == 0 {
                break;
            }
            size += n as u64;
            if is_xml {
                for &b in &buffer[..n] {
                    run += 1;
                    if b == b'<' {
                        if !is_sheet {
                            tags += 1;
                        }
                        run = 0;
                    }
                    if run > XML_RUN_BYTES_MAX {
                        return Err(Refused::TooLarge(format!(
                            "{name}: one text of more than {XML_RUN_BYTES_MAX} bytes"
                        )));
                    }
                }
            }
            if is_sheet && size > SHEET_BYTES_MAX {
                return Err(Refused::TooLarge(format!("{name}: more than {SHEET_BYTES_MAX} bytes")));
            }
            if !is_sheet && others + size > WORKBOOK_BYTES_MAX {
                return Err(Refused::TooLarge(format!(
                    "{name}: more than {WORKBOOK_BYTES_MAX} bytes beside the sheets"
                )));
            }
            if tags > WORKBOOK_TAGS_MAX {
                return Err(Refused::TooLarge(format!("{name}: more than {WORKBOOK_TAGS_MAX} elements")));
            }
        }
        if !is_sheet {
            others += size;
        }
    }
    Ok(())
}

fn fill(sheet: &mut Sheet, bytes: &[u8]) -> Result<(), Refused> {
    let broken = |err: calamine::XlsxError| Refused::Broken(err.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let names = book.sheet_names();
    if names.is_empty() {
        return Err(Refused::Broken("it has no sheet".into()));
    }
    for name in names {
        let mut wide = false;
        stream(&mut book, &name, sheet, &mut wide).map_err(broken)?;
        if wide {
            let want = format!("cells beyond column {} are left out", letter(COLUMNS_MAX - 1));
            sheet.notices.push(sheet.fault("P123", 0, "", &name, want));
        }
        if !sheet.rows.is_empty() {
            merges(&mut book, &name, sheet);
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a sheet's cells in the order of the file.
fn stream(
    book: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    sheet: &mut Sheet,
    wide: &mut bool,
) -> Result<(), calamine::XlsxError> {
    let mut cells = match book.worksheet_cells_reader(name) {
        Ok(cells) => cells,
        // A chart has no cells.
        Err(calamine::XlsxError::WorksheetNotFound(_)) => return Ok(()),
        Err(err) => return Err(err),
    };
    let mut row = 0_u32;
    let mut line: Vec<String> = Vec::new();
    while let Some(cell) = cells.next_cell_with_formula_metadata()? {
        let (at, column) = cell.pos;
        let has_formula = cell.formula.is_some();
        if matches!(cell.value, DataRef::Empty) && !has_formula {
            continue;
        }
        if at != row {
            if !flush(sheet, row, &mut line) {
                return Ok(());
            }
            if at < row {
                // Rows out of order are no sheet that any program writes.
                return Err(calamine::XlsxError::XmlEof("row"));
            }
            row = at;
        }
        let column = column as usize;
        if column >= COLUMNS_MAX {
            *wide = true;
            continue;
        }
        let (text, mark) = text_of(&cell.value);
        let mark = mark.or_else(|| {
            let lost = has_formula && text.is_empty();
            lost.then(|| Mark::Formula("=…".to_owned()))
        });
        if let Some(mark) = mark
            && sheet.marks.len() < MARKS_MAX
        {
            sheet.marks.insert((u64::from(at) + 1, column as u32), mark);
        }
        if line.len() <= column {
            line.resize(column + 1, String::new());
        }
        line[column] = text;
    }
    flush(sheet, row, &mut line);
    Ok(())
}

/// Keeps a row; `false` when the table is full.
fn flush(sheet: &mut Sheet, row: u32, line: &mut Vec<String>) -> bool {
    let row = u64::from(row) + 1;
    let marked = sheet.marks.range((row, 0)..(row + 1, 0)).next().is_some();
    if line.iter().all(|c| c.is_empty()) && !marked {
        line.clear();
        return true;
    }
    if sheet.rows.len() >= ROWS_MAX {
        let want = format!("too many rows; at most {ROWS_MAX} in one file, split it");
        sheet.problems.push(sheet.fault("P123", row, "", "", want));
        line.clear();
        return false;
    }
    let mut refused = false;
    for (at, cell) in line.iter_mut().enumerate() {
        if cell.len() > CELL_BYTES_MAX {
            let want = format!("the cell is too long; at most {CELL_BYTES_MAX} bytes");
            sheet.problems.push(sheet.fault("P123", row, &letter(at), cell, want));
            let end = (0..=CELL_BYTES_MAX).rev().find(|&i| cell.is_char_boundary(i)).unwrap_or(0);
            cell.truncate(end);
            refused = true;
        } else if cell.contains('\u{FFFD}') || cell.contains("锟斤拷") {
            let want = "characters lost to a wrong encoding; export this row again";
            sheet.problems.push(sheet.fault("P102", row, &letter(at), cell, want));
            refused = true;
        }
    }
    sheet.rows.push(SheetRow { row, cells: Cells::new(line), refused });
    line.clear();
    true
}

/// A cell's text as people see it, and what is odd about it.
fn text_of(value: &DataRef<'_>) -> (String, Option<Mark>) {
    match value {
        DataRef::Empty => (String::new(), None),
        DataRef::String(text) => (text.trim().to_owned(), None),
        DataRef::SharedString(text) => (text.trim().to_owned(), None),
        DataRef::Int(n) => (n.to_string(), None),
        DataRef::Float(x) if x.fract() == 0.0 && x.abs() < 1e17 => {
            let mark = (x.abs() >= EXACT_MAX).then_some(Mark::LostDigits);
            (format!("{x:.0}"), mark)
        }
        DataRef::Float(x) if x.fract() == 0.0 => (format!("{x:e}"), Some(Mark::LostDigits)),
        DataRef::Float(x) => (x.to_string(), None),
        DataRef::Bool(yes) => (if *yes { "yes" } else { "no" }.to_owned(), None),
        DataRef::DateTime(when) => {
            let (year, month, day, hour, minute, second, _) = when.to_ymd_hms_milli();
            // Times without a day are days of 1899 or 1900.
            if year < 1901 {
                return (format!("{hour:02}:{minute:02}"), None);
            }
            let date = format!("{year:04}-{month:02}-{day:02}");
            let clock = (hour, minute, second) != (0, 0, 0);
            (if clock { format!("{date}T{hour:02}:{minute:02}") } else { date }, None)
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => (text.trim().to_owned(), None),
        DataRef::Error(err) => (err.to_string(), Some(Mark::Error(err.to_string()))),
    }
}

/// Marks the cells of merged ranges that have no value of their own.
fn merges(book: &mut Xlsx<Cursor<&[u8]>>, name: &str, sheet: &mut Sheet) {
    let Ok(ranges) = book.merge_cells_by_sheet_name(name) else { return };
    let rows: BTreeMap<u64, usize> = sheet.rows.iter().enumerate().map(|(i, r)| (r.row, i)).collect();
    for range in ranges.iter().take(MERGES_MAX) {
        let ((top, left), (bottom, right)) = (range.start, range.end);
        let corner = |row: u32, column: u32| format!("{}{}", letter(column as usize), u64::from(row) + 1);
        let names = format!("{}:{}", corner(top, left), corner(bottom, right));
        let (first, last) = (u64::from(top) + 1, u64::from(bottom) + 1);
        for (&row, _) in rows.range(first..=last) {
            for column in left..=right.min(left.saturating_add(COLUMNS_MAX as u32)) {
                if (row, column) == (first, left) {
                    continue;
                }
                if sheet.marks.len() >= MARKS_MAX {
                    return;
                }
                sheet.marks.entry((row, column)).or_insert_with(|| Mark::Merged(names.clone()));
            }
        }
    }
}
