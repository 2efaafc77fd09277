//! The thread that thinks: repairs, closed roads, distances from the planned way, temperature runs, visits revised by late
//! positions. It works on copies of the day and sends commands to the writer like everybody else; no request and no
//! acknowledgement ever waits for its searches, except a request that asks for a repair to be made anew.

pub mod cold;
pub mod late;
pub mod off_way;
pub mod repair;
pub mod roads;

use crate::app::App;
use crate::problem::Problem;
use axum::http::StatusCode;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use xiangyun_dispatch::command::Command as DayCommand;
use xiangyun_planning::repair::Running;

/// Longest pause between two looks.
pub const LOOK: Duration = Duration::from_millis(100);
/// Business time between two looks at vehicles.
pub const WATCH_MS: i64 = 15_000;
/// Wall time between two looks at vehicles, however fast the business clock runs.
pub const WATCH_PAUSE: Duration = Duration::from_millis(250);
/// Requests for a repair made anew that may wait.
pub const ASKS_MAX: usize = 64;
/// Longest wait for a repair made anew.
pub const ASK_TIME: Duration = Duration::from_secs(10);
/// Longest wait of a stepped clock for a look at everything: shorter than the time of its request.
pub const LOOK_TIME: Duration = Duration::from_secs(100);
/// Temperatures that may wait; the oldest go first, and are counted.
pub const READINGS_MAX: usize = 50_000;
/// Exceptions whose want of a repair is explained.
pub const REASONS_MAX: usize = 2_000;

/// What others ask of the thread.
pub enum Ask {
    /// A repair made anew.
    Repair {
        /// The exception.
        exception: String,
        /// The offer's number.
        answer: oneshot::Sender<Result<String, Problem>>,
    },
    /// A copy of a plan as it runs; none when the day follows another.
    Copy {
        /// The plan.
        plan: String,
        /// The copy.
        answer: oneshot::Sender<Option<Running>>,
    },
    /// A look at everything, for a stepped clock that was moved.
    Look {
        /// Told when it is over.
        answer: oneshot::Sender<()>,
    },
}

/// What others put on the thread's desk, and what they find there.
#[derive(Default)]
pub struct Desk {
    asks: Mutex<VecDeque<Ask>>,
    wake: Condvar,
    readings: Mutex<VecDeque<cold::Reading>>,
    late: Mutex<HashMap<String, late::Span>>,
    off_way: Mutex<HashMap<String, i64>>,
    reasons: Mutex<BTreeMap<String, String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Asks for a repair of an exception on the day as it is now; gives the number of the offer once it is stored.
    ///
    /// # Errors
    /// Why there is none; `H631` when too many wait.
    pub async fn ask(&self, exception: &str) -> Result<String, Problem> {
        let (answer, got) = oneshot::channel();
        self.put(Ask::Repair { exception: exception.to_owned(), answer })?;
        match tokio::time::timeout(ASK_TIME, got).await {
            Ok(Ok(outcome)) => outcome,
            _ => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H613", "no repair in time").retry(2)),
        }
    }

    /// A copy of a plan as it runs; none when the day follows another plan.
    ///
    /// # Errors
    /// `H631` when too many wait.
    pub async fn copy(&self, plan: &str) -> Result<Option<Running>, Problem> {
        let (answer, got) = oneshot::channel();
        self.put(Ask::Copy { plan: plan.to_owned(), answer })?;
        Ok(tokio::time::timeout(ASK_TIME, got).await.ok().and_then(Result::ok).flatten())
    }

    /// Has the thread look at everything and waits for it. A stepped clock moves on only then, and the thread does nothing
    /// by itself in between: the same steps are the same day.
    pub async fn look(&self) {
        let (answer, got) = oneshot::channel();
        if self.put(Ask::Look { answer }).is_err() || tokio::time::timeout(LOOK_TIME, got).await.is_err() {
            tracing::warn!("the thinking thread is behind the clock");
        }
    }

