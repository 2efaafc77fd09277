//! One store behind two databases. The SQL is one text for both; what must differ is here: types, pragmas,
//! transaction words, rows a statement, the advisory lock.

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyConnection, AnyPool};
use sqlx::{AssertSqlSafe, Connection, Row};
use std::time::Duration;

use crate::error::StoreError;

/// Schema of the tables that this program writes.
pub const SCHEMA: i64 = 1;
/// Reading connections kept open.
pub const READERS_MAX: u32 = 4;
/// Longest wait for a free reading connection.
const ACQUIRE_MAX: Duration = Duration::from_secs(10);
/// Oldest SQLite without the WAL-reset fault.
const SQLITE_MIN: (u32, u32, u32) = (3, 51, 3);

/// Which database is behind the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One file, one machine.
    Sqlite,
    /// A server, several nodes.
    Postgres,
}

impl Kind {
    /// Rows an `INSERT` carries: wide statements are quadratic in SQLite with numbered placeholders.
    #[must_use]
    pub const fn rows_a_statement(self) -> usize {
        match self {
            Self::Sqlite => 32,
            Self::Postgres => 128,
        }
    }

    const fn begin(self) -> &'static str {
        match self {
            // A deferred transaction that reads and then writes gets BUSY at once, whatever the timeout.
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    const fn blob(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }

    const fn big(self) -> &'static str {
        match self {
            Self::Sqlite => "INTEGER",
            Self::Postgres => "BIGINT",
        }
    }
}

/// The tables. `{blob}` and `{big}` are the dialect's words.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    county TEXT NOT NULL, seq {big} NOT NULL, stream TEXT NOT NULL, version {big} NOT NULL, at_ms {big} NOT NULL,
    kind TEXT NOT NULL, schema {big} NOT NULL, body {blob} NOT NULL, prev_hash {blob} NOT NULL, hash {blob} NOT NULL,
    PRIMARY KEY (county, seq));
CREATE UNIQUE INDEX IF NOT EXISTS event_by_stream ON event (county, stream, version);
CREATE TABLE IF NOT EXISTS snapshot (
    county TEXT NOT NULL, seq {big} NOT NULL, schema {big} NOT NULL, body {blob} NOT NULL, hash {blob} NOT NULL,
    PRIMARY KEY (county, seq));
CREATE TABLE IF NOT EXISTS person (
    county TEXT NOT NULL, person {big} NOT NULL, owner TEXT NOT NULL, expires_ms {big} NOT NULL,
    nonce {blob} NOT NULL, sealed {blob} NOT NULL, PRIMARY KEY (county, person));
CREATE TABLE IF NOT EXISTS person_key (
    county TEXT NOT NULL, person {big} NOT NULL, nonce {blob} NOT NULL, sealed_key {blob} NOT NULL,
    PRIMARY KEY (county, person));
CREATE TABLE IF NOT EXISTS outbox (
    county TEXT NOT NULL, seq {big} NOT NULL, item {big} NOT NULL, target TEXT NOT NULL, body {blob} NOT NULL,
    attempts {big} NOT NULL, next_ms {big} NOT NULL, done_ms {big}, last_error TEXT,
    PRIMARY KEY (county, seq, item));
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (done_ms, next_ms);
";

/// An open store.
#[derive(Clone, Debug)]
pub struct Store {
    kind: Kind,
    url: String,
    readers: AnyPool,
}

