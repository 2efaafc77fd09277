//! Which kind of iteration comes next: each kind gets a share by what it has brought lately for its work.
//!
//! Work is counted in places looked at, never in time, so that a seed has one result.

use super::rng::Rng;

/// A kind of iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Strings of jobs out and in.
    Strings,
    /// The same with twice as many jobs.
    Many,
    /// Two whole routes out and in.
    Routes,
    /// Two jobs of two routes change places, each to its own best place.
    Swap,
    /// Routes of a remembered plan come in.
    Inherit,
    /// A part of a route is turned around or moved within it.
    Inner,
    /// Routes change vehicles.
    Vehicles,
    /// Two routes exchange their tails.
    Tails,
}

const KINDS: [Kind; 8] = [
    Kind::Strings,
    Kind::Many,
    Kind::Routes,
    Kind::Swap,
    Kind::Inherit,
    Kind::Inner,
    Kind::Vehicles,
    Kind::Tails,
];

/// What came of an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fruit {
    /// Undone, or nothing to do.
    Nothing,
    /// Kept, for less than before.
    Less,
    /// A new best plan.
    Best,
}

/// Iterations between changes of the shares.
const PERIOD: u32 = 4096;
/// What a plan that costs less than the one before counts, where a new best plan counts 1. Little: while it is hot,
/// what one iteration spoils any other mends.
const LESS: f64 = 0.001;
/// How much of the past counts after a period.
const MEMORY: f64 = 0.7;
/// Least share of the strings and of every other kind.
const STRINGS_LEAST: f64 = 0.5;
const LEAST: f64 = 0.005;
/// Most of each kind, in their order: strings find new orders by themselves.
const MOST: [f64; KINDS.len()] = [1.0, 0.1, 0.05, 0.2, 0.1, 0.02, 0.2, 0.2];

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    fruit: f64,
    work: f64,
    tries: f64,
}

/// Shares of the kinds and what they brought.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    open: [bool; KINDS.len()],
    share: [f64; KINDS.len()],
    tally: [Tally; KINDS.len()],
    left: u32,
}

impl Choice {
    /// Shares to begin with.
    pub(super) fn new() -> Self {
        let mut choice = Self {
            open: [true; KINDS.len()],
            share: [0.0; KINDS.len()],
            tally: [Tally::default(); KINDS.len()],
            left: PERIOD,
        };
        choice.close(Kind::Vehicles);
        choice.close(Kind::Inherit);
        choice
    }

    /// Never takes this kind.
    pub(super) fn close(&mut self, kind: Kind) {
        self.set(kind, false);
    }

    /// Takes this kind too.
    pub(super) fn open(&mut self, kind: Kind) {
        if !self.open[kind as usize] {
            self.set(kind, true);
        }
    }

    fn set(&mut self, kind: Kind, open: bool) {
        self.open[kind as usize] = open;
        self.share = [0.0; KINDS.len()];
        for (at, share) in self.share.iter_mut().enumerate().skip(1) {
            if self.open[at] {
                *share = if KINDS[at] == Kind::Vehicles { 0.05 } else { 0.015 };
            }
        }
        self.share[0] = 1.0 - self.share[1..].iter().sum::<f64>();
    }

    /// The kind of the next iteration.
    #[inline]
    pub(super) fn pick(&self, rng: &mut Rng) -> Kind {
        let mut dice = rng.unit() - self.share[0];
        for at in 1..KINDS.len() {
            if dice < 0.0 {
                return KINDS[at - 1];
            }
            dice -= self.share[at];
        }
        if dice < 0.0 { KINDS[KINDS.len() - 1] } else { Kind::Strings }
    }

    /// Notes what an iteration brought for its work.
    #[inline]
    pub(super) fn learn(&mut self, kind: Kind, fruit: Fruit, work: usize) {
        let tally = &mut self.tally[kind as usize];
        tally.tries += 1.0;
        tally.work += work as f64;
        tally.fruit += match fruit {
            Fruit::Nothing => 0.0,
            Fruit::Less => LESS,
            Fruit::Best => 1.0,
        };
        self.left -= 1;
        if self.left == 0 {
            self.left = PERIOD;
            self.weigh();
        }
    }

    /// Shares of the work by what the kinds brought for it, then shares of the iterations.
    fn weigh(&mut self) {
        let strings = self.tally[0];
        let base = (strings.fruit + 0.02) / (strings.work + 1.0);
        for (at, share) in self.share.iter_mut().enumerate().skip(1) {
            let tally = self.tally[at];
            if self.open[at] && tally.tries > 0.0 {
                let worth = tally.fruit / (tally.work + 1.0) / base;
                // Half of the way at once: a period says little.
                let wanted = (0.02 * worth * strings.work
                    / strings.tries.max(1.0)
                    / (tally.work / tally.tries).max(1.0))
                .clamp(LEAST, MOST[at]);
                *share = 0.5 * (*share + wanted);
            }
        }
        let rest: f64 = self.share[1..].iter().sum();
        let most = 1.0 - STRINGS_LEAST;
        if rest > most {
            for share in &mut self.share[1..] {
                *share *= most / rest;
            }
        }
        self.share[0] = 1.0 - rest.min(most);
        for tally in &mut self.tally {
            tally.fruit *= MEMORY;
            tally.work *= MEMORY;
            tally.tries *= MEMORY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brings_more_for_its_work_comes_more_often() {
        let mut choice = Choice::new();
        choice.open(Kind::Inherit);
        for _ in 0..20 * PERIOD {
            choice.learn(Kind::Strings, Fruit::Nothing, 100);
            choice.learn(Kind::Swap, Fruit::Less, 100);
            choice.learn(Kind::Routes, Fruit::Nothing, 100);
        }
        let mut rng = Rng::new(5);
        let mut count = [0; KINDS.len()];
        for _ in 0..10_000 {
            count[choice.pick(&mut rng) as usize] += 1;
        }
        assert!(count[Kind::Swap as usize] > 1_000, "{count:?}");
        assert!((1..200).contains(&count[Kind::Routes as usize]), "{count:?}");
        assert!(count[Kind::Strings as usize] >= 4_500, "{count:?}");
        assert_eq!(count[Kind::Vehicles as usize], 0);
    }
}
