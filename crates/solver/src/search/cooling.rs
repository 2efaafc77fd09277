//! Cooling: how hot annealing begins and how cold it ends, in one round or several.

use super::choice::Kind;
use super::eval::Eval;
use super::team::{MIDDLE, Member, Run, SMALL};

/// Hottest and coldest temperature, in mean cost of a job's way.
const HOT: f64 = 1.0;
const COLD: f64 = 0.01;
/// The same above so many jobs, where iterations are few for each; measured on X-n1001-k43.
pub(super) const LARGE: usize = 500;
pub(super) const HOT_LARGE: f64 = 0.5;
pub(super) const COLD_LARGE: f64 = 0.02;
/// The same above so many jobs, where the first plan by savings has far too many legs to depots, in mean legs between jobs:
/// no one heat is best for all, see "what an iteration costs" in benches/RESULTS.md.
pub(super) const HUGE: usize = 5000;
const HOT_HUGE: f64 = 2.0;
const COLD_HUGE: f64 = 0.06;
/// The same with windows, in cost of a job's way.
const HOT_HUGE_WINDOWS: f64 = 2.0;
/// The same with windows and up to [`MIDDLE`] jobs, where little new is found below; chosen among four on R108, R202 and
/// RC107, where single searches differ by more than these do, and among five on JD 200_1 and 200_4 (benches/RESULTS.md).
const HOT_WINDOWS: f64 = 0.5;
const COLD_WINDOWS: f64 = 0.03;

/// A cooling: where it ends, as a share of the budget, how hot it begins, and whether from the best plan.
#[derive(Clone, Copy, Debug)]
struct Round {
    end: f64,
    hot: f64,
    again: bool,
}

impl Run<'_> {
    /// Rounds of cooling.
    fn rounds(&self) -> &'static [Round] {
        match self.net.jobs {
            0..=SMALL => &[
                Round { end: 0.4, hot: 1.0, again: false },
                Round { end: 0.8, hot: 1.0, again: false },
                Round { end: 1.0, hot: 0.1, again: true },
            ],
            _ => &[Round { end: 1.0, hot: 1.0, again: false }],
        }
    }

    /// Hottest and coldest temperature, in mean cost of a job's way.
    fn heat(&self) -> (f64, f64) {
        match self.net.jobs {
            0..=MIDDLE if self.net.windows && self.start.is_none() => (HOT_WINDOWS, COLD_WINDOWS),
            0..=LARGE => (HOT, COLD),
            _ if self.net.jobs <= HUGE => (HOT_LARGE, COLD_LARGE),
            _ if self.net.windows => (HOT_HUGE_WINDOWS, COLD_LARGE),
            _ => (HOT_HUGE, COLD_HUGE),
        }
    }

    /// Anneals until that share of the budget is spent.
    pub(super) fn anneal<E: Eval>(&self, member: &mut Member<'_, E>, until: f64) {
        let rounds = self.rounds();
        let mut wait = 0;
        if self.net.jobs > LARGE {
            member.walk.width = 20;
        }
        let mut temperature = 0.0;
        while !member.clock.is_over() {
            if wait == 0 {
                let now = member.clock.fraction();
                if now >= until && until < 1.0 {
                    break;
                }
                let whole = self.breeds_from(member) - member.cool_from;
                let now = ((now - member.cool_from) / whole.max(f64::EPSILON)).clamp(0.0, 1.0);
                let at = rounds.iter().position(|r| now < r.end).unwrap_or(rounds.len() - 1);
                let from = if at == 0 { 0.0 } else { rounds[at - 1].end };
                let Round { end: to, hot, again } = rounds[at];
                if member.round != at {
                    member.round = at;
                    self.remember(member, again);
                }
                let spent = ((now - from) / (to - from)).clamp(0.0, 1.0);
                let (from, to) = self.heat();
                let (hot, cold) = (member.unit * from * hot, member.unit * to);
                temperature = hot * (cold / hot).powf(spent);
                wait = 32;
            }
            wait -= 1;
            self.weigh(member);
            // While jobs that must be served are not, every other step minds nothing else.
            let missing = member.walk.best.missing;
            if missing > 0 && wait % 2 == 0 {
                member.walk.fleet_step(temperature);
                if member.walk.best.missing < missing {
                    self.note(member);
                }
            } else if member.walk.step(temperature) {
                self.note(member);
            }
            member.clock.tick();
        }
    }

    /// Between two rounds: what the last one found is remembered, and the next one begins there or from the best.
    fn remember<E: Eval>(&self, member: &mut Member<'_, E>, again: bool) {
        let walk = &mut member.walk;
        let jobs = self.net.jobs;
        let last = walk.snapshot();
        if walk.eval.excess() == 0 {
            walk.memory.keep(&last, jobs);
        }
        let best = walk.best.clone();
        walk.memory.keep(&best, jobs);
        walk.choice.open(Kind::Inherit);
        if again {
            walk.recall();
        }
    }
}
