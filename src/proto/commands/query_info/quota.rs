//! [MS-SMB2] 3.3.5.20.4 Handling SMB2_0_INFO_QUOTA, [MS-FSA] 2.1.5.21 Server Requests Querying Quota Information.
//!
//! Any handle of a volume will do, as with Windows. Administrators see every entry, others their own. What is answered is what
//! counts for an owner now, wherever it comes from: its own entry, a group's rule, the default. While quotas are off, only
//! entries are shown and no usage.

use std::sync::Arc;

use freehold_dtyp::{Decode, NtStatus, Sid};
use freehold_quotas::{Mode, OwnerRow, Policy, Source, Usage};

use super::super::super::context::{Context, Step, StepResult};
use super::super::super::op::{Op, OpResult, QuotaRequest, VolumeRef};
use super::super::super::open::Open;
use super::super::super::quota::{entry, is_entry};
use super::super::super::status::CommandError;
use super::super::output_buffer;
use super::limit_of;
use crate::fscc::quota::{GetQuotaInformation, QuotaInformation};
use crate::fscc::{Append, ChainEntries, ChainWriter};
use crate::smb2::query_info::{QueryInfoRequest, QueryQuotaInfo};

/// Bytes of the smallest entry: one whose SID has one sub-authority.
const SMALLEST_ENTRY_BYTES: usize = QuotaInformation::FIXED_SIZE + 12;
/// Most rows of one answer: a client asks again for more.
const MAX_ROWS: usize = 16_384;

/// A query under way.
pub struct Pending {
    open: Arc<Open>,
    volume: VolumeRef,
    limit_bytes: usize,
    single: bool,
    stage: Stage,
}

enum Stage {
    /// The limits are being asked for.
    Policy(Wanted),
    /// The rows of a list are.
    List,
    /// The row of who asks is.
    Own,
    /// The row of the owner at which to start is.
    Start(Sid),
    /// The rows from a place on are; those before them that go with them.
    Scan(Vec<OwnerRow>),
}

/// Whose entries are asked for.
enum Wanted {
    /// Of these owners, in this order, whether they have one or not.
    List(Vec<Sid>),
    /// All from this owner on, which must have one.
    From(Sid),
    /// All behind this owner, or from the first on.
    After(Option<Sid>),
    /// The one of this owner, should it have one: all that somebody who is no administrator sees.
    Own(Sid),
}

/// Checks in the order of the section, and who asks; then asks for the limits.
///
/// # Errors
/// NOT_SUPPORTED, INVALID_PARAMETER, BUFFER_TOO_SMALL, ACCESS_DENIED, NO_MORE_ENTRIES.
pub fn decide(cx: &mut Context<'_>, open: &Arc<Open>, request: &QueryInfoRequest<'_>) -> StepResult {
    let volume =
        open.volume().filter(|volume| volume.identity.quotas).ok_or(NtStatus::NOT_SUPPORTED)?.clone();
    let query = QueryQuotaInfo::decode(request.input_buffer)?;
    let limit_bytes = limit_of(request);
    let wanted = wanted(&query, limit_bytes, open)?;
    let token = cx.token()?;
    let wanted = if token.is_admin() { wanted } else { of_user(wanted, *token.user(), query.restart_scan)? };
    let pending = Pending {
        open: Arc::clone(open),
        volume,
        limit_bytes,
        single: query.return_single,
        stage: Stage::Policy(wanted),
    };
    Ok(pending.ask(QuotaRequest::Policy))
}

/// What an administrator is asked for.
fn wanted(query: &QueryQuotaInfo<'_>, limit_bytes: usize, open: &Open) -> Result<Wanted, CommandError> {
    if !query.sid_list.is_empty() {
        return list(query, limit_bytes).map(Wanted::List);
    }
    if limit_bytes < SMALLEST_ENTRY_BYTES {
        return Err(NtStatus::BUFFER_TOO_SMALL.into());
    }
    if !query.start_sid.is_empty() {
        return Ok(Wanted::From(Sid::from_bytes(query.start_sid)?));
    }
    Ok(Wanted::After(if query.restart_scan { None } else { open.quotas_scanned() }))
}

/// The list; of a long one as much as can be answered.
fn list(query: &QueryQuotaInfo<'_>, limit_bytes: usize) -> Result<Vec<Sid>, CommandError> {
    if !query.sid_list.len().is_multiple_of(4) {
        return Err(NtStatus::INVALID_PARAMETER.into());
    }
    let most = if query.return_single { 1 } else { rows_that_fit(limit_bytes) };
    let mut owners = Vec::new();
    for named in ChainEntries::<GetQuotaInformation>::new(query.sid_list) {
        let named = named?;
        if owners.len() < most {
            owners.push(named.sid);
        }
    }
    Ok(owners)
}

/// The same for somebody who is no administrator.
fn of_user(wanted: Wanted, user: Sid, restart: bool) -> Result<Wanted, CommandError> {
    match wanted {
        Wanted::List(owners) if owners.iter().all(|owner| *owner == user) => Ok(Wanted::List(owners)),
        Wanted::From(owner) if owner == user => Ok(Wanted::Own(user)),
        Wanted::After(None) => Ok(Wanted::Own(user)),
        Wanted::After(Some(_)) => {
            debug_assert!(!restart, "INVARIANT: who starts again is behind nobody");
            Err(NtStatus::NO_MORE_ENTRIES.into())
        }
        Wanted::List(_) | Wanted::From(_) | Wanted::Own(_) => Err(NtStatus::ACCESS_DENIED.into()),
    }
}

