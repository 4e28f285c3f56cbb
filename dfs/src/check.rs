//! What can be known to be wrong with a namespace before clients meet it.

use std::collections::HashSet;

use thiserror::Error;

use crate::model::{Folder, Namespace, Priority, Target};
use crate::namespaces::{Found, Namespaces};

/// Longest name of a server, in UTF-16 code units (a DNS name).
pub const MAX_SERVER_NAME: usize = 255;
/// Longest name of a share or namespace, in UTF-16 code units ([MS-SRVS] NNLEN).
pub const MAX_SHARE_NAME: usize = 80;
/// Longest name of a folder, in UTF-16 code units.
pub const MAX_COMPONENT: usize = 255;
/// Longest path below a root or a share, in UTF-16 code units; with server and share it must fit the 64 KiB of a referral.
pub const MAX_PATH: usize = 4096;
/// Most components of a folder's path.
pub const MAX_DEPTH: usize = 64;
/// Longest comment, in UTF-16 code units ([MS-SRVS] MAXCOMMENTSZ is 256 with its terminator; Windows' console takes as many).
pub const MAX_COMMENT: usize = 256;
/// Most targets of a folder or root.
pub const MAX_TARGETS: usize = 1000;
/// Longest time that clients may be told to keep a referral: a year, in seconds.
pub const MAX_TTL_SECONDS: u32 = 365 * 24 * 3600;
/// Most steps of a chain of links that is followed for a loop.
const MAX_CHAIN: usize = 1000;

/// Why a namespace, folder or target is refused. Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// A name or path that is none.
    #[error("{field}: `{value}` {problem}")]
    Name {
        /// The field.
        field: &'static str,
        /// What it has.
        value: String,
        /// What is wrong and what would do.
        problem: &'static str,
    },
    /// A number out of its range.
    #[error("{field}: {value} is not in {least}..={most}; give a number in that range")]
    Range {
        /// The field.
        field: &'static str,
        /// What it has.
        value: u64,
        /// Least.
        least: u64,
        /// Most.
        most: u64,
    },
    /// The same target twice.
    #[error("Targets: {0} is there already; change it instead of adding it")]
    SameTarget(String),
    /// Too many targets.
    #[error("Targets: {0} are more than the {MAX_TARGETS} that a folder may have; split the folder")]
    TooManyTargets(usize),
    /// A folder without targets.
    #[error("Targets: the folder `{0}` has none; give at least one, or remove the folder")]
    NoTarget(String),
    /// The folder is there already.
    #[error("Path: the namespace has a folder `{0}` already; change it, or give another path")]
    FolderExists(String),
    /// The folder would be below another: clients never get there.
    #[error(
        "Path: it lies below the folder `{0}`, where the target's contents are shown; give a path outside of it"
    )]
    BelowFolder(String),
    /// The folder would hide another.
    #[error("Path: the folder `{0}` lies below it and could not be reached any more; remove that one first")]
    AboveFolder(String),
    /// A target leads back to the folder itself.
    #[error("Targets: {target} leads back to the folder itself (by {through}); give a target outside of it")]
    Loop {
        /// The target.
        target: String,
        /// The folder by which it gets there.
        through: String,
    },
}

