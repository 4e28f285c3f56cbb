//! The answer to a root or link referral request ([MS-DFSC] 3.2.5): who is told of which targets, and why not of others.

use std::sync::Arc;

use thiserror::Error;

use crate::model::{Folder, FolderOptions, Namespace, State, Target, TargetState};
use crate::namespaces::{Found, Namespaces};
use crate::order::{Distance, Rules, order};
use crate::wire::{HeaderFlags, Referral, ResponseError, Row};

/// Why there is no referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReferralError {
    /// A request for domains or domain controllers, which only a domain controller answers ([MS-DFSC] 3.2.5.2, 3.2.5.3:
    /// STATUS_INVALID_PARAMETER).
    #[error("the path names no share; only domain controllers answer for domains")]
    NotAController,
    /// No namespace of that name ([MS-DFSC] 3.2.5.4, 3.2.5.5: STATUS_NOT_FOUND).
    #[error("this server has no namespace of that name")]
    NoNamespace,
}

/// What is known of the client that asks, of the targets and of this server.
pub struct Surroundings<'a> {
    /// How far a target is from the client.
    pub distance: &'a dyn Fn(&Target) -> Distance,
    /// A target does not answer.
    pub is_dead: &'a dyn Fn(&Target) -> bool,
    /// A server name is this server's.
    pub is_own: &'a dyn Fn(&str) -> bool,
}

/// Why a target is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// An administrator has taken it, its folder or its namespace offline.
    Offline,
    /// It does not answer, and others do.
    Dead,
    /// It is outside of the client's site, and only targets inside are told.
    OutsideSite,
}

/// A target as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The target.
    pub target: Target,
    /// It is the first of its target set.
    pub starts_set: bool,
}

/// What a client is told.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The namespace.
    pub namespace: &'a Arc<Namespace>,
    /// The folder; `None` for a root referral.
    pub folder: Option<&'a Arc<Folder>>,
    /// The target is a namespace itself: the client asks there again.
    pub interlink: bool,
    /// Code units of the request's path that the root or folder is.
    pub consumed: usize,
    /// Clients go back to a preferred target.
    pub failback: bool,
    /// How long the client may keep it, in seconds.
    pub ttl_seconds: u32,
    /// The targets in the order in which to try them.
    pub told: Vec<Told>,
    /// The others.
    pub left_out: Vec<(Target, LeftOut)>,
}

impl Answer<'_> {
    /// The response in bytes; `path` is the path that was asked for.
    ///
    /// # Errors
    /// As [`Referral::encode`].
    pub fn encode(&self, path: &[u16], max_level: u16, max_bytes: usize) -> Result<Vec<u8>, ResponseError> {
        let root = self.folder.is_none();
        // 3.2.5.5: roots and interlinks are servers of referrals; what is no interlink has the data.
        let mut flags = HeaderFlags::empty();
        flags.set(HeaderFlags::REFERRAL_SERVERS, root || self.interlink);
        flags.set(HeaderFlags::STORAGE_SERVERS, !self.interlink);
        flags.set(HeaderFlags::TARGET_FAILBACK, self.failback);
        let path = path.get(..self.consumed).unwrap_or(path);
        let paths: Vec<String> = self.told.iter().map(|told| told.target.dfs_path()).collect();
        let rows: Vec<_> = paths
            .iter()
            .zip(&self.told)
            .map(|(target, told)| Row { target, starts_set: told.starts_set })
            .collect();
        Referral { path, root, flags, ttl_seconds: self.ttl_seconds }.encode(max_level, max_bytes, &rows)
    }
}

impl Namespaces {
    /// The answer for a path `\server\namespace[\folder[\...]]`. `random` as in [`order`].
    ///
    /// # Errors
    /// [`ReferralError`].
    pub fn refer(
        &self,
        path: &[u16],
        around: &Surroundings<'_>,
        random: &mut dyn FnMut(usize) -> usize,
    ) -> Result<Answer<'_>, ReferralError> {
        let (namespace, folder, consumed) = match self.find(path) {
            Found::NotInShare => return Err(ReferralError::NotAController),
            Found::NoNamespace => return Err(ReferralError::NoNamespace),
            Found::Root { namespace, consumed } => (namespace, None, consumed),
            Found::Folder { namespace, folder, consumed, .. } => (namespace, Some(folder), consumed),
        };
        let own;
        let targets = match folder {
            Some(folder) => &folder.targets,
            None if namespace.targets.is_empty() => {
                own = root_by_name(path.get(..consumed).unwrap_or(path));
                &own
            }
            None => &namespace.targets,
        };
        let own_options = folder.map_or(FolderOptions::default(), |folder| folder.options);
        let rules = Rules {
            insite_only: namespace.options.insite_referrals || own_options.insite_referrals,
            site_costing: namespace.options.site_costing,
        };
        let offline =
            namespace.state == State::Offline || folder.is_some_and(|folder| folder.state == State::Offline);
        let (told, left_out) = choose(targets, offline, rules, around, random);
        Ok(Answer {
            namespace,
            folder,
            interlink: folder
                .is_some_and(|folder| own_options.interlink || self.leads_to_root(folder, around)),
            consumed,
            failback: namespace.options.target_failback || own_options.target_failback,
            ttl_seconds: folder.map_or(namespace.ttl_seconds, |folder| folder.ttl_seconds),
            told,
            left_out,
        })
    }

    /// The folder has one target, and that is a namespace of this server.
    fn leads_to_root(&self, folder: &Folder, around: &Surroundings<'_>) -> bool {
        match folder.targets.as_slice() {
            [only] => (around.is_own)(&only.server) && self.namespace(&only.share).is_some(),
            _ => false,
        }
    }
}

/// The only root target of a namespace on this server alone: the name by which the client asks.
fn root_by_name(path: &[u16]) -> Vec<Target> {
    // With as many backslashes in front as the client gave: one, as a rule.
    let name = String::from_utf16_lossy(path);
    Target::from_unc(&format!("\\\\{}", name.trim_start_matches('\\'))).into_iter().collect()
}

fn choose(
    targets: &[Target],
    offline: bool,
    rules: Rules,
    around: &Surroundings<'_>,
    random: &mut dyn FnMut(usize) -> usize,
) -> (Vec<Told>, Vec<(Target, LeftOut)>) {
    let (mut online, mut left_out) = (Vec::new(), Vec::new());
    for target in targets {
        if offline || target.state == TargetState::Offline {
            left_out.push((target.clone(), LeftOut::Offline));
        } else {
            online.push((target, (around.distance)(target)));
        }
    }
    let told = order(&online, rules, random);
    let is_told = |target: &Target| told.iter().any(|placed| core::ptr::eq(placed.target, target));
    if rules.insite_only {
        let outside = online.iter().filter(|(target, _)| !is_told(target));
        left_out.extend(outside.map(|(target, _)| ((*target).clone(), LeftOut::OutsideSite)));
    }
    // A dead target is told all the same where none is alive: this server may be the one that is cut off.
    let any_alive = told.iter().any(|placed| !(around.is_dead)(placed.target));
    let mut starts = false;
    let mut chosen = Vec::with_capacity(told.len());
    for placed in told {
        starts |= placed.starts_set;
        if any_alive && (around.is_dead)(placed.target) {
            left_out.push((placed.target.clone(), LeftOut::Dead));
        } else {
            chosen.push(Told { target: placed.target.clone(), starts_set: core::mem::take(&mut starts) });
        }
    }
    (chosen, left_out)
}

#[cfg(test)]
mod tests;
