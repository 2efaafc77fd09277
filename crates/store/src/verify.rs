//! Checks a log from its first event: numbers without gaps, each hash over the one before.

use sqlx::Row;
use std::collections::HashMap;

use crate::backend::{Kind, Store};
use crate::error::StoreError;
use crate::event::{Event, GENESIS};
use crate::log::{self, Head};

/// What a verification found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The county.
    pub county: String,
    /// Events checked.
    pub events: i64,
    /// The end of the chain: publish it daily, and nobody can rewrite the days before.
    pub head: Head,
}

/// Whether `event` is what comes after `head`.
pub(crate) fn follows(head: &Head, event: &Event) -> Result<(), StoreError> {
    let fault = |what: &str| StoreError::Tampered {
        county: event.county.clone(),
        seq: event.seq,
        what: what.to_owned(),
    };
    if event.seq != head.seq + 1 {
        return Err(fault(&format!("expected seq {}", head.seq + 1)));
    }
    if event.prev_hash != head.hash {
        return Err(fault("does not continue the event before it"));
    }
    if event.hash != event.expected_hash() {
        return Err(fault("its content does not match its hash"));
    }
    Ok(())
}

/// Checks the whole log of one county, and on SQLite the file's own structure.
///
/// # Errors
/// [`StoreError::Tampered`] names the first event that does not hold.
pub async fn county(store: &Store, county: &str) -> Result<Verified, StoreError> {
    if store.kind() == Kind::Sqlite {
        let row = sqlx::query("PRAGMA integrity_check(1)").fetch_one(store.readers()).await?;
        let found: String = row.try_get(0)?;
        if found != "ok" {
            return Err(StoreError::Tampered {
                county: county.to_owned(),
                seq: 0,
                what: format!("the file is damaged: {found}"),
            });
        }
    }
    let mut head = Head { seq: 0, hash: GENESIS };
    let mut versions: HashMap<String, i64> = HashMap::new();
    loop {
        let events = log::read(store, county, head.seq, log::READ_MAX).await?;
        for event in &events {
            follows(&head, event)?;
            let version = versions.entry(event.stream.clone()).or_insert(0);
            *version += 1;
            if event.version != *version {
                return Err(StoreError::Tampered {
                    county: county.to_owned(),
                    seq: event.seq,
                    what: format!(
                        "stream {} expected version {version}, found {}",
                        event.stream, event.version
                    ),
                });
            }
            head = Head { seq: event.seq, hash: event.hash };
        }
        if (events.len() as i64) < log::READ_MAX {
            return Ok(Verified { county: county.to_owned(), events: head.seq, head });
        }
    }
}
