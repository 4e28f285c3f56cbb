//! Folder quotas, templates, and folders whose subfolders get a quota each.

use std::collections::HashMap;

use freehold_quotas::{FolderQuotaId, Limits, Usage};

use super::acl_path::{self, Whose};
use super::quota_protocol::{
    ApplyTo, AutoQuotaRow, FolderQuotaChange, FolderQuotaRow, QuotaReply, QuotaRequest, QuotaTemplateRow,
    TemplateChange,
};
use super::quota_size::QuotaSize;
use super::service::AdminService;
use super::volume_folder;
use crate::state::accounts::fold_name;
use crate::state::quotas::{AutoQuota, FolderEntry, FolderLimit, QuotaEdit, QuotaTemplate, QuotasSnapshot};
use crate::vfs::quotas::Counting;

/// What is known of the usage of a volume's folders.
struct Counted {
    usage: HashMap<FolderQuotaId, Usage>,
    counting: Counting,
}

impl Counted {
    /// Is more below the folder than was counted so far?
    fn is_under_way(&self, id: Option<FolderQuotaId>) -> bool {
        self.counting.everything || id.is_some_and(|id| self.counting.folders.contains(&id))
    }
}

/// A folder of a volume, by its path below the root.
struct Folder {
    volume: String,
    path: String,
}

impl AdminService {
    /// Requests about folders; `None` for what is merely done.
    pub(super) fn quota_folders(&self, request: QuotaRequest) -> anyhow::Result<Option<QuotaReply>> {
        Ok(Some(match request {
            QuotaRequest::Folders { volume, path } => {
                QuotaReply::Folders(self.folder_rows(volume.as_deref(), path.as_deref())?)
            }
            QuotaRequest::AddFolder { path, settings, what_if } => {
                let folder = self.folder_on_disk(&path)?;
                if self.state().quotas().volume(&folder.volume).folders.contains_key(&folder.path) {
                    anyhow::bail!("{path:?} has a quota already: change it with `freehold quota folder set`");
                }
                if settings.size.is_none() && settings.template.is_none() {
                    anyhow::bail!("{path:?} is given neither a size nor a template");
                }
                self.put_folder(
                    &folder,
                    FolderEntry { limit: new_limit(), ..FolderEntry::default() },
                    settings,
                    what_if,
                )?
            }
            QuotaRequest::SetFolder { path, settings, what_if } => {
                let (folder, entry) = self.folder_with_quota(&path)?;
                self.put_folder(&folder, entry, settings, what_if)?
            }
            QuotaRequest::RemoveFolder { path } => {
                let (Folder { volume, path }, _) = self.folder_with_quota(&path)?;
                self.edit_quotas(&volume.clone(), &[QuotaEdit::Folder { volume, path, entry: None }])?;
                return Ok(None);
            }
            QuotaRequest::Templates { name } => QuotaReply::Templates(self.template_rows(name.as_deref())?),
            QuotaRequest::AddTemplate { name, settings } => {
                if self.state().quotas().template(&name).is_some() {
                    anyhow::bail!("there is a template called {name:?} already");
                }
                if settings.size.is_none() {
                    anyhow::bail!("the template {name:?} is given no size");
                }
                let limit = changed(new_limit(), &settings);
                self.state()
                    .edit_quotas(&[QuotaEdit::Template { name: name.clone(), limit: Some(limit) }])?;
                QuotaReply::Templates(self.template_rows(Some(&name))?)
            }
            QuotaRequest::SetTemplate { name, settings, apply_to, what_if } => {
                QuotaReply::Templates(vec![self.set_template(&name, &settings, apply_to, what_if)?])
            }
            QuotaRequest::RemoveTemplate { name } => {
                self.remove_template(&name)?;
                return Ok(None);
            }
            QuotaRequest::Autos { volume } => QuotaReply::Autos(self.auto_rows(volume.as_deref())?),
            QuotaRequest::AddAuto { path, template } => {
                let folder = self.folder_on_disk(&path)?;
                if self.state().quotas().volume(&folder.volume).autos.contains_key(&folder.path) {
                    anyhow::bail!("subfolders of {path:?} get a quota already");
                }
                let template = self.template(&template)?.name;
                self.put_auto(&folder, AutoQuota { template, disabled: false }, ApplyTo::None)?
            }
            QuotaRequest::SetAuto { path, template, disabled, apply_to } => {
                let (folder, mut auto) = self.folder_with_auto(&path)?;
                if let Some(template) = template {
                    auto.template = self.template(&template)?.name;
                }
                auto.disabled = disabled.unwrap_or(auto.disabled);
                self.put_auto(&folder, auto, apply_to)?
            }
            QuotaRequest::RemoveAuto { path, keep_quotas } => {
                self.remove_auto(&path, keep_quotas)?;
                return Ok(None);
            }
            // INVARIANT: `AdminService::quota` gives the others to who does them.
            _ => anyhow::bail!("a request that is not about folders"),
        }))
    }

