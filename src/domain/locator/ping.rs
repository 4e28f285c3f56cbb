//! [MS-ADTS] 6.3.3 LDAP Ping: the `netlogon` attribute of the root DSE, asked for over UDP, and over TCP where UDP is not answered.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::response::{ResponseError, SamLogonResponseEx};
use crate::domain::ber::{
    BOOLEAN, BerError, ENUMERATED, Header, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, constructed,
    element, encode_integer, header,
};

/// LDAP's port, for TCP and for UDP.
const LDAP_PORT: u16 = 389;
/// When the question is asked again over UDP, counted from the one before.
const REPEAT_AFTER: Duration = Duration::from_millis(300);
/// When TCP is tried beside it: a firewall may let only TCP through.
const TCP_AFTER: Duration = Duration::from_millis(500);
/// Largest answer that is read.
const ANSWER_LIMIT: usize = 8 * 1024;
/// Attribute of the root DSE, [MS-ADTS] 3.1.1.3.2.
const NETLOGON: &[u8] = b"netlogon";
/// NtVer: NETLOGON_NT_VERSION_5 and 5EX for the extended answer, WITH_CLOSEST_SITE ([MS-ADTS] 6.3.1.1).
const NT_VERSION: u32 = 0x0000_0016;
/// The messageID of the question.
const MESSAGE_ID: i32 = 1;

const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_RESULT_ENTRY: u8 = 0x64;
const SEARCH_RESULT_DONE: u8 = 0x65;
const FILTER_AND: u8 = 0xa0;
const FILTER_EQUALITY: u8 = 0xa3;

