//! VRPLIB and its variants: CVRP, VRPTW, VRPB, VRPSPD (with or without windows), HFVRP, MDVRPTW, MTVRPTWR, PCVRPTW.

mod fleet;
pub(super) mod lines;
mod matrix;

use super::convention::Kind;
use super::fault::{Fault, Sink};
use super::instance::{Format, Instance, Metric, Node, Pair, Travel};
use super::limits::{MATRIX_CELLS_MAX, NODES_MAX};
use super::number::{Field, Role, amount, count, id, is_no_limit, number};
use super::validate::validate;
use lines::Parts;
use xiangyun_model::problem::Problems;

/// The kind that a `TYPE` names.
fn kind_of(name: &str) -> Option<Kind> {
    let name = name.trim_matches('"').to_ascii_uppercase().replace(['-', '_', ' '], "");
    Some(match name.as_str() {
        "CVRP" | "VRP" | "DCVRP" | "DVRP" | "ACVRP" | "AVRP" => Kind::Cvrp,
        "VRPTW" | "CVRPTW" => Kind::Vrptw,
        "VRPB" | "CVRPB" => Kind::Vrpb,
        "VRPSPD" | "MVRPB" | "VRPMPD" | "VRPSDP" | "VRPMB" | "CVRPSPD" => Kind::Vrpspd,
        "VRPSPDTW" | "VRPSDPTW" | "VRPMPDTW" | "VRPSPTW" => Kind::Vrpspdtw,
        "PDPTW" | "PDVRPTW" | "VRPPDTW" => Kind::Pdptw,
        "HFVRP" | "HVRP" | "HCVRP" => Kind::Hfvrp,
        "MDVRPTW" | "MDVRP" | "MDCVRP" => Kind::Mdvrptw,
        "MTVRPTWR" | "MTVRPTW" | "MTVRP" | "MTVRPR" | "VRPTWR" => Kind::Mtvrptwr,
        "PCVRPTW" | "PCVRP" => Kind::Pcvrptw,
        other if other.starts_with("FSM") => Kind::Hfvrp,
        _ => return None,
    })
}

/// The kind that the sections tell, where `TYPE` is absent or names less than the file has.
fn kind_told(parts: &Parts<'_>) -> Kind {
    let has = |name: &str| parts.sections.contains_key(name);
    let vehicle = |name: &str| has(&format!("VEHICLES_{name}_SECTION"));
    let depots = parts.section("DEPOT_SECTION").map_or(0, |lines| {
        lines.iter().flat_map(|(_, line)| line.split_ascii_whitespace()).take_while(|t| *t != "-1").count()
    });
    match () {
        () if has("PRIZE_SECTION") => Kind::Pcvrptw,
        () if has("RELEASE_TIME_SECTION") || vehicle("RELOAD_DEPOT") => Kind::Mtvrptwr,
        () if depots > 1 || vehicle("DEPOT") => Kind::Mdvrptw,
        () if has("CAPACITY_SECTION") || vehicle("FIXED_COST") || vehicle("UNIT_DISTANCE_COST") => {
            Kind::Hfvrp
        }
        () if has("PICKUP_AND_DELIVERY_SECTION") && parts.paired() => Kind::Pdptw,
        () if has("PICKUP_AND_DELIVERY_SECTION") => Kind::Vrpspd,
        () if has("BACKHAUL_SECTION") && has("TIME_WINDOW_SECTION") => Kind::Vrpspdtw,
        () if has("BACKHAUL_SECTION") => Kind::Vrpspd,
        () if has("TIME_WINDOW_SECTION") => Kind::Vrptw,
        () => Kind::Cvrp,
    }
}

/// Sections that change what is asked in a way that no kind of ours states.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("MUTUALLY_EXCLUSIVE_GROUP_SECTION", "one of several customers is not modelled; without this section"),
    ("FIXED_EDGES_SECTION", "fixed edges are not modelled; without this section"),
];

