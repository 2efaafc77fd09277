//! Processor time of the calling thread or the process, so that neighbours on the machine do not count.

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that this thread has used.
#[must_use]
pub fn thread_cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Seconds of processor time that this process has used, all threads together.
#[must_use]
pub fn process_cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
