//! Driving times and lengths between all sites, by profile and time band: the only thing that planning knows of roads.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Marks a pair with no way.
pub const NO_WAY: u32 = u32::MAX;

/// One profile in one time band, row-major over the county's sites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// First second of the day in which a trip that starts uses this band.
    pub from_s: i64,
    /// Seconds, [`NO_WAY`] where there is none.
    pub seconds: Vec<u32>,
    /// Metres, [`NO_WAY`] where there is no way.
    pub metres: Vec<u32>,
}

/// All bands of one routing profile, in order of `from_s`, the first at the beginning of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Name of the profile, as vehicles say it.
    pub profile: String,
    /// Bands in order.
    pub bands: Vec<Band>,
}

/// Times and lengths between the county's sites, by position in `County::sites`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Travel {
    /// Number of sites on each side.
    pub sites: usize,
    /// One table a profile, ordered by name.
    pub tables: Vec<Table>,
}

/// Why tables do not make a travel model.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BadTravel {
    /// A profile has no band.
    #[error("profile {0} has no table")]
    Empty(String),
    /// A table is not square over the sites.
    #[error("profile {profile}: {found} cells, {want} are needed")]
    Size {
        /// The profile.
        profile: String,
        /// Cells found.
        found: usize,
        /// Cells needed.
        want: usize,
    },
}

impl Travel {
    /// Puts tables together.
    ///
    /// # Errors
    /// [`BadTravel`] names the first table that does not fit.
    pub fn new(sites: usize, mut tables: Vec<Table>) -> Result<Self, BadTravel> {
        tables.sort_by(|a, b| a.profile.cmp(&b.profile));
        let want = sites * sites;
        for table in &mut tables {
            if table.bands.is_empty() {
                return Err(BadTravel::Empty(table.profile.clone()));
            }
            table.bands.sort_by_key(|band| band.from_s);
            table.bands[0].from_s = i64::MIN;
            for band in &table.bands {
                for found in [band.seconds.len(), band.metres.len()] {
                    if found != want {
                        return Err(BadTravel::Size { profile: table.profile.clone(), found, want });
                    }
                }
            }
        }
        Ok(Self { sites, tables })
    }

    /// Position of a profile's table.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<usize> {
        self.tables.binary_search_by(|table| table.profile.as_str().cmp(name)).ok()
    }

    /// The band of a trip that starts at `start_s`.
    #[must_use]
    pub fn band(&self, profile: usize, start_s: i64) -> usize {
        self.tables[profile].bands.partition_point(|band| band.from_s <= start_s) - 1
    }

    /// Seconds and metres of a leg, if there is a way.
    #[must_use]
    pub fn leg(&self, profile: usize, band: usize, from: usize, to: usize) -> Option<(i64, i64)> {
        let table = &self.tables[profile].bands[band];
        let cell = from * self.sites + to;
        let (seconds, metres) = (table.seconds[cell], table.metres[cell]);
        (seconds != NO_WAY && metres != NO_WAY).then(|| (i64::from(seconds), i64::from(metres)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_chosen_by_the_start() {
        let band = |from_s, s| Band { from_s, seconds: vec![0, s, s, 0], metres: vec![0, 100, NO_WAY, 0] };
        let table = Table { profile: "van".into(), bands: vec![band(36_000, 70), band(0, 60)] };
        let travel = Travel::new(2, vec![table]).expect("two square bands");
        let van = travel.profile("van").expect("it is there");
        assert_eq!(travel.leg(van, travel.band(van, 35_999), 0, 1), Some((60, 100)));
        assert_eq!(travel.leg(van, travel.band(van, 36_000), 0, 1), Some((70, 100)));
        assert_eq!(travel.leg(van, 0, 1, 0), None);
        assert!(travel.profile("bus").is_none());
        let short =
            Table { profile: "x".into(), bands: vec![Band { from_s: 0, seconds: vec![], metres: vec![] }] };
        assert!(matches!(Travel::new(2, vec![short]), Err(BadTravel::Size { found: 0, want: 4, .. })));
    }
}
