//! [MS-PAC]: what a domain controller says of a user, signed with the key that only it and this server have.
//!
//! The signature is checked before anything else is read. The other signatures in a PAC are for domain controllers, which alone
//! can check them.

mod claims;
mod ndr;
mod validation_info;
mod xpress;

use freehold_acl::Claim;
use freehold_dtyp::{DecodeError, FileTime, Reader};

use super::crypto::{EncryptionKey, usage};
use super::error::KerberosError;
use super::key::EncryptionType;
use super::messages::PrincipalName;
use crate::auth::Authorization;
use validation_info::ValidationInfo;

/// Longest PAC.
const SIZE_LIMIT: usize = 64 * 1024;
/// Most PAC_INFO_BUFFERs.
const BUFFERS_LIMIT: u32 = 64;

/// [MS-PAC] 2.4 PAC_INFO_BUFFER, ulType.
const TYPE_LOGON_INFO: u32 = 1;
const TYPE_SERVER_SIGNATURE: u32 = 6;
const TYPE_KDC_SIGNATURE: u32 = 7;
const TYPE_CLIENT_INFO: u32 = 10;
const TYPE_UPN_DNS_INFO: u32 = 12;
const TYPE_CLIENT_CLAIMS: u32 = 13;
const TYPE_DEVICE_INFO: u32 = 14;
const TYPE_DEVICE_CLAIMS: u32 = 15;

/// [MS-PAC] 2.8 PAC_SIGNATURE_DATA, SignatureType, and RFC 8009's checksum types.
const SIGNATURE_HMAC_MD5: u32 = 0xFFFF_FF76;
const SIGNATURE_AES128_SHA1: u32 = 15;
const SIGNATURE_AES256_SHA1: u32 = 16;
const SIGNATURE_AES128_SHA256: u32 = 19;
const SIGNATURE_AES256_SHA384: u32 = 20;

/// What a PAC must agree with: the ticket that it came in.
pub(super) struct Ticket<'a> {
    /// The key that the ticket was sealed with.
    pub(super) key: &'a EncryptionKey,
    pub(super) client: &'a PrincipalName,
    pub(super) auth_time: FileTime,
}

/// Verifies a PAC and reads it.
pub(super) fn authorization(pac: &[u8], ticket: &Ticket<'_>) -> Result<Authorization, KerberosError> {
    if pac.len() > SIZE_LIMIT {
        return Err(KerberosError::Malformed);
    }
    let buffers = Buffers::decode(pac).map_err(|_| KerberosError::Malformed)?;
    verify_signature(pac, &buffers, ticket.key)?;
    check_client(buffers.the_one(TYPE_CLIENT_INFO)?, ticket)?;
    let info =
        ValidationInfo::decode(buffers.the_one(TYPE_LOGON_INFO)?).map_err(|_| KerberosError::Malformed)?;
    let device_groups = match buffers.find(TYPE_DEVICE_INFO) {
        Some(bytes) => validation_info::device_groups(bytes).map_err(|_| KerberosError::Malformed)?,
        None => Vec::new(),
    };
    let upn = match buffers.find(TYPE_UPN_DNS_INFO) {
        Some(bytes) => user_principal_name(bytes).map_err(|_| KerberosError::Malformed)?,
        None => None,
    };
    Ok(Authorization {
        user: info.user,
        primary_group: info.primary_group,
        groups: info.groups,
        account_name: info.account_name,
        domain_name: info.domain_name,
        full_name: info.full_name,
        user_principal_name: upn,
        user_claims: read_claims(&buffers, TYPE_CLIENT_CLAIMS),
        device_claims: read_claims(&buffers, TYPE_DEVICE_CLAIMS),
        device_groups,
    })
}

/// Claims that cannot be read are none: conditions on them are then unknown, which never allows and always denies.
fn read_claims(buffers: &Buffers<'_>, kind: u32) -> Vec<Claim> {
    let Some(bytes) = buffers.find(kind) else { return Vec::new() };
    claims::decode(bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, buffer = kind, "the claims of a PAC cannot be read and do not count");
        Vec::new()
    })
}

/// [MS-PAC] 2.3 PACTYPE: types and places of the buffers.
struct Buffers<'a> {
    pac: &'a [u8],
    /// Type, and where the buffer begins and ends.
    list: Vec<(u32, usize, usize)>,
}

impl<'a> Buffers<'a> {
    fn decode(pac: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(pac);
        let invalid = |reader: &Reader<'_>, field| reader.error(field, freehold_dtyp::DecodeReason::Invalid);
        let count = reader.u32("cBuffers")?;
        if count > BUFFERS_LIMIT || reader.u32("Version")? != 0 {
            return Err(invalid(&reader, "cBuffers"));
        }
        let mut list = Vec::new();
        for _ in 0..count {
            let kind = reader.u32("ulType")?;
            let size = usize::try_from(reader.u32("cbBufferSize")?).ok();
            let start = usize::try_from(reader.u64("Offset")?).ok();
            let end = start.zip(size).and_then(|(start, size)| start.checked_add(size));
            match start.zip(end).filter(|(_, end)| *end <= pac.len()) {
                Some((start, end)) => list.push((kind, start, end)),
                None => return Err(invalid(&reader, "Offset")),
            }
        }
        Ok(Buffers { pac, list })
    }

