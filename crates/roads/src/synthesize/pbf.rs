//! OSM PBF out: header, dense nodes, ways and relations in zlib blobs, after the format's published description
//! (wiki.openstreetmap.org/wiki/PBF_Format). Protocol buffers by hand: five message shapes need no generator.

use flate2::{Compression, write::ZlibEncoder};
use std::io::{self, Write};

/// Tags of an element: key and value.
pub(crate) type Tags = Vec<(&'static str, String)>;

/// A node with its tags, coordinates in 1e-7 degree.
#[derive(Clone, Debug)]
pub(crate) struct OutNode {
    pub(crate) id: i64,
    pub(crate) lon_e7: i64,
    pub(crate) lat_e7: i64,
    pub(crate) tags: Tags,
}

/// A way.
#[derive(Clone, Debug)]
pub(crate) struct OutWay {
    pub(crate) id: i64,
    pub(crate) nodes: Vec<i64>,
    pub(crate) tags: Tags,
}

/// What a relation's member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    Node = 0,
    Way = 1,
}

/// A relation: members as (role, kind, id).
#[derive(Clone, Debug)]
pub(crate) struct OutRelation {
    pub(crate) id: i64,
    pub(crate) members: Vec<(&'static str, MemberKind, i64)>,
    pub(crate) tags: Tags,
}

/// Elements to a block: the size that the format recommends.
const PER_BLOCK: usize = 8_000;

/// Writes a whole file: nodes, ways, relations, each sorted by id by the caller.
///
/// # Errors
/// Those of the writer.
pub(crate) fn write_file(
    out: &mut impl Write,
    program: &str,
    source: &str,
    nodes: &[OutNode],
    ways: &[OutWay],
    relations: &[OutRelation],
) -> io::Result<()> {
    write_blob(out, "OSMHeader", &header_block(program, source, nodes))?;
    for chunk in nodes.chunks(PER_BLOCK) {
        write_blob(out, "OSMData", &node_block(chunk))?;
    }
    for chunk in ways.chunks(PER_BLOCK) {
        write_blob(out, "OSMData", &way_block(chunk))?;
    }
    for chunk in relations.chunks(PER_BLOCK) {
        write_blob(out, "OSMData", &relation_block(chunk))?;
    }
    Ok(())
}

fn write_blob(out: &mut impl Write, kind: &str, raw: &[u8]) -> io::Result<()> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::new(6));
    zlib.write_all(raw)?;
    let packed = zlib.finish()?;
    let mut blob = Message::default();
    blob.varint(2, raw.len() as u64);
    blob.bytes(3, &packed);
    let mut head = Message::default();
    head.bytes(1, kind.as_bytes());
    head.varint(3, blob.0.len() as u64);
    let length = u32::try_from(head.0.len()).expect("a blob header holds a word and a number");
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&head.0)?;
    out.write_all(&blob.0)
}

fn header_block(program: &str, source: &str, nodes: &[OutNode]) -> Vec<u8> {
    let mut block = Message::default();
    if !nodes.is_empty() {
        // The box is in nanodegrees: 100 times our unit.
        let (mut west, mut south) = (i64::MAX, i64::MAX);
        let (mut east, mut north) = (i64::MIN, i64::MIN);
        for node in nodes {
            west = west.min(node.lon_e7);
            east = east.max(node.lon_e7);
            south = south.min(node.lat_e7);
            north = north.max(node.lat_e7);
        }
        let mut bbox = Message::default();
        for (field, value) in [(1, west), (2, east), (3, north), (4, south)] {
            bbox.varint(field, zigzag(value * 100));
        }
        block.bytes(1, &bbox.0);
    }
    block.bytes(4, b"OsmSchema-V0.6");
    block.bytes(4, b"DenseNodes");
    block.bytes(5, b"Sort.Type_then_ID");
    block.bytes(16, program.as_bytes());
    block.bytes(17, source.as_bytes());
    block.0
}

