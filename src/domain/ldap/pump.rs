//! Between a domain controller's protected stream and ldap3, which gets one end of a pair of local sockets: plaintext goes over it in
//! both directions, and every message of the domain controller is checked on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::message::Messages;

/// Plaintext that is sealed in one piece.
const CHUNK_BYTES: usize = 64 * 1024;
/// Octets that a domain controller may send after the last request: ldap3 keeps what is not fetched yet.
const UNASKED_LIMIT: usize = 256 * 1024 * 1024;

/// Where plaintext of the domain controller comes from.
pub(super) trait Source: Send + 'static {
    /// The next piece; `None` when the domain controller has closed the connection.
    fn next(&mut self) -> impl Future<Output = std::io::Result<Option<Vec<u8>>>> + Send;
}

/// Where plaintext for the domain controller goes.
pub(super) trait Sink: Send + 'static {
    /// Sends a piece.
    fn send(&mut self, plaintext: &[u8]) -> impl Future<Output = std::io::Result<()>> + Send;
}

/// Why a pump ended, for the errors of those who wait for answers.
pub(super) type Ending = Arc<Mutex<Option<String>>>;

/// Pumps until one side closes or sends what is not right; then closes both.
pub(super) async fn run(mut source: impl Source, mut sink: impl Sink, local: UnixStream, ending: Ending) {
    let (mut from_ldap3, mut to_ldap3) = local.into_split();
    let unasked = AtomicUsize::new(0);
    let ended = tokio::select! {
        ended = inbound(&mut source, &mut to_ldap3, &unasked) => ended,
        ended = outbound(&mut from_ldap3, &mut sink, &unasked) => ended,
    };
    let reason = match ended {
        Ok(()) => "the connection was closed".to_owned(),
        Err(error) => error.to_string(),
    };
    ending.lock().get_or_insert(reason);
}

async fn inbound(
    source: &mut impl Source,
    local: &mut OwnedWriteHalf,
    unasked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut messages = Messages::default();
    while let Some(plaintext) = source.next().await? {
        if unasked.fetch_add(plaintext.len(), Ordering::Relaxed) > UNASKED_LIMIT {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "more than was asked for"));
        }
        messages.push(&plaintext);
        let checked = messages
            .take()
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "a malformed LDAP message"))?;
        local.write_all(checked).await?;
    }
    Ok(())
}

async fn outbound(
    local: &mut OwnedReadHalf,
    sink: &mut impl Sink,
    unasked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let received = local.read(&mut buffer).await?;
        let plaintext = buffer.get(..received).unwrap_or_default();
        if plaintext.is_empty() {
            return Ok(());
        }
        unasked.store(0, Ordering::Relaxed);
        sink.send(plaintext).await?;
        // Passwords go this way.
        zeroize::Zeroize::zeroize(buffer.get_mut(..received).unwrap_or_default());
    }
}