impl Store {
    /// Opens or creates a store: `sqlite://PATH`, `sqlite::memory:` is refused (each connection would have its own),
    /// or `postgres://…`.
    ///
    /// # Errors
    /// Unknown URL, old SQLite, a newer schema, or the database's own faults.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let (kind, url) = parse_url(url)?;
        let mut first = AnyConnection::connect(&url).await?;
        if kind == Kind::Sqlite {
            check_sqlite(&mut first).await?;
        }
        prepare_writer(kind, &mut first).await?;
        create_tables(kind, &mut first).await?;
        first.close().await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(ACQUIRE_MAX)
            .after_connect(move |conn, _| {
                Box::pin(async move {
                    if kind == Kind::Sqlite {
                        sqlx::raw_sql("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;")
                            .execute(conn)
                            .await?;
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        Ok(Self { kind, url, readers })
    }

    /// Which database is behind it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The URL it was opened with.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Connections for reading only.
    #[must_use]
    pub fn readers(&self) -> &AnyPool {
        &self.readers
    }

    /// A connection that may write. Only a writer task, a restore and an erasure take one.
    pub(crate) async fn connect_writer(&self) -> Result<AnyConnection, StoreError> {
        let mut conn = AnyConnection::connect(&self.url).await?;
        prepare_writer(self.kind, &mut conn).await?;
        Ok(conn)
    }

    /// Runs further table definitions: the read models of the layer above. `{blob}` and `{big}` are replaced by the
    /// dialect's words; each statement must be repeatable (`IF NOT EXISTS`).
    ///
    /// # Errors
    /// The database's faults.
    pub async fn define(&self, tables: &str) -> Result<(), StoreError> {
        let mut conn = self.connect_writer().await?;
        run_script(self.kind, &mut conn, tables).await?;
        conn.close().await?;
        Ok(())
    }

    /// Starts a transaction on a writing connection.
    pub(crate) async fn begin(&self, conn: &mut AnyConnection) -> Result<(), StoreError> {
        sqlx::raw_sql(self.kind.begin()).execute(conn).await.map_err(StoreError::from_write)?;
        Ok(())
    }

    /// Closes the reading connections.
    pub async fn close(self) {
        self.readers.close().await;
    }
}

fn parse_url(url: &str) -> Result<(Kind, String), StoreError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok((Kind::Postgres, url.to_owned()));
    }
    if let Some(path) = url.strip_prefix("sqlite:").filter(|p| !p.contains(":memory:")) {
        let path = path.split('?').next().unwrap_or(path);
        return Ok((Kind::Sqlite, format!("sqlite:{path}?mode=rwc")));
    }
    let shown = url.split_once('@').map_or(url, |(_, host)| host);
    Err(StoreError::UnknownBackend { url: shown.to_owned() })
}

async fn check_sqlite(conn: &mut AnyConnection) -> Result<(), StoreError> {
    let row: AnyRow = sqlx::query("SELECT sqlite_version() AS v").fetch_one(conn).await?;
    let found: String = row.try_get("v")?;
    let mut parts = found.split('.').map(|p| p.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < SQLITE_MIN { Err(StoreError::OldSqlite { found }) } else { Ok(()) }
}

async fn prepare_writer(kind: Kind, conn: &mut AnyConnection) -> Result<(), StoreError> {
    if kind == Kind::Sqlite {
        sqlx::raw_sql(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
             PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = 67108864;",
        )
        .execute(conn)
        .await
        .map_err(StoreError::from_write)?;
    }
    Ok(())
}

async fn run_script(kind: Kind, conn: &mut AnyConnection, script: &str) -> Result<(), StoreError> {
    let script = script.replace("{blob}", kind.blob()).replace("{big}", kind.big());
    for statement in script.split(';').map(str::trim).filter(|s| !s.is_empty()) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut *conn)
            .await
            .map_err(StoreError::from_write)?;
    }
    Ok(())
}

async fn create_tables(kind: Kind, conn: &mut AnyConnection) -> Result<(), StoreError> {
    run_script(kind, conn, TABLES).await?;
    let found =
        sqlx::query("SELECT value FROM meta WHERE name = 'schema'").fetch_optional(&mut *conn).await?;
    match found {
        None => {
            sqlx::query("INSERT INTO meta (name, value) VALUES ('schema', $1) ON CONFLICT (name) DO NOTHING")
                .bind(SCHEMA.to_string())
                .execute(conn)
                .await
                .map_err(StoreError::from_write)?;
        }
        Some(row) => {
            let text: String = row.try_get("value")?;
            let found: i64 = text
                .parse()
                .map_err(|_| StoreError::BadRow { what: format!("meta.schema is \"{text}\"") })?;
            if found > SCHEMA {
                return Err(StoreError::NewerSchema { found, known: SCHEMA });
            }
        }
    }
    Ok(())
}
