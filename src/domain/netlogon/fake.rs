//! A domain controller for tests: endpoint mapper and Netlogon on one port of the loopback interface.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use freehold_dtyp::{Decode, NtStatus};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::Controller;
use super::crypto::{NetlogonKey, SealContext};
use super::messages::{self, OFFERED, SAM_INFO4};
use super::validation::{Form, testing};
use crate::auth::nt_hash;
use crate::domain::rpc::{self, Verifier};
use crate::rpc::ndr::{NdrReader, NdrWriter};
use crate::rpc::pdu::{
    Bind, ContextResult, HEADER_SIZE, Header, PduType, bind_acknowledgement, body, fault, response_fragments,
};

pub(super) const SESSION_KEY: [u8; 16] = [0x5A; 16];

/// What the domain controller does and remembers.
pub(super) struct Behaviour {
    pub(super) password: Mutex<String>,
    /// Takes requests and answers none.
    pub(super) silent: AtomicBool,
    /// Flags that it agrees to in the handshake, and those that it tells later.
    pub(super) flags: Mutex<(u32, u32)>,
    /// How long a logon takes.
    pub(super) delay: Mutex<Duration>,
    /// Connections, handshakes and logons so far.
    pub(super) connections: AtomicUsize,
    pub(super) handshakes: AtomicUsize,
    pub(super) logons: AtomicUsize,
    key: Mutex<Option<NetlogonKey>>,
    challenges: Mutex<([u8; 8], [u8; 8])>,
}

pub(super) struct FakeController {
    pub(super) behaviour: Arc<Behaviour>,
    address: SocketAddr,
    name: &'static str,
    accepting: AbortHandle,
    open: Arc<Mutex<Vec<AbortHandle>>>,
}

impl FakeController {
    pub(super) async fn start(name: &'static str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Behaviour {
            password: Mutex::new(password.to_owned()),
            silent: AtomicBool::new(false),
            flags: Mutex::new((OFFERED, OFFERED)),
            delay: Mutex::new(Duration::ZERO),
            connections: AtomicUsize::new(0),
            handshakes: AtomicUsize::new(0),
            logons: AtomicUsize::new(0),
            key: Mutex::new(None),
            challenges: Mutex::default(),
        });
        let open: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let (shared, tasks) = (Arc::clone(&behaviour), Arc::clone(&open));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                tasks.lock().push(tokio::spawn(serve(stream, shared, address.port())).abort_handle());
            }
        })
        .abort_handle();
        FakeController { behaviour, address, name, accepting, open }
    }

    pub(super) fn controller(&self) -> Controller {
        Controller { host: self.name.to_owned(), endpoint_mapper: self.address }
    }

    /// Closes every connection; the listener stays.
    pub(super) fn restart(&self) {
        self.open.lock().drain(..).for_each(|task| task.abort());
        *self.behaviour.key.lock() = None;
    }

    /// Closes everything.
    pub(super) fn stop(&self) {
        self.accepting.abort();
        self.restart();
    }
}

