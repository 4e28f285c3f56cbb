//! Reading: the directory's namespaces into this server's copy.
//!
//! A look asks for what has changed since the last one, by update sequence numbers ([MS-ADTS] 3.1.1.1.9 usnChanged), so that a namespace
//! of many links costs nothing while nothing changes. What goes without a trace, and what a number that was given out early and
//! written late hides, is found by comparing all identities and numbers from time to time.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use freehold_dfs::{Kind, Namespace};
use freehold_dtyp::Guid;

use super::access::Access;
use super::entry::{LINK_ATTRIBUTES, LinkEntry, NAMESPACE_ATTRIBUTES, NamespaceEntry, is_deleted, link_guid};
use super::error::DfsDirectoryError;
use crate::domain::ldap::{Entry, Search};
use crate::state::accounts::fold_name;
use crate::state::dfs::FOLD;
use crate::state::{DirectoryChange, Membership, State};

/// All links are compared this often.
const COMPARE_EVERY: Duration = Duration::from_secs(5 * 60);
/// Numbers before the last one that are asked for again: those of changes that were still being written.
const OVERLAP: i64 = 64;
/// Links that differ in a comparison and are read one by one; more are read all together.
const ONE_BY_ONE: usize = 100;

/// A link as it was read last.
#[derive(Debug)]
pub(super) struct Known {
    usn: i64,
    pub(super) path: String,
    pub(super) dn: String,
}

/// A namespace that this server follows.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) dn: String,
    guid: Guid,
    /// Number of the namespace's own entry.
    usn: i64,
    pub(super) known: HashMap<Guid, Known>,
    /// The next look asks from here on; `None`: for all links with everything that they have.
    from: Option<i64>,
    compared: Instant,
    /// What has no place in the copy, and was told.
    without_place: HashSet<String>,
}

/// All namespaces that are followed.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The domain controller's own name of itself: numbers are its own.
    source: String,
    pub(super) namespaces: HashMap<String, Followed>,
    /// Entries that cannot be read, and were told.
    unreadable: HashSet<String>,
}

impl Follower {
    /// Brings the state's copy to what the directory has.
    pub(super) async fn catch_up<A: Access>(
        &mut self,
        access: &A,
        state: &State,
        membership: &Membership,
    ) -> Result<(), DfsDirectoryError> {
        let highest = self.ask_source(access).await?;
        let domain = &membership.dns_domain;
        let entries = self.read_namespaces(access, domain).await?;
        let mut changes = self.settle_namespaces(&entries, state, membership);
        if !changes.is_empty() {
            state.follow_directory(&changes)?;
        }
        for (key, followed) in &mut self.namespaces {
            let Some(name) = state.namespaces().namespace(key).map(|index| index.namespace().name.clone())
            else {
                continue;
            };
            changes = followed.look(access, &name, highest, &mut self.unreadable).await?;
            drop_known(state, &mut changes);
            if !changes.is_empty() {
                followed.put(state, &changes)?;
            }
        }
        let present = state.namespaces();
        self.namespaces.retain(|key, _| present.namespace(key).is_some());
        Ok(())
    }

    /// The domain controller's highest number. Those of another one mean nothing.
    async fn ask_source<A: Access>(&mut self, access: &A) -> Result<i64, DfsDirectoryError> {
        let attributes = ["dsServiceName", "highestCommittedUSN"];
        let root =
            access.search(&Search::base("", &attributes)).await?.into_iter().next().unwrap_or_default();
        let source = root.text("dsServiceName").unwrap_or_default();
        if source != self.source {
            self.source = source.to_owned();
            self.namespaces.values_mut().for_each(|followed| followed.from = None);
        }
        Ok(root.integer("highestCommittedUSN").unwrap_or_default())
    }

    /// The namespaces of the domain that can be read; `None` for the others.
    async fn read_namespaces<A: Access>(
        &mut self,
        access: &A,
        domain: &str,
    ) -> Result<HashMap<String, Option<NamespaceEntry>>, DfsDirectoryError> {
        let container = access.container();
        let search = Search::new(&container, "(objectClass=msDFS-Namespacev2)", &NAMESPACE_ATTRIBUTES);
        let mut found = HashMap::new();
        for entry in access.search(&search).await? {
            let Some(name) = entry.text("cn").map(fold_name) else { continue };
            let read = match NamespaceEntry::of(&entry, domain) {
                Ok(read) => Some(read),
                Err(error) => {
                    if self.unreadable.insert(entry.dn.clone()) {
                        tracing::warn!(dn = entry.dn, %error, "a namespace of the directory cannot be read");
                    }
                    None
                }
            };
            found.insert(name, read);
        }
        Ok(found)
    }

