//! Two passes over an OSM file: first ways and restrictions, then the nodes that they need; then ways are cut into
//! segments at junctions and at nodes whose tags matter.

use super::restriction::RawRestriction;
use super::tags::{NodeTags, Notes, WayTags};
use super::{Member, Tags, Visitor, scan};
use crate::RoadsError;
use crate::error::import_code as code;
use crate::limits::{SEGMENTS_MAX, WAY_REFS_MAX};
use std::collections::HashMap;
use std::path::Path;
use xiangyun_model::geo::LonLat;
use xiangyun_model::problem::{Problem, Problems};

/// A piece of road between two vertices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSegment {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Index into [`Imported::ways`].
    pub(crate) way: u32,
    /// Range of shape points, ends included.
    pub(crate) shape: (u32, u32),
    pub(crate) length_mm: u32,
}

/// A way that was kept.
#[derive(Clone, Debug)]
pub(crate) struct RawWay {
    pub(crate) osm_id: i64,
    /// Index into [`Imported::tagsets`].
    pub(crate) tagset: u32,
    /// Index into [`Imported::strings`].
    pub(crate) name: u32,
    pub(crate) reference: u32,
    /// Ferry duration of the whole way in seconds.
    pub(crate) duration_s: Option<u32>,
    refs: (usize, usize),
    /// Range of segments.
    pub(crate) segments: (u32, u32),
}

/// What an OSM file gave.
pub(crate) struct Imported {
    /// Longitude and latitude in 10⁻⁷ degrees by vertex.
    pub(crate) vertices: Vec<[i32; 2]>,
    /// OSM node id by vertex.
    pub(crate) vertex_osm: Vec<i64>,
    /// Index into [`Imported::node_tags`] by vertex, `u32::MAX` for none.
    pub(crate) vertex_tags: Vec<u32>,
    pub(crate) node_tags: Vec<NodeTags>,
    pub(crate) segments: Vec<RawSegment>,
    pub(crate) shape: Vec<[i32; 2]>,
    pub(crate) ways: Vec<RawWay>,
    pub(crate) tagsets: Vec<WayTags>,
    /// Names and references of roads; the first is empty.
    pub(crate) strings: Vec<String>,
    pub(crate) restrictions: Vec<RawRestriction>,
    pub(crate) problems: Problems,
}

/// Reads an OSM file. `keep` says whether some profile could use a way with these tags.
pub(crate) fn import(
    path: &Path,
    bytes: &[u8],
    keep: &dyn Fn(&WayTags) -> bool,
) -> Result<Imported, RoadsError> {
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut reporter = Reporter { file, problems: Problems::new() };
    let mut first = FirstPass::new(keep, &mut reporter);
    scan(path, bytes, &mut first)?;
    let FirstPass { mut ways, refs, tagsets, strings, restrictions, .. } = first;
    drop_duplicate_ways(&mut ways, &mut reporter);
    let mut ids = refs.clone();
    ids.sort_unstable();
    ids.dedup();
    let mut second = SecondPass {
        coords: vec![MISSING; ids.len()],
        tags: Vec::new(),
        interned: HashMap::new(),
        node_tags: Vec::new(),
        ids: &ids,
        cursor: 0,
        reporter: &mut reporter,
    };
    scan(path, bytes, &mut second)?;
    let SecondPass { coords, mut tags, node_tags, .. } = second;
    tags.sort_unstable();
    tags.dedup_by_key(|t| t.0);
    cut(Cut { ways, refs, ids, coords, tags, node_tags, tagsets, strings, restrictions, reporter })
}

/// Collects problems in the shape that all readers use.
struct Reporter {
    file: String,
    problems: Problems,
}

impl Reporter {
    fn push(&mut self, code: &'static str, kind: &str, id: i64, column: &str, found: String, want: &str) {
        let mut found = found;
        if found.len() > 200 {
            let mut end = 200;
            while !found.is_char_boundary(end) {
                end -= 1;
            }
            found.truncate(end);
            found.push('…');
        }
        self.problems.push(Problem {
            code,
            file: self.file.clone(),
            row: 0,
            column: if column.is_empty() { format!("{kind} {id}") } else { format!("{kind} {id} {column}") },
            found,
            want: want.to_owned(),
        });
    }

    fn notes(&mut self, kind: &str, id: i64, notes: Notes) {
        for (code, key, value, want) in notes {
            self.push(code, kind, id, &key, value, want);
        }
    }
}

