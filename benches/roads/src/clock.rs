//! Processor time of this thread and process, and memory.

use rustix::time::{ClockId, clock_gettime};

fn seconds(id: ClockId) -> f64 {
    let t = clock_gettime(id);
    #[allow(clippy::cast_precision_loss)] // seconds of one run
    let s = t.tv_sec as f64 + t.tv_nsec as f64 / 1e9;
    s
}

/// Processor seconds of the calling thread.
pub(crate) fn thread_s() -> f64 {
    seconds(ClockId::ThreadCPUTime)
}

/// Processor seconds of the process, all threads.
pub(crate) fn process_s() -> f64 {
    seconds(ClockId::ProcessCPUTime)
}

/// Processor seconds of one call on this thread.
pub(crate) fn time<R>(work: impl FnOnce() -> R) -> (f64, R) {
    let start = thread_s();
    let result = work();
    (thread_s() - start, result)
}

/// The least processor seconds of several calls.
pub(crate) fn best(times: usize, mut work: impl FnMut()) -> f64 {
    (0..times).map(|_| time(&mut work).0).fold(f64::INFINITY, f64::min)
}

/// Largest resident set so far, in megabytes.
pub(crate) fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .and_then(|v| v.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(0.0, |kb| kb / 1024.0)
}
