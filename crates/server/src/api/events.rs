//! The live stream: server-sent events with `Last-Event-ID` as `county:seq`.

use crate::app::App;
use crate::ask::{Context, Query};
use crate::live::{PAGE, Told, shown_now, told};
use crate::office::Standing;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use utoipa::IntoParams;
use xiangyun_store::log;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// Only these kinds, separated by commas.
    #[param(max_length = 1000)]
    pub kinds: Option<String>,
    /// Last number seen, like the header `Last-Event-ID`; `0` for all that the log holds.
    #[param(max_length = 40)]
    pub after: Option<String>,
}

/// Follows what happens, from now on or from `Last-Event-ID`. `resync` means: too slow; come back with the last id.
#[utoipa::path(get, path = "/api/v1/events", tag = "stream", params(EventsQuery, ("Last-Event-ID" = Option<String>, Header, description = "`county:seq`")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
    context: Context,
) -> Result<Response, Problem> {
    let after = match headers.get("last-event-id").and_then(|v| v.to_str().ok()).or(query.after.as_deref()) {
        None => None,
        Some(text) => Some(last_id(&app, text)?),
    };
    if app.metrics.streams.get() >= app.config.limits.streams_max as i64 {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H612", "too many live streams").retry(10));
    }
    let kinds: Vec<String> = query
        .kinds
        .iter()
        .flat_map(|k| k.split(','))
        .map(|k| k.trim().to_owned())
        .filter(|k| !k.is_empty())
        .collect();
    let stream = follow(app, context.caller.standing, kinds, after);
    let mut response = axum::response::Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
        .into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn last_id(app: &App, text: &str) -> Result<i64, Problem> {
    let number = match text.split_once(':') {
        Some((county, seq)) if county == app.code => seq,
        Some(_) => "",
        None => text,
    };
    number.parse().ok().filter(|n| *n >= 0).ok_or_else(|| {
        super::query_fault("after", text, &format!("{}:SEQ, the id of the last event seen", app.code))
    })
}

/// Counts itself out when the client goes.
struct Counted(Arc<App>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

struct Follow {
    counted: Counted,
    standing: Standing,
    kinds: Vec<String>,
    queue: tokio::sync::broadcast::Receiver<Arc<Told>>,
    ready: VecDeque<Sse>,
    /// Last number given, while the log is still read for what came before.
    behind: Option<i64>,
    seq: i64,
    ended: bool,
}

impl Follow {
    fn offer(&mut self, told: &Told) {
        if !self.kinds.is_empty() && !self.kinds.contains(&told.kind) {
            return;
        }
        let app = &self.counted.0;
        let Some(data) = shown_now(app, &self.standing, told) else { return };
        let mut event = Sse::default().event(&told.kind).data(told.message(data));
        if told.seq > 0 {
            event = event.id(format!("{}:{}", app.code, told.seq));
        }
        self.ready.push_back(event);
    }

    async fn next(&mut self) -> Option<Sse> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            if let Some(at) = self.behind {
                let app = Arc::clone(&self.counted.0);
                match log::read(&app.store, &app.code, at, PAGE).await {
                    Ok(events) => {
                        for event in &events {
                            self.seq = event.seq;
                            self.offer(&told(event));
                        }
                        self.behind = if (events.len() as i64) < PAGE { None } else { Some(self.seq) };
                    }
                    Err(err) => {
                        tracing::warn!(%err, "a live stream could not read the log");
                        self.ended = true;
                    }
                }
                continue;
            }
            match self.queue.recv().await {
                Ok(told) if told.seq > 0 && told.seq <= self.seq => {}
                // A gap between the log read and the queue is read from the log.
                Ok(told) if told.seq > self.seq + 1 && self.seq > 0 => self.behind = Some(self.seq),
                Ok(told) => {
                    self.seq = self.seq.max(told.seq);
                    self.offer(&told);
                }
                Err(RecvError::Lagged(_)) => {
                    self.counted.0.metrics.streams_cut.inc();
                    self.ended = true;
                    let id = format!("{}:{}", self.counted.0.code, self.seq);
                    return Some(Sse::default().event("resync").id(id).data("{}"));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

fn follow(
    app: Arc<App>,
    standing: Standing,
    kinds: Vec<String>,
    after: Option<i64>,
) -> impl Stream<Item = Result<Sse, Infallible>> {
    app.metrics.streams.inc();
    // Listening begins before the log is read, so nothing falls between.
    let queue = app.live.listen();
    let draining = app.draining.subscribe();
    let state = Follow {
        counted: Counted(app),
        standing,
        kinds,
        queue,
        ready: VecDeque::new(),
        behind: after,
        seq: after.unwrap_or(0),
        ended: false,
    };
    futures_util::stream::unfold((state, draining), |(mut state, mut draining)| async move {
        let next = tokio::select! {
            next = state.next() => next,
            () = async { let _ = draining.wait_for(|d| *d).await; } => None,
        };
        next.map(|event| (Ok(event), (state, draining)))
    })
}
