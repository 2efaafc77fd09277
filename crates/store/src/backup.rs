//! Backup and restore in one format for both databases, taken online from one consistent read. Moving a county from
//! SQLite to PostgreSQL is a backup of the one restored into the other.
//!
//! File: magic, then frames of `u32` little-endian length and MessagePack, then a zero length and the SHA-256 of
//! everything before it. Personal records go in sealed; their keys go to a second file that is replaced at each
//! backup, so that an erased person is unreadable in every backup once the key file is renewed.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use sqlx::Row as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::backend::{Kind, Store};
use crate::error::StoreError;
use crate::event::Event;
use crate::log::{self, Head};
use crate::verify;

const MAGIC: &[u8; 8] = b"XYBKUP01";
/// Longest frame: an event body and its head.
const FRAME_BYTES_MAX: usize = crate::event::BODY_BYTES_MAX + 64 * 1024;
/// Events restored in one transaction.
const RESTORE_BATCH: usize = 5_000;

/// What a backup or a restore moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Events.
    pub events: i64,
    /// Sealed personal records.
    pub persons: i64,
    /// Personal keys.
    pub keys: i64,
    /// Outbox items not delivered yet.
    pub outbox: i64,
}

#[derive(Serialize, Deserialize)]
enum Row {
    Event {
        county: String,
        seq: i64,
        stream: String,
        version: i64,
        at_ms: i64,
        kind: String,
        schema: i32,
        #[serde(with = "bytes")]
        body: Vec<u8>,
        prev_hash: [u8; 32],
        hash: [u8; 32],
    },
    Person {
        county: String,
        person: i64,
        owner: String,
        expires_ms: i64,
        #[serde(with = "bytes")]
        nonce: Vec<u8>,
        #[serde(with = "bytes")]
        sealed: Vec<u8>,
    },
    Key {
        county: String,
        person: i64,
        #[serde(with = "bytes")]
        nonce: Vec<u8>,
        #[serde(with = "bytes")]
        sealed: Vec<u8>,
    },
    Outbox {
        county: String,
        seq: i64,
        item: i64,
        target: String,
        #[serde(with = "bytes")]
        body: Vec<u8>,
        attempts: i64,
        next_ms: i64,
    },
}

/// Byte strings as MessagePack `bin`, not as arrays of numbers.
mod bytes {
    use serde::de::{Deserializer, Visitor};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a byte string")
            }
            fn visit_bytes<E>(self, v: &[u8]) -> Result<Vec<u8>, E> {
                Ok(v.to_vec())
            }
        }
        d.deserialize_byte_buf(Bytes)
    }
}

