//! Namespaces and folders for tests.

use freehold_dtyp::Guid;

use crate::model::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Folder, FolderOptions, Kind, Namespace,
    NamespaceOptions, State, Target,
};

/// A namespace of default settings.
pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace {
        name: name.into(),
        guid: Guid([9; 16]),
        kind: Kind::StandAlone,
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
        options: NamespaceOptions::default(),
        targets: Vec::new(),
    }
}

/// A folder of default settings.
pub(crate) fn folder(path: &str, targets: &[&str]) -> Folder {
    Folder {
        path: path.into(),
        guid: Guid([1; 16]),
        comment: String::new(),
        state: State::Online,
        ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
        options: FolderOptions::default(),
        security: None,
        targets: targets.iter().map(|unc| Target::from_unc(unc).unwrap()).collect(),
    }
}
