//! Tables of text with their places kept, so that every fault can be named by file, row and column.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use xiangyun_model::fleet::VehicleKind;
use xiangyun_model::id::Code;
use xiangyun_model::problem::{Problem, Problems};
use xiangyun_model::time::{DayTime, Hours, Window};

/// Largest table in bytes, after decompression.
pub const TABLE_BYTES_MAX: usize = 256 << 20;
/// Most rows of one table.
pub const TABLE_ROWS_MAX: usize = 1_000_000;
/// Most bytes of one cell.
pub const CELL_BYTES_MAX: usize = 4096;

/// How text that is not UTF-8 is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encodings {
    /// UTF-8 alone, with or without a byte order mark: the county's own files.
    Utf8,
    /// GB 18030 (and so GBK and GB 2312) too: files that other firms' systems write.
    Utf8OrGb18030,
}

/// A table read, with the header's names and the rows' places.
#[derive(Debug)]
pub struct Table {
    /// Name of the file as the user gave it.
    pub file: String,
    columns: Vec<String>,
    rows: Vec<(u64, Vec<String>)>,
}

fn problem(
    code: &'static str,
    file: &str,
    row: u64,
    column: &str,
    found: &str,
    want: impl Into<String>,
) -> Problem {
    let mut found = found.to_owned();
    if found.len() > 80 {
        let cut = (0..=77).rev().find(|&i| found.is_char_boundary(i)).unwrap_or(0);
        found.truncate(cut);
        found.push('…');
    }
    Problem { code, file: file.to_owned(), row, column: column.to_owned(), found, want: want.into() }
}

/// Turns bytes into text by the policy, or says where they stop being text.
fn decode<'a>(
    file: &str,
    bytes: &'a [u8],
    encodings: Encodings,
    problems: &mut Problems,
) -> Option<std::borrow::Cow<'a, str>> {
    if bytes.len() > TABLE_BYTES_MAX {
        let want = format!("the file is too large; at most {TABLE_BYTES_MAX} bytes");
        problems.push(problem("P123", file, 0, "", &bytes.len().to_string(), want));
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let err = match std::str::from_utf8(bytes) {
        Ok(text) => return Some(text.into()),
        Err(err) => err,
    };
    if encodings == Encodings::Utf8OrGb18030
        && !bytes.starts_with(b"\xFF\xFE")
        && !bytes.starts_with(b"\xFE\xFF")
    {
        let (text, _, broken) = encoding_rs::GB18030.decode(bytes);
        if !broken {
            return Some(text);
        }
    }
    let good = &bytes[..err.valid_up_to()];
    let row = 1 + good.iter().filter(|&&b| b == b'\n').count() as u64;
    let line = good.rsplit(|&b| b == b'\n').next().unwrap_or(good);
    let commas = line.iter().filter(|&&b| b == b',').count();
    let header = bytes.split(|&b| b == b'\n').next().unwrap_or(bytes);
    let column =
        header.split(|&b| b == b',').nth(commas).and_then(|c| std::str::from_utf8(c).ok()).unwrap_or("");
    let wrong: Vec<String> = bytes[err.valid_up_to()..].iter().take(4).map(|b| format!("{b:02X}")).collect();
    let want = match encodings {
        Encodings::Utf8 => "not UTF-8 text; save the file as UTF-8",
        Encodings::Utf8OrGb18030 => "neither UTF-8 nor GB 18030 text; save the file as UTF-8",
    };
    problems.push(problem("P102", file, row, column.trim(), &wrong.join(" "), want));
    None
}

