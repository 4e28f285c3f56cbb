//! [MS-SMB2] 3.3.5.14 Receiving an SMB2 LOCK Request: byte-range locks and their release.
//!
//! A lock that is not granted and may wait is registered with its stream's locks: whoever gives one up wakes all that
//! wait, and each looks again. CLOSE ends a waiting request with RANGE_NOT_LOCKED, CANCEL with CANCELLED.

pub mod local;

use std::sync::Arc;
use std::time::Duration;

use freehold_acl::AccessMask;
use freehold_dtyp::NtStatus;

use super::super::caching;
use super::super::context::{Context, Step, StepResult, file_of};
use super::super::durable::Kept;
use super::super::event::Wake;
use super::super::limits::{MAX_LOCKS_PER_OPEN, MAX_LOCKS_PER_REQUEST};
use super::super::op::OpResult;
use super::super::open::{FileOpen, FileOpenState, Open};
use super::super::persistent;
use super::super::status::CommandError;
use crate::fsa::byte_range_lock::{LockKind, LockRange, LockTable};
use crate::smb2::lock::{LockElement, LockElements, LockFlags, LockRequest, LockResponse, LockSequence};
use crate::smb2::{Capabilities, DecodeMessage, Dialect};
use crate::vfs::NodeKind;

/// Entries of LockSequenceArray ([MS-SMB2] 3.3.1.10), numbered from 1.
const LOCK_SEQUENCES: usize = 64;

/// A lock that waits for others to go.
pub struct Parked {
    open: Arc<Open>,
    range: LockRange,
    kind: LockKind,
    sequence: LockSequence,
    /// When it looks again by itself: a program of this machine has the range.
    until: Option<Duration>,
    /// How often it has looked so.
    looks: u32,
}

/// Takes or gives up locks.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, INVALID_LOCK_RANGE, LOCK_NOT_GRANTED, RANGE_NOT_LOCKED, ACCESS_DENIED.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = LockRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let file = file_of(&open)?;
    if is_replay(cx, file, request.lock_sequence) {
        return cx.reply(&LockResponse);
    }
    let Some(first) = request.locks.iter().next() else {
        return Err(NtStatus::INVALID_PARAMETER.into());
    };
    if request.locks.len() > MAX_LOCKS_PER_REQUEST {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    // [MS-FSA] 2.1.5.8: directories have no bytes to lock.
    if file.kind == NodeKind::Directory && file.stream.is_none() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let data = AccessMask::FILE_READ_DATA
        | AccessMask::FILE_WRITE_DATA
        | AccessMask::FILE_APPEND_DATA
        | AccessMask::FILE_EXECUTE;
    if !open.granted.intersects(data) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if first.flags.contains(LockFlags::UNLOCK) {
        let outcome = unlock(cx, &open, file, request.locks);
        if outcome.is_ok() {
            remember(cx, file, request.lock_sequence);
        }
        // What was unlocked before a bad entry stays so.
        persistent::locks_changed(cx.server, &open, file, cx.before_reply);
        outcome?;
        return cx.reply(&LockResponse);
    }
    // DIFFERS: 3.3.5.2.9 lets LOCK of an expired session go on; Windows lets it give up locks, and take none.
    if cx.session()?.is_expired(cx.now.wall) {
        return Err(NtStatus::NETWORK_SESSION_EXPIRED.into());
    }
    lock(cx, &open, file, &request)
}

/// Goes on with a lock that has waited.
///
/// # Errors
/// CANCELLED, RANGE_NOT_LOCKED when the open is closed.
pub fn resume(cx: &mut Context<'_>, parked: Parked, wake: Wake) -> StepResult {
    let open = Arc::clone(&parked.open);
    let file = file_of(&open)?;
    let ended = match wake {
        Wake::Retry | Wake::TimedOut if local::is_shared(&open, file) => {
            return local::start(cx, parked.into());
        }
        Wake::Retry => match take_or_wait(cx, &open, file, parked.range, parked.kind) {
            Ok(true) => {
                stop_waiting(cx, file);
                remember(cx, file, parked.sequence);
                persistent::locks_changed(cx.server, &open, file, cx.before_reply);
                return cx.reply(&LockResponse);
            }
            Ok(false) => return Ok(Step::Park(super::Parked::Lock(Box::new(parked)))),
            // The open was closed meanwhile: its wait ends as that of any closed open.
            Err(error) if error.status() == NtStatus::FILE_CLOSED => NtStatus::RANGE_NOT_LOCKED,
            Err(error) => return Err(error),
        },
        Wake::Cancelled => NtStatus::CANCELLED,
        Wake::Closed | Wake::TimedOut => NtStatus::RANGE_NOT_LOCKED,
    };
    stop_waiting(cx, file);
    Err(ended.into())
}

