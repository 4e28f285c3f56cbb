//! The logon that makes a connection sealed: RFC 4511 4.2 with the SASL mechanism GSS-SPNEGO ([MS-ADTS] 5.1.1.1.2), and the frames
//! that everything after it travels in (RFC 4422 3.7).

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::LdapError;
use super::error::{ResultCode, shown, win32_of};
use super::pump::{Sink, Source};
use crate::auth::spnego::{Mechanism, NegState, NegTokenResp, encode_init};
use crate::domain::ber::{
    BerError, ENUMERATED, Header, INTEGER, OCTET_STRING, Reader, SEQUENCE, constructed, element,
    encode_integer, header, integer,
};
use crate::domain::kdc::{Context, Initiator, Seal, Unseal};

/// Largest sealed buffer that is taken: what Active Directory and Samba send at most.
const BUFFER_LIMIT: usize = 16 * 1024 * 1024;
/// Largest answer to a bind.
const BIND_ANSWER_LIMIT: usize = 256 * 1024;
/// How long the answer to a bind may take.
const BIND_LIMIT: Duration = Duration::from_secs(2);
/// The messageID of the bind; ldap3 begins with 1 as well, but on a connection that the bind has left.
const MESSAGE_ID: i32 = 1;

const MECHANISM: &[u8] = b"GSS-SPNEGO";
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const AUTHENTICATION_SASL: u8 = 0xa3;
const SERVER_SASL_CREDENTIALS: u8 = 0x87;

/// Logs on. Afterwards both sides seal everything.
///
/// # Errors
/// [`LdapError`]; nothing was sent in clear but the tokens.
pub(super) async fn bind(
    stream: &mut TcpStream,
    host: &str,
    account: &str,
    initiator: Initiator,
    first_token: &[u8],
) -> Result<Context, LdapError> {
    let unreachable = |reason: String| LdapError::Unreachable { host: host.to_owned(), reason };
    let protocol = |reason: &str| LdapError::Protocol { host: host.to_owned(), reason: reason.to_owned() };
    // One mechanism, so that there is no choice that somebody on the way could change (RFC 4178 5).
    let token = encode_init(&[Mechanism::Kerberos], Some(first_token));
    let exchange = async {
        stream.write_all(&request(&token)).await?;
        read_message(stream).await
    };
    let answer = match tokio::time::timeout(BIND_LIMIT, exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(_) => return Err(unreachable("no answer to the logon".to_owned())),
    };
    let response = Response::decode(&answer).map_err(|_| protocol("a malformed bind response"))?;
    if response.code != ResultCode::SUCCESS {
        return Err(LdapError::Bind {
            host: host.to_owned(),
            account: account.to_owned(),
            code: response.code,
            win32: win32_of(&response.message),
            message: shown(&response.message),
        });
    }
    let token = response.credentials.ok_or_else(|| protocol("no token in the bind response"))?;
    let token = NegTokenResp::decode(token).map_err(|_| protocol("a malformed SPNEGO token"))?;
    if !matches!(token.neg_state, None | Some(NegState::AcceptCompleted)) {
        return Err(protocol("SPNEGO did not complete"));
    }
    let reply = token.response_token.ok_or_else(|| protocol("no Kerberos answer"))?;
    Ok(initiator.finish(reply)?)
}

fn request(token: &[u8]) -> Vec<u8> {
    let sasl =
        constructed(AUTHENTICATION_SASL, &[&element(OCTET_STRING, MECHANISM), &element(OCTET_STRING, token)]);
    let bind = constructed(BIND_REQUEST, &[&encode_integer(INTEGER, 3), &element(OCTET_STRING, b""), &sasl]);
    constructed(SEQUENCE, &[&encode_integer(INTEGER, MESSAGE_ID), &bind])
}

async fn read_message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let malformed = || std::io::Error::new(std::io::ErrorKind::InvalidData, "no LDAP message");
    let mut bytes = Vec::new();
    loop {
        if let Header::Complete { header, content } = header(&bytes).map_err(|_| malformed())? {
            let whole = header.saturating_add(content);
            // The answer to the bind is all that may come before it is read.
            if whole > BIND_ANSWER_LIMIT || bytes.len() > whole {
                return Err(malformed());
            }
            if bytes.len() == whole {
                return Ok(bytes);
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

struct Response<'a> {
    code: ResultCode,
    message: String,
    credentials: Option<&'a [u8]>,
}

impl<'a> Response<'a> {
    /// 4.2.2 BindResponse.
    fn decode(message: &'a [u8]) -> Result<Self, BerError> {
        let mut message = Reader(Reader(message).expect(SEQUENCE)?);
        message.expect(INTEGER)?;
        let mut response = Reader(message.expect(BIND_RESPONSE)?);
        let code = integer(response.expect(ENUMERATED)?)?;
        response.expect(OCTET_STRING)?;
        let text = response.expect(OCTET_STRING)?;
        Ok(Self {
            code: ResultCode(u32::try_from(code).map_err(|_| BerError)?),
            message: String::from_utf8_lossy(text).into_owned(),
            credentials: response.field(SERVER_SASL_CREDENTIALS)?,
        })
    }
}

/// What the domain controller seals: buffers with their length in front, as many as come in one read.
pub(super) struct SealedSource {
    stream: OwnedReadHalf,
    unseal: Unseal,
    pending: Vec<u8>,
}

impl SealedSource {
    pub(super) fn new(stream: OwnedReadHalf, unseal: Unseal) -> Self {
        Self { stream, unseal, pending: Vec::new() }
    }
}

impl Source for SealedSource {
    async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        loop {
            match frame(&self.pending)? {
                Some(whole) => {
                    let token = self.pending.get(4..whole).unwrap_or_default();
                    let plaintext = self.unseal.unwrap(token).map_err(|error| {
                        std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
                    })?;
                    self.pending.drain(..whole);
                    return Ok(Some(plaintext));
                }
                None => {
                    if self.stream.read_buf(&mut self.pending).await? == 0 {
                        return if self.pending.is_empty() {
                            Ok(None)
                        } else {
                            Err(std::io::ErrorKind::UnexpectedEof.into())
                        };
                    }
                }
            }
        }
    }
}

/// Octets of the first frame, its length field included, when it is whole.
fn frame(bytes: &[u8]) -> std::io::Result<Option<usize>> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if length > BUFFER_LIMIT {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a sealed buffer is too large"));
    }
    let whole = length.saturating_add(4);
    Ok(Some(whole).filter(|whole| bytes.len() >= *whole))
}