/// The key file that belongs to a backup.
#[must_use]
pub fn key_file(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// Writes a backup of the whole store to `file` and the personal keys to [`key_file`], both whole or not at all,
/// while writers go on.
///
/// # Errors
/// File and database faults.
pub async fn write(store: &Store, file: &Path) -> Result<Moved, StoreError> {
    let mut conn = store.readers().acquire().await?;
    let begin = match store.kind() {
        Kind::Sqlite => "BEGIN",
        Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    sqlx::raw_sql(begin).execute(&mut *conn).await?;
    let outcome = write_rows(&mut conn, file).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut *conn).await?;
    outcome
}

async fn write_rows(conn: &mut AnyConnection, file: &Path) -> Result<Moved, StoreError> {
    let mut moved = Moved::default();
    let mut out = FrameWriter::create(file)?;
    let counties =
        sqlx::query("SELECT DISTINCT county FROM event ORDER BY county").fetch_all(&mut *conn).await?;
    for row in counties {
        let county: String = row.try_get("county")?;
        let mut after = 0;
        loop {
            let events = log::read_on(conn, &county, after, log::READ_MAX).await?;
            for e in &events {
                out.put(&row_of(e))?;
            }
            moved.events += events.len() as i64;
            match events.last() {
                Some(last) => after = last.seq,
                None => break,
            }
        }
    }
    for row in sqlx::query(
        "SELECT county, person, owner, expires_ms, nonce, sealed FROM person ORDER BY county, person",
    )
    .fetch_all(&mut *conn)
    .await?
    {
        out.put(&Row::Person {
            county: row.try_get("county")?,
            person: row.try_get("person")?,
            owner: row.try_get("owner")?,
            expires_ms: row.try_get("expires_ms")?,
            nonce: row.try_get("nonce")?,
            sealed: row.try_get("sealed")?,
        })?;
        moved.persons += 1;
    }
    for row in sqlx::query(
        "SELECT county, seq, item, target, body, attempts, next_ms FROM outbox WHERE done_ms IS NULL \
         ORDER BY county, seq, item",
    )
    .fetch_all(&mut *conn)
    .await?
    {
        out.put(&Row::Outbox {
            county: row.try_get("county")?,
            seq: row.try_get("seq")?,
            item: row.try_get("item")?,
            target: row.try_get("target")?,
            body: row.try_get("body")?,
            attempts: row.try_get("attempts")?,
            next_ms: row.try_get("next_ms")?,
        })?;
        moved.outbox += 1;
    }
    out.finish()?;
    let mut keys = FrameWriter::create(&key_file(file))?;
    for row in sqlx::query("SELECT county, person, nonce, sealed_key FROM person_key ORDER BY county, person")
        .fetch_all(&mut *conn)
        .await?
    {
        keys.put(&Row::Key {
            county: row.try_get("county")?,
            person: row.try_get("person")?,
            nonce: row.try_get("nonce")?,
            sealed: row.try_get("sealed_key")?,
        })?;
        moved.keys += 1;
    }
    keys.finish()?;
    Ok(moved)
}

/// Fills an empty store from a backup; the chain is checked on the way in. Without its key file the personal records
/// come back sealed for good. Read models are made anew by the layer above.
///
/// # Errors
/// A store that is not empty, a damaged file, a broken chain; the store may then hold a part and must be thrown away.
pub async fn restore(store: &Store, file: &Path) -> Result<Moved, StoreError> {
    let row = sqlx::query("SELECT COUNT(*) AS n FROM event").fetch_one(store.readers()).await?;
    let events: i64 = row.try_get("n")?;
    if events > 0 {
        return Err(StoreError::NotEmpty { events });
    }
    check_file(file)?;
    let keys = key_file(file);
    if keys.exists() {
        check_file(&keys)?;
    }
    let mut conn = store.connect_writer().await?;
    let mut moved = Moved::default();
    restore_file(store, &mut conn, file, &mut moved).await?;
    if keys.exists() {
        restore_file(store, &mut conn, &keys, &mut moved).await?;
    }
    Ok(moved)
}

async fn restore_file(
    store: &Store,
    conn: &mut AnyConnection,
    file: &Path,
    moved: &mut Moved,
) -> Result<(), StoreError> {
    let mut frames = FrameReader::open(file)?;
    let mut head = Head { seq: 0, hash: crate::event::GENESIS };
    let mut county = String::new();
    let mut batch: Vec<Event> = Vec::with_capacity(RESTORE_BATCH);
    store.begin(conn).await?;
    while let Some(row) = frames.next_row()? {
        if let Row::Event { .. } = row {
            let event = event_of(row);
            if event.county != county {
                county.clone_from(&event.county);
                head = Head { seq: 0, hash: crate::event::GENESIS };
            }
            verify::follows(&head, &event)?;
            head = Head { seq: event.seq, hash: event.hash };
            moved.events += 1;
            batch.push(event);
            if batch.len() == RESTORE_BATCH {
                log::insert(store.kind(), conn, &batch).await?;
                batch.clear();
            }
            continue;
        }
        restore_row(conn, row, moved).await?;
    }
    log::insert(store.kind(), conn, &batch).await?;
    sqlx::raw_sql("COMMIT").execute(conn).await.map_err(StoreError::from_write)?;
    Ok(())
}

async fn restore_row(conn: &mut AnyConnection, row: Row, moved: &mut Moved) -> Result<(), StoreError> {
    let query = match row {
        Row::Event { .. } => return Ok(()),
        Row::Person { county, person, owner, expires_ms, nonce, sealed } => {
            moved.persons += 1;
            sqlx::query(
                "INSERT INTO person (county, person, owner, expires_ms, nonce, sealed) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(county)
            .bind(person)
            .bind(owner)
            .bind(expires_ms)
            .bind(nonce)
            .bind(sealed)
        }
        Row::Key { county, person, nonce, sealed } => {
            moved.keys += 1;
            sqlx::query("INSERT INTO person_key (county, person, nonce, sealed_key) VALUES ($1, $2, $3, $4)")
                .bind(county)
                .bind(person)
                .bind(nonce)
                .bind(sealed)
        }
        Row::Outbox { county, seq, item, target, body, attempts, next_ms } => {
            moved.outbox += 1;
            sqlx::query(
                "INSERT INTO outbox (county, seq, item, target, body, attempts, next_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(county)
            .bind(seq)
            .bind(item)
            .bind(target)
            .bind(body)
            .bind(attempts)
            .bind(next_ms)
        }
    };
    query.execute(conn).await.map_err(StoreError::from_write)?;
    Ok(())
}

fn row_of(e: &Event) -> Row {
    Row::Event {
        county: e.county.clone(),
        seq: e.seq,
        stream: e.stream.clone(),
        version: e.version,
        at_ms: e.at_ms,
        kind: e.kind.clone(),
        schema: e.schema,
        body: e.body.clone(),
        prev_hash: e.prev_hash,
        hash: e.hash,
    }
}

fn event_of(row: Row) -> Event {
    let Row::Event { county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash } = row else {
        unreachable!("the caller has matched the variant");
    };
    Event { county, seq, stream, version, at_ms, kind, schema, body, prev_hash, hash }
}

struct FrameWriter {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
}

impl FrameWriter {
    fn create(path: &Path) -> Result<Self, StoreError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).map_err(|e| file_fault(&temporary, e))?;
        let mut writer =
            Self { path: path.to_owned(), temporary, out: BufWriter::new(file), hash: Sha256::new() };
        writer.bytes(MAGIC)?;
        Ok(writer)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.out.write_all(bytes).map_err(|e| file_fault(&self.temporary, e))
    }

    fn put(&mut self, row: &Row) -> Result<(), StoreError> {
        let body = rmp_serde::to_vec(row)
            .map_err(|e| StoreError::BadRow { what: format!("a row cannot be packed: {e}") })?;
        let length = u32::try_from(body.len())
            .map_err(|_| StoreError::BadRow { what: format!("a row of {} bytes", body.len()) })?;
        self.bytes(&length.to_le_bytes())?;
        self.bytes(&body)
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.bytes(&0_u32.to_le_bytes())?;
        let digest = self.hash.clone().finalize();
        self.out.write_all(&digest).map_err(|e| file_fault(&self.temporary, e))?;
        let file = self.out.into_inner().map_err(|e| file_fault(&self.temporary, e.into_error()))?;
        file.sync_all().map_err(|e| file_fault(&self.temporary, e))?;
        std::fs::rename(&self.temporary, &self.path).map_err(|e| file_fault(&self.path, e))?;
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|d| d.sync_all()).map_err(|e| file_fault(folder, e))
    }
}

