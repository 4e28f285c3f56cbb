//! The folders of DFS namespaces as they lie in the shares that are roots: directories with IO_REPARSE_TAG_DFS ([MS-FSCC]
//! 2.1.2.1), as a Windows namespace server keeps them, so that listings show them.
//!
//! Whether a path is covered is decided from the namespaces in memory (`proto::dfs`); what is on disk follows them. Runs beside
//! the server: what cannot be made is logged and clients still get their referrals. Each directory is written down in the state
//! before it is made and until it is gone (`state::dfs_placed`), so that a start compares two lists and touches what differs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use freehold_dfs::{Fold, Folder, NamespaceIndex, Namespaces};
use freehold_dtyp::{FileTime, Guid, Wtf8};
use tokio::sync::watch;

use super::Shared;
use crate::proto::changes;
use crate::proto::directory_lease::By;
use crate::proto::op::VolumeRef;
use crate::proto::tree_connect::Shares;
use crate::state::accounts::fold_name;
use crate::state::{PlacedMark, PlacedRoot, State, StateError};
use crate::vfs::VfsPath;

mod root;
mod work;

use root::{LinkError, Root, Tell, Told};
use work::{Comparison, Work};

/// How often the namespaces in memory are compared with what was placed last.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Folders that are written down at one time.
const BATCH: usize = 256;
/// The same as a number of rows.
const PAGE: u32 = 2048;
/// Folders whose failure is told one by one; the others are counted.
const MOST_REPORTS: usize = 10;

