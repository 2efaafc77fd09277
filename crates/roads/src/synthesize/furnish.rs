//! What stands on the roads: bridges with their limits, underpasses, barriers, signals, banned turns; and the care that
//! none of it cuts a site off.

use super::dice::Dice;
use super::facts::SiteKind;
use super::plane::{Cells, P, meet};
use super::web::{Class, Line, Web, Weld, Zone, degrees};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Tags of one piece of road (between two neighbouring nodes) beside those of its line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PieceLook {
    pub(crate) bridge: bool,
    pub(crate) below: bool,
    /// Tonnes in tenths.
    pub(crate) weight_dt: Option<u32>,
    /// Centimetres.
    pub(crate) height_cm: Option<u32>,
}

/// A banned or ordered turn: from a piece by a node to a piece, pieces as (road, index).
#[derive(Clone, Debug)]
pub(crate) struct Ban {
    pub(crate) kind: &'static str,
    pub(crate) from: (usize, usize),
    pub(crate) via: u32,
    pub(crate) to: (usize, usize),
    pub(crate) except: Option<&'static str>,
}

/// Everything that stands on the network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Furniture {
    pub(crate) pieces: BTreeMap<(usize, usize), PieceLook>,
    pub(crate) nodes: BTreeMap<u32, Vec<(&'static str, String)>>,
    pub(crate) bans: Vec<Ban>,
}

/// What a piece must keep carrying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    Nothing,
    Van,
    Truck,
}

/// A piece seen from a node.
#[derive(Clone, Copy, Debug)]
struct Arm {
    road: usize,
    piece: usize,
    other: u32,
    /// Whether one may drive away from the node here, and towards it.
    out: bool,
    back: bool,
}

struct Arms(Vec<Vec<Arm>>);

impl Arms {
    fn of(web: &Web, lines: &[Line]) -> Self {
        let mut arms = vec![Vec::new(); web.nodes.len()];
        for (r, road) in web.roads.iter().enumerate() {
            let line = &lines[road.line];
            if line.weld == Weld::Apart {
                continue;
            }
            for (k, w) in road.nodes.windows(2).enumerate() {
                let two_way = !line.oneway;
                arms[w[0] as usize].push(Arm { road: r, piece: k, other: w[1], out: true, back: two_way });
                arms[w[1] as usize].push(Arm { road: r, piece: k, other: w[0], out: two_way, back: true });
            }
        }
        Self(arms)
    }
}

/// Points added where a road will cross a stream, and where an expressway will pass above a road, so that the bridge
/// is a piece of its own.
pub(crate) fn mark_crossings(lines: &mut [Line], streams: &[Vec<P>]) {
    let mut ground = Cells::new(200.0);
    let mut below: Vec<(P, P)> = Vec::new();
    for line in lines.iter().filter(|l| l.weld == Weld::Ground) {
        for w in line.points.windows(2) {
            ground.put_segment(w[0], w[1], below.len() as u32);
            below.push((w[0], w[1]));
        }
    }
    for line in lines.iter_mut() {
        let half = match line.weld {
            Weld::Ground => 14.0,
            Weld::Above => 22.0,
            _ => continue,
        };
        let mut out: Vec<P> = Vec::with_capacity(line.points.len());
        for w in line.points.windows(2) {
            let (a, b) = (w[0], w[1]);
            out.push(a);
            let l = a.to(b);
            let mut at: Vec<f64> = Vec::new();
            if line.weld == Weld::Ground {
                at.extend(
                    streams
                        .iter()
                        .flat_map(|s| s.windows(2))
                        .filter_map(|v| meet(a, b, v[0], v[1]))
                        .map(|m| m.0 * l),
                );
            } else {
                ground.near(a.mix(b, 0.5), l / 2.0, |i| {
                    let (c, d) = below[i as usize];
                    at.extend(meet(a, b, c, d).map(|m| m.0 * l));
                });
            }
            let mut marks: Vec<f64> = at.into_iter().flat_map(|m| [m - half, m + half]).collect();
            marks.retain(|k| *k > 8.0 && *k < l - 8.0);
            marks.sort_by(f64::total_cmp);
            marks.dedup_by(|k, j| *k - *j < 8.0);
            out.extend(marks.into_iter().map(|k| a.mix(b, k / l)));
        }
        out.push(line.points[line.points.len() - 1]);
        line.points = out;
    }
}

/// Furnishes the network. `sites` are the places to keep reachable: kind, nearest node, and the parent's index.
/// One-way streets that would cut something off become two-way.
pub(crate) fn furnish(
    web: &Web,
    lines: &mut [Line],
    streams: &[Vec<P>],
    sites: &[(SiteKind, u32, Option<usize>)],
    seed: u64,
) -> Furniture {
    free_traps(web, lines);
    let arms = Arms::of(web, lines);
    let need = needs(web, lines, &arms, sites);
    let mut dice = Dice::new(seed, "furniture");
    let mut furniture = Furniture::default();
    bridges(web, lines, streams, &need, &mut dice, &mut furniture);
    barriers(web, lines, &need, &mut dice, &mut furniture);
    junctions(web, lines, &arms, &mut dice, &mut furniture);
    furniture
}

