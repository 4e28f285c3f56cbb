//! [MS-SAMR] 3.1.5.1.9 SamrOpenUser, 3.1.5.9.1 SamrGetGroupsForUser, 3.1.5.13.4
//! SamrGetUserDomainPasswordInformation.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::dispatch::{Call, Handle, Object};
use super::super::ndr::NdrWriter;
use super::super::objects::{self, Refusal, Reply, success};
use super::domain_info::write_password_information;
use super::security::{DOMAIN_LOOKUP, USER_LIST_GROUPS};
use super::{GROUP_ATTRIBUTES, domain_handle, server};
use crate::names::PRIMARY_GROUP_RID;
use crate::state::Account;

/// SamrOpenUser.
pub(super) fn open(call: &mut Call<'_, '_>) -> Reply {
    let (handle, domain) = domain_handle(call)?;
    let desired = call.parameters.u32("DesiredAccess")?;
    let rid = call.parameters.u32("UserId")?;
    handle.need(DOMAIN_LOOKUP)?;
    let sid = domain
        .with_rid(rid)
        .filter(|sid| call.cx.accounts.account_by_sid(sid).is_some())
        .ok_or(NtStatus::NO_SUCH_USER)?;
    let mut results = NdrWriter::new();
    server::open(call, Object::SamUser(sid), desired, &mut results)?;
    success(results)
}

/// Reads a handle that has to be a user's, who may have been removed meanwhile.
pub(super) fn user(call: &mut Call<'_, '_>) -> Result<(Handle, Arc<Account>), Refusal> {
    let handle = objects::handle(call)?;
    let Object::SamUser(sid) = handle.object else { return Err(NtStatus::INVALID_HANDLE.into()) };
    let account = call.cx.accounts.account_by_sid(&sid).ok_or(NtStatus::NO_SUCH_USER)?;
    Ok((handle, Arc::clone(account)))
}

/// SamrGetGroupsForUser: 2.2.7.13 SAMPR_GET_GROUPS_BUFFER. Local groups are no groups of this kind.
pub(super) fn groups(call: &mut Call<'_, '_>) -> Reply {
    let (handle, _) = user(call)?;
    handle.need(USER_LIST_GROUPS)?;
    let mut results = NdrWriter::new();
    results.pointer();
    results.u32(1);
    results.pointer();
    results.u32(1);
    results.u32(PRIMARY_GROUP_RID);
    results.u32(GROUP_ATTRIBUTES);
    success(results)
}

/// SamrGetUserDomainPasswordInformation.
pub(super) fn password_information(call: &mut Call<'_, '_>) -> Reply {
    user(call)?;
    let mut results = NdrWriter::new();
    write_password_information(&mut results);
    success(results)
}
