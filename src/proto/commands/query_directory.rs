//! [MS-SMB2] 3.3.5.18 Receiving an SMB2 QUERY_DIRECTORY Request, [MS-FSA] 2.1.5.6.3 Directory Information Queries.
//!
//! Owns patterns, `.` and `..`, and where each open's enumeration stands. Entries are filtered and encoded straight into the
//! reply while the volume lists them. One request of an open lists at a time; others wait for it.

mod access_based;
mod encoder;

use std::sync::Arc;

use freehold_acl::{AccessMask, SecurityDescriptor};
use freehold_dtyp::{NtStatus, Wtf8, Wtf8Buf};

use self::encoder::Encoder;
use super::super::context::{Context, Step, StepResult, file_of};
use super::super::event::{Event, Wake};
use super::super::op::{ListVisitor, Op, OpResult};
use super::super::open::{Enumeration, FileOpen, Open};
use super::super::status::CommandError;
use crate::fscc::posix_name::from_posix_name;
use crate::fscc::{FileInformationClass, NameError, Pattern};
use crate::smb2::DecodeMessage;
use crate::smb2::query_directory::{QueryDirectoryFlags, QueryDirectoryRequest};
use crate::vfs::{DirectoryCursor, Metadata, NodeKind};

/// What a request wants.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    class: FileInformationClass,
    limit_bytes: usize,
    single: bool,
}

/// A request under way. The open's enumeration is its own (`running`) until it is answered.
pub struct Pending {
    open: Arc<Open>,
    wanted: Wanted,
    stage: Stage,
}

/// What is under way.
enum Stage {
    /// The directory's own metadata is asked for, for `.` and `..`.
    Dots(Pattern),
    /// Its descriptor as well.
    DotsSecurity(Pattern, Box<Metadata>),
    /// The one entry that a pattern without wildcards names is looked up.
    Entry(Pattern),
    /// The directory is listed.
    List,
    /// Entry for entry is checked.
    AccessBased(access_based::Stage),
}

/// A request that waits for another one of the same open.
pub struct Parked {
    open: Arc<Open>,
}

/// Checks in the order of the section, then starts the enumeration or goes on with it.
///
/// # Errors
/// FILE_CLOSED, INVALID_PARAMETER, ACCESS_DENIED, INVALID_INFO_CLASS, INFO_LENGTH_MISMATCH, OBJECT_NAME_INVALID,
/// NO_MORE_FILES.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let message = cx.request.message.clone();
    let request = QueryDirectoryRequest::decode(&message)?;
    let open = cx.open(request.file_id)?;
    let file = open.as_file().ok_or(NtStatus::INVALID_PARAMETER)?;
    if file.kind != NodeKind::Directory || file.stream.is_some() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if request.output_buffer_length > cx.link.max_transact_bytes() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    if !open.granted.contains(AccessMask::FILE_LIST_DIRECTORY) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let class = FileInformationClass(request.file_information_class);
    let limit_bytes = usize::try_from(request.output_buffer_length).unwrap_or(usize::MAX);
    if !Encoder::serves(class, file) {
        return Err(NtStatus::INVALID_INFO_CLASS.into());
    }
    if class.minimum_query_length().is_none_or(|least| limit_bytes < least) {
        return Err(NtStatus::INFO_LENGTH_MISMATCH.into());
    }
    let single = request.flags.contains(QueryDirectoryFlags::RETURN_SINGLE_ENTRY);
    match position(cx, file, &request)? {
        Some((pattern, dots)) => {
            let pending = Pending { open, wanted: Wanted { class, limit_bytes, single }, stage: Stage::List };
            guarded(cx, pending, |cx, pending| begin(cx, pending, pattern, dots))
        }
        None => Ok(Step::Park(super::Parked::QueryDirectory(Parked { open }))),
    }
}

/// Goes on when another request of the same open is done.
///
/// # Errors
/// As [`decide`]; CANCELLED.
pub fn resume(cx: &mut Context<'_>, parked: &Parked, wake: Wake) -> StepResult {
    {
        let mut state = file_of(&parked.open)?.state.lock();
        state.leave_line(cx.waiter);
        if let Some(enumeration) = &mut state.enumeration {
            enumeration.waiting.retain(|waiter| *waiter != cx.waiter);
        }
    }
    match wake {
        Wake::Retry => decide(cx),
        Wake::Cancelled | Wake::TimedOut => Err(NtStatus::CANCELLED.into()),
        Wake::Closed => Err(NtStatus::FILE_CLOSED.into()),
    }
}

/// Goes on with an operation's result.
///
/// # Errors
/// NO_SUCH_FILE, NO_MORE_FILES, BUFFER_OVERFLOW when not even one entry fits, or what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    guarded(cx, pending, |cx, pending| advance(cx, pending, result))
}

