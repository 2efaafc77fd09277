//! Filing beside a running gateway: sealed segments become track files, what is too old is removed.

use super::hub::{Hub, drained};
use super::limits;
use crate::files::{Archive, Maintained, Retention};
use std::sync::Arc;

/// Maintains the archive now and then until the gateway drains; what fails is counted, told and tried again.
pub(super) async fn run(hub: Arc<Hub>, archive: Arc<Archive>, keep: Retention) {
    let mut draining = hub.draining.subscribe();
    loop {
        // An outbox that has not been emptied yet holds its segments, within reason: the setting of the days wins
        // only where no platform is configured.
        let keep = Retention { hold_from_seq: hub.held_from_seq(), ..keep };
        let (worker, now) = (Arc::clone(&hub), hub.now());
        let of_worker = Arc::clone(&archive);
        let work = move || of_worker.maintain(&worker.log, now, &keep);
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(done)) => hub.count_maintained(&done),
            Ok(Err(err)) => hub.maintenance_failed(&err.to_string()),
            Err(_) => hub.maintenance_failed("filing ended by a panic"),
        }
        tokio::select! {
            () = tokio::time::sleep(limits::MAINTAIN_EVERY) => {}
            () = drained(&mut draining) => return,
        }
    }
}

/// Sums of what maintenance did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FilingCounts {
    /// What was done.
    pub done: Maintained,
    /// Times it failed.
    pub failures: u64,
    /// The last failure.
    pub last_failure: Option<String>,
}

impl FilingCounts {
    pub(super) fn add(&mut self, done: &Maintained) {
        self.done.filed_segments += done.filed_segments;
        self.done.filed_positions += done.filed_positions;
        self.done.merged_days += done.merged_days;
        self.done.removed_segments += done.removed_segments;
        self.done.removed_files += done.removed_files;
    }

    pub(super) fn failed(&mut self, why: &str) {
        self.failures += 1;
        self.last_failure = Some(why.to_owned());
    }
}
