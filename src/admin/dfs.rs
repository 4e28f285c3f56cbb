//! What requests about DFS namespaces do.

mod own;
mod path;
mod resolve;
mod sites;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dfs::{
    DEFAULT_FOLDER_TTL_SECONDS, DEFAULT_ROOT_TTL_SECONDS, Folder, Kind, Namespace, NamespaceIndex, Priority,
    PriorityClass, State as ModelState, Target, TargetState,
};
use freehold_dtyp::{Decode as _, Encode as _};

use self::path::{NamespacePath, target_of};
use super::dfs_domain::{root_path, root_targets, type_of};
use super::dfs_protocol::{
    DfsFolderRow, DfsNamespaceRow, DfsPriorityClass, DfsReply, DfsRequest, DfsState, DfsTargetRow,
    DfsTestRow, FolderOptions, NamespaceOptions, TargetOptions,
};
use super::domain_protocol::DomainLogon;
use super::service::AdminService;
use super::shares::default_share_security;
use crate::state::dfs::{
    self as model, ACCESS_BASED_ENUMERATION, DfsEdit, FolderChange, INSITE_REFERRALS, INTERLINK,
    NamespaceChange, ROOT_SCALABILITY, SITE_COSTING, TARGET_FAILBACK, TargetChange,
};
use crate::state::{CachingMode, DeclaredStep, ShareSettings, State, StateError};

/// Names of properties, as Windows' tools show them.
const PROPERTIES: [(u32, &str); 6] = [
    (INSITE_REFERRALS, "Insite Referrals"),
    (ROOT_SCALABILITY, "Root Scalability"),
    (SITE_COSTING, "Site Costing"),
    (TARGET_FAILBACK, "Target Failback"),
    (ACCESS_BASED_ENUMERATION, "AccessBased Enumeration"),
    (INTERLINK, "Interlink"),
];

impl AdminService {
    /// Executes a request about namespaces.
    pub(super) fn dfs(&self, request: DfsRequest) -> anyhow::Result<DfsReply> {
        match request {
            DfsRequest::Namespaces { name } => {
                return Ok(DfsReply::Namespaces(self.namespace_rows(name.as_deref())?));
            }
            DfsRequest::AddNamespace { name, volume, path, settings, domain, logon } => {
                let root = (volume, path);
                self.add_namespace(name, root, &settings, domain, logon)?;
            }
            DfsRequest::SetNamespace { name, settings } => {
                let name = namespace_name(&name)?;
                let change = namespace_change(&settings);
                self.commit_dfs(&[DfsEdit::ChangeNamespace { name, change }], None)?;
            }
            DfsRequest::RemoveNamespace { name, logon } => {
                let name = namespace_name(&name)?;
                self.commit_dfs(&[DfsEdit::RemoveNamespace { name }], logon)?;
            }
            DfsRequest::Folders { path } => {
                return Ok(DfsReply::Folders(self.dfs_folder_rows(path.as_deref())?));
            }
            DfsRequest::AddFolder { path, target_paths, settings, targets } => {
                self.add_folder(&path, &target_paths, &settings, &targets)?;
            }
            DfsRequest::SetFolder { path, settings } => {
                let (namespace, path) = NamespacePath::parse(&path)?.folder()?;
                let security = self.folder_security(&settings)?;
                let change = FolderChange { security, ..folder_change(&settings) };
                self.commit_dfs(&[DfsEdit::ChangeFolder { namespace, path, change }], None)?;
            }
            DfsRequest::MoveFolder { path, new_path } => self.move_folder(&path, &new_path)?,
            DfsRequest::RemoveFolder { path } => {
                let (namespace, path) = NamespacePath::parse(&path)?.folder()?;
                self.commit_dfs(&[DfsEdit::RemoveFolder { namespace, path }], None)?;
            }
            DfsRequest::Targets { path } => {
                return Ok(DfsReply::Targets(self.target_rows(path.as_deref())?));
            }
            DfsRequest::AddTarget { path, target_path, settings } => {
                let (namespace, path) = NamespacePath::parse(&path)?.folder()?;
                let target = new_target(&target_path, &settings)?;
                self.edit_namespaces(&[DfsEdit::AddTarget { namespace, path, target }])?;
            }
            DfsRequest::SetTarget { path, target_path, settings } => {
                self.set_target(&path, &target_path, &settings)?;
            }
            DfsRequest::RemoveTarget { path, target_path } => {
                let (namespace, path) = NamespacePath::parse(&path)?.folder()?;
                let target = target_of(&target_path)?.unc();
                let edit = DfsEdit::RemoveTarget { namespace, path, target, with_folder: false };
                self.commit_dfs(&[edit], None)?;
            }
            DfsRequest::Test { path } => return Ok(DfsReply::Tests(self.test_targets(path.as_deref())?)),
            DfsRequest::Resolve { path, client } => {
                return Ok(DfsReply::Resolution(Box::new(self.resolve_path(&path, client.as_deref())?)));
            }
            DfsRequest::Sites { from } => return Ok(DfsReply::Sites(self.site_rows(from.as_deref())?)),
        }
        Ok(DfsReply::Done)
    }

