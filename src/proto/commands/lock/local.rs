//! Locks on volumes that share them with programs of this machine (docs/decisions/0034-local-programs.md).
//!
//! ```text
//! would other clients allow it? --no--> LOCK_NOT_GRANTED, or waits for a lock to go, and again from the start
//!   '--yes--> Taking: the kernel is asked --no--> LOCK_NOT_GRANTED, or waits a moment, and again from the start
//!                '--yes--> the clients' table again --yes--> granted
//!                            '--no (somebody came between)--> GivingBack: what the kernel gave --> as at first
//! ```
//! What a client is refused for a program's sake was never in the clients' table: nobody else sees it there. A program
//! tells nobody when it gives up a lock: who waits for one looks again, at growing intervals.

use std::sync::Arc;
use std::time::Duration;

use freehold_dtyp::NtStatus;

use super::super::super::caching;
use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::persistent;
use super::super::super::status::CommandError;
use super::{Parked, check_count, kind_of, locks_of_live, remember, stop_waiting};
use crate::fsa::byte_range_lock::{LockKind, LockRange};
use crate::smb2::lock::{LockElement, LockFlags, LockSequence};
use crate::vfs::VfsError;
use crate::vfs::local::LocalLock;

/// How long the first look at a program's lock is ahead; each further one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// What a request wants.
pub struct Wanted {
    pub(super) open: Arc<Open>,
    pub(super) elements: Vec<LockElement>,
    pub(super) sequence: LockSequence,
    /// It may wait; then it has one element.
    pub(super) waits: bool,
    /// How often a program's lock was in the way.
    pub(super) looks: u32,
}

/// A request while its operation runs.
pub struct Pending {
    wanted: Wanted,
    stage: Stage,
}

enum Stage {
    /// The kernel is asked for the locks.
    Taking,
    /// What the kernel gave is given back, because of this.
    GivingBack(CommandError),
}

/// True for an open whose locks programs of this machine are to see.
pub fn is_shared(open: &Open, file: &FileOpen) -> bool {
    file.stream.is_none()
        && open.volume().is_some_and(|volume| volume.identity.options.local_programs.shares_locks())
}

/// A lock of a client as programs see it.
#[must_use]
pub fn form_of(range: LockRange, kind: LockKind) -> LocalLock {
    LocalLock { offset: range.offset(), length_bytes: range.length(), exclusive: kind == LockKind::Exclusive }
}

/// Has the kernel forget ranges that were unlocked, before the client is told.
pub(super) fn give_up(cx: &mut Context<'_>, file: &FileOpen, gone: impl Iterator<Item = LockElement>) {
    // Which of several locks of a range goes is decided as in the clients' table: an exclusive one first.
    let form = |each: LockElement| LocalLock {
        offset: each.file_offset,
        length_bytes: each.length_bytes,
        exclusive: false,
    };
    cx.before_reply.push_back(Op::UnlockLocal { file: file.file.clone(), locks: gone.map(form).collect() });
}

/// Tries to take the locks, all of them or none, or begins to wait.
pub(super) fn start(cx: &mut Context<'_>, wanted: Wanted) -> StepResult {
    let open = Arc::clone(&wanted.open);
    let file = file_of(&open)?;
    match table(cx, &wanted, file, false) {
        Ok(locks) => {
            let op = Op::LockLocal { file: file.file.clone(), locks };
            step(op, wanted, Stage::Taking)
        }
        Err(error) => refused(cx, wanted, error),
    }
}

/// Goes on with the kernel's answer.
pub(super) fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    let Pending { wanted, stage } = pending;
    let open = Arc::clone(&wanted.open);
    let file = file_of(&open)?;
    match (stage, result.done()) {
        (Stage::Taking, Ok(())) => match table(cx, &wanted, file, true) {
            Ok(_) => {
                stop_waiting(cx, file);
                remember(cx, file, wanted.sequence);
                persistent::locks_changed(cx.server, &open, file, cx.before_reply);
                cx.reply(&crate::smb2::lock::LockResponse)
            }
            Err(error) => {
                let op = Op::UnlockLocal { file: file.file.clone(), locks: forms(&wanted) };
                step(op, wanted, Stage::GivingBack(error))
            }
        },
        (Stage::Taking, Err(CommandError::Vfs(VfsError::RangeLocked))) => locked_by_program(cx, wanted, file),
        (Stage::Taking, Err(error)) => {
            stop_waiting(cx, file);
            Err(error)
        }
        (Stage::GivingBack(error), _) if wanted.waits && error.status() == NtStatus::LOCK_NOT_GRANTED => {
            start(cx, wanted)
        }
        (Stage::GivingBack(error), _) => refused(cx, wanted, error),
    }
}

