//! The search asks the caller for the time, and tells it how it goes; it reads no clock itself.

use std::time::Duration;

/// How a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Iterations so far, over all threads.
    pub steps: u64,
    /// Cost of the best plan so far, without the jobs left out that must be served.
    pub cost: i64,
    /// Jobs left out that must be served.
    pub missing: usize,
    /// Vehicles in use.
    pub vehicles: usize,
}

/// The caller's side of a running search. Called from every search thread.
pub trait Control: Sync {
    /// Time since the search began, on the clock that the budget's `time` means (wall or processor).
    fn elapsed(&self) -> Duration;

    /// Whether to end now. Asked about every millisecond of work.
    fn stopped(&self) -> bool {
        false
    }

    /// A better plan was found.
    fn improved(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// For budgets in steps: no time passes, nothing stops the search.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepsOnly;

impl Control for StepsOnly {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