    /// The first buffer of a type.
    fn find(&self, kind: u32) -> Option<&'a [u8]> {
        let (_, start, end) = self.list.iter().find(|(found, ..)| *found == kind)?;
        self.pac.get(*start..*end)
    }

    /// The buffer of a type of which there must be one and no more.
    fn the_one(&self, kind: u32) -> Result<&'a [u8], KerberosError> {
        let count = self.list.iter().filter(|(found, ..)| *found == kind).count();
        if count > 1 {
            return Err(KerberosError::Malformed);
        }
        self.find(kind).ok_or(KerberosError::PacMissing)
    }
}

/// Type and length of a signature.
fn signature_size(kind: u32) -> Option<usize> {
    match kind {
        SIGNATURE_AES128_SHA1 | SIGNATURE_AES256_SHA1 => Some(12),
        SIGNATURE_HMAC_MD5 | SIGNATURE_AES128_SHA256 => Some(16),
        SIGNATURE_AES256_SHA384 => Some(24),
        _ => None,
    }
}

/// [MS-PAC] 2.8.1 Server Signature: over the PAC, with zeros where the server's and the KDC's signatures are.
fn verify_signature(pac: &[u8], buffers: &Buffers<'_>, key: &EncryptionKey) -> Result<(), KerberosError> {
    let wanted = match key.encryption_type() {
        EncryptionType::AES128_CTS_HMAC_SHA1_96 => SIGNATURE_AES128_SHA1,
        EncryptionType::AES256_CTS_HMAC_SHA1_96 => SIGNATURE_AES256_SHA1,
        EncryptionType::AES128_CTS_HMAC_SHA256_128 => SIGNATURE_AES128_SHA256,
        EncryptionType::AES256_CTS_HMAC_SHA384_192 => SIGNATURE_AES256_SHA384,
        EncryptionType::RC4_HMAC => SIGNATURE_HMAC_MD5,
        _ => return Err(KerberosError::PacSignature),
    };
    let server = buffers.the_one(TYPE_SERVER_SIGNATURE)?;
    let (kind, signature) = server.split_first_chunk::<4>().ok_or(KerberosError::Malformed)?;
    if u32::from_le_bytes(*kind) != wanted {
        return Err(KerberosError::PacSignature);
    }
    let size = signature_size(wanted).ok_or(KerberosError::PacSignature)?;
    let signature = signature.get(..size).ok_or(KerberosError::Malformed)?;
    let mut zeroed = pac.to_vec();
    for (_, start, end) in
        buffers.list.iter().filter(|(kind, ..)| matches!(*kind, TYPE_SERVER_SIGNATURE | TYPE_KDC_SIGNATURE))
    {
        let buffer = zeroed.get_mut(*start..*end).unwrap_or_default();
        let (kind, rest) = buffer.split_first_chunk_mut::<4>().ok_or(KerberosError::Malformed)?;
        // A read-only domain controller's identifier may follow, which is signed.
        let size = signature_size(u32::from_le_bytes(*kind)).unwrap_or(rest.len());
        rest.get_mut(..size).ok_or(KerberosError::Malformed)?.fill(0);
    }
    key.verify_checksum(usage::PAC_SIGNATURE, &[&zeroed], signature).map_err(|_| KerberosError::PacSignature)
}

/// [MS-PAC] 2.7 PAC_CLIENT_INFO: the PAC belongs to this ticket.
fn check_client(bytes: &[u8], ticket: &Ticket<'_>) -> Result<(), KerberosError> {
    let read = || -> Result<(u64, Option<String>), DecodeError> {
        let mut reader = Reader::new(bytes);
        let time = reader.u64("ClientId")?;
        let length = usize::from(reader.u16("NameLength")?);
        Ok((time, ndr::utf16(reader.bytes("Name", length)?)))
    };
    let (time, name) = read().map_err(|_| KerberosError::Malformed)?;
    let same_name = name.is_some_and(|name| super::names::same(&name, &ticket.client.joined()));
    // The ticket's time has whole seconds.
    let same_time = time.abs_diff(ticket.auth_time.0) < 10_000_000;
    if same_name && same_time { Ok(()) } else { Err(KerberosError::PacClient) }
}

/// [MS-PAC] 2.10 UPN_DNS_INFO.
fn user_principal_name(bytes: &[u8]) -> Result<Option<String>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let length = usize::from(reader.u16("UpnLength")?);
    let offset = usize::from(reader.u16("UpnOffset")?);
    let end = offset.saturating_add(length);
    let name = bytes.get(offset..end).and_then(ndr::utf16);
    let name = name.ok_or(reader.error("UpnOffset", freehold_dtyp::DecodeReason::Invalid))?;
    Ok((!name.is_empty()).then_some(name))
}
