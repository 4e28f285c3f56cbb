//! Accounts and groups by name, and names of SIDs.

use freehold_dtyp::Sid;

use crate::state::AccountsSnapshot;

/// Names that have no account or group in the state.
const WELL_KNOWN: [(&str, Sid); 8] = [
    ("Everyone", Sid::EVERYONE),
    ("Authenticated Users", Sid::AUTHENTICATED_USERS),
    ("SYSTEM", Sid::SYSTEM),
    ("NETWORK", Sid::NETWORK),
    ("ANONYMOUS LOGON", Sid::ANONYMOUS),
    ("CREATOR OWNER", Sid::CREATOR_OWNER),
    ("CREATOR GROUP", Sid::CREATOR_GROUP),
    ("OWNER RIGHTS", Sid::OWNER_RIGHTS),
];

/// The SID of an account, a group or a well-known name; a SID itself, with or without icacls' star.
pub(super) fn find_sid(accounts: &AccountsSnapshot, name: &str) -> Option<Sid> {
    let bare = name.strip_prefix("BUILTIN\\").unwrap_or(name);
    accounts
        .account(name)
        .map(|account| account.sid)
        .or_else(|| accounts.group(bare).map(|group| group.sid))
        .or_else(|| {
            WELL_KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, sid)| *sid)
        })
        .or_else(|| name.strip_prefix('*').unwrap_or(name).parse().ok())
}

/// The name of a SID; the SID where it has none.
pub(super) fn name_of(accounts: &AccountsSnapshot, sid: &Sid) -> String {
    if let Some(account) = accounts.account_by_sid(sid) {
        return account.name.clone();
    }
    if let Some(group) = accounts.group_by_sid(sid) {
        return group.name.clone();
    }
    let known = WELL_KNOWN.iter().find(|(_, known)| known == sid);
    known.map_or_else(|| sid.to_string(), |(name, _)| (*name).to_owned())
}
