//! Requests and answers about DFS namespaces. Names of fields are for scripts: they never change. Properties are called as
//! Windows' `Get-DfsnRoot`, `Get-DfsnFolder` and `Get-DfsnFolderTarget` call them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::domain_protocol::DomainLogon;

/// What can be asked about namespaces.
///
/// `path` is a namespace or a folder of it: `files`, `files\projects\x`, `\\server\files\projects\x`, with `/` in place of `\` where
/// that is easier to write. `target_path` is `\\server\share`, or a folder below: `\\server\share\folder`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "Verb", rename_all_fields = "PascalCase", deny_unknown_fields)]
pub enum DfsRequest {
    /// The namespaces: answers [`DfsReply::Namespaces`].
    Namespaces {
        /// One only.
        name: Option<String>,
    },
    /// Makes a namespace, or this server a root target of a domain's namespace that is there; its root is the share of that name.
    AddNamespace {
        /// Its name, which is the share's.
        name: String,
        /// Volume of a share that is made for it; left out where the share is there.
        #[serde(default)]
        volume: Option<String>,
        /// Folder of that share within the volume.
        #[serde(default)]
        path: Option<String>,
        /// The settings; what is not given has its default.
        settings: NamespaceOptions,
        /// The directory of the domain keeps it, for all servers that hold its root; else it is this server's alone.
        #[serde(default)]
        domain: bool,
        /// Who changes the directory, for a namespace of the domain; this server where it is left out.
        #[serde(default)]
        logon: Option<DomainLogon>,
    },
    /// Changes a namespace; what is not given stays.
    SetNamespace {
        /// The namespace.
        name: String,
        /// The changes.
        settings: NamespaceOptions,
    },
    /// Removes a namespace with its folders. The share and what the targets hold stay. Of a domain's namespace this server goes out
    /// of the root targets; the last one takes the namespace with it.
    RemoveNamespace {
        /// The namespace.
        name: String,
        /// Who changes the directory, for a namespace of the domain; this server where it is left out.
        #[serde(default)]
        logon: Option<DomainLogon>,
    },
    /// The folders of a namespace, or of all: answers [`DfsReply::Folders`].
    Folders {
        /// A namespace, or one folder.
        path: Option<String>,
    },
    /// Makes a folder with its targets.
    AddFolder {
        /// The folder.
        path: String,
        /// Where it leads: at least one.
        target_paths: Vec<String>,
        /// The settings; what is not given has its default.
        settings: FolderOptions,
        /// The settings of the targets.
        #[serde(default)]
        targets: TargetOptions,
    },
    /// Changes a folder; what is not given stays.
    SetFolder {
        /// The folder.
        path: String,
        /// The changes.
        settings: FolderOptions,
    },
    /// Gives a folder another place in its namespace.
    MoveFolder {
        /// The folder.
        path: String,
        /// Its new path, in the same namespace.
        new_path: String,
    },
    /// Removes a folder with its targets. What they hold stays.
    RemoveFolder {
        /// The folder.
        path: String,
    },
    /// The targets of a folder, of a namespace's folders, or of all: answers [`DfsReply::Targets`].
    Targets {
        /// A namespace or a folder.
        path: Option<String>,
    },
    /// Gives a folder a further target.
    AddTarget {
        /// The folder.
        path: String,
        /// The target.
        target_path: String,
        /// Its settings; what is not given has its default.
        settings: TargetOptions,
    },
    /// Changes a target; what is not given stays.
    SetTarget {
        /// The folder.
        path: String,
        /// The target.
        target_path: String,
        /// The changes.
        settings: TargetOptions,
    },
    /// Takes a target from a folder that has others.
    RemoveTarget {
        /// The folder.
        path: String,
        /// The target.
        target_path: String,
    },
    /// Asks each target's server whether it answers: answers [`DfsReply::Tests`].
    Test {
        /// A namespace or a folder; all where it is left out.
        path: Option<String>,
    },
    /// Which referral a client would get, and why: answers [`DfsReply::Resolution`].
    Resolve {
        /// Any path, below a folder too.
        path: String,
        /// Address of the client; where it is left out, of one whose place nobody knows.
        client: Option<String>,
    },
    /// The sites of the directory: answers [`DfsReply::Sites`].
    Sites {
        /// A site, or an address in it, from which costs are counted; this server's where it is left out.
        #[serde(default)]
        from: Option<String>,
    },
}

