//! VRPLIB and its variants: CVRP, VRPTW, VRPB, VRPSPD (with or without windows), HFVRP, MDVRPTW, MTVRPTWR, PCVRPTW.

mod fleet;
pub(super) mod lines;
mod matrix;

use super::convention::Kind;
use super::fault::{Fault, Sink};
use super::instance::{Format, Instance, Node, Travel};
use super::limits::{MATRIX_CELLS_MAX, NODES_MAX};
use super::number::{Field, Role, amount, count, id, number};
use super::validate::validate;
use lines::Parts;
use xiangyun_model::problem::Problems;

/// The kind that a `TYPE` names.
fn kind_of(name: &str) -> Option<Kind> {
    Some(match name.to_ascii_uppercase().as_str() {
        "CVRP" | "VRP" | "DCVRP" => Kind::Cvrp,
        "VRPTW" | "CVRPTW" => Kind::Vrptw,
        "VRPB" => Kind::Vrpb,
        "VRPSPD" | "MVRPB" | "VRPMPD" | "VRPSDP" => Kind::Vrpspd,
        "VRPSPDTW" | "VRPSDPTW" | "VRPMPDTW" => Kind::Vrpspdtw,
        "HFVRP" | "HVRP" | "FSM" => Kind::Hfvrp,
        "MDVRPTW" | "MDVRP" => Kind::Mdvrptw,
        "MTVRPTWR" => Kind::Mtvrptwr,
        "PCVRPTW" => Kind::Pcvrptw,
        _ => return None,
    })
}

/// What the sections fill in while they are read: the nodes, their rows, and how each id is resolved.
struct Draft<'a> {
    parts: Parts<'a>,
    kind: Kind,
    nodes: Vec<Node>,
    rows: Vec<u64>,
}

/// Reads a VRPLIB instance. `kind` overrides the file's `TYPE`.
///
/// # Errors
/// All problems found in the text.
pub fn read(text: &str, file: &str, kind: Option<Kind>) -> Result<Instance, Problems> {
    let mut sink = Sink::new(file);
    let parts = Parts::split(&mut sink, text);
    let Some((kind, dimension)) = preamble(&mut sink, &parts, kind) else { return sink.finish(None) };
    let nodes = (0..dimension).map(|i| Node::at(i as u64 + 1, 0.0, 0.0)).collect();
    let mut draft = Draft { parts, kind, nodes, rows: vec![0; dimension] };
    let travel = travel(&mut sink, &mut draft);
    demands(&mut sink, &mut draft);
    times(&mut sink, &mut draft);
    let depots = depots(&mut sink, &draft);
    clear_depots(&mut draft, depots);
    let fleet = fleet::read(&mut sink, &draft.parts, kind, depots);
    let (Some(travel), Some(fleet)) = (travel, fleet) else { return sink.finish(None) };
    let name = draft.parts.header.get("NAME").map_or("", |(_, v)| v.trim_matches('"'));
    let name = if name.is_empty() { super::stem(file) } else { name.to_owned() };
    let instance = Instance { name, kind, format: Format::Vrplib, nodes: draft.nodes, depots, travel, fleet };
    if sink.is_empty() {
        validate(&mut sink, &instance, &draft.rows);
    }
    sink.finish(Some(instance))
}

fn preamble(sink: &mut Sink, parts: &Parts<'_>, kind: Option<Kind>) -> Option<(Kind, usize)> {
    let kind = match (kind, parts.header.get("TYPE")) {
        (Some(kind), _) => Some(kind),
        (None, Some((row, name))) => {
            let told = kind_of(name);
            if told.is_none() {
                sink.push(
                    Fault::Unsupported,
                    *row,
                    "TYPE",
                    name,
                    "not a kind we read; CVRP, VRPTW, VRPB, VRPSPD, …",
                );
            }
            told
        }
        (None, None) => {
            sink.push(Fault::Missing, 0, "TYPE", "", "this field is missing; a line TYPE: CVRP, or --kind");
            None
        }
    };
    let (row, text) = parts.need(sink, "DIMENSION")?;
    let dimension = count(sink, Field { row, column: "DIMENSION", text: Some(text) }, NODES_MAX)?;
    if dimension < 2 {
        sink.push(
            Fault::Missing,
            row,
            "DIMENSION",
            text,
            "no customers; at least 2 nodes, a depot and a customer",
        );
        return None;
    }
    Some((kind?, dimension))
}