/// Seals what ldap3 sends.
pub(super) struct SealedSink {
    stream: OwnedWriteHalf,
    seal: Seal,
}

impl SealedSink {
    pub(super) fn new(stream: OwnedWriteHalf, seal: Seal) -> Self {
        Self { stream, seal }
    }
}

impl Sink for SealedSink {
    async fn send(&mut self, plaintext: &[u8]) -> std::io::Result<()> {
        let token = self.seal.wrap(plaintext).map_err(|error| std::io::Error::other(error.to_string()))?;
        let length = u32::try_from(token.len()).map_err(std::io::Error::other)?;
        self.stream.write_all(&[length.to_be_bytes().as_slice(), &token].concat()).await
    }
}

/// For the fuzz target.
#[cfg(fuzzing)]
pub(super) fn read_any(bytes: &[u8]) {
    let _ = (Response::decode(bytes), frame(bytes));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::{BUFFER_LIMIT, Response, SealedSource, Source, frame, request};
    use crate::domain::ber::{
        ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, constructed, element, encode_integer,
    };
    use crate::domain::kdc::wrap::testing::{context, token};

    #[test]
    fn the_request_is_a_sasl_bind_of_version_3() {
        assert_eq!(
            request(b"tok"),
            b"\x30\x1d\x02\x01\x01\x60\x18\x02\x01\x03\x04\x00\xa3\x11\x04\x0aGSS-SPNEGO\x04\x03tok"
        );
    }

    #[test]
    fn code_text_and_token_are_read() {
        let response = constructed(
            0x61,
            &[
                &encode_integer(ENUMERATED, 49),
                &element(OCTET_STRING, b""),
                &element(OCTET_STRING, b"no"),
                &element(0x87, b"token"),
            ],
        );
        let message = constructed(SEQUENCE, &[&encode_integer(INTEGER, 1), &response]);
        let response = Response::decode(&message).unwrap();
        assert_eq!((response.code.0, response.message.as_str()), (49, "no"));
        assert_eq!(response.credentials, Some(b"token".as_slice()));
    }

    #[test]
    fn frames_are_whole_or_waited_for_and_never_too_large() {
        assert_eq!(frame(&[0, 0, 0]).unwrap(), None);
        assert_eq!(frame(&[0, 0, 0, 2, 1]).unwrap(), None);
        assert_eq!(frame(&[0, 0, 0, 2, 1, 2, 9]).unwrap(), Some(6));
        assert!(frame(&(BUFFER_LIMIT as u32 + 1).to_be_bytes()).is_err());
    }

    async fn source() -> (TcpStream, SealedSource) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (server, SealedSource::new(client.into_split().0, context().1))
    }

    fn framed(plaintext: &[u8], sequence: u64) -> Vec<u8> {
        let token = token(plaintext, 0, 28, sequence);
        [(token.len() as u32).to_be_bytes().as_slice(), &token].concat()
    }

    /// Where ldap3's own GSSAPI loses data.
    #[tokio::test]
    async fn several_buffers_of_one_read_are_all_opened() {
        let (mut server, mut source) = source().await;
        let mut sent = [framed(b"one", 5), framed(b"two", 6), framed(b"three", 7)].concat();
        let rest = sent.split_off(sent.len() - 9);
        server.write_all(&sent).await.unwrap();
        assert_eq!(source.next().await.unwrap().unwrap(), b"one");
        assert_eq!(source.next().await.unwrap().unwrap(), b"two");
        server.write_all(&rest).await.unwrap();
        assert_eq!(source.next().await.unwrap().unwrap(), b"three");
        drop(server);
        assert_eq!(source.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_buffer_that_is_cut_off_or_not_sealed_is_an_error() {
        let (mut server, mut source_of_half) = source().await;
        server.write_all(&framed(b"one", 5)[..20]).await.unwrap();
        drop(server);
        assert!(source_of_half.next().await.is_err());
        let (mut server, mut source_of_clear) = source().await;
        server.write_all(b"\0\0\0\x05clear").await.unwrap();
        assert!(source_of_clear.next().await.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = frame(&bytes);
            let _ = Response::decode(&bytes).map(|response| response.code);
        }
    }
}
