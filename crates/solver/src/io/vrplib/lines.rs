//! Splits VRPLIB-like text into header fields and sections, without copying it.

use crate::io::fault::{Fault, Sink};
use std::collections::BTreeMap;

/// A line of a section with its row in the file.
pub(crate) type Line<'a> = (u64, &'a str);

/// The parts of a VRPLIB-like file.
#[derive(Debug, Default)]
pub(crate) struct Parts<'a> {
    /// Key to row and value.
    pub(crate) header: BTreeMap<&'a str, (u64, &'a str)>,
    /// Name (with `_SECTION`) to its row and lines.
    pub(crate) sections: BTreeMap<&'a str, (u64, Vec<Line<'a>>)>,
}

impl<'a> Parts<'a> {
    /// Splits the text. Repeated keys and sections are problems.
    pub(crate) fn split(sink: &mut Sink, text: &'a str) -> Self {
        let mut parts = Self::default();
        let mut current: Option<&'a str> = None;
        for (at, line) in text.lines().enumerate() {
            let row = at as u64 + 1;
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if line == "EOF" {
                break;
            }
            if !line.starts_with(|c: char| c.is_ascii_alphabetic()) {
                match current {
                    Some(name) => {
                        if let Some((_, lines)) = parts.sections.get_mut(name) {
                            lines.push((row, line));
                        }
                    }
                    None => sink.push(
                        Fault::Malformed,
                        row,
                        "",
                        line,
                        "data before any section; a KEY: value line",
                    ),
                }
                continue;
            }
            let (key, value) = line.split_once(':').map_or((line, ""), |(k, v)| (k.trim(), v.trim()));
            if key.ends_with("_SECTION") {
                current = Some(key);
                if parts.sections.insert(key, (row, Vec::new())).is_some() {
                    sink.push(Fault::Twice, row, key, key, "this section was given before; give it once");
                }
            } else if line.contains(':') {
                current = None;
                if parts.header.insert(key, (row, value)).is_some() {
                    sink.push(Fault::Twice, row, key, value, "this field was given before; give it once");
                }
            } else {
                sink.push(Fault::Malformed, row, "", line, "neither KEY: value nor a section's name");
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
}
