//! Changing: a change is worked out from this server's copy, brought up to date just before, and asserts in the directory that nobody
//! was faster: it takes the generation away that it has read ([MS-DFSNM] 2.3.4.2 msDFS-GenerationGUIDv2). Who comes second reads
//! again and tries again, unless both mean the same setting.
//!
//! A new link asserts nothing, for it changes no entry; two that have no place beside each other are found by a look afterwards, and
//! the one that was made later goes.

use std::time::{Duration, SystemTime};

use freehold_dfs::{Folder, Namespace, NamespaceIndex, Namespaces, State as DfsState};
use freehold_dtyp::{FileTime, Guid};

use super::access::Access;
use super::conflict::conflict;
use super::entry::{
    LINK_ATTRIBUTES, LinkEntry, NAMESPACE_ATTRIBUTES, NamespaceEntry, anchor_dn, deleted_link,
    deleted_link_dn, link_dn, namespace_dn, new_anchor, new_link, new_namespace, slashes,
};
use super::error::DfsDirectoryError;
use super::follow::{Follower, serves};
use crate::domain::ldap::{LdapError, ResultCode, Scope, Search, ldap_escape};
use crate::state::accounts::fold_name;
use crate::state::dfs::FOLD;
use crate::state::{DfsEdit, Membership, State, StateError};

/// How often a change is worked out anew when others are faster.
const ATTEMPTS: usize = 12;
/// How long the first wait between two attempts is at most; the next are longer.
const WAIT: Duration = Duration::from_millis(40);
/// Whatever is below a namespace.
const FILTER_ANY: &str = "(objectClass=*)";

/// What one attempt came to.
enum Outcome {
    Done,
    /// Somebody was faster.
    Lost,
}

/// Makes changes.
pub(super) struct Writer<'a, A> {
    pub(super) state: &'a State,
    pub(super) membership: &'a Membership,
    /// Reads as this server.
    pub(super) reader: &'a A,
    /// Writes as whoever may.
    pub(super) writer: &'a A,
    pub(super) follower: &'a mut Follower,
}

