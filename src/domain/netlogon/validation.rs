//! [MS-NRPC] 2.2.1.4.13 NETLOGON_VALIDATION_SAM_INFO4 and 2.2.1.4.12 NETLOGON_VALIDATION_SAM_INFO2: what a domain controller says
//! of a user whom it verified. Pure.
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

use freehold_acl::{Group, GroupAttributes};
use freehold_dtyp::DecodeError;
use zeroize::Zeroizing;

use crate::auth::Authorization;
use crate::rpc::ndr::NdrReader;

/// UserFlags: the user is logged on as a guest.
const LOGON_GUEST: u32 = 0x0000_0001;
/// Bytes of the six times at the start.
const TIMES_SIZE: usize = 6 * 8;
/// Bytes between LogonDomainId and SidCount: LMKey 8, UserAccountControl 4, SubAuthStatus 4, LastSuccessfulILogon 8,
/// LastFailedILogon 8, FailedILogonCount 4, Reserved4 4; in SAM_INFO2 it is ExpansionRoom.
const EXPANSION_SIZE: usize = 8 + 4 + 4 + 8 + 8 + 4 + 4;
/// DnsLogonDomainName, Upn and ExpansionString1 to 10.
const FURTHER_STRINGS: usize = 12;

/// Which of the structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    SamInfo2,
    SamInfo4,
}

/// A verified user.
#[derive(Clone)]
pub(super) struct Validation {
    /// Who that is.
    pub(super) authorization: Authorization,
    /// UserSessionKey as it stands there.
    pub(super) session_key: Zeroizing<[u8; 16]>,
    /// Let in without proof.
    pub(super) is_guest: bool,
    /// The session key is still encrypted with the channel's key.
    pub(super) key_is_encrypted: bool,
}

impl std::fmt::Debug for Validation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Validation({}\\{})", self.authorization.domain_name, self.authorization.account_name)
    }
}

/// A string whose buffer comes later: its length and whether there is one.
struct Later(u16, bool);

fn later(reader: &mut NdrReader<'_>, field: &'static str) -> Result<Later, DecodeError> {
    reader.unicode_string_header(field).map(|(length, present)| Later(length, present))
}

fn text(reader: &mut NdrReader<'_>, field: &'static str, header: &Later) -> Result<String, DecodeError> {
    Ok(reader.unicode_string_buffer(field, (header.0, header.1))?.to_string())
}

/// The fixed parts, in their order.
struct Fixed {
    effective_name: Later,
    full_name: Later,
    other_names: [Later; 4],
    user_id: u32,
    primary_group_id: u32,
    group_count: usize,
    has_groups: bool,
    user_flags: u32,
    session_key: Zeroizing<[u8; 16]>,
    logon_server: Later,
    logon_domain: Later,
    has_domain_sid: bool,
    sid_count: usize,
    has_extra_sids: bool,
}

fn fixed(reader: &mut NdrReader<'_>) -> Result<Fixed, DecodeError> {
    // The pointer to this structure was read before: that is aligned.
    reader.bytes("LogonTime to PasswordMustChange", TIMES_SIZE)?;
    let effective_name = later(reader, "EffectiveName")?;
    let full_name = later(reader, "FullName")?;
    let other_names = [
        later(reader, "LogonScript")?,
        later(reader, "ProfilePath")?,
        later(reader, "HomeDirectory")?,
        later(reader, "HomeDirectoryDrive")?,
    ];
    reader.u16("LogonCount")?;
    reader.u16("BadPasswordCount")?;
    let user_id = reader.u32("UserId")?;
    let primary_group_id = reader.u32("PrimaryGroupId")?;
    let group_count = reader.size("GroupCount")?;
    let has_groups = reader.pointer("GroupIds")?;
    let user_flags = reader.u32("UserFlags")?;
    let session_key = Zeroizing::new(reader.array("UserSessionKey")?);
    let logon_server = later(reader, "LogonServer")?;
    let logon_domain = later(reader, "LogonDomainName")?;
    let has_domain_sid = reader.pointer("LogonDomainId")?;
    reader.bytes("ExpansionRoom", EXPANSION_SIZE)?;
    let sid_count = reader.size("SidCount")?;
    let has_extra_sids = reader.pointer("ExtraSids")?;
    Ok(Fixed {
        effective_name,
        full_name,
        other_names,
        user_id,
        primary_group_id,
        group_count,
        has_groups,
        user_flags,
        session_key,
        logon_server,
        logon_domain,
        has_domain_sid,
        sid_count,
        has_extra_sids,
    })
}

