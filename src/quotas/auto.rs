//! Folders whose subfolders get a quota each, and folder quotas whose folder was renamed or removed: what the disk says, compared
//! with what is set.
//!
//! A folder is looked at when its modification time has changed since the last look, which costs a `stat` otherwise. A look is
//! due every [`super::service::LOOK_EVERY`]: a subfolder may be written to for so long before its quota counts; what was written is
//! counted then.

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::state::quotas::{FolderEntry, QuotaEdit, QuotasSnapshot};

/// Name of the volume's own folder, which is never a subfolder.
const OWN_FOLDER: &str = ".freehold";
/// A folder that was changed so shortly before a look is looked at again: two changes may have one modification time.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// Most quotas that one look makes; the rest is made by the next ones.
const MAX_AT_ONCE: usize = 1_000;

/// What is remembered of one volume from look to look.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Modification time of each auto folder at its last look; `None` looks again.
    seen: HashMap<String, Option<SystemTime>>,
    /// Device and inode of each folder with a quota.
    identities: HashMap<String, (u64, u64)>,
}

impl Looks {
    /// What is to be done about the volume at `root` called `volume`. Blocks on disk.
    pub(super) fn look(&mut self, volume: &str, root: &Path, snapshot: &QuotasSnapshot) -> Vec<QuotaEdit> {
        let quotas = snapshot.volume(volume);
        let mut edits = self.moved(volume, root, &quotas.folders.keys().cloned().collect::<Vec<_>>());
        if !edits.is_empty() {
            // What auto quotas see depends on where folders are: at the next look.
            return edits;
        }
        self.seen.retain(|path, _| quotas.autos.contains_key(path));
        for (path, auto) in quotas.autos.iter().filter(|(_, auto)| !auto.disabled) {
            let Some(template) = snapshot.template(&auto.template) else { continue };
            let Some(subfolders) = self.changed_subfolders(path, &below(root, path)) else { continue };
            for name in subfolders {
                let subfolder = if path.is_empty() { name } else { format!("{path}/{name}") };
                if quotas.folders.contains_key(&subfolder) {
                    continue;
                }
                if edits.len() >= MAX_AT_ONCE {
                    self.seen.insert(path.clone(), None);
                    break;
                }
                let entry = FolderEntry {
                    limit: template.limit.clone(),
                    disabled: false,
                    template: Some(template.name.clone()),
                    auto: Some(path.clone()),
                };
                edits.push(QuotaEdit::Folder {
                    volume: volume.to_owned(),
                    path: subfolder,
                    entry: Some(entry),
                });
            }
        }
        edits
    }

    /// Has everything looked at again.
    pub(super) fn forget(&mut self) {
        self.seen.clear();
    }

    /// Folders with a quota that have another name in the same folder now, and those that auto quotas made and that are gone.
    fn moved(&mut self, volume: &str, root: &Path, paths: &[String]) -> Vec<QuotaEdit> {
        let mut edits = Vec::new();
        let mut identities = HashMap::with_capacity(paths.len());
        let mut listed: BTreeMap<PathBuf, HashMap<(u64, u64), String>> = BTreeMap::new();
        for path in paths {
            let folder = below(root, path);
            if let Some(identity) = identity(&folder) {
                identities.insert(path.clone(), identity);
                continue;
            }
            let Some(known) = self.identities.get(path) else { continue };
            let Some(parent) = folder.parent() else { continue };
            let siblings = listed.entry(parent.to_owned()).or_insert_with(|| identities_in(parent));
            if let Some(name) = siblings.get(known) {
                let to = match path.rsplit_once('/') {
                    Some((parent, _)) => format!("{parent}/{name}"),
                    None => name.clone(),
                };
                identities.insert(to.clone(), *known);
                edits.push(QuotaEdit::MoveFolders { volume: volume.to_owned(), from: path.clone(), to });
            } else {
                identities.insert(path.clone(), *known);
            }
        }
        self.identities = identities;
        edits
    }

