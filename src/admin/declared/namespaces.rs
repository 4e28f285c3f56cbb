//! Declared DFS namespaces with their folders and targets. What the whole would be is known before anything is changed: folders that
//! hide others or lead back to themselves are mistakes of the declaration.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context as _;
use freehold_acl::SecurityDescriptor;
use freehold_dfs::{
    Folder, Kind, ModelError, Namespace, NamespaceIndex, Namespaces, Target, check_folder, check_namespace,
    check_target,
};
use freehold_dtyp::Encode as _;

use super::super::declared_namespaces::{
    DeclaredNamespace, DeclaredNamespaceFolder, DeclaredNamespaceTarget, DeclaredNamespaceType,
};
use super::super::declared_protocol::Declaration;
use super::super::dfs::{
    folder_change, namespace_change, new_target, properties, security_text, shown_class, shown_state,
    shown_target_state,
};
use super::super::dfs_fields::field_of;
use super::super::dfs_protocol::{FolderOptions, NamespaceOptions, TargetOptions};
use super::plan::Plan;
use crate::state::accounts::fold_name;
use crate::state::dfs::{DfsEdit, FOLD, FolderChange, NamespaceChange, folder_flags, namespace_flags};
use crate::state::{DeclaredStep, State};

/// A namespace that declarations are about: others are kept in a directory.
fn is_declarable(index: &NamespaceIndex) -> bool {
    index.namespace().kind == Kind::StandAlone
}

/// Takes away namespaces that are not declared: before the shares, which cannot go while they are roots.
pub(super) fn plan_removals(plan: &mut Plan<'_>, declared: &[DeclaredNamespace]) {
    let names: BTreeSet<String> = declared.iter().map(|one| fold_name(&one.name)).collect();
    let present = plan.service.state().namespaces();
    for index in present.list().into_iter().filter(|index| is_declarable(index)) {
        let namespace = index.namespace();
        if !names.contains(&fold_name(&namespace.name)) {
            let detail = format!("with {} folders; the share stays", index.folders().len());
            let edit = DfsEdit::RemoveNamespace { name: namespace.name.clone() };
            plan.remove("DfsNamespace", &namespace.name, detail, DeclaredStep::Dfs(edit));
        }
    }
}

/// Plans what makes the namespaces as declared: behind the shares, which their roots are.
pub(super) fn plan(plan: &mut Plan<'_>, declaration: &Declaration, declared: &[DeclaredNamespace]) {
    let present = plan.service.state().namespaces();
    let mut outcome = Namespaces::clone(&present);
    for gone in present.list().into_iter().filter(|index| plan.prune && is_declarable(index)) {
        outcome.remove(&gone.namespace().name);
    }
    let mut seen = BTreeSet::new();
    let mut folders = Vec::new();
    for (number, one) in declared.iter().enumerate() {
        let place = format!("DfsNamespaces[{number}]");
        if !seen.insert(fold_name(&one.name)) {
            let what = format!("the namespace {:?} is declared twice", one.name);
            plan.mistake(&format!("{place}.Name"), what);
            continue;
        }
        let index = present.namespace(&one.name).map(|index| &**index);
        if index.is_some_and(|index| !is_declarable(index)) {
            let what =
                format!("the namespace {:?} is a domain's: leave it out, or give another name", one.name);
            plan.mistake(&format!("{place}.Name"), what);
            continue;
        }
        if index.is_none() {
            check_share(plan, &place, one, declaration);
        }
        let Some(wanted) = wanted_namespace(plan, &place, one, index) else { continue };
        plan_namespace(plan, one, &wanted, index);
        let mut after = index.map_or_else(|| NamespaceIndex::new(Arc::new(wanted.clone())), Clone::clone);
        folders.extend(plan_folders(plan, &place, one, &wanted.name, index, &mut after));
        outcome.set(Arc::new(after));
    }
    check_loops(plan, &outcome, &folders);
}

