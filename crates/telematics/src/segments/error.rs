//! What can go wrong with the log.

use std::io;
use thiserror::Error;

/// Why the log cannot be opened or read.
#[derive(Debug, Error)]
pub enum LogError {
    /// The file system refused.
    #[error("T350 {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the file system said.
        source: io::Error,
    },
    /// Bytes that were once durable are not what was written: not a torn tail, so nothing is repaired silently.
    #[error("T351 segment {segment} is damaged at byte {offset}: {what}")]
    Damaged {
        /// File name of the segment.
        segment: String,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A query would return more rows than the bound.
    #[error("T352 the query matches more than {limit} positions; ask for a shorter span or a smaller area")]
    TooManyRows {
        /// The bound.
        limit: usize,
    },
}

impl LogError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "T350",
            Self::Damaged { .. } => "T351",
            Self::TooManyRows { .. } => "T352",
        }
    }
}

/// Why an append was not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// Too much waits for the disk: stop reading from the source and try again.
    #[error("T353 the position log is behind its disk; waiting")]
    Full,
    /// The log is closed.
    #[error("T354 the position log is closed")]
    Closed,
    /// A write or sync failed. What is durable is known only to the next opening: the process must end.
    #[error("T355 the position log failed and must be opened again")]
    Failed,
    /// The chunk is larger than any chunk may be.
    #[error("T356 a chunk of the position log is too large")]
    TooLarge,
    /// The dictionary is full or the identifier is empty or too long.
    #[error("T357 the device identifier cannot be stored")]
    Device,
}