impl Table {
    /// Reads CSV. Faults of encoding, shape and size go to `problems`; rows of the wrong length are left out.
    /// `None` when nothing can be read at all.
    pub fn read(
        file: &str,
        bytes: &[u8],
        required: &[&str],
        encodings: Encodings,
        problems: &mut Problems,
    ) -> Option<Self> {
        let text = decode(file, bytes, encodings, problems)?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut columns: Option<Vec<String>> = None;
        let mut rows = Vec::new();
        let mut last_row = 1;
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let row = record.position().map_or(0, csv::Position::line);
                    last_row = row;
                    let cells: Vec<String> = record.iter().map(|c| c.trim().to_owned()).collect();
                    match &columns {
                        None => columns = Some(cells),
                        Some(names) => keep_row(file, names, row, cells, &mut rows, problems),
                    }
                }
                Err(err) => problems.push(broken_csv(file, &err)),
            }
            if rows.len() > TABLE_ROWS_MAX {
                let want = format!("too many rows; at most {TABLE_ROWS_MAX}");
                problems.push(problem("P123", file, last_row, "", "", want));
                return None;
            }
        }
        if text.bytes().filter(|&b| b == b'"').count() % 2 == 1 {
            problems.push(problem(
                "P103",
                file,
                last_row,
                "",
                "\"",
                "a quotation mark is never closed; close it or double it",
            ));
        }
        Self::with_header(file, columns, rows, required, problems)
    }

    /// Reads the first sheet of an XLSX workbook.
    pub fn read_xlsx(file: &str, bytes: &[u8], required: &[&str], problems: &mut Problems) -> Option<Self> {
        use calamine::{Data, Reader};
        let mut broken = |err: String| {
            problems.push(problem(
                "P126",
                file,
                0,
                "",
                "",
                format!("the workbook cannot be read: {err}; save it as XLSX or CSV"),
            ));
        };
        if bytes.len() > TABLE_BYTES_MAX {
            broken(format!("more than {TABLE_BYTES_MAX} bytes"));
            return None;
        }
        let mut book: calamine::Xlsx<_> = match calamine::Xlsx::new(std::io::Cursor::new(bytes)) {
            Ok(book) => book,
            Err(err) => {
                broken(err.to_string());
                return None;
            }
        };
        let sheet = match book.worksheet_range_at(0) {
            Some(Ok(sheet)) => sheet,
            Some(Err(err)) => {
                broken(err.to_string());
                return None;
            }
            None => {
                broken("it has no sheet".into());
                return None;
            }
        };
        let first_row = sheet.start().map_or(0, |(row, _)| u64::from(row));
        let text = |cell: &Data| match cell {
            Data::Empty => String::new(),
            // A spreadsheet keeps whole numbers as floating point; a waybill number must not become 1.2e12.
            Data::Float(x) if x.fract() == 0.0 && x.abs() < 9e15 => format!("{x:.0}"),
            Data::DateTime(when) => {
                let (year, month, day, hour, minute, ..) = when.to_ymd_hms_milli();
                let date = format!("{year:04}-{month:02}-{day:02}");
                if (hour, minute) == (0, 0) { date } else { format!("{date}T{hour:02}:{minute:02}") }
            }
            other => other.to_string().trim().to_owned(),
        };
        let mut lines = sheet.rows().map(|cells| cells.iter().map(text).collect::<Vec<_>>());
        let columns = lines.next();
        let mut rows = Vec::new();
        for (i, cells) in lines.enumerate().take(TABLE_ROWS_MAX) {
            if cells.iter().any(|c| !c.is_empty()) {
                rows.push((first_row + 2 + i as u64, cells));
            }
        }
        Self::with_header(file, columns, rows, required, problems)
    }

    /// A table of rows that are in memory already, each with its number in the file that it came from.
    #[must_use]
    pub fn from_rows(file: &str, columns: Vec<String>, rows: Vec<(u64, Vec<String>)>) -> Self {
        Self { file: file.to_owned(), columns, rows }
    }

    fn with_header(
        file: &str,
        columns: Option<Vec<String>>,
        rows: Vec<(u64, Vec<String>)>,
        required: &[&str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let Some(columns) = columns else {
            problems.push(problem(
                "P104",
                file,
                1,
                "",
                "",
                format!("the file is empty; its first row names the columns {}", required.join(",")),
            ));
            return None;
        };
        let mut whole = true;
        for (i, name) in columns.iter().enumerate() {
            if !name.is_empty() && columns[..i].contains(name) {
                problems.push(problem(
                    "P104",
                    file,
                    1,
                    name,
                    name,
                    "this column is there twice; name each once",
                ));
                whole = false;
            }
        }
        let table = Self { file: file.to_owned(), columns, rows };
        whole &= table.require(required, problems);
        whole.then_some(table)
    }

    /// Replaces names of columns, for files whose headers are in another system's words.
    pub fn rename(&mut self, names: &HashMap<String, String>) {
        for column in &mut self.columns {
            if let Some(name) = names.get(column.as_str()) {
                column.clone_from(name);
            }
        }
    }

    /// Whether all these columns are there; reports those that are not.
    pub fn require(&self, required: &[&str], problems: &mut Problems) -> bool {
        let mut whole = true;
        for &name in required {
            if !self.columns.iter().any(|c| c == name) {
                let want = format!("the column {name} is missing; add it to the header");
                problems.push(problem("P104", &self.file, 1, name, &self.columns.join(","), want));
                whole = false;
            }
        }
        whole
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, each with access by column.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let index: std::sync::Arc<HashMap<&str, usize>> =
            std::sync::Arc::new(self.columns.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect());
        self.rows.iter().map(move |(row, cells)| Row {
            file: &self.file,
            row: *row,
            cells,
            index: index.clone(),
        })
    }
}

