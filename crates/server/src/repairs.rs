//! Repairs: exceptions that a worker can mend are looked at one by one, off the request path, and offered.

use crate::app::App;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Exceptions that wait for a repair.
pub const WAITING_MAX: usize = 256;

/// The queue of the repair worker.
#[derive(Default)]
pub struct Repairs {
    waiting: Mutex<VecDeque<String>>,
    wake: tokio::sync::Notify,
}

impl Repairs {
    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a repair of an exception; a full queue forgets the oldest.
    pub fn ask(&self, exception: &str) {
        let mut waiting = self.lock();
        if !waiting.iter().any(|e| e == exception) {
            waiting.push_back(exception.to_owned());
            while waiting.len() > WAITING_MAX {
                waiting.pop_front();
            }
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Asks for repairs of what is new in the queue.
    pub fn look(&self, app: &Arc<App>) {
        let _ = app;
    }
}
