//! [MS-RPCE] 3.3.1.5.2 security contexts of a pipe: logons that come in binds, and the protection of requests and responses.
//!
//! ```text
//!        bind or alter_context          alter_context or auth3          account known
//! (none) ----------------------> Legs ---------------------------> Asking -------------> Established
//!                                  |                                  |
//!                                  '------------- refused ------------'---------------> Refused
//! ```
//!
//! A caller who is known by a context of its own is that caller, whatever the session below says.

use std::sync::Arc;

use super::RpcContext;
use super::context::Caller;
use super::fault::Fault;
use super::pdu;
use super::verifier::{self, AuthenticationLevel, Trailer, Verifier};
use crate::auth::{
    AcceptStep, Accepted, Acceptor, AccountAnswer, AccountQuery, AuthError, LogonKind, MessageSecurity,
};

/// Most security contexts on one pipe.
const MAX_CONTEXTS: usize = 16;

/// The security contexts of one pipe.
#[derive(Debug, Default)]
pub(super) struct Security {
    contexts: Vec<SecurityContext>,
    /// Both sides sign headers: agreed in the first PDU that carries a token.
    signs_headers: bool,
}

#[derive(Debug)]
struct SecurityContext {
    trailer: Trailer,
    state: State,
}

#[derive(Debug)]
enum State {
    /// More tokens are to come.
    Legs(Box<Acceptor>),
    /// Somebody finds out about the account.
    Asking(Box<Acceptor>),
    /// Somebody is known.
    Established(Box<Established>),
    /// Nobody is.
    Refused,
}

#[derive(Debug)]
struct Established {
    caller: Arc<Caller>,
    messages: Option<MessageSecurity>,
}

/// What comes of a token.
#[derive(Debug)]
pub(super) enum Leg {
    /// This token goes back; it may be empty.
    Answer(Vec<u8>),
    /// The account has to be found out about, then [`Security::resume`] be called.
    Ask(Box<AccountQuery>),
    /// Nobody is logged on. The refusal has to wait when too many logons have failed.
    Refused {
        /// Wait before it is told.
        wait: bool,
    },
}

/// The caller of a request, with the parameters in the clear.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// Of which context.
    pub(super) context_id: u32,
    /// Parameters without padding.
    pub(super) stub: Vec<u8>,
}

impl Security {
    /// A leg of a logon in a bind, an alter_context or an auth3: a new context's first, or the next of one.
    pub(super) fn leg(
        &mut self,
        cx: &RpcContext<'_>,
        flags: u8,
        verifier: &Verifier<'_>,
    ) -> Result<Leg, Fault> {
        let trailer = verifier.trailer;
        let Some(place) = self.place(trailer.context_id) else {
            if self.contexts.is_empty() {
                self.signs_headers = flags & verifier::SUPPORT_HEADER_SIGN != 0;
            }
            if self.contexts.len() >= MAX_CONTEXTS || trailer.level.protection().is_none() {
                return Err(Fault::PROTOCOL_ERROR);
            }
            let acceptor = Box::new(cx.logons.acceptor());
            self.contexts.push(SecurityContext { trailer, state: State::Refused });
            return Ok(self.step(cx, trailer.context_id, acceptor, |acceptor| acceptor.step(verifier.token)));
        };
        let Some(context) = self.contexts.get_mut(place) else { return Err(Fault::PROTOCOL_ERROR) };
        if context.trailer != trailer {
            return Err(Fault::PROTOCOL_ERROR);
        }
        match std::mem::replace(&mut context.state, State::Refused) {
            State::Legs(acceptor) => {
                Ok(self.step(cx, trailer.context_id, acceptor, |acceptor| acceptor.step(verifier.token)))
            }
            state => {
                context.state = state;
                Err(Fault::PROTOCOL_ERROR)
            }
        }
    }

    /// Goes on with a logon whose account is known now.
    pub(super) fn resume(
        &mut self,
        cx: &RpcContext<'_>,
        context_id: u32,
        answer: AccountAnswer,
        caller: Option<Caller>,
    ) -> Leg {
        let context = self.place(context_id).and_then(|place| self.contexts.get_mut(place));
        let Some(context) = context else { return Leg::Refused { wait: false } };
        match std::mem::replace(&mut context.state, State::Refused) {
            State::Asking(mut acceptor) => {
                let step = acceptor.resume(answer);
                self.settle(cx, context_id, acceptor, step, caller)
            }
            State::Legs(_) | State::Established(_) | State::Refused => Leg::Refused { wait: false },
        }
    }

