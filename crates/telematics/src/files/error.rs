//! What can go wrong with track files.

use crate::segments::LogError;
use parquet::errors::ParquetError;
use std::io;
use thiserror::Error;

/// Why track files cannot be written or read.
#[derive(Debug, Error)]
pub enum FilesError {
    /// The file system refused.
    #[error("T370 {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the file system said.
        source: io::Error,
    },
    /// A file is not one of ours, or is damaged.
    #[error(
        "T371 {file}: {what}; move it away; while its segments are kept, removing filed.json has it made again"
    )]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// The position log refused.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl FilesError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(super) fn parquet(file: impl Into<String>) -> impl FnOnce(ParquetError) -> Self {
        let file = file.into();
        move |err| match err {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                // What the system did not say is said of the bytes: an end too soon, a compression that is none.
                Ok(source) if source.raw_os_error().is_none() => {
                    Self::Damaged { file, what: source.to_string() }
                }
                Ok(source) => Self::Io { what: file, source: *source },
                Err(other) => Self::Damaged { file, what: other.to_string() },
            },
            other => Self::Damaged { file, what: other.to_string() },
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "T370",
            Self::Damaged { .. } => "T371",
            Self::Log(err) => err.code(),
        }
    }
}
