//! What is to be done so that a share has the folders of its namespace.

use std::collections::HashSet;
use std::sync::Arc;

use freehold_dfs::{Difference, Fold, Folder, NamespaceIndex};

use crate::state::PlacedFolder;

/// Steps, in this order.
#[derive(Default)]
pub(super) struct Work {
    /// Folders that are made anew at their place: another spelling, or a descriptor that is inherited again.
    pub(super) anew: Vec<String>,
    /// Folders that are to be there.
    pub(super) place: Vec<Arc<Folder>>,
    /// Folders that go.
    pub(super) withdraw: Vec<String>,
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.anew.is_empty() && self.place.is_empty() && self.withdraw.is_empty()
    }

    /// All folders, as if nothing were there.
    pub(super) fn all(index: &NamespaceIndex) -> Work {
        Work { place: index.folders().cloned().collect(), ..Work::default() }
    }

    /// What has changed between two states of a namespace.
    pub(super) fn between(before: &NamespaceIndex, after: &NamespaceIndex) -> Work {
        let mut work = Work::default();
        for difference in after.differences(before) {
            match difference {
                Difference::Added(folder) => work.place.push(Arc::clone(folder)),
                Difference::Removed(folder) => work.withdraw.push(folder.path.clone()),
                Difference::Changed { before, after } if before == after => {}
                Difference::Changed { before, after } => {
                    if !work.change(&before.path, before.security.as_ref(), after) {
                        // Somebody may have taken it away on disk: who changes a folder has it looked at.
                        work.place.push(Arc::clone(after));
                    }
                }
            }
        }
        work
    }

    /// A folder that is there with a spelling and a descriptor: whether it is to have others.
    fn change(&mut self, path: &str, security: Option<&Vec<u8>>, wanted: &Arc<Folder>) -> bool {
        if path == wanted.path && security == wanted.security.as_ref() {
            return false;
        }
        if path != wanted.path || wanted.security.is_none() {
            // What it inherits is worked out where it is made.
            self.anew.push(path.to_owned());
        }
        self.place.push(Arc::clone(wanted));
        true
    }
}

/// Compares what was written down with what is wanted.
pub(super) struct Comparison<'a> {
    index: &'a NamespaceIndex,
    fold: Fold,
    /// Folders that were written down.
    known: HashSet<*const Folder>,
    work: Work,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(index: &'a NamespaceIndex, fold: Fold) -> Self {
        Comparison { index, fold, known: HashSet::new(), work: Work::default() }
    }

    /// Takes in a folder that was written down.
    pub(super) fn take(&mut self, was: PlacedFolder) {
        match self.index.folder(self.fold, &was.path) {
            None => self.work.withdraw.push(was.path),
            Some(wanted) => {
                self.known.insert(Arc::as_ptr(wanted));
                if was.done {
                    self.work.change(&was.path, was.security.as_ref(), wanted);
                } else {
                    if was.path != wanted.path {
                        self.work.anew.push(was.path);
                    }
                    self.work.place.push(Arc::clone(wanted));
                }
            }
        }
    }

    /// The first and the last folder that need nothing done: where they are, so are the others.
    pub(super) fn samples(&self) -> Vec<&'a Arc<Folder>> {
        let folders = self.index.folders();
        let last = folders.len().saturating_sub(1);
        let ends = [folders.clone().next(), folders.clone().nth(last)];
        let touched: HashSet<_> = self.work.place.iter().map(Arc::as_ptr).collect();
        let is_at_rest = |folder: &&Arc<Folder>| {
            self.known.contains(&Arc::as_ptr(folder)) && !touched.contains(&Arc::as_ptr(folder))
        };
        ends.into_iter().flatten().filter(is_at_rest).collect()
    }

    /// The work, with the folders that were not written down.
    pub(super) fn finish(mut self) -> Work {
        if self.known.len() < self.index.folders().len() {
            let unknown = self.index.folders().filter(|folder| !self.known.contains(&Arc::as_ptr(folder)));
            self.work.place.extend(unknown.cloned());
        }
        self.work
    }
}