/// Rows to ask for: one also where it will not fit, so that there is something to say so of.
fn rows_that_fit(limit_bytes: usize) -> usize {
    limit_bytes.checked_div(SMALLEST_ENTRY_BYTES).unwrap_or(0).clamp(1, MAX_ROWS)
}

/// Goes on with limits or rows.
///
/// # Errors
/// INVALID_PARAMETER for a start that has no entry, NO_MORE_ENTRIES, BUFFER_TOO_SMALL when not even one entry fits; what the
/// volume refuses.
pub fn finish(cx: &mut Context<'_>, mut pending: Pending, result: OpResult) -> StepResult {
    match std::mem::replace(&mut pending.stage, Stage::List) {
        Stage::Policy(wanted) => {
            let policy = result.quota_policy()?;
            if policy.settings.mode == Mode::Off {
                off(cx, &pending, wanted, &policy)
            } else {
                Ok(pending.ask_for(wanted))
            }
        }
        Stage::List => answer_list(cx, &pending, &result.quota_owners()?),
        Stage::Start(owner) => {
            let mut first = result.quota_owners()?;
            first.retain(is_entry);
            if first.is_empty() {
                return Err(NtStatus::INVALID_PARAMETER.into());
            }
            if pending.single {
                return answer_scan(cx, &pending, &first);
            }
            Ok(pending.scan(Some(owner), first))
        }
        Stage::Own => {
            let mut rows = result.quota_owners()?;
            rows.retain(is_entry);
            answer_scan(cx, &pending, &rows)
        }
        Stage::Scan(mut rows) => {
            rows.extend(result.quota_owners()?);
            answer_scan(cx, &pending, &rows)
        }
    }
}

impl Pending {
    fn ask(self, request: QuotaRequest) -> Step {
        let op = Op::Quota { volume: self.volume.clone(), request };
        Step::Op(op, super::super::Pending::QueryInfo(Box::new(super::Pending::Quota(self))))
    }

    fn ask_for(mut self, wanted: Wanted) -> Step {
        match wanted {
            Wanted::List(owners) => {
                self.stage = Stage::List;
                self.ask(QuotaRequest::Of(owners))
            }
            Wanted::From(owner) => {
                self.stage = Stage::Start(owner);
                self.ask(QuotaRequest::Of(vec![owner]))
            }
            Wanted::Own(owner) => {
                self.stage = Stage::Own;
                self.ask(QuotaRequest::Of(vec![owner]))
            }
            Wanted::After(after) => self.scan(after, Vec::new()),
        }
    }

    /// Asks for the rows behind an owner, to follow those that are known.
    fn scan(mut self, after: Option<Sid>, known: Vec<OwnerRow>) -> Step {
        self.stage = Stage::Scan(known);
        let most = if self.single { 1 } else { rows_that_fit(self.limit_bytes) };
        self.ask(QuotaRequest::Owners { after, most })
    }
}

/// Answers while quotas are off: the entries there are, without usage.
fn off(cx: &mut Context<'_>, pending: &Pending, wanted: Wanted, policy: &Policy) -> StepResult {
    let row = |owner: Sid| {
        let (limits, source) = match policy.own.get(&owner) {
            Some(limits) => (*limits, Source::Own),
            None => (policy.settings.default, Source::Default),
        };
        OwnerRow { owner, usage: Usage::default(), limits, source }
    };
    match wanted {
        Wanted::List(owners) => {
            let rows: Vec<_> = owners.into_iter().map(row).collect();
            answer_list(cx, pending, &rows)
        }
        Wanted::From(owner) if !policy.own.contains_key(&owner) => Err(NtStatus::INVALID_PARAMETER.into()),
        _ => {
            let mut owners: Vec<_> = policy
                .own
                .keys()
                .filter(|owner| match wanted {
                    Wanted::From(first) => **owner >= first,
                    Wanted::After(last) => last.is_none_or(|last| **owner > last),
                    Wanted::Own(user) => **owner == user,
                    Wanted::List(_) => false,
                })
                .copied()
                .collect();
            owners.sort_unstable();
            let rows: Vec<_> = owners.into_iter().map(row).collect();
            answer_scan(cx, pending, &rows)
        }
    }
}

/// Answers with a row for each owner of the list that fits.
fn answer_list(cx: &mut Context<'_>, pending: &Pending, rows: &[OwnerRow]) -> StepResult {
    encode(cx, pending, rows).map(|(_, step)| step)
}

/// Answers with rows, and remembers where the next query goes on.
fn answer_scan(cx: &mut Context<'_>, pending: &Pending, rows: &[OwnerRow]) -> StepResult {
    let (last, step) = encode(cx, pending, rows)?;
    pending.open.set_quotas_scanned(last);
    Ok(step)
}

/// Writes as many as fit; returns the last one's owner.
fn encode(cx: &mut Context<'_>, pending: &Pending, rows: &[OwnerRow]) -> Result<(Sid, Step), CommandError> {
    if rows.is_empty() {
        return Err(NtStatus::NO_MORE_ENTRIES.into());
    }
    let rows = if pending.single { rows.get(..1).unwrap_or_default() } else { rows };
    let mut last = None;
    let step = output_buffer::reply(cx, NtStatus::SUCCESS, |output| {
        let mut chain = ChainWriter::new(output, pending.limit_bytes);
        last = rows.iter().take_while(|row| chain.append(&entry(row)) == Append::Written).last();
    })?;
    let last = last.ok_or(NtStatus::BUFFER_TOO_SMALL)?;
    Ok((last.owner, step))
}
