//! Shares with variables, as administrators speak of them: the folder that one of their users has.
//!
//! Owns which folder that is and why there is none to tell. Makes nothing: a folder is made when its user connects.

use crate::names::Principal;
use crate::share_path::{Connecting, ResolveError, SharePath, Variable};
use crate::state::Share;

use freehold_dtyp::FileTime;

/// Why a share's folder cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum HomeError {
    /// Nobody said whose.
    #[error(
        "the share {share} leads to another folder for each who connects ({path}): {hint}name the file by its path on this machine"
    )]
    NeedsUser {
        /// The share.
        share: String,
        /// Its path.
        path: String,
        /// What else the caller takes.
        hint: &'static str,
    },
    /// The user alone does not decide it.
    #[error(
        "the folder of the share {share} depends on {{{variable}}} of the connection too ({path}): name the file by its path on this machine"
    )]
    NeedsConnection {
        /// The share.
        share: String,
        /// Its path.
        path: String,
        /// The variable that only a connection has.
        variable: &'static str,
    },
    /// No name can be made for this user.
    #[error("{user} has no folder in the share {share}: {error}")]
    NoName {
        /// The user.
        user: String,
        /// The share.
        share: String,
        /// Why.
        error: ResolveError,
    },
}

/// True when the share leads to another folder for each who connects.
pub(super) fn varies(share: &Share) -> bool {
    SharePath::parse(&share.settings.path).is_ok_and(|path| path.is_some())
}

/// The share's folder below its volume's root, for `user` where it varies; `hint` ends in a comma or is empty.
///
/// # Errors
/// [`HomeError`], and what finding the user ends in.
pub(super) fn folder(
    share: &Share,
    hint: &'static str,
    user: impl FnOnce() -> anyhow::Result<Option<Principal>>,
) -> anyhow::Result<String> {
    let path = &share.settings.path;
    let Some(varying) = SharePath::parse(path)? else { return Ok(path.clone()) };
    let of_connection = [Variable::Client, Variable::Time].into_iter().find(|word| varying.names(*word));
    if let Some(variable) = of_connection {
        let variable = variable.word();
        return Err(
            HomeError::NeedsConnection { share: share.name.clone(), path: path.clone(), variable }.into()
        );
    }
    let needs_user = || HomeError::NeedsUser { share: share.name.clone(), path: path.clone(), hint };
    let user = user()?.ok_or_else(needs_user)?;
    let who = Connecting {
        user: &user.name,
        domain: &user.domain,
        sid: &user.sid,
        // Neither is in the path.
        client: "",
        time: FileTime::ZERO,
    };
    let components = varying.resolve(&who).map_err(|error| HomeError::NoName {
        user: user.full_name(),
        share: share.name.clone(),
        error,
    })?;
    Ok(components.join("/"))
}