/// Goes on with what the kernel says to a lock that programs of this machine see, too.
///
/// # Errors
/// As [`decide`].
pub fn finish(cx: &mut Context<'_>, pending: local::Pending, result: OpResult) -> StepResult {
    local::finish(cx, pending, result)
}

impl Parked {
    /// A lock waits for as long as it takes; one that a program of this machine is in the way of looks for itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.until
    }
}

/// 3.3.5.14.1 Processing Unlocks. What was unlocked before a bad entry stays so.
fn unlock(
    cx: &mut Context<'_>,
    open: &Open,
    file: &FileOpen,
    elements: LockElements<'_>,
) -> Result<(), CommandError> {
    let mut outcome = Ok(());
    let mut any = 0;
    let woken = {
        let mut node = file.node.lock();
        let Some(locks) = node.locks(file.stream_id) else { return Err(NtStatus::FILE_CLOSED.into()) };
        for element in elements.iter() {
            outcome = unlock_one(locks, open, &element);
            if outcome.is_err() {
                break;
            }
            any = usize::saturating_add(any, 1);
        }
        if any > 0 { locks.take_waiters() } else { Vec::new() }
    };
    if any > 0 && local::is_shared(open, file) {
        local::give_up(cx, file, elements.iter().take(any));
    }
    caching::wake(cx.server, woken);
    Ok(outcome?)
}

fn unlock_one(locks: &mut LockTable, open: &Open, element: &LockElement) -> Result<(), NtStatus> {
    if element.flags != LockFlags::UNLOCK {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let range =
        LockRange::new(element.file_offset, element.length_bytes).ok_or(NtStatus::INVALID_LOCK_RANGE)?;
    if locks.unlock(open.id(), range) { Ok(()) } else { Err(NtStatus::RANGE_NOT_LOCKED) }
}

/// 3.3.5.14.2 Processing Locks: all of them or none.
fn lock(cx: &mut Context<'_>, open: &Arc<Open>, file: &FileOpen, request: &LockRequest<'_>) -> StepResult {
    let several = request.locks.len() > 1;
    for element in request.locks.iter() {
        let immediately = element.flags.contains(LockFlags::FAIL_IMMEDIATELY);
        if kind_of(element.flags).is_none() || (several && !immediately) {
            return Err(NtStatus::INVALID_PARAMETER.into());
        }
    }
    // [MS-FSA] 2.1.5.8: who caches data or locks of the stream must not go on doing so.
    caching::break_for_data(cx.server, open, file, cx.now);
    if local::is_shared(open, file) {
        let waits =
            !several && request.locks.iter().all(|only| !only.flags.contains(LockFlags::FAIL_IMMEDIATELY));
        let (open, sequence) = (Arc::clone(open), request.lock_sequence);
        let elements = request.locks.iter().collect();
        return local::start(cx, local::Wanted { open, elements, sequence, waits, looks: 0 });
    }
    if let Some(only) = request
        .locks
        .iter()
        .next()
        .filter(|only| !several && !only.flags.contains(LockFlags::FAIL_IMMEDIATELY))
    {
        let range =
            LockRange::new(only.file_offset, only.length_bytes).ok_or(NtStatus::INVALID_LOCK_RANGE)?;
        let kind = kind_of(only.flags).ok_or(NtStatus::INVALID_PARAMETER)?;
        if !take_or_wait(cx, open, file, range, kind)? {
            let (open, sequence) = (Arc::clone(open), request.lock_sequence);
            let parked = Parked { open, range, kind, sequence, until: None, looks: 0 };
            return Ok(Step::Park(super::Parked::Lock(Box::new(parked))));
        }
    } else {
        lock_all(open, file, request.locks)?;
    }
    remember(cx, file, request.lock_sequence);
    persistent::locks_changed(cx.server, open, file, cx.before_reply);
    cx.reply(&LockResponse)
}

/// The lock that an entry asks for; `None` for a combination of flags that 2.2.26.1 does not have.
fn kind_of(flags: LockFlags) -> Option<LockKind> {
    match flags.difference(LockFlags::FAIL_IMMEDIATELY) {
        LockFlags::SHARED_LOCK => Some(LockKind::Shared),
        LockFlags::EXCLUSIVE_LOCK => Some(LockKind::Exclusive),
        _ => None,
    }
}

/// Takes all locks, or gives back those that were taken. Nobody sees what is given back: the node stays locked.
fn lock_all(open: &Open, file: &FileOpen, elements: LockElements<'_>) -> Result<(), CommandError> {
    let mut node = file.node.lock();
    let locks = locks_of_live(&mut node, open, file)?;
    let mut outcome = Ok(());
    let mut taken = 0;
    for element in elements.iter() {
        outcome = lock_one(locks, open, &element);
        if outcome.is_err() {
            break;
        }
        taken = usize::saturating_add(taken, 1);
    }
    if outcome.is_err() {
        for element in elements.iter().take(taken) {
            if let (Some(range), Some(kind)) =
                (LockRange::new(element.file_offset, element.length_bytes), kind_of(element.flags))
            {
                locks.undo(open.id(), range, kind);
            }
        }
    }
    Ok(outcome?)
}

fn lock_one(locks: &mut LockTable, open: &Open, element: &LockElement) -> Result<(), NtStatus> {
    let range =
        LockRange::new(element.file_offset, element.length_bytes).ok_or(NtStatus::INVALID_LOCK_RANGE)?;
    let kind = kind_of(element.flags).ok_or(NtStatus::INVALID_PARAMETER)?;
    check_count(locks, open)?;
    if locks.lock(open.id(), range, kind) { Ok(()) } else { Err(NtStatus::LOCK_NOT_GRANTED) }
}

/// No open has more locks than it may: counted only where the stream has as many in all.
fn check_count(locks: &LockTable, open: &Open) -> Result<(), NtStatus> {
    if locks.len() >= MAX_LOCKS_PER_OPEN && locks.held_by(open.id()) >= MAX_LOCKS_PER_OPEN {
        return Err(NtStatus::INSUFFICIENT_RESOURCES);
    }
    Ok(())
}

/// Takes a lock, or registers the request to be woken when one goes or the open is closed.
fn take_or_wait(
    cx: &Context<'_>,
    open: &Open,
    file: &FileOpen,
    range: LockRange,
    kind: LockKind,
) -> Result<bool, CommandError> {
    let mut node = file.node.lock();
    let locks = locks_of_live(&mut node, open, file)?;
    check_count(locks, open)?;
    if locks.lock(open.id(), range, kind) {
        return Ok(true);
    }
    locks.wait(caching::waiter_of(cx.waiter));
    if !file.state.lock().enter_line(cx.waiter) {
        locks.stop_waiting(caching::waiter_of(cx.waiter));
        return Err(NtStatus::RANGE_NOT_LOCKED.into());
    }
    Ok(false)
}

/// The locks of an open that is not being closed: a lock taken after CLOSE would stay for ever.
fn locks_of_live<'n>(
    node: &'n mut crate::fsa::Node,
    open: &Open,
    file: &FileOpen,
) -> Result<&'n mut LockTable, CommandError> {
    // CLOSE first marks the open, then gives up its locks: whoever sees the mark missing here comes before that.
    if file.state.lock().closed {
        return Err(NtStatus::FILE_CLOSED.into());
    }
    debug_assert!(open.as_file().is_some(), "INVARIANT: only files are locked");
    Ok(node.locks(file.stream_id).ok_or(NtStatus::FILE_CLOSED)?)
}