struct FirstPass<'k, 'r> {
    keep: &'k dyn Fn(&WayTags) -> bool,
    reporter: &'r mut Reporter,
    ways: Vec<RawWay>,
    refs: Vec<i64>,
    tagsets: Vec<WayTags>,
    interned: HashMap<WayTags, Option<u32>>,
    strings: Vec<String>,
    string_index: HashMap<String, u32>,
    restrictions: Vec<RawRestriction>,
}

impl<'k, 'r> FirstPass<'k, 'r> {
    fn new(keep: &'k dyn Fn(&WayTags) -> bool, reporter: &'r mut Reporter) -> Self {
        Self {
            keep,
            reporter,
            ways: Vec::new(),
            refs: Vec::new(),
            tagsets: Vec::new(),
            interned: HashMap::new(),
            strings: vec![String::new()],
            string_index: HashMap::from([(String::new(), 0)]),
            restrictions: Vec::new(),
        }
    }

    #[allow(clippy::cast_possible_truncation)] // fewer strings and tag sets than ways, which are counted in u32
    fn string(&mut self, text: &str) -> u32 {
        if let Some(&i) = self.string_index.get(text) {
            return i;
        }
        let i = self.strings.len() as u32;
        self.strings.push(text.to_owned());
        self.string_index.insert(text.to_owned(), i);
        i
    }
}

impl Visitor for FirstPass<'_, '_> {
    fn wants_nodes(&self) -> bool {
        false
    }

    fn wants_ways(&self) -> bool {
        true
    }

    fn node(&mut self, _: i64, _: i64, _: i64, _: &Tags<'_>) {}

    fn way(&mut self, id: i64, refs: &[i64], tags: &Tags<'_>) {
        if !tags.iter().any(|(k, _)| matches!(*k, "highway" | "route")) {
            return;
        }
        let mut notes = Notes::new();
        let Some((way_tags, duration_s)) = WayTags::read(tags, &mut notes) else { return };
        #[allow(clippy::cast_possible_truncation)] // counted in u32 below
        let tagset = match self.interned.get(&way_tags) {
            Some(known) => *known,
            None => {
                let index = (self.keep)(&way_tags).then(|| {
                    self.tagsets.push(way_tags.clone());
                    self.tagsets.len() as u32 - 1
                });
                self.interned.insert(way_tags, index);
                index
            }
        };
        let Some(tagset) = tagset else { return };
        self.reporter.notes("way", id, notes);
        if refs.len() < 2 {
            let found = format!("{} nodes", refs.len());
            self.reporter.push(
                code::FEW_NODES,
                "way",
                id,
                "nodes",
                found,
                "a road needs two nodes; left out",
            );
            return;
        }
        if refs.len() > WAY_REFS_MAX {
            let want = format!("at most {WAY_REFS_MAX} nodes to a way; left out");
            self.reporter.push(code::TOO_LONG, "way", id, "nodes", format!("{} nodes", refs.len()), &want);
            return;
        }
        let text = |keys: [&str; 2]| {
            keys.iter().find_map(|key| tags.iter().find(|(k, _)| k == key).map(|(_, v)| *v)).unwrap_or("")
        };
        let name = self.string(text(["name:zh", "name"]));
        let reference = self.string(text(["ref", "int_ref"]));
        let start = self.refs.len();
        self.refs.extend_from_slice(refs);
        self.ways.push(RawWay {
            osm_id: id,
            tagset,
            name,
            reference,
            duration_s,
            refs: (start, self.refs.len()),
            segments: (0, 0),
        });
    }

    fn relation(&mut self, id: i64, members: &[Member<'_>], tags: &Tags<'_>) {
        let mut notes = Notes::new();
        self.restrictions.extend(RawRestriction::read(id, members, tags, &mut notes));
        self.reporter.notes("relation", id, notes);
    }
}

/// Keeps the first of ways with the same id; the order of the file stays.
fn drop_duplicate_ways(ways: &mut Vec<RawWay>, reporter: &mut Reporter) {
    let mut by_id: Vec<(i64, usize)> = ways.iter().enumerate().map(|(i, w)| (w.osm_id, i)).collect();
    by_id.sort_unstable();
    let mut drop = vec![false; ways.len()];
    for pair in by_id.windows(2) {
        if pair[0].0 == pair[1].0 {
            drop[pair[1].1] = true;
            let want = "the id was seen before; the first is used";
            reporter.push(code::DUPLICATE, "way", pair[1].0, "id", pair[1].0.to_string(), want);
        }
    }
    let mut i = 0;
    ways.retain(|_| {
        i += 1;
        !drop[i - 1]
    });
}

/// Coordinate of a node that was not seen.
const MISSING: [i32; 2] = [i32::MAX, i32::MAX];

struct SecondPass<'a> {
    /// Wanted ids, ascending.
    ids: &'a [i64],
    /// Where the last id was found: files are nearly always sorted.
    cursor: usize,
    coords: Vec<[i32; 2]>,
    tags: Vec<(u32, u32)>,
    node_tags: Vec<NodeTags>,
    interned: HashMap<NodeTags, u32>,
    reporter: &'a mut Reporter,
}

impl Visitor for SecondPass<'_> {
    fn wants_nodes(&self) -> bool {
        true
    }

