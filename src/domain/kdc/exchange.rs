//! The exchanges with a KDC: the sspi crate's state machine, driven over TCP (RFC 4120 7.2.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sspi::generator::GeneratorState;
use sspi::{
    AuthIdentityBuffers, BufferType, ClientRequestFlags, CredentialsBuffers, DataRepresentation, Kerberos,
    KerberosConfig, NetworkRequest, SecurityBuffer, Sspi, SspiImpl,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tracing::subscriber::NoSubscriber;
use zeroize::Zeroizing;

use super::krb_error::KrbError;
use super::{Context, Credentials, Initiator, KdcError, Observed, wrap};
use crate::domain::locator::DomainController;

/// Kerberos' port.
const KERBEROS_PORT: u16 = 88;
/// How long one message and its answer may take, the connection included.
const MESSAGE_LIMIT: Duration = Duration::from_millis(1500);
/// How long all of them may take.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(6);
/// Largest answer that is read: a ticket with a PAC of many groups has some 64 KiB.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// Messages of one logon: two AS and one TGS exchange, a second try with the KDC's time, and referrals.
const MESSAGES_LIMIT: usize = 16;

/// KDC_ERR_PREAUTH_REQUIRED: what every KDC of a domain says first.
const PREAUTH_REQUIRED: i64 = 25;

/// mutual authentication, and everything that sealed messages need.
fn requirements() -> ClientRequestFlags {
    ClientRequestFlags::MUTUAL_AUTH
        | ClientRequestFlags::REPLAY_DETECT
        | ClientRequestFlags::SEQUENCE_DETECT
        | ClientRequestFlags::CONFIDENTIALITY
        | ClientRequestFlags::INTEGRITY
}

/// One logon.
pub(super) struct Exchange {
    dc: Arc<DomainController>,
    credentials: Credentials,
    service: String,
    started: Instant,
    observed: Observed,
    last_error: Option<KrbError>,
    network_error: Option<KdcError>,
}

impl Exchange {
    pub(super) fn new(
        dc: &Arc<DomainController>,
        credentials: &Credentials,
        service: &str,
    ) -> Result<Self, KdcError> {
        // sspi writes names as IA5String and fails with an error that says nothing.
        if !credentials.account.is_ascii() || !credentials.domain.is_ascii() {
            return Err(KdcError::NotAscii { account: credentials.account.clone() });
        }
        Ok(Self {
            dc: Arc::clone(dc),
            credentials: credentials.clone(),
            service: service.to_owned(),
            started: Instant::now(),
            observed: Observed::default(),
            last_error: None,
            network_error: None,
        })
    }

    pub(super) async fn run(self) -> Result<(Initiator, Vec<u8>), KdcError> {
        let host = self.dc.host.clone();
        let runtime = Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            tracing::subscriber::with_default(NoSubscriber::default(), || self.initiate(&runtime))
        });
        // A panic of the crate's is an answer that it could not read.
        work.await.unwrap_or_else(|_| Err(KdcError::Protocol { host, reason: "unreadable".to_owned() }))
    }

    /// Sends the first message only, without proof of the password.
    pub(super) async fn observe(mut self) -> Result<Observed, KdcError> {
        let host = self.dc.host.clone();
        let runtime = Handle::current();
        let work = tokio::task::spawn_blocking(move || {
            tracing::subscriber::with_default(NoSubscriber::default(), || {
                let mut kerberos = self.kerberos()?;
                let mut handle = self.handle();
                let (mut input, mut output) = (Vec::new(), token(Vec::new()));
                let service = self.service.clone();
                let mut builder = kerberos
                    .initialize_security_context()
                    .with_credentials_handle(&mut handle)
                    .with_context_requirements(requirements())
                    .with_target_data_representation(DataRepresentation::Native)
                    .with_target_name(&service)
                    .with_input(&mut input)
                    .with_output(&mut output);
                let mut generator = SspiImpl::initialize_security_context_impl(&mut kerberos, &mut builder)
                    .map_err(|error| self.failure(&error))?;
                if let GeneratorState::Suspended(request) = generator.start() {
                    let _answer = self.send(&runtime, &request);
                }
                match (&self.network_error, &self.last_error) {
                    (Some(error), _) => Err(error.clone()),
                    (None, Some(error)) if error.code != PREAUTH_REQUIRED => Err(self.refusal(error)),
                    _ => Ok(std::mem::take(&mut self.observed)),
                }
            })
        });
        work.await.unwrap_or_else(|_| Err(KdcError::Protocol { host, reason: "unreadable".to_owned() }))
    }

    fn kerberos(&self) -> Result<Kerberos, KdcError> {
        // The address is put in by `send`: the crate must only not look for one itself.
        let config = KerberosConfig::new_with_kdc_url("tcp://kdc.invalid:88", String::new());
        Kerberos::new_client_from_config(config).map_err(|error| self.failure(&error))
    }

    fn handle(&self) -> Option<CredentialsBuffers> {
        Some(CredentialsBuffers::AuthIdentity(AuthIdentityBuffers::from_utf8(
            &self.credentials.account,
            &self.credentials.realm(),
            &self.credentials.password,
        )))
    }

    fn initiate(mut self, runtime: &Handle) -> Result<(Initiator, Vec<u8>), KdcError> {
        let mut kerberos = self.kerberos()?;
        let mut handle = self.handle();
        let (mut input, mut output) = (Vec::new(), token(Vec::new()));
        let service = self.service.clone();
        let outcome = {
            let mut builder = kerberos
                .initialize_security_context()
                .with_credentials_handle(&mut handle)
                .with_context_requirements(requirements())
                .with_target_data_representation(DataRepresentation::Native)
                .with_target_name(&service)
                .with_input(&mut input)
                .with_output(&mut output);
            let mut generator = SspiImpl::initialize_security_context_impl(&mut kerberos, &mut builder)
                .map_err(|error| self.failure(&error))?;
            let mut state = generator.start();
            let mut messages = 0;
            loop {
                match state {
                    GeneratorState::Completed(outcome) => break outcome,
                    GeneratorState::Suspended(request) if messages < MESSAGES_LIMIT => {
                        messages += 1;
                        state = generator.resume(self.send(runtime, &request));
                    }
                    GeneratorState::Suspended(_) => return Err(self.protocol("too many messages".to_owned())),
                }
            }
        };
        outcome.map_err(|error| self.failure(&error))?;
        let first = output.into_iter().next().map(|buffer| buffer.buffer).unwrap_or_default();
        Ok((Initiator { kerberos, service, observed: self.observed }, first))
    }

    /// Sends a message and waits for the answer; looks into it for what the crate would not tell.
    fn send(&mut self, runtime: &Handle, request: &NetworkRequest) -> sspi::Result<Vec<u8>> {
        let left = EXCHANGE_LIMIT.saturating_sub(self.started.elapsed()).min(MESSAGE_LIMIT);
        let server = SocketAddr::new(self.dc.address, KERBEROS_PORT);
        let answer = runtime.block_on(async {
            tokio::time::timeout(left, ask(server, &request.data))
                .await
                .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut)))
        });
        match answer {
            Ok(answer) => {
                self.last_error = answer.get(4..).and_then(KrbError::decode);
                if let Some(error) = &self.last_error {
                    if let Some(time) = error.server_time {
                        self.observed.clock_difference_seconds =
                            Some(time.saturating_sub(jiff::Timestamp::now().as_second()));
                    }
                    if !error.salts.is_empty() {
                        self.observed.salts.clone_from(&error.salts);
                    }
                }
                Ok(answer)
            }
            Err(error) => {
                self.network_error =
                    Some(KdcError::Unreachable { host: self.dc.host.clone(), reason: error.to_string() });
                Err(sspi::Error::new(sspi::ErrorKind::NoAuthenticatingAuthority, "network"))
            }
        }
    }

    /// What the crate's error means, from what was seen on the network.
    fn failure(&self, error: &sspi::Error) -> KdcError {
        if let Some(error) = &self.network_error {
            return error.clone();
        }
        match &self.last_error {
            Some(error) if error.code != PREAUTH_REQUIRED => self.refusal(error),
            // The description may hold what was decrypted: only the kind of the error is told.
            _ if error.error_type == sspi::ErrorKind::MessageAltered => {
                self.protocol("it does not know the key".to_owned())
            }
            _ => self.protocol(format!("{:?}", error.error_type)),
        }
    }

    fn refusal(&self, error: &KrbError) -> KdcError {
        let realm = self.credentials.realm();
        let account = self.credentials.principal_name();
        KdcError::of(error, &account, &realm, &self.service, self.observed.clock_difference_seconds)
    }

    fn protocol(&self, reason: String) -> KdcError {
        KdcError::Protocol { host: self.dc.host.clone(), reason }
    }
}

