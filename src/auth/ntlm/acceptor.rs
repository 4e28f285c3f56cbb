//! [MS-NLMP] 3.2 Server Details: verifies that a client knows the password of an account.
//!
//! ```text
//! AwaitNegotiate --NEGOTIATE--> AwaitAuthenticate --AUTHENTICATE--> AwaitAccount --answer--> Finished
//! ```
//!
//! Every decision rests on NTProofStr, which is always verified, in constant time. The MIC is verified on top of it: it
//! shows that the messages before were not changed, and is never a substitute.
//!
//! A captured AUTHENTICATE cannot be used again: its proof holds for one server challenge, an acceptor takes one
//! AUTHENTICATE only, and challenges are random. For that reason the client's timestamp is not compared with ours:
//! it would protect challenges that are used for longer than one exchange, and it would lock out clients whose clock is
//! wrong.

use super::keys::{self, Direction, NtHash, Secret16};
use super::messages::{
    self, AuthenticateMessage, ChallengeMessage, MIC_OFFSET, NegotiateMessage, NtResponse,
};
use super::{NegotiateFlags, NtlmMessages, av_pair};
use crate::auth::{
    AcceptorConfig, AccountAnswer, AccountQuery, AuthError, ChannelBinding, Identity, LogonKind, Mechanism,
    PassThrough,
};
use crate::crypto::SessionKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use freehold_dtyp::FileTime;
use std::borrow::Cow;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a client gets when it asks for it.
const GRANTED_FLAGS: NegotiateFlags = NegotiateFlags::NTLM
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::UNICODE)
    .union(NegotiateFlags::REQUEST_TARGET)
    .union(NegotiateFlags::SIGN)
    .union(NegotiateFlags::SEAL)
    .union(NegotiateFlags::ALWAYS_SIGN)
    .union(NegotiateFlags::KEY_128)
    .union(NegotiateFlags::KEY_56)
    .union(NegotiateFlags::KEY_EXCH);

/// Longest NEGOTIATE message, in bytes: it is kept until the AUTHENTICATE message comes. Real ones have about 40.
const NEGOTIATE_SIZE_LIMIT: usize = 2048;

/// One exchange.
pub(in crate::auth) struct NtlmAcceptor {
    config: Arc<AcceptorConfig>,
    now: FileTime,
    server_challenge: [u8; 8],
    state: State,
}

enum State {
    AwaitNegotiate,
    AwaitAuthenticate { negotiate: Vec<u8>, challenge: Vec<u8>, flags: NegotiateFlags },
    AwaitAccount(Box<Pending>),
    Finished,
}

/// An AUTHENTICATE message that waits for what is known of its user.
struct Pending {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    authenticate: Vec<u8>,
    flags: NegotiateFlags,
    identity: Identity,
}

/// What comes of a message or an answer.
pub(in crate::auth) enum NtlmStep {
    Challenge(Vec<u8>),
    NeedAccount(Box<AccountQuery>),
    Authenticated(Box<NtlmContext>),
    Failed(AuthError),
}

/// A finished exchange.
#[derive(Clone)]
pub(in crate::auth) struct NtlmContext {
    pub(in crate::auth) identity: Identity,
    pub(in crate::auth) session_key: SessionKey,
    /// ExportedSessionKey; `None` for guests, whose key only the client knows.
    exported: Option<Secret16>,
    flags: NegotiateFlags,
}

impl NtlmAcceptor {
    pub(in crate::auth) fn new(
        config: Arc<AcceptorConfig>,
        now: FileTime,
        server_challenge: [u8; 8],
    ) -> Self {
        NtlmAcceptor { config, now, server_challenge, state: State::AwaitNegotiate }
    }

    pub(in crate::auth) fn step(&mut self, message: &[u8]) -> NtlmStep {
        match core::mem::replace(&mut self.state, State::Finished) {
            State::AwaitNegotiate => self.negotiate(message),
            State::AwaitAuthenticate { negotiate, challenge, flags } => {
                self.authenticate(negotiate, challenge, flags, message)
            }
            State::AwaitAccount(_) | State::Finished => Err(AuthError::InvalidToken),
        }
        .unwrap_or_else(NtlmStep::Failed)
    }

    pub(in crate::auth) fn resume(&mut self, answer: AccountAnswer) -> NtlmStep {
        match core::mem::replace(&mut self.state, State::Finished) {
            State::AwaitAccount(pending) => self.decide(*pending, answer),
            State::AwaitNegotiate | State::AwaitAuthenticate { .. } | State::Finished => {
                Err(AuthError::InvalidToken)
            }
        }
        .map_or_else(NtlmStep::Failed, |context| NtlmStep::Authenticated(Box::new(context)))
    }

