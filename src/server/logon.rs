//! Who is asked about a user who logs on with NTLM: this server's accounts, or a domain controller ([MS-APDS] 3.1).
//!
//! As on a Windows member: a name of this server means its own accounts, the name of its domain and names with `@` mean the domain. Any
//! other domain, and none, means an account of this server where one matches, and the domain otherwise. A logon that is decided here
//! waits for nobody.

use std::sync::Arc;

use super::Shared;
use crate::auth::{self, AccountAnswer, AccountQuery, AuthError};
use crate::config::DomainNtlm;
use crate::proto::op::AccountLookup;
use crate::proto::session::Identity;
use crate::state::{self, Membership};

/// Where the account of a logon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place<'a> {
    /// On this server, under this name.
    Here(&'a str),
    /// On this server when there is one of this name; in the domain otherwise.
    HereByName(&'a str),
    /// On this server when there is one of this name and the password is its own; in the domain otherwise.
    HereByPassword(&'a str),
    /// In the domain.
    Domain,
}

/// The place of the account that the client names; `own` are the server's names. Without a domain every account is here, whatever domain the client believes in.
fn place<'a>(own: [&str; 2], membership: Option<&Membership>, query: &'a AccountQuery) -> Place<'a> {
    // `user@host` is how some clients send a name and a domain.
    let (user, domain) = match query.user.rsplit_once('@') {
        Some((user, suffix)) if query.domain.is_empty() => (user, suffix),
        _ => (query.user.as_str(), query.domain.as_str()),
    };
    let Some(membership) = membership else { return Place::Here(user) };
    let is = |name: &str| !name.is_empty() && name.to_lowercase() == domain.to_lowercase();
    if domain.is_empty() {
        return Place::HereByName(user);
    }
    let further =
        [&membership.computer_name, &membership.dns_host_name].into_iter().chain(&membership.aliases);
    if domain == "." || own.into_iter().any(is) || further.into_iter().any(|name| is(name)) {
        return Place::Here(user);
    }
    if is(&membership.netbios_domain) || is(&membership.dns_domain) || query.domain.is_empty() {
        return Place::Domain;
    }
    Place::HereByPassword(user)
}

impl Shared {
    /// What a logon wants to know of an account, when that is known here; `None` when a domain controller must be asked.
    pub(super) fn account_here(&self, query: &AccountQuery) -> Option<AccountLookup> {
        let membership = self.state.membership();
        let accounts = self.state.accounts();
        let config = &self.core.config;
        let (user, of_domain) =
            match place([&config.netbios_name, &config.dns_name], membership.as_deref(), query) {
                Place::Here(user) => (user, false),
                Place::HereByName(user) => (user, accounts.account(user).is_none()),
                Place::HereByPassword(user) => (
                    user,
                    match accounts.account(user) {
                        // There is nobody else to ask.
                        Some(_) if self.domain_ntlm == DomainNtlm::Deny => false,
                        Some(account) => !auth::ntlm::proves(&account.nt_hash, query),
                        None => true,
                    },
                ),
                Place::Domain => return None,
            };
        if of_domain {
            return None;
        }
        let Some(account) = accounts.account(user) else {
            return Some(AccountLookup { answer: AccountAnswer::Unknown, identity: None });
        };
        let restriction = account.disabled.then_some(AuthError::AccountDisabled);
        Some(AccountLookup {
            answer: AccountAnswer::Secret { nt_hash: account.nt_hash.clone(), restriction },
            identity: Some(Identity {
                user: account.name.clone(),
                domain: config.netbios_name.clone(),
                token: Arc::new(state::network_token(account)),
                is_anonymous: false,
                is_guest: false,
            }),
        })
    }