/// The root of a new namespace is a share: one that is there and stays, or one that is declared.
fn check_share(plan: &mut Plan<'_>, place: &str, one: &DeclaredNamespace, declaration: &Declaration) {
    let name = fold_name(&one.name);
    let is_declared = declaration.shares.iter().flatten().any(|share| fold_name(&share.name) == name);
    let goes = declaration.shares.is_some() && plan.prune;
    let stays = !goes && plan.service.state().shares().share(&one.name).is_some();
    if !is_declared && !stays {
        let what = format!("there is no share {:?} for its root: declare one under Shares", one.name);
        plan.mistake(&format!("{place}.Name"), what);
    }
}

/// A mistake of a namespace, folder or target, at the field that it is about.
fn objection(plan: &mut Plan<'_>, place: &str, error: &ModelError) {
    let field = match field_of(error) {
        Some("TargetPaths") => "Targets",
        Some(field) => field,
        None => return plan.mistake(place, error),
    };
    let text = error.to_string();
    // The text begins with the field as the model calls it.
    let what = text.split_once(": ").map_or(text.as_str(), |(_, what)| what);
    plan.mistake(&format!("{place}.{field}"), what);
}

fn wanted_namespace(
    plan: &mut Plan<'_>,
    place: &str,
    one: &DeclaredNamespace,
    index: Option<&NamespaceIndex>,
) -> Option<Namespace> {
    let DeclaredNamespaceType::Standalone = one.r#type;
    let guid = match index.map_or_else(State::new_guid, |index| Ok(index.namespace().guid)) {
        Ok(guid) => guid,
        Err(error) => {
            plan.mistake(place, error);
            return None;
        }
    };
    let mut wanted = Namespace {
        name: index.map_or_else(|| one.name.clone(), |index| index.namespace().name.clone()),
        guid,
        kind: Kind::StandAlone,
        comment: String::new(),
        state: freehold_dfs::State::Online,
        ttl_seconds: one.time_to_live_sec,
        options: freehold_dfs::NamespaceOptions::default(),
        targets: Vec::new(),
    };
    let options = NamespaceOptions {
        description: Some(one.description.clone()),
        state: Some(one.state),
        time_to_live_sec: None,
        enable_insite_referrals: Some(one.enable_insite_referrals),
        enable_site_costing: Some(one.enable_site_costing),
        enable_root_scalability: Some(one.enable_root_scalability),
        enable_access_based_enumeration: Some(one.enable_access_based_enumeration),
        enable_target_failback: Some(one.enable_target_failback),
    };
    namespace_change(&options).apply(&mut wanted);
    match check_namespace(&wanted) {
        Ok(()) => Some(wanted),
        Err(error) => {
            objection(plan, place, &error);
            None
        }
    }
}

fn plan_namespace(
    plan: &mut Plan<'_>,
    one: &DeclaredNamespace,
    wanted: &Namespace,
    index: Option<&NamespaceIndex>,
) {
    let Some(index) = index else {
        let detail = format!("with {} folders", one.folders.len());
        let step = DeclaredStep::Dfs(DfsEdit::AddNamespace(wanted.clone()));
        return plan.add("DfsNamespace", &wanted.name, detail, step);
    };
    let details = namespace_differences(index.namespace(), wanted);
    if !details.is_empty() {
        let name = wanted.name.clone();
        let change = NamespaceChange {
            comment: Some(wanted.comment.clone()),
            state: Some(wanted.state),
            ttl_seconds: Some(wanted.ttl_seconds),
            flags_mask: u32::MAX,
            flags: namespace_flags(&wanted.options),
        };
        let step = DeclaredStep::Dfs(DfsEdit::ChangeNamespace { name, change });
        plan.change("DfsNamespace", &wanted.name, details.join("; "), step);
    }
}

/// A declared folder that is right by itself.
struct Placed {
    place: String,
    namespace: String,
    folder: Arc<Folder>,
}