    fn step(
        &mut self,
        cx: &RpcContext<'_>,
        context_id: u32,
        mut acceptor: Box<Acceptor>,
        step: impl FnOnce(&mut Acceptor) -> AcceptStep,
    ) -> Leg {
        let step = step(&mut acceptor);
        self.settle(cx, context_id, acceptor, step, None)
    }

    fn settle(
        &mut self,
        cx: &RpcContext<'_>,
        context_id: u32,
        acceptor: Box<Acceptor>,
        step: AcceptStep,
        caller: Option<Caller>,
    ) -> Leg {
        let (state, leg) = match step {
            // [MS-KILE] 3.2.5.8: a token may tell an error, and the client try again.
            AcceptStep::Continue(token) | AcceptStep::TryAgain(token, _) => {
                (State::Legs(acceptor), Leg::Answer(token))
            }
            AcceptStep::NeedAccount(query) => (State::Asking(acceptor), Leg::Ask(query)),
            AcceptStep::Done(accepted) => match self.establish(cx, context_id, *accepted, caller) {
                Some((established, token)) => (State::Established(Box::new(established)), Leg::Answer(token)),
                None => (State::Refused, Leg::Refused { wait: cx.logons.failed(AuthError::LogonFailure) }),
            },
            AcceptStep::Failed(error) => (State::Refused, Leg::Refused { wait: cx.logons.failed(error) }),
        };
        if let Some(context) = self.place(context_id).and_then(|place| self.contexts.get_mut(place)) {
            context.state = state;
        }
        leg
    }

    /// Somebody is logged on: who, and whether what the level demands was negotiated.
    fn establish(
        &self,
        cx: &RpcContext<'_>,
        context_id: u32,
        accepted: Accepted,
        caller: Option<Caller>,
    ) -> Option<(Established, Vec<u8>)> {
        let Accepted { identity, token_out, authorization, security, .. } = accepted;
        let caller = match (identity.kind, authorization, caller) {
            (LogonKind::User, Some(authorization), _) => Caller::of_domain(cx.accounts, &authorization),
            (LogonKind::User, None, Some(caller)) => caller,
            (LogonKind::Anonymous, _, _) => Caller::anonymous(),
            (LogonKind::User | LogonKind::Guest, _, _) => return None,
        };
        let trailer = self.contexts.get(self.place(context_id)?)?.trailer;
        let protection = trailer.level.protection()?;
        let offered = match (&security, protection) {
            (_, None) => true,
            (Some(messages), Some(protection)) => messages.offers(protection),
            (None, Some(_)) => false,
        };
        if !offered {
            return None;
        }
        cx.logons.succeeded(&caller);
        Some((Established { caller: Arc::new(caller), messages: security }, token_out))
    }

    fn place(&self, context_id: u32) -> Option<usize> {
        self.contexts.iter().position(|context| context.trailer.context_id == context_id)
    }

    /// Adds the verifier to the answer of a leg.
    pub(super) fn with_token(&self, pdu: Vec<u8>, trailer: Trailer, token: &[u8]) -> Vec<u8> {
        verifier::append(pdu, trailer, token, self.signs_headers)
    }

    /// Do both sides sign headers?
    pub(super) const fn signs_headers(&self) -> bool {
        self.signs_headers
    }

