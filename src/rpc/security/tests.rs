use freehold_dtyp::{Decode, Writer};

use super::super::fault::Fault;
use super::super::pdu::{self, Header, PduType};
use super::super::testing::{self, Fixture, PASSWORD};
use super::super::verifier::{self, AuthenticationLevel, AuthenticationType, Trailer, Verifier};
use super::super::{Pipe, PipeError, PipeRead};
use crate::auth::ntlm::client::{Credentials, Initiator, InitiatorOptions, Randomness};
use crate::auth::{Mechanism, MessageSecurity, Protection, nt_hash};

const SRVSVC: &str = "4b324fc8-1670-01d3-1278-5a47bf6ee188";
const SPNEGO: AuthenticationType = AuthenticationType::GSS_NEGOTIATE;
const NTLM: AuthenticationType = AuthenticationType::WINNT;

/// A client with a security context of its own.
struct SecureClient<'f> {
    fixture: &'f Fixture,
    pipe: Pipe,
    trailer: Trailer,
    initiator: Initiator,
    messages: Option<MessageSecurity>,
    signs_headers: bool,
    call_id: u32,
}

/// How it logs on.
struct Logon<'a> {
    authentication_type: AuthenticationType,
    level: u8,
    user: &'a str,
    password: &'a str,
    mechanisms: Vec<Mechanism>,
    signs_headers: bool,
    seal: bool,
}

impl Default for Logon<'_> {
    fn default() -> Self {
        Logon {
            authentication_type: NTLM,
            level: 6,
            user: "bob",
            password: PASSWORD,
            mechanisms: Vec::new(),
            signs_headers: true,
            seal: true,
        }
    }
}

fn message(read: PipeRead) -> Vec<u8> {
    match read {
        PipeRead::Data { bytes, more: false } => bytes,
        other => panic!("{other:?}"),
    }
}

fn token(bytes: &[u8]) -> Vec<u8> {
    let header = Header::from_bytes(bytes).unwrap();
    Verifier::of(&header, bytes).unwrap().unwrap().token.to_vec()
}

impl<'f> SecureClient<'f> {
    /// Sends the first leg and returns its answer.
    fn begin(fixture: &'f Fixture, logon: &Logon<'_>) -> (Self, Vec<u8>) {
        let credentials = Credentials {
            user: logon.user.to_owned(),
            domain: "FILES".to_owned(),
            workstation: String::new(),
            nt_hash: nt_hash(logon.password),
        };
        let randomness = Randomness { client_challenge: [1; 8], exported_session_key: [2; 16] };
        let mechanisms = logon.mechanisms.clone();
        let options = InitiatorOptions { mechanisms, seal: logon.seal, ..InitiatorOptions::default() };
        let mut client = SecureClient {
            fixture,
            pipe: Pipe::open("srvsvc".into()).unwrap(),
            trailer: Trailer {
                authentication_type: logon.authentication_type,
                level: AuthenticationLevel(logon.level),
                context_id: 79_231,
            },
            initiator: Initiator::new(credentials, randomness, options),
            messages: None,
            signs_headers: logon.signs_headers,
            call_id: 2,
        };
        let token = client.initiator.start();
        let answer = client.leg(PduType::BIND, &token);
        (client, answer)
    }

    /// Sends a leg with the presentation contexts of Windows, and returns the answer.
    fn leg(&mut self, kind: PduType, token: &[u8]) -> Vec<u8> {
        let mut bind = testing::windows_bind(SRVSVC, 3);
        bind[2] = kind.0;
        let bind = verifier::append(bind, self.trailer, token, self.signs_headers);
        self.pipe.write(&self.fixture.context(), &bind).unwrap();
        self.fixture.run_errands(&mut self.pipe);
        message(self.pipe.read(usize::MAX))
    }

