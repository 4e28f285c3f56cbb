//! Copies within the server: [MS-SMB2] 3.3.5.15.5 (resume keys) and 3.3.5.15.6 (SRV_COPYCHUNK).
//!
//! ```text
//! decide --> Size --> copying: Batch | Read -> Write, until all chunks are done or one fails --> response
//! ```
//! Chunks that the volume can copy by itself go to it in one operation. One whose source and target overlap is read as
//! a whole and then written, as Windows does; so is everything between two volumes.

use std::sync::Arc;

use bytes::Bytes;
use freehold_acl::AccessMask;
use freehold_dtyp::{Decode, Encode, NtStatus};

use super::super::super::buffer::ReplyBuffer;
use super::super::super::context::{Context, StepResult, file_of};
use super::super::super::data_change;
use super::super::super::limits::{COPY_MAX_CHUNK_BYTES, COPY_MAX_CHUNKS, COPY_MAX_DATA_BYTES};
use super::super::super::op::{CopyRange, Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::{CommandError, vfs_status};
use super::super::super::under_way::Outstanding;
use super::{Call, Work, is_directory};
use crate::fscc::fsctl::{CopyChunkCopy, CopyChunkResponse, FsctlCode, ResumeKeyResponse};
use crate::smb2::FileId;
use crate::vfs::{Metadata, VfsError};

/// Offsets above are no file's.
const MAX_OFFSET: u64 = i64::MAX as u64;

/// A copy under way.
pub(super) struct Copy {
    /// The source, whose CLOSE comes behind the copy as that of the target does.
    source: Outstanding,
    ranges: Vec<CopyRange>,
    /// Chunks that are done.
    done: usize,
    /// Bytes written of the chunk that failed.
    partial_bytes: u64,
    total_bytes: u64,
    /// What ends it after the chunks of `ranges`.
    stop: Option<NtStatus>,
    /// The volume cannot copy between these files.
    by_hand: bool,
    /// The target's metadata from before, when something must be put back.
    before: Option<Box<Metadata>>,
    /// The number of the hold that the target's write time is for.
    hold: Option<u64>,
    stage: Stage,
}

enum Stage {
    /// The source's metadata is asked for.
    Size,
    /// The target's metadata is asked for.
    Target,
    /// The volume copies this many chunks.
    Batch(usize),
    /// A chunk is being read; its data starts at this place of the buffer.
    Read(usize),
    /// A chunk is being written.
    Write,
}

/// 3.3.5.15.5 Handling a Server-Side Data Copy Source File Key Request.
///
/// # Errors
/// INVALID_PARAMETER when the key does not fit.
pub(super) fn resume_key(cx: &mut Context<'_>, call: &Call) -> StepResult {
    let open = call.open()?;
    let file = file_of(&open)?;
    if call.max_output < ResumeKeyResponse::FIXED_SIZE {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    file.state.lock().resume_key_given = true;
    call.answer(cx, &ResumeKeyResponse { resume_key: key_of(&open), context_length: 0 })
}

/// A key names the open within its session.
fn key_of(open: &Open) -> [u8; 24] {
    let mut key = [0; 24];
    let numbers = [open.file_id.volatile, open.file_id.persistent, open.session().0];
    for (place, number) in key.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
        *place = number.to_le_bytes();
    }
    key
}

/// The open of this session that a key was given out for.
fn find_source(cx: &Context<'_>, key: [u8; 24]) -> Result<Arc<Open>, CommandError> {
    let ([volatile, persistent, _], []) = key.as_chunks::<8>() else {
        return Err(CommandError::Internal("24 bytes are three times 8"));
    };
    let id = FileId { persistent: u64::from_le_bytes(*persistent), volatile: u64::from_le_bytes(*volatile) };
    let open = cx.session()?.open(id).filter(|open| key_of(open) == key);
    let given = |open: &Arc<Open>| open.as_file().is_some_and(|file| file.state.lock().resume_key_given);
    Ok(open.filter(given).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?)
}

/// 3.3.5.15.6 Handling a Server-Side Data Copy Request.
///
/// # Errors
/// INVALID_PARAMETER, OBJECT_NAME_NOT_FOUND for an unknown key, ACCESS_DENIED.
pub(super) fn decide(cx: &mut Context<'_>, call: Call) -> StepResult {
    let target = call.open()?;
    let target_file = file_of(&target)?;
    if call.max_output < CopyChunkResponse::FIXED_SIZE {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let Some(Input { key, ranges }) = read_input(&call)? else {
        // 3.3.5.15.6.2 Sending an Invalid Parameter Server-Side Copy Response: the limits.
        let limits = CopyChunkResponse {
            chunks_written: COPY_MAX_CHUNKS,
            chunk_bytes_written: COPY_MAX_CHUNK_BYTES,
            total_bytes_written: COPY_MAX_DATA_BYTES,
        };
        return call.answer_bytes(cx, &limits.to_bytes(), NtStatus::INVALID_PARAMETER);
    };
    let source = find_source(cx, key)?;
    let source_file = file_of(&source)?;
    cx.audit.reads_from(&source);
    if is_directory(source_file) || is_directory(target_file) {
        return Err(NtStatus::INVALID_DEVICE_REQUEST.into());
    }
    // SRV_COPYCHUNK_WRITE is for who may write the target and not read it.
    let reads = call.code == FsctlCode::SRV_COPYCHUNK;
    if !target.granted.intersects(AccessMask::FILE_WRITE_DATA | AccessMask::FILE_APPEND_DATA)
        || (reads && !target.granted.contains(AccessMask::FILE_READ_DATA))
        || !source.granted.intersects(AccessMask::FILE_READ_DATA | AccessMask::FILE_EXECUTE)
    {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let file = source_file.file.clone();
    let copy = Copy {
        by_hand: source_file.node.key.volume != target_file.node.key.volume,
        source: Outstanding::enter(&source, None).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?,
        ranges,
        done: 0,
        partial_bytes: 0,
        total_bytes: 0,
        stop: None,
        before: None,
        hold: None,
        stage: Stage::Size,
    };
    call.run(Op::Metadata { file }, Work::Copy(copy))
}

/// What a request asks for.
struct Input {
    key: [u8; 24],
    ranges: Vec<CopyRange>,
}

/// Key and chunks; `None` when they are beyond the limits.
fn read_input(call: &Call) -> Result<Option<Input>, CommandError> {
    let count = call.input.get(24..).and_then(<[u8]>::first_chunk::<4>);
    if count.is_some_and(|count| u32::from_le_bytes(*count) > COPY_MAX_CHUNKS) {
        return Ok(None);
    }
    let request = CopyChunkCopy::from_bytes(&call.input)?;
    let mut ranges = Vec::with_capacity(request.count());
    let mut total = 0u64;
    for chunk in request.chunks() {
        total = total.saturating_add(u64::from(chunk.length));
        if chunk.length == 0 || chunk.length > COPY_MAX_CHUNK_BYTES || total > u64::from(COPY_MAX_DATA_BYTES)
        {
            return Ok(None);
        }
        let length_bytes = u64::from(chunk.length);
        for offset in [chunk.source_offset, chunk.target_offset] {
            if offset.checked_add(length_bytes).is_none_or(|end| end > MAX_OFFSET) {
                return Err(NtStatus::INVALID_PARAMETER.into());
            }
        }
        ranges.push(CopyRange {
            source_offset: chunk.source_offset,
            offset: chunk.target_offset,
            length_bytes,
        });
    }
    Ok(Some(Input { key: request.source_key, ranges }))
}

/// Goes on with what the volume answered.
///
/// # Errors
/// What cannot be told in a response.
pub(super) fn finish(cx: &mut Context<'_>, call: Call, mut copy: Copy, result: OpResult) -> StepResult {
    let target = call.open()?;
    let file = file_of(&target)?;
    match copy.stage {
        Stage::Size => {
            let size_bytes = result.metadata()?.size_bytes;
            copy.admit(cx, &target, file, size_bytes)?;
            if !copy.ranges.is_empty() {
                copy.hold = cx.server.held_times.begin(file, cx.now);
                if copy.hold.is_some() || data_change::care_of(file) != data_change::Care::None {
                    copy.stage = Stage::Target;
                    return call.run(Op::Metadata { file: file.file.clone() }, Work::Copy(copy));
                }
            }
        }
        Stage::Target => {
            let before = result.metadata()?;
            if let Some(number) = copy.hold {
                cx.server.held_times.learn(file, number, before.modified);
            }
            copy.before = Some(Box::new(before));
        }
        Stage::Batch(count) => copy.batch_done(count, result)?,
        Stage::Read(start) => {
            let OpResult::Read { buffer, result, .. } = result else {
                return Err(CommandError::Internal("the result is not of a read"));
            };
            if let Some(range) = copy.ranges.get(copy.done).copied() {
                let data = buffer.as_slice().get(start..).unwrap_or_default();
                match result {
                    Ok(_) if u64::try_from(data.len()).is_ok_and(|length| length == range.length_bytes) => {
                        copy.stage = Stage::Write;
                        let op = Op::Write {
                            file: file.file.clone(),
                            offset: range.offset,
                            data: Bytes::copy_from_slice(data),
                            durable: false,
                        };
                        return call.run(op, Work::Copy(copy));
                    }
                    // The source has become shorter meanwhile.
                    Ok(_) => copy.fail(NtStatus::INVALID_VIEW_SIZE, 0),
                    Err(error) => copy.fail(vfs_status(error), 0),
                }
            }
        }
        Stage::Write => match result.written() {
            Ok(_) => copy.chunk_done(),
            Err(error) => copy.fail(error.status(), 0),
        },
    }
    match copy.next(file)? {
        Some(op) => call.run(op, Work::Copy(copy)),
        None => copy.answer(cx, &call, &target, file),
    }
}

impl Copy {
    /// Cuts the list at the first chunk that does not lie in the source or meets a byte-range lock, and lets the change
    /// of the rest in.
    fn admit(
        &mut self,
        cx: &Context<'_>,
        target: &Open,
        file: &FileOpen,
        size_bytes: u64,
    ) -> Result<(), CommandError> {
        let source = self.source.open();
        let source_file = file_of(source)?;
        let mut kept = 0;
        for range in &self.ranges {
            if range.source_offset.saturating_add(range.length_bytes) > size_bytes {
                self.stop = Some(NtStatus::INVALID_VIEW_SIZE);
                break;
            }
            let read =
                data_change::check_locks(source, source_file, range.source_offset, range.length_bytes, false);
            let admitted = read.and_then(|()| {
                data_change::admit(cx, target, file, range.offset, range.length_bytes).map(drop)
            });
            if let Err(error) = admitted {
                self.stop = Some(error.status());
                break;
            }
            kept = usize::saturating_add(kept, 1);
        }
        self.ranges.truncate(kept);
        Ok(())
    }

    fn chunk_done(&mut self) {
        let length = self.ranges.get(self.done).map_or(0, |range| range.length_bytes);
        self.total_bytes = self.total_bytes.saturating_add(length);
        self.done = self.done.saturating_add(1);
    }

    fn fail(&mut self, status: NtStatus, partial_bytes: u64) {
        self.stop = Some(status);
        self.partial_bytes = partial_bytes;
        self.total_bytes = self.total_bytes.saturating_add(partial_bytes);
        self.ranges.truncate(self.done);
    }

    fn batch_done(&mut self, count: usize, result: OpResult) -> Result<(), CommandError> {
        let OpResult::Copied { ranges, partial_bytes, result, .. } = result else {
            return Err(CommandError::Internal("the result is not of a copy"));
        };
        let whole = usize::try_from(ranges).unwrap_or(usize::MAX).min(count);
        for _ in 0..whole {
            self.chunk_done();
        }
        match result {
            Err(VfsError::CrossDevice | VfsError::NotSupported) if partial_bytes == 0 => self.by_hand = true,
            Err(error) => self.fail(vfs_status(error), partial_bytes),
            // The source has become shorter meanwhile.
            Ok(()) if whole < count => self.fail(NtStatus::INVALID_VIEW_SIZE, partial_bytes),
            Ok(()) => {}
        }
        Ok(())
    }

    /// The next operation; `None` when there is none left.
    fn next(&mut self, file: &FileOpen) -> Result<Option<Op>, CommandError> {
        let source_file = file_of(self.source.open())?;
        let same = data_change::same_stream(source_file, file);
        let by_hand = |range: &CopyRange| {
            self.by_hand || (same && range.source_offset.abs_diff(range.offset) < range.length_bytes)
        };
        let rest = self.ranges.get(self.done..).unwrap_or_default();
        let Some(first) = rest.first() else { return Ok(None) };
        let source = source_file.file.clone();
        if by_hand(first) {
            let buffer = ReplyBuffer::new();
            let (offset, length) = (first.source_offset, first.length_bytes);
            self.stage = Stage::Read(buffer.len());
            return Ok(Some(Op::Read {
                file: source,
                offset,
                length_bytes: u32::try_from(length).unwrap_or(COPY_MAX_CHUNK_BYTES),
                buffer,
                may_splice: false,
            }));
        }
        let ranges: Vec<CopyRange> = rest.iter().take_while(|range| !by_hand(range)).copied().collect();
        self.stage = Stage::Batch(ranges.len());
        Ok(Some(Op::CopyRanges { source, file: file.file.clone(), ranges }))
    }

    /// 3.3.5.15.6.1 Sending a Copy Failure Server-Side Copy Response, and the response of a success.
    fn answer(self, cx: &mut Context<'_>, call: &Call, target: &Open, file: &FileOpen) -> StepResult {
        if self.total_bytes != 0 {
            if let Some(before) = &self.before {
                data_change::settle(cx, file, before);
            }
            data_change::mark_written(file);
            data_change::report_written(cx, target, file);
        }
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let response = CopyChunkResponse {
            chunks_written: u32::try_from(self.done).unwrap_or(u32::MAX),
            chunk_bytes_written: number(self.partial_bytes),
            total_bytes_written: number(self.total_bytes),
        };
        call.answer_bytes(cx, &response.to_bytes(), self.stop.unwrap_or(NtStatus::SUCCESS))
    }
}