/// The strings of one block; index 0 is the empty string that ends the tags of a dense node.
struct Strings {
    index: std::collections::HashMap<String, u64>,
    list: Vec<String>,
}

impl Strings {
    fn new() -> Self {
        Self { index: std::collections::HashMap::new(), list: vec![String::new()] }
    }
    fn of(&mut self, text: &str) -> u64 {
        if let Some(i) = self.index.get(text) {
            return *i;
        }
        let i = self.list.len() as u64;
        self.list.push(text.to_owned());
        self.index.insert(text.to_owned(), i);
        i
    }
    fn finish(self, group: &Message) -> Vec<u8> {
        let mut table = Message::default();
        for text in &self.list {
            table.bytes(1, text.as_bytes());
        }
        let mut block = Message::default();
        block.bytes(1, &table.0);
        block.bytes(2, &group.0);
        block.0
    }
}

fn node_block(nodes: &[OutNode]) -> Vec<u8> {
    let mut strings = Strings::new();
    let (mut ids, mut lats, mut lons) = (Delta::default(), Delta::default(), Delta::default());
    let mut tags = Vec::new();
    let any_tags = nodes.iter().any(|n| !n.tags.is_empty());
    for node in nodes {
        ids.push(node.id);
        lats.push(node.lat_e7);
        lons.push(node.lon_e7);
        for (key, value) in &node.tags {
            push_varint(&mut tags, strings.of(key));
            push_varint(&mut tags, strings.of(value));
        }
        if any_tags {
            tags.push(0);
        }
    }
    let mut dense = Message::default();
    dense.bytes(1, &ids.packed);
    dense.bytes(8, &lats.packed);
    dense.bytes(9, &lons.packed);
    if any_tags {
        dense.bytes(10, &tags);
    }
    let mut group = Message::default();
    group.bytes(2, &dense.0);
    strings.finish(&group)
}

fn put_tags(message: &mut Message, tags: &Tags, strings: &mut Strings) {
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (key, value) in tags {
        push_varint(&mut keys, strings.of(key));
        push_varint(&mut values, strings.of(value));
    }
    message.bytes(2, &keys);
    message.bytes(3, &values);
}

fn way_block(ways: &[OutWay]) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut group = Message::default();
    for way in ways {
        let mut message = Message::default();
        message.varint(1, way.id as u64);
        put_tags(&mut message, &way.tags, &mut strings);
        let mut refs = Delta::default();
        way.nodes.iter().for_each(|n| refs.push(*n));
        message.bytes(8, &refs.packed);
        group.bytes(3, &message.0);
    }
    strings.finish(&group)
}

fn relation_block(relations: &[OutRelation]) -> Vec<u8> {
    let mut strings = Strings::new();
    let mut group = Message::default();
    for relation in relations {
        let mut message = Message::default();
        message.varint(1, relation.id as u64);
        put_tags(&mut message, &relation.tags, &mut strings);
        let (mut roles, mut ids, mut kinds) = (Vec::new(), Delta::default(), Vec::new());
        for (role, kind, id) in &relation.members {
            push_varint(&mut roles, strings.of(role));
            ids.push(*id);
            push_varint(&mut kinds, *kind as u64);
        }
        message.bytes(8, &roles);
        message.bytes(9, &ids.packed);
        message.bytes(10, &kinds);
        group.bytes(4, &message.0);
    }
    strings.finish(&group)
}

/// A protocol-buffers message in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, field: u64, value: u64) {
        push_varint(&mut self.0, field << 3);
        push_varint(&mut self.0, value);
    }
    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        push_varint(&mut self.0, field << 3 | 2);
        push_varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }
}

/// Packed differences, zigzag coded.
#[derive(Default)]
struct Delta {
    last: i64,
    packed: Vec<u8>,
}

impl Delta {
    fn push(&mut self, value: i64) {
        push_varint(&mut self.packed, zigzag(value - self.last));
        self.last = value;
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
