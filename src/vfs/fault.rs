//! A volume that wraps another one and fails when told to: by script ("the third write fails with DISK_FULL") or by
//! chance from a seed. For tests and the simulation.
//!
//! A failed operation is not done at all, except with [`Outcome::DoneButFailed`], where only the answer is lost.

use std::any::Any;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use freehold_acl::SecurityDescriptor;
use freehold_dtyp::{FileTime, Sid, Wtf8};
use parking_lot::Mutex;

use super::local::LocalLock;
use super::quotas::Quotas;
use super::{
    DataUse, DirectoryCursor, DirectoryEntry, Existing, ExtendedAttribute, File, FileRef, Metadata,
    MetadataChange, NewNode, NodeId, OpenError, Opened, SecurityChange, Space, StreamEntry, VfsError,
    VfsPath, Volume, VolumeIdentity, Wait,
};

/// Kinds of operations that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`Volume::space`].
    Space,
    /// [`Volume::open`].
    Open,
    /// [`Volume::create`].
    Create,
    /// [`Volume::create_stream`].
    CreateStream,
    /// [`Volume::rename`] and [`File::rename_stream`].
    Rename,
    /// [`Volume::link`].
    Link,
    /// [`Volume::unlink`].
    Unlink,
    /// [`Volume::sync`] and [`File::flush`].
    Flush,
    /// [`File::read`] with [`Wait::Never`].
    ReadNow,
    /// [`File::read`] with [`Wait::Allowed`].
    Read,
    /// [`File::write`].
    Write,
    /// [`File::set_size`], [`File::allocate`] and [`File::punch_hole`].
    Resize,
    /// [`File::lock_local`].
    Lock,
    /// [`File::copy_range`] and [`File::clone_range`].
    Copy,
    /// [`File::metadata`] and other questions about one file.
    Query,
    /// [`File::set_metadata`], [`File::set_security`] and other changes of one file's metadata.
    Change,
    /// [`File::overwrite`].
    Overwrite,
    /// [`File::list`], [`File::entry`] and [`File::is_empty`].
    List,
}

/// Every [`Operation`].
pub const OPERATIONS: [Operation; 18] = [
    Operation::Space,
    Operation::Open,
    Operation::Create,
    Operation::CreateStream,
    Operation::Rename,
    Operation::Link,
    Operation::Unlink,
    Operation::Flush,
    Operation::ReadNow,
    Operation::Read,
    Operation::Write,
    Operation::Resize,
    Operation::Lock,
    Operation::Copy,
    Operation::Query,
    Operation::Change,
    Operation::Overwrite,
    Operation::List,
];

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is done.
    Failed(VfsError),
    /// It is done, but reported as failed.
    DoneButFailed(VfsError),
}

#[derive(Debug)]
struct Scripted {
    operation: Operation,
    /// Calls that still go well before.
    after: u64,
    outcome: Outcome,
}

#[derive(Debug)]
struct Chance {
    operation: Operation,
    per_million: u32,
    outcome: Outcome,
}

#[derive(Debug, Default)]
struct Plan {
    scripted: Vec<Scripted>,
    chances: Vec<Chance>,
    random: u64,
    calls: [u64; OPERATIONS.len()],
    failures: u64,
}

/// Decides what fails. Shared by a [`FaultVolume`], its files and the test.
#[derive(Debug, Default)]
pub struct Faults {
    plan: Mutex<Plan>,
}

impl Faults {
    /// Nothing fails yet; chance draws from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Faults { plan: Mutex::new(Plan { random: seed, ..Plan::default() }) })
    }

    /// Makes one call fail: the first of this kind after `after` others.
    pub fn fail_once(&self, operation: Operation, after: u64, outcome: Outcome) {
        self.plan.lock().scripted.push(Scripted { operation, after, outcome });
    }

    /// Makes calls of this kind fail with a chance of `per_million` in a million, from now on.
    pub fn fail_by_chance(&self, operation: Operation, per_million: u32, outcome: Outcome) {
        self.plan.lock().chances.push(Chance { operation, per_million, outcome });
    }

    /// Everything goes well again.
    pub fn clear(&self) {
        let mut plan = self.plan.lock();
        plan.scripted.clear();
        plan.chances.clear();
    }

    /// Calls of this kind so far, failed ones included.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.plan.lock().calls[operation as usize]
    }

    /// Calls that were made to fail so far.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.plan.lock().failures
    }

    fn next(&self, operation: Operation) -> Option<Outcome> {
        let mut plan = self.plan.lock();
        plan.calls[operation as usize] += 1;
        let mut outcome = None;
        plan.scripted.retain_mut(|step| {
            if step.operation != operation || outcome.is_some() {
                return true;
            }
            if step.after == 0 {
                outcome = Some(step.outcome);
                return false;
            }
            step.after -= 1;
            true
        });
        if outcome.is_none() {
            let Plan { chances, random, .. } = &mut *plan;
            let drawn = chances
                .iter()
                .find(|chance| chance.operation == operation && draw(random) < chance.per_million);
            outcome = drawn.map(|chance| chance.outcome);
        }
        plan.failures += u64::from(outcome.is_some());
        outcome
    }

    fn run<R>(
        &self,
        operation: Operation,
        inner: impl FnOnce() -> Result<R, VfsError>,
    ) -> Result<R, VfsError> {
        match self.next(operation) {
            None => inner(),
            Some(Outcome::Failed(error)) => Err(error),
            Some(Outcome::DoneButFailed(error)) => inner().and(Err(error)),
        }
    }
}