    /// The folder that `text` names, which must be there, in the spelling on disk.
    fn folder_on_disk(&self, text: &str) -> anyhow::Result<Folder> {
        let volumes = self.state().volumes();
        let place = acl_path::find(text, &self.state().shares(), &volumes, Whose::Nobodys)?;
        let root = volumes
            .iter()
            .find(|volume| volume.name == place.volume)
            .ok_or_else(|| anyhow::anyhow!("there is no volume called {:?}", place.volume))?;
        let path = volume_folder::existing(&root.path, &place.path.as_wtf8().to_string())?;
        Ok(Folder { volume: place.volume, path })
    }

    /// Where `text` leads to, compared without case with `known` paths: the folder itself may be gone.
    fn among<'a>(
        &self,
        text: &str,
        known: impl Fn(&str) -> Vec<String> + 'a,
    ) -> anyhow::Result<Option<Folder>> {
        let place = acl_path::find(text, &self.state().shares(), &self.state().volumes(), Whose::Nobodys)?;
        let wanted = fold_name(&place.path.as_wtf8().to_string());
        let path = known(&place.volume).into_iter().find(|path| fold_name(path) == wanted);
        Ok(path.map(|path| Folder { volume: place.volume, path }))
    }

    fn folder_with_quota(&self, text: &str) -> anyhow::Result<(Folder, FolderEntry)> {
        let snapshot = self.state().quotas();
        let found = self.among(text, |volume| snapshot.volume(volume).folders.keys().cloned().collect())?;
        let entry = |folder: &Folder| {
            snapshot.volume(&folder.volume).folders.get(&folder.path).map(|(_, entry)| entry.clone())
        };
        found
            .and_then(|folder| Some((entry(&folder)?, folder)))
            .map(|(entry, folder)| (folder, entry))
            .ok_or_else(|| anyhow::anyhow!("{text:?} has no quota; `freehold quota folder list` shows them"))
    }

    fn folder_with_auto(&self, text: &str) -> anyhow::Result<(Folder, AutoQuota)> {
        let snapshot = self.state().quotas();
        let found = self.among(text, |volume| snapshot.volume(volume).autos.keys().cloned().collect())?;
        found
            .and_then(|folder| {
                let auto = snapshot.volume(&folder.volume).autos.get(&folder.path)?.clone();
                Some((folder, auto))
            })
            .ok_or_else(|| {
                anyhow::anyhow!(
                    "subfolders of {text:?} get no quota; `freehold quota auto list` shows whose do"
                )
            })
    }

    fn template(&self, name: &str) -> anyhow::Result<QuotaTemplate> {
        let snapshot = self.state().quotas();
        snapshot.template(name).map(|found| QuotaTemplate::clone(found)).ok_or_else(|| {
            anyhow::anyhow!("there is no template called {name:?}; `freehold quota template list` shows them")
        })
    }

    fn put_folder(
        &self,
        folder: &Folder,
        mut entry: FolderEntry,
        settings: FolderQuotaChange,
        what_if: bool,
    ) -> anyhow::Result<QuotaReply> {
        if let Some(name) = &settings.template {
            if name.is_empty() {
                entry.template = None;
            } else {
                let template = self.template(name)?;
                entry.template = Some(template.name);
                entry.limit = template.limit;
            }
        }
        let FolderQuotaChange { size, soft_limit, threshold, description, disabled, .. } = settings;
        entry.limit = changed(entry.limit, &TemplateChange { size, soft_limit, threshold, description });
        entry.disabled = disabled.unwrap_or(entry.disabled);
        let snapshot = self.state().quotas();
        if what_if {
            let id = snapshot.volume(&folder.volume).folders.get(&folder.path).map(|(id, _)| *id);
            let row = self.folder_row(
                folder,
                id,
                &entry,
                &snapshot,
                &self.folder_usage(&folder.volume),
                &HashMap::new(),
            );
            return Ok(QuotaReply::Folders(vec![row]));
        }
        let (volume, path) = (folder.volume.clone(), folder.path.clone());
        self.edit_quotas(&folder.volume, &[QuotaEdit::Folder { volume, path, entry: Some(entry) }])?;
        let rows = self.folder_rows(Some(&folder.volume), None)?;
        Ok(QuotaReply::Folders(rows.into_iter().filter(|row| row.path == folder.path).collect()))
    }

    fn folder_usage(&self, volume: &str) -> Option<Counted> {
        let counted = self.counted(volume)?;
        // In this order: what ends between the two is told too often, not too seldom.
        let counting = counted.counting().unwrap_or_default();
        Some(Counted { usage: counted.folders().into_iter().collect(), counting })
    }

    /// Rows of folder quotas.
    pub(super) fn folder_rows(
        &self,
        volume: Option<&str>,
        path: Option<&str>,
    ) -> anyhow::Result<Vec<FolderQuotaRow>> {
        let only = path.map(|path| self.folder_with_quota(path)).transpose()?.map(|(folder, _)| folder);
        let (snapshot, peaks) = (self.state().quotas(), self.state().quota_peaks()?);
        let mut rows = Vec::new();
        for volume in self.quota_volumes(volume)? {
            let usage = self.folder_usage(&volume);
            for (path, (id, entry)) in &snapshot.volume(&volume).folders {
                let folder = Folder { volume: volume.clone(), path: path.clone() };
                if only.as_ref().is_none_or(|only| only.volume == volume && only.path == *path) {
                    rows.push(self.folder_row(&folder, Some(*id), entry, &snapshot, &usage, &peaks));
                }
            }
        }
        Ok(rows)
    }

    fn folder_row(
        &self,
        folder: &Folder,
        id: Option<FolderQuotaId>,
        entry: &FolderEntry,
        snapshot: &QuotasSnapshot,
        counted: &Option<Counted>,
        peaks: &HashMap<FolderQuotaId, u64>,
    ) -> FolderQuotaRow {
        let template = entry.template.as_deref().and_then(|name| snapshot.template(name));
        let used = counted
            .as_ref()
            .map(|counted| id.and_then(|id| counted.usage.get(&id)).copied().unwrap_or_default());
        let counting = counted.as_ref().is_some_and(|counted| counted.is_under_way(id));
        let used_bytes = used.map_or(0, |used| used.logical_bytes);
        let limit_bytes = entry.limit.limit_bytes.filter(|_| !entry.disabled);
        let first = entry.limit.thresholds_percent.first().zip(limit_bytes);
        let limits = Limits {
            limit_bytes,
            warning_bytes: first
                .map(|(percent, limit)| (u128::from(limit) * u128::from(*percent) / 100) as u64),
        };
        FolderQuotaRow {
            quota_volume: folder.volume.clone(),
            path: folder.path.clone(),
            folder: self.place_of(folder),
            description: entry.limit.description.clone(),
            size: entry.limit.limit_bytes,
            soft_limit: !entry.limit.hard,
            disabled: entry.disabled,
            template: entry.template.clone().unwrap_or_default(),
            matches_template: template.is_some_and(|template| same_limit(&template.limit, &entry.limit)),
            threshold: entry.limit.thresholds_percent.clone(),
            usage: used.map(|used| used.logical_bytes),
            peak_usage: id.and_then(|id| peaks.get(&id)).copied().unwrap_or(0).max(used_bytes),
            files: used.map(|used| used.files),
            status: limits.status(used_bytes).into(),
            auto: entry.auto.is_some(),
            counting,
        }
    }

    /// The folder on this machine.
    fn place_of(&self, folder: &Folder) -> String {
        let volumes = self.state().volumes();
        let root = volumes.iter().find(|volume| volume.name == folder.volume).map(|volume| &volume.path);
        root.map_or_else(String::new, |root| {
            if folder.path.is_empty() { root.clone() } else { root.join(&folder.path) }.display().to_string()
        })
    }

    fn template_rows(&self, name: Option<&str>) -> anyhow::Result<Vec<QuotaTemplateRow>> {
        let snapshot = self.state().quotas();
        let row = |template: &QuotaTemplate| template_row(template, &snapshot);
        match name {
            Some(name) => Ok(vec![row(&self.template(name)?)]),
            None => Ok(snapshot.templates().map(|template| row(template)).collect()),
        }
    }

    fn set_template(
        &self,
        name: &str,
        settings: &TemplateChange,
        apply_to: ApplyTo,
        what_if: bool,
    ) -> anyhow::Result<QuotaTemplateRow> {
        let before = self.template(name)?;
        let after =
            QuotaTemplate { name: before.name.clone(), limit: changed(before.limit.clone(), settings) };
        let snapshot = self.state().quotas();
        if !what_if {
            let limit = Some(after.limit.clone());
            let mut edits = vec![QuotaEdit::Template { name: after.name.clone(), limit }];
            let of_it = |entry: &FolderEntry| {
                entry.template.as_deref().is_some_and(|name| fold_name(name) == fold_name(&before.name))
            };
            edits.extend(follow(&snapshot, apply_to, &before.limit, &after, of_it));
            self.edit_all(&edits)?;
        }
        Ok(template_row(&after, &snapshot))
    }

    fn remove_template(&self, name: &str) -> anyhow::Result<()> {
        let template = self.template(name)?;
        let snapshot = self.state().quotas();
        for (volume, quotas) in snapshot.volumes() {
            let used = quotas.autos.iter().find(|(_, auto)| fold_name(&auto.template) == fold_name(name));
            if let Some((path, _)) = used {
                anyhow::bail!(
                    "subfolders of {path:?} on the volume {volume:?} get quotas of the template {name:?}: remove that first"
                );
            }
        }
        Ok(self.state().edit_quotas(&[QuotaEdit::Template { name: template.name, limit: None }])?)
    }

    fn auto_rows(&self, volume: Option<&str>) -> anyhow::Result<Vec<AutoQuotaRow>> {
        let snapshot = self.state().quotas();
        let mut rows = Vec::new();
        for volume in self.quota_volumes(volume)? {
            let quotas = snapshot.volume(&volume);
            for (path, auto) in &quotas.autos {
                let of_it = quotas.folders.values().filter(|(_, entry)| entry.auto.as_ref() == Some(path));
                rows.push(AutoQuotaRow {
                    quota_volume: volume.clone(),
                    path: path.clone(),
                    folder: self.place_of(&Folder { volume: volume.clone(), path: path.clone() }),
                    template: auto.template.clone(),
                    disabled: auto.disabled,
                    quotas: u64::try_from(of_it.count()).unwrap_or(u64::MAX),
                });
            }
        }
        Ok(rows)
    }

    fn put_auto(&self, folder: &Folder, auto: AutoQuota, apply_to: ApplyTo) -> anyhow::Result<QuotaReply> {
        let snapshot = self.state().quotas();
        let template = self.template(&auto.template)?;
        let before = snapshot.volume(&folder.volume).autos.get(&folder.path).cloned();
        let limit_before =
            before.and_then(|auto| snapshot.template(&auto.template).map(|found| found.limit.clone()));
        let (volume, path) = (folder.volume.clone(), folder.path.clone());
        let mut edits = vec![QuotaEdit::Auto { volume, path: path.clone(), auto: Some(auto) }];
        let of_it = |entry: &FolderEntry| entry.auto.as_ref() == Some(&path);
        let limit_before = limit_before.unwrap_or_else(|| template.limit.clone());
        edits.extend(follow(&snapshot, apply_to, &limit_before, &template, of_it));
        self.edit_all(&edits)?;
        if let Ok(server) = self.running("auto quotas") {
            // Subfolders that are there have their quota when this returns.
            server.quotas().look();
        }
        let rows = self.auto_rows(Some(&folder.volume))?;
        Ok(QuotaReply::Autos(rows.into_iter().filter(|row| row.path == folder.path).collect()))
    }

    fn remove_auto(&self, text: &str, keep_quotas: bool) -> anyhow::Result<()> {
        let (Folder { volume, path }, _) = self.folder_with_auto(text)?;
        let quotas = self.state().quotas().volume(&volume);
        let mut edits = vec![QuotaEdit::Auto { volume: volume.clone(), path: path.clone(), auto: None }];
        for (folder, (_, entry)) in
            quotas.folders.iter().filter(|(_, (_, entry))| entry.auto.as_ref() == Some(&path))
        {
            let entry = keep_quotas.then(|| FolderEntry { auto: None, ..entry.clone() });
            edits.push(QuotaEdit::Folder { volume: volume.clone(), path: folder.clone(), entry });
        }
        self.edit_quotas(&volume, &edits)
    }

    /// Makes edits of several volumes.
    fn edit_all(&self, edits: &[QuotaEdit]) -> anyhow::Result<()> {
        self.state().edit_quotas(edits)?;
        if let Ok(server) = self.running("quotas") {
            for volume in self.quota_volumes(None)? {
                server.quotas().apply(&volume);
            }
        }
        Ok(())
    }
}

