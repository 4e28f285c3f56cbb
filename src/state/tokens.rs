//! What a local account may be on this server: the token of its logons over the network.

use std::collections::HashSet;

use freehold_acl::{IntegrityLevel, Privileges, Token};
use freehold_dtyp::Sid;

use super::accounts::{Account, AccountsSnapshot};

/// Groups that everybody is in who logs on over the network with an account of this server.
pub const LOGON_GROUPS: [Sid; 4] = [Sid::EVERYONE, Sid::NETWORK, Sid::AUTHENTICATED_USERS, Sid::USERS];

/// The token of a local account that logs on over the network.
#[must_use]
pub fn network_token(account: &Account) -> Token {
    token_with_groups(account.sid, &account.groups)
}

/// The token that the account would have if it were in `further` groups too, and in what those are in.
#[must_use]
pub fn network_token_if(accounts: &AccountsSnapshot, account: &Account, further: &[Sid]) -> Token {
    let mut groups = account.groups.clone();
    let mut seen: HashSet<Sid> = groups.iter().copied().collect();
    for group in further {
        for sid in std::iter::once(*group).chain(accounts.groups_of(group)) {
            if seen.insert(sid) {
                groups.push(sid);
            }
        }
    }
    token_with_groups(account.sid, &groups)
}

fn token_with_groups(user: Sid, groups: &[Sid]) -> Token {
    let mut privileges = Privileges::CHANGE_NOTIFY;
    let mut level = IntegrityLevel::MEDIUM;
    if groups.contains(&Sid::ADMINISTRATORS) {
        privileges = privileges
            | Privileges::BACKUP
            | Privileges::RESTORE
            | Privileges::TAKE_OWNERSHIP
            | Privileges::SECURITY
            | Privileges::MANAGE_VOLUME;
        // [MS-DTYP] 2.4.4.13: as Windows' administrators have it.
        level = IntegrityLevel::HIGH;
    } else if groups.contains(&Sid::BACKUP_OPERATORS) {
        privileges = privileges | Privileges::BACKUP | Privileges::RESTORE;
    }
    Token::builder(user)
        .groups(LOGON_GROUPS.into_iter().chain(groups.iter().copied()))
        .privileges(privileges)
        .integrity_level(level)
        .build()
}
