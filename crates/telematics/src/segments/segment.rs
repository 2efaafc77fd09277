//! The bytes of one segment file: header, framed payloads, and the seal that ends it; reading them back after
//! anything that a crash can leave.
//!
//! ```text
//! header   magic 8 · version u32 · first sequence u64 · created ms i64 · hash of the segment before 32 · CRC-32
//! payload  length u16 · CRC-32 of the payload u32 · kind u8 · …
//!   1 position   2 device (index u32, identifier)   3 seal   4 mark   5 message (device u32, received ms i64, frame)
//! ```
//! A mark opens each group commit and tells how long the file was when the commit before it had become durable: bad
//! bytes below a later mark's length are damage, bad bytes above it a torn tail.

use super::error::LogError;
use super::limits::PAYLOAD_BYTES_MAX;
use super::record::{DeviceId, FRAME_BYTES, KIND_DEVICE, KIND_POSITION, Record, decode_payload, frame};
use super::varint::Bytes;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"XYPSEG1\n";
const VERSION: u32 = 1;
/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 8 + 4 + 8 + 8 + 32 + 4;
const KIND_SEAL: u8 = 3;
const KIND_MARK: u8 = 4;
const KIND_MESSAGE: u8 = 5;
/// First bytes of a mark's payload after its kind, so that it can be found in rubble.
const MARK_MAGIC: &[u8; 4] = b"\xF5MK\xB7";
/// Bytes of a framed mark.
pub(crate) const MARK_BYTES: usize = FRAME_BYTES + 1 + 4 + 8;
/// Bytes of a framed seal.
pub(crate) const SEAL_BYTES: usize = FRAME_BYTES + 1 + 8 + 8 + 8 + 32;

/// A segment's first facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) first_seq: u64,
    pub(crate) created_ms: i64,
    pub(crate) previous_hash: [u8; 32],
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.first_seq.to_le_bytes());
        out.extend_from_slice(&self.created_ms.to_le_bytes());
        out.extend_from_slice(&self.previous_hash);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEADER_BYTES)?;
        let crc = u32::from_le_bytes(head[HEADER_BYTES - 4..].try_into().ok()?);
        if &head[..8] != MAGIC || crc32fast::hash(&head[..HEADER_BYTES - 4]) != crc {
            return None;
        }
        let mut rest = Bytes::new(&head[8..]);
        if rest.le_u32()? != VERSION {
            return None;
        }
        Some(Self {
            first_seq: rest.le_u64()?,
            created_ms: rest.le_u64()? as i64,
            previous_hash: rest.take(32)?.try_into().ok()?,
        })
    }
}

/// What a seal says about the segment that it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    pub(crate) count: u64,
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
    /// SHA-256 of every byte before the seal.
    pub(crate) hash: [u8; 32],
}

impl Seal {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEAL_BYTES);
        frame(&mut out, |out| {
            out.push(KIND_SEAL);
            out.extend_from_slice(&self.count.to_le_bytes());
            out.extend_from_slice(&self.min_time_ms.to_le_bytes());
            out.extend_from_slice(&self.max_time_ms.to_le_bytes());
            out.extend_from_slice(&self.hash);
        });
        out
    }

    fn decode_payload(payload: &[u8]) -> Option<Self> {
        let mut bytes = Bytes::new(payload);
        if bytes.u8()? != KIND_SEAL {
            return None;
        }
        let seal = Self {
            count: bytes.le_u64()?,
            min_time_ms: bytes.le_u64()? as i64,
            max_time_ms: bytes.le_u64()? as i64,
            hash: bytes.take(32)?.try_into().ok()?,
        };
        bytes.is_empty().then_some(seal)
    }

    /// Reads the seal from the last bytes of a file.
    pub(crate) fn at_end_of(tail: &[u8]) -> Option<Self> {
        let start = tail.len().checked_sub(SEAL_BYTES)?;
        Self::decode_payload(payload_at(tail, start)?)
    }
}

/// Writes a mark over the first [`MARK_BYTES`] of a batch.
pub(crate) fn put_mark(batch: &mut [u8], durable_length: u64) {
    let mut out = Vec::with_capacity(MARK_BYTES);
    frame(&mut out, |out| {
        out.push(KIND_MARK);
        out.extend_from_slice(MARK_MAGIC);
        out.extend_from_slice(&durable_length.to_le_bytes());
    });
    batch[..MARK_BYTES].copy_from_slice(&out);
}

/// Appends a framed dictionary entry.
pub(crate) fn put_device(out: &mut Vec<u8>, device: DeviceId, id: &str) {
    frame(out, |out| {
        out.push(KIND_DEVICE);
        out.extend_from_slice(&device.0.to_le_bytes());
        out.extend_from_slice(id.as_bytes());
    });
}

/// Appends a framed message that is no position.
pub(crate) fn put_message(out: &mut Vec<u8>, device: DeviceId, received_ms: i64, content: &[u8]) {
    let content = &content[..content.len().min(super::limits::MESSAGE_BYTES_MAX)];
    frame(out, |out| {
        out.push(KIND_MESSAGE);
        out.extend_from_slice(&device.0.to_le_bytes());
        out.extend_from_slice(&received_ms.to_le_bytes());
        out.extend_from_slice(content);
    });
}

