//! The live stream: one task reads what was committed and hands it to every client's queue. A client that does not read
//! loses its place, is told `resync` and cut; it comes back with `Last-Event-ID` and reads the gap from the log.

use crate::app::App;
use crate::auth::{Action, sees};
use crate::machine::{Read, World, read, read_event};
use crate::metrics::Reason;
use crate::office::{Role, Standing};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use xiangyun_store::event::Event;
use xiangyun_store::log;

/// Events that wait for one client.
pub const QUEUE_MAX: usize = 256;
/// Events read from the log at once.
pub const PAGE: i64 = 500;

/// Something to tell clients.
#[derive(Debug)]
pub struct Told {
    /// Its number in the log; 0 for what is not in it (positions, progress).
    pub seq: i64,
    /// Kind.
    pub kind: String,
    /// What it belongs to.
    pub stream: String,
    /// As JSON.
    pub data: Value,
    /// The whole message as text, made once for all clients that may see all of it.
    text: OnceLock<String>,
}

impl Told {
    /// Something to tell.
    #[must_use]
    pub fn new(seq: i64, kind: impl Into<String>, stream: impl Into<String>, data: Value) -> Self {
        Self { seq, kind: kind.into(), stream: stream.into(), data, text: OnceLock::new() }
    }

    /// The message with what a client may see of the data.
    #[must_use]
    pub fn message(&self, shown: Cow<'_, Value>) -> Cow<'_, str> {
        let text = |data: &Value| {
            serde_json::json!({ "seq": self.seq, "kind": self.kind, "stream": self.stream, "data": data })
                .to_string()
        };
        match shown {
            Cow::Borrowed(_) => Cow::Borrowed(self.text.get_or_init(|| text(&self.data))),
            Cow::Owned(part) => Cow::Owned(text(&part)),
        }
    }
}

/// The fan-out.
pub struct Live {
    sender: broadcast::Sender<Arc<Told>>,
}

impl Live {
    /// Nobody listening.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: broadcast::channel(QUEUE_MAX).0 }
    }

    /// Tells everybody; nobody listening is fine.
    pub fn tell(&self, told: Told) {
        let _ = self.sender.send(Arc::new(told));
    }

    /// Whether anybody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.sender.receiver_count() > 0
    }

    /// A new client's queue.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Told>> {
        self.sender.subscribe()
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

/// An event of the log as clients see it.
#[must_use]
pub fn told(event: &Event) -> Told {
    let mut data: Value = match read_event(event) {
        Read::Office(fact) => serde_json::to_value(&fact)
            .ok()
            .and_then(|v| v.as_object().and_then(|o| o.values().next().cloned()))
            .unwrap_or(Value::Null),
        _ => rmp_serde::from_slice(&event.body).unwrap_or(Value::Null),
    };
    if let Value::Object(map) = &mut data {
        // A number that stands for a person is nobody's business outside.
        map.remove("person");
        map.remove("code_hash");
    }
    Told::new(event.seq, event.kind.clone(), event.stream.clone(), data)
}

/// Hands out what is committed until the daemon ends.
pub async fn pump(app: Arc<App>) {
    let Some(writer) = app.writer() else { return };
    let mut news = writer.news();
    let mut at = *writer.committed().borrow();
    drop(writer);
    loop {
        match news.recv().await {
            Ok(batch) => {
                let follows = batch.first().is_none_or(|first| first.seq <= at + 1);
                if !follows {
                    at = catch_up(&app, at, batch[0].seq - 1).await;
                }
                at = hand_out(&app, at, &batch);
            }
            // What was missed is in the log before what comes next.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Hands out events after `at`; where that leads.
fn hand_out(app: &App, at: i64, events: &[Event]) -> i64 {
    for event in events.iter().filter(|event| event.seq > at) {
        app.metrics.events.get_or_create(&Reason { reason: event.kind.clone() }).inc();
        if app.live.is_heard() {
            app.live.tell(told(event));
        }
    }
    let at = events.last().map_or(at, |event| event.seq.max(at));
    app.metrics.seq.set(at);
    at
}

/// Hands out what the log has after `at` up to `to`; where that leads.
async fn catch_up(app: &App, mut at: i64, to: i64) -> i64 {
    while at < to {
        match log::read(&app.store, &app.code, at, PAGE).await {
            Ok(events) if events.is_empty() => {
                tracing::warn!(at, to, "the log has nothing where the live stream should go on");
                break;
            }
            Ok(events) => at = hand_out(app, at, &events),
            Err(err) => {
                tracing::warn!(%err, "the live stream could not read the log");
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        }
    }
    at
}

/// What a client may see of an event: all of it, a part, or nothing.
#[must_use]
pub fn shown<'a>(world: &World, s: &Standing, told: &'a Told) -> Option<Cow<'a, Value>> {
    let central =
        matches!(s.role, Role::Admin | Role::Planner | Role::Dispatcher | Role::Auditor | Role::Regulator);
    let (family, id) = told.stream.split_once('/').unwrap_or((told.stream.as_str(), ""));
    let may = |action: Action| action.allows(s.role);
    let whole = || Some(Cow::Borrowed(&told.data));
    match family {
        "order" => {
            let order = world.day.orders.get(id)?;
            if sees(world, s, id, order) { whole() } else { None }
        }
        "claim" => {
            let order = told.data.get("order").and_then(Value::as_str);
            let seen = order
                .and_then(|id| world.day.orders.get(id).map(|o| sees(world, s, id, o)))
                .unwrap_or(central);
            if seen && may(Action::ReadClaims) { whole() } else { None }
        }
        "audit" | "user" | "key" | "token" | "webhook" | "person" | "optout" => {
            if may(Action::ReadAudit) {
                whole()
            } else {
                None
            }
        }
        "notice" => {
            if may(Action::ReadNotices) {
                whole()
            } else {
                None
            }
        }
        "message" => {
            let vehicle = told.data.get("vehicle").and_then(Value::as_str);
            let own = s.role != Role::Driver || vehicle == s.vehicle.as_deref();
            if may(Action::ReadMessages) && own { whole() } else { None }
        }
        "cash" => {
            let own = match s.role {
                Role::Station | Role::Keeper => Some(format!("site:{}", s.site.as_deref()?)),
                Role::Driver => Some(format!("vehicle:{}", s.vehicle.as_deref()?)),
                _ => None,
            };
            let seen = own.is_none_or(|o| o == id);
            if may(Action::ReadCash) && seen { whole() } else { None }
        }
        "handover" => {
            if central {
                return whole();
            }
            if may(Action::ReadHandovers) { Some(Cow::Owned(without_orders(&told.data))) } else { None }
        }
        "exception" if !may(Action::ReadExceptions) => None,
        "run" if !may(Action::ReadPlans) => None,
        _ if central => whole(),
        _ => Some(Cow::Owned(without_orders(&told.data))),
    }
}

/// The same without the waybills in it, which may be other carriers'.
#[must_use]
pub fn without_orders(value: &Value) -> Value {
    const LISTS: [&str; 9] =
        ["orders", "load", "unload", "expected", "actual", "moved", "missing", "extra", "evidence"];
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(k, _)| !LISTS.contains(&k.as_str()))
                .map(|(k, v)| (k.clone(), without_orders(v)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(without_orders).collect()),
        other => other.clone(),
    }
}

/// What a standing may see now, of the shared state.
#[must_use]
pub fn shown_now<'a>(app: &App, s: &Standing, told: &'a Told) -> Option<Cow<'a, Value>> {
    shown(&read(&app.world), s, told)
}
