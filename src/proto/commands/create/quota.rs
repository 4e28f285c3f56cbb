//! CREATE of a volume's quota index, `$Extend\$Quota:$Q:$INDEX_ALLOCATION` in the root of a share ([MS-FSA] 2.1.5.1, phase 7:
//! ViewIndexStream; [MS-FSCC] 2.5.2). It is always there where usage is counted, is in no listing, has no data, and is for
//! administrators alone; what it is opened for is in `query_info/quota.rs` and `set_info/quota.rs`.

use std::sync::Arc;

use freehold_acl::{
    AccessMask, Ace, AceFlags, Acl, FileAccess, SecurityDescriptor, file_access_check, within_share,
};
use freehold_dtyp::{FileTime, NtStatus, Sid, Wtf8};
use parking_lot::Mutex;

use super::super::super::context::{Context, StepResult};
use super::super::super::op::Op;
use super::super::super::open::{Open, QuotaIndex, Target};
use super::super::super::status::CommandError;
use super::reply::{self, Answer};
use super::{Stage, Work, admit, close};
use crate::fsa::disposition::CreateAction;
use crate::fsa::{Granted, OplockLevel};
use crate::fscc::FileAttributes;
use crate::fscc::StreamType;
use crate::fscc::name::Stream;
use crate::smb2::FileId;
use crate::smb2::create_context::ResponseContext;
use crate::vfs::{DataUse, NodeId, Opened};

/// Where the index is, below the share's root.
const PATH: &[u8] = b"$Extend/$Quota";
/// Its two streams: by owner number, and by owner. Both lead to the same.
const STREAMS: [&[u8]; 2] = [b"$Q", b"$O"];

/// True when path and stream name the index.
pub(super) fn is_named(path: Wtf8<'_>, stream: &Stream) -> bool {
    stream.stream_type == StreamType::IndexAllocation
        && path.as_bytes().eq_ignore_ascii_case(PATH)
        && STREAMS.iter().any(|name| stream.name.as_bytes().eq_ignore_ascii_case(name))
}

/// Checks what is wanted of the index, then opens the share's root in its place: whoever asks for space through the index means
/// the share's.
///
/// # Errors
/// OBJECT_NAME_COLLISION, ACCESS_DENIED.
pub(super) fn decide(work: Work) -> StepResult {
    access(&work)?;
    let op = Op::Open {
        volume: work.volume.clone(),
        path: work.intent.path.clone(),
        stream: None,
        data_use: DataUse { case: work.intent.case(), ..DataUse::READ },
    };
    work.then(op, Stage::QuotaIndex)
}

/// Goes on when the share's root is open.
///
/// # Errors
/// Those of [`decide`]; USER_SESSION_DELETED, NETWORK_NAME_DELETED.
pub(super) fn found(cx: &mut Context<'_>, work: Work, found: Opened) -> StepResult {
    let granted = match access(&work) {
        Ok(granted) => granted,
        Err(error) => {
            close(cx, found.file);
            return Err(error);
        }
    };
    let session = Arc::clone(cx.session()?);
    let tree = Arc::clone(cx.tree()?);
    let id = cx.server.next_file_id();
    let file_id = FileId { persistent: id, volatile: id };
    let target = Target::QuotaIndex(QuotaIndex { root: found.file.clone(), scanned: Mutex::default() });
    let sequence = cx.request.header.channel_sequence();
    let open = Arc::new(Open::new(file_id, session.id, tree, granted, sequence, target));
    session.add_open(Arc::clone(&open));
    admit::check_session(cx, &session, &open)?;
    *cx.related_file = Some(file_id);
    let answer = answer(&work, found, file_id);
    reply::send(cx, answer)
}

/// What the open gets.
fn access(work: &Work) -> Result<AccessMask, CommandError> {
    let intent = &work.intent;
    if intent.disposition.on_existing()? != CreateAction::Opened {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let descriptor = descriptor()?;
    let granted = file_access_check(&FileAccess::new(&descriptor, &intent.token, intent.desired))?;
    Ok(within_share(granted, intent.share_allows, &mut ())?)
}

/// Administrators and the system may do everything, nobody else anything, as with the metadata of NTFS.
fn descriptor() -> Result<SecurityDescriptor, CommandError> {
    let allow = |sid| Ace::allow(sid, AccessMask::FILE_ALL_ACCESS, AceFlags::EMPTY);
    let dacl = Acl::from_aces([allow(Sid::ADMINISTRATORS), allow(Sid::SYSTEM)])
        .map_err(|_| CommandError::Internal("a list of two entries is too long"))?;
    Ok(SecurityDescriptor::new(Sid::ADMINISTRATORS, Sid::SYSTEM, dacl))
}

/// As Windows answers: a directory without times, sizes or a file id.
fn answer(work: &Work, found: Opened, file_id: FileId) -> Answer {
    let mut metadata = found.metadata;
    metadata.id = NodeId(0);
    for time in [&mut metadata.created, &mut metadata.accessed, &mut metadata.modified, &mut metadata.changed]
    {
        *time = FileTime::ZERO;
    }
    metadata.attributes =
        FileAttributes::HIDDEN | FileAttributes::SYSTEM | FileAttributes::DIRECTORY | FileAttributes::ARCHIVE;
    let intent = &work.intent;
    Answer {
        attributes: metadata.attributes,
        metadata,
        is_directory: true,
        action: CreateAction::Opened,
        file_id,
        caches: Granted::Oplock(OplockLevel::None),
        maximal_access: intent.maximal_access.map(|_| ResponseContext::MaximalAccess {
            query_status: NtStatus::SUCCESS,
            maximal_access: (AccessMask::FILE_ALL_ACCESS & intent.share_allows).0,
        }),
        on_disk_id: intent.on_disk_id.then(|| u64::from(work.volume.identity.serial)),
        durable: None,
        apple: intent.apple.clone(),
        posix: None,
    }
}
