//! All namespaces of a server at one time, and the longest-prefix lookup in them ([MS-DFSC] 3.2.5.5, 3.2.4.1).

use std::sync::Arc;

use crate::check::ModelError;
use crate::chunks::Chunks;
use crate::model::{Folder, Namespace};
use crate::names::{Fold, SEPARATOR};

/// A namespace with its folders, found by their paths without case. Cloning it copies no folder, and changing the clone copies
/// a small part of the index.
#[derive(Clone, Debug)]
pub struct NamespaceIndex {
    namespace: Arc<Namespace>,
    /// By folded path. No path is a prefix of another.
    folders: Chunks<Folder>,
}

/// A folder that differs between two states of a namespace.
#[derive(Clone, Copy, Debug)]
pub enum Difference<'a> {
    /// It is new.
    Added(&'a Arc<Folder>),
    /// It is gone.
    Removed(&'a Arc<Folder>),
    /// It is another than before, at the same path; that may be spelled in another way.
    Changed {
        /// What it was.
        before: &'a Arc<Folder>,
        /// What it is.
        after: &'a Arc<Folder>,
    },
}

impl NamespaceIndex {
    /// A namespace without folders.
    #[must_use]
    pub fn new(namespace: Arc<Namespace>) -> Self {
        NamespaceIndex { namespace, folders: Chunks::new() }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// Changes what the namespace says for all its folders.
    pub fn set_namespace(&mut self, namespace: Arc<Namespace>) {
        self.namespace = namespace;
    }

    /// Its folders in the order of their paths.
    pub fn folders(&self) -> impl ExactSizeIterator<Item = &Arc<Folder>> + Clone {
        self.folders.values()
    }

    /// The folder of exactly that path.
    #[must_use]
    pub fn folder(&self, fold: Fold, path: &str) -> Option<&Arc<Folder>> {
        self.folders.get(fold.path(path.encode_utf16()))
    }

    /// What differs from an earlier state, in the order of the paths. What both states share is passed over, so that one folder
    /// among many is found without looking at the others.
    #[must_use]
    pub fn differences<'a>(&'a self, before: &'a Self) -> Vec<Difference<'a>> {
        let pairs = self.folders.differences(&before.folders).into_iter();
        pairs
            .filter_map(|pair| match pair {
                (None, Some(after)) => Some(Difference::Added(after)),
                (Some(before), None) => Some(Difference::Removed(before)),
                (Some(before), Some(after)) => Some(Difference::Changed { before, after }),
                (None, None) => None,
            })
            .collect()
    }

    /// Whether a folder may be made at `path`.
    ///
    /// # Errors
    /// [`ModelError::FolderExists`], [`ModelError::BelowFolder`], [`ModelError::AboveFolder`].
    pub fn check_place(&self, fold: Fold, path: &str) -> Result<(), ModelError> {
        if let Some(found) = self.find_below(fold, path.encode_utf16()) {
            let path = found.folder.path.clone();
            return Err(if found.exact {
                ModelError::FolderExists(path)
            } else {
                ModelError::BelowFolder(path)
            });
        }
        match self.first_below(fold, path.encode_utf16()) {
            Some(below) => Err(ModelError::AboveFolder(below.path.clone())),
            None => Ok(()),
        }
    }

    /// Adds a folder that has been checked by itself ([`crate::check_folder`]).
    ///
    /// # Errors
    /// As [`NamespaceIndex::check_place`].
    pub fn insert(&mut self, fold: Fold, folder: Arc<Folder>) -> Result<(), ModelError> {
        self.check_place(fold, &folder.path)?;
        let key: Vec<u16> = fold.path(folder.path.encode_utf16()).collect();
        self.folders.insert(key.into(), folder);
        Ok(())
    }

    /// Puts another in the place of the folder of the same path; `None` when there is none.
    pub fn replace(&mut self, fold: Fold, folder: Arc<Folder>) -> Option<Arc<Folder>> {
        let key: Vec<u16> = fold.path(folder.path.encode_utf16()).collect();
        self.folders.replace(key.iter().copied(), folder)
    }

    /// Takes a folder away.
    pub fn remove(&mut self, fold: Fold, path: &str) -> Option<Arc<Folder>> {
        self.folders.remove(fold.path(path.encode_utf16()))
    }

    /// The first folder that lies below `path`, without being it.
    pub fn first_below(&self, fold: Fold, path: impl Iterator<Item = u16> + Clone) -> Option<&Arc<Folder>> {
        let path = fold.path(path);
        let (key, folder) = self.folders.above(path.clone())?;
        let (mut key, mut begun) = (key.iter().copied(), false);
        for unit in path {
            begun = true;
            if key.next() != Some(unit) {
                return None;
            }
        }
        // Everything lies below the root, whose path is empty.
        (!begun || key.next() == Some(SEPARATOR)).then_some(folder)
    }

    /// The folder that the path is or goes through. One search: where a folder is above the path, no other path lies between
    /// them in the order, because what would lie there is below the folder. Allocates nothing.
    fn find_below(&self, fold: Fold, path: impl Iterator<Item = u16> + Clone) -> Option<Below<'_>> {
        let path = fold.path(path);
        let (key, folder) = self.folders.at_most(path.clone())?;
        let mut path = path;
        let mut components = 1_usize;
        for unit in key {
            if path.next() != Some(*unit) {
                return None;
            }
            components = components.saturating_add(usize::from(*unit == SEPARATOR));
        }
        match path.next() {
            None => Some(Below { folder, components, exact: true }),
            Some(SEPARATOR) => Some(Below { folder, components, exact: false }),
            Some(_) => None,
        }
    }
}

/// A folder that a path is or goes through.
struct Below<'a> {
    folder: &'a Arc<Folder>,
    /// Components of the folder's path.
    components: usize,
    /// The path is the folder's.
    exact: bool,
}

