//! [MS-FSA] 2.1.5.15.2 FileBasicInformation: times and attributes.

use std::sync::Arc;

use freehold_dtyp::{Decode, FileTime, NtStatus};

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, FrozenTimes, Open};
use super::{done, short};
use crate::fscc::FileAttributes;
use crate::fscc::file_info::{BasicInformation, TimeChange};
use crate::fscc::notify::CompletionFilter;
use crate::vfs::{MetadataChange, NodeKind};

/// A change under way.
pub struct Pending {
    open: Arc<Open>,
    /// What is told to who watches.
    filter: CompletionFilter,
}

/// Checks the values and starts the change.
///
/// # Errors
/// INVALID_PARAMETER for times below -2, unknown attributes, DIRECTORY on a file and TEMPORARY on a directory.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, file: &FileOpen, buffer: &[u8]) -> StepResult {
    let wanted = BasicInformation::from_bytes(buffer.get(..BasicInformation::FIXED_SIZE).unwrap_or(buffer))
        .map_err(short)?;
    check_attributes(file, wanted.file_attributes)?;
    let mut frozen = file.state.lock().frozen_times;
    let (mut change, filter) = change_of(&wanted, &mut frozen, cx.now.wall)?;
    if file.file.0.path().is_root() {
        // The root of a volume is neither hidden nor of the system.
        let never = FileAttributes::HIDDEN | FileAttributes::SYSTEM;
        change.attributes = change.attributes.map(|attributes| attributes.difference(never));
    }
    {
        let mut state = file.state.lock();
        state.frozen_times = frozen;
        // ARCHIVE may be gone: the next write has to set it again.
        state.written &= change.attributes.is_none();
    }
    if filter.is_empty() && change.changed.is_none() {
        // A request that sets nothing shows what was written, too.
        cx.before_reply.extend(cx.server.held_times.end(file, cx.now));
        return done(cx);
    }
    let op = Op::SetMetadata { file: file.file.clone(), change };
    let pending = super::Pending::Basic(Pending { open: Arc::clone(open), filter });
    Ok(Step::Op(op, super::super::Pending::SetInfo(Box::new(pending))))
}

/// Tells who watches.
///
/// # Errors
/// What the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    result.done()?;
    let file = file_of(&pending.open)?;
    cx.before_reply.extend(cx.server.held_times.end(file, cx.now));
    data_change::report(cx, &pending.open, file, pending.filter);
    done(cx)
}

fn check_attributes(file: &FileOpen, attributes: FileAttributes) -> Result<(), NtStatus> {
    let is_directory = file.kind == NodeKind::Directory && file.stream.is_none();
    let misplaced = if is_directory { FileAttributes::TEMPORARY } else { FileAttributes::DIRECTORY };
    if attributes.intersects(misplaced) || !FileAttributes::DEFINED.contains(attributes) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    Ok(())
}

/// The change to make, what of it is told to who watches, and which times later operations through the handle leave alone.
fn change_of(
    wanted: &BasicInformation,
    frozen: &mut FrozenTimes,
    now: FileTime,
) -> Result<(MetadataChange, CompletionFilter), NtStatus> {
    // Nothing changes CreationTime by itself: there is nothing to freeze.
    let mut created_frozen = false;
    let mut change = MetadataChange {
        created: time_of(wanted.creation_time, &mut created_frozen)?,
        accessed: time_of(wanted.last_access_time, &mut frozen.accessed)?,
        modified: time_of(wanted.last_write_time, &mut frozen.modified)?,
        changed: time_of(wanted.change_time, &mut frozen.changed)?,
        ..MetadataChange::default()
    };
    if !wanted.file_attributes.is_empty() {
        change.attributes = Some(wanted.file_attributes);
    }
    let mut filter = CompletionFilter::empty();
    filter.set(CompletionFilter::CREATION, change.created.is_some());
    filter.set(CompletionFilter::LAST_ACCESS, change.accessed.is_some());
    filter.set(CompletionFilter::LAST_WRITE, change.modified.is_some());
    filter.set(CompletionFilter::ATTRIBUTES, change.attributes.is_some());
    if !filter.is_empty() && change.changed.is_none() && !frozen.changed {
        change.changed = Some(now);
    }
    Ok((change, filter))
}

