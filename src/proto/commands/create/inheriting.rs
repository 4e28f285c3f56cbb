//! A file that was made while folders' descriptors changed: what it inherits is made anew from what its folder has now, as
//! if the creation had come a moment later. Without this a walk that hands a new descriptor down could miss the file:
//! listed too early, made with what the folder had before.

use std::sync::Arc;

use freehold_acl::{AccessMask, create_descriptor};

use super::super::super::context::{Context, StepResult};
use super::super::super::op::{Op, OpResult};
use super::{Stage, Work, close, missing, posix};
use crate::vfs::{FileRef, NodeKind, Opened};

/// How often it is looked at again; a folder whose descriptor changes all the time is left to who changes it.
const MAX_ROUNDS: u32 = 8;

/// A file whose descriptor is looked at again.
pub(super) struct Inheriting {
    granted: AccessMask,
    parent: FileRef,
    made: Opened,
    rounds: u32,
    step: Inherit,
}

enum Inherit {
    /// The folder's descriptor is being read.
    ReadingParent,
    /// The file's is being replaced by this one.
    Replacing(Arc<freehold_acl::SecurityDescriptor>),
}

/// Begins: reads the folder's descriptor.
pub(super) fn start(
    cx: &Context<'_>,
    work: Work,
    granted: AccessMask,
    parent: FileRef,
    made: Opened,
) -> StepResult {
    let state = Inheriting { granted, parent, made, rounds: 0, step: Inherit::ReadingParent };
    read_parent(cx, work, state)
}

fn read_parent(cx: &Context<'_>, mut work: Work, mut state: Inheriting) -> StepResult {
    work.generation = cx.server.inheritance.generation();
    state.step = Inherit::ReadingParent;
    let op = Op::Security { file: state.parent.clone() };
    work.then(op, Stage::Inheriting(Box::new(state)))
}

/// Goes on with the folder's descriptor, or when the file's is replaced.
///
/// # Errors
/// Those of what follows a creation. That the descriptor cannot be looked at again does not undo a creation that succeeded.
pub(super) fn finish(
    cx: &mut Context<'_>,
    work: Work,
    mut state: Inheriting,
    result: OpResult,
) -> StepResult {
    let is_directory = state.made.metadata.kind == NodeKind::Directory;
    match state.step {
        Inherit::ReadingParent => {
            let intent = &work.intent;
            let fresh = result.security().ok().and_then(|parent| {
                let inherited =
                    create_descriptor(Some(&parent), intent.security.as_deref(), &intent.token, is_directory);
                posix::secured(intent.posix, inherited.ok()?).ok()
            });
            match fresh {
                Some(fresh) if fresh != *state.made.security => {
                    let security = Arc::new(fresh);
                    let op = Op::ReplaceSecurity {
                        file: state.made.file.clone(),
                        expected: Arc::clone(&state.made.security),
                        security: Arc::clone(&security),
                        now: cx.now.wall,
                    };
                    state.step = Inherit::Replacing(security);
                    return work.then(op, Stage::Inheriting(Box::new(state)));
                }
                Some(_) => {}
                None => tracing::warn!("what a new file inherits could not be looked at again"),
            }
        }
        Inherit::Replacing(security) => {
            // When it was another one already, a walk has been here.
            if result.replaced().unwrap_or(false) {
                state.made.security = security;
                if is_directory {
                    cx.server.inheritance.folder_changed();
                    work_below(cx, &work, &state.made);
                }
            }
            state.step = Inherit::ReadingParent;
        }
    }
    if cx.server.inheritance.generation() != work.generation && !is_settled(&state) {
        state.rounds = state.rounds.saturating_add(1);
        return read_parent(cx, work, state);
    }
    close(cx, state.parent);
    missing::made_complete(cx, work, state.granted, state.made)
}

const fn is_settled(state: &Inheriting) -> bool {
    state.rounds >= MAX_ROUNDS
}

/// Somebody may have put something into the new folder already.
fn work_below(cx: &Context<'_>, work: &Work, made: &Opened) {
    cx.server.inheritance.look_again(work.volume.id, &made.path);
}
