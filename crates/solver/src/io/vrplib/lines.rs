//! Splits VRPLIB-like text into header fields and sections, without copying its data.
//!
//! Read liberally, for the files of forty years differ: keys in either case, `KEY: value`, `KEY = value` or
//! `KEY value`, any white space, `#` and `//` lines, several `COMMENT`s and their continuation lines.

use crate::io::fault::{Fault, Sink};
use std::collections::BTreeMap;

/// A line of a section with its row in the file.
pub(crate) type Line<'a> = (u64, &'a str);

/// The parts of a VRPLIB-like file.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Key to row and value.
    pub(crate) header: BTreeMap<String, (u64, &'a str)>,
    /// Name (with `_SECTION`) to its row and lines.
    pub(crate) sections: BTreeMap<String, (u64, Vec<Line<'a>>)>,
}

/// The key of a line and its value. Without a colon only a word in capitals, or one that the value follows after `=`,
/// is a key.
fn key_and_value(line: &str) -> Option<(String, &str)> {
    let word = |key: &str| {
        let key = key.trim();
        let fits = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' '));
        (fits && !key.is_empty() && key.len() <= 64)
            .then(|| key.to_ascii_uppercase().replace([' ', '-'], "_"))
    };
    if let Some((key, value)) = line.split_once([':', '=']) {
        return Some((word(key)?, value.trim()));
    }
    let (key, value) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
    let capitals =
        key.len() > 1 && key.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'0'..=b'9'));
    let section = key.to_ascii_uppercase().ends_with("_SECTION");
    (capitals || section).then(|| (key.to_ascii_uppercase(), value.trim()))
}

impl<'a> Parts<'a> {
    /// Splits the text. Repeated keys and sections are problems.
    pub(crate) fn split(sink: &mut Sink, text: &'a str) -> Self {
        let mut parts = Self::default();
        let mut current: Option<String> = None;
        for (at, line) in text.lines().enumerate() {
            let row = at as u64 + 1;
            let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
                continue;
            }
            if !line.starts_with(|c: char| c.is_ascii_alphabetic()) {
                match current.as_ref().and_then(|name| parts.sections.get_mut(name)) {
                    Some((_, lines)) => lines.push((row, line)),
                    // The rest of a comment, or a stray end mark after a header field.
                    None if line.starts_with(['"', '(', '\'', '*', '-']) => {}
                    None => {
                        let want = "data before any section; a KEY: value line";
                        sink.push(Fault::Malformed, row, "", line, want);
                    }
                }
                continue;
            }
            if line.eq_ignore_ascii_case("EOF") {
                break;
            }
            let Some((key, value)) = key_and_value(line) else {
                if current.is_some() {
                    sink.push(Fault::Malformed, row, "", line, "neither numbers nor a section's name");
                } else if !parts.header.contains_key("COMMENT") {
                    sink.push(Fault::Malformed, row, "", line, "neither KEY: value nor a section's name");
                }
                continue;
            };
            if key.ends_with("_SECTION") {
                if parts.sections.insert(key.clone(), (row, Vec::new())).is_some() {
                    sink.push(Fault::Twice, row, &key, &key, "this section was given before; give it once");
                }
                if !value.is_empty()
                    && let Some((_, lines)) = parts.sections.get_mut(&key)
                {
                    lines.push((row, value));
                }
                current = Some(key);
            } else {
                current = None;
                let before = parts.header.insert(key.clone(), (row, value));
                if before.is_some_and(|(_, old)| old != value) && key != "COMMENT" {
                    sink.push(Fault::Twice, row, &key, value, "this field was given before; give it once");
                }
            }
        }
        parts
    }

    /// A header value that must be there.
    pub(crate) fn need(&self, sink: &mut Sink, key: &str) -> Option<(u64, &'a str)> {
        let found = self.header.get(key).copied();
        if found.is_none() {
            sink.push(Fault::Missing, 0, key, "", format!("this field is missing; a line {key}: value"));
        }
        found
    }

    /// The lines of a section.
    pub(crate) fn section(&self, name: &str) -> Option<&[Line<'a>]> {
        self.sections.get(name).map(|(_, lines)| lines.as_slice())
    }

    /// The lines of a section that must be there.
    pub(crate) fn need_section(&self, sink: &mut Sink, name: &str) -> Option<&[Line<'a>]> {
        let found = self.section(name);
        if found.is_none() {
            sink.push(
                Fault::Missing,
                0,
                name,
                "",
                format!("this section is missing; {name} and one row a node"),
            );
        }
        found
    }

    /// Whether the two last columns of `PICKUP_AND_DELIVERY_SECTION` name other ends (a paired transport) rather than
    /// amounts: whole numbers, one of the two 0 in every row, and some demand below 0.
    pub(crate) fn paired(&self) -> bool {
        let mut negative = false;
        let lines = self.section("PICKUP_AND_DELIVERY_SECTION").unwrap_or_default();
        let paired = lines.iter().all(|(_, line)| {
            let columns: Vec<&str> = line.split_ascii_whitespace().take(8).collect();
            negative |= columns.get(1).is_some_and(|demand| demand.starts_with('-'));
            columns.len() == 7 && columns[5..].contains(&"0")
        });
        paired && negative
    }
}
