//! Reading and appending the event log. Appending is the writer's alone.

use sqlx::AnyConnection;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use std::fmt::Write as _;

use crate::backend::{Kind, Store};
use crate::error::StoreError;
use crate::event::{Event, GENESIS, Hash, hash_from};
use crate::op::{self, Op, Value};

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

/// Last versions of streams, 0 where there is none: each is the end of an index, so streams of any length cost the same.
pub(crate) async fn last_versions(
    conn: &mut AnyConnection,
    county: &str,
    streams: &[String],
) -> Result<Vec<i64>, StoreError> {
    // Few texts, so that they stay prepared: the places left over ask for a stream that is not there.
    let places = streams.len().next_power_of_two();
    let mut sql = String::from("SELECT ");
    for n in 0..places {
        let comma = if n == 0 { "" } else { ", " };
        let _ = write!(
            sql,
            "{comma}(SELECT MAX(version) FROM event WHERE county = $1 AND stream = ${}) AS v{n}",
            n + 2
        );
    }
    let mut query = sqlx::query(AssertSqlSafe(sql)).bind(county.to_owned());
    for n in 0..places {
        query = query.bind(streams.get(n).cloned().unwrap_or_default());
    }
    let row = query.fetch_one(conn).await.map_err(StoreError::from_write)?;
    (0..streams.len()).map(|n| Ok(row.try_get::<Option<i64>, _>(n)?.unwrap_or(0))).collect()
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

/// An event as a row.
const INSERT: &str = "INSERT INTO event (county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
/// Columns of `event`.
const EVENT_COLUMNS: usize = 10;

/// Writes events inside the caller's transaction, several at once.
pub(crate) async fn insert(kind: Kind, conn: &mut AnyConnection, events: &[Event]) -> Result<(), StoreError> {
    let values = |e: &Event| {
        vec![
            Value::Text(e.county.clone()),
            Value::Int(e.seq),
            Value::Text(e.stream.clone()),
            Value::Int(e.version),
            Value::Int(e.at_ms),
            Value::Text(e.kind.clone()),
            Value::Int(i64::from(e.schema)),
            Value::Bytes(e.body.clone()),
            Value::Bytes(e.prev_hash.to_vec()),
            Value::Bytes(e.hash.to_vec()),
        ]
    };
    match kind {
        Kind::Sqlite => {
            let ops: Vec<Op> = events.iter().map(|e| Op::new(INSERT, values(e))).collect();
            op::run(kind, conn, &ops).await
        }
        Kind::Postgres => {
            for chunk in events.chunks(kind.rows_a_statement()) {
                let mut sql = String::from(INSERT);
                push_rows(&mut sql, chunk.len() - 1, EVENT_COLUMNS);
                let query = chunk.iter().flat_map(values).fold(sqlx::query(AssertSqlSafe(sql)), op::bound);
                query.execute(&mut *conn).await.map_err(StoreError::from_write)?;
            }
            Ok(())
        }
    }
}

/// Appends placeholders of so many more rows to a statement for one.
fn push_rows(sql: &mut String, rows: usize, columns: usize) {
    let mut n = columns;
    for _ in 0..rows {
        sql.push_str(", (");
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
        let mut sql = String::from("($1, $2, $3)");
        push_rows(&mut sql, 2, 3);
        assert_eq!(sql, "($1, $2, $3), ($4, $5, $6), ($7, $8, $9)");
    }
}