/// A time that is set, too, is left alone by later operations through the handle.
fn time_of(wanted: FileTime, frozen: &mut bool) -> Result<Option<FileTime>, NtStatus> {
    match TimeChange::from(wanted) {
        TimeChange::Keep => Ok(None),
        TimeChange::Freeze => {
            *frozen = true;
            Ok(None)
        }
        TimeChange::Resume => {
            *frozen = false;
            Ok(None)
        }
        TimeChange::Set(time) => {
            *frozen = true;
            Ok(Some(time))
        }
        TimeChange::Invalid => Err(NtStatus::INVALID_PARAMETER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: FileTime = FileTime(1000);

    fn wanted(times: [u64; 4], attributes: u32) -> BasicInformation {
        let [created, accessed, modified, changed] = times.map(FileTime);
        BasicInformation {
            creation_time: created,
            last_access_time: accessed,
            last_write_time: modified,
            change_time: changed,
            file_attributes: FileAttributes::from_bits_retain(attributes),
        }
    }

    #[test]
    fn zero_keeps_everything() {
        let mut frozen = FrozenTimes::default();
        let (change, filter) = change_of(&wanted([0; 4], 0), &mut frozen, NOW).unwrap();
        assert_eq!(
            (change.created, change.accessed, change.modified, change.changed),
            (None, None, None, None)
        );
        assert!(change.attributes.is_none() && filter.is_empty());
        assert_eq!(frozen, FrozenTimes::default());
    }

    #[test]
    fn a_change_sets_the_change_time_unless_it_is_frozen_or_given() {
        let mut frozen = FrozenTimes::default();
        let (change, filter) = change_of(&wanted([5, 0, 0, 0], 0), &mut frozen, NOW).unwrap();
        assert_eq!((change.created, change.changed), (Some(FileTime(5)), Some(NOW)));
        assert_eq!(filter, CompletionFilter::CREATION);

        let (change, _) = change_of(&wanted([0, 0, 0, u64::MAX], 2), &mut frozen, NOW).unwrap();
        assert!(frozen.changed && change.changed.is_none());
        let (change, _) = change_of(&wanted([0, 0, 0, 0], 2), &mut frozen, NOW).unwrap();
        assert!(change.changed.is_none());
        let (change, filter) = change_of(&wanted([0, 0, 0, 7], 0), &mut frozen, NOW).unwrap();
        assert_eq!(change.changed, Some(FileTime(7)));
        assert!(filter.is_empty());
    }

    #[test]
    fn freezing_and_setting_stick_to_the_handle_until_they_are_taken_back() {
        let mut frozen = FrozenTimes::default();
        change_of(&wanted([0, 0, u64::MAX, 0], 0), &mut frozen, NOW).unwrap();
        assert_eq!(frozen, FrozenTimes { modified: true, ..FrozenTimes::default() });
        let (change, filter) = change_of(&wanted([0, 0, !1, 0], 0), &mut frozen, NOW).unwrap();
        assert_eq!(frozen, FrozenTimes::default());
        assert!(change.modified.is_none() && filter.is_empty());
        change_of(&wanted([0, 9, 8, 0], 0), &mut frozen, NOW).unwrap();
        assert_eq!(frozen, FrozenTimes { modified: true, accessed: true, changed: false });
    }

    #[test]
    fn times_below_minus_two_are_refused() {
        for place in 0..4 {
            let mut times = [0; 4];
            times[place] = !2;
            let refused = change_of(&wanted(times, 0), &mut FrozenTimes::default(), NOW);
            assert_eq!(refused.err(), Some(NtStatus::INVALID_PARAMETER));
        }
    }
}
