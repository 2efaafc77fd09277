//! The hub's day: waves of sorting, and outbound lanes with their cut-offs.

use crate::id::SiteId;
use crate::time::DayTime;
use serde::{Deserialize, Serialize};

/// One wave of sorting at the hub; from `[[waves]]` of `county.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Name, such as `W1`.
    pub name: String,
    /// Goods that are at the hub by then belong to this wave (or an earlier one).
    pub closes: DayTime,
    /// Pieces sorted in an hour.
    pub rate_h: i64,
}

/// When one wave is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortedWave {
    /// Sorting begins: the wave has closed and the one before is done.
    pub begins_s: i64,
    /// Its goods can be loaded.
    pub ends_s: i64,
    /// Pieces in it.
    pub pieces: i64,
}

/// The waves of a day in order of closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waves<'a>(pub &'a [Wave]);

impl Waves<'_> {
    /// The wave that goods ready at `ready_s` belong to; `None` when they miss the last one.
    #[must_use]
    pub fn wave_of(&self, ready_s: i64) -> Option<usize> {
        self.0.iter().position(|wave| ready_s <= wave.closes.0)
    }

    /// Sorts a day: `arrivals` are `(ready_s, pieces)` of everything that passes the hub's sorter. A wave begins when
    /// it has closed and the wave before it is done, and takes `pieces × 3600 / rate` seconds, rounded up.
    #[must_use]
    pub fn sort(&self, arrivals: impl Iterator<Item = (i64, i64)>) -> Vec<SortedWave> {
        let mut pieces = vec![0_i64; self.0.len()];
        for (ready_s, count) in arrivals {
            if let Some(wave) = self.wave_of(ready_s) {
                pieces[wave] += count;
            }
        }
        let mut done_s = i64::MIN;
        let sort_one = |(wave, pieces): (&Wave, i64)| {
            let begins_s = wave.closes.0.max(done_s);
            let ends_s = begins_s + (pieces * 3600 + wave.rate_h - 1) / wave.rate_h.max(1);
            done_s = ends_s;
            SortedWave { begins_s, ends_s, pieces }
        };
        self.0.iter().zip(pieces).map(sort_one).collect()
    }
}

/// One departure of an outbound lane from the hub to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The gateway.
    pub gateway: SiteId,
    /// Goods must be unloaded at the hub by then.
    pub cutoff_s: i64,
    /// The lane's truck leaves.
    pub departs_s: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_wave_delays_the_next() {
        let waves = [
            Wave { name: "W1".into(), closes: DayTime(6 * 3600), rate_h: 1000 },
            Wave { name: "W2".into(), closes: DayTime(7 * 3600), rate_h: 1000 },
        ];
        let sorted = Waves(&waves).sort([(0, 1500), (6 * 3600 + 1, 500), (99 * 3600, 7)].into_iter());
        assert_eq!(sorted[0], SortedWave { begins_s: 21_600, ends_s: 27_000, pieces: 1500 });
        assert_eq!(sorted[1], SortedWave { begins_s: 27_000, ends_s: 28_800, pieces: 500 });
        assert_eq!(Waves(&waves).wave_of(8 * 3600), None);
    }
}
