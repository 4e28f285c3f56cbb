//! A secure channel to one domain controller ([MS-NRPC] 3.1.4.6): its key, and connections that are sealed with it.
//!
//! One handshake makes the key; each connection binds with it anew and runs one call at a time, so that several logons are under
//! way at once. Once the domain controller is taken for dead, every call on the channel ends at once.
//!
//! ```text
//! open --Authenticate3--> made --capabilities verified--> Up --no answer and no sign of life--> Gone
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freehold_dtyp::{FileTime, NtStatus};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::Controller;
use super::crypto::{CredentialChain, NetlogonKey, SIGNATURE_SIZE, SealContext};
use super::error::ChannelError;
use super::messages::{
    self, AUTHENTICATE3, CallNames, GET_CAPABILITIES, LogonResult, NETLOGON, REQ_CHALLENGE, REQUIRED,
    SAM_INFO2, SAM_INFO4, SAM_LOGON_EX,
};
use crate::auth::{AccountQuery, nt_hash};
use crate::domain::rpc::{self, Connection, Protection, RpcError, Verifier};
use crate::state::{MachinePassword, Membership};

/// [MS-RPCE] 2.2.1.1.7 RPC_C_AUTHN_NETLOGON and 2.2.1.1.8 RPC_C_AUTHN_LEVEL_PKT_PRIVACY.
const SEALED: Verifier = Verifier { auth_type: 68, auth_level: 6 };
/// Connections, and so calls at a time, to the domain controller.
const MAX_CONNECTIONS: usize = 32;
/// Connections that are kept while nothing is to do.
const KEPT_CONNECTIONS: usize = 2;
/// A call without an answer for this long makes the member look whether the domain controller lives.
const DOUBT_AFTER: Duration = Duration::from_secs(1);
/// A domain controller that does not answer to a new connection for this long is taken for dead.
const SIGN_OF_LIFE_LIMIT: Duration = Duration::from_secs(1);

/// An established channel.
pub(super) struct Channel {
    controller: Controller,
    /// Where the interface listens.
    endpoint: SocketAddr,
    key: NetlogonKey,
    /// Options of the handshake.
    agreed: u32,
    chain: tokio::sync::Mutex<CredentialChain>,
    names: CallNames,
    netbios_domain: String,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
    /// Turns true once.
    gone: watch::Sender<bool>,
    last_answer: Mutex<Instant>,
}

/// Why a call on a channel was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The domain controller does not live: ask another one.
    #[error("the domain controller does not answer")]
    Gone,
    /// It lives, and the channel is no good any more: make a new one.
    #[error(transparent)]
    Stale(#[from] ChannelError),
    /// It lives, and is too slow for this call.
    #[error("the domain controller is too slow")]
    TooSlow,
}

impl Channel {
    /// Makes a channel, with the account's password or one that it had before and that counts still. Not to be used before
    /// [`Channel::verify`].
    pub(super) async fn open(
        controller: Controller,
        membership: &Membership,
        deadline: Instant,
    ) -> Result<Arc<Channel>, ChannelError> {
        let port = rpc::tcp_port(controller.endpoint_mapper, &NETLOGON, deadline).await?;
        let endpoint = SocketAddr::new(controller.endpoint_mapper.ip(), port);
        let names = CallNames {
            controller: format!(r"\\{}", controller.host),
            computer: membership.computer_name.clone(),
            account: membership.account_name(),
        };
        let mut connection = Connection::bind(endpoint, &NETLOGON, None, deadline).await?;
        let now = FileTime::from_system_time(SystemTime::now());
        let counts = |password: &&MachinePassword| password.not_after.is_none_or(|not_after| now < not_after);
        let mut refused = None;
        for password in membership.passwords().filter(counts) {
            match handshake(&mut connection, &names, password, deadline).await {
                Ok((key, credential, agreed)) => {
                    let channel = Channel {
                        controller,
                        endpoint,
                        chain: tokio::sync::Mutex::new(CredentialChain::new(key.clone(), credential)),
                        key,
                        agreed,
                        names,
                        netbios_domain: membership.netbios_domain.clone(),
                        idle: Mutex::new(Vec::new()),
                        permits: Semaphore::new(MAX_CONNECTIONS),
                        gone: watch::Sender::new(false),
                        last_answer: Mutex::new(Instant::now()),
                    };
                    return Ok(Arc::new(channel));
                }
                // The first refusal is of the present password.
                Err(ChannelError::Refused(status)) => refused = refused.or(Some(status)),
                Err(error) => return Err(error),
            }
        }
        Err(ChannelError::Refused(refused.unwrap_or(NtStatus::ACCESS_DENIED)))
    }

