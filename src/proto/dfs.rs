//! Names below a DFS root: [MS-DFSC] 3.2.4.1 Handling a Path Normalization Request, which [MS-SMB2] 3.3.5.9 asks for.
//!
//! Everything here is for tree connects to roots only ([`TreeConnect::is_dfs`]); other shares never come here.

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::context::Context;
use super::status::CommandError;
use super::tree_connect::TreeConnect;
use crate::smb2::HeaderFlags;
use crate::smb2::create::{CreateOptions, CreateRequest};
use crate::vfs::VfsPath;

const BACKSLASH: [u8; 2] = [b'\\', 0];

/// The name of a request in UTF-16LE, relative to the root of the share: without `server\share` where the request says that it
/// begins so (SMB2_FLAGS_DFS_OPERATIONS). Any server name is taken, as in TREE_CONNECT.
///
/// # Errors
/// OBJECT_PATH_NOT_FOUND where the name is of another share.
pub(super) fn relative_name<'n>(
    cx: &Context<'_>,
    tree: &TreeConnect,
    name: &'n [u8],
) -> Result<&'n [u8], CommandError> {
    if !cx.request.header.flags.contains(HeaderFlags::DFS_OPERATIONS) {
        return Ok(name);
    }
    strip_share(name, &tree.share.name).ok_or_else(|| NtStatus::OBJECT_PATH_NOT_FOUND.into())
}

/// The name behind `server\share`; `None` for another share's. Nothing at all is the root: some clients open it so. As on Windows
/// one backslash may come first, or the two of a UNC path.
fn strip_share<'n>(name: &'n [u8], share: &str) -> Option<&'n [u8]> {
    let name = name.strip_prefix(&BACKSLASH).unwrap_or(name);
    let name = name.strip_prefix(&BACKSLASH).unwrap_or(name);
    if name.is_empty() {
        return Some(name);
    }
    let (_, rest) = split_component(name);
    let (first, rest) = split_component(rest);
    let units = first.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let first: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    (first.to_uppercase() == share.to_uppercase()).then_some(rest)
}

/// What is in front of the first backslash, and what is behind it.
fn split_component(name: &[u8]) -> (&[u8], &[u8]) {
    let units = name.as_chunks::<2>().0;
    match units.iter().position(|unit| *unit == BACKSLASH) {
        Some(at) => {
            let (component, rest) = name.split_at_checked(at.saturating_mul(2)).unwrap_or((name, &[]));
            (component, rest.strip_prefix(&BACKSLASH).unwrap_or(rest))
        }
        None => (name, &[]),
    }
}

/// Rights that change a file, or what lies in a directory.
const CHANGES: AccessMask = AccessMask::FILE_WRITE_DATA
    .union(AccessMask::FILE_APPEND_DATA)
    .union(AccessMask::FILE_WRITE_EA)
    .union(AccessMask::FILE_WRITE_ATTRIBUTES)
    .union(AccessMask::FILE_DELETE_CHILD)
    .union(AccessMask::DELETE)
    .union(AccessMask::WRITE_DAC)
    .union(AccessMask::WRITE_OWNER);

/// What an open through a tree connect to a root is about: its name, relative to the root, and the access that the tree connect
/// gives to it. A folder of the namespace is there to be looked at: administrators of the namespace change it, nobody else
/// deletes or renames it, or gives it another descriptor.
///
/// # Errors
/// As [`relative_name`]; PATH_NOT_COVERED for what is elsewhere.
pub(super) fn name_and_access<'n>(
    cx: &Context<'_>,
    tree: &TreeConnect,
    request: &CreateRequest<'n>,
) -> Result<(&'n [u8], AccessMask), CommandError> {
    let name = relative_name(cx, tree, request.name.as_bytes())?;
    let as_link = request.create_options.contains(CreateOptions::OPEN_REPARSE_POINT);
    let is_folder = is_covered(cx, tree, name, as_link)?;
    Ok((name, if is_folder { tree.maximal_access.without(CHANGES) } else { tree.maximal_access }))
}

/// Whether folders of the namespace lie below a directory that is open: it is to stay where it is.
pub(super) fn is_way_to_folders(cx: &Context<'_>, tree: &TreeConnect, directory: &VfsPath) -> bool {
    let Some((_, root)) = tree.disk().filter(|_| tree.is_dfs) else { return false };
    let namespaces = cx.server.namespaces.load();
    let Some(index) = namespaces.namespace(&tree.share.name) else { return false };
    let below = directory.components().skip(root.components().count());
    let path = below.flat_map(|name| core::iter::once(u16::from(b'\\')).chain(name.utf16()));
    index.first_below(namespaces.fold(), path.collect::<Vec<_>>().into_iter()).is_some()
}

/// Refuses a name, relative to the root, that is a folder of the namespace or goes through one: the client asks for a referral
/// then. The folder itself is opened for who does not resolve names by DFS and asks for the reparse point: true.
///
/// # Errors
/// PATH_NOT_COVERED.
fn is_covered(
    cx: &Context<'_>,
    tree: &TreeConnect,
    name: &[u8],
    opens_reparse_point: bool,
) -> Result<bool, CommandError> {
    let units = name.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    // A stream of a folder is in the folder's target.
    let path = units.take_while(|unit| *unit != u16::from(b':'));
    let namespaces = cx.server.namespaces.load();
    match namespaces.find_below(&tree.share.name, path) {
        None => Ok(false),
        Some((_, true))
            if opens_reparse_point && !cx.request.header.flags.contains(HeaderFlags::DFS_OPERATIONS) =>
        {
            Ok(true)
        }
        Some(_) => Err(NtStatus::PATH_NOT_COVERED.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(name: &str) -> Option<String> {
        let bytes: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let rest = strip_share(&bytes, "Files")?;
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        Some(String::from_utf16(&units).unwrap())
    }

    #[test]
    fn server_and_share_are_taken_off() {
        assert_eq!(stripped(r"server\files\a\b").as_deref(), Some(r"a\b"));
        assert_eq!(stripped(r"\10.0.0.1\FILES\a").as_deref(), Some("a"));
        assert_eq!(stripped(r"\\server\files\a\b").as_deref(), Some(r"a\b"));
        assert_eq!(stripped(r"\\\server\files\a"), None);
        assert_eq!(stripped(r"server\files").as_deref(), Some(""));
        assert_eq!(stripped(r"server\files\").as_deref(), Some(""));
        assert_eq!(stripped("").as_deref(), Some(""));
        assert_eq!(stripped(r"server\other\a"), None);
        assert_eq!(stripped("server"), None);
        assert_eq!(stripped("a.txt"), None);
    }

    #[test]
    fn an_odd_byte_stays_for_the_parser_of_names_to_refuse() {
        let mut bytes: Vec<u8> = r"s\Files\a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.push(7);
        assert_eq!(strip_share(&bytes, "files").map(<[u8]>::len), Some(3));
        assert_eq!(strip_share(&[1], "files"), None);
    }
}
