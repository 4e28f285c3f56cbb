//! What calls of netdfs have changed ([`super::Task::Dfs`]). New identities are given where the change is made: there is no
//! randomness here.

use freehold_dfs::Target;

use crate::state::dfs::DfsEdit;

/// A change of namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DfsTask {
    /// Changes of what is there, all of them or none.
    Edit(Vec<DfsEdit>),
    /// Makes a folder with its first target.
    AddFolder {
        /// The namespace.
        namespace: String,
        /// Path below its root.
        path: String,
        /// Comment.
        comment: String,
        /// The target.
        target: Target,
    },
    /// Makes a share that is there the root of a stand-alone namespace.
    AddNamespace {
        /// The share.
        share: String,
        /// Comment.
        comment: String,
    },
    /// Makes a share that is there a root target of a namespace of the domain.
    AddDomainRoot {
        /// The share.
        share: String,
        /// Comment of a new namespace.
        comment: String,
        /// The namespace may be a new one; else it must be in the directory.
        may_be_new: bool,
    },
}
