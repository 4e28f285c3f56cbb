//! DFS namespaces: folders whose contents lie on other shares and servers, and the referrals that send clients there.
//!
//! Owns plain data and decisions: the model of a namespace ([MS-DFSNM] 3.1.1), its validation, the longest-prefix lookup of
//! links ([MS-DFSC] 3.2.5.5), the order of targets ([MS-DFSC] 3.2.1, [MS-DFSNM] 2.2.2.7) and the wire form of referrals
//! ([MS-DFSC] 2.2). No files, sockets, clocks or random numbers: what is random comes in as an argument. Nothing that a peer
//! sends may panic, hang or allocate without bound.
//!
//! Words: a *namespace* is a share that is a DFS root; a *folder* is a DFS link, a path below the root; a *target* is a share
//! elsewhere, or a folder of it, that has what the folder shows.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod check;
mod chunks;
mod model;
mod names;
mod namespaces;
mod order;
mod referral;
pub mod sites;
#[cfg(test)]
mod test_support;
pub mod wire;

pub use check::{ModelError, check_folder, check_folder_path, check_namespace, check_target, check_targets};
pub use model::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Folder, FolderOptions, Kind, Namespace,
    NamespaceOptions, Priority, PriorityClass, State, Target, TargetState,
};
pub use names::Fold;
pub use namespaces::{Difference, Found, NamespaceIndex, Namespaces};
pub use order::{Distance, Placed, Rules, order};
pub use referral::{Answer, LeftOut, ReferralError, Surroundings, Told};
pub use sites::Sites;
