//! [MS-SPNG] 3.3, RFC 4178 section 4: the server's side of a logon, SPNEGO or raw NTLM.
//!
//! ```text
//! Start --raw NTLMSSP--> Raw
//!   '---NegTokenInit---> Negotiated --mechanism done, MIC there or not needed--> Finished
//!                             '-----mechanism done, MIC missing----> AwaitMic --MIC--> Finished
//! ```

use super::ntlm::{self, NtlmAcceptor, NtlmContext, NtlmStep};
use super::spnego::{self, Mechanism, NegState, NegTokenInit, NegTokenResp};
use super::{
    AcceptorConfig, AccountAnswer, AccountQuery, AuthError, Authorization, Identity, TOKEN_SIZE_LIMIT,
};
use crate::crypto::SessionKey;
use freehold_dtyp::FileTime;
use std::sync::Arc;

/// Longest MechTypeList, in bytes: it is kept until the end of the exchange. Real ones have about 50.
const MECH_TYPES_SIZE_LIMIT: usize = 1024;

/// One logon, from the first token to its end. Used once: a new SESSION_SETUP or re-authentication makes a new one.
pub struct Acceptor {
    ntlm: NtlmAcceptor,
    state: State,
}

enum State {
    Start,
    Raw,
    Negotiated(Negotiated),
    AwaitMic { mech_types: Vec<u8>, context: Box<NtlmContext> },
    Finished,
}

struct Negotiated {
    /// MechTypeList as the client sent it.
    mech_types: Vec<u8>,
    /// RFC 4178 5: the mechanism is not the client's first choice, so both MICs are needed.
    mic_required: bool,
    /// supportedMech belongs into the first reply only.
    replied: bool,
    /// The client's mechListMIC, which came with the last token of the mechanism.
    mech_list_mic: Option<Vec<u8>>,
}

/// What to do after a token or an answer was taken in.
#[derive(Debug)]
pub enum AcceptStep {
    /// Send this token with STATUS_MORE_PROCESSING_REQUIRED and wait for the next one.
    Continue(Vec<u8>),
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
    /// Session.FullSessionKey. Of anonymous and guest logons the client may have another: never sign with it.
    pub session_key: SessionKey,
    /// The token for the last response; may be empty.
    pub token_out: Vec<u8>,
    /// What a domain controller says of the user, where the logon brought that along: in a Kerberos ticket's PAC.
    pub authorization: Option<Box<Authorization>>,
    /// When the logon ends by itself: a ticket's end time.
    pub expires: Option<FileTime>,
}

impl Acceptor {
    /// Starts a logon. `server_challenge` must be random and never used before; `now` is the server's time.
    #[must_use]
    pub fn new(config: Arc<AcceptorConfig>, now: FileTime, server_challenge: [u8; 8]) -> Self {
        Acceptor { ntlm: NtlmAcceptor::new(config, now, server_challenge), state: State::Start }
    }

    /// The server's token for the SMB2 NEGOTIATE Response.
    #[must_use]
    pub fn hint() -> Vec<u8> {
        spnego::encode_hint(&[Mechanism::Ntlm])
    }

    /// Takes in the client's next token.
    pub fn step(&mut self, token: &[u8]) -> AcceptStep {
        if token.len() > TOKEN_SIZE_LIMIT {
            self.state = State::Finished;
            return AcceptStep::Failed(AuthError::InvalidToken);
        }
        let outcome = match core::mem::replace(&mut self.state, State::Finished) {
            State::Start if ntlm::is_ntlmssp(token) => {
                self.state = State::Raw;
                let step = self.ntlm.step(token);
                self.proceed(step)
            }
            State::Start => self.start(token),
            State::Raw => {
                self.state = State::Raw;
                let step = self.ntlm.step(token);
                self.proceed(step)
            }
            State::Negotiated(negotiated) => self.continue_negotiated(negotiated, token),
            State::AwaitMic { mech_types, context } => finish_with_mic(&mech_types, &context, token),
            State::Finished => Err(AuthError::InvalidToken),
        };
        self.settle(outcome)
    }

    /// Takes in the answer to [`AcceptStep::NeedAccount`].
    pub fn resume(&mut self, answer: AccountAnswer) -> AcceptStep {
        let step = self.ntlm.resume(answer);
        let outcome = self.proceed(step);
        self.settle(outcome)
    }

    fn settle(&mut self, outcome: Result<AcceptStep, AuthError>) -> AcceptStep {
        outcome.unwrap_or_else(|error| {
            self.state = State::Finished;
            AcceptStep::Failed(error)
        })
    }