    /// Which namespaces are this server's, and what differs in what holds for all of their folders.
    fn settle_namespaces(
        &mut self,
        entries: &HashMap<String, Option<NamespaceEntry>>,
        state: &State,
        membership: &Membership,
    ) -> Vec<DirectoryChange> {
        let mut changes = Vec::new();
        let (present, shares) = (state.namespaces(), state.shares());
        let kind = Kind::DomainBased { domain: membership.dns_domain.clone() };
        for index in present.list().into_iter().filter(|index| index.namespace().kind == kind) {
            let name = &index.namespace().name;
            match entries.get(&fold_name(name)) {
                // It is there, and cannot be read: it stays as it was.
                Some(None) => {}
                Some(Some(entry)) if serves(&entry.namespace, membership) => {}
                _ => {
                    tracing::warn!(
                        name,
                        "the directory does not name this server for the namespace any more: it is not served"
                    );
                    changes.push(DirectoryChange::NamespaceGone { name: name.clone() });
                    self.namespaces.remove(&fold_name(name));
                }
            }
        }
        for (key, entry) in entries {
            let Some(entry) = entry.as_ref().filter(|entry| serves(&entry.namespace, membership)) else {
                continue;
            };
            let index = present.namespace(key);
            match index.map(|index| &**index.namespace()) {
                Some(namespace) if namespace.kind != kind => continue,
                None if shares.share(key).is_none() => {
                    if self.unreadable.insert(entry.origin.dn.clone()) {
                        tracing::warn!(
                            name = entry.namespace.name,
                            "the directory names this server for a namespace of which it has no share: make one of its name"
                        );
                    }
                    continue;
                }
                None => tracing::info!(name = entry.namespace.name, "a namespace of the directory is served"),
                Some(_) => {}
            }
            let name = index.map_or(&entry.namespace.name, |index| &index.namespace().name);
            let wanted = Namespace { name: name.clone(), ..entry.namespace.clone() };
            if index.is_none_or(|index| **index.namespace() != wanted) {
                changes.push(DirectoryChange::Namespace(wanted));
            }
            let known = || {
                let folders = index.into_iter().flat_map(|index| index.folders());
                let known = |folder: &std::sync::Arc<freehold_dfs::Folder>| {
                    (folder.guid, Known { usn: 0, path: folder.path.clone(), dn: String::new() })
                };
                folders.map(known).collect()
            };
            let followed =
                self.namespaces.entry(key.clone()).or_insert_with(|| Followed::new(entry, known()));
            followed.note(entry);
        }
        changes
    }
}

/// Leaves out what the copy has already: most of what is read after a start.
fn drop_known(state: &State, changes: &mut Vec<DirectoryChange>) {
    let present = state.namespaces();
    changes.retain(|change| match change {
        DirectoryChange::Folder { namespace, folder, .. } => {
            let index = present.namespace(namespace);
            index.and_then(|index| index.folder(FOLD, &folder.path)).is_none_or(|one| **one != *folder)
        }
        _ => true,
    });
}

/// The namespace has this server among those that hold its root.
pub(super) fn serves(namespace: &Namespace, membership: &Membership) -> bool {
    let own = membership.host_names();
    let is_own = |server: &str| own.iter().any(|name| name.eq_ignore_ascii_case(server));
    namespace.targets.iter().any(|target| is_own(&target.server))
}

impl Followed {
    fn new(entry: &NamespaceEntry, known: HashMap<Guid, Known>) -> Self {
        Followed {
            dn: entry.origin.dn.clone(),
            guid: entry.namespace.guid,
            usn: entry.origin.usn,
            known,
            from: None,
            compared: Instant::now(),
            without_place: HashSet::new(),
        }
    }

    /// Notes the namespace's own entry. One of another identity has other links.
    fn note(&mut self, entry: &NamespaceEntry) {
        if self.guid != entry.namespace.guid || self.dn != entry.origin.dn {
            *self = Followed::new(entry, HashMap::new());
        }
        if self.usn != entry.origin.usn {
            self.usn = entry.origin.usn;
            // Somebody may say by it that links are gone.
            if let Some(long_ago) = Instant::now().checked_sub(COMPARE_EVERY) {
                self.compared = long_ago;
            }
        }
    }

