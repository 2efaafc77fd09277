//! A part of a route is turned around, or goes to another place of the same route, either way round. Each of these
//! moves is at most four kept parts joined, so that looking at one takes constant time whatever its length.

use super::arcs::FAR;
use super::eval::Eval;
use super::links::NONE;
use super::middle::{Middle, Part};
use super::walk::Walk;

/// Longest part that goes elsewhere.
const PART: usize = 3;
/// Longest route that is looked at, and how far apart the ends of a part that is turned around may be.
const LONGEST: u32 = 300;
const SPREAD: usize = 60;
/// How far from the job that was drawn stops are looked at one by one.
const REACH: usize = 16;

/// A change of the order of a route's stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Stops `from` to `to` the other way round.
    Around { from: usize, to: usize },
    /// Stops `from` to `to` after the stop `after` (before all at -1), the other way round if `back`.
    Move { from: usize, to: usize, after: isize, back: bool },
}

/// Room kept between iterations.
#[derive(Clone, Debug, Default)]
pub(super) struct Bench {
    nodes: Vec<u32>,
    stops: Vec<Part>,
    table: Middle,
    /// Moves looked at in the last iteration.
    pub(super) work: usize,
}

impl<E: Eval> Walk<'_, E> {
    /// The best new order within the route of a random job; whether a new best plan was stored.
    pub(super) fn inner_step(&mut self, temperature: f64) -> bool {
        self.bench.work = 1;
        let seed = self.rng.below(self.net.jobs);
        let route = self.links.at[seed].route;
        let loose = |size: u32| (2..=LONGEST).contains(&size);
        if route == NONE || !loose(self.links.routes[route as usize].size) || !self.is_loose(route) {
            return false;
        }
        // Kernels trust that the halves of shipments are in their order.
        if self.links.nodes(route).any(|v| self.net.partner[v as usize] != NONE) {
            return false;
        }
        let mut bench = std::mem::take(&mut self.bench);
        let turn = self.find_turn(route, seed as u32, &mut bench);
        let nodes = turn.map(|(turn, change)| (Self::turned(&bench.nodes, turn), change));
        self.bench = bench;
        let Some((nodes, change)) = nodes else { return false };
        let bound = -temperature * (1.0 - self.rng.unit()).ln();
        if change as f64 >= bound {
            return false;
        }
        let (before, over) = (self.cost(), self.eval.excess());
        self.links.begin();
        self.links.save(route);
        self.links.assign(route, &nodes);
        let sound = self.eval.refresh(&mut self.links, route);
        debug_assert!(
            !E::WAYS_ALONE || !sound || over > 0 || self.cost() - before == change,
            "a new order was evaluated to change the cost by {change}, not {}",
            self.cost() - before
        );
        if sound && (self.cost() as f64) < before as f64 + bound {
            return self.take_over();
        }
        self.reject();
        false
    }

    /// The order that costs least but the present one, and what it changes, as far as parts tell.
    fn find_turn(&self, route: u32, seed: u32, bench: &mut Bench) -> Option<(Turn, i64)> {
        let join = |a: &Part, b: &Part| self.eval.join(route, a, b);
        let part = |v: u32| self.eval.part(&self.links, route, v);
        bench.nodes.clear();
        bench.nodes.extend(self.links.nodes(route));
        // The ends of the route belong to the table, so that every move is made of its parts alone.
        bench.stops.clear();
        bench.stops.push(part(self.links.start(route)));
        bench.stops.extend(bench.nodes.iter().map(|&v| part(v)));
        bench.stops.push(part(self.links.end(route)));
        let at = 1 + bench.nodes.iter().position(|&v| v == seed).unwrap_or(0);
        let low = at.saturating_sub(REACH);
        let high = (at + REACH).min(bench.stops.len() - 1);
        // Of a long route what lies far from the job is one part each: looking at all of it takes the time of many
        // iterations.
        let fold = |stops: &[Part]| stops[1..].iter().fold(stops[0], |a, b| join(&a, b));
        bench.stops[high] = fold(&bench.stops[high..]);
        bench.stops.truncate(high + 1);
        bench.stops[low] = fold(&bench.stops[..=low]);
        bench.stops.drain(..low);
        bench.table.make(&bench.stops, join);
        let (table, last) = (&bench.table, bench.stops.len() - 1);
        let there = |from: usize, to: usize| table.there(from, to, join);
        let now = self.eval.worth(route, &there(0, last));
        let mut least: Option<(Turn, i64)> = None;
        let mut work = last * 4;
        let mut look = |turn: Turn, whole: &Part| {
            work += 1;
            let worth = self.eval.worth(route, whole);
            if worth < FAR && least.is_none_or(|(_, change)| worth - now < change) {
                least = Some((turn, worth - now));
            }
        };
        for from in 1..last {
            for to in from..last {
                if to > from && to - from < SPREAD {
                    let back = table.back(from, to, join);
                    let whole = join(&join(&there(0, from - 1), &back), &there(to + 1, last));
                    look(Turn::Around { from: low + from - 1, to: low + to - 1 }, &whole);
                }
                if to - from >= PART {
                    continue;
                }
                for back in [false, true] {
                    if back && to == from {
                        continue;
                    }
                    let own = if back { table.back(from, to, join) } else { there(from, to) };
                    for after in (0..from.saturating_sub(1)).rev().take(SPREAD) {
                        let head = join(&there(0, after), &own);
                        let whole = join(&join(&head, &there(after + 1, from - 1)), &there(to + 1, last));
                        look(
                            Turn::Move {
                                from: low + from - 1,
                                to: low + to - 1,
                                after: (low + after) as isize - 1,
                                back,
                            },
                            &whole,
                        );
                    }
                    for after in (to + 1..last).take(SPREAD) {
                        let head = join(&there(0, from - 1), &there(to + 1, after));
                        let whole = join(&join(&head, &own), &there(after + 1, last));
                        look(
                            Turn::Move {
                                from: low + from - 1,
                                to: low + to - 1,
                                after: (low + after) as isize - 1,
                                back,
                            },
                            &whole,
                        );
                    }
                }
            }
        }
        bench.work = work;
        least
    }

    fn turned(nodes: &[u32], turn: Turn) -> Vec<u32> {
        match turn {
            Turn::Around { from, to } => {
                let mut nodes = nodes.to_vec();
                nodes[from..=to].reverse();
                nodes
            }
            Turn::Move { from, to, after, back } => {
                let mut own = nodes[from..=to].to_vec();
                if back {
                    own.reverse();
                }
                let mut list = Vec::with_capacity(nodes.len());
                if after < 0 {
                    list.extend_from_slice(&own);
                }
                for (at, &v) in nodes.iter().enumerate() {
                    if !(from..=to).contains(&at) {
                        list.push(v);
                    }
                    if at as isize == after {
                        list.extend_from_slice(&own);
                    }
                }
                list
            }
        }
    }
}
