//! The two clocks: `wall` for sockets, sessions and signatures; `business` for everything that happens in the county.

use crate::config::{ClockConfig, ClockSource};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use tokio::sync::watch;

/// UTC milliseconds of the machine.
#[must_use]
pub fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

enum Source {
    System,
    Scaled { start_ms: i64, began: Instant, speed: f64 },
    Stepped(AtomicI64),
}

/// The business clock; clones are the same clock.
#[derive(Clone)]
pub struct Clock {
    source: Arc<Source>,
    moved: Arc<watch::Sender<i64>>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({} at {})", self.name(), self.now_ms())
    }
}

impl Clock {
    /// The clock of a configuration, never earlier than `not_before_ms`, the last event's time.
    #[must_use]
    pub fn new(config: &ClockConfig, not_before_ms: i64) -> Self {
        let start_ms = config
            .start
            .as_deref()
            .and_then(|s| s.parse::<jiff::Timestamp>().ok())
            .map_or(0, jiff::Timestamp::as_millisecond)
            .max(not_before_ms);
        let source = match config.source {
            ClockSource::System => Source::System,
            ClockSource::Scaled => Source::Scaled { start_ms, began: Instant::now(), speed: config.speed },
            ClockSource::Stepped => Source::Stepped(AtomicI64::new(start_ms)),
        };
        Self { source: Arc::new(source), moved: Arc::new(watch::channel(start_ms).0) }
    }

    /// Business time, UTC milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &*self.source {
            Source::System => wall_ms(),
            Source::Scaled { start_ms, began, speed } => {
                start_ms + (began.elapsed().as_secs_f64() * speed * 1_000.0) as i64
            }
            Source::Stepped(now) => now.load(Ordering::SeqCst),
        }
    }

    /// `system`, `scaled` or `stepped`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match &*self.source {
            Source::System => "system",
            Source::Scaled { .. } => "scaled",
            Source::Stepped(_) => "stepped",
        }
    }

    /// Whether it stands until it is moved.
    #[must_use]
    pub fn is_stepped(&self) -> bool {
        matches!(&*self.source, Source::Stepped(_))
    }

    /// How fast it runs against the wall; 0 for a stepped one.
    #[must_use]
    pub fn speed(&self) -> f64 {
        match &*self.source {
            Source::System => 1.0,
            Source::Scaled { speed, .. } => *speed,
            Source::Stepped(_) => 0.0,
        }
    }

    /// Moves a stepped clock forward; `false` when it is another clock or would go back.
    #[must_use]
    pub fn step_to(&self, to_ms: i64) -> bool {
        let Source::Stepped(now) = &*self.source else { return false };
        let forward =
            now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| (to_ms >= now).then_some(to_ms));
        if forward.is_ok() {
            self.moved.send_replace(to_ms);
        }
        forward.is_ok()
    }

    /// Told when a stepped clock was moved.
    #[must_use]
    pub fn moved(&self) -> watch::Receiver<i64> {
        self.moved.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_clock_goes_forward_only() {
        let config = ClockConfig {
            source: ClockSource::Stepped,
            start: Some("2026-11-24T04:00:00+08:00".into()),
            speed: 1.0,
        };
        let clock = Clock::new(&config, 0);
        let start = clock.now_ms();
        assert!(clock.step_to(start + 1_000) && !clock.step_to(start));
        assert_eq!(clock.now_ms(), start + 1_000);
        assert_eq!(Clock::new(&config, start + 5).now_ms(), start + 5);
        assert!(!Clock::new(&ClockConfig::default(), 0).step_to(i64::MAX));
    }
}