    fn wants_ways(&self) -> bool {
        false
    }

    #[allow(clippy::cast_possible_truncation)] // coordinates are range-checked, indices are below 2^32
    fn node(&mut self, id: i64, lon_e7: i64, lat_e7: i64, tags: &Tags<'_>) {
        let at = match self.ids.get(self.cursor) {
            Some(&next) if next == id => self.cursor,
            Some(&next) if next > id && (self.cursor == 0 || self.ids[self.cursor - 1] < id) => return,
            _ => match self.ids.binary_search(&id) {
                Ok(at) => at,
                Err(_) => return,
            },
        };
        self.cursor = at + 1;
        if lon_e7.unsigned_abs() > 1_800_000_000 || lat_e7.unsigned_abs() > 900_000_000 {
            let found = format!("{}, {}", lon_e7 as f64 / 1e7, lat_e7 as f64 / 1e7);
            let want = "not a place on earth; the node is left out";
            self.reporter.push(code::OUT_OF_RANGE, "node", id, "lon, lat", found, want);
            return;
        }
        let coord = [lon_e7 as i32, lat_e7 as i32];
        if self.coords[at] != MISSING {
            if self.coords[at] != coord {
                let want = "the id was seen before at another place; the first is used";
                self.reporter.push(code::DUPLICATE, "node", id, "id", id.to_string(), want);
            }
            return;
        }
        self.coords[at] = coord;
        if !tags.is_empty() {
            let mut notes = Notes::new();
            if let Some(node_tags) = NodeTags::read(tags, &mut notes) {
                self.reporter.notes("node", id, notes);
                let next = self.node_tags.len() as u32;
                let index = *self.interned.entry(node_tags).or_insert_with_key(|key| {
                    self.node_tags.push(key.clone());
                    next
                });
                self.tags.push((at as u32, index));
            }
        }
    }