fn keep_row(
    file: &str,
    names: &[String],
    row: u64,
    cells: Vec<String>,
    rows: &mut Vec<(u64, Vec<String>)>,
    problems: &mut Problems,
) {
    if let Some(i) = cells.iter().position(|c| c.len() > CELL_BYTES_MAX) {
        let want = format!("the cell is too long; at most {CELL_BYTES_MAX} bytes");
        problems.push(problem("P123", file, row, names.get(i).map_or("", String::as_str), &cells[i], want));
        return;
    }
    if let Some((i, _)) = cells.iter().enumerate().find(|(_, c)| c.contains('\0')) {
        problems.push(problem(
            "P103",
            file,
            row,
            names.get(i).map_or("", String::as_str),
            "\\0",
            "a zero byte in the text; remove it",
        ));
        return;
    }
    rows.push((row, cells));
}

fn broken_csv(file: &str, err: &csv::Error) -> Problem {
    let row = err.position().map_or(0, csv::Position::line);
    match err.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => problem(
            "P103",
            file,
            row,
            "",
            &len.to_string(),
            format!("the row has {len} cells; the header names {expected_len}"),
        ),
        other => problem("P103", file, row, "", "", format!("the row cannot be read as CSV: {other:?}")),
    }
}

/// One row; its accessors report a fault and give `None`.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// File name.
    pub file: &'a str,
    /// Row, the header counting as 1.
    pub row: u64,
    cells: &'a [String],
    index: std::sync::Arc<HashMap<&'a str, usize>>,
}

