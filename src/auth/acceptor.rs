//! [MS-SPNG] 3.3, RFC 4178 section 4: the server's side of a logon, SPNEGO or a mechanism's own tokens.
//!
//! ```text
//! Start --NTLMSSP or Kerberos without SPNEGO--> Raw
//!   '---NegTokenInit---> Negotiated --mechanism done, MIC there or not needed--> Finished
//!                             '-----mechanism done, MIC missing----> AwaitMic --MIC--> Finished
//! ```

use super::kerberos::{self, KerberosAcceptor, KerberosContext, KerberosMessages, KerberosStep};
use super::ntlm::{self, NtlmAcceptor, NtlmContext, NtlmStep};
use super::spnego::{self, Mechanism, NegState, NegTokenInit, NegTokenResp};
use super::{
    AcceptorConfig, AccountAnswer, AccountQuery, AuthError, Authorization, Identity, MessageSecurity,
    TOKEN_SIZE_LIMIT,
};
use crate::crypto::SessionKey;
use freehold_dtyp::FileTime;
use std::sync::Arc;

/// Longest MechTypeList, in bytes: it is kept until the end of the exchange. Real ones have about 50.
const MECH_TYPES_SIZE_LIMIT: usize = 1024;

/// One logon, from the first token to its end. Used once: a new SESSION_SETUP or re-authentication makes a new one.
pub struct Acceptor {
    config: Arc<AcceptorConfig>,
    now: FileTime,
    randomness: AcceptorRandomness,
    /// The mechanism that was chosen.
    running: Option<Running>,
    state: State,
}

/// Random bytes for one logon: never used before, never used again.
#[derive(Clone)]
pub struct AcceptorRandomness {
    server_challenge: [u8; 8],
    kerberos: kerberos::Randomness,
}

/// A mechanism under way.
enum Running {
    Ntlm(NtlmAcceptor),
    Kerberos(KerberosAcceptor),
}

enum State {
    Start,
    Raw,
    Negotiated(Negotiated),
    AwaitMic { mech_types: Vec<u8>, context: Context },
    Finished,
}

struct Negotiated {
    /// MechTypeList as the client sent it.
    mech_types: Vec<u8>,
    /// The mechanism that was chosen.
    mechanism: Mechanism,
    /// RFC 4178 5: the mechanism is not the client's first choice, so both MICs are needed.
    mic_required: bool,
    /// supportedMech belongs into the first reply only.
    replied: bool,
    /// The client's mechListMIC, which came with the last token of the mechanism.
    mech_list_mic: Option<Vec<u8>>,
}

/// A mechanism that is done.
enum Context {
    Ntlm(Box<NtlmContext>),
    Kerberos(Box<KerberosContext>),
}

/// What a mechanism says to a token or an answer.
enum MechanismStep {
    Continue(Vec<u8>),
    TryAgain(Vec<u8>, AuthError),
    NeedAccount(Box<AccountQuery>),
    /// Done, with a last token that may be empty.
    Authenticated(Context, Vec<u8>),
    Failed(AuthError),
}

/// What to do after a token or an answer was taken in.
#[derive(Debug)]
pub enum AcceptStep {
    /// Send this token with STATUS_MORE_PROCESSING_REQUIRED and wait for the next one.
    Continue(Vec<u8>),
    /// As [`AcceptStep::Continue`], but the client was refused for this reason: the token tells it, and it may correct itself.
    TryAgain(Vec<u8>, AuthError),
    /// Find out about this account and call [`Acceptor::resume`].
    NeedAccount(Box<AccountQuery>),
    /// Somebody is logged on.
    Done(Box<Accepted>),
    /// Nobody is. Every later call fails too.
    Failed(AuthError),
}

/// The result of a logon.
#[derive(Debug)]
pub struct Accepted {
    /// Who.
    pub identity: Identity,
    /// Session.FullSessionKey. Of anonymous and guest logons the client may have another, and everybody knows it: never the
    /// first to sign with it.
    pub session_key: SessionKey,
    /// The token for the last response; may be empty.
    pub token_out: Vec<u8>,
    /// What a domain controller says of the user, where the logon brought that along: in a Kerberos ticket's PAC.
    pub authorization: Option<Box<Authorization>>,
    /// When the logon ends by itself: a ticket's end time.
    pub expires: Option<FileTime>,
    /// For protocols that protect messages of their own (RPC) with the keys of the logon; `None` where there are none.
    pub security: Option<MessageSecurity>,
}

impl AcceptorRandomness {
    /// Bytes that are needed.
    pub const SIZE: usize = 8 + kerberos::Randomness::SIZE;

