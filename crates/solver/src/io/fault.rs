//! Coded problems of solver input: one place where each code has its name, and the sink that readers fill.

use super::limits::QUOTE_CHARS_MAX;
use xiangyun_model::problem::{Problem, Problems};

/// The stable codes of instance and solution files, `V520` on (below are the codes of [`crate::problem::Fault`]); meaning and cure are in `docs/errors.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The file cannot be read, is not text, or is longer than allowed.
    Unreadable,
    /// The format or the kind of problem cannot be told from the file.
    UnknownFormat,
    /// A field or section that this kind needs is absent.
    Missing,
    /// A token is not a number, or a row has too few columns.
    Malformed,
    /// A number is negative where only zero or more makes sense.
    Negative,
    /// A number, or a sum of numbers, is larger than allowed.
    TooLarge,
    /// An id is given twice.
    Twice,
    /// An id is named that the file does not define.
    UnknownId,
    /// A window closes before it opens, or windows of one place are out of order.
    Window,
    /// A capacity of zero (or no vehicle at all).
    NoCapacity,
    /// A customer's demand is larger than every vehicle.
    Oversized,
    /// No vehicle can reach a place, or not before its window closes.
    Unreachable,
    /// A distance or time matrix is absent, has holes or the wrong size.
    Matrix,
    /// More nodes, vehicles, cells or dimensions than allowed.
    TooMany,
    /// A pickup and its delivery do not belong together.
    Pair,
    /// A value is valid elsewhere but not supported here.
    Unsupported,
    /// The convention asked for does not fit the file.
    Convention,
    /// A solution file is malformed.
    Solution,
    /// The text is not JSON of the expected shape.
    Json,
}

impl Fault {
    /// Every code, in order.
    pub const ALL: [Self; 19] = [
        Self::Unreadable,
        Self::UnknownFormat,
        Self::Missing,
        Self::Malformed,
        Self::Negative,
        Self::TooLarge,
        Self::Twice,
        Self::UnknownId,
        Self::Window,
        Self::NoCapacity,
        Self::Oversized,
        Self::Unreachable,
        Self::Matrix,
        Self::TooMany,
        Self::Pair,
        Self::Unsupported,
        Self::Convention,
        Self::Solution,
        Self::Json,
    ];

    /// The code as printed.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "V520",
            Self::UnknownFormat => "V521",
            Self::Missing => "V522",
            Self::Malformed => "V523",
            Self::Negative => "V524",
            Self::TooLarge => "V525",
            Self::Twice => "V526",
            Self::UnknownId => "V527",
            Self::Window => "V528",
            Self::NoCapacity => "V529",
            Self::Oversized => "V530",
            Self::Unreachable => "V531",
            Self::Matrix => "V532",
            Self::TooMany => "V533",
            Self::Pair => "V534",
            Self::Unsupported => "V535",
            Self::Convention => "V536",
            Self::Solution => "V537",
            Self::Json => "V538",
        }
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub struct Sink {
    file: String,
    problems: Problems,
}

impl Sink {
    /// A sink for the file of this name, as the user gave it.
    #[must_use]
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), problems: Problems::new() }
    }

    /// Notes one problem; `row` counts from 1, 0 means the whole file.
    pub fn push(&mut self, fault: Fault, row: u64, column: &str, found: &str, want: impl Into<String>) {
        self.problems.push(Problem {
            code: fault.code(),
            file: self.file.clone(),
            row,
            column: column.to_owned(),
            found: found.chars().take(QUOTE_CHARS_MAX).collect(),
            want: want.into(),
        });
    }

    /// Whether nothing was found so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value if nothing was found, else the problems.
    ///
    /// # Errors
    /// All problems noted so far.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(self.problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_documented() {
        let page = include_str!("../../../../docs/errors.md");
        for (at, fault) in Fault::ALL.iter().enumerate() {
            assert!(
                page.contains(&format!("| {} |", fault.code())),
                "{} is not in docs/errors.md",
                fault.code()
            );
            for other in &Fault::ALL[at + 1..] {
                assert_ne!(fault.code(), other.code());
            }
        }
    }

    #[test]
    fn a_long_token_is_cut() {
        let mut sink = Sink::new("a");
        sink.push(Fault::Malformed, 1, "x", &"9".repeat(10_000), "a number");
        let problems = sink.finish::<()>(None).expect_err("one problem was pushed");
        assert_eq!(problems.list()[0].found.len(), QUOTE_CHARS_MAX);
    }
}