    /// The first token, when it is not NTLM's.
    fn start(&mut self, token: &[u8]) -> Result<AcceptStep, AuthError> {
        let init = NegTokenInit::decode(token).map_err(|_| AuthError::InvalidToken)?;
        if init.mech_types.len() > MECH_TYPES_SIZE_LIMIT {
            return Err(AuthError::InvalidToken);
        }
        let place = init
            .mechanisms()
            .position(|mechanism| mechanism == Some(Mechanism::Ntlm))
            .ok_or(AuthError::NoCommonMechanism)?;
        let mut negotiated = Negotiated {
            mech_types: init.mech_types.to_vec(),
            mic_required: place != 0,
            replied: false,
            mech_list_mic: None,
        };
        // RFC 4178 4.2.1: the optimistic token is of the first mechanism in the list; ours only when that is ours.
        match init.mech_token.filter(|_| place == 0) {
            Some(mech_token) => {
                self.state = State::Negotiated(negotiated);
                let step = self.ntlm.step(mech_token);
                self.proceed(step)
            }
            None => {
                negotiated.replied = true;
                let state =
                    if negotiated.mic_required { NegState::RequestMic } else { NegState::AcceptIncomplete };
                self.state = State::Negotiated(negotiated);
                let reply = NegTokenResp {
                    neg_state: Some(state),
                    supported_mech: Some(Mechanism::Ntlm),
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
        let (mech_token, mic) = if ntlm::is_ntlmssp(token) {
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
        let step = self.ntlm.step(mech_token);
        self.proceed(step)
    }

    /// Wraps what the mechanism said.
    fn proceed(&mut self, step: NtlmStep) -> Result<AcceptStep, AuthError> {
        match step {
            NtlmStep::NeedAccount(query) => Ok(AcceptStep::NeedAccount(query)),
            NtlmStep::Failed(error) => Err(error),
            NtlmStep::Challenge(mech_token) => Ok(AcceptStep::Continue(match &mut self.state {
                State::Negotiated(negotiated) => {
                    let first = !core::mem::replace(&mut negotiated.replied, true);
                    NegTokenResp {
                        neg_state: Some(NegState::AcceptIncomplete),
                        supported_mech: first.then_some(Mechanism::Ntlm),
                        response_token: Some(&mech_token),
                        mech_list_mic: None,
                    }
                    .encode()
                }
                _ => mech_token,
            })),
            NtlmStep::Authenticated(context) => match core::mem::replace(&mut self.state, State::Finished) {
                State::Raw => Ok(done(*context, Vec::new())),
                State::Negotiated(negotiated) => self.finish(negotiated, context),
                State::Start | State::AwaitMic { .. } | State::Finished => Err(AuthError::InvalidToken),
            },
        }
    }

    /// RFC 4178 section 5: what is owed once the mechanism is done.
    fn finish(&mut self, negotiated: Negotiated, context: Box<NtlmContext>) -> Result<AcceptStep, AuthError> {
        let Negotiated { mech_types, mic_required, mech_list_mic, .. } = negotiated;
        match mech_list_mic {
            Some(mic) => {
                context.verify_client_mic(&mech_types, &mic)?;
                Ok(completed(*context, &mech_types, true))
            }
            None => match context.server_mic(&mech_types) {
                Some(ours) if mic_required => {
                    let reply = NegTokenResp {
                        neg_state: Some(NegState::AcceptIncomplete),
                        mech_list_mic: Some(&ours),
                        ..NegTokenResp::default()
                    };
                    self.state = State::AwaitMic { mech_types, context };
                    Ok(AcceptStep::Continue(reply.encode()))
                }
                _ => Ok(completed(*context, &mech_types, false)),
            },
        }
    }
}

/// The token after ours with a MIC: the client's MIC and nothing else.
fn finish_with_mic(mech_types: &[u8], context: &NtlmContext, token: &[u8]) -> Result<AcceptStep, AuthError> {
    let response = NegTokenResp::decode(token).map_err(|_| AuthError::InvalidToken)?;
    let mic = response.mech_list_mic.ok_or(AuthError::MessageAltered)?;
    context.verify_client_mic(mech_types, mic)?;
    Ok(completed(context.clone(), mech_types, false))
}

fn completed(context: NtlmContext, mech_types: &[u8], with_mic: bool) -> AcceptStep {
    let mic = context.server_mic(mech_types).filter(|_| with_mic);
    let reply = NegTokenResp {
        neg_state: Some(NegState::AcceptCompleted),
        mech_list_mic: mic.as_ref().map(|mic| mic.as_slice()),
        ..NegTokenResp::default()
    };
    done(context, reply.encode())
}

fn done(context: NtlmContext, token_out: Vec<u8>) -> AcceptStep {
    let NtlmContext { identity, session_key, .. } = context;
    AcceptStep::Done(Box::new(Accepted {
        identity,
        session_key,
        token_out,
        authorization: None,
        expires: None,
    }))
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
