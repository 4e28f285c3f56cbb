//! Control codes that concern the connection: [MS-SMB2] 3.3.5.15.11 (network interfaces) and 3.3.5.15.12 (validation of the negotiation).

use freehold_dtyp::{Decode, NtStatus};

use super::super::super::admit::Disconnect;
use super::super::super::context::{Context, StepResult};
use super::super::super::link::Negotiated;
use super::super::super::server::ServerConfig;
use super::Call;
use crate::fscc::fsctl::{ValidateNegotiateInfo, ValidateNegotiateInfoResponse};
use crate::fscc::{Append, ChainWriter};
use crate::smb2::Dialect;

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

#[cfg(test)]
mod tests {
    use freehold_dtyp::{Guid, Writer};

    use super::*;
    use crate::crypto::SigningAlgorithm;
    use crate::fscc::fsctl::encode_validate_negotiate_info;
    use crate::smb2::{Capabilities, SecurityMode};

    fn negotiated(dialect: Dialect) -> Negotiated {
        Negotiated {
            dialect,
            client_guid: Guid([3; 16]),
            client_capabilities: Capabilities::LEASING,
            client_security_mode: SecurityMode::SIGNING_ENABLED,
            client_dialects: Vec::new(),
            server_capabilities: Capabilities::LARGE_MTU,
            server_security_mode: SecurityMode::SIGNING_REQUIRED,
            cipher: None,
            signing: SigningAlgorithm::AesCmac,
            max_read_bytes: 0,
            max_write_bytes: 0,
            max_transact_bytes: 0,
            multi_credit: true,
            posix: false,
        }
    }

    fn answer(capabilities: u32, guid: u8, mode: u16, dialects: &[u16], dialect: Dialect) -> bool {
        let config = ServerConfig { guid: Guid([7; 16]), ..ServerConfig::default() };
        let mut writer = Writer::new();
        encode_validate_negotiate_info(capabilities, Guid([guid; 16]), mode, dialects, &mut writer);
        let bytes = writer.into_bytes();
        let info = ValidateNegotiateInfo::from_bytes(&bytes).unwrap();
        let answer = validate(&config, &negotiated(dialect), &info);
        let expected = ValidateNegotiateInfoResponse {
            capabilities: Capabilities::LARGE_MTU.bits(),
            guid: Guid([7; 16]),
            security_mode: SecurityMode::SIGNING_REQUIRED.bits(),
            dialect: dialect.0,
        };
        assert!(answer.is_none() || answer == Some(expected));
        answer.is_some()
    }

    #[test]
    fn only_the_same_negotiation_is_confirmed() {
        let (capabilities, mode) = (Capabilities::LEASING.bits(), SecurityMode::SIGNING_ENABLED.bits());
        let dialects = [0x0202, 0x0210, 0x0300, 0x0302];
        assert!(answer(capabilities, 3, mode, &dialects, Dialect::SMB_3_0_2));
        assert!(!answer(0, 3, mode, &dialects, Dialect::SMB_3_0_2), "capabilities");
        assert!(!answer(capabilities, 4, mode, &dialects, Dialect::SMB_3_0_2), "GUID");
        assert!(!answer(capabilities, 3, 2, &dialects, Dialect::SMB_3_0_2), "security mode");
        assert!(!answer(capabilities, 3, mode, &dialects, Dialect::SMB_3_0), "a better dialect was possible");
        assert!(!answer(capabilities, 3, mode, &[], Dialect::SMB_3_0_2), "no dialect");
        assert!(!answer(capabilities, 3, mode, &[0x0311], Dialect::SMB_3_1_1), "3.1.1 has no such request");
    }
}
