//! An open of an existing file on a volume that minds programs of this machine (docs/decisions/0034-local-programs.md): its
//! data is opened before other clients' opens are looked at, so that a program that has a lease on the file gives it up
//! first. Elsewhere the data is opened when it is first used.

use freehold_acl::AccessMask;

use super::super::super::context::{Context, StepResult};
use super::super::super::op::{Op, OpResult};
use super::{Stage, Work, admit, close};
use crate::fsa::disposition::CreateAction;
use crate::vfs::local::LocalPrograms;
use crate::vfs::{NodeKind, Opened};

/// An open that was let in, while its data is being opened.
pub(super) struct Opening {
    found: Box<Opened>,
    action: CreateAction,
    granted: AccessMask,
}

/// Rights to what a program may keep in a cache of its own.
const READS: AccessMask = AccessMask::FILE_READ_DATA.union(AccessMask::FILE_EXECUTE);
const WRITES: AccessMask = AccessMask::FILE_WRITE_DATA.union(AccessMask::FILE_APPEND_DATA);

/// [`admit::admit`], once no program of this machine has a lease on the data that is asked for.
pub(super) fn admit(
    cx: &mut Context<'_>,
    work: Work,
    found: Box<Opened>,
    action: CreateAction,
    granted: AccessMask,
) -> StepResult {
    let minds = work.volume.identity.options.local_programs != LocalPrograms::Ignore
        && work.intent.stream.is_none()
        && found.metadata.kind == NodeKind::File;
    let write = granted.intersects(WRITES) || action != CreateAction::Opened;
    if !minds || !(write || granted.intersects(READS)) {
        return admit::admit(cx, work, found, action, granted);
    }
    let op = Op::OpenData { file: found.file.clone(), write };
    work.then(op, Stage::OpeningData(Box::new(Opening { found, action, granted })))
}

/// The data is open, or a program has kept its lease for too long.
pub(super) fn opened(cx: &mut Context<'_>, work: Work, opening: Opening, result: OpResult) -> StepResult {
    let Opening { found, action, granted } = opening;
    match result.done() {
        Ok(()) => admit::admit(cx, work, found, action, granted),
        Err(error) => {
            close(cx, found.file);
            Err(error)
        }
    }
}