    /// From random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; Self::SIZE]) -> Self {
        let (challenge, rest) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let rest = rest.first_chunk().unwrap_or(&[0; kerberos::Randomness::SIZE]);
        AcceptorRandomness { server_challenge: *challenge, kerberos: kerberos::Randomness::new(rest) }
    }
}

impl Acceptor {
    /// Starts a logon. `now` is the server's time.
    #[must_use]
    pub fn new(config: Arc<AcceptorConfig>, now: FileTime, randomness: AcceptorRandomness) -> Self {
        Acceptor { config, now, randomness, running: None, state: State::Start }
    }

    /// The server's token for the SMB2 NEGOTIATE Response: the mechanisms in order of preference.
    #[must_use]
    pub fn hint(config: &AcceptorConfig) -> Vec<u8> {
        let kerberos = config.kerberos.as_ref().map(|_| [Mechanism::MsKerberos, Mechanism::Kerberos]);
        let ntlm = (!config.refuse_ntlm).then_some(Mechanism::Ntlm);
        let mechanisms: Vec<Mechanism> = kerberos.into_iter().flatten().chain(ntlm).collect();
        spnego::encode_hint(&mechanisms)
    }

    /// Takes in the client's next token.
    pub fn step(&mut self, token: &[u8]) -> AcceptStep {
        if token.len() > TOKEN_SIZE_LIMIT {
            self.state = State::Finished;
            return AcceptStep::Failed(AuthError::InvalidToken);
        }
        let outcome = match core::mem::replace(&mut self.state, State::Finished) {
            State::Start => self.start(token),
            State::Raw => {
                self.state = State::Raw;
                self.run(token)
            }
            State::Negotiated(negotiated) => self.continue_negotiated(negotiated, token),
            State::AwaitMic { mech_types, context } => finish_with_mic(&mech_types, context, token),
            State::Finished => Err(AuthError::InvalidToken),
        };
        self.settle(outcome)
    }

    /// Takes in the answer to [`AcceptStep::NeedAccount`].
    pub fn resume(&mut self, answer: AccountAnswer) -> AcceptStep {
        let outcome = match &mut self.running {
            Some(Running::Ntlm(ntlm)) => {
                let step = ntlm.resume(answer).into();
                self.proceed(step)
            }
            Some(Running::Kerberos(_)) | None => Err(AuthError::InvalidToken),
        };
        self.settle(outcome)
    }

