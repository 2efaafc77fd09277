//! A small reader of OSM PBF: length-prefixed blobs, zlib, protocol buffers by hand.
//!
//! Written for this crate because an import must stay under a few tens of megabytes and never panic on rotten
//! bytes: every length is checked against the slice it claims to lie in before anything is allocated.

use super::{Member, MemberKind, Visitor};
use crate::RoadsError;
use crate::limits::{PBF_BLOB_BYTES_MAX, PBF_HEADER_BYTES_MAX, RELATION_MEMBERS_MAX};
use flate2::{Decompress, FlushDecompress, Status};
use std::path::Path;

/// Why a message cannot be read.
type Fault = String;

/// A protocol-buffer message being read.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    buf: &'a [u8],
}

/// One field: its number and value.
enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl<'a> Cursor<'a> {
    fn new(buf: &'a [u8]) -> Self {
        Self { buf }
    }

    fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        if let Some((&first, rest)) = self.buf.split_first()
            && first < 0x80
        {
            self.buf = rest;
            return Ok(u64::from(first));
        }
        self.varint_long()
    }

    fn varint_long(&mut self) -> Result<u64, Fault> {
        let mut value = 0u64;
        for (i, &byte) in self.buf.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7F) << (7 * i);
            if byte < 0x80 {
                self.buf = &self.buf[i + 1..];
                return Ok(value);
            }
        }
        Err("a number runs past its message".into())
    }

    #[inline]
    fn zigzag(&mut self) -> Result<i64, Fault> {
        let raw = self.varint()?;
        #[allow(clippy::cast_possible_wrap)] // zigzag decoding is defined by this wrap
        let value = (raw >> 1) as i64 ^ -((raw & 1) as i64);
        Ok(value)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.buf.len() {
            return Err(format!("a field of {count} bytes in a message with {} left", self.buf.len()));
        }
        let (head, tail) = self.buf.split_at(count);
        self.buf = tail;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Field<'a>), Fault> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Field::Fixed
            }
            2 => {
                let len = self.varint()?;
                Field::Bytes(self.take(len)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed
            }
            other => return Err(format!("wire type {other} is not defined")),
        };
        Ok((key >> 3, value))
    }
}

#[allow(clippy::cast_possible_wrap)] // protobuf int64 is two's complement in a varint
fn signed(raw: u64) -> i64 {
    raw as i64
}

/// Reads the whole file.
pub(super) fn scan(path: &Path, bytes: &[u8], visitor: &mut dyn Visitor) -> Result<(), RoadsError> {
    let mut at = 0usize;
    let mut unpacked = Vec::new();
    let mut scratch = Scratch::default();
    let fault = |at: usize, what: String| RoadsError::BadPbf { path: path.to_owned(), at: at as u64, what };
    while at < bytes.len() {
        let start = at;
        let Some(len) = bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes) else {
            return Err(fault(start, "the file ends inside a blob's length".into()));
        };
        if len > PBF_HEADER_BYTES_MAX {
            return Err(fault(
                start,
                format!("a blob header of {len} bytes; at most {PBF_HEADER_BYTES_MAX}"),
            ));
        }
        at += 4;
        let Some(header) = bytes.get(at..at + len as usize) else {
            return Err(fault(start, "the file ends inside a blob header".into()));
        };
        at += len as usize;
        let (kind, size) = blob_header(header).map_err(|what| fault(start, what))?;
        if size > u64::from(PBF_BLOB_BYTES_MAX) {
            return Err(fault(start, format!("a blob of {size} bytes; at most {PBF_BLOB_BYTES_MAX}")));
        }
        #[allow(clippy::cast_possible_truncation)] // at most 32 MiB by the check above
        let size = size as usize;
        let Some(blob) = bytes.get(at..at + size) else {
            return Err(fault(start, format!("the file ends inside a blob of {size} bytes")));
        };
        at += size;
        match kind {
            b"OSMHeader" => {
                let data = unpack(blob, &mut unpacked).map_err(|what| fault(start, what))?;
                check_header(data).map_err(|what| fault(start, what))?;
            }
            b"OSMData" => {
                let data = unpack(blob, &mut unpacked).map_err(|what| fault(start, what))?;
                block(data, visitor, &mut scratch).map_err(|what| fault(start, what))?;
            }
            _ => {} // the format says to skip unknown blobs
        }
    }
    Ok(())
}

fn blob_header(buf: &[u8]) -> Result<(&[u8], u64), Fault> {
    let (mut kind, mut size) = (&buf[..0], None);
    let mut cursor = Cursor::new(buf);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Bytes(name)) => kind = name,
            (3, Field::Varint(n)) => size = Some(n),
            _ => {}
        }
    }
    Ok((kind, size.ok_or("a blob header without a size")?))
}