/// What the sections fill in while they are read: the nodes, their rows, and how each id is resolved.
struct Draft<'a> {
    parts: Parts<'a>,
    /// Number of the first node: 1, or 0 in files that count from 0.
    base: u64,
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
    let base = base(&parts, dimension);
    let mut draft = Draft { parts, base, kind, nodes, rows: vec![0; dimension] };
    let travel = travel(&mut sink, &mut draft);
    demands(&mut sink, &mut draft);
    times(&mut sink, &mut draft);
    let depots = depots(&mut sink, &draft);
    clear_depots(&mut draft, depots);
    let fleet = fleet::read(&mut sink, &draft.parts, kind, depots, dimension);
    let (Some(travel), Some(fleet)) = (travel, fleet) else { return sink.finish(None) };
    let name = draft.parts.header.get("NAME").map_or("", |(_, v)| v.trim_matches('"'));
    let name = if name.is_empty() { super::stem(file) } else { name.to_owned() };
    let instance = Instance { name, kind, format: Format::Vrplib, nodes: draft.nodes, depots, travel, fleet };
    if sink.is_empty() {
        validate(&mut sink, &instance, &draft.rows);
    }
    sink.finish(Some(instance))
}

/// Whether the rows count from 1, as the format says, or from 0.
fn base(parts: &Parts<'_>, dimension: usize) -> u64 {
    let zero = |section: &str| {
        parts.section(section).is_some_and(|lines| {
            lines.len() == dimension
                && lines.iter().any(|(_, line)| line.split_ascii_whitespace().next() == Some("0"))
        })
    };
    let sections =
        ["NODE_COORD_SECTION", "DEMAND_SECTION", "LINEHAUL_SECTION", "PICKUP_AND_DELIVERY_SECTION"];
    u64::from(!sections.iter().any(|section| zero(section)))
}