impl<A: Access> Writer<'_, A> {
    /// Makes the changes in this order.
    pub(super) async fn edit(&mut self, edits: &[DfsEdit]) -> Result<(), DfsDirectoryError> {
        self.catch_up().await?;
        for edit in edits {
            check_state(edit)?;
        }
        if !edits.iter().any(|edit| matches!(edit, DfsEdit::AddNamespace(_) | DfsEdit::AddRootTarget(_))) {
            self.state.rehearse_dfs(edits)?;
        }
        for edit in edits {
            self.edit_one(edit).await?;
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<(), DfsDirectoryError> {
        self.follower.catch_up(self.reader, self.state, self.membership).await
    }

    async fn edit_one(&mut self, edit: &DfsEdit) -> Result<(), DfsDirectoryError> {
        let first = self.state.namespaces();
        for attempt in 0..ATTEMPTS {
            let now = self.state.namespaces();
            if let Some(error) = conflict(edit, &first, &now) {
                return Err(error);
            }
            let outcome = match self.attempt(edit, &now).await {
                Err(DfsDirectoryError::Ldap(error)) if is_lost(&error) => Outcome::Lost,
                outcome => outcome?,
            };
            if matches!(outcome, Outcome::Lost) {
                tokio::time::sleep(wait(attempt)?).await;
                self.catch_up().await?;
                continue;
            }
            return self.catch_up().await;
        }
        Err(DfsDirectoryError::Busy(edit.namespace().to_owned()))
    }

    async fn attempt(&mut self, edit: &DfsEdit, now: &Namespaces) -> Result<Outcome, DfsDirectoryError> {
        if let DfsEdit::AddNamespace(namespace) = edit {
            return self.add_namespace(namespace, now, true).await;
        }
        if let DfsEdit::AddRootTarget(namespace) = edit {
            return self.add_namespace(namespace, now, false).await;
        }
        let after = self.state.rehearse_dfs(std::slice::from_ref(edit))?;
        let name = edit.namespace();
        let missing = || StateError::NotFound { kind: "namespace", name: name.to_owned() };
        let before = now.namespace(name).ok_or_else(missing)?;
        if let DfsEdit::RemoveNamespace { .. } = edit {
            return self.remove_namespace(before.namespace()).await;
        }
        let after = after.namespace(name).ok_or_else(missing)?;
        let (path, new_path) = match edit {
            DfsEdit::ChangeNamespace { .. } | DfsEdit::ChangeRootTarget { .. } => {
                return self.change_namespace(before.namespace(), after.namespace()).await;
            }
            DfsEdit::AddFolder { folder, .. } => return self.add_folder(before, folder).await,
            DfsEdit::ChangeFolder { path, change, .. } => (path, change.path.as_ref().unwrap_or(path)),
            DfsEdit::RemoveFolder { path, .. }
            | DfsEdit::AddTarget { path, .. }
            | DfsEdit::ChangeTarget { path, .. }
            | DfsEdit::RemoveTarget { path, .. } => (path, path),
            // They were taken care of above.
            DfsEdit::AddNamespace(_) | DfsEdit::AddRootTarget(_) | DfsEdit::RemoveNamespace { .. } => {
                return Ok(Outcome::Lost);
            }
        };
        let Some(folder) = before.folder(FOLD, path) else {
            return Err(StateError::NotFound { kind: "folder", name: path.clone() }.into());
        };
        match after.folder(FOLD, new_path) {
            Some(wanted) => self.change_folder(before.namespace(), folder, wanted).await,
            None => self.remove_folder(before.namespace(), folder).await,
        }
    }

    /// The entry of a namespace that this server follows.
    async fn namespace_entry(&self, name: &str) -> Result<Option<NamespaceEntry>, DfsDirectoryError> {
        let dn = match self.follower.namespaces.get(&fold_name(name)) {
            Some(followed) => followed.dn.clone(),
            None => namespace_dn(&self.reader.container(), name),
        };
        let Some(entry) = self.reader.read(&dn, &NAMESPACE_ATTRIBUTES).await? else { return Ok(None) };
        let read = NamespaceEntry::of(&entry, &self.membership.dns_domain);
        read.map(Some).map_err(|error| DfsDirectoryError::Entry { dn, error })
    }

    /// Makes the namespace, or puts this server among those that hold its root.
    async fn add_namespace(
        &mut self,
        namespace: &Namespace,
        now: &Namespaces,
        may_be_new: bool,
    ) -> Result<Outcome, DfsDirectoryError> {
        let name = &namespace.name;
        if now.namespace(name).is_some() {
            return Err(StateError::Exists { kind: "a namespace", name: name.clone() }.into());
        }
        let container = self.reader.container();
        let time = now_time();
        let Some(entry) = self.namespace_entry(name).await? else {
            let anchor = anchor_dn(&container, name);
            let found = self.reader.read(&anchor, &["objectClass"]).await?;
            if found.as_ref().is_some_and(|entry| {
                entry.texts("objectClass").any(|class| class.eq_ignore_ascii_case("fTDfs"))
            }) {
                return Err(DfsDirectoryError::OldVersion(name.clone()));
            }
            if !may_be_new {
                return Err(StateError::NotFound { kind: "namespace", name: name.clone() }.into());
            }
            if found.is_none() {
                self.writer.add(&anchor, new_anchor()).await?;
            }
            let attributes = new_namespace(namespace, State::new_guid()?, time);
            self.writer.add(&namespace_dn(&container, name), attributes).await?;
            return Ok(Outcome::Done);
        };
        if serves(&entry.namespace, self.membership) {
            // The directory names it already: it is served since the share is there.
            return Ok(Outcome::Done);
        }
        let mut wanted = entry.namespace.clone();
        wanted.targets.extend(namespace.targets.iter().cloned());
        self.writer.modify(&entry.origin.dn, entry.changes(&wanted, State::new_guid()?, time)).await?;
        Ok(Outcome::Done)
    }

    /// Takes this server out of the root targets; the last one takes the namespace with it.
    async fn remove_namespace(&mut self, namespace: &Namespace) -> Result<Outcome, DfsDirectoryError> {
        let Some(entry) = self.namespace_entry(&namespace.name).await? else { return Ok(Outcome::Done) };
        let mut wanted = entry.namespace.clone();
        let own = self.membership.host_names();
        wanted.targets.retain(|target| !own.iter().any(|name| name.eq_ignore_ascii_case(&target.server)));
        if !wanted.targets.is_empty() {
            let changes = entry.changes(&wanted, State::new_guid()?, now_time());
            self.writer.modify(&entry.origin.dn, changes).await?;
            return Ok(Outcome::Done);
        }
        // Whoever adds himself as a root target meanwhile is seen: the generation is another one then.
        self.writer.modify(&entry.origin.dn, entry.touch(State::new_guid()?, now_time())).await?;
        for link in self.reader.below(&entry.origin.dn, FILTER_ANY, &["cn"]).await? {
            self.delete(&link.dn).await?;
        }
        self.delete(&entry.origin.dn).await?;
        if let Some((_, anchor)) = entry.origin.dn.split_once(',') {
            self.delete(anchor).await?;
        }
        Ok(Outcome::Done)
    }

    /// Deletes an entry; one that is gone already is as it should be.
    async fn delete(&self, dn: &str) -> Result<(), DfsDirectoryError> {
        match self.writer.delete(dn).await {
            Err(error) if error.is_no_such_object() => Ok(()),
            outcome => Ok(outcome?),
        }
    }

    async fn change_namespace(
        &mut self,
        before: &Namespace,
        after: &Namespace,
    ) -> Result<Outcome, DfsDirectoryError> {
        let Some(entry) = self.namespace_entry(&before.name).await? else { return Ok(Outcome::Lost) };
        let spelled =
            |namespace: &Namespace| Namespace { name: entry.namespace.name.clone(), ..namespace.clone() };
        if entry.namespace != spelled(before) {
            return Ok(Outcome::Lost);
        }
        let changes = entry.changes(&spelled(after), State::new_guid()?, now_time());
        self.writer.modify(&entry.origin.dn, changes).await?;
        Ok(Outcome::Done)
    }

    async fn add_folder(
        &mut self,
        index: &NamespaceIndex,
        folder: &Folder,
    ) -> Result<Outcome, DfsDirectoryError> {
        let Some(followed) = self.follower.namespaces.get(&fold_name(&index.namespace().name)) else {
            return Ok(Outcome::Lost);
        };
        let above = followed.dn.clone();
        let dn = link_dn(&above, folder.guid);
        let attributes = new_link(index.namespace().guid, folder, State::new_guid()?, now_time());
        self.writer.add(&dn, attributes).await?;
        let rivals = self.rivals(&above, &folder.path).await?;
        let own = rivals.iter().find(|(guid, _)| *guid == folder.guid).map(|(_, created)| *created);
        // Without an order both go: whoever is left would be told that it is there.
        let is_first = own
            .is_some_and(|own| rivals.iter().all(|(guid, created)| *guid == folder.guid || *created > own));
        if is_first {
            return Ok(Outcome::Done);
        }
        self.delete(&dn).await?;
        Ok(Outcome::Lost)
    }

    /// Links at `path`, above it or below, with the number of their making.
    async fn rivals(&self, namespace: &str, path: &str) -> Result<Vec<(Guid, i64)>, DfsDirectoryError> {
        let path = slashes(path);
        let mut filter = String::from("(&(objectClass=msDFS-Linkv2)(|");
        for (at, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let above = path.get(..at).unwrap_or_default();
            filter.push_str(&format!("(msDFS-LinkPathv2={})", ldap_escape(above)));
        }
        filter.push_str(&format!("(msDFS-LinkPathv2={}/*)))", ldap_escape(path.as_str())));
        let attributes = ["msDFS-LinkIdentityGUIDv2", "uSNCreated"];
        let search = Search { scope: Scope::OneLevel, ..Search::new(namespace, &filter, &attributes) };
        let found = self.reader.search(&search).await?;
        let rival = |entry: &crate::domain::ldap::Entry| {
            Some((entry.guid("msDFS-LinkIdentityGUIDv2")?, entry.integer("uSNCreated").unwrap_or_default()))
        };
        Ok(found.iter().filter_map(rival).collect())
    }

    /// The entry of a link that this server follows, as it is now.
    async fn link_entry(
        &self,
        namespace: &Namespace,
        folder: &Folder,
    ) -> Result<Option<LinkEntry>, DfsDirectoryError> {
        let Some(followed) = self.follower.namespaces.get(&fold_name(&namespace.name)) else {
            return Ok(None);
        };
        let Some(known) = followed.known.get(&folder.guid) else { return Ok(None) };
        let Some(entry) = self.reader.read(&known.dn, &LINK_ATTRIBUTES).await? else { return Ok(None) };
        let read = LinkEntry::of(&entry);
        read.map(Some).map_err(|error| DfsDirectoryError::Entry { dn: entry.dn.clone(), error })
    }

    async fn change_folder(
        &mut self,
        namespace: &Namespace,
        before: &Folder,
        after: &Folder,
    ) -> Result<Outcome, DfsDirectoryError> {
        let Some(entry) = self.link_entry(namespace, before).await? else { return Ok(Outcome::Lost) };
        if entry.folder != *before {
            return Ok(Outcome::Lost);
        }
        let changes = entry.changes(after, State::new_guid()?, now_time());
        self.writer.modify(&entry.origin.dn, changes).await?;
        if before.path == after.path {
            return Ok(Outcome::Done);
        }
        let Some((_, above)) = entry.origin.dn.split_once(',') else { return Ok(Outcome::Done) };
        let rivals = self.rivals(above, &after.path).await?;
        if rivals.iter().all(|(guid, _)| *guid == after.guid) {
            return Ok(Outcome::Done);
        }
        // The place was taken meanwhile: back to the one before.
        if let Some(moved) = self.link_entry(namespace, before).await? {
            let back = Folder { path: before.path.clone(), ..moved.folder.clone() };
            self.writer
                .modify(&moved.origin.dn, moved.changes(&back, State::new_guid()?, now_time()))
                .await?;
        }
        Ok(Outcome::Lost)
    }

    async fn remove_folder(
        &mut self,
        namespace: &Namespace,
        folder: &Folder,
    ) -> Result<Outcome, DfsDirectoryError> {
        let Some(entry) = self.link_entry(namespace, folder).await? else { return Ok(Outcome::Lost) };
        if entry.folder != *folder {
            return Ok(Outcome::Lost);
        }
        // Of two who remove and change at the same time the second is refused.
        let claim = entry.changes(folder, State::new_guid()?, now_time());
        self.writer.modify(&entry.origin.dn, claim).await?;
        let Some((_, above)) = entry.origin.dn.split_once(',') else { return Ok(Outcome::Lost) };
        let left = deleted_link(namespace.guid, folder, now_time());
        let marked = self.writer.add(&deleted_link_dn(above, folder.guid), left).await;
        self.delete(&entry.origin.dn).await?;
        if let Err(error) = marked {
            // A directory without dynamic entries: the namespace itself says that something is gone.
            tracing::debug!(%error, "what is left of a link cannot be kept");
            if let Some(entry) = self.namespace_entry(&namespace.name).await? {
                let touched =
                    self.writer.modify(&entry.origin.dn, entry.touch(State::new_guid()?, now_time())).await;
                if let Err(error) = touched
                    && !is_lost(&error)
                {
                    return Err(error.into());
                }
            }
        }
        Ok(Outcome::Done)
    }
}

/// What the directory cannot say of a namespace ([MS-DFSNM] 2.3.4.2: the state of a root is Okay).
fn check_state(edit: &DfsEdit) -> Result<(), DfsDirectoryError> {
    let offline = match edit {
        DfsEdit::ChangeNamespace { change, .. } => change.state == Some(DfsState::Offline),
        DfsEdit::AddNamespace(namespace) => namespace.state == DfsState::Offline,
        _ => false,
    };
    if offline {
        return Err(DfsDirectoryError::Refused(
            "State: a namespace of the domain is online as long as one of its root targets is; take those offline instead: \
             `freehold dfs target set NAMESPACE TARGET --state offline`",
        ));
    }
    Ok(())
}

/// The directory refused since what was read is not there any more, or something is there that was not.
fn is_lost(error: &LdapError) -> bool {
    matches!(
        error.code(),
        Some(
            ResultCode::NO_SUCH_ATTRIBUTE
                | ResultCode::ATTRIBUTE_OR_VALUE_EXISTS
                | ResultCode::NO_SUCH_OBJECT
                | ResultCode::ENTRY_ALREADY_EXISTS
                | ResultCode::BUSY
        )
    )
}

/// How long to wait before the next attempt: not as long as the other who lost.
fn wait(attempt: usize) -> Result<Duration, StateError> {
    let random = State::new_guid()?;
    let part = u32::from(random.0.first().copied().unwrap_or_default());
    let longest = WAIT.saturating_mul(u32::try_from(attempt).unwrap_or(u32::MAX).saturating_add(1));
    Ok(longest.saturating_mul(part) / 256)
}

fn now_time() -> FileTime {
    FileTime::from_system_time(SystemTime::now())
}