    /// Who is at the other end.
    pub(super) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// False once the domain controller was taken for dead.
    pub(super) fn is_up(&self) -> bool {
        !*self.gone.borrow()
    }

    /// Ends every call on the channel.
    pub(super) fn give_up(&self) {
        self.gone.send_replace(true);
        self.idle.lock().clear();
    }

    /// Lets go of connections that are not needed.
    pub(super) fn trim(&self) {
        self.idle.lock().truncate(KEPT_CONNECTIONS);
    }

    /// NetrLogonSamLogonEx.
    pub(super) async fn sam_logon(
        &self,
        query: &AccountQuery,
        deadline: Instant,
    ) -> Result<LogonResult, CallError> {
        let stub = messages::encode_sam_logon_ex(&self.names, query, SAM_INFO4);
        let answer = self.call(SAM_LOGON_EX, &stub, deadline).await?;
        let mut result = messages::decode_sam_logon_ex(&answer).map_err(ChannelError::from)?;
        if result.status == NtStatus::INVALID_INFO_CLASS {
            // Domain controllers of before Windows Server 2003 know no level 6.
            let stub = messages::encode_sam_logon_ex(&self.names, query, SAM_INFO2);
            let answer = self.call(SAM_LOGON_EX, &stub, deadline).await?;
            result = messages::decode_sam_logon_ex(&answer).map_err(ChannelError::from)?;
        }
        if let Some(validation) =
            result.validation.as_deref_mut().filter(|validation| validation.key_is_encrypted)
        {
            self.key.decrypt_session_key(&mut validation.session_key);
            validation.key_is_encrypted = false;
        }
        Ok(result)
    }

    /// 3.4.5.2.11 Calling NetrLogonGetCapabilities: asks inside of the sealed channel what was agreed on outside of it, and shows
    /// that the channel works.
    pub(super) async fn verify(&self, deadline: Instant) -> Result<(), CallError> {
        let mut chain = self.chain.lock().await;
        let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        // The time's lower 32 bits are enough: it makes authenticators differ.
        let authenticator = chain.next((seconds & u64::from(u32::MAX)).try_into().unwrap_or(0));
        let stub = messages::encode_get_capabilities(&self.names, &authenticator);
        let answer = self.call(GET_CAPABILITIES, &stub, deadline).await?;
        let capabilities = messages::decode_get_capabilities(&answer).map_err(ChannelError::from)?;
        if capabilities.status != NtStatus::SUCCESS {
            return Err(ChannelError::NotNow(capabilities.status).into());
        }
        if !chain.verify(&capabilities.returned_credential) {
            return Err(ChannelError::WrongServer.into());
        }
        if capabilities.flags != self.agreed {
            return Err(ChannelError::Downgraded(self.agreed, capabilities.flags).into());
        }
        Ok(())
    }

    /// One call on a connection of its own.
    async fn call(&self, operation: u16, stub: &[u8], deadline: Instant) -> Result<Vec<u8>, CallError> {
        let mut gone = self.gone.subscribe();
        tokio::select! {
            biased;
            _ = gone.wait_for(|gone| *gone) => Err(CallError::Gone),
            result = self.call_in_turn(operation, stub, deadline) => result,
        }
    }