impl Drop for FakeController {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(mut stream: TcpStream, behaviour: Arc<Behaviour>, port: u16) {
    let mut sealed = None;
    let mut is_mapper = false;
    loop {
        let mut fragment = vec![0; HEADER_SIZE];
        if stream.read_exact(&mut fragment).await.is_err() {
            return;
        }
        let header = Header::from_bytes(&fragment).unwrap();
        fragment.resize(usize::from(header.fragment_length), 0);
        stream.read_exact(&mut fragment[HEADER_SIZE..]).await.unwrap();
        while behaviour.silent.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answer = if header.pdu_type == PduType::BIND {
            let bind = Bind::from_bytes(body(&header, &fragment).unwrap()).unwrap();
            is_mapper = bind.contexts[0].interface == rpc::testing::INTERFACE;
            if header.auth_length > 0 {
                let token = &fragment[fragment.len() - usize::from(header.auth_length)..];
                assert_eq!(token, messages::negotiate_token("CORP", "MEMBER"));
                let Some(key) = behaviour.key.lock().clone() else { return };
                sealed = Some(SealContext::new(&key));
            }
            bind_acknowledgement(
                PduType::BIND_ACK,
                header.call_id,
                5_840,
                1,
                "135",
                &[ContextResult::Accepted],
            )
        } else {
            call(&behaviour, &header, &mut fragment, &mut sealed, is_mapper.then_some(port)).await
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn call(
    behaviour: &Behaviour,
    header: &Header,
    fragment: &mut [u8],
    sealed: &mut Option<SealContext>,
    mapper: Option<u16>,
) -> Vec<u8> {
    let opnum = u16::from_le_bytes(fragment[22..24].try_into().unwrap());
    let end = fragment.len() - if header.auth_length > 0 { usize::from(header.auth_length) + 8 } else { 0 };
    let (front, tail) = fragment.split_at_mut(end);
    let stub = &mut front[24..];
    if let Some(context) = sealed {
        assert_eq!(tail[..2], [68, 6]);
        context.open_as_server(&tail[8..], stub).unwrap();
    }
    let results = match (opnum, mapper, &sealed) {
        (3, Some(port), _) => rpc::testing::answer(&[port], 0),
        (messages::REQ_CHALLENGE, None, None) => challenge(behaviour, stub),
        (messages::AUTHENTICATE3, None, None) => authenticate(behaviour, stub),
        (messages::GET_CAPABILITIES, None, Some(_)) => capabilities(behaviour, stub),
        (messages::SAM_LOGON_EX, None, Some(_)) => {
            let delay = *behaviour.delay.lock();
            tokio::time::sleep(delay).await;
            behaviour.logons.fetch_add(1, Ordering::Relaxed);
            logon(stub)
        }
        _ => return fault(header.call_id, 0, 5),
    };
    match sealed {
        None => response_fragments(header.call_id, 0, &results, 5_840).next().unwrap(),
        Some(context) => {
            // As Windows does: several fragments, each sealed by itself.
            let count = results.len().div_ceil(4_096);
            let fragments = results.chunks(4_096).enumerate().map(|(index, part)| {
                let mut padded = part.to_vec();
                let pad_bytes = padded.len().next_multiple_of(16) - padded.len();
                padded.resize(padded.len() + pad_bytes, 0);
                let signature = context.seal_as_server([3; 8], &mut padded);
                let verifier = Verifier { auth_type: 68, auth_level: 6 };
                let place = (index == 0, index + 1 == count);
                rpc::testing::sealed_response(header.call_id, place, &padded, verifier, pad_bytes, &signature)
            });
            fragments.flatten().collect()
        }
    }
}

fn challenge(behaviour: &Behaviour, stub: &[u8]) -> Vec<u8> {
    let mut reader = NdrReader::new(stub);
    assert!(reader.pointer("PrimaryName").unwrap());
    reader.wide_string("PrimaryName").unwrap();
    reader.wide_string("ComputerName").unwrap();
    let server = [0x11; 8];
    *behaviour.challenges.lock() = (reader.array("ClientChallenge").unwrap(), server);
    let mut writer = NdrWriter::new();
    writer.bytes(&server);
    writer.u32(0);
    writer.into_bytes()
}

fn authenticate(behaviour: &Behaviour, stub: &[u8]) -> Vec<u8> {
    behaviour.handshakes.fetch_add(1, Ordering::Relaxed);
    let mut reader = NdrReader::new(stub);
    assert!(reader.pointer("PrimaryName").unwrap());
    reader.wide_string("PrimaryName").unwrap();
    assert_eq!(reader.wide_string("AccountName").unwrap(), "MEMBER$".into());
    assert_eq!(reader.u16("SecureChannelType").unwrap(), 2);
    reader.wide_string("ComputerName").unwrap();
    let credential: [u8; 8] = reader.array("ClientCredential").unwrap();
    let (client, server) = *behaviour.challenges.lock();
    let key = NetlogonKey::derive(&nt_hash(&behaviour.password.lock()), &client, &server);
    let known = key.credential(&client) == credential;
    let mut writer = NdrWriter::new();
    writer.bytes(&if known { key.credential(&server) } else { [0; 8] });
    writer.u32(behaviour.flags.lock().0);
    writer.u32(1100);
    writer.u32(if known { 0 } else { NtStatus::ACCESS_DENIED.0 });
    if known {
        *behaviour.key.lock() = Some(key);
    }
    writer.into_bytes()
}

fn capabilities(behaviour: &Behaviour, stub: &[u8]) -> Vec<u8> {
    let mut reader = NdrReader::new(stub);
    reader.wide_string("ServerName").unwrap();
    assert!(reader.pointer("ComputerName").unwrap());
    reader.wide_string("ComputerName").unwrap();
    reader.u32("aligned").unwrap();
    reader.bytes("rest", 4).unwrap();
    let timestamp = reader.u32("Timestamp").unwrap();
    let key = behaviour.key.lock().clone().unwrap();
    // The first call of a channel only: the chain starts at the client's credential.
    let (client, _) = *behaviour.challenges.lock();
    let mut stored = key.credential(&client);
    let low = u32::from_le_bytes(stored[..4].try_into().unwrap()).wrapping_add(timestamp).wrapping_add(1);
    stored[..4].copy_from_slice(&low.to_le_bytes());
    let mut writer = NdrWriter::new();
    writer.bytes(&key.credential(&stored));
    writer.u32(0);
    writer.u32(1);
    writer.u32(behaviour.flags.lock().1);
    writer.u32(0);
    writer.into_bytes()
}

/// The user's name says what comes of it.
fn logon(stub: &[u8]) -> Vec<u8> {
    let mut reader = NdrReader::new(stub);
    for name in ["LogonServer", "ComputerName"] {
        assert!(reader.pointer(name).unwrap());
        reader.wide_string(name).unwrap();
    }
    assert_eq!((reader.u16("LogonLevel").unwrap(), reader.u16("tag").unwrap()), (2, 2));
    assert!(reader.pointer("Network").unwrap());
    let domain = reader.unicode_string_header("LogonDomainName").unwrap();
    assert_eq!(reader.u32("ParameterControl").unwrap(), 0x830);
    reader.bytes("Reserved", 8).unwrap();
    let user = reader.unicode_string_header("UserName").unwrap();
    let workstation = reader.unicode_string_header("Workstation").unwrap();
    assert_eq!(reader.bytes("LmChallenge", 8).unwrap(), [1, 2, 3, 4, 5, 6, 7, 8]);
    for name in ["NtChallengeResponse", "LmChallengeResponse"] {
        reader.unicode_string_header(name).unwrap();
    }
    reader.unicode_string_buffer("LogonDomainName", domain).unwrap();
    let user = reader.unicode_string_buffer("UserName", user).unwrap().to_string();
    reader.unicode_string_buffer("Workstation", workstation).unwrap();
    let (status, flags, authoritative) = match user.as_str() {
        "alice" | "bob" => (NtStatus::SUCCESS, 0x20, 1),
        "guest" => (NtStatus::SUCCESS, 0x21, 1),
        "nobody" => (NtStatus::NO_SUCH_USER, 0, 0),
        other => (NtStatus(u32::from_str_radix(other, 16).unwrap()), 0, 1),
    };
    let mut writer = NdrWriter::new();
    writer.u16(SAM_INFO4);
    if status == NtStatus::SUCCESS {
        writer.pointer();
        let sample = testing::Sample {
            account: "alice",
            upn: "alice@corp.example",
            domain: "S-1-5-21-1-2-3".parse().unwrap(),
            rid: 1103,
            groups: if user == "alice" { (2_000..3_000).collect() } else { vec![2_000] },
            extra: Vec::new(),
            flags,
            key: SESSION_KEY,
        };
        testing::encode(&mut writer, Form::SamInfo4, &sample);
    } else {
        writer.null();
    }
    writer.bytes(&[authoritative]);
    writer.u32(0);
    writer.u32(status.0);
    writer.into_bytes()
}
