//! Past days as counts by place and direction.

use jiff::civil::Date;
use serde::Serialize;
use std::collections::HashMap;
use xiangyun_model::county::County;
use xiangyun_model::order::OrderRecord;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Parcels to the place.
    Down,
    /// Lots from the place.
    Up,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Down, Self::Up];

    /// The word of the files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
        }
    }
}

/// One past day: orders by place, by position in `County::sites`.
#[derive(Clone, Debug)]
pub struct DayCounts {
    /// The day.
    pub date: Date,
    /// Parcels down, then lots up.
    pub sites: [Vec<u32>; 2],
    /// Orders by carrier, by position in `County::carriers`; parcels down, then lots up.
    pub carriers: [Vec<u32>; 2],
}

impl DayCounts {
    /// Orders of a direction in all.
    #[must_use]
    pub fn total(&self, direction: Direction) -> u64 {
        self.sites[direction as usize].iter().map(|&n| u64::from(n)).sum()
    }
}

/// Counts a day's orders. Transfers and returns are not forecast.
#[must_use]
pub fn count(county: &County, date: Date, records: &[OrderRecord]) -> DayCounts {
    let sites: HashMap<&str, usize> =
        county.sites.iter().enumerate().map(|(i, s)| (s.id.as_str(), i)).collect();
    let carriers: HashMap<&str, usize> =
        county.carriers.iter().enumerate().map(|(i, c)| (c.id.as_str(), i)).collect();
    let none = |n: usize| [vec![0; n], vec![0; n]];
    let mut day = DayCounts { date, sites: none(county.sites.len()), carriers: none(county.carriers.len()) };
    for record in records {
        let (direction, place) = match record.kind.as_str() {
            "down" => (Direction::Down, &record.destination),
            "up" => (Direction::Up, &record.origin),
            _ => continue,
        };
        if let Some(&at) = sites.get(place.as_str()) {
            day.sites[direction as usize][at] += 1;
        }
        if let Some(&at) = carriers.get(record.carrier.as_str()) {
            day.carriers[direction as usize][at] += 1;
        }
    }
    day
}
