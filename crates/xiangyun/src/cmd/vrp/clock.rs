//! The clock of a search: wall or processor time, read on the search's own thread.

use clap::ValueEnum;
use indicatif::ProgressBar;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};
use xiangyun_solver::{Control, Progress};

/// Which clock `--seconds` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Clock {
    /// Time on the wall.
    Wall,
    /// This process's processor time, summed over threads.
    Cpu,
}

/// Processor time of this process so far.
pub(crate) fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    let part = u32::try_from(now.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), part)
}

/// Watches a search: tells it the time and shows how it goes.
pub(crate) struct Watch {
    clock: Clock,
    wall: Instant,
    cpu: Duration,
    bar: ProgressBar,
}

impl Watch {
    /// Starts now. A hidden bar shows nothing.
    pub(crate) fn start(clock: Clock, bar: ProgressBar) -> Self {
        Self { clock, wall: Instant::now(), cpu: cpu_time(), bar }
    }

    /// Wall and processor seconds since the start.
    pub(crate) fn spent(&self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_time().saturating_sub(self.cpu).as_secs_f64())
    }
}

impl Control for Watch {
    fn elapsed(&self) -> Duration {
        match self.clock {
            Clock::Wall => self.wall.elapsed(),
            Clock::Cpu => cpu_time().saturating_sub(self.cpu),
        }
    }

    fn improved(&self, progress: &Progress) {
        if !self.bar.is_hidden() {
            let Progress { steps, cost, missing, vehicles } = progress;
            self.bar.set_message(format!("{steps} · {cost} · {vehicles} · -{missing}"));
        }
    }
}
