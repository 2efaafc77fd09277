//! Clocks of terminals: which to believe, which to repair, which to set aside.

use super::limits::{BACKFILL_BEHIND_MS, CLOCK_AHEAD_MS, CLOCK_BEHIND_MS};

/// What is to be done about a device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockVerdict {
    /// Believed.
    Good,
    /// The report is live, so its time is that of receipt, or the device's less its known error.
    Repaired,
    /// Nobody can say when it was.
    Quarantined,
}

/// A verdict and the time to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The verdict.
    pub verdict: ClockVerdict,
    /// UTC milliseconds.
    pub time_ms: i64,
}

/// Whole hours by which terminals are known to be wrong: UTC sent as Beijing time, and the reverse.
const HABITUAL_ERROR_MS: i64 = 8 * 3_600_000;
/// How near to the habitual error a live report must be.
const HABITUAL_SLACK_MS: i64 = 3 * 60_000;

/// Judges the time of a report. `device_ms` is what the device said, nothing if unreadable; `offset_ms` the error of
/// its clock if one is set for the terminal or was learned from live reports (device minus truth).
///
/// Rules: the field's range (−7 days live, −180 days backfill, +5 minutes); a known error is taken off first; a live
/// report out of range takes the time of receipt; backfill out of range is set aside, for its time is lost.
#[must_use]
pub fn judge_clock(
    device_ms: Option<i64>,
    received_ms: i64,
    backfill: bool,
    offset_ms: Option<i64>,
) -> Judged {
    let good = |time_ms: i64| {
        let behind = if backfill { BACKFILL_BEHIND_MS } else { CLOCK_BEHIND_MS };
        time_ms <= received_ms.saturating_add(CLOCK_AHEAD_MS) && time_ms >= received_ms.saturating_sub(behind)
    };
    let Some(device_ms) = device_ms else {
        let verdict = if backfill { ClockVerdict::Quarantined } else { ClockVerdict::Repaired };
        return Judged { verdict, time_ms: received_ms };
    };
    if let Some(offset) = offset_ms.filter(|o| *o != 0) {
        let time_ms = device_ms.saturating_sub(offset);
        if good(time_ms) {
            return Judged { verdict: ClockVerdict::Repaired, time_ms };
        }
    }
    if good(device_ms) {
        return Judged { verdict: ClockVerdict::Good, time_ms: device_ms };
    }
    let verdict = if backfill { ClockVerdict::Quarantined } else { ClockVerdict::Repaired };
    Judged { verdict, time_ms: if backfill { device_ms } else { received_ms } }
}

/// Learns the error of one terminal's clock from its live reports. A clock eight hours behind cannot be told from an
/// eight hours old report by one report, but three live ones in a row at that distance leave no doubt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClockWatch {
    candidate_ms: i64,
    seen: u8,
    pub(crate) offset_ms: Option<i64>,
}

const WITNESSES: u8 = 3;

impl ClockWatch {
    pub(crate) fn watch(&mut self, device_ms: i64, received_ms: i64) {
        let error = device_ms.saturating_sub(received_ms);
        let candidate = if (error + HABITUAL_ERROR_MS).abs() <= HABITUAL_SLACK_MS {
            -HABITUAL_ERROR_MS
        } else if !(-CLOCK_BEHIND_MS..=CLOCK_AHEAD_MS).contains(&error) {
            if (error - HABITUAL_ERROR_MS).abs() <= HABITUAL_SLACK_MS {
                HABITUAL_ERROR_MS
            } else {
                // To the minute, so that delays of delivery do not make each report a new error.
                error.div_euclid(60_000) * 60_000
            }
        } else {
            0
        };
        if candidate.abs_diff(self.candidate_ms) <= 60_000 {
            self.seen = self.seen.saturating_add(1);
        } else {
            (self.candidate_ms, self.seen) = (candidate, 1);
        }
        if self.candidate_ms == 0 {
            self.offset_ms = None;
        } else if self.seen >= WITNESSES {
            self.offset_ms = Some(self.candidate_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn the_table_of_wrong_clocks() {
        use ClockVerdict::{Good, Quarantined, Repaired};
        let cases = [
            (Some(NOW - 2_000), false, Good, NOW - 2_000),
            (Some(NOW + 4 * 60_000), false, Good, NOW + 4 * 60_000),
            (Some(NOW + 6 * 60_000), false, Repaired, NOW),
            (Some(NOW - 8 * 24 * HOUR), false, Repaired, NOW),
            (Some(NOW - 8 * 24 * HOUR), true, Good, NOW - 8 * 24 * HOUR),
            (Some(NOW - 200 * 24 * HOUR), true, Quarantined, NOW - 200 * 24 * HOUR),
            (Some(946_684_800_000), false, Repaired, NOW),
            (None, false, Repaired, NOW),
            (None, true, Quarantined, NOW),
        ];
        for (device, backfill, verdict, time_ms) in cases {
            assert_eq!(
                judge_clock(device, NOW, backfill, None),
                Judged { verdict, time_ms },
                "{device:?} {backfill}"
            );
        }
    }

    #[test]
    fn eight_hours_behind_is_learned_from_three_live_reports_and_forgotten_after_a_right_one() {
        let mut watch = ClockWatch::default();
        for n in 0..3 {
            assert_eq!(watch.offset_ms, None);
            watch.watch(NOW - 8 * HOUR + n * 10_000, NOW + n * 10_000 + 1_000);
        }
        assert_eq!(watch.offset_ms, Some(-8 * HOUR));
        let judged = judge_clock(Some(NOW - 9 * HOUR), NOW, true, watch.offset_ms);
        assert_eq!(judged, Judged { verdict: ClockVerdict::Repaired, time_ms: NOW - HOUR });
        watch.watch(NOW + 40_000, NOW + 41_000);
        assert_eq!(watch.offset_ms, None);
    }
}
