//! [MS-FSA] 2.1.5.12 FileFullEaInformation.

use std::sync::Arc;

use freehold_dtyp::NtStatus;

use super::super::super::context::{Context, Step, StepResult, file_of};
use super::super::super::op::{Op, OpResult};
use super::super::super::open::{FileOpen, Open};
use super::super::super::status::CommandError;
use super::super::output_buffer;
use super::limit_of;
use crate::fscc::full_ea::{FullEa, GetEas};
use crate::fscc::{Append, ChainWriter};
use crate::smb2::query_info::{QueryInfoFlags, QueryInfoRequest};
use crate::vfs::ExtendedAttribute;

/// STATUS_NO_MORE_EAS
const NO_MORE_EAS: NtStatus = NtStatus(0x8000_0012);
/// STATUS_NONEXISTENT_EA_ENTRY
const NONEXISTENT_EA_ENTRY: NtStatus = NtStatus::NONEXISTENT_EA_ENTRY;

/// A query under way.
pub struct Pending {
    open: Arc<Open>,
    limit_bytes: usize,
    single: bool,
    select: Select,
}

/// Which attributes.
enum Select {
    /// All from this place on, counted from 0.
    From(usize),
    /// These, in this order.
    Names(Vec<Vec<u8>>),
}

/// Reads the names that are asked for, then asks for the attributes.
///
/// # Errors
/// INVALID_EA_NAME, EA_LIST_INCONSISTENT.
pub fn decide(open: &Arc<Open>, file: &FileOpen, request: &QueryInfoRequest<'_>) -> StepResult {
    let mut names = Vec::new();
    for name in GetEas::new(request.input_buffer) {
        let name = name.map_err(|error| CommandError::Status(error.status()))?;
        names.push(name.name.to_vec());
    }
    let select = if !names.is_empty() {
        Select::Names(names)
    } else if request.flags.contains(QueryInfoFlags::INDEX_SPECIFIED) {
        // The index counts from 1.
        let index = usize::try_from(request.additional_information).unwrap_or(usize::MAX);
        Select::From(index.checked_sub(1).ok_or(NONEXISTENT_EA_ENTRY)?)
    } else if request.flags.contains(QueryInfoFlags::RESTART_SCAN) {
        Select::From(0)
    } else {
        Select::From(file.state.lock().next_extended_attribute)
    };
    let pending = Pending {
        open: Arc::clone(open),
        limit_bytes: limit_of(request),
        single: request.flags.contains(QueryInfoFlags::RETURN_SINGLE_ENTRY),
        select,
    };
    let op = Op::ExtendedAttributes { file: file.file.clone() };
    let pending = super::Pending::ExtendedAttributes(pending);
    Ok(Step::Op(op, super::super::Pending::QueryInfo(Box::new(pending))))
}

/// Encodes the attributes that are asked for.
///
/// # Errors
/// NO_EAS_ON_FILE, NO_MORE_EAS, NONEXISTENT_EA_ENTRY, BUFFER_TOO_SMALL when not even one fits.
pub fn finish(cx: &mut Context<'_>, pending: &Pending, result: OpResult) -> StepResult {
    let found = result.extended_attributes()?;
    if found.is_empty() {
        return Err(NtStatus::NO_EAS_ON_FILE.into());
    }
    match &pending.select {
        Select::Names(names) => {
            let named: Vec<FullEa<'_>> = names.iter().map(|name| named(name, &found)).collect();
            encode(cx, pending, &named).map(|(_, step)| step)
        }
        Select::From(first) => {
            let rest = found.get(*first..).unwrap_or_default();
            if rest.is_empty() {
                return Err(if *first > found.len() { NONEXISTENT_EA_ENTRY } else { NO_MORE_EAS }.into());
            }
            let rest: Vec<FullEa<'_>> = rest.iter().map(full).collect();
            let (written, step) = encode(cx, pending, &rest)?;
            file_of(&pending.open)?.state.lock().next_extended_attribute = first.saturating_add(written);
            Ok(step)
        }
    }
}

fn full(attribute: &ExtendedAttribute) -> FullEa<'_> {
    FullEa { flags: attribute.flags, name: &attribute.name, value: &attribute.value }
}

/// The attribute of that name; one that is not there has no value.
fn named<'a>(name: &'a [u8], found: &'a [ExtendedAttribute]) -> FullEa<'a> {
    let same = found.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
    same.map_or(FullEa { flags: 0, name, value: &[] }, full)
}

/// Writes as many as fit; returns how many those are.
fn encode(
    cx: &mut Context<'_>,
    pending: &Pending,
    attributes: &[FullEa<'_>],
) -> Result<(usize, Step), CommandError> {
    let wanted = if pending.single { attributes.get(..1).unwrap_or_default() } else { attributes };
    let mut written = 0usize;
    output_buffer::reply(cx, NtStatus::SUCCESS, |output| {
        let mut chain = ChainWriter::new(output, pending.limit_bytes);
        written = wanted.iter().take_while(|entry| chain.append(*entry) == Append::Written).count();
    })?;
    match written {
        0 => Err(NtStatus::BUFFER_TOO_SMALL.into()),
        count if count < wanted.len() => Ok((count, Step::Reply(NtStatus::BUFFER_OVERFLOW))),
        count => Ok((count, Step::Reply(NtStatus::SUCCESS))),
    }
}
