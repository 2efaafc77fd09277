//! A truck that hands over and collects at one stop makes two visits of it where what it collects is not there yet.

use super::{Clock, Run, Timer};
use crate::draft::Stop;

/// What a truck collects may be this late before it hands over in a visit of its own.
const PART_PATIENCE_S: i64 = 600;

impl Timer<'_> {
    /// When a truck comes to a stop at which it should hand over first and collect later: what it collects is not there
    /// yet, and rounds wait for what it brings, perhaps the same that it waits for.
    pub(super) fn parts_at(&self, crew: usize, clock: &Clock, run: &Run) -> Option<i64> {
        let stop = &clock.stops[clock.stop];
        if !self.day.crews[crew].trunk || stop.drop.is_empty() || stop.pick.is_empty() {
            return None;
        }
        let last = clock.visits.last()?;
        let profile = self.day.crews[crew].profile;
        let (leg_s, _) = self.day.travel.leg(profile, clock.band, last.site.index(), stop.site.index())?;
        let arrives = last.depart + leg_s;
        let by_s = arrives + PART_PATIENCE_S;
        stop.pick.iter().any(|&l| !self.is_there(l, crew, clock.trip, by_s, run)).then_some(arrives)
    }

    fn is_there(&self, load: u32, crew: usize, trip: usize, by_s: i64, run: &Run) -> bool {
        !self.waits_for(load, crew, trip, run) && run.ready[load as usize].is_none_or(|ready| ready <= by_s)
    }

    /// Makes two stops of one at which a truck should hand over first and collect later.
    pub(super) fn part(&self, crew: usize, run: &mut Run) {
        let Some(arrives) = self.parts_at(crew, &run.clocks[crew], run) else { return };
        let (trip, at) = (run.clocks[crew].trip, run.clocks[crew].stop);
        let mut stop = run.clocks[crew].stops[at].clone();
        let picks = std::mem::take(&mut stop.pick);
        let by_s = arrives + PART_PATIENCE_S;
        let (now, later) = picks.into_iter().partition(|&l| self.is_there(l, crew, trip, by_s, run));
        let second = Stop { site: stop.site, drop: Vec::new(), pick: later };
        let clock = &mut run.clocks[crew];
        clock.stops[at] = Stop { pick: now, ..stop };
        clock.stops.insert(at + 1, second);
    }
}