    fn put(&self, ask: Ask) -> Result<(), Problem> {
        {
            let mut asks = lock(&self.asks);
            if asks.len() >= ASKS_MAX {
                return Err(Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "H631",
                    format!("{ASKS_MAX} requests wait"),
                )
                .retry(1));
            }
            asks.push_back(ask);
        }
        self.wake.notify_one();
        Ok(())
    }

    /// Takes a temperature in; gives whether one had to go for it.
    pub fn reading(&self, reading: cold::Reading) -> bool {
        let mut readings = lock(&self.readings);
        let full = readings.len() >= READINGS_MAX;
        if full {
            readings.pop_front();
        }
        readings.push_back(reading);
        full
    }

    /// A vehicle's positions of this time came after later ones.
    pub fn came_late(&self, vehicle: &str, at_ms: i64) {
        let mut late = lock(&self.late);
        if let Some(span) = late.get_mut(vehicle) {
            span.widen(at_ms);
        } else if late.len() < late::VEHICLES_MAX {
            late.insert(vehicle.to_owned(), late::Span::new(at_ms));
        }
    }

    /// Metres of a vehicle from its planned way, where that is known.
    #[must_use]
    pub fn off_way_m(&self, vehicle: &str) -> Option<i64> {
        lock(&self.off_way).get(vehicle).copied()
    }

    /// Why an exception has no repair, where that is known.
    #[must_use]
    pub fn reason(&self, exception: &str) -> Option<String> {
        lock(&self.reasons).get(exception).cloned()
    }

    fn explain(&self, exception: &str, reason: Option<String>) {
        let mut reasons = lock(&self.reasons);
        match reason {
            Some(reason) => {
                if reasons.len() >= REASONS_MAX {
                    reasons.pop_first();
                }
                reasons.insert(exception.to_owned(), reason);
            }
            None => {
                reasons.remove(exception);
            }
        }
    }

    fn wait(&self) -> Vec<Ask> {
        let mut asks = lock(&self.asks);
        if asks.is_empty() {
            asks = self.wake.wait_timeout(asks, LOOK).map_or_else(|e| e.into_inner().0, |(guard, _)| guard);
        }
        asks.drain(..).collect()
    }
}

/// The way from the thread to the writer.
pub struct Hand<'a> {
    app: &'a Arc<App>,
    handle: &'a Handle,
}

impl Hand<'_> {
    /// Sends a command and waits until it is durable.
    ///
    /// # Errors
    /// The refusal.
    pub fn send(&self, command: DayCommand) -> Result<(), Problem> {
        let command = crate::machine::Command::day(vec![command]);
        self.handle.block_on(self.app.send(command)).map(|_| ())
    }
}

/// Works until the daemon ends or is gone; on a thread of its own.
pub fn run(daemon: &Weak<App>, handle: &Handle) {
    let mut repairer = repair::Repairer::default();
    let mut ways = off_way::Ways::default();
    let mut probes = cold::Probes::default();
    let (mut watched_ms, mut watched) = (i64::MIN, Instant::now());
    while let Some(app) = daemon.upgrade().filter(|app| !*app.draining.borrow()) {
        let app = &app;
        let hand = Hand { app, handle };
        let (looks, asks): (Vec<Ask>, Vec<Ask>) =
            app.worker.wait().into_iter().partition(|ask| matches!(ask, Ask::Look { .. }));
        let stepped = app.clock.is_stepped();
        if stepped && looks.is_empty() && asks.is_empty() {
            continue;
        }
        let round = catch_unwind(AssertUnwindSafe(|| {
            repairer.round(&hand, asks);
            let now_ms = app.clock.now_ms();
            if now_ms >= watched_ms.saturating_add(WATCH_MS) && (stepped || watched.elapsed() >= WATCH_PAUSE)
            {
                (watched_ms, watched) = (now_ms, Instant::now());
                let seen = ways.look(app, now_ms);
                *lock(&app.worker.off_way) = seen;
                let readings: Vec<cold::Reading> = lock(&app.worker.readings).drain(..).collect();
                probes.look(&hand, readings, now_ms);
                late::look(&hand, now_ms);
            }
        }));
        for look in looks {
            if let Ask::Look { answer } = look {
                // Whoever asked may have gone.
                let _ = answer.send(());
            }
        }
        if round.is_err() {
            tracing::error!("a round of the thinking thread broke off; it begins anew");
            repairer = repair::Repairer::default();
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