/// Reads a section of rows `id value…`, once for each node, and hands each row's values on.
fn per_node(
    sink: &mut Sink,
    draft: &mut Draft<'_>,
    section: &str,
    mut take: impl FnMut(&mut Sink, &mut Node, u64, &[&str]),
) {
    let Some(lines) = draft.parts.sections.get(section).map(|(_, lines)| lines.clone()) else { return };
    let dimension = draft.nodes.len();
    let mut seen = vec![false; dimension];
    for (row, line) in lines {
        let tokens: Vec<&str> = line.split_ascii_whitespace().take(16).collect();
        if tokens.len() == 1 && tokens[0] == "-1" {
            break;
        }
        let field = Field { row, column: "id", text: tokens.first().copied() };
        let Some(number) = id(sink, field) else { continue };
        let at = match usize::try_from(number) {
            Ok(number) if (1..=dimension).contains(&number) => number - 1,
            _ => {
                let want = format!("no such node; 1 to DIMENSION, {dimension}");
                sink.push(Fault::UnknownId, row, section, tokens[0], want);
                continue;
            }
        };
        if std::mem::replace(&mut seen[at], true) {
            sink.push(Fault::Twice, row, section, tokens[0], "this id was given before; each node once");
            continue;
        }
        if draft.rows[at] == 0 {
            draft.rows[at] = row;
        }
        take(sink, &mut draft.nodes[at], row, &tokens[1..]);
    }
    let missing = seen.iter().filter(|seen| !**seen).count();
    if let Some(first) = seen.iter().position(|seen| !seen) {
        let want = format!("node {} and {} more have no row here; one row a node", first + 1, missing - 1);
        sink.push(Fault::Missing, 0, section, "", want);
    }
}

fn travel(sink: &mut Sink, draft: &mut Draft<'_>) -> Option<Travel> {
    let (row, metric) = draft.parts.need(sink, "EDGE_WEIGHT_TYPE")?;
    let euclid = match metric {
        "EUC_2D" | "EXACT_2D" | "FLOOR_2D" => Travel::Euclid,
        "CEIL_2D" => Travel::EuclidCeil,
        "EXPLICIT" => {
            let n = draft.nodes.len();
            if n * n > MATRIX_CELLS_MAX {
                let want = format!("the matrix would have {} cells; at most {MATRIX_CELLS_MAX}", n * n);
                sink.push(Fault::TooMany, row, "DIMENSION", &n.to_string(), want);
                return None;
            }
            return matrix::read(sink, &draft.parts, n, draft.kind);
        }
        _ => {
            let want = "not a metric we read; EUC_2D, EXACT_2D, CEIL_2D or EXPLICIT";
            sink.push(Fault::Unsupported, row, "EDGE_WEIGHT_TYPE", metric, want);
            return None;
        }
    };
    draft.parts.need_section(sink, "NODE_COORD_SECTION")?;
    per_node(sink, draft, "NODE_COORD_SECTION", |sink, node, row, rest| {
        let x = number(sink, Field { row, column: "x", text: rest.first().copied() }, Role::Coordinate);
        let y = number(sink, Field { row, column: "y", text: rest.get(1).copied() }, Role::Coordinate);
        if let (Some(x), Some(y)) = (x, y) {
            (node.x, node.y) = (x, y);
        }
    });
    Some(euclid)
}

fn demands(sink: &mut Sink, draft: &mut Draft<'_>) {
    if draft.parts.section("PICKUP_AND_DELIVERY_SECTION").is_some() {
        return pickups_and_deliveries(sink, draft);
    }
    if draft.parts.need_section(sink, "DEMAND_SECTION").is_none() {
        return;
    }
    per_node(sink, draft, "DEMAND_SECTION", |sink, node, row, rest| {
        let field = Field { row, column: "demand", text: rest.first().copied() };
        node.delivery = amount(sink, field, Role::Amount).unwrap_or(0);
    });
    if draft.kind == Kind::Vrpb && draft.parts.need_section(sink, "BACKHAUL_SECTION").is_none() {
        return;
    }
    let strict = draft.kind == Kind::Vrpb;
    per_node(sink, draft, "BACKHAUL_SECTION", |sink, node, row, rest| {
        let field = Field { row, column: "backhaul", text: rest.first().copied() };
        node.pickup = amount(sink, field, Role::Amount).unwrap_or(0);
        if strict && node.pickup > 0 && node.delivery > 0 {
            let want = "both a linehaul and a backhaul demand; one of them, or --kind vrpspd";
            sink.push(Fault::Unsupported, row, "backhaul", rest[0], want);
        }
    });
}

/// As LKH-3 writes it: id, demand, ready, due, service, pickup, delivery.
fn pickups_and_deliveries(sink: &mut Sink, draft: &mut Draft<'_>) {
    let timed = draft.kind.has_time();
    per_node(sink, draft, "PICKUP_AND_DELIVERY_SECTION", |sink, node, row, rest| {
        let at = |column: &'static str, k: usize| (column, rest.get(k).copied());
        let fields = [at("ready", 1), at("due", 2), at("service", 3), at("pickup", 4), at("delivery", 5)];
        let field = |k: usize| Field { row, column: fields[k].0, text: fields[k].1 };
        let ready = number(sink, field(0), Role::Time).unwrap_or(0.0);
        let due = number(sink, field(1), Role::Time).unwrap_or(f64::INFINITY);
        node.service = number(sink, field(2), Role::Time).unwrap_or(0.0);
        node.pickup = amount(sink, field(3), Role::Amount).unwrap_or(0);
        node.delivery = amount(sink, field(4), Role::Amount).unwrap_or(0);
        if timed {
            window(sink, node, row, ready, due);
        }
    });
}

