//! Accepts connections, within the limits of the configuration.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::Shared;
use super::transport;

/// Connections the kernel may hold that were not accepted yet.
const BACKLOG: i32 = 1024;
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections each address has: all of them, or those without a logon.
#[derive(Debug, Default)]
pub struct Addresses(Mutex<HashMap<IpAddr, u32>>);

/// One connection of an address; counts itself out when dropped.
pub struct Counted(Arc<Addresses>, IpAddr);

impl Addresses {
    fn enter(self: &Arc<Self>, address: IpAddr, limit: u32) -> Option<Counted> {
        let mut counts = self.0.lock();
        let count = counts.entry(address).or_insert(0);
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Counted(Arc::clone(self), address))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.0.0.lock();
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// One connection among those that are waited for when the server stops, also when serving it has panicked.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn one_of(all: &Arc<AtomicUsize>) -> Open {
        all.fetch_add(1, Ordering::AcqRel);
        Open(Arc::clone(all))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Opens a listening socket; `setting` is where its address comes from.
///
/// # Errors
/// When the address is taken or may not be used, with what to do about it.
pub fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let open = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // One socket for both families where the address is the unspecified one.
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    open().with_context(|| {
        format!(
            "cannot listen on {address}; choose another address in `{setting}`, stop what uses it, or for a port below \
             1024 grant CAP_NET_BIND_SERVICE"
        )
    })
}

/// Accepts until the server stops, then waits for the connections it accepted.
pub async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    addresses: (Arc<Addresses>, Arc<Addresses>),
    connections: Arc<Semaphore>,
    mut shutdown: watch::Receiver<bool>,
) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shutdown.changed() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(&shared, stream, peer, &addresses, &connections, &shutdown, &open),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while open.load(Ordering::Acquire) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn admit(
    shared: &Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    (addresses, half_open): &(Arc<Addresses>, Arc<Addresses>),
    connections: &Arc<Semaphore>,
    shutdown: &watch::Receiver<bool>,
    open: &Arc<AtomicUsize>,
) {
    let ip = peer.ip().to_canonical();
    let Ok(permit) = Arc::clone(connections).try_acquire_owned() else {
        tracing::warn!(%ip, "refused: as many connections as limits.connections allows");
        return;
    };
    let Some(counted) = addresses.enter(ip, shared.limits.connections_per_address) else {
        tracing::warn!(%ip, "refused: as many connections as limits.connections_per_address allows");
        return;
    };
    let Some(half_open) = half_open.enter(ip, shared.limits.half_open_logons_per_address) else {
        tracing::warn!(%ip, "refused: as many logons under way as limits.half_open_logons_per_address allows");
        return;
    };
    let (shared, shutdown, open) = (Arc::clone(shared), shutdown.clone(), Open::one_of(open));
    tokio::spawn(async move {
        let _open = open;
        let end = transport::serve(shared, stream, half_open, shutdown).await;
        tracing::debug!(%ip, reason = %end, "connection ended");
        drop((permit, counted));
    });
}
