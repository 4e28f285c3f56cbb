//! Replies that are nothing but an output buffer (QUERY_DIRECTORY, QUERY_INFO, CHANGE_NOTIFY): [MS-SMB2] 2.2.34, 2.2.36,
//! 2.2.38. The information is written straight behind a reserved fixed part.

use freehold_dtyp::{NtStatus, Writer};

use super::super::context::{Context, Step, StepResult};
use crate::smb2::query_info::QueryInfoResponse;

/// Answers with what `fill` appends to the reply.
///
/// # Errors
/// Never; the form of a command's result.
pub(super) fn reply(cx: &mut Context<'_>, status: NtStatus, fill: impl FnOnce(&mut Vec<u8>)) -> StepResult {
    let body_start = reserve(cx);
    cx.out.write(|writer| {
        let mut bytes = std::mem::take(writer).into_bytes();
        fill(&mut bytes);
        *writer = Writer::from_vec(bytes);
    });
    finish(cx, body_start);
    Ok(Step::Reply(status))
}

/// Reserves the fixed part; returns where it starts.
pub(super) fn reserve(cx: &mut Context<'_>) -> usize {
    let body_start = cx.out.len();
    cx.out.extend(QueryInfoResponse::HEADER_SIZE).fill(0);
    body_start
}

/// Writes the fixed part for what stands behind it.
pub(super) fn finish(cx: &mut Context<'_>, body_start: usize) {
    let output_start = body_start.saturating_add(QueryInfoResponse::HEADER_SIZE);
    let length = cx.out.len().saturating_sub(output_start);
    let head = QueryInfoResponse::header_bytes(u32::try_from(length).unwrap_or(u32::MAX));
    if let Some(place) = cx.out.tail_mut(body_start).first_chunk_mut::<{ QueryInfoResponse::HEADER_SIZE }>() {
        *place = head;
    }
    if length == 0 {
        // StructureSize 9 counts a byte of Buffer.
        cx.out.append(&[0]);
    }
}
