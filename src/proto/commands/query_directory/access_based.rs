//! [MS-SMB2] 3.3.5.18 with Share.DoAccessBasedDirectoryEnumeration: only what the user may read is listed.
//!
//! A listing does not tell descriptors, so each entry is opened for its own before it goes into the reply.
//!
//! ```text
//! Scanning --an entry--> Checking --> Closing --room left--> Scanning ... --> complete
//! ```

use std::any::Any;

use freehold_acl::may_enumerate;
use freehold_dtyp::{Wtf8, Wtf8Buf};

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{ListVisitor, Op, OpResult};
use super::super::super::status::CommandError;
use super::encoder::Encoder;
use super::{Pending, complete};
use crate::vfs::{DataUse, DirectoryCursor, Metadata, VfsPath};

/// Where a listing stands.
pub(super) enum Stage {
    /// The next entry from this place on is looked for.
    Scanning(Box<Encoder>, DirectoryCursor),
    /// An entry's descriptor is read.
    Checking(Box<Candidate>),
    /// The entry's handle is closed.
    Closing(Box<Encoder>, After),
}

/// An entry that may be shown.
pub(super) struct Candidate {
    encoder: Box<Encoder>,
    name: Wtf8Buf,
    metadata: Metadata,
    /// Where a scan finds it again.
    before: DirectoryCursor,
    /// Where the scan goes on behind it; `None` at the end.
    next: Option<DirectoryCursor>,
}

/// What follows an entry.
pub(super) enum After {
    /// The reply; a later request goes on there.
    Complete(Option<DirectoryCursor>),
    /// The next entry.
    Scan(DirectoryCursor),
}

/// Takes one entry.
#[derive(Default)]
struct First(Option<(Wtf8Buf, Metadata)>);

impl ListVisitor for First {
    fn visit(&mut self, name: Wtf8<'_>, metadata: &Metadata) -> bool {
        if self.0.is_some() {
            return false;
        }
        self.0 = Some((name.to_owned(), metadata.clone()));
        true
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Looks for the next entry.
pub(super) fn scan(pending: Pending, encoder: Box<Encoder>, cursor: DirectoryCursor) -> StepResult {
    let file = file_of(&pending.open)?.file.clone();
    let op = Op::List { file, cursor, visitor: Box::new(First::default()) };
    then(pending, op, Stage::Scanning(encoder, cursor))
}

fn then(mut pending: Pending, op: Op, stage: Stage) -> StepResult {
    pending.stage = super::Stage::AccessBased(stage);
    Ok(Step::Op(op, super::super::Pending::QueryDirectory(Box::new(pending))))
}

/// Asks for the descriptor of an entry that the pattern lets through.
pub(super) fn check(
    pending: Pending,
    encoder: Box<Encoder>,
    (name, metadata): (Wtf8Buf, Metadata),
    before: DirectoryCursor,
    next: Option<DirectoryCursor>,
) -> StepResult {
    let volume = pending.open.volume().ok_or(CommandError::Internal("a directory of no volume"))?;
    let below = VfsPath::new(name.clone()).ok_or(CommandError::Internal("an entry without a name"))?;
    let path = file_of(&pending.open)?.file.0.path().join(&below);
    let op = Op::Open { volume: volume.clone(), path, stream: None, data_use: DataUse::READ };
    then(pending, op, Stage::Checking(Box::new(Candidate { encoder, name, metadata, before, next })))
}

/// Goes on with an operation's result.
pub(super) fn advance(cx: &mut Context<'_>, pending: Pending, stage: Stage, result: OpResult) -> StepResult {
    match stage {
        Stage::Scanning(encoder, before) => scanned(cx, pending, encoder, before, result),
        Stage::Checking(candidate) => checked(cx, pending, *candidate, result),
        Stage::Closing(encoder, after) => go_on(cx, pending, encoder, after),
    }
}

fn go_on(cx: &mut Context<'_>, pending: Pending, encoder: Box<Encoder>, after: After) -> StepResult {
    match after {
        After::Complete(cursor) => complete(cx, &pending, *encoder, cursor),
        After::Scan(cursor) => scan(pending, encoder, cursor),
    }
}

fn scanned(
    cx: &mut Context<'_>,
    pending: Pending,
    encoder: Box<Encoder>,
    before: DirectoryCursor,
    result: OpResult,
) -> StepResult {
    let OpResult::Listed { visitor, result } = result else {
        encoder.give_back(cx);
        return Err(CommandError::Internal("the result is not of a listing"));
    };
    let next = match result {
        Ok(next) => next,
        Err(error) => {
            encoder.give_back(cx);
            return Err(error.into());
        }
    };
    let entry = visitor.into_any().downcast::<First>().ok().and_then(|first| first.0);
    match entry {
        Some(entry) if encoder.matches(entry.0.as_wtf8()) => check(pending, encoder, entry, before, next),
        Some(_) => go_on(cx, pending, encoder, next.map_or(After::Complete(None), After::Scan)),
        None => complete(cx, &pending, *encoder, None),
    }
}

fn checked(cx: &mut Context<'_>, pending: Pending, candidate: Candidate, result: OpResult) -> StepResult {
    let Candidate { mut encoder, name, metadata, before, next } = candidate;
    let after_next = next.map_or(After::Complete(None), After::Scan);
    // An entry that cannot be opened is gone, or damaged: it is not shown.
    let OpResult::Opened(Ok(opened)) = result else {
        return go_on(cx, pending, encoder, after_next);
    };
    let visible = may_enumerate(&opened.security, &*cx.token()?);
    let after = if visible && !encoder.visit_secured(name.as_wtf8(), &metadata, &opened.security) {
        After::Complete(Some(before))
    } else if encoder.has_room() {
        after_next
    } else {
        After::Complete(next)
    };
    then(pending, Op::Close { file: opened.file }, Stage::Closing(encoder, after))
}
