//! What a terminal has reported lately, so that a report sent again is not stored twice.

use super::limits::{RECENT_BACKFILL, RECENT_LIVE};
use std::collections::VecDeque;

/// Digests of the last reports. Grows while backfill comes and shrinks again with live reports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    digests: VecDeque<u64>,
    newest_ms: i64,
    room: u16,
}

impl Recent {
    /// Whether the report was seen; remembers it if not.
    pub(crate) fn seen(&mut self, digest: u64, device_ms: i64, backfill: bool) -> bool {
        // A report later than all before it is new; only others need the search.
        if device_ms <= self.newest_ms && self.digests.contains(&digest) {
            return true;
        }
        self.insert(digest, device_ms, backfill);
        false
    }

    /// Remembers a report without asking.
    pub(crate) fn insert(&mut self, digest: u64, device_ms: i64, backfill: bool) {
        self.newest_ms = self.newest_ms.max(device_ms);
        let room = usize::from(self.room).saturating_sub(1).max(RECENT_LIVE);
        let room = if backfill { RECENT_BACKFILL } else { room };
        self.room = room as u16;
        while self.digests.len() >= room {
            self.digests.pop_front();
        }
        if room == RECENT_LIVE && self.digests.capacity() > 2 * RECENT_LIVE {
            self.digests.shrink_to(RECENT_LIVE);
        }
        self.digests.push_back(digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_known_and_memory_goes_back() {
        let mut recent = Recent::default();
        for n in 0..500u64 {
            assert!(!recent.seen(n, n as i64, true));
            assert!(recent.seen(n, n as i64, true));
        }
        assert!(recent.seen(3, 3, false), "all of the backfill is remembered");
        for n in 500..3_000u64 {
            assert!(!recent.seen(n, n as i64, false));
        }
        assert!(recent.digests.capacity() <= 2 * RECENT_LIVE, "{}", recent.digests.capacity());
        assert!(recent.seen(2_990, 2_990, false));
    }
}