    /// 3.2.5.1.1 Server Receives a NEGOTIATE_MESSAGE from the Client.
    fn negotiate(&mut self, message: &[u8]) -> Result<NtlmStep, AuthError> {
        if message.len() > NEGOTIATE_SIZE_LIMIT {
            return Err(AuthError::InvalidToken);
        }
        let offered = NegotiateMessage::decode(message).map_err(|_| AuthError::InvalidToken)?.flags;
        // Clients of NTLMv1 leave out the session security of NTLMv2. They go on to a logon that fails.
        if !offered.contains(NegotiateFlags::NTLM) {
            return Err(AuthError::InvalidToken);
        }
        let names = &self.config.names;
        let mut flags = (offered & GRANTED_FLAGS) | NegotiateFlags::TARGET_INFO | NegotiateFlags::VERSION;
        let encode: fn(&str) -> Vec<u8> = if offered.contains(NegotiateFlags::UNICODE) {
            super::utf16le
        } else if offered.contains(NegotiateFlags::OEM) {
            // 2.2.2.5: only where the client has no UTF-16, as some clients of HTTP.
            flags |= NegotiateFlags::OEM;
            |name| name.as_bytes().to_vec()
        } else {
            return Err(AuthError::InvalidToken);
        };
        let mut target_name = Vec::new();
        if offered.contains(NegotiateFlags::REQUEST_TARGET) {
            if names.is_domain_member {
                flags |= NegotiateFlags::TARGET_TYPE_DOMAIN;
                target_name = encode(&names.netbios_domain);
            } else {
                flags |= NegotiateFlags::TARGET_TYPE_SERVER;
                target_name = encode(&names.netbios_computer);
            }
        }
        let challenge = ChallengeMessage {
            target_name: &target_name,
            flags,
            server_challenge: self.server_challenge,
            target_info: &messages::encode_target_info(names, self.now),
        }
        .encode();
        self.state =
            State::AwaitAuthenticate { negotiate: message.to_vec(), challenge: challenge.clone(), flags };
        Ok(NtlmStep::Challenge(challenge))
    }

    /// 3.2.5.1.2 Server Receives an AUTHENTICATE_MESSAGE from the Client, up to the question who that is.
    fn authenticate(
        &mut self,
        negotiate: Vec<u8>,
        challenge: Vec<u8>,
        offered: NegotiateFlags,
        message: &[u8],
    ) -> Result<NtlmStep, AuthError> {
        let decoded = AuthenticateMessage::decode(message).map_err(|_| AuthError::InvalidToken)?;
        let anonymous = decoded.user.is_empty();
        let extended = decoded.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        // A client may drop what was agreed on, never add to it.
        let mut flags = decoded.flags & offered;
        let either = NegotiateFlags::UNICODE.union(NegotiateFlags::OEM);
        if anonymous && !flags.intersects(either) {
            // Who has no name to write need not say in which alphabet; smbj does not.
            flags |= offered & either;
        }
        let charset = flags & either;
        if charset.is_empty() {
            return Err(AuthError::InvalidToken);
        }
        if !(extended || anonymous) {
            return Err(match NtResponse::decode(decoded.nt_response) {
                Ok(NtResponse::Empty | NtResponse::V1) => AuthError::LogonFailure,
                Ok(NtResponse::V2(_)) | Err(_) => AuthError::InvalidToken,
            });
        }
        if anonymous && decoded.encrypted_random_session_key.is_empty() {
            // Some clients leave the flag set although an anonymous logon has no key to exchange.
            flags.remove(NegotiateFlags::KEY_EXCH);
        }
        if flags.contains(NegotiateFlags::KEY_EXCH) && decoded.encrypted_random_session_key.len() != 16 {
            return Err(AuthError::InvalidToken);
        }
        let mut identity = Identity {
            user: text(&in_utf16(decoded.user, charset)?)?,
            domain: text(&in_utf16(decoded.domain, charset)?)?,
            workstation: text(&in_utf16(decoded.workstation, charset)?)?,
            kind: LogonKind::User,
            mechanism: Mechanism::Ntlm,
            target_name: None,
            target_name_untrusted: false,
        };
        // Anonymous clients send an empty user and nothing, or one zero byte, in place of the responses.
        if anonymous {
            if !(decoded.nt_response.is_empty() && matches!(decoded.lm_response, [] | [0])) {
                return Err(AuthError::LogonFailure);
            }
            if !self.config.allow_anonymous {
                return Err(AuthError::AnonymousRefused);
            }
            identity.kind = LogonKind::Anonymous;
            let session_base_key = Zeroizing::new([0; 16]);
            let exported = exported_session_key(&session_base_key, flags, &decoded)?;
            return Ok(NtlmStep::Authenticated(Box::new(NtlmContext::new(identity, exported, flags))));
        }
        let response = match NtResponse::decode(decoded.nt_response).map_err(|_| AuthError::InvalidToken)? {
            NtResponse::V2(response) => response,
            // LM, LMv2 alone and NTLMv1 are refused before anybody is asked.
            NtResponse::Empty | NtResponse::V1 => return Err(AuthError::LogonFailure),
        };
        identity.target_name = response.pairs.target_name.map(text).transpose()?;
        identity.target_name_untrusted = response.pairs.flags & av_pair::AV_FLAG_UNTRUSTED_TARGET != 0;
        let query = AccountQuery {
            user: identity.user.clone(),
            domain: identity.domain.clone(),
            workstation: identity.workstation.clone(),
            pass_through: PassThrough {
                server_challenge: self.server_challenge,
                nt_response: decoded.nt_response.to_vec(),
                lm_response: decoded.lm_response.to_vec(),
            },
        };
        self.state = State::AwaitAccount(Box::new(Pending {
            negotiate,
            challenge,
            authenticate: message.to_vec(),
            flags,
            identity,
        }));
        Ok(NtlmStep::NeedAccount(Box::new(query)))
    }

