//! Runs the core's operations on volumes. Each is one call; this module decides nothing.

use std::sync::Arc;

use freehold_dtyp::{FileTime, Sid};
use freehold_quotas::OwnerRow;

use crate::proto::op::{CopyRange, FoundSnapshot, Op, OpResult, QuotaRequest, Splice, VolumeRef};
use crate::vfs::{FileRef, OpenError, VfsError, Wait};

/// What became of an operation.
pub enum Outcome {
    /// It is done.
    Done(OpResult),
    /// Its data is not in memory: run this where blocking is allowed. Came it from there, a program of this machine has a lease
    /// on the file and was told to give it up: run this again later.
    WouldBlock(Op),
}

/// Runs an operation. With [`Wait::Never`] a read of what is not in memory comes back undone.
///
/// Not for `Op::Audit`, `Op::Account`, `Op::Names`, `Op::Rpc` and `Op::Delay`, which are not of a volume: the caller keeps them.
pub fn execute(op: Op, wait: Wait) -> Outcome {
    if let Some(result) = change_or_open(&op) {
        return if is_leased(&result) { Outcome::WouldBlock(op) } else { Outcome::Done(result) };
    }
    let result = match op {
        Op::Read { file, offset, length_bytes, buffer, may_splice } => {
            return read(file, offset, length_bytes, buffer, may_splice, wait);
        }
        Op::Create { volume, parent, name, new } => OpResult::Opened(
            volume.volume.create(&parent, name.as_wtf8(), &new).map_err(crate::vfs::OpenError::Failed),
        ),
        Op::CreateStream { volume, file, name, now } => OpResult::Opened(
            volume.volume.create_stream(&file, name.as_wtf8(), now).map_err(crate::vfs::OpenError::Failed),
        ),
        Op::Rename { volume, file, to, existing, now } => {
            OpResult::Renamed(volume.volume.rename(&file, &to, existing, now))
        }
        Op::Link { volume, file, to, existing, now } => {
            OpResult::Done(volume.volume.link(&file, &to, existing, now))
        }
        Op::Unlink { volume, file, under_way } => {
            let result = volume.volume.unlink(&file);
            drop(under_way);
            OpResult::Done(result)
        }
        Op::Space { volume, caller, file } => OpResult::Space(volume.volume.space_of(&caller, &file)),
        Op::Folder { volume, path, missing } => {
            OpResult::Folder(crate::vfs::folders::find_or_make(&*volume.volume, &path, &missing))
        }
        Op::Quota { volume, request } => quota(&volume, request),
        Op::Close { file } => {
            drop(file);
            OpResult::Done(Ok(()))
        }
        Op::UnlockLocal { file, locks } => {
            file.0.unlock_local(&locks);
            OpResult::Done(Ok(()))
        }
        Op::Metadata { file } => OpResult::Metadata(file.0.metadata()),
        Op::SetMetadata { file, change } => OpResult::Done(file.0.set_metadata(&change)),
        Op::Security { file } => OpResult::Security(file.0.security()),
        Op::ReplaceSecurity { file, expected, security, now } => {
            OpResult::Replaced(file.0.replace_security(&expected, &security, now))
        }
        Op::ExtendedAttributes { file } => OpResult::ExtendedAttributes(file.0.extended_attributes()),
        Op::SetExtendedAttributes { file, changes, now } => {
            OpResult::Done(file.0.set_extended_attributes(&changes, now))
        }
        Op::Streams { file } => OpResult::Streams(file.0.streams()),
        Op::RenameStream { file, to, existing, now } => {
            OpResult::Done(file.0.rename_stream(to.as_wtf8(), existing, now))
        }
        Op::Snapshots { volume } => OpResult::Snapshots(volume.volume.snapshots()),
        Op::Snapshot { volume, time } => OpResult::Snapshot(snapshot(&volume, time)),
        Op::ReparseData { file } => OpResult::Bytes(file.0.reparse_data()),
        Op::SetReparseData { file, data, now } => {
            OpResult::Done(file.0.set_reparse_data(data.as_deref(), now))
        }
        Op::List { file, cursor, mut visitor } => {
            let result = if visitor.wants_security() {
                file.0.list_secured(cursor, &mut |name, metadata, security| {
                    visitor.visit_secured(name, metadata, security)
                })
            } else {
                file.0.list(cursor, &mut |name, metadata| visitor.visit(name, metadata))
            };
            OpResult::Listed { visitor, result }
        }
        Op::Entry { file, name } => OpResult::Entry(file.0.entry(name.as_wtf8())),
        Op::IsEmpty { file } => OpResult::IsEmpty(file.0.is_empty()),
        Op::Persist(persist) => OpResult::Done(persist.run()),
        op @ (Op::Open { .. }
        | Op::OpenData { .. }
        | Op::LockLocal { .. }
        | Op::Write { .. }
        | Op::Flush { .. }
        | Op::SetSize { .. }
        | Op::Allocate { .. }
        | Op::PunchHole { .. }
        | Op::AllocatedRanges { .. }
        | Op::CopyRanges { .. }
        | Op::CloneRange { .. }
        | Op::Overwrite { .. }
        | Op::SetCompressed { .. }
        | Op::Audit { .. }
        | Op::Account { .. }
        | Op::Names { .. }
        | Op::Rpc { .. }
        | Op::Delay { .. }) => {
            // INVARIANT: the first half of them was done above.
            debug_assert!(false, "not an operation of a volume");
            return Outcome::WouldBlock(op);
        }
    };
    Outcome::Done(result)
}

