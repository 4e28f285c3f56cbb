//! DFS namespaces: what an administrator changes of them, and the numbers of their properties. A pure part: no database, no
//! clock.

use super::accounts::fold_name;
use freehold_dfs::{
    Fold, Folder, FolderOptions, Namespace, NamespaceOptions, Priority, State as DfsState, Target,
    TargetState,
};

/// [MS-DFSNM] 2.2.4.7 PropertyFlags: DFS_PROPERTY_FLAG_INSITE_REFERRALS.
pub const INSITE_REFERRALS: u32 = 0x01;
/// DFS_PROPERTY_FLAG_ROOT_SCALABILITY.
pub const ROOT_SCALABILITY: u32 = 0x02;
/// DFS_PROPERTY_FLAG_SITE_COSTING.
pub const SITE_COSTING: u32 = 0x04;
/// DFS_PROPERTY_FLAG_TARGET_FAILBACK.
pub const TARGET_FAILBACK: u32 = 0x08;
/// DFS_PROPERTY_FLAG_ABDE.
pub const ACCESS_BASED_ENUMERATION: u32 = 0x20;

/// How names and paths are compared: as those of files.
pub const FOLD: Fold = Fold(crate::fscc::upcase::upcase_unit);

/// Does the UNC path name this target?
#[must_use]
pub fn same_target(target: &Target, unc: &str) -> bool {
    fold_name(&target.unc()) == fold_name(unc)
}

/// The properties of a namespace as one number.
#[must_use]
pub const fn namespace_flags(options: &NamespaceOptions) -> u32 {
    flag(options.insite_referrals, INSITE_REFERRALS)
        | flag(options.root_scalability, ROOT_SCALABILITY)
        | flag(options.site_costing, SITE_COSTING)
        | flag(options.target_failback, TARGET_FAILBACK)
        | flag(options.access_based_enumeration, ACCESS_BASED_ENUMERATION)
}

/// The properties of a namespace; bits that mean nothing are left out.
#[must_use]
pub const fn namespace_options(flags: u32) -> NamespaceOptions {
    NamespaceOptions {
        insite_referrals: flags & INSITE_REFERRALS != 0,
        root_scalability: flags & ROOT_SCALABILITY != 0,
        site_costing: flags & SITE_COSTING != 0,
        target_failback: flags & TARGET_FAILBACK != 0,
        access_based_enumeration: flags & ACCESS_BASED_ENUMERATION != 0,
    }
}

/// The folder leads to a namespace of another server ([MS-DFSC] 3.2.5.5). Not a number of the protocol: no such flag is there.
pub const INTERLINK: u32 = 0x8000_0000;

/// The properties of a folder as one number.
#[must_use]
pub const fn folder_flags(options: &FolderOptions) -> u32 {
    flag(options.insite_referrals, INSITE_REFERRALS)
        | flag(options.target_failback, TARGET_FAILBACK)
        | flag(options.interlink, INTERLINK)
}

/// The properties of a folder; bits that mean nothing are left out.
#[must_use]
pub const fn folder_options(flags: u32) -> FolderOptions {
    FolderOptions {
        insite_referrals: flags & INSITE_REFERRALS != 0,
        target_failback: flags & TARGET_FAILBACK != 0,
        interlink: flags & INTERLINK != 0,
    }
}

const fn flag(set: bool, flag: u32) -> u32 {
    if set { flag } else { 0 }
}

/// One change of a namespace. Names and paths are compared without case; a path is below the root, `\` between components; a target is
/// named by its UNC path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DfsEdit {
    /// Makes a namespace; the share of its name is there.
    AddNamespace(Namespace),
    /// Puts this server among the root targets of a domain's namespace that is in the directory.
    AddRootTarget(Namespace),
    /// Changes a namespace.
    ChangeNamespace {
        /// Which.
        name: String,
        /// What.
        change: NamespaceChange,
    },
    /// Removes a namespace with its folders. The share stays. Of a domain's namespace this server goes out of its root targets;
    /// the last one takes the namespace with it.
    RemoveNamespace {
        /// Which.
        name: String,
    },
    /// Changes a server of those that hold the root of a domain's namespace.
    ChangeRootTarget {
        /// The namespace.
        name: String,
        /// The target.
        target: String,
        /// What.
        change: TargetChange,
    },
    /// Makes a folder.
    AddFolder {
        /// The namespace.
        namespace: String,
        /// The folder with its targets.
        folder: Folder,
    },
    /// Changes a folder.
    ChangeFolder {
        /// The namespace.
        namespace: String,
        /// The folder.
        path: String,
        /// What.
        change: FolderChange,
    },
    /// Removes a folder with its targets.
    RemoveFolder {
        /// The namespace.
        namespace: String,
        /// The folder.
        path: String,
    },
    /// Gives a folder a further target.
    AddTarget {
        /// The namespace.
        namespace: String,
        /// The folder.
        path: String,
        /// The target.
        target: Target,
    },
    /// Changes a target.
    ChangeTarget {
        /// The namespace.
        namespace: String,
        /// The folder.
        path: String,
        /// The target.
        target: String,
        /// What.
        change: TargetChange,
    },
    /// Takes a target from a folder.
    RemoveTarget {
        /// The namespace.
        namespace: String,
        /// The folder.
        path: String,
        /// The target.
        target: String,
        /// The last one takes the folder with it ([MS-DFSNM] 3.1.4.1.4); else it is refused.
        with_folder: bool,
    },
}

