//! All namespaces of a server at one time, and the longest-prefix lookup in them ([MS-DFSC] 3.2.5.5, 3.2.4.1).

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::check::{MAX_DEPTH, ModelError};
use crate::model::{Folder, Namespace};
use crate::names::{Fold, SEPARATOR};

/// A namespace with its folders, found by their paths without case. Cloning it copies no folder.
#[derive(Clone, Debug)]
pub struct NamespaceIndex {
    namespace: Arc<Namespace>,
    /// By folded path. No path is a prefix of another.
    folders: BTreeMap<Arc<[u16]>, Arc<Folder>>,
}

impl NamespaceIndex {
    /// A namespace without folders.
    #[must_use]
    pub fn new(namespace: Arc<Namespace>) -> Self {
        NamespaceIndex { namespace, folders: BTreeMap::new() }
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
    pub fn folders(&self) -> impl ExactSizeIterator<Item = &Arc<Folder>> {
        self.folders.values()
    }

    /// The folder of exactly that path.
    #[must_use]
    pub fn folder(&self, fold: Fold, path: &str) -> Option<&Arc<Folder>> {
        self.folders.get(fold.path(path.encode_utf16()).as_slice())
    }

    /// Whether a folder may be made at `path`.
    ///
    /// # Errors
    /// [`ModelError::FolderExists`], [`ModelError::BelowFolder`], [`ModelError::AboveFolder`].
    pub fn check_place(&self, fold: Fold, path: &str) -> Result<(), ModelError> {
        let key = fold.path(path.encode_utf16());
        if let Some((above, length)) = self.find_folded(&key) {
            let path = above.path.clone();
            let same = length == key.len();
            return Err(if same { ModelError::FolderExists(path) } else { ModelError::BelowFolder(path) });
        }
        match self.folders.range::<[u16], _>((Bound::Excluded(key.as_slice()), Bound::Unbounded)).next() {
            Some((next, below))
                if next.strip_prefix(key.as_slice()).and_then(<[u16]>::first) == Some(&SEPARATOR) =>
            {
                Err(ModelError::AboveFolder(below.path.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Adds a folder that has been checked by itself ([`crate::check_folder`]).
    ///
    /// # Errors
    /// As [`NamespaceIndex::check_place`].
    pub fn insert(&mut self, fold: Fold, folder: Arc<Folder>) -> Result<(), ModelError> {
        self.check_place(fold, &folder.path)?;
        self.folders.insert(fold.path(folder.path.encode_utf16()).into(), folder);
        Ok(())
    }

    /// Puts another in the place of the folder of the same path; `None` when there is none.
    pub fn replace(&mut self, fold: Fold, folder: Arc<Folder>) -> Option<Arc<Folder>> {
        let place = self.folders.get_mut(fold.path(folder.path.encode_utf16()).as_slice())?;
        Some(core::mem::replace(place, folder))
    }

    /// Takes a folder away.
    pub fn remove(&mut self, fold: Fold, path: &str) -> Option<Arc<Folder>> {
        self.folders.remove(fold.path(path.encode_utf16()).as_slice())
    }

    /// The folder that is the path or above it, and how many units of the folded path it covers.
    fn find_folded(&self, path: &[u16]) -> Option<(&Arc<Folder>, usize)> {
        if self.folders.is_empty() {
            return None;
        }
        let ends = path.iter().enumerate().filter(|(_, unit)| **unit == SEPARATOR).map(|(at, _)| at);
        ends.chain([path.len()]).take(MAX_DEPTH).find_map(|end| {
            let prefix = path.get(..end)?;
            self.folders.get(prefix).map(|folder| (folder, end))
        })
    }
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
    by_name: HashMap<Vec<u16>, Arc<NamespaceIndex>>,
}

impl Default for Namespaces {
    /// None.
    fn default() -> Self {
        Namespaces { fold: Fold::ASCII, by_name: HashMap::new() }
    }
}

impl Namespaces {
    /// Of these namespaces; a later one of the same name wins.
    #[must_use]
    pub fn new(fold: Fold, namespaces: impl IntoIterator<Item = impl Into<Arc<NamespaceIndex>>>) -> Self {
        let by_name = namespaces
            .into_iter()
            .map(Into::into)
            .map(|index: Arc<NamespaceIndex>| (fold.name(&index.namespace.name), index))
            .collect();
        Namespaces { fold, by_name }
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
        let mut all: Vec<_> = self.by_name.iter().collect();
        all.sort_by_key(|(name, _)| *name);
        all.into_iter().map(|(_, index)| index).collect()
    }

    /// The namespace of that name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Arc<NamespaceIndex>> {
        if self.by_name.is_empty() { None } else { self.by_name.get(&self.fold.name(name)) }
    }

    /// Puts a namespace in, or in the place of the one of its name.
    pub fn set(&mut self, index: Arc<NamespaceIndex>) {
        self.by_name.insert(self.fold.name(&index.namespace.name), index);
    }

    /// Takes a namespace out.
    pub fn remove(&mut self, name: &str) -> Option<Arc<NamespaceIndex>> {
        self.by_name.remove(&self.fold.name(name))
    }

    /// Where `\server\namespace\path` leads, in UTF-16 code units. The server may have any name: the client found this one by
    /// it. A backslash more at the beginning is forgiven.
    #[must_use]
    pub fn find(&self, path: &[u16]) -> Found<'_> {
        let (Some(end_of_server), Some(consumed)) = (end_of(path, 1), end_of(path, 2)) else {
            return Found::NotInShare;
        };
        let name = path.get(end_of_server..consumed).unwrap_or_default();
        let Some(index) = self.by_name.get(&self.fold.path(name.iter().copied())) else {
            return Found::NoNamespace;
        };
        let namespace = &index.namespace;
        let below = self.fold.path(path.get(consumed..).unwrap_or_default().iter().copied());
        match index.find_folded(&below) {
            None => Found::Root { namespace, consumed },
            Some((folder, length)) => {
                let components = below.iter().take(length).filter(|unit| **unit == SEPARATOR).count();
                let all = components.saturating_add(3);
                let consumed = end_of(path, all).unwrap_or(path.len());
                Found::Folder { namespace, folder, consumed, exact: length == below.len() }
            }
        }
    }

    /// The folder of a namespace that `path`, relative to the root, is or goes through; true when it is the folder itself.
    #[must_use]
    pub fn find_below(
        &self,
        namespace: &str,
        path: impl Iterator<Item = u16>,
    ) -> Option<(&Arc<Folder>, bool)> {
        let index = self.namespace(namespace)?;
        let path = self.fold.path(path);
        index.find_folded(&path).map(|(folder, length)| (folder, length == path.len()))
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
