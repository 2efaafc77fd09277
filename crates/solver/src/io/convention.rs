//! How distances, times and costs of an instance are measured: the conventions under which the public sets publish.

use std::fmt;
use std::str::FromStr;

/// What kind of problem an instance states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Capacities only.
    Cvrp,
    /// Capacities and time windows.
    Vrptw,
    /// Linehauls before backhauls, no route of backhauls alone.
    Vrpb,
    /// Delivery and pickup at one stop.
    Vrpspd,
    /// Delivery and pickup at one stop, with windows.
    Vrpspdtw,
    /// Paired pickups and deliveries with windows.
    Pdptw,
    /// Several depots, windows, longest duration.
    Mdvrptw,
    /// Vehicles that differ in capacity, fixed and unit cost.
    Hfvrp,
    /// Several trips a vehicle, windows, release times at the depot.
    Mtvrptwr,
    /// A prize is lost for each customer left out, with windows.
    Pcvrptw,
    /// Our JSON or VROOM's.
    Rich,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 11] = [
        Self::Cvrp,
        Self::Vrptw,
        Self::Vrpb,
        Self::Vrpspd,
        Self::Vrpspdtw,
        Self::Pdptw,
        Self::Mdvrptw,
        Self::Hfvrp,
        Self::Mtvrptwr,
        Self::Pcvrptw,
        Self::Rich,
    ];

    /// The name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cvrp => "cvrp",
            Self::Vrptw => "vrptw",
            Self::Vrpb => "vrpb",
            Self::Vrpspd => "vrpspd",
            Self::Vrpspdtw => "vrpspdtw",
            Self::Pdptw => "pdptw",
            Self::Mdvrptw => "mdvrptw",
            Self::Hfvrp => "hfvrp",
            Self::Mtvrptwr => "mtvrptwr",
            Self::Pcvrptw => "pcvrptw",
            Self::Rich => "rich",
        }
    }

    /// Whether customers of this kind have windows and service times that bind.
    #[must_use]
    pub fn has_time(self) -> bool {
        matches!(
            self,
            Self::Vrptw
                | Self::Vrpspdtw
                | Self::Pdptw
                | Self::Mdvrptw
                | Self::Mtvrptwr
                | Self::Pcvrptw
                | Self::Rich
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("no such kind; one of {}", names.join(", "))
        })
    }
}

/// How distance, time and cost are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Convention {
    /// Euclidean distance rounded to the nearest integer; cost is distance.
    Round,
    /// Distance and time truncated to one decimal; cost is distance, plus prizes not collected.
    Dimacs,
    /// Double precision; cost is distance, or the file's own cost model.
    Exact,
    /// Double precision; fewest vehicles first, then distance.
    Hierarchical,
    /// 300 a vehicle and 0.014 a metre, or what the file states, in yuan.
    Jd,
}

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 5] = [Self::Round, Self::Dimacs, Self::Exact, Self::Hierarchical, Self::Jd];

    /// The name on the command line and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Round => "round",
            Self::Dimacs => "dimacs",
            Self::Exact => "exact",
            Self::Hierarchical => "hierarchical",
            Self::Jd => "jd",
        }
    }

    /// A Euclidean length under this convention, in the instance's unit.
    #[must_use]
    pub fn measure(self, euclid: f64) -> f64 {
        match self {
            Self::Round => (euclid + 0.5).floor(),
            // Exact for integer coordinates: if 10 d is an integer then d is a perfect square root, computed exactly.
            Self::Dimacs => (euclid * 10.0).floor() / 10.0,
            Self::Exact | Self::Hierarchical | Self::Jd => euclid,
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|c| c.name()).collect();
            format!("no such convention; one of {}", names.join(", "))
        })
    }
}