    /// Makes changes of namespaces, all of them or none. What would lead a client back to the same folder is refused.
    pub(super) fn edit_namespaces(&self, edits: &[DfsEdit]) -> anyhow::Result<()> {
        let namespaces = self.state().namespaces();
        let own = self.own_names();
        let present = |namespace: &str, path: &str| {
            let index = namespaces.namespace(namespace)?;
            index.folder(model::FOLD, path).map(|folder| Folder::clone(folder))
        };
        for edit in edits {
            let (namespace, folder) = match edit {
                DfsEdit::AddFolder { namespace, folder } => (namespace, Some(folder.clone())),
                DfsEdit::AddTarget { namespace, path, target } => {
                    let with = |folder| Folder { targets: vec![target.clone()], ..folder };
                    (namespace, present(namespace, path).map(with))
                }
                DfsEdit::ChangeFolder { namespace, path, change } => {
                    let moved = |to: &String| Some(Folder { path: to.clone(), ..present(namespace, path)? });
                    (namespace, change.path.as_ref().and_then(moved))
                }
                _ => continue,
            };
            if let Some(folder) = folder {
                namespaces
                    .check_loop(namespace, &folder, &|name| own.has(name))
                    .map_err(StateError::Namespace)?;
            }
        }
        self.commit_dfs(edits, None)
    }

    /// What this server is called in paths.
    pub(super) fn dfs_server(&self) -> String {
        self.state().configured().map_or_else(|| "localhost".to_owned(), |server| server.netbios_name.clone())
    }

    fn add_namespace(
        &self,
        name: String,
        (volume, path): (Option<String>, Option<String>),
        options: &NamespaceOptions,
        domain: bool,
        logon: Option<DomainLogon>,
    ) -> anyhow::Result<()> {
        let name = namespace_name(&name)?;
        anyhow::ensure!(domain || logon.is_none(), "Logon is for namespaces of the domain: leave it out");
        let (kind, targets) = self.kind_of_new(&name, domain)?;
        let mut steps = Vec::new();
        if let Some(volume) = volume {
            let path = self.settle_path(&volume, &path.unwrap_or_default())?;
            steps.push(DeclaredStep::AddShare { name: name.clone(), settings: root_share(volume, path) });
        } else if self.state().shares().share(&name).is_none() {
            anyhow::bail!(
                "there is no share {name:?} for the root of the namespace: make it first, or name a volume for a new one"
            );
        }
        let mut namespace = Namespace {
            name,
            guid: State::new_guid()?,
            kind,
            comment: String::new(),
            state: ModelState::Online,
            ttl_seconds: DEFAULT_ROOT_TTL_SECONDS,
            options: freehold_dfs::NamespaceOptions::default(),
            targets,
        };
        namespace_change(options).apply(&mut namespace);
        if domain {
            return self.add_domain_namespace(namespace, &steps, logon);
        }
        steps.push(DeclaredStep::Dfs(DfsEdit::AddNamespace(namespace)));
        Ok(self.state().change_all(&steps)?)
    }

    fn add_folder(
        &self,
        path: &str,
        target_paths: &[String],
        settings: &FolderOptions,
        targets: &TargetOptions,
    ) -> anyhow::Result<()> {
        let (namespace, path) = NamespacePath::parse(path)?.folder()?;
        let targets =
            target_paths.iter().map(|target| new_target(target, targets)).collect::<anyhow::Result<_>>()?;
        let mut folder = Folder {
            path,
            guid: State::new_guid()?,
            comment: String::new(),
            state: ModelState::Online,
            ttl_seconds: DEFAULT_FOLDER_TTL_SECONDS,
            options: freehold_dfs::FolderOptions::default(),
            security: None,
            targets,
        };
        let security = self.folder_security(settings)?;
        FolderChange { security, ..folder_change(settings) }.apply(&mut folder);
        self.edit_namespaces(&[DfsEdit::AddFolder { namespace, folder }])
    }

