//! [MS-NLMP] 3.1 Client Details: the initiating side, raw or in SPNEGO. For benchmarks, tests and the simulation.

use super::av_pair::{self, AvId, AvPairs};
use super::keys::{self, Direction, NtHash, Secret16};
use super::messages::{self, AuthenticateMessage, ChallengeMessage, MIC_OFFSET, NegotiateMessage};
use super::{NegotiateFlags, NtlmMessages, utf16le};
use crate::auth::spnego::{self, Mechanism, NegState, NegTokenResp};
use crate::auth::{AuthError, MessageSecurity};
use crate::crypto::SessionKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use freehold_dtyp::{FileTime, Reader, Writer};
use zeroize::Zeroizing;

/// Who logs on.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name; empty for an anonymous logon.
    pub user: String,
    /// Domain; may be empty.
    pub domain: String,
    /// The client's own name; may be empty.
    pub workstation: String,
    /// Hash of the password.
    pub nt_hash: NtHash,
}

/// The random numbers of one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Randomness {
    /// ChallengeFromClient.
    pub client_challenge: [u8; 8],
    /// ExportedSessionKey.
    pub exported_session_key: [u8; 16],
}

/// What the client does about the MIC of the AUTHENTICATE message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MicMode {
    /// Announces and sends it, as Windows does.
    #[default]
    Send,
    /// Announces it and leaves the field out: what somebody in the middle would make of the message.
    AnnounceOnly,
    /// Neither, as the Linux kernel's client.
    Without,
}

/// The kind of the client's response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseKind {
    /// NTLMv2.
    #[default]
    V2,
    /// 24 bytes, as the responses of LM and NTLM version 1 have.
    V1Size,
}

/// How the exchange is done.
#[derive(Clone, Debug)]
pub struct InitiatorOptions {
    /// The mechanisms to offer in SPNEGO; empty for raw NTLM messages. Unless NTLM is the first, the first token
    /// offers another mechanism optimistically.
    pub mechanisms: Vec<Mechanism>,
    /// Asks for a key exchange, as everybody does.
    pub key_exchange: bool,
    /// Asks for sealing of messages, for who protects messages of its own (RPC).
    pub seal: bool,
    /// MIC of the AUTHENTICATE message.
    pub mic: MicMode,
    /// Kind of response.
    pub response: ResponseKind,
    /// MsvAvTargetName, such as `cifs/server`.
    pub target_name: Option<String>,
    /// MsvAvChannelBindings.
    pub channel_binding: Option<[u8; 16]>,
}

impl Default for InitiatorOptions {
    fn default() -> Self {
        InitiatorOptions {
            mechanisms: vec![Mechanism::Ntlm],
            key_exchange: true,
            seal: false,
            mic: MicMode::Send,
            response: ResponseKind::V2,
            target_name: None,
            channel_binding: None,
        }
    }
}

/// One logon from the client's side.
pub struct Initiator {
    credentials: Credentials,
    randomness: Randomness,
    options: InitiatorOptions,
    negotiate: Vec<u8>,
    exported: Option<Secret16>,
    flags: NegotiateFlags,
    authenticated: bool,
    mic_sent: bool,
    server_mic_seen: bool,
}

impl Initiator {
    /// Starts a logon.
    #[must_use]
    pub fn new(credentials: Credentials, randomness: Randomness, options: InitiatorOptions) -> Self {
        let mut flags = NegotiateFlags::UNICODE
            | NegotiateFlags::REQUEST_TARGET
            | NegotiateFlags::SIGN
            | NegotiateFlags::NTLM
            | NegotiateFlags::ALWAYS_SIGN
            | NegotiateFlags::EXTENDED_SESSIONSECURITY
            | NegotiateFlags::TARGET_INFO
            | NegotiateFlags::VERSION
            | NegotiateFlags::KEY_128
            | NegotiateFlags::KEY_56;
        if options.key_exchange {
            flags |= NegotiateFlags::KEY_EXCH;
        }
        if options.seal {
            flags |= NegotiateFlags::SEAL;
        }
        Initiator {
            credentials,
            randomness,
            options,
            negotiate: NegotiateMessage { flags }.encode(),
            exported: None,
            flags,
            authenticated: false,
            mic_sent: false,
            server_mic_seen: false,
        }
    }

