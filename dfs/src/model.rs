//! What a namespace consists of ([MS-DFSNM] 2.2.4 and 3.1.1): plain data as an administrator keeps it.

use freehold_dtyp::Guid;
use serde::{Deserialize, Serialize};

/// How long clients keep a referral to a root, unless the namespace says otherwise ([MS-DFSNM] 3.1.4.1.6).
pub const DEFAULT_ROOT_TTL_SECONDS: u32 = 300;
/// How long clients keep a referral to a folder, unless the folder says otherwise: Windows' 30 minutes.
pub const DEFAULT_FOLDER_TTL_SECONDS: u32 = 1800;

/// Who knows of the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum Kind {
    /// This server alone: `\\server\name`.
    #[default]
    StandAlone,
    /// The directory of a domain: `\\domain\name`, on every root target.
    DomainBased {
        /// The domain's DNS name.
        domain: String,
    },
}

/// Whether referrals are given ([MS-DFSNM] 2.2.4.2 State).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum State {
    /// Referrals are given.
    #[default]
    Online,
    /// They are not: clients get no target.
    Offline,
}

/// Whether an administrator lets a target take clients ([MS-DFSNM] 2.2.2.5 State).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub enum TargetState {
    /// It is in referrals.
    #[default]
    Online,
    /// It is left out of them.
    Offline,
}

/// [MS-DFSNM] 2.2.2.8 DFS_TARGET_PRIORITY_CLASS, in the order in which clients are to try targets of one site cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PriorityClass {
    /// Before all others, whatever their cost.
    GlobalHigh,
    /// Before the others of the same cost.
    SiteCostHigh,
    /// The default.
    #[default]
    SiteCostNormal,
    /// After the others of the same cost.
    SiteCostLow,
    /// After all others, whatever their cost.
    GlobalLow,
}

impl PriorityClass {
    /// All, the preferred first.
    pub const ALL: [PriorityClass; 5] = [
        PriorityClass::GlobalHigh,
        PriorityClass::SiteCostHigh,
        PriorityClass::SiteCostNormal,
        PriorityClass::SiteCostLow,
        PriorityClass::GlobalLow,
    ];

    /// The number of the enumeration on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            PriorityClass::SiteCostNormal => 0,
            PriorityClass::GlobalHigh => 1,
            PriorityClass::SiteCostHigh => 2,
            PriorityClass::SiteCostLow => 3,
            PriorityClass::GlobalLow => 4,
        }
    }

    /// The class of a number on the wire; `None` for no class.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.number() == number)
    }

    /// As Windows' DFSN cmdlets spell it (`ReferralPriorityClass`).
    #[must_use]
    pub fn cmdlet_name(self) -> &'static str {
        match self {
            PriorityClass::GlobalHigh => "global-high",
            PriorityClass::SiteCostHigh => "sitecost-high",
            PriorityClass::SiteCostNormal => "sitecost-normal",
            PriorityClass::SiteCostLow => "sitecost-low",
            PriorityClass::GlobalLow => "global-low",
        }
    }

    /// The class that a cmdlet names so, without case.
    #[must_use]
    pub fn from_cmdlet_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.cmdlet_name().eq_ignore_ascii_case(name))
    }
}

/// [MS-DFSNM] 2.2.2.7 DFS_TARGET_PRIORITY. The lesser is tried first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Priority {
    /// Class.
    pub class: PriorityClass,
    /// Rank within the class, 0 (first) to [`Priority::MAX_RANK`].
    pub rank: u8,
}

impl Priority {
    /// Last rank.
    pub const MAX_RANK: u8 = 31;
}

/// A place that has what a folder or a root shows ([MS-DFSNM] 2.2.2.6 DFS_STORAGE_INFO_1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    /// Name or address of the server, as clients are told it.
    pub server: String,
    /// Its share.
    pub share: String,
    /// Folder below the share, `\` between components; empty for the share itself.
    #[serde(default)]
    pub path: String,
    /// Online or offline.
    #[serde(default)]
    pub state: TargetState,
    /// When clients try it.
    #[serde(default)]
    pub priority: Priority,
}

impl Target {
    /// An online target of normal priority.
    #[must_use]
    pub fn new(server: impl Into<String>, share: impl Into<String>, path: impl Into<String>) -> Self {
        Target {
            server: server.into(),
            share: share.into(),
            path: path.into(),
            state: TargetState::default(),
            priority: Priority::default(),
        }
    }

    /// The target of a UNC path, `\\server\share[\path]` or with one backslash before; `None` where it is none.
    #[must_use]
    pub fn from_unc(unc: &str) -> Option<Self> {
        let rest = unc.strip_prefix('\\')?;
        let rest = rest.strip_prefix('\\').unwrap_or(rest);
        let (server, rest) = rest.split_once('\\')?;
        let (share, path) = rest.split_once('\\').unwrap_or((rest, ""));
        (!server.is_empty() && !share.is_empty())
            .then(|| Target::new(server, share, path.trim_end_matches('\\')))
    }

    /// `\\server\share[\path]`.
    #[must_use]
    pub fn unc(&self) -> String {
        format!("\\{}", self.dfs_path())
    }

    /// `\server\share[\path]`, as referrals have it.
    #[must_use]
    pub fn dfs_path(&self) -> String {
        let Target { server, share, path, .. } = self;
        if path.is_empty() { format!("\\{server}\\{share}") } else { format!("\\{server}\\{share}\\{path}") }
    }
}

