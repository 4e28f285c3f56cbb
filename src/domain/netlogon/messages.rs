//! [MS-NRPC] 3.5.4: the calls that a member makes, as parameters and results in NDR. Pure: bytes in, bytes out.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use freehold_dtyp::{DecodeError, Guid, NtStatus, Writer};

use super::crypto::{Authenticator, Credential};
use super::validation::{self, Validation};
use crate::auth::{AccountQuery, PassThrough};
use crate::rpc::ndr::{NdrReader, NdrWriter};
use crate::rpc::pdu::Syntax;

/// [MS-NRPC] 1.9: the interface.
pub(super) const NETLOGON: Syntax = Syntax {
    uuid: Guid::new(0x1234_5678, 0x1234, 0xABCD, [0xEF, 0x00, 0x01, 0x23, 0x45, 0x67, 0xCF, 0xFB]),
    version: 1,
};

/// Opnums.
pub(super) const REQ_CHALLENGE: u16 = 4;
pub(super) const GET_CAPABILITIES: u16 = 21;
pub(super) const AUTHENTICATE3: u16 = 26;
pub(super) const SAM_LOGON_EX: u16 = 39;

/// 3.1.4.2 Netlogon Negotiable Options: AES and SHA2 (bit W).
pub(super) const SUPPORTS_AES: u32 = 0x0100_0000;
/// 3.1.4.2: authenticated RPC through the Netlogon security provider (bit Y).
pub(super) const SECURE_RPC: u32 = 0x4000_0000;
/// What this member offers: everything of a Windows member of today that needs no weak cipher. RC4 (bit C) and strong keys of
/// MD5 (bit O) are left out; with AES they would not be used.
pub(super) const OFFERED: u32 = 0x612F_FFFF & !0x0000_0004;
/// What must have been agreed on.
pub(super) const REQUIRED: u32 = SUPPORTS_AES | SECURE_RPC;

/// 2.2.1.3.13 NETLOGON_SECURE_CHANNEL_TYPE: WorkstationSecureChannel.
const WORKSTATION_CHANNEL: u16 = 2;
/// 2.2.1.4.16 NETLOGON_LOGON_INFO_CLASS: NetlogonNetworkInformation.
const NETWORK_INFORMATION: u16 = 2;
/// 2.2.1.4.17 NETLOGON_VALIDATION_INFO_CLASS.
pub(super) const SAM_INFO2: u16 = 3;
pub(super) const SAM_INFO4: u16 = 6;
/// 2.2.1.4.15 ParameterControl: no guests (D); accounts of domain controllers (E) and of computers (L) may log on, as over the
/// network they do.
const PARAMETER_CONTROL: u32 = 0x10 | 0x20 | 0x800;

/// 2.2.1.3.1 NL_AUTH_MESSAGE of a negotiate request: the NetBIOS names of the domain and of the computer, as OEM strings and in
/// compressed UTF-8 form where they are not ASCII.
pub(super) fn negotiate_token(netbios_domain: &str, computer: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u32(0); // MessageType: negotiate request
    writer.u32(0x1 | 0x2); // Flags: NetBIOS domain name, NetBIOS computer name
    for name in [netbios_domain, computer] {
        // Names of computers that this server makes are ASCII; a domain's may have OEM characters, which are told in
        // NetrServerAuthenticate3 already.
        let oem: Vec<u8> =
            name.chars().map(|unit| u8::try_from(unit).ok().filter(u8::is_ascii).unwrap_or(b'?')).collect();
        writer.bytes(&oem);
        writer.u8(0);
    }
    writer.into_bytes()
}

/// The names that go with each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallNames {
    /// PrimaryName: the domain controller, with two leading backslashes.
    pub(super) controller: String,
    /// ComputerName: this server's NetBIOS name.
    pub(super) computer: String,
    /// AccountName: of the machine account, with its `$`.
    pub(super) account: String,
}

/// 3.5.4.4.1 NetrServerReqChallenge.
pub(super) fn encode_req_challenge(names: &CallNames, client_challenge: &Credential) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.pointer();
    writer.wide_string(&names.controller);
    writer.wide_string(&names.computer);
    writer.bytes(client_challenge);
    writer.into_bytes()
}

