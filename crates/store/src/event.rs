//! Events as the log keeps them: versioned bytes in a hash chain. What they mean is the business of others.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// Bytes of a chain hash.
pub const HASH_BYTES: usize = 32;
/// A chain hash: SHA-256.
pub type Hash = [u8; HASH_BYTES];
/// The hash before the first event.
pub const GENESIS: Hash = [0; HASH_BYTES];
/// Longest body of one event in bytes; a longer one is a fault of the caller.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// An event that has been decided but has no place in the log yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What it belongs to, for example `order/W123`; versions count per stream.
    pub stream: String,
    /// Its name, for example `OrderPlaced`.
    pub kind: &'static str,
    /// Version of the body's layout; readers upcast old ones.
    pub schema: i32,
    /// MessagePack with named fields.
    pub body: Vec<u8>,
}

impl NewEvent {
    /// Packs a body with named fields.
    ///
    /// # Errors
    /// [`StoreError::BadRow`] when the body cannot be packed or exceeds [`BODY_BYTES_MAX`].
    pub fn pack<T: Serialize>(
        stream: impl Into<String>,
        kind: &'static str,
        schema: i32,
        body: &T,
    ) -> Result<Self, StoreError> {
        let bytes = rmp_serde::to_vec_named(body)
            .map_err(|e| StoreError::BadRow { what: format!("event {kind} cannot be packed: {e}") })?;
        if bytes.len() > BODY_BYTES_MAX {
            return Err(StoreError::BadRow {
                what: format!("event {kind} has {} bytes; at most {BODY_BYTES_MAX} are allowed", bytes.len()),
            });
        }
        Ok(Self { stream: stream.into(), kind, schema, body: bytes })
    }
}

/// An event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// County code (GB/T 2260), the partition.
    pub county: String,
    /// Gapless number in the county, from 1.
    pub seq: i64,
    /// What it belongs to.
    pub stream: String,
    /// Gapless number in the stream, from 1.
    pub version: i64,
    /// Business clock, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Its name.
    pub kind: String,
    /// Version of the body's layout.
    pub schema: i32,
    /// MessagePack with named fields.
    pub body: Vec<u8>,
    /// Hash of the event before.
    pub prev_hash: Hash,
    /// Hash over everything above.
    pub hash: Hash,
}

impl Event {
    /// The hash that the fields must have.
    #[must_use]
    pub fn expected_hash(&self) -> Hash {
        let mut h = Sha256::new();
        h.update(self.prev_hash);
        for text in [&self.county, &self.stream, &self.kind] {
            h.update((text.len() as u64).to_le_bytes());
            h.update(text.as_bytes());
        }
        h.update(self.seq.to_le_bytes());
        h.update(self.version.to_le_bytes());
        h.update(self.at_ms.to_le_bytes());
        h.update(self.schema.to_le_bytes());
        h.update((self.body.len() as u64).to_le_bytes());
        h.update(&self.body);
        h.finalize().into()
    }

    /// Unpacks the body.
    ///
    /// # Errors
    /// [`StoreError::BadRow`] names the event whose body does not fit the type.
    pub fn unpack<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        rmp_serde::from_slice(&self.body).map_err(|e| StoreError::BadRow {
            what: format!(
                "county {} seq {}: body of {} v{} is unreadable: {e}",
                self.county, self.seq, self.kind, self.schema
            ),
        })
    }
}

/// Turns bytes of a row into a hash.
pub(crate) fn hash_from(bytes: &[u8], what: &str) -> Result<Hash, StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::BadRow { what: format!("{what} has {} bytes, not 32", bytes.len()) })
}
