//! [MS-PAC] 2.5 KERB_VALIDATION_INFO and 2.12 PAC_DEVICE_INFO: who somebody is, and in which groups.

use freehold_acl::{Group, GroupAttributes};
use freehold_dtyp::{DecodeError, Sid};

use super::ndr::Ndr;

/// The parts of KERB_VALIDATION_INFO that a server needs.
pub(super) struct ValidationInfo {
    pub(super) user: Sid,
    pub(super) primary_group: Sid,
    pub(super) groups: Vec<Group>,
    pub(super) account_name: String,
    pub(super) full_name: String,
    pub(super) domain_name: String,
}

impl ValidationInfo {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut ndr = Ndr::of_object(bytes)?;
        // LogonTime to PasswordMustChange.
        ndr.skip("times", 48)?;
        let effective_name = ndr.unicode_string("EffectiveName")?;
        let full_name = ndr.unicode_string("FullName")?;
        let logon_script = ndr.unicode_string("LogonScript")?;
        let profile_path = ndr.unicode_string("ProfilePath")?;
        let home_directory = ndr.unicode_string("HomeDirectory")?;
        let home_drive = ndr.unicode_string("HomeDirectoryDrive")?;
        ndr.skip("LogonCount, BadPasswordCount", 4)?;
        let user_id = ndr.u32("UserId")?;
        let primary_group_id = ndr.u32("PrimaryGroupId")?;
        let group_count = ndr.u32("GroupCount")?;
        let group_ids = ndr.pointer("GroupIds")?;
        ndr.skip("UserFlags, UserSessionKey", 20)?;
        let logon_server = ndr.unicode_string("LogonServer")?;
        let domain_name = ndr.unicode_string("LogonDomainName")?;
        let domain_id = ndr.pointer("LogonDomainId")?;
        // Reserved1 to Reserved3.
        ndr.skip("UserAccountControl", 40)?;
        let sid_count = ndr.u32("SidCount")?;
        let extra_sids = ndr.pointer("ExtraSids")?;
        let resource_domain = ndr.pointer("ResourceGroupDomainSid")?;
        let resource_count = ndr.u32("ResourceGroupCount")?;
        let resource_ids = ndr.pointer("ResourceGroupIds")?;

        let account_name = ndr.text("EffectiveName", effective_name)?;
        let full_name = ndr.text("FullName", full_name)?;
        ndr.text("LogonScript", logon_script)?;
        ndr.text("ProfilePath", profile_path)?;
        ndr.text("HomeDirectory", home_directory)?;
        ndr.text("HomeDirectoryDrive", home_drive)?;
        let ids = if group_ids { ndr.groups("GroupIds", group_count)? } else { Vec::new() };
        ndr.text("LogonServer", logon_server)?;
        let domain_name = ndr.text("LogonDomainName", domain_name)?;
        if !domain_id {
            return Err(ndr.error("LogonDomainId"));
        }
        let domain = ndr.sid("LogonDomainId")?;
        let extra = if extra_sids { ndr.sids("ExtraSids", sid_count)? } else { Vec::new() };
        let resource_domain = if resource_domain { Some(ndr.sid("ResourceGroupDomainSid")?) } else { None };
        let resource_ids =
            if resource_ids { ndr.groups("ResourceGroupIds", resource_count)? } else { Vec::new() };

        let within = |domain: &Sid, id: u32| domain.with_rid(id).ok_or(ndr.error("RelativeId"));
        // UserId 0: the first of ExtraSids is the user.
        let user = match user_id {
            0 => extra.first().map(|group| group.sid).ok_or(ndr.error("UserId"))?,
            id => within(&domain, id)?,
        };
        let primary_group = within(&domain, primary_group_id)?;
        let mut groups = vec![Group { sid: primary_group, attributes: GroupAttributes::MEMBER }];
        for (id, attributes) in ids {
            let sid = within(&domain, id)?;
            if sid != primary_group {
                groups.push(Group { sid, attributes });
            }
        }
        groups.extend(extra.into_iter().filter(|group| group.sid != user));
        for (id, attributes) in resource_ids {
            let domain = resource_domain.as_ref().ok_or(ndr.error("ResourceGroupDomainSid"))?;
            groups.push(Group { sid: within(domain, id)?, attributes });
        }
        Ok(ValidationInfo { user, primary_group, groups, account_name, full_name, domain_name })
    }
}

/// [MS-PAC] 2.12 PAC_DEVICE_INFO: the device and its groups, as SIDs.
pub(super) fn device_groups(bytes: &[u8]) -> Result<Vec<Group>, DecodeError> {
    let mut ndr = Ndr::of_object(bytes)?;
    let user_id = ndr.u32("UserId")?;
    let primary_group_id = ndr.u32("PrimaryGroupId")?;
    let has_domain = ndr.pointer("AccountDomainId")?;
    let group_count = ndr.u32("AccountGroupCount")?;
    let group_ids = ndr.pointer("AccountGroupIds")?;
    let sid_count = ndr.u32("SidCount")?;
    let extra_sids = ndr.pointer("ExtraSids")?;
    let domain_count = ndr.u32("DomainGroupCount")?;
    let domains = ndr.pointer("DomainGroup")?;

    if !has_domain {
        return Err(ndr.error("AccountDomainId"));
    }
    let domain = ndr.sid("AccountDomainId")?;
    let ids = if group_ids { ndr.groups("AccountGroupIds", group_count)? } else { Vec::new() };
    let extra = if extra_sids { ndr.sids("ExtraSids", sid_count)? } else { Vec::new() };
    let mut groups = Vec::new();
    let member = [user_id, primary_group_id].map(|id| (id, GroupAttributes::MEMBER));
    for (id, attributes) in member.into_iter().chain(ids) {
        let sid = domain.with_rid(id).ok_or(ndr.error("RelativeId"))?;
        if !groups.iter().any(|group: &Group| group.sid == sid) {
            groups.push(Group { sid, attributes });
        }
    }
    groups.extend(extra);
    if domains {
        // 2.2.3 DOMAIN_GROUP_MEMBERSHIP.
        let length = ndr.array("DomainGroup", domain_count, 12)?;
        let heads: Vec<(bool, u32, bool)> = (0..length)
            .map(|_| Ok((ndr.pointer("DomainId")?, ndr.u32("GroupCount")?, ndr.pointer("GroupIds")?)))
            .collect::<Result<_, DecodeError>>()?;
        for (has_domain, count, has_ids) in heads {
            let domain = if has_domain { Some(ndr.sid("DomainId")?) } else { None };
            for (id, attributes) in if has_ids { ndr.groups("GroupIds", count)? } else { Vec::new() } {
                let sid = domain.and_then(|domain| domain.with_rid(id)).ok_or(ndr.error("DomainId"))?;
                groups.push(Group { sid, attributes });
            }
        }
    }
    Ok(groups)
}