/// Why a server did not prove itself a domain controller.
#[derive(Debug, thiserror::Error)]
pub(super) enum PingError {
    /// Nothing came in time.
    #[error("no answer")]
    Silent,
    /// The network said so.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// An answer that is none.
    #[error(transparent)]
    Ber(#[from] BerError),
    /// The server knows nothing of the domain that was asked for: the search found nothing.
    #[error("it does not serve this domain")]
    NotForDomain,
    /// An answer of a server that is not ready, or none of a domain controller.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

/// Asks the server at `address` whether it is a domain controller of `domain`, until `limit` has passed.
///
/// # Errors
/// [`PingError`].
pub(super) async fn ping(
    address: IpAddr,
    domain: &str,
    limit: Duration,
) -> Result<SamLogonResponseEx, PingError> {
    let question = question(domain);
    let server = SocketAddr::new(address, LDAP_PORT);
    let over_tcp = async {
        tokio::time::sleep(TCP_AFTER).await;
        over_tcp(server, &question).await
    };
    let both = async {
        tokio::pin! {
            let udp = over_udp(server, &question);
            let tcp = over_tcp;
        }
        // The first good answer counts, and an error only when the other way has failed as well.
        tokio::select! {
            answer = &mut udp => match answer {
                Ok(answer) => Ok(answer),
                Err(error @ (PingError::NotForDomain | PingError::Response(_))) => Err(error),
                Err(_) => tcp.await,
            },
            answer = &mut tcp => match answer {
                Ok(answer) => Ok(answer),
                Err(_) => udp.await,
            },
        }
    };
    tokio::time::timeout(limit, both).await.unwrap_or(Err(PingError::Silent))
}

async fn over_udp(server: SocketAddr, question: &[u8]) -> Result<SamLogonResponseEx, PingError> {
    let any =
        if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    // Connected: the kernel drops what others send, and reports a closed port.
    socket.connect(server).await?;
    let mut buffer = vec![0; ANSWER_LIMIT];
    loop {
        socket.send(question).await?;
        if let Ok(received) = tokio::time::timeout(REPEAT_AFTER, socket.recv(&mut buffer)).await {
            return answer(buffer.get(..received?).unwrap_or_default());
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &[u8]) -> Result<SamLogonResponseEx, PingError> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(question).await?;
    let mut bytes = Vec::new();
    loop {
        if let Header::Complete { header, content } = header(&bytes)? {
            let whole = header.saturating_add(content);
            if whole > ANSWER_LIMIT {
                return Err(BerError.into());
            }
            if let Some(message) = bytes.get(..whole) {
                return answer(message);
            }
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(PingError::Silent);
        }
    }
}

/// RFC 4511 4.5.1: SearchRequest of the root DSE.
fn question(domain: &str) -> Vec<u8> {
    let equality = |name: &str, value: &[u8]| {
        constructed(
            FILTER_EQUALITY,
            &[&element(OCTET_STRING, name.as_bytes()), &element(OCTET_STRING, value)],
        )
    };
    let mut terms = equality("DnsDomain", domain.as_bytes());
    terms.extend(equality("NtVer", &NT_VERSION.to_le_bytes()));
    let search = constructed(
        SEARCH_REQUEST,
        &[
            &element(OCTET_STRING, b""),
            &encode_integer(ENUMERATED, 0),
            &encode_integer(ENUMERATED, 0),
            &encode_integer(INTEGER, 0),
            &encode_integer(INTEGER, 0),
            &element(BOOLEAN, &[0]),
            &element(FILTER_AND, &terms),
            &constructed(SEQUENCE, &[&element(OCTET_STRING, NETLOGON)]),
        ],
    );
    constructed(SEQUENCE, &[&encode_integer(INTEGER, MESSAGE_ID), &search])
}

/// RFC 4511 4.5.2: the SearchResultEntry that holds the attribute. A server of another domain sends none, only SearchResultDone.
fn answer(message: &[u8]) -> Result<SamLogonResponseEx, PingError> {
    let mut message = Reader(Reader(message).expect(SEQUENCE)?);
    message.expect(INTEGER)?;
    let operation = message.next()?.ok_or(BerError)?;
    if operation.tag == SEARCH_RESULT_DONE {
        return Err(PingError::NotForDomain);
    }
    if operation.tag != SEARCH_RESULT_ENTRY {
        return Err(BerError.into());
    }
    let mut entry = Reader(operation.content);
    entry.expect(OCTET_STRING)?;
    let mut attributes = Reader(entry.expect(SEQUENCE)?);
    while let Some(attribute) = attributes.optional(SEQUENCE)? {
        let mut attribute = Reader(attribute);
        let name = attribute.expect(OCTET_STRING)?;
        let values = attribute.expect(SET)?;
        if name.eq_ignore_ascii_case(NETLOGON) {
            return Ok(SamLogonResponseEx::decode(Reader(values).expect(OCTET_STRING)?)?);
        }
    }
    Err(PingError::NotForDomain)
}

/// For the fuzz target.
#[cfg(fuzzing)]
pub(super) fn read_any(bytes: &[u8]) {
    let _ = answer(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{PingError, answer, question};
    use crate::domain::ber::{INTEGER, OCTET_STRING, SEQUENCE, SET, constructed, element, encode_integer};

    #[test]
    fn the_question_is_what_the_specification_shows() {
        // [MS-ADTS] 6.3.3.1, with the filter (&(DnsDomain=a.b)(NtVer=\16\00\00\00)).
        assert_eq!(
            question("a.b"),
            [
                b"\x30\x45\x02\x01\x01\x63\x40\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00".as_slice(),
                b"\xa0\x21\xa3\x10\x04\x09DnsDomain\x04\x03a.b",
                b"\xa3\x0d\x04\x05NtVer\x04\x04\x16\x00\x00\x00",
                b"\x30\x0a\x04\x08netlogon",
            ]
            .concat()
        );
    }

    fn entry(value: &[u8]) -> Vec<u8> {
        let values = constructed(SET, &[&element(OCTET_STRING, value)]);
        let attribute = constructed(SEQUENCE, &[&element(OCTET_STRING, b"Netlogon"), &values]);
        let entry = constructed(0x64, &[&element(OCTET_STRING, b""), &element(SEQUENCE, &attribute)]);
        constructed(SEQUENCE, &[&encode_integer(INTEGER, 1), &entry])
    }

    #[test]
    fn an_attribute_in_any_case_is_the_answer() {
        assert!(matches!(answer(&entry(&[24, 0])), Err(PingError::Response(_))));
    }

    #[test]
    fn nothing_found_is_another_domain() {
        let done = constructed(0x65, &[&encode_integer(0x0a, 0), &element(4, b""), &element(4, b"")]);
        let message = constructed(SEQUENCE, &[&encode_integer(INTEGER, 1), &done]);
        assert!(matches!(answer(&message), Err(PingError::NotForDomain)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = answer(&bytes);
            let _ = answer(&entry(&bytes));
        }
    }
}
