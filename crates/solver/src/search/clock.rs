//! Steps and time of a search against its budget. Asks the control for the time about once a millisecond.

use crate::budget::{Budget, STEPS_DEFAULT};
use crate::control::Control;
use std::time::Duration;

pub(super) struct Clock<'a> {
    control: &'a dyn Control,
    steps_most: Option<u64>,
    time: Option<Duration>,
    flat: Option<u64>,
    pub(super) steps: u64,
    last_better: u64,
    /// Steps until the control is asked again, and how many that was at the last time.
    wait: u32,
    stride: u32,
    seen: Duration,
    over: bool,
}

const STRIDE_MAX: u32 = 4096;

impl<'a> Clock<'a> {
    pub(super) fn new(budget: &Budget, control: &'a dyn Control, share: u64) -> Self {
        let none = budget.steps.is_none() && budget.time.is_none();
        let steps = if none { Some(STEPS_DEFAULT) } else { budget.steps };
        let mut clock = Self {
            control,
            steps_most: steps.map(|s| s / share.max(1)),
            time: budget.time,
            flat: budget.flat_steps.map(|s| s / share.max(1)),
            steps: 0,
            last_better: 0,
            wait: 1,
            stride: 1,
            seen: Duration::ZERO,
            over: false,
        };
        clock.ask();
        clock
    }

    fn ask(&mut self) {
        self.over |= self.control.stopped();
        if let Some(time) = self.time {
            let now = self.control.elapsed();
            let gone = now.saturating_sub(self.seen);
            self.seen = now;
            self.over |= now >= time;
            if gone < Duration::from_micros(500) {
                self.stride = (self.stride * 2).min(STRIDE_MAX);
            } else if gone > Duration::from_millis(2) {
                self.stride = (self.stride / 2).max(1);
            }
        } else {
            self.stride = 64;
        }
        self.wait = self.stride;
    }

    /// Counts a step; whether the budget is spent.
    #[inline]
    pub(super) fn tick(&mut self) -> bool {
        self.steps += 1;
        self.wait -= 1;
        if self.wait == 0 {
            self.ask();
        }
        self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
            || self.steps_most.is_some_and(|most| self.steps >= most)
            || self.flat.is_some_and(|flat| self.steps - self.last_better >= flat)
    }

    /// Notes an improvement.
    pub(super) fn better(&mut self) {
        self.last_better = self.steps;
    }

    /// How much of the budget is spent, 0 to 1.
    pub(super) fn fraction(&self) -> f64 {
        let steps = self.steps_most.map_or(0.0, |most| self.steps as f64 / most.max(1) as f64);
        let time = self.time.map_or(0.0, |t| self.seen.as_secs_f64() / t.as_secs_f64().max(1e-9));
        steps.max(time).min(1.0)
    }
}
