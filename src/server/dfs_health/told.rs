//! The namespaces as clients are told of them, without targets that do not answer. What was worked out for folders that have not
//! changed since is kept: one folder among 50,000 is looked at alone.

use std::collections::HashSet;
use std::sync::Arc;

use freehold_dfs::{Difference, Fold, Folder, NamespaceIndex, Namespaces, Target, TargetState};

/// What clients were told last.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Servers that did not answer then, folded.
    dead: HashSet<String>,
    /// What it was worked out of.
    of: Arc<Namespaces>,
    /// What came of it.
    told: Arc<Namespaces>,
}

impl Told {
    /// What clients are told now.
    pub(super) fn next(&mut self, namespaces: Arc<Namespaces>, dead: HashSet<String>) -> Arc<Namespaces> {
        if dead.is_empty() {
            *self = Told::default();
            return namespaces;
        }
        if self.dead != dead {
            *self = Told { dead, ..Told::default() };
        }
        let fold = namespaces.fold();
        let mut told = Namespaces::clone(&namespaces);
        for index in namespaces.list() {
            let name = &index.namespace().name;
            let next = match (self.of.namespace(name), self.told.namespace(name)) {
                (Some(of), Some(was)) if Arc::ptr_eq(of, index) => Arc::clone(was),
                (Some(of), Some(was)) => {
                    Arc::new(self.followed(fold, of, was, index).unwrap_or_else(|| self.whole(fold, index)))
                }
                _ => Arc::new(self.whole(fold, index)),
            };
            told.set(next);
        }
        self.of = namespaces;
        self.told = Arc::new(told);
        Arc::clone(&self.told)
    }

    /// A namespace of which nothing is known.
    fn whole(&self, fold: Fold, index: &NamespaceIndex) -> NamespaceIndex {
        let mut told = index.clone();
        for folder in index.folders() {
            if let Some(folder) = without(folder, &self.dead) {
                told.replace(fold, Arc::new(folder));
            }
        }
        told
    }

    /// What was told, changed as the namespace has changed between `of` and `index`. `None` where it does not fit.
    fn followed(
        &self,
        fold: Fold,
        of: &NamespaceIndex,
        was: &NamespaceIndex,
        index: &NamespaceIndex,
    ) -> Option<NamespaceIndex> {
        let mut told = was.clone();
        told.set_namespace(Arc::clone(index.namespace()));
        let differences = index.differences(of);
        // First what goes: a folder may come where others were.
        for difference in &differences {
            if let Difference::Removed(folder) = difference {
                told.remove(fold, &folder.path)?;
            }
        }
        let alive =
            |folder: &Arc<Folder>| without(folder, &self.dead).map_or_else(|| Arc::clone(folder), Arc::new);
        for difference in &differences {
            match difference {
                Difference::Removed(_) => {}
                Difference::Added(folder) => told.insert(fold, alive(folder)).ok()?,
                Difference::Changed { after, .. } => drop(told.replace(fold, alive(after))?),
            }
        }
        Some(told)
    }
}

/// The folder without targets that do not answer; `None` where that changes nothing or would leave none.
fn without(folder: &Folder, dead: &HashSet<String>) -> Option<Folder> {
    let answers = |target: &Target| !dead.contains(&target.server.to_lowercase());
    if folder.targets.iter().all(answers) {
        return None;
    }
    let is_left = |target: &&Target| target.state == TargetState::Online && answers(target);
    if !folder.targets.iter().any(|target| is_left(&target)) {
        return None;
    }
    let targets = folder.targets.iter().filter(|target| answers(target)).cloned().collect();
    Some(Folder { targets, ..folder.clone() })
}

#[cfg(test)]
mod tests {
    use freehold_dfs::{FolderOptions, Kind, Namespace, NamespaceOptions, State};
    use freehold_dtyp::Guid;

    use super::*;

    const FOLD: Fold = Fold::ASCII;

    fn folder(path: &str) -> Arc<Folder> {
        Arc::new(Folder {
            path: path.to_owned(),
            guid: Guid::ZERO,
            comment: String::new(),
            state: State::Online,
            ttl_seconds: 60,
            options: FolderOptions::default(),
            security: None,
            targets: vec![Target::new("Dead", "d", ""), Target::new("alive", "d", "")],
        })
    }

    fn index(paths: &[&str]) -> NamespaceIndex {
        let mut index = NamespaceIndex::new(Arc::new(Namespace {
            name: "files".to_owned(),
            guid: Guid::ZERO,
            kind: Kind::StandAlone,
            comment: String::new(),
            state: State::Online,
            ttl_seconds: 300,
            options: NamespaceOptions::default(),
            targets: Vec::new(),
        }));
        paths.iter().for_each(|path| index.insert(FOLD, folder(path)).unwrap());
        index
    }

    fn next(told: &mut Told, index: &NamespaceIndex) -> Arc<NamespaceIndex> {
        let namespaces = Namespaces::new(FOLD, [index.clone()]);
        let all = told.next(Arc::new(namespaces), HashSet::from(["dead".to_owned()]));
        Arc::clone(all.namespace("FILES").unwrap())
    }

    fn shown(index: &NamespaceIndex) -> Vec<(String, usize)> {
        index.folders().map(|folder| (folder.path.clone(), folder.targets.len())).collect()
    }

    #[test]
    fn a_change_is_followed_and_the_rest_is_kept() {
        let mut told = Told::default();
        let mut files = index(&[r"a\b", "c", "d"]);
        let before = next(&mut told, &files);
        assert_eq!(shown(&before), [(r"a\b".to_owned(), 1), ("c".to_owned(), 1), ("d".to_owned(), 1)]);
        files.remove(FOLD, r"a\b").unwrap();
        files.insert(FOLD, folder("a")).unwrap();
        files.insert(FOLD, folder("new")).unwrap();
        let only = Folder { targets: vec![Target::new("dead", "d", "")], ..Folder::clone(&folder("D")) };
        files.replace(FOLD, Arc::new(only)).unwrap();
        files.set_namespace(Arc::new(Namespace {
            comment: "another".to_owned(),
            ..Namespace::clone(files.namespace())
        }));
        let after = next(&mut told, &files);
        let wanted = [("a", 1), ("c", 1), ("D", 1), ("new", 1)].map(|(path, count)| (path.to_owned(), count));
        assert_eq!(shown(&after), wanted);
        assert_eq!(after.folder(FOLD, "d").unwrap().targets[0].server, "dead", "better one than none");
        assert_eq!(after.namespace().comment, "another");
        let kept = |index: &NamespaceIndex| Arc::clone(index.folder(FOLD, "c").unwrap());
        assert!(Arc::ptr_eq(&kept(&before), &kept(&after)), "what has not changed is not worked out again");
    }

    #[test]
    fn other_dead_servers_are_looked_for_everywhere() {
        let mut told = Told::default();
        let files = index(&["a"]);
        assert_eq!(shown(&next(&mut told, &files))[0].1, 1);
        let namespaces = Arc::new(Namespaces::new(FOLD, [files]));
        let all = told.next(Arc::clone(&namespaces), HashSet::from(["alive".to_owned()]));
        assert_eq!(all.namespace("files").unwrap().folder(FOLD, "a").unwrap().targets[0].server, "Dead");
        assert!(Arc::ptr_eq(&told.next(Arc::clone(&namespaces), HashSet::new()), &namespaces));
    }
}