/// The server's challenge.
pub(super) fn decode_req_challenge(stub: &[u8]) -> Result<(Credential, NtStatus), DecodeError> {
    let mut reader = NdrReader::new(stub);
    Ok((reader.array("ServerChallenge")?, NtStatus(reader.u32("status")?)))
}

/// 3.5.4.4.2 NetrServerAuthenticate3.
pub(super) fn encode_authenticate3(names: &CallNames, client_credential: &Credential) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.pointer();
    writer.wide_string(&names.controller);
    writer.wide_string(&names.account);
    writer.u16(WORKSTATION_CHANNEL);
    writer.wide_string(&names.computer);
    writer.bytes(client_credential);
    writer.u32(OFFERED);
    writer.into_bytes()
}

/// Results of NetrServerAuthenticate3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authenticated {
    pub(super) server_credential: Credential,
    pub(super) flags: u32,
    pub(super) status: NtStatus,
}

pub(super) fn decode_authenticate3(stub: &[u8]) -> Result<Authenticated, DecodeError> {
    let mut reader = NdrReader::new(stub);
    let server_credential = reader.array("ServerCredential")?;
    let flags = reader.u32("NegotiateFlags")?;
    reader.u32("AccountRid")?;
    Ok(Authenticated { server_credential, flags, status: NtStatus(reader.u32("status")?) })
}

/// 3.5.4.4.10 NetrLogonGetCapabilities, QueryLevel 1.
pub(super) fn encode_get_capabilities(names: &CallNames, authenticator: &Authenticator) -> Vec<u8> {
    let mut writer = NdrWriter::new();
    writer.wide_string(&names.controller);
    writer.pointer();
    writer.wide_string(&names.computer);
    writer.align(4);
    writer.bytes(&authenticator.credential);
    writer.u32(authenticator.timestamp);
    writer.bytes(&[0; 12]); // ReturnAuthenticator
    writer.u32(1); // QueryLevel
    writer.into_bytes()
}

/// Results of NetrLogonGetCapabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) returned_credential: Credential,
    /// The options that the server says were agreed on.
    pub(super) flags: u32,
    pub(super) status: NtStatus,
}

pub(super) fn decode_get_capabilities(stub: &[u8]) -> Result<Capabilities, DecodeError> {
    let mut reader = NdrReader::new(stub);
    let returned_credential = reader.array("ReturnAuthenticator.Credential")?;
    reader.u32("ReturnAuthenticator.Timestamp")?;
    if reader.u32("QueryLevel")? != 1 {
        return Err(reader.error("QueryLevel"));
    }
    let flags = reader.u32("ServerCapabilities")?;
    Ok(Capabilities { returned_credential, flags, status: NtStatus(reader.u32("status")?) })
}

/// 3.5.4.5.1 NetrLogonSamLogonEx with NetlogonNetworkInformation ([MS-APDS] 3.1.5.2): what a client answered to this server's
/// challenge, and the names exactly as the client sent them, since the answer was computed with them.
pub(super) fn encode_sam_logon_ex(names: &CallNames, query: &AccountQuery, validation: u16) -> Vec<u8> {
    let PassThrough { server_challenge, nt_response, lm_response } = &query.pass_through;
    let mut writer = NdrWriter::new();
    writer.pointer();
    writer.wide_string(&names.controller);
    writer.pointer();
    writer.wide_string(&names.computer);
    writer.u16(NETWORK_INFORMATION);
    writer.u16(NETWORK_INFORMATION); // the union's discriminant
    writer.pointer();
    // 2.2.1.4.5 NETLOGON_NETWORK_INFO
    writer.unicode_string_header(&query.domain);
    writer.u32(PARAMETER_CONTROL);
    writer.u32(0); // Reserved
    writer.u32(0);
    writer.unicode_string_header(&query.user);
    writer.unicode_string_header(&query.workstation);
    writer.bytes(server_challenge);
    string_header(&mut writer, nt_response);
    string_header(&mut writer, lm_response);
    for name in [&query.domain, &query.user, &query.workstation] {
        writer.unicode_string_buffer(name);
    }
    string_buffer(&mut writer, nt_response);
    string_buffer(&mut writer, lm_response);
    writer.u16(validation);
    writer.u32(0); // ExtraFlags
    writer.into_bytes()
}

