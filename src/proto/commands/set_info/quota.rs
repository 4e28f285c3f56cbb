//! [MS-SMB2] 3.3.5.21.4 Handling SMB2_0_INFO_QUOTA with [MS-FSA] 2.1.5.22 Server Requests Setting Quota Information, and
//! [MS-FSA] 2.1.5.16.6 FileFsControlInformation.
//!
//! All entries of a request are checked before the first is set: a request that is refused changes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_dtyp::{Decode, NtStatus, Sid};
use freehold_quotas::{Change, Policy};

use super::super::super::context::{Context, Step, StepResult};
use super::super::super::op::{Op, OpResult, QuotaRequest, VolumeRef};
use super::super::super::open::Open;
use super::super::super::quota::{check_may_change, limits, settings};
use super::super::super::status::CommandError;
use super::done;
use crate::fscc::ChainEntries;
use crate::fscc::fs_info::FsControlInformation;
use crate::fscc::quota::{NO_LIMIT, QuotaInformation, REMOVE_ENTRY};

/// A change under way.
pub struct Pending {
    volume: VolumeRef,
    stage: Stage,
}

enum Stage {
    /// Which entries there are is being asked for: some of them are to go.
    Policy(Vec<Change>),
    /// The change is being made.
    Change,
}

/// Reads the entries, then makes the changes; where entries are to go, asks first whether they are there.
///
/// # Errors
/// NOT_SUPPORTED, ACCESS_DENIED, INVALID_PARAMETER, QUOTA_LIST_INCONSISTENT.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, buffer: &[u8]) -> StepResult {
    let volume =
        open.volume().filter(|volume| volume.identity.quotas).ok_or(NtStatus::NOT_SUPPORTED)?.clone();
    check_may_change(&*cx.token()?, open)?;
    let session_id = cx.session()?.id.0;
    if buffer.is_empty() {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let mut changes = Vec::new();
    for entry in ChainEntries::<QuotaInformation>::new(buffer) {
        let entry = entry.map_err(|_| CommandError::Status(NtStatus::QUOTA_LIST_INCONSISTENT))?;
        changes.push(change(&entry)?);
    }
    tracing::info!(
        session_id,
        entries = changes.len(),
        "an administrator sets quota entries through a share"
    );
    let removes = changes.iter().any(|change| matches!(change, Change::Remove { .. }));
    if removes {
        let pending = Pending { volume, stage: Stage::Policy(changes) };
        Ok(pending.ask(QuotaRequest::Policy))
    } else {
        Ok(Pending { volume, stage: Stage::Change }.ask(QuotaRequest::Change(changes)))
    }
}

/// What an entry asks for.
fn change(entry: &QuotaInformation) -> Result<Change, NtStatus> {
    let owner = entry.sid;
    if owner == Sid::ADMINISTRATORS && entry.quota_limit != NO_LIMIT {
        return Err(NtStatus::ACCESS_DENIED);
    }
    if entry.quota_limit == REMOVE_ENTRY {
        return Ok(Change::Remove { owner });
    }
    Ok(Change::Entry { owner, limits: limits(entry.quota_threshold, entry.quota_limit)? })
}

/// FileFsControlInformation: mode, defaults, what is recorded.
///
/// # Errors
/// INFO_LENGTH_MISMATCH, VOLUME_NOT_UPGRADED, ACCESS_DENIED, INVALID_PARAMETER; INVALID_DEVICE_REQUEST for a pipe.
pub fn decide_control(cx: &mut Context<'_>, open: &Arc<Open>, buffer: &[u8]) -> StepResult {
    let volume = open.volume().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?.clone();
    let fixed = buffer.get(..FsControlInformation::FIXED_SIZE).ok_or(NtStatus::INFO_LENGTH_MISMATCH)?;
    if !volume.identity.quotas {
        return Err(NtStatus::VOLUME_NOT_UPGRADED.into());
    }
    check_may_change(&*cx.token()?, open)?;
    let session_id = cx.session()?.id.0;
    tracing::info!(session_id, "an administrator sets a volume's quota settings through a share");
    let wanted = settings(&FsControlInformation::from_bytes(fixed)?)?;
    Ok(Pending { volume, stage: Stage::Change }.ask(QuotaRequest::Change(vec![Change::Settings(wanted)])))
}

/// Goes on with the limits there are, or answers.
///
/// # Errors
/// NO_MATCH for an entry that is not there; what the volume refuses.
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    match pending.stage {
        Stage::Policy(changes) => {
            check_removals(&changes, &*result.quota_policy()?)?;
            Ok(Pending { stage: Stage::Change, ..pending }.ask(QuotaRequest::Change(changes)))
        }
        Stage::Change => {
            result.done()?;
            done(cx)
        }
    }
}

/// Every entry that is to go is there when its turn comes.
fn check_removals(changes: &[Change], policy: &Policy) -> Result<(), NtStatus> {
    let mut changed = HashMap::new();
    for change in changes {
        match change {
            Change::Entry { owner, .. } => {
                changed.insert(*owner, true);
            }
            Change::Remove { owner } => {
                let there = changed.insert(*owner, false).unwrap_or_else(|| policy.own.contains_key(owner));
                if !there {
                    return Err(NtStatus::NO_MATCH);
                }
            }
            Change::Settings(_) => {}
        }
    }
    Ok(())
}

impl Pending {
    fn ask(self, request: QuotaRequest) -> Step {
        let op = Op::Quota { volume: self.volume.clone(), request };
        Step::Op(op, super::super::Pending::SetInfo(Box::new(super::Pending::Quota(self))))
    }
}