/// What a path of a referral request or of a CREATE leads to.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// It has fewer than two components: a request for domains or domain controllers ([MS-DFSC] 3.2.5.2, 3.2.5.3).
    NotInShare,
    /// No namespace has the name of its second component.
    NoNamespace,
    /// It is the root, or below it where no folder is.
    Root {
        /// The namespace.
        namespace: &'a Arc<Namespace>,
        /// Code units of the path that server and namespace are, with the backslash before each.
        consumed: usize,
    },
    /// It is a folder, or below one: its contents are elsewhere.
    Folder {
        /// The namespace.
        namespace: &'a Arc<Namespace>,
        /// The folder.
        folder: &'a Arc<Folder>,
        /// Code units of the path down to the folder.
        consumed: usize,
        /// The path is the folder itself.
        exact: bool,
    },
}

/// All namespaces of a server. Immutable: a change makes a new one, which shares what did not change.
#[derive(Clone, Debug)]
pub struct Namespaces {
    fold: Fold,
    /// By folded name, in order.
    by_name: Vec<(Box<[u16]>, Arc<NamespaceIndex>)>,
}

impl Default for Namespaces {
    /// None.
    fn default() -> Self {
        Namespaces { fold: Fold::ASCII, by_name: Vec::new() }
    }
}

impl Namespaces {
    /// Of these namespaces; a later one of the same name wins.
    #[must_use]
    pub fn new(fold: Fold, namespaces: impl IntoIterator<Item = impl Into<Arc<NamespaceIndex>>>) -> Self {
        let mut all = Namespaces { fold, by_name: Vec::new() };
        for index in namespaces {
            all.set(index.into());
        }
        all
    }

    /// How names are compared.
    #[must_use]
    pub fn fold(&self) -> Fold {
        self.fold
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// All, in the order of their names.
    #[must_use]
    pub fn list(&self) -> Vec<&Arc<NamespaceIndex>> {
        self.by_name.iter().map(|(_, index)| index).collect()
    }

    /// The namespace of that name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Arc<NamespaceIndex>> {
        self.index_of(self.fold.name(name))
    }