/// Plans the folders of a namespace; `after` is what the namespace has when all is done.
fn plan_folders(
    plan: &mut Plan<'_>,
    place: &str,
    one: &DeclaredNamespace,
    namespace: &str,
    index: Option<&NamespaceIndex>,
    after: &mut NamespaceIndex,
) -> Vec<Placed> {
    let mut placed = Vec::with_capacity(one.folders.len());
    for (number, folder) in one.folders.iter().enumerate() {
        let place = format!("{place}.Folders[{number}]");
        if let Some(wanted) = wanted_folder(plan, &place, folder, index) {
            let folder = Arc::new(wanted);
            placed.push(Placed { place, namespace: namespace.to_owned(), folder });
        }
    }
    let declared: BTreeSet<String> = placed.iter().map(|one| fold_name(&one.folder.path)).collect();
    // What goes first makes room.
    for folder in index.into_iter().flat_map(NamespaceIndex::folders) {
        let is_declared = declared.contains(&fold_name(&folder.path));
        if is_declared || plan.prune {
            after.remove(FOLD, &folder.path);
        }
        if !is_declared {
            let (namespace, path) = (namespace.to_owned(), folder.path.clone());
            let name = format!("{namespace}\\{path}");
            let step = DeclaredStep::Dfs(DfsEdit::RemoveFolder { namespace, path });
            plan.remove("DfsFolder", &name, format!("to {}", targets_text(&folder.targets)), step);
        }
    }
    for one in &placed {
        match after.insert(FOLD, Arc::clone(&one.folder)) {
            Ok(()) => {}
            Err(ModelError::FolderExists(path)) => {
                let what = format!("the folder {path:?} is declared twice");
                plan.mistake(&format!("{}.Path", one.place), what);
            }
            Err(error) => objection(plan, &one.place, &error),
        }
        plan_folder(plan, one, index);
    }
    placed
}

fn plan_folder(plan: &mut Plan<'_>, one: &Placed, index: Option<&NamespaceIndex>) {
    let (wanted, namespace) = (&one.folder, one.namespace.clone());
    let name = format!("{namespace}\\{}", wanted.path);
    let Some(present) = index.and_then(|index| index.folder(FOLD, &wanted.path)) else {
        let detail = format!("to {}", targets_text(&wanted.targets));
        let edit = DfsEdit::AddFolder { namespace, folder: Folder::clone(wanted) };
        return plan.add("DfsFolder", &name, detail, DeclaredStep::Dfs(edit));
    };
    let details = folder_differences(present, wanted);
    if !details.is_empty() {
        let change = FolderChange {
            path: Some(wanted.path.clone()),
            comment: Some(wanted.comment.clone()),
            state: Some(wanted.state),
            ttl_seconds: Some(wanted.ttl_seconds),
            flags_mask: u32::MAX,
            flags: folder_flags(&wanted.options),
            security: Some(wanted.security.clone()),
            targets: Some(wanted.targets.clone()),
        };
        let edit = DfsEdit::ChangeFolder { namespace, path: present.path.clone(), change };
        plan.change("DfsFolder", &name, details.join("; "), DeclaredStep::Dfs(edit));
    }
}

