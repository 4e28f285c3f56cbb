//! [MS-SMB2] 2.2.14 SMB2 CREATE Response with the contexts that were asked for (3.3.5.9.5 to 3.3.5.9.12).

use freehold_acl::maximal_file_access;
use freehold_dtyp::{FileTime, NtStatus};
use smallvec::SmallVec;

use super::super::super::caching::wire_level;
use super::super::super::context::{Context, StepResult};
use super::{Work, posix};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{Granted, LeaseGrant};
use crate::fscc::FileAttributes;
use crate::smb2::create::{self, CreateResponse, CreateResponseFlags};
use crate::smb2::create_context::{CreateContexts, Lease, LeaseFlags, LeaseV2, ResponseContext};
use crate::smb2::{FileId, LeaseKey, LeaseState, OplockLevel};
use crate::vfs::{Metadata, NodeKind, Opened};

/// What is answered of an open of a file or directory.
pub(super) struct Answer {
    /// Metadata of the file.
    pub metadata: Metadata,
    /// It is a directory itself, not a stream of one.
    pub is_directory: bool,
    /// CreateAction.
    pub action: CreateAction,
    /// The open.
    pub file_id: FileId,
    /// Oplock or lease.
    pub caches: Granted,
    /// MxAc, where it was asked for.
    pub maximal_access: Option<ResponseContext<'static>>,
    /// QFid, where it was asked for: the volume's serial number.
    pub on_disk_id: Option<u64>,
    /// DHnQ or DH2Q, where it was granted.
    pub durable: Option<ResponseContext<'static>>,
    /// AAPL, where it was asked for.
    pub apple: Option<Vec<u8>>,
    /// The context of the POSIX extensions, for an open of theirs.
    pub posix: Option<ResponseContext<'static>>,
    /// FileAttributes as they are shown.
    pub attributes: FileAttributes,
}

impl Answer {
    /// Of a new open.
    pub fn new(
        work: &Work,
        found: Opened,
        action: CreateAction,
        file_id: FileId,
        caches: Granted,
        durable: Option<ResponseContext<'static>>,
    ) -> Self {
        let maximal_access = work.intent.maximal_access.map(|time| maximal_access(work, &found, time));
        Answer {
            is_directory: found.metadata.kind == NodeKind::Directory && work.intent.stream.is_none(),
            action,
            file_id,
            caches,
            maximal_access,
            on_disk_id: work.intent.on_disk_id.then(|| u64::from(work.volume.identity.serial)),
            durable,
            apple: work.intent.apple.clone(),
            posix: work.intent.posix.is_some().then(|| posix::answer(&found)),
            attributes: shown(work, &found),
            metadata: found.metadata,
        }
    }
}

/// Answers a CREATE of a file or directory.
pub(super) fn send(cx: &mut Context<'_>, answer: Answer) -> StepResult {
    let metadata = &answer.metadata;
    let mut contexts: SmallVec<[ResponseContext<'_>; 4]> = SmallVec::new();
    contexts.extend(answer.apple.as_deref().map(ResponseContext::Apple));
    contexts.extend(answer.posix);
    contexts.extend(answer.maximal_access);
    contexts.extend(
        answer
            .on_disk_id
            .map(|volume_id| ResponseContext::OnDiskId { disk_file_id: metadata.id.0, volume_id }),
    );
    contexts.extend(answer.durable);
    let oplock_level = match answer.caches {
        Granted::Oplock(level) => wire_level(level),
        Granted::Lease(lease) => {
            contexts.push(ResponseContext::Lease(wire_lease(&lease)));
            OplockLevel::LEASE
        }
    };
    let mut flags = CreateResponseFlags::empty();
    if cx.link.dialect().is_3x() && metadata.attributes.contains(FileAttributes::REPARSE_POINT) {
        flags |= CreateResponseFlags::REPARSEPOINT;
    }
    let is_directory = answer.is_directory;
    cx.reply(&CreateResponse {
        oplock_level,
        flags,
        create_action: create::CreateAction(answer.action.to_wire()),
        creation_time: metadata.created,
        last_access_time: metadata.accessed,
        last_write_time: metadata.modified,
        change_time: metadata.changed,
        allocation_size: if is_directory { 0 } else { metadata.allocated_bytes },
        end_of_file: if is_directory { 0 } else { metadata.size_bytes },
        file_attributes: answer.attributes.normalized().bits(),
        file_id: answer.file_id,
        contexts: CreateContexts::from(contexts.as_slice()),
    })
}

/// Attributes with what the administrator has shown as hidden.
fn shown(work: &Work, found: &Opened) -> FileAttributes {
    let options = &work.volume.identity.options;
    if options.hidden_names.is_empty() {
        return found.metadata.attributes;
    }
    options.shown(found.metadata.attributes, found.path.components().last())
}

/// 3.3.5.9.5 Handling the SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST Create Context.
fn maximal_access(work: &Work, found: &Opened, time: Option<FileTime>) -> ResponseContext<'static> {
    let unchanged = time.is_some_and(|time| time != FileTime::ZERO && time == found.metadata.modified);
    if unchanged {
        return ResponseContext::MaximalAccess { query_status: NtStatus::NONE_MAPPED, maximal_access: 0 };
    }
    let intent = &work.intent;
    let maximal = maximal_file_access(&found.security, work.parent.as_deref(), &intent.token);
    ResponseContext::MaximalAccess {
        query_status: NtStatus::SUCCESS,
        maximal_access: (maximal & intent.share_allows).0,
    }
}

/// The answer has the form in which the lease was made.
fn wire_lease(lease: &LeaseGrant) -> Lease {
    let v2 = (lease.version > 1)
        .then(|| LeaseV2 { parent_key: LeaseKey(lease.parent.unwrap_or_default()), epoch: lease.epoch });
    let mut flags = LeaseFlags::empty();
    flags.set(LeaseFlags::BREAK_IN_PROGRESS, lease.breaking);
    flags.set(LeaseFlags::PARENT_LEASE_KEY_SET, v2.is_some() && lease.parent.is_some());
    Lease { key: LeaseKey(lease.id.key), state: LeaseState::from_bits_retain(lease.state.bits()), flags, v2 }
}