    /// Who is to see a folder: what is given, or its parent's where that is empty.
    fn folder_security(&self, settings: &FolderOptions) -> anyhow::Result<Option<Option<Vec<u8>>>> {
        let Some(text) = &settings.security_descriptor else { return Ok(None) };
        if text.is_empty() {
            return Ok(Some(None));
        }
        let security = SecurityDescriptor::from_sddl_of(text, &self.state().sddl_domains())
            .map_err(|error| anyhow::anyhow!("SecurityDescriptor: {text:?} is no SDDL: {error}"))?;
        Ok(Some(Some(security.to_bytes())))
    }

    fn move_folder(&self, path: &str, new_path: &str) -> anyhow::Result<()> {
        let (namespace, path) = NamespacePath::parse(path)?.folder()?;
        let (other, new_path) = NamespacePath::parse(new_path)?.folder()?;
        if !path::same(&namespace, &other) {
            anyhow::bail!(
                "a folder stays in its namespace {namespace:?}: make it anew in {other:?} and remove it here"
            );
        }
        let change = FolderChange { path: Some(new_path), ..FolderChange::default() };
        self.edit_namespaces(&[DfsEdit::ChangeFolder { namespace, path, change }])
    }

    fn set_target(&self, path: &str, target_path: &str, settings: &TargetOptions) -> anyhow::Result<()> {
        let parsed = NamespacePath::parse(path)?;
        let target = target_of(target_path)?.unc();
        let root = self.namespace_called(&parsed.namespace)?.namespace().clone();
        let is_root = parsed.below.is_empty() && root.kind != Kind::StandAlone;
        let (namespace, path) = if is_root { (parsed.namespace, parsed.below) } else { parsed.folder()? };
        let present =
            if is_root { root.targets.clone() } else { self.folder_called(&namespace, &path)?.targets };
        let found = present
            .iter()
            .find(|one| path::same(&one.unc(), &target))
            .ok_or_else(|| StateError::NotFound { kind: "target", name: target.clone() })?;
        let priority = priority(found.priority, settings);
        let change = TargetChange { state: settings.state.map(target_state), priority: Some(priority) };
        self.commit_dfs(
            &[if is_root {
                DfsEdit::ChangeRootTarget { name: namespace, target, change }
            } else {
                DfsEdit::ChangeTarget { namespace, path, target, change }
            }],
            None,
        )
    }

    fn folder_called(&self, namespace: &str, path: &str) -> anyhow::Result<Folder> {
        let index = self.namespace_called(namespace)?;
        let folder = index.folder(model::FOLD, path);
        Ok(folder
            .map(|folder| Folder::clone(folder))
            .ok_or_else(|| StateError::NotFound { kind: "folder", name: path.to_owned() })?)
    }

    fn namespace_called(&self, name: &str) -> anyhow::Result<Arc<NamespaceIndex>> {
        let found = self.state().namespaces().namespace(name).cloned();
        Ok(found.ok_or_else(|| StateError::NotFound { kind: "namespace", name: name.to_owned() })?)
    }

    /// Namespaces that `path` is about, and the folder where it names one.
    fn about(&self, path: Option<&str>) -> anyhow::Result<(Vec<Arc<NamespaceIndex>>, Option<String>)> {
        let Some(path) = path else {
            return Ok((self.state().namespaces().list().into_iter().cloned().collect(), None));
        };
        let path = NamespacePath::parse(path)?;
        let index = self.namespace_called(&path.namespace)?;
        Ok((vec![index], Some(path.below).filter(|below| !below.is_empty())))
    }

    /// The folders that `path` is about, each with its namespace.
    fn folders_about(&self, path: Option<&str>) -> anyhow::Result<Vec<(Arc<NamespaceIndex>, Arc<Folder>)>> {
        let (indexes, below) = self.about(path)?;
        let mut found = Vec::new();
        for index in indexes {
            match &below {
                None => found.extend(index.folders().map(|folder| (Arc::clone(&index), Arc::clone(folder)))),
                Some(below) => {
                    let folder = index
                        .folder(model::FOLD, below)
                        .ok_or_else(|| StateError::NotFound { kind: "folder", name: below.clone() })?;
                    found.push((Arc::clone(&index), Arc::clone(folder)));
                }
            }
        }
        Ok(found)
    }

    fn namespace_rows(&self, name: Option<&str>) -> anyhow::Result<Vec<DfsNamespaceRow>> {
        let server = self.dfs_server();
        let (indexes, _) = self.about(name.map(namespace_name).transpose()?.as_deref())?;
        Ok(indexes.iter().map(|index| namespace_row(&server, index)).collect())
    }