fn step(op: Op, wanted: Wanted, stage: Stage) -> StepResult {
    Ok(Step::Op(op, super::super::Pending::Lock(Box::new(Pending { wanted, stage }))))
}

fn forms(wanted: &Wanted) -> Vec<LocalLock> {
    wanted
        .elements
        .iter()
        .filter_map(|each| Some(form_of(range_of(each).ok()?, kind_of(each.flags)?)))
        .collect()
}

fn range_of(element: &LockElement) -> Result<LockRange, NtStatus> {
    LockRange::new(element.file_offset, element.length_bytes).ok_or(NtStatus::INVALID_LOCK_RANGE)
}

/// 3.3.5.14.2 among clients: all locks or none. Without `keep` they are given back at once, unseen by anybody: it only
/// tells whether they would be granted, and what they are to the kernel. Where they would not, a request that may wait is in
/// the line of those that are woken when a lock goes.
fn table(
    cx: &Context<'_>,
    wanted: &Wanted,
    file: &FileOpen,
    keep: bool,
) -> Result<Vec<LocalLock>, CommandError> {
    let open = &wanted.open;
    let mut node = file.node.lock();
    let locks = locks_of_live(&mut node, open, file)?;
    let mut taken = Vec::new();
    let mut outcome = Ok(());
    for element in &wanted.elements {
        let one = range_of(element).and_then(|range| {
            let kind = kind_of(element.flags).ok_or(NtStatus::INVALID_PARAMETER)?;
            check_count(locks, open)?;
            if locks.lock(open.id(), range, kind) {
                Ok((range, kind))
            } else {
                Err(NtStatus::LOCK_NOT_GRANTED)
            }
        });
        match one {
            Ok(one) => taken.push(one),
            Err(status) => {
                outcome = Err(status);
                break;
            }
        }
    }
    if outcome.is_err() || !keep {
        for (range, kind) in taken.iter().rev() {
            locks.undo(open.id(), *range, *kind);
        }
    }
    if outcome == Err(NtStatus::LOCK_NOT_GRANTED) && wanted.waits {
        let waiter = caching::waiter_of(cx.waiter);
        locks.stop_waiting(waiter);
        if file.state.lock().enter_line(cx.waiter) {
            locks.wait(waiter);
        } else {
            outcome = Err(NtStatus::RANGE_NOT_LOCKED);
        }
    }
    outcome?;
    Ok(taken.into_iter().map(|(range, kind)| form_of(range, kind)).collect())
}

/// Other clients do not allow it: the answer, or the wait whose place in the line [`table`] has taken.
fn refused(cx: &mut Context<'_>, wanted: Wanted, error: CommandError) -> StepResult {
    if !wanted.waits {
        return Err(error);
    }
    if error.status() == NtStatus::LOCK_NOT_GRANTED {
        return park(wanted, None);
    }
    stop_waiting(cx, file_of(&wanted.open)?);
    // The open was closed meanwhile: its wait ends as that of any closed open.
    let closed = error.status() == NtStatus::FILE_CLOSED;
    Err(if closed { NtStatus::RANGE_NOT_LOCKED.into() } else { error })
}

/// A program has locked a part of it: the answer, or another look in a while.
fn locked_by_program(cx: &mut Context<'_>, mut wanted: Wanted, file: &FileOpen) -> StepResult {
    if !wanted.waits {
        return Err(NtStatus::LOCK_NOT_GRANTED.into());
    }
    if !file.state.lock().enter_line(cx.waiter) {
        return Err(NtStatus::RANGE_NOT_LOCKED.into());
    }
    let delay = FIRST_LOOK.saturating_mul(1 << wanted.looks.min(8)).min(LAST_LOOK);
    wanted.looks = wanted.looks.saturating_add(1);
    park(wanted, Some(cx.now.monotonic.saturating_add(delay)))
}

fn park(wanted: Wanted, until: Option<Duration>) -> StepResult {
    let Wanted { open, elements, sequence, looks, .. } = wanted;
    let only = elements.first().and_then(|only| Some((range_of(only).ok()?, kind_of(only.flags)?)));
    let Some((range, kind)) = only else {
        return Err(CommandError::Internal("a lock that waits is one lock"));
    };
    let parked = Parked { open, range, kind, sequence, until, looks };
    Ok(Step::Park(super::super::Parked::Lock(Box::new(parked))))
}

impl From<Parked> for Wanted {
    fn from(parked: Parked) -> Self {
        let Parked { open, range, kind, sequence, looks, .. } = parked;
        let flags = match kind {
            LockKind::Shared => LockFlags::SHARED_LOCK,
            LockKind::Exclusive => LockFlags::EXCLUSIVE_LOCK,
        };
        let element = LockElement { file_offset: range.offset(), length_bytes: range.length(), flags };
        Wanted { open, elements: vec![element], sequence, waits: true, looks }
    }
}
