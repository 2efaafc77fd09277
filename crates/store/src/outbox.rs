//! Things to tell others, written in the transaction of the event that causes them, delivered until they are
//! received. Losing the carrier costs time, never facts.

use sqlx::AnyConnection;
use sqlx::Row;

use crate::backend::Store;
use crate::error::StoreError;

/// Items that one claim gives.
pub const CLAIM_MAX: i64 = 256;
/// First pause after a failed delivery in milliseconds; doubled each time up to [`PAUSE_MAX_MS`].
pub const PAUSE_FIRST_MS: i64 = 1_000;
/// Longest pause between two tries in milliseconds.
pub const PAUSE_MAX_MS: i64 = 3_600_000;
/// Longest error text kept.
const ERROR_CHARS_MAX: usize = 500;

/// An item that an event causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    /// Who gets it: a webhook, a carrier, a notice channel.
    pub target: String,
    /// What it says, as the target wants it.
    pub body: Vec<u8>,
    /// Not before this business time, milliseconds.
    pub not_before_ms: i64,
}

/// An item waiting for delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Partition.
    pub county: String,
    /// The event that caused it.
    pub seq: i64,
    /// Number among the items of that event. `(county, seq, item)` is the receiver's key against doubles.
    pub item: i64,
    /// Who gets it.
    pub target: String,
    /// What it says.
    pub body: Vec<u8>,
    /// Tries so far.
    pub attempts: i64,
}

pub(crate) async fn insert(
    conn: &mut AnyConnection,
    county: &str,
    items: &[(i64, usize, NewItem)],
) -> Result<(), StoreError> {
    for (seq, index, item) in items {
        sqlx::query(
            "INSERT INTO outbox (county, seq, item, target, body, attempts, next_ms) \
             VALUES ($1, $2, $3, $4, $5, 0, $6)",
        )
        .bind(county.to_owned())
        .bind(*seq)
        .bind(*index as i64)
        .bind(item.target.clone())
        .bind(item.body.clone())
        .bind(item.not_before_ms)
        .execute(&mut *conn)
        .await
        .map_err(StoreError::from_write)?;
    }
    Ok(())
}

/// Items due at `now_ms`, oldest first. The relay is one task a county, so no claim mark is needed.
///
/// # Errors
/// The database's faults.
pub async fn due(store: &Store, county: &str, now_ms: i64) -> Result<Vec<Item>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, item, target, body, attempts FROM outbox \
         WHERE county = $1 AND done_ms IS NULL AND next_ms <= $2 ORDER BY seq, item LIMIT $3",
    )
    .bind(county.to_owned())
    .bind(now_ms)
    .bind(CLAIM_MAX)
    .fetch_all(store.readers())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Item {
                county: county.to_owned(),
                seq: row.try_get("seq")?,
                item: row.try_get("item")?,
                target: row.try_get("target")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
            })
        })
        .collect()
}

/// The relay's own connection: delivery marks are not decisions, so they do not go through the writer.
pub struct Relay {
    store: Store,
    conn: AnyConnection,
}

impl Relay {
    /// Opens the relay's connection.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        Ok(Self { store: store.clone(), conn: store.connect_writer().await? })
    }

    /// Marks an item as received.
    ///
    /// # Errors
    /// The database's faults; the item then stays due and is delivered again under the same key.
    pub async fn done(&mut self, item: &Item, now_ms: i64) -> Result<(), StoreError> {
        self.begin().await?;
        sqlx::query(
            "UPDATE outbox SET done_ms = $1, attempts = attempts + 1 \
             WHERE county = $2 AND seq = $3 AND item = $4",
        )
        .bind(now_ms)
        .bind(item.county.clone())
        .bind(item.seq)
        .bind(item.item)
        .execute(&mut self.conn)
        .await
        .map_err(StoreError::from_write)?;
        self.commit().await
    }

    /// Records a failed try and when the next one is due: twice the pause each time.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn failed(&mut self, item: &Item, error: &str, now_ms: i64) -> Result<(), StoreError> {
        let doublings = u32::try_from(item.attempts.clamp(0, 20)).unwrap_or(20);
        let pause_ms = PAUSE_FIRST_MS.saturating_mul(1 << doublings).min(PAUSE_MAX_MS);
        let text: String = error.chars().take(ERROR_CHARS_MAX).collect();
        self.begin().await?;
        sqlx::query(
            "UPDATE outbox SET attempts = attempts + 1, next_ms = $1, last_error = $2 \
             WHERE county = $3 AND seq = $4 AND item = $5",
        )
        .bind(now_ms + pause_ms)
        .bind(text)
        .bind(item.county.clone())
        .bind(item.seq)
        .bind(item.item)
        .execute(&mut self.conn)
        .await
        .map_err(StoreError::from_write)?;
        self.commit().await
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.store.begin(&mut self.conn).await
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        sqlx::raw_sql("COMMIT").execute(&mut self.conn).await.map_err(StoreError::from_write)?;
        Ok(())
    }
}