    /// 3.2.5.1.2, from the password on.
    fn decide(&self, pending: Pending, answer: AccountAnswer) -> Result<NtlmContext, AuthError> {
        let Pending { negotiate, challenge, mut authenticate, flags, mut identity } = pending;
        let decoded = AuthenticateMessage::decode(&authenticate).map_err(|_| AuthError::InvalidToken)?;
        let NtResponse::V2(response) =
            NtResponse::decode(decoded.nt_response).map_err(|_| AuthError::InvalidToken)?
        else {
            return Err(AuthError::InvalidToken);
        };
        // 3.3.2: the names go into the key in UTF-16, however they came.
        let (user, domain) = (in_utf16(decoded.user, flags)?, in_utf16(decoded.domain, flags)?);
        let (hash, exists, restriction) = match answer {
            AccountAnswer::Secret { nt_hash, restriction } => (Some(nt_hash), true, restriction),
            // The same work as for an account that is there, with a hash that nobody's password has.
            AccountAnswer::Unknown => (Some(NtHash::from_bytes([0; 16])), false, None),
            AccountAnswer::Verified { session_base_key } => {
                let base = Zeroizing::new(session_base_key);
                return self.conclude(&negotiate, &challenge, &mut authenticate, flags, identity, base);
            }
            AccountAnswer::Refused(error) => return Err(error),
            AccountAnswer::Guest if self.config.allow_guest => {
                identity.kind = LogonKind::Guest;
                return Ok(NtlmContext {
                    identity,
                    session_key: SessionKey::new(&[0; 16]),
                    exported: None,
                    flags,
                });
            }
            AccountAnswer::Guest => return Err(AuthError::AnonymousRefused),
        };
        let key = hash.map(|hash| keys::ntowf_v2(&hash, &user, &domain)).ok_or(AuthError::LogonFailure)?;
        let proof = keys::nt_proof(&key, &self.server_challenge, response.temp);
        let matches = verify_slices_are_equal(&*proof, &response.proof).is_ok();
        if !(matches & exists) {
            return Err(AuthError::LogonFailure);
        }
        let base = keys::session_base_key(&key, &proof);
        let context = self.conclude(&negotiate, &challenge, &mut authenticate, flags, identity, base)?;
        restriction.map_or(Ok(context), Err)
    }

