//! [MS-DFSNM] 2.2.1.1 to 2.2.1.4: paths of roots and links, and names of targets.

use std::sync::Arc;

use freehold_dfs::{Folder, NamespaceIndex, Target};

use super::super::RpcContext;
use super::super::win32::Win32;

/// A path of a root or a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EntryPath {
    /// The server or the domain, as the client calls it.
    pub(super) server: String,
    /// The namespace.
    pub(super) namespace: String,
    /// The path of the link below the root; empty for the root.
    pub(super) link: String,
}

impl EntryPath {
    /// Reads `\\server\namespace\link`; one backslash or none at the beginning will do as well.
    pub(super) fn parse(text: &str) -> Result<EntryPath, Win32> {
        let rest = text.trim_start_matches('\\');
        let (server, rest) = rest.split_once('\\').ok_or(Win32::INVALID_PARAMETER)?;
        let mut parts = rest.split('\\').filter(|part| !part.is_empty());
        let namespace = parts.next().ok_or(Win32::INVALID_PARAMETER)?;
        let link = parts.collect::<Vec<_>>().join("\\");
        Ok(EntryPath { server: server.to_owned(), namespace: namespace.to_owned(), link })
    }

    /// The same for a link.
    pub(super) fn parse_link(text: &str) -> Result<EntryPath, Win32> {
        Self::parse(text)?.of_link()
    }

    fn of_link(self) -> Result<EntryPath, Win32> {
        if self.link.is_empty() { Err(Win32::INVALID_PARAMETER) } else { Ok(self) }
    }

    /// The namespace.
    pub(super) fn index<'a>(&self, cx: &RpcContext<'a>) -> Result<&'a Arc<NamespaceIndex>, Win32> {
        cx.namespaces.namespace(&self.namespace).ok_or(Win32::NOT_FOUND)
    }

    /// The link.
    pub(super) fn folder<'a>(&self, cx: &RpcContext<'a>) -> Result<&'a Arc<Folder>, Win32> {
        self.index(cx)?.folder(cx.namespaces.fold(), &self.link).ok_or(Win32::NOT_FOUND)
    }
}

/// A target by the name of its server and that of its share, which may have a path below it.
pub(super) fn target(server: &str, share: &str) -> Result<Target, Win32> {
    let server = server.trim_start_matches('\\');
    let share = share.trim_matches('\\');
    Target::from_unc(&format!("\\\\{server}\\{share}")).ok_or(Win32::INVALID_PARAMETER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_server_and_a_namespace() {
        let parse = |text| EntryPath::parse(text).map(|path| (path.namespace, path.link));
        let link = Ok(("ns".to_owned(), "a\\b".to_owned()));
        assert_eq!(parse("\\\\server\\ns\\a\\b"), link);
        assert_eq!(parse("\\server\\ns\\a\\\\b\\"), link);
        assert_eq!(parse("server\\ns\\a\\b"), link);
        assert_eq!(parse("\\\\server\\ns"), Ok(("ns".to_owned(), String::new())));
        for text in ["", "\\\\server", "\\\\server\\", "\\\\\\\\"] {
            assert_eq!(parse(text), Err(Win32::INVALID_PARAMETER), "{text}");
        }
        assert_eq!(EntryPath::parse_link("\\\\server\\ns"), Err(Win32::INVALID_PARAMETER));
        assert_eq!(target("\\\\fs1", "data\\x").unwrap().path, "x");
        assert_eq!(target("", "data"), Err(Win32::INVALID_PARAMETER));
        assert_eq!(target("fs1", ""), Err(Win32::INVALID_PARAMETER));
    }
}
