//! Snapshots: images of the volume's root, each in a folder named `@GMT-YYYY.MM.DD-HH.MM.SS` (UTC) of the folder that the
//! administrator names. On btrfs they are read-only subvolumes; whatever makes them, nothing is ever written to one.
//!
//! Each is a volume of its own with its own caches and the files' own ids and descriptors, for `.freehold` is part of the
//! image. It is opened when it is first asked for and kept while it is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::FileTime;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{PosixOptions, PosixVolume};
use crate::fscc::fsctl::snapshots::{gmt_token, parse_gmt_token};
use crate::vfs::{VfsError, VolumeIdentity};

/// Snapshots that are kept open; more are opened again when they are asked for.
const MAX_OPEN: usize = 64;
/// Snapshots that are listed.
const MAX_LISTED: usize = 4096;
/// What the index of a snapshot's folders may take, and how many of its inodes are remembered.
const INDEX_BYTES: usize = 16 << 20;
const REMEMBERED_INODES: usize = 1 << 14;

/// The snapshots of one volume.
#[derive(Debug)]
pub(super) struct Snapshots {
    folder: PathBuf,
    root_security: Arc<SecurityDescriptor>,
    open: Mutex<HashMap<u64, Arc<PosixVolume>>>,
}

impl Snapshots {
    pub(super) fn new(folder: PathBuf, root_security: Arc<SecurityDescriptor>) -> Self {
        Snapshots { folder, root_security, open: Mutex::default() }
    }

    /// Their times, the newest first.
    pub(super) fn list(&self) -> Result<Vec<FileTime>, VfsError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                tracing::warn!(folder = %self.folder.display(), %error, "the folder of snapshots cannot be read");
                return Err(VfsError::Io);
            }
        };
        let mut times = Vec::new();
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let Some(time) = entry.file_name().to_str().and_then(parse_gmt_token)
                && is_folder
            {
                times.push(time);
            }
        }
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.truncate(MAX_LISTED);
        Ok(times)
    }

    /// The snapshot of that second. `identity` is the volume's.
    pub(super) fn open(
        &self,
        time: FileTime,
        identity: &VolumeIdentity,
    ) -> Result<Arc<PosixVolume>, VfsError> {
        let path = self.folder.join(gmt_token(time));
        let key = time.to_unix().0.cast_unsigned();
        let mut open = self.open.lock();
        let Ok(root) = super::open_root(&path).and_then(|root| Ok(super::sys::stat(&root)?.key)) else {
            open.remove(&key);
            return Err(VfsError::NotFound);
        };
        if let Some(volume) = open.get(&key)
            && volume.inner.root_key == root
        {
            return Ok(Arc::clone(volume));
        }
        let volume = Arc::new(self.open_volume(&path, identity)?);
        if open.len() >= MAX_OPEN {
            // Who has files of one open goes on with it.
            open.clear();
        }
        open.insert(key, Arc::clone(&volume));
        Ok(volume)
    }

    fn open_volume(&self, path: &Path, identity: &VolumeIdentity) -> Result<PosixVolume, VfsError> {
        let mut options = PosixOptions::new(&identity.label, Arc::clone(&self.root_security));
        options.index_bytes = INDEX_BYTES;
        options.remembered_inodes = REMEMBERED_INODES;
        PosixVolume::open_snapshot(path, options, identity).map_err(|error| {
            tracing::warn!(path = %path.display(), %error, "the snapshot cannot be opened");
            VfsError::NotFound
        })
    }
}