    fn dfs_folder_rows(&self, path: Option<&str>) -> anyhow::Result<Vec<DfsFolderRow>> {
        let server = self.dfs_server();
        let folders = self.folders_about(path)?;
        Ok(folders.iter().map(|(index, folder)| folder_row(&server, index.namespace(), folder)).collect())
    }

    fn target_rows(&self, path: Option<&str>) -> anyhow::Result<Vec<DfsTargetRow>> {
        let server = self.dfs_server();
        let mut rows = Vec::new();
        let (indexes, below) = self.about(path)?;
        for index in indexes.iter().filter(|_| below.is_none()) {
            let path = root_path(&server, index.namespace());
            rows.extend(index.namespace().targets.iter().map(|target| target_row(&path, target)));
        }
        for (index, folder) in self.folders_about(path)? {
            let path = format!("{}\\{}", root_path(&server, index.namespace()), folder.path);
            rows.extend(folder.targets.iter().map(|target| target_row(&path, target)));
        }
        Ok(rows)
    }

    fn test_targets(&self, path: Option<&str>) -> anyhow::Result<Vec<DfsTestRow>> {
        let server = self.running("a test of targets")?;
        let targets = self.target_rows(path)?;
        let mut hosts: Vec<String> = targets.iter().filter_map(|row| host_of(&row.target_path)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let answers = server.probe(&hosts);
        let row = |row: DfsTargetRow| {
            let host = host_of(&row.target_path).unwrap_or_default();
            let answer = answers.get(&host);
            let (answers, milliseconds, message) = match answer {
                Some(Ok(time)) => (true, u64::try_from(time.as_millis()).unwrap_or(u64::MAX), String::new()),
                Some(Err(message)) => (false, 0, message.clone()),
                None => (false, 0, "it was not asked".to_owned()),
            };
            let DfsTargetRow { path, target_path, state, .. } = row;
            DfsTestRow { path, target_path, state, answers, milliseconds, message }
        };
        Ok(targets.into_iter().map(row).collect())
    }
}

/// The server of `\\server\share`, folded.
fn host_of(target_path: &str) -> Option<String> {
    Target::from_unc(target_path).map(|target| target.server.to_lowercase())
}

/// The share that is made for a root: who may see what is decided by the folders' and the targets' own descriptors.
fn root_share(volume: String, path: String) -> ShareSettings {
    ShareSettings {
        volume,
        path,
        comment: String::new(),
        security: Arc::new(default_share_security()),
        encrypt: false,
        access_based_enumeration: false,
        caching: CachingMode::None,
        continuously_available: false,
        ca_timeout_seconds: 0,
        max_users: None,
        audit: crate::config::AuditOption::None,
    }
}

/// The name alone, from any spelling.
fn namespace_name(text: &str) -> anyhow::Result<String> {
    let path = NamespacePath::parse(text)?;
    anyhow::ensure!(
        path.below.is_empty(),
        "{text:?} is no namespace: a namespace is named by \\\\server\\name, or name"
    );
    Ok(path.namespace)
}

const fn model_state(state: DfsState) -> ModelState {
    match state {
        DfsState::Online => ModelState::Online,
        DfsState::Offline => ModelState::Offline,
    }
}

pub(super) const fn shown_state(state: ModelState) -> DfsState {
    match state {
        ModelState::Online => DfsState::Online,
        ModelState::Offline => DfsState::Offline,
    }
}

const fn target_state(state: DfsState) -> TargetState {
    match state {
        DfsState::Online => TargetState::Online,
        DfsState::Offline => TargetState::Offline,
    }
}

pub(super) const fn shown_target_state(state: TargetState) -> DfsState {
    match state {
        TargetState::Online => DfsState::Online,
        TargetState::Offline => DfsState::Offline,
    }
}

const fn model_class(class: DfsPriorityClass) -> PriorityClass {
    match class {
        DfsPriorityClass::GlobalHigh => PriorityClass::GlobalHigh,
        DfsPriorityClass::SiteCostHigh => PriorityClass::SiteCostHigh,
        DfsPriorityClass::SiteCostNormal => PriorityClass::SiteCostNormal,
        DfsPriorityClass::SiteCostLow => PriorityClass::SiteCostLow,
        DfsPriorityClass::GlobalLow => PriorityClass::GlobalLow,
    }
}

pub(super) const fn shown_class(class: PriorityClass) -> DfsPriorityClass {
    match class {
        PriorityClass::GlobalHigh => DfsPriorityClass::GlobalHigh,
        PriorityClass::SiteCostHigh => DfsPriorityClass::SiteCostHigh,
        PriorityClass::SiteCostNormal => DfsPriorityClass::SiteCostNormal,
        PriorityClass::SiteCostLow => DfsPriorityClass::SiteCostLow,
        PriorityClass::GlobalLow => DfsPriorityClass::GlobalLow,
    }
}

/// The bits that are given, and what they become.
fn flags(given: &[(u32, Option<bool>)]) -> (u32, u32) {
    given.iter().fold((0, 0), |(mask, flags), (flag, value)| match value {
        Some(true) => (mask | flag, flags | flag),
        Some(false) => (mask | flag, flags),
        None => (mask, flags),
    })
}

pub(super) fn namespace_change(options: &NamespaceOptions) -> NamespaceChange {
    let (flags_mask, flags) = flags(&[
        (INSITE_REFERRALS, options.enable_insite_referrals),
        (SITE_COSTING, options.enable_site_costing),
        (ROOT_SCALABILITY, options.enable_root_scalability),
        (ACCESS_BASED_ENUMERATION, options.enable_access_based_enumeration),
        (TARGET_FAILBACK, options.enable_target_failback),
    ]);
    NamespaceChange {
        comment: options.description.clone(),
        state: options.state.map(model_state),
        ttl_seconds: options.time_to_live_sec,
        flags_mask,
        flags,
    }
}

pub(super) fn folder_change(options: &FolderOptions) -> FolderChange {
    let (flags_mask, flags) = flags(&[
        (INSITE_REFERRALS, options.enable_insite_referrals),
        (TARGET_FAILBACK, options.enable_target_failback),
        (INTERLINK, options.interlink),
    ]);
    FolderChange {
        comment: options.description.clone(),
        state: options.state.map(model_state),
        ttl_seconds: options.time_to_live_sec,
        flags_mask,
        flags,
        ..FolderChange::default()
    }
}

fn priority(before: Priority, settings: &TargetOptions) -> Priority {
    Priority {
        class: settings.referral_priority_class.map_or(before.class, model_class),
        rank: settings.referral_priority_rank.unwrap_or(before.rank),
    }
}

pub(super) fn new_target(target_path: &str, settings: &TargetOptions) -> anyhow::Result<Target> {
    let mut target = target_of(target_path)?;
    target.state = settings.state.map_or(TargetState::Online, target_state);
    target.priority = priority(Priority::default(), settings);
    Ok(target)
}

pub(super) fn properties(flags: u32) -> Vec<String> {
    PROPERTIES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| (*name).to_owned()).collect()
}