/// Gives the enumeration back when the request is answered.
fn guarded(
    cx: &mut Context<'_>,
    pending: Pending,
    call: impl FnOnce(&mut Context<'_>, Pending) -> StepResult,
) -> StepResult {
    let open = Arc::clone(&pending.open);
    let outcome = call(cx, pending);
    if matches!(outcome, Ok(Step::Op(..))) {
        return outcome;
    }
    let waiting = {
        let mut state = file_of(&open)?.state.lock();
        state.enumeration.as_mut().map_or(Vec::new(), |enumeration| {
            enumeration.running = false;
            std::mem::take(&mut enumeration.waiting)
        })
    };
    for waiter in waiting {
        cx.server.post(waiter.connection, Event::Wake { chain: waiter.chain, wake: Wake::Retry });
    }
    outcome
}

/// The pattern, and which of the dots are given already; the enumeration is this request's from now on. `None` when
/// another request has it.
fn position(
    cx: &Context<'_>,
    file: &FileOpen,
    request: &QueryDirectoryRequest<'_>,
) -> Result<Option<(Pattern, u8)>, CommandError> {
    let mut state = file.state.lock();
    if state.closed {
        return Err(NtStatus::FILE_CLOSED.into());
    }
    if state.enumeration.as_ref().is_some_and(|enumeration| enumeration.running) {
        if !state.enter_line(cx.waiter) {
            return Err(NtStatus::FILE_CLOSED.into());
        }
        if let Some(enumeration) = &mut state.enumeration {
            enumeration.waiting.push(cx.waiter);
        }
        return Ok(None);
    }
    let reopen = request.flags.contains(QueryDirectoryFlags::REOPEN);
    let restart = reopen || request.flags.contains(QueryDirectoryFlags::RESTART_SCANS);
    let name = request.file_name.as_bytes();
    // FSA: the pattern is that of the first query; a restart may bring a new one. SMB2: a reopened scan is a first query.
    let is_first = reopen || state.enumeration.is_none();
    let new_pattern = match (name.is_empty(), is_first || restart) {
        (false, true) => Some(Wtf8Buf::from_utf16le(name).ok_or(NtStatus::OBJECT_NAME_INVALID)?),
        (true, _) if is_first => Some(Wtf8Buf::from("*")),
        _ => None,
    };
    let text = new_pattern.as_ref().or(state.enumeration.as_ref().map(|enumeration| &enumeration.pattern));
    let text = text.ok_or(CommandError::Internal("an enumeration without a pattern"))?;
    let pattern = pattern_of(text.as_wtf8(), file.posix).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
    if let Some(text) = new_pattern {
        state.enumeration = Some(Enumeration { any: !is_first, ..Enumeration::new(text) });
    }
    let enumeration = state.enumeration.as_mut().ok_or(CommandError::Internal("no enumeration"))?;
    if restart {
        enumeration.cursor = Some(DirectoryCursor::default());
        enumeration.dots = 0;
    }
    if enumeration.cursor.is_none() {
        return Err(NtStatus::NO_MORE_FILES.into());
    }
    enumeration.running = true;
    Ok(Some((pattern, enumeration.dots)))
}

/// The pattern of a scan. A POSIX name without wildcards may hold what a Windows name cannot.
fn pattern_of(text: Wtf8<'_>, posix: bool) -> Result<Pattern, NameError> {
    let has_wildcard = || text.as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'<' | b'>' | b'"'));
    if posix && !has_wildcard() { Pattern::new(from_posix_name(text).as_wtf8()) } else { Pattern::new(text) }
}

/// First operation: what the dots need, if they are wanted.
fn begin(cx: &mut Context<'_>, mut pending: Pending, pattern: Pattern, dots: u8) -> StepResult {
    let given = DOTS.iter().skip(usize::from(dots));
    if given.into_iter().any(|dot| pattern.matches(Wtf8::from(*dot))) {
        let op = Op::Metadata { file: file_of(&pending.open)?.file.clone() };
        pending.stage = Stage::Dots(pattern);
        return Ok(Step::Op(op, super::Pending::QueryDirectory(Box::new(pending))));
    }
    // A POSIX name is looked for in the listing, where case counts.
    if pattern.literal().is_some() && !file_of(&pending.open)?.posix {
        return entry(pending, pattern);
    }
    let encoder = Encoder::new(cx, &pending, pattern)?;
    list(pending, encoder)
}

/// `.` and `..`, in the order in which they are given.
const DOTS: [&str; 2] = [".", ".."];

/// Looks up the one name that can match.
fn entry(mut pending: Pending, pattern: Pattern) -> StepResult {
    let name = pattern.literal().map(Wtf8::to_owned).unwrap_or_default();
    let op = Op::Entry { file: file_of(&pending.open)?.file.clone(), name };
    pending.stage = Stage::Entry(pattern);
    Ok(Step::Op(op, super::Pending::QueryDirectory(Box::new(pending))))
}

