//! [MS-SMB2] 3.3.5.5 Receiving an SMB2 SESSION_SETUP Request: new sessions, re-authentication, and binding a further
//! channel to a session.
//!
//! A logon's life: request --token--> `Setup` in the connection --token--> account looked up ([`Pending`]) --> session, or
//! failure, delayed when the address has failed often.

use std::sync::Arc;

use freehold_acl::Token;
use freehold_dtyp::{NtStatus, Sid};
use zeroize::Zeroizing;

use super::super::account::user_of;
use super::super::audit::{self, Attempt};
use super::super::context::{Context, Step, StepResult};
use super::super::limits::{MAX_CHANNELS_PER_SESSION, MAX_ENDED_SESSIONS, MAX_HALF_OPEN_SESSIONS};
use super::super::link::{Channel, Negotiated};
use super::super::op::{Op, OpResult};
use super::super::session::{Identity, NewSession, SealingKeys, Session};
use super::super::status::{CommandError, auth_status};
use crate::auth::{
    AcceptStep, Accepted, Acceptor, AcceptorRandomness, AuthError, Authorization, LogonKind, Mechanism,
};
use crate::crypto::{
    KeyContext, OpenKey, PreauthHash, SealKey, Sender, SessionKeys, SigningAlgorithm, SigningKey,
};
use crate::smb2::session_setup::{
    SessionFlags, SessionSetupFlags, SessionSetupRequest, SessionSetupResponse,
};
use crate::smb2::{DecodeMessage, Dialect, HeaderFlags, SecurityMode, SessionId};
use crate::state::domain_token;

/// A logon under way on a connection.
pub struct Setup {
    acceptor: Acceptor,
    preauth: PreauthHash,
    purpose: Purpose,
    previous: SessionId,
    client_requires_signing: bool,
    attempt: Attempt,
}

/// What a logon is for.
enum Purpose {
    /// A new session.
    New,
    /// 3.3.5.5.1: proves anew who the session is.
    Reauthenticate(Arc<Session>),
    /// 3.3.5.5.2: makes this connection a channel of the session.
    Bind(Arc<Session>),
}

/// A logon that waits for an operation.
pub enum Pending {
    /// For the account.
    Account(SessionId, Box<Setup>),
    /// For the end of a failed logon's delay.
    Delayed(NtStatus),
}

impl Setup {
    /// Takes a reply into the logon's pre-authentication hash.
    pub fn hash(&mut self, message: &[u8]) {
        self.preauth.update(message);
    }
}

/// Takes in a token.
///
/// # Errors
/// LOGON_FAILURE and its relatives, USER_SESSION_DELETED, REQUEST_NOT_ACCEPTED, INVALID_PARAMETER.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = SessionSetupRequest::decode(&message)?;
    if !cx.server.config.allow_raw_ntlm && request.security_buffer.starts_with(b"NTLMSSP\0") {
        return Err(NtStatus::LOGON_FAILURE.into());
    }
    let (id, mut setup) = find_setup(cx, &request)?;
    *cx.session_id = id;
    setup.preauth.update(&message);
    let step = setup.acceptor.step(request.security_buffer);
    proceed(cx, id, setup, step)
}

/// Goes on with what is known of the account.
///
/// # Errors
/// As [`decide`].
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let (id, mut setup) = match pending {
        Pending::Delayed(status) => return Err(status.into()),
        Pending::Account(id, setup) => (id, setup),
    };
    let OpResult::Account(lookup) = result else {
        return Err(CommandError::Internal("the result is not of an account"));
    };
    let identity = lookup.identity;
    setup.attempt.looked_up(&lookup.answer);
    match setup.acceptor.resume(lookup.answer) {
        AcceptStep::Done(accepted) => log_on(cx, id, *setup, *accepted, identity),
        step => proceed(cx, id, setup, step),
    }
}