/// The bytes of a blob, unpacked into `room` where they are packed.
fn unpack<'a>(blob: &'a [u8], room: &'a mut Vec<u8>) -> Result<&'a [u8], Fault> {
    let (mut raw_size, mut zlib) = (None, None);
    let mut cursor = Cursor::new(blob);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Bytes(raw)) => return Ok(raw),
            (2, Field::Varint(n)) => raw_size = Some(n),
            (3, Field::Bytes(data)) => zlib = Some(data),
            (number @ 4..=7, Field::Bytes(_)) => {
                return Err(format!(
                    "blob packed by method {number} (lzma, bzip2, lz4 or zstd); only zlib is in use"
                ));
            }
            _ => {}
        }
    }
    let data = zlib.ok_or("a blob without data")?;
    let size = raw_size.ok_or("a packed blob without its size")?;
    if size > u64::from(PBF_BLOB_BYTES_MAX) {
        return Err(format!("a blob that unpacks to {size} bytes; at most {PBF_BLOB_BYTES_MAX}"));
    }
    #[allow(clippy::cast_possible_truncation)] // at most 32 MiB by the check above
    let size = size as usize;
    room.clear();
    room.reserve(size);
    let status = Decompress::new(true)
        .decompress_vec(data, room, FlushDecompress::Finish)
        .map_err(|e| format!("packed data do not unpack: {e}"))?;
    if !matches!(status, Status::StreamEnd) || room.len() != size {
        return Err(format!("packed data unpack to {} bytes instead of {size}", room.len()));
    }
    Ok(room)
}

/// Features that a reader must know or refuse the file.
fn check_header(data: &[u8]) -> Result<(), Fault> {
    let mut cursor = Cursor::new(data);
    while !cursor.is_empty() {
        if let (4, Field::Bytes(feature)) = cursor.field()? {
            let feature = String::from_utf8_lossy(feature);
            if !matches!(&*feature, "OsmSchema-V0.6" | "DenseNodes") {
                return Err(format!("the file requires \"{feature}\", which is not supported"));
            }
        }
    }
    Ok(())
}

/// Buffers that live across blocks.
#[derive(Default)]
struct Scratch {
    refs: Vec<i64>,
}

/// What a block says about its numbers.
struct Frame<'a> {
    strings: Vec<&'a str>,
    granularity: i64,
    lat_offset: i64,
    lon_offset: i64,
}

impl<'a> Frame<'a> {
    fn text(&self, index: u64) -> &'a str {
        usize::try_from(index).ok().and_then(|i| self.strings.get(i)).copied().unwrap_or("")
    }

    /// Nanodegrees of the block to 10⁻⁷ degrees; saturating, so that rot shows as out of range.
    fn e7(&self, raw: i64, offset: i64) -> i64 {
        raw.saturating_mul(self.granularity).saturating_add(offset) / 100
    }
}

fn block(data: &[u8], visitor: &mut dyn Visitor, scratch: &mut Scratch) -> Result<(), Fault> {
    let mut groups = Vec::new();
    let mut frame = Frame { strings: Vec::new(), granularity: 100, lat_offset: 0, lon_offset: 0 };
    let mut cursor = Cursor::new(data);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Bytes(table)) => {
                let mut table = Cursor::new(table);
                while !table.is_empty() {
                    if let (1, Field::Bytes(s)) = table.field()? {
                        // Text that is not UTF-8 is read as empty: a rotten name must not cost the roads.
                        frame.strings.push(std::str::from_utf8(s).unwrap_or(""));
                    }
                }
            }
            (2, Field::Bytes(group)) => groups.push(group),
            (17, Field::Varint(n)) => frame.granularity = signed(n),
            (19, Field::Varint(n)) => frame.lat_offset = signed(n),
            (20, Field::Varint(n)) => frame.lon_offset = signed(n),
            _ => {}
        }
    }
    for group in groups {
        let mut cursor = Cursor::new(group);
        while !cursor.is_empty() {
            match cursor.field()? {
                (1, Field::Bytes(node)) if visitor.wants_nodes() => plain_node(node, &frame, visitor)?,
                (2, Field::Bytes(dense)) if visitor.wants_nodes() => dense_nodes(dense, &frame, visitor)?,
                (3, Field::Bytes(way)) if visitor.wants_ways() => {
                    read_way(way, &frame, visitor, &mut scratch.refs)?;
                }
                (4, Field::Bytes(relation)) if visitor.wants_ways() => {
                    read_relation(relation, &frame, visitor)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn packed_tags<'a>(keys: &[u8], values: &[u8], frame: &Frame<'a>) -> Result<Vec<(&'a str, &'a str)>, Fault> {
    let (mut keys, mut values) = (Cursor::new(keys), Cursor::new(values));
    let mut tags = Vec::new();
    while !keys.is_empty() && !values.is_empty() {
        tags.push((frame.text(keys.varint()?), frame.text(values.varint()?)));
    }
    Ok(tags)
}

fn plain_node(buf: &[u8], frame: &Frame<'_>, visitor: &mut dyn Visitor) -> Result<(), Fault> {
    let (mut id, mut lat, mut lon, mut keys, mut values) = (0, 0, 0, &buf[..0], &buf[..0]);
    let unzigzag = |raw: u64| signed(raw >> 1) ^ -signed(raw & 1);
    let mut cursor = Cursor::new(buf);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Varint(n)) => id = unzigzag(n),
            (2, Field::Bytes(b)) => keys = b,
            (3, Field::Bytes(b)) => values = b,
            (8, Field::Varint(n)) => lat = unzigzag(n),
            (9, Field::Varint(n)) => lon = unzigzag(n),
            _ => {}
        }
    }
    let tags = packed_tags(keys, values, frame)?;
    visitor.node(id, frame.e7(lon, frame.lon_offset), frame.e7(lat, frame.lat_offset), &tags);
    Ok(())
}