/// Opens one-way streets until every piece can be both reached and left: pieces between different strongly connected
/// parts become two-way, part by part.
fn free_traps(web: &Web, lines: &mut [Line]) {
    for _ in 0..6 {
        let arms = Arms::of(web, lines);
        let part = strong_parts(&arms);
        let mut changed = false;
        for road in &web.roads {
            let line = &mut lines[road.line];
            let split = road.nodes.windows(2).any(|w| part[w[0] as usize] != part[w[1] as usize]);
            if split && line.oneway && matches!(line.weld, Weld::Ground) {
                (line.oneway, line.dual) = (false, false);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// Number of the strongly connected part of each node (Tarjan, 1972, with an explicit stack).
fn strong_parts(arms: &Arms) -> Vec<u32> {
    let n = arms.0.len();
    let (mut index, mut low) = (vec![u32::MAX; n], vec![0u32; n]);
    let mut part = vec![u32::MAX; n];
    let (mut counter, mut parts) = (0u32, 0u32);
    let mut open: Vec<u32> = Vec::new();
    for root in 0..n as u32 {
        if index[root as usize] != u32::MAX {
            continue;
        }
        let mut calls: Vec<(u32, usize)> = vec![(root, 0)];
        while let Some((v, k)) = calls.pop() {
            let vi = v as usize;
            if k == 0 {
                index[vi] = counter;
                low[vi] = counter;
                counter += 1;
                open.push(v);
            }
            let next = arms.0[vi].iter().enumerate().skip(k).filter(|(_, a)| a.out).find_map(|(i, a)| {
                let u = a.other as usize;
                if index[u] == u32::MAX {
                    return Some((i, a.other));
                }
                if part[u] == u32::MAX {
                    low[vi] = low[vi].min(index[u]);
                }
                None
            });
            if let Some((i, u)) = next {
                calls.push((v, i + 1));
                calls.push((u, 0));
                continue;
            }
            if low[vi] == index[vi] {
                while let Some(u) = open.pop() {
                    part[u as usize] = parts;
                    if u == v {
                        break;
                    }
                }
                parts += 1;
            }
            if let Some((caller, _)) = calls.last() {
                let c = *caller as usize;
                low[c] = low[c].min(low[vi]);
            }
        }
    }
    part
}

/// The pieces on the quickest ways between hub, stations and villages, both directions.
fn needs(
    web: &Web,
    lines: &[Line],
    arms: &Arms,
    sites: &[(SiteKind, u32, Option<usize>)],
) -> BTreeMap<(usize, usize), Need> {
    let mut need: BTreeMap<(usize, usize), Need> = BTreeMap::new();
    let mut mark = |root: u32, goals: &[(u32, Need)]| {
        for backwards in [false, true] {
            let by = quickest(web, lines, arms, root, backwards);
            for (goal, what) in goals {
                let mut v = *goal;
                while let Some((road, piece, from)) = by[v as usize] {
                    let entry = need.entry((road, piece)).or_insert(Need::Nothing);
                    *entry = (*entry).max(*what);
                    v = from;
                }
            }
        }
    };
    for (i, (kind, root, _)) in sites.iter().enumerate() {
        let goals: Vec<(u32, Need)> = match kind {
            SiteKind::Hub => sites
                .iter()
                .map(|(k, node, _)| (*node, if *k == SiteKind::Village { Need::Van } else { Need::Truck }))
                .collect(),
            SiteKind::Station => sites
                .iter()
                .filter(|(_, _, p)| *p == Some(i))
                .map(|(_, node, _)| (*node, Need::Van))
                .collect(),
            _ => continue,
        };
        mark(*root, &goals);
    }
    need
}

/// For each node the (road, piece, node before) of the quickest way from the root, or to it.
fn quickest(
    web: &Web,
    lines: &[Line],
    arms: &Arms,
    root: u32,
    backwards: bool,
) -> Vec<Option<(usize, usize, u32)>> {
    let mut best = vec![u64::MAX; web.nodes.len()];
    let mut by = vec![None; web.nodes.len()];
    best[root as usize] = 0;
    let mut queue = BinaryHeap::from([(Reverse(0u64), root)]);
    while let Some((Reverse(d), v)) = queue.pop() {
        if d > best[v as usize] {
            continue;
        }
        for arm in arms.0[v as usize].iter().filter(|a| if backwards { a.back } else { a.out }) {
            let metres = web.nodes[v as usize].to(web.nodes[arm.other as usize]);
            let kmh = lines[web.roads[arm.road].line].class.kmh();
            let there = d + (metres * 3_600.0 / kmh) as u64 + 1;
            if there < best[arm.other as usize] {
                best[arm.other as usize] = there;
                by[arm.other as usize] = Some((arm.road, arm.piece, v));
                queue.push((Reverse(there), arm.other));
            }
        }
    }
    by
}

/// Bridges over streams with their weight limits; the expressway's bridges and the low ways below them.
fn bridges(
    web: &Web,
    lines: &[Line],
    streams: &[Vec<P>],
    need: &BTreeMap<(usize, usize), Need>,
    dice: &mut Dice,
    furniture: &mut Furniture,
) {
    let mut water = Cells::new(200.0);
    let banks: Vec<(P, P)> = streams.iter().flat_map(|s| s.windows(2).map(|w| (w[0], w[1]))).collect();
    banks.iter().enumerate().for_each(|(i, b)| water.put_segment(b.0, b.1, i as u32));
    let mut above = Cells::new(200.0);
    let mut high: Vec<(usize, usize, P, P)> = Vec::new();
    for (r, road) in web.roads.iter().enumerate().filter(|(_, r)| lines[r.line].weld == Weld::Above) {
        for (k, w) in road.nodes.windows(2).enumerate() {
            let (a, b) = (web.nodes[w[0] as usize], web.nodes[w[1] as usize]);
            above.put_segment(a, b, high.len() as u32);
            high.push((r, k, a, b));
        }
    }
    for (r, road) in web.roads.iter().enumerate().filter(|(_, r)| lines[r.line].weld == Weld::Ground) {
        for (k, w) in road.nodes.windows(2).enumerate() {
            let (a, b) = (web.nodes[w[0] as usize], web.nodes[w[1] as usize]);
            let (middle, reach) = (a.mix(b, 0.5), a.to(b) / 2.0);
            let line = &lines[road.line];
            let need = need.get(&(r, k)).copied().unwrap_or(Need::Nothing);
            let mut wet = false;
            water.near(middle, reach, |i| {
                let (c, d) = banks[i as usize];
                wet |= meet(a, b, c, d).is_some();
            });
            if wet {
                let look = furniture.pieces.entry((r, k)).or_default();
                look.bridge = true;
                look.weight_dt = bridge_limit(line.class, need, dice);
            }
            let mut over: Vec<(usize, usize)> = Vec::new();
            above.near(middle, reach, |i| {
                let (hr, hk, c, d) = high[i as usize];
                if meet(a, b, c, d).is_some() {
                    over.push((hr, hk));
                }
            });
            if !over.is_empty() {
                let look = furniture.pieces.entry((r, k)).or_default();
                look.below = true;
                look.height_cm = clearance(line.class, need, dice);
                for key in over {
                    furniture.pieces.entry(key).or_default().bridge = true;
                }
            }
        }
    }
}

fn bridge_limit(class: Class, need: Need, dice: &mut Dice) -> Option<u32> {
    let of = |list: &[u32], dice: &mut Dice| Some(list[dice.below(list.len())]);
    match (need, class) {
        (Need::Truck, _) | (_, Class::Trunk | Class::Primary) => of(&[300, 400, 490], dice),
        (_, Class::Secondary) => of(&[200, 300], dice),
        (Need::Van, Class::Tertiary) => of(&[100, 150, 200], dice),
        (Need::Van, _) => of(&[80, 100, 150], dice),
        (Need::Nothing, _) if dice.chance(0.7) => of(&[20, 35, 50, 80, 100], dice),
        (Need::Nothing, _) => None,
    }
}

fn clearance(class: Class, need: Need, dice: &mut Dice) -> Option<u32> {
    match (need, class) {
        (Need::Truck, _) | (_, Class::Trunk | Class::Primary | Class::Secondary) => Some(500),
        (Need::Van, _) => Some([350, 400, 450][dice.below(3)]),
        (Need::Nothing, _) if dice.chance(0.6) => Some([220, 250, 280, 320][dice.below(4)]),
        (Need::Nothing, _) => None,
    }
}

/// Bollards, gates, height frames and width posts, on ways that no site depends on.
fn barriers(
    web: &Web,
    lines: &[Line],
    need: &BTreeMap<(usize, usize), Need>,
    dice: &mut Dice,
    furniture: &mut Furniture,
) {
    let degree = degrees(web);
    for (r, road) in web.roads.iter().enumerate() {
        let line = &lines[road.line];
        if line.class == Class::MotorwayLink {
            // Every ramp of a toll expressway has its station.
            let middle = road.nodes[road.nodes.len() / 2];
            if degree[middle as usize] == 2 && !line.dual {
                furniture.nodes.entry(middle).or_default().push(("barrier", "toll_booth".into()));
            }
            continue;
        }
        let rural = matches!(line.zone, Zone::Country | Zone::Village);
        let minor =
            matches!(line.class, Class::Unclassified | Class::Residential | Class::Living | Class::Track);
        if !(rural && minor) {
            continue;
        }
        for k in 1..road.nodes.len() - 1 {
            let node = road.nodes[k];
            let free = [k - 1, k].iter().all(|q| !need.contains_key(&(r, *q)));
            let lane = matches!(line.class, Class::Residential | Class::Living);
            // In a lattice of lanes a middle node is a corner of four: barriers stand on plain ones only.
            if !free || degree[node as usize] != 2 || !dice.chance(if lane { 0.05 } else { 0.012 }) {
                continue;
            }
            let tags: Vec<(&'static str, String)> = match dice.unit() {
                u if u < 0.30 => vec![("barrier", "bollard".into())],
                u if u < 0.50 => vec![("barrier", "gate".into())],
                u if u < 0.60 => vec![("barrier", "gate".into()), ("access", "private".into())],
                u if u < 0.85 => {
                    let metres = ["2.2", "2.5", "2.8", "3.2"][dice.below(4)];
                    vec![("barrier", "height_restrictor".into()), ("maxheight", metres.into())]
                }
                _ => {
                    let metres = ["2.0", "2.2", "2.4"][dice.below(3)];
                    vec![("traffic_calming", "choker".into()), ("maxwidth:physical", metres.into())]
                }
            };
            furniture.nodes.entry(node).or_default().extend(tags);
        }
    }
}

/// Signals, zebra crossings and banned turns.
fn junctions(web: &Web, lines: &[Line], arms: &Arms, dice: &mut Dice, furniture: &mut Furniture) {
    for (v, around) in arms.0.iter().enumerate() {
        if around.len() < 3 {
            continue;
        }
        let class = |a: &Arm| lines[web.roads[a.road].line].class;
        let zone = around.iter().map(|a| lines[web.roads[a.road].line].zone).max().unwrap_or(Zone::Country);
        let arterial =
            |a: &Arm| matches!(class(a), Class::Trunk | Class::Primary | Class::Secondary | Class::Tertiary);
        let main = around.iter().filter(|a| arterial(a)).count();
        let urban = matches!(zone, Zone::City | Zone::Town);
        let signals =
            around.len() >= 4 && main >= 3 && (zone == Zone::City || (main >= 4 && dice.chance(0.5)));
        if signals {
            furniture.nodes.entry(v as u32).or_default().push(("highway", "traffic_signals".into()));
        } else if urban && main >= 2 && dice.chance(0.12) {
            furniture.nodes.entry(v as u32).or_default().push(("highway", "crossing".into()));
        }
        if !urban || main < 2 || around.len() < 4 {
            continue;
        }
        let here = web.nodes[v];
        let heading = |a: &Arm| web.nodes[a.other as usize].minus(here).unit();
        for from in around.iter().filter(|a| a.back && arterial(a)) {
            if !dice.chance(if signals { 0.16 } else { 0.05 }) {
                continue;
            }
            let inward = heading(from).times(-1.0);
            let exits = || around.iter().filter(|a| a.out && a.other != from.other);
            let turn = |a: &Arm| (inward.cross(heading(a)), inward.dot(heading(a)));
            let straight = exits().filter(|a| turn(a).1 > 0.9).max_by(|a, b| turn(a).1.total_cmp(&turn(b).1));
            let left = exits().filter(|a| turn(a).0 > 0.7).max_by(|a, b| turn(a).0.total_cmp(&turn(b).0));
            let right = exits().filter(|a| turn(a).0 < -0.7).min_by(|a, b| turn(a).0.total_cmp(&turn(b).0));
            let (kind, to) = match (dice.unit(), straight, left, right) {
                (u, Some(to), _, _) if u < 0.15 => ("only_straight_on", to),
                (u, Some(_), Some(to), _) if u < 0.85 => ("no_left_turn", to),
                (_, Some(_), _, Some(to)) => ("no_right_turn", to),
                _ => continue,
            };
            let except = dice.chance(0.2).then_some("bus");
            furniture.bans.push(Ban {
                kind,
                from: (from.road, from.piece),
                via: v as u32,
                to: (to.road, to.piece),
                except,
            });
        }
        // No turning back on an avenue at its signals.
        if signals {
            let avenue = around.iter().find(|a| a.back && a.out && arterial(a));
            if let Some(a) = avenue.filter(|_| dice.chance(0.3)) {
                let piece = (a.road, a.piece);
                furniture.bans.push(Ban {
                    kind: "no_u_turn",
                    from: piece,
                    via: v as u32,
                    to: piece,
                    except: None,
                });
            }
        }
    }
}
