//! Sockets of HTTP: an accept loop of our own with bounds before anything is read, TLS if asked for, and a guard around
//! every request.

pub mod guard;
mod stream;

use crate::app::App;
use crate::metrics::Reason;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use futures_util::future::{Either, ready};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tower::ServiceExt;

/// Longest time for the head of a request, and for a TLS handshake.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long is cut.
pub const WRITE_TIME: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Headers of a request.
pub const HEADERS_MAX: usize = 100;
/// How long requests under way may take when the daemon ends.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Reads certificate and key.
///
/// # Errors
/// A file that cannot be read or holds none.
pub fn tls(cert: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let bad =
        |path: &Path, err: &dyn std::fmt::Display| io::Error::other(format!("{}: {err}", path.display()));
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(cert, &e))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|e| bad(cert, &e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connections by address.
#[derive(Default)]
struct Doorkeeper {
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Doorkeeper {
    fn enter(&self, from: IpAddr, all_max: usize, each_max: usize) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(from).or_default();
        if all >= all_max || (*own >= each_max && !from.is_loopback()) {
            return false;
        }
        *own += 1;
        true
    }

    fn leave(&self, from: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&from) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&from);
            }
        }
    }
}

/// Serves until the daemon drains, then finishes what is under way.
pub async fn serve(app: Arc<App>, listener: TcpListener, router: Router, acceptor: Option<TlsAcceptor>) {
    let doorkeeper = Arc::new(Doorkeeper::default());
    let mut draining = app.draining.subscribe();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else {
                    // Out of descriptors: wait for one to come free.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                };
                let limits = &app.config.limits;
                if !doorkeeper.enter(peer.ip(), limits.connections_max, limits.connections_an_address_max) {
                    app.metrics.connections_cut.get_or_create(&Reason { reason: "too_many".into() }).inc();
                    continue;
                }
                app.metrics.connections.inc();
                let (app, router, acceptor, doorkeeper) =
                    (Arc::clone(&app), router.clone(), acceptor.clone(), Arc::clone(&doorkeeper));
                tasks.spawn(async move {
                    connection(&app, stream, peer, router, acceptor).await;
                    doorkeeper.leave(peer.ip());
                    app.metrics.connections.dec();
                });
            }
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            () = drained(&mut draining) => break,
        }
    }
    drop(listener);
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
    tasks.abort_all();
}

/// Completes when the daemon drains.
pub async fn drained(receiver: &mut watch::Receiver<bool>) {
    // An error is an app that is gone: the same wish.
    let _ = receiver.wait_for(|d| *d).await;
}

async fn connection(
    app: &Arc<App>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    acceptor: Option<TlsAcceptor>,
) {
    let _ = stream.set_nodelay(true);
    let stream = stream::Impatient::new(stream, WRITE_TIME);
    match acceptor {
        None => http1(app, TokioIo::new(stream), peer, router).await,
        Some(acceptor) => match tokio::time::timeout(HEAD_TIME, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => http1(app, TokioIo::new(stream), peer, router).await,
            _ => {
                app.metrics.connections_cut.get_or_create(&Reason { reason: "tls".into() }).inc();
            }
        },
    }
}

async fn http1<S>(app: &Arc<App>, io: TokioIo<S>, peer: SocketAddr, router: Router)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|mut request: Request<Incoming>| match guard::shed(app, &request) {
        Some(refusal) => Either::Left(ready(Ok(refusal))),
        None => {
            request.extensions_mut().insert(guard::Peer(peer.ip()));
            Either::Right(router.clone().oneshot(request.map(Body::new)))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .keep_alive(true);
    let mut served = std::pin::pin!(builder.serve_connection(io, service));
    let mut draining = app.draining.subscribe();
    tokio::select! {
        ended = served.as_mut() => {
            if let Err(err) = ended {
                let reason = if err.is_timeout() { "timeout" } else { "broken" };
                app.metrics.connections_cut.get_or_create(&Reason { reason: reason.into() }).inc();
            }
            return;
        }
        () = drained(&mut draining) => {}
    }
    served.as_mut().graceful_shutdown();
    // How a client ends its connection now is its own affair.
    let _ = served.await;
}
