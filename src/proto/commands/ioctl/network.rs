//! Control codes that concern the connection: [MS-SMB2] 3.3.5.15.2 (DFS), 3.3.5.15.9 (resiliency), 3.3.5.15.11 (network
//! interfaces), 3.3.5.15.12 (validation of the negotiation).

use freehold_dtyp::{Decode, NtStatus};

use super::super::super::admit::Disconnect;
use super::super::super::context::{Context, StepResult};
use super::super::super::link::Negotiated;
use super::super::super::server::ServerConfig;
use super::Call;
use crate::fscc::fsctl::{ValidateNegotiateInfo, ValidateNegotiateInfoResponse};
use crate::fscc::{Append, ChainWriter};
use crate::smb2::Dialect;

/// 3.3.5.15.2: this server has no DFS namespaces, which clients that ask at every mount must be told in just this way.
pub(super) fn dfs_referrals() -> StepResult {
    Err(NtStatus::FS_DRIVER_REQUIRED.into())
}

/// 3.3.5.15.9: handles do not survive a lost connection in this way.
pub(super) fn resiliency(cx: &Context<'_>) -> StepResult {
    if cx.link.dialect() == Dialect::SMB_2_0_2 {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    Err(NtStatus::NOT_SUPPORTED.into())
}

/// 3.3.5.15.11 Handling a Query Network Interface Request.
///
/// # Errors
/// NOT_SUPPORTED when the addresses are not known, BUFFER_TOO_SMALL when they do not fit.
pub(super) fn interfaces(cx: &mut Context<'_>, call: &Call) -> StepResult {
    if cx.server.config.interfaces.is_empty() {
        return Err(NtStatus::NOT_SUPPORTED.into());
    }
    let mut output = Vec::new();
    let mut chain = ChainWriter::new(&mut output, call.max_output);
    for interface in &cx.server.config.interfaces {
        if chain.append(interface) != Append::Written {
            return Err(NtStatus::BUFFER_TOO_SMALL.into());
        }
    }
    call.answer_bytes(cx, &output, NtStatus::SUCCESS)
}

/// 3.3.5.15.12 Handling a Validate Negotiate Info Request. Whatever does not agree with what was negotiated ends the
/// connection: somebody in between may have changed it.
pub(super) fn validate_negotiate(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let answer = cx
        .link
        .negotiated
        .as_ref()
        .filter(|_| call.max_output >= ValidateNegotiateInfoResponse::FIXED_SIZE)
        .zip(ValidateNegotiateInfo::from_bytes(&call.input).ok())
        .and_then(|(negotiated, info)| validate(&cx.server.config, negotiated, &info));
    match answer {
        Some(answer) => call.answer(cx, &answer),
        None => {
            *cx.disconnect = Some(Disconnect::ValidateNegotiate);
            Err(NtStatus::ACCESS_DENIED.into())
        }
    }
}

/// `None` when something differs.
fn validate(
    config: &ServerConfig,
    negotiated: &Negotiated,
    info: &ValidateNegotiateInfo<'_>,
) -> Option<ValidateNegotiateInfoResponse> {
    if negotiated.dialect == Dialect::SMB_3_1_1 {
        return None;
    }
    let best = info
        .dialects()
        .map(Dialect)
        .filter(|dialect| Dialect::ALL.contains(dialect))
        .filter(|dialect| (config.min_dialect..=config.max_dialect).contains(dialect))
        .max();
    let same = info.guid == negotiated.client_guid
        && info.security_mode == negotiated.client_security_mode.bits()
        && info.capabilities == negotiated.client_capabilities.bits()
        && best == Some(negotiated.dialect);
    same.then(|| ValidateNegotiateInfoResponse {
        capabilities: negotiated.server_capabilities.bits(),
        guid: config.guid,
        security_mode: negotiated.server_security_mode.bits(),
        dialect: negotiated.dialect.0,
    })
}