/// A quota is hard unless it is said to be soft.
fn new_limit() -> FolderLimit {
    FolderLimit { hard: true, ..FolderLimit::default() }
}

/// The limit after a change; what is not given stays.
fn changed(mut limit: FolderLimit, change: &TemplateChange) -> FolderLimit {
    if let Some(QuotaSize(bytes)) = change.size {
        limit.limit_bytes = bytes;
    }
    if let Some(soft) = change.soft_limit {
        limit.hard = !soft;
    }
    if let Some(thresholds) = &change.threshold {
        limit.thresholds_percent.clone_from(thresholds);
    }
    if let Some(description) = &change.description {
        limit.description.clone_from(description);
    }
    limit
}

/// Are they the same but for the description, which each folder may have its own of?
fn same_limit(one: &FolderLimit, other: &FolderLimit) -> bool {
    one.limit_bytes == other.limit_bytes
        && one.hard == other.hard
        && one.thresholds_percent == other.thresholds_percent
}

/// Brings folder quotas that came from something to `after`.
fn follow(
    snapshot: &QuotasSnapshot,
    apply_to: ApplyTo,
    before: &FolderLimit,
    after: &QuotaTemplate,
    of_it: impl Fn(&FolderEntry) -> bool,
) -> Vec<QuotaEdit> {
    let mut edits = Vec::new();
    for (volume, quotas) in snapshot.volumes() {
        for (path, (_, entry)) in quotas.folders.iter().filter(|(_, (_, entry))| of_it(entry)) {
            let follows = match apply_to {
                ApplyTo::All => true,
                ApplyTo::Unmodified => same_limit(&entry.limit, before),
                ApplyTo::None => false,
            };
            if follows {
                let description = entry.limit.description.clone();
                let entry = FolderEntry {
                    limit: FolderLimit { description, ..after.limit.clone() },
                    template: Some(after.name.clone()),
                    ..entry.clone()
                };
                let (volume, path) = (volume.to_owned(), path.clone());
                edits.push(QuotaEdit::Folder { volume, path, entry: Some(entry) });
            }
        }
    }
    edits
}

