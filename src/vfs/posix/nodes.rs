//! What is known of inodes: their attribute, parsed once and believed while the inode's change time stays.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::FileTime;
use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use rustix::io::Errno;

use super::making::Making;
use super::recent::Recent;
use super::store::{derived_id, home};
use super::sys::{self, Descriptor, InodeKind, NodeKey, ProcPath, Stat, Time};
use super::xattr::{
    ContentHash, MAX_RECORD_BYTES, Part, Record, RecordError, XATTR_NAME, decode_eas, reparse_tag,
};
use crate::fscc::FileAttributes;
use crate::fscc::fsctl::reparse::NfsType;
use crate::vfs::{Metadata, NodeId, NodeKind, VfsError, ea};

const SHARDS: usize = 64;
/// Where a file system's clock is coarse, a change time this young may stand for two changes.
const COARSE_CLOCK: Duration = Duration::from_millis(20);
/// Damaged files that are remembered as reported.
const MAX_REPORTED: usize = 10_000;
/// File ids of older epochs that are remembered.
const MAX_CLAIMS: usize = 1 << 20;
/// Longest record that leaves ext4's attribute in the inode.
const IN_INODE_BYTES: usize = 64;

/// IO_REPARSE_TAG_SYMLINK ([MS-FSCC] 2.1.2.1).
pub(super) const TAG_SYMLINK: u32 = 0xA000_000C;
/// IO_REPARSE_TAG_NFS ([MS-FSCC] 2.1.2.1).
pub(super) const TAG_NFS: u32 = 0x8000_0014;

/// What an attribute says, and what follows where there is none.
#[derive(Clone, Debug)]
pub(super) struct NodeInfo {
    changed_on_disk: Time,
    /// False while the file system's coarse clock could hide another change.
    settled: bool,
    pub(super) id: u64,
    attributes: FileAttributes,
    created: FileTime,
    changed: Option<(FileTime, FileTime)>,
    ea_size_bytes: u32,
    pub(super) reparse_tag: u32,
    nfs_type: NfsType,
    /// Zero when it has no descriptor of its own.
    pub(super) security: ContentHash,
    /// The descriptor, once it was needed. An inherited one holds for one state of the volume's directories.
    descriptor: Option<(Arc<SecurityDescriptor>, u64)>,
    pub(super) has_streams: bool,
    pub(super) has_stored_parts: bool,
    long_record: bool,
}

impl NodeInfo {
    /// The descriptor if it was needed before and, when inherited, nothing changed since `epoch`.
    #[inline]
    pub(super) fn known_descriptor(&self, epoch: u64) -> Option<Arc<SecurityDescriptor>> {
        let (descriptor, of_epoch) = self.descriptor.as_ref()?;
        (*of_epoch == 0 || *of_epoch == epoch).then(|| Arc::clone(descriptor))
    }

    pub(super) fn has_explicit_change_time(&self) -> bool {
        self.changed.is_some()
    }

    pub(super) fn metadata(&self, stat: &Stat) -> Metadata {
        let kind = if stat.is_directory() { NodeKind::Directory } else { NodeKind::File };
        let tag = match stat.kind {
            InodeKind::Symlink => TAG_SYMLINK,
            InodeKind::Special(..) => TAG_NFS,
            InodeKind::File | InodeKind::Directory => self.reparse_tag,
        };
        let mut attributes = self.attributes;
        attributes.set(FileAttributes::DIRECTORY, stat.is_directory());
        attributes.set(FileAttributes::REPARSE_POINT, tag != 0);
        attributes.set(FileAttributes::COMPRESSED, stat.compressed);
        let is_file = stat.kind == InodeKind::File;
        let size_bytes = if is_file { stat.size_bytes } else { 0 };
        // ext4 counts the block that holds the attribute.
        let own_sectors = if size_bytes == 0 && self.long_record { 8 } else { 0 };
        let modified = stat.modified.file_time();
        let changed = match self.changed {
            Some((changed, while_modified)) if while_modified == modified => changed,
            _ => stat.changed.file_time(),
        };
        Metadata {
            id: NodeId(self.id),
            kind,
            attributes,
            created: self.created,
            accessed: stat.accessed.file_time(),
            modified,
            changed,
            size_bytes,
            allocated_bytes: if is_file { stat.sectors.saturating_sub(own_sectors) * 512 } else { 0 },
            links: if kind == NodeKind::Directory { stat.links.min(1) } else { stat.links },
            ea_size_bytes: self.ea_size_bytes,
            reparse_tag: tag,
            nfs_type: super::special::nfs_type(stat.kind).unwrap_or(self.nfs_type),
        }
    }
}

