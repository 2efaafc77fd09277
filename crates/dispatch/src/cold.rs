//! Temperature of one compartment against its band: runs outside it beyond the tolerance, and spans that nothing proves.
//!
//! A run counts when it lasts longer than [`GRACE_S`] outside `[min − δ, max + δ]` with δ = [`TOLERANCE_DC`]; readings
//! further apart than [`SILENCE_S`] leave the span between them unproven. GB 31605-2020 asks for monitoring, record and
//! alarm; the figures are the county's defaults.

use serde::{Deserialize, Serialize};

/// Tolerance in tenths of a degree.
pub const TOLERANCE_DC: i32 = 5;
/// Excursions up to this long are door openings, in seconds.
pub const GRACE_S: i64 = 600;
/// Readings further apart prove nothing in between, in seconds.
pub const SILENCE_S: i64 = 900;

/// A span that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Begin.
    pub from_ms: i64,
    /// End.
    pub to_ms: i64,
    /// Worst reading in tenths of a degree; none where nothing was read.
    pub worst_dc: Option<i32>,
}

/// What is known of a compartment while it holds goods of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Least of the band in tenths of a degree.
    min_dc: Option<i32>,
    /// Most of the band in tenths of a degree.
    max_dc: Option<i32>,
    last_ms: i64,
    outside: Option<Run>,
}

impl Probe {
    /// Goods of a band went in at `from_ms`.
    #[must_use]
    pub const fn new(min_dc: Option<i32>, max_dc: Option<i32>, from_ms: i64) -> Self {
        Self { min_dc, max_dc, last_ms: from_ms, outside: None }
    }

    /// How far a reading lies outside the band in tenths of a degree, tolerance taken off; 0 inside.
    fn off(&self, dc: i32) -> i32 {
        let low = self.min_dc.map_or(0, |m| m.saturating_sub(TOLERANCE_DC).saturating_sub(dc));
        let high = self.max_dc.map_or(0, |m| dc.saturating_sub(m.saturating_add(TOLERANCE_DC)));
        low.max(high).max(0)
    }

    /// Takes a reading in, in order of time; gives what it ends: a run outside, or a span without proof.
    pub fn reading(&mut self, at_ms: i64, dc: i32) -> Vec<Run> {
        let mut out = Vec::new();
        if at_ms <= self.last_ms {
            return out;
        }
        if at_ms - self.last_ms > SILENCE_S * 1_000 {
            out.extend(self.end_run(self.last_ms));
            out.push(Run { from_ms: self.last_ms, to_ms: at_ms, worst_dc: None });
        }
        let off = self.off(dc);
        if off == 0 {
            out.extend(self.end_run(at_ms));
        } else {
            let run = self.outside.unwrap_or(Run { from_ms: at_ms, to_ms: at_ms, worst_dc: Some(dc) });
            let worse = run.worst_dc.is_none_or(|w| off > self.off(w));
            let worst_dc = if worse { Some(dc) } else { run.worst_dc };
            self.outside = Some(Run { to_ms: at_ms, worst_dc, ..run });
        }
        self.last_ms = at_ms;
        out
    }

    /// The goods are out at `at_ms`.
    pub fn end(&mut self, at_ms: i64) -> Vec<Run> {
        let mut out = Vec::new();
        if at_ms - self.last_ms > SILENCE_S * 1_000 {
            out.extend(self.end_run(self.last_ms));
            out.push(Run { from_ms: self.last_ms, to_ms: at_ms, worst_dc: None });
        } else {
            out.extend(self.end_run(at_ms));
        }
        out
    }

    fn end_run(&mut self, at_ms: i64) -> Option<Run> {
        let run = Run { to_ms: at_ms, ..self.outside.take()? };
        (run.to_ms - run.from_ms > GRACE_S * 1_000).then_some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(m: i64) -> i64 {
        m * 60_000
    }

    #[test]
    fn a_door_is_no_excursion_and_a_warm_hour_is_one() {
        let mut probe = Probe::new(Some(0), Some(40), 0);
        for (m, dc) in [(5, 20), (10, 60), (15, 62), (18, 30)] {
            assert!(probe.reading(minutes(m), dc).is_empty(), "{m}");
        }
        for m in [20, 30, 40, 50] {
            assert!(probe.reading(minutes(m), 50 + m as i32).is_empty());
        }
        let runs = probe.reading(minutes(55), 40);
        assert_eq!(runs, [Run { from_ms: minutes(20), to_ms: minutes(55), worst_dc: Some(100) }]);
        assert!(probe.end(minutes(60)).is_empty());
    }

    #[test]
    fn silence_is_unproven_and_never_good() {
        let mut probe = Probe::new(None, Some(-180), 0);
        assert!(probe.reading(minutes(10), -190).is_empty());
        let runs = probe.reading(minutes(40), -190);
        assert_eq!(runs, [Run { from_ms: minutes(10), to_ms: minutes(40), worst_dc: None }]);
        assert_eq!(probe.end(minutes(80)).len(), 1);
        assert!(probe.reading(minutes(1), 0).is_empty(), "an old reading changes nothing");
    }
}