/// Forgets a request that waited.
fn stop_waiting(cx: &Context<'_>, file: &FileOpen) {
    let mut node = file.node.lock();
    if let Some(locks) = node.locks(file.stream_id) {
        locks.stop_waiting(caching::waiter_of(cx.waiter));
    }
    file.state.lock().leave_line(cx.waiter);
}

/// 3.3.5.14: are lock sequences verified? Only where a request may come a second time: over another channel, or through an
/// open that has outlived its connection.
fn verifies_sequence(cx: &Context<'_>, state: &FileOpenState) -> bool {
    let multi_channel = cx
        .link
        .negotiated
        .as_ref()
        .is_some_and(|negotiated| negotiated.server_capabilities.contains(Capabilities::MULTI_CHANNEL));
    let kept = state.durability.as_ref().is_some_and(|known| known.kept != Kept::No);
    cx.link.dialect() != Dialect::SMB_2_0_2 && (multi_channel || kept)
}

/// The entry of a LockSequenceIndex; `None` for one that does not exist.
fn entry_of(sequence: LockSequence) -> Option<usize> {
    let index = usize::try_from(sequence.index()).ok()?.checked_sub(1)?;
    (index < LOCK_SEQUENCES).then_some(index)
}

/// True for a request that was carried out before. Any other number makes the entry invalid.
fn is_replay(cx: &Context<'_>, file: &FileOpen, sequence: LockSequence) -> bool {
    let Some(index) = entry_of(sequence) else { return false };
    let mut state = file.state.lock();
    if !verifies_sequence(cx, &state) {
        return false;
    }
    let Some(entry) = state.lock_sequence.get_mut(index) else { return false };
    if *entry == Some(sequence.number()) {
        return true;
    }
    *entry = None;
    false
}

/// Notes that a request was carried out.
fn remember(cx: &Context<'_>, file: &FileOpen, sequence: LockSequence) {
    let Some(index) = entry_of(sequence) else { return };
    let mut state = file.state.lock();
    if !verifies_sequence(cx, &state) {
        return;
    }
    if state.lock_sequence.is_empty() {
        state.lock_sequence.resize(LOCK_SEQUENCES, None);
    }
    if let Some(entry) = state.lock_sequence.get_mut(index) {
        *entry = Some(sequence.number());
    }
}
