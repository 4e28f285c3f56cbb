//! SMB3 POSIX Extensions, FilePosixInformation (100): metadata and descriptor of a file that was opened as POSIX clients do.

use std::sync::Arc;

use freehold_dtyp::Encode;

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::posix::{self, Ownership};
use super::reply;
use crate::vfs::Metadata;

/// A query under way.
pub struct Pending {
    open: Arc<Open>,
    limit_bytes: usize,
    /// What is known already.
    metadata: Option<Box<Metadata>>,
}

/// Asks for the metadata first.
pub(super) fn decide(open: &Arc<Open>, file: &FileOpen, limit_bytes: usize) -> StepResult {
    let pending = Pending { open: Arc::clone(open), limit_bytes, metadata: None };
    then(Op::Metadata { file: file.file.clone() }, pending)
}

fn then(op: Op, pending: Pending) -> StepResult {
    Ok(Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::Posix(pending)))))
}

/// Asks for the descriptor, then encodes both.
///
/// # Errors
/// What the volume refuses.
pub(super) fn finish(cx: &mut Context<'_>, mut pending: Pending, result: OpResult) -> StepResult {
    let file = file_of(&pending.open)?;
    let Some(metadata) = pending.metadata.take() else {
        let op = Op::Security { file: file.file.clone() };
        let mut metadata = result.metadata()?;
        cx.server.held_times.show(file, &mut metadata, cx.now);
        pending.metadata = Some(Box::new(metadata));
        return then(op, pending);
    };
    let security = result.security()?;
    let device_id = pending.open.volume().map_or(0, |volume| volume.identity.serial);
    let information = posix::information(&metadata, Ownership::of(&security), device_id);
    reply(cx, pending.limit_bytes, |writer| information.encode(writer))
}
