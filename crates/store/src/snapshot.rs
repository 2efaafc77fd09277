//! Snapshots of a machine's state, so that a restart folds only the tail of the log.

use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use sqlx::Row;

use crate::error::StoreError;
use crate::event::hash_from;

/// Snapshots kept of a county; older ones are removed when a new one is written.
pub const SNAPSHOTS_KEPT: i64 = 2;

/// A state at a place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event folded in.
    pub seq: i64,
    /// Layout version of the body, the machine's own.
    pub schema: i32,
    /// The state as the machine packs it.
    pub body: Vec<u8>,
}

/// The newest snapshot of a county that is whole and has this layout; a damaged one is passed over.
pub(crate) async fn newest(
    conn: &mut AnyConnection,
    county: &str,
    schema: i32,
) -> Result<Option<Snapshot>, StoreError> {
    // One after the other: a state may be large, and the newest is nearly always whole.
    let mut before = i64::MAX;
    while let Some(row) = sqlx::query(
        "SELECT seq, body, hash FROM snapshot WHERE county = $1 AND schema = $2 AND seq < $3 ORDER BY seq DESC LIMIT 1",
    )
    .bind(county.to_owned())
    .bind(i64::from(schema))
    .bind(before)
    .fetch_optional(&mut *conn)
    .await?
    {
        let seq: i64 = row.try_get("seq")?;
        let body: Vec<u8> = row.try_get("body")?;
        let hash = hash_from(&row.try_get::<Vec<u8>, _>("hash")?, "snapshot hash")?;
        if <[u8; 32]>::from(Sha256::digest(&body)) == hash {
            return Ok(Some(Snapshot { seq, schema, body }));
        }
        tracing::warn!(county, seq, "snapshot is damaged and was passed over");
        before = seq;
    }
    Ok(None)
}

/// Writes a snapshot and removes the oldest ones, inside the caller's transaction.
pub(crate) async fn insert(
    conn: &mut AnyConnection,
    county: &str,
    snapshot: Snapshot,
) -> Result<(), StoreError> {
    let hash = Sha256::digest(&snapshot.body).to_vec();
    sqlx::query(
        "INSERT INTO snapshot (county, seq, schema, body, hash) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (county, seq) DO NOTHING",
    )
    .bind(county.to_owned())
    .bind(snapshot.seq)
    .bind(i64::from(snapshot.schema))
    .bind(snapshot.body)
    .bind(hash)
    .execute(&mut *conn)
    .await
    .map_err(StoreError::from_write)?;
    sqlx::query(
        "DELETE FROM snapshot WHERE county = $1 AND seq NOT IN \
         (SELECT seq FROM snapshot WHERE county = $1 ORDER BY seq DESC LIMIT $2)",
    )
    .bind(county.to_owned())
    .bind(SNAPSHOTS_KEPT)
    .execute(conn)
    .await
    .map_err(StoreError::from_write)?;
    Ok(())
}
