//! Declared quotas: settings, entries of accounts, rules of groups, folder quotas, templates, auto quotas. Who is told of
//! thresholds is not declared: a secret belongs to it.

use std::collections::BTreeSet;

use freehold_dtyp::Sid;
use freehold_quotas::{Limits, Settings};

use super::super::declared_protocol::{
    Declaration, DeclaredAccount, DeclaredAutoQuota, DeclaredFolderQuota, DeclaredLimits, DeclaredQuotas,
    DeclaredTemplate, NameAndSid,
};
use super::super::names::Names;
use super::super::quota_size::QuotaSize;
use super::export::account;
use super::plan::Plan;
use crate::state::accounts::fold_name;
use crate::state::quotas::{
    AutoQuota, DEFAULT_SETTINGS, FolderEntry, FolderLimit, QuotaEdit, QuotasSnapshot, VolumeQuotas,
};
use crate::state::{DeclaredStep, State};

/// Plans what makes templates and quotas as declared.
pub(super) fn plan(plan: &mut Plan<'_>, declaration: &Declaration) {
    let present = plan.service.state().quotas();
    if let Some(declared) = &declaration.quota_templates {
        templates(plan, declared, &present);
    }
    let known = Templates { declared: declaration.quota_templates.as_deref(), present: &present };
    if let Some(declared) = &declaration.quotas {
        let mut seen = BTreeSet::new();
        for (number, quotas) in declared.iter().enumerate() {
            let place = format!("Quotas[{number}]");
            if !seen.insert(quotas.volume.as_str()) {
                let what = format!("the quotas of {:?} are declared twice", quotas.volume);
                plan.mistake(&format!("{place}.Volume"), what);
            }
            if let Err(error) = plan.service.find_path(&quotas.volume, "") {
                plan.mistake(&format!("{place}.Volume"), error);
                continue;
            }
            volume(plan, &place, quotas, &present.volume(&quotas.volume), &known);
        }
        let nothing = VolumeQuotas::default();
        for (name, quotas) in present.volumes().filter(|(name, _)| !seen.contains(name)) {
            if quotas.settings != nothing.settings {
                let edit = QuotaEdit::Settings { volume: name.to_owned(), settings: DEFAULT_SETTINGS };
                plan.remove(
                    "QuotaSettings",
                    name,
                    settings_text(&quotas.settings),
                    DeclaredStep::Quota(edit),
                );
            }
            remove_rest(plan, name, quotas, &Seen::default());
        }
    }
    // What came from a template goes before it.
    if let Some(declared) = &declaration.quota_templates {
        let names: BTreeSet<String> = declared.iter().map(|template| fold_name(&template.name)).collect();
        for template in present.templates().filter(|template| !names.contains(&fold_name(&template.name))) {
            let edit = QuotaEdit::Template { name: template.name.clone(), limit: None };
            plan.remove(
                "QuotaTemplate",
                &template.name,
                limit_text(&template.limit),
                DeclaredStep::Quota(edit),
            );
        }
    }
}

/// Templates that quotas can name.
struct Templates<'a> {
    declared: Option<&'a [DeclaredTemplate]>,
    present: &'a QuotasSnapshot,
}

impl Templates<'_> {
    fn has(&self, name: &str) -> bool {
        match self.declared {
            Some(declared) => declared.iter().any(|template| fold_name(&template.name) == fold_name(name)),
            None => self.present.template(name).is_some(),
        }
    }
}

fn templates(plan: &mut Plan<'_>, declared: &[DeclaredTemplate], present: &QuotasSnapshot) {
    let mut seen = BTreeSet::new();
    for (number, template) in declared.iter().enumerate() {
        let place = format!("QuotaTemplates[{number}]");
        let name = template.name.clone();
        if !seen.insert(fold_name(&name)) {
            plan.mistake(&format!("{place}.Name"), format!("the template {name:?} is declared twice"));
        }
        let limit = limit_of(template.size, template.soft_limit, &template.threshold, &template.description);
        let Some(edit) = check(plan, &place, &QuotaEdit::Template { name: name.clone(), limit: Some(limit) })
        else {
            continue;
        };
        let QuotaEdit::Template { limit: Some(wanted), .. } = &edit else { continue };
        let now = present.template(&name).map(|found| found.limit.clone());
        compare(plan, "QuotaTemplate", &name, now.as_ref(), wanted, limit_text, edit.clone());
    }
}