    /// Puts a namespace in, or in the place of the one of its name.
    pub fn set(&mut self, index: Arc<NamespaceIndex>) {
        let key: Vec<u16> = self.fold.name(&index.namespace.name).collect();
        match self.place_of(key.iter().copied()) {
            Ok(place) => {
                if let Some((_, present)) = self.by_name.get_mut(place) {
                    *present = index;
                }
            }
            Err(place) => self.by_name.insert(place, (key.into(), index)),
        }
    }

    /// Takes a namespace out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<NamespaceIndex>> {
        let place = self.place_of(self.fold.name(name)).ok()?;
        Some(self.by_name.remove(place).1)
    }

    fn index_of(&self, name: impl Iterator<Item = u16> + Clone) -> Option<&Arc<NamespaceIndex>> {
        let place = self.place_of(name).ok()?;
        self.by_name.get(place).map(|(_, index)| index)
    }

    fn place_of(&self, name: impl Iterator<Item = u16> + Clone) -> Result<usize, usize> {
        self.by_name.binary_search_by(|(key, _)| key.iter().copied().cmp(name.clone()))
    }

    /// Where `\server\namespace\path` leads, in UTF-16 code units. The server may have any name: the client found this one by
    /// it. A backslash more at the beginning is forgiven.
    #[must_use]
    pub fn find(&self, path: &[u16]) -> Found<'_> {
        let (Some(end_of_server), Some(consumed)) = (end_of(path, 1), end_of(path, 2)) else {
            return Found::NotInShare;
        };
        let name = path.get(end_of_server..consumed).unwrap_or_default();
        let Some(index) = self.index_of(self.fold.path(name.iter().copied())) else {
            return Found::NoNamespace;
        };
        let namespace = &index.namespace;
        let below = path.get(consumed..).unwrap_or_default().iter().copied();
        match index.find_below(self.fold, below) {
            None => Found::Root { namespace, consumed },
            Some(Below { folder, components, exact }) => {
                let consumed = end_of(path, components.saturating_add(2)).unwrap_or(path.len());
                Found::Folder { namespace, folder, consumed, exact }
            }
        }
    }

    /// The folder of a namespace that `path`, relative to the root, is or goes through; true when it is the folder itself. One
    /// search for the namespace and one for the folder; allocates nothing.
    #[must_use]
    pub fn find_below(
        &self,
        namespace: &str,
        path: impl Iterator<Item = u16> + Clone,
    ) -> Option<(&Arc<Folder>, bool)> {
        let found = self.namespace(namespace)?.find_below(self.fold, path)?;
        Some((found.folder, found.exact))
    }
}

