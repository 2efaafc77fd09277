//! Overload at a price: where capacity is what binds, routes of the walk may carry too much for a while.

use super::eval::Eval;
use super::links::NONE;
use super::team::{Member, Run};
use super::walk::Walk;
use crate::problem::{NO_WAY, Objective, Role};

/// Least share of the legs between jobs that is believed.
const SHARE_LEAST: f64 = 0.15;
/// Steps between changes of the price of overload, and the share of sound plans aimed at.
const TIGHT_STEPS: u32 = 256;
const TIGHT_AIM: f64 = 0.5;
/// The same from this share of the budget on.
const TIGHT_AIM_LAST: f64 = 0.9;
const TIGHT_LAST: f64 = 0.9;
/// Up to so many jobs, and up to this share of the way between jobs, overload pays: X-n200-k36 gains 0.2 to 0.5 %,
/// X-n106-k14 and X-n266-k58 nothing; X-n336-k84 (more jobs), X-n176-k26 and X-n195-k51 (longer ways) lose.
const TIGHT_JOBS: usize = 300;
const TIGHT_SHARE: f64 = 0.18;
/// Most overload, as a part of the largest hold.
const TIGHT_PART: i64 = 20;

/// Lets routes carry too much at a price that follows how often the plan is sound.
pub(super) struct Tight {
    most: i64,
    price: f64,
    steps: u32,
    sound: u32,
}

impl Tight {
    /// Counts a plan; a new price when it is time for one. `last` is near the end, where plans are to be sound.
    fn count(&mut self, sound: bool, last: bool) -> bool {
        self.steps += 1;
        self.sound += u32::from(sound);
        if self.steps < TIGHT_STEPS {
            return false;
        }
        let share = f64::from(self.sound) / f64::from(self.steps);
        (self.steps, self.sound) = (0, 0);
        let aim = if last { TIGHT_AIM_LAST } else { TIGHT_AIM };
        self.price *= if share < aim { 1.15 } else { 0.9 };
        true
    }
}

impl Run<'_> {
    /// Share of the way that lies between jobs. Legs to and from depots say little of what a change costs, and where
    /// routes are short and depots far they are most of the way (X-n200-k36).
    pub(super) fn share_between<E: Eval>(walk: &Walk<'_, E>) -> f64 {
        let jobs = walk.links.jobs;
        let legs = walk.links.at.iter().filter(|l| l.route != NONE && l.next < NO_WAY);
        let (mut between, mut way) = (0, 0);
        for link in legs {
            way += link.next;
            if link.pred != NONE && link.succ < jobs {
                between += link.next;
            }
        }
        (between as f64 / way.max(1) as f64).clamp(SHARE_LEAST, 1.0)
    }

    /// Lets routes carry too much where capacity is what binds, at a price that keeps about half of the plans sound.
    pub(super) fn weigh<E: Eval>(&self, member: &mut Member<'_, E>) {
        let walk = &mut member.walk;
        let Some(tight) = &mut member.tight else {
            if member.weighed {
                return;
            }
            member.weighed = true;
            let compact = Self::share_between(walk) < TIGHT_SHARE;
            if let Some(most) = self.overload().filter(|_| compact && walk.best.missing == 0) {
                let price = member.unit;
                member.tight = Some(Tight { most, price, steps: 0, sound: 0 });
                walk.eval.soften(&mut walk.links, most, price as i64);
            }
            return;
        };
        let spent = member.clock.fraction();
        if tight.count(walk.eval.excess() == 0, spent > TIGHT_LAST) {
            walk.eval.soften(&mut walk.links, tight.most, tight.price as i64);
        }
    }

    /// Most that a route may carry too much, where loads are what binds most.
    fn overload(&self) -> Option<i64> {
        let p = self.net.problem;
        let cost = p.objective() == Objective::Cost && !self.net.optional;
        let single = p.jobs().iter().all(|j| j.role == Role::Single);
        if !cost || !single || self.net.windows || self.net.jobs > TIGHT_JOBS || p.dimensions().len() != 1 {
            return None;
        }
        let most = p.kinds().iter().flat_map(|k| k.layouts.iter().flatten()).max().copied()?;
        Some(most / TIGHT_PART)
    }
}
