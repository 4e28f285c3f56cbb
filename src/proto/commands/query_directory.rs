//! [MS-SMB2] 3.3.5.18 Receiving an SMB2 QUERY_DIRECTORY Request, [MS-FSA] 2.1.5.6.3 Directory Information Queries.
//!
//! Owns patterns, `.` and `..`, and where each open's enumeration stands. Entries are filtered and encoded straight into the
//! reply while the volume lists them. One request of an open lists at a time; others wait for it.

mod access_based;

use std::any::Any;
use std::sync::Arc;

use freehold_acl::AccessMask;
use freehold_dtyp::{NtStatus, Writer, Wtf8, Wtf8Buf};

use super::super::buffer::HEADROOM_BYTES;
use super::super::context::{Context, Step, StepResult, file_of};
use super::super::event::{Event, Wake};
use super::super::op::{ListVisitor, Op, OpResult};
use super::super::open::{Enumeration, FileOpen, Open};
use super::super::status::CommandError;
use super::output_buffer;
use crate::fscc::directory::ShortName;
use crate::fscc::{Append, DirectoryEntry, DirectoryWriter, FileInformationClass, Pattern};
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
    if DirectoryWriter::new(class, Vec::new(), 0).is_none() {
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
        state.parked.retain(|waiter| *waiter != cx.waiter);
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
    if let Some(enumeration) = state.enumeration.as_mut().filter(|enumeration| enumeration.running) {
        enumeration.waiting.push(cx.waiter);
        state.parked.push(cx.waiter);
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
    let pattern = Pattern::new(text.as_wtf8()).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
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

/// First operation: what the dots need, if they are wanted.
fn begin(cx: &mut Context<'_>, mut pending: Pending, pattern: Pattern, dots: u8) -> StepResult {
    let given = DOTS.iter().skip(usize::from(dots));
    if given.into_iter().any(|dot| pattern.matches(Wtf8::from(*dot))) {
        let op = Op::Metadata { file: file_of(&pending.open)?.file.clone() };
        pending.stage = Stage::Dots(pattern);
        return Ok(Step::Op(op, super::Pending::QueryDirectory(Box::new(pending))));
    }
    if pattern.literal().is_some() {
        return entry(pending, pattern);
    }
    let encoder = Encoder::new(cx, pending.wanted, pattern)?;
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
            let names_dots = pattern.literal().is_some();
            let mut encoder = Encoder::new(cx, pending.wanted, pattern)?;
            let all_given = give_dots(&pending, &mut encoder, &metadata)?;
            if names_dots {
                complete(cx, &pending, *encoder, None)
            } else if all_given && encoder.has_room() {
                list(pending, encoder)
            } else {
                complete(cx, &pending, *encoder, Some(DirectoryCursor::default()))
            }
        }
        Stage::Entry(pattern) => {
            let found = result.entry()?;
            let mut encoder = Encoder::new(cx, pending.wanted, pattern)?;
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

/// Writes the dots that are still to be given; false when the reply is full before that.
fn give_dots(pending: &Pending, encoder: &mut Encoder, metadata: &Metadata) -> Result<bool, CommandError> {
    let mut state = file_of(&pending.open)?.state.lock();
    let enumeration = state.enumeration.as_mut().ok_or(CommandError::Internal("no enumeration"))?;
    while let Some(dot) = DOTS.get(usize::from(enumeration.dots)) {
        // What the parent is, the volume was not asked: its id is the one that means none.
        let shown = Metadata { size_bytes: 0, allocated_bytes: 0, ..metadata.clone() };
        if !encoder.add(Wtf8::from(*dot), &shown, *dot == ".") {
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
    let (count, too_large) = (encoder.writer.count(), encoder.too_large);
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

/// Filters and encodes entries. It owns the reply's buffer meanwhile.
struct Encoder {
    writer: DirectoryWriter<Vec<u8>>,
    pattern: Pattern,
    single: bool,
    /// Not even the first entry fitted.
    too_large: bool,
    /// Where the reply's body starts in the writer's output; `None` when the output is a buffer of its own.
    body_start: Option<usize>,
}

impl Encoder {
    fn new(cx: &mut Context<'_>, wanted: Wanted, pattern: Pattern) -> Result<Box<Self>, CommandError> {
        // Replies before this one in the buffer may have to be sent while the listing runs: then it stays in place.
        let body_start = (cx.header_start == HEADROOM_BYTES).then(|| output_buffer::reserve(cx));
        let output = match body_start {
            Some(_) => cx.out.write(|writer| std::mem::take(writer).into_bytes()),
            None => Vec::new(),
        };
        let writer = DirectoryWriter::new(wanted.class, output, wanted.limit_bytes)
            .ok_or(CommandError::Internal("a class that lists no directory"))?;
        Ok(Box::new(Encoder { writer, pattern, single: wanted.single, too_large: false, body_start }))
    }

    /// Puts what was written into the reply.
    fn give_back(self, cx: &mut Context<'_>) {
        let output = self.writer.into_output();
        let body_start = match self.body_start {
            Some(body_start) => {
                cx.out.write(|writer| *writer = Writer::from_vec(output));
                body_start
            }
            None => {
                let body_start = output_buffer::reserve(cx);
                cx.out.append(&output);
                body_start
            }
        };
        output_buffer::finish(cx, body_start);
    }

    /// One more entry may be given.
    fn has_room(&self) -> bool {
        !self.single || self.writer.count() == 0
    }

    /// Takes an entry that matches; false when it must come first in the next reply.
    #[inline]
    fn add(&mut self, name: Wtf8<'_>, metadata: &Metadata, has_id: bool) -> bool {
        if !self.pattern.matches(name) {
            return true;
        }
        if !self.has_room() {
            return false;
        }
        let entry = DirectoryEntry {
            name,
            creation_time: metadata.created,
            last_access_time: metadata.accessed,
            last_write_time: metadata.modified,
            change_time: metadata.changed,
            end_of_file: metadata.size_bytes,
            allocation_size: metadata.allocated_bytes,
            file_attributes: metadata.attributes.normalized(),
            ea_size: metadata.ea_size_bytes,
            reparse_tag: metadata.reparse_tag,
            file_id: if has_id { metadata.id.0 } else { 0 },
            file_id_128: if has_id { metadata.id.to_128() } else { [0; 16] },
            short_name: ShortName::NONE,
            file_index: 0,
        };
        match self.writer.append(&entry) {
            Append::Written => true,
            Append::Full => false,
            Append::FirstTooLarge => {
                self.too_large = true;
                false
            }
        }
    }
}

impl ListVisitor for Encoder {
    fn visit(&mut self, name: Wtf8<'_>, metadata: &Metadata) -> bool {
        self.add(name, metadata, true)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