/// Where the `count`th component of a path ends, in code units; `None` when it has fewer.
fn end_of(path: &[u16], count: usize) -> Option<usize> {
    let mut components = 0_usize;
    let mut inside = false;
    for (at, unit) in path.iter().enumerate() {
        if *unit == u16::from(b'\\') {
            if inside && components == count {
                return Some(at);
            }
            inside = false;
        } else if !inside {
            inside = true;
            components = components.saturating_add(1);
        }
    }
    (inside && components == count).then_some(path.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{folder, namespace};

    fn utf16(path: &str) -> Vec<u16> {
        path.encode_utf16().collect()
    }

    fn files() -> Namespaces {
        let mut index = NamespaceIndex::new(Arc::new(namespace("Files")));
        for path in ["Dir1\\Link1", "b", "a b"] {
            index.insert(Fold::ASCII, Arc::new(folder(path, &[r"\\s\d"]))).unwrap();
        }
        Namespaces::new(Fold::ASCII, [index])
    }

    /// What is found and the path that it covers.
    fn at(path: &str) -> String {
        let units = utf16(path);
        let covered = |consumed| String::from_utf16(&units[..consumed]).unwrap();
        match files().find(&units) {
            Found::NotInShare => "not in a share".into(),
            Found::NoNamespace => "no namespace".into(),
            Found::Root { consumed, .. } => format!("root {}", covered(consumed)),
            Found::Folder { folder, consumed, exact, .. } => {
                format!("{} {}{}", folder.path, covered(consumed), if exact { " exactly" } else { "" })
            }
        }
    }

    #[test]
    fn the_longest_prefix_of_whole_components_is_found() {
        assert_eq!(at(r"\MyServer\files\dir1\link1\dir2"), r"Dir1\Link1 \MyServer\files\dir1\link1");
        assert_eq!(at(r"\x\FILES\DIR1\LINK1"), r"Dir1\Link1 \x\FILES\DIR1\LINK1 exactly");
        assert_eq!(at(r"\x\files\dir1\link1\"), r"Dir1\Link1 \x\files\dir1\link1 exactly");
        assert_eq!(at(r"\x\files\dir1\link12"), r"root \x\files");
        assert_eq!(at(r"\x\files\dir1"), r"root \x\files");
        assert_eq!(at(r"\x\files"), r"root \x\files");
        assert_eq!(at(r"\\x\files\B\c"), r"b \\x\files\B");
        assert_eq!(at(r"\x\files\\b"), r"b \x\files\\b exactly");
        assert_eq!(at(r"\x\other\b"), "no namespace");
        assert_eq!(at(r"\x"), "not in a share");
        assert_eq!(at(""), "not in a share");
        assert_eq!(at(r"\\\"), "not in a share");
    }

    #[test]
    fn the_example_of_the_specification_consumes_fifty_bytes() {
        let mut index = NamespaceIndex::new(Arc::new(namespace("MyDfs")));
        index.insert(Fold::ASCII, Arc::new(folder(r"dir1\link1", &[r"\\s\d"]))).unwrap();
        let all = Namespaces::new(Fold::ASCII, [index]);
        let path = utf16(r"\MyDomain\MyDfs\dir1\link1\dir2\file1");
        let Found::Folder { consumed, .. } = all.find(&path) else { panic!("no link") };
        // [MS-DFSC] 3.2.5.5 counts 25 characters for "\MyDomain\MyDfs\dir\link1"; the request has "dir1".
        assert_eq!(consumed, r"\MyDomain\MyDfs\dir1\link1".len());
        assert_eq!(r"\MyDomain\MyDfs\dir\link1".len(), 25);
    }

    #[test]
    fn no_folder_lies_below_another() {
        let all = files();
        let index = all.namespace("FILES").unwrap();
        let place = |path| index.check_place(Fold::ASCII, path);
        assert_eq!(place("B"), Err(ModelError::FolderExists("b".into())));
        assert_eq!(place(r"b\c\d"), Err(ModelError::BelowFolder("b".into())));
        assert_eq!(place("DIR1"), Err(ModelError::AboveFolder(r"Dir1\Link1".into())));
        assert_eq!(place("a"), Ok(()), "`a b` is not below `a`");
        assert_eq!(place(r"dir1\link"), Ok(()));
    }

    #[test]
    fn a_change_leaves_earlier_snapshots_alone() {
        let before = files();
        let mut after = before.clone();
        let mut index = NamespaceIndex::clone(after.namespace("files").unwrap());
        assert!(index.remove(Fold::ASCII, "B").is_some());
        let other = Arc::new(folder(r"dir1\LINK1", &[r"\\t\d"]));
        assert_eq!(index.replace(Fold::ASCII, other).unwrap().path, r"Dir1\Link1");
        assert!(index.replace(Fold::ASCII, Arc::new(folder("none", &[r"\\t\d"]))).is_none());
        after.set(Arc::new(index));
        assert!(before.find_below("files", "b".encode_utf16()).is_some());
        assert!(after.find_below("files", "b".encode_utf16()).is_none());
        assert_eq!(
            after.find_below("Files", r"dir1\link1\x".encode_utf16()).unwrap().0.targets[0].server,
            "t"
        );
        assert!(after.remove("FILES").is_some());
        assert!(after.is_empty());
    }

    #[test]
    fn a_deep_path_is_answered_without_walking_all_of_it() {
        let path: Vec<u16> = utf16(&format!(r"\s\files{}", r"\x".repeat(30_000)));
        assert!(matches!(files().find(&path), Found::Root { consumed: 8, .. }));
    }
}
