//! [MS-SMB2] 3.3.5.20.3 Handling SMB2_0_INFO_SECURITY, [MS-FSA] 2.1.5.14 Server Requests a Query of Security Information.

use std::sync::Arc;

use freehold_acl::{SecurityInformation, access_to_query, query};
use freehold_dtyp::{Encode, NtStatus};

use super::super::super::context::{Context, Step, StepResult};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::Open;
use super::super::super::status::CommandError;
use super::{limit_of, reply};
use crate::smb2::query_info::QueryInfoRequest;

/// A query under way.
pub struct Pending {
    information: SecurityInformation,
    limit_bytes: usize,
}

/// Checks access, then asks for the descriptor.
///
/// # Errors
/// ACCESS_DENIED; NOT_SUPPORTED for a pipe.
pub fn decide(open: &Arc<Open>, request: &QueryInfoRequest<'_>) -> StepResult {
    let file = open.as_file().ok_or(NtStatus::NOT_SUPPORTED)?;
    let information = SecurityInformation(request.additional_information);
    if !open.granted.contains(access_to_query(information)) {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let pending = Pending { information, limit_bytes: limit_of(request) };
    let op = Op::Security { file: file.file.clone() };
    Ok(Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::Security(pending)))))
}

/// Encodes the parts that are asked for.
///
/// # Errors
/// BUFFER_TOO_SMALL with the size that it takes.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    let descriptor = query(&*result.security()?, pending.information);
    let size = descriptor.size();
    if size > pending.limit_bytes {
        // 3.3.5.20.3: ErrorData is the length that would do, in four bytes.
        let needed = u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes();
        return Err(CommandError::StatusWithData(NtStatus::BUFFER_TOO_SMALL, needed.to_vec()));
    }
    reply(cx, pending.limit_bytes, |writer| descriptor.encode(writer))
}