/// The logon that a request belongs to: one under way, or a new one.
fn find_setup(
    cx: &mut Context<'_>,
    request: &SessionSetupRequest<'_>,
) -> Result<(SessionId, Box<Setup>), CommandError> {
    let id = cx.request.header.session_id;
    let binding = request.flags.contains(SessionSetupFlags::BINDING);
    let requires = request.security_mode.contains(SecurityMode::SIGNING_REQUIRED)
        || cx.link.negotiated.as_ref().is_some_and(|negotiated| {
            negotiated.client_security_mode.contains(SecurityMode::SIGNING_REQUIRED)
        });
    if id != SessionId::NONE
        && let Some(setup) = cx.link.setups.remove(&id.0)
    {
        if let Purpose::Bind(session) = &setup.purpose {
            verify_binding(cx, session)?;
        }
        return Ok((id, Box::new(setup)));
    }
    if cx.link.setups.len() >= MAX_HALF_OPEN_SESSIONS
        || cx.link.channels.len() >= cx.server.config.limits.sessions_per_connection
    {
        return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
    }
    let (id, purpose) = if binding {
        (id, Purpose::Bind(bindable(cx, id)?))
    } else if id == SessionId::NONE {
        if cx.server.encrypts_data()
            && cx.server.rejects_unencrypted()
            && cx.link.negotiated.as_ref().is_none_or(|negotiated| negotiated.cipher.is_none())
        {
            // 3.3.5.5: a client that cannot seal has no business here.
            return Err(NtStatus::ACCESS_DENIED.into());
        }
        (cx.server.next_session_id(), Purpose::New)
    } else {
        let Some(session) = cx.link.session(id).cloned() else {
            // Another connection's, perhaps: who has its key is answered with it, to be believed.
            if let Some(elsewhere) = cx.server.sessions.find(&id.0) {
                let _ = verify_binding(cx, &elsewhere);
            }
            return Err(NtStatus::USER_SESSION_DELETED.into());
        };
        *cx.channel = cx.link.channels.get(&id.0).cloned();
        if session.closed.load(std::sync::atomic::Ordering::Acquire) {
            return Err(NtStatus::USER_SESSION_DELETED.into());
        }
        (id, Purpose::Reauthenticate(session))
    };
    let mut random = Zeroizing::new([0; AcceptorRandomness::SIZE]);
    cx.server.entropy.fill(&mut *random);
    let setup = Setup {
        acceptor: Acceptor::new(
            cx.server.acceptor.load_full(),
            cx.now.wall,
            AcceptorRandomness::new(&random),
        ),
        preauth: cx.link.preauth,
        purpose,
        previous: request.previous_session_id,
        client_requires_signing: requires,
        attempt: Attempt::default(),
    };
    Ok((id, Box::new(setup)))
}

