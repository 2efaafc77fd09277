//! Duration segments: duration, time warp and the earliest and latest start that keep both least (Vidal, Crainic,
//! Gendreau and Prins 2013).

use crate::problem::VALUE_MAX;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// Duration with waiting.
    pub(super) long: i64,
    /// Lateness in all.
    pub(super) warp: i64,
    /// Earliest start that keeps both least.
    pub(super) early: i64,
    /// Latest start that keeps both least.
    pub(super) late: i64,
}

impl Times {
    /// One stop.
    pub(super) fn stop(from: i64, to: i64, service: i64) -> Self {
        // A window already over by the release is late by the difference.
        let warp = (from - to).max(0);
        Self { long: service, warp, early: from.min(to), late: to }
    }

    /// No stop at all, at any time.
    pub(super) const ANY: Self = Self { long: 0, warp: 0, early: 0, late: VALUE_MAX };

    /// This, then `leg` on the way, then `o`.
    #[inline(always)]
    pub(super) fn then(self, leg: i64, o: Self) -> Self {
        let gap = self.long - self.warp + leg;
        let late = (self.early + gap - o.late).max(0);
        let wait = (o.early - gap - self.late).max(0);
        Self {
            long: self.long + o.long + leg + wait,
            warp: self.warp + o.warp + late,
            early: self.early.max(o.early - gap) - wait,
            late: self.late.min(o.late - gap) + late,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn waiting_and_lateness_come_out_as_by_hand() {
        let a = Times::stop(0, 100, 10);
        let b = Times::stop(50, 60, 5);
        let c = Times::stop(0, 70, 0);
        let all = a.then(20, b).then(8, c);
        // Start at 20: service 20-30, at b 50-55, at c 63.
        assert_eq!((all.long, all.warp, all.early), (43, 0, 20));
        assert_eq!(all.late, 27); // at c 70 at the latest
        assert_eq!(b.then(40, c).warp, 25); // 50 + 5 + 40 = 95
    }
}