    /// Opens a request's fragment: `head` bytes of it are headers, the rest parameters.
    ///
    /// # Errors
    /// The fault to answer with. After that nothing on the pipe can be believed.
    pub(super) fn open(
        &mut self,
        fragment: &[u8],
        head: usize,
        verifier: &Verifier<'_>,
    ) -> Result<Opened, Fault> {
        let signs_headers = self.signs_headers;
        let place = self.place(verifier.trailer.context_id).ok_or(Fault::ACCESS_DENIED)?;
        let context = self.contexts.get_mut(place).ok_or(Fault::ACCESS_DENIED)?;
        if context.trailer != verifier.trailer {
            return Err(Fault::ACCESS_DENIED);
        }
        let State::Established(established) = &mut context.state else {
            return Err(Fault::SECURITY_PACKAGE_ERROR);
        };
        let tail_size = verifier.token.len().saturating_add(verifier::TRAILER_SIZE);
        let data_end = fragment.len().checked_sub(tail_size).ok_or(Fault::BAD_STUB_DATA)?;
        let mut stub = fragment.get(head..data_end).ok_or(Fault::BAD_STUB_DATA)?.to_vec();
        let always = established.messages.as_ref().is_some_and(MessageSecurity::always_covers_headers);
        let signs_headers = signs_headers || always;
        let (front, trailer) = if signs_headers {
            let trailer_end = data_end.saturating_add(verifier::TRAILER_SIZE);
            (
                fragment.get(..head).unwrap_or_default(),
                fragment.get(data_end..trailer_end).unwrap_or_default(),
            )
        } else {
            (&[][..], &[][..])
        };
        if let (Some(protection), Some(messages)) =
            (context.trailer.level.protection().flatten(), &mut established.messages)
        {
            messages
                .verify(protection, front, &mut stub, trailer, verifier.token)
                .map_err(|_| Fault::SECURITY_PACKAGE_ERROR)?;
        }
        let size = stub.len().checked_sub(verifier.pad_length.into()).ok_or(Fault::BAD_STUB_DATA)?;
        stub.truncate(size);
        Ok(Opened { context_id: context.trailer.context_id, stub })
    }

    /// The context that a request without a token belongs to: with none, the session below says who calls; with a single one
    /// at the level of a connection, that one does ([MS-RPCE] 3.3.1.5.4).
    pub(super) fn of_bare_request(&self) -> Result<Option<u32>, Fault> {
        match self.contexts.as_slice() {
            [] => Ok(None),
            [context] if context.trailer.level == AuthenticationLevel::CONNECT => match context.state {
                State::Established(_) => Ok(Some(context.trailer.context_id)),
                State::Legs(_) | State::Asking(_) | State::Refused => Err(Fault::SECURITY_PACKAGE_ERROR),
            },
            _ => Err(Fault::ACCESS_DENIED),
        }
    }

    /// Who calls by that context.
    pub(super) fn caller(&self, context_id: u32) -> Option<Arc<Caller>> {
        match &self.contexts.get(self.place(context_id)?)?.state {
            State::Established(established) => Some(Arc::clone(&established.caller)),
            State::Legs(_) | State::Asking(_) | State::Refused => None,
        }
    }

    /// The fragments of a response, protected as its context wants it.
    pub(super) fn response(
        &mut self,
        security: Option<u32>,
        call_id: u32,
        context_id: u16,
        stub: &[u8],
        fragment_size: u16,
    ) -> Vec<Vec<u8>> {
        let signs_headers = self.signs_headers;
        let place = security.and_then(|context| self.place(context));
        let context = place.and_then(|place| self.contexts.get_mut(place));
        let Some((trailer, protection, messages)) = context.and_then(|context| {
            let protection = context.trailer.level.protection().flatten()?;
            match &mut context.state {
                State::Established(established) => {
                    Some((context.trailer, protection, established.messages.as_mut()?))
                }
                State::Legs(_) | State::Asking(_) | State::Refused => None,
            }
        }) else {
            return pdu::response_fragments(call_id, context_id, stub, fragment_size).collect();
        };
        let signature_size = messages.signature_size(protection);
        let signs_headers = signs_headers || messages.always_covers_headers();
        let room = usize::from(fragment_size).saturating_sub(verifier::room(signature_size));
        let room = u16::try_from(room).unwrap_or(0);
        pdu::response_fragments(call_id, context_id, stub, room)
            .map(|fragment| {
                let mut prepared = verifier::prepare(fragment, trailer, signature_size);
                let bytes = &mut prepared.bytes;
                let head = prepared.data.min(bytes.len());
                let (front, rest) = bytes.split_at_mut(head);
                let data_size = prepared.trailer.saturating_sub(prepared.data).min(rest.len());
                let (data, tail) = rest.split_at_mut(data_size);
                let (trailer, token) = tail.split_at_mut(verifier::TRAILER_SIZE.min(tail.len()));
                let signature = if signs_headers {
                    messages.protect(protection, front, data, trailer)
                } else {
                    messages.protect(protection, &[], data, &[])
                };
                // INVARIANT: a signature has the size that it was announced with.
                if let Some(place) = token.get_mut(..signature.len()) {
                    place.copy_from_slice(&signature);
                }
                prepared.bytes
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