struct FrameReader {
    path: PathBuf,
    input: BufReader<File>,
    hash: Sha256,
}

impl FrameReader {
    fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|e| file_fault(path, e))?;
        let mut reader = Self { path: path.to_owned(), input: BufReader::new(file), hash: Sha256::new() };
        let mut magic = [0; 8];
        reader.exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(reader.bad("not a backup of Xiangyun"));
        }
        Ok(reader)
    }

    fn bad(&self, what: &str) -> StoreError {
        StoreError::BadBackup { file: self.path.display().to_string(), what: what.to_owned() }
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.input.read_exact(bytes).map_err(|_| self.bad("ends too early"))?;
        self.hash.update(&*bytes);
        Ok(())
    }

    fn next_row(&mut self) -> Result<Option<Row>, StoreError> {
        let mut length = [0; 4];
        self.exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 {
            let expected = self.hash.clone().finalize();
            let mut found = [0; 32];
            self.input.read_exact(&mut found).map_err(|_| self.bad("ends too early"))?;
            return if expected.as_slice() == found {
                Ok(None)
            } else {
                Err(self.bad("its checksum is wrong"))
            };
        }
        if length > FRAME_BYTES_MAX {
            return Err(self.bad("holds a frame longer than any we write"));
        }
        let mut body = vec![0; length];
        self.exact(&mut body)?;
        rmp_serde::from_slice(&body).map(Some).map_err(|e| self.bad(&format!("holds an unreadable row: {e}")))
    }
}

/// Reads a file through, so that a restore begins only with a whole one.
fn check_file(path: &Path) -> Result<(), StoreError> {
    let mut frames = FrameReader::open(path)?;
    while frames.next_row()?.is_some() {}
    Ok(())
}

fn file_fault(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File { file: path.display().to_string(), source }
}
