//! Spellings of paths in namespaces and of targets.

use freehold_dfs::Target;

use crate::state::accounts::fold_name;

/// A path in a namespace of this server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamespacePath {
    /// The namespace.
    pub(super) namespace: String,
    /// The path below its root, `\` between components; empty for the root.
    pub(super) below: String,
}

impl NamespacePath {
    /// Reads `\\server\namespace\path`, `namespace\path` or the same with `/`. Whatever the server is called, it is this one.
    pub(super) fn parse(text: &str) -> anyhow::Result<NamespacePath> {
        let path = text.replace('/', "\\");
        let rest = match path.strip_prefix("\\\\") {
            Some(rest) => rest.split_once('\\').map_or("", |(_, rest)| rest),
            None => path.trim_start_matches('\\'),
        };
        let mut parts = rest.split('\\').filter(|part| !part.is_empty());
        let Some(namespace) = parts.next() else {
            anyhow::bail!(
                "{text:?} names no namespace: write namespace, namespace\\folder, or \\\\server\\namespace\\folder"
            );
        };
        Ok(NamespacePath { namespace: namespace.to_owned(), below: parts.collect::<Vec<_>>().join("\\") })
    }

    /// Namespace and path of a folder.
    pub(super) fn folder(self) -> anyhow::Result<(String, String)> {
        anyhow::ensure!(
            !self.below.is_empty(),
            "{:?} is a namespace: name a folder of it, such as {}\\projects",
            self.namespace,
            self.namespace
        );
        Ok((self.namespace, self.below))
    }
}

/// Reads a target, `\\server\share\path` or the same with `/`.
pub(super) fn target_of(text: &str) -> anyhow::Result<Target> {
    let path = text.replace('/', "\\");
    let target = Target::from_unc(&path).filter(|_| path.starts_with("\\\\"));
    target.ok_or_else(|| {
        anyhow::anyhow!(
            "TargetPath is {text:?}: expected \\\\server\\share, or a folder below: \\\\server\\share\\folder"
        )
    })
}

/// Names and paths are compared without case.
pub(super) fn same(one: &str, other: &str) -> bool {
    fold_name(one) == fold_name(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_are_the_same_path() {
        for text in
            ["files\\a\\b", "files/a/b", "\\\\fs1\\files\\a\\b", "//fs1/files/a/b/", "\\files\\a\\\\b"]
        {
            let path = NamespacePath::parse(text).unwrap();
            assert_eq!((path.namespace.as_str(), path.below.as_str()), ("files", "a\\b"), "{text}");
        }
        assert!(NamespacePath::parse("files").unwrap().folder().is_err());
        for text in ["", "\\", "\\\\fs1", "\\\\fs1\\"] {
            assert!(NamespacePath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_target_is_a_share_of_a_server() {
        assert_eq!(target_of("//fs2/data/x").unwrap().unc(), "\\\\fs2\\data\\x");
        for text in ["fs2\\data", "\\fs2\\data", "\\\\fs2", "", "\\\\\\data"] {
            assert!(target_of(text).unwrap_err().to_string().contains("TargetPath"), "{text}");
        }
    }
}