fn mark_length(payload: &[u8]) -> Option<u64> {
    let rest = payload.strip_prefix(&[KIND_MARK])?.strip_prefix(MARK_MAGIC)?;
    Some(u64::from_le_bytes(rest.try_into().ok()?))
}

/// The checked payload of the frame at `offset`.
#[inline]
fn payload_at(bytes: &[u8], offset: usize) -> Option<&[u8]> {
    let head = bytes.get(offset..offset + FRAME_BYTES)?;
    let length = usize::from(u16::from_le_bytes([head[0], head[1]]));
    if length == 0 || length > PAYLOAD_BYTES_MAX {
        return None;
    }
    let payload = bytes.get(offset + FRAME_BYTES..offset + FRAME_BYTES + length)?;
    let crc = u32::from_le_bytes(head[2..].try_into().ok()?);
    (crc32fast::hash(payload) == crc).then_some(payload)
}

/// Something read from a segment.
pub(crate) enum Entry<'a> {
    Position(&'a Record),
    Device(DeviceId, &'a str),
    Message(DeviceId, i64, &'a [u8]),
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) header: Header,
    pub(crate) count: u64,
    /// Length of the good part, seal excluded.
    pub(crate) length: usize,
    pub(crate) seal: Option<Seal>,
}

/// Reads framed payloads (a commit's bytes, or a segment after its header), giving each entry in order; returns the
/// offset of the first byte that is no good frame, and the seal if one was met.
pub(crate) fn walk(
    bytes: &[u8],
    from: usize,
    record: &mut Record,
    mut each: impl FnMut(Entry<'_>),
) -> (usize, Option<Seal>) {
    let mut at = from;
    while let Some(payload) = payload_at(bytes, at) {
        match payload[0] {
            KIND_POSITION => {
                if decode_payload(payload, record).is_none() {
                    return (at, None);
                }
                each(Entry::Position(record));
            }
            KIND_DEVICE => {
                let parsed = payload.get(1..5).zip(payload.get(5..)).and_then(|(index, id)| {
                    Some((u32::from_le_bytes(index.try_into().ok()?), std::str::from_utf8(id).ok()?))
                });
                let Some((index, id)) = parsed else { return (at, None) };
                each(Entry::Device(DeviceId(index), id));
            }
            KIND_MESSAGE => {
                let mut rest = Bytes::new(&payload[1..]);
                let Some((device, received)) = rest.le_u32().zip(rest.le_u64()) else { return (at, None) };
                each(Entry::Message(DeviceId(device), received as i64, rest.rest()));
            }
            KIND_SEAL => return (at, Seal::decode_payload(payload)),
            // Marks, and kinds of later versions.
            _ => {}
        }
        at += FRAME_BYTES + payload.len();
    }
    (at, None)
}

/// Reads a whole segment file.
///
/// # Errors
/// [`LogError::Damaged`] where bytes that were durable are bad: the header, anything before a seal, anything that a
/// later mark vouches for. A torn tail is no error: the scan ends before it.
pub(crate) fn scan(name: &str, bytes: &[u8], mut each: impl FnMut(Entry<'_>)) -> Result<Scan, LogError> {
    let damaged =
        |offset: usize, what| LogError::Damaged { segment: name.to_owned(), offset: offset as u64, what };
    let header = Header::decode(bytes).ok_or_else(|| damaged(0, "the header is not one of ours"))?;
    let mut record = Record::default();
    let mut count = 0;
    let (length, seal) = walk(bytes, HEADER_BYTES, &mut record, |entry| {
        count += u64::from(matches!(entry, Entry::Position(_)));
        each(entry);
    });
    if seal.is_none() && vouched_beyond(bytes, length) {
        return Err(damaged(length, "a record that was durable does not match its checksum"));
    }
    if let Some(seal) = &seal
        && (seal.count != count || seal.hash != <[u8; 32]>::from(Sha256::digest(&bytes[..length])))
    {
        return Err(damaged(length, "the seal does not match the bytes before it"));
    }
    Ok(Scan { header, count, length, seal })
}

/// Whether a good mark or seal stands after `bad` and says that more than `bad` bytes had been durable.
fn vouched_beyond(bytes: &[u8], bad: usize) -> bool {
    let mut at = bad + 1;
    while at + MARK_BYTES <= bytes.len() {
        let Some(found) = find(&bytes[at..], MARK_MAGIC) else { break };
        let start = (at + found).checked_sub(FRAME_BYTES + 1);
        if let Some(length) = start.and_then(|s| payload_at(bytes, s)).and_then(mark_length)
            && length > bad as u64
        {
            return true;
        }
        at += found + 1;
    }
    bytes.len() >= bad + SEAL_BYTES && Seal::at_end_of(bytes).is_some()
}

fn find(haystack: &[u8], needle: &[u8; 4]) -> Option<usize> {
    haystack.windows(4).position(|w| w == needle)
}