/// Lists on from where the enumeration stands.
fn list(mut pending: Pending, visitor: Box<Encoder>) -> StepResult {
    let file = file_of(&pending.open)?;
    let cursor = file.state.lock().enumeration.as_ref().and_then(|enumeration| enumeration.cursor);
    let cursor = cursor.unwrap_or_default();
    if pending.open.tree.share.access_based_enumeration {
        return access_based::scan(pending, visitor, cursor);
    }
    let op = Op::List { file: file.file.clone(), cursor, visitor };
    pending.stage = Stage::List;
    Ok(Step::Op(op, super::Pending::QueryDirectory(Box::new(pending))))
}

fn advance(cx: &mut Context<'_>, mut pending: Pending, result: OpResult) -> StepResult {
    match std::mem::replace(&mut pending.stage, Stage::List) {
        Stage::Dots(pattern) => {
            let metadata = result.metadata()?;
            if pending.wanted.class == FileInformationClass::POSIX {
                let op = Op::Security { file: file_of(&pending.open)?.file.clone() };
                pending.stage = Stage::DotsSecurity(pattern, Box::new(metadata));
                return Ok(Step::Op(op, super::Pending::QueryDirectory(Box::new(pending))));
            }
            dots_known(cx, pending, pattern, &metadata, None)
        }
        Stage::DotsSecurity(pattern, metadata) => {
            let security = result.security()?;
            dots_known(cx, pending, pattern, &metadata, Some(&security))
        }
        Stage::Entry(pattern) => {
            let found = result.entry()?;
            let mut encoder = Encoder::new(cx, &pending, pattern)?;
            if pending.open.tree.share.access_based_enumeration
                && let Some(entry) = found
            {
                let entry = (entry.name, entry.metadata);
                return access_based::check(pending, encoder, entry, DirectoryCursor::default(), None);
            }
            let fits = found.is_none_or(|entry| encoder.visit(entry.name.as_wtf8(), &entry.metadata));
            complete(cx, &pending, *encoder, (!fits).then(DirectoryCursor::default))
        }
        Stage::AccessBased(stage) => access_based::advance(cx, pending, stage, result),
        Stage::List => {
            let OpResult::Listed { visitor, result } = result else {
                return Err(CommandError::Internal("the result is not of a listing"));
            };
            let encoder = visitor.into_any().downcast::<Encoder>();
            let encoder = encoder.map_err(|_| CommandError::Internal("not the visitor of this listing"))?;
            match result {
                Ok(cursor) => complete(cx, &pending, *encoder, cursor),
                Err(error) => {
                    encoder.give_back(cx);
                    Err(error.into())
                }
            }
        }
    }
}

/// Writes the dots, then lists.
fn dots_known(
    cx: &mut Context<'_>,
    pending: Pending,
    pattern: Pattern,
    metadata: &Metadata,
    security: Option<&Arc<SecurityDescriptor>>,
) -> StepResult {
    let names_dots = pattern.literal().is_some();
    let mut encoder = Encoder::new(cx, &pending, pattern)?;
    let all_given = give_dots(&pending, &mut encoder, metadata, security)?;
    if names_dots {
        complete(cx, &pending, *encoder, None)
    } else if all_given && encoder.has_room() {
        list(pending, encoder)
    } else {
        complete(cx, &pending, *encoder, Some(DirectoryCursor::default()))
    }
}

/// Writes the dots that are still to be given; false when the reply is full before that.
fn give_dots(
    pending: &Pending,
    encoder: &mut Encoder,
    metadata: &Metadata,
    security: Option<&Arc<SecurityDescriptor>>,
) -> Result<bool, CommandError> {
    let mut state = file_of(&pending.open)?.state.lock();
    let enumeration = state.enumeration.as_mut().ok_or(CommandError::Internal("no enumeration"))?;
    while let Some(dot) = DOTS.get(usize::from(enumeration.dots)) {
        // What the parent is, the volume was not asked: its id is the one that means none.
        let shown = Metadata { size_bytes: 0, allocated_bytes: 0, ..metadata.clone() };
        if !encoder.add(Wtf8::from(*dot), &shown, security, *dot == ".") {
            return Ok(false);
        }
        enumeration.dots = enumeration.dots.saturating_add(1);
    }
    Ok(true)
}

/// Answers with what was encoded; the enumeration goes on at `cursor`, or is at its end.
fn complete(
    cx: &mut Context<'_>,
    pending: &Pending,
    encoder: Encoder,
    cursor: Option<DirectoryCursor>,
) -> StepResult {
    let (count, too_large) = (encoder.count(), encoder.too_large());
    encoder.give_back(cx);
    let mut state = file_of(&pending.open)?.state.lock();
    let enumeration = state.enumeration.as_mut().ok_or(CommandError::Internal("no enumeration"))?;
    enumeration.cursor = cursor;
    let queried_before = std::mem::replace(&mut enumeration.any, true);
    match (count, too_large, queried_before) {
        (0, true, _) => Err(NtStatus::BUFFER_OVERFLOW.into()),
        (0, false, true) => Err(NtStatus::NO_MORE_FILES.into()),
        (0, false, false) => Err(NtStatus::NO_SUCH_FILE.into()),
        _ => Ok(Step::Reply(NtStatus::SUCCESS)),
    }
}
