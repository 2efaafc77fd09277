//! Names, phones and addresses: in a table of their own, each sealed with a key of its person, that key sealed with
//! the county's master key. Events carry the person's number only, so erasing a person is forgetting one key: the
//! chain and every backup still verify, and the data is unreadable everywhere.
//!
//! Sealing is XChaCha20-Poly1305 with random 24-byte nonces; county, person and owner are bound as associated data,
//! so a row cannot be moved to another person.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sqlx::{AnyConnection, Connection, Row};

use crate::backend::Store;
use crate::error::StoreError;
use crate::op::{Op, Value};

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Longest personal record in bytes before sealing.
pub const RECORD_BYTES_MAX: usize = 16 * 1024;

/// The county's master key, from a file or the environment, never from the database.
#[derive(Clone)]
pub struct MasterKey([u8; KEY_BYTES]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

impl MasterKey {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(random())
    }

    /// The bytes, for writing the key file.
    #[must_use]
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// What is known of a person, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number that events carry.
    pub person: i64,
    /// The carrier whose customer this is.
    pub owner: String,
    /// When it may be erased, milliseconds since 1970 UTC.
    pub expires_ms: i64,
    /// The sealed content, opened: packed by the layer above.
    pub content: Vec<u8>,
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

fn bound(county: &str, person: i64, owner: &str) -> Vec<u8> {
    format!("{county}\u{0}{person}\u{0}{owner}").into_bytes()
}

fn seal(key: &[u8; KEY_BYTES], plain: &[u8], aad: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let nonce: [u8; NONCE_BYTES] = random();
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .expect("records are far below the cipher's limit");
    (nonce.to_vec(), sealed)
}

fn open(key: &[u8; KEY_BYTES], nonce: &[u8], sealed: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
    XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad }).ok()
}

/// The rows of a new person as changes for the writer, so that a person comes into being in the transaction of the
/// event that names it. `record.person` must be a number never used before; see [`new_number`].
///
/// # Errors
/// A record over [`RECORD_BYTES_MAX`].
pub fn sealed(master: &MasterKey, county: &str, record: &Record) -> Result<Vec<Op>, StoreError> {
    check_size(&record.content)?;
    let key: [u8; KEY_BYTES] = random();
    let (nonce, sealed) = seal(&key, &record.content, &bound(county, record.person, &record.owner));
    let (key_nonce, sealed_key) = seal(&master.0, &key, &bound(county, record.person, ""));
    let (county, person) = (|| Value::Text(county.to_owned()), || Value::Int(record.person));
    Ok(vec![
        Op::new(
            "INSERT INTO person_key (county, person, nonce, sealed_key) VALUES ($1, $2, $3, $4)",
            vec![county(), person(), Value::Bytes(key_nonce), Value::Bytes(sealed_key)],
        ),
        Op::new(
            "INSERT INTO person (county, person, owner, expires_ms, nonce, sealed) VALUES ($1, $2, $3, $4, $5, $6)",
            vec![
                county(),
                person(),
                Value::Text(record.owner.clone()),
                Value::Int(record.expires_ms),
                Value::Bytes(nonce),
                Value::Bytes(sealed),
            ],
        ),
    ])
}

/// Seals bytes that belong to no person's record (a photo, a webhook's secret) under the master key; `name` is bound.
#[must_use]
pub fn seal_file(master: &MasterKey, county: &str, name: &str, plain: &[u8]) -> Vec<u8> {
    let (mut out, sealed) = seal(&master.0, plain, format!("{county}\u{0}file\u{0}{name}").as_bytes());
    out.extend_from_slice(&sealed);
    out
}

/// Opens what [`seal_file`] sealed; nothing when it does not open.
#[must_use]
pub fn open_file(master: &MasterKey, county: &str, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
    open(&master.0, nonce, rest, format!("{county}\u{0}file\u{0}{name}").as_bytes())
}

/// The change that destroys a person's key, for the writer.
#[must_use]
pub fn erased(county: &str, person: i64) -> Op {
    Op::new(
        "DELETE FROM person_key WHERE county = $1 AND person = $2",
        vec![Value::Text(county.to_owned()), Value::Int(person)],
    )
}

/// A number for a new person: 62 random bits, so that numbers tell nothing and do not meet.
#[must_use]
pub fn new_number() -> i64 {
    i64::from_le_bytes(random()) & (i64::MAX >> 1)
}

fn check_size(content: &[u8]) -> Result<(), StoreError> {
    if content.len() > RECORD_BYTES_MAX {
        return Err(StoreError::BadRow {
            what: format!("personal record of {} bytes; at most {RECORD_BYTES_MAX} are kept", content.len()),
        });
    }
    Ok(())
}

/// The personal data of a store, under its master key.
pub struct Vault {
    store: Store,
    master: MasterKey,
    /// Nothing after a fault: the next use opens another, so that neither a database that was away nor a transaction
    /// that broke off outlives its request.
    conn: Option<AnyConnection>,
}