/// Runs an operation that may have to open a file's data, which a program's lease forbids for a while: it can be run again
/// as it is. `None` for all others.
fn change_or_open(op: &Op) -> Option<OpResult> {
    Some(match op {
        Op::Open { volume, path, stream, data_use } => {
            OpResult::Opened(volume.volume.open(path, stream.as_ref().map(|name| name.as_wtf8()), *data_use))
        }
        Op::OpenData { file, write, cache } => OpResult::DataOpened(file.0.open_data(*write, *cache)),
        Op::LockLocal { file, locks } => OpResult::Done(file.0.lock_local(locks)),
        Op::Write { file, offset, data, durable } => {
            let written = file.0.write(*offset, data);
            OpResult::Written(
                written.and_then(|grown| if *durable { file.0.flush().map(|()| grown) } else { Ok(grown) }),
            )
        }
        Op::Flush { file } => OpResult::Done(file.0.flush()),
        Op::SetSize { file, size_bytes } => OpResult::Done(file.0.set_size(*size_bytes)),
        Op::Allocate { file, allocated_bytes } => OpResult::Done(file.0.allocate(*allocated_bytes)),
        Op::PunchHole { file, offset, length_bytes } => {
            OpResult::Done(file.0.punch_hole(*offset, *length_bytes))
        }
        Op::AllocatedRanges { file, offset, length_bytes, limit } => {
            OpResult::Ranges(file.0.allocated_ranges(*offset, *length_bytes, *limit))
        }
        Op::CopyRanges { source, file, ranges } => copy(source, file, ranges),
        Op::CloneRange { source, file, range } => {
            OpResult::Done(file.0.clone_range(source, range.source_offset, range.offset, range.length_bytes))
        }
        Op::Overwrite { file, new, supersede_security } => {
            OpResult::Metadata(file.0.overwrite(new, *supersede_security))
        }
        Op::SetCompressed { file, compressed } => OpResult::Done(file.0.set_compressed(*compressed)),
        _ => return None,
    })
}

/// True for an operation that has done nothing, because a program of this machine has a lease on its file.
fn is_leased(result: &OpResult) -> bool {
    match result {
        OpResult::Opened(Err(OpenError::Failed(VfsError::WouldBlock)))
        | OpResult::DataOpened(Err(VfsError::WouldBlock))
        | OpResult::Done(Err(VfsError::WouldBlock))
        | OpResult::Written(Err(VfsError::WouldBlock))
        | OpResult::Ranges(Err(VfsError::WouldBlock))
        | OpResult::Metadata(Err(VfsError::WouldBlock)) => true,
        OpResult::Copied { total_bytes, result: Err(VfsError::WouldBlock), .. } => *total_bytes == 0,
        _ => false,
    }
}

