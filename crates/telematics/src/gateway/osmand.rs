//! Phone apps by HTTP: the OsmAnd protocol as Traccar Client speaks it, in both its forms. 200 only when durable, for
//! the app sends again, in order, until it gets one.

use super::hub::{Hub, drained};
use super::limits;
use crate::fault::Fault;
use crate::limits::APP_BODY_MAX_BYTES;
use crate::position::Position;
use crate::session::Reported;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Serves until the gateway drains.
pub(super) async fn serve(hub: Arc<Hub>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(limits::APP_CONNECTIONS_MAX));
    let mut draining = hub.draining.subscribe();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
                    hub.count_app(503);
                    continue;
                };
                let hub = Arc::clone(&hub);
                connections.spawn(async move {
                    connection(hub, stream).await;
                    drop(permit);
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = drained(&mut draining) => break,
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(limits::DRAIN, all).await;
}

async fn connection(hub: Arc<Hub>, stream: TcpStream) {
    let service = service_fn(|request| {
        let hub = Arc::clone(&hub);
        async move { Ok::<_, Infallible>(answer(&hub, request).await) }
    });
    let mut served = std::pin::pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::APP_HEAD)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), service)
    );
    let mut draining = hub.draining.subscribe();
    tokio::select! {
        // How a client ends its connection is its own affair.
        _ = served.as_mut() => return,
        () = drained(&mut draining) => {}
    }
    served.as_mut().graceful_shutdown();
    let _ = served.await;
}

async fn answer(hub: &Hub, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, text) = match tokio::time::timeout(limits::APP_REQUEST, take(hub, request)).await {
        Ok(outcome) => outcome,
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "too slow".to_owned()),
    };
    hub.count_app(status.as_u16());
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

async fn take(hub: &Hub, request: Request<Incoming>) -> (StatusCode, String) {
    let received_ms = hub.now().business_ms;
    let json;
    let parsed: Result<Position, Fault> = match *request.method() {
        Method::GET | Method::HEAD => {
            json = false;
            crate::osmand::from_query(request.uri().query().unwrap_or(""), received_ms)
        }
        Method::POST => {
            let query = request.uri().query().unwrap_or("").to_owned();
            let Ok(body) = Limited::new(request.into_body(), APP_BODY_MAX_BYTES).collect().await else {
                return (StatusCode::PAYLOAD_TOO_LARGE, format!("at most {APP_BODY_MAX_BYTES} bytes"));
            };
            let body = body.to_bytes();
            let text = String::from_utf8_lossy(&body);
            json = text.trim_start().starts_with('{');
            if text.trim().is_empty() {
                crate::osmand::from_query(&query, received_ms)
            } else {
                crate::osmand::from_body(&text, received_ms)
            }
        }
        _ => return (StatusCode::METHOD_NOT_ALLOWED, "GET or POST".to_owned()),
    };
    let position = match parsed {
        Ok(position) => position,
        Err(fault) => return (StatusCode::BAD_REQUEST, format!("{} {fault}", fault.code())),
    };
    match hub.report(std::slice::from_ref(&position)).await {
        Ok(outcomes) if outcomes.first() == Some(&Reported::TurnedAway) => {
            // As the apps expect it: 404 in the JSON form, 400 in the other.
            let status = if json { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
            (status, "the device is not known".to_owned())
        }
        Ok(_) => (StatusCode::OK, String::new()),
        Err(refused) => (StatusCode::SERVICE_UNAVAILABLE, refused.to_string()),
    }
}
