//! Plans that leave no job out, where jobs may be left out: what a search for many jobs begins with.

use super::cooling::{COLD_LARGE, HOT_LARGE};
use super::eval::Eval;
use super::team::{Member, Run, SMALL};
use crate::problem::Objective;

/// Share of the budget among plans that leave no job out, where jobs may be.
const LAVISH_SHARE: f64 = 0.06;
/// The same when what does not pay has been left out again.
const PRUNED_SHARE: f64 = 0.2;
/// Share of the budget among plans that leave no job out where they are then crossed, and between those shown. Nothing is
/// annealed after it: RC2_10_6 with prizes at 30 s is 4.4 % above the best known by the walk alone, 3.1 % with plans of the
/// walk crossed, 1.3 % with these, before jobs were lured in (two seeds each).
const FULL_SHARE: f64 = 0.08;
pub(super) const FULL_EVERY: f64 = 0.005;
/// Such a plan is given up if it costs so many times the other.
const HOPELESS: f64 = 1.5;

impl Run<'_> {
    /// Whether plans that leave no job out are what a search begins with.
    pub(super) fn begins_full(&self) -> bool {
        let cost = self.net.problem.objective() == Objective::Cost;
        self.net.optional && cost && self.start.is_none() && self.net.jobs > SMALL
    }

    /// Where jobs may be left out, searches for a while among plans that leave none out, then gives up what does not
    /// pay; whether it is done with that. Of many jobs with large holds most routes pay only when they are full, and
    /// a walk that adds jobs one by one does not get there. Where plans are crossed, that gives up what does not pay: each
    /// plan shown on the way does so in its own manner.
    pub(super) fn serve_all<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) -> bool {
        if !self.begins_full() {
            return true;
        }
        let (lavish, pruned) =
            if member.breeder.is_some() { (FULL_SHARE, FULL_SHARE) } else { (LAVISH_SHARE, PRUNED_SHARE) };
        let walk = &mut member.walk;
        if !member.pruning {
            member.pruning = true;
            walk.take_all();
            walk.keep();
        }
        loop {
            let spent = member.clock.fraction();
            if let Some(breeder) = member.breeder.as_mut().filter(|_| spent >= member.shown) {
                member.shown = spent + FULL_EVERY;
                breeder.welcome(&member.walk.snapshot());
            }
            // Far dearer than the plan that grew job by job: what pays here is few jobs, not full routes.
            let hopeless = member.walk.lavish
                && spent >= lavish
                && member.walk.cost() as f64 > HOPELESS * member.walk.best.cost as f64;
            if spent >= pruned || member.clock.is_over() || hopeless {
                break;
            }
            if spent >= until {
                return false;
            }
            // From here on what does not pay is left out, where it is taken out.
            member.walk.lavish = spent < lavish;
            let cooled = (COLD_LARGE / HOT_LARGE).powf((spent / lavish).min(1.0));
            if member.walk.step(member.unit * HOT_LARGE * cooled) {
                self.note(member);
            }
            member.clock.tick();
        }
        member.walk.lavish = false;
        if member.walk.cost() > member.walk.best.cost {
            member.walk.recall();
        }
        true
    }
}
