//! How long to search: the arguments that every planning command has.

use crate::locale::Lang;
use crate::report::Failure;
use clap::Args;
use std::time::{Duration, Instant};
use xiangyun_planning::search::Effort;
use xiangyun_solver::Control;

/// Arguments of a search.
#[derive(Args, Clone, Debug)]
pub(crate) struct EffortArgs {
    /// Seconds of search (default: 40 for a night, 16 for a dawn, more for one of more than 15,000 orders)
    #[arg(long, value_name = "S", conflicts_with = "steps")]
    pub(super) seconds: Option<f64>,
    /// Steps of search instead of time; the result then depends on no clock
    #[arg(long, value_name = "N")]
    pub(super) steps: Option<u64>,
    /// Seed; the same input and seed give the same result
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Threads (default: all processors)
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<usize>,
}

impl EffortArgs {
    /// The effort asked for, or `usual_s` seconds on all processors.
    pub(super) fn effort(&self, usual_s: f64, lang: Lang) -> Result<Effort, Failure> {
        if self.seconds.is_some_and(|s| !s.is_finite() || s < 0.0) || self.threads == Some(0) {
            return Err(Failure::input(lang.pick(
                "--seconds 须为不小于 0 的数，--threads 至少为 1",
                "--seconds must be a number of at least 0 and --threads at least 1",
            )));
        }
        let threads =
            self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
        // No day is searched for longer than a day.
        let seconds = self.seconds.unwrap_or(usual_s).min(86_400.0);
        let time = self.steps.is_none().then(|| Duration::from_secs_f64(seconds));
        Ok(Effort { steps: self.steps, time, seed: self.seed, threads })
    }
}

/// The wall clock since a search began.
pub(super) struct Clock(pub(super) Instant);

impl Control for Clock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