    /// The mechanism that was chosen; `None` before that.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.running.as_ref().map(|running| match running {
            Running::Ntlm(_) => Mechanism::Ntlm,
            Running::Kerberos(_) => Mechanism::Kerberos,
        })
    }

    fn settle(&mut self, outcome: Result<AcceptStep, AuthError>) -> AcceptStep {
        outcome.unwrap_or_else(|error| {
            self.state = State::Finished;
            AcceptStep::Failed(error)
        })
    }

    /// Whether the policy and the configuration have the mechanism.
    fn has(&self, mechanism: Mechanism) -> bool {
        match mechanism {
            Mechanism::Ntlm => !self.config.refuse_ntlm,
            Mechanism::Kerberos | Mechanism::MsKerberos => self.config.kerberos.is_some(),
            // [MS-NEGOEX]: passed over; clients that offer it offer others too.
            Mechanism::NegoEx => false,
        }
    }

    /// Starts a mechanism.
    fn choose(&mut self, mechanism: Mechanism) -> Result<(), AuthError> {
        if !self.has(mechanism) {
            let blocked = mechanism == Mechanism::Ntlm;
            return Err(if blocked { AuthError::NtlmBlocked } else { AuthError::NoCommonMechanism });
        }
        let config = &self.config;
        self.running = match (mechanism, &config.kerberos) {
            (Mechanism::Ntlm, _) => {
                let challenge = self.randomness.server_challenge;
                Some(Running::Ntlm(NtlmAcceptor::new(Arc::clone(config), self.now, challenge)))
            }
            (_, Some(kerberos)) => Some(Running::Kerberos(KerberosAcceptor::new(
                Arc::clone(kerberos),
                config.channel_binding,
                self.now,
                self.randomness.kerberos.clone(),
                mechanism,
            ))),
            (_, None) => None,
        };
        Ok(())
    }

    /// Gives a token to the mechanism.
    fn run(&mut self, token: &[u8]) -> Result<AcceptStep, AuthError> {
        let step = match &mut self.running {
            Some(Running::Ntlm(ntlm)) => ntlm.step(token).into(),
            Some(Running::Kerberos(kerberos)) => kerberos.step(token).into(),
            None => return Err(AuthError::InvalidToken),
        };
        self.proceed(step)
    }

    /// The first token.
    fn start(&mut self, token: &[u8]) -> Result<AcceptStep, AuthError> {
        let raw = match token {
            _ if ntlm::is_ntlmssp(token) => Some(Mechanism::Ntlm),
            _ if kerberos::is_kerberos(token) => Some(Mechanism::Kerberos),
            _ => None,
        };
        if let Some(mechanism) = raw {
            self.choose(mechanism)?;
            self.state = State::Raw;
            return self.run(token);
        }
        let init = NegTokenInit::decode(token).map_err(|_| AuthError::InvalidToken)?;
        if init.mech_types.len() > MECH_TYPES_SIZE_LIMIT {
            return Err(AuthError::InvalidToken);
        }
        // RFC 4178 4.1: the first of the client's list that the server has.
        let mut offered =
            init.mechanisms().enumerate().filter_map(|(place, mechanism)| Some((place, mechanism?)));
        let Some((place, mechanism)) = offered.clone().find(|(_, mechanism)| self.has(*mechanism)) else {
            let ntlm = offered.any(|(_, mechanism)| mechanism == Mechanism::Ntlm);
            return Err(if ntlm { AuthError::NtlmBlocked } else { AuthError::NoCommonMechanism });
        };
        self.choose(mechanism)?;
        let mut negotiated = Negotiated {
            mech_types: init.mech_types.to_vec(),
            mechanism,
            mic_required: place != 0,
            replied: false,
            mech_list_mic: None,
        };
        // RFC 4178 4.2.1: the optimistic token is of the first mechanism in the list; ours only when that is ours.
        match init.mech_token.filter(|_| place == 0) {
            Some(mech_token) => {
                // Of use only where this token is the mechanism's last: the next one brings another.
                negotiated.mech_list_mic = init.mech_list_mic.map(<[u8]>::to_vec);
                self.state = State::Negotiated(negotiated);
                self.run(mech_token)
            }
            None => {
                negotiated.replied = true;
                let state =
                    if negotiated.mic_required { NegState::RequestMic } else { NegState::AcceptIncomplete };
                self.state = State::Negotiated(negotiated);
                let reply = NegTokenResp {
                    neg_state: Some(state),
                    supported_mech: Some(mechanism),
                    ..NegTokenResp::default()
                };
                Ok(AcceptStep::Continue(reply.encode()))
            }
        }
    }

    fn continue_negotiated(
        &mut self,
        mut negotiated: Negotiated,
        token: &[u8],
    ) -> Result<AcceptStep, AuthError> {
        // DIFFERS: a client that goes on with bare NTLM after SPNEGO chose it is understood, as Windows does.
        let (mech_token, mic) = if ntlm::is_ntlmssp(token) && negotiated.mechanism == Mechanism::Ntlm {
            (token, None)
        } else {
            let response = NegTokenResp::decode(token).map_err(|_| AuthError::InvalidToken)?;
            if response.neg_state == Some(NegState::Reject) {
                return Err(AuthError::InvalidToken);
            }
            (response.response_token.ok_or(AuthError::InvalidToken)?, response.mech_list_mic)
        };
        negotiated.mech_list_mic = mic.map(<[u8]>::to_vec);
        self.state = State::Negotiated(negotiated);
        self.run(mech_token)
    }

    /// Wraps what the mechanism said.
    fn proceed(&mut self, step: MechanismStep) -> Result<AcceptStep, AuthError> {
        match step {
            MechanismStep::NeedAccount(query) => Ok(AcceptStep::NeedAccount(query)),
            MechanismStep::Failed(error) => Err(error),
            MechanismStep::Continue(token) => Ok(AcceptStep::Continue(self.wrap(token))),
            MechanismStep::TryAgain(token, error) => Ok(AcceptStep::TryAgain(self.wrap(token), error)),
            MechanismStep::Authenticated(context, token) => {
                match core::mem::replace(&mut self.state, State::Finished) {
                    State::Raw => Ok(context.done(token, false)),
                    State::Negotiated(negotiated) => self.finish(negotiated, context, &token),
                    State::Start | State::AwaitMic { .. } | State::Finished => Err(AuthError::InvalidToken),
                }
            }
        }
    }

    /// A token of the mechanism that is not its last.
    fn wrap(&mut self, token: Vec<u8>) -> Vec<u8> {
        let State::Negotiated(negotiated) = &mut self.state else { return token };
        let first = !core::mem::replace(&mut negotiated.replied, true);
        NegTokenResp {
            neg_state: Some(NegState::AcceptIncomplete),
            supported_mech: first.then_some(negotiated.mechanism),
            response_token: Some(&token),
            mech_list_mic: None,
        }
        .encode()
    }

    /// RFC 4178 section 5: what is owed once the mechanism is done. `token` is its last one.
    fn finish(
        &mut self,
        negotiated: Negotiated,
        context: Context,
        token: &[u8],
    ) -> Result<AcceptStep, AuthError> {
        let Negotiated { mech_types, mechanism, mic_required, replied, mech_list_mic } = negotiated;
        let mut reply = NegTokenResp {
            neg_state: Some(NegState::AcceptCompleted),
            supported_mech: (!replied).then_some(mechanism),
            response_token: Some(token).filter(|token| !token.is_empty()),
            mech_list_mic: None,
        };
        if let Some(mic) = mech_list_mic {
            context.verify_client_mic(&mech_types, &mic)?;
            let ours = context.server_mic(&mech_types);
            reply.mech_list_mic = ours.as_deref();
            return Ok(context.done(reply.encode(), true));
        }
        match context.server_mic(&mech_types).filter(|_| mic_required) {
            Some(ours) => {
                reply.neg_state = Some(NegState::AcceptIncomplete);
                reply.mech_list_mic = Some(&ours);
                self.state = State::AwaitMic { mech_types, context };
                Ok(AcceptStep::Continue(reply.encode()))
            }
            None => Ok(context.done(reply.encode(), false)),
        }
    }
}