/// The service's answer, and the keys that follow from it.
pub(super) fn finish(initiator: Initiator, reply: &[u8]) -> Result<Context, KdcError> {
    let Initiator { mut kerberos, service, .. } = initiator;
    let bad = |reason: String| KdcError::Protocol { host: service.clone(), reason };
    if let Some(error) = gss_error(reply) {
        return Err(bad(format!("Kerberos error {}", error.code)));
    }
    let work = std::panic::AssertUnwindSafe(|| {
        let mut handle = None;
        let (mut input, mut output) = (token(reply.to_vec()), token(Vec::new()));
        let mut builder = kerberos
            .initialize_security_context()
            .with_credentials_handle(&mut handle)
            .with_context_requirements(requirements())
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name(&service)
            .with_input(&mut input)
            .with_output(&mut output);
        SspiImpl::initialize_security_context_impl(&mut kerberos, &mut builder)
            .and_then(|mut generator| generator.resolve_to_result())
            .map(drop)?;
        let keys = kerberos.query_context_session_key()?;
        Ok::<_, sspi::Error>((Zeroizing::new(keys.session_key.as_ref().clone()), kerberos.next_seq_number()))
    });
    let (key, sequence) =
        tracing::subscriber::with_default(NoSubscriber::default(), || std::panic::catch_unwind(work))
            .map_err(|_| bad("unreadable".to_owned()))?
            .map_err(|error| bad(format!("{:?}", error.error_type)))?;
    let (seal, unseal) = wrap::pair(key.clone(), u64::from(sequence))
        .ok_or_else(|| bad(format!("a key of {} octets", key.len())))?;
    Ok(Context { seal, unseal, session_key: key })
}

/// RFC 4121 4.1: a KRB-ERROR in the framing of a token (TOK_ID 03 00).
fn gss_error(reply: &[u8]) -> Option<KrbError> {
    let at = reply.windows(3).take(24).position(|window| window == [3, 0, 0x7e])?;
    KrbError::decode(reply.get(at.checked_add(2)?..)?)
}

fn token(bytes: Vec<u8>) -> Vec<SecurityBuffer> {
    vec![SecurityBuffer::new(bytes, BufferType::Token)]
}

/// RFC 4120 7.2.2: messages with their length in front, in both directions, and kept so for the crate.
async fn ask(server: SocketAddr, message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    stream.write_all(message).await?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let octets = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if octets > ANSWER_LIMIT {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is too large"));
    }
    let mut answer = length.to_vec();
    // Grows with what comes, not with what was announced.
    let mut rest = stream.take(u64::try_from(octets).unwrap_or(0));
    rest.read_to_end(&mut answer).await?;
    if answer.len() != octets.saturating_add(4) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}
