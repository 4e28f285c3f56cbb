//! The volume's own folder, `.freehold`: what is too big for a file's attribute, and what the volume is.
//!
//! | entry | content |
//! |---|---|
//! | `volume` | version, GUID, creation time, epoch and the root's inode, as JSON |
//! | `next-id` | the first file id that no running server has reserved |
//! | `lock` | locked by the server that has the volume open |
//! | `sd/HASH` | security descriptors, each once |
//! | `parts/ID.HASH` | big lists of extended attributes and reparse buffers |
//! | `streams/ID/:NAME` | named streams |
//! | `tmp/` | files on their way to their place; emptied when the volume is opened |
//!
//! A file appears in its place complete and durable (written and synced in `tmp`, then renamed) or not at all.
//!
//! # Copies
//! A file's attribute names its inode ("home"). One that was copied with its attributes (`cp -a`) has another inode: it
//! is a copy and gets an id of its own. When the whole volume was copied or restored, every inode is another; that is known
//! by the root's, and starts a new epoch: attributes of older epochs are believed, unless two claim one id.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Guid};
use parking_lot::Mutex;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::OpenVolumeError;
use super::sys::{self, ProcPath, Stat};
use super::xattr::{ContentHash, XATTR_NAME, decode_security, encode_security};
use crate::vfs::{RESERVED_FOLDER, VfsError};

/// Newest layout of the folder that is understood.
const LAYOUT_VERSION: u32 = 1;
/// File ids reserved at once: so many may be skipped by a crash.
const ID_BLOCK: u64 = 1 << 16;
/// Largest file of `.freehold` that is read whole.
const MAX_STORED_BYTES: usize = 256 * 1024;

const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const FOLDER_MODE: Mode = Mode::from_raw_mode(0o700);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VolumeFile {
    version: u32,
    guid: String,
    created: u64,
    epoch: u16,
    root_inode: u64,
    root_born: (i64, u32),
}

/// The opened folder.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) guid: Guid,
    pub(super) created: FileTime,
    pub(super) epoch: u16,
    folder: OwnedFd,
    descriptors: OwnedFd,
    parts: OwnedFd,
    streams: OwnedFd,
    pub(super) tmp: OwnedFd,
    /// Keeps the lock; a snapshot has none.
    lock: Option<OwnedFd>,
    ids: Mutex<Ids>,
    tmp_names: AtomicU64,
}

#[derive(Debug)]
struct Ids {
    next: u64,
    reserved_end: u64,
}

fn io(doing: &'static str) -> impl Fn(Errno) -> OpenVolumeError {
    move |errno| OpenVolumeError::Io { doing, source: errno.into() }
}

