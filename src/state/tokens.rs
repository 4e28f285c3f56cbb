//! What a local account may be on this server: the token of its logons over the network.

use std::collections::HashSet;

use freehold_acl::{GroupAttributes, IntegrityLevel, Privileges, Token, TokenBuilder, TokenClaims};
use freehold_dtyp::Sid;

use super::accounts::{Account, AccountsSnapshot};
use crate::auth::Authorization;

/// Groups that everybody is in who logs on over the network with an account of this server.
pub const LOGON_GROUPS: [Sid; 4] = [Sid::EVERYONE, Sid::NETWORK, Sid::AUTHENTICATED_USERS, Sid::USERS];

/// The token of a local account that logs on over the network.
#[must_use]
pub fn network_token(account: &Account) -> Token {
    token(account.sid, &account.groups).build()
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
    token(account.sid, &groups).build()
}

/// The token of a domain user who logs on over the network: what the domain controller says of the user, and the groups of
/// this server that the user or one of those groups is in.
#[must_use]
pub fn domain_token(accounts: &AccountsSnapshot, authorization: &Authorization) -> Token {
    let mut local: Vec<Sid> = Vec::new();
    let mut seen = HashSet::new();
    let of_domain = authorization.groups.iter().filter(|group| {
        // A group that counts against the user only gives nothing here either.
        !group.attributes.intersects(GroupAttributes::USE_FOR_DENY_ONLY)
    });
    for sid in std::iter::once(&authorization.user).chain(of_domain.map(|group| &group.sid)) {
        local.extend(accounts.groups_of(sid).into_iter().filter(|group| seen.insert(*group)));
    }
    let builder = token(authorization.user, &local).primary_group(authorization.primary_group);
    let builder = authorization.groups.iter().fold(builder, |builder, group| builder.group_with(*group));
    builder
        .claims(TokenClaims {
            user: authorization.user_claims.clone(),
            device: authorization.device_claims.clone(),
            local: Vec::new(),
            device_groups: authorization.device_groups.clone(),
        })
        .build()
}

fn token(user: Sid, groups: &[Sid]) -> TokenBuilder {
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
}

#[cfg(test)]
mod tests {
    use freehold_acl::Group;

    use super::*;
    use crate::state::Group as LocalGroup;

    #[test]
    fn groups_of_this_server_count_for_members_of_the_domain() {
        let domain: Sid = "S-1-5-21-7-8-9".parse().unwrap();
        let sid = |rid| domain.with_rid(rid).unwrap();
        let group = |name: &str, sid, members: &[Sid]| LocalGroup {
            name: name.to_owned(),
            sid,
            comment: String::new(),
            builtin: false,
            members: members.to_vec(),
        };
        let machine: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let team = machine.with_rid(1001).unwrap();
        let accounts = AccountsSnapshot::new(
            machine,
            Vec::new(),
            vec![
                group("Administrators", Sid::ADMINISTRATORS, &[sid(512)]),
                group("Backup Operators", Sid::BACKUP_OPERATORS, &[sid(1150)]),
                group("team", team, &[sid(1103)]),
            ],
        );
        let member = |sid, attributes| Group { sid, attributes };
        let mut authorization = Authorization {
            user: sid(1103),
            primary_group: sid(513),
            groups: vec![
                member(sid(513), GroupAttributes::MEMBER),
                member(sid(512), GroupAttributes::MEMBER),
                member(sid(1150), GroupAttributes::USE_FOR_DENY_ONLY),
            ],
            account_name: "alice".to_owned(),
            domain_name: "CORP".to_owned(),
            full_name: String::new(),
            user_principal_name: None,
            user_claims: Vec::new(),
            device_claims: Vec::new(),
            device_groups: Vec::new(),
        };
        let token = domain_token(&accounts, &authorization);
        assert!(token.is_admin() && token.contains(&team) && token.contains(&Sid::AUTHENTICATED_USERS));
        assert!(!token.contains(&Sid::BACKUP_OPERATORS));
        assert_eq!((*token.user(), *token.primary_group()), (sid(1103), sid(513)));
        authorization.groups.remove(1);
        let token = domain_token(&accounts, &authorization);
        assert!(!token.is_admin() && token.contains(&team));
    }
}
