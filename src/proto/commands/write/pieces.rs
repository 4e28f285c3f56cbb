//! A WRITE whose data the shell hands over in pieces as it comes ([MS-SMB2] 3.3.5.13): each piece is checked and written as
//! if it were a request of its own, so that nothing is held while the client sends. Between two pieces a handle may be closed, a
//! range locked, a cache granted.
//! Life: `Waiting` --data--> `Writing` --done--> `Waiting` ... --done, all of it--> answered; `Writing` --failed--> `Undoing` -->
//! refused.

use bytes::Bytes;
use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use crate::smb2::write::WriteHead;
use crate::smb2::{DecodeMessage, FileId};
use crate::vfs::VfsError;

/// A write of which a part may be done.
pub struct Pending {
    file_id: FileId,
    file_offset: u64,
    count: u32,
    done: u32,
    durable: bool,
    /// The size before the first piece that made the file longer.
    grown_from: Option<u64>,
    /// The newest change of the file's data is this write's, and so were all since its first piece.
    last_change: Option<u64>,
    undisturbed: bool,
    stage: Stage,
}

enum Stage {
    /// The next piece is to come.
    Waiting,
    /// A piece of so many bytes is being written.
    Writing { open: std::sync::Arc<Open>, length: u32 },
    /// What the pieces before added is being taken back, since a piece failed.
    Undoing(VfsError),
}

/// The first checks, as far as they need no data. What changes with time is checked with each piece.
///
/// # Errors
/// As `decide` of a whole write.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = WriteHead::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let count = request.length_bytes;
    if count > cx.link.max_write_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let file = file_of(&open)?;
    super::check(&open, file, request.file_offset, count)?;
    let pending = Pending {
        file_id: request.file_id,
        file_offset: request.file_offset,
        count,
        done: 0,
        durable: super::is_durable(file, request.flags),
        grown_from: None,
        last_change: None,
        undisturbed: true,
        stage: Stage::Waiting,
    };
    wait(Box::new(pending))
}

fn wait(pending: Box<Pending>) -> StepResult {
    Ok(Step::Receive(super::super::Pending::WritePieces(pending)))
}

impl Pending {
    /// Takes the next piece.
    ///
    /// # Errors
    /// FILE_CLOSED, FILE_LOCK_CONFLICT, USER_SESSION_DELETED.
    pub fn receive(mut self: Box<Self>, cx: &mut Context<'_>, data: Bytes) -> StepResult {
        let rest = self.count.saturating_sub(self.done);
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        if length == 0 || length > rest || !matches!(self.stage, Stage::Waiting) {
            return Err(CommandError::Internal("a piece of data that was not waited for"));
        }
        if cx.session()?.closed.load(std::sync::atomic::Ordering::Acquire) {
            return Err(NtStatus::USER_SESSION_DELETED.into());
        }
        let open = cx.open(self.file_id)?;
        let file = file_of(&open)?;
        let offset = self.file_offset.saturating_add(u64::from(self.done));
        // The rest, not only the piece: a range that is locked now refuses as much as a whole write would be refused.
        let change = data_change::admit(cx, &open, file, offset, u64::from(rest))?;
        let expected = self.last_change.map_or(change, |last| last.wrapping_add(1));
        self.undisturbed &= change == expected;
        self.last_change = Some(change);
        let durable = self.durable && length == rest;
        let op = Op::Write { file: file.file.clone(), offset, data, durable };
        self.stage = Stage::Writing { open, length };
        Ok(Step::Op(op, super::super::Pending::WritePieces(self)))
    }

    /// Goes on after a piece: waits for the next one, or answers.
    ///
    /// # Errors
    /// DISK_FULL, or what the volume refuses.
    pub fn finish(mut self: Box<Self>, cx: &mut Context<'_>, result: OpResult) -> StepResult {
        match std::mem::replace(&mut self.stage, Stage::Waiting) {
            Stage::Waiting => Err(CommandError::Internal("a result of no piece")),
            Stage::Undoing(error) => {
                if let Err(undo) = result.done() {
                    tracing::warn!(status = %undo.status(), "a write that failed could not be taken back");
                }
                Err(error.into())
            }
            Stage::Writing { open, length } => {
                let file = file_of(&open)?;
                match result {
                    OpResult::Written(Err(error)) => self.undo(file, error),
                    written => {
                        let grown_from = written.written()?;
                        self.grown_from = self.grown_from.or(grown_from);
                        self.done = self.done.saturating_add(length);
                        if self.done < self.count {
                            return wait(self);
                        }
                        super::written(cx, &open, file, self.file_offset, self.count);
                        super::reply(cx, self.count)
                    }
                }
            }
        }
    }

    /// A failed write leaves the size that it found, as that of a whole one does, unless somebody else has changed the file since:
    /// what another client was told is written must stay.
    fn undo(mut self: Box<Self>, file: &FileOpen, error: VfsError) -> StepResult {
        let newest = file.node.lock().data_changes();
        match self.grown_from {
            Some(size_bytes) if self.undisturbed && self.last_change == Some(newest) => {
                self.stage = Stage::Undoing(error);
                let op = Op::SetSize { file: file.file.clone(), size_bytes };
                Ok(Step::Op(op, super::super::Pending::WritePieces(self)))
            }
            _ => Err(error.into()),
        }
    }
}
