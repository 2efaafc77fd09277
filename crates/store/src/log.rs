//! Reading and appending the event log. Appending is the writer's alone.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::backend::{Kind, Store};
use crate::error::StoreError;
use crate::event::{Event, GENESIS, Hash, hash_from};

/// Most events that one read gives.
pub const READ_MAX: i64 = 10_000;

/// The end of a county's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Last number, 0 when there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: Hash,
}

/// Events of a county after `after_seq`, in order, at most `limit` (and [`READ_MAX`]).
///
/// # Errors
/// The database's faults, or a damaged row.
pub async fn read(store: &Store, county: &str, after_seq: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
    let mut conn = store.readers().acquire().await?;
    read_on(&mut conn, county, after_seq, limit).await
}

pub(crate) async fn read_on(
    conn: &mut AnyConnection,
    county: &str,
    after_seq: i64,
    limit: i64,
) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query(
        "SELECT county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash \
         FROM event WHERE county = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(county.to_owned())
    .bind(after_seq)
    .bind(limit.clamp(0, READ_MAX))
    .fetch_all(conn)
    .await?;
    rows.iter().map(event_from).collect()
}

/// The events of one stream, oldest first.
///
/// # Errors
/// The database's faults, or a damaged row.
pub async fn read_stream(store: &Store, county: &str, stream: &str) -> Result<Vec<Event>, StoreError> {
    let rows = sqlx::query(
        "SELECT county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash \
         FROM event WHERE county = $1 AND stream = $2 ORDER BY version LIMIT $3",
    )
    .bind(county.to_owned())
    .bind(stream.to_owned())
    .bind(READ_MAX)
    .fetch_all(store.readers())
    .await?;
    rows.iter().map(event_from).collect()
}

/// Where the log of a county ends.
///
/// # Errors
/// The database's faults, or a damaged row.
pub async fn head(store: &Store, county: &str) -> Result<Head, StoreError> {
    let mut conn = store.readers().acquire().await?;
    head_on(&mut conn, county).await
}

pub(crate) async fn head_on(conn: &mut AnyConnection, county: &str) -> Result<Head, StoreError> {
    let row = sqlx::query("SELECT seq, hash FROM event WHERE county = $1 ORDER BY seq DESC LIMIT 1")
        .bind(county.to_owned())
        .fetch_optional(conn)
        .await?;
    match row {
        None => Ok(Head { seq: 0, hash: GENESIS }),
        Some(row) => Ok(Head {
            seq: row.try_get("seq")?,
            hash: hash_from(&row.try_get::<Vec<u8>, _>("hash")?, "head hash")?,
        }),
    }
}

/// The counties that have a log.
///
/// # Errors
/// The database's faults.
pub async fn counties(store: &Store) -> Result<Vec<String>, StoreError> {
    let rows =
        sqlx::query("SELECT DISTINCT county FROM event ORDER BY county").fetch_all(store.readers()).await?;
    rows.iter().map(|r| Ok(r.try_get("county")?)).collect()
}

fn event_from(row: &AnyRow) -> Result<Event, StoreError> {
    let schema: i64 = row.try_get("schema")?;
    Ok(Event {
        county: row.try_get("county")?,
        seq: row.try_get("seq")?,
        stream: row.try_get("stream")?,
        version: row.try_get("version")?,
        at_ms: row.try_get("at_ms")?,
        kind: row.try_get("kind")?,
        schema: i32::try_from(schema)
            .map_err(|_| StoreError::BadRow { what: format!("event schema {schema} is out of range") })?,
        body: row.try_get("body")?,
        prev_hash: hash_from(&row.try_get::<Vec<u8>, _>("prev_hash")?, "prev_hash")?,
        hash: hash_from(&row.try_get::<Vec<u8>, _>("hash")?, "hash")?,
    })
}

/// Columns of `event`.
const EVENT_COLUMNS: usize = 10;

/// Writes events inside the caller's transaction, several rows a statement.
pub(crate) async fn insert(kind: Kind, conn: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    for chunk in events.chunks(kind.rows_a_statement()) {
        let mut sql = String::from(
            "INSERT INTO event (county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash) VALUES ",
        );
        push_rows(&mut sql, chunk.len(), EVENT_COLUMNS);
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for e in chunk {
            query = query
                .bind(e.county.clone())
                .bind(e.seq)
                .bind(e.stream.clone())
                .bind(e.version)
                .bind(e.at_ms)
                .bind(e.kind.clone())
                .bind(i64::from(e.schema))
                .bind(e.body.clone())
                .bind(e.prev_hash.to_vec())
                .bind(e.hash.to_vec());
        }
        query.execute(&mut *conn).await.map_err(StoreError::from_write)?;
    }
    Ok(())
}

/// Appends `($1, $2), ($3, $4)…` for `rows` rows of `columns`.
fn push_rows(sql: &mut String, rows: usize, columns: usize) {
    use std::fmt::Write;
    let mut n = 0;
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            n += 1;
            let _ = write!(sql, "{}${n}", if column == 0 { "" } else { ", " });
        }
        sql.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::push_rows;

    #[test]
    fn placeholders_are_numbered_through() {
        let mut sql = String::new();
        push_rows(&mut sql, 2, 3);
        assert_eq!(sql, "($1, $2, $3), ($4, $5, $6)");
    }
}
