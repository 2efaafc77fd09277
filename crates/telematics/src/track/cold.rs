//! The cold-chain log: what the probes prove, what they break, and what nobody can prove.

use crate::position::Item;
use crate::segments::Record;
use crate::session::stored::items_of;
use serde::Serialize;

/// A band of temperature, tenths of a degree Celsius, both ends allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Coldest allowed.
    pub min_dc: i16,
    /// Warmest allowed.
    pub max_dc: i16,
}

/// Rules of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdRules {
    /// Time out of the band that is forgiven, as when doors are open, milliseconds.
    pub grace_ms: i64,
    /// Longest time that a reading speaks for, milliseconds: beyond it nothing is proven.
    pub reading_ms: i64,
}

impl Default for ColdRules {
    fn default() -> Self {
        Self { grace_ms: 600_000, reading_ms: 300_000 }
    }
}

/// One reading of one probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    /// UTC milliseconds.
    pub time_ms: i64,
    /// Tenths of a degree Celsius.
    pub deci_c: i16,
}

/// A time out of the band.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Excursion {
    /// First reading outside, UTC milliseconds.
    pub from_ms: i64,
    /// First reading back inside, or the last instant spoken for.
    pub to_ms: i64,
    /// Reading farthest from the band.
    pub worst_dc: i16,
    /// It lasted longer than the grace.
    pub breach: bool,
}

/// A time of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unproven {
    /// Start, UTC milliseconds.
    pub from_ms: i64,
    /// End, UTC milliseconds.
    pub to_ms: i64,
}

/// What a log says in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every instant is spoken for, and no excursion outlasted the grace.
    Kept,
    /// An excursion outlasted the grace.
    Broken,
    /// No breach is known, but part of the time is not spoken for.
    Unproven,
}

/// The log of one probe over a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColdLog {
    /// Excursions, by time.
    pub excursions: Vec<Excursion>,
    /// Times without data, by time.
    pub unproven: Vec<Unproven>,
    /// Coldest and warmest reading.
    pub range_dc: Option<(i16, i16)>,
    /// Readings in the span.
    pub readings: usize,
    /// In one word.
    pub verdict: Verdict,
}

/// Readings of a probe in stored records. Quarantined records have no time to be trusted and give none; the place
/// does not matter.
#[must_use]
pub fn readings(records: &[Record], probe: u8) -> Vec<Reading> {
    let quarantined = |r: &&Record| !r.flags.has(crate::position::Flags::QUARANTINED);
    let mut found = Vec::new();
    for record in records.iter().filter(quarantined) {
        for item in items_of(record) {
            if let Item::TemperatureDc { probe: of, deci_c } = item
                && of == probe
            {
                found.push(Reading { time_ms: record.time_ms, deci_c });
            }
        }
    }
    found
}

/// The log of a probe for `from_ms..to_ms`; readings in any order, repeated or not.
#[must_use]
pub fn log(mut readings: Vec<Reading>, from_ms: i64, to_ms: i64, band: Band, rules: &ColdRules) -> ColdLog {
    readings.retain(|r| r.time_ms < to_ms && r.time_ms > from_ms.saturating_sub(rules.reading_ms));
    readings.sort_unstable();
    readings.dedup();
    let mut found = ColdLog {
        excursions: Vec::new(),
        unproven: Vec::new(),
        range_dc: None,
        readings: readings.iter().filter(|r| r.time_ms >= from_ms).count(),
        verdict: Verdict::Kept,
    };
    let mut known_to_ms = from_ms;
    let mut open: Option<Excursion> = None;
    for reading in &readings {
        let (low, high) = found.range_dc.unwrap_or((reading.deci_c, reading.deci_c));
        found.range_dc = Some((low.min(reading.deci_c), high.max(reading.deci_c)));
        if reading.time_ms > known_to_ms {
            found.unproven.push(Unproven { from_ms: known_to_ms, to_ms: reading.time_ms });
            // What was warm before the silence is not known to have ended in it: it ends where knowledge does.
            close(&mut open, known_to_ms, rules, &mut found.excursions);
        }
        let off_dc = outside(reading.deci_c, band);
        if off_dc == 0 {
            close(&mut open, reading.time_ms, rules, &mut found.excursions);
        } else {
            let start_ms = reading.time_ms.max(from_ms);
            let fresh =
                Excursion { from_ms: start_ms, to_ms: start_ms, worst_dc: reading.deci_c, breach: false };
            let excursion = open.get_or_insert(fresh);
            if off_dc > outside(excursion.worst_dc, band) {
                excursion.worst_dc = reading.deci_c;
            }
        }
        known_to_ms = known_to_ms.max(reading.time_ms.saturating_add(rules.reading_ms)).min(to_ms);
    }
    close(&mut open, known_to_ms, rules, &mut found.excursions);
    if known_to_ms < to_ms {
        found.unproven.push(Unproven { from_ms: known_to_ms, to_ms });
    }
    found.verdict = if found.excursions.iter().any(|e| e.breach) {
        Verdict::Broken
    } else if found.unproven.is_empty() {
        Verdict::Kept
    } else {
        Verdict::Unproven
    };
    found
}

fn outside(deci_c: i16, band: Band) -> i32 {
    let value = i32::from(deci_c);
    (i32::from(band.min_dc) - value).max(value - i32::from(band.max_dc)).max(0)
}

fn close(open: &mut Option<Excursion>, at_ms: i64, rules: &ColdRules, found: &mut Vec<Excursion>) {
    if let Some(mut excursion) = open.take() {
        excursion.to_ms = at_ms.max(excursion.from_ms);
        excursion.breach = excursion.to_ms - excursion.from_ms > rules.grace_ms;
        found.push(excursion);
    }
}