/// 3.3.5.5.2: the session that this connection may become a channel of. The signature is checked first, so that refusals
/// are signed and the client can believe them; then, as Windows does, what was negotiated.
fn bindable(cx: &mut Context<'_>, id: SessionId) -> Result<Arc<Session>, CommandError> {
    let negotiated = cx.link.negotiated.clone().ok_or(NtStatus::INVALID_PARAMETER)?;
    let session = match cx.server.sessions.find(&id.0) {
        Some(session) if negotiated.dialect.is_3x() || is_signed(cx) => session,
        // Before 3.0 nothing is bound, whether there is such a session or not.
        _ if !negotiated.dialect.is_3x() => return Err(NtStatus::REQUEST_NOT_ACCEPTED.into()),
        _ => return Err(NtStatus::USER_SESSION_DELETED.into()),
    };
    if cx.link.channels.contains_key(&id.0) {
        return Err(NtStatus::REQUEST_NOT_ACCEPTED.into());
    }
    verify_binding(cx, &session)?;
    let first = &session.negotiated;
    match (first.signing == SigningAlgorithm::AesGmac, negotiated.signing == SigningAlgorithm::AesGmac) {
        (true, false) => return Err(NtStatus::REQUEST_OUT_OF_SEQUENCE.into()),
        (false, true) => return Err(NtStatus::NOT_SUPPORTED.into()),
        (true, true) | (false, false) => {}
    }
    if !negotiated.dialect.is_3x() {
        return Err(NtStatus::REQUEST_NOT_ACCEPTED.into());
    }
    if first.dialect != negotiated.dialect || first.cipher != negotiated.cipher {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if first.client_guid != negotiated.client_guid {
        return Err(NtStatus::USER_SESSION_DELETED.into());
    }
    if session.identity.load().is_anonymous || session.identity.load().is_guest {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    if session.is_expired(cx.now.wall) {
        return Err(NtStatus::NETWORK_SESSION_EXPIRED.into());
    }
    Ok(session)
}

fn is_signed(cx: &Context<'_>) -> bool {
    cx.request.header.flags.contains(HeaderFlags::SIGNED)
}

/// Requests that bind are signed with the session's key, and their replies until the last too.
fn verify_binding(cx: &mut Context<'_>, session: &Arc<Session>) -> Result<(), CommandError> {
    if !is_signed(cx) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let key = session.signing.clone().ok_or(NtStatus::NOT_SUPPORTED)?;
    let mut copy = cx.request.message.to_vec();
    key.verify(&mut copy, Sender::Client).map_err(|_| NtStatus::ACCESS_DENIED)?;
    *cx.channel = Some(Arc::new(Channel { session: Arc::clone(session), signing: Some(key), usage: None }));
    Ok(())
}

fn proceed(cx: &mut Context<'_>, id: SessionId, mut setup: Box<Setup>, step: AcceptStep) -> StepResult {
    match step {
        AcceptStep::TryAgain(token, error) => {
            // [MS-KILE] 3.2.5.8: the error in the token has the client correct its clock or get another ticket.
            tracing::info!(peer = cx.link.peer, reason = %error, "a logon was refused; the client may try again");
            audit::logon_failed(cx, &setup.attempt, setup.acceptor.mechanism(), error);
            proceed(cx, id, setup, AcceptStep::Continue(token))
        }
        AcceptStep::Continue(token) => {
            cx.link.setups.insert(id.0, *setup);
            let response =
                SessionSetupResponse { session_flags: SessionFlags::empty(), security_buffer: &token };
            cx.reply(&response)?;
            Ok(Step::Reply(NtStatus::MORE_PROCESSING_REQUIRED))
        }
        AcceptStep::NeedAccount(query) => {
            setup.attempt.named(&query);
            let op = Op::Account { query };
            Ok(Step::Op(op, super::Pending::SessionSetup(Box::new(Pending::Account(id, setup)))))
        }
        AcceptStep::Done(accepted) => log_on(cx, id, *setup, *accepted, None),
        AcceptStep::Failed(error) => {
            tracing::info!(peer = cx.link.peer, reason = %error, "logon failed");
            fail(cx, &setup, error)
        }
    }
}

/// 3.3.5.5.3: a failed logon ends what it was for, except the session that it would have bound to.
fn fail(cx: &mut Context<'_>, setup: &Setup, error: AuthError) -> StepResult {
    let status = auth_status(error);
    audit::logon_failed(cx, &setup.attempt, setup.acceptor.mechanism(), error);
    let logons = &cx.server.metrics.logons;
    let refused = match setup.acceptor.mechanism() {
        Some(Mechanism::Ntlm) => &logons.ntlm_refused,
        Some(_) => &logons.kerberos_refused,
        None => &logons.other_refused,
    };
    refused.add_shared(1);
    if let Purpose::Reauthenticate(session) = &setup.purpose {
        cx.server.end_session(session, cx.before_reply, cx.now);
    }
    // Where nobody could say whether the password is right nothing was learnt, and time has passed already.
    if cx.server.logon_failed(&cx.link.peer, cx.now) && status != NtStatus::NO_LOGON_SERVERS {
        let op = Op::Delay { duration: cx.server.config.limits.logon_wait };
        return Ok(Step::Op(op, super::Pending::SessionSetup(Box::new(Pending::Delayed(status)))));
    }
    Err(status.into())
}

/// The logon succeeded.
fn log_on(
    cx: &mut Context<'_>,
    id: SessionId,
    setup: Setup,
    accepted: Accepted,
    identity: Option<Identity>,
) -> StepResult {
    let identity = match (accepted.identity.kind, identity, &accepted.authorization) {
        (LogonKind::User, Some(identity), _) => identity,
        (LogonKind::User, None, Some(authorization)) => domain_user(cx, authorization),
        (LogonKind::Anonymous, ..) => anonymous(),
        (LogonKind::User | LogonKind::Guest, ..) => return fail(cx, &setup, AuthError::LogonFailure),
    };
    let negotiated = cx.link.negotiated.clone().ok_or(NtStatus::INVALID_PARAMETER)?;
    if !cx.server.clients.join(negotiated.client_guid, negotiated.dialect, cx.link.id) {
        // 3.3.5.5.3: somebody may have made it speak another dialect here.
        return Err(NtStatus::USER_SESSION_DELETED.into());
    }
    audit::logging_on(cx.server, &setup.attempt)?;
    cx.server.logon_succeeded(&cx.link.peer);
    cx.link.constrained &= identity.is_anonymous;
    let logons = &cx.server.metrics.logons;
    let succeeded = match setup.acceptor.mechanism() {
        _ if identity.is_anonymous => &logons.anonymous_succeeded,
        Some(Mechanism::Ntlm) | None => &logons.ntlm_succeeded,
        Some(_) => &logons.kerberos_succeeded,
    };
    succeeded.add_shared(1);
    tracing::info!(user = identity.user, peer = cx.link.peer, session_id = id.0, "logged on");
    let flags = match &setup.purpose {
        Purpose::New => new_session(cx, id, &setup, &accepted, identity, negotiated)?,
        Purpose::Reauthenticate(session) => {
            session.identity.store(Arc::new(identity));
            session.renew(accepted.expires);
            SessionFlags::empty()
        }
        Purpose::Bind(session) => {
            if session.identity.load().token.user() != identity.token.user() {
                return Err(NtStatus::ACCESS_DENIED.into());
            }
            if session.connections().len() >= MAX_CHANNELS_PER_SESSION {
                return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
            }
            let keys = derive(&negotiated, &setup, &accepted)?;
            let signing = SigningKey::new(negotiated.signing, &keys.signing).map_err(|_| CRYPTO)?;
            session.join(cx.link.id);
            if session.closed.load(std::sync::atomic::Ordering::Acquire) {
                return Err(NtStatus::USER_SESSION_DELETED.into());
            }
            attach(cx, session, Some(Arc::new(signing)));
            SessionFlags::empty()
        }
    };
    if let Some(session) = cx.server.sessions.find(&id.0) {
        cx.server.recent_logons.add(id.0, cx.now.wall, session.token());
        audit::logged_on(cx, &setup.attempt, accepted.identity.mechanism, &session);
    }
    if setup.previous != SessionId::NONE && setup.previous != id {
        end_previous(cx, id, setup.previous);
    }
    let response = SessionSetupResponse { session_flags: flags, security_buffer: &accepted.token_out };
    cx.reply(&response)
}

/// The key schedule cannot fail for keys of the right length.
const CRYPTO: CommandError = CommandError::Internal("a key could not be prepared");

fn derive(negotiated: &Negotiated, setup: &Setup, accepted: &Accepted) -> Result<SessionKeys, CommandError> {
    let context = match negotiated.dialect {
        Dialect::SMB_2_0_2 | Dialect::SMB_2_1 => KeyContext::Smb2,
        Dialect::SMB_3_1_1 => KeyContext::Smb311(&setup.preauth),
        _ => KeyContext::Smb30,
    };
    SessionKeys::derive(context, &accepted.session_key, negotiated.cipher).map_err(|_| CRYPTO)
}

fn new_session(
    cx: &mut Context<'_>,
    id: SessionId,
    setup: &Setup,
    accepted: &Accepted,
    identity: Identity,
    negotiated: Negotiated,
) -> Result<SessionFlags, CommandError> {
    let is_user = accepted.identity.kind == LogonKind::User;
    // An anonymous client that signs or seals does it with a key of zeros ([MS-NLMP] 3.2.5.1.2).
    let has_keys = is_user || accepted.identity.kind == LogonKind::Anonymous;
    let keys = derive(&negotiated, setup, accepted)?;
    let signing = if has_keys {
        Some(Arc::new(SigningKey::new(negotiated.signing, &keys.signing).map_err(|_| CRYPTO)?))
    } else {
        None
    };
    let sealing = match (has_keys, &keys.encryption, &keys.decryption) {
        (true, Some(encryption), Some(decryption)) => {
            let mut salt = [0; 4];
            cx.server.entropy.fill(&mut salt);
            Some(SealingKeys {
                seal: SealKey::new(encryption, salt).map_err(|_| CRYPTO)?,
                open: OpenKey::new(decryption).map_err(|_| CRYPTO)?,
            })
        }
        _ => None,
    };
    let encrypt_data = cx.server.encrypts_data() && sealing.is_some() && is_user;
    let mut flags = SessionFlags::empty();
    flags.set(SessionFlags::IS_NULL, identity.is_anonymous);
    flags.set(SessionFlags::IS_GUEST, identity.is_guest);
    flags.set(SessionFlags::ENCRYPT_DATA, encrypt_data);
    let session = Arc::new(Session::new(NewSession {
        id,
        connection: cx.link.id,
        negotiated,
        identity,
        signing: signing.clone(),
        signing_required: is_user && (cx.server.config.require_signing || setup.client_requires_signing),
        encrypt_data,
        sealing,
        key_is_public: !is_user,
        application_key: *keys.application.as_bytes(),
        created: cx.now.wall,
        client: cx.link.peer.clone(),
        expires: accepted.expires,
    }));
    cx.server.sessions.insert(id.0, Arc::clone(&session));
    attach(cx, &session, signing);
    Ok(flags)
}

/// Makes the connection a channel of the session; its key signs the reply.
fn attach(cx: &mut Context<'_>, session: &Arc<Session>, signing: Option<Arc<SigningKey>>) {
    let usage = cx.server.metrics.users.enter(user_of(session), cx.link.peer.clone());
    let channel = Arc::new(Channel { session: Arc::clone(session), signing, usage: Some(usage) });
    if cx.link.channels.len() >= MAX_ENDED_SESSIONS {
        cx.link
            .channels
            .retain(|_, channel| !channel.session.closed.load(std::sync::atomic::Ordering::Relaxed));
    }
    cx.link.channels.insert(session.id.0, Arc::clone(&channel));
    cx.link.logged_on = true;
    *cx.channel = Some(channel);
}

/// 3.3.5.5.3: a client that lost its connection ends its former session, if it was its own.
fn end_previous(cx: &mut Context<'_>, id: SessionId, previous: SessionId) {
    let (Some(session), Some(own)) = (cx.server.sessions.find(&previous.0), cx.server.sessions.find(&id.0))
    else {
        return;
    };
    if session.identity.load().token.user() == own.identity.load().token.user() {
        cx.server.end_session(&session, cx.before_reply, cx.now);
    }
}

/// A user whom a ticket's PAC tells of.
fn domain_user(cx: &Context<'_>, authorization: &Authorization) -> Identity {
    Identity {
        user: authorization.account_name.clone(),
        domain: authorization.domain_name.clone(),
        token: Arc::new(domain_token(&cx.server.accounts.load(), authorization)),
        is_anonymous: false,
        is_guest: false,
    }
}

fn anonymous() -> Identity {
    Identity {
        user: String::new(),
        domain: String::new(),
        token: Arc::new(Token::builder(Sid::ANONYMOUS).groups([Sid::EVERYONE, Sid::NETWORK]).build()),
        is_anonymous: true,
        is_guest: false,
    }
}
