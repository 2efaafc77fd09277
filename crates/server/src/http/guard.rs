//! What stands around every request: its id, its place among those worked on, its rate, who asks, whether their role may
//! ask at all, a time, a net for panics, and the counters.

use crate::api::{self, Need};
use crate::app::App;
use crate::auth::{Resource, Via, authorize, session};
use crate::machine::read;
use crate::metrics::{Reason, RequestLabels};
use crate::problem::{Problem, Refused};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::FutureExt;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Longest time of a request; bulk work has [`BULK_TIME`].
pub const REQUEST_TIME: Duration = Duration::from_secs(10);
/// Longest time of bulk work.
pub const BULK_TIME: Duration = Duration::from_secs(120);
/// Callers whose rate is remembered; the idlest are forgotten.
pub const RATES_MAX: usize = 50_000;

/// The peer's address.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What the guard keeps.
pub struct Guard {
    places: Semaphore,
    reserved: Semaphore,
    rates: Mutex<HashMap<String, Bucket>>,
    logins: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

fn take(buckets: &Mutex<HashMap<String, Bucket>>, who: &str, a_second: f64, burst: f64) -> bool {
    let now = Instant::now();
    let mut buckets = buckets.lock().unwrap_or_else(PoisonError::into_inner);
    if buckets.len() >= RATES_MAX {
        // Full buckets say nothing.
        buckets.retain(|_, b| b.tokens + now.duration_since(b.at).as_secs_f64() * a_second < burst);
        if buckets.len() >= RATES_MAX {
            buckets.clear();
        }
    }
    let bucket = buckets.entry(who.to_owned()).or_insert(Bucket { tokens: burst, at: now });
    bucket.tokens = (bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * a_second).min(burst);
    bucket.at = now;
    if bucket.tokens < 1.0 {
        return false;
    }
    bucket.tokens -= 1.0;
    true
}

impl Guard {
    /// For these limits.
    #[must_use]
    pub fn new(limits: &crate::config::Limits) -> Self {
        Self {
            places: Semaphore::new(limits.requests_max),
            reserved: Semaphore::new(limits.requests_reserved),
            rates: Mutex::default(),
            logins: Mutex::default(),
        }
    }

    /// Whether another sign-in of this name or address may be tried.
    #[must_use]
    pub fn login(&self, who: &str, a_minute: f64) -> bool {
        take(&self.logins, who, a_minute / 60.0, a_minute)
    }
}

/// Refuses a request for which there is no place before anything of it is looked at but its line: a refusal must cost
/// next to nothing when there are many.
pub fn shed<B>(app: &App, request: &axum::http::Request<B>) -> Option<Response> {
    let path = request.uri().path();
    let has_room = app.guard.places.available_permits() > 0 || api::is_urgent(path);
    if has_room || matches!(api::need(request.method(), path), Some(Need::Probe)) || *app.draining.borrow() {
        return None;
    }
    let id = request_id(request.headers());
    let response = overload(app).into_response();
    count(app, request.method(), "shed", &response);
    Some(dressed(response, &id))
}

/// Counts an answer.
fn count(app: &App, method: &Method, path: &str, response: &Response) {
    if let Some(Refused(code)) = response.extensions().get::<Refused>() {
        app.metrics.refused.get_or_create(&Reason { reason: code.clone() }).inc();
    }
    let labels = RequestLabels {
        method: known_method(method).to_owned(),
        path: path.to_owned(),
        status: response.status().as_u16(),
    };
    app.metrics.requests.get_or_create(&labels).inc();
}

/// An answer with the headers that all have.
fn dressed(mut response: Response, id: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Guards one request.
pub async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched", |p| p.as_str()).to_owned();
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0);
    let mut response = match admit(&app, &mut request, &path, peer, &id) {
        Err(refusal) => *refusal,
        Ok(permit) => {
            let limit = if api::is_bulk(&path) { BULK_TIME } else { REQUEST_TIME };
            let work = AssertUnwindSafe(next.run(request)).catch_unwind();
            let response = match tokio::time::timeout(limit, work).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => {
                    app.metrics.panics.inc();
                    Problem::internal(&"a panic was caught").into_response()
                }
                Err(_) => Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "H614",
                    "the request took too long and was given up; what it asked for may still happen",
                )
                .retry(2)
                .into_response(),
            };
            drop(permit);
            response
        }
    };
    let status = response.status();
    if status == StatusCode::METHOD_NOT_ALLOWED && response.extensions().get::<Refused>().is_none() {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = Problem::new(status, "H606", "this method is not for this path").into_response();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    tracing::debug!(request = id, %method, path, status = response.status().as_u16(), seconds, "request");
    count(&app, &method, &path, &response);
    app.metrics.seconds.get_or_create(&Reason { reason: path }).observe(seconds);
    dressed(response, &id)
}