/// What the service answers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub enum DfsReply {
    /// It is done.
    Done,
    /// Namespaces.
    Namespaces(Vec<DfsNamespaceRow>),
    /// Folders.
    Folders(Vec<DfsFolderRow>),
    /// Targets.
    Targets(Vec<DfsTargetRow>),
    /// Whether targets answer.
    Tests(Vec<DfsTestRow>),
    /// What a client would get.
    Resolution(Box<DfsResolution>),
    /// Sites.
    Sites(Vec<DfsSiteRow>),
}

/// Is it given to clients?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, ToSchema)]
pub enum DfsState {
    /// Yes.
    #[default]
    Online,
    /// No.
    Offline,
}

/// When a target is taken among others, as Windows' tools spell it ([MS-DFSNM] 2.2.2.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DfsPriorityClass {
    /// Before all others, wherever the client is.
    GlobalHigh,
    /// Before others of the same site cost.
    #[serde(rename = "sitecost-high")]
    #[value(name = "sitecost-high")]
    SiteCostHigh,
    /// By the cost between its site and the client's.
    #[default]
    #[serde(rename = "sitecost-normal")]
    #[value(name = "sitecost-normal")]
    SiteCostNormal,
    /// Behind others of the same site cost.
    #[serde(rename = "sitecost-low")]
    #[value(name = "sitecost-low")]
    SiteCostLow,
    /// Behind all others, wherever the client is.
    GlobalLow,
}

/// Settings of a namespace that can be given or left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct NamespaceOptions {
    /// Comment.
    pub description: Option<String>,
    /// Is the namespace given to clients?
    pub state: Option<DfsState>,
    /// How long clients keep a referral to the root, in seconds.
    pub time_to_live_sec: Option<u32>,
    /// Clients get targets of their own site only.
    pub enable_insite_referrals: Option<bool>,
    /// Targets outside of the client's site come in the order of their cost.
    pub enable_site_costing: Option<bool>,
    /// Root servers need not ask the domain's first controller for changes.
    pub enable_root_scalability: Option<bool>,
    /// Users see the folders only that they may read.
    pub enable_access_based_enumeration: Option<bool>,
    /// Clients go back to a better target that is there again.
    pub enable_target_failback: Option<bool>,
}

/// Settings of a folder that can be given or left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct FolderOptions {
    /// Comment.
    pub description: Option<String>,
    /// Is the folder given to clients?
    pub state: Option<DfsState>,
    /// How long clients keep a referral to it, in seconds.
    pub time_to_live_sec: Option<u32>,
    /// Clients get targets of their own site only.
    pub enable_insite_referrals: Option<bool>,
    /// Clients go back to a better target that is there again.
    pub enable_target_failback: Option<bool>,
    /// The only target is a namespace of another server, where clients ask again.
    pub interlink: Option<bool>,
    /// Who sees the folder where the namespace lists by access, as SDDL; empty: as its parent says.
    pub security_descriptor: Option<String>,
}

/// Settings of a target that can be given or left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct TargetOptions {
    /// Is the target given to clients?
    pub state: Option<DfsState>,
    /// When it is taken among others.
    pub referral_priority_class: Option<DfsPriorityClass>,
    /// Among those of one class, lower ones come first: 0 to 31.
    pub referral_priority_rank: Option<u8>,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsNamespaceRow {
    /// `\\server\name`.
    pub path: String,
    /// Name, which is its share's.
    pub name: String,
    /// `Standalone`.
    pub r#type: String,
    /// What is switched on: `Insite Referrals`, `Site Costing`, `Root Scalability`, `AccessBased Enumeration`, `Target Failback`.
    pub properties: Vec<String>,
    /// How long clients keep a referral to the root, in seconds.
    pub time_to_live_sec: u32,
    /// Is it given to clients?
    pub state: DfsState,
    /// Comment.
    pub description: String,
    /// How many folders it has.
    pub folders: usize,
    /// The shares that hold its root.
    pub target_paths: Vec<String>,
    /// What the namespace is called by in its metadata.
    pub guid: String,
}