/// What of a volume is declared.
#[derive(Default)]
struct Seen {
    users: BTreeSet<Sid>,
    groups: BTreeSet<Sid>,
    folders: BTreeSet<String>,
    autos: BTreeSet<String>,
}

fn volume(
    plan: &mut Plan<'_>,
    place: &str,
    declared: &DeclaredQuotas,
    now: &VolumeQuotas,
    templates: &Templates<'_>,
) {
    let name = &declared.volume;
    let settings = Settings {
        mode: declared.state.into(),
        default: limits(declared.default_limit, declared.default_warning_limit),
        record_warning: declared.record_warning,
        record_limit: declared.record_limit,
    };
    if let Some(edit) = check(plan, place, &QuotaEdit::Settings { volume: name.clone(), settings })
        && settings != now.settings
    {
        let detail = format!("{} -> {}", settings_text(&now.settings), settings_text(&settings));
        plan.change("QuotaSettings", name, detail, DeclaredStep::Quota(edit));
    }
    let mut seen = Seen::default();
    for (number, entry) in declared.users.iter().enumerate() {
        let place = format!("{place}.Users[{number}]");
        let Some(owner) = subject(plan, &place, entry, &mut seen.users) else { continue };
        let wanted = limits(entry.limit, entry.warning_limit);
        let edit = QuotaEdit::Entry { volume: name.clone(), owner, limits: Some(wanted) };
        let Some(edit) = check(plan, &place, &edit) else { continue };
        let row = format!("{name}: {}", entry.account);
        compare(plan, "UserQuota", &row, now.own.get(&owner), &wanted, limits_text, edit);
    }
    for (number, entry) in declared.groups.iter().enumerate() {
        let place = format!("{place}.Groups[{number}]");
        let Some(group) = subject(plan, &place, entry, &mut seen.groups) else { continue };
        let wanted = limits(entry.limit, entry.warning_limit);
        let edit = QuotaEdit::Group { volume: name.clone(), group, limits: Some(wanted) };
        let Some(edit) = check(plan, &place, &edit) else { continue };
        let row = format!("{name}: {}", entry.account);
        compare(plan, "GroupQuota", &row, now.groups.get(&group), &wanted, limits_text, edit);
    }
    for (number, folder) in declared.folders.iter().enumerate() {
        let place = format!("{place}.Folders[{number}]");
        one_folder(plan, &place, name, folder, now, templates, &mut seen.folders);
    }
    for (number, auto) in declared.auto_quotas.iter().enumerate() {
        let place = format!("{place}.AutoQuotas[{number}]");
        let Some(path) = folder(plan, &place, name, &auto.path, &mut seen.autos) else { continue };
        if !templates.has(&auto.template) {
            plan.mistake(
                &format!("{place}.Template"),
                format!("there is no template called {:?}", auto.template),
            );
            continue;
        }
        let wanted = AutoQuota { template: auto.template.clone(), disabled: auto.disabled };
        let edit = QuotaEdit::Auto { volume: name.clone(), path: path.clone(), auto: Some(wanted.clone()) };
        let row = format!("{name}:{path}");
        compare(plan, "AutoQuota", &row, now.autos.get(&path), &wanted, auto_text, edit);
    }
    remove_rest(plan, name, now, &seen);
}

fn one_folder(
    plan: &mut Plan<'_>,
    place: &str,
    volume: &str,
    declared: &DeclaredFolderQuota,
    now: &VolumeQuotas,
    templates: &Templates<'_>,
    seen: &mut BTreeSet<String>,
) {
    let Some(path) = folder(plan, place, volume, &declared.path, seen) else { return };
    if let Some(template) = declared.template.as_ref().filter(|template| !templates.has(template)) {
        plan.mistake(&format!("{place}.Template"), format!("there is no template called {template:?}"));
        return;
    }
    let wanted = FolderEntry {
        limit: limit_of(declared.size, declared.soft_limit, &declared.threshold, &declared.description),
        disabled: declared.disabled,
        template: declared.template.clone(),
        auto: declared.auto.clone(),
    };
    let edit = QuotaEdit::Folder { volume: volume.to_owned(), path: path.clone(), entry: Some(wanted) };
    let Some(edit) = check(plan, place, &edit) else { return };
    let QuotaEdit::Folder { entry: Some(wanted), .. } = &edit else { return };
    let found = now.folders.get(&path).map(|(_, entry)| entry);
    compare(plan, "FolderQuota", &format!("{volume}:{path}"), found, wanted, folder_text, edit.clone());
}

