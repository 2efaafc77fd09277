//! What can go wrong with the store, with codes `S4xx`.

use thiserror::Error;

/// A fault of the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The URL names no backend that we have.
    #[error("S401 {url}: not a store; sqlite://PATH or postgres://USER@HOST/DB would be")]
    UnknownBackend {
        /// The URL as given, without its password.
        url: String,
    },
    /// The bundled SQLite is one with the WAL-reset fault.
    #[error("S402 SQLite {found} can corrupt a WAL database; 3.51.3 or newer is needed")]
    OldSqlite {
        /// Version found.
        found: String,
    },
    /// The database was written by a newer program.
    #[error("S403 the database has schema {found}, this program knows up to {known}; run the newer program")]
    NewerSchema {
        /// Schema found.
        found: i64,
        /// Schema known.
        known: i64,
    },
    /// No room left: nothing of the batch was applied.
    #[error("S404 the disk is full; nothing was applied. Free space and try again")]
    DiskFull,
    /// A commit or an fsync failed, so what is on disk is unknown: the process must end and recover by restart.
    #[error("S405 the store failed while committing ({what}); restart recovers what was acknowledged")]
    Fatal {
        /// The database's words.
        what: String,
    },
    /// The writer has stopped.
    #[error("S406 the writer of county {county} has stopped")]
    WriterGone {
        /// The county.
        county: String,
    },
    /// The queue of the writer is full.
    #[error("S407 the writer of county {county} has {queued} commands waiting; try again in a moment")]
    Overloaded {
        /// The county.
        county: String,
        /// Commands waiting.
        queued: usize,
    },
    /// Another writer owns the county or wrote meanwhile.
    #[error("S408 another writer owns county {county}")]
    NotOwner {
        /// The county.
        county: String,
    },
    /// The chain is broken.
    #[error("S409 county {county} seq {seq}: {what}")]
    Tampered {
        /// The county.
        county: String,
        /// First event that does not hold.
        seq: i64,
        /// What does not hold.
        what: String,
    },
    /// A backup file is not one, or is damaged.
    #[error("S410 {file}: {what}")]
    BadBackup {
        /// The file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// The target of a restore is not empty.
    #[error("S411 the store already holds {events} events; restore needs an empty one")]
    NotEmpty {
        /// Events found.
        events: i64,
    },
    /// A person's key is gone: the data was erased or never there.
    #[error("S412 person {person} is not there or was erased")]
    NoPerson {
        /// The person.
        person: i64,
    },
    /// A sealed value does not open: wrong master key or damaged row.
    #[error("S413 the sealed data of person {person} does not open; is this the right master key?")]
    Unsealed {
        /// The person.
        person: i64,
    },
    /// An event body or row could not be read.
    #[error("S414 {what}")]
    BadRow {
        /// What is wrong.
        what: String,
    },
    /// An operating-system fault on one of our own files.
    #[error("S415 {file}: {source}")]
    File {
        /// The file.
        file: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Any other fault of the database.
    #[error("S416 database: {0}")]
    Sql(#[from] sqlx::Error),
}

impl StoreError {
    /// Sorts a fault met while writing into the ones that a caller treats differently.
    pub(crate) fn from_write(err: sqlx::Error) -> Self {
        let text = err.to_string();
        if text.contains("database or disk is full") || text.contains("No space left on device") {
            Self::DiskFull
        } else if text.contains("disk I/O error") || text.contains("database disk image is malformed") {
            Self::Fatal { what: text }
        } else {
            Self::Sql(err)
        }
    }

    /// Whether the connection was lost, so that trying again on a new one makes sense.
    pub(crate) fn is_disconnect(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            Self::Sql(err) => {
                let text = err.to_string();
                ["terminating connection", "shutting down", "starting up", "onnection", "EOF", "closed"]
                    .iter()
                    .any(|word| text.contains(word))
            }
            _ => false,
        }
    }
}