fn name_error(field: &'static str, value: &str, problem: &'static str) -> ModelError {
    ModelError::Name { field, value: value.chars().take(80).collect(), problem }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// [MS-FSCC] 2.1.5: what no name of a file or share has.
fn forbidden(character: char) -> bool {
    character < ' ' || matches!(character, '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|')
}

fn check_name(field: &'static str, name: &str, longest: usize) -> Result<(), ModelError> {
    if name.is_empty() {
        return Err(name_error(field, name, "is empty; give a name"));
    }
    if units(name) > longest {
        return Err(name_error(field, name, "is too long; give a shorter name"));
    }
    if name.contains(forbidden) {
        return Err(name_error(
            field,
            name,
            r#"has a character that names do not have (control, " * / : < > ? \ |)"#,
        ));
    }
    if matches!(name, "." | "..") || name.ends_with([' ', '.']) {
        return Err(name_error(field, name, "ends with a point or blank; leave it out"));
    }
    Ok(())
}

fn check_path(field: &'static str, path: &str) -> Result<(), ModelError> {
    if units(path) > MAX_PATH {
        return Err(name_error(field, path, "is too long; give a shorter path"));
    }
    if path.split('\\').count() > MAX_DEPTH {
        return Err(name_error(field, path, "has too many components; give a shorter path"));
    }
    path.split('\\').try_for_each(|component| check_name(field, component, MAX_COMPONENT))
}

fn check_ttl(seconds: u32) -> Result<(), ModelError> {
    if (1..=MAX_TTL_SECONDS).contains(&seconds) {
        return Ok(());
    }
    let most = MAX_TTL_SECONDS.into();
    Err(ModelError::Range { field: "TtlSeconds", value: seconds.into(), least: 1, most })
}

fn check_comment(comment: &str) -> Result<(), ModelError> {
    if units(comment) > MAX_COMMENT || comment.contains('\0') {
        return Err(name_error("Comment", comment, "is longer than 256 characters or has a NUL; shorten it"));
    }
    Ok(())
}

/// The path of a folder below its root.
///
/// # Errors
/// [`ModelError::Name`] for a path that is none.
pub fn check_folder_path(path: &str) -> Result<(), ModelError> {
    check_path("Path", path)
}

/// One target by itself.
///
/// # Errors
/// [`ModelError::Name`] and [`ModelError::Range`], with the field.
pub fn check_target(target: &Target) -> Result<(), ModelError> {
    check_name("Server", &target.server, MAX_SERVER_NAME)?;
    check_name("Share", &target.share, MAX_SHARE_NAME)?;
    if !target.path.is_empty() {
        check_path("TargetPath", &target.path)?;
    }
    if target.priority.rank > Priority::MAX_RANK {
        let (value, most) = (target.priority.rank.into(), Priority::MAX_RANK.into());
        return Err(ModelError::Range { field: "Rank", value, least: 0, most });
    }
    Ok(())
}

/// All targets of a folder or root: each, and none twice.
///
/// # Errors
/// As [`check_target`]; [`ModelError::SameTarget`], [`ModelError::TooManyTargets`].
pub fn check_targets(targets: &[Target]) -> Result<(), ModelError> {
    if targets.len() > MAX_TARGETS {
        return Err(ModelError::TooManyTargets(targets.len()));
    }
    let mut seen = HashSet::with_capacity(targets.len());
    for target in targets {
        check_target(target)?;
        if !seen.insert(target.dfs_path().to_uppercase()) {
            return Err(ModelError::SameTarget(target.unc()));
        }
    }
    Ok(())
}

/// A namespace by itself, without its folders.
///
/// # Errors
/// The first field that is wrong.
pub fn check_namespace(namespace: &Namespace) -> Result<(), ModelError> {
    check_name("Name", &namespace.name, MAX_SHARE_NAME)?;
    check_ttl(namespace.ttl_seconds)?;
    check_comment(&namespace.comment)?;
    check_targets(&namespace.targets)?;
    // A root target is a share of the namespace's name ([MS-DFSNM] 3.1.4.1.9).
    match namespace.targets.iter().find(|target| !target.path.is_empty()) {
        Some(target) => {
            Err(name_error("TargetPath", &target.path, "lies below a share; a root target is a share itself"))
        }
        None => Ok(()),
    }
}

/// A folder by itself.
///
/// # Errors
/// The first field that is wrong.
pub fn check_folder(folder: &Folder) -> Result<(), ModelError> {
    check_folder_path(&folder.path)?;
    check_ttl(folder.ttl_seconds)?;
    check_comment(&folder.comment)?;
    if folder.targets.is_empty() {
        return Err(ModelError::NoTarget(folder.path.clone()));
    }
    check_targets(&folder.targets)
}

impl Namespaces {
    /// Whether the folder's targets lead back to it by links of this server: names the first that does. `is_own` says which
    /// server names are this server's. Chains by other servers cannot be seen from here; clients stop at those by themselves.
    ///
    /// # Errors
    /// [`ModelError::Loop`].
    pub fn check_loop(
        &self,
        namespace: &str,
        folder: &Folder,
        is_own: &dyn Fn(&str) -> bool,
    ) -> Result<(), ModelError> {
        let fold = self.fold();
        let itself: Vec<u16> = fold.path(folder.path.encode_utf16()).collect();
        for target in &folder.targets {
            let mut seen = HashSet::new();
            let mut next = vec![target.clone()];
            while let Some(step) = next.pop() {
                if !is_own(&step.server) {
                    continue;
                }
                let path: Vec<u16> = fold.path(step.path.encode_utf16()).collect();
                if fold.name(&step.share).eq(fold.name(namespace)) && is_prefix(&itself, &path) {
                    return Err(ModelError::Loop { target: target.unc(), through: step.unc() });
                }
                let Found::Folder { folder, .. } =
                    self.find(&step.dfs_path().encode_utf16().collect::<Vec<_>>())
                else {
                    continue;
                };
                if seen.len() < MAX_CHAIN && seen.insert(folder.guid) {
                    next.extend(folder.targets.iter().cloned());
                }
            }
        }
        Ok(())
    }
}

/// `prefix` is `path` or above it; both folded.
fn is_prefix(prefix: &[u16], path: &[u16]) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.first().is_none_or(|unit| *unit == crate::names::SEPARATOR))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use freehold_dtyp::Guid;

    use super::*;
    use crate::test_support::{folder, namespace};
    use crate::{Fold, NamespaceIndex};

    #[test]
    fn a_wrong_field_is_named() {
        let message = |folder: &Folder| check_folder(folder).unwrap_err().to_string();
        let good = folder("a", &[r"\\s\d"]);
        assert_eq!(check_folder(&good), Ok(()));
        assert!(message(&Folder { path: "a\\\\b".into(), ..good.clone() }).starts_with("Path:"));
        assert!(message(&Folder { path: "a\\..\\b".into(), ..good.clone() }).starts_with("Path:"));
        assert!(message(&Folder { path: "a/b".into(), ..good.clone() }).starts_with("Path:"));
        assert!(message(&Folder { path: ["a"; 65].join("\\"), ..good.clone() }).starts_with("Path:"));
        assert!(message(&Folder { ttl_seconds: 0, ..good.clone() }).starts_with("TtlSeconds: 0"));
        assert!(message(&Folder { comment: "x".repeat(257), ..good.clone() }).starts_with("Comment:"));
        assert!(message(&Folder { targets: Vec::new(), ..good.clone() }).starts_with("Targets:"));
        let mut bad = good.clone();
        bad.targets[0].priority.rank = 32;
        assert!(message(&bad).starts_with("Rank: 32"));
        bad.targets[0].server = "s s.".into();
        assert!(message(&bad).starts_with("Server:"));
        let twice = folder("a", &[r"\\s\d", r"\\S\D"]);
        assert_eq!(check_folder(&twice), Err(ModelError::SameTarget(r"\\S\D".into())));
        let many = Folder { targets: vec![Target::new("s", "d", ""); 10_000], ..good };
        assert_eq!(check_folder(&many), Err(ModelError::TooManyTargets(10_000)));
        let mut root = namespace("n");
        root.targets.push(Target::new("s", "d", "below"));
        assert!(check_namespace(&root).unwrap_err().to_string().starts_with("TargetPath:"));
    }

    #[test]
    fn a_target_that_leads_back_is_found() {
        let mut one = NamespaceIndex::new(Arc::new(namespace("one")));
        one.insert(Fold::ASCII, Arc::new(folder("a", &[r"\\me\two\b\c"]))).unwrap();
        let mut two = NamespaceIndex::new(Arc::new(namespace("two")));
        let mut second = folder("b", &[r"\\me\three\x"]);
        second.guid = Guid([2; 16]);
        two.insert(Fold::ASCII, Arc::new(second)).unwrap();
        let all = Namespaces::new(Fold::ASCII, [one, two]);
        let own = |name: &str| name == "me";
        let check = |folder: &Folder| all.check_loop("one", folder, &own);
        assert_eq!(check(&folder("a", &[r"\\me\two\b\c"])), Ok(()));
        assert_eq!(check(&folder("a", &[r"\\other\one\a"])), Ok(()));
        assert!(matches!(check(&folder("a", &[r"\\me\ONE\A"])), Err(ModelError::Loop { .. })));
        assert!(matches!(check(&folder("a", &[r"\\me\one\a\below"])), Err(ModelError::Loop { .. })));
        assert_eq!(check(&folder("a", &[r"\\me\one\ab"])), Ok(()));
        // By another namespace: two\b leads to three, one\x would lead by one\a to two\b.
        assert_eq!(all.check_loop("three", &folder("y", &[r"\\me\one\a"]), &own), Ok(()));
        assert!(matches!(
            all.check_loop("three", &folder("x", &[r"\\me\one\a"]), &own),
            Err(ModelError::Loop { .. })
        ));
    }
}