impl DfsEdit {
    /// The namespace that differs after it.
    #[must_use]
    pub fn namespace(&self) -> &str {
        match self {
            DfsEdit::AddNamespace(namespace) | DfsEdit::AddRootTarget(namespace) => &namespace.name,
            DfsEdit::ChangeNamespace { name, .. }
            | DfsEdit::RemoveNamespace { name }
            | DfsEdit::ChangeRootTarget { name, .. } => name,
            DfsEdit::AddFolder { namespace, .. }
            | DfsEdit::ChangeFolder { namespace, .. }
            | DfsEdit::RemoveFolder { namespace, .. }
            | DfsEdit::AddTarget { namespace, .. }
            | DfsEdit::ChangeTarget { namespace, .. }
            | DfsEdit::RemoveTarget { namespace, .. } => namespace,
        }
    }
}

/// New values for some settings of a namespace; `None` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceChange {
    /// Comment.
    pub comment: Option<String>,
    /// Is it given to clients?
    pub state: Option<DfsState>,
    /// How long clients keep a referral to the root, in seconds.
    pub ttl_seconds: Option<u32>,
    /// Properties that are to change, as a mask.
    pub flags_mask: u32,
    /// What they become.
    pub flags: u32,
}

impl NamespaceChange {
    /// Puts the new values into `namespace`.
    pub fn apply(&self, namespace: &mut Namespace) {
        if let Some(comment) = &self.comment {
            namespace.comment.clone_from(comment);
        }
        namespace.state = self.state.unwrap_or(namespace.state);
        namespace.ttl_seconds = self.ttl_seconds.unwrap_or(namespace.ttl_seconds);
        let before = namespace_flags(&namespace.options);
        namespace.options = namespace_options((before & !self.flags_mask) | (self.flags & self.flags_mask));
    }
}

/// New values for some settings of a folder; `None` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderChange {
    /// Another place in the namespace.
    pub path: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// Is it given to clients?
    pub state: Option<DfsState>,
    /// How long clients keep a referral to it, in seconds.
    pub ttl_seconds: Option<u32>,
    /// Properties that are to change, as a mask.
    pub flags_mask: u32,
    /// What they become.
    pub flags: u32,
    /// Who sees it, self-relative; `Some(None)` for what its parent says.
    pub security: Option<Option<Vec<u8>>>,
    /// All its targets.
    pub targets: Option<Vec<Target>>,
}

impl FolderChange {
    /// Puts the new values into `folder`.
    pub fn apply(&self, folder: &mut Folder) {
        if let Some(path) = &self.path {
            folder.path.clone_from(path);
        }
        if let Some(comment) = &self.comment {
            folder.comment.clone_from(comment);
        }
        folder.state = self.state.unwrap_or(folder.state);
        folder.ttl_seconds = self.ttl_seconds.unwrap_or(folder.ttl_seconds);
        let before = folder_flags(&folder.options);
        folder.options = folder_options((before & !self.flags_mask) | (self.flags & self.flags_mask));
        if let Some(security) = &self.security {
            folder.security.clone_from(security);
        }
        if let Some(targets) = &self.targets {
            folder.targets.clone_from(targets);
        }
    }
}

/// New values for some settings of a target; `None` keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetChange {
    /// Is it given to clients?
    pub state: Option<TargetState>,
    /// When it is taken among others.
    pub priority: Option<Priority>,
}

impl TargetChange {
    /// Puts the new values into `target`.
    pub const fn apply(&self, target: &mut Target) {
        if let Some(state) = self.state {
            target.state = state;
        }
        if let Some(priority) = self.priority {
            target.priority = priority;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_options_say_the_same() {
        let all =
            INSITE_REFERRALS | ROOT_SCALABILITY | SITE_COSTING | TARGET_FAILBACK | ACCESS_BASED_ENUMERATION;
        for flags in 0..=all {
            assert_eq!(namespace_flags(&namespace_options(flags)), flags & all);
            assert_eq!(folder_flags(&folder_options(flags)), flags & (INSITE_REFERRALS | TARGET_FAILBACK));
        }
        assert_eq!(folder_flags(&folder_options(INTERLINK)), INTERLINK);
    }
}