/// The token after ours with a MIC: the client's MIC and nothing else.
fn finish_with_mic(mech_types: &[u8], context: Context, token: &[u8]) -> Result<AcceptStep, AuthError> {
    let response = NegTokenResp::decode(token).map_err(|_| AuthError::InvalidToken)?;
    let mic = response.mech_list_mic.ok_or(AuthError::MessageAltered)?;
    context.verify_client_mic(mech_types, mic)?;
    let reply = NegTokenResp { neg_state: Some(NegState::AcceptCompleted), ..NegTokenResp::default() };
    Ok(context.done(reply.encode(), true))
}

impl Context {
    fn verify_client_mic(&self, mech_types: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        match self {
            Context::Ntlm(context) => context.verify_client_mic(mech_types, mic),
            Context::Kerberos(context) => context.mic.verify(mech_types, mic),
        }
    }

    fn server_mic(&self, mech_types: &[u8]) -> Option<Vec<u8>> {
        match self {
            Context::Ntlm(context) => context.server_mic(mech_types).map(|mic| mic.to_vec()),
            Context::Kerberos(context) => context.mic.make(mech_types),
        }
    }

    /// `exchanged_mics`: mechListMICs went both ways.
    fn done(self, token_out: Vec<u8>, exchanged_mics: bool) -> AcceptStep {
        AcceptStep::Done(Box::new(match self {
            Context::Ntlm(context) => {
                let security = context.messages(exchanged_mics).map(MessageSecurity::ntlm);
                let NtlmContext { identity, session_key, .. } = *context;
                Accepted { identity, session_key, token_out, authorization: None, expires: None, security }
            }
            Context::Kerberos(context) => {
                let KerberosContext { identity, session_key, authorization, expires, mic } = *context;
                let security = MessageSecurity::kerberos(KerberosMessages::new(mic, exchanged_mics));
                Accepted {
                    identity,
                    session_key,
                    token_out,
                    authorization: Some(authorization),
                    expires: Some(expires),
                    security: Some(security),
                }
            }
        }))
    }
}

impl From<NtlmStep> for MechanismStep {
    fn from(step: NtlmStep) -> Self {
        match step {
            NtlmStep::Challenge(token) => MechanismStep::Continue(token),
            NtlmStep::NeedAccount(query) => MechanismStep::NeedAccount(query),
            NtlmStep::Authenticated(context) => {
                MechanismStep::Authenticated(Context::Ntlm(context), Vec::new())
            }
            NtlmStep::Failed(error) => MechanismStep::Failed(error),
        }
    }
}

impl From<KerberosStep> for MechanismStep {
    fn from(step: KerberosStep) -> Self {
        match step {
            KerberosStep::Continue(token) => MechanismStep::Continue(token),
            KerberosStep::TryAgain(token, error) => MechanismStep::TryAgain(token, error),
            KerberosStep::Authenticated(context, token) => {
                MechanismStep::Authenticated(Context::Kerberos(context), token)
            }
            KerberosStep::Failed(error) => MechanismStep::Failed(error),
        }
    }
}

impl core::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self.state {
            State::Start => "Acceptor(Start)",
            State::Raw => "Acceptor(Raw)",
            State::Negotiated(_) => "Acceptor(Negotiated)",
            State::AwaitMic { .. } => "Acceptor(AwaitMic)",
            State::Finished => "Acceptor(Finished)",
        })
    }
}