/// What a namespace does for all its folders ([MS-DFSNM] 2.2.4.7 PropertyFlags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NamespaceOptions {
    /// DFS_PROPERTY_FLAG_INSITE_REFERRALS: only targets in the client's site are told.
    pub insite_referrals: bool,
    /// DFS_PROPERTY_FLAG_ROOT_SCALABILITY: root targets of a domain-based namespace ask any domain controller for changes.
    pub root_scalability: bool,
    /// DFS_PROPERTY_FLAG_SITE_COSTING: targets outside of the client's site are told by cost instead of at random.
    pub site_costing: bool,
    /// DFS_PROPERTY_FLAG_TARGET_FAILBACK: clients go back to a preferred target once it answers again.
    pub target_failback: bool,
    /// DFS_PROPERTY_FLAG_ABDE: folders that a user may not read are not listed.
    pub access_based_enumeration: bool,
}

/// What a folder says for itself ([MS-DFSNM] 2.2.4.7 PropertyFlags).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FolderOptions {
    /// As [`NamespaceOptions::insite_referrals`], for this folder.
    pub insite_referrals: bool,
    /// As [`NamespaceOptions::target_failback`], for this folder.
    pub target_failback: bool,
    /// PKT_ENTRY_TYPE_OUTSIDE_MY_DOM ([MS-DFSNM] 2.3.3.1.1.2): the only target is a namespace itself, on another server. What
    /// leads to a namespace of this server is seen without it.
    pub interlink: bool,
}

/// A DFS link: a path of the namespace whose contents are elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Folder {
    /// Path below the root, `\` between components, as an administrator spells it.
    pub path: String,
    /// Identity of the link, kept when it moves.
    #[serde(with = "crate::names::guid_text")]
    pub guid: Guid,
    /// For people.
    #[serde(default)]
    pub comment: String,
    /// Online or offline.
    #[serde(default)]
    pub state: State,
    /// How long clients keep a referral, in seconds, at least 1.
    pub ttl_seconds: u32,
    /// What it says for itself.
    #[serde(default)]
    pub options: FolderOptions,
    /// Self-relative security descriptor ([MS-DTYP] 2.4.6) that says who sees the folder where the namespace lists by access;
    /// `None` inherits the parent's.
    #[serde(default)]
    pub security: Option<Vec<u8>>,
    /// Where its contents are.
    pub targets: Vec<Target>,
}

/// A share that is a DFS root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Namespace {
    /// Its name, which is that of the share.
    pub name: String,
    /// Identity of the root.
    #[serde(with = "crate::names::guid_text")]
    pub guid: Guid,
    /// Stand-alone or of a domain.
    #[serde(default)]
    pub kind: Kind,
    /// For people.
    #[serde(default)]
    pub comment: String,
    /// Online or offline.
    #[serde(default)]
    pub state: State,
    /// How long clients keep a referral to the root, in seconds, at least 1.
    pub ttl_seconds: u32,
    /// What it does for all its folders.
    #[serde(default)]
    pub options: NamespaceOptions,
    /// Servers that hold the root. Empty for a stand-alone namespace on this server alone: clients are told the name by which
    /// they asked.
    #[serde(default)]
    pub targets: Vec<Target>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_its_unc_path() {
        let target = Target::from_unc(r"\\fs1\data\a\b").unwrap();
        assert_eq!(
            (target.server.as_str(), target.share.as_str(), target.path.as_str()),
            ("fs1", "data", r"a\b")
        );
        assert_eq!(target.unc(), r"\\fs1\data\a\b");
        assert_eq!(Target::from_unc(r"\fs1\data\").unwrap().dfs_path(), r"\fs1\data");
        for bad in ["", r"\\fs1", r"\\fs1\", r"\\\data", "fs1\\data"] {
            assert_eq!(Target::from_unc(bad), None, "{bad}");
        }
    }

    #[test]
    fn classes_have_the_numbers_of_the_enumeration_and_the_names_of_the_cmdlets() {
        for class in PriorityClass::ALL {
            assert_eq!(PriorityClass::from_number(class.number()), Some(class));
            assert_eq!(PriorityClass::from_cmdlet_name(class.cmdlet_name()), Some(class));
        }
        assert_eq!(PriorityClass::from_number(5), None);
        assert_eq!(PriorityClass::from_number(u32::MAX), None);
        assert!(PriorityClass::GlobalHigh < PriorityClass::SiteCostHigh);
    }

    #[test]
    fn a_namespace_is_read_back_from_its_text() {
        let text = r#"{"Name":"files","Guid":"00000001-0002-0003-0405-060708090a0b","TtlSeconds":300,
            "Options":{"SiteCosting":true},"Targets":[{"Server":"fs1","Share":"files","Priority":{"Class":"GlobalLow","Rank":3}}]}"#;
        let namespace: Namespace = serde_json::from_str(text).unwrap();
        assert!(namespace.options.site_costing);
        assert_eq!(namespace.targets[0].priority, Priority { class: PriorityClass::GlobalLow, rank: 3 });
        let again = serde_json::to_string(&namespace).unwrap();
        assert!(again.contains("00000001-0002-0003-0405-060708090a0b"), "{again}");
        assert_eq!(serde_json::from_str::<Namespace>(&again).unwrap(), namespace);
    }
}
