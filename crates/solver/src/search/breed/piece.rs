//! A part of a route in the terms of the genetic search: one load dimension, one window a stop, nothing forbidden.

use crate::problem::{NO_WAY, Role, Window};
use crate::search::arcs::Arcs;
use crate::search::net::Net;
use crate::search::times::Times;

/// A part of a route: its ends, way, times, and its load (loaded at the depot, net change, largest rise).
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) way: i64,
    pub(super) times: Times,
    pub(super) load: [i64; 3],
}

/// What the rules of a vehicle allow, and its prices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Van {
    pub(super) cap: i64,
    pub(super) fixed: i64,
    pub(super) unit: i64,
    /// Longest way and day.
    pub(super) far: i64,
    pub(super) long: i64,
}

/// Most that the breaches of a route cost: sums of them stay within 64 bits.
const PRICE_MOST: f64 = 1e17;

/// What breaking a rule by one unit costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub(super) load: f64,
    pub(super) warp: f64,
    /// Of way and day beyond their limits, and of a way that does not exist.
    pub(super) limit: f64,
}

impl Prices {
    pub(super) fn times(self, by: f64) -> Self {
        Self { load: self.load * by, warp: self.warp * by, limit: self.limit * by }
    }
}

/// By how much a route breaks the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) load: i64,
    pub(super) warp: i64,
    pub(super) limit: i64,
}

impl Breach {
    pub(super) fn none(self) -> bool {
        self == Self::default()
    }

    pub(super) fn and(self, o: Self) -> Self {
        Self { load: self.load + o.load, warp: self.warp + o.warp, limit: self.limit + o.limit }
    }

    #[inline(always)]
    pub(super) fn price(self, prices: &Prices) -> i64 {
        if self.none() {
            return 0;
        }
        let price = self.load as f64 * prices.load
            + self.warp as f64 * prices.warp
            + self.limit as f64 * prices.limit;
        price.min(PRICE_MOST) as i64
    }
}

/// The pieces of single stops, the vehicles, and how pieces join.
pub(super) struct Joiner<'a, A, const TIME: bool> {
    arcs: &'a A,
    pub(super) vans: Vec<Van>,
    /// By node: jobs, then start and end of each slot.
    pub(super) own: Vec<Piece>,
}

impl<'a, A: Arcs, const TIME: bool> Joiner<'a, A, TIME> {
    pub(super) fn new(net: &Net<'_>, arcs: &'a A) -> Self {
        let first = |l: &[i64]| l.first().copied().unwrap_or(0);
        let mut own = Vec::with_capacity(net.points.len());
        for (at, job) in net.problem.jobs().iter().enumerate() {
            debug_assert!(job.role == Role::Single);
            let window = job.windows.first().copied().unwrap_or(Window::ALWAYS);
            let (d, u) = (first(&job.delivery), first(&job.pickup));
            own.push(Piece {
                first: net.points[at],
                last: net.points[at],
                way: 0,
                times: Times::stop(window.from, window.to, job.service),
                load: [d, u - d, (u - d).max(0)],
            });
        }
        let mut vans = Vec::with_capacity(net.slots.len());
        for r in 0..net.slots.len() {
            let kind = net.kind(r as u32);
            for (end, service) in [(0, kind.loading), (1, 0)] {
                let point = net.points[net.jobs + 2 * r + end];
                let times = Times::stop(kind.shift.from, kind.shift.to, service);
                own.push(Piece { first: point, last: point, way: 0, times, load: [0; 3] });
            }
            vans.push(Van {
                cap: first(&kind.layouts[0]),
                fixed: kind.fixed + net.weight(r as u32),
                unit: kind.per_distance,
                far: kind.max_distance.unwrap_or(i64::MAX),
                long: kind.max_duration.unwrap_or(i64::MAX),
            });
        }
        Self { arcs, vans, own }
    }

    #[inline(always)]
    pub(super) fn leg(&self, from: u32, to: u32) -> i64 {
        self.arcs.dist(from, to)
    }

    pub(super) fn leg_time(&self, from: u32, to: u32) -> i64 {
        self.arcs.time(from, to)
    }

    /// One piece, then the other.
    #[inline(always)]
    pub(super) fn join(&self, a: &Piece, b: &Piece) -> Piece {
        let times = if TIME { a.times.then(self.arcs.time(a.last, b.first), b.times) } else { a.times };
        Piece {
            first: a.first,
            last: b.last,
            way: a.way + self.arcs.dist(a.last, b.first) + b.way,
            times,
            load: [a.load[0] + b.load[0], a.load[1] + b.load[1], a.load[2].max(a.load[1] + b.load[2])],
        }
    }

    /// By how much a route breaks the rules of its vehicle.
    #[inline(always)]
    pub(super) fn breach(&self, route: u32, whole: &Piece) -> Breach {
        let van = &self.vans[route as usize];
        let [i, _, h] = whole.load;
        let long = if TIME { (whole.times.long - van.long).max(0) } else { 0 };
        Breach {
            load: (i + h - van.cap).max(0),
            warp: if TIME { whole.times.warp } else { 0 },
            limit: (whole.way - van.far).max(0) + long + whole.way / NO_WAY,
        }
    }
}
