//! Orders as carriers hand them over: CSV in UTF-8, GBK or GB 18030 and workbooks, in any layout, with addresses for
//! destinations and masked phones, into our orders.
//!
//! Three steps, each pure: [`read`] makes a [`Sheet`] of bytes within bounds, [`suggest`] says what each column means,
//! [`convert`] makes orders. A fault costs its row and is named by file, row, column, text and cure; good rows are kept; what
//! was read leniently is said in a notice; what cannot be placed goes to the list for sorting by hand, never by guess.

mod carriers;
pub mod cell;
mod convert;
mod csv_sheet;
mod fix;
mod header;
pub mod limits;
mod sheet;
mod shifted;
mod text;
pub mod waybill;
mod xlsx_sheet;

pub use convert::{Context, Imported, Kept, ToSort, convert};
pub use header::{Column, FIELDS, Mapping, is_field, suggest};
pub use sheet::{Cells, Mark, Sheet, SheetRow, letter};

/// Reads a table of any layout. Never fails: faults stand in the sheet.
#[must_use]
pub fn read(file: &str, bytes: &[u8]) -> Sheet {
    let mut sheet = Sheet::new(file);
    if bytes.len() > limits::FILE_BYTES_MAX {
        let want = format!("the file is too large; at most {} bytes", limits::FILE_BYTES_MAX);
        let fault = sheet.fault("P123", 0, "", &bytes.len().to_string(), want);
        sheet.problems.push(fault);
    } else if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
        let want =
            "an old XLS workbook or one with a password; save it as XLSX without a password, or as CSV";
        let fault = sheet.fault("P126", 0, "", "", want);
        sheet.problems.push(fault);
    } else if bytes.starts_with(b"PK\x03\x04") || file.to_ascii_lowercase().ends_with(".xlsx") {
        xlsx_sheet::read(&mut sheet, bytes);
    } else {
        csv_sheet::read(&mut sheet, bytes);
    }
    if sheet.rows.is_empty() && sheet.problems.is_empty() {
        let fault = sheet.fault("P104", 1, "", "", "the file is empty; its first row names the columns");
        sheet.problems.push(fault);
    }
    sheet
}

#[cfg(test)]
mod tests;