/// [MS-NRPC] 2.2.1.1.2 STRING: its length twice and a pointer to the bytes. No response is longer: it came in such a field.
fn string_header(writer: &mut NdrWriter, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    writer.align(4);
    writer.u16(length);
    writer.u16(length);
    writer.pointer();
}

fn string_buffer(writer: &mut NdrWriter, bytes: &[u8]) {
    let bytes = bytes.get(..usize::from(u16::MAX)).unwrap_or(bytes);
    writer.count(bytes.len());
    writer.u32(0);
    writer.count(bytes.len());
    writer.bytes(bytes);
}

/// Results of NetrLogonSamLogonEx.
#[derive(Debug)]
pub(super) struct LogonResult {
    /// Of a success.
    pub(super) validation: Option<Box<Validation>>,
    /// Authoritative: nobody else could know better.
    pub(super) authoritative: bool,
    pub(super) status: NtStatus,
}

pub(super) fn decode_sam_logon_ex(stub: &[u8]) -> Result<LogonResult, DecodeError> {
    let mut reader = NdrReader::new(stub);
    let level = reader.u16("ValidationLevel")?;
    let validation = if reader.pointer("ValidationInformation")? {
        Some(Box::new(match level {
            SAM_INFO2 => validation::decode(&mut reader, validation::Form::SamInfo2)?,
            SAM_INFO4 => validation::decode(&mut reader, validation::Form::SamInfo4)?,
            _ => return Err(reader.error("ValidationLevel")),
        }))
    } else {
        None
    };
    let [authoritative] = reader.array("Authoritative")?;
    reader.u32("ExtraFlags")?;
    Ok(LogonResult { validation, authoritative: authoritative != 0, status: NtStatus(reader.u32("status")?) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> CallNames {
        CallNames {
            controller: r"\\dc1.corp.example".to_owned(),
            computer: "FILESERVER".to_owned(),
            account: "FILESERVER$".to_owned(),
        }
    }

    #[test]
    fn the_negotiate_token_names_domain_and_computer() {
        assert_eq!(negotiate_token("CORP", "FILESERVER"), b"\0\0\0\0\x03\0\0\0CORP\0FILESERVER\0");
    }

    #[test]
    fn parameters_are_where_ndr_wants_them() {
        let stub = encode_authenticate3(&names(), &[0xAA; 8]);
        let mut reader = NdrReader::new(&stub);
        assert!(reader.pointer("PrimaryName").unwrap());
        assert_eq!(reader.wide_string("PrimaryName").unwrap(), r"\\dc1.corp.example".into());
        assert_eq!(reader.wide_string("AccountName").unwrap(), "FILESERVER$".into());
        assert_eq!(reader.u16("SecureChannelType").unwrap(), 2);
        assert_eq!(reader.wide_string("ComputerName").unwrap(), "FILESERVER".into());
        assert_eq!(reader.array::<8>("ClientCredential").unwrap(), [0xAA; 8]);
        assert_eq!(reader.u32("NegotiateFlags").unwrap(), 0x612F_FFFB);
        assert_eq!(reader.remaining(), 0);
    }

    proptest! {
        #[test]
        fn any_results_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = decode_req_challenge(&bytes);
            let _ = decode_authenticate3(&bytes);
            let _ = decode_get_capabilities(&bytes);
            let _ = decode_sam_logon_ex(&bytes);
            for level in [SAM_INFO2, SAM_INFO4] {
                let mut led = level.to_le_bytes().to_vec();
                led.extend([0, 0, 1, 0, 0, 0]);
                led.extend(&bytes);
                let _ = decode_sam_logon_ex(&led);
            }
        }
    }
}
