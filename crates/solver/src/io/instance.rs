//! A public benchmark instance as its file states it: no scaling, no search structure.

use super::convention::{Convention, Kind};
use std::sync::Arc;

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

/// Metrics of TSPLIB (Reinelt 1991; TSPLIB 95, section 2) that round by themselves, whatever the convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// `CEIL_2D`: straight lines, rounded up.
    EuclidUp,
    /// `FLOOR_2D`: straight lines, rounded down.
    EuclidDown,
    /// `GEO`: kilometres on the idealised globe, coordinates as degrees and minutes `DDD.MM`, latitude first.
    Geo,
    /// `ATT`: straight lines over the root of ten, rounded up.
    Att,
    /// `MAN_2D`: sum of both differences, rounded to nearest.
    Manhattan,
    /// `MAX_2D`: larger of both differences, rounded to nearest.
    Maximum,
}

impl Metric {
    /// The distance of two points.
    #[must_use]
    pub fn measure(self, a: (f64, f64), b: (f64, f64)) -> f64 {
        let (dx, dy) = ((a.0 - b.0).abs(), (a.1 - b.1).abs());
        let straight = (dx * dx + dy * dy).sqrt();
        match self {
            Self::EuclidUp => straight.ceil(),
            Self::EuclidDown => straight.floor(),
            Self::Geo => geo(a, b),
            Self::Att => ((dx * dx + dy * dy) / 10.0).sqrt().ceil(),
            Self::Manhattan => (dx + dy + 0.5).floor(),
            Self::Maximum => (dx.max(dy) + 0.5).floor(),
        }
    }
}

/// As TSPLIB states it, with its value of pi and its radius; one place is 0 from itself.
fn geo(a: (f64, f64), b: (f64, f64)) -> f64 {
    // Not the constant: the published distances were made with these digits.
    #[allow(clippy::approx_constant)]
    const PI: f64 = 3.141_592;
    const RADIUS_KM: f64 = 6_378.388;
    if a == b {
        return 0.0;
    }
    let radians = |degrees: f64| {
        let whole = degrees.trunc();
        PI * (whole + 5.0 * (degrees - whole) / 3.0) / 180.0
    };
    let (lat, lon) = ((radians(a.0), radians(b.0)), (radians(a.1), radians(b.1)));
    let (q1, q2, q3) = ((lon.0 - lon.1).cos(), (lat.0 - lat.1).cos(), (lat.0 + lat.1).cos());
    let angle = (0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3)).clamp(-1.0, 1.0).acos();
    (RADIUS_KM * angle + 1.0).floor()
}

/// How places are apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Travel {
    /// Straight lines between coordinates; time equals distance.
    Euclid,
    /// Computed from coordinates by a metric with its own rounding; time equals distance.
    Measured(Metric),
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
    /// How often it may load again; absent: no limit.
    pub reloads_max: Option<usize>,
    /// By node index, which customers it may serve; absent: all.
    pub allowed: Option<Arc<Vec<bool>>>,
}

impl Vehicle {
    /// A vehicle of the first depot that only has a capacity and pays one a unit of distance.
    #[must_use]
    pub fn plain(capacity: i64) -> Self {
        Self {
            depot: 0,
            capacity,
            fixed_cost: 0.0,
            unit_cost: 1.0,
            distance_max: f64::INFINITY,
            duration_max: f64::INFINITY,
            reload_at: Vec::new(),
            reloads_max: None,
            allowed: None,
        }
    }
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
            Travel::Measured(_) if from == to => 0.0,
            Travel::Measured(metric) => {
                let point = |at: usize| (self.nodes[at].x, self.nodes[at].y);
                metric.measure(point(from), point(to))
            }
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