fn template_row(template: &QuotaTemplate, snapshot: &QuotasSnapshot) -> QuotaTemplateRow {
    let of_it = |entry: &FolderEntry| {
        entry.template.as_deref().is_some_and(|name| fold_name(name) == fold_name(&template.name))
    };
    let folders = snapshot.volumes().flat_map(|(_, quotas)| quotas.folders.values());
    QuotaTemplateRow {
        name: template.name.clone(),
        size: template.limit.limit_bytes,
        soft_limit: !template.limit.hard,
        threshold: template.limit.thresholds_percent.clone(),
        description: template.limit.description.clone(),
        quotas: u64::try_from(folders.filter(|(_, entry)| of_it(entry)).count()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_under_way_while_it_or_everything_is_counted() {
        let counted = |everything, folders| Counted {
            usage: HashMap::new(),
            counting: Counting { everything, folders, ..Counting::default() },
        };
        let (one, other) = (FolderQuotaId(1), FolderQuotaId(2));
        assert!(counted(false, vec![other, one]).is_under_way(Some(one)));
        assert!(!counted(false, vec![other]).is_under_way(Some(one)));
        assert!(!counted(false, vec![one]).is_under_way(None));
        assert!(counted(true, Vec::new()).is_under_way(Some(one)));
    }
}
