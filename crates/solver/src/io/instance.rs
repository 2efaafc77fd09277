//! A public benchmark instance as its file states it: no scaling, no search structure.

use super::convention::{Convention, Kind};

/// Amounts (demands and capacities) are kept exactly, in millionths of the file's unit.
pub const AMOUNT_SCALE: i64 = 1_000_000;

/// The text format an instance came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// VRPLIB and its variants.
    Vrplib,
    /// Solomon and Homberger text.
    Solomon,
    /// Li and Lim text.
    LiLim,
    /// JD Logistics text.
    Jd,
}

/// One place of the instance. Index 0 is the first depot; the other indices are the customer numbers of the
/// published solutions.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The file's own number.
    pub id: u64,
    /// Coordinate, 0 where the file gives a matrix.
    pub x: f64,
    /// Coordinate, 0 where the file gives a matrix.
    pub y: f64,
    /// Brought from the depot, in [`AMOUNT_SCALE`]ths.
    pub delivery: i64,
    /// Taken to the depot, in [`AMOUNT_SCALE`]ths; for [`Kind::Pdptw`] the signed change is in `pair`.
    pub pickup: i64,
    /// Earliest start of service.
    pub ready: f64,
    /// Latest start of service; infinity if the file states none.
    pub due: f64,
    /// Length of service.
    pub service: f64,
    /// Earliest time the goods are at the depot.
    pub release: f64,
    /// Lost if the customer is left out; infinity means it must be served.
    pub prize: f64,
    /// The other end of a paired transport.
    pub pair: Option<Pair>,
}

impl Node {
    /// A node at a place, with nothing to do there.
    #[must_use]
    pub fn at(id: u64, x: f64, y: f64) -> Self {
        Self {
            id,
            x,
            y,
            delivery: 0,
            pickup: 0,
            ready: 0.0,
            due: f64::INFINITY,
            service: 0.0,
            release: 0.0,
            prize: f64::INFINITY,
            pair: None,
        }
    }
}

/// A node's role in a paired transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Goods are picked up here for the node of this index.
    PickupFor {
        /// Index of the delivery.
        delivery: usize,
        /// Amount, in [`AMOUNT_SCALE`]ths.
        amount: i64,
    },
    /// Goods are delivered here from the node of this index.
    DeliveryFrom {
        /// Index of the pickup.
        pickup: usize,
        /// Amount, in [`AMOUNT_SCALE`]ths.
        amount: i64,
    },
}

/// How places are apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Travel {
    /// Straight lines between coordinates; time equals distance.
    Euclid,
    /// Straight lines, always rounded up (`CEIL_2D`).
    EuclidCeil,
    /// Given row by row, `n * n` values; NaN is a hole.
    Explicit {
        /// Distances.
        distance: Vec<f64>,
        /// Times, where they differ from distances.
        duration: Option<Vec<f64>>,
        /// The file's values are this many times the published unit.
        divisor: f64,
    },
}

/// One vehicle of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Vehicle {
    /// Index of the depot where it starts and ends.
    pub depot: usize,
    /// In [`AMOUNT_SCALE`]ths.
    pub capacity: i64,
    /// Cost if used, before the convention's division.
    pub fixed_cost: f64,
    /// Cost for one unit of distance, before the convention's division.
    pub unit_cost: f64,
    /// Longest distance plus service of a route.
    pub distance_max: f64,
    /// Longest time from departure to return, waiting included.
    pub duration_max: f64,
    /// Depots where it may load again during its route.
    pub reload_at: Vec<usize>,
}

/// The vehicles of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Fleet {
    /// All alike; at most so many, if the file says so.
    Alike(Vehicle, Option<usize>),
    /// Listed one by one; route `k` of a solution is vehicle `k`.
    Listed(Vec<Vehicle>),
}

/// A public instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its name, from the file or else the file's name.
    pub name: String,
    /// What it asks.
    pub kind: Kind,
    /// Where it was read from.
    pub format: Format,
    /// Depots and customers; index 0 is the first depot.
    pub nodes: Vec<Node>,
    /// How many nodes, from index 0 on, are depots.
    pub depots: usize,
    /// How they are apart.
    pub travel: Travel,
    /// Who drives.
    pub fleet: Fleet,
}

impl Instance {
    /// The convention under which this set is published.
    #[must_use]
    pub fn default_convention(&self) -> Convention {
        match self.kind {
            Kind::Cvrp | Kind::Vrpb => Convention::Round,
            Kind::Vrptw if self.format == Format::Solomon => Convention::Hierarchical,
            Kind::Vrptw | Kind::Mtvrptwr | Kind::Pcvrptw => Convention::Dimacs,
            Kind::Pdptw => Convention::Hierarchical,
            Kind::Vrpspdtw if self.format == Format::Jd => Convention::Jd,
            Kind::Vrpspdtw | Kind::Vrpspd | Kind::Mdvrptw | Kind::Hfvrp | Kind::Rich => Convention::Exact,
        }
    }

    /// Distance from node to node under a convention, in the published unit; NaN where there is no way.
    #[must_use]
    pub fn distance(&self, from: usize, to: usize, convention: Convention) -> f64 {
        match &self.travel {
            Travel::Euclid => convention.measure(self.straight(from, to)),
            Travel::EuclidCeil => self.straight(from, to).ceil(),
            Travel::Explicit { distance, divisor, .. } => distance[from * self.nodes.len() + to] / divisor,
        }
    }

    /// Time from node to node under a convention, in the published unit; NaN where there is no way.
    #[must_use]
    pub fn duration(&self, from: usize, to: usize, convention: Convention) -> f64 {
        match &self.travel {
            Travel::Explicit { duration: Some(duration), .. } => duration[from * self.nodes.len() + to],
            _ => self.distance(from, to, convention),
        }
    }

    fn straight(&self, from: usize, to: usize) -> f64 {
        let (a, b) = (&self.nodes[from], &self.nodes[to]);
        let (dx, dy) = (a.x - b.x, a.y - b.y);
        (dx * dx + dy * dy).sqrt()
    }

    /// Vehicle `k` (from 0), or none beyond the fleet.
    #[must_use]
    pub fn vehicle(&self, k: usize) -> Option<&Vehicle> {
        match &self.fleet {
            Fleet::Alike(vehicle, count) => count.is_none_or(|count| k < count).then_some(vehicle),
            Fleet::Listed(list) => list.get(k),
        }
    }

    /// The number of vehicles, if the file limits it.
    #[must_use]
    pub fn vehicle_count(&self) -> Option<usize> {
        match &self.fleet {
            Fleet::Alike(_, count) => *count,
            Fleet::Listed(list) => Some(list.len()),
        }
    }

    /// Costs that the file states are divided by this to give the published unit.
    #[must_use]
    pub fn cost_divisor(&self) -> f64 {
        if self.kind == Kind::Hfvrp { 100.0 } else { 1.0 }
    }

    /// Customer indices.
    #[must_use]
    pub fn customers(&self) -> std::ops::Range<usize> {
        self.depots..self.nodes.len()
    }
}
