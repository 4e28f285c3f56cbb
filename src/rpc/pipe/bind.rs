//! How a pipe is bound to interfaces, and how its callers log on: bind, alter_context and auth3 PDUs (C706 12.6.4.3 to 12.6.4.5,
//! 12.6.4.1; [MS-RPCE] 3.3.1.5.2.1, 3.3.1.5.6).

use freehold_dtyp::{Decode, DecodeError};

use super::super::RpcContext;
use super::super::context::Caller;
use super::super::dispatch;
use super::super::errand::Errand;
use super::super::fault::Fault;
use super::super::pdu::{self, Bind, BindRefusal, ContextElement, ContextResult, Header, PduType};
use super::super::security::Leg;
use super::super::verifier::{Trailer, Verifier};
use super::{ASSOCIATION_GROUP, MAX_CONTEXTS, Pipe, PipeError, Suspended};
use crate::auth::AccountAnswer;

/// [MS-RPCE] 2.2.2.14: SecurityContextMultiplexingSupported.
const SECURITY_CONTEXT_MULTIPLEXING: u16 = 0x01;

/// The answer that a leg of a logon is owed.
#[derive(Debug)]
pub(super) enum Owed {
    /// A bind_ack or bind_nak.
    Bind,
    /// An alter_context_resp or a fault.
    AlterContext,
    /// Nothing: a failure shows in the first request.
    Nothing,
}

/// A leg of a logon that is not answered yet.
#[derive(Debug)]
pub(super) struct PendingLeg {
    owed: Owed,
    call_id: u32,
    group: u32,
    results: Vec<ContextResult>,
    trailer: Trailer,
}

impl Pipe {
    pub(super) fn bind(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        body: &[u8],
        verifier: Option<&Verifier<'_>>,
    ) -> Result<(), PipeError> {
        let bind = Bind::from_bytes(body).map_err(broken)?;
        if self.bound {
            self.push(pdu::bind_refused(header.call_id, BindRefusal::Unspecified));
            return Ok(());
        }
        if verifier.is_some_and(|verifier| !verifier.trailer.authentication_type.is_known()) {
            self.push(pdu::bind_refused(header.call_id, BindRefusal::AuthenticationType));
            return Ok(());
        }
        self.bound = true;
        self.fragment_size = bind.max_receive.clamp(pdu::MUST_RECEIVE_FRAGMENT, pdu::MAX_FRAGMENT);
        let results = self.negotiate(&bind.contexts);
        let group = if bind.association_group == 0 { ASSOCIATION_GROUP } else { bind.association_group };
        match verifier {
            None => self.push(self.acknowledgement(&Owed::Bind, header.call_id, group, &results)),
            Some(verifier) => self.leg(cx, header, verifier, Owed::Bind, group, results),
        }
        Ok(())
    }

    pub(super) fn alter_context(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        body: &[u8],
        verifier: Option<&Verifier<'_>>,
    ) -> Result<(), PipeError> {
        let bind = Bind::from_bytes(body).map_err(broken)?;
        if verifier.is_some_and(|verifier| !verifier.trailer.authentication_type.is_known()) {
            self.push(pdu::fault(header.call_id, 0, Fault::ACCESS_DENIED.0));
            return Ok(());
        }
        let results = self.negotiate(&bind.contexts);
        let group = if bind.association_group == 0 { ASSOCIATION_GROUP } else { bind.association_group };
        match verifier {
            None => self.push(self.acknowledgement(&Owed::AlterContext, header.call_id, group, &results)),
            Some(verifier) => self.leg(cx, header, verifier, Owed::AlterContext, group, results),
        }
        Ok(())
    }

    /// [MS-RPCE] 2.2.2.10: the last leg of a logon with an odd number of them, which is not answered.
    pub(super) fn auth3(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        verifier: Option<&Verifier<'_>>,
    ) -> Result<(), PipeError> {
        let verifier = verifier.ok_or(PipeError::Disconnected)?;
        self.leg(cx, header, verifier, Owed::Nothing, 0, Vec::new());
        Ok(())
    }

