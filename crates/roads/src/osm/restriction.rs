//! Turn restrictions: relations of type restriction, via a node or via ways.

use super::conditional::{Condition, parse_conditional};
use super::tags::{Notes, mode_key};
use super::{Member, MemberKind, Tags};
use crate::error::import_code::{BAD_RESTRICTION, CONDITION};
use crate::limits::RESTRICTION_VIA_MAX;

/// What a restriction passes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Node(i64),
    Ways(Vec<i64>),
}

/// A restriction as read, in OSM ids.
#[derive(Clone, Debug)]
pub(crate) struct RawRestriction {
    pub(crate) id: i64,
    /// `only_*` (all other turns are forbidden) instead of `no_*`.
    pub(crate) only: bool,
    pub(crate) from: Vec<i64>,
    pub(crate) via: Via,
    pub(crate) to: Vec<i64>,
    /// Modes that it names (`restriction:hgv`); `None`: all motor vehicles.
    pub(crate) mode: Option<u8>,
    /// Modes that are excepted.
    pub(crate) except: Vec<u8>,
    /// When it holds; `None`: always.
    pub(crate) condition: Option<Condition>,
}

impl RawRestriction {
    /// Reads a relation; an empty list when it is no turn restriction for motor vehicles, or a broken one
    /// (which is noted).
    pub(crate) fn read(id: i64, members: &[Member<'_>], tags: &Tags<'_>, notes: &mut Notes) -> Vec<Self> {
        let get = |key: &str| tags.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        if get("type") != Some("restriction") {
            return Vec::new();
        }
        let mut list = Vec::new();
        for (key, value) in tags {
            let Some(rest) = key.strip_prefix("restriction") else { continue };
            let (rest, conditional) = match rest.strip_suffix(":conditional") {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            let mode = match rest.strip_prefix(':') {
                None if rest.is_empty() => None,
                Some(name) => match mode_key(name) {
                    Some(mode) => Some(mode),
                    None => continue, // bicycles, horses
                },
                None => continue,
            };
            if conditional {
                for (kind, condition) in parse_conditional(value) {
                    match condition {
                        Some(c) => list.extend(Self::one(id, members, tags, &kind, mode, Some(c), notes)),
                        None => notes.push((
                            CONDITION,
                            (*key).to_owned(),
                            (*value).to_owned(),
                            "condition not honoured; days, hours, seasons and weights are",
                        )),
                    }
                }
            } else {
                list.extend(Self::one(id, members, tags, value, mode, None, notes));
            }
        }
        list
    }

    fn one(
        id: i64,
        members: &[Member<'_>],
        tags: &Tags<'_>,
        kind: &str,
        mode: Option<u8>,
        condition: Option<Condition>,
        notes: &mut Notes,
    ) -> Option<Self> {
        let mut bad = |want: &'static str| {
            notes.push((BAD_RESTRICTION, "restriction".into(), kind.to_owned(), want));
            None
        };
        let only = if kind.starts_with("only_") {
            true
        } else if kind.starts_with("no_") {
            false
        } else {
            return bad("unknown kind, ignored; no_left_turn, only_straight_on …");
        };
        let ways = |role: &str| -> Vec<i64> {
            members.iter().filter(|m| m.kind == MemberKind::Way && m.role == role).map(|m| m.id).collect()
        };
        let (from, to, via_ways) = (ways("from"), ways("to"), ways("via"));
        let via_nodes: Vec<i64> =
            members.iter().filter(|m| m.kind == MemberKind::Node && m.role == "via").map(|m| m.id).collect();
        // Several from or to members are allowed for no_entry and no_exit alone.
        let many_ok = matches!(kind, "no_entry" | "no_exit");
        if from.is_empty() || to.is_empty() {
            return bad("without from or to, ignored");
        }
        if !many_ok && (from.len() > 1 || to.len() > 1) {
            return bad("several from or to ways, ignored");
        }
        let via = match (&via_nodes[..], via_ways.len()) {
            ([node], 0) => Via::Node(*node),
            ([], 1..=RESTRICTION_VIA_MAX) => Via::Ways(via_ways),
            _ => return bad("without one via node or a chain of via ways, ignored"),
        };
        let except = tags
            .iter()
            .find(|(k, _)| *k == "except")
            .map(|(_, v)| v.split(';').filter_map(|m| mode_key(m.trim())).collect())
            .unwrap_or_default();
        Some(Self { id, only, from, via, to, mode, except, condition })
    }
}