    async fn call_in_turn(
        &self,
        operation: u16,
        stub: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, CallError> {
        let _permit = timeout_at(deadline, self.permits.acquire())
            .await
            .map_err(|_| CallError::TooSlow)?
            .map_err(|_| CallError::Gone)?;
        let asked = Instant::now();
        let call = self.call_on_connection(operation, stub, deadline);
        tokio::pin!(call);
        tokio::select! {
            result = &mut call => return result,
            () = sleep(DOUBT_AFTER) => {}
        }
        tokio::select! {
            biased;
            result = &mut call => return result,
            lives = self.shows_life_since(asked) => if !lives {
                return Err(CallError::Gone);
            }
        }
        call.await
    }

    async fn call_on_connection(
        &self,
        operation: u16,
        stub: &[u8],
        deadline: Instant,
    ) -> Result<Vec<u8>, CallError> {
        let idle = self.idle.lock().pop();
        let was_idle = idle.is_some();
        let outcome = match idle {
            Some(connection) => Ok(connection),
            None => self.connect(deadline).await,
        };
        let outcome = match outcome {
            Ok(mut connection) => {
                connection.call(operation, stub, deadline).await.map(|answer| (connection, answer))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok((connection, answer)) => {
                *self.last_answer.lock() = Instant::now();
                if self.is_up() {
                    self.idle.lock().push(connection);
                }
                Ok(answer)
            }
            Err(RpcError::TimedOut) => Err(CallError::TooSlow),
            Err(error @ RpcError::Connect(..)) if !was_idle => {
                tracing::debug!(controller = self.controller.host, %error, "the domain controller is away");
                Err(CallError::Gone)
            }
            Err(error) => Err(CallError::Stale(error.into())),
        }
    }

    /// A sealed connection.
    async fn connect(&self, deadline: Instant) -> Result<Connection, RpcError> {
        let token = messages::negotiate_token(&self.netbios_domain, &self.names.computer);
        let protection = Box::new(Sealing(SealContext::new(&self.key)));
        Connection::bind(self.endpoint, &NETLOGON, Some((protection, &token)), deadline).await
    }

    /// Whether anything came from the domain controller after `asked`, or comes now.
    async fn shows_life_since(&self, asked: Instant) -> bool {
        if *self.last_answer.lock() > asked {
            return true;
        }
        let deadline = Instant::now() + SIGN_OF_LIFE_LIMIT;
        let lives = Connection::bind(self.endpoint, &NETLOGON, None, deadline).await.is_ok();
        if lives {
            *self.last_answer.lock() = Instant::now();
        }
        lives
    }
}

/// 3.1.4.1 Session-Key Negotiation: the key, this client's credential and the options agreed on.
async fn handshake(
    connection: &mut Connection,
    names: &CallNames,
    password: &MachinePassword,
    deadline: Instant,
) -> Result<(NetlogonKey, [u8; 8], u32), ChannelError> {
    let client_challenge: [u8; 8] = random()?;
    let stub = messages::encode_req_challenge(names, &client_challenge);
    let answer = connection.call(REQ_CHALLENGE, &stub, deadline).await?;
    let (server_challenge, status) = messages::decode_req_challenge(&answer)?;
    accepted(status)?;
    let secret = nt_hash(&password.text);
    let key = NetlogonKey::derive(&secret, &client_challenge, &server_challenge);
    let credential = key.credential(&client_challenge);
    let stub = messages::encode_authenticate3(names, &credential);
    let answer = connection.call(AUTHENTICATE3, &stub, deadline).await?;
    let answer = messages::decode_authenticate3(&answer)?;
    if answer.status == NtStatus::DOWNGRADE_DETECTED {
        return Err(ChannelError::TooWeak(answer.flags));
    }
    accepted(answer.status)?;
    // 3.4.5.2.2: the domain controller proves that it knows the password, too.
    let expected = key.credential(&server_challenge);
    if aws_lc_rs::constant_time::verify_slices_are_equal(&expected, &answer.server_credential).is_err() {
        return Err(ChannelError::WrongServer);
    }
    if answer.flags & REQUIRED != REQUIRED {
        return Err(ChannelError::TooWeak(answer.flags));
    }
    Ok((key, credential, answer.flags))
}

fn accepted(status: NtStatus) -> Result<(), ChannelError> {
    match status {
        NtStatus::SUCCESS => Ok(()),
        NtStatus::ACCESS_DENIED
        | NtStatus::NO_TRUST_SAM_ACCOUNT
        | NtStatus::INVALID_COMPUTER_NAME
        | NtStatus::NO_SUCH_USER
        | NtStatus::ACCOUNT_DISABLED => Err(ChannelError::Refused(status)),
        other => Err(ChannelError::NotNow(other)),
    }
}

fn random() -> Result<[u8; 8], ChannelError> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ChannelError::Random)?;
    Ok(bytes)
}

/// 3.3.4.2: the Netlogon security provider, always sealing.
struct Sealing(SealContext);

impl Protection for Sealing {
    fn verifier(&self) -> Verifier {
        SEALED
    }

    fn signature_bytes(&self) -> usize {
        SIGNATURE_SIZE
    }

    fn seal(&mut self, stub: &mut [u8]) -> Result<Vec<u8>, RpcError> {
        let confounder =
            random().map_err(|_| RpcError::Broken(std::io::Error::other("no random numbers")))?;
        Ok(self.0.seal(confounder, stub).to_vec())
    }

    fn open(&mut self, signature: &[u8], stub: &mut [u8]) -> Result<(), RpcError> {
        self.0.open(signature, stub).map_err(|error| {
            tracing::warn!(%error, "a message of the secure channel was changed on its way");
            RpcError::Unprotected
        })
    }
}