    fn leg(
        &mut self,
        cx: &RpcContext<'_>,
        header: &Header,
        verifier: &Verifier<'_>,
        owed: Owed,
        group: u32,
        results: Vec<ContextResult>,
    ) {
        let trailer = verifier.trailer;
        let pending = PendingLeg { owed, call_id: header.call_id, group, results, trailer };
        match self.security.leg(cx, header.flags, verifier) {
            Ok(leg) => self.settle(pending, leg),
            Err(fault) => self.push(pdu::fault(header.call_id, 0, fault.0)),
        }
    }

    /// Goes on with a leg whose account is known.
    pub(super) fn resume_leg(
        &mut self,
        cx: &RpcContext<'_>,
        pending: PendingLeg,
        answer: AccountAnswer,
        caller: Option<Caller>,
    ) {
        let leg = self.security.resume(cx, pending.trailer.context_id, answer, caller);
        self.settle(pending, leg);
    }

    fn settle(&mut self, pending: PendingLeg, leg: Leg) {
        match leg {
            Leg::Answer(token) => {
                let PendingLeg { owed, call_id, group, results, trailer } = pending;
                if !matches!(owed, Owed::Nothing) {
                    let answer = self.acknowledgement(&owed, call_id, group, &results);
                    self.push(self.security.with_token(answer, trailer, &token));
                }
            }
            Leg::Ask(query) => self.suspend(Suspended::Leg(pending), Errand::Account(query)),
            Leg::Refused { wait: true } => self.suspend(Suspended::Refusal(pending), Errand::Delay),
            Leg::Refused { wait: false } => self.refuse(&pending),
        }
    }

    /// Tells that nobody is logged on. The pipe stays, but every request of that context gets a fault.
    pub(super) fn refuse(&mut self, pending: &PendingLeg) {
        match pending.owed {
            Owed::Bind => {
                self.bound = false;
                self.contexts.clear();
                self.push(pdu::bind_refused(pending.call_id, BindRefusal::InvalidChecksum));
            }
            Owed::AlterContext => {
                self.push(pdu::fault(pending.call_id, 0, Fault::ACCESS_DENIED.0));
            }
            Owed::Nothing => {}
        }
    }

    fn acknowledgement(&self, owed: &Owed, call_id: u32, group: u32, results: &[ContextResult]) -> Vec<u8> {
        let (kind, address) = match owed {
            Owed::Bind => (PduType::BIND_ACK, self.endpoint.address()),
            Owed::AlterContext | Owed::Nothing => (PduType::ALTER_CONTEXT_RESPONSE, ""),
        };
        pdu::bind_acknowledgement(kind, call_id, self.fragment_size, group, address, results)
    }

    /// Answers each presentation context on its own.
    fn negotiate(&mut self, proposed: &[ContextElement]) -> Vec<ContextResult> {
        proposed
            .iter()
            .map(|element| {
                // [MS-RPCE] 3.3.1.5.3: what both sides can do.
                let features =
                    element.transfer_syntaxes.iter().find_map(|syntax| syntax.bind_time_features());
                if let Some(features) = features {
                    let both = features & u64::from(SECURITY_CONTEXT_MULTIPLEXING);
                    return ContextResult::Features(u16::try_from(both).unwrap_or(0));
                }
                let Some(interface) = dispatch::find(self.endpoint, &element.interface) else {
                    return ContextResult::UnknownInterface;
                };
                if !element.transfer_syntaxes.contains(&pdu::NDR32) {
                    return ContextResult::UnknownTransferSyntax;
                }
                self.contexts.retain(|(id, _)| *id != element.id);
                if self.contexts.len() >= MAX_CONTEXTS {
                    return ContextResult::UnknownInterface;
                }
                self.contexts.push((element.id, interface));
                ContextResult::Accepted
            })
            .collect()
    }
}

fn broken(_: DecodeError) -> PipeError {
    PipeError::Disconnected
}