    /// What a domain controller says of an account. `client` is the address that the logon comes from.
    pub(super) async fn account_of_domain(&self, query: &AccountQuery, client: &str) -> AccountLookup {
        let refused = |error| AccountLookup { answer: AccountAnswer::Refused(error), identity: None };
        let AccountQuery { user, domain, workstation, .. } = query;
        match self.domain_ntlm {
            // The audit log has it, with its outcome: crate::proto::audit.
            DomainNtlm::Allow | DomainNtlm::Audit => {}
            DomainNtlm::Deny => {
                tracing::warn!(
                    user,
                    domain,
                    workstation,
                    client,
                    "NTLM logon of a domain user refused by policy"
                );
                return refused(AuthError::NtlmBlocked);
            }
        }
        let Some(member) = self.domain.member() else { return refused(AuthError::NoLogonServers) };
        match member.netlogon.verify(query).await {
            Ok(verified) => {
                let token = state::domain_token(&self.state.accounts(), &verified.authorization);
                AccountLookup {
                    answer: AccountAnswer::Verified { session_base_key: *verified.session_base_key },
                    identity: Some(Identity {
                        user: verified.authorization.account_name,
                        domain: verified.authorization.domain_name,
                        token: Arc::new(token),
                        is_anonymous: false,
                        is_guest: false,
                    }),
                }
            }
            Err(error) => {
                tracing::info!(user, domain, client, reason = %error, "the domain verifies no such logon");
                refused(error.auth_error())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::PassThrough;

    fn query(domain: &str, user: &str) -> AccountQuery {
        AccountQuery {
            user: user.to_owned(),
            domain: domain.to_owned(),
            workstation: String::new(),
            pass_through: PassThrough {
                server_challenge: [0; 8],
                nt_response: Vec::new(),
                lm_response: Vec::new(),
            },
        }
    }

    const OWN: [&str; 2] = ["FILES", "files.corp.example"];

    fn membership() -> Arc<Membership> {
        let state = state::State::in_memory().unwrap();
        state
            .join_domain(
                &state::NewMembership {
                    dns_domain: "corp.example",
                    netbios_domain: "CORP",
                    domain_sid: "S-1-5-21-7-8-9".parse().unwrap(),
                    forest: "corp.example",
                    computer_name: "STORE",
                    computer_dn: "CN=STORE,DC=corp,DC=example",
                    dns_host_name: "store.corp.example",
                    site: None,
                    password: "x",
                    keys: &[],
                },
                std::time::Duration::ZERO,
            )
            .unwrap();
        state.add_alias("data").unwrap();
        state.membership().unwrap()
    }

    #[test]
    fn a_server_of_its_own_answers_to_every_domain() {
        for (domain, user) in [("", "carl"), ("FILES", "carl"), ("WORKGROUP", "carl"), ("", "carl@nowhere")] {
            assert_eq!(place(OWN, None, &query(domain, user)), Place::Here("carl"), "{domain} {user}");
        }
    }

    #[test]
    fn a_member_knows_its_own_names_and_its_domains() {
        let membership = membership();
        let computer = membership.computer_name.to_lowercase();
        let netbios = membership.netbios_domain.to_lowercase();
        let dns = membership.dns_domain.to_uppercase();
        let cases = [
            (".", "carl", Place::Here("carl")),
            ("files", "carl", Place::Here("carl")),
            ("FILES.corp.example", "carl", Place::Here("carl")),
            (&*computer, "carl", Place::Here("carl")),
            ("", "carl@files", Place::Here("carl")),
            ("DATA", "carl", Place::Here("carl")),
            ("store.corp.example", "carl", Place::Here("carl")),
            ("", "carl", Place::HereByName("carl")),
            (&*netbios, "alice", Place::Domain),
            (&*dns, "alice", Place::Domain),
            ("", "alice@corp.example", Place::Domain),
            ("", "alice@mail.example", Place::Domain),
            ("WORKGROUP", "carl", Place::HereByPassword("carl")),
            ("TRUSTED", "bob", Place::HereByPassword("bob")),
        ];
        for (domain, user, expected) in cases {
            assert_eq!(place(OWN, Some(&membership), &query(domain, user)), expected, "{domain} {user}");
        }
    }
}