impl Vault {
    /// Opens the vault with a connection of its own.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn open(store: &Store, master: MasterKey) -> Result<Self, StoreError> {
        Ok(Self { store: store.clone(), master, conn: Some(store.connect_writer().await?) })
    }

    /// The connection for one use; whoever gets through puts it back with [`Self::give_back`].
    async fn take(&mut self) -> Result<AnyConnection, StoreError> {
        // A database that was restarted leaves a dead connection behind; a ping tells.
        if let Some(mut conn) = self.conn.take()
            && conn.ping().await.is_ok()
        {
            return Ok(conn);
        }
        self.store.connect_writer().await
    }

    fn give_back(&mut self, conn: AnyConnection) {
        self.conn = Some(conn);
    }

    /// Seals and keeps a record, replacing the person's former one; the key stays the same.
    ///
    /// # Errors
    /// A record over [`RECORD_BYTES_MAX`], a master key that does not open the person's key, the database's faults.
    pub async fn put(&mut self, county: &str, record: &Record) -> Result<(), StoreError> {
        check_size(&record.content)?;
        let mut conn = self.take().await?;
        let key = match key(&self.master, &mut conn, county, record.person).await {
            Ok(key) => key,
            Err(StoreError::NoPerson { .. }) => random(),
            Err(err) => return Err(err),
        };
        let (nonce, sealed) = seal(&key, &record.content, &bound(county, record.person, &record.owner));
        let (key_nonce, sealed_key) = seal(&self.master.0, &key, &bound(county, record.person, ""));
        self.store.begin(&mut conn).await?;
        sqlx::query(
            "INSERT INTO person_key (county, person, nonce, sealed_key) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (county, person) DO NOTHING",
        )
        .bind(county.to_owned())
        .bind(record.person)
        .bind(key_nonce)
        .bind(sealed_key)
        .execute(&mut conn)
        .await
        .map_err(StoreError::from_write)?;
        sqlx::query(
            "INSERT INTO person (county, person, owner, expires_ms, nonce, sealed) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (county, person) DO UPDATE SET owner = excluded.owner, \
             expires_ms = excluded.expires_ms, nonce = excluded.nonce, sealed = excluded.sealed",
        )
        .bind(county.to_owned())
        .bind(record.person)
        .bind(record.owner.clone())
        .bind(record.expires_ms)
        .bind(nonce)
        .bind(sealed)
        .execute(&mut conn)
        .await
        .map_err(StoreError::from_write)?;
        self.commit(conn).await
    }

    /// Opens a person's record.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`] when it was erased or never there; [`StoreError::Unsealed`] when it does not open.
    pub async fn get(&mut self, county: &str, person: i64) -> Result<Record, StoreError> {
        let mut conn = self.take().await?;
        let found = open_record(&self.master, &mut conn, county, person).await;
        if !matches!(found, Err(StoreError::Sql(_))) {
            self.give_back(conn);
        }
        found
    }

    /// Destroys a person's key. The sealed row stays, unreadable, so that backups and counts still agree.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn erase(&mut self, county: &str, person: i64) -> Result<(), StoreError> {
        let mut conn = self.take().await?;
        self.store.begin(&mut conn).await?;
        sqlx::query("DELETE FROM person_key WHERE county = $1 AND person = $2")
            .bind(county.to_owned())
            .bind(person)
            .execute(&mut conn)
            .await
            .map_err(StoreError::from_write)?;
        self.commit(conn).await
    }

    /// Persons whose record may be erased at `now_ms`.
    ///
    /// # Errors
    /// The database's faults.
    pub async fn expired(&mut self, county: &str, now_ms: i64) -> Result<Vec<i64>, StoreError> {
        let mut conn = self.take().await?;
        let rows = sqlx::query(
            "SELECT p.person FROM person p JOIN person_key k ON k.county = p.county AND k.person = p.person \
             WHERE p.county = $1 AND p.expires_ms <= $2 ORDER BY p.person",
        )
        .bind(county.to_owned())
        .bind(now_ms)
        .fetch_all(&mut conn)
        .await?;
        self.give_back(conn);
        rows.iter().map(|r| Ok(r.try_get("person")?)).collect()
    }

    async fn commit(&mut self, mut conn: AnyConnection) -> Result<(), StoreError> {
        sqlx::raw_sql("COMMIT").execute(&mut conn).await.map_err(StoreError::from_write)?;
        self.give_back(conn);
        Ok(())
    }
}

async fn open_record(
    master: &MasterKey,
    conn: &mut AnyConnection,
    county: &str,
    person: i64,
) -> Result<Record, StoreError> {
    let key = key(master, conn, county, person).await?;
    let row =
        sqlx::query("SELECT owner, expires_ms, nonce, sealed FROM person WHERE county = $1 AND person = $2")
            .bind(county.to_owned())
            .bind(person)
            .fetch_optional(conn)
            .await?
            .ok_or(StoreError::NoPerson { person })?;
    let owner: String = row.try_get("owner")?;
    let content = open(
        &key,
        &row.try_get::<Vec<u8>, _>("nonce")?,
        &row.try_get::<Vec<u8>, _>("sealed")?,
        &bound(county, person, &owner),
    )
    .ok_or(StoreError::Unsealed { person })?;
    Ok(Record { person, owner, expires_ms: row.try_get("expires_ms")?, content })
}

async fn key(
    master: &MasterKey,
    conn: &mut AnyConnection,
    county: &str,
    person: i64,
) -> Result<[u8; KEY_BYTES], StoreError> {
    let row = sqlx::query("SELECT nonce, sealed_key FROM person_key WHERE county = $1 AND person = $2")
        .bind(county.to_owned())
        .bind(person)
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NoPerson { person })?;
    open(
        &master.0,
        &row.try_get::<Vec<u8>, _>("nonce")?,
        &row.try_get::<Vec<u8>, _>("sealed_key")?,
        &bound(county, person, ""),
    )
    .and_then(|key| key.try_into().ok())
    .ok_or(StoreError::Unsealed { person })
}