    fn auth3(&mut self, token: &[u8]) {
        let mut writer = Writer::new();
        writer.bytes(&[5, 0, PduType::AUTH3.0, 3, 0x10, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        let auth3 = verifier::append(writer.into_bytes(), self.trailer, token, false);
        self.pipe.write(&self.fixture.context(), &auth3).unwrap();
    }

    /// Logs on with NTLM in three legs, or with SPNEGO in as many as it takes.
    fn log_on(fixture: &'f Fixture, logon: &Logon<'_>) -> Self {
        let (mut client, mut answer) = Self::begin(fixture, logon);
        assert_eq!(answer[2], PduType::BIND_ACK.0);
        assert_eq!(answer[3] & verifier::SUPPORT_HEADER_SIGN != 0, logon.signs_headers);
        if logon.mechanisms.is_empty() {
            let authenticate = client.initiator.step(&token(&answer)).unwrap();
            client.auth3(&authenticate);
        } else {
            loop {
                let next = client.initiator.step(&token(&answer)).unwrap();
                answer = client.leg(PduType::ALTER_CONTEXT, &next);
                assert_eq!(answer[2], PduType::ALTER_CONTEXT_RESPONSE.0);
                if client.initiator.finish(&token(&answer)).is_ok() {
                    break;
                }
            }
        }
        client.messages = client.initiator.message_security();
        client
    }

    fn protection(&self) -> Option<Protection> {
        self.trailer.level.protection().unwrap()
    }

    /// A request in one fragment, protected as the level says.
    fn request(&mut self, operation: u16, stub: &[u8]) -> Vec<u8> {
        self.call_id += 1;
        let plain = testing::request_fragments(self.call_id, 0, operation, stub, 4_000).remove(0);
        let Some(protection) = self.protection() else { return plain };
        let mut prepared = verifier::prepare(plain, self.trailer, 16);
        let (head, rest) = prepared.bytes.split_at_mut(prepared.data);
        let (data, tail) = rest.split_at_mut(prepared.trailer - prepared.data);
        let (trailer, token) = tail.split_at_mut(verifier::TRAILER_SIZE);
        let messages = self.messages.as_mut().unwrap();
        // NTLM covers all of it, whether the bind says so or not.
        token.copy_from_slice(&messages.protect(protection, head, data, trailer));
        prepared.bytes
    }

    fn send(&mut self, request: &[u8]) -> Result<Vec<u8>, Fault> {
        self.pipe.write(&self.fixture.context(), request).unwrap();
        self.fixture.run_errands(&mut self.pipe);
        let mut stub = Vec::new();
        loop {
            let mut bytes = message(self.pipe.read(usize::MAX));
            let header = Header::from_bytes(&bytes).unwrap();
            if header.pdu_type == PduType::FAULT {
                return Err(Fault(u32::from_le_bytes(bytes[24..28].try_into().unwrap())));
            }
            assert!(bytes.len() <= usize::from(pdu::MAX_FRAGMENT));
            let Some(protection) = self.protection() else { return Ok(bytes.split_off(24)) };
            let copy = bytes.clone();
            let verifier = Verifier::of(&header, &copy).unwrap().unwrap();
            assert_eq!(verifier.trailer, self.trailer);
            let end = bytes.len() - verifier.token.len() - verifier::TRAILER_SIZE;
            let (head, tail) = (&copy[..24], &copy[end..end + verifier::TRAILER_SIZE]);
            let data = &mut bytes[24..end];
            self.messages.as_mut().unwrap().verify(protection, head, data, tail, verifier.token).unwrap();
            stub.extend_from_slice(&data[..data.len() - usize::from(verifier.pad_length)]);
            if header.flags & pdu::LAST_FRAGMENT != 0 {
                return Ok(stub);
            }
        }
    }

    fn call(&mut self, operation: u16, stub: &[u8]) -> Result<Vec<u8>, Fault> {
        let request = self.request(operation, stub);
        self.send(&request)
    }
}

/// NetrServerGetInfo: level 102 is denied to those who are no operators.
fn is_denied(outcome: Result<Vec<u8>, Fault>) -> bool {
    let stub = outcome.unwrap();
    u32::from_le_bytes(stub[stub.len() - 4..].try_into().unwrap()) == 5
}

#[test]
fn the_caller_is_who_logged_on_within_rpc() {
    // The session is an administrator's, the security context an ordinary user's.
    let fixture = Fixture::new();
    let mut plain = testing::Client::srvsvc(&fixture);
    assert!(!is_denied(plain.call(21, &testing::server_info_request(102))));
    for signs_headers in [true, false] {
        for level in [2, 4, 5, 6] {
            let logon = Logon { level, signs_headers, ..Logon::default() };
            let mut client = SecureClient::log_on(&fixture, &logon);
            assert!(!is_denied(client.call(21, &testing::server_info_request(101))), "{level}");
            assert!(is_denied(client.call(21, &testing::server_info_request(102))), "{level}");
        }
    }
}

#[test]
fn spnego_logs_on_with_and_without_mics() {
    let fixture = Fixture::new();
    for mechanisms in [vec![Mechanism::Ntlm], vec![Mechanism::MsKerberos, Mechanism::Ntlm]] {
        let logon = Logon { authentication_type: SPNEGO, mechanisms, ..Logon::default() };
        let mut client = SecureClient::log_on(&fixture, &logon);
        for _ in 0..3 {
            assert!(is_denied(client.call(21, &testing::server_info_request(102))));
        }
    }
}

#[test]
fn long_answers_are_protected_fragment_by_fragment() {
    let names: Vec<String> = (0..500).map(|number| format!("share number {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fixture = Fixture::new().with_shares(&names);
    let mut client = SecureClient::log_on(&fixture, &Logon::default());
    let words = [0, 0, 0, 0x2_0000, 0, 0, u32::MAX, 0];
    let stub: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    let sealed = client.call(15, &stub).unwrap();
    assert!(sealed.len() > 20_000);
    assert_eq!(testing::Client::srvsvc(&fixture).call(15, &stub).unwrap(), sealed);
}

#[test]
fn a_wrong_password_is_refused_where_it_shows() {
    let fixture = Fixture::new();
    let wrong = Logon { password: "wrong", ..Logon::default() };
    // With an auth3 there is no answer: the first request gets the fault, and the pipe is gone.
    let (mut client, answer) = SecureClient::begin(&fixture, &wrong);
    let authenticate = client.initiator.step(&token(&answer)).unwrap();
    client.auth3(&authenticate);
    client.messages = client.initiator.message_security();
    let request = client.request(21, &testing::server_info_request(101));
    assert_eq!(client.send(&request), Err(Fault::SECURITY_PACKAGE_ERROR));
    assert_eq!(client.pipe.write(&fixture.context(), &request), Err(PipeError::Disconnected));
    // With an alter_context it is the answer to that.
    for slow_down in [false, true] {
        let mut fixture = Fixture::new();
        fixture.slow_down = slow_down;
        let mechanisms = vec![Mechanism::Ntlm];
        let wrong = Logon { authentication_type: SPNEGO, mechanisms, password: "wrong", ..Logon::default() };
        let (mut client, answer) = SecureClient::begin(&fixture, &wrong);
        let next = client.initiator.step(&token(&answer)).unwrap();
        let answer = client.leg(PduType::ALTER_CONTEXT, &next);
        assert_eq!(answer[2], PduType::FAULT.0);
        assert_eq!(answer[24..28], Fault::ACCESS_DENIED.0.to_le_bytes());
        client.messages = client.initiator.message_security();
        assert_eq!(client.call(21, &testing::server_info_request(101)), Err(Fault::SECURITY_PACKAGE_ERROR));
    }
    // A token that is none is the answer to the bind.
    let (mut client, _) = SecureClient::begin(&fixture, &Logon::default());
    client.pipe = Pipe::open("srvsvc".into()).unwrap();
    let answer = client.leg(PduType::BIND, b"NTLMSSP\0nothing");
    assert_eq!((answer[2], answer[16]), (PduType::BIND_NAK.0, 9));
}

#[test]
fn a_changed_request_gets_a_fault_and_ends_the_pipe() {
    let fixture = Fixture::new();
    for signs_headers in [true, false] {
        for spoil in ["data", "signature", "header", "replay", "clear", "level", "context"] {
            let logon = Logon { signs_headers, ..Logon::default() };
            let mut client = SecureClient::log_on(&fixture, &logon);
            let mut request = client.request(21, &testing::server_info_request(101));
            let last = request.len() - 1;
            let trailer = request.len() - 16 - verifier::TRAILER_SIZE;
            match spoil {
                "data" => request[30] ^= 1,
                "signature" => request[last] ^= 1,
                // The operation.
                "header" => request[22] ^= 1,
                "replay" => {
                    client.send(&request).unwrap();
                }
                "clear" => {
                    request = testing::request_fragments(9, 0, 21, &testing::server_info_request(101), 4_000)
                        .remove(0);
                }
                "level" => request[trailer + 1] = 2,
                _ => request[trailer + 4] ^= 1,
            }
            let outcome = client.send(&request);
            let expected = match spoil {
                "clear" | "level" | "context" => Fault::ACCESS_DENIED,
                _ => Fault::SECURITY_PACKAGE_ERROR,
            };
            assert_eq!(outcome, Err(expected), "{spoil} {signs_headers}");
            assert_eq!(client.pipe.write(&fixture.context(), &request), Err(PipeError::Disconnected));
        }
    }
}

#[test]
fn a_level_that_was_not_negotiated_is_refused() {
    let fixture = Fixture::new();
    let mechanisms = vec![Mechanism::Ntlm];
    let logon = Logon { authentication_type: SPNEGO, seal: false, mechanisms, ..Logon::default() };
    let (mut client, answer) = SecureClient::begin(&fixture, &logon);
    let next = client.initiator.step(&token(&answer)).unwrap();
    assert_eq!(client.leg(PduType::ALTER_CONTEXT, &next)[2], PduType::FAULT.0);
    for level in [0, 1, 7] {
        let (_, answer) = SecureClient::begin(&fixture, &Logon { level, ..Logon::default() });
        assert_eq!(answer[2], PduType::FAULT.0, "{level}");
        assert_eq!(answer[24..28], Fault::PROTOCOL_ERROR.0.to_le_bytes());
    }
}

#[test]
fn a_second_security_context_is_somebody_else() {
    let fixture = Fixture::new();
    let mechanisms = vec![Mechanism::Ntlm];
    let logon = |user| Logon {
        authentication_type: SPNEGO,
        mechanisms: mechanisms.clone(),
        user,
        ..Logon::default()
    };
    let mut first = SecureClient::log_on(&fixture, &logon("bob"));
    let (mut second, _) = SecureClient::begin(&fixture, &logon("anna"));
    second.trailer.context_id = 5;
    std::mem::swap(&mut first.pipe, &mut second.pipe);
    let start = second.initiator.start();
    let answer = second.leg(PduType::ALTER_CONTEXT, &start);
    let next = second.initiator.step(&token(&answer)).unwrap();
    let answer = second.leg(PduType::ALTER_CONTEXT, &next);
    assert_eq!(answer[2], PduType::ALTER_CONTEXT_RESPONSE.0);
    second.messages = second.initiator.message_security();
    assert!(is_denied(second.call(21, &testing::server_info_request(102))));
    std::mem::swap(&mut first.pipe, &mut second.pipe);
    assert!(is_denied(first.call(21, &testing::server_info_request(102))));
    // A leg for a context that is established already is none.
    let answer = first.leg(PduType::ALTER_CONTEXT, &next);
    assert_eq!((answer[2], &answer[24..28]), (PduType::FAULT.0, &Fault::PROTOCOL_ERROR.0.to_le_bytes()[..]));
}

#[test]
fn an_unknown_kind_of_security_is_refused() {
    let fixture = Fixture::new();
    let logon = Logon { authentication_type: AuthenticationType(68), ..Logon::default() };
    let (_, answer) = SecureClient::begin(&fixture, &logon);
    assert_eq!((answer[2], answer[16]), (PduType::BIND_NAK.0, 8));
}

#[test]
fn a_verification_trailer_is_held_against_its_request() {
    let fixture = Fixture::new();
    let mut client = SecureClient::log_on(&fixture, &Logon::default());
    let trailer = |operation: u8| {
        let mut stub = testing::server_info_request(101);
        stub.resize(stub.len().next_multiple_of(4), 0);
        stub.extend([0x8A, 0xE3, 0x13, 0x71, 0x02, 0xF4, 0x36, 0x71, 3, 0x40, 16, 0]);
        stub.extend([0, 0, 0, 0, 0x10, 0, 0, 0]);
        stub.extend([0, 0, 0, 0, 0, 0, operation, 0]);
        stub
    };
    let mut good = trailer(21);
    let call_id = good.len() - 8;
    good[call_id] = 3;
    assert!(!is_denied(client.call(21, &good)));
    assert_eq!(client.call(21, &trailer(22)), Err(Fault::ACCESS_DENIED));
}