impl Store {
    /// Opens or makes `.freehold` in `root`. Proves that the file system keeps user attributes, and locks the volume.
    pub(super) fn open(root: &OwnedFd, root_stat: &Stat) -> Result<Store, OpenVolumeError> {
        let folder = subfolder(root, RESERVED_FOLDER).map_err(io("making the folder .freehold"))?;
        check_xattrs(&folder)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock =
            rustix::fs::openat(&folder, c"lock", flags, FILE_MODE).map_err(io("opening .freehold/lock"))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| OpenVolumeError::InUse)?;
        let sub = |name| subfolder(&folder, name).map_err(io("making a folder in .freehold"));
        let folders = [sub("sd")?, sub("parts")?, sub("streams")?, sub("tmp")?];
        let mut store = Store::of(folder, folders, Some(lock));
        store.empty_tmp().map_err(io("emptying .freehold/tmp"))?;
        store.load_volume(root_stat)?;
        store.load_ids()?;
        Ok(store)
    }

    /// Opens `.freehold` of a snapshot: it must be there, and nothing is written to it.
    pub(super) fn open_read_only(root: &OwnedFd, root_stat: &Stat) -> Result<Store, OpenVolumeError> {
        let open = |parent: &OwnedFd, name: &str| {
            sys::open_directory(parent, name.as_bytes()).map_err(io("opening .freehold of the snapshot"))
        };
        let folder = open(root, RESERVED_FOLDER)?;
        let folders =
            [open(&folder, "sd")?, open(&folder, "parts")?, open(&folder, "streams")?, open(&folder, "tmp")?];
        let mut store = Store::of(folder, folders, None);
        store.load_volume(root_stat)?;
        Ok(store)
    }

    fn of(folder: OwnedFd, folders: [OwnedFd; 4], lock: Option<OwnedFd>) -> Store {
        let [descriptors, parts, streams, tmp] = folders;
        Store {
            guid: Guid::ZERO,
            created: FileTime::ZERO,
            epoch: 0,
            folder,
            descriptors,
            parts,
            streams,
            tmp,
            lock,
            ids: Mutex::new(Ids { next: 0, reserved_end: 0 }),
            tmp_names: AtomicU64::new(0),
        }
    }

    fn load_volume(&mut self, root: &Stat) -> Result<(), OpenVolumeError> {
        let home = (root.key.ino, root.born.map_or((0, 0), |born| (born.seconds, born.nanoseconds)));
        let found = read_whole(&self.folder, b"volume");
        let mut volume = match found {
            Ok(bytes) => {
                // A newer layout may have other fields: look at the version first.
                let version = serde_json::from_slice::<serde_json::Value>(&bytes)
                    .ok()
                    .and_then(|value| value.get("version")?.as_u64());
                match version {
                    Some(version) if version > u64::from(LAYOUT_VERSION) => {
                        return Err(OpenVolumeError::Newer { found: version, known: LAYOUT_VERSION });
                    }
                    _ => serde_json::from_slice(&bytes).map_err(|error| OpenVolumeError::Damaged {
                        file: ".freehold/volume",
                        reason: error.to_string(),
                    })?,
                }
            }
            Err(Errno::NOENT) => {
                let mut guid = [0; 16];
                aws_lc_rs::rand::fill(&mut guid).map_err(|_| OpenVolumeError::NoEntropy)?;
                guid[7] = guid[7] & 0x0F | 0x40; // version 4, random
                guid[8] = guid[8] & 0x3F | 0x80;
                let created = FileTime::from_system_time(std::time::SystemTime::now());
                VolumeFile {
                    version: LAYOUT_VERSION,
                    guid: guid.iter().map(|byte| format!("{byte:02x}")).collect(),
                    created: created.0,
                    epoch: 0,
                    root_inode: 0,
                    root_born: (0, 0),
                }
            }
            Err(errno) => return Err(io("reading .freehold/volume")(errno)),
        };
        if (volume.root_inode, volume.root_born) != home {
            if volume.root_inode != 0 {
                volume.epoch = volume.epoch.saturating_add(1);
                tracing::info!(epoch = volume.epoch, "the volume was copied or restored: file ids are kept");
            }
            (volume.root_inode, volume.root_born) = home;
            if self.lock.is_some() {
                let bytes = serde_json::to_vec_pretty(&volume).unwrap_or_default();
                self.replace(&self.folder, b"volume", &bytes).map_err(io("writing .freehold/volume"))?;
            }
        }
        let guid = u128::from_str_radix(&volume.guid, 16).map_err(|_| OpenVolumeError::Damaged {
            file: ".freehold/volume",
            reason: "the GUID is not 32 hexadecimal digits".to_owned(),
        })?;
        self.guid = Guid(guid.to_be_bytes());
        self.created = FileTime(volume.created);
        self.epoch = volume.epoch;
        Ok(())
    }

    fn load_ids(&mut self) -> Result<(), OpenVolumeError> {
        let next = match read_whole(&self.folder, b"next-id") {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                text.trim().parse().map_err(|_| OpenVolumeError::Damaged {
                    file: ".freehold/next-id",
                    reason: "not a number".to_owned(),
                })?
            }
            Err(Errno::NOENT) => 0x1000,
            Err(errno) => return Err(io("reading .freehold/next-id")(errno)),
        };
        *self.ids.get_mut() = Ids { next, reserved_end: next };
        Ok(())
    }

    /// A file id that no file of this volume ever had. The highest bit is never set: see [`derived_id`].
    pub(super) fn fresh_id(&self) -> Result<u64, VfsError> {
        let mut ids = self.ids.lock();
        if ids.next == ids.reserved_end {
            let end = ids.reserved_end.checked_add(ID_BLOCK).filter(|end| end >> 63 == 0);
            let end = end.ok_or(VfsError::OutOfResources)?;
            self.replace(&self.folder, b"next-id", format!("{end}\n").as_bytes())?;
            ids.reserved_end = end;
        }
        ids.next += 1;
        Ok(ids.next - 1)
    }

    /// Writes a file that replaces or appears in its place at once and durably.
    fn replace(&self, folder: &OwnedFd, name: &[u8], bytes: &[u8]) -> Result<(), Errno> {
        let tmp = self.tmp_name();
        let file = sys::create_file(&self.tmp, &tmp, FILE_MODE)?;
        let written = write_whole(&file, bytes)
            .and_then(|()| rustix::fs::fsync(&file))
            .and_then(|()| rustix::fs::renameat(&self.tmp, &tmp[..], folder, name));
        if written.is_err() {
            let _ = rustix::fs::unlinkat(&self.tmp, &tmp[..], AtFlags::empty());
        }
        written?;
        sync_folder(folder)
    }

    /// A name in `tmp` that nothing has.
    pub(super) fn tmp_name(&self) -> Vec<u8> {
        format!("{:x}", self.tmp_names.fetch_add(1, Ordering::Relaxed)).into_bytes()
    }

    fn empty_tmp(&self) -> Result<(), Errno> {
        let mut names = Vec::new();
        sys::read_directory(sys::open_for_listing(&self.tmp, b"")?, |name| {
            names.push(name.to_vec());
            true
        })?;
        for name in names {
            if rustix::fs::unlinkat(&self.tmp, &name[..], AtFlags::empty()) == Err(Errno::ISDIR) {
                remove_folder(&self.tmp, &name)?;
            }
        }
        Ok(())
    }

    /// Keeps a descriptor; does nothing when it is there and whole.
    pub(super) fn put_security(
        &self,
        hash: ContentHash,
        security: &SecurityDescriptor,
    ) -> Result<(), VfsError> {
        let name = hash.hex();
        match read_whole(&self.descriptors, name.as_bytes()) {
            Ok(bytes) if ContentHash::of(&bytes) == hash => Ok(()),
            Ok(_) | Err(Errno::NOENT | Errno::FBIG) => {
                Ok(self.replace(&self.descriptors, name.as_bytes(), &encode_security(security))?)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// The descriptor of that hash.
    pub(super) fn security(&self, hash: ContentHash) -> Result<SecurityDescriptor, VfsError> {
        let bytes = match read_whole(&self.descriptors, hash.hex().as_bytes()) {
            Ok(bytes) => bytes,
            Err(Errno::NOENT) => return Err(VfsError::Corrupt),
            Err(errno) => return Err(errno.into()),
        };
        if ContentHash::of(&bytes) != hash {
            return Err(VfsError::Corrupt);
        }
        decode_security(&bytes).ok_or(VfsError::Corrupt)
    }

    /// Keeps a big part of file `id`.
    pub(super) fn put_part(&self, id: u64, hash: ContentHash, bytes: &[u8]) -> Result<(), VfsError> {
        Ok(self.replace(&self.parts, &part_name(id, hash), bytes)?)
    }

    pub(super) fn part(&self, id: u64, hash: ContentHash) -> Result<Vec<u8>, VfsError> {
        match read_whole(&self.parts, &part_name(id, hash)) {
            Ok(bytes) if ContentHash::of(&bytes) == hash => Ok(bytes),
            Ok(_) | Err(Errno::NOENT) => Err(VfsError::Corrupt),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Drops a part that no attribute names any more. Left over when it fails: costs space only.
    pub(super) fn remove_part(&self, id: u64, hash: ContentHash) {
        let _ = rustix::fs::unlinkat(&self.parts, &part_name(id, hash)[..], AtFlags::empty());
    }

    /// The folder of the named streams of file `id`.
    pub(super) fn stream_folder(&self, id: u64) -> Result<OwnedFd, Errno> {
        sys::open_directory(&self.streams, &stream_folder_name(id))
    }

    /// The same, made when it is not there.
    pub(super) fn make_stream_folder(&self, id: u64) -> Result<OwnedFd, Errno> {
        match rustix::fs::mkdirat(&self.streams, &stream_folder_name(id)[..], FOLDER_MODE) {
            Ok(()) | Err(Errno::EXIST) => self.stream_folder(id),
            Err(errno) => Err(errno),
        }
    }

    /// Makes the names of the streams of file `id` durable.
    pub(super) fn sync_streams(&self, id: u64) -> Result<(), Errno> {
        sync_folder(&self.stream_folder(id)?)?;
        sync_folder(&self.streams)
    }

    /// Removes all named streams of file `id` in one step; those that are open live until they are closed.
    pub(super) fn remove_streams(&self, id: u64) -> Result<(), Errno> {
        let tmp = self.tmp_name();
        match rustix::fs::renameat(&self.streams, &stream_folder_name(id)[..], &self.tmp, &tmp[..]) {
            Ok(()) => remove_folder(&self.tmp, &tmp),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// File id of a file whose attribute has none: from its inode, with the highest bit set, so that no counted id is like it.
/// `born` makes it another one when the inode is used again for another file.
pub(super) fn derived_id(stat: &Stat) -> u64 {
    let hash = inode_hash(stat);
    let id = hash | 1 << 63;
    if id == u64::MAX { id - 1 } else { id }
}

/// True for an id that [`derived_id`] made.
pub(super) const fn is_derived_id(id: u64) -> bool {
    id >> 63 == 1
}

/// Home of an attribute: 32 bits of the inode's hash.
pub(super) fn home(stat: &Stat) -> u32 {
    (inode_hash(stat) >> 20) as u32
}

/// Is kept on disk: must never change.
fn inode_hash(stat: &Stat) -> u64 {
    let born = stat.born.unwrap_or_default();
    let mut hash = 0x9E37_79B9_7F4A_7C15_u64;
    for word in [stat.key.ino, born.seconds.cast_unsigned(), u64::from(born.nanoseconds)] {
        hash ^= word;
        // The finalizer of SplitMix64.
        hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^= hash >> 31;
    }
    hash
}

fn part_name(id: u64, hash: ContentHash) -> Vec<u8> {
    format!("{id:016x}.{}", hash.hex()).into_bytes()
}

fn stream_folder_name(id: u64) -> Vec<u8> {
    format!("{id:016x}").into_bytes()
}

fn subfolder(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    match rustix::fs::mkdirat(parent, name, FOLDER_MODE) {
        Ok(()) | Err(Errno::EXIST) => sys::open_directory(parent, name.as_bytes()),
        Err(errno) => Err(errno),
    }
}

/// Refuses a file system that does not keep user attributes.
fn check_xattrs(folder: &OwnedFd) -> Result<(), OpenVolumeError> {
    use std::os::fd::AsFd;
    let path = ProcPath::new(folder.as_fd(), b"").map_err(io("naming .freehold"))?;
    let mut buffer = [0; 8];
    let kept = rustix::fs::setxattr(path.as_bytes(), XATTR_NAME, b"test", XattrFlags::empty())
        .and_then(|()| rustix::fs::getxattr(path.as_bytes(), XATTR_NAME, &mut buffer[..]));
    match kept {
        Ok(4) if buffer.starts_with(b"test") => Ok(()),
        Ok(_) | Err(Errno::OPNOTSUPP) => Err(OpenVolumeError::NoUserAttributes),
        Err(Errno::NOENT) => Err(OpenVolumeError::NoProc),
        Err(errno) => Err(io("setting a user attribute on .freehold")(errno)),
    }
}

fn sync_folder(folder: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::fsync(sys::open_for_listing(folder, b"")?)
}

fn remove_folder(parent: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    let folder = sys::open_directory(parent, name)?;
    let mut names = Vec::new();
    sys::read_directory(sys::open_for_listing(&folder, b"")?, |name| {
        names.push(name.to_vec());
        true
    })?;
    for name in names {
        rustix::fs::unlinkat(&folder, &name[..], AtFlags::empty())?;
    }
    rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)
}

fn read_whole(folder: &OwnedFd, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let size = usize::try_from(sys::stat(&file)?.size_bytes).unwrap_or(usize::MAX);
    if size > MAX_STORED_BYTES {
        return Err(Errno::FBIG);
    }
    let mut bytes = vec![0; size];
    let mut read = 0;
    while read < size {
        match rustix::io::pread(&file, &mut bytes[read..], read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}

fn write_whole(file: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::pwrite(file, &bytes[written..], written as u64) {
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
