//! Finds and makes the folder of a share within its volume.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use freehold_acl::{Token, create_descriptor};
use freehold_dtyp::{FileTime, Wtf8, Wtf8Buf};

use crate::fscc::FileAttributes;
use crate::state::accounts::fold_name;
use crate::vfs::{DataUse, NameCase, NewNode, NodeKind, OpenError, VfsError, VfsPath, Volume};

/// Walks `path` (components separated by `/` or `\`) below `root` without regard to case, makes what is missing, and
/// returns the path in the spelling on disk. Symbolic links are not followed.
///
/// # Errors
/// When a component is `.` or `..`, is no folder, or cannot be made.
pub(super) fn settle(root: &Path, path: &str) -> anyhow::Result<String> {
    walk(root, path, true)
}

/// Makes what is missing of `path` (as [`find`] returned it) through the opened volume, which counts it then.
///
/// # Errors
/// When a component cannot be made.
pub(super) fn make(volume: &dyn Volume, path: &str, now: FileTime) -> anyhow::Result<()> {
    let mut here = String::new();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        if !here.is_empty() {
            here.push('/');
        }
        here.push_str(name);
        let place = VfsPath::new(Wtf8Buf::from(here.as_str()))
            .with_context(|| format!("{here:?} is not a path within the volume"))?;
        let parent = match volume.open(&place, None, DataUse::WRITE) {
            Ok(_) => continue,
            Err(OpenError::NotFound(parent)) => parent,
            Err(OpenError::Failed(error)) => {
                return Err(error).with_context(|| format!("cannot use {here:?}"));
            }
            Err(_) => anyhow::bail!("cannot use {here:?}: a part of it is no folder"),
        };
        let security = create_descriptor(Some(&parent.security), None, &Token::system(), true)
            .with_context(|| format!("what {here:?} inherits"))?;
        let new = NewNode {
            kind: NodeKind::Directory,
            attributes: FileAttributes::empty(),
            security: Arc::new(security),
            extended_attributes: Vec::new(),
            allocation_bytes: 0,
            no_compression: false,
            now,
            case: NameCase::Ignored,
        };
        match volume.create(&parent.file, Wtf8::from(name), &new) {
            Ok(_) | Err(VfsError::Exists) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot make {here:?}")),
        }
    }
    Ok(())
}

/// As [`settle`], but nothing is made: what is missing keeps the spelling that was given.
///
/// # Errors
/// When a component is `.` or `..`, or is no folder.
pub(super) fn find(root: &Path, path: &str) -> anyhow::Result<String> {
    walk(root, path, false)
}

fn walk(root: &Path, path: &str, make: bool) -> anyhow::Result<String> {
    let mut here = root.to_owned();
    let mut settled: Vec<String> = Vec::new();
    for part in path.split(['/', '\\']).filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") || part.contains('\0') {
            anyhow::bail!("the path {path:?} has the component {part:?}: give a path within the volume");
        }
        let name = if here.is_dir() { spelling_on_disk(&here, part)? } else { part.to_owned() };
        here.push(&name);
        match std::fs::symlink_metadata(&here) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => anyhow::bail!("{} is not a folder", here.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if make {
                    std::fs::create_dir(&here).with_context(|| format!("cannot make {}", here.display()))?;
                }
            }
            Err(error) => return Err(error).with_context(|| format!("cannot use {}", here.display())),
        }
        settled.push(name);
    }
    Ok(settled.join("/"))
}

/// As [`settle`], but makes nothing.
///
/// # Errors
/// When a component is `.` or `..`, is not there, or is no folder.
pub(super) fn existing(root: &Path, path: &str) -> anyhow::Result<String> {
    let mut here = root.to_owned();
    let mut settled: Vec<String> = Vec::new();
    for part in path.split(['/', '\\']).filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") || part.contains('\0') {
            anyhow::bail!("the path {path:?} has the component {part:?}: give a path within the volume");
        }
        let name = spelling_on_disk(&here, part)?;
        here.push(&name);
        let found =
            std::fs::symlink_metadata(&here).with_context(|| format!("cannot use {}", here.display()))?;
        if !found.is_dir() {
            anyhow::bail!("{} is not a folder", here.display());
        }
        settled.push(name);
    }
    Ok(settled.join("/"))
}

fn spelling_on_disk(folder: &Path, name: &str) -> anyhow::Result<String> {
    if std::fs::symlink_metadata(folder.join(name)).is_ok() {
        return Ok(name.to_owned());
    }
    let folded = fold_name(name);
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let found = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|found| fold_name(found) == folded);
    Ok(found.unwrap_or_else(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use freehold_acl::SecurityDescriptor;

    use super::*;
    use crate::vfs::memory::{MemoryOptions, MemoryVolume};

    #[test]
    fn finding_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("Projects")).unwrap();
        assert_eq!(find(folder.path(), "projects\\New/deep").unwrap(), "Projects/New/deep");
        assert!(!folder.path().join("Projects/New").exists());
        assert!(find(folder.path(), "x/..").is_err());
    }

    #[test]
    fn what_is_made_through_a_volume_is_spelled_as_given_and_inherits() {
        let root: SecurityDescriptor = "O:BAG:SYD:AI(A;OICI;FA;;;BA)".parse().unwrap();
        let volume = MemoryVolume::new(MemoryOptions::new(Arc::new(root)));
        make(&volume, "Projects/New", FileTime::ZERO).unwrap();
        make(&volume, "Projects/New/deep", FileTime::ZERO).unwrap();
        let path = VfsPath::new(Wtf8Buf::from("projects/new/DEEP")).unwrap();
        let opened = volume.open(&path, None, DataUse::READ).unwrap();
        assert_eq!(opened.path.as_wtf8(), Wtf8::from("Projects/New/deep"));
        assert_eq!(opened.security.dacl.acl().unwrap().aces().len(), 1);
    }

    #[test]
    fn links_and_upward_steps_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for path in ["link/tmp", "link", "a/../..", "./a", "file", "file/x"] {
            assert!(settle(folder.path(), path).is_err(), "{path}");
        }
        assert_eq!(settle(folder.path(), "//a\\B/").unwrap(), "a/B");
        assert_eq!(settle(folder.path(), "A/b").unwrap(), "a/B");
        assert_eq!(settle(folder.path(), "").unwrap(), "");
    }
}