/// What is there and not declared.
fn remove_rest(plan: &mut Plan<'_>, volume: &str, now: &VolumeQuotas, seen: &Seen) {
    let name = volume.to_owned();
    let mut owners: Vec<_> = now.own.iter().filter(|(owner, _)| !seen.users.contains(owner)).collect();
    owners.sort_by_key(|(owner, _)| **owner);
    plan.names.prepare(owners.iter().map(|(owner, _)| **owner));
    for (owner, limits) in owners {
        let edit = QuotaEdit::Entry { volume: name.clone(), owner: *owner, limits: None };
        let row = format!("{volume}: {}", plan.name_of(owner));
        plan.remove("UserQuota", &row, limits_text(limits), DeclaredStep::Quota(edit));
    }
    for (group, limits) in now.groups.iter().filter(|(group, _)| !seen.groups.contains(group)) {
        let edit = QuotaEdit::Group { volume: name.clone(), group: *group, limits: None };
        let row = format!("{volume}: {}", plan.name_of(group));
        plan.remove("GroupQuota", &row, limits_text(limits), DeclaredStep::Quota(edit));
    }
    for (path, auto) in now.autos.iter().filter(|(path, _)| !seen.autos.contains(*path)) {
        let edit = QuotaEdit::Auto { volume: name.clone(), path: path.clone(), auto: None };
        plan.remove("AutoQuota", &format!("{volume}:{path}"), auto_text(auto), DeclaredStep::Quota(edit));
    }
    for (path, (_, entry)) in now.folders.iter().filter(|(path, _)| !seen.folders.contains(*path)) {
        let edit = QuotaEdit::Folder { volume: name.clone(), path: path.clone(), entry: None };
        plan.remove(
            "FolderQuota",
            &format!("{volume}:{path}"),
            folder_text(entry),
            DeclaredStep::Quota(edit),
        );
    }
}

/// The edit as it would be kept; a mistake is noted.
fn check(plan: &mut Plan<'_>, place: &str, edit: &QuotaEdit) -> Option<QuotaEdit> {
    match State::check_quota(edit) {
        Ok(edit) => Some(edit),
        Err(error) => {
            plan.mistake(place, error);
            None
        }
    }
}

fn compare<T: PartialEq>(
    plan: &mut Plan<'_>,
    kind: &str,
    name: &str,
    now: Option<&T>,
    wanted: &T,
    text: impl Fn(&T) -> String,
    edit: QuotaEdit,
) {
    match now {
        Some(now) if now == wanted => {}
        Some(now) => {
            let detail = format!("{} -> {}", text(now), text(wanted));
            plan.change(kind, name, detail, DeclaredStep::Quota(edit));
        }
        None => plan.add(kind, name, text(wanted), DeclaredStep::Quota(edit)),
    }
}

fn subject(
    plan: &mut Plan<'_>,
    place: &str,
    entry: &DeclaredLimits,
    seen: &mut BTreeSet<Sid>,
) -> Option<Sid> {
    let name = entry.account.clone();
    let account = match &entry.sid {
        Some(sid) => DeclaredAccount::Both(NameAndSid { account: name, sid: sid.clone() }),
        None => DeclaredAccount::Name(name),
    };
    let place = format!("{place}.Account");
    let sid = plan.resolve(&place, &account)?;
    if !seen.insert(sid) {
        plan.mistake(&place, format!("{:?} is declared twice", entry.account));
        return None;
    }
    Some(sid)
}

fn folder(
    plan: &mut Plan<'_>,
    place: &str,
    volume: &str,
    path: &str,
    seen: &mut BTreeSet<String>,
) -> Option<String> {
    let place = format!("{place}.Path");
    match plan.service.find_path(volume, path) {
        Ok(path) if seen.insert(path.clone()) => Some(path),
        Ok(path) => {
            plan.mistake(&place, format!("the folder {path:?} is declared twice"));
            None
        }
        Err(error) => {
            plan.mistake(&place, error);
            None
        }
    }
}

fn limits(limit: Option<QuotaSize>, warning: Option<QuotaSize>) -> Limits {
    let bytes = |size: Option<QuotaSize>| size.and_then(|size| size.0);
    Limits { limit_bytes: bytes(limit), warning_bytes: bytes(warning) }
}

fn limit_of(size: Option<QuotaSize>, soft: bool, threshold: &[u16], description: &str) -> FolderLimit {
    FolderLimit {
        limit_bytes: size.and_then(|size| size.0),
        hard: !soft,
        thresholds_percent: threshold.to_vec(),
        description: description.to_owned(),
    }
}