/// The result of an operation that is given up because a program has kept its lease.
pub fn still_leased(op: Op) -> OpResult {
    let error = VfsError::WouldBlock;
    match op {
        Op::Read { buffer, .. } => OpResult::Read { buffer, result: Err(error), splice: None },
        Op::Open { .. } => OpResult::Opened(Err(OpenError::Failed(error))),
        Op::OpenData { .. } => OpResult::DataOpened(Err(error)),
        Op::Write { .. } => OpResult::Written(Err(error)),
        Op::AllocatedRanges { .. } => OpResult::Ranges(Err(error)),
        Op::Overwrite { .. } => OpResult::Metadata(Err(error)),
        Op::CopyRanges { .. } => {
            OpResult::Copied { ranges: 0, partial_bytes: 0, total_bytes: 0, result: Err(error) }
        }
        _ => OpResult::Done(Err(error)),
    }
}

fn quota(volume: &VolumeRef, request: QuotaRequest) -> OpResult {
    let quotas = volume.volume.quotas().ok_or(VfsError::NotSupported);
    match request {
        QuotaRequest::Policy => OpResult::QuotaPolicy(quotas.map(|quotas| quotas.policy())),
        QuotaRequest::Owners { after, most } => {
            OpResult::QuotaOwners(quotas.map(|quotas| quotas.owners(after.as_ref(), most)))
        }
        QuotaRequest::Of(owners) => OpResult::QuotaOwners(quotas.map(|quotas| {
            let policy = quotas.policy();
            let row = |owner: Sid| {
                let (limits, source) = policy.limits_of(&owner);
                OwnerRow { owner, usage: quotas.usage(&owner), limits, source }
            };
            owners.into_iter().map(row).collect()
        })),
        QuotaRequest::Change(changes) => OpResult::Done(quotas.and_then(|quotas| quotas.change(&changes))),
    }
}

fn snapshot(volume: &VolumeRef, time: FileTime) -> Result<FoundSnapshot, VfsError> {
    let volume = volume.volume.snapshot(time)?;
    Ok(FoundSnapshot { identity: Arc::new(volume.identity().clone()), volume })
}

fn read(
    file: FileRef,
    offset: u64,
    length_bytes: u32,
    mut buffer: crate::proto::buffer::ReplyBuffer,
    may_splice: bool,
    wait: Wait,
) -> Outcome {
    let length = length_bytes as usize;
    if may_splice && let Some(found) = spliceable(&file, offset, length) {
        let splice = Splice { file, offset, length_bytes: found };
        return Outcome::Done(OpResult::Read { buffer, result: Ok(found), splice: Some(splice) });
    }
    let start = buffer.len();
    let place = buffer.extend(length);
    let mut done = 0;
    let result = loop {
        match file.0.read(offset.saturating_add(done as u64), &mut place[done..], wait) {
            Ok(0) => break Ok(done),
            Ok(count) => {
                done += count;
                if done == length || wait == Wait::Allowed {
                    break Ok(done);
                }
            }
            Err(VfsError::WouldBlock) => {
                buffer.truncate(start);
                return Outcome::WouldBlock(Op::Read { file, offset, length_bytes, buffer, may_splice });
            }
            Err(error) => break Err(error),
        }
    };
    buffer.truncate(start + result.as_ref().copied().unwrap_or(0));
    Outcome::Done(OpResult::Read { buffer, result, splice: None })
}

/// Bytes that can go from the file to the socket by themselves: what there is of the range, if anything.
fn spliceable(file: &FileRef, offset: u64, length: usize) -> Option<usize> {
    let fd = file.0.as_fd()?;
    let size = u64::try_from(rustix::fs::fstat(fd).ok()?.st_size).ok()?;
    let there = size.checked_sub(offset)?;
    let count = usize::try_from(there).unwrap_or(usize::MAX).min(length);
    (count > 0).then_some(count)
}

fn copy(source: &FileRef, file: &FileRef, ranges: &[CopyRange]) -> OpResult {
    let mut done = 0;
    let mut total_bytes = 0u64;
    for range in ranges {
        match file.0.copy_range(source, range.source_offset, range.offset, range.length_bytes) {
            Ok(count) if count == range.length_bytes => {
                done += 1;
                total_bytes += count;
            }
            Ok(partial_bytes) => {
                total_bytes += partial_bytes;
                return OpResult::Copied { ranges: done, partial_bytes, total_bytes, result: Ok(()) };
            }
            Err(error) => {
                return OpResult::Copied { ranges: done, partial_bytes: 0, total_bytes, result: Err(error) };
            }
        }
    }
    OpResult::Copied { ranges: done, partial_bytes: 0, total_bytes, result: Ok(()) }
}