fn dense_nodes(buf: &[u8], frame: &Frame<'_>, visitor: &mut dyn Visitor) -> Result<(), Fault> {
    let (mut ids, mut lats, mut lons, mut keys_values) = (&buf[..0], &buf[..0], &buf[..0], &buf[..0]);
    let mut cursor = Cursor::new(buf);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Bytes(b)) => ids = b,
            (8, Field::Bytes(b)) => lats = b,
            (9, Field::Bytes(b)) => lons = b,
            (10, Field::Bytes(b)) => keys_values = b,
            _ => {}
        }
    }
    let mut ids = Cursor::new(ids);
    let mut lats = Cursor::new(lats);
    let mut lons = Cursor::new(lons);
    let mut keys_values = Cursor::new(keys_values);
    let (mut id, mut lat, mut lon) = (0i64, 0i64, 0i64);
    let mut tags: Vec<(&str, &str)> = Vec::new();
    while !ids.is_empty() {
        id = id.wrapping_add(ids.zigzag()?);
        lat = lat.wrapping_add(lats.zigzag()?);
        lon = lon.wrapping_add(lons.zigzag()?);
        tags.clear();
        while !keys_values.is_empty() {
            let key = keys_values.varint()?;
            if key == 0 {
                break;
            }
            tags.push((frame.text(key), frame.text(keys_values.varint()?)));
        }
        visitor.node(id, frame.e7(lon, frame.lon_offset), frame.e7(lat, frame.lat_offset), &tags);
    }
    Ok(())
}

fn read_way(
    buf: &[u8],
    frame: &Frame<'_>,
    visitor: &mut dyn Visitor,
    refs: &mut Vec<i64>,
) -> Result<(), Fault> {
    let (mut id, mut keys, mut values, mut packed) = (0, &buf[..0], &buf[..0], &buf[..0]);
    let mut cursor = Cursor::new(buf);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Varint(n)) => id = signed(n),
            (2, Field::Bytes(b)) => keys = b,
            (3, Field::Bytes(b)) => values = b,
            (8, Field::Bytes(b)) => packed = b,
            _ => {}
        }
    }
    refs.clear();
    let mut cursor = Cursor::new(packed);
    let mut node = 0i64;
    while !cursor.is_empty() {
        node = node.wrapping_add(cursor.zigzag()?);
        refs.push(node);
    }
    visitor.way(id, refs, &packed_tags(keys, values, frame)?);
    Ok(())
}

fn read_relation(buf: &[u8], frame: &Frame<'_>, visitor: &mut dyn Visitor) -> Result<(), Fault> {
    let (mut id, mut keys, mut values) = (0, &buf[..0], &buf[..0]);
    let (mut roles, mut ids, mut kinds) = (&buf[..0], &buf[..0], &buf[..0]);
    let mut cursor = Cursor::new(buf);
    while !cursor.is_empty() {
        match cursor.field()? {
            (1, Field::Varint(n)) => id = signed(n),
            (2, Field::Bytes(b)) => keys = b,
            (3, Field::Bytes(b)) => values = b,
            (8, Field::Bytes(b)) => roles = b,
            (9, Field::Bytes(b)) => ids = b,
            (10, Field::Bytes(b)) => kinds = b,
            _ => {}
        }
    }
    let tags = packed_tags(keys, values, frame)?;
    let mut members = Vec::new();
    let (mut roles, mut ids, mut kinds) = (Cursor::new(roles), Cursor::new(ids), Cursor::new(kinds));
    let mut member = 0i64;
    while !ids.is_empty() && members.len() < RELATION_MEMBERS_MAX {
        member = member.wrapping_add(ids.zigzag()?);
        let role = frame.text(roles.varint()?);
        let kind = match kinds.varint()? {
            0 => MemberKind::Node,
            1 => MemberKind::Way,
            _ => MemberKind::Relation,
        };
        members.push(Member { kind, id: member, role });
    }
    visitor.relation(id, &members, &tags);
    Ok(())
}