/// A folder of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsFolderRow {
    /// `\\server\namespace\folder`.
    pub path: String,
    /// The namespace.
    pub namespace: String,
    /// Is it given to clients?
    pub state: DfsState,
    /// How long clients keep a referral to it, in seconds.
    pub time_to_live_sec: u32,
    /// What is switched on: `Insite Referrals`, `Target Failback`, `Interlink`.
    pub properties: Vec<String>,
    /// Comment.
    pub description: String,
    /// Where it leads.
    pub target_paths: Vec<String>,
    /// Who sees the folder where the namespace lists by access, as SDDL; null for what its parent says.
    #[serde(default)]
    pub security_descriptor: Option<String>,
    /// What the folder is called by in its namespace's metadata.
    pub guid: String,
}

/// A target of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsTargetRow {
    /// The folder.
    pub path: String,
    /// The target.
    pub target_path: String,
    /// Is it given to clients?
    pub state: DfsState,
    /// When it is taken among others.
    pub referral_priority_class: DfsPriorityClass,
    /// Among those of one class, lower ones come first.
    pub referral_priority_rank: u8,
}

/// Whether a target answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsTestRow {
    /// The folder.
    pub path: String,
    /// The target.
    pub target_path: String,
    /// Is it given to clients?
    pub state: DfsState,
    /// Its server takes SMB connections.
    pub answers: bool,
    /// How long that took in milliseconds; 0 where it does not answer.
    pub milliseconds: u64,
    /// Why it does not; empty where it does.
    pub message: String,
}

/// What a client would get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsResolution {
    /// What was asked about.
    pub path: String,
    /// `Root` or `Link`; empty where there is no referral.
    pub referral: String,
    /// The namespace or folder that the referral is of.
    pub referral_path: String,
    /// The part of the path that the client replaces, in bytes of UTF-16 (MS-DFSC 2.2.4 PathConsumed).
    pub path_consumed: u32,
    /// How long the client keeps it, in seconds.
    pub time_to_live_sec: u32,
    /// The client's site; empty where it is not known.
    #[serde(default)]
    pub client_site: String,
    /// Where the client goes, in the order in which it tries.
    pub targets: Vec<DfsResolvedTarget>,
    /// Targets that it is not told of, and all that was decided.
    pub reasons: Vec<String>,
}

/// A target that a client gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsResolvedTarget {
    /// The target.
    pub target_path: String,
    /// Where the path leads when this target is taken.
    pub leads_to: String,
    /// It begins a new set: the client goes on to it when the set before does not answer.
    pub set_boundary: bool,
    /// Its class.
    pub referral_priority_class: DfsPriorityClass,
    /// Its rank.
    pub referral_priority_rank: u8,
    /// The site of its server; empty where it is not known.
    #[serde(default)]
    pub site: String,
    /// What it costs to come there from the client's site, 0 within it; null where that is not known.
    #[serde(default)]
    pub site_cost: Option<u32>,
    /// Why it has this place.
    #[serde(default)]
    pub reason: String,
}

/// A site of the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DfsSiteRow {
    /// Name.
    pub name: String,
    /// The subnets in it.
    pub subnets: Vec<String>,
    /// The site links that lead from it, each with its cost.
    pub links: Vec<String>,
    /// Servers of DFS targets in it.
    pub servers: Vec<String>,
    /// The site from which costs are counted; empty where it is not known.
    pub from: String,
    /// What the way from there costs; null where there is none.
    pub cost: Option<u32>,
    /// When a domain controller told it last, ISO 8601 UTC.
    pub read_at: String,
    /// Why it could not be read since; empty where it could.
    pub problem: String,
}