fn wanted_folder(
    plan: &mut Plan<'_>,
    place: &str,
    one: &DeclaredNamespaceFolder,
    index: Option<&NamespaceIndex>,
) -> Option<Folder> {
    let parts: Vec<&str> = one.path.split(['\\', '/']).filter(|part| !part.is_empty()).collect();
    let path = parts.join("\\");
    let present = index.and_then(|index| index.folder(FOLD, &path));
    let targets = wanted_targets(plan, place, &one.targets);
    let security = wanted_security(plan, place, one, present.map(|present| &**present));
    let guid = match present.map_or_else(State::new_guid, |present| Ok(present.guid)) {
        Ok(guid) => guid,
        Err(error) => {
            plan.mistake(place, error);
            return None;
        }
    };
    let mut wanted = Folder {
        path,
        guid,
        comment: String::new(),
        state: freehold_dfs::State::Online,
        ttl_seconds: one.time_to_live_sec,
        options: freehold_dfs::FolderOptions::default(),
        security: security?,
        targets: targets?,
    };
    let options = FolderOptions {
        description: Some(one.description.clone()),
        state: Some(one.state),
        time_to_live_sec: None,
        enable_insite_referrals: Some(one.enable_insite_referrals),
        enable_target_failback: Some(one.enable_target_failback),
        interlink: Some(one.interlink),
        security_descriptor: None,
    };
    folder_change(&options).apply(&mut wanted);
    match check_folder(&wanted) {
        Ok(()) => Some(wanted),
        Err(error) => {
            objection(plan, place, &error);
            None
        }
    }
}

fn wanted_targets(
    plan: &mut Plan<'_>,
    place: &str,
    declared: &[DeclaredNamespaceTarget],
) -> Option<Vec<Target>> {
    let mut targets = Vec::with_capacity(declared.len());
    for (number, one) in declared.iter().enumerate() {
        let place = format!("{place}.Targets[{number}]");
        let settings = TargetOptions {
            state: Some(one.state),
            referral_priority_class: Some(one.referral_priority_class),
            referral_priority_rank: Some(one.referral_priority_rank),
        };
        match new_target(&one.target_path, &settings) {
            Ok(target) => match check_target(&target) {
                Ok(()) => targets.push(target),
                Err(error) => objection(plan, &place, &error),
            },
            Err(error) => plan.mistake(&format!("{place}.TargetPath"), error),
        }
    }
    (targets.len() == declared.len()).then_some(targets)
}

/// Who sees the folder. What says the same as what is there stays as it is, to the byte.
fn wanted_security(
    plan: &mut Plan<'_>,
    place: &str,
    one: &DeclaredNamespaceFolder,
    present: Option<&Folder>,
) -> Option<Option<Vec<u8>>> {
    let Some(text) = &one.security_descriptor else { return Some(None) };
    match SecurityDescriptor::from_sddl_of(text, &plan.service.state().sddl_domains()) {
        Ok(wanted) => {
            let now = present.and_then(|present| present.security.as_ref());
            let same = now.filter(|bytes| security_text(bytes).is_ok_and(|now| now == wanted.to_sddl()));
            Some(Some(same.cloned().unwrap_or_else(|| wanted.to_bytes())))
        }
        Err(error) => {
            let what = format!("{text:?} is no SDDL: {error}");
            plan.mistake(&format!("{place}.SecurityDescriptor"), what);
            None
        }
    }
}

/// Names the folders that would lead a client back to themselves, were all as declared.
fn check_loops(plan: &mut Plan<'_>, outcome: &Namespaces, folders: &[Placed]) {
    let own = plan.service.own_names();
    for one in folders {
        if let Err(error) = outcome.check_loop(&one.namespace, &one.folder, &|name| own.has(name)) {
            objection(plan, &one.place, &error);
        }
    }
}

fn targets_text(targets: &[Target]) -> String {
    targets.iter().map(Target::unc).collect::<Vec<_>>().join(", ")
}

fn compare(details: &mut Vec<String>, name: &str, now: &str, wanted: &str) {
    if now != wanted {
        details.push(format!("{name}: {now} -> {wanted}"));
    }
}

fn namespace_differences(now: &Namespace, wanted: &Namespace) -> Vec<String> {
    let mut details = Vec::new();
    let properties =
        |namespace: &Namespace| format!("[{}]", properties(namespace_flags(&namespace.options)).join(", "));
    let text = |comment: &str| format!("{comment:?}");
    compare(&mut details, "Description", &text(&now.comment), &text(&wanted.comment));
    compare(&mut details, "State", &format!("{:?}", now.state), &format!("{:?}", wanted.state));
    compare(&mut details, "TimeToLiveSec", &now.ttl_seconds.to_string(), &wanted.ttl_seconds.to_string());
    compare(&mut details, "Properties", &properties(now), &properties(wanted));
    details
}

