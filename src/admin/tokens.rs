//! The tokens of the HTTPS door: who may hold what.

use freehold_dtyp::FileTime;

use super::AdminService;
use super::protocol::Password;
use super::scope::Scope;
use super::service::iso_8601;
use super::token_protocol::{NewTokenRow, TokenReply, TokenRequest, TokenRow};
use crate::state::{ApiToken, StateError};

/// Most days that a token can be good for.
const MAX_DAYS: u32 = 3_650;
/// A day in FILETIME units.
const DAY: u64 = 24 * 3_600 * 10_000_000;

impl AdminService {
    pub(super) fn tokens(&self, request: TokenRequest) -> anyhow::Result<Option<TokenReply>> {
        let state = self.state();
        match request {
            TokenRequest::Add { name, scopes, expires_in_days } => {
                let scopes = scopes_of(&scopes)?;
                let now = now();
                let expires = match expires_in_days {
                    None => None,
                    Some(days @ 1..=MAX_DAYS) => Some(FileTime(now.0.saturating_add(DAY * u64::from(days)))),
                    Some(days) => {
                        return Err(StateError::Invalid {
                            field: "ExpiresInDays",
                            found: days.to_string(),
                            allowed: "a token is good for 1 to 3650 days",
                        }
                        .into());
                    }
                };
                let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
                let secret = state.add_api_token(&name, &names, expires)?;
                let tokens = state.api_tokens();
                let token = tokens
                    .iter()
                    .find(|token| token.name == name)
                    .map(|token| row(token, now))
                    .ok_or(StateError::NotFound { kind: "token", name })?;
                let secret = Password::new(secret.to_string());
                Ok(Some(TokenReply::Added(Box::new(NewTokenRow { token, secret }))))
            }
            TokenRequest::Remove { name } => {
                state.remove_api_token(&name)?;
                Ok(None)
            }
            TokenRequest::List => {
                let now = now();
                Ok(Some(TokenReply::Tokens(state.api_tokens().iter().map(|token| row(token, now)).collect())))
            }
        }
    }
}

fn now() -> FileTime {
    FileTime::from_system_time(std::time::SystemTime::now())
}

fn scopes_of(names: &[String]) -> Result<Vec<Scope>, StateError> {
    let invalid = |found: String| StateError::Invalid {
        field: "Scopes",
        found,
        allowed: "at least one of status:read, shares:read, shares:write, users:read, users:write, domain:read, \
                  domain:write, acl:read, acl:write, quotas:read, quotas:write, sessions:read, sessions:write, \
                  config:read, config:write, tokens:read, tokens:write, audit:read, metrics:read",
    };
    let mut scopes = names
        .iter()
        .map(|name| Scope::of_name(name).ok_or_else(|| invalid(format!("{name:?}"))))
        .collect::<Result<Vec<_>, _>>()?;
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(invalid("empty".to_owned()));
    }
    Ok(scopes)
}

fn row(token: &ApiToken, now: FileTime) -> TokenRow {
    TokenRow {
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        created: iso_8601(token.created),
        expires: token.expires.map(iso_8601).unwrap_or_default(),
        expired: token.is_expired(now),
        last_used: token.last_used().map(iso_8601).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin::protocol::{Reply, Request};
    use crate::state::State;

    fn ask(service: &AdminService, request: TokenRequest) -> Reply {
        service.execute(Request::Token { request })
    }

    fn add(name: &str, scopes: &[&str], expires_in_days: Option<u32>) -> TokenRequest {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        TokenRequest::Add { name: name.to_owned(), scopes, expires_in_days }
    }

    #[test]
    fn a_token_is_made_listed_and_removed() {
        let service = AdminService::new(Arc::new(State::in_memory().unwrap()));
        let made = ask(&service, add("a", &["shares:write", "shares:read", "shares:read"], Some(90)));
        let Reply::Token(TokenReply::Added(made)) = made else { panic!("{made:?}") };
        assert_eq!(made.token.scopes, ["shares:read", "shares:write"]);
        assert!(!made.token.expired && made.token.expires > made.token.created);
        assert!(!format!("{made:?}").contains(made.secret.expose()));
        let list = ask(&service, TokenRequest::List);
        let Reply::Token(TokenReply::Tokens(rows)) = list else { panic!("{list:?}") };
        assert_eq!(rows, [made.token]);
        assert!(matches!(ask(&service, TokenRequest::Remove { name: "a".to_owned() }), Reply::Done));
    }

    #[test]
    fn scopes_and_days_are_checked() {
        let service = AdminService::new(Arc::new(State::in_memory().unwrap()));
        for (wrong, field) in [
            (add("a", &[], None), "Scopes"),
            (add("a", &["shares"], None), "Scopes"),
            (add("a", &["shares:read"], Some(0)), "ExpiresInDays"),
            (add("a", &["shares:read"], Some(4_000)), "ExpiresInDays"),
        ] {
            let Reply::Refused { message } = ask(&service, wrong) else { panic!() };
            assert!(message.starts_with(field), "{message}");
        }
    }
}