    /// What differs in the links, and in what state they were before.
    async fn look<A: Access>(
        &mut self,
        access: &A,
        name: &str,
        highest: i64,
        unreadable: &mut HashSet<String>,
    ) -> Result<Vec<DirectoryChange>, DfsDirectoryError> {
        let entries = match self.from {
            None => {
                let all = access.below(&self.dn, "(objectClass=msDFS-Linkv2)", &LINK_ATTRIBUTES).await?;
                self.compared = Instant::now();
                let gone = self.missing(&all);
                (all, gone)
            }
            Some(_) if self.compared.elapsed() >= COMPARE_EVERY => self.compare(access).await?,
            Some(from) if highest >= from => {
                let filter = format!(
                    "(&(uSNChanged>={})(|(objectClass=msDFS-Linkv2)(objectClass=msDFS-DeletedLinkv2)))",
                    from.saturating_sub(OVERLAP)
                );
                let (gone, found): (Vec<_>, Vec<_>) = access
                    .below(&self.dn, &filter, &LINK_ATTRIBUTES)
                    .await?
                    .into_iter()
                    .partition(is_deleted);
                // A link that is there again under the same identity is not gone.
                let there: HashSet<Guid> = found.iter().filter_map(link_guid).collect();
                let gone = gone.iter().filter_map(link_guid).filter(|guid| !there.contains(guid)).collect();
                (found, gone)
            }
            Some(_) => (Vec::new(), Vec::new()),
        };
        self.from = Some(highest.saturating_add(1));
        Ok(self.changes(name, entries, unreadable))
    }

    /// Compares identities and numbers of all links, and reads those that differ.
    async fn compare<A: Access>(&mut self, access: &A) -> Result<(Vec<Entry>, Vec<Guid>), DfsDirectoryError> {
        let attributes = ["msDFS-LinkIdentityGUIDv2", "uSNChanged"];
        let all = access.below(&self.dn, "(objectClass=msDFS-Linkv2)", &attributes).await?;
        self.compared = Instant::now();
        let gone = self.missing(&all);
        let differs = |entry: &&Entry| {
            let known = link_guid(entry).and_then(|guid| self.known.get(&guid));
            known.is_none_or(|known| Some(known.usn) != entry.integer("uSNChanged"))
        };
        let differing: Vec<&Entry> = all.iter().filter(differs).collect();
        if differing.len() > ONE_BY_ONE {
            let all = access.below(&self.dn, "(objectClass=msDFS-Linkv2)", &LINK_ATTRIBUTES).await?;
            return Ok((all, gone));
        }
        let mut found = Vec::with_capacity(differing.len());
        for entry in differing {
            found.extend(access.read(&entry.dn, &LINK_ATTRIBUTES).await?);
        }
        Ok((found, gone))
    }

    /// The links that are known and not among `all`.
    fn missing(&self, all: &[Entry]) -> Vec<Guid> {
        let there: HashSet<Guid> = all.iter().filter_map(link_guid).collect();
        self.known.keys().filter(|guid| !there.contains(guid)).copied().collect()
    }

    fn changes(
        &mut self,
        name: &str,
        (entries, gone): (Vec<Entry>, Vec<Guid>),
        unreadable: &mut HashSet<String>,
    ) -> Vec<DirectoryChange> {
        let mut changes = Vec::new();
        for guid in gone {
            if let Some(known) = self.known.remove(&guid) {
                let namespace = name.to_owned();
                changes.push(DirectoryChange::FolderGone { namespace, path: known.path, guid });
            }
        }
        let mut read = Vec::with_capacity(entries.len());
        for entry in entries {
            match LinkEntry::of(&entry) {
                Ok(link) => read.push(link),
                Err(error) => {
                    if unreadable.insert(entry.dn.clone()) {
                        tracing::warn!(dn = entry.dn, %error, "a link of the directory cannot be read");
                    }
                }
            }
        }
        // Of two links at one place the first that was made has it.
        read.sort_by_key(|link| link.origin.created);
        for link in read {
            let usn = link.origin.usn;
            let known = Known { usn, path: link.folder.path.clone(), dn: link.origin.dn };
            let before = self.known.insert(link.folder.guid, known);
            if before.as_ref().is_some_and(|before| before.usn == usn) {
                continue;
            }
            changes.push(DirectoryChange::Folder {
                namespace: name.to_owned(),
                folder: link.folder,
                before: before.map(|before| before.path),
            });
        }
        changes
    }

    fn put(&mut self, state: &State, changes: &[DirectoryChange]) -> Result<(), DfsDirectoryError> {
        let makes_room = changes.iter().any(|change| {
            matches!(
                change,
                DirectoryChange::FolderGone { .. } | DirectoryChange::Folder { before: Some(_), .. }
            )
        });
        let had_none = !self.without_place.is_empty();
        for refused in state.follow_directory(changes)? {
            if self.without_place.insert(refused.name.clone()) {
                tracing::warn!(folder = refused.name, error = %refused.error, "a folder of the directory cannot be served");
            }
        }
        if makes_room && had_none {
            // One that had no place may have one now: all are read anew, and those that differ put.
            self.without_place.clear();
            self.known.values_mut().for_each(|known| known.usn = 0);
            self.from = None;
        }
        Ok(())
    }
}