    fn way(&mut self, _: i64, _: &[i64], _: &Tags<'_>) {}

    fn relation(&mut self, _: i64, _: &[Member<'_>], _: &Tags<'_>) {}
}

/// What the two passes leave for cutting.
struct Cut {
    ways: Vec<RawWay>,
    refs: Vec<i64>,
    ids: Vec<i64>,
    coords: Vec<[i32; 2]>,
    tags: Vec<(u32, u32)>,
    node_tags: Vec<NodeTags>,
    tagsets: Vec<WayTags>,
    strings: Vec<String>,
    restrictions: Vec<RawRestriction>,
    reporter: Reporter,
}

/// A node index that was not found in the file.
const NO_NODE: u32 = u32::MAX;

/// Cuts ways at junctions, ends, and nodes with tags.
#[allow(clippy::cast_possible_truncation)] // indices are below SEGMENTS_MAX, checked
fn cut(mut c: Cut) -> Result<Imported, RoadsError> {
    if c.refs.len() > SEGMENTS_MAX {
        return Err(RoadsError::TooMuch {
            what: "node references",
            found: c.refs.len() as u64,
            max: SEGMENTS_MAX as u64,
        });
    }
    // References become indices; those without a place are dropped.
    let local: Vec<u32> = c
        .refs
        .iter()
        .map(|id| match c.ids.binary_search(id) {
            Ok(i) if c.coords[i] != MISSING => i as u32,
            _ => NO_NODE,
        })
        .collect();
    drop(std::mem::take(&mut c.refs));
    let mut uses = vec![0u8; c.ids.len()];
    let mut chain: Vec<u32> = Vec::new();
    for way in &c.ways {
        chain_of(&local[way.refs.0..way.refs.1], &mut chain);
        let last = chain.len().saturating_sub(1);
        for (i, &n) in chain.iter().enumerate() {
            let count = if i == 0 || i == last { 2 } else { 1 };
            uses[n as usize] = uses[n as usize].saturating_add(count);
        }
    }
    let mut tag_of = vec![u32::MAX; c.ids.len()];
    for &(node, tag) in &c.tags {
        tag_of[node as usize] = tag;
        if uses[node as usize] > 0 {
            uses[node as usize] = uses[node as usize].saturating_add(2);
        }
    }
    let mut out = Imported {
        vertices: Vec::new(),
        vertex_osm: Vec::new(),
        vertex_tags: Vec::new(),
        node_tags: c.node_tags,
        segments: Vec::new(),
        shape: Vec::new(),
        ways: Vec::new(),
        tagsets: c.tagsets,
        strings: c.strings,
        restrictions: c.restrictions,
        problems: Problems::new(),
    };
    // Vertices in the order of node ids, so that neighbours in the file stay neighbours.
    let mut vertex = vec![NO_NODE; c.ids.len()];
    for (i, &count) in uses.iter().enumerate() {
        if count >= 2 {
            vertex[i] = out.vertices.len() as u32;
            out.vertices.push(c.coords[i]);
            out.vertex_osm.push(c.ids[i]);
            out.vertex_tags.push(tag_of[i]);
        }
    }
    for (index, way) in c.ways.iter_mut().enumerate() {
        let missing = chain_of(&local[way.refs.0..way.refs.1], &mut chain);
        if missing > 0 {
            let found = format!("{missing} of {} nodes", way.refs.1 - way.refs.0);
            let want = "not in the file; the rest of the way is used";
            c.reporter.push(code::MISSING_NODES, "way", way.osm_id, "nodes", found, want);
        }
        way.segments.0 = out.segments.len() as u32;
        if chain.len() < 2 {
            let want = "no two nodes with different places; left out";
            c.reporter.push(code::NO_LENGTH, "way", way.osm_id, "nodes", format!("{}", chain.len()), want);
        } else {
            cut_way(index as u32, &chain, &c.coords, &vertex, &mut out, &mut c.reporter, way.osm_id);
        }
        way.segments.1 = out.segments.len() as u32;
    }
    out.ways = c.ways;
    out.problems = c.reporter.problems;
    if out.segments.is_empty() {
        return Err(RoadsError::NoRoads);
    }
    Ok(out)
}

/// The nodes of a way that have a place, without immediate repetitions; returns how many had none.
fn chain_of(refs: &[u32], chain: &mut Vec<u32>) -> usize {
    chain.clear();
    let mut missing = 0;
    for &n in refs {
        if n == NO_NODE {
            missing += 1;
        } else if chain.last() != Some(&n) {
            chain.push(n);
        }
    }
    missing
}

#[allow(clippy::cast_possible_truncation)] // see cut
fn cut_way(
    index: u32,
    chain: &[u32],
    coords: &[[i32; 2]],
    vertex: &[u32],
    out: &mut Imported,
    reporter: &mut Reporter,
    osm_id: i64,
) {
    let mut start = 0;
    for i in 1..chain.len() {
        if vertex[chain[i] as usize] == NO_NODE {
            continue;
        }
        let first = out.shape.len();
        let mut mm = 0.0;
        for (k, &n) in chain[start..=i].iter().enumerate() {
            let place = coords[n as usize];
            if k > 0 {
                mm += place_of(place).metres_to(place_of(coords[chain[start + k - 1] as usize])) * 1000.0;
            }
            out.shape.push(place);
        }
        // Longer than the earth's girth is no road; the bound also keeps lengths in 32 bits.
        if mm > 4.0e9 {
            out.shape.truncate(first);
            let want = "longer than 4,000 km between two junctions; left out";
            reporter.push(code::TOO_LONG, "way", osm_id, "length", format!("{:.0} km", mm / 1e6), want);
        } else {
            #[allow(clippy::cast_sign_loss)] // lengths are not negative
            let length_mm = (mm.round() as u32).max(1);
            out.segments.push(RawSegment {
                from: vertex[chain[start] as usize],
                to: vertex[chain[i] as usize],
                way: index,
                shape: (first as u32, out.shape.len() as u32),
                length_mm,
            });
        }
        start = i;
    }
}

/// Degrees from 10⁻⁷ degrees.
pub(crate) fn place_of(e7: [i32; 2]) -> LonLat {
    LonLat { lon: f64::from(e7[0]) / 1e7, lat: f64::from(e7[1]) / 1e7 }
}
