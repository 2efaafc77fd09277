//! How long a search may go on.

use std::time::Duration;

/// Limits of a search; the first one reached ends it. With none of `steps` and `time` it takes [`STEPS_DEFAULT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Iterations, summed over threads. With steps and without `time` no clock influences the result.
    pub steps: Option<u64>,
    /// Time on the clock of the [`crate::Control`].
    pub time: Option<Duration>,
    /// Ends the search after so many steps without a better plan.
    pub flat_steps: Option<u64>,
    /// Seed of all random choices.
    pub seed: u64,
    /// Threads that search, at least 1. Each count gives its own, repeatable result.
    pub threads: usize,
}

/// Steps taken when the budget names no limit.
pub const STEPS_DEFAULT: u64 = 100_000;
/// Most threads.
pub const THREADS_MAX: usize = 64;

impl Budget {
    /// So many iterations on one thread, seed 1.
    #[must_use]
    pub fn steps(steps: u64) -> Self {
        Self { steps: Some(steps), time: None, flat_steps: None, seed: 1, threads: 1 }
    }

    /// So much time on one thread, seed 1.
    #[must_use]
    pub fn time(time: Duration) -> Self {
        Self { steps: None, time: Some(time), flat_steps: None, seed: 1, threads: 1 }
    }

    /// The same with another seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same with more threads.
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads: threads.clamp(1, THREADS_MAX), ..self }
    }
}