/// A method as a label: of those that nobody knows there may be any number.
fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}

fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-request-id")
        .and_then(|v| v.to_str().ok())
        .filter(|v| (1..=64).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .map_or_else(crate::auth::secret::random_id, str::to_owned)
}

type Permit<'a> = Option<tokio::sync::SemaphorePermit<'a>>;

fn admit<'a>(
    app: &'a Arc<App>,
    request: &mut Request,
    path: &str,
    peer: IpAddr,
    id: &str,
) -> Result<Permit<'a>, Box<Response>> {
    let refuse = |problem: Problem| Box::new(problem.into_response());
    let need = api::need(request.method(), path);
    if matches!(need, Some(Need::Probe)) {
        return Ok(None);
    }
    if *app.draining.borrow() {
        return Err(refuse(
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H613", "the daemon is ending").retry(5),
        ));
    }
    let permit = match app.guard.places.try_acquire() {
        Ok(permit) => permit,
        Err(_) if api::is_urgent(path) => {
            app.guard.reserved.try_acquire().map_err(|_| refuse(overload(app)))?
        }
        Err(_) => return Err(refuse(overload(app))),
    };
    let caller = session::caller(app, request.headers(), peer, id);
    let limits = &app.config.limits;
    let key = caller.as_ref().map_or_else(|| peer.to_string(), |c| c.who.clone());
    if !take(&app.guard.rates, &key, limits.rate_a_second, limits.rate_burst) {
        return Err(refuse(
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "H611", "too many requests; slow down").retry(1),
        ));
    }
    if let Some(caller) = &caller
        && matches!(caller.via, Via::Session(_))
        && !matches!(*request.method(), Method::GET | Method::HEAD)
        && foreign_origin(request)
    {
        return Err(refuse(Problem::forbidden("a page of another origin may not act for this session")));
    }
    match need {
        // What is not in the table of operations is not there.
        None | Some(Need::Open | Need::Probe) => {}
        Some(Need::Page) if caller.is_none() => {
            let to = request.uri().path_and_query().map_or("/day", |p| p.as_str());
            let target = format!("/login?to={}", crate::pages::encode(to));
            return Err(Box::new(Redirect::to(&target).into_response()));
        }
        Some(Need::Page) => {}
        Some(Need::May(action)) => {
            let Some(caller) = &caller else {
                return Err(refuse(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "H603",
                    "sign in, or send a key as Authorization: Bearer",
                )));
            };
            if caller.via == Via::FirstRun && path != "/api/v1/users" {
                return Err(refuse(Problem::forbidden(
                    "the first-run token makes the first administrator and nothing else",
                )));
            }
            authorize(&read(&app.world), caller, action, Resource::Any).map_err(refuse)?;
        }
    }
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(Some(permit))
}

/// Refuses for want of a place; vehicles' reports, which can wait a moment, give way meanwhile.
fn overload(app: &App) -> Problem {
    if let Some(gateway) = app.gateway.get() {
        gateway.give_way();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "H612", "too many requests are being worked on").retry(1)
}

fn foreign_origin(request: &Request) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN).and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let host = request.headers().get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("");
    origin.split_once("://").is_none_or(|(_, o)| o != host)
}
