//! `GET /metrics` over plain HTTP, for Prometheus and its kin: what is told is no secret of a user's files, and it is told to the loopback
//! interface unless the configuration says otherwise.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::{Shared, listener};
use crate::metrics::openmetrics;

/// Connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 16;
/// A request's head must have come within this time, and one connection may not stay for longer than the second.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
const CONNECTION_LIMIT: Duration = Duration::from_secs(600);
/// Bytes of a request that are kept.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the socket.
///
/// # Errors
/// When the address is taken or may not be used.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listener::bind(address, "metrics.listen")
}

/// Serves until the server stops.
pub(super) async fn serve(shared: Arc<Shared>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let router = Router::new().route("/metrics", get(metrics)).with_state(shared);
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            _ = stop.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, mut stop) = (router.clone(), stop.clone());
                tokio::spawn(async move {
                    let _place = place;
                    tokio::select! {
                        _ = stop.changed() => {}
                        () = exchange(stream, router) => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn exchange(stream: TcpStream, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(MAX_HEAD_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_LIMIT, connection).await {
        tracing::debug!(%error, "a connection for metrics ended early");
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    // It locks sessions and files in turn and asks volumes: not on a thread that serves clients.
    let text = tokio::task::spawn_blocking(move || openmetrics::text_of(shared.picture())).await;
    match text {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, openmetrics::CONTENT_TYPE)], text).into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