fn limits_text(limits: &Limits) -> String {
    format!("{}, warning {}", QuotaSize(limits.limit_bytes), QuotaSize(limits.warning_bytes))
}

fn settings_text(settings: &Settings) -> String {
    let recorded = match (settings.record_warning, settings.record_limit) {
        (true, true) => "both recorded",
        (true, false) => "warnings recorded",
        (false, true) => "limits recorded",
        (false, false) => "nothing recorded",
    };
    format!("{:?}, default {}, {recorded}", settings.mode, limits_text(&settings.default))
}

fn limit_text(limit: &FolderLimit) -> String {
    let kind = if limit.hard { "hard" } else { "soft" };
    let description = match limit.description.as_str() {
        "" => String::new(),
        text => format!(", {text:?}"),
    };
    format!("{} {kind}, told at {:?} %{description}", QuotaSize(limit.limit_bytes), limit.thresholds_percent)
}

fn folder_text(entry: &FolderEntry) -> String {
    let mut text = limit_text(&entry.limit);
    if let Some(template) = &entry.template {
        text += &format!(", of the template {template:?}");
    }
    if let Some(auto) = &entry.auto {
        text += &format!(", made for {auto:?}");
    }
    if entry.disabled {
        text += ", counting only";
    }
    text
}

fn auto_text(auto: &AutoQuota) -> String {
    format!("{:?}{}", auto.template, if auto.disabled { ", not now" } else { "" })
}

/// Templates, by name.
pub(super) fn export_templates(quotas: &QuotasSnapshot) -> Vec<DeclaredTemplate> {
    quotas
        .templates()
        .map(|template| DeclaredTemplate {
            name: template.name.clone(),
            size: template.limit.limit_bytes.map(size),
            soft_limit: !template.limit.hard,
            threshold: template.limit.thresholds_percent.clone(),
            description: template.limit.description.clone(),
        })
        .collect()
}

/// Quotas of the volumes that have any, by name.
pub(super) fn export(quotas: &QuotasSnapshot, names: &Names) -> Vec<DeclaredQuotas> {
    let has_any = |quotas: &VolumeQuotas| *quotas != VolumeQuotas::default();
    quotas
        .volumes()
        .filter(|(_, quotas)| has_any(quotas))
        .map(|(volume, quotas)| {
            names.prepare(quotas.own.keys().chain(quotas.groups.keys()).copied());
            DeclaredQuotas {
                volume: volume.to_owned(),
                state: quotas.settings.mode.into(),
                default_limit: quotas.settings.default.limit_bytes.map(size),
                default_warning_limit: quotas.settings.default.warning_bytes.map(size),
                record_warning: quotas.settings.record_warning,
                record_limit: quotas.settings.record_limit,
                users: declared_limits(names, quotas.own.iter()),
                groups: declared_limits(names, quotas.groups.iter()),
                folders: quotas
                    .folders
                    .iter()
                    .map(|(path, (_, entry))| DeclaredFolderQuota {
                        path: path.clone(),
                        size: entry.limit.limit_bytes.map(size),
                        soft_limit: !entry.limit.hard,
                        threshold: entry.limit.thresholds_percent.clone(),
                        description: entry.limit.description.clone(),
                        disabled: entry.disabled,
                        template: entry.template.clone(),
                        auto: entry.auto.clone(),
                    })
                    .collect(),
                auto_quotas: quotas
                    .autos
                    .iter()
                    .map(|(path, auto)| DeclaredAutoQuota {
                        path: path.clone(),
                        template: auto.template.clone(),
                        disabled: auto.disabled,
                    })
                    .collect(),
            }
        })
        .collect()
}

fn declared_limits<'a>(
    names: &Names,
    entries: impl Iterator<Item = (&'a Sid, &'a Limits)>,
) -> Vec<DeclaredLimits> {
    let mut rows: Vec<DeclaredLimits> = entries
        .map(|(sid, limits)| {
            let (account, sid) = match account(names, sid) {
                DeclaredAccount::Name(name) => (name, None),
                DeclaredAccount::Both(both) => (both.account, Some(both.sid)),
            };
            let (limit, warning_limit) = (limits.limit_bytes.map(size), limits.warning_bytes.map(size));
            DeclaredLimits { account, sid, limit, warning_limit }
        })
        .collect();
    rows.sort_by(|one, other| (&one.account, &one.sid).cmp(&(&other.account, &other.sid)));
    rows
}

const fn size(bytes: u64) -> QuotaSize {
    QuotaSize(Some(bytes))
}