/// A number below a million (SplitMix64).
fn draw(random: &mut u64) -> u32 {
    *random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut value = *random;
    value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((value ^ value >> 31) % 1_000_000) as u32
}

/// The wrapped volume.
pub struct FaultVolume<V> {
    inner: V,
    faults: Arc<Faults>,
}

struct FaultFile {
    inner: FileRef,
    faults: Arc<Faults>,
}

impl<V: Volume> FaultVolume<V> {
    /// Wraps `inner`.
    #[must_use]
    pub fn new(inner: V, faults: Arc<Faults>) -> Self {
        FaultVolume { inner, faults }
    }

    /// The volume inside, which does not fail.
    #[must_use]
    pub fn inner(&self) -> &V {
        &self.inner
    }

    fn wrap(&self, mut opened: Opened) -> Opened {
        let inner = opened.file;
        opened.file = FileRef(Arc::new(FaultFile { inner, faults: Arc::clone(&self.faults) }));
        opened
    }

    fn wrap_error(&self, error: OpenError) -> OpenError {
        match error {
            OpenError::NotFound(parent) => OpenError::NotFound(Box::new(self.wrap(*parent))),
            OpenError::StreamNotFound(file) => OpenError::StreamNotFound(Box::new(self.wrap(*file))),
            other => other,
        }
    }
}

/// The file inside.
fn unwrap(file: &FileRef) -> Result<&FileRef, VfsError> {
    let any: &dyn Any = &*file.0;
    any.downcast_ref::<FaultFile>().map(|file| &file.inner).ok_or(VfsError::CrossDevice)
}

impl<V: Volume> Volume for FaultVolume<V> {
    fn identity(&self) -> &VolumeIdentity {
        self.inner.identity()
    }

    fn space(&self) -> Result<Space, VfsError> {
        self.faults.run(Operation::Space, || self.inner.space())
    }

    fn space_of(&self, caller: &Sid, file: &FileRef) -> Result<Space, VfsError> {
        self.faults.run(Operation::Space, || self.inner.space_of(caller, file))
    }

    fn quotas(&self) -> Option<Arc<dyn Quotas>> {
        self.inner.quotas()
    }

    fn open(&self, path: &VfsPath, stream: Option<Wtf8<'_>>, data_use: DataUse) -> Result<Opened, OpenError> {
        let outcome = self.faults.next(Operation::Open);
        if let Some(Outcome::Failed(error)) = outcome {
            return Err(OpenError::Failed(error));
        }
        let opened = self.inner.open(path, stream, data_use);
        match outcome {
            Some(Outcome::DoneButFailed(error)) => Err(OpenError::Failed(error)),
            _ => opened.map(|opened| self.wrap(opened)).map_err(|error| self.wrap_error(error)),
        }
    }

    fn create(&self, parent: &FileRef, name: Wtf8<'_>, new: &NewNode) -> Result<Opened, VfsError> {
        let parent = unwrap(parent)?;
        self.faults
            .run(Operation::Create, || self.inner.create(parent, name, new))
            .map(|opened| self.wrap(opened))
    }

    fn create_stream(&self, file: &FileRef, name: Wtf8<'_>, now: FileTime) -> Result<Opened, VfsError> {
        let file = unwrap(file)?;
        let created = self.faults.run(Operation::CreateStream, || self.inner.create_stream(file, name, now));
        created.map(|opened| self.wrap(opened))
    }

