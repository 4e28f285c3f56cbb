//! [MS-SMB2] 3.3.5.7 Receiving an SMB2 TREE_CONNECT Request.

mod variable;

use std::sync::Arc;

use freehold_acl::{AccessMask, GenericMapping};
use freehold_dtyp::NtStatus;

use super::super::admit::Disconnect;
use super::super::audit;
use super::super::context::{Context, StepResult};
use super::super::op::OpResult;
use super::super::tree_connect::{CachingMode, Share, ShareTarget, TreeConnect};
use crate::smb2::tree_connect::{
    ShareCapabilities, ShareFlags, ShareType, TreeConnectFlags, TreeConnectRequest, TreeConnectResponse,
};
use crate::smb2::{DecodeMessage, Dialect};

pub use variable::Pending;

/// Connects the session to a share. Any server name is accepted: the host may have aliases that nobody told it.
///
/// # Errors
/// BAD_NETWORK_NAME for no such share, or none of this user's, ACCESS_DENIED by its descriptor or for clear traffic to a sealed one,
/// REQUEST_NOT_ACCEPTED when it has all the users it may have.
pub fn decide(cx: &mut Context<'_>) -> StepResult {
    let request = TreeConnectRequest::decode(&cx.request.message)?;
    let session = cx.session()?.clone();
    let identity = session.identity.load_full();
    let protected = cx.request.signed || cx.request.sealed;
    if cx.link.dialect() == Dialect::SMB_3_1_1 && !(protected || identity.is_anonymous || identity.is_guest) {
        // 3.3.5.7: no downgrade goes unseen.
        *cx.disconnect = Some(Disconnect::TreeConnect);
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    let share = find_share(cx, &request)?;
    let disk = matches!(share.target, ShareTarget::Disk { .. });
    // 3.3.5.7: anonymous and guest sessions reach data only where the share's descriptor says so; the same check holds.
    let maximal = freehold_acl::maximum_access(&share.security, &identity.token, &GenericMapping::FILE);
    if share.varies.is_none() || maximal == AccessMask::EMPTY {
        // Who has a folder of their own is recorded with it, when it is there.
        audit::share_connected(cx, &share, maximal != AccessMask::EMPTY)?;
    }
    if maximal == AccessMask::EMPTY {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if share.encrypt && disk && cx.server.rejects_unencrypted() && !session.seals() {
        return Err(NtStatus::ACCESS_DENIED.into());
    }
    if session.tree_count() >= cx.server.config.limits.trees_per_session {
        return Err(NtStatus::INSUFFICIENT_RESOURCES.into());
    }
    match share.varies.clone() {
        Some(path) => variable::look_up(cx, &session, &identity, share, maximal, &path),
        None => connect(cx, &share, maximal),
    }
}

/// Goes on when the folder of a share that varies is there.
///
/// # Errors
/// BAD_NETWORK_NAME when there is none; those of [`decide`].
pub fn finish(cx: &mut Context<'_>, pending: Pending, result: OpResult) -> StepResult {
    variable::found(cx, pending, result)
}

/// Makes the tree connect.
fn connect(cx: &mut Context<'_>, share: &Arc<Share>, maximal: AccessMask) -> StepResult {
    let session = cx.session()?.clone();
    let disk = matches!(share.target, ShareTarget::Disk { .. });
    let id = session.next_tree_id();
    // 3.3.1.6 Share.IsDfs: the share is the root of a namespace now.
    let is_dfs = disk && cx.server.namespaces.load().namespace(&share.name).is_some();
    let tree = TreeConnect::new(id, share.clone(), maximal, is_dfs).ok_or(NtStatus::REQUEST_NOT_ACCEPTED)?;
    session.add_tree(tree);
    *cx.tree_id = id;
    let mut response = response(share, maximal, session.seals());
    response.share_flags.set(ShareFlags::DFS | ShareFlags::DFS_ROOT, is_dfs);
    response.capabilities.set(ShareCapabilities::DFS, is_dfs);
    // 3.3.5.7: handles of this share can be persistent.
    let persistent = cx.link.negotiated.as_ref().is_some_and(|negotiated| {
        negotiated.dialect.is_3x() && cx.server.persistent.get().is_some() && share.continuously_available
    });
    response.capabilities.set(ShareCapabilities::CONTINUOUS_AVAILABILITY, persistent && disk);
    cx.reply(&response)
}

/// The share that `\\server\share` names.
fn find_share(
    cx: &Context<'_>,
    request: &TreeConnectRequest<'_>,
) -> Result<Arc<Share>, super::super::status::CommandError> {
    // 2.2.9: the extension's contexts matter for cluster redirection only.
    let _ = request.flags.contains(TreeConnectFlags::EXTENSION_PRESENT);
    let path = request.path.to_wtf8();
    let path = path.as_wtf8().to_str().ok_or(NtStatus::BAD_NETWORK_NAME)?;
    let rest = path.strip_prefix("\\\\").ok_or(NtStatus::INVALID_PARAMETER)?;
    let (_, name) = rest.split_once('\\').ok_or(NtStatus::BAD_NETWORK_NAME)?;
    Ok(cx.server.shares.load().find(name).cloned().ok_or(NtStatus::BAD_NETWORK_NAME)?)
}

fn response(share: &Share, maximal: AccessMask, can_seal: bool) -> TreeConnectResponse {
    let disk = matches!(share.target, ShareTarget::Disk { .. });
    let mut flags = match share.caching {
        CachingMode::Manual => ShareFlags::empty(),
        CachingMode::Documents => ShareFlags::AUTO_CACHING,
        CachingMode::Programs => ShareFlags::VDO_CACHING,
        CachingMode::None => ShareFlags::NO_CACHING,
    };
    if !disk {
        flags = ShareFlags::NO_CACHING;
    }
    flags.set(ShareFlags::ENCRYPT_DATA, share.encrypt && can_seal);
    flags.set(ShareFlags::ACCESS_BASED_DIRECTORY_ENUM, share.access_based_enumeration);
    TreeConnectResponse {
        share_type: if disk { ShareType::DISK } else { ShareType::PIPE },
        share_flags: flags,
        capabilities: ShareCapabilities::empty(),
        maximal_access: maximal.0,
    }
}
