//! A reader of OSM XML (`.osm`), streaming; objects marked deleted or invisible are left out.

use super::{Member, MemberKind, Visitor};
use crate::RoadsError;
use crate::limits::RELATION_MEMBERS_MAX;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::path::Path;

/// The object being read.
#[derive(Default)]
struct Object {
    kind: Option<Kind>,
    id: i64,
    lon_e7: i64,
    lat_e7: i64,
    visible: bool,
    tags: Vec<(String, String)>,
    refs: Vec<i64>,
    members: Vec<(MemberKind, i64, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Node,
    Way,
    Relation,
}

/// Reads the whole file.
pub(super) fn scan(path: &Path, bytes: &[u8], visitor: &mut dyn Visitor) -> Result<(), RoadsError> {
    let text = std::str::from_utf8(bytes).map_err(|e| RoadsError::BadXml {
        path: path.to_owned(),
        at: e.valid_up_to() as u64,
        what: "not UTF-8 from here on".into(),
    })?;
    let mut reader = Reader::from_str(text);
    let mut object = Object::default();
    let mut seen_root = false;
    let mut depth = 0usize;
    loop {
        let at = reader.buffer_position();
        let fault = |what: String| RoadsError::BadXml { path: path.to_owned(), at, what };
        match reader.read_event().map_err(|e| fault(e.to_string()))? {
            Event::Start(tag) => {
                depth += 1;
                if !seen_root {
                    if tag.name().as_ref() != "osm" && tag.name().as_ref() != "osmChange" {
                        return Err(RoadsError::NotOsm { path: path.to_owned() });
                    }
                    seen_root = true;
                }
                open(&tag, &mut object).map_err(fault)?;
            }
            Event::Empty(tag) => {
                if !seen_root {
                    return Err(RoadsError::NotOsm { path: path.to_owned() });
                }
                open(&tag, &mut object).map_err(fault)?;
                close(tag.name().as_ref(), &mut object, visitor);
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                close(tag.name().as_ref(), &mut object, visitor);
            }
            Event::Eof => {
                if !seen_root || depth > 0 {
                    return Err(fault("the file ends inside an element".into()));
                }
                return Ok(());
            }
            _ => {}
        }
    }
}

/// Attributes by name, unescaped; text that is not UTF-8 or badly escaped is a fault.
fn attributes(tag: &BytesStart<'_>) -> Result<Vec<(String, String)>, String> {
    let mut list = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|e| e.to_string())?;
        list.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(list)
}

fn e7(text: &str) -> i64 {
    // A number that is not one is out of range, and reported as such by the importer.
    #[allow(clippy::cast_possible_truncation)] // saturates by definition of `as`
    text.trim().parse::<f64>().map_or(i64::MAX, |deg| (deg * 1e7).round() as i64)
}

fn open(tag: &BytesStart<'_>, object: &mut Object) -> Result<(), String> {
    let kind = match tag.name().as_ref() {
        "node" => Some(Kind::Node),
        "way" => Some(Kind::Way),
        "relation" => Some(Kind::Relation),
        _ => None,
    };
    if kind.is_some() {
        *object = Object { kind, visible: true, lon_e7: i64::MAX, lat_e7: i64::MAX, ..Object::default() };
        for (key, value) in attributes(tag)? {
            match key.as_str() {
                "id" => {
                    object.id = value.trim().parse().map_err(|_| format!("id \"{value}\" is no number"))?;
                }
                "lon" => object.lon_e7 = e7(&value),
                "lat" => object.lat_e7 = e7(&value),
                "visible" => object.visible = value != "false",
                "action" => object.visible &= value != "delete",
                _ => {}
            }
        }
        return Ok(());
    }
    match (tag.name().as_ref(), object.kind) {
        ("tag", Some(_)) => {
            let (mut key, mut value) = (String::new(), String::new());
            for (name, text) in attributes(tag)? {
                match name.as_str() {
                    "k" => key = text,
                    "v" => value = text,
                    _ => {}
                }
            }
            object.tags.push((key, value));
        }
        ("nd", Some(Kind::Way)) => {
            for (name, text) in attributes(tag)? {
                if name == "ref" {
                    let id = text.trim().parse().map_err(|_| format!("reference \"{text}\" is no number"))?;
                    object.refs.push(id);
                }
            }
        }
        ("member", Some(Kind::Relation)) if object.members.len() < RELATION_MEMBERS_MAX => {
            let mut member = (MemberKind::Relation, 0i64, String::new());
            for (name, text) in attributes(tag)? {
                match (name.as_str(), text.as_str()) {
                    ("type", "node") => member.0 = MemberKind::Node,
                    ("type", "way") => member.0 = MemberKind::Way,
                    ("ref", _) => {
                        member.1 =
                            text.trim().parse().map_err(|_| format!("reference \"{text}\" is no number"))?;
                    }
                    ("role", _) => member.2 = text,
                    _ => {}
                }
            }
            object.members.push(member);
        }
        _ => {}
    }
    Ok(())
}

fn close(name: &str, object: &mut Object, visitor: &mut dyn Visitor) {
    let kind = match name {
        "node" => Kind::Node,
        "way" => Kind::Way,
        "relation" => Kind::Relation,
        _ => return,
    };
    if object.kind != Some(kind) {
        return;
    }
    let object = std::mem::take(object);
    if !object.visible {
        return;
    }
    let tags: Vec<(&str, &str)> = object.tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    match kind {
        Kind::Node if visitor.wants_nodes() => visitor.node(object.id, object.lon_e7, object.lat_e7, &tags),
        Kind::Way if visitor.wants_ways() => visitor.way(object.id, &object.refs, &tags),
        Kind::Relation if visitor.wants_ways() => {
            let members: Vec<Member<'_>> =
                object.members.iter().map(|(kind, id, role)| Member { kind: *kind, id: *id, role }).collect();
            visitor.relation(object.id, &members, &tags);
        }
        _ => {}
    }
}