    fn rename(
        &self,
        file: &FileRef,
        to: &VfsPath,
        existing: Existing,
        now: FileTime,
    ) -> Result<VfsPath, VfsError> {
        let file = unwrap(file)?;
        self.faults.run(Operation::Rename, || self.inner.rename(file, to, existing, now))
    }

    fn link(&self, file: &FileRef, to: &VfsPath, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        let file = unwrap(file)?;
        self.faults.run(Operation::Link, || self.inner.link(file, to, existing, now))
    }

    fn unlink(&self, file: &FileRef) -> Result<(), VfsError> {
        let file = unwrap(file)?;
        self.faults.run(Operation::Unlink, || self.inner.unlink(file))
    }

    fn broken_leases(&self) -> Vec<NodeId> {
        self.inner.broken_leases()
    }

    fn release_lease(&self, file: NodeId) {
        self.inner.release_lease(file);
    }

    fn snapshots(&self) -> Result<Vec<FileTime>, VfsError> {
        self.inner.snapshots()
    }

    fn snapshot(&self, time: FileTime) -> Result<Arc<dyn Volume>, VfsError> {
        self.inner.snapshot(time)
    }

    fn sync(&self) -> Result<(), VfsError> {
        self.faults.run(Operation::Flush, || self.inner.sync())
    }
}

impl File for FaultFile {
    fn id(&self) -> NodeId {
        self.inner.0.id()
    }

    fn path(&self) -> VfsPath {
        self.inner.0.path()
    }

    fn read(&self, offset: u64, buffer: &mut [u8], wait: Wait) -> Result<usize, VfsError> {
        let operation = if wait == Wait::Never { Operation::ReadNow } else { Operation::Read };
        self.faults.run(operation, || self.inner.0.read(offset, buffer, wait))
    }

    /// `None`: what is sent from a descriptor could not be made to fail.
    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<Option<u64>, VfsError> {
        self.faults.run(Operation::Write, || self.inner.0.write(offset, data))
    }

    fn open_data(&self, write: bool, cache: bool) -> Result<bool, VfsError> {
        self.faults.run(Operation::Open, || self.inner.0.open_data(write, cache))
    }

    fn lock_local(&self, locks: &[LocalLock]) -> Result<(), VfsError> {
        self.faults.run(Operation::Lock, || self.inner.0.lock_local(locks))
    }

    fn unlock_local(&self, locks: &[LocalLock]) {
        self.inner.0.unlock_local(locks);
    }

    fn flush(&self) -> Result<(), VfsError> {
        self.faults.run(Operation::Flush, || self.inner.0.flush())
    }

    fn set_size(&self, size_bytes: u64) -> Result<(), VfsError> {
        self.faults.run(Operation::Resize, || self.inner.0.set_size(size_bytes))
    }

    fn allocate(&self, allocated_bytes: u64) -> Result<(), VfsError> {
        self.faults.run(Operation::Resize, || self.inner.0.allocate(allocated_bytes))
    }

    fn punch_hole(&self, offset: u64, length_bytes: u64) -> Result<(), VfsError> {
        self.faults.run(Operation::Resize, || self.inner.0.punch_hole(offset, length_bytes))
    }