/// Where to read an inode's attribute.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// An open file.
    Open(&'a Descriptor),
    /// A place (O_PATH).
    Place(BorrowedFd<'a>),
    /// An entry of a directory, by its Linux name.
    Entry(BorrowedFd<'a>, &'a [u8]),
}

/// What is there.
pub(super) enum Found {
    Absent,
    /// Newer or damaged: the file is served with defaults.
    Unusable,
    Record(Box<Record>, usize),
}

/// Everything that is remembered of inodes.
#[derive(Debug)]
pub(super) struct Nodes {
    shards: Vec<Mutex<Recent<NodeKey, NodeInfo>>>,
    epoch: u16,
    /// Two changes of an inode always have two change times (Linux 6.13 and newer).
    fine_times: bool,
    /// Files of which the attribute is not there yet.
    pub(super) making: Making,
    reported: Mutex<HashSet<NodeKey>>,
    /// Which inode was first seen with an id of an older epoch.
    claims: Mutex<HashMap<u64, NodeKey>>,
}

impl Nodes {
    pub(super) fn new(capacity: usize, epoch: u16, fine_times: bool) -> Self {
        Nodes {
            shards: (0..SHARDS).map(|_| Mutex::new(Recent::new(capacity / SHARDS / 2))).collect(),
            epoch,
            fine_times,
            making: Making::new(),
            reported: Mutex::default(),
            claims: Mutex::default(),
        }
    }

    #[inline]
    fn shard(&self, key: NodeKey) -> &Mutex<Recent<NodeKey, NodeInfo>> {
        let spread = (key.ino ^ key.dev << 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        &self.shards[(spread >> 58) as usize % SHARDS]
    }

    /// Calls `use_info` with what is known of the inode, reading its attribute when needed.
    #[inline]
    pub(super) fn with<R>(
        &self,
        stat: &Stat,
        source: Source<'_>,
        use_info: impl FnOnce(&NodeInfo) -> R,
    ) -> Result<R, VfsError> {
        if let Some(info) = self.shard(stat.key).lock().get(&stat.key)
            && info.changed_on_disk == stat.changed
            && info.settled
        {
            return Ok(use_info(info));
        }
        let info = self.load(stat, source)?;
        Ok(use_info(&info))
    }

    #[cold]
    fn load(&self, stat: &Stat, source: Source<'_>) -> Result<NodeInfo, VfsError> {
        let info = match self.read(stat, source)? {
            Found::Record(record, length) => self.info(stat, &record, length),
            Found::Absent | Found::Unusable => self.info(stat, &default_record(stat), 0),
        };
        self.shard(stat.key).lock().insert(stat.key, info.clone());
        Ok(info)
    }

    /// Reads the attribute; of a file that is just being made, once it is there. What cannot be used is reported once.
    ///
    /// # Errors
    /// [`VfsError::NotFound`] where another file has the name of a [`Source::Entry`] by now, and others.
    pub(super) fn read(&self, stat: &Stat, source: Source<'_>) -> Result<Found, VfsError> {
        if !matches!(stat.kind, InodeKind::File | InodeKind::Directory) {
            return Ok(Found::Absent);
        }
        let mut found = self.read_now(stat, source)?;
        if matches!(found, Found::Absent) {
            self.making.wait_for_all();
            found = self.read_now(stat, source)?;
        }
        if let Source::Entry(directory, name) = source
            && !self.is_of(stat, &found)
            && !sys::stat_at(directory, name)?.is_same_file(stat)
        {
            return Err(VfsError::NotFound);
        }
        Ok(found)
    }

    /// True for an attribute that was written for this very inode.
    fn is_of(&self, stat: &Stat, found: &Found) -> bool {
        matches!(found, Found::Record(record, _) if record.epoch == self.epoch && record.home == home(stat))
    }

    fn read_now(&self, stat: &Stat, source: Source<'_>) -> Result<Found, VfsError> {
        let mut buffer = [0; MAX_RECORD_BYTES + 1];
        let decoded = match read_xattr(source, &mut buffer) {
            Ok(length) => Record::decode(&buffer[..length]).map(|record| (record, length)),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(Found::Absent),
            Err(Errno::RANGE) => Err(RecordError::Damaged),
            Err(errno) => return Err(errno.into()),
        };
        match decoded {
            Ok((record, length)) => Ok(Found::Record(Box::new(record), length)),
            Err(error) => {
                self.report(stat, error);
                Ok(Found::Unusable)
            }
        }
    }

    fn report(&self, stat: &Stat, error: RecordError) {
        let mut reported = self.reported.lock();
        if reported.len() >= MAX_REPORTED {
            reported.clear();
        }
        if !reported.insert(stat.key) {
            return;
        }
        let inode = stat.key.ino;
        match error {
            RecordError::Newer(version) => {
                tracing::warn!(inode, version, "user.freehold is of a newer version: served with defaults");
            }
            RecordError::Damaged => {
                tracing::warn!(inode, "user.freehold is damaged: served with defaults");
            }
        }
    }

    /// The id that the file has: the record's, unless the file is a copy of the one that the record was written for.
    pub(super) fn id_of(&self, stat: &Stat, record: &Record) -> u64 {
        let own_home = home(stat);
        if record.epoch == self.epoch {
            return if record.home == own_home { record.id } else { derived_id(stat) };
        }
        let mut claims = self.claims.lock();
        if claims.len() >= MAX_CLAIMS {
            claims.clear();
        }
        if *claims.entry(record.id).or_insert(stat.key) == stat.key { record.id } else { derived_id(stat) }
    }

    fn info(&self, stat: &Stat, record: &Record, length: usize) -> NodeInfo {
        let id = self.id_of(stat, record);
        let eas = |bytes: &[u8]| decode_eas(bytes).map_or(0, |list| ea::size_bytes(&list));
        NodeInfo {
            changed_on_disk: stat.changed,
            settled: self.fine_times || is_old(stat.changed),
            id,
            attributes: record.attributes,
            created: record.created,
            changed: record.changed,
            ea_size_bytes: record.extended_attributes.about(eas),
            reparse_tag: record.reparse.about(reparse_tag),
            nfs_type: nfs_type(&record.reparse),
            security: record.security,
            descriptor: None,
            has_streams: record.has_streams && id == record.id,
            has_stored_parts: record.has_stored_parts() && id == record.id,
            long_record: length > IN_INODE_BYTES,
        }
    }

    /// Remembers a record that was just written; `stat` is from after it.
    pub(super) fn wrote(
        &self,
        stat: &Stat,
        record: &Record,
        length: usize,
        descriptor: Option<Arc<SecurityDescriptor>>,
    ) -> NodeInfo {
        let mut info = self.info(stat, record, length);
        info.descriptor = descriptor.map(|descriptor| (descriptor, 0));
        self.shard(stat.key).lock().insert(stat.key, info.clone());
        info
    }

    /// Remembers the descriptor that was found for an inode.
    pub(super) fn remember_descriptor(&self, stat: &Stat, descriptor: &Arc<SecurityDescriptor>, epoch: u64) {
        if let Some(info) = self.shard(stat.key).lock().get(&stat.key)
            && info.changed_on_disk == stat.changed
        {
            info.descriptor = Some((Arc::clone(descriptor), epoch));
        }
    }

    /// Takes note of our own change of an inode that left its attribute as it was.
    pub(super) fn changed_by_us(&self, key: NodeKey, before: Time, after: Time) {
        if self.fine_times
            && let Some(info) = self.shard(key).lock().get(&key)
            && info.changed_on_disk == before
        {
            info.changed_on_disk = after;
        }
    }

    /// Forgets an inode that is gone.
    pub(super) fn forget(&self, key: NodeKey) {
        self.shard(key).lock().remove(&key);
    }
}

/// What an NFS reparse point is. Only the text of a link is so long that the buffer is in the store.
fn nfs_type(reparse: &Part) -> NfsType {
    match reparse {
        Part::None => NfsType::NONE,
        Part::Inline(bytes) => NfsType::of_buffer(bytes),
        Part::Stored { about: TAG_NFS, .. } => NfsType::SPECFILE_LNK,
        Part::Stored { .. } => NfsType::NONE,
    }
}

/// What holds for a file without a record.
pub(super) fn default_record(stat: &Stat) -> Record {
    let attributes = if stat.is_directory() { FileAttributes::empty() } else { FileAttributes::ARCHIVE };
    Record { id: derived_id(stat), home: home(stat), attributes, created: created(stat), ..Record::default() }
}

/// CreationTime of a file that was given none.
pub(super) fn created(stat: &Stat) -> FileTime {
    stat.born.unwrap_or_else(|| stat.modified.min(stat.changed)).file_time()
}

fn is_old(changed: Time) -> bool {
    let changed = changed.file_time();
    let now = FileTime::from_system_time(SystemTime::now());
    changed.saturating_add(COARSE_CLOCK) < now
}

fn read_xattr(source: Source<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    match source {
        Source::Open(descriptor) if descriptor.is_open() => {
            rustix::fs::fgetxattr(descriptor.place(), XATTR_NAME, buffer)
        }
        Source::Open(descriptor) => {
            let path = ProcPath::new(descriptor.place(), b"")?;
            rustix::fs::getxattr(path.as_bytes(), XATTR_NAME, buffer)
        }
        Source::Place(place) => {
            let path = ProcPath::new(place, b"")?;
            rustix::fs::getxattr(path.as_bytes(), XATTR_NAME, buffer)
        }
        Source::Entry(directory, name) => {
            let path = ProcPath::new(directory, name)?;
            rustix::fs::lgetxattr(path.as_bytes(), XATTR_NAME, buffer)
        }
    }
}