    /// The first token.
    #[must_use]
    pub fn start(&self) -> Vec<u8> {
        match self.options.mechanisms.first() {
            None => self.negotiate.clone(),
            Some(Mechanism::Ntlm) => spnego::encode_init(&self.options.mechanisms, Some(&self.negotiate)),
            Some(_) => spnego::encode_init(&self.options.mechanisms, Some(b"a token of another mechanism")),
        }
    }

    /// The answer to a token that came with STATUS_MORE_PROCESSING_REQUIRED.
    ///
    /// # Errors
    /// [`AuthError::InvalidToken`]; [`AuthError::MessageAltered`] when the server's MIC is wrong.
    pub fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        if self.options.mechanisms.is_empty() {
            return self.authenticate(token);
        }
        let response = NegTokenResp::decode(token).map_err(|_| AuthError::InvalidToken)?;
        if response.neg_state == Some(NegState::Reject)
            || response.supported_mech.is_some_and(|m| m != Mechanism::Ntlm)
        {
            return Err(AuthError::NoCommonMechanism);
        }
        if self.authenticated {
            // Only MICs are still owed.
            self.verify_server_mic(response.mech_list_mic.ok_or(AuthError::InvalidToken)?)?;
            let mic = self.client_mic()?;
            return Ok(NegTokenResp { mech_list_mic: Some(&mic), ..NegTokenResp::default() }.encode());
        }
        let Some(mech_token) = response.response_token else {
            return Ok(
                NegTokenResp { response_token: Some(&self.negotiate), ..NegTokenResp::default() }.encode()
            );
        };
        let authenticate = self.authenticate(mech_token)?;
        // As Windows: a MIC when there was more than one mechanism to choose from.
        let mic = if self.options.mechanisms.len() > 1 { Some(self.client_mic()?) } else { None };
        self.mic_sent = mic.is_some();
        Ok(NegTokenResp {
            response_token: Some(&authenticate),
            mech_list_mic: mic.as_ref().map(|mic| mic.as_slice()),
            ..NegTokenResp::default()
        }
        .encode())
    }

    /// Takes in the token that came with success; it may be empty.
    ///
    /// # Errors
    /// [`AuthError::MessageAltered`] when the server's MIC is wrong, or missing although ours was sent.
    pub fn finish(&mut self, token: &[u8]) -> Result<(), AuthError> {
        if self.options.mechanisms.is_empty() || token.is_empty() {
            return if self.mic_sent && !self.server_mic_seen {
                Err(AuthError::MessageAltered)
            } else {
                Ok(())
            };
        }
        let response = NegTokenResp::decode(token).map_err(|_| AuthError::InvalidToken)?;
        if response.neg_state != Some(NegState::AcceptCompleted) {
            return Err(AuthError::InvalidToken);
        }
        match response.mech_list_mic {
            Some(mic) => self.verify_server_mic(mic),
            None if self.mic_sent && !self.server_mic_seen => Err(AuthError::MessageAltered),
            None => Ok(()),
        }
    }

    /// The key that both sides share once the AUTHENTICATE message was made.
    #[must_use]
    pub fn session_key(&self) -> Option<SessionKey> {
        self.exported.as_ref().map(|key| SessionKey::new(&**key))
    }

    /// What protects messages once the logon has succeeded.
    #[must_use]
    pub fn message_security(&self) -> Option<MessageSecurity> {
        let messages = NtlmMessages::new(self.exported.as_ref()?, self.flags, self.server_mic_seen)?;
        Some(MessageSecurity::ntlm(messages.of_client()))
    }

    /// 3.1.5.1.2 Client Receives a CHALLENGE_MESSAGE from the Server.
    fn authenticate(&mut self, challenge: &[u8]) -> Result<Vec<u8>, AuthError> {
        if self.authenticated {
            return Err(AuthError::InvalidToken);
        }
        let decoded = ChallengeMessage::decode(challenge).map_err(|_| AuthError::InvalidToken)?;
        self.authenticated = true;
        self.flags &= decoded.flags | NegotiateFlags::VERSION;
        let user = utf16le(&self.credentials.user);
        let domain = utf16le(&self.credentials.domain);
        let anonymous = user.is_empty();
        let (nt_response, base) = if anonymous {
            self.flags |= NegotiateFlags::ANONYMOUS;
            (Vec::new(), Zeroizing::new([0; 16]))
        } else {
            self.response(&decoded, &user, &domain)?
        };
        let nt_response = match self.options.response {
            ResponseKind::V1Size if !anonymous => vec![0x5a; 24],
            ResponseKind::V1Size | ResponseKind::V2 => nt_response,
        };
        let (exported, encrypted) = if self.flags.contains(NegotiateFlags::KEY_EXCH) {
            let exported = Zeroizing::new(self.randomness.exported_session_key);
            let encrypted = keys::rc4_key(&base, &exported);
            (exported, encrypted.to_vec())
        } else {
            (base, Vec::new())
        };
        let send_mic = self.options.mic == MicMode::Send && !anonymous;
        let mut message = AuthenticateMessage {
            lm_response: if anonymous { &[0] } else { &[0; 24] },
            nt_response: &nt_response,
            domain: &domain,
            user: &user,
            workstation: &utf16le(&self.credentials.workstation),
            encrypted_random_session_key: &encrypted,
            flags: self.flags,
            mic: send_mic.then_some([0; 16]),
        }
        .encode();
        if send_mic {
            let mic = keys::message_mic(&exported, &[&self.negotiate, challenge, &message]);
            if let Some(place) = message.get_mut(MIC_OFFSET..).and_then(|rest| rest.first_chunk_mut::<16>()) {
                *place = *mic;
            }
        }
        self.exported = Some(exported);
        Ok(message)
    }

    /// NtChallengeResponse and SessionBaseKey.
    fn response(
        &self,
        challenge: &ChallengeMessage<'_>,
        user: &[u8],
        domain: &[u8],
    ) -> Result<(Vec<u8>, Secret16), AuthError> {
        let theirs = AvPairs::decode(challenge.target_info).map_err(|_| AuthError::InvalidToken)?;
        let mut pairs = Writer::new();
        let mut reader = Reader::new(challenge.target_info);
        while let Some((id, value)) = av_pair::next_pair(&mut reader).map_err(|_| AuthError::InvalidToken)? {
            av_pair::put_pair(&mut pairs, id, value);
        }
        if self.options.mic != MicMode::Without {
            av_pair::put_pair(&mut pairs, AvId::FLAGS, &av_pair::AV_FLAG_MIC.to_le_bytes());
        }
        if let Some(hash) = &self.options.channel_binding {
            av_pair::put_pair(&mut pairs, AvId::CHANNEL_BINDINGS, hash);
        }
        if let Some(name) = &self.options.target_name {
            av_pair::put_pair(&mut pairs, AvId::TARGET_NAME, &utf16le(name));
        }
        av_pair::put_pair(&mut pairs, AvId::EOL, &[]);
        let temp = messages::encode_temp(
            theirs.timestamp.unwrap_or(FileTime::ZERO),
            &self.randomness.client_challenge,
            pairs.as_slice(),
        );
        let key = keys::ntowf_v2(&self.credentials.nt_hash, user, domain);
        let proof = keys::nt_proof(&key, &challenge.server_challenge, &temp);
        let base = keys::session_base_key(&key, &proof);
        let mut response = proof.to_vec();
        response.extend_from_slice(&temp);
        Ok((response, base))
    }

    fn client_mic(&self) -> Result<[u8; 16], AuthError> {
        let exported = self.exported.as_ref().ok_or(AuthError::InvalidToken)?;
        let list = spnego::encode_mech_types(&self.options.mechanisms);
        Ok(keys::first_signature(exported, self.flags, Direction::ClientToServer, &list))
    }

    fn verify_server_mic(&mut self, mic: &[u8]) -> Result<(), AuthError> {
        let exported = self.exported.as_ref().ok_or(AuthError::InvalidToken)?;
        let list = spnego::encode_mech_types(&self.options.mechanisms);
        let expected = keys::first_signature(exported, self.flags, Direction::ServerToClient, &list);
        verify_slices_are_equal(&expected, mic).map_err(|_| AuthError::MessageAltered)?;
        self.server_mic_seen = true;
        Ok(())
    }
}

impl core::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Initiator").field("user", &self.credentials.user).finish_non_exhaustive()
    }
}
