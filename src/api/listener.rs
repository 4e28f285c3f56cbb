//! Accepts connections, within limits: TLS, then HTTP/1.1.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::authenticate::Connection;
use super::tls::Tls;
use super::{Api, routes};

/// Connections at a time.
const MAX_CONNECTIONS: usize = 256;
/// Connections at a time from one address.
const MAX_CONNECTIONS_PER_ADDRESS: u32 = 64;
/// How long TLS may take to agree.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long the headers of a request may take to come, and how long a connection may wait for its next request.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// How long a connection may last on which nobody has logged on by Negotiate or NTLM.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// How long any connection may last.
const LONGEST_CONNECTION: Duration = Duration::from_secs(3_600);
/// How long requests under way may take when the server stops.
const STOP_TIME: Duration = Duration::from_secs(5);
/// Largest headers of a request in bytes: a Kerberos ticket of a user in many groups is 64 KiB, in Base64 more.
const MAX_HEADER_BYTES: usize = 128 * 1024;
/// Most headers of a request.
const MAX_HEADERS: usize = 100;
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections each address has.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, u32>>);

/// One connection of an address; counts itself out when dropped.
struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock();
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Serves administrators on `listener` until `stop` becomes true.
pub async fn serve(api: Arc<Api>, tls: Arc<Tls>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let router = routes::router(&api);
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let addresses = Arc::new(Addresses::default());
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stopped| *stopped) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = admit(peer, &places, &addresses) else { continue };
                let (router, acceptor, stop) = (router.clone(), acceptor.clone(), stop.clone());
                tokio::spawn(async move {
                    let _place = place;
                    connection(router, acceptor, stream, peer, stop).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an administrator's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    // All places are free once all connections have ended.
    let _ = tokio::time::timeout(STOP_TIME, places.acquire_many(all)).await;
}

fn admit(peer: SocketAddr, places: &Arc<Semaphore>, addresses: &Arc<Addresses>) -> Option<Place> {
    let address = peer.ip().to_canonical();
    let Ok(permit) = Arc::clone(places).try_acquire_owned() else {
        tracing::warn!(ip = %address, "an administrator's connection was refused: there are {MAX_CONNECTIONS}");
        return None;
    };
    let mut counts = addresses.0.lock();
    let count = counts.entry(address).or_insert(0);
    if *count >= MAX_CONNECTIONS_PER_ADDRESS {
        tracing::warn!(ip = %address, "an administrator's connection was refused: this address has {count}");
        return None;
    }
    *count += 1;
    drop(counts);
    Some(Place { addresses: Arc::clone(addresses), address, _permit: permit })
}

async fn connection(
    router: Router,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "a connection does not begin with TLS");
            return;
        }
        Err(_) => {
            tracing::debug!(%peer, "TLS was not agreed on in time");
            return;
        }
    };
    let known = Connection::new(peer);
    let of_requests = Arc::clone(&known);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&of_requests));
        router.clone().oneshot(request)
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let began = tokio::time::Instant::now();
    let mut deadline = began + CONNECTION_TIME;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "an administrator's connection ended early");
                }
                return;
            }
            () = tokio::time::sleep_until(deadline) => {
                if !known.has_logon() || deadline >= began + LONGEST_CONNECTION {
                    return;
                }
                deadline += CONNECTION_TIME;
            }
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
    }
    serving.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(STOP_TIME, serving).await;
}