    /// Names of the subfolders, when there may be others than at the last look.
    fn changed_subfolders(&mut self, path: &str, folder: &Path) -> Option<Vec<String>> {
        let modified = std::fs::symlink_metadata(folder).ok()?.modified().ok()?;
        if self.seen.get(path).copied().flatten() == Some(modified) {
            return None;
        }
        let settled = modified.elapsed().is_ok_and(|age| age > SETTLED_AFTER);
        let names = std::fs::read_dir(folder).ok()?.filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            (entry.file_type().ok()?.is_dir() && name != OWN_FOLDER).then_some(name)
        });
        let names = names.collect();
        self.seen.insert(path.to_owned(), settled.then_some(modified));
        Some(names)
    }
}

/// The folder `path` of a volume on disk.
pub(super) fn below(root: &Path, path: &str) -> PathBuf {
    if path.is_empty() { root.to_owned() } else { root.join(path) }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(folder).ok().filter(std::fs::Metadata::is_dir)?;
    Some((found.dev(), found.ino()))
}

fn identities_in(folder: &Path) -> HashMap<(u64, u64), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return HashMap::new() };
    let found = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((identity(&entry.path())?, entry.file_name().into_string().ok()?))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;
    use crate::state::quotas::{AutoQuota, FolderLimit};

    fn state() -> State {
        let state = State::in_memory().unwrap();
        let limit = FolderLimit { limit_bytes: Some(5), hard: true, ..FolderLimit::default() };
        let auto = AutoQuota { template: "five".to_owned(), disabled: false };
        state
            .edit_quotas(&[
                QuotaEdit::Template { name: "Five".to_owned(), limit: Some(limit) },
                QuotaEdit::Auto { volume: "data".to_owned(), path: "homes".to_owned(), auto: Some(auto) },
            ])
            .unwrap();
        state
    }

    /// Looks until nothing is to be done; the folders that have a quota then.
    fn settle(looks: &mut Looks, root: &Path, state: &State) -> Vec<String> {
        loop {
            let edits = looks.look("data", root, &state.quotas());
            if edits.is_empty() {
                return state.quotas().volume("data").folders.keys().cloned().collect();
            }
            state.edit_quotas(&edits).unwrap();
        }
    }

    #[test]
    fn subfolders_get_a_quota_and_keep_it_when_they_are_renamed() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join("homes").join(name);
        let state = state();
        let mut looks = Looks::default();
        assert!(settle(&mut looks, root.path(), &state).is_empty());
        std::fs::create_dir_all(path("anna")).unwrap();
        std::fs::create_dir(path(".freehold")).unwrap();
        std::fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("/", path("link")).unwrap();
        assert_eq!(settle(&mut looks, root.path(), &state), ["homes/anna"]);
        std::fs::create_dir(path("bert")).unwrap();
        assert_eq!(settle(&mut looks, root.path(), &state), ["homes/anna", "homes/bert"]);
        let id = |path: &str| state.quotas().volume("data").folders[path].0;
        let before = id("homes/bert");
        std::fs::rename(path("bert"), path("carl")).unwrap();
        assert_eq!(settle(&mut looks, root.path(), &state), ["homes/anna", "homes/carl"]);
        assert_eq!(id("homes/carl"), before);
        let entry = state.quotas().volume("data").folders["homes/carl"].1.clone();
        assert_eq!((entry.template.as_deref(), entry.auto.as_deref()), (Some("Five"), Some("homes")));
    }

    #[test]
    fn an_auto_quota_that_is_disabled_makes_none() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("homes/anna")).unwrap();
        let state = state();
        let auto = AutoQuota { template: "Five".to_owned(), disabled: true };
        let (volume, path) = ("data".to_owned(), "homes".to_owned());
        state.edit_quotas(&[QuotaEdit::Auto { volume, path, auto: Some(auto) }]).unwrap();
        assert!(settle(&mut Looks::default(), root.path(), &state).is_empty());
    }
}