/// Keeps the shares of roots as the namespaces are, until the server stops.
pub(super) async fn keep(shared: Arc<Shared>, mut shutdown: watch::Receiver<bool>) {
    let mut links = Links::new(Arc::clone(&shared.state));
    let mut seen = None;
    loop {
        // Those with dead targets: what answers is of no matter here.
        let (wanted, shares) = (shared.core.kept_namespaces.load_full(), shared.core.shares.load_full());
        let is_seen = |(namespaces, roots): &(Arc<Namespaces>, Arc<Shares>)| {
            Arc::ptr_eq(namespaces, &wanted) && Arc::ptr_eq(roots, &shares)
        };
        if !seen.as_ref().is_some_and(is_seen) {
            let (shared, after, stopped) = (Arc::clone(&shared), Arc::clone(&wanted), shutdown.clone());
            let state = Arc::clone(&shared.state);
            let settled = tokio::task::spawn_blocking(move || {
                let settled = settle(&mut links, &shared, &after, &|| *stopped.borrow());
                (links, settled)
            });
            match settled.await {
                Ok((kept, settled)) => {
                    links = kept;
                    tell_of(settled);
                }
                Err(error) => {
                    tracing::error!(%error, "the folders of DFS namespaces could not be placed in their shares");
                    links = Links::new(state);
                }
            }
            seen = Some((wanted, shares));
        }
        tokio::select! {
            _ = shutdown.changed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn tell_of(settled: Result<Settled, StateError>) {
    match settled {
        Ok(Settled { placed, withdrawn, failed, .. }) if placed + withdrawn + failed > 0 => {
            tracing::info!(placed, withdrawn, failed, "DFS folders were brought into their shares' listings");
        }
        Ok(_) => {}
        Err(error) => {
            tracing::error!(
                %error,
                "what is placed of DFS namespaces cannot be written down; it is tried again at the next change"
            );
        }
    }
}

/// What the work needs of the server.
struct Around<'a> {
    shares: Arc<Shares>,
    volume: &'a dyn Fn(Guid) -> Option<VolumeRef>,
    tell: Tell<'a>,
    now: &'a dyn Fn() -> FileTime,
    stopped: &'a dyn Fn() -> bool,
}

fn settle(
    links: &mut Links,
    shared: &Shared,
    wanted: &Namespaces,
    stopped: &dyn Fn() -> bool,
) -> Result<Settled, StateError> {
    let tell = |volume: &VolumeRef, path: &VfsPath, what: Told| {
        let (core, by) = (&*shared.core, By { parent_key: None, now: shared.clock.now() });
        match what {
            Told::Added => changes::report_added(core, volume.id, path, true, by),
            Told::Removed => {
                changes::report_removed(core, volume.id, path, true);
                changes::report_gone(core, volume.id, path, by);
            }
            Told::Changed => changes::report_link_changed(core, volume.id, path, by),
        }
    };
    let around = Around {
        shares: shared.core.shares.load_full(),
        volume: &|guid| shared.volumes.values().find(|volume| volume.identity.guid == guid).cloned(),
        tell: &tell,
        now: &|| shared.clock.now().wall,
        stopped,
    };
    links.settle(&around, wanted)
}

/// What came of bringing shares in line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Settled {
    placed: usize,
    withdrawn: usize,
    failed: usize,
    /// The server stops; the rest is done when it starts again.
    cut_off: bool,
}

/// A namespace as its share has it.
struct Known {
    index: Arc<NamespaceIndex>,
    root: Root,
}

/// What is in the shares of roots.
struct Links {
    state: Arc<State>,
    /// By folded name of the namespace.
    known: BTreeMap<String, Known>,
}

impl Links {
    fn new(state: Arc<State>) -> Self {
        Links { state, known: BTreeMap::new() }
    }

    /// Brings the shares in line with `wanted`.
    fn settle(&mut self, around: &Around<'_>, wanted: &Namespaces) -> Result<Settled, StateError> {
        let mut settled = Settled::default();
        for index in wanted.list() {
            let name = &index.namespace().name;
            let key = fold_name(name);
            let Some(root) = Root::find(&around.shares, name) else {
                tracing::warn!(namespace = name, "the namespace has no share on this server");
                continue;
            };
            let work = match self.known.get(&key).filter(|known| known.root.is(&root)) {
                Some(known) if Arc::ptr_eq(&known.index, index) => continue,
                Some(known) => Work::between(&known.index, index),
                None => match self.since_last_time(around, &root, &key, index, wanted.fold())? {
                    Some(work) => work,
                    None if (around.stopped)() => return Ok(Settled { cut_off: true, ..settled }),
                    None => continue,
                },
            };
            if !work.is_empty() {
                self.carry_out(around, &root, &key, work, &mut settled)?;
            }
            if settled.cut_off {
                return Ok(settled);
            }
            self.known.insert(key, Known { index: Arc::clone(index), root });
        }
        self.leave_roots(around, wanted, &mut settled)?;
        Ok(settled)
    }

    /// The work at a root of which nothing is known in memory, from what was written down. `None` where the share's folder
    /// cannot be opened, or the server stops.
    fn since_last_time(
        &self,
        around: &Around<'_>,
        root: &Root,
        key: &str,
        index: &NamespaceIndex,
        fold: Fold,
    ) -> Result<Option<Work>, StateError> {
        let place = match root.placed(key) {
            Ok(place) => place,
            Err(error) => {
                tracing::warn!(namespace = index.namespace().name, %error, "the folder of a DFS root cannot be opened");
                return Ok(None);
            }
        };
        let before = self.state.placed_roots()?.into_iter().find(|before| before.root == key);
        if before.as_ref() != Some(&place) {
            if let Some(before) = before
                && (before.volume, &before.path) != (place.volume, &place.path)
                && !self.clear(around, &before, &mut Settled::default())?
            {
                return Ok(None);
            }
            self.state.set_placed_root(&place)?;
            let withdraw = root.leftovers(index, fold);
            return Ok(Some(Work { withdraw, ..Work::all(index) }));
        }
        let mut comparison = Comparison::new(index, fold);
        let mut after = String::new();
        loop {
            let page = self.state.placed_folders(key, &after, PAGE)?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.path);
            page.into_iter().for_each(|folder| comparison.take(folder));
        }
        let there = comparison.samples().into_iter().all(|folder| root.has_link(&folder.path));
        let mut work = comparison.finish();
        if !there {
            // The share was emptied, or brought back from somewhere.
            work.place = index.folders().cloned().collect();
        }
        Ok(Some(work))
    }

    /// Takes away the folders of roots that are no more.
    fn leave_roots(
        &mut self,
        around: &Around<'_>,
        wanted: &Namespaces,
        settled: &mut Settled,
    ) -> Result<(), StateError> {
        for before in self.state.placed_roots()? {
            if wanted.list().iter().any(|index| fold_name(&index.namespace().name) == before.root) {
                continue;
            }
            if !self.clear(around, &before, settled)? {
                settled.cut_off = true;
                return Ok(());
            }
            self.state.forget_placed_root(&before.root)?;
            self.known.remove(&before.root);
        }
        Ok(())
    }

    /// Takes away all folders that were placed somewhere; false when the server stops before.
    fn clear(
        &self,
        around: &Around<'_>,
        before: &PlacedRoot,
        settled: &mut Settled,
    ) -> Result<bool, StateError> {
        let path = Wtf8::from_bytes(&before.path).and_then(|path| VfsPath::new(path.to_owned()));
        let (Some(volume), Some(path)) = ((around.volume)(before.volume), path) else {
            tracing::warn!(
                root = before.root,
                "the volume on which folders of a DFS namespace were placed is gone; they stay there"
            );
            return Ok(true);
        };
        let root = Root { volume, path };
        let mut after = String::new();
        loop {
            let page = self.state.placed_folders(&before.root, &after, PAGE)?;
            let Some(last) = page.last() else { return Ok(true) };
            after.clone_from(&last.path);
            let withdraw = page.into_iter().map(|folder| folder.path).collect();
            self.carry_out(around, &root, &before.root, Work { withdraw, ..Work::default() }, settled)?;
            if settled.cut_off {
                return Ok(false);
            }
        }
    }

    /// Does the work. What is about to be made is written down first, a batch at a time.
    fn carry_out(
        &self,
        around: &Around<'_>,
        root: &Root,
        key: &str,
        work: Work,
        settled: &mut Settled,
    ) -> Result<(), StateError> {
        let mut reports = Reports { root: key, left: MOST_REPORTS, settled };
        let mut marks = Vec::new();
        for path in &work.anew {
            match root.remove_link(path, around.tell) {
                Ok(()) => marks.push(PlacedMark::Gone { path: path.clone() }),
                Err(error) => reports.failed(path, &error),
            }
        }
        let mut again = Vec::new();
        for batch in work.place.chunks(BATCH) {
            if (around.stopped)() {
                reports.settled.cut_off = true;
                return self.state.mark_placed(key, &marks);
            }
            marks.extend(batch.iter().map(|folder| PlacedMark::Begun {
                path: folder.path.clone(),
                security: folder.security.clone(),
            }));
            self.state.mark_placed(key, &std::mem::take(&mut marks))?;
            for folder in batch {
                match root.place(folder, (around.now)(), around.tell) {
                    Ok(()) => marks.push(reports.placed(folder)),
                    Err(error) => again.push((folder, error)),
                }
            }
        }
        for batch in work.withdraw.chunks(BATCH) {
            if (around.stopped)() {
                reports.settled.cut_off = true;
                return self.state.mark_placed(key, &marks);
            }
            for path in batch {
                match root.withdraw(path, around.tell) {
                    Ok(()) => {
                        reports.settled.withdrawn += 1;
                        marks.push(PlacedMark::Gone { path: path.clone() });
                    }
                    Err(error) => reports.failed(path, &error),
                }
            }
            self.state.mark_placed(key, &std::mem::take(&mut marks))?;
        }
        for (folder, error) in again {
            // A folder that has gone by now may have been in the way.
            let placed = match work.withdraw.is_empty() {
                true => Err(error),
                false => root.place(folder, (around.now)(), around.tell),
            };
            match placed {
                Ok(()) => marks.push(reports.placed(folder)),
                Err(error) => reports.failed(&folder.path, &error),
            }
        }
        self.state.mark_placed(key, &marks)
    }
}

/// Counts what is done and tells what fails.
struct Reports<'a> {
    root: &'a str,
    left: usize,
    settled: &'a mut Settled,
}

impl Reports<'_> {
    fn placed(&mut self, folder: &Folder) -> PlacedMark {
        self.settled.placed += 1;
        PlacedMark::Done { path: folder.path.clone() }
    }

    fn failed(&mut self, folder: &str, error: &LinkError) {
        self.settled.failed += 1;
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            tracing::warn!(
                namespace = self.root,
                folder,
                %error,
                "a DFS folder could not be brought into its share's listing"
            );
        }
    }
}

#[cfg(test)]
mod tests;