/// Reads the structure that a pointer led to, and everything that it points to.
pub(super) fn decode(reader: &mut NdrReader<'_>, form: Form) -> Result<Validation, DecodeError> {
    let fixed = fixed(reader)?;
    let further = match form {
        Form::SamInfo2 => Vec::new(),
        Form::SamInfo4 => {
            (0..FURTHER_STRINGS).map(|_| later(reader, "Upn")).collect::<Result<Vec<_>, _>>()?
        }
    };
    let account_name = text(reader, "EffectiveName", &fixed.effective_name)?;
    let full_name = text(reader, "FullName", &fixed.full_name)?;
    for name in &fixed.other_names {
        text(reader, "HomeDirectory", name)?;
    }
    let group_ids = if fixed.has_groups { group_ids(reader, fixed.group_count)? } else { Vec::new() };
    text(reader, "LogonServer", &fixed.logon_server)?;
    let domain_name = text(reader, "LogonDomainName", &fixed.logon_domain)?;
    let domain = if fixed.has_domain_sid { Some(reader.sid("LogonDomainId")?) } else { None };
    let extra = if fixed.has_extra_sids { extra_sids(reader, fixed.sid_count)? } else { Vec::new() };
    let mut further_texts =
        further.iter().map(|header| text(reader, "Upn", header)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let user_principal_name = further_texts.nth(1).filter(|name| !name.is_empty());

    let domain = domain.ok_or_else(|| reader.error("LogonDomainId"))?;
    let of_domain = |rid: u32| domain.with_rid(rid).ok_or_else(|| reader.error("LogonDomainId"));
    let primary_group = of_domain(fixed.primary_group_id)?;
    let mut groups = group_ids
        .into_iter()
        .map(|(rid, attributes)| Ok(Group { sid: of_domain(rid)?, attributes }))
        .collect::<Result<Vec<Group>, DecodeError>>()?;
    if !groups.iter().any(|group| group.sid == primary_group) {
        groups.push(Group { sid: primary_group, attributes: GroupAttributes::MEMBER });
    }
    groups.extend(extra);
    Ok(Validation {
        authorization: Authorization {
            user: of_domain(fixed.user_id)?,
            primary_group,
            groups,
            account_name,
            domain_name,
            full_name,
            user_principal_name,
            user_claims: Vec::new(),
            device_claims: Vec::new(),
            device_groups: Vec::new(),
        },
        session_key: fixed.session_key,
        is_guest: fixed.user_flags & LOGON_GUEST != 0,
        key_is_encrypted: form == Form::SamInfo2,
    })
}

/// A conformant array of GROUP_MEMBERSHIP.
fn group_ids(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<(u32, GroupAttributes)>, DecodeError> {
    if reader.size("GroupIds")? != count || count > reader.remaining() {
        return Err(reader.error("GroupIds"));
    }
    (0..count).map(|_| Ok((reader.u32("RelativeId")?, GroupAttributes(reader.u32("Attributes")?)))).collect()
}

/// A conformant array of NETLOGON_SID_AND_ATTRIBUTES, and the SIDs after it.
fn extra_sids(reader: &mut NdrReader<'_>, count: usize) -> Result<Vec<Group>, DecodeError> {
    if reader.size("ExtraSids")? != count || count > reader.remaining() {
        return Err(reader.error("ExtraSids"));
    }
    let headers = (0..count)
        .map(|_| Ok((reader.pointer("Sid")?, GroupAttributes(reader.u32("Attributes")?))))
        .collect::<Result<Vec<_>, DecodeError>>()?;
    headers
        .into_iter()
        .filter(|(present, _)| *present)
        .map(|(_, attributes)| Ok(Group { sid: reader.sid("Sid")?, attributes }))
        .collect()
}

/// Writes what [`decode`] reads.
#[cfg(test)]
pub(super) mod testing {
    use freehold_dtyp::Sid;

    use super::Form;
    use crate::rpc::ndr::NdrWriter;

    pub(in super::super) struct Sample {
        pub(in super::super) account: &'static str,
        pub(in super::super) upn: &'static str,
        pub(in super::super) domain: Sid,
        pub(in super::super) rid: u32,
        pub(in super::super) groups: Vec<u32>,
        pub(in super::super) extra: Vec<Sid>,
        pub(in super::super) flags: u32,
        pub(in super::super) key: [u8; 16],
    }

    pub(in super::super) fn encode(writer: &mut NdrWriter, form: Form, sample: &Sample) {
        writer.align(4);
        writer.bytes(&[0; super::TIMES_SIZE]);
        let names = [sample.account, "Full Name", "", "", "", ""];
        names.iter().for_each(|name| writer.unicode_string_header(name));
        writer.u16(1);
        writer.u16(0);
        writer.u32(sample.rid);
        writer.u32(513);
        writer.count(sample.groups.len());
        writer.pointer();
        writer.u32(sample.flags);
        writer.bytes(&sample.key);
        writer.unicode_string_header("DC1");
        writer.unicode_string_header("CORP");
        writer.pointer();
        writer.bytes(&[0; super::EXPANSION_SIZE]);
        writer.count(sample.extra.len());
        if sample.extra.is_empty() {
            writer.null()
        } else {
            writer.pointer()
        }
        let further = ["corp.example", sample.upn, "", "", "", "", "", "", "", "", "", ""];
        if form == Form::SamInfo4 {
            further.iter().for_each(|text| writer.unicode_string_header(text));
        }
        names.iter().for_each(|name| writer.unicode_string_buffer(name));
        writer.count(sample.groups.len());
        for rid in &sample.groups {
            writer.u32(*rid);
            writer.u32(7);
        }
        writer.unicode_string_buffer("DC1");
        writer.unicode_string_buffer("CORP");
        writer.sid(&sample.domain);
        if !sample.extra.is_empty() {
            writer.count(sample.extra.len());
            for _ in &sample.extra {
                writer.pointer();
                writer.u32(0x2000_0007);
            }
            sample.extra.iter().for_each(|sid| writer.sid(sid));
        }
        if form == Form::SamInfo4 {
            further.iter().for_each(|text| writer.unicode_string_buffer(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use freehold_dtyp::Sid;

    use super::testing::{Sample, encode};
    use super::*;
    use crate::rpc::ndr::NdrWriter;

    fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    fn sample() -> Sample {
        Sample {
            account: "zoë",
            upn: "zoë@corp.example",
            domain: sid("S-1-5-21-1-2-3"),
            rid: 1110,
            groups: vec![1117, 1118],
            extra: vec![sid("S-1-18-1"), sid("S-1-5-21-9-9-9-1120")],
            flags: 0x20,
            key: [9; 16],
        }
    }

    fn read(form: Form, sample: &Sample) -> Result<Validation, DecodeError> {
        let mut writer = NdrWriter::new();
        encode(&mut writer, form, sample);
        let bytes = writer.into_bytes();
        let mut reader = NdrReader::new(&bytes);
        let validation = decode(&mut reader, form)?;
        assert_eq!(reader.remaining(), 0);
        for end in 0..bytes.len() {
            assert!(decode(&mut NdrReader::new(&bytes[..end]), form).is_err(), "{end}");
        }
        Ok(validation)
    }

    #[test]
    fn every_sid_and_name_is_found_in_both_forms() {
        for form in [Form::SamInfo2, Form::SamInfo4] {
            let validation = read(form, &sample()).unwrap();
            let authorization = &validation.authorization;
            assert_eq!(authorization.user, sid("S-1-5-21-1-2-3-1110"));
            assert_eq!(authorization.primary_group, sid("S-1-5-21-1-2-3-513"));
            let groups: Vec<String> =
                authorization.groups.iter().map(|group| group.sid.to_string()).collect();
            let expected = [
                "S-1-5-21-1-2-3-1117",
                "S-1-5-21-1-2-3-1118",
                "S-1-5-21-1-2-3-513",
                "S-1-18-1",
                "S-1-5-21-9-9-9-1120",
            ];
            assert_eq!(groups, expected);
            assert_eq!(authorization.groups[4].attributes, GroupAttributes(0x2000_0007));
            assert_eq!((&*authorization.account_name, &*authorization.domain_name), ("zoë", "CORP"));
            let upn = (form == Form::SamInfo4).then(|| "zoë@corp.example".to_owned());
            assert_eq!(authorization.user_principal_name, upn);
            assert_eq!((*validation.session_key, validation.is_guest), ([9; 16], false));
            assert_eq!(validation.key_is_encrypted, form == Form::SamInfo2);
        }
    }

    #[test]
    fn a_guest_is_told() {
        let mut guest = sample();
        guest.flags = LOGON_GUEST;
        assert!(read(Form::SamInfo4, &guest).unwrap().is_guest);
    }
}
