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

#[cfg(test)]
mod tests {
    use ldap3::{LdapConnAsync, LdapConnSettings, Scope, StdStream};
    use tokio::net::UnixStream;
    use tokio::sync::mpsc;

    use super::{Ending, Sink, Source, run};
    use crate::domain::ber::{
        ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET, constructed, element, encode_integer,
    };

    /// A domain controller that sends what a test tells it to.
    struct Script(mpsc::UnboundedReceiver<Vec<u8>>);

    impl Source for Script {
        async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
            Ok(self.0.recv().await)
        }
    }

    /// And tells the test what it got.
    struct Heard(mpsc::UnboundedSender<Vec<u8>>);

    impl Sink for Heard {
        async fn send(&mut self, plaintext: &[u8]) -> std::io::Result<()> {
            self.0.send(plaintext.to_vec()).map_err(std::io::Error::other)
        }
    }

    struct Rig {
        ldap: ldap3::Ldap,
        say: mpsc::UnboundedSender<Vec<u8>>,
        heard: mpsc::UnboundedReceiver<Vec<u8>>,
        ending: Ending,
    }

    async fn rig() -> Rig {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(theirs.into_std().unwrap()));
        let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi://test").await.unwrap();
        tokio::spawn(driver.drive());
        let (say, script) = mpsc::unbounded_channel();
        let (tell, heard) = mpsc::unbounded_channel();
        let ending = Ending::default();
        tokio::spawn(run(Script(script), Heard(tell), ours, ending.clone()));
        Rig { ldap, say, heard, ending }
    }

    fn message(operation: &[u8]) -> Vec<u8> {
        constructed(SEQUENCE, &[&encode_integer(INTEGER, 1), operation])
    }

    fn entry(name: &str) -> Vec<u8> {
        let values = constructed(SET, &[&element(OCTET_STRING, &[0xff])]);
        let attribute = constructed(SEQUENCE, &[&element(OCTET_STRING, b"objectSid"), &values]);
        let dn = element(OCTET_STRING, name.as_bytes());
        message(&constructed(0x64, &[&dn, &element(SEQUENCE, &attribute)]))
    }

    fn done() -> Vec<u8> {
        let text = element(OCTET_STRING, b"");
        message(&constructed(0x65, &[&encode_integer(ENUMERATED, 0), &text, &text]))
    }

    #[tokio::test]
    async fn answers_reach_ldap3_whatever_pieces_they_come_in() {
        let mut rig = rig().await;
        let search =
            tokio::spawn(async move { rig.ldap.search("", Scope::Subtree, "(cn=*)", vec!["cn"]).await });
        assert!(!rig.heard.recv().await.unwrap().is_empty(), "the request");
        let all: Vec<u8> = (0..500).flat_map(|number| entry(&format!("CN={number}"))).chain(done()).collect();
        for piece in all.chunks(777) {
            rig.say.send(piece.to_vec()).unwrap();
        }
        let (entries, _) = search.await.unwrap().unwrap().success().unwrap();
        assert_eq!(entries.len(), 500);
    }

    #[tokio::test]
    async fn a_message_that_would_end_ldap3_ends_the_connection_with_a_reason() {
        let mut rig = rig().await;
        let search =
            tokio::spawn(async move { rig.ldap.search("", Scope::Subtree, "(cn=*)", vec!["cn"]).await });
        rig.heard.recv().await.unwrap();
        rig.say.send(message(&element(0x65, b""))).unwrap();
        assert!(search.await.unwrap().is_err(), "an error and no panic");
        assert_eq!(rig.ending.lock().as_deref(), Some("a malformed LDAP message"));
    }

    #[tokio::test]
    async fn a_domain_controller_that_closes_ends_what_waits() {
        let mut rig = rig().await;
        let search =
            tokio::spawn(async move { rig.ldap.search("", Scope::Subtree, "(cn=*)", vec!["cn"]).await });
        rig.heard.recv().await.unwrap();
        drop(rig.say);
        assert!(search.await.unwrap().is_err());
        assert_eq!(rig.ending.lock().as_deref(), Some("the connection was closed"));
    }
}