fn window(sink: &mut Sink, node: &mut Node, row: u64, ready: f64, due: f64) {
    if ready > due {
        let want = "the window closes before it opens; earliest, then latest";
        sink.push(Fault::Window, row, "time window", &format!("{ready} {due}"), want);
    }
    (node.ready, node.due) = (ready, due);
}

fn times(sink: &mut Sink, draft: &mut Draft<'_>) {
    if let Some(&(row, text)) = draft.parts.header.get("SERVICE_TIME")
        && let Some(service) =
            number(sink, Field { row, column: "SERVICE_TIME", text: Some(text) }, Role::Time)
    {
        for node in &mut draft.nodes {
            node.service = service;
        }
    }
    let one = |column: &'static str, set: fn(&mut Node, f64)| {
        move |sink: &mut Sink, node: &mut Node, row: u64, rest: &[&str]| {
            if let Some(value) = number(sink, Field { row, column, text: rest.first().copied() }, Role::Time)
            {
                set(node, value);
            }
        }
    };
    per_node(sink, draft, "SERVICE_TIME_SECTION", one("service", |node, v| node.service = v));
    if !draft.kind.has_time() {
        return;
    }
    if draft.parts.section("PICKUP_AND_DELIVERY_SECTION").is_none() {
        draft.parts.need_section(sink, "TIME_WINDOW_SECTION");
    }
    per_node(sink, draft, "TIME_WINDOW_SECTION", |sink, node, row, rest| {
        let ready = number(sink, Field { row, column: "ready", text: rest.first().copied() }, Role::Time);
        let due = number(sink, Field { row, column: "due", text: rest.get(1).copied() }, Role::Time);
        if let (Some(ready), Some(due)) = (ready, due) {
            window(sink, node, row, ready, due);
        }
    });
    if draft.kind == Kind::Mtvrptwr {
        draft.parts.need_section(sink, "RELEASE_TIME_SECTION");
        per_node(sink, draft, "RELEASE_TIME_SECTION", one("release", |node, v| node.release = v));
    }
    if draft.kind == Kind::Pcvrptw {
        draft.parts.need_section(sink, "PRIZE_SECTION");
        per_node(sink, draft, "PRIZE_SECTION", one("prize", |node, v| node.prize = v));
    }
}

/// How many depots there are; they must be the first nodes, as in every published set.
fn depots(sink: &mut Sink, draft: &Draft<'_>) -> usize {
    let Some(lines) = draft.parts.section("DEPOT_SECTION") else { return 1 };
    let mut seen = std::collections::BTreeSet::new();
    for &(row, line) in lines {
        for token in line.split_ascii_whitespace() {
            if token == "-1" {
                break;
            }
            let Some(depot) = id(sink, Field { row, column: "DEPOT_SECTION", text: Some(token) }) else {
                continue;
            };
            if depot == 0 || depot > draft.nodes.len() as u64 {
                sink.push(Fault::UnknownId, row, "DEPOT_SECTION", token, "no such node; 1 to DIMENSION");
            } else if !seen.insert(depot) {
                sink.push(
                    Fault::Twice,
                    row,
                    "DEPOT_SECTION",
                    token,
                    "this depot was given before; each once",
                );
            }
        }
    }
    if seen.is_empty() {
        return 1;
    }
    if seen.iter().copied().ne(1..=seen.len() as u64) {
        let found = seen.iter().take(5).map(u64::to_string).collect::<Vec<_>>().join(" ");
        sink.push(Fault::Unsupported, 0, "DEPOT_SECTION", &found, "depots must be the first nodes: 1, 2, …");
        return 1;
    }
    if seen.len() > 1 && !matches!(draft.kind, Kind::Mdvrptw) {
        let found = seen.len().to_string();
        sink.push(
            Fault::Unsupported,
            0,
            "DEPOT_SECTION",
            &found,
            "several depots; TYPE: MDVRPTW, or one depot",
        );
        return 1;
    }
    seen.len()
}

/// A depot has nothing to be served; only its opening hours count.
fn clear_depots(draft: &mut Draft<'_>, depots: usize) {
    for node in &mut draft.nodes[..depots] {
        node.service = 0.0;
        (node.delivery, node.pickup) = (0, 0);
        (node.release, node.prize) = (0.0, f64::INFINITY);
    }
}
