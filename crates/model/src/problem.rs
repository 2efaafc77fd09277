//! One shape for every problem found in input: what is wrong, where, and what would be right.
//!
//! Readers collect problems and go on, so that a user sees all of them at once.

use serde::Serialize;
use std::fmt;

/// A fault of input data with its place.
///
/// Codes are stable: `R0xx` roads, `P1xx` planning input, `D2xx` dispatch, `T3xx` telematics, `S4xx` store,
/// `V5xx` solver input. Each has its entry in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable code, for example `P104`.
    pub code: &'static str,
    /// File name as the user gave it.
    pub file: String,
    /// Row in the file, the header counting as 1; 0 when the whole file is meant.
    pub row: u64,
    /// Column by the header's name, or a field path; empty when the whole row is meant.
    pub column: String,
    /// The offending text.
    pub found: String,
    /// What is wrong; what would be right.
    pub want: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}:{}:{}: \"{}\": {}",
            self.code, self.file, self.row, self.column, self.found, self.want
        )
    }
}

/// A list of problems with a bound, so that a broken million-row file cannot fill memory.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    dropped: u64,
}

/// Most problems kept of one run; later ones are only counted.
pub const PROBLEMS_MAX: usize = 10_000;

impl Problems {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one problem, or counts it when the list is full.
    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < PROBLEMS_MAX {
            self.list.push(problem);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The problems kept, in the order found.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many were found beyond [`PROBLEMS_MAX`].
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Changes every problem kept, for example the names of columns.
    pub fn for_each_mut(&mut self, change: impl FnMut(&mut Problem)) {
        self.list.iter_mut().for_each(change);
    }

    /// Moves all problems of another list into this one.
    pub fn absorb(&mut self, other: Self) {
        self.dropped += other.dropped;
        for problem in other.list {
            self.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_the_contract_says() {
        let p = Problem {
            code: "P104",
            file: "sites.csv".into(),
            row: 3,
            column: "lon".into(),
            found: "abc".into(),
            want: "not a number; degrees of longitude, such as 113.05".into(),
        };
        assert_eq!(
            p.to_string(),
            "P104 sites.csv:3:lon: \"abc\": not a number; degrees of longitude, such as 113.05"
        );
    }
}