    /// The password is right: the checks that rest on it, and the keys.
    fn conclude(
        &self,
        negotiate: &[u8],
        challenge: &[u8],
        authenticate: &mut [u8],
        flags: NegotiateFlags,
        identity: Identity,
        session_base_key: Secret16,
    ) -> Result<NtlmContext, AuthError> {
        let decoded = AuthenticateMessage::decode(authenticate).map_err(|_| AuthError::InvalidToken)?;
        let NtResponse::V2(response) =
            NtResponse::decode(decoded.nt_response).map_err(|_| AuthError::InvalidToken)?
        else {
            return Err(AuthError::InvalidToken);
        };
        let exported = exported_session_key(&session_base_key, flags, &decoded)?;
        // 2.2.2.1: zero is how a client says that it has none.
        let sent = response.pairs.channel_bindings.filter(|hash| *hash != [0; 16]);
        match self.config.channel_binding {
            ChannelBinding::Ignore => {}
            ChannelBinding::IfSent(expected) => {
                if sent.is_some_and(|hash| hash != expected) {
                    return Err(AuthError::BadBindings);
                }
            }
            ChannelBinding::Required(expected) => {
                if sent != Some(expected) {
                    return Err(AuthError::BadBindings);
                }
            }
        }
        // The announcement of the MIC is covered by the proof, so nobody can have taken it away.
        let announced = response.pairs.flags & av_pair::AV_FLAG_MIC != 0;
        let mic = decoded.mic;
        if announced {
            let received = mic.ok_or(AuthError::MessageAltered)?;
            if let Some(place) =
                authenticate.get_mut(MIC_OFFSET..).and_then(|rest| rest.first_chunk_mut::<16>())
            {
                *place = [0; 16];
            }
            let computed = keys::message_mic(&exported, &[negotiate, challenge, authenticate]);
            verify_slices_are_equal(&*computed, &received).map_err(|_| AuthError::MessageAltered)?;
        } else if self.config.require_mic {
            return Err(AuthError::MessageAltered);
        }
        Ok(NtlmContext::new(identity, exported, flags))
    }
}

impl NtlmContext {
    fn new(identity: Identity, exported: Secret16, flags: NegotiateFlags) -> Self {
        NtlmContext { identity, session_key: SessionKey::new(&*exported), exported: Some(exported), flags }
    }

    /// Verifies the client's mechListMIC over `mech_types`. A guest's cannot be verified: it is let through.
    pub(in crate::auth) fn verify_client_mic(&self, mech_types: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        let Some(exported) = &self.exported else { return Ok(()) };
        let expected = keys::first_signature(exported, self.flags, Direction::ClientToServer, mech_types);
        verify_slices_are_equal(&expected, mic).map_err(|_| AuthError::MessageAltered)
    }

    /// What protects messages from now on; `None` for guests.
    pub(in crate::auth) fn messages(&self, exchanged_mic: bool) -> Option<NtlmMessages> {
        NtlmMessages::new(self.exported.as_ref()?, self.flags, exchanged_mic)
    }

    /// Our mechListMIC over `mech_types`; `None` for guests.
    pub(in crate::auth) fn server_mic(&self, mech_types: &[u8]) -> Option<[u8; 16]> {
        let exported = self.exported.as_ref()?;
        Some(keys::first_signature(exported, self.flags, Direction::ServerToClient, mech_types))
    }
}

impl core::fmt::Debug for NtlmContext {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NtlmContext({:?})", self.identity)
    }
}

/// ExportedSessionKey: the client's choice when keys are exchanged, SessionBaseKey otherwise.
fn exported_session_key(
    session_base_key: &Secret16,
    flags: NegotiateFlags,
    message: &AuthenticateMessage<'_>,
) -> Result<Secret16, AuthError> {
    if !flags.contains(NegotiateFlags::KEY_EXCH) {
        return Ok(session_base_key.clone());
    }
    let encrypted = message.encrypted_random_session_key.try_into().map_err(|_| AuthError::InvalidToken)?;
    Ok(keys::rc4_key(session_base_key, encrypted))
}

/// A name in UTF-16, from the character set that was agreed on. Of an OEM character set only what is ASCII is known.
fn in_utf16(name: &[u8], flags: NegotiateFlags) -> Result<Cow<'_, [u8]>, AuthError> {
    if flags.contains(NegotiateFlags::UNICODE) {
        return Ok(Cow::Borrowed(name));
    }
    if !name.is_ascii() {
        return Err(AuthError::LogonFailure);
    }
    Ok(Cow::Owned(name.iter().flat_map(|byte| [*byte, 0]).collect()))
}

/// A name; lone surrogates are in no account's name.
fn text(utf16le: &[u8]) -> Result<String, AuthError> {
    let (pairs, rest) = utf16le.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(AuthError::InvalidToken);
    }
    char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
        .collect::<Result<String, _>>()
        .map_err(|_| AuthError::InvalidToken)
}
