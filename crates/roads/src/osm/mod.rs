//! OpenStreetMap in: two passes over a PBF or XML file give the roads that some profile may use.
//!
//! Formats: <https://wiki.openstreetmap.org/wiki/PBF_Format> and <https://wiki.openstreetmap.org/wiki/OSM_XML>.
//! A broken frame is an error with its byte; broken data inside a sound frame is a reported problem, and the rest
//! of the file is used.

mod conditional;
mod import;
mod pbf;
mod restriction;
mod tags;
mod values;
mod xml;

pub(crate) use conditional::{Condition, Figure, TimeSpan, parse_conditional};
pub(crate) use import::{Imported, RawSegment, import, place_of};
pub(crate) use restriction::{RawRestriction, Via};
pub(crate) use tags::{Conditional, LimitKind, NodeTags, Way, WayTags, mode_key};
pub(crate) use values::{Limit, Speed};

pub(crate) use tags::Access;
pub use tags::RoadClass;

use crate::RoadsError;
use std::path::Path;

/// A member of a relation.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    pub(crate) kind: MemberKind,
    pub(crate) id: i64,
    pub(crate) role: &'a str,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemberKind {
    Node,
    Way,
    Relation,
}

/// Key and value pairs of one object.
pub(crate) type Tags<'a> = [(&'a str, &'a str)];

/// What a reader hands over, object by object, in the order of the file.
pub(crate) trait Visitor {
    /// Whether nodes are wanted in this pass; readers skip the work otherwise.
    fn wants_nodes(&self) -> bool;
    /// Whether ways and relations are wanted in this pass.
    fn wants_ways(&self) -> bool;
    /// A node: id, longitude and latitude in 10⁻⁷ degrees (not yet checked for range).
    fn node(&mut self, id: i64, lon_e7: i64, lat_e7: i64, tags: &Tags<'_>);
    /// A way: id and node references.
    fn way(&mut self, id: i64, refs: &[i64], tags: &Tags<'_>);
    /// A relation.
    fn relation(&mut self, id: i64, members: &[Member<'_>], tags: &Tags<'_>);
}

/// Lets `visitor` see the whole file.
pub(crate) fn scan(path: &Path, bytes: &[u8], visitor: &mut dyn Visitor) -> Result<(), RoadsError> {
    let text_start = bytes.iter().position(|b| !b.is_ascii_whitespace() && !matches!(b, 0xEF | 0xBB | 0xBF));
    match text_start.map(|at| bytes[at]) {
        Some(b'<') => xml::scan(path, bytes, visitor),
        Some(0) => pbf::scan(path, bytes, visitor),
        _ => Err(RoadsError::NotOsm { path: path.to_owned() }),
    }
}
