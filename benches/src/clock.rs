//! Processor time of the calling thread, so that neighbours on the machine do not count.

use rustix::time::{ClockId, clock_gettime};

/// Seconds of processor time that this thread has used.
#[must_use]
pub fn thread_cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
