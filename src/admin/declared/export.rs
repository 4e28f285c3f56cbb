//! The present state as a declaration, in a stable order.

use freehold_dtyp::Sid;

use super::super::declared_protocol::{
    Declaration, DeclaredAccount, DeclaredGroup, DeclaredServer, DeclaredShare, NameAndSid,
};
use super::super::names::{Names, sids_in};
use super::super::protocol::{FolderEnumerationMode, ShareRight};
use super::super::service::AdminService;
use super::shares::{Entry, simple_entries};
use super::{namespaces, quotas};
use crate::state::Share;

/// Everything that can be declared.
pub(super) fn export(service: &AdminService) -> anyhow::Result<Declaration> {
    let state = service.state();
    let (names, shares, set) = (service.names(), state.shares(), state.server_settings());
    let groups = names.accounts().groups().to_vec();
    let of_shares = shares.all().iter().flat_map(|share| sids_in(&share.settings.security));
    names.prepare(groups.iter().flat_map(|group| group.members.iter().copied()).chain(of_shares));
    Ok(Declaration {
        server: Some(DeclaredServer {
            encrypt_data: set.encrypt_data,
            reject_unencrypted_access: set.reject_unencrypted,
        }),
        groups: Some(
            groups
                .iter()
                .map(|group| {
                    let mut members: Vec<_> = group.members.iter().map(|sid| account(&names, sid)).collect();
                    // SIDs of local accounts differ from server to server: their order must not.
                    members.sort();
                    DeclaredGroup {
                        name: group.name.clone(),
                        comment: if group.builtin { String::new() } else { group.comment.clone() },
                        members,
                    }
                })
                .collect(),
        ),
        dfs_namespaces: Some(namespaces::export(state)?),
        quota_templates: Some(quotas::export_templates(&state.quotas())),
        quotas: Some(quotas::export(&state.quotas(), &names)),
        shares: Some(shares.all().iter().map(|found| share(&names, found)).collect()),
    })
}

fn share(names: &Names, share: &Share) -> DeclaredShare {
    let settings = &share.settings;
    let entries = simple_entries(&settings.security);
    let list = |right: Option<ShareRight>| -> Vec<DeclaredAccount> {
        let with_right = |entry: &&Entry| entry.1 == right;
        entries.iter().flatten().filter(with_right).map(|(sid, _)| account(names, sid)).collect()
    };
    DeclaredShare {
        name: share.name.clone(),
        volume: settings.volume.clone(),
        path: settings.path.clone(),
        description: settings.comment.clone(),
        encrypt_data: settings.encrypt,
        folder_enumeration_mode: FolderEnumerationMode::of(settings.access_based_enumeration),
        caching_mode: settings.caching,
        continuously_available: settings.continuously_available,
        ca_timeout: settings.ca_timeout_seconds,
        concurrent_user_limit: settings.max_users.unwrap_or(0),
        audit: settings.audit,
        full_access: list(Some(ShareRight::Full)),
        change_access: list(Some(ShareRight::Change)),
        read_access: list(Some(ShareRight::Read)),
        no_access: list(None),
        security_descriptor: entries.is_none().then(|| settings.security.to_sddl()),
    }
}

/// The name where it says who it is on any server of this name space, else the SID beside it.
pub(super) fn account(names: &Names, sid: &Sid) -> DeclaredAccount {
    let Some(found) = names.known(sid) else { return DeclaredAccount::Name(sid.to_string()) };
    if names.is_of_directory(&found) || !names.find(&found.name).is_ok_and(|found| found == *sid) {
        return DeclaredAccount::Both(NameAndSid { account: found.full_name(), sid: sid.to_string() });
    }
    DeclaredAccount::Name(found.name)
}