fn preamble(sink: &mut Sink, parts: &Parts<'_>, kind: Option<Kind>) -> Option<(Kind, usize)> {
    let kind = match (kind, parts.header.get("TYPE")) {
        (Some(kind), _) => Some(kind),
        (None, Some((row, name))) => match kind_of(name) {
            // Many sets with windows, several depots or prizes call themselves CVRP or VRPTW.
            Some(plain @ (Kind::Cvrp | Kind::Vrptw)) => Some(match kind_told(parts) {
                Kind::Cvrp => plain,
                told => told,
            }),
            Some(told) => Some(told),
            None => {
                let want = "not a kind we read; CVRP, VRPTW, VRPB, VRPSPD, VRPSPDTW, PDPTW, HFVRP, MDVRPTW, \
                            MTVRPTWR, PCVRPTW, or --kind";
                sink.push(Fault::Unsupported, *row, "TYPE", name, want);
                None
            }
        },
        (None, None) => Some(kind_told(parts)),
    };
    for (section, why) in NOT_MODELLED {
        if let Some((row, _)) = parts.sections.get(*section) {
            sink.push(Fault::Unsupported, *row, section, section, *why);
        }
    }
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
        let at = match number.checked_sub(draft.base).map(usize::try_from) {
            Some(Ok(at)) if at < dimension => at,
            _ => {
                let want = format!("no such node; {} to DIMENSION, {dimension}", draft.base);
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
    let (row, metric) = match draft.parts.header.get("EDGE_WEIGHT_TYPE") {
        Some(&(row, metric)) => (row, metric.trim_matches('"').to_ascii_uppercase()),
        None if draft.parts.section("EDGE_WEIGHT_SECTION").is_some() => (0, "EXPLICIT".to_owned()),
        None if draft.parts.section("NODE_COORD_SECTION").is_some() => (0, "EUC_2D".to_owned()),
        None => {
            draft.parts.need(sink, "EDGE_WEIGHT_TYPE");
            return None;
        }
    };
    let travel = match metric.as_str() {
        "EUC_2D" | "EXACT_2D" => Travel::Euclid,
        "CEIL_2D" => Travel::Measured(Metric::EuclidUp),
        "FLOOR_2D" => Travel::Measured(Metric::EuclidDown),
        "GEO" => Travel::Measured(Metric::Geo),
        "ATT" => Travel::Measured(Metric::Att),
        "MAN_2D" => Travel::Measured(Metric::Manhattan),
        "MAX_2D" => Travel::Measured(Metric::Maximum),
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
            let want = "not a metric we read; EUC_2D, EXACT_2D, CEIL_2D, FLOOR_2D, GEO, ATT, MAN_2D, MAX_2D or EXPLICIT";
            sink.push(Fault::Unsupported, row, "EDGE_WEIGHT_TYPE", &metric, want);
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
    Some(travel)
}

fn demands(sink: &mut Sink, draft: &mut Draft<'_>) {
    if draft.parts.section("PICKUP_AND_DELIVERY_SECTION").is_some() {
        return match draft.kind {
            Kind::Pdptw => pairs(sink, draft),
            _ => pickups_and_deliveries(sink, draft),
        };
    }
    if draft.kind == Kind::Pdptw {
        draft.parts.need_section(sink, "PICKUP_AND_DELIVERY_SECTION");
        return;
    }
    let linehauls = draft.parts.section("LINEHAUL_SECTION").is_some();
    let section = if linehauls { "LINEHAUL_SECTION" } else { "DEMAND_SECTION" };
    if draft.parts.need_section(sink, section).is_none() {
        return;
    }
    per_node(sink, draft, section, |sink, node, row, rest| {
        let field = Field { row, column: "demand", text: rest.first().copied() };
        node.delivery = amount(sink, field, Role::Amount).unwrap_or(0);
        if let Some(more) = rest.get(1) {
            let want = "one demand a node; our JSON has several dimensions";
            sink.push(Fault::Unsupported, row, "demand", more, want);
        }
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

/// Paired transports as LKH-3 and PyVRP write them: id, demand, ready, due, service, pickup, delivery. The two last
/// columns name the other end, as ids counted from 0 (the depot), 0 for none.
fn pairs(sink: &mut Sink, draft: &mut Draft<'_>) {
    let mut ends = vec![(0_u64, 0_i64, 0_usize, 0_usize); draft.nodes.len()];
    let nodes = draft.nodes.len();
    per_node(sink, draft, "PICKUP_AND_DELIVERY_SECTION", |sink, node, row, rest| {
        let field = |column, k: usize| Field { row, column, text: rest.get(k).copied() };
        let demand = amount(sink, field("demand", 0), Role::SignedAmount).unwrap_or(0);
        let ready = number(sink, field("ready", 1), Role::Time).unwrap_or(0.0);
        let due = due(sink, field("due", 2)).unwrap_or(f64::INFINITY);
        node.service = number(sink, field("service", 3), Role::Time).unwrap_or(0.0);
        let pickup = count(sink, field("pickup", 4), nodes).unwrap_or(0);
        let delivery = count(sink, field("delivery", 5), nodes).unwrap_or(0);
        window(sink, node, row, ready, due);
        if let Some(end) = usize::try_from(node.id - 1).ok().and_then(|at| ends.get_mut(at)) {
            *end = (row, demand, pickup, delivery);
        }
    });
    for at in 1..ends.len() {
        let (row, demand, pickup, delivery) = ends[at];
        let other = if pickup == 0 { delivery } else { pickup };
        let far = ends.get(other).filter(|_| other != 0 && other != at);
        let back = far.is_some_and(|far| if pickup == 0 { far.2 == at } else { far.3 == at });
        let opposite = far.is_some_and(|far| demand.checked_neg() == Some(far.1));
        if (pickup == 0) == (delivery == 0) || !back || !opposite || (pickup == 0 && demand < 0) {
            let found = format!("{pickup} {delivery}");
            let want = "one other end that names this one back, with the same demand, positive at the pickup";
            sink.push(Fault::Pair, row, "pickup", &found, want);
            continue;
        }
        draft.nodes[at].pair = Some(if pickup == 0 {
            Pair::PickupFor { delivery: other, amount: demand }
        } else {
            Pair::DeliveryFrom { pickup: other, amount: -demand }
        });
    }
}

/// As LKH-3 writes it: id, demand, ready, due, service, pickup, delivery.
fn pickups_and_deliveries(sink: &mut Sink, draft: &mut Draft<'_>) {
    let timed = draft.kind.has_time();
    per_node(sink, draft, "PICKUP_AND_DELIVERY_SECTION", |sink, node, row, rest| {
        let at = |column: &'static str, k: usize| (column, rest.get(k).copied());
        let fields = [at("ready", 1), at("due", 2), at("service", 3), at("pickup", 4), at("delivery", 5)];
        let field = |k: usize| Field { row, column: fields[k].0, text: fields[k].1 };
        let ready = number(sink, field(0), Role::Time).unwrap_or(0.0);
        let due = due(sink, field(1)).unwrap_or(f64::INFINITY);
        node.service = number(sink, field(2), Role::Time).unwrap_or(0.0);
        node.pickup = amount(sink, field(3), Role::Amount).unwrap_or(0);
        node.delivery = amount(sink, field(4), Role::Amount).unwrap_or(0);
        if timed {
            window(sink, node, row, ready, due);
        }
    });
}

/// The end of a window; the largest integer of a format means that it stays open.
fn due(sink: &mut Sink, field: Field<'_>) -> Option<f64> {
    if field.text.is_some_and(is_no_limit) { Some(f64::INFINITY) } else { number(sink, field, Role::Time) }
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
        draft.nodes.iter_mut().for_each(|node| node.service = service);
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
    if matches!(draft.kind, Kind::Vrptw | Kind::Vrpspdtw)
        && draft.parts.section("PICKUP_AND_DELIVERY_SECTION").is_none()
    {
        draft.parts.need_section(sink, "TIME_WINDOW_SECTION");
    }
    per_node(sink, draft, "TIME_WINDOW_SECTION", |sink, node, row, rest| {
        let ready = number(sink, Field { row, column: "ready", text: rest.first().copied() }, Role::Time);
        let due = due(sink, Field { row, column: "due", text: rest.get(1).copied() });
        if let (Some(ready), Some(due)) = (ready, due) {
            window(sink, node, row, ready, due);
        }
    });
    if let Some(&(row, text)) = draft.parts.header.get("RELEASE_TIME")
        && let Some(release) =
            number(sink, Field { row, column: "RELEASE_TIME", text: Some(text) }, Role::Time)
    {
        draft.nodes.iter_mut().for_each(|node| node.release = release);
    }
    per_node(sink, draft, "RELEASE_TIME_SECTION", one("release", |node, v| node.release = v));
    if draft.kind == Kind::Pcvrptw {
        draft.parts.need_section(sink, "PRIZE_SECTION");
        // A prize of 0 marks a customer that must be served, as PyVRP's sets have it.
        per_node(
            sink,
            draft,
            "PRIZE_SECTION",
            one("prize", |node, v| {
                node.prize = if v > 0.0 { v } else { f64::INFINITY };
            }),
        );
    }
}

/// How many depots there are; they must be the first nodes, as in every published set.
fn depots(sink: &mut Sink, draft: &Draft<'_>) -> usize {
    let Some(lines) = draft.parts.section("DEPOT_SECTION") else { return 1 };
    let mut seen = std::collections::BTreeSet::new();
    'section: for &(row, line) in lines {
        for token in line.split_ascii_whitespace() {
            if token == "-1" {
                break 'section;
            }
            let Some(depot) = id(sink, Field { row, column: "DEPOT_SECTION", text: Some(token) }) else {
                continue;
            };
            let depot = depot.saturating_add(1).saturating_sub(draft.base);
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
    if seen.len() > 1 && !matches!(draft.kind, Kind::Mdvrptw | Kind::Mtvrptwr | Kind::Hfvrp | Kind::Pcvrptw) {
        let found = seen.len().to_string();
        sink.push(
            Fault::Unsupported,
            0,
            "DEPOT_SECTION",
            &found,
            "several depots in a kind that has one; TYPE: MDVRPTW, or one depot",
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
