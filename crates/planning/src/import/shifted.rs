//! Cells that are not where or what they should be: full-width characters, rows one column too far left or right.

use super::cell::{self, Unit};
use super::convert::{Imported, Reader};
use super::sheet::{SheetRow, shortened};
use xiangyun_model::problem::Problem;

impl Reader<'_> {
    /// Full-width characters where the value counts: read, and said.
    pub(super) fn widths(&self, row: &SheetRow, out: &mut Imported) {
        for field in
            ["id", "pieces", "weight", "volume", "weight_g", "volume_cm3", "ready", "promise", "phone"]
        {
            let text = self.text(row, field);
            if text.chars().any(|c| ('\u{ff10}'..='\u{ff5e}').contains(&c)) {
                let want = format!("full-width characters; read as {}", shortened(&cell::halfwidth(text)));
                out.notices.push(self.fault(row, field, "P136", want));
            }
        }
    }

    /// A row whose cells stand one column too far left or right.
    pub(super) fn shift(&self, row: &SheetRow) -> Option<Problem> {
        let typed: Vec<(usize, &str)> = self
            .mapping
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| {
                matches!(
                    c.ours.as_str(),
                    "id" | "phone"
                        | "weight"
                        | "volume"
                        | "weight_g"
                        | "volume_cm3"
                        | "pieces"
                        | "ready"
                        | "promise"
                        | "address"
                )
            })
            .map(|(i, c)| (i, c.ours.as_str()))
            .collect();
        let fits = |from: i64, by: i64| {
            typed
                .iter()
                .filter(|(i, field)| {
                    let at = *i as i64;
                    let at = if at >= from { at + by } else { at };
                    let text = usize::try_from(at).map_or("", |at| row.cells.get(at));
                    !text.is_empty() && self.looks_like(field, text)
                })
                .count()
        };
        let straight = fits(0, 0);
        if typed.len() < 3 || straight + 2 > typed.len() {
            return None;
        }
        let width = self.mapping.columns.len() as i64;
        let best = (0..width)
            .flat_map(|from| [(from, 1), (from, -1)])
            .map(|(from, by)| (fits(from, by), from, by))
            .max_by_key(|&(n, from, _)| (n, from))?;
        let (count, from, by) = best;
        // The shifted reading must explain all but one cell, and clearly better.
        if count < straight + 2 || count + 1 < typed.len() {
            return None;
        }
        let column = &self.mapping.columns[usize::try_from(from).unwrap_or(0)].theirs;
        let found = row.cells.get(usize::try_from(from).unwrap_or(0));
        let want = if by > 0 {
            "from here on the cells stand one column too far right; take the extra cell out"
        } else {
            "from here on the cells stand one column too far left; put the missing cell in"
        };
        Some(self.sheet.fault("P133", row.row, column, found, want))
    }

    fn looks_like(&self, field: &str, text: &str) -> bool {
        match field {
            "id" => {
                text.len() >= 6
                    && text.is_ascii()
                    && text.bytes().filter(u8::is_ascii_digit).count() >= 4
                    && !text.contains('*')
            }
            "phone" => cell::phone(text).is_some_and(|p| p.len() >= 7),
            "pieces" => cell::quantity(text, Unit::Pieces).is_some_and(|n| n < 10_000),
            "weight" | "weight_g" => cell::quantity(text, Unit::Grams(1)).is_some_and(|g| g < 10_000_000),
            "volume" | "volume_cm3" => cell::quantity(text, Unit::Cm3(1)).is_some_and(|v| v < 100_000_000),
            "ready" | "promise" => cell::instant(text, self.context.date, "00:00").is_ok(),
            _ => text.chars().filter(|c| ('\u{4e00}'..='\u{9fff}').contains(c)).count() >= 4,
        }
    }
}