fn folder_differences(now: &Folder, wanted: &Folder) -> Vec<String> {
    let mut details = Vec::new();
    let properties = |folder: &Folder| format!("[{}]", properties(folder_flags(&folder.options)).join(", "));
    let text = |comment: &str| format!("{comment:?}");
    compare(&mut details, "Path", &now.path, &wanted.path);
    compare(&mut details, "Description", &text(&now.comment), &text(&wanted.comment));
    compare(&mut details, "State", &format!("{:?}", now.state), &format!("{:?}", wanted.state));
    compare(&mut details, "TimeToLiveSec", &now.ttl_seconds.to_string(), &wanted.ttl_seconds.to_string());
    compare(&mut details, "Properties", &properties(now), &properties(wanted));
    let security = |folder: &Folder| match &folder.security {
        Some(bytes) => security_text(bytes).unwrap_or_else(|error| format!("({error})")),
        None => "as its parent's".to_owned(),
    };
    if now.security != wanted.security {
        compare(&mut details, "SecurityDescriptor", &security(now), &security(wanted));
    }
    if now.targets != wanted.targets {
        let one = |target: &Target| {
            let (class, rank) = (target.priority.class.cmdlet_name(), target.priority.rank);
            format!("{} {:?} {class} {rank}", target.unc(), target.state)
        };
        let all =
            |folder: &Folder| format!("[{}]", folder.targets.iter().map(one).collect::<Vec<_>>().join(", "));
        compare(&mut details, "Targets", &all(now), &all(wanted));
    }
    details
}

/// All namespaces that can be declared, in the order of their names.
///
/// # Errors
/// A folder whose security descriptor cannot be read.
pub(super) fn export(state: &State) -> anyhow::Result<Vec<DeclaredNamespace>> {
    let namespaces = state.namespaces();
    namespaces.list().into_iter().filter(|index| is_declarable(index)).map(|index| exported(index)).collect()
}

fn exported(index: &NamespaceIndex) -> anyhow::Result<DeclaredNamespace> {
    let namespace = index.namespace();
    let folder = |folder: &Arc<Folder>| {
        exported_folder(folder)
            .with_context(|| format!("the folder {}\\{}: set it again", namespace.name, folder.path))
    };
    Ok(DeclaredNamespace {
        name: namespace.name.clone(),
        r#type: DeclaredNamespaceType::Standalone,
        description: namespace.comment.clone(),
        state: shown_state(namespace.state),
        time_to_live_sec: namespace.ttl_seconds,
        enable_insite_referrals: namespace.options.insite_referrals,
        enable_site_costing: namespace.options.site_costing,
        enable_root_scalability: namespace.options.root_scalability,
        enable_access_based_enumeration: namespace.options.access_based_enumeration,
        enable_target_failback: namespace.options.target_failback,
        folders: index.folders().map(folder).collect::<anyhow::Result<_>>()?,
    })
}

fn exported_folder(folder: &Folder) -> anyhow::Result<DeclaredNamespaceFolder> {
    let target = |target: &Target| DeclaredNamespaceTarget {
        target_path: target.unc(),
        state: shown_target_state(target.state),
        referral_priority_class: shown_class(target.priority.class),
        referral_priority_rank: target.priority.rank,
    };
    Ok(DeclaredNamespaceFolder {
        path: folder.path.clone(),
        description: folder.comment.clone(),
        state: shown_state(folder.state),
        time_to_live_sec: folder.ttl_seconds,
        enable_insite_referrals: folder.options.insite_referrals,
        enable_target_failback: folder.options.target_failback,
        interlink: folder.options.interlink,
        security_descriptor: folder.security.as_deref().map(security_text).transpose()?,
        targets: folder.targets.iter().map(target).collect(),
    })
}