    fn allocated_ranges(
        &self,
        offset: u64,
        length_bytes: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.allocated_ranges(offset, length_bytes, limit))
    }

    fn copy_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<u64, VfsError> {
        let source = unwrap(source)?;
        self.faults
            .run(Operation::Copy, || self.inner.0.copy_range(source, source_offset, offset, length_bytes))
    }

    fn clone_range(
        &self,
        source: &FileRef,
        source_offset: u64,
        offset: u64,
        length_bytes: u64,
    ) -> Result<(), VfsError> {
        let source = unwrap(source)?;
        self.faults
            .run(Operation::Copy, || self.inner.0.clone_range(source, source_offset, offset, length_bytes))
    }

    fn metadata(&self) -> Result<Metadata, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.metadata())
    }

    fn set_metadata(&self, change: &MetadataChange) -> Result<(), VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.set_metadata(change))
    }

    fn overwrite(&self, new: &NewNode, supersede_security: bool) -> Result<Metadata, VfsError> {
        self.faults.run(Operation::Overwrite, || self.inner.0.overwrite(new, supersede_security))
    }

    fn security(&self) -> Result<Arc<SecurityDescriptor>, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.security())
    }

    fn set_security(&self, security: Arc<SecurityDescriptor>, now: FileTime) -> Result<(), VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.set_security(security, now))
    }

    fn change_security(
        &self,
        change: &mut SecurityChange<'_>,
        now: FileTime,
    ) -> Result<Option<Arc<SecurityDescriptor>>, VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.change_security(change, now))
    }

    fn extended_attributes(&self) -> Result<Vec<ExtendedAttribute>, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.extended_attributes())
    }

    fn set_extended_attributes(&self, changes: &[ExtendedAttribute], now: FileTime) -> Result<(), VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.set_extended_attributes(changes, now))
    }

    fn streams(&self) -> Result<Vec<StreamEntry>, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.streams())
    }

    fn rename_stream(&self, to: Wtf8<'_>, existing: Existing, now: FileTime) -> Result<(), VfsError> {
        self.faults.run(Operation::Rename, || self.inner.0.rename_stream(to, existing, now))
    }

    fn set_compressed(&self, compressed: bool) -> Result<(), VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.set_compressed(compressed))
    }

    fn reparse_data(&self) -> Result<Vec<u8>, VfsError> {
        self.faults.run(Operation::Query, || self.inner.0.reparse_data())
    }

    fn set_reparse_data(&self, data: Option<&[u8]>, now: FileTime) -> Result<(), VfsError> {
        self.faults.run(Operation::Change, || self.inner.0.set_reparse_data(data, now))
    }

    fn list(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.faults.run(Operation::List, || self.inner.0.list(cursor, visit))
    }

    fn list_secured(
        &self,
        cursor: DirectoryCursor,
        visit: &mut dyn FnMut(Wtf8<'_>, &Metadata, &Arc<SecurityDescriptor>) -> bool,
    ) -> Result<Option<DirectoryCursor>, VfsError> {
        self.faults.run(Operation::List, || self.inner.0.list_secured(cursor, visit))
    }

    fn entry(&self, name: Wtf8<'_>) -> Result<Option<DirectoryEntry>, VfsError> {
        self.faults.run(Operation::List, || self.inner.0.entry(name))
    }

    fn is_empty(&self) -> Result<bool, VfsError> {
        self.faults.run(Operation::List, || self.inner.0.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfs::NodeKind;
    use crate::vfs::conformance::{self, contents, create, descriptor, open};
    use crate::vfs::memory::{MemoryOptions, MemoryVolume};

    fn fresh(faults: &Arc<Faults>) -> FaultVolume<MemoryVolume> {
        let inner = MemoryVolume::new(MemoryOptions::new(descriptor(0x1F01FF)));
        FaultVolume::new(inner, Arc::clone(faults))
    }

    #[test]
    fn without_faults_it_is_the_volume_inside() {
        conformance::run(&|| fresh(&Faults::new(1)));
    }

    #[test]
    fn a_scripted_call_fails_once_and_at_its_place() {
        let faults = Faults::new(1);
        let volume = fresh(&faults);
        let file = create(&volume, "f", NodeKind::File).file;
        faults.fail_once(Operation::Write, 1, Outcome::Failed(VfsError::DiskFull));
        faults.fail_once(Operation::Write, 2, Outcome::DoneButFailed(VfsError::Io));
        file.0.write(0, b"a").unwrap();
        assert_eq!(file.0.write(1, b"b"), Err(VfsError::DiskFull));
        file.0.write(2, b"c").unwrap();
        assert_eq!(file.0.write(3, b"d"), Err(VfsError::Io));
        assert_eq!(contents(&file), b"a\0cd");
        assert_eq!((faults.calls(Operation::Write), faults.failures()), (4, 2));
        faults.fail_once(Operation::Open, 0, Outcome::Failed(VfsError::Io));
        assert!(matches!(open(&volume, "f"), Err(OpenError::Failed(VfsError::Io))));
        assert!(open(&volume, "f").is_ok());
    }

    #[test]
    fn one_seed_always_draws_the_same() {
        let drawn = |seed| {
            let faults = Faults::new(seed);
            let volume = fresh(&faults);
            let file = create(&volume, "f", NodeKind::File).file;
            faults.fail_by_chance(Operation::ReadNow, 300_000, Outcome::Failed(VfsError::WouldBlock));
            let reads: Vec<bool> =
                (0..1000).map(|_| file.0.read(0, &mut [0], Wait::Never).is_err()).collect();
            faults.clear();
            assert!(file.0.read(0, &mut [0], Wait::Never).is_ok());
            reads
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let failed = drawn(7).iter().filter(|failed| **failed).count();
        assert!((200..400).contains(&failed), "{failed}");
    }
}