fn namespace_row(server: &str, index: &NamespaceIndex) -> DfsNamespaceRow {
    let namespace = index.namespace();
    DfsNamespaceRow {
        path: root_path(server, namespace),
        name: namespace.name.clone(),
        r#type: type_of(namespace).to_owned(),
        target_paths: root_targets(server, namespace),
        properties: properties(model::namespace_flags(&namespace.options)),
        time_to_live_sec: namespace.ttl_seconds,
        state: shown_state(namespace.state),
        description: namespace.comment.clone(),
        folders: index.folders().len(),
        guid: namespace.guid.to_string(),
    }
}

fn folder_row(server: &str, namespace: &Namespace, folder: &Folder) -> DfsFolderRow {
    DfsFolderRow {
        path: format!("{}\\{}", root_path(server, namespace), folder.path),
        namespace: namespace.name.clone(),
        state: shown_state(folder.state),
        time_to_live_sec: folder.ttl_seconds,
        properties: properties(model::folder_flags(&folder.options)),
        description: folder.comment.clone(),
        target_paths: folder.targets.iter().map(Target::unc).collect(),
        // One that cannot be read is named by `export`.
        security_descriptor: folder.security.as_deref().and_then(|bytes| security_text(bytes).ok()),
        guid: folder.guid.to_string(),
    }
}

/// A folder's descriptor, as SDDL.
pub(super) fn security_text(bytes: &[u8]) -> anyhow::Result<String> {
    let descriptor = SecurityDescriptor::from_bytes(bytes)
        .map_err(|error| anyhow::anyhow!("its security descriptor cannot be read: {error}"))?;
    Ok(descriptor.to_sddl())
}

fn target_row(path: &str, target: &Target) -> DfsTargetRow {
    DfsTargetRow {
        path: path.to_owned(),
        target_path: target.unc(),
        state: shown_target_state(target.state),
        referral_priority_class: shown_class(target.priority.class),
        referral_priority_rank: target.priority.rank,
    }
}