impl<'a> Row<'a> {
    /// The text of a column; empty when the file has no such column.
    #[must_use]
    pub fn text(&self, column: &str) -> &'a str {
        self.index.get(column).and_then(|&i| self.cells.get(i)).map_or("", String::as_str)
    }

    /// A fault in this row.
    #[must_use]
    pub fn fault(&self, code: &'static str, column: &str, want: impl Into<String>) -> Problem {
        problem(code, self.file, self.row, column, self.text(column), want)
    }

    /// An identifier.
    pub fn code(&self, column: &str, problems: &mut Problems) -> Option<Code> {
        let text = self.text(column);
        if text.is_empty() {
            problems.push(self.fault("P105", column, "nothing is there; give an identifier"));
            return None;
        }
        Code::parse(text)
            .map_err(|err| problems.push(self.fault("P108", column, format!("{err}; choose another"))))
            .ok()
    }

    /// A whole number within a range.
    pub fn int(&self, column: &str, range: RangeInclusive<i64>, problems: &mut Problems) -> Option<i64> {
        let text = self.text(column);
        let (low, high) = (range.start(), range.end());
        if text.is_empty() {
            problems.push(self.fault(
                "P105",
                column,
                format!("nothing is there; give a whole number from {low} to {high}"),
            ));
            return None;
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let value = if digits.bytes().all(|b| b.is_ascii_digit()) { text.parse::<i64>().ok() } else { None };
        match value {
            None => {
                problems.push(self.fault(
                    "P106",
                    column,
                    format!("not a whole number; give one from {low} to {high}"),
                ));
                None
            }
            Some(value) if !range.contains(&value) => {
                let what = if value < 0 && *low >= 0 { "negative" } else { "out of range" };
                problems.push(self.fault(
                    "P107",
                    column,
                    format!("{what}; give a whole number from {low} to {high}"),
                ));
                None
            }
            some => some,
        }
    }

    /// A whole number, or a default where the cell is empty.
    pub fn int_or(
        &self,
        column: &str,
        range: RangeInclusive<i64>,
        default: i64,
        problems: &mut Problems,
    ) -> Option<i64> {
        if self.text(column).is_empty() { Some(default) } else { self.int(column, range, problems) }
    }

    /// A number of degrees.
    pub fn degrees(&self, column: &str, most: f64, problems: &mut Problems) -> Option<f64> {
        match self.text(column).parse::<f64>() {
            Ok(x) if x.is_finite() && x.abs() <= most => Some(x),
            Ok(_) => {
                problems.push(self.fault(
                    "P115",
                    column,
                    format!("out of range; degrees from -{most} to {most}"),
                ));
                None
            }
            Err(_) => {
                problems.push(self.fault("P106", column, "not a number; degrees such as 113.05"));
                None
            }
        }
    }

    /// `yes` or `no`; empty is `no`.
    pub fn yes(&self, column: &str, problems: &mut Problems) -> Option<bool> {
        match self.text(column) {
            "yes" | "1" | "true" | "是" => Some(true),
            "no" | "0" | "false" | "否" | "" => Some(false),
            _ => {
                problems.push(self.fault("P110", column, "neither yes nor no; write one of them"));
                None
            }
        }
    }

    /// One of some words.
    pub fn word<T>(
        &self,
        column: &str,
        parse: impl Fn(&str) -> Option<T>,
        words: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        let found = parse(self.text(column));
        if found.is_none() {
            problems.push(self.fault("P110", column, format!("unknown word; one of {words}")));
        }
        found
    }

    /// A size class of vehicle.
    pub fn vehicle_kind(&self, column: &str, problems: &mut Problems) -> Option<VehicleKind> {
        self.word(column, VehicleKind::parse, "micro_van, van, truck, bus", problems)
    }

    /// A time of day in seconds from midnight.
    pub fn clock(&self, column: &str, problems: &mut Problems) -> Option<i64> {
        DayTime::parse(self.text(column))
            .map(|t| t.0)
            .map_err(|err| problems.push(self.fault("P113", column, err.to_string())))
            .ok()
    }

    /// A window `HH:MM-HH:MM`.
    pub fn window(&self, column: &str, problems: &mut Problems) -> Option<Window> {
        Window::parse(self.text(column))
            .map_err(|err| problems.push(self.fault("P114", column, err.to_string())))
            .ok()
    }

    /// Opening hours.
    pub fn hours(&self, column: &str, problems: &mut Problems) -> Option<Hours> {
        Hours::parse(self.text(column))
            .map_err(|err| problems.push(self.fault("P114", column, err.to_string())))
            .ok()
    }

    /// A date, or nothing where the cell is empty: `Some(None)`.
    pub fn date(&self, column: &str, problems: &mut Problems) -> Option<Option<jiff::civil::Date>> {
        match self.text(column) {
            "" => Some(None),
            text => match text.parse() {
                Ok(date) => Some(Some(date)),
                Err(_) => {
                    problems.push(self.fault("P113", column, "no date; write YYYY-MM-DD"));
                    None
                }
            },
        }
    }

    /// Dates separated by `;`.
    pub fn dates(&self, column: &str, problems: &mut Problems) -> Vec<jiff::civil::Date> {
        let mut dates = Vec::new();
        for text in self.list(column) {
            match text.parse() {
                Ok(date) => dates.push(date),
                Err(_) => {
                    problems.push(self.fault(
                        "P113",
                        column,
                        "no list of dates; write YYYY-MM-DD;YYYY-MM-DD",
                    ));
                }
            }
        }
        dates
    }

    /// Texts separated by `;`, empty ones left out.
    pub fn list(&self, column: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(column).split(';').map(str::trim).filter(|part| !part.is_empty())
    }

    /// Weekdays on duty: a span such as `Mon-Fri`, or names joined by `;`; empty is every day.
    pub fn weekdays(&self, column: &str, problems: &mut Problems) -> Option<[bool; 7]> {
        let text = self.text(column);
        if text.is_empty() {
            return Some([true; 7]);
        }
        let mut days = [false; 7];
        for part in self.list(column) {
            match Hours::parse(&format!("{part} 00:00-24:00")) {
                Ok(hours) if part.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    for (day, windows) in days.iter_mut().zip(&hours.week) {
                        *day |= !windows.is_empty();
                    }
                }
                _ => {
                    problems.push(self.fault("P113", column, "no weekdays; write Mon-Fri or Mon;Wed;Sat"));
                    return None;
                }
            }
        }
        Some(days)
    }
}
